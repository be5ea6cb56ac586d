//! The directory of places, and finding the village that a ledger means.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use unicode_normalization::UnicodeNormalization;

use super::cell::is_blank;
use super::reason::Reason;

/// A directory of places: code to name, and back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    names: BTreeMap<DivisionCode, String>,
    villages: BTreeMap<String, Vec<(Body, DivisionCode)>>,
    /// Everything above the villages by its plain name, the longest names first.
    above: Vec<(String, DivisionCode)>,
}

/// Which townships the surroundings of a row speak of: its township column, or the titles of its
/// sheet. They only decide between villages of one name.
pub(crate) type Townships = BTreeSet<DivisionCode>;

/// What kind of committee a name of a village ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Body {
    /// 村民委员会
    Villagers,
    /// 居民委员会
    Residents,
    /// The name does not say.
    Unsaid,
}

/// Endings of village names, those that end in another one before it.
const ENDINGS: [(&str, Body); 12] = [
    ("村村民委员会", Body::Villagers),
    ("村民委员会", Body::Villagers),
    ("村村委会", Body::Villagers),
    ("村委会", Body::Villagers),
    ("行政村", Body::Villagers),
    ("社区居民委员会", Body::Residents),
    ("社区居委会", Body::Residents),
    ("社区委员会", Body::Residents),
    ("居民委员会", Body::Residents),
    ("居委会", Body::Residents),
    ("社区", Body::Residents),
    ("村", Body::Villagers),
];

impl Places {
    /// Makes a directory.
    pub(crate) fn new(places: impl IntoIterator<Item = (DivisionCode, String)>) -> Self {
        let mut directory = Self { names: places.into_iter().collect(), ..Self::default() };
        for (code, name) in &directory.names {
            let plain = plain(name);
            if code.level() == Level::Village {
                let (stem, body) = stem(&plain);
                directory.villages.entry(stem.to_owned()).or_default().push((body, *code));
            } else if !plain.is_empty() {
                directory.above.push((plain, *code));
            }
        }
        directory.above.sort_by_key(|(name, code)| (std::cmp::Reverse(name.len()), *code));
        directory
    }

    /// The name of a place.
    pub(crate) fn name(&self, code: DivisionCode) -> Option<&str> {
        self.names.get(&code).map(String::as_str)
    }

    /// The village that a text means, by name or code.
    pub(crate) fn village(
        &self,
        text: &str,
        hints: [&Townships; 2],
        area: Area,
    ) -> Result<DivisionCode, Reason> {
        let plain = plain(text);
        if let Ok(code) = plain.parse::<DivisionCode>() {
            return match (code.level(), self.names.contains_key(&code)) {
                (Level::Village, _) if !area.contains(code) => Err(Reason::VillageOutsideArea),
                (Level::Village, true) => Ok(code),
                _ => Err(Reason::UnknownVillage),
            };
        }
        let mut found = self.villages_named(&plain, None);
        if found.is_empty() {
            let (rest, prefix) = self.without_prefix(&plain);
            if prefix.is_some() {
                found = self.villages_named(rest, prefix);
            }
        }
        if found.is_empty() {
            return Err(Reason::UnknownVillage);
        }
        found.retain(|code| area.contains(*code));
        for hint in hints {
            if found.len() > 1 {
                let within = |code: &&DivisionCode| hint.iter().any(|place| place.contains(**code));
                let kept: Vec<_> = found.iter().filter(within).copied().collect();
                found = if kept.is_empty() { found } else { kept };
            }
        }
        match found.as_slice() {
            [] => Err(Reason::VillageOutsideArea),
            [village] => Ok(*village),
            _ => Err(Reason::AmbiguousVillage),
        }
    }

    /// The one place of any level that a text names, as a code or a name with or without what
    /// lies above it.
    pub(crate) fn place(&self, text: &str) -> Option<DivisionCode> {
        let plain = plain(text);
        if let Ok(code) = plain.parse::<DivisionCode>() {
            return Some(code);
        }
        let mut found = self.villages_named(&plain, None);
        found.extend(self.above.iter().filter(|(name, _)| *name == plain).map(|(_, code)| *code));
        if found.is_empty() {
            let (rest, prefix) = self.without_prefix(&plain);
            if rest.is_empty() {
                return prefix;
            }
            found = self.villages_named(rest, Some(prefix?));
        }
        match found.as_slice() {
            [place] => Some(*place),
            _ => None,
        }
    }

    /// The townships of the area that a text names anywhere in it.
    pub(crate) fn townships_in(&self, text: &str, area: Area) -> Townships {
        let plain = plain(text);
        self.above
            .iter()
            .filter(|(name, code)| {
                code.level() == Level::Township && area.touches(*code) && plain.contains(name)
            })
            .map(|(_, code)| *code)
            .collect()
    }

    fn villages_named(&self, plain: &str, within: Option<DivisionCode>) -> Vec<DivisionCode> {
        let (stem, body) = stem(plain);
        self.villages
            .get(stem)
            .into_iter()
            .flatten()
            .filter(|(other, _)| {
                // 上禾村 and 上禾社区 may both exist: only an unsaid ending stands for either.
                *other == body || *other == Body::Unsaid || body == Body::Unsaid
            })
            .map(|(_, code)| *code)
            .filter(|code| within.is_none_or(|place| place.contains(*code)))
            .collect()
    }

    /// Takes the names of higher places off the front: `霁川县松雾镇上禾村` is 上禾村 in 松雾镇.
    fn without_prefix<'t>(&self, plain: &'t str) -> (&'t str, Option<DivisionCode>) {
        let mut rest = plain;
        let mut inside: Option<DivisionCode> = None;
        while let Some((name, code)) = self.above.iter().find(|(name, code)| {
            rest.starts_with(name.as_str())
                && inside.is_none_or(|place| place != *code && place.contains(*code))
        }) {
            rest = rest.strip_prefix(name.as_str()).unwrap_or_default();
            rest = rest.trim_start_matches(['-', '·', '/', '、', ',', ':']);
            inside = Some(*code);
        }
        (rest, inside)
    }
}

/// A name without white space and with one form of each character.
fn plain(text: &str) -> String {
    text.nfkc().filter(|c| !is_blank(*c)).collect()
}

fn stem(plain: &str) -> (&str, Body) {
    ENDINGS
        .iter()
        .find_map(|(ending, body)| {
            let stem = plain.strip_suffix(ending).filter(|stem| !stem.is_empty())?;
            Some((stem, *body))
        })
        .unwrap_or((plain, Body::Unsaid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> DivisionCode {
        text.parse().unwrap()
    }

    fn directory() -> Places {
        Places::new(
            [
                ("990121000000", "霁川县"),
                ("990121101000", "松雾镇"),
                ("990121101203", "上禾村"),
                ("990121101204", "下禾村委会"),
                ("990121101001", "上禾社区居民委员会"),
                ("990121101205", "新村"),
                ("990121200000", "清荷乡"),
                ("990121200201", "荷塘村"),
                ("990121200202", "新村"),
            ]
            .map(|(number, name)| (code(number), name.to_owned())),
        )
    }

    #[test]
    fn villages_are_found_by_all_their_names() {
        let places = directory();
        let county = Area(code("990121000000"));
        let songwu = Area(code("990121101000"));
        let none = Townships::new();
        for (text, area, found) in [
            ("上禾村", county, Ok("990121101203")),
            ("上禾村 ", county, Ok("990121101203")),
            ("上　禾村", county, Ok("990121101203")),
            ("上禾村委会", county, Ok("990121101203")),
            ("上禾村村民委员会", county, Ok("990121101203")),
            ("上禾社区", county, Ok("990121101001")),
            ("上禾社区居委会", county, Ok("990121101001")),
            ("上禾", county, Err(Reason::AmbiguousVillage)),
            ("下禾", county, Ok("990121101204")),
            ("下禾社区", county, Err(Reason::UnknownVillage)),
            ("松雾镇上禾村", county, Ok("990121101203")),
            ("霁川县松雾镇-上禾村委会", county, Ok("990121101203")),
            ("清荷乡上禾村", county, Err(Reason::UnknownVillage)),
            ("990121101203", county, Ok("990121101203")),
            ("９９０１２１１０１２０３", county, Ok("990121101203")),
            ("990121101999", county, Err(Reason::UnknownVillage)),
            ("990121101000", county, Err(Reason::UnknownVillage)),
            ("不详", county, Err(Reason::UnknownVillage)),
            ("", county, Err(Reason::UnknownVillage)),
            ("新村", county, Err(Reason::AmbiguousVillage)),
            ("新村", songwu, Ok("990121101205")),
            ("清荷乡新村", county, Ok("990121200202")),
            ("荷塘村", songwu, Err(Reason::VillageOutsideArea)),
            ("990121200201", songwu, Err(Reason::VillageOutsideArea)),
            ("松雾镇", county, Err(Reason::UnknownVillage)),
        ] {
            assert_eq!(places.village(text, [&none, &none], area), found.map(code), "{text}");
        }
    }

    #[test]
    fn the_nearest_hint_decides_between_namesakes() {
        let places = directory();
        let county = Area(code("990121000000"));
        let songwu = places.townships_in("霁川县松雾镇台账", county);
        let qinghe = places.townships_in("清荷乡", county);
        let none = Townships::new();
        for (hints, found) in [
            ([&songwu, &none], Ok("990121101205")),
            ([&none, &qinghe], Ok("990121200202")),
            ([&qinghe, &songwu], Ok("990121200202")),
            ([&none, &none], Err(Reason::AmbiguousVillage)),
        ] {
            assert_eq!(places.village("新村", hints, county), found.map(code));
        }
        assert_eq!(places.village("荷塘村", [&songwu, &none], county), Ok(code("990121200201")));
    }

    #[test]
    fn places_of_any_level_are_found() {
        let places = directory();
        for (text, found) in [
            ("霁川县", Some("990121000000")),
            ("霁川县松雾镇", Some("990121101000")),
            ("霁川县清荷乡荷塘村", Some("990121200201")),
            ("530721102000", Some("530721102000")),
            ("新村", None),
            ("外省", None),
            ("", None),
        ] {
            assert_eq!(places.place(text), found.map(code), "{text}");
        }
    }
}
