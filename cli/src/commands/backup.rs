//! `backup`: everything this node holds, in one encrypted file.

use std::path::PathBuf;
use std::time::Duration;

use fluent_bundle::FluentValue;
use indicatif::{ProgressBar, ProgressStyle};

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::file;
use crate::output::Mark;

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
    let bar = bar(context);
    let written = node.backup(&path, |(rows, total)| {
        if let Some(bar) = &bar {
            bar.set_length(total.max(1));
            bar.set_position(rows);
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let written = written?;
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

fn bar(context: &Context) -> Option<ProgressBar> {
    if !context.output.shows_progress() {
        return None;
    }
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {percent}% ETA {eta}") {
        bar.set_style(style.progress_chars("█·"));
    }
    bar.set_message(context.messages.text("backup-progress"));
    bar.enable_steady_tick(Duration::from_millis(200));
    Some(bar)
}
