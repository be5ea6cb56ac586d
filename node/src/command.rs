//! What a person may ask of a node, and the answers: one definition for the command line that
//! opens the store itself and for the admin API of a running node.
//!
//! Requests and replies are plain data with serde forms; `docs/json.md` describes the JSON.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::edit::EditError;
use shouwang_crdt_schema::field::{Field, ValueError};
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::resident_id::ResidentIdError;

use crate::engine::{CaptureError, Engine};
use crate::store::StoreError;
use crate::sync::Now;

pub mod area;
pub mod audit;
pub mod budget;
pub mod bundle;
pub mod check;
pub mod clock;
pub mod conflicts;
pub mod coverage;
pub mod custody;
pub mod device;
pub mod devices;
pub mod drafts;
pub mod due;
pub mod duplicates;
pub mod elder;
pub mod erase;
pub mod explain;
pub mod export;
pub mod happenings;
pub mod health;
pub mod history;
pub mod import;
pub mod incident;
pub mod items;
pub mod lag;
pub mod merge;
pub mod metrics;
pub(crate) mod places;
pub mod quarantine;
pub mod record;
pub mod refused;
pub mod report;
pub mod revoke;
pub mod roster;
pub mod ruleset;
pub mod status;
pub mod storage;
pub mod told;
pub mod transfer;
pub mod undo;
pub mod verify;

pub use crate::json::JSON_SCHEMA_VERSION;

/// Something a person may ask.
pub trait Request: Serialize + DeserializeOwned + Send + 'static {
    /// The name in the admin API's path.
    const NAME: &'static str;

    /// The answer.
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// Does it.
    fn execute(self, engine: &mut Engine, now: Now) -> Result<Self::Reply, CommandError>;
}

macro_rules! dispatch {
    ($($request:ty),+ $(,)?) => {
        /// Carries out a request that came as its name and JSON; the answer is JSON.
        pub fn dispatch(
            engine: &mut Engine,
            now: Now,
            name: &str,
            json: &[u8],
        ) -> Result<Vec<u8>, CommandError> {
            match name {
                $(<$request>::NAME => {
                    let request: $request = serde_json::from_slice(json)
                        .map_err(|error| CommandError::new(ErrorKind::Usage, "bad_request", error))?;
                    let reply = request.execute(engine, now)?;
                    serde_json::to_vec(&reply)
                        .map_err(|error| CommandError::new(ErrorKind::Failed, "reply", error))
                })+
                _ => Err(CommandError::new(ErrorKind::Usage, "unknown_request", "unknown request")),
            }
        }
    };
}
dispatch!(
    status::Status,
    status::Peers,
    elder::ElderList,
    elder::ElderShow,
    elder::ElderAdd,
    elder::ElderSet,
    elder::VisitAdd,
    elder::VisitList,
    erase::ElderErase,
    erase::ErasureList,
    import::Import,
    import::ImportVisits,
    import::ImportCertificates,
    export::ExportElders,
    export::ExportDocuments,
    area::AreaImport,
    area::AreaList,
    device::GrantDevice,
    device::AddressAdd,
    devices::DeviceList,
    revoke::DeviceRevoke,
    revoke::DeviceRetire,
    quarantine::QuarantineList,
    quarantine::QuarantineAdopt,
    storage::Compact,
    verify::Verify,
    custody::RetireCheck,
    custody::ReceiptAwaited,
    audit::Audit,
    audit::AuditList,
    drafts::DraftKeep,
    drafts::DraftShow,
    drafts::DraftDrop,
    drafts::DraftList,
    refused::Refused,
    clock::Today,
    record::Record,
    roster::RosterWrite,
    roster::RosterList,
    roster::RosterHistory,
    incident::IncidentRaise,
    incident::IncidentAct,
    incident::IncidentList,
    incident::IncidentShow,
    items::ItemAdd,
    items::ItemChange,
    items::ItemList,
    ruleset::RulesetShow,
    ruleset::RulesetSet,
    transfer::TransferOffer,
    transfer::TransferAccept,
    transfer::TransferDecline,
    transfer::TransferCancel,
    transfer::TransferList,
    transfer::TransferPreview,
    transfer::TransferOfferAll,
    transfer::TransferAcceptAll,
    transfer::TransferOut,
    transfer::TransferAcknowledged,
    conflicts::ConflictList,
    conflicts::ConflictResolve,
    history::ElderHistory,
    undo::Undo,
    undo::ImportBegin,
    duplicates::ElderDuplicates,
    merge::ElderMerge,
    coverage::CoverageAsked,
    lag::Lag,
    happenings::Happenings,
    metrics::Metrics,
    health::Health,
    explain::Explain,
    due::Due,
    report::ReportTally,
    report::HalfYearAsked,
    budget::BudgetSet,
    budget::BudgetShow,
    bundle::BundleBegin,
    bundle::BundlePiece,
    bundle::BundleTake,
    bundle::BundleEnd,
    bundle::BundleLook,
);

/// Why a request was not carried out. `code` is a key of the message catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// Whose fault, and so which exit code.
    pub kind: ErrorKind,
    /// What went wrong, for the catalogue and for scripts.
    pub code: String,
    /// What fills the message's places. Never a name, a phone or an ID number.
    pub arguments: BTreeMap<String, String>,
    /// English, for logs.
    pub message: String,
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request cannot be meant like this.
    Usage,
    /// This device may not do that.
    Refused,
    /// No such thing here.
    NotFound,
    /// The node or its disk failed.
    Failed,
}

impl CommandError {
    /// An error of this kind and code.
    pub fn new(kind: ErrorKind, code: &str, message: impl ToString) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            arguments: BTreeMap::new(),
            message: message.to_string(),
        }
    }

    /// Fills a place of the message.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.arguments.insert(name.to_owned(), value.to_string());
        self
    }
}

impl From<&ValueError> for CommandError {
    /// A text that cannot stand in a field; the text itself is not repeated, it may be personal.
    fn from(error: &ValueError) -> Self {
        let usage = |code: &str, field: &Field| {
            Self::new(ErrorKind::Usage, code, error).with("field", field.spec().key)
        };
        match error {
            ValueError::Empty(field) => usage("value_empty", field),
            ValueError::TooLong { field, length, limit } => {
                usage("value_too_long", field).with("length", length).with("limit", limit)
            }
            ValueError::Control(field) => usage("value_control", field),
            ValueError::Date(field) => usage("value_date", field),
            ValueError::Division(field) => usage("value_division", field),
            ValueError::Number { field, limit } => {
                usage("value_number", field).with("limit", limit)
            }
            ValueError::ResidentId(field, source) => {
                let reason = match source {
                    ResidentIdError::Length(_) => "id_length",
                    ResidentIdError::Character => "id_character",
                    ResidentIdError::BirthDate => "id_birth_date",
                    ResidentIdError::Checksum => "id_checksum",
                };
                usage("value_resident_id", field).with("reason", reason)
            }
            ValueError::Choice { field, allowed } => {
                usage("value_choice", field).with("allowed", allowed)
            }
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::InUse => "in_use",
            StoreError::OtherSchema { .. } => "other_schema",
            StoreError::LaterFormat { .. } => "later_format",
            StoreError::Corrupt { .. } => "store_corrupt",
            StoreError::Database(cause) if matches!(**cause, redb::Error::Corrupted(_)) => {
                "store_corrupt"
            }
            StoreError::Database(_) => "store_failed",
        };
        let detail = match &error {
            StoreError::Database(cause) => format!("{error}: {cause}"),
            error => error.to_string(),
        };
        Self::new(ErrorKind::Failed, code, &detail).with("detail", detail)
    }
}

impl From<CaptureError> for CommandError {
    fn from(error: CaptureError) -> Self {
        let message = error.to_string();
        match error {
            CaptureError::NoRight { scope, document } => {
                let part = match document {
                    DocumentId::Directory | DocumentId::Ruleset => document.to_string(),
                    DocumentId::Elder { part, .. } => part.to_string(),
                };
                Self::new(ErrorKind::Refused, "no_right", message)
                    .with("scope", scope)
                    .with("part", part)
            }
            CaptureError::NoRightToField(key) => {
                Self::new(ErrorKind::Refused, "no_right_for_field", message).with("field", key)
            }
            CaptureError::Edit(EditError::WriteOnce(field)) => {
                Self::new(ErrorKind::Refused, "written_once", message).with("field", field)
            }
            CaptureError::Edit(EditError::Element { list, error }) => {
                check::in_element(list, &error)
            }
            CaptureError::Edit(_) => Self::new(ErrorKind::Usage, "edit", message),
            CaptureError::TooLong { bytes, .. } => {
                Self::new(ErrorKind::Usage, "too_long", message).with("bytes", bytes)
            }
            CaptureError::Grant(_) => {
                Self::new(ErrorKind::Refused, "grant_invalid", &message).with("detail", message)
            }
            CaptureError::Revocation(code) => Self::new(ErrorKind::Refused, code, message),
            CaptureError::Erasure(code) => Self::new(ErrorKind::Refused, code, message),
            CaptureError::OtherRoot => Self::new(ErrorKind::Refused, "other_root", message),
            CaptureError::Revoked => Self::new(ErrorKind::Refused, "device_revoked", message),
            CaptureError::WouldNotCount(reason) => {
                Self::new(ErrorKind::Usage, "would_not_count", message).with("reason", reason)
            }
            CaptureError::Refused(refusal) => {
                Self::new(ErrorKind::Failed, "own_entries_refused", message)
                    .with("reason", refusal.code())
            }
            CaptureError::Store(error) => error.into(),
        }
    }
}
