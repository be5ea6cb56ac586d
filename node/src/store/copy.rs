//! Copying a store: every row of one consistent view into a fresh database, and nothing else.

use std::collections::BTreeSet;

use redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    Table, TableHandle, Value,
};

use super::blocks::RecentBlocks;
use super::{REWRITE_DUE, Snapshot, Store, StoreError, Transaction, redb_error};
use crate::progress::Progress;

/// A consistent view of a store, to be copied. It may be read by another thread while the store is
/// written.
pub struct Image {
    snapshot: Snapshot,
    tables: BTreeSet<String>,
}

impl Image {
    fn open(transaction: &ReadTransaction, recent: &RecentBlocks) -> Result<Self, StoreError> {
        let tables = transaction.list_tables().map_err(redb_error)?;
        Ok(Self {
            snapshot: Snapshot::open(transaction, recent)?,
            tables: tables.map(|table| table.name().to_owned()).collect(),
        })
    }

    /// Copies everything into an empty store, durably, and cuts off what of its file is free: redb makes
    /// a file twice as long whenever it is full. That a rewrite is due is not copied: this is one. A
    /// table that this version does not know is no reason to lose it: then nothing is copied. A step
    /// is a row.
    pub fn copy_into(&self, to: &mut Store, progress: &Progress) -> Result<(), StoreError> {
        to.forget_view();
        let transaction = to.database.begin_write().map_err(redb_error)?;
        {
            let mut tables = Transaction::open(&transaction, &to.recent)?;
            progress.begin(self.snapshot.rows()?);
            self.snapshot.copy_rows(&mut tables, progress)?;
            tables.meta_rows.remove(REWRITE_DUE)?;
        }
        let copied: BTreeSet<String> = transaction
            .list_tables()
            .map_err(redb_error)?
            .map(|table| table.name().to_owned())
            .collect();
        if let Some(unknown) = self.tables.difference(&copied).next() {
            let detail = format!("the table {unknown} is not known");
            return Err(StoreError::Corrupt { table: "file", detail });
        }
        transaction.commit().map_err(redb_error)?;
        to.database.compact().map(drop).map_err(redb_error)
    }
}

/// Copies one table. Called for each by the list of tables.
pub(super) fn copy_table<K: Key + 'static, V: Value + 'static>(
    from: &ReadOnlyTable<K, V>,
    to: &mut Table<'_, K, V>,
    progress: &Progress,
) -> Result<(), StoreError> {
    for row in from.iter()? {
        let (key, value) = row?;
        to.insert(key.value(), value.value())?;
        progress.step();
    }
    match from.len()? == to.len()? {
        true => Ok(()),
        // What a fresh store writes of its own is overwritten, so both have the same rows.
        false => Err(StoreError::Corrupt { table: "file", detail: "the copy differs".to_owned() }),
    }
}

impl Store {
    /// A consistent view of everything, to be copied.
    pub fn image(&self) -> Result<Image, StoreError> {
        Image::open(&self.database.begin_read().map_err(redb_error)?, &self.recent)
    }
}
