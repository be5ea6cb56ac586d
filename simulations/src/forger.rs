//! A device with a valid grant whose owner has software of his own: what it writes and says that no
//! honest device does. It signs with its own keys; everything else may be wrong.

use std::collections::{BTreeMap, VecDeque};

use chrono::NaiveDate;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::edit::{Edit, write_change};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{AbilityLevel, Choice, ElderId, TransferId};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::authority::{Revocation, RevocationReason};
use shouwang_node::custody::Receipt;
use shouwang_node::engine::Engine;
use shouwang_node::erasure::{Covered, Erasure, ErasureReason};
use shouwang_node::handover::{Handover, Purge};
use shouwang_node::identity::grant::{Grant, GrantId, Quota, Rights, Role, SignedGrant};
use shouwang_node::identity::{DeviceId, DeviceKeys};
use shouwang_node::limits::FRAME_BYTES_MAX;
use shouwang_node::log::adoption::Adoption;
use shouwang_node::log::carried::Carried;
use shouwang_node::log::run::{Body, RunEntry, cut};
use shouwang_node::log::{
    EntryHash, EntryPlace, Head, Header, Incarnation, Kind, Lane, LogKey, UnverifiedRun,
    VerifiedRun,
};
use shouwang_node::replica::View;
use shouwang_node::store::{Snapshot, StoreError, StoreRead};
use shouwang_node::sync::Replica;
use shouwang_node::sync::summary::{Salt, Summary};
use shouwang_node::sync::wire::{Frame, LogPosition, Probe, ProbeWord};

use crate::workload::elders;

/// Body bytes of an entry that is there to take room.
const BALLAST_BYTES: usize = 12 * 1024;

/// Frames that are kept to be said again.
const HEARD_MAX: usize = 200;

/// Something that no honest device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Bytes that are no frame.
    Garbage,
    /// A frame longer than any may be.
    Oversized,
    /// A frame that has no place here.
    OutOfTurn,
    /// Heads that nobody has.
    FalseSummary,
    /// An acknowledgement of what nobody sent.
    FalseHave,
    /// Questions without end.
    Questions,
    /// An honest device's run, altered.
    Altered,
    /// An honest device's run without its bodies.
    Headers,
    /// A log in an honest device's name.
    Impersonates,
    /// Branches of one log, the same to everybody.
    Forks,
    /// A log that begins otherwise for each peer.
    Equivocates,
    /// Two changes with one actor and one number, in two lanes.
    SameNumber,
    /// An adoption of entries that do not exist, and of honest ones.
    Adopts,
    /// A carried adoption whose originals its author never signed.
    Carries,
    /// Changes of parts that it may not write.
    BeyondRights,
    /// A grant that gives more than it has.
    Grants,
    /// Revocations of honest devices.
    Revokes,
    /// A receipt for entries that it may not confirm.
    Receipts,
    /// An erasure, and the second signature for it.
    Erases,
    /// A handover of a file, and a purge.
    Moves,
    /// Entries of a kind that nobody knows, in every lane.
    UnknownKinds,
    /// Bodies that are no change, and changes that are damaged.
    IllFormed,
    /// Logs outside its area.
    Outside,
    /// Entries of its own whose bodies nobody gets.
    Withholds,
    /// As many bytes as it can.
    Floods,
    /// As many logs and incarnations as it can.
    Incarnates,
    /// What others have said to it, and what it has said itself, in this session or an old one.
    Replays,
}

/// To whom something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// To everybody.
    All,
    /// To the peer with this number.
    Nth(usize),
}

/// The device's own hand, beside its program.
#[derive(Debug)]
pub struct Forger {
    keys: DeviceKeys,
    grant: GrantId,
    chain: Vec<SignedGrant>,
    scope: DivisionCode,
    /// Where each log ends that goes on.
    heads: BTreeMap<LogKey, Head>,
    serial: u64,
    /// More ways than one lead to others: what goes beyond four branches or beyond its quota would then
    /// come to each by its own way, and differ.
    several_ways: bool,
    /// Frames that came to it, or left it.
    heard: VecDeque<Vec<u8>>,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::Garbage,
        Self::Oversized,
        Self::OutOfTurn,
        Self::FalseSummary,
        Self::FalseHave,
        Self::Questions,
        Self::Altered,
        Self::Headers,
        Self::Impersonates,
        Self::Forks,
        Self::Equivocates,
        Self::SameNumber,
        Self::Adopts,
        Self::Carries,
        Self::BeyondRights,
        Self::Grants,
        Self::Revokes,
        Self::Receipts,
        Self::Erases,
        Self::Moves,
        Self::UnknownKinds,
        Self::IllFormed,
        Self::Outside,
        Self::Withholds,
        Self::Floods,
        Self::Incarnates,
        Self::Replays,
    ];
}

impl Forger {
    /// The hand of whoever has this device.
    pub fn of(engine: &Engine, several_ways: bool) -> Self {
        Self {
            keys: engine.keys().clone(),
            grant: engine.grant_id(),
            chain: engine.authority().chain(&engine.grant_id()),
            scope: engine.area().0,
            heads: BTreeMap::new(),
            serial: 0,
            several_ways,
            heard: VecDeque::new(),
        }
    }

    /// Does it: frames, and to whom each goes.
    pub fn does(
        &mut self,
        deed: Deed,
        engine: &Engine,
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<(To, Vec<u8>)>, StoreError> {
        let snapshot = engine.read()?;
        let to_all = |frames: Vec<Frame>| {
            frames.into_iter().map(|frame| (To::All, frame.encode())).collect::<Vec<_>>()
        };
        let frames = match deed {
            Deed::Garbage => {
                let length = random.random_range(1..400);
                return Ok(vec![(To::All, (0..length).map(|_| random.random()).collect())]);
            }
            Deed::Replays => return Ok(self.replays(random)),
            Deed::Oversized => return Ok(vec![(To::All, vec![5; FRAME_BYTES_MAX + 1])]),
            Deed::OutOfTurn => vec![match random.random_range(0..3) {
                0 => Frame::AskChain,
                1 => Frame::Prove(self.chain.clone()),
                _ => Frame::Body { place: self.nowhere(random), body: Some(vec![7; 30]) },
            }],
            Deed::FalseSummary => {
                let heads = self.false_heads(&snapshot, random)?;
                vec![Frame::Summary(Summary::of_heads(0, Salt(random.random()), &heads, true))]
            }
            Deed::FalseHave => vec![Frame::Have(self.false_heads(&snapshot, random)?)],
            Deed::Questions => self.questions(&snapshot, random)?,
            Deed::Altered => self.honest_run(engine, &snapshot, random, alter)?,
            Deed::Headers => self.honest_run(engine, &snapshot, random, strip)?,
            Deed::Impersonates => self.impersonates(engine, random),
            Deed::Forks => self.forks(engine, random),
            Deed::Equivocates => return Ok(self.equivocates(engine, random)),
            Deed::SameNumber => self.same_number(engine, random),
            Deed::Adopts => self.adopts(engine, &snapshot, random)?,
            Deed::Carries => self.carries(engine, &snapshot, random)?,
            Deed::BeyondRights => self.beyond_rights(engine, random),
            Deed::Grants => self.grants(random),
            Deed::Revokes => self.revokes(engine, random),
            Deed::Receipts => self.receipts(&snapshot, random)?,
            Deed::Erases => self.erases(engine, &snapshot, random)?,
            Deed::Moves => self.moves(engine, &snapshot, random)?,
            Deed::UnknownKinds => self.unknown_kinds(random),
            Deed::IllFormed => self.ill_formed(engine, random),
            Deed::Outside => self.outside(random),
            Deed::Withholds => self.withholds(engine, random),
            Deed::Floods => self.floods(random),
            Deed::Incarnates => self.incarnates(random),
        };
        Ok(to_all(frames))
    }

    fn log(&self, lane: Lane, number: u32, random: &mut ChaCha8Rng) -> LogKey {
        let incarnation = Incarnation { number, nonce: random.random() };
        LogKey { scope: self.scope, lane, device: self.keys.device(), incarnation }
    }

    /// A run of its own, signed as it should be; it goes on where the log ends.
    fn writes(&mut self, log: LogKey, fresh: Vec<RunEntry>) -> Option<Frame> {
        let before = self.heads.get(&log).copied();
        let run = VerifiedRun::write(log, self.grant, before.as_ref(), fresh, &self.keys).ok()?;
        let run = cut(run.entries(), before.as_ref())?;
        let head = *run.clone().verify(before.as_ref()).ok()?.head();
        self.heads.insert(log, head);
        Some(Frame::Run(run))
    }

    /// A run of its own from the beginning, beside any other.
    fn begins(&self, log: LogKey, fresh: Vec<RunEntry>) -> Option<Frame> {
        let run = VerifiedRun::write(log, self.grant, None, fresh, &self.keys).ok()?;
        cut(run.entries(), None).map(Frame::Run)
    }

    /// A run whatever the rules say: the last header is signed, and that is all that is right.
    fn sealed(
        &self,
        log: LogKey,
        first_seq: u64,
        previous: EntryHash,
        entries: Vec<RunEntry>,
    ) -> Frame {
        let mut last = previous;
        for (seq, entry) in (first_seq..).zip(&entries) {
            let header = Header {
                log,
                seq,
                previous: last,
                written_at_ms: entry.written_at_ms,
                kind: entry.kind,
                document: entry.document.clone(),
                body_length: entry.body.length(),
                body_hash: entry.body.hash(),
                tail: entry.tail.clone(),
            };
            last = header.hash();
        }
        let signature = self.keys.sign(&last.0);
        Frame::Run(UnverifiedRun { log, first_seq, previous, entries, signature })
    }

    fn actor(&mut self, log: &LogKey) -> [u8; 16] {
        self.serial += 1;
        let mut actor = [0; 16];
        actor[..8].copy_from_slice(&log.actor_prefix());
        actor[8..].copy_from_slice(&self.serial.to_be_bytes());
        actor
    }

    /// Some honest file of its village, or one that there is not.
    fn somebody(&self, engine: &Engine, random: &mut ChaCha8Rng) -> ElderId {
        let here = elders(engine, Area(self.scope));
        match here.is_empty() {
            true => ElderId(random.random()),
            false => here[random.random_range(0..here.len())].1,
        }
    }

    /// A change as its own program would write it: a visit, which takes nothing from anybody.
    fn visit(&mut self, elder: ElderId, actor: [u8; 16]) -> (DocumentId, Vec<u8>) {
        self.serial += 1;
        let date = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap_or_default();
        let visit = Visit { note: Some(format!("走访X{}", self.serial)), ..Visit::on(date) };
        let Edit { part, action } = Edit::insert(Part::Journal(2026), &visit);
        let id = DocumentId::elder(elder, part);
        let document = genesis(self.scope, &id);
        let body = write_change(&document, self.scope, &id, actor, &[action]);
        (id, body.ok().flatten().unwrap_or_default())
    }

    fn visit_entry(&mut self, log: &LogKey, elder: ElderId) -> RunEntry {
        let actor = self.actor(log);
        let (id, body) = self.visit(elder, actor);
        RunEntry::new(Kind::Change, Some(id), body, 0)
    }

    fn nowhere(&self, random: &mut ChaCha8Rng) -> LogPosition {
        let log = self.log(Lane::Routine, 7, random);
        LogPosition { log, seq: 3, hash: EntryHash(random.random()) }
    }

    fn others(&self, snapshot: &Snapshot) -> Result<Vec<LogPosition>, StoreError> {
        let mut found = Vec::new();
        for log in snapshot.logs_of(self.scope)? {
            if log.key.device != self.keys.device() {
                let head = snapshot.head_of(log.number)?;
                found.extend(head.map(|head| LogPosition {
                    log: log.key,
                    seq: head.seq,
                    hash: head.hash,
                }));
            }
        }
        Ok(found)
    }

    fn false_heads(
        &self,
        snapshot: &Snapshot,
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<LogPosition>, StoreError> {
        let mut heads = self.others(snapshot)?;
        heads.truncate(20);
        for head in &mut heads {
            head.seq += random.random_range(0..3);
            head.hash = EntryHash(random.random());
        }
        heads.push(self.nowhere(random));
        Ok(heads)
    }

    fn questions(
        &self,
        snapshot: &Snapshot,
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<Frame>, StoreError> {
        let mut asked = self.others(snapshot)?;
        asked.push(self.nowhere(random));
        asked.truncate(200);
        let frames = asked.iter().take(30).map(|place| {
            let (log, positions) = (place.log, vec![(place.seq, EntryHash(random.random()))]);
            let word = match random.random_range(0..3) {
                0 => ProbeWord::Ask,
                1 => ProbeWord::Found,
                _ => ProbeWord::Full,
            };
            Frame::Probe(Probe { word, log, positions })
        });
        let mut frames: Vec<Frame> = frames.collect();
        frames.extend((0..20).map(|_| Frame::AskBodies(asked.clone())));
        Ok(frames)
    }

    /// Some honest device's first run, made into something else.
    fn honest_run(
        &self,
        engine: &Engine,
        snapshot: &Snapshot,
        random: &mut ChaCha8Rng,
        make: impl Fn(&mut UnverifiedRun, &mut ChaCha8Rng),
    ) -> Result<Vec<Frame>, StoreError> {
        let own = self.keys.device();
        let logs: Vec<_> =
            snapshot.logs_all()?.into_iter().filter(|log| log.key.device != own).collect();
        if logs.is_empty() {
            return Ok(Vec::new());
        }
        let log = logs[random.random_range(0..logs.len())];
        let view = View::new(snapshot, engine.authority(), engine.grant_id());
        let head = snapshot.head_of(log.number)?.map_or(0, |head| head.seq);
        let after = random.random_range(0..=head).checked_sub(1);
        let run = view.run_after(&log, after)?;
        Ok(run
            .map(|mut run| {
                make(&mut run, random);
                Frame::Run(run)
            })
            .into_iter()
            .collect())
    }

    fn impersonates(&mut self, engine: &Engine, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let honest = engine.authority().grants().find(|(_, grant)| {
            grant.area == Area(self.scope) && grant.subject != self.keys.device()
        });
        let Some((id, grant)) = honest.map(|(id, grant)| (*id, grant.subject)) else {
            return Vec::new();
        };
        let mut log = self.log(Lane::Routine, 0, random);
        // Its own log under the other's grant, and the other's log under its own signature.
        let own = log;
        log.device = grant;
        let elder = self.somebody(engine, random);
        let (one, two) = (self.visit_entry(&own, elder), self.visit_entry(&log, elder));
        vec![
            self.sealed(own, 0, EntryHash::of_grant(id), vec![one]),
            self.sealed(log, 0, EntryHash::of_grant(id), vec![two]),
        ]
    }

    fn forks(&mut self, engine: &Engine, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let log = self.log(Lane::Routine, 0, random);
        let most = if self.several_ways { 4 } else { 7 };
        let branches = random.random_range(2..=most);
        let runs = (0..branches).filter_map(|_| {
            let elder = self.somebody(engine, random);
            let entries = (0..2).map(|_| self.visit_entry(&log, elder)).collect();
            self.begins(log, entries)
        });
        runs.collect()
    }

    fn equivocates(&mut self, engine: &Engine, random: &mut ChaCha8Rng) -> Vec<(To, Vec<u8>)> {
        let log = self.log(Lane::Routine, 0, random);
        let said = (0..4).filter_map(|nth| {
            let elder = self.somebody(engine, random);
            let entry = self.visit_entry(&log, elder);
            Some((To::Nth(nth), self.begins(log, vec![entry])?.encode()))
        });
        said.collect()
    }

    fn same_number(&mut self, engine: &Engine, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let elder = self.somebody(engine, random);
        let routine = self.log(Lane::Routine, 0, random);
        let urgent = LogKey { lane: Lane::Urgent, ..routine };
        let actor = self.actor(&routine);
        let mut frames = Vec::new();
        for log in [routine, urgent, routine] {
            let (id, body) = self.visit(elder, actor);
            let entry = RunEntry::new(Kind::Change, Some(id), body, 0);
            frames.extend(self.writes(log, vec![entry]));
        }
        frames
    }

    fn adopts(
        &mut self,
        engine: &Engine,
        snapshot: &Snapshot,
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<Frame>, StoreError> {
        let log = self.log(Lane::Routine, 0, random);
        let elder = self.somebody(engine, random);
        let id = DocumentId::elder(elder, Part::Journal(2026));
        let invented = self.nowhere(random);
        let honest = self.others(snapshot)?;
        let honest = honest.iter().find(|place| place.log.lane == Lane::Routine);
        let places = std::iter::once(&invented).chain(honest);
        let originals = places.map(|place| EntryPlace {
            log: LogKey { scope: self.scope, ..place.log },
            seq: place.seq,
            hash: place.hash,
        });
        let body = Adoption { originals: originals.collect() }.encode();
        let entry = RunEntry::new(Kind::Adopt, Some(id), body, 0);
        Ok(self.writes(log, vec![entry]).into_iter().collect())
    }

    fn carries(
        &mut self,
        engine: &Engine,
        snapshot: &Snapshot,
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<Frame>, StoreError> {
        let log = self.log(Lane::Routine, 0, random);
        let runs = self.honest_run(engine, snapshot, random, alter)?;
        let Some(Frame::Run(run)) = runs.into_iter().next() else { return Ok(Vec::new()) };
        let chain: Vec<SignedGrant> = self.chain.iter().skip(1).cloned().collect();
        let document = run.entries.first().and_then(|entry| entry.document.id());
        let body = Carried { chain, run }.encode();
        let entry = RunEntry::new(Kind::Adopt, document, body, 0);
        Ok(self.writes(log, vec![entry]).into_iter().collect())
    }

    fn beyond_rights(&mut self, engine: &Engine, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let log = self.log(Lane::Routine, 0, random);
        let elder = self.somebody(engine, random);
        let actor = self.actor(&log);
        let (_, visit) = self.visit(elder, actor);
        let entries = [Part::Ledger, Part::Registry].map(|part| {
            // Nothing is wrong with the change but who makes it.
            let (id, field) = (DocumentId::elder(elder, part), Field::AbilityLevel);
            let level = field.value(AbilityLevel::ALL[0].as_str());
            let actions: Vec<_> =
                level.into_iter().map(|level| Edit::set(part, field, level).action).collect();
            let document = genesis(self.scope, &id);
            let body = write_change(&document, self.scope, &id, actor, &actions).ok().flatten();
            RunEntry::new(Kind::Change, Some(id), body.unwrap_or_default(), 0)
        });
        let directory = RunEntry::new(Kind::Change, Some(DocumentId::Directory), visit.clone(), 0);
        let notice = LogKey { lane: Lane::Notice, ..log };
        let frames = [self.writes(log, entries.to_vec()), self.writes(notice, vec![directory])];
        frames.into_iter().flatten().collect()
    }

    fn grants(&mut self, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let log = self.log(Lane::Authority, 0, random);
        let friend = DeviceKeys::from_secret(&random.random());
        let depth = self.chain.last().map_or(1, |own| own.grant.depth);
        let grant = |area, depth| Grant {
            subject: friend.device(),
            sealing_key: friend.sealing_key(),
            name: "同伙".into(),
            area: Area(area),
            role: Role::Manager,
            rights: Rights::ALL,
            quota: Quota { bytes: u64::MAX / 4, logs: u32::MAX, incarnations: u32::MAX },
            depth,
            issuer: Some(self.grant),
            serial: 1,
            written_at_ms: 0,
        };
        let above = self.scope.parent().unwrap_or(self.scope);
        let grants = [grant(self.scope, depth + 1), grant(above, depth + 1), grant(self.scope, 1)];
        let entries = grants.map(|grant| {
            let body = grant.sign(&self.keys).encode();
            RunEntry::new(Kind::Grant, None, body, 0)
        });
        self.writes(log, entries.to_vec()).into_iter().collect()
    }

    fn revokes(&mut self, engine: &Engine, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let log = self.log(Lane::Authority, 0, random);
        let own = self.keys.device();
        let others = engine.authority().grants().filter(|(_, grant)| grant.subject != own);
        let entries = others.take(8).map(|(id, _)| {
            let reason = RevocationReason::Compromised;
            let revocation = Revocation { grant: *id, reason, cuts: Vec::new(), apart: Vec::new() };
            RunEntry::new(Kind::Revoke, None, revocation.encode(), 0)
        });
        let entries = entries.collect();
        self.writes(log, entries).into_iter().collect()
    }

    fn receipts(
        &mut self,
        snapshot: &Snapshot,
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<Frame>, StoreError> {
        let log = self.log(Lane::Notice, 0, random);
        let places = self.others(snapshot)?.into_iter();
        let mut positions: Vec<EntryPlace> = places
            .filter(|place| place.log.lane.carries_records())
            .map(|place| EntryPlace { log: place.log, seq: place.seq, hash: place.hash })
            .collect();
        positions.sort_unstable();
        positions.truncate(100);
        let entry = RunEntry::new(Kind::Receipt, None, Receipt { positions }.encode(), 0);
        Ok(self.writes(log, vec![entry]).into_iter().collect())
    }

    /// All that honest logs hold of the village.
    fn coverage(&self, snapshot: &Snapshot) -> Result<Vec<Covered>, StoreError> {
        let mut covered: Vec<Covered> = self
            .others(snapshot)?
            .into_iter()
            .filter(|place| place.log.lane.carries_records())
            .map(|place| Covered::upto(&place.log, place.seq, place.hash))
            .collect();
        covered.sort_unstable();
        covered.truncate(100);
        Ok(covered)
    }

    fn erases(
        &mut self,
        engine: &Engine,
        snapshot: &Snapshot,
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<Frame>, StoreError> {
        let log = self.log(Lane::Routine, 0, random);
        let elder = self.somebody(engine, random);
        let reason = ErasureReason::RightToErasure;
        let coverage = self.coverage(snapshot)?;
        let first = Erasure { elder, reason, confirms: None, coverage };
        let frame = self.writes(log, vec![RunEntry::new(Kind::Erase, None, first.encode(), 0)]);
        let confirms = self.heads.get(&log).map(|head| head.hash);
        let second = Erasure { elder, reason, confirms, coverage: Vec::new() };
        let entry = RunEntry::new(Kind::Erase, None, second.encode(), 0);
        let confirmed = self.writes(log, vec![entry]);
        Ok(frame.into_iter().chain(confirmed).collect())
    }

    fn moves(
        &mut self,
        engine: &Engine,
        snapshot: &Snapshot,
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<Frame>, StoreError> {
        let log = self.log(Lane::Routine, 0, random);
        let elder = self.somebody(engine, random);
        let to = self.neighbour();
        let handover = Handover {
            elder,
            from: self.scope,
            to,
            transfer: TransferId(random.random()),
            path: Vec::new(),
            documents: BTreeMap::new(),
        };
        let purge = Purge { elder, step: handover.step(), coverage: self.coverage(snapshot)? };
        let entries = vec![
            RunEntry::new(Kind::Handover, None, handover.encode(), 0),
            RunEntry::new(Kind::Purge, None, purge.encode(), 0),
        ];
        Ok(self.writes(log, entries).into_iter().collect())
    }

    fn unknown_kinds(&mut self, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let lanes = [Lane::Authority, Lane::Urgent, Lane::Notice, Lane::Routine];
        let frames = lanes.into_iter().filter_map(|lane| {
            let log = self.log(lane, 0, random);
            let kind = Kind::from_number(random.random_range(40..=255));
            self.writes(log, vec![RunEntry::new(kind, None, vec![1; 40], i64::MAX)])
        });
        frames.collect()
    }

    fn ill_formed(&mut self, engine: &Engine, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let log = self.log(Lane::Routine, 0, random);
        let elder = self.somebody(engine, random);
        let entries = (0..6).map(|nth| {
            let actor = self.actor(&log);
            let (id, mut body) = self.visit(elder, actor);
            match nth {
                0 => body = (0..60).map(|_| random.random()).collect(),
                1 => body.truncate(body.len() / 2),
                2 => body.extend([0; 9]),
                // Behind the checksum, so that it is not what is found.
                _ if body.len() > 20 => {
                    let at = random.random_range(8..body.len());
                    body[at] ^= 1 << random.random_range(0..8);
                }
                _ => {}
            }
            RunEntry::new(Kind::Change, Some(id), body, i64::MIN)
        });
        let entries = entries.collect();
        self.writes(log, entries).into_iter().collect()
    }

    fn neighbour(&self) -> DivisionCode {
        let others = (201..=202).filter_map(|local| self.scope.parent()?.child(local));
        others.into_iter().find(|code| *code != self.scope).unwrap_or(self.scope)
    }

    fn outside(&mut self, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let mut log = self.log(Lane::Routine, 0, random);
        log.scope = match random.random_bool(0.5) {
            true => self.neighbour(),
            false => self.scope.parent().unwrap_or(self.scope),
        };
        let entry = self.visit_entry(&log, ElderId(random.random()));
        self.begins(log, vec![entry]).into_iter().collect()
    }

    fn withholds(&mut self, engine: &Engine, random: &mut ChaCha8Rng) -> Vec<Frame> {
        let lane = if random.random_bool(0.7) { Lane::Routine } else { Lane::Notice };
        let log = self.log(lane, 0, random);
        let elder = self.somebody(engine, random);
        let entries = (0..3).map(|_| self.visit_entry(&log, elder)).collect();
        let frame = self.writes(log, entries);
        let frame = frame.map(|frame| match frame {
            Frame::Run(mut run) => {
                strip(&mut run, random);
                Frame::Run(run)
            }
            other => other,
        });
        frame.into_iter().collect()
    }

    fn floods(&mut self, random: &mut ChaCha8Rng) -> Vec<Frame> {
        // By several ways the last that fit would not be the same.
        if self.several_ways {
            return Vec::new();
        }
        let log = self.log(Lane::Routine, 0, random);
        let id = DocumentId::elder(ElderId(random.random()), Part::Journal(2026));
        let frames = (0..12).filter_map(|_| {
            let body = (0..BALLAST_BYTES).map(|_| random.random()).collect();
            self.writes(log, vec![RunEntry::new(Kind::Change, Some(id), body, 0)])
        });
        frames.collect()
    }

    fn incarnates(&mut self, random: &mut ChaCha8Rng) -> Vec<Frame> {
        if self.several_ways {
            return Vec::new();
        }
        let frames = (0..40).filter_map(|nth| {
            let number = if nth == 0 { u32::MAX } else { random.random_range(0..50) };
            let log = self.log(Lane::Urgent, number, random);
            self.begins(log, vec![RunEntry::new(Kind::Other(77), None, vec![3], 0)])
        });
        frames.collect()
    }

    /// Keeps a frame that came, or was sent.
    pub fn hears(&mut self, bytes: &[u8]) {
        if self.heard.len() == HEARD_MAX {
            self.heard.pop_front();
        }
        self.heard.push_back(bytes.to_vec());
    }

    fn replays(&self, random: &mut ChaCha8Rng) -> Vec<(To, Vec<u8>)> {
        if self.heard.is_empty() {
            return Vec::new();
        }
        let first = random.random_range(0..self.heard.len());
        let count = random.random_range(1..12);
        self.heard.iter().skip(first).take(count).map(|bytes| (To::All, bytes.clone())).collect()
    }

    /// Whose device it is.
    pub fn device(&self) -> DeviceId {
        self.keys.device()
    }
}

/// Changes something of a run that its author signed.
fn alter(run: &mut UnverifiedRun, random: &mut ChaCha8Rng) {
    match random.random_range(0..4) {
        0 => run.first_seq += 1,
        1 => run.previous = EntryHash(random.random()),
        2 => drop(run.entries.pop()),
        _ => {
            for entry in &mut run.entries {
                if let Body::Present(bytes) = &mut entry.body
                    && let Some(last) = bytes.last_mut()
                {
                    *last ^= 1;
                }
            }
        }
    }
}

/// Takes the bodies of a run away.
fn strip(run: &mut UnverifiedRun, _: &mut ChaCha8Rng) {
    for entry in &mut run.entries {
        entry.body = Body::Absent { length: entry.body.length(), hash: entry.body.hash() };
    }
}

/// What its program would send, as it leaves the device: some of it withheld, stripped or said twice.
pub fn twist(bytes: Vec<u8>, random: &mut ChaCha8Rng) -> Vec<Vec<u8>> {
    let Ok(frame) = Frame::decode(&bytes) else {
        // In a stream: now and then a byte is another.
        let mut bytes = bytes;
        if random.random_bool(0.02) && bytes.len() > 1 {
            let at = random.random_range(1..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        }
        return vec![bytes];
    };
    match frame {
        Frame::Hello(hello) => {
            // Frames as they are can be twisted; packets less so.
            let stream_version = if random.random_bool(0.7) { 0 } else { hello.stream_version };
            let clock_ms = if random.random_bool(0.2) { i64::MAX } else { hello.clock_ms };
            let hello = shouwang_node::sync::wire::Hello { stream_version, clock_ms, ..hello };
            vec![Frame::Hello(hello).encode()]
        }
        Frame::Run(mut run) => match random.random_range(0..10) {
            0 => Vec::new(),
            1 => vec![bytes.clone(), bytes],
            2 if run.log.lane.carries_records() => {
                strip(&mut run, random);
                vec![Frame::Run(run).encode()]
            }
            3 if random.random_bool(0.2) => {
                alter(&mut run, random);
                vec![Frame::Run(run).encode()]
            }
            _ => vec![bytes],
        },
        Frame::Body { place, .. } if random.random_bool(0.5) => {
            vec![Frame::Body { place, body: None }.encode()]
        }
        Frame::Have(_) if random.random_bool(0.1) => Vec::new(),
        _ => vec![bytes],
    }
}
