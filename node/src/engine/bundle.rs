//! Bundles in and out ([`crate::bundle`]): what goes in is read, what comes goes through the same door as
//! what comes over a wire.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::DivisionCode;

use super::Engine;
use crate::bundle::outgoing::{Extent, Piece};
use crate::bundle::segment::LENGTH_BYTES;
use crate::bundle::{
    BundleId, Cursor, Fault, Item, Opened, Outgoing, PartHead, Receiver, Segment, Vector, seal,
    sender,
};
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, SignedGrant};
use crate::ingest::{Outcome, Refusal, SetAside};
use crate::journal::What;
use crate::limits::{ASIDES_PER_SESSION, PROVES_AHEAD_MAX};
use crate::log::{LogKey, RunError, UnverifiedRun};
use crate::replica::View;
use crate::replication::replicates;
use crate::store::StoreError;
use crate::store::vectors::{VectorRead, VectorRow};
use crate::sync::summary::{NamedHead, Salt, SaltedHash};
use crate::sync::wire::Aside;
use crate::sync::{Event, Now};

/// Which segments of which bundle are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The bundle.
    pub bundle: BundleId,
    /// The part, from 1.
    pub part: u32,
    /// The number of the next segment in it.
    pub number: u32,
}

/// What became of some segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Segments that were dealt with.
    pub segments: u32,
    /// Those of them that are for other receivers.
    pub for_others: u32,
    /// Entries in those that are for us.
    pub entries: u64,
    /// Entries that were new here.
    pub new: u64,
    /// Runs that do not attach: what comes before them is not here.
    pub waiting: u64,
    /// Runs that were refused otherwise, by name.
    pub refused: BTreeMap<String, u64>,
    /// Why the segment after those was not taken.
    pub fault: Option<Fault>,
}

/// What is in some segments, by what can be said without opening a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Segments that were dealt with.
    pub segments: u32,
    /// Those of them that are for other receivers.
    pub for_others: u32,
    /// Under which grant the sender wrote, if one opened.
    pub sender: Option<Grant>,
    /// When the sender wrote it, by its clock, ms since 1970.
    pub written_at_ms: Option<i64>,
    /// What is inside of each scope.
    pub scopes: BTreeMap<DivisionCode, Inside>,
    /// Logs of which the sender says how far it holds them.
    pub vector_logs: u64,
    /// Why the segment after those was not read.
    pub fault: Option<Fault>,
}

/// What is inside of one scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Runs.
    pub runs: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of bodies.
    pub bytes: u64,
}

/// A segment of ours, sorted.
#[derive(Default)]
struct Sorted {
    chain: Option<Vec<SignedGrant>>,
    proofs: Vec<Vec<SignedGrant>>,
    vectors: Vec<Vector>,
    asides: Vec<Aside>,
    runs: Vec<UnverifiedRun>,
}

impl Engine {
    /// A random name for a new bundle.
    pub fn new_bundle_id(&mut self) -> BundleId {
        BundleId(self.entropy.bytes())
    }

    /// How much a bundle for these receivers has in it.
    pub fn bundle_extent(&self, to: &[Receiver], full: bool) -> Result<Extent, StoreError> {
        let snapshot = self.store.read()?;
        self.outgoing(&snapshot, &self.view(&snapshot), to, full).extent()
    }

    /// The segments that a part begins with.
    pub fn bundle_beginning(
        &self,
        now: Now,
        place: Place,
        to: &[Receiver],
    ) -> Result<Piece, StoreError> {
        let snapshot = self.store.read()?;
        let view = self.view(&snapshot);
        self.outgoing(&snapshot, &view, to, false).beginning(self.segment(now, place))
    }

    /// The segments that follow, for at most so many bytes.
    pub fn bundle_piece(
        &mut self,
        now: Now,
        place: Place,
        to: &[Receiver],
        full: bool,
        from: Option<Cursor>,
        room: u64,
    ) -> Result<Piece, StoreError> {
        let kept = self.bundle_plan.take().filter(|(bundle, _)| *bundle == place.bundle);
        let snapshot = self.store.read()?;
        let view = self.view(&snapshot);
        let outgoing = self.outgoing(&snapshot, &view, to, full);
        let plan = match kept {
            Some((_, plan)) if from.is_some() => plan,
            _ => outgoing.plan()?,
        };
        let piece = outgoing.piece(&plan, self.segment(now, place), from, room)?;
        if piece.cursor.is_some() || piece.full {
            self.bundle_plan = Some((place.bundle, plan));
        }
        Ok(piece)
    }

    fn outgoing<'a>(
        &'a self,
        snapshot: &'a crate::store::Snapshot,
        view: &'a View<'a>,
        receivers: &'a [Receiver],
        full: bool,
    ) -> Outgoing<'a> {
        Outgoing { snapshot, view, keys: &self.keys, receivers, full }
    }

    fn segment(&self, now: Now, place: Place) -> Segment {
        Segment {
            bundle: place.bundle,
            part: place.part,
            number: place.number,
            mesh: self.authority.mesh(),
            sender: self.device(),
            grant: self.own_grant,
            written_at_ms: now.wall_ms,
        }
    }

    /// Whether a part is for this device at all.
    pub fn check_bundle(&self, head: &PartHead) -> Result<(), Fault> {
        if head.mesh != self.authority.mesh() {
            return Err(Fault::OtherMesh);
        }
        match head.receivers.contains(&self.device()) {
            true => Ok(()),
            false => Err(Fault::NotForUs),
        }
    }

    /// Takes in segments of a part, one after another as they stand in the file, the first with this
    /// number. Each is committed by itself; the first that is not as it should be ends it.
    pub fn take_bundle(
        &mut self,
        now: Now,
        head: &PartHead,
        first: u32,
        segments: &[u8],
    ) -> Result<Taken, StoreError> {
        let mut taken = Taken { fault: self.check_bundle(head).err(), ..Taken::default() };
        let mut rest = segments;
        let mut number = first;
        while taken.fault.is_none() && !rest.is_empty() {
            let opened = next_segment(&mut rest).and_then(|bytes| {
                Segment::open(head, number, bytes, &self.keys).map(|it| (bytes, it))
            });
            let done = match opened {
                Err(fault) => Err(fault),
                Ok((_, Opened::ForOthers)) => {
                    taken.for_others += 1;
                    Ok(())
                }
                Ok((bytes, Opened::Ours(segment, items))) => {
                    let length = seal::content_bytes(bytes) as u64;
                    self.take_segment(now, &segment, items, length, &mut taken)?
                }
            };
            match done {
                Ok(()) => taken.segments += 1,
                Err(fault) => taken.fault = Some(fault),
            }
            number = number.saturating_add(1);
        }
        if let Some(Fault::Revoked | Fault::UnknownSender) = taken.fault {
            self.peers.count_refused(head.sender, taken.fault.map_or("", Fault::code));
        }
        Ok(taken)
    }

    /// A part of a sender's is through: what is due for it is written, so that it goes with the next
    /// bundle.
    pub fn end_bundle(&mut self, now: Now, head: &PartHead) -> Result<(), StoreError> {
        let sender = head.sender;
        let rows = self.store.read()?.vector_of(sender)?;
        let is_whole = rows.first().is_some_and(|first| {
            first.bundle == head.bundle.0
                && usize::try_from(first.pieces).is_ok_and(|pieces| pieces == rows.len())
        });
        if self.check_bundle(head).is_ok() && is_whole {
            self.lineage.compared(sender);
            self.dues.met(sender);
        }
        self.settle(now)?;
        if !self.mesh.peers().any(|peer| peer == sender) {
            self.lineage.parted(sender);
        }
        self.flush_peers(now)
    }

    /// An exchange with a peer over a wire is complete: it holds more than its last vector says.
    pub(super) fn note_met(&mut self, peer: DeviceId) -> Result<(), StoreError> {
        let rows = self.store.read()?.vector_of(peer)?;
        match rows.iter().all(VectorRow::is_met) {
            true => Ok(()),
            false => self.store.write(|tables| tables.note_met(peer)),
        }
    }

    /// What is in segments of a part. Nothing is stored.
    pub fn look_into_bundle(
        &self,
        head: &PartHead,
        first: u32,
        segments: &[u8],
    ) -> Result<Contents, StoreError> {
        let mut contents = Contents::default();
        let (mut rest, mut number) = (segments, first);
        while contents.fault.is_none() && !rest.is_empty() {
            let opened = next_segment(&mut rest)
                .and_then(|bytes| Segment::open(head, number, bytes, &self.keys));
            match opened {
                Err(fault) => contents.fault = Some(fault),
                Ok(Opened::ForOthers) => {
                    contents.for_others += 1;
                    contents.segments += 1;
                }
                Ok(Opened::Ours(segment, items)) => {
                    contents.segments += 1;
                    contents.look(&segment, items, self);
                }
            }
            number = number.saturating_add(1);
        }
        Ok(contents)
    }

    /// One transaction: the sender is checked, then what it brings goes through the door.
    fn take_segment(
        &mut self,
        now: Now,
        segment: &Segment,
        items: Vec<Item>,
        bytes: u64,
        taken: &mut Taken,
    ) -> Result<Result<(), Fault>, StoreError> {
        let from = segment.sender;
        let sorted = Sorted::of(items);
        let shown =
            sorted.chain.as_deref().filter(|_| self.authority.grant(&segment.grant).is_none());
        let granted = match shown {
            Some(chain) => sender::shown_by(&self.authority, from, &segment.grant, chain),
            None => sender::grant_of(&self.authority, from, &segment.grant),
        };
        let granted = match granted {
            Ok(granted) => granted,
            Err(fault) => return Ok(Err(fault)),
        };
        // Each is kept for good. One goes ahead of a log, and no log has fewer runs than one.
        if sorted.proofs.len() > PROVES_AHEAD_MAX + sorted.runs.len() {
            return Ok(Err(Fault::Altered));
        }
        let is_proof = |chain: &Vec<SignedGrant>| self.authority.check_chain(chain).is_ok();
        if !sorted.proofs.iter().all(is_proof) {
            return Ok(Err(Fault::Altered));
        }
        if sorted.vectors.iter().any(|vector| vector.receiver != self.device()) {
            return Ok(Err(Fault::Altered));
        }
        if sorted.asides.len() > ASIDES_PER_SESSION {
            return Ok(Err(Fault::Altered));
        }
        for vector in &sorted.vectors {
            self.hear_vector(from, vector)?;
        }
        let mut runs = Vec::new();
        for run in sorted.runs {
            taken.entries += run.entries.len() as u64;
            let both = |area| replicates(area, run.log.scope, run.log.lane);
            match both(self.area()) && both(granted.area) {
                true => runs.push(run),
                false => taken.refuse(Refusal::OutsideArea.code()),
            }
        }
        let chains = sorted.proofs.into_iter().chain(sorted.chain);
        let chains: Vec<SignedGrant> = chains.flatten().collect();
        let (bundle, vectors) = (segment.bundle, sorted.vectors);
        let (results, ingested) = self.transact(
            now,
            |_| Ok(()),
            |ingest| {
                ingest.learn_chain(chains)?;
                for vector in vectors {
                    let Vector { piece, pieces, places, .. } = vector;
                    let row = VectorRow { bundle: bundle.0, pieces, places };
                    ingest.hear_vector(from, piece, &row)?;
                }
                let mut results: Vec<(LogKey, Result<Outcome, Refusal>)> = Vec::new();
                for run in runs {
                    results.push((run.log, ingest.receive(run)?));
                }
                Ok::<_, StoreError>(results)
            },
        )?;
        let mut new = 0;
        for (_, result) in &results {
            match result {
                Ok(outcome) => new += outcome.new,
                Err(Refusal::Run(RunError::Gap { .. } | RunError::BrokenChain)) => {
                    taken.waiting += 1;
                }
                Err(refusal) => {
                    taken.refuse(refusal.code());
                    self.happened(now, from, What::Refused { reason: refusal.code().into() });
                }
            }
        }
        taken.new += new;
        if new > 0 {
            self.happened(now, from, What::Received { count: new });
        }
        self.peers.event(now, &Event::Proved(from, granted.encode()));
        // Every bundle says it again: it is counted once.
        let asides = self.told_aside(now, from, &sorted.asides)?;
        if let Some(first) = asides.first() {
            let (reason, count) = (first.code.clone(), asides.len() as u64);
            self.happened(now, from, What::SetAsideThere { reason, count });
            self.peers.event(now, &Event::SetAside(from, asides));
        }
        self.peers.note(from, |row| {
            row.last_seen_ms = Some(now.wall_ms);
            row.last_bundle_ms = Some(now.wall_ms);
            row.bytes_received += bytes;
            row.entries_received += new;
        });
        let stored = |(log, result): &(LogKey, Result<Outcome, Refusal>)| {
            result.is_ok_and(|stored| stored.new > 0).then_some((from, *log))
        };
        self.lineage.received(&self.store.read()?, results.iter().filter_map(stored))?;
        if self.lineage.is_due() {
            self.lineage.settle(&self.store, &mut self.entropy, now.wall_ms)?;
        }
        let asides: Vec<&SetAside> = ingested.set_aside.values().flatten().collect();
        for SetAside { reason, .. } in &asides {
            self.peers.count_refused(from, &reason.code());
        }
        if let Some(first) = asides.first() {
            let (reason, count) = (first.reason.code(), asides.len() as u64);
            self.happened(now, from, What::SetAside { reason, count });
        }
        self.committed(now, &ingested)?;
        Ok(Ok(()))
    }

    /// What a sender says that it holds of our own logs tells whether our disk is an old one, as a
    /// summary does.
    fn hear_vector(&mut self, from: DeviceId, vector: &Vector) -> Result<(), StoreError> {
        // Nothing is said with this salt: it only brings the hashes into the form that is compared.
        let (own, salt) = (self.device(), Salt(self.entropy.bytes()));
        let named = vector.places.iter().filter(|place| place.log.device == own).map(|place| {
            let hash = SaltedHash::of(salt, &place.hash);
            NamedHead { log: place.log, seq: place.seq, hash }
        });
        let named: Vec<NamedHead> = named.collect();
        if vector.piece == 0 || !named.is_empty() {
            let snapshot = self.store.read()?;
            self.lineage.summary(&snapshot, from, named, false)?;
        }
        Ok(())
    }
}

impl Sorted {
    fn of(items: Vec<Item>) -> Self {
        let mut sorted = Self::default();
        for item in items {
            match item {
                Item::Chain(chain) => sorted.chain = Some(chain),
                Item::Prove(chain) => sorted.proofs.push(chain),
                Item::Vector(vector) => sorted.vectors.push(vector),
                Item::Asides(asides) => sorted.asides.extend(asides),
                Item::Run(run) => sorted.runs.push(run),
            }
        }
        sorted
    }
}

impl Taken {
    fn refuse(&mut self, code: &str) {
        *self.refused.entry(code.to_owned()).or_default() += 1;
    }
}

impl Contents {
    fn look(&mut self, segment: &Segment, items: Vec<Item>, engine: &Engine) {
        self.written_at_ms = Some(segment.written_at_ms);
        let sorted = Sorted::of(items);
        let authority = &engine.authority;
        let granted = match sorted.chain.as_deref() {
            Some(chain) if authority.grant(&segment.grant).is_none() => {
                sender::shown_by(authority, segment.sender, &segment.grant, chain)
            }
            _ => sender::grant_of(authority, segment.sender, &segment.grant),
        };
        match granted {
            Ok(granted) => self.sender = Some(granted),
            // A segment after the first does not show the chain once more.
            Err(Fault::UnknownSender) if segment.number > 0 => {}
            Err(fault) => self.fault = Some(fault),
        }
        self.vector_logs +=
            sorted.vectors.iter().map(|vector| vector.places.len() as u64).sum::<u64>();
        for run in sorted.runs {
            let inside = self.scopes.entry(run.log.scope).or_default();
            inside.runs += 1;
            inside.entries += run.entries.len() as u64;
            inside.bytes +=
                run.entries.iter().map(|entry| u64::from(entry.body.length())).sum::<u64>();
        }
    }
}

/// Cuts the next segment off the front.
fn next_segment<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let length = rest.first_chunk::<LENGTH_BYTES>().ok_or(Fault::Torn)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let whole = length.checked_add(LENGTH_BYTES).ok_or(Fault::Torn)?;
    let (segment, after) = rest.split_at_checked(whole).ok_or(Fault::Torn)?;
    *rest = after;
    Ok(segment)
}
