//! Places: the 12-digit administrative division code, its level, and the area it stands for.
//!
//! A code has five segments, 2/2/2/3/3 digits: province, prefecture, county, township, village
//! (GB/T 2260 and GB/T 10114). It is always compared by whole segments, never by trimmed digits:
//! `430422200000` is a township although it ends in five zeros.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A 12-digit administrative division code, for example `990121101203`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DivisionCode(u64);

/// The rung of administration that a code stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// 省
    Province,
    /// 市
    Prefecture,
    /// 县
    County,
    /// 乡镇, 街道
    Township,
    /// 村, 社区
    Village,
}

/// A division code seen as everything inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Area(pub DivisionCode);

/// Why a text is not a division code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DivisionCodeError {
    /// Not exactly twelve ASCII digits.
    #[error("a division code has 12 digits, not {0:?}")]
    NotTwelveDigits(String),
    /// The first segment, the province, is 00.
    #[error("a division code cannot begin with 00: {0:?}")]
    NoProvince(String),
}

/// The number of digits in each segment.
const SEGMENT_DIGITS: [u32; 5] = [2, 2, 2, 3, 3];
const LEVELS: [Level; 5] =
    [Level::Province, Level::Prefecture, Level::County, Level::Township, Level::Village];

/// What one unit of a segment weighs in the whole number: 10^10, 10^8, 10^6, 10^3, 1.
const SEGMENT_UNIT: [u64; 5] = {
    let mut units = [1; 5];
    let mut i = 4;
    while i > 0 {
        units[i - 1] = units[i] * 10u64.pow(SEGMENT_DIGITS[i]);
        i -= 1;
    }
    units
};

impl DivisionCode {
    /// Reads the number form that [`DivisionCode::number`] gives.
    pub fn from_number(number: u64) -> Result<Self, DivisionCodeError> {
        if number >= 1_000_000_000_000 {
            return Err(DivisionCodeError::NotTwelveDigits(number.to_string()));
        }
        if number < SEGMENT_UNIT[0] {
            return Err(DivisionCodeError::NoProvince(format!("{number:012}")));
        }
        Ok(Self(number))
    }

    /// The code as a number below 10^12, as it stands in headers and keys.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The level: that of the last segment that is not zero.
    pub fn level(self) -> Level {
        LEVELS[self.last_segment()]
    }

    /// The place directly above: the last nonzero segment becomes zero. A province has none.
    pub fn parent(self) -> Option<Self> {
        match self.last_segment() {
            0 => None,
            last => Some(Self(self.0 - self.0 % (SEGMENT_UNIT[last - 1]))),
        }
    }

    /// The last nonzero segment's number, for example 203 of `990121101203`: what tells a place
    /// from its siblings.
    pub fn local_number(self) -> u64 {
        self.segment(self.last_segment())
    }

    /// The place directly inside this one whose own segment is `local`; None for a village, or if
    /// the number does not fit. A prefecture's children are counties.
    pub fn child(self, local: u64) -> Option<Self> {
        let next = self.last_segment() + 1;
        let unit = *SEGMENT_UNIT.get(next)?;
        (1..10u64.pow(SEGMENT_DIGITS[next])).contains(&local).then(|| Self(self.0 + local * unit))
    }

    /// Whether `other` is this place or lies inside it.
    pub fn contains(self, other: Self) -> bool {
        let unit = SEGMENT_UNIT[self.last_segment()];
        self.0 / unit == other.0 / unit
    }

    /// The smallest and the largest code inside this place, itself included.
    pub fn range(self) -> (Self, Self) {
        (self, Self(self.0 + SEGMENT_UNIT[self.last_segment()] - 1))
    }

    fn last_segment(self) -> usize {
        (0..5).rev().find(|&i| self.segment(i) != 0).unwrap_or(0)
    }

    fn segment(self, index: usize) -> u64 {
        self.0 / SEGMENT_UNIT[index] % 10u64.pow(SEGMENT_DIGITS[index])
    }
}

impl Area {
    /// Whether the place lies in this area.
    pub fn contains(self, code: DivisionCode) -> bool {
        self.0.contains(code)
    }

    /// Whether the whole of `other` lies in this area.
    pub fn contains_area(self, other: Self) -> bool {
        self.0.contains(other.0)
    }

    /// Whether the place lies in this area or this area in the place.
    pub fn touches(self, code: DivisionCode) -> bool {
        self.0.contains(code) || code.contains(self.0)
    }
}

impl fmt::Display for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl fmt::Debug for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DivisionCode {
    type Err = DivisionCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_digits = || DivisionCodeError::NotTwelveDigits(text.chars().take(32).collect());
        if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(not_digits());
        }
        Self::from_number(text.parse().map_err(|_| not_digits())?)
    }
}

impl TryFrom<String> for DivisionCode {
    type Error = DivisionCodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DivisionCode> for String {
    fn from(code: DivisionCode) -> Self {
        code.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> DivisionCode {
        text.parse().unwrap()
    }

    #[test]
    fn levels_go_by_whole_segments() {
        for (text, level, parent) in [
            ("990000000000", Level::Province, None),
            ("990100000000", Level::Prefecture, Some("990000000000")),
            ("990121000000", Level::County, Some("990100000000")),
            ("430422200000", Level::Township, Some("430422000000")),
            ("430422001000", Level::Township, Some("430422000000")),
            ("990121101203", Level::Village, Some("990121101000")),
            // A prefecture without counties, such as 东莞: the county segment stays zero.
            ("441900003000", Level::Township, Some("441900000000")),
        ] {
            assert_eq!(code(text).level(), level, "{text}");
            assert_eq!(code(text).parent(), parent.map(code), "{text}");
        }
    }

    #[test]
    fn a_township_ending_in_zeros_does_not_contain_its_neighbours() {
        assert!(code("430422200000").contains(code("430422200201")));
        assert!(!code("430422200000").contains(code("430422201000")));
        assert!(!code("430422200000").contains(code("430422201203")));
        assert!(code("430422000000").contains(code("430422200000")));
        assert!(!code("430422100000").contains(code("430422101000")));
        assert!(code("441900000000").contains(code("441900003000")));
    }

    #[test]
    fn a_range_holds_exactly_what_is_contained() {
        let (low, high) = code("430422200000").range();
        assert_eq!(low.to_string(), "430422200000");
        assert_eq!(high.to_string(), "430422200999");
    }

    #[test]
    fn bad_codes_are_refused() {
        for text in ["", "99012110120", "9901211012031", "99012110120a", "９９０１２１１０１２０３"]
        {
            assert!(text.parse::<DivisionCode>().is_err(), "{text}");
        }
        assert_eq!(
            "009901211012".parse::<DivisionCode>(),
            Err(DivisionCodeError::NoProvince("009901211012".into()))
        );
    }
}
