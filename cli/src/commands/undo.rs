//! `undo`: taking back what was done last on this device.

use fluent_bundle::FluentValue;
use shouwang_node::command::undo::{Undo, UndoReport};

use crate::commands::conflicts::author;
use crate::commands::elder::{conflict_name, conflict_value, short};
use crate::commands::history::says;
use crate::confirm::confirm;
use crate::context::{Context, now_ms};
use crate::error::Exit;
use crate::moment;
use crate::output::{Cell, Mark, Table};
use crate::words;

/// `undo`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    yes: bool,
}

/// Shows what would be taken back, asks, and takes it back. Exit 3 if something is left as it stands.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let plan = node.call(Undo { dry_run: true, edit: None })?;
    let exit = if plan.left.is_empty() { Exit::Done } else { Exit::Attention };
    if !output.is_json() {
        let when = moment::ago(messages, plan.written_at_ms, now_ms(), context.verbose);
        output.line(&messages.say("undo-these", [("when", FluentValue::from(when))]))?;
        show(&plan, context)?;
    }
    if args.dry_run || plan.steps.is_empty() {
        match output.is_json() {
            true => output.json(&plan)?,
            false if args.dry_run => output.note(&messages.text("dry-run")),
            false => output.note(&messages.text("undo-nothing-left")),
        }
        return Ok(exit);
    }
    confirm(context, args.yes, &messages.text("undo-question"))?;
    let done = node.call(Undo { dry_run: false, edit: Some(plan.edit) })?;
    if output.is_json() {
        output.json(&done)?;
        return Ok(exit);
    }
    let count = FluentValue::from(done.steps.len() as u64);
    output.line(&output.marked_text(Mark::Good, &messages.say("undo-done", [("count", count)])))?;
    Ok(exit)
}

fn show(plan: &UndoReport, context: &Context) -> anyhow::Result<()> {
    let output = context.output;
    if !plan.steps.is_empty() {
        output.table(&table(plan, context))?;
    }
    for text in left(plan, context) {
        output.line(&output.marked_text(Mark::Attention, &text))?;
    }
    Ok(())
}

/// What would be taken back.
pub(crate) fn table(plan: &UndoReport, context: &Context) -> Table {
    let (messages, output) = (&context.messages, context.output);
    let whole = context.verbose || !output.is_table();
    let mut table = Table::new(messages, ["elder", "part", "field", "action", "detail", "remark"]);
    for step in &plan.steps {
        let value = |stored: &String| conflict_value(messages, &step.field, stored);
        let detail = match (&step.from, &step.to) {
            (None, None) => says(messages, &step.field, &step.says),
            (from, to) => {
                let text = |value_of: &Option<String>| {
                    value_of.as_ref().map_or_else(|| messages.text("nothing-said"), value)
                };
                format!("{} → {}", text(from), text(to))
            }
        };
        let also: Vec<String> = step.also_stood.iter().map(value).collect();
        table.row([
            Cell::text(short(&step.elder_id.to_string(), whole)),
            Cell::text(words::part_name(messages, &step.part)),
            Cell::text(conflict_name(messages, &step.field)),
            Cell::text(messages.word("history-what", step.what.as_str())),
            Cell::text(detail),
            match also.is_empty() {
                true => Cell::default(),
                false => {
                    let values = FluentValue::from(also.join(&messages.text("list-separator")));
                    let said = messages.say("also-stood", [("values", values)]);
                    Cell::state(Mark::Attention, said)
                }
            },
        ]);
    }
    table
}

/// What would be left as it stands, and why.
pub(crate) fn left(plan: &UndoReport, context: &Context) -> Vec<String> {
    let messages = &context.messages;
    let whole = context.verbose || !context.output.is_table();
    let left = plan.left.iter().map(|left| {
        let by = left.by.as_ref().map(|by| author(by, context)).unwrap_or_default();
        let said = messages.say(
            "undo-left",
            [
                ("id", FluentValue::from(short(&left.elder_id.to_string(), whole))),
                ("field", conflict_name(messages, &left.field).into()),
                ("reason", messages.word("undo-reason", &left.reason).into()),
                ("by", by.into()),
            ],
        );
        said.trim().to_owned()
    });
    left.collect()
}
