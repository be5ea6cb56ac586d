//! Two processes in network namespaces of their own, over this machine's own TCP and a link that loses and
//! reorders packets: `docs/links.md`. Needs `netns` (`tests/support/capability.rs`).
#![cfg(target_os = "linux")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use emulator::cell::{Carrier, Figures, Joined, Load, World};
use namespaces::forwarder::{Lossy, Way};
use namespaces::wire::{ADDRESSES, Wire, missing};
use support::capability::Capability;

#[path = "support/links/mod.rs"]
mod emulator;
#[path = "support/namespaces/mod.rs"]
mod namespaces;
mod support;

/// Elders of the village.
const ELDERS: usize = 200;

/// The longest that one exchange may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The ends: bytes go there from the village, and back from the township.
const VILLAGE: usize = 0;
const TOWN: usize = 1;

const GPRS: Lossy = Lossy {
    name: "gprs-loss",
    bits_per_s: 64_000,
    delay_ms: 300,
    lost_per_mille: 20,
    held_per_mille: 0,
    held_ms: 0,
    mtu: 576,
    queue_bytes: 12_000,
};

const GSM: Lossy = Lossy {
    name: "gsm-loss",
    bits_per_s: 9_600,
    delay_ms: 600,
    lost_per_mille: 10,
    queue_bytes: 6_000,
    ..GPRS
};

const MOBILE: Lossy = Lossy {
    name: "3g-loss",
    bits_per_s: 2_000_000,
    delay_ms: 20,
    lost_per_mille: 50,
    held_per_mille: 50,
    held_ms: 30,
    mtu: 1_400,
    queue_bytes: 64_000,
};

/// A wire that says at the end what was done to its packets.
struct Counted {
    wire: Wire,
    name: String,
}

impl Counted {
    fn sum(&self, what: fn(&Way) -> &AtomicU64) -> u64 {
        self.wire.ways.iter().map(|way| what(way).load(Ordering::Relaxed)).sum()
    }
}

impl Carrier for Counted {
    fn bytes(&self) -> [u64; 2] {
        self.wire.ways.each_ref().map(|way| way.bytes.load(Ordering::Relaxed))
    }

    fn lost(&self) -> u64 {
        self.sum(|way| &way.lost_bytes)
    }

    fn connections(&self) -> u64 {
        self.wire.ways.iter().map(|way| way.connections()).sum()
    }

    fn struck(&self) -> bool {
        // By the link, and not for want of room alone.
        self.sum(|way| &way.lost) > self.sum(|way| &way.overflowed)
    }

    fn used(&self) -> Option<u64> {
        self.wire.ways[VILLAGE].used()
    }

    fn enters(&self, place: usize) -> anyhow::Result<()> {
        self.wire.enters([TOWN, VILLAGE][place])
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        println!(
            "{}: {} packets, {} lost ({} for want of room), {} overtaken",
            self.name,
            self.sum(|way| &way.packets),
            self.sum(|way| &way.lost),
            self.sum(|way| &way.overflowed),
            self.sum(|way| &way.overtaken)
        );
    }
}

fn run(world: &World, link: Lossy, load: Load, seed: u64) -> Figures {
    // Jitter is what retransmission makes of it: a lost packet costs a few ways.
    let way = Duration::from_millis(link.delay_ms + link.held_ms);
    let joined = world.run_over(link.name, load, way, PATIENCE, |program, places| {
        let wire = Wire::lay(link, seed)?;
        wire.enters(TOWN)?;
        let town = places[0].up_at(program, ADDRESSES[TOWN], None)?;
        wire.enters(VILLAGE)?;
        let village = places[1].up_at(program, ADDRESSES[VILLAGE], Some(town.address()))?;
        let name = format!("{} {}", link.name, load.name());
        Ok(Joined { carrier: Box::new(Counted { wire, name }), processes: [town, village] })
    });
    let figures = joined.unwrap();
    println!("{figures:?}");
    figures
}

#[test]
fn all_arrives_once_over_tcp_that_loses_packets() {
    if let Some(why) = missing() {
        return Capability::Netns.skips("all_arrives_once_over_tcp_that_loses_packets", &why);
    }
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_shouwang"));
    let world = World::make(program, folder.path(), ELDERS).unwrap();
    // Side by side: what takes time is waiting.
    std::thread::scope(|scope| {
        let cells: Vec<_> = [GPRS, GSM, MOBILE]
            .into_iter()
            .flat_map(|link| [(link, Load::First), (link, Load::Incident)])
            .zip((0..).step_by(1_000))
            .map(|((link, load), seed)| {
                let world = &world;
                (link, load, scope.spawn(move || run(world, link, load, seed)))
            })
            .collect();
        for (link, load, cell) in cells {
            let figures = cell.join().unwrap();
            let new = if load == Load::First { 4 * ELDERS as u64 } else { 1 };
            assert!(figures.entries_new >= new, "{figures:?}");
            // TCP makes up for what is lost: the exchange is not disturbed by it.
            assert_eq!((figures.connections, figures.twice()), (1, 0), "{figures:?}");
            assert!(figures.struck, "no packet was lost on {}", link.name);
        }
    });
}
