//! Whether the machine has slept: a laptop that is opened again is often somewhere else.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How often it is looked at: soon enough for somebody who has just opened the lid.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(10);

/// By how much the wall clock may be ahead of the time that passed while nobody slept: people set
/// clocks, and one dial too many costs little.
const SLACK: Duration = Duration::from_secs(30);

/// When it was last looked at, by both clocks: only the wall clock goes on while a machine sleeps.
#[derive(Debug)]
pub(super) struct Slept {
    awake: Instant,
    wall: SystemTime,
}

impl Slept {
    #[allow(
        clippy::disallowed_methods,
        reason = "it says nothing about when; only that both differ"
    )]
    pub(super) fn new() -> Self {
        Self { awake: Instant::now(), wall: SystemTime::now() }
    }

    /// When to look again.
    pub(super) fn next_look(&self) -> Instant {
        self.awake + LOOKED_AT_EVERY
    }

    /// Whether it has slept since the last look.
    pub(super) fn look(&mut self) -> bool {
        let before = std::mem::replace(self, Self::new());
        let awake = self.awake.duration_since(before.awake);
        let wall = self.wall.duration_since(before.wall).unwrap_or(Duration::ZERO);
        has_slept(awake, wall)
    }
}

fn has_slept(awake: Duration, wall: Duration) -> bool {
    wall > awake + SLACK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wall_clock_that_went_on_alone_tells_of_sleep() {
        let seconds = Duration::from_secs;
        assert!(has_slept(seconds(10), seconds(3_600)));
        assert!(!has_slept(seconds(10), seconds(10)));
        // A busy machine, a clock that is put right or back.
        assert!(!has_slept(seconds(300), seconds(301)));
        assert!(!has_slept(seconds(10), seconds(25)));
        assert!(!has_slept(seconds(10), Duration::ZERO));
    }
}
