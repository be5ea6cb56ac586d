//! `import`: the rows of ledgers 台账.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::field::Field;
use shouwang_node::command::area::{AreaList, AreaListReport};
use shouwang_node::command::import::{
    CertificateRow, Import, ImportCertificates, ImportVisits, VisitRow,
};
use shouwang_node::command::undo::ImportBegin;
use shouwang_node::home::Node;

use crate::audit;
use crate::commands::elder::short;
use crate::confirm;
use crate::context::Context;
use crate::day;
use crate::error::{Exit, Failure};
use crate::file;
use crate::import_report::{FieldRemark, ImportReport, RowDifference};
use crate::ledger::{
    self, CertificateColumn, LedgerError, Places, Reading, TurnedAway, VisitColumn,
};
use crate::message::Messages;
use crate::output::{Cell, Mark, Table};
use crate::progress::{Bar, Unit};
use crate::screen::Screen;
use crate::words;

/// How many gaps a screen shows; `--verbose` and `--json` show all.
const GAPS_SHOWN: usize = 20;

/// How many differences a screen shows; `--verbose`, `--json` and `--diff` show all.
const DIFFERENCES_SHOWN: usize = 40;

/// `import`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    kind: Option<Kind>,
    #[command(flatten)]
    of: Files,
}

/// What else than ledgers is imported.
#[derive(Debug, Subcommand)]
pub(crate) enum Kind {
    Visits(Files),
    Certificates(Files),
}

/// Which files, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Files {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long, value_name = "FILE")]
    diff: Option<PathBuf>,
    #[arg(long)]
    yes: bool,
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
}

/// What a file holds.
pub(crate) enum Contents {
    Ledger(Reading),
    Visits(Reading<VisitRow, VisitColumn>),
    Certificates(Reading<CertificateRow, CertificateColumn>),
}

impl Contents {
    /// Reads a file of this name. Where nobody says what it holds its headings do.
    pub(crate) fn read(
        name: &str,
        bytes: &[u8],
        kind: Option<&Kind>,
        directory: AreaListReport,
    ) -> Result<Self, Failure> {
        let area = Area(directory.area);
        let by_id_alone = matches!(kind, Some(Kind::Certificates(_)));
        if area.0.level() < Level::Village && !by_id_alone && !names_a_village(&directory) {
            return Err(Failure::failed("no_place_names"));
        }
        let places = directory.places.into_iter().map(|place| (place.code, place.name));
        let places = Places::new(places);
        let read = match kind {
            Some(Kind::Certificates(_)) => {
                ledger::read_certificates(name, bytes).map(Self::Certificates)
            }
            Some(Kind::Visits(_)) => {
                ledger::read_visits(name, bytes, &places, area).map(Self::Visits)
            }
            None if ledger::looks_like_visits(name, bytes) => {
                ledger::read_visits(name, bytes, &places, area).map(Self::Visits)
            }
            None => ledger::read(name, bytes, &places, area).map(Self::Ledger),
        };
        read.map_err(|error| unusable(Path::new(name), &error))
    }

    fn accepted(&self) -> usize {
        match self {
            Self::Ledger(reading) => reading.accepted.len(),
            Self::Visits(reading) => reading.accepted.len(),
            Self::Certificates(reading) => reading.accepted.len(),
        }
    }

    /// Sends the rows to the node. `done` is told how many more it has taken.
    pub(crate) fn import(
        &self,
        dry_run: bool,
        today: NaiveDate,
        node: &mut Node,
        mut done: impl FnMut(usize),
    ) -> anyhow::Result<ImportReport> {
        if !dry_run {
            // All batches together are one edit, for whoever takes it back.
            node.call(ImportBegin {})?;
        }
        match self {
            Self::Ledger(reading) => ImportReport::import(reading, dry_run, |rows| {
                let sent = rows.len();
                let imported = node.call(Import { rows, dry_run })?;
                done(sent);
                Ok(imported)
            }),
            Self::Visits(reading) => ImportReport::import(reading, dry_run, |rows| {
                let sent = rows.len();
                let imported = node.call(ImportVisits { rows, today, dry_run })?;
                done(sent);
                Ok(imported)
            }),
            Self::Certificates(reading) => ImportReport::import(reading, dry_run, |rows| {
                let sent = rows.len();
                let imported = node.call(ImportCertificates { rows, dry_run })?;
                done(sent);
                Ok(imported)
            }),
        }
    }

    fn write_rejected(
        &self,
        path: &Path,
        report: &ImportReport,
        context: &Context,
    ) -> anyhow::Result<()> {
        match self {
            Self::Ledger(reading) => write_rejected(path, reading, report, context),
            Self::Visits(reading) => write_rejected(path, reading, report, context),
            Self::Certificates(reading) => write_rejected(path, reading, report, context),
        }
    }
}

/// The last day on which an imported visit can have been: only lists of visits need to know it,
/// and so only they need a clock that can be right.
pub(crate) fn last_day(
    contents: &[Contents],
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<NaiveDate> {
    match contents.iter().any(|one| matches!(one, Contents::Visits(_))) {
        true => day::of(node, context, "--as-of", None),
        false => Ok(context.as_of),
    }
}

/// Imports. Exit 3 if a row was rejected.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (args, kind) = match &args.kind {
        None => (&args.of, &args.kind),
        Some(Kind::Visits(of) | Kind::Certificates(of)) => (of, &args.kind),
    };
    let output = context.output;
    if args.rejected.is_some() && args.files.len() > 1 {
        return Err(Failure::usage("rejected_of_several").into());
    }
    args.rejected.as_deref().map_or(Ok(()), check_rejected)?;
    args.diff.as_deref().map_or(Ok(()), file::refuse_existing)?;
    // All files are read before anything is written: a slip in the last name stops the first.
    let bytes: Vec<Vec<u8>> = args
        .files
        .iter()
        .map(|path| std::fs::read(path).map_err(|error| Failure::unreadable(path, &error)))
        .collect::<Result<_, _>>()?;
    let mut node = context.node()?;
    let directory = node.call(AreaList { within: None })?;
    let contents: Vec<Contents> = args
        .files
        .iter()
        .zip(&bytes)
        .map(|(path, bytes)| {
            let name = path.display().to_string();
            Contents::read(&name, bytes, kind.as_ref(), directory.clone())
        })
        .collect::<Result<_, _>>()?;
    if !args.dry_run && !args.yes {
        let would = import(args, &contents, true, &mut node, context)?;
        if would.changed > 0 {
            show_differences(&would, args, &mut node, context)?;
            let question = context
                .messages
                .say("import-question", [("count", FluentValue::from(would.changed))]);
            confirm::confirm(context, args.yes, &question)?;
        }
    }
    let report = import(args, &contents, args.dry_run, &mut node, context)?;
    if args.dry_run || args.yes {
        show_differences(&report, args, &mut node, context)?;
    }
    if let (Some(path), [contents]) = (&args.rejected, contents.as_slice()) {
        contents.write_rejected(path, &report, context)?;
    }
    match output.is_json() {
        true => output.json(&report)?,
        false => show(&report, args, context)?,
    }
    Ok(if report.rejected.is_empty() { Exit::Done } else { Exit::Attention })
}

/// Sends all files to the node, or asks what would come of it.
fn import(
    args: &Files,
    contents: &[Contents],
    dry_run: bool,
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<ImportReport> {
    let rows: usize = contents.iter().map(Contents::accepted).sum();
    let mut bar = Bar::new(context, context.messages.text("import-progress"), Unit::Steps);
    let today = last_day(contents, node, context)?;
    let mut report = ImportReport::new(dry_run);
    for (path, one) in args.files.iter().zip(contents) {
        let imported =
            one.import(dry_run, today, node, |more| bar.add(more as u64, rows as u64))?;
        match contents.len() {
            1 => report = imported,
            _ => report.add_file(&path.display().to_string(), imported),
        }
    }
    Ok(report)
}

/// What is or would be different, field by field: all of it into `--diff`, the first of it on a
/// screen.
fn show_differences(
    report: &ImportReport,
    args: &Files,
    node: &mut Node,
    context: &Context,
) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    if report.differences.is_empty() {
        return Ok(());
    }
    audit::note(node, "differences", None, report.changed, context)?;
    let lines: Vec<[String; 8]> =
        report.differences.iter().map(|different| difference_line(different, messages)).collect();
    if let Some(path) = &args.diff {
        let keys = ["sheet", "row", "elder", "part", "field", "about", "old", "new"];
        let headings = keys.map(|key| messages.word("difference-column", key));
        let mut table = vec![headings.iter().map(String::as_str).collect::<Vec<_>>()];
        table.extend(lines.iter().map(|line| line.iter().map(String::as_str).collect()));
        let bytes = ledger::csv_bytes(&table).map_err(|error| unusable(path, &error))?;
        file::write_private(path, &bytes, false)?;
        let path = FluentValue::from(path.display().to_string());
        let count = FluentValue::from(lines.len());
        output.note(&messages.say("differences-written", [("count", count), ("path", path)]));
    }
    if !output.is_table() {
        return Ok(());
    }
    output.line(&messages.word("import-heading", "import-differences"))?;
    let (table, hidden) = differences_table(report, context);
    output.table(&table)?;
    if hidden > 0 {
        let count = FluentValue::from(hidden);
        output.note(&messages.say("more-differences", [("count", count)]));
    }
    output.line("")
}

/// What is or would be different, as far as a screen shows it, and how much of it that is not.
pub(crate) fn differences_table(report: &ImportReport, context: &Context) -> (Table, usize) {
    let messages = &context.messages;
    let mut table = Table::new(messages, ["row", "elder", "field", "before", "after"]);
    let shown = if context.verbose { usize::MAX } else { DIFFERENCES_SHOWN };
    for different in report.differences.iter().take(shown) {
        let [_, row, elder, _, field, about, old, new] = difference_line(different, messages);
        let field = match about.is_empty() {
            true => field,
            false => format!("{field} · {about}"),
        };
        table.row([
            Cell::text(row),
            Cell::text(short(&elder, context.verbose)),
            Cell::text(field),
            Cell::text(old),
            Cell::text(new),
        ]);
    }
    (table, report.differences.len().saturating_sub(shown))
}

/// A difference in words: sheet, row, elder, part, field, whose, old, new.
fn difference_line(different: &RowDifference, messages: &Messages) -> [String; 8] {
    let RowDifference { sheet, row, elder_id, difference, .. } = different;
    let text = |stored: &BTreeMap<String, String>| {
        let texts = stored.iter().map(|(key, stored)| {
            let value = match Field::from_key(&difference.field) {
                Some(field) => words::field_value(messages, field, stored),
                None => words::element_value(messages, &difference.field, key, stored),
            };
            match messages.known_word("element-key", key).filter(|_| key != "value") {
                Some(label) => messages.say(
                    "labelled",
                    [("label", FluentValue::from(label)), ("value", value.into())],
                ),
                None => value,
            }
        });
        texts.collect::<Vec<_>>().join(&messages.text("list-separator"))
    };
    [
        sheet.clone(),
        row.to_string(),
        elder_id.to_string(),
        words::part_name(messages, &difference.part),
        words::subject(messages, &difference.field),
        difference.about.clone().unwrap_or_default(),
        text(&difference.old),
        text(&difference.new),
    ]
}

/// Whether a row could find its village at all.
fn names_a_village(directory: &AreaListReport) -> bool {
    let area = Area(directory.area);
    let is_ours = |code: DivisionCode| code.level() == Level::Village && area.contains(code);
    directory.places.iter().any(|place| is_ours(place.code))
}

/// Rejected rows go to a file of their own: what is there already, the ledger itself above all,
/// stays as it is.
fn check_rejected(path: &Path) -> Result<(), Failure> {
    if file::exists(path) {
        return Err(Failure::usage("rejected_exists").with("file", path.display()));
    }
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        "xlsx" | "csv" => Ok(()),
        _ => Err(Failure::usage("rejected_extension")),
    }
}

fn write_rejected<R, C>(
    path: &Path,
    reading: &Reading<R, C>,
    report: &ImportReport,
    context: &Context,
) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    if report.rejected.is_empty() {
        let path = FluentValue::from(path.display().to_string());
        output.note(&messages.say("no-row-rejected", [("path", path)]));
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let read = |sheet: &str, row: u32| {
        reading.rejected.iter().any(|rejected| rejected.sheet == sheet && rejected.row == row)
    };
    let turned_away: Vec<TurnedAway> = report
        .rejected
        .iter()
        .filter(|remark| !read(&remark.sheet, remark.row))
        .map(|remark| {
            let reason = messages.word("reason", &remark.reason);
            let explanation = match &remark.detail {
                Some(detail) => format!("{reason}：{detail}"),
                None => reason,
            };
            TurnedAway { sheet: remark.sheet.clone(), row: remark.row, explanation }
        })
        .collect();
    let bytes = ledger::write_rejected(reading, &turned_away, &name)
        .map_err(|error| unusable(path, &error))?;
    file::write_private(path, &bytes, false)?;
    let written = reading.rejected.len() + turned_away.len();
    let text = messages.say(
        "rejected-written",
        [("count", FluentValue::from(written)), ("path", path.display().to_string().into())],
    );
    output.note(&text);
    Ok(())
}

fn show(report: &ImportReport, args: &Files, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    if !output.is_table() {
        return output.table(&counts(report, messages));
    }
    screen(report, context).show(output)?;
    if report.dry_run {
        output.note(&messages.text("dry-run"));
    }
    if !report.rejected.is_empty() && args.rejected.is_none() {
        output.note(&messages.text("import-rejected-hint"));
    }
    Ok(())
}

/// How many rows came to what.
fn counts(report: &ImportReport, messages: &Messages) -> Table {
    let columns = ["rows", "new", "changed", "unchanged", "skipped", "rejected", "gaps"];
    let mut table = Table::new(messages, columns);
    table.row([
        Cell::number(report.rows as u64),
        Cell::number(report.new as u64),
        Cell::number(report.changed as u64),
        Cell::number(report.unchanged as u64),
        Cell::number(report.skipped.len() as u64),
        match report.rejected.len() as u64 {
            0 => Cell::number(0),
            count => Cell::state(Mark::Bad, count).right(),
        },
        Cell::number(report.gaps.len() as u64),
    ]);
    table
}

/// What came of a file, or would come of it: counts, and what a person should look at.
pub(crate) fn screen(report: &ImportReport, context: &Context) -> Screen {
    let messages = &context.messages;
    let mut screen = Screen::default();
    if !report.files.is_empty() {
        let columns = ["file", "rows", "new", "changed", "unchanged", "skipped", "rejected"];
        let mut table = Table::new(messages, columns);
        for file in &report.files {
            table.row([
                Cell::text(&file.file),
                Cell::number(file.rows as u64),
                Cell::number(file.new as u64),
                Cell::number(file.changed as u64),
                Cell::number(file.unchanged as u64),
                Cell::number(file.skipped as u64),
                Cell::number(file.rejected as u64),
            ]);
        }
        screen.table(table);
    }
    screen.table(counts(report, messages));
    let skipped: Vec<FieldRemark> = report
        .skipped
        .iter()
        .map(|remark| FieldRemark {
            file: remark.file.clone(),
            sheet: remark.sheet.clone(),
            row: remark.row,
            field: None,
            reason: remark.reason.clone(),
            detail: remark.detail.clone(),
        })
        .collect();
    remarks(&mut screen, "import-rejected", &report.rejected, usize::MAX, messages);
    remarks(&mut screen, "import-skipped", &skipped, usize::MAX, messages);
    let shown = if context.verbose { usize::MAX } else { GAPS_SHOWN };
    remarks(&mut screen, "import-gaps", &report.gaps, shown, messages);
    for sheet in &report.skipped_sheets {
        let name = FluentValue::from(sheet.sheet.as_str());
        let text = messages.say("import-sheet-without-header", [("sheet", name)]);
        screen.marked(Mark::Attention, text);
    }
    for column in &report.unknown_columns {
        let text = messages.say(
            "import-unknown-column",
            [
                ("sheet", FluentValue::from(column.sheet.as_str())),
                ("column", column.column.into()),
                ("heading", column.heading.as_str().into()),
            ],
        );
        screen.marked(Mark::Attention, text);
    }
    screen
}

fn remarks(
    screen: &mut Screen,
    heading: &str,
    remarks: &[FieldRemark],
    shown: usize,
    messages: &Messages,
) {
    if remarks.is_empty() {
        return;
    }
    screen.gap();
    screen.line(messages.word("import-heading", heading));
    let mut table = Table::new(messages, ["sheet", "row", "field", "reason", "detail"]);
    for remark in remarks.iter().take(shown) {
        let sheet = match &remark.file {
            Some(file) => {
                let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
                format!("{name} · {}", remark.sheet)
            }
            None => remark.sheet.clone(),
        };
        let field = remark.field.as_ref().map(|field| words::subject(messages, field));
        table.row([
            Cell::text(sheet),
            Cell::number(remark.row.into()),
            Cell::optional(field),
            Cell::text(messages.word("reason", &remark.reason)),
            Cell::optional(remark.detail.as_ref()),
        ]);
    }
    screen.under(table);
    let hidden = remarks.len().saturating_sub(shown);
    if hidden > 0 {
        screen.line(messages.say("more-rows", [("count", FluentValue::from(hidden))]));
    }
}

/// A ledger that cannot be used at all, by name.
pub(crate) fn unusable(path: &Path, error: &LedgerError) -> Failure {
    let path = path.display();
    let failed = |code| Failure::failed(code).with("path", path.to_string());
    match error {
        LedgerError::FileTooLarge(_)
        | LedgerError::TooManySheets
        | LedgerError::TooManyRows
        | LedgerError::TooManyColumns { .. }
        | LedgerError::TooManyCells
        | LedgerError::CellTooLong { .. }
        | LedgerError::TooMuchText => failed("file_too_large"),
        LedgerError::OldWorkbook => failed("file_old_workbook"),
        LedgerError::Encoding => failed("file_encoding"),
        LedgerError::Archive(_) | LedgerError::Workbook(_) | LedgerError::BrokenWorkbook => {
            failed("file_not_workbook").with("detail", error)
        }
        LedgerError::Csv(_) => failed("file_not_csv"),
        LedgerError::NoHeader => failed("file_without_header"),
        LedgerError::SeveralSheets => Failure::usage("rejected_of_several_sheets"),
        LedgerError::Extension => Failure::usage("rejected_extension"),
        LedgerError::Write(_) | LedgerError::Unwritable => {
            failed("file_unwritable").with("detail", error)
        }
    }
}
