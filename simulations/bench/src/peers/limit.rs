//! What the changes cost by themselves: no node can take them in for less.

use std::collections::BTreeMap;

use anyhow::Context;
use automerge::Change;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_node::engine::Engine;
use shouwang_node::log::{Entry, Kind};
use shouwang_node::store::StoreRead;

use super::part::PartOptions;
use super::prepare::{Prepared, open};
use super::resources;
use super::shouwang::{entropy, prepare_home};
use super::{Phase, Role};

/// Parsing and applying all changes of ours, batched for each document, and nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Limit {
    /// Documents.
    pub(crate) documents: u64,
    /// Changes.
    pub(crate) changes: u64,
    /// Time on a processor for `Change::from_bytes` and `apply_changes`, ms.
    pub(crate) cpu_ms: f64,
    /// Of that, `Change::from_bytes`.
    pub(crate) parse_ms: f64,
}

/// The changes that a node holds, and their bytes.
pub(crate) fn count(engine: &Engine) -> anyhow::Result<Prepared> {
    let mut prepared = Prepared { changes: 0, raw_bytes: 0 };
    for_each_change(engine, |_, _, body| {
        prepared.changes += 1;
        prepared.raw_bytes += body.len() as u64;
    })?;
    Ok(prepared)
}

/// Measures, over the home that the first exchange begins with.
pub(crate) fn measure(options: &PartOptions) -> anyhow::Result<Limit> {
    let own = prepare_home(options, "limit", Phase::First, Role::Sender)?;
    let engine = open(&options.folder, &own, &mut entropy(Phase::First, Role::Sender))?;
    let mut documents: BTreeMap<(DivisionCode, DocumentId), Vec<Vec<u8>>> = BTreeMap::new();
    for_each_change(&engine, |scope, document, body| {
        documents.entry((scope, document)).or_default().push(body);
    })?;
    drop(engine);
    // Every replica makes the geneses for itself, and once for each document.
    let mut made = Vec::new();
    for ((scope, id), bodies) in documents {
        made.push((genesis(scope, &id), bodies));
    }
    let begun = resources::cpu_ms()?;
    let mut parsed = Vec::new();
    for (document, bodies) in made {
        let changes: Result<Vec<Change>, _> = bodies.into_iter().map(Change::from_bytes).collect();
        parsed.push((document, changes?));
    }
    let parse_ms = resources::cpu_ms()? - begun;
    let (mut count, mut kept) = (0, Vec::with_capacity(parsed.len()));
    for (mut document, changes) in parsed {
        count += changes.len() as u64;
        document.apply_changes(changes)?;
        // Dropping the documents is not part of it.
        kept.push(document);
    }
    let cpu_ms = resources::cpu_ms()? - begun;
    Ok(Limit { documents: kept.len() as u64, changes: count, cpu_ms, parse_ms })
}

/// Every change that a node holds, log by log.
pub(crate) fn for_each_change(
    engine: &Engine,
    mut with: impl FnMut(DivisionCode, DocumentId, Vec<u8>),
) -> anyhow::Result<()> {
    let snapshot = engine.read()?;
    for log in snapshot.logs_all()? {
        let Some(head) = snapshot.head_of(log.number)? else { continue };
        for seq in 0..=head.seq {
            let entry = snapshot.entry(log.number, seq)?.context("an entry is not there")?;
            let Entry { header, body: Some(body), .. } = entry else { continue };
            if let (Kind::Change, Some(id)) = (header.kind, header.document.id()) {
                with(log.key.scope, id, body);
            }
        }
    }
    Ok(())
}
