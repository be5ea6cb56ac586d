//! The table of settings: key, what may stand there, and where it goes.

use std::ops::RangeInclusive;

use thiserror::Error;

use super::Ruleset;
use crate::record::{Choice, IncidentKind};
use crate::rules::calendar::MonthDay;

/// A single-valued setting. Occasions are keys of their own, see [`super::Occasion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// See [`Ruleset::eligibility`].
    Eligibility,
    /// See [`Ruleset::months_away`].
    MonthsAway,
    /// See [`Ruleset::home_trip_days`].
    HomeTripDays,
    /// See [`Ruleset::key_visits_per_month`].
    KeyVisitsPerMonth,
    /// See [`Ruleset::other_visits_per_month`].
    OtherVisitsPerMonth,
    /// See [`Ruleset::visit_rate_target_percent`].
    VisitRateTarget,
    /// See [`Ruleset::agreement_rate_target_percent`].
    AgreementRateTarget,
    /// See [`Ruleset::review_months`].
    ReviewMonths,
    /// See [`Ruleset::monthly_report_day`].
    MonthlyReportDay,
    /// See [`Ruleset::progress_report_days`].
    ProgressReportDays,
    /// See [`Ruleset::sync_interval_days`].
    SyncIntervalDays,
    /// See [`Ruleset::acknowledge_hours`].
    AcknowledgeHours(IncidentKind),
}

/// What may stand in a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of the definitions of [`crate::record::EligibilityRule`].
    EligibilityRule,
    /// A whole number.
    Number(RangeInclusive<u32>),
    /// A number of months that divides the year: 1, 2, 3, 4, 6, 12.
    MonthsOfYear,
    /// Days of the year, `06-10,11-10`.
    MonthDays,
}

/// Why a text cannot stand in a setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// No setting of this version.
    #[error("no setting has this name")]
    UnknownKey,
    /// Not a whole number within the bounds.
    #[error("a whole number from {least} to {most}")]
    Number {
        /// The smallest that fits.
        least: u32,
        /// The largest that fits.
        most: u32,
    },
    /// Not one of the words.
    #[error("one of {0}")]
    Word(String),
    /// Not days of the year.
    #[error("days of the year, written 06-10,11-10")]
    MonthDays,
    /// No name for an occasion.
    #[error("an occasion is named by 1 to 20 characters without spaces")]
    OccasionName,
    /// Not an occasion.
    #[error(
        "an occasion is written: Festival 2027-02-05 2027-02-12, then a place and x2 if need be"
    )]
    Occasion,
    /// More occasions than are read.
    #[error("there are too many occasions")]
    TooManyOccasions,
    /// Not the code of a place.
    #[error("a place is named by the twelve digits of its code")]
    Place,
    /// More places than are read.
    #[error("there are too many places with an interval of their own")]
    TooManyPlaces,
}

const ACKNOWLEDGE_PREFIX: &str = "acknowledge_hours.";

/// The settings that are not one for each kind of incident, in the order in which they are shown.
const SINGLE: [(Setting, &str); 11] = [
    (Setting::Eligibility, "eligibility_rule"),
    (Setting::MonthsAway, "months_away"),
    (Setting::HomeTripDays, "home_trip_days"),
    (Setting::KeyVisitsPerMonth, "key_visits_per_month"),
    (Setting::OtherVisitsPerMonth, "other_visits_per_month"),
    (Setting::VisitRateTarget, "visit_rate_target_percent"),
    (Setting::AgreementRateTarget, "agreement_rate_target_percent"),
    (Setting::ReviewMonths, "review_months"),
    (Setting::MonthlyReportDay, "monthly_report_day"),
    (Setting::ProgressReportDays, "progress_report_days"),
    (Setting::SyncIntervalDays, "sync_interval_days"),
];

impl Setting {
    /// Every setting, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        let hours = IncidentKind::ALL.iter().map(|kind| Self::AcknowledgeHours(*kind));
        SINGLE.iter().map(|(setting, _)| *setting).chain(hours)
    }

    /// The setting of this name.
    pub fn from_key(key: &str) -> Option<Self> {
        match key.strip_prefix(ACKNOWLEDGE_PREFIX) {
            Some(kind) => IncidentKind::from_stored(kind).map(Self::AcknowledgeHours),
            None => SINGLE.iter().find(|(_, name)| *name == key).map(|(setting, _)| *setting),
        }
    }

    /// Its name: the key in the document and on the command line.
    pub fn key(self) -> String {
        match self {
            Self::AcknowledgeHours(kind) => format!("{ACKNOWLEDGE_PREFIX}{kind}"),
            single => SINGLE
                .iter()
                .find(|(setting, _)| *setting == single)
                .map(|(_, name)| (*name).to_owned())
                .unwrap_or_default(),
        }
    }

    /// What may stand in it.
    pub fn kind(self) -> Kind {
        match self {
            Self::Eligibility => Kind::EligibilityRule,
            // Nobody is away for more than ten years and still expected back for a visit home.
            Self::MonthsAway => Kind::Number(1..=120),
            Self::HomeTripDays => Kind::Number(0..=180),
            // Everyone is visited at least once a month (Lijiang 2024 item 12): never 0.
            Self::KeyVisitsPerMonth | Self::OtherVisitsPerMonth => Kind::Number(1..=28),
            Self::VisitRateTarget | Self::AgreementRateTarget => Kind::Number(1..=100),
            Self::ReviewMonths => Kind::MonthsOfYear,
            Self::MonthlyReportDay => Kind::Number(1..=31),
            Self::ProgressReportDays => Kind::MonthDays,
            Self::SyncIntervalDays => Kind::Number(1..=365),
            // Thirty days: what takes longer is no incident.
            Self::AcknowledgeHours(_) => Kind::Number(1..=720),
        }
    }

    /// The text that stands for it in a ruleset.
    pub fn text(self, ruleset: &Ruleset) -> String {
        match self {
            Self::Eligibility => ruleset.eligibility.as_str().to_owned(),
            Self::ProgressReportDays => {
                let days: Vec<String> =
                    ruleset.progress_report_days.iter().map(MonthDay::to_string).collect();
                days.join(",")
            }
            Self::AcknowledgeHours(kind) => ruleset.hours_to_acknowledge(kind).to_string(),
            Self::MonthsAway => ruleset.months_away.to_string(),
            Self::HomeTripDays => ruleset.home_trip_days.to_string(),
            Self::KeyVisitsPerMonth => ruleset.key_visits_per_month.to_string(),
            Self::OtherVisitsPerMonth => ruleset.other_visits_per_month.to_string(),
            Self::VisitRateTarget => ruleset.visit_rate_target_percent.to_string(),
            Self::AgreementRateTarget => ruleset.agreement_rate_target_percent.to_string(),
            Self::ReviewMonths => ruleset.review_months.to_string(),
            Self::MonthlyReportDay => ruleset.monthly_report_day.to_string(),
            Self::SyncIntervalDays => ruleset.sync_interval_days.to_string(),
        }
    }

    /// The number that a text stands for in this setting.
    pub(super) fn number(self, text: &str) -> Result<u32, SettingError> {
        match self.kind() {
            Kind::Number(range) => number(text, range),
            _ => months_of_year(text),
        }
    }

    pub(super) fn write(self, ruleset: &mut Ruleset, text: &str) -> Result<(), SettingError> {
        let number = || self.number(text);
        match self {
            Self::Eligibility => ruleset.eligibility = word(text)?,
            Self::ProgressReportDays => ruleset.progress_report_days = month_days(text)?,
            Self::MonthsAway => ruleset.months_away = number()?,
            Self::HomeTripDays => ruleset.home_trip_days = number()?,
            Self::KeyVisitsPerMonth => ruleset.key_visits_per_month = number()?,
            Self::OtherVisitsPerMonth => ruleset.other_visits_per_month = number()?,
            Self::VisitRateTarget => ruleset.visit_rate_target_percent = number()?,
            Self::AgreementRateTarget => ruleset.agreement_rate_target_percent = number()?,
            Self::ReviewMonths => ruleset.review_months = number()?,
            Self::MonthlyReportDay => ruleset.monthly_report_day = number()?,
            Self::SyncIntervalDays => ruleset.sync_interval_days = number()?,
            Self::AcknowledgeHours(kind) => {
                ruleset.acknowledge_hours.insert(kind, number()?);
            }
        }
        Ok(())
    }
}

fn number(text: &str, range: RangeInclusive<u32>) -> Result<u32, SettingError> {
    let wrong = || SettingError::Number { least: *range.start(), most: *range.end() };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = digits.then(|| text.parse().ok()).flatten().ok_or_else(wrong)?;
    range.contains(&number).then_some(number).ok_or_else(wrong)
}

fn months_of_year(text: &str) -> Result<u32, SettingError> {
    let divisors = ["1", "2", "3", "4", "6", "12"];
    let known = divisors.contains(&text).then(|| text.parse().ok()).flatten();
    known.ok_or_else(|| SettingError::Word(divisors.join(", ")))
}

/// A word as it is stored, or as the offices write it.
pub(super) fn word<C: Choice>(text: &str) -> Result<C, SettingError> {
    let known = C::ALL.iter().copied();
    known
        .clone()
        .find(|word| word.as_str().eq_ignore_ascii_case(text) || word.chinese() == text)
        .ok_or_else(|| SettingError::Word(known.map(Choice::as_str).collect::<Vec<_>>().join(", ")))
}

fn month_days(text: &str) -> Result<Vec<MonthDay>, SettingError> {
    let days: Result<Vec<MonthDay>, _> = text.split(',').map(|day| day.trim().parse()).collect();
    let mut days = days.map_err(|_| SettingError::MonthDays)?;
    days.sort();
    days.dedup();
    Ok(days)
}
