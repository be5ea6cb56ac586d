//! Lists that somebody works through.

use std::collections::BTreeMap;

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::report::due::{DueItem, DueList, DueWhy};
use shouwang_node::command::coverage::Coverage;
use shouwang_node::command::due::{DueElder, DueReport};

use super::{head, notes, place_name, unit};
use crate::commands::elder::short;
use crate::context::Context;
use crate::message::Messages;
use crate::sheet::{Heading, Sheet, Value};
use crate::words::label;

/// One line for each thing to be done, and how many elders stand on each list.
pub(crate) fn due(
    report: &DueReport,
    lists: &[DueList],
    coverage: &Coverage,
    names: &BTreeMap<DivisionCode, String>,
    context: &Context,
) -> Vec<Sheet> {
    let messages = &context.messages;
    let h = |key: &str| head(messages, key);
    let area = ("area", FluentValue::from(unit(coverage)));
    let what: Vec<String> = lists.iter().map(|list| list_name(messages, *list)).collect();
    let what = FluentValue::from(what.join(&messages.text("list-separator")));
    let day = FluentValue::from(coverage.as_of.to_string());
    let values = [area, ("lists", what), ("day", day)];
    let title = messages.say("due-title", values);
    let whole = context.verbose || !context.output.is_table();
    let line = |elder: &DueElder, item: &DueItem| {
        let declined = elder.declined.then(|| h("declined"));
        vec![
            place_name(names.get(&elder.scope), elder.scope),
            Value::optional(elder.name.as_ref()),
            Value::Text(label(messages, elder.care_group)),
            Value::Text(list_name(messages, item.list)),
            Value::day(item.by),
            item.days_late.map_or(Value::Blank, |days| Value::Count(days.into())),
            item.visits.map_or(Value::Blank, |visits| Value::Count(visits.into())),
            Value::Text(due_why(messages, item)),
            Value::day(elder.last_visit),
            Value::optional(elder.helper.as_ref()),
            Value::optional(declined),
            Value::Text(short(&elder.elder_id.to_string(), whole)),
        ]
    };
    let rows = report
        .elders
        .iter()
        .flat_map(|elder| elder.items.iter().map(move |item| (elder, item)))
        .map(|(elder, item)| line(elder, item));
    let counts = report
        .counts
        .iter()
        .map(|(list, count)| vec![Value::Text(list_name(messages, *list)), Value::Count(*count)]);
    vec![
        Sheet {
            name: h("sheet-due"),
            title: title.clone(),
            columns: vec![
                Heading::alone("village", h("village")),
                Heading::alone("name", h("name")),
                Heading::alone("care_group", h("care-group")),
                Heading::alone("list", h("list")),
                Heading::alone("by", h("by")),
                Heading::alone("days_late", h("days-late")),
                Heading::alone("visits", h("visits-owed")),
                Heading::alone("why", h("why")),
                Heading::alone("last_visit", h("last-visit")),
                Heading::alone("helper", h("helper")),
                Heading::alone("declined", h("declined")).only_on_paper(),
                Heading::alone("elder", h("elder")),
            ],
            rows: rows.collect(),
            total: None,
            notes: notes(coverage, messages),
        },
        Sheet {
            name: h("sheet-counts"),
            title,
            columns: vec![
                Heading::alone("list", h("list")),
                Heading::alone("elders", h("persons")),
            ],
            rows: counts.collect(),
            total: None,
            notes: Vec::new(),
        },
    ]
}

fn list_name(messages: &Messages, list: DueList) -> String {
    messages.word("due-list", list.as_str())
}

/// Why something stands on a list.
pub(crate) fn due_why(messages: &Messages, item: &DueItem) -> String {
    let words = item.why.iter().map(|why| match why {
        DueWhy::Gap(gap) => messages.word("due-gap", gap.as_str()),
        DueWhy::Agreement(standing) => {
            messages.word("agreement-standing", &format!("{standing:?}"))
        }
        DueWhy::Alert(alert) => messages.word("due-alert", &format!("{alert:?}")),
        DueWhy::Incident(kind) => {
            let kind = kind.map_or_else(|| head(messages, "no-kind"), |kind| label(messages, kind));
            messages.say("due-incident", [("kind", FluentValue::from(kind))])
        }
        DueWhy::Year(year) => year.to_string(),
    });
    let words: Vec<String> = item.occasion.iter().cloned().chain(words).collect();
    words.join(&messages.text("list-separator"))
}
