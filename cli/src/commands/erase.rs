//! `elder erase`: one signature hides a file, a second one removes it.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fluent_bundle::FluentValue;
use shouwang_node::command::erase::{
    ElderErase, ErasureList, ErasureReport, ErasureSigner, ListedErasure,
};
use shouwang_node::erasure::ErasureReason;
use shouwang_node::home::Node;

use crate::commands::elder::{place_names, short};
use crate::commands::peers;
use crate::context::{self, Context};
use crate::error::{Exit, Failure};
use crate::moment;
use crate::output::{Cell, Mark, Table};

/// `elder erase`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(required_unless_present = "list")]
    elder: Option<String>,
    #[arg(long, value_enum, required_unless_present = "list")]
    reason: Option<ReasonName>,
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    #[arg(long)]
    yes: bool,
    #[arg(long, conflicts_with_all = ["elder", "reason", "root_key", "yes"])]
    list: bool,
}

/// Why a file is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReasonName {
    RightToErasure,
    Retention,
    Mistake,
}

impl From<ReasonName> for ErasureReason {
    fn from(name: ReasonName) -> Self {
        match name {
            ReasonName::RightToErasure => Self::RightToErasure,
            ReasonName::Retention => Self::Retention,
            ReasonName::Mistake => Self::Mistake,
        }
    }
}

/// Signs, or says what signing would do, or lists what was signed.
pub(crate) fn run(args: &Args, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (Some(elder), Some(reason)) = (&args.elder, args.reason) else {
        return list(node, context);
    };
    let root = args.root_key.as_deref().map(root_key).transpose()?;
    let request = ElderErase {
        elder: elder.trim().to_owned(),
        reason: reason.into(),
        root,
        dry_run: !args.yes,
    };
    let report = node.call(request)?;
    let exit = if args.yes { Exit::Done } else { Exit::Attention };
    match context.output.is_json() {
        true => context.output.json(&report)?,
        false => say(&report, context)?,
    }
    Ok(exit)
}

/// The root's secret as `init` wrote it.
fn root_key(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    Ok(text.trim().to_owned())
}

fn say(report: &ErasureReport, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    let id = short(&report.elder_id.to_string(), context.verbose);
    let values = |id: String| {
        [("id", FluentValue::from(id)), ("entries", FluentValue::from(report.entries_covered))]
    };
    let what = match (report.dry_run, report.signatures) {
        (true, 0 | 1) => messages.say("erase-would-hide", values(id)),
        (true, _) => messages.say("erase-would-remove", values(id)),
        (false, 0 | 1) => messages.say("erase-hidden", values(id)),
        (false, _) => messages.say("erase-removed", values(id)),
    };
    let mark = if report.dry_run { Mark::Attention } else { Mark::Good };
    output.line(&output.marked_text(mark, &what))?;
    if report.late > 0 {
        let late = FluentValue::from(report.late);
        let text = messages.say("erase-late", [("count", late)]);
        output.line(&output.marked_text(Mark::Attention, &text))?;
    }
    output.note(&messages.text("erase-limits"));
    if report.dry_run {
        output.note(&messages.text("erase-add-yes"));
    }
    Ok(())
}

fn list(node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let report = node.call(ErasureList {})?;
    let open = |one: &ListedErasure| one.signatures < 2 || one.late > 0;
    let exit = match report.erasures.iter().any(open) {
        true => Exit::Attention,
        false => Exit::Done,
    };
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    if report.erasures.is_empty() && output.is_table() {
        output.note(&messages.text("no-erasures"));
        return Ok(exit);
    }
    let names = place_names(node)?;
    let mut table =
        Table::new(messages, ["elder", "village", "state", "entries", "late", "signed_by"]);
    for one in &report.erasures {
        let place = names.get(&one.scope).cloned().unwrap_or_else(|| one.scope.to_string());
        let signed: Vec<String> = one.signed.iter().map(|by| signer(by, context)).collect();
        table.row([
            Cell::text(short(&one.elder_id.to_string(), context.verbose || !output.is_table())),
            Cell::text(place),
            match one.signatures {
                0 => Cell::text(messages.text("erasure-void")),
                1 => Cell::state(Mark::Attention, messages.text("erasure-waits")),
                _ => Cell::text(messages.text("erasure-complete")),
            },
            Cell::number(one.entries_covered),
            match one.late {
                0 => Cell::number(0),
                late => Cell::state(Mark::Attention, late).right(),
            },
            Cell::text(signed.join(&messages.text("list-separator"))),
        ]);
    }
    output.table(&table)?;
    if output.is_table() {
        output.note(&messages.text("erasure-list-next"));
    }
    Ok(exit)
}

/// Who signed, why and when; and why it does not count.
fn signer(by: &ErasureSigner, context: &Context) -> String {
    let messages = &context.messages;
    let name = by.device_name.clone().unwrap_or_else(|| by.device.short());
    let age = moment::ago(messages, by.written_at_ms, context::now_ms(), context.verbose);
    let reason = messages.word("erasure-reason", by.reason.as_str());
    let text = messages.say(
        "erasure-signed",
        [("name", FluentValue::from(name)), ("reason", reason.into()), ("age", age.into())],
    );
    match &by.standing {
        None => text,
        Some(why) => format!("{text} · {}", peers::coded(context, "unsettled", why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Language, Messages};

    #[test]
    fn every_reason_can_be_typed_and_has_words() {
        assert_eq!(ReasonName::value_variants().len(), ErasureReason::ALL.len());
        for name in ReasonName::value_variants() {
            let typed = name.to_possible_value().unwrap();
            let reason = ErasureReason::from(*name).as_str();
            assert_eq!(typed.get_name().replace('-', "_"), reason);
            for language in Language::ALL {
                let messages = Messages::new(language);
                assert!(messages.known_word("erasure-reason", reason).is_some(), "{reason}");
            }
        }
    }
}
