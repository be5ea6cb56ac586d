//! All sessions of a node.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::progress::Progress;
use super::session::{Changed, Received, Session};
use super::stop::Stop;
use super::summary::Salt;
use super::wire::{Aside, Frame};
use super::{Input, Now, Output, PeerError, Replica};
use crate::entropy::Entropy;
use crate::identity::DeviceId;
use crate::ingest::{Outcome, Refusal};
use crate::limits::SESSIONS_MAX;
use crate::log::{Head, LogKey};
use crate::store::StoreError;
use crate::store::rows::LogRow;

/// All sessions, driven by [`Input`]s; see [`crate::sync`].
#[derive(Debug)]
pub struct Mesh {
    /// What sessions draw their salts from.
    entropy: Entropy,
    sessions: BTreeMap<DeviceId, Session>,
    /// What came in and is not acknowledged.
    received: BTreeMap<DeviceId, Received>,
    /// Peers whose packets referred to what is not here, or ours to what was not there: they are
    /// spoken to in plain frames, in which nothing is referred to.
    plainly: BTreeSet<DeviceId>,
    /// Whether everyday records wait where bytes are paid for.
    holds_back: bool,
    /// What of the day's bytes is left, where they are paid for.
    left_bytes: Option<u64>,
    out: VecDeque<Output>,
}

impl Mesh {
    /// No sessions.
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            entropy: Entropy::new(seed),
            sessions: BTreeMap::new(),
            received: BTreeMap::new(),
            plainly: BTreeSet::new(),
            holds_back: false,
            left_bytes: None,
            out: VecDeque::new(),
        }
    }

    /// Takes one input. Drain [`Mesh::poll`] afterwards. An error is our own disk's, never a
    /// peer's: peers' errors end their session and come out as [`Output::Hangup`].
    pub fn handle(
        &mut self,
        now: Now,
        input: Input,
        replica: &impl Replica,
    ) -> Result<(), StoreError> {
        let is_near = matches!(input, Input::PeerNear(_));
        match input {
            Input::PeerUp(peer) | Input::PeerNear(peer) => {
                let metered = !is_near;
                self.forget(peer);
                if self.sessions.len() >= SESSIONS_MAX {
                    self.hang_up(peer, PeerError::Busy);
                    return Ok(());
                }
                let plainly = self.plainly.contains(&peer);
                let salt = Salt(self.entropy.bytes());
                match Session::open(peer, plainly, metered, salt, now, replica, &mut self.out) {
                    Ok(mut session) => {
                        session.set_left(self.left_bytes);
                        self.sessions.insert(peer, session);
                    }
                    Err(stop) => self.stop(peer, stop)?,
                }
                if self.holds_back && metered {
                    self.with(peer, |session, out| session.hold_back(now, true, replica, out))?;
                }
            }
            Input::PeerDown(peer) => self.forget(peer),
            Input::Frame(peer, bytes) => {
                self.with(peer, |session, out| session.frame(now, &bytes, replica, out))?;
            }
            Input::Oversized(peer, length) => {
                self.with(peer, |_, _| Err(PeerError::Oversized(length).into()))?;
            }
            Input::Timeout => {
                let due: Vec<DeviceId> = self
                    .sessions
                    .iter()
                    .filter(|(_, session)| session.deadline_ms() <= now.monotonic_ms)
                    .map(|(peer, _)| *peer)
                    .collect();
                for peer in due {
                    self.with(peer, |session, out| Ok(session.timeout(now, out)?))?;
                }
            }
        }
        Ok(())
    }

    /// What became of a run that [`Output::Ingest`] handed out. Its transaction is not committed
    /// yet: [`Mesh::committed`] follows.
    pub fn ingested(
        &mut self,
        peer: DeviceId,
        log: LogKey,
        last_seq: u64,
        result: &Result<Outcome, Refusal>,
    ) -> Result<(), StoreError> {
        if let Ok(outcome) = result {
            let end = (outcome.seq, outcome.hash);
            let received = self.received.entry(peer).or_default();
            let last = received.entry((log, outcome.chain)).or_insert(end);
            *last = end.max(*last);
        }
        self.with(peer, |session, _| Ok(session.ingested(log, last_seq, result)?))
    }

    /// What became of a body that [`Output::Fill`] handed out.
    pub fn filled(
        &mut self,
        peer: DeviceId,
        result: &Result<(), Refusal>,
    ) -> Result<(), StoreError> {
        match result {
            Ok(()) => Ok(()),
            Err(refusal) => self.with(peer, |_, _| Err(PeerError::Run(*refusal).into())),
        }
    }

    /// A transaction is committed: acknowledges what came in, and pushes what is new in these logs,
    /// given all their chains as they were before it.
    pub fn committed(
        &mut self,
        now: Now,
        logs: &BTreeMap<LogKey, Vec<(LogRow, Head)>>,
        replica: &impl Replica,
    ) -> Result<(), StoreError> {
        let mut changed = BTreeMap::new();
        if !self.sessions.is_empty() {
            for (log, before) in logs {
                let (before, heads) = (before.clone(), replica.chains(log)?);
                changed.insert(*log, Changed { before, heads });
            }
        }
        let peers: Vec<DeviceId> = self.sessions.keys().copied().collect();
        for peer in peers {
            self.with(peer, |session, _| session.note_changes(&changed, replica))?;
        }
        for (peer, received) in std::mem::take(&mut self.received) {
            self.with(peer, |session, out| session.acknowledge(now, &received, replica, out))?;
        }
        let peers: Vec<DeviceId> = self.sessions.keys().copied().collect();
        for peer in peers {
            self.with(peer, |session, out| session.committed(now, &changed, replica, out))?;
        }
        Ok(())
    }

    /// Whether everyday records wait where bytes are paid for.
    pub fn holds_back(&self) -> bool {
        self.holds_back
    }

    /// What of the day's bytes is left where they are paid for: no more of everyday records is on the way.
    pub fn set_left(&mut self, left_bytes: Option<u64>) {
        self.left_bytes = left_bytes;
        for session in self.sessions.values_mut() {
            session.set_left(left_bytes);
        }
    }

    /// Lets everyday records wait where bytes are paid for, or lets them go again.
    pub fn hold_back(
        &mut self,
        now: Now,
        holds_back: bool,
        replica: &impl Replica,
    ) -> Result<(), StoreError> {
        self.holds_back = holds_back;
        let metered = |session: &Session| session.is_metered();
        let sessions = self.sessions.iter().filter(|(_, session)| metered(session));
        let peers: Vec<DeviceId> = sessions.map(|(peer, _)| *peer).collect();
        for peer in peers {
            self.with(peer, |session, out| session.hold_back(now, holds_back, replica, out))?;
        }
        Ok(())
    }

    /// Whether bytes to and from a peer are paid for and counted: those of one that has proved a grant.
    pub fn is_metered(&self, peer: DeviceId) -> bool {
        let session = self.sessions.get(&peer);
        session.is_some_and(|session| session.is_metered() && session.is_proved())
    }

    /// Entries that a peer sent are stored and do not count.
    pub fn set_aside(
        &mut self,
        now: Now,
        peer: DeviceId,
        asides: &[Aside],
    ) -> Result<(), StoreError> {
        self.with(peer, |session, out| {
            session.set_aside(now, asides, out);
            Ok(())
        })
    }

    /// The next thing to do. [`Output::Timeout`] ends the drain.
    pub fn poll(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| {
            Output::Timeout(self.sessions.values().map(Session::deadline_ms).min())
        })
    }

    /// Whether there is a session with a peer.
    pub fn is_in_session(&self, peer: DeviceId) -> bool {
        self.sessions.contains_key(&peer)
    }

    /// The peers in a session.
    pub fn peers(&self) -> impl Iterator<Item = DeviceId> {
        self.sessions.keys().copied()
    }

    /// How far the exchange with a peer is, if there is one.
    pub fn progress(
        &self,
        peer: DeviceId,
        replica: &impl Replica,
    ) -> Result<Option<Progress>, StoreError> {
        self.sessions.get(&peer).map(|session| session.progress(replica)).transpose()
    }

    fn with(
        &mut self,
        peer: DeviceId,
        work: impl FnOnce(&mut Session, &mut VecDeque<Output>) -> Result<(), Stop>,
    ) -> Result<(), StoreError> {
        let Some(session) = self.sessions.get_mut(&peer) else { return Ok(()) };
        let done = work(session, &mut self.out);
        session.flush(&mut self.out);
        match done {
            Ok(()) => Ok(()),
            Err(stop) => self.stop(peer, stop),
        }
    }

    fn stop(&mut self, peer: DeviceId, stop: Stop) -> Result<(), StoreError> {
        match stop {
            Stop::Store(error) => Err(error),
            Stop::Peer(error) => {
                self.hang_up(peer, error);
                Ok(())
            }
        }
    }

    fn hang_up(&mut self, peer: DeviceId, error: PeerError) {
        if error.code() == PeerError::WrongReference.code() && self.plainly.len() < SESSIONS_MAX {
            self.plainly.insert(peer);
        }
        if !matches!(error, PeerError::Told(_)) {
            let close = Frame::Close(error.code());
            self.out.push_back(Output::Send(peer, close.encode()));
        }
        self.forget(peer);
        self.out.push_back(Output::Hangup(peer, error));
    }

    fn forget(&mut self, peer: DeviceId) {
        self.sessions.remove(&peer);
        self.received.remove(&peer);
    }
}
