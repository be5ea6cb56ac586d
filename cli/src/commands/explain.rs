//! `explain`: what a code or a state means, and why a file, or a place's files, are or are not here.

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::explain::{Explain, ExplainReport, FileState, FileTrace};
use shouwang_node::command::lag::Lag;
use shouwang_node::command::status::Status;

use crate::commands::elder::short;
use crate::commands::lag;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::message::Messages;
use crate::output::Mark;
use crate::screen::Screen;

/// Families of the catalogue whose members are codes that somebody may have seen.
const FAMILIES: [&str; 10] = [
    "finding",
    "peer-fault",
    "refused",
    "unsettled",
    "fault",
    "bundle-fault",
    "reason",
    "village-state",
    "state",
    "flag",
];

/// `explain`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_name = "WHAT")]
    what: String,
}

/// What a code means.
#[derive(Serialize)]
pub(crate) struct ExplainedCode {
    schema_version: u32,
    code: String,
    meanings: Vec<String>,
    fix: Option<String>,
}

/// Explains a code, a place or a file.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let what = args.what.trim();
    if let Ok(place) = what.parse::<DivisionCode>() {
        return explain_place(place, context);
    }
    let explained = code(what, messages);
    if !explained.meanings.is_empty() {
        if output.is_json() {
            output.json(&explained)?;
            return Ok(Exit::Done);
        }
        meanings(&explained).show(output)?;
        return Ok(Exit::Done);
    }
    let is_id = what.len() >= 4 && what.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(Failure::usage("explain_what").with("what", what).into());
    }
    let report = context.node()?.call(Explain { elder: what.to_owned() })?;
    if output.is_json() {
        output.json(&report)?;
    } else {
        files(&report, context).show(output)?;
    }
    Ok(if report.files.is_empty() { Exit::Attention } else { Exit::Done })
}

/// What the catalogue says of a code: places that only an occasion fills are left as dots.
pub(crate) fn code(code: &str, messages: &Messages) -> ExplainedCode {
    let plain = code.replace(':', "-");
    let kind = code.split(':').next().unwrap_or(code);
    let mut meanings = Vec::new();
    for family in FAMILIES {
        let found = messages.dotted(family, Some(&plain));
        meanings.extend(found.or_else(|| messages.dotted(family, Some(kind))));
    }
    let error = format!("error-{kind}");
    meanings.extend(messages.dotted(&error, None));
    meanings.dedup();
    let fix = messages.dotted("finding-fix", Some(kind));
    let fix = fix.or_else(|| messages.dotted("bundle-fault-hint", Some(kind)));
    let fix = fix.or_else(|| messages.dotted(&error, Some("hint")));
    ExplainedCode { schema_version: JSON_SCHEMA_VERSION, code: code.to_owned(), meanings, fix }
}

fn explain_place(place: DivisionCode, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let own = node.call(Status {})?.area;
    if !shouwang_crdt_schema::division::Area(own).contains(place) {
        let values =
            [("place", FluentValue::from(place.to_string())), ("area", own.to_string().into())];
        let text = messages.say("explain-outside", values);
        if output.is_json() {
            let meanings = vec![text];
            let code = "outside_area".to_owned();
            let object =
                ExplainedCode { schema_version: JSON_SCHEMA_VERSION, code, meanings, fix: None };
            output.json(&object)?;
        } else {
            output.line(&text)?;
        }
        return Ok(Exit::Done);
    }
    let report = node.call(Lag { within: Some(place), as_of_ms: None })?;
    let exit = if report.villages.iter().all(lag::is_well) { Exit::Done } else { Exit::Attention };
    match output.is_json() {
        true => output.json(&report)?,
        false => lag::screen(&report, context).show(output)?,
    }
    Ok(exit)
}

/// What a code means, and what mends it.
pub(crate) fn meanings(explained: &ExplainedCode) -> Screen {
    let mut screen = Screen::default();
    explained.meanings.iter().for_each(|meaning| screen.line(meaning.as_str()));
    let fixes = explained.fix.iter().flat_map(|fix| fix.lines());
    fixes.for_each(|line| screen.hint(line));
    screen
}

/// Why files are or are not here.
pub(crate) fn files(report: &ExplainReport, context: &Context) -> Screen {
    let messages = &context.messages;
    let mut screen = Screen::default();
    for file in &report.files {
        let mark = match file.state {
            FileState::Here => Mark::Good,
            FileState::Merged | FileState::MovedAway | FileState::Erased => Mark::Note,
            FileState::Arriving | FileState::Hidden | FileState::SetAside => Mark::Attention,
        };
        screen.marked(mark, trace(file, context));
        if file.unsettled > 0 {
            let count = [("count", FluentValue::from(file.unsettled))];
            screen.hint(messages.say("explain-unsettled", count));
        }
    }
    if report.files.is_empty() {
        let area = [("area", FluentValue::from(report.area.to_string()))];
        screen.marked(Mark::Attention, messages.say("explain-nothing", area));
        screen.hint(messages.text("explain-nothing-why"));
    }
    if report.more {
        screen.line(messages.text("explain-more"));
    }
    screen
}

fn trace(file: &FileTrace, context: &Context) -> String {
    let messages = &context.messages;
    let scope = match &file.scope_name {
        Some(name) => format!("{name} {}", file.scope),
        None => file.scope.to_string(),
    };
    let id = || FluentValue::from(short(&file.elder_id.to_string(), context.verbose));
    let to = || FluentValue::from(file.to.clone().unwrap_or_default());
    let scope = || FluentValue::from(scope.clone());
    match file.state {
        FileState::Here => messages.say("explain-here", [("id", id()), ("scope", scope())]),
        FileState::Merged => {
            messages.say("explain-merged", [("id", id()), ("scope", scope()), ("to", to())])
        }
        FileState::MovedAway => {
            messages.say("explain-moved-away", [("id", id()), ("scope", scope()), ("to", to())])
        }
        FileState::Arriving => messages.say("explain-arriving", [("id", id()), ("scope", scope())]),
        FileState::Hidden => messages.say("explain-hidden", [("id", id()), ("scope", scope())]),
        FileState::Erased => messages.say("explain-erased", [("id", id()), ("scope", scope())]),
        FileState::SetAside => {
            messages.say("explain-set-aside", [("id", id()), ("scope", scope())])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;
    use shouwang_node::command::health::CODES;

    #[test]
    fn every_code_that_a_screen_or_a_script_shows_is_explained() {
        for language in Language::ALL {
            let messages = Messages::new(language);
            let others = ["store_corrupt", "not_allowed:right", "late", "stale", "not_address"];
            for known in CODES.into_iter().chain(others) {
                let explained = code(known, &messages);
                assert!(!explained.meanings.is_empty(), "{language:?} {known}");
                assert!(!explained.meanings[0].contains('{'), "{:?}", explained.meanings);
            }
            assert!(code("gibberish", &messages).meanings.is_empty());
        }
    }
}
