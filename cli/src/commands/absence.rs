//! `absence …`: a supporter left, or came back 外出.

use clap::Subcommand;
use shouwang_crdt_schema::element::Absence;
use shouwang_crdt_schema::record::AbsenceReason;
use shouwang_node::command::record::FileEvent;

use crate::commands::review::record;
use crate::context::Context;
use crate::error::Exit;
use crate::{day, parse};

/// `absence …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Left(LeftArgs),
    Returned(ReturnedArgs),
}

/// `absence left`
#[derive(Debug, clap::Args)]
pub(crate) struct LeftArgs {
    elder: String,
    supporter: String,
    #[arg(long)]
    date: Option<String>,
    #[arg(long, value_name = "CODE")]
    to: Option<String>,
    #[arg(long = "for", value_name = "REASON", default_value = "unknown")]
    reason: String,
}

/// `absence returned`
#[derive(Debug, clap::Args)]
pub(crate) struct ReturnedArgs {
    elder: String,
    supporter: String,
    #[arg(long)]
    date: Option<String>,
}

/// Records that a supporter left or came back.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let (elder, absence) = match command {
        Command::Left(args) => {
            let date = day::of(&mut node, context, "--date", args.date.as_deref())?;
            let destination = args.to.as_deref().map(|text| parse::division("--to", text));
            let absence = Absence {
                supporter: args.supporter.trim().to_owned(),
                left: Some(date),
                returned: None,
                destination: destination.transpose()?,
                reason: parse::choice::<AbsenceReason>("--for", &args.reason)?,
            };
            (&args.elder, absence)
        }
        Command::Returned(args) => {
            let date = day::of(&mut node, context, "--date", args.date.as_deref())?;
            let absence = Absence {
                supporter: args.supporter.trim().to_owned(),
                left: None,
                returned: Some(date),
                destination: None,
                reason: AbsenceReason::Unknown,
            };
            (&args.elder, absence)
        }
    };
    record(&mut node, context, elder, vec![FileEvent::Absence(absence)])
}
