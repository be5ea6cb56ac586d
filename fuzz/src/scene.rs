//! A county of three offices, as it stands before every input that is told to engines.

use std::sync::OnceLock;

use shouwang_crdt_schema::field::Field;
use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::Role;
use shouwang_node::store::Store;
use shouwang_node::sync::{Now, Output};

use crate::county::County;
use crate::image::Image;
use crate::impostor::Impostor;

/// The county.
pub(crate) const COUNTY: &str = "990121000000";
/// The township in it.
pub(crate) const TOWN: &str = "990121101000";
/// The village in that.
pub(crate) const VILLAGE: &str = "990121101203";

/// What all inputs begin with.
pub(crate) struct Scene {
    /// The township's store, closed.
    pub(crate) town: Vec<u8>,
    /// The village's, which has written something that the township has not heard of.
    pub(crate) village: Vec<u8>,
    /// The township's device.
    pub(crate) town_device: DeviceId,
    /// The village's.
    pub(crate) village_device: DeviceId,
    /// Three files of the village; the township has two of them.
    pub(crate) elders: Vec<String>,
    /// A device that was granted the village's clerk, and says whatever it is told.
    pub(crate) impostor: Impostor,
    /// One that may write nothing but the township's notes, to be told from the first.
    pub(crate) accomplice: Impostor,
}

/// The scene, played once in each process and the same in all.
pub(crate) fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(play)
}

fn play() -> Scene {
    let [town, village] = [Image::default(), Image::default()];
    let store = |image: &Image| Store::with_backend(image.clone()).expect("an empty store opens");
    let mut county = County::begin(COUNTY);
    county.grant_in(COUNTY, TOWN, TOWN, None, store(&town));
    county.grant_in(TOWN, VILLAGE, VILLAGE, None, store(&village));
    county.connect(TOWN, COUNTY);
    county.connect(VILLAGE, TOWN);
    let mut elders: Vec<String> =
        ["周国强", "许桂英"].iter().map(|name| county.adds_elder(VILLAGE, name)).collect();
    for elder in &elders {
        county.records_visit(VILLAGE, elder, "2026-09-01");
    }
    county.settle();
    county.sets(TOWN, &elders[0], Field::Phone, "13900000001");
    let impostor = Impostor::granted(&mut county, TOWN, VILLAGE, Role::Clerk);
    let accomplice = Impostor::granted(&mut county, COUNTY, TOWN, Role::Manager);
    county.settle();
    // From now on each goes on by itself.
    county.disconnect(VILLAGE, TOWN);
    county.sets(VILLAGE, &elders[0], Field::Phone, "13900000002");
    elders.push(county.adds_elder(VILLAGE, "褚顺昌"));
    for day in 2..6 {
        county.records_visit(VILLAGE, &elders[1], &format!("2026-09-0{day}"));
    }
    county.records_visit(TOWN, &elders[1], "2026-09-09");
    let [town_device, village_device] = [TOWN, VILLAGE].map(|place| county.engine(place).device());
    county.stops(VILLAGE);
    county.stops(TOWN);
    let (town, village) = (town.bytes(), village.bytes());
    Scene { town, village, town_device, village_device, elders, impostor, accomplice }
}

/// An engine over a copy of a store.
pub(crate) fn opened(bytes: &[u8], seed: u8) -> Engine {
    let store = Store::with_backend(Image::of(bytes)).expect("the scene's store opens");
    Engine::open(store, [seed; 32]).expect("the scene's engine opens")
}

/// A time after the scene.
pub(crate) fn at(ms: u64) -> Now {
    Now { monotonic_ms: 1_000_000 + ms, wall_ms: 1_795_000_000_000 + ms as i64 }
}

/// Something for a peer.
type ToPeer<T> = (DeviceId, T);

/// What an engine wants to send, and whom it has hung up on and why.
pub(crate) fn drained(engine: &mut Engine) -> (Vec<ToPeer<Vec<u8>>>, Vec<ToPeer<String>>) {
    let (mut frames, mut hangups) = (Vec::new(), Vec::new());
    loop {
        match engine.poll() {
            Output::Send(peer, frame) => frames.push((peer, frame)),
            Output::Hangup(peer, error) => hangups.push((peer, error.code())),
            Output::Timeout(_) => return (frames, hangups),
            _ => {}
        }
    }
}
