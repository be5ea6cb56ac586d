//! What opens a home: a passphrase or a key file, from options, the environment, or a terminal.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use shouwang_node::command::{CommandError, ErrorKind};
use shouwang_node::home::SecretSource;
use shouwang_node::limits::{PASSPHRASE_BYTES_MAX, PASSPHRASE_CHARS_MIN};
use shouwang_node::vault::secret::check_outside;
use shouwang_node::vault::{Lock, Secret};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::arguments::Global;
use crate::message::Messages;

/// The variable that holds a passphrase.
const PASSPHRASE_VARIABLE: &str = "SHOUWANG_PASSPHRASE";

/// The variable that names a key file; clap reads it too, for `--key-file`.
pub(crate) const KEY_FILE_VARIABLE: &str = "SHOUWANG_KEY_FILE";

/// Where to look for what opens a home, and whom to ask.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    /// The home, in which no key file may lie.
    pub(crate) home: PathBuf,
    /// `--passphrase-file`
    pub(crate) passphrase_file: Option<PathBuf>,
    /// `--key-file`, or the environment's.
    pub(crate) key_file: Option<PathBuf>,
    /// What a terminal is asked with.
    pub(crate) prompts: Prompts,
}

/// Questions on a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Prompts {
    open: String,
    new: String,
    again: String,
}

impl Prompts {
    pub(crate) fn new(messages: &Messages) -> Self {
        Self {
            open: messages.text("passphrase-prompt"),
            new: messages.text("passphrase-prompt-new"),
            again: messages.text("passphrase-prompt-again"),
        }
    }
}

impl Secrets {
    /// As the command line says.
    pub(crate) fn new(global: &Global, home: PathBuf, messages: &Messages) -> Self {
        Self {
            home,
            passphrase_file: global.passphrase_file.clone(),
            key_file: global.key_file.clone(),
            prompts: Prompts::new(messages),
        }
    }

    /// Another secret for the same home: only from these options, or a terminal.
    pub(crate) fn replacement(
        &self,
        passphrase_file: Option<&Path>,
        key_file: Option<&Path>,
    ) -> Result<Secret, CommandError> {
        match (passphrase_file, key_file) {
            (Some(path), _) => strong(from_file(path)?),
            (None, Some(path)) => self.key_file(path),
            (None, None) => self.prompt_new()?.ok_or_else(|| usage("new_secret_needed")),
        }
    }

    /// Whether the key file was named on the command line rather than by the environment.
    fn key_file_is_meant(&self) -> bool {
        self.key_file.is_some() && self.key_file != variable(KEY_FILE_VARIABLE).map(PathBuf::from)
    }

    /// Reads a key file, or makes one where there is none.
    fn key_file(&self, path: &Path) -> Result<Secret, CommandError> {
        check_outside(path, &self.home)?;
        if path.symlink_metadata().is_ok() {
            return Ok(Secret::read_key_file(path)?);
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| CommandError::new(ErrorKind::Failed, "no_randomness", error))?;
        Ok(Secret::make_key_file(path, &self.home, bytes)?)
    }

    /// Asks twice. None where there is no terminal.
    fn prompt_new(&self) -> Result<Option<Secret>, CommandError> {
        if !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let first = strong(prompt(&self.prompts.new)?)?;
        let Secret::Passphrase(first) = first else { return Ok(None) };
        match *first == *prompt(&self.prompts.again)? {
            true => Ok(Some(Secret::Passphrase(first))),
            false => Err(usage("passphrases_differ")),
        }
    }
}

impl SecretSource for Secrets {
    fn to_open(&self, lock: Lock) -> Result<Secret, CommandError> {
        match (lock, &self.passphrase_file, &self.key_file) {
            (Lock::KeyFile, _, Some(path)) => Ok(Secret::read_key_file(path)?),
            (Lock::KeyFile, _, None) => Err(usage("key_file_needed")),
            (Lock::Passphrase, Some(path), _) => Ok(Secret::Passphrase(from_file(path)?)),
            (Lock::Passphrase, None, _) if self.key_file_is_meant() => {
                Err(usage("passphrase_needed"))
            }
            (Lock::Passphrase, None, _) => match from_environment() {
                Some(passphrase) => Ok(Secret::Passphrase(passphrase)),
                None if std::io::stdin().is_terminal() => {
                    Ok(Secret::Passphrase(prompt(&self.prompts.open)?))
                }
                None => Err(usage("secret_needed")),
            },
        }
    }

    fn to_create(&self) -> Result<Secret, CommandError> {
        let meant = self.key_file.as_deref().filter(|_| self.key_file_is_meant());
        match (&self.passphrase_file, meant) {
            (Some(_), Some(_)) => return Err(usage("two_secrets")),
            (Some(path), None) => return strong(from_file(path)?),
            (None, Some(path)) => return self.key_file(path),
            (None, None) => {}
        }
        match (from_environment(), &self.key_file) {
            (Some(_), Some(_)) => Err(usage("two_secrets")),
            (Some(passphrase), None) => strong(passphrase),
            (None, Some(path)) => self.key_file(path),
            (None, None) => self.prompt_new()?.ok_or_else(|| usage("secret_needed")),
        }
    }
}

fn usage(code: &str) -> CommandError {
    CommandError::new(ErrorKind::Usage, code, code)
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn from_environment() -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(variable(PASSPHRASE_VARIABLE)?.into_string().ok()?);
    Some(normal(&text))
}

/// The first line of a file.
fn from_file(path: &Path) -> Result<Zeroizing<String>, CommandError> {
    let mut text = Zeroizing::new(String::new());
    let limit = PASSPHRASE_BYTES_MAX as u64 + 2;
    File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)).map_err(
        |error| match error.kind() {
            std::io::ErrorKind::NotFound => usage("file_not_found").with("path", path.display()),
            _ => CommandError::new(ErrorKind::Failed, "file_unreadable", &error)
                .with("path", path.display())
                .with("detail", error),
        },
    )?;
    Ok(normal(text.lines().next().unwrap_or_default()))
}

fn prompt(question: &str) -> Result<Zeroizing<String>, CommandError> {
    let typed = rpassword::prompt_password(format!("{question} ")).map_err(|error| {
        CommandError::new(ErrorKind::Failed, "terminal", &error).with("detail", error)
    })?;
    Ok(normal(&Zeroizing::new(typed)))
}

/// One form of what looks the same: input methods differ in how they compose characters.
pub(crate) fn normal(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.nfc().collect())
}

/// A new passphrase must be worth guessing at.
fn strong(passphrase: Zeroizing<String>) -> Result<Secret, CommandError> {
    let fits = passphrase.chars().count() >= PASSPHRASE_CHARS_MIN
        && passphrase.len() <= PASSPHRASE_BYTES_MAX;
    match fits {
        true => Ok(Secret::Passphrase(passphrase)),
        false => Err(usage("passphrase_length").with("least", PASSPHRASE_CHARS_MIN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;

    fn secrets(folder: &Path) -> Secrets {
        Secrets {
            home: folder.join("home"),
            passphrase_file: None,
            key_file: None,
            prompts: Prompts::new(&Messages::new(Language::En)),
        }
    }

    #[test]
    fn a_passphrase_file_is_one_line_and_a_new_one_is_long_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        let with = Secrets { passphrase_file: Some(path.clone()), ..secrets(folder.path()) };
        assert_eq!(with.to_create().unwrap_err().code, "file_not_found");
        std::fs::write(&path, "短短短\n").unwrap();
        assert_eq!(with.to_create().unwrap_err().code, "passphrase_length");
        // An e with an accent, composed or not, is the same passphrase.
        for text in ["雾松镇的caf\u{e9}\r\nrest", "雾松镇的cafe\u{301}"] {
            std::fs::write(&path, text).unwrap();
            let Ok(Secret::Passphrase(read)) = with.to_create() else { panic!("{text}") };
            assert_eq!(*read, "雾松镇的caf\u{e9}");
        }
        std::fs::write(&path, "长".repeat(400)).unwrap();
        assert!(with.to_create().is_err());
    }

    #[test]
    fn a_key_file_is_made_once_and_never_in_the_home() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let with = Secrets { key_file: Some(path.clone()), ..secrets(folder.path()) };
        assert_eq!(with.to_open(Lock::KeyFile).unwrap_err().code, "key_file_not_found");
        let Ok(Secret::KeyFile(made)) = with.to_create() else { panic!() };
        let Ok(Secret::KeyFile(again)) = with.to_create() else { panic!() };
        assert_eq!(made, again);
        assert_eq!(with.to_open(Lock::Passphrase).unwrap_err().code, "passphrase_needed");
        let inside = Secrets { key_file: Some(folder.path().join("home/key")), ..with.clone() };
        assert_eq!(inside.to_create().unwrap_err().code, "key_file_in_home");
        let both = Secrets { passphrase_file: Some(path), ..with };
        assert_eq!(both.to_create().unwrap_err().code, "two_secrets");
        assert_eq!(
            secrets(folder.path()).to_open(Lock::KeyFile).unwrap_err().code,
            "key_file_needed"
        );
    }
}
