//! What sync reads of the store.

use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::parts::DocumentId;

use crate::authority::Authority;
use crate::identity::grant::GrantId;
use crate::limits::CHECKPOINT_ENTRIES;
use crate::log::run::cut;
use crate::log::{Entry, EntryHash, Head, LogKey, UnverifiedRun};
use crate::store::digests::{DigestRead, Family, Sum};
use crate::store::erasures::ErasureRead;
use crate::store::places::PlaceRead;
use crate::store::rows::{DocumentKey, LogRow};
use crate::store::{ChainRead, Snapshot, StoreError, StoreRead};
use crate::sync::Replica;
use crate::sync::summary::Place;
use crate::sync::wire::LogPosition;

/// A snapshot of the store together with who may do what.
pub struct View<'a> {
    snapshot: &'a Snapshot,
    authority: &'a Authority,
    own_grant: GrantId,
}

impl<'a> View<'a> {
    /// A view of this snapshot.
    pub fn new(snapshot: &'a Snapshot, authority: &'a Authority, own_grant: GrantId) -> Self {
        Self { snapshot, authority, own_grant }
    }
}

impl Replica for View<'_> {
    fn authority(&self) -> &Authority {
        self.authority
    }

    fn own_grant(&self) -> GrantId {
        self.own_grant
    }

    fn sum(&self, family: Family, place: Place) -> Result<Sum, StoreError> {
        let Some(code) = place.code() else { return Ok(Sum::default()) };
        let division = self.snapshot.division(code)?;
        let sums = division.of(family);
        Ok(if place == Place::Own(code) { sums.own } else { sums.subtree })
    }

    fn inside(&self, family: Family, code: DivisionCode) -> Result<Vec<(Place, Sum)>, StoreError> {
        let own = (Place::Own(code), self.snapshot.division(code)?.of(family).own);
        let children = self.snapshot.divisions_inside(code)?.into_iter();
        let children = children.map(|(code, row)| (Place::Inside(code), row.of(family).subtree));
        Ok(std::iter::once(own).chain(children).filter(|(_, sum)| sum.chains > 0).collect())
    }

    fn heads(&self, family: Family, place: Place) -> Result<Vec<(LogRow, Head)>, StoreError> {
        let chains = match place {
            Place::All => self.snapshot.logs_all()?,
            Place::Own(code) => self.snapshot.logs_of(code)?,
            Place::Inside(code) => self.snapshot.logs_in(Area(code))?,
        };
        let mut heads = Vec::new();
        for chain in chains.into_iter().filter(|chain| Family::of(chain.key.lane) == family) {
            heads.extend(self.snapshot.head_of(chain.number)?.map(|head| (chain, head)));
        }
        Ok(heads)
    }

    fn chains(&self, log: &LogKey) -> Result<Vec<(LogRow, Head)>, StoreError> {
        self.snapshot.chain_heads(log)
    }

    fn find(
        &self,
        log: &LogKey,
        seq: u64,
        fits: impl FnMut(&EntryHash) -> bool,
    ) -> Result<Option<LogRow>, StoreError> {
        self.snapshot.find_chain_where(log, seq, fits)
    }

    fn hash_at(&self, chain: &LogRow, seq: u64) -> Result<Option<EntryHash>, StoreError> {
        self.snapshot.hash_at(chain, seq)
    }

    fn parting(&self, one: &LogRow, two: &LogRow) -> Result<Option<u64>, StoreError> {
        self.snapshot.parting(one, two)
    }

    fn entries_at(&self, log: &LogKey, seq: u64) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        for chain in self.snapshot.chains(log)? {
            if chain.branch.is_none_or(|branch| branch.first_seq <= seq) {
                found.extend(self.snapshot.entry(chain.number, seq)?);
            }
        }
        Ok(found)
    }

    fn change_place(
        &self,
        scope: DivisionCode,
        document: &DocumentId,
        change: &[u8; 32],
    ) -> Result<Option<(LogRow, u64)>, StoreError> {
        let key = DocumentKey { scope, id: *document };
        match self.snapshot.place_of_change(&key, change)? {
            Some((log, seq)) => Ok(self.snapshot.log_by_number(log)?.map(|row| (row, seq))),
            None => Ok(None),
        }
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

    fn missing(
        &self,
        limit: usize,
        mut wanted: impl FnMut(&LogPosition) -> bool,
    ) -> Result<Vec<LogPosition>, StoreError> {
        let mut last: Option<LogRow> = None;
        let mut found = Vec::new();
        self.snapshot.missing_where(limit, |log, seq| {
            if last.is_none_or(|last| last.number != log) {
                last = self.snapshot.log_by_number(log)?;
            }
            let (Some(row), Some(entry)) = (last, self.snapshot.entry(log, seq)?) else {
                return Ok(false);
            };
            let place = LogPosition { log: row.key, seq, hash: entry.header.hash() };
            let wanted = wanted(&place);
            found.extend(wanted.then_some(place));
            Ok(wanted)
        })?;
        Ok(found)
    }

    fn is_missing(&self, place: &LogPosition) -> Result<bool, StoreError> {
        match self.snapshot.find_chain(&place.log, place.seq, &place.hash)? {
            Some(chain) => self.snapshot.is_missing(chain.number, place.seq),
            None => Ok(false),
        }
    }

    fn body(&self, place: &LogPosition) -> Result<Option<Vec<u8>>, StoreError> {
        match self.snapshot.find_chain(&place.log, place.seq, &place.hash)? {
            Some(chain) => {
                let entry = self.snapshot.entry(chain.number, place.seq)?;
                Ok(entry.and_then(|entry| entry.body))
            }
            None => Ok(None),
        }
    }
}
