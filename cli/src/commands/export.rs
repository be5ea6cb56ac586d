//! `export …`: the ledger, the file for the provincial platform, an elder's documents.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::area::AreaList;
use shouwang_node::command::export::{ExportDocuments, ExportElders, ExportedElder};
use shouwang_node::home::Node;

use crate::audit;
use crate::commands::import::unusable;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::export::mapping::{self, Mapping, Unmapped};
use crate::file;
use crate::ledger::{self, Heading, Places, Written};
use crate::output::Mark;
use crate::parse;
use crate::progress::{Bar, Unit};

/// `export …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ledger(LedgerArgs),
    Platform(PlatformArgs),
    Automerge(AutomergeArgs),
}

/// `export ledger`
#[derive(Debug, clap::Args)]
pub(crate) struct LedgerArgs {
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_name = "CODE")]
    scope: Option<String>,
    #[arg(long)]
    with_id: bool,
    #[arg(long)]
    force: bool,
}

/// `export platform`
#[derive(Debug, clap::Args)]
pub(crate) struct PlatformArgs {
    #[arg(long, value_name = "FILE", required_unless_present = "write_mapping")]
    mapping: Option<PathBuf>,
    #[arg(long, short, value_name = "FILE", required_unless_present = "write_mapping")]
    output: Option<PathBuf>,
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mapping", "output"])]
    write_mapping: Option<PathBuf>,
    #[arg(long, value_name = "CODE")]
    scope: Option<String>,
    #[arg(long)]
    with_id: bool,
    #[arg(long)]
    force: bool,
}

/// `export automerge`
#[derive(Debug, clap::Args)]
pub(crate) struct AutomergeArgs {
    elder: String,
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    #[arg(long)]
    force: bool,
}

/// What a file of elders came to.
#[derive(Serialize)]
struct Exported {
    schema_version: u32,
    file: String,
    elders: usize,
    whole_ids: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unmapped: Option<Vec<Unmapped>>,
}

/// The names of an elder's documents in a directory.
#[derive(Serialize)]
struct Manifest {
    schema_version: u32,
    elder_id: String,
    scope: DivisionCode,
    documents: Vec<ManifestDocument>,
}

#[derive(Serialize)]
struct ManifestDocument {
    part: String,
    file: String,
    bytes: usize,
    heads: Vec<String>,
}

/// Runs a command that exports.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Ledger(args) => ledger(args, context),
        Command::Platform(args) => platform(args, context),
        Command::Automerge(args) => automerge(args, context),
    }
}

/// What ledgers say of every elder of a place.
pub(crate) fn elders(
    node: &mut Node,
    scope: Option<DivisionCode>,
    elder: Option<&str>,
    whole_ids: bool,
    context: &Context,
) -> anyhow::Result<Vec<ExportedElder>> {
    let mut found: Vec<ExportedElder> = Vec::new();
    let mut bar = Bar::new(context, context.messages.text("export-progress"), Unit::Steps);
    loop {
        let after = found.last().map(|last| (last.scope, last.elder_id));
        let elder = elder.map(|text| text.trim().to_owned());
        let request = ExportElders { scope, elder, after, as_of: context.as_of, whole_ids };
        let page = node.call(request)?;
        found.extend(page.elders);
        bar.show((found.len() as u64, page.total));
        if !page.more {
            return Ok(found);
        }
    }
}

/// The node's area and the names of places.
fn directory(node: &mut Node) -> anyhow::Result<(Area, Places)> {
    let report = node.call(AreaList { within: None })?;
    let places = report.places.into_iter().map(|place| (place.code, place.name));
    Ok((Area(report.area), Places::new(places)))
}

fn ledger(args: &LedgerArgs, context: &Context) -> anyhow::Result<Exit> {
    let extension = args.output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !matches!(extension.as_str(), "xlsx" | "csv") {
        return Err(Failure::usage("export_extension").into());
    }
    free(&args.output, args.force)?;
    let mut node = context.node()?;
    let scope = args.scope.as_ref();
    let scope = scope.map(|text| parse::place(&mut node, "--scope", text)).transpose()?;
    let (area, places) = directory(&mut node)?;
    let elders = elders(&mut node, scope, None, args.with_id, context)?;
    let place = scope.unwrap_or(area.0);
    let name = places.name(place).map_or_else(|| place.to_string(), str::to_owned);
    let heading = Heading::of_ledger(&name, context.as_of);
    let rows: Vec<LedgerRow> = elders.into_iter().map(|elder| elder.row).collect();
    let written = Written::new(&rows, &places, area);
    let bytes = match extension.as_str() {
        "csv" => written.text(&heading),
        _ => written.workbook(&heading),
    };
    let bytes = bytes.map_err(|error| unusable(&args.output, &error))?;
    audit::note(&mut node, "export", scope, rows.len(), context)?;
    file::write_private(&args.output, &bytes, args.force)?;
    say(&args.output, rows.len(), args.with_id, None, context)
}

fn platform(args: &PlatformArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if let Some(path) = &args.write_mapping {
        let bytes = mapping::template().map_err(|error| unusable(path, &error))?;
        file::write_private(path, &bytes, args.force)?;
        match output.is_json() {
            true => output.json(&serde_json::json!({
                "schema_version": JSON_SCHEMA_VERSION,
                "file": path.display().to_string(),
            }))?,
            false => {
                let path = FluentValue::from(path.display().to_string());
                output.note(&messages.say("mapping-written", [("path", path)]));
            }
        }
        return Ok(Exit::Done);
    }
    let (Some(from), Some(to)) = (&args.mapping, &args.output) else {
        return Err(Failure::usage("mapping_missing").into());
    };
    free(to, args.force)?;
    let bytes = std::fs::read(from).map_err(|error| Failure::unreadable(from, &error))?;
    let mapping = Mapping::read(&bytes).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| fault.line(messages)).collect();
        Failure::usage("mapping_faults")
            .with("path", from.display())
            .with("lines", lines.join(&messages.text("phrase-separator")))
    })?;
    let mut node = context.node()?;
    let scope = args.scope.as_ref();
    let scope = scope.map(|text| parse::place(&mut node, "--scope", text)).transpose()?;
    let (_, places) = directory(&mut node)?;
    let elders = elders(&mut node, scope, None, args.with_id, context)?;
    let (table, unmapped) = mapping.table(&elders, &places);
    let rows: Vec<Vec<&str>> =
        table.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let bytes = ledger::csv_bytes(&rows).map_err(|error| unusable(to, &error))?;
    audit::note(&mut node, "export", scope, elders.len(), context)?;
    file::write_private(to, &bytes, args.force)?;
    say(to, elders.len(), args.with_id, Some(unmapped), context)
}

/// What was written, and what a person should know of it.
fn say(
    path: &Path,
    elders: usize,
    whole_ids: bool,
    unmapped: Option<Vec<Unmapped>>,
    context: &Context,
) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let exit = match unmapped.as_ref().is_some_and(|unmapped| !unmapped.is_empty()) {
        true => Exit::Attention,
        false => Exit::Done,
    };
    let file = path.display().to_string();
    if output.is_json() {
        let schema_version = JSON_SCHEMA_VERSION;
        output.json(&Exported { schema_version, file, elders, whole_ids, unmapped })?;
        return Ok(exit);
    }
    let count = FluentValue::from(elders);
    let line = messages.say("export-written", [("count", count), ("path", file.into())]);
    output.line(&output.marked_text(Mark::Good, &line))?;
    match whole_ids {
        true => output.note(&messages.text("export-whole-ids")),
        false => output.note(&messages.text("export-masked-ids")),
    }
    for value in unmapped.into_iter().flatten() {
        let line = messages.say(
            "export-unmapped",
            [
                ("field", FluentValue::from(value.field)),
                ("value", value.value.into()),
                ("count", value.elders.into()),
            ],
        );
        output.line(&output.marked_text(Mark::Attention, &line))?;
    }
    Ok(exit)
}

fn automerge(args: &AutomergeArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let exported = node.call(ExportDocuments { elder: args.elder.trim().to_owned() })?;
    let mut manifest = Manifest {
        schema_version: JSON_SCHEMA_VERSION,
        elder_id: exported.elder_id.to_string(),
        scope: exported.scope,
        documents: Vec::new(),
    };
    for document in &exported.documents {
        manifest.documents.push(ManifestDocument {
            part: document.part.clone(),
            file: format!("{}.automerge", document.part.replace('/', "-")),
            bytes: document.saved.len(),
            heads: document.heads.clone(),
        });
    }
    let list = args.output.join("manifest.json");
    let paths: Vec<PathBuf> =
        manifest.documents.iter().map(|document| args.output.join(&document.file)).collect();
    for path in paths.iter().chain([&list]) {
        free(path, args.force)?;
    }
    audit::note(&mut node, "export", Some(exported.scope), 1, context)?;
    make_directory(&args.output)?;
    for (path, document) in paths.iter().zip(&exported.documents) {
        file::write_private(path, &document.saved, args.force)?;
    }
    // The list comes last: where it is, everything in it is.
    let json = serde_json::to_vec_pretty(&manifest)?;
    file::write_private(&list, &json, args.force)?;
    if output.is_json() {
        output.json(&manifest)?;
        return Ok(Exit::Done);
    }
    let count = FluentValue::from(manifest.documents.len());
    let path = args.output.display().to_string();
    let line = messages.say("documents-written", [("count", count), ("path", path.into())]);
    output.line(&output.marked_text(Mark::Good, &line))?;
    output.note(&messages.text("documents-hold-ids"));
    Ok(Exit::Done)
}

/// Whether a file may be written there.
pub(crate) fn free(path: &Path, force: bool) -> Result<(), Failure> {
    match force {
        true => Ok(()),
        false => file::refuse_existing(path),
    }
}

/// A directory for its owner alone, if it is not there yet.
fn make_directory(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| Failure::unwritable(path, &error))
}
