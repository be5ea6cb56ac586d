//! `join`: takes an invite.

use std::io::Read;
use std::path::{Path, PathBuf};

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::{GrantId, Role};

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Mark;

/// The longest invite file that is read, bytes: eight grants and sixteen addresses are 6 KB.
const INVITE_BYTES_MAX: u64 = 64 * 1024;

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
    let Some(path) = &args.file else {
        let invite = args.invite.clone().unwrap_or_default();
        return match Path::new(&invite).is_file() {
            true => Err(Failure::usage("invite_is_file").with("path", invite)),
            false => Ok(invite),
        };
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(INVITE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| Failure::unreadable(path, &error))?;
    Ok(text)
}
