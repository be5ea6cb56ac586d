//! The store: one redb database, one write transaction at a time.
//!
//! Entries, heads, documents and index change together in one durable transaction, so a crash at
//! any point leaves a consistent node, and a peer is told `Have` only after that commit.
//! Documents and index can be rebuilt from the log.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend,
    TableError, TableHandle, WriteTransaction,
};
use thiserror::Error;

use crate::codec::CodecError;
use crate::limits::STORE_CACHE_BYTES;

pub mod audit;
mod block;
pub mod blocks;
pub mod chains;
mod copy;
pub mod custody;
pub mod digests;
mod documents;
pub mod drafts;
mod elders;
mod encoding;
pub mod erasures;
pub mod facts;
pub mod format;
pub mod incidents;
pub mod moves;
pub mod names;
mod open_database;
mod packed;
pub mod places;
pub mod rows;
pub mod tables;
pub mod vectors;
pub mod write;

use blocks::RecentBlocks;
pub use chains::ChainRead;
pub use copy::Image;
pub use digests::DigestRead;
use format::{CURRENT, Format, Way};
use open_database::OpenDatabase;
pub use packed::unpacked_row;
pub use tables::{CountedReads, Snapshot, StoreRead};
pub use write::Transaction;

/// Meta: something was deleted whose bytes shall not stay in the file. Any value; whoever set it in a
/// transaction need do nothing more: the store is written anew right after it, or when it is opened.
pub const REWRITE_DUE: &str = "rewrite_due";

/// Meta: which judge (eight bytes) has judged what is set aside.
pub const JUDGED_BY: &str = "judged_by";

/// Raised by whatever lets this program read what it could not: a kind of entry, a document, a form of a statement,
/// a rule of `docs/well-formed.md` that is widened. Each store is then judged anew once, when it is opened
/// (the ingest does it).
pub const JUDGE: u64 = 1;

/// Meta: by which version of the index (eight bytes) the rows of elders were written.
pub const INDEXED_BY: &str = "indexed_by";

/// Raised by whatever the index notes of each elder beside what it did. The engine writes it anew once, when it opens
/// a store.
pub const INDEX: u64 = 1;

/// Meta: 1 (eight bytes) in a store that came out of a backup, until the engine has dealt with it.
pub const RESTORED: &str = "restored";

/// A node's store.
#[derive(Debug)]
pub struct Store {
    /// Goes before the database does.
    last_read: LastRead,
    database: OpenDatabase,
    rewrite_due: AtomicBool,
    recent: RecentBlocks,
}

/// The view that was opened last, as long as it is what the store holds: opening some thirty tables costs
/// more than most of what is read in them.
#[derive(Default)]
struct LastRead(Mutex<Option<Snapshot>>);

impl LastRead {
    fn locked(&self) -> MutexGuard<'_, Option<Snapshot>> {
        // Whoever panicked left a whole view or none.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LastRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LastRead").finish_non_exhaustive()
    }
}

/// Why the store did not do as asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the store is in use by another process")]
    InUse,
    /// Written by a version that is too early, or by another program.
    #[error("the store is of another schema: {found:?}, this program reads {expected}")]
    OtherSchema {
        /// What the store says.
        found: String,
        /// What this program reads.
        expected: Format,
    },
    /// Written by a later version.
    #[error("the store is of a later version: {found}, this program reads {expected}")]
    LaterFormat {
        /// What the store says.
        found: Format,
        /// What this program reads.
        expected: Format,
    },
    /// A row does not read: the disk has changed it, or a bug wrote it.
    #[error("a row of {table} does not read: {detail}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The database failed: no space, a bad disk, a torn file.
    #[error("the database failed")]
    Database(#[source] Box<redb::Error>),
}

impl Store {
    /// Opens a database file that is not encrypted, or makes it: for tests and tools. The store of a
    /// home goes through the vault.
    pub fn open(path: &std::path::Path) -> Result<Self, StoreError> {
        guarded(|| Self::with(Self::builder().create(path))).flatten()
    }

    /// Opens a database over a backend of one's own: memory, faults, encryption.
    pub fn with_backend(backend: impl StorageBackend) -> Result<Self, StoreError> {
        guarded(|| Self::with(Self::builder().create_with_backend(backend))).flatten()
    }

    fn builder() -> Builder {
        let mut builder = Database::builder();
        builder.set_cache_size(STORE_CACHE_BYTES);
        builder
    }

    fn with(database: Result<Database, redb::DatabaseError>) -> Result<Self, StoreError> {
        let database = database.map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => StoreError::InUse,
            error => redb_error(error),
        })?;
        let store = Self {
            last_read: LastRead::default(),
            database: database.into(),
            rewrite_due: AtomicBool::new(false),
            recent: RecentBlocks::default(),
        };
        store.check_format()?;
        Ok(store)
    }

    /// A fresh database gets this version's format; one of an earlier format is brought to it, any other is refused.
    fn check_format(&self) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(redb_error)?;
        // A table that came later than the format is empty in a store that was made before it.
        let there: Vec<String> = transaction
            .list_tables()
            .map_err(redb_error)?
            .map(|table| table.name().to_owned())
            .collect();
        let lacks_tables = [tables::VECTORS.name(), tables::DRAFTS.name()]
            .iter()
            .any(|table| !there.iter().any(|found| found == table));
        let (mut steps, mut is_fresh) = (Vec::new(), false);
        let written = {
            let meta = transaction.open_table(tables::META).map_err(redb_error)?;
            // The format of a later version may come without a checksum, or with another.
            let readable = |row: &[u8]| {
                let text = encoding::decode_checked(row).unwrap_or(row);
                String::from_utf8_lossy(text).into_owned()
            };
            let found =
                meta.get("format").map_err(redb_error)?.map(|found| readable(found.value()));
            match found {
                Some(found) => {
                    let format = found.parse::<Format>();
                    match format.map_or(Way::None, Format::way) {
                        Way::Here => {}
                        Way::Up(way) => steps = way,
                        Way::Later => {
                            let found = format.unwrap_or(CURRENT);
                            return Err(StoreError::LaterFormat { found, expected: CURRENT });
                        }
                        Way::None => {
                            return Err(StoreError::OtherSchema { found, expected: CURRENT });
                        }
                    }
                    let due = meta.get(REWRITE_DUE).map_err(redb_error)?.is_some();
                    self.rewrite_due.store(due, Ordering::Relaxed);
                    lacks_tables || !steps.is_empty()
                }
                // A page is damaged: nothing may be made in place of what it held.
                None if meta.len().map_err(redb_error)? > 0 => {
                    let detail = "format is not there".to_owned();
                    return Err(StoreError::Corrupt { table: "meta-1", detail });
                }
                None => {
                    is_fresh = true;
                    true
                }
            }
        };
        if written {
            let upgrade = |tables: &mut Transaction<'_>| {
                // In a fresh store nothing waits to be judged.
                if is_fresh {
                    tables.set_meta(JUDGED_BY, &JUDGE.to_be_bytes())?;
                    tables.set_meta(INDEXED_BY, &INDEX.to_be_bytes())?;
                }
                steps.iter().try_for_each(|step| step(tables))?;
                tables.set_meta("format", CURRENT.to_string().as_bytes())
            };
            let ((), rewrite_due) = self.run::<_, StoreError>(&transaction, upgrade)?;
            transaction.commit().map_err(redb_error)?;
            self.rewrite_due.fetch_or(rewrite_due, Ordering::Relaxed);
            Ok(())
        } else {
            transaction.abort().map_err(redb_error)
        }
    }

    /// A consistent view of all tables.
    pub fn read(&self) -> Result<Snapshot, StoreError> {
        let mut last = self.last_read.locked();
        if let Some(snapshot) = &*last {
            return Ok(snapshot.clone());
        }
        let transaction = self.database.begin_read().map_err(redb_error)?;
        let snapshot = Snapshot::open(&transaction, &self.recent)?;
        *last = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// Runs the closure in one transaction and commits it durably, unless the closure fails: then
    /// nothing of it happens.
    pub fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // Pages that only an old view needs are free for what is written.
        self.forget_view();
        let transaction = self.database.begin_write().map_err(redb_error)?;
        let (result, rewrite_due) = self.run(&transaction, work)?;
        let committed = transaction.commit();
        self.forget_view();
        committed.map_err(redb_error)?;
        self.rewrite_due.fetch_or(rewrite_due, Ordering::Relaxed);
        Ok(result)
    }

    /// The next view is opened anew.
    fn forget_view(&self) {
        self.last_read.locked().take();
    }

    /// Whether [`REWRITE_DUE`] stands in the store and nobody has put it off.
    pub fn rewrite_is_due(&self) -> bool {
        self.rewrite_due.load(Ordering::Relaxed)
    }

    /// A rewrite has failed: the next is tried when the store is opened again, or when another is
    /// asked for.
    pub fn put_off_rewrite(&self) {
        self.rewrite_due.store(false, Ordering::Relaxed);
    }

    fn run<T, E: From<StoreError>>(
        &self,
        transaction: &WriteTransaction,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<(T, bool), E> {
        let mut tables = Transaction::open(transaction, &self.recent)?;
        let result = work(&mut tables)?;
        tables.sum_up()?;
        tables.put_open_blocks()?;
        tables.count_commit()?;
        Ok((result, tables.rewrite_due))
    }

    /// Reads every page and checks redb's own checksums. False if something was repaired.
    pub fn check_pages(&mut self) -> Result<bool, StoreError> {
        self.forget_view();
        match guarded(|| self.database.check_integrity()) {
            Ok(checked) => checked.map_err(redb_error),
            Err(_) => Ok(false),
        }
    }
}

/// Runs what opens, reads or closes a database. redb 4.5 panics over some damaged pages; whoever asked is told instead.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|_| damaged())
}

/// What is said where redb has panicked.
pub(crate) fn damaged() -> StoreError {
    let detail = "a page of the file is damaged".to_owned();
    StoreError::Corrupt { table: "file", detail }
}

pub(crate) fn redb_error(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Database(Box::new(error.into()))
}

impl From<redb::StorageError> for StoreError {
    fn from(error: redb::StorageError) -> Self {
        redb_error(error)
    }
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        redb_error(error)
    }
}

pub(crate) fn corrupt(table: &'static str) -> impl Fn(CodecError) -> StoreError {
    move |error| StoreError::Corrupt { table, detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn a_second_opener_is_told_that_the_store_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let first = Store::open(&path).unwrap();
        assert!(matches!(Store::open(&path), Err(StoreError::InUse)));
        drop(first);
        Store::open(&path).unwrap();
    }

    /// One reads all the time while another writes: nobody ever sees less than what was written before
    /// they looked.
    #[test]
    fn a_view_at_hand_is_never_older_than_the_last_write() {
        let store = Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let done = AtomicU64::new(0);
        let seen = |store: &Store| match store.read().unwrap().meta("count").unwrap() {
            Some(count) => u64::from_be_bytes(count.try_into().unwrap()),
            None => 0,
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while done.load(Ordering::SeqCst) < 300 {
                    let before = done.load(Ordering::SeqCst);
                    assert!(seen(&store) >= before);
                }
            });
            for count in 1..=300u64 {
                let write =
                    |tables: &mut Transaction<'_>| tables.set_meta("count", &count.to_be_bytes());
                store.write::<_, StoreError>(write).unwrap();
                assert_eq!(seen(&store), count);
                done.store(count, Ordering::SeqCst);
            }
        });
        let fails = |tables: &mut Transaction<'_>| {
            tables.set_meta("count", &[0; 8])?;
            Err::<(), _>(StoreError::InUse)
        };
        assert!(store.write(fails).is_err());
        assert_eq!(seen(&store), 300);
    }

    #[test]
    fn a_store_of_another_schema_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        {
            let store = Store::open(&path).unwrap();
            store
                .write::<_, StoreError>(|tables| tables.set_meta("format", b"shouwang store 0"))
                .unwrap();
        }
        match Store::open(&path) {
            Err(StoreError::OtherSchema { found, .. }) => assert_eq!(found, "shouwang store 0"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let store = Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let failed = store.write(|tables| {
            tables.set_meta("x", b"1")?;
            Err::<(), _>(StoreError::InUse)
        });
        assert!(failed.is_err());
        assert_eq!(store.read().unwrap().meta("x").unwrap(), None);
    }
}
