//! The demonstration: a whole county of real processes on this machine.
//!
//! Eight nodes with homes of their own speak libp2p over loopback, each dialling the one above it.
//! They import ledgers, lose two villages, work on both sides of the gap, and meet again. Nothing
//! here knows what the result should be: it asks every node and compares.
//!
//! ```text
//! 霁川县 ◄── 松雾镇 ◄── 上禾村, 下禾村, 青石村
//!        ◄── 清荷乡 ◄── 荷塘村, 柳湾村
//! ```

mod agreement;
mod interrupt;
mod member;
mod process;
mod report;
mod story;

pub(crate) use self::story::{Options, run};
