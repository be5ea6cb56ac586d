//! An executor that loses power between any two pieces of its work.

use std::panic::AssertUnwindSafe;

use shouwang_node::limits::RECEIPT_INTERVAL_MS;
use shouwang_node::store::Store;

use crate::county::{County, field};
use crate::power::Disk;
use crate::{COUNTY, NAME, SHANGHE, SONGWU, Scene, XIAHE, YUNGANG};
use shouwang_crdt_schema::field::Field;

/// A scene whose town is on such a disk.
fn scene() -> (Scene, Disk) {
    let disk = Disk::default();
    let mut county = County::begin(COUNTY);
    let store = Store::with_backend(disk.clone()).unwrap();
    county.grant_in(COUNTY, SONGWU, SONGWU, None, store);
    for village in [SHANGHE, XIAHE, YUNGANG] {
        county.grant(SONGWU, village);
    }
    let mut scene = Scene { county, elder: String::new() };
    connect(&mut scene);
    scene.elder = scene.county.adds_elder(SHANGHE, NAME);
    scene.county.records_visit(SHANGHE, &scene.elder.clone(), "2026-09-01");
    scene.county.settle();
    scene.county.sets(SONGWU, &scene.elder.clone(), Field::Phone, "13812345678");
    scene.county.settle();
    (scene, disk)
}

fn connect(scene: &mut Scene) {
    for other in [COUNTY, SHANGHE, XIAHE, YUNGANG] {
        scene.county.connect(SONGWU, other);
    }
    scene.county.settle();
}

#[test]
fn an_executor_that_stops_between_any_two_pieces_goes_on_from_what_is_stored() {
    let mut stopped = 0;
    for syncs in 0.. {
        let (mut scene, disk) = scene();
        scene.offers(SHANGHE, XIAHE).unwrap();
        scene.county.settle();
        scene.accepts(XIAHE).unwrap();
        disk.fails_after(syncs);
        let work = || {
            scene.county.settle();
            scene.county.passes(3 * RECEIPT_INTERVAL_MS);
        };
        let finished = std::panic::catch_unwind(AssertUnwindSafe(work)).is_ok();
        let disk = if finished { disk } else { disk.after_power_loss() };
        disk.lasts();
        if !finished {
            stopped += 1;
            scene.county.loses(SONGWU);
            scene.county.opens(SONGWU, Store::with_backend(disk.clone()).unwrap());
            connect(&mut scene);
            scene.county.passes(6 * RECEIPT_INTERVAL_MS);
        }
        for place in [SONGWU, COUNTY, XIAHE] {
            assert_eq!(scene.shown(place), [XIAHE], "{place} after {syncs} syncs");
            let shown = scene.county.shows(place, &scene.elder.clone());
            assert_eq!(shown.visits.len(), 1, "{place} after {syncs} syncs");
            assert_eq!(field(&shown, Field::Phone).value, "13812345678");
        }
        assert_eq!(scene.shown(SHANGHE), [""; 0]);
        assert_eq!(scene.bodies(COUNTY, SHANGHE), 0, "after {syncs} syncs");
        scene.county.assert_converged();
        scene.county.verify_all();
        if finished {
            break;
        }
    }
    assert!(stopped >= 5, "the work is more than {stopped} commits");
}
