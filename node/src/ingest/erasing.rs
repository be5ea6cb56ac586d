//! What erasures do to what is stored: bodies that are kept, left out, taken away, or missing.
//!
//! All of it follows from the stored `Erase` entries and from how far they count. It is decided anew
//! when one of them comes, when it counts again or no more, and when a body arrives.

use std::borrow::Cow;
use std::collections::BTreeSet;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;

use super::{Ingest, Refusal, SetAside};
use crate::gathered::erased::{self, elder_of};
use crate::gathered::{Coverage, Erased, late};
use crate::log::{Entry, EntryHash, EntryPlace, Kind, Lane, VerifiedRun};
use crate::statement;
use crate::store::erasures::ErasureRead;
use crate::store::rows::{DocumentKey, LogRow, Unsettled};
use crate::store::{ChainRead, StoreError, StoreRead};

/// Whether an entry may come without its body: an erasure can cover it, or a later version's kind
/// may say why. What others are proved or erased by is whole or is not there.
pub(super) fn may_be_absent(lane: Lane, kind: Kind) -> bool {
    lane.carries_records() && matches!(kind, Kind::Change | Kind::Adopt | Kind::Other(_))
}

impl Ingest<'_, '_> {
    /// What erasures make of a new entry.
    pub(super) fn coverage(&mut self, log: &LogRow, entry: &Entry) -> Result<Coverage, StoreError> {
        let Some(elder) = elder_of(entry) else { return Ok(Coverage::Untouched) };
        let erased = Erased::of(self.tables, self.authority, log.key.scope, elder)?;
        if erased.ends_at(&log.key, entry.header.seq, entry.header.hash()) {
            self.erasing.insert((log.key.scope, elder));
        }
        erased.coverage(self.tables, log, entry)
    }

    /// The entry as it is stored: a body that was erased never reaches the disk.
    pub(super) fn to_be_stored(entry: &Entry, coverage: Coverage) -> Cow<'_, Entry> {
        match coverage {
            Coverage::Removed if entry.body.is_some() => {
                Cow::Owned(Entry { body: None, ..entry.clone() })
            }
            _ => Cow::Borrowed(entry),
        }
    }

    /// Notes what is missing and what is late. Whether the entry does nothing else.
    pub(super) fn is_without_effect(
        &mut self,
        log: &LogRow,
        entry: &Entry,
        hash: EntryHash,
        coverage: Coverage,
    ) -> Result<bool, StoreError> {
        let absent = entry.body.is_none();
        if absent && coverage != Coverage::Removed {
            self.tables.set_missing(log.number, entry.header.seq, true)?;
        }
        match coverage {
            Coverage::Hidden | Coverage::Removed => Ok(true),
            Coverage::Late => {
                let aside = SetAside { seq: entry.header.seq, hash, reason: Unsettled::Late };
                self.noted.entry(log.key).or_default().push(aside);
                self.put_late(log, entry)?;
                Ok(true)
            }
            Coverage::Untouched => Ok(absent && entry.header.document.id().is_some()),
        }
    }

    fn put_late(&mut self, log: &LogRow, entry: &Entry) -> Result<(), StoreError> {
        let Some(id) = entry.header.document.id() else { return Ok(()) };
        let key = DocumentKey { scope: log.key.scope, id };
        self.tables.put_unsettled(&key, entry.header.hash(), &late(log, entry))
    }

    /// Takes in an `Erase` entry.
    pub(super) fn erase(&mut self, log: &LogRow, entry: &Entry) -> Result<(), StoreError> {
        let read = match self.authority.grant(&log.grant) {
            Some(grant) => erased::read(log, entry, grant),
            None => Err(Unsettled::NotAllowed("erase_right".into())),
        };
        match read {
            Ok(erasure) => {
                self.tables.put_erasure(log, entry.header.seq, erasure.elder)?;
                self.fresh_erasures.insert(entry.header.hash());
                self.erasing.insert((log.key.scope, erasure.elder));
                Ok(())
            }
            Err(why) => self.note(log, entry, why),
        }
    }

    /// Takes in the body of an entry that is here without one. One that nothing is missing for is
    /// dropped.
    pub fn fill(
        &mut self,
        place: &EntryPlace,
        body: Vec<u8>,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let EntryPlace { log, seq, hash } = place;
        let Some(chain) = self.tables.find_chain(log, *seq, hash)? else { return Ok(Ok(())) };
        if !self.tables.is_missing(chain.number, *seq)? {
            return Ok(Ok(()));
        }
        let Some(entry) = self.tables.entry(chain.number, *seq)? else { return Ok(Ok(())) };
        if *blake3::hash(&body).as_bytes() != entry.header.body_hash {
            return Ok(Err(Refusal::WrongBody));
        }
        let coverage = self.coverage(&chain, &entry)?;
        if coverage == Coverage::Removed {
            return Ok(Ok(()));
        }
        let entry = Entry { body: Some(body), ..entry };
        self.tables.put_entry(chain.number, &entry)?;
        self.tables.set_missing(chain.number, *seq, false)?;
        // Whoever is owed a receipt may be given one now.
        if !self.logs.contains_key(log) {
            let before = self.tables.chain_heads(log)?;
            self.logs.insert(*log, before);
        }
        // Only what is of a document waited for its body.
        let waited = coverage == Coverage::Untouched && entry.header.document.id().is_some();
        if waited {
            self.effect(&chain, &entry, *hash)?;
        }
        Ok(Ok(()))
    }

    /// Takes in the bodies that a run brings of entries that are here without them.
    pub(super) fn fill_known(&mut self, run: &VerifiedRun, known: usize) -> Result<(), StoreError> {
        if known == 0 || self.tables.missing_count()? == 0 {
            return Ok(());
        }
        for entry in run.entries().iter().take(known) {
            if let Some(body) = &entry.body {
                let (seq, hash) = (entry.header.seq, entry.header.hash());
                // The headers are the same, so the body is the right one.
                let filled = self.fill(&EntryPlace { log: run.log(), seq, hash }, body.clone())?;
                debug_assert_eq!(filled, Ok(()));
            }
        }
        Ok(())
    }

    /// Decides the erasures anew that came, or count further or less far than before: takes bodies
    /// away, lists those that are missing. Returns the documents to be decided again.
    pub(super) fn erase_again(&mut self) -> Result<BTreeSet<DocumentKey>, StoreError> {
        let mut documents = BTreeSet::new();
        for (scope, elder) in std::mem::take(&mut self.erasing) {
            let erased = Erased::of(self.tables, self.authority, scope, elder)?;
            self.note_signatures(&erased)?;
            self.erase_elder(scope, elder, &erased, &mut documents)?;
        }
        Ok(documents)
    }

    fn note_signatures(&mut self, erased: &Erased) -> Result<(), StoreError> {
        for signature in erased.signatures() {
            let log = &signature.log;
            let why = signature.standing.clone().unwrap_or(Unsettled::Pending);
            let (key, row) = statement::note(log, signature.place.seq, why.clone());
            match &signature.standing {
                None => self.tables.remove_unsettled(&key, signature.place.hash)?,
                Some(_) => self.tables.put_unsettled(&key, signature.place.hash, &row)?,
            }
            let fresh = self.fresh_erasures.contains(&signature.place.hash);
            if fresh && signature.standing.is_some() && why.is_unwanted() {
                let EntryPlace { seq, hash, .. } = signature.place;
                let aside = SetAside { seq, hash, reason: why };
                self.noted.entry(log.key).or_default().push(aside);
            }
        }
        Ok(())
    }

    /// What was begun to be typed about somebody goes with the last of the file that is here. A file that has only moved
    /// inside this area is still shown.
    pub(super) fn forget_drafts(&mut self) -> Result<(), StoreError> {
        for elder in std::mem::take(&mut self.emptied) {
            let mut is_shown = false;
            for (scope, _) in self.tables.scopes_in(self.area)? {
                is_shown |= self.tables.elder(scope, elder)?.is_some();
            }
            if !is_shown {
                self.tables.remove_drafts_of(elder)?;
            }
        }
        Ok(())
    }

    pub(super) fn erase_elder(
        &mut self,
        scope: DivisionCode,
        elder: ElderId,
        erased: &Erased,
        documents: &mut BTreeSet<DocumentKey>,
    ) -> Result<(), StoreError> {
        for log in self.tables.logs_of(scope)? {
            if !log.key.lane.carries_records() {
                continue;
            }
            let (mut gone, mut missing) = (Vec::new(), Vec::new());
            self.tables.for_each_entry(log.number, |seq, entry| {
                let entry = entry?;
                let key = entry.header.document.id().map(|id| DocumentKey { scope, id });
                let Some(key) = key.filter(|_| elder_of(&entry) == Some(elder)) else {
                    return Ok(());
                };
                documents.insert(key);
                let removed = erased.coverage(self.tables, &log, &entry)? == Coverage::Removed;
                match entry.body {
                    Some(_) if removed => gone.push(Entry { body: None, ..entry }),
                    Some(_) => {}
                    None => missing.push((seq, !removed)),
                }
                Ok(())
            })?;
            if !gone.is_empty() {
                self.emptied.insert(elder);
            }
            for entry in gone {
                self.tables.put_entry(log.number, &entry)?;
                self.tables.set_rewrite_due()?;
            }
            for (seq, missing) in missing {
                if self.tables.is_missing(log.number, seq)? != missing {
                    self.tables.set_missing(log.number, seq, missing)?;
                }
            }
        }
        Ok(())
    }
}
