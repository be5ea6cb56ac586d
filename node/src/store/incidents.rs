//! The index of incidents 特殊情况: what `status` and lists read instead of opening documents.

use chrono::{NaiveDate, NaiveTime};
use redb::ReadableTable;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::element::IncidentEvent;
use shouwang_crdt_schema::record::{ElderId, IncidentId, IncidentKind, IncidentStep};

use super::encoding::{encode_checked, json};
use super::rows::{elder_bytes, elder_from_bytes};
use super::tables::{TableAccess, scope_range};
use super::{StoreError, Transaction, corrupt};
use crate::codec::CodecError;

const TABLE: &str = "incidents-1";

/// One incident in the index: its events without their texts. Rebuilt from the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentRow {
    /// Those that take effect, in list order.
    pub events: Vec<IncidentMark>,
}

/// An event of an incident without its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentMark {
    /// What happened.
    pub step: IncidentStep,
    /// What it is said to be.
    pub kind: Option<IncidentKind>,
    /// The day.
    pub date: NaiveDate,
    /// The time of day.
    pub time: Option<NaiveTime>,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IncidentPlace {
    /// The scope of the elder's file.
    pub scope: DivisionCode,
    /// Whose file.
    pub elder: ElderId,
    /// Which incident.
    pub incident: IncidentId,
}

impl IncidentRow {
    /// The row of these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a IncidentEvent>) -> Self {
        let mark = |event: &IncidentEvent| IncidentMark {
            step: event.step,
            kind: event.kind,
            date: event.date,
            time: event.time,
        };
        Self { events: events.into_iter().map(mark).collect() }
    }

    /// The events again, without their texts.
    pub fn events(&self) -> Vec<IncidentEvent> {
        let event = |mark: &IncidentMark| IncidentEvent {
            step: mark.step,
            kind: mark.kind,
            date: mark.date,
            time: mark.time,
            place: None,
            by: None,
            note: None,
        };
        self.events.iter().map(event).collect()
    }
}

impl IncidentPlace {
    fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..24].copy_from_slice(&elder_bytes(self.scope, self.elder));
        bytes[24..].copy_from_slice(&self.incident.0);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (elder, incident) = bytes.split_last_chunk::<16>()?;
        let (scope, elder) = elder_from_bytes(elder)?;
        Some(Self { scope, elder, incident: IncidentId(*incident) })
    }
}

/// Reads the index of incidents.
pub trait IncidentRead: TableAccess {
    /// All incidents of the scopes in an area.
    fn incidents_in(&self, area: Area) -> Result<Vec<(IncidentPlace, IncidentRow)>, StoreError> {
        let (low, high) = scope_range(area);
        self.incidents_between(&low, &high)
    }

    /// All incidents of one elder.
    fn incidents_of(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Vec<(IncidentPlace, IncidentRow)>, StoreError> {
        let low = elder_bytes(scope, elder);
        let high = [&low[..], &[0xff; 17]].concat();
        self.incidents_between(&low, &high)
    }

    /// All incidents there are.
    fn incidents_all(&self) -> Result<Vec<(IncidentPlace, IncidentRow)>, StoreError> {
        self.incidents_between(&[], &[0xff; 41])
    }

    /// The incidents from one key to before another.
    fn incidents_between(
        &self,
        low: &[u8],
        high: &[u8],
    ) -> Result<Vec<(IncidentPlace, IncidentRow)>, StoreError> {
        let mut found = Vec::new();
        for row in self.incidents().range(low..high)? {
            let (key, value) = row?;
            let place = IncidentPlace::from_bytes(key.value())
                .ok_or_else(|| corrupt(TABLE)(CodecError::Truncated))?;
            found.push((place, json(TABLE, value.value())?));
        }
        Ok(found)
    }
}

impl<T: TableAccess> IncidentRead for T {}

impl Transaction<'_> {
    /// Keeps what an incident has come to.
    pub fn put_incident(
        &mut self,
        place: IncidentPlace,
        row: &IncidentRow,
    ) -> Result<(), StoreError> {
        let detail = |error: serde_json::Error| StoreError::Corrupt {
            table: TABLE,
            detail: error.to_string(),
        };
        let row = encode_checked(&serde_json::to_vec(row).map_err(detail)?);
        let before = self.incidents.insert(place.to_bytes().as_slice(), row.as_slice())?.is_some();
        if !before {
            self.growth.came(place);
        }
        Ok(())
    }

    /// Takes an incident away: nothing of it counts.
    pub fn remove_incident(&mut self, place: IncidentPlace) -> Result<(), StoreError> {
        let before = self.incidents.remove(place.to_bytes().as_slice())?.is_some();
        if before {
            self.growth.left(place);
        }
        Ok(())
    }
}
