//! Months, periods and the reporting calendar (rule R10) in civil dates, UTC+8.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::rules::ruleset::Ruleset;

/// A calendar month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    /// Its first day; nothing else is ever in here.
    first: NaiveDate,
}

/// A run of civil days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

/// A text that is no month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a month is written 2026-09")]
pub struct MonthError;

/// A day of every year. 29 February is 28 February in common years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthDay {
    month: u32,
    day: u32,
}

/// What is reported to the prefecture (R10, Lijiang 2024 4(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReportKind {
    /// 每月报送: by the 25th of each month.
    Monthly,
    /// 工作进展和典型案例: by 10 June and 10 November.
    Progress,
}

/// A report that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReportDue {
    /// The last day on which it is in time.
    pub by: NaiveDate,
    /// Which.
    pub kind: ReportKind,
    /// Days left; 0 on the day itself.
    pub days_left: u32,
}

impl Month {
    /// The month that a day lies in.
    pub fn of(day: NaiveDate) -> Self {
        // Every month has a first day.
        Self { first: day.with_day(1).unwrap_or(day) }
    }

    /// This month of this year, if there is one.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, 1).map(|first| Self { first })
    }

    /// The year.
    pub fn year(self) -> i32 {
        self.first.year()
    }

    /// The number of the month, from 1.
    pub fn number(self) -> u32 {
        self.first.month()
    }

    /// The first day.
    pub fn first(self) -> NaiveDate {
        self.first
    }

    /// The last day.
    pub fn last(self) -> NaiveDate {
        day_before(add_months(self.first, 1))
    }

    /// All its days.
    pub fn period(self) -> Period {
        Period { from: self.first, to: self.last() }
    }

    /// The month after.
    #[must_use]
    pub fn next(self) -> Self {
        Self { first: add_months(self.first, 1) }
    }

    /// The month before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self::of(day_before(self.first))
    }
}

impl Period {
    /// From one day to another, if that is not before it.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// The block of so many months of the calendar year that a day lies in: with 3, its quarter.
    /// The number must divide the year, otherwise the quarter is meant.
    pub fn block(day: NaiveDate, months: u32) -> Self {
        let months = if months > 0 && 12 % months == 0 { months } else { 3 };
        let begins = day.month0() / months * months + 1;
        let from = NaiveDate::from_ymd_opt(day.year(), begins, 1).unwrap_or(day);
        Self { from, to: day_before(add_months(from, months)) }
    }

    /// Whether the day lies in it.
    pub fn contains(self, day: NaiveDate) -> bool {
        (self.from..=self.to).contains(&day)
    }

    /// The days that lie in both.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// How many days it has.
    pub fn days(self) -> u32 {
        days_between(self.from, self.to).saturating_add(1)
    }

    /// Parts it into `parts` runs as equal as may be and gives the last day of the `nth`, from 1:
    /// for the first of two in a month of 30 days the 15th, of 31 days the 15th.
    pub fn end_of_part(self, nth: u32, parts: u32) -> NaiveDate {
        if parts == 0 || nth >= parts {
            return self.to;
        }
        let days = u64::from(self.days()) * u64::from(nth) / u64::from(parts);
        self.from.checked_add_days(Days::new(days.saturating_sub(1))).unwrap_or(self.to)
    }
}

impl MonthDay {
    /// This day of this month, if any year has it.
    pub fn new(month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(2024, month, day).map(|_| Self { month, day })
    }

    /// The day in a year.
    pub fn in_year(self, year: i32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, self.month, self.day)
            .or_else(|| NaiveDate::from_ymd_opt(year, self.month, 28))
    }
}

/// The next report of each kind, from this day on, the earliest first (R10).
pub fn next_reports(ruleset: &Ruleset, as_of: NaiveDate) -> Vec<ReportDue> {
    let due = |kind, by| ReportDue { by, kind, days_left: days_between(as_of, by) };
    let monthly = |month: Month| {
        let day = ruleset.monthly_report_day.min(month.last().day());
        month.first().with_day(day).unwrap_or(month.last())
    };
    let this_month = Month::of(as_of);
    let mut reports: Vec<ReportDue> = [this_month, this_month.next()]
        .into_iter()
        .map(monthly)
        .find(|by| *by >= as_of)
        .map(|by| due(ReportKind::Monthly, by))
        .into_iter()
        .collect();
    let progress = [as_of.year(), as_of.year().saturating_add(1)]
        .into_iter()
        .flat_map(|year| {
            ruleset.progress_report_days.iter().filter_map(move |day| day.in_year(year))
        })
        .filter(|by| *by >= as_of)
        .min();
    reports.extend(progress.map(|by| due(ReportKind::Progress, by)));
    reports.sort();
    reports
}

/// So many months later. Where that month has no such day, its last day (Civil Code art. 202).
pub fn add_months(day: NaiveDate, months: u32) -> NaiveDate {
    day.checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
}

/// The days from one day to a later one; 0 if it is not later.
pub fn days_between(from: NaiveDate, to: NaiveDate) -> u32 {
    u32::try_from((to - from).num_days()).unwrap_or(0)
}

fn day_before(day: NaiveDate) -> NaiveDate {
    day.pred_opt().unwrap_or(day)
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let digits = |part: &str, length| {
            let all = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
            all.then(|| part.parse::<u32>().ok()).flatten()
        };
        let (year, month) = text.split_once('-').ok_or(MonthError)?;
        let year = digits(year, 4).and_then(|year| i32::try_from(year).ok()).ok_or(MonthError)?;
        digits(month, 2).and_then(|month| Self::new(year, month)).ok_or(MonthError)
    }
}

impl TryFrom<String> for Month {
    type Error = MonthError;

    fn try_from(text: String) -> Result<Self, MonthError> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl FromStr for MonthDay {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let (month, day) = text.split_once('-').ok_or(MonthError)?;
        let number = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u32>().ok()).flatten().ok_or(MonthError)
        };
        Self::new(number(month)?, number(day)?).ok_or(MonthError)
    }
}
