//! What a list or a report rests on: of which villages data is here, and how old it is.
//!
//! A count over villages that have not been heard of looks like good news. So every list and every
//! report carries this, and names the villages that are missing.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};

use super::clock::checked_civil_time;
use super::places::names;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::identity::grant::Grant;
use crate::limits::{CLOCK_EARLIEST_MS, LIST_ELDERS_MAX};
use crate::log::Lane;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Asks what is here of an area.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CoverageAsked {
    /// Only this place and what lies inside it.
    pub within: Option<DivisionCode>,
    /// The day from which ages count.
    pub as_of: NaiveDate,
}

/// What is here of an area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The area.
    pub area: DivisionCode,
    /// Its name, where a directory here names it.
    pub area_name: Option<String>,
    /// The day from which ages count.
    pub as_of: NaiveDate,
    /// Villages that the directory names, and those that have files here or a device without being named.
    pub villages: u64,
    /// Of these, villages of which data is here.
    pub villages_with_data: u64,
    /// Of these, villages whose data is older than expected.
    pub villages_stale: u64,
    /// The age of the oldest of the villages' newest data, days.
    pub oldest_days: Option<u64>,
    /// After how many days data is older than expected, where nothing else is set for a village (the county's
    /// ruleset).
    pub expected_days: u32,
    /// The villages in the order of their codes.
    pub by_village: Vec<VillageCoverage>,
    /// The places directly inside the area, with their names.
    pub places: BTreeMap<DivisionCode, Option<String>>,
    /// Every scope with files, and how many: what there is to count.
    pub scopes: BTreeMap<DivisionCode, u64>,
}

/// What is here of one village.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VillageCoverage {
    /// The village.
    pub code: DivisionCode,
    /// Its name.
    pub name: Option<String>,
    /// How it stands.
    pub state: VillageState,
    /// Files.
    pub elders: u64,
    /// When the newest of the records here that the village's own devices have written was written,
    /// by their clocks (ms since 1970).
    pub own_written_ms: Option<i64>,
    /// The same of records that anybody has written there.
    pub written_ms: Option<i64>,
    /// When records of the village's own devices last came to be here (this node's clock, ms since 1970).
    #[serde(default)]
    pub heard_ms: Option<i64>,
    /// When the newest data is from (ms since 1970): of the village's own where there is any. By its author's clock,
    /// or where that cannot be right from when it came.
    #[serde(default)]
    pub data_as_of_ms: Option<i64>,
    /// Its age, days.
    pub age_days: Option<u64>,
    /// After how many days data is older than expected of this village (the county's ruleset).
    #[serde(default)]
    pub expected_days: u32,
    /// When an exchange with a device of the village, or of its township, was last complete (this
    /// node's clock, ms since 1970).
    pub last_exchange_ms: Option<i64>,
}

/// How it stands with a village's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VillageState {
    /// Here, and as new as expected.
    Current,
    /// Here, and older than expected.
    Stale,
    /// Here, written by offices above; the village's own devices have not been heard of.
    FromAbove,
    /// Nothing is here.
    Missing,
}

/// When records of a scope were last written, and when the village's own last came.
#[derive(Clone, Copy, Debug, Default)]
struct Newest {
    own_ms: Option<i64>,
    any_ms: Option<i64>,
    heard_ms: Option<i64>,
}

impl Request for CoverageAsked {
    const NAME: &'static str = "coverage";
    type Reply = Coverage;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Coverage, CommandError> {
        engine.settle(now)?;
        let within = within(engine, self.within)?;
        Ok(coverage(engine, &engine.read()?, within, self.as_of)?)
    }
}

impl Coverage {
    /// The scopes with files in portions of some [`LIST_ELDERS_MAX`] files, each with how many: what one
    /// request of a list or a report asks for.
    pub fn portions(&self) -> Vec<(Vec<DivisionCode>, u64)> {
        let mut portions: Vec<(Vec<DivisionCode>, u64)> = Vec::new();
        for (scope, elders) in &self.scopes {
            match portions.last_mut().filter(|(_, held)| held + elders <= LIST_ELDERS_MAX) {
                Some((scopes, held)) => {
                    scopes.push(*scope);
                    *held += elders;
                }
                None => portions.push((vec![*scope], *elders)),
            }
        }
        portions
    }

    /// The villages of which nothing is here, by name or code.
    pub fn without_data(&self) -> Vec<String> {
        let missing = self.by_village.iter().filter(|v| v.state == VillageState::Missing);
        missing.map(|v| v.name.clone().unwrap_or_else(|| v.code.to_string())).collect()
    }
}

/// The place that a list or report is about, if it lies in this node's area.
pub(super) fn within(engine: &Engine, asked: Option<DivisionCode>) -> Result<Area, CommandError> {
    match asked {
        None => Ok(engine.area()),
        Some(place) if engine.area().contains(place) => Ok(Area(place)),
        Some(place) => {
            let outside = "the place lies outside this device's area";
            Err(CommandError::new(ErrorKind::Refused, "outside_area", outside).with("scope", place))
        }
    }
}

/// When the newest data of a place is from: when it was written, by its author's clock, unless that says a
/// time before there was this program, or after it came; then when it came. So a village whose clock runs ahead by
/// years falls silent like any other.
pub(super) fn data_as_of(written_ms: Option<i64>, heard_ms: Option<i64>) -> Option<i64> {
    // What came while this node's own clock stood still says nothing.
    let heard_ms = heard_ms.filter(|at| *at >= CLOCK_EARLIEST_MS);
    let (written_ms, Some(heard_ms)) = (written_ms?, heard_ms) else { return written_ms };
    match written_ms < CLOCK_EARLIEST_MS {
        true => Some(heard_ms),
        false => Some(written_ms.min(heard_ms)),
    }
}

pub(super) fn coverage(
    engine: &Engine,
    snapshot: &Snapshot,
    within: Area,
    as_of: NaiveDate,
) -> Result<Coverage, StoreError> {
    let names = names(snapshot, engine.area())?;
    let ruleset = super::ruleset::ruleset(engine, snapshot)?;
    let rows = snapshot.scopes_in(within)?;
    let mut newest = newest(engine, snapshot, within)?;
    for (scope, row) in &rows {
        if let Some(newest) = newest.get_mut(scope) {
            newest.heard_ms = row.heard_ms;
        }
    }
    let scopes: BTreeMap<DivisionCode, u64> = rows
        .into_iter()
        .filter(|(_, row)| row.elders > 0)
        .map(|(scope, row)| (scope, row.elders))
        .collect();
    // A village whose device was let in and that nothing has come from is missed too.
    let granted = engine.authority().grants().filter(|(id, _)| engine.authority().stands(id));
    let mut villages: Vec<DivisionCode> = names
        .keys()
        .chain(scopes.keys())
        .chain(newest.keys())
        .copied()
        .chain(granted.map(|(_, grant)| grant.area.0))
        .chain([within.0])
        .filter(|code| within.contains(*code) && code.level() == Level::Village)
        .collect();
    villages.sort_unstable();
    villages.dedup();
    let exchanges = exchanges(engine, within);
    let by_village: Vec<VillageCoverage> = villages
        .into_iter()
        .map(|code| {
            let newest = newest.get(&code).copied().unwrap_or_default();
            let data_as_of_ms = match newest.own_ms {
                Some(_) => data_as_of(newest.own_ms, newest.heard_ms),
                None => newest.any_ms,
            };
            let expected_days = ruleset.sync_interval_of(code);
            let age_days = data_as_of_ms.and_then(|at| age_days(at, as_of));
            let elders = scopes.get(&code).copied().unwrap_or_default();
            // What this device writes in its own village it holds at once.
            let is_here = code == engine.area().0;
            let state = match (newest.own_ms, newest.any_ms) {
                _ if is_here => VillageState::Current,
                // What has no age is not new.
                (Some(_), _) if age_days.is_none_or(|age| age > u64::from(expected_days)) => {
                    VillageState::Stale
                }
                (Some(_), _) => VillageState::Current,
                (None, Some(_)) => VillageState::FromAbove,
                (None, None) if elders > 0 => VillageState::FromAbove,
                (None, None) => VillageState::Missing,
            };
            VillageCoverage {
                code,
                name: names.get(&code).cloned(),
                state,
                elders,
                own_written_ms: newest.own_ms,
                written_ms: newest.any_ms,
                heard_ms: newest.heard_ms,
                data_as_of_ms,
                age_days,
                expected_days,
                last_exchange_ms: exchanges
                    .iter()
                    .filter(|(area, _)| area.contains(code))
                    .map(|(_, at)| *at)
                    .max(),
            }
        })
        .collect();
    let count = |holds: fn(&VillageCoverage) -> bool| {
        by_village.iter().filter(|village| holds(village)).count() as u64
    };
    Ok(Coverage {
        schema_version: JSON_SCHEMA_VERSION,
        area: within.0,
        area_name: names.get(&within.0).cloned(),
        as_of,
        villages: by_village.len() as u64,
        villages_with_data: count(|village| village.state != VillageState::Missing),
        villages_stale: count(|village| village.state == VillageState::Stale),
        oldest_days: by_village.iter().filter_map(|village| village.age_days).max(),
        expected_days: ruleset.sync_interval_of(within.0),
        places: places_inside(within, names.keys().chain(scopes.keys()), &names),
        by_village,
        scopes,
    })
}

/// The places directly inside an area that are named or lie above something with files; a village's
/// only place is itself.
fn places_inside<'a>(
    within: Area,
    codes: impl Iterator<Item = &'a DivisionCode>,
    names: &BTreeMap<DivisionCode, String>,
) -> BTreeMap<DivisionCode, Option<String>> {
    let named = |code: DivisionCode| (code, names.get(&code).cloned());
    if within.0.level() == Level::Village {
        return [named(within.0)].into();
    }
    codes
        .filter(|code| within.contains(**code) && **code != within.0)
        .filter_map(|code| {
            let mut up = std::iter::successors(Some(*code), |code| code.parent());
            up.find(|code| code.parent() == Some(within.0))
        })
        .map(named)
        .collect()
}

/// When the records of each scope were last written, by the clocks of those who wrote them.
fn newest(
    engine: &Engine,
    snapshot: &Snapshot,
    within: Area,
) -> Result<BTreeMap<DivisionCode, Newest>, StoreError> {
    let mut newest: BTreeMap<DivisionCode, Newest> = BTreeMap::new();
    for log in snapshot.logs_in(within)? {
        if !matches!(log.key.lane, Lane::Urgent | Lane::Routine) {
            continue;
        }
        let Some(head) = snapshot.head_of(log.number)? else { continue };
        let written = Some(head.written_at_ms);
        let of_scope = newest.entry(log.key.scope).or_default();
        of_scope.any_ms = of_scope.any_ms.max(written);
        let grant = engine.authority().grant(&log.grant);
        if grant.is_some_and(|grant| grant.area.0 == log.key.scope) {
            of_scope.own_ms = of_scope.own_ms.max(written);
        }
    }
    Ok(newest)
}

/// The areas of peers below us, and when an exchange with each was last complete.
fn exchanges(engine: &Engine, within: Area) -> Vec<(Area, i64)> {
    let rows = engine.peers().rows();
    rows.filter_map(|(_, row)| {
        let grant = Grant::from_bytes(&row.grant).ok()?;
        let below = engine.area().contains_area(grant.area) && grant.area.touches(within.0);
        below.then_some((grant.area, row.last_done_ms?))
    })
    .collect()
}

/// Whole days from a moment to a civil day, UTC+8; 0 for what is newer than that day.
fn age_days(at_ms: i64, as_of: NaiveDate) -> Option<u64> {
    let day = checked_civil_time(at_ms)?.date();
    Some(u64::try_from(as_of.signed_duration_since(day).num_days()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_moment_that_anybody_writes_ends_a_node() {
        let as_of = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
        // The last that chrono reads, which has no time in UTC+8, and those beyond.
        for at in [8_210_266_876_799_999, i64::MAX, i64::MIN] {
            assert_eq!(age_days(at, as_of), None, "{at}");
        }
        assert_eq!(age_days(8_000_000_000_000_000, as_of), Some(0), "what is newer is not old");
        assert_eq!(age_days(1_000, as_of), Some(20_697));
        assert_eq!(
            data_as_of(Some(i64::MAX), Some(CLOCK_EARLIEST_MS + 5)),
            Some(CLOCK_EARLIEST_MS + 5)
        );
        let written = CLOCK_EARLIEST_MS + 9;
        assert_eq!(
            data_as_of(Some(written), Some(1_000)),
            Some(written),
            "our own clock stood still"
        );
    }
}
