//! Counts for reports. A request counts the files of some scopes; whoever asks adds the tallies up,
//! so that a county is counted portion by portion and the node does other things in between.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::report::half_year::{HalfYear, HalfYearPeriod};
use shouwang_crdt_schema::report::month::{ElderMonth, MonthTally};
use shouwang_crdt_schema::report::monthly::{MonthlyTables, monthly_tables};
use shouwang_crdt_schema::report::prefecture::{PrefectureTables, prefecture_tables};
use shouwang_crdt_schema::rules::calendar::Month;

use super::coverage::{Coverage, within};
use super::ruleset::ruleset;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::index::facts::{self, Person};
use crate::limits::REPORT_MONTHS_MAX;
use crate::sync::Now;

/// Counts files for months.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportTally {
    /// The scopes whose files are counted: these and not what lies inside them.
    pub scopes: Vec<DivisionCode>,
    /// The months.
    pub months: Vec<Month>,
    /// The day up to which a month is counted that is not over.
    pub as_of: NaiveDate,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportTallied {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// By month; a month that has not begun on the day asked for has counted nobody.
    pub months: BTreeMap<Month, MonthTally>,
}

/// Asks which months a half-year report covers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HalfYearAsked {
    /// Which.
    pub half_year: HalfYear,
}

/// Which months a half-year report covers by the county's calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfYearMonths {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The day by which it is due.
    pub due: NaiveDate,
    /// The months.
    pub months: Vec<Month>,
}

/// The monthly report 月报 of an area, as `report month --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthlyReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The month.
    pub month: Month,
    /// The day up to which it is counted: the month's last, or the day asked for if that is earlier.
    pub counted_to: NaiveDate,
    /// What it rests on.
    pub coverage: Coverage,
    /// The tables.
    pub tables: MonthlyTables,
}

/// The half-year report of an area, as `report half-year --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfYearReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Which.
    pub half_year: HalfYear,
    /// The day by which it is due.
    pub due: NaiveDate,
    /// What it rests on.
    pub coverage: Coverage,
    /// Month by month: those that have begun on the day asked for.
    pub months: Vec<MonthOfHalfYear>,
}

/// A month of a half-year report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthOfHalfYear {
    /// The month.
    pub month: Month,
    /// The day up to which it is counted.
    pub counted_to: NaiveDate,
    /// Its tables.
    pub tables: MonthlyTables,
}

/// What the prefecture receives, as `report prefecture --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefectureReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The month.
    pub month: Month,
    /// The day up to which it is counted.
    pub counted_to: NaiveDate,
    /// The county.
    pub area: DivisionCode,
    /// Its name.
    pub area_name: Option<String>,
    /// Villages in the directory.
    pub villages: u64,
    /// Of these, villages of which data is here.
    pub villages_with_data: u64,
    /// The age of the oldest of the villages' newest data, days.
    pub oldest_days: Option<u64>,
    /// The villages without data, by name or code.
    pub without_data: Vec<String>,
    /// The tables, small cells withheld.
    pub tables: PrefectureTables,
}

impl Request for ReportTally {
    const NAME: &'static str = "report_tally";
    type Reply = ReportTallied;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ReportTallied, CommandError> {
        engine.settle(now)?;
        if self.months.len() > REPORT_MONTHS_MAX {
            let many = "more months than a report has";
            return Err(CommandError::new(ErrorKind::Usage, "too_many_months", many)
                .with("limit", REPORT_MONTHS_MAX));
        }
        let snapshot = engine.read()?;
        let ruleset = ruleset(engine, &snapshot)?;
        for scope in &self.scopes {
            within(engine, Some(*scope))?;
        }
        let begin = || -> BTreeMap<Month, MonthTally> {
            self.months.iter().map(|month| (*month, MonthTally::default())).collect()
        };
        // One file after another: what is held at once is one elder's in each thread.
        let note = |months: &mut BTreeMap<Month, MonthTally>, person: Person| {
            let facts = person.facts.in_scope(person.scope);
            for (month, tally) in months {
                let row = ElderMonth::of(&facts, person.scope, &ruleset, *month, self.as_of);
                row.iter().for_each(|row| tally.add(row));
            }
        };
        let mut months = begin();
        for part in facts::each_person_of(&snapshot, &self.scopes, begin, note)? {
            for (month, tally) in &part {
                *months.entry(*month).or_default() += tally;
            }
        }
        Ok(ReportTallied { schema_version: JSON_SCHEMA_VERSION, months })
    }
}

impl Request for HalfYearAsked {
    const NAME: &'static str = "half_year";
    type Reply = HalfYearMonths;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<HalfYearMonths, CommandError> {
        engine.settle(now)?;
        let ruleset = ruleset(engine, &engine.read()?)?;
        match self.half_year.period(&ruleset) {
            Some(HalfYearPeriod { due, months }) => {
                Ok(HalfYearMonths { schema_version: JSON_SCHEMA_VERSION, due, months })
            }
            None => {
                let none = "the county's calendar has no such report";
                Err(CommandError::new(ErrorKind::Usage, "no_such_half_year", none)
                    .with("half_year", self.half_year))
            }
        }
    }
}

impl MonthlyReport {
    /// Lays out what was counted.
    pub fn new(month: Month, coverage: Coverage, tally: &MonthTally) -> Self {
        Self {
            schema_version: JSON_SCHEMA_VERSION,
            month,
            counted_to: counted_to(month, &coverage),
            tables: tables(&coverage, tally),
            coverage,
        }
    }
}

impl HalfYearReport {
    /// Lays out what was counted, the months that have begun.
    pub fn new(
        half_year: HalfYear,
        due: NaiveDate,
        coverage: Coverage,
        tallies: &BTreeMap<Month, MonthTally>,
    ) -> Self {
        let begun = tallies.iter().filter(|(month, _)| month.first() <= coverage.as_of);
        let months = begun
            .map(|(month, tally)| MonthOfHalfYear {
                month: *month,
                counted_to: counted_to(*month, &coverage),
                tables: tables(&coverage, tally),
            })
            .collect();
        Self { schema_version: JSON_SCHEMA_VERSION, half_year, due, coverage, months }
    }
}

impl PrefectureReport {
    /// Lays out what was counted, without small cells. Of what it rests on only totals are in it.
    pub fn new(month: Month, coverage: &Coverage, tally: &MonthTally) -> Self {
        Self {
            schema_version: JSON_SCHEMA_VERSION,
            month,
            counted_to: counted_to(month, coverage),
            area: coverage.area,
            area_name: coverage.area_name.clone(),
            villages: coverage.villages,
            villages_with_data: coverage.villages_with_data,
            oldest_days: coverage.oldest_days,
            without_data: coverage.without_data(),
            tables: prefecture_tables(tally, coverage.area, &coverage.places),
        }
    }
}

fn tables(coverage: &Coverage, tally: &MonthTally) -> MonthlyTables {
    monthly_tables(tally, coverage.area, coverage.area_name.clone(), &coverage.places)
}

fn counted_to(month: Month, coverage: &Coverage) -> NaiveDate {
    month.last().min(coverage.as_of)
}
