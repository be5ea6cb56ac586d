//! `device …`: this device and others.

use clap::Subcommand;

use crate::context::Context;
use crate::error::Exit;

mod passphrase;

/// `device …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Passphrase(passphrase::Args),
}

/// Does it.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Passphrase(args) => passphrase::run(args, context),
    }
}
