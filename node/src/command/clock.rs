//! What day it is, as far as this machine can know (`docs/records.md`, dates).
//!
//! Village laptops have dead clock batteries, so no rule rests on a clock. Where a person is spared
//! the typing of a date, the clock is first compared with those of the peers that were met last and
//! with what this device itself has written. While it cannot be right, dates are typed, and what
//! would be refused is saved and flagged.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::limits::{CLOCK_EARLIEST_MS, CLOCK_PEERS_MAX, CLOCK_TOLERANCE_MS};
use crate::store::StoreError;
use crate::store::rows::ClockReading;
use crate::sync::Now;

/// Asks what day it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Today {}

/// How this machine's clock stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The day, or why it is not known.
    pub today: CheckedToday,
    /// By how much the peers' clocks are ahead of this one's, ms: the median of those met last;
    /// None where nobody was met whose clock can be right.
    pub peers_ahead_ms: Option<i64>,
}

/// The civil day in UTC+8 by a clock that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CheckedToday {
    /// Nothing speaks against this machine's clock.
    Plausible {
        /// The day by it.
        date: NaiveDate,
    },
    /// This machine's clock is wrong.
    Implausible {
        /// The day by it.
        local: NaiveDate,
        /// The day by the peers' clocks, where any was met that can be right.
        peers: Option<NaiveDate>,
        /// What speaks against it.
        why: ClockFault,
    },
}

/// What speaks against a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockFault {
    /// It says a time before this program was written.
    BeforeRelease,
    /// The peers' clocks were already further when they were last met.
    BehindPeers,
    /// It was far ahead of the peers' clocks when they were last met, and has not been set since.
    AheadOfPeers,
    /// This device has written entries at a later time.
    BeforeOwnEntries,
}

impl Request for Today {
    const NAME: &'static str = "today";
    type Reply = ClockReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ClockReport, CommandError> {
        Ok(report(engine, now)?)
    }
}

/// How the clock of a node stands.
pub(crate) fn report(engine: &Engine, now: Now) -> Result<ClockReport, StoreError> {
    let mut met: Vec<(Option<i64>, ClockReading)> =
        engine.peers().rows().filter_map(|(_, row)| Some((row.last_seen_ms, row.clock?))).collect();
    // Those met last, by when it was here: never those with the highest clocks.
    met.sort_by_key(|(seen_ms, _)| std::cmp::Reverse(*seen_ms));
    let readings: Vec<ClockReading> =
        met.into_iter().take(CLOCK_PEERS_MAX).map(|(_, reading)| reading).collect();
    let peers_ahead_ms = peers_ahead_ms(now.wall_ms, &readings);
    let today = check(now.wall_ms, &readings, engine.last_written_ms()?);
    Ok(ClockReport { schema_version: JSON_SCHEMA_VERSION, today, peers_ahead_ms })
}

/// Checks a clock against what peers have shown and what was written here last.
pub fn check(
    local_ms: i64,
    readings: &[ClockReading],
    last_written_ms: Option<i64>,
) -> CheckedToday {
    let local = civil_day(local_ms);
    let ahead_ms = peers_ahead_ms(local_ms, readings);
    let why = if local_ms < CLOCK_EARLIEST_MS {
        Some(ClockFault::BeforeRelease)
    } else {
        match ahead_ms.unwrap_or_default() {
            CLOCK_TOLERANCE_MS.. => Some(ClockFault::BehindPeers),
            ..=BEHIND_MS => Some(ClockFault::AheadOfPeers),
            _ if wrote_later(local_ms, readings, last_written_ms) => {
                Some(ClockFault::BeforeOwnEntries)
            }
            _ => None,
        }
    };
    match why {
        None => CheckedToday::Plausible { date: local },
        Some(why) => {
            let peers = ahead_ms.map(|ahead| civil_day(local_ms.saturating_add(ahead)));
            CheckedToday::Implausible { local, peers, why }
        }
    }
}

const BEHIND_MS: i64 = -CLOCK_TOLERANCE_MS;

/// By how much the peers' clocks are ahead of a clock now: the median, and of two in the middle the
/// one that speaks for the clock. Peers whose own clocks have stopped say nothing.
fn peers_ahead_ms(local_ms: i64, readings: &[ClockReading]) -> Option<i64> {
    let running = readings.iter().filter(|reading| reading.peer_ms >= CLOCK_EARLIEST_MS);
    let mut ahead: Vec<i64> = running.map(|reading| ahead_ms(local_ms, reading)).collect();
    ahead.sort_unstable();
    let middle = ahead.get(ahead.len().checked_sub(1)? / 2..=ahead.len() / 2)?;
    middle.iter().copied().min_by_key(|ahead| ahead.unsigned_abs())
}

/// By how much one peer's clock is ahead now. Both clocks have gone on since they were compared, or
/// somebody has set this one: it then stands where it could not have come by itself.
fn ahead_ms(local_ms: i64, reading: &ClockReading) -> i64 {
    let then = reading.peer_ms.saturating_sub(reading.local_ms);
    let behind_then = reading.peer_ms.saturating_sub(local_ms);
    match (behind_then > 0, local_ms >= reading.local_ms) {
        // It has not even come to where the peer's clock was.
        (true, _) => then.max(behind_then),
        // It has gone on since.
        (false, true) if then.abs() < CLOCK_TOLERANCE_MS || then < 0 => then,
        // It was far behind and is past the peer's clock of then, or it was ahead and has been set
        // back to after that: somebody has put it right.
        (false, _) => 0,
    }
}

/// Whether this device has written something at a time that has not come yet by its clock. What it
/// had written before a peer's clock agreed with its own was written by a clock that was put right.
fn wrote_later(local_ms: i64, readings: &[ClockReading], last_written_ms: Option<i64>) -> bool {
    let agreed = readings.iter().filter(|reading| {
        reading.peer_ms.abs_diff(reading.local_ms) < CLOCK_TOLERANCE_MS.unsigned_abs()
    });
    let settled = agreed.filter_map(|reading| reading.written_ms).max();
    let later = |at: i64| at.saturating_sub(local_ms) > CLOCK_TOLERANCE_MS;
    last_written_ms.is_some_and(|at| later(at) && settled.is_none_or(|settled| at > settled))
}

/// The civil day of a moment in UTC+8.
pub(crate) fn civil_day(at_ms: i64) -> NaiveDate {
    civil_time(at_ms).date()
}

/// The civil time of a moment in UTC+8.
pub(crate) fn civil_time(at_ms: i64) -> NaiveDateTime {
    checked_civil_time(at_ms).unwrap_or_default()
}

/// The civil time of a moment in UTC+8, if the calendar reaches so far: anybody may write any moment, and the last
/// eight hours of the calendar have no time in UTC+8.
pub(crate) fn checked_civil_time(at_ms: i64) -> Option<NaiveDateTime> {
    let china = FixedOffset::east_opt(8 * 3_600)?;
    DateTime::<Utc>::from_timestamp_millis(at_ms)?.naive_utc().checked_add_offset(china)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    /// 2026-11-21 12:00 in UTC+8.
    const NOON: i64 = 1_795_233_600_000;

    fn met(peer_ms: i64, local_ms: i64) -> ClockReading {
        ClockReading { peer_ms, local_ms, written_ms: None }
    }

    fn fault(local_ms: i64, readings: &[ClockReading], written: Option<i64>) -> Option<ClockFault> {
        match check(local_ms, readings, written) {
            CheckedToday::Plausible { date } => {
                assert_eq!(date, civil_day(local_ms));
                None
            }
            CheckedToday::Implausible { why, .. } => Some(why),
        }
    }

    #[test]
    fn the_story_of_a_clock() {
        use ClockFault::{AheadOfPeers, BeforeOwnEntries, BeforeRelease, BehindPeers};
        let agreed = ClockReading { written_ms: Some(NOON + YEAR), ..met(NOON, NOON) };
        type Row<'a> = (&'a str, i64, &'a [ClockReading], Option<i64>, Option<ClockFault>);
        let table: &[Row<'_>] = &[
            ("alone", NOON, &[], None, None),
            ("alone, and the battery is dead", 0, &[], None, Some(BeforeRelease)),
            ("a peer agrees", NOON, &[met(NOON, NOON - HOUR)], None, None),
            (
                "a week after the peer was met",
                NOON,
                &[met(NOON - 7 * DAY, NOON - 7 * DAY)],
                None,
                None,
            ),
            (
                "behind since then",
                NOON + DAY,
                &[met(NOON + 9 * DAY, NOON)],
                None,
                Some(BehindPeers),
            ),
            ("gone back since then", NOON - 30 * DAY, &[met(NOON, NOON)], None, Some(BehindPeers)),
            ("it was behind and was set", NOON + 9 * DAY, &[met(NOON + 8 * DAY, NOON)], None, None),
            ("ahead", NOON + YEAR + DAY, &[met(NOON, NOON + YEAR)], None, Some(AheadOfPeers)),
            ("it was ahead and was set", NOON + DAY, &[met(NOON, NOON + YEAR)], None, None),
            ("the peer's own clock has stopped", NOON, &[met(0, NOON)], None, None),
            (
                "one of three is wrong",
                NOON,
                &[met(NOON, NOON), met(NOON + YEAR, NOON), met(NOON, NOON)],
                None,
                None,
            ),
            (
                "two of three say so",
                NOON,
                &[met(NOON + YEAR, NOON), met(NOON + YEAR, NOON), met(NOON, NOON)],
                None,
                Some(BehindPeers),
            ),
            (
                "one of two speaks for it",
                NOON,
                &[met(NOON + YEAR, NOON), met(NOON, NOON)],
                None,
                None,
            ),
            ("written later", NOON, &[], Some(NOON + 2 * DAY), Some(BeforeOwnEntries)),
            ("written before it was set and found right", NOON, &[agreed], Some(NOON + YEAR), None),
            (
                "and written again since",
                NOON,
                &[agreed],
                Some(NOON + 2 * YEAR),
                Some(BeforeOwnEntries),
            ),
            ("written an hour ago, by daylight saving", NOON, &[], Some(NOON + HOUR), None),
        ];
        for (story, local, readings, written, expected) in table {
            assert_eq!(fault(*local, readings, *written), *expected, "{story}");
        }
    }

    #[test]
    fn the_peers_say_what_day_it_is_instead() {
        let behind = check(NOON - YEAR, &[met(NOON, NOON - YEAR)], None);
        let CheckedToday::Implausible { peers, .. } = behind else { panic!("{behind:?}") };
        assert_eq!(peers, Some(civil_day(NOON)));
        let stopped = check(DAY, &[met(NOON, 0)], None);
        let CheckedToday::Implausible { local, peers, why } = stopped else {
            panic!("{stopped:?}")
        };
        assert_eq!(local, civil_day(DAY));
        assert_eq!((peers, why), (Some(civil_day(NOON + DAY)), ClockFault::BeforeRelease));
    }

    #[test]
    fn no_clock_makes_the_check_fail() {
        let extremes = [i64::MIN, -1, 0, NOON, i64::MAX];
        for local in extremes {
            for peer in extremes {
                for then in extremes {
                    let _ = check(local, &[met(peer, then)], Some(then));
                }
            }
        }
    }
}
