//! Reading a list of places: a CSV file of 12-digit codes and names, one place a line.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use shouwang_crdt_schema::division::{DivisionCode, DivisionCodeError};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::ledger::{FILE_BYTES_MAX, csv_rows, decode};

/// The longest name of a place, in characters. The longest in the country has 35.
const NAME_CHARS_MAX: usize = 60;

/// The most lines: every village of the country, twice.
const LINES_MAX: usize = 1_500_000;

/// The places of a file, and the lines that name none.
#[derive(Clone, Debug, Default)]
pub(crate) struct AreaFile {
    /// Code and name, in the order of the file, each code once.
    pub(crate) places: Vec<(DivisionCode, String)>,
    /// Lines that were left out.
    pub(crate) faults: Vec<AreaFault>,
}

/// A line that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AreaFault {
    /// The line's number from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) error: PlaceError,
}

/// Why a line names no place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum PlaceError {
    /// The code is none.
    #[error(transparent)]
    Code(#[from] DivisionCodeError),
    /// No name beside the code.
    #[error("the place has no name")]
    NoName,
    /// A name that is none.
    #[error("the name has {0} characters, at most {NAME_CHARS_MAX} fit")]
    NameTooLong(usize),
    /// Control characters in a name.
    #[error("the name holds control characters")]
    Control,
    /// One code, two names; the first stands.
    #[error("line {first_line} gives this code another name")]
    NamedTwice {
        /// Where the code came first.
        first_line: usize,
    },
}

/// Why a file cannot be read at all.
#[derive(Debug, Error)]
pub(crate) enum AreaFileError {
    /// Larger than any list of places.
    #[error("the file has {0} bytes, at most {FILE_BYTES_MAX} are read")]
    TooLarge(usize),
    /// Not text in a known encoding.
    #[error("the file is not text in UTF-8 or GB18030")]
    Encoding,
    /// Not a CSV file.
    #[error("the CSV file cannot be read")]
    Csv(#[from] csv::Error),
    /// More lines than there are places.
    #[error("the file has more than {LINES_MAX} lines")]
    TooManyLines,
}

/// Reads `code,name` lines; a first line without a code is a heading, further columns are left
/// alone, and a line that says the same as an earlier one counts once.
pub(crate) fn read(bytes: &[u8]) -> Result<AreaFile, AreaFileError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(AreaFileError::TooLarge(bytes.len()));
    }
    let text = decode(bytes).ok_or(AreaFileError::Encoding)?;
    let mut file = AreaFile::default();
    let mut seen: BTreeMap<DivisionCode, (usize, String)> = BTreeMap::new();
    for row in csv_rows(&text) {
        let (row, record) = row?;
        let line = row + 1;
        if line > LINES_MAX {
            return Err(AreaFileError::TooManyLines);
        }
        let heading = row == 0 && !record.iter().take(1).any(|code| code.contains(is_digit));
        if heading || record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        match place(&record) {
            Err(error) => file.faults.push(AreaFault { line, error }),
            Ok((code, name)) => match seen.entry(code) {
                Entry::Vacant(entry) => {
                    entry.insert((line, name.clone()));
                    file.places.push((code, name));
                }
                Entry::Occupied(entry) if entry.get().1 == name => {}
                Entry::Occupied(entry) => {
                    let error = PlaceError::NamedTwice { first_line: entry.get().0 };
                    file.faults.push(AreaFault { line, error });
                }
            },
        }
    }
    Ok(file)
}

fn place(record: &csv::StringRecord) -> Result<(DivisionCode, String), PlaceError> {
    let code: String = record.get(0).unwrap_or_default().nfkc().collect();
    // Spreadsheets keep digits as text behind an apostrophe.
    let code = code.trim().trim_start_matches('\'').parse()?;
    let name = record.get(1).unwrap_or_default().trim();
    let length = name.chars().count();
    if name.is_empty() {
        Err(PlaceError::NoName)
    } else if length > NAME_CHARS_MAX {
        Err(PlaceError::NameTooLong(length))
    } else if name.chars().any(char::is_control) {
        Err(PlaceError::Control)
    } else {
        Ok((code, name.to_owned()))
    }
}

fn is_digit(c: char) -> bool {
    c.is_numeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shouwang_crdt_schema::division::Level;

    const YULONG: &[u8] = include_bytes!("../../tests/data/yulong-530721.csv");
    const HENGNAN: &[u8] = include_bytes!("../../tests/data/hengnan-430422.csv");
    const ANYUE: &[u8] = include_bytes!("../../tests/data/anyue-512021.csv");

    #[test]
    fn three_real_counties_come_in_whole() {
        for (bytes, townships, villages) in
            [(YULONG, 16, 104), (HENGNAN, 24, 446), (ANYUE, 46, 553)]
        {
            let file = read(bytes).unwrap();
            assert_eq!(file.faults, []);
            let at = |level| file.places.iter().filter(|(code, _)| code.level() == level).count();
            assert_eq!(at(Level::County), 1);
            assert_eq!(at(Level::Township), townships);
            assert_eq!(at(Level::Village), villages);
            assert_eq!(file.places.len(), 1 + townships + villages);
        }
    }

    #[test]
    fn encodings_and_headings_make_no_difference() {
        let plain = "990121101000,松雾镇\n990121101203,上禾村\n";
        let (gb18030, _, _) = encoding_rs::GB18030.encode(plain);
        let files = [
            plain.as_bytes().to_vec(),
            format!("code,name\r\n{}", plain.replace('\n', "\r\n")).into_bytes(),
            format!("\u{feff}代码,名称\n{plain}").into_bytes(),
            format!("\u{feff}{plain}").into_bytes(),
            gb18030.into_owned(),
        ];
        for bytes in files {
            let file = read(&bytes).unwrap();
            assert_eq!(file.places.len(), 2);
            assert_eq!(file.places[1].1, "上禾村");
            assert_eq!(file.faults, []);
        }
    }

    #[test]
    fn bad_lines_are_listed_and_good_ones_go_on() {
        let long = "长".repeat(61);
        let text = format!(
            "code,name\n990121101203,上禾村\n99012110120,短\n990121101204\n\n990121101205,{long}\n\
             990121101203,下禾村\n990121101203, 上禾村 \n'９９０１２１１０１２０６ ,青石村,more\n"
        );
        let file = read(text.as_bytes()).unwrap();
        let names: Vec<_> = file.places.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["上禾村", "青石村"]);
        let fault = |line, error| AreaFault { line, error };
        assert_eq!(
            file.faults,
            [
                fault(3, DivisionCodeError::NotTwelveDigits("99012110120".into()).into()),
                fault(4, PlaceError::NoName),
                fault(6, PlaceError::NameTooLong(61)),
                fault(7, PlaceError::NamedTwice { first_line: 2 }),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
