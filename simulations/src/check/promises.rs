//! What machines have promised: facts that people were told are saved, and positions of logs that peers
//! were told are held.
//!
//! Facts are kept by scope, and what a machine has saved since it was last looked into by machine, so
//! that a look costs what is new and not what there is.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::PartView;
use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::Rights;
use shouwang_node::index;
use shouwang_node::log::EntryHash;
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::store::rows::LogNumber;
use shouwang_node::store::{ChainRead, Snapshot, StoreError, StoreRead};
use shouwang_node::sync::wire::LogPosition;

use super::drafts::Drafts;
use super::fact::is_there;
use super::{Claims, Fact, Guarantee, Violation, Written, standing};
use crate::moves;
use crate::workload::LATER_KEY;

/// What machines are known to have promised. A machine has the number of its node; where a home
/// was copied the second machine has one of its own.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    /// By the scope that it stands in.
    saved: BTreeMap<DivisionCode, Vec<Saved>>,
    saved_count: usize,
    /// The scopes that facts of an elder stand in.
    scopes: BTreeMap<ElderId, BTreeSet<DivisionCode>>,
    /// What a machine has saved since it was last looked into. The entries of everything older are
    /// claimed, so they need not be looked up each time.
    fresh: BTreeMap<usize, Vec<Fact>>,
    /// Value → writes that have seen and replaced it.
    replaced: BTreeMap<String, u64>,
    /// Whose files somebody has erased.
    erased: BTreeSet<ElderId>,
    /// Edits during which the disk failed: they may be there or not.
    unsure: BTreeMap<usize, Vec<Fact>>,
    /// The positions of each log that a machine said it holds.
    claims: BTreeMap<usize, Claims>,
    /// Fields of which a value was lost with a disk, and may come back from a stick: what stands there
    /// is not known.
    doubtful: BTreeSet<(ElderId, Field)>,
    /// The nodes of second machines.
    clones: BTreeMap<usize, usize>,
    /// Machines whose grant was taken away: what they saved is no promise any more.
    distrusted: BTreeSet<usize>,
    /// What people have begun to type.
    pub drafts: Drafts,
}

/// A fact, who saved it, and the entries that say it.
#[derive(Clone, Debug)]
struct Saved {
    by: usize,
    fact: Fact,
    places: Vec<LogPosition>,
}

/// What a machine had promised when an image of its disk was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    claims: Claims,
}

/// A machine whose disk was put back to an image.
pub struct PutBack<'a> {
    /// The machine.
    pub machine: usize,
    /// Its node's area: of scopes outside it nothing stood on the disk.
    pub area: Area,
    /// What it had promised when the image was taken.
    pub memory: Memory,
    /// The image's store, and those of all other nodes; the likelier something is to be in one, the
    /// earlier it should come.
    pub stores: &'a [Snapshot],
    /// Whether lost entries may come back, out of bundles or from a device in the wrong hands.
    pub may_return: bool,
}

type Place = (DivisionCode, ElderId);

/// What facts say of one elder.
#[derive(Default)]
struct Expected<'a> {
    notes: BTreeSet<&'a str>,
    /// What a later version has written.
    later: BTreeSet<&'a str>,
    written: BTreeMap<Field, Vec<&'a Written>>,
}

impl Checker {
    /// A node told a person that this is saved. Its own logs are part of the promise. Returns the entries
    /// that are new with it.
    pub fn saved(
        &mut self,
        machine: usize,
        engine: &Engine,
        facts: Vec<Fact>,
    ) -> Result<Vec<LogPosition>, Violation> {
        let snapshot = engine.read()?;
        self.keep(machine, engine.device(), &snapshot, facts)
    }

    fn keep(
        &mut self,
        machine: usize,
        device: DeviceId,
        snapshot: &Snapshot,
        facts: Vec<Fact>,
    ) -> Result<Vec<LogPosition>, Violation> {
        let scopes: BTreeSet<DivisionCode> = facts.iter().map(Fact::scope).collect();
        let mut places: BTreeMap<DivisionCode, Vec<LogPosition>> = BTreeMap::new();
        let mut known: BTreeMap<DivisionCode, Vec<LogPosition>> = BTreeMap::new();
        for scope in scopes {
            for log in snapshot.logs_of(scope)? {
                if log.key.device != device {
                    continue;
                }
                if let Some(head) = snapshot.head_of(log.number)? {
                    let place = LogPosition { log: log.key, seq: head.seq, hash: head.hash };
                    match self.claim(machine, place) {
                        true => places.entry(scope).or_default().push(place),
                        false if log.key.lane.carries_records() => {
                            known.entry(scope).or_default().push(place);
                        }
                        false => {}
                    }
                }
            }
        }
        for fact in facts {
            // What a peer was told of before a person was is somewhere in what is held, and goes with it.
            let held = places.get(&fact.scope()).or(known.get(&fact.scope()));
            let places = held.cloned().unwrap_or_default();
            self.add(Saved { by: machine, fact, places });
        }
        Ok(places.into_values().flatten().collect())
    }

    fn add(&mut self, saved: Saved) {
        let scope = saved.fact.scope();
        if let Some(elder) = saved.fact.elder() {
            self.scopes.entry(elder).or_default().insert(scope);
        }
        match &saved.fact {
            Fact::Value(written) => {
                for value in &written.seen {
                    *self.replaced.entry(value.clone()).or_default() += 1;
                }
            }
            Fact::Erased(_, elder) => drop(self.erased.insert(*elder)),
            _ => {}
        }
        self.fresh.entry(saved.by).or_default().push(saved.fact.clone());
        self.saved_count += 1;
        self.saved.entry(scope).or_default().push(saved);
    }

    /// A machine's grant was taken away. What reached others before that counts, and what honest
    /// people built on; what it saved is no promise.
    pub fn distrust(&mut self, machine: usize) {
        self.distrusted.insert(machine);
    }

    /// A node's disk failed while it was saving this.
    pub fn unsure(&mut self, machine: usize, facts: Vec<Fact>) {
        self.unsure.entry(machine).or_default().extend(facts);
    }

    /// A node's disk failed while it was saving this, and nothing is known of where it stands: of a value
    /// not even whether it has replaced what was seen.
    pub fn doubts(&mut self, facts: Vec<Fact>) {
        for fact in facts {
            match fact {
                Fact::Value(written) => drop(self.doubtful.insert((written.elder, written.field))),
                Fact::Erased(_, elder) => drop(self.erased.insert(elder)),
                _ => {}
            }
        }
    }

    /// A node told a peer that it durably holds these.
    pub fn claimed(&mut self, machine: usize, positions: impl IntoIterator<Item = LogPosition>) {
        for position in positions {
            self.claim(machine, position);
        }
    }

    fn claim(&mut self, machine: usize, place: LogPosition) -> bool {
        let claims = self.claims.entry(machine).or_default();
        claims.entry(place.log).or_default().insert((place.seq, place.hash))
    }

    /// What a machine has promised by now.
    pub fn memory(&self, machine: usize) -> Memory {
        Memory { claims: self.claims.get(&machine).cloned().unwrap_or_default() }
    }

    /// What a machine has promised by now and this store has.
    pub fn memory_in(&self, machine: usize, store: &Snapshot) -> Result<Memory, Violation> {
        let mut memory = self.memory(machine);
        for (log, claims) in &mut memory.claims {
            let mut kept = BTreeSet::new();
            for (seq, hash) in claims.iter() {
                if store.find_chain(log, *seq, hash)?.is_some() {
                    kept.insert((*seq, *hash));
                }
            }
            *claims = kept;
        }
        Ok(memory)
    }

    /// A machine's disk was put back. What stood there alone is lost, whoever wrote it: all but what
    /// stands in one of the other stores.
    pub fn restored(&mut self, put_back: PutBack<'_>) -> Result<(), Violation> {
        let PutBack { machine, area, memory, stores, may_return } = put_back;
        self.claims.insert(machine, memory.claims);
        self.drafts.forgotten(machine);
        for (scope, facts) in &mut self.saved {
            if !area.touches(*scope) {
                continue;
            }
            let mut kept = Vec::with_capacity(facts.len());
            for saved in std::mem::take(facts) {
                // An erasure may be elsewhere though an entry beside it is lost. It promises nothing, it
                // only excuses.
                if matches!(saved.fact, Fact::Erased(..)) || is_whole(&saved, stores)? {
                    kept.push(saved);
                    continue;
                }
                self.saved_count -= 1;
                if let Fact::Value(written) = &saved.fact {
                    if may_return {
                        self.doubtful.insert((written.elder, written.field));
                    }
                    for value in &written.seen {
                        if let Some(count) = self.replaced.get_mut(value) {
                            *count -= 1;
                        }
                    }
                }
            }
            *facts = kept;
        }
        self.replaced.retain(|_, count| *count > 0);
        // Some of what is kept has still to come back.
        self.fresh.remove(&machine);
        Ok(())
    }

    /// A node's home runs on a second machine too, which has promised what the first has.
    pub fn cloned(&mut self, machine: usize, second: usize, node: usize) {
        self.claims.insert(second, self.memory(machine).claims);
        self.clones.insert(second, node);
        self.drafts.copied(machine, second);
        if self.distrusted.contains(&machine) {
            self.distrusted.insert(second);
        }
    }

    /// How many facts were saved.
    pub fn saved_count(&self) -> usize {
        self.saved_count
    }

    /// A node has started again, or is looked into: everything that it promised is there.
    pub fn restarted(&mut self, machine: usize, engine: &Engine) -> Result<(), Violation> {
        self.drafts.stand(machine, engine)?;
        let snapshot = engine.read()?;
        let claims = self.claims.entry(machine).or_default();
        for (log, claims) in claims.iter_mut() {
            let mut furthest: BTreeMap<LogNumber, (u64, EntryHash)> = BTreeMap::new();
            for (seq, hash) in claims.iter() {
                let Some(chain) = snapshot.find_chain(log, *seq, hash)? else {
                    let detail = format!("machine {machine} said it holds {log:?}/{seq} {hash:?}");
                    return Err(Violation::new(Guarantee::SavedSurvives, detail));
                };
                let last = furthest.entry(chain.number).or_insert((*seq, *hash));
                *last = (*last).max((*seq, *hash));
            }
            *claims = furthest.into_values().collect();
        }
        // What was being saved either is there or never happened.
        let mut there = Vec::new();
        for fact in self.unsure.remove(&machine).unwrap_or_default() {
            if is_there(&snapshot, &fact)? {
                there.push(fact);
            }
        }
        self.keep(machine, engine.device(), &snapshot, there)?;
        let own = self.fresh.remove(&machine).unwrap_or_default();
        // Of a file that is on the move the entries are promised, wherever they count.
        let moved = moves::custody(&snapshot)?;
        let stays = |fact: &&Fact| fact.elder().is_none_or(|elder| !moved.contains_key(&elder));
        let own = own.iter().filter(stays);
        let survives = Wanted { guarantee: Guarantee::SavedSurvives, exactly: false };
        self.there(&snapshot, engine.area(), own, survives)
            .map_err(|violation| violation.at(machine))
    }

    /// Everything that was saved anywhere in a node's area is at the node, and of values written
    /// concurrently exactly those stand that nobody has replaced.
    pub fn arrived(&self, node: usize, engine: &Engine) -> Result<(), Violation> {
        let snapshot = engine.read()?;
        let area = engine.area();
        let moved = moves::custody(&snapshot)?;
        let replicates = engine.grant().rights.contains(Rights::REPLICATE);
        let own = |by: usize| self.clones.get(&by).copied().unwrap_or(by) == node;
        let facts = self.around(area, &moved).into_iter().filter(|saved| match &saved.fact {
            Fact::Place { directory, .. } => area.touches(*directory),
            fact => {
                let elder = fact.elder().unwrap_or(ElderId([0; 16]));
                moves::whereabouts(&moved, area, fact.scope(), elder).is_some()
                    && (replicates || own(saved.by))
            }
        });
        let mut kept: Vec<&Fact> = Vec::new();
        for saved in facts {
            // Who gets no logs but its own is not told that what it wrote was purged or erased elsewhere: what comes
            // back to a disk that was put back is listed as missing there.
            if replicates || !lacks_body(&snapshot, saved)? {
                kept.push(&saved.fact);
            }
        }
        let arrives = Wanted { guarantee: Guarantee::SavedArrives, exactly: replicates };
        self.there(&snapshot, area, kept.into_iter(), arrives)
            .map_err(|violation| violation.at(node))
    }

    /// Of every field of a card in an area, where custody is, the values written and not replaced since.
    pub(crate) fn live(
        &self,
        area: Area,
        moved: &BTreeMap<ElderId, DivisionCode>,
    ) -> BTreeMap<(Place, Field), BTreeSet<String>> {
        let mut live = BTreeMap::new();
        let facts = self.around(area, moved).into_iter().map(|saved| &saved.fact);
        for (place, expected) in self.kept(facts, area, moved) {
            for (field, written) in expected.written {
                live.insert((place, field), self.unreplaced(&written));
            }
        }
        live
    }

    fn unreplaced(&self, written: &[&Written]) -> BTreeSet<String> {
        let values = written.iter().map(|by| by.value.clone());
        values.filter(|value| !self.replaced.contains_key(value)).collect()
    }

    /// What machines whose grant stands saved in an area and above it, or of elders who have moved there.
    fn around(&self, area: Area, moved: &BTreeMap<ElderId, DivisionCode>) -> Vec<&Saved> {
        let touched = self.saved.keys().copied().filter(|scope| area.touches(*scope));
        let mut scopes: BTreeSet<DivisionCode> = touched.collect();
        for elder in moved.iter().filter(|(_, to)| area.contains(**to)).map(|(elder, _)| elder) {
            scopes.extend(self.scopes.get(elder).into_iter().flatten());
        }
        let facts = scopes.iter().filter_map(|scope| self.saved.get(scope)).flatten();
        facts.filter(|saved| !self.distrusted.contains(&saved.by)).collect()
    }

    /// What facts say of elders whose files nobody has erased, or may have while a disk failed, by
    /// where a node of this area has them.
    fn kept<'a>(
        &self,
        facts: impl Iterator<Item = &'a Fact>,
        area: Area,
        moved: &BTreeMap<ElderId, DivisionCode>,
    ) -> BTreeMap<Place, Expected<'a>> {
        let perhaps: BTreeSet<ElderId> = self
            .unsure
            .values()
            .flatten()
            .filter_map(|fact| match fact {
                Fact::Erased(_, elder) => Some(*elder),
                _ => None,
            })
            .collect();
        let mut kept = gather(facts, area, moved);
        kept.retain(|(_, elder), _| !self.erased.contains(elder) && !perhaps.contains(elder));
        for ((_, elder), expected) in &mut kept {
            expected.written.retain(|field, _| !self.doubtful.contains(&(*elder, *field)));
        }
        kept
    }

    /// Whether all facts are in the store. A value may have been replaced since by any that saw it.
    fn there<'a>(
        &self,
        snapshot: &Snapshot,
        area: Area,
        facts: impl Iterator<Item = &'a Fact> + Clone,
        wanted: Wanted,
    ) -> Result<(), Violation> {
        let missing = |detail: String| Err(Violation::new(wanted.guarantee, detail));
        let moved = moves::custody(snapshot)?;
        for ((scope, elder), expected) in self.kept(facts.clone(), area, &moved) {
            let view = index::view(snapshot, scope, elder)?;
            for (field, written) in &expected.written {
                let (stands, live) = (standing(&view, *field), self.unreplaced(written));
                if wanted.exactly && stands != live {
                    let detail = format!(
                        "{scope}/{elder} {field}: {stands:?} stands, of what was written {live:?} was \
                         not replaced"
                    );
                    return Err(Violation::new(Guarantee::ConflictsKept, detail));
                }
                if let Some(gone) = live.difference(&stands).next() {
                    return missing(format!("{scope}/{elder} lacks {field} {gone}"));
                }
            }
            if view.parts().next().is_none() || snapshot.elder(scope, elder)?.is_none() {
                return missing(format!("there is no file {scope}/{elder}"));
            }
            let texts = |key: &'static str| {
                let stored = view.parts().flat_map(PartView::stored);
                stored.filter_map(|(_, listed)| listed.element.text(key)).collect::<BTreeSet<_>>()
            };
            let notes = texts("note");
            if !expected.later.is_subset(&texts(LATER_KEY)) {
                return missing(format!("{scope}/{elder} lacks what a later version wrote"));
            }
            if let Some(note) = expected.notes.difference(&notes).next() {
                return missing(format!("{scope}/{elder} lacks the event {note}"));
            }
        }
        for fact in facts {
            if matches!(fact, Fact::Place { .. }) && !is_there(snapshot, fact)? {
                return missing(format!("{fact:?} is missing"));
            }
        }
        Ok(())
    }
}

/// What facts are looked up for.
#[derive(Clone, Copy)]
struct Wanted {
    /// What does not hold if something is missing.
    guarantee: Guarantee,
    /// Whether nothing but what was written may stand in a field.
    exactly: bool,
}

/// Whether an entry of a fact is in a store without its body.
fn lacks_body(snapshot: &Snapshot, saved: &Saved) -> Result<bool, StoreError> {
    for place in &saved.places {
        if let Some(chain) = snapshot.find_chain(&place.log, place.seq, &place.hash)?
            && snapshot.is_missing(chain.number, place.seq)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether every entry of a fact is in one of these stores.
fn is_whole(saved: &Saved, stores: &[Snapshot]) -> Result<bool, StoreError> {
    for place in &saved.places {
        let mut found = false;
        for store in stores {
            found = store.find_chain(&place.log, place.seq, &place.hash)?.is_some();
            if found {
                break;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Facts by elder, where a node of this area has the file; every elder of whom anything is known has
/// one.
fn gather<'a>(
    facts: impl Iterator<Item = &'a Fact>,
    area: Area,
    moved: &BTreeMap<ElderId, DivisionCode>,
) -> BTreeMap<Place, Expected<'a>> {
    let mut found: BTreeMap<Place, Expected<'a>> = BTreeMap::new();
    for fact in facts {
        let Some(elder) = fact.elder() else { continue };
        let Some(scope) = moves::whereabouts(moved, area, fact.scope(), elder) else { continue };
        match fact {
            Fact::Elder(..) => drop(found.entry((scope, elder)).or_default()),
            Fact::Visit(_, _, note) | Fact::Event(_, _, note) => {
                found.entry((scope, elder)).or_default().notes.insert(note);
            }
            Fact::Later(_, _, note) => {
                let expected = found.entry((scope, elder)).or_default();
                expected.notes.insert(note);
                expected.later.insert(note);
            }
            Fact::Value(written) => found
                .entry((scope, elder))
                .or_default()
                .written
                .entry(written.field)
                .or_default()
                .push(written),
            Fact::Place { .. } | Fact::Erased(..) => {}
        }
    }
    found
}
