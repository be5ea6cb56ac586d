//! What goes into a bundle, and in which order: as in a session, what both sides may hold, lane by
//! lane, authority first, without what the receivers are known to hold.
//!
//! It is asked for piece by piece. A [`Cursor`] says where the last piece ended; between two pieces the
//! node does other things.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::DivisionCode;

use super::known::Known;
use super::seal::SealError;
use super::segment::SignedSegment;
use super::{Item, Segment, Vector};
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::grant::{Grant, GrantId};
use crate::identity::{DeviceId, DeviceKeys, SealingKey};
use crate::limits::{
    ASIDES_PER_FRAME, ASIDES_PER_SESSION, SEGMENT_FRAMES_BYTES, SEGMENT_SEAL_BYTES_MAX,
};
use crate::log::{EntryPlace, Head, LogKey};
use crate::replica::View;
use crate::replication::{receives, replicates};
use crate::store::rows::{LogNumber, LogRow};
use crate::store::{ChainRead, Snapshot, StoreError, StoreRead};
use crate::sync::wire::{Aside, LogPosition};
use crate::sync::{Priority, Replica, priority};

/// One whom a bundle is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// The device.
    pub device: DeviceId,
    /// The grant that it has.
    pub grant: Grant,
}

/// Where a piece ended: the chain, and its last entry that went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    at: Priority,
    /// The number of the next entry.
    next: u64,
}

/// What can be said of a bundle before it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Logs of which something goes in.
    pub logs: u64,
    /// Entries that go in.
    pub entries: u64,
}

/// A few segments, one after another, as they stand in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The segments' bytes.
    pub bytes: Vec<u8>,
    /// How many they are.
    pub segments: u32,
    /// Runs in them.
    pub runs: u64,
    /// Entries in them.
    pub entries: u64,
    /// Where the next piece begins; None if this was the last.
    pub cursor: Option<Cursor>,
    /// Whether there was no room for more.
    pub full: bool,
    /// Bytes that were reckoned for the segments: their length itself is by chance.
    reckoned_bytes: u64,
}

/// Writes the pieces of a bundle.
pub struct Outgoing<'a> {
    /// What is here.
    pub snapshot: &'a Snapshot,
    /// The same, as sync reads it.
    pub view: &'a View<'a>,
    /// This device's keys.
    pub keys: &'a DeviceKeys,
    /// Whom it is for.
    pub receivers: &'a [Receiver],
    /// Whether also what they are known to hold goes in.
    pub full: bool,
}

/// What goes into a bundle. Whoever writes it piece by piece may keep it, and finds it again if it is
/// lost: entries that came meanwhile go in where their turn has not come.
#[derive(Debug)]
pub struct Plan {
    dues: Vec<Due>,
}

/// A chain of which something goes in.
#[derive(Debug)]
struct Due {
    at: Priority,
    chain: LogRow,
    head: Head,
    /// The first entry that one of them may lack.
    next: u64,
    /// The numbers of those who may lack something of it.
    to: Vec<u16>,
}

/// Items of one segment, while they are gathered.
struct Gathered {
    to: Vec<u16>,
    items: Writer,
    told: BTreeSet<GrantId>,
    /// After each run: bytes of items, entries, and where to go on.
    ends: Vec<(usize, u64, Cursor)>,
}

impl Cursor {
    /// The bytes; whoever keeps them need not read them.
    pub fn encode(&self) -> Vec<u8> {
        let (rank, depth, log, chain) = self.at;
        let mut writer = Writer::new();
        writer.u8(rank).u8(depth);
        log.write(&mut writer).u32(chain.0).leb(self.next).finish()
    }

    /// Reads [`Cursor::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let (rank, depth) = (reader.u8()?, reader.u8()?);
        let log = LogKey::read(&mut reader)?;
        let at = (rank, depth, log, LogNumber(reader.u32()?));
        let next = reader.leb()?;
        reader.finish()?;
        Ok(Self { at, next })
    }
}

impl Outgoing<'_> {
    /// What goes in, in its order.
    pub fn plan(&self) -> Result<Plan, StoreError> {
        Ok(Plan { dues: self.dues()? })
    }

    /// How much goes in.
    pub fn extent(&self) -> Result<Extent, StoreError> {
        let mut extent = Extent::default();
        for due in self.dues()? {
            let first = due.chain.branch.map_or(0, |branch| branch.first_seq);
            extent.logs += 1;
            extent.entries += (due.head.seq + 1).saturating_sub(due.next.max(first));
        }
        Ok(extent)
    }

    /// The segments that every part begins with: to each receiver the sender's chain, what of the
    /// receiver's own does not count here, and what the sender holds of that which the receiver may hold.
    pub fn beginning(&self, segment: Segment) -> Result<Piece, StoreError> {
        let mut piece = Piece::default();
        let heads = self.heads()?;
        for (number, receiver) in (0..).zip(self.receivers) {
            let places = self.held(&heads, receiver)?;
            for vector in Vector::pieces(receiver.device, &places) {
                let mut items = Writer::new();
                if vector.piece == 0 {
                    let authority = self.view.authority();
                    Item::Chain(authority.chain(&segment.grant)).write(&mut items);
                    for asides in self.asides(&heads, receiver)?.chunks(ASIDES_PER_FRAME) {
                        Item::Asides(asides.to_vec()).write(&mut items);
                    }
                }
                Item::Vector(vector).write(&mut items);
                let segment = Segment { number: segment.number + piece.segments, ..segment };
                piece.bytes.extend(self.sealed(&segment, &items.finish(), &[number])?);
                piece.segments += 1;
            }
        }
        Ok(piece)
    }

    /// The segments that follow on `from`, or the first: at most as many bytes as there is room for, and
    /// about [`SEGMENT_FRAMES_BYTES`] of frames.
    pub fn piece(
        &self,
        plan: &Plan,
        segment: Segment,
        from: Option<Cursor>,
        room: u64,
    ) -> Result<Piece, StoreError> {
        let mut piece = Piece { cursor: from, ..Piece::default() };
        let (mut gathered, mut frames) = (None::<Gathered>, 0);
        for due in &plan.dues {
            // What is over is over; what is under way goes on where it ended.
            let next = match from {
                Some(from) if due.at < from.at => continue,
                Some(from) if due.at == from.at => due.next.max(from.next),
                _ => due.next,
            };
            let mut after = next.checked_sub(1);
            while after.is_none_or(|after| after < due.head.seq) {
                let fits = |gathered: &Gathered| gathered.to == due.to;
                if gathered.as_ref().is_some_and(|gathered| !fits(gathered))
                    && let Some(done) = gathered.take()
                    && !self.close(segment, done, room, &mut piece)?
                {
                    return Ok(piece);
                }
                let Some(run) = self.view.run_after(&due.chain, after)? else { break };
                let open = gathered.get_or_insert_with(|| Gathered::new(due.to.clone()));
                if due.next == 0 && open.told.insert(due.chain.grant) {
                    self.prove(due.chain.grant, open);
                }
                let (last, entries) = (run.last_seq(), run.entries.len() as u64);
                let before = open.items.len();
                Item::Run(run).write(&mut open.items);
                frames += open.items.len() - before;
                open.ends.push((open.items.len(), entries, Cursor { at: due.at, next: last + 1 }));
                after = Some(last);
                if frames >= SEGMENT_FRAMES_BYTES {
                    if let Some(done) = gathered.take() {
                        self.close(segment, done, room, &mut piece)?;
                    }
                    return Ok(piece);
                }
            }
        }
        let whole = match gathered.take() {
            Some(done) => self.close(segment, done, room, &mut piece)?,
            None => true,
        };
        if whole {
            piece.cursor = None;
        }
        Ok(piece)
    }

    /// Seals what was gathered. Where there is no room for all of it, as much as there is room for.
    /// Returns whether it was all.
    fn close(
        &self,
        segment: Segment,
        gathered: Gathered,
        room: u64,
        piece: &mut Piece,
    ) -> Result<bool, StoreError> {
        let room = room.saturating_sub(piece.reckoned_bytes);
        let items = gathered.items.clone().finish();
        let segment = Segment { number: segment.number + piece.segments, ..segment };
        let signed = |runs: usize| -> Result<Option<(SignedSegment, u64, Cursor)>, StoreError> {
            let Some((length, _, cursor)) = runs.checked_sub(1).and_then(|n| gathered.ends.get(n))
            else {
                return Ok(None);
            };
            let taken = items.get(..*length).unwrap_or(&items);
            let signed = segment.sign(taken, self.keys).map_err(unsealed)?;
            let bytes = signed.bytes_max(gathered.to.len()) as u64;
            Ok((bytes <= room).then_some((signed, bytes, *cursor)))
        };
        let all = gathered.ends.len();
        let (mut runs, mut found) = (all, signed(all)?);
        if found.is_none() {
            // As many runs as there is room for: it fits with `runs` and not with `beyond`.
            let mut beyond = all;
            runs = 0;
            while beyond - runs > 1 {
                let middle = runs + (beyond - runs) / 2;
                match signed(middle)? {
                    None => beyond = middle,
                    some => (runs, found) = (middle, some),
                }
            }
        }
        piece.full = runs < all;
        if let Some((signed, bytes, cursor)) = found {
            let keys = self.keys_of(&gathered.to);
            piece.bytes.extend(signed.seal(&segment, &keys).map_err(unsealed)?);
            piece.reckoned_bytes += bytes;
            piece.segments += 1;
            piece.runs += runs as u64;
            let taken = gathered.ends.iter().take(runs);
            piece.entries += taken.map(|(_, entries, _)| entries).sum::<u64>();
            piece.cursor = Some(cursor);
        }
        Ok(!piece.full)
    }

    /// The chain of a grant goes ahead of the first run of a log, unless who reads it knows the grant by
    /// the sender's chain or its own.
    fn prove(&self, grant: GrantId, gathered: &mut Gathered) {
        let authority = self.view.authority();
        let own = authority.chain(&self.view.own_grant());
        let known = |device: DeviceId| {
            let mut standing = authority.standing_grants_of(device);
            standing.any(|(id, _)| authority.chain(id).iter().any(|link| link.id() == grant))
        };
        let receivers = gathered.to.iter().filter_map(|to| self.receivers.get(usize::from(*to)));
        let all_know = receivers.map(|receiver| receiver.device).all(known);
        if !all_know && !own.iter().any(|link| link.id() == grant) {
            Item::Prove(authority.chain(&grant)).write(&mut gathered.items);
        }
    }

    fn sealed(&self, segment: &Segment, items: &[u8], to: &[u16]) -> Result<Vec<u8>, StoreError> {
        segment.seal(items, &self.keys_of(to), self.keys).map_err(unsealed)
    }

    fn keys_of(&self, to: &[u16]) -> Vec<(u16, SealingKey)> {
        let key = |to: &u16| {
            let receiver = self.receivers.get(usize::from(*to))?;
            Some((*to, receiver.grant.sealing_key))
        };
        to.iter().filter_map(key).collect()
    }

    /// All chains here, each with its head.
    fn heads(&self) -> Result<Vec<(LogRow, Head)>, StoreError> {
        let mut heads = Vec::new();
        for chain in self.snapshot.logs_all()? {
            heads.extend(self.snapshot.head_of(chain.number)?.map(|head| (chain, head)));
        }
        Ok(heads)
    }

    /// What is here of all that a receiver is sent; its own logs first.
    fn held(
        &self,
        heads: &[(LogRow, Head)],
        receiver: &Receiver,
    ) -> Result<Vec<EntryPlace>, StoreError> {
        let mut places = Vec::new();
        for (chain, head) in heads {
            if !self.is_for(receiver, &chain.key) {
                continue;
            }
            // What is here without its body is not held.
            let missing = self.snapshot.first_missing(chain)?.unwrap_or(u64::MAX);
            let Some(last) = missing.checked_sub(1).map(|last| last.min(head.seq)) else {
                continue;
            };
            let hash = self.snapshot.hash_at(chain, last)?;
            places.extend(hash.map(|hash| EntryPlace { log: chain.key, seq: last, hash }));
        }
        places.sort_unstable_by_key(|place| (place.log.device != receiver.device, *place));
        places.dedup();
        Ok(places)
    }

    /// Entries of a receiver's own that are here and do not count, and not only for want of what may still
    /// come: as many as a session would name. It is said again in every bundle, for any may be lost.
    fn asides(
        &self,
        heads: &[(LogRow, Head)],
        receiver: &Receiver,
    ) -> Result<Vec<Aside>, StoreError> {
        let is_own = |log: &LogKey| log.device == receiver.device && self.is_for(receiver, log);
        let own: BTreeMap<LogNumber, LogKey> = heads
            .iter()
            .filter(|(chain, _)| is_own(&chain.key))
            .map(|(chain, _)| (chain.number, chain.key))
            .collect();
        let mut asides = Vec::new();
        if own.is_empty() {
            return Ok(asides);
        }
        self.snapshot.for_each_unsettled(|_, hash, row| {
            let row = row?;
            if let Some(log) = own.get(&row.log).filter(|_| row.standing.is_unwanted())
                && asides.len() < ASIDES_PER_SESSION
            {
                let position = LogPosition { log: *log, seq: row.seq, hash };
                asides.push(Aside { position, code: row.standing.code() });
            }
            Ok(())
        })?;
        Ok(asides)
    }

    /// Whether a receiver is sent a log: both of us may hold it, and it may replicate, or the log is its
    /// own.
    fn is_for(&self, receiver: &Receiver, log: &LogKey) -> bool {
        let own = self.view.authority().grant(&self.view.own_grant());
        own.is_some_and(|own| replicates(own.area, log.scope, log.lane))
            && replicates(receiver.grant.area, log.scope, log.lane)
            && (receives(&receiver.grant, log.scope, log.lane) || log.device == receiver.device)
    }

    fn dues(&self) -> Result<Vec<Due>, StoreError> {
        let heads = self.heads()?;
        let mut chains: BTreeMap<LogKey, u32> = BTreeMap::new();
        for (chain, _) in &heads {
            *chains.entry(chain.key).or_default() += 1;
        }
        let known = match self.full {
            true => None,
            false => {
                let devices: Vec<DeviceId> =
                    self.receivers.iter().map(|receiver| receiver.device).collect();
                let scopes: BTreeSet<DivisionCode> = chains.keys().map(|log| log.scope).collect();
                let authority = self.view.authority();
                Some(Known::read(self.snapshot, authority, &devices, scopes.into_iter())?)
            }
        };
        let mut dues = Vec::new();
        for (chain, head) in heads {
            let alone = chains.get(&chain.key) == Some(&1);
            let (mut to, mut next) = (Vec::new(), u64::MAX);
            for (number, receiver) in (0..).zip(self.receivers) {
                if !self.is_for(receiver, &chain.key) {
                    continue;
                }
                let lacks = match &known {
                    None => 0,
                    Some(known) => {
                        known.next(self.snapshot, receiver.device, &chain, &head, alone)?
                    }
                };
                if lacks <= head.seq {
                    to.push(number);
                    next = next.min(lacks);
                }
            }
            if !to.is_empty() {
                dues.push(Due { at: priority(self.view, &chain), chain, head, next, to });
            }
        }
        dues.sort_unstable_by_key(|due| due.at);
        Ok(dues)
    }
}

impl Gathered {
    fn new(to: Vec<u16>) -> Self {
        Self { to, items: Writer::new(), told: BTreeSet::new(), ends: Vec::new() }
    }
}

fn unsealed(error: SealError) -> StoreError {
    StoreError::Corrupt { table: "grants-1", detail: error.to_string() }
}

/// What a part takes beside its content, at most.
pub const PART_HEAD_BYTES: u64 = (super::PartHead::BYTES_MAX + SEGMENT_SEAL_BYTES_MAX) as u64;
