//! How much may be on the way to a peer: so much that the link is never idle, and half a second more.
//!
//! What an acknowledgement took says how full the way is. So an urgent entry never waits behind more
//! than that, and a fast link is not kept waiting for one answer after another.
//!
//! A run before which, with itself, so many bytes were on the way, and which took so long, shows at
//! least how many may be for it to take as long as it should: in proportion. On a link with long ways
//! and few bytes that is too few at first. How soon one acknowledgement follows another says more, and
//! sooner: that is the link's rate, however long the way is. The greater of the two counts, for whatever
//! stands between (a commit, a stall, nothing to send) makes both too small.

use crate::limits::{
    DOUBT_MS_MIN, PACKETS_PER_WINDOW, PROGRESS_TIMEOUT_MS, STALL_MS_MAX,
    UNACKNOWLEDGED_BYTES_FIRST, UNACKNOWLEDGED_BYTES_MAX, UNACKNOWLEDGED_BYTES_MIN,
    UNACKNOWLEDGED_FIRST_MS_MAX, UNACKNOWLEDGED_GROWTH_MAX, UNACKNOWLEDGED_MS_MAX,
    UNACKNOWLEDGED_QUEUE_MS,
};

/// The bytes that may be unacknowledged, and what the link has shown of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    bytes: usize,
    /// What was sent before this has said all that it has to say.
    changed_ms: u64,
    /// The quickest acknowledgement yet, ms: a round trip, and what little was on the way with it.
    quickest_ms: Option<u64>,
    /// How long what may be on the way takes, ms, as the last acknowledgement says.
    latest_ms: Option<u64>,
    /// The first acknowledgement since the last change, ms, and the bytes of those that came later.
    followed: Option<(u64, usize)>,
}

/// A run that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acknowledged {
    pub(super) sent_ms: u64,
    /// Its own bytes, as all in here before compression.
    pub(super) bytes: usize,
    /// Bytes on the way when it had been sent, its own among them.
    pub(super) on_the_way: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            bytes: UNACKNOWLEDGED_BYTES_FIRST,
            changed_ms: 0,
            quickest_ms: None,
            latest_ms: None,
            followed: None,
        }
    }
}

impl Window {
    /// Whether more may be sent while so many bytes are on the way.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        bytes < self.bytes
    }

    /// Whether something urgent may be sent, which does not wait until what is not has arrived.
    pub(super) fn has_urgent_room(&self, bytes: usize) -> bool {
        bytes < 2 * self.bytes
    }

    /// How much may go as one packet. What of a packet has arrived when a link is cut is of no use, so on
    /// a link of which little is known, or that is slow, one run is enough.
    pub(super) fn packet_bytes(&self) -> usize {
        self.bytes / PACKETS_PER_WINDOW
    }

    /// A run is acknowledged.
    pub(super) fn acknowledged(&mut self, now_ms: u64, run: Acknowledged) {
        let took_ms = now_ms.saturating_sub(run.sent_ms).max(1);
        self.quickest_ms = Some(self.quickest_ms.map_or(took_ms, |ms| ms.min(took_ms)));
        self.latest_ms = Some(took_ms);
        let aim_ms = self.aim_ms();
        let by_rate = in_proportion(self.follow(now_ms, run), aim_ms);
        let by_way = in_proportion((run.on_the_way, took_ms), aim_ms);
        // What left before the last change tells of the window before it.
        let tells = run.sent_ms >= self.changed_ms;
        let changed = if took_ms > aim_ms {
            if !tells {
                return;
            }
            by_way.min(self.bytes).max(self.bytes / 2)
        } else {
            // What was not used shows nothing.
            let used = tells && run.on_the_way >= self.bytes / 2;
            let fitting = if used { by_way.max(by_rate) } else { by_rate };
            if fitting <= self.bytes {
                return;
            }
            fitting.min(self.bytes * UNACKNOWLEDGED_GROWTH_MAX)
        };
        self.bytes = changed.clamp(UNACKNOWLEDGED_BYTES_MIN, UNACKNOWLEDGED_BYTES_MAX);
        self.changed_ms = now_ms;
        self.followed = None;
    }

    /// Bytes that were acknowledged since another acknowledgement, and how long that took, ms.
    fn follow(&mut self, now_ms: u64, run: Acknowledged) -> (usize, u64) {
        match &mut self.followed {
            // Before it the link had nothing to carry.
            Some((since_ms, bytes)) if run.on_the_way > run.bytes => {
                if now_ms > *since_ms {
                    *bytes += run.bytes;
                }
                let enough = *bytes >= self.bytes / PACKETS_PER_WINDOW;
                (if enough { *bytes } else { 0 }, now_ms - *since_ms)
            }
            _ => {
                self.followed = Some((now_ms, 0));
                (0, 0)
            }
        }
    }

    /// How long an acknowledgement should take, ms.
    fn aim_ms(&self) -> u64 {
        let fitting = |quickest_ms: u64| quickest_ms.saturating_add(UNACKNOWLEDGED_QUEUE_MS);
        self.quickest_ms.map_or(UNACKNOWLEDGED_MS_MAX, fitting)
    }

    /// How long nothing may be heard while something is unacknowledged, ms: what is on the way, twice over,
    /// and the longest stall that is borne with. Before anything is acknowledged the link may be the slowest
    /// there is.
    pub(super) fn patience_ms(&self) -> u64 {
        STALL_MS_MAX.saturating_add(self.takes_ms().saturating_mul(2)).min(PROGRESS_TIMEOUT_MS)
    }

    /// How long nothing may be acknowledged before it is doubtful whether anything arrives, ms.
    pub(super) fn doubt_ms(&self) -> u64 {
        DOUBT_MS_MIN.max(self.takes_ms().saturating_mul(2)).min(PROGRESS_TIMEOUT_MS)
    }

    fn takes_ms(&self) -> u64 {
        self.latest_ms.unwrap_or(UNACKNOWLEDGED_FIRST_MS_MAX).max(self.aim_ms())
    }
}

/// How much takes so long, where so much took so long.
fn in_proportion((bytes, took_ms): (usize, u64), ms: u64) -> usize {
    let bytes = (bytes as u64).saturating_mul(ms) / took_ms.max(1);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Bytes of a run of visits, before compression.
    const RUN: usize = 1_700;

    /// What a link showed while a long log went over it.
    #[derive(Debug)]
    struct Sent {
        /// The share of the link's rate that was used, per cent, once the start was over.
        used: u64,
        /// The longest that anything waited behind what was sent before, ms, once the start was over.
        waited_ms: u64,
        /// Until half of the rate was used over a second, ms.
        started_ms: u64,
        /// Until 48 kB were acknowledged, ms.
        village_ms: u64,
    }

    /// Sends over a link for a while, run by run, as a session does.
    fn send(bytes_per_s: u64, round_trip_ms: u64, for_ms: u64) -> Sent {
        let mut window = Window::default();
        let mut waiting: VecDeque<(Acknowledged, u64)> = VecDeque::new();
        let (mut on_the_way, mut free_us, mut sent, mut waited_ms) = (0, 0u64, 0u64, 0);
        let (mut started_ms, mut mark) = (None, (0, 0));
        let (mut acknowledged, mut village_ms) = (0, None);
        let settled_ms = for_ms / 2;
        for now_ms in 0..for_ms {
            while waiting.front().is_some_and(|(_, at)| *at <= now_ms) {
                if let Some((run, _)) = waiting.pop_front() {
                    on_the_way -= RUN;
                    acknowledged += RUN;
                    if acknowledged >= 48_000 {
                        village_ms.get_or_insert(now_ms);
                    }
                    window.acknowledged(now_ms, run);
                }
            }
            while window.has_room(on_the_way) {
                on_the_way += RUN;
                let begins_us = free_us.max(now_ms * 1_000);
                free_us = begins_us + RUN as u64 * 1_000_000 / bytes_per_s;
                let run = Acknowledged { sent_ms: now_ms, bytes: RUN, on_the_way };
                waiting.push_back((run, free_us / 1_000 + round_trip_ms));
                if now_ms >= settled_ms {
                    sent += RUN as u64;
                    waited_ms = waited_ms.max(begins_us / 1_000 - now_ms);
                }
                mark.1 += RUN as u64;
            }
            if now_ms - mark.0 >= 1_000 {
                if mark.1 * 2 >= bytes_per_s {
                    started_ms.get_or_insert(now_ms);
                }
                mark = (now_ms, 0);
            }
        }
        let used = sent * 100_000 / (bytes_per_s * (for_ms - settled_ms));
        let [started_ms, village_ms] = [started_ms, village_ms].map(|ms| ms.unwrap_or(u64::MAX));
        Sent { used, waited_ms, started_ms, village_ms }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn any_link_is_used_and_never_full_for_long(
            bytes_per_s in 1_000u64..200_000,
            // Beyond that a fast link is used only after half a minute; there are none.
            round_trip_ms in 1u64..1_500,
        ) {
            let sent = send(bytes_per_s, round_trip_ms, 60_000);
            prop_assert!(sent.used >= 80, "{sent:?}");
            // Two seconds, or one beyond what the first few runs took; and the run that is not cut.
            let run_ms = RUN as u64 * 1_000 / bytes_per_s;
            let first_ms = UNACKNOWLEDGED_BYTES_FIRST as u64 * 1_000 / bytes_per_s;
            prop_assert!(sent.waited_ms <= 2_000 + first_ms + 2 * run_ms, "{sent:?}");
        }
    }

    #[test]
    fn a_fast_link_is_used_at_once() {
        // Two seconds of 2 Mbit/s, and an office's network up to the most that there may be.
        for (bytes_per_s, round_trip_ms) in [(250_000, 80), (400_000, 2)] {
            let sent = send(bytes_per_s, round_trip_ms, 8_000);
            assert!(sent.started_ms <= 2_000 && sent.used >= 95, "{sent:?}");
        }
    }

    #[test]
    fn what_a_village_has_is_over_soon() {
        // 64 kbit/s of what compresses to a third, 9.6 kbit/s, and a satellite at 1 Mbit/s. A village of 200
        // elders has 48 kB.
        for (bytes_per_s, round_trip_ms) in [(24_000, 600), (3_600, 1_200), (375_000, 700)] {
            let sent = send(bytes_per_s, round_trip_ms, 30_000);
            let least_ms = 48_000_000 / bytes_per_s + round_trip_ms;
            let most_ms = least_ms * 9 / 8 + round_trip_ms;
            assert!(sent.village_ms <= most_ms, "{bytes_per_s} B/s, {round_trip_ms} ms: {sent:?}");
        }
    }

    #[test]
    fn a_link_that_stalls_once_is_used_again() {
        let mut window = Window::default();
        let flight = |window: &mut Window, now_ms: u64, took_ms| {
            let bytes = window.bytes;
            let run = Acknowledged { sent_ms: now_ms, bytes, on_the_way: bytes };
            window.acknowledged(now_ms + took_ms, run);
            now_ms + took_ms
        };
        let mut now_ms = (0..8).fold(0, |now_ms, _| flight(&mut window, now_ms, 100));
        let before = window.bytes;
        now_ms = flight(&mut window, now_ms, 60_000);
        assert!(window.bytes >= before / 2 && window.bytes < before);
        flight(&mut window, now_ms, 100);
        assert_eq!(window.bytes, before);
    }

    #[test]
    fn what_left_together_counts_once() {
        let mut window = Window::default();
        let bytes = window.bytes;
        let run = Acknowledged { sent_ms: 10, bytes, on_the_way: bytes };
        window.acknowledged(20, run);
        let once = window;
        window.acknowledged(25, run);
        assert_eq!(window.bytes, once.bytes);
        assert!(once.bytes > UNACKNOWLEDGED_BYTES_FIRST);
    }

    #[test]
    fn an_idle_link_shows_nothing() {
        let mut window = Window::default();
        window.acknowledged(1, Acknowledged { sent_ms: 0, bytes: 100, on_the_way: 100 });
        assert_eq!(window.bytes, UNACKNOWLEDGED_BYTES_FIRST);
    }

    #[test]
    fn whoever_is_known_to_be_quick_is_given_up_sooner() {
        let flight = |sent_ms| Acknowledged { sent_ms, bytes: 4_000, on_the_way: 4_000 };
        let mut window = Window::default();
        let unknown = window.patience_ms();
        assert!(unknown > STALL_MS_MAX + UNACKNOWLEDGED_FIRST_MS_MAX);
        window.acknowledged(50, flight(0));
        assert!(window.patience_ms() < unknown);
        assert!(window.patience_ms() > STALL_MS_MAX);
        window.acknowledged(90_000, flight(60));
        assert_eq!(window.patience_ms(), PROGRESS_TIMEOUT_MS);
    }
}
