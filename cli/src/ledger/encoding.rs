//! Text files as offices save them: UTF-8 with or without a byte order mark, UTF-16 with one
//! (Excel's "Unicode text"), and GB18030.

use encoding_rs::{Encoding, GB18030, UTF_8};

/// The text of a file, or None if the bytes are none of these encodings.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..)?;
        return decode_as(encoding, rest);
    }
    // UTF-8 first: almost no GB18030 text is valid UTF-8, but any UTF-8 text may be valid GB18030.
    decode_as(UTF_8, bytes).or_else(|| decode_as(GB18030, bytes))
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "姓名,所在村\n尤水生,上禾村\n";
        let mut marked = vec![0xef, 0xbb, 0xbf];
        marked.extend_from_slice(text.as_bytes());
        let mut utf_16 = vec![0xff, 0xfe];
        utf_16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let (gb18030, _, _) = GB18030.encode(text);
        for bytes in [text.as_bytes(), &marked, &utf_16, &gb18030] {
            assert_eq!(decode(bytes).as_deref(), Some(text));
        }
    }

    #[test]
    fn other_bytes_are_no_text() {
        assert_eq!(decode(&[0xff, 0xff, 0x80]), None);
    }
}
