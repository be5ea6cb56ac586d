//! `device revoke`: takes a device's grant back.

use std::path::PathBuf;

use clap::ValueEnum;
use shouwang_node::authority::RevocationReason;
use shouwang_node::command::revoke::DeviceRevoke;

use crate::confirm::confirm;
use crate::context::Context;
use crate::error::Exit;
use crate::token_text;

/// `device revoke`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    device: String,
    #[arg(long, value_enum)]
    reason: Reason,
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    show_personal: bool,
    #[arg(long)]
    yes: bool,
}

/// Why a person revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reason {
    Lost,
    Compromised,
    Retired,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Lost => Self::Lost,
            Reason::Compromised => Self::Compromised,
            Reason::Retired => Self::Retired,
        }
    }
}

/// Says what will happen, asks, and revokes.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let root = args.root_key.as_deref().map(token_text::read_file).transpose()?;
    let mut node = context.node()?;
    let request = |dry_run| DeviceRevoke {
        device: args.device.clone(),
        reason: args.reason.into(),
        root: root.clone(),
        personal: args.show_personal,
        dry_run,
    };
    // Whatever cannot be done fails here, before anybody is asked.
    let plan = node.call(request(true))?;
    if !output.is_json() {
        super::explain(&plan, context)?;
    }
    if args.dry_run {
        return super::conclude(&plan, context);
    }
    confirm(context, args.yes, &messages.text("revocation-question"))?;
    super::conclude(&node.call(request(false))?, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_on_the_command_line_are_those_of_the_record() {
        for reason in Reason::value_variants() {
            let typed = reason.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), RevocationReason::from(*reason).as_str());
        }
    }
}
