//! Every decoder of what comes from outside, and the session as a state machine, as functions of
//! bytes that panic where a property does not hold (`docs/fuzzing.md`).
//!
//! The same [`TARGETS`] are driven in two ways: `cargo test -p shouwang-fuzz` replays the corpus and
//! tries what is like it, on any toolchain; `fuzz/run` lets libFuzzer search, guided by coverage.

// The command line is a binary: what of it reads files and texts is taken in as it stands. So are
// the counties of engines that the node's own tests play with.
#[path = "../../cli/src"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::redundant_pub_crate,
    reason = "only what reads something from outside is driven"
)]
mod desk {
    pub(crate) mod area_file;
    pub(crate) mod error;
    pub(crate) mod export;
    pub(crate) mod ledger;
    pub(crate) mod message;
    pub(crate) mod parse;
    pub(crate) mod qr;
    pub(crate) mod words;
}
#[path = "../../node/tests/county/mod.rs"]
mod county;
#[path = "../../node/tests/impostor/mod.rs"]
mod impostor;

use desk::{area_file, error, export, ledger, message, parse, qr, words};

mod image;
mod scene;
mod tape;
mod target;
mod targets;

pub use target::{Target, Verdict};
pub use targets::{TARGETS, target};
