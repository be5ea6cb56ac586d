//! `device wipe`: destroys this home, once nothing is lost by it.

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::custody::RetireCheck;

use crate::confirm::confirm;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Mark;

/// `device wipe`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    lose_unheld: bool,
    #[arg(long)]
    yes: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct WipedObject {
    schema_version: u32,
    home: String,
    gone: usize,
    left: Vec<String>,
}

/// Destroys the home. Exit 4, with nothing done, while something of it is held nowhere else.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if context.home.running_node().is_some() {
        return Err(Failure::failed("wipe_running").into());
    }
    if !args.lose_unheld {
        let report = context.node()?.call(RetireCheck {})?;
        if !report.safe {
            let exit = super::check::run(context)?;
            if output.is_table() {
                output.marked_note(Mark::Bad, &messages.text("wipe-not-safe"));
            }
            return Ok(exit);
        }
    }
    let home = context.home.path().display().to_string();
    let question = messages.say("wipe-question", [("home", FluentValue::from(home.as_str()))]);
    confirm(context, args.yes, &question)?;
    let wiped = context.home.wipe()?;
    let left: Vec<String> = wiped.left.iter().map(|path| path.display().to_string()).collect();
    if output.is_json() {
        let (schema_version, gone) = (JSON_SCHEMA_VERSION, wiped.gone.len());
        output.json(&WipedObject { schema_version, home, gone, left })?;
        return Ok(Exit::Done);
    }
    output.marked_note(Mark::Good, &messages.say("wipe-done", [("home", home.into())]));
    for path in left {
        let path = FluentValue::from(path);
        output.marked_note(Mark::Note, &messages.say("wipe-left", [("path", path)]));
    }
    output.note(&format!("  → {}", messages.text("wipe-secret")));
    output.note(&format!("  → {}", messages.text("wipe-grant")));
    Ok(Exit::Done)
}
