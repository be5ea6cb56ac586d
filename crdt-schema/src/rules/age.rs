//! Age in completed years (project decision in `docs/records.md`: civil dates, UTC+8).

use chrono::{Datelike, NaiveDate};

/// Completed years on a day, gained on the birthday; for 29 February the birthday in common years
/// is 28 February. None before birth.
pub fn completed_years(birth_date: NaiveDate, as_of: NaiveDate) -> Option<u32> {
    let years = as_of.year() - birth_date.year();
    let birthday = NaiveDate::from_ymd_opt(as_of.year(), birth_date.month(), birth_date.day())
        .or_else(|| NaiveDate::from_ymd_opt(as_of.year(), 2, 28))?;
    u32::try_from(if as_of < birthday { years - 1 } else { years }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_gained_on_the_birthday() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (born, as_of, years) in [
            ("1946-09-01", "2026-08-31", Some(79)),
            ("1946-09-01", "2026-09-01", Some(80)),
            ("1944-02-29", "2024-02-28", Some(79)),
            ("1944-02-29", "2024-02-29", Some(80)),
            ("1944-02-29", "2023-02-27", Some(78)),
            ("1944-02-29", "2023-02-28", Some(79)),
            ("2026-09-02", "2026-09-01", None),
            ("2026-09-01", "2026-09-01", Some(0)),
        ] {
            assert_eq!(completed_years(day(born), day(as_of)), years, "{born} on {as_of}");
        }
    }
}
