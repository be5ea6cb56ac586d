//! `roster …`: who is owed care, in and out 有进有出.

use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::record::RosterStep;
use shouwang_crdt_schema::rules::roster::RosterStanding;
use shouwang_node::command::roster::{
    RosterChange, RosterEventReport, RosterHistory, RosterLine, RosterList, RosterWrite,
};

use crate::audit;
use crate::commands::elder::{place_names, say_saved, short};
use crate::context::Context;
use crate::error::Exit;
use crate::output::{Cell, Mark, Table};
use crate::{day, parse, words};

/// `roster …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Enter(ChangeArgs),
    Exit(ChangeArgs),
    Confirm(ConfirmArgs),
    List(ListArgs),
    History(HistoryArgs),
}

/// `roster enter`, `roster exit`
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    elder: String,
    #[arg(long)]
    reason: String,
    #[arg(long)]
    date: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `roster confirm`
#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmArgs {
    elder: String,
    #[arg(long)]
    date: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `roster list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[arg(long, value_name = "CODE")]
    scope: Option<String>,
    #[arg(long, value_name = "DATE")]
    on: Option<String>,
    #[arg(long)]
    all: bool,
}

/// `roster history`
#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    elder: String,
}

/// Runs a command about the roster.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Enter(args) => {
            let step = RosterChange::Entered(parse::choice("--reason", &args.reason)?);
            write(&args.elder, step, args.date.as_deref(), args.note.as_ref(), context)
        }
        Command::Exit(args) => {
            let step = RosterChange::Left(parse::choice("--reason", &args.reason)?);
            write(&args.elder, step, args.date.as_deref(), args.note.as_ref(), context)
        }
        Command::Confirm(args) => {
            let (date, note) = (args.date.as_deref(), args.note.as_ref());
            write(&args.elder, RosterChange::Confirmed, date, note, context)
        }
        Command::List(args) => list(args, context),
        Command::History(args) => history(args, context),
    }
}

fn write(
    elder: &str,
    step: RosterChange,
    date: Option<&str>,
    note: Option<&String>,
    context: &Context,
) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let date = day::of(&mut node, context, "--date", date)?;
    let elder = elder.trim().to_owned();
    let saved = node.call(RosterWrite { elder, step, date, note: note.cloned() })?;
    let text = |id: String| context.messages.say("event-saved", [("id", FluentValue::from(id))]);
    say_saved(&saved, text, context)
}

fn list(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let on = day::of(&mut node, context, "--on", args.on.as_deref())?;
    let scope = args.scope.as_deref().map(|text| parse::place(&mut node, "--scope", text));
    let scope = scope.transpose()?;
    let report = node.call(RosterList { scope, on, all: args.all })?;
    audit::note(&mut node, "list", scope, report.elders.len(), context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    let names = place_names(&mut node)?;
    let mut table =
        Table::new(messages, ["elder", "elder_name", "village", "state", "since", "reason"]);
    let whole = context.verbose || !output.is_table();
    for line in &report.elders {
        let (state, since, reason) = standing(line, context);
        let place = names.get(&line.scope).cloned().unwrap_or_else(|| line.scope.to_string());
        table.row([
            Cell::text(short(&line.elder_id.to_string(), whole)),
            Cell::optional(line.name.as_ref()),
            Cell::text(place),
            state,
            Cell::optional(since),
            Cell::optional(reason),
        ]);
    }
    output.table(&table)?;
    if output.is_table() {
        let count = FluentValue::from(report.rostered);
        let on = report.on.to_string().into();
        output.note(&messages.say("roster-count", [("count", count), ("date", on)]));
    }
    Ok(Exit::Done)
}

fn standing(
    line: &RosterLine,
    context: &Context,
) -> (Cell, Option<chrono::NaiveDate>, Option<String>) {
    let messages = &context.messages;
    let word = |member: &str| messages.word("roster-standing", member);
    let confirmed = |member: &str, confirmed: bool| match confirmed {
        true => format!("{} ({})", word(member), word("confirmed")),
        false => word(member),
    };
    match line.standing {
        RosterStanding::On { since, reason, confirmed: by } => {
            let reason = reason.map(|reason| words::label(messages, reason));
            (Cell::text(confirmed("on", by)), since, reason)
        }
        RosterStanding::Off { since, reason, confirmed: by } => {
            let reason = reason.map(|reason| words::label(messages, reason));
            (Cell::text(confirmed("off", by)), since, reason)
        }
        RosterStanding::Undetermined => {
            (Cell::state(Mark::Attention, word("undetermined")), None, None)
        }
    }
}

fn history(args: &HistoryArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let report = node.call(RosterHistory { elder: args.elder.trim().to_owned() })?;
    audit::note(&mut node, "show", None, 1, context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if report.events.is_empty() && output.is_table() {
        output.note(&messages.text("roster-no-events"));
        return Ok(Exit::Done);
    }
    let mut table = Table::new(messages, ["date", "step", "reason", "remark", "part", "device"]);
    for report in &report.events {
        let RosterEventReport { event, .. } = report;
        let reason = match event.step {
            RosterStep::Entered => event.entry_reason.map(|reason| words::label(messages, reason)),
            RosterStep::Left => event.exit_reason.map(|reason| words::label(messages, reason)),
            RosterStep::Confirmed => None,
        };
        let step = words::label(messages, event.step);
        table.row([
            Cell::text(event.date),
            match report.retracted {
                true => Cell::state(
                    Mark::Attention,
                    format!("{step} ({})", messages.word("element-key", "retracted")),
                ),
                false => Cell::text(step),
            },
            Cell::optional(reason),
            Cell::optional(event.note.as_ref()),
            Cell::text(words::part_name(messages, &report.part)),
            Cell::optional(report.recorded_by.map(|device| device.short())),
        ]);
    }
    output.table(&table)?;
    Ok(Exit::Done)
}
