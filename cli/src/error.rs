//! What can go wrong, what to do next, and the exit code that says whose turn it is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use fluent_bundle::FluentArgs;
use serde::Serialize;
use shouwang_crdt_schema::field::{Field, ValueError};
use shouwang_node::command::{CommandError, ErrorKind, JSON_SCHEMA_VERSION};
use shouwang_node::home::HomeError;

use crate::message::Messages;
use crate::words;

/// How a command ended: the process's exit code. `docs/json.md` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Healthy, or done.
    Done = 0,
    /// The node, its disk or a file failed.
    Failed = 1,
    /// The command cannot be meant like this.
    Usage = 2,
    /// Done, and something waits for a person.
    Attention = 3,
    /// Stored data is damaged, or has been in one place only for too long.
    AtRisk = 4,
    /// Nobody could be reached: trying again may help.
    Unreachable = 5,
    /// This device may not do that.
    Refused = 6,
}

/// A failure that this program knows by name: `error-<code>` in the catalogue, whose attribute
/// `hint` says what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    code: String,
    arguments: BTreeMap<String, String>,
}

/// An error as it is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Described {
    #[serde(skip)]
    pub(crate) exit: Exit,
    /// What went wrong, for scripts.
    pub(crate) code: String,
    /// What went wrong, for people.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
    /// The field, list or `list/key` that was refused, for scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
}

/// The one object that `--json` prints when a command fails.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorObject<'a> {
    schema_version: u32,
    error: &'a Described,
}

impl Failure {
    /// The command cannot be meant like this.
    pub(crate) fn usage(code: &str) -> Self {
        Self::new(Exit::Usage, code)
    }

    /// A file, the node or its disk failed.
    pub(crate) fn failed(code: &str) -> Self {
        Self::new(Exit::Failed, code)
    }

    fn new(exit: Exit, code: &str) -> Self {
        Self { exit, code: code.to_owned(), arguments: BTreeMap::new() }
    }

    /// Fills a place of the message.
    pub(crate) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.arguments.insert(name.to_owned(), value.to_string());
        self
    }

    /// A file that could not be read: usage where it is not there, failure otherwise.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                Self::usage("file_not_found").with("path", path.display())
            }
            _ => Self::failed("file_unreadable").with("path", path.display()).with("detail", error),
        }
    }

    /// A file that could not be written.
    pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Self::usage("file_exists").with("path", path.display())
            }
            _ => Self::failed("file_unwritable").with("path", path.display()).with("detail", error),
        }
    }

    /// A text that cannot stand in a field; the text itself is not repeated, it may be personal.
    pub(crate) fn value(error: &ValueError, messages: &Messages) -> Self {
        let error = CommandError::from(error);
        let arguments = worded(&error, messages);
        Self { arguments, ..Self::usage(&error.code) }
    }
}

impl fmt::Display for Failure {
    /// English for logs; people see the catalogue.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

impl std::error::Error for Failure {}

impl Described {
    /// Puts an error into words.
    pub(crate) fn new(error: &anyhow::Error, messages: &Messages) -> Self {
        for cause in error.chain() {
            if let Some(failure) = cause.downcast_ref::<Failure>() {
                return Self::known(
                    failure.exit,
                    &failure.code,
                    &failure.arguments,
                    &failure.code,
                    messages,
                );
            }
            if let Some(failure) = cause.downcast_ref::<HomeError>() {
                return Self::home(failure, messages);
            }
        }
        let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
        let arguments = BTreeMap::from([("detail".to_owned(), chain.join(": "))]);
        Self::known(Exit::Failed, "unexpected", &arguments, "unexpected", messages)
    }

    fn home(error: &HomeError, messages: &Messages) -> Self {
        let exit = match error.kind() {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Refused => Exit::Refused,
            ErrorKind::NotFound | ErrorKind::Failed => Exit::Failed,
        };
        let at_risk =
            ["store_corrupt", "store_key_missing", "store_key_damaged", "store_key_foreign"];
        let exit = if at_risk.contains(&error.code()) { Exit::AtRisk } else { exit };
        let home = |path: &Path| BTreeMap::from([("home".to_owned(), path.display().to_string())]);
        let arguments = match error {
            HomeError::NoNode(path)
            | HomeError::NotJoined(path)
            | HomeError::AlreadyJoined(path)
            | HomeError::InUse(path) => home(path),
            HomeError::OtherDevice => BTreeMap::new(),
            HomeError::Command(error) => worded(error, messages),
        };
        let field = match error {
            HomeError::Command(error) => error.arguments.get("field").cloned(),
            _ => None,
        };
        let known = Self::known(exit, error.code(), &arguments, &error.to_string(), messages);
        Self { field, ..known }
    }

    /// The catalogue's words for a code, or `english` with the code where it has none.
    fn known(
        exit: Exit,
        code: &str,
        arguments: &BTreeMap<String, String>,
        english: &str,
        messages: &Messages,
    ) -> Self {
        let filled: FluentArgs<'_> =
            arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let key = format!("error-{code}");
        Self {
            exit,
            code: code.to_owned(),
            message: messages
                .find(&key, None, &filled)
                .unwrap_or_else(|| format!("{english} ({code})")),
            hint: messages.find(&key, Some("hint"), &filled),
            field: None,
        }
    }

    /// The object for `--json`.
    pub(crate) fn object(&self) -> ErrorObject<'_> {
        ErrorObject { schema_version: JSON_SCHEMA_VERSION, error: self }
    }
}

/// What fills the places of a command's error, in the words of people.
fn worded(error: &CommandError, messages: &Messages) -> BTreeMap<String, String> {
    let mut arguments = error.arguments.clone();
    let field = arguments.get("field").and_then(|key| Field::from_key(key));
    if let Some(field) = field.filter(|_| error.code == "value_choice") {
        arguments.insert("allowed".to_owned(), words::field_choices(messages, field));
    }
    if let Some(reason) = arguments.get_mut("reason")
        && error.code == "value_resident_id"
    {
        *reason = messages.word("reason", reason);
    }
    if let Some(field) = arguments.get_mut("field") {
        *field = words::subject(messages, field);
    }
    if let Some(what) = arguments.get_mut("what") {
        *what = messages.word("undo-kind", what);
    }
    if let Some(part) = arguments.get_mut("part") {
        *part = words::part_name(messages, part);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;

    #[test]
    fn kinds_decide_the_exit_code() {
        let messages = Messages::new(Language::En);
        for (kind, exit) in [
            (ErrorKind::Usage, Exit::Usage),
            (ErrorKind::Refused, Exit::Refused),
            (ErrorKind::NotFound, Exit::Failed),
            (ErrorKind::Failed, Exit::Failed),
        ] {
            let error = HomeError::Command(CommandError::new(kind, "no_such_code", "in English"));
            let described = Described::new(&error.into(), &messages);
            assert_eq!(described.exit, exit);
            assert_eq!(described.message, "in English (no_such_code)");
        }
    }

    #[test]
    fn a_damaged_store_is_data_at_risk() {
        let error = CommandError::new(ErrorKind::Failed, "store_corrupt", "torn");
        let error = HomeError::Command(error.with("detail", "torn"));
        let described = Described::new(&error.into(), &Messages::new(Language::En));
        assert_eq!(described.exit, Exit::AtRisk);
        assert!(described.hint.is_some_and(|hint| hint.contains("delete nothing")));
    }

    #[test]
    fn choices_are_listed_as_people_say_and_as_they_are_stored() {
        let error = Field::Sex.value("x").unwrap_err();
        let said = |language| {
            let messages = Messages::new(language);
            Described::new(&Failure::value(&error, &messages).into(), &messages).message
        };
        assert!(said(Language::Zh).contains("女 Female"), "{}", said(Language::Zh));
        assert!(said(Language::En).contains("Female"), "{}", said(Language::En));
        assert!(!said(Language::En).contains('女'));
    }

    #[test]
    fn an_error_names_the_next_command() {
        let error = HomeError::NoNode("/tmp/x".into());
        for language in Language::ALL {
            let described = Described::new(
                &anyhow::Error::from(HomeError::NoNode("/tmp/x".into())),
                &Messages::new(language),
            );
            assert_eq!(described.code, error.code());
            assert!(described.message.contains("/tmp/x"), "{described:?}");
            assert!(described.hint.is_some_and(|hint| hint.contains("shouwang ")));
        }
    }

    #[test]
    fn the_object_has_the_documented_keys() {
        let messages = Messages::new(Language::Zh);
        let error = anyhow::Error::from(Failure::usage("file_not_found").with("path", "a.xlsx"));
        let described = Described::new(&error, &messages);
        let json = serde_json::to_value(described.object()).unwrap();
        assert_eq!(json["schema_version"], JSON_SCHEMA_VERSION);
        assert_eq!(json["error"]["code"], "file_not_found");
        assert!(json["error"]["message"].as_str().unwrap().contains("a.xlsx"));
        assert!(json["error"].get("hint").is_some());
    }
}
