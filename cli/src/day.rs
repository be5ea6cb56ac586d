//! The day that a command is about where a person did not type one.

use chrono::NaiveDate;
use shouwang_node::command::clock::{CheckedToday, Today};
use shouwang_node::home::Node;

use crate::context::Context;
use crate::error::Failure;
use crate::parse;

/// The day typed for an argument; else `--as-of` if that was typed; else today by this machine's
/// clock, unless the node finds that the clock cannot be right: then a person must say.
pub(crate) fn of(
    node: &mut Node,
    context: &Context,
    argument: &str,
    text: Option<&str>,
) -> anyhow::Result<NaiveDate> {
    match text {
        Some(text) => Ok(parse::date(argument, text)?),
        None if context.as_of_typed => Ok(context.as_of),
        None => match node.call(Today {})?.today {
            CheckedToday::Plausible { date } => Ok(date),
            CheckedToday::Implausible { local, .. } => Err(Failure::usage("date_needed")
                .with("argument", argument)
                .with("local", local)
                .into()),
        },
    }
}
