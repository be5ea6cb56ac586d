//! `device retire --check`: whether this device is safe to wipe.

use fluent_bundle::FluentValue;
use shouwang_node::command::custody::{RetireCheck, RetireReport};

use crate::commands::custody;
use crate::context::{Context, now_ms};
use crate::error::Exit;
use crate::moment;
use crate::output::{Cell, Mark, Table};

/// Says whether this device is safe to wipe. Exit 4 if it is not.
pub(crate) fn run(context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let report = node.call(RetireCheck {})?;
    let exit = if report.safe { Exit::Done } else { Exit::AtRisk };
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    if !report.scopes.is_empty() || !output.is_table() {
        output.table(&table(&report, context))?;
    }
    if output.is_table() {
        let line = match report.safe {
            true => output.marked_text(Mark::Good, &messages.text("retire-safe")),
            false => output.marked_text(Mark::Bad, &messages.text("retire-not-safe")),
        };
        output.line(&line)?;
        if !report.safe {
            let hint = match report.not_held_elsewhere.nobody_confirms {
                true => messages.text("custody-nobody"),
                false => messages.text("retire-hint"),
            };
            output.line(&format!("  → {hint}"))?;
        }
    }
    Ok(exit)
}

fn table(report: &RetireReport, context: &Context) -> Table {
    let messages = &context.messages;
    let mut table = Table::new(messages, ["code", "not_held", "oldest", "waiting", "held_by"]);
    for scope in &report.scopes {
        let oldest = scope.oldest_written_at_ms;
        let held: Vec<String> = scope
            .held
            .iter()
            .map(|held| {
                let level = custody::level(held.level, messages);
                let holder = format!("{} ({level})", held.device_name);
                let count = FluentValue::from(held.all_but);
                let rest = messages.say("held-all-but", [("count", count)]);
                messages.say("labelled", [("label", holder.into()), ("value", rest.into())])
            })
            .collect();
        table.row([
            Cell::text(scope.code),
            Cell::number(scope.entries),
            Cell::optional(oldest.map(|at| moment::ago(messages, at, now_ms(), context.verbose))),
            Cell::number(scope.pending),
            Cell::text(held.join(&messages.text("phrase-separator"))),
        ]);
    }
    table
}
