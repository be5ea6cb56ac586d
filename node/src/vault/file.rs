//! A file that one process has open, as redb wants it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use redb::StorageBackend;
use same_file::Handle;

use super::VaultError;
use crate::store::StoreError;

/// A file, or what comes after its first bytes, locked for this process until it is dropped.
#[derive(Debug)]
pub(super) struct LockedFile {
    file: File,
    /// Where the backend's first byte stands.
    base: u64,
    /// Whether the lock ends with this one.
    owner: bool,
}

/// Closing a file does not let go of its lock while a child process that is just being started
/// still has the file open too.
impl Drop for LockedFile {
    fn drop(&mut self) {
        if self.owner {
            let _ = self.file.unlock();
        }
    }
}

impl LockedFile {
    /// Opens a file that is there.
    pub(super) fn open(path: &Path) -> Result<Self, VaultError> {
        Self::lock(path, OpenOptions::new().read(true).write(true))
    }

    /// Opens a file, or makes it such that only its owner may read it.
    pub(super) fn create(path: &Path) -> Result<Self, VaultError> {
        Self::lock(path, private().create(true).truncate(false))
    }

    /// Makes a file that is not there, such that only its owner may read it. Follows no link.
    pub(super) fn create_new(path: &Path) -> Result<Self, VaultError> {
        Self::lock(path, private().create_new(true))
    }

    /// Another process may put a new file in the place of the one that was opened here, and let go
    /// of that one: a lock on a file without a name keeps nobody out.
    fn lock(path: &Path, options: &OpenOptions) -> Result<Self, VaultError> {
        loop {
            let file = options.open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(StoreError::InUse.into()),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            let held = Handle::from_file(file.try_clone()?)?;
            match Handle::from_path(path) {
                Ok(named) if named == held => return Ok(Self { file, base: 0, owner: true }),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// The same file, beginning after so many bytes. The lock ends with the one that was opened.
    pub(super) fn after(&self, base: u64) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, base, owner: false })
    }

    /// Everything that was written is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl StorageBackend for LockedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len().saturating_sub(self.base))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        read_at(&self.file, out, self.base + offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(self.base + length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        write_at(&self.file, data, self.base + offset)
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(unix)]
fn write_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut out: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !out.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, out, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                out = out.get_mut(count..).unwrap_or_default();
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_at(file: &File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    while !data.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, data, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                data = data.get(count..).unwrap_or_default();
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts a file in the place of another for good: what was renamed is on the disk before.
pub(super) fn put_in_place(from: &Path, to: &Path) -> Result<(), VaultError> {
    std::fs::rename(from, to)?;
    sync_parent(to)
}

/// The name of a file is on the disk.
pub(super) fn sync_parent(path: &Path) -> Result<(), VaultError> {
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    sync_directory(directory.unwrap_or(Path::new("."))).map_err(VaultError::NotDurable)
}

/// The names in a directory are on the disk.
#[cfg(unix)]
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A directory cannot be synced there; NTFS keeps a journal of names.
#[cfg(not(unix))]
pub(super) fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Takes a file away if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
