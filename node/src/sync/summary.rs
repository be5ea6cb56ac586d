//! What two peers say to one another of what they hold: digests where they agree, heads where they
//! may not.
//!
//! A [`Statement`] speaks of one [`Place`] of the division tree and one [`Family`] of lanes. Both
//! sides see at once where two digests differ, and each says more without being asked.

use shouwang_crdt_schema::division::DivisionCode;

use super::PeerError;
use super::wire::{Frame, LogPosition};
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{
    PACKET_BYTES_MAX, SEQ_MAX, SUMMARY_CHILDREN_MAX, SUMMARY_HEADS_PER_FRAME, SUMMARY_ROUNDS_MAX,
    SUMMARY_STATEMENTS_PER_FRAME,
};
use crate::log::{EntryHash, LogKey};
use crate::store::digests::{Digest, Family};

/// Statements that leave together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// 0 for the first time that the two compare; one more whenever either has learnt that the other
    /// is not whom it took it for, and all begins anew.
    pub round: u8,
    /// The statements.
    pub statements: Vec<Statement>,
}

/// What is said of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Of which lanes.
    pub family: Family,
    /// Of where.
    pub place: Place,
    /// What.
    pub what: Word,
}

/// A node of the division tree as the two compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Everything that both may hold.
    All,
    /// The logs of this scope itself.
    Own(DivisionCode),
    /// Everything inside this place, its own logs included.
    Inside(DivisionCode),
}

/// What is said of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The digest of all that the sender holds there that both may hold.
    Digest(Digest),
    /// The places that it consists of, each with its digest, in order, without empty ones.
    Children(Vec<(Place, Digest)>),
    /// All the sender's heads there; `last` ends them.
    Heads(Vec<StatedHead>, bool),
    /// The sender's heads of the logs in which it differs from the receiver's [`Word::Heads`], and
    /// names of logs of which it has nothing: all others are as the receiver said; `last` ends them.
    Rest(Vec<StatedHead>, bool),
}

/// A head of one chain of a log; none of a log of which the sender has nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatedHead {
    /// Of a log that the receiver knows, or will when it comes; by the sender's salt. Where nothing is
    /// held: of a log that the receiver has named so, by the receiver's.
    Short(Fingerprint, Option<(u64, HashMark)>),
    /// Of the receiver's own log, which it may have forgotten; or of one whose fingerprint another log
    /// has too.
    Full(LogKey, Option<(u64, HashMark)>),
}

/// What one side of a session mixes into all that it says in short. It is drawn anew for each session,
/// so nobody can look for a log or an entry that is taken for another, and two that are alike by
/// chance are told apart the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Salt(pub [u8; 8]);

/// A log in short: 5 bytes in place of 53. Among 3,000 logs that one side has never heard of two are alike
/// once in 100,000 sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 5]);

/// An entry's hash in short: 5 bytes in place of 32. Among the entries of one number that are here,
/// another is taken for it once in 2^40.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HashMark(pub [u8; 5]);

/// A mark with the salt that it was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SaltedHash {
    salt: Salt,
    mark: HashMark,
}

/// A head as a peer has named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedHead {
    /// The log.
    pub log: LogKey,
    /// The number of the entry.
    pub seq: u64,
    /// Its hash.
    pub hash: SaltedHash,
}

impl Salt {
    /// The fingerprint of a log.
    pub fn fingerprint(self, log: &LogKey) -> Fingerprint {
        Fingerprint(self.mix(&log.to_bytes()))
    }

    /// The mark of an entry's hash.
    pub fn mark(self, hash: &EntryHash) -> HashMark {
        HashMark(self.mix(&hash.0))
    }

    pub(super) fn mix<const N: usize>(self, bytes: &[u8]) -> [u8; N] {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.0);
        let mut mixed = [0; N];
        mixed.copy_from_slice(&blake3::keyed_hash(&key, bytes).as_bytes()[..N]);
        mixed
    }
}

impl SaltedHash {
    /// An entry's hash as whoever speaks with this salt says it.
    pub fn of(salt: Salt, hash: &EntryHash) -> Self {
        Self { salt, mark: salt.mark(hash) }
    }

    /// What was said with a salt.
    pub fn said(salt: Salt, mark: HashMark) -> Self {
        Self { salt, mark }
    }

    /// Whether this hash is meant.
    pub fn is_of(&self, hash: &EntryHash) -> bool {
        self.salt.mark(hash) == self.mark
    }
}

impl Place {
    /// Whether a scope's logs are spoken of here.
    pub fn covers(self, scope: DivisionCode) -> bool {
        match self {
            Self::All => true,
            Self::Own(code) => code == scope,
            Self::Inside(code) => code.contains(scope),
        }
    }

    /// What tells it from others in a digest.
    pub(super) fn name(self) -> u64 {
        match self {
            Self::All => 0,
            Self::Own(code) => code.number() * 2,
            Self::Inside(code) => code.number() * 2 + 1,
        }
    }

    /// The division code; none of everything.
    pub fn code(self) -> Option<DivisionCode> {
        match self {
            Self::All => None,
            Self::Own(code) | Self::Inside(code) => Some(code),
        }
    }

    fn write(self, writer: &mut Writer) {
        writer.leb(self.name());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let name = reader.leb()?;
        if name == 0 {
            return Ok(Self::All);
        }
        let code = DivisionCode::from_number(name / 2).map_err(|_| CodecError::Number)?;
        Ok(if name % 2 == 0 { Self::Own(code) } else { Self::Inside(code) })
    }
}

impl StatedHead {
    /// The head of a log that is spelled out, as said with this salt.
    pub fn named(&self, salt: Salt) -> Option<NamedHead> {
        match *self {
            Self::Full(log, Some((seq, mark))) => {
                Some(NamedHead { log, seq, hash: SaltedHash::said(salt, mark) })
            }
            Self::Full(_, None) | Self::Short(..) => None,
        }
    }
}

impl Statement {
    /// How many heads it has.
    pub fn heads(&self) -> usize {
        match &self.what {
            Word::Heads(heads, _) | Word::Rest(heads, _) => heads.len(),
            Word::Digest(_) | Word::Children(_) => 0,
        }
    }

    /// How many places it speaks of.
    pub fn places(&self) -> usize {
        match &self.what {
            Word::Children(children) => 1 + children.len(),
            Word::Digest(_) | Word::Heads(..) | Word::Rest(..) => 1,
        }
    }

    /// Family and word in one byte; place; what is said.
    pub(super) fn write(&self, writer: &mut Writer, name: &mut dyn FnMut(&LogKey, &mut Writer)) {
        let word = match &self.what {
            Word::Digest(_) => DIGEST,
            Word::Children(_) => CHILDREN,
            Word::Heads(_, last) => {
                if *last {
                    HEADS_LAST
                } else {
                    HEADS
                }
            }
            Word::Rest(_, last) => {
                if *last {
                    REST_LAST
                } else {
                    REST
                }
            }
        };
        writer.u8(self.family.number() << 7 | word);
        self.place.write(writer);
        match &self.what {
            Word::Digest(digest) => drop(writer.bytes(&digest.0)),
            Word::Children(children) => {
                writer.count(children.len());
                for (place, digest) in children {
                    place.write(writer);
                    writer.bytes(&digest.0);
                }
            }
            Word::Heads(heads, _) | Word::Rest(heads, _) => write_heads(writer, heads, name),
        }
    }

    fn read(
        reader: &mut Reader<'_>,
        name: &mut dyn FnMut(&mut Reader<'_>) -> Result<LogKey, PeerError>,
    ) -> Result<Self, PeerError> {
        let tag = reader.u8()?;
        let family = if tag & 0x80 == 0 { Family::Records } else { Family::Authority };
        let place = Place::read(reader)?;
        let what = match tag & 0x7f {
            DIGEST => Word::Digest(Digest(reader.array()?)),
            CHILDREN => {
                let count = reader.count(SUMMARY_CHILDREN_MAX)?;
                let child = |_| Ok((Place::read(reader)?, Digest(reader.array()?)));
                Word::Children((0..count).map(child).collect::<Result<_, CodecError>>()?)
            }
            word @ (HEADS | HEADS_LAST) => {
                Word::Heads(read_heads(reader, name)?, word == HEADS_LAST)
            }
            word @ (REST | REST_LAST) => Word::Rest(read_heads(reader, name)?, word == REST_LAST),
            _ => return Err(CodecError::Tag.into()),
        };
        Ok(Self { family, place, what })
    }
}

impl Summary {
    /// All heads that there are, spelled out: what a peer says that keeps no digests.
    pub fn of_heads(round: u8, salt: Salt, heads: &[LogPosition], last: bool) -> Self {
        let statement = |family| {
            let heads = heads.iter().filter(|head| Family::of(head.log.lane) == family);
            let full = |head: &LogPosition| {
                StatedHead::Full(head.log, Some((head.seq, salt.mark(&head.hash))))
            };
            let what = Word::Heads(heads.map(full).collect(), last);
            Statement { family, place: Place::All, what }
        };
        Self { round, statements: Family::ALL.map(statement).into() }
    }

    pub(super) fn write(&self, writer: &mut Writer, name: &mut dyn FnMut(&LogKey, &mut Writer)) {
        writer.u8(self.round).count(self.statements.len());
        self.statements.iter().for_each(|statement| statement.write(writer, name));
    }

    pub(super) fn read(
        reader: &mut Reader<'_>,
        name: &mut dyn FnMut(&mut Reader<'_>) -> Result<LogKey, PeerError>,
    ) -> Result<Self, PeerError> {
        let round = reader.u8()?;
        if round > SUMMARY_ROUNDS_MAX {
            return Err(CodecError::Number.into());
        }
        let count = reader.count(SUMMARY_STATEMENTS_PER_FRAME)?;
        let statements =
            (0..count).map(|_| Statement::read(reader, name)).collect::<Result<_, _>>()?;
        Ok(Self { round, statements })
    }
}

/// Statements in as few frames as they fit.
pub(super) fn frames(round: u8, statements: Vec<Statement>) -> Vec<Frame> {
    let mut frames: Vec<Summary> = Vec::new();
    let mut room = 0;
    for statement in statements {
        let mut writer = Writer::new();
        // As a packet spells a log: with a byte before it.
        statement.write(&mut writer, &mut |log, writer| {
            log.write(writer.u8(0));
        });
        let bytes = writer.finish().len();
        let full = |summary: &Summary| summary.statements.len() >= SUMMARY_STATEMENTS_PER_FRAME;
        match frames.last_mut().filter(|last| bytes <= room && !full(last)) {
            Some(last) => last.statements.push(statement),
            None => {
                room = PACKET_BYTES_MAX - 16;
                frames.push(Summary { round, statements: vec![statement] });
            }
        }
        room = room.saturating_sub(bytes);
    }
    frames.into_iter().map(Frame::Summary).collect()
}

const DIGEST: u8 = 0;
const CHILDREN: u8 = 1;
const HEADS: u8 = 2;
const HEADS_LAST: u8 = 3;
const REST: u8 = 4;
const REST_LAST: u8 = 5;

/// Those by fingerprint first, then those that are spelled out.
fn write_heads(
    writer: &mut Writer,
    heads: &[StatedHead],
    name: &mut dyn FnMut(&LogKey, &mut Writer),
) {
    let short = heads.iter().filter_map(|head| match head {
        StatedHead::Short(log, at) => Some((log, at)),
        StatedHead::Full(..) => None,
    });
    writer.count(short.clone().count());
    for (log, at) in short {
        writer.bytes(&log.0);
        match at {
            None => writer.leb(0),
            Some((seq, hash)) => writer.leb(seq.saturating_add(1)).bytes(&hash.0),
        };
    }
    let full = heads.iter().filter_map(|head| match head {
        StatedHead::Full(log, at) => Some((log, at)),
        StatedHead::Short(..) => None,
    });
    writer.count(full.clone().count());
    for (log, at) in full {
        name(log, writer);
        match at {
            None => writer.leb(0),
            Some((seq, hash)) => writer.leb(seq.saturating_add(1)).bytes(&hash.0),
        };
    }
}

fn read_heads(
    reader: &mut Reader<'_>,
    name: &mut dyn FnMut(&mut Reader<'_>) -> Result<LogKey, PeerError>,
) -> Result<Vec<StatedHead>, PeerError> {
    let mut heads = Vec::new();
    for _ in 0..reader.count(SUMMARY_HEADS_PER_FRAME)? {
        let log = Fingerprint(reader.array()?);
        let seq = read_after(reader)?;
        let at =
            seq.map(|seq| Ok::<_, CodecError>((seq, HashMark(reader.array()?)))).transpose()?;
        heads.push(StatedHead::Short(log, at));
    }
    for _ in 0..reader.count(SUMMARY_HEADS_PER_FRAME)? {
        let log = name(reader)?;
        let seq = read_after(reader)?;
        let at =
            seq.map(|seq| Ok::<_, CodecError>((seq, HashMark(reader.array()?)))).transpose()?;
        heads.push(StatedHead::Full(log, at));
    }
    Ok(heads)
}

/// A number one above that of an entry; 0 for none.
fn read_after(reader: &mut Reader<'_>) -> Result<Option<u64>, CodecError> {
    match reader.leb()?.checked_sub(1) {
        Some(seq) if seq > SEQ_MAX => Err(CodecError::Number),
        seq => Ok(seq),
    }
}
