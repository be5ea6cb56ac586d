//! How far behind its villages a node is: of whom too little is here, and since when.
//!
//! Silence is an alarm. A village is stale by the age of its data and not by when somebody last spoke with it:
//! a laptop that connects each day and brings nothing is as silent as one that is switched off
//! (`docs/operating.md`, "Silence").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{DivisionCode, Level};

use super::coverage::{self, VillageCoverage, VillageState};
use super::{CommandError, JSON_SCHEMA_VERSION, Request, clock};
use crate::custody::holding;
use crate::engine::Engine;
use crate::identity::grant::Grant;
use crate::limits::CLOCK_TOLERANCE_MS;
use crate::store::StoreError;
use crate::store::rows::PeerFailure;
use crate::sync::Now;

const DAY_MS: i64 = 86_400_000;

/// Asks for [`LagReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lag {
    /// Only this place and what lies inside it.
    pub within: Option<DivisionCode>,
    /// The moment from which ages count (ms since 1970); None: now.
    pub as_of_ms: Option<i64>,
}

/// How far behind its villages a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LagReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The area.
    pub area: DivisionCode,
    /// Its name, where a directory here names it.
    pub area_name: Option<String>,
    /// From when ages count (this node's clock, ms since 1970).
    pub as_of_ms: i64,
    /// After how many days without new data a village is stale, where nothing else is set for it (the county's
    /// ruleset).
    pub expected_days: u32,
    /// The villages: those that need a person first, the longest silent before others.
    pub villages: Vec<VillageLag>,
    /// All of them taken together.
    pub totals: LagTotals,
}

/// How far behind one village a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VillageLag {
    /// The village.
    pub code: DivisionCode,
    /// Its name, where a directory here names it; else that of its device.
    pub name: Option<String>,
    /// Its township's name.
    pub township_name: Option<String>,
    /// How it stands.
    pub state: VillageState,
    /// Entries that somebody else is known to hold and that are not here: by receipts, or by a session under way.
    /// None where nobody can know.
    pub trails_by: Option<u64>,
    /// When the newest data is from (ms since 1970).
    pub data_as_of_ms: Option<i64>,
    /// Its age by this node's clock, ms; 0 for what is newer than that. Whether it is too great is a matter of
    /// civil days, as in reports.
    pub age_ms: Option<u64>,
    /// After how many days without new data it is stale.
    pub expected_days: u32,
    /// When records of the village's own devices last came to be here (this node's clock).
    pub heard_ms: Option<i64>,
    /// When an exchange with a device of the village, or of its township, was last complete (this node's clock).
    pub last_exchange_ms: Option<i64>,
    /// Why the last session with a device of the village failed, if none was complete since.
    pub failure: Option<PeerFailure>,
    /// Whether a device of the village is in a session with this node now.
    pub online: bool,
    /// Whether nothing of its own is to be expected yet: nothing has come, and its device was let in no longer ago
    /// than new data is expected.
    #[serde(default)]
    pub is_new: bool,
    /// Whether a device of the village was ever let in and may still take part.
    #[serde(default)]
    pub has_device: bool,
    /// Elders with a file.
    pub elders: u64,
}

/// All villages taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LagTotals {
    /// Villages.
    pub villages: u64,
    /// Of these, villages of which data is here, whoever wrote it.
    pub with_data: u64,
    /// Of these, villages whose own data is as new as expected.
    pub current: u64,
    /// Villages whose own data is older than expected.
    pub stale: u64,
    /// Villages with a device of which nothing of their own has ever come, though it might have by now.
    pub never: u64,
    /// Villages that have no device yet.
    pub without_device: u64,
    /// The age that half of the villages with data of their own do not exceed, ms.
    pub age_p50_ms: Option<u64>,
    /// The age that nineteen in twenty do not exceed, ms.
    pub age_p95_ms: Option<u64>,
    /// The greatest age, ms.
    pub age_worst_ms: Option<u64>,
}

impl Request for Lag {
    const NAME: &'static str = "lag";
    type Reply = LagReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<LagReport, CommandError> {
        engine.settle(now)?;
        self.report(engine, now)
    }
}

impl Lag {
    /// The answer, of what is committed.
    pub fn report(&self, engine: &Engine, now: Now) -> Result<LagReport, CommandError> {
        let within = coverage::within(engine, self.within)?;
        let snapshot = engine.read()?;
        let as_of_ms = self.as_of_ms.unwrap_or(now.wall_ms);
        let day = clock::civil_day(as_of_ms);
        let covered = coverage::coverage(engine, &snapshot, within, day)?;
        let peers = peers(engine)?;
        let township = |code: DivisionCode| {
            let code = code.parent()?;
            match code == covered.area {
                true => covered.area_name.clone(),
                false => covered.places.get(&code).cloned().flatten(),
            }
        };
        let mut villages = Vec::with_capacity(covered.by_village.len());
        for village in &covered.by_village {
            let beyond = holding::held_beyond(&snapshot, engine.authority(), village.code)?;
            let peer = peers.get(&village.code).cloned().unwrap_or_default();
            let device = device_of(engine, village.code);
            villages.push(VillageLag {
                township_name: township(village.code),
                ..VillageLag::of(village, device, peer, beyond, as_of_ms)
            });
        }
        let totals = LagTotals::of(&villages);
        villages.sort_by_key(|village| {
            (urgency(village.state), std::cmp::Reverse(village.age_ms), village.code)
        });
        Ok(LagReport {
            schema_version: JSON_SCHEMA_VERSION,
            area: covered.area,
            area_name: covered.area_name,
            as_of_ms,
            expected_days: covered.expected_days,
            villages,
            totals,
        })
    }
}

impl LagTotals {
    /// Of these villages.
    pub fn of(villages: &[VillageLag]) -> Self {
        let count = |states: &[VillageState]| {
            villages.iter().filter(|village| states.contains(&village.state)).count() as u64
        };
        let own = villages.iter().filter(|village| village.state != VillageState::FromAbove);
        let mut ages: Vec<u64> = own.filter_map(|village| village.age_ms).collect();
        ages.sort_unstable();
        Self {
            villages: villages.len() as u64,
            with_data: villages.len() as u64 - count(&[VillageState::Missing]),
            current: count(&[VillageState::Current]),
            stale: count(&[VillageState::Stale]),
            never: villages.iter().filter(|village| village.is_mute()).count() as u64,
            without_device: villages.iter().filter(|village| village.is_unserved()).count() as u64,
            age_p50_ms: percentile(&ages, 50),
            age_p95_ms: percentile(&ages, 95),
            age_worst_ms: ages.last().copied(),
        }
    }
}

impl VillageLag {
    fn of(
        village: &VillageCoverage,
        device: Option<&Grant>,
        peer: VillagePeer,
        beyond: u64,
        as_of_ms: i64,
    ) -> Self {
        let expected_ms = i64::from(village.expected_days) * DAY_MS;
        let granted_ago_ms = device.map(|grant| as_of_ms.saturating_sub(grant.written_at_ms));
        // A grant that is dated in the future does not make a village new for years.
        let lately = -CLOCK_TOLERANCE_MS..=expected_ms;
        let online = peer.we_lack.is_some();
        let beyond = beyond.max(peer.we_lack.unwrap_or_default());
        let known = beyond > 0 || online || village.state == VillageState::Current;
        Self {
            code: village.code,
            name: village.name.clone().or_else(|| device.map(|grant| grant.name.clone())),
            township_name: None,
            state: village.state,
            trails_by: known.then_some(beyond),
            data_as_of_ms: village.data_as_of_ms,
            age_ms: village
                .data_as_of_ms
                .map(|at| u64::try_from(as_of_ms.saturating_sub(at)).unwrap_or(0)),
            expected_days: village.expected_days,
            heard_ms: village.heard_ms,
            last_exchange_ms: village.last_exchange_ms,
            failure: peer.failure,
            online,
            is_new: village.own_written_ms.is_none()
                && granted_ago_ms.is_some_and(|ago| lately.contains(&ago)),
            has_device: device.is_some(),
            elders: village.elders,
        }
    }

    /// Whether nothing of its own has ever come, though it might have by now.
    pub fn is_mute(&self) -> bool {
        let states = [VillageState::Missing, VillageState::FromAbove];
        states.contains(&self.state) && self.has_device && !self.is_new
    }

    /// Whether it has no device, and nothing of its own is here.
    pub fn is_unserved(&self) -> bool {
        let states = [VillageState::Missing, VillageState::FromAbove];
        states.contains(&self.state) && !self.has_device
    }
}

/// What sessions with the devices of a village come to.
#[derive(Clone, Debug, Default)]
struct VillagePeer {
    /// Entries that we lack, while there is a session.
    we_lack: Option<u64>,
    failure: Option<PeerFailure>,
}

/// The grant of the first device of a village.
fn device_of(engine: &Engine, village: DivisionCode) -> Option<&Grant> {
    let of = engine.authority().grants().filter(|(_, grant)| grant.area.0 == village);
    let standing = of.filter(|(id, _)| engine.authority().stands(id)).map(|(_, grant)| grant);
    standing.min_by_key(|grant| grant.written_at_ms)
}

/// Village → its devices' sessions.
fn peers(engine: &Engine) -> Result<BTreeMap<DivisionCode, VillagePeer>, StoreError> {
    let mut villages: BTreeMap<DivisionCode, VillagePeer> = BTreeMap::new();
    for (device, row) in engine.peers().rows() {
        // Who has no grant any more is looked after by nobody.
        if engine.authority().standing_grants_of(device).next().is_none() {
            continue;
        }
        let Some(area) = Grant::from_bytes(&row.grant).ok().map(|grant| grant.area.0) else {
            continue;
        };
        if area.level() != Level::Village {
            continue;
        }
        let village = villages.entry(area).or_default();
        let we_lack = engine.progress(device)?.map(|progress| progress.we_lack);
        village.we_lack = village.we_lack.max(we_lack);
        let failures = village.failure.take().into_iter().chain(row.last_error.clone());
        village.failure = failures.max_by_key(|failure| failure.at_ms);
    }
    Ok(villages)
}

/// Those that need a person come first.
fn urgency(state: VillageState) -> u8 {
    match state {
        VillageState::Stale => 0,
        VillageState::Missing => 1,
        VillageState::FromAbove => 2,
        VillageState::Current => 3,
    }
}

/// The smallest of sorted values that so many in a hundred do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_an_age_that_is_there() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!((percentile(&[7], 50), percentile(&[7], 95)), (Some(7), Some(7)));
        let ages: Vec<u64> = (1..=20).collect();
        assert_eq!((percentile(&ages, 50), percentile(&ages, 95)), (Some(10), Some(19)));
        let ages: Vec<u64> = (1..=44).collect();
        assert_eq!(percentile(&ages, 95), Some(42));
    }
}
