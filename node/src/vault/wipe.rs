//! Making a home unreadable, and taking its files away.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::VaultError;
use super::file::{LockedFile, remove, sync_directory};

/// What became of a home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiped {
    /// Files that are gone.
    pub gone: Vec<PathBuf>,
    /// What is not ours, and is still there.
    pub left: Vec<PathBuf>,
}

/// Destroys a home: its envelopes first, for without them the rest is noise, whatever cuts it off. Nobody may have
/// the store open.
///
/// On an SSD, a stick or an SD card overwriting reaches no earlier copy of a block: what makes it final is that the
/// key file or the passphrase goes too (`docs/service.md`, "Deleting is not wiping").
pub fn wipe(directory: &Path) -> Result<Wiped, VaultError> {
    let store = directory.join("store.redb");
    let held = match LockedFile::open(&store) {
        Ok(held) => Some(held),
        Err(VaultError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut wiped = Wiped::default();
    let names = || names(directory);
    for path in names()?.into_iter().filter(|path| is_envelope(path)) {
        overwrite(&path)?;
        take_away(path, &mut wiped)?;
    }
    sync_directory(directory)?;
    drop(held);
    for path in names()? {
        if path.file_name().is_some_and(|name| name == "logs") && path.is_dir() {
            for log in self::names(&path)?.into_iter().filter(|log| is_log(log)) {
                take_away(log, &mut wiped)?;
            }
            remove_empty(&path, &mut wiped)?;
        } else if is_ours(&path) {
            take_away(path, &mut wiped)?;
        } else {
            wiped.left.push(path);
        }
    }
    if wiped.left.is_empty() {
        remove_empty(directory, &mut wiped)?;
    }
    Ok(wiped)
}

fn names(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn is_envelope(path: &Path) -> bool {
    let name = name_of(path);
    let numbered = name.strip_prefix("store.key.").is_some_and(|end| {
        end == "new" || (!end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()))
    });
    name == "store.key" || numbered
}

fn is_ours(path: &Path) -> bool {
    matches!(name_of(path), "store.redb" | "store.new" | "admin.json")
}

fn is_log(path: &Path) -> bool {
    name_of(path).starts_with("shouwang.log")
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // No envelope is longer than one of the limits; what is, is not one, and is removed all the same.
    file.write_all(&vec![0; length.min(crate::limits::ENVELOPE_BYTES_MAX)])?;
    file.sync_all()
}

fn take_away(path: PathBuf, wiped: &mut Wiped) -> io::Result<()> {
    remove(&path)?;
    wiped.gone.push(path);
    Ok(())
}

/// A directory that somebody has put something into stays.
fn remove_empty(directory: &Path, wiped: &mut Wiped) -> io::Result<()> {
    let left = names(directory)?;
    match left.is_empty() {
        true => std::fs::remove_dir(directory),
        false => {
            wiped.left.extend(left);
            Ok(())
        }
    }
}
