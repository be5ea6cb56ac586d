//! Whether custody claims are true: what a node takes another to hold, the other durably holds.

use std::collections::BTreeSet;

use shouwang_node::custody::{self, holding};
use shouwang_node::engine::Engine;
use shouwang_node::log::{EntryHash, EntryPlace};
use shouwang_node::store::{StoreError, StoreRead};

use crate::check::Violation;

/// What counting receipts say at a node: device by device, what it holds.
pub fn holdings(engine: &Engine) -> Result<Vec<holding::Holding>, StoreError> {
    let snapshot = engine.read()?;
    let mut found = Vec::new();
    for (scope, _) in snapshot.scopes_in(engine.area())? {
        found.extend(holding::holdings(&snapshot, engine.authority(), scope)?);
    }
    Ok(found)
}

/// Whether an entry is in a node's store.
pub fn holds(engine: &Engine, place: &EntryPlace) -> Result<bool, StoreError> {
    let snapshot = engine.read()?;
    let Some(log) = snapshot.log(&place.log)? else { return Ok(false) };
    let entry = snapshot.entry(log.number, place.seq)?;
    Ok(entry.is_some_and(|entry| entry.header.hash() == place.hash))
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
