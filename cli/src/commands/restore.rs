//! `restore`: a new home out of a backup.

use std::path::PathBuf;

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::JSON_SCHEMA_VERSION;

use crate::context::Context;
use crate::error::Exit;
use crate::output::Mark;
use crate::progress::{Bar, Unit};

/// `restore`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Object {
    schema_version: u32,
    home: PathBuf,
}

/// Restores into a home in which nothing is yet.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut bar = Bar::new(context, context.messages.text("restore-progress"), Unit::Bytes);
    let checking = messages.text("restore-checking");
    context.home.restore(&args.file, |(done, total)| match done < total || total == 0 {
        true => bar.show((done, total)),
        false => bar.wait(&checking),
    })?;
    drop(bar);
    let home = context.home.path().to_owned();
    if output.is_json() {
        output.json(&Object { schema_version: JSON_SCHEMA_VERSION, home })?;
        return Ok(Exit::Done);
    }
    let home = home.display().to_string();
    let done = messages.say("restore-done", [("home", FluentValue::from(home))]);
    output.line(&output.marked_text(Mark::Good, &done))?;
    output.marked_note(Mark::Attention, &messages.text("restore-next"));
    Ok(Exit::Done)
}
