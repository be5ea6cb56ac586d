//! How much may be on the way to a peer: about two seconds of the link, as it shows itself.
//!
//! What an acknowledgement took says how full the way is. So an urgent entry never waits behind more
//! than that, and a fast link is not kept waiting for one answer after another.

use crate::limits::{
    UNACKNOWLEDGED_BYTES_FIRST, UNACKNOWLEDGED_BYTES_MAX, UNACKNOWLEDGED_BYTES_MIN,
    UNACKNOWLEDGED_MS_MAX,
};

/// The bytes that may be unacknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window(usize);

impl Default for Window {
    fn default() -> Self {
        Self(UNACKNOWLEDGED_BYTES_FIRST)
    }
}

impl Window {
    /// Whether more may be sent while so many bytes are on the way.
    pub(super) fn has_room(self, bytes: usize) -> bool {
        bytes < self.0
    }

    /// What was on the way for so long is acknowledged; `bytes` were on the way with it.
    pub(super) fn acknowledged(&mut self, after_ms: u64, bytes: usize) {
        if after_ms > UNACKNOWLEDGED_MS_MAX {
            self.0 = (self.0 / 2).max(UNACKNOWLEDGED_BYTES_MIN);
        } else if after_ms <= UNACKNOWLEDGED_MS_MAX / 2 && bytes >= self.0 / 2 {
            self.0 = (self.0 * 2).min(UNACKNOWLEDGED_BYTES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are on the way once a link has been in use for a while.
    fn settled(bytes_per_s: u64, round_trip_ms: u64) -> usize {
        let mut window = Window::default();
        for _ in 0..64 {
            let after_ms = round_trip_ms + window.0 as u64 * 1_000 / bytes_per_s;
            window.acknowledged(after_ms, window.0);
        }
        window.0
    }

    #[test]
    fn the_window_is_as_wide_as_the_link() {
        for (bytes_per_s, round_trip_ms) in
            [(1_200, 1_200), (8_000, 600), (30_000, 700), (250_000, 40), (10_000_000, 1)]
        {
            let bytes = settled(bytes_per_s, round_trip_ms) as u64;
            let (least, most) = (bytes_per_s / 2, bytes_per_s * 2);
            let range = (least.min(UNACKNOWLEDGED_BYTES_MAX as u64))
                ..=most.max(UNACKNOWLEDGED_BYTES_MIN as u64);
            assert!(range.contains(&bytes), "{bytes_per_s} B/s: {bytes}");
        }
    }

    #[test]
    fn an_idle_link_shows_nothing() {
        let mut window = Window::default();
        window.acknowledged(1, 100);
        assert_eq!(window, Window::default());
    }
}
