//! A few engines on one desk, and frames that are handed over one by one: for stories whose point
//! is the order of things.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::{BTreeMap, VecDeque};

use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::Request;
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::elder::{ElderAdd, VisitAdd};
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::Role;
use shouwang_node::setup;
use shouwang_node::store::Store;
use shouwang_node::sync::{Input, Now, Output};

/// Engines by name, and what lies between them.
pub struct Desk {
    engines: BTreeMap<String, Engine>,
    names: BTreeMap<DeviceId, String>,
    wires: BTreeMap<(String, String), VecDeque<Vec<u8>>>,
    entropy: Entropy,
    clock_ms: u64,
    hangups: Vec<String>,
}

impl Desk {
    pub fn begin(area: &str) -> Self {
        let mut desk = Self {
            engines: BTreeMap::new(),
            names: BTreeMap::new(),
            wires: BTreeMap::new(),
            entropy: Entropy::new([7; 32]),
            clock_ms: 1_000,
            hangups: Vec::new(),
        };
        let store = Store::with_backend(InMemoryBackend::new()).unwrap();
        setup::init(&store, &mut desk.entropy, code(area), area, 0).unwrap();
        desk.opens(area, store);
        desk
    }

    pub fn grant(&mut self, by: &str, area: &str, name: &str) {
        let store = Store::with_backend(InMemoryBackend::new()).unwrap();
        let request = setup::request(&store, &mut self.entropy).unwrap().to_text();
        let role = match code(area).level() {
            Level::Village => Role::Clerk,
            Level::Township => Role::Manager,
            _ => Role::Registrar,
        };
        let (area, name) = (code(area), name.to_owned());
        let grant = GrantDevice {
            request,
            name: name.clone(),
            area,
            role,
            addresses: vec![],
            replace: false,
            root: None,
            quota_bytes: None,
        };
        let now = self.now();
        let granted = grant.execute(self.engine(by), now).unwrap();
        setup::join(&store, &mut self.entropy, &granted.invite).unwrap();
        self.opens(&name, store);
    }

    fn opens(&mut self, name: &str, store: Store) {
        let engine = Engine::open(store, self.entropy.bytes()).unwrap();
        self.names.insert(engine.device(), name.to_owned());
        self.engines.insert(name.to_owned(), engine);
    }

    pub fn engine(&mut self, name: &str) -> &mut Engine {
        self.engines.get_mut(name).unwrap()
    }

    pub fn peek(&self, name: &str) -> &Engine {
        &self.engines[name]
    }

    pub fn now(&mut self) -> Now {
        self.clock_ms += 1;
        Now { monotonic_ms: self.clock_ms, wall_ms: self.clock_ms as i64 }
    }

    pub fn hangups(&self) -> &[String] {
        &self.hangups
    }

    /// A connection comes up at both ends.
    pub fn meet(&mut self, one: &str, two: &str) {
        for (name, peer) in [(one, two), (two, one)] {
            self.wires.insert((name.to_owned(), peer.to_owned()), VecDeque::new());
            let device = self.peek(peer).device();
            let now = self.now();
            self.engine(name).handle(now, Input::PeerUp(device)).unwrap();
            self.drain(name);
        }
    }

    /// Hands over what one has for the other, without letting it commit.
    pub fn hand_over(&mut self, from: &str, to: &str) {
        let device = self.peek(from).device();
        while let Some(frame) =
            self.wires.get_mut(&(from.to_owned(), to.to_owned())).and_then(VecDeque::pop_front)
        {
            let now = self.now();
            self.engine(to).handle(now, Input::Frame(device, frame)).unwrap();
            self.drain(to);
        }
    }

    pub fn settle(&mut self, name: &str) {
        let now = self.now();
        self.engine(name).settle(now).unwrap();
        self.drain(name);
    }

    /// Lets everything flow between two until nothing moves.
    pub fn flow(&mut self, one: &str, two: &str) {
        for _ in 0..50 {
            self.hand_over(one, two);
            self.settle(two);
            self.hand_over(two, one);
            self.settle(one);
        }
    }

    pub fn drain(&mut self, name: &str) {
        loop {
            match self.engine(name).poll() {
                Output::Send(peer, frame) => {
                    let peer = self.names[&peer].clone();
                    if let Some(wire) = self.wires.get_mut(&(name.to_owned(), peer)) {
                        wire.push_back(frame);
                    }
                }
                Output::Hangup(peer, error) => {
                    let peer = self.names[&peer].clone();
                    self.hangups.push(format!("{name} on {peer}: {}", error.code()));
                    self.wires.remove(&(peer.clone(), name.to_owned()));
                }
                Output::Timeout(_) => return,
                _ => {}
            }
        }
    }

    pub fn opens_a_file(&mut self, name: &str, who: &str) -> String {
        let now = self.now();
        let fields = BTreeMap::from([(Field::Name, who.to_owned())]);
        let saved =
            ElderAdd { scope: None, fields, entry: None }.execute(self.engine(name), now).unwrap();
        self.drain(name);
        saved.elder_id.to_string()
    }

    pub fn visits(&mut self, name: &str, elder: &str) {
        let now = self.now();
        let visit = Visit::on("2026-03-02".parse().unwrap());
        VisitAdd { elder: elder.into(), visit }.execute(self.engine(name), now).unwrap();
        self.drain(name);
    }
}

fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}
