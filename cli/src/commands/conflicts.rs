//! `conflicts …`: values written without knowing of one another, and deciding between them.

use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::merge::Policy;
use shouwang_node::command::conflicts::{
    ConflictList, ConflictListReport, ConflictResolve, Difference, InboxConflict, StandingValue,
};
use shouwang_node::command::told::{Author, ClockDoubt};
use shouwang_node::home::{HomeError, Node};

use crate::commands::elder::{conflict_name, conflict_value, short};
use crate::context::{Context, now_ms};
use crate::error::{Exit, Failure};
use crate::message::Messages;
use crate::output::{Cell, Mark, Table};
use crate::{audit, moment, parse, words};

/// `conflicts …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(ListArgs),
    Resolve(ResolveArgs),
}

/// `conflicts list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[arg(long, value_name = "CODE")]
    scope: Option<String>,
    #[arg(long)]
    elder: Option<String>,
}

/// `conflicts resolve`
#[derive(Debug, clap::Args)]
pub(crate) struct ResolveArgs {
    conflict: String,
    #[arg(long, value_name = "NUMBER", conflicts_with = "value")]
    keep: Option<usize>,
    #[arg(long, value_name = "TEXT")]
    value: Option<String>,
}

/// Runs a command about conflicts.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::List(args) => list(args, context),
        Command::Resolve(args) => resolve(args, context),
    }
}

fn list(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let scope = args.scope.as_deref().map(|scope| parse::place(&mut node, "--scope", scope));
    let request = ConflictList { scope: scope.transpose()?, elder: args.elder.clone() };
    let report = node.call(request)?;
    show(&report, &mut node, context)
}

fn show(report: &ConflictListReport, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    audit::note(node, "list", None, report.conflicts.len() + report.differs.len(), context)?;
    let exit = if report.conflicts.is_empty() { Exit::Done } else { Exit::Attention };
    if output.is_json() {
        output.json(report)?;
        return Ok(exit);
    }
    if report.conflicts.is_empty() && output.is_table() {
        output.note(&messages.text("no-conflicts"));
    } else {
        output.table(&table(&report.conflicts, context))?;
    }
    if !output.is_table() {
        return Ok(exit);
    }
    if !report.differs.is_empty() {
        output.line("")?;
        output.line(&messages.text("parts-differ"))?;
        output.table(&differs_table(&report.differs, context))?;
    }
    if report.conflicts.iter().any(|conflict| conflict.clocks_disagree) {
        output.marked_note(Mark::Attention, &messages.text("clocks-disagree"));
    }
    if let Some(first) = report.conflicts.first() {
        let id = FluentValue::from(first.id.as_str());
        output.note(&format!("→ {}", messages.say("conflicts-next", [("id", id)])));
    }
    Ok(exit)
}

fn table(conflicts: &[InboxConflict], context: &Context) -> Table {
    let messages = &context.messages;
    let whole = context.verbose || !context.output.is_table();
    let mut table = Table::new(
        messages,
        ["conflict", "elder", "elder_name", "part", "field", "number", "value", "author", "remark"],
    );
    for conflict in conflicts {
        for value in &conflict.values {
            let authors: Vec<String> = value.written.iter().map(|by| author(by, context)).collect();
            let about = match &conflict.element {
                Some(element) => element.get("name").or_else(|| element.get("helper")),
                None => None,
            };
            let field = conflict_name(messages, &conflict.field);
            table.row([
                Cell::text(&conflict.id),
                Cell::text(short(&conflict.elder_id.to_string(), whole)),
                Cell::optional(conflict.name.as_ref()),
                Cell::text(words::part_name(messages, &conflict.part)),
                Cell::text(about.map_or(field.clone(), |name| format!("{field} ({name})"))),
                Cell::number(value.number as u64),
                Cell::text(conflict_value(messages, &conflict.field, &value.value)),
                Cell::text(authors.join(&messages.text("list-separator"))),
                match remark(conflict, value, messages) {
                    (Some(mark), text) => Cell::state(mark, text),
                    (None, text) => Cell::text(text),
                },
            ]);
        }
    }
    table
}

/// Whether a value takes effect, and by which rule.
pub(crate) fn remark(
    conflict: &InboxConflict,
    value: &StandingValue,
    messages: &Messages,
) -> (Option<Mark>, String) {
    if !value.effective {
        return (None, messages.text("kept-beside"));
    }
    let why = match conflict.policy {
        Policy::MostProtectiveWins => "most_protective_wins",
        Policy::LastWriterWins => "last_writer_wins",
        Policy::WriteOnce => "write_once",
    };
    (Some(Mark::Attention), messages.word("effective-by", why))
}

/// Who wrote something, from which office, and when by which clock.
pub(crate) fn author(by: &Author, context: &Context) -> String {
    let messages = &context.messages;
    let name = by.device_name.clone().unwrap_or_else(|| by.device.short());
    let role = by.role.map(|role| messages.word("role", role.as_str())).unwrap_or_default();
    let when = moment::ago(messages, by.written_at_ms, now_ms(), context.verbose);
    let text = messages.say(
        "written-by",
        [("name", FluentValue::from(name)), ("role", role.into()), ("when", when.into())],
    );
    let doubt = match by.clock {
        None => return text,
        Some(ClockDoubt::BeforeSeen) => "before_seen",
        Some(ClockDoubt::BeforeGrant) => "before_grant",
        Some(ClockDoubt::SetBack) => "set_back",
    };
    format!("{text} ({})", messages.word("clock-doubt", doubt))
}

/// Fields of which parts say different things.
pub(crate) fn differs_table(differs: &[Difference], context: &Context) -> Table {
    let messages = &context.messages;
    let whole = context.verbose || !context.output.is_table();
    let mut table =
        Table::new(messages, ["elder", "elder_name", "field", "value", "part", "remark"]);
    for one in differs {
        let value = |stored: &str| words::field_value(messages, one.field, stored);
        let others: Vec<String> = one
            .others
            .iter()
            .map(|(part, other)| {
                let part = words::part_name(messages, part);
                let values = [("part", FluentValue::from(part)), ("value", value(other).into())];
                messages.say("differs-in", values)
            })
            .collect();
        table.row([
            Cell::text(short(&one.elder_id.to_string(), whole)),
            Cell::optional(one.name.as_ref()),
            Cell::text(messages.word("field", one.field.spec().key)),
            Cell::text(value(&one.value)),
            Cell::text(words::part_name(messages, &one.part)),
            Cell::text(others.join(&messages.text("list-separator"))),
        ]);
    }
    table
}

fn resolve(args: &ResolveArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if args.keep.is_none() && args.value.is_none() {
        return Err(Failure::usage("conflict_choice").into());
    }
    let mut node = context.node()?;
    let request =
        ConflictResolve { id: args.conflict.clone(), keep: args.keep, value: args.value.clone() };
    let resolved = match node.call(request) {
        Err(HomeError::Command(error)) if error.code == "conflict_changed" => {
            // What stands there now is shown before the refusal is said.
            let elder = error.arguments.get("elder").cloned();
            if !output.is_json() {
                show(&node.call(ConflictList { scope: None, elder })?, &mut node, context)?;
            }
            return Err(HomeError::Command(error).into());
        }
        answer => answer?,
    };
    if output.is_json() {
        output.json(&resolved)?;
        return Ok(Exit::Done);
    }
    let value = |stored: &str| conflict_value(messages, &resolved.field, stored);
    let replaced: Vec<String> = resolved.replaced.iter().map(|stored| value(stored)).collect();
    let said = messages.say(
        "conflict-resolved",
        [
            ("field", FluentValue::from(conflict_name(messages, &resolved.field))),
            ("value", value(&resolved.value).into()),
            ("replaced", replaced.join(&messages.text("list-separator")).into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &said))?;
    if let Some(safer) = &resolved.safer_than {
        let said = messages.say("resolved-safer", [("value", FluentValue::from(value(safer)))]);
        output.line(&output.marked_text(Mark::Attention, &said))?;
    }
    if resolved.certified {
        output.line(&messages.text("resolved-certified"))?;
    }
    Ok(Exit::Done)
}
