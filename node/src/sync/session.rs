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

use super::aside::Asides;
use super::bodies::Bodies;
use super::compact::{Line, PackError, is_packet};
use super::logs::{Chains, PeerLogs};
use super::progress::Progress;
use super::stop::Stop;
use super::summary::Salt;
use super::window::{Acknowledged, Window};
use super::wire::{Aside, Frame, Hello, LogPosition, PROTOCOL_VERSION, Probe, ProbeWord};
use super::{Event, Now, Output, PeerError, Replica};
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, GrantId, Rights, SignedGrant};
use crate::ingest::{Outcome, Refusal};
use crate::limits::{
    BODIES_SOUGHT_MAX, BRANCHES_MAX, HAVE_HEADS_PER_FRAME, PROVES_AHEAD_MAX, STREAM_VERSION,
};
use crate::log::{EntryHash, Lane, LogKey, RunError, UnverifiedRun};
use crate::replication::{receives, replicates};
use crate::store::StoreError;
use crate::store::rows::{LogNumber, LogRow};

mod bodies;
mod compare;
mod hold;
mod shelf;
mod silence;
mod summary;

use hold::Hold;
use shelf::Shelf;
use summary::{Talk, Unknown};

/// By log and chain, the last entry that a peer sent and that is not acknowledged.
pub(super) type Received = BTreeMap<(LogKey, LogNumber), (u64, EntryHash)>;

/// A log with new entries: all its chains before they came, and now.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) before: Chains,
    pub(super) heads: Chains,
}

/// The state of one exchange.
#[derive(Debug)]
pub(super) struct Session {
    peer: DeviceId,
    /// Whether packets of this peer could not be read before: frames go as they are.
    plainly: bool,
    /// What we mix into what we say in short.
    salt: Salt,
    /// Both directions' streams, once both have said `Hello`.
    line: Option<Box<Line>>,
    opened_ms: u64,
    heard_ms: u64,
    spoke_ms: u64,
    /// Whether it was said of what is on the way that it may not arrive, since anything was acknowledged.
    doubted: bool,
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
    talk: Talk,
    /// What the peer holds of the logs in which the two of us differ.
    logs: PeerLogs,
    /// Heads of logs that are not known here, until the logs come.
    unknown: Unknown,
    /// Logs of which its summary named what is not here.
    wanting: BTreeSet<LogKey>,
    /// Logs of which something cannot be exchanged.
    stuck: BTreeSet<LogKey>,
    /// Those of them of which a branch was refused here for want of room.
    full: BTreeSet<LogKey>,
    /// Chains in which we are ahead of what was sent.
    behind: BTreeSet<Priority>,
    in_flight: VecDeque<InFlight>,
    /// What the peer has still to be told of branches that there is no room for.
    refusals: Vec<Probe>,
    /// Logs of which the peer's question was answered, since they changed here.
    answered: BTreeSet<LogKey>,
    /// Questions of the peer's, answered or not.
    questions: usize,
    /// Chains of grants that it has shown ahead of logs, and the logs of which it has sent runs.
    proofs: usize,
    logs_heard: BTreeSet<LogKey>,
    in_flight_bytes: usize,
    window: Window,
    hold: Hold,
    /// Whether this node has to be updated before it may promise anything.
    update_needed: bool,
    asides: Asides,
    bodies: Bodies,
    /// Whether anything became durable at either of us.
    moved: bool,
    done: bool,
}

/// A run that was sent and is not acknowledged.
#[derive(Debug)]
struct InFlight {
    log: LogKey,
    chain: LogNumber,
    last_seq: u64,
    sent: Acknowledged,
}

type Outputs = VecDeque<Output>;

/// Lane by lane; within authority the grants nearest to the root first, so that a log is never
/// offered before the grants that prove it; a chain after the one that it branches off.
pub(crate) type Priority = (u8, u8, LogKey, LogNumber);

impl Session {
    pub(super) fn open(
        peer: DeviceId,
        plainly: bool,
        metered: bool,
        salt: Salt,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<Self, Stop> {
        let mut session = Self {
            peer,
            plainly,
            salt,
            line: None,
            opened_ms: now.monotonic_ms,
            heard_ms: now.monotonic_ms,
            spoke_ms: now.monotonic_ms,
            doubted: false,
            hello: None,
            grant: None,
            grant_id: None,
            known_there: BTreeSet::new(),
            chain_asked: false,
            chain_shown: false,
            summary_sent: false,
            summary_whole: false,
            talk: Talk::default(),
            logs: PeerLogs::new(),
            unknown: Unknown::new(),
            wanting: BTreeSet::new(),
            stuck: BTreeSet::new(),
            full: BTreeSet::new(),
            behind: BTreeSet::new(),
            in_flight: VecDeque::new(),
            refusals: Vec::new(),
            answered: BTreeSet::new(),
            questions: 0,
            proofs: 0,
            logs_heard: BTreeSet::new(),
            in_flight_bytes: 0,
            window: Window::default(),
            hold: Hold::none(metered),
            update_needed: false,
            asides: Asides::default(),
            bodies: Bodies::default(),
            moved: false,
            done: false,
        };
        let hello = Frame::Hello(Hello {
            version: PROTOCOL_VERSION,
            mesh: replica.authority().mesh(),
            grant: replica.own_grant(),
            salt,
            clock_ms: now.wall_ms,
            stream_version: if plainly { 0 } else { STREAM_VERSION },
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
            session.begin(now, replica, out)?;
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
        if !is_packet(bytes) {
            self.one(now, Frame::decode(bytes)?, replica, out)?;
            return self.pump(now, replica, out);
        }
        let mut line = self.line.take().ok_or(PeerError::OutOfTurn("a packet before Hello"))?;
        let shelf = Shelf { replica, session: self };
        let unpacked = line.unpack(bytes, self.grant.is_some(), &shelf);
        self.line = Some(line);
        let frames = unpacked.map_err(|error| match error {
            PackError::Store(error) => Stop::Store(error),
            error => Stop::Peer(error.into()),
        })?;
        frames.into_iter().try_for_each(|frame| self.one(now, frame, replica, out))?;
        self.pump(now, replica, out)
    }

    fn one(
        &mut self,
        now: Now,
        frame: Frame,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
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
            Frame::Prove(chain) => self.proof(chain, replica, out)?,
            Frame::Summary(summary) => self.summary(now, summary, replica, out)?,
            Frame::Run(run) => self.run(run, replica, out)?,
            Frame::Have(heads) => self.have(now, &heads, replica, out)?,
            Frame::Probe(probe) => self.probe(now, &probe, replica, out)?,
            Frame::AskBodies(places) => self.ask_bodies(places, replica)?,
            Frame::Body { place, body } => self.body(place, body, out)?,
            Frame::Aside(asides) => {
                self.asides.hear(asides.len())?;
                out.push_back(Output::Event(Event::SetAside(self.peer, asides)));
            }
            Frame::Alive => {}
            Frame::Hold(word) => self.hold.hear(word),
            Frame::Close(code) => return Err(PeerError::Told(code).into()),
        }
        Ok(())
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
        // Whoever has said `Hello` reads packets from now on, for ours went before them.
        let line = if self.plainly {
            None
        } else {
            Line::open(hello.stream_version, [self.salt, hello.salt])
        };
        self.line = line.map(Box::new);
        self.hello = Some(hello.clone());
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
            Some((id, _)) if !authority.stands(&id) => match successor() {
                None if authority.is_retired(&id) => named,
                successor => Some(successor.ok_or(PeerError::Revoked)?),
            },
            named => named,
        };
        match by {
            Some((id, grant)) => {
                let known_as_is = self.grant_id == Some(id);
                self.prove(&grant, replica)?;
                self.note_chain(&replica.authority().chain(&id));
                out.push_back(Output::Event(Event::Proved(self.peer, grant.encode())));
                out.push_back(Output::Event(Event::Clock(self.peer, hello.clock_ms)));
                let retired = authority.is_retired(&id);
                self.grant = Some(if retired { without_records(grant) } else { grant });
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
        let clock = self.hello.as_ref().map(|hello| Event::Clock(self.peer, hello.clock_ms));
        out.extend(clock.map(Output::Event));
        self.grant_id = Some(shown.id());
        self.grant = Some(shown.grant);
        self.begin(now, replica, out)
    }

    /// The chain of a log that follows.
    fn proof(
        &mut self,
        chain: Vec<SignedGrant>,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        // Each chain of a log may have a grant of its own.
        self.proofs += 1;
        if self.proofs > PROVES_AHEAD_MAX + BRANCHES_MAX * self.logs_heard.len() {
            return Err(PeerError::TooMany("chains of grants").into());
        }
        let authority = replica.authority();
        if self.grant.is_none() || authority.check_chain(&chain).is_err() {
            return Err(PeerError::Run(Refusal::Unproven).into());
        }
        if chain.iter().any(|grant| authority.grant(&grant.id()).is_none()) {
            out.push_back(Output::Learn(chain));
        }
        Ok(())
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
    fn prove_log(&mut self, now: Now, grant: GrantId, replica: &impl Replica, out: &mut Outputs) {
        let known = self.known_there.contains(&grant) || replica.authority().is_carried(&grant);
        if !known {
            let chain = replica.authority().chain(&grant);
            self.note_chain(&chain);
            self.send(now, &Frame::Prove(chain), out);
        }
    }

    /// New entries were committed here: these are the logs that they are in.
    pub(super) fn committed(
        &mut self,
        now: Now,
        logs: &BTreeMap<LogKey, Changed>,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        // What has just come in may have taken the peer's grant away.
        if self.grant_id.is_some_and(|id| {
            replica.authority().grant(&id).is_some() && !replica.authority().stands(&id)
        }) {
            // A new session finds the grant that takes its place, and lets the peer learn of it.
            if replica.authority().standing_grants_of(self.peer).next().is_some() {
                return Err(PeerError::GrantChanged.into());
            }
            if !self.grant_id.is_some_and(|id| replica.authority().is_retired(&id)) {
                return Err(PeerError::Revoked.into());
            }
            self.grant = self.grant.take().map(without_records);
            self.bodies.forgive();
            let (peer, kept) = (self.peer, self.grant.clone());
            self.behind.retain(|(_, _, log, _)| {
                let sent = |grant: &Grant| receives(grant, log.scope, log.lane);
                log.device == peer || kept.as_ref().is_some_and(sent)
            });
        }
        self.bodies_committed(now, replica, out)?;
        for (log, Changed { heads, .. }) in logs {
            self.answered.remove(log);
            self.reconsider(now, *log, heads, replica, out)?;
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
        self.logs_heard.insert(run.log);
        self.recognise(&run.log, replica)?;
        out.push_back(Output::Ingest(self.peer, run));
        Ok(())
    }

    /// What became of a run from this peer.
    pub(super) fn ingested(
        &mut self,
        log: LogKey,
        last_seq: u64,
        result: &Result<Outcome, Refusal>,
    ) -> Result<(), PeerError> {
        match result {
            Ok(_) => Ok(()),
            // After a refusal, runs that were already on the way do not fit: no new fault.
            Err(Refusal::Run(RunError::Gap { .. } | RunError::BrokenChain))
                if self.full.contains(&log) =>
            {
                Ok(())
            }
            Err(Refusal::Forked { end } | Refusal::OverQuota { end }) => {
                self.full.insert(log);
                self.stuck.insert(log);
                let positions = vec![(last_seq, *end)];
                self.refusals.push(Probe { word: ProbeWord::Full, log, positions });
                Ok(())
            }
            // In a stream a hash said by its first bytes may have been another's: said in full once more,
            // it is known whose fault it is.
            Err(Refusal::Run(RunError::BrokenSignature)) if self.line.is_some() => {
                Err(PeerError::WrongReference)
            }
            Err(refusal) => Err(PeerError::Run(*refusal)),
        }
    }

    /// Tells the peer what is durably stored now of what it sent: the last entry of each chain.
    /// What others sent of the same log in the same transaction says nothing of it.
    pub(super) fn acknowledge(
        &mut self,
        now: Now,
        received: &Received,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let mut positions = Vec::new();
        for ((log, number), (seq, hash)) in received {
            positions.push(LogPosition { log: *log, seq: *seq, hash: *hash });
            let heads = replica.chains(log)?;
            if !self.logs.contains_key(log) && self.has_settled(log) {
                self.track(*log, &heads, &heads, replica)?;
            }
            let theirs = self.logs.entry(*log).or_default();
            theirs.follow(&heads);
            if let Some((chain, _)) = heads.iter().find(|(chain, _)| chain.number == *number) {
                theirs.holds(replica, &heads, chain, *seq)?;
            }
            self.forget_if_alike(log, &heads);
        }
        for chunk in positions.chunks(HAVE_HEADS_PER_FRAME) {
            self.send(now, &Frame::Have(chunk.to_vec()), out);
            self.note_moved(out);
        }
        self.pump(now, replica, out)
    }

    /// Tells the peer which of the entries that it sent do not count here.
    pub(super) fn set_aside(&mut self, now: Now, asides: &[Aside], out: &mut Outputs) {
        for frame in self.asides.say(asides) {
            self.send(now, &frame, out);
        }
    }

    fn have(
        &mut self,
        now: Now,
        heads: &[LogPosition],
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let before = self.in_flight.len();
        for position in heads {
            self.bodies.acknowledged(position);
            // Of what was sent it holds nothing that we do not.
            let Some(theirs) = self.logs.get_mut(&position.log) else { continue };
            let is_it = |hash: &EntryHash| *hash == position.hash;
            if let Some(chain) = replica.find(&position.log, position.seq, is_it)? {
                let heads = replica.chains(&position.log)?;
                theirs.follow(&heads);
                theirs.holds(replica, &heads, &chain, position.seq)?;
                self.forget_if_alike(&position.log, &heads);
            }
        }
        self.forget_in_flight(now);
        if self.in_flight.len() < before {
            self.note_moved(out);
        }
        Ok(())
    }

    fn note_moved(&mut self, out: &mut Outputs) {
        if !std::mem::replace(&mut self.moved, true) {
            out.push_back(Output::Event(Event::Moved(self.peer)));
        }
    }

    /// What the peer has, or has refused, is no longer on the way.
    fn forget_in_flight(&mut self, now: Now) {
        let (logs, window, doubted) = (&self.logs, &mut self.window, &mut self.doubted);
        self.in_flight.retain(|run| {
            let waits = logs
                .get(&run.log)
                .is_some_and(|log| !log.has(run.chain, run.last_seq) && !log.is_refused(run.chain));
            if !waits {
                window.acknowledged(now.monotonic_ms, run.sent);
                *doubted = false;
            }
            waits
        });
        self.in_flight_bytes = self.in_flight.iter().map(|run| run.sent.bytes).sum();
    }

    /// Sends runs while there is room, and notes when all is done.
    fn pump(&mut self, now: Now, replica: &impl Replica, out: &mut Outputs) -> Result<(), Stop> {
        for probe in std::mem::take(&mut self.refusals) {
            self.send(now, &Frame::Probe(probe), out);
        }
        loop {
            // Where the two of us part has to be known before anything is sent.
            let logs = &self.logs;
            let asked = |log: &LogKey| logs.get(log).is_some_and(|log| log.asked);
            let goes = |(rank, _, log, _): &&Priority| !self.waits(*rank) && !asked(log);
            let place = self.behind.iter().find(goes).copied();
            let Some((rank, _, log, number)) = place else { break };
            if !self.has_room(rank) {
                break;
            }
            // Of a log that is not remembered the peer has all.
            let Some(theirs) = self.logs.get(&log) else {
                place.map(|place| self.behind.remove(&place));
                continue;
            };
            let after = theirs.reached(number);
            let heads = replica.chains(&log)?;
            let chain = heads.iter().find(|(chain, _)| chain.number == number).copied();
            let run = match &chain {
                None => None,
                Some((chain, _)) => replica.run_after(chain, after)?.map(|run| (chain, run)),
            };
            let Some((chain, run)) = run else {
                place.map(|place| self.behind.remove(&place));
                continue;
            };
            self.prove_log(now, chain.grant, replica, out);
            let last = run.last_seq();
            let sent = Event::Sent(self.peer, run.entries.len() as u64);
            let bytes = self.send_run(now, run, replica, out)?;
            self.in_flight_bytes += bytes;
            let on_the_way = self.in_flight_bytes + self.bodies.in_flight_bytes();
            let run = Acknowledged { sent_ms: now.monotonic_ms, bytes, on_the_way };
            self.in_flight.push_back(InFlight { log, chain: number, last_seq: last, sent: run });
            self.logs.entry(log).or_default().sends(replica, &heads, chain, last)?;
            out.push_back(Output::Event(sent));
        }
        self.pump_bodies(now, replica, out)?;
        self.say_all_went(now, out);
        self.update_needed = replica.authority().update_needed();
        let done = self.is_done();
        if done && !self.done {
            out.push_back(Output::Event(Event::Done(self.peer)));
        }
        self.done = done;
        Ok(())
    }

    /// Whether a run of this rank may be sent: what is urgent need not wait until what is not has
    /// arrived.
    fn has_room(&self, rank: u8) -> bool {
        match rank <= Lane::Urgent.number() {
            true => self.window.has_urgent_room(self.in_flight_bytes),
            // Only everyday records wait for bytes: what is left is none once a day's are spent.
            false => {
                self.window.has_room(self.in_flight_bytes)
                    && (rank != Lane::Routine.number() || self.affords(self.in_flight_bytes))
            }
        }
    }

    /// Whether both hold, durably, all that both summaries spoke of and all that was sent since.
    fn is_done(&self) -> bool {
        let whole = self.stuck.is_empty() && self.bodies.is_whole();
        self.is_settled() && whole && !self.update_needed
    }

    /// Whether nothing more can be exchanged: done, but for logs that are stuck and bodies that both
    /// lack.
    fn is_settled(&self) -> bool {
        // What a peer that holds back has not told of, nobody knows.
        !self.hold.leaves_open()
            && self.is_compared()
            && self.behind.is_empty()
            && self.in_flight.is_empty()
            && self.bodies.is_settled()
            && self.has_all_wanted()
    }

    /// Whether both have said all that they hold.
    fn is_compared(&self) -> bool {
        self.hello.is_some() && self.summary_sent && self.summary_whole
    }

    /// Whether all is here that the peer's summary spoke of, but for logs that are stuck.
    fn has_all_wanted(&self) -> bool {
        let stuck = |log| self.stuck.contains(log);
        self.summary_whole && self.unknown.is_empty() && self.wanting.iter().all(stuck)
    }

    /// How far the exchange is.
    pub(super) fn progress(&self, replica: &impl Replica) -> Result<Progress, StoreError> {
        let mut progress = Progress {
            stuck: self.stuck.len() as u64,
            remembered: self.logs.len() as u64,
            ..Progress::default()
        };
        for log in self.wanting.difference(&self.stuck) {
            if let Some(theirs) = self.logs.get(log) {
                progress.we_lack += theirs.we_lack(&replica.chains(log)?);
            }
        }
        let unknown = self.unknown.values().filter_map(|heads| heads.iter().max());
        progress.we_lack += unknown.map(|(seq, _)| seq + 1).sum::<u64>();
        let ahead = self.behind.iter().map(|(_, _, log, _)| log);
        let ahead: BTreeSet<&LogKey> =
            ahead.chain(self.in_flight.iter().map(|sent| &sent.log)).collect();
        for log in ahead {
            if let Some(theirs) = self.logs.get(log) {
                progress.they_lack += theirs.they_lack(&replica.chains(log)?);
            }
        }
        progress.missing = match self.bodies.lacking {
            true => {
                replica.missing(BODIES_SOUGHT_MAX, |place| self.may_ask(replica, &place.log))?.len()
            }
            false => 0,
        } as u64;
        progress.done = self.is_done();
        progress.held_back = self.is_held_back();
        progress.settled = self.is_settled();
        Ok(progress)
    }

    fn send(&mut self, now: Now, frame: &Frame, out: &mut Outputs) {
        self.spoke_ms = now.monotonic_ms;
        let packet = match &mut self.line {
            // By itself a sign of life is shorter as it is.
            Some(line) if *frame != Frame::Alive => line.push(frame),
            _ => Some(frame.encode()),
        };
        out.extend(packet.map(|packet| Output::Send(self.peer, packet)));
    }

    /// Sends a run. Returns how many bytes it takes before compression.
    fn send_run(
        &mut self,
        now: Now,
        run: UnverifiedRun,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<usize, StoreError> {
        self.spoke_ms = now.monotonic_ms;
        let mut line = self.line.take();
        let pushed = match &mut line {
            None => {
                let frame = Frame::Run(run).encode();
                Ok((frame.len(), Some(frame)))
            }
            Some(line) => line.push_run(&run, &Shelf { replica, session: self }),
        };
        self.line = line;
        let (bytes, full) = pushed?;
        let enough = self.line.as_mut().and_then(|line| line.flush_at(self.window.packet_bytes()));
        let packets = full.into_iter().chain(enough);
        out.extend(packets.map(|packet| Output::Send(self.peer, packet)));
        Ok(bytes)
    }

    /// Sends what has gathered while an input was handled, as one packet.
    pub(super) fn flush(&mut self, out: &mut Outputs) {
        if let Some(line) = &mut self.line {
            out.extend(line.flush().map(|packet| Output::Send(self.peer, packet)));
            if self.done {
                line.rest();
            }
        }
    }
}

/// A device that has given its grant back still brings what it wrote before; it is sent no records.
fn without_records(grant: Grant) -> Grant {
    Grant { rights: grant.rights.without(Rights::REPLICATE), ..grant }
}

/// Lane by lane; within authority the grants nearest to the root first, so that a log is never
/// offered before the grants that prove it.
pub(crate) fn priority(replica: &impl Replica, chain: &LogRow) -> Priority {
    let log = chain.key;
    let depth = replica.authority().grants_of(log.device).map(|(_, grant)| grant.depth).min();
    (rank(replica, &log), depth.unwrap_or(u8::MAX), log, chain.number)
}

/// What goes first: lane by lane; but notices that a place gets from above, receipts of its records,
/// go after the records that they speak of, so that they can refer to them.
fn rank(replica: &impl Replica, log: &LogKey) -> u8 {
    let from_above = || {
        let mut grants = replica.authority().grants_of(log.device);
        log.lane == Lane::Notice && !grants.any(|(_, grant)| grant.area.0 == log.scope)
    };
    if from_above() { u8::MAX } else { log.lane.number() }
}
