//! A county in virtual time: every node's [`Engine`] over its own disk, links between them, and
//! one heap of events. One seed decides all of it.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::{CommandError, ErrorKind, Request};
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::{REDIAL_MAX_MS, REDIAL_MIN_MS, REDIAL_REFUSED_MS};
use shouwang_node::log::{EntryPlace, Incarnation};
use shouwang_node::setup;
use shouwang_node::store::rows::ScopeRow;
use shouwang_node::store::{Store, StoreError, StoreRead};
use shouwang_node::sync::summary::Salt;
use shouwang_node::sync::wire::{Frame, Hello, LogPosition, ProbeWord};
use shouwang_node::sync::{Disposition, Fault, Input, Now, Output, PeerError};

use crate::check::{self, Checker, Violation};
use crate::claims;
use crate::custody;
use crate::disk::{Disk, Mishap};
use crate::moves;
use crate::network::{Connection, Cuts, End, Link, Quality, exponential, notice_ms};
use crate::workload::{Done, People};

mod backup;
mod revocation;

use backup::{Image, Spare};

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

/// Of a node's commits every so many is followed by a check of what it believes of custody.
const CUSTODY_CHECKED_EVERY: u64 = 12;

/// What is simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Decides everything that the rest of the plan leaves open.
    pub seed: u64,
    /// Townships in the county.
    pub townships: u32,
    /// Villages in each township.
    pub villages: u32,
    /// Elders in each village's ledger.
    pub elders: u32,
    /// Each village has a helper's device too, linked to the clerk's and to the township's, and
    /// each clerk's device is linked to the county's: the same entries come by several ways. Each
    /// township has a service firm, which writes visits and holds no files.
    pub meshed: bool,
    /// Elders move between villages.
    #[serde(default)]
    pub moves: bool,
    /// Peers speak in plain frames, which the world reads: what a node claims of its logs is checked then.
    /// In streams only what follows from it is.
    #[serde(default)]
    pub plainly: bool,
    /// Mean time between two things that somebody does at one node in working hours, ms.
    pub work_every_ms: u64,
    /// What goes wrong.
    pub faults: Faults,
}

/// What goes wrong, as mean times between two such faults of one node or link, ms; None for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Links are cut, late and slow as their kind is; otherwise they are only far.
    pub poor_links: bool,
    /// A link lets nothing through for a while.
    pub partition_every_ms: Option<u64>,
    /// How long, on average.
    pub partition_lasts_ms: u64,
    /// A node loses power, half the time in the middle of a commit.
    pub power_loss_every_ms: Option<u64>,
    /// A node's program is killed.
    pub kill_every_ms: Option<u64>,
    /// A node's disk fails to write, or is full for a while.
    pub disk_error_every_ms: Option<u64>,
    /// A node's disk is backed up, and the next time put back to that.
    pub restore_every_ms: Option<u64>,
    /// A node's home is copied to a second machine; each runs when the other does not.
    pub clone_every_ms: Option<u64>,
    /// Some clocks are wrong, one of them by decades.
    pub wrong_clocks: bool,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        poor_links: false,
        partition_every_ms: None,
        partition_lasts_ms: 0,
        power_loss_every_ms: None,
        kill_every_ms: None,
        disk_error_every_ms: None,
        restore_every_ms: None,
        clone_every_ms: None,
        wrong_clocks: false,
    };

    /// Everything goes wrong, far more often than in life.
    pub const ALL: Self = Self {
        poor_links: true,
        partition_every_ms: Some(2 * HOUR),
        partition_lasts_ms: 20 * MINUTE,
        power_loss_every_ms: Some(90 * MINUTE),
        kill_every_ms: Some(3 * HOUR),
        disk_error_every_ms: Some(6 * HOUR),
        restore_every_ms: Some(2 * HOUR),
        clone_every_ms: Some(40 * HOUR),
        wrong_clocks: true,
    };
}

impl Plan {
    /// A small county with every fault.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            townships: 2,
            villages: 2,
            elders: 6,
            meshed: false,
            plainly: seed.is_multiple_of(2),
            moves: false,
            work_every_ms: 6 * MINUTE,
            faults: Faults::ALL,
        }
    }
}

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
    /// Reopened stores of which every promise was checked.
    pub restarts_checked: u64,
}

/// What is planted to show that the checks find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Runs that this link carries are swallowed, and acknowledged to the sender all the same.
    ForgedHave(LinkNumber),
    /// Runs that this link carries are swallowed.
    SwallowedRuns(LinkNumber),
    /// The next frame on this link arrives as garbage.
    Garbage(LinkNumber),
}

/// The county.
pub struct World {
    custody_checked_every: u64,
    plan: Plan,
    now_ms: u64,
    events: BTreeMap<(u64, u64), Event>,
    next_event: u64,
    nodes: Vec<NodeState>,
    links: Vec<LinkState>,
    devices: BTreeMap<DeviceId, Node>,
    between: BTreeMap<(Node, Node), (LinkNumber, End)>,
    /// With what each node salts what it says to another in their last session.
    salts: BTreeMap<(Node, Node), Salt>,
    people: People,
    checker: Checker,
    streams: Streams,
    trace: blake3::Hasher,
    counts: Counts,
    calm: bool,
    plant: Option<Plant>,
    /// Homes that were copied.
    clones: usize,
}

struct NodeState {
    name: String,
    device: DeviceId,
    area: DivisionCode,
    disk: Disk,
    /// The machine that the disk is in: what it promised is its own.
    machine: usize,
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
    engine: Option<Engine>,
    /// Counts starts, so that events for an earlier run of the program come to nothing.
    start: u64,
    /// The virtual time of the last start: the clock that runs evenly begins there.
    started_ms: u64,
    clock_error_ms: i64,
    /// How long a commit takes at least, ms.
    commit_ms: u64,
    settling: bool,
    wake_ms: Option<u64>,
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
}

/// Random numbers for each concern, so that one does not shift another.
struct Streams {
    network: ChaCha8Rng,
    disk: ChaCha8Rng,
    people: ChaCha8Rng,
    faults: ChaCha8Rng,
    seeds: ChaCha8Rng,
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
    RoomAgain(Node),
    Partition(LinkNumber),
    Heal(LinkNumber),
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
            },
            plan,
            now_ms: 0,
            events: BTreeMap::new(),
            next_event: 0,
            nodes: Vec::new(),
            links: Vec::new(),
            devices: BTreeMap::new(),
            between: BTreeMap::new(),
            salts: BTreeMap::new(),
            people: People::default(),
            checker: Checker::default(),
            trace: blake3::Hasher::new(),
            counts: Counts::default(),
            calm: false,
            plant: None,
            clones: 0,
            custody_checked_every: CUSTODY_CHECKED_EVERY,
        };
        world.found()?;
        Ok(world)
    }

    /// Grants devices from the county down, and lays links.
    fn found(&mut self) -> Result<(), Violation> {
        let county = DivisionCode::from_number(990_121_000_000).map_err(Violation::broken)?;
        let child = |place: DivisionCode, local: u32| {
            place.child(u64::from(local)).ok_or_else(|| Violation::broken("too many places"))
        };
        let top = self.begins(county)?;
        let mut villages: BTreeMap<DivisionCode, Vec<DivisionCode>> = BTreeMap::new();
        for township in 0..self.plan.townships {
            let township = child(county, 101 + township)?;
            let office = self.joins(top, township, "", Role::Manager)?;
            self.lays(office, top);
            if self.plan.meshed {
                let provider = self.joins(office, township, "-provider", Role::Provider)?;
                self.lays(provider, office);
            }
            for village in 0..self.plan.villages {
                let village = child(township, 201 + village)?;
                villages.entry(township).or_default().push(village);
                let clerk = self.joins(office, village, "", Role::Clerk)?;
                self.lays(clerk, office);
                if self.plan.meshed {
                    let helper = self.joins(office, village, "-helper", Role::Helper)?;
                    self.lays(helper, clerk);
                    self.lays(helper, office);
                    self.lays(clerk, top);
                }
            }
        }
        self.people.write_ledgers(&villages, self.plan.elders, &mut self.streams.people);
        for node in 0..self.nodes.len() {
            self.plans_work(node);
            self.plans_fault(node);
        }
        for link in 0..self.links.len() {
            let quality = self.links[link].quality;
            self.set_quality(
                link,
                if self.plan.faults.poor_links { quality } else { far(quality) },
            );
            self.plans_partition(link);
            // Who meets whom first is anybody's guess.
            let first = if self.plan.faults.partition_every_ms.is_some() { HOUR } else { MINUTE };
            let at = self.streams.network.random_range(0..first);
            self.dials(link, at);
        }
        Ok(())
    }

    fn begins(&mut self, county: DivisionCode) -> Result<Node, Violation> {
        let disk = Disk::new();
        let mut entropy = Entropy::new(self.streams.seeds.random());
        let store = Store::with_backend(disk.mount())?;
        let root = setup::init(&store, &mut entropy, county, "县民政局", BEGINS_WALL_MS)
            .map_err(|error| Violation::broken(format!("{error:?}")))?;
        self.people.keep_root(root);
        self.moves_in(county, county.to_string(), disk, store)
    }

    fn joins(
        &mut self,
        by: Node,
        area: DivisionCode,
        suffix: &str,
        role: Role,
    ) -> Result<Node, Violation> {
        let disk = Disk::new();
        let mut entropy = Entropy::new(self.streams.seeds.random());
        let store = Store::with_backend(disk.mount())?;
        let broken = |error: setup::SetupError| Violation::broken(format!("{error:?}"));
        let request = setup::request(&store, &mut entropy).map_err(broken)?.to_text();
        let name = format!("{area}{suffix}");
        let grant = GrantDevice {
            request,
            name: name.clone(),
            area,
            role,
            addresses: Vec::new(),
            replace: false,
            root: None,
            quota_bytes: None,
        };
        let now = self.now(by);
        let engine = self.nodes[by].engine.as_mut();
        let engine = engine.ok_or_else(|| Violation::broken("nobody grants"))?;
        let granted = grant.execute(engine, now).map_err(Violation::broken)?;
        setup::join(&store, &mut entropy, &granted.invite).map_err(broken)?;
        self.moves_in(area, name, disk, store)
    }

    fn moves_in(
        &mut self,
        area: DivisionCode,
        name: String,
        disk: Disk,
        store: Store,
    ) -> Result<Node, Violation> {
        let node = self.nodes.len();
        let seed = self.streams.seeds.random();
        let engine =
            Engine::open(store, seed).map_err(|error| Violation::broken(format!("{error:?}")))?;
        let device = engine.device();
        self.devices.insert(device, node);
        let random = &mut self.streams.faults;
        let clock_error_ms = match random.random_range(0..4) {
            _ if !self.plan.faults.wrong_clocks => 0,
            0 => -BEGINS_WALL_MS,
            1 => random.random_range(-3 * DAY as i64..3 * DAY as i64),
            _ => 0,
        };
        self.nodes.push(NodeState {
            name,
            device,
            area,
            disk,
            machine: node,
            image: None,
            spare: None,
            put_back: None,
            settled: 0,
            revoked: false,
            engine: Some(engine),
            start: 0,
            started_ms: 0,
            clock_error_ms,
            commit_ms: random.random_range(2..60),
            settling: false,
            wake_ms: None,
        });
        Ok(node)
    }

    fn lays(&mut self, dialler: Node, listener: Node) {
        let kinds = match self.nodes[dialler].area.level() {
            _ if self.nodes[dialler].area == self.nodes[listener].area => vec![Quality::OFFICE],
            Level::Village => vec![Quality::MOBILE, Quality::GPRS, Quality::BROADBAND],
            _ => vec![Quality::BROADBAND, Quality::SATELLITE, Quality::MOBILE],
        };
        let quality = kinds[self.streams.network.random_range(0..kinds.len())];
        let number = self.links.len();
        self.links.push(LinkState {
            ends: [dialler, listener],
            link: Link::new(quality),
            quality,
            backoff_ms: REDIAL_MIN_MS,
            dial: 0,
            moved: true,
        });
        self.between.insert((dialler, listener), (number, End::Dialler));
        self.between.insert((listener, dialler), (number, End::Listener));
    }

    // ---- what a story does ------------------------------------------------------------------

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

    /// A node's disk.
    pub fn disk(&self, node: Node) -> &Disk {
        &self.nodes[node].disk
    }

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

    /// A node loses power now and comes back after `off_ms`.
    pub fn lose_power(&mut self, node: Node, off_ms: u64) -> Result<(), Violation> {
        self.goes_off(node, "power_loss", off_ms)
    }

    /// People at a node do something now, if it runs.
    pub fn act(
        &mut self,
        node: Node,
        work: impl FnOnce(&mut People, &mut Engine, Now, &mut ChaCha8Rng) -> Done,
    ) -> Result<(), Violation> {
        let (now, machine) = (self.now(node), self.nodes[node].machine);
        let (people, random) = (&mut self.people, &mut self.streams.people);
        let Some(engine) = self.nodes[node].engine.as_mut() else { return Ok(()) };
        let done = work(people, engine, now, random);
        match done.error {
            None => {
                self.counts.edits += done.facts.len() as u64;
                self.checker.saved(machine, engine, done.facts)?;
                self.touch(node);
                self.drain(node)?;
                self.look_at_quiet_links(node)
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
            self.counts.events += 1;
            if self.counts.events > most {
                return Err(Violation::broken("the nodes never come to rest"));
            }
            self.happen(event)?;
        }
        self.now_ms = end;
        Ok(())
    }

    /// The faults are over: every node has power and room, every link lets everything through.
    pub fn calm_down(&mut self) -> Result<(), Violation> {
        self.calm = true;
        for link in 0..self.links.len() {
            let kind = self.links[link].quality;
            self.links[link].link.clear();
            self.set_quality(link, far(kind));
            self.heal(link);
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].disk.set_capacity(None);
            if self.nodes[node].engine.is_none() {
                self.schedule(self.now_ms, Event::PowerOn(node));
            }
        }
        Ok(())
    }

    /// Runs until every link is up, quiet and done, and all nodes agree; then checks everything.
    /// Of a home that was copied each machine has its turn, twice. Returns how long it took.
    pub fn converge(&mut self, within_ms: u64) -> Result<u64, Violation> {
        let mut took = self.comes_to_rest(within_ms)?;
        for _ in 0..4 {
            let cloned = self.cloned();
            if cloned.is_empty() {
                break;
            }
            for node in cloned {
                self.take_turns(node)?;
            }
            took += self.comes_to_rest(within_ms)?;
        }
        // What a machine that was off had saved has had its turn too.
        self.check_all()?;
        Ok(took)
    }

    fn comes_to_rest(&mut self, within_ms: u64) -> Result<u64, Violation> {
        let began = self.now_ms;
        loop {
            let settled = self.is_settled()?;
            if settled {
                break;
            }
            if self.now_ms - began >= within_ms {
                check::converged(self.running())?;
                return Err(Violation::late(format!(
                    "after {within_ms} ms without faults: {}",
                    self.unsettled()?
                )));
            }
            self.run_for(SECOND)?;
        }
        Ok(self.now_ms - began)
    }

    /// After every so many commits of a node what it believes of custody is checked.
    pub fn check_custody_every(&mut self, commits: u64) {
        self.custody_checked_every = commits.max(1);
    }

    /// Checks every guarantee as it stands now, all nodes being settled.
    pub fn check_all(&self) -> Result<(), Violation> {
        check::converged(self.running())?;
        check::erased_is_gone(self.running())?;
        if self.nodes.iter().all(|node| node.engine.is_some()) {
            moves::purged_is_held(self.running())?;
        }
        for (node, engine) in self.running() {
            check::inside_area(node, engine)?;
            moves::shown_once(node, engine)?;
            check::verified(node, engine)?;
            self.checker.arrived(node, engine)?;
            check::inbox::whole(&self.checker, node, engine)?;
            if self.nodes.iter().all(|node| node.engine.is_some()) {
                custody::not_held_is_true(node, engine, self.running())?;
            }
        }
        Ok(())
    }

    /// How many of its entries a node that runs says are not held elsewhere.
    pub fn not_held(&self, node: Node) -> Result<u64, Violation> {
        let Some(engine) = self.engine(node) else { return Ok(0) };
        custody::not_held_is_true(node, engine, self.running())
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

    // ---- events -----------------------------------------------------------------------------

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
            Event::RoomAgain(node) => {
                self.nodes[node].disk.set_capacity(None);
                Ok(())
            }
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
        }
    }

    // ---- connections ------------------------------------------------------------------------

    fn dials(&mut self, link: LinkNumber, at_ms: u64) {
        self.links[link].dial += 1;
        let dial = self.links[link].dial;
        self.schedule(at_ms, Event::Dial(link, dial));
    }

    fn backs_off(&mut self, link: LinkNumber) {
        let wait = self.links[link].backoff_ms;
        self.links[link].backoff_ms = (wait * 2).min(REDIAL_MAX_MS);
        self.dials(link, self.now_ms + wait);
    }

    fn dial(&mut self, number: LinkNumber) {
        let [dialler, listener] = self.links[number].ends;
        let state = &mut self.links[number];
        if self.nodes[dialler].engine.is_none() || state.link.believed(End::Dialler).is_some() {
            return;
        }
        if self.nodes[listener].engine.is_none() || state.link.is_obstructed() {
            self.backs_off(number);
            return;
        }
        let opening = state.link.open(self.now_ms, &mut self.streams.network);
        self.counts.connections += 1;
        self.note("open", &[number as u64, opening.connection]);
        for (end, at) in [End::Dialler, End::Listener].into_iter().zip(opening.up_ms) {
            self.schedule(at, Event::Up(number, end, opening.connection));
        }
        if let Some(at) = opening.cut_ms.filter(|_| !self.calm) {
            self.schedule(at, Event::Cut(number, opening.connection));
        }
    }

    fn end(&self, link: LinkNumber, end: End) -> Node {
        let [dialler, listener] = self.links[link].ends;
        match end {
            End::Dialler => dialler,
            End::Listener => listener,
        }
    }

    fn up(&mut self, link: LinkNumber, end: End, connection: Connection) -> Result<(), Violation> {
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

    fn down(
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
    fn cut(&mut self, link: LinkNumber) {
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

    fn frame(
        &mut self,
        number: LinkNumber,
        to: End,
        connection: Connection,
        bytes: Vec<u8>,
    ) -> Result<(), Violation> {
        let (node, peer) = (self.end(number, to), self.end(number, to.other()));
        let link = &mut self.links[number].link;
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
        let Some(bytes) = self.planted(number, to, bytes) else { return Ok(()) };
        let device = self.device(peer);
        self.engine_does(node, |engine, now| Ok(engine.handle(now, Input::Frame(device, bytes))?))?;
        self.settles(node);
        self.look_at_quiet_links(node)
    }

    /// What a planted fault makes of a frame.
    fn planted(&mut self, number: LinkNumber, to: End, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let run = || match Frame::decode(&bytes) {
            Ok(Frame::Run(run)) => Some(run),
            _ => None,
        };
        match self.plant {
            Some(Plant::Garbage(link)) if link == number => {
                self.plant = None;
                Some(vec![0xff; 9])
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

    // ---- engines ----------------------------------------------------------------------------

    fn device(&self, node: Node) -> DeviceId {
        self.nodes[node].device
    }

    fn now(&self, node: Node) -> Now {
        let state = &self.nodes[node];
        Now {
            monotonic_ms: self.now_ms - state.started_ms,
            wall_ms: BEGINS_WALL_MS + self.now_ms as i64 + state.clock_error_ms,
        }
    }

    fn engine_does(
        &mut self,
        node: Node,
        work: impl FnOnce(&mut Engine, Now) -> Result<(), Trouble>,
    ) -> Result<(), Violation> {
        let now = self.now(node);
        let Some(engine) = self.nodes[node].engine.as_mut() else { return Ok(()) };
        match work(engine, now) {
            Ok(()) => self.drain(node),
            Err(trouble) => self.stumbled(node, trouble),
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

    fn transmit(&mut self, node: Node, peer: DeviceId, bytes: Vec<u8>) {
        let Some(peer) = self.devices.get(&peer).copied() else { return };
        let Some((link, end)) = self.between.get(&(node, peer)).copied() else { return };
        // What a node says it holds has to be there for ever.
        let machine = self.nodes[node].machine;
        let bytes = match Frame::decode(&bytes) {
            Ok(Frame::Hello(hello)) if self.plan.plainly => {
                Frame::Hello(Hello { stream_version: 0, ..hello }).encode()
            }
            _ => bytes,
        };
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

    fn transmit_from(&mut self, link: LinkNumber, end: End, bytes: Vec<u8>) {
        self.counts.frames += 1;
        self.counts.bytes += bytes.len() as u64;
        self.links[link].moved = true;
        let random = &mut self.streams.network;
        let sent = self.links[link].link.send(self.now_ms, end, bytes.len(), random);
        match sent {
            Some((connection, at)) => {
                self.schedule(at, Event::Frame(link, end.other(), connection, bytes));
            }
            // Nobody knows the connection any more; sometimes somebody says so.
            None => {
                let gone = self.links[link].link.believed(end);
                let told = self.streams.network.random_bool(0.5)
                    && self.engine(self.end(link, end.other())).is_some()
                    && !self.links[link].link.is_obstructed();
                if let Some(connection) = gone.filter(|_| told) {
                    let way = self.links[link].link.delay_ms(end);
                    let back = self.links[link].link.delay_ms(end.other());
                    self.schedule(self.now_ms + way + back, Event::Down(link, end, connection));
                }
            }
        }
    }

    fn hangs_up(&mut self, node: Node, peer: DeviceId, error: &PeerError) -> Result<(), Violation> {
        *self.counts.hangups.entry(error.code()).or_default() += 1;
        let known = self.devices.get(&peer).copied();
        let place = known.and_then(|peer| self.between.get(&(node, peer)).copied());
        let Some((link, end)) = place else { return Ok(()) };
        self.note("hangup", &[link as u64, node as u64]);
        self.links[link].link.believe(end, None);
        if let Some((connection, at)) = self.links[link].link.close(self.now_ms, end) {
            self.schedule(at, Event::Down(link, end.other(), connection));
        }
        if end == End::Dialler {
            match error.disposition() {
                Disposition::RetrySoon => self.backs_off(link),
                Disposition::RetryLater => self.dials(link, self.now_ms + REDIAL_REFUSED_MS),
            }
        }
        match error {
            // The other end has said so itself.
            PeerError::Told(_) => Ok(()),
            PeerError::Revoked if known.is_some_and(|peer| self.nodes[peer].revoked) => Ok(()),
            error if error.fault() == Fault::Link => Ok(()),
            error => Err(Violation::accused(format!(
                "at {} ms {} hung up on {}: {error}",
                self.now_ms,
                self.nodes[node].name,
                known.map_or("?", |peer| self.nodes[peer].name.as_str()),
            ))),
        }
    }

    fn settles(&mut self, node: Node) {
        if self.nodes[node].engine.is_some() && !self.nodes[node].settling {
            self.nodes[node].settling = true;
            let start = self.nodes[node].start;
            let most = 2 * self.nodes[node].commit_ms;
            let span = self.streams.disk.random_range(self.nodes[node].commit_ms..=most);
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

    /// What receipts that count here say is promised for ever, and is so where it can be seen now.
    fn custody_is_true(&mut self, node: Node) -> Result<(), Violation> {
        // Reading all receipts costs as much as everything else that a node does at once.
        self.nodes[node].settled += 1;
        if !self.nodes[node].settled.is_multiple_of(self.custody_checked_every) {
            return Ok(());
        }
        let Some(engine) = self.nodes[node].engine.as_ref() else { return Ok(()) };
        for holding in custody::holdings(engine)? {
            let Some(holder) = self.devices.get(&holding.holder).copied() else { continue };
            let EntryPlace { log, seq, hash } = holding.place;
            let state = &self.nodes[holder];
            let Some(there) = state.engine.as_ref() else { continue };
            if custody::holds(there, &holding.place)? {
                self.checker.claimed(state.machine, [LogPosition { log, seq, hash }]);
                continue;
            }
            // Of a disk that was put back the receipts that it has forgotten are void, as soon as
            // its new ones are heard. Of two machines each speaks for itself.
            let (device, current) = (there.device(), there.incarnation());
            let excused = match state.put_back {
                None => false,
                Some(before) if before == current || state.spare.is_some() => true,
                Some(_) => !custody::has_heard(engine, log.scope, device, current)?,
            };
            if !excused {
                return Err(Violation::not_held(format!(
                    "at {} ms node {node} takes node {holder} to hold {log:?}/{seq}",
                    self.now_ms
                )));
            }
        }
        Ok(())
    }

    // ---- people -----------------------------------------------------------------------------

    fn plans_work(&mut self, node: Node) {
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
        // Drawn only where elders move, so that other plans go on as they did.
        if self.plan.moves && self.streams.people.random_bool(0.2) {
            return self.act(node, |_, engine, now, random| match engine.settle(now) {
                Ok(()) => moves::work(engine, now, random),
                Err(error) => Done { facts: Vec::new(), error: Some(error.into()) },
            });
        }
        self.act(node, People::work)
    }

    // ---- faults -----------------------------------------------------------------------------

    fn fault(&mut self, kind: &str) {
        *self.counts.faults.entry(kind.to_owned()).or_default() += 1;
    }

    fn plans_fault(&mut self, node: Node) {
        let faults = self.plan.faults;
        let kinds = [
            (faults.power_loss_every_ms, Event::PowerLoss as fn(Node) -> Event),
            (faults.kill_every_ms, Event::Kill),
            (faults.disk_error_every_ms, Event::DiskError),
            (faults.restore_every_ms, Event::Backup),
            (faults.clone_every_ms, Event::Clone),
        ];
        for (every, event) in kinds {
            if let Some(every) = every {
                let at = self.now_ms + exponential(every, &mut self.streams.faults);
                self.schedule(at, event(node));
            }
        }
    }

    fn plans_partition(&mut self, link: LinkNumber) {
        if let Some(every) = self.plan.faults.partition_every_ms {
            let at = self.now_ms + exponential(every, &mut self.streams.faults);
            self.schedule(at, Event::Partition(link));
        }
    }

    fn again(&mut self, every: Option<u64>, event: Event) {
        if let Some(every) = every {
            let at = self.now_ms + exponential(every, &mut self.streams.faults);
            self.schedule(at, event);
        }
    }

    fn power_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.power_loss_every_ms, Event::PowerLoss(node));
        if self.streams.faults.random_bool(0.5) {
            let off = exponential(5 * MINUTE, &mut self.streams.faults);
            self.goes_off(node, "power_loss", off)
        } else {
            // In the middle of a commit to come: the engine's error is how the world learns of it.
            let operations = self.streams.faults.random_range(0..40);
            self.nodes[node].disk.plan(operations, Mishap::PowerLoss);
            Ok(())
        }
    }

    fn kill_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.kill_every_ms, Event::Kill(node));
        let off = exponential(MINUTE, &mut self.streams.faults);
        self.goes_off(node, "kill", off)
    }

    fn disk_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.disk_error_every_ms, Event::DiskError(node));
        if self.streams.faults.random_bool(0.5) {
            let operations = self.streams.faults.random_range(0..40);
            self.nodes[node].disk.plan(operations, Mishap::WriteError);
        } else {
            self.fault("disk_full");
            let length = self.nodes[node].disk.length();
            self.nodes[node].disk.set_capacity(Some(length));
            let at = self.now_ms + exponential(20 * MINUTE, &mut self.streams.faults);
            self.schedule(at, Event::RoomAgain(node));
        }
        Ok(())
    }

    fn partition_fault(&mut self, link: LinkNumber) {
        if self.calm {
            return;
        }
        self.again(self.plan.faults.partition_every_ms, Event::Partition(link));
        self.fault("partition");
        self.partition(link);
        let lasts = exponential(self.plan.faults.partition_lasts_ms, &mut self.streams.faults);
        self.schedule(self.now_ms + lasts, Event::Heal(link));
    }

    /// An engine's operation failed. A disk that failed explains it; nothing else does.
    fn stumbled(&mut self, node: Node, trouble: Trouble) -> Result<(), Violation> {
        let what = match trouble {
            Trouble::Store(error) => format!("{error:?}"),
            Trouble::Command(error) => format!("{error:?}"),
        };
        match self.nodes[node].disk.broken() {
            Some(Mishap::PowerLoss) => {
                let off = exponential(5 * MINUTE, &mut self.streams.faults);
                self.goes_off(node, "power_loss_in_commit", off)
            }
            Some(Mishap::WriteError) => self.goes_off(node, "write_error", 10 * SECOND),
            Some(Mishap::Full) => self.goes_off(node, "full", MINUTE),
            None => Err(Violation::broken(format!(
                "at {} ms {} failed: {what}",
                self.now_ms, self.nodes[node].name
            ))),
        }
    }

    /// The node's program ends: by power loss, kill or an error of its disk.
    fn goes_off(&mut self, node: Node, why: &str, off_ms: u64) -> Result<(), Violation> {
        if self.nodes[node].engine.is_none() {
            return Ok(());
        }
        self.fault(why);
        self.note(why, &[node as u64]);
        let state = &mut self.nodes[node];
        state.start += 1;
        state.settling = false;
        state.wake_ms = None;
        let engine = state.engine.take();
        if why.starts_with("power_loss") {
            state.disk.lose_power(&mut self.streams.disk);
        } else {
            state.disk.crash();
        }
        // What the program would still write on its way out meets a disk that is gone.
        drop(engine);
        for link in 0..self.links.len() {
            let ends = self.links[link].ends;
            let Some(end) = [End::Dialler, End::Listener]
                .into_iter()
                .zip(ends)
                .find_map(|(end, at)| (at == node).then_some(end))
            else {
                continue;
            };
            self.links[link].link.believe(end, None);
            self.cut(link);
        }
        self.schedule(self.now_ms + off_ms.max(1), Event::PowerOn(node));
        Ok(())
    }

    fn power_on(&mut self, node: Node) -> Result<(), Violation> {
        if self.nodes[node].engine.is_some() {
            return Ok(());
        }
        self.note("power_on", &[node as u64]);
        let turns = !self.calm && self.plan.faults.clone_every_ms.is_some();
        if turns && self.nodes[node].spare.is_some() && self.streams.faults.random_bool(0.5) {
            self.swap_machines(node);
        }
        for attempt in 0..6 {
            let mount = self.nodes[node].disk.mount();
            // Recovery itself may be interrupted.
            if !self.calm
                && attempt < 5
                && self.plan.faults.power_loss_every_ms.is_some()
                && self.streams.faults.random_bool(0.2)
            {
                let operations = self.streams.faults.random_range(0..12);
                self.nodes[node].disk.plan(operations, Mishap::PowerLoss);
            }
            let seed = self.streams.seeds.random();
            let opened = Store::with_backend(mount)
                .map_err(|error| format!("{error:?}"))
                .and_then(|store| Engine::open(store, seed).map_err(|error| format!("{error:?}")));
            match (opened, self.nodes[node].disk.broken()) {
                (Ok(engine), None) => {
                    self.checker.restarted(self.nodes[node].machine, &engine)?;
                    // Reading everything takes the longer the more there is.
                    let entries = held(&engine).iter().map(|row| row.entries).sum::<u64>();
                    if self.streams.faults.random_range(0..entries.max(100)) < 25 {
                        check::verified(node, &engine)?;
                    }
                    self.counts.restarts_checked += 1;
                    self.nodes[node].started_ms = self.now_ms;
                    self.nodes[node].engine = Some(engine);
                    break;
                }
                (_, Some(Mishap::PowerLoss)) => {
                    self.fault("power_loss_in_recovery");
                    self.nodes[node].disk.lose_power(&mut self.streams.disk);
                }
                // It cannot start for want of room: somebody has to make some.
                (_, Some(_)) => {
                    self.nodes[node].disk.crash();
                    self.nodes[node].disk.set_capacity(None);
                }
                (Err(error), None) => {
                    let name = &self.nodes[node].name;
                    return Err(Violation::broken(format!(
                        "at {} ms {name} does not start again: {error}",
                        self.now_ms
                    )));
                }
            }
        }
        self.drain(node)?;
        for link in 0..self.links.len() {
            if self.links[link].ends[0] == node {
                self.links[link].backoff_ms = REDIAL_MIN_MS;
                let soon = self.now_ms + self.streams.network.random_range(SECOND..5 * SECOND);
                self.dials(link, soon);
            }
        }
        Ok(())
    }

    // ---- checks -----------------------------------------------------------------------------

    fn running(&self) -> impl Iterator<Item = (Node, &Engine)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, state)| !state.revoked)
            .filter_map(|(node, state)| state.engine.as_ref().map(|engine| (node, engine)))
    }

    fn touch(&mut self, node: Node) {
        for state in self.links.iter_mut().filter(|state| state.ends.contains(&node)) {
            state.moved = true;
        }
    }

    /// Where something moved, and now nothing is on the way nor waiting for a commit, "done" must
    /// be true.
    fn look_at_quiet_links(&mut self, node: Node) -> Result<(), Violation> {
        for number in 0..self.links.len() {
            if !self.links[number].ends.contains(&node) || !self.links[number].moved {
                continue;
            }
            if self.is_done(number)? {
                self.counts.done_checks += 1;
            }
        }
        Ok(())
    }

    /// Whether a link is up and quiet and both ends say "done"; checks that it is so.
    fn is_done(&mut self, number: LinkNumber) -> Result<bool, Violation> {
        let [one, two] = self.links[number].ends;
        if !self.links[number].link.is_quiet()
            || self.nodes[one].settling
            || self.nodes[two].settling
        {
            return Ok(false);
        }
        let (Some(first), Some(second)) = (self.engine(one), self.engine(two)) else {
            return Ok(false);
        };
        let done = check::done_is_true((one, first), (two, second))
            .map_err(|violation| violation.at_time(self.now_ms))?;
        self.links[number].moved = false;
        Ok(done)
    }

    fn is_settled(&mut self) -> Result<bool, Violation> {
        if self.nodes.iter().any(|node| node.engine.is_none() || node.settling) {
            return Ok(false);
        }
        if self.running().any(|(_, engine)| engine.is_moving()) {
            return Ok(false);
        }
        let heard = |node: &Node| !self.nodes[*node].revoked;
        let heeded: Vec<LinkNumber> =
            (0..self.links.len()).filter(|link| self.links[*link].ends.iter().all(heard)).collect();
        if heeded.iter().any(|link| !self.links[*link].link.is_quiet()) {
            return Ok(false);
        }
        for link in heeded {
            if !self.is_done(link)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What keeps the county from being settled, in words.
    pub fn unsettled(&self) -> Result<String, Violation> {
        let mut found = BTreeSet::new();
        for (node, state) in self.nodes.iter().enumerate() {
            if state.engine.is_none() {
                found.insert(format!("node {node} is off"));
            }
        }
        for (number, state) in self.links.iter().enumerate() {
            let [one, two] = state.ends;
            if !state.link.is_up() {
                found.insert(format!("link {number} of nodes {one} and {two} is down"));
            } else if !state.link.is_quiet() {
                found.insert(format!("frames are on link {number} of nodes {one} and {two}"));
            } else if let (Some(first), Some(second)) = (self.engine(one), self.engine(two)) {
                let progress = (first.progress(second.device())?, second.progress(first.device())?);
                if !progress.0.is_some_and(|p| p.done) || !progress.1.is_some_and(|p| p.done) {
                    found.insert(format!("nodes {one} and {two} are not done: {progress:?}"));
                }
            }
        }
        Ok(found.into_iter().collect::<Vec<_>>().join("; "))
    }
}

/// Counts of the scopes that a node holds.
fn held(engine: &Engine) -> Vec<ScopeRow> {
    let rows = engine.read().and_then(|read| read.scopes_in(engine.area()));
    rows.unwrap_or_default().into_iter().map(|(_, row)| row).collect()
}

/// A link of this kind when nothing goes wrong with it.
fn far(quality: Quality) -> Quality {
    Quality { late_per_mille: 0, cuts: Cuts::Never, ..quality }
}
