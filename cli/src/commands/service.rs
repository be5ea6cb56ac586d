//! `service …`: services rendered 服务记录.

use clap::Subcommand;
use shouwang_crdt_schema::element::Service;
use shouwang_node::command::record::FileEvent;

use crate::commands::review::record;
use crate::context::Context;
use crate::error::Exit;
use crate::{day, parse};

/// `service …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(AddArgs),
}

/// `service add`
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    elder: String,
    #[arg(long)]
    need: String,
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    #[arg(long)]
    minutes: Option<u32>,
    #[arg(long)]
    date: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Records a service.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    let Command::Add(args) = command;
    let mut node = context.node()?;
    let service = Service {
        date: day::of(&mut node, context, "--date", args.date.as_deref())?,
        need: parse::choice("--need", &args.need)?,
        provider: args.provider.clone(),
        minutes: args.minutes,
        note: args.note.clone(),
    };
    record(&mut node, context, &args.elder, vec![FileEvent::Service(service)])
}
