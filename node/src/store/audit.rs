//! Who listed, showed, wrote to a file or printed personal data on this node.

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::encoding::{encode_checked, json};
use super::tables::TableAccess;
use super::{StoreError, Transaction};
use crate::limits::AUDIT_ROWS_MAX;

const TABLE: &str = "audit-1";

/// One look at personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// When (this node's clock, ms since 1970).
    pub at_ms: i64,
    /// What was done: `list`, `show`, `export`, `print` and the like.
    pub what: String,
    /// The place whose elders it was about.
    pub area: DivisionCode,
    /// How many elders.
    pub elders: u64,
    /// Whether names, phones or ID numbers stood in it in full.
    pub personal: bool,
    /// The operating system's name for the user, as the program was told.
    pub who: String,
}

/// Reads the audit.
pub trait AuditRead: TableAccess {
    /// All rows, the oldest first, and how many older ones have gone.
    fn audit_all(&self) -> Result<(Vec<AuditRow>, u64), StoreError> {
        let gone = self.audit().first()?.map_or(0, |(count, _)| count.value());
        let rows = self.audit().iter()?.map(|row| json(TABLE, row?.1.value()));
        Ok((rows.collect::<Result<_, _>>()?, gone))
    }
}

impl<T: TableAccess> AuditRead for T {}

impl Transaction<'_> {
    /// Keeps a row; the oldest go when there are too many. Returns how many have gone now.
    pub fn put_audit(&mut self, row: &AuditRow) -> Result<u64, StoreError> {
        let detail = |error: serde_json::Error| StoreError::Corrupt {
            table: TABLE,
            detail: error.to_string(),
        };
        let row = encode_checked(&serde_json::to_vec(row).map_err(detail)?);
        let next = self.audit.last()?.map_or(0, |(count, _)| count.value() + 1);
        self.audit.insert(next, row.as_slice())?;
        let mut gone = 0;
        while self.audit.len()? > AUDIT_ROWS_MAX {
            self.audit.pop_first()?;
            gone += 1;
        }
        Ok(gone)
    }
}
