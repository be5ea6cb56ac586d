//! What was counted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sticks::StickCounts;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events handled.
    pub events: u64,
    /// Frames sent.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that arrived.
    pub frames_arrived: u64,
    /// Their bytes.
    pub bytes_arrived: u64,
    /// Edits reported as saved.
    pub edits: u64,
    /// Forms that were kept half filled in, or thrown away.
    pub drafts: u64,
    /// Edits refused or failed, by code.
    pub refused: BTreeMap<String, u64>,
    /// Connections opened.
    pub connections: u64,
    /// Faults that befell the county, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Sessions that an engine ended, by code.
    pub hangups: BTreeMap<String, u64>,
    /// Times that two nodes between which nothing was on the way were compared, and both said
    /// "done".
    pub done_checks: u64,
    /// Connections, or what people did in them, of which the bytes and flights were compared with what was new.
    pub exchanges: u64,
    /// Times that both said that nothing but everyday records waits for bytes to spend.
    pub held_back: u64,
    /// Reopened stores of which every promise was checked.
    pub restarts_checked: u64,
    /// Times that all nodes were looked into while everything was under way.
    pub looks_round: u64,
    /// Entries in copies of stores that were read again whole meanwhile.
    pub entries_read_again: u64,
    /// What was counted of sticks.
    pub sticks: StickCounts,
}
