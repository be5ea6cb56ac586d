//! The engine and the file that its store is in: writing it anew, backing it up.

use super::Engine;
use crate::progress::Progress;
use crate::store::StoreError;
use crate::vault::{Backup, Vault, VaultError};

/// What a rewrite came to, bytes of the store's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Before.
    pub bytes_before: u64,
    /// After.
    pub bytes_after: u64,
}

impl Engine {
    /// The store is in this vault. An engine without one (a simulation's) is never rewritten.
    pub fn keep_in(&mut self, vault: Vault) {
        self.vault = Some(vault);
    }

    /// Writes the store anew and goes on with the new one: no byte of anything deleted is in it.
    pub fn rewrite(&mut self) -> Result<Rewritten, VaultError> {
        let progress = self.rewrite_progress();
        let rewritten = self.rewrite_telling(&progress);
        progress.end();
        rewritten
    }

    fn rewrite_telling(&mut self, progress: &Progress) -> Result<Rewritten, VaultError> {
        let vault = self.vault.as_ref().ok_or(VaultError::NoFile)?;
        let bytes_before = vault.store_bytes()?;
        vault.rewrite(&mut self.store, progress)?;
        Ok(Rewritten { bytes_before, bytes_after: vault.store_bytes()? })
    }

    /// Writes the store anew if a transaction has asked for it
    /// ([`crate::store::REWRITE_DUE`]). Fails only where the store must not be used any more; any
    /// other failure is logged, and the rewrite stays due for the next time the store is opened.
    pub fn rewrite_if_due(&mut self) -> Result<(), StoreError> {
        let waits = self.vault.as_ref().is_none_or(Vault::is_in_use);
        if !self.store.rewrite_is_due() || waits {
            return Ok(());
        }
        match self.rewrite_telling(&Progress::default()) {
            Ok(Rewritten { bytes_before, bytes_after }) => {
                tracing::info!(bytes_before, bytes_after, "the store was written anew");
                Ok(())
            }
            Err(VaultError::NotDurable(error)) => Err(redb::StorageError::Io(error).into()),
            Err(error) => {
                tracing::error!(%error, "the store could not be written anew; deleted data stays in its file");
                self.store.put_off_rewrite();
                Ok(())
            }
        }
    }

    /// A backup of everything as it is now; any thread may write it.
    pub fn backup(&self) -> Result<Backup, VaultError> {
        self.vault.as_ref().ok_or(VaultError::NoFile)?.backup(&self.store)
    }
}
