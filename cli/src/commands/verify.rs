//! `verify`: reads everything again.

use fluent_bundle::FluentValue;
use shouwang_node::command::verify::{Verify, VerifyReport};

use crate::context::Context;
use crate::error::Exit;
use crate::output::{Cell, Mark, Table};
use crate::progress::{Bar, Unit};
use crate::screen::Screen;

/// `verify`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Reads everything and names every fault.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    let mut bar = Bar::new(context, context.messages.text("verify-progress"), Unit::Steps);
    let report = context.node()?.call_for_long(Verify {}, |steps| bar.show(steps))?;
    drop(bar);
    let exit = if report.ok && report.faults.is_empty() { Exit::Done } else { Exit::AtRisk };
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    match output.is_table() {
        true => screen(&report, context).show(output)?,
        false => output.table(&table(&report, context))?,
    }
    Ok(exit)
}

/// What was read, and every fault.
pub(crate) fn screen(report: &VerifyReport, context: &Context) -> Screen {
    let messages = &context.messages;
    let mut screen = Screen::default();
    screen.line(messages.say(
        "verify-read",
        [
            ("logs", FluentValue::from(report.logs)),
            ("entries", report.entries.into()),
            ("signatures", report.signatures.into()),
            ("documents", report.documents.into()),
            ("elders", report.elders.into()),
        ],
    ));
    if report.ok && report.faults.is_empty() {
        screen.marked(Mark::Good, messages.text("verify-ok"));
        return screen;
    }
    screen.table(table(report, context));
    screen.gap();
    let count = FluentValue::from(report.faults.len());
    screen.marked(Mark::Bad, messages.say("verify-faults", [("count", count)]));
    screen
}

fn table(report: &VerifyReport, context: &Context) -> Table {
    let messages = &context.messages;
    let mut table = Table::new(messages, ["place", "fault", "detail"]);
    for fault in &report.faults {
        table.row([
            Cell::text(&fault.place),
            Cell::state(Mark::Bad, messages.word("fault", &fault.code)),
            Cell::text(&fault.detail),
        ]);
    }
    table
}
