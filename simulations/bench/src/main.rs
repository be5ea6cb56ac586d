//! What it costs. See `docs/performance.md`.

use clap::{Parser, Subcommand};

/// Measures what things cost, and prints figures that anyone can repeat.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        None => Ok(()),
        Some(command) => match command {},
    }
}
