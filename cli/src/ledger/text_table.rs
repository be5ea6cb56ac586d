//! Reading a CSV file into a sheet.

use std::io::Cursor;

use super::LedgerError;
use super::cell::Cell;
use super::encoding;
use super::sheet::{Sheet, Taken};

/// Reads the file as one sheet of this name. Fields are parted by commas, or by tabs or
/// semicolons where the file has more of those.
pub(crate) fn read(name: &str, bytes: &[u8]) -> Result<Vec<Sheet>, LedgerError> {
    let text = encoding::decode(bytes).ok_or(LedgerError::Encoding)?;
    let mut sheet = Sheet::new(name);
    let mut taken = Taken::default();
    for row in rows(&text) {
        let (row, record) = row?;
        for (column, field) in record.iter().enumerate() {
            sheet.put(row, column, Cell::Text(field.to_owned()), &mut taken)?;
        }
    }
    Ok(vec![sheet])
}

/// The rows of a CSV text that are not empty lines, each with the number from 0 under which a
/// spreadsheet shows it.
pub(crate) fn rows(
    text: &str,
) -> impl Iterator<Item = Result<(usize, csv::StringRecord), csv::Error>> {
    // One kind of line end, so that lines can be counted below.
    let text = text.replace("\r\n", "\n").replace('\r', "\n") + "\n";
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(&text))
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(Cursor::new(text));
    let mut next = 0;
    let mut line = reader.position().line();
    std::iter::from_fn(move || {
        let mut record = csv::StringRecord::new();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        // The csv crate passes over empty lines; a spreadsheet shows them as rows.
        let inside = record.iter().map(|field| field.matches('\n').count() as u64).sum::<u64>();
        let end = reader.position().line();
        let empty = end.saturating_sub(line).saturating_sub(inside).saturating_sub(1);
        line = end;
        let row = next + usize::try_from(empty).unwrap_or(usize::MAX);
        next = row + 1;
        Some(Ok((row, record)))
    })
}

fn delimiter(text: &str) -> u8 {
    // What stands in quotation marks is content.
    let mut inside = false;
    let mut counts = [(b';', 0u32), (b'\t', 0), (b',', 0)];
    for byte in text.bytes().take(64 << 10) {
        inside ^= byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += u32::from(!inside && byte == *delimiter);
        }
    }
    // The comma comes last because of several highest counts the last one is taken.
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Vec<Vec<String>> {
        let sheets = read("名", text.as_bytes()).unwrap();
        sheets[0].rows.iter().map(|row| row.iter().map(Cell::text).collect()).collect()
    }

    #[test]
    fn rows_stand_where_a_spreadsheet_shows_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,\"b", "c\",d", "", ",,", "e", "", "f"].join(end);
            let expected: [&[&str]; 6] = [&["a", "b\nc", "d"], &[], &[], &["e"], &[], &["f"]];
            assert_eq!(table(&text), expected, "{end:?}");
        }
    }

    #[test]
    fn tabs_and_semicolons_part_fields_too() {
        assert_eq!(table("a\tb,c\td\n"), [["a", "b,c", "d"]]);
        assert_eq!(table("a;b\n"), [["a", "b"]]);
        assert_eq!(table("a,\"b;;;;\",c\n"), [["a", "b;;;;", "c"]]);
        assert_eq!(table("a\n"), [["a"]]);
    }
}
