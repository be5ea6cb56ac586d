//! Sticks: bundles that are written and read piece by piece, through the requests that the command line
//! makes, and what becomes of the files on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Cursor;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use shouwang_node::bundle::part::{PartError, PartReader, PartWriter};
use shouwang_node::bundle::{Fault, PartHead};
use shouwang_node::command::bundle::{
    BundleBegin, BundleBegun, BundleEnd, BundlePiece, BundleTake, BundleTaken,
};
use shouwang_node::command::{CommandError, Request};
use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::GrantId;
use shouwang_node::sync::Now;

/// Bytes before a segment that say how long it is.
const LENGTH_BYTES: usize = 4;

/// Bytes of a part's head before its body: magic, version, length.
const HEAD_BYTES: usize = 13;

/// What was counted of sticks. Their bytes are not: a seal's length is by chance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StickCounts {
    /// Bundles that were written to their end.
    pub bundles_written: u64,
    /// Bundles in the midst of which the writing node went off.
    pub bundles_unfinished: u64,
    /// Files that they came to.
    pub parts_written: u64,
    /// Entries in them.
    pub entries_written: u64,
    /// Files that never arrived.
    pub parts_lost: u64,
    /// Files that were read to their end.
    pub parts_read: u64,
    /// Files in the midst of which the reading node went off.
    pub parts_interrupted: u64,
    /// Entries in them that were new where they were read.
    pub entries_new: u64,
    /// Runs that waited for what comes before them.
    pub runs_waiting: u64,
    /// Runs that were refused, by name.
    pub runs_refused: BTreeMap<String, u64>,
    /// Files that were refused, or the rest of them, by name.
    pub parts_refused: BTreeMap<String, u64>,
    /// Times that all roads were gone over once the faults were over.
    pub rounds: u64,
}

/// A bundle that somebody is writing.
pub struct Writing {
    begun: BundleBegun,
    full: bool,
    /// Bytes that a part has for entries, if it is split.
    room: Option<u64>,
    parts: Vec<PartWriter<Cursor<Vec<u8>>>>,
    cursor: Option<String>,
    /// Whether the last part has no room.
    is_full: bool,
    /// Entries so far.
    pub entries: u64,
}

/// A file on a stick.
#[derive(Clone)]
pub struct Part {
    bytes: Arc<[u8]>,
    /// Whom it is for.
    pub receivers: Vec<DeviceId>,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

/// What is wrong with a file, and what has to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// One of these names.
    names: BTreeSet<Fault>,
    /// Segments before it, which are kept.
    whole: u32,
}

/// A file that somebody is reading.
pub struct Reading {
    part: Part,
    /// The head as it stands in the file; None if it does not read.
    head: Option<Vec<u8>>,
    reader: Option<PartReader<Cursor<Arc<[u8]>>>>,
    expected: u32,
    /// What came of it so far.
    pub taken: BundleTaken,
}

impl Writing {
    /// Somebody begins to write. `room` splits it: so many bytes of entries go into each part.
    pub fn begin(
        engine: &mut Engine,
        now: Now,
        to: Vec<String>,
        full: bool,
        room: Option<u64>,
    ) -> Result<Self, CommandError> {
        let begun = BundleBegin { to, full }.execute(engine, now)?;
        let (parts, cursor) = (Vec::new(), None);
        Ok(Self { begun, full, room, parts, cursor, is_full: true, entries: 0 })
    }

    /// The next piece. Returns whether it was the last.
    pub fn step(&mut self, engine: &mut Engine, now: Now) -> Result<bool, CommandError> {
        if self.is_full {
            let head = self.head(self.parts.len() as u32 + 1);
            let begun = PartWriter::begin(Cursor::new(Vec::new()), head);
            self.parts.push(begun.map_err(|error| failed(&error))?);
            self.is_full = false;
        }
        let part = self.parts.len() as u32;
        let Some(writer) = self.parts.last_mut() else { return Ok(true) };
        let mut room = self.room.unwrap_or(u64::MAX);
        loop {
            let request = BundlePiece {
                bundle: self.begun.bundle,
                to: self.begun.receivers.iter().map(|receiver| receiver.device).collect(),
                full: self.full,
                part,
                number: writer.segments(),
                cursor: self.cursor.clone(),
                room: if writer.segments() == 0 { u64::MAX } else { room },
            };
            let is_beginning = request.number == 0;
            let piece = request.execute(engine, now)?;
            // A run that is longer than a part has room for gets what it needs.
            if piece.full && piece.count == 0 {
                room *= 2;
                continue;
            }
            writer.append(&piece.segments, piece.count).map_err(|error| failed(&error))?;
            self.entries += piece.entries;
            self.cursor = piece.cursor;
            // What is left of the room is by chance: a split part has one piece.
            self.is_full = piece.full || (self.room.is_some() && !is_beginning);
            return Ok(piece.done);
        }
    }

    /// The files, all of them.
    pub fn finish(self) -> Result<Vec<Part>, CommandError> {
        let count = self.parts.len() as u32;
        let receivers = self.head(0).receivers;
        let finish = |writer: PartWriter<Cursor<Vec<u8>>>| {
            let (file, _) = writer.finish(count).map_err(|error| failed(&error))?;
            let bytes = Arc::from(file.into_inner());
            Ok(Part { bytes, receivers: receivers.clone(), flaw: None })
        };
        self.parts.into_iter().map(finish).collect()
    }

    /// The files as they are when nobody goes on with them.
    pub fn abandon(self) -> Vec<Part> {
        let head = self.head(0);
        let file = |(part, writer): (u32, PartWriter<Cursor<Vec<u8>>>)| {
            let unfinished = PartHead { part, ..head.clone() }.encode();
            let mut bytes = writer.finish(1).ok()?.0.into_inner();
            bytes.get_mut(..unfinished.len())?.copy_from_slice(&unfinished);
            let flaw = Some(Flaw { names: BTreeSet::from([Fault::Torn]), whole: 0 });
            Some(Part { bytes: Arc::from(bytes), receivers: head.receivers.clone(), flaw })
        };
        (1..).zip(self.parts).filter_map(file).collect()
    }

    fn head(&self, part: u32) -> PartHead {
        PartHead {
            bundle: self.begun.bundle,
            part,
            parts: 0,
            mesh: self.begun.mesh,
            sender: self.begun.sender,
            receivers: self.begun.receivers.iter().map(|receiver| receiver.device).collect(),
            segments: 0,
            bytes: 0,
        }
    }
}

impl Part {
    /// Somebody else's stick: brought to a device that it is not for.
    pub fn astray(mut self) -> Self {
        let mut names = self.flaw.map(|flaw| flaw.names).unwrap_or_default();
        names.insert(Fault::NotForUs);
        self.flaw = Some(Flaw { names, whole: 0 });
        self
    }

    /// The same file with something wrong. What it is depends on its form and on nothing that is by
    /// chance in it.
    pub fn spoilt(self, random: &mut ChaCha8Rng) -> Self {
        let (dice, at, bit) =
            (random.random_range(0..4), random.random_range(0..60usize), random.random_range(0..8));
        let pick: u32 = random.random();
        if self.flaw.is_some() {
            return self;
        }
        let Ok((head, head_bytes)) = PartHead::decode(&self.bytes) else { return self };
        let segment = pick % head.segments.max(1);
        let Some(begins) = self.begins(head_bytes, segment) else { return self };
        let mut bytes = self.bytes.to_vec();
        let flip = |bytes: &mut Vec<u8>, at: usize| {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        };
        let (names, whole) = match dice {
            // In the head, but for its length.
            0 if at < 9 => {
                flip(&mut bytes, at);
                (vec![if at < 8 { Fault::NotABundle } else { Fault::BundleVersion }], 0)
            }
            0 => {
                flip(&mut bytes, HEAD_BYTES + at);
                (vec![Fault::Altered], 0)
            }
            // In a segment, but for its length.
            1 => {
                flip(&mut bytes, begins + LENGTH_BYTES + at);
                (vec![Fault::Altered], segment)
            }
            2 => {
                bytes.truncate(begins + at);
                (vec![Fault::Torn], segment)
            }
            // The same of another mesh.
            _ => {
                let mesh = head.mesh.0.map(|byte| !byte);
                let foreign = PartHead { mesh: GrantId(mesh), ..head }.encode();
                bytes.splice(..head_bytes, foreign);
                (vec![Fault::OtherMesh], 0)
            }
        };
        let flaw = Some(Flaw { names: names.into_iter().collect(), whole });
        Self { bytes: Arc::from(bytes), flaw, ..self }
    }

    /// The same file with something wrong that is not known to be.
    pub fn spoilt_unnoticed(self, random: &mut ChaCha8Rng) -> Self {
        Self { flaw: None, ..self.spoilt(random) }
    }

    /// Where a segment begins in the file.
    fn begins(&self, head_bytes: usize, segment: u32) -> Option<usize> {
        let mut at = head_bytes;
        for _ in 0..segment {
            let length = self.bytes.get(at..)?.first_chunk::<LENGTH_BYTES>()?;
            at += LENGTH_BYTES + u32::from_be_bytes(*length) as usize;
        }
        Some(at)
    }
}

impl Reading {
    /// Somebody begins to read.
    pub fn begin(part: Part) -> Self {
        let mut reading = Self {
            head: None,
            reader: None,
            expected: 0,
            taken: BundleTaken::default(),
            part: part.clone(),
        };
        match PartReader::open(Cursor::new(part.bytes)) {
            Ok(reader) => {
                reading.head = Some(reader.head().encode());
                reading.expected = reader.head().segments;
                reading.reader = Some(reader);
            }
            Err(error) => reading.taken.fault = Some(fault(&error)),
        }
        reading
    }

    /// The next segment. Returns whether that was the last.
    pub fn step(&mut self, engine: &mut Engine, now: Now) -> Result<bool, CommandError> {
        let (Some(reader), Some(head)) = (&mut self.reader, &self.head) else { return Ok(true) };
        if self.taken.fault.is_none() {
            match reader.segment() {
                Ok(Some(segments)) => {
                    let first = self.taken.segments;
                    let take = BundleTake { head: head.clone(), first, segments };
                    let taken = take.execute(engine, now)?;
                    self.adds(taken);
                    return Ok(false);
                }
                Ok(None) if self.taken.segments == self.expected => {}
                // It ends, or goes on, otherwise than it says.
                Ok(None) => self.taken.fault = Some(Fault::Torn),
                Err(error) => self.taken.fault = Some(fault(&error)),
            }
        }
        BundleEnd { head: head.clone() }.execute(engine, now)?;
        Ok(true)
    }

    fn adds(&mut self, taken: BundleTaken) {
        let sum = &mut self.taken;
        sum.segments += taken.segments;
        sum.for_others += taken.for_others;
        sum.entries += taken.entries;
        sum.new += taken.new;
        sum.waiting += taken.waiting;
        sum.fault = taken.fault;
        for (code, count) in taken.refused {
            *sum.refused.entry(code).or_default() += count;
        }
    }

    /// What is wrong with what was said of the file, if anything. Of a sender whose grant is revoked it
    /// may be refused for that instead; of one in the wrong hands runs may be, beyond its quota.
    pub fn wrong(&self, sender_revoked: bool, sender_turned: bool) -> Option<String> {
        let said = self.taken.fault;
        if sender_revoked && matches!(said, Some(Fault::Revoked | Fault::UnknownSender)) {
            return None;
        }
        let right = match (&self.part.flaw, said) {
            (None, None) => {
                let is_refused = !self.taken.refused.is_empty() && !sender_turned;
                self.taken.segments == self.expected && !is_refused
            }
            (Some(flaw), Some(said)) => {
                flaw.names.contains(&said) && self.taken.segments == flaw.whole
            }
            _ => false,
        };
        (!right).then(|| format!("{:?} was to be said, and {:?} was", self.part.flaw, self.taken))
    }

    /// The file, to be read once more.
    pub fn into_part(self) -> Part {
        self.part
    }
}

impl fmt::Debug for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writing({:?})", self.begun.bundle)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} B, {:?})", self.bytes.len(), self.flaw)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({:?})", self.part)
    }
}

fn fault(error: &PartError) -> Fault {
    match error {
        PartError::Fault(fault) => *fault,
        // Memory does not fail to read.
        PartError::Io(_) => Fault::Torn,
    }
}

fn failed(error: &std::io::Error) -> CommandError {
    use shouwang_node::command::ErrorKind;
    CommandError::new(ErrorKind::Failed, "stick", error.to_string())
}
