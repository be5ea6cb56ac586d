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

use shouwang_crdt_schema::division::{Area, DivisionCode};

use crate::authority::Authority;
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, Rights};
use crate::limits::RECEIPT_POSITIONS_MAX;
use crate::log::{Entry, EntryPlace, Incarnation, Kind, Lane};
use crate::store::custody::{Claim, CustodyRead};
use crate::store::rows::{LogRow, Unsettled};
use crate::store::{ChainRead, StoreError};

pub mod dues;
pub mod holding;
pub mod receipt;

pub use dues::Dues;
pub use holding::{Custody, Holding, NotHeld, Outlook};
pub use receipt::Receipt;

/// Whether an entry of this kind calls for a receipt: changes, adoptions, handovers, erasures and
/// purges.
/// Grants, revocations and receipts do not, so receipts never call for receipts.
pub fn calls(kind: Kind) -> bool {
    matches!(kind.number(), 1 | 2 | 3 | 7 | 8)
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
    let receipt = Receipt::decode(log.key.scope, entry.body.as_deref().unwrap_or_default())
        .map_err(|_| receipt_refused("form"))?;
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
    tables: &impl ChainRead,
    scope: DivisionCode,
    own: DeviceId,
    incarnation: Incarnation,
) -> Result<Vec<Receipt>, StoreError> {
    let said = tables.claims_by(scope, own, incarnation)?;
    let (mut positions, mut called) = (Vec::new(), false);
    for log in tables.logs_of(scope)? {
        if !log.key.lane.carries_records() || log.key.device == own {
            continue;
        }
        let Some(head) = tables.head_of(log.number)? else { continue };
        let first = next_of(tables, &log, said.iter().map(|claim| &claim.place))?;
        // What is here without its body is not held.
        let missing = tables.first_missing(&log)?.unwrap_or(u64::MAX);
        let Some(last) = missing.checked_sub(1).map(|last| last.min(head.seq)) else { continue };
        if last < first {
            continue;
        }
        let Some(hash) = tables.hash_at(&log, last)? else { continue };
        positions.push(EntryPlace { log: log.key, seq: last, hash });
        if !called {
            tables.for_each_header_from(log.number, first, |header| {
                called |= header.seq <= last && calls(header.kind);
                Ok(!called && header.seq < last)
            })?;
        }
    }
    if !called {
        return Ok(Vec::new());
    }
    positions.sort_unstable();
    positions.dedup();
    let chunks = positions.chunks(RECEIPT_POSITIONS_MAX);
    Ok(chunks.map(|chunk| Receipt { positions: chunk.to_vec() }).collect())
}

/// The number of the first entry of a chain's path that lies beyond all these places of its log.
pub(crate) fn next_of<'p>(
    tables: &impl ChainRead,
    chain: &LogRow,
    places: impl Iterator<Item = &'p EntryPlace>,
) -> Result<u64, StoreError> {
    let mut next = 0;
    for place in places.filter(|place| place.log == chain.key) {
        if let Some(holder) = tables.find_chain(&place.log, place.seq, &place.hash)? {
            let parting = tables.parting(chain, &holder)?.unwrap_or(u64::MAX);
            next = next.max((place.seq + 1).min(parting));
        }
    }
    Ok(next)
}

fn receipt_refused(why: &str) -> Unsettled {
    Unsettled::NotAllowed(format!("receipt_{why}"))
}
