//! `elder history`: everything that was done to a file.

use std::collections::BTreeMap;

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::element::List;
use shouwang_node::command::history::{Effect, ElderHistory, ElderHistoryReport, HistoryChange};
use shouwang_node::home::Node;

use crate::commands::conflicts::author;
use crate::commands::elder::{conflict_name, conflict_value, short};
use crate::commands::peers;
use crate::context::Context;
use crate::error::Exit;
use crate::message::Messages;
use crate::output::{Cell, Mark, Table};
use crate::{audit, words};

/// `elder history`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    elder: String,
}

/// Shows every change of a file, what builds on something after it.
pub(crate) fn run(args: &Args, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let report = node.call(ElderHistory { elder: args.elder.trim().to_owned() })?;
    audit::note(node, "show", Some(report.scope), 1, context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    output.table(&table(&report, context))?;
    if let Some(other) = report.merged_into {
        let id = FluentValue::from(short(&other.to_string(), context.verbose));
        output.marked_note(Mark::Attention, &messages.say("merged-into", [("id", id)]));
    }
    Ok(Exit::Done)
}

/// Every change, what builds on something after it.
pub(crate) fn table(report: &ElderHistoryReport, context: &Context) -> Table {
    let columns = ["elder", "author", "part", "field", "action", "detail", "state"];
    let mut table = Table::new(&context.messages, columns);
    for change in &report.changes {
        if change.effects.is_empty() {
            row(&mut table, change, None, context);
        }
        for effect in &change.effects {
            row(&mut table, change, Some(effect), context);
        }
    }
    table
}

fn row(table: &mut Table, change: &HistoryChange, effect: Option<&Effect>, context: &Context) {
    let messages = &context.messages;
    let whole = context.verbose || !context.output.is_table();
    let state = match &change.standing {
        Some(why) => Cell::state(Mark::Attention, peers::coded(context, "unsettled", why)),
        None if !change.carried_by.is_empty() => Cell::text(messages.text("vouched-for")),
        None => Cell::default(),
    };
    table.row([
        Cell::text(short(&change.elder_id.to_string(), whole)),
        Cell::text(author(&change.author, context)),
        Cell::text(words::part_name(messages, &change.part)),
        Cell::text(effect.map(|one| conflict_name(messages, &one.field)).unwrap_or_default()),
        Cell::text(match effect {
            Some(effect) => messages.word("history-what", effect.what.as_str()),
            None => messages.text("not-readable"),
        }),
        Cell::text(effect.map(|one| detail(messages, one)).unwrap_or_default()),
        state,
    ]);
}

fn detail(messages: &Messages, effect: &Effect) -> String {
    let value = |stored: &String| conflict_value(messages, &effect.field, stored);
    if effect.old.is_empty() && effect.new.is_none() {
        return says(messages, &effect.field, &effect.says);
    }
    let old: Vec<String> = effect.old.iter().map(value).collect();
    let old = match old.is_empty() {
        true => messages.text("nothing-said"),
        false => old.join(&messages.text("list-separator")),
    };
    let new = effect.new.as_ref().map_or_else(|| messages.text("nothing-said"), value);
    format!("{old} → {new}")
}

/// What an element says, in the reader's language.
pub(crate) fn says(messages: &Messages, field: &str, texts: &BTreeMap<String, String>) -> String {
    let list = field.split('/').next().unwrap_or_default();
    let mut pairs: Vec<(&String, &String)> = texts.iter().collect();
    pairs.sort_by_key(|(key, _)| words::element_key_order(key));
    let texts: Vec<String> = pairs
        .into_iter()
        .map(|(key, stored)| {
            let value = match key.as_str() {
                "value" if List::from_key(field).is_none() => {
                    conflict_value(messages, field, stored)
                }
                key => words::element_value(messages, list, key, stored),
            };
            match messages.known_word("element-key", key) {
                Some(label) => {
                    let values = [("label", FluentValue::from(label)), ("value", value.into())];
                    messages.say("labelled", values)
                }
                None => value,
            }
        })
        .collect();
    texts.join(&messages.text("list-separator"))
}
