//! `report …`: what offices send upwards, with what it rests on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::report::half_year::HalfYear;
use shouwang_crdt_schema::report::month::MonthTally;
use shouwang_crdt_schema::rules::calendar::Month;
use shouwang_node::command::coverage::{Coverage, CoverageAsked};
use shouwang_node::command::report::{
    HalfYearAsked, HalfYearReport, MonthlyReport, PrefectureReport, ReportTally,
};
use shouwang_node::home::Node;

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::file;
use crate::output::Mark;
use crate::parse;
use crate::progress::{Bar, Unit};
use crate::report_sheets;
use crate::sheet::{self, Filing, Sheet, percent};

/// `report …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Month(MonthArgs),
    HalfYear(HalfYearArgs),
    Prefecture(MonthArgs),
}

/// `report month`, `report prefecture`
#[derive(Debug, clap::Args)]
pub(crate) struct MonthArgs {
    #[arg(value_name = "YYYY-MM")]
    month: String,
    #[command(flatten)]
    target: Target,
}

/// `report half-year`
#[derive(Debug, clap::Args)]
pub(crate) struct HalfYearArgs {
    #[arg(value_name = "YYYY-N")]
    half_year: String,
    #[command(flatten)]
    target: Target,
}

/// Of what, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    #[arg(long, value_name = "PLACE")]
    pub(crate) scope: Option<String>,
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

/// What a file that is written holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    Workbook,
    Text,
    Object,
}

/// Runs a report.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Month(args) => month(args, context),
        Command::HalfYear(args) => half_year(args, context),
        Command::Prefecture(args) => prefecture(args, context),
    }
}

fn month(args: &MonthArgs, context: &Context) -> anyhow::Result<Exit> {
    let month = parse::month(&args.month, context.as_of)?;
    args.target.check()?;
    let mut node = context.node()?;
    let coverage = coverage(&args.target, &mut node, context)?;
    let tally = tally_of(month, &coverage, &mut node, context)?;
    let report = MonthlyReport::new(month, coverage, &tally);
    let sheets = report_sheets::monthly(&report, &context.messages);
    let rate = report.tables.total.all.visit_rate();
    let headline = context.messages.say(
        "report-visit-rate",
        [
            ("rate", FluentValue::from(percent(rate, &context.messages))),
            ("visited", rate.numerator.into()),
            ("roster", rate.denominator.into()),
        ],
    );
    let basis = [headline, coverage_line(&report.coverage, context)];
    args.target.put_out(&report, &sheets, &basis, &report.coverage, context)
}

fn half_year(args: &HalfYearArgs, context: &Context) -> anyhow::Result<Exit> {
    let wrong = |_| Failure::usage("half_year").with("value", &args.half_year);
    let half_year: HalfYear = args.half_year.trim().parse().map_err(wrong)?;
    args.target.check()?;
    let mut node = context.node()?;
    let calendar = node.call(HalfYearAsked { half_year })?;
    if let Some(first) = calendar.months.first() {
        parse::has_begun(*first, context.as_of)?;
    }
    let coverage = coverage(&args.target, &mut node, context)?;
    let tallies = tally(&calendar.months, &coverage, &mut node, context)?;
    let report = HalfYearReport::new(half_year, calendar.due, coverage, &tallies);
    let sheets = report_sheets::half_year(&report, &context.messages);
    let basis = [coverage_line(&report.coverage, context)];
    args.target.put_out(&report, &sheets, &basis, &report.coverage, context)
}

fn prefecture(args: &MonthArgs, context: &Context) -> anyhow::Result<Exit> {
    let month = parse::month(&args.month, context.as_of)?;
    args.target.check()?;
    let mut node = context.node()?;
    let coverage = coverage(&args.target, &mut node, context)?;
    let tally = tally_of(month, &coverage, &mut node, context)?;
    let report = PrefectureReport::new(month, &coverage, &tally);
    let sheets = report_sheets::prefecture(&report, &context.messages);
    let basis = [coverage_line(&coverage, context)];
    args.target.put_out(&report, &sheets, &basis, &coverage, context)
}

/// What is here of the place that the command is about.
pub(crate) fn coverage(
    target: &Target,
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<Coverage> {
    let scope = target.scope.as_ref();
    let within = scope.map(|text| parse::place(node, "--scope", text)).transpose()?;
    Ok(node.call(CoverageAsked { within, as_of: context.as_of })?)
}

fn tally_of(
    month: Month,
    coverage: &Coverage,
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<MonthTally> {
    let mut tallies = tally(&[month], coverage, node, context)?;
    Ok(tallies.remove(&month).unwrap_or_default())
}

/// Counts portion by portion.
pub(crate) fn tally(
    months: &[Month],
    coverage: &Coverage,
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<BTreeMap<Month, MonthTally>> {
    let mut tallies: BTreeMap<Month, MonthTally> =
        months.iter().map(|month| (*month, MonthTally::default())).collect();
    each_portion(coverage, context, |scopes| {
        let request = ReportTally { scopes, months: months.to_vec(), as_of: context.as_of };
        for (month, counted) in &node.call(request)?.months {
            *tallies.entry(*month).or_default() += counted;
        }
        Ok(())
    })?;
    Ok(tallies)
}

/// Does something for all scopes with files, portion by portion, and shows how far it is.
pub(crate) fn each_portion(
    coverage: &Coverage,
    context: &Context,
    mut with: impl FnMut(Vec<DivisionCode>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut bar = Bar::new(context, context.messages.text("report-progress"), Unit::Steps);
    let total = coverage.scopes.values().sum();
    for (scopes, elders) in coverage.portions() {
        with(scopes)?;
        bar.add(elders, total);
    }
    Ok(())
}

/// "43 of 44 villages, oldest data 19 days".
pub(crate) fn coverage_line(coverage: &Coverage, context: &Context) -> String {
    report_sheets::coverage_words(
        coverage.villages_with_data,
        coverage.villages,
        coverage.oldest_days,
        &context.messages,
    )
}

impl Target {
    /// Fails early where writing would fail late.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match &self.out {
            None => Ok(()),
            Some(path) => {
                FileKind::of(path)?;
                if self.force { Ok(()) } else { file::refuse_existing(path) }
            }
        }
    }

    /// Writes the file, or prints; then says what it rests on.
    pub(crate) fn put_out<T: Serialize>(
        &self,
        report: &T,
        sheets: &[Sheet],
        basis: &[String],
        coverage: &Coverage,
        context: &Context,
    ) -> anyhow::Result<Exit> {
        let (messages, output) = (&context.messages, context.output);
        if let Some(path) = &self.out {
            let bytes = match FileKind::of(path)? {
                FileKind::Workbook => {
                    let unit = coverage.area_name.clone();
                    let unit = unit.unwrap_or_else(|| coverage.area.to_string());
                    let filing = Filing { unit, date: coverage.as_of };
                    sheet::xlsx::workbook(sheets, &filing, messages)?
                }
                FileKind::Text => sheet::to_csv(sheets, messages)?,
                FileKind::Object => serde_json::to_vec_pretty(report)?,
            };
            match self.force {
                true => file::replace(path, &bytes)?,
                false => file::write_new(path, &bytes)?,
            }
            let shown = FluentValue::from(path.display().to_string());
            output.marked_note(Mark::Good, &messages.say("report-written", [("path", shown)]));
        }
        if output.is_json() {
            output.json(report)?;
            return Ok(Exit::Done);
        }
        let missing = coverage.without_data();
        let missing = (!missing.is_empty()).then(|| {
            let names = FluentValue::from(missing.join(&messages.text("list-separator")));
            messages.say("coverage-missing-all", [("names", names)])
        });
        if self.out.is_none() {
            let said: Vec<String> = basis.iter().chain(&missing).cloned().collect();
            print(sheets, &said, context)?;
        }
        for line in basis {
            output.note(line);
        }
        if let Some(missing) = missing {
            output.marked_note(Mark::Attention, &missing);
        }
        Ok(Exit::Done)
    }
}

fn print(sheets: &[Sheet], basis: &[String], context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    if output.is_csv() {
        let text = String::from_utf8(sheet::to_csv(sheets, messages)?)?;
        return output.write(text.trim_start_matches('\u{feff}'));
    }
    // What the tables rest on is said once, below; what else stands under them, under the last.
    let mut notes: Vec<&String> = Vec::new();
    for (nth, sheet) in sheets.iter().enumerate() {
        if nth > 0 {
            output.line("")?;
        }
        let unsaid: Vec<&String> =
            sheet.notes.iter().filter(|note| !notes.contains(note)).collect();
        notes.extend(unsaid);
        if output.is_table() {
            output.line(&sheet.title)?;
        }
        output.table(&sheet.table(context.verbose || !output.is_table(), messages))?;
    }
    if output.is_table() {
        let said = |note: &&&String| !basis.contains(**note);
        notes.iter().filter(said).try_for_each(|note| output.line(note))?;
    }
    Ok(())
}

impl FileKind {
    fn of(path: &Path) -> Result<Self, Failure> {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match extension.to_ascii_lowercase().as_str() {
            "xlsx" => Ok(Self::Workbook),
            "csv" => Ok(Self::Text),
            "json" => Ok(Self::Object),
            _ => Err(Failure::usage("report_extension").with("path", path.display())),
        }
    }
}
