//! `metrics`: what a monitoring system keeps, as text.

use shouwang_node::command::metrics::Metrics;

use crate::context::Context;
use crate::error::Exit;

/// `metrics`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints it. What is wrong with the node is in the text and not in the exit code: whoever collects it goes by whether
/// it could be collected.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let machine = Some(context.home.machine(&mut node)?);
    let report = node.call(Metrics { machine })?;
    match context.output.is_json() {
        true => context.output.json(&report)?,
        false => context.output.write(&report.text)?,
    }
    Ok(Exit::Done)
}
