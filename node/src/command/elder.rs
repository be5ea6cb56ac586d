//! Elders and visits.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::{CareGroup, ElderId, Sex};
use shouwang_crdt_schema::visit::Visit;

use super::Request;
use crate::identity::DeviceId;

/// Asks for all elders of the node's area, or of one scope in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderList {
    /// Only this place and what lies inside it.
    pub scope: Option<DivisionCode>,
    /// Only files whose name holds this text, or whose resident ID ends in these four characters,
    /// or whose id begins so.
    pub matching: Option<String>,
    /// The day for the care group.
    pub as_of: NaiveDate,
}

/// Elders in the order of scope and id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The elders.
    pub elders: Vec<ElderSummary>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderSummary {
    /// The file.
    pub elder_id: ElderId,
    /// 姓名; None while no card has arrived.
    pub name: Option<String>,
    /// The village whose file it is.
    pub scope: DivisionCode,
    /// 出生日期
    pub birth_date: Option<NaiveDate>,
    /// 性别
    pub sex: Sex,
    /// On the day asked for.
    pub care_group: CareGroup,
    /// Fields in which concurrent values stand.
    pub conflicts: u64,
    /// The day of the last completed visit.
    pub last_visit: Option<NaiveDate>,
}

/// Asks for one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderShow {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// The day for what is computed.
    pub as_of: NaiveDate,
    /// Show the resident ID whole instead of its last four.
    pub show_resident_id: bool,
}

/// One file as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The summary.
    pub summary: ElderSummary,
    /// Completed years on the day asked for.
    pub age: Option<u32>,
    /// Single-valued fields that have a value, in the order in which a file shows them.
    pub fields: Vec<FieldReport>,
    /// List → elements as stored, each a map of key to text (a plain text stands under `value`).
    pub lists: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    /// Visits, the newest first.
    pub visits: Vec<VisitReport>,
    /// Entries for this file that are kept and do not count, by reason.
    pub unsettled: BTreeMap<String, u64>,
}

/// A field of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldReport {
    /// Which.
    pub field: Field,
    /// The effective value as stored.
    pub value: String,
    /// The part it stands in.
    pub part: String,
    /// Values written concurrently that do not take effect.
    pub conflict: Vec<String>,
    /// Parts that say something else, and what.
    pub differs: BTreeMap<String, String>,
}

/// A visit and who recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitReport {
    /// The operation that recorded it.
    pub id: String,
    /// Whose file.
    pub elder_id: ElderId,
    /// The device that signed it, where its log is here.
    pub recorded_by: Option<DeviceId>,
    /// What was recorded.
    pub visit: Visit,
}

/// Opens a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderAdd {
    /// The village; may be left out where the area is one village.
    pub scope: Option<DivisionCode>,
    /// Fields and texts; `name` must be there.
    pub fields: BTreeMap<Field, String>,
}

/// Writes fields of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderSet {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// Fields and texts.
    pub fields: BTreeMap<Field, String>,
    /// Write into the highest part that the field and this device's rights allow, rather than the
    /// lowest: a county certifies, a township sets.
    pub certified: bool,
}

/// What was saved. It is on the disk when this is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file.
    pub elder_id: ElderId,
    /// Entries written; 0 if nothing was different.
    pub entries: u64,
}

/// Records a visit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VisitAdd {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// The visit.
    pub visit: Visit,
}

/// Asks for visits, of one elder or of the whole area.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VisitList {
    /// The id, or the first characters of it that are enough.
    pub elder: Option<String>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub to: Option<NaiveDate>,
}

/// Visits, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The visits.
    pub visits: Vec<VisitReport>,
}

impl Request for ElderList {
    const NAME: &'static str = "elder_list";
    type Reply = ElderListReport;
}

impl Request for ElderShow {
    const NAME: &'static str = "elder_show";
    type Reply = ElderReport;
}

impl Request for ElderAdd {
    const NAME: &'static str = "elder_add";
    type Reply = Saved;
}

impl Request for ElderSet {
    const NAME: &'static str = "elder_set";
    type Reply = Saved;
}

impl Request for VisitAdd {
    const NAME: &'static str = "visit_add";
    type Reply = Saved;
}

impl Request for VisitList {
    const NAME: &'static str = "visit_list";
    type Reply = VisitListReport;
}
