//! The fictional county 霁川县 in any size.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::DivisionCode;

/// The most townships; the largest real county has 52.
const TOWNSHIPS_MAX: usize = 60;
/// The most villages of a township.
const VILLAGES_MAX: usize = 150;

const COUNTY: u64 = 990_121_000_000;
/// One township, and one village, in a division code.
const TOWNSHIP_UNIT: u64 = 1_000;
const VILLAGE_UNIT: u64 = 1;

/// The townships and villages that every 霁川县 has first.
const FIRST: [(u64, &str, u64, &[&str]); 2] = [
    (101, "松雾镇", 203, &["上禾村", "下禾村", "青石村"]),
    (200, "清荷乡", 201, &["荷塘村", "柳湾村"]),
];
/// Where numbers begin: towns at 101, townships at 200, villagers' committees at 201.
const TOWN_NUMBER: u64 = 101;
const TOWNSHIP_NUMBER: u64 = 200;
const VILLAGE_NUMBER: u64 = 201;

const LEADS: [&str; 30] = [
    "云", "石", "松", "竹", "杨", "桃", "梅", "枫", "茶", "稻", "麦", "龙", "凤", "鹤", "燕", "白",
    "黄", "红", "青", "金", "银", "双", "平", "安", "和", "福", "永", "清", "高", "长",
];
const TAILS: [&str; 30] = [
    "溪", "河", "湖", "塘", "泉", "井", "滩", "洲", "湾", "桥", "渡", "山", "岭", "坡", "坪", "坝",
    "冲", "沟", "洞", "岩", "田", "园", "林", "圩", "店", "铺", "庄", "寨", "屯", "岗",
];
const SIDES: [&str; 11] = ["上", "中", "下", "东", "西", "南", "北", "大", "小", "新", "老"];

const _: () = assert!(TOWNSHIPS_MAX * (VILLAGES_MAX + 1) < 30 * 30 * 11);

/// The county, its townships and their villages, in the order of a directory. Larger sizes than
/// any county has give the largest one: 60 townships of 150 villages.
pub(crate) fn county(
    seed: u64,
    townships: usize,
    villages_per_township: usize,
) -> Vec<(DivisionCode, String)> {
    let mut names = names(seed).into_iter();
    let mut places = vec![(COUNTY, "霁川县".to_owned())];
    for at in 0..townships.min(TOWNSHIPS_MAX) {
        // Towns and townships take turns, as the first two do.
        let turn = at as u64 / 2;
        let (number, name, village, known) = match FIRST.get(at) {
            Some((number, name, village, known)) => (*number, (*name).to_owned(), *village, *known),
            None => {
                let lead = names.next().unwrap_or_default();
                let known: &[&str] = &[];
                match at % 2 {
                    0 => (TOWN_NUMBER + turn, lead + "镇", VILLAGE_NUMBER, known),
                    _ => (TOWNSHIP_NUMBER + turn, lead + "乡", VILLAGE_NUMBER, known),
                }
            }
        };
        let township = COUNTY + number * TOWNSHIP_UNIT;
        places.push((township, name));
        for at in 0..villages_per_township.min(VILLAGES_MAX) {
            let code = township + (village + at as u64) * VILLAGE_UNIT;
            let invented = || names.next().unwrap_or_default() + "村";
            let name = known.get(at).map_or_else(invented, |name| (*name).to_owned());
            places.push((code, name));
        }
    }
    places.sort();
    places
        .into_iter()
        .filter_map(|(number, name)| Some((DivisionCode::from_number(number).ok()?, name)))
        .collect()
}

/// Names without an ending, all different: first those of two characters, then those of three.
fn names(seed: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let taken = |name: &String| {
        FIRST.iter().any(|first| {
            first.1.starts_with(name.as_str())
                || first.3.iter().any(|village| village.starts_with(name.as_str()))
        })
    };
    let mut short: Vec<String> = LEADS
        .iter()
        .flat_map(|lead| TAILS.iter().map(move |tail| format!("{lead}{tail}")))
        .filter(|name| !taken(name))
        .collect();
    let mut long: Vec<String> = short
        .iter()
        .flat_map(|name| SIDES.iter().map(move |side| format!("{side}{name}")))
        .collect();
    short.shuffle(&mut rng);
    long.shuffle(&mut rng);
    short.append(&mut long);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_crdt_schema::division::Level;
    use std::collections::BTreeSet;

    #[test]
    fn the_first_places_are_those_of_the_samples() {
        let small =
            crate::area_file::read(include_bytes!("../../../tests/data/areas.csv")).unwrap();
        for (townships, villages) in [(2, 3), (15, 15), (60, 150)] {
            let county = county(1, townships, villages);
            for place in &small.places {
                assert!(county.contains(place), "{place:?}");
            }
        }
    }

    #[test]
    fn a_county_has_as_many_places_as_asked() {
        for (townships, villages) in [(0, 0), (1, 2), (13, 13), (60, 150)] {
            let places = county(9, townships, villages);
            assert_eq!(places.len(), 1 + townships * (1 + villages));
            let codes: BTreeSet<_> = places.iter().map(|place| place.0).collect();
            let names: BTreeSet<_> = places.iter().map(|place| &place.1).collect();
            assert_eq!((codes.len(), names.len()), (places.len(), places.len()));
            for (code, name) in &places {
                assert!(
                    code.level() == Level::County
                        || places.iter().any(|place| Some(place.0) == code.parent())
                );
                assert!(name.chars().count() >= 3, "{name}");
            }
        }
        assert_eq!(county(9, 999, 999).len(), 1 + 60 * 151);
        assert_eq!(county(9, 5, 5), county(9, 5, 5));
        assert_ne!(county(9, 5, 5), county(8, 5, 5));
    }
}
