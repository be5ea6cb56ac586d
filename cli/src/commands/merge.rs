//! `elder merge`: joining two files of one person.

use fluent_bundle::FluentValue;
use shouwang_node::command::merge::{ElderMerge, MergeItem, MergeReport};
use shouwang_node::home::Node;

use crate::commands::elder::{conflict_name, conflict_value, short};
use crate::commands::history::says;
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::Exit;
use crate::output::{Cell, Mark, Table};
use crate::{audit, words};

/// `elder merge`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    keep: String,
    other: String,
    #[arg(long)]
    dry_run: bool,
    #[arg(long)]
    yes: bool,
}

/// Shows what joining the files comes to, asks, and joins them.
pub(crate) fn run(args: &Args, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let request = |dry_run| ElderMerge {
        keep: args.keep.trim().to_owned(),
        other: args.other.trim().to_owned(),
        date: context.as_of,
        dry_run,
    };
    let plan = node.call(request(true))?;
    audit::note(node, "show", Some(plan.scope), 2, context)?;
    if !output.is_json() {
        show(&plan, context)?;
    }
    if args.dry_run {
        match output.is_json() {
            true => output.json(&plan)?,
            false => output.note(&messages.text("dry-run")),
        }
        return Ok(Exit::Done);
    }
    confirm(context, args.yes, &messages.text("merge-question"))?;
    let done = node.call(request(false))?;
    if output.is_json() {
        output.json(&done)?;
        return Ok(Exit::Done);
    }
    let id = |elder: String| FluentValue::from(short(&elder, context.verbose));
    let (keep, other) = (id(done.keep.to_string()), id(done.other.to_string()));
    let said = messages.say("merge-done", [("keep", keep), ("other", other)]);
    output.line(&output.marked_text(Mark::Good, &said))?;
    output.note(&messages.text("merge-undo"));
    Ok(Exit::Done)
}

fn show(plan: &MergeReport, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    let name = |at: usize| {
        let name = plan.names.get(at).cloned().flatten();
        FluentValue::from(name.unwrap_or_else(|| messages.text("nothing-said")))
    };
    let id = |elder: String| FluentValue::from(short(&elder, context.verbose));
    output.line(&messages.say(
        "merge-these",
        [
            ("keep", id(plan.keep.to_string())),
            ("keep_name", name(0)),
            ("other", id(plan.other.to_string())),
            ("other_name", name(1)),
        ],
    ))?;
    let mut table = Table::new(messages, ["part", "field", "value", "remark"]);
    let mut item = |item: &MergeItem, remark: Cell| {
        table.row([
            Cell::text(words::part_name(messages, &item.part)),
            Cell::text(conflict_name(messages, &item.field)),
            Cell::text(says(messages, &item.field, &item.says)),
            remark,
        ]);
    };
    for copied in &plan.copied {
        item(copied, Cell::text(messages.text("merge-copied")));
    }
    for left in &plan.not_copied {
        item(left, Cell::state(Mark::Attention, messages.text("merge-not-copied")));
    }
    for differs in &plan.differs {
        let value = |stored: &str| conflict_value(messages, &differs.field, stored);
        let other = FluentValue::from(value(&differs.other));
        let remark = messages.say("merge-differs", [("other", other)]);
        table.row([
            Cell::text(words::part_name(messages, &differs.part)),
            Cell::text(conflict_name(messages, &differs.field)),
            Cell::text(value(&differs.keep)),
            Cell::state(Mark::Attention, remark),
        ]);
    }
    output.table(&table)
}
