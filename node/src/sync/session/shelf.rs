//! Where references into the logs are looked up during a session.

use shouwang_crdt_schema::division::DivisionCode;

use super::super::Replica;
use super::super::compact::{Known, Lookup, MARK_BYTES};
use super::Session;
use crate::log::entry::DocumentField;
use crate::log::{EntryHash, LogKey};
use crate::store::StoreError;

/// What is here, and what of it the peer has.
pub(super) struct Shelf<'a, R> {
    pub(super) replica: &'a R,
    pub(super) session: &'a Session,
}

impl<R: Replica> Lookup for Shelf<'_, R> {
    fn holds(&self, log: &LogKey, seq: u64, hash: &EntryHash) -> Result<bool, StoreError> {
        let chain = self.replica.find(log, seq, &(*hash).into())?;
        Ok(chain.is_some_and(|chain| self.session.has(&chain, seq, self.replica)))
    }

    fn entry_hash(
        &self,
        log: &LogKey,
        seq: u64,
        mark: [u8; MARK_BYTES],
    ) -> Result<Option<EntryHash>, StoreError> {
        let entries = self.replica.entries_at(log, seq)?.into_iter();
        let mut hashes = entries.map(|entry| entry.header.hash());
        Ok(hashes.find(|hash| hash.0.starts_with(&mark)))
    }

    fn change(
        &self,
        log: &LogKey,
        seq: u64,
        mark: [u8; MARK_BYTES],
    ) -> Result<Option<Known>, StoreError> {
        let mut known = self.replica.entries_at(log, seq)?.into_iter().filter_map(Known::of);
        Ok(known.find(|known| known.last.hash.starts_with(&mark)))
    }

    fn place(
        &self,
        scope: DivisionCode,
        document: &DocumentField,
        change: &[u8; 32],
    ) -> Result<Option<(LogKey, u64, Known)>, StoreError> {
        let Some(id) = document.id() else { return Ok(None) };
        let Some((chain, seq)) = self.replica.change_place(scope, &id, change)? else {
            return Ok(None);
        };
        if !self.session.has(&chain, seq, self.replica) {
            return Ok(None);
        }
        let entries = self.replica.entries_at(&chain.key, seq)?.into_iter();
        let mut known = entries.filter_map(Known::of);
        let known = known.find(|known| known.last.hash == *change && known.document == *document);
        Ok(known.map(|known| (chain.key, seq, known)))
    }
}
