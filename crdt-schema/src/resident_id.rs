//! The citizen identity number 公民身份号码 (GB 11643): 17 digits and a check character.
//!
//! It reveals birth date, sex and place of registration. It is a field of a record and nothing
//! else: never a key, a file name or a log line. `Debug` and `Display` show the last four only.

use std::fmt;

use chrono::NaiveDate;
use thiserror::Error;

use crate::record::Sex;

/// A number whose shape, birth date and check character are right. Stored with upper-case X.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResidentId(String);

/// Why a text is not a valid number. No variant repeats the text: it may be somebody's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResidentIdError {
    /// Not 18 characters.
    #[error("a resident ID has 18 characters, this one has {0}")]
    Length(usize),
    /// A character other than a digit (or X at the end).
    #[error("a resident ID has digits, and perhaps X at the end")]
    Character,
    /// Digits 7 to 14 are no date.
    #[error("the birth date inside the resident ID is no date")]
    BirthDate,
    /// The check character is not the one the digits give (ISO 7064 MOD 11-2).
    #[error("the check character of the resident ID is wrong")]
    Checksum,
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: &[u8; 11] = b"10X98765432";

impl ResidentId {
    /// Reads 18 characters; a lower-case x is taken as X. Nothing else is normalised here.
    pub fn parse(text: &str) -> Result<Self, ResidentIdError> {
        let length = text.chars().count();
        if length != 18 {
            return Err(ResidentIdError::Length(length));
        }
        let text = text.to_ascii_uppercase();
        let bytes = text.as_bytes();
        let (digits, check) = match bytes.split_last_chunk::<1>() {
            Some((digits, [check])) if digits.len() == 17 => (digits, *check),
            _ => return Err(ResidentIdError::Character),
        };
        if !digits.iter().all(u8::is_ascii_digit) || !(check.is_ascii_digit() || check == b'X') {
            return Err(ResidentIdError::Character);
        }
        let sum: u32 = digits.iter().zip(WEIGHTS).map(|(d, w)| u32::from(d - b'0') * w).sum();
        if birth_date(&text).is_none() {
            return Err(ResidentIdError::BirthDate);
        }
        if CHECK[(sum % 11) as usize] != check {
            return Err(ResidentIdError::Checksum);
        }
        Ok(Self(text))
    }

    /// Computes the check character for 17 digits, for sample data.
    pub fn with_check(digits: &str) -> Result<Self, ResidentIdError> {
        if digits.len() != 17 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ResidentIdError::Character);
        }
        let sum: u32 = digits.bytes().zip(WEIGHTS).map(|(d, w)| u32::from(d - b'0') * w).sum();
        Self::parse(&format!("{digits}{}", char::from(CHECK[(sum % 11) as usize])))
    }

    /// All 18 characters. For the record itself and for people who ask for it by name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The birth date inside the number.
    pub fn birth_date(&self) -> NaiveDate {
        birth_date(&self.0).unwrap_or_default()
    }

    /// The sex inside the number: the 17th digit is odd for a man.
    pub fn sex(&self) -> Sex {
        match self.0.as_bytes().get(16) {
            Some(digit) if digit % 2 == 1 => Sex::Male,
            _ => Sex::Female,
        }
    }

    /// The number as it may be shown: all but the last four characters are stars.
    pub fn masked(&self) -> String {
        format!("**************{}", self.0.get(14..).unwrap_or_default())
    }
}

impl fmt::Display for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

fn birth_date(text: &str) -> Option<NaiveDate> {
    let number =
        |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok());
    let year = i32::try_from(number(6..10)?).ok().filter(|year| *year >= 1800)?;
    NaiveDate::from_ymd_opt(year, number(10..12)?, number(12..14)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_fictional_numbers_are_valid() {
        let id = ResidentId::parse("990121194203150047").unwrap();
        assert_eq!(id.birth_date(), NaiveDate::from_ymd_opt(1942, 3, 15).unwrap());
        assert_eq!(id.sex(), Sex::Female);
        assert_eq!(ResidentId::parse("99012119420315008x").unwrap().as_str(), "99012119420315008X");
        assert_eq!(ResidentId::with_check("99012119420315008").unwrap().as_str().len(), 18);
    }

    #[test]
    fn each_fault_has_its_name() {
        for (text, error) in [
            ("", ResidentIdError::Length(0)),
            ("99012119420315004", ResidentIdError::Length(17)),
            ("99012119420315004７", ResidentIdError::Character),
            ("9901211942031500X7", ResidentIdError::Character),
            ("990121194213150047", ResidentIdError::BirthDate),
            ("990121194203150048", ResidentIdError::Checksum),
        ] {
            assert_eq!(ResidentId::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        let valid = "990121194203150047";
        for at in 0..18 {
            for digit in b'0'..=b'9' {
                let mut text = valid.as_bytes().to_vec();
                text[at] = digit;
                let text = String::from_utf8(text).unwrap();
                assert_eq!(ResidentId::parse(&text).is_ok(), text == valid);
            }
        }
    }

    #[test]
    fn neither_display_nor_debug_shows_the_number() {
        let id = ResidentId::parse("990121194203150047").unwrap();
        assert_eq!(format!("{id} {id:?}"), "**************0047 **************0047");
    }
}
