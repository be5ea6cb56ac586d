//! Links between places: delay, jitter, rate, retransmissions, cuts, partitions.
//!
//! A substream is reliable and in order, so a lost packet shows as lateness, and a lost connection
//! as the end of the session: whatever was on the way is gone, and the two ends learn of it at
//! different times or, where nothing tells them, not at all. The world owns the events; this
//! module only says when they happen.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What a link is like. Pairs are from the dialler to the listener, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Time on the way, ms.
    pub delay_ms: [u64; 2],
    /// Up to so much more, ms.
    pub jitter_ms: u64,
    /// Bytes a second.
    pub rate: [u64; 2],
    /// Frames in a thousand that wait for a retransmission.
    pub late_per_mille: u32,
    /// How long connections last.
    pub cuts: Cuts,
}

/// How long connections last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// Until something stands in the way.
    Never,
    /// So long on average, ms.
    Mean(u64),
    /// So long and never longer, ms: a pass behind a hill, a modem's watchdog.
    After(u64),
}

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The one that dials, and dials again.
    Dialler,
    /// The other.
    Listener,
}

/// The number of a connection of a link, from 1.
pub type Connection = u64;

/// A link and its present connection.
#[derive(Debug)]
pub struct Link {
    quality: Quality,
    connection: Connection,
    /// Since when the connection is cut, for each end as receiver: frames that would arrive later are gone.
    cut: BTreeMap<Connection, [u64; 2]>,
    /// Until when earlier frames occupy each direction.
    busy_until_ms: [u64; 2],
    last_arrival_ms: [u64; 2],
    in_flight: [u64; 2],
    believed: [Option<Connection>; 2],
    obstacles: u32,
    /// From which end nothing gets through to the other, though the other way is free.
    deaf: [bool; 2],
    /// For each end as receiver, when the next retransmission comes of what was held up.
    held_until_ms: [u64; 2],
}

/// When a new connection comes up at each end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The new connection.
    pub connection: Connection,
    /// At the dialler and at the listener, ms.
    pub up_ms: [u64; 2],
    /// When it will be cut, if it is the kind of link that is.
    pub cut_ms: Option<u64>,
}

/// What is held up is sent again after so long, ms.
const RETRANSMITS_AFTER_MS: u64 = 2_000;

/// Bytes that Noise, Yamux, TCP and IP put round a frame.
const FRAME_OVERHEAD_BYTES: u64 = 80;

impl Quality {
    /// One room.
    pub const OFFICE: Self = Self {
        delay_ms: [1, 1],
        jitter_ms: 1,
        rate: [10_000_000, 10_000_000],
        late_per_mille: 0,
        cuts: Cuts::Never,
    };

    /// A wired line.
    pub const BROADBAND: Self = Self {
        delay_ms: [20, 25],
        jitter_ms: 10,
        rate: [500_000, 2_000_000],
        late_per_mille: 2,
        cuts: Cuts::Mean(6 * 3_600_000),
    };

    /// 4G in the hills.
    pub const MOBILE: Self = Self {
        delay_ms: [60, 90],
        jitter_ms: 80,
        rate: [60_000, 250_000],
        late_per_mille: 20,
        cuts: Cuts::Mean(20 * 60_000),
    };

    /// GPRS: some 16 kbit/s up and 32 kbit/s down, with pauses.
    pub const GPRS: Self = Self {
        delay_ms: [700, 400],
        jitter_ms: 600,
        rate: [2_000, 4_000],
        late_per_mille: 60,
        cuts: Cuts::Mean(4 * 60_000),
    };

    /// A geostationary satellite.
    pub const SATELLITE: Self = Self {
        delay_ms: [350, 350],
        jitter_ms: 40,
        rate: [16_000, 64_000],
        late_per_mille: 10,
        cuts: Cuts::Mean(60 * 60_000),
    };
}

impl End {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Listener,
            Self::Listener => Self::Dialler,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Dialler => 0,
            Self::Listener => 1,
        }
    }
}

impl Link {
    /// A link without a connection.
    pub fn new(quality: Quality) -> Self {
        Self {
            quality,
            connection: 0,
            cut: BTreeMap::new(),
            busy_until_ms: [0; 2],
            last_arrival_ms: [0; 2],
            in_flight: [0; 2],
            believed: [None; 2],
            obstacles: 0,
            deaf: [false; 2],
            held_until_ms: [0; 2],
        }
    }

    /// What it is like from now on.
    pub fn set_quality(&mut self, quality: Quality) {
        self.quality = quality;
    }

    /// Something stands in the way, or no longer does.
    pub fn obstruct(&mut self, there: bool) {
        self.obstacles = if there { self.obstacles + 1 } else { self.obstacles.saturating_sub(1) };
    }

    /// Nothing that this end says arrives from now on, or everything does again, late and in order as a
    /// stream brings it. What the other says is not concerned, and nobody is told.
    pub fn deafen(&mut self, from: End, deaf: bool) {
        self.deaf[from.index()] = deaf;
    }

    /// Whether something gets through in one direction at most.
    pub fn is_deaf(&self) -> bool {
        self.deaf.contains(&true)
    }

    /// When a frame that would arrive now is sent once more, if it is held up.
    pub fn held_until(&mut self, now_ms: u64, to: End, connection: Connection) -> Option<u64> {
        if connection != self.connection {
            return None;
        }
        let until = &mut self.held_until_ms[to.index()];
        if self.deaf[to.other().index()] && *until <= now_ms {
            *until = now_ms + RETRANSMITS_AFTER_MS;
        }
        (*until > now_ms).then_some(*until)
    }

    /// Nothing stands in the way.
    pub fn clear(&mut self) {
        self.obstacles = 0;
        self.deaf = [false; 2];
    }

    /// Whether nothing gets through.
    pub fn is_obstructed(&self) -> bool {
        self.obstacles > 0
    }

    /// The connection that this end believes in.
    pub fn believed(&self, end: End) -> Option<Connection> {
        self.believed[end.index()]
    }

    /// What this end believes from now on.
    pub fn believe(&mut self, end: End, connection: Option<Connection>) {
        self.believed[end.index()] = connection;
    }

    /// Whether both ends believe in the same connection, which is not cut, and nothing is on the
    /// way.
    pub fn is_quiet(&self) -> bool {
        self.is_up() && self.in_flight == [0; 2]
    }

    /// Whether both ends believe in the same connection, and it is not cut.
    pub fn is_up(&self) -> bool {
        self.believed == [Some(self.connection); 2] && !self.cut.contains_key(&self.connection)
    }

    /// The newest connection, if it is not cut.
    pub fn connection(&self) -> Option<Connection> {
        (self.connection > 0 && !self.cut.contains_key(&self.connection)).then_some(self.connection)
    }

    /// Whether this is the newest connection, or one that some end believes in still.
    pub fn is_present(&self, connection: Connection) -> bool {
        connection == self.connection || self.believed.contains(&Some(connection))
    }

    /// Opens a connection. Three flights pass before both ends can speak.
    pub fn open(&mut self, now_ms: u64, random: &mut ChaCha8Rng) -> Opening {
        // Whatever there was before is over.
        self.cut(now_ms, random);
        self.connection += 1;
        self.in_flight = [0; 2];
        self.held_until_ms = [0; 2];
        self.cut.retain(|connection, _| connection + 4 > self.connection);
        let [there, back] = self.quality.delay_ms;
        let listener = now_ms + 2 * there + back + self.jitter(random);
        let dialler = listener + back + self.jitter(random);
        self.busy_until_ms = [dialler, listener];
        // Frames arrive only at an end that is up.
        self.last_arrival_ms = [dialler, listener];
        let cut_ms = match self.quality.cuts {
            Cuts::Never => None,
            Cuts::Mean(mean) => Some(dialler + exponential(mean, random)),
            Cuts::After(span) => Some(dialler + span),
        };
        Opening { connection: self.connection, up_ms: [dialler, listener], cut_ms }
    }

    /// Sends a frame of so many bytes. When it arrives, unless the connection is cut before; None
    /// if the sender believes in a connection that is gone.
    pub fn send(
        &mut self,
        now_ms: u64,
        from: End,
        bytes: usize,
        random: &mut ChaCha8Rng,
    ) -> Option<(Connection, u64)> {
        let connection = self.believed(from)?;
        if connection != self.connection || self.cut.contains_key(&connection) {
            return None;
        }
        let (way, to) = (from.index(), from.other().index());
        let length = bytes as u64 + FRAME_OVERHEAD_BYTES;
        let left = self.busy_until_ms[way].max(now_ms) + length * 1_000 / self.quality.rate[way];
        self.busy_until_ms[way] = left;
        let late = random.random_ratio(self.quality.late_per_mille.min(1_000), 1_000);
        let pause = if late { random.random_range(200..3_000) } else { 0 };
        let arrival = left + self.quality.delay_ms[way] + self.jitter(random) + pause;
        let arrival = arrival.max(self.last_arrival_ms[to]);
        self.last_arrival_ms[to] = arrival;
        self.in_flight[to] += 1;
        Some((connection, arrival))
    }

    /// A frame would arrive now. Whether it does: neither is its connection cut nor has the
    /// receiver given it up.
    pub fn arrive(&mut self, now_ms: u64, to: End, connection: Connection) -> bool {
        if connection == self.connection {
            let waiting = &mut self.in_flight[to.index()];
            *waiting = waiting.saturating_sub(1);
        }
        let cut = self.cut.get(&connection).map_or(u64::MAX, |cut| cut[to.index()]);
        self.believed(to) == Some(connection) && now_ms <= cut
    }

    /// The present connection breaks: of what is on the way, some may still arrive at each end.
    /// Returns the connection, if there was one.
    pub fn cut(&mut self, now_ms: u64, random: &mut ChaCha8Rng) -> Option<Connection> {
        let connection = self.connection()?;
        let last = [0, 1].map(|to| {
            // What has left may still arrive; what waits in the sender's buffer does not.
            let way = 1 - to;
            let most = self.quality.delay_ms[way] + self.quality.jitter_ms;
            now_ms + random.random_range(0..=most) * u64::from(random.random_bool(0.5))
        });
        self.cut.insert(connection, last);
        Some(connection)
    }

    /// One end closes the present connection: what is on the way to the other end arrives, and
    /// then it learns of the end. Returns when.
    pub fn close(&mut self, now_ms: u64, by: End) -> Option<(Connection, u64)> {
        let connection = self.connection()?;
        let (own, other) = (by.index(), by.other().index());
        let learns = self.last_arrival_ms[other].max(now_ms + self.quality.delay_ms[own]);
        let mut cut = [0; 2];
        cut[own] = now_ms;
        cut[other] = learns;
        self.cut.insert(connection, cut);
        Some((connection, learns + 1))
    }

    /// The time from this end to the other.
    pub fn delay_ms(&self, from: End) -> u64 {
        self.quality.delay_ms[from.index()]
    }

    fn jitter(&self, random: &mut ChaCha8Rng) -> u64 {
        random.random_range(0..=self.quality.jitter_ms)
    }
}

/// A time with this mean, as between events that do not know of each other.
pub fn exponential(mean_ms: u64, random: &mut ChaCha8Rng) -> u64 {
    let uniform: f64 = random.random_range(f64::EPSILON..1.0);
    (-uniform.ln() * mean_ms as f64) as u64
}

/// When an end learns that its connection is cut: soon, after a while, or only by its own
/// timeouts.
pub fn notice_ms(now_ms: u64, random: &mut ChaCha8Rng) -> Option<u64> {
    match random.random_range(0..10) {
        0..4 => Some(now_ms + random.random_range(0..5_000)),
        4..8 => Some(now_ms + random.random_range(5_000..180_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn up(quality: Quality) -> (Link, ChaCha8Rng, u64) {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut link = Link::new(quality);
        let opening = link.open(1_000, &mut random);
        link.believe(End::Dialler, Some(opening.connection));
        link.believe(End::Listener, Some(opening.connection));
        (link, random, opening.up_ms[0])
    }

    #[test]
    fn frames_arrive_in_order_and_no_faster_than_the_rate() {
        let (mut link, mut random, start) = up(Quality::GPRS);
        let mut last = 0;
        let mut sent = 0;
        for length in [10, 2_000, 0, 500, 4_000, 1] {
            let (_, arrival) = link.send(start, End::Dialler, length, &mut random).unwrap();
            sent += length as u64;
            assert!(arrival >= last);
            assert!(arrival >= start + sent * 1_000 / Quality::GPRS.rate[0]);
            last = arrival;
        }
        // The other direction is free.
        let (_, arrival) = link.send(start, End::Listener, 1, &mut random).unwrap();
        assert!(arrival < last);
    }

    #[test]
    fn a_cut_takes_what_is_on_the_way_and_a_late_believer_speaks_into_the_void() {
        let (mut link, mut random, start) = up(Quality::MOBILE);
        let (connection, arrival) = link.send(start, End::Dialler, 100_000, &mut random).unwrap();
        assert!(!link.is_quiet());
        link.cut(start, &mut random);
        let arrives = link.arrive(arrival + 1, End::Listener, connection);
        assert!(!arrives);
        assert_eq!(link.send(start + 1, End::Listener, 1, &mut random), None);
        let opening = link.open(start + 2, &mut random);
        assert_ne!(opening.connection, connection);
        assert!(!link.is_up(), "the ends have to learn of it");
    }

    #[test]
    fn what_one_direction_holds_up_comes_late_and_in_order_and_the_other_is_free() {
        let (mut link, mut random, start) = up(Quality::MOBILE);
        let (connection, first) = link.send(start, End::Dialler, 9, &mut random).unwrap();
        let (_, second) = link.send(start, End::Dialler, 9, &mut random).unwrap();
        link.deafen(End::Dialler, true);
        assert_eq!(link.held_until(first, End::Dialler, connection), None);
        let until = link.held_until(first, End::Listener, connection).unwrap();
        // One that comes meanwhile waits for the same moment, and not for a later one.
        assert_eq!(link.held_until(second, End::Listener, connection), Some(until));
        link.deafen(End::Dialler, false);
        assert_eq!(link.held_until(second, End::Listener, connection), Some(until));
        assert_eq!(link.held_until(until, End::Listener, connection), None);
        assert!(link.arrive(until, End::Listener, connection));
    }

    #[test]
    fn what_was_said_before_a_close_arrives() {
        let (mut link, mut random, start) = up(Quality::MOBILE);
        let (connection, arrival) = link.send(start, End::Listener, 9, &mut random).unwrap();
        let (closed, learns) = link.close(start, End::Listener).unwrap();
        assert_eq!(closed, connection);
        assert!(learns > arrival);
        assert!(link.arrive(arrival, End::Dialler, connection));
    }
}
