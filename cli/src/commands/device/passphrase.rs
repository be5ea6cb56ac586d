//! `device passphrase`: locks this home with another passphrase or key file.

use std::path::PathBuf;

use serde::Serialize;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::vault::Lock;

use crate::context::Context;
use crate::error::Exit;
use crate::output::Mark;

/// `device passphrase`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_name = "FILE", conflicts_with = "new_key_file")]
    new_passphrase_file: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Object {
    schema_version: u32,
    /// `passphrase` or `key_file`.
    lock: &'static str,
}

/// Changes the envelope; the store stays as it is, and a running node goes on.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let lock = context.home.change_secret(|| {
        context
            .secrets
            .replacement(args.new_passphrase_file.as_deref(), args.new_key_file.as_deref())
    })?;
    if output.is_json() {
        let lock = match lock {
            Lock::Passphrase => "passphrase",
            Lock::KeyFile => "key_file",
        };
        output.json(&Object { schema_version: JSON_SCHEMA_VERSION, lock })?;
        return Ok(Exit::Done);
    }
    let done = match lock {
        Lock::Passphrase => messages.text("passphrase-changed"),
        Lock::KeyFile => messages.text("key-file-changed"),
    };
    output.line(&output.marked_text(Mark::Good, &done))?;
    output.note(&messages.text("secret-of-old-backups"));
    output.note(&messages.text("secret-forgotten"));
    Ok(Exit::Done)
}
