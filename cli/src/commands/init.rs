//! `init`: a new mesh, and this device its first.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::home::InitOptions;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::GrantId;

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Mark;
use crate::parse;

/// `init`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_name = "CODE")]
    area: String,
    #[arg(long)]
    name: Option<String>,
    #[arg(long, value_name = "FILE", alias = "root-key")]
    root_out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Object {
    schema_version: u32,
    mesh: GrantId,
    device: DeviceId,
    fingerprint: String,
    area: DivisionCode,
    name: String,
    /// The root key's text, unless it went to a file.
    root_key: Option<String>,
    root_key_file: Option<PathBuf>,
}

/// Makes the mesh.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let area = parse::division("--area", &args.area)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => match area.level() {
            Level::Village => messages.text("default-name-village"),
            Level::Township => messages.text("default-name-township"),
            Level::County | Level::Prefecture | Level::Province => {
                messages.text("default-name-county")
            }
        },
    };
    // The file is opened first: a root key that cannot be written must not be made.
    if let Some(path) = &args.root_out {
        refuse_inside(path, context.home.path())?;
    }
    let mut key_file = args.root_out.as_deref().map(KeyFile::create).transpose()?;
    let made = context.home.init(&InitOptions { area, name: name.clone() })?;
    let mut kept_in_file = None;
    if let Some(file) = &mut key_file {
        match file.write(&made.root) {
            Ok(()) => kept_in_file = args.root_out.clone(),
            // The mesh exists now: the key goes to the screen rather than nowhere.
            Err(failure) => output.marked_note(Mark::Bad, &describe(&failure, context)),
        }
    }
    let fingerprint = made.device.fingerprint();
    if output.is_json() {
        output.json(&Object {
            schema_version: JSON_SCHEMA_VERSION,
            mesh: made.mesh,
            device: made.device,
            fingerprint,
            area,
            name,
            root_key: kept_in_file.is_none().then(|| made.root.clone()),
            root_key_file: kept_in_file,
        })?;
        return Ok(Exit::Done);
    }
    let done = messages
        .say("init-done", [("name", FluentValue::from(name)), ("area", area.to_string().into())]);
    output.line(&output.marked_text(Mark::Good, &done))?;
    output.line(&messages.say("own-fingerprint", [("fingerprint", fingerprint.into())]))?;
    match kept_in_file {
        Some(path) => {
            let path = path.display().to_string();
            let warning = messages.say("root-key-in-file", [("path", path.into())]);
            output.line(&output.marked_text(Mark::Attention, &warning))?;
        }
        None => {
            let warning = messages.text("root-key-on-screen");
            output.line(&output.marked_text(Mark::Attention, &warning))?;
            output.line("")?;
            output.line(&made.root)?;
            output.line("")?;
        }
    }
    output.note(&messages.text("secret-forgotten"));
    output.note(&messages.text("init-next"));
    Ok(Exit::Done)
}

fn describe(failure: &anyhow::Error, context: &Context) -> String {
    crate::error::Described::new(failure, &context.messages).message
}

/// The root key beside the store would be lost with it, and found with it.
fn refuse_inside(path: &Path, home: &Path) -> Result<(), Failure> {
    let inside = match (real(path), real(home)) {
        (Some(path), Some(home)) => path.starts_with(home),
        _ => path.starts_with(home),
    };
    match inside {
        true => Err(Failure::usage("root_inside_home").with("path", path.display())),
        false => Ok(()),
    }
}

/// The path without links, as far down as it is there.
fn real(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let there = absolute.ancestors().find_map(|up| Some((up, up.canonicalize().ok()?)));
    let (up, real) = there?;
    Some(real.join(absolute.strip_prefix(up).ok()?))
}

/// The file for the root key. It is taken away again unless the key is in it.
struct KeyFile {
    path: PathBuf,
    file: File,
    written: bool,
}

impl KeyFile {
    /// Makes the file, readable by its owner only; one that is there is never touched.
    fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| Failure::unwritable(path, &error))?;
        Ok(Self { path: path.to_owned(), file, written: false })
    }

    fn write(&mut self, root: &str) -> anyhow::Result<()> {
        let written =
            self.file.write_all(format!("{root}\n").as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| Failure::unwritable(&self.path, &error))?;
        self.written = true;
        Ok(())
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if !self.written {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_key_is_never_put_into_the_home() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        let inside = |path: &Path| refuse_inside(path, &home).is_err();
        assert!(inside(&home.join("root.txt")) && inside(&home.join("a/root.txt")));
        assert!(!inside(&directory.path().join("root.txt")));
        fs::create_dir(&home).unwrap();
        assert!(inside(&home.join("root.txt")));
        #[cfg(unix)]
        {
            let link = directory.path().join("link");
            std::os::unix::fs::symlink(&home, &link).unwrap();
            assert!(inside(&link.join("root.txt")));
        }
    }

    #[test]
    fn a_key_file_is_private_never_overwritten_and_gone_if_unused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.txt");
        drop(KeyFile::create(&path).unwrap());
        assert!(!path.exists());
        KeyFile::create(&path).unwrap().write("secret").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "secret\n");
        assert!(KeyFile::create(&path).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
