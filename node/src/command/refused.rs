//! Everything unwanted: what was refused, and what is kept and does not count.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::authority::Authority;
use crate::engine::Engine;
use crate::identity::DeviceId;
use crate::log::{Lane, LogKey};
use crate::store::StoreRead;
use crate::store::rows::{EvidenceRow, Unsettled};
use crate::sync::Now;

/// Asks for [`RefusedReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refused {
    /// Also entries that only wait for others.
    pub all: bool,
}

/// Everything unwanted, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The things.
    pub refused: Vec<RefusedRow>,
}

/// One thing that was refused or set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// Whether it is kept.
    pub kind: RefusedKind,
    /// When: of evidence, by this node's clock; of an entry, by its author's, ms since 1970.
    pub at_ms: i64,
    /// The reason's code.
    pub code: String,
    /// What else is known of it, for whoever looks into it.
    pub detail: Option<String>,
    /// The peer that sent it, where that is known.
    pub peer: Option<NamedDevice>,
    /// The log, where it is of one.
    pub log: Option<LogName>,
    /// The number in the log.
    pub seq: Option<u64>,
    /// The log's device.
    pub author: Option<NamedDevice>,
}

/// Whether it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedKind {
    /// It was refused; this is what is remembered of it.
    Evidence,
    /// An entry that is kept, passed on, and does not count.
    Entry,
}

/// A device, with its name in its newest grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedDevice {
    /// Its key.
    pub device: DeviceId,
    /// Its name, where a grant of it is here.
    pub name: Option<String>,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogName {
    /// The place that it belongs to.
    pub scope: DivisionCode,
    /// Its lane.
    pub lane: Lane,
    /// Its device.
    pub device: DeviceId,
    /// The number of its incarnation.
    pub incarnation: u32,
}

impl Request for Refused {
    const NAME: &'static str = "refused";
    type Reply = RefusedReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<RefusedReport, CommandError> {
        engine.settle(now)?;
        engine.flush_peers(now)?;
        let (snapshot, authority) = (engine.read()?, engine.authority());
        let mut refused: Vec<RefusedRow> =
            snapshot.evidence_all()?.into_iter().map(|row| evidence(authority, row)).collect();
        for row in snapshot.unsettled_all()? {
            if row.standing == Unsettled::Pending && !self.all {
                continue;
            }
            let Some(log) = snapshot.log_by_number(row.log)? else { continue };
            let entry = snapshot.entry(row.log, row.seq)?;
            refused.push(RefusedRow {
                kind: RefusedKind::Entry,
                at_ms: entry.map_or(0, |entry| entry.header.written_at_ms),
                code: row.standing.code(),
                detail: None,
                peer: None,
                log: Some(log.key.into()),
                seq: Some(row.seq),
                author: Some(NamedDevice::of(authority, log.key.device)),
            });
        }
        refused.sort_by_key(|row| std::cmp::Reverse(row.at_ms));
        Ok(RefusedReport { schema_version: JSON_SCHEMA_VERSION, refused })
    }
}

fn evidence(authority: &Authority, row: EvidenceRow) -> RefusedRow {
    // Evidence about a log begins with its key; where it is about an entry, its number follows.
    let about_log = matches!(row.code.as_str(), "forked_log" | "set_aside_by_peer");
    let place = row.bytes.split_at_checked(LogKey::BYTES).filter(|_| about_log);
    let log = place.and_then(|(key, _)| LogKey::from_bytes(key).ok());
    let seq = place.and_then(|(_, seq)| seq.try_into().ok()).map(u64::from_be_bytes);
    let named = |device| NamedDevice::of(authority, device);
    RefusedRow {
        kind: RefusedKind::Evidence,
        at_ms: row.at_ms,
        code: row.code,
        detail: Some(row.detail),
        peer: row.peer.map(named),
        log: log.map(LogName::from),
        seq,
        author: log.map(|log| named(log.device)),
    }
}

impl NamedDevice {
    fn of(authority: &Authority, device: DeviceId) -> Self {
        let newest = authority.grants_of(device).max_by_key(|(_, grant)| grant.serial);
        Self { device, name: newest.map(|(_, grant)| grant.name.clone()) }
    }
}

impl From<LogKey> for LogName {
    fn from(log: LogKey) -> Self {
        let LogKey { scope, lane, device, incarnation } = log;
        Self { scope, lane, device, incarnation: incarnation.number }
    }
}
