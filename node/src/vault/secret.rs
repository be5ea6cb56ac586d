//! What opens an envelope: a passphrase, or a key file that is kept elsewhere.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use super::VaultError;
use crate::limits::KEY_FILE_BYTES_MAX;

/// What a person knows or has. Wiped when dropped, never printed.
#[derive(Clone)]
pub enum Secret {
    /// A passphrase, as it was typed.
    Passphrase(Zeroizing<String>),
    /// The bytes of a key file.
    KeyFile(Zeroizing<[u8; 32]>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase",
            Self::KeyFile(_) => "KeyFile",
        })
    }
}

impl Secret {
    /// Reads a key file: 64 hexadecimal digits, so that it can be written on paper.
    pub fn read_key_file(path: &Path) -> Result<Self, VaultError> {
        let failed = |error| VaultError::KeyFile(path.to_owned(), error);
        let mut text = Zeroizing::new(String::new());
        let read = File::open(path)
            .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() != io::ErrorKind::InvalidData => return Err(failed(error)),
            _ => {}
        }
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice())
            .map_err(|_| VaultError::NoKeyFile(path.to_owned()))?;
        Ok(Self::KeyFile(bytes))
    }

    /// Writes a new key file of these random bytes, which only its owner may read. One that is
    /// there is never touched, and none is made in the home that it opens.
    pub fn make_key_file(path: &Path, home: &Path, bytes: [u8; 32]) -> Result<Self, VaultError> {
        check_outside(path, home)?;
        let bytes = Zeroizing::new(bytes);
        let failed = |error| VaultError::KeyFile(path.to_owned(), error);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let text = Zeroizing::new(format!("{}\n", hex::encode(bytes.as_slice())));
        let mut file = options.open(path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self::KeyFile(bytes))
    }
}

/// A key in the house that it locks is no key.
pub fn check_outside(path: &Path, home: &Path) -> Result<(), VaultError> {
    let failed = |error| VaultError::KeyFile(path.to_owned(), error);
    match real(path).map_err(failed)?.starts_with(real(home).map_err(failed)?) {
        true => Err(VaultError::KeyFileInHome(path.to_owned())),
        false => Ok(()),
    }
}

/// Where a path leads, though its last parts may not be there yet.
fn real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut missing = Vec::new();
    for known in path.ancestors() {
        if let Ok(found) = known.canonicalize() {
            return Ok(missing.iter().rev().fold(found, |whole: PathBuf, part| whole.join(part)));
        }
        if let Some(Component::Normal(name)) = known.components().next_back() {
            missing.push(name.to_owned());
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_private_never_overwritten_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let (path, home) = (folder.path().join("key"), folder.path().join("home"));
        assert!(matches!(Secret::read_key_file(&path), Err(VaultError::KeyFile(..))));
        Secret::make_key_file(&path, &home, [7; 32]).unwrap();
        assert!(matches!(
            Secret::make_key_file(&path, &home, [8; 32]),
            Err(VaultError::KeyFile(_, error)) if error.kind() == io::ErrorKind::AlreadyExists
        ));
        let Secret::KeyFile(bytes) = Secret::read_key_file(&path).unwrap() else { panic!() };
        assert_eq!(*bytes, [7; 32]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        for text in ["", "07", "zz".repeat(32).as_str(), "07".repeat(33).as_str(), "\u{7ff}\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(
                matches!(Secret::read_key_file(&path), Err(VaultError::NoKeyFile(_))),
                "{text}"
            );
        }
        std::fs::write(&path, [0xff; 64]).unwrap();
        assert!(matches!(Secret::read_key_file(&path), Err(VaultError::NoKeyFile(_))));
    }

    #[test]
    fn no_key_is_made_in_the_home_by_whatever_way() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let inside = |path: PathBuf| {
            matches!(
                Secret::make_key_file(&path, &home, [1; 32]),
                Err(VaultError::KeyFileInHome(_))
            )
        };
        assert!(inside(home.join("key")), "not even before the home is there");
        std::fs::create_dir(&home).unwrap();
        assert!(inside(home.join("key")));
        assert!(inside(home.join("deeper").join("key")));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&home, folder.path().join("link")).unwrap();
            assert!(inside(folder.path().join("link").join("key")));
        }
        Secret::make_key_file(&folder.path().join("home.key"), &home, [1; 32]).unwrap();
    }
}
