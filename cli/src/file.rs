//! Files that commands write: always new ones, what is there already stays.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::error::Failure;

/// Whether something of this name is there, be it a link that leads nowhere.
pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Fails early where [`write_new`] would fail later.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match exists(path) {
        true => Err(Failure::unwritable(path, &std::io::ErrorKind::AlreadyExists.into())),
        false => Ok(()),
    }
}

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| Failure::unwritable(path, &error))
}

/// Writes a file in the place of one that may be there: it is whole or as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let written = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))
        .and_then(|mut file| file.write_all(bytes).map(|()| file))
        .and_then(|file| file.persist(path).map_err(|failed| failed.error));
    written.map(|_| ()).map_err(|error| Failure::unwritable(path, &error))
}

/// Writes a file that only its owner may read: whole or not at all, and over another one only
/// where that is meant.
pub(crate) fn write_private(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::unwritable(path, &error);
    if !force {
        refuse_existing(path)?;
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    // A temporary file is made for its owner alone.
    let mut file =
        tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new("."))).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    let kept = if force { file.persist(path) } else { file.persist_noclobber(path) };
    kept.map(drop).map_err(|error| failed(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        assert!(refuse_existing(&path).is_ok());
        write_new(&path, b"one").unwrap();
        assert_eq!(refuse_existing(&path).unwrap_err().to_string(), "file_exists");
        assert_eq!(write_new(&path, b"two").unwrap_err().to_string(), "file_exists");
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn private_files_are_their_owners_and_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.xlsx");
        write_private(&path, b"one", false).unwrap();
        assert_eq!(write_private(&path, b"two", false).unwrap_err().to_string(), "file_exists");
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write_private(&path, b"two", true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
