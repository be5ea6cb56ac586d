//! `bundle inspect`: what a stick has on it, without taking anything in and without opening a record.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::bundle::part::PartReader;
use shouwang_node::bundle::{BundleId, Fault, PartHead};
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::bundle::{BundleLook, BundleScope};
use shouwang_node::home::Node;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::GrantId;

use super::{REQUEST_BYTES, fault, files};
use crate::context::{Context, now_ms};
use crate::error::{Exit, Failure};
use crate::moment;
use crate::output::{Cell, Mark, Table};
use crate::progress::{Bar, Unit};

/// `bundle inspect`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
}

/// All files.
#[derive(Serialize)]
struct Inspected {
    schema_version: u32,
    files: Vec<Looked>,
}

/// What is in a file.
#[derive(Serialize)]
struct Looked {
    file: String,
    bytes: u64,
    #[serde(flatten)]
    head: Option<Head>,
    /// Whether it is for this device.
    ours: bool,
    sender_name: Option<String>,
    written_at_ms: Option<i64>,
    scopes: Vec<BundleScope>,
    fault: Option<Fault>,
}

/// What stands in clear.
#[derive(Serialize)]
struct Head {
    bundle: BundleId,
    part: u32,
    parts: u32,
    mesh: GrantId,
    sender: DeviceId,
    receivers: Vec<DeviceId>,
}

/// Looks into them.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let paths = files(&args.files)?;
    let mut node = context.node()?;
    let mut inspected = Inspected { schema_version: JSON_SCHEMA_VERSION, files: Vec::new() };
    for path in &paths {
        inspected.files.push(look(&mut node, path, context)?);
    }
    let sound = inspected.files.iter().all(|file| file.fault.is_none());
    let exit = if sound { Exit::Done } else { Exit::Attention };
    match context.output.is_json() {
        true => context.output.json(&inspected)?,
        false => inspected.files.iter().try_for_each(|file| say(file, context))?,
    }
    Ok(exit)
}

fn look(node: &mut Node, path: &Path, context: &Context) -> anyhow::Result<Looked> {
    let opened = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    let bytes = opened.metadata().map_or(0, |meta| meta.len());
    let mut looked = Looked {
        file: path.display().to_string(),
        bytes,
        head: None,
        ours: false,
        sender_name: None,
        written_at_ms: None,
        scopes: Vec::new(),
        fault: None,
    };
    let mut reader = match PartReader::open(BufReader::new(opened)) {
        Ok(reader) => reader,
        Err(error) => {
            looked.fault = Some(fault(path, error)?);
            return Ok(looked);
        }
    };
    let head = reader.head().clone();
    let PartHead { bundle, part, parts, mesh, sender, segments: expected, .. } = head;
    let receivers = head.receivers.clone();
    looked.head = Some(Head { bundle, part, parts, mesh, sender, receivers });
    let mut bar = Bar::new(context, context.messages.text("bundle-progress-read"), Unit::Bytes);
    let mut scopes: BTreeMap<DivisionCode, BundleScope> = BTreeMap::new();
    let (mut gathered, mut count, mut read, mut ends) = (Vec::new(), 0u32, 0u32, None);
    while looked.fault.is_none() && ends.is_none() {
        match reader.segment() {
            Ok(Some(segment)) if read + count < expected => {
                gathered.extend(segment);
                count += 1;
            }
            Ok(Some(_)) => ends = Some(Some(Fault::Altered)),
            Ok(None) if read + count == expected => ends = Some(None),
            Ok(None) => ends = Some(Some(Fault::Torn)),
            Err(error) => ends = Some(Some(fault(path, error)?)),
        }
        if count > 0 && (gathered.len() >= REQUEST_BYTES || ends.is_some()) {
            let segments = std::mem::take(&mut gathered);
            let found = node.call(BundleLook { head: head.encode(), first: read, segments })?;
            (read, count) = (read + found.segments, 0);
            looked.ours |= found.ours;
            looked.sender_name = found.sender_name.or(looked.sender_name.take());
            looked.written_at_ms = looked.written_at_ms.or(found.written_at_ms);
            looked.fault = found.fault;
            for scope in found.scopes {
                let (entries, bytes) = (scope.entries, scope.bytes);
                let known = scopes.entry(scope.code).or_insert(BundleScope {
                    entries: 0,
                    bytes: 0,
                    ..scope
                });
                known.entries += entries;
                known.bytes += bytes;
            }
            bar.show((reader.read_bytes(), bytes));
        }
    }
    drop(bar);
    looked.fault = looked.fault.or(ends.flatten());
    looked.scopes = scopes.into_values().collect();
    Ok(looked)
}

fn say(looked: &Looked, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    if let Some(head) = &looked.head {
        let sender = looked.sender_name.clone().unwrap_or_else(|| head.sender.short());
        let receivers: Vec<String> = head.receivers.iter().map(|device| device.short()).collect();
        let line = messages.say(
            "bundle-inside",
            [
                ("path", FluentValue::from(looked.file.clone())),
                ("part", head.part.into()),
                ("parts", head.parts.into()),
                ("bytes", moment::bytes(looked.bytes).into()),
                ("sender", sender.into()),
                ("receivers", receivers.join(&messages.text("phrase-separator")).into()),
            ],
        );
        output.line(&line)?;
        if let Some(at) = looked.written_at_ms {
            let age = moment::ago(messages, at, now_ms(), context.verbose);
            output.note(&messages.say("bundle-written-at", [("age", FluentValue::from(age))]));
        }
        if !looked.ours {
            output.note(&messages.text("bundle-not-ours"));
        }
    }
    if !looked.scopes.is_empty() {
        let mut table = Table::new(messages, ["scope", "name", "entries", "bytes"]);
        for scope in &looked.scopes {
            table.row([
                Cell::text(scope.code),
                Cell::optional(scope.name.clone()),
                Cell::number(scope.entries),
                Cell::text(moment::bytes(scope.bytes)).right(),
            ]);
        }
        output.table(&table)?;
    }
    if let Some(fault) = looked.fault {
        let reason = FluentValue::from(messages.word("bundle-fault", fault.code()));
        let path = FluentValue::from(looked.file.clone());
        let line = messages.say("bundle-faulty", [("path", path), ("reason", reason)]);
        output.line(&output.marked_text(Mark::Bad, &line))?;
        output.note(&messages.word("bundle-fault-hint", fault.code()));
    }
    Ok(())
}
