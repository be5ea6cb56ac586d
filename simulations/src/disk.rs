//! A disk with a volatile cache: what is written is seen at once and is safe only after a sync.
//!
//! Power loss keeps an arbitrary subset of the 512-byte sectors written since the last sync, as a
//! drive that reorders its cache does. Sectors themselves are written whole or not at all. The file's length is
//! as volatile as its content.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use redb::StorageBackend;

/// Bytes that are written whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// A disk. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

/// The disk as one run of the program sees it. After a power loss or a crash every operation on
/// it fails, so that a program that is gone writes nothing more.
#[derive(Debug)]
pub struct MountedDisk {
    state: Arc<Mutex<State>>,
    mount: u64,
}

/// What a disk was asked to do, ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskCounts {
    /// Bytes written.
    pub bytes_written: u64,
    /// Writes.
    pub writes: u64,
    /// Syncs: what a commit costs on a real disk.
    pub syncs: u64,
    /// Sectors that a power loss took back.
    pub sectors_lost: u64,
    /// Operations that failed although the power was on.
    pub errors: u64,
}

/// What befalls the disk at some operation to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The power goes: this operation and all later ones fail until the disk is mounted again.
    PowerLoss,
    /// This operation and all later ones fail until the disk is mounted again; nothing that was written is lost.
    WriteError,
    /// There was no room: this operation failed, others may still succeed.
    Full,
}

#[derive(Debug, Default)]
struct State {
    /// What a reader sees.
    bytes: Vec<u8>,
    /// What the platter holds of the sectors written since the last sync.
    platter: BTreeMap<usize, Vec<u8>>,
    platter_length: usize,
    mount: u64,
    /// After so many more changing operations, this.
    fuse: Option<(u64, Mishap)>,
    broken: Option<Mishap>,
    capacity: Option<usize>,
    lies: bool,
    counts: DiskCounts,
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mounts the disk for one run of the program. Earlier mounts are void, a mishap is over.
    pub fn mount(&self) -> MountedDisk {
        self.lock().fuse = None;
        self.mount_with_plan()
    }

    /// As [`Disk::mount`], and what was planned for the disk still comes.
    pub fn mount_with_plan(&self) -> MountedDisk {
        let mut state = self.lock();
        state.mount += 1;
        state.broken = None;
        MountedDisk { state: Arc::clone(&self.state), mount: state.mount }
    }

    /// Takes the power away now, or says what an earlier [`Mishap::PowerLoss`] left: of the sectors
    /// written since the last sync some arbitrary ones are on the platter, and the others as they
    /// were before. Earlier mounts are void.
    pub fn lose_power(&self, random: &mut ChaCha8Rng) {
        let mut state = self.lock();
        let state = &mut *state;
        state.mount += 1;
        state.fuse = None;
        // All, none, or each by itself with some probability.
        let kept = match random.random_range(0..4) {
            0 => 0.0,
            1 => 1.0,
            _ => random.random_range(0.02..0.98),
        };
        let seen = state.bytes.len();
        let length = if random.random_bool(kept) { seen } else { state.platter_length };
        state.bytes.resize(seen.max(state.platter_length), 0);
        for (sector, before) in std::mem::take(&mut state.platter) {
            let start = sector * SECTOR_BYTES;
            // What a lost truncation cut off was never written over.
            if start >= seen || !random.random_bool(kept) {
                state.counts.sectors_lost += 1;
                let end = (start + SECTOR_BYTES).min(state.bytes.len());
                if start < end {
                    state.bytes[start..end].copy_from_slice(&before[..end - start]);
                }
            }
        }
        state.bytes.truncate(length);
        state.platter_length = length;
    }

    /// Another disk with the same content, all of it safe.
    pub fn copy(&self) -> Self {
        let bytes = self.lock().bytes.clone();
        let state = State { platter_length: bytes.len(), bytes, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Ends the program without warning: what it wrote is still in the disk's cache. Earlier
    /// mounts are void.
    pub fn crash(&self) {
        self.lock().mount += 1;
    }

    /// After `operations` more writes, syncs or changes of length, this happens.
    pub fn plan(&self, operations: u64, mishap: Mishap) {
        self.lock().fuse = Some((operations, mishap));
    }

    /// What has befallen the disk since it was mounted.
    pub fn broken(&self) -> Option<Mishap> {
        self.lock().broken
    }

    /// From now on the disk refuses to grow beyond so many bytes.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.lock().capacity = bytes;
    }

    /// The file's length, bytes.
    pub fn length(&self) -> usize {
        self.lock().bytes.len()
    }

    /// Makes the disk say that it has synced when it has not: to show that the checks find it.
    pub fn lie(&self) {
        self.lock().lies = true;
    }

    /// Flips a bit wherever this is found, in old pages too: to show that the checks find it. False
    /// if it is nowhere.
    pub fn damage(&self, found: &[u8]) -> bool {
        let mut state = self.lock();
        let places: Vec<usize> = state
            .bytes
            .windows(found.len())
            .enumerate()
            .filter(|(_, window)| *window == found)
            .map(|(at, _)| at)
            .collect();
        for at in &places {
            state.bytes[*at] ^= 1;
        }
        !places.is_empty()
    }

    /// Flips one bit of a sector at rest: of what was written since the last sync none, and of one that is all
    /// zeros only if no other is found, for most of a young file is never read. Returns where.
    pub fn rot(&self, random: &mut ChaCha8Rng) -> Option<usize> {
        let mut state = self.lock();
        let length = state.bytes.len().min(state.platter_length);
        if length == 0 {
            return None;
        }
        // What a drive has just been given it does not forget at once.
        let mut chosen = None;
        for _ in 0..64 {
            let at = random.random_range(0..length);
            let sector = at / SECTOR_BYTES;
            if state.platter.contains_key(&sector) {
                continue;
            }
            chosen = Some(at);
            let end = ((sector + 1) * SECTOR_BYTES).min(length);
            if state.bytes[sector * SECTOR_BYTES..end].iter().any(|byte| *byte != 0) {
                break;
            }
        }
        let at = chosen?;
        state.bytes[at] ^= 1 << random.random_range(0..8);
        Some(at)
    }

    /// What it was asked to do.
    pub fn counts(&self) -> DiskCounts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a changing operation; the one at which the fuse burns down happens and then fails.
    fn step(&mut self) -> Option<Mishap> {
        match &mut self.fuse {
            Some((0, mishap)) => {
                self.broken = Some(*mishap);
                self.fuse = None;
                self.broken
            }
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        }
    }

    /// Keeps what the platter holds of these sectors before they change.
    fn keep(&mut self, start: usize, end: usize) {
        for sector in start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let from = (sector * SECTOR_BYTES).min(self.bytes.len());
            let to = (from + SECTOR_BYTES).min(self.bytes.len());
            self.platter.entry(sector).or_insert_with(|| {
                let mut before = self.bytes[from..to].to_vec();
                before.resize(SECTOR_BYTES, 0);
                before
            });
        }
    }
}

impl MountedDisk {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.mount != self.mount || state.broken == Some(Mishap::PowerLoss) {
            return Err(io::Error::other("the power is off"));
        }
        Ok(state)
    }

    fn change(&self, work: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state()?;
        if state.broken == Some(Mishap::WriteError) {
            return Err(io::Error::other("the disk does not write"));
        }
        match state.step() {
            // A write may reach the cache before the power goes.
            Some(Mishap::PowerLoss) => {
                work(&mut state)?;
                Err(io::Error::other("the power is off"))
            }
            Some(Mishap::WriteError | Mishap::Full) => {
                state.counts.errors += 1;
                Err(io::Error::other("the disk does not write"))
            }
            None => work(&mut state),
        }
    }
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "outside the file")
}

impl StorageBackend for MountedDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state()?;
        let start = usize::try_from(offset).map_err(|_| outside())?;
        let found = state.bytes.get(start..start + out.len()).ok_or_else(outside)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(|_| outside())?;
        self.change(|state| {
            if length > state.bytes.len() && state.capacity.is_some_and(|most| length > most) {
                state.counts.errors += 1;
                state.broken = Some(Mishap::Full);
                return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
            }
            state.keep(length, state.bytes.len());
            state.bytes.resize(length, 0);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let power_fails = |state: &State| matches!(state.fuse, Some((0, Mishap::PowerLoss)));
        let interrupted = power_fails(&*self.state()?);
        self.change(|state| {
            // Power that goes during a sync leaves it undone as far as anybody may rely on it.
            if !interrupted && !state.lies {
                state.platter.clear();
                state.platter_length = state.bytes.len();
            }
            state.counts.syncs += 1;
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| outside())?;
        let end = start + data.len();
        self.change(|state| {
            if end > state.bytes.len() {
                return Err(outside());
            }
            state.keep(start, end);
            state.bytes[start..end].copy_from_slice(data);
            state.counts.writes += 1;
            state.counts.bytes_written += data.len() as u64;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn read(disk: &MountedDisk, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        disk.read(offset, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_synced_survives_and_of_the_rest_any_sectors() {
        let (mut kept, mut torn) = (0, 0);
        for seed in 0..200 {
            let disk = Disk::new();
            let mount = disk.mount();
            mount.set_len(4_096).unwrap();
            mount.write(0, &[1; 4_096]).unwrap();
            mount.sync_data().unwrap();
            mount.write(100, &[2; 2_000]).unwrap();
            assert_eq!(read(&mount, 100, 2_000), [2; 2_000]);
            disk.lose_power(&mut ChaCha8Rng::seed_from_u64(seed));
            assert!(mount.read(0, &mut [0]).is_err(), "the program is gone");
            let mount = disk.mount();
            let bytes = read(&mount, 0, 4_096);
            assert_eq!(bytes[..100], [1; 100]);
            assert_eq!(bytes[2_100..], [1; 1_996]);
            for sector in bytes[512..2_048].chunks(SECTOR_BYTES) {
                assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector is never torn");
            }
            let written = bytes[100..2_100].iter().filter(|byte| **byte == 2).count();
            kept += u32::from(written == 2_000);
            torn += u32::from((1..2_000).contains(&written));
        }
        assert!(kept > 20 && torn > 20, "{kept} kept, {torn} torn");
    }

    #[test]
    fn the_length_is_as_volatile_as_the_content() {
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let disk = Disk::new();
            let mount = disk.mount();
            mount.set_len(2_048).unwrap();
            mount.write(1_024, &[7; 1_024]).unwrap();
            mount.sync_data().unwrap();
            mount.set_len(1_024).unwrap();
            disk.lose_power(&mut ChaCha8Rng::seed_from_u64(seed));
            lengths.insert(disk.length());
            if disk.length() == 2_048 {
                let found = read(&disk.mount(), 1_024, 1_024);
                assert_eq!(found, [7; 1_024], "a truncation that is lost never happened");
            }
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [1_024, 2_048]);
    }

    #[test]
    fn a_planned_mishap_comes_when_it_was_planned() {
        let disk = Disk::new();
        let mount = disk.mount();
        mount.set_len(1_024).unwrap();
        disk.plan(1, Mishap::WriteError);
        mount.write(0, &[1; 512]).unwrap();
        assert!(mount.write(0, &[2; 512]).is_err());
        assert!(mount.sync_data().is_err());
        assert_eq!(disk.broken(), Some(Mishap::WriteError));
        assert_eq!(read(&disk.mount(), 0, 512), [1; 512]);

        let lost = (0..30).filter(|seed| {
            let mount = disk.mount();
            mount.write(0, &[1; 512]).unwrap();
            mount.sync_data().unwrap();
            disk.plan(1, Mishap::PowerLoss);
            mount.write(0, &[3; 512]).unwrap();
            assert!(mount.sync_data().is_err());
            assert!(mount.read(0, &mut [0]).is_err(), "the power is off");
            disk.lose_power(&mut ChaCha8Rng::seed_from_u64(*seed));
            read(&disk.mount(), 0, 512) == [1; 512]
        });
        assert!(lost.count() > 5, "an interrupted sync promises nothing");
    }

    #[test]
    fn a_full_disk_refuses_to_grow_and_keeps_what_it_has() {
        let disk = Disk::new();
        let mount = disk.mount();
        mount.set_len(1_024).unwrap();
        disk.set_capacity(Some(1_024));
        assert!(mount.set_len(2_048).is_err());
        mount.write(0, &[1; 1_024]).unwrap();
    }
}
