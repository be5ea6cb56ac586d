//! Builds the homes: villages write in memory, their townships and then the county take it in.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::Request;
use shouwang_node::command::area::{AreaImport, Place};
use shouwang_node::command::device::GrantDevice;
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::grant::Role;
use shouwang_node::log::{Kind, LogKey};
use shouwang_node::setup;
use shouwang_node::store::{Store, StoreRead};

use super::author;
use super::homes::{Built, Homes};
use super::link::{Clock, exchange};
use super::people::{VISITS, registration, visit};
use super::shape::Shape;

/// Changes of records, and their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    changes: u64,
    bytes: u64,
}

/// Where a village writes: what its device was told to begin with.
struct Village<'a> {
    homes: &'a Homes,
    code: DivisionCode,
    elders: u64,
    first_serial: u64,
    /// Whether its home is kept on the disk.
    kept: bool,
    seed: u64,
}

/// Builds everything.
pub(super) fn build(homes: &Homes, shape: &Shape, seed: u64) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    homes.begin()?;
    let mut entropy = entropy(seed, 0);
    let store = homes.create(&homes.county(), &mut entropy)?;
    setup::init(&store, &mut entropy, shape.county, "county", 0)?;
    let mut county = Engine::open(store, entropy.bytes())?;
    let mut clock = Clock::new();
    name_places(&mut county, &mut clock, shape.townships.keys().copied())?;
    let newcomer = homes.create(&homes.newcomer(), &mut entropy)?;
    admit(&mut county, &newcomer, shape.county, Role::Registrar, &mut entropy, &mut clock)?;
    drop(newcomer);
    let kept = first_village(shape)?;
    let mut waiting = Vec::new();
    let mut serial = 0;
    for (township, villages) in &shape.townships {
        let store = homes.create(&homes.township(*township), &mut entropy)?;
        admit(&mut county, &store, *township, Role::Manager, &mut entropy, &mut clock)?;
        let engine = Engine::open(store, entropy.bytes())?;
        let villages: Vec<Village<'_>> = villages
            .iter()
            .map(|(code, elders)| {
                let first_serial = serial;
                serial += elders;
                Village {
                    homes,
                    code: *code,
                    elders: *elders,
                    first_serial,
                    kept: *code == kept,
                    seed,
                }
            })
            .collect();
        waiting.push((engine, villages));
    }
    waiting.reverse();
    let waiting = Mutex::new(waiting);
    let mut written = Written::default();
    // Two townships work at once; whatever is complete waits for the county, one at most.
    std::thread::scope(|threads| {
        let (done, finished) = sync_channel(1);
        for _ in 0..2 {
            let (waiting, done) = (&waiting, done.clone());
            threads.spawn(move || {
                loop {
                    let next = waiting.lock().ok().and_then(|mut waiting| waiting.pop());
                    let Some((engine, villages)) = next else { return };
                    if done.send(fill(engine, villages)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for filled in finished {
            let (mut township, of_township) = filled?;
            exchange(&mut county, &mut township, &mut clock)?;
            written.changes += of_township.changes;
            written.bytes += of_township.bytes;
            eprintln!("{} {} changes", township.area().0, written.changes);
        }
        Ok::<_, anyhow::Error>(())
    })?;
    // What each has learnt meanwhile of what the others hold goes round once more.
    for township in shape.townships.keys() {
        let mut township = homes.open(&homes.township(*township), entropy.bytes())?;
        exchange(&mut county, &mut township, &mut clock)?;
        township.flush_peers(clock.now())?;
    }
    let mut village = homes.open(&homes.village(), entropy.bytes())?;
    for _ in 0..2 {
        exchange(&mut county, &mut village, &mut clock)?;
    }
    village.flush_peers(clock.now())?;
    county.flush_peers(clock.now())?;
    homes.set_built(&Built {
        seed,
        elders: serial,
        townships: shape.townships.keys().copied().collect(),
        villages: shape.townships.values().map(|villages| villages.len() as u64).sum(),
        village: kept,
        changes: written.changes,
        change_bytes: written.bytes,
        seconds: begun.elapsed().as_secs(),
    })
}

fn first_village(shape: &Shape) -> anyhow::Result<DivisionCode> {
    let villages = shape.townships.values().next().and_then(|villages| villages.keys().next());
    villages.copied().context("no village")
}

/// The villages of a township write, and the township takes it in.
fn fill(mut township: Engine, villages: Vec<Village<'_>>) -> anyhow::Result<(Engine, Written)> {
    let mut clock = Clock::new();
    let mut written = Written::default();
    name_places(&mut township, &mut clock, villages.iter().map(|village| village.code))?;
    for village in villages {
        let of_village = village.write(&mut township, &mut clock)?;
        written.changes += of_village.changes;
        written.bytes += of_village.bytes;
    }
    township.flush_peers(clock.now())?;
    Ok((township, written))
}

impl Village<'_> {
    fn write(&self, township: &mut Engine, clock: &mut Clock) -> anyhow::Result<Written> {
        let mut entropy = entropy(self.seed, self.code.number());
        let mut random = ChaCha8Rng::from_seed(entropy.bytes());
        let store = match self.kept {
            true => self.homes.create(&self.homes.village(), &mut entropy)?,
            false => Store::with_backend(InMemoryBackend::new())?,
        };
        admit(township, &store, self.code, Role::Clerk, &mut entropy, clock)?;
        let mut engine = Engine::open(store, entropy.bytes())?;
        let mut elders = Vec::new();
        let mut cards = Vec::new();
        for serial in self.first_serial..self.first_serial + self.elders {
            let elder = engine.new_elder_id();
            cards.push(registration(self.code, elder, serial, &mut random)?);
            elders.push(elder);
        }
        let mut edits = cards;
        for month in 0..VISITS {
            for elder in &elders {
                edits.push(visit(self.code, *elder, month, &mut random)?);
            }
        }
        if !edits.is_empty() {
            author::write(&mut engine, clock.now(), entropy.bytes(), &edits)?;
        }
        let written = written(&engine)?;
        exchange(township, &mut engine, clock)?;
        engine.flush_peers(clock.now())?;
        Ok(written)
    }
}

fn written(engine: &Engine) -> anyhow::Result<Written> {
    let snapshot = engine.read()?;
    let mut found = Written::default();
    let logs: BTreeSet<LogKey> = snapshot.logs_all()?.into_iter().map(|log| log.key).collect();
    for log in logs.into_iter().filter(|log| log.device == engine.device()) {
        let Some(row) = snapshot.log(&log)? else { continue };
        for entry in snapshot.entries_from(row.number, 0, usize::MAX)? {
            if entry.header.kind == Kind::Change {
                found.changes += 1;
                found.bytes += entry.body.map_or(0, |body| body.len() as u64);
            }
        }
    }
    Ok(found)
}

/// Lets the device of a store into the mesh.
fn admit(
    by: &mut Engine,
    store: &Store,
    area: DivisionCode,
    role: Role,
    entropy: &mut Entropy,
    clock: &mut Clock,
) -> anyhow::Result<()> {
    let request = setup::request(store, entropy)?.to_text();
    let grant = GrantDevice {
        request,
        name: format!("device of {area}"),
        area,
        role,
        addresses: Vec::new(),
        replace: false,
        root: None,
        quota_bytes: None,
    };
    let granted = grant.execute(by, clock.now())?;
    setup::join(store, entropy, &granted.invite)?;
    Ok(())
}

fn name_places(
    engine: &mut Engine,
    clock: &mut Clock,
    places: impl Iterator<Item = DivisionCode>,
) -> anyhow::Result<()> {
    let name = |code: DivisionCode| Place { code, name: format!("第{}号", code.local_number()) };
    let places: Vec<Place> = places.map(name).collect();
    AreaImport { places, dry_run: false }
        .execute(engine, clock.now())
        .map_err(|error| anyhow!(error))?;
    Ok(())
}

/// Everything random of a place.
pub(super) fn entropy(seed: u64, place: u64) -> Entropy {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes[8..16].copy_from_slice(&place.to_be_bytes());
    Entropy::new(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shouwang_node::command::verify::Verify;

    use super::*;

    /// Elders by scope in what a home shows.
    fn elders(homes: &Homes) -> BTreeMap<DivisionCode, usize> {
        let county = homes.open(&homes.county(), [1; 32]).unwrap();
        let mut found = BTreeMap::new();
        for (scope, _) in county.read().unwrap().elder_places(county.area()).unwrap() {
            *found.entry(scope).or_default() += 1;
        }
        found
    }

    #[test]
    fn the_county_holds_every_elder_of_every_village() {
        let folder = tempfile::tempdir().unwrap();
        let homes = Homes::at(folder.path());
        let shape = Shape::of(24, Some("data/yulong-530721.csv".as_ref())).unwrap();
        build(&homes, &shape, 3).unwrap();
        let built = homes.built().unwrap();
        assert_eq!((built.elders, built.changes), (24, 24 * (1 + VISITS)));
        let expected: BTreeMap<DivisionCode, usize> = shape
            .townships
            .values()
            .flatten()
            .filter(|(_, elders)| **elders > 0)
            .map(|(code, elders)| (*code, usize::try_from(*elders).unwrap()))
            .collect();
        assert_eq!(elders(&homes), expected);
        for home in [homes.county(), homes.village()] {
            let mut engine = homes.open(&home, [2; 32]).unwrap();
            let report = Verify {}.execute(&mut engine, Clock::new().now()).unwrap();
            assert!(report.ok, "{:?}", report.faults);
        }
    }
}
