//! Reading and writing bytes: big-endian fixed integers, LEB128 counts, length-prefixed pieces.
//!
//! A [`Reader`] never reads beyond its bytes, never allocates more than it has bytes for, and
//! accepts one form only of every value.

use thiserror::Error;

/// Bytes that do not read as what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// Bytes are left over.
    #[error("bytes are left over at the end")]
    Trailing,
    /// A number is too large or not in its shortest form.
    #[error("a number is too large or not in its shortest form")]
    Number,
    /// A length or count is beyond its limit.
    #[error("a length or count is beyond its limit")]
    TooLong,
    /// Text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A tag that stands for nothing.
    #[error("a tag stands for nothing")]
    Tag,
    /// Bytes that are not the ones their checksum was made of.
    #[error("a checksum does not fit")]
    Checksum,
    /// Packed bytes that do not unpack, or to more than their limit.
    #[error("packed bytes do not unpack")]
    Packed,
}

/// Reads bytes from the front.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (first, rest) = self.rest.split_at_checked(length).ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (first, rest) = self.rest.split_first_chunk::<N>().ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, CodecError> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self) -> Result<u16, CodecError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self) -> Result<u32, CodecError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Eight bytes, big-endian, two's complement.
    pub fn i64(&mut self) -> Result<i64, CodecError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// An unsigned LEB128 number in its shortest form.
    pub fn leb(&mut self) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(CodecError::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err(CodecError::Number) } else { Ok(value) };
            }
        }
        Err(CodecError::Number)
    }

    /// A LEB128 count of at most `limit`.
    pub fn count(&mut self, limit: usize) -> Result<usize, CodecError> {
        let count = usize::try_from(self.leb()?).map_err(|_| CodecError::TooLong)?;
        if count > limit { Err(CodecError::TooLong) } else { Ok(count) }
    }

    /// A length and that many bytes, at most `limit`.
    pub fn piece(&mut self, limit: usize) -> Result<&'a [u8], CodecError> {
        let length = self.count(limit)?;
        self.bytes(length)
    }

    /// A length and that many bytes of UTF-8, at most `limit`.
    pub fn text(&mut self, limit: usize) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.piece(limit)?).map_err(|_| CodecError::Text)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, which is still to be read.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// What is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CodecError::Trailing) }
    }
}

/// Writes what [`Reader`] reads.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Eight bytes, big-endian, two's complement.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// An unsigned LEB128 number.
    pub fn leb(&mut self, mut value: u64) -> &mut Self {
        loop {
            let byte = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                return self.u8(byte);
            }
            self.u8(byte | 0x80);
        }
    }

    /// A LEB128 count.
    pub fn count(&mut self, count: usize) -> &mut Self {
        self.leb(count as u64)
    }

    /// A length and the bytes.
    pub fn piece(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).bytes(bytes)
    }

    /// How many bytes there are so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_in_one_form_only() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let bytes = Writer::new().leb(value).finish();
            assert_eq!(Reader::new(&bytes).leb(), Ok(value));
        }
        for bytes in [&[0x80, 0x00][..], &[0xff; 10], &[0xff; 11]] {
            assert_eq!(Reader::new(bytes).leb(), Err(CodecError::Number));
        }
        assert_eq!(Reader::new(&[0x80]).leb(), Err(CodecError::Truncated));
    }

    #[test]
    fn lengths_are_bounded_before_anything_is_read() {
        let bytes = Writer::new().leb(u64::MAX).finish();
        assert_eq!(Reader::new(&bytes).piece(10), Err(CodecError::TooLong));
        let bytes = Writer::new().piece(b"abc").finish();
        assert_eq!(Reader::new(&bytes).piece(2), Err(CodecError::TooLong));
        assert_eq!(Reader::new(&bytes[..3]).piece(3), Err(CodecError::Truncated));
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.text(3), Ok("abc"));
        assert_eq!(reader.finish(), Ok(()));
    }
}
