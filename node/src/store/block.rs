//! Blocks: consecutive entries of one chain as one packed value, without what follows from neighbours.
//!
//! Of each header the block keeps kind, time, document and tail. The log and the first number are the
//! row's; the previous hash is that of the entry before; length and hash of a body are the body's,
//! where it is here. So the exact headers are built again, and a signature still covers all that the
//! chain of hashes leads to.
//!
//! ```text
//! plain 32  the hash that the first header names
//!           entry by entry: signature 64, where it is here; body hash 32, where the body is not;
//!           of a body that is an Automerge change its checksum 4 and, of each change it depends on, the
//!           hash 32
//!           document by document, where it is first named: its name, length first
//! text  –   count of entries (LEB128)
//!       1   of each: 1 signed, 2 without its body, 4 the body is a change
//!       1   of each: kind
//!       –   of each: how much later than the one before it was written, ms (zigzag LEB128; the first:
//!           since 1970)
//!       –   of each: which of the documents of the block it is for, from 1; 0 the next new one (LEB128)
//!       –   of each: tail, length first
//!       –   of each: length of the body (LEB128); of a change, of what follows its dependencies
//!       –   of each that is a change: number of its dependencies (LEB128)
//!       –   the bodies
//! ```

use super::packed::{pack, unpack};
use crate::codec::{CodecError, Reader, Writer};
use crate::dictionary::STORE_ENTRIES;
use crate::identity::Signature;
use crate::limits::{BLOCK_ENTRIES, BODY_BYTES_MAX, DEPENDENCIES_MAX, TAIL_BYTES_MAX};
use crate::log::{DocumentField, Entry, EntryHash, Head, Header, Kind, LogKey};

const SIGNED: u8 = 1;
const BODY_ABSENT: u8 = 2;
const CHANGE: u8 = 4;

/// What every uncompressed Automerge change begins with.
const CHANGE_MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHANGE_CHUNK: u8 = 1;

/// Whether an entry begins a block, by its number and by what stands before it: blocks end where
/// [`BLOCK_ENTRIES`] say so, and at checkpoints.
pub(super) fn begins_block(seq: u64, before: Option<&Head>) -> bool {
    seq.is_multiple_of(BLOCK_ENTRIES) || before.is_none_or(|head| head.since_checkpoint_bytes == 0)
}

/// Whether an entry is the last of its block, once it is the head.
pub(super) fn ends_block(head: &Head) -> bool {
    begins_block(head.seq + 1, Some(head))
}

/// Packs entries, each of which follows the one before.
pub(super) fn encode(entries: &[Entry]) -> Vec<u8> {
    let (mut plain, mut text) = (Writer::new(), Writer::new());
    let changes: Vec<Option<Change<'_>>> =
        entries.iter().map(|entry| entry.body.as_deref().and_then(Change::read)).collect();
    let each = || entries.iter().zip(&changes);
    if let Some(first) = entries.first() {
        plain.bytes(&first.header.previous.0);
    }
    text.count(entries.len());
    for (entry, change) in each() {
        let signed = if entry.signature.is_some() { SIGNED } else { 0 };
        let absent = if entry.body.is_none() { BODY_ABSENT } else { 0 };
        text.u8(signed | absent | if change.is_some() { CHANGE } else { 0 });
    }
    for entry in entries {
        text.u8(entry.header.kind.number());
    }
    let mut before = 0;
    for entry in entries {
        text.leb(zigzag(entry.header.written_at_ms.wrapping_sub(before)));
        before = entry.header.written_at_ms;
    }
    let mut documents: Vec<&DocumentField> = Vec::new();
    for entry in entries {
        let document = &entry.header.document;
        match documents.iter().position(|known| *known == document) {
            Some(known) => text.count(known + 1),
            None => {
                documents.push(document);
                text.u8(0)
            }
        };
    }
    for entry in entries {
        text.piece(&entry.header.tail);
    }
    for (entry, change) in each() {
        match (&entry.body, change) {
            (Some(_), Some(change)) => text.count(change.rest.len()),
            (Some(body), None) => text.count(body.len()),
            (None, _) => text.leb(u64::from(entry.header.body_length)),
        };
    }
    for change in changes.iter().flatten() {
        text.count(change.dependencies.len() / 32);
    }
    for (entry, change) in each() {
        match (&entry.body, change) {
            (_, Some(change)) => text.bytes(change.rest),
            (body, None) => text.bytes(body.as_deref().unwrap_or_default()),
        };
        if let Some(signature) = &entry.signature {
            plain.bytes(&signature.0);
        }
        if entry.body.is_none() {
            plain.bytes(&entry.header.body_hash);
        }
        if let Some(change) = change {
            plain.bytes(&change.checksum).bytes(change.dependencies);
        }
    }
    for document in documents {
        plain.piece(document.as_bytes());
    }
    pack(STORE_ENTRIES, &plain.finish(), &text.finish())
}

/// Reads [`encode`]: the entries of a log from this number on. Checks the form, not signatures; hashes
/// come out as they follow from what is there.
pub(super) fn decode(log: &LogKey, first_seq: u64, row: &[u8]) -> Result<Vec<Entry>, CodecError> {
    let (plain, text) = unpack(row)?;
    let (mut plain, mut text) = (Reader::new(plain), Reader::new(&text));
    let mut previous = EntryHash(plain.array()?);
    let count = text.count(BLOCK_ENTRIES as usize)?;
    if count == 0 {
        return Err(CodecError::Truncated);
    }
    let flags = text.bytes(count)?;
    if flags.iter().any(|flags| flags & !(SIGNED | BODY_ABSENT | CHANGE) != 0) {
        return Err(CodecError::Tag);
    }
    let kinds = text.bytes(count)?;
    let times = repeat(count, || text.leb())?;
    let mut distinct: u64 = 0;
    let documents = repeat(count, || match text.leb()? {
        0 => {
            distinct += 1;
            Ok(distinct)
        }
        known if known <= distinct => Ok(known),
        _ => Err(CodecError::Number),
    })?;
    let tails = repeat(count, || text.piece(TAIL_BYTES_MAX))?;
    let lengths = repeat(count, || text.leb())?;
    let mut bodies = Vec::with_capacity(count);
    let dependencies = flags.iter().map(|flags| match flags & CHANGE {
        0 => Ok(None),
        _ => text.count(DEPENDENCIES_MAX).map(Some),
    });
    let dependencies = dependencies.collect::<Result<Vec<_>, _>>()?;
    let mut signatures = Vec::with_capacity(count);
    for ((flags, length), dependencies) in flags.iter().zip(&lengths).zip(dependencies) {
        signatures.push(match flags & SIGNED {
            0 => None,
            _ => Some(Signature(plain.array()?)),
        });
        let length_here = || usize::try_from(*length).map_err(|_| CodecError::TooLong);
        bodies.push(match dependencies {
            None if flags & BODY_ABSENT != 0 => Body::Absent {
                length: u32::try_from(*length).map_err(|_| CodecError::TooLong)?,
                hash: plain.array()?,
            },
            None => Body::Here(text.bytes(length_here()?)?.to_vec()),
            Some(_) if flags & BODY_ABSENT != 0 => return Err(CodecError::Tag),
            Some(dependencies) => {
                let checksum = plain.array()?;
                let dependencies = plain.bytes(dependencies * 32)?;
                let rest = text.bytes(length_here()?)?;
                Body::Here(Change { checksum, dependencies, rest }.write())
            }
        });
    }
    let names =
        repeat(usize::try_from(distinct).unwrap_or(count), || DocumentField::read(&mut plain))?;
    plain.finish()?;
    text.finish()?;
    let mut entries = Vec::with_capacity(count);
    let mut written_at_ms: i64 = 0;
    let parts = kinds.iter().zip(times).zip(documents).zip(tails).zip(bodies).zip(signatures);
    for (seq, (((((kind, time), document), tail), body), signature)) in (first_seq..).zip(parts) {
        written_at_ms = written_at_ms.wrapping_add(unzigzag(time));
        let document = usize::try_from(document - 1).ok().and_then(|nth| names.get(nth));
        let (body_length, body_hash, body) = match body {
            Body::Absent { length, hash } => (length, hash, None),
            Body::Here(body) if body.len() > BODY_BYTES_MAX => return Err(CodecError::TooLong),
            Body::Here(body) => {
                let length = u32::try_from(body.len()).map_err(|_| CodecError::TooLong)?;
                (length, *blake3::hash(&body).as_bytes(), Some(body))
            }
        };
        let header = Header {
            log: *log,
            seq,
            previous,
            written_at_ms,
            kind: Kind::from_number(*kind),
            document: document.cloned().ok_or(CodecError::Number)?,
            body_length,
            body_hash,
            tail: tail.to_vec(),
        };
        previous = header.hash();
        entries.push(Entry { header, body, signature });
    }
    Ok(entries)
}

/// A body as the block has it.
enum Body {
    Here(Vec<u8>),
    Absent { length: u32, hash: [u8; 32] },
}

/// An Automerge change, taken apart: what is random, and what is not.
struct Change<'a> {
    checksum: [u8; 4],
    dependencies: &'a [u8],
    /// Behind the dependencies.
    rest: &'a [u8],
}

impl<'a> Change<'a> {
    /// Takes a body apart; None where putting it together again would not come to the same bytes.
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body.strip_prefix(&CHANGE_MAGIC)?);
        let checksum = reader.array().ok()?;
        if reader.u8().ok()? != CHANGE_CHUNK {
            return None;
        }
        let length = reader.count(BODY_BYTES_MAX).ok()?;
        let content = reader.rest();
        if content.len() != length {
            return None;
        }
        let mut reader = Reader::new(content);
        let count = reader.count(DEPENDENCIES_MAX).ok()?;
        let dependencies = reader.bytes(count * 32).ok()?;
        Some(Self { checksum, dependencies, rest: reader.rest() })
    }

    fn write(&self) -> Vec<u8> {
        let content = Writer::new()
            .count(self.dependencies.len() / 32)
            .bytes(self.dependencies)
            .bytes(self.rest)
            .finish();
        Writer::new()
            .bytes(&CHANGE_MAGIC)
            .bytes(&self.checksum)
            .u8(CHANGE_CHUNK)
            .piece(&content)
            .finish()
    }
}

fn repeat<T>(
    count: usize,
    mut read: impl FnMut() -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    (0..count).map(|_| read()).collect()
}

/// Small numbers of either sign as small numbers.
fn zigzag(value: i64) -> u64 {
    (value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
