//! A backup: one file that holds the envelope and the store, encrypted with the store's own key.
//!
//! ```text
//! first 4 KiB                            then
//!  8  "SWBACKUP"                         an encrypted store, as store.redb is, its sectors
//!  1  version = 1                        numbered from 0
//!  8  bytes of the store's image
//!  ~  envelope (piece)
//!  8  checksum over all before, then zeros
//! ```
//!
//! The beginning is written last: a file that a crash has cut off is no backup.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::StorageBackend;

use super::envelope::{Envelope, Lock, VolumeKey};
use super::file::{LockedFile, put_in_place, remove, sync_parent};
use super::secret::Secret;
use super::{VaultError, open_store, read_envelope, set_envelope_aside, write_envelope};
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{ENVELOPE_BYTES_MAX, SECTOR_BATCH_BYTES};
use crate::progress::Progress;
use crate::store::{Image, RESTORED, Store, StoreError};

const MAGIC: &[u8; 8] = b"SWBACKUP";
const VERSION: u8 = 1;
const CHECKSUM_CONTEXT: &str = "shouwang 2026 backup head 1";

/// Bytes before the image: one sector.
const HEAD_BYTES: usize = 4096;

const _: () = assert!(8 + 1 + 8 + 2 + ENVELOPE_BYTES_MAX + 8 <= HEAD_BYTES);

/// A store as it was when the backup was begun, still to be written.
pub struct Backup {
    image: Image,
    key: VolumeKey,
    envelope: Envelope,
    progress: Arc<Progress>,
    _in_use: Arc<()>,
}

impl Backup {
    pub(super) fn new(image: Image, key: VolumeKey, envelope: Envelope, in_use: Arc<()>) -> Self {
        Self { image, key, envelope, progress: Arc::default(), _in_use: in_use }
    }

    /// How far [`Backup::write`] is. A step is a row.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// Writes the file, row by row, beside its place and then into it. What is there already stays,
    /// whenever it came. Returns its length in bytes.
    pub fn write(self, to: &Path) -> Result<u64, VaultError> {
        if to.symlink_metadata().is_ok() {
            return Err(VaultError::Exists(to.to_owned()));
        }
        let partial = partial(to);
        let file = begin(&partial).map_err(|error| at(&partial, error))?;
        let written =
            self.write_into(&file).map_err(|error| at(&partial, error)).and_then(|bytes| {
                publish(&partial, to).map_err(|error| at(to, error))?;
                Ok(bytes)
            });
        if written.is_err() {
            let _ = remove(&partial);
        }
        written
    }

    fn write_into(&self, file: &LockedFile) -> Result<u64, VaultError> {
        file.set_len(0)?;
        file.set_len(HEAD_BYTES as u64)?;
        let mut store = open_store(file.after(HEAD_BYTES as u64)?, &self.key)?;
        self.image.copy_into(&mut store, &self.progress)?;
        drop(store);
        file.sync()?;
        let bytes = file.len()?;
        let mut head = Writer::new()
            .bytes(MAGIC)
            .u8(VERSION)
            .u64(bytes.saturating_sub(HEAD_BYTES as u64))
            .piece(&self.envelope.encode())
            .finish();
        let sum = checksum(&head);
        head.extend_from_slice(&sum);
        file.write(0, &head)?;
        file.sync()?;
        Ok(bytes)
    }
}

/// A new file. One that a crash has left is taken away first; one that another process is writing,
/// or that is no plain file, stays: a link would lead the backup somewhere else.
fn begin(partial: &Path) -> Result<LockedFile, VaultError> {
    let left = match partial.symlink_metadata() {
        Ok(there) if !there.is_file() => return Err(VaultError::Exists(partial.to_owned())),
        Ok(_) => Some(LockedFile::open(partial)?),
        Err(_) => None,
    };
    if left.is_some() {
        remove(partial)?;
    }
    LockedFile::create_new(partial).map_err(|error| exists(error, partial))
}

/// Gives the file its name, unless there is one of that name.
fn publish(partial: &Path, to: &Path) -> Result<(), VaultError> {
    match std::fs::hard_link(partial, to) {
        // A name more of a whole backup does no harm.
        Ok(()) => drop(remove(partial)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(VaultError::Exists(to.to_owned()));
        }
        // FAT, as on most USB sticks, has no links.
        Err(_) => publish_without_links(partial, to)?,
    }
    sync_parent(to)
}

/// An empty file of our own takes the name, and the backup takes its place. After a crash in
/// between it is empty: no backup.
fn publish_without_links(partial: &Path, to: &Path) -> Result<(), VaultError> {
    drop(LockedFile::create_new(to).map_err(|error| exists(error, to))?);
    std::fs::rename(partial, to).map_err(|error| {
        let _ = remove(to);
        error.into()
    })
}

fn exists(error: VaultError, path: &Path) -> VaultError {
    match error {
        VaultError::Io(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            VaultError::Exists(path.to_owned())
        }
        error => error,
    }
}

/// Makes the store of a home from a backup, if the secret opens it and every page of it reads. The
/// home has nothing in it yet; its store comes into being whole or not at all, and knows that it was
/// restored ([`RESTORED`]). A step is a byte that is copied; every page is read once more after that.
pub fn restore<E: From<VaultError>>(
    from: &Path,
    directory: &Path,
    progress: &Progress,
    ask: impl FnOnce(Lock) -> Result<Secret, E>,
) -> Result<(), E> {
    check_empty(directory)?;
    let backup = std::fs::File::open(from).map_err(|error| at(from, error.into()))?;
    let head = Head::read(&backup).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            VaultError::NoBackup(from.to_owned())
        }
        _ => at(from, error.into()),
    })?;
    let key = head.envelope.open(&ask(head.envelope.lock())?).map_err(VaultError::from)?;
    make_directory(directory).map_err(|error| at(directory, error.into()))?;
    let fresh = directory.join("store.new");
    // Held until the store is in its place: another restore may have begun before this one.
    let file = LockedFile::create(&fresh)?;
    check_empty(directory)?;
    let mut key_written = KeyWritten::No;
    let restored = fill(&backup, &head, &file, &key, progress).and_then(|()| {
        key_written = place_envelope(directory, &head.envelope)?;
        put_in_place(&fresh, &directory.join("store.redb"))
    });
    if let Err(error) = &restored {
        take_back(directory, error, &key_written);
    }
    Ok(restored?)
}

/// What a restore has done to `store.key`.
enum KeyWritten {
    No,
    /// It is new; the one before it, if there was one, is there now.
    Yes(Option<PathBuf>),
}

/// A restore that was cut off may have left this envelope; any other is somebody's.
fn place_envelope(directory: &Path, envelope: &Envelope) -> Result<KeyWritten, VaultError> {
    if read_envelope(directory).is_ok_and(|there| there.encode() == envelope.encode()) {
        return Ok(KeyWritten::No);
    }
    let aside = set_envelope_aside(directory)?;
    write_envelope(directory, envelope)?;
    Ok(KeyWritten::Yes(aside))
}

/// Takes away what a restore that failed has written, and nothing else. Where only the directory
/// was not synced, the store is in its place and needs its key.
fn take_back(directory: &Path, error: &VaultError, key_written: &KeyWritten) {
    if matches!(error, VaultError::NotDurable(_)) {
        return;
    }
    let _ = remove(&directory.join("store.new"));
    if let KeyWritten::Yes(before) = key_written {
        let _ = match before {
            Some(before) => std::fs::rename(before, directory.join("store.key")),
            None => remove(&directory.join("store.key")),
        };
    }
}

/// Copies the image, checks it, and notes in it where it came from.
fn fill(
    backup: &std::fs::File,
    head: &Head,
    file: &LockedFile,
    key: &VolumeKey,
    progress: &Progress,
) -> Result<(), VaultError> {
    use std::io::{Read, Seek, SeekFrom};
    file.set_len(0)?;
    let mut backup = backup;
    backup.seek(SeekFrom::Start(HEAD_BYTES as u64))?;
    let mut buffer = vec![0; SECTOR_BATCH_BYTES];
    progress.begin(head.image_bytes);
    let mut done = 0;
    while done < head.image_bytes {
        let wanted = usize::try_from(head.image_bytes - done).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        let Some(batch) = buffer.get_mut(..wanted) else { break };
        backup.read_exact(batch).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => VaultError::DamagedBackup,
            _ => error.into(),
        })?;
        file.write(done, batch)?;
        done += wanted as u64;
        progress.steps(wanted as u64);
    }
    let checked =
        open_store(file.after(0)?, key).and_then(|mut store| match store.check_pages()? {
            true => note(&store),
            false => Err(VaultError::DamagedBackup),
        });
    checked.map_err(|error| match error {
        VaultError::OtherStore | VaultError::Store(StoreError::Corrupt { .. }) => {
            VaultError::DamagedBackup
        }
        VaultError::Store(StoreError::Database(cause)) if !is_disk(&cause) => {
            VaultError::DamagedBackup
        }
        error => error,
    })?;
    Ok(file.sync()?)
}

/// Whether the disk has failed, rather than what was read from it being wrong.
fn is_disk(cause: &redb::Error) -> bool {
    matches!(cause, redb::Error::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof
        && error.kind() != io::ErrorKind::InvalidData)
}

fn note(store: &Store) -> Result<(), VaultError> {
    Ok(store.write(|tables| tables.set_meta(RESTORED, &1u64.to_be_bytes()))?)
}

/// Nothing is there but what a restore that was cut off has left, and envelopes.
fn check_empty(directory: &Path) -> Result<(), VaultError> {
    let inside = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        inside => inside.map_err(|error| at(directory, error.into()))?,
    };
    for entry in inside {
        let name = entry.map_err(VaultError::from)?.file_name();
        let left = ["store.new", "store.key", "store.key.new"].iter().any(|left| name == *left);
        let nth = name.to_str().and_then(|name| name.strip_prefix("store.key."));
        if !left && nth.is_none_or(|nth| nth.parse::<u32>().is_err()) {
            return Err(VaultError::NotEmpty(directory.to_owned()));
        }
    }
    Ok(())
}

/// Makes a home's directory such that only its owner may read it.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

struct Head {
    image_bytes: u64,
    envelope: Envelope,
}

impl Head {
    fn read(mut file: &std::fs::File) -> io::Result<Self> {
        use std::io::Read;
        let mut bytes = vec![0; HEAD_BYTES];
        file.read_exact(&mut bytes)?;
        Self::decode(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != *MAGIC || reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let image_bytes = reader.u64()?;
        let envelope = reader.piece(ENVELOPE_BYTES_MAX)?;
        let covered =
            Writer::new().bytes(MAGIC).u8(VERSION).u64(image_bytes).piece(envelope).finish();
        if reader.array()? != checksum(&covered) {
            return Err(CodecError::Tag);
        }
        let envelope = Envelope::decode(envelope).map_err(|_| CodecError::Tag)?;
        Ok(Self { image_bytes, envelope })
    }
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut sum = [0; 8];
    let mut hasher = blake3::Hasher::new_derive_key(CHECKSUM_CONTEXT);
    hasher.update(bytes).finalize_xof().fill(&mut sum);
    sum
}

/// Where a backup stands until it is whole.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// Says which file failed.
fn at(path: &Path, error: VaultError) -> VaultError {
    match error {
        VaultError::Io(error) => VaultError::File(path.to_owned(), error),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::envelope::Fresh;

    fn envelope(nth: u8) -> Envelope {
        let secret = Secret::KeyFile(zeroize::Zeroizing::new([1; 32]));
        let fresh = Fresh { salt: [nth; 16], nonce: [nth; 24] };
        Envelope::seal(&VolumeKey::new([nth; 64]), &secret, &fresh).unwrap()
    }

    #[test]
    fn a_file_that_came_meanwhile_stays_with_links_and_without() {
        for publish in [publish, publish_without_links] {
            let directory = tempfile::tempdir().unwrap();
            let (from, to) = (directory.path().join("b.partial"), directory.path().join("b"));
            let read = |path: &Path| std::fs::read(path).unwrap();
            std::fs::write(&from, b"the backup").unwrap();
            std::fs::write(&to, b"came meanwhile").unwrap();
            let refused = publish(&from, &to);
            assert!(matches!(refused, Err(VaultError::Exists(path)) if path == to));
            assert_eq!(read(&to), b"came meanwhile");
            std::fs::remove_file(&to).unwrap();
            publish(&from, &to).unwrap();
            assert_eq!(read(&to), b"the backup");
            assert!(!from.exists());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_partial_file_is_new_private_and_never_a_link() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (partial, other) = (directory.path().join("b.partial"), directory.path().join("other"));
        std::fs::write(&other, b"somebody's").unwrap();
        std::os::unix::fs::symlink(&other, &partial).unwrap();
        assert!(matches!(begin(&partial), Err(VaultError::Exists(path)) if path == partial));
        assert_eq!(std::fs::read(&other).unwrap(), b"somebody's");
        // One that a crash has left, with whatever other names and rights.
        std::fs::remove_file(&partial).unwrap();
        std::fs::hard_link(&other, &partial).unwrap();
        let begun = begin(&partial).unwrap();
        begun.set_len(0).unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"somebody's");
        assert_eq!(partial.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        // One that is being written.
        assert!(matches!(begin(&partial), Err(VaultError::Store(StoreError::InUse))));
    }

    #[test]
    fn a_restore_that_fails_gives_the_envelope_back_that_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        write_envelope(home, &envelope(1)).unwrap();
        let written = place_envelope(home, &envelope(2)).unwrap();
        assert_eq!(read_envelope(home).unwrap(), envelope(2));
        take_back(home, &VaultError::DamagedBackup, &written);
        assert_eq!(read_envelope(home).unwrap(), envelope(1));
        // One that this run did not write stays.
        let written = place_envelope(home, &envelope(1)).unwrap();
        take_back(home, &VaultError::DamagedBackup, &written);
        assert_eq!(read_envelope(home).unwrap(), envelope(1));
    }

    #[test]
    fn the_key_of_a_store_that_is_in_its_place_stays() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        let written = place_envelope(home, &envelope(1)).unwrap();
        std::fs::write(home.join("store.redb"), b"a store").unwrap();
        let error = VaultError::NotDurable(io::Error::other("a bad disk"));
        take_back(home, &error, &written);
        assert_eq!(read_envelope(home).unwrap(), envelope(1));
        take_back(home, &VaultError::DamagedBackup, &written);
        assert!(matches!(read_envelope(home), Err(VaultError::NoEnvelope)), "the control");
    }
}
