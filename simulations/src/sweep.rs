//! Many seeds, several at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use crate::report::{Report, simulate};
use crate::world::Plan;

/// Simulates every seed, so many at once, each in a thread of its own: what one finds does not depend on
/// the others. `say` hears of all in the order of seeds, up to the first that fails, which is returned.
pub fn sweep(
    seeds: Range<u64>,
    jobs: usize,
    draw: impl Fn(u64) -> (Plan, u64) + Sync,
    mut say: impl FnMut(u64, &Report),
) -> Option<Report> {
    let (next, over) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (send, next, over, draw, end) = (send.clone(), &next, &over, &draw, seeds.end);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let (plan, hours) = draw(seed);
                    // Nobody listens any more once something was found.
                    let _ = send.send((seed, simulate(plan, hours)));
                }
            });
        }
        drop(send);
        let (mut waiting, mut turn) = (BTreeMap::new(), seeds.start);
        for (seed, report) in receive {
            waiting.insert(seed, report);
            while let Some(report) = waiting.remove(&turn) {
                say(turn, &report);
                if report.violation.is_some() {
                    over.store(true, Ordering::Relaxed);
                    return Some(report);
                }
                turn += 1;
            }
        }
        None
    })
}
