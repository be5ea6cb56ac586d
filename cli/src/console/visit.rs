//! Recording a visit: what was in order is one click, and what was not is asked for.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::record::{
    EconomicItem, FamilyItem, Finding, HealthItem, SafetyItem, ServiceNeed, VisitAction, VisitMode,
    VisitOccasion, VisitOutcome,
};
use shouwang_crdt_schema::visit::{AreaReport, Visit};
use shouwang_node::command::elder::{ElderReport, ElderShow, VisitAdd};

use super::asked::{Answer, Asked};
use super::form::{Choice as Picked, Control, Fields, FormField, choices};
use super::page::{Block, Fact, Page};
use crate::commands::visit::table;
use crate::error::Failure;
use crate::message::Messages;
use crate::output::Mark;
use crate::parse;
use crate::words::{self, Labelled};

/// Somebody says that all areas are in order.
const ALL_FINE: &str = "fine";

/// Earlier visits that are shown beside the form.
const EARLIER_SHOWN: usize = 3;

/// The form.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = elder(asked)?;
    let id = report.summary.elder_id.to_string();
    let draft = format!("visit:{id}");
    let (typed, at_ms) = asked.typed(&draft)?;
    let messages = asked.context.messages.clone();
    let name = super::elder::name(&report, &messages);
    let title = messages.say("console-visit-of", [("name", FluentValue::from(name.clone()))]);
    let command = format!("shouwang visit add {}", crate::commands::elder::short(&id, false));
    let mut page: Page = asked.page(title).same_as(command);
    let today = asked.context.as_of;
    let so_far = report.visits.iter().filter(|one| one.visit.date == today).count();
    if so_far > 0 {
        let count = FluentValue::from(so_far);
        page.note(Mark::Note, messages.say("console-visited-today", [("count", count)]));
    }
    page.add(Block::Facts(about(&report, &messages)));
    let fields = fields(&typed, asked.context.as_of, &name, &messages);
    let form = asked.form(asked.word("save"), fields)?;
    let form = asked.drafted(form, &draft, Some(&id), at_ms);
    page.add(Block::Form(Box::new(form)));
    let earlier = report.visits.get(..EARLIER_SHOWN).unwrap_or(&report.visits);
    page.heading(asked.word("earlier_visits"));
    let visits = table(earlier, false, &asked.context);
    let none = messages.text("no-visits");
    page.add(Block::Grid(super::page::Grid::of(
        &visits,
        asked.word("earlier_visits"),
        none,
        |_| None,
    )));
    asked.note("show", &id, Some(report.summary.scope), 1)?;
    Ok(page.into())
}

/// Saves it.
pub(super) fn save(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let visit = read(&filled, asked)?;
    let elder = asked.id();
    let saved = asked.node.call(VisitAdd { elder, visit })?;
    let flags = saved.flags.join(",");
    let saved_as = if flags.is_empty() { "visit".to_owned() } else { format!("visit,{flags}") };
    Ok(Answer::Go(format!("/elder/{}?saved={saved_as}", saved.elder_id)))
}

/// The file that the path names.
pub(super) fn elder(asked: &mut Asked) -> anyhow::Result<ElderReport> {
    let request =
        ElderShow { elder: asked.id(), as_of: asked.context.as_of, show_resident_id: false };
    Ok(asked.node.call(request)?)
}

/// What a visitor should know at the door.
fn about(report: &ElderReport, messages: &Messages) -> Vec<Fact> {
    let wanted = ["address", "hamlet", "phone", "living_arrangement", "care_plan"];
    let mut facts = vec![Fact::line(
        messages.word("column", "care_group"),
        words::label(messages, report.summary.care_group),
    )];
    facts.extend(
        report.fields.iter().filter(|field| wanted.contains(&field.field.spec().key)).map(
            |field| {
                let value = words::field_value(messages, field.field, &field.value);
                Fact::line(messages.word("field", field.field.spec().key), value)
            },
        ),
    );
    facts
}

fn fields(typed: &Fields, today: NaiveDate, name: &str, messages: &Messages) -> Vec<FormField> {
    let word = |member: &str| messages.word("console-word", member);
    let chosen = |name: &str, default: &'static str| -> String {
        typed.text(name).unwrap_or(default).to_owned()
    };
    let today = today.to_string();
    let is_touched = |names: &[&str]| names.iter().any(|name| typed.has(name));
    let area = |key: &str, items: Vec<Picked>| {
        let label = messages.word("visit-area", key);
        let shown =
            messages.say("console-visit-items", [("area", FluentValue::from(label.clone()))]);
        [
            FormField::radios::<Finding>(key, label, typed.text(key), messages),
            FormField::of(&format!("{key}_items"), shown, Control::Checks(items)),
        ]
    };
    let items = |key: &str| typed.all(&format!("{key}_items")).to_vec();
    let mut fields = vec![
        FormField::hidden("about", name),
        FormField::line("date", word("day"), Some(typed.text("date").unwrap_or(&today)))
            .kind("date")
            .required(),
        FormField::radios::<VisitMode>(
            "mode",
            word("mode"),
            Some(&chosen("mode", "Home")),
            messages,
        ),
        FormField::radios::<VisitOutcome>(
            "outcome",
            word("outcome"),
            Some(&chosen("outcome", "Completed")),
            messages,
        ),
        FormField::of(
            "areas",
            word("areas"),
            Control::Checks(vec![Picked {
                value: ALL_FINE.to_owned(),
                text: word("areas_fine"),
                chosen: typed.text("areas") == Some(ALL_FINE),
            }]),
        ),
    ];
    let mut each = Vec::new();
    each.extend(area("health", picked::<HealthItem>(&items("health"), messages)));
    each.extend(area("economic", picked::<EconomicItem>(&items("economic"), messages)));
    each.extend(area("family", picked::<FamilyItem>(&items("family"), messages)));
    each.extend(area("safety", picked::<SafetyItem>(&items("safety"), messages)));
    let open = is_touched(&["health", "economic", "family", "safety"]);
    fields.push(FormField::of("", word("each_area"), Control::Group(each, open)));
    fields.push(FormField::checks::<ServiceNeed>(
        "needs",
        messages.word("visit-area", "needs"),
        typed.all("needs"),
        messages,
    ));
    fields.push(
        FormField::lines("note", messages.word("visit-area", "note"), typed.typed("note"))
            .longest(Visit::NOTE_CHARACTERS_MAX),
    );
    let more = vec![
        FormField::line("time", word("time"), typed.text("time")).kind("time"),
        FormField::line("visitor", word("visitor"), typed.typed("visitor")),
        FormField::radios::<VisitOccasion>(
            "occasion",
            word("occasion"),
            Some(&chosen("occasion", "Routine")),
            messages,
        ),
        FormField::checks::<VisitAction>(
            "actions",
            messages.word("visit-area", "actions"),
            typed.all("actions"),
            messages,
        ),
    ];
    let open = is_touched(&["time", "visitor", "actions"]);
    fields.push(FormField::of("", word("more"), Control::Group(more, open)));
    fields
}

fn picked<C: Labelled>(chosen: &[String], messages: &Messages) -> Vec<Picked> {
    let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
    choices::<C>(&chosen, messages)
}

/// What was filled in, as a visit. What the areas say counts only where somebody was met.
fn read(fields: &Fields, asked: &Asked) -> anyhow::Result<Visit> {
    let text = |name: &str| fields.text(name).unwrap_or_default().to_owned();
    let date = parse::date(&asked.word("day"), &text("date"))?;
    let outcome: VisitOutcome = parse::choice(&asked.word("outcome"), &text("outcome"))?;
    let note = fields.text("note").map(str::to_owned);
    if let Some(length) = note.as_ref().map(|note| note.chars().count())
        && length > Visit::NOTE_CHARACTERS_MAX
    {
        return Err(Failure::usage("value_too_long")
            .with("field", asked.context.messages.word("visit-area", "note"))
            .with("length", length)
            .with("limit", Visit::NOTE_CHARACTERS_MAX)
            .into());
    }
    let visit = Visit {
        time: fields.text("time").map(|time| parse::time(&asked.word("time"), time)).transpose()?,
        visitor: fields.text("visitor").map(str::to_owned),
        mode: parse::choice(&asked.word("mode"), &text("mode"))?,
        occasion: parse::choice(&asked.word("occasion"), &text("occasion"))?,
        outcome,
        health: area(fields, "health", asked)?,
        economic: area(fields, "economic", asked)?,
        family: area(fields, "family", asked)?,
        safety: area(fields, "safety", asked)?,
        needs: chosen(fields, "needs", asked)?,
        actions: chosen(fields, "actions", asked)?,
        note,
        ..Visit::on(date)
    };
    let said = visit.health.is_some()
        || visit.economic.is_some()
        || visit.family.is_some()
        || visit.safety.is_some();
    // That all is well is somebody's word, and no default.
    match outcome == VisitOutcome::Completed && !said {
        true => Err(Failure::usage("visit_without_findings").into()),
        false => Ok(visit),
    }
}

fn area<C: Labelled>(
    fields: &Fields,
    key: &str,
    asked: &Asked,
) -> anyhow::Result<Option<AreaReport<C>>> {
    let items: BTreeSet<C> = chosen(fields, &format!("{key}_items"), asked)?;
    let label = || asked.context.messages.word("visit-area", key);
    let finding = match fields.text(key) {
        Some(text) => Some(parse::choice(&label(), text)?),
        None if !items.is_empty() => Some(Finding::Concern),
        None => (fields.text("areas") == Some(ALL_FINE)).then_some(Finding::Fine),
    };
    match finding {
        // One of the two was clicked by mistake.
        Some(Finding::Fine) if !items.is_empty() => {
            Err(Failure::usage("finding_fine_with_items").with("area", label()).into())
        }
        finding => Ok(finding.map(|finding| AreaReport { finding, items })),
    }
}

fn chosen<C: Labelled>(fields: &Fields, name: &str, asked: &Asked) -> anyhow::Result<BTreeSet<C>> {
    let wrong = |text: &String| {
        Failure::usage("choice")
            .with("argument", asked.context.messages.word("visit-area", name))
            .with("value", text)
            .with("allowed", C::ALL.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(", "))
    };
    let each = |text: &String| C::from_stored(text).ok_or_else(|| wrong(text).into());
    fields.all(name).iter().map(each).collect()
}

/// That something was saved, and what is doubtful in it.
pub(super) fn saved(asked: &Asked, page: &mut Page) {
    let Some(saved) = asked.query.text("saved") else { return };
    let messages = &asked.context.messages;
    let mut words = saved.split(',');
    if let Some(text) = words.next().and_then(|what| messages.known_word("console-saved", what)) {
        page.note(Mark::Good, text);
    }
    for flag in words {
        if let Some(text) = messages.known_word("flag", flag) {
            page.note(Mark::Attention, text);
        }
    }
}
