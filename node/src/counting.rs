//! What counts: a pure function of the stored changes of one document and of who may write it.
//!
//! Stored and counting are different things. A change is *own* if it is well-formed, its log's grant
//! allows it, and it lies within what revocations let count of the log; *blocked* if an ancestor is
//! ill-formed or not allowed; *pending* while an ancestor is not here. A change that only a cut
//! excludes is *vouched* if an own, unblocked change or an adopted one descends from it, or if it is
//! adopted itself; otherwise it is *quarantined*. Own, unblocked and vouched changes count; of those
//! with one (actor, seq) one alone (see `displaced`). Nothing depends on the order of arrival.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use automerge::{ActorId, Automerge, Change, ChangeHash};
use shouwang_crdt_schema::change::{Ancestry, IllFormed, Judgement, ParsedChange};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::writer::Writers;

use crate::identity::DeviceId;
use crate::identity::grant::{Grant, Rights};
use crate::log::{Entry, EntryHash, Lane, LogKey, Originals};
use crate::store::rows::{DocumentKey, Unsettled};

/// One stored change of a document, as the rules see it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The entry that carries it.
    pub entry: EntryHash,
    /// The entry's number in its log.
    pub seq: u64,
    /// The device whose log it is.
    pub device: DeviceId,
    /// The hash by which other changes name it, if its bytes can have one.
    pub hash: Option<ChangeHash>,
    /// The change, if its bytes read as one.
    pub change: Result<ParsedChange, IllFormed>,
    /// Whether the log's grant allows it.
    pub allowed: Result<(), Unsettled>,
    /// The offices for which the log's device writes.
    pub writers: Writers,
    /// Whether it lies within what revocations let count of its log.
    pub within: bool,
    /// Whether an adoption that counts names its entry.
    pub adopted: bool,
    /// The entry that carries it here from another scope, where its own stands elsewhere.
    pub carried_by: Option<EntryHash>,
}

/// What a document's changes come to.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The document of the changes that count.
    pub document: Automerge,
    /// Why each of the others does not.
    pub unsettled: BTreeMap<EntryHash, Unsettled>,
}

impl Candidate {
    /// Judges what can be judged of an entry, whose hash is known, by itself. `within`: whether it lies within what
    /// revocations let count of its log. None while its body is missing.
    pub fn of(entry: &Entry, hash: EntryHash, grant: &Grant, within: bool) -> Option<Self> {
        let body = entry.body.as_deref()?;
        let change = ParsedChange::parse(body);
        let allowed =
            allowed(&entry.header.log, entry.header.document.id(), grant).and_then(|()| {
                match &change {
                    Ok(change) if !is_of(change, &entry.header.log) => {
                        Err(Unsettled::NotAllowed("foreign_actor".into()))
                    }
                    _ => Ok(()),
                }
            });
        let claimed = match &change {
            Ok(change) => Some(change.hash()),
            Err(_) => ParsedChange::claimed_hash(body),
        };
        Some(Self {
            entry: hash,
            seq: entry.header.seq,
            device: entry.header.log.device,
            hash: claimed,
            change,
            allowed,
            writers: grant.writers(),
            within,
            adopted: false,
            carried_by: None,
        })
    }

    /// The changes that an adoption carries here from another scope, each judged from its original:
    /// form, actor, and what its author's grant allows where it was written. Whether they lie within
    /// is a question of the adoption, which vouches for them.
    pub fn carried(by: EntryHash, originals: &Originals, within: bool) -> Vec<Self> {
        originals
            .entries
            .iter()
            .filter_map(|entry| Self::of(entry, entry.header.hash(), &originals.grant, within))
            .map(|candidate| Self { carried_by: Some(by), ..candidate })
            .collect()
    }

    /// Why the change never counts whatever else is here, if that is so.
    pub fn hopeless(&self) -> Option<Unsettled> {
        match (&self.change, &self.allowed) {
            (Err(rule), _) => Some(Unsettled::IllFormed(rule.code().into())),
            (_, Err(reason)) => Some(reason.clone()),
            (Ok(_), Ok(())) => None,
        }
    }
}

/// The lane that a document's changes travel in.
pub fn lane_of(document: &DocumentId) -> Lane {
    match document {
        DocumentId::Directory | DocumentId::Ruleset => Lane::Notice,
        DocumentId::Elder { part: Part::Incident(_), .. } => Lane::Urgent,
        DocumentId::Elder { .. } => Lane::Routine,
    }
}

/// The right that writing a document takes.
pub fn right_for(document: &DocumentId) -> Rights {
    match document {
        DocumentId::Directory | DocumentId::Ruleset => Rights::DELEGATE,
        DocumentId::Elder { part, .. } => Rights::write(part.kind()),
    }
}

/// Whether a log's grant allows a change of the document in that log.
pub fn allowed(log: &LogKey, document: Option<DocumentId>, grant: &Grant) -> Result<(), Unsettled> {
    let not_allowed = |what: &str| Err(Unsettled::NotAllowed(what.to_owned()));
    match document {
        None => not_allowed("no_document"),
        Some(document) if lane_of(&document) != log.lane => not_allowed("lane"),
        Some(document) if !grant.rights.contains(right_for(&document)) => not_allowed("right"),
        Some(_) if !grant.area.contains(log.scope) => not_allowed("area"),
        Some(_) => Ok(()),
    }
}

/// Whether a grant lets a device carry entries of a document from other scopes into a log: it may
/// replicate, and write what a township writes. It need not have the right to the document itself:
/// that is asked of the author.
pub fn may_carry(
    log: &LogKey,
    document: Option<DocumentId>,
    grant: &Grant,
) -> Result<(), Unsettled> {
    let not_allowed = |what: &str| Err(Unsettled::NotAllowed(what.to_owned()));
    match document {
        Some(document @ DocumentId::Elder { .. }) if lane_of(&document) == log.lane => {}
        Some(DocumentId::Elder { .. }) => return not_allowed("lane"),
        Some(DocumentId::Directory | DocumentId::Ruleset) | None => {
            return not_allowed("adoption_document");
        }
    }
    if !grant.rights.contains(Rights::CARRY) {
        return not_allowed("adoption_right");
    }
    match grant.area.contains(log.scope) {
        true => Ok(()),
        false => not_allowed("area"),
    }
}

fn is_of(change: &ParsedChange, log: &LogKey) -> bool {
    change.actor().to_bytes().starts_with(&log.actor_prefix())
}

/// Decides all changes of a document together.
pub fn count(key: &DocumentKey, candidates: &[Candidate]) -> Counted {
    let base = genesis(key.scope, &key.id);
    let mut refused = BTreeSet::new();
    loop {
        let mut judged = judge(&mut Ancestry::new(key.scope, &key.id), candidates, &refused);
        judged.quarantine(candidates);
        let gone = displaced(&judged.own, candidates);
        let counting = judged.keep_all_but(&gone);
        match apply(base.clone(), counting.clone()) {
            Ok(document) => return Counted { document, unsettled: judged.unsettled },
            // Automerge refuses what the rules allow: no case is known. Take away the change that
            // it refuses, so that the others still count, and name it.
            Err(Refused) => match first_refused(&base, &counting) {
                Some(hash) => refused.insert(hash),
                None => return Counted { document: base, unsettled: judged.unsettled },
            },
        };
    }
}

/// Decides new changes, and those that waited, on top of a document, whose changes `ancestry` knows and no
/// others, of which nothing can be displaced. `first` is a genesis that the document does not have yet. None if some change claims an (actor, seq) twice, or lies beyond a cut: then [`count`]
/// has to decide. Gives the same as [`count`] over all changes would.
pub fn count_onto(
    document: Automerge,
    first: Option<Change>,
    ancestry: &mut Ancestry,
    candidates: &[Candidate],
) -> Option<Counted> {
    if candidates.iter().any(|candidate| !candidate.within) {
        return None;
    }
    let known: BTreeSet<ChangeHash> = candidates
        .iter()
        .filter_map(|one| one.hash)
        .filter(|hash| ancestry.contains(hash))
        .collect();
    let actors = candidates.iter().filter_map(|one| one.change.as_ref().ok());
    let mut last_seq: BTreeMap<ActorId, u64> = actors
        .filter_map(|change| Some((change.actor().clone(), ancestry.last_seq(change.actor())?)))
        .collect();
    let judged = judge(ancestry, candidates, &BTreeSet::new());
    let fresh: Vec<_> =
        judged.own.iter().filter(|change| !known.contains(&change.hash())).collect();
    for change in &fresh {
        // Each change follows its actor's last one, so numbers have no gaps.
        if last_seq.insert(change.actor().clone(), change.seq()) >= Some(change.seq()) {
            return None;
        }
    }
    let fresh = fresh.into_iter().map(|change| change.change().clone());
    let document = apply(document, first.into_iter().chain(fresh).collect()).ok()?;
    Some(Counted { document, unsettled: judged.unsettled })
}

/// Candidates sorted into those that are well-formed, allowed and unblocked, and the others.
struct Judged<'a> {
    /// In causal order: those that count, once what lies beyond cuts is taken out.
    own: Vec<&'a ParsedChange>,
    entries_of: BTreeMap<ChangeHash, Vec<EntryHash>>,
    unsettled: BTreeMap<EntryHash, Unsettled>,
}

fn judge<'a>(
    ancestry: &mut Ancestry,
    candidates: &'a [Candidate],
    refused: &BTreeSet<ChangeHash>,
) -> Judged<'a> {
    let mut judged =
        Judged { own: Vec::new(), entries_of: BTreeMap::new(), unsettled: BTreeMap::new() };
    let mut blocking = BTreeSet::new();
    let mut waiting: BTreeMap<ChangeHash, (&ParsedChange, Writers)> = BTreeMap::new();
    for candidate in candidates {
        match (&candidate.change, candidate.hopeless()) {
            (Ok(change), None) => {
                judged.entries_of.entry(change.hash()).or_default().push(candidate.entry);
                // The same change in two logs is judged by whichever may do more.
                let writers =
                    &mut waiting.entry(change.hash()).or_insert((change, Writers::NONE)).1;
                *writers = writers.and(candidate.writers);
            }
            (_, reason) => {
                blocking.extend(candidate.hash);
                judged.unsettled.extend(reason.map(|reason| (candidate.entry, reason)));
            }
        }
    }
    // The same change may stand in one entry that is allowed and in another that is not.
    blocking.retain(|hash| !waiting.contains_key(hash) && !ancestry.contains(hash));

    // Each change is looked at once, after all that it builds on.
    let mut dependants: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
    let mut awaited: BTreeMap<ChangeHash, usize> = BTreeMap::new();
    let mut aside: Vec<(ChangeHash, Unsettled)> = Vec::new();
    let mut ready: BTreeSet<ChangeHash> = BTreeSet::new();
    for (hash, (change, _)) in &waiting {
        let here = change.deps().iter().filter(|dep| waiting.contains_key(*dep));
        let count = here.map(|dep| dependants.entry(*dep).or_default().push(*hash)).count();
        awaited.insert(*hash, count);
        ready.extend((count == 0).then_some(*hash));
        if change.deps().iter().any(|dep| blocking.contains(dep)) {
            aside.push((*hash, Unsettled::Blocked));
        }
    }
    loop {
        while let Some((hash, reason)) = aside.pop() {
            if waiting.remove(&hash).is_some() {
                judged.set_aside(&hash, &reason);
                let after = dependants.get(&hash).into_iter().flatten();
                aside.extend(after.map(|after| (*after, Unsettled::Blocked)));
            }
        }
        let Some(hash) = ready.pop_first() else { break };
        let Some((change, writers)) = waiting.get(&hash) else { continue };
        if refused.contains(&hash) {
            aside.push((hash, Unsettled::IllFormed("refused".into())));
            continue;
        }
        match ancestry.admit(change, *writers) {
            // What builds on it is not ready either.
            Judgement::MissingDependencies(_) => {}
            Judgement::IllFormed(rule) => {
                aside.push((hash, Unsettled::IllFormed(rule.code().into())));
            }
            Judgement::NoRight => aside.push((hash, Unsettled::NotAllowed("field".into()))),
            Judgement::WellFormed => {
                judged.own.push(change);
                waiting.remove(&hash);
                for after in dependants.get(&hash).into_iter().flatten() {
                    if let Some(count) = awaited.get_mut(after) {
                        *count -= 1;
                        ready.extend((*count == 0).then_some(*after));
                    }
                }
            }
        }
    }
    waiting.keys().for_each(|hash| judged.set_aside(hash, &Unsettled::Pending));
    judged
}

impl Judged<'_> {
    /// Takes out what lies beyond a cut and is neither adopted nor an ancestor of what counts, and
    /// notes what counts for no other reason than its descendants.
    fn quarantine(&mut self, candidates: &[Candidate]) {
        if candidates.iter().all(|candidate| candidate.within) {
            return;
        }
        // The same change may stand in several entries; one that lies within is enough.
        let mut own: BTreeSet<ChangeHash> = BTreeSet::new();
        let mut adopted: BTreeSet<ChangeHash> = BTreeSet::new();
        for candidate in candidates.iter().filter(|candidate| candidate.hopeless().is_none()) {
            own.extend(candidate.hash.filter(|_| candidate.within));
            adopted.extend(candidate.hash.filter(|_| candidate.adopted));
        }
        let mut counting: BTreeSet<ChangeHash> = BTreeSet::new();
        for change in self.own.iter().rev() {
            let hash = change.hash();
            if own.contains(&hash) || adopted.contains(&hash) || counting.contains(&hash) {
                counting.insert(hash);
                counting.extend(change.deps());
            }
        }
        let sound = std::mem::take(&mut self.own);
        for change in sound {
            let hash = change.hash();
            if !counting.contains(&hash) {
                self.set_aside(&hash, &Unsettled::Quarantined);
                continue;
            }
            if !own.contains(&hash) && !adopted.contains(&hash) {
                for entry in self.entries_of.get(&hash).into_iter().flatten() {
                    self.unsettled.insert(*entry, Unsettled::Vouched);
                }
            }
            self.own.push(change);
        }
    }

    fn set_aside(&mut self, change: &ChangeHash, reason: &Unsettled) {
        for entry in self.entries_of.remove(change).unwrap_or_default() {
            self.unsettled.insert(entry, reason.clone());
        }
    }

    fn keep_all_but(&mut self, gone: &BTreeMap<ChangeHash, Unsettled>) -> Vec<Change> {
        for (hash, reason) in gone {
            self.set_aside(hash, reason);
        }
        self.own
            .iter()
            .filter(|change| !gone.contains_key(&change.hash()))
            .map(|change| change.change().clone())
            .collect()
    }
}

/// Changes that give way to another with the same (actor, seq), and what descends from them. Honest
/// devices never write two such changes, so among rivals those come first that another device has
/// built on: nobody makes honest work void by a second version of what it stands on. Then the earlier
/// in its log, then the smaller hash. `own` is in causal order. Collisions are settled in the order of
/// (actor, seq), each among the changes that are still there.
fn displaced(own: &[&ParsedChange], candidates: &[Candidate]) -> BTreeMap<ChangeHash, Unsettled> {
    let mut gone = BTreeMap::new();
    let mut claims: BTreeMap<(&[u8], u64), BTreeSet<ChangeHash>> = BTreeMap::new();
    for change in own {
        let claim = (change.actor().to_bytes(), change.seq());
        claims.entry(claim).or_default().insert(change.hash());
    }
    claims.retain(|_, rivals| rivals.len() > 1);
    if claims.is_empty() {
        return gone;
    }
    let mut dependants: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
    for change in own {
        for dep in change.deps() {
            dependants.entry(*dep).or_default().push(change.hash());
        }
    }
    let written = written(candidates);
    let built_on = built_on(own, &written);
    for rivals in claims.into_values() {
        let mut rivals: Vec<_> = rivals
            .into_iter()
            .filter(|hash| !gone.contains_key(hash))
            .map(|hash| {
                let seq = written.get(&hash).map(|(seq, _)| *seq);
                (!built_on.contains(&hash), seq, hash)
            })
            .collect();
        rivals.sort_unstable();
        let mut aside: Vec<(ChangeHash, Unsettled)> =
            rivals.into_iter().skip(1).map(|(.., hash)| (hash, Unsettled::Displaced)).collect();
        while let Some((hash, reason)) = aside.pop() {
            if let Place::Vacant(place) = gone.entry(hash) {
                place.insert(reason);
                let after = dependants.get(&hash).into_iter().flatten();
                aside.extend(after.map(|after| (*after, Unsettled::Blocked)));
            }
        }
    }
    gone
}

/// Where each change stands first, and whose log that is.
fn written(candidates: &[Candidate]) -> BTreeMap<ChangeHash, (u64, DeviceId)> {
    let mut written = BTreeMap::new();
    for candidate in candidates {
        if let Some(hash) = candidate.hash {
            let place = (candidate.seq, candidate.device);
            let first = written.entry(hash).or_insert(place);
            *first = place.min(*first);
        }
    }
    written
}

/// The changes from which one of another device descends.
fn built_on(
    own: &[&ParsedChange],
    written: &BTreeMap<ChangeHash, (u64, DeviceId)>,
) -> BTreeSet<ChangeHash> {
    let mut found = BTreeSet::new();
    let mut after: BTreeMap<ChangeHash, BTreeSet<DeviceId>> = BTreeMap::new();
    for change in own.iter().rev() {
        let hash = change.hash();
        let Some((_, device)) = written.get(&hash) else { continue };
        let mut devices = after.remove(&hash).unwrap_or_default();
        if devices.iter().any(|other| other != device) {
            found.insert(hash);
        }
        devices.insert(*device);
        for dep in change.deps() {
            after.entry(*dep).or_default().extend(devices.iter().copied());
        }
    }
    found
}

/// Automerge refused changes, or panicked over them.
struct Refused;

/// Applies changes that the rules allow. An error means that Automerge refused some, or panicked: then
/// the document is thrown away, and what is stored of it is as it was.
fn apply(mut scratch: Automerge, changes: Vec<Change>) -> Result<Automerge, Refused> {
    let applied = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let hashes: Vec<ChangeHash> = changes.iter().map(Change::hash).collect();
        scratch.apply_changes(changes).map_err(|_| Refused)?;
        let missing = automerge::ReadDoc::get_missing_deps(&scratch, &hashes);
        if missing.is_empty() { Ok(scratch) } else { Err(Refused) }
    }));
    applied.unwrap_or(Err(Refused))
}

fn first_refused(base: &Automerge, counting: &[Change]) -> Option<ChangeHash> {
    let mut document = base.clone();
    for change in counting {
        match apply(document.clone(), vec![change.clone()]) {
            Ok(next) => document = next,
            Err(Refused) => return Some(change.hash()),
        }
    }
    None
}
