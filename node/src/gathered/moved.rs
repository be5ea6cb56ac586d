//! What the handovers and purges of an elder come to: which of them count, who has custody. A pure
//! function of what is stored here, whatever order it came in.
//!
//! A handover counts in a scope if its author may carry and holds both scopes, if it lies within what
//! revocations let count, and if the offer that it carries out stands accepted in that scope. A purge
//! counts if its author may carry, it lies within, and a handover of its step away from its scope
//! counts there.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::{ElderId, TransferStep};

use super::within;
use crate::authority::Authority;
use crate::handover::{Handover, Purge, StepId};
use crate::identity::grant::{Grant, Rights};
use crate::log::{Entry, EntryPlace, Kind, Lane};
use crate::store::moves::{MovedRow, MovesRead, TransferKey};
use crate::store::rows::{LogRow, Unsettled};
use crate::store::{ChainRead, StoreError};

/// The handovers and purges of one elder, in all scopes here, decided.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    handovers: Vec<Stated<Handover>>,
    purges: Vec<Stated<Purge>>,
}

/// A handover or a purge, and whether it counts.
#[derive(Clone, Debug)]
pub struct Stated<T> {
    /// Where it stands.
    pub place: EntryPlace,
    /// The log.
    pub log: LogRow,
    /// Its author's clock, ms since 1970; for display.
    pub written_at_ms: i64,
    /// What it says.
    pub said: T,
    /// Why it does not count, if so.
    pub standing: Option<Unsettled>,
}

impl Moved {
    /// Reads and decides the handovers and purges of an elder.
    pub fn of(
        tables: &impl ChainRead,
        authority: &Authority,
        elder: ElderId,
    ) -> Result<Self, StoreError> {
        let mut found = Self::default();
        for (_, scope, kind, number, seq) in tables.handovers_of(elder)? {
            let Some(log) = tables.log_by_number(number)? else { continue };
            let Some(entry) = tables.entry(number, seq)? else { continue };
            let Some(grant) = authority.grant(&log.grant) else { continue };
            let is_within = within(tables, &log, seq, &authority.reach(&log.grant, &log.key))?;
            let quarantined = (!is_within).then_some(Unsettled::Quarantined);
            if kind == Kind::Handover.number() {
                let Ok(said) = read_handover(&log, &entry, grant) else { continue };
                let transfer = TransferKey { elder, scope, transfer: said.transfer };
                let accepted = tables.transfer(&transfer)?.is_some_and(|row| {
                    row.state == TransferStep::Accepted
                        && (row.from, row.to) == (said.from, said.to)
                });
                let waiting = (!accepted).then_some(Unsettled::Pending);
                found.handovers.push(Stated::new(log, &entry, said, quarantined.or(waiting)));
            } else if let Ok(said) = read_purge(&log, &entry, grant) {
                found.purges.push(Stated::new(log, &entry, said, quarantined));
            }
        }
        let taken: BTreeSet<(DivisionCode, StepId)> = found
            .counting()
            .filter(|handover| handover.said.to != handover.log.key.scope)
            .map(|handover| (handover.log.key.scope, handover.said.step()))
            .collect();
        for purge in &mut found.purges {
            if purge.standing.is_none() && !taken.contains(&(purge.log.key.scope, purge.said.step))
            {
                purge.standing = Some(Unsettled::Pending);
            }
        }
        Ok(found)
    }

    /// Every handover that stands where it belongs.
    pub fn handovers(&self) -> &[Stated<Handover>] {
        &self.handovers
    }

    /// Every purge that stands where it belongs.
    pub fn purges(&self) -> &[Stated<Purge>] {
        &self.purges
    }

    /// The handovers that count.
    pub fn counting(&self) -> impl Iterator<Item = &Stated<Handover>> {
        self.handovers.iter().filter(|handover| handover.standing.is_none())
    }

    /// The purges of a scope that count.
    pub fn purges_in(&self, scope: DivisionCode) -> impl Iterator<Item = &Stated<Purge>> {
        let counting = self.purges.iter().filter(|purge| purge.standing.is_none());
        counting.filter(move |purge| purge.log.key.scope == scope)
    }

    /// Who has custody, if any handover counts: of two ways the longer where it goes on from the
    /// other; else, where they part, the one with the smaller step. A way that does not go on from
    /// where the step before it led is none.
    pub fn winner(&self) -> Option<MovedRow> {
        let led: BTreeMap<StepId, DivisionCode> =
            self.handovers.iter().map(|one| (one.said.step(), one.said.to)).collect();
        let follows = |handover: &Handover| {
            let before = handover.path.last().and_then(|step| led.get(step));
            before.is_none_or(|to| *to == handover.from)
        };
        let ways = self.counting().filter(|one| follows(&one.said));
        let first = ways.min_by(|one, two| {
            let order = compare(&one.said.way(), &two.said.way());
            order.then((one.written_at_ms, one.place).cmp(&(two.written_at_ms, two.place)))
        })?;
        Some(MovedRow {
            to: first.said.to,
            from: first.said.from,
            transfer: first.said.transfer,
            way: first.said.way(),
            written_at_ms: first.written_at_ms,
        })
    }
}

impl<T> Stated<T> {
    fn new(log: LogRow, entry: &Entry, said: T, standing: Option<Unsettled>) -> Self {
        let place = EntryPlace { log: log.key, seq: entry.header.seq, hash: entry.header.hash() };
        Self { place, log, written_at_ms: entry.header.written_at_ms, said, standing }
    }
}

/// Which of two ways has custody: `Less` is the one that has.
fn compare(one: &[StepId], two: &[StepId]) -> std::cmp::Ordering {
    let parting = one.iter().zip(two).find(|(one, two)| one != two);
    parting.map_or_else(|| two.len().cmp(&one.len()), |(one, two)| one.cmp(two))
}

/// What an entry of kind `Handover` says, if it stands where it belongs and its log's grant allows it.
pub fn read_handover(log: &LogRow, entry: &Entry, grant: &Grant) -> Result<Handover, Unsettled> {
    allowed(log, entry, grant)?;
    let body = entry.body.as_deref().unwrap_or_default();
    let handover =
        Handover::from_bytes(body).map_err(|_| Unsettled::NotAllowed("move_form".into()))?;
    match grant.area.contains(handover.from) && grant.area.contains(handover.to) {
        true => Ok(handover),
        false => Err(Unsettled::NotAllowed("move_area".into())),
    }
}

/// What an entry of kind `Purge` says, if it stands where it belongs and its log's grant allows it.
pub fn read_purge(log: &LogRow, entry: &Entry, grant: &Grant) -> Result<Purge, Unsettled> {
    allowed(log, entry, grant)?;
    let body = entry.body.as_deref().unwrap_or_default();
    Purge::from_bytes(body).map_err(|_| Unsettled::NotAllowed("move_form".into()))
}

/// Whose way an entry speaks of, if it reads.
pub fn moved_elder(entry: &Entry) -> Option<ElderId> {
    let body = entry.body.as_deref()?;
    match entry.header.kind {
        Kind::Handover => Handover::from_bytes(body).ok().map(|handover| handover.elder),
        Kind::Purge => Purge::from_bytes(body).ok().map(|purge| purge.elder),
        _ => None,
    }
}

fn allowed(log: &LogRow, entry: &Entry, grant: &Grant) -> Result<(), Unsettled> {
    if log.key.lane != Lane::Routine {
        return Err(Unsettled::NotAllowed("move_lane".into()));
    }
    if !entry.header.document.is_empty() {
        return Err(Unsettled::NotAllowed("move_document".into()));
    }
    if !grant.rights.contains(Rights::CARRY) {
        return Err(Unsettled::NotAllowed("move_right".into()));
    }
    match grant.area.contains(log.key.scope) {
        true => Ok(()),
        false => Err(Unsettled::NotAllowed("move_area".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn way(steps: &[u8]) -> Vec<StepId> {
        steps.iter().map(|step| StepId([*step; 32])).collect()
    }

    proptest! {
        /// One way wins whatever order they are compared in.
        #[test]
        fn of_any_ways_one_wins(ways in prop::collection::vec(prop::collection::vec(0u8..4, 1..5), 1..8)) {
            let ways: Vec<Vec<StepId>> = ways.iter().map(|steps| way(steps)).collect();
            let winner = ways.iter().min_by(|one, two| compare(one, two)).unwrap();
            for other in &ways {
                prop_assert_ne!(compare(other, winner), std::cmp::Ordering::Less);
            }
            let mut reversed = ways.clone();
            reversed.reverse();
            prop_assert_eq!(reversed.iter().min_by(|one, two| compare(one, two)), Some(winner));
        }
    }

    #[test]
    fn who_goes_on_from_the_other_has_custody_and_else_the_smaller_step() {
        use std::cmp::Ordering::{Equal, Less};
        for (one, two, expected) in [
            (&[1][..], &[2][..], Less),
            (&[2, 1], &[2], Less),
            (&[1], &[2, 0, 0], Less),
            (&[3, 1], &[3, 2, 9], Less),
            (&[3, 1], &[3, 1], Equal),
        ] {
            assert_eq!(compare(&way(one), &way(two)), expected, "{one:?} {two:?}");
            assert_eq!(compare(&way(two), &way(one)), expected.reverse());
        }
    }
}
