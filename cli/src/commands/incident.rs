//! `incident …`: special situations 特殊情况.

use chrono::{NaiveDateTime, NaiveTime};
use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::record::{IncidentKind, IncidentStep};
use shouwang_crdt_schema::rules::escalation::IncidentState;
use shouwang_crdt_schema::rules::facts::end_of;
use shouwang_node::command::incident::{
    IncidentAct, IncidentList, IncidentRaise, IncidentReport, IncidentSaved, IncidentShow,
    IncidentSummary, Which,
};
use shouwang_node::home::Node;

use crate::audit;
use crate::commands::elder::{place_names, say_flags, short};
use crate::context::{Context, civil_time, now_ms};
use crate::error::Exit;
use crate::output::{Cell, Mark, Table};
use crate::{day, parse, words};

/// `incident …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Raise(RaiseArgs),
    Ack(StepArgs),
    Note(NoteArgs),
    Close(NoteArgs),
    List(ListArgs),
    Show(ShowArgs),
}

/// `incident raise`
#[derive(Debug, clap::Args)]
pub(crate) struct RaiseArgs {
    elder: String,
    #[arg(long)]
    kind: String,
    #[arg(long)]
    date: Option<String>,
    #[arg(long)]
    time: Option<String>,
    #[arg(long, value_name = "TEXT")]
    place: Option<String>,
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `incident ack`
#[derive(Debug, clap::Args)]
pub(crate) struct StepArgs {
    incident: String,
    #[arg(long)]
    date: Option<String>,
    #[arg(long)]
    time: Option<String>,
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `incident note`, `incident close`
#[derive(Debug, clap::Args)]
pub(crate) struct NoteArgs {
    incident: String,
    #[arg(long, value_name = "TEXT")]
    note: String,
    #[arg(long)]
    kind: Option<String>,
    #[arg(long)]
    date: Option<String>,
    #[arg(long)]
    time: Option<String>,
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// `incident list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    elder: Option<String>,
    #[arg(long, conflicts_with_all = ["overdue", "all"])]
    open: bool,
    #[arg(long, conflicts_with = "all")]
    overdue: bool,
    #[arg(long)]
    all: bool,
}

/// `incident show`
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    incident: String,
}

/// When a step is said to have happened, as typed.
struct When<'a> {
    date: Option<&'a str>,
    time: Option<&'a str>,
}

/// Runs a command about incidents.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    match command {
        Command::Raise(args) => {
            let kind = parse::choice::<IncidentKind>("--kind", &args.kind)?;
            let when = When { date: args.date.as_deref(), time: args.time.as_deref() };
            let report = IncidentReport {
                place: args.place.clone(),
                ..report(&mut node, context, &when, args.by.as_ref(), args.note.as_ref())?
            };
            let elder = args.elder.trim().to_owned();
            let saved = node.call(IncidentRaise { elder, kind, report })?;
            say(&saved, "raised", context)
        }
        Command::Ack(args) => {
            let when = When { date: args.date.as_deref(), time: args.time.as_deref() };
            let report = report(&mut node, context, &when, args.by.as_ref(), args.note.as_ref())?;
            let step = IncidentStep::Acknowledged;
            let saved = node.call(IncidentAct {
                incident: args.incident.clone(),
                step,
                kind: None,
                report,
            })?;
            say(&saved, "acknowledged", context)
        }
        Command::Note(args) => noted(args, IncidentStep::Noted, "noted", &mut node, context),
        Command::Close(args) => noted(args, IncidentStep::Closed, "closed", &mut node, context),
        Command::List(args) => list(args, &mut node, context),
        Command::Show(args) => show(args, &mut node, context),
    }
}

fn noted(
    args: &NoteArgs,
    step: IncidentStep,
    said: &str,
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<Exit> {
    let kind = args.kind.as_deref().map(|text| parse::choice("--kind", text)).transpose()?;
    let when = When { date: args.date.as_deref(), time: args.time.as_deref() };
    let report = report(node, context, &when, args.by.as_ref(), Some(&args.note))?;
    let saved = node.call(IncidentAct { incident: args.incident.clone(), step, kind, report })?;
    say(&saved, said, context)
}

/// What is typed beside the step. Without a date it is now, to the minute; a typed date without a
/// time counts from its beginning.
fn report(
    node: &mut Node,
    context: &Context,
    when: &When<'_>,
    by: Option<&String>,
    note: Option<&String>,
) -> anyhow::Result<IncidentReport> {
    let date = day::of(node, context, "--date", when.date)?;
    let time = when.time.map(|text| parse::time("--time", text)).transpose()?;
    let now = now_to_the_minute(context).filter(|_| when.date.is_none());
    Ok(IncidentReport {
        date,
        time: time.or(now),
        place: None,
        by: by.cloned(),
        note: note.cloned(),
    })
}

/// The time of day by this machine's clock; None where a person typed the day.
pub(crate) fn now_to_the_minute(context: &Context) -> Option<NaiveTime> {
    use chrono::Timelike;
    let time = civil_time(now_ms()).filter(|_| !context.as_of_typed)?.time();
    NaiveTime::from_hms_opt(time.hour(), time.minute(), 0)
}

/// The moment for what is due: the end of the day that a person typed, or now as the node knows it.
pub(crate) fn moment(context: &Context) -> Option<NaiveDateTime> {
    context.as_of_typed.then(|| end_of(context.as_of))
}

fn say(saved: &IncidentSaved, said: &str, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if output.is_json() {
        output.json(saved)?;
        return Ok(Exit::Done);
    }
    let id = short(&saved.incident_id.to_string(), context.verbose);
    let said = messages.word("incident-said", said);
    let text =
        messages.say("incident-saved", [("id", FluentValue::from(id)), ("said", said.into())]);
    output.line(&output.marked_text(Mark::Good, &text))?;
    say_flags(&saved.flags, context);
    Ok(Exit::Done)
}

fn list(args: &ListArgs, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let which = match (args.overdue, args.all) {
        (true, _) => Which::Overdue,
        (_, true) => Which::All,
        _ => Which::Open,
    };
    let elder = args.elder.as_ref().map(|text| text.trim().to_owned());
    let report = node.call(IncidentList { which, elder, as_of: moment(context) })?;
    audit::note(node, "list", None, report.incidents.len(), context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if report.incidents.is_empty() && output.is_table() {
        output.note(&messages.text("no-incidents"));
        return Ok(Exit::Done);
    }
    output.table(&table(&report.incidents, node, context)?)?;
    Ok(Exit::Done)
}

/// Incidents, one a line.
fn table(
    incidents: &[IncidentSummary],
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<Table> {
    let (messages, names) = (&context.messages, place_names(node)?);
    let whole = context.verbose || !context.output.is_table();
    let mut table = Table::new(
        messages,
        ["incident", "kind", "elder_name", "elder", "village", "raised", "due", "state"],
    );
    for incident in incidents {
        let standing = &incident.standing;
        let place =
            names.get(&incident.scope).cloned().unwrap_or_else(|| incident.scope.to_string());
        let word = |member: &str| messages.word("incident-state", member);
        table.row([
            Cell::text(short(&incident.incident_id.to_string(), whole)),
            Cell::optional(standing.kind.map(|kind| words::label(messages, kind))),
            Cell::optional(incident.name.as_ref()),
            Cell::text(short(&incident.elder_id.to_string(), whole)),
            Cell::text(place),
            Cell::text(standing.raised_at.format("%Y-%m-%d %H:%M")),
            Cell::text(standing.due_at.format("%Y-%m-%d %H:%M")),
            match standing.state {
                IncidentState::Open if incident.overdue => Cell::state(Mark::Bad, word("overdue")),
                IncidentState::Open => Cell::state(Mark::Attention, word("open")),
                IncidentState::Acknowledged => Cell::text(word("acknowledged")),
                IncidentState::Closed => Cell::state(Mark::Good, word("closed")),
            },
        ]);
    }
    Ok(table)
}

fn show(args: &ShowArgs, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let request = IncidentShow { incident: args.incident.clone(), as_of: moment(context) };
    let report = node.call(request)?;
    audit::note(node, "show", Some(report.summary.scope), 1, context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if output.is_table() {
        output.table(&table(std::slice::from_ref(&report.summary), node, context)?)?;
        output.line("")?;
    }
    let mut steps =
        Table::new(messages, ["date", "step", "kind", "place", "by", "remark", "device"]);
    for step in &report.steps {
        let event = &step.event;
        let date = match event.time {
            Some(time) => format!("{} {}", event.date, time.format("%H:%M")),
            None => event.date.to_string(),
        };
        let device = step.recorded_by.map(|device| device.short());
        steps.row([
            Cell::text(date),
            Cell::text(words::label(messages, event.step)),
            Cell::optional(event.kind.map(|kind| words::label(messages, kind))),
            Cell::optional(event.place.as_ref()),
            Cell::optional(event.by.as_ref()),
            Cell::optional(event.note.as_ref()),
            Cell::optional(step.device_name.clone().or(device)),
        ]);
    }
    output.table(&steps)?;
    Ok(Exit::Done)
}
