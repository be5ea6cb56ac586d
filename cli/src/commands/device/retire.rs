//! `device retire`: this device gives its own grant back.

use shouwang_node::command::revoke::DeviceRetire;

use crate::confirm::confirm;
use crate::context::Context;
use crate::error::Exit;

/// `device retire`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, conflicts_with_all = ["dry_run", "yes"])]
    check: bool,
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    yes: bool,
}

/// Says what will happen, asks, and retires this device.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if args.check {
        return super::check::run(context);
    }
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let plan = node.call(DeviceRetire { dry_run: true })?;
    if !output.is_json() {
        output.line(&messages.text("retire-what"))?;
        super::explain(&plan, context)?;
    }
    if args.dry_run {
        return super::conclude(&plan, context);
    }
    confirm(context, args.yes, &messages.text("retire-question"))?;
    super::conclude(&node.call(DeviceRetire { dry_run: false })?, context)
}
