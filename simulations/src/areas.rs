//! The places of a county: a real one's, read from a file, or one that is made up.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::{DivisionCode, DivisionCodeError, Level};
use thiserror::Error;

/// A county that is made up has this code; no real place has it.
const MADE_UP: u64 = 990_121_000_000;

/// What stands for one county in a code.
const COUNTY_UNIT: u64 = 1_000_000;

/// The first township and the first village of a county that is made up.
const TOWNSHIPS_FROM: u64 = 101;
const VILLAGES_FROM: u64 = 201;

/// A county, its townships and their villages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Areas {
    /// The county.
    pub county: DivisionCode,
    /// Township → villages.
    pub townships: BTreeMap<DivisionCode, Vec<DivisionCode>>,
}

/// Why places do not make a county.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AreasError {
    /// A line does not begin with a code.
    #[error("line {line}: {error}")]
    Code {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: DivisionCodeError,
    },
    /// A place that no county holds, or another county than the rest.
    #[error("{0} is not in the same county as the other places")]
    OtherCounty(DivisionCode),
    /// There is no township.
    #[error("there is no township in it: lines of `code,name`, twelve digits, are wanted")]
    NoTownship,
    /// More places than codes have room for.
    #[error("a county has at most 899 townships here, and a township 799 villages")]
    TooMany,
}

impl Areas {
    /// So many townships with so many villages each.
    pub fn made_up(townships: u32, villages: u32) -> Result<Self, AreasError> {
        let county = DivisionCode::from_number(MADE_UP)
            .map_err(|error| AreasError::Code { line: 0, error })?;
        let child = |place: DivisionCode, local: u64| place.child(local).ok_or(AreasError::TooMany);
        let mut found = BTreeMap::new();
        for township in 0..u64::from(townships) {
            let township = child(county, TOWNSHIPS_FROM + township)?;
            let villages = (0..u64::from(villages)).map(|at| child(township, VILLAGES_FROM + at));
            found.insert(township, villages.collect::<Result<_, _>>()?);
        }
        Ok(Self { county, townships: found })
    }

    /// Lines of `code,name` in UTF-8 with a head line, twelve digits each, as statistics offices publish
    /// them. Names are not needed.
    pub fn read(text: &str) -> Result<Self, AreasError> {
        let mut codes = Vec::new();
        for (number, line) in text.lines().enumerate().skip(1) {
            let code = line.split(',').next().unwrap_or_default().trim();
            if code.is_empty() {
                continue;
            }
            let code: DivisionCode =
                code.parse().map_err(|error| AreasError::Code { line: number + 1, error })?;
            codes.push(code);
        }
        Self::of(&codes)
    }

    /// Of these townships and villages; a village brings its township with it.
    pub fn of(places: &[DivisionCode]) -> Result<Self, AreasError> {
        let mut townships: BTreeMap<DivisionCode, Vec<DivisionCode>> = BTreeMap::new();
        let mut county = None;
        for place in places {
            let (township, village) = match place.level() {
                Level::Village => (place.parent(), Some(*place)),
                Level::Township => (Some(*place), None),
                _ => continue,
            };
            let above = township.and_then(DivisionCode::parent);
            let (Some(township), Some(above)) = (township, above) else { continue };
            if *county.get_or_insert(above) != above {
                return Err(AreasError::OtherCounty(*place));
            }
            let villages = townships.entry(township).or_default();
            villages.extend(village.filter(|village| !villages.contains(village)));
        }
        let county = county.ok_or(AreasError::NoTownship)?;
        townships.values_mut().for_each(|villages| villages.sort());
        Ok(Self { county, townships })
    }

    /// Another county of the same shape, so many after this one; numbers that are a prefecture's are left out.
    pub fn beside(&self, number: u32) -> Result<Self, AreasError> {
        let place = self.county.number() / COUNTY_UNIT;
        let at = place % 100 - 1 + u64::from(number);
        let there = (place / 100 + at / 99) * 100 + at % 99 + 1;
        let moved = |code: &DivisionCode| {
            DivisionCode::from_number(there * COUNTY_UNIT + code.number() % COUNTY_UNIT)
                .map_err(|error| AreasError::Code { line: 0, error })
        };
        let places = self.places().iter().map(moved).collect::<Result<Vec<_>, _>>()?;
        Self::of(&places)
    }

    /// All townships and villages.
    pub fn places(&self) -> Vec<DivisionCode> {
        let with_villages = |(township, villages): (&DivisionCode, &Vec<DivisionCode>)| {
            std::iter::once(*township).chain(villages.iter().copied()).collect::<Vec<_>>()
        };
        self.townships.iter().flat_map(with_villages).collect()
    }

    /// Its villages.
    pub fn villages(&self) -> impl Iterator<Item = DivisionCode> {
        self.townships.values().flatten().copied()
    }

    /// So many elders over the villages, as evenly as it goes; whoever is over lives in the first.
    pub fn share_out(&self, elders: u32) -> BTreeMap<DivisionCode, u32> {
        let count = u32::try_from(self.villages().count()).unwrap_or(u32::MAX).max(1);
        let (each, over) = (elders / count, elders % count);
        self.villages().zip(0..).map(|(at, n)| (at, each + u32::from(n < over))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YULONG: &str = include_str!("../../tests/data/yulong-530721.csv");
    const ANYUE: &str = include_str!("../../tests/data/anyue-512021.csv");

    fn size(areas: &Areas) -> (usize, usize) {
        (areas.townships.len(), areas.villages().count())
    }

    #[test]
    fn real_counties_have_the_townships_and_villages_of_their_file() {
        let yulong = Areas::read(YULONG).unwrap();
        assert_eq!(
            (yulong.county.to_string().as_str(), size(&yulong)),
            ("530721000000", (16, 104))
        );
        let anyue = Areas::read(ANYUE).unwrap();
        assert_eq!((anyue.county.to_string().as_str(), size(&anyue)), ("512021000000", (46, 553)));
        for areas in [yulong, anyue] {
            assert_eq!(Areas::of(&areas.places()).unwrap(), areas);
        }
    }

    #[test]
    fn counties_beside_one_another_have_one_shape_and_nothing_in_common() {
        let first = Areas::made_up(2, 3).unwrap();
        let all: Vec<Areas> = (0..200).map(|number| first.beside(number).unwrap()).collect();
        assert_eq!(all[0], first);
        let counties: std::collections::BTreeSet<_> = all.iter().map(|a| a.county).collect();
        assert_eq!(counties.len(), 200);
        for areas in &all {
            assert_eq!(areas.county.level(), Level::County);
            assert_eq!(size(areas), (2, 6));
            assert!(areas.villages().all(|village| areas.county.contains(village)));
        }
    }

    #[test]
    fn everybody_lives_somewhere_and_no_village_is_much_fuller_than_another() {
        for (townships, villages, elders) in [(1, 1, 7), (3, 4, 5), (2, 5, 1_003), (16, 6, 12_000)]
        {
            let areas = Areas::made_up(townships, villages).unwrap();
            let shared = areas.share_out(elders);
            assert_eq!(shared.values().sum::<u32>(), elders);
            assert_eq!(shared.len(), (townships * villages) as usize);
            let (least, most) = (shared.values().min().unwrap(), shared.values().max().unwrap());
            assert!(most - least <= 1);
        }
    }

    #[test]
    fn what_is_no_county_is_refused_and_the_place_is_named() {
        let other = "code,name\n530721101201,x\n530722101201,y\n";
        let village: DivisionCode = "530722101201".parse().unwrap();
        assert_eq!(Areas::read(other), Err(AreasError::OtherCounty(village)));
        assert_eq!(Areas::read("code,name\n"), Err(AreasError::NoTownship));
        assert!(matches!(
            Areas::read("code,name\n530721101201,x\n53072,y\n"),
            Err(AreasError::Code { line: 3, .. })
        ));
        assert_eq!(Areas::made_up(1, 1_000), Err(AreasError::TooMany));
    }
}
