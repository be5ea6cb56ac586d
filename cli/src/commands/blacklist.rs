//! `blacklist …`: the register of defaulting supporters 黑榜.

use clap::Subcommand;
use shouwang_crdt_schema::element::BlacklistEntry;
use shouwang_crdt_schema::record::BlacklistStep;
use shouwang_node::command::record::FileEvent;

use crate::commands::review::record;
use crate::context::Context;
use crate::day;
use crate::error::Exit;

/// `blacklist …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(Args),
    Confirm(Args),
    Delist(Args),
}

/// A step of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    elder: String,
    supporter: String,
    #[arg(long, value_name = "TEXT")]
    basis: Option<String>,
    #[arg(long)]
    date: Option<String>,
}

/// Records a step.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    let (args, step) = match command {
        Command::Add(args) => (args, BlacklistStep::Listed),
        Command::Confirm(args) => (args, BlacklistStep::Confirmed),
        Command::Delist(args) => (args, BlacklistStep::Delisted),
    };
    let mut node = context.node()?;
    let entry = BlacklistEntry {
        step,
        supporter: args.supporter.trim().to_owned(),
        date: Some(day::of(&mut node, context, "--date", args.date.as_deref())?),
        basis: args.basis.clone(),
    };
    record(&mut node, context, &args.elder, vec![FileEvent::Blacklist(entry)])
}
