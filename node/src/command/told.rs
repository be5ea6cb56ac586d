//! The entries of documents as people are told of them: who wrote what, when, and by which clock.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::automerge::ChangeHash;
use shouwang_crdt_schema::change::ParsedChange;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::OperationName;
use shouwang_crdt_schema::parts::DocumentId;

use crate::authority::Authority;
use crate::gathered::{Cache, Coverage, carried_by};
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, Role};
use crate::limits::CLOCK_SLACK_MS;
use crate::log::{Adoption, Entry, EntryHash, EntryPlace, Header, Kind, LogKey};
use crate::store::rows::{DocumentKey, Unsettled};
use crate::store::{Snapshot, StoreError, StoreRead};

/// Who wrote something, and when by that device's own clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The device.
    pub device: DeviceId,
    /// Its name in its grant.
    pub device_name: Option<String>,
    /// Its office.
    pub role: Option<Role>,
    /// When, by the device's clock, ms since 1970: for reading, trusted by nothing.
    pub written_at_ms: i64,
    /// Why that time cannot be right, if it contradicts what the entry itself had seen.
    pub clock: Option<ClockDoubt>,
}

/// Why the time of an entry cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockDoubt {
    /// It is earlier than that of something its writer had seen.
    BeforeSeen,
    /// It is earlier than that of the grant it is written under.
    BeforeGrant,
    /// The device's clock was set back while it wrote this log.
    SetBack,
}

/// An entry of a document.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) place: EntryPlace,
    pub(super) document: DocumentId,
    pub(super) kind: Kind,
    /// The change that it carries, where it reads as one and its body is here.
    pub(super) change: Option<ParsedChange>,
    /// The entries that it vouches for.
    pub(super) adopts: Vec<EntryPlace>,
    /// Why it does not count, or is to be looked at.
    pub(super) standing: Option<Unsettled>,
    pub(super) author: Author,
    /// Who has carried it here from another village, and in which entry.
    pub(super) carrier: Option<(EntryHash, Author)>,
}

impl Author {
    fn of(header: &Header, grant: Option<&Grant>) -> Self {
        let early = grant.is_some_and(|grant| {
            header.written_at_ms < grant.written_at_ms.saturating_sub(CLOCK_SLACK_MS)
        });
        Self {
            device: header.log.device,
            device_name: grant.map(|grant| grant.name.clone()),
            role: grant.map(|grant| grant.role),
            written_at_ms: header.written_at_ms,
            clock: early.then_some(ClockDoubt::BeforeGrant),
        }
    }
}

impl Told {
    fn new(
        document: DocumentId,
        entry: &Entry,
        body: Option<&[u8]>,
        author: Author,
        carrier: Option<(EntryHash, Author)>,
    ) -> Self {
        let header = &entry.header;
        let change = body
            .filter(|_| header.kind == Kind::Change)
            .and_then(|body| ParsedChange::parse(body).ok());
        let adoption = body
            .filter(|_| header.kind == Kind::Adopt)
            .and_then(|body| Adoption::from_bytes(body).ok());
        Self {
            place: EntryPlace { log: header.log, seq: header.seq, hash: header.hash() },
            document,
            kind: header.kind,
            change,
            adopts: adoption.map(|adoption| adoption.originals).unwrap_or_default(),
            standing: None,
            author,
            carrier,
        }
    }
}

/// The entries of some documents of a scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries(pub(super) Vec<Told>);

impl Entries {
    /// Reads the logs of a scope for the documents that are wanted.
    pub(super) fn read(
        snapshot: &Snapshot,
        authority: &Authority,
        scope: DivisionCode,
        wanted: impl Fn(&DocumentId) -> bool,
    ) -> Result<Self, StoreError> {
        let mut found: Vec<Told> = Vec::new();
        let mut erased = Cache::default();
        let mut set_back: BTreeSet<LogKey> = BTreeSet::new();
        for log in snapshot.logs_of(scope)? {
            let grant = authority.grant(&log.grant);
            let mut latest = i64::MIN;
            snapshot.for_each_entry(log.number, |_, entry| {
                let entry = entry?;
                let header = &entry.header;
                if header.written_at_ms < latest.saturating_sub(CLOCK_SLACK_MS) {
                    set_back.insert(log.key);
                }
                latest = latest.max(header.written_at_ms);
                let Some(document) = header.document.id().filter(|document| wanted(document))
                else {
                    return Ok(());
                };
                let coverage = erased.coverage(snapshot, authority, &log, &entry)?;
                let body = entry.body.as_deref().filter(|_| coverage == Coverage::Untouched);
                let author = Author::of(header, grant);
                if let Some(Ok(originals)) = grant
                    .filter(|_| body.is_some())
                    .and_then(|grant| carried_by(authority, &log, &entry, grant))
                {
                    for original in &originals.entries {
                        let by = Author::of(&original.header, Some(&originals.grant));
                        let carrier = Some((header.hash(), author.clone()));
                        found.push(Told::new(
                            document,
                            original,
                            original.body.as_deref(),
                            by,
                            carrier,
                        ));
                    }
                }
                found.push(Told::new(document, &entry, body, author, None));
                Ok(())
            })?;
        }
        // What was carried here more than once is told once.
        let mut known = BTreeSet::new();
        found.retain(|told| known.insert((told.document, told.place)));
        let mut entries = Self(found);
        entries.note_standings(snapshot, scope)?;
        entries.note_clocks(&set_back);
        Ok(entries)
    }

    /// Who wrote the operation of a document.
    pub(super) fn author(&self, document: &DocumentId, by: &OperationName) -> Option<&Author> {
        self.of(document, by).map(|told| &told.author)
    }

    /// The entry that carries an operation of a document.
    pub(super) fn of(&self, document: &DocumentId, by: &OperationName) -> Option<&Told> {
        let (counter, actor) = (by.counter()?, by.actor()?);
        self.0.iter().find(|told| {
            told.document == *document
                && told.change.as_ref().is_some_and(|change| {
                    *change.actor() == actor
                        && (change.start_op()..=change.max_op()).contains(&counter)
                })
        })
    }

    fn note_standings(
        &mut self,
        snapshot: &Snapshot,
        scope: DivisionCode,
    ) -> Result<(), StoreError> {
        let documents: BTreeSet<DocumentId> = self.0.iter().map(|told| told.document).collect();
        let mut standings: BTreeMap<EntryHash, Unsettled> = BTreeMap::new();
        for id in documents {
            let rows = snapshot.unsettled_of(&DocumentKey { scope, id })?;
            standings.extend(rows.into_iter().map(|(entry, row)| (entry, row.standing)));
        }
        for told in &mut self.0 {
            let entry = told.carrier.as_ref().map_or(told.place.hash, |(entry, _)| *entry);
            told.standing = standings.get(&entry).cloned();
        }
        Ok(())
    }

    /// An entry cannot be older than what its writer had seen.
    fn note_clocks(&mut self, set_back: &BTreeSet<LogKey>) {
        // A change's first operation comes after all those of its ancestors.
        self.0.sort_by_key(|told| {
            let start = told.change.as_ref().map(ParsedChange::start_op);
            (told.document, start, told.place)
        });
        let mut seen: BTreeMap<ChangeHash, i64> = BTreeMap::new();
        for told in &mut self.0 {
            let Some(change) = &told.change else { continue };
            let before = change.deps().iter().filter_map(|dep| seen.get(dep)).max().copied();
            let author = &mut told.author;
            let latest = before.unwrap_or(i64::MIN).max(author.written_at_ms);
            seen.insert(change.hash(), latest);
            if author.written_at_ms < latest.saturating_sub(CLOCK_SLACK_MS) {
                author.clock = Some(ClockDoubt::BeforeSeen);
            } else if author.clock.is_none() && set_back.contains(&told.place.log) {
                author.clock = Some(ClockDoubt::SetBack);
            }
        }
    }
}
