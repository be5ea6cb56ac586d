//! How a county begins: devices are granted from the top down, and links are laid.

use std::collections::BTreeMap;

use rand::RngExt;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_node::command::Request;
use shouwang_node::command::device::GrantDevice;
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::REDIAL_MIN_MS;
use shouwang_node::setup;
use shouwang_node::store::Store;

use super::costs::Sent;
use super::rest::far;
use super::{BEGINS_WALL_MS, DAY, HOUR, LinkState, MINUTE, Node, NodeState, Version, World};
use crate::areas::Areas;
use crate::check::Violation;
use crate::disk::Disk;
use crate::network::{End, Link, Quality};

impl World {
    /// Grants devices from each county down, and lays links.
    pub(super) fn found(&mut self) -> Result<(), Violation> {
        let areas = self.plan.areas().map_err(Violation::broken)?;
        let mut elders = BTreeMap::new();
        let mut offices = Vec::new();
        for number in 0..self.plan.counties.max(1) {
            let areas = areas.beside(number).map_err(Violation::broken)?;
            let shared = areas.share_out(self.plan.elders);
            offices.push(self.founds(&areas)?);
            self.people.write_ledgers(&areas, &shared, &mut self.streams.people);
            elders.extend(shared);
        }
        for (number, office) in offices.iter().enumerate() {
            let next = offices[(number + 1) % offices.len()];
            // Two have one line between them.
            if next != *office && self.link(*office, next).is_none() {
                self.lays(*office, next);
            }
        }
        self.turns_somebody()?;
        self.plans_rounds(&elders);
        for node in 0..self.nodes.len() {
            self.plans_work(node);
            self.plans_fault(node);
            self.plans_stick(node);
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
        self.plans_weeks();
        Ok(())
    }

    /// One county: returns its office.
    fn founds(&mut self, areas: &Areas) -> Result<Node, Violation> {
        // A few in life, and half of all where sticks are what is looked at.
        let [far_townships, far_villages] =
            if self.plan.calendar.is_some() { [0.0, 0.04] } else { [0.25, 0.4] };
        let top = self.begins(areas.county)?;
        for (township, villages) in &areas.townships {
            let township = *township;
            let office = self.joins(top, township, "", Role::Manager)?;
            let is_far = self.has_no_link(far_townships);
            self.reaches(office, top, is_far);
            if self.plan.meshed {
                let provider = self.joins(office, township, "-provider", Role::Provider)?;
                self.lays(provider, office);
            }
            for village in villages.iter().copied() {
                let clerk = self.joins(office, village, "", Role::Clerk)?;
                // One village at least has no link, where there are sticks.
                let is_far =
                    self.has_no_link(far_villages) || (self.plan.sticks && self.roads.is_empty());
                self.reaches(clerk, office, is_far);
                if self.plan.meshed {
                    let helper = self.joins(office, village, "-helper", Role::Helper)?;
                    self.lays(helper, clerk);
                    if !is_far {
                        self.lays(helper, office);
                        self.lays(clerk, top);
                    }
                }
            }
        }
        Ok(top)
    }

    pub(super) fn begins(&mut self, county: DivisionCode) -> Result<Node, Violation> {
        let disk = Disk::new();
        let mut entropy = Entropy::new(self.streams.seeds.random());
        let store = Store::with_backend(disk.mount())?;
        let root = setup::init(&store, &mut entropy, county, "县民政局", BEGINS_WALL_MS)
            .map_err(|error| Violation::broken(format!("{error:?}")))?;
        self.people.keep_root(county, root);
        self.moves_in(county, county.to_string(), Role::Manager, disk, store)
    }

    pub(super) fn joins(
        &mut self,
        by: Node,
        area: DivisionCode,
        suffix: &str,
        role: Role,
    ) -> Result<Node, Violation> {
        self.joins_within(by, area, suffix, role, None)
    }

    pub(super) fn joins_within(
        &mut self,
        by: Node,
        area: DivisionCode,
        suffix: &str,
        role: Role,
        quota_bytes: Option<u64>,
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
            quota_bytes,
        };
        let invite = self.grants(by, grant)?;
        setup::join(&store, &mut entropy, &invite).map_err(broken)?;
        self.moves_in(area, name, role, disk, store)
    }

    /// An office answers a request with an invite.
    pub(super) fn grants(&mut self, by: Node, grant: GrantDevice) -> Result<String, Violation> {
        let now = self.now(by);
        let engine = self.nodes[by].engine.as_mut();
        let engine = engine.ok_or_else(|| Violation::broken("nobody grants"))?;
        let whom = grant.name.clone();
        let granted = grant.execute(engine, now).map_err(|error| {
            Violation::broken(format!("{} grants {whom}: {error}", self.nodes[by].name))
        })?;
        Ok(granted.invite)
    }

    pub(super) fn moves_in(
        &mut self,
        area: DivisionCode,
        name: String,
        role: Role,
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
        let random = &mut self.streams.versions;
        let version = match self.plan.mixed {
            false => Version::default(),
            true => Version {
                streams: [None, None, Some(0), Some(1)][random.random_range(0..4)],
                is_later: role == Role::Clerk && random.random_bool(0.3),
            },
        };
        self.nodes.push(NodeState {
            name,
            device,
            area,
            disk,
            machine: node,
            version,
            sent: Sent::default(),
            image: None,
            spare: None,
            put_back: None,
            settled: 0,
            revoked: false,
            forger: None,
            rot: None,
            slow_until_ms: 0,
            clock_jump_ms: 0,
            role,
            things_per_round: 0,
            custody_looked_at: 0,
            links: Vec::new(),
            engine: Some(engine),
            start: 0,
            started_ms: 0,
            clock_error_ms,
            commit_ms: random.random_range(2..60),
            settling: false,
            ended_well: false,
            wake_ms: None,
        });
        Ok(node)
    }

    /// By a link, or by sticks alone.
    fn reaches(&mut self, below: Node, above: Node, is_far: bool) {
        match is_far {
            true => self.walks(below, above),
            false => self.lays(below, above),
        }
    }

    pub(super) fn lays(&mut self, dialler: Node, listener: Node) {
        let kinds = match self.nodes[dialler].area.level() {
            _ if self.nodes[dialler].area == self.nodes[listener].area => vec![Quality::OFFICE],
            Level::Village => vec![Quality::MOBILE, Quality::GPRS, Quality::BROADBAND],
            _ => vec![Quality::BROADBAND, Quality::SATELLITE, Quality::MOBILE],
        };
        let quality = kinds[self.streams.network.random_range(0..kinds.len())];
        let number = self.links.len();
        for node in [dialler, listener] {
            self.nodes[node].links.push(number);
        }
        self.links.push(LinkState {
            ends: [dialler, listener],
            link: Link::new(quality),
            quality,
            backoff_ms: REDIAL_MIN_MS,
            dial: 0,
            moved: true,
            looked: None,
            exchange: None,
            late: std::collections::VecDeque::new(),
        });
        self.between.insert((dialler, listener), (number, End::Dialler));
        self.between.insert((listener, dialler), (number, End::Listener));
    }
}
