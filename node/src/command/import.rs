//! Rows of a ledger, matched with the files that are here.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::ElderId;

use super::Request;

/// Imports rows, at most [`crate::limits::IMPORT_ROWS_MAX`] at a time, in one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// The rows.
    pub rows: Vec<LedgerRow>,
    /// Say what would be done and do nothing.
    pub dry_run: bool,
}

/// What became of each row, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// One for each row.
    pub outcomes: Vec<RowOutcome>,
    /// Entries written.
    pub entries: u64,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RowOutcome {
    /// A file was opened.
    New {
        /// The file; None in a dry run.
        elder_id: Option<ElderId>,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// A file was changed.
    Changed {
        /// The file.
        elder_id: ElderId,
        /// Keys of what is different.
        changed: Vec<String>,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// The file says all of it already.
    Unchanged {
        /// The file.
        elder_id: ElderId,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// The row cannot be placed.
    Rejected {
        /// The field at fault, where there is one.
        field: Option<String>,
        /// A code of the catalogue: `filed_in_another_village`, `ambiguous_person`,
        /// `village_outside_area`, `no_right`, `value`.
        reason: String,
        /// What fills the message's place.
        detail: Option<String>,
    },
}

/// Something in a row that did not come in, while the rest did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowGap {
    /// Field or list.
    pub field: String,
    /// A code of the catalogue: `no_right`, `value`, `written_once`.
    pub reason: String,
}

impl Request for Import {
    const NAME: &'static str = "import";
    type Reply = Imported;
}
