//! `grant`: lets a device into the mesh.

use std::path::PathBuf;

use clap::ValueEnum;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::Level;
use shouwang_node::command::device::GrantDevice;
use shouwang_node::identity::grant::Role;

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Mark;
use crate::{file, parse, token_text};

/// `grant`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    request: String,
    #[arg(long, value_name = "CODE")]
    area: String,
    #[arg(long)]
    name: String,
    #[arg(long, value_enum)]
    role: Option<RoleName>,
    #[arg(long, value_name = "MULTIADDR")]
    address: Vec<String>,
    #[arg(long)]
    replace: bool,
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    quota_mib: Option<u32>,
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[arg(long)]
    qr: bool,
}

/// The roles that can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    Registrar,
    Manager,
    Clerk,
    Helper,
    Department,
    Provider,
    Relay,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Registrar => Self::Registrar,
            RoleName::Manager => Self::Manager,
            RoleName::Clerk => Self::Clerk,
            RoleName::Helper => Self::Helper,
            RoleName::Department => Self::Department,
            RoleName::Provider => Self::Provider,
            RoleName::Relay => Self::Relay,
        }
    }
}

/// Grants. The invite alone goes to stdout.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    parse::addresses(&args.address)?;
    let request = token_text::read(&args.request)?;
    let root = args.root_key.as_deref().map(token_text::read_file).transpose()?;
    if let Some(path) = &args.out {
        file::refuse_existing(path)?;
    }
    let mut node = context.node()?;
    let area = parse::place(&mut node, "--area", &args.area)?;
    let role = match (args.role, area.level()) {
        (Some(role), _) => role.into(),
        (None, Level::County) => Role::Registrar,
        (None, Level::Township) => Role::Manager,
        (None, Level::Village) => Role::Clerk,
        (None, Level::Province | Level::Prefecture) => {
            return Err(Failure::usage("role_needed").with("area", area).into());
        }
    };
    let granted = node.call(GrantDevice {
        request,
        name: args.name.clone(),
        area,
        role,
        addresses: args.address.clone(),
        replace: args.replace,
        root,
        quota_bytes: args.quota_mib.map(|mib| u64::from(mib) << 20),
    })?;
    if let Some(path) = &args.out {
        file::write_new(path, format!("{}\n", granted.invite).as_bytes())?;
    }
    if output.is_json() {
        output.json(&granted)?;
        return Ok(Exit::Done);
    }
    let done = messages.say(
        "grant-done",
        [
            ("name", FluentValue::from(args.name.as_str())),
            ("area", area.to_string().into()),
            ("role", messages.word("role", role.as_str()).into()),
        ],
    );
    output.marked_note(Mark::Good, &done);
    let fingerprint = granted.fingerprint.clone();
    output.note(&messages.say("compare-aloud", [("fingerprint", fingerprint.into())]));
    if args.replace {
        output.note(&messages.text("grant-replaced"));
    }
    let drawn = args.qr && output.code(&granted.invite, messages)?;
    match &args.out {
        // A device whose grant is replaced takes the new one up by itself: there is nothing to join.
        None if args.replace && drawn => {}
        None if args.replace => output.line(&granted.invite)?,
        None if drawn => output.note(&messages.text("grant-next")),
        None => {
            output.line(&granted.invite)?;
            output.note(&messages.text("grant-next"));
        }
        Some(path) => {
            let path = path.display().to_string();
            output.note(&messages.say("invite-in-file", [("path", path.as_str().into())]));
            if !args.replace {
                output.note(&messages.say("grant-next-file", [("path", path.into())]));
            }
        }
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_command_line_are_those_of_the_roles() {
        assert_eq!(RoleName::value_variants().len(), Role::GRANTABLE.len());
        for name in RoleName::value_variants() {
            let typed = name.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), Role::from(*name).as_str());
        }
    }
}
