//! Files of elders for export and print: what a ledger says of each, and an elder's documents.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{CareGroup, ElderId};
use shouwang_crdt_schema::rules::age::completed_years;

use super::elder::{find, show, within};
use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::index::{self, merged};
use crate::limits::EXPORT_ELDERS_MAX;
use crate::store::StoreRead;
use crate::store::rows::ElderRow;
use crate::sync::Now;

/// Asks for what ledgers say of the elders of a place, some at a time, in the order of scope and
/// id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportElders {
    /// Only this place and what lies inside it.
    pub scope: Option<DivisionCode>,
    /// Only the one file whose id begins so.
    pub elder: Option<String>,
    /// Go on after this one.
    pub after: Option<(DivisionCode, ElderId)>,
    /// The day for what is computed.
    pub as_of: NaiveDate,
    /// Give resident IDs whole instead of their last four.
    pub whole_ids: bool,
}

/// Some elders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedElders {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// At most [`crate::limits::EXPORT_ELDERS_MAX`].
    pub elders: Vec<ExportedElder>,
    /// Whether there are more.
    pub more: bool,
    /// How many there are with those that came before; 0 where a node of an earlier version does not say.
    #[serde(default)]
    pub total: u64,
}

/// One elder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedElder {
    /// The file.
    pub elder_id: ElderId,
    /// The village whose file it is.
    pub scope: DivisionCode,
    /// What a ledger says of it. Masked resident IDs are no values of their fields.
    pub row: LedgerRow,
    /// Completed years.
    pub age: Option<u32>,
    /// Rule R2.
    pub care_group: CareGroup,
    /// The day of the last completed visit.
    pub last_visit: Option<NaiveDate>,
}

/// Asks for the documents of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportDocuments {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
}

/// The documents of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedDocuments {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file.
    pub elder_id: ElderId,
    /// The village whose file it is.
    pub scope: DivisionCode,
    /// One for each part.
    pub documents: Vec<ExportedDocument>,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedDocument {
    /// The part: `Card`, `Journal/2026`.
    pub part: String,
    /// The hashes of the changes that nothing follows.
    pub heads: Vec<String>,
    /// The whole document as `Automerge::save` writes it.
    #[serde(with = "hex")]
    pub saved: Vec<u8>,
}

impl Request for ExportElders {
    const NAME: &'static str = "export_elders";
    type Reply = ExportedElders;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ExportedElders, CommandError> {
        engine.settle(now)?;
        let within = within(engine, self.scope)?;
        let snapshot = engine.read()?;
        let places = match &self.elder {
            Some(elder) => vec![find(&snapshot, engine.area(), elder)?],
            None => merged::places(&snapshot, within)?,
        };
        let total = places.len() as u64;
        let mut rest =
            places.into_iter().filter(|place| self.after.is_none_or(|last| *place > last));
        let mut elders = Vec::new();
        for (scope, elder_id) in rest.by_ref().take(EXPORT_ELDERS_MAX) {
            let view = merged::joined(&snapshot, scope, elder_id)?;
            let known = snapshot.elder(scope, elder_id)?.unwrap_or_else(ElderRow::empty);
            let mut row = LedgerRow::of_file(scope, &view);
            for field in [Field::ResidentId, Field::ResidentIdAsWritten] {
                if let Some(resolved) = view.field(field).filter(|_| !self.whole_ids) {
                    row.fields.insert(field, show(field, resolved.value, false));
                }
            }
            elders.push(ExportedElder {
                elder_id,
                scope,
                row,
                age: known.birth_date.and_then(|born| completed_years(born, self.as_of)),
                care_group: view.care_group(self.as_of),
                last_visit: known.last_visits.values().max().copied(),
            });
        }
        Ok(ExportedElders {
            schema_version: JSON_SCHEMA_VERSION,
            elders,
            more: rest.next().is_some(),
            total,
        })
    }
}

impl Request for ExportDocuments {
    const NAME: &'static str = "export_documents";
    type Reply = ExportedDocuments;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ExportedDocuments, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder_id) = find(&snapshot, engine.area(), &self.elder)?;
        let mut documents = Vec::new();
        for (key, row) in snapshot.documents_of(scope, elder_id)? {
            let shouwang_crdt_schema::parts::DocumentId::Elder { part, .. } = key.id else {
                continue;
            };
            let document = index::load(&key, &row.saved)?;
            documents.push(ExportedDocument {
                part: part.to_string(),
                heads: document.get_heads().iter().map(ToString::to_string).collect(),
                saved: document.save(),
            });
        }
        Ok(ExportedDocuments { schema_version: JSON_SCHEMA_VERSION, elder_id, scope, documents })
    }
}
