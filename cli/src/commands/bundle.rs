//! `bundle …`: what a session would carry, on a stick.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use shouwang_node::bundle::part::PartError;
use shouwang_node::bundle::{Fault, head};

use crate::context::Context;
use crate::error::{Exit, Failure};

mod export;
mod import;
mod inspect;

/// What a bundle's file is called where only its directory was said.
const EXTENSION: &str = "bundle";

/// Bytes of segments in one request.
const REQUEST_BYTES: usize = 256 * 1024;

/// `bundle …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Export(export::Args),
    Import(import::Args),
    Inspect(inspect::Args),
}

/// Runs a command of bundles.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Export(args) => export::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Inspect(args) => inspect::run(args, context),
    }
}

/// The files that are meant: those that are named, and of a directory all that are bundles.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let unreadable = |error: std::io::Error| Failure::unreadable(path, &error);
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.is_file() && is_bundle(&file) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(Failure::usage("bundle_none").with("path", path.display()));
        }
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}

/// Whether a file in a directory is a bundle, by its name or by how it begins.
fn is_bundle(path: &Path) -> bool {
    let named = path.extension().is_some_and(|extension| extension == EXTENSION);
    let begins = || {
        let mut magic = [0; head::MAGIC.len()];
        let read = std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
        read.is_ok() && magic == head::MAGIC
    };
    named || begins()
}

/// What is wrong with a file; one that cannot be read at all ends the command.
fn fault(path: &Path, error: PartError) -> Result<Fault, Failure> {
    match error {
        PartError::Fault(fault) => Ok(fault),
        PartError::Io(error) => Err(Failure::unreadable(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_directory_bundles_are_taken_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        assert!(files(&[directory.path().to_owned()]).is_err());
        std::fs::write(at("photo.jpg"), b"not one").unwrap();
        std::fs::write(at("b.bundle"), b"torn at the first byte").unwrap();
        std::fs::write(at("a.renamed"), [&head::MAGIC[..], b"..."].concat()).unwrap();
        let found = files(&[directory.path().to_owned(), at("photo.jpg")]).unwrap();
        assert_eq!(found, [at("a.renamed"), at("b.bundle"), at("photo.jpg")]);
    }
}
