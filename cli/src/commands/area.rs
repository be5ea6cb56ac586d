//! `area import`, `area list`: names of places.

use std::path::PathBuf;

use clap::Subcommand;
use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::area::{AreaImport, AreaImported, AreaList, Place};

use crate::area_file::{self, AreaFault, AreaFileError, PlaceError};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::{Cell, Mark, Table};
use crate::parse;

/// `area …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Import(ImportArgs),
    List(ListArgs),
}

/// `area import`
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    file: PathBuf,
    #[arg(long)]
    dry_run: bool,
}

/// `area list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    within: Option<String>,
}

#[derive(Serialize)]
struct ImportObject {
    #[serde(flatten)]
    imported: AreaImported,
    /// Lines that name no place.
    faults: Vec<LineFault>,
}

#[derive(Serialize)]
struct LineFault {
    line: usize,
    reason: &'static str,
}

/// Runs a command about places.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Import(args) => import(args, context),
        Command::List(args) => list(args, context),
    }
}

fn import(args: &ImportArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let bytes =
        std::fs::read(&args.file).map_err(|error| Failure::unreadable(&args.file, &error))?;
    let file = area_file::read(&bytes).map_err(|error| unusable(&args.file, &error))?;
    if file.places.is_empty() {
        return Err(Failure::failed("area_file_empty").with("path", args.file.display()).into());
    }
    let places = file.places.into_iter().map(|(code, name)| Place { code, name }).collect();
    let imported = context.node()?.call(AreaImport { places, dry_run: args.dry_run })?;
    let exit = if file.faults.is_empty() { Exit::Done } else { Exit::Attention };
    if output.is_json() {
        let faults = file
            .faults
            .iter()
            .map(|fault| LineFault { line: fault.line, reason: reason(fault) })
            .collect();
        output.json(&ImportObject { imported, faults })?;
        return Ok(exit);
    }
    let done = messages.say(
        "area-imported",
        [
            ("new", FluentValue::from(imported.new)),
            ("changed", imported.changed.into()),
            ("unchanged", imported.unchanged.into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &done))?;
    if args.dry_run {
        output.note(&messages.text("dry-run"));
    }
    if !imported.outside.is_empty() {
        let count = imported.outside.len();
        output.line(&messages.say("area-outside", [("count", FluentValue::from(count))]))?;
        let shown = if context.verbose { count } else { 5 };
        for place in imported.outside.iter().take(shown) {
            output.line(&format!("  {} {}", place.code, place.name))?;
        }
    }
    for fault in &file.faults {
        let line = messages.say(
            "area-line-fault",
            [
                ("line", FluentValue::from(fault.line)),
                ("reason", messages.word("reason", reason(fault)).into()),
            ],
        );
        output.line(&output.marked_text(Mark::Attention, &line))?;
    }
    Ok(exit)
}

fn list(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let within =
        args.within.as_ref().map(|text| parse::place(&mut node, "WITHIN", text)).transpose()?;
    let report = node.call(AreaList { within })?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if report.places.is_empty() && output.is_table() {
        output.note(&messages.text("no-places"));
        return Ok(Exit::Done);
    }
    let mut table = Table::new(messages, ["code", "name", "level", "elders"]);
    for place in &report.places {
        let level = format!("{:?}", place.level).to_lowercase();
        table.row([
            Cell::text(place.code),
            Cell::text(&place.name),
            Cell::text(messages.word("level", &level)),
            Cell::number(place.elders),
        ]);
    }
    output.table(&table)?;
    Ok(Exit::Done)
}

fn unusable(path: &std::path::Path, error: &AreaFileError) -> Failure {
    let code = match error {
        AreaFileError::TooLarge(_) => "file_too_large",
        AreaFileError::Encoding => "file_encoding",
        AreaFileError::Csv(_) => "file_not_csv",
        AreaFileError::TooManyLines => "file_too_large",
    };
    Failure::failed(code).with("path", path.display())
}

fn reason(fault: &AreaFault) -> &'static str {
    match fault.error {
        PlaceError::Code(_) => "place_code",
        PlaceError::NoName => "place_without_name",
        PlaceError::NameTooLong(_) => "value_too_long",
        PlaceError::Control => "place_control",
        PlaceError::NamedTwice { .. } => "place_named_twice",
    }
}
