//! Who is to answer an offer.

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::parts::PartKind;
use shouwang_crdt_schema::record::TransferStep;

use super::is_superseded;
use crate::engine::Engine;
use crate::identity::grant::Rights;
use crate::store::moves::{MovesRead, TransferKey, TransferRow};
use crate::store::{Snapshot, StoreError};

/// Offers that this device is to answer.
pub fn to_answer(engine: &Engine, snapshot: &Snapshot) -> Result<u64, StoreError> {
    let mut count = 0;
    for (key, row) in snapshot.transfers_all()? {
        count += u64::from(is_ours(engine, snapshot, &key, &row)?);
    }
    Ok(count)
}

/// Whether an offer, as it stands in one scope, is this device's to answer: it stands open in the
/// receiving place, another device made it, and no office nearer to that place has a device here.
pub(super) fn is_ours(
    engine: &Engine,
    snapshot: &Snapshot,
    key: &TransferKey,
    row: &TransferRow,
) -> Result<bool, StoreError> {
    Ok(row.state == TransferStep::Offered
        && key.scope == row.to
        && row.offered.device != engine.device()
        && is_nearest(engine, row.to)
        && !is_superseded(snapshot, key, row)?)
}

/// Whether this device may write the cards of a place, and nobody's area that reaches there is smaller.
fn is_nearest(engine: &Engine, place: DivisionCode) -> bool {
    let own = engine.grant();
    let right = Rights::write(PartKind::Transfer);
    if !own.area.contains(place) || !own.rights.contains(right) || engine.is_revoked() {
        return false;
    }
    let authority = engine.authority();
    let nearest = authority
        .grants()
        .filter(|(id, grant)| {
            grant.depth > 0
                && grant.rights.contains(right)
                && grant.area.contains(place)
                && authority.stands(id)
        })
        .map(|(_, grant)| grant.area.0.level())
        .max();
    nearest.is_none_or(|nearest| own.area.0.level() >= nearest)
}
