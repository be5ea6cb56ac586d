//! Tables of moves: where handovers and purges stand, how offers and answers stand, who has custody
//! of elders that have moved, whose files a scope holds without showing them, and whose logs' entries
//! were carried here. All of it follows from entries and documents.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, TransferId, TransferStep};

use super::encoding::json;
use super::rows::{DocumentKey, LogNumber, LogRow, elder_bytes, elder_from_bytes};
use super::tables::TableAccess;
use super::{StoreError, StoreRead, Transaction, corrupt, write};
use crate::codec::CodecError;
use crate::handover::StepId;
use crate::identity::DeviceId;
use crate::log::{Kind, LogKey};

/// Where a `Handover` or a `Purge` stands: elder, scope, which of the two, log and number.
pub type HandoverPlace = (ElderId, DivisionCode, u8, LogNumber, u64);

/// A file that a scope does not show: scope, elder, why.
pub type ElsewherePlace = (DivisionCode, ElderId, ElsewhereRow);

/// A log of which entries were carried into a scope: the scope, the first half of its actors, the log.
pub type AuthorPlace = (DivisionCode, [u8; 8], LogKey);

/// Where an offer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransferKey {
    /// Whose.
    pub elder: ElderId,
    /// In which scope's documents.
    pub scope: DivisionCode,
    /// Which.
    pub transfer: TransferId,
}

/// How an offer and its answers stand in one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferRow {
    /// The scope that offers.
    pub from: DivisionCode,
    /// The scope that is to have the duty.
    pub to: DivisionCode,
    /// The last step that counts.
    pub state: TransferStep,
    /// Whom it is about, as the offer says.
    pub name: Option<String>,
    /// The offer.
    pub offered: SignedStep,
    /// The acceptance, refusal or withdrawal, if there is one.
    pub answered: Option<SignedStep>,
}

/// One step and who signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStep {
    /// The device that signed it.
    pub device: DeviceId,
    /// The scope of the log that it was written in.
    pub scope: DivisionCode,
    /// The day, as written.
    pub date: Option<chrono::NaiveDate>,
    /// As written.
    pub note: Option<String>,
}

/// Who has custody of an elder that has moved, by the manifests that count here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedRow {
    /// Who has it.
    pub to: DivisionCode,
    /// Who had it before.
    pub from: DivisionCode,
    /// The offer that was carried out.
    pub transfer: TransferId,
    /// The elder's whole way, the last step last.
    pub way: Vec<StepId>,
    /// When the manifest was written (its author's clock, ms since 1970; for display).
    pub written_at_ms: i64,
}

/// Who shows a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Custody {
    /// The scope itself.
    Here,
    /// Another scope, which it was handed over to.
    MovedTo(DivisionCode),
    /// Nobody has handed it over yet: what is here was carried ahead.
    Arriving,
}

/// A file, or what is left of one, that its scope does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElsewhereRow {
    /// Why; never [`Custody::Here`].
    pub custody: Custody,
    /// The step that took it away, if one did.
    pub step: Option<StepId>,
    /// When that was written (its author's clock, ms since 1970; for display).
    pub written_at_ms: Option<i64>,
}

impl MovedRow {
    /// The last step of the way.
    pub fn step(&self) -> Option<StepId> {
        self.way.last().copied()
    }
}

/// Reads moves.
pub trait MovesRead: TableAccess {
    /// Where the handovers and purges of an elder stand, in all scopes here.
    fn handovers_of(&self, elder: ElderId) -> Result<Vec<HandoverPlace>, StoreError> {
        let low = elder.0.to_vec();
        let high = [&low[..], &[0xff; 22]].concat();
        let rows = self.handovers().range(low.as_slice()..high.as_slice())?;
        rows.map(|row| handover_place(row?.0.value())).collect()
    }

    /// Where all of them stand.
    fn handovers_all(&self) -> Result<Vec<HandoverPlace>, StoreError> {
        self.handovers().iter()?.map(|row| handover_place(row?.0.value())).collect()
    }

    /// How an offer stands in a scope.
    fn transfer(&self, key: &TransferKey) -> Result<Option<TransferRow>, StoreError> {
        let row = self.transfers().get(transfer_bytes(key).as_slice())?;
        row.map_or(Ok(None), |row| json("transfers-1", row.value()).map(Some))
    }

    /// All offers that concern an elder, in all scopes here.
    fn transfers_of(&self, elder: ElderId) -> Result<Vec<(TransferKey, TransferRow)>, StoreError> {
        let low = elder.0.to_vec();
        let high = [&low[..], &[0xff; 25]].concat();
        transfers(self.transfers().range(low.as_slice()..high.as_slice())?)
    }

    /// All offers, in all scopes here.
    fn transfers_all(&self) -> Result<Vec<(TransferKey, TransferRow)>, StoreError> {
        transfers(self.transfers().iter()?)
    }

    /// Who has custody of an elder that has moved.
    fn moved_to(&self, elder: ElderId) -> Result<Option<MovedRow>, StoreError> {
        let row = self.moved().get(elder.0.as_slice())?;
        row.map_or(Ok(None), |row| json("moved-1", row.value()).map(Some))
    }

    /// All elders that have moved.
    fn moved_all(&self) -> Result<Vec<(ElderId, MovedRow)>, StoreError> {
        let rows = self.moved().iter()?.map(|row| {
            let (key, value) = row?;
            let elder = key.value().try_into().map(ElderId);
            let elder = elder.map_err(|_| corrupt("moved-1")(CodecError::Truncated))?;
            Ok((elder, json("moved-1", value.value())?))
        });
        rows.collect()
    }

    /// What a scope holds of an elder that it does not show.
    fn elsewhere_of(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Option<ElsewhereRow>, StoreError> {
        let row = self.elsewhere().get(elder_bytes(scope, elder).as_slice())?;
        row.map_or(Ok(None), |row| json("elsewhere-1", row.value()).map(Some))
    }

    /// All elders of the scopes in an area that these do not show.
    fn elsewhere_in(&self, area: Area) -> Result<Vec<ElsewherePlace>, StoreError> {
        let (low, high) = area.0.range();
        let (low, high) = (low.number().to_be_bytes(), (high.number() + 1).to_be_bytes());
        elsewhere(self.elsewhere().range(low.as_slice()..high.as_slice())?)
    }

    /// All elders that a scope here does not show.
    fn elsewhere_all(&self) -> Result<Vec<ElsewherePlace>, StoreError> {
        elsewhere(self.elsewhere().iter()?)
    }

    /// The logs of other scopes of which entries were carried into a scope, by the first halves of
    /// the actors that write in them.
    fn authors_of(&self, scope: DivisionCode) -> Result<Vec<([u8; 8], LogKey)>, StoreError> {
        let low = scope.number().to_be_bytes();
        let high = (scope.number() + 1).to_be_bytes();
        let rows = authors(self.authors().range(low.as_slice()..high.as_slice())?)?;
        Ok(rows.into_iter().map(|(_, prefix, log)| (prefix, log)).collect())
    }

    /// As [`MovesRead::authors_of`], of all scopes.
    fn authors_all(&self) -> Result<Vec<AuthorPlace>, StoreError> {
        authors(self.authors().iter()?)
    }

    /// The parts of an elder's file in a scope of which there is a document.
    fn parts_of(&self, scope: DivisionCode, elder: ElderId) -> Result<Vec<Part>, StoreError> {
        let low = elder_bytes(scope, elder).to_vec();
        let high = [&low[..], &[0xff]].concat();
        let mut found = Vec::new();
        for row in self.documents().range(low.as_slice()..high.as_slice())? {
            let key = DocumentKey::from_bytes(row?.0.value());
            let key = key.ok_or_else(|| corrupt("documents-2")(CodecError::Tag))?;
            if let DocumentId::Elder { part, .. } = key.id {
                found.push(part);
            }
        }
        Ok(found)
    }
}

impl<T: TableAccess> MovesRead for T {}

impl Transaction<'_> {
    /// Notes where a `Handover` or `Purge` stands.
    pub fn put_handover(
        &mut self,
        log: &LogRow,
        kind: Kind,
        seq: u64,
        elder: ElderId,
    ) -> Result<(), StoreError> {
        let place = [
            &elder.0[..],
            &log.key.scope.number().to_be_bytes(),
            &[kind.number()],
            &log.number.0.to_be_bytes(),
            &seq.to_be_bytes(),
        ]
        .concat();
        self.handovers.insert(place.as_slice(), ())?;
        Ok(())
    }

    /// Notes how an offer stands in a scope; None where nothing of it counts. Returns whether that is
    /// news.
    pub fn put_transfer(
        &mut self,
        key: &TransferKey,
        row: Option<&TransferRow>,
    ) -> Result<bool, StoreError> {
        if MovesRead::transfer(self, key)?.as_ref() == row {
            return Ok(false);
        }
        let place = transfer_bytes(key);
        match row {
            None => drop(self.transfers.remove(place.as_slice())?),
            Some(row) => drop(self.transfers.insert(place.as_slice(), &*write::json(row)?)?),
        }
        Ok(true)
    }

    /// Notes who has custody of an elder. Returns whether that is news.
    pub fn put_moved(
        &mut self,
        elder: ElderId,
        row: Option<&MovedRow>,
    ) -> Result<bool, StoreError> {
        if self.moved_to(elder)?.as_ref() == row {
            return Ok(false);
        }
        match row {
            None => drop(self.moved.remove(elder.0.as_slice())?),
            Some(row) => drop(self.moved.insert(elder.0.as_slice(), &*write::json(row)?)?),
        }
        Ok(true)
    }

    /// Notes that a scope does not show an elder, or does.
    pub fn put_elsewhere(
        &mut self,
        scope: DivisionCode,
        elder: ElderId,
        row: Option<&ElsewhereRow>,
    ) -> Result<(), StoreError> {
        let place = elder_bytes(scope, elder);
        match row {
            None => drop(self.elsewhere.remove(place.as_slice())?),
            Some(row) => drop(self.elsewhere.insert(place.as_slice(), &*write::json(row)?)?),
        }
        Ok(())
    }

    /// Notes that entries of a log of another scope were carried into this one.
    pub fn put_author(&mut self, scope: DivisionCode, log: &LogKey) -> Result<(), StoreError> {
        let key = [&scope.number().to_be_bytes()[..], &log.actor_prefix()].concat();
        self.authors.insert(key.as_slice(), log.to_bytes().as_slice())?;
        Ok(())
    }
}

fn transfer_bytes(key: &TransferKey) -> Vec<u8> {
    [&key.elder.0[..], &key.scope.number().to_be_bytes(), &key.transfer.0].concat()
}

fn transfers(
    rows: redb::Range<'_, &'static [u8], &'static [u8]>,
) -> Result<Vec<(TransferKey, TransferRow)>, StoreError> {
    let rows = rows.map(|row| {
        let (key, value) = row?;
        let read = || {
            let (elder, rest) = key.value().split_first_chunk::<16>()?;
            let (scope, transfer) = rest.split_first_chunk::<8>()?;
            let scope = DivisionCode::from_number(u64::from_be_bytes(*scope)).ok()?;
            let transfer = TransferId(transfer.try_into().ok()?);
            Some(TransferKey { elder: ElderId(*elder), scope, transfer })
        };
        let key = read().ok_or_else(|| corrupt("transfers-1")(CodecError::Truncated))?;
        Ok((key, json("transfers-1", value.value())?))
    });
    rows.collect()
}

fn elsewhere(
    rows: redb::Range<'_, &'static [u8], &'static [u8]>,
) -> Result<Vec<ElsewherePlace>, StoreError> {
    let rows = rows.map(|row| {
        let (key, value) = row?;
        let (scope, elder) = elder_from_bytes(key.value())
            .ok_or_else(|| corrupt("elsewhere-1")(CodecError::Truncated))?;
        Ok((scope, elder, json("elsewhere-1", value.value())?))
    });
    rows.collect()
}

fn authors(
    rows: redb::Range<'_, &'static [u8], &'static [u8]>,
) -> Result<Vec<AuthorPlace>, StoreError> {
    let rows = rows.map(|row| {
        let (key, value) = row?;
        let read = || {
            let (scope, prefix) = key.value().split_first_chunk::<8>()?;
            let scope = DivisionCode::from_number(u64::from_be_bytes(*scope)).ok()?;
            let log = LogKey::from_bytes(value.value()).ok()?;
            Some((scope, prefix.try_into().ok()?, log))
        };
        read().ok_or_else(|| corrupt("authors-1")(CodecError::Truncated))
    });
    rows.collect()
}

fn handover_place(key: &[u8]) -> Result<HandoverPlace, StoreError> {
    let read = || {
        let (elder, rest) = key.split_first_chunk::<16>()?;
        let (scope, rest) = rest.split_first_chunk::<8>()?;
        let (kind, rest) = rest.split_first()?;
        let (log, seq) = rest.split_first_chunk::<4>()?;
        let scope = DivisionCode::from_number(u64::from_be_bytes(*scope)).ok()?;
        let (log, seq) = (u32::from_be_bytes(*log), u64::from_be_bytes(seq.try_into().ok()?));
        Some((ElderId(*elder), scope, *kind, LogNumber(log), seq))
    };
    read().ok_or_else(|| corrupt("handovers-1")(CodecError::Truncated))
}

/// Whether a scope has anything of an elder's file but offers and their answers.
pub fn holds_file(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<bool, StoreError> {
    let parts = tables.parts_of(scope, elder)?;
    Ok(parts.iter().any(|part| !matches!(part, Part::Transfer(_))))
}

/// Whether anything of an elder's file but offers is left in a scope, whether it counts or waits.
pub fn holds_rest(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<bool, StoreError> {
    Ok(holds_file(tables, scope, elder)? || !tables.unsettled_of_elder(scope, elder)?.is_empty())
}
