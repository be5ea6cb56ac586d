//! Torn, flipped, cut and swapped sticks: never a panic, never an entry that `verify` does not accept,
//! and what came before the damage is kept.

mod county;
mod sticks;

use std::collections::BTreeMap;
use std::io::Cursor;

use county::County;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::field::Field;
use shouwang_node::bundle::part::{PartReader, PartWriter};
use shouwang_node::bundle::{Fault, Opened, PartHead, Segment};
use shouwang_node::codec::Writer;
use shouwang_node::command::bundle::BundleTake;
use shouwang_node::store::{Store, StoreRead};
use sticks::{reads, writes};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

/// The same part with one run in each segment, as a sender with a small memory might write it.
fn apart(county: &mut County, part: &[u8]) -> Vec<u8> {
    let mut reader = PartReader::open(part).unwrap();
    let head = reader.head().clone();
    let to = [(0, county.engine(SONGWU).keys().sealing_key())];
    let mut writer = PartWriter::begin(Cursor::new(Vec::new()), head.clone()).unwrap();
    let mut number = 0;
    while let Some(segment) = reader.segment().unwrap() {
        let opened = Segment::open(&head, number, &segment, county.engine(SONGWU).keys()).unwrap();
        let Opened::Ours(segment, items) = opened else { panic!("for others") };
        number += 1;
        for item in items {
            let mut items = Writer::new();
            item.write(&mut items);
            let segment = Segment { number: writer.segments(), ..segment };
            let keys = county.engine(SHANGHE).keys();
            writer.append(&segment.seal(&items.finish(), &to, keys).unwrap(), 1).unwrap();
        }
    }
    writer.finish(head.parts).unwrap().0.into_inner()
}

/// Two bundles of one village, the first split in several parts, and an image of the township before any
/// of them came.
struct Scene {
    county: County,
    parts: Vec<Vec<u8>>,
    image: Store,
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
        let small = apart(&mut county, &parts[parts.len() - 1]);
        parts.push(small);
        let mut image = Store::with_backend(InMemoryBackend::new()).unwrap();
        let copy = county.engine(SONGWU).store_mut().image().unwrap();
        copy.copy_into(&mut image, &Default::default()).unwrap();
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
        self.image.image().unwrap().copy_into(&mut store, &Default::default()).unwrap();
        self.county.goes_on_with(SONGWU, || store);
    }

    fn heads(&mut self) -> BTreeMap<String, u64> {
        let village = self.county.engine(SHANGHE).device();
        let snapshot = self.county.engine(SONGWU).read().unwrap();
        let mut logs = snapshot.logs_all().unwrap();
        // What the township writes of its own, receipts, is its own business.
        logs.retain(|log| log.key.device == village);
        let head = |log: &shouwang_node::store::rows::LogRow| {
            snapshot.head_of(log.number).unwrap().map_or(0, |head| head.seq + 1)
        };
        logs.iter().map(|log| (format!("{:?}", log.key), head(log))).collect()
    }

    /// Nothing is here that the village did not write: each log is a prefix of its honest self.
    fn assert_honest(&mut self) {
        let honest = self.honest.clone();
        for (log, length) in self.heads() {
            let whole = honest.get(&log).copied().unwrap_or_default();
            assert!(length <= whole, "{log}: {length} > {whole}");
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
    let whole = scene.parts[scene.parts.len() - 1].clone();
    let mut reader = PartReader::open(&whole[..]).unwrap();
    let mut ends = vec![reader.read_bytes() as usize];
    while reader.segment().unwrap().is_some() {
        ends.push(reader.read_bytes() as usize);
    }
    assert!(ends.len() >= 5, "{ends:?}");
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
        assert!(read.entries > 0 && read.fault.is_some());
        scene.assert_honest();
    }
}

/// Damage that no checksum shows: somebody has made it fit.
#[test]
fn thousands_of_flips_under_a_checksum_that_fits() {
    let mut scene = Scene::new();
    let mut random = ChaCha8Rng::seed_from_u64(990_122);
    scene.forgets();
    let part = scene.parts[0].clone();
    let (head, segments) = cut(&part);
    for _ in 0..1_000 {
        let number = random.random_range(0..segments.len());
        let mut segment = segments[number].clone();
        // Behind the length and the checksum.
        let at = random.random_range(12..segment.len());
        segment[at] ^= 1 << random.random_range(0..8);
        let mut hasher = blake3::Hasher::new_derive_key("shouwang 2026 bundle segment checksum 1");
        hasher.update(&head.bundle.0).update(&head.part.to_be_bytes());
        hasher.update(&(number as u32).to_be_bytes()).update(&segment[12..]);
        let mut sum = [0; 8];
        hasher.finalize_xof().fill(&mut sum);
        segment[4..12].copy_from_slice(&sum);
        let take = BundleTake { head: head.encode(), first: number as u32, segments: segment };
        let taken = scene.county.asks(SONGWU, take).unwrap();
        // A flip of whom it is for makes it somebody else's, or nobody's.
        assert!(taken.fault.is_some() || taken.for_others > 0, "{taken:?}");
        assert_eq!(taken.new, 0);
    }
    scene.assert_honest();
}

/// A granted device that seals and signs whatever it likes.
#[test]
fn thousands_of_flips_by_the_sender_itself() {
    let mut scene = Scene::new();
    let mut random = ChaCha8Rng::seed_from_u64(990_123);
    scene.forgets();
    let part = scene.parts[scene.parts.len() - 2].clone();
    let (head, segments) = cut(&part);
    let to = [(0, scene.county.engine(SONGWU).keys().sealing_key())];
    let mut seen = BTreeMap::<String, u32>::new();
    for round in 0..1_500 {
        let number = random.random_range(0..segments.len()) as u32;
        let bytes = &segments[number as usize];
        let opened = Segment::open(&head, number, bytes, scene.county.engine(SONGWU).keys());
        let Ok(Opened::Ours(segment, items)) = opened else { panic!("{opened:?}") };
        let mut writer = Writer::new();
        items.into_iter().for_each(|item| item.write(&mut writer));
        let mut items = writer.finish();
        let at = random.random_range(0..items.len());
        match round % 3 {
            0 => items[at] ^= 1 << random.random_range(0..8),
            1 => items.truncate(at),
            _ => drop(items.remove(at)),
        }
        let keys = scene.county.engine(SHANGHE).keys().clone();
        let segments = segment.seal(&items, &to, &keys).unwrap();
        let take = BundleTake { head: head.encode(), first: number, segments };
        let taken = scene.county.asks(SONGWU, take).unwrap();
        let name = taken.fault.map_or("taken", Fault::code);
        *seen.entry(name.to_owned()).or_default() += 1;
        for code in taken.refused.keys() {
            *seen.entry(code.clone()).or_default() += 1;
        }
        if round % 100 == 0 {
            scene.assert_honest();
            scene.forgets();
        }
    }
    println!("{seen:?}");
    assert!(seen.contains_key("broken_signature") && seen.contains_key("altered"), "{seen:?}");
    scene.assert_honest();
}

fn cut(part: &[u8]) -> (PartHead, Vec<Vec<u8>>) {
    let mut reader = PartReader::open(part).unwrap();
    let mut segments = Vec::new();
    while let Some(segment) = reader.segment().unwrap() {
        segments.push(segment);
    }
    (reader.head().clone(), segments)
}
