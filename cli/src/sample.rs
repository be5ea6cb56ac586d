//! Fictional people and places for demonstrations and tests: a county, and township ledgers in
//! the disorder in which offices keep them.
//!
//! Everything follows from the seed, so that two people who speak of a sample see the same one.
//! The county's code begins with 99, which no province has: no number here can be anybody's.

mod county;
mod person;

use chrono::Datelike;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::resident_id::ResidentIdError;
use thiserror::Error;

pub(crate) use self::county::county;
use self::person::People;
use crate::ledger::Cell;

/// The most elders in one ledger: a township's design ceiling of 8,000, and room to go beyond.
pub(crate) const ELDERS_MAX: usize = 20_000;

/// How many rows of a ledger stand in it twice, if there are that many.
const REPEATED: usize = 3;

/// The headings, in the order of the columns.
const HEADINGS: [&str; 26] = [
    "序号",
    "姓名",
    "性别",
    "身份证号码",
    "所在村",
    "组别",
    "家庭住址",
    "联系电话",
    "居住状况",
    "能力等级",
    "残疾等级",
    "身体状况",
    "失智",
    "经济困难",
    "低保",
    "子女姓名",
    "与老人关系",
    "子女外出地",
    "外出时间",
    "子女电话",
    "监护人",
    "监护人电话",
    "结对帮扶人",
    "委托照顾协议",
    "服务需求",
    "备注",
];

/// A fault that is planted in an elder's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A wrong check character.
    Checksum,
    /// Three characters short.
    Length,
    /// No resident ID.
    MissingId,
    /// A village that nobody knows.
    UnknownVillage,
}

const FAULTS: [Fault; 4] =
    [Fault::Checksum, Fault::Length, Fault::MissingId, Fault::UnknownVillage];

/// Why a sample cannot be made.
#[derive(Debug, Error)]
pub(crate) enum SampleError {
    /// Nowhere to live.
    #[error("a ledger needs a village")]
    NoVillage,
    /// More people than a ledger holds.
    #[error("a sample ledger has at most {ELDERS_MAX} elders, not {0}")]
    TooManyElders(usize),
    /// The numbers of the county are used up, or its code makes none.
    #[error("no resident ID can be made for this county")]
    ResidentId(#[from] ResidentIdError),
    /// The workbook cannot be written.
    #[error("the workbook cannot be written")]
    Write(#[source] Box<rust_xlsxwriter::XlsxError>),
}

impl From<rust_xlsxwriter::XlsxError> for SampleError {
    fn from(error: rust_xlsxwriter::XlsxError) -> Self {
        Self::Write(Box::new(error))
    }
}

/// An `.xlsx` ledger of a township: titles, headings, the elders, up to three of them twice, a
/// blank row and a total. With `faults`, four rows have one planted: a wrong check character, a
/// short number, none, and an unknown village.
pub(crate) fn ledger(
    seed: u64,
    township: (DivisionCode, &str),
    villages: &[(DivisionCode, String)],
    elders: usize,
    faults: bool,
) -> Result<Vec<u8>, SampleError> {
    if elders > ELDERS_MAX {
        return Err(SampleError::TooManyElders(elders));
    }
    let (code, name) = township;
    // Each township of a county has people of its own under one seed.
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ code.number().rotate_left(24));
    let mut order: Vec<usize> = (0..elders).collect();
    order.shuffle(&mut rng);
    let planted = if faults { FAULTS.len().min(elders) } else { 0 };
    let repeated: Vec<usize> = order.iter().skip(planted).take(REPEATED).copied().collect();

    let mut people = People::new(code, name, rng);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut again: Vec<Vec<Cell>> = Vec::new();
    for elder in 0..elders {
        let village =
            villages.get(elder * villages.len() / elders).ok_or(SampleError::NoVillage)?;
        let fault = order
            .iter()
            .take(planted)
            .position(|faulty| *faulty == elder)
            .and_then(|fault| FAULTS.get(fault).copied());
        let row = people.row(elder + 1, village, fault)?;
        if repeated.contains(&elder) {
            again.push(row.clone());
        }
        rows.push(row);
    }
    // After its first row, a repeated one may stand anywhere.
    for row in again {
        let serial = row.first().cloned();
        let first = rows.iter().position(|other| other.first() == serial.as_ref());
        let at = people.between(first.map_or(0, |first| first + 1), rows.len());
        rows.insert(at, row);
    }
    rows.insert(people.between(rows.len() / 3, rows.len() / 2), Vec::new());
    rows.push(vec![Cell::Text("合计".to_owned()), Cell::Number(elders as f64)]);
    write(name, &rows)
}

fn write(township: &str, rows: &[Vec<Cell>]) -> Result<Vec<u8>, SampleError> {
    let mut workbook = Workbook::new();
    // The day of writing would make every copy of a sample another file.
    let written = ExcelDateTime::from_ymd(2026, 10, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&written));
    let sheet = workbook.add_worksheet();
    sheet.set_name("留守老年人台账")?;
    let last = HEADINGS.len() as u16 - 1;
    let title = format!("{township}农村留守老年人关爱服务管理台账（2026年第三季度）");
    sheet.merge_range(0, 0, 0, last, &title, &Format::new())?;
    sheet.write_string(1, 0, format!("填报单位：{township}人民政府"))?;
    for (column, heading) in (0u16..).zip(HEADINGS) {
        sheet.write_string(2, column, heading)?;
    }
    for (row, cells) in (3u32..).zip(rows) {
        for (column, cell) in (0u16..).zip(cells) {
            write_cell(sheet, row, column, cell)?;
        }
    }
    Ok(workbook.save_to_buffer()?)
}

fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
) -> Result<(), SampleError> {
    match cell {
        Cell::Empty => {}
        Cell::Number(number) => {
            sheet.write_number(row, column, *number)?;
        }
        Cell::Bool(answer) => {
            sheet.write_boolean(row, column, *answer)?;
        }
        Cell::Date(date) => {
            let year = u16::try_from(date.year()).unwrap_or_default();
            let date = ExcelDateTime::from_ymd(year, date.month() as u8, date.day() as u8)?;
            let day = Format::new().set_num_format("yyyy-mm-dd");
            sheet.write_with_format(row, column, date, &day)?;
        }
        Cell::Formula(formula) => {
            sheet.write_formula(row, column, formula.as_str())?;
        }
        Cell::Text(text) | Cell::Error(text) => {
            sheet.write_string(row, column, text)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Places, Reading, Reason, read};
    use shouwang_crdt_schema::division::{Area, Level};
    use shouwang_crdt_schema::field::Field;

    fn jichuan() -> Vec<(DivisionCode, String)> {
        county(7, 3, 5)
    }

    fn villages(of: DivisionCode) -> Vec<(DivisionCode, String)> {
        let mut places = jichuan();
        places.retain(|(code, _)| of.contains(*code) && code.level() == Level::Village);
        places
    }

    fn sample(seed: u64, elders: usize, faults: bool) -> (Vec<u8>, Reading) {
        let songwu = "990121101000".parse().unwrap();
        let bytes = ledger(seed, (songwu, "松雾镇"), &villages(songwu), elders, faults).unwrap();
        let places = Places::new(jichuan());
        let area = Area("990121000000".parse().unwrap());
        let reading = read("松雾镇.xlsx", &bytes, &places, area).unwrap();
        (bytes, reading)
    }

    #[test]
    fn a_sample_reads_as_it_was_written() {
        for (elders, faults) in
            [(0, true), (1, true), (5, true), (120, true), (120, false), (1500, true)]
        {
            let (_, reading) = sample(42, elders, faults);
            let planted = if faults { elders.min(FAULTS.len()) } else { 0 };
            let rejected = usize::from(planted == FAULTS.len());
            let repeated = REPEATED.min(elders - planted);
            let count = |reason| reading.skipped.iter().filter(|row| row.reason == reason).count();
            assert_eq!(reading.rows, elders + repeated + 2, "{elders}");
            assert_eq!(reading.accepted.len(), elders - rejected, "{elders}");
            assert_eq!(count(Reason::RepeatedRow), repeated, "{elders}");
            assert_eq!((count(Reason::BlankRow), count(Reason::TotalRow)), (1, 1));
            assert_eq!(reading.rejected.len(), rejected, "{elders}");
            let reasons: Vec<_> = reading.gaps.iter().map(|gap| gap.reason).collect();
            assert_eq!(reasons.len(), planted - rejected, "{reasons:?}");
            let valid = |row: &&crate::ledger::AcceptedRow| {
                row.ledger_row.field(Field::ResidentId).is_some()
            };
            assert_eq!(reading.accepted.iter().filter(valid).count(), elders - planted);
        }
    }

    #[test]
    fn a_seed_is_a_sample() {
        assert_eq!(sample(1, 40, true).0, sample(1, 40, true).0);
        assert_ne!(sample(1, 40, true).1.accepted, sample(2, 40, true).1.accepted);
    }

    #[test]
    fn what_cannot_be_made_is_named() {
        let songwu = ("990121101000".parse().unwrap(), "松雾镇");
        assert!(matches!(ledger(1, songwu, &[], 1, true), Err(SampleError::NoVillage)));
        let many = ledger(1, songwu, &[], ELDERS_MAX + 1, true);
        assert!(matches!(many, Err(SampleError::TooManyElders(_))));
    }
}
