//! `card`: the one-page card 一卡 of an elder, or of all elders of a place.

use std::path::PathBuf;

use fluent_bundle::FluentValue;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::area::AreaList;

use crate::audit;
use crate::card;
use crate::commands::export::{elders, free};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::file;
use crate::ledger::Places;
use crate::output::Mark;
use crate::parse;

/// `card`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    elder: Option<String>,
    #[arg(long)]
    all: bool,
    #[arg(long, value_name = "CODE", requires = "all")]
    scope: Option<String>,
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[arg(long)]
    force: bool,
}

/// Writes the page or pages.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    free(&args.output, args.force)?;
    let mut node = context.node()?;
    let scope = args.scope.as_ref();
    let scope = scope.map(|text| parse::place(&mut node, "--scope", text)).transpose()?;
    let found = elders(&mut node, scope, args.elder.as_deref(), false, context)?;
    if found.is_empty() {
        return Err(Failure::failed("card_without_elder").into());
    }
    let directory = node.call(AreaList { within: None })?;
    let places = Places::new(directory.places.into_iter().map(|place| (place.code, place.name)));
    let html = card::pages(&found, &places, context.as_of, messages);
    let one = found.first().map(|elder| elder.scope).filter(|_| !args.all);
    audit::note(&mut node, "print", scope.or(one), found.len(), context)?;
    file::write_private(&args.output, html.as_bytes(), args.force)?;
    let path = args.output.display().to_string();
    if output.is_json() {
        output.json(&serde_json::json!({
            "schema_version": JSON_SCHEMA_VERSION,
            "file": path,
            "elders": found.len(),
        }))?;
        return Ok(Exit::Done);
    }
    let count = FluentValue::from(found.len());
    let line = messages.say("cards-written", [("count", count), ("path", path.into())]);
    output.line(&output.marked_text(Mark::Good, &line))?;
    Ok(Exit::Done)
}
