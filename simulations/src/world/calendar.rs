//! When people work: hours, rounds, survey weeks, market days.
//!
//! A simulation begins on a Monday at eight. Work is from eight to twelve and from two to six, Monday
//! to Saturday; everything here is virtual time since then, ms.

use serde::{Deserialize, Serialize};

use super::{DAY, HOUR};

/// The hour of the day at which a simulation begins.
const BEGINS_AT: u64 = 8 * HOUR;

/// Morning and afternoon, by the hour of the day.
const SHIFTS: [[u64; 2]; 2] = [[8 * HOUR, 12 * HOUR], [14 * HOUR, 18 * HOUR]];

/// Working time in a day.
const DAY_WORKS: u64 = 8 * HOUR;

/// Working days in a week.
const WEEK_WORKS: u64 = 6;

const WEEK: u64 = 7 * DAY;

/// Weeks in which people survey go so many times as fast: every file is gone through within one.
pub(super) const SURVEY_FASTER: u64 = 6;

/// The hours of a market day in which a village that is linked only then is linked.
const MARKET_HOURS: [u64; 2] = [9 * HOUR, 13 * HOUR];

/// What recurs in a county's field work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Days in which each elder is visited about once.
    pub round_days: u64,
    /// The first week in which every file is gone through, from 0.
    pub survey_from_week: u64,
    /// Weeks from one survey to the next.
    pub survey_every_weeks: u64,
    /// Of a hundred villages so many are linked on market days only.
    pub market_percent: u32,
    /// Days from one market to the next.
    pub market_every_days: u64,
    /// Of a hundred villages so many switch their machines off when the day's work is done.
    pub off_at_night_percent: u32,
    /// Villages that have no link for a while.
    pub away_villages: u32,
    /// From this day on.
    pub away_from_day: u64,
    /// For so many days.
    pub away_days: u64,
}

impl Calendar {
    /// As in life: monthly rounds, a survey in each quarter, markets every fifth day, two villages that
    /// are off line for a month.
    pub const LIFE: Self = Self {
        round_days: 30,
        survey_from_week: 5,
        survey_every_weeks: 13,
        market_percent: 15,
        market_every_days: 5,
        off_at_night_percent: 85,
        away_villages: 2,
        away_from_day: 20,
        away_days: 30,
    };

    /// Whether every file is gone through this week.
    pub fn is_survey(&self, at_ms: u64) -> bool {
        let week = (at_ms + BEGINS_AT) / WEEK;
        week.checked_sub(self.survey_from_week)
            .is_some_and(|since| since.is_multiple_of(self.survey_every_weeks.max(1)))
    }

    /// When the next market begins at which a village of this number is linked. Markets of neighbouring
    /// places are on different days.
    pub fn market_after(&self, at_ms: u64, number: u64) -> u64 {
        let every = self.market_every_days.max(1);
        let mut day = (at_ms + BEGINS_AT) / DAY;
        loop {
            let from = (day * DAY + MARKET_HOURS[0]).saturating_sub(BEGINS_AT);
            if day % every == number % every && from > at_ms {
                return from;
            }
            day += 1;
        }
    }

    /// How long a market lasts, ms.
    pub fn market_lasts_ms(&self) -> u64 {
        MARKET_HOURS[1] - MARKET_HOURS[0]
    }

    /// Working time in a round, ms.
    pub fn round_works(&self) -> u64 {
        worked(self.round_days * DAY).max(1)
    }
}

/// Whether people are at work.
pub fn is_working(at_ms: u64) -> bool {
    let local = at_ms + BEGINS_AT;
    local % WEEK / DAY < WEEK_WORKS
        && SHIFTS.iter().any(|[from, until]| (*from..*until).contains(&(local % DAY)))
}

/// When the day's work that is under way, or the next, is done.
pub fn evening_after(at_ms: u64) -> u64 {
    let next = when_worked(worked(at_ms));
    let [_, [_, evening]] = SHIFTS;
    (next + BEGINS_AT) / DAY * DAY + evening - BEGINS_AT
}

/// Working time until then, ms.
pub fn worked(at_ms: u64) -> u64 {
    let local = at_ms + BEGINS_AT;
    let (weeks, day) = (local / WEEK, local % WEEK / DAY);
    let of_day = local % DAY;
    let today = SHIFTS.iter().map(|[from, until]| of_day.clamp(*from, *until) - from).sum::<u64>();
    let days = weeks * WEEK_WORKS + day.min(WEEK_WORKS);
    days * DAY_WORKS + if day < WEEK_WORKS { today } else { 0 }
}

/// The time at which people are at work and so much working time has passed.
pub fn when_worked(span_ms: u64) -> u64 {
    let (days, rest) = (span_ms / DAY_WORKS, span_ms % DAY_WORKS);
    let [[morning, noon], [afternoon, _]] = SHIFTS;
    let shift = noon - morning;
    let of_day = if rest < shift { morning + rest } else { afternoon + rest - shift };
    days / WEEK_WORKS * WEEK + days % WEEK_WORKS * DAY + of_day - BEGINS_AT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn working_time_goes_on_only_while_people_work(at in 0..200 * DAY, span in 1..DAY) {
            let passed = worked(at + span) - worked(at);
            prop_assert!(passed <= span);
            // Ten hours cannot pass without some work, but on a Sunday.
            if passed == 0 {
                prop_assert!(span < 39 * HOUR);
                prop_assert!(!is_working(at) && !is_working(at + span - 1));
            }
            if is_working(at) {
                prop_assert_eq!(when_worked(worked(at)), at);
            }
        }

        #[test]
        fn in_the_evening_a_days_work_is_done(at in 0..200 * DAY) {
            let evening = evening_after(at);
            prop_assert!(evening > at && is_working(evening - 1) && !is_working(evening));
            prop_assert!(worked(evening).is_multiple_of(DAY_WORKS));
            prop_assert!(worked(evening) - worked(at) <= DAY_WORKS);
        }

        #[test]
        fn so_much_work_is_done_at_a_working_hour(span in 0..2_000 * HOUR) {
            let at = when_worked(span);
            prop_assert!(is_working(at));
            prop_assert_eq!(worked(at), span);
        }

        #[test]
        fn a_village_is_linked_on_every_market_day_and_on_no_other(
            number in 0..700u64, at in 0..100 * DAY,
        ) {
            let calendar = Calendar::LIFE;
            let from = calendar.market_after(at, number);
            let next = calendar.market_after(from, number);
            prop_assert!(at < from && from + calendar.market_lasts_ms() < next);
            prop_assert!(from - at <= 6 * DAY);
            prop_assert_eq!(next - from, calendar.market_every_days * DAY);
        }
    }

    #[test]
    fn a_survey_lasts_a_week() {
        let surveys: Vec<u64> =
            (0..26 * 7).filter(|day| Calendar::LIFE.is_survey(day * DAY)).collect();
        assert_eq!(surveys, (35..42).chain(126..133).collect::<Vec<u64>>());
    }
}
