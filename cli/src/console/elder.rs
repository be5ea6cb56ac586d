//! One person's file: seen, printed as a card, changed, begun.

use std::collections::BTreeMap;

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::Level;
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::record::EntryReason;
use shouwang_node::command::area::AreaList;
use shouwang_node::command::elder::{ElderAdd, ElderReport, ElderSet, RosterEntry};
use shouwang_node::command::export::ExportElders;
use shouwang_node::command::history::ElderHistory;
use shouwang_node::command::incident::{IncidentList, Which};

use super::asked::{Answer, Asked};
use super::form::{Choice, Fields, FormField, choices};
use super::incidents;
use super::page::{Block, Fact, Grid, Link, Page};
use super::visit::{elder, saved};
use crate::commands::elder::{file_facts, lists_table, notes_of, place_names, short};
use crate::commands::history;
use crate::commands::incident::moment;
use crate::commands::visit::table;
use crate::error::Failure;
use crate::ledger::Places;
use crate::message::Messages;
use crate::output::Mark;
use crate::{card, parse, words};

/// Visits that the file shows; the others stand in its history.
const VISITS_SHOWN: usize = 24;

/// What a file is called: the name, or its id.
pub(super) fn name(report: &ElderReport, messages: &Messages) -> String {
    let nameless = || messages.text("card-not-here");
    report.summary.name.clone().unwrap_or_else(nameless)
}

/// The file.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = elder(asked)?;
    let id = report.summary.elder_id.to_string();
    let messages = asked.context.messages.clone();
    let command = format!("shouwang elder show {}", short(&id, false));
    let mut page = asked.page(name(&report, &messages)).same_as(command).live();
    saved(asked, &mut page);
    let link = |member: &str, path: &str| Link {
        href: format!("/elder/{id}{path}"),
        text: messages.word("console-elder", member),
        current: false,
    };
    page.add(Block::Links(vec![
        link("visit", "/visit"),
        link("incident", "/incident"),
        link("edit", "/edit"),
        link("card", "/card"),
        link("move", "/move"),
        link("history", "/history"),
    ]));
    if !report.conflicts.is_empty() {
        let count = FluentValue::from(report.conflicts.len());
        page.note(Mark::Attention, messages.say("console-conflicts-here", [("count", count)]));
        page.add(Block::Links(vec![Link {
            href: format!("/conflicts?elder={id}"),
            text: messages.word("console-word", "settle"),
            current: false,
        }]));
    }
    for (mark, text) in notes_of(&report, &asked.context) {
        page.note(mark, text);
    }
    let which =
        IncidentList { which: Which::Open, elder: Some(id.clone()), as_of: moment(&asked.context) };
    let open = asked.node.call(which)?.incidents;
    if !open.is_empty() {
        page.heading(messages.word("console-place", "incidents"));
        let grid = incidents::grid(asked, &open)?;
        page.add(Block::Grid(grid));
    }
    page.heading(messages.word("console-elder", "file"));
    let places = place_names(&mut asked.node)?;
    let facts = file_facts(&report, &places, &asked.context);
    page.add(Block::Facts(
        facts
            .into_iter()
            .map(|fact| Fact {
                label: fact.label,
                lines: vec![fact.value],
                remark: fact.remark.map(|remark| (Mark::Attention, remark)),
                href: None,
            })
            .collect(),
    ));
    let lists = lists_table(&report, &asked.context);
    if !lists.is_empty() {
        page.heading(messages.word("console-elder", "lists"));
        let caption = messages.word("console-elder", "lists");
        page.add(Block::Grid(Grid::of(&lists, caption, String::new(), |_| None)));
    }
    page.heading(messages.word("console-elder", "visits"));
    let visits = report.visits.get(..VISITS_SHOWN).unwrap_or(&report.visits);
    let visits = table(visits, false, &asked.context);
    let (caption, none) = (messages.word("console-elder", "visits"), messages.text("no-visits"));
    page.add(Block::Grid(Grid::of(&visits, caption, none, |_| None)));
    asked.note("show", &id, Some(report.summary.scope), 1)?;
    Ok(page.into())
}

/// The one-page card.
pub(super) fn card(asked: &mut Asked) -> anyhow::Result<Answer> {
    let request = ExportElders {
        scope: None,
        elder: Some(asked.id()),
        after: None,
        as_of: asked.context.as_of,
        whole_ids: false,
    };
    let found = asked.node.call(request)?.elders;
    let Some(elder) = found.first() else {
        return Err(Failure::failed("card_without_elder").into());
    };
    let directory = asked.node.call(AreaList { within: None })?;
    let places = Places::new(directory.places.into_iter().map(|place| (place.code, place.name)));
    let rows = card::rows(elder, &places, asked.context.as_of, &asked.context.messages);
    let date = card::date(asked.context.as_of, &asked.context.messages);
    let id = elder.elder_id.to_string();
    let title = asked.context.messages.text("card-title");
    let command = format!("shouwang card {} -o card.html", short(&id, false));
    let scope = elder.scope;
    let mut page = asked.page(title).same_as(command);
    page.add(Block::Card { rows, date });
    asked.note("print", &id, Some(scope), 1)?;
    Ok(page.into())
}

/// Every change of the file.
pub(super) fn history(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = asked.node.call(ElderHistory { elder: asked.id() })?;
    let id = asked.id();
    let table = history::table(&report, &asked.context);
    let title = asked.context.messages.word("console-elder", "history");
    let command = format!("shouwang elder history {}", short(&id, false));
    let mut page = asked.page(title.clone()).same_as(command);
    page.add(Block::Links(vec![Link {
        href: format!("/elder/{id}"),
        text: asked.word("back_to_file"),
        current: false,
    }]));
    page.add(Block::Grid(Grid::of(&table, title, String::new(), |_| None)));
    asked.note("show", &id, Some(report.scope), 1)?;
    Ok(page.into())
}

/// What stands in the file, to be changed.
pub(super) fn edit(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = elder(asked)?;
    let id = report.summary.elder_id.to_string();
    let draft = format!("edit:{id}");
    let (typed, at_ms) = asked.typed(&draft)?;
    let messages = asked.context.messages.clone();
    let name = name(&report, &messages);
    let title = messages.say("console-edit-of", [("name", FluentValue::from(name.clone()))]);
    let command = format!("shouwang elder set {} phone=…", short(&id, false));
    let mut page: Page = asked.page(title).same_as(command);
    let mut fields = vec![FormField::hidden("about", name)];
    for field in Field::ALL.iter().filter(|field| **field != Field::ResidentIdAsWritten) {
        let stored = stored(&report, *field);
        fields.push(FormField::hidden(&was(*field), stored));
        // What was left as it was earlier is shown as it is now: others may have written since.
        let anew = anew(&typed, *field);
        let is_number = *field == Field::ResidentId;
        let value = anew.unwrap_or(if is_number { "" } else { stored });
        let mut one = control(*field, value, stored, &messages);
        if is_number && !stored.is_empty() {
            one = one.hint(stored.to_owned());
        }
        if anew.is_some() && changed_meanwhile(&typed, *field, stored) {
            one = one.hint(now_in_file(*field, stored, &messages));
        }
        fields.push(one);
    }
    let form = asked.form(asked.word("save"), fields)?;
    let form = asked.drafted(form, &draft, Some(&id), at_ms);
    page.add(Block::Form(Box::new(form)));
    asked.note("show", &id, Some(report.summary.scope), 1)?;
    Ok(page.into())
}

/// Saves what is different from what was shown, and nothing else: what others have written since stays. What somebody
/// else has changed since it was shown is not written over before whoever typed has seen it.
pub(super) fn save(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let report = elder(asked)?;
    let messages = asked.context.messages.clone();
    let mut fields = BTreeMap::new();
    let mut changed = Vec::new();
    for field in Field::ALL {
        let Some(typed) = anew(&filled, *field) else { continue };
        let value = field.value(&parse::in_stored_case(*field, typed));
        let value = value.map_err(|error| Failure::value(&error, &messages))?;
        let stored = stored(&report, *field);
        if value.as_str() == stored {
            continue;
        }
        if changed_meanwhile(&filled, *field, stored) {
            changed.push(now_in_file(*field, stored, &messages));
        }
        fields.insert(*field, value.as_str().to_owned());
    }
    if !changed.is_empty() {
        return Err(Failure::usage("changed_meanwhile")
            .with("fields", changed.join(&messages.text("list-separator")))
            .into());
    }
    let elder = asked.id();
    if fields.is_empty() {
        return Ok(Answer::Go(format!("/elder/{elder}?saved=nothing")));
    }
    let saved = asked.node.call(ElderSet { elder, fields, certified: false })?;
    Ok(Answer::Go(saved_page("edit", &saved)))
}

/// A new file.
pub(super) fn new(asked: &mut Asked) -> anyhow::Result<Answer> {
    let (typed, at_ms) = asked.typed("new")?;
    let messages = asked.context.messages.clone();
    let mut page =
        asked.page(messages.word("console-word", "new_file")).same_as("shouwang elder add name=…");
    let mut fields = Vec::new();
    if asked.level()? < Level::Village {
        let places = asked.node.call(AreaList { within: None })?.places;
        let chosen = typed.text("scope").unwrap_or_default().to_owned();
        let villages = places.into_iter().filter(|place| place.code.level() == Level::Village);
        let choice = |value: String, text: String| Choice { chosen: value == chosen, value, text };
        let villages: Vec<Choice> =
            villages.map(|place| choice(place.code.to_string(), place.name)).collect();
        let label = messages.word("console-word", "village");
        let field = match villages.is_empty() {
            // The names of places have not come yet: a code does.
            true => FormField::line("scope", label, Some(&chosen)),
            false => {
                let none = choice(String::new(), String::new());
                FormField::select("scope", label, std::iter::once(none).chain(villages).collect())
            }
        };
        fields.push(field.required());
    }
    let first = [
        Field::Name,
        Field::ResidentId,
        Field::BirthDate,
        Field::Sex,
        Field::Phone,
        Field::Address,
        Field::Hamlet,
        Field::LivingArrangement,
        Field::ObservedFunction,
        Field::Remarks,
    ];
    for field in first {
        let value = typed.typed(field.spec().key).unwrap_or_default();
        let one = control(field, value, "", &messages);
        fields.push(if field == Field::Name { one.required() } else { one });
    }
    let reasons = choices::<EntryReason>(&[typed.text("reason").unwrap_or_default()], &messages);
    let nobody = Choice {
        value: String::new(),
        text: messages.word("console-word", "no_entry"),
        chosen: typed.text("reason").is_none(),
    };
    let reasons = std::iter::once(nobody).chain(reasons).collect();
    fields.push(FormField::select("reason", messages.word("console-word", "entry"), reasons));
    let form = asked.form(asked.word("save"), fields)?;
    let form = asked.drafted(form, "new", None, at_ms);
    page.add(Block::Form(Box::new(form)));
    Ok(page.into())
}

/// Opens the file.
pub(super) fn add(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let scope = filled.text("scope").map(|text| parse::place(&mut asked.node, "scope", text));
    let scope = scope.transpose()?;
    let mut fields = BTreeMap::new();
    for field in Field::ALL {
        let Some(typed) = filled.text(field.spec().key) else { continue };
        let value = field.value(&parse::in_stored_case(*field, typed));
        let value = value.map_err(|error| Failure::value(&error, &asked.context.messages))?;
        fields.insert(*field, value.as_str().to_owned());
    }
    let reason = filled.text("reason").map(|text| {
        let reason = parse::choice::<EntryReason>(&asked.word("entry"), text)?;
        Ok::<_, Failure>(RosterEntry { reason, date: asked.context.as_of, note: None })
    });
    let entry = reason.transpose()?;
    let saved = asked.node.call(ElderAdd { scope, fields, entry })?;
    Ok(Answer::Go(saved_page("new", &saved)))
}

/// The page of a file of which something was saved.
fn saved_page(what: &str, saved: &shouwang_node::command::elder::Saved) -> String {
    let flags: String = saved.flags.iter().map(|flag| format!(",{flag}")).collect();
    format!("/elder/{}?saved={what}{flags}", saved.elder_id)
}

/// What the file says of a field, as its form shows it: a number is never whole there, and the text that a ledger had is
/// evidence and in no form.
fn stored(report: &ElderReport, field: Field) -> &str {
    let shown = report.fields.iter().find(|one| one.field == field);
    shown.map(|one| one.value.as_str()).unwrap_or_default()
}

/// Where a form has what the file said of a field when the form was made.
fn was(field: Field) -> String {
    format!("was_{}", field.spec().key)
}

/// What was typed in the place of what the form had shown; None where that was left as it was.
fn anew(filled: &Fields, field: Field) -> Option<&str> {
    let typed = filled.typed(field.spec().key)?.trim();
    let shown = match field {
        Field::ResidentId => "",
        field => filled.text(&was(field)).unwrap_or_default(),
    };
    (typed != shown).then_some(typed)
}

/// Whether the file said something else when the form was made.
fn changed_meanwhile(filled: &Fields, field: Field, stored: &str) -> bool {
    filled.text(&was(field)).unwrap_or_default() != stored.trim()
}

fn now_in_file(field: Field, stored: &str, messages: &Messages) -> String {
    let value = match stored {
        "" => messages.text("console-empty"),
        stored => words::field_value(messages, field, stored),
    };
    let field = messages.word("field", field.spec().key);
    messages
        .say("console-now-in-file", [("field", FluentValue::from(field)), ("value", value.into())])
}

/// How a field is filled in.
fn control(field: Field, value: &str, stored: &str, messages: &Messages) -> FormField {
    let spec = field.spec();
    let label = messages.word("field", spec.key);
    match spec.kind {
        Kind::Choice(known) => {
            let choice = |value: &str, text: String, chosen: bool| Choice {
                value: value.to_owned(),
                text,
                chosen,
            };
            let mut choices: Vec<Choice> = known
                .iter()
                .map(|(word, _)| {
                    choice(word, words::field_value(messages, field, word), *word == value)
                })
                .collect();
            // Nothing said is no word of the vocabulary.
            if stored.is_empty() {
                choices.insert(0, choice("", String::new(), value.is_empty()));
            }
            FormField::select(spec.key, label, choices)
        }
        Kind::Date => FormField::line(spec.key, label, Some(value)).kind("date"),
        Kind::Number(_) => FormField::line(spec.key, label, Some(value)).kind("number"),
        // A line has no line ends, and would lose those that are there.
        Kind::Text(longest) if longest > 120 || stored.contains('\n') => {
            FormField::lines(spec.key, label, Some(value)).longest(longest)
        }
        Kind::Text(longest) => FormField::line(spec.key, label, Some(value)).longest(longest),
        Kind::Division | Kind::ResidentId => FormField::line(spec.key, label, Some(value)),
    }
}
