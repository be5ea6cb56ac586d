//! Two processes at the ends of a link that is slow, cut, or dead without saying so. The whole matrix
//! is a program: `docs/links.md`.

use std::path::Path;
use std::time::Duration;

use emulator::cell::{Figures, Load, World};
use emulator::matrix::{LINKS, Link, faults};
use emulator::proxy::Trouble;

#[path = "support/links/mod.rs"]
mod emulator;

/// Elders of the village.
const ELDERS: usize = 200;

/// The longest that one exchange may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A stall that takes less than the tests may.
const STALL_MS: u64 = 15_000;

fn link(name: &str) -> Link {
    LINKS.into_iter().find(|link| link.name == name).unwrap()
}

fn run(world: &World, name: &str, load: Load) -> Figures {
    let link = link(name);
    let trouble = match (link.trouble)(load) {
        Trouble::StallOnce(after, _) => Trouble::StallOnce(after.min(4_000), STALL_MS),
        other => other,
    };
    let figures = world.run(name, link.shape, trouble, load, PATIENCE).unwrap();
    println!("{figures:?}");
    assert_eq!(figures.struck, trouble != Trouble::None, "{figures:?}");
    figures
}

#[test]
fn all_arrives_once_over_links_that_are_slow_or_cut_or_stall() {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_shouwang"));
    let world = World::make(program, folder.path(), ELDERS).unwrap();
    // Side by side: what takes time is waiting.
    std::thread::scope(|scope| {
        let first: Vec<_> = ["gprs", "gprs-cut", "gprs-stall"]
            .map(|name| scope.spawn(|| run(&world, name, Load::First)))
            .into();
        let visits: Vec<_> = ["gprs", "gprs-cut", "gprs-half-open"]
            .map(|name| scope.spawn(|| run(&world, name, Load::Visits)))
            .into();
        let slow = scope.spawn(|| run(&world, "gsm", Load::Incident));
        for cells in [first, visits] {
            let figures: Vec<Figures> =
                cells.into_iter().map(|cell| cell.join().unwrap()).collect();
            for cell in &figures {
                assert_eq!(
                    faults(&link(&cell.link), cell, &figures[0]),
                    Vec::<String>::new(),
                    "{cell:?}"
                );
            }
            assert_eq!((figures[0].connections, figures[0].twice()), (1, 0), "{figures:?}");
            assert!(figures[1].connections > 1, "it was cut: {figures:?}");
        }
        let incident = slow.join().unwrap();
        assert!(incident.entries_new >= 1 && incident.twice() == 0, "{incident:?}");
    });
}
