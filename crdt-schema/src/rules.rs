//! What follows from a view on a given day. Pure functions; nothing here is ever stored.
//!
//! Each rule is a function of plain facts, the county's [`ruleset`] and a day or a moment;
//! [`facts`] takes the facts out of a view. What holds and where it comes from is `docs/rules.md`.

pub mod absence;
pub mod age;
pub mod agreement;
pub mod alert;
pub mod calendar;
pub mod care_group;
pub mod eligibility;
pub mod escalation;
pub mod facts;
pub mod phase;
pub mod rate;
pub mod relation;
pub mod review;
pub mod roster;
pub mod ruleset;
pub mod special_category;
pub mod visits;
