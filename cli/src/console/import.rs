//! A ledger that comes in: what would be different is shown before anything is.

use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDate;
use fluent_bundle::FluentValue;
use shouwang_node::command::area::AreaList;

use super::asked::{Answer, Asked, Upload};
use super::form::{Control, FormField};
use super::page::{Block, Page};
use super::{Console, token};
use crate::commands::import::{Contents, differences_table, last_day, screen};
use crate::error::Failure;
use crate::import_report::ImportReport;
use crate::output::Mark;

/// Files that wait to be confirmed. Each may be as large as an upload.
const WAITING_MAX: usize = 4;
/// How long one waits.
const WAITS: std::time::Duration = std::time::Duration::from_secs(30 * 60);

/// A file that somebody has seen the preview of.
pub(super) struct Waiting {
    token: String,
    file: Arc<Upload>,
    /// What the preview said.
    would: blake3::Hash,
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
            let waiting = asked.console.waits(&token);
            let Some((file, would)) = waiting else {
                return Err(Failure::usage("upload_gone").into());
            };
            // Somebody else may have written since; what nobody has seen is not taken in.
            let now = looked_at(asked, &file)?;
            if now.would != would {
                let mut page = preview(asked, file, &now)?;
                page.add_first(Block::Note {
                    mark: Mark::Attention,
                    text: asked.context.messages.text("console-import-changed"),
                    fix: None,
                });
                return Ok(page.into());
            }
            let report = now.contents.import(false, now.today, &mut asked.node, |_| ())?;
            asked.console.taken(&token);
            let messages = asked.context.messages.clone();
            let name = FluentValue::from(file.name.clone());
            let title = messages.say("console-import-done", [("name", name)]);
            let mut page = asked.page(title).same_as("shouwang import FILE");
            page.note(Mark::Good, messages.text("console-import-saved"));
            differences(asked, &mut page, &file.name, &report)?;
            Ok(page.into())
        }
        None => {
            let Some(file) = asked.files.remove("file").filter(|file| !file.bytes.is_empty())
            else {
                return Err(Failure::usage("upload_missing").into());
            };
            let seen = looked_at(asked, &file)?;
            Ok(preview(asked, Arc::new(file), &seen)?.into())
        }
    }
}

/// What a file comes to if it is taken in now.
struct LookedAt {
    contents: Contents,
    today: NaiveDate,
    report: ImportReport,
    /// All of the report.
    would: blake3::Hash,
}

fn looked_at(asked: &mut Asked, file: &Upload) -> anyhow::Result<LookedAt> {
    let directory = asked.node.call(AreaList { within: None })?;
    let contents = Contents::read(&file.name, &file.bytes, None, directory)?;
    let today = last_day(std::slice::from_ref(&contents), &mut asked.node, &asked.context)?;
    let report = contents.import(true, today, &mut asked.node, |_| ())?;
    let would = blake3::hash(&serde_json::to_vec(&report)?);
    Ok(LookedAt { contents, today, report, would })
}

/// What would be different, and a button where something would.
fn preview(asked: &mut Asked, file: Arc<Upload>, seen: &LookedAt) -> anyhow::Result<Page> {
    let messages = asked.context.messages.clone();
    let (name, report) = (file.name.clone(), &seen.report);
    let title = messages.say("console-import-would", [("name", FluentValue::from(name.clone()))]);
    let mut page: Page = asked.page(title).same_as("shouwang import FILE --dry-run");
    differences(asked, &mut page, &name, report)?;
    if report.new + report.changed > 0 {
        let token = asked.console.wait(file, seen.would)?;
        let count = FluentValue::from(report.new + report.changed);
        let form = asked.form(
            messages.say("console-import-now", [("count", count)]),
            vec![FormField::hidden("seen", token)],
        )?;
        page.add(Block::Form(Box::new(form)));
    }
    Ok(page)
}

fn differences(
    asked: &mut Asked,
    page: &mut Page,
    name: &str,
    report: &ImportReport,
) -> anyhow::Result<()> {
    let messages = asked.context.messages.clone();
    page.add_screen(&screen(report, &asked.context));
    if report.differences.is_empty() {
        return Ok(());
    }
    asked.note("differences", name, None, report.changed)?;
    page.heading(messages.word("import-heading", "import-differences"));
    let (table, hidden) = differences_table(report, &asked.context);
    let caption = messages.word("import-heading", "import-differences");
    page.add(Block::Grid(super::page::Grid::of(&table, caption, String::new(), |_| None)));
    if hidden > 0 {
        let count = FluentValue::from(hidden);
        page.note(Mark::Note, messages.say("more-differences", [("count", count)]));
    }
    Ok(())
}

impl Console {
    /// Keeps a file until somebody has seen what it would change.
    fn wait(&self, file: Arc<Upload>, would: blake3::Hash) -> anyhow::Result<String> {
        let token = token()?;
        let mut waiting = self.waiting();
        waiting.retain(|one| one.since.elapsed() < WAITS);
        if waiting.len() >= WAITING_MAX {
            waiting.remove(0);
        }
        waiting.push(Waiting { token: token.clone(), file, would, since: Instant::now() });
        Ok(token)
    }

    /// A file that waits, and what its preview said.
    fn waits(&self, token: &str) -> Option<(Arc<Upload>, blake3::Hash)> {
        let waiting = self.waiting();
        let found = waiting.iter().find(|one| one.token == token)?;
        Some((found.file.clone(), found.would))
    }

    /// It was taken in.
    fn taken(&self, token: &str) {
        self.waiting().retain(|one| one.token != token);
    }
}
