//! `support`: how the duty of support 赡养 is met.

use shouwang_crdt_schema::element::SupportDuty;
use shouwang_node::command::record::FileEvent;

use crate::commands::review::record;
use crate::context::Context;
use crate::error::Exit;
use crate::{day, parse};

/// `support`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    elder: String,
    #[arg(long, value_name = "NAME")]
    supporter: Option<String>,
    #[arg(long, default_value = "unknown", value_name = "LEVEL")]
    economic: String,
    #[arg(long, default_value = "unknown", value_name = "LEVEL")]
    daily_care: String,
    #[arg(long, default_value = "unknown", value_name = "LEVEL")]
    emotional: String,
    #[arg(long)]
    date: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Records a finding.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let finding = SupportDuty {
        date: day::of(&mut node, context, "--date", args.date.as_deref())?,
        supporter: args.supporter.as_deref().map(|name| name.trim().to_owned()),
        economic: parse::choice("--economic", &args.economic)?,
        daily_care: parse::choice("--daily-care", &args.daily_care)?,
        emotional: parse::choice("--emotional", &args.emotional)?,
        note: args.note.clone(),
    };
    record(&mut node, context, &args.elder, vec![FileEvent::SupportDuty(finding)])
}
