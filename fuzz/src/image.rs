//! A store in memory that can be taken back to what it was.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use redb::StorageBackend;

/// The bytes of a database. Clones are handles to the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image(Arc<Mutex<Vec<u8>>>);

impl Image {
    /// A file of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Arc::new(Mutex::new(bytes.to_vec())))
    }

    /// The bytes as they are now.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.with(|bytes| bytes.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StorageBackend for Image {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|bytes| bytes.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let from = usize::try_from(offset).map_err(|_| end())?;
        let to = from.checked_add(out.len()).ok_or_else(end)?;
        self.with(|bytes| {
            out.copy_from_slice(bytes.get(from..to).ok_or_else(end)?);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        // What a damaged number asks for is not there to be had.
        if length > 1 << 30 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.with(|bytes| bytes.resize(length as usize, 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let from = usize::try_from(offset).map_err(|_| end())?;
        let to = from.checked_add(data.len()).ok_or_else(end)?;
        self.with(|bytes| {
            bytes.get_mut(from..to).ok_or_else(end)?.copy_from_slice(data);
            Ok(())
        })
    }
}
