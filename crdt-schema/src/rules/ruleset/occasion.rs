//! Times in which everyone gets another visit (R3; Lijiang 2024 item 14, MCA 2022 guidance 2(5)).

use std::fmt;
use std::str::FromStr;

use super::setting::{SettingError, word};
use crate::division::{Area, DivisionCode};
use crate::field::stored_date;
use crate::record::VisitOccasion;
use crate::rules::calendar::Period;

/// What the key of an occasion begins with; its name follows.
pub const PREFIX: &str = "occasion.";

/// The name of an occasion, such as 春节2027.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OccasionName(String);

/// A festival, a time of extreme weather, or a time in which a place is sealed off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// Festival, ExtremeWeather or SealedOff.
    pub kind: VisitOccasion,
    /// The days in which the visits fall due.
    pub period: Period,
    /// Where it holds; None: in the whole county.
    pub area: Option<Area>,
    /// How many visits beyond the monthly ones.
    pub visits: u32,
}

/// One a day in a fortnight: nobody asks for more.
const VISITS_MAX: u32 = 14;

/// What is to have a visit of its own.
const KINDS: [VisitOccasion; 3] =
    [VisitOccasion::Festival, VisitOccasion::ExtremeWeather, VisitOccasion::SealedOff];

impl Occasion {
    /// Whether it holds for somebody who lives there. Somebody of whom nobody knows where is not
    /// left out.
    pub fn holds_for(&self, residence: Option<DivisionCode>) -> bool {
        match (self.area, residence) {
            (Some(area), Some(residence)) => area.touches(residence),
            (None, _) | (_, None) => true,
        }
    }
}

impl OccasionName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OccasionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for OccasionName {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let characters = text.chars().count();
        let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        ((1..=20).contains(&characters) && plain)
            .then(|| Self(text.to_owned()))
            .ok_or(SettingError::OccasionName)
    }
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.period.from, self.period.to)?;
        if let Some(area) = self.area {
            write!(f, " {area}")?;
        }
        if self.visits != 1 {
            write!(f, " x{}", self.visits)?;
        }
        Ok(())
    }
}

impl FromStr for Occasion {
    type Err = SettingError;

    /// `Festival 2027-02-05 2027-02-12 [990121101000] [x2]`; the kind may be written 节日, 极端天气
    /// or 封控.
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let mut words = text.split_whitespace();
        let kind: VisitOccasion = word(words.next().ok_or(SettingError::Occasion)?)
            .ok()
            .filter(|kind| KINDS.contains(kind))
            .ok_or(SettingError::Occasion)?;
        let mut day = || words.next().and_then(stored_date);
        let period = day().zip(day()).and_then(|(from, to)| Period::new(from, to));
        let period = period.ok_or(SettingError::Occasion)?;
        let mut occasion = Self { kind, period, area: None, visits: 1 };
        let mut last = words.next();
        if let Some(code) = last.and_then(|word| word.parse::<DivisionCode>().ok()) {
            occasion.area = Some(Area(code));
            last = words.next();
        }
        if let Some(word) = last {
            occasion.visits = word
                .strip_prefix(['x', '×'])
                .and_then(|number| number.parse().ok())
                .filter(|visits| (1..=VISITS_MAX).contains(visits))
                .ok_or(SettingError::Occasion)?;
        }
        match words.next() {
            Some(_) => Err(SettingError::Occasion),
            None => Ok(occasion),
        }
    }
}
