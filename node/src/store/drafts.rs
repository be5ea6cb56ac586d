//! What somebody has begun to type and not saved yet. It is nobody's record and goes to nobody; it stands here because
//! here alone it is encrypted.

use std::collections::BTreeMap;

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::record::ElderId;

use super::encoding::{encode_checked, json};
use super::tables::TableAccess;
use super::{StoreError, Transaction};

const TABLE: &str = "drafts-1";

/// What stands in a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftRow {
    /// When it was typed (this node's clock, ms since 1970).
    pub at_ms: i64,
    /// Whom it is about, if that is one elder with a file.
    pub elder: Option<ElderId>,
    /// Names of fields and what stands in them.
    pub fields: BTreeMap<String, Vec<String>>,
}

/// Reads drafts.
pub trait DraftRead: TableAccess {
    /// What stands in this form.
    fn draft(&self, form: &str) -> Result<Option<DraftRow>, StoreError> {
        self.drafts().get(form)?.map(|row| json(TABLE, row.value())).transpose()
    }

    /// Every form in which something stands, by its name.
    fn drafts_all(&self) -> Result<Vec<(String, DraftRow)>, StoreError> {
        let rows = self.drafts().iter()?;
        rows.map(|row| {
            let (form, row) = row?;
            Ok((form.value().to_owned(), json(TABLE, row.value())?))
        })
        .collect()
    }

    /// How many there are.
    fn drafts_count(&self) -> Result<u64, StoreError> {
        Ok(self.drafts().len()?)
    }
}

impl<T: TableAccess> DraftRead for T {}

impl Transaction<'_> {
    /// Keeps what stands in a form instead of what stood there.
    pub fn put_draft(&mut self, form: &str, row: &DraftRow) -> Result<(), StoreError> {
        let detail = |error: serde_json::Error| StoreError::Corrupt {
            table: TABLE,
            detail: error.to_string(),
        };
        let row = encode_checked(&serde_json::to_vec(row).map_err(detail)?);
        self.drafts.insert(form, row.as_slice())?;
        Ok(())
    }

    /// Nothing stands in this form any more.
    pub fn remove_draft(&mut self, form: &str) -> Result<(), StoreError> {
        self.drafts.remove(form)?;
        Ok(())
    }

    /// Takes away whatever somebody has begun to type about an elder.
    pub fn remove_drafts_of(&mut self, elder: ElderId) -> Result<(), StoreError> {
        for (form, row) in self.drafts_all()? {
            if row.elder == Some(elder) {
                self.remove_draft(&form)?;
            }
        }
        Ok(())
    }
}
