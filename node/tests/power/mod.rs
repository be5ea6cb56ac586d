//! A disk that may lose power.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// A disk that keeps what was synced, and fails after so many more syncs.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<Bytes>>);

#[derive(Debug, Default)]
struct Bytes {
    written: Vec<u8>,
    synced: Vec<u8>,
    syncs: u64,
    last: Option<u64>,
}

impl Disk {
    /// The disk as it is after the power has come back.
    pub fn after_power_loss(&self) -> Self {
        let synced = self.0.lock().unwrap().synced.clone();
        Self(Arc::new(Mutex::new(Bytes { written: synced.clone(), synced, syncs: 0, last: None })))
    }

    pub fn fails_after(&self, syncs: u64) {
        let mut bytes = self.0.lock().unwrap();
        bytes.last = Some(bytes.syncs + syncs);
    }

    /// How often something was made durable.
    pub fn syncs(&self) -> u64 {
        self.0.lock().unwrap().syncs
    }

    pub fn lasts(&self) {
        self.0.lock().unwrap().last = None;
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().written.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap();
        let offset = offset as usize;
        out.copy_from_slice(&bytes.written[offset..offset + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().written.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut bytes = self.0.lock().unwrap();
        if bytes.last.is_some_and(|last| bytes.syncs >= last) {
            return Err(io::Error::other("the power is gone"));
        }
        bytes.syncs += 1;
        bytes.synced = bytes.written.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = offset as usize;
        self.0.lock().unwrap().written[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}
