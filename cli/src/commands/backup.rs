//! `backup`: everything this node holds, in one encrypted file.

use std::path::PathBuf;

use fluent_bundle::FluentValue;

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::file;
use crate::output::Mark;
use crate::progress::{Bar, Unit};

/// `backup`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Writes it, through the running node where one runs.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    file::refuse_existing(&args.file)?;
    // A running node has a working directory of its own.
    let path =
        std::path::absolute(&args.file).map_err(|error| Failure::unwritable(&args.file, &error))?;
    let mut node = context.node()?;
    let mut bar = Bar::new(context, context.messages.text("backup-progress"), Unit::Steps);
    let written = node.backup(&path, |rows| bar.show(rows))?;
    drop(bar);
    if output.is_json() {
        output.json(&written)?;
        return Ok(Exit::Done);
    }
    let done = messages.say(
        "backup-done",
        [
            ("path", FluentValue::from(written.file.display().to_string())),
            ("bytes", written.bytes.into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &done))?;
    output.note(&messages.text("backup-secret"));
    Ok(Exit::Done)
}
