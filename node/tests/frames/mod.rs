//! Bytes and frames: each fault ends the session, by name, and nothing else.

use shouwang_node::command::status::PeerState;
use shouwang_node::identity::grant::{GrantId, Role, SignedGrant};
use shouwang_node::identity::{DeviceId, DeviceKeys};
use shouwang_node::limits::{
    BODY_BYTES_MAX, EVIDENCE_ROWS_MAX, FRAME_BYTES_MAX, PROVES_AHEAD_MAX, SEQ_MAX,
    SUMMARY_HEADS_MAX, SUMMARY_HEADS_PER_FRAME,
};
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{Body, EntryHash, Kind, Lane, LogKey, UnverifiedRun};
use shouwang_node::store::rows::EvidenceRow;
use shouwang_node::store::{StoreError, StoreRead};
use shouwang_node::sync::Input;
use shouwang_node::sync::summary::Summary;
use shouwang_node::sync::wire::{Frame, Hello, HoldWord, LogPosition};

use super::{COUNTY, QINGHE, SHANGHE, SONGWU, Scene, XIAHE};
use crate::county::County;
use crate::impostor::{Impostor, SALT, grant, sealed, signed};

fn clerk(scene: &mut Scene) -> Impostor {
    Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk)
}

/// An entry of no known kind: it is stored wherever its log is.
fn filler(bytes: usize) -> RunEntry {
    RunEntry::new(Kind::Other(99), None, vec![7; bytes], 0)
}

fn fillers(count: usize) -> Vec<RunEntry> {
    (0..count).map(filler).collect()
}

#[test]
fn bytes_that_are_no_frame() {
    let http = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    for (bytes, code) in [
        (vec![], "malformed_frame"),
        (vec![0xff; 300], "unknown_frame"),
        (vec![0; 300], "unknown_frame"),
        (http.to_vec(), "unknown_frame"),
        (vec![1], "malformed_frame"),
        ([&[1, 0, 1][..], &[0xaa; 20]].concat(), "malformed_frame"),
        (vec![3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "malformed_frame"),
        (vec![4, 2], "malformed_frame"),
        (vec![5; 4_000], "malformed_frame"),
        (vec![7, 0], "malformed_frame"),
        (vec![7; FRAME_BYTES_MAX + 1], "oversized_frame"),
    ] {
        let mut scene = Scene::new();
        let impostor = clerk(&mut scene);
        impostor.dials(&mut scene.county, SONGWU);
        println!("{:02x?}…", &bytes[..bytes.len().min(12)]);
        impostor.sends(&mut scene.county, SONGWU, bytes);
        scene.assert_refused(&impostor, code);
    }
}

#[test]
fn whoever_connects_pushes_out_nothing_that_tells_of_this_device_or_of_a_log() {
    let mut scene = Scene::new();
    let clerk = clerk(&mut scene);
    let row = |peer, code: &str, nth: u64| {
        let (code, detail) = (code.to_owned(), nth.to_string());
        EvidenceRow { peer, code, detail, at_ms: 0, bytes: Vec::new() }
    };
    let telling = ["forked_log", "rolled_back", "cloned_home", "over_quota"];
    let store = scene.county.engine(SONGWU).store_mut();
    let full = store.write::<_, StoreError>(|tables| {
        telling.iter().try_for_each(|code| tables.put_evidence(row(None, code, 0)))?;
        let others = EVIDENCE_ROWS_MAX - telling.len() as u64;
        let other = Some(DeviceId([5; 32]));
        (0..others).try_for_each(|nth| tables.put_evidence(row(other, "set_aside_by_peer", nth)))
    });
    full.unwrap();
    clerk.enters(&mut scene.county, SONGWU);
    clerk.sends(&mut scene.county, SONGWU, vec![]);
    for nth in 0..12u8 {
        let stranger = Impostor::stranger(&mut scene.county, SONGWU);
        stranger.dials(&mut scene.county, SONGWU);
        stranger.sends(&mut scene.county, SONGWU, vec![if nth % 2 == 0 { 1 } else { 0xff }]);
        clerk.enters(&mut scene.county, SONGWU);
        clerk.sends(&mut scene.county, SONGWU, vec![]);
    }
    let snapshot = scene.county.engine(SONGWU).read().unwrap();
    let rows = snapshot.evidence_all().unwrap();
    assert_eq!(rows.len() as u64, EVIDENCE_ROWS_MAX);
    let kept: Vec<&str> = rows[..4].iter().map(|row| row.code.as_str()).collect();
    assert_eq!(kept, telling);
    // The newest of each peer and code; those whom nobody knows are one.
    let mut fresh: Vec<_> =
        rows[rows.len() - 4..].iter().map(|row| (row.peer.unwrap().0, row.code.as_str())).collect();
    fresh.sort_unstable();
    let mut expected = vec![
        ([0; 32], "malformed_frame"),
        ([0; 32], "unknown_frame"),
        (clerk.keys.device().0, "malformed_frame"),
        ([5; 32], "set_aside_by_peer"),
    ];
    expected.sort_unstable();
    assert_eq!(fresh, expected);
}

#[test]
fn a_frame_announced_longer_than_any_may_be() {
    for length in [FRAME_BYTES_MAX as u64 + 1, u64::MAX] {
        let mut scene = Scene::new();
        let impostor = clerk(&mut scene);
        impostor.enters(&mut scene.county, SONGWU);
        let (now, device) = (scene.county.now(), impostor.keys.device());
        let input = Input::Oversized(device, length);
        scene.county.engine(SONGWU).handle(now, input).unwrap();
        scene.county.settle();
        scene.assert_refused(&impostor, "oversized_frame");
    }
}

#[test]
fn another_version_of_the_protocol() {
    for version in [0, 2, u16::MAX] {
        let mut scene = Scene::new();
        let impostor = clerk(&mut scene);
        impostor.dials(&mut scene.county, SONGWU);
        let hello = Hello { version, ..impostor.hello() };
        impostor.says(&mut scene.county, SONGWU, &Frame::Hello(hello));
        scene.assert_refused(&impostor, "wrong_version");
    }
}

#[test]
fn any_frame_before_hello() {
    let mut scene = Scene::new();
    let mut impostor = clerk(&mut scene);
    let log = impostor.log(SHANGHE, Lane::Routine);
    let run = impostor.writes(log, fillers(1));
    for frame in [
        Frame::AskChain,
        Frame::Chain(impostor.chain.clone()),
        Frame::Summary(Summary::of_heads(0, SALT, &[], true)),
        Frame::Run(run),
        Frame::Have(vec![]),
        Frame::Alive,
        Frame::Hold(HoldWord::Wait),
    ] {
        let mut scene = Scene::new();
        let impostor = clerk(&mut scene);
        impostor.dials(&mut scene.county, SONGWU);
        impostor.says(&mut scene.county, SONGWU, &frame);
        scene.assert_refused(&impostor, "out_of_turn");
    }
}

#[test]
fn frames_out_of_turn() {
    let second_hello = |impostor: &Impostor| Frame::Hello(impostor.hello());
    let unasked_chain = |impostor: &Impostor| Frame::Chain(impostor.chain.clone());
    let frames: [&dyn Fn(&Impostor) -> Frame; 2] = [&second_hello, &unasked_chain];
    for frame in frames {
        let mut scene = Scene::new();
        let impostor = clerk(&mut scene);
        impostor.enters(&mut scene.county, SONGWU);
        impostor.says(&mut scene.county, SONGWU, &frame(&impostor));
        scene.assert_refused(&impostor, "out_of_turn");
    }
}

#[test]
fn a_run_before_the_grant_is_proved() {
    let mut scene = Scene::new();
    let mut stranger = Impostor::stranger(&mut scene.county, SONGWU);
    let log = stranger.log(SHANGHE, Lane::Routine);
    let run = stranger.writes(log, fillers(1));
    stranger.dials(&mut scene.county, SONGWU);
    stranger.says(&mut scene.county, SONGWU, &Frame::Hello(stranger.hello()));
    stranger.says(&mut scene.county, SONGWU, &Frame::Run(run));
    scene.assert_refused(&stranger, "out_of_turn");
}

#[test]
fn another_mesh() {
    let mut scene = Scene::new();
    let mut elsewhere = County::elsewhere(COUNTY);
    let foreign = Impostor::granted(&mut elsewhere, COUNTY, SONGWU, Role::Manager);
    foreign.dials(&mut scene.county, SONGWU);
    foreign.says(&mut scene.county, SONGWU, &Frame::Hello(foreign.hello()));
    scene.assert_refused(&foreign, "other_mesh");
}

/// What somebody without a grant may show when it is asked for a chain.
#[test]
fn chains_that_prove_nothing() {
    for what in [
        "nothing",
        "another device's",
        "the township's own",
        "the root's grant alone",
        "another mesh's",
        "a grant that it signed itself",
        "a root of its own",
    ] {
        println!("{what}");
        let mut scene = Scene::new();
        let stranger = Impostor::stranger(&mut scene.county, SONGWU);
        let mut chain_of = |place: &str| {
            let engine = scene.county.engine(place);
            engine.authority().chain(&engine.grant_id())
        };
        let chain = match what {
            "nothing" => vec![],
            "another device's" => chain_of(SHANGHE),
            "the township's own" => chain_of(SONGWU),
            "the root's grant alone" => chain_of(SONGWU)[..1].to_vec(),
            "another mesh's" => {
                let mut elsewhere = County::elsewhere(COUNTY);
                Impostor::granted(&mut elsewhere, COUNTY, SHANGHE, Role::Clerk).chain
            }
            "a grant that it signed itself" => {
                let mut chain = chain_of(SONGWU);
                let own = grant(&stranger.keys, SHANGHE, Role::Clerk, chain.last());
                chain.push(own.sign(&stranger.keys));
                chain
            }
            _ => vec![grant(&stranger.keys, COUNTY, Role::Root, None).sign(&stranger.keys)],
        };
        let named = chain.last().map_or(GrantId([9; 32]), SignedGrant::id);
        stranger.dials(&mut scene.county, SONGWU);
        let hello = Hello { grant: named, ..stranger.hello() };
        stranger.says(&mut scene.county, SONGWU, &Frame::Hello(hello));
        assert!(stranger.hears(&mut scene.county).contains(&Frame::AskChain));
        stranger.says(&mut scene.county, SONGWU, &Frame::Chain(chain));
        let peers = scene.county.status(SONGWU).peers;
        let peer = peers.iter().find(|peer| peer.device == stranger.keys.device()).unwrap();
        assert_eq!((peer.state, &peer.name), (PeerState::Refused, &None));
        scene.assert_refused(&stranger, "no_grant");
    }
}

#[test]
fn a_chain_with_a_gap_and_a_chain_for_another_grant_than_hello_named() {
    // The township has not heard of this grant: the county gave it while they were apart.
    type Spoil = fn(&mut Vec<SignedGrant>, &mut Hello);
    let spoils: [Spoil; 3] = [
        |chain, _| drop(chain.remove(1)),
        |chain, _| chain.reverse(),
        |_, hello| hello.grant = GrantId([3; 32]),
    ];
    for spoil in spoils {
        let mut scene = Scene::new();
        scene.county.disconnect(SONGWU, COUNTY);
        let impostor = Impostor::granted(&mut scene.county, COUNTY, SHANGHE, Role::Clerk);
        let (mut chain, mut hello) = (impostor.chain.clone(), impostor.hello());
        spoil(&mut chain, &mut hello);
        impostor.dials(&mut scene.county, SONGWU);
        impostor.says(&mut scene.county, SONGWU, &Frame::Hello(hello));
        impostor.says(&mut scene.county, SONGWU, &Frame::Chain(chain));
        scene.county.connect(SONGWU, COUNTY);
        scene.county.settle();
        scene.assert_refused(&impostor, "no_grant");
    }
}

#[test]
fn runs_of_scopes_that_the_two_do_not_share() {
    for (scope, lane) in [
        (XIAHE, Lane::Routine),
        (XIAHE, Lane::Authority),
        (SONGWU, Lane::Routine),
        (SONGWU, Lane::Urgent),
        (COUNTY, Lane::Routine),
        (QINGHE, Lane::Notice),
        (QINGHE, Lane::Routine),
        ("440000000000", Lane::Authority),
    ] {
        println!("{scope} {lane:?}");
        let mut scene = Scene::new();
        let mut impostor = clerk(&mut scene);
        let log = impostor.log(scope, lane);
        let run = impostor.writes(log, fillers(3));
        impostor.enters(&mut scene.county, SONGWU);
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(run));
        scene.assert_refused(&impostor, "outside_area");
    }
}

#[test]
fn runs_that_cannot_be_believed() {
    type Spoil = fn(&Impostor, UnverifiedRun) -> UnverifiedRun;
    let faults: [(&str, Spoil); 9] = [
        ("broken_signature", |_, run| {
            let mut signature = run.signature;
            signature.0[5] ^= 1;
            UnverifiedRun { signature, ..run }
        }),
        ("broken_signature", |_, mut run| {
            run.entries[1].body = Body::Present(vec![1; 999]);
            run
        }),
        ("broken_signature", |_, mut run| {
            run.entries.swap(0, 1);
            run
        }),
        ("broken_signature", |_, run| {
            let other = DeviceKeys::from_secret(&[5; 64]);
            sealed(&other, run.log, run.first_seq, run.previous, run.entries)
        }),
        ("broken_chain", |impostor, run| {
            let previous = EntryHash([1; 32]);
            sealed(&impostor.keys, run.log, run.first_seq, previous, run.entries)
        }),
        ("gap", |_, run| UnverifiedRun { first_seq: run.first_seq + 1, ..run }),
        ("gap", |_, run| UnverifiedRun { first_seq: SEQ_MAX, ..run }),
        ("empty_run", |_, run| UnverifiedRun { entries: vec![], ..run }),
        ("past_checkpoint", |impostor, run| {
            let entries = vec![filler(BODY_BYTES_MAX), filler(1)];
            sealed(&impostor.keys, run.log, run.first_seq, run.previous, entries)
        }),
    ];
    for (code, spoil) in faults {
        println!("{code}");
        let mut scene = Scene::new();
        let mut impostor = clerk(&mut scene);
        let log = impostor.log(SHANGHE, Lane::Routine);
        let first = impostor.writes(log, fillers(3));
        let next = impostor.writes(log, fillers(3));
        impostor.enters(&mut scene.county, SONGWU);
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(first));
        assert!(impostor.is_heard(&mut scene.county, SONGWU));
        let before = scene.county.status(SONGWU).scopes;
        let spoilt = spoil(&impostor, next);
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(spoilt));
        assert_eq!(scene.county.status(SONGWU).scopes, before, "something of it was stored");
        let known = scene.county.engine(SONGWU).read().unwrap();
        let head = known.head(&log).unwrap();
        assert_eq!(head.map(|head| head.seq), Some(2));
        drop(known);
        let refused = scene.county.refused(SONGWU, impostor.keys.device());
        assert_eq!(refused.get(code), Some(&1), "{refused:?}");
        assert_eq!(refused.keys().filter(|code| *code != "unknown_kind").count(), 1, "{refused:?}");
        scene.assert_goes_on(&[code]);
    }
}

/// A log whose first entry names no grant that holds for its device and scope.
#[test]
fn logs_that_nothing_proves() {
    let stranger = DeviceKeys::from_secret(&[6; 64]);
    for case in ["no such grant", "another device's grant", "a grant for another place"] {
        println!("{case}");
        let mut scene = Scene::new();
        let mut impostor = clerk(&mut scene);
        let run = match case {
            "no such grant" => {
                let log =
                    LogKey { device: stranger.device(), ..impostor.log(SHANGHE, Lane::Routine) };
                signed(&stranger, GrantId([8; 32]), log, None, fillers(2))
            }
            "another device's grant" => {
                let honest = scene.county.engine(SHANGHE).grant_id();
                let log = impostor.log(SHANGHE, Lane::Routine);
                impostor.writes_under(honest, log, fillers(2))
            }
            _ => {
                // The sender may speak of this scope; the log's own device was granted another.
                let sibling = Impostor::granted(&mut scene.county, SONGWU, XIAHE, Role::Clerk);
                let log = sibling.log(SHANGHE, Lane::Routine);
                signed(&sibling.keys, sibling.grant_id(), log, None, fillers(2))
            }
        };
        let log = run.log;
        impostor.enters(&mut scene.county, SONGWU);
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(run));
        let known = scene.county.engine(SONGWU).read().unwrap();
        assert_eq!(known.log(&log).unwrap(), None);
        drop(known);
        scene.assert_refused(&impostor, "unproven_log");
    }
}

fn heads(impostor: &Impostor, from: usize, count: usize) -> Vec<LogPosition> {
    let position = |nth: usize| {
        let mut log = impostor.log(SHANGHE, Lane::Routine);
        log.incarnation.number = u32::try_from(nth).unwrap();
        LogPosition { log, seq: nth as u64, hash: EntryHash([1; 32]) }
    };
    (from..from + count).map(position).collect()
}

#[test]
fn more_heads_than_a_summary_may_have() {
    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    impostor.enters(&mut scene.county, SONGWU);
    let heads_ = heads(&impostor, 0, SUMMARY_HEADS_PER_FRAME + 1);
    impostor.says(
        &mut scene.county,
        SONGWU,
        &Frame::Summary(Summary::of_heads(1, SALT, &heads_, true)),
    );
    scene.assert_refused(&impostor, "malformed_frame");

    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    impostor.enters(&mut scene.county, SONGWU);
    for from in (0..=SUMMARY_HEADS_MAX).step_by(SUMMARY_HEADS_PER_FRAME) {
        assert!(impostor.is_heard(&mut scene.county, SONGWU), "{from}");
        let heads = heads(&impostor, from, SUMMARY_HEADS_PER_FRAME);
        impostor.says(
            &mut scene.county,
            SONGWU,
            &Frame::Summary(Summary::of_heads(1, SALT, &heads, false)),
        );
    }
    scene.assert_refused(&impostor, "too_many");
}

/// The bound on heads is one on memory, so it holds for all summaries of a session together.
#[test]
fn summaries_again_and_again_do_not_gather() {
    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    impostor.enters(&mut scene.county, SONGWU);
    let (mut said, mut round) = (0, 0);
    while impostor.is_heard(&mut scene.county, SONGWU) && said <= 2 * SUMMARY_HEADS_MAX {
        let heads = heads(&impostor, said, SUMMARY_HEADS_PER_FRAME);
        said += heads.len();
        round += 1;
        impostor.says(
            &mut scene.county,
            SONGWU,
            &Frame::Summary(Summary::of_heads(round, SALT, &heads, true)),
        );
    }
    let lacks = scene
        .county
        .status(SONGWU)
        .peers
        .into_iter()
        .find(|peer| peer.device == impostor.keys.device())
        .and_then(|peer| peer.we_lack);
    // Each head in it is another log that is waited for.
    let bound = (0..=SUMMARY_HEADS_MAX as u64).sum::<u64>();
    assert!(lacks.is_none_or(|lacks| lacks <= bound), "{lacks:?} after {said} heads");
}

/// A summary may say any number that can be read: asking how far the exchange is must not stumble.
#[test]
fn a_head_at_the_end_of_all_numbers() {
    for seq in [SEQ_MAX, SEQ_MAX + 1, u64::MAX] {
        let mut scene = Scene::new();
        let impostor = clerk(&mut scene);
        impostor.enters(&mut scene.county, SONGWU);
        let log = impostor.log(SHANGHE, Lane::Routine);
        let heads = vec![LogPosition { log, seq, hash: EntryHash([1; 32]) }];
        impostor.says(
            &mut scene.county,
            SONGWU,
            &Frame::Summary(Summary::of_heads(1, SALT, &heads, true)),
        );
        let status = scene.county.status(SONGWU);
        let device = impostor.keys.device();
        let peer = status.peers.into_iter().find(|peer| peer.device == device).unwrap();
        assert!(!peer.done);
        if seq > SEQ_MAX {
            scene.assert_refused(&impostor, "malformed_frame");
            continue;
        }
        assert_eq!(peer.we_lack, Some(SEQ_MAX + 1));
        impostor.says(&mut scene.county, SONGWU, &Frame::Have(heads));
        scene.assert_goes_on(&[]);
    }
}

/// One byte asked must not become kilobytes owed, again and again, to a peer that reads nothing.
#[test]
fn asking_for_the_chain_again_and_again_is_not_answered_for_ever() {
    let mut scene = Scene::new();
    let stranger = Impostor::stranger(&mut scene.county, SONGWU);
    stranger.dials(&mut scene.county, SONGWU);
    stranger.says(&mut scene.county, SONGWU, &Frame::Hello(stranger.hello()));
    let asked = 2_000;
    for _ in 0..asked {
        let (now, device) = (scene.county.now(), stranger.keys.device());
        let frame = Frame::AskChain.encode();
        scene.county.engine(SONGWU).handle(now, Input::Frame(device, frame)).unwrap();
    }
    scene.county.settle();
    let owed: usize =
        scene.county.mail(stranger.keys.device()).iter().map(|frame| frame.len()).sum();
    assert!(owed < 64 * 1024, "{asked} bytes asked, {owed} bytes owed");
}

/// An accomplice that the impostor has granted something, and the chain that proves it.
fn accomplice(scene: &mut Scene, impostor: &Impostor) -> Vec<SignedGrant> {
    let keys = DeviceKeys::from_secret(&scene.county.random());
    let own = grant(&keys, SHANGHE, Role::Clerk, impostor.chain.last());
    [&impostor.chain[..], &[own.sign(&impostor.keys)]].concat()
}

#[test]
fn chains_of_logs_that_never_follow() {
    let mut scene = Scene::new();
    let impostor = Impostor::granted(&mut scene.county, SONGWU, SONGWU, Role::Manager);
    impostor.enters(&mut scene.county, SONGWU);
    for _ in 0..PROVES_AHEAD_MAX {
        let chain = accomplice(&mut scene, &impostor);
        impostor.says(&mut scene.county, SONGWU, &Frame::Prove(chain));
        assert!(impostor.is_heard(&mut scene.county, SONGWU));
    }
    let chain = accomplice(&mut scene, &impostor);
    let last = chain.last().unwrap().id();
    impostor.says(&mut scene.county, SONGWU, &Frame::Prove(chain));
    assert!(scene.county.engine(SONGWU).authority().grant(&last).is_none());
    scene.assert_refused(&impostor, "too_many");
}

#[test]
fn a_chain_that_is_known_costs_no_commit() {
    let mut scene = Scene::new();
    let impostor = Impostor::granted(&mut scene.county, SONGWU, SONGWU, Role::Manager);
    impostor.enters(&mut scene.county, SONGWU);
    let chain = accomplice(&mut scene, &impostor);
    let commits = |scene: &mut Scene| {
        let snapshot = scene.county.engine(SONGWU).read().unwrap();
        snapshot.meta_number("commit_number").unwrap()
    };
    let before = commits(&mut scene);
    impostor.says(&mut scene.county, SONGWU, &Frame::Prove(chain.clone()));
    let learnt = commits(&mut scene);
    assert!(learnt > before, "the control");
    impostor.says(&mut scene.county, SONGWU, &Frame::Prove(chain));
    assert_eq!(commits(&mut scene), learnt);
    assert!(impostor.is_heard(&mut scene.county, SONGWU));
}
