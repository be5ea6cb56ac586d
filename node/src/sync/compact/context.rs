//! What has been said in one direction of a session, so that it can be referred to.
//!
//! Both ends hold the same of it: the one that writes and the one that reads change it in the same
//! order. Everything in it is bounded (`limits.rs`), whatever a peer says.

use std::collections::BTreeMap;
use std::sync::Arc;

use shouwang_crdt_schema::change::Template;
use shouwang_crdt_schema::division::DivisionCode;

use super::recent::Recent;
use super::ring::Ring;
use crate::limits::{
    STREAM_DOCUMENTS_MAX, STREAM_ELDERS_MAX, STREAM_LOGS_MAX, STREAM_NAMES_MAX,
    STREAM_TEMPLATES_MAX,
};
use crate::log::{EntryHash, LogKey};
use crate::sync::summary::Salt;

/// What has been said in one direction.
#[derive(Debug)]
pub(in crate::sync) struct Context {
    /// What this direction mixes into names of logs.
    pub(super) salt: Salt,
    /// When the last entry that was sent was written, ms since 1970.
    pub(super) written_at_ms: i64,
    pub(super) logs: Logs,
    pub(super) paces: BTreeMap<LogKey, Pace>,
    pub(super) grants: Ring<[u8; 32]>,
    pub(super) actors: Ring<[u8; 16]>,
    pub(super) parts: Ring<Vec<u8>>,
    pub(super) elders: Elders,
    pub(super) templates: Templates,
    pub(super) recent: Recent,
}

/// Logs that were named in full.
#[derive(Debug, Default)]
pub(in crate::sync) struct Logs {
    keys: Vec<LogKey>,
    numbers: BTreeMap<LogKey, usize>,
}

/// Where the last run of a log ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) next_seq: u64,
    pub(super) hash: EntryHash,
}

/// The last change of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Last {
    pub(in crate::sync) hash: [u8; 32],
    pub(in crate::sync) actor: [u8; 16],
    pub(in crate::sync) seq: u64,
    pub(in crate::sync) max_op: u64,
}

/// Elders by number, and the last changes of their documents.
#[derive(Debug)]
pub(super) struct Elders {
    ring: Ring<[u8; 16]>,
    documents: BTreeMap<[u8; 16], Vec<Document>>,
    /// The number that was said last: people go from house to house.
    pub(super) at: usize,
}

#[derive(Debug)]
struct Document {
    scope: DivisionCode,
    part: Vec<u8>,
    last: Last,
}

/// Templates by number.
#[derive(Debug)]
pub(super) struct Templates {
    ring: Ring<Vec<u8>>,
    read: BTreeMap<usize, Arc<Template>>,
}

impl Context {
    /// Nothing has been said.
    pub(in crate::sync) fn new(salt: Salt) -> Self {
        Self {
            salt,
            written_at_ms: 0,
            logs: Logs::default(),
            paces: BTreeMap::new(),
            grants: Ring::new(STREAM_NAMES_MAX),
            actors: Ring::new(STREAM_NAMES_MAX),
            parts: Ring::new(STREAM_NAMES_MAX),
            elders: Elders {
                ring: Ring::new(STREAM_ELDERS_MAX),
                documents: BTreeMap::new(),
                at: 0,
            },
            templates: Templates { ring: Ring::new(STREAM_TEMPLATES_MAX), read: BTreeMap::new() },
            recent: Recent::default(),
        }
    }

    /// The logs that this direction has named.
    pub(in crate::sync) fn logs(&self) -> &Logs {
        &self.logs
    }

    /// The number and hash of the last entry of a log that was sent.
    pub(super) fn last_of(&self, log: &LogKey) -> Option<(u64, EntryHash)> {
        self.paces.get(log).map(|pace| (pace.next_seq - 1, pace.hash))
    }

    pub(super) fn set_pace(&mut self, log: LogKey, pace: Pace) {
        if self.paces.len() < STREAM_LOGS_MAX || self.paces.contains_key(&log) {
            self.paces.insert(log, pace);
        }
    }
}

impl Logs {
    /// The number of a log.
    pub(super) fn number(&self, log: &LogKey) -> Option<usize> {
        self.numbers.get(log).copied()
    }

    /// The log with a number.
    pub(super) fn get(&self, number: usize) -> Option<LogKey> {
        self.keys.get(number).copied()
    }

    /// A log was named in full. When there are too many, further ones get no number: the numbers that
    /// the other direction refers to must hold.
    pub(super) fn name(&mut self, log: LogKey) {
        if self.keys.len() < STREAM_LOGS_MAX && !self.numbers.contains_key(&log) {
            self.numbers.insert(log, self.keys.len());
            self.keys.push(log);
        }
    }
}

impl Elders {
    pub(super) fn number(&self, elder: &[u8; 16]) -> Option<usize> {
        self.ring.number(elder)
    }

    pub(super) fn get(&self, number: usize) -> Option<[u8; 16]> {
        self.ring.get(number).copied()
    }

    /// An elder was named in full. Returns its number.
    pub(super) fn push(&mut self, elder: [u8; 16]) -> usize {
        let before = self.get(self.ring.next());
        let number = self.ring.push(elder);
        if let Some(gone) = before.filter(|gone| self.ring.number(gone).is_none()) {
            self.documents.remove(&gone);
        }
        number
    }

    /// The last change of a document.
    pub(super) fn last(&self, scope: DivisionCode, elder: &[u8; 16], part: &[u8]) -> Option<Last> {
        let documents = self.documents.get(elder)?.iter();
        documents
            .filter(|known| known.scope == scope && known.part == part)
            .map(|known| known.last)
            .next()
    }

    /// Notes the last change of a document.
    pub(super) fn note(
        &mut self,
        scope: DivisionCode,
        elder: [u8; 16],
        part: &[u8],
        last: Option<Last>,
    ) {
        if self.ring.number(&elder).is_none() {
            return;
        }
        let documents = self.documents.entry(elder).or_default();
        documents.retain(|known| known.scope != scope || known.part != part);
        if let Some(last) = last {
            if documents.len() >= STREAM_DOCUMENTS_MAX {
                documents.remove(0);
            }
            documents.push(Document { scope, part: part.to_vec(), last });
        }
    }
}

impl Templates {
    pub(super) fn number(&self, template: &Template) -> Option<usize> {
        self.ring.number(&template.as_bytes().to_vec())
    }

    pub(super) fn get(&self, number: usize) -> Option<Arc<Template>> {
        self.read.get(&number).cloned()
    }

    pub(super) fn push(&mut self, template: Arc<Template>) {
        let number = self.ring.push(template.as_bytes().to_vec());
        self.read.insert(number, template);
    }
}
