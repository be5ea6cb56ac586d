//! The mesh of Shouwang 守望 in virtual time.
//!
//! Every node of a county of three levels runs the same [`shouwang_node::engine::Engine`] as the
//! program does, over a disk that loses power and a network that delays, cuts and partitions. One
//! seed decides everything: there is no clock, no thread and no other randomness here, so a seed
//! that finds a fault finds it again.
//!
//! ```text
//!  workload ──► Engine ◄──► network      check: what was promised, and whether it holds
//!                 │
//!                disk
//! ```
//!
//! | Module | Noun |
//! | --- | --- |
//! | [`areas`] | the places of a county |
//! | [`world`] | the county, its events, its faults |
//! | [`disk`] | a disk with a volatile cache |
//! | [`network`] | links |
//! | [`forger`] | what a device in the wrong hands says and writes |
//! | [`workload`] | what people do |
//! | [`check`] | the guarantees |
//! | [`custody`] | that what is said to be held is held |
//! | [`moves`] | elders on the move, and that each is shown once |
//! | [`sticks`] | bundles: written, carried, read |
//! | [`drawn`] | little counties, no two alike |
//! | [`sweep`] | many seeds |
//! | [`shrink`] | making what fails smaller |
//! | [`plot`] | what was measured, as a picture |
//! | [`report`] | a whole simulation, and what it came to |

pub mod areas;
pub mod check;
pub mod claims;
pub mod custody;
pub mod disk;
pub mod drawn;
pub mod forger;
pub mod moves;
pub mod network;
pub mod plot;
pub mod report;
pub mod shrink;
pub mod sticks;
pub mod sweep;
pub mod workload;
pub mod world;
