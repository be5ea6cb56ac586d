//! `compact`: writes the store anew, so that nothing deleted stays in its file.

use fluent_bundle::FluentValue;
use shouwang_node::command::storage::Compact;

use crate::context::Context;
use crate::error::Exit;
use crate::output::Mark;
use crate::progress::{Bar, Unit};

/// `compact`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Compacts, in the running node where one runs.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut bar = Bar::new(context, context.messages.text("compact-progress"), Unit::Steps);
    let compacted = context.node()?.call_for_long(Compact {}, |rows| bar.show(rows))?;
    drop(bar);
    if output.is_json() {
        output.json(&compacted)?;
        return Ok(Exit::Done);
    }
    let done = messages.say(
        "compact-done",
        [
            ("before", FluentValue::from(compacted.bytes_before)),
            ("after", compacted.bytes_after.into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &done))?;
    Ok(Exit::Done)
}
