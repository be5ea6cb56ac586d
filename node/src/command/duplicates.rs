//! Files that may be one person's.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::{ElderId, Sex};

use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
pub use crate::index::duplicates::Likeness;
use crate::index::duplicates::{self, Alike};
use crate::sync::Now;

/// Asks for [`DuplicatesReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderDuplicates {}

/// Files of the node's area that may be one person's: those with one resident ID first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicatesReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The files, each person's together.
    pub groups: Vec<DuplicateGroup>,
}

/// Files that may be one person's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateGroup {
    /// Why.
    pub likeness: Likeness,
    /// Whether they lie in different villages: then one has to be moved before they are merged.
    pub across_villages: bool,
    /// The files, in the order of scope and id.
    pub files: Vec<DuplicateFile>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateFile {
    /// The file.
    pub elder_id: ElderId,
    /// The village whose file it is.
    pub scope: DivisionCode,
    /// 姓名
    pub name: Option<String>,
    /// 性别
    pub sex: Sex,
    /// 出生日期
    pub birth_date: Option<NaiveDate>,
    /// The last four of the resident ID.
    pub id_tail: Option<String>,
    /// The day of the last completed visit.
    pub last_visit: Option<NaiveDate>,
}

impl Request for ElderDuplicates {
    const NAME: &'static str = "elder_duplicates";
    type Reply = DuplicatesReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<DuplicatesReport, CommandError> {
        engine.settle(now)?;
        let found = duplicates::find(&engine.read()?, engine.area())?;
        let groups = found.into_iter().map(group).collect();
        Ok(DuplicatesReport { schema_version: JSON_SCHEMA_VERSION, groups })
    }
}

fn group(alike: Alike) -> DuplicateGroup {
    let files: Vec<DuplicateFile> = alike
        .files
        .into_iter()
        .map(|(scope, elder_id, row)| DuplicateFile {
            elder_id,
            scope,
            sex: row.sex,
            birth_date: row.birth_date,
            id_tail: row.id_tail,
            last_visit: row.last_visits.values().max().copied(),
            name: row.name,
        })
        .collect();
    let first = files.first().map(|file| file.scope);
    let across_villages = files.iter().any(|file| Some(file.scope) != first);
    DuplicateGroup { likeness: alike.likeness, across_villages, files }
}
