//! The command line: what is common to all commands, and how it is read in the user's language.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;
use crate::error::Failure;
use crate::help;
use crate::message::{Language, Messages};
use crate::output::{ColorChoice, Format};

/// The whole command line. All texts come from the catalogue (`help.rs`).
#[derive(Debug, Parser)]
#[command(name = "shouwang", version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    #[arg(long, global = true, value_name = "DIR", env = "SHOUWANG_HOME")]
    pub(crate) home: Option<PathBuf>,
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[arg(long, global = true, value_name = "FILE", env = crate::secret::KEY_FILE_VARIABLE)]
    pub(crate) key_file: Option<PathBuf>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, global = true, value_enum, default_value = "table")]
    pub(crate) format: TableFormat,
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<Language>,
    #[arg(long, global = true, value_name = "DATE")]
    pub(crate) as_of: Option<String>,
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

/// How a table is printed where `--json` is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TableFormat {
    /// For people.
    Table,
    /// Tab-separated.
    Tsv,
    /// Comma-separated.
    Csv,
    /// As `--json`.
    Json,
}

/// What is known before the command line as a whole is: the language, and whether the answer, even
/// an error about the command line itself, shall be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Early {
    /// `--lang`, or the locale's language.
    pub(crate) language: Language,
    /// `--json`.
    pub(crate) json: bool,
}

/// What came of reading the command line.
pub(crate) enum Read {
    /// A command.
    Run(Box<Arguments>),
    /// Help or the version was asked for.
    Print(String),
    /// A group of commands was named and no command of it: this help says what there is.
    Incomplete(String),
}

impl Global {
    /// How data is printed.
    pub(crate) fn format(&self) -> Format {
        match (self.json, self.format) {
            (true, _) | (false, TableFormat::Json) => Format::Json,
            (false, TableFormat::Csv) => Format::Csv,
            (false, TableFormat::Table) => Format::Table,
            (false, TableFormat::Tsv) => Format::Tsv,
        }
    }
}

impl Early {
    /// Looks through the raw arguments.
    pub(crate) fn read(arguments: &[OsString]) -> Self {
        let mut early = Self { language: Language::of_system(), json: false };
        let mut after_lang = false;
        for argument in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
            if argument == "--" {
                break;
            }
            let language = match argument.strip_prefix("--lang=") {
                None if after_lang => Some(argument),
                other => other,
            };
            match language {
                Some("zh") => early.language = Language::Zh,
                Some("en") => early.language = Language::En,
                _ => early.json |= argument == "--json",
            }
            after_lang = argument == "--lang";
        }
        early
    }
}

/// Reads the command line.
pub(crate) fn read(arguments: &[OsString], messages: &Messages) -> Result<Read, Failure> {
    let matched = help::localised(Arguments::command(), messages)
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match matched {
        Ok(arguments) => Ok(Read::Run(Box::new(arguments))),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Read::Print(help::rendered(&error, messages)))
            }
            ErrorKind::MissingSubcommand => {
                let mut words: Vec<OsString> =
                    help_command(arguments).split(' ').map(OsString::from).collect();
                words.push("--help".into());
                let help = help::localised(Arguments::command(), messages)
                    .try_get_matches_from(words)
                    .err()
                    .map(|error| help::rendered(&error, messages));
                Ok(Read::Incomplete(help.unwrap_or_default()))
            }
            _ => Err(failure(&error, arguments)),
        },
    }
}

/// An error about the command line, in the catalogue's words.
fn failure(error: &clap::Error, arguments: &[OsString]) -> Failure {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        Some(ContextValue::StyledStrs(texts)) => {
            texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        Some(ContextValue::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let argument = || context(ContextKind::InvalidArg);
    let failure = match error.kind() {
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).is_empty() => {
            Failure::usage("option_without_value").with("argument", argument())
        }
        ErrorKind::InvalidValue => Failure::usage("option_choice")
            .with("argument", argument())
            .with("value", context(ContextKind::InvalidValue))
            .with("allowed", context(ContextKind::ValidValue)),
        ErrorKind::ValueValidation => Failure::usage("option_value")
            .with("argument", argument())
            .with("value", context(ContextKind::InvalidValue)),
        ErrorKind::UnknownArgument => {
            Failure::usage("unknown_argument").with("argument", argument())
        }
        ErrorKind::InvalidSubcommand if !context(ContextKind::SuggestedSubcommand).is_empty() => {
            Failure::usage("unknown_command_similar")
                .with("command", context(ContextKind::InvalidSubcommand))
                .with("similar", context(ContextKind::SuggestedSubcommand))
        }
        ErrorKind::InvalidSubcommand => Failure::usage("unknown_command")
            .with("command", context(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingRequiredArgument => {
            Failure::usage("missing_argument").with("argument", argument())
        }
        ErrorKind::ArgumentConflict => Failure::usage("argument_conflict")
            .with("argument", argument())
            .with("other", context(ContextKind::PriorArg)),
        ErrorKind::NoEquals
        | ErrorKind::TooManyValues
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues => {
            Failure::usage("argument_count").with("argument", argument())
        }
        _ => Failure::usage("command_line"),
    };
    failure.with("help", format!("{} --help", help_command(arguments)))
}

/// The command that was begun: the words that name commands.
fn help_command(arguments: &[OsString]) -> String {
    let mut command = Arguments::command();
    let mut words = vec!["shouwang".to_owned()];
    for word in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        let Some(next) = command.find_subcommand(word).cloned() else { continue };
        words.push(word.to_owned());
        command = next;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Described;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn language_and_json_are_known_before_the_rest() {
        let early = |line: &str| Early::read(&arguments(line));
        assert_eq!(early("shouwang --lang en x").language, Language::En);
        assert_eq!(early("shouwang x --lang=zh --json").language, Language::Zh);
        assert!(early("shouwang x --lang=zh --json").json);
        assert!(!early("shouwang x -- --json").json);
    }

    #[test]
    fn mistakes_are_told_in_both_languages_and_name_the_help() {
        for (line, code, help) in [
            ("shouwang elder lst", "unknown_command_similar", "shouwang elder --help"),
            ("shouwang elder xyzzy", "unknown_command", "shouwang elder --help"),
            ("shouwang elder list --all", "unknown_argument", "shouwang elder list --help"),
            ("shouwang init", "missing_argument", "shouwang init --help"),
            ("shouwang --color red status", "option_choice", "shouwang status --help"),
            ("shouwang demo --seed x", "option_value", "shouwang demo --help"),
        ] {
            for language in Language::ALL {
                let messages = Messages::new(language);
                let Err(failure) = read(&arguments(line), &messages) else {
                    panic!("{line} was accepted")
                };
                let described = Described::new(&failure.into(), &messages);
                assert_eq!(described.code, code, "{line}");
                assert!(!described.message.contains(code), "{line}: {}", described.message);
                assert!(described.hint.unwrap().contains(help), "{line}");
            }
        }
    }

    #[test]
    fn help_is_printed_and_no_failure() {
        for language in Language::ALL {
            let messages = Messages::new(language);
            for line in ["shouwang", "shouwang elder", "shouwang --json elder"] {
                let Ok(Read::Incomplete(help)) = read(&arguments(line), &messages) else {
                    panic!("{line} is complete")
                };
                assert!(help.contains("shouwang "), "{line}");
            }
            for line in ["shouwang --help", "shouwang elder list --help", "shouwang --version"] {
                assert!(matches!(read(&arguments(line), &messages), Ok(Read::Print(_))), "{line}");
            }
        }
    }
}
