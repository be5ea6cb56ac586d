//! The file of the store: writing it anew, and what may be wrong with it.

use serde::{Deserialize, Serialize};

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::sync::Now;
use crate::vault::{EnvelopeError, VaultError};

/// Writes the store anew, so that nothing deleted stays in its file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compact {}

/// What came of it, bytes of the store's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compacted {
    /// See [`JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Before.
    pub bytes_before: u64,
    /// After.
    pub bytes_after: u64,
}

/// A backup that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// See [`JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file.
    pub file: std::path::PathBuf,
    /// Its length.
    pub bytes: u64,
}

impl Request for Compact {
    const NAME: &'static str = "compact";
    type Reply = Compacted;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Compacted, CommandError> {
        engine.settle(now)?;
        let rewritten = engine.rewrite()?;
        Ok(Compacted {
            schema_version: JSON_SCHEMA_VERSION,
            bytes_before: rewritten.bytes_before,
            bytes_after: rewritten.bytes_after,
        })
    }
}

impl From<EnvelopeError> for CommandError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Damaged => Self::new(ErrorKind::Failed, "store_key_damaged", error),
            EnvelopeError::WrongPassphrase => {
                Self::new(ErrorKind::Usage, "wrong_passphrase", error)
            }
            EnvelopeError::WrongKeyFile => Self::new(ErrorKind::Usage, "wrong_key_file", error),
            EnvelopeError::NeedsPassphrase => {
                Self::new(ErrorKind::Usage, "passphrase_needed", error)
            }
            EnvelopeError::NeedsKeyFile => Self::new(ErrorKind::Usage, "key_file_needed", error),
            EnvelopeError::Memory => Self::new(ErrorKind::Failed, "passphrase_memory", error),
        }
    }
}

impl From<VaultError> for CommandError {
    fn from(error: VaultError) -> Self {
        use std::io::ErrorKind as Io;
        let text = error.to_string();
        let failed = |code| Self::new(ErrorKind::Failed, code, &text);
        let usage = |code| Self::new(ErrorKind::Usage, code, &text);
        match error {
            VaultError::Store(error) => error.into(),
            VaultError::Envelope(error) => error.into(),
            VaultError::NoStore(home) => usage("no_node").with("home", home.display()),
            VaultError::NotEncrypted => failed("store_not_encrypted"),
            VaultError::NoEnvelope => failed("store_key_missing"),
            VaultError::OtherStore => failed("store_key_foreign"),
            VaultError::BackupRunning => failed("backup_running"),
            VaultError::Exists(path) => usage("file_exists").with("path", path.display()),
            VaultError::NotEmpty(path) => usage("home_not_empty").with("path", path.display()),
            VaultError::NoBackup(path) => usage("not_a_backup").with("path", path.display()),
            VaultError::DamagedBackup => failed("backup_damaged"),
            VaultError::File(path, error) if error.kind() == Io::NotFound => {
                usage("file_not_found").with("path", path.display())
            }
            VaultError::File(path, error) => {
                failed("file_failed").with("path", path.display()).with("detail", error)
            }
            VaultError::KeyFile(path, error) if error.kind() == Io::NotFound => {
                usage("key_file_not_found").with("path", path.display())
            }
            VaultError::KeyFile(path, error) if error.kind() == Io::AlreadyExists => {
                usage("file_exists").with("path", path.display())
            }
            VaultError::KeyFile(path, error) => {
                failed("file_failed").with("path", path.display()).with("detail", error)
            }
            VaultError::NoKeyFile(path) => usage("not_a_key_file").with("path", path.display()),
            VaultError::KeyFileInHome(path) => {
                usage("key_file_in_home").with("path", path.display())
            }
            VaultError::NoFile | VaultError::NotDurable(_) | VaultError::Io(_) => {
                failed("store_failed").with("detail", &text)
            }
        }
    }
}
