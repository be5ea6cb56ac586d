//! Custody: who, by signed receipt, holds what.
//!
//! A device above a scope writes [`Receipt`]s into the scope's `Notice` lane: how far it holds each
//! `Urgent` and `Routine` log there. So a village can say off line what is not yet held elsewhere.
//! Only receipts raise custody, and nothing more is believed of one than (log, seq, hash) says.
//!
//! | Module | What |
//! | --- | --- |
//! | [`receipt`] | the body of a receipt |
//! | [`dues`] | when a receipt is written |
//! | [`holding`] | what counting receipts come to |

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::{Area, DivisionCode};

use crate::identity::DeviceId;
use crate::identity::authority::Authority;
use crate::identity::grant::{Grant, GrantId, Rights};
use crate::limits::RECEIPT_POSITIONS_MAX;
use crate::log::{Entry, Incarnation, Kind, Lane, LogKey};
use crate::store::custody::{Claim, CustodyRead};
use crate::store::rows::{EntryPlace, LogRow, Unsettled};
use crate::store::{StoreError, StoreRead};

pub mod dues;
pub mod holding;
pub mod receipt;

pub use dues::Dues;
pub use holding::{Custody, Holding, NotHeld, Outlook};
pub use receipt::Receipt;

/// Whether an entry of this kind calls for a receipt: changes, adoptions, handovers and erasures.
/// Grants, revocations and receipts do not, so receipts never call for receipts.
pub fn calls(kind: Kind) -> bool {
    matches!(kind.number(), 1 | 2 | 3 | 7)
}

/// Whether a device with this grant may confirm what it holds of a scope: its area strictly contains
/// the scope, or both are the whole mesh's area, which has no parent; and it may replicate.
pub fn may_confirm(
    authority: &Authority,
    grant: &Grant,
    scope: DivisionCode,
) -> Result<(), Unsettled> {
    let top = authority.grant(&authority.mesh()).map(|root| root.area);
    if !grant.rights.contains(Rights::REPLICATE) {
        Err(receipt_refused("right"))
    } else if grant.area.contains(scope) && (grant.area.0 != scope || top == Some(Area(scope))) {
        Ok(())
    } else {
        Err(receipt_refused("area"))
    }
}

/// Whether the grant of a receipt's log stands, and the receipt is within its cut.
pub(crate) fn stands(authority: &Authority, grant: &GrantId, _log: &LogKey, _seq: u64) -> bool {
    authority.grant(grant).is_some()
}

/// What a receipt confirms, or why it does not count. A function of the entry and of the grant that
/// its log names; whether the holder's lineage is its newest is asked when it is read.
pub(crate) fn judge(
    authority: &Authority,
    log: &LogRow,
    entry: &Entry,
) -> Result<Vec<Claim>, Unsettled> {
    if log.key.lane != Lane::Notice {
        return Err(receipt_refused("lane"));
    }
    let grant = authority.grant(&log.grant).ok_or_else(|| receipt_refused("right"))?;
    may_confirm(authority, grant, log.key.scope)?;
    if !entry.header.document.is_empty() {
        return Err(receipt_refused("form"));
    }
    let receipt =
        Receipt::decode(log.key.scope, &entry.body).map_err(|_| receipt_refused("form"))?;
    if receipt.positions.iter().any(|place| place.log.device == log.key.device) {
        return Err(receipt_refused("own"));
    }
    let claim = |place: &EntryPlace| Claim {
        holder: log.key.device,
        incarnation: log.key.incarnation,
        place: *place,
        receipt_seq: entry.header.seq,
        written_at_ms: entry.header.written_at_ms,
    };
    Ok(receipt.positions.iter().map(claim).collect())
}

/// The receipts that a device owes a scope in this lineage: all logs of others that have advanced
/// since its last one there. None if nothing among it calls for one.
pub(crate) fn owed(
    tables: &impl StoreRead,
    scope: DivisionCode,
    own: DeviceId,
    incarnation: Incarnation,
) -> Result<Vec<Receipt>, StoreError> {
    let said: BTreeMap<LogKey, u64> = tables
        .claims_by(scope, own, incarnation)?
        .into_iter()
        .map(|claim| (claim.place.log, claim.place.seq))
        .collect();
    let (mut positions, mut called) = (Vec::new(), false);
    for log in tables.logs_of(scope)? {
        if !log.key.lane.carries_records() || log.key.device == own {
            continue;
        }
        let Some(head) = tables.head_of(log.number)? else { continue };
        let first = said.get(&log.key).map_or(0, |seq| seq + 1);
        if head.seq < first {
            continue;
        }
        positions.push(EntryPlace { log: log.key, seq: head.seq, hash: head.hash });
        if !called {
            tables.for_each_header_from(log.number, first, |header| {
                called |= calls(header.kind);
                Ok(!called)
            })?;
        }
    }
    if !called {
        return Ok(Vec::new());
    }
    positions.sort_by_key(|place| place.log);
    let chunks = positions.chunks(RECEIPT_POSITIONS_MAX);
    Ok(chunks.map(|chunk| Receipt { positions: chunk.to_vec() }).collect())
}

/// Whether an authority entry is of a kind that this version does not know: what it says may void
/// what would be confirmed, so nothing is.
pub(crate) fn update_needed(tables: &impl StoreRead, area: Area) -> Result<bool, StoreError> {
    let mut rows = tables.unsettled_in(area)?;
    for scope in std::iter::successors(area.0.parent(), |scope| scope.parent()) {
        rows.extend(tables.unsettled_of_scope(scope)?);
    }
    for row in rows.into_iter().filter(|row| row.standing == Unsettled::UnknownKind) {
        let log = tables.log_by_number(row.log)?;
        if log.is_some_and(|log| log.key.lane == Lane::Authority) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn receipt_refused(why: &str) -> Unsettled {
    Unsettled::NotAllowed(format!("receipt_{why}"))
}
