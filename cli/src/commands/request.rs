//! `request`: this device's keys, as a text for whoever may grant.

use serde::Serialize;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::identity::DeviceId;

use crate::context::Context;
use crate::error::Exit;

/// `request`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Serialize)]
struct Object {
    schema_version: u32,
    request: String,
    device: DeviceId,
    fingerprint: String,
}

/// Makes the keys, or shows them again. The text alone goes to stdout.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let made = context.home.request()?;
    let fingerprint = made.device.fingerprint();
    if output.is_json() {
        output.json(&Object {
            schema_version: JSON_SCHEMA_VERSION,
            request: made.request,
            device: made.device,
            fingerprint,
        })?;
        return Ok(Exit::Done);
    }
    output.note(&messages.text("request-pass-on"));
    output.line(&made.request)?;
    output.note(&messages.say("compare-aloud", [("fingerprint", fingerprint.into())]));
    output.note(&messages.text("request-next"));
    Ok(Exit::Done)
}
