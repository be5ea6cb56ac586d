//! A village's device in the wrong hands: it runs the same program, what leaves it is twisted, and beside
//! it speaks a [`Forger`].

use std::collections::{BTreeSet, VecDeque};

use rand::RngExt;
use shouwang_crdt_schema::division::Level;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::Role;

use super::{Event, LinkNumber, Node, World};
use crate::check::Violation;
use crate::forger::{Deed, Forger, To, twist};
use crate::network::{Connection, End};

/// Body bytes that the device's grant allows: so few that it comes to the end of them.
const QUOTA_BYTES: u64 = 400 * 1024;

/// Frames of a link that may be heard again.
const LATE_MAX: usize = 64;

impl World {
    /// An office grants another device in one of its villages, and it is in the wrong hands. It reaches the
    /// office and each of `others`.
    pub fn lets_in(
        &mut self,
        office: Node,
        village: Node,
        others: &[Node],
    ) -> Result<Node, Violation> {
        let area = self.nodes[village].area;
        let node = self.joins_within(office, area, "-turned", Role::Clerk, Some(QUOTA_BYTES))?;
        for peer in [&[office], others].concat() {
            self.lays(node, peer);
        }
        let engine = self.nodes[node].engine.as_ref();
        let engine = engine.ok_or_else(|| Violation::broken("nobody is there to be turned"))?;
        self.nodes[node].forger = Some(Box::new(Forger::of(engine, !others.is_empty())));
        self.checker.distrust(self.nodes[node].machine);
        Ok(node)
    }

    /// Of the devices of the first township's first village one more is in the wrong hands.
    pub(super) fn turns_somebody(&mut self) -> Result<(), Violation> {
        let Some(every) = self.plan.faults.malice_every_ms else { return Ok(()) };
        let level = |node: Node| self.nodes[node].area.level();
        let linked = self.links.iter().map(|link| link.ends).find(|[below, above]| {
            level(*below) == Level::Village && level(*above) == Level::Township
        });
        let Some([village, office]) = linked else { return Ok(()) };
        let others: &[Node] = if self.plan.meshed { &[village] } else { &[] };
        let node = self.lets_in(office, village, others)?;
        self.again(Some(every), Event::Malice(node));
        Ok(())
    }

    /// Whether a node does as the program does.
    pub(super) fn is_honest(&self, node: Node) -> bool {
        self.nodes[node].forger.is_none()
    }

    /// Whether a device's owner has software of his own.
    pub(super) fn is_turned(&self, device: DeviceId) -> bool {
        self.devices.get(&device).is_some_and(|node| !self.is_honest(*node))
    }

    /// The devices in the wrong hands.
    pub fn turned(&self) -> BTreeSet<DeviceId> {
        self.nodes.iter().filter(|node| node.forger.is_some()).map(|node| node.device).collect()
    }

    /// The nodes whose program is as it should be.
    pub fn honest(&self) -> Vec<Node> {
        (0..self.nodes.len()).filter(|node| self.is_honest(*node)).collect()
    }

    pub(super) fn malice_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.malice_every_ms, Event::Malice(node));
        let deed = Deed::ALL[self.streams.faults.random_range(0..Deed::ALL.len())];
        self.misbehave(node, deed)
    }

    /// A device in the wrong hands does this now, if it runs.
    pub fn misbehave(&mut self, node: Node, deed: Deed) -> Result<(), Violation> {
        let state = &mut self.nodes[node];
        let (Some(forger), Some(engine)) = (state.forger.as_mut(), state.engine.as_ref()) else {
            return Ok(());
        };
        let said = forger.does(deed, engine, &mut self.streams.faults)?;
        if said.is_empty() {
            return Ok(());
        }
        self.fault(&format!("malice {deed:?}"));
        self.note("malice", &[node as u64]);
        let links = self.nodes[node].links.clone();
        let end = |link: &LinkNumber| match self.links[*link].ends[0] == node {
            true => (*link, End::Dialler),
            false => (*link, End::Listener),
        };
        let ways: Vec<_> = links.iter().map(end).collect();
        for (to, bytes) in said {
            for (nth, (link, end)) in ways.iter().enumerate() {
                if to == To::All || to == To::Nth(nth) {
                    self.transmit_from(*link, *end, bytes.clone());
                }
            }
        }
        Ok(())
    }

    /// Frames that may be heard again: of a device in the wrong hands by it, of every link by the link.
    pub(super) fn remembers(
        &mut self,
        number: LinkNumber,
        node: Node,
        to: End,
        connection: Connection,
        bytes: &[u8],
    ) {
        if let Some(forger) = &mut self.nodes[node].forger {
            forger.hears(bytes);
        }
        if self.plan.faults.replay_every_ms.is_some() {
            let late = &mut self.links[number].late;
            if late.len() == LATE_MAX {
                late.pop_front();
            }
            late.push_back((to, connection, bytes.to_vec()));
        }
    }

    /// Frames of connections that are over arrive once more. Whoever gets them knows by the connection that
    /// they are nothing to it.
    pub(super) fn echo_fault(&mut self, number: LinkNumber) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.replay_every_ms, Event::Echo(number));
        let late = std::mem::take(&mut self.links[number].late);
        let (old, present): (VecDeque<_>, VecDeque<_>) = late
            .into_iter()
            .partition(|(_, connection, _)| !self.links[number].link.is_present(*connection));
        self.links[number].late = present;
        if old.is_empty() {
            return Ok(());
        }
        self.fault("late_frames");
        for (to, connection, bytes) in old {
            let arrived = self.counts.frames_arrived;
            self.frame(number, to, connection, bytes)?;
            if self.counts.frames_arrived != arrived {
                return Err(Violation::broken("a frame of a connection that is over was taken in"));
            }
        }
        Ok(())
    }

    /// What leaves a node whose owner has software of his own.
    pub(super) fn twisted(&mut self, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        match self.calm {
            true => vec![bytes],
            false => twist(bytes, &mut self.streams.faults),
        }
    }
}
