//! `transfer out`, `transfer acknowledged`: an elder who goes to another county. The file goes sealed,
//! and the elder leaves the roster when the other county has acknowledged it.

use std::path::PathBuf;

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::elder::{ElderReport, ElderShow};
use shouwang_node::command::export::ExportDocuments;
use shouwang_node::command::transfer::{
    ListedTransfer, TransferAcknowledged, TransferCancel, TransferOut, TransferReport,
};
use shouwang_node::home::Node;

use super::{StepArgs, place};
use crate::commands::elder::short;
use crate::context::Context;
use crate::error::Exit;
use crate::output::Mark;
use crate::{audit, day, file, parse, sealed};

/// `transfer out`
#[derive(Debug, clap::Args)]
pub(crate) struct OutArgs {
    elder: String,
    #[arg(long, value_name = "CODE")]
    to: String,
    #[arg(long, value_name = "KEY", required = true)]
    recipient: Vec<String>,
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    step: StepArgs,
}

/// `transfer acknowledged`
#[derive(Debug, clap::Args)]
pub(crate) struct AcknowledgedArgs {
    transfer: String,
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: String,
}

/// What `transfer out` prints.
#[derive(Serialize)]
struct SentOut<'a> {
    schema_version: u32,
    transfer: &'a ListedTransfer,
    file: String,
    bytes: usize,
    documents: usize,
}

/// `manifest.json` of a sealed file: what is in it, and the record in readable words.
#[derive(Serialize)]
struct Manifest<'a> {
    schema_version: u32,
    transfer_id: String,
    elder_id: String,
    from: DivisionCode,
    to: DivisionCode,
    date: chrono::NaiveDate,
    note: &'a Option<String>,
    documents: Vec<ManifestDocument>,
    record: ElderReport,
}

#[derive(Serialize)]
struct ManifestDocument {
    part: String,
    file: String,
    bytes: usize,
    heads: Vec<String>,
}

/// Offers an elder to a place outside the mesh and writes the sealed file for it.
pub(super) fn out(args: &OutArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let to = parse::division("--to", &args.to)?;
    let note = args.step.note()?;
    // Whatever can be wrong with what was typed is said before anything is written.
    file::refuse_existing(&args.output)?;
    sealed::seal(&args.recipient, &[])?;
    let mut node = context.node()?;
    let date = day::of(&mut node, context, "--date", args.step.date.as_deref())?;
    let elder = args.elder.trim().to_owned();
    let request = TransferOut { elder, to, date: Some(date), note: note.clone() };
    let transfer = node.call(request)?.transfer;
    let written = write(args, &transfer, date, &note, &mut node, context);
    let (bytes, documents) = match written {
        Ok(written) => written,
        Err(error) => {
            // Nobody is to wait for the acknowledgement of a file that there is not.
            let transfer = transfer.transfer_id.to_string();
            node.call(TransferCancel { transfer, date: Some(date), note: None })?;
            return Err(error);
        }
    };
    let file = args.output.display().to_string();
    if output.is_json() {
        let (schema_version, transfer) = (JSON_SCHEMA_VERSION, &transfer);
        output.json(&SentOut { schema_version, transfer, file, bytes, documents })?;
        return Ok(Exit::Done);
    }
    let text = messages.say(
        "transfer-out-written",
        [
            ("elder", FluentValue::from(short(&transfer.elder_id.to_string(), context.verbose))),
            ("to", transfer.to.to_string().into()),
            ("path", file.into()),
            ("documents", documents.into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &text))?;
    let id = short(&transfer.transfer_id.to_string(), context.verbose);
    output.note(&messages.say("transfer-out-next", [("id", FluentValue::from(id))]));
    Ok(Exit::Done)
}

/// Writes the sealed file: its size and how many documents are in it.
fn write(
    args: &OutArgs,
    transfer: &ListedTransfer,
    date: chrono::NaiveDate,
    note: &Option<String>,
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<(usize, usize)> {
    let elder = transfer.elder_id.to_string();
    let exported = node.call(ExportDocuments { elder: elder.clone() })?;
    let show = ElderShow { elder: elder.clone(), as_of: context.as_of, show_resident_id: true };
    let record = node.call(show)?;
    let mut files = Vec::new();
    let mut documents = Vec::new();
    for document in exported.documents {
        let file = format!("{}.automerge", document.part.replace('/', "-"));
        documents.push(ManifestDocument {
            part: document.part,
            file: file.clone(),
            bytes: document.saved.len(),
            heads: document.heads,
        });
        files.push((file, document.saved));
    }
    let count = documents.len();
    let manifest = Manifest {
        schema_version: JSON_SCHEMA_VERSION,
        transfer_id: transfer.transfer_id.to_string(),
        elder_id: elder,
        from: transfer.from,
        to: transfer.to,
        date,
        note,
        documents,
        record,
    };
    files.insert(0, ("manifest.json".to_owned(), serde_json::to_vec_pretty(&manifest)?));
    let bytes = sealed::seal(&args.recipient, &files)?;
    audit::note(node, "export", Some(transfer.from), 1, context)?;
    file::write_private(&args.output, &bytes, false)?;
    Ok((bytes.len(), count))
}

/// Notes the acknowledgement that came back: the elder leaves the roster.
pub(super) fn acknowledged(args: &AcknowledgedArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let note = StepArgs::checked_note(&args.note)?;
    let mut node = context.node()?;
    let date = day::of(&mut node, context, "--date", args.date.as_deref())?;
    let transfer = args.transfer.trim().to_owned();
    let report: TransferReport = node.call(TransferAcknowledged { transfer, date, note })?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    let one = &report.transfer;
    let text = messages.say(
        "transfer-left",
        [
            ("elder", FluentValue::from(short(&one.elder_id.to_string(), context.verbose))),
            ("from", place(one.from, one.from_name.as_deref()).into()),
            ("to", place(one.to, one.to_name.as_deref()).into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &text))?;
    output.note(&messages.text("transfer-left-next"));
    Ok(Exit::Done)
}
