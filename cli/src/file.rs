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
}
