//! The mesh of a township before anything is measured: clerks write, and their township hears.
//!
//! | In the folder | What |
//! | --- | --- |
//! | `first/sender`, `first/receiver` | the township's device with all; one that has joined and met nobody |
//! | `same/sender`, `same/receiver` | the two after they have met |
//! | `same/third` | a third device, which has all from the receiver and has never met the sender |
//! | `clerks/N.redb` | the clerks' stores with the visits at the end of the year, which nobody has |

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::Request;
use shouwang_node::command::device::GrantDevice;
use shouwang_node::engine::{DocumentEdit, Engine};
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::RECEIPT_INTERVAL_MS;
use shouwang_node::setup;
use shouwang_node::store::Store;
use shouwang_node::sync::Input;

use super::disk::{MemoryImage, copy_home, create_home, open_home};
use super::mesh::{Clock, meet};
use crate::workload::{DEVICES, Elder, VILLAGES, Workload, ours, township, village};

/// 2026-01-01 08:00 in UTC+8, ms since 1970: when the mesh begins.
const BEGINS_MS: i64 = 1_767_225_600_000;

/// 2026-12-30 20:00 in UTC+8, ms since 1970: when everything has been written.
pub(crate) const ENDS_MS: i64 = 1_798_632_000_000;

/// What was prepared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// Changes, without geneses.
    pub(crate) changes: u64,
    /// Their chunks, uncompressed, bytes.
    pub(crate) raw_bytes: u64,
}

/// The folder of a home at a stage.
pub(crate) fn home(folder: &Path, stage: &str, who: &str) -> PathBuf {
    folder.join(stage).join(who)
}

/// The file of a clerk's store.
pub(crate) fn clerk_file(folder: &Path, clerk: usize) -> PathBuf {
    folder.join("clerks").join(format!("{clerk}.redb"))
}

/// Opens an engine over a home.
pub(crate) fn open(folder: &Path, home: &Path, entropy: &mut Entropy) -> anyhow::Result<Engine> {
    let (vault, store) = open_home(folder, home)?;
    let mut engine = Engine::open(store, entropy.bytes())?;
    engine.keep_in(vault);
    Ok(engine)
}

/// Opens an engine over a clerk's store.
pub(crate) fn open_clerk(
    folder: &Path,
    clerk: usize,
    entropy: &mut Entropy,
) -> anyhow::Result<Engine> {
    let image = MemoryImage::load(&clerk_file(folder, clerk))?;
    Ok(Engine::open(Store::with_backend(image)?, entropy.bytes())?)
}

/// Writes the township and every home that a phase begins with.
pub(crate) fn homes(folder: &Path, workload: &Workload) -> anyhow::Result<Prepared> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&workload.seed.to_be_bytes());
    let mut entropy = Entropy::new(seed);
    let mut clock = Clock::at(BEGINS_MS);

    let store = Store::with_backend(MemoryImage::default())?;
    setup::init(&store, &mut entropy, county(township()?)?, "990121", clock.now().wall_ms)?;
    let mut county = Engine::open(store, entropy.bytes())?;
    let names = [("sender", "松雾镇一"), ("receiver", "松雾镇二"), ("third", "松雾镇三")];
    for (who, name) in names {
        let home = home(folder, "first", who);
        let store = create_home(folder, &home, &mut entropy)?;
        let granted = Grantee { area: township()?, name, role: Role::Manager };
        granted.joins(&store, &mut county, &clock, &mut entropy)?;
    }
    let sender = home(folder, "first", "sender");
    let mut engine = open(folder, &sender, &mut entropy)?;
    // So it knows of the other two.
    meet(&mut clock, &mut engine, &mut county)?;
    drop(county);
    let mut clerks = Vec::new();
    for number in 0..DEVICES {
        let name = format!("{}村{}", number / 2 + 1, ["甲", "乙"][number % 2]);
        let image = MemoryImage::default();
        let store = Store::with_backend(image.clone())?;
        let area = village(number / 2)?;
        let granted = Grantee { area, name: &name, role: Role::Clerk };
        granted.joins(&store, &mut engine, &clock, &mut entropy)?;
        clerks.push((image, Engine::open(store, entropy.bytes())?));
    }
    clock.comes_to(BEGINS_MS + 3_600_000);

    let mut years: Vec<Vec<Elder>> = vec![Vec::new(); DEVICES];
    for elder in workload.all() {
        let elder = elder?;
        years.get_mut(elder.device).context("a laptop too many")?.push(elder);
    }
    for (number, (elders, (_, clerk))) in years.into_iter().zip(&mut clerks).enumerate() {
        writes_a_year(clerk, elders)?;
        if number % 2 == 1 {
            eprintln!("shouwang: {} of {VILLAGES} villages have written", number / 2 + 1);
        }
    }
    clock.comes_to(ENDS_MS);
    for (_, clerk) in &mut clerks {
        meet(&mut clock, &mut engine, clerk)?;
    }
    // What the last of them brought, the first still has to hear.
    for (_, clerk) in &mut clerks {
        meet(&mut clock, &mut engine, clerk)?;
    }
    let prepared = super::limit::count(&engine)?;
    drop(engine);

    agree(folder, &mut clock, &mut entropy)?;

    std::fs::create_dir_all(folder.join("clerks"))?;
    for number in workload.visited_again() {
        let elder = workload.elder(number)?;
        let (_, clerk) = clerks.get_mut(elder.device).context("a laptop too many")?;
        write_again(workload, &mut clock, clerk, number, &elder)?;
    }
    for (number, (image, mut clerk)) in clerks.into_iter().enumerate() {
        clerk.flush_peers(clock.now())?;
        drop(clerk);
        image.keep(&clerk_file(folder, number))?;
    }
    Ok(prepared)
}

/// Sender, receiver and a third hold the same; the sender and the third have never met.
fn agree(folder: &Path, clock: &mut Clock, entropy: &mut Entropy) -> anyhow::Result<()> {
    for who in ["sender", "receiver", "third"] {
        copy_home(&home(folder, "first", who), &home(folder, "same", who))?;
    }
    let mut open = |who: &str| open(folder, &home(folder, "same", who), entropy);
    let (mut sender, mut receiver, mut third) =
        (open("sender")?, open("receiver")?, open("third")?);
    // Receipts of each go to the others, and are answered by nothing. Those that wait are written meanwhile,
    // so that no phase begins with what an earlier process owed.
    for _ in 0..3 {
        meet(clock, &mut sender, &mut receiver)?;
        meet(clock, &mut third, &mut receiver)?;
        clock.passes(RECEIPT_INTERVAL_MS + 1_000);
        for engine in [&mut sender, &mut receiver, &mut third] {
            engine.handle(clock.now(), Input::Timeout)?;
            engine.settle(clock.now())?;
        }
    }
    Ok(())
}

/// The county of a township.
fn county(township: DivisionCode) -> anyhow::Result<DivisionCode> {
    township.parent().context("a township without a county")
}

/// A device that is let in.
struct Grantee<'a> {
    area: DivisionCode,
    name: &'a str,
    role: Role,
}

impl Grantee<'_> {
    fn joins(
        &self,
        store: &Store,
        by: &mut Engine,
        clock: &Clock,
        entropy: &mut Entropy,
    ) -> anyhow::Result<()> {
        let grant = GrantDevice {
            request: setup::request(store, entropy)?.to_text(),
            name: self.name.to_owned(),
            area: self.area,
            role: self.role,
            addresses: Vec::new(),
            replace: false,
            root: None,
            quota_bytes: None,
        };
        let granted = grant.execute(by, clock.now())?;
        setup::join(store, entropy, &granted.invite)?;
        Ok(())
    }
}

/// A clerk writes all that belongs to these elders, one entry after the other as time goes.
fn writes_a_year(clerk: &mut Engine, elders: Vec<Elder>) -> anyhow::Result<()> {
    let mut edits: Vec<(i64, DocumentEdit)> = Vec::new();
    for elder in &elders {
        let registration = &elder.registration;
        edits.push((registration.at_ms, ours::registration(elder.id, registration)?));
        let visits = elder.visits.iter();
        edits.extend(visits.map(|visited| {
            (visited.at_ms, ours::visit(registration.village, elder.id, &visited.visit))
        }));
    }
    edits.sort_by_key(|(at_ms, _)| *at_ms);
    let mut clock = Clock::at(BEGINS_MS);
    for (at_ms, edit) in edits {
        clock.comes_to(at_ms);
        clerk.capture(clock.now(), &[edit])?;
    }
    Ok(())
}

fn write_again(
    workload: &Workload,
    clock: &mut Clock,
    clerk: &mut Engine,
    number: usize,
    elder: &Elder,
) -> anyhow::Result<()> {
    let visited = workload.again(number);
    clock.passes(60_000);
    let edit = ours::visit(elder.registration.village, elder.id, &visited.visit);
    clerk.capture(clock.now(), &[edit])?;
    Ok(())
}
