//! Reports: what offices send upwards, counted from facts of one elder at a time
//! (`docs/reports.md`).
//!
//! A tally takes one elder after another and can be added to another tally, so a county is counted
//! village by village and never held as a whole. Nothing here knows a name.

pub mod due;
pub mod half_year;
pub mod month;
pub mod monthly;
pub mod prefecture;
pub mod suppression;
