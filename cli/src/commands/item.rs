//! `elder item …`: the elements of a file's lists.

use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_node::command::items::{ItemAdd, ItemChange, ItemList, ItemStep};
use shouwang_node::home::Node;

use crate::audit;
use crate::commands::elder::{say_saved, short};
use crate::context::Context;
use crate::error::Exit;
use crate::output::{Cell, Mark, Table};
use crate::{parse, words};

/// `elder item …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(AddArgs),
    Amend(AmendArgs),
    Remove(ItemArgs),
    Retract(ItemArgs),
    List(ListArgs),
}

/// `elder item add`
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    elder: String,
    list: String,
    #[arg(required = true, value_name = "KEY=VALUE")]
    texts: Vec<String>,
    #[arg(long)]
    certified: bool,
}

/// `elder item amend`
#[derive(Debug, clap::Args)]
pub(crate) struct AmendArgs {
    elder: String,
    list: String,
    item: String,
    #[arg(required = true, value_name = "KEY=VALUE")]
    texts: Vec<String>,
}

/// `elder item remove`, `elder item retract`
#[derive(Debug, clap::Args)]
pub(crate) struct ItemArgs {
    elder: String,
    list: String,
    item: String,
}

/// `elder item list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    elder: String,
    list: Option<String>,
}

/// Runs a command about the elements of a file.
pub(crate) fn run(command: &Command, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let messages = &context.messages;
    let change = |elder: &str, list: &str, item: &str, how| -> anyhow::Result<ItemChange> {
        let list = parse::list(list, messages)?;
        // A word of a vocabulary may name its element in either language.
        let item = words::element_stored(list, "value", item);
        Ok(ItemChange { elder: elder.trim().to_owned(), list, item, how })
    };
    let saved = match command {
        Command::List(args) => return list(args, node, context),
        Command::Add(args) => {
            let list = parse::list(&args.list, messages)?;
            let texts = parse::element(list, &args.texts)?.into_iter();
            let texts = texts.filter_map(|(key, text)| Some((key, text?))).collect();
            let elder = args.elder.trim().to_owned();
            node.call(ItemAdd { elder, list, texts, certified: args.certified })?
        }
        Command::Amend(args) => {
            let list = parse::list(&args.list, messages)?;
            let how = ItemStep::Amend(parse::element(list, &args.texts)?);
            node.call(change(&args.elder, &args.list, &args.item, how)?)?
        }
        Command::Remove(args) => {
            node.call(change(&args.elder, &args.list, &args.item, ItemStep::Remove)?)?
        }
        Command::Retract(args) => {
            node.call(change(&args.elder, &args.list, &args.item, ItemStep::Retract)?)?
        }
    };
    let text = |id: String| match saved.entries {
        0 => messages.say("elder-same", [("id", FluentValue::from(id))]),
        _ => messages.say("event-saved", [("id", FluentValue::from(id))]),
    };
    say_saved(&saved, text, context)
}

fn list(args: &ListArgs, node: &mut Node, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let list = args.list.as_deref().map(|text| parse::list(text, messages)).transpose()?;
    let report = node.call(ItemList { elder: args.elder.trim().to_owned(), list })?;
    audit::note(node, "show", None, 1, context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(messages, ["list", "item", "entry", "part", "device"]);
    for item in &report.items {
        let mut pairs: Vec<(&String, &String)> = item.texts.iter().collect();
        pairs.sort_by_key(|(key, _)| words::element_key_order(key));
        let texts: Vec<String> = pairs
            .into_iter()
            .map(|(key, stored)| {
                let value = words::element_value(messages, &item.list, key, stored);
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
        // The part before the sign is short, and enough where it is the only such in the list.
        let number = item.item.split('@').next().unwrap_or_default();
        let same = |other: &&shouwang_node::command::items::ItemReport| {
            other.list == item.list && other.item.split('@').next() == Some(number)
        };
        let alone = report.items.iter().filter(same).count() == 1;
        let name = match output.is_table() && !context.verbose && alone {
            true => number.to_owned(),
            false => item.item.clone(),
        };
        table.row([
            Cell::text(messages.word("list", &item.list)),
            Cell::text(name),
            match item.retracted {
                true => Cell::state(
                    Mark::Attention,
                    format!("{} ({})", texts, messages.word("element-key", "retracted")),
                ),
                false => Cell::text(texts),
            },
            Cell::text(words::part_name(messages, &item.part)),
            Cell::optional(item.recorded_by.map(|device| short(&device.to_string(), false))),
        ]);
    }
    output.table(&table)?;
    Ok(Exit::Done)
}
