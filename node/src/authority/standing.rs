//! What the statements in `Authority` logs come to: which grants stand, and how far their logs
//! count. A pure function of the statements that are stored, whatever order they came in.
//!
//! Grants are decided from the root downwards. A revocation counts if it is written under a grant of
//! strictly smaller depth that may delegate over the whole of the revoked grant's area, or in a log
//! of the revoked grant itself; and if its own entry counts, which is decided by then. Of those that
//! speak of a log's scope the smallest depth decides, and among these the furthest cut. So two
//! devices never revoke each other, and nobody below loosens what was cut above.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::{Area, DivisionCode};

use super::Authority;
use super::revocation::{Revocation, RevocationReason};
use crate::identity::grant::{Grant, GrantId, Rights};
use crate::log::{EntryHash, EntryPlace, Lane, LogKey};

/// How far the entries of a log count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    Whole,
    /// Those up to one of these entries, the furthest that it reaches; none at all if there is none.
    Upto(Vec<(u64, EntryHash)>),
}

/// What an authority entry states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A grant that holds by its signatures.
    Grant(GrantId),
    /// A revocation.
    Revoke(Revocation),
    /// Something that only a later version understands.
    Unknown,
}

/// An authority entry that stands where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) under: GrantId,
    pub(super) statement: Statement,
    pub(super) standing: StatementStanding,
}

/// Whether a statement counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementStanding {
    /// It does.
    Counts,
    /// It was written beyond what a revocation lets count.
    BeyondCut,
    /// Its author may not say so; the code says why.
    NotAllowed(&'static str),
}

/// A revocation that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Where it stands.
    pub place: EntryPlace,
    /// The depth of its author's grant.
    pub depth: u8,
    /// Why.
    pub reason: RevocationReason,
    cuts: BTreeMap<LogKey, BTreeSet<(u64, EntryHash)>>,
    apart: BTreeSet<DivisionCode>,
}

/// What a grant has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// It was issued beyond what counts of its issuer.
    pub(super) void: bool,
    pub(super) revoked: Vec<Revoked>,
}

impl Standing {
    /// How far a log under the grant counts.
    pub(super) fn reach(&self, log: &LogKey) -> Reach {
        if self.void { Reach::Upto(Vec::new()) } else { reach(self.revoked.iter(), log) }
    }

    /// Whether the grant was taken away from a device that may be in wrong hands.
    fn is_distrusted(&self, area: Area) -> bool {
        use RevocationReason::{Retired, RoleChanged};
        self.void
            || self.revocation(area).is_some_and(|by| !matches!(by.reason, Retired | RoleChanged))
    }

    /// The revocation that decides for the grant's whole area.
    pub(super) fn revocation(&self, area: Area) -> Option<&Revoked> {
        let whole = self.revoked.iter().filter(|revoked| revoked.place.log.scope == area.0);
        whole.min_by_key(|revoked| (revoked.depth, revoked.place))
    }
}

fn reach<'r>(revoked: impl Iterator<Item = &'r Revoked> + Clone, log: &LogKey) -> Reach {
    let speaking = revoked.filter(|revoked| revoked.speaks_of(log.scope));
    let Some(depth) = speaking.clone().map(|revoked| revoked.depth).min() else {
        return Reach::Whole;
    };
    let deciding = speaking.filter(|revoked| revoked.depth == depth);
    let cuts: BTreeSet<_> =
        deciding.filter_map(|revoked| revoked.cuts.get(log)).flatten().collect();
    Reach::Upto(cuts.into_iter().copied().collect())
}

impl Revoked {
    /// Whether it decides for logs of a scope: one inside its own, and not inside one set apart.
    fn speaks_of(&self, scope: DivisionCode) -> bool {
        Area(self.place.log.scope).contains(scope)
            && !self.apart.iter().any(|apart| Area(*apart).contains(scope))
    }
}

/// Decides every grant and every statement. `reaches` says of an entry whether it lies on the way
/// to, or is, another entry of its log; None where that other entry is not here.
pub(super) fn decide<E>(
    authority: &mut Authority,
    mut reaches: impl FnMut(&EntryPlace, (u64, EntryHash)) -> Result<Option<bool>, E>,
) -> Result<(), E> {
    let mut by_depth: Vec<(u8, GrantId)> =
        authority.grants().map(|(id, grant)| (grant.depth, *id)).collect();
    by_depth.sort_unstable();
    let mut issued: BTreeMap<GrantId, Vec<EntryPlace>> = BTreeMap::new();
    let mut revoking: BTreeMap<GrantId, Vec<EntryPlace>> = BTreeMap::new();
    for (place, stated) in &authority.stated {
        match &stated.statement {
            Statement::Grant(id) => issued.entry(*id).or_default().push(*place),
            Statement::Revoke(revocation) => {
                revoking.entry(revocation.grant).or_default().push(*place);
            }
            Statement::Unknown => {}
        }
    }
    let mut decided: BTreeMap<GrantId, Standing> = BTreeMap::new();
    let mut statements: BTreeMap<EntryPlace, StatementStanding> = BTreeMap::new();
    for (_, id) in by_depth {
        let Some(grant) = authority.grant(&id) else { continue };
        let mut standing = Standing::default();
        let issuer = grant.issuer.and_then(|issuer| decided.get(&issuer));
        let mut carried = false;
        for place in issued.get(&id).into_iter().flatten() {
            // The root's own grant is its own issuer.
            let under = issuer.map_or(Reach::Whole, |issuer| issuer.reach(&place.log));
            let counts = within(place, &under, &mut reaches)?;
            carried |= counts;
            let how = if counts { StatementStanding::Counts } else { StatementStanding::BeyondCut };
            statements.insert(*place, how);
        }
        standing.void = match issuer {
            None => false,
            Some(issuer) if issuer.void => true,
            Some(issuer) if carried || !issuer.cuts_within(grant.area) => false,
            // Known by a chain alone: its entry may still come, if what counts is not all here.
            Some(issuer) if !issued.contains_key(&id) => {
                issuer.ends_are_here(grant.area, |end| {
                    let (log, seq, hash) = end;
                    reaches(&EntryPlace { log, seq, hash }, (seq, hash)).map(|held| held.is_some())
                })?
            }
            Some(_) => true,
        };
        // Those from above first: what a grant says of itself counts only within them.
        let (own, above): (Vec<_>, Vec<_>) = revoking
            .get(&id)
            .into_iter()
            .flatten()
            .partition(|place| authority.stated.get(*place).is_some_and(|s| s.under == id));
        for (places, is_own) in [(above, false), (own, true)] {
            let superior = standing.clone();
            for place in places {
                let Some(Stated { under, statement: Statement::Revoke(revocation), .. }) =
                    authority.stated.get(place)
                else {
                    continue;
                };
                let Some(revoker) = authority.grant(under) else { continue };
                let allowed = may_revoke(revoker, grant, place.log.scope, is_own);
                let reach = match (is_own, decided.get(under)) {
                    (true, _) => superior.reach(&place.log),
                    (false, Some(by)) => by.reach(&place.log),
                    // Not decided yet: of no smaller depth, and not allowed anyway.
                    (false, None) => Reach::Whole,
                };
                let how = match allowed {
                    Err(why) => StatementStanding::NotAllowed(why),
                    Ok(()) if within(place, &reach, &mut reaches)? => StatementStanding::Counts,
                    Ok(()) => StatementStanding::BeyondCut,
                };
                if how == StatementStanding::Counts {
                    standing.revoked.push(revoked(place, revoker, grant, revocation));
                }
                statements.insert(*place, how);
            }
        }
        decided.insert(id, standing);
    }
    for (place, stated) in &authority.stated {
        if stated.statement == Statement::Unknown {
            let by = decided.get(&stated.under).zip(authority.grant(&stated.under));
            let how = match by {
                Some((_, grant)) if !grant.rights.contains(Rights::DELEGATE) => {
                    StatementStanding::NotAllowed("right")
                }
                // Whose grant was taken away may not hold up the others by what nobody understands,
                // whether it was said before or after.
                Some((standing, grant)) if standing.is_distrusted(grant.area) => {
                    StatementStanding::NotAllowed("right")
                }
                Some((standing, _))
                    if within(place, &standing.reach(&place.log), &mut reaches)? =>
                {
                    StatementStanding::Counts
                }
                _ => StatementStanding::BeyondCut,
            };
            statements.insert(*place, how);
        }
    }
    for (place, stated) in &mut authority.stated {
        stated.standing = statements
            .get(place)
            .copied()
            .unwrap_or(StatementStanding::NotAllowed("grant_unknown"));
    }
    authority.standings = decided;
    Ok(())
}

fn within<E>(
    place: &EntryPlace,
    reach: &Reach,
    reaches: &mut impl FnMut(&EntryPlace, (u64, EntryHash)) -> Result<Option<bool>, E>,
) -> Result<bool, E> {
    let Reach::Upto(cuts) = reach else { return Ok(true) };
    for cut in cuts {
        if reaches(place, *cut)?.unwrap_or(place.seq <= cut.0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a grant's log may revoke another grant in a scope; the code says why not.
pub(super) fn may_revoke(
    revoker: &Grant,
    revoked: &Grant,
    scope: DivisionCode,
    is_own: bool,
) -> Result<(), &'static str> {
    if !revoked.area.contains(scope) {
        Err("revoke_scope")
    } else if is_own {
        Ok(())
    } else if !revoker.rights.contains(Rights::DELEGATE)
        || !revoker.area.contains_area(revoked.area)
    {
        Err("revoke_right")
    } else if revoker.depth >= revoked.depth {
        Err("revoke_depth")
    } else {
        Ok(())
    }
}

fn revoked(place: &EntryPlace, revoker: &Grant, grant: &Grant, revocation: &Revocation) -> Revoked {
    let mut cuts: BTreeMap<LogKey, BTreeSet<_>> = BTreeMap::new();
    for cut in &revocation.cuts {
        let log = LogKey {
            scope: place.log.scope,
            lane: cut.lane,
            device: grant.subject,
            incarnation: cut.incarnation,
        };
        cuts.entry(log).or_default().insert((cut.seq, cut.hash));
    }
    // Its own scope it speaks of in any case.
    let scope = place.log.scope;
    let apart = revocation.apart.iter().copied().filter(|apart| !Area(*apart).contains(scope));
    let apart = apart.collect();
    Revoked { place: *place, depth: revoker.depth, reason: revocation.reason, cuts, apart }
}

impl Standing {
    /// Whether all that still counts of the authority logs of an area's scope is here.
    fn ends_are_here<E>(
        &self,
        area: Area,
        mut is_here: impl FnMut((LogKey, u64, EntryHash)) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let speaking = || self.revoked.iter().filter(|revoked| revoked.speaks_of(area.0));
        let depth = speaking().map(|revoked| revoked.depth).min();
        for (log, ends) in
            speaking().filter(|revoked| Some(revoked.depth) == depth).flat_map(|r| &r.cuts)
        {
            let issuing = log.scope == area.0 && log.lane == Lane::Authority;
            for (seq, hash) in ends.iter().filter(|_| issuing) {
                if !is_here((*log, *seq, *hash))? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether some revocation speaks of the whole of an area.
    pub(super) fn cuts_within(&self, area: Area) -> bool {
        self.revoked.iter().any(|revoked| revoked.speaks_of(area.0))
    }
}
