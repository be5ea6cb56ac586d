//! The tables for the prefecture.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::record::{CareGroup, Choice};
use shouwang_crdt_schema::report::month::AgeBand;
use shouwang_crdt_schema::report::prefecture::{RateRow, Shown};
use shouwang_node::command::report::PrefectureReport;

use super::{coverage_words, head, month_values, place_name};
use crate::message::Messages;
use crate::sheet::{Heading, Sheet, Value};
use crate::words::label;

/// Totals, distribution and characteristics, with small cells withheld.
pub(crate) fn prefecture(report: &PrefectureReport, messages: &Messages) -> Vec<Sheet> {
    let [year, month] = month_values(report.month);
    let area = report.area_name.clone().unwrap_or_else(|| report.area.to_string());
    let area = ("area", FluentValue::from(area));
    let values = [area, year, month];
    let title = messages.say("report-prefecture-title", values);
    let day = FluentValue::from(report.counted_to.to_string());
    let mut notes = vec![
        messages.say("report-counted-to", [("day", day)]),
        coverage_words(report.villages_with_data, report.villages, report.oldest_days, messages),
    ];
    if !report.without_data.is_empty() {
        let names = report.without_data.join(&messages.text("list-separator"));
        notes.push(messages.say("coverage-missing-all", [("names", FluentValue::from(names))]));
    }
    notes.push(messages.text("report-withheld-note"));
    let mut sheets = vec![
        ages(report, messages),
        places(report, messages),
        rates(report, messages),
        marks(report, messages),
        moves(report, messages),
    ];
    for sheet in &mut sheets {
        sheet.title.clone_from(&title);
        sheet.notes.clone_from(&notes);
    }
    sheets
}

fn sheet(name: String, columns: Vec<Heading>, rows: Vec<Vec<Value>>) -> Sheet {
    Sheet { name, title: String::new(), columns, rows, total: None, notes: Vec::new() }
}

fn ages(report: &PrefectureReport, messages: &Messages) -> Sheet {
    let h = |key: &str| head(messages, key);
    let band = |band: &AgeBand| {
        messages.word("age-band", &format!("b{}", band.as_str().replace(['-', '+'], "")))
    };
    let mut headings = vec![Heading::alone("care_group", h("care-group"))];
    headings.extend(AgeBand::ALL.iter().map(|of| Heading::under(&h("age"), of.as_str(), band(of))));
    headings.push(Heading::alone("total", h("total")));
    let rows = report.tables.ages.iter().map(|row| {
        let ages = row.ages.values().map(|shown| Value::from(*shown));
        std::iter::once(Value::Text(label(messages, row.group)))
            .chain(ages)
            .chain([row.total.into()])
            .collect()
    });
    let mut total = vec![Value::Text(h("total"))];
    total.extend(report.tables.ages_total.values().map(|shown| Value::from(*shown)));
    total.push(report.tables.roster.into());
    Sheet { total: Some(total), ..sheet(h("sheet-ages"), headings, rows.collect()) }
}

fn places(report: &PrefectureReport, messages: &Messages) -> Sheet {
    let h = |key: &str| head(messages, key);
    let mut headings = vec![Heading::alone("place", h("place"))];
    let group = |group: &CareGroup| {
        Heading::under(&h("care-group"), group.as_str(), label(messages, *group))
    };
    headings.extend(CareGroup::ALL.iter().map(group));
    headings.push(Heading::alone("total", h("total")));
    let rows = report.tables.places.iter().map(|row| {
        std::iter::once(place_name(row.name.as_ref(), row.code))
            .chain(row.groups.values().map(|shown| Value::from(*shown)))
            .chain([row.total.into()])
            .collect()
    });
    let mut total = vec![Value::Text(h("total"))];
    total.extend(report.tables.ages.iter().map(|row| Value::from(row.total)));
    total.push(report.tables.roster.into());
    Sheet { total: Some(total), ..sheet(h("sheet-places"), headings, rows.collect()) }
}

fn rates(report: &PrefectureReport, messages: &Messages) -> Sheet {
    let h = |key: &str| head(messages, key);
    let headings = vec![
        Heading::alone("care_group", h("care-group")),
        Heading::alone("roster", h("roster")),
        Heading::under(&h("visits"), "visited", h("visited")),
        Heading::under(&h("visits"), "visit_rate", h("visit-rate")),
        Heading::under(&h("agreements"), "agreements", h("in-force")),
        Heading::under(&h("agreements"), "agreement_rate", h("rate")),
        Heading::under(&h("refresh"), "reviewed", h("reviewed")),
        Heading::under(&h("refresh"), "refresh_rate", h("rate")),
        Heading::alone("declined", h("declined")),
    ];
    let line = |row: &RateRow| {
        let rate = |numerator| row.rate(numerator).map_or(Value::Withheld, Value::Rate);
        let name = row.group.map_or_else(|| h("total"), |group| label(messages, group));
        vec![
            Value::Text(name),
            row.roster.into(),
            row.visited.into(),
            rate(row.visited),
            row.agreements.into(),
            rate(row.agreements),
            row.reviewed.into(),
            rate(row.reviewed),
            row.declined.into(),
        ]
    };
    let rows = report.tables.rates.iter().map(line).collect();
    let total = Some(line(&report.tables.rates_total));
    Sheet { total, ..sheet(h("sheet-rates"), headings, rows) }
}

fn marks(report: &PrefectureReport, messages: &Messages) -> Sheet {
    let h = |key: &str| head(messages, key);
    let headings = vec![
        Heading::alone("mark", h("mark")),
        Heading::alone("value", h("value")),
        Heading::alone("elders", h("persons")),
    ];
    let line = |mark: String, value: String, shown: Shown| {
        vec![Value::Text(mark), Value::Text(value), shown.into()]
    };
    let abilities = report.tables.abilities.iter();
    let categories = report.tables.categories.iter();
    let rows = abilities
        .map(|(level, shown)| line(h("ability"), label(messages, *level), *shown))
        .chain(categories.map(|(of, shown)| line(h("category"), label(messages, *of), *shown)));
    sheet(h("sheet-marks"), headings, rows.collect())
}

fn moves(report: &PrefectureReport, messages: &Messages) -> Sheet {
    let h = |key: &str| head(messages, key);
    let headings = vec![
        Heading::alone("way", h("way")),
        Heading::alone("reason", h("reason")),
        Heading::alone("elders", h("persons")),
    ];
    let line = |way: String, reason: String, shown: Shown| {
        vec![Value::Text(way), Value::Text(reason), shown.into()]
    };
    let tables = &report.tables;
    let entries = tables.entries.iter().map(|(of, shown)| (label(messages, *of), *shown));
    let entries = entries.chain([
        (h("no-reason"), tables.entries_unexplained),
        (h("subtotal"), tables.entries_total),
    ]);
    let exits = tables.exits.iter().map(|(of, shown)| (label(messages, *of), *shown));
    let exits = exits
        .chain([(h("no-reason"), tables.exits_unexplained), (h("subtotal"), tables.exits_total)]);
    let rows = entries
        .map(|(reason, shown)| line(h("entries"), reason, shown))
        .chain(exits.map(|(reason, shown)| line(h("exits"), reason, shown)))
        .chain([
            line(h("roster"), h("roster-before"), tables.roster_before),
            line(h("roster"), h("roster"), tables.roster),
        ]);
    sheet(h("sheet-moves"), headings, rows.collect())
}
