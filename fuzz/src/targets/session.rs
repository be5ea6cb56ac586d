//! The session as a state machine: two offices, a link that goes and comes, and a third that says what it
//! likes.

use std::collections::VecDeque;

use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::Request;
use shouwang_node::command::elder::{ElderAdd, ElderSet, VisitAdd};
use shouwang_node::command::status::{Status, StatusReport};
use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::Grant;
use shouwang_node::limits::{QUEUED_BYTES_MAX, STREAM_VERSION};
use shouwang_node::log::Lane;
use shouwang_node::replication::receives;
use shouwang_node::store::{ChainRead, Store, StoreRead};
use shouwang_node::sync::summary::{Salt, Summary};
use shouwang_node::sync::wire::{Frame, Hello, HoldWord, LogPosition};
use shouwang_node::sync::{Fault, Input, Now, Output};

use super::engine::assert_sound;
use crate::image::Image;
use crate::scene::scene;
use crate::tape::{Tape, piece};
use crate::target::Verdict;

/// The township and the village.
const TOWN: usize = 0;
const VILLAGE: usize = 1;

/// What an honest side may be told when it hangs up: that the link is at fault, or that another connection
/// takes this one's place.
const HONEST_WORDS: [&str; 4] = ["wrong_reference", "silence", "unread", "replaced"];

struct Office {
    engine: Option<Engine>,
    image: Image,
    device: DeviceId,
    grant: Grant,
    /// What it has sent to the other office and has not arrived.
    sent: VecDeque<Vec<u8>>,
    /// When it asks to be woken, ms.
    wakes_ms: Option<u64>,
    starts: u8,
}

struct Story {
    offices: [Office; 2],
    linked: bool,
    /// Whether the link has carried something that nobody said.
    spoilt: bool,
    clock_ms: u64,
    visits: u32,
    impostor_up: bool,
}

impl Office {
    fn new(bytes: &[u8], seed: u8) -> Self {
        let image = Image::of(bytes);
        let store = Store::with_backend(image.clone()).expect("the scene's store opens");
        let engine = Engine::open(store, [seed; 32]).expect("the scene's engine opens");
        let (device, grant) = (engine.device(), engine.grant().clone());
        let sent = VecDeque::new();
        Self { engine: Some(engine), image, device, grant, sent, wakes_ms: None, starts: seed }
    }

    fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().expect("an office is open between steps")
    }

    /// The machine stops from one moment to the next, and starts again.
    fn crashes(&mut self) {
        let left = self.image.bytes();
        drop(self.engine.take());
        self.starts = self.starts.wrapping_add(16);
        *self = Self { starts: self.starts, ..Self::new(&left, self.starts) };
    }
}

impl Story {
    fn new() -> Self {
        let scene = scene();
        let mut story = Self {
            offices: [Office::new(&scene.town, 3), Office::new(&scene.village, 4)],
            linked: false,
            spoilt: false,
            clock_ms: 0,
            visits: 0,
            impostor_up: false,
        };
        story.link();
        story
    }

    fn now(&mut self) -> Now {
        self.clock_ms += 1;
        crate::scene::at(self.clock_ms)
    }

    fn link(&mut self) {
        self.cut();
        self.linked = true;
        for side in [TOWN, VILLAGE] {
            let (now, peer) = (self.now(), self.offices[1 - side].device);
            self.offices[side].engine().handle(now, Input::PeerUp(peer)).expect("a disk in memory");
            self.collect(side);
        }
    }

    fn cut(&mut self) {
        for side in [TOWN, VILLAGE] {
            self.offices[side].sent.clear();
        }
        if std::mem::take(&mut self.linked) {
            for side in [TOWN, VILLAGE] {
                let (now, peer) = (self.now(), self.offices[1 - side].device);
                let engine = self.offices[side].engine();
                engine.handle(now, Input::PeerDown(peer)).expect("a disk in memory");
                self.collect(side);
            }
        }
    }

    /// Takes what an engine wants done.
    fn collect(&mut self, side: usize) {
        let other = self.offices[1 - side].device;
        let mut hung_up = false;
        loop {
            match self.offices[side].engine().poll() {
                Output::Send(peer, frame) if peer == other && self.linked => {
                    self.offices[side].sent.push_back(frame);
                }
                Output::Hangup(peer, error) if peer == other => {
                    let code = error.code();
                    let told = HONEST_WORDS.contains(&code.as_str());
                    let honest = error.fault() == Fault::Link || told;
                    assert!(
                        honest || self.spoilt,
                        "an honest office is accused of {code}: {error}"
                    );
                    hung_up = true;
                }
                Output::Hangup(peer, _) => {
                    assert_eq!(peer, scene().impostor.keys.device());
                    self.impostor_up = false;
                }
                Output::Timeout(at) => {
                    self.offices[side].wakes_ms = at;
                    break;
                }
                _ => {}
            }
        }
        let waiting: usize = self.offices[side].sent.iter().map(Vec::len).sum();
        assert!(waiting <= QUEUED_BYTES_MAX, "{waiting} bytes wait for a peer that takes none");
        if hung_up {
            self.cut();
        }
    }

    /// The next frame of one side arrives at the other, as it was sent or otherwise.
    fn deliver(&mut self, from: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let Some(mut frame) = self.offices[from].sent.pop_front() else { return };
        change(&mut frame);
        let (now, device) = (self.now(), self.offices[from].device);
        let to = 1 - from;
        self.offices[to]
            .engine()
            .handle(now, Input::Frame(device, frame))
            .expect("a disk in memory");
        self.collect(to);
    }

    fn settle(&mut self, side: usize) {
        let now = self.now();
        self.offices[side].engine().settle(now).expect("a disk in memory");
        self.collect(side);
    }

    /// Time passes until somebody asks to be woken, or so long.
    fn passes(&mut self, most_ms: u64) {
        let next = self.offices.iter().filter_map(|office| office.wakes_ms).min();
        let next = next.map(|at| at.saturating_sub(crate::scene::at(0).monotonic_ms));
        let until = next.unwrap_or(u64::MAX).min(self.clock_ms + most_ms);
        self.clock_ms = until.max(self.clock_ms);
        for side in [TOWN, VILLAGE] {
            let now = self.now();
            if self.offices[side].wakes_ms.is_some_and(|at| at <= now.monotonic_ms) {
                self.offices[side].engine().handle(now, Input::Timeout).expect("a disk in memory");
                self.collect(side);
            }
        }
    }

    /// Somebody writes something down.
    fn writes(&mut self, side: usize, tape: &mut Tape<'_>) {
        let now = self.now();
        let elders = &scene().elders;
        let elder = elders[tape.below(elders.len())].clone();
        let (what, text) = (tape.below(4), format!("1390000{:04}", tape.byte()));
        let engine = self.offices[side].engine();
        self.visits += 1;
        let done = match what {
            0 => {
                let fields = [(Field::Name, format!("第{}人", self.visits))].into();
                let scope = (side == TOWN).then(|| crate::county::code(crate::scene::VILLAGE));
                ElderAdd { scope, fields, entry: None }.execute(engine, now).map(drop)
            }
            1 => {
                let fields = [(Field::Phone, text)].into();
                ElderSet { elder, fields, certified: false }.execute(engine, now).map(drop)
            }
            _ => {
                let day = chrono::NaiveDate::from_ymd_opt(2026, 9, 1 + self.visits % 28);
                let visit = Visit::on(day.unwrap_or_default());
                VisitAdd { elder, visit }.execute(engine, now).map(drop)
            }
        };
        // The township may not have heard of an elder yet, and a clash in a field has to be resolved first.
        if let Err(error) = done {
            assert!(!error.code.is_empty(), "{error}");
        }
        self.collect(side);
    }

    /// A device that was granted, and says what it likes to the township.
    fn impostor(&mut self, frame: Vec<u8>) {
        let device = scene().impostor.keys.device();
        let mut inputs = Vec::new();
        if !std::mem::replace(&mut self.impostor_up, true) {
            let hello = Hello { stream_version: STREAM_VERSION, ..scene().impostor.hello() };
            inputs.extend([
                Input::PeerUp(device),
                Input::Frame(device, Frame::Hello(hello).encode()),
            ]);
        }
        inputs.push(Input::Frame(device, frame));
        for input in inputs {
            let now = self.now();
            self.offices[TOWN].engine().handle(now, input).expect("a disk in memory");
            self.collect(TOWN);
        }
    }

    fn status(&mut self, side: usize) -> StatusReport {
        let now = self.now();
        let report = Status {}.execute(self.offices[side].engine(), now).expect("status answers");
        self.collect(side);
        report
    }

    /// What an office says of the other is so: where it says *done* the other holds durably whatever both
    /// may hold of what is here.
    fn assert_claims(&mut self, side: usize) {
        let status = self.status(side);
        let peer = self.offices[1 - side].device;
        let Some(told) = status.peers.iter().find(|told| told.device == peer) else { return };
        if !told.done || self.spoilt {
            return;
        }
        let lacks = self.lacks(1 - side, side);
        assert!(lacks.is_empty(), "side {side} says done, and the other lacks {lacks:?}");
    }

    /// Heads of one office that the other may hold and does not.
    fn lacks(&mut self, one: usize, of: usize) -> Vec<LogPosition> {
        let grants = [self.offices[TOWN].grant.clone(), self.offices[VILLAGE].grant.clone()];
        let there = self.offices[of].engine().read().expect("a disk in memory");
        let here = self.offices[one].engine().read().expect("a disk in memory");
        let mut lacks = Vec::new();
        for chain in there.logs_all().expect("a disk in memory") {
            let (scope, lane) = (chain.key.scope, chain.key.lane);
            if !grants.iter().all(|grant| receives(grant, scope, lane)) {
                continue;
            }
            let Some(head) = there.head_of(chain.number).expect("a disk in memory") else {
                continue;
            };
            let held = here.find_chain(&chain.key, head.seq, &head.hash).expect("a disk in memory");
            if held.is_none() {
                lacks.push(LogPosition { log: chain.key, seq: head.seq, hash: head.hash });
            }
        }
        lacks
    }

    /// The link is as it should be from now on: everything goes all the way, both say so, and it is so.
    fn ends(&mut self) {
        self.spoilt = false;
        let device = scene().impostor.keys.device();
        if std::mem::take(&mut self.impostor_up) {
            let now = self.now();
            self.offices[TOWN]
                .engine()
                .handle(now, Input::PeerDown(device))
                .expect("a disk in memory");
            self.collect(TOWN);
        }
        self.link();
        self.rests();
        for side in [TOWN, VILLAGE] {
            assert_eq!(self.lacks(side, 1 - side), [], "side {side} lacks what both say is done");
        }
        // Whoever looks may be the one for whom a receipt that is due is written.
        for side in [TOWN, VILLAGE] {
            self.assert_claims(side);
        }
        self.rests();
        let [town, village] = [TOWN, VILLAGE].map(|side| self.status(side).scopes);
        let code = crate::county::code(crate::scene::VILLAGE);
        let digests = |scopes: &[_]| -> Vec<_> { digests_of(scopes, code) };
        assert_eq!(digests(&town), digests(&village), "both see the same of the village");
        for side in [TOWN, VILLAGE] {
            let now = self.now();
            assert_sound(self.offices[side].engine(), now);
        }
    }

    /// Frames are carried, and time passes, until both say that all is done.
    fn rests(&mut self) {
        for round in 0..400 {
            for side in [TOWN, VILLAGE] {
                self.settle(side);
                while !self.offices[side].sent.is_empty() {
                    self.deliver(side, |_| {});
                }
            }
            if !self.linked {
                self.link();
            }
            let idle = self.offices.iter().all(|office| office.sent.is_empty());
            if idle && [TOWN, VILLAGE].into_iter().all(|side| self.is_done(side)) {
                return;
            }
            if idle && round % 4 == 3 {
                self.passes(60_000);
            }
        }
        let peers = [TOWN, VILLAGE].map(|side| self.status(side).peers);
        panic!("the two are never done: {peers:?}");
    }

    fn is_done(&mut self, side: usize) -> bool {
        let peer = self.offices[1 - side].device;
        let progress = self.offices[side].engine().progress(peer).expect("a disk in memory");
        progress.is_some_and(|progress| progress.done)
    }
}

fn digests_of(
    scopes: &[shouwang_node::command::status::ScopeStatus],
    code: shouwang_crdt_schema::division::DivisionCode,
) -> Vec<(String, String)> {
    let of = scopes.iter().filter(|scope| scope.code == code);
    of.map(|scope| (scope.digest.clone(), scope.authority_digest.clone())).collect()
}

/// A byte for each step, and what the step takes.
///
/// Frames arrive in their order or the link is cut; people write; time passes; machines stop and start; a
/// granted device says anything; and, once a link is spoilt, frames are changed, told twice or in another
/// order. No step panics, what waits is bounded, nobody honest is accused while frames are honest, and
/// whoever says *done* is right. In the end the link is good, all goes all the way, and both stores read
/// back.
pub(super) fn session(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let mut story = Story::new();
    for _ in 0..120 {
        if tape.is_over() {
            break;
        }
        let step = tape.byte();
        let side = usize::from(step & 1);
        match step >> 1 & 0x1f {
            0..=7 => {
                for _ in 0..=tape.below(4) {
                    story.deliver(side, |_| {});
                }
            }
            8..=11 => story.settle(side),
            12..=15 => story.writes(side, &mut tape),
            16 | 17 => story.passes(u64::from(tape.short()) * 10),
            18 => story.cut(),
            19 | 20 => story.link(),
            21 => {
                story.cut();
                story.offices[side].crashes();
                if side == TOWN {
                    story.impostor_up = false;
                }
            }
            22 => story.assert_claims(side),
            23 | 24 => {
                let speech = speech();
                let frame = tape.pick(&speech).cloned().unwrap_or_default();
                story.impostor(frame);
            }
            25 => {
                let frame = tape.piece().to_vec();
                story.impostor(frame);
            }
            26 => {
                let speech = speech();
                let mut frame = tape.pick(&speech).cloned().unwrap_or_default();
                change(&mut frame, &mut tape);
                story.impostor(frame);
            }
            27 => {
                story.spoilt = true;
                story.deliver(side, |frame| change(frame, &mut tape));
            }
            28 => {
                story.spoilt = true;
                story.offices[side]
                    .sent
                    .rotate_left(usize::from(!story.offices[side].sent.is_empty()));
            }
            29 => {
                story.spoilt = true;
                if let Some(frame) = story.offices[side].sent.front().cloned() {
                    story.offices[side].sent.push_front(frame);
                }
            }
            30 => {
                let device = scene().impostor.keys.device();
                let now = story.now();
                if std::mem::take(&mut story.impostor_up) {
                    let gone = Input::PeerDown(device);
                    story.offices[TOWN].engine().handle(now, gone).expect("a disk in memory");
                    story.collect(TOWN);
                }
            }
            _ => {
                // A new connection takes the place of the one before, on one side only.
                let (now, peer) = (story.now(), story.offices[1 - side].device);
                story.offices[side].sent.clear();
                story.spoilt = true;
                story.offices[side]
                    .engine()
                    .handle(now, Input::PeerUp(peer))
                    .expect("a disk in memory");
                story.collect(side);
            }
        }
        // A new connection has nothing of the old one's faults.
        if !story.linked {
            story.spoilt = false;
        }
    }
    story.ends();
    Verdict::Accepted
}

/// A few bytes of a frame become others; it is cut off; or something follows it.
fn change(frame: &mut Vec<u8>, tape: &mut Tape<'_>) {
    match tape.below(4) {
        0 => frame.truncate(usize::from(tape.short()) % (frame.len() + 1)),
        1 => frame.extend_from_slice(tape.take(9)),
        _ => {
            for _ in 0..=tape.below(4) {
                let (at, with) = (usize::from(tape.short()) % frame.len().max(1), tape.byte());
                if let Some(byte) = frame.get_mut(at) {
                    *byte = with;
                }
            }
        }
    }
}

/// What a granted device may well say.
fn speech() -> Vec<Vec<u8>> {
    use shouwang_node::log::run::RunEntry;
    use shouwang_node::log::{EntryHash, Kind};
    let impostor = &scene().impostor;
    let log = impostor.log(crate::scene::VILLAGE, Lane::Routine);
    let filler = |with: u8| RunEntry::new(Kind::Other(99), None, vec![with; 9], 0);
    let run = |with: u8| {
        let entries = vec![filler(with), filler(with)];
        crate::impostor::signed(&impostor.keys, impostor.grant_id(), log, None, entries)
    };
    let position = LogPosition { log, seq: 1, hash: EntryHash([1; 32]) };
    let frames = [
        Frame::Chain(impostor.chain.clone()),
        Frame::Summary(Summary::of_heads(0, Salt([1; 8]), &[], true)),
        Frame::Summary(Summary::of_heads(1, Salt([1; 8]), &[position], true)),
        Frame::Run(run(1)),
        Frame::Run(run(2)),
        Frame::Have(vec![position]),
        Frame::Prove(scene().accomplice.chain.clone()),
        Frame::AskBodies(vec![position]),
        Frame::Hold(HoldWord::Wait),
        Frame::Hold(HoldWord::Comes),
        Frame::AskChain,
        Frame::Alive,
        Frame::Close("busy".into()),
    ];
    frames.iter().map(Frame::encode).collect()
}

pub(super) fn session_seeds() -> Vec<Vec<u8>> {
    let step = |kind: u8, side: u8| kind << 1 | side;
    let turn = [step(8, 0), step(8, 1), step(0, 0), 3, step(0, 1), 3];
    let honest = turn.repeat(12);
    let cuts = [&turn.repeat(3)[..], &[step(18, 0), step(19, 0)], &turn.repeat(4)].concat();
    let edits =
        [&[step(12, 0), 1, 1, 5][..], &turn, &[step(12, 1), 2, 2, 7], &turn.repeat(3)].concat();
    let crash = [&turn.repeat(2)[..], &[step(21, 1), step(19, 0)], &turn.repeat(4)].concat();
    let claims = [&turn.repeat(6)[..], &[step(22, 0), step(22, 1)]].concat();
    let time =
        [&turn[..], &[step(16, 0), 0x20, 0], &turn, &[step(16, 0), 0xff, 0xff], &turn].concat();
    let speech = (0..13).flat_map(|nth| [step(23, 0), 0, nth]);
    let garbage =
        [&[step(25, 0)][..], &piece(&[5; 80]), &[step(26, 0), 0, 3, 2, 1, 0, 9, 7]].concat();
    let spoilt =
        [&turn[..], &[step(27, 1), 2, 0, 0, 4, 9], &turn.repeat(2), &[step(31, 0)], &turn].concat();
    vec![honest, cuts, edits, crash, claims, time, speech.collect(), garbage, spoilt]
}
