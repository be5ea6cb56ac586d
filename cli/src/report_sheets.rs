//! Reports and lists laid out as tables, in the words that offices use.

use std::collections::BTreeMap;

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::{CareGroup, Choice};
use shouwang_crdt_schema::report::month::{Figures, IncidentFigures};
use shouwang_crdt_schema::report::monthly::{MonthlyTables, PlaceMonth};
use shouwang_crdt_schema::rules::calendar::Month;
use shouwang_node::command::coverage::Coverage;
use shouwang_node::command::report::{HalfYearReport, MonthlyReport};

use crate::message::Messages;
use crate::sheet::{Heading, Sheet, Value};
use crate::words::{label, village_state};

mod due;
mod prefecture;

pub(crate) use due::{due, due_why};
pub(crate) use prefecture::prefecture;

/// A word of a heading.
pub(super) fn head(messages: &Messages, key: &str) -> String {
    messages.word("report-heading", key)
}

/// The name of a place, or its code.
pub(super) fn place_name(name: Option<&String>, code: DivisionCode) -> Value {
    Value::Text(name.cloned().unwrap_or_else(|| code.to_string()))
}

/// "43 of 44 villages, oldest data 19 days".
pub(crate) fn coverage_words(
    with_data: u64,
    villages: u64,
    oldest_days: Option<u64>,
    messages: &Messages,
) -> String {
    let with = ("with", FluentValue::from(with_data));
    let villages = ("villages", FluentValue::from(villages));
    match oldest_days {
        Some(days) => {
            let values = [with, villages, ("days", FluentValue::from(days))];
            messages.say("coverage-line", values)
        }
        None => {
            let values = [with, villages];
            messages.say("coverage-line-without-age", values)
        }
    }
}

/// What stands under every table of a report: what it rests on, and what is missing.
fn notes(coverage: &Coverage, messages: &Messages) -> Vec<String> {
    let line = coverage_words(
        coverage.villages_with_data,
        coverage.villages,
        coverage.oldest_days,
        messages,
    );
    let missing = coverage.without_data();
    let missing = (!missing.is_empty()).then(|| {
        let names = missing.join(&messages.text("list-separator"));
        messages.say("coverage-missing-all", [("names", FluentValue::from(names))])
    });
    [line].into_iter().chain(missing).collect()
}

fn unit(coverage: &Coverage) -> String {
    coverage.area_name.clone().unwrap_or_else(|| coverage.area.to_string())
}

/// Year and number of a month, as text: numbers would get separators of thousands.
pub(super) fn month_values(month: Month) -> [(&'static str, FluentValue<'static>); 2] {
    [
        ("year", FluentValue::from(month.year().to_string())),
        ("month", FluentValue::from(month.number().to_string())),
    ]
}

/// The monthly report: by place, by group, entries and exits, incidents, and what it rests on.
pub(crate) fn monthly(report: &MonthlyReport, messages: &Messages) -> Vec<Sheet> {
    let coverage = &report.coverage;
    let [year, month] = month_values(report.month);
    let area = ("area", FluentValue::from(unit(coverage)));
    let values = [area, year, month];
    let title = messages.say("report-month-title", values);
    let day = FluentValue::from(report.counted_to.to_string());
    let mut all = vec![messages.say("report-counted-to", [("day", day)])];
    all.extend(notes(coverage, messages));
    all.push(messages.text("report-month-note"));
    let tables = &report.tables;
    vec![
        by_place(tables, title.clone(), all, messages),
        by_group(&tables.groups, &tables.total.all, title.clone(), messages),
        moves(tables, title.clone(), messages),
        incidents(tables, title, messages),
        villages(coverage, messages),
    ]
}

fn by_place(
    tables: &MonthlyTables,
    title: String,
    notes: Vec<String>,
    messages: &Messages,
) -> Sheet {
    let h = |key: &str| head(messages, key);
    let mut headings = vec![
        Heading::alone("place", h("place")),
        Heading::alone("files", h("files")).only_on_paper(),
        Heading::under(&h("roster-moves"), "roster_before", h("roster-before")).only_on_paper(),
        Heading::under(&h("roster-moves"), "entries", h("entries")),
        Heading::under(&h("roster-moves"), "exits", h("exits")),
    ];
    for figure in ["roster", "visited", "visit-rate"] {
        headings.push(Heading::under(&h(figure), &figure.replace('-', "_"), h("all")));
        for group in CareGroup::ALL {
            let key = format!("{}_{group}", figure.replace('-', "_"));
            let column = Heading::under(&h(figure), &key, label(messages, *group));
            headings.push(column.only_on_paper());
        }
    }
    headings.extend([
        Heading::under(&h("declined"), "declined", h("persons")),
        Heading::under(&h("declined"), "declined_visited", h("of-these-visited")).only_on_paper(),
        Heading::under(&h("agreements"), "agreements", h("in-force")).only_on_paper(),
        Heading::under(&h("agreements"), "agreement_rate", h("rate")),
        Heading::under(&h("refresh"), "reviewed", h("reviewed")).only_on_paper(),
        Heading::under(&h("refresh"), "refresh_rate", h("rate")),
        Heading::under(&h("incidents"), "incidents_raised", h("raised")),
        Heading::under(&h("incidents"), "incidents_acknowledged", h("acknowledged"))
            .only_on_paper(),
        Heading::under(&h("incidents"), "incidents_closed", h("closed")).only_on_paper(),
        Heading::under(&h("incidents"), "incidents_open", h("open")).only_on_paper(),
        Heading::under(&h("incidents"), "incidents_overdue", h("overdue")),
    ]);
    let line = |place: &PlaceMonth, name: Value| {
        let mut values = vec![
            name,
            Value::Count(place.files),
            Value::Count(place.roster_before),
            Value::Count(place.entries),
            Value::Count(place.exits),
        ];
        let groups: Vec<Figures> = std::iter::once(place.all)
            .chain(
                CareGroup::ALL
                    .iter()
                    .map(|group| place.groups.get(group).copied().unwrap_or_default()),
            )
            .collect();
        values.extend(groups.iter().map(|figures| Value::Count(figures.roster)));
        values.extend(groups.iter().map(|figures| Value::Count(figures.visited)));
        values.extend(groups.iter().map(|figures| Value::Rate(figures.visit_rate())));
        let (all, incidents) = (place.all, place.incidents);
        values.extend([
            Value::Count(all.declined),
            Value::Count(all.declined_visited),
            Value::Count(all.agreements),
            Value::Rate(all.agreement_rate()),
            Value::Count(all.reviewed),
            Value::Rate(all.refresh_rate()),
        ]);
        values.extend(incident_values(&incidents));
        values
    };
    let rows = tables.places.iter();
    let rows = rows.map(|place| line(place, place_name(place.name.as_ref(), place.code))).collect();
    Sheet {
        name: h("sheet-places"),
        title,
        columns: headings,
        rows,
        total: Some(line(&tables.total, Value::Text(h("total")))),
        notes,
    }
}

fn incident_values(incidents: &IncidentFigures) -> [Value; 5] {
    [incidents.raised, incidents.acknowledged, incidents.closed, incidents.open, incidents.overdue]
        .map(Value::Count)
}

fn by_group(
    groups: &BTreeMap<CareGroup, Figures>,
    all: &Figures,
    title: String,
    messages: &Messages,
) -> Sheet {
    let h = |key: &str| head(messages, key);
    let headings = vec![
        Heading::alone("care_group", h("care-group")),
        Heading::alone("roster", h("roster")),
        Heading::under(&h("visits"), "visited", h("visited")),
        Heading::under(&h("visits"), "visit_rate", h("visit-rate")),
        Heading::under(&h("declined"), "declined", h("persons")),
        Heading::under(&h("declined"), "declined_visited", h("of-these-visited")),
        Heading::under(&h("agreements"), "agreements", h("in-force")),
        Heading::under(&h("agreements"), "agreement_rate", h("rate")),
        Heading::under(&h("refresh"), "reviewed", h("reviewed")),
        Heading::under(&h("refresh"), "refresh_rate", h("rate")),
        Heading::alone("lone_living", h("lone-living")),
    ];
    let line = |name: String, figures: &Figures| {
        vec![
            Value::Text(name),
            Value::Count(figures.roster),
            Value::Count(figures.visited),
            Value::Rate(figures.visit_rate()),
            Value::Count(figures.declined),
            Value::Count(figures.declined_visited),
            Value::Count(figures.agreements),
            Value::Rate(figures.agreement_rate()),
            Value::Count(figures.reviewed),
            Value::Rate(figures.refresh_rate()),
            Value::Count(figures.lone_living),
        ]
    };
    let rows = groups.iter().map(|(group, figures)| line(label(messages, *group), figures));
    Sheet {
        name: h("sheet-groups"),
        title,
        columns: headings,
        rows: rows.collect(),
        total: Some(line(h("total"), all)),
        notes: Vec::new(),
    }
}

fn moves(tables: &MonthlyTables, title: String, messages: &Messages) -> Sheet {
    let h = |key: &str| head(messages, key);
    let line = |way: String, reason: String, count: u64| {
        vec![Value::Text(way), Value::Text(reason), Value::Count(count)]
    };
    let entries = tables.entries.iter().map(|(reason, count)| (label(messages, *reason), *count));
    let entries = entries.chain([(h("no-reason"), tables.entries_unexplained)]);
    let exits = tables.exits.iter().map(|(reason, count)| (label(messages, *reason), *count));
    let exits = exits.chain([(h("no-reason"), tables.exits_unexplained)]);
    let rows = entries
        .map(|(reason, count)| line(h("entries"), reason, count))
        .chain([line(h("entries"), h("subtotal"), tables.total.entries)])
        .chain(exits.map(|(reason, count)| line(h("exits"), reason, count)))
        .chain([line(h("exits"), h("subtotal"), tables.total.exits)]);
    Sheet {
        name: h("sheet-moves"),
        title,
        columns: vec![
            Heading::alone("way", h("way")),
            Heading::alone("reason", h("reason")),
            Heading::alone("elders", h("persons")),
        ],
        rows: rows.collect(),
        total: None,
        notes: Vec::new(),
    }
}

fn incidents(tables: &MonthlyTables, title: String, messages: &Messages) -> Sheet {
    let h = |key: &str| head(messages, key);
    let line = |kind: String, figures: &IncidentFigures| {
        let mut values = vec![Value::Text(kind)];
        values.extend(incident_values(figures));
        values
    };
    let kinds =
        tables.incidents.iter().map(|(kind, figures)| line(label(messages, *kind), figures));
    let other = line(h("no-kind"), &tables.incidents_unexplained);
    Sheet {
        name: h("sheet-incidents"),
        title,
        columns: vec![
            Heading::alone("kind", h("kind")),
            Heading::alone("raised", h("raised")),
            Heading::alone("acknowledged", h("acknowledged")),
            Heading::alone("closed", h("closed")),
            Heading::alone("open", h("open")),
            Heading::alone("overdue", h("overdue")),
        ],
        rows: kinds.chain([other]).collect(),
        total: Some(line(h("total"), &tables.total.incidents)),
        notes: Vec::new(),
    }
}

/// Of which villages data is here, and how old it is.
fn villages(coverage: &Coverage, messages: &Messages) -> Sheet {
    let h = |key: &str| head(messages, key);
    let rows = coverage.by_village.iter().map(|village| {
        let day = |at: Option<i64>| {
            let day = at.and_then(crate::context::civil_time).map(|moment| moment.date_naive());
            Value::day(day)
        };
        vec![
            place_name(village.name.as_ref(), village.code),
            Value::Text(village.code.to_string()),
            Value::Text(village_state(messages, village.state)),
            Value::Count(village.elders),
            day(village.own_written_ms.or(village.written_ms)),
            village.age_days.map_or(Value::Blank, Value::Count),
            day(village.last_exchange_ms),
        ]
    });
    let title = messages.say("coverage-title", [("area", FluentValue::from(unit(coverage)))]);
    let expected = FluentValue::from(u64::from(coverage.expected_days));
    let mut below = notes(coverage, messages);
    below.push(messages.say("coverage-expected", [("days", expected)]));
    Sheet {
        name: h("sheet-coverage"),
        title,
        columns: vec![
            Heading::alone("village", h("village")),
            Heading::alone("code", h("code")),
            Heading::alone("state", h("state")),
            Heading::alone("files", h("files")),
            Heading::alone("data_of", h("data-of")),
            Heading::alone("age_days", h("age-days")),
            Heading::alone("last_exchange", h("last-exchange")),
        ],
        rows: rows.collect(),
        total: None,
        notes: below,
    }
}

/// The half-year report: month by month, the last month by place, good cases to be filled in.
pub(crate) fn half_year(report: &HalfYearReport, messages: &Messages) -> Vec<Sheet> {
    let h = |key: &str| head(messages, key);
    let coverage = &report.coverage;
    let area = ("area", FluentValue::from(unit(coverage)));
    let half = ("half", FluentValue::from(report.half_year.to_string()));
    let values = [area, half];
    let title = messages.say("report-half-year-title", values);
    let headings = vec![
        Heading::alone("month", h("month")),
        Heading::under(&h("roster-moves"), "entries", h("entries")),
        Heading::under(&h("roster-moves"), "exits", h("exits")),
        Heading::under(&h("roster-moves"), "roster", h("roster")),
        Heading::under(&h("visits"), "visited", h("visited")),
        Heading::under(&h("visits"), "visit_rate", h("visit-rate")),
        Heading::alone("declined", h("declined")),
        Heading::under(&h("agreements"), "agreements", h("in-force")),
        Heading::under(&h("agreements"), "agreement_rate", h("rate")),
        Heading::under(&h("refresh"), "reviewed", h("reviewed")),
        Heading::under(&h("refresh"), "refresh_rate", h("rate")),
        Heading::under(&h("incidents"), "incidents_raised", h("raised")),
        Heading::under(&h("incidents"), "incidents_closed", h("closed")),
        Heading::under(&h("incidents"), "incidents_overdue", h("overdue")),
    ];
    let rows = report.months.iter().map(|month| {
        let total = &month.tables.total;
        vec![
            Value::Text(month.month.to_string()),
            Value::Count(total.entries),
            Value::Count(total.exits),
            Value::Count(total.all.roster),
            Value::Count(total.all.visited),
            Value::Rate(total.all.visit_rate()),
            Value::Count(total.all.declined),
            Value::Count(total.all.agreements),
            Value::Rate(total.all.agreement_rate()),
            Value::Count(total.all.reviewed),
            Value::Rate(total.all.refresh_rate()),
            Value::Count(total.incidents.raised),
            Value::Count(total.incidents.closed),
            Value::Count(total.incidents.overdue),
        ]
    });
    let mut below = notes(coverage, messages);
    let due = FluentValue::from(report.due.to_string());
    below.push(messages.say("report-due-by", [("day", due)]));
    let mut sheets = vec![Sheet {
        name: h("sheet-months"),
        title: title.clone(),
        columns: headings,
        rows: rows.collect(),
        total: None,
        notes: below,
    }];
    if let Some(last) = report.months.last() {
        let [year, month] = month_values(last.month);
        let area = ("area", FluentValue::from(unit(coverage)));
        let values = [area, year, month];
        let of_month = messages.say("report-month-title", values);
        sheets.push(by_place(&last.tables, of_month, Vec::new(), messages));
    }
    // 典型案例 are told in words, by people.
    sheets.push(Sheet {
        name: h("sheet-cases"),
        title,
        columns: vec![
            Heading::alone("number", h("number")),
            Heading::alone("place", h("place")),
            Heading::alone("case", h("case")),
        ],
        rows: (1..=3).map(|nth| vec![Value::Count(nth), Value::Blank, Value::Blank]).collect(),
        total: None,
        notes: Vec::new(),
    });
    sheets.push(villages(coverage, messages));
    sheets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;
    use shouwang_crdt_schema::report::month::MonthTally;
    use shouwang_node::command::coverage::{VillageCoverage, VillageState};
    use shouwang_node::command::report::PrefectureReport;

    fn coverage() -> Coverage {
        let county: DivisionCode = "990121000000".parse().unwrap();
        let town: DivisionCode = "990121101000".parse().unwrap();
        let code: DivisionCode = "990121101203".parse().unwrap();
        let village = VillageCoverage {
            code,
            name: Some("上禾村".into()),
            state: VillageState::Missing,
            elders: 0,
            own_written_ms: None,
            written_ms: None,
            heard_ms: None,
            data_as_of_ms: None,
            age_days: None,
            expected_days: 7,
            last_exchange_ms: None,
        };
        Coverage {
            schema_version: 1,
            area: county,
            area_name: Some("霁川县".into()),
            as_of: "2026-09-30".parse().unwrap(),
            villages: 44,
            villages_with_data: 43,
            villages_stale: 1,
            oldest_days: Some(19),
            expected_days: 7,
            by_village: vec![village],
            places: [(town, Some("松雾镇".into()))].into(),
            scopes: BTreeMap::new(),
        }
    }

    fn sheets(messages: &Messages) -> Vec<Sheet> {
        let month: Month = "2026-09".parse().unwrap();
        let tally = MonthTally::default();
        let half_year = HalfYearReport::new(
            "2026-2".parse().unwrap(),
            "2026-11-10".parse().unwrap(),
            coverage(),
            &[(month, tally.clone())].into(),
        );
        let totals = PrefectureReport::new(month, &coverage(), &tally);
        let mut sheets = monthly(&MonthlyReport::new(month, coverage(), &tally), messages);
        sheets.extend(super::half_year(&half_year, messages));
        sheets.extend(prefecture(&totals, messages));
        sheets
    }

    #[test]
    fn every_line_has_as_many_cells_as_there_are_columns() {
        for sheet in sheets(&Messages::new(Language::En)) {
            for row in sheet.rows.iter().chain(&sheet.total) {
                assert_eq!(row.len(), sheet.columns.len(), "{}", sheet.name);
            }
        }
    }

    #[test]
    fn every_heading_has_chinese_words() {
        let messages = Messages::new(Language::Zh);
        for sheet in sheets(&messages) {
            let table = sheet.table(true, &messages);
            for header in table.headers().chain([sheet.name.as_str(), sheet.title.as_str()]) {
                assert!(!header.is_ascii(), "{}: {header}", sheet.name);
            }
        }
    }

    #[test]
    fn a_title_is_what_offices_write_and_coverage_is_said() {
        let all = sheets(&Messages::new(Language::Zh));
        assert_eq!(all[0].title, "霁川县农村留守老年人关爱服务工作月报表（2026年9月）");
        let said = coverage_words(43, 44, Some(19), &Messages::new(Language::En));
        assert_eq!(said, "43 of 44 villages, oldest data 19 days");
        assert!(all[0].notes.iter().any(|note| note.contains("上禾村")), "{:?}", all[0].notes);
    }
}
