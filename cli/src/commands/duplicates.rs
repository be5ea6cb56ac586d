//! `elder duplicates`: files that may be one person's.

use fluent_bundle::FluentValue;
use shouwang_node::command::duplicates::{ElderDuplicates, Likeness};
use shouwang_node::home::Node;

use crate::commands::elder::{place_names, short};
use crate::context::Context;
use crate::error::Exit;
use crate::output::{Cell, Table};
use crate::{audit, words};

/// `elder duplicates`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Lists them, each person's together. Exit 3 if there are any.
pub(crate) fn run(_args: &Args, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let report = node.call(ElderDuplicates {})?;
    let files: usize = report.groups.iter().map(|group| group.files.len()).sum();
    audit::note(node, "list", None, files, context)?;
    let exit = if report.groups.is_empty() { Exit::Done } else { Exit::Attention };
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    if report.groups.is_empty() && output.is_table() {
        output.note(&messages.text("no-duplicates"));
        return Ok(exit);
    }
    let names = place_names(node)?;
    let whole = context.verbose || !output.is_table();
    let mut table = Table::new(
        messages,
        [
            "number",
            "reason",
            "elder",
            "elder_name",
            "sex",
            "birth_date",
            "id_tail",
            "village",
            "last_visit",
        ],
    );
    for (number, group) in report.groups.iter().enumerate() {
        let why = match group.likeness {
            Likeness::SameId => "same_id",
            Likeness::SameNameAndBirthDate => "same_name_and_birth_date",
        };
        for file in &group.files {
            let place = names.get(&file.scope).cloned();
            table.row([
                Cell::number(number as u64 + 1),
                Cell::text(messages.word("likeness", why)),
                Cell::text(short(&file.elder_id.to_string(), whole)),
                Cell::optional(file.name.as_ref()),
                Cell::text(words::label(messages, file.sex)),
                Cell::optional(file.birth_date),
                Cell::optional(file.id_tail.as_ref()),
                Cell::text(place.unwrap_or_else(|| file.scope.to_string())),
                Cell::optional(file.last_visit),
            ]);
        }
    }
    output.table(&table)?;
    if output.is_table() {
        let first = |across| report.groups.iter().find(move |one| one.across_villages == across);
        if let Some([one, two, ..]) = first(false).map(|group| group.files.as_slice()) {
            let id = |elder: String| FluentValue::from(short(&elder, context.verbose));
            let (keep, other) = (id(one.elder_id.to_string()), id(two.elder_id.to_string()));
            let next = messages.say("duplicates-next", [("keep", keep), ("other", other)]);
            output.note(&format!("→ {next}"));
        }
        if first(true).is_some() {
            output.note(&format!("→ {}", messages.text("duplicates-across")));
        }
    }
    Ok(exit)
}
