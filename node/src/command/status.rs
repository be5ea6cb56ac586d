//! How the node is, and how its peers are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};

use super::budget::BudgetStatus;
use super::ruleset::ruleset;
use super::{CommandError, JSON_SCHEMA_VERSION, Request, places, transfer};
use crate::custody::holding::{self, HeldBy};
use crate::custody::{Custody, Outlook};
use crate::digest;
use crate::engine::Engine;
use crate::gathered::Erased;
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, GrantId, Role};
use crate::index::{duplicates, merged};
use crate::lineage::NOTICES;
pub use crate::path::Via;
use crate::store::erasures::ErasureRead;
pub use crate::store::rows::PeerFailure;
use crate::store::rows::{EvidenceRow, ScopeRow};
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Asks for [`StatusReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {}

/// Asks for [`PeersReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peers {}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// This device.
    pub device: OwnDevice,
    /// This device's area.
    pub area: DivisionCode,
    /// The area's name, where a directory names it.
    pub area_name: Option<String>,
    /// Every scope in the area of which this node holds something.
    pub scopes: Vec<ScopeStatus>,
    /// Every peer that this node has met.
    pub peers: Vec<PeerStatus>,
    /// Entries that are kept and do not count, by reason.
    pub unsettled: BTreeMap<String, u64>,
    /// Files that one device has signed to erase, and that wait for a second signature.
    #[serde(default)]
    pub erasures_waiting: u64,
    /// People of whom there seem to be several files: `elder duplicates` lists them.
    #[serde(default)]
    pub duplicates: u64,
    /// Offers of elders that this device is to answer.
    #[serde(default)]
    pub transfers_to_answer: u64,
    /// Entries for erased files that nobody who erased them had seen.
    #[serde(default)]
    pub late_edits: u64,
    /// Entries whose bodies are missing here: every peer is asked for them.
    #[serde(default)]
    pub missing_bodies: u64,
    /// Pieces of evidence of refused things, and of what [`StatusReport::notices`] names.
    pub evidence: u64,
    /// What happened to this device's disk, or to a log, and a person should know.
    pub notices: Vec<Notice>,
    /// What this device has written and no other device has confirmed.
    pub not_held_elsewhere: Outlook,
    /// How it stands with the day's bytes.
    pub budget: BudgetStatus,
    /// After how many days without an exchange this node is silent (the county's ruleset).
    #[serde(default)]
    pub sync_interval_days: u32,
    /// Whether there is an authority entry of a kind that this version does not know.
    pub update_needed: bool,
    /// Bytes sent over all connections since the node started, encryption included; 0 where no
    /// node runs.
    pub wire_bytes_sent: u64,
    /// Bytes received over all connections since the node started.
    pub wire_bytes_received: u64,
}

/// Something that a person should know: this device's disk was put back, another machine has its
/// keys, or somebody's log has forked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// One of [`NOTICES`].
    pub code: String,
    /// When it was seen (this node's clock, ms since 1970).
    pub at_ms: i64,
    /// The log, or the incarnations.
    pub detail: String,
}

/// This device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDevice {
    /// Its key.
    pub id: DeviceId,
    /// What people compare aloud.
    pub fingerprint: String,
    /// Its name in the grant.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The mesh.
    pub mesh: GrantId,
    /// When its grant was written (the issuer's clock, ms since 1970).
    #[serde(default)]
    pub granted_at_ms: i64,
    /// Whether its grant is revoked, or void: nothing that it writes counts.
    #[serde(default)]
    pub revoked: bool,
}

/// What a node holds of one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeStatus {
    /// The place.
    pub code: DivisionCode,
    /// Its name, where a directory names it.
    pub name: Option<String>,
    /// Over the heads of `Urgent` and `Routine` logs and of counting documents: two nodes that hold
    /// the scope agree on it exactly when they have converged.
    pub digest: String,
    /// Over the heads of `Authority` and `Notice` logs.
    pub authority_digest: String,
    /// Elders with a file in the scope.
    pub elders: u64,
    /// Entries in all lanes.
    pub entries: u64,
    /// Fields in which concurrent values stand.
    pub conflicts: u64,
    /// Entries that are kept and do not count.
    pub unsettled: u64,
    /// Who holds what this device has written here, all but how much.
    pub held: Vec<HeldBy>,
}

/// How it stands with one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Its key.
    pub device: DeviceId,
    /// Its name in its grant, once proved.
    pub name: Option<String>,
    /// Its area, once proved.
    pub area: Option<DivisionCode>,
    /// Its role, once proved.
    pub role: Option<Role>,
    /// How it stands.
    pub state: PeerState,
    /// By what the session under way goes; None without one, and where it is not known.
    #[serde(default)]
    pub via: Option<Via>,
    /// When it was last heard of (this node's clock, ms since 1970).
    pub last_seen_ms: Option<i64>,
    /// When an exchange was last complete.
    pub last_done_ms: Option<i64>,
    /// When a bundle of its was last imported here.
    #[serde(default)]
    pub last_bundle_ms: Option<i64>,
    /// How far its clock was ahead of this machine's when it was last met, ms; None where it never said.
    #[serde(default)]
    pub ahead_ms: Option<i64>,
    /// After how many days without an exchange it is silent (the county's ruleset, by its area).
    #[serde(default)]
    pub expected_days: Option<u32>,
    /// Whether the exchange under way is complete.
    pub done: bool,
    /// Whether there is a session with it now, proved or not.
    pub in_session: bool,
    /// Whether nothing more can be exchanged in this session: done, but for logs that are stuck
    /// and bodies that both lack.
    pub settled: bool,
    /// Whether nothing more is exchanged before one of the two has bytes to spend again
    /// (`docs/links.md`, "Bytes a day"): all is done but everyday records.
    #[serde(default)]
    pub held_back: bool,
    /// Logs that the two nodes see differently, or of which something was refused.
    pub stuck: u64,
    /// Bodies that are missing here and that it may have.
    #[serde(default)]
    pub missing: u64,
    /// Entries that it lacks, as far as is known now.
    pub they_lack: Option<u64>,
    /// Entries that we lack, as far as is known now.
    pub we_lack: Option<u64>,
    /// What ended the last failed session.
    pub last_error: Option<PeerFailure>,
    /// What it sent that was refused or set aside, by name.
    pub refused: BTreeMap<String, u64>,
    /// What we sent that it says it has set aside, by name.
    pub set_aside_there: BTreeMap<String, u64>,
    /// Sessions begun.
    pub sessions: u64,
    /// Frame bytes sent to it, ever.
    pub bytes_sent: u64,
    /// Frame bytes received from it, ever.
    pub bytes_received: u64,
    /// Entries sent to it, ever.
    pub entries_sent: u64,
    /// Entries received from it and stored, ever.
    pub entries_received: u64,
}

/// How it stands with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// In a session now.
    Online,
    /// Met before.
    Seen,
    /// Known by grant or address only.
    Never,
    /// Turned away: it cannot prove a grant.
    Refused,
    /// Its grant is revoked, and no other has taken its place.
    Revoked,
}

/// The peers alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeersReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Every peer that this node has met.
    pub peers: Vec<PeerStatus>,
}

impl Request for Status {
    const NAME: &'static str = "status";
    type Reply = StatusReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<StatusReport, CommandError> {
        engine.settle(now)?;
        self.report(engine, now)
    }
}

impl Status {
    /// The answer, of what is committed.
    pub fn report(&self, engine: &Engine, now: Now) -> Result<StatusReport, CommandError> {
        let snapshot = engine.read()?;
        let area = engine.area();
        let names = places::names(&snapshot, area)?;
        let mut unsettled: BTreeMap<String, u64> = BTreeMap::new();
        let above = std::iter::successors(area.0.parent(), |scope| scope.parent());
        let mut aside = snapshot.unsettled_in(area)?;
        for scope in above {
            aside.extend(snapshot.unsettled_of_scope(scope)?);
        }
        for row in aside {
            *unsettled.entry(row.standing.code()).or_default() += 1;
        }
        let custody = holding::not_held(&snapshot, engine.authority(), engine.device())?;
        Ok(StatusReport {
            schema_version: JSON_SCHEMA_VERSION,
            device: OwnDevice {
                id: engine.device(),
                fingerprint: engine.device().fingerprint(),
                name: engine.grant().name.clone(),
                role: engine.grant().role,
                mesh: engine.authority().mesh(),
                granted_at_ms: engine.grant().written_at_ms,
                revoked: engine.is_revoked(),
            },
            area: area.0,
            area_name: names.get(&area.0).cloned(),
            not_held_elsewhere: Outlook::of(&custody, engine.authority(), engine.device()),
            scopes: scopes(&snapshot, area, &names, custody)?,
            peers: peers(engine)?,
            erasures_waiting: erasures_waiting(&snapshot, engine)?,
            duplicates: duplicates::find(&snapshot, area)?.len() as u64,
            transfers_to_answer: transfer::to_answer(engine, &snapshot)?,
            late_edits: unsettled.get("late").copied().unwrap_or_default(),
            missing_bodies: snapshot.missing_count()?,
            unsettled,
            evidence: snapshot.evidence_count()?,
            notices: notices(&snapshot)?,
            budget: BudgetStatus::of(engine, now),
            sync_interval_days: ruleset(engine, &snapshot)?.sync_interval_of(area.0),
            update_needed: engine.authority().update_needed(),
            wire_bytes_sent: engine.wire_bytes().0,
            wire_bytes_received: engine.wire_bytes().1,
        })
    }
}

impl Request for Peers {
    const NAME: &'static str = "peers";
    type Reply = PeersReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<PeersReport, CommandError> {
        engine.settle(now)?;
        Ok(PeersReport { schema_version: JSON_SCHEMA_VERSION, peers: peers(engine)? })
    }
}

fn notices(snapshot: &Snapshot) -> Result<Vec<Notice>, StoreError> {
    let rows = snapshot.evidence_all()?.into_iter();
    let rows = rows.filter(|row| NOTICES.contains(&row.code.as_str()));
    let notice = |row: EvidenceRow| Notice { code: row.code, at_ms: row.at_ms, detail: row.detail };
    Ok(rows.map(notice).collect())
}

fn scopes(
    snapshot: &Snapshot,
    area: Area,
    names: &BTreeMap<DivisionCode, String>,
    custody: Vec<Custody>,
) -> Result<Vec<ScopeStatus>, StoreError> {
    let mut rows: BTreeMap<DivisionCode, ScopeRow> =
        snapshot.scopes_in(area)?.into_iter().collect();
    rows.entry(area.0).or_default();
    let mut held: BTreeMap<DivisionCode, Vec<HeldBy>> =
        custody.into_iter().map(|custody| (custody.scope, custody.by_device)).collect();
    rows.into_iter()
        .map(|(code, row)| {
            let digests = digest::stored(snapshot, code)?;
            Ok(ScopeStatus {
                code,
                name: names.get(&code).cloned(),
                digest: hex::encode(digests.records),
                authority_digest: hex::encode(digests.authority),
                elders: merged::people_in(snapshot, code)?,
                entries: row.entries,
                conflicts: row.conflicts,
                unsettled: row.unsettled,
                held: held.remove(&code).unwrap_or_default(),
            })
        })
        .collect()
}

/// Files with a first signature that counts and that nobody has confirmed.
fn erasures_waiting(snapshot: &Snapshot, engine: &Engine) -> Result<u64, StoreError> {
    let mut places = snapshot.erasures_all()?;
    places.dedup_by_key(|(scope, elder, ..)| (*scope, *elder));
    let mut waiting = 0;
    for (scope, elder, ..) in places {
        let erased = Erased::of(snapshot, engine.authority(), scope, elder)?;
        waiting += u64::from(erased.firsts().any(|first| first.confirmed_by.is_empty()));
    }
    Ok(waiting)
}

fn peers(engine: &Engine) -> Result<Vec<PeerStatus>, StoreError> {
    let online = engine.sessions();
    let rules = ruleset(engine, &engine.read()?)?;
    let mut found = Vec::new();
    for (device, row) in engine.peers().rows() {
        let grant = Grant::from_bytes(&row.grant).ok();
        let progress = engine.progress(device)?;
        let authority = engine.authority();
        let known = authority.grants_of(device).next().is_some();
        let revoked = known && authority.standing_grants_of(device).next().is_none();
        let state = match (online.contains(&device), &grant, row.last_done_ms, row.last_seen_ms) {
            _ if revoked => PeerState::Revoked,
            (true, Some(_), ..) => PeerState::Online,
            (_, None, ..) if !row.refused.is_empty() => PeerState::Refused,
            (_, _, Some(_), _) | (_, _, _, Some(_)) => PeerState::Seen,
            _ => PeerState::Never,
        };
        found.push(PeerStatus {
            device,
            name: grant.as_ref().map(|grant| grant.name.clone()),
            area: grant.as_ref().map(|grant| grant.area.0),
            role: grant.as_ref().map(|grant| grant.role),
            state,
            via: engine.path(device).and_then(|path| path.via),
            last_seen_ms: row.last_seen_ms,
            last_done_ms: row.last_done_ms,
            last_bundle_ms: row.last_bundle_ms,
            ahead_ms: row.clock.map(|clock| clock.peer_ms.saturating_sub(clock.local_ms)),
            expected_days: grant.as_ref().map(|grant| rules.sync_interval_of(grant.area.0)),
            done: progress.is_some_and(|progress| progress.done),
            in_session: online.contains(&device),
            settled: progress.is_some_and(|progress| progress.settled),
            held_back: progress.is_some_and(|progress| progress.held_back),
            stuck: progress.map_or(0, |progress| progress.stuck),
            missing: progress.map_or(0, |progress| progress.missing),
            they_lack: progress.map(|progress| progress.they_lack),
            we_lack: progress.map(|progress| progress.we_lack),
            last_error: row.last_error.clone(),
            refused: row.refused.clone(),
            set_aside_there: row.set_aside_there.clone(),
            sessions: row.sessions,
            bytes_sent: row.bytes_sent,
            bytes_received: row.bytes_received,
            entries_sent: row.entries_sent,
            entries_received: row.entries_received,
        });
    }
    Ok(found)
}
