//! Taking a device's rights away, and what it has seen.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;

use super::devices::find_grant;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request, places};
use crate::authority::RevocationReason;
use crate::engine::Engine;
use crate::identity::grant::{Grant, GrantId, Rights, Role};
use crate::identity::token::root_from_text;
use crate::identity::{DeviceId, DeviceKeys};
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Revokes a device's grant: what this node holds of it by now still counts, and nothing after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceRevoke {
    /// The device, or the grant: the first digits of its id, enough to tell it from others.
    pub device: String,
    /// Why.
    pub reason: RevocationReason,
    /// The root's secret as `init` printed it, where the root revokes instead of this device.
    pub root: Option<String>,
    /// Whether the answer names the elders.
    pub personal: bool,
    /// Only says what would happen.
    pub dry_run: bool,
}

/// Takes this device's own grant back: nothing that it writes after this counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceRetire {
    /// Only says what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The device.
    pub device: DeviceId,
    /// The grant.
    pub grant: GrantId,
    /// Its name.
    pub name: String,
    /// Its area.
    pub area: DivisionCode,
    /// Its role.
    pub role: Role,
    /// Whether it was only asked what would happen.
    pub dry_run: bool,
    /// Logs that count up to what this node holds, and no further.
    pub logs: u64,
    /// Entries written.
    pub entries: u64,
    /// What the device has seen.
    pub exposure: Exposure,
}

/// What a device has seen, at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Whether its grant let it hold the records of its area. If not, it has only what it wrote.
    pub holds_records: bool,
    /// When this node last heard of it (this node's clock, ms since 1970); None if never.
    pub last_seen_ms: Option<i64>,
    /// When an exchange with it was last complete.
    pub last_done_ms: Option<i64>,
    /// The time in the last entry of it that is here (its own clock).
    pub last_written_ms: Option<i64>,
    /// Every home is encrypted at rest: whoever has the disk alone reads noise. Whoever has the
    /// passphrase or the key file too, or found the node running, reads everything.
    pub encrypted_at_rest: bool,
    /// By scope, how many elders have a file there now.
    pub scopes: Vec<ExposedScope>,
    /// The elders, where they were asked for.
    pub elders: Vec<ExposedElder>,
}

/// Elders of one scope whose files a device could hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposedScope {
    /// The place.
    pub code: DivisionCode,
    /// Its name, where a directory names it.
    pub name: Option<String>,
    /// Files.
    pub elders: u64,
}

/// An elder whose file a device could hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposedElder {
    /// The place.
    pub scope: DivisionCode,
    /// The file.
    pub elder_id: ElderId,
    /// The name.
    pub name: Option<String>,
}

impl Request for DeviceRevoke {
    const NAME: &'static str = "device_revoke";
    type Reply = RevocationReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<RevocationReport, CommandError> {
        let root = self.root.as_deref().map(read_root).transpose()?;
        let id = find_grant(engine, &self.device)?;
        if id == engine.grant_id() && root.is_none() {
            return Err(CommandError::new(
                ErrorKind::Usage,
                "revoke_self",
                "this device is retired, not revoked, from itself",
            ));
        }
        report(engine, now, id, self.reason, root.as_ref(), self.personal, self.dry_run)
    }
}

impl Request for DeviceRetire {
    const NAME: &'static str = "device_retire";
    type Reply = RevocationReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<RevocationReport, CommandError> {
        let id = engine.grant_id();
        report(engine, now, id, RevocationReason::Retired, None, false, self.dry_run)
    }
}

/// The root's keys from their text.
pub(super) fn read_root(text: &str) -> Result<DeviceKeys, CommandError> {
    root_from_text(text).map_err(|error| {
        CommandError::new(ErrorKind::Usage, "bad_root_key", error).with("detail", error)
    })
}

fn report(
    engine: &mut Engine,
    now: Now,
    id: GrantId,
    reason: RevocationReason,
    root: Option<&DeviceKeys>,
    personal: bool,
    dry_run: bool,
) -> Result<RevocationReport, CommandError> {
    let unknown = || CommandError::new(ErrorKind::NotFound, "device_unknown", "no such device");
    let grant = engine.authority().grant(&id).cloned().ok_or_else(unknown)?;
    let exposure = exposure(engine, &id, &grant, personal)?;
    let (logs, entries) = match dry_run {
        true => {
            engine.check_revocation(id, root)?;
            (logs_of(&engine.read()?, &id, &grant)?, 0)
        }
        false => {
            let done = engine.revoke(now, id, reason, root)?;
            (done.logs, done.entries)
        }
    };
    Ok(RevocationReport {
        schema_version: JSON_SCHEMA_VERSION,
        device: grant.subject,
        grant: id,
        name: grant.name,
        area: grant.area.0,
        role: grant.role,
        dry_run,
        logs,
        entries,
        exposure,
    })
}

fn logs_of(snapshot: &Snapshot, id: &GrantId, grant: &Grant) -> Result<u64, StoreError> {
    let logs = snapshot.logs_in(grant.area)?;
    Ok(logs.iter().filter(|log| log.grant == *id).count() as u64)
}

fn exposure(
    engine: &Engine,
    id: &GrantId,
    grant: &Grant,
    personal: bool,
) -> Result<Exposure, StoreError> {
    let snapshot = engine.read()?;
    let holds_records = grant.rights.contains(Rights::REPLICATE);
    let peer = engine.peers().rows().find(|(device, _)| *device == grant.subject);
    let mut last_written_ms = None;
    for log in snapshot.logs_in(grant.area)?.into_iter().filter(|log| log.grant == *id) {
        let head = snapshot.head_of(log.number)?;
        last_written_ms = last_written_ms.max(head.map(|head| head.written_at_ms));
    }
    let (mut scopes, mut elders) = (Vec::new(), Vec::new());
    if holds_records {
        let names = places::names(&snapshot, grant.area)?;
        for (code, row) in snapshot.scopes_in(grant.area)?.into_iter().filter(|(_, r)| r.elders > 0)
        {
            let name = names.get(&code).cloned();
            scopes.push(ExposedScope { code, name, elders: row.elders });
        }
        if personal {
            let rows = snapshot.elders_in(grant.area)?.into_iter();
            elders.extend(rows.map(|(scope, elder_id, row)| ExposedElder {
                scope,
                elder_id,
                name: row.name,
            }));
        }
    }
    Ok(Exposure {
        holds_records,
        last_seen_ms: peer.and_then(|(_, row)| row.last_seen_ms),
        last_done_ms: peer.and_then(|(_, row)| row.last_done_ms),
        last_written_ms,
        encrypted_at_rest: true,
        scopes,
        elders,
    })
}
