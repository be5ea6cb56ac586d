//! The tables of the store, and everything that reads them.
//!
//! | Table | Key | Value |
//! | --- | --- | --- |
//! | `meta-1` | name | bytes: format, own keys and grants, incarnation, commit number, judge |
//! | `logs-1` | log number | log key (53 B), grant (32 B), 0 or 1 and parent's number, first seq |
//! | `log_numbers-1` | log key (53 B), which of its chains (1 B) | log number |
//! | `heads-2` | log number | seq, hash, bytes since the last checkpoint, when it was written |
//! | `entries-2` | (log number, seq of the first) | a block of entries: [`super::blocks`] |
//! | `documents-2` | scope, document | heads and Automerge save, packed: `store/documents.rs` |
//! | `erasures-1` | scope, elder, log number, seq | nothing: an `Erase` entry is there |
//! | `handovers-1` | elder, scope, kind, log number, seq | nothing: a `Handover` or `Purge` is there |
//! | `transfers-1` | elder, scope, transfer | JSON of [`super::moves::TransferRow`] |
//! | `moved-1` | elder | JSON of [`super::moves::MovedRow`] |
//! | `elsewhere-1` | scope, elder | JSON of [`super::moves::ElsewhereRow`]: a file that is not shown here |
//! | `places-1` | scope, document | checksum (2 B), places of its last changes: mark (4 B), log number, seq |
//! | `authors-1` | scope, actor prefix | log key (53 B) of another scope, of which something was carried here |
//! | `missing-1` | (log number, seq) | nothing: the entry's body is missing |
//! | `unsettled-1` | scope, document, entry hash | log number, seq, change hash, why |
//! | `elders-2` | scope, elder | [`ElderRow`]: `store/elders.rs` |
//! | `elder_keys-1` | keyed hash (16 B), scope, elder | nothing |
//! | `scopes-1` | scope | JSON of [`ScopeRow`] |
//! | `grants-1` | grant id | 1 if it stands in an entry here, else 0; signed grant |
//! | `usage-1` | device, incarnation | body bytes, logs: what it has put into the mesh |
//! | `peers-1` | device | JSON of [`PeerRow`] |
//! | `evidence-1` | count | JSON of [`EvidenceRow`] |
//! | `custody-1` | scope, holder, its incarnation, log without scope | checksum, seq, hash, number and time of the receipt |
//! | `incidents-1` | scope, elder, incident | JSON of [`super::incidents::IncidentRow`] |
//! | `facts-1` | scope, elder | [`super::facts::FactsRow`] |
//! | `names-1` | scope, elder | [`super::names::NameRow`] |
//! | `audit-1` | count | JSON of [`super::audit::AuditRow`] |
//! | `drafts-1` | name of a form | JSON of [`super::drafts::DraftRow`] |
//! | `vectors-1` | device, piece | what it said in its last bundle that it holds: [`super::vectors`] |
//! | `digests-1` | division code | digests of everything under it: see [`super::digests`] |
//! | `document_digests-1` | scope, family | digest of the scope's documents |
//!
//! Rows of JSON, of `meta` and of `grants` begin with a checksum of 8 bytes.
//!
//! Keys that begin with a scope are big-endian, so an area is one range of rows.

use std::sync::Arc;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition};
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::record::ElderId;

use super::blocks::{self, Blocks, RecentBlocks};
use super::copy::copy_table;
use super::documents::{decode_document, decode_heads};
use super::elders::decode_elder;
use super::encoding::{
    damaged_meta, decode_checked, decode_unsettled, decode_usage, json, usage_key,
};
use super::rows::{
    DocumentKey, DocumentRow, ElderKey, ElderRow, EvidenceRow, Fork, LogNumber, LogRow, PeerRow,
    ScopeRow, UnsettledRow, UsageRow, elder_bytes, elder_from_bytes,
};
use super::{StoreError, corrupt};
use crate::codec::{CodecError, Reader};
use crate::identity::DeviceId;
use crate::identity::grant::{GrantId, SignedGrant};
use crate::log::{Entry, EntryHash, Head, Incarnation, LogKey};
use crate::progress::Progress;

type Bytes = &'static [u8];

pub(super) const META: TableDefinition<'_, &str, Bytes> = TableDefinition::new("meta-1");
pub(super) const LOGS: TableDefinition<'_, u32, Bytes> = TableDefinition::new("logs-1");
pub(super) const LOG_NUMBERS: TableDefinition<'_, Bytes, u32> =
    TableDefinition::new("log_numbers-1");
pub(super) const HEADS: TableDefinition<'_, u32, Bytes> = TableDefinition::new("heads-2");
pub(super) const ENTRIES: TableDefinition<'_, (u32, u64), Bytes> =
    TableDefinition::new("entries-2");
pub(super) const DOCUMENTS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("documents-2");
pub(super) const UNSETTLED: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("unsettled-1");
pub(super) const ELDERS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("elders-2");
pub(super) const ELDER_KEYS: TableDefinition<'_, Bytes, ()> = TableDefinition::new("elder_keys-1");
pub(super) const SCOPES: TableDefinition<'_, u64, Bytes> = TableDefinition::new("scopes-1");
pub(super) const GRANTS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("grants-1");
pub(super) const USAGE: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("usage-1");
pub(super) const PEERS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("peers-1");
pub(super) const ERASURES: TableDefinition<'_, Bytes, ()> = TableDefinition::new("erasures-1");
pub(super) const MISSING: TableDefinition<'_, (u32, u64), ()> = TableDefinition::new("missing-1");
pub(super) const HANDOVERS: TableDefinition<'_, Bytes, ()> = TableDefinition::new("handovers-1");
pub(super) const TRANSFERS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("transfers-1");
pub(super) const MOVED: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("moved-1");
pub(super) const ELSEWHERE: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("elsewhere-1");
pub(super) const AUTHORS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("authors-1");
pub(super) const PLACES: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("places-1");
pub(super) const EVIDENCE: TableDefinition<'_, u64, Bytes> = TableDefinition::new("evidence-1");
pub(super) const CUSTODY: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("custody-1");
pub(super) const INCIDENTS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("incidents-1");
pub(super) const FACTS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("facts-1");
pub(super) const NAMES: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("names-1");
pub(super) const AUDIT: TableDefinition<'_, u64, Bytes> = TableDefinition::new("audit-1");
pub(super) const DRAFTS: TableDefinition<'_, &str, Bytes> = TableDefinition::new("drafts-1");
pub(super) const DIGESTS: TableDefinition<'_, u64, Bytes> = TableDefinition::new("digests-1");
pub(super) const VECTORS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("vectors-1");
pub(super) const DOCUMENT_DIGESTS: TableDefinition<'_, Bytes, Bytes> =
    TableDefinition::new("document_digests-1");

/// A consistent view of all tables. Clones are handles to the same one.
#[derive(Clone)]
pub struct Snapshot {
    tables: Arc<Tables>,
}

struct Tables {
    blocks: Blocks,
    meta_rows: ReadOnlyTable<&'static str, Bytes>,
    logs: ReadOnlyTable<u32, Bytes>,
    log_numbers: ReadOnlyTable<Bytes, u32>,
    heads: ReadOnlyTable<u32, Bytes>,
    entries: ReadOnlyTable<(u32, u64), Bytes>,
    documents: ReadOnlyTable<Bytes, Bytes>,
    unsettled: ReadOnlyTable<Bytes, Bytes>,
    elders: ReadOnlyTable<Bytes, Bytes>,
    elder_keys: ReadOnlyTable<Bytes, ()>,
    scopes: ReadOnlyTable<u64, Bytes>,
    grants: ReadOnlyTable<Bytes, Bytes>,
    usage: ReadOnlyTable<Bytes, Bytes>,
    peers: ReadOnlyTable<Bytes, Bytes>,
    evidence: ReadOnlyTable<u64, Bytes>,
    custody: ReadOnlyTable<Bytes, Bytes>,
    audit: ReadOnlyTable<u64, Bytes>,
    erasures: ReadOnlyTable<Bytes, ()>,
    missing: ReadOnlyTable<(u32, u64), ()>,
    incidents: ReadOnlyTable<Bytes, Bytes>,
    handovers: ReadOnlyTable<Bytes, ()>,
    transfers: ReadOnlyTable<Bytes, Bytes>,
    moved: ReadOnlyTable<Bytes, Bytes>,
    elsewhere: ReadOnlyTable<Bytes, Bytes>,
    authors: ReadOnlyTable<Bytes, Bytes>,
    facts: ReadOnlyTable<Bytes, Bytes>,
    names: ReadOnlyTable<Bytes, Bytes>,
    digests: ReadOnlyTable<u64, Bytes>,
    document_digests: ReadOnlyTable<Bytes, Bytes>,
    places: ReadOnlyTable<Bytes, Bytes>,
    vectors: ReadOnlyTable<Bytes, Bytes>,
    drafts: ReadOnlyTable<&'static str, Bytes>,
}

impl Snapshot {
    pub(super) fn open(
        transaction: &ReadTransaction,
        recent: &RecentBlocks,
    ) -> Result<Self, StoreError> {
        let tables = Tables {
            blocks: Blocks::new(recent),
            meta_rows: transaction.open_table(META)?,
            logs: transaction.open_table(LOGS)?,
            log_numbers: transaction.open_table(LOG_NUMBERS)?,
            heads: transaction.open_table(HEADS)?,
            entries: transaction.open_table(ENTRIES)?,
            documents: transaction.open_table(DOCUMENTS)?,
            unsettled: transaction.open_table(UNSETTLED)?,
            elders: transaction.open_table(ELDERS)?,
            elder_keys: transaction.open_table(ELDER_KEYS)?,
            scopes: transaction.open_table(SCOPES)?,
            grants: transaction.open_table(GRANTS)?,
            usage: transaction.open_table(USAGE)?,
            peers: transaction.open_table(PEERS)?,
            evidence: transaction.open_table(EVIDENCE)?,
            custody: transaction.open_table(CUSTODY)?,
            audit: transaction.open_table(AUDIT)?,
            erasures: transaction.open_table(ERASURES)?,
            missing: transaction.open_table(MISSING)?,
            incidents: transaction.open_table(INCIDENTS)?,
            handovers: transaction.open_table(HANDOVERS)?,
            transfers: transaction.open_table(TRANSFERS)?,
            moved: transaction.open_table(MOVED)?,
            elsewhere: transaction.open_table(ELSEWHERE)?,
            authors: transaction.open_table(AUTHORS)?,
            facts: transaction.open_table(FACTS)?,
            names: transaction.open_table(NAMES)?,
            digests: transaction.open_table(DIGESTS)?,
            document_digests: transaction.open_table(DOCUMENT_DIGESTS)?,
            places: transaction.open_table(PLACES)?,
            vectors: transaction.open_table(VECTORS)?,
            drafts: transaction.open_table(DRAFTS)?,
        };
        Ok(Self { tables: Arc::new(tables) })
    }
}

/// What a table takes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Its name without its version.
    pub name: &'static str,
    /// Rows.
    pub rows: u64,
    /// Bytes of keys and values.
    pub content_bytes: u64,
    /// Bytes of the pages that they are in.
    pub pages_bytes: u64,
}

impl TableSize {
    fn of(name: &'static str, table: &impl ReadableTableMetadata) -> Result<Self, StoreError> {
        let stats = table.stats()?;
        let (rows, content_bytes) = (table.len()?, stats.stored_bytes());
        let pages_bytes = content_bytes + stats.metadata_bytes() + stats.fragmented_bytes();
        Ok(Self { name, rows, content_bytes, pages_bytes })
    }
}

/// A view that counts how often each table is gone to, so that what must not grow can be counted
/// rather than timed.
pub struct CountedReads<'a> {
    snapshot: &'a Snapshot,
    reads: std::cell::RefCell<std::collections::BTreeMap<&'static str, u64>>,
}

impl<'a> CountedReads<'a> {
    /// Nothing is read yet.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, reads: std::cell::RefCell::default() }
    }

    /// How often a table was gone to, by its name without its number.
    pub fn count(&self, table: &str) -> u64 {
        self.reads.borrow().get(table).copied().unwrap_or_default()
    }
}

macro_rules! table_access {
    ($($name:ident: $key:ty => $value:ty),+ $(,)?) => {
        /// The tables, whether in a snapshot or in a transaction under way.
        pub trait TableAccess {
            $(#[doc = concat!("`", stringify!($name), "-1`")]
            fn $name(&self) -> &impl ReadableTable<$key, $value>;)+

            /// Blocks of entries that are at hand.
            fn blocks(&self) -> &Blocks;
        }

        impl TableAccess for Snapshot {
            $(fn $name(&self) -> &impl ReadableTable<$key, $value> {
                &self.tables.$name
            })+

            fn blocks(&self) -> &Blocks {
                &self.tables.blocks
            }
        }

        impl TableAccess for super::Transaction<'_> {
            $(fn $name(&self) -> &impl ReadableTable<$key, $value> {
                &self.$name
            })+

            fn blocks(&self) -> &Blocks {
                &self.blocks
            }
        }

        impl TableAccess for CountedReads<'_> {
            $(fn $name(&self) -> &impl ReadableTable<$key, $value> {
                *self.reads.borrow_mut().entry(stringify!($name)).or_default() += 1;
                &self.snapshot.tables.$name
            })+

            fn blocks(&self) -> &Blocks {
                self.snapshot.blocks()
            }
        }

        impl Snapshot {
            /// Rows that [`Snapshot::copy_rows`] is going to copy.
            pub(super) fn rows(&self) -> Result<u64, StoreError> {
                let mut rows = 0;
                $(rows += self.tables.$name.len()?;)+
                Ok(rows)
            }

            /// What each table takes of the file.
            pub fn table_sizes(&self) -> Result<Vec<TableSize>, StoreError> {
                Ok(vec![$(TableSize::of(stringify!($name), &self.tables.$name)?),+])
            }

            /// Copies every row of every table.
            pub(super) fn copy_rows(
                &self,
                to: &mut super::Transaction<'_>,
                progress: &Progress,
            ) -> Result<(), StoreError> {
                $(copy_table(&self.tables.$name, &mut to.$name, progress)?;)+
                Ok(())
            }
        }
    };
}
table_access! {
    meta_rows: &'static str => Bytes,
    logs: u32 => Bytes,
    log_numbers: Bytes => u32,
    heads: u32 => Bytes,
    entries: (u32, u64) => Bytes,
    documents: Bytes => Bytes,
    unsettled: Bytes => Bytes,
    elders: Bytes => Bytes,
    elder_keys: Bytes => (),
    scopes: u64 => Bytes,
    grants: Bytes => Bytes,
    usage: Bytes => Bytes,
    peers: Bytes => Bytes,
    evidence: u64 => Bytes,
    custody: Bytes => Bytes,
    audit: u64 => Bytes,
    erasures: Bytes => (),
    missing: (u32, u64) => (),
    incidents: Bytes => Bytes,
    handovers: Bytes => (),
    transfers: Bytes => Bytes,
    moved: Bytes => Bytes,
    elsewhere: Bytes => Bytes,
    authors: Bytes => Bytes,
    facts: Bytes => Bytes,
    names: Bytes => Bytes,
    digests: u64 => Bytes,
    document_digests: Bytes => Bytes,
    places: Bytes => Bytes,
    vectors: Bytes => Bytes,
    drafts: &'static str => Bytes,
}

/// Everything that reads the store.
pub trait StoreRead: TableAccess + Sized {
    /// A value of the node itself.
    fn meta(&self, name: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.meta_rows().get(name)?;
        row.map(|row| {
            decode_checked(row.value()).map(<[u8]>::to_vec).ok_or_else(|| damaged_meta(name))
        })
        .transpose()
    }

    /// Checks every value of the node itself.
    fn check_meta(&self) -> Result<(), StoreError> {
        for row in self.meta_rows().iter()? {
            let (name, value) = row?;
            decode_checked(value.value()).ok_or_else(|| damaged_meta(name.value()))?;
        }
        Ok(())
    }

    /// A number of the node itself, 0 where it is not set.
    fn meta_number(&self, name: &'static str) -> Result<u64, StoreError> {
        match self.meta(name)?.as_deref().map(<[u8; 8]>::try_from) {
            None => Ok(0),
            Some(Ok(bytes)) => Ok(u64::from_be_bytes(bytes)),
            Some(Err(_)) => Err(corrupt("meta-1")(CodecError::Truncated)),
        }
    }

    /// The first chain of the log with this key, if it is here; [`super::ChainRead::chains`] has
    /// them all.
    fn log(&self, key: &LogKey) -> Result<Option<LogRow>, StoreError> {
        let first = chain_key(key, 0);
        let number = self.log_numbers().get(first.as_slice())?.map(|row| row.value());
        number.map_or(Ok(None), |number| self.log_by_number(LogNumber(number)))
    }

    /// The chain with this number.
    fn log_by_number(&self, number: LogNumber) -> Result<Option<LogRow>, StoreError> {
        let Some(row) = self.logs().get(number.0)? else { return Ok(None) };
        let mut reader = Reader::new(row.value());
        let key = LogKey::read(&mut reader).map_err(corrupt("logs-1"))?;
        let grant = GrantId(reader.array().map_err(corrupt("logs-1"))?);
        let branch = match reader.u8().map_err(corrupt("logs-1"))? {
            0 => None,
            1 => Some(Fork {
                parent: LogNumber(reader.u32().map_err(corrupt("logs-1"))?),
                first_seq: reader.u64().map_err(corrupt("logs-1"))?,
            }),
            _ => return Err(corrupt("logs-1")(CodecError::Tag)),
        };
        Ok(Some(LogRow { number, key, grant, branch }))
    }

    /// All logs, each chain by itself.
    fn logs_all(&self) -> Result<Vec<LogRow>, StoreError> {
        let mut found = Vec::new();
        for row in self.logs().iter()? {
            let (number, _) = row?;
            found.extend(self.log_by_number(LogNumber(number.value()))?);
        }
        Ok(found)
    }

    /// All chains of the logs of the scopes in an area, in key order.
    fn logs_in(&self, area: Area) -> Result<Vec<LogRow>, StoreError> {
        let (low, high) = area.0.range();
        self.logs_between(low, high)
    }

    /// All chains of the logs of one scope.
    fn logs_of(&self, scope: DivisionCode) -> Result<Vec<LogRow>, StoreError> {
        self.logs_between(scope, scope)
    }

    /// All chains of the logs of the scopes from `low` to `high`, both included.
    fn logs_between(
        &self,
        low: DivisionCode,
        high: DivisionCode,
    ) -> Result<Vec<LogRow>, StoreError> {
        let low = low.number().to_be_bytes();
        let high = (high.number() + 1).to_be_bytes();
        let mut found = Vec::new();
        for row in self.log_numbers().range(low.as_slice()..high.as_slice())? {
            let (_, number) = row?;
            found.extend(self.log_by_number(LogNumber(number.value()))?);
        }
        Ok(found)
    }

    /// The head of a chain.
    fn head_of(&self, log: LogNumber) -> Result<Option<Head>, StoreError> {
        let Some(row) = self.heads().get(log.0)? else { return Ok(None) };
        let mut reader = Reader::new(row.value());
        let mut head = || {
            Ok(Head {
                seq: reader.u64()?,
                hash: EntryHash(reader.array()?),
                since_checkpoint_bytes: reader.u64()?,
                written_at_ms: reader.i64()?,
            })
        };
        head().map(Some).map_err(corrupt("heads-2"))
    }

    /// The head of the first chain of the log with this key.
    fn head(&self, key: &LogKey) -> Result<Option<Head>, StoreError> {
        self.log(key)?.map_or(Ok(None), |log| self.head_of(log.number))
    }

    /// An entry that stands under this number: not one of a parent's.
    fn entry(&self, log: LogNumber, seq: u64) -> Result<Option<Entry>, StoreError> {
        blocks::entry(self, log, seq)
    }

    /// Entries from `first` on, at most `limit`.
    fn entries_from(
        &self,
        log: LogNumber,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        blocks::entries_from(self, log, first, limit)
    }

    /// All entries of a log that there are rows for, in order: number, and entry; or the first number of
    /// a block that does not read, and why. Goes by the rows, so a head that the disk has changed leads
    /// nowhere.
    fn for_each_entry(
        &self,
        log: LogNumber,
        with: impl FnMut(u64, Result<Entry, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        blocks::for_each_entry(self, log, with)
    }

    /// A document. What its checksum rejects is corrupt, and can be rebuilt from the log.
    fn document(&self, key: &DocumentKey) -> Result<Option<DocumentRow>, StoreError> {
        let Some(row) = self.documents().get(key.to_bytes().as_slice())? else { return Ok(None) };
        decode_document(row.value()).map(Some).map_err(corrupt("documents-2"))
    }

    /// All documents of one scope: key, and row or why it does not read.
    fn for_each_document(
        &self,
        scope: DivisionCode,
        mut with: impl FnMut(DocumentKey, Result<DocumentRow, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let low = scope.number().to_be_bytes();
        let high = (scope.number() + 1).to_be_bytes();
        for row in self.documents().range(low.as_slice()..high.as_slice())? {
            let (key, value) = row?;
            let key = DocumentKey::from_bytes(key.value())
                .ok_or_else(|| corrupt("documents-2")(CodecError::Tag))?;
            with(key, decode_document(value.value()).map_err(corrupt("documents-2")))?;
        }
        Ok(())
    }

    /// The heads of a document, without unpacking it.
    fn document_heads(&self, key: &DocumentKey) -> Result<Option<Vec<[u8; 32]>>, StoreError> {
        let Some(row) = self.documents().get(key.to_bytes().as_slice())? else { return Ok(None) };
        decode_heads(row.value()).map(Some).map_err(corrupt("documents-2"))
    }

    /// The heads of all documents of one scope, without unpacking any: key, and heads or why they do not
    /// read.
    fn for_each_heads(
        &self,
        scope: DivisionCode,
        mut with: impl FnMut(DocumentKey, Result<Vec<[u8; 32]>, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let low = scope.number().to_be_bytes();
        let high = (scope.number() + 1).to_be_bytes();
        for row in self.documents().range(low.as_slice()..high.as_slice())? {
            let (key, value) = row?;
            let key = DocumentKey::from_bytes(key.value())
                .ok_or_else(|| corrupt("documents-2")(CodecError::Tag))?;
            with(key, decode_heads(value.value()).map_err(corrupt("documents-2")))?;
        }
        Ok(())
    }

    /// The documents of an elder in a scope.
    fn documents_of(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Vec<(DocumentKey, DocumentRow)>, StoreError> {
        let low = elder_bytes(scope, elder).to_vec();
        let high = [&low[..], &[0xff]].concat();
        let mut found = Vec::new();
        for row in self.documents().range(low.as_slice()..high.as_slice())? {
            let (key, value) = row?;
            let key = DocumentKey::from_bytes(key.value())
                .ok_or_else(|| corrupt("documents-2")(CodecError::Tag))?;
            found.push((key, decode_document(value.value()).map_err(corrupt("documents-2"))?));
        }
        Ok(found)
    }

    /// The keys of the documents of an elder in a scope.
    fn document_keys_of(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Vec<DocumentKey>, StoreError> {
        let low = elder_bytes(scope, elder).to_vec();
        let high = [&low[..], &[0xff]].concat();
        let wrong = || corrupt("documents-2")(CodecError::Tag);
        self.documents()
            .range(low.as_slice()..high.as_slice())?
            .map(|row| DocumentKey::from_bytes(row?.0.value()).ok_or_else(wrong))
            .collect()
    }

    /// Whether anything of an elder in a scope counts.
    fn has_documents(&self, scope: DivisionCode, elder: ElderId) -> Result<bool, StoreError> {
        let low = elder_bytes(scope, elder).to_vec();
        let high = [&low[..], &[0xff]].concat();
        Ok(self.documents().range(low.as_slice()..high.as_slice())?.next().is_some())
    }

    /// The entries of a document that do not count.
    fn unsettled_of(
        &self,
        key: &DocumentKey,
    ) -> Result<Vec<(EntryHash, UnsettledRow)>, StoreError> {
        let low = key.to_bytes();
        let high = [&low[..], &[0xff; 33]].concat();
        let length = low.len() + 32;
        let mut found = Vec::new();
        for row in self.unsettled().range(low.as_slice()..high.as_slice())? {
            let (key, value) = row?;
            let Some(hash) = key.value().last_chunk::<32>() else { continue };
            if key.value().len() == length {
                let row = decode_unsettled(value.value()).map_err(corrupt("unsettled-1"))?;
                found.push((EntryHash(*hash), row));
            }
        }
        Ok(found)
    }

    /// All entries of the scopes in an area that do not count.
    fn unsettled_in(&self, area: Area) -> Result<Vec<UnsettledRow>, StoreError> {
        let (low, high) = scope_range(area);
        self.unsettled_between(&low, &high)
    }

    /// The entries that do not count from one key to before another.
    fn unsettled_between(&self, low: &[u8], high: &[u8]) -> Result<Vec<UnsettledRow>, StoreError> {
        self.unsettled()
            .range(low..high)?
            .map(|row| decode_unsettled(row?.1.value()).map_err(corrupt("unsettled-1")))
            .collect()
    }

    /// All entries that do not count, with the document they stand under.
    fn for_each_unsettled(
        &self,
        mut with: impl FnMut(
            DocumentKey,
            EntryHash,
            Result<UnsettledRow, StoreError>,
        ) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for row in self.unsettled().iter()? {
            let (key, value) = row?;
            let wrong = || corrupt("unsettled-1")(CodecError::Tag);
            let (key, hash) = key.value().split_last_chunk::<32>().ok_or_else(wrong)?;
            let key = DocumentKey::from_bytes(key).ok_or_else(wrong)?;
            let row = decode_unsettled(value.value()).map_err(corrupt("unsettled-1"));
            with(key, EntryHash(*hash), row)?;
        }
        Ok(())
    }

    /// All entries of one scope that do not count.
    fn unsettled_of_scope(&self, scope: DivisionCode) -> Result<Vec<UnsettledRow>, StoreError> {
        let low = scope.number().to_be_bytes();
        let high = (scope.number() + 1).to_be_bytes();
        self.unsettled_between(&low, &high)
    }

    /// All entries of an elder's documents that do not count.
    fn unsettled_of_elder(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Vec<UnsettledRow>, StoreError> {
        let low = elder_bytes(scope, elder).to_vec();
        let high = [&low[..], &[0xff]].concat();
        self.unsettled_between(&low, &high)
    }

    /// All entries that do not count.
    fn unsettled_all(&self) -> Result<Vec<UnsettledRow>, StoreError> {
        self.unsettled()
            .iter()?
            .map(|row| decode_unsettled(row?.1.value()).map_err(corrupt("unsettled-1")))
            .collect()
    }

    /// The places of all elders of whom there is a document.
    fn elders_with_documents(&self) -> Result<Vec<(DivisionCode, ElderId)>, StoreError> {
        let mut found: Vec<(DivisionCode, ElderId)> = Vec::new();
        for row in self.documents().iter()? {
            let (key, _) = row?;
            let key = DocumentKey::from_bytes(key.value())
                .ok_or_else(|| corrupt("documents-2")(CodecError::Tag))?;
            found.extend(key.elder().filter(|place| found.last() != Some(place)));
        }
        Ok(found)
    }

    /// The places of all elders in the index.
    fn elder_places_all(&self) -> Result<Vec<(DivisionCode, ElderId)>, StoreError> {
        let mut found = Vec::new();
        for row in self.elders().iter()? {
            let (key, _) = row?;
            let place = elder_from_bytes(key.value());
            found.push(place.ok_or_else(|| corrupt("elders-2")(CodecError::Truncated))?);
        }
        Ok(found)
    }

    /// An elder's row in the index.
    fn elder(&self, scope: DivisionCode, elder: ElderId) -> Result<Option<ElderRow>, StoreError> {
        let row = self.elders().get(elder_bytes(scope, elder).as_slice())?;
        row.map_or(Ok(None), |row| decode_elder(row.value()).map(Some))
    }

    /// All elders of the scopes in an area, in the order of scope and id.
    fn elders_in(&self, area: Area) -> Result<Vec<(DivisionCode, ElderId, ElderRow)>, StoreError> {
        let (low, high) = scope_range(area);
        let mut found = Vec::new();
        for row in self.elders().range(low.as_slice()..high.as_slice())? {
            let (key, value) = row?;
            let (scope, elder) = elder_from_bytes(key.value())
                .ok_or_else(|| corrupt("elders-2")(CodecError::Truncated))?;
            found.push((scope, elder, decode_elder(value.value())?));
        }
        Ok(found)
    }

    /// The places of all elders of the scopes in an area, without their rows.
    fn elder_places(&self, area: Area) -> Result<Vec<(DivisionCode, ElderId)>, StoreError> {
        let (low, high) = scope_range(area);
        let mut found = Vec::new();
        // Names stand for the same elders in a tenth of the pages.
        for row in self.names().range(low.as_slice()..high.as_slice())? {
            found.extend(elder_from_bytes(row?.0.value()));
        }
        Ok(found)
    }

    /// The elders that a secondary key points to.
    fn elders_by_key(&self, key: ElderKey) -> Result<Vec<(DivisionCode, ElderId)>, StoreError> {
        let low = key.0.to_vec();
        let high = [&low[..], &[0xff; 25]].concat();
        let mut found = Vec::new();
        for row in self.elder_keys().range(low.as_slice()..high.as_slice())? {
            let (key, _) = row?;
            found.extend(key.value().get(16..).and_then(elder_from_bytes));
        }
        Ok(found)
    }

    /// The elders of every secondary key of one kind (its first byte) that several share.
    fn places_of_shared_keys(
        &self,
        kind: u8,
    ) -> Result<Vec<Vec<(DivisionCode, ElderId)>>, StoreError> {
        let (low, high) = ([kind], [kind.saturating_add(1)]);
        let mut found: Vec<Vec<(DivisionCode, ElderId)>> = Vec::new();
        let mut last: Option<([u8; 16], Vec<_>)> = None;
        for row in self.elder_keys().range(low.as_slice()..high.as_slice())? {
            let (row, _) = row?;
            let Some((key, place)) = row.value().split_first_chunk::<16>() else { continue };
            let Some(place) = elder_from_bytes(place) else { continue };
            match &mut last {
                Some((known, places)) if known == key => places.push(place),
                last => {
                    let before = last.replace((*key, vec![place]));
                    found.extend(before.map(|(_, places)| places).filter(|all| all.len() > 1));
                }
            }
        }
        found.extend(last.map(|(_, places)| places).filter(|all| all.len() > 1));
        Ok(found)
    }

    /// Counts of a scope.
    fn scope(&self, scope: DivisionCode) -> Result<ScopeRow, StoreError> {
        let row = self.scopes().get(scope.number())?;
        row.map_or(Ok(ScopeRow::default()), |row| json("scopes-1", row.value()))
    }

    /// The scopes in an area of which anything is here.
    fn scopes_in(&self, area: Area) -> Result<Vec<(DivisionCode, ScopeRow)>, StoreError> {
        let (low, high) = area.0.range();
        let mut found = Vec::new();
        for row in self.scopes().range(low.number()..=high.number())? {
            let (key, value) = row?;
            let scope = DivisionCode::from_number(key.value())
                .map_err(|_| corrupt("scopes-1")(CodecError::Number))?;
            found.push((scope, json("scopes-1", value.value())?));
        }
        Ok(found)
    }

    /// All grants that are here, each with whether it stands in an entry here.
    fn grants_all(&self) -> Result<Vec<(SignedGrant, bool)>, StoreError> {
        self.grants()
            .iter()?
            .map(|row| {
                let (_, value) = row?;
                let wrong = |detail: &dyn ToString| StoreError::Corrupt {
                    table: "grants-1",
                    detail: detail.to_string(),
                };
                let (carried, grant) = decode_checked(value.value())
                    .and_then(<[u8]>::split_first)
                    .ok_or_else(|| wrong(&"a row is damaged"))?;
                let grant = SignedGrant::from_bytes(grant).map_err(|error| wrong(&error))?;
                Ok((grant, *carried == 1))
            })
            .collect()
    }

    /// Whether a grant stands in an entry here.
    fn is_carried(&self, id: &GrantId) -> Result<bool, StoreError> {
        let row = self.grants().get(id.0.as_slice())?;
        Ok(row.is_some_and(|row| decode_checked(row.value()).and_then(<[u8]>::first) == Some(&1)))
    }

    /// What a device has put into the mesh, as far as it is here: by incarnation, body bytes and
    /// logs.
    fn usage_of(&self, device: DeviceId) -> Result<Vec<UsageRow>, StoreError> {
        let low = device.0.to_vec();
        let high = [&low[..], &[0xff; 13]].concat();
        self.usage()
            .range(low.as_slice()..high.as_slice())?
            .map(|row| {
                let (key, value) = row?;
                decode_usage(key.value(), value.value()).map_err(corrupt("usage-1"))
            })
            .collect()
    }

    /// What a device has put into the mesh in one incarnation.
    fn usage_in(
        &self,
        device: DeviceId,
        incarnation: Incarnation,
    ) -> Result<Option<UsageRow>, StoreError> {
        let key = usage_key(device, incarnation);
        let Some(row) = self.usage().get(key.as_slice())? else { return Ok(None) };
        decode_usage(&key, row.value()).map(Some).map_err(corrupt("usage-1"))
    }

    /// What all devices have put into the mesh.
    fn usage_all(&self) -> Result<Vec<UsageRow>, StoreError> {
        let rows = self.usage().iter()?.map(|row| {
            let (key, value) = row?;
            decode_usage(key.value(), value.value()).map_err(corrupt("usage-1"))
        });
        rows.collect()
    }

    /// What is remembered of a peer.
    fn peer(&self, device: DeviceId) -> Result<Option<PeerRow>, StoreError> {
        let row = self.peers().get(device.0.as_slice())?;
        row.map_or(Ok(None), |row| json("peers-1", row.value()).map(Some))
    }

    /// What is remembered of all peers.
    fn peers_all(&self) -> Result<Vec<(DeviceId, PeerRow)>, StoreError> {
        let mut found = Vec::new();
        for row in self.peers().iter()? {
            let (key, value) = row?;
            let device =
                key.value().try_into().map_err(|_| corrupt("peers-1")(CodecError::Truncated))?;
            found.push((DeviceId(device), json("peers-1", value.value())?));
        }
        Ok(found)
    }

    /// How many pieces of evidence are here.
    fn evidence_count(&self) -> Result<u64, StoreError> {
        Ok(self.evidence().len()?)
    }

    /// All evidence, the oldest first.
    fn evidence_all(&self) -> Result<Vec<EvidenceRow>, StoreError> {
        self.evidence().iter()?.map(|row| json("evidence-1", row?.1.value())).collect()
    }
}

impl<T: TableAccess> StoreRead for T {}

/// The key of a log's nth chain.
pub(super) fn chain_key(key: &LogKey, nth: u8) -> [u8; LogKey::BYTES + 1] {
    let mut bytes = [nth; LogKey::BYTES + 1];
    bytes[..LogKey::BYTES].copy_from_slice(&key.to_bytes());
    bytes
}

pub(super) fn scope_range(area: Area) -> ([u8; 8], [u8; 8]) {
    let (low, high) = area.0.range();
    (low.number().to_be_bytes(), (high.number() + 1).to_be_bytes())
}
