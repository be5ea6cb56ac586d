//! Whether the sender of a bundle is one of us. As at the beginning of a session, but that the key is
//! proved by the signature of the segment instead of by the transport.

use super::Fault;
use crate::authority::Authority;
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, GrantId, SignedGrant};

/// The grant under which a device's segment is heard: the one that it names; if that is revoked, one
/// that has taken its place; its own after it has retired itself, for it still brings what it wrote
/// before.
pub fn grant_of(authority: &Authority, sender: DeviceId, named: &GrantId) -> Result<Grant, Fault> {
    let known = authority.grant(named).filter(|grant| grant.subject == sender);
    let grant = known.ok_or(Fault::UnknownSender)?;
    if authority.stands(named) || authority.is_retired(named) {
        return Ok(grant.clone());
    }
    let standing = authority.standing_grants_of(sender);
    let successor = standing.max_by_key(|(_, grant)| grant.serial);
    successor.map(|(_, grant)| grant.clone()).ok_or(Fault::Revoked)
}

/// The grant that a chain shows, where it is not known here yet.
pub fn shown_by(
    authority: &Authority,
    sender: DeviceId,
    named: &GrantId,
    chain: &[SignedGrant],
) -> Result<Grant, Fault> {
    let shown = authority.check_chain(chain).map_err(|_| Fault::UnknownSender)?;
    if shown.id() != *named || shown.grant.subject != sender {
        return Err(Fault::UnknownSender);
    }
    match authority.stands_by_chain(chain) {
        true => Ok(shown.grant),
        false => Err(Fault::Revoked),
    }
}
