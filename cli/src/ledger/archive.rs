//! Looking at an `.xlsx` archive before the spreadsheet library does.
//!
//! The library takes memory by what an archive says of itself: the number of shared strings, the
//! length of what is packed. Here everything that could be unpacked is unpacked once and counted,
//! so that what the archive says no longer matters.

use super::inflate::inflate;
use super::limits::{ARCHIVE_ENTRIES_MAX, SHEETS_UNPACKED_BYTES_MAX, UNPACKED_BYTES_MAX};

use thiserror::Error;

/// Why an archive is not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ArchiveError {
    /// More entries than a workbook has.
    #[error("the archive has more than {ARCHIVE_ENTRIES_MAX} entries")]
    TooManyEntries,
    /// A small file that unpacks to a very large one.
    #[error("the archive unpacks to more than {UNPACKED_BYTES_MAX} bytes")]
    TooLarge,
    /// A count of shared strings that the archive cannot hold.
    #[error("the archive announces {0} shared strings and has no room for them")]
    StringCount(u64),
    /// Entries that lie over one another, so that the same bytes would be unpacked again and again.
    #[error("the entries of the archive lie over one another")]
    Overlapping,
    /// Many sheets that stand for one large entry.
    #[error("the sheets unpack to more than {SHEETS_UNPACKED_BYTES_MAX} bytes, one after another")]
    TooManyLargeSheets,
    /// UTF-16, which no spreadsheet program writes and in which counts could hide.
    #[error("the archive holds XML that is not UTF-8")]
    Encoding,
}

/// Begins every entry; the library refuses to unpack an entry that does not begin so.
const LOCAL_HEADER: &[u8; 4] = b"PK\x03\x04";
/// Where the lengths of name and extra field stand in a local header, and how long it is.
const NAME_LENGTH_AT: usize = 26;
const LOCAL_HEADER_LENGTH: usize = 30;

/// The count of shared strings that is believed without looking: 24 MB of empty strings.
const STRING_COUNT_FREE: u64 = 1_000_000;
/// The shortest shared string: `<si/>`.
const STRING_BYTES_MIN: u64 = 5;

/// How often the bytes of a file may be unpacked, all entries together. Once is what an archive takes; the
/// rest is for archives inside archives, and for bytes that only look like an entry.
const READINGS_MAX: usize = 4;

/// What an archive that is handed on holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The most bytes that any of its entries has once it is unpacked.
    largest: usize,
}

impl Checked {
    /// Whether so many sheets can be read, one after another. Several names may stand for one entry.
    pub(crate) fn check_sheets(self, sheets: usize) -> Result<(), ArchiveError> {
        match sheets.saturating_mul(self.largest) > SHEETS_UNPACKED_BYTES_MAX {
            true => Err(ArchiveError::TooManyLargeSheets),
            false => Ok(()),
        }
    }
}

/// Checks what the archive holds. The directory at its end is not asked: entries are looked for
/// wherever one could begin, so that no directory can hide one.
pub(crate) fn check(bytes: &[u8]) -> Result<Checked, ArchiveError> {
    check_within(bytes, UNPACKED_BYTES_MAX)
}

fn check_within(bytes: &[u8], mut room: usize) -> Result<Checked, ArchiveError> {
    let mut entries = 0;
    let mut readings = bytes.len().saturating_mul(READINGS_MAX);
    let mut is_any_stored = false;
    let mut checked = Checked { largest: 0 };
    let mut rest = bytes;
    while let Some(at) = find(rest, LOCAL_HEADER) {
        let entry = rest.get(at..).unwrap_or_default();
        rest = rest.get(at + LOCAL_HEADER.len()..).unwrap_or_default();
        entries += 1;
        if entries > ARCHIVE_ENTRIES_MAX {
            return Err(ArchiveError::TooManyEntries);
        }
        let Some(packed) = packed_data(entry) else { continue };
        // Packed data can be read for long and give nothing: what is read is counted too.
        let unpacked = inflate(packed, room).ok_or(ArchiveError::TooLarge)?;
        room = room.saturating_sub(unpacked.bytes.len());
        readings = readings.checked_sub(unpacked.read).ok_or(ArchiveError::Overlapping)?;
        check_encoding(&unpacked.bytes)?;
        check_counts(&unpacked.bytes)?;
        checked.largest = checked.largest.max(unpacked.bytes.len());
        // A stored entry is its own packed form.
        if entry.get(8..10) == Some(&[0, 0]) {
            check_encoding(packed)?;
            checked.largest = checked.largest.max(packed.len());
            // The rest of the file begins with it, and with that every stored entry behind it.
            if !std::mem::replace(&mut is_any_stored, true) {
                check_counts(packed)?;
            }
        }
    }
    Ok(checked)
}

fn packed_data(entry: &[u8]) -> Option<&[u8]> {
    let &[name_low, name_high, extra_low, extra_high] =
        entry.get(NAME_LENGTH_AT..LOCAL_HEADER_LENGTH)?
    else {
        return None;
    };
    let name = usize::from(u16::from_le_bytes([name_low, name_high]));
    let extra = usize::from(u16::from_le_bytes([extra_low, extra_high]));
    entry.get(LOCAL_HEADER_LENGTH + name + extra..)
}

fn check_encoding(unpacked: &[u8]) -> Result<(), ArchiveError> {
    let head = unpacked.get(..4).unwrap_or_default();
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err(ArchiveError::Encoding);
    }
    if head.contains(&0) && head.contains(&b'<') {
        return Err(ArchiveError::Encoding);
    }
    Ok(())
}

fn check_counts(unpacked: &[u8]) -> Result<(), ArchiveError> {
    let most = STRING_COUNT_FREE.max(unpacked.len() as u64 / STRING_BYTES_MIN);
    let mut rest = unpacked;
    while let Some(at) = find(rest, b"uniqueCount") {
        rest = rest.get(at + b"uniqueCount".len()..).unwrap_or_default();
        let digits = rest
            .iter()
            .skip_while(|byte| matches!(byte, b'=' | b'"' | b'\'' | b' ' | b'\t' | b'\r' | b'\n'))
            .take_while(|byte| byte.is_ascii_digit());
        let count = digits.fold(0u64, |count, digit| {
            count.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        });
        if count > most {
            return Err(ArchiveError::StringCount(count));
        }
    }
    Ok(())
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::inflate::tests::Bits;

    fn stored(name: &str, data: &[u8]) -> Vec<u8> {
        let mut entry = LOCAL_HEADER.to_vec();
        entry.resize(NAME_LENGTH_AT, 0);
        entry.extend_from_slice(&(name.len() as u16).to_le_bytes());
        entry.extend_from_slice(&[0, 0]);
        entry.extend_from_slice(name.as_bytes());
        entry.extend_from_slice(data);
        entry
    }

    #[test]
    fn counts_are_believed_only_where_there_is_room() {
        let strings = |count: &str| {
            let text = format!("<sst uniqueCount=\"{count}\"><si/></sst>");
            check(&stored("xl/sharedStrings.xml", text.as_bytes()))
        };
        assert!(strings("1").is_ok());
        assert_eq!(strings("99999999"), Err(ArchiveError::StringCount(99_999_999)));
        assert_eq!(strings("99999999999999999999999"), Err(ArchiveError::StringCount(u64::MAX)));
    }

    #[test]
    fn other_encodings_are_refused() {
        let utf_16: Vec<u8> =
            "<sst uniqueCount=\"9\"/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(check(&stored("x", &utf_16)), Err(ArchiveError::Encoding));
    }

    #[test]
    fn entries_are_counted() {
        let many = LOCAL_HEADER.repeat(ARCHIVE_ENTRIES_MAX + 1);
        assert_eq!(check(&many), Err(ArchiveError::TooManyEntries));
    }

    #[test]
    fn a_bomb_is_measured_and_not_believed() {
        let mut bits = Bits::default();
        bits.bomb(4_000);
        let entry = stored("xl/worksheets/sheet1.xml", &bits.bytes);
        let checked = check(&entry).unwrap();
        assert!(checked.largest > 1_000_000);
        assert_eq!(checked.check_sheets(1), Ok(()));
        let many = SHEETS_UNPACKED_BYTES_MAX / checked.largest + 1;
        assert_eq!(checked.check_sheets(many), Err(ArchiveError::TooManyLargeSheets));
        assert_eq!(check_within(&entry, 1_000_000), Err(ArchiveError::TooLarge));
        assert_eq!(check_within(&entry.repeat(2), 2_000_000), Err(ArchiveError::TooLarge));
    }
    /// Every entry of these goes on to the end of the file, which is read once and not for each of them.
    #[test]
    fn what_lies_over_one_another_is_not_read_again_and_again() {
        // Packed data that is read for long and gives nothing: empty stored blocks (RFC 1951 §3.2.4).
        let nothing = [0, 0, 0, 0xff, 0xff].repeat(2_000);
        let packed = |name: &str| {
            let mut entry = stored(name, &[]);
            entry[8] = 8;
            // The names of the entries behind it are the data of the block before them.
            [&entry[..], &nothing].concat()
        };
        let one = packed("a");
        assert!(check(&one).is_ok());
        let mut archive = one;
        for _ in 0..40 {
            let inner = packed("b");
            let length = inner.len() as u16 - nothing.len() as u16;
            let block = [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat();
            archive.extend([&block[..], &inner].concat());
        }
        assert_eq!(check(&archive), Err(ArchiveError::Overlapping));
        // Stored ones are looked through once.
        let many = stored("x", &[b'u'; 100]).repeat(ARCHIVE_ENTRIES_MAX);
        assert!(check(&many).is_ok());
    }
}
