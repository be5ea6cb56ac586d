//! What is well with a node and what is not: one judgement for `status`, `doctor`, the monitor and the console.
//!
//! A screen of its own opinion would say "healthy" where another shows a fault. So everything that anybody calls
//! unhealthy is a [`Finding`] here, and a node is healthy if none of them asks for a person. Nothing is written to
//! find out.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, Level};
use shouwang_crdt_schema::record::IncidentId;

use super::clock::{CheckedToday, ClockReport, Today};
use super::incident::{IncidentCounts, IncidentList, Which};
use super::lag::{Lag, LagTotals};
use super::status::{PeerState, PeerStatus, Status, StatusReport};
use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::limits::{
    CLOCK_SKEW_SHOWN_MS, CUSTODY_RISK_DAYS, SPACE_FORECAST_DAYS_MIN, SPACE_LOW_BYTES,
    SPACE_LOW_DAYS, SPACE_NONE_BYTES,
};
use crate::sync::Now;

mod machine;

pub use machine::Machine;

/// Asks for [`HealthReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Health {
    /// The moment for what is due, UTC+8; None: now, as far as this node knows.
    pub as_of: Option<NaiveDateTime>,
    /// What whoever asks sees of the machine; None: nobody looked.
    pub machine: Option<Machine>,
}

/// What is well with a node and what is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How the node is.
    pub status: StatusReport,
    /// How this machine's clock stands.
    pub clock: ClockReport,
    /// How many incidents there are.
    pub incidents: IncidentCounts,
    /// The first incident that waits for this node's office.
    pub incident_owed: Option<IncidentId>,
    /// Silence, over all villages.
    pub villages: LagTotals,
    /// What was looked at, in the order of [`Group`].
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub group: Group,
    /// One of [`CODES`]: the catalogue has its words, and the command or the sentence that mends it.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What fills the words' places. Never a name, a phone or an ID number of an elder.
    pub arguments: BTreeMap<String, String>,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The store, and the disk under it.
    Storage,
    /// What locks the store.
    Encryption,
    /// The grant, and what happened to this device.
    Identity,
    /// The clock.
    Time,
    /// Peers and links.
    Network,
    /// Which villages' records are here.
    Scope,
    /// The records themselves.
    Data,
    /// Programs.
    Versions,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Good,
    /// Everyday work, or worth knowing.
    Note,
    /// A person should look.
    Attention,
    /// Wrong.
    Bad,
    /// Records may be lost.
    Risk,
}

/// Every code that a finding may have.
pub const CODES: [&str; 49] = [
    "store_here",
    "missing_bodies",
    "space_enough",
    "space_low",
    "space_none",
    "space_unknown",
    "locked_by_passphrase",
    "locked_by_key_file",
    "grant_stands",
    "grant_revoked",
    "told_revoked",
    "rolled_back",
    "cloned_home",
    "forked_log",
    "clock_plausible",
    "clock_not_compared",
    "clock_behind",
    "clock_ahead",
    "clock_wrong",
    "running",
    "not_running",
    "nobody_met",
    "last_exchange",
    "no_exchange",
    "no_exchange_ever",
    "turned_away",
    "peer_refused",
    "set_aside_there",
    "peer_hung_up",
    "we_hung_up",
    "unanswered",
    "holding_back",
    "villages_heard",
    "villages_silent",
    "villages_never",
    "villages_without_device",
    "transfers_to_answer",
    "unsettled",
    "vouched",
    "not_held",
    "not_held_long",
    "all_held",
    "nobody_confirms",
    "incidents_overdue",
    "incidents_unacknowledged",
    "erasures_waiting",
    "evidence",
    "versions",
    "update_needed",
];

impl Request for Health {
    const NAME: &'static str = "health";
    type Reply = HealthReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<HealthReport, CommandError> {
        let list = IncidentList { which: Which::Open, elder: None, as_of: self.as_of };
        let incidents = list.execute(engine, now)?;
        let mut report = HealthReport {
            schema_version: JSON_SCHEMA_VERSION,
            status: Status {}.execute(engine, now)?,
            clock: Today {}.execute(engine, now)?,
            incidents: incidents.counts,
            incident_owed: incidents
                .incidents
                .iter()
                .find(|incident| incident.owed_here)
                .map(|incident| incident.incident_id),
            villages: Lag { within: None, as_of_ms: None }.execute(engine, now)?.totals,
            findings: Vec::new(),
        };
        report.findings = examine(&report, self.machine.as_ref(), now.wall_ms);
        Ok(report)
    }
}

impl HealthReport {
    /// The worst of the findings.
    pub fn severity(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Good)
    }
}

impl Finding {
    /// Nobody answers at this address.
    pub fn unanswered(address: &str, severity: Severity) -> Self {
        Self::new(Group::Network, "unanswered", severity).with("address", address)
    }

    fn new(group: Group, code: &'static str, severity: Severity) -> Self {
        Self { group, code: code.to_owned(), severity, arguments: BTreeMap::new() }
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.arguments.insert(name.to_owned(), value.to_string());
        self
    }
}

/// What a report comes to, by this moment of the node's clock (ms since 1970).
pub fn examine(report: &HealthReport, machine: Option<&Machine>, now_ms: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |finding| findings.push(finding);
    let status = &report.status;
    storage(status, machine, now_ms, &mut add);
    if let Some(machine) = machine {
        machine.encryption(&mut add);
    }
    identity(status, &mut add);
    time(&report.clock, &mut add);
    network(report, machine, now_ms, &mut add);
    scope(report, &mut add);
    data(report, now_ms, &mut add);
    versions(status, &mut add);
    findings.sort_by_key(|finding| finding.group);
    findings
}

fn storage(
    status: &StatusReport,
    machine: Option<&Machine>,
    now_ms: i64,
    add: &mut impl FnMut(Finding),
) {
    let entries: u64 = status.scopes.iter().map(|scope| scope.entries).sum();
    let here = Finding::new(Group::Storage, "store_here", Severity::Good);
    add(here.with("entries", entries));
    if status.missing_bodies > 0 {
        let missing = Finding::new(Group::Storage, "missing_bodies", Severity::Risk);
        add(missing.with("count", status.missing_bodies));
    }
    let Some(Machine { free_bytes, store_bytes, .. }) = machine else { return };
    let Some(free) = free_bytes else {
        return add(Finding::new(Group::Storage, "space_unknown", Severity::Note));
    };
    let age_days = days_since(status.device.granted_at_ms, now_ms);
    let growth = store_bytes / u64::try_from(age_days.max(SPACE_FORECAST_DAYS_MIN)).unwrap_or(1);
    let days = free / growth.max(1);
    let low = SPACE_LOW_BYTES.max(*store_bytes);
    let (code, severity) = match *free {
        free if free < SPACE_NONE_BYTES => ("space_none", Severity::Bad),
        free if free < low || days < SPACE_LOW_DAYS => ("space_low", Severity::Attention),
        _ => ("space_enough", Severity::Good),
    };
    let space = Finding::new(Group::Storage, code, severity);
    add(space.with("free_bytes", free).with("store_bytes", store_bytes).with("days", days));
}

fn identity(status: &StatusReport, add: &mut impl FnMut(Finding)) {
    match status.device.revoked {
        true => add(Finding::new(Group::Identity, "grant_revoked", Severity::Bad)),
        false => add(Finding::new(Group::Identity, "grant_stands", Severity::Good)),
    }
    for code in ["rolled_back", "cloned_home", "forked_log"] {
        let count = status.notices.iter().filter(|notice| notice.code == code).count();
        if count > 0 {
            let notice = Finding::new(Group::Identity, code, Severity::Attention);
            add(notice.with("count", count));
        }
    }
}

fn time(clock: &ClockReport, add: &mut impl FnMut(Finding)) {
    let minutes = |ahead_ms: i64| ahead_ms.unsigned_abs() / 60_000;
    let (code, severity) = match (&clock.today, clock.peers_ahead_ms) {
        (CheckedToday::Implausible { .. }, _) => ("clock_wrong", Severity::Bad),
        (_, None) => ("clock_not_compared", Severity::Note),
        (_, Some(CLOCK_SKEW_SHOWN_MS..)) => ("clock_behind", Severity::Attention),
        (_, Some(ahead)) if ahead <= -CLOCK_SKEW_SHOWN_MS => ("clock_ahead", Severity::Attention),
        _ => ("clock_plausible", Severity::Good),
    };
    let mut finding = Finding::new(Group::Time, code, severity);
    if let CheckedToday::Implausible { local, why, .. } = &clock.today {
        let why = serde_json::to_value(why).ok();
        let why = why.as_ref().and_then(|why| why.as_str()).unwrap_or_default();
        finding = finding.with("local", local).with("why", why);
    } else if let Some(ahead_ms) = clock.peers_ahead_ms {
        finding = finding.with("minutes", minutes(ahead_ms));
    }
    add(finding);
}

fn network(
    report: &HealthReport,
    machine: Option<&Machine>,
    now_ms: i64,
    add: &mut impl FnMut(Finding),
) {
    let status = &report.status;
    // An office that meets its villages each day and nobody above is cut off all the same.
    let above = |peer: &&PeerStatus| {
        let own = status.area;
        peer.area.is_some_and(|area| area != own && Area(area).contains(own))
    };
    let has_above = status.peers.iter().any(|peer| above(&peer));
    let upward = || status.peers.iter().filter(move |peer| !has_above || above(peer));
    if let Some(machine) = machine {
        match machine.running {
            true => add(Finding::new(Group::Network, "running", Severity::Good)),
            false => add(Finding::new(Group::Network, "not_running", Severity::Note)),
        }
        // Where nobody above is connected either, the way there is what is broken. Of a node that does not run
        // that is how it was, and what came of it stands elsewhere.
        let alone = machine.running && upward().all(|peer| peer.state != PeerState::Online);
        let severity = if alone { Severity::Attention } else { Severity::Note };
        for address in &machine.unanswered {
            add(Finding::unanswered(address, severity));
        }
    }
    let last_ms = upward().filter_map(|peer| peer.last_done_ms.max(peer.last_bundle_ms)).max();
    let days = last_ms.map(|at| days_since(at, now_ms));
    let (code, severity) = match days {
        None if status.peers.is_empty() => ("nobody_met", Severity::Note),
        None => ("no_exchange_ever", Severity::Attention),
        Some(days) if days > i64::from(status.sync_interval_days) => {
            ("no_exchange", Severity::Attention)
        }
        Some(_) => ("last_exchange", Severity::Good),
    };
    let online = status.peers.iter().filter(|peer| peer.state == PeerState::Online).count();
    let exchange = Finding::new(Group::Network, code, severity);
    let exchange = exchange.with("online", online).with("peers", status.peers.len());
    add(match last_ms {
        Some(at_ms) => exchange.with("at_ms", at_ms),
        None => exchange,
    });
    status.peers.iter().flat_map(of_peer).for_each(&mut *add);
    if status.budget.holding_back {
        let holding = Finding::new(Group::Network, "holding_back", Severity::Attention);
        add(holding.with("daily_bytes", status.budget.daily_bytes.unwrap_or_default()));
    }
}

/// What a person should look at of one peer: refused things, and sessions that do not mend by themselves. A peer
/// that merely is not there, or lacks something, is everyday life of a village.
pub fn of_peer(peer: &PeerStatus) -> Vec<Finding> {
    let name = peer.name.clone().unwrap_or_else(|| peer.device.short());
    let finding = |code, severity| Finding::new(Group::Network, code, severity).with("peer", &name);
    let mut findings = Vec::new();
    if peer.state == PeerState::Refused {
        let code = peer.last_error.as_ref().map_or("no_grant", |failure| &failure.code);
        findings.push(finding("turned_away", Severity::Attention).with("reason", code));
    }
    for (codes, code) in
        [(&peer.refused, "peer_refused"), (&peer.set_aside_there, "set_aside_there")]
    {
        for (reason, count) in codes {
            let refused = finding(code, Severity::Attention).with("count", count);
            findings.push(refused.with("reason", reason));
        }
    }
    if let Some(failure) = &peer.last_error
        && !failure.retry
        && !matches!(peer.state, PeerState::Refused | PeerState::Revoked)
    {
        let code = match (failure.said_by_peer, failure.code.as_str()) {
            (true, "revoked") => "told_revoked",
            (true, _) => "peer_hung_up",
            (false, _) => "we_hung_up",
        };
        findings.push(finding(code, Severity::Bad).with("reason", &failure.code));
    }
    findings
}

fn scope(report: &HealthReport, add: &mut impl FnMut(Finding)) {
    let (status, villages) = (&report.status, &report.villages);
    if status.area.level() != Level::Village && villages.villages > 0 {
        let heard = Finding::new(Group::Scope, "villages_heard", Severity::Good);
        add(heard.with("current", villages.current).with("villages", villages.villages));
        for (code, count) in
            [("villages_silent", villages.stale), ("villages_never", villages.never)]
        {
            if count > 0 {
                add(Finding::new(Group::Scope, code, Severity::Attention).with("count", count));
            }
        }
        if villages.without_device > 0 {
            let without = Finding::new(Group::Scope, "villages_without_device", Severity::Note);
            add(without.with("count", villages.without_device));
        }
    }
    if status.transfers_to_answer > 0 {
        let offers = Finding::new(Group::Scope, "transfers_to_answer", Severity::Attention);
        add(offers.with("count", status.transfers_to_answer));
    }
}

fn data(report: &HealthReport, now_ms: i64, add: &mut impl FnMut(Finding)) {
    let status = &report.status;
    for (code, count) in &status.unsettled {
        let (code, reason) = match code.as_str() {
            // It comes right by itself.
            "pending" => continue,
            "vouched" => ("vouched", ""),
            reason => ("unsettled", reason),
        };
        let unsettled = Finding::new(Group::Data, code, Severity::Attention);
        add(unsettled.with("count", count).with("reason", reason));
    }
    let outlook = &status.not_held_elsewhere;
    let days = outlook.oldest_written_at_ms.map(|at| days_since(at, now_ms));
    let (code, severity) = match days {
        None => ("all_held", Severity::Good),
        Some(days) if days >= CUSTODY_RISK_DAYS => ("not_held_long", Severity::Risk),
        Some(_) => ("not_held", Severity::Attention),
    };
    let held = Finding::new(Group::Data, code, severity);
    let held = held.with("count", outlook.entries);
    add(match outlook.oldest_written_at_ms {
        Some(at_ms) => held.with("at_ms", at_ms),
        None => held,
    });
    if outlook.nobody_confirms && outlook.entries > 0 {
        add(Finding::new(Group::Data, "nobody_confirms", Severity::Attention));
    }
    let incidents = &report.incidents;
    if incidents.overdue_here > 0 {
        let overdue = Finding::new(Group::Data, "incidents_overdue", Severity::Bad);
        add(overdue.with("count", incidents.overdue_here));
    }
    if incidents.unacknowledged > 0 {
        let waiting = Finding::new(Group::Data, "incidents_unacknowledged", Severity::Attention);
        add(waiting.with("count", incidents.unacknowledged));
    }
    if status.erasures_waiting > 0 {
        let waiting = Finding::new(Group::Data, "erasures_waiting", Severity::Attention);
        add(waiting.with("count", status.erasures_waiting));
    }
    let refused = status.evidence.saturating_sub(status.notices.len() as u64);
    if refused > 0 {
        add(Finding::new(Group::Data, "evidence", Severity::Attention).with("count", refused));
    }
}

fn versions(status: &StatusReport, add: &mut impl FnMut(Finding)) {
    let program = env!("CARGO_PKG_VERSION");
    add(Finding::new(Group::Versions, "versions", Severity::Good).with("program", program));
    if status.update_needed {
        add(Finding::new(Group::Versions, "update_needed", Severity::Bad));
    }
}

/// Whole days between two moments of one clock.
fn days_since(at_ms: i64, now_ms: i64) -> i64 {
    now_ms.saturating_sub(at_ms) / 86_400_000
}
