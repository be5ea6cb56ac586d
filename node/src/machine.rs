//! What comes from the machine: time and randomness. Everything else gets them as values.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::command::{CommandError, ErrorKind};
use crate::sync::Now;

/// The time: monotonic since the first call in this process, and the wall clock.
#[allow(clippy::disallowed_methods, reason = "the one place where time comes in")]
pub(crate) fn now() -> Now {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let since_start = START.get_or_init(Instant::now).elapsed();
    // A clock before 1970 is shown as 1970: nothing goes by it.
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Now {
        monotonic_ms: u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX),
        wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
    }
}

/// Fresh randomness from the operating system.
pub(crate) fn seed() -> Result<[u8; 32], CommandError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| CommandError::new(ErrorKind::Failed, "no_randomness", error))?;
    Ok(seed)
}
