//! The program as one part of a measurement: what the hidden subcommand runs.

use std::io::{BufReader, BufWriter, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::pipe::{Answer, Order};
use super::{
    Bench, Phase, Role, System, automerge, limit, prepare, resources, samod, shouwang, tcp,
};
use crate::workload::Workload;

/// One part of a measurement.
#[derive(Args, Clone, Debug)]
pub(crate) struct PartOptions {
    /// Where the homes are.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    #[arg(long)]
    elders: usize,
    #[arg(long)]
    seed: u64,
    #[command(subcommand)]
    which: Which,
}

#[derive(Clone, Debug, Subcommand)]
enum Which {
    /// Writes the township, and what each phase begins with.
    Prepare { system: System },
    /// One side of a phase.
    Side {
        system: System,
        phase: Phase,
        role: Role,
        /// The proxy to connect to, where the side has a wire of its own.
        proxy: Option<String>,
    },
    /// One side of a phase over the real transport.
    Tcp { phase: Phase, role: Role, peer: Option<String> },
    /// What it costs to apply the changes and nothing else.
    Limit,
}

/// What a side came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Finished {
    /// Time on a processor since [`Order::Begin`], ms.
    pub(crate) cpu_ms: f64,
    /// The most memory that the process has had, MiB.
    pub(crate) peak_rss_mib: f64,
    /// What both sides must agree on.
    pub(crate) agreement: String,
}

/// One replica in one phase.
pub(crate) trait Side {
    /// A connection is open.
    fn connect(&mut self) -> anyhow::Result<()>;

    /// Frames came in.
    fn deliver(&mut self, frames: Vec<Vec<u8>>) -> anyhow::Result<()>;

    /// The visits at the end of the year come in.
    fn visit(&mut self) -> anyhow::Result<()>;

    /// So much time has passed, ms.
    fn wake(&mut self, ms: u64) -> anyhow::Result<()>;

    /// What there is to send, and whether the exchange is complete.
    fn answer(&mut self) -> anyhow::Result<Answer>;

    /// What two replicas that agree have in common, and nobody else.
    fn agreement(&mut self) -> anyhow::Result<String>;

    /// Keeps what a later phase begins with.
    fn keep(self: Box<Self>) -> anyhow::Result<()>;
}

impl PartOptions {
    /// The township.
    pub(crate) fn workload(&self) -> Workload {
        Workload::new(self.seed, self.elders)
    }
}

/// The command that runs a part of this measurement.
pub(crate) fn command(bench: &Bench<'_>, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("where is this program?")?);
    let options = bench.options;
    command.arg("part").arg("--folder").arg(bench.folder);
    command.args(["--elders", &options.elders.to_string(), "--seed", &options.seed.to_string()]);
    command.args(arguments);
    Ok(command)
}

/// Runs a part.
pub(crate) fn run(options: &PartOptions) -> anyhow::Result<()> {
    match &options.which {
        Which::Prepare { system } => {
            let prepared = match system {
                System::Ours => prepare::homes(&options.folder, &options.workload())?,
                System::Automerge | System::Samod => automerge::prepare(options)?,
            };
            print_json(&prepared)
        }
        Which::Side { system: System::Samod, phase, role, proxy } => {
            samod::side(options, *phase, *role, proxy.as_deref())
        }
        Which::Side { system: System::Ours, phase, role, .. } => {
            serve(Box::new(shouwang::Replica::open(options, *phase, *role)?))
        }
        Which::Side { system: System::Automerge, phase, role, .. } => {
            serve(Box::new(automerge::Replica::open(options, *phase, *role)?))
        }
        Which::Tcp { phase, role, peer } => tcp::side(options, *phase, *role, peer.as_deref()),
        Which::Limit => print_json(&limit::measure(options)?),
    }
}

/// Carries out orders until the last.
fn serve(mut side: Box<dyn Side>) -> anyhow::Result<()> {
    let (mut input, mut output) = (BufReader::new(stdin().lock()), BufWriter::new(stdout().lock()));
    let mut begun_ms = 0.0;
    loop {
        match Order::read(&mut input)? {
            Order::Connect => side.connect()?,
            Order::Deliver(frames) => side.deliver(frames)?,
            Order::Visit => side.visit()?,
            Order::Wake(ms) => side.wake(ms)?,
            Order::Begin => begun_ms = resources::cpu_ms()?,
            Order::Finish => {
                let (cpu_ms, peak_rss_mib) =
                    (resources::cpu_ms()? - begun_ms, resources::peak_rss_mib()?);
                let agreement = side.agreement()?;
                side.keep()?;
                let finished = Finished { cpu_ms, peak_rss_mib, agreement };
                output.write_all(&serde_json::to_vec(&finished)?)?;
                return Ok(output.flush()?);
            }
        }
        side.answer()?.write(&mut output)?;
    }
}

/// Prints what a part came to.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(serde_json::to_writer(stdout().lock(), value)?)
}
