//! A ledger that comes in: what would be different is shown before anything is.

use std::time::Instant;

use fluent_bundle::FluentValue;
use shouwang_node::command::area::AreaList;

use super::asked::{Answer, Asked};
use super::form::{Control, FormField};
use super::page::{Block, Page};
use super::{Console, token};
use crate::commands::import::{Contents, differences_table, last_day, screen};
use crate::error::Failure;
use crate::output::Mark;

/// Files that wait to be confirmed. Each may be as large as an upload.
const WAITING_MAX: usize = 4;
/// How long one waits.
const WAITS: std::time::Duration = std::time::Duration::from_secs(30 * 60);

/// A file that somebody has seen the preview of.
pub(super) struct Waiting {
    token: String,
    name: String,
    bytes: Vec<u8>,
    since: Instant,
}

/// Asks for a file.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let messages = asked.context.messages.clone();
    let mut page =
        asked.page(messages.word("console-place", "import")).same_as("shouwang import FILE");
    page.note(Mark::Note, messages.text("console-import-why"));
    let field = FormField::of(
        "file",
        messages.word("console-word", "ledger_file"),
        Control::File(".xlsx,.csv"),
    );
    let mut form =
        asked.form(messages.word("console-word", "look_at_it"), vec![field.required()])?;
    form.file = true;
    page.add(Block::Form(Box::new(form)));
    Ok(page.into())
}

/// Shows what a file would change, or takes in the one that was shown.
pub(super) fn take(asked: &mut Asked) -> anyhow::Result<Answer> {
    match asked.filled().text("seen").map(str::to_owned) {
        Some(token) => {
            let waiting = asked.console.taken(&token);
            let Some(waiting) = waiting else {
                return Err(Failure::usage("upload_gone").into());
            };
            report(asked, &waiting.name, &waiting.bytes, false)
        }
        None => {
            let Some(file) = asked.files.remove("file").filter(|file| !file.bytes.is_empty())
            else {
                return Err(Failure::usage("upload_missing").into());
            };
            report(asked, &file.name, &file.bytes, true)
        }
    }
}

fn report(asked: &mut Asked, name: &str, bytes: &[u8], dry_run: bool) -> anyhow::Result<Answer> {
    let directory = asked.node.call(AreaList { within: None })?;
    let contents = Contents::read(name, bytes, None, directory)?;
    let today = last_day(std::slice::from_ref(&contents), &mut asked.node, &asked.context)?;
    let report = contents.import(dry_run, today, &mut asked.node, None)?;
    let messages = asked.context.messages.clone();
    let title = match dry_run {
        true => messages.say("console-import-would", [("name", FluentValue::from(name))]),
        false => messages.say("console-import-done", [("name", FluentValue::from(name))]),
    };
    let command = match dry_run {
        true => "shouwang import FILE --dry-run",
        false => "shouwang import FILE",
    };
    let mut page: Page = asked.page(title).same_as(command);
    if !dry_run {
        page.note(Mark::Good, messages.text("console-import-saved"));
    }
    page.add_screen(&screen(&report, &asked.context));
    if !report.differences.is_empty() {
        asked.note("differences", name, None, report.changed)?;
        page.heading(messages.word("import-heading", "import-differences"));
        let (table, hidden) = differences_table(&report, &asked.context);
        let caption = messages.word("import-heading", "import-differences");
        page.add(Block::Grid(super::page::Grid::of(&table, caption, String::new(), |_| None)));
        if hidden > 0 {
            let count = FluentValue::from(hidden);
            page.note(Mark::Note, messages.say("more-differences", [("count", count)]));
        }
    }
    if dry_run && report.new + report.changed > 0 {
        let token = asked.console.wait(name, bytes)?;
        let count = FluentValue::from(report.new + report.changed);
        let form = asked.form(
            messages.say("console-import-now", [("count", count)]),
            vec![FormField::hidden("seen", token)],
        )?;
        page.add(Block::Form(Box::new(form)));
    }
    Ok(page.into())
}

impl Console {
    /// Keeps a file until somebody has seen what it would change.
    fn wait(&self, name: &str, bytes: &[u8]) -> anyhow::Result<String> {
        let token = token()?;
        let mut waiting = self.waiting();
        waiting.retain(|one| one.since.elapsed() < WAITS);
        if waiting.len() >= WAITING_MAX {
            waiting.remove(0);
        }
        waiting.push(Waiting {
            token: token.clone(),
            name: name.to_owned(),
            bytes: bytes.to_vec(),
            since: Instant::now(),
        });
        Ok(token)
    }

    fn taken(&self, token: &str) -> Option<Waiting> {
        let mut waiting = self.waiting();
        let at = waiting.iter().position(|one| one.token == token)?;
        Some(waiting.remove(at))
    }
}
