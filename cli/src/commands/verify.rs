//! `verify`: reads everything again.

use fluent_bundle::FluentValue;
use shouwang_node::command::verify::Verify;

use crate::context::Context;
use crate::error::Exit;
use crate::output::{Cell, Mark, Table};

/// `verify`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Reads everything and names every fault.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let report = context.node()?.call(Verify {})?;
    let exit = if report.ok && report.faults.is_empty() { Exit::Done } else { Exit::AtRisk };
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    let read = messages.say(
        "verify-read",
        [
            ("logs", FluentValue::from(report.logs)),
            ("entries", report.entries.into()),
            ("signatures", report.signatures.into()),
            ("documents", report.documents.into()),
            ("elders", report.elders.into()),
        ],
    );
    if output.is_table() {
        output.line(&read)?;
    }
    let mut table = Table::new(messages, ["place", "fault", "detail"]);
    for fault in &report.faults {
        table.row([
            Cell::text(&fault.place),
            Cell::state(Mark::Bad, messages.word("fault", &fault.code)),
            Cell::text(&fault.detail),
        ]);
    }
    if !output.is_table() {
        output.table(&table)?;
    } else if exit == Exit::Done {
        output.line(&output.marked_text(Mark::Good, &messages.text("verify-ok")))?;
    } else {
        output.table(&table)?;
        let count = report.faults.len();
        let faulty = messages.say("verify-faults", [("count", FluentValue::from(count))]);
        output.line(&output.marked_text(Mark::Bad, &faulty))?;
    }
    Ok(exit)
}
