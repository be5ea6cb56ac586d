//! Names of places.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::parts::DocumentId;

use super::places::names;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::{DocumentEdit, Engine};
use crate::index::merged;
use crate::limits::NAME_BYTES_MAX;
use crate::sync::Now;

/// Writes names of places into the directories of the area.
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

/// Places in one change. A place is a key of up to 4 bytes and a name of up to 180: a change of
/// 40 stays below 8 KiB whatever the names.
const PLACES_PER_CHANGE: usize = 40;

impl Request for AreaImport {
    const NAME: &'static str = "area_import";
    type Reply = AreaImported;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<AreaImported, CommandError> {
        engine.settle(now)?;
        let (area, top) = (engine.area(), engine.area().0);
        let mut report = AreaImported {
            schema_version: JSON_SCHEMA_VERSION,
            new: 0,
            changed: 0,
            unchanged: 0,
            outside: Vec::new(),
            entries: 0,
        };
        let known = names(&engine.read()?, area)?;
        let mut directories: BTreeMap<DivisionCode, Vec<Action>> = BTreeMap::new();
        for place in self.places {
            if place.name.trim().is_empty() || place.name.len() > NAME_BYTES_MAX {
                return Err(CommandError::new(
                    ErrorKind::Usage,
                    "place_name",
                    "a name is too long",
                )
                .with("code", place.code));
            }
            if !area.contains(place.code) {
                report.outside.push(place);
                continue;
            }
            match known.get(&place.code) {
                Some(name) if *name == place.name => {
                    report.unchanged += 1;
                    continue;
                }
                Some(_) => report.changed += 1,
                None => report.new += 1,
            }
            // The top of the mesh has no parent here; its own directory names it.
            let parent = place.code.parent().filter(|_| place.code != top).unwrap_or(top);
            directories
                .entry(parent)
                .or_default()
                .push(Action::NamePlace { code: place.code, name: place.name });
        }
        if self.dry_run {
            return Ok(report);
        }
        for (scope, actions) in directories {
            for actions in actions.chunks(PLACES_PER_CHANGE) {
                let document = DocumentId::Directory;
                let edit = DocumentEdit { scope, document, actions: actions.to_vec() };
                report.entries += engine.capture(now, &[edit])?;
            }
        }
        Ok(report)
    }
}

impl Request for AreaList {
    const NAME: &'static str = "area_list";
    type Reply = AreaListReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<AreaListReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let within = Area(self.within.unwrap_or(engine.area().0));
        let mut places = Vec::new();
        for (code, name) in names(&snapshot, engine.area())? {
            if within.contains(code) {
                let elders = merged::people_in(&snapshot, code)?;
                places.push(ListedPlace { code, name, level: code.level(), elders });
            }
        }
        let area = engine.area().0;
        Ok(AreaListReport { schema_version: JSON_SCHEMA_VERSION, area, places })
    }
}
