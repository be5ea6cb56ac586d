//! `open`: the pages of this node in a browser; the node itself too, where it does not run.

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::JSON_SCHEMA_VERSION;

use crate::commands::up;
use crate::context::Context;
use crate::error::Exit;
use crate::message::Language;
use crate::output::Mark;

/// `open`
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[arg(long)]
    pub(crate) no_browser: bool,
    #[command(flatten)]
    pub(crate) up: up::Args,
}

/// What `open --json` prints.
#[derive(Serialize)]
struct Opened<'a> {
    schema_version: u32,
    event: &'static str,
    url: &'a str,
}

/// Opens the pages of the running node; runs the node where none does, until it is told to stop.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    match context.home.running_node() {
        Some(mut node) => {
            let url = node.page_link()?.url;
            show(&url, args.no_browser, context)?;
            Ok(Exit::Done)
        }
        None => up::run_and_open(args, context),
    }
}

/// Says where the pages are, and has a browser show them. The link opens once, within two minutes.
pub(crate) fn show(url: &str, no_browser: bool, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    // A language that was asked for is asked for on the pages too.
    let url = match context.language_typed {
        Some(Language::Zh) => format!("{url}&lang=zh"),
        Some(Language::En) => format!("{url}&lang=en"),
        None => url.to_owned(),
    };
    if output.is_json() {
        output.json(&Opened { schema_version: JSON_SCHEMA_VERSION, event: "open", url: &url })?;
    } else {
        let values = [("url", FluentValue::from(url.as_str()))];
        output.line(&messages.say("open-link", values))?;
        output.note(&messages.text("open-once"));
    }
    // Whoever has no browser here, or none that starts, copies the link.
    if !no_browser && let Err(error) = open::that_detached(&url) {
        let detail = [("detail", FluentValue::from(error.to_string()))];
        output.marked_note(Mark::Attention, &messages.say("open-no-browser", detail));
    }
    Ok(())
}
