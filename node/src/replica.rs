//! What sync reads of the store.

use shouwang_crdt_schema::division::Area;

use crate::identity::authority::Authority;
use crate::identity::grant::GrantId;
use crate::limits::CHECKPOINT_ENTRIES;
use crate::log::run::cut;
use crate::log::{EntryHash, Head, LogKey, UnverifiedRun};
use crate::store::rows::LogRow;
use crate::store::{ChainRead, Snapshot, StoreError, StoreRead};
use crate::sync::Replica;

/// A snapshot of the store together with who may do what.
pub struct View<'a> {
    snapshot: &'a Snapshot,
    authority: &'a Authority,
    own_grant: GrantId,
    epoch: (u64, u64),
}

impl<'a> View<'a> {
    /// A view of this snapshot.
    pub fn new(
        snapshot: &'a Snapshot,
        authority: &'a Authority,
        own_grant: GrantId,
        epoch: (u64, u64),
    ) -> Self {
        Self { snapshot, authority, own_grant, epoch }
    }
}

impl Replica for View<'_> {
    fn authority(&self) -> &Authority {
        self.authority
    }

    fn own_grant(&self) -> GrantId {
        self.own_grant
    }

    fn epoch(&self) -> (u64, u64) {
        self.epoch
    }

    fn heads(&self, area: Area) -> Result<Vec<(LogRow, Head)>, StoreError> {
        let mut chains = self.snapshot.logs_in(area)?;
        let mut above = area.0.parent();
        while let Some(scope) = above {
            chains.extend(self.snapshot.logs_of(scope)?);
            above = scope.parent();
        }
        let mut heads = Vec::new();
        for chain in chains {
            heads.extend(self.snapshot.head_of(chain.number)?.map(|head| (chain, head)));
        }
        Ok(heads)
    }

    fn chains(&self, log: &LogKey) -> Result<Vec<(LogRow, Head)>, StoreError> {
        self.snapshot.chain_heads(log)
    }

    fn find(&self, log: &LogKey, seq: u64, hash: &EntryHash) -> Result<Option<LogRow>, StoreError> {
        self.snapshot.find_chain(log, seq, hash)
    }

    fn hash_at(&self, chain: &LogRow, seq: u64) -> Result<Option<EntryHash>, StoreError> {
        self.snapshot.hash_at(chain, seq)
    }

    fn parting(&self, one: &LogRow, two: &LogRow) -> Result<Option<u64>, StoreError> {
        self.snapshot.parting(one, two)
    }

    fn run_after(
        &self,
        chain: &LogRow,
        after: Option<u64>,
    ) -> Result<Option<UnverifiedRun>, StoreError> {
        let first = after.map_or(0, |after| after.saturating_add(1));
        let before = match after {
            None => None,
            Some(after) => self.snapshot.head_at(chain, after)?,
        };
        let limit = CHECKPOINT_ENTRIES as usize;
        let entries = self.snapshot.path_from(chain, first, limit)?;
        Ok(cut(&entries, before.as_ref()))
    }
}
