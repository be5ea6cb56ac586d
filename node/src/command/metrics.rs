//! What a monitoring system keeps of a node, in the text format of OpenMetrics, which Prometheus reads.
//!
//! Names of series and labels are part of the interface (`docs/operating.md`, "Monitoring"): they are added and never
//! changed. Labels are codes of places, first digits of keys, and words of this program; none is a name.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};

use super::coverage::VillageState;
use super::health::{Health, HealthReport, Machine, Severity};
use super::lag::{Lag, LagReport};
use super::status::{PeerState, PeerStatus};
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::sync::Now;

/// Asks for [`MetricsReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metrics {
    /// What whoever asks sees of the machine; None: nobody looked.
    pub machine: Option<Machine>,
}

/// What a monitoring system keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// OpenMetrics 1.0, with its `# EOF`.
    pub text: String,
}

impl Request for Metrics {
    const NAME: &'static str = "metrics";
    type Reply = MetricsReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<MetricsReport, CommandError> {
        let health = Health { as_of: None, machine: self.machine.clone() }.execute(engine, now)?;
        let lag = Lag { within: None, as_of_ms: None }.execute(engine, now)?;
        let happened: Vec<(&str, u64)> = engine.journal().counts().collect();
        let text = exposition(&health, &lag, &happened, self.machine.as_ref())
            .map_err(|error| CommandError::new(ErrorKind::Failed, "reply", error))?;
        Ok(MetricsReport { schema_version: JSON_SCHEMA_VERSION, text })
    }
}

type Labels = Vec<(String, String)>;

/// The series, put together for one answer.
#[derive(Default)]
struct Series(Registry);

impl Series {
    /// Something that goes up and down.
    fn gauge<'a, N: IntoIterator<Item = (&'a [(&'static str, String)], f64)>>(
        &mut self,
        name: &str,
        help: &str,
        samples: N,
    ) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in samples {
            family.get_or_create(&owned(labels)).set(value);
        }
        self.0.register(name, help, family);
    }

    /// Something that only goes up, until the node is started again.
    fn counter<'a, N: IntoIterator<Item = (&'a [(&'static str, String)], u64)>>(
        &mut self,
        name: &str,
        help: &str,
        samples: N,
    ) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in samples {
            family.get_or_create(&owned(labels)).inc_by(value);
        }
        self.0.register(name, help, family);
    }

    fn one(&mut self, name: &str, help: &str, value: f64) {
        // Not a family of one: some readers do not know what to make of `{}`.
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }
}

fn owned(labels: &[(&'static str, String)]) -> Labels {
    labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Seconds since 1970.
fn seconds(at_ms: i64) -> f64 {
    at_ms as f64 / 1_000.0
}

fn exposition(
    health: &HealthReport,
    lag: &LagReport,
    happened: &[(&str, u64)],
    machine: Option<&Machine>,
) -> Result<String, std::fmt::Error> {
    let mut series = Series(Registry::with_prefix("shouwang"));
    whole(&mut series, health, machine);
    records(&mut series, health);
    peers(&mut series, &health.status.peers);
    villages(&mut series, lag);
    let label: Vec<_> = happened.iter().map(|(code, _)| [("code", (*code).to_owned())]).collect();
    series.counter(
        "happenings",
        "What has happened since the node was started, by kind: failed, refused and set_aside ask for a look",
        label.iter().zip(happened).map(|(label, (_, count))| (&label[..], *count)),
    );
    let mut text = String::new();
    encode(&mut text, &series.0)?;
    Ok(text)
}

/// The node as a whole, and its machine.
fn whole(series: &mut Series, health: &HealthReport, machine: Option<&Machine>) {
    let status = &health.status;
    let build = [("version", env!("CARGO_PKG_VERSION").to_owned())];
    series.gauge("build_info", "The program that answers", [(&build[..], 1.0)]);
    series.one(
        "severity",
        "The worst finding: 0 good, 1 worth knowing, 2 needs attention, 3 bad, 4 records may be lost",
        f64::from(health.severity() as u8),
    );
    let labels: Vec<_> = health
        .findings
        .iter()
        .filter(|found| found.severity > Severity::Note)
        .map(|found| {
            [
                ("group", word(found.group)),
                ("code", found.code.clone()),
                ("severity", word(found.severity)),
            ]
        })
        .collect();
    series.gauge(
        "findings",
        "What needs a person, as doctor says it: how many findings of each code",
        labels.iter().map(|label| {
            let same = labels.iter().filter(|other| *other == label).count();
            (&label[..], same as f64)
        }),
    );
    if let Some(machine) = machine {
        series.one("store_bytes", "The store's file", machine.store_bytes as f64);
        if let Some(free) = machine.free_bytes {
            series.one("free_bytes", "Room where the store lies", free as f64);
        }
    }
    if let Some(ahead_ms) = health.clock.peers_ahead_ms {
        series.one(
            "clock_peers_ahead_seconds",
            "How far the peers' clocks are ahead of this machine's",
            seconds(ahead_ms),
        );
    }
    let ways = [("sent", status.wire_bytes_sent), ("received", status.wire_bytes_received)];
    let labels = ways.map(|(way, _)| [("direction", way.to_owned())]);
    series.counter(
        "wire_bytes",
        "Bytes over all connections since the node was started, encryption included",
        labels.iter().zip(ways).map(|(label, (_, bytes))| (&label[..], bytes)),
    );
    let budget = &status.budget;
    if let Some(daily) = budget.daily_bytes {
        series.one("budget_daily_bytes", "Bytes that may be exchanged in a day", daily as f64);
    }
    series.one("budget_spent_bytes", "Bytes of the day that are spent", budget.spent_bytes as f64);
    let holding_back = f64::from(u8::from(budget.holding_back));
    series.one("holding_back", "Whether everyday records wait for another day", holding_back);
}

/// The records, and what they wait for.
fn records(series: &mut Series, health: &HealthReport) {
    let status = &health.status;
    let sum = |count: fn(&super::status::ScopeStatus) -> u64| {
        status.scopes.iter().map(count).sum::<u64>() as f64
    };
    series.one("elders", "Elders with a file here", sum(|scope| scope.elders));
    series.one("entries", "Entries stored here", sum(|scope| scope.entries));
    series.one("conflicts", "Fields with concurrent values", sum(|scope| scope.conflicts));
    let unheld = &status.not_held_elsewhere;
    series.one(
        "not_held_elsewhere_entries",
        "Entries written here that no other device has confirmed",
        unheld.entries as f64,
    );
    if let Some(oldest_ms) = unheld.oldest_written_at_ms {
        series.one(
            "not_held_elsewhere_oldest_timestamp_seconds",
            "When the oldest of them was written, by this machine's clock",
            seconds(oldest_ms),
        );
    }
    let labels: Vec<_> = status.unsettled.keys().map(|key| [("reason", key.clone())]).collect();
    series.gauge(
        "unsettled_entries",
        "Entries that are kept and do not count",
        labels
            .iter()
            .zip(status.unsettled.values())
            .map(|(label, count)| (&label[..], *count as f64)),
    );
    series.one("evidence", "Pieces of evidence of what was refused", status.evidence as f64);
    series.one("missing_bodies", "Entries without their content", status.missing_bodies as f64);
    series.one("duplicates", "People with several files", status.duplicates as f64);
    let counts = &health.incidents;
    let incidents = [
        ("open", counts.open),
        ("unacknowledged", counts.unacknowledged),
        ("overdue", counts.overdue),
        ("overdue_here", counts.overdue_here),
    ];
    let labels = incidents.map(|(state, _)| [("state", state.to_owned())]);
    series.gauge(
        "incidents",
        "Incidents that are not closed; the other states are among the open ones",
        labels.iter().zip(incidents).map(|(label, (_, count))| (&label[..], count as f64)),
    );
}

/// Each peer, by the first digits of its key.
fn peers(series: &mut Series, peers: &[PeerStatus]) {
    // Sixteen digits: of four, two devices of a county would be alike.
    let digits = |peer: &PeerStatus| peer.device.to_string().chars().take(16).collect::<String>();
    let labels: Vec<_> = peers.iter().map(|peer| [("peer", digits(peer))]).collect();
    let each = || labels.iter().map(|label| &label[..]).zip(peers);
    series.gauge(
        "peer_online",
        "Whether a proved session is under way",
        each().map(|(label, peer)| (label, f64::from(u8::from(peer.state == PeerState::Online)))),
    );
    series.gauge(
        "peer_last_done_timestamp_seconds",
        "When an exchange was last complete",
        each().filter_map(|(label, peer)| Some((label, seconds(peer.last_done_ms?)))),
    );
    series.gauge(
        "peer_they_lack_entries",
        "Entries that the peer lacks, while there is a session",
        each().filter_map(|(label, peer)| Some((label, peer.they_lack? as f64))),
    );
    series.gauge(
        "peer_we_lack_entries",
        "Entries of the peer's that are not here, while there is a session",
        each().filter_map(|(label, peer)| Some((label, peer.we_lack? as f64))),
    );
    series.counter(
        "peer_refused",
        "What the peer sent and was refused or set aside, ever",
        each().map(|(label, peer)| (label, peer.refused.values().sum())),
    );
    series.counter(
        "peer_set_aside_there",
        "Entries of this device that the peer does not count, ever",
        each().map(|(label, peer)| (label, peer.set_aside_there.values().sum())),
    );
    series.counter(
        "peer_sessions",
        "Sessions begun, ever",
        each().map(|(label, peer)| (label, peer.sessions)),
    );
    series.counter(
        "peer_sent_bytes",
        "Frame bytes sent to the peer, ever",
        each().map(|(label, peer)| (label, peer.bytes_sent)),
    );
    series.counter(
        "peer_received_bytes",
        "Frame bytes received from the peer, ever",
        each().map(|(label, peer)| (label, peer.bytes_received)),
    );
}

/// Each village, by its code.
fn villages(series: &mut Series, lag: &LagReport) {
    let labels: Vec<_> =
        lag.villages.iter().map(|village| [("village", village.code.to_string())]).collect();
    let each = || labels.iter().map(|label| &label[..]).zip(&lag.villages);
    series.gauge(
        "village_current",
        "Whether the village's own data is as new as expected",
        each().map(|(label, village)| {
            (label, f64::from(u8::from(village.state == VillageState::Current)))
        }),
    );
    series.gauge(
        "village_data_as_of_timestamp_seconds",
        "When the village's newest data is from",
        each().filter_map(|(label, village)| Some((label, seconds(village.data_as_of_ms?)))),
    );
    series.gauge(
        "village_expected_seconds",
        "After how long without new data the village is stale",
        each().map(|(label, village)| (label, f64::from(village.expected_days) * 86_400.0)),
    );
    series.gauge(
        "village_trails_by_entries",
        "Entries of the village that somebody else is known to hold and that are not here",
        each().filter_map(|(label, village)| Some((label, village.trails_by? as f64))),
    );
    series.gauge(
        "village_elders",
        "Elders of the village with a file here",
        each().map(|(label, village)| (label, village.elders as f64)),
    );
}

/// The word that JSON has for it.
fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
