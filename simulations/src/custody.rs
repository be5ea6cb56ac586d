//! Whether custody claims are true: what a node takes another to hold, the other durably holds.

use std::collections::BTreeSet;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::custody::{self, holding};
use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::log::{EntryHash, EntryPlace, Incarnation, Lane, LogKey};
use shouwang_node::store::{ChainRead, StoreError, StoreRead};

use crate::check::Violation;

/// What counting receipts say at a node of so many scopes, the first of which follows those that were
/// looked at before: device by device, what it holds.
pub fn holdings(
    engine: &Engine,
    before: usize,
    most: usize,
) -> Result<Vec<holding::Holding>, StoreError> {
    let snapshot = engine.read()?;
    let scopes = snapshot.scopes_in(engine.area())?;
    let mut found = Vec::new();
    for (scope, _) in
        scopes.iter().cycle().skip(before % scopes.len().max(1)).take(most.min(scopes.len()))
    {
        found.extend(holding::holdings(&snapshot, engine.authority(), *scope)?);
    }
    Ok(found)
}

/// Whether an entry is in a node's store.
pub fn holds(engine: &Engine, place: &EntryPlace) -> Result<bool, StoreError> {
    Ok(engine.read()?.find_chain(&place.log, place.seq, &place.hash)?.is_some())
}

/// Whether a node has heard a device, in its present incarnation, confirm anything of a scope. Until
/// then it cannot know that the device's disk was put back.
pub fn has_heard(
    engine: &Engine,
    scope: DivisionCode,
    holder: DeviceId,
    incarnation: Incarnation,
) -> Result<bool, StoreError> {
    let log = LogKey { scope, lane: Lane::Notice, device: holder, incarnation };
    Ok(engine.read()?.log(&log)?.is_some())
}

/// Whether a node knows a device by another incarnation that is no older than its present one: a disk that was
/// put back twice to the same image has taken the same number twice.
pub fn has_rival(
    engine: &Engine,
    scope: DivisionCode,
    holder: DeviceId,
    incarnation: Incarnation,
) -> Result<bool, StoreError> {
    let logs = engine.read()?.logs_of(scope)?;
    let under = logs.iter().filter(|log| log.key.device == holder).map(|log| log.key.incarnation);
    Ok(under.into_iter().any(|other| other != incarnation && other.number >= incarnation.number))
}

/// A node does not call fewer of its entries "not held elsewhere" than are in no other store.
/// Returns how many it calls so. All nodes are running.
pub fn not_held_is_true<'a>(
    node: usize,
    engine: &Engine,
    all: impl Iterator<Item = (usize, &'a Engine)>,
) -> Result<u64, Violation> {
    let snapshot = engine.read()?;
    let mut missing: BTreeSet<EntryHash> = BTreeSet::new();
    for log in snapshot.logs_all()? {
        if log.key.device == engine.device() && log.key.lane.carries_records() {
            snapshot.for_each_entry(log.number, |_, entry| {
                let header = entry?.header;
                if custody::calls(header.kind) {
                    missing.insert(header.hash());
                }
                Ok(())
            })?;
        }
    }
    for (_, other) in all.filter(|(other, _)| *other != node) {
        let snapshot = other.read()?;
        for log in snapshot.logs_all()? {
            if log.key.device == engine.device() && log.key.lane.carries_records() {
                snapshot.for_each_entry(log.number, |_, entry| {
                    missing.remove(&entry?.header.hash());
                    Ok(())
                })?;
            }
        }
    }
    let custody = holding::not_held(&snapshot, engine.authority(), engine.device())?;
    let said: u64 = custody.iter().map(|custody| custody.not_held.entries).sum();
    if (missing.len() as u64) > said {
        return Err(Violation::not_held(format!(
            "node {node} says that {said} of its entries are not held elsewhere, and {} are in no \
             other store",
            missing.len()
        )));
    }
    Ok(said)
}
