//! What must hold, whatever the seed: one function for each guarantee.
//!
//! The checks know what people were told was saved, and what nodes told each other they hold; they
//! read engines through the same tables and views as any command does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::Part;
use shouwang_crdt_schema::view::ElderView;
use shouwang_node::digest;
use shouwang_node::engine::Engine;
use shouwang_node::gathered::{Cache, Coverage};
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::{Grant, Rights};
use shouwang_node::log::{EntryHash, Lane, LogKey};
use shouwang_node::replication::{receives, replicates};
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::store::rows::LogRow;
use shouwang_node::store::{ChainRead, Snapshot, StoreError, StoreRead};
use shouwang_node::sync::Progress;
use shouwang_node::verify;

pub mod drafts;
mod fact;
pub mod health;
pub mod inbox;
mod promises;
pub mod rightful;

pub use fact::{Fact, Written};
pub use promises::{Checker, Memory, PutBack};

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
    /// No entry counts without a valid chain, signature and right.
    CountsByRight,
    /// What is stored either counts or is listed with a reason.
    NothingDropped,
    /// What a node says of itself and of its villages is so.
    ToldRightly,
    /// What one device can put into others is bounded.
    Bounded,
    /// What is sent follows from what is new.
    Frugal,
    /// A node works as long as its disk does.
    NodeWorks,
}

/// Positions of logs.
type Claims = BTreeMap<LogKey, BTreeSet<(u64, EntryHash)>>;

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
    let urgent = |engine: &Engine, peer: &Engine| -> Result<Claims, Violation> {
        let mut claims = shared(engine, peer.grant(), |_| Ok(()))?;
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
    let honest = |engine: &Engine, peer: &Engine| -> Result<Claims, Violation> {
        let mut claims = shared(engine, peer.grant(), |_| Ok(()))?;
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
    let mut heads = Vec::new();
    for ((node, engine), peer) in [(one, two.1), (two, one.1)] {
        let (snapshot, there) = (engine.read()?, peer.read()?);
        heads.push(shared(engine, peer.grant(), |chain| {
            let Some(first) = snapshot.first_missing(chain)? else { return Ok(()) };
            let log = chain.key;
            // Who gets no logs but its own is not told that two have erased what it wrote.
            let own = log.device == engine.device();
            if own && !engine.grant().rights.contains(Rights::REPLICATE) {
                let missing = snapshot.missing_of(chain.number)?;
                let is_erased = |seq: &u64| is_erased_at(&there, &log, *seq);
                if missing
                    .iter()
                    .map(is_erased)
                    .collect::<Result<Vec<bool>, _>>()?
                    .iter()
                    .all(|is| *is)
                {
                    return Ok(());
                }
            }
            let detail = format!("somebody says done, and node {node} lacks {log:?}/{first}");
            Err(Violation::new(Guarantee::DoneIsTrue, detail))
        })?);
    }
    let (other, held) = (heads.pop().unwrap_or_default(), heads.pop().unwrap_or_default());
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

/// Whether an entry is there for good without its body.
fn is_erased_at(snapshot: &Snapshot, log: &LogKey, seq: u64) -> Result<bool, StoreError> {
    for chain in snapshot.chains(log)? {
        let entry = snapshot.entry(chain.number, seq)?;
        if entry.is_some_and(|entry| entry.body.is_none()) {
            return Ok(!snapshot.is_missing(chain.number, seq)?);
        }
    }
    Ok(false)
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

/// The heads of all chains here of the logs that a device with this grant receives too; `look` sees each.
fn shared(
    engine: &Engine,
    peer: &Grant,
    look: impl Fn(&LogRow) -> Result<(), Violation>,
) -> Result<Claims, Violation> {
    let snapshot = engine.read()?;
    let mut heads = Claims::new();
    for log in logs_between(&snapshot, engine.area(), peer.area)? {
        let (scope, lane) = (log.key.scope, log.key.lane);
        let here = receives(engine.grant(), scope, lane) || log.key.device == engine.device();
        let there = receives(peer, scope, lane) || log.key.device == peer.subject;
        if here && there && replicates(engine.area(), scope, lane) {
            look(&log)?;
            let head = snapshot.head_of(log.number)?;
            heads.entry(log.key).or_default().extend(head.map(|head| (head.seq, head.hash)));
        }
    }
    Ok(heads)
}

/// All chains of scopes that touch both areas: what lies in the lower one, and what is above it.
fn logs_between(snapshot: &Snapshot, one: Area, two: Area) -> Result<Vec<LogRow>, StoreError> {
    let lower = match (one.contains(two.0), two.contains(one.0)) {
        (true, _) => two,
        (_, true) => one,
        // Side by side they share what is above both.
        _ => return snapshot.logs_all(),
    };
    let mut found = snapshot.logs_in(lower)?;
    let mut above = lower.0.parent();
    while let Some(scope) = above {
        found.extend(snapshot.logs_of(scope)?);
        above = scope.parent();
    }
    Ok(found)
}
