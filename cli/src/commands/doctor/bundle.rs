//! What an operator sends on when somebody else has to look: how a node is, without a word about an elder.
//!
//! Nothing is taken out of a report here. What goes in is named one by one, and is a number, a code of our own, a
//! division code, or the first characters of a device's public key.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::health::{HealthReport, Severity};
use shouwang_node::command::status::{PeerState, PeerStatus};

#[derive(Serialize)]
struct Bundle<'a> {
    schema_version: u32,
    program: &'static str,
    system: &'static str,
    area: DivisionCode,
    device: String,
    role: &'a str,
    severity: Severity,
    findings: Vec<BundledFinding<'a>>,
    scopes: Vec<BundledScope<'a>>,
    unsettled: &'a BTreeMap<String, u64>,
    peers: Vec<BundledPeer<'a>>,
    clock_ahead_ms: Option<i64>,
}

#[derive(Serialize)]
struct BundledFinding<'a> {
    code: &'a str,
    severity: Severity,
    /// Only numbers: a peer's name may be a person's.
    numbers: BTreeMap<&'a str, i64>,
}

#[derive(Serialize)]
struct BundledScope<'a> {
    code: DivisionCode,
    digest: &'a str,
    entries: u64,
    conflicts: u64,
    unsettled: u64,
}

#[derive(Serialize)]
struct BundledPeer<'a> {
    device: String,
    area: Option<DivisionCode>,
    state: PeerState,
    last_seen_ms: Option<i64>,
    last_done_ms: Option<i64>,
    they_lack: Option<u64>,
    we_lack: Option<u64>,
    stuck: u64,
    missing: u64,
    sessions: u64,
    last_error: Option<&'a str>,
    refused: &'a BTreeMap<String, u64>,
    set_aside_there: &'a BTreeMap<String, u64>,
}

/// The arguments of findings that are numbers.
const NUMBERS: [&str; 12] = [
    "count",
    "entries",
    "free_bytes",
    "store_bytes",
    "days",
    "minutes",
    "online",
    "peers",
    "at_ms",
    "daily_bytes",
    "current",
    "villages",
];

/// Writes it to a new file.
pub(super) fn write(report: &HealthReport, path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text(report)?.as_bytes())?;
    file.sync_all()
}

/// What it says.
pub(crate) fn text(report: &HealthReport) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(&bundle(report))? + "\n")
}

fn bundle(report: &HealthReport) -> Bundle<'_> {
    let status = &report.status;
    let findings = report.findings.iter().map(|finding| BundledFinding {
        code: &finding.code,
        severity: finding.severity,
        numbers: finding
            .arguments
            .iter()
            // A name may be all digits too.
            .filter(|(name, _)| NUMBERS.contains(&name.as_str()))
            .filter_map(|(name, value)| Some((name.as_str(), value.parse().ok()?)))
            .collect(),
    });
    let scopes = status.scopes.iter().map(|scope| BundledScope {
        code: scope.code,
        digest: &scope.digest,
        entries: scope.entries,
        conflicts: scope.conflicts,
        unsettled: scope.unsettled,
    });
    Bundle {
        schema_version: JSON_SCHEMA_VERSION,
        program: env!("CARGO_PKG_VERSION"),
        system: std::env::consts::OS,
        area: status.area,
        device: status.device.id.short(),
        role: status.device.role.as_str(),
        severity: report.severity(),
        findings: findings.collect(),
        scopes: scopes.collect(),
        unsettled: &status.unsettled,
        peers: status.peers.iter().map(peer).collect(),
        clock_ahead_ms: report.clock.peers_ahead_ms,
    }
}

fn peer(peer: &PeerStatus) -> BundledPeer<'_> {
    BundledPeer {
        device: peer.device.short(),
        area: peer.area,
        state: peer.state,
        last_seen_ms: peer.last_seen_ms,
        last_done_ms: peer.last_done_ms,
        they_lack: peer.they_lack,
        we_lack: peer.we_lack,
        stuck: peer.stuck,
        missing: peer.missing,
        sessions: peer.sessions,
        last_error: peer.last_error.as_ref().map(|failure| failure.code.as_str()),
        refused: &peer.refused,
        set_aside_there: &peer.set_aside_there,
    }
}
