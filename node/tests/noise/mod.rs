//! Frames in any order, whole and spoilt: nothing panics, no honest record goes.

use proptest::prelude::*;
use proptest::sample::Index;
use shouwang_crdt_schema::document::{GENESIS_ACTOR, genesis, genesis_objects};
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_node::command::Request;
use shouwang_node::command::status::Status;
use shouwang_node::identity::grant::Role;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{EntryHash, Kind, Lane};
use shouwang_node::store::StoreRead;
use shouwang_node::sync::Input;
use shouwang_node::sync::summary::{Salt, Summary};
use shouwang_node::sync::wire::{Frame, Hello, HoldWord, LogPosition};

use super::{SHANGHE, SONGWU, Scene};
use crate::county::code;
use crate::draft::{Draft, Op};
use crate::impostor::{Impostor, SALT, change};

/// What comes in next.
#[derive(Clone, Debug)]
enum Step {
    /// One of the frames of [`Speech`], as it is.
    Whole(Index),
    /// One with a byte changed.
    Spoilt(Index, Index, u8),
    /// One cut off.
    Cut(Index, Index),
    /// One with something behind it.
    Longer(Index, Vec<u8>),
    /// Two halves that do not belong together.
    Spliced(Index, Index, Index),
    /// Anything.
    Noise(Vec<u8>),
    /// A new substream, with or without an end of the old one.
    Again(bool),
    /// What came in is committed, and somebody looks.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        12 => index().prop_map(Step::Whole),
        4 => (index(), index(), any::<u8>()).prop_map(|(f, at, byte)| Step::Spoilt(f, at, byte)),
        1 => (index(), index()).prop_map(|(frame, at)| Step::Cut(frame, at)),
        1 => (index(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(frame, more)| Step::Longer(frame, more)),
        1 => (index(), index(), index()).prop_map(|(one, two, at)| Step::Spliced(one, two, at)),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Step::Noise),
        6 => any::<bool>().prop_map(Step::Again),
        3 => Just(Step::Settle),
    ]
}

/// Everything that a granted device could say: the first two are how an honest one begins.
fn speech(scene: &mut Scene, impostor: &mut Impostor) -> Vec<Vec<u8>> {
    let log = impostor.log(SHANGHE, Lane::Routine);
    let card = DocumentId::elder(scene.elder.parse().unwrap(), Part::Card);
    let genesis = genesis(code(SHANGHE), &card).get_heads();
    let honest = |nth: u64| {
        let op = Op::put(&(2, GENESIS_ACTOR.to_vec()), "phone", &format!("1390000000{nth}"), &[]);
        let start_op = genesis_objects(&card).len() as u64 + 2;
        Draft::new(&genesis, &Impostor::actor(&log, nth), 1, start_op, &[op])
    };
    let runs = [
        vec![change(card, honest(1).bytes())],
        vec![change(card, Draft { start_op: 500, ..honest(2) }.bytes())],
        vec![RunEntry::new(Kind::from_number(77), None, b"later".to_vec(), 0)],
        vec![change(card, vec![]), change(card, honest(3).bytes())],
        vec![change(card, Draft { seq: 1, ..honest(1) }.bytes())],
    ]
    .map(|entries| Frame::Run(impostor.writes(log, entries)));
    let authority = impostor.log(SHANGHE, Lane::Authority);
    let grant = RunEntry::new(Kind::Grant, None, impostor.chain[2].encode(), 0);
    let grant = Frame::Run(impostor.writes(authority, vec![grant]));
    let snapshot = scene.county.engine(SONGWU).read().unwrap();
    let logs = snapshot.logs_in(shouwang_crdt_schema::division::Area(code(SHANGHE))).unwrap();
    let heads: Vec<LogPosition> = logs
        .iter()
        .map(|log| {
            let head = snapshot.head_of(log.number).unwrap().unwrap();
            LogPosition { log: log.key, seq: head.seq, hash: head.hash }
        })
        .collect();
    let elsewhere: Vec<LogPosition> =
        heads.iter().map(|head| LogPosition { hash: EntryHash([0; 32]), ..*head }).collect();
    let ahead: Vec<LogPosition> =
        heads.iter().map(|head| LogPosition { seq: head.seq + 9, ..*head }).collect();
    let mut frames = vec![
        Frame::Hello(impostor.hello()),
        Frame::Summary(Summary::of_heads(0, SALT, &[], true)),
        Frame::Hello(Hello { salt: Salt([0xff; 8]), clock_ms: i64::MIN, ..impostor.hello() }),
        Frame::AskChain,
        Frame::Chain(impostor.chain.clone()),
        Frame::Summary(Summary::of_heads(0, SALT, &heads, false)),
        Frame::Summary(Summary::of_heads(1, SALT, &elsewhere, true)),
        Frame::Summary(Summary::of_heads(2, SALT, &ahead, true)),
        Frame::Have(heads),
        Frame::Alive,
        Frame::Hold(HoldWord::Wait),
        Frame::Hold(HoldWord::Comes),
        Frame::Close("busy".into()),
        grant,
    ];
    frames.extend(runs);
    frames.iter().map(Frame::encode).collect()
}

fn say(scene: &mut Scene, impostor: &Impostor, speech: &[Vec<u8>], step: &Step) {
    let (now, device) = (scene.county.now(), impostor.keys.device());
    let engine = scene.county.engine(SONGWU);
    let mut frame = |bytes| engine.handle(now, Input::Frame(device, bytes)).unwrap();
    match step {
        Step::Whole(nth) => frame(nth.get(speech).clone()),
        Step::Spoilt(nth, at, byte) => {
            let mut bytes = nth.get(speech).clone();
            let at = at.index(bytes.len());
            bytes[at] = *byte;
            frame(bytes);
        }
        Step::Cut(nth, at) => {
            let bytes = nth.get(speech);
            frame(bytes[..at.index(bytes.len())].to_vec());
        }
        Step::Longer(nth, more) => frame([&nth.get(speech)[..], more].concat()),
        Step::Spliced(one, two, at) => {
            let (one, two) = (one.get(speech), two.get(speech));
            let at = at.index(one.len().min(two.len()));
            frame([&one[..at], &two[at..]].concat());
        }
        Step::Noise(bytes) => frame(bytes.clone()),
        Step::Again(ended) => {
            if *ended {
                engine.handle(now, Input::PeerDown(device)).unwrap();
            }
            engine.handle(now, Input::PeerUp(device)).unwrap();
            engine.handle(now, Input::Frame(device, speech[0].clone())).unwrap();
            engine.handle(now, Input::Frame(device, speech[1].clone())).unwrap();
        }
        Step::Settle => {
            scene.county.settle();
            let now = scene.county.now();
            Status {}.execute(scene.county.engine(SONGWU), now).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn frames_in_any_order_break_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut scene = Scene::new();
        let mut impostor = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
        let speech = speech(&mut scene, &mut impostor);
        let (now, device) = (scene.county.now(), impostor.keys.device());
        scene.county.engine(SONGWU).handle(now, Input::PeerUp(device)).unwrap();
        for step in &steps {
            say(&mut scene, &impostor, &speech, step);
        }
        scene.county.settle();
        scene.assert_honest_go_on();
        // Only the township has hung up, and only on the impostor.
        for (place, _) in scene.county.hangups() {
            prop_assert_eq!(place, SONGWU);
        }
    }
}
