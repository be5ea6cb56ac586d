//! The ruleset of a county: what the sources leave to it, as one typed value.
//!
//! It lives as a map of texts in the county's document, one key for each setting, so that two
//! people who change two settings do not touch each other. Reading never fails: a text that does
//! not fit its setting is named and the default holds, and a key of a later version is kept.

use std::collections::BTreeMap;

use crate::division::DivisionCode;
use crate::record::{Choice, EligibilityRule, IncidentKind};
use crate::rules::calendar::MonthDay;

mod occasion;
mod setting;

pub use occasion::{Occasion, OccasionName, PREFIX as OCCASION_PREFIX};
pub use setting::{Kind, Setting, SettingError};

/// The settings of a county. [`Ruleset::default`] holds where it has set nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    /// R1: which definition of a left-behind elder holds. Default: Lijiang 2024.
    pub eligibility: EligibilityRule,
    /// R1: for how many months a supporter must be away (Lijiang 2024 1(4): six).
    pub months_away: u32,
    /// R1: trips home of up to so many days do not break an absence (project decision: 30).
    pub home_trip_days: u32,
    /// R3: visits a month to an elder of the key group (project decision: 2).
    pub key_visits_per_month: u32,
    /// R3: visits a month to everyone else (Lijiang 2024 item 12: 1).
    pub other_visits_per_month: u32,
    /// R3: festivals, extreme weather and sealed-off times, with visits of their own.
    pub occasions: BTreeMap<OccasionName, Occasion>,
    /// R4: the share of elders to be visited each month, in percent (Lijiang 2024 1(2): 100).
    pub visit_rate_target_percent: u32,
    /// R5: the share of elders with an agreement, in percent (Lijiang 2024 item 7: 100).
    pub agreement_rate_target_percent: u32,
    /// R6: the months of a refresh period (Lijiang 2024 item 3: a quarter).
    pub review_months: u32,
    /// R8: hours until an incident must be acknowledged (project decision; the sources give none).
    pub acknowledge_hours: BTreeMap<IncidentKind, u32>,
    /// R10: the day of the month by which the county reports (Lijiang 2024 4(3): the 25th).
    pub monthly_report_day: u32,
    /// R10: the days by which progress is reported (Lijiang 2024 4(3): 10 June, 10 November).
    pub progress_report_days: Vec<MonthDay>,
    /// After how many days without new data a place is silent (project decision: 7).
    pub sync_interval_days: u32,
    /// The same for what lies inside a place, where it is different there.
    pub sync_intervals: BTreeMap<DivisionCode, u32>,
}

/// What a map of texts says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesetReading {
    /// The settings, with the default wherever the map has none or one that does not fit.
    pub ruleset: Ruleset,
    /// Texts that do not fit their setting.
    pub faults: Vec<SettingFault>,
    /// Keys that this version does not know: kept where they are, and without effect here.
    pub unknown_keys: Vec<String>,
}

/// A text that does not fit its setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The key.
    pub key: String,
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub error: SettingError,
}

/// More occasions than any county has in a year; each is looked at for each elder.
pub const OCCASIONS_MAX: usize = 100;

/// More than any county has places.
pub const SYNC_INTERVALS_MAX: usize = 2_000;

/// Before the code of a place, the key of its own sync interval.
pub const SYNC_INTERVAL_PREFIX: &str = "sync_interval_days.";

impl Default for Ruleset {
    fn default() -> Self {
        Self {
            eligibility: EligibilityRule::Lijiang2024,
            months_away: 6,
            home_trip_days: 30,
            key_visits_per_month: 2,
            other_visits_per_month: 1,
            occasions: BTreeMap::new(),
            visit_rate_target_percent: 100,
            agreement_rate_target_percent: 100,
            review_months: 3,
            acknowledge_hours: IncidentKind::ALL
                .iter()
                .map(|kind| (*kind, default_acknowledge_hours(*kind)))
                .collect(),
            monthly_report_day: 25,
            progress_report_days: [MonthDay::new(6, 10), MonthDay::new(11, 10)]
                .into_iter()
                .flatten()
                .collect(),
            sync_interval_days: 7,
            sync_intervals: BTreeMap::new(),
        }
    }
}

impl Ruleset {
    /// Reads a map of texts. An empty text says "as by default".
    pub fn read<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> RulesetReading {
        let (mut faults, mut unknown_keys) = (Vec::new(), Vec::new());
        let mut ruleset = Self::default();
        for (key, text) in texts {
            match ruleset.set(key, text) {
                Ok(()) => {}
                Err(SettingError::UnknownKey) => unknown_keys.push(key.to_owned()),
                Err(error) => {
                    faults.push(SettingFault { key: key.to_owned(), text: text.to_owned(), error });
                }
            }
        }
        RulesetReading { ruleset, faults, unknown_keys }
    }

    /// Sets one key as the map of texts would. An empty text puts back the default.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), SettingError> {
        let text = text.trim();
        if let Some(name) = key.strip_prefix(OCCASION_PREFIX) {
            let name: OccasionName = name.parse()?;
            if text.is_empty() {
                self.occasions.remove(&name);
                return Ok(());
            }
            let occasion = text.parse()?;
            if self.occasions.len() >= OCCASIONS_MAX && !self.occasions.contains_key(&name) {
                return Err(SettingError::TooManyOccasions);
            }
            self.occasions.insert(name, occasion);
            return Ok(());
        }
        if let Some(place) = key.strip_prefix(SYNC_INTERVAL_PREFIX) {
            let place: DivisionCode = place.parse().map_err(|_| SettingError::Place)?;
            if text.is_empty() {
                self.sync_intervals.remove(&place);
                return Ok(());
            }
            let days = Setting::SyncIntervalDays.number(text)?;
            if self.sync_intervals.len() >= SYNC_INTERVALS_MAX
                && !self.sync_intervals.contains_key(&place)
            {
                return Err(SettingError::TooManyPlaces);
            }
            self.sync_intervals.insert(place, days);
            return Ok(());
        }
        let setting = Setting::from_key(key).ok_or(SettingError::UnknownKey)?;
        match text {
            "" => setting.write(self, &setting.text(&Self::default())),
            text => setting.write(self, text),
        }
    }

    /// The texts of all settings that are not as by default, the occasions among them.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let default = Self::default();
        let settings = Setting::all().filter_map(|setting| {
            let text = setting.text(self);
            (text != setting.text(&default)).then(|| (setting.key(), text))
        });
        let occasions = self
            .occasions
            .iter()
            .map(|(name, occasion)| (format!("{OCCASION_PREFIX}{name}"), occasion.to_string()));
        let intervals = self
            .sync_intervals
            .iter()
            .map(|(place, days)| (format!("{SYNC_INTERVAL_PREFIX}{place}"), days.to_string()));
        settings.chain(occasions).chain(intervals).collect()
    }

    /// After how many days without new data a place is silent: what is set for it, or for the nearest place
    /// around it.
    pub fn sync_interval_of(&self, place: DivisionCode) -> u32 {
        let mut around = std::iter::successors(Some(place), |code| code.parent());
        let set = around.find_map(|code| self.sync_intervals.get(&code).copied());
        set.unwrap_or(self.sync_interval_days)
    }

    /// Hours until an incident of this kind must be acknowledged.
    pub fn hours_to_acknowledge(&self, kind: IncidentKind) -> u32 {
        let set = self.acknowledge_hours.get(&kind).copied();
        set.unwrap_or_else(|| default_acknowledge_hours(kind))
    }
}

/// R8. The sources say "promptly" and "immediately"; the hours are a project decision.
fn default_acknowledge_hours(kind: IncidentKind) -> u32 {
    use IncidentKind as Kind;
    match kind {
        Kind::Emergency | Kind::UnlawfulHarm | Kind::CriticalIllness | Kind::RightsViolation => 2,
        Kind::Wandering
        | Kind::SevereMentalIllness
        | Kind::MajorHardship
        | Kind::SupportDutyFailed
        | Kind::SafetyRisk
        | Kind::LivingDifficulty => 24,
    }
}
