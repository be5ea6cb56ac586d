//! Small cells of published tables: which counts are withheld, so that nobody finds them out by
//! subtraction from anything else that is published with them (`docs/reports.md`, suppression).
//!
//! All tables of a report are one system: its cells, totals among them, and the sums that tie them
//! together. A count of one to four people is withheld (*primary*). A withheld count alone in a sum
//! would be the difference of the others, so further cells go with it (*complementary*). A cell is
//! safe if there is a *witness*: another way to fill in the withheld cells, none of them negative,
//! in which this cell has another value and every sum still holds. Nothing is given out before each
//! withheld cell has one.
//!
//! Both kinds carry the same mark, so the mark does not say that a count is small, or that it is
//! not zero.

use std::collections::BTreeSet;

/// Fewer people than this, and more than none, are not published (project decision).
pub const SMALL_COUNT_BELOW: u64 = 5;

/// Steps of one search for a witness. Every step looks at one cell; a county's tables have some
/// 150 cells in 40 sums and need a few hundred steps. A search that gives up makes more cells go,
/// never fewer.
const SEARCH_STEPS_MAX: u32 = 20_000;

/// A cell of a [`Publication`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellId(usize);

/// What one cell may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Any cell of a table.
    Inner,
    /// A total: withheld only where nothing else helps.
    Total,
    /// Known to everybody whatever is published, such as a cell that the rules make impossible or
    /// last month's total. Never withheld, so never of use to hide another.
    Known,
    /// A number that is in no table and that the reader can bound: what a part leaves of a whole.
    /// Nobody protects it; that it is not negative narrows what the other cells can be.
    Unshown,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    value: u64,
    role: Role,
}

/// Cells and the sums between them.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    cells: Vec<Counted>,
    /// Cells with their signs; each comes to zero.
    sums: Vec<Vec<(usize, i64)>>,
    /// The sums that a cell stands in.
    sums_of: Vec<Vec<usize>>,
    /// Cells that are withheld whatever they count.
    marked: BTreeSet<usize>,
}

/// What of a [`Publication`] may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    withheld: BTreeSet<usize>,
}

/// The search for a witness of one cell.
struct Search<'a> {
    publication: &'a Publication,
    withheld: &'a BTreeSet<usize>,
    /// Whether cells may be used that are not withheld yet.
    may_withhold: bool,
    /// The change of each cell: -1, 0 or 1.
    change: Vec<i64>,
    /// What each sum comes to with these changes.
    imbalance: Vec<i64>,
    steps_left: u32,
    best: Option<(u64, Vec<usize>)>,
}

impl Publication {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A cell of a table.
    pub fn inner(&mut self, value: u64) -> CellId {
        self.push(value, Role::Inner)
    }

    /// A total of a row, of a column, or of everything.
    pub fn total(&mut self, value: u64) -> CellId {
        self.push(value, Role::Total)
    }

    /// A count that is known whatever is published.
    pub fn known(&mut self, value: u64) -> CellId {
        self.push(value, Role::Known)
    }

    /// What a part leaves of a whole, where that is in no table and need not be protected.
    pub fn unshown(&mut self, value: u64) -> CellId {
        self.push(value, Role::Unshown)
    }

    /// Withholds a cell whatever it counts.
    pub fn withhold(&mut self, cell: CellId) {
        self.marked.insert(cell.0);
    }

    /// Says that a cell is the sum of others.
    pub fn sum(&mut self, total: CellId, parts: impl IntoIterator<Item = CellId>) {
        let mut terms: Vec<(CellId, i64)> = parts.into_iter().map(|part| (part, 1)).collect();
        terms.push((total, -1));
        self.balance(terms);
    }

    /// Says that cells with these signs come to nothing.
    pub fn balance(&mut self, terms: impl IntoIterator<Item = (CellId, i64)>) {
        let terms: Vec<(usize, i64)> =
            terms.into_iter().map(|(cell, sign)| (cell.0, sign.signum())).collect();
        let sum = self.sums.len();
        for (cell, _) in &terms {
            if let Some(sums) = self.sums_of.get_mut(*cell) {
                sums.push(sum);
            }
        }
        self.sums.push(terms);
    }

    /// Which cells are withheld.
    pub fn suppress(&self) -> Suppression {
        let is_small = |at: &usize| {
            self.can_be_withheld(*at)
                && self
                    .cells
                    .get(*at)
                    .is_some_and(|cell| (1..SMALL_COUNT_BELOW).contains(&cell.value))
        };
        let small = (0..self.cells.len()).filter(is_small);
        let mut withheld: BTreeSet<usize> = small.chain(self.marked.iter().copied()).collect();
        // Each round withholds at least one cell more, so there are no more rounds than cells.
        while let Some(bare) = withheld.iter().find(|cell| !self.is_safe(**cell, &withheld)) {
            let more = self.companions(*bare, &withheld);
            if more.is_empty() {
                break;
            }
            withheld.extend(more);
        }
        Suppression { withheld }
    }

    fn push(&mut self, value: u64, role: Role) -> CellId {
        self.cells.push(Counted { value, role });
        self.sums_of.push(Vec::new());
        CellId(self.cells.len() - 1)
    }

    fn is_safe(&self, cell: usize, withheld: &BTreeSet<usize>) -> bool {
        [1, -1]
            .into_iter()
            .any(|change| Search::of(self, withheld, false).run(cell, change).is_some())
    }

    /// The cells to withhold beside this one, the fewest and smallest that the search finds; if it
    /// finds none, all cells of the sums that it stands in.
    fn companions(&self, cell: usize, withheld: &BTreeSet<usize>) -> Vec<usize> {
        let found = [1, -1]
            .into_iter()
            .filter_map(|change| Search::of(self, withheld, true).run(cell, change))
            .min();
        if let Some((_, cells)) = found {
            return cells;
        }
        let can_go = |at: &usize| !withheld.contains(at) && self.can_be_withheld(*at);
        let near: Vec<usize> = self
            .sums_of
            .get(cell)
            .into_iter()
            .flatten()
            .filter_map(|sum| self.sums.get(*sum))
            .flatten()
            .map(|(at, _)| *at)
            .filter(can_go)
            .collect();
        match near.is_empty() {
            // Whatever is left: with everything withheld, everything may be one more.
            true => (0..self.cells.len()).filter(can_go).collect(),
            false => near,
        }
    }

    fn can_be_withheld(&self, cell: usize) -> bool {
        let role = self.cells.get(cell).map(|cell| cell.role);
        matches!(role, Some(Role::Inner | Role::Total))
    }

    /// What it costs to withhold a cell: what the reader loses.
    fn cost(&self, cell: usize) -> Option<u64> {
        let cell = self.cells.get(cell)?;
        match cell.role {
            Role::Known => None,
            Role::Unshown => Some(0),
            Role::Inner => Some(cell.value.saturating_add(10)),
            Role::Total => Some(cell.value.saturating_add(1_000_000_000)),
        }
    }
}

impl Suppression {
    /// Whether a cell is withheld.
    pub fn withholds(&self, cell: CellId) -> bool {
        self.withheld.contains(&cell.0)
    }

    /// How many cells are withheld.
    pub fn count(&self) -> usize {
        self.withheld.len()
    }
}

impl<'a> Search<'a> {
    fn of(publication: &'a Publication, withheld: &'a BTreeSet<usize>, may_withhold: bool) -> Self {
        Self {
            publication,
            withheld,
            may_withhold,
            change: vec![0; publication.cells.len()],
            imbalance: vec![0; publication.sums.len()],
            steps_left: SEARCH_STEPS_MAX,
            best: None,
        }
    }

    /// The cheapest witness found in which this cell changes so: its cost, and the cells that would
    /// have to be withheld for it.
    fn run(mut self, cell: usize, change: i64) -> Option<(u64, Vec<usize>)> {
        if self.take(cell, change) {
            self.complete(0, &mut Vec::new());
        }
        self.best
    }

    /// Changes further cells until every sum holds.
    fn complete(&mut self, cost: u64, withheld_anew: &mut Vec<usize>) {
        if self.best.as_ref().is_some_and(|(best, _)| cost >= *best) {
            return;
        }
        let Some(sum) = self.imbalance.iter().position(|imbalance| *imbalance != 0) else {
            self.best = Some((cost, withheld_anew.clone()));
            return;
        };
        let missing = -self.imbalance[sum].signum();
        for (price, cell, sign) in self.candidates(sum) {
            let done = !self.may_withhold && self.best.is_some();
            if done || self.steps_left == 0 {
                return;
            }
            self.steps_left -= 1;
            let change = missing * sign;
            if !self.take(cell, change) {
                continue;
            }
            if price > 0 {
                withheld_anew.push(cell);
            }
            self.complete(cost.saturating_add(price), withheld_anew);
            if price > 0 {
                withheld_anew.pop();
            }
            self.put_back(cell);
        }
    }

    /// The cells of a sum that have not changed yet and may, the cheapest first.
    fn candidates(&self, sum: usize) -> Vec<(u64, usize, i64)> {
        let terms = self.publication.sums.get(sum).into_iter().flatten();
        let mut found: Vec<(u64, usize, i64)> = terms
            .filter(|(cell, _)| self.change.get(*cell) == Some(&0))
            .filter_map(|(cell, sign)| match self.withheld.contains(cell) {
                true => Some((0, *cell, *sign)),
                false if self.publication.cost(*cell) == Some(0) => Some((0, *cell, *sign)),
                false if self.may_withhold => Some((self.publication.cost(*cell)?, *cell, *sign)),
                false => None,
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// Changes a cell, unless it would be less than nothing.
    fn take(&mut self, cell: usize, change: i64) -> bool {
        let value = self.publication.cells.get(cell).map_or(0, |cell| cell.value);
        if change < 0 && value == 0 {
            return false;
        }
        self.shift(cell, change);
        true
    }

    fn put_back(&mut self, cell: usize) {
        let change = self.change.get(cell).copied().unwrap_or_default();
        self.shift(cell, -change);
    }

    fn shift(&mut self, cell: usize, change: i64) {
        let publication = self.publication;
        for sum in publication.sums_of.get(cell).into_iter().flatten() {
            let terms = publication.sums.get(*sum).into_iter().flatten();
            let sign: i64 = terms.filter(|(at, _)| *at == cell).map(|(_, sign)| sign).sum();
            if let Some(imbalance) = self.imbalance.get_mut(*sum) {
                *imbalance += sign * change;
            }
        }
        if let Some(changed) = self.change.get_mut(cell) {
            *changed += change;
        }
    }
}
