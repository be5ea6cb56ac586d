//! Moves: handovers and purges, offers, who has custody, whose entries were carried here.

use std::collections::BTreeSet;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;

use super::Check;
use crate::gathered::moved::{Stated, read_handover, read_purge};
use crate::gathered::{Moved, transfers};
use crate::index;
use crate::log::{Entry, Kind};
use crate::store::moves::{HandoverPlace, MovesRead, TransferKey};
use crate::store::rows::{LogRow, Unsettled};
use crate::store::{StoreError, StoreRead};

impl Check<'_> {
    /// Why an entry of kind `Handover` or `Purge` does not count, if so.
    pub(super) fn handover(
        &mut self,
        log: &LogRow,
        entry: &Entry,
    ) -> Result<Option<Unsettled>, StoreError> {
        let Some(grant) = self.authority.grant(&log.grant) else { return Ok(None) };
        let (kind, seq, hash) = (entry.header.kind, entry.header.seq, entry.header.hash());
        let read = match kind {
            Kind::Purge => read_purge(log, entry, grant).map(|purge| purge.elder),
            _ => read_handover(log, entry, grant).map(|handover| handover.elder),
        };
        let elder = match read {
            Ok(elder) => elder,
            Err(why) => return Ok(Some(why)),
        };
        self.handovers.insert((elder, log.key.scope, kind.number(), log.number, seq));
        let moved = Moved::of(self.snapshot, self.authority, elder)?;
        Ok(match kind {
            Kind::Purge => standing(moved.purges(), hash),
            _ => standing(moved.handovers(), hash),
        })
    }

    /// Everything that follows about moves, against what is stored.
    pub(super) fn moves(&mut self) -> Result<(), StoreError> {
        let snapshot = self.snapshot;
        let stored: BTreeSet<HandoverPlace> = snapshot.handovers_all()?.into_iter().collect();
        if stored != std::mem::take(&mut self.handovers) {
            let place = "handovers".to_owned();
            self.fault(place, "moves", &"not the entries that are here");
        }
        let mut offers: BTreeSet<TransferKey> =
            snapshot.transfers_all()?.into_iter().map(|(key, _)| key).collect();
        let mut elders: BTreeSet<ElderId> = stored.iter().map(|(elder, ..)| *elder).collect();
        let mut places: BTreeSet<(DivisionCode, ElderId)> =
            stored.iter().map(|(elder, scope, ..)| (*scope, *elder)).collect();
        for (scope, elder) in snapshot.elders_with_documents()? {
            places.insert((scope, elder));
            for part in snapshot.parts_of(scope, elder)? {
                if let Part::Transfer(transfer) = part {
                    offers.insert(TransferKey { elder, scope, transfer });
                }
            }
        }
        for key in offers {
            if transfers::stored(snapshot, self.authority, &key)? != snapshot.transfer(&key)? {
                let id = DocumentId::elder(key.elder, Part::Transfer(key.transfer));
                let place = format!("{}/{id}", key.scope);
                self.fault(place, "moves", &"the offer stands otherwise");
            }
        }
        for (elder, _) in snapshot.moved_all()? {
            elders.insert(elder);
        }
        for elder in elders {
            let moved = Moved::of(snapshot, self.authority, elder)?;
            if moved.winner() != snapshot.moved_to(elder)? {
                self.fault(elder.to_string(), "moves", &"another scope has custody");
            }
        }
        for (scope, elder, _) in snapshot.elsewhere_all()? {
            places.insert((scope, elder));
        }
        for (scope, elder) in places {
            if index::elsewhere(snapshot, scope, elder)? != snapshot.elsewhere_of(scope, elder)? {
                self.fault(format!("{scope}/{elder}"), "moves", &"shown, or hidden, wrongly");
            }
        }
        for (scope, prefix, log) in snapshot.authors_all()? {
            if log.actor_prefix() != prefix || log.scope == scope {
                self.fault(format!("{scope} {log:?}"), "moves", &"another log's name");
            }
        }
        Ok(())
    }
}

fn standing<T>(stated: &[Stated<T>], hash: crate::log::EntryHash) -> Option<Unsettled> {
    stated.iter().find(|one| one.place.hash == hash)?.standing.clone()
}
