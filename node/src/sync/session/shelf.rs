//! Where references into the logs are looked up during a session.

use shouwang_crdt_schema::division::DivisionCode;

use super::super::Replica;
use super::super::compact::{Known, Lookup, Mark};
use super::super::summary::{Fingerprint, Place, Salt};
use super::Session;
use crate::log::entry::DocumentField;
use crate::log::{EntryHash, LogKey};
use crate::store::StoreError;
use crate::store::digests::Family;

/// What is here, and what of it the peer has.
pub(super) struct Shelf<'a, R> {
    pub(super) replica: &'a R,
    pub(super) session: &'a Session,
}

impl<R: Replica> Lookup for Shelf<'_, R> {
    fn knows(&self, log: &LogKey) -> Result<bool, StoreError> {
        let chains = self.replica.chains(log)?;
        Ok(chains.iter().any(|(chain, _)| self.session.has(chain, 0, self.replica)))
    }

    fn log_with(
        &self,
        scope: DivisionCode,
        salt: Salt,
        fingerprint: Fingerprint,
    ) -> Result<Option<LogKey>, StoreError> {
        for family in Family::ALL {
            let heads = self.replica.heads(family, Place::Own(scope))?;
            let found = heads.iter().find(|(log, _)| salt.fingerprint(&log.key) == fingerprint);
            if let Some((log, _)) = found {
                return Ok(Some(log.key));
            }
        }
        Ok(None)
    }

    fn holds(&self, log: &LogKey, seq: u64, hash: &EntryHash) -> Result<bool, StoreError> {
        let chain = self.replica.find(log, seq, |found| found == hash)?;
        Ok(chain.is_some_and(|chain| self.session.has(&chain, seq, self.replica)))
    }

    fn entry_hash(
        &self,
        log: &LogKey,
        seq: u64,
        mark: Mark,
    ) -> Result<Option<EntryHash>, StoreError> {
        let entries = self.replica.entries_at(log, seq)?.into_iter();
        let mut hashes = entries.map(|entry| entry.header.hash());
        Ok(hashes.find(|hash| mark.is_of(&hash.0)))
    }

    fn change(&self, log: &LogKey, seq: u64, mark: Mark) -> Result<Option<Known>, StoreError> {
        let mut known = self.replica.entries_at(log, seq)?.into_iter().filter_map(Known::of);
        Ok(known.find(|known| mark.is_of(&known.last.hash)))
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
