//! `visit …`: visits 探访.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::visit::{AreaReport, Visit};
use shouwang_node::command::elder::{VisitAdd, VisitList, VisitReport};

use crate::audit;
use crate::commands::elder::{say_saved, short};
use crate::context::Context;
use crate::day;
use crate::error::{Exit, Failure};
use crate::output::{Cell, Table};
use crate::parse;
use crate::words::{self, Labelled};

/// `visit …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(Box<AddArgs>),
    List(ListArgs),
}

/// `visit add`
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    elder: String,
    #[arg(long)]
    date: Option<String>,
    #[arg(long)]
    time: Option<String>,
    #[arg(long, default_value = "home")]
    mode: String,
    #[arg(long, default_value = "completed")]
    outcome: String,
    #[arg(long, default_value = "routine")]
    occasion: String,
    #[arg(long, value_name = "FINDING[:ITEMS]")]
    health: Option<String>,
    #[arg(long, value_name = "FINDING[:ITEMS]")]
    economic: Option<String>,
    #[arg(long, value_name = "FINDING[:ITEMS]")]
    family: Option<String>,
    #[arg(long, value_name = "FINDING[:ITEMS]")]
    safety: Option<String>,
    #[arg(long)]
    needs: Option<String>,
    #[arg(long)]
    actions: Option<String>,
    #[arg(long, value_name = "NAME")]
    visitor: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `visit list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    elder: Option<String>,
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
}

/// Runs a command about visits.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Add(args) => add(args, context),
        Command::List(args) => list(args, context),
    }
}

fn add(args: &AddArgs, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let date = day::of(&mut node, context, "--date", args.date.as_deref())?;
    let visit = args.visit(date)?;
    let elder = args.elder.trim().to_owned();
    let saved = node.call(VisitAdd { elder, visit })?;
    let text = |id: String| context.messages.say("visit-added", [("id", FluentValue::from(id))]);
    say_saved(&saved, text, context)
}

impl AddArgs {
    fn visit(&self, date: NaiveDate) -> Result<Visit, Failure> {
        if let Some(note) = &self.note {
            let length = note.chars().count();
            if length > Visit::NOTE_CHARACTERS_MAX {
                return Err(Failure::usage("value_too_long")
                    .with("field", "--note")
                    .with("length", length)
                    .with("limit", Visit::NOTE_CHARACTERS_MAX));
            }
        }
        Ok(Visit {
            time: self.time.as_deref().map(|text| parse::time("--time", text)).transpose()?,
            visitor: self.visitor.clone(),
            mode: parse::choice("--mode", &self.mode)?,
            occasion: parse::choice("--occasion", &self.occasion)?,
            outcome: parse::choice("--outcome", &self.outcome)?,
            health: area("--health", self.health.as_deref())?,
            economic: area("--economic", self.economic.as_deref())?,
            family: area("--family", self.family.as_deref())?,
            safety: area("--safety", self.safety.as_deref())?,
            needs: parse::choices("--needs", self.needs.as_deref().unwrap_or_default())?,
            actions: parse::choices("--actions", self.actions.as_deref().unwrap_or_default())?,
            note: self.note.clone(),
            ..Visit::on(date)
        })
    }
}

fn area<I: Labelled>(argument: &str, text: Option<&str>) -> Result<Option<AreaReport<I>>, Failure> {
    text.map(|text| parse::area_report(argument, text)).transpose()
}

fn list(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let from = args.from.as_ref().map(|text| parse::date("--from", text)).transpose()?;
    let to = args.to.as_ref().map(|text| parse::date("--to", text)).transpose()?;
    let elder = args.elder.as_ref().map(|text| text.trim().to_owned());
    let mut node = context.node()?;
    let report = node.call(VisitList { elder, from, to })?;
    let elders: BTreeSet<_> = report.visits.iter().map(|visit| visit.elder_id).collect();
    audit::note(&mut node, "visits", None, elders.len(), context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if report.visits.is_empty() && output.is_table() {
        output.note(&messages.text("no-visits"));
        return Ok(Exit::Done);
    }
    output.table(&table(&report.visits, true, context))?;
    if output.is_table() {
        let count = report.visits.len();
        output.note(&messages.say("visit-count", [("count", FluentValue::from(count))]));
    }
    Ok(Exit::Done)
}

/// A table of visits; `with_elder` where they are of several elders.
pub(crate) fn table(visits: &[VisitReport], with_elder: bool, context: &Context) -> Table {
    let messages = &context.messages;
    let mut table = match with_elder {
        true => Table::new(
            messages,
            ["date", "elder", "mode", "outcome", "occasion", "findings", "visitor", "device"],
        ),
        false => Table::new(
            messages,
            ["date", "mode", "outcome", "occasion", "findings", "visitor", "device"],
        ),
    };
    for report in visits {
        let visit = &report.visit;
        let date = match visit.time {
            Some(time) => format!("{} {}", visit.date, time.format("%H:%M")),
            None => visit.date.to_string(),
        };
        let whole = context.verbose || !context.output.is_table();
        let elder = Cell::text(short(&report.elder_id.to_string(), whole));
        let (mode, outcome, occasion) = (
            Cell::text(words::label(messages, visit.mode)),
            Cell::text(words::label(messages, visit.outcome)),
            Cell::text(words::label(messages, visit.occasion)),
        );
        let (findings, visitor, device) = (
            Cell::text(findings(visit, context)),
            Cell::optional(visit.visitor.as_ref()),
            Cell::optional(report.recorded_by.map(|device| device.short())),
        );
        let date = Cell::text(date);
        match with_elder {
            true => table.row([date, elder, mode, outcome, occasion, findings, visitor, device]),
            false => table.row([date, mode, outcome, occasion, findings, visitor, device]),
        }
    }
    table
}

/// What a visitor found, in one line.
fn findings(visit: &Visit, context: &Context) -> String {
    let messages = &context.messages;
    let labelled = |key: &str, value: String| {
        let label = messages.word("visit-area", key);
        messages.say("labelled", [("label", FluentValue::from(label)), ("value", value.into())])
    };
    let mut texts = Vec::new();
    texts.extend(visit.health.as_ref().map(|area| labelled("health", found(area, context))));
    texts.extend(visit.economic.as_ref().map(|area| labelled("economic", found(area, context))));
    texts.extend(visit.family.as_ref().map(|area| labelled("family", found(area, context))));
    texts.extend(visit.safety.as_ref().map(|area| labelled("safety", found(area, context))));
    if !visit.needs.is_empty() {
        texts.push(labelled("needs", words::labels(messages, &visit.needs)));
    }
    if !visit.actions.is_empty() {
        texts.push(labelled("actions", words::labels(messages, &visit.actions)));
    }
    texts.extend(visit.note.as_ref().map(|note| labelled("note", note.clone())));
    texts.join(&messages.text("phrase-separator"))
}

fn found<I: Labelled>(area: &AreaReport<I>, context: &Context) -> String {
    let finding = words::label(&context.messages, area.finding);
    match area.items.is_empty() {
        true => finding,
        false => format!("{finding} ({})", words::labels(&context.messages, &area.items)),
    }
}
