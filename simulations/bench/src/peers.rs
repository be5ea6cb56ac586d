//! This project beside what people would pick instead: the same township, the same phases.
//!
//! Every phase runs in processes of its own, one for each side; the process that runs them carries
//! the frames from one to the other and counts. `docs/performance.md` says what each figure means.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use shouwang_node::limits::STREAM_VERSION;

use crate::workload::Workload;

mod automerge;
pub(crate) mod disk;
pub(crate) mod limit;
pub(crate) mod mesh;
mod part;
mod pipe;
pub(crate) mod prepare;
mod relay;
mod report;
pub(crate) mod resources;
mod samod;
pub(crate) mod shouwang;
mod tcp;

pub(crate) use part::PartOptions;
use report::{PhaseFigures, Report, SystemReport};

/// What is compared, on which township.
#[derive(Args, Clone, Debug)]
pub(crate) struct PeersOptions {
    /// Elders of the township; each is registered once and visited twelve times.
    #[arg(long, default_value_t = 4_000)]
    elders: usize,
    /// Decides the township.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What to measure.
    #[arg(long, value_delimiter = ',', default_values_t = [System::Ours, System::Automerge, System::Samod])]
    systems: Vec<System>,
    /// Only these phases.
    #[arg(long, value_delimiter = ',', default_values_t = Phase::ALL)]
    phases: Vec<Phase>,
    /// Ours reads no streams of a later version: 1 has no dictionary, 0 is frames as they are.
    #[arg(long, default_value_t = STREAM_VERSION)]
    stream_version: u8,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    /// This project: two nodes with encrypted homes.
    Ours,
    /// Automerge's sync protocol, for each document by itself.
    Automerge,
    /// samod, which is automerge-repo in Rust.
    Samod,
}

/// What two replicas do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Phase {
    /// One holds everything, the other nothing.
    First,
    /// A hundred new visits while they are connected.
    Live,
    /// A hundred new visits were written while they were apart.
    Reconnect,
    /// They meet again, and nothing is new.
    Idle,
    /// They meet for the first time, and hold the same.
    Strangers,
}

/// One of two replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Has what is new.
    Sender,
    /// Gets it.
    Receiver,
}

macro_rules! named {
    ($($name:ident),+) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let value = self.to_possible_value();
                f.write_str(value.as_ref().map_or("", |value| value.get_name()))
            }
        }
    )+};
}
named!(System, Phase, Role);

impl System {
    /// The name in the report.
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "shouwang",
            Self::Automerge => "automerge",
            Self::Samod => "samod",
        }
    }
}

impl Phase {
    /// Every phase, in the order in which they are measured.
    const ALL: [Self; 5] = [Self::First, Self::Live, Self::Reconnect, Self::Idle, Self::Strangers];
}

/// Measures, and prints.
pub(crate) fn run(options: &PeersOptions) -> anyhow::Result<()> {
    if options.elders < crate::workload::DEVICES {
        bail!("every laptop writes something from {} elders on", crate::workload::DEVICES);
    }
    let folder = tempfile::tempdir().context("a folder for the homes")?;
    let bench = Bench { options, folder: folder.path() };
    let report = bench.measure()?;
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{}", report.table()),
    }
    Ok(())
}

/// One run of the program.
struct Bench<'a> {
    options: &'a PeersOptions,
    folder: &'a Path,
}

impl Bench<'_> {
    fn measure(&self) -> anyhow::Result<Report> {
        let workload = self.workload();
        let (mut systems, mut limit) = (Vec::new(), None);
        for system in &self.options.systems {
            eprintln!("{}: {} elders are written", system.name(), workload.elders);
            let prepared: prepare::Prepared = self.part(&["prepare", &system.to_string()])?;
            let mut found = SystemReport::new(system.name(), &prepared);
            for phase in self.options.phases.iter().copied() {
                eprintln!("{}: {phase}", system.name());
                let mut figures = match system {
                    System::Samod => samod::phase(self, phase)?,
                    System::Ours | System::Automerge => relay::phase(self, *system, phase)?,
                };
                if *system == System::Ours {
                    eprintln!("{}: {phase} over TCP", system.name());
                    figures.tcp_bytes = tcp::phase(self, phase)?;
                }
                found.set(phase, figures);
            }
            if *system == System::Ours {
                eprintln!("{}: what the changes alone cost", system.name());
                limit = Some(self.part::<limit::Limit>(&["limit"])?);
            }
            systems.push(found);
        }
        Ok(Report::new(workload, systems, limit))
    }

    fn workload(&self) -> Workload {
        Workload::new(self.options.seed, self.options.elders)
    }

    /// Runs a part that answers with one JSON document on its output.
    fn part<T: serde::de::DeserializeOwned>(&self, arguments: &[&str]) -> anyhow::Result<T> {
        let mut command = part::command(self, arguments)?;
        let output = command.stderr(Stdio::inherit()).output().context("a part does not start")?;
        if !output.status.success() {
            bail!("{arguments:?} failed");
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// Carries out a hidden subcommand.
pub(crate) fn part(options: &PartOptions) -> anyhow::Result<()> {
    part::run(options)
}

/// Figures of a phase that every system has, before it is known what went over TCP.
fn figures(
    counted: relay::Counted,
    sender: &part::Finished,
    receiver: &part::Finished,
) -> PhaseFigures {
    PhaseFigures {
        bytes: counted.bytes,
        tcp_bytes: None,
        messages: counted.messages,
        flights: counted.flights,
        cpu_ms: sender.cpu_ms + receiver.cpu_ms,
        peak_rss_mib: sender.peak_rss_mib.max(receiver.peak_rss_mib),
        sender_cpu_ms: sender.cpu_ms,
        receiver_cpu_ms: receiver.cpu_ms,
        later_bytes: counted.later_bytes,
        bytes_to_receiver: counted.bytes_to_receiver,
    }
}
