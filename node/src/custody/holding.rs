//! What counting receipts come to: which of a device's own entries others hold.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{DivisionCode, Level};

use super::{calls, may_confirm, next_of};
use crate::authority::Authority;
use crate::identity::DeviceId;
use crate::log::{EntryPlace, Lane, LogKey};
use crate::store::custody::CustodyRead;
use crate::store::rows::{LogNumber, LogRow};
use crate::store::{ChainRead, StoreError};

/// A device holds a log up to here, by a receipt that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Who says so.
    pub holder: DeviceId,
    /// Its name in its grant.
    pub name: String,
    /// The level of its area.
    pub level: Level,
    /// The last entry that it holds.
    pub place: EntryPlace,
}

/// Own entries that call for a receipt and that no other device has confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotHeld {
    /// How many.
    pub entries: u64,
    /// When the oldest was written (this node's clock, ms since 1970).
    pub oldest_written_at_ms: Option<i64>,
}

/// How far others hold what this device has written in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custody {
    /// The scope.
    pub scope: DivisionCode,
    /// What no other device holds.
    pub not_held: NotHeld,
    /// Level → own entries that no device of this level has confirmed; only levels of which one
    /// may.
    pub by_level: BTreeMap<Level, u64>,
    /// Device, its level and name, and how many own entries it has not confirmed; only devices that
    /// have confirmed something.
    pub by_device: Vec<HeldBy>,
}

/// How far one device holds what this device has written in one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// The level of its area.
    pub level: Level,
    /// Its key.
    pub device: DeviceId,
    /// Its name in its grant.
    pub device_name: String,
    /// It holds all that this device has written in the scope but so many entries.
    pub all_but: u64,
}

/// How far others hold what this device has written anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// How many entries no other device has confirmed.
    pub entries: u64,
    /// When the oldest of them was written (this node's clock, ms since 1970).
    pub oldest_written_at_ms: Option<i64>,
    /// Level → entries that no device of this level has confirmed.
    pub by_level: BTreeMap<Level, u64>,
    /// Whether no other device of the mesh may confirm what this one writes, as far as is known.
    pub nobody_confirms: bool,
}

impl NotHeld {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        let oldest = [self.oldest_written_at_ms, other.oldest_written_at_ms];
        Self {
            entries: self.entries + other.entries,
            oldest_written_at_ms: oldest.into_iter().flatten().min(),
        }
    }

    fn add(&mut self, written_at_ms: i64) {
        *self = self.and(Self { entries: 1, oldest_written_at_ms: Some(written_at_ms) });
    }
}

impl Outlook {
    /// Everything that this device has written, taken together.
    pub fn of(custody: &[Custody], authority: &Authority, own: DeviceId) -> Self {
        let total = custody.iter().fold(NotHeld::default(), |sum, one| sum.and(one.not_held));
        let mut by_level = BTreeMap::new();
        for (level, entries) in custody.iter().flat_map(|one| &one.by_level) {
            *by_level.entry(*level).or_default() += entries;
        }
        let scopes: BTreeSet<DivisionCode> = match custody.is_empty() {
            true => authority.grants_of(own).map(|(_, grant)| grant.area.0).collect(),
            false => custody.iter().map(|one| one.scope).collect(),
        };
        let confirmed = |scope| !confirmers(authority, own, scope).is_empty();
        Self {
            entries: total.entries,
            oldest_written_at_ms: total.oldest_written_at_ms,
            by_level,
            nobody_confirms: !scopes.into_iter().any(confirmed),
        }
    }
}

/// What receipts of a scope say that counts and that fits what is here: they name an entry that is here with that
/// hash.
pub fn holdings(
    tables: &impl ChainRead,
    authority: &Authority,
    scope: DivisionCode,
) -> Result<Vec<Holding>, StoreError> {
    let mut found = Vec::new();
    for holding in claims(tables, authority, scope)? {
        if holds(tables, &holding.place)? {
            found.push(holding);
        }
    }
    Ok(found)
}

/// How many entries of a scope somebody holds, by receipts that count, beyond the heads of the logs here.
pub fn held_beyond(
    tables: &impl ChainRead,
    authority: &Authority,
    scope: DivisionCode,
) -> Result<u64, StoreError> {
    let mut furthest: BTreeMap<LogKey, u64> = BTreeMap::new();
    for claim in claims(tables, authority, scope)? {
        let next = furthest.entry(claim.place.log).or_default();
        *next = claim.place.seq.saturating_add(1).max(*next);
    }
    let mut beyond = 0u64;
    for (log, next) in furthest {
        let mut here = 0;
        for chain in tables.chains(&log)? {
            here = tables.head_of(chain.number)?.map_or(0, |head| head.seq + 1).max(here);
        }
        beyond = beyond.saturating_add(next.saturating_sub(here));
    }
    Ok(beyond)
}

/// What receipts of a scope say that counts: written under a grant that stands, in the holder's newest
/// incarnation (of clones with one number each counts for itself).
fn claims(
    tables: &impl ChainRead,
    authority: &Authority,
    scope: DivisionCode,
) -> Result<Vec<Holding>, StoreError> {
    let claims = tables.claims_of(scope)?;
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let mut newest: BTreeMap<DeviceId, u32> = BTreeMap::new();
    for log in tables.logs_of(scope)? {
        let number = newest.entry(log.key.device).or_default();
        *number = log.key.incarnation.number.max(*number);
    }
    let mut found = Vec::new();
    for claim in claims {
        let log = LogKey {
            scope,
            lane: Lane::Notice,
            device: claim.holder,
            incarnation: claim.incarnation,
        };
        let Some(row) = tables.log(&log)? else { continue };
        let Some(grant) = authority.grant(&row.grant) else { continue };
        if newest.get(&claim.holder) == Some(&claim.incarnation.number)
            && authority.stands(&row.grant)
        {
            found.push(Holding {
                holder: claim.holder,
                name: grant.name.clone(),
                level: grant.area.0.level(),
                place: claim.place,
            });
        }
    }
    Ok(found)
}

/// How far others hold what a device has written, scope by scope; only scopes of which it has
/// written something.
pub fn not_held(
    tables: &impl ChainRead,
    authority: &Authority,
    own: DeviceId,
) -> Result<Vec<Custody>, StoreError> {
    let mut logs: BTreeMap<DivisionCode, Vec<LogRow>> = BTreeMap::new();
    for log in tables.logs_all()? {
        if log.key.device == own && log.key.lane.carries_records() {
            logs.entry(log.key.scope).or_default().push(log);
        }
    }
    let mut found = Vec::new();
    for (scope, logs) in logs {
        let mut holders: BTreeMap<DeviceId, Holder> = BTreeMap::new();
        for holding in holdings(tables, authority, scope)? {
            if holding.holder != own && holding.place.log.device == own {
                let holder = holders.entry(holding.holder).or_insert_with(|| Holder {
                    level: holding.level,
                    name: holding.name.clone(),
                    places: Vec::new(),
                    next: BTreeMap::new(),
                    lacks: 0,
                });
                holder.places.push(holding.place);
            }
        }
        for holder in holders.values_mut() {
            for log in &logs {
                let next = next_of(tables, log, holder.places.iter())?;
                holder.next.insert(log.number, next);
            }
        }
        let levels = confirmers(authority, own, scope);
        let mut by_level: BTreeMap<Level, u64> =
            levels.into_iter().map(|level| (level, 0)).collect();
        let mut not_held = NotHeld::default();
        for LogRow { number, .. } in logs {
            let next = |holder: &Holder| holder.next.get(&number).copied().unwrap_or_default();
            // What a level holds is what the best of its devices holds.
            let mut level_next: BTreeMap<Level, u64> =
                by_level.keys().map(|level| (*level, 0)).collect();
            for holder in holders.values() {
                let of_level = level_next.entry(holder.level).or_default();
                *of_level = next(holder).max(*of_level);
            }
            let held = level_next.values().max().copied().unwrap_or_default();
            let first = holders.values().map(next).chain(level_next.values().copied()).min();
            let first = first.unwrap_or_default();
            tables.for_each_header_from(number, first, |header| {
                if calls(header.kind) {
                    for holder in holders.values_mut() {
                        let next = holder.next.get(&number).copied().unwrap_or_default();
                        holder.lacks += u64::from(header.seq >= next);
                    }
                    for (level, next) in &level_next {
                        *by_level.entry(*level).or_default() += u64::from(header.seq >= *next);
                    }
                    if header.seq >= held {
                        not_held.add(header.written_at_ms);
                    }
                }
                Ok(true)
            })?;
        }
        let by_device = holders.into_iter().map(|(device, holder)| HeldBy {
            level: holder.level,
            device,
            device_name: holder.name,
            all_but: holder.lacks,
        });
        found.push(Custody { scope, not_held, by_level, by_device: by_device.collect() });
    }
    Ok(found)
}

/// Whether something of a scope calls for a receipt that a device has not given.
pub fn is_owed_by(
    tables: &impl ChainRead,
    authority: &Authority,
    scope: DivisionCode,
    holder: DeviceId,
) -> Result<bool, StoreError> {
    let held: Vec<EntryPlace> = holdings(tables, authority, scope)?
        .into_iter()
        .filter(|holding| holding.holder == holder)
        .map(|holding| holding.place)
        .collect();
    let mut owed = false;
    for log in tables.logs_of(scope)? {
        if log.key.lane.carries_records() && log.key.device != holder && !owed {
            let first = next_of(tables, &log, held.iter())?;
            tables.for_each_header_from(log.number, first, |header| {
                owed |= calls(header.kind);
                Ok(!owed)
            })?;
        }
    }
    Ok(owed)
}

struct Holder {
    level: Level,
    name: String,
    /// The last entries that it says it holds.
    places: Vec<EntryPlace>,
    /// Chain → the number of the first entry that is not confirmed.
    next: BTreeMap<LogNumber, u64>,
    lacks: u64,
}

/// The levels of the other devices that may confirm what a device writes in a scope. The root is on
/// no disk.
fn confirmers(authority: &Authority, own: DeviceId, scope: DivisionCode) -> BTreeSet<Level> {
    authority
        .grants()
        .filter(|(id, _)| authority.stands(id))
        .filter(|(_, grant)| grant.depth > 0 && grant.subject != own)
        .filter(|(_, grant)| may_confirm(authority, grant, scope).is_ok())
        .map(|(_, grant)| grant.area.0.level())
        .collect()
}

/// Whether an entry is here, whichever branch of its log it stands on.
fn holds(tables: &impl ChainRead, place: &EntryPlace) -> Result<bool, StoreError> {
    Ok(tables.find_chain(&place.log, place.seq, &place.hash)?.is_some())
}
