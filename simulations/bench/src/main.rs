//! What it costs. See `docs/performance.md`.

use clap::{Parser, Subcommand};

mod county;

/// Measures what things cost, and prints figures that anyone can repeat.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// A whole county: opening it, asking it, exchanging with it.
    County(county::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        None => Ok(()),
        Some(Command::County(args)) => county::run(&args),
    }
}
