//! `elder …`: files of elders.

use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::element::List;
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::record::CareGroup;
use shouwang_node::command::elder::{
    ConflictReport, ElderAdd, ElderList, ElderReport, ElderSet, ElderShow, ElderSummary,
    RosterEntry, Saved,
};
use shouwang_node::command::history::OfNoEffect;
use shouwang_node::home::Node;

use crate::audit;
use crate::commands::{conflicts, duplicates, erase, history, item, merge, peers, visit};
use crate::context::Context;
use crate::day;
use crate::error::{Exit, Failure};
use crate::message::Messages;
use crate::output::{Cell, Mark, Table};
use crate::parse;
use crate::words;

/// `elder …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(AddArgs),
    Show(ShowArgs),
    Set(SetArgs),
    List(ListArgs),
    Find(FindArgs),
    Erase(erase::Args),
    History(history::Args),
    Duplicates(duplicates::Args),
    Merge(merge::Args),
    #[command(subcommand)]
    Item(item::Command),
}

/// `elder add`
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    #[arg(long, value_name = "CODE")]
    village: Option<String>,
    #[arg(long, default_value = "first-survey")]
    reason: String,
    #[arg(long)]
    date: Option<String>,
    #[arg(required = true, value_name = "FIELD=VALUE")]
    fields: Vec<String>,
}

/// `elder show`
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    elder: String,
    #[arg(long)]
    show_resident_id: bool,
}

/// `elder set`
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    elder: String,
    #[arg(required = true, value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    #[arg(long)]
    certified: bool,
}

/// `elder list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[arg(long, value_name = "CODE")]
    scope: Option<String>,
}

/// `elder find`
#[derive(Debug, clap::Args)]
pub(crate) struct FindArgs {
    text: String,
}

/// Runs a command about elders.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    match command {
        Command::Add(args) => add(args, &mut node, context),
        Command::Show(args) => show(args, &mut node, context),
        Command::Set(args) => set(args, &mut node, context),
        Command::List(args) => {
            let scope = args.scope.as_ref();
            let scope = scope.map(|text| parse::place(&mut node, "--scope", text)).transpose()?;
            list(ElderList { scope, matching: None, as_of: context.as_of }, &mut node, context)
        }
        Command::Erase(args) => erase::run(args, &mut node, context),
        Command::History(args) => history::run(args, &mut node, context),
        Command::Duplicates(args) => duplicates::run(args, &mut node, context),
        Command::Merge(args) => merge::run(args, &mut node, context),
        Command::Item(command) => item::run(command, &mut node, context),
        Command::Find(args) => {
            let matching = Some(args.text.trim().to_owned());
            list(ElderList { scope: None, matching, as_of: context.as_of }, &mut node, context)
        }
    }
}

fn add(args: &AddArgs, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let fields = parse::fields(&args.fields, &context.messages)?;
    if !fields.contains_key(&Field::Name) {
        return Err(Failure::usage("elder_without_name").into());
    }
    let village = args.village.as_ref();
    let scope = village.map(|text| parse::place(node, "--village", text)).transpose()?;
    let date = day::of(node, context, "--date", args.date.as_deref())?;
    let reason = parse::choice("--reason", &args.reason)?;
    let entry = Some(RosterEntry { reason, date, note: None });
    let saved = node.call(ElderAdd { scope, fields, entry })?;
    let text = |id: String| context.messages.say("elder-added", [("id", FluentValue::from(id))]);
    say_saved(&saved, text, context)
}

fn set(args: &SetArgs, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let fields = parse::fields(&args.fields, &context.messages)?;
    let request =
        ElderSet { elder: args.elder.trim().to_owned(), fields, certified: args.certified };
    let saved = node.call(request)?;
    let text = |id: String| match saved.entries {
        0 => context.messages.say("elder-same", [("id", FluentValue::from(id))]),
        _ => context.messages.say("elder-saved", [("id", FluentValue::from(id))]),
    };
    say_saved(&saved, text, context)
}

/// Says that something is on the disk: the id to go on with on stdout, the words on stderr.
pub(crate) fn say_saved(
    saved: &Saved,
    text: impl FnOnce(String) -> String,
    context: &Context,
) -> anyhow::Result<Exit> {
    let output = context.output;
    match output.is_json() {
        true => output.json(saved)?,
        false => {
            let id = short(&saved.elder_id.to_string(), context.verbose);
            output.line(&output.marked_text(Mark::Good, &text(id)))?;
        }
    }
    say_flags(&saved.flags, context);
    Ok(Exit::Done)
}

/// Says what is doubtful in what was saved.
pub(crate) fn say_flags(flags: &[String], context: &Context) {
    if !context.output.is_json() {
        for flag in flags {
            context.output.marked_note(Mark::Attention, &context.messages.word("flag", flag));
        }
    }
}

fn list(request: ElderList, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let (what, scope) = match &request.matching {
        Some(_) => ("find", None),
        None => ("list", request.scope),
    };
    let report = node.call(request)?;
    audit::note(node, what, scope, report.elders.len(), context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    if report.elders.is_empty() && output.is_table() {
        output.note(&messages.text("no-elders"));
        return Ok(Exit::Done);
    }
    let names = place_names(node)?;
    let mut table = Table::new(
        messages,
        [
            "elder",
            "elder_name",
            "sex",
            "birth_date",
            "care_group",
            "village",
            "last_visit",
            "conflicts",
        ],
    );
    for elder in &report.elders {
        let place = names.get(&elder.scope).cloned().unwrap_or_else(|| elder.scope.to_string());
        let id = elder.elder_id.to_string();
        // A spreadsheet gets what commands take without doubt; a screen what is easily typed.
        let id = short(&id, context.verbose || !output.is_table());
        table.row([
            Cell::text(id),
            name_cell(elder, context),
            Cell::text(words::label(messages, elder.sex)),
            Cell::optional(elder.birth_date),
            care_group_cell(elder.care_group, context),
            Cell::text(place),
            Cell::optional(elder.last_visit),
            match elder.conflicts {
                0 => Cell::number(0),
                count => Cell::state(Mark::Attention, count).right(),
            },
        ]);
    }
    output.table(&table)?;
    if output.is_table() {
        let count = report.elders.len();
        output.note(&messages.say("elder-count", [("count", FluentValue::from(count))]));
    }
    Ok(Exit::Done)
}

fn show(args: &ShowArgs, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    let report = node.call(ElderShow {
        elder: args.elder.trim().to_owned(),
        as_of: context.as_of,
        show_resident_id: args.show_resident_id,
    })?;
    let what = if args.show_resident_id { "show_resident_id" } else { "show" };
    audit::note(node, what, Some(report.summary.scope), 1, context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    output.table(&file_table(&report, node, context)?)?;
    show_conflicts(&report, context)?;
    if !report.lists.is_empty() {
        output.line("")?;
        output.table(&lists_table(&report, context))?;
    }
    if !report.visits.is_empty() {
        output.line("")?;
        output.table(&visit::table(&report.visits, false, context))?;
    }
    for (mark, text) in notes_of(&report, context) {
        match mark {
            Mark::Note => output.line(&text)?,
            mark => output.line(&output.marked_text(mark, &text))?,
        }
    }
    Ok(Exit::Done)
}

/// What else is to be said of a file: where the person's other files are, what takes no effect, what is set aside.
pub(crate) fn notes_of(report: &ElderReport, context: &Context) -> Vec<(Mark, String)> {
    let messages = &context.messages;
    let mut notes = merges(report, context);
    notes.extend(of_no_effect(report, context).into_iter().map(|text| (Mark::Attention, text)));
    for (reason, count) in &report.unsettled {
        let count = FluentValue::from(*count);
        let text = match reason.as_str() {
            "vouched" => messages.say("problem-vouched", [("count", count)]),
            reason => {
                let reason = peers::coded(context, "unsettled", reason);
                messages.say("unsettled-line", [("count", count), ("reason", reason.into())])
            }
        };
        notes.push((Mark::Attention, text));
    }
    notes
}

/// Where the person's other files are.
fn merges(report: &ElderReport, context: &Context) -> Vec<(Mark, String)> {
    let messages = &context.messages;
    let id = |elder: &shouwang_crdt_schema::record::ElderId| {
        FluentValue::from(short(&elder.to_string(), context.verbose))
    };
    let mut notes = Vec::new();
    if let Some(other) = &report.merged_into {
        notes.push((Mark::Attention, messages.say("merged-into", [("id", id(other))])));
    }
    for other in &report.merged_from {
        notes.push((Mark::Note, messages.say("merged-from", [("id", id(other))])));
    }
    for (list, elements) in &report.not_taken_over {
        for element in elements {
            let text = messages.say(
                "not-taken-over",
                [
                    ("list", FluentValue::from(messages.word("list", list))),
                    ("says", history::says(messages, list, element).into()),
                ],
            );
            notes.push((Mark::Attention, text));
        }
    }
    notes
}

/// What is kept and takes no effect, and whose it is.
fn of_no_effect(report: &ElderReport, context: &Context) -> Vec<String> {
    let messages = &context.messages;
    let line = |one: &OfNoEffect| {
        let by = |author: &Option<_>| {
            author.as_ref().map(|by| conflicts::author(by, context)).unwrap_or_default()
        };
        let why = match one.why.as_str() {
            "retracted" => {
                messages.say("was-retracted", [("by", FluentValue::from(by(&one.retracted_by)))])
            }
            "takes_no_effect" => messages.text("takes-no-effect"),
            why => peers::coded(context, "unsettled", why),
        };
        messages.say(
            "of-no-effect",
            [
                ("field", FluentValue::from(conflict_name(messages, &one.field))),
                ("says", history::says(messages, &one.field, &one.says).into()),
                ("by", by(&one.author).into()),
                ("why", why.into()),
            ],
        )
    };
    report.of_no_effect.iter().map(line).collect()
}

/// The conflicts that no line of the fields tells of, and how those of fields are settled.
fn show_conflicts(report: &ElderReport, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    if !output.is_table() {
        return Ok(());
    }
    for conflict in report.conflicts.iter().filter(|conflict| !is_in_fields(report, conflict)) {
        let value = |stored: &str| conflict_value(messages, &conflict.field, stored);
        let others: Vec<String> = conflict.others.iter().map(|other| value(other)).collect();
        let text = messages.say(
            "conflict-beside",
            [
                ("part", FluentValue::from(words::part_name(messages, &conflict.part))),
                ("field", conflict_name(messages, &conflict.field).into()),
                ("effective", value(&conflict.effective).into()),
                ("others", others.join(&messages.text("list-separator")).into()),
            ],
        );
        output.line(&output.marked_text(Mark::Attention, &text))?;
    }
    let id = short(&report.summary.elder_id.to_string(), context.verbose);
    if !report.conflicts.is_empty() {
        let id = FluentValue::from(id);
        output.note(&format!("  → {}", messages.say("settle-conflict", [("id", id)])));
    }
    Ok(())
}

/// Whether the line of a field tells of this conflict already.
fn is_in_fields(report: &ElderReport, conflict: &ConflictReport) -> bool {
    report.fields.iter().any(|field| {
        field.field.spec().key == conflict.field
            && field.part == conflict.part
            && !field.conflict.is_empty()
    })
}

/// What a conflict is in: a field, or a key of a list's element (`list/key`).
pub(crate) fn conflict_name(messages: &Messages, field: &str) -> String {
    match field.split_once('/') {
        Some((list, key)) => {
            format!("{} · {}", messages.word("list", list), messages.word("element-key", key))
        }
        None => words::subject(messages, field),
    }
}

/// A value of a conflict in the reader's language.
pub(crate) fn conflict_value(messages: &Messages, field: &str, stored: &str) -> String {
    match (field.split_once('/'), Field::from_key(field)) {
        (Some((list, key)), _) => words::element_value(messages, list, key, stored),
        (None, Some(field)) => words::field_value(messages, field, stored),
        (None, None) => stored.to_owned(),
    }
}

fn file_table(report: &ElderReport, node: &mut Node, context: &Context) -> anyhow::Result<Table> {
    let messages = &context.messages;
    let mut table = Table::new(messages, ["field", "value", "part", "remark"]);
    let id = report.summary.elder_id.to_string();
    let label = messages.word("column", "elder");
    table.row([Cell::text(label), Cell::text(id), Cell::default(), Cell::default()]);
    for fact in file_facts(report, &place_names(node)?, context) {
        let remark = fact.remark.map(|remark| Cell::state(Mark::Attention, remark));
        table.row([
            Cell::text(fact.label),
            Cell::text(fact.value),
            Cell::text(fact.part),
            remark.unwrap_or_default(),
        ]);
    }
    Ok(table)
}

/// What a file says in one place.
pub(crate) struct FileFact {
    pub(crate) label: String,
    pub(crate) value: String,
    /// The part that says it; nothing for what is computed.
    pub(crate) part: String,
    /// What else is said of it elsewhere.
    pub(crate) remark: Option<String>,
}

/// What a file says, the place of the file and what is computed of it first.
pub(crate) fn file_facts(
    report: &ElderReport,
    places: &std::collections::BTreeMap<shouwang_crdt_schema::division::DivisionCode, String>,
    context: &Context,
) -> Vec<FileFact> {
    let (messages, summary) = (&context.messages, &report.summary);
    let mut facts = Vec::new();
    let mut computed = |key: &str, value: String| {
        let label = messages.word("column", key);
        facts.push(FileFact { label, value, part: String::new(), remark: None });
    };
    let place = places.get(&summary.scope).cloned().unwrap_or_default();
    computed("village", format!("{place} {}", summary.scope).trim().to_owned());
    if let Some(age) = report.age {
        computed("age", age.to_string());
    }
    computed("care_group", words::label(messages, summary.care_group));
    for field in &report.fields {
        let value = |stored: &str| match stored.parse().ok().and_then(|code| places.get(&code)) {
            Some(place) if field.field.spec().kind == Kind::Division => format!("{place} {stored}"),
            _ => words::field_value(messages, field.field, stored),
        };
        let mut remarks = Vec::new();
        if !field.conflict.is_empty() {
            let others: Vec<String> = field.conflict.iter().map(|other| value(other)).collect();
            let others = others.join(&messages.text("list-separator"));
            remarks.push(messages.say("conflict-with", [("values", FluentValue::from(others))]));
        }
        for (part, other) in &field.differs {
            remarks.push(messages.say(
                "differs-in",
                [
                    ("part", FluentValue::from(words::part_name(messages, part))),
                    ("value", value(other).into()),
                ],
            ));
        }
        for other in field.elsewhere.values() {
            let other = FluentValue::from(value(other));
            remarks.push(messages.say("differs-elsewhere", [("value", other)]));
        }
        if let Some(file) = field.file {
            let id = FluentValue::from(short(&file.to_string(), context.verbose));
            remarks.push(messages.say("stands-in-file", [("id", id)]));
        }
        let remark = remarks.join(&messages.text("list-separator"));
        facts.push(FileFact {
            label: messages.word("field", field.field.spec().key),
            value: value(&field.value),
            part: words::part_name(messages, &field.part),
            remark: (!remarks.is_empty()).then_some(remark),
        });
    }
    facts
}

/// The elements of a file's lists, one a line.
pub(crate) fn lists_table(report: &ElderReport, context: &Context) -> Table {
    let messages = &context.messages;
    let mut table = Table::new(messages, ["list", "entry"]);
    let mut add = |list: &str, elements: &Vec<std::collections::BTreeMap<String, String>>| {
        for element in elements {
            let mut pairs: Vec<(&String, &String)> = element.iter().collect();
            pairs.sort_by_key(|(key, _)| words::element_key_order(key));
            let texts: Vec<String> = pairs
                .into_iter()
                .map(|(key, stored)| {
                    let value = words::element_value(messages, list, key, stored);
                    match messages.known_word("element-key", key) {
                        Some(label) => messages.say(
                            "labelled",
                            [("label", FluentValue::from(label)), ("value", value.into())],
                        ),
                        None => value,
                    }
                })
                .collect();
            let texts = texts.join(&messages.text("list-separator"));
            table.row([Cell::text(messages.word("list", list)), Cell::text(texts)]);
        }
    };
    for list in words::lists().map(List::key) {
        if let Some(elements) = report.lists.get(list) {
            add(list, elements);
        }
    }
    // Lists of a later version are shown all the same; visits have a table of their own.
    for (list, elements) in &report.lists {
        if list != "visits" && !words::lists().any(|known| known.key() == list) {
            add(list, elements);
        }
    }
    table
}

fn name_cell(elder: &ElderSummary, context: &Context) -> Cell {
    match &elder.name {
        Some(name) => Cell::text(name),
        None => Cell::state(Mark::Attention, context.messages.text("card-not-here")),
    }
}

fn care_group_cell(group: CareGroup, context: &Context) -> Cell {
    let word = words::label(&context.messages, group);
    match group {
        CareGroup::Unclassified => Cell::state(Mark::Attention, word),
        _ => Cell::text(word),
    }
}

/// The names of the places that this node knows.
pub(crate) fn place_names(
    node: &mut Node,
) -> anyhow::Result<std::collections::BTreeMap<shouwang_crdt_schema::division::DivisionCode, String>>
{
    let report = node.call(shouwang_node::command::area::AreaList { within: None })?;
    Ok(report.places.into_iter().map(|place| (place.code, place.name)).collect())
}

/// The first eight characters of an id: enough to name a file in a county of 100,000 (one pair in
/// a million files agrees in them), and commands ask back where it is not.
pub(crate) fn short(id: &str, whole: bool) -> String {
    match whole {
        true => id.to_owned(),
        false => id.chars().take(8).collect(),
    }
}
