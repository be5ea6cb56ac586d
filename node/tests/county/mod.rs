//! A county of engines in memory, and what its people do.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::NaiveDate;
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::elder::{
    ElderAdd, ElderList, ElderReport, ElderSet, ElderShow, FieldReport, VisitAdd,
};
use shouwang_node::command::status::{Status, StatusReport};
use shouwang_node::command::verify::Verify;
use shouwang_node::command::{CommandError, Request};
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::Role;
use shouwang_node::identity::token::root_to_text;
use shouwang_node::setup;
use shouwang_node::store::Store;
use shouwang_node::sync::{Input, Now, Output, PeerError};

/// The day for what is computed.
pub fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 9, 1).unwrap()
}

/// A field of a file.
pub fn field(report: &ElderReport, field: Field) -> FieldReport {
    report.fields.iter().find(|found| found.field == field).unwrap().clone()
}

/// Engines by place, and the links between them.
pub struct County {
    engines: BTreeMap<String, Engine>,
    devices: BTreeMap<DeviceId, String>,
    links: BTreeSet<(String, String)>,
    /// How often a session began anew in plain frames, because a reference led nowhere.
    pub said_again: u64,
    entropy: Entropy,
    clock_ms: u64,
    /// What every wall clock said when the story began, ms since 1970.
    begins_ms: i64,
    bytes: u64,
    frames: u64,
    hangups: Vec<(String, String)>,
    /// Links whose ends have still to meet again.
    again: Vec<(String, String)>,
    /// What `init` printed.
    root: String,
    /// Frames for devices that are no engine here, by device.
    mail: BTreeMap<DeviceId, Vec<Vec<u8>>>,
}

impl County {
    /// A mesh whose first device is this place's.
    pub fn begin(area: &str) -> Self {
        Self::begin_in(area, Store::with_backend(InMemoryBackend::new()).unwrap(), 7)
    }

    /// Another mesh over the same area.
    pub fn elsewhere(area: &str) -> Self {
        Self::begin_in(area, Store::with_backend(InMemoryBackend::new()).unwrap(), 8)
    }

    /// As [`County::begin`], in a store of one's own, from any seed.
    pub fn begin_in(area: &str, store: Store, seed: u8) -> Self {
        let mut county = Self {
            engines: BTreeMap::new(),
            devices: BTreeMap::new(),
            links: BTreeSet::new(),
            said_again: 0,
            entropy: Entropy::new([seed; 32]),
            clock_ms: 1_000,
            begins_ms: 0,
            bytes: 0,
            frames: 0,
            hangups: Vec::new(),
            again: Vec::new(),
            root: String::new(),
            mail: BTreeMap::new(),
        };
        let root = setup::init(&store, &mut county.entropy, code(area), area, 0).unwrap();
        county.root = root_to_text(&root);
        county.opens(area, store);
        county
    }

    /// A new device for an area, granted by a place's device.
    pub fn grant(&mut self, by: &str, area: &str) {
        self.grant_as(by, area, area, None);
    }

    /// As [`County::grant`], under another name and role.
    pub fn grant_as(&mut self, by: &str, area: &str, name: &str, role: Option<Role>) {
        let store = Store::with_backend(InMemoryBackend::new()).unwrap();
        self.grant_in(by, area, name, role, store);
    }

    /// As [`County::grant_as`], in a store of one's own.
    pub fn grant_in(&mut self, by: &str, area: &str, name: &str, role: Option<Role>, store: Store) {
        use shouwang_crdt_schema::division::Level;
        let request = setup::request(&store, &mut self.entropy).unwrap().to_text();
        let by_level = match code(area).level() {
            Level::Village => Role::Clerk,
            Level::Township => Role::Manager,
            _ => Role::Registrar,
        };
        let invite = self.invites(by, request, area, name, role.unwrap_or(by_level)).unwrap();
        setup::join(&store, &mut self.entropy, &invite).unwrap();
        self.opens(name, store);
    }

    /// A place's device answers a request.
    pub fn invites(
        &mut self,
        by: &str,
        request: String,
        area: &str,
        name: &str,
        role: Role,
    ) -> Result<String, CommandError> {
        let (name, area) = (name.to_owned(), code(area));
        let grant = GrantDevice {
            request,
            name,
            area,
            role,
            addresses: vec![],
            replace: false,
            root: None,
            quota_bytes: None,
        };
        let now = self.now();
        Ok(grant.execute(self.engine(by), now)?.invite)
    }

    /// A place goes on with another store, such as one restored from an image.
    pub fn goes_on_with(&mut self, place: &str, store: impl FnOnce() -> Store) {
        self.engines.remove(place);
        self.opens(place, store());
    }

    /// A node starts over a store that has joined.
    pub fn opens(&mut self, name: &str, store: Store) {
        let engine = Engine::open(store, self.entropy.bytes()).unwrap();
        self.devices.insert(engine.device(), name.to_owned());
        self.engines.insert(name.to_owned(), engine);
    }

    /// A node stops: its store is closed and its links are gone.
    pub fn stops(&mut self, name: &str) {
        let links: Vec<_> =
            self.links.iter().filter(|(one, two)| one == name || two == name).cloned().collect();
        for (one, two) in links {
            self.disconnect(&one, &two);
        }
        let now = self.now();
        self.engine(name).flush_peers(now).unwrap();
        drop(self.engines.remove(name));
    }

    /// A node is gone from one moment to the next: nothing is closed, its links are gone.
    pub fn loses(&mut self, name: &str) {
        let lost = self.engines.remove(name).unwrap();
        let device = lost.device();
        let links: Vec<_> =
            self.links.iter().filter(|(one, two)| one == name || two == name).cloned().collect();
        for (one, two) in links {
            self.links.remove(&(one.clone(), two.clone()));
            let other = if one == name { two } else { one };
            let now = self.now();
            self.engine(&other).handle(now, Input::PeerDown(device)).unwrap();
        }
    }

    /// The root's secret as it was printed.
    pub fn root(&self) -> String {
        self.root.clone()
    }

    /// Random bytes, the same in every run.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        self.entropy.bytes()
    }

    /// What was sent to a device that is no engine here, and is taken away by asking.
    pub fn mail(&mut self, device: DeviceId) -> Vec<Vec<u8>> {
        self.mail.remove(&device).unwrap_or_default()
    }

    /// A place's engine.
    pub fn engine(&mut self, place: &str) -> &mut Engine {
        self.engines.get_mut(place).unwrap()
    }

    /// The time.
    pub fn now(&mut self) -> Now {
        self.clock_ms += 1;
        Now { monotonic_ms: self.clock_ms, wall_ms: self.begins_ms + self.clock_ms as i64 }
    }

    /// From now on every wall clock goes on from this time.
    pub fn sets_clocks(&mut self, wall_ms: i64) {
        self.begins_ms = wall_ms - self.clock_ms as i64;
    }

    /// Somebody asks something at a place.
    pub fn asks<R: Request>(&mut self, place: &str, request: R) -> Result<R::Reply, CommandError> {
        let now = self.now();
        request.execute(self.engine(place), now)
    }

    /// Frame bytes carried so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Who hung up, and why.
    pub fn hangups(&self) -> &[(String, String)] {
        &self.hangups
    }

    pub fn connect(&mut self, one: &str, two: &str) {
        self.links.insert((one.to_owned(), two.to_owned()));
        let (first, second) = (self.engine(one).device(), self.engine(two).device());
        let now = self.now();
        self.engine(one).handle(now, Input::PeerUp(second)).unwrap();
        self.engine(two).handle(now, Input::PeerUp(first)).unwrap();
    }

    /// As [`County::connect`], through the network of one office.
    pub fn connect_near(&mut self, one: &str, two: &str) {
        self.links.insert((one.to_owned(), two.to_owned()));
        let (first, second) = (self.engine(one).device(), self.engine(two).device());
        let now = self.now();
        self.engine(one).handle(now, Input::PeerNear(second)).unwrap();
        self.engine(two).handle(now, Input::PeerNear(first)).unwrap();
    }

    pub fn disconnect(&mut self, one: &str, two: &str) {
        self.links.remove(&(one.to_owned(), two.to_owned()));
        let (first, second) = (self.engine(one).device(), self.engine(two).device());
        let now = self.now();
        self.engine(one).handle(now, Input::PeerDown(second)).unwrap();
        self.engine(two).handle(now, Input::PeerDown(first)).unwrap();
    }

    /// Carries frames until nothing moves.
    pub fn settle(&mut self) {
        let places: Vec<String> = self.engines.keys().cloned().collect();
        loop {
            let mut moved = false;
            for place in &places {
                moved |= self.acts(place);
            }
            for (one, two) in std::mem::take(&mut self.again) {
                moved = true;
                self.connect(&one, &two);
            }
            if !moved {
                return;
            }
        }
    }

    /// A place deals with what has come, and its frames are carried. Whether there were any.
    pub fn acts(&mut self, place: &str) -> bool {
        let now = self.now();
        self.engine(place).settle(now).unwrap();
        let mut frames = VecDeque::new();
        loop {
            match self.engine(place).poll() {
                Output::Send(peer, frame) => frames.push_back((peer, frame)),
                Output::Hangup(peer, error) => {
                    if error == PeerError::WrongReference {
                        self.said_again += 1;
                    } else {
                        self.hangups.push((place.to_owned(), error.code()));
                    }
                    let Some(other) = self.devices.get(&peer).cloned() else { continue };
                    let own = self.engine(place).device();
                    let now = self.now();
                    self.engine(&other).handle(now, Input::PeerDown(own)).unwrap();
                    // What has to be said again in plain frames is said at once.
                    if error == PeerError::WrongReference && self.is_linked(place, &other) {
                        self.again.push((place.to_owned(), other));
                    }
                }
                Output::Timeout(_) => break,
                _ => {}
            }
        }
        let from = self.engine(place).device();
        let mut moved = false;
        for (peer, frame) in frames {
            let Some(to) = self.devices.get(&peer).cloned() else {
                self.mail.entry(peer).or_default().push(frame);
                continue;
            };
            if self.is_linked(place, &to) {
                moved = true;
                self.bytes += frame.len() as u64;
                self.frames += 1;
                let now = self.now();
                self.engine(&to).handle(now, Input::Frame(from, frame)).unwrap();
            }
        }
        moved
    }

    /// Frames carried so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Whether two places are linked.
    pub fn is_linked(&self, one: &str, two: &str) -> bool {
        let (one, two) = (one.to_owned(), two.to_owned());
        self.links.contains(&(one.clone(), two.clone())) || self.links.contains(&(two, one))
    }

    /// Logs that a place remembers of a peer.
    pub fn remembers(&mut self, place: &str, peer: &str) -> u64 {
        let peer = self.engine(peer).device();
        self.engine(place).progress(peer).unwrap().unwrap().remembered
    }

    /// Lets time pass: whoever asks to be woken is, and frames are carried.
    pub fn passes(&mut self, span_ms: u64) {
        let end = self.clock_ms + span_ms;
        loop {
            self.settle();
            let wakes = |engine: &mut Engine| match engine.poll() {
                Output::Timeout(at) => at,
                other => panic!("something is left to do: {other:?}"),
            };
            let wakes: Vec<(String, u64)> = self
                .engines
                .iter_mut()
                .filter_map(|(place, engine)| Some((place.clone(), wakes(engine)?)))
                .collect();
            let Some(next) = wakes.iter().map(|(_, at)| *at).min().filter(|at| *at <= end) else {
                self.clock_ms = end.max(self.clock_ms);
                return;
            };
            self.clock_ms = next.max(self.clock_ms);
            for (place, at) in wakes {
                if at <= self.clock_ms {
                    let now = self.now();
                    self.engine(&place).handle(now, Input::Timeout).unwrap();
                }
            }
        }
    }

    pub fn adds_elder(&mut self, place: &str, name: &str) -> String {
        let now = self.now();
        let fields = BTreeMap::from([(Field::Name, name.to_owned())]);
        let saved =
            ElderAdd { scope: None, fields, entry: None }.execute(self.engine(place), now).unwrap();
        assert!(saved.entries > 0);
        saved.elder_id.to_string()
    }

    pub fn sets(&mut self, place: &str, elder: &str, field: Field, text: &str) {
        let now = self.now();
        let fields = BTreeMap::from([(field, text.to_owned())]);
        let set = ElderSet { elder: elder.into(), fields, certified: false };
        set.execute(self.engine(place), now).unwrap();
    }

    pub fn records_visit(&mut self, place: &str, elder: &str, date: &str) {
        let now = self.now();
        let visit = Visit::on(date.parse().unwrap());
        VisitAdd { elder: elder.into(), visit }.execute(self.engine(place), now).unwrap();
    }

    pub fn shows(&mut self, place: &str, elder: &str) -> ElderReport {
        let now = self.now();
        let show = ElderShow { elder: elder.into(), as_of: today(), show_resident_id: false };
        show.execute(self.engine(place), now).unwrap()
    }

    pub fn elders(&mut self, place: &str) -> Vec<String> {
        let now = self.now();
        let list = ElderList { scope: None, matching: None, as_of: today() };
        let report = list.execute(self.engine(place), now).unwrap();
        report.elders.into_iter().filter_map(|elder| elder.name).collect()
    }

    pub fn status(&mut self, place: &str) -> StatusReport {
        let now = self.now();
        Status {}.execute(self.engine(place), now).unwrap()
    }

    /// Every two places that hold a scope agree on it.
    pub fn assert_converged(&mut self) {
        let places: Vec<String> = self.engines.keys().cloned().collect();
        let mut seen: BTreeMap<DivisionCode, (String, String, String)> = BTreeMap::new();
        for place in &places {
            for scope in self.status(place).scopes {
                let found = (place.clone(), scope.digest, scope.authority_digest);
                if let Some(first) = seen.get(&scope.code) {
                    assert_eq!(
                        (&first.1, &first.2),
                        (&found.1, &found.2),
                        "{} and {place} differ on {}",
                        first.0,
                        scope.code
                    );
                } else {
                    seen.insert(scope.code, found);
                }
            }
        }
    }

    /// Both sides say that the exchange is complete.
    pub fn assert_done(&mut self, one: &str, two: &str) {
        let (first, second) = (self.engine(one).device(), self.engine(two).device());
        for (place, peer) in [(one, second), (two, first)] {
            let status = self.status(place);
            let peer = status.peers.iter().find(|found| found.device == peer).unwrap();
            assert!(peer.done, "{place}: {peer:?}");
        }
    }

    /// What a place has counted as refused of a device.
    pub fn refused(&mut self, place: &str, device: DeviceId) -> BTreeMap<String, u64> {
        let status = self.status(place);
        let peer = status.peers.into_iter().find(|found| found.device == device);
        peer.map(|peer| peer.refused).unwrap_or_default()
    }

    /// Everything that every node holds reads back.
    pub fn verify_all(&mut self) {
        let places: Vec<String> = self.engines.keys().cloned().collect();
        for place in &places {
            let now = self.now();
            let report = Verify {}.execute(self.engine(place), now).unwrap();
            assert!(report.ok, "{place}: {:?}", report.faults);
        }
    }
}

/// The division code.
pub fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}
