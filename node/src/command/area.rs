//! Names of places.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{DivisionCode, Level};

use super::Request;

/// Writes names of places into the directories of the area, in one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AreaImport {
    /// Codes and names.
    pub places: Vec<Place>,
    /// Say what would be done and do nothing.
    pub dry_run: bool,
}

/// A place and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The code.
    pub code: DivisionCode,
    /// The name.
    pub name: String,
}

/// What became of the places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaImported {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Named for the first time.
    pub new: u64,
    /// Renamed.
    pub changed: u64,
    /// Named like this already.
    pub unchanged: u64,
    /// Places outside this device's area, left alone.
    pub outside: Vec<Place>,
    /// Entries written.
    pub entries: u64,
}

/// Asks for the places that the directories here name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AreaList {
    /// Only this place and what lies inside it.
    pub within: Option<DivisionCode>,
}

/// Places in the order of their codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// This device's area.
    pub area: DivisionCode,
    /// The places.
    pub places: Vec<ListedPlace>,
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPlace {
    /// The code.
    pub code: DivisionCode,
    /// The name.
    pub name: String,
    /// Its level.
    pub level: Level,
    /// Elders with a file in the place itself, as far as this node holds it.
    pub elders: u64,
}

impl Request for AreaImport {
    const NAME: &'static str = "area_import";
    type Reply = AreaImported;
}

impl Request for AreaList {
    const NAME: &'static str = "area_list";
    type Reply = AreaListReport;
}
