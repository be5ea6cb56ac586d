//! Reading an `.xlsx` workbook into sheets.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader as _, SheetType, Xlsx, XlsxFormulaMetadata};
use chrono::NaiveDate;

use super::LedgerError;
use super::archive::{self, Checked};
use super::cell::Cell;
use super::limits::SHEETS_MAX;
use super::sheet::{Sheet, Taken};

/// Reads every sheet, hidden ones too. A chart is a sheet without rows.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Sheet>, LedgerError> {
    let checked = archive::check(bytes)?;
    // calamine subtracts the corners of `<dimension ref="B2:A1"/>` unchecked, and more of the kind
    // may be left: a broken workbook is an error of the file, not the end of the program.
    catch_unwind(AssertUnwindSafe(|| sheets(bytes, checked)))
        .unwrap_or(Err(LedgerError::BrokenWorkbook))
}

fn sheets(bytes: &[u8], checked: Checked) -> Result<Vec<Sheet>, LedgerError> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes))?;
    let names: Vec<_> =
        workbook.sheets_metadata().iter().map(|sheet| (sheet.name.clone(), sheet.typ)).collect();
    if names.len() > SHEETS_MAX {
        return Err(LedgerError::TooManySheets);
    }
    checked.check_sheets(names.len())?;
    let mut taken = Taken::default();
    names
        .into_iter()
        .map(|(name, kind)| match kind {
            SheetType::WorkSheet => sheet(&mut workbook, &name, &mut taken),
            _ => Ok(Sheet::new(&name)),
        })
        .collect()
}

/// Reads one sheet cell by cell: the library's own table takes memory for the whole rectangle
/// between the first and the last cell, wherever those claim to be.
fn sheet(
    workbook: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    taken: &mut Taken,
) -> Result<Sheet, LedgerError> {
    let mut sheet = Sheet::new(name);
    let mut cells = workbook.worksheet_cells_reader(name)?;
    while let Some(record) = cells.next_cell_with_formula_metadata()? {
        let cell = match record.formula {
            Some(XlsxFormulaMetadata::Normal { formula }) => Cell::Formula(format!("={formula}")),
            Some(XlsxFormulaMetadata::Shared { formula, .. }) => {
                Cell::Formula(format!("={formula}"))
            }
            // The text stands in another cell, for that cell's position.
            Some(_) => Cell::Formula("=".to_owned()),
            None => cell(record.value),
        };
        sheet.put(record.pos.0 as usize, record.pos.1 as usize, cell, taken)?;
    }
    Ok(sheet)
}

fn cell(value: DataRef<'_>) -> Cell {
    match value {
        DataRef::Int(number) => Cell::Number(number as f64),
        DataRef::Float(number) => Cell::Number(number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            Cell::Text(text)
        }
        DataRef::SharedString(text) => Cell::Text(text.to_owned()),
        DataRef::Bool(answer) => Cell::Bool(answer),
        DataRef::DateTime(moment) => {
            let (year, month, day, ..) = moment.to_ymd_hms_milli();
            // Times of day and lengths of time have no day of their own.
            let date = (moment.is_datetime() && moment.as_f64() >= 1.0)
                .then(|| NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()))
                .flatten();
            date.map_or(Cell::Number(moment.as_f64()), Cell::Date)
        }
        DataRef::Error(error) => Cell::Error(error.to_string()),
        DataRef::Empty => Cell::Empty,
    }
}
