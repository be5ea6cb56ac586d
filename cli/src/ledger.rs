//! Reading an office's ledger 台账, `.xlsx` or `.csv`, into typed rows.
//!
//! Ledgers come as people keep them: titles above the table, dates in five styles, names with
//! spaces, villages with and without 村委会. Everything that can be understood is; nothing is
//! guessed, and nothing disappears: a row is accepted, skipped or rejected, and a cell that does
//! not reach its row becomes a gap or belongs to a column that is listed as unknown.
//!
//! ```text
//! bytes ──► sheets of cells ──► header ──► rows ──► LedgerRow + gaps
//!           workbook, text_table  column    row, people
//! ```

mod archive;
mod cell;
mod certificates;
mod column;
mod date;
mod encoding;
mod household;
mod identity;
mod inflate;
mod items;
mod limits;
mod people;
mod places;
mod reason;
mod rejected;
mod repeated;
#[cfg(test)]
mod round_trip_tests;
mod row;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod text_table;
mod visits;
mod vocabulary;
mod workbook;
mod writer;

use std::collections::BTreeMap;

use serde::Serialize;
use shouwang_crdt_schema::division::{Area, Level};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use thiserror::Error;

pub(crate) use self::cell::Cell;
pub(crate) use self::certificates::{CertificateColumn, read as read_certificates};
use self::column::Header;
pub(crate) use self::column::{Column, ColumnKey};
pub(crate) use self::encoding::decode;
pub(crate) use self::limits::FILE_BYTES_MAX;
use self::limits::{
    CELL_CHARS_MAX, CELLS_MAX, COLUMNS_MAX, HEADER_ROW_MAX, ROWS_MAX, SHEETS_MAX, TEXT_BYTES_MAX,
};
pub(crate) use self::places::Places;
pub(crate) use self::reason::Reason;
pub(crate) use self::rejected::write_rejected;
use self::row::{RowReader, RowReading};
use self::sheet::Sheet;
pub(crate) use self::text_table::rows as csv_rows;
pub(crate) use self::visits::{VisitColumn, looks_like_visits, read as read_visits};
pub(crate) use self::writer::{Heading, Written, csv_bytes};

/// What came of a file. `rows` = `accepted` + `skipped` + `rejected`.
#[derive(Clone, Debug)]
pub(crate) struct Reading<R = LedgerRow, C = Column> {
    /// How many rows stand below the headers, down to the last one that holds something.
    pub(crate) rows: usize,
    /// Elders.
    pub(crate) accepted: Vec<AcceptedRow<R>>,
    /// Rows that are not about an elder, or about one that came before.
    pub(crate) skipped: Vec<Skipped>,
    /// Rows about an elder who cannot be named or placed.
    pub(crate) rejected: Vec<Rejected<C>>,
    /// What is missing or unreadable in accepted rows.
    pub(crate) gaps: Vec<Gap<C>>,
    /// Columns that were not read.
    pub(crate) unknown_columns: Vec<UnknownColumn>,
    /// Sheets without a header row.
    pub(crate) skipped_sheets: Vec<String>,
    /// What stands above the rows of each sheet that was read.
    pub(crate) sheets: Vec<SheetHead>,
}

impl<R, C> Default for Reading<R, C> {
    fn default() -> Self {
        Self {
            rows: 0,
            accepted: Vec::new(),
            skipped: Vec::new(),
            rejected: Vec::new(),
            gaps: Vec::new(),
            unknown_columns: Vec::new(),
            skipped_sheets: Vec::new(),
            sheets: Vec::new(),
        }
    }
}

/// An elder, or a row of another kind of table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AcceptedRow<R = LedgerRow> {
    /// The sheet's name.
    pub(crate) sheet: String,
    /// The row's number as a person sees it.
    pub(crate) row: u32,
    /// What the row says.
    pub(crate) ledger_row: R,
    /// The row as it stands, for [`write_rejected`].
    cells: Vec<Cell>,
}

impl<R> AcceptedRow<R> {
    /// A row without its cells.
    #[cfg(test)]
    pub(crate) fn without_cells(sheet: &str, row: u32, ledger_row: R) -> Self {
        Self { sheet: sheet.to_owned(), row, ledger_row, cells: Vec::new() }
    }
}

/// A row that read well and was turned away where it was to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TurnedAway {
    /// The sheet's name.
    pub(crate) sheet: String,
    /// The row's number as a person sees it.
    pub(crate) row: u32,
    /// Why, in words.
    pub(crate) explanation: String,
}

/// A row that is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Skipped {
    /// The sheet's name.
    pub(crate) sheet: String,
    /// The row's number as a person sees it.
    pub(crate) row: u32,
    /// Why.
    pub(crate) reason: Reason,
    /// Of a repeated row: the first row's number, `Sheet!` before it if that is another sheet;
    /// then, after a colon, the keys of what the two rows say differently.
    pub(crate) detail: Option<String>,
}

/// A row that cannot come in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Rejected<C = Column> {
    /// The sheet's name.
    pub(crate) sheet: String,
    /// The row's number as a person sees it.
    pub(crate) row: u32,
    /// The column that stops it.
    pub(crate) field: C,
    /// Why.
    pub(crate) reason: Reason,
    /// The text of that cell.
    pub(crate) detail: Option<String>,
    /// The row as it stands, for [`write_rejected`].
    #[serde(skip)]
    cells: Vec<Cell>,
}

/// Something that an accepted row does not say, or says in a way that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Gap<C = Column> {
    /// The sheet's name.
    pub(crate) sheet: String,
    /// The row's number as a person sees it.
    pub(crate) row: u32,
    /// The column.
    pub(crate) field: C,
    /// What is wrong.
    pub(crate) reason: Reason,
    /// The cell's text, shortened; never of the resident-ID column.
    pub(crate) detail: Option<String>,
}

/// A column that holds something and is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct UnknownColumn {
    /// The sheet's name.
    pub(crate) sheet: String,
    /// The column's number from 1.
    pub(crate) column: usize,
    /// Its heading, empty where it has none.
    pub(crate) heading: String,
}

/// What stands above the rows of a sheet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SheetHead {
    /// The sheet's name.
    pub(crate) name: String,
    titles: Vec<Vec<Cell>>,
    header: Vec<Cell>,
}

/// Why a file cannot be read or written at all.
#[derive(Debug, Error)]
pub(crate) enum LedgerError {
    /// Larger than any ledger.
    #[error("the file has {0} bytes, at most {FILE_BYTES_MAX} are read")]
    FileTooLarge(usize),
    /// The format before 2007, or a workbook under a password.
    #[error("this is an .xls file or has a password: save it as .xlsx without one")]
    OldWorkbook,
    /// Not text in a known encoding.
    #[error("the file is neither a workbook nor text in UTF-8 or GB18030")]
    Encoding,
    /// An archive that is refused before it is opened.
    #[error("the workbook is refused")]
    Archive(#[from] archive::ArchiveError),
    /// Not a workbook inside.
    #[error("the workbook cannot be read")]
    Workbook(#[source] Box<calamine::XlsxError>),
    /// Damaged in a way that nobody foresaw.
    #[error("the workbook is damaged")]
    BrokenWorkbook,
    /// Not a CSV file.
    #[error("the CSV file cannot be read")]
    Csv(#[from] csv::Error),
    /// Too many sheets.
    #[error("the workbook has more than {SHEETS_MAX} sheets")]
    TooManySheets,
    /// Too many rows.
    #[error("the file has more than {ROWS_MAX} rows")]
    TooManyRows,
    /// Too wide.
    #[error("sheet {sheet}, row {row}: a sheet has at most {COLUMNS_MAX} columns")]
    TooManyColumns {
        /// The sheet's name.
        sheet: String,
        /// The row's number.
        row: usize,
    },
    /// Too many cells.
    #[error("the file has more than {CELLS_MAX} cells")]
    TooManyCells,
    /// A cell that is a book.
    #[error("sheet {sheet}, row {row}, column {column}: over {CELL_CHARS_MAX} characters")]
    CellTooLong {
        /// The sheet's name.
        sheet: String,
        /// The row's number.
        row: usize,
        /// The column's number.
        column: usize,
    },
    /// Too much text in all cells together.
    #[error("the cells hold more than {TEXT_BYTES_MAX} bytes of text")]
    TooMuchText,
    /// No sheet has a row of headings.
    #[error(
        "no row within the first {HEADER_ROW_MAX} has headings such as 姓名, 身份证号码, 所在村"
    )]
    NoHeader,
    /// Several sheets for one CSV file.
    #[error("rejected rows of several sheets need an .xlsx file")]
    SeveralSheets,
    /// An extension other than these two.
    #[error("rejected rows are written to .xlsx or .csv")]
    Extension,
    /// The rows cannot stand in a workbook.
    #[error("the workbook cannot be written")]
    Write(#[source] Box<rust_xlsxwriter::XlsxError>),
    /// The rows cannot stand in a CSV file.
    #[error("the CSV file cannot be written")]
    Unwritable,
}

impl From<calamine::XlsxError> for LedgerError {
    fn from(error: calamine::XlsxError) -> Self {
        Self::Workbook(Box::new(error))
    }
}

impl From<rust_xlsxwriter::XlsxError> for LedgerError {
    fn from(error: rust_xlsxwriter::XlsxError) -> Self {
        Self::Write(Box::new(error))
    }
}

/// What an `.xlsx` file begins with: an archive.
const ARCHIVE_MAGIC: &[u8] = b"PK\x03\x04";
/// What an `.xls` file, or an encrypted `.xlsx` file, begins with.
const COMPOUND_MAGIC: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];

/// Reads a ledger. The villages of its rows are looked up in `places` and must lie in `area`;
/// where the area is a single village, rows need not name it.
pub(crate) fn read(
    file_name: &str,
    bytes: &[u8],
    places: &Places,
    area: Area,
) -> Result<Reading, LedgerError> {
    let stem = stem(file_name);
    let sheets = sheets(file_name, bytes)?;
    let mut reading = Reading::default();
    let mut elders = repeated::Elders::default();
    for sheet in sheets {
        reading.add_sheet(sheet, stem, &mut elders, places, area);
    }
    match reading.sheets.is_empty() {
        true => Err(LedgerError::NoHeader),
        false => Ok(reading),
    }
}

/// The name of a file without directories and extension.
fn stem(file_name: &str) -> &str {
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    base.rsplit_once('.').map_or(base, |(stem, _)| stem)
}

/// The sheets of a file.
fn sheets(file_name: &str, bytes: &[u8]) -> Result<Vec<Sheet>, LedgerError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(LedgerError::FileTooLarge(bytes.len()));
    }
    if bytes.starts_with(ARCHIVE_MAGIC) {
        workbook::read(bytes)
    } else if bytes.starts_with(COMPOUND_MAGIC) {
        Err(LedgerError::OldWorkbook)
    } else {
        text_table::read(stem(file_name), bytes)
    }
}

impl Reading {
    fn add_sheet(
        &mut self,
        sheet: Sheet,
        stem: &str,
        elders: &mut repeated::Elders,
        places: &Places,
        area: Area,
    ) {
        let found = sheet.rows.iter().take(HEADER_ROW_MAX).enumerate();
        let found = found.filter_map(|(at, row)| Some((at, Header::read(row)?))).next();
        let Some((at, header)) = found else {
            self.skipped_sheets.push(sheet.name);
            return;
        };
        let Sheet { name, mut rows } = sheet;
        let body = rows.split_off(at + 1);
        let header_cells = rows.pop().unwrap_or_default();
        self.add_unknown_columns(&name, &header.columns, &header_cells, &body);
        let mut titles = places.townships_in(&name, area);
        titles.extend(places.townships_in(stem, area));
        for cell in rows.iter().flatten() {
            titles.extend(places.townships_in(&cell.text(), area));
        }
        let only_village = match area.0.level() {
            Level::Village => Some(area.0),
            _ if header.has(Column::Village) => None,
            // Offices with one sheet a village leave the column out.
            _ => places.village(&name, [&titles, &titles], area).ok(),
        };
        let reader = RowReader { places, area, header: &header, titles, only_village };
        self.rows += body.len();
        for (number, cells) in (at as u32 + 2..).zip(body) {
            self.add_row(&reader, &name, number, cells, elders);
        }
        self.sheets.push(SheetHead { name, titles: rows, header: header_cells });
    }

    fn add_row(
        &mut self,
        reader: &RowReader<'_>,
        sheet: &str,
        row: u32,
        cells: Vec<Cell>,
        elders: &mut repeated::Elders,
    ) {
        let sheet = sheet.to_owned();
        match reader.read(&cells) {
            RowReading::Skipped(reason) => {
                self.skipped.push(Skipped { sheet, row, reason, detail: None });
            }
            RowReading::Rejected(gap) => self.rejected.push(Rejected {
                sheet,
                row,
                field: gap.column,
                reason: gap.reason,
                detail: gap.detail,
                cells,
            }),
            RowReading::Accepted(ledger_row, gaps) => {
                let ledger_row = *ledger_row;
                let first = elders.earlier(&ledger_row).and_then(|at| self.accepted.get(at));
                if let Some(first) = first {
                    let mut detail = match first.sheet == sheet {
                        true => first.row.to_string(),
                        false => format!("{}!{}", first.sheet, first.row),
                    };
                    let differences = repeated::differences(&first.ledger_row, &ledger_row);
                    if !differences.is_empty() {
                        detail = format!("{detail}: {}", differences.join(" "));
                    }
                    let (reason, detail) = (Reason::RepeatedRow, Some(detail));
                    self.skipped.push(Skipped { sheet, row, reason, detail });
                    return;
                }
                elders.add(&ledger_row, self.accepted.len());
                self.gaps.extend(gaps.into_iter().map(|gap| Gap {
                    sheet: sheet.clone(),
                    row,
                    field: gap.column,
                    reason: gap.reason,
                    detail: gap.detail,
                }));
                self.accepted.push(AcceptedRow { sheet, row, ledger_row, cells });
            }
        }
    }
}

impl<R, C: Copy> Reading<R, C> {
    /// Lists columns that nobody knows: those with a heading, and those without one that hold
    /// something nevertheless.
    fn add_unknown_columns(
        &mut self,
        sheet: &str,
        columns: &[Option<C>],
        header_cells: &[Cell],
        body: &[Vec<Cell>],
    ) {
        let mut unknown: BTreeMap<usize, String> = BTreeMap::new();
        for (at, cell) in header_cells.iter().enumerate().filter(|(_, cell)| !cell.is_blank()) {
            unknown.insert(at, cell.text().split_whitespace().collect());
        }
        for row in body {
            for (at, _) in row.iter().enumerate().filter(|(_, cell)| !cell.is_blank()) {
                unknown.entry(at).or_default();
            }
        }
        self.unknown_columns.extend(
            unknown
                .into_iter()
                .filter(|(at, _)| columns.get(*at).copied().flatten().is_none())
                .map(|(at, heading)| UnknownColumn {
                    sheet: sheet.to_owned(),
                    column: at + 1,
                    heading,
                }),
        );
    }
}
