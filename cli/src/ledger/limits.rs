//! Every bound of the ledger reader. A spreadsheet comes from a stranger's USB stick as often as
//! from the office next door, so nothing about its size is believed.

/// The largest file, in bytes. A township's 8,000 elders take about 2 MB.
pub(crate) const FILE_BYTES_MAX: usize = 64 << 20;

/// The most an `.xlsx` archive may unpack to, in bytes. Sheets pack about tenfold, so this leaves
/// room for any honest file below [`FILE_BYTES_MAX`] that has fewer than [`CELLS_MAX`] cells.
pub(crate) const UNPACKED_BYTES_MAX: usize = 512 << 20;

/// The most that the sheets of a workbook may unpack to, one after another, in bytes: eight times all
/// that an archive may hold. Several names may stand for one sheet, which is read for each of them; at
/// 200 MB a second this takes 20 s.
pub(crate) const SHEETS_UNPACKED_BYTES_MAX: usize = 8 * UNPACKED_BYTES_MAX;

/// The most entries in an `.xlsx` archive: a few per sheet.
pub(crate) const ARCHIVE_ENTRIES_MAX: usize = 4_096;

/// The most sheets. Several names may stand for one sheet in the archive, so sheets are not
/// bounded by the size of the file.
pub(crate) const SHEETS_MAX: usize = 256;

/// The most rows, over all sheets: twice a county's design ceiling of 100,000.
pub(crate) const ROWS_MAX: usize = 200_000;

/// The widest sheet, in columns.
pub(crate) const COLUMNS_MAX: usize = 512;

/// The most cells that hold something, over all sheets: [`ROWS_MAX`] rows of 40 columns.
pub(crate) const CELLS_MAX: usize = 8_000_000;

/// The longest cell, in characters: what a cell of a workbook may hold.
pub(crate) const CELL_CHARS_MAX: usize = 32_767;

/// The most text in all cells together, in bytes. Cells share strings inside an archive, so the
/// text is not bounded by what the archive unpacks to.
pub(crate) const TEXT_BYTES_MAX: usize = 512 << 20;

/// How far below the top of a sheet the header row may stand.
pub(crate) const HEADER_ROW_MAX: usize = 30;

/// The longest text of a cell that a report repeats, in characters.
pub(crate) const DETAIL_CHARS_MAX: usize = 80;

const _: () = assert!(CELLS_MAX >= ROWS_MAX * 26);
