//! `log`: what was refused or does not count, and who looked at elders.

use fluent_bundle::FluentValue;
use shouwang_node::command::audit::{AuditList, AuditReport, AuditRow};
use shouwang_node::command::refused::{NamedDevice, Refused, RefusedReport, RefusedRow};

use crate::context::Context;
use crate::error::Exit;
use crate::moment;
use crate::output::{Cell, Mark, Table};
use crate::screen::Screen;

/// `log`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, required_unless_present = "audit", conflicts_with = "audit")]
    refused: bool,
    #[arg(long, requires = "refused")]
    all: bool,
    #[arg(long)]
    audit: bool,
}

/// Lists what was asked for.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    match args.audit {
        true => audit(context),
        false => refused(args.all, context),
    }
}

fn refused(all: bool, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let report = context.node()?.call(Refused { all })?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if report.refused.is_empty() && output.is_table() {
        output.note(&messages.text("nothing-refused"));
        return Ok(Exit::Done);
    }
    match output.is_table() {
        true => refused_screen(&report, context).show(output)?,
        false => output.table(&refused_table(&report, context))?,
    }
    Ok(Exit::Done)
}

/// What was refused, and how much of it there is.
pub(crate) fn refused_screen(report: &RefusedReport, context: &Context) -> Screen {
    let mut screen = Screen::default();
    screen.table(refused_table(report, context));
    let count = FluentValue::from(report.refused.len());
    screen.gap();
    screen.line(context.messages.say("refused-count", [("count", count)]));
    screen
}

fn refused_table(report: &RefusedReport, context: &Context) -> Table {
    let messages = &context.messages;
    let mut table = Table::new(messages, ["at", "place", "author", "code", "reason"]);
    for row in &report.refused {
        table.row([
            at(row.at_ms, context),
            Cell::text(place(row, context)),
            Cell::optional(row.author.as_ref().map(named)),
            Cell::state(Mark::Attention, &row.code),
            Cell::text(meaning(row, context)),
        ]);
    }
    table
}

/// What a code means and what to do: the words for all of it, or for its kind alone.
fn meaning(row: &RefusedRow, context: &Context) -> String {
    let messages = &context.messages;
    let whole = row.code.replace(':', "-");
    let kind = row.code.split(':').next().unwrap_or_default();
    let words = messages.known_word("refused", &whole);
    let words = words.or_else(|| messages.known_word("refused", kind));
    words.unwrap_or_else(|| messages.text("refused-by-a-later-version"))
}

/// The log and the number, or the peer that sent it.
fn place(row: &RefusedRow, context: &Context) -> String {
    match (&row.log, &row.peer) {
        (Some(log), _) => {
            let lane = context.messages.word("lane", &format!("{:?}", log.lane));
            let number = row.seq.map(|seq| format!(" #{seq}")).unwrap_or_default();
            format!("{} {lane}{number}", log.scope)
        }
        (None, Some(peer)) => named(peer),
        (None, None) => String::new(),
    }
}

fn named(device: &NamedDevice) -> String {
    match &device.name {
        Some(name) => format!("{name} {}", device.device.short()),
        None => device.device.short(),
    }
}

fn audit(context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let report = context.node()?.call(AuditList {})?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if report.audit.is_empty() && output.is_table() {
        output.note(&messages.text("nothing-audited"));
        return Ok(Exit::Done);
    }
    match output.is_table() {
        true => audit_screen(&report, context).show(output)?,
        false => output.table(&audit_table(&report, context))?,
    }
    Ok(Exit::Done)
}

/// Who looked at elders, and what is no longer known of it.
pub(crate) fn audit_screen(report: &AuditReport, context: &Context) -> Screen {
    let mut screen = Screen::default();
    screen.table(audit_table(report, context));
    if report.gone > 0 {
        let count = FluentValue::from(report.gone);
        screen.gap();
        screen.line(context.messages.say("audit-gone", [("count", count)]));
    }
    screen
}

fn audit_table(report: &AuditReport, context: &Context) -> Table {
    let messages = &context.messages;
    let mut table = Table::new(messages, ["at", "user", "action", "area", "elders", "personal"]);
    for AuditRow { at_ms, what, area, elders, personal, who } in &report.audit {
        let personal = if *personal { "Yes" } else { "No" };
        table.row([
            at(*at_ms, context),
            Cell::text(who),
            Cell::text(messages.word("audit-what", what)),
            Cell::text(area),
            Cell::number(*elders),
            Cell::text(messages.word("choice-YesNo", personal)),
        ]);
    }
    table
}

fn at(at_ms: i64, context: &Context) -> Cell {
    let whole = context.verbose || !context.output.is_table();
    Cell::text(moment::ago(&context.messages, at_ms, context.now_ms, whole))
}
