//! `bundle import`: takes in what somebody has brought, in any order and as often as one likes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::bundle::part::PartReader;
use shouwang_node::bundle::{BundleId, Fault};
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::bundle::{BundleEnd, BundleTake};
use shouwang_node::home::Node;

use super::{REQUEST_BYTES, fault, files};
use crate::commands::peers::coded;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Mark;
use crate::progress::{Bar, Unit};

/// `bundle import`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
}

/// What became of all files.
#[derive(Serialize)]
struct Imported {
    schema_version: u32,
    files: Vec<Brought>,
    /// Entries that were new here.
    new: u64,
    /// Parts that were not among the files, by bundle.
    missing_parts: BTreeMap<String, Vec<u32>>,
}

/// What became of a file.
#[derive(Default, Serialize)]
struct Brought {
    file: String,
    bundle: Option<BundleId>,
    part: Option<u32>,
    parts: Option<u32>,
    sender: Option<String>,
    entries: u64,
    new: u64,
    waiting: u64,
    refused: BTreeMap<String, u64>,
    fault: Option<Fault>,
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    head: Vec<u8>,
    #[serde(skip)]
    bytes: u64,
    #[serde(skip)]
    segments: u32,
}

/// Takes them in.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut brought = Vec::new();
    for path in files(&args.files)? {
        brought.push(begin(path)?);
    }
    // Parts of one bundle in their order, bundles as they were named.
    let mut order: Vec<BundleId> = Vec::new();
    for bundle in brought.iter().filter_map(|file| file.bundle) {
        if !order.contains(&bundle) {
            order.push(bundle);
        }
    }
    let place = |file: &Brought| order.iter().position(|bundle| file.bundle == Some(*bundle));
    brought.sort_by_key(|file| (place(file), file.part));
    let mut node = context.node()?;
    let total = brought.iter().map(|file| file.bytes).sum();
    let mut bar = Bar::new(context, context.messages.text("bundle-progress-read"), Unit::Bytes);
    let mut done = 0;
    for file in brought.iter_mut().filter(|file| file.fault.is_none()) {
        take(&mut node, file, |read| bar.show((done + read, total)))?;
        done += file.bytes;
        bar.show((done, total));
    }
    // What waited may have been brought by a later file.
    loop {
        let mut grown = 0;
        for file in brought.iter_mut().filter(|file| file.waiting > 0 && file.fault.is_none()) {
            let before = file.new;
            take(&mut node, file, |_| ())?;
            grown += file.new - before;
        }
        if grown == 0 {
            break;
        }
    }
    let mut ended = BTreeMap::new();
    for file in brought.iter().filter(|file| file.segments > 0) {
        if let Some(bundle) = file.bundle
            && !ended.contains_key(&bundle)
        {
            ended.insert(bundle, node.call(BundleEnd { head: file.head.clone() })?.sender_name);
        }
    }
    for file in &mut brought {
        let sender = file.bundle.and_then(|bundle| ended.get(&bundle).cloned().flatten());
        file.sender = sender;
    }
    drop(bar);
    let imported = Imported {
        schema_version: JSON_SCHEMA_VERSION,
        new: brought.iter().map(|file| file.new).sum(),
        missing_parts: missing(&brought),
        files: brought,
    };
    say(&imported, context)
}

/// Reads a file's head.
fn begin(path: PathBuf) -> Result<Brought, Failure> {
    let opened = File::open(&path).map_err(|error| Failure::unreadable(&path, &error))?;
    let bytes = opened.metadata().map_or(0, |meta| meta.len());
    let mut file = Brought { file: path.display().to_string(), bytes, path, ..Brought::default() };
    match PartReader::open(BufReader::new(opened)) {
        Ok(reader) => {
            let head = reader.head();
            file.bundle = Some(head.bundle);
            (file.part, file.parts) = (Some(head.part), Some(head.parts));
            file.head = head.encode();
        }
        Err(error) => file.fault = Some(fault(&file.path, error)?),
    }
    Ok(file)
}

/// Hands a file's segments in, up to the first that is not as it should be. `read` is told how many bytes are.
fn take(node: &mut Node, file: &mut Brought, mut read: impl FnMut(u64)) -> anyhow::Result<()> {
    let path: &Path = &file.path.clone();
    let opened = File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    let mut reader = match PartReader::open(BufReader::new(opened)) {
        Ok(reader) => reader,
        Err(error) => {
            file.fault = Some(fault(path, error)?);
            return Ok(());
        }
    };
    let expected = reader.head().segments;
    (file.segments, file.waiting, file.entries) = (0, 0, 0);
    file.refused.clear();
    let (mut gathered, mut count, mut ends) = (Vec::new(), 0u32, None);
    while file.fault.is_none() && ends.is_none() {
        match reader.segment() {
            Ok(Some(segment)) if file.segments + count < expected => {
                gathered.extend(segment);
                count += 1;
            }
            // It goes on after its end.
            Ok(Some(_)) => ends = Some(Some(Fault::Altered)),
            Ok(None) if file.segments + count == expected => ends = Some(None),
            Ok(None) => ends = Some(Some(Fault::Torn)),
            Err(error) => ends = Some(Some(fault(path, error)?)),
        }
        if count > 0 && (gathered.len() >= REQUEST_BYTES || ends.is_some()) {
            let segments = std::mem::take(&mut gathered);
            let head = file.head.clone();
            let taken = node.call(BundleTake { head, first: file.segments, segments })?;
            file.segments += taken.segments;
            file.entries += taken.entries;
            file.new += taken.new;
            file.waiting += taken.waiting;
            for (code, more) in taken.refused {
                *file.refused.entry(code).or_default() += more;
            }
            file.fault = taken.fault;
            count = 0;
            read(reader.read_bytes());
        }
    }
    file.fault = file.fault.or(ends.flatten());
    Ok(())
}

/// Parts that were not among the files, of bundles of which something waits.
fn missing(brought: &[Brought]) -> BTreeMap<String, Vec<u32>> {
    let mut here: BTreeMap<(BundleId, u32), BTreeSet<u32>> = BTreeMap::new();
    let mut waits = BTreeSet::new();
    for file in brought {
        if let (Some(bundle), Some(part), Some(parts)) = (file.bundle, file.part, file.parts) {
            here.entry((bundle, parts)).or_default().insert(part);
            if file.waiting > 0 {
                waits.insert(bundle);
            }
        }
    }
    let lacks = |((bundle, parts), here): (&(BundleId, u32), &BTreeSet<u32>)| {
        let lacking: Vec<u32> = (1..=*parts).filter(|part| !here.contains(part)).collect();
        let shown = waits.contains(bundle) && !lacking.is_empty();
        shown.then(|| (bundle.to_string(), lacking))
    };
    here.iter().filter_map(lacks).collect()
}

fn say(imported: &Imported, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let is_whole =
        |file: &Brought| file.fault.is_none() && file.waiting == 0 && file.refused.is_empty();
    let used = imported.files.iter().any(|file| file.segments > 0);
    let exit = match (imported.files.iter().all(is_whole), used) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Attention,
        (false, false) => Exit::Failed,
    };
    if output.is_json() {
        output.json(imported)?;
        return Ok(exit);
    }
    for file in &imported.files {
        let path = || FluentValue::from(file.file.clone());
        if let (Some(part), Some(parts)) = (file.part, file.parts)
            && file.segments > 0
        {
            let sender = file.sender.clone().unwrap_or_else(|| messages.text("unknown"));
            let line = messages.say(
                "bundle-taken",
                [
                    ("path", path()),
                    ("part", part.into()),
                    ("parts", parts.into()),
                    ("sender", sender.into()),
                    ("entries", file.entries.into()),
                    ("new", file.new.into()),
                ],
            );
            let mark = if is_whole(file) { Mark::Good } else { Mark::Attention };
            output.line(&output.marked_text(mark, &line))?;
        }
        if file.waiting > 0 {
            let line =
                messages.say("bundle-waiting", [("path", path()), ("runs", file.waiting.into())]);
            output.line(&output.marked_text(Mark::Attention, &line))?;
        }
        for (code, count) in &file.refused {
            let reason = FluentValue::from(coded(context, "peer-fault", code));
            let line = messages.say(
                "bundle-refused",
                [("path", path()), ("runs", (*count).into()), ("reason", reason)],
            );
            output.line(&output.marked_text(Mark::Attention, &line))?;
        }
        if let Some(fault) = file.fault {
            let reason = FluentValue::from(messages.word("bundle-fault", fault.code()));
            let line = messages.say("bundle-faulty", [("path", path()), ("reason", reason)]);
            output.line(&output.marked_text(Mark::Bad, &line))?;
            output.note(&messages.word("bundle-fault-hint", fault.code()));
        }
    }
    for parts in imported.missing_parts.values() {
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        let parts = FluentValue::from(parts.join(&messages.text("phrase-separator")));
        output.note(&messages.say("bundle-missing-parts", [("parts", parts)]));
    }
    if imported.missing_parts.is_empty() && imported.files.iter().any(|file| file.waiting > 0) {
        output.note(&messages.text("bundle-waiting-hint"));
    }
    if used {
        output.note(&messages.text("bundle-return"));
    }
    Ok(exit)
}
