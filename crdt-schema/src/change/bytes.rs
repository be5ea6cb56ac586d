use super::IllFormed;

/// Reads bytes from the front, never beyond the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], IllFormed> {
        let (head, rest) = self.0.split_first_chunk().ok_or(IllFormed::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    /// As many bytes as a number from outside says.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], IllFormed> {
        let length = usize::try_from(length).map_err(|_| IllFormed::Truncated)?;
        let (head, rest) = self.0.split_at_checked(length).ok_or(IllFormed::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    /// An unsigned LEB128 number in its shortest form.
    pub(super) fn unsigned(&mut self) -> Result<u64, IllFormed> {
        let mut number = 0;
        let mut shift = 0;
        loop {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte holds the 64th bit and nothing else.
            if shift == 63 && byte > 1 {
                return Err(IllFormed::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err(IllFormed::Number) } else { Ok(number) };
            }
            shift += 7;
        }
    }

    /// A signed LEB128 number in its shortest form.
    pub(super) fn signed(&mut self) -> Result<i64, IllFormed> {
        let mut number: i64 = 0;
        let mut shift = 0;
        let mut sign_before = None;
        loop {
            let [byte] = self.array()?;
            // The tenth byte repeats the sign and says nothing else.
            if shift == 63 && byte != 0 && byte != 0x7f {
                return Err(IllFormed::Number);
            }
            number |= i64::from(byte & 0x7f) << shift;
            let negative = byte & 0x40 != 0;
            if byte & 0x80 == 0 {
                // A last byte of sign bits alone is needed only where the sign was otherwise.
                let only_sign = byte == 0 || byte == 0x7f;
                if only_sign && sign_before == Some(negative) {
                    return Err(IllFormed::Number);
                }
                if negative && shift < 57 {
                    number |= -1 << (shift + 7);
                }
                return Ok(number);
            }
            sign_before = Some(negative);
            shift += 7;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        let unsigned = |bytes: &[u8]| Bytes::new(bytes).unsigned();
        assert_eq!(unsigned(&[0]), Ok(0));
        assert_eq!(unsigned(&[0xff, 0x7f]), Ok(16_383));
        let mut most = [0xff; 10];
        most[9] = 1;
        assert_eq!(unsigned(&most), Ok(u64::MAX));
        most[9] = 2;
        assert_eq!(unsigned(&most), Err(IllFormed::Number));
        assert_eq!(unsigned(&[0xff; 11]), Err(IllFormed::Number));
        assert_eq!(unsigned(&[0x81, 0]), Err(IllFormed::Number));
        assert_eq!(unsigned(&[0x81]), Err(IllFormed::Truncated));

        let signed = |bytes: &[u8]| Bytes::new(bytes).signed();
        for (bytes, number) in [
            (&[0][..], 0),
            (&[0x7f], -1),
            (&[0x3f], 63),
            (&[0x40], -64),
            (&[0xc0, 0], 64),
            (&[0xff, 0x3f], 8_191),
            (&[0x80, 0x40], -8_192),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0], i64::MAX),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f], i64::MIN),
        ] {
            assert_eq!(signed(bytes), Ok(number), "{bytes:x?}");
        }
        for bytes in [&[0xbf, 0][..], &[0x81, 0xff, 0x7f], &[0xff; 11], &[0x80, 0]] {
            assert_eq!(signed(bytes), Err(IllFormed::Number), "{bytes:x?}");
        }
    }
}
