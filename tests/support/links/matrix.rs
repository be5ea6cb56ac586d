//! The links that are tried, and what has to hold on them.

use super::cell::{Figures, Load};
use super::proxy::{Shape, Trouble};

/// A link with a name.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub name: &'static str,
    /// What it is, for people.
    pub says: &'static str,
    pub shape: Shape,
    pub trouble: fn(Load) -> Trouble,
    /// With which link's run its bytes are compared.
    pub as_on: &'static str,
    /// Beside a handshake, what each connection after the first may have to say once more, B.
    pub anew_bytes: u64,
}

/// GPRS on a good day: 64 kbit/s, 600 ms there and back.
pub const GPRS: Shape = Shape { bits_per_s: 64_000, delay_ms: 300, jitter_ms: 60 };

/// GSM data, or GPRS at the edge of a cell: 9.6 kbit/s, 1.2 s there and back.
pub const GSM: Shape = Shape { bits_per_s: 9_600, delay_ms: 600, jitter_ms: 120 };

/// 3G: 2 Mbit/s, 40 ms there and back.
pub const MOBILE: Shape = Shape { bits_per_s: 2_000_000, delay_ms: 20, jitter_ms: 5 };

/// When trouble comes, so that it comes in the midst, B: a handshake takes some 1.1 kB.
fn midst(load: Load) -> u64 {
    match load {
        Load::First => 8_000,
        Load::Visits => 2_000,
        Load::Incident => 1_400,
    }
}

/// How long the line stalls, ms.
pub const STALL_MS: u64 = 60_000;

pub const LINKS: [Link; 7] = [
    Link {
        name: "gprs",
        says: "64 kbit/s, 600 ms",
        shape: GPRS,
        trouble: |_| Trouble::None,
        as_on: "gprs",
        anew_bytes: 0,
    },
    Link {
        name: "gsm",
        says: "9.6 kbit/s, 1.2 s",
        shape: GSM,
        trouble: |_| Trouble::None,
        as_on: "gsm",
        anew_bytes: 0,
    },
    Link {
        name: "3g",
        says: "2 Mbit/s, 40 ms",
        shape: MOBILE,
        trouble: |_| Trouble::None,
        as_on: "3g",
        anew_bytes: 0,
    },
    Link {
        name: "3g-cut-5s",
        says: "2 Mbit/s, 40 ms, cut every 5 s",
        shape: MOBILE,
        trouble: |_| Trouble::CutEvery(5_000),
        as_on: "3g",
        anew_bytes: 0,
    },
    Link {
        name: "gprs-cut",
        says: "64 kbit/s, 600 ms, each connection cut after 8 kB (first) or 2.6 kB",
        shape: GPRS,
        trouble: |load| Trouble::CutAfter(midst(load).max(2_600)),
        as_on: "gprs",
        anew_bytes: ANEW_BYTES_MAX,
    },
    Link {
        name: "gprs-stall",
        says: "64 kbit/s, 600 ms, stalls for 60 s",
        shape: GPRS,
        trouble: |load| Trouble::StallOnce(midst(load), STALL_MS),
        as_on: "gprs",
        anew_bytes: 0,
    },
    Link {
        name: "gprs-half-open",
        says: "64 kbit/s, 600 ms, half-open",
        shape: GPRS,
        trouble: |load| Trouble::HalfOpenOnce(midst(load)),
        as_on: "gprs",
        anew_bytes: 0,
    },
];

/// What one more connection may cost, B: Noise, Yamux, `Hello` and the summaries.
pub const HANDSHAKE_BYTES_MAX: u64 = 1_500;

/// What a new stream says once more where it begins in the midst of a village, B: the names of 200
/// elders, 16 B each, which compress to nothing less, and a few templates. On a link that breaks every
/// few kilobytes that is a good part of all.
pub const ANEW_BYTES_MAX: u64 = 4_000;

/// The least that an entry takes on the way, B.
const ENTRY_BYTES_MIN: u64 = 16;

/// Entries of the runs that may be in flight when a connection ends: those of a round trip, of what is let
/// wait at the link (`docs/protocol.md`, "window"), and of as much again before the link has shown itself.
fn in_flight_entries_max(shape: Shape) -> u64 {
    let ms = 2 * (shape.delay_ms + shape.jitter_ms) + 1_000;
    shape.bits_per_s * ms / 8_000 / ENTRY_BYTES_MIN
}

/// Why a cell does not hold, beside the uncut run on the same link; empty if it does.
pub fn faults(link: &Link, figures: &Figures, uncut: &Figures) -> Vec<String> {
    let mut faults = Vec::new();
    let again = figures.connections.saturating_sub(uncut.connections);
    let most = uncut.bytes * 115 / 100 + again * (HANDSHAKE_BYTES_MAX + link.anew_bytes);
    let useful = figures.bytes.saturating_sub(figures.lost);
    if useful > most {
        faults.push(format!("{useful} B, {} B uncut, {again} connections more", uncut.bytes));
    }
    if figures.twice() > again * in_flight_entries_max(link.shape) {
        faults.push(format!("{} entries sent twice in {again} cuts", figures.twice()));
    }
    if figures.entries_new != uncut.entries_new {
        faults.push(format!("{} entries, {} uncut", figures.entries_new, uncut.entries_new));
    }
    faults
}
