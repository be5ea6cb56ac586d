//! Ways to peers: what the transport says of them, and what of that is worth telling others.

use std::collections::BTreeSet;

use super::Engine;
use crate::identity::DeviceId;
use crate::identity::grant::Rights;
use crate::limits::REACHED_ADDRESSES_MAX;
use crate::path::Path;
use crate::setup::{self, Unanswered};
use crate::store::StoreError;
use crate::store::rows::PeerRow;
use crate::sync::Now;

impl Engine {
    /// A substream to a peer stands, on this way.
    pub fn note_path(&mut self, peer: DeviceId, path: Path) {
        self.paths.insert(peer, path);
    }

    /// It is gone.
    pub fn forget_path(&mut self, peer: DeviceId) {
        self.paths.remove(&peer);
    }

    /// The way of the session with a peer.
    pub fn path(&self, peer: DeviceId) -> Option<&Path> {
        self.paths.get(&peer)
    }

    /// Whether a device is above this one: it keeps the records of a larger area around ours, so that
    /// what it holds is held above.
    pub fn is_above(&self, device: DeviceId) -> bool {
        let own = self.area();
        self.authority.standing_grants_of(device).any(|(_, grant)| {
            grant.area != own
                && grant.area.contains(own.0)
                && grant.rights.contains(Rights::REPLICATE)
        })
    }

    /// A peer has proved its grant. Returns whether it is above; then the address by which it was
    /// reached is remembered, for the invites of those below.
    pub fn note_proved(&mut self, peer: DeviceId) -> Result<bool, StoreError> {
        let is_above = self.is_above(peer);
        // An address in this network is of no use to those below.
        let path = self.path(peer).filter(|path| !path.is_near);
        let dialled = path.and_then(|path| path.dialled.clone());
        if let Some(address) = dialled.filter(|_| is_above) {
            let mut reached = setup::reached(&self.read()?)?;
            if reached.first().is_none_or(|(_, latest)| *latest != address) {
                reached.retain(|(_, known)| *known != address);
                reached.insert(0, (peer, address));
                reached.truncate(REACHED_ADDRESSES_MAX);
                let json = serde_json::to_vec(&reached).unwrap_or_default();
                self.set_meta(setup::REACHED, &json)?;
            }
        }
        Ok(is_above)
    }

    /// Remembers where nobody answers, for whoever asks once this process has ended.
    pub fn note_unanswered(&mut self, now: Now, addresses: Vec<String>) -> Result<(), StoreError> {
        let known = setup::unanswered(&self.read()?)?;
        if addresses.is_empty() && known.addresses.is_empty() {
            return Ok(());
        }
        let unanswered = Unanswered { at_ms: now.wall_ms, addresses };
        let json = serde_json::to_vec(&unanswered).unwrap_or_default();
        self.set_meta(setup::UNANSWERED, &json)
    }

    /// Where nobody answered the process that ran last, unless somebody has been met since: then that one knew more
    /// and was cut off before it could say it.
    pub fn unanswered(&self) -> Result<Vec<String>, StoreError> {
        let last = setup::unanswered(&self.read()?)?;
        let since = |row: &PeerRow| row.last_done_ms.is_some_and(|at| at > last.at_ms);
        Ok(match self.peers.rows().any(|(_, row)| since(row)) {
            true => Vec::new(),
            false => last.addresses,
        })
    }

    /// Every device that may act by a grant of this mesh, as far as is known here.
    pub fn standing_devices(&self) -> BTreeSet<DeviceId> {
        let standing = self.authority.grants().filter(|(id, _)| self.authority.stands(id));
        standing.map(|(_, grant)| grant.subject).collect()
    }

    /// How often what is known of grants may have changed since the start.
    pub fn authority_changes(&self) -> u64 {
        self.authority_changes
    }
}
