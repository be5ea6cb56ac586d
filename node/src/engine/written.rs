//! What this device's own logs say of the time.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Engine;
use crate::ingest::Ingested;
use crate::log::LogKey;
use crate::store::{ChainRead, StoreError, StoreRead};

/// What the heads of this device's logs say of the time, ms since 1970; None before anybody has asked.
/// Every log of the store is looked at once in a process, and then those alone that grow: a county has
/// thousands, and each peer's clock asks.
#[derive(Debug, Default)]
pub(super) struct Written(RefCell<Option<BTreeMap<LogKey, i64>>>);

impl Engine {
    /// What the newest entry that this device has written says of the time, ms since 1970: of all
    /// its logs that are here.
    pub fn last_written_ms(&self) -> Result<Option<i64>, StoreError> {
        let mut written = self.written.0.borrow_mut();
        if written.is_none() {
            let (snapshot, own) = (self.store.read()?, self.device());
            let logs = snapshot.logs_all()?.into_iter().map(|log| log.key);
            let mut found = BTreeMap::new();
            for log in logs.filter(|log| log.device == own) {
                note_written(&snapshot, log, &mut found)?;
            }
            *written = Some(found);
        }
        Ok(written.iter().flat_map(BTreeMap::values).max().copied())
    }

    /// Notes what has come to this device's own logs.
    pub(super) fn note_written(&self, ingested: &Ingested) -> Result<(), StoreError> {
        let own = self.device();
        if let Some(written) = self.written.0.borrow_mut().as_mut() {
            let snapshot = self.store.read()?;
            for log in ingested.logs.keys().filter(|log| log.device == own) {
                note_written(&snapshot, *log, written)?;
            }
        }
        Ok(())
    }
}

/// Notes what the heads of a log's chains say of the time.
fn note_written(
    tables: &impl ChainRead,
    log: LogKey,
    written: &mut BTreeMap<LogKey, i64>,
) -> Result<(), StoreError> {
    let mut newest = None;
    for chain in tables.chains(&log)? {
        let head = tables.head_of(chain.number)?;
        newest = newest.max(head.map(|head| head.written_at_ms));
    }
    match newest {
        Some(newest) => drop(written.insert(log, newest)),
        None => drop(written.remove(&log)),
    }
    Ok(())
}
