//! Many changes of a village in one commit.
//!
//! `Engine::capture` makes all that is done to a document at once one change, and a commit of each
//! round of visits takes most of the time of a build. What is written here is the same: every change is
//! an entry of its own, signed, and goes through the same door.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use automerge::{Automerge, Change};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::edit::write_change;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_node::counting::lane_of;
use shouwang_node::engine::{DocumentEdit, Engine};
use shouwang_node::ingest::Ingest;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{Kind, LogKey, VerifiedRun};
use shouwang_node::store::StoreError;
use shouwang_node::sync::Now;

/// Writes edits of one village one after another, each as a change that has seen those before it.
pub(super) fn write(
    engine: &mut Engine,
    now: Now,
    nonce: [u8; 8],
    edits: &[DocumentEdit],
) -> anyhow::Result<()> {
    let first = edits.first().context("nothing to write")?;
    let log = LogKey {
        scope: first.scope,
        lane: lane_of(&first.document),
        device: engine.device(),
        incarnation: engine.incarnation(),
    };
    let actor = [log.actor_prefix(), nonce].concat();
    let actor: [u8; 16] = actor.as_slice().try_into()?;
    let mut documents: BTreeMap<DocumentId, Automerge> = BTreeMap::new();
    let mut entries = Vec::new();
    for edit in edits {
        ensure!(edit.scope == log.scope && lane_of(&edit.document) == log.lane, "another log");
        let document =
            documents.entry(edit.document).or_insert_with(|| genesis(edit.scope, &edit.document));
        let body = write_change(document, edit.scope, &edit.document, actor, &edit.actions)?;
        let body = body.context("an edit without effect")?;
        document.apply_changes([Change::from_bytes(body.clone())?])?;
        entries.push(RunEntry::new(Kind::Change, Some(edit.document), body, now.wall_ms));
    }
    let run = VerifiedRun::write(log, engine.grant_id(), None, entries, engine.keys())?;
    let (mut authority, area) = (engine.authority().clone(), engine.area());
    let secret = *engine.index_secret();
    let ingested = engine.store_mut().write(|tables| {
        let mut ingest = Ingest::begin(tables, &mut authority, area, secret);
        let stored = ingest.store(run)?;
        let ingested = ingest.finish()?;
        Ok::<_, StoreError>(stored.map(|_| ingested))
    })??;
    ensure!(ingested.set_aside.is_empty(), "some of it does not count");
    Ok(())
}
