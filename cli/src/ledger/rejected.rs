//! Writing rejected rows into a file that can be corrected and imported again.

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};

use chrono::Datelike;

use super::cell::{Cell, guarded, kept};
use super::column::{Column, ColumnKey};
use super::{AcceptedRow, LedgerError, Reading, Rejected, SheetHead, TurnedAway};

/// Writes the rejected rows with everything above them as it was, and 退回原因 in a last column.
/// The extension decides between `.xlsx` and `.csv`; a CSV file has room for one sheet only.
///
/// `turned_away` are rows that the reading accepted and the node did not.
pub(crate) fn write_rejected<R, C>(
    reading: &Reading<R, C>,
    turned_away: &[TurnedAway],
    file_name: &str,
) -> Result<Vec<u8>, LedgerError> {
    let mut returned: Vec<Returned<'_>> = reading.rejected.iter().map(Returned::from).collect();
    for row in turned_away {
        let place =
            |accepted: &&AcceptedRow<R>| accepted.sheet == row.sheet && accepted.row == row.row;
        returned.extend(reading.accepted.iter().find(place).map(|accepted| Returned {
            sheet: &accepted.sheet,
            row: accepted.row,
            cells: &accepted.cells,
            explanation: row.explanation.clone(),
        }));
    }
    returned.sort_by_key(|row| row.row);
    let tables: Vec<Vec<Vec<Cell>>> = reading
        .sheets
        .iter()
        .filter(|sheet| returned.iter().any(|row| row.sheet == sheet.name))
        .map(|sheet| table(sheet, &returned))
        .collect();
    let extension = file_name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match (extension.as_str(), tables.as_slice()) {
        ("xlsx", tables) => workbook(tables),
        ("csv", [table]) => text(table),
        ("csv", []) => text(&[]),
        ("csv", _) => Err(LedgerError::SeveralSheets),
        _ => Err(LedgerError::Extension),
    }
}

/// A row on its way back.
struct Returned<'a> {
    sheet: &'a str,
    row: u32,
    cells: &'a [Cell],
    explanation: String,
}

impl<'a, C> From<&'a Rejected<C>> for Returned<'a> {
    fn from(row: &'a Rejected<C>) -> Self {
        let explanation = row.explanation();
        Self { sheet: &row.sheet, row: row.row, cells: &row.cells, explanation }
    }
}

fn table(sheet: &SheetHead, returned: &[Returned<'_>]) -> Vec<Vec<Cell>> {
    // A ledger that was returned before has the column already.
    let is_return = |cell: &Cell| matches!(cell, Cell::Text(text) if Column::from_heading(text) == Some(Column::ReturnReason));
    let rows = returned.iter().filter(|row| row.sheet == sheet.name);
    let widest = rows.clone().map(|row| row.cells.len()).max().unwrap_or(0);
    let at =
        sheet.header.iter().position(is_return).unwrap_or_else(|| sheet.header.len().max(widest));
    let with = |cells: &[Cell], last: String| {
        let mut cells = cells.to_vec();
        cells.resize(cells.len().max(at + 1), Cell::Empty);
        if let Some(cell) = cells.get_mut(at) {
            *cell = Cell::Text(last);
        }
        cells
    };
    let mut table = sheet.titles.clone();
    let heading = Column::ReturnReason.headings().first().copied().unwrap_or_default();
    table.push(with(&sheet.header, heading.to_owned()));
    table.extend(rows.map(|row| with(row.cells, row.explanation.clone())));
    table
}

impl<C> Rejected<C> {
    /// The reason in Chinese, with the text that gave rise to it.
    fn explanation(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{}：{detail}", self.reason.chinese()),
            None => self.reason.chinese().to_owned(),
        }
    }
}

fn workbook(tables: &[Vec<Vec<Cell>>]) -> Result<Vec<u8>, LedgerError> {
    let mut workbook = Workbook::new();
    for table in tables {
        write_sheet(workbook.add_worksheet(), table)?;
    }
    if tables.is_empty() {
        workbook.add_worksheet();
    }
    Ok(workbook.save_to_buffer()?)
}

fn write_sheet(sheet: &mut Worksheet, table: &[Vec<Cell>]) -> Result<(), LedgerError> {
    let day = Format::new().set_num_format("yyyy-mm-dd");
    for (row, cells) in (0u32..).zip(table) {
        for (column, cell) in (0u16..).zip(cells) {
            match cell {
                Cell::Empty => {}
                Cell::Number(number) if number.is_finite() => {
                    sheet.write_number(row, column, *number)?;
                }
                Cell::Bool(answer) => {
                    sheet.write_boolean(row, column, *answer)?;
                }
                Cell::Date(date) => {
                    let (month, of_month) = (date.month() as u8, date.day() as u8);
                    let year = u16::try_from(date.year()).unwrap_or_default();
                    let date = ExcelDateTime::from_ymd(year, month, of_month)?;
                    sheet.write_with_format(row, column, date, &day)?;
                }
                // A formula goes back as text, never as a formula.
                _ => {
                    sheet.write_string(row, column, kept(&cell.text()))?;
                }
            }
        }
    }
    Ok(())
}

fn text(table: &[Vec<Cell>]) -> Result<Vec<u8>, LedgerError> {
    // Excel reads a CSV file as UTF-8 only with the mark.
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    for cells in table {
        writer.write_record(cells.iter().map(|cell| guarded(&cell.text())))?;
    }
    writer.into_inner().map_err(|_| LedgerError::Unwritable)
}
