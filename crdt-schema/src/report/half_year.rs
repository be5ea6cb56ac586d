//! The months of a half-year report 半年工作进展 (R10, Lijiang 2024 4(3): by 10 June and
//! 10 November).

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::rules::calendar::Month;
use crate::rules::ruleset::Ruleset;

/// One of a year's progress reports, from 1: `2026-1` is due on 10 June 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HalfYear {
    /// The year in which it is due.
    pub year: i32,
    /// Which one of that year.
    pub nth: u32,
}

/// A text that names no half-year report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a half-year is written 2026-1 or 2026-2")]
pub struct HalfYearError;

/// What a half-year report covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HalfYearPeriod {
    /// The day by which it is due.
    pub due: NaiveDate,
    /// The months: from that of the report before, up to the last that is over when it is due. So
    /// every month is in exactly one report (project decision).
    pub months: Vec<Month>,
}

impl HalfYear {
    /// What it covers by the county's calendar; None if the county has no such report.
    pub fn period(self, ruleset: &Ruleset) -> Option<HalfYearPeriod> {
        let days = &ruleset.progress_report_days;
        let nth = usize::try_from(self.nth.checked_sub(1)?).ok()?;
        let due = days.get(nth)?.in_year(self.year)?;
        let before = match nth.checked_sub(1) {
            Some(before) => days.get(before)?.in_year(self.year)?,
            None => days.last()?.in_year(self.year.checked_sub(1)?)?,
        };
        let months = std::iter::successors(Some(Month::of(before)), |month| Some(month.next()))
            .take_while(|month| *month < Month::of(due))
            .collect();
        Some(HalfYearPeriod { due, months })
    }
}

impl fmt::Display for HalfYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{}", self.year, self.nth)
    }
}

impl FromStr for HalfYear {
    type Err = HalfYearError;

    fn from_str(text: &str) -> Result<Self, HalfYearError> {
        let (year, nth) = text.split_once('-').ok_or(HalfYearError)?;
        let digits = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(nth, 1) {
            return Err(HalfYearError);
        }
        Ok(Self {
            year: year.parse().map_err(|_| HalfYearError)?,
            nth: nth.parse().map_err(|_| HalfYearError)?,
        })
    }
}

impl TryFrom<String> for HalfYear {
    type Error = HalfYearError;

    fn try_from(text: String) -> Result<Self, HalfYearError> {
        text.parse()
    }
}

impl From<HalfYear> for String {
    fn from(half: HalfYear) -> Self {
        half.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(text: &str) -> Vec<String> {
        let half: HalfYear = text.parse().unwrap();
        let period = half.period(&Ruleset::default()).unwrap();
        period.months.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_month_is_in_exactly_one_report() {
        assert_eq!(
            months("2026-1"),
            ["2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05"]
        );
        assert_eq!(months("2026-2"), ["2026-06", "2026-07", "2026-08", "2026-09", "2026-10"]);
        assert_eq!(months("2027-1")[0], "2026-11");
    }

    #[test]
    fn a_third_report_and_other_texts_are_none() {
        let third: HalfYear = "2026-3".parse().unwrap();
        assert_eq!(third.period(&Ruleset::default()), None);
        for text in ["", "2026", "2026-", "26-1", "2026-12", "2026-x", "+026-1"] {
            assert!(text.parse::<HalfYear>().is_err(), "{text}");
        }
    }
}
