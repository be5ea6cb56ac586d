//! What a shell offers while a person types: commands and options, and what there is in this very home: places,
//! devices, incidents, offers, files by the beginning of their ids. Values come from the running node, which asks for
//! no secret, and none is the name of a person.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use shouwang_node::command::area::AreaList;
use shouwang_node::command::conflicts::ConflictList;
use shouwang_node::command::devices::DeviceList;
use shouwang_node::command::explain::Explain;
use shouwang_node::command::health::CODES;
use shouwang_node::command::incident::{IncidentList, Which};
use shouwang_node::command::quarantine::QuarantineList;
use shouwang_node::command::transfer::TransferList;
use shouwang_node::home::{Home, HomeError, Node};

use crate::arguments::{Arguments, Early};
use crate::context::default_home;
use crate::help;
use crate::message::Messages;

/// The variable by which a shell's script says that it asks.
pub(crate) const VARIABLE: &str = "SHOUWANG_COMPLETE";

/// How long a person at a prompt waits for a node that is busy.
const PATIENCE: Duration = Duration::from_millis(800);

/// Digits of an id that are shown: as many as `list` commands show, which are enough nearly always.
const DIGITS: usize = 8;

/// Answers a shell, and ends, if it is one that asks.
pub(crate) fn answer_a_shell(arguments: &[OsString]) {
    let language = Early::read(arguments).language;
    CompleteEnv::with_factory(|| {
        with_values(help::localised(Arguments::command(), &Messages::new(language)))
    })
    .var(VARIABLE)
    .complete();
}

/// What an argument is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Live {
    Place,
    Device,
    Incident,
    Offer,
    Conflict,
    Entry,
    Elder,
    /// Codes of findings, and what else can be explained.
    Explained,
}

impl Live {
    /// By the argument's id; `key` is the path of the command.
    fn of(key: &str, argument: &str) -> Option<Self> {
        Some(match (key, argument) {
            ("explain", "what") => Self::Explained,
            (_, "elder" | "keep" | "other") => Self::Elder,
            (_, "scope" | "village" | "within" | "area") => Self::Place,
            ("transfer-offer" | "transfer-accept", "to" | "from") => Self::Place,
            ("bundle-export", "to") => Self::Place,
            (_, "device") => Self::Device,
            (_, "incident") => Self::Incident,
            (_, "transfer") => Self::Offer,
            (_, "conflict") => Self::Conflict,
            ("quarantine-adopt", "entries") => Self::Entry,
            _ => return None,
        })
    }

    /// What there is, of which the first characters are these.
    fn values(self, node: &mut Node, typed: &str) -> Result<Vec<CompletionCandidate>, HomeError> {
        let short =
            |id: String| CompletionCandidate::new(id.chars().take(DIGITS).collect::<String>());
        Ok(match self {
            Self::Place => {
                let places = node.call(AreaList { within: None })?.places;
                let place = |code: String, name: String| {
                    CompletionCandidate::new(code).help(Some(name.into()))
                };
                places.into_iter().map(|found| place(found.code.to_string(), found.name)).collect()
            }
            Self::Device => {
                let devices = node.call(DeviceList { all: false })?.devices;
                let area = |found: &str| Some(found.to_owned().into());
                devices
                    .into_iter()
                    .map(|found| {
                        short(found.device.to_string()).help(area(&found.area.to_string()))
                    })
                    .collect()
            }
            Self::Incident => {
                let asked = IncidentList { which: Which::Open, elder: None, as_of: None };
                let incidents = node.call(asked)?.incidents;
                incidents.into_iter().map(|found| short(found.incident_id.to_string())).collect()
            }
            Self::Offer => {
                let transfers = node.call(TransferList { scope: None })?.transfers;
                transfers.into_iter().map(|found| short(found.transfer_id.to_string())).collect()
            }
            Self::Conflict => {
                let conflicts = node.call(ConflictList { scope: None, elder: None })?.conflicts;
                conflicts.into_iter().map(|found| CompletionCandidate::new(found.id)).collect()
            }
            Self::Entry => {
                let entries = node.call(QuarantineList { scope: None })?.entries;
                entries.into_iter().map(|found| short(found.entry.to_string())).collect()
            }
            // A county has a hundred thousand files: the first digits come from the person.
            Self::Elder if typed.len() < 4 => Vec::new(),
            Self::Elder => {
                let files = node.call(Explain { elder: typed.to_owned() })?.files;
                files.into_iter().map(|found| short(found.elder_id.to_string())).collect()
            }
            Self::Explained => CODES.into_iter().map(CompletionCandidate::new).collect(),
        })
    }
}

/// The tree whose arguments know what there is.
fn with_values(command: Command) -> Command {
    fn inside(mut command: Command, key: &str) -> Command {
        let arguments: Vec<clap::Id> =
            command.get_arguments().map(|argument| argument.get_id().clone()).collect();
        for id in arguments {
            let live = Live::of(key, id.as_str());
            // Each of them, in their order: clap puts at the end what it was given to change.
            command = command.mut_arg(id, |argument| match live {
                Some(live) => completed(argument, live),
                None => argument,
            });
        }
        let names: Vec<String> =
            command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        for name in names {
            let key = if key.is_empty() { name.clone() } else { format!("{key}-{name}") };
            command = command.mut_subcommand(name, |inner| inside(inner, &key));
        }
        command
    }
    inside(command, "")
}

fn completed(argument: Arg, live: Live) -> Arg {
    argument.add(ArgValueCompleter::new(move |typed: &OsStr| candidates(live, typed)))
}

fn candidates(live: Live, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str().map(str::to_owned) else { return Vec::new() };
    let Some(home) = home(std::env::args_os().collect()) else { return Vec::new() };
    let (sender, receiver) = channel();
    let beginning = typed.clone();
    // Whatever the node does, the prompt comes back.
    std::thread::spawn(move || {
        let node = Home::at(home).running_node();
        let values = node.and_then(|mut node| live.values(&mut node, &beginning).ok());
        let _ = sender.send(values.unwrap_or_default());
    });
    let mut values = receiver.recv_timeout(PATIENCE).unwrap_or_default();
    values.retain(|value| value.get_value().to_str().is_some_and(|text| text.starts_with(&typed)));
    values
}

/// The home of the command line that is being typed.
fn home(arguments: Vec<OsString>) -> Option<PathBuf> {
    let named = arguments.iter().enumerate().find_map(|(at, argument)| {
        let text = argument.to_str()?;
        match text.strip_prefix("--home=") {
            Some(home) => Some(PathBuf::from(home)),
            None if text == "--home" => arguments.get(at + 1).map(PathBuf::from),
            None => None,
        }
    });
    let set = std::env::var_os("SHOUWANG_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    named.or(set).or_else(default_home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_live_values_is_in_the_tree() {
        let mut found = Vec::new();
        fn visit(command: &Command, key: &str, found: &mut Vec<Live>) {
            let arguments = command.get_arguments();
            found.extend(arguments.filter_map(|one| Live::of(key, one.get_id().as_str())));
            for inner in command.get_subcommands() {
                let name = inner.get_name();
                let key = if key.is_empty() { name.to_owned() } else { format!("{key}-{name}") };
                visit(inner, &key, found);
            }
        }
        visit(&with_values(Arguments::command()), "", &mut found);
        let all = [
            Live::Place,
            Live::Device,
            Live::Incident,
            Live::Offer,
            Live::Conflict,
            Live::Entry,
            Live::Elder,
            Live::Explained,
        ];
        assert!(all.iter().all(|live| found.contains(live)), "{found:?}");
    }

    #[test]
    fn the_tree_is_well_formed() {
        with_values(Arguments::command()).debug_assert();
    }

    #[test]
    fn the_home_is_that_of_the_line_that_is_typed() {
        let line = |text: &str| home(text.split(' ').map(OsString::from).collect());
        assert_eq!(line("-- shouwang --home a/b status"), Some("a/b".into()));
        assert_eq!(line("-- shouwang status --home=c"), Some("c".into()));
    }
}
