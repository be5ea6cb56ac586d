//! What was measured, for programs and for people.

use serde::{Deserialize, Serialize};

use super::Phase;
use super::limit::Limit;
use super::prepare::Prepared;
use crate::workload::Workload;

/// All that was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Elders of the township.
    pub(crate) elders: usize,
    /// Decides the township.
    pub(crate) seed: u64,
    /// Changes of the system that was measured first: of ours, if it was measured.
    pub(crate) changes: u64,
    /// Their chunks, uncompressed and without geneses, bytes.
    pub(crate) raw_bytes: u64,
    /// Each system.
    pub(crate) systems: Vec<SystemReport>,
    /// What our changes cost by themselves.
    pub(crate) limit: Option<Limit>,
    /// `receiver_cpu_ms` of our first exchange / `cpu_ms` of `limit`.
    pub(crate) receiver_cpu_ratio: Option<f64>,
}

/// One system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SystemReport {
    /// `shouwang`, `automerge` or `samod`.
    pub(crate) name: String,
    /// Changes.
    pub(crate) changes: u64,
    /// Their chunks, uncompressed and without geneses, bytes.
    pub(crate) raw_bytes: u64,
    /// See [`Phase::First`].
    pub(crate) first: Option<PhaseFigures>,
    /// See [`Phase::Live`].
    pub(crate) live: Option<PhaseFigures>,
    /// See [`Phase::Reconnect`].
    pub(crate) reconnect: Option<PhaseFigures>,
    /// See [`Phase::Idle`].
    pub(crate) idle: Option<PhaseFigures>,
    /// See [`Phase::Strangers`].
    pub(crate) strangers: Option<PhaseFigures>,
}

/// One phase of one system.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct PhaseFigures {
    /// Frames both ways, length prefixes included, bytes.
    pub(crate) bytes: u64,
    /// Payload of TCP both ways, handshakes and encryption included, bytes.
    pub(crate) tcp_bytes: Option<u64>,
    /// Frames both ways.
    pub(crate) messages: u64,
    /// Maximal sequences of frames in one direction before the other answers, until both say done.
    pub(crate) flights: u64,
    /// Time on a processor of both sides, ms.
    pub(crate) cpu_ms: f64,
    /// The most memory of the larger side, MiB.
    pub(crate) peak_rss_mib: f64,
    /// Of `cpu_ms`, the side that had what was new.
    pub(crate) sender_cpu_ms: f64,
    /// Of `cpu_ms`, the side that got it.
    pub(crate) receiver_cpu_ms: f64,
    /// Bytes of the twenty minutes after: receipts that wait, and signs of life.
    pub(crate) later_bytes: u64,
    /// Of `bytes`, those to the side that got what was new.
    pub(crate) bytes_to_receiver: u64,
}

impl SystemReport {
    /// A system of which no phase has been measured.
    pub(crate) fn new(name: &str, prepared: &Prepared) -> Self {
        let Prepared { changes, raw_bytes } = *prepared;
        let (first, live, reconnect, idle, strangers) = (None, None, None, None, None);
        Self { name: name.to_owned(), changes, raw_bytes, first, live, reconnect, idle, strangers }
    }

    /// Puts in what a phase came to.
    pub(crate) fn set(&mut self, phase: Phase, figures: PhaseFigures) {
        let place = match phase {
            Phase::First => &mut self.first,
            Phase::Live => &mut self.live,
            Phase::Reconnect => &mut self.reconnect,
            Phase::Idle => &mut self.idle,
            Phase::Strangers => &mut self.strangers,
        };
        *place = Some(figures);
    }

    fn get(&self, phase: Phase) -> Option<&PhaseFigures> {
        match phase {
            Phase::First => self.first.as_ref(),
            Phase::Live => self.live.as_ref(),
            Phase::Reconnect => self.reconnect.as_ref(),
            Phase::Idle => self.idle.as_ref(),
            Phase::Strangers => self.strangers.as_ref(),
        }
    }
}

impl Report {
    /// Puts it together.
    pub(crate) fn new(
        workload: Workload,
        systems: Vec<SystemReport>,
        limit: Option<Limit>,
    ) -> Self {
        let ours = systems.iter().find(|system| system.name == "shouwang").or(systems.first());
        let (changes, raw_bytes) = ours.map_or((0, 0), |ours| (ours.changes, ours.raw_bytes));
        let first = ours.and_then(|ours| ours.first);
        let of_limit = |first: super::PhaseFigures, limit: &Limit| {
            (limit.cpu_ms > 0.0).then(|| first.receiver_cpu_ms / limit.cpu_ms)
        };
        let receiver_cpu_ratio =
            first.zip(limit.as_ref()).and_then(|(first, limit)| of_limit(first, limit));
        let Workload { elders, seed, .. } = workload;
        Self { elders, seed, changes, raw_bytes, systems, limit, receiver_cpu_ratio }
    }

    /// Columns for a person, and what ours is of each of the others'.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![format!("{} elders, seed {}", self.elders, self.seed)];
        for system in &self.systems {
            let (changes, raw) = (system.changes, system.raw_bytes);
            lines.push(format!("{:<10} {changes} changes, {raw} B raw", system.name));
        }
        let ours = self.systems.iter().find(|system| system.name == "shouwang");
        for phase in Phase::ALL {
            lines.push(String::new());
            lines.push(format!(
                "{:<10} {:>12} {:>10} {:>12} {:>12} {:>9} {:>8} {:>10} {:>10} {:>9}",
                phase.to_string(),
                "bytes",
                "ours ×",
                "later",
                "TCP bytes",
                "messages",
                "flights",
                "CPU ms",
                "receiver",
                "RSS MiB",
            ));
            for system in &self.systems {
                let Some(figures) = system.get(phase) else { continue };
                let own = ours.and_then(|ours| ours.get(phase));
                let ratio = own
                    .filter(|_| figures.bytes > 0)
                    .map(|own| format!("{:.4}", own.bytes as f64 / figures.bytes as f64));
                let tcp = figures.tcp_bytes.map_or("–".to_owned(), |bytes| bytes.to_string());
                lines.push(format!(
                    "{:<10} {:>12} {:>10} {:>12} {:>12} {:>9} {:>8} {:>10.0} {:>10.0} {:>9.1}",
                    system.name,
                    figures.bytes,
                    ratio.as_deref().unwrap_or("–"),
                    figures.later_bytes,
                    tcp,
                    figures.messages,
                    figures.flights,
                    figures.cpu_ms,
                    figures.receiver_cpu_ms,
                    figures.peak_rss_mib,
                ));
            }
        }
        if let Some(limit) = &self.limit {
            lines.push(String::new());
            lines.push(format!(
                "limit: {:.0} ms to parse ({:.0} ms) and apply {} changes to {} documents",
                limit.cpu_ms, limit.parse_ms, limit.changes, limit.documents,
            ));
        }
        if let Some(ratio) = self.receiver_cpu_ratio {
            lines.push(format!("the receiver's first exchange takes {ratio:.2} times that"));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}
