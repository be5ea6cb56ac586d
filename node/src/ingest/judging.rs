//! What an earlier version of this program could not judge, judged by this one.
//!
//! An entry of a kind that nobody here knew, or of a form that nobody here could read, was kept and set aside. A later
//! version may know better, and a store remembers which judge it has last met.

use std::collections::BTreeMap;

use super::Ingest;
use crate::log::{EntryHash, Lane};
use crate::statement;
use crate::store::rows::{DocumentKey, Unsettled, UnsettledRow};
use crate::store::{StoreError, StoreRead};

impl Ingest<'_, '_> {
    /// Judges once more what was set aside because it could not be read. What still cannot is set aside again.
    pub fn judge_again(&mut self) -> Result<(), StoreError> {
        // In the order of the logs: what comes later may build on what comes before.
        let mut unread: BTreeMap<(u32, u64), (DocumentKey, EntryHash, UnsettledRow)> =
            BTreeMap::new();
        self.tables.for_each_unsettled(|key, hash, row| {
            let row = row?;
            if is_unread(&row.standing) {
                unread.insert((row.log.0, row.seq), (key, hash, row));
            }
            Ok(())
        })?;
        for (key, hash, row) in unread.into_values() {
            // All changes of a document are decided together.
            if let Unsettled::IllFormed(_) = row.standing {
                self.again.insert(key);
                continue;
            }
            let Some(log) = self.tables.log_by_number(row.log)? else { continue };
            let Some(entry) = self.tables.entry(row.log, row.seq)? else { continue };
            self.tables.remove_unsettled(&key, hash)?;
            if log.key.lane == Lane::Authority {
                self.stated_again.insert(statement::place_of(&log, &entry));
            }
            let coverage = self.coverage(&log, &entry)?;
            if !self.is_without_effect(&log, &entry, hash, coverage)? {
                self.effect(&log, &entry, hash)?;
            }
        }
        Ok(())
    }
}

/// Whether a later version might make something of it.
fn is_unread(standing: &Unsettled) -> bool {
    match standing {
        Unsettled::UnknownKind | Unsettled::IllFormed(_) => true,
        Unsettled::NotAllowed(code) => code.ends_with("_form"),
        _ => false,
    }
}
