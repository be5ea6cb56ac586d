//! `quarantine …`: what a revocation has cut off, and taking it back in.

use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_node::command::quarantine::{QuarantineAdopt, QuarantineList, QuarantinedEntry};

use crate::confirm::confirm;
use crate::context::{Context, now_ms};
use crate::error::{Exit, Failure};
use crate::output::{Cell, Mark, Table};
use crate::{moment, parse, words};

/// `quarantine …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(ListArgs),
    Adopt(AdoptArgs),
}

/// `quarantine list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[arg(long, value_name = "CODE")]
    scope: Option<String>,
}

/// `quarantine adopt`
#[derive(Debug, clap::Args)]
pub(crate) struct AdoptArgs {
    entries: Vec<String>,
    #[arg(long)]
    device: Option<String>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    yes: bool,
}

/// Runs a command about the quarantine.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::List(args) => list(args, context),
        Command::Adopt(args) => adopt(args, context),
    }
}

fn list(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let scope = args.scope.as_deref().map(|scope| parse::place(&mut node, "--scope", scope));
    let report = node.call(QuarantineList { scope: scope.transpose()? })?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if report.entries.is_empty() && output.is_table() {
        output.note(&messages.text("quarantine-empty"));
        return Ok(Exit::Done);
    }
    output.table(&table(&report.entries, context))?;
    if output.is_table() {
        output.note(&messages.text("quarantine-next"));
    }
    Ok(Exit::Done)
}

fn adopt(args: &AdoptArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if args.entries.is_empty() && args.device.is_none() {
        return Err(Failure::usage("quarantine_which").into());
    }
    let mut node = context.node()?;
    let request = |dry_run| QuarantineAdopt {
        entries: args.entries.clone(),
        device: args.device.clone(),
        dry_run,
    };
    let plan = node.call(request(true))?;
    if !output.is_json() {
        let count = |entries: &[QuarantinedEntry]| FluentValue::from(entries.len() as u64);
        output.line(&messages.say("adopt-these", [("count", count(&plan.adopted))]))?;
        output.table(&table(&plan.adopted, context))?;
        if !plan.ancestors.is_empty() {
            output.line("")?;
            let brings = messages.say("adopt-ancestors", [("count", count(&plan.ancestors))]);
            output.line(&output.marked_text(Mark::Attention, &brings))?;
            output.table(&table(&plan.ancestors, context))?;
        }
    }
    if args.dry_run {
        match output.is_json() {
            true => output.json(&plan)?,
            false => output.note(&messages.text("dry-run")),
        }
        return Ok(Exit::Done);
    }
    confirm(context, args.yes, &messages.text("adopt-question"))?;
    let done = node.call(request(false))?;
    if output.is_json() {
        output.json(&done)?;
        return Ok(Exit::Done);
    }
    let count = FluentValue::from((done.adopted.len() + done.ancestors.len()) as u64);
    let said = messages.say("adopt-done", [("count", count)]);
    output.line(&output.marked_text(Mark::Good, &said))?;
    Ok(Exit::Done)
}

fn table(entries: &[QuarantinedEntry], context: &Context) -> Table {
    let (messages, now) = (&context.messages, now_ms());
    let whole = context.verbose || !context.output.is_table();
    let mut table = Table::new(
        messages,
        ["entry_hash", "device", "scope", "elder", "part", "written", "state"],
    );
    for entry in entries {
        let elder = entry.elder_id.map(|elder| super::elder::short(&elder.to_string(), whole));
        let part = match &entry.part {
            Some(part) => words::part_name(messages, part),
            None => messages.word("entry-kind", &entry.kind),
        };
        table.row([
            Cell::text(super::elder::short(&entry.entry.to_string(), whole)),
            Cell::text(match whole {
                true => entry.device.to_string(),
                false => entry.device_name.clone().unwrap_or_else(|| entry.device.short()),
            }),
            Cell::text(entry.scope),
            Cell::optional(elder),
            Cell::text(part),
            Cell::text(moment::ago(messages, entry.written_at_ms, now, whole)),
            match entry.vouched {
                true => Cell::state(Mark::Attention, messages.word("unsettled", "vouched")),
                false => Cell::state(Mark::Bad, messages.word("unsettled", "quarantined")),
            },
        ]);
    }
    table
}
