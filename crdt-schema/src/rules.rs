//! What follows from a view on a given day. Pure functions; nothing here is ever stored.

pub mod age;
pub mod care_group;
