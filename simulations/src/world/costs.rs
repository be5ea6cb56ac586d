//! What a node costs, whoever else there is: bytes, commits and disk of each level of a county.

use std::collections::BTreeMap;

use serde::Serialize;
use shouwang_crdt_schema::division::{DivisionCode, Level};

use super::{LinkNumber, Node, World};

/// What one node of a level has cost, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// Nodes of this level, of all counties.
    pub nodes: u64,
    /// Bytes sent to its own county's nodes.
    pub sent_bytes: f64,
    /// Connections with strangers of other counties.
    pub knocks: f64,
    /// Bytes sent to strangers.
    pub stranger_bytes: f64,
    /// Durable commits.
    pub syncs: f64,
    /// Bytes written to its disk.
    pub written_bytes: f64,
    /// The length of its store.
    pub disk_bytes: f64,
}

/// What a node has sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) own_bytes: u64,
    pub(super) stranger_bytes: u64,
    pub(super) knocks: u64,
}

impl World {
    /// Whether the two ends of a link are in different counties, which know nothing of each other.
    pub(super) fn are_strangers(&self, link: LinkNumber) -> bool {
        let [one, two] = self.links[link].ends;
        county_of(self.nodes[one].area) != county_of(self.nodes[two].area)
    }

    pub(super) fn counts_sent(&mut self, node: Node, link: LinkNumber, bytes: u64) {
        let strangers = self.are_strangers(link);
        let sent = &mut self.nodes[node].sent;
        match strangers {
            true => sent.stranger_bytes += bytes,
            false => sent.own_bytes += bytes,
        }
    }

    /// What a node of each level has cost, on average over all counties.
    pub fn costs(&self) -> BTreeMap<Level, Costs> {
        let mut levels: BTreeMap<Level, Costs> = BTreeMap::new();
        for state in &self.nodes {
            let (costs, disk) =
                (levels.entry(state.area.level()).or_default(), state.disk.counts());
            costs.nodes += 1;
            costs.sent_bytes += state.sent.own_bytes as f64;
            costs.knocks += state.sent.knocks as f64;
            costs.stranger_bytes += state.sent.stranger_bytes as f64;
            costs.syncs += disk.syncs as f64;
            costs.written_bytes += disk.bytes_written as f64;
            costs.disk_bytes += state.disk.length() as f64;
        }
        for costs in levels.values_mut() {
            let nodes = costs.nodes as f64;
            let sums = [
                &mut costs.sent_bytes,
                &mut costs.knocks,
                &mut costs.stranger_bytes,
                &mut costs.syncs,
                &mut costs.written_bytes,
                &mut costs.disk_bytes,
            ];
            for sum in sums {
                *sum /= nodes;
            }
        }
        levels
    }
}

/// The county that a place is in.
pub(super) fn county_of(place: DivisionCode) -> DivisionCode {
    let mut at = place;
    while at.level() > Level::County {
        let Some(above) = at.parent() else { break };
        at = above;
    }
    at
}
