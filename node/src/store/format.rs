//! Which layout a store is in, and the way from one to the next.
//!
//! A store is brought to this version's format when it is opened, in one transaction: whatever interrupts it, the
//! file is wholly in one format or wholly in the other. Each step is kept for as long as stores of its format may be
//! about, with a store of that format in `tests/data`.

use std::fmt;
use std::str::FromStr;

use super::{StoreError, Transaction};

/// A store's format: `shouwang store 5, schema 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Format {
    /// The layout of the tables.
    store: u32,
    /// The schema of the documents.
    schema: u32,
}

/// What this version writes.
pub const CURRENT: Format = Format { store: 5, schema: 1 };

/// The way from a format to the next.
type Step = fn(&mut Transaction<'_>) -> Result<(), StoreError>;

/// From which layout, and how. In their order, without a gap.
const STEPS: [(u32, Step); 2] = [(3, judged_by), (4, houses)];

/// How a store of some format can be opened.
pub(super) enum Way {
    /// As it is.
    Here,
    /// By these steps.
    Up(Vec<Step>),
    /// It was written by a later version.
    Later,
    /// No step leads here from so early a version.
    None,
}

impl Format {
    /// The way from here to what this version writes.
    pub(super) fn way(self) -> Way {
        if self == CURRENT {
            return Way::Here;
        }
        if self.store > CURRENT.store || self.schema > CURRENT.schema {
            return Way::Later;
        }
        match STEPS.iter().position(|(from, _)| *from == self.store) {
            Some(first) if self.schema == CURRENT.schema => {
                Way::Up(STEPS.iter().skip(first).map(|(_, step)| *step).collect())
            }
            _ => Way::None,
        }
    }
}

/// Since 4 a store says which judge has judged what is set aside in it. One that does not was judged by the first.
fn judged_by(tables: &mut Transaction<'_>) -> Result<(), StoreError> {
    tables.set_meta(crate::store::JUDGED_BY, &0_u64.to_be_bytes())
}

/// Since 5 the index knows where each house is. The engine notes it, which reads documents; this only says that it must.
fn houses(tables: &mut Transaction<'_>) -> Result<(), StoreError> {
    tables.set_meta(crate::store::INDEXED_BY, &0_u64.to_be_bytes())
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shouwang store {}, schema {}", self.store, self.schema)
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers = text.strip_prefix("shouwang store ").ok_or(())?;
        let (store, schema) = numbers.split_once(", schema ").ok_or(())?;
        let number = |text: &str| text.parse().map_err(|_| ());
        Ok(Self { store: number(store)?, schema: number(schema)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_from_each_format_to_the_next_and_end_here() {
        for (at, (from, _)) in STEPS.iter().enumerate() {
            assert_eq!(*from as usize + STEPS.len() - at, CURRENT.store as usize);
        }
        assert_eq!(CURRENT.to_string().parse(), Ok(CURRENT));
        let way = |text: &str| text.parse::<Format>().unwrap().way();
        assert!(matches!(way("shouwang store 3, schema 1"), Way::Up(steps) if steps.len() == 2));
        assert!(matches!(way("shouwang store 4, schema 1"), Way::Up(steps) if steps.len() == 1));
        assert!(matches!(way("shouwang store 2, schema 1"), Way::None));
        assert!(matches!(way("shouwang store 6, schema 1"), Way::Later));
        assert!(matches!(way("shouwang store 5, schema 2"), Way::Later));
        assert!("shouwang store 5".parse::<Format>().is_err());
    }
}
