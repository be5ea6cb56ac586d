//! One exchange with one peer.
//!
//! ```text
//!            we                                 peer
//!            Hello (Summary)  ───────────►
//!                             ◄───────────      Hello (Summary)
//!            [AskChain]       ───────────►
//!                             ◄───────────      [Chain]
//!            Summary          ───────────►
//!            Run … Run        ───────────►
//!                             ◄───────────      Have … (after each commit), Run …
//!            Have …           ───────────►
//!            Run as entries are committed, for as long as the link lasts
//! ```
//!
//! The summary leaves together with `Hello` where the peer's grant is known here already. Progress
//! is the durable prefix of each log: whatever cuts the link, only runs in flight are sent again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use shouwang_crdt_schema::division::DivisionCode;

use super::bodies::Bodies;
use super::progress::Progress;
use super::stop::Stop;
use super::wire::{Frame, Hello, LogPosition, PROTOCOL_VERSION};
use super::{Event, Now, Output, PeerError, Replica};
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, GrantId, SignedGrant};
use crate::ingest::{Outcome, Refusal};
use crate::limits::{
    ALIVE_INTERVAL_MS, BODIES_SOUGHT_MAX, HAVE_HEADS_PER_FRAME, HELLO_TIMEOUT_MS, PROGRESS_TIMEOUT_MS,
    SILENCE_TIMEOUT_MS, STRANGER_HEADS_MAX, SUMMARY_HEADS_MAX, SUMMARY_HEADS_PER_FRAME,
    UNACKNOWLEDGED_BYTES_MAX,
};
use crate::log::{EntryPlace, Head, Lane, LogKey, UnverifiedRun};
use crate::replication::{receives, replicates};
use crate::store::StoreError;

/// The state of one exchange.
#[derive(Debug)]
pub(super) struct Session {
    peer: DeviceId,
    opened_ms: u64,
    heard_ms: u64,
    spoke_ms: u64,
    hello: Option<Hello>,
    /// The peer's grant, once proved.
    grant: Option<Grant>,
    grant_id: Option<GrantId>,
    /// Grants that the peer knows whatever it holds: those of its own chain and of ours.
    known_there: BTreeSet<GrantId>,
    chain_asked: bool,
    chain_shown: bool,
    summary_sent: bool,
    summary_whole: bool,
    summary_again: bool,
    /// The heads that the peer's summary spoke of.
    theirs: BTreeMap<LogKey, LogPosition>,
    /// Logs in which its summary was ahead of what we hold, and how far.
    wanted: BTreeMap<LogKey, u64>,
    /// What the peer durably has, as far as we know.
    has: BTreeMap<LogKey, u64>,
    /// The last entry sent of each log, acknowledged or not.
    sent: BTreeMap<LogKey, u64>,
    /// Logs in which we are ahead of what was sent.
    behind: BTreeSet<(Lane, u8, LogKey)>,
    /// Logs that the two of us see differently, or of which the peer's runs were refused.
    stuck: BTreeSet<LogKey>,
    in_flight: VecDeque<(LogKey, u64, usize)>,
    in_flight_bytes: usize,
    bodies: Bodies,
    done: bool,
}

type Outputs = VecDeque<Output>;

impl Session {
    pub(super) fn open(
        peer: DeviceId,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<Self, Stop> {
        let mut session = Self {
            peer,
            opened_ms: now.monotonic_ms,
            heard_ms: now.monotonic_ms,
            spoke_ms: now.monotonic_ms,
            hello: None,
            grant: None,
            grant_id: None,
            known_there: BTreeSet::new(),
            chain_asked: false,
            chain_shown: false,
            summary_sent: false,
            summary_whole: false,
            summary_again: false,
            theirs: BTreeMap::new(),
            wanted: BTreeMap::new(),
            has: BTreeMap::new(),
            sent: BTreeMap::new(),
            behind: BTreeSet::new(),
            stuck: BTreeSet::new(),
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            bodies: Bodies::default(),
            done: false,
        };
        let (epoch, commit_number) = replica.epoch();
        let hello = Frame::Hello(Hello {
            version: PROTOCOL_VERSION,
            mesh: replica.authority().mesh(),
            grant: replica.own_grant(),
            epoch,
            commit_number,
            clock_ms: now.wall_ms,
        });
        session.send(now, &hello, out);
        session.note_chain(&replica.authority().chain(&replica.own_grant()));
        // The transport has proved the peer's key, so a grant that is here proves the peer.
        let known =
            replica.authority().standing_grants_of(peer).max_by_key(|(_, grant)| grant.serial);
        if let Some((id, grant)) = known {
            session.grant = Some(grant.clone());
            session.grant_id = Some(*id);
            session.note_chain(&replica.authority().chain(id));
            session.send_summary(now, replica, out)?;
        }
        Ok(session)
    }

    pub(super) fn frame(
        &mut self,
        now: Now,
        bytes: &[u8],
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        self.heard_ms = now.monotonic_ms;
        let frame = Frame::decode(bytes)?;
        match (&frame, &self.hello) {
            (Frame::Hello(_) | Frame::Close(_), None) | (_, Some(_)) => {}
            (_, None) => return Err(PeerError::OutOfTurn("a frame before Hello").into()),
        }
        match frame {
            Frame::Hello(hello) => self.hello(now, hello, replica, out)?,
            Frame::AskChain => {
                if std::mem::replace(&mut self.chain_shown, true) {
                    return Err(PeerError::OutOfTurn("asking for the chain again").into());
                }
                let chain = replica.authority().chain(&replica.own_grant());
                self.send(now, &Frame::Chain(chain), out);
            }
            Frame::Chain(chain) => self.chain(now, &chain, replica, out)?,
            Frame::Prove(chain) => {
                let shown = replica.authority().check_chain(&chain);
                if self.grant.is_none() || shown.is_err() {
                    return Err(PeerError::Run(Refusal::Unproven).into());
                }
                out.push_back(Output::Learn(chain));
            }
            Frame::Summary { heads, last } => self.summary(now, heads, last, replica, out)?,
            Frame::Run(run) => self.run(run, replica, out)?,
            Frame::Have(heads) => self.have(&heads, replica, out)?,
            Frame::AskBodies(places) => self.ask_bodies(places, replica)?,
            Frame::Body { log, seq, body } => self.body(log, seq, body, out)?,
            Frame::Alive => {}
            Frame::Close(code) => return Err(PeerError::Told(code).into()),
        }
        self.pump(now, replica, out)
    }

    fn hello(
        &mut self,
        now: Now,
        hello: Hello,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        if self.hello.is_some() {
            return Err(PeerError::OutOfTurn("a second Hello").into());
        }
        if hello.mesh != replica.authority().mesh() {
            return Err(PeerError::OtherMesh.into());
        }
        // The grant that it names counts, not one that we might know of an earlier role; unless that
        // one is revoked, and the peer has still to learn of the grant that took its place.
        let authority = replica.authority();
        let named = authority
            .grant(&hello.grant)
            .filter(|grant| grant.subject == self.peer)
            .map(|grant| (hello.grant, grant.clone()));
        let successor = || {
            let standing = authority.standing_grants_of(self.peer);
            standing.max_by_key(|(_, grant)| grant.serial).map(|(id, grant)| (*id, grant.clone()))
        };
        let by = match named {
            Some((id, _)) if !authority.stands(&id) => Some(successor().ok_or(PeerError::Revoked)?),
            named => named,
        };
        match by {
            Some((id, grant)) => {
                let known_as_is = self.grant_id == Some(id);
                self.prove(&grant, replica)?;
                self.note_chain(&replica.authority().chain(&id));
                out.push_back(Output::Event(Event::Proved(self.peer, grant.encode())));
                self.grant = Some(grant);
                self.grant_id = Some(id);
                if !known_as_is || !self.summary_sent {
                    self.begin(now, replica, out)?;
                }
            }
            // A grant that we know of an earlier role still proves the key meanwhile.
            None => {
                self.chain_asked = true;
                self.send(now, &Frame::AskChain, out);
            }
        }
        self.hello = Some(hello);
        Ok(())
    }

    fn chain(
        &mut self,
        now: Now,
        chain: &[SignedGrant],
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        if !std::mem::take(&mut self.chain_asked) {
            return Err(PeerError::OutOfTurn("a chain that nobody asked for").into());
        }
        let named = self.hello.as_ref().map(|hello| hello.grant);
        let shown = replica.authority().check_chain(chain).map_err(|_| PeerError::NoGrant)?;
        if Some(shown.id()) != named || shown.grant.subject != self.peer {
            return Err(PeerError::NoGrant.into());
        }
        if !replica.authority().stands_by_chain(chain) {
            return Err(PeerError::Revoked.into());
        }
        self.prove(&shown.grant, replica)?;
        self.note_chain(chain);
        out.push_back(Output::Learn(chain.to_vec()));
        out.push_back(Output::Event(Event::Proved(self.peer, shown.grant.encode())));
        self.grant_id = Some(shown.id());
        self.grant = Some(shown.grant);
        self.begin(now, replica, out)
    }

    /// The peer's grant is proved only now: what was said before was said without knowing it.
    fn begin(&mut self, now: Now, replica: &impl Replica, out: &mut Outputs) -> Result<(), Stop> {
        self.send_summary(now, replica, out)?;
        if self.summary_whole { self.compare(now, replica, out) } else { Ok(()) }
    }

    fn note_chain(&mut self, chain: &[SignedGrant]) {
        self.known_there.extend(chain.iter().map(SignedGrant::id));
    }

    fn prove(&self, grant: &Grant, replica: &impl Replica) -> Result<(), Stop> {
        let Some(own) = replica.authority().grant(&replica.own_grant()) else {
            return Err(PeerError::NoGrant.into());
        };
        // Siblings still share what flows down to both, so areas of one mesh always have something
        // in common; what is refused here is a grant for somewhere else altogether.
        let root = replica.authority().mesh();
        let mesh_area = replica.authority().grant(&root).map(|root| root.area);
        let common = mesh_area
            .is_some_and(|area| area.contains_area(grant.area) && area.contains_area(own.area));
        if common { Ok(()) } else { Err(PeerError::NothingInCommon.into()) }
    }

    /// Whether both of us may hold the log, so that it is spoken of at all.
    fn negotiated(&self, replica: &impl Replica, scope: DivisionCode, lane: Lane) -> bool {
        let own = replica.authority().grant(&replica.own_grant());
        own.zip(self.grant.as_ref()).is_some_and(|(own, peer)| {
            replicates(own.area, scope, lane) && replicates(peer.area, scope, lane)
        })
    }

    /// Whether the peer is to be sent the log: negotiated, with the right to replicate or its own.
    fn to_be_sent(&self, replica: &impl Replica, log: &LogKey) -> bool {
        self.negotiated(replica, log.scope, log.lane)
            && self
                .grant
                .as_ref()
                .is_some_and(|peer| receives(peer, log.scope, log.lane) || log.device == self.peer)
    }

    /// Sends the chain of a log's grant ahead of its first run, unless the peer knows the grant: by
    /// its own chain or ours, or by entries, which go before all others.
    fn prove_log(
        &mut self,
        now: Now,
        log: &LogKey,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let Some(grant) = replica.grant_of(log)? else { return Ok(()) };
        let known = self.known_there.contains(&grant) || replica.authority().is_carried(&grant);
        if !known {
            let chain = replica.authority().chain(&grant);
            self.note_chain(&chain);
            self.send(now, &Frame::Prove(chain), out);
        }
        Ok(())
    }

    fn send_summary(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let Some(peer) = &self.grant else { return Ok(()) };
        let heads: Vec<LogPosition> = replica
            .heads(peer.area)?
            .into_iter()
            .filter(|(log, _)| self.to_be_sent(replica, log))
            .map(|(log, head)| LogPosition { log, seq: head.seq, hash: head.hash })
            .collect();
        let mut chunks = heads.chunks(SUMMARY_HEADS_PER_FRAME).peekable();
        if chunks.peek().is_none() {
            self.send(now, &Frame::Summary { heads: Vec::new(), last: true }, out);
        }
        while let Some(chunk) = chunks.next() {
            let last = chunks.peek().is_none();
            self.send(now, &Frame::Summary { heads: chunk.to_vec(), last }, out);
        }
        self.summary_sent = true;
        Ok(())
    }

    fn summary(
        &mut self,
        now: Now,
        heads: Vec<LogPosition>,
        last: bool,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        if self.summary_whole {
            // One may come before the peer had our chain, and one after it, in place of the first.
            if std::mem::replace(&mut self.summary_again, true) {
                return Err(PeerError::OutOfTurn("a third summary").into());
            }
            self.summary_whole = false;
            self.theirs.clear();
            self.wanted.clear();
        }
        let limit = if self.grant.is_some() { SUMMARY_HEADS_MAX } else { STRANGER_HEADS_MAX };
        if self.theirs.len() + heads.len() > limit {
            return Err(PeerError::TooMany("heads").into());
        }
        self.theirs.extend(heads.into_iter().map(|head| (head.log, head)));
        self.summary_whole = last;
        if last { self.compare(now, replica, out) } else { Ok(()) }
    }

    /// Finds the logs in which we are ahead, once both grants are proved and its summary is whole.
    fn compare(&mut self, now: Now, replica: &impl Replica, out: &mut Outputs) -> Result<(), Stop> {
        let Some(peer) = self.grant.clone() else { return Ok(()) };
        let mut differing = Vec::new();
        for position in self.theirs.values() {
            let ours = replica.hash_at(&position.log, position.seq)?;
            if let Some(hash) = ours.filter(|hash| *hash != position.hash) {
                differing.push(LogPosition { hash, ..*position });
                continue;
            }
            let head = replica.head(&position.log)?;
            if head.is_none_or(|head| head.seq < position.seq) {
                self.wanted.insert(position.log, position.seq);
            }
            let known = match (ours, head) {
                (Some(_), _) => Some(position.seq),
                // It is ahead of us: all that we have it has too, unless a run shows otherwise.
                (None, Some(head)) => Some(head.seq),
                (None, None) => None,
            };
            if let Some(known) = known {
                let has = self.has.entry(position.log).or_insert(known);
                *has = known.max(*has);
            }
        }
        for position in &differing {
            self.forked(position.log, out);
        }
        if !differing.is_empty() {
            // The peer sees it by our hash at its own number.
            self.send(now, &Frame::Have(differing), out);
        }
        for (log, head) in replica.heads(peer.area)? {
            self.note_head(replica, log, &head);
        }
        self.note_missing(replica)
    }

    /// The two of us see a log differently: it is set aside in this exchange, and said.
    fn forked(&mut self, log: LogKey, out: &mut Outputs) {
        if self.stuck.insert(log) {
            out.push_back(Output::Event(Event::Forked(self.peer, log)));
        }
    }

    /// Notes that we hold a log up to `head`.
    fn note_head(&mut self, replica: &impl Replica, log: LogKey, head: &Head) {
        let reached = self.has.get(&log).max(self.sent.get(&log)).copied();
        let ahead = reached.is_none_or(|reached| reached < head.seq);
        if ahead && !self.stuck.contains(&log) && self.to_be_sent(replica, &log) {
            self.behind.insert(priority(replica, log));
        }
    }

    /// New entries were committed here.
    pub(super) fn committed(
        &mut self,
        now: Now,
        heads: &BTreeMap<LogKey, Head>,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        // What has just come in may have taken the peer's grant away.
        if self.grant_id.is_some_and(|id| {
            replica.authority().grant(&id).is_some() && !replica.authority().stands(&id)
        }) {
            return Err(PeerError::Revoked.into());
        }
        self.bodies_committed(now, replica, out)?;
        for (log, head) in heads {
            let reached = self.wanted.get(log).is_some_and(|wanted| *wanted <= head.seq);
            if reached && !self.stuck.contains(log) {
                self.wanted.remove(log);
            }
            if self.summary_whole {
                self.note_head(replica, *log, head);
            }
        }
        self.pump(now, replica, out)
    }

    fn run(
        &mut self,
        run: UnverifiedRun,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        if self.grant.is_none() {
            return Err(PeerError::OutOfTurn("a run before the grant is proved").into());
        }
        if !self.negotiated(replica, run.log.scope, run.log.lane) {
            return Err(PeerError::Run(Refusal::OutsideArea).into());
        }
        out.push_back(Output::Ingest(self.peer, run));
        Ok(())
    }

    /// What became of a run from this peer.
    pub(super) fn ingested(
        &mut self,
        log: LogKey,
        result: &Result<Outcome, Refusal>,
        out: &mut Outputs,
    ) -> Result<(), PeerError> {
        match result {
            Ok(_) => Ok(()),
            // After a refusal, runs that were already on the way do not fit: no new fault.
            Err(Refusal::Run(crate::log::RunError::Gap { .. })) if self.stuck.contains(&log) => {
                Ok(())
            }
            Err(Refusal::Forked) => {
                self.forked(log, out);
                Ok(())
            }
            Err(refusal) => {
                self.stuck.insert(log);
                Err(PeerError::Run(*refusal))
            }
        }
    }

    /// Tells the peer what is durably stored now of what it sent: the number of the last entry of
    /// each log. What others sent of the same log in the same transaction says nothing of it.
    pub(super) fn acknowledge(
        &mut self,
        now: Now,
        received: &BTreeMap<LogKey, u64>,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let mut heads = Vec::new();
        for (log, seq) in received {
            if let Some(hash) = replica.hash_at(log, *seq)? {
                heads.push(LogPosition { log: *log, seq: *seq, hash });
                let has = self.has.entry(*log).or_insert(*seq);
                *has = (*seq).max(*has);
            }
        }
        for chunk in heads.chunks(HAVE_HEADS_PER_FRAME) {
            self.send(now, &Frame::Have(chunk.to_vec()), out);
        }
        self.pump(now, replica, out)
    }

    fn have(
        &mut self,
        heads: &[LogPosition],
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        for position in heads {
            self.bodies.acknowledged(position);
            match replica.hash_at(&position.log, position.seq)? {
                Some(hash) if hash == position.hash => {
                    let has = self.has.entry(position.log).or_insert(position.seq);
                    *has = position.seq.max(*has);
                }
                // More than we have ourselves says nothing yet; another hash says that we differ.
                Some(_) => self.forked(position.log, out),
                None => {}
            }
        }
        let has = &self.has;
        let stuck = &self.stuck;
        self.in_flight.retain(|(log, seq, _)| {
            !stuck.contains(log) && has.get(log).is_none_or(|has| has < seq)
        });
        self.in_flight_bytes = self.in_flight.iter().map(|(_, _, bytes)| bytes).sum();
        Ok(())
    }

    /// Sends runs while there is room, and notes when all is done.
    fn pump(&mut self, now: Now, replica: &impl Replica, out: &mut Outputs) -> Result<(), Stop> {
        while self.in_flight_bytes < UNACKNOWLEDGED_BYTES_MAX {
            let Some(place) = self.behind.first().copied() else { break };
            let log = place.2;
            let after = self.has.get(&log).max(self.sent.get(&log)).copied();
            let run = match self.stuck.contains(&log) {
                true => None,
                false => replica.run_after(&log, after)?,
            };
            let Some(run) = run else {
                self.behind.remove(&place);
                continue;
            };
            self.prove_log(now, &log, replica, out)?;
            let last = run.last_seq();
            let sent = Event::Sent(self.peer, run.entries.len() as u64);
            let frame = Frame::Run(run).encode();
            self.in_flight.push_back((log, last, frame.len()));
            self.in_flight_bytes += frame.len();
            self.sent.insert(log, last);
            self.spoke_ms = now.monotonic_ms;
            out.push_back(Output::Send(self.peer, frame));
            out.push_back(Output::Event(sent));
        }
        self.pump_bodies(now, replica, out)?;
        let done = self.is_done();
        if done && !self.done {
            out.push_back(Output::Event(Event::Done(self.peer)));
        }
        self.done = done;
        Ok(())
    }

    /// Whether both hold, durably, all that both summaries spoke of and all that was sent since.
    fn is_done(&self) -> bool {
        self.is_settled() && self.stuck.is_empty() && self.bodies.is_whole()
    }

    /// Whether nothing more can be exchanged: done, but for logs that are stuck and bodies that both
    /// lack.
    fn is_settled(&self) -> bool {
        self.hello.is_some()
            && self.summary_sent
            && self.summary_whole
            && self.behind.is_empty()
            && self.in_flight.is_empty()
            && self.bodies.is_settled()
            && self.has_all_wanted()
    }

    /// Whether all is here that the peer's summary spoke of, but for logs that are stuck.
    fn has_all_wanted(&self) -> bool {
        self.summary_whole && self.wanted.keys().all(|log| self.stuck.contains(log))
    }

    /// How far the exchange is.
    pub(super) fn progress(&self, replica: &impl Replica) -> Result<Progress, StoreError> {
        let mut progress = Progress { stuck: self.stuck.len() as u64, ..Progress::default() };
        for (log, wanted) in self.wanted.iter().filter(|(log, _)| !self.stuck.contains(log)) {
            let here = replica.head(log)?.map_or(0, |head| head.seq + 1);
            progress.we_lack += (wanted + 1).saturating_sub(here);
        }
        let ahead = self.behind.iter().map(|(_, _, log)| log);
        let ahead: BTreeSet<&LogKey> =
            ahead.chain(self.in_flight.iter().map(|(log, _, _)| log)).collect();
        for log in ahead {
            let here = replica.head(log)?.map_or(0, |head| head.seq + 1);
            let there = self.has.get(log).map_or(0, |has| has + 1);
            progress.they_lack += here.saturating_sub(there);
        }
        progress.missing = match self.bodies.lacking {
            true => replica.missing(BODIES_SOUGHT_MAX, |log, _| self.may_ask(replica, log))?.len(),
            false => 0,
        } as u64;
        progress.done = self.is_done();
        progress.settled = self.is_settled();
        Ok(progress)
    }

    /// When something has to happen although nothing comes.
    pub(super) fn deadline_ms(&self) -> u64 {
        self.death_ms().min(self.spoke_ms + ALIVE_INTERVAL_MS)
    }

    fn death_ms(&self) -> u64 {
        let waiting = !self.summary_whole
            || !self.in_flight.is_empty()
            || !self.bodies.is_settled();
        match (self.hello.as_ref().and(self.grant.as_ref()), waiting) {
            (None, _) => self.opened_ms + HELLO_TIMEOUT_MS,
            // A proved grant is asked for anew where `Hello` names another one.
            (Some(_), _) if self.chain_asked => self.opened_ms + HELLO_TIMEOUT_MS,
            (Some(_), true) => self.heard_ms.max(self.spoke_ms) + PROGRESS_TIMEOUT_MS,
            (Some(_), false) => self.heard_ms + SILENCE_TIMEOUT_MS,
        }
    }

    /// Time has passed.
    pub(super) fn timeout(&mut self, now: Now, out: &mut Outputs) -> Result<(), PeerError> {
        if now.monotonic_ms >= self.death_ms() {
            let silent = now.monotonic_ms.saturating_sub(self.heard_ms);
            return Err(PeerError::Silence(silent));
        }
        if now.monotonic_ms >= self.spoke_ms + ALIVE_INTERVAL_MS {
            self.send(now, &Frame::Alive, out);
        }
        Ok(())
    }

    fn send(&mut self, now: Now, frame: &Frame, out: &mut Outputs) {
        self.spoke_ms = now.monotonic_ms;
        out.push_back(Output::Send(self.peer, frame.encode()));
    }
}

/// Bodies that one of the two lacks.
impl Session {
    /// Whether the peer can be asked for the bodies of a log: it may hold them, and we may.
    fn may_ask(&self, replica: &impl Replica, log: &LogKey) -> bool {
        let own = replica.authority().grant(&replica.own_grant());
        self.negotiated(replica, log.scope, log.lane)
            && own.is_some_and(|own| {
                receives(own, log.scope, log.lane) || log.device == own.subject
            })
    }

    /// Finds out whether any body is missing here that the peer may have.
    fn note_missing(&mut self, replica: &impl Replica) -> Result<(), Stop> {
        let missing = replica.missing(1, |log, _| self.may_ask(replica, log))?;
        self.bodies.lacking = !missing.is_empty();
        self.bodies.exhausted = false;
        Ok(())
    }

    fn ask_bodies(
        &mut self,
        places: Vec<LogPosition>,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        if self.grant.is_none() {
            return Err(PeerError::OutOfTurn("a question before the grant is proved").into());
        }
        if !places.iter().all(|place| self.to_be_sent(replica, &place.log)) {
            return Err(PeerError::Run(Refusal::OutsideArea).into());
        }
        Ok(self.bodies.asked(places)?)
    }

    fn body(
        &mut self,
        log: LogKey,
        seq: u64,
        body: Option<Vec<u8>>,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let hash = self.bodies.answered(log, seq, body.is_some())?;
        if let Some(body) = body {
            out.push_back(Output::Fill(self.peer, EntryPlace { log, seq, hash }, body));
        }
        Ok(())
    }

    /// Acknowledges bodies that are on the disk now, and looks again at what is owed and missing.
    fn bodies_committed(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        for chunk in self.bodies.take_came().chunks(HAVE_HEADS_PER_FRAME) {
            self.send(now, &Frame::Have(chunk.to_vec()), out);
        }
        let owed: Vec<LogPosition> = self.bodies.owed().collect();
        for place in owed {
            if !replica.is_missing(&place.log, place.seq)? {
                let is_here = replica.body(&place)?.is_some();
                self.bodies.pay(place, is_here);
            }
        }
        if self.grant.is_some() { self.note_missing(replica) } else { Ok(()) }
    }

    /// Answers while there is room, and asks once all else is here.
    fn pump_bodies(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        while self.in_flight_bytes + self.bodies.in_flight_bytes() < UNACKNOWLEDGED_BYTES_MAX {
            let Some(place) = self.bodies.next_asked() else { break };
            let body = replica.body(&place)?;
            let is_here = body.is_some();
            let answer = Frame::Body { log: place.log, seq: place.seq, body }.encode();
            match is_here {
                true => self.bodies.sent(&place, answer.len()),
                false => self.bodies.owe(&place),
            }
            self.spoke_ms = now.monotonic_ms;
            out.push_back(Output::Send(self.peer, answer));
        }
        let room = self.bodies.room();
        let asks = self.bodies.lacking && !self.bodies.exhausted && room > 0;
        if asks && self.hello.is_some() && self.has_all_wanted() {
            let places = replica.missing(room, |log, seq| {
                !self.bodies.is_asked(log, seq) && self.may_ask(replica, log)
            })?;
            self.bodies.exhausted = places.len() < room;
            self.bodies.ask(&places);
            if !places.is_empty() {
                self.send(now, &Frame::AskBodies(places), out);
            }
        }
        Ok(())
    }
}

/// Lane by lane; within authority the grants nearest to the root first, so that a log is never
/// offered before the grants that prove it.
fn priority(replica: &impl Replica, log: LogKey) -> (Lane, u8, LogKey) {
    let depth = replica.authority().grants_of(log.device).map(|(_, grant)| grant.depth).min();
    (log.lane, depth.unwrap_or(u8::MAX), log)
}
