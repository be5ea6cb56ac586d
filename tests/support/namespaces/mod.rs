//! Links between two network namespaces of this machine's kernel: its own TCP at both ends, and between
//! them a forwarder that loses, delays, paces and reorders packets. See `docs/links.md`.

#![allow(dead_code, unreachable_pub, reason = "a module of a test is a crate's root there")]

pub mod forwarder;
pub mod wire;
