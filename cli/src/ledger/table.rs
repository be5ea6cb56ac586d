//! Tables that are no ledgers, such as lists of visits: a header, and rows that are read one by one.

use std::collections::BTreeSet;

use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::field::Field;
use shouwang_node::command::import::Person;

use super::cell::Cell;
use super::column::{ColumnKey, plain_heading};
use super::identity::{self, IdReading};
use super::limits::HEADER_ROW_MAX;
use super::places::{Places, Townships};
use super::reason::{self, Reason};
use super::sheet::Sheet;
use super::{
    AcceptedRow, Gap, LedgerError, Reading, Rejected, SheetHead, Skipped, sheets, vocabulary,
};

/// What the columns of a sheet mean.
pub(super) struct Header<C>(pub(super) Vec<Option<C>>);

/// One row on its way.
pub(super) struct Row<'a, C> {
    header: &'a Header<C>,
    cells: &'a [Cell],
    gaps: Vec<(C, Reason, Option<String>)>,
}

/// A column that stops a row, why, and the text of its cell.
pub(super) type Fault<C> = (C, Reason, Option<String>);

/// The columns that name a person.
pub(super) struct PersonColumns<C> {
    pub(super) file: C,
    pub(super) resident_id: C,
    pub(super) name: C,
    pub(super) township: C,
    pub(super) village: C,
}

impl<C: ColumnKey> Header<C> {
    /// Reads a row as headings.
    pub(super) fn read(row: &[Cell], all: &[C]) -> Self {
        let mut columns: Vec<Option<C>> = Vec::new();
        for cell in row {
            let plain = plain_heading(&cell.text());
            let known = all.iter().copied().find(|column| {
                column.key() == plain || column.headings().contains(&plain.as_str())
            });
            columns.push(known.filter(|column| !columns.contains(&Some(*column))));
        }
        Self(columns)
    }

    /// Whether a column has this meaning.
    pub(super) fn has(&self, column: C) -> bool {
        self.0.contains(&Some(column))
    }

    /// How many columns have a meaning.
    pub(super) fn known(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

impl<C: ColumnKey> Row<'_, C> {
    /// The cell of a column, if it holds a value: a formula or an error becomes a gap.
    pub(super) fn cell(&mut self, column: C) -> Option<&Cell> {
        let at = self.header.0.iter().position(|known| *known == Some(column))?;
        let cell = self.cells.get(at).filter(|cell| !cell.is_blank())?;
        let refused = match cell {
            Cell::Error(_) => Some(Reason::ErrorCell),
            cell => cell.formula().map(|_| Reason::FormulaCell),
        };
        match refused {
            Some(reason) => {
                self.gaps.push((column, reason, reason::detail(&cell.text())));
                None
            }
            None => Some(cell),
        }
    }

    /// The text of a cell for comparing with a vocabulary; None where it says that there is none.
    pub(super) fn word(&mut self, column: C) -> Option<String> {
        let word = vocabulary::plain(&self.cell(column)?.text());
        (!word.is_empty() && !vocabulary::is_left_blank(&word)).then_some(word)
    }

    /// Free text.
    pub(super) fn free(&mut self, column: C) -> Option<String> {
        // Free text is text, whatever it begins with.
        let at = self.header.0.iter().position(|known| *known == Some(column))?;
        let text = identity::free_text(&self.cells.get(at)?.text());
        (!text.is_empty()).then_some(text)
    }

    /// Notes that a cell says something that does not come in.
    pub(super) fn gap(&mut self, column: C, reason: Reason, text: &str) {
        self.gaps.push((column, reason, reason::detail(text)));
    }

    /// A word of a vocabulary, if the cell has one; one that is none of it stops the row.
    pub(super) fn choice<T>(
        &mut self,
        column: C,
        read: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault<C>> {
        let Some(word) = self.word(column) else { return Ok(None) };
        let fault = || (column, Reason::UnknownValue, reason::detail(&word));
        read(&word).map(Some).ok_or_else(fault)
    }

    /// Words of a vocabulary; those that are none of it become gaps.
    pub(super) fn words<T: Ord>(&mut self, column: C, read: fn(&str) -> Option<T>) -> BTreeSet<T> {
        let Some(text) = self.cell(column).map(Cell::text) else { return BTreeSet::new() };
        let mut words = BTreeSet::new();
        for part in super::items::parts(&Cell::Text(text)) {
            let word = vocabulary::plain(&part);
            match read(&word) {
                Some(value) => {
                    words.insert(value);
                }
                None if word.is_empty() || identity::is_nothing(&word) => {}
                None => self.gap(column, Reason::UnknownValue, &part),
            }
        }
        words
    }

    /// Whether every cell of the row is blank.
    fn is_blank(&self) -> bool {
        self.cells.iter().all(Cell::is_blank)
    }

    /// Whom the row is about.
    pub(super) fn person(
        &mut self,
        columns: &PersonColumns<C>,
        places: &Places,
        area: Area,
        titles: &Townships,
    ) -> Result<Person, Fault<C>> {
        let file = self.word(columns.file);
        let resident_id = match self.cell(columns.resident_id).map(identity::resident_id) {
            Some(IdReading::Valid(id)) => Some(id.as_str().to_owned()),
            Some(IdReading::AsWritten(_, reason)) if file.is_none() => {
                return Err((columns.resident_id, reason, None));
            }
            _ => None,
        };
        let file = match file {
            None => None,
            Some(text) => match text.parse() {
                Ok(file) => Some(file),
                Err(_) => {
                    let detail = reason::detail(&text);
                    return Err((columns.file, Reason::UnknownValue, detail));
                }
            },
        };
        let named = self.cell(columns.name).map(Cell::text);
        let name = named.as_deref().and_then(identity::name);
        let name = name.filter(|name| Field::Name.value(name).is_ok());
        let mut scope = None;
        if file.is_none() && resident_id.is_none() {
            if name.is_none() {
                return Err((columns.name, Reason::MissingName, None));
            }
            scope = Some(self.village(columns, places, area, titles)?);
        }
        Ok(Person { file, resident_id, name, scope })
    }

    fn village(
        &mut self,
        columns: &PersonColumns<C>,
        places: &Places,
        area: Area,
        titles: &Townships,
    ) -> Result<DivisionCode, Fault<C>> {
        let text = self.cell(columns.village).map(Cell::text).unwrap_or_default();
        if text.is_empty() && area.0.level() == Level::Village {
            return Ok(area.0);
        }
        let township = self.cell(columns.township).map(Cell::text).unwrap_or_default();
        let mut hint = places.townships_in(&township, area);
        hint.extend(places.place(&township).filter(|place| place.level() == Level::Township));
        places
            .village(&text, [&hint, titles], area)
            .map_err(|reason| (columns.village, reason, reason::detail(&text)))
    }
}

/// Reads a file as a table with these columns.
pub(super) fn read<R, C: ColumnKey>(
    file_name: &str,
    bytes: &[u8],
    all: &[C],
    is_header: fn(&Header<C>) -> bool,
    mut each: impl FnMut(&mut Row<'_, C>, &[Vec<Cell>]) -> Result<R, Fault<C>>,
) -> Result<Reading<R, C>, LedgerError> {
    let mut reading: Reading<R, C> = Reading::default();
    for Sheet { name, mut rows } in sheets(file_name, bytes)? {
        let found = rows.iter().take(HEADER_ROW_MAX).enumerate();
        let mut found = found.map(|(at, row)| (at, Header::read(row, all)));
        let Some((at, header)) = found.find(|(_, header)| is_header(header)) else {
            reading.skipped_sheets.push(name);
            continue;
        };
        let body = rows.split_off(at + 1);
        let header_cells = rows.pop().unwrap_or_default();
        reading.add_unknown_columns(&name, &header.0, &header_cells, &body);
        reading.rows += body.len();
        for (row, cells) in (at as u32 + 2..).zip(body) {
            let sheet = name.clone();
            let mut one = Row { header: &header, cells: &cells, gaps: Vec::new() };
            if one.is_blank() {
                let reason = Reason::BlankRow;
                reading.skipped.push(Skipped { sheet, row, reason, detail: None });
                continue;
            }
            match each(&mut one, &rows) {
                Ok(content) => {
                    reading.gaps.extend(one.gaps.into_iter().map(|(field, reason, detail)| Gap {
                        sheet: sheet.clone(),
                        row,
                        field,
                        reason,
                        detail,
                    }));
                    reading.accepted.push(AcceptedRow { sheet, row, ledger_row: content, cells });
                }
                Err((field, reason, detail)) => {
                    reading.rejected.push(Rejected { sheet, row, field, reason, detail, cells });
                }
            }
        }
        reading.sheets.push(SheetHead { name, titles: rows, header: header_cells });
    }
    match reading.sheets.is_empty() {
        true => Err(LedgerError::NoHeader),
        false => Ok(reading),
    }
}

/// The townships that the titles of a sheet name.
pub(super) fn townships(titles: &[Vec<Cell>], places: &Places, area: Area) -> Townships {
    titles.iter().flatten().flat_map(|cell| places.townships_in(&cell.text(), area)).collect()
}
