//! A county in virtual time: every node's [`Engine`] over its own disk, links between them, and
//! one heap of events. One seed decides all of it.

use std::collections::{BTreeMap, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_node::command::budget::BudgetSet;
use shouwang_node::command::{CommandError, ErrorKind, Request};
use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::BUDGET_BYTES_MIN;
use shouwang_node::log::Incarnation;
use shouwang_node::store::rows::ScopeRow;
use shouwang_node::store::{StoreError, StoreRead};
use shouwang_node::sync::summary::Salt;
use shouwang_node::sync::{Input, Now, Output, Progress};

use crate::check::{Checker, Violation};
use crate::disk::Disk;
use crate::forger::Forger;
use crate::moves;
use crate::network::{Connection, End, Link, Quality, exponential};
use crate::sticks::{Part, Reading, Writing};
use crate::workload::{Done, People};

mod arrivals;
mod backup;
pub mod calendar;
mod costs;
mod counts;
mod exchange;
mod founding;
mod malice;
mod plan;
mod reading;
mod rest;
mod revocation;
mod roads;
mod rot;
mod trouble;
mod typing;
mod weeks;
mod wires;

pub use arrivals::{Day, Delays, Figures};
pub use calendar::Calendar;
pub use costs::Costs;
pub use counts::Counts;
pub use plan::{Faults, Plan};
pub use wires::Plant;

use arrivals::Arrivals;
use backup::{Image, Spare};
use costs::Sent;
use exchange::Exchange;
use reading::Readings;
use rot::Rot;

/// A node, by number.
pub type Node = usize;

/// A link, by number.
pub type LinkNumber = usize;

/// One second, minute, hour and day, ms.
pub const SECOND: u64 = 1_000;
/// See [`SECOND`].
pub const MINUTE: u64 = 60 * SECOND;
/// See [`SECOND`].
pub const HOUR: u64 = 60 * MINUTE;
/// See [`SECOND`].
pub const DAY: u64 = 24 * HOUR;

/// 2026-03-02 08:00 in UTC+8, a Monday: when every simulation begins.
const BEGINS_WALL_MS: i64 = 1_772_409_600_000;

/// Events after which a simulation counts as running wild, for each virtual hour and node.
const EVENTS_PER_NODE_HOUR_MAX: u64 = 200_000;

/// What a commit takes at least on a disk that is slow for a while, ms: a worn card, or a drive that wakes up.
const SLOW_COMMIT_MS: u64 = 2 * SECOND;

/// Events that are held up, at most.
const HELD_UP_MAX: u64 = 1 << 40;

/// Of a node's commits every so many is followed by a check of what it believes of custody.
const CUSTODY_CHECKED_EVERY: u64 = 16;

/// The county.
pub struct World {
    custody_checked_every: u64,
    plan: Plan,
    now_ms: u64,
    events: BTreeMap<(u64, u64), Event>,
    next_event: u64,
    /// Numbers what was held up, below all others.
    next_held: u64,
    nodes: Vec<NodeState>,
    links: Vec<LinkState>,
    devices: BTreeMap<DeviceId, Node>,
    between: BTreeMap<(Node, Node), (LinkNumber, End)>,
    /// With what each node salts what it says to another in their last session.
    salts: BTreeMap<(Node, Node), Salt>,
    people: People,
    checker: Checker,
    arrivals: Arrivals,
    streams: Streams,
    trace: blake3::Hasher,
    counts: Counts,
    calm: bool,
    plant: Option<Plant>,
    /// Homes that were copied.
    clones: usize,
    /// Who has only sticks, each with whom it exchanges them.
    roads: Vec<[Node; 2]>,
    /// The link that was last found not to be done.
    unsettled_link: LinkNumber,
    readings: Readings,
    /// When all nodes are looked into next, ms.
    look_ms: u64,
}

struct NodeState {
    name: String,
    device: DeviceId,
    area: DivisionCode,
    disk: Disk,
    /// The machine that the disk is in: what it promised is its own.
    machine: usize,
    version: Version,
    /// What it has sent to whom.
    sent: Sent,
    /// A backup of the disk.
    image: Option<Image>,
    /// The other machine, where the home was copied.
    spare: Option<Spare>,
    /// The incarnation under which its disk was last put back, or its home copied.
    put_back: Option<Incarnation>,
    /// How often it has settled.
    settled: u64,
    /// Whether its grant was taken away.
    revoked: bool,
    /// The hand of its owner, if that is in the wrong ones.
    forger: Option<Box<Forger>>,
    /// Whether its disk may have changed at rest.
    rot: Option<Rot>,
    /// Until when each of its commits takes seconds.
    slow_until_ms: u64,
    /// How far its wall clock has jumped since it began, ms.
    clock_jump_ms: i64,
    role: Role,
    /// How many things somebody does there in a round of the calendar.
    things_per_round: u64,
    /// Scopes of which custody has been looked at, in turn.
    custody_looked_at: usize,
    /// Its links.
    links: Vec<LinkNumber>,
    engine: Option<Engine>,
    /// Counts starts, so that events for an earlier run of the program come to nothing.
    start: u64,
    /// The virtual time of the last start: the clock that runs evenly begins there.
    started_ms: u64,
    clock_error_ms: i64,
    /// How long a commit takes at least, ms.
    commit_ms: u64,
    settling: bool,
    /// Whether the program ended last as it should.
    ended_well: bool,
    wake_ms: Option<u64>,
}

/// Of which version a node's program is.
#[derive(Clone, Copy, Debug, Default)]
struct Version {
    /// The streams that it reads, if not all.
    streams: Option<u8>,
    /// Whether it writes what others do not know.
    is_later: bool,
}

struct LinkState {
    ends: [Node; 2],
    link: Link,
    quality: Quality,
    backoff_ms: u64,
    /// The dial that is due: a later one replaces an earlier one.
    dial: u64,
    /// Something moved on it since "done" was last checked.
    moved: bool,
    /// As what "done" was last checked.
    looked: Option<Looked>,
    /// What the present connection has cost.
    exchange: Option<Exchange>,
    /// Frames that arrived, with their connection.
    late: VecDeque<(End, Connection, Vec<u8>)>,
}

/// All that "done" between two nodes depends on: how often each has committed, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Looked {
    commits: [u64; 2],
    says: [Option<Progress>; 2],
    done: bool,
}

/// Random numbers for each concern, so that one does not shift another.
struct Streams {
    network: ChaCha8Rng,
    disk: ChaCha8Rng,
    people: ChaCha8Rng,
    faults: ChaCha8Rng,
    seeds: ChaCha8Rng,
    sticks: ChaCha8Rng,
    versions: ChaCha8Rng,
    typing: ChaCha8Rng,
}

#[derive(Debug)]
enum Event {
    Dial(LinkNumber, u64),
    Up(LinkNumber, End, Connection),
    Down(LinkNumber, End, Connection),
    Cut(LinkNumber, Connection),
    Frame(LinkNumber, End, Connection, Vec<u8>),
    Settle(Node, u64),
    Wake(Node, u64),
    Work(Node),
    PowerOn(Node),
    PowerLoss(Node),
    Kill(Node),
    DiskError(Node),
    Backup(Node),
    Clone(Node),
    Malice(Node),
    Rot(Node),
    Inspect(Node),
    Clock(Node),
    SlowDisk(Node),
    OneWay(LinkNumber),
    BothWays(LinkNumber, End),
    Echo(LinkNumber),
    RoomAgain(Node),
    Stick(Node),
    Writing(Node, u64, Box<Writing>),
    Stuck(Node, Node, Box<Part>),
    Reading(Node, Node, u64, Box<Reading>),
    Partition(LinkNumber),
    Heal(LinkNumber),
    Opens(Node, Option<u64>),
    Closes(Node, Option<u64>),
    Evening(Node),
}

/// Why an engine did not do as asked.
enum Trouble {
    Store(StoreError),
    Command(CommandError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl World {
    /// A county whose devices are granted and whose ledgers lie ready. Nothing has been exchanged.
    pub fn new(plan: Plan) -> Result<Self, Violation> {
        let stream = |number: u64| {
            let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
            random.set_stream(number);
            random
        };
        let mut world = Self {
            streams: Streams {
                network: stream(1),
                disk: stream(2),
                people: stream(3),
                faults: stream(4),
                seeds: stream(5),
                sticks: stream(6),
                versions: stream(7),
                typing: stream(8),
            },
            plan,
            now_ms: 0,
            events: BTreeMap::new(),
            next_event: HELD_UP_MAX,
            next_held: 0,
            nodes: Vec::new(),
            links: Vec::new(),
            devices: BTreeMap::new(),
            between: BTreeMap::new(),
            salts: BTreeMap::new(),
            people: People::default(),
            checker: Checker::default(),
            arrivals: Arrivals::default(),
            trace: blake3::Hasher::new(),
            counts: Counts::default(),
            calm: false,
            plant: None,
            clones: 0,
            roads: Vec::new(),
            unsettled_link: 0,
            readings: Readings::default(),
            look_ms: DAY,
            custody_checked_every: CUSTODY_CHECKED_EVERY,
        };
        world.found()?;
        Ok(world)
    }

    /// The virtual time, ms.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The node with this name: the code of its place, with `-helper` or `-provider` after it for
    /// a second device there.
    pub fn node(&self, name: &str) -> Option<Node> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// The number of nodes.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The link between two nodes.
    pub fn link(&self, one: Node, two: Node) -> Option<LinkNumber> {
        self.between.get(&(one, two)).map(|(link, _)| *link)
    }

    /// A node's engine, while it runs.
    pub fn engine(&self, node: Node) -> Option<&Engine> {
        self.nodes[node].engine.as_ref()
    }

    /// Who works there.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// A node's disk.
    pub fn disk(&self, node: Node) -> &Disk {
        &self.nodes[node].disk
    }

    /// Plants a fault that a check has to find.
    pub fn plant(&mut self, plant: Plant) {
        self.plant = Some(plant);
    }

    /// What was promised, and a node's engine, to be checked against it.
    ///
    /// # Panics
    /// If the node is not running.
    pub fn checker_and_engine(&self, node: Node) -> (&Checker, &Engine) {
        let engine = self.nodes[node].engine.as_ref();
        (&self.checker, engine.expect("the node is running"))
    }

    /// The checks' own memory, to plant a promise that nobody made.
    pub fn checker_mut(&mut self) -> &mut Checker {
        &mut self.checker
    }

    /// A node's engine, to plant something in its store.
    pub fn engine_mut(&mut self, node: Node) -> Option<&mut Engine> {
        self.nodes[node].engine.as_mut()
    }

    /// People at a node do something now, if it runs.
    pub fn act(
        &mut self,
        node: Node,
        work: impl FnOnce(&mut People, &mut Engine, Now, &mut ChaCha8Rng) -> Done,
    ) -> Result<(), Violation> {
        let (now, machine) = (self.now(node), self.nodes[node].machine);
        let (people, random) = (&mut self.people, &mut self.streams.people);
        let is_rotten = self.nodes[node].rot.is_some();
        let Some(engine) = self.nodes[node].engine.as_mut() else { return Ok(()) };
        let done = match Self::guarded(is_rotten, || work(people, engine, now, random)) {
            Ok(done) => done,
            Err(_) => return self.finds_rot(node, "a panic"),
        };
        if is_rotten {
            return self.acted_over_rot(node, done);
        }
        match done.error {
            None => {
                self.counts.edits += done.facts.len() as u64;
                let places = self.checker.saved(machine, engine, done.facts)?;
                self.sets_out(node, places);
                self.touch(node);
                self.drain(node)?;
                self.look_at_quiet_links(node)
            }
            // Whoever floods comes to the end of its quota itself.
            Some(error) if error.code == "own_entries_refused" && !self.is_honest(node) => {
                *self.counts.refused.entry(error.code).or_default() += 1;
                Ok(())
            }
            Some(error) if error.kind == ErrorKind::Failed => {
                self.checker.unsure(machine, done.facts);
                *self.counts.refused.entry(error.code.clone()).or_default() += 1;
                self.stumbled(node, Trouble::Command(error))
            }
            // Refused for cause: nothing was said to be saved, and the node goes on.
            Some(error) => {
                *self.counts.refused.entry(error.code).or_default() += 1;
                self.drain(node)
            }
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span_ms: u64) -> Result<(), Violation> {
        let end = self.now_ms + span_ms;
        let hours = span_ms.div_ceil(HOUR).max(1);
        let most = self.counts.events + EVENTS_PER_NODE_HOUR_MAX * hours * self.nodes.len() as u64;
        while let Some(entry) = self.events.first_entry() {
            let at = entry.key().0;
            if at > end {
                break;
            }
            let event = entry.remove();
            self.now_ms = at.max(self.now_ms);
            while self.now_ms >= self.look_ms {
                self.look_ms += DAY;
                self.ends_day();
                self.looks_round()?;
            }
            self.counts.events += 1;
            if self.counts.events > most {
                return Err(Violation::broken("the nodes never come to rest"));
            }
            self.happen(event)?;
        }
        self.now_ms = end;
        Ok(())
    }

    /// BLAKE3 over everything that happened so far, in order.
    pub fn trace_hash(&self) -> String {
        hex::encode(self.trace.finalize().as_bytes())
    }

    /// Stops people from working.
    pub fn rest(&mut self) {
        self.events.retain(|_, event| !matches!(event, Event::Work(_)));
    }

    /// Entries at a node that runs.
    pub fn entries_at(&self, node: Node) -> u64 {
        self.rows(node).iter().map(|row| row.entries).sum()
    }

    /// Elders and fields with concurrent values at a node that runs.
    pub fn elders_and_conflicts_at(&self, node: Node) -> (u64, u64) {
        let rows = self.rows(node);
        let sum = |of: fn(&ScopeRow) -> u64| rows.iter().map(of).sum();
        (sum(|row| row.elders), sum(|row| row.conflicts))
    }

    fn rows(&self, node: Node) -> Vec<ScopeRow> {
        self.engine(node).map(held).unwrap_or_default()
    }

    /// As [`World::schedule`], before everything that comes at the same time: what was held up is older.
    fn schedule_first(&mut self, at_ms: u64, event: Event) {
        self.events.insert((at_ms, self.next_held), event);
        self.next_held += 1;
    }

    fn schedule(&mut self, at_ms: u64, event: Event) {
        self.events.insert((at_ms, self.next_event), event);
        self.next_event += 1;
    }

    fn note(&mut self, kind: &str, numbers: &[u64]) {
        self.trace.update(&self.now_ms.to_be_bytes()).update(kind.as_bytes());
        for number in numbers {
            self.trace.update(&number.to_be_bytes());
        }
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Dial(link, dial) => {
                if self.links[link].dial == dial {
                    self.dial(link);
                }
                Ok(())
            }
            Event::Up(link, end, connection) => self.up(link, end, connection),
            Event::Down(link, end, connection) => self.down(link, end, connection),
            Event::Cut(link, connection) => {
                if !self.calm && self.links[link].link.connection() == Some(connection) {
                    self.fault("cut");
                    self.cut(link);
                }
                Ok(())
            }
            Event::Frame(link, to, connection, bytes) => self.frame(link, to, connection, bytes),
            Event::Settle(node, start) => self.settle(node, start),
            Event::Wake(node, start) => self.wake(node, start),
            Event::Work(node) => self.work(node),
            Event::PowerOn(node) => self.power_on(node),
            Event::PowerLoss(node) => self.power_fault(node),
            Event::Kill(node) => self.kill_fault(node),
            Event::DiskError(node) => self.disk_fault(node),
            Event::Backup(node) => self.backup_fault(node),
            Event::Clone(node) => self.clone_fault(node),
            Event::Malice(node) => self.malice_fault(node),
            Event::Rot(node) => self.rot_fault(node),
            Event::Inspect(node) => self.inspect(node),
            Event::Clock(node) => {
                self.clock_fault(node);
                Ok(())
            }
            Event::SlowDisk(node) => {
                self.slow_fault(node);
                Ok(())
            }
            Event::OneWay(link) => {
                self.one_way_fault(link);
                Ok(())
            }
            Event::BothWays(link, from) => {
                self.links[link].link.deafen(from, false);
                Ok(())
            }
            Event::Echo(link) => self.echo_fault(link),
            Event::RoomAgain(node) => {
                self.nodes[node].disk.set_capacity(None);
                Ok(())
            }
            Event::Stick(node) => self.stick(node),
            Event::Writing(node, start, writing) => self.writing(node, start, writing),
            Event::Stuck(node, from, part) => {
                self.stuck(node, from, part);
                Ok(())
            }
            Event::Reading(node, from, start, reading) => self.reading(node, from, start, reading),
            Event::Partition(link) => {
                self.partition_fault(link);
                Ok(())
            }
            Event::Heal(link) => {
                if self.links[link].link.is_obstructed() {
                    self.heal(link);
                }
                Ok(())
            }
            Event::Opens(village, market) => {
                self.opens(village, market);
                Ok(())
            }
            Event::Evening(node) => self.evening(node),
            Event::Closes(village, market) => {
                self.closes(village, market);
                Ok(())
            }
        }
    }

    fn device(&self, node: Node) -> DeviceId {
        self.nodes[node].device
    }

    fn now(&self, node: Node) -> Now {
        let state = &self.nodes[node];
        Now {
            monotonic_ms: self.now_ms - state.started_ms,
            wall_ms: BEGINS_WALL_MS
                .saturating_add(self.now_ms as i64 + state.clock_error_ms)
                .saturating_add(state.clock_jump_ms),
        }
    }

    fn engine_does(
        &mut self,
        node: Node,
        work: impl FnOnce(&mut Engine, Now) -> Result<(), Trouble>,
    ) -> Result<(), Violation> {
        let now = self.now(node);
        let is_rotten = self.nodes[node].rot.is_some();
        let Some(engine) = self.nodes[node].engine.as_mut() else { return Ok(()) };
        match Self::guarded(is_rotten, || work(engine, now)) {
            Ok(Ok(())) => self.drain(node),
            Ok(Err(trouble)) => self.stumbled(node, trouble),
            Err(_) => self.finds_rot(node, "a panic"),
        }
    }

    /// Carries out what the engine wants, until it wants nothing before some time.
    fn drain(&mut self, node: Node) -> Result<(), Violation> {
        loop {
            let Some(engine) = self.nodes[node].engine.as_mut() else { return Ok(()) };
            match engine.poll() {
                Output::Send(peer, bytes) => self.transmit(node, peer, bytes),
                Output::Hangup(peer, error) => self.hangs_up(node, peer, &error)?,
                Output::Event(_) => {}
                Output::Timeout(at) => {
                    let started = self.nodes[node].started_ms;
                    let at = at.map(|at| at.saturating_add(started).max(self.now_ms));
                    if at != self.nodes[node].wake_ms {
                        self.nodes[node].wake_ms = at;
                        let start = self.nodes[node].start;
                        if let Some(at) = at {
                            self.schedule(at, Event::Wake(node, start));
                        }
                    }
                    return Ok(());
                }
                other => {
                    let detail = format!("the engine gave out what it has to deal with: {other:?}");
                    return Err(Violation::broken(detail));
                }
            }
        }
    }

    fn settles(&mut self, node: Node) {
        if self.nodes[node].engine.is_some() && !self.nodes[node].settling {
            self.nodes[node].settling = true;
            let start = self.nodes[node].start;
            let slow_ms =
                if self.nodes[node].slow_until_ms > self.now_ms { SLOW_COMMIT_MS } else { 0 };
            let least = self.nodes[node].commit_ms + slow_ms;
            let span = self.streams.disk.random_range(least..=2 * least);
            self.schedule(self.now_ms + span, Event::Settle(node, start));
        }
    }

    fn settle(&mut self, node: Node, start: u64) -> Result<(), Violation> {
        if self.nodes[node].start != start {
            return Ok(());
        }
        self.nodes[node].settling = false;
        self.note("settle", &[node as u64]);
        self.engine_does(node, |engine, now| Ok(engine.settle(now)?))?;
        self.takes_in(node)?;
        self.custody_is_true(node)?;
        self.look_at_quiet_links(node)
    }

    fn wake(&mut self, node: Node, start: u64) -> Result<(), Violation> {
        let state = &mut self.nodes[node];
        if state.start != start || state.wake_ms.is_none_or(|at| at > self.now_ms) {
            return Ok(());
        }
        state.wake_ms = None;
        self.note("wake", &[node as u64]);
        self.engine_does(node, |engine, now| Ok(engine.handle(now, Input::Timeout)?))?;
        self.settles(node);
        Ok(())
    }

    fn plans_work(&mut self, node: Node) {
        if let Some(calendar) = self.plan.calendar {
            let at = self.next_work(node, &calendar);
            return self.schedule(at, Event::Work(node));
        }
        let wait = exponential(self.plan.work_every_ms, &mut self.streams.people).max(SECOND);
        let mut at = self.now_ms + wait;
        // The day begins with the simulation; nobody works after ten hours.
        let of_day = at % DAY;
        if of_day > 10 * HOUR {
            at += DAY - of_day;
        }
        self.schedule(at, Event::Work(node));
    }

    fn work(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.plans_work(node);
        self.note("work", &[node as u64]);
        if !self.is_honest(node) {
            return self.act(node, People::visits);
        }
        self.types(node)?;
        let is_later = self.nodes[node].version.is_later;
        if is_later && self.streams.versions.random_bool(0.3) {
            return self.act(node, People::visits_later);
        }
        // Drawn only where elders move, so that other plans go on as they did.
        let [moves, budgets] = match self.plan.calendar {
            None => [0.2, 0.1],
            Some(_) => [0.02, 0.002],
        };
        if self.plan.moves && self.streams.people.random_bool(moves) {
            return self.act(node, |_, engine, now, random| match engine.settle(now) {
                Ok(()) => moves::work(engine, now, random),
                Err(error) => Done { facts: Vec::new(), error: Some(error.into()) },
            });
        }
        // In life it is a village that pays for its bytes; an office with such a limit would be a day behind for good.
        let pays = self.plan.calendar.is_none() || self.nodes[node].area.level() == Level::Village;
        if self.plan.budgets && pays && self.streams.people.random_bool(budgets) {
            self.fault("budget");
            return self.act(node, |_, engine, now, random| budgeted(engine, now, random));
        }
        match self.plan.calendar {
            None => self.act(node, People::work),
            Some(calendar) => {
                let survey = calendar.is_survey(self.now_ms);
                self.act(node, |people, engine, now, random| {
                    people.goes_round(engine, now, random, survey)
                })
            }
        }
    }
}

/// There are as many bytes as are wanted.
fn unbudgeted(engine: &mut Engine, now: Now) -> Done {
    let error = BudgetSet { daily_bytes: None }.execute(engine, now).err();
    Done { facts: Vec::new(), error }
}

/// Somebody sets how much may be exchanged in a day, or lifts that.
fn budgeted(engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
    let daily_bytes = random.random_bool(0.7).then_some(BUDGET_BYTES_MIN);
    let error = BudgetSet { daily_bytes }.execute(engine, now).err();
    Done { facts: Vec::new(), error }
}

/// Counts of the scopes that a node holds.
fn held(engine: &Engine) -> Vec<ScopeRow> {
    let rows = engine.read().and_then(|read| read.scopes_in(engine.area()));
    rows.unwrap_or_default().into_iter().map(|(_, row)| row).collect()
}
