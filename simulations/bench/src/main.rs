//! What it costs. See `docs/performance.md`.

use clap::{Parser, Subcommand};

mod peers;
mod workload;

/// Measures what things cost, and prints figures that anyone can repeat.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// This project beside Automerge's sync protocol and samod, on the same township.
    Peers(peers::PeersOptions),
    /// One part of a measurement, in a process of its own.
    #[command(hide = true)]
    Part(peers::PartOptions),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Peers(options) => peers::run(&options),
        Command::Part(options) => peers::part(&options),
    }
}
