//! The files of a store at rest: encrypted beneath redb, locked for one process, written anew so
//! that nothing old stays, backed up and restored.
//!
//! | File in a home | What |
//! | --- | --- |
//! | `store.redb` | redb's file in [`sectors`] |
//! | `store.key` | its key in an [`envelope`] |
//! | `store.new`, `store.key.new` | being written; of no use after a crash |
//! | `store.key.1`, … | envelopes that were there before the store was: of one that was moved away |
//!
//! There is no unencrypted home. Randomness comes in as values.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::StorageBackend;
use thiserror::Error;

use crate::limits::ENVELOPE_BYTES_MAX;
use crate::progress::Progress;
use crate::store::{Store, StoreError};

pub mod backup;
pub mod envelope;
mod file;
pub mod secret;
pub mod sectors;
mod wipe;

pub use backup::Backup;
pub use envelope::{Envelope, EnvelopeError, Fresh, Lock, VolumeKey};
pub use secret::Secret;
pub use wipe::{Wiped, wipe};

use file::{LockedFile, put_in_place, remove};
use sectors::Encrypted;

/// What redb's files begin with.
const REDB_MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";

/// The opened vault of a home: whoever has it can write its store anew and copy it.
#[derive(Clone, Debug)]
pub struct Vault {
    directory: PathBuf,
    key: VolumeKey,
    /// Held by backups that are under way: they read the store that a rewrite would close.
    in_use: Arc<()>,
}

/// Why a vault does not open, or its files were not written.
#[derive(Debug, Error)]
pub enum VaultError {
    /// No store here.
    #[error("there is no store in {0}")]
    NoStore(PathBuf),
    /// A store of an older version of this program.
    #[error("the store is not encrypted; an older version of this program has written it")]
    NotEncrypted,
    /// The store is here, its envelope is not.
    #[error("store.key is missing; without it nobody can read the store")]
    NoEnvelope,
    /// The envelope does not open.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The envelope opened, and what it holds does not open the store.
    #[error("store.key belongs to another store, or the beginning of the store is damaged")]
    OtherStore,
    /// A backup is being written.
    #[error("a backup is being written")]
    BackupRunning,
    /// A file is in the way.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// A home that a backup could be restored into has nothing in it.
    #[error("{0} is not empty")]
    NotEmpty(PathBuf),
    /// The file is no backup, or its beginning is damaged.
    #[error("{0} is no backup")]
    NoBackup(PathBuf),
    /// Pages of a restored store are damaged.
    #[error("pages of the backup are damaged")]
    DamagedBackup,
    /// A file could not be read or written.
    #[error("{0} cannot be read or written: {1}")]
    File(PathBuf, #[source] io::Error),
    /// A key file could not be read or written.
    #[error("the key file {0} cannot be read or written: {1}")]
    KeyFile(PathBuf, #[source] io::Error),
    /// A file that should be a key file.
    #[error("{0} is no key file")]
    NoKeyFile(PathBuf),
    /// A key file inside the home that it would open.
    #[error("the key file {0} would lie in the home that it opens")]
    KeyFileInHome(PathBuf),
    /// A new file is in its place, and the disk does not promise that it will be after a power cut.
    #[error("the directory could not be written to the disk")]
    NotDurable(#[source] io::Error),
    /// Reading or writing failed.
    #[error("a file of the store cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The store is in memory.
    #[error("the store is in no file")]
    NoFile,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Vault {
    /// Opens the store of a home. Whoever asks for a secret does so after the lock is had, so a
    /// store in use is told before anybody types.
    pub fn open<E: From<VaultError>>(
        directory: &Path,
        ask: impl FnOnce(Lock) -> Result<Secret, E>,
    ) -> Result<(Self, Store), E> {
        let path = directory.join("store.redb");
        let file = match LockedFile::open(&path) {
            Err(VaultError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(VaultError::NoStore(directory.to_owned()).into());
            }
            opened => opened?,
        };
        if is_empty(&file)? {
            return Err(VaultError::NoStore(directory.to_owned()).into());
        }
        Self::unlock(directory, file, ask)
    }

    /// Opens the store of a home, or makes it with this key: then the other secret is asked for.
    /// The directory is there.
    pub fn create<E: From<VaultError>>(
        directory: &Path,
        key: VolumeKey,
        fresh: &Fresh,
        ask: impl FnOnce(Option<Lock>) -> Result<Secret, E>,
    ) -> Result<(Self, Store), E> {
        let file = LockedFile::create(&directory.join("store.redb"))?;
        if !is_empty(&file)? {
            return Self::unlock(directory, file, |lock| ask(Some(lock)));
        }
        // The envelope of an empty store may be another's, which was moved away.
        let secret = ask(None)?;
        let envelope = Envelope::seal(&key, &secret, fresh).map_err(VaultError::from)?;
        set_envelope_aside(directory)?;
        write_envelope(directory, &envelope)?;
        let store = open_store(file, &key)?;
        Ok((Self::of(directory, key), store))
    }

    fn of(directory: &Path, key: VolumeKey) -> Self {
        Self { directory: directory.to_owned(), key, in_use: Arc::new(()) }
    }

    fn unlock<E: From<VaultError>>(
        directory: &Path,
        file: LockedFile,
        ask: impl FnOnce(Lock) -> Result<Secret, E>,
    ) -> Result<(Self, Store), E> {
        // Whoever holds the lock is alone: what a crash has left is of no use.
        for left in ["store.new", "store.key.new"] {
            remove(&directory.join(left)).map_err(VaultError::from)?;
        }
        let mut first = [0; REDB_MAGIC.len()];
        file.read(0, &mut first).map_err(VaultError::from)?;
        if first == REDB_MAGIC {
            return Err(VaultError::NotEncrypted.into());
        }
        let envelope = read_envelope(directory)?;
        let key = envelope.open(&ask(envelope.lock())?).map_err(VaultError::from)?;
        let store = open_store(file, &key)?;
        Ok((Self::of(directory, key), store))
    }

    /// Whether a rewrite would have to wait.
    pub fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.in_use) > 1
    }

    /// Copies the store into a new file, which takes the old one's place: after it no byte of
    /// anything deleted is in the file. What failed leaves the store as it was, except
    /// [`VaultError::NotDurable`]: then the store is the new one, and nothing more may be said to
    /// be saved. A step is a row that is copied.
    pub fn rewrite(&self, store: &mut Store, progress: &Progress) -> Result<(), VaultError> {
        if self.is_in_use() {
            return Err(VaultError::BackupRunning);
        }
        let (fresh, place) = (self.directory.join("store.new"), self.directory.join("store.redb"));
        remove(&fresh)?;
        let written = self.write_copy(store, &fresh, progress).and_then(|copy| {
            std::fs::rename(&fresh, &place)?;
            Ok(copy)
        });
        match written {
            Ok(copy) => *store = copy,
            Err(error) => {
                let _ = remove(&fresh);
                return Err(error);
            }
        }
        file::sync_directory(&self.directory).map_err(VaultError::NotDurable)
    }

    fn write_copy(
        &self,
        store: &Store,
        path: &Path,
        progress: &Progress,
    ) -> Result<Store, VaultError> {
        let file = LockedFile::create(path)?;
        let handle = file.after(0)?;
        let mut copy = open_store(file, &self.key)?;
        store.image()?.copy_into(&mut copy, progress)?;
        handle.sync()?;
        Ok(copy)
    }

    /// A backup of the store as it is now, to be written by any thread while the store is used.
    pub fn backup(&self, store: &Store) -> Result<Backup, VaultError> {
        let envelope = read_envelope(&self.directory)?;
        Ok(Backup::new(store.image()?, self.key.clone(), envelope, self.in_use.clone()))
    }

    /// Bytes of the store's file.
    pub fn store_bytes(&self) -> Result<u64, VaultError> {
        Ok(std::fs::metadata(self.directory.join("store.redb"))?.len())
    }
}

/// Locks the store with another secret; the store itself is not touched and may be in use.
pub fn change_secret<E: From<VaultError>>(
    directory: &Path,
    fresh: &Fresh,
    old: impl FnOnce(Lock) -> Result<Secret, E>,
    new: impl FnOnce() -> Result<Secret, E>,
) -> Result<Lock, E> {
    // An empty file is left where the making of a home was broken off.
    let made = std::fs::metadata(directory.join("store.redb")).is_ok_and(|file| file.len() > 0);
    if !made {
        return Err(VaultError::NoStore(directory.to_owned()).into());
    }
    let envelope = read_envelope(directory)?;
    let key = envelope.open(&old(envelope.lock())?).map_err(VaultError::from)?;
    let changed = Envelope::seal(&key, &new()?, fresh).map_err(VaultError::from)?;
    write_envelope(directory, &changed)?;
    Ok(changed.lock())
}

/// What locks the store of a home, as its envelope says. Needs no secret.
pub fn lock_of(directory: &Path) -> Result<Lock, VaultError> {
    Ok(read_envelope(directory)?.lock())
}

/// What locks a home's store.
pub fn read_envelope(directory: &Path) -> Result<Envelope, VaultError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    match std::fs::File::open(directory.join("store.key")) {
        Ok(file) => file.take(ENVELOPE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(VaultError::NoEnvelope);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Envelope::decode(&bytes)?)
}

/// Puts an envelope in the place of the one that is there, whole or not at all.
fn write_envelope(directory: &Path, envelope: &Envelope) -> Result<(), VaultError> {
    let fresh = directory.join("store.key.new");
    let file = LockedFile::create(&fresh)?;
    file.set_len(0)?;
    file.write(0, &envelope.encode())?;
    file.sync()?;
    put_in_place(&fresh, &directory.join("store.key"))
}

/// Keeps an envelope that may still open a store elsewhere: nothing else does. One that does not read
/// opens nothing. Returns where it is now.
fn set_envelope_aside(directory: &Path) -> Result<Option<PathBuf>, VaultError> {
    match read_envelope(directory) {
        Ok(_) => {}
        Err(VaultError::NoEnvelope | VaultError::Envelope(_)) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut places = (1u32..).map(|nth| directory.join(format!("store.key.{nth}")));
    let free = places.find(|place| place.symlink_metadata().is_err());
    let Some(free) = free else { return Err(VaultError::Exists(directory.join("store.key"))) };
    put_in_place(&directory.join("store.key"), &free)?;
    tracing::warn!(
        "a store.key without its store was there; it is kept as {}, and opens the store that it was \
         made for",
        free.display()
    );
    Ok(Some(free))
}

fn is_empty(file: &LockedFile) -> Result<bool, VaultError> {
    Ok(file.len()? == 0)
}

/// Opens or makes a database in the file.
fn open_store(file: LockedFile, key: &VolumeKey) -> Result<Store, VaultError> {
    let fresh = is_empty(&file)?;
    let backend = Encrypted::new(file, key)?;
    let mut first = [0; REDB_MAGIC.len()];
    if !fresh && (backend.read(0, &mut first).is_err() || first != REDB_MAGIC) {
        return Err(VaultError::OtherStore);
    }
    Ok(Store::with_backend(backend)?)
}
