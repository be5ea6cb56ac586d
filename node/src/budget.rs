//! How much may be exchanged in a day where bytes are paid for. Once it is spent, everyday records wait
//! until the next day; grants, incidents, notices and receipts do not.
//!
//! Which day it is says the wall clock, right or wrong. Nothing else depends on it: a clock that goes on to
//! another day, or is put back, begins a new day, and the worst that comes of it is another day's bytes. One
//! that begins with the same date at each start would never leave that date otherwise.

use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{BUDGET_FRAME_BYTES, BUDGET_SESSION_BYTES, CLOCK_SLACK_MS};

/// What a device may spend in a day, and what of it is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    daily_bytes: Option<u64>,
    spent_bytes: u64,
    /// When the last of them was spent, ms since 1970.
    spent_at_ms: i64,
    changed: bool,
}

/// A day of people in China, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Day(i64);

const DAY_MS: i64 = 86_400_000;

/// UTC+8, ms.
const OFFSET_MS: i64 = 8 * 3_600_000;

impl Day {
    fn of(wall_ms: i64) -> Self {
        Self(wall_ms.saturating_add(OFFSET_MS).div_euclid(DAY_MS))
    }
}

impl Budget {
    /// How much a day, bytes; None for as much as there is.
    pub fn daily_bytes(&self) -> Option<u64> {
        self.daily_bytes
    }

    /// What is spent of the day of this moment, bytes.
    pub fn spent_bytes(&self, wall_ms: i64) -> u64 {
        let went_on = wall_ms >= self.spent_at_ms.saturating_sub(CLOCK_SLACK_MS);
        let same_day = Day::of(wall_ms) == Day::of(self.spent_at_ms);
        if same_day && went_on { self.spent_bytes } else { 0 }
    }

    /// What is left of the day's bytes; None where there is no limit.
    pub fn left_bytes(&self, wall_ms: i64) -> Option<u64> {
        self.daily_bytes.map(|daily| daily.saturating_sub(self.spent_bytes(wall_ms)))
    }

    /// Whether the day's bytes are spent.
    pub fn is_spent(&self, wall_ms: i64) -> bool {
        self.daily_bytes.is_some_and(|daily| self.spent_bytes(wall_ms) >= daily)
    }

    /// From this moment until the next day begins, ms.
    pub fn until_next_day_ms(wall_ms: i64) -> u64 {
        let gone = wall_ms.saturating_add(OFFSET_MS).rem_euclid(DAY_MS);
        (DAY_MS - gone).unsigned_abs()
    }

    /// Sets how much a day. What was spent today stays spent.
    pub fn set(&mut self, daily_bytes: Option<u64>) {
        self.daily_bytes = daily_bytes;
        self.changed = true;
    }

    /// A frame of so many bytes went or came; with what carries it.
    pub fn frame(&mut self, wall_ms: i64, bytes: usize) {
        self.spend(wall_ms, bytes as u64 + BUDGET_FRAME_BYTES);
    }

    /// A session began.
    pub fn session(&mut self, wall_ms: i64) {
        self.spend(wall_ms, BUDGET_SESSION_BYTES);
    }

    fn spend(&mut self, wall_ms: i64, bytes: u64) {
        self.spent_bytes = self.spent_bytes(wall_ms).saturating_add(bytes);
        self.spent_at_ms = wall_ms;
        self.changed |= self.daily_bytes.is_some();
    }

    /// The bytes that the store keeps, where it keeps others.
    pub(crate) fn take_changed(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.changed).then(|| {
            let mut writer = Writer::new();
            writer.leb(self.daily_bytes.unwrap_or_default());
            writer.i64(self.spent_at_ms).leb(self.spent_bytes).finish()
        })
    }

    /// What the store has kept. A budget of nothing is none.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let daily_bytes = Some(reader.leb()?).filter(|daily| *daily > 0);
        let (spent_at_ms, spent_bytes) = (reader.i64()?, reader.leb()?);
        reader.finish()?;
        Ok(Self { daily_bytes, spent_bytes, spent_at_ms, changed: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-09-01 08:00 in China.
    const MORNING: i64 = 1_788_220_800_000;

    #[test]
    fn a_day_ends_at_midnight_in_china_and_what_was_spent_with_it() {
        let mut budget = Budget::default();
        budget.frame(MORNING, 1 << 40);
        assert!(!budget.is_spent(MORNING), "there is none");
        budget.set(Some(10_000));
        assert!(budget.is_spent(MORNING));
        let left = Budget::until_next_day_ms(MORNING);
        assert_eq!(left, 16 * 3_600_000);
        assert!(budget.is_spent(MORNING + left as i64 - 1));
        assert!(!budget.is_spent(MORNING + left as i64));
        budget.frame(MORNING + left as i64, 100);
        assert_eq!(budget.spent_bytes(MORNING + left as i64), 100 + BUDGET_FRAME_BYTES);
        // A clock that was put back begins a day too, also where the date is the same; one that was set
        // right by a minute does not.
        assert_eq!(budget.spent_bytes(MORNING), 0);
        budget.frame(MORNING, 100);
        assert_eq!(budget.spent_bytes(MORNING - 3_600_000), 0);
        assert!(budget.spent_bytes(MORNING - 60_000) > 0);
    }

    #[test]
    fn what_is_kept_is_read_as_it_was() {
        let mut budget = Budget::default();
        assert_eq!(budget.take_changed(), None);
        budget.set(Some(2_000_000));
        budget.session(MORNING);
        let kept = budget.take_changed().unwrap();
        assert_eq!(Budget::read(&kept).unwrap(), budget);
        for end in 0..kept.len() {
            assert!(Budget::read(&kept[..end]).is_err());
        }
        budget.set(None);
        assert_eq!(Budget::read(&budget.take_changed().unwrap()).unwrap().daily_bytes(), None);
    }
}
