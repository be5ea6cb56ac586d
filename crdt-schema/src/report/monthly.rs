//! The monthly report 月报: a tally laid out by place, group, reason and kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::month::{Figures, IncidentFigures, MonthTally, PlaceTally};
use crate::division::DivisionCode;
use crate::record::{CareGroup, Choice, EntryReason, ExitReason, IncidentKind};
use crate::rules::agreement::AgreementStanding;

/// The tables of a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthlyTables {
    /// By place directly inside the area, each with everything inside it; for a village itself.
    pub places: Vec<PlaceMonth>,
    /// The whole area.
    pub total: PlaceMonth,
    /// By care group, over the whole area.
    pub groups: BTreeMap<CareGroup, Figures>,
    /// Those on the roster without an agreement in force, by how it stands.
    pub without_agreement: BTreeMap<AgreementStanding, u64>,
    /// 进, by reason.
    pub entries: BTreeMap<EntryReason, u64>,
    /// Entries of which nobody noted the reason.
    pub entries_unexplained: u64,
    /// 出, by reason.
    pub exits: BTreeMap<ExitReason, u64>,
    /// Exits of which nobody noted the reason.
    pub exits_unexplained: u64,
    /// 特殊情况, by kind.
    pub incidents: BTreeMap<IncidentKind, IncidentFigures>,
    /// Incidents of which nobody noted the kind.
    pub incidents_unexplained: IncidentFigures,
}

/// One line of the table by place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceMonth {
    /// The place.
    pub code: DivisionCode,
    /// Its name, where the directory here has one.
    pub name: Option<String>,
    /// Files, those of elders who have left the roster among them.
    pub files: u64,
    /// 上月末名册
    pub roster_before: u64,
    /// 进
    pub entries: u64,
    /// 出
    pub exits: u64,
    /// All groups together.
    pub all: Figures,
    /// By care group.
    pub groups: BTreeMap<CareGroup, Figures>,
    /// Of the roster: files of which nobody has decided whether they are on it.
    pub undetermined: u64,
    /// All incidents together.
    pub incidents: IncidentFigures,
}

impl PlaceMonth {
    /// A line for a place.
    pub fn new(code: DivisionCode, name: Option<String>, tally: &PlaceTally) -> Self {
        Self {
            code,
            name,
            files: tally.files,
            roster_before: tally.roster_before,
            entries: tally.entered(),
            exits: tally.left(),
            all: tally.all(),
            groups: every_group(tally),
            undetermined: tally.undetermined,
            incidents: tally.all_incidents(),
        }
    }
}

/// Lays out a tally: `places` are those directly inside the area, with their names. Files that lie
/// in the area's own scope stand in a line of the area's.
pub fn monthly_tables(
    tally: &MonthTally,
    area: DivisionCode,
    name: Option<String>,
    places: &BTreeMap<DivisionCode, Option<String>>,
) -> MonthlyTables {
    let all = tally.within(area);
    let own = tally.places.get(&area).filter(|own| own.files > 0);
    let own = own.map(|own| PlaceMonth::new(area, name.clone(), own));
    let inside = places
        .iter()
        .map(|(code, name)| PlaceMonth::new(*code, name.clone(), &tally.within(*code)));
    MonthlyTables {
        places: inside.chain(own).collect(),
        total: PlaceMonth::new(area, name.clone(), &all),
        groups: every_group(&all),
        without_agreement: all.without_agreement.clone(),
        entries: every(&all.entries),
        entries_unexplained: all.entries_unexplained,
        exits: every(&all.exits),
        exits_unexplained: all.exits_unexplained,
        incidents: every(&all.incidents),
        incidents_unexplained: all.incidents_unexplained,
    }
}

fn every_group(tally: &PlaceTally) -> BTreeMap<CareGroup, Figures> {
    every(&tally.groups)
}

/// Every member of a vocabulary: a report that leaves out what is zero looks forgotten.
fn every<K: Choice + Ord, V: Copy + Default>(counts: &BTreeMap<K, V>) -> BTreeMap<K, V> {
    K::ALL.iter().map(|key| (*key, counts.get(key).copied().unwrap_or_default())).collect()
}
