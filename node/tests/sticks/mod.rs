//! Sticks: what one place writes and another reads, through the same requests as the command line.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::io::Cursor;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::bundle::part::{PartError, PartReader, PartWriter};
use shouwang_node::bundle::{Fault, PartHead};
use shouwang_node::command::CommandError;
use shouwang_node::command::bundle::{
    BundleBegin, BundleBegun, BundleEnd, BundlePiece, BundleTake, BundleTaken,
};

use crate::county::County;

/// What is written.
#[derive(Clone, Debug)]
pub struct Written {
    pub begun: BundleBegun,
    /// The parts' bytes.
    pub parts: Vec<Vec<u8>>,
    pub entries: u64,
}

/// A place writes a bundle, split to so many bytes.
pub fn writes(
    county: &mut County,
    place: &str,
    to: &[&str],
    size: u64,
    full: bool,
) -> Result<Written, CommandError> {
    let to: Vec<String> = to.iter().map(|to| (*to).to_owned()).collect();
    let begun = county.asks(place, BundleBegin { to, full })?;
    let head = PartHead {
        bundle: begun.bundle,
        part: 0,
        parts: 0,
        mesh: begun.mesh,
        sender: begun.sender,
        receivers: begun.receivers.iter().map(|receiver| receiver.device).collect(),
        segments: 0,
        bytes: 0,
    };
    let (mut open, mut entries, mut cursor) = (Vec::new(), 0, None);
    let mut done = false;
    while !done {
        let part = open.len() as u32 + 1;
        let head = PartHead { part, ..head.clone() };
        let mut writer = PartWriter::begin(Cursor::new(Vec::new()), head.clone()).unwrap();
        let (taken, mut full_up) = (head.encode().len() as u64, false);
        while !done && !full_up {
            let piece = county.asks(
                place,
                BundlePiece {
                    bundle: begun.bundle,
                    to: head.receivers.clone(),
                    full,
                    part,
                    number: writer.segments(),
                    cursor: cursor.clone(),
                    room: size.saturating_sub(taken + writer.bytes()),
                },
            )?;
            writer.append(&piece.segments, piece.count).unwrap();
            (cursor, done, full_up) = (piece.cursor, piece.done, piece.full);
            entries += piece.entries;
        }
        open.push(writer);
    }
    let count = open.len() as u32;
    let parts: Vec<Vec<u8>> =
        open.into_iter().map(|part| part.finish(count).unwrap().0.into_inner()).collect();
    assert!(parts.iter().all(|part| part.len() as u64 <= size), "a part is longer than asked for");
    Ok(Written { begun, parts, entries })
}

/// A place reads a part.
pub fn reads(county: &mut County, place: &str, part: &[u8]) -> BundleTaken {
    let mut sum = BundleTaken::default();
    let mut reader = match PartReader::open(part) {
        Ok(reader) => reader,
        Err(PartError::Fault(fault)) => return BundleTaken { fault: Some(fault), ..sum },
        Err(PartError::Io(error)) => panic!("{error}"),
    };
    let head = reader.head().encode();
    let expected = reader.head().segments;
    while sum.fault.is_none() {
        let segments = match reader.segment() {
            Ok(Some(segments)) => segments,
            Ok(None) if sum.segments == expected => break,
            // It ends, or goes on, otherwise than it says.
            Ok(None) => {
                sum.fault = Some(Fault::Torn);
                break;
            }
            Err(PartError::Fault(fault)) => {
                sum.fault = Some(fault);
                break;
            }
            Err(PartError::Io(error)) => panic!("{error}"),
        };
        let take = BundleTake { head: head.clone(), first: sum.segments, segments };
        let taken = county.asks(place, take).unwrap();
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
    county.asks(place, BundleEnd { head }).unwrap();
    sum
}

/// One place writes, another reads all of it. Returns entries that were new, and bytes.
pub fn carries(county: &mut County, from: &str, to: &str) -> (u64, usize) {
    let written = writes(county, from, &[to], u64::MAX, false).unwrap();
    let mut new = 0;
    for part in &written.parts {
        let read = reads(county, to, part);
        assert_eq!((read.fault, read.waiting), (None, 0), "{from} → {to}: {read:?}");
        assert!(read.refused.is_empty(), "{from} → {to}: {read:?}");
        new += read.new;
    }
    (new, written.parts.iter().map(Vec::len).sum())
}

/// These places agree on every scope that two of them hold.
pub fn assert_converged(county: &mut County, places: &[&str]) {
    let mut seen: BTreeMap<DivisionCode, (String, String, String)> = BTreeMap::new();
    for place in places {
        for scope in county.status(place).scopes {
            let found = ((*place).to_owned(), scope.digest, scope.authority_digest);
            match seen.get(&scope.code) {
                None => drop(seen.insert(scope.code, found)),
                Some(first) => assert_eq!(
                    (&first.1, &first.2),
                    (&found.1, &found.2),
                    "{} and {place} differ on {}",
                    first.0,
                    scope.code
                ),
            }
        }
    }
}
