//! Torn, flipped, cut and swapped sticks: never a panic, never an entry that `verify` does not accept,
//! and what came before the damage is kept.

mod county;
mod sticks;

use std::collections::BTreeMap;

use county::County;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::field::Field;
use shouwang_node::bundle::Fault;
use shouwang_node::bundle::part::PartReader;
use shouwang_node::store::{Store, StoreRead};
use sticks::{reads, writes};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

/// Two bundles of one village, the first split in several parts, and an image of the township before any
/// of them came.
struct Scene {
    county: County,
    parts: Vec<Vec<u8>>,
    image: shouwang_node::store::Image,
    /// Heads of all logs once all has come, by log.
    honest: BTreeMap<String, u64>,
}

impl Scene {
    fn new() -> Self {
        let mut county = County::begin(COUNTY);
        county.grant(COUNTY, SONGWU);
        county.grant(SONGWU, SHANGHE);
        let mut parts = Vec::new();
        for round in 0..2 {
            for n in 0..60 {
                let elder = county.adds_elder(SHANGHE, &format!("老人{round}{n}"));
                let address = hex::encode(county.random::<32>());
                county.sets(SHANGHE, &elder, Field::Address, &address);
            }
            let size = if round == 0 { 8_000 } else { u64::MAX };
            parts.extend(writes(&mut county, SHANGHE, &[SONGWU], size, false).unwrap().parts);
        }
        assert!(parts.len() >= 3, "{}", parts.len());
        let image = county.engine(SONGWU).store_mut().image().unwrap();
        let mut scene = Self { county, parts, image, honest: BTreeMap::new() };
        for part in scene.parts.clone() {
            assert_eq!(reads(&mut scene.county, SONGWU, &part).fault, None);
        }
        scene.honest = scene.heads();
        scene
    }

    /// The township as it was before.
    fn forgets(&mut self) {
        let mut store = Store::with_backend(InMemoryBackend::new()).unwrap();
        self.image.copy_into(&mut store, &Default::default()).unwrap();
        self.county.goes_on_with(SONGWU, || store);
    }

    fn heads(&mut self) -> BTreeMap<String, u64> {
        let snapshot = self.county.engine(SONGWU).read().unwrap();
        let logs = snapshot.logs_all().unwrap();
        let head = |log: &shouwang_node::store::rows::LogRow| {
            snapshot.head_of(log.number).unwrap().map_or(0, |head| head.seq + 1)
        };
        logs.iter().map(|log| (format!("{:?}", log.key), head(log))).collect()
    }

    /// Nothing is here that the village did not write: each log is a prefix of its honest self.
    fn assert_honest(&mut self) {
        let honest = self.honest.clone();
        for (log, length) in self.heads() {
            // What the township writes of its own, receipts, is its own business.
            if let Some(whole) = honest.get(&log) {
                assert!(length <= *whole, "{log}: {length} > {whole}");
            }
        }
        self.county.verify_all();
    }
}

#[test]
fn thousands_of_flips_cuts_and_swaps() {
    let mut scene = Scene::new();
    let mut random = ChaCha8Rng::seed_from_u64(990_121);
    scene.forgets();
    let (mut named, mut stored) = (BTreeMap::<Fault, u32>::new(), 0);
    let parts = scene.parts.clone();
    for round in 0..4_000u32 {
        let part = &parts[random.random_range(0..parts.len())];
        let mut bytes = part.clone();
        match round % 5 {
            0 | 1 => {
                let at = random.random_range(0..bytes.len());
                bytes[at] ^= 1 << random.random_range(0..8);
            }
            2 => bytes.truncate(random.random_range(0..bytes.len())),
            3 => {
                // A piece of another part, or of another place, is put there.
                let other = &parts[random.random_range(0..parts.len())];
                let length = random.random_range(1..other.len().min(bytes.len()));
                let (from, to) = (
                    random.random_range(0..=other.len() - length),
                    random.random_range(0..=bytes.len() - length),
                );
                bytes[to..to + length].copy_from_slice(&other[from..from + length]);
            }
            _ => {
                let (from, to) =
                    (random.random_range(0..bytes.len()), random.random_range(0..bytes.len()));
                let moved = bytes.remove(from);
                bytes.insert(to.min(bytes.len()), moved);
            }
        }
        let read = reads(&mut scene.county, SONGWU, &bytes);
        if bytes != *part {
            let fault = read.fault.unwrap_or_else(|| panic!("round {round}: believed"));
            *named.entry(fault).or_default() += 1;
        }
        stored += read.new;
        if round % 100 == 0 {
            // What was kept of damaged ones is sound, and room is made for the next.
            scene.assert_honest();
            scene.forgets();
        }
    }
    scene.assert_honest();
    println!("{named:?}, {stored} entries of prefixes");
    assert!(named.len() >= 3 && stored > 0);
    // After all that, the sticks as they were are taken.
    for part in &parts {
        assert_eq!(reads(&mut scene.county, SONGWU, part).fault, None);
    }
    assert_eq!(scene.county.elders(SONGWU).len(), 120);
    scene.county.verify_all();
}

#[test]
fn segments_before_the_damage_are_kept() {
    let mut scene = Scene::new();
    let whole = scene.parts[0].clone();
    let mut reader = PartReader::open(&whole[..]).unwrap();
    let mut ends = vec![reader.read_bytes() as usize];
    while reader.segment().unwrap().is_some() {
        ends.push(reader.read_bytes() as usize);
    }
    assert!(ends.len() >= 3, "{ends:?}");
    let last = ends[ends.len() - 2];
    for (name, bytes, fault) in [
        ("cut at a segment", whole[..last].to_vec(), Fault::Torn),
        ("cut within one", whole[..last + 40].to_vec(), Fault::Torn),
        (
            "one byte",
            {
                let mut bytes = whole.clone();
                let at = bytes.len() - 5;
                bytes[at] ^= 1;
                bytes
            },
            Fault::Altered,
        ),
    ] {
        scene.forgets();
        let read = reads(&mut scene.county, SONGWU, &bytes);
        assert_eq!(read.fault, Some(fault), "{name}");
        assert_eq!(read.segments as usize, ends.len() - 2, "{name}");
        scene.assert_honest();
    }
}
