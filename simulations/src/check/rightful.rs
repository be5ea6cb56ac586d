//! No entry counts without a valid chain of grants, signature and right; and every entry that does not count is
//! listed with its reason. Worked out a second time, from grants, headers and bodies alone.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::automerge::Change;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::genesis;
use shouwang_node::counting::right_for;
use shouwang_node::engine::Engine;
use shouwang_node::gathered::{Cache, Coverage};
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::{Quota, Rights, SignedGrant};
use shouwang_node::index;
use shouwang_node::limits::{BRANCHES_MAX, EVIDENCE_ROWS_MAX};
use shouwang_node::log::carried::VERSION as CARRIED;
use shouwang_node::log::{
    Adoption, Carried, Entry, EntryHash, Header, Incarnation, Kind, LogKey, UnverifiedRun,
};
use shouwang_node::store::rows::{DocumentKey, LogRow};
use shouwang_node::store::{Snapshot, StoreError, StoreRead};

use super::{Guarantee, Violation};

/// Changes by their hash, and of which document each is.
type Changes = BTreeSet<(DocumentKey, [u8; 32])>;

/// Every change in every document of a node was signed, in an entry of a log that a grant of the right area
/// and rights begins, by a chain of grants down from the mesh's root.
pub fn counts_by_right(node: usize, engine: &Engine) -> Result<(), Violation> {
    let snapshot = engine.read()?;
    for (scope, _) in snapshot.scopes_in(engine.area())? {
        let allowed = allowed(&snapshot, engine, scope)?;
        let mut broken = None;
        snapshot.for_each_document(scope, |key, row| {
            let document = index::load(&key, &row?.saved)?;
            let own = genesis(scope, &key.id);
            let given: BTreeSet<[u8; 32]> =
                own.get_changes(&[]).iter().map(|change| change.hash().0).collect();
            let wrong = document.get_changes(&[]).into_iter().find(|change| {
                let hash = change.hash().0;
                !given.contains(&hash) && !allowed.contains(&(key, hash))
            });
            broken = broken.take().or_else(|| wrong.map(|change| (key, change.hash())));
            Ok(())
        })?;
        if let Some((key, hash)) = broken {
            let detail = format!("node {node}: {hash} counts in {scope} {}, by no right", key.id);
            return Err(Violation::new(Guarantee::CountsByRight, detail));
        }
    }
    Ok(())
}

/// Every change and adoption that a node has stored is in its document, erased, or listed with a reason.
pub fn accounted_for(node: usize, engine: &Engine) -> Result<(), Violation> {
    let snapshot = engine.read()?;
    let mut cache = Cache::default();
    for (scope, _) in snapshot.scopes_in(engine.area())? {
        let mut counting = Changes::new();
        snapshot.for_each_document(scope, |key, row| {
            let changes = index::load(&key, &row?.saved)?.get_changes(&[]);
            counting.extend(changes.iter().map(|change| (key, change.hash().0)));
            Ok(())
        })?;
        let mut listed: BTreeMap<DocumentKey, BTreeSet<EntryHash>> = BTreeMap::new();
        for log in snapshot.logs_of(scope)? {
            let mut dropped = None;
            snapshot.for_each_entry(log.number, |seq, entry| {
                let entry = entry?;
                let Some(id) = entry.header.document.id() else { return Ok(()) };
                let key = DocumentKey { scope, id };
                let changes = changes_of(&entry);
                if entry.body.is_none()
                    || changes.iter().all(|hash| counting.contains(&(key, *hash)))
                        && !changes.is_empty()
                    || cache.coverage(&snapshot, engine.authority(), &log, &entry)?
                        != Coverage::Untouched
                    || is_adoption_by_name(&entry)
                {
                    return Ok(());
                }
                if !listed.contains_key(&key) {
                    let rows = snapshot.unsettled_of(&key)?;
                    listed.insert(key, rows.into_iter().map(|(hash, _)| hash).collect());
                }
                let is_listed =
                    listed.get(&key).is_some_and(|rows| rows.contains(&entry.header.hash()));
                if !is_listed {
                    dropped = dropped.take().or(Some(seq));
                }
                Ok(())
            })?;
            if let Some(seq) = dropped {
                let detail = format!(
                    "node {node}: {:?}/{seq} is here, does not count, and no list has it",
                    log.key
                );
                return Err(Violation::new(Guarantee::NothingDropped, detail));
            }
        }
    }
    Ok(())
}

/// No device has more at a node than its grants allow, no log more branches than any may have, and what is
/// kept of those who misbehaved is bounded.
pub fn within_bounds(node: usize, engine: &Engine) -> Result<(), Violation> {
    let snapshot = engine.read()?;
    let broken =
        |what: String| Err(Violation::new(Guarantee::Bounded, format!("node {node} holds {what}")));
    let mut branches: BTreeMap<LogKey, usize> = BTreeMap::new();
    let mut held: BTreeMap<DeviceId, (u64, u64, BTreeSet<Incarnation>)> = BTreeMap::new();
    for log in snapshot.logs_all()? {
        *branches.entry(log.key).or_default() += 1;
        let (bytes, logs, incarnations) = held.entry(log.key.device).or_default();
        *logs += 1;
        incarnations.insert(log.key.incarnation);
        snapshot.for_each_entry(log.number, |_, entry| {
            *bytes += u64::from(entry?.header.body_length);
            Ok(())
        })?;
    }
    if let Some((log, count)) = branches.iter().find(|(_, count)| **count > BRANCHES_MAX) {
        return broken(format!("{count} branches of {log:?}"));
    }
    for (device, (bytes, logs, incarnations)) in held {
        let quotas: Vec<Quota> =
            engine.authority().grants_of(device).map(|(_, grant)| grant.quota).collect();
        let widest = |of: fn(&Quota) -> u64| quotas.iter().map(of).max().unwrap_or_default();
        if bytes > widest(|quota| quota.bytes)
            || logs > widest(|quota| quota.logs.into())
            || incarnations.len() as u64 > widest(|quota| quota.incarnations.into())
        {
            return broken(format!(
                "{bytes} B, {logs} logs and {} incarnations of {}",
                incarnations.len(),
                device.short()
            ));
        }
    }
    let evidence = snapshot.evidence_count()?;
    match evidence > EVIDENCE_ROWS_MAX {
        true => broken(format!("{evidence} rows of evidence")),
        false => Ok(()),
    }
}

/// The changes of a scope that some right lets count: of those that are here, whether or not anything else
/// keeps them from counting.
fn allowed(
    snapshot: &Snapshot,
    engine: &Engine,
    scope: DivisionCode,
) -> Result<Changes, StoreError> {
    let mut allowed = Changes::new();
    for log in snapshot.logs_of(scope)? {
        let chain = engine.authority().chain(&log.grant);
        if !is_granted(engine, &chain, &log.key) {
            continue;
        }
        let Some(rights) = chain.last().map(|last| last.grant.rights) else { continue };
        let mut unsigned: Vec<Entry> = Vec::new();
        let mut previous = match log.branch {
            None => Some(EntryHash::of_grant(log.grant)),
            Some(_) => None,
        };
        snapshot.for_each_entry(log.number, |_, entry| {
            let entry = entry?;
            let hash = entry.header.hash();
            let follows = previous.is_none_or(|previous| previous == entry.header.previous);
            if !follows || entry.header.log != log.key {
                unsigned.clear();
            }
            previous = Some(hash);
            let signature = entry.signature;
            unsigned.push(entry);
            if signature.is_some_and(|signature| log.key.device.verify(&hash.0, &signature)) {
                for entry in unsigned.drain(..) {
                    note(engine, &mut allowed, &log, &entry, rights);
                }
            }
            Ok(())
        })?;
    }
    Ok(allowed)
}

fn note(engine: &Engine, allowed: &mut Changes, log: &LogRow, entry: &Entry, rights: Rights) {
    let (Some(id), Some(body)) = (entry.header.document.id(), &entry.body) else { return };
    let key = DocumentKey { scope: log.key.scope, id };
    let body_is_signed = *blake3::hash(body).as_bytes() == entry.header.body_hash;
    match entry.header.kind {
        Kind::Change if body_is_signed && rights.contains(right_for(&id)) => {
            allowed.extend(change(body, &log.key).map(|hash| (key, hash)));
        }
        Kind::Adopt if body_is_signed && rights.contains(Rights::CARRY) => {
            let Ok(carried) = Carried::from_bytes(body) else { return };
            let root = engine.authority().chain(&engine.grant_id()).into_iter().take(1);
            let chain: Vec<SignedGrant> = root.chain(carried.chain).collect();
            let rights = chain.last().map_or(Rights::NONE, |last| last.grant.rights);
            if is_granted(engine, &chain, &carried.run.log)
                && is_signed(&carried.run)
                && rights.contains(right_for(&id))
            {
                let bodies = carried.run.entries.iter().filter(|one| one.document.id() == Some(id));
                let changes = bodies
                    .filter_map(|one| one.body.bytes())
                    .filter_map(|body| change(body, &carried.run.log));
                allowed.extend(changes.map(|hash| (key, hash)));
            }
        }
        _ => {}
    }
}

/// A change's hash, if it is written by an actor of the log.
fn change(body: &[u8], log: &LogKey) -> Option<[u8; 32]> {
    let change = Change::from_bytes(body.to_vec()).ok()?;
    let is_own = change.actor_id().to_bytes().starts_with(&log.actor_prefix());
    is_own.then(|| change.hash().0)
}

/// The changes that an entry brings, whoever wrote them.
fn changes_of(entry: &Entry) -> Vec<[u8; 32]> {
    let Some(body) = &entry.body else { return Vec::new() };
    let hash = |body: &[u8]| Change::from_bytes(body.to_vec()).ok().map(|change| change.hash().0);
    match entry.header.kind {
        Kind::Change => hash(body).into_iter().collect(),
        Kind::Adopt => Carried::from_bytes(body).map_or_else(
            |_| Vec::new(),
            |carried| {
                carried.run.entries.iter().filter_map(|one| hash(one.body.bytes()?)).collect()
            },
        ),
        _ => Vec::new(),
    }
}

/// What it adopts is listed, or counts, by itself.
fn is_adoption_by_name(entry: &Entry) -> bool {
    let is_carried = entry.body.as_ref().is_some_and(|body| body.first() == Some(&CARRIED));
    let names = |body: &Vec<u8>| Adoption::from_bytes(body).is_ok();
    entry.header.kind == Kind::Adopt && !is_carried && entry.body.as_ref().is_some_and(names)
}

/// Whether a chain of grants holds from the root on and allows its last subject to write this log.
fn is_granted(engine: &Engine, chain: &[SignedGrant], log: &LogKey) -> bool {
    let Some((root, last)) = chain.first().zip(chain.last()) else { return false };
    let is_root = root.id() == engine.authority().mesh()
        && root.grant.issuer.is_none()
        && root.grant.subject.verify(&root.id().0, &root.signature);
    let holds = |pair: &[SignedGrant]| match pair {
        [issuer, issued] => {
            let (above, below) = (&issuer.grant, &issued.grant);
            below.issuer == Some(issuer.id())
                && above.subject.verify(&issued.id().0, &issued.signature)
                && above.rights.contains(Rights::DELEGATE)
                && above.rights.contains(below.rights)
                && above.area.contains(below.area.0)
                && below.depth == above.depth + 1
        }
        _ => false,
    };
    is_root
        && chain.windows(2).all(holds)
        && last.grant.subject == log.device
        && last.grant.area.contains(log.scope)
}

/// Whether a run's author has signed its last header.
fn is_signed(run: &UnverifiedRun) -> bool {
    let mut previous = run.previous;
    for (seq, entry) in (run.first_seq..).zip(&run.entries) {
        let header = Header {
            log: run.log,
            seq,
            previous,
            written_at_ms: entry.written_at_ms,
            kind: entry.kind,
            document: entry.document.clone(),
            body_length: entry.body.length(),
            body_hash: entry.body.hash(),
            tail: entry.tail.clone(),
        };
        previous = header.hash();
    }
    !run.entries.is_empty() && run.log.device.verify(&previous.0, &run.signature)
}
