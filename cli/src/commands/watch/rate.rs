//! How fast something grows, over the last few seconds.

use std::collections::VecDeque;
use std::time::Duration;

/// Long enough to be read, short enough to notice that a link has stopped.
const WINDOW: Duration = Duration::from_secs(10);

/// The last values of something that is counted.
#[derive(Debug, Default)]
pub(super) struct Rate {
    seen: VecDeque<(Duration, u64)>,
}

impl Rate {
    /// It has come to this, at this time since watching began.
    pub(super) fn note(&mut self, at: Duration, count: u64) {
        // Another process counts anew.
        if self.seen.back().is_some_and(|(_, last)| count < *last) {
            self.seen.clear();
        }
        self.seen.push_back((at, count));
        while self.seen.len() > 2 && self.seen.get(1).is_some_and(|(old, _)| at - *old >= WINDOW) {
            self.seen.pop_front();
        }
    }

    /// So much a second. None before there is something to compare.
    pub(super) fn per_second(&self) -> Option<f64> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let span = last.0.saturating_sub(first.0).as_secs_f64();
        (span > 0.0).then(|| (last.1 - first.1) as f64 / span)
    }

    /// How long it takes until so much more has come. None where nothing comes.
    pub(super) fn time_for(&self, left: u64) -> Option<Duration> {
        let rate = self.per_second().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(left as f64 / rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_the_last_seconds_and_begins_anew_where_counting_does() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), None);
        for second in 0..60 {
            rate.note(Duration::from_secs(second), second * 100);
        }
        assert_eq!(rate.per_second(), Some(100.0));
        assert_eq!(rate.time_for(500), Some(Duration::from_secs(5)));
        for second in 60..71 {
            rate.note(Duration::from_secs(second), 5_900);
        }
        assert_eq!((rate.per_second(), rate.time_for(1)), (Some(0.0), None));
        rate.note(Duration::from_secs(71), 12);
        assert_eq!(rate.per_second(), None);
    }
}
