//! `join`: takes an invite.

use std::path::PathBuf;

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::{GrantId, Role};

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Mark;
use crate::token_text;

/// `join`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    invite: Option<String>,
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Object {
    schema_version: u32,
    device: DeviceId,
    fingerprint: String,
    mesh: GrantId,
    area: DivisionCode,
    name: String,
    role: Role,
    addresses: Vec<String>,
}

/// Joins the mesh of the invite.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let joined = context.home.join(&invite(args)?)?;
    let fingerprint = joined.device.fingerprint();
    if output.is_json() {
        output.json(&Object {
            schema_version: JSON_SCHEMA_VERSION,
            device: joined.device,
            fingerprint,
            mesh: joined.mesh,
            area: joined.area,
            name: joined.name,
            role: joined.role,
            addresses: joined.addresses,
        })?;
        return Ok(Exit::Done);
    }
    let done = messages.say(
        "join-done",
        [
            ("name", FluentValue::from(joined.name)),
            ("area", joined.area.to_string().into()),
            ("role", messages.word("role", joined.role.as_str()).into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &done))?;
    output.line(&messages.say("compare-aloud", [("fingerprint", fingerprint.into())]))?;
    output.note(&match joined.addresses.is_empty() {
        true => messages.text("join-next-without-address"),
        false => messages.text("join-next"),
    });
    Ok(Exit::Done)
}

fn invite(args: &Args) -> Result<String, Failure> {
    match &args.file {
        Some(path) => token_text::read_file(path),
        None => token_text::read(args.invite.as_deref().unwrap_or_default()),
    }
}
