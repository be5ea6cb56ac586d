//! Dates as ledgers write them.

use chrono::{Datelike, Days, NaiveDate};
use unicode_normalization::UnicodeNormalization;

use super::cell::{Cell, is_blank};

/// What a cell says of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateReading {
    /// The day.
    Day(NaiveDate),
    /// A year, perhaps a month of it, and no day.
    Partial(i32, Option<u32>),
    /// No date that anybody could be sure of.
    Unreadable,
}

/// Years that a ledger of living people speaks of.
const YEARS: std::ops::Range<i32> = 1900..2200;

/// Day numbers of spreadsheets that are taken as dates: from 1927 to 2119. Smaller numbers are as
/// likely to be years.
const SERIALS: std::ops::Range<f64> = 10_000.0..80_000.0;

/// Reads a cell as a date.
pub(crate) fn read(cell: &Cell) -> DateReading {
    match cell {
        Cell::Date(date) => day(Some(*date)),
        Cell::Number(number) => number_date(*number),
        Cell::Text(text) => text_date(text),
        _ => DateReading::Unreadable,
    }
}

/// A day written as the record writes it.
pub(crate) fn iso(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()
}

/// The day, if the cell says which.
pub(crate) fn certain(cell: &Cell) -> Option<NaiveDate> {
    match read(cell) {
        DateReading::Day(day) => Some(day),
        DateReading::Partial(..) | DateReading::Unreadable => None,
    }
}

impl DateReading {
    /// Whether the day fits what is said.
    pub(crate) fn agrees_with(self, date: NaiveDate) -> bool {
        match self {
            Self::Day(day) => day == date,
            Self::Partial(year, month) => {
                date.year() == year && month.is_none_or(|month| month == date.month())
            }
            Self::Unreadable => false,
        }
    }
}

fn number_date(number: f64) -> DateReading {
    if SERIALS.contains(&number) {
        return day(serial_date(number));
    }
    // `2023.9` typed into a cell is a number; nobody can tell September from `2023.90`.
    if (f64::from(YEARS.start)..f64::from(YEARS.end)).contains(&number) {
        return DateReading::Partial(number as i32, None);
    }
    match number.fract() == 0.0 && (0.0..1e8).contains(&number) {
        true => run_of_digits(&format!("{number:.0}")),
        false => DateReading::Unreadable,
    }
}

/// The date of a spreadsheet's day number: 1 is 1 January 1900, and 60 a 29 February that never
/// was, so that from March on the count starts at 30 December 1899.
pub(crate) fn serial_date(serial: f64) -> Option<NaiveDate> {
    if !(61.0..3e6).contains(&serial) {
        return None;
    }
    NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(serial as u64))
}

fn text_date(text: &str) -> DateReading {
    let text: String = text.nfkc().collect();
    let text = text.trim_matches(is_blank);
    // A time of day, as in `2020-03-12 00:00:00`, begins where the first colon's word does.
    let text = match text.find(':') {
        Some(colon) => match text.get(..colon).and_then(|head| head.rfind([' ', 'T'])) {
            Some(end) => text.get(..end).unwrap_or_default(),
            None => return DateReading::Unreadable,
        },
        None => text,
    };
    let mut groups: Vec<String> = Vec::new();
    let mut inside = false;
    for c in text.chars().filter(|c| !is_blank(*c)) {
        if c.is_ascii_digit() {
            if !inside {
                groups.push(String::new());
            }
            if let Some(group) = groups.last_mut() {
                group.push(c);
            }
            inside = true;
        } else if inside
            && matches!(c, '年' | '月' | '日' | '号' | '.' | '/' | '-' | '—' | '–' | '。')
        {
            inside = false;
        } else {
            return DateReading::Unreadable;
        }
    }
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    match groups.as_slice() {
        [digits] => run_of_digits(digits),
        [year, month] => partial(year, Some(month)),
        [year, month, day_of_month] => match (year.len(), small(month), small(day_of_month)) {
            (4, Some(month), Some(of_month)) => {
                day(year.parse().ok().and_then(|y| NaiveDate::from_ymd_opt(y, month, of_month)))
            }
            _ => DateReading::Unreadable,
        },
        _ => DateReading::Unreadable,
    }
}

fn run_of_digits(digits: &str) -> DateReading {
    match digits.len() {
        8 => day(NaiveDate::parse_from_str(digits, "%Y%m%d").ok()),
        6 => partial(digits.get(..4).unwrap_or_default(), digits.get(4..)),
        5 => day(digits.parse().ok().filter(|n| SERIALS.contains(n)).and_then(serial_date)),
        4 => partial(digits, None),
        _ => DateReading::Unreadable,
    }
}

fn partial(year: &str, month: Option<&str>) -> DateReading {
    let year = year.parse().ok().filter(|y| YEARS.contains(y) && year.len() == 4);
    let month = month.map(|month| small(month).filter(|m| (1..=12).contains(m)));
    match (year, month) {
        (Some(year), None) => DateReading::Partial(year, None),
        (Some(year), Some(Some(month))) => DateReading::Partial(year, Some(month)),
        _ => DateReading::Unreadable,
    }
}

fn small(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|_| digits.len() <= 2)
}

fn day(date: Option<NaiveDate>) -> DateReading {
    match date.filter(|date| YEARS.contains(&date.year())) {
        Some(date) => DateReading::Day(date),
        None => DateReading::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DateReading::{Partial, Unreadable};

    fn ymd(year: i32, month: u32, of_month: u32) -> DateReading {
        DateReading::Day(NaiveDate::from_ymd_opt(year, month, of_month).unwrap())
    }

    #[test]
    fn every_style_of_text() {
        for (text, reading) in [
            ("2020年3月12日", ymd(2020, 3, 12)),
            ("2020 年 3 月 12 号", ymd(2020, 3, 12)),
            ("２０２０年３月１２日", ymd(2020, 3, 12)),
            ("2023.9.1", ymd(2023, 9, 1)),
            ("2020/9/20", ymd(2020, 9, 20)),
            ("2025-08-04", ymd(2025, 8, 4)),
            ("2025－08－04", ymd(2025, 8, 4)),
            ("2020-03-12 00:00:00", ymd(2020, 3, 12)),
            ("2020-03-12T08:30:00", ymd(2020, 3, 12)),
            ("20200312", ymd(2020, 3, 12)),
            ("45292", ymd(2024, 1, 1)),
            ("2020年3月", Partial(2020, Some(3))),
            ("2020.3", Partial(2020, Some(3))),
            ("202003", Partial(2020, Some(3))),
            ("2020年", Partial(2020, None)),
            ("2020", Partial(2020, None)),
            ("2020年13月", Unreadable),
            ("2020-02-30", Unreadable),
            ("20201301", Unreadable),
            ("20.3.12", Unreadable),
            ("3月12日", Unreadable),
            ("12020年3月12日", Unreadable),
            ("99999999999999999999", Unreadable),
            ("春节后", Unreadable),
            ("2020年3月左右", Unreadable),
            ("12:30", Unreadable),
            ("1820-03-12", Unreadable),
            ("", Unreadable),
        ] {
            assert_eq!(read(&Cell::Text(text.into())), reading, "{text}");
        }
    }

    #[test]
    fn numbers_may_be_day_numbers() {
        for (number, reading) in [
            (45_292.0, ymd(2024, 1, 1)),
            (45_292.75, ymd(2024, 1, 1)),
            (20_200_312.0, ymd(2020, 3, 12)),
            (202_003.0, Partial(2020, Some(3))),
            (2023.9, Partial(2023, None)),
            (2023.0, Partial(2023, None)),
            (7.0, Unreadable),
            (-1.0, Unreadable),
            (1e300, Unreadable),
            (f64::NAN, Unreadable),
        ] {
            assert_eq!(read(&Cell::Number(number)), reading, "{number}");
        }
    }

    #[test]
    fn day_numbers_count_from_march_1900() {
        for (serial, date) in [
            (60.0, None),
            (61.0, NaiveDate::from_ymd_opt(1900, 3, 1)),
            (44_031.0, NaiveDate::from_ymd_opt(2020, 7, 19)),
            (f64::INFINITY, None),
        ] {
            assert_eq!(serial_date(serial), date);
        }
    }
}
