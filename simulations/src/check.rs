//! What must hold, whatever the seed: one function for each guarantee.
//!
//! The checks know what people were told was saved, and what nodes told each other they hold; they
//! read engines through the same tables and views as any command does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use shouwang_crdt_schema::automerge::Automerge;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::{self, ElderView, PartView};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::digest;
use shouwang_node::engine::Engine;
use shouwang_node::gathered::{Cache, Coverage};
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::{Grant, Rights};
use shouwang_node::index;
use shouwang_node::log::{EntryHash, Lane, LogKey};
use shouwang_node::replication::{receives, replicates};
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::store::rows::{DocumentKey, LogNumber};
use shouwang_node::store::{ChainRead, Snapshot, StoreError, StoreRead};
use shouwang_node::sync::Progress;
use shouwang_node::sync::wire::LogPosition;
use shouwang_node::verify;

use crate::moves;

pub mod inbox;

/// A guarantee that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which.
    pub guarantee: Guarantee,
    /// Where and what.
    pub detail: String,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// What was reported as saved, or acknowledged to a peer, survives power loss.
    SavedSurvives,
    /// Once the faults are over, nodes that share a scope agree on it.
    Converges,
    /// What a node holds reads back and comes to the same documents and index.
    Verifies,
    /// No node stores what is outside its area.
    InsideArea,
    /// What was saved is in the end at every node whose area holds it.
    SavedArrives,
    /// Of values written concurrently none is lost.
    ConflictsKept,
    /// Every value that stands beside others is in the conflict inbox.
    InboxIsWhole,
    /// "Done" is not said while entries are missing.
    DoneIsTrue,
    /// No honest node is accused, and no session ends in a fault of the protocol.
    NobodyAccused,
    /// What a node takes another to hold the other durably holds.
    CustodyIsTrue,
    /// What two have signed to erase is at no node that has heard of it, and nothing else is gone.
    ErasedIsGone,
    /// Every elder is shown by one scope of a node, wherever moves have led.
    ShownOnce,
    /// What was purged from an old scope is in the new one at two nodes at least.
    PurgedIsHeld,
    /// A node works as long as its disk does.
    NodeWorks,
}

/// Something that a person was told is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An elder has a file.
    Elder(DivisionCode, ElderId),
    /// A visit was recorded; the note tells it from every other.
    Visit(DivisionCode, ElderId, String),
    /// An event of another list was recorded; the note tells it from every other.
    Event(DivisionCode, ElderId, String),
    /// A value was written into a field of the card.
    Value(Written),
    /// A file was signed to be erased. Whatever else is known of it need not be there any more.
    Erased(DivisionCode, ElderId),
    /// A place is named in a directory.
    Place {
        /// Whose directory.
        directory: DivisionCode,
        /// The place.
        code: DivisionCode,
        /// Its name.
        name: String,
    },
}

/// A value that was written into a field of a card. No two writes of a simulation write the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The scope.
    pub scope: DivisionCode,
    /// Whose card.
    pub elder: ElderId,
    /// The field.
    pub field: Field,
    /// The value.
    pub value: String,
    /// The values that stood there where it was written, and that it replaces.
    pub seen: BTreeSet<String>,
}

/// What machines are known to have promised. A machine has the number of its node; where a home
/// was copied the second machine has one of its own.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    saved: Vec<Saved>,
    /// Edits during which the disk failed: they may be there or not.
    unsure: BTreeMap<usize, Vec<Fact>>,
    /// How many of the facts were there when the machine last started again. Their entries are
    /// claimed, so they need not be looked up each time.
    looked_up: BTreeMap<usize, usize>,
    /// The positions of each log that a machine said it holds.
    claims: BTreeMap<usize, Claims>,
    /// Fields of which a value was lost with a disk, and may come back from a stick: what stands there
    /// is not known.
    doubtful: BTreeSet<(ElderId, Field)>,
    /// The nodes of second machines.
    clones: BTreeMap<usize, usize>,
    /// Machines whose grant was taken away: what they saved is no promise any more.
    distrusted: BTreeSet<usize>,
}

type Claims = BTreeMap<LogKey, BTreeSet<(u64, EntryHash)>>;

/// A fact, who saved it, and the entries that say it.
#[derive(Clone, Debug)]
struct Saved {
    by: usize,
    fact: Fact,
    places: Vec<LogPosition>,
}

/// What a machine had promised when an image of its disk was taken.
#[derive(Clone, Debug)]
pub struct Memory {
    claims: Claims,
}

type Place = (DivisionCode, ElderId);

/// What facts say of one elder.
#[derive(Default)]
struct Expected<'a> {
    notes: BTreeSet<&'a str>,
    written: BTreeMap<Field, Vec<&'a Written>>,
}

impl Violation {
    pub(crate) fn new(guarantee: Guarantee, detail: impl fmt::Display) -> Self {
        Self { guarantee, detail: detail.to_string() }
    }

    /// A node failed although its disk did not.
    pub fn broken(detail: impl fmt::Display) -> Self {
        Self::new(Guarantee::NodeWorks, detail)
    }

    /// A session ended in a fault.
    pub fn accused(detail: impl fmt::Display) -> Self {
        Self::new(Guarantee::NobodyAccused, detail)
    }

    /// Something is said to be held that is not.
    pub fn not_held(detail: impl fmt::Display) -> Self {
        Self::new(Guarantee::CustodyIsTrue, detail)
    }

    /// The faults are over and yet time ran out.
    pub fn late(detail: impl fmt::Display) -> Self {
        Self::new(Guarantee::Converges, detail)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.guarantee, self.detail)
    }
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self::broken(format!("a store that should read does not: {error:?}"))
    }
}

impl Checker {
    /// A node told a person that this is saved. Its own logs are part of the promise.
    pub fn saved(
        &mut self,
        machine: usize,
        engine: &Engine,
        facts: Vec<Fact>,
    ) -> Result<(), Violation> {
        let snapshot = engine.read()?;
        self.keep(machine, engine.device(), &snapshot, facts)
    }

    fn keep(
        &mut self,
        machine: usize,
        device: DeviceId,
        snapshot: &Snapshot,
        facts: Vec<Fact>,
    ) -> Result<(), Violation> {
        let scopes: BTreeSet<DivisionCode> = facts.iter().map(Fact::scope).collect();
        let mut places: BTreeMap<DivisionCode, Vec<LogPosition>> = BTreeMap::new();
        for scope in scopes {
            for log in snapshot.logs_of(scope)? {
                if log.key.device != device {
                    continue;
                }
                if let Some(head) = snapshot.head_of(log.number)? {
                    let place = LogPosition { log: log.key, seq: head.seq, hash: head.hash };
                    if self.claim(machine, place) {
                        places.entry(scope).or_default().push(place);
                    }
                }
            }
        }
        self.saved.extend(facts.into_iter().map(|fact| {
            let places = places.get(&fact.scope()).cloned().unwrap_or_default();
            Saved { by: machine, fact, places }
        }));
        Ok(())
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

    /// A machine's disk was put back. What stood there alone is lost, whoever wrote it: all but what
    /// stands in one of these stores, its image's and those of all other nodes. Where bundles go about it
    /// `may_return`.
    pub fn restored(
        &mut self,
        machine: usize,
        memory: Memory,
        stores: &[Snapshot],
        may_return: bool,
    ) -> Result<(), Violation> {
        self.claims.insert(machine, memory.claims);
        let mut kept = Vec::new();
        for saved in std::mem::take(&mut self.saved) {
            let mut whole = true;
            for place in &saved.places {
                let mut found = false;
                for store in stores {
                    found |= store.find_chain(&place.log, place.seq, &place.hash)?.is_some();
                }
                whole &= found;
            }
            // An erasure may be elsewhere though an entry beside it is lost. It promises nothing, it
            // only excuses.
            if whole || matches!(saved.fact, Fact::Erased(..)) {
                kept.push(saved);
            } else if let (Fact::Value(written), true) = (&saved.fact, may_return) {
                self.doubtful.insert((written.elder, written.field));
            }
        }
        self.saved = kept;
        // Some of what is kept has still to come back.
        self.looked_up.values_mut().for_each(|count| *count = (*count).min(self.saved.len()));
        self.looked_up.insert(machine, self.saved.len());
        Ok(())
    }

    /// A node's home runs on a second machine too, which has promised what the first has.
    pub fn cloned(&mut self, machine: usize, second: usize, node: usize) {
        self.claims.insert(second, self.memory(machine).claims);
        self.looked_up.insert(second, self.saved.len());
        self.clones.insert(second, node);
    }

    /// How many facts were saved.
    pub fn saved_count(&self) -> usize {
        self.saved.len()
    }

    /// A node has started again: everything that it promised is there.
    pub fn restarted(&mut self, machine: usize, engine: &Engine) -> Result<(), Violation> {
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
        let own = |saved: &Saved| (saved.by == machine).then_some(saved.fact.clone());
        let from = self.looked_up.insert(machine, self.saved.len()).unwrap_or_default();
        let own: Vec<Fact> = self.saved.iter().skip(from).filter_map(own).collect();
        // Of a file that is on the move the entries are promised, wherever they count.
        let moved = moves::custody(&snapshot)?;
        let stays = |fact: &&Fact| fact.elder().is_none_or(|elder| !moved.contains_key(&elder));
        let own = own.iter().filter(stays);
        self.there(&snapshot, engine.area(), own, Guarantee::SavedSurvives)
            .map_err(|violation| violation.at(machine))
    }

    /// Everything that was saved anywhere in a node's area is at the node, and of values written
    /// concurrently exactly those stand that nobody has replaced.
    pub fn arrived(&self, node: usize, engine: &Engine) -> Result<(), Violation> {
        let snapshot = engine.read()?;
        let (area, replaced) = (engine.area(), self.replaced());
        let moved = moves::custody(&snapshot)?;
        let replicates = engine.grant().rights.contains(Rights::REPLICATE);
        let own = |by: usize| self.clones.get(&by).copied().unwrap_or(by) == node;
        let facts = self.trusted().filter(|saved| match &saved.fact {
            Fact::Place { directory, .. } => area.touches(*directory),
            fact => {
                let elder = fact.elder().unwrap_or(ElderId([0; 16]));
                moves::whereabouts(&moved, area, fact.scope(), elder).is_some()
                    && (replicates || own(saved.by))
            }
        });
        let facts = facts.map(|saved| &saved.fact);
        if !replicates {
            return self
                .there(&snapshot, area, facts, Guarantee::SavedArrives)
                .map_err(|violation| violation.at(node));
        }
        for ((scope, elder), expected) in self.by_elder(area, &moved) {
            let view = index::view(&snapshot, scope, elder)?;
            for (field, written) in expected.written {
                let live: BTreeSet<String> = written
                    .iter()
                    .map(|by| by.value.clone())
                    .filter(|value| !replaced.contains(value.as_str()))
                    .collect();
                let stands = standing(&view, field);
                if stands != live {
                    let detail = format!(
                        "node {node}, {scope}/{elder} {field}: {stands:?} stands, of what was \
                         written {live:?} was not replaced"
                    );
                    return Err(Violation::new(Guarantee::ConflictsKept, detail));
                }
            }
        }
        self.there(&snapshot, area, facts, Guarantee::SavedArrives)
            .map_err(|violation| violation.at(node))
    }

    /// Of every field of a card in an area, where custody is, the values written and not replaced since.
    pub(crate) fn live(
        &self,
        area: Area,
        moved: &BTreeMap<ElderId, DivisionCode>,
    ) -> BTreeMap<(Place, Field), BTreeSet<String>> {
        let replaced = self.replaced();
        let mut live = BTreeMap::new();
        for (place, expected) in self.by_elder(area, moved) {
            for (field, written) in expected.written {
                let values = written.iter().map(|by| by.value.clone());
                let values: BTreeSet<String> =
                    values.filter(|value| !replaced.contains(value.as_str())).collect();
                live.insert((place, field), values);
            }
        }
        live
    }

    /// What machines saved whose grant stands.
    fn trusted(&self) -> impl Iterator<Item = &Saved> + Clone {
        self.saved.iter().filter(|saved| !self.distrusted.contains(&saved.by))
    }

    /// Every value that some write has seen and replaced.
    fn replaced(&self) -> BTreeSet<&str> {
        let mut replaced = BTreeSet::new();
        for saved in &self.saved {
            if let Fact::Value(written) = &saved.fact {
                replaced.extend(written.seen.iter().map(String::as_str));
            }
        }
        replaced
    }

    fn by_elder(
        &self,
        area: Area,
        moved: &BTreeMap<ElderId, DivisionCode>,
    ) -> BTreeMap<Place, Expected<'_>> {
        self.kept(self.trusted().map(|saved| &saved.fact), area, moved)
    }

    /// What facts say of elders whose files nobody has erased, or may have while a disk failed, by
    /// where a node of this area has them.
    fn kept<'a>(
        &self,
        facts: impl Iterator<Item = &'a Fact>,
        area: Area,
        moved: &BTreeMap<ElderId, DivisionCode>,
    ) -> BTreeMap<Place, Expected<'a>> {
        let erased: BTreeSet<ElderId> = self
            .saved
            .iter()
            .map(|saved| &saved.fact)
            .chain(self.unsure.values().flatten())
            .filter_map(|fact| match fact {
                Fact::Erased(_, elder) => Some(*elder),
                _ => None,
            })
            .collect();
        let mut kept = gather(facts, area, moved);
        kept.retain(|(_, elder), _| !erased.contains(elder));
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
        guarantee: Guarantee,
    ) -> Result<(), Violation> {
        let missing = |detail: String| Err(Violation::new(guarantee, detail));
        let replaced = self.replaced();
        let moved = moves::custody(snapshot)?;
        for (place, expected) in self.kept(facts.clone(), area, &moved) {
            let (scope, elder) = place;
            let view = index::view(snapshot, scope, elder)?;
            if view.parts().next().is_none() || snapshot.elder(scope, elder)?.is_none() {
                return missing(format!("there is no file {scope}/{elder}"));
            }
            let stored = view.parts().flat_map(PartView::stored);
            let notes: BTreeSet<&str> =
                stored.filter_map(|(_, listed)| listed.element.text("note")).collect();
            if let Some(note) = expected.notes.difference(&notes).next() {
                return missing(format!("{scope}/{elder} lacks the event {note}"));
            }
            for (field, written) in expected.written {
                let stands = standing(&view, field);
                let stays = |by: &&&Written| !replaced.contains(by.value.as_str());
                let gone = written.iter().filter(stays).find(|by| !stands.contains(&by.value));
                if let Some(by) = gone {
                    return missing(format!("{scope}/{elder} lacks {field} {}", by.value));
                }
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

impl Fact {
    /// Whom it is about.
    pub fn elder(&self) -> Option<ElderId> {
        match self {
            Self::Elder(_, elder)
            | Self::Visit(_, elder, _)
            | Self::Event(_, elder, _)
            | Self::Erased(_, elder) => Some(*elder),
            Self::Value(written) => Some(written.elder),
            Self::Place { .. } => None,
        }
    }

    /// The scope of the logs that it stands in.
    pub fn scope(&self) -> DivisionCode {
        match self {
            Self::Elder(scope, _)
            | Self::Visit(scope, _, _)
            | Self::Event(scope, _, _)
            | Self::Erased(scope, _) => *scope,
            Self::Value(written) => written.scope,
            Self::Place { directory, .. } => *directory,
        }
    }
}

impl Violation {
    fn at(mut self, node: usize) -> Self {
        self.detail = format!("node {node}: {}", self.detail);
        self
    }

    /// When it was found.
    pub(crate) fn at_time(mut self, now_ms: u64) -> Self {
        self.detail = format!("at {now_ms} ms: {}", self.detail);
        self
    }
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

fn is_there(snapshot: &Snapshot, fact: &Fact) -> Result<bool, StoreError> {
    Ok(match fact {
        Fact::Elder(scope, elder) => snapshot.elder(*scope, *elder)?.is_some(),
        Fact::Erased(scope, elder) => !snapshot.erasures_of(*scope, *elder)?.is_empty(),
        Fact::Visit(scope, elder, note) => index::view(snapshot, *scope, *elder)?
            .elements::<Visit>()
            .iter()
            .any(|(_, listed)| listed.element.note.as_ref() == Some(note)),
        Fact::Event(scope, elder, note) => index::view(snapshot, *scope, *elder)?
            .parts()
            .flat_map(PartView::stored)
            .any(|(_, listed)| listed.element.text("note") == Some(note)),
        Fact::Value(written) => {
            let view = index::view(snapshot, written.scope, written.elder)?;
            standing(&view, written.field).contains(&written.value)
        }
        Fact::Place { directory, code, name } => {
            directory_of(snapshot, *directory)?.is_some_and(|document| {
                view::places(&document, *directory).contains(&(*code, name.clone()))
            })
        }
    })
}

fn directory_of(snapshot: &Snapshot, scope: DivisionCode) -> Result<Option<Automerge>, StoreError> {
    let key = DocumentKey { scope, id: DocumentId::Directory };
    snapshot.document(&key)?.map(|row| index::load(&key, &row.saved)).transpose()
}

/// All values that stand in a field of the card.
pub fn standing(view: &ElderView, field: Field) -> BTreeSet<String> {
    view.parts()
        .filter(|part| part.part() == Part::Card)
        .filter_map(|part| part.field(field))
        .flat_map(|standing| std::iter::once(&standing.effective).chain(&standing.others))
        .map(|value| value.as_str().to_owned())
        .collect()
}

/// Nodes that hold the same scope agree on it. `engines` go by node number.
pub fn converged<'a>(engines: impl Iterator<Item = (usize, &'a Engine)>) -> Result<(), Violation> {
    let mut records = BTreeMap::new();
    let mut authority = BTreeMap::new();
    let mut nodes = Vec::new();
    let mut scopes = BTreeSet::new();
    for (node, engine) in engines {
        let snapshot = engine.read()?;
        scopes.extend(snapshot.logs_all()?.into_iter().map(|log| log.key.scope));
        let replicates = engine.grant().rights.contains(Rights::REPLICATE);
        nodes.push((node, engine.area(), replicates, snapshot));
    }
    for scope in scopes {
        for (node, area, replicates, snapshot) in &nodes {
            if !area.touches(scope) {
                continue;
            }
            let digests = digest::stored(snapshot, scope)?;
            if digests != digest::of_scope(snapshot, scope)? {
                let detail = format!("node {node} keeps other digests of {scope} than it holds");
                return Err(Violation::new(Guarantee::Verifies, detail));
            }
            let agree = |known: &mut BTreeMap<DivisionCode, (usize, [u8; 32])>, digest, what| {
                let (first, expected) = *known.entry(scope).or_insert((*node, digest));
                if expected == digest {
                    return Ok(());
                }
                let detail = format!("nodes {first} and {node} differ on the {what} of {scope}");
                Err(Violation::new(Guarantee::Converges, detail))
            };
            agree(&mut authority, digests.authority, "authority")?;
            if area.contains(scope) && *replicates {
                agree(&mut records, digests.records, "records")?;
            }
        }
    }
    Ok(())
}

/// Everything that the node holds reads back.
pub fn verified(node: usize, engine: &Engine) -> Result<(), Violation> {
    let report = verify::run(&engine.read()?, engine.authority(), engine.index_secret());
    match report.faults.first() {
        None => Ok(()),
        Some(fault) => {
            let more = report.faults.len() - 1;
            let detail = format!("node {node}: {fault:?} and {more} more");
            Err(Violation::new(Guarantee::Verifies, detail))
        }
    }
}

/// The node holds no log, document or index row that it should not.
pub fn inside_area(node: usize, engine: &Engine) -> Result<(), Violation> {
    let area = engine.area();
    let snapshot = engine.read()?;
    let outside = |what: String| {
        Err(Violation::new(Guarantee::InsideArea, format!("node {node} of {area} holds {what}")))
    };
    for log in snapshot.logs_all()? {
        let own = log.key.device == engine.device();
        let (scope, lane) = (log.key.scope, log.key.lane);
        if !replicates(area, scope, lane) || !(own || receives(engine.grant(), scope, lane)) {
            return outside(format!("the log {:?}", log.key));
        }
    }
    let elders = [snapshot.elders_with_documents()?, snapshot.elder_places_all()?].concat();
    match elders.into_iter().find(|(scope, _)| !area.contains(*scope)) {
        Some((scope, elder)) => outside(format!("the elder {scope}/{elder}")),
        None => Ok(()),
    }
}

/// Two that both say that nothing but everyday records waits agree on everything else. Whether they say it.
pub fn held_back_is_true(one: (usize, &Engine), two: (usize, &Engine)) -> Result<bool, Violation> {
    for (engine, peer) in [(one.1, two.1), (two.1, one.1)] {
        if !engine.progress(peer.device())?.is_some_and(|progress| progress.held_back) {
            return Ok(false);
        }
    }
    let urgent = |engine: &Engine, peer: &Engine| -> Result<Claims, StoreError> {
        let mut claims = shared(engine, peer.grant())?;
        claims.retain(|log, _| log.lane != Lane::Routine);
        Ok(claims)
    };
    if urgent(one.1, two.1)? != urgent(two.1, one.1)? {
        let detail = format!(
            "nodes {} and {} hold back everyday records, and differ in others",
            one.0, two.0
        );
        return Err(Violation::new(Guarantee::DoneIsTrue, detail));
    }
    Ok(true)
}

/// Two nodes in a session, between which nothing is on the way and which have committed all that
/// came: if either says "done", they hold the same of what both may hold, and none says that
/// something cannot be exchanged. Returns whether both say it.
pub fn done_is_true(one: (usize, &Engine), two: (usize, &Engine)) -> Result<bool, Violation> {
    done_beside(one, two, &BTreeSet::new())
}

/// As [`done_is_true`], where these devices are in the wrong hands: of their logs some may be stuck, and
/// bodies may be missing that nobody has. Whether nothing else is left to exchange.
pub fn done_beside(
    one: (usize, &Engine),
    two: (usize, &Engine),
    turned: &BTreeSet<DeviceId>,
) -> Result<bool, Violation> {
    let is_done = done_of(one, two, turned)?;
    if is_done || turned.is_empty() {
        return Ok(is_done);
    }
    for (engine, peer) in [(one.1, two.1), (two.1, one.1)] {
        if !engine.progress(peer.device())?.is_some_and(|progress| progress.settled) {
            return Ok(false);
        }
    }
    let honest = |engine: &Engine, peer: &Engine| -> Result<Claims, StoreError> {
        let mut claims = shared(engine, peer.grant())?;
        claims.retain(|log, _| !turned.contains(&log.device));
        Ok(claims)
    };
    if honest(one.1, two.1)? != honest(two.1, one.1)? {
        let detail =
            format!("nodes {} and {} are settled, and differ in honest logs", one.0, two.0);
        return Err(Violation::new(Guarantee::DoneIsTrue, detail));
    }
    Ok(true)
}

fn done_of(
    one: (usize, &Engine),
    two: (usize, &Engine),
    turned: &BTreeSet<DeviceId>,
) -> Result<bool, Violation> {
    let says = |engine: &Engine, peer: &Engine| engine.progress(peer.device());
    let (first, second) = (says(one.1, two.1)?, says(two.1, one.1)?);
    let [first, second] = [first, second].map(Option::unwrap_or_default);
    if turned.is_empty() && first.stuck + second.stuck > 0 {
        let detail = format!("nodes {} and {} cannot exchange every log", one.0, two.0);
        return Err(Violation::new(Guarantee::DoneIsTrue, detail));
    }
    if !first.done && !second.done {
        return Ok(false);
    }
    for ((node, engine), peer) in [(one, two.1), (two, one.1)] {
        let snapshot = engine.read()?;
        for log in shared(engine, peer.grant())?.into_keys() {
            for chain in snapshot.chains(&log)? {
                if let Some(seq) = snapshot.first_missing(&chain)? {
                    let detail = format!("somebody says done, and node {node} lacks {log:?}/{seq}");
                    return Err(Violation::new(Guarantee::DoneIsTrue, detail));
                }
            }
        }
    }
    let (held, other) = (shared(one.1, two.1.grant())?, shared(two.1, one.1.grant())?);
    if held != other {
        let differs = held
            .iter()
            .chain(&other)
            .find(|(log, at)| held.get(*log) != Some(*at) || other.get(*log) != Some(*at));
        let says: Vec<usize> = [(one.0, first), (two.0, second)]
            .into_iter()
            .filter(|(_, progress)| progress.done)
            .map(|(node, _)| node)
            .collect();
        let detail = format!(
            "{says:?} of nodes {} and {} say done, and differ in {:?}: {:?} and {:?}",
            one.0,
            two.0,
            differs.map(|(log, _)| log),
            differs.and_then(|(log, _)| held.get(log)),
            differs.and_then(|(log, _)| other.get(log)),
        );
        return Err(Violation::new(Guarantee::DoneIsTrue, detail));
    }
    let lack = |progress: &Progress| progress.they_lack + progress.we_lack + progress.missing;
    match [(one.0, first), (two.0, second)].iter().find(|(_, p)| p.done && lack(p) > 0) {
        None => Ok(first.done && second.done),
        Some((node, progress)) => {
            let detail = format!("node {node} says done and counts what is missing: {progress:?}");
            Err(Violation::new(Guarantee::DoneIsTrue, detail))
        }
    }
}

/// No node that holds a log has the body of an entry that two have signed to erase, as far as any
/// node knows; and every other body that any node has is at all nodes that hold the log.
pub fn erased_is_gone<'a>(
    engines: impl Iterator<Item = (usize, &'a Engine)>,
) -> Result<(), Violation> {
    erased_beside(engines, &BTreeSet::new())
}

/// As [`erased_is_gone`], where these devices are in the wrong hands: what they have written may be
/// without its body everywhere.
pub fn erased_beside<'a>(
    engines: impl Iterator<Item = (usize, &'a Engine)>,
    turned: &BTreeSet<DeviceId>,
) -> Result<(), Violation> {
    type Bodies = BTreeSet<(LogKey, u64, EntryHash)>;
    let engines: Vec<(usize, &Engine)> = engines.collect();
    let mut erased = Bodies::new();
    let mut bodies: Vec<(usize, Bodies, Bodies)> = Vec::new();
    for (node, engine) in engines {
        let snapshot = engine.read()?;
        let (mut there, mut absent) = (Bodies::new(), Bodies::new());
        let mut cache = Cache::default();
        for log in snapshot.logs_all()? {
            snapshot.for_each_entry(log.number, |seq, entry| {
                let entry = entry?;
                let place = (log.key, seq, entry.header.hash());
                let coverage = cache.coverage(&snapshot, engine.authority(), &log, &entry)?;
                if coverage == Coverage::Removed {
                    erased.insert(place);
                }
                if entry.body.is_some() {
                    there.insert(place);
                } else if !turned.contains(&log.key.device) {
                    absent.insert(place);
                }
                Ok(())
            })?;
        }
        let replicates = engine.grant().rights.contains(Rights::REPLICATE);
        if replicates {
            bodies.push((node, there, absent));
        }
    }
    for (node, there, absent) in bodies {
        if let Some(place) = there.intersection(&erased).next() {
            let detail = format!("node {node} has the body of {place:?}, which two have erased");
            return Err(Violation::new(Guarantee::ErasedIsGone, detail));
        }
        if let Some(place) = absent.difference(&erased).next() {
            let detail = format!("node {node} lacks the body of {place:?}, which nobody erased");
            return Err(Violation::new(Guarantee::ErasedIsGone, detail));
        }
    }
    Ok(())
}

/// The heads of all chains here of the logs that a device with this grant receives too.
fn shared(engine: &Engine, peer: &Grant) -> Result<Claims, StoreError> {
    let snapshot = engine.read()?;
    let mut heads = Claims::new();
    for log in snapshot.logs_all()? {
        let (scope, lane) = (log.key.scope, log.key.lane);
        let here = receives(engine.grant(), scope, lane) || log.key.device == engine.device();
        let there = receives(peer, scope, lane) || log.key.device == peer.subject;
        if here && there && replicates(engine.area(), scope, lane) {
            let head = snapshot.head_of(log.number)?;
            heads.entry(log.key).or_default().extend(head.map(|head| (head.seq, head.hash)));
        }
    }
    Ok(heads)
}
