//! A sheet as rows of cells, and what all sheets of a file together may take.

use super::LedgerError;
use super::cell::Cell;
use super::limits::{CELL_CHARS_MAX, CELLS_MAX, COLUMNS_MAX, ROWS_MAX, TEXT_BYTES_MAX};

/// The cells of a sheet. The first row is row 1 to a person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sheet {
    /// Its name; for a CSV file the file's name without extension.
    pub(crate) name: String,
    /// Its rows down to the last one that holds something; rows may differ in length.
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// What the sheets of a file have taken so far.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    rows: usize,
    cells: usize,
    text_bytes: usize,
}

impl Sheet {
    /// A sheet without rows.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), rows: Vec::new() }
    }

    /// Puts a cell at a row and column counted from 0. A blank one leaves no trace.
    pub(crate) fn put(
        &mut self,
        row: usize,
        column: usize,
        cell: Cell,
        taken: &mut Taken,
    ) -> Result<(), LedgerError> {
        if cell.is_blank() {
            return Ok(());
        }
        if column >= COLUMNS_MAX {
            return Err(LedgerError::TooManyColumns { sheet: self.name.clone(), row: row + 1 });
        }
        if let Cell::Text(text) | Cell::Formula(text) | Cell::Error(text) = &cell {
            if text.len() > CELL_CHARS_MAX && text.chars().count() > CELL_CHARS_MAX {
                return Err(LedgerError::CellTooLong {
                    sheet: self.name.clone(),
                    row: row + 1,
                    column: column + 1,
                });
            }
            taken.text_bytes += text.len();
            if taken.text_bytes > TEXT_BYTES_MAX {
                return Err(LedgerError::TooMuchText);
            }
        }
        if row >= self.rows.len() {
            taken.rows = taken.rows.saturating_add(row + 1 - self.rows.len());
            if taken.rows > ROWS_MAX {
                return Err(LedgerError::TooManyRows);
            }
            self.rows.resize_with(row + 1, Vec::new);
        }
        let Some(cells) = self.rows.get_mut(row) else { return Ok(()) };
        if column >= cells.len() {
            taken.cells += column + 1 - cells.len();
            if taken.cells > CELLS_MAX {
                return Err(LedgerError::TooManyCells);
            }
            cells.resize(column + 1, Cell::Empty);
        }
        if let Some(place) = cells.get_mut(column) {
            *place = cell.unquoted();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(row: usize, column: usize, text: &str) -> Result<Sheet, LedgerError> {
        let mut sheet = Sheet::new("一");
        sheet.put(row, column, Cell::Text(text.into()), &mut Taken::default())?;
        Ok(sheet)
    }

    #[test]
    fn blank_cells_leave_no_trace() {
        assert!(put(9_999_999, 9_999, " 　\n").unwrap().rows.is_empty());
        assert_eq!(put(2, 1, "a").unwrap().rows[2], [Cell::Empty, Cell::Text("a".into())]);
    }

    #[test]
    fn each_limit_has_its_error() {
        assert!(put(ROWS_MAX - 1, 0, "a").is_ok());
        assert!(matches!(put(ROWS_MAX, 0, "a"), Err(LedgerError::TooManyRows)));
        assert!(matches!(put(usize::MAX - 1, 0, "a"), Err(LedgerError::TooManyRows)));
        assert!(matches!(
            put(0, COLUMNS_MAX, "a"),
            Err(LedgerError::TooManyColumns { row: 1, .. })
        ));
        assert!(put(0, 0, &"长".repeat(CELL_CHARS_MAX)).is_ok());
        let long = put(4, 1, &"长".repeat(CELL_CHARS_MAX + 1));
        assert!(matches!(long, Err(LedgerError::CellTooLong { row: 5, column: 2, .. })));
        let mut sheet = Sheet::new("");
        let mut taken = Taken { cells: CELLS_MAX, ..Taken::default() };
        let more = sheet.put(0, 0, Cell::Bool(true), &mut taken);
        assert!(matches!(more, Err(LedgerError::TooManyCells)));
        let mut taken = Taken { text_bytes: TEXT_BYTES_MAX, ..Taken::default() };
        let more = sheet.put(0, 0, Cell::Text("a".into()), &mut taken);
        assert!(matches!(more, Err(LedgerError::TooMuchText)));
    }
}
