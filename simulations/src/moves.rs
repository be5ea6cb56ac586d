//! Elders on the move: who offers and answers, and what must hold whatever happens meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::record::{ElderId, TransferStep};
use shouwang_node::command::transfer::{
    TransferAccept, TransferCancel, TransferDecline, TransferOffer,
};
use shouwang_node::command::{CommandError, Request};
use shouwang_node::engine::Engine;
use shouwang_node::gathered::{Erased, Moved};
use shouwang_node::log::{EntryHash, Kind};
use shouwang_node::store::moves::{MovesRead, holds_file};
use shouwang_node::store::{Snapshot, StoreError, StoreRead};
use shouwang_node::sync::Now;

use crate::check::{Guarantee, Violation};
use crate::workload::{Done, elders};

/// Somebody offers an elder to another village, or answers an offer.
pub fn work(engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
    let done = |result: Result<(), CommandError>| Done { facts: Vec::new(), error: result.err() };
    let open = match open(engine) {
        Ok(open) => open,
        Err(error) => return done(Err(error.into())),
    };
    let dice = random.random_range(0..100);
    let chosen = (!open.is_empty()).then(|| random.random_range(0..open.len()));
    if let Some((transfer, is_ours)) = chosen.and_then(|at| open.get(at)).cloned() {
        let (date, note) = (None, None);
        match (is_ours, dice) {
            (true, 0..20) => {
                let cancel = TransferCancel { transfer, date, note };
                return done(cancel.execute(engine, now).map(drop));
            }
            (false, 0..60) => {
                let accept = TransferAccept { transfer, date, note };
                return done(accept.execute(engine, now).map(drop));
            }
            (false, 60..70) => {
                let decline = TransferDecline { transfer, date, note };
                return done(decline.execute(engine, now).map(drop));
            }
            _ => {}
        }
    }
    let places = elders(engine, engine.area());
    let villages: Vec<DivisionCode> = villages(engine).into_iter().collect();
    if places.is_empty() || villages.is_empty() {
        return Done::nothing();
    }
    let (_, elder) = places[random.random_range(0..places.len())];
    let to = villages[random.random_range(0..villages.len())];
    let offer = TransferOffer { elder: elder.to_string(), to, date: None, note: None };
    done(offer.execute(engine, now).map(drop))
}

/// Offers that wait for an answer here, by id, and whether they are of our own area alone.
fn open(engine: &Engine) -> Result<Vec<(String, bool)>, StoreError> {
    let (area, own) = (engine.area(), engine.device());
    let offers = engine.read()?.transfers_all()?.into_iter();
    let offers = offers.filter(|(_, row)| row.state == TransferStep::Offered);
    Ok(offers
        .filter_map(|(key, row)| {
            let answers = key.scope == row.to && area.contains(row.to) && row.offered.device != own;
            let withdraws = key.scope == row.from && area.contains(row.from);
            (answers || withdraws).then(|| (key.transfer.to_string(), !answers))
        })
        .collect())
}

fn villages(engine: &Engine) -> BTreeSet<DivisionCode> {
    let areas = engine.authority().grants().map(|(_, grant)| grant.area.0);
    areas.filter(|area| area.level() == Level::Village).collect()
}

/// Where a node looks for what is known of an elder in a scope: where custody is. None if that is not
/// in the node's area, or the scope is not.
pub fn whereabouts(
    moved: &BTreeMap<ElderId, DivisionCode>,
    area: Area,
    scope: DivisionCode,
    elder: ElderId,
) -> Option<DivisionCode> {
    let at = moved.get(&elder).copied().unwrap_or(scope);
    area.contains(at).then_some(at)
}

/// Who has custody of elders that have moved, as a node sees it.
pub fn custody(snapshot: &Snapshot) -> Result<BTreeMap<ElderId, DivisionCode>, StoreError> {
    Ok(snapshot.moved_all()?.into_iter().map(|(elder, row)| (elder, row.to)).collect())
}

/// Every elder of whom a node has a file is shown by one scope of it, unless custody is outside its
/// area or somebody has erased the file; and none by two.
pub fn shown_once(node: usize, engine: &Engine) -> Result<(), Violation> {
    let (snapshot, area) = (engine.read()?, engine.area());
    let moved = custody(&snapshot)?;
    let mut shown: BTreeMap<ElderId, BTreeSet<DivisionCode>> = BTreeMap::new();
    for (scope, elder) in snapshot.elder_places_all()? {
        shown.entry(elder).or_default().insert(scope);
    }
    for (elder, scopes) in &shown {
        if scopes.len() > 1 {
            let detail = format!("node {node} shows {elder} in {scopes:?}");
            return Err(Violation::new(Guarantee::ShownOnce, detail));
        }
        if let (Some(to), Some(at)) = (moved.get(elder), scopes.first())
            && to != at
        {
            let detail = format!("node {node} shows {elder} in {at}, custody is in {to}");
            return Err(Violation::new(Guarantee::ShownOnce, detail));
        }
    }
    for (scope, elder) in snapshot.elders_with_documents()? {
        let outside = moved.get(&elder).is_some_and(|to| !area.contains(*to));
        if outside || shown.contains_key(&elder) {
            continue;
        }
        let mut erased = false;
        for (place, _) in snapshot.scopes_in(area)? {
            erased |= Erased::of(&snapshot, engine.authority(), place, elder)?.counts();
        }
        let whole = area.0.level() < Level::Village;
        if whole && !erased && holds_file(&snapshot, scope, elder)? {
            let detail = format!("node {node} has a file of {elder} in {scope} and shows none");
            return Err(Violation::new(Guarantee::ShownOnce, detail));
        }
    }
    Ok(())
}

/// What an executor wrote of a file in the new scope before it purged the old one is at another node
/// too. All nodes are running.
pub fn purged_is_held<'a>(
    engines: impl Iterator<Item = (usize, &'a Engine)>,
) -> Result<(), Violation> {
    let mut at: BTreeMap<EntryHash, BTreeSet<usize>> = BTreeMap::new();
    let mut needed: BTreeMap<EntryHash, (usize, ElderId)> = BTreeMap::new();
    for (node, engine) in engines {
        let snapshot = engine.read()?;
        let mut purged: BTreeSet<ElderId> = BTreeSet::new();
        for (elder, ..) in snapshot.handovers_all()? {
            let moved = Moved::of(&snapshot, engine.authority(), elder)?;
            let own = |device| device == engine.device();
            if moved.purges().iter().any(|p| p.standing.is_none() && own(p.place.log.device)) {
                purged.insert(elder);
            }
        }
        for log in snapshot.logs_all()? {
            snapshot.for_each_entry(log.number, |_, entry| {
                let entry = entry?;
                let whose = entry.header.document.id().and_then(|id| id.elder_id());
                if entry.header.kind == Kind::Adopt && entry.body.is_some() {
                    at.entry(entry.header.hash()).or_default().insert(node);
                    if let Some(elder) = whose.filter(|elder| purged.contains(elder))
                        && log.key.device == engine.device()
                    {
                        needed.insert(entry.header.hash(), (node, elder));
                    }
                }
                Ok(())
            })?;
        }
    }
    for (entry, (node, elder)) in needed {
        if at.get(&entry).is_none_or(|nodes| nodes.len() < 2) {
            let detail = format!("node {node} has purged {elder}, and alone holds {entry:?}");
            return Err(Violation::new(Guarantee::PurgedIsHeld, detail));
        }
    }
    Ok(())
}
