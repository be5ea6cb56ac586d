//! 守望: one binary for cadres, clerks, bureaus and operators of the mesh.
//!
//! Reads the command line, runs a command, and ends with the exit code that says whose turn it is.
//! Everything that is printed comes from the catalogue (`message.rs`); everything that is known
//! comes from the node, running or opened here (`shouwang_node::home`).

mod area_file;
mod arguments;
mod audit;
mod card;
mod commands;
mod completion;
mod confirm;
mod console;
mod context;
mod day;
mod demo;
mod error;
mod export;
mod file;
mod finding;
mod happening;
mod help;
mod import_report;
mod ledger;
mod log_output;
mod message;
mod meter;
mod moment;
mod output;
mod parse;
mod progress;
mod qr;
mod report_sheets;
mod sample;
mod screen;
mod sealed;
mod secret;
mod sheet;
mod token_text;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::NaiveDate;
use shouwang_node::home::Home;

use crate::arguments::{Early, Global, Read};
use crate::context::Context;
use crate::error::{Described, Exit, Failure};
use crate::message::Messages;
use crate::output::{ColorChoice, Format, Mark, Output};
use crate::secret::Secrets;

fn main() -> ExitCode {
    let raw: Vec<OsString> = std::env::args_os().collect();
    completion::answer_a_shell(&raw);
    let early = Early::read(&raw);
    let messages = Messages::new(early.language);
    let arguments = match arguments::read(&raw, &messages) {
        Ok(Read::Run(arguments)) => arguments,
        Ok(Read::Print(text)) => {
            let output = Output::new(Format::Table, ColorChoice::Auto);
            return code(finish(output.write(&text).map(|()| Exit::Done), output, &messages));
        }
        Ok(Read::Incomplete(help)) if !early.json => {
            Output::new(Format::Table, ColorChoice::Auto).note(help.trim_end());
            return code(Exit::Usage);
        }
        Ok(Read::Incomplete(_)) => {
            let output = Output::new(Format::Json, ColorChoice::Auto);
            return code(finish(Err(Failure::usage("missing_command").into()), output, &messages));
        }
        Err(failure) => {
            let format = if early.json { Format::Json } else { Format::Table };
            let output = Output::new(format, ColorChoice::Auto);
            return code(finish(Err(failure.into()), output, &messages));
        }
    };
    let output = Output::new(arguments.global.format(), arguments.global.color);
    let found = surroundings(&arguments.global);
    let log_file = found.as_ref().ok().and_then(|(home, ..)| arguments.command.log_file(home));
    let no_log_file = log_output::start(arguments.global.verbose, log_file.as_deref());
    if let (Some(error), Some(path)) = (no_log_file, log_file) {
        let (path, detail) = (path.display().to_string(), error.to_string());
        let values = [("path", path.into()), ("detail", detail.into())];
        output.marked_note(Mark::Attention, &messages.say("no-log-file", values));
    }
    // A damaged page makes the database panic, which the node turns into an error that a person can
    // act on: where in the library it was concerns only whoever looks into the logs.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    let (home, as_of, as_of_typed) = match found {
        Ok(found) => found,
        Err(failure) => return code(finish(Err(failure.into()), output, &messages)),
    };
    let verbose = arguments.global.verbose;
    let secrets = Arc::new(Secrets::new(&arguments.global, home.clone(), &messages));
    let home = Home::at(home).with_secrets(secrets.clone());
    let now_ms = context::now_ms();
    let messages = Arc::new(messages);
    let context = Context {
        home,
        secrets,
        messages,
        output,
        as_of,
        as_of_typed,
        now_ms,
        language_typed: arguments.global.lang,
        verbose,
    };
    code(finish(arguments.command.run(&context), output, &context.messages))
}

/// The node's directory and the day, as asked for or by default, and whether the day was asked for.
fn surroundings(global: &Global) -> Result<(PathBuf, NaiveDate, bool), Failure> {
    let as_of = match &global.as_of {
        Some(text) => parse::date("--as-of", text)?,
        None => context::today(),
    };
    let home = global.home.clone().or_else(context::default_home);
    let home = home.ok_or_else(|| Failure::usage("no_home_directory"))?;
    Ok((home, as_of, global.as_of.is_some()))
}

/// Says what went wrong: on stdout as one object with `--json`, otherwise on stderr.
fn finish(result: anyhow::Result<Exit>, output: Output, messages: &Messages) -> Exit {
    let error = match result {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    let described = Described::new(&error, messages);
    if output.is_json() {
        // Where stdout itself is broken there is nobody left to tell.
        let _ = output.json(&described.object());
    } else {
        output.marked_note(Mark::Bad, &described.message);
        for line in described.hint.iter().flat_map(|hint| hint.lines()) {
            output.note(&format!("  → {line}"));
        }
    }
    described.exit
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}
