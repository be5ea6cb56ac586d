//! Links between nodes, and the frames on them.

use rand::RngExt;
use shouwang_node::identity::DeviceId;
use shouwang_node::limits::{FRAME_BYTES_MAX, REDIAL_MAX_MS, REDIAL_MIN_MS, REDIAL_REFUSED_MS};
use shouwang_node::store::StoreRead;
use shouwang_node::sync::summary::Salt;
use shouwang_node::sync::wire::{Frame, Hello, LogPosition, ProbeWord};
use shouwang_node::sync::{Disposition, Fault, Input, PeerError};

use super::{Event, LinkNumber, Node, SECOND, World};
use crate::check::Violation;
use crate::claims;
use crate::network::{Connection, End, Quality, notice_ms};

/// What is planted to show that the checks find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Runs that this link carries are swallowed, and acknowledged to the sender all the same.
    ForgedHave(LinkNumber),
    /// Runs that this link carries are swallowed.
    SwallowedRuns(LinkNumber),
    /// Every frame on this link is answered by signs of life to and fro.
    Chatter(LinkNumber),
    /// The next frame on this link arrives as garbage.
    Garbage(LinkNumber),
    /// No stick arrives, once the faults are over.
    LostSticks,
    /// Sticks arrive spoilt, once the faults are over, and nobody has been told.
    SpoiltSticks,
}

/// How often it goes to and fro.
const CHATTER: usize = 30;

impl World {
    /// A link is like this from now on.
    pub fn set_quality(&mut self, link: LinkNumber, quality: Quality) {
        self.links[link].link.set_quality(quality);
    }

    /// Nothing gets through between two nodes.
    pub fn partition(&mut self, link: LinkNumber) {
        self.links[link].link.obstruct(true);
        self.cut(link);
    }

    /// Something gets through again.
    pub fn heal(&mut self, link: LinkNumber) {
        self.links[link].link.obstruct(false);
        if self.links[link].link.believed(End::Dialler).is_none() {
            let soon = self.now_ms + self.streams.network.random_range(0..5 * SECOND);
            self.dials(link, soon);
        }
    }

    pub(super) fn dials(&mut self, link: LinkNumber, at_ms: u64) {
        self.links[link].dial += 1;
        let dial = self.links[link].dial;
        self.schedule(at_ms, Event::Dial(link, dial));
    }

    pub(super) fn backs_off(&mut self, link: LinkNumber) {
        let wait = self.links[link].backoff_ms;
        self.links[link].backoff_ms = (wait * 2).min(REDIAL_MAX_MS);
        self.dials(link, self.now_ms + wait);
    }

    pub(super) fn dial(&mut self, number: LinkNumber) {
        let [dialler, listener] = self.links[number].ends;
        let state = &mut self.links[number];
        if self.nodes[dialler].engine.is_none() || state.link.believed(End::Dialler).is_some() {
            return;
        }
        let is_shut = state.link.is_obstructed() || state.link.is_deaf();
        if self.nodes[listener].engine.is_none() || is_shut {
            self.backs_off(number);
            return;
        }
        let opening = state.link.open(self.now_ms, &mut self.streams.network);
        self.counts.connections += 1;
        if self.are_strangers(number) {
            for node in [dialler, listener] {
                self.nodes[node].sent.knocks += 1;
            }
        }
        self.note("open", &[number as u64, opening.connection]);
        for (end, at) in [End::Dialler, End::Listener].into_iter().zip(opening.up_ms) {
            self.schedule(at, Event::Up(number, end, opening.connection));
        }
        if let Some(at) = opening.cut_ms.filter(|_| !self.calm) {
            self.schedule(at, Event::Cut(number, opening.connection));
        }
    }

    pub(super) fn end(&self, link: LinkNumber, end: End) -> Node {
        let [dialler, listener] = self.links[link].ends;
        match end {
            End::Dialler => dialler,
            End::Listener => listener,
        }
    }

    pub(super) fn up(
        &mut self,
        link: LinkNumber,
        end: End,
        connection: Connection,
    ) -> Result<(), Violation> {
        let (node, peer) = (self.end(link, end), self.end(link, end.other()));
        let state = &mut self.links[link];
        if self.nodes[node].engine.is_none() || state.link.connection() != Some(connection) {
            // It broke before it was up: the dialler finds out as with any failed dial.
            if end == End::Dialler && state.link.believed(end).is_none() {
                self.backs_off(link);
            }
            return Ok(());
        }
        state.link.believe(end, Some(connection));
        state.moved = true;
        if end == End::Dialler {
            state.backoff_ms = REDIAL_MIN_MS;
        }
        self.note("up", &[link as u64, node as u64]);
        let device = self.device(peer);
        self.engine_does(node, |engine, now| Ok(engine.handle(now, Input::PeerUp(device))?))
    }

    pub(super) fn down(
        &mut self,
        link: LinkNumber,
        end: End,
        connection: Connection,
    ) -> Result<(), Violation> {
        if self.links[link].link.believed(end) != Some(connection) {
            return Ok(());
        }
        let (node, peer) = (self.end(link, end), self.end(link, end.other()));
        self.links[link].link.believe(end, None);
        self.note("down", &[link as u64, node as u64]);
        if end == End::Dialler {
            self.backs_off(link);
        }
        let device = self.device(peer);
        self.engine_does(node, |engine, now| Ok(engine.handle(now, Input::PeerDown(device))?))
    }

    /// The connection breaks; each end learns of it in its own time, or not.
    pub(super) fn cut(&mut self, link: LinkNumber) {
        let Some(connection) = self.links[link].link.cut(self.now_ms, &mut self.streams.network)
        else {
            return;
        };
        self.note("cut", &[link as u64, connection]);
        for end in [End::Dialler, End::Listener] {
            if let Some(at) = notice_ms(self.now_ms, &mut self.streams.network) {
                self.schedule(at, Event::Down(link, end, connection));
            }
        }
    }

    pub(super) fn frame(
        &mut self,
        number: LinkNumber,
        to: End,
        connection: Connection,
        bytes: Vec<u8>,
    ) -> Result<(), Violation> {
        let (node, peer) = (self.end(number, to), self.end(number, to.other()));
        let link = &mut self.links[number].link;
        if let Some(at) = link.held_until(self.now_ms, to, connection) {
            self.schedule_first(at, Event::Frame(number, to, connection, bytes));
            return Ok(());
        }
        if !link.arrive(self.now_ms, to, connection) {
            // Whoever gets a frame of a connection that it does not know says so.
            if self.nodes[node].engine.is_some() && !link.is_obstructed() {
                let at = self.now_ms + link.delay_ms(to);
                self.schedule(at, Event::Down(number, to.other(), connection));
            }
            return Ok(());
        }
        self.links[number].moved = true;
        self.counts.frames_arrived += 1;
        self.counts.bytes_arrived += bytes.len() as u64;
        self.note("frame", &[number as u64, node as u64]);
        self.trace.update(blake3::hash(&bytes).as_bytes());
        self.remembers(number, node, to, connection, &bytes);
        let Some(bytes) = self.planted(number, to, bytes) else { return Ok(()) };
        let device = self.device(peer);
        self.hears(node, peer);
        let input = match bytes.len() {
            length if length > FRAME_BYTES_MAX => Input::Oversized(device, length as u64),
            _ => Input::Frame(device, bytes),
        };
        self.engine_does(node, |engine, now| Ok(engine.handle(now, input)?))?;
        self.settles(node);
        self.look_at_quiet_links(node)
    }

    /// What a planted fault makes of a frame.
    pub(super) fn planted(
        &mut self,
        number: LinkNumber,
        to: End,
        bytes: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let run = || match Frame::decode(&bytes) {
            Ok(Frame::Run(run)) => Some(run),
            _ => None,
        };
        match self.plant {
            Some(Plant::Garbage(link)) if link == number => {
                self.plant = None;
                Some(vec![0xff; 9])
            }
            Some(Plant::Chatter(link)) if link == number && bytes != Frame::Alive.encode() => {
                for end in [to, to.other()].into_iter().cycle().take(CHATTER) {
                    self.transmit_from(number, end, Frame::Alive.encode());
                }
                Some(bytes)
            }
            Some(Plant::SwallowedRuns(link)) if link == number && run().is_some() => None,
            Some(Plant::ForgedHave(link)) if link == number => match run() {
                None => Some(bytes),
                Some(run) => {
                    let sender = self.end(number, to.other());
                    let seq = run.last_seq();
                    let hash = self.engine(sender).and_then(|engine| {
                        let snapshot = engine.read().ok()?;
                        let log = snapshot.log(&run.log).ok()??;
                        Some(snapshot.entry(log.number, seq).ok()??.header.hash())
                    })?;
                    let position = LogPosition { log: run.log, seq, hash };
                    let have = Frame::Have(vec![position]).encode();
                    self.transmit_from(number, to, have);
                    None
                }
            },
            _ => Some(bytes),
        }
    }

    pub(super) fn transmit(&mut self, node: Node, peer: DeviceId, bytes: Vec<u8>) {
        let known = self.devices.get(&peer).copied();
        // A device that was replaced is nowhere any more.
        let Some(peer) = known.filter(|node| self.device(*node) == peer) else { return };
        let Some((link, end)) = self.between.get(&(node, peer)).copied() else { return };
        // What a node says it holds has to be there for ever; who cannot read its disk promises nothing.
        let machine = self.nodes[node].machine;
        let bytes = match Frame::decode(&bytes) {
            Ok(Frame::Hello(hello)) => {
                let stream_version = self.stream_version(node, peer).min(hello.stream_version);
                Frame::Hello(Hello { stream_version, ..hello }).encode()
            }
            _ => bytes,
        };
        if !self.is_honest(node) {
            for bytes in self.twisted(bytes) {
                if let Some(forger) = &mut self.nodes[node].forger {
                    forger.hears(&bytes);
                }
                self.transmit_from(link, end, bytes);
            }
            return;
        }
        if self.is_rotten(node) {
            self.transmit_from(link, end, bytes);
            return;
        }
        match Frame::decode(&bytes) {
            Ok(Frame::Have(heads)) => self.checker.claimed(machine, heads),
            Ok(Frame::Hello(hello)) => drop(self.salts.insert((node, peer), hello.salt)),
            Ok(Frame::Summary(summary)) => {
                let salt = self.salts.get(&(node, peer)).copied().unwrap_or(Salt([0; 8]));
                let store = self.nodes[node].engine.as_ref().and_then(|engine| engine.read().ok());
                let heads = store.and_then(|store| claims::of_summary(&summary, salt, &store).ok());
                self.checker.claimed(machine, heads.unwrap_or_default());
            }
            Ok(Frame::Probe(probe)) if probe.word != ProbeWord::Full => {
                let position = |(seq, hash)| LogPosition { log: probe.log, seq, hash };
                self.checker.claimed(machine, probe.positions.into_iter().map(position));
            }
            _ => {}
        }
        self.transmit_from(link, end, bytes);
    }

    /// What both ends of a link can read.
    fn stream_version(&self, node: Node, peer: Node) -> u8 {
        let known = |node: Node| self.nodes[node].version.streams.unwrap_or(u8::MAX);
        if self.plan.plainly { 0 } else { known(node).min(known(peer)) }
    }

    pub(super) fn transmit_from(&mut self, link: LinkNumber, end: End, bytes: Vec<u8>) {
        self.counts.frames += 1;
        self.counts.bytes += bytes.len() as u64;
        self.counts_sent(self.end(link, end), link, bytes.len() as u64);
        self.links[link].moved = true;
        let random = &mut self.streams.network;
        let sent = self.links[link].link.send(self.now_ms, end, bytes.len(), random);
        match sent {
            Some((connection, at)) => {
                self.exchanges(link, end, connection, bytes.len() as u64);
                self.schedule(at, Event::Frame(link, end.other(), connection, bytes));
            }
            // Nobody knows the connection any more; sometimes somebody says so.
            None => {
                let gone = self.links[link].link.believed(end);
                let told = self.streams.network.random_bool(0.5)
                    && self.engine(self.end(link, end.other())).is_some()
                    && !self.links[link].link.is_obstructed()
                    && !self.links[link].link.is_deaf();
                if let Some(connection) = gone.filter(|_| told) {
                    let way = self.links[link].link.delay_ms(end);
                    let back = self.links[link].link.delay_ms(end.other());
                    self.schedule(self.now_ms + way + back, Event::Down(link, end, connection));
                }
            }
        }
    }

    pub(super) fn hangs_up(
        &mut self,
        node: Node,
        peer: DeviceId,
        error: &PeerError,
    ) -> Result<(), Violation> {
        *self.counts.hangups.entry(error.code()).or_default() += 1;
        let known = self.devices.get(&peer).copied();
        let there = known.filter(|node| self.device(*node) == peer);
        let place = there.and_then(|peer| self.between.get(&(node, peer)).copied());
        let Some((link, end)) = place else { return Ok(()) };
        self.note("hangup", &[link as u64, node as u64]);
        self.links[link].link.believe(end, None);
        if let Some((connection, at)) = self.links[link].link.close(self.now_ms, end) {
            self.schedule(at, Event::Down(link, end.other(), connection));
        }
        if end == End::Dialler {
            match error.disposition() {
                // Whoever means harm does not wait.
                _ if !self.is_honest(node) => self.backs_off(link),
                Disposition::RetrySoon => self.backs_off(link),
                Disposition::RetryLater => self.dials(link, self.now_ms + REDIAL_REFUSED_MS),
            }
        }
        match error {
            // The other end has said so itself.
            PeerError::Told(_) => Ok(()),
            _ if !self.is_honest(node) || self.is_turned(peer) => Ok(()),
            // What a damaged disk says of itself may make no sense; nobody takes it in.
            _ if self.is_rotten(node) || known.is_some_and(|peer| self.is_rotten(peer)) => {
                self.fault("rot accused");
                Ok(())
            }
            PeerError::Revoked if known.is_some_and(|peer| self.nodes[peer].revoked) => Ok(()),
            PeerError::OtherMesh if self.are_strangers(link) => Ok(()),
            error if error.fault() == Fault::Link => Ok(()),
            error => Err(Violation::accused(format!(
                "at {} ms {} hung up on {}: {error}",
                self.now_ms,
                self.nodes[node].name,
                known.map_or("?", |peer| self.nodes[peer].name.as_str()),
            ))),
        }
    }
}
