//! What a node knows of who may do what: the pinned root, every grant that reaches it, and what the
//! statements in `Authority` logs make of them.
//!
//! That a grant *holds* follows from signatures alone and never changes; it decides what is stored.
//! That it *stands*, and how far its logs count, follows from what was revoked (`standing`).

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::Area;

use crate::identity::DeviceId;
use crate::identity::grant::{Grant, GrantError, GrantId, SignedGrant};
use crate::limits::CHAIN_GRANTS_MAX;
use crate::log::{EntryHash, EntryPlace, LogKey};
use standing::{Standing, Stated};

mod revocation;
mod standing;

pub use revocation::{Cut, Revocation, RevocationReason};
pub use standing::{Reach, Revoked, Statement, StatementStanding};

/// All grants that hold, by id. Every grant in it has been checked against its issuer's grant,
/// which is in it too.
#[derive(Clone, Debug)]
pub struct Authority {
    root: GrantId,
    area: Area,
    grants: BTreeMap<GrantId, SignedGrant>,
    of_device: BTreeSet<(DeviceId, GrantId)>,
    /// Grants that stand in entries here, so that every peer that needs them gets them by sync.
    carried: BTreeSet<GrantId>,
    /// What stands in `Authority` logs here, by place.
    stated: BTreeMap<EntryPlace, Stated>,
    /// What it makes of each grant, since the last [`Authority::decide`].
    standings: BTreeMap<GrantId, Standing>,
}

impl Authority {
    /// Pins a root: a grant of depth 0 that names no issuer and is signed by its own subject.
    pub fn pin(root: SignedGrant) -> Result<Self, GrantError> {
        let grant = &root.grant;
        if grant.issuer.is_some() || grant.depth != 0 {
            return Err(GrantError::Depth);
        }
        if !grant.subject.verify(&root.id().0, &root.signature) {
            return Err(GrantError::Signature);
        }
        let id = root.id();
        let of_device = BTreeSet::from([(root.grant.subject, id)]);
        Ok(Self {
            root: id,
            area: root.grant.area,
            grants: BTreeMap::from([(id, root)]),
            of_device,
            carried: BTreeSet::new(),
            stated: BTreeMap::new(),
            standings: BTreeMap::new(),
        })
    }

    /// The mesh's id: the id of the root's own grant.
    pub fn mesh(&self) -> GrantId {
        self.root
    }

    /// Where the mesh is: the area of its root.
    pub fn mesh_area(&self) -> Area {
        self.area
    }

    /// The grant with this id, if it holds.
    pub fn grant(&self, id: &GrantId) -> Option<&Grant> {
        self.grants.get(id).map(|signed| &signed.grant)
    }

    /// All grants that hold.
    pub fn grants(&self) -> impl Iterator<Item = (&GrantId, &Grant)> {
        self.grants.iter().map(|(id, signed)| (id, &signed.grant))
    }

    /// The grants of a device.
    pub fn grants_of(&self, device: DeviceId) -> impl Iterator<Item = (&GrantId, &Grant)> {
        let all = (device, GrantId([0; 32]))..=(device, GrantId([0xff; 32]));
        self.of_device.range(all).filter_map(|(_, id)| Some((id, self.grant(id)?)))
    }

    /// Takes in a grant if it holds. Taking one in again changes nothing.
    pub fn learn(&mut self, signed: SignedGrant) -> Result<GrantId, GrantError> {
        let id = signed.id();
        if self.grants.contains_key(&id) {
            return Ok(id);
        }
        let issuer = signed.grant.issuer.ok_or(GrantError::OtherMesh)?;
        signed.check(self.grant(&issuer).ok_or(GrantError::UnknownIssuer)?)?;
        self.of_device.insert((signed.grant.subject, id));
        self.grants.insert(id, signed);
        Ok(id)
    }

    /// Notes that a grant stands in an entry here.
    pub fn note_carried(&mut self, id: GrantId) {
        self.carried.insert(id);
    }

    /// Whether a grant stands in an entry here, rather than being known by a chain only.
    pub fn is_carried(&self, id: &GrantId) -> bool {
        self.carried.contains(id)
    }

    /// Notes what an authority entry states. [`Authority::decide`] must follow.
    pub fn state(&mut self, place: EntryPlace, under: GrantId, statement: Statement) {
        if let Statement::Grant(id) = &statement {
            self.carried.insert(*id);
        }
        let standing = StatementStanding::Counts;
        self.stated.insert(place, Stated { under, statement, standing });
    }

    /// Decides which grants stand, how far logs count, and which statements do. `reaches` says of an
    /// entry whether it is another entry of its log or comes before it; None where that other entry
    /// is not here.
    pub fn decide<E>(
        &mut self,
        reaches: impl FnMut(&EntryPlace, (u64, EntryHash)) -> Result<Option<bool>, E>,
    ) -> Result<(), E> {
        standing::decide(self, reaches)
    }

    /// Every statement in `Authority` logs here, and whether it counts.
    pub fn statements(&self) -> impl Iterator<Item = (&EntryPlace, &Statement, StatementStanding)> {
        self.stated.iter().map(|(place, stated)| (place, &stated.statement, stated.standing))
    }

    /// Whether the statement at a place counts; None where nothing is stated.
    pub fn statement_standing(&self, place: &EntryPlace) -> Option<StatementStanding> {
        self.stated.get(place).map(|stated| stated.standing)
    }

    /// Whether somebody who may delegate has said something about who may do what that only a later
    /// version understands: until it is updated, a node promises nothing.
    pub fn update_needed(&self) -> bool {
        self.stated.values().any(|stated| {
            stated.statement == Statement::Unknown && stated.standing == StatementStanding::Counts
        })
    }

    /// Whether any revocation is here.
    pub fn has_revocations(&self) -> bool {
        self.stated.values().any(|stated| matches!(stated.statement, Statement::Revoke(_)))
    }

    /// How far a log under a grant counts.
    pub fn reach(&self, grant: &GrantId, log: &LogKey) -> Reach {
        match self.standings.get(grant) {
            Some(standing) => standing.reach(log),
            None if self.issuer_allows(grant) => Reach::Whole,
            None => Reach::Upto(Vec::new()),
        }
    }

    /// Whether a device may act by this grant: it holds, was issued within what counts of its
    /// issuer, and is not revoked.
    pub fn stands(&self, id: &GrantId) -> bool {
        let Some(grant) = self.grant(id) else { return false };
        match self.standings.get(id) {
            Some(standing) => !standing.void && standing.revocation(grant.area).is_none(),
            None => self.issuer_allows(id),
        }
    }

    /// Whether a device with one grant may revoke another; the code says why not. By itself a grant
    /// may only be retired from its own logs.
    pub fn may_revoke(&self, by: &GrantId, id: &GrantId) -> Result<(), &'static str> {
        let (Some(revoker), Some(revoked)) = (self.grant(by), self.grant(id)) else {
            return Err("revoke_unknown");
        };
        standing::may_revoke(revoker, revoked, revoked.area.0, by == id)
    }

    /// The revocation that decides for a grant, if it is revoked.
    pub fn revocation(&self, id: &GrantId) -> Option<&Revoked> {
        let area = self.grant(id)?.area;
        self.standings.get(id)?.revocation(area)
    }

    /// Whether a grant's own device has given it back. It is not distrusted: what it wrote before
    /// still counts, and only it may have that.
    pub fn is_retired(&self, id: &GrantId) -> bool {
        let own = self.grant(id).map(|grant| (grant.subject, grant.depth));
        let by = self.revocation(id).map(|revoked| (revoked.place.log.device, revoked.depth));
        own.is_some() && own == by
    }

    /// The grants by which a device may act.
    pub fn standing_grants_of(&self, device: DeviceId) -> impl Iterator<Item = (&GrantId, &Grant)> {
        self.grants_of(device).filter(|(id, _)| self.stands(id))
    }

    /// Whether a chain that holds also stands, as far as is known here: a grant that is new here
    /// must not come from an issuer who is revoked, for then it would have to be in what counts of
    /// the issuer's log.
    pub fn stands_by_chain(&self, chain: &[SignedGrant]) -> bool {
        chain.iter().all(|signed| match self.grant(&signed.id()) {
            Some(_) => self.stands_or_is_cut(&signed.id()),
            None => signed
                .grant
                .issuer
                .is_none_or(|issuer| self.cuts_nothing(&issuer, signed.grant.area)),
        }) && chain
            .last()
            .is_none_or(|last| self.grant(&last.id()).is_none() || self.stands(&last.id()))
    }

    /// Not void, although perhaps revoked since: what it issued before may still stand.
    fn stands_or_is_cut(&self, id: &GrantId) -> bool {
        self.standings.get(id).map_or_else(|| self.issuer_allows(id), |standing| !standing.void)
    }

    fn cuts_nothing(&self, issuer: &GrantId, area: Area) -> bool {
        self.standings.get(issuer).is_none_or(|by| !by.void && !by.cuts_within(area))
    }

    /// Whether a grant that came by a chain since the last decision may stand.
    fn issuer_allows(&self, id: &GrantId) -> bool {
        self.grant(id).is_some_and(|grant| {
            grant.issuer.is_none_or(|issuer| match self.standings.get(&issuer) {
                Some(_) => self.cuts_nothing(&issuer, grant.area),
                None => self.issuer_allows(&issuer),
            })
        })
    }

    /// The grants from the root down to this one: what proves it to a stranger.
    pub fn chain(&self, id: &GrantId) -> Vec<SignedGrant> {
        let mut chain = Vec::new();
        let mut next = self.grants.get(id);
        while let Some(signed) = next {
            chain.push(signed.clone());
            next = signed.grant.issuer.and_then(|issuer| self.grants.get(&issuer));
        }
        chain.reverse();
        chain
    }

    /// The author whom the grants below the root prove, if they hold: the last of them with its id, or
    /// the root where there are none.
    pub fn author_by(&self, below_root: &[SignedGrant]) -> Option<(GrantId, Grant)> {
        let Some(last) = below_root.last() else {
            return Some((self.root, self.grant(&self.root)?.clone()));
        };
        // What is known here holds; it was checked when it was learnt.
        if self.grant(&last.id()).is_none() {
            let mut chain = self.chain(&self.root);
            chain.extend_from_slice(below_root);
            self.check_chain(&chain).ok()?;
        }
        Some((last.id(), last.grant.clone()))
    }

    /// Checks a chain that a peer shows, without taking it in: the last grant, if all hold.
    pub fn check_chain(&self, chain: &[SignedGrant]) -> Result<SignedGrant, GrantError> {
        let (first, rest) = chain.split_first().ok_or(GrantError::UnknownIssuer)?;
        if first.id() != self.root {
            return Err(GrantError::OtherMesh);
        }
        if chain.len() > CHAIN_GRANTS_MAX {
            return Err(GrantError::Depth);
        }
        let mut last = first;
        for next in rest {
            if next.grant.issuer != Some(last.id()) {
                return Err(GrantError::UnknownIssuer);
            }
            next.check(&last.grant)?;
            last = next;
        }
        Ok(last.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::DeviceKeys;
    use crate::identity::grant::{Quota, Rights, Role};
    use shouwang_crdt_schema::division::Area;

    fn keys(n: u8) -> DeviceKeys {
        DeviceKeys::from_secret(&[n; 64])
    }

    fn grant(subject: u8, area: &str, role: Role, issuer: Option<&SignedGrant>) -> Grant {
        Grant {
            subject: keys(subject).device(),
            sealing_key: keys(subject).sealing_key(),
            name: "laptop".into(),
            area: Area(area.parse().unwrap()),
            role,
            rights: role.rights(),
            quota: Quota::DEFAULT,
            depth: issuer.map_or(0, |issuer| issuer.grant.depth + 1),
            issuer: issuer.map(SignedGrant::id),
            serial: 0,
            written_at_ms: 0,
        }
    }

    fn county() -> (Authority, SignedGrant, SignedGrant) {
        let root = grant(1, "990121000000", Role::Root, None).sign(&keys(1));
        let mut authority = Authority::pin(root.clone()).unwrap();
        let county = grant(2, "990121000000", Role::Registrar, Some(&root)).sign(&keys(1));
        authority.learn(county.clone()).unwrap();
        let town = grant(3, "990121101000", Role::Manager, Some(&county)).sign(&keys(2));
        authority.learn(town.clone()).unwrap();
        (authority, county, town)
    }

    #[test]
    fn a_chain_shows_itself_to_a_node_that_knows_only_the_root() {
        let (authority, _, town) = county();
        let village = grant(4, "990121101203", Role::Clerk, Some(&town)).sign(&keys(3));
        let mut knows = authority.clone();
        let id = knows.learn(village.clone()).unwrap();
        let chain = knows.chain(&id);
        assert_eq!(chain.len(), 4);
        assert_eq!(authority.check_chain(&chain), Ok(village));
        assert_eq!(authority.check_chain(&chain[1..]), Err(GrantError::OtherMesh));
        assert_eq!(authority.check_chain(&[]), Err(GrantError::UnknownIssuer));
        let gap = [chain[0].clone(), chain[2].clone()];
        assert_eq!(authority.check_chain(&gap), Err(GrantError::UnknownIssuer));
    }

    #[test]
    fn each_rule_of_delegation_has_its_error() {
        let (authority, county, town) = county();
        let refused = |grant: Grant, signer: u8| {
            authority.clone().learn(grant.sign(&keys(signer))).unwrap_err()
        };
        let village = || grant(4, "990121101203", Role::Clerk, Some(&town));
        assert!(authority.clone().learn(village().sign(&keys(3))).is_ok());
        assert_eq!(refused(village(), 2), GrantError::Signature);
        let elsewhere = Grant { area: Area("990121200201".parse().unwrap()), ..village() };
        assert_eq!(refused(elsewhere, 3), GrantError::Area);
        let more = Grant { rights: Rights::ALL, ..village() };
        assert_eq!(refused(more, 3), GrantError::Rights);
        let deep = Grant { depth: 4, ..village() };
        assert_eq!(refused(deep, 3), GrantError::Depth);
        let stranger = Grant { issuer: Some(GrantId([9; 32])), ..village() };
        assert_eq!(refused(stranger, 3), GrantError::UnknownIssuer);
        let other_root = grant(5, "990121000000", Role::Root, None);
        assert_eq!(refused(other_root, 5), GrantError::OtherMesh);
        let clerk = grant(4, "990121101203", Role::Clerk, Some(&county)).sign(&keys(2));
        let mut knows = authority.clone();
        knows.learn(clerk.clone()).unwrap();
        let below = grant(6, "990121101203", Role::Helper, Some(&clerk)).sign(&keys(4));
        assert_eq!(knows.learn(below), Err(GrantError::NoDelegation));
    }

    #[test]
    fn a_root_must_be_its_own() {
        let root = grant(1, "990121000000", Role::Root, None);
        assert_eq!(Authority::pin(root.clone().sign(&keys(2))).err(), Some(GrantError::Signature));
        let deep = Grant { depth: 1, ..root };
        assert_eq!(Authority::pin(deep.sign(&keys(1))).err(), Some(GrantError::Depth));
    }

    #[test]
    fn a_role_of_a_later_version_holds_by_its_rights() {
        let (mut authority, county, _) = county();
        let later = Grant {
            role: Role::Other(200),
            rights: Rights::REPLICATE,
            ..grant(7, "990121101203", Role::Clerk, Some(&county))
        };
        let signed = SignedGrant::from_bytes(&later.sign(&keys(2)).encode()).unwrap();
        assert_eq!(signed.grant.role, Role::Other(200));
        assert!(authority.learn(signed).is_ok());
    }

    #[test]
    fn grants_read_back_and_every_cut_is_refused() {
        let (_, county, _) = county();
        let bytes = county.encode();
        assert_eq!(SignedGrant::from_bytes(&bytes), Ok(county));
        for length in 0..bytes.len() {
            assert!(SignedGrant::from_bytes(&bytes[..length]).is_err());
        }
    }
}
