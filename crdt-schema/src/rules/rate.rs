//! Rates as two whole numbers, so that 100 % means every single elder.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use crate::rules::roster::RosterStanding;

/// A part of a whole, counted in elders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Elders for whom it holds.
    pub numerator: u64,
    /// Elders who count.
    pub denominator: u64,
}

/// A rate over the roster, with those beside it whom a reader must know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterRate {
    /// Over everyone on the roster, decliners among them.
    pub all: Rate,
    /// Over those alone who decline care (project decision: counted, and shown separately).
    pub declined: Rate,
    /// Of them, files of which nobody has decided whether they are on the roster. They count as on it
    /// (project decision: nobody is left out for want of a form), and are shown beside.
    pub undetermined: u64,
}

impl Rate {
    /// Whether it holds for all, and there is somebody.
    pub fn is_complete(self) -> bool {
        self.denominator > 0 && self.numerator == self.denominator
    }

    /// Tenths of a percent, rounded down, so that 1000 is reached only when all are; None where
    /// there is nobody ("n/a").
    pub fn tenths_of_percent(self) -> Option<u32> {
        let tenths = u128::from(self.numerator) * 1000;
        let tenths = tenths.checked_div(u128::from(self.denominator))?;
        u32::try_from(tenths).ok()
    }

    /// Whether it reaches a target in percent; None where there is nobody.
    pub fn reaches(self, target_percent: u32) -> Option<bool> {
        let wanted = u128::from(self.denominator) * u128::from(target_percent);
        (self.denominator > 0).then(|| u128::from(self.numerator) * 100 >= wanted)
    }

    /// Counts one elder.
    pub fn count(&mut self, holds: bool) {
        self.numerator += u64::from(holds);
        self.denominator += 1;
    }
}

impl RosterRate {
    /// Counts one elder, if the roster says so.
    pub fn count(&mut self, standing: &RosterStanding, declined: bool, holds: bool) {
        if !standing.is_owed_visits() {
            return;
        }
        self.all.count(holds);
        if declined {
            self.declined.count(holds);
        }
        self.undetermined += u64::from(*standing == RosterStanding::Undetermined);
    }
}

impl Add for Rate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            numerator: self.numerator + other.numerator,
            denominator: self.denominator + other.denominator,
        }
    }
}

impl AddAssign for RosterRate {
    fn add_assign(&mut self, other: Self) {
        self.all = self.all + other.all;
        self.declined = self.declined + other.declined;
        self.undetermined += other.undetermined;
    }
}

impl Sum for RosterRate {
    fn sum<I: Iterator<Item = Self>>(rates: I) -> Self {
        rates.fold(Self::default(), |mut sum, rate| {
            sum += rate;
            sum
        })
    }
}

/// `n/a`, or a percentage with one decimal, rounded down.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tenths_of_percent() {
            None => f.write_str("n/a"),
            Some(tenths) => write!(f, "{}.{}%", tenths / 10, tenths % 10),
        }
    }
}
