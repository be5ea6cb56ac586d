//! `manual`: pages for `man`, one for each command.

use std::path::PathBuf;

use clap::CommandFactory;
use fluent_bundle::FluentValue;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::help;
use crate::output::Mark;

/// `manual`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Writes all pages into a directory, or prints that of the program.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let command = help::localised(Arguments::command(), &context.messages);
    let Some(directory) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        context.output.write(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Done);
    };
    let unwritable = |error: std::io::Error| Failure::unwritable(directory, &error);
    std::fs::create_dir_all(directory).map_err(unwritable)?;
    clap_mangen::generate_to(command, directory).map_err(unwritable)?;
    let path = FluentValue::from(directory.display().to_string());
    let text = context.messages.say("manual-written", [("path", path)]);
    context.output.marked_note(Mark::Good, &text);
    Ok(Exit::Done)
}
