//! The devices of the mesh: who granted what to whom, where.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request, places};
use crate::authority::RevocationReason;
use crate::engine::Engine;
use crate::identity::DeviceId;
use crate::identity::grant::{GrantId, Quota, Role};
use crate::sync::Now;

/// Asks for [`DevicesReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceList {
    /// Also grants that do not stand any more.
    pub all: bool,
}

/// Every grant that is known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicesReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The widest areas first; within one the oldest first.
    pub devices: Vec<DeviceReport>,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// The device.
    pub device: DeviceId,
    /// What people compare aloud.
    pub fingerprint: String,
    /// The grant.
    pub grant: GrantId,
    /// Its name.
    pub name: String,
    /// Where it may act.
    pub area: DivisionCode,
    /// The area's name, where a directory names it.
    pub area_name: Option<String>,
    /// The bundle of rights that it was given.
    pub role: Role,
    /// How far from the root.
    pub depth: u8,
    /// How much it may write.
    pub quota: Quota,
    /// The device that granted it; None for the root.
    pub granted_by: Option<DeviceId>,
    /// That device's name.
    pub granted_by_name: Option<String>,
    /// When it was granted (the issuer's clock, ms since 1970).
    pub granted_at_ms: i64,
    /// Whether it is this device's own grant, by which it acts.
    pub own: bool,
    /// Whether it stands.
    pub state: GrantState,
    /// Why it was revoked.
    pub revoked_because: Option<RevocationReason>,
    /// Who revoked it.
    pub revoked_by: Option<DeviceId>,
}

/// Whether a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// It does.
    Stands,
    /// It was revoked.
    Revoked,
    /// It was issued beyond what counts of its issuer.
    Void,
}

impl Request for DeviceList {
    const NAME: &'static str = "device_list";
    type Reply = DevicesReport;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<DevicesReport, CommandError> {
        let snapshot = engine.read()?;
        let authority = engine.authority();
        let names = places::names(&snapshot, engine.area())?;
        let mut devices = Vec::new();
        for (id, grant) in authority.grants() {
            let revocation = authority.revocation(id);
            let state = match (authority.stands(id), revocation) {
                (true, _) => GrantState::Stands,
                (false, Some(_)) => GrantState::Revoked,
                (false, None) => GrantState::Void,
            };
            if state != GrantState::Stands && !self.all {
                continue;
            }
            let issuer = grant.issuer.and_then(|issuer| authority.grant(&issuer));
            devices.push(DeviceReport {
                device: grant.subject,
                fingerprint: grant.subject.fingerprint(),
                grant: *id,
                name: grant.name.clone(),
                area: grant.area.0,
                area_name: names.get(&grant.area.0).cloned(),
                role: grant.role,
                depth: grant.depth,
                quota: grant.quota,
                granted_by: issuer.map(|issuer| issuer.subject),
                granted_by_name: issuer.map(|issuer| issuer.name.clone()),
                granted_at_ms: grant.written_at_ms,
                own: *id == engine.grant_id(),
                state,
                revoked_because: revocation.map(|revoked| revoked.reason),
                revoked_by: revocation.map(|revoked| revoked.place.log.device),
            });
        }
        devices.sort_by_key(|one| (one.area, one.depth, one.granted_at_ms, one.grant));
        Ok(DevicesReport { schema_version: JSON_SCHEMA_VERSION, devices })
    }
}

/// The one grant whose device's key, or whose id, begins like this. Of a device with several grants
/// the one that stands.
pub(super) fn find_grant(engine: &Engine, prefix: &str) -> Result<GrantId, CommandError> {
    let prefix = prefix.trim().to_ascii_lowercase();
    let authority = engine.authority();
    let begins = |text: String| !prefix.is_empty() && text.starts_with(&prefix);
    let mut found: Vec<GrantId> = authority
        .grants()
        .filter(|(id, grant)| begins(grant.subject.to_string()) || begins(id.to_string()))
        .map(|(id, _)| *id)
        .collect();
    if found.len() > 1 && found.iter().any(|id| authority.stands(id)) {
        found.retain(|id| authority.stands(id));
    }
    match (found.pop(), found.is_empty()) {
        (Some(id), true) => Ok(id),
        (Some(_), false) => Err(CommandError::new(
            ErrorKind::Usage,
            "device_ambiguous",
            "several devices begin like this",
        )
        .with("device", prefix)),
        (None, _) => Err(CommandError::new(
            ErrorKind::NotFound,
            "device_unknown",
            "no device begins like this",
        )
        .with("device", prefix)),
    }
}
