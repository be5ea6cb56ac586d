//! What the prefecture receives of a county: totals, distribution and characteristics (Ziyang 2018
//! 4(1)), with small cells withheld (project decision).
//!
//! The tables are not independent. They share totals, the impaired of the categories are four of
//! the ability levels, and last month's roster with this month's entries and exits is this month's.
//! So all of them are one [`Publication`], and a cell is withheld for the sake of any of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::month::{AgeBand, Figures, MonthTally, PlaceTally};
use super::suppression::{CellId, Publication, SMALL_COUNT_BELOW, Suppression};
use crate::division::DivisionCode;
use crate::record::{AbilityLevel, CareGroup, Choice, EntryReason, ExitReason, SpecialCategory};
use crate::rules::rate::Rate;

/// A count, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Shown {
    /// So many.
    Count(u64),
    /// None.
    Gap(Gap),
}

/// Why a count is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It is small, or it would give away one that is.
    Withheld,
    /// The rules leave nobody who could be counted here: whoever is 80 is in the key group (R2).
    Impossible,
}

/// The tables for the prefecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefectureTables {
    /// 名册人数
    pub roster: Shown,
    /// 上月末名册人数
    pub roster_before: Shown,
    /// By care group and age.
    pub ages: Vec<AgeRow>,
    /// The last row of it: all groups by age.
    pub ages_total: BTreeMap<AgeBand, Shown>,
    /// 能力等级
    pub abilities: BTreeMap<AbilityLevel, Shown>,
    /// 特殊困难; one elder may be in several.
    pub categories: BTreeMap<SpecialCategory, Shown>,
    /// 分布: by place directly inside the area, and care group.
    pub places: Vec<PlaceRow>,
    /// R4–R6 by care group.
    pub rates: Vec<RateRow>,
    /// R4–R6 over everyone.
    pub rates_total: RateRow,
    /// 进, by reason.
    pub entries: BTreeMap<EntryReason, Shown>,
    /// Entries of which nobody noted the reason.
    pub entries_unexplained: Shown,
    /// All entries.
    pub entries_total: Shown,
    /// 出, by reason.
    pub exits: BTreeMap<ExitReason, Shown>,
    /// Exits of which nobody noted the reason.
    pub exits_unexplained: Shown,
    /// All exits.
    pub exits_total: Shown,
}

/// A care group by age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeRow {
    /// 三类人群
    pub group: CareGroup,
    /// By age.
    pub ages: BTreeMap<AgeBand, Shown>,
    /// All ages.
    pub total: Shown,
}

/// A place by care group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceRow {
    /// The place.
    pub code: DivisionCode,
    /// Its name, where the directory here has one.
    pub name: Option<String>,
    /// By care group.
    pub groups: BTreeMap<CareGroup, Shown>,
    /// All groups.
    pub total: Shown,
}

/// The rates of a care group, or of everyone. A percentage stands only where both numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateRow {
    /// 三类人群; None over everyone.
    pub group: Option<CareGroup>,
    /// 名册人数
    pub roster: Shown,
    /// 探访人数 (R4)
    pub visited: Shown,
    /// 有效协议 (R5)
    pub agreements: Shown,
    /// 季度更新 (R6)
    pub reviewed: Shown,
    /// 不愿意接受关爱
    pub declined: Shown,
}

/// The cells of one number over care groups.
struct Parted {
    groups: BTreeMap<CareGroup, CellId>,
    total: CellId,
}

impl Shown {
    /// The count, where there is one.
    pub fn count(self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(count),
            Self::Gap(_) => None,
        }
    }
}

impl RateRow {
    /// A rate of this row, if both of its numbers are shown.
    pub fn rate(&self, numerator: Shown) -> Option<Rate> {
        Some(Rate { numerator: numerator.count()?, denominator: self.roster.count()? })
    }
}

/// The tables of an area: `places` are those directly inside it, with their names.
pub fn prefecture_tables(
    tally: &MonthTally,
    area: DivisionCode,
    places: &BTreeMap<DivisionCode, Option<String>>,
) -> PrefectureTables {
    let mut system = System::of(tally, area, places);
    loop {
        let suppression = system.publication.suppress();
        // A part says much of a whole that is withheld, so it goes with it.
        let exposed: Vec<CellId> = system
            .parts_of_groups()
            .filter(|(part, whole)| suppression.withholds(*whole) && !suppression.withholds(*part))
            .map(|(part, _)| part)
            .collect();
        if exposed.is_empty() {
            return system.tables(&suppression);
        }
        exposed.into_iter().for_each(|part| system.publication.withhold(part));
    }
}

/// All cells, and where they stand.
struct System<'a> {
    publication: Publication,
    values: BTreeMap<CellId, u64>,
    places: &'a BTreeMap<DivisionCode, Option<String>>,
    ages: BTreeMap<(CareGroup, AgeBand), Option<CellId>>,
    ages_total: BTreeMap<AgeBand, CellId>,
    roster: Parted,
    visited: Parted,
    agreements: Parted,
    reviewed: Parted,
    declined: Parted,
    abilities: BTreeMap<AbilityLevel, CellId>,
    categories: BTreeMap<SpecialCategory, CellId>,
    by_place: BTreeMap<DivisionCode, Parted>,
    roster_before: CellId,
    entries: (BTreeMap<EntryReason, CellId>, CellId, CellId),
    exits: (BTreeMap<ExitReason, CellId>, CellId, CellId),
}

impl<'a> System<'a> {
    fn of(
        tally: &MonthTally,
        area: DivisionCode,
        places: &'a BTreeMap<DivisionCode, Option<String>>,
    ) -> Self {
        let all = tally.within(area);
        let mut cells = Cells::default();
        let roster = cells.parted(&all, |figures| figures.roster, Cells::total);

        let mut ages = BTreeMap::new();
        let mut ages_total = BTreeMap::new();
        for group in CareGroup::ALL {
            let of_group = tally.people.ages.get(group);
            for band in AgeBand::ALL {
                let count = of_group.and_then(|ages| ages.get(&band)).copied().unwrap_or_default();
                let cell = (count > 0 || is_possible(*group, band)).then(|| cells.inner(count));
                ages.insert((*group, band), cell);
            }
            let row = AgeBand::ALL.iter().filter_map(|band| ages.get(&(*group, *band)).copied()?);
            if let Some(total) = roster.groups.get(group) {
                cells.publication.sum(*total, row);
            }
        }
        for band in AgeBand::ALL {
            let column: Vec<CellId> = CareGroup::ALL
                .iter()
                .filter_map(|group| ages.get(&(*group, band)).copied()?)
                .collect();
            let count = column.iter().map(|cell| cells.value(*cell)).sum();
            let total = cells.total(count);
            cells.publication.sum(total, column);
            ages_total.insert(band, total);
        }
        cells.publication.sum(roster.total, ages_total.values().copied());

        let abilities: BTreeMap<AbilityLevel, CellId> = AbilityLevel::ALL
            .iter()
            .map(|level| {
                let count = tally.people.abilities.get(level).copied().unwrap_or_default();
                (*level, cells.inner(count))
            })
            .collect();
        cells.publication.sum(roster.total, abilities.values().copied());

        let everyone = cells.value(roster.total);
        let mut categories = BTreeMap::new();
        for category in SpecialCategory::ALL {
            let count = tally.people.categories.get(category).copied().unwrap_or_default();
            let cell = cells.inner(count);
            // Those who are not in it are a cell too, although no table shows it.
            let others = cells.inner(everyone.saturating_sub(count));
            cells.publication.sum(roster.total, [cell, others]);
            categories.insert(*category, cell);
        }
        if let Some(impaired) = categories.get(&SpecialCategory::Impaired) {
            use AbilityLevel::{Mild, Moderate, Severe, Total};
            let levels = [Total, Severe, Moderate, Mild];
            let parts: Vec<CellId> =
                levels.iter().filter_map(|level| abilities.get(level).copied()).collect();
            if cells.adds_up(*impaired, &parts) {
                cells.publication.sum(*impaired, parts);
            }
        }

        let mut parts_of_roster = |figure: fn(&Figures) -> u64| {
            let parted = cells.parted(&all, figure, Cells::inner);
            for (group, part) in &parted.groups {
                if let Some(whole) = roster.groups.get(group) {
                    cells.leaves(*whole, *part);
                }
            }
            cells.leaves(roster.total, parted.total);
            parted
        };
        let visited = parts_of_roster(|figures| figures.visited);
        let agreements = parts_of_roster(|figures| figures.agreements);
        let reviewed = parts_of_roster(|figures| figures.reviewed);
        let declined = parts_of_roster(|figures| figures.declined);

        let by_place: BTreeMap<DivisionCode, Parted> = places
            .keys()
            .map(|place| {
                let within = tally.within(*place);
                (*place, cells.parted(&within, |figures| figures.roster, Cells::inner))
            })
            .collect();
        // Files in the area's own scope, such as an institution's of a township, are a line too:
        // left out, they would be what the lines leave of the total.
        let mut by_place = by_place;
        if let Some(own) = tally.places.get(&area).filter(|own| own.files > 0) {
            by_place.insert(area, cells.parted(own, |figures| figures.roster, Cells::inner));
        }
        for group in CareGroup::ALL {
            let parts: Vec<CellId> =
                by_place.values().filter_map(|parted| parted.groups.get(group).copied()).collect();
            match roster.groups.get(group) {
                Some(total) if cells.adds_up(*total, &parts) => {
                    cells.publication.sum(*total, parts);
                }
                _ => {}
            }
        }
        let totals: Vec<CellId> = by_place.values().map(|parted| parted.total).collect();
        if cells.adds_up(roster.total, &totals) {
            cells.publication.sum(roster.total, totals);
        }

        let entries = cells.reasons(&all.entries, all.entries_unexplained);
        let exits = cells.reasons(&all.exits, all.exits_unexplained);
        // Whoever has last month's report knows it, unless it was withheld there too.
        let roster_before = match all.roster_before {
            count @ 1..SMALL_COUNT_BELOW => cells.total(count),
            count => cells.known(count),
        };
        if everyone + all.left() == all.roster_before + all.entered() {
            let (came, went) = (entries.2, exits.2);
            let terms = [(roster.total, 1), (went, 1), (roster_before, -1), (came, -1)];
            cells.publication.balance(terms);
        }
        let Cells { publication, values } = cells;
        Self {
            publication,
            values,
            places,
            ages,
            ages_total,
            roster,
            visited,
            agreements,
            reviewed,
            declined,
            abilities,
            categories,
            by_place,
            roster_before,
            entries,
            exits,
        }
    }

    /// Each number of a group beside the group's roster.
    fn parts_of_groups(&self) -> impl Iterator<Item = (CellId, CellId)> {
        [&self.visited, &self.agreements, &self.reviewed, &self.declined].into_iter().flat_map(
            |parted| {
                let groups = parted
                    .groups
                    .iter()
                    .filter_map(|(group, part)| Some((*part, *self.roster.groups.get(group)?)));
                groups.chain([(parted.total, self.roster.total)])
            },
        )
    }

    fn tables(&self, suppression: &Suppression) -> PrefectureTables {
        let shown = |cell: CellId| match (suppression.withholds(cell), self.values.get(&cell)) {
            (false, Some(count)) => Shown::Count(*count),
            _ => Shown::Gap(Gap::Withheld),
        };
        let of_group = |parted: &Parted, group: &CareGroup| match parted.groups.get(group) {
            Some(cell) => shown(*cell),
            None => Shown::Gap(Gap::Impossible),
        };
        let age = |group: &CareGroup, band: AgeBand| match self.ages.get(&(*group, band)) {
            Some(Some(cell)) => shown(*cell),
            _ => Shown::Gap(Gap::Impossible),
        };
        let rates = |group: Option<CareGroup>| {
            let of = |parted: &Parted| match &group {
                Some(group) => of_group(parted, group),
                None => shown(parted.total),
            };
            RateRow {
                group,
                roster: of(&self.roster),
                visited: of(&self.visited),
                agreements: of(&self.agreements),
                reviewed: of(&self.reviewed),
                declined: of(&self.declined),
            }
        };
        PrefectureTables {
            roster: shown(self.roster.total),
            roster_before: shown(self.roster_before),
            ages: CareGroup::ALL
                .iter()
                .map(|group| AgeRow {
                    group: *group,
                    ages: AgeBand::ALL.iter().map(|band| (*band, age(group, *band))).collect(),
                    total: of_group(&self.roster, group),
                })
                .collect(),
            ages_total: self.ages_total.iter().map(|(band, cell)| (*band, shown(*cell))).collect(),
            abilities: self.abilities.iter().map(|(level, cell)| (*level, shown(*cell))).collect(),
            categories: self.categories.iter().map(|(of, cell)| (*of, shown(*cell))).collect(),
            places: self
                .by_place
                .iter()
                .map(|(code, parted)| PlaceRow {
                    code: *code,
                    name: self.places.get(code).cloned().flatten(),
                    groups: CareGroup::ALL
                        .iter()
                        .map(|group| (*group, of_group(parted, group)))
                        .collect(),
                    total: shown(parted.total),
                })
                .collect(),
            rates: CareGroup::ALL.iter().map(|group| rates(Some(*group))).collect(),
            rates_total: rates(None),
            entries: self.entries.0.iter().map(|(of, cell)| (*of, shown(*cell))).collect(),
            entries_unexplained: shown(self.entries.1),
            entries_total: shown(self.entries.2),
            exits: self.exits.0.iter().map(|(of, cell)| (*of, shown(*cell))).collect(),
            exits_unexplained: shown(self.exits.1),
            exits_total: shown(self.exits.2),
        }
    }
}

/// A publication with the counts of its cells.
#[derive(Default)]
struct Cells {
    publication: Publication,
    values: BTreeMap<CellId, u64>,
}

impl Cells {
    fn inner(&mut self, count: u64) -> CellId {
        let cell = self.publication.inner(count);
        self.noted(cell, count)
    }

    fn total(&mut self, count: u64) -> CellId {
        let cell = self.publication.total(count);
        self.noted(cell, count)
    }

    fn known(&mut self, count: u64) -> CellId {
        let cell = self.publication.known(count);
        self.noted(cell, count)
    }

    fn noted(&mut self, cell: CellId, count: u64) -> CellId {
        self.values.insert(cell, count);
        cell
    }

    fn value(&self, cell: CellId) -> u64 {
        self.values.get(&cell).copied().unwrap_or_default()
    }

    fn adds_up(&self, total: CellId, parts: &[CellId]) -> bool {
        self.value(total) == parts.iter().map(|part| self.value(*part)).sum::<u64>()
    }

    /// One number by care group, and its total.
    fn parted(
        &mut self,
        tally: &PlaceTally,
        figure: fn(&Figures) -> u64,
        cell: fn(&mut Self, u64) -> CellId,
    ) -> Parted {
        let groups: BTreeMap<CareGroup, CellId> = CareGroup::ALL
            .iter()
            .map(|group| (*group, cell(self, tally.groups.get(group).map_or(0, figure))))
            .collect();
        let total = self.total(figure(&tally.all()));
        self.publication.sum(total, groups.values().copied());
        Parted { groups, total }
    }

    /// Says that one cell counts a part of another. What it leaves, such as those who were not
    /// visited, is what the office did, and no mark of a person: it is not protected.
    fn leaves(&mut self, whole: CellId, part: CellId) {
        let rest = self.value(whole).saturating_sub(self.value(part));
        let rest = self.publication.unshown(rest);
        self.publication.sum(whole, [part, rest]);
    }

    /// A count by reason, those without one, and all.
    fn reasons<R: Choice + Ord>(
        &mut self,
        counts: &BTreeMap<R, u64>,
        unexplained: u64,
    ) -> (BTreeMap<R, CellId>, CellId, CellId) {
        let cells: BTreeMap<R, CellId> = R::ALL
            .iter()
            .map(|reason| (*reason, self.inner(counts.get(reason).copied().unwrap_or_default())))
            .collect();
        let unexplained = self.inner(unexplained);
        let parts: Vec<CellId> = cells.values().copied().chain([unexplained]).collect();
        let total = self.total(parts.iter().map(|part| self.value(*part)).sum());
        self.publication.sum(total, parts);
        (cells, unexplained, total)
    }
}

/// Whoever is 80 is in the key group, whatever else is known (R2).
fn is_possible(group: CareGroup, band: AgeBand) -> bool {
    group == CareGroup::Key || !matches!(band, AgeBand::Eighties | AgeBand::Nineties)
}
