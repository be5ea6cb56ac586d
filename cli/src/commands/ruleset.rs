//! `ruleset show`, `ruleset set`: the rules that a county sets for all its places.

use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::record::{Choice, EligibilityRule};
use shouwang_crdt_schema::rules::ruleset::Setting;
use shouwang_node::command::ruleset::{
    IneffectiveReason, IntervalReport, OccasionReport, RulesetReport, RulesetSet, RulesetShow,
    SettingReport,
};

use crate::context::Context;
use crate::error::Exit;
use crate::message::Messages;
use crate::output::{Cell, Mark, Table};
use crate::screen::Screen;
use crate::words::label;

/// The setting of which a place may have its own.
const SYNC_INTERVAL: &str = "sync_interval_days";

/// `ruleset …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Show(ShowArgs),
    Set(SetArgs),
}

/// `ruleset show`
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {}

/// `ruleset set`
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    key: String,
    value: String,
}

/// Runs a command about rules.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Show(_) => show(context),
        Command::Set(args) => set(args, context),
    }
}

fn show(context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let report = context.node()?.call(RulesetShow {})?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    screen(&report, context).show(output)?;
    if output.is_table() {
        let scope = FluentValue::from(report.scope.to_string());
        output.note(&match report.may_set {
            true => messages.text("ruleset-may-set"),
            false => messages.say("ruleset-set-by", [("scope", scope)]),
        });
    }
    Ok(Exit::Done)
}

/// The rules that hold here, and what stands beside them.
pub(crate) fn screen(report: &RulesetReport, context: &Context) -> Screen {
    let messages = &context.messages;
    let mut screen = Screen::default();
    let mut table = Table::new(messages, ["setting", "key", "value", "default"]);
    for setting in &report.settings {
        let changed = setting.value != setting.default;
        table.row([
            Cell::text(setting_name(messages, &setting.key)),
            Cell::text(&setting.key),
            Cell::text(setting_value(messages, &setting.key, &setting.value)),
            Cell::optional(
                changed.then(|| setting_value(messages, &setting.key, &setting.default)),
            ),
        ]);
    }
    for occasion in &report.occasions {
        table.row([
            Cell::text(label(messages, occasion.kind)),
            Cell::text(&occasion.key),
            Cell::text(occasion_value(occasion)),
            Cell::optional(None::<&str>),
        ]);
    }
    for interval in &report.intervals {
        table.row([
            Cell::text(setting_name(messages, SYNC_INTERVAL)),
            Cell::text(&interval.key),
            Cell::text(interval.days),
            Cell::optional(None::<&str>),
        ]);
    }
    screen.table(table);
    let conflicts = report.settings.iter().map(SettingConflict::of_setting);
    let conflicts = conflicts.chain(report.occasions.iter().map(SettingConflict::of_occasion));
    let conflicts = conflicts.chain(report.intervals.iter().map(SettingConflict::of_interval));
    for SettingConflict { key, others } in conflicts.filter(|conflict| !conflict.others.is_empty())
    {
        let others = others.join(&messages.text("list-separator"));
        let values = [("key", key.into()), ("others", others.into())];
        screen.marked(Mark::Attention, messages.say("ruleset-conflict", values));
    }
    for rule in &report.ineffective {
        let values =
            [("key", FluentValue::from(rule.key.as_str())), ("value", rule.value.as_str().into())];
        let text = match rule.reason {
            IneffectiveReason::Unfit => messages.say("ruleset-unfit", values),
            IneffectiveReason::Unknown => messages.say("ruleset-unknown", values),
        };
        screen.marked(Mark::Attention, text);
    }
    screen
}

fn set(args: &SetArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let request = RulesetSet { key: args.key.clone(), value: args.value.clone() };
    let changed = context.node()?.call(request)?;
    if output.is_json() {
        output.json(&changed)?;
        return Ok(Exit::Done);
    }
    let key = FluentValue::from(changed.key.as_str());
    let done = match (&changed.value, changed.entries) {
        (_, 0) => messages.say("ruleset-unchanged", [("key", key)]),
        (Some(value), _) => {
            let value = setting_value(messages, &changed.key, value);
            messages.say("ruleset-changed", [("key", key), ("value", value.into())])
        }
        (None, _) => messages.say("ruleset-occasion-removed", [("key", key)]),
    };
    output.line(&output.marked_text(Mark::Good, &done))?;
    Ok(Exit::Done)
}

/// What was written at the same time under one key and does not hold.
struct SettingConflict<'a> {
    key: &'a str,
    others: &'a [String],
}

impl<'a> SettingConflict<'a> {
    fn of_setting(setting: &'a SettingReport) -> Self {
        Self { key: &setting.key, others: &setting.conflict }
    }

    fn of_occasion(occasion: &'a OccasionReport) -> Self {
        Self { key: &occasion.key, others: &occasion.conflict }
    }

    fn of_interval(interval: &'a IntervalReport) -> Self {
        Self { key: &interval.key, others: &interval.conflict }
    }
}

/// What a setting is about.
/// What a setting is called.
pub(crate) fn setting_name(messages: &Messages, key: &str) -> String {
    match Setting::from_key(key) {
        Some(Setting::AcknowledgeHours(kind)) => {
            let kind = FluentValue::from(label(messages, kind));
            messages.say("setting-acknowledge-hours", [("kind", kind)])
        }
        _ => messages.word("setting", key),
    }
}

fn setting_value(messages: &Messages, key: &str, value: &str) -> String {
    match (Setting::from_key(key), EligibilityRule::from_stored(value)) {
        (Some(Setting::Eligibility), Some(rule)) => label(messages, rule),
        _ => value.to_owned(),
    }
}

fn occasion_value(occasion: &OccasionReport) -> String {
    let mut text = format!("{} – {}", occasion.from, occasion.to);
    if let Some(area) = occasion.area {
        text.push_str(&format!(" {area}"));
    }
    if occasion.visits != 1 {
        text.push_str(&format!(" ×{}", occasion.visits));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;

    #[test]
    fn every_setting_has_a_name_in_both_languages() {
        for language in Language::ALL {
            let messages = Messages::new(language);
            for setting in Setting::all() {
                let name = setting_name(&messages, &setting.key());
                assert_ne!(name, setting.key(), "{language:?}");
                assert!(!name.contains('['), "{language:?}: {name}");
            }
        }
    }
}
