//! Incidents: raised from anywhere, acknowledged, noted, closed.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::Level;
use shouwang_crdt_schema::record::{IncidentKind, IncidentStep};
use shouwang_crdt_schema::rules::escalation::IncidentState;
use shouwang_node::command::elder::ElderList;
use shouwang_node::command::incident::{
    IncidentAct, IncidentList, IncidentRaise, IncidentReport, IncidentShow, IncidentSummary, Which,
};

use super::asked::{Answer, Asked};
use super::form::{Choice, Fields, FormField};
use super::page::{Block, Cell, Grid, Link};
use super::visit::{elder, saved};
use crate::commands::elder::{place_names, short};
use crate::commands::incident::{moment, now_to_the_minute};
use crate::output::Mark;
use crate::{parse, words};

/// Those that are open, or all.
pub(super) fn list(asked: &mut Asked) -> anyhow::Result<Answer> {
    let all = asked.query.text("which") == Some("all");
    let which = if all { Which::All } else { Which::Open };
    let request = IncidentList { which, elder: None, as_of: moment(&asked.context) };
    let report = asked.node.call(request)?;
    asked.note("list", "incidents", None, report.incidents.len())?;
    let messages = asked.context.messages.clone();
    let command = if all { "shouwang incident list --all" } else { "shouwang incident list" };
    let mut page = asked.page(messages.word("console-place", "incidents")).same_as(command).live();
    saved(asked, &mut page);
    let link = |member: &str, href: &str, current: bool| Link {
        href: href.to_owned(),
        text: messages.word("console-word", member),
        current,
    };
    page.add(Block::Links(vec![
        link("incident", "/incidents/raise", false),
        link("open_incidents", "/incidents", !all),
        link("all_incidents", "/incidents?which=all", all),
    ]));
    let (pager, shown) = super::due::paged(asked, "/incidents", report.incidents.len());
    let grid = grid(asked, report.incidents.get(shown).unwrap_or_default())?;
    page.add(Block::Grid(grid)).add(pager);
    Ok(page.into())
}

/// Incidents, one a line.
pub(super) fn grid(asked: &mut Asked, incidents: &[IncidentSummary]) -> anyhow::Result<Grid> {
    let names = place_names(&mut asked.node)?;
    let messages = asked.context.messages.clone();
    let in_village = asked.level()? >= Level::Village;
    let mut columns = vec!["kind", "elder_name"];
    if !in_village {
        columns.push("village");
    }
    columns.extend(["raised", "due", "state"]);
    let row = |incident: &IncidentSummary| {
        let standing = &incident.standing;
        let word = |member: &str| messages.word("incident-state", member);
        let kind = standing.kind.map(|kind| words::label(&messages, kind));
        let kind = kind.unwrap_or_else(|| messages.text("nothing-said"));
        let mut row = vec![
            Cell::text(kind).to(format!("/incident/{}", incident.incident_id)),
            Cell::text(incident.name.clone().unwrap_or_default())
                .to(format!("/elder/{}", incident.elder_id)),
        ];
        if !in_village {
            let place = names.get(&incident.scope).cloned();
            row.push(Cell::text(place.unwrap_or_else(|| incident.scope.to_string())));
        }
        row.push(Cell::text(standing.raised_at.format("%Y-%m-%d %H:%M")));
        row.push(Cell::text(standing.due_at.format("%Y-%m-%d %H:%M")));
        row.push(match standing.state {
            IncidentState::Open if incident.overdue => Cell::state(Mark::Bad, word("overdue")),
            IncidentState::Open => Cell::state(Mark::Attention, word("open")),
            IncidentState::Acknowledged => Cell::text(word("acknowledged")),
            IncidentState::Closed => Cell::state(Mark::Good, word("closed")),
        });
        row
    };
    Ok(Grid {
        caption: messages.word("console-place", "incidents"),
        columns: columns.into_iter().map(|key| (messages.word("column", key), false)).collect(),
        rows: incidents.iter().map(row).collect(),
        empty: messages.text("no-incidents"),
    })
}

/// Of whom an incident is to be raised.
pub(super) fn of_whom(asked: &mut Asked) -> anyhow::Result<Answer> {
    let matching = asked.query.text("q").map(str::to_owned);
    let messages = asked.context.messages.clone();
    let mut page =
        asked.page(messages.word("console-word", "incident")).same_as("shouwang incident raise");
    let label = messages.word("console-word", "of_whom");
    let field = FormField::line("q", label, matching.as_deref()).required();
    let mut form = asked.form(messages.word("console-word", "find"), vec![field])?;
    (form.looks, form.inline) = (true, true);
    page.add(Block::Form(Box::new(form)));
    if let Some(text) = matching {
        let request =
            ElderList { scope: None, matching: Some(text.clone()), as_of: asked.context.as_of };
        let found = asked.node.call(request)?.elders;
        if let [only] = found.as_slice() {
            return Ok(Answer::Go(format!("/elder/{}/incident", only.elder_id)));
        }
        asked.note("find", &text, None, found.len())?;
        let mut grid = super::elders::grid(asked, found.get(..50).unwrap_or(&found))?;
        for (row, elder) in grid.rows.iter_mut().zip(&found) {
            let to = format!("/elder/{}/incident", elder.elder_id);
            if let Some(last) = row.last_mut() {
                *last = Cell::text(messages.word("console-word", "incident")).to(to);
            }
        }
        page.add(Block::Grid(grid));
    }
    Ok(page.into())
}

/// The form.
pub(super) fn raise(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = elder(asked)?;
    let id = report.summary.elder_id.to_string();
    let draft = format!("incident:{id}");
    let (typed, at_ms) = asked.typed(&draft)?;
    let messages = asked.context.messages.clone();
    let name = super::elder::name(&report, &messages);
    let title = messages.say("console-incident-of", [("name", FluentValue::from(name.clone()))]);
    let command = format!("shouwang incident raise {} --kind …", short(&id, false));
    let mut page = asked.page(title).same_as(command);
    let label = messages.word("console-word", "incident_kind");
    let mut fields = vec![
        FormField::hidden("about", name),
        FormField::radios::<IncidentKind>("kind", label, typed.text("kind"), &messages).required(),
        FormField::lines(
            "note",
            messages.word("console-word", "what_was_seen"),
            typed.typed("note"),
        ),
    ];
    fields.extend(when_and_who(&typed, asked));
    fields.push(FormField::line(
        "place",
        messages.word("console-word", "where"),
        typed.typed("place"),
    ));
    let form = asked.form(messages.word("console-word", "raise"), fields)?;
    let form = asked.drafted(form, &draft, Some(&id), at_ms);
    page.add(Block::Form(Box::new(form)));
    asked.note("show", &id, Some(report.summary.scope), 1)?;
    Ok(page.into())
}

fn when_and_who(typed: &Fields, asked: &Asked) -> Vec<FormField> {
    let today = asked.context.as_of.to_string();
    let now = now_to_the_minute(&asked.context).map(|time| time.format("%H:%M").to_string());
    let time = typed.typed("time").map(str::to_owned).or(now);
    vec![
        FormField::line("date", asked.word("day"), Some(typed.text("date").unwrap_or(&today)))
            .kind("date")
            .required(),
        FormField::line("time", asked.word("time"), time.as_deref()).kind("time"),
        FormField::line("by", asked.word("who"), typed.typed("by")),
    ]
}

fn report(filled: &Fields, asked: &Asked) -> anyhow::Result<IncidentReport> {
    let text = |name: &str| filled.text(name).map(str::to_owned);
    Ok(IncidentReport {
        date: asked.day(filled, "date")?,
        time: filled.text("time").map(|time| parse::time(&asked.word("time"), time)).transpose()?,
        place: text("place"),
        by: text("by"),
        note: text("note"),
    })
}

/// Raises it.
pub(super) fn save(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let kind = filled.text("kind").unwrap_or_default();
    let kind: IncidentKind = parse::choice(&asked.word("incident_kind"), kind)?;
    let report = report(&filled, asked)?;
    let elder = asked.id();
    let saved = asked.node.call(IncidentRaise { elder, kind, report })?;
    Ok(Answer::Go(format!("/incident/{}?saved=raised", saved.incident_id)))
}

/// One incident, what happened, and what comes next.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let request = IncidentShow { incident: asked.id(), as_of: moment(&asked.context) };
    let found = asked.node.call(request)?;
    let id = found.summary.incident_id.to_string();
    let draft = format!("step:{id}");
    let (typed, at_ms) = asked.typed(&draft)?;
    let messages = asked.context.messages.clone();
    let command = format!("shouwang incident show {}", short(&id, false));
    let mut page = asked.page(messages.word("console-word", "an_incident")).same_as(command);
    saved(asked, &mut page);
    let grid = grid(asked, std::slice::from_ref(&found.summary))?;
    page.add(Block::Grid(grid));
    page.heading(messages.word("console-word", "steps"));
    let columns = ["date", "step", "place", "by", "remark", "device"];
    let rows = found.steps.iter().map(|step| {
        let event = &step.event;
        let date = match event.time {
            Some(time) => format!("{} {}", event.date, time.format("%H:%M")),
            None => event.date.to_string(),
        };
        let device = step.recorded_by.map(|device| device.short());
        vec![
            Cell::text(date),
            Cell::text(words::label(&messages, event.step)),
            Cell::text(event.place.clone().unwrap_or_default()),
            Cell::text(event.by.clone().unwrap_or_default()),
            Cell::text(event.note.clone().unwrap_or_default()),
            Cell::text(step.device_name.clone().or(device).unwrap_or_default()),
        ]
    });
    page.add(Block::Grid(Grid {
        caption: messages.word("console-word", "steps"),
        columns: columns.map(|key| (messages.word("column", key), false)).to_vec(),
        rows: rows.collect(),
        empty: String::new(),
    }));
    let state = found.summary.standing.state;
    let step = |member: &str, value: &str, chosen: bool| Choice {
        value: value.to_owned(),
        text: messages.word("console-word", member),
        chosen: typed.text("step").map_or(chosen, |typed| typed == value),
    };
    let is_open = state == IncidentState::Open;
    // Something may be added to what is closed.
    let steps = match state {
        IncidentState::Closed => {
            vec![Choice { chosen: true, ..step("note_step", "Noted", true) }]
        }
        _ => vec![
            step("acknowledge", "Acknowledged", is_open),
            step("note_step", "Noted", !is_open),
            step("close", "Closed", false),
        ],
    };
    let mut fields = vec![
        FormField::hidden("about", found.summary.name.clone().unwrap_or_default()),
        FormField::of(
            "step",
            messages.word("console-word", "next_step"),
            super::form::Control::Radios(steps),
        ),
        FormField::lines(
            "note",
            messages.word("console-word", "what_was_done"),
            typed.typed("note"),
        ),
    ];
    fields.extend(when_and_who(&typed, asked));
    let form = asked.form(asked.word("save"), fields)?;
    let elder = found.summary.elder_id.to_string();
    let form = asked.drafted(form, &draft, Some(&elder), at_ms);
    page.add(Block::Form(Box::new(form)));
    asked.note("show", &id, Some(found.summary.scope), 1)?;
    Ok(page.into())
}

/// The next step of it.
pub(super) fn step(asked: &mut Asked) -> anyhow::Result<Answer> {
    let filled = asked.filled();
    let step = filled.text("step").unwrap_or_default();
    let step: IncidentStep = parse::choice(&asked.word("next_step"), step)?;
    let report = report(&filled, asked)?;
    let incident = asked.id();
    let saved = asked.node.call(IncidentAct { incident, step, kind: None, report })?;
    Ok(Answer::Go(format!("/incident/{}?saved=step", saved.incident_id)))
}
