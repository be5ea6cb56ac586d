//! Puts the catalogue's texts into the clap tree.
//!
//! By convention the message `help-<path>` (`help-elder-list`; `help` for the whole program) is what
//! a command does, its attribute `example` how it is used, and an attribute named like an argument
//! what that argument means.

use clap::{Arg, ArgAction, Command};
use fluent_bundle::{FluentArgs, FluentValue};

use crate::message::Messages;

const TEMPLATE_BODY: &str = "{usage}\n\n{all-args}{after-help}";

/// The tree with every text in the catalogue's language.
pub(crate) fn localised(command: Command, messages: &Messages) -> Command {
    let name = command.get_name().to_owned();
    let mut command = localise(command, "help", messages);
    let version = messages.known_word("help", "version").unwrap_or_default();
    command = command.disable_version_flag(true).arg(
        Arg::new("version")
            .short('V')
            .long("version")
            .action(ArgAction::Version)
            .help(version)
            .help_heading(messages.text("help-options")),
    );
    command.bin_name(name)
}

/// Help as it is printed. What clap itself writes into a usage line is English.
pub(crate) fn rendered(error: &clap::Error, messages: &Messages) -> String {
    let text = error.render().to_string();
    text.replace("[OPTIONS]", &format!("[{}]", messages.text("help-options-value")))
}

fn localise(command: Command, key: &str, messages: &Messages) -> Command {
    let about = messages.find(key, None, &FluentArgs::new()).unwrap_or_default();
    let arguments: Vec<clap::Id> =
        command.get_arguments().map(|arg| arg.get_id().clone()).collect();
    let subcommands: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let usage = messages.text("help-usage");
    let mut after = String::new();
    for attribute in ["example", "exit-codes"] {
        if let Some(block) = messages.known_word(key, attribute) {
            let indented: String = block.lines().map(|line| format!("\n  {line}")).collect();
            let heading = messages.word("help-heading", attribute);
            let gap = if after.is_empty() { "" } else { "\n\n" };
            after.push_str(&format!("{gap}{heading}{indented}"));
        }
    }
    let mut command = command
        .about(about)
        .after_help(after)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        // What a command does by itself needs none of its subcommands.
        .subcommand_required(!subcommands.is_empty() && arguments.is_empty())
        .arg_required_else_help(false)
        .help_template(format!("{{about-with-newline}}\n{usage} {TEMPLATE_BODY}"))
        .subcommand_help_heading(messages.text("help-commands"))
        .subcommand_value_name(messages.text("help-command-value"));
    for id in &arguments {
        let help = messages.known_word(key, &id.as_str().replace('_', "-")).unwrap_or_default();
        command = command.mut_arg(id, |arg| localise_argument(arg, help, messages));
    }
    for name in &subcommands {
        let key = format!("{key}-{name}");
        command = command.mut_subcommand(name, |sub| localise(sub, &key, messages));
    }
    command.arg(
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::Help)
            .help(messages.text("help-help"))
            .help_heading(messages.text("help-options")),
    )
}

/// clap writes "[default: …]" and its like in English only, so they are written here.
fn localise_argument(arg: Arg, mut help: String, messages: &Messages) -> Arg {
    let mut add = |text: String| {
        help.push(' ');
        help.push_str(&text);
    };
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let possible: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if takes_value && !possible.is_empty() {
        let value = FluentValue::from(possible.join(", "));
        add(messages.say("help-possible", [("value", value)]));
    }
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes_value && !default.is_empty() {
        let value = FluentValue::from(default.join(", "));
        add(messages.say("help-default", [("value", value)]));
    }
    if let Some(variable) = arg.get_env() {
        let value = FluentValue::from(variable.to_string_lossy().into_owned());
        add(messages.say("help-environment", [("value", value)]));
    }
    let heading = match (arg.is_positional(), arg.is_global_set()) {
        (true, _) => messages.text("help-arguments"),
        (false, false) => messages.text("help-options"),
        (false, true) => messages.text("help-global-options"),
    };
    let arg = arg.help(help).help_heading(heading).hide_env(true);
    match takes_value {
        true => arg.hide_possible_values(true).hide_default_value(true),
        false => arg,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use crate::message::Language;
    use clap::CommandFactory;

    fn visit(command: &Command, key: &str, each: &mut impl FnMut(&Command, &str)) {
        each(command, key);
        for sub in command.get_subcommands() {
            visit(sub, &format!("{key}-{}", sub.get_name()), each);
        }
    }

    #[test]
    fn the_tree_is_well_formed() {
        for language in Language::ALL {
            localised(Arguments::command(), &Messages::new(language)).debug_assert();
        }
    }

    #[test]
    fn every_command_and_argument_is_explained_and_every_command_has_an_example() {
        for language in Language::ALL {
            let messages = Messages::new(language);
            visit(&Arguments::command(), "help", &mut |command, key| {
                assert!(
                    messages.find(key, None, &FluentArgs::new()).is_some(),
                    "{language:?} lacks {key}"
                );
                assert!(
                    messages.known_word(key, "example").is_some(),
                    "{language:?} lacks {key}.example"
                );
                for arg in command.get_arguments() {
                    let attribute = arg.get_id().as_str().replace('_', "-");
                    assert!(
                        messages.known_word(key, &attribute).is_some(),
                        "{language:?} lacks {key}.{attribute}"
                    );
                }
            });
        }
    }

    #[test]
    fn every_example_is_a_command_line_that_reads() {
        use std::ffi::OsString;
        for language in Language::ALL {
            let messages = Messages::new(language);
            visit(&Arguments::command(), "help", &mut |_, key| {
                let example = messages.known_word(key, "example").unwrap_or_default();
                for line in example.lines().filter(|line| line.starts_with("shouwang ")) {
                    // What follows a pipe or redirection is the shell's.
                    let line = line.split(['|', '>', '#']).next().unwrap_or_default();
                    // What stands in quotation marks is one word.
                    let mut words: Vec<OsString> = Vec::new();
                    for (at, piece) in line.split('"').enumerate() {
                        match at % 2 {
                            0 => words.extend(piece.split_whitespace().map(OsString::from)),
                            _ => words.push(piece.into()),
                        }
                    }
                    let read = crate::arguments::read(&words, &messages);
                    assert!(read.is_ok(), "{language:?} {key}: {line}: {:?}", read.err());
                }
            });
        }
    }
}
