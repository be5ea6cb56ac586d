//! Statements: the grants and revocations that stand in `Authority` logs, read from entries, taken
//! into authority, decided with what the store holds.

use shouwang_crdt_schema::parts::DocumentId;

use crate::authority::{Authority, Revocation, Statement, StatementStanding};
use crate::identity::grant::SignedGrant;
use crate::log::{Entry, EntryPlace, Kind, Lane};
use crate::store::rows::{DocumentKey, LogRow, Unsettled, UnsettledRow};
use crate::store::{ChainRead, StoreError};

/// What an entry of kind `Grant` or `Revoke` states, if it stands where it belongs. A grant that is
/// new here is learnt; it holds by its signatures or is no statement.
pub fn read(
    authority: &mut Authority,
    log: &LogRow,
    entry: &Entry,
) -> Result<(Statement, Option<SignedGrant>), Unsettled> {
    if entry.header.kind == Kind::Revoke {
        return revocation(log, entry).map(|revocation| (Statement::Revoke(revocation), None));
    }
    let grant = carried_grant(authority, log, entry)?;
    if grant.id() != authority.mesh() {
        authority.learn(grant.clone()).map_err(|_| refused("grant_invalid"))?;
    }
    Ok((Statement::Grant(grant.id()), Some(grant)))
}

/// The place of an entry of a log.
pub fn place_of(log: &LogRow, entry: &Entry) -> EntryPlace {
    EntryPlace { log: log.key, seq: entry.header.seq, hash: entry.header.hash() }
}

/// Reads every statement that the store holds and decides them.
pub fn load(tables: &impl ChainRead, authority: &mut Authority) -> Result<(), StoreError> {
    for log in tables.logs_all()? {
        if log.key.lane == Lane::Authority {
            tables.for_each_entry(log.number, |_, entry| {
                // What does not read is for `verify` to name.
                let Ok(entry) = entry else { return Ok(()) };
                if matches!(entry.header.kind, Kind::Other(_)) {
                    authority.state(place_of(&log, &entry), log.grant, Statement::Unknown);
                }
                if matches!(entry.header.kind, Kind::Grant | Kind::Revoke)
                    && let Ok((statement, _)) = read(authority, &log, &entry)
                {
                    authority.state(place_of(&log, &entry), log.grant, statement);
                }
                Ok(())
            })?;
        }
    }
    decide(tables, authority)
}

/// Decides all statements with what the store holds.
pub fn decide(tables: &impl ChainRead, authority: &mut Authority) -> Result<(), StoreError> {
    authority.decide(|place, (end, hash)| {
        match tables.find_chain(&place.log, place.seq, &place.hash)? {
            Some(log) => tables.reaches(&log, place.seq, (end, &hash)),
            None => Ok(None),
        }
    })
}

/// Why a statement does not count, if so.
pub fn unsettled(standing: StatementStanding) -> Option<Unsettled> {
    match standing {
        StatementStanding::Counts => None,
        StatementStanding::BeyondCut => Some(Unsettled::Quarantined),
        StatementStanding::NotAllowed(why) => Some(refused(why)),
    }
}

/// Why an entry of kind `Grant` or `Revoke` does not count, if so, given all that is known by now.
pub fn standing(authority: &Authority, log: &LogRow, entry: &Entry) -> Option<Unsettled> {
    let stated = match entry.header.kind {
        Kind::Revoke => revocation(log, entry).map(drop),
        _ => carried_grant(authority, log, entry).and_then(|grant| {
            let holds = authority.grant(&grant.id()).is_some();
            if holds { Ok(()) } else { Err(refused("grant_invalid")) }
        }),
    };
    match stated {
        Err(why) => Some(why),
        Ok(()) => unsettled(authority.statement_standing(&place_of(log, entry))?),
    }
}

/// Where an entry that does not count is noted if it is of no document: under the directory of its
/// scope.
pub fn note(log: &LogRow, seq: u64, standing: Unsettled) -> (DocumentKey, UnsettledRow) {
    let key = DocumentKey { scope: log.key.scope, id: DocumentId::Directory };
    (key, UnsettledRow { log: log.number, seq, change: None, standing })
}

fn revocation(log: &LogRow, entry: &Entry) -> Result<Revocation, Unsettled> {
    if log.key.lane != Lane::Authority {
        return Err(refused("revoke_lane"));
    }
    Revocation::from_bytes(body(entry)).map_err(|_| refused("revoke_form"))
}

/// The grant that an entry carries, if it stands where it belongs: in the issuer's own log, written
/// under the grant that it was issued under, in the subject's scope.
fn carried_grant(
    authority: &Authority,
    log: &LogRow,
    entry: &Entry,
) -> Result<SignedGrant, Unsettled> {
    if log.key.lane != Lane::Authority {
        return Err(refused("grant_lane"));
    }
    let grant = SignedGrant::from_bytes(body(entry)).map_err(|_| refused("grant_form"))?;
    if grant.id() == authority.mesh() {
        return Ok(grant);
    }
    if grant.grant.issuer != Some(log.grant) {
        return Err(refused("grant_issuer"));
    }
    if grant.grant.area.0 != log.key.scope {
        return Err(refused("grant_scope"));
    }
    Ok(grant)
}

/// A statement without a body is refused at the door; an empty one reads as nothing.
fn body(entry: &Entry) -> &[u8] {
    entry.body.as_deref().unwrap_or_default()
}

fn refused(why: &str) -> Unsettled {
    Unsettled::NotAllowed(why.to_owned())
}
