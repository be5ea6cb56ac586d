//! An executor that loses power between any two pieces of its work.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;
use shouwang_node::limits::RECEIPT_INTERVAL_MS;
use shouwang_node::store::Store;

use crate::county::{County, field};
use crate::{COUNTY, NAME, SHANGHE, SONGWU, Scene, XIAHE, YUNGANG};
use shouwang_crdt_schema::field::Field;

/// A disk that keeps what was synced, and fails after so many more syncs.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Bytes>>);

#[derive(Debug, Default)]
struct Bytes {
    written: Vec<u8>,
    synced: Vec<u8>,
    syncs: u64,
    last: Option<u64>,
}

impl Disk {
    /// The disk as it is after the power has come back.
    fn after_power_loss(&self) -> Self {
        let synced = self.0.lock().unwrap().synced.clone();
        Self(Arc::new(Mutex::new(Bytes { written: synced.clone(), synced, syncs: 0, last: None })))
    }

    fn fails_after(&self, syncs: u64) {
        let mut bytes = self.0.lock().unwrap();
        bytes.last = Some(bytes.syncs + syncs);
    }

    fn lasts(&self) {
        self.0.lock().unwrap().last = None;
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().written.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap();
        let offset = offset as usize;
        out.copy_from_slice(&bytes.written[offset..offset + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().written.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap();
        if bytes.last.is_some_and(|last| bytes.syncs >= last) {
            return Err(io::Error::other("the power is gone"));
        }
        bytes.syncs += 1;
        bytes.synced = bytes.written.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = offset as usize;
        self.0.lock().unwrap().written[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}

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
