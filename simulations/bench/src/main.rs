//! What it costs. See `docs/performance.md`.

use clap::{Parser, Subcommand};

mod console;
mod county;
mod dictionary;
mod links;
mod peers;
mod steps;
mod workload;

/// Measures what things cost, and prints figures that anyone can repeat.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The pages of the console in a real browser: what they weigh, and when something is to be seen.
    Console(console::Args),
    /// A whole county: opening it, asking it, exchanging with it.
    County(county::Args),
    /// Trains the dictionary of streams between peers, on people that nothing else is measured with.
    Dictionary(dictionary::DictionaryOptions),
    /// An exchange between real processes over slow and broken links.
    Links(links::Args),
    /// This project beside Automerge's sync protocol and samod, on the same township.
    Peers(peers::PeersOptions),
    /// What an entry costs on its way from one store into another, step by step.
    Steps(steps::StepsOptions),
    /// One part of a measurement, in a process of its own.
    #[command(hide = true)]
    Part(peers::PartOptions),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Console(args) => console::run(&args),
        Command::County(args) => county::run(&args),
        Command::Dictionary(options) => dictionary::run(&options),
        Command::Links(args) => links::run(&args),
        Command::Peers(options) => peers::run(&options),
        Command::Steps(options) => steps::run(&options),
        Command::Part(options) => peers::part(&options),
    }
}
