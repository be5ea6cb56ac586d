//! Frames as they travel once both sides have said `Hello`: in packets, referring to what was said
//! before, compressed as one stream for each direction. What either end holds is bounded by
//! `limits.rs`, whatever a peer says.

use thiserror::Error;

use super::PeerError;
use super::summary::{Fingerprint, Salt};
use super::wire::{Frame, LogPosition};
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{
    FRAME_BYTES_MAX, HAVE_HEADS_PER_FRAME, PACKET_BYTES_MAX, PACKET_FRAMES_MAX, STREAM_VERSION,
};
use crate::log::entry::DocumentField;
use crate::log::run::read_seq;
use crate::log::{Entry, EntryHash, Kind, LogKey, UnverifiedRun};
use crate::store::StoreError;
use shouwang_crdt_schema::change::Template;
use shouwang_crdt_schema::division::DivisionCode;

mod context;
mod recent;
mod ring;
mod run;
mod stream;

pub(super) use context::{Context, Last, Logs};

use stream::{Compressor, Decompressor, StreamError};

/// A packet whose compression goes on from the packet before.
const GOES_ON: u8 = 14;
/// A packet whose compression begins anew.
const BEGINS: u8 = 15;

/// A change that is here, as another refers to it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The document that its entry names.
    pub(super) document: DocumentField,
    /// What of it others build on.
    pub(super) last: Last,
}

impl Known {
    /// The change of an entry, if it has one that others can refer to.
    pub(super) fn of(entry: Entry) -> Option<Self> {
        let body = entry.body.as_deref().filter(|_| entry.header.kind == Kind::Change)?;
        let (template, own) = Template::of(body)?;
        let last = run::last_of(body, &own, &template)?;
        Some(Self { document: entry.header.document, last })
    }
}

/// How much of a hash goes with a reference: what has the number that it names is mostly one thing
/// alone, and another that is taken for it does not stand the test of signatures and hashes.
const MARK_BYTES: usize = 2;

/// A hash in short, as the side with this salt says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    salt: Salt,
    bytes: [u8; MARK_BYTES],
}

impl Mark {
    fn read(reader: &mut Reader<'_>, salt: Salt) -> Result<Self, CodecError> {
        Ok(Self { salt, bytes: reader.array()? })
    }

    /// Whether this hash is meant.
    pub(super) fn is_of(&self, hash: &[u8; 32]) -> bool {
        self.salt.mix(hash) == self.bytes
    }
}

/// What references into the logs are looked up in.
pub(super) trait Lookup {
    /// Whether the peer durably has an entry.
    fn holds(&self, log: &LogKey, seq: u64, hash: &EntryHash) -> Result<bool, StoreError>;

    /// The hash of the entry with this number that is meant.
    fn entry_hash(
        &self,
        log: &LogKey,
        seq: u64,
        mark: Mark,
    ) -> Result<Option<EntryHash>, StoreError>;

    /// Whether the peer durably has some of a log.
    fn knows(&self, log: &LogKey) -> Result<bool, StoreError>;

    /// The log of a scope with this fingerprint under this salt.
    fn log_with(
        &self,
        scope: DivisionCode,
        salt: Salt,
        fingerprint: Fingerprint,
    ) -> Result<Option<LogKey>, StoreError>;

    /// The change in the entry with this number, if it is the one that is meant.
    fn change(&self, log: &LogKey, seq: u64, mark: Mark) -> Result<Option<Known>, StoreError>;

    /// Where a change of a document stands, if the peer durably has that entry.
    fn place(
        &self,
        scope: DivisionCode,
        document: &DocumentField,
        change: &[u8; 32],
    ) -> Result<Option<(LogKey, u64, Known)>, StoreError>;
}

/// Why a packet cannot be read.
#[derive(Debug, Error)]
pub(super) enum PackError {
    /// It does not read as what it should be.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// It refers to what was not said, or is not here.
    #[error("a reference leads nowhere")]
    Reference,
    /// It unpacks to more than any packet may.
    #[error("a packet unpacks to more than any may")]
    Oversized,
    /// A frame in it is none.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Our own disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Both directions of a session.
#[derive(Debug)]
pub(super) struct Line {
    packer: Packer,
    unpacker: Unpacker,
}

/// Writes the packets of one direction.
#[derive(Debug)]
struct Packer {
    context: Context,
    version: u8,
    compressor: Option<Compressor>,
    waiting: Writer,
    frames: usize,
}

/// Reads the packets of one direction.
#[derive(Debug)]
struct Unpacker {
    context: Context,
    version: u8,
    decompressor: Option<Decompressor>,
}

/// Whether a frame's bytes are a packet.
pub(super) fn is_packet(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&(GOES_ON | BEGINS)))
}

impl Line {
    /// The line to a peer that reads streams of this version; none where either reads none.
    pub(super) fn open(theirs: u8, [our_salt, their_salt]: [Salt; 2]) -> Option<Self> {
        let version = STREAM_VERSION.min(theirs);
        (version > 0).then(|| Self {
            packer: Packer {
                context: Context::new(our_salt),
                version,
                compressor: None,
                waiting: Writer::new(),
                frames: 0,
            },
            unpacker: Unpacker { context: Context::new(their_salt), version, decompressor: None },
        })
    }

    /// Takes a frame other than a run. Returns a packet that is full.
    pub(super) fn push(&mut self, frame: &Frame) -> Option<Vec<u8>> {
        let (packer, theirs) = (&mut self.packer, self.unpacker.context.logs());
        let (mut writer, context) = (Writer::new(), &mut packer.context);
        match frame {
            Frame::Have(positions) => {
                writer.u8(Frame::HAVE).count(positions.len());
                for LogPosition { log, seq, hash } in positions {
                    run::write_log(log, context, theirs, &mut writer);
                    writer.leb(*seq).bytes(&context.salt.mix::<MARK_BYTES>(&hash.0));
                }
            }
            frame => frame.write(&mut writer, &mut |log, writer| {
                run::write_log(log, context, theirs, writer);
            }),
        }
        packer.add(&writer.finish())
    }

    /// Takes a run. Returns how many bytes it takes before compression, and a packet that is full.
    pub(super) fn push_run(
        &mut self,
        run: &UnverifiedRun,
        lookup: &impl Lookup,
    ) -> Result<(usize, Option<Vec<u8>>), StoreError> {
        let (packer, theirs) = (&mut self.packer, self.unpacker.context.logs());
        let run = run::write(run, &mut packer.context, theirs, lookup)?;
        let frame = [&[Frame::RUN][..], &run].concat();
        Ok((frame.len(), packer.add(&frame)))
    }

    /// The packet of all that was taken. None too where compression has failed, which only a machine
    /// without memory does: then nothing more goes out, and silence ends the session.
    pub(super) fn flush(&mut self) -> Option<Vec<u8>> {
        self.packer.flush()
    }

    /// The same once so many bytes before compression are waiting.
    pub(super) fn flush_at(&mut self, bytes: usize) -> Option<Vec<u8>> {
        if self.packer.waiting.len() >= bytes { self.packer.flush() } else { None }
    }

    /// Nothing is under way: compression begins anew with the next packet, and takes no memory until
    /// then.
    pub(super) fn rest(&mut self) {
        if self.packer.waiting.is_empty() {
            self.packer.compressor = None;
        }
    }

    /// Unpacks the frames of a packet. Before the peer's grant is proved it may send no runs, which
    /// take memory, and say nothing of what it holds, which is looked up.
    pub(super) fn unpack(
        &mut self,
        packet: &[u8],
        is_proved: bool,
        lookup: &impl Lookup,
    ) -> Result<Vec<Frame>, PackError> {
        self.unpacker.unpack(packet, is_proved, self.packer.context.logs(), lookup)
    }
}

impl Packer {
    /// Adds the bytes of a frame: they stand in one packet.
    fn add(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let full =
            self.waiting.len() + frame.len() > PACKET_BYTES_MAX || self.frames == PACKET_FRAMES_MAX;
        let packet = if full { self.flush() } else { None };
        self.waiting.bytes(frame);
        self.frames += 1;
        packet
    }

    fn flush(&mut self) -> Option<Vec<u8>> {
        let plain = self.waiting.finish();
        self.frames = 0;
        if plain.is_empty() {
            return None;
        }
        let begins = self.compressor.is_none();
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            None => self.compressor.insert(Compressor::new(self.version).ok()?),
        };
        let mut packet = vec![if begins { BEGINS } else { GOES_ON }];
        compressor.write(&plain, &mut packet).ok()?;
        Some(packet)
    }
}

impl Unpacker {
    /// Unpacks the frames of a packet. `ours` is what the other direction has named.
    fn unpack(
        &mut self,
        packet: &[u8],
        is_proved: bool,
        ours: &Logs,
        lookup: &impl Lookup,
    ) -> Result<Vec<Frame>, PackError> {
        let (kind, packed) = packet.split_first().ok_or(CodecError::Truncated)?;
        if *kind == BEGINS {
            self.decompressor = Some(Decompressor::new(self.version)?);
        }
        let decompressor = self.decompressor.as_mut().ok_or(CodecError::Tag)?;
        let plain = decompressor.read(packed, FRAME_BYTES_MAX)?;
        let mut reader = Reader::new(&plain);
        let mut frames = Vec::new();
        while !reader.is_empty() {
            if frames.len() == PACKET_FRAMES_MAX {
                return Err(PeerError::TooMany("frames in one packet").into());
            }
            let context = &mut self.context;
            frames.push(match reader.peek() {
                Some(Frame::RUN | Frame::HAVE) if !is_proved => {
                    let early = "runs, or what is held of them, before the grant is proved";
                    return Err(PeerError::OutOfTurn(early).into());
                }
                Some(Frame::RUN) => {
                    reader.u8()?;
                    Frame::Run(run::read(&mut reader, context, ours, lookup)?)
                }
                Some(Frame::HAVE) => {
                    reader.u8()?;
                    Frame::Have(read_have(&mut reader, context, ours, lookup)?)
                }
                _ => match Frame::read(&mut reader, &mut |reader| {
                    run::read_log(reader, context, ours).map_err(PeerError::from)
                })? {
                    Frame::Hello(_) | Frame::Alive | Frame::Close(_) => {
                        return Err(PeerError::OutOfTurn("a frame that is never packed").into());
                    }
                    frame => frame,
                },
            });
        }
        Ok(frames)
    }
}

/// What a peer says that it holds: of entries that it has from here the first bytes of the hash are
/// enough. What is not here says nothing.
fn read_have(
    reader: &mut Reader<'_>,
    context: &mut Context,
    ours: &Logs,
    lookup: &impl Lookup,
) -> Result<Vec<LogPosition>, PackError> {
    let count = reader.count(HAVE_HEADS_PER_FRAME)?;
    let mut positions = Vec::with_capacity(count);
    for _ in 0..count {
        let log = run::read_log(reader, context, ours)?;
        let seq = read_seq(reader)?;
        let hash = lookup.entry_hash(&log, seq, Mark::read(reader, context.salt)?)?;
        positions.extend(hash.map(|hash| LogPosition { log, seq, hash }));
    }
    Ok(positions)
}

impl From<PackError> for PeerError {
    fn from(error: PackError) -> Self {
        match error {
            PackError::Codec(error) => Self::Malformed(error),
            PackError::Peer(error) => error,
            PackError::Oversized => Self::Oversized(FRAME_BYTES_MAX as u64 + 1),
            // Names of logs are never looked up on the disk.
            PackError::Reference | PackError::Store(_) => Self::WrongReference,
        }
    }
}

impl From<StreamError> for PackError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Oversized => Self::Oversized,
            StreamError::Damaged => Self::Codec(CodecError::Tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use shouwang_crdt_schema::automerge::{Automerge, Change};
    use shouwang_crdt_schema::document::genesis;
    use shouwang_crdt_schema::edit::{Action, write_change};
    use shouwang_crdt_schema::element::Element;
    use shouwang_crdt_schema::field::Field;
    use shouwang_crdt_schema::parts::{DocumentId, Part};
    use shouwang_crdt_schema::record::ElderId;
    use shouwang_crdt_schema::visit::Visit;

    use super::*;
    use crate::custody::Receipt;
    use crate::identity::DeviceKeys;
    use crate::identity::grant::GrantId;
    use crate::log::run::{RunEntry, cut};
    use crate::log::{EntryPlace, Head, Header, Incarnation, Lane, VerifiedRun};

    const SALTS: [Salt; 2] = [Salt([1; 8]), Salt([2; 8])];

    fn scope() -> DivisionCode {
        "990121101203".parse().unwrap()
    }

    /// Entries that both have, by log and number.
    #[derive(Default)]
    struct Both(BTreeMap<(LogKey, u64), Entry>);

    impl Lookup for Both {
        fn knows(&self, log: &LogKey) -> Result<bool, StoreError> {
            Ok(self.0.keys().any(|(known, _)| known == log))
        }

        fn log_with(
            &self,
            scope: DivisionCode,
            salt: Salt,
            fingerprint: Fingerprint,
        ) -> Result<Option<LogKey>, StoreError> {
            let mut logs = self.0.keys().map(|(log, _)| *log);
            Ok(logs.find(|log| log.scope == scope && salt.fingerprint(log) == fingerprint))
        }

        fn holds(&self, log: &LogKey, seq: u64, hash: &EntryHash) -> Result<bool, StoreError> {
            Ok(self.0.get(&(*log, seq)).is_some_and(|entry| entry.header.hash() == *hash))
        }

        fn entry_hash(
            &self,
            log: &LogKey,
            seq: u64,
            mark: Mark,
        ) -> Result<Option<EntryHash>, StoreError> {
            let hash = self.0.get(&(*log, seq)).map(|entry| entry.header.hash());
            Ok(hash.filter(|hash| mark.is_of(&hash.0)))
        }

        fn change(&self, log: &LogKey, seq: u64, mark: Mark) -> Result<Option<Known>, StoreError> {
            let known = self.0.get(&(*log, seq)).cloned().and_then(Known::of);
            Ok(known.filter(|known| mark.is_of(&known.last.hash)))
        }

        fn place(
            &self,
            scope: DivisionCode,
            document: &DocumentField,
            change: &[u8; 32],
        ) -> Result<Option<(LogKey, u64, Known)>, StoreError> {
            let found = self.0.iter().filter(|((log, _), _)| log.scope == scope);
            let mut found = found
                .filter_map(|((log, seq), entry)| Some((*log, *seq, Known::of(entry.clone())?)));
            Ok(found
                .find(|(_, _, known)| known.document == *document && known.last.hash == *change))
        }
    }

    /// What a device writes next.
    #[derive(Clone, Debug)]
    enum Deed {
        Visits {
            device: usize,
            elder: usize,
            day: u32,
            note: bool,
        },
        Sets {
            device: usize,
            elder: usize,
            text: String,
        },
        /// Bytes that are no change, and an entry of another kind.
        Writes {
            device: usize,
            kind: u8,
            length: usize,
        },
        /// A body that is not here.
        Lacks {
            device: usize,
        },
        Learns {
            device: usize,
            from: usize,
        },
    }

    fn deeds() -> impl Strategy<Value = Vec<Deed>> {
        let device = 0..3usize;
        let elder = 0..4usize;
        prop::collection::vec(
            prop_oneof![
                6 => (device.clone(), elder.clone(), 1..29u32, any::<bool>()).prop_map(
                    |(device, elder, day, note)| Deed::Visits { device, elder, day, note }),
                4 => (device.clone(), elder, "[0-9]{1,3}|[a-z]{1,40}").prop_map(
                    |(device, elder, text)| Deed::Sets { device, elder, text }),
                1 => (device.clone(), 1..20u8, 0..3_000usize).prop_map(
                    |(device, kind, length)| Deed::Writes { device, kind, length }),
                1 => device.clone().prop_map(|device| Deed::Lacks { device }),
                3 => (device.clone(), device).prop_map(
                    |(device, from)| Deed::Learns { device, from }),
            ],
            1..120,
        )
    }

    struct Device {
        keys: DeviceKeys,
        log: LogKey,
        documents: BTreeMap<DocumentId, Automerge>,
        entries: Vec<RunEntry>,
    }

    impl Device {
        fn new(nth: u8) -> Self {
            let keys = DeviceKeys::from_secret(&[nth + 1; 64]);
            let incarnation = Incarnation { number: 0, nonce: [nth; 8] };
            let device = keys.device();
            let log = LogKey { scope: scope(), lane: Lane::Routine, device, incarnation };
            Self { keys, log, documents: BTreeMap::new(), entries: Vec::new() }
        }

        fn edits(&mut self, id: DocumentId, action: Action, at_ms: i64) {
            let document = self.documents.entry(id).or_insert_with(|| genesis(scope(), &id));
            let mut actor = [9; 16];
            actor[..8].copy_from_slice(&self.log.actor_prefix());
            let bytes = write_change(document, scope(), &id, actor, &[action]).unwrap();
            let Some(bytes) = bytes else { return };
            document.apply_changes([Change::from_bytes(bytes.clone()).unwrap()]).unwrap();
            self.entries.push(RunEntry::new(Kind::Change, Some(id), bytes, at_ms));
        }
    }

    /// The signed entries of each device's log.
    fn history(deeds: Vec<Deed>) -> Vec<Vec<Entry>> {
        let mut devices: Vec<Device> = (0..3).map(Device::new).collect();
        let of = |elder: usize, part| DocumentId::elder(ElderId([elder as u8; 16]), part);
        for (at, deed) in deeds.into_iter().enumerate() {
            let at_ms = 1_795_000_000_000 + at as i64 * 86_400_123;
            match deed {
                Deed::Visits { device, elder, day, note } => {
                    let mut visit =
                        Visit::on(chrono::NaiveDate::from_ymd_opt(2026, 11, day).unwrap());
                    visit.note = note.then(|| "血压偏高".to_owned());
                    let action = Action::Insert { list: Visit::LIST, element: visit.store() };
                    devices[device].edits(of(elder, Part::Journal(2026)), action, at_ms);
                }
                Deed::Sets { device, elder, text } => {
                    let value = Field::Name.value(&text).unwrap();
                    let action = Action::Set { field: Field::Name, value };
                    devices[device].edits(of(elder, Part::Card), action, at_ms);
                }
                Deed::Writes { device, kind, length } => {
                    let kind = Kind::from_number(kind);
                    let body = vec![7; length];
                    let document = (length % 2 == 0).then_some(of(length % 4, Part::Card));
                    let mut entry = RunEntry::new(kind, document, body, at_ms);
                    entry.tail = vec![1; length % 3];
                    devices[device].entries.push(entry);
                }
                Deed::Lacks { device } => {
                    let body = crate::log::Body::Absent { length: 77, hash: [5; 32] };
                    let entry = RunEntry::new(Kind::Change, Some(of(1, Part::Card)), vec![], at_ms);
                    devices[device].entries.push(RunEntry { body, ..entry });
                }
                Deed::Learns { device, from } => {
                    let documents: Vec<_> = devices[from].documents.clone().into_iter().collect();
                    for (id, mut other) in documents {
                        let genesis = || genesis(scope(), &id);
                        let known = devices[device].documents.entry(id).or_insert_with(genesis);
                        known.merge(&mut other).unwrap();
                    }
                }
            }
        }
        let written = devices.into_iter().filter(|device| !device.entries.is_empty());
        let mut logs: Vec<Vec<Entry>> = written.map(sign).collect();
        logs.push(sign(confirms(&logs)));
        logs
    }

    fn sign(device: Device) -> Vec<Entry> {
        let grant = GrantId([8; 32]);
        let run = VerifiedRun::write(device.log, grant, None, device.entries, &device.keys);
        run.unwrap().entries().to_vec()
    }

    /// Receipts of a fourth device: of what others had written by the half, and by the end.
    fn confirms(logs: &[Vec<Entry>]) -> Device {
        let mut device = Device::new(3);
        device.log.lane = Lane::Notice;
        for (at_ms, part) in [(1, 2), (2, 1)] {
            let last = |log: &Vec<Entry>| log.get((log.len() / part).saturating_sub(1)).cloned();
            let place = |entry: Entry| {
                let Header { log, seq, .. } = entry.header;
                EntryPlace { log, seq, hash: entry.header.hash() }
            };
            let mut positions: Vec<EntryPlace> = logs.iter().filter_map(last).map(place).collect();
            positions.sort_unstable();
            let body = Receipt { positions }.encode();
            device.entries.push(RunEntry::new(Kind::Receipt, None, body, at_ms));
        }
        device
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        /// Whatever is written travels and comes back to the byte, whatever of it the receiver has
        /// already, in whatever order logs go, and between other frames.
        #[test]
        fn runs_come_back_as_they_were(
            deeds in deeds(),
            known in prop::collection::vec(0..40usize, 4),
            turns in prop::collection::vec(0..4usize, 0..40),
            version in 1..=STREAM_VERSION,
        ) {
            let logs = history(deeds);
            let mut both = Both::default();
            let mut sent: Vec<usize> = Vec::new();
            for (entries, known) in logs.iter().zip(known) {
                let known = known.min(entries.len());
                sent.push(known);
                for entry in &entries[..known] {
                    both.0.insert((entry.header.log, entry.header.seq), entry.clone());
                }
            }
            let (mut here, mut there) =
                (Line::open(version, SALTS).unwrap(), Line::open(version, [SALTS[1], SALTS[0]]).unwrap());
            let mut expected = Vec::new();
            let mut arrived = Vec::new();
            for turn in turns.into_iter().chain((0..4).cycle().take(80)) {
                let Some(entries) = logs.get(turn) else { continue };
                let mut head: Option<Head> = None;
                for entry in &entries[..sent[turn]] {
                    head = Some(Head::after(head.as_ref(), entry, entry.header.hash()));
                }
                let Some(run) = cut(&entries[sent[turn]..], head.as_ref()) else { continue };
                sent[turn] += run.entries.len();
                let (_, full) = here.push_run(&run, &both).unwrap();
                let (log, seq) = (run.log, run.last_seq());
                let hash = entries[seq as usize].header.hash();
                let position = LogPosition { log, seq, hash };
                let between = Frame::AskBodies(vec![position]);
                let more = here.push(&between);
                expected.extend([Frame::Run(run), between]);
                // An answer, so that the other direction's names are referred to.
                let packets = full.into_iter().chain(more).chain(here.flush());
                for packet in packets {
                    arrived.extend(there.unpack(&packet, true, &both).unwrap());
                }
                // Of what was sent it says that it has it, and of something else, which says nothing.
                let other = LogPosition { hash: EntryHash([3; 32]), ..position };
                let (answer, heard) = (Frame::Have(vec![position, other]), Frame::Have(vec![position]));
                both.0.insert((log, seq), entries[seq as usize].clone());
                let back = there.push(&answer).into_iter().chain(there.flush());
                for packet in back {
                    prop_assert_eq!(here.unpack(&packet, true, &both).unwrap(), vec![heard.clone()]);
                }
                if sent[turn].is_multiple_of(2) {
                    here.rest();
                }
            }
            prop_assert_eq!(arrived, expected);
        }

        /// Any byte of what is unpacked may be another: it is read or refused, and takes no more
        /// memory than it may.
        #[test]
        fn altered_runs_are_read_or_refused(
            deeds in deeds(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let logs = history(deeds);
            let both = Both::default();
            let mut context = Context::new(SALTS[0]);
            let (mut clean, mut spoilt) = (Context::new(SALTS[0]), Context::new(SALTS[0]));
            for run in logs.iter().filter_map(|entries| cut(entries, None)) {
                let mut bytes = run::write(&run, &mut context, &Logs::default(), &both).unwrap();
                let mut reader = Reader::new(&bytes);
                let back = run::read(&mut reader, &mut clean, &Logs::default(), &both).unwrap();
                prop_assert!(reader.is_empty());
                prop_assert_eq!(&back, &run);
                for (at, byte) in &changes {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
                let _ = run::read(&mut Reader::new(&bytes), &mut spoilt, &Logs::default(), &both);
            }
        }

        #[test]
        fn any_bytes_are_a_packet_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let both = Both::default();
            let mut line = Line::open(STREAM_VERSION, [SALTS[0]; 2]).unwrap();
            let _ = line.unpack(&bytes, true, &both);
            let mut context = Context::new(SALTS[0]);
            let _ = run::read(&mut Reader::new(&bytes), &mut context, &Logs::default(), &both);
        }
    }

    /// A reference to what the other does not have, or was never said, is a fault of its own.
    #[test]
    fn references_that_lead_nowhere_are_named() {
        let deeds = (1..28).map(|day| Deed::Visits { device: 0, elder: 1, day, note: false });
        let logs = history(deeds.collect());
        let mut both = Both::default();
        let entries = &logs[0];
        let mut head: Option<Head> = None;
        for entry in &entries[..10] {
            both.0.insert((entry.header.log, entry.header.seq), entry.clone());
            head = Some(Head::after(head.as_ref(), entry, entry.header.hash()));
        }
        let run = cut(&entries[10..], head.as_ref()).unwrap();
        let mut here = Line::open(1, [SALTS[0]; 2]).unwrap();
        let packet = {
            here.push_run(&run, &both).unwrap();
            here.flush().unwrap()
        };
        let mut there = Line::open(1, [SALTS[0]; 2]).unwrap();
        let lacking = Both::default();
        let refused = there.unpack(&packet, true, &lacking).unwrap_err();
        assert_eq!(PeerError::from(refused), PeerError::WrongReference);
        let unproved =
            Line::open(1, [SALTS[0]; 2]).unwrap().unpack(&packet, false, &both).unwrap_err();
        assert!(matches!(PeerError::from(unproved), PeerError::OutOfTurn(_)));
        let mut begun = Line::open(1, [SALTS[0]; 2]).unwrap();
        assert_eq!(begun.unpack(&packet, true, &both).unwrap(), vec![Frame::Run(run)]);
    }

    /// A few bytes that unpack to very many frames cost whoever reads them little.
    #[test]
    fn packets_of_many_frames_and_of_such_as_are_never_packed_are_refused() {
        let both = Both::default();
        let refused = |plain: &[u8], is_proved| {
            let mut packet = vec![BEGINS];
            Compressor::new(1).unwrap().write(plain, &mut packet).unwrap();
            let mut line = Line::open(1, SALTS).unwrap();
            PeerError::from(line.unpack(&packet, is_proved, &both).unwrap_err())
        };
        let empty_have = [Frame::HAVE, 0];
        let many = empty_have.repeat(PACKET_FRAMES_MAX + 1);
        assert!(matches!(refused(&many, true), PeerError::TooMany(_)));
        assert!(matches!(refused(&empty_have, false), PeerError::OutOfTurn(_)));
        for frame in [Frame::Alive, Frame::Close("busy".into())] {
            let plain = frame.encode().repeat(1_000);
            assert!(matches!(refused(&plain, true), PeerError::OutOfTurn(_)), "{frame:?}");
        }
        // What is full goes out by itself.
        let mut line = Line::open(1, SALTS).unwrap();
        let full = (0..=PACKET_FRAMES_MAX).filter_map(|_| line.push(&Frame::Have(vec![]))).count();
        assert_eq!(full, 1);
    }

    /// A county's summary names logs in full, and fits packets all the same.
    #[test]
    fn full_summaries_fit_packets() {
        use crate::store::digests::Family;
        use crate::sync::summary::{HashMark, Place, StatedHead, Statement, Word, frames};
        let statement = |nth: u64| {
            let scope = DivisionCode::from_number(990_121_101_201 + nth % 300).unwrap();
            let log = LogKey { scope, ..Device::new((nth % 200) as u8).log };
            let at = Some((40_000, HashMark([nth as u8; 5])));
            let short = StatedHead::Short(Fingerprint([nth as u8; 5]), at);
            let heads = vec![short, short, short, StatedHead::Full(log, at)];
            let what = Word::Heads(heads, true);
            Statement { family: Family::Authority, place: Place::Own(scope), what }
        };
        let said: Vec<Statement> = (0..2_000).map(statement).collect();
        let (mut here, mut there) =
            (Line::open(1, SALTS).unwrap(), Line::open(1, [SALTS[1], SALTS[0]]).unwrap());
        let mut heard = Vec::new();
        for frame in frames(0, said.clone()) {
            for packet in [here.push(&frame), here.flush()].into_iter().flatten() {
                for frame in there.unpack(&packet, true, &Both::default()).unwrap() {
                    let Frame::Summary(summary) = frame else { panic!("{frame:?}") };
                    heard.extend(summary.statements);
                }
            }
        }
        assert_eq!(heard, said);
    }
}
