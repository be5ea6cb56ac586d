//! What follows from a view on a given day. Pure functions; nothing here is ever stored.
//!
//! Each rule is a function of plain facts, the county's [`ruleset`] and a day or a moment; what
//! holds and where it comes from is `docs/rules.md`.

pub mod absence;
pub mod age;
pub mod calendar;
pub mod care_group;
pub mod eligibility;
pub mod phase;
pub mod relation;
pub mod ruleset;
