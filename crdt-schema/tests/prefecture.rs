//! What the prefecture is given: the counts are right, no small one is among them, and what is
//! withheld cannot be worked out.
//!
//! The counts are made a second time here, from the elders. The reader of the tables is played by
//! this file too: it sees what is printed, knows how the tables hang together, and tries to fill in
//! the gaps in another way.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::{
    AbilityLevel, CareGroup, Choice, EntryReason, ExitReason, SpecialCategory,
};
use shouwang_crdt_schema::report::month::{AgeBand, ElderMonth, MonthTally};
use shouwang_crdt_schema::report::prefecture::{Gap, PrefectureTables, Shown, prefecture_tables};
use shouwang_crdt_schema::rules::agreement::AgreementStanding;
use shouwang_crdt_schema::rules::roster::RosterStanding;

const COUNTY: &str = "990121000000";
const TOWNSHIPS: [&str; 3] = ["990121101000", "990121102000", "990121200000"];

fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}

fn places() -> BTreeMap<DivisionCode, Option<String>> {
    TOWNSHIPS.iter().map(|place| (code(place), None)).collect()
}

/// An elder of a tally, from a few random numbers.
fn elder(numbers: (u8, u8, u8, u8, u8)) -> ElderMonth {
    let (town, age, ability, marks, moved) = numbers;
    let age = (age > 2).then(|| 58 + u32::from(age) % 40);
    let ability = AbilityLevel::ALL[usize::from(ability) % 6];
    let group = match (age, ability) {
        (Some(80..), _) | (_, AbilityLevel::Total | AbilityLevel::Severe) => CareGroup::Key,
        (None, _) => CareGroup::Unclassified,
        (_, AbilityLevel::Moderate) => CareGroup::Secondary,
        (_, AbilityLevel::Mild | AbilityLevel::Intact) => CareGroup::General,
        (_, AbilityLevel::Unassessed) => CareGroup::Unclassified,
    };
    let mut categories = BTreeSet::new();
    if !matches!(ability, AbilityLevel::Intact | AbilityLevel::Unassessed) {
        categories.insert(SpecialCategory::Impaired);
    }
    if marks % 5 == 0 {
        categories.insert(SpecialCategory::LivingAlone);
    }
    if marks % 11 != 0 {
        categories.insert(SpecialCategory::LeftBehind);
    }
    let on = RosterStanding::On { since: None, reason: None, confirmed: false };
    let off = RosterStanding::Off { since: None, reason: None, confirmed: false };
    let (standing, was_rostered, entries, exits) = match moved {
        0 => (on, false, vec![Some(EntryReason::Reached60)], vec![]),
        1 => (on, false, vec![Some(EntryReason::MovedIn)], vec![]),
        2 => (off, true, vec![], vec![Some(ExitReason::Deceased)]),
        3 => (off, true, vec![], vec![None]),
        4 => (off, false, vec![], vec![]),
        _ => (on, true, vec![], vec![]),
    };
    ElderMonth {
        // A few in no village: their file lies in the scope of the area itself.
        place: match town {
            0..6 => code(COUNTY),
            _ => code(TOWNSHIPS[usize::from(town) % 3]).child(203 + u64::from(town) % 2).unwrap(),
        },
        standing,
        was_rostered,
        group,
        age,
        ability,
        categories,
        visited: marks % 7 != 0,
        declined: marks % 13 == 0,
        agreement: match marks % 3 {
            0 => AgreementStanding::InForce,
            _ => AgreementStanding::NothingNoted,
        },
        reviewed: marks % 4 == 0,
        lone_living: false,
        entries,
        exits,
        incidents: vec![],
    }
}

fn tables_of(elders: &[ElderMonth]) -> PrefectureTables {
    let mut tally = MonthTally::default();
    elders.iter().for_each(|elder| tally.add(elder));
    prefecture_tables(&tally, code(COUNTY), &places())
}

/// Every printed cell with the true count behind it, and how the reader knows them to hang together.
#[derive(Default)]
struct Reader {
    names: Vec<String>,
    truth: Vec<i64>,
    /// None for what no table prints.
    printed: Vec<Option<Shown>>,
    sums: Vec<Vec<(usize, i64)>>,
}

impl Reader {
    fn cell(&mut self, name: String, truth: usize, printed: Option<Shown>) -> usize {
        self.names.push(name);
        self.truth.push(truth as i64);
        self.printed.push(printed);
        self.names.len() - 1
    }

    fn sum(&mut self, total: usize, parts: Vec<usize>) {
        let mut terms: Vec<(usize, i64)> = parts.into_iter().map(|part| (part, 1)).collect();
        terms.push((total, -1));
        self.sums.push(terms);
    }

    /// Reads the tables, and counts everything again from the elders.
    fn of(tables: &PrefectureTables, all: &[ElderMonth]) -> Self {
        let mut reader = Self::default();
        let elders: Vec<&ElderMonth> = all
            .iter()
            .filter(|elder| !matches!(elder.standing, RosterStanding::Off { .. }))
            .collect();
        let count = |holds: &dyn Fn(&&&ElderMonth) -> bool| elders.iter().filter(holds).count();

        let roster = reader.cell("roster".into(), elders.len(), Some(tables.roster));
        let mut groups = BTreeMap::new();
        let mut bands: BTreeMap<AgeBand, Vec<usize>> = BTreeMap::new();
        for row in &tables.ages {
            let of_group = count(&|elder| elder.group == row.group);
            let group = reader.cell(format!("{}", row.group), of_group, Some(row.total));
            groups.insert(row.group, group);
            let mut parts = Vec::new();
            for (band, shown) in &row.ages {
                let here = count(&|e| e.group == row.group && AgeBand::of(e.age) == *band);
                let name = format!("{} {}", row.group, band.as_str());
                let cell = reader.cell(name, here, Some(*shown));
                parts.push(cell);
                bands.entry(*band).or_default().push(cell);
            }
            reader.sum(group, parts);
        }
        let mut totals = Vec::new();
        for (band, shown) in &tables.ages_total {
            let of_band = count(&|elder| AgeBand::of(elder.age) == *band);
            let total = reader.cell(band.as_str().into(), of_band, Some(*shown));
            reader.sum(total, bands[band].clone());
            totals.push(total);
        }
        reader.sum(roster, totals);
        reader.sum(roster, groups.values().copied().collect());

        let mut levels = BTreeMap::new();
        for (level, shown) in &tables.abilities {
            let at = count(&|elder| elder.ability == *level);
            levels.insert(*level, reader.cell(level.to_string(), at, Some(*shown)));
        }
        reader.sum(roster, levels.values().copied().collect());
        for (category, shown) in &tables.categories {
            let of = count(&|elder| elder.categories.contains(category));
            let cell = reader.cell(category.to_string(), of, Some(*shown));
            let others = reader.cell(format!("not {category}"), elders.len() - of, None);
            reader.sum(roster, vec![cell, others]);
            if *category == SpecialCategory::Impaired {
                let impaired = levels.iter().filter(|(level, _)| {
                    !matches!(level, AbilityLevel::Intact | AbilityLevel::Unassessed)
                });
                let impaired = impaired.map(|(_, cell)| *cell).collect();
                reader.sum(cell, impaired);
            }
        }

        let mut columns: BTreeMap<CareGroup, Vec<usize>> = BTreeMap::new();
        let mut rows = Vec::new();
        for place in &tables.places {
            let is_own = place.code == code(COUNTY);
            let inside = |elder: &ElderMonth| match is_own {
                true => elder.place == place.code,
                false => place.code.contains(elder.place),
            };
            let here = count(&|elder| inside(elder));
            let total = reader.cell(place.code.to_string(), here, Some(place.total));
            let mut parts = Vec::new();
            for (group, shown) in &place.groups {
                let here = count(&|e| inside(e) && e.group == *group);
                let cell = reader.cell(format!("{} {group}", place.code), here, Some(*shown));
                parts.push(cell);
                columns.entry(*group).or_default().push(cell);
            }
            reader.sum(total, parts);
            rows.push(total);
        }
        reader.sum(roster, rows);
        for (group, parts) in columns {
            reader.sum(groups[&group], parts);
        }

        type Holds = fn(&ElderMonth) -> bool;
        let numbers: [(&str, Holds); 4] = [
            ("visited", |elder| elder.visited),
            ("agreements", |elder| elder.agreement == AgreementStanding::InForce),
            ("reviewed", |elder| elder.reviewed),
            ("declined", |elder| elder.declined),
        ];
        for (name, holds) in numbers {
            let mut parts = Vec::new();
            let every = tables.rates.iter().chain([&tables.rates_total]);
            let mut last = None;
            for row in every {
                let shown = match name {
                    "visited" => row.visited,
                    "agreements" => row.agreements,
                    "reviewed" => row.reviewed,
                    _ => row.declined,
                };
                let in_row = |elder: &ElderMonth| row.group.is_none_or(|of| of == elder.group);
                let whole = count(&|elder| in_row(elder));
                let part = count(&|elder| in_row(elder) && holds(elder));
                let cell = reader.cell(format!("{name} {:?}", row.group), part, Some(shown));
                let rest = reader.cell(format!("not {name} {:?}", row.group), whole - part, None);
                let of = row.group.map_or(roster, |group| groups[&group]);
                reader.sum(of, vec![cell, rest]);
                match row.group {
                    Some(_) => parts.push(cell),
                    None => last = Some(cell),
                }
                assert_eq!(
                    row.rate(shown).is_some(),
                    shown.count().is_some() && row.roster.count().is_some()
                );
            }
            reader.sum(last.unwrap(), parts);
        }

        let came = |of: Option<EntryReason>| {
            all.iter().flat_map(|elder| &elder.entries).filter(|reason| **reason == of).count()
        };
        let went = |of: Option<ExitReason>| {
            all.iter().flat_map(|elder| &elder.exits).filter(|reason| **reason == of).count()
        };
        let mut parts: Vec<usize> = tables
            .entries
            .iter()
            .map(|(of, shown)| reader.cell(of.to_string(), came(Some(*of)), Some(*shown)))
            .collect();
        parts.push(reader.cell("entry".into(), came(None), Some(tables.entries_unexplained)));
        let all_entries = all.iter().map(|elder| elder.entries.len()).sum();
        let entered = reader.cell("entries".into(), all_entries, Some(tables.entries_total));
        reader.sum(entered, parts);
        let mut parts: Vec<usize> = tables
            .exits
            .iter()
            .map(|(of, shown)| reader.cell(of.to_string(), went(Some(*of)), Some(*shown)))
            .collect();
        parts.push(reader.cell("exit".into(), went(None), Some(tables.exits_unexplained)));
        let all_exits = all.iter().map(|elder| elder.exits.len()).sum();
        let left = reader.cell("exits".into(), all_exits, Some(tables.exits_total));
        reader.sum(left, parts);
        let before = all.iter().filter(|elder| elder.was_rostered).count();
        let before = reader.cell("before".into(), before, Some(tables.roster_before));
        reader.sums.push(vec![(roster, 1), (left, 1), (before, -1), (entered, -1)]);
        for sum in &reader.sums {
            let sum: i64 = sum.iter().map(|(at, sign)| reader.truth[*at] * sign).sum();
            assert_eq!(sum, 0, "the reader's own sums do not hold");
        }
        reader
    }

    fn is_gap(&self, cell: usize) -> bool {
        matches!(self.printed[cell], None | Some(Shown::Gap(Gap::Withheld)))
    }

    /// Looks for another filling of the gaps, in which this one is one more or less.
    fn other_filling(&self, cell: usize) -> bool {
        [1, -1].into_iter().any(|change| {
            let mut shifts = BTreeMap::new();
            let mut patience = 200_000;
            self.truth[cell] + change >= 0 && {
                shifts.insert(cell, change);
                self.mend(&mut shifts, &mut patience)
            }
        })
    }

    fn mend(&self, shifts: &mut BTreeMap<usize, i64>, patience: &mut u32) -> bool {
        let off = |sum: &Vec<(usize, i64)>| -> i64 {
            sum.iter().map(|(at, sign)| shifts.get(at).unwrap_or(&0) * sign).sum()
        };
        // The broken sum with the fewest ways to mend it.
        let broken = self.sums.iter().filter(|sum| off(sum) != 0).min_by_key(|sum| {
            sum.iter().filter(|(at, _)| self.is_gap(*at) && !shifts.contains_key(at)).count()
        });
        let Some(broken) = broken else { return true };
        let wanted = -off(broken).signum();
        for (at, sign) in broken {
            let shift = wanted * sign;
            if !self.is_gap(*at) || shifts.contains_key(at) || self.truth[*at] + shift < 0 {
                continue;
            }
            if *patience == 0 {
                return false;
            }
            *patience -= 1;
            shifts.insert(*at, shift);
            if self.mend(shifts, patience) {
                return true;
            }
            shifts.remove(at);
        }
        false
    }

    fn check(&self) {
        for (cell, printed) in self.printed.iter().enumerate() {
            let (name, truth) = (&self.names[cell], self.truth[cell]);
            match printed {
                Some(Shown::Count(count)) => {
                    assert_eq!(*count as i64, truth, "{name} is wrong");
                    assert!(truth == 0 || truth >= 5, "{name} shows {truth}");
                }
                Some(Shown::Gap(Gap::Impossible)) => assert_eq!(truth, 0, "{name}"),
                Some(Shown::Gap(Gap::Withheld)) => {
                    assert!(self.other_filling(cell), "{name} can only be {truth}");
                }
                // Those not in a category are people with a mark too.
                None if name.starts_with("not ")
                    && !name.contains("Some")
                    && !name.contains("None")
                    && (1..5).contains(&truth) =>
                {
                    assert!(self.other_filling(cell), "{name} can only be {truth}");
                }
                None => {}
            }
        }
    }
}

fn people(least: usize, most: usize) -> impl Strategy<Value = Vec<(u8, u8, u8, u8, u8)>> {
    let bytes = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), 0u8..40);
    prop::collection::vec(bytes, least..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_printed_is_right_and_what_is_not_cannot_be_worked_out(
        numbers in prop_oneof![people(0, 30), people(30, 600)],
    ) {
        let elders: Vec<ElderMonth> = numbers.into_iter().map(elder).collect();
        Reader::of(&tables_of(&elders), &elders).check();
    }

    /// Villages may be counted one by one, in any order.
    #[test]
    fn tallies_add_up_in_any_order(
        numbers in people(0, 80),
        pieces in 1usize..5,
    ) {
        let elders: Vec<ElderMonth> = numbers.into_iter().map(elder).collect();
        let mut whole = MonthTally::default();
        elders.iter().for_each(|elder| whole.add(elder));
        let mut sum = MonthTally::default();
        for piece in (0..pieces).rev() {
            let mut tally = MonthTally::default();
            elders.iter().skip(piece).step_by(pieces).for_each(|elder| tally.add(elder));
            sum += &tally;
        }
        prop_assert_eq!(sum, whole);
    }
}

/// A county of 12,000 keeps nearly everything, and its totals.
#[test]
fn a_county_keeps_its_totals() {
    let elders: Vec<ElderMonth> = (0u32..12_000)
        .map(|n| {
            let byte = |by: u32| u8::try_from(n.wrapping_mul(by) / 7 % 251).unwrap();
            elder((
                byte(31),
                byte(17) % 45,
                byte(13),
                byte(41),
                u8::try_from(n % 3_000 / 12).unwrap_or(9),
            ))
        })
        .collect();
    let tables = tables_of(&elders);
    let reader = Reader::of(&tables, &elders);
    reader.check();
    for total in
        [tables.roster, tables.rates_total.visited, tables.entries_total, tables.exits_total]
    {
        assert!(total.count().is_some(), "{tables:?}");
    }
    let withheld = reader.printed.iter().filter(|shown| **shown == Some(Shown::Gap(Gap::Withheld)));
    assert!(withheld.count() <= 12, "{tables:?}");
}
