//! Links as they are in the hills, between processes as people run them: see `docs/links.md`.

#![allow(dead_code, unreachable_pub, reason = "the program and the test each use their own part")]

pub mod cell;
pub mod matrix;
pub mod place;
pub mod proxy;
