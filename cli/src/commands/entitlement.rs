//! `entitlement`: how far a benefit 待遇 has come.

use shouwang_crdt_schema::element::Entitlement;
use shouwang_node::command::record::FileEvent;

use crate::commands::review::record;
use crate::context::Context;
use crate::error::Exit;
use crate::{day, parse};

/// `entitlement`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    elder: String,
    kind: String,
    state: String,
    #[arg(long)]
    date: Option<String>,
}

/// Records a step of an entitlement.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let entitlement = Entitlement {
        kind: parse::choice("KIND", &args.kind)?,
        state: parse::choice("STATE", &args.state)?,
        date: Some(day::of(&mut node, context, "--date", args.date.as_deref())?),
    };
    record(&mut node, context, &args.elder, vec![FileEvent::Entitlement(entitlement)])
}
