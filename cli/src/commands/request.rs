//! `request`: this device's keys, as a text for whoever may grant.

use std::path::PathBuf;

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::identity::DeviceId;

use crate::context::Context;
use crate::error::Exit;
use crate::file;

/// `request`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[arg(long)]
    qr: bool,
}

#[derive(Serialize)]
struct Object {
    schema_version: u32,
    request: String,
    device: DeviceId,
    fingerprint: String,
}

/// Makes the keys, or shows them again. The text alone goes to stdout.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if let Some(path) = &args.out {
        file::refuse_existing(path)?;
    }
    let made = context.home.request()?;
    if let Some(path) = &args.out {
        file::write_new(path, format!("{}\n", made.request).as_bytes())?;
    }
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
    let drawn = args.qr && output.code(&made.request, messages)?;
    match &args.out {
        Some(path) => {
            let path = FluentValue::from(path.display().to_string());
            output.note(&messages.say("request-in-file", [("path", path)]));
        }
        None if drawn => {}
        None => {
            output.note(&messages.text("request-pass-on"));
            output.line(&made.request)?;
        }
    }
    output.note(&messages.say("compare-aloud", [("fingerprint", fingerprint.into())]));
    output.note(&messages.text("request-next"));
    Ok(Exit::Done)
}
