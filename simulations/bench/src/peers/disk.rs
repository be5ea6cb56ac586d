//! Where stores are: encrypted homes in folders, and images in memory that can be put into a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::Context;
use redb::StorageBackend;
use shouwang_node::entropy::Entropy;
use shouwang_node::store::Store;
use shouwang_node::vault::{Fresh, Secret, Vault, VaultError, VolumeKey};

/// The key file of all homes in a folder.
pub(crate) fn key_file(folder: &Path) -> PathBuf {
    folder.join("homes.key")
}

/// Makes an encrypted home, and the key file if there is none.
pub(crate) fn create_home(
    folder: &Path,
    home: &Path,
    entropy: &mut Entropy,
) -> anyhow::Result<Store> {
    std::fs::create_dir_all(home)?;
    let key = key_file(folder);
    if !key.exists() {
        Secret::make_key_file(&key, home, entropy.bytes())?;
    }
    let fresh = Fresh { salt: entropy.bytes(), nonce: entropy.bytes() };
    let volume = VolumeKey::new(entropy.bytes());
    let (_, store) = Vault::create(home, volume, &fresh, |_| Secret::read_key_file(&key))?;
    Ok(store)
}

/// Opens an encrypted home.
pub(crate) fn open_home(folder: &Path, home: &Path) -> anyhow::Result<(Vault, Store)> {
    let key = key_file(folder);
    Vault::open(home, |_| Secret::read_key_file(&key))
        .map_err(|error: VaultError| anyhow::Error::from(error))
        .with_context(|| format!("the home {} does not open", home.display()))
}

/// Copies a closed home.
pub(crate) fn copy_home(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for name in ["store.redb", "store.key"] {
        std::fs::copy(from.join(name), to.join(name))?;
    }
    Ok(())
}

/// A database in memory. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryImage(Arc<RwLock<Vec<u8>>>);

impl MemoryImage {
    /// One with what was kept in a file.
    pub(crate) fn load(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(RwLock::new(std::fs::read(path)?))))
    }

    /// Keeps it in a file. The database over it is closed.
    pub(crate) fn keep(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.read_bytes().as_slice())
    }

    fn read_bytes(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_bytes(&self) -> RwLockWriteGuard<'_, Vec<u8>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for MemoryImage {
    fn len(&self) -> io::Result<u64> {
        Ok(self.read_bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.read_bytes();
        let start = offset as usize;
        let found = bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.write_bytes().resize(length as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.write_bytes();
        let start = offset as usize;
        let place = bytes.get_mut(start..start + data.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        place.copy_from_slice(data);
        Ok(())
    }
}
