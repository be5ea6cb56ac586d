//! Packets between two tun devices: what a link does to them.
//!
//! Which packets are lost and which are held back is decided by the number of the packet in its direction
//! and a seed. What packets the kernel sends, and when, is its own affair, so runs differ.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tun_rs::SyncDevice;

/// The longest packet that a tun device of ours has.
const PACKET_BYTES_MAX: usize = 2_048;

/// A link that loses packets.
#[derive(Clone, Copy, Debug)]
pub struct Lossy {
    pub name: &'static str,
    pub bits_per_s: u64,
    /// One way.
    pub delay_ms: u64,
    /// Packets that never arrive.
    pub lost_per_mille: u32,
    /// Packets that are held back until others have overtaken them, and for how long.
    pub held_per_mille: u32,
    pub held_ms: u64,
    /// The longest packet.
    pub mtu: u16,
    /// Bytes that wait at most: what is beyond is lost too, as in a modem.
    pub queue_bytes: usize,
}

/// Packets of a direction that are in the midst of even the shortest exchange.
const MIDST: std::ops::Range<usize> = 4..16;

impl Lossy {
    /// The first seed from this one on with which something happens in the midst of any exchange.
    pub fn seed(&self, from: u64) -> u64 {
        let happens = |seed: &u64| {
            let mut random = ChaCha8Rng::seed_from_u64(*seed);
            let fates: Vec<(bool, bool)> = (0..MIDST.end).map(|_| self.fate(&mut random)).collect();
            let midst = fates.get(MIDST).unwrap_or_default();
            let held = self.held_per_mille == 0 || midst.iter().any(|(_, held)| *held);
            held && midst.iter().any(|(lost, _)| *lost)
        };
        (from..).find(happens).unwrap_or(from)
    }

    /// Whether the next packet is lost, and whether it is held back. Always both are drawn, so that each
    /// packet's fate is its number's.
    fn fate(&self, random: &mut ChaCha8Rng) -> (bool, bool) {
        let (lost, held) = (random.random_range(0..1_000), random.random_range(0..1_000));
        (lost < self.lost_per_mille, held < self.held_per_mille)
    }
}

/// One direction, and what was counted of it.
pub struct Way {
    link: Lossy,
    queue: Mutex<Queue>,
    more: Condvar,
    over: AtomicBool,
    /// Bytes of packets that it took.
    pub bytes: AtomicU64,
    /// Packets that it took.
    pub packets: AtomicU64,
    /// Of these, packets and bytes that never arrived.
    pub lost: AtomicU64,
    pub lost_bytes: AtomicU64,
    /// Of these, packets for which there was no room.
    pub overflowed: AtomicU64,
    /// Packets that were overtaken.
    pub overtaken: AtomicU64,
    /// Connections that were opened this way: the ports of their first packets.
    opened: Mutex<BTreeSet<(u16, u16)>>,
    /// When bytes left, for the share of the rate.
    left: Mutex<Vec<(Instant, usize)>>,
}

struct Queue {
    random: ChaCha8Rng,
    /// By when they arrive.
    waiting: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    /// When the last that was taken has left.
    free: Option<Instant>,
    number: u64,
    arrived: u64,
}

impl Way {
    /// Packets go from one device to the other until [`Way::end`].
    pub fn begin(link: Lossy, seed: u64, from: Arc<SyncDevice>, to: Arc<SyncDevice>) -> Arc<Self> {
        let random = ChaCha8Rng::seed_from_u64(seed);
        let (waiting, free, number, arrived) = (BinaryHeap::new(), None, 0, 0);
        let way = Arc::new(Self {
            link,
            queue: Mutex::new(Queue { random, waiting, free, number, arrived }),
            more: Condvar::new(),
            over: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            packets: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            lost_bytes: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
            overtaken: AtomicU64::new(0),
            opened: Mutex::default(),
            left: Mutex::default(),
        });
        let taker = way.clone();
        thread::spawn(move || taker.takes(&from));
        let giver = way.clone();
        thread::spawn(move || giver.gives(&to));
        way
    }

    /// Connections that were opened this way.
    pub fn connections(&self) -> u64 {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Nothing goes any more.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.more.notify_all();
    }

    /// The share of the rate that was used while the middle eight tenths of the bytes went, per cent.
    pub fn used(&self) -> Option<u64> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = left.iter().map(|(_, bytes)| bytes).sum();
        let mut sum = 0;
        let mut at = |share: usize| {
            sum = 0;
            left.iter().find_map(|(when, bytes)| {
                sum += bytes;
                (sum * 10 >= total * share).then_some((*when, sum))
            })
        };
        let (from, to) = (at(1)?, at(9)?);
        let ms = u64::try_from(to.0.saturating_duration_since(from.0).as_millis()).ok()?;
        let bits = (to.1 - from.1) as u64 * 8;
        (bits * 100_000).checked_div(ms * self.link.bits_per_s)
    }

    fn takes(&self, from: &SyncDevice) {
        let mut packet = [0; PACKET_BYTES_MAX];
        while !self.over.load(Ordering::Relaxed) {
            // The device is gone when its namespace is.
            let Ok(length) = from.recv(&mut packet) else { return };
            let Some(packet) = packet.get(..length).filter(|packet| is_v4(packet)) else {
                continue;
            };
            self.bytes.fetch_add(length as u64, Ordering::Relaxed);
            self.packets.fetch_add(1, Ordering::Relaxed);
            if let Some(ports) = opens(packet) {
                self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(ports);
            }
            self.sends(packet, Instant::now());
        }
    }

    fn sends(&self, packet: &[u8], now: Instant) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.number += 1;
        let (lost, held) = self.link.fate(&mut queue.random);
        let free = queue.free.filter(|free| *free > now).unwrap_or(now);
        let ahead = free.saturating_duration_since(now).as_millis() as u64;
        let waits = ahead * self.link.bits_per_s / 8_000;
        let overflows = waits as usize + packet.len() > self.link.queue_bytes;
        if lost || overflows {
            self.lost.fetch_add(1, Ordering::Relaxed);
            self.lost_bytes.fetch_add(packet.len() as u64, Ordering::Relaxed);
            self.overflowed.fetch_add(u64::from(!lost), Ordering::Relaxed);
            return;
        }
        let micros = packet.len() as u64 * 8_000_000 / self.link.bits_per_s;
        let gone = free + Duration::from_micros(micros);
        queue.free = Some(gone);
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push((gone, packet.len()));
        let held = if held { self.link.held_ms } else { 0 };
        let at = gone + Duration::from_millis(self.link.delay_ms + held);
        let number = queue.number;
        queue.waiting.push(Reverse((at, number, packet.to_vec())));
        self.more.notify_all();
    }

    fn gives(&self, to: &SyncDevice) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.over.load(Ordering::Relaxed) {
            let now = Instant::now();
            let due = queue.waiting.peek().map(|Reverse((at, ..))| *at);
            match due {
                Some(at) if at <= now => {
                    let Some(Reverse((_, number, packet))) = queue.waiting.pop() else { continue };
                    if number < queue.arrived {
                        self.overtaken.fetch_add(1, Ordering::Relaxed);
                    }
                    queue.arrived = queue.arrived.max(number);
                    if to.send(&packet).is_err() {
                        return;
                    }
                }
                _ => {
                    let wait = due.map_or(Duration::from_secs(1), |at| at - now);
                    let woken = self.more.wait_timeout(queue, wait);
                    queue = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

fn is_v4(packet: &[u8]) -> bool {
    packet.first().is_some_and(|byte| byte >> 4 == 4)
}

/// The ports of a TCP packet that opens a connection.
fn opens(packet: &[u8]) -> Option<(u16, u16)> {
    let header = usize::from(packet.first()? & 0xf) * 4;
    let tcp = packet.get(header..).filter(|_| packet.get(9) == Some(&6))?;
    let flags = tcp.get(13)? & 0b0001_0010;
    let port = |at: usize| Some(u16::from_be_bytes([*tcp.get(at)?, *tcp.get(at + 1)?]));
    (flags == 0b10).then(|| Some((port(0)?, port(2)?)))?
}
