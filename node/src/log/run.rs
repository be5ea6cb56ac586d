//! A run: consecutive entries of one log, the last of them signed. What is sent and verified.
//!
//! `UnverifiedRun` is whatever came in; [`UnverifiedRun::verify`] consumes it and is the only way
//! to a [`VerifiedRun`], and only that can be stored. One signature covers the whole run, because
//! each header names the one before.

use shouwang_crdt_schema::parts::DocumentId;
use thiserror::Error;

use super::entry::{DocumentField, Entry, EntryHash, Header, Kind};
use super::{Head, LogKey, is_checkpoint};
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::grant::GrantId;
use crate::identity::{DeviceKeys, Signature};
use crate::limits::{BODY_BYTES_MAX, CHECKPOINT_ENTRIES, RUN_BYTES_MAX, SEQ_MAX, TAIL_BYTES_MAX};

/// Entries as they came from a peer or a file: read, and not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedRun {
    /// The log.
    pub log: LogKey,
    /// The number of the first entry.
    pub first_seq: u64,
    /// The hash that the first header names.
    pub previous: EntryHash,
    /// The entries' own content.
    pub entries: Vec<RunEntry>,
    /// The author's signature over the last header's hash.
    pub signature: Signature,
}

/// What of an entry cannot be derived from its neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// See [`Header::written_at_ms`].
    pub written_at_ms: i64,
    /// See [`Header::kind`].
    pub kind: Kind,
    /// See [`Header::document`].
    pub document: DocumentField,
    /// See [`Header::tail`].
    pub tail: Vec<u8>,
    /// The body.
    pub body: Body,
}

/// A body as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// It is here.
    Present(Vec<u8>),
    /// The sender has none: it was erased, or has not come. What the header says of it.
    Absent {
        /// Bytes.
        length: u32,
        /// BLAKE3.
        hash: [u8; 32],
    },
}

/// Entries that continue a chain and whose last is signed by the log's device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRun {
    log: LogKey,
    entries: Vec<Entry>,
    head: Head,
}

/// Why a run is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RunError {
    /// No entries.
    #[error("the run is empty")]
    Empty,
    /// It goes on past a checkpoint.
    #[error("the run goes on past a checkpoint")]
    PastCheckpoint,
    /// It does not begin where the log here ends.
    #[error("the run begins at {found}, the log here goes on at {expected}")]
    Gap {
        /// The number expected.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// Its first header names another previous one.
    #[error("the run continues another chain")]
    BrokenChain,
    /// The signature is not the device's over the last header.
    #[error("the run's signature is broken")]
    BrokenSignature,
}

impl UnverifiedRun {
    /// The run as it stands in a frame.
    pub fn write<'w>(&self, writer: &'w mut Writer) -> &'w mut Writer {
        self.log.write(writer).leb(self.first_seq).bytes(&self.previous.0);
        writer.count(self.entries.len());
        for entry in &self.entries {
            writer
                .i64(entry.written_at_ms)
                .u8(entry.kind.number())
                .piece(entry.document.as_bytes())
                .piece(&entry.tail);
            entry.body.write(writer);
        }
        writer.bytes(&self.signature.0)
    }

    /// Reads [`UnverifiedRun::write`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let log = LogKey::read(reader)?;
        let first_seq = read_seq(reader)?;
        let previous = EntryHash(reader.array()?);
        let count = reader.count(CHECKPOINT_ENTRIES as usize)?;
        let mut entries = Vec::with_capacity(count);
        let mut bytes = 0;
        for _ in 0..count {
            let entry = RunEntry {
                written_at_ms: reader.i64()?,
                kind: Kind::from_number(reader.u8()?),
                document: DocumentField::read(reader)?,
                tail: reader.piece(TAIL_BYTES_MAX)?.to_vec(),
                body: Body::read(reader)?,
            };
            bytes += entry.body.length() as usize;
            if bytes > RUN_BYTES_MAX {
                return Err(CodecError::TooLong);
            }
            entries.push(entry);
        }
        Ok(Self { log, first_seq, previous, entries, signature: Signature(reader.array()?) })
    }

    /// Body bytes that it carries.
    pub fn body_bytes(&self) -> usize {
        self.entries.iter().filter_map(|entry| entry.body.bytes()).map(<[u8]>::len).sum()
    }

    /// The number of the last entry.
    pub fn last_seq(&self) -> u64 {
        self.first_seq + (self.entries.len() as u64).saturating_sub(1)
    }

    /// Rebuilds the headers on top of the log's head and checks chain and signature. `grant` is
    /// the log's grant where the log is known; a new log names its own.
    pub fn verify(self, head: Option<&Head>) -> Result<VerifiedRun, RunError> {
        let expected = head.map_or(0, |head| head.seq + 1);
        if self.first_seq != expected {
            return Err(RunError::Gap { expected, found: self.first_seq });
        }
        if head.is_some_and(|head| head.hash != self.previous) {
            return Err(RunError::BrokenChain);
        }
        let mut previous = self.previous;
        let mut bytes = head.map_or(0, |head| head.since_checkpoint_bytes);
        let mut entries = Vec::with_capacity(self.entries.len());
        let count = self.entries.len();
        for (at, entry) in self.entries.into_iter().enumerate() {
            let seq = self.first_seq + at as u64;
            bytes += u64::from(entry.body.length());
            if is_checkpoint(seq, bytes) && at + 1 < count {
                return Err(RunError::PastCheckpoint);
            }
            let entry = entry.into_entry(self.log, seq, previous);
            previous = entry.header.hash();
            entries.push(entry);
        }
        let last = entries.last_mut().ok_or(RunError::Empty)?;
        if !self.log.device.verify(&previous.0, &self.signature) {
            return Err(RunError::BrokenSignature);
        }
        last.signature = Some(self.signature);
        let head = Head {
            seq: last.header.seq,
            hash: previous,
            since_checkpoint_bytes: if is_checkpoint(last.header.seq, bytes) { 0 } else { bytes },
            written_at_ms: last.header.written_at_ms,
        };
        Ok(VerifiedRun { log: self.log, entries, head })
    }
}

impl UnverifiedRun {
    /// Rebuilds the headers of entries from the midst of a log of which nothing else is here, and
    /// checks the one signature. Where checkpoints stand is not known and does not matter.
    pub(super) fn prove(self) -> Result<Vec<Entry>, RunError> {
        let mut previous = self.previous;
        let mut entries = Vec::with_capacity(self.entries.len());
        for (seq, entry) in (self.first_seq..).zip(self.entries) {
            let entry = entry.into_entry(self.log, seq, previous);
            previous = entry.header.hash();
            entries.push(entry);
        }
        let last = entries.last_mut().ok_or(RunError::Empty)?;
        if !self.log.device.verify(&previous.0, &self.signature) {
            return Err(RunError::BrokenSignature);
        }
        last.signature = Some(self.signature);
        Ok(entries)
    }

    /// The run from these entries' first to their first signed one, with the bodies of those alone
    /// that `wanted` takes. `entries` are consecutive. None without a signed one.
    pub fn excerpt(entries: &[Entry], wanted: impl Fn(&Entry) -> bool) -> Option<Self> {
        let first = entries.first()?;
        let last = entries.iter().position(|entry| entry.signature.is_some())?;
        let signature = entries.get(last)?.signature?;
        let absent = |entry: &Entry| Body::Absent {
            length: entry.header.body_length,
            hash: entry.header.body_hash,
        };
        let excerpted = |entry: &Entry| RunEntry {
            written_at_ms: entry.header.written_at_ms,
            kind: entry.header.kind,
            document: entry.header.document.clone(),
            tail: entry.header.tail.clone(),
            body: if wanted(entry) { Body::of(entry) } else { absent(entry) },
        };
        Some(Self {
            log: first.header.log,
            first_seq: first.header.seq,
            previous: first.header.previous,
            entries: entries.iter().take(last + 1).map(excerpted).collect(),
            signature,
        })
    }
}

impl RunEntry {
    /// A fresh entry of our own.
    pub fn new(
        kind: Kind,
        document: Option<DocumentId>,
        body: Vec<u8>,
        written_at_ms: i64,
    ) -> Self {
        let body = Body::Present(body);
        Self { written_at_ms, kind, document: document.into(), tail: Vec::new(), body }
    }

    fn into_entry(self, log: LogKey, seq: u64, previous: EntryHash) -> Entry {
        Entry {
            header: Header {
                log,
                seq,
                previous,
                written_at_ms: self.written_at_ms,
                kind: self.kind,
                document: self.document,
                body_length: self.body.length(),
                body_hash: self.body.hash(),
                tail: self.tail,
            },
            body: match self.body {
                Body::Present(bytes) => Some(bytes),
                Body::Absent { .. } => None,
            },
            signature: None,
        }
    }
}

impl Body {
    /// The body of a stored entry.
    pub fn of(entry: &Entry) -> Self {
        match &entry.body {
            Some(bytes) => Self::Present(bytes.clone()),
            None => Self::Absent { length: entry.header.body_length, hash: entry.header.body_hash },
        }
    }

    /// The bytes, if they are here.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Present(bytes) => Some(bytes),
            Self::Absent { .. } => None,
        }
    }

    /// Its length, here or not, bytes.
    pub fn length(&self) -> u32 {
        match self {
            // Bounded by BODY_BYTES_MAX wherever a run is read or written.
            Self::Present(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            Self::Absent { length, .. } => *length,
        }
    }

    /// Its hash, here or not.
    pub fn hash(&self) -> [u8; 32] {
        match self {
            Self::Present(bytes) => *blake3::hash(bytes).as_bytes(),
            Self::Absent { hash, .. } => *hash,
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Present(bytes) => writer.leb(bytes.len() as u64 + 1).bytes(bytes),
            Self::Absent { length, hash } => writer.leb(0).u32(*length).bytes(hash),
        };
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        match reader.count(BODY_BYTES_MAX + 1)? {
            0 => {
                let (length, hash) = (reader.u32()?, reader.array()?);
                match usize::try_from(length).is_ok_and(|length| length <= BODY_BYTES_MAX) {
                    true => Ok(Self::Absent { length, hash }),
                    false => Err(CodecError::TooLong),
                }
            }
            more => Ok(Self::Present(reader.bytes(more - 1)?.to_vec())),
        }
    }
}

impl VerifiedRun {
    /// Appends our own entries and signs each: every one may become the head that is sent.
    pub fn write(
        log: LogKey,
        grant: GrantId,
        head: Option<&Head>,
        fresh: Vec<RunEntry>,
        keys: &DeviceKeys,
    ) -> Result<Self, RunError> {
        let mut head = head.copied();
        let mut entries: Vec<Entry> = Vec::with_capacity(fresh.len());
        for entry in fresh {
            let (seq, previous) = match &head {
                None => (0, EntryHash::of_grant(grant)),
                Some(head) => (head.seq + 1, head.hash),
            };
            let entry = entry.into_entry(log, seq, previous).sign(keys);
            head = Some(Head::after(head.as_ref(), &entry, entry.header.hash()));
            entries.push(entry);
        }
        match head {
            Some(head) if !entries.is_empty() => Ok(Self { log, entries, head }),
            _ => Err(RunError::Empty),
        }
    }

    /// The log.
    pub fn log(&self) -> LogKey {
        self.log
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries without the first `known`, which are here already.
    pub fn new_from(&self, known: usize) -> &[Entry] {
        self.entries.get(known..).unwrap_or_default()
    }

    /// The hashes of [`VerifiedRun::new_from`]: each entry but the last stands in the next one's header.
    pub fn hashes_from(&self, known: usize) -> impl Iterator<Item = EntryHash> {
        let later = self.entries.iter().skip(known + 1).map(|entry| entry.header.previous);
        later.chain(std::iter::once(self.head.hash))
    }

    /// The log's head after this run.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The grant that a log's first entry names; None unless the run holds that entry.
    pub fn named_grant(&self) -> Option<GrantId> {
        let first = self.entries.first()?;
        (first.header.seq == 0).then_some(GrantId(first.header.previous.0))
    }
}

/// Reads the number of an entry. Far below the end of u64, so that counting on from it is safe.
pub(crate) fn read_seq(reader: &mut Reader<'_>) -> Result<u64, CodecError> {
    let seq = reader.leb()?;
    if seq > SEQ_MAX { Err(CodecError::Number) } else { Ok(seq) }
}

/// Cuts stored entries into the run that follows on `after`: up to the last signed entry before
/// or at the next checkpoint. `entries` are consecutive, beginning right after `after`.
pub fn cut(entries: &[Entry], head_before: Option<&Head>) -> Option<UnverifiedRun> {
    let first = entries.first()?;
    let mut bytes = head_before.map_or(0, |head| head.since_checkpoint_bytes);
    let mut end = None;
    for (at, entry) in entries.iter().enumerate() {
        bytes += u64::from(entry.header.body_length);
        if let Some(signature) = entry.signature {
            end = Some((at, signature));
        }
        if is_checkpoint(entry.header.seq, bytes) {
            break;
        }
    }
    let (last, signature) = end?;
    Some(UnverifiedRun {
        log: first.header.log,
        first_seq: first.header.seq,
        previous: first.header.previous,
        entries: entries[..=last]
            .iter()
            .map(|entry| RunEntry {
                written_at_ms: entry.header.written_at_ms,
                kind: entry.header.kind,
                document: entry.header.document.clone(),
                tail: entry.header.tail.clone(),
                body: Body::of(entry),
            })
            .collect(),
        signature,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Incarnation, Lane};
    use proptest::prelude::*;

    fn keys() -> DeviceKeys {
        DeviceKeys::from_secret(&[1; 64])
    }

    fn log() -> LogKey {
        LogKey {
            scope: "990121101203".parse().unwrap(),
            lane: Lane::Routine,
            device: keys().device(),
            incarnation: Incarnation { number: 0, nonce: [3; 8] },
        }
    }

    fn written(lengths: &[usize]) -> VerifiedRun {
        let fresh = lengths
            .iter()
            .map(|length| RunEntry::new(Kind::Change, None, vec![7; *length], 1_000))
            .collect();
        VerifiedRun::write(log(), GrantId([4; 32]), None, fresh, &keys()).unwrap()
    }

    /// Sends all entries of a log from the start, run by run, over bytes.
    fn carried(entries: &[Entry]) -> (Option<Head>, Vec<Entry>) {
        let (mut head, mut stored): (Option<Head>, Vec<Entry>) = (None, Vec::new());
        while let Some(run) = cut(&entries[stored.len()..], head.as_ref()) {
            let bytes = run.write(&mut Writer::new()).finish();
            let mut reader = Reader::new(&bytes);
            let read = UnverifiedRun::read(&mut reader).unwrap();
            reader.finish().unwrap();
            assert_eq!(read, run);
            let verified = read.verify(head.as_ref()).unwrap();
            head = Some(*verified.head());
            stored.extend_from_slice(verified.entries());
        }
        (head, stored)
    }

    proptest! {
        #[test]
        fn any_log_is_carried_whole(lengths in prop::collection::vec(0..BODY_BYTES_MAX, 1..60)) {
            let run = written(&lengths);
            let (head, stored) = carried(run.entries());
            prop_assert_eq!(head, Some(*run.head()));
            prop_assert_eq!(stored.len(), lengths.len());
            // A relay keeps fewer signatures than the author, and can still send all it has.
            let (again, _) = carried(&stored);
            prop_assert_eq!(again, head);
        }

        #[test]
        fn any_altered_byte_is_found(at in any::<prop::sample::Index>(), bit in 0..8u32) {
            let run = written(&[10, 0, 300]);
            let sent = cut(run.entries(), None).unwrap();
            let mut bytes = sent.write(&mut Writer::new()).finish();
            let at = at.index(bytes.len());
            bytes[at] ^= 1u8 << bit;
            let mut reader = Reader::new(&bytes);
            let believed = UnverifiedRun::read(&mut reader)
                .and_then(|read| reader.finish().map(|()| read))
                .is_ok_and(|read| read.verify(None).is_ok());
            prop_assert!(!believed);
        }
    }

    #[test]
    fn each_fault_has_its_name() {
        let run = written(&[10; 40]);
        let sent = cut(run.entries(), None).unwrap();
        assert_eq!(sent.entries.len(), 32);
        let head = *sent.clone().verify(None).unwrap().head();

        assert_eq!(sent.clone().verify(Some(&head)), Err(RunError::Gap { expected: 32, found: 0 }));
        let next = cut(&run.entries()[32..], Some(&head)).unwrap();
        let other = UnverifiedRun { previous: EntryHash([0; 32]), ..next.clone() };
        assert_eq!(other.verify(Some(&head)), Err(RunError::BrokenChain));
        let unsigned = UnverifiedRun { signature: Signature([0; 64]), ..next.clone() };
        assert_eq!(unsigned.verify(Some(&head)), Err(RunError::BrokenSignature));
        let empty = UnverifiedRun { entries: Vec::new(), ..next };
        assert_eq!(empty.verify(Some(&head)), Err(RunError::Empty));

        let mut long = sent;
        long.entries.push(RunEntry::new(Kind::Change, None, Vec::new(), 0));
        assert_eq!(long.verify(None), Err(RunError::PastCheckpoint));
    }

    #[test]
    fn documents_of_a_later_version_are_carried() {
        let mut fresh = RunEntry::new(Kind::Change, None, vec![1], 0);
        fresh.document = DocumentField::read(&mut Reader::new(&[3, 99, 1, 2])).unwrap();
        let run = VerifiedRun::write(log(), GrantId([4; 32]), None, vec![fresh], &keys()).unwrap();
        let (_, stored) = carried(run.entries());
        assert_eq!(stored[0].header.document.as_bytes(), [99, 1, 2]);
        assert_eq!(stored[0].header.document.id(), None);
    }

    #[test]
    fn unknown_kinds_keep_their_number_and_bytes() {
        let fresh = vec![RunEntry::new(Kind::from_number(99), None, vec![1, 2, 3], 0)];
        let run = VerifiedRun::write(log(), GrantId([4; 32]), None, fresh, &keys()).unwrap();
        let header = &run.entries()[0].header;
        let read = Header::decode(&mut Reader::new(&header.encode())).unwrap();
        assert_eq!(read.kind, Kind::Other(99));
        assert_eq!(&read, header);
    }
}
