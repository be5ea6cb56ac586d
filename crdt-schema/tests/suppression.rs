//! Small cells cannot be found out by subtraction.
//!
//! The reader of a report is played by a solver of this file, which knows every published cell and
//! every sum, and nothing of how cells were chosen: it looks for another way to fill in the gaps.

use proptest::prelude::*;
use shouwang_crdt_schema::report::suppression::{CellId, Publication, SMALL_COUNT_BELOW};

/// Tables as a reader sees them: cells with values, the sums between them, and what is withheld.
#[derive(Debug, Default)]
struct Reader {
    values: Vec<i64>,
    known: Vec<bool>,
    sums: Vec<Vec<(usize, i64)>>,
    withheld: Vec<bool>,
}

/// Tables under construction, for the program and for the reader alike.
#[derive(Default)]
struct Tables {
    publication: Publication,
    cells: Vec<CellId>,
    reader: Reader,
}

impl Tables {
    fn cell(&mut self, value: u64, make: impl FnOnce(&mut Publication, u64) -> CellId) -> usize {
        self.cells.push(make(&mut self.publication, value));
        self.reader.values.push(value as i64);
        self.reader.known.push(false);
        self.cells.len() - 1
    }

    fn inner(&mut self, value: u64) -> usize {
        self.cell(value, Publication::inner)
    }

    fn total(&mut self, value: u64) -> usize {
        self.cell(value, Publication::total)
    }

    fn known(&mut self, value: u64) -> usize {
        let at = self.cell(value, Publication::known);
        self.reader.known[at] = true;
        at
    }

    fn balance(&mut self, terms: Vec<(usize, i64)>) {
        let sum: i64 = terms.iter().map(|(at, sign)| self.reader.values[*at] * sign).sum();
        assert_eq!(sum, 0, "the test's own tables do not add up");
        self.publication.balance(terms.iter().map(|(at, sign)| (self.cells[*at], *sign)));
        self.reader.sums.push(terms);
    }

    fn sum(&mut self, total: usize, parts: &[usize]) {
        let mut terms: Vec<(usize, i64)> = parts.iter().map(|part| (*part, 1)).collect();
        terms.push((total, -1));
        self.balance(terms);
    }

    /// A table with totals of rows, of columns, and of everything. Rows first.
    fn cross(&mut self, rows: &[Vec<u64>]) -> (Vec<Vec<usize>>, Vec<usize>, Vec<usize>, usize) {
        let columns = rows[0].len();
        let cells: Vec<Vec<usize>> =
            rows.iter().map(|row| row.iter().map(|value| self.inner(*value)).collect()).collect();
        let row_totals: Vec<usize> = rows.iter().map(|row| self.total(row.iter().sum())).collect();
        let column_totals: Vec<usize> = (0..columns)
            .map(|column| self.total(rows.iter().map(|row| row[column]).sum()))
            .collect();
        let all = self.total(rows.iter().flatten().sum());
        for (row, total) in cells.iter().zip(&row_totals) {
            self.sum(*total, row);
        }
        for (column, total) in column_totals.iter().enumerate() {
            let parts: Vec<usize> = cells.iter().map(|row| row[column]).collect();
            self.sum(*total, &parts);
        }
        self.sum(all, &row_totals);
        self.sum(all, &column_totals);
        (cells, row_totals, column_totals, all)
    }

    fn suppressed(mut self) -> Reader {
        let suppression = self.publication.suppress();
        self.reader.withheld = self.cells.iter().map(|cell| suppression.withholds(*cell)).collect();
        self.reader
    }
}

impl Reader {
    /// Whether the gaps can be filled in otherwise, with this cell at this value.
    fn can_be(&self, cell: usize, value: i64, most: i64) -> bool {
        let mut filled: Vec<Option<i64>> = (0..self.values.len())
            .map(|at| (!self.withheld[at]).then_some(self.values[at]))
            .collect();
        filled[cell] = Some(value);
        self.fill(filled, most)
    }

    fn fill(&self, mut filled: Vec<Option<i64>>, most: i64) -> bool {
        // Whatever follows is filled in first.
        loop {
            let mut followed = false;
            for sum in &self.sums {
                let gaps: Vec<&(usize, i64)> =
                    sum.iter().filter(|(at, _)| filled[*at].is_none()).collect();
                let rest: i64 = sum.iter().map(|(at, sign)| filled[*at].unwrap_or(0) * sign).sum();
                match gaps[..] {
                    [] if rest != 0 => return false,
                    [(at, sign)] => {
                        let value = -rest * sign;
                        if value < 0 || value > most {
                            return false;
                        }
                        filled[*at] = Some(value);
                        followed = true;
                    }
                    _ => {}
                }
            }
            if !followed {
                break;
            }
        }
        let Some(gap) = filled.iter().position(Option::is_none) else { return true };
        // From the true value outwards: a filling nearby is found at once, and all are tried.
        let mut tries: Vec<i64> = (0..=most).collect();
        tries.sort_by_key(|value| (value - self.values[gap]).abs());
        tries.into_iter().any(|value| {
            let mut filled = filled.clone();
            filled[gap] = Some(value);
            self.fill(filled, most)
        })
    }

    fn assert_protected(&self) {
        let most = self.values.iter().max().unwrap_or(&0) + 2;
        for cell in 0..self.values.len() {
            let value = self.values[cell];
            let small = (1..SMALL_COUNT_BELOW as i64).contains(&value) && !self.known[cell];
            assert!(self.withheld[cell] || !small, "{value} is shown: {self:?}");
            assert!(!(self.withheld[cell] && self.known[cell]));
            if !self.withheld[cell] {
                continue;
            }
            let mut others: Vec<i64> = (0..=most).filter(|other| *other != value).collect();
            others.sort_by_key(|other| (other - value).abs());
            let other = others.into_iter().any(|other| self.can_be(cell, other, most));
            assert!(other, "cell {cell} can only be {value}: {self:?}");
        }
    }
}

fn rows(rows: usize, columns: usize) -> impl Strategy<Value = Vec<Vec<u64>>> {
    let cell = prop_oneof![3 => 0u64..8, 1 => 8u64..30];
    prop::collection::vec(prop::collection::vec(cell, columns), rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_cell_of_a_table_is_recoverable(rows in (1usize..4, 1usize..4).prop_flat_map(|(r, c)| rows(r, c))) {
        let mut tables = Tables::default();
        tables.cross(&rows);
        tables.suppressed().assert_protected();
    }

    /// Two tables with the same rows and the same total, and a list of reasons that ties the total
    /// to last month's.
    #[test]
    fn no_cell_of_linked_tables_is_recoverable(
        one in rows(2, 3),
        moved in prop::collection::vec(0u64..7, 4),
    ) {
        let mut tables = Tables::default();
        let (_, row_totals, _, all) = tables.cross(&one);
        // The same people by another mark: yes or no.
        let no = |row: &Vec<u64>| row.iter().sum::<u64>() - row[0];
        let other: Vec<(usize, usize)> =
            one.iter().map(|row| (tables.inner(row[0]), tables.inner(no(row)))).collect();
        for ((yes, no), total) in other.iter().zip(&row_totals) {
            tables.sum(*total, &[*yes, *no]);
        }
        let entered = [tables.inner(moved[0]), tables.inner(moved[1])];
        let left = [tables.inner(moved[2]), tables.inner(moved[3])];
        let total: u64 = one.iter().flatten().sum();
        let (entries, exits) = (moved[0] + moved[1], moved[2] + moved[3]);
        if total + exits >= entries {
            let came = tables.total(entries);
            let went = tables.total(exits);
            let before = tables.known(total + exits - entries);
            tables.sum(came, &entered);
            tables.sum(went, &left);
            tables.balance(vec![(all, 1), (went, 1), (before, -1), (came, -1)]);
        }
        tables.suppressed().assert_protected();
    }
}

/// What a table comes to: the withheld cells of the rows, then whether each total is shown.
#[test]
fn tables_and_what_is_withheld() {
    // (rows, withheld by row, rows' totals withheld, columns' totals withheld)
    type Case = (&'static [&'static [u64]], &'static [&'static str], &'static str, &'static str);
    let cases: [Case; 7] = [
        // Nothing is small.
        (&[&[5, 9], &[12, 7]], &["..", ".."], "..", ".."),
        // Nobody is not a few.
        (&[&[0, 9], &[12, 0]], &["..", ".."], "..", ".."),
        // One small cell takes three with it, the smallest there are.
        (&[&[3, 9, 20], &[12, 7, 40]], &["**.", "**."], "..", "..."),
        // Two in a rectangle protect each other with the other corners.
        (&[&[3, 9, 4], &[12, 70, 14]], &["*.*", "*.*"], "..", "..."),
        // A small cell in a table of one column takes another row.
        (&[&[2], &[30], &[50]], &["*", "*", "."], "**.", "."),
        // A zero can stand beside a small cell: then it is not shown as zero.
        (&[&[1, 0, 60], &[0, 70, 80]], &["**.", "**."], "..", "**."),
        // A table of a few people is not shown at all.
        (&[&[1, 1], &[1, 1]], &["**", "**"], "**", "**"),
    ];
    for (rows, withheld, row_totals, column_totals) in cases {
        let rows: Vec<Vec<u64>> = rows.iter().map(|row| row.to_vec()).collect();
        let mut tables = Tables::default();
        let (cells, of_rows, of_columns, _) = tables.cross(&rows);
        let reader = tables.suppressed();
        reader.assert_protected();
        let marks = |cells: &[usize]| -> String {
            cells.iter().map(|at| if reader.withheld[*at] { '*' } else { '.' }).collect()
        };
        let found: Vec<String> = cells.iter().map(|row| marks(row)).collect();
        assert_eq!(found, withheld, "{rows:?}");
        assert_eq!(
            (marks(&of_rows).as_str(), marks(&of_columns).as_str()),
            (row_totals, column_totals),
            "{rows:?}"
        );
    }
}

/// A table as large as a county's, with a small cell in every row, is protected within the bound of
/// the search and not by withholding everything.
#[test]
fn a_large_table_keeps_most_of_its_cells() {
    let rows: Vec<Vec<u64>> = (0..16)
        .map(|row| {
            (0..6)
                .map(|column| if row % 6 == column { 3 } else { 20 + row * 7 + column * 3 })
                .collect()
        })
        .collect();
    let mut tables = Tables::default();
    let (cells, row_totals, column_totals, all) = tables.cross(&rows);
    let reader = tables.suppressed();
    let withheld = reader.withheld.iter().filter(|withheld| **withheld).count();
    assert!(withheld <= 48, "{withheld} of {}", reader.values.len());
    let totals = row_totals.iter().chain(&column_totals).chain([&all]);
    assert!(totals.into_iter().all(|at| !reader.withheld[*at]));
    assert_eq!(cells.len(), 16);
}
