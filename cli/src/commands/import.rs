//! `import`: the rows of ledgers 台账.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fluent_bundle::FluentValue;
use indicatif::{ProgressBar, ProgressStyle};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_node::command::area::{AreaList, AreaListReport};

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::file;
use crate::import_report::{FieldRemark, ImportReport};
use crate::ledger::{self, LedgerError, Places, Reading, TurnedAway};
use crate::output::{Cell, Mark, Table};
use crate::words;

/// How many gaps a screen shows; `--verbose` and `--json` show all.
const GAPS_SHOWN: usize = 20;

/// `import`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[arg(long)]
    dry_run: bool,
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
}

/// Imports. Exit 3 if a row was rejected.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    if args.rejected.is_some() && args.files.len() > 1 {
        return Err(Failure::usage("rejected_of_several").into());
    }
    args.rejected.as_deref().map_or(Ok(()), check_rejected)?;
    // All files are read before anything is written: a slip in the last name stops the first.
    let contents: Vec<Vec<u8>> = args
        .files
        .iter()
        .map(|path| std::fs::read(path).map_err(|error| Failure::unreadable(path, &error)))
        .collect::<Result<_, _>>()?;
    let mut node = context.node()?;
    let directory = node.call(AreaList { within: None })?;
    let area = Area(directory.area);
    if area.0.level() < Level::Village && !names_a_village(&directory) {
        return Err(Failure::failed("no_place_names").into());
    }
    let places = Places::new(directory.places.into_iter().map(|place| (place.code, place.name)));
    let readings: Vec<Reading> = args
        .files
        .iter()
        .zip(&contents)
        .map(|(path, bytes)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            ledger::read(&name, bytes, &places, area).map_err(|error| unusable(path, &error))
        })
        .collect::<Result<_, _>>()?;
    let bar = bar(readings.iter().map(|reading| reading.accepted.len()).sum(), context);
    let mut report = ImportReport::new(args.dry_run);
    for (path, reading) in args.files.iter().zip(&readings) {
        let progress = |rows: usize| {
            if let Some(bar) = &bar {
                bar.inc(rows as u64);
            }
            Ok(())
        };
        let imported = ImportReport::import(reading, args.dry_run, &mut node, progress)?;
        match readings.len() {
            1 => report = imported,
            _ => report.add_file(&path.display().to_string(), imported),
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if let (Some(path), [reading]) = (&args.rejected, readings.as_slice()) {
        write_rejected(path, reading, &report, context)?;
    }
    match output.is_json() {
        true => output.json(&report)?,
        false => show(&report, args, context)?,
    }
    Ok(if report.rejected.is_empty() { Exit::Done } else { Exit::Attention })
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

fn write_rejected(
    path: &Path,
    reading: &Reading,
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
    file::write_new(path, &bytes)?;
    let written = reading.rejected.len() + turned_away.len();
    let text = messages.say(
        "rejected-written",
        [("count", FluentValue::from(written)), ("path", path.display().to_string().into())],
    );
    output.note(&text);
    Ok(())
}

fn show(report: &ImportReport, args: &Args, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
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
        output.table(&table)?;
        output.line("")?;
    }
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
    output.table(&table)?;
    if !output.is_table() {
        return Ok(());
    }
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
    remarks("import-rejected", &report.rejected, usize::MAX, context)?;
    remarks("import-skipped", &skipped, usize::MAX, context)?;
    let shown = if context.verbose { usize::MAX } else { GAPS_SHOWN };
    remarks("import-gaps", &report.gaps, shown, context)?;
    for sheet in &report.skipped_sheets {
        let name = FluentValue::from(sheet.sheet.as_str());
        let text = messages.say("import-sheet-without-header", [("sheet", name)]);
        output.line(&output.marked_text(Mark::Attention, &text))?;
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
        output.line(&output.marked_text(Mark::Attention, &text))?;
    }
    if report.dry_run {
        output.note(&messages.text("dry-run"));
    }
    if !report.rejected.is_empty() && args.rejected.is_none() {
        output.note(&messages.text("import-rejected-hint"));
    }
    Ok(())
}

fn remarks(
    heading: &str,
    remarks: &[FieldRemark],
    shown: usize,
    context: &Context,
) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    if remarks.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.line(&messages.word("import-heading", heading))?;
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
    output.table(&table)?;
    let hidden = remarks.len().saturating_sub(shown);
    if hidden > 0 {
        output.note(&messages.say("more-rows", [("count", FluentValue::from(hidden))]));
    }
    Ok(())
}

fn bar(rows: usize, context: &Context) -> Option<ProgressBar> {
    if !context.output.shows_progress() {
        return None;
    }
    let bar = ProgressBar::new(rows as u64);
    let template = "{msg} [{bar:30}] {pos}/{len} {per_sec} ETA {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("█·"));
    }
    bar.set_message(context.messages.text("import-progress"));
    bar.enable_steady_tick(Duration::from_millis(200));
    Some(bar)
}

/// A ledger that cannot be used at all, by name.
fn unusable(path: &Path, error: &LedgerError) -> Failure {
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
