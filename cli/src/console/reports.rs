//! What offices send upwards: rates and groups with what they rest on, as tables, as pictures, as files.

use std::collections::BTreeMap;

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::report::month::MonthTally;
use shouwang_crdt_schema::rules::calendar::Month;
use shouwang_node::command::coverage::{Coverage, CoverageAsked};
use shouwang_node::command::report::MonthlyReport;

use super::asked::{Answer, Asked};
use super::chart::{self, Series};
use super::form::{Choice, FormField};
use super::page::{Block, Grid, Link, Page};
use crate::commands::report::{coverage_line, tally};
use crate::output::Mark;
use crate::parse;
use crate::report_sheets;
use crate::sheet::{self, Filing, Sheet, percent};

/// Months that a picture shows.
const MONTHS_SHOWN: usize = 12;

/// The month's report.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let (month, coverage, tallies) = counted(asked, MONTHS_SHOWN)?;
    let messages = asked.context.messages.clone();
    let reports: Vec<MonthlyReport> = tallies
        .iter()
        .map(|(month, tally)| MonthlyReport::new(*month, coverage.clone(), tally))
        .collect();
    let Some(report) = reports.iter().find(|report| report.month == month) else {
        return Err(crate::error::Failure::usage("month").with("value", month).into());
    };
    let mut page = asked
        .page(messages.word("console-place", "reports"))
        .same_as(format!("shouwang report month {month}"));
    let choice = |month_of: &Month| Choice {
        value: month_of.to_string(),
        text: month_of.to_string(),
        chosen: *month_of == month,
    };
    let months = months_before(Month::of(asked.context.as_of), 2 * MONTHS_SHOWN);
    let months = months.iter().rev().map(choice).collect();
    let field = FormField::select("month", messages.word("console-word", "month"), months);
    let mut form = asked.form(messages.word("console-word", "show"), vec![field])?;
    (form.looks, form.inline) = (true, true);
    page.add(Block::Form(Box::new(form)));
    let rate = report.tables.total.all.visit_rate();
    let line = messages.say(
        "report-visit-rate",
        [
            ("rate", FluentValue::from(percent(rate, &messages))),
            ("visited", rate.numerator.into()),
            ("roster", rate.denominator.into()),
        ],
    );
    page.note(Mark::Note, line);
    let missing = coverage.villages_with_data < coverage.villages;
    let mark = if missing { Mark::Attention } else { Mark::Note };
    page.note(mark, coverage_line(&coverage, &asked.context));
    pictures(&mut page, &reports, &messages);
    let file = |kind: &str, member: &str| Link {
        href: format!("/reports/file?month={month}&kind={kind}"),
        text: messages.word("console-word", member),
        current: false,
    };
    page.add(Block::Links(vec![file("xlsx", "as_workbook"), file("csv", "as_csv")]));
    for sheet in report_sheets::monthly(report, &messages) {
        table(&mut page, &sheet, &messages);
    }
    Ok(page.into())
}

/// The same as a file.
pub(super) fn file(asked: &mut Asked) -> anyhow::Result<Answer> {
    let (month, coverage, tallies) = counted(asked, 1)?;
    let tally = tallies.get(&month).cloned().unwrap_or_default();
    let report = MonthlyReport::new(month, coverage.clone(), &tally);
    let sheets = report_sheets::monthly(&report, &asked.context.messages);
    let unit = coverage.area_name.clone().unwrap_or_else(|| coverage.area.to_string());
    let is_text = asked.query.text("kind") == Some("csv");
    let filing = Filing { unit: unit.clone(), date: coverage.as_of };
    let (bytes, ending, kind) = match is_text {
        true => {
            (sheet::to_csv(&sheets, &asked.context.messages)?, "csv", "text/csv; charset=utf-8")
        }
        false => (
            sheet::xlsx::workbook(&sheets, &filing, &asked.context.messages)?,
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    };
    Ok(Answer::File { name: format!("{unit}-{month}.{ending}"), kind, bytes })
}

/// The month that is asked for, and the tallies of it and of those before.
fn counted(
    asked: &mut Asked,
    months: usize,
) -> anyhow::Result<(Month, Coverage, BTreeMap<Month, MonthTally>)> {
    let month = match asked.query.text("month") {
        Some(text) => parse::month(text, asked.context.as_of)?,
        None => Month::of(asked.context.as_of),
    };
    let as_of = asked.context.as_of;
    let coverage = asked.node.call(CoverageAsked { within: None, as_of })?;
    let months = months_before(month, months);
    let tallies = tally(&months, &coverage, &mut asked.node, &asked.context)?;
    Ok((month, coverage, tallies))
}

/// A month and those before it, the earliest first.
fn months_before(last: Month, count: usize) -> Vec<Month> {
    let mut months = vec![last];
    while months.len() < count
        && let Some(first) = months.first().copied()
        && let Some(before) = first.first().pred_opt()
    {
        months.insert(0, Month::of(before));
    }
    months
}

fn pictures(page: &mut Page, reports: &[MonthlyReport], messages: &crate::message::Messages) {
    let names: Vec<String> = reports.iter().map(|report| report.month.to_string()).collect();
    let rates = reports.iter().map(|report| {
        let rate = report.tables.total.all.visit_rate();
        rate.tenths_of_percent().map(|tenths| tenths as f64 / 10.0)
    });
    let visited =
        Series { name: messages.word("console-word", "visit_rate"), values: rates.collect() };
    let title = messages.word("console-word", "rates_by_month");
    page.add(chart::lines(&title, &names, &[visited], Some(100.0)));
    let count = |of: fn(&MonthlyReport) -> u64| {
        reports.iter().map(|report| Some(of(report) as f64)).collect::<Vec<_>>()
    };
    let entries = Series {
        name: messages.word("console-word", "entries_in"),
        values: count(|report| report.tables.total.entries),
    };
    let exits = Series {
        name: messages.word("console-word", "exits"),
        values: count(|report| report.tables.total.exits),
    };
    let title = messages.word("console-word", "in_and_out");
    page.add(chart::lines(&title, &names, &[entries, exits], None));
}

fn table(page: &mut Page, sheet: &Sheet, messages: &crate::message::Messages) {
    page.heading(sheet.name.clone());
    let shown = sheet.table(false, messages);
    page.add(Block::Grid(Grid::of(&shown, sheet.title.clone(), String::new(), |_| None)));
    for note in &sheet.notes {
        page.note(Mark::Note, note.clone());
    }
}
