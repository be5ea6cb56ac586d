//! `review`: 季度更新, somebody went through a file.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::element::Review;
use shouwang_crdt_schema::record::ReviewOutcome;
use shouwang_node::command::record::{FileEvent, Record};
use shouwang_node::home::Node;

use crate::commands::elder::say_saved;
use crate::context::Context;
use crate::day;
use crate::error::Exit;

/// `review`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    elder: String,
    #[arg(long, required_unless_present = "no_change", conflicts_with = "no_change")]
    changed: bool,
    #[arg(long)]
    no_change: bool,
    #[arg(long)]
    date: Option<String>,
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Records a review.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let review = Review {
        date: day::of(&mut node, context, "--date", args.date.as_deref())?,
        outcome: if args.changed { ReviewOutcome::Changed } else { ReviewOutcome::NoChange },
        reviewer: args.reviewer.clone(),
        note: args.note.clone(),
    };
    record(&mut node, context, &args.elder, vec![FileEvent::Review(review)])
}

/// Writes events into a file and says so.
pub(crate) fn record(
    node: &mut Node,
    context: &Context,
    elder: &str,
    events: Vec<FileEvent>,
) -> anyhow::Result<Exit> {
    let saved = node.call(Record { elder: elder.trim().to_owned(), events })?;
    let text = |id: String| context.messages.say("event-saved", [("id", FluentValue::from(id))]);
    say_saved(&saved, text, context)
}
