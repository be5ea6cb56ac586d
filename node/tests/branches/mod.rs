//! Branches of a log, from a device that is granted and means harm or is only broken.

use shouwang_node::identity::grant::Role;
use shouwang_node::limits::QUESTIONS_MAX;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{EntryHash, Head, Kind, Lane, LogKey, UnverifiedRun};
use shouwang_node::store::{ChainRead, StoreRead};
use shouwang_node::sync::Input;
use shouwang_node::sync::summary::Summary;
use shouwang_node::sync::wire::{Frame, LogPosition, Probe, ProbeWord};

use super::{COUNTY, QINGHE, SHANGHE, SONGWU, Scene, XIAHE};
use crate::county::code;
use crate::impostor::{Impostor, SALT, grant, sealed, signed};

fn clerk(scene: &mut Scene) -> Impostor {
    Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk)
}

fn fillers(count: usize, with: u8) -> Vec<RunEntry> {
    (0..count).map(|_| RunEntry::new(Kind::Other(99), None, vec![with; 9], 0)).collect()
}

/// A run of one more branch of a log, and the head before it.
fn branch(
    impostor: &Impostor,
    log: LogKey,
    before: Option<&Head>,
    with: u8,
    count: usize,
) -> UnverifiedRun {
    signed(&impostor.keys, impostor.grant_id(), log, before, fillers(count, with))
}

fn head(run: &UnverifiedRun, before: Option<&Head>) -> Head {
    *run.clone().verify(before).unwrap().head()
}

fn chains(scene: &mut Scene, place: &str, log: &LogKey) -> usize {
    let snapshot = scene.county.engine(place).read().unwrap();
    snapshot.chains(log).unwrap().len()
}

#[test]
fn four_branches_are_carried_and_a_fifth_is_set_aside() {
    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    let log = impostor.log(SHANGHE, Lane::Routine);
    impostor.enters(&mut scene.county, SONGWU);
    let first = branch(&impostor, log, None, 0, 4);
    let stem = head(&first, None);
    impostor.says(&mut scene.county, SONGWU, &Frame::Run(first));
    for with in 1..=5 {
        // The first goes on where the stem ends, the others leave it.
        let run = branch(&impostor, log, Some(&stem), with, 3);
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(run.clone()));
        assert!(impostor.is_heard(&mut scene.county, SONGWU), "a fork ends no session");
        let heard = impostor.hears(&mut scene.county);
        let full = |frame: &Frame| matches!(frame, Frame::Probe(p) if p.word == ProbeWord::Full);
        assert_eq!(heard.iter().any(full), with == 5, "{heard:?}");
        // More of a refused branch is no new fault.
        if with == 5 {
            let more = branch(&impostor, log, Some(&head(&run, Some(&stem))), with, 2);
            impostor.says(&mut scene.county, SONGWU, &Frame::Run(more));
            assert!(impostor.is_heard(&mut scene.county, SONGWU));
        }
    }
    for place in [SONGWU, COUNTY] {
        assert_eq!(chains(&mut scene, place, &log), 4, "{place}");
    }
    let status = scene.county.status(SONGWU);
    let peer = status.peers.iter().find(|peer| peer.device == impostor.keys.device()).unwrap();
    assert!(!peer.done && peer.stuck == 1, "{peer:?}");
    assert_eq!(peer.refused.keys().collect::<Vec<_>>(), ["unknown_kind"]);
    // Three forks, and one for which there was no room; the same ones again are not news.
    assert_eq!(status.notices.len(), 4, "{:?}", status.notices);
    impostor.enters(&mut scene.county, SONGWU);
    let fifth = branch(&impostor, log, Some(&stem), 5, 3);
    impostor.says(&mut scene.county, SONGWU, &Frame::Run(fifth));
    assert_eq!(scene.county.status(SONGWU).notices.len(), 4);
    scene.assert_goes_on(&[]);
}

#[test]
fn the_evidence_of_a_fork_holds_both_signed_headers() {
    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    let log = impostor.log(SHANGHE, Lane::Routine);
    impostor.enters(&mut scene.county, SONGWU);
    for with in 1..=2 {
        let run = branch(&impostor, log, None, with, 3);
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(run));
    }
    let snapshot = scene.county.engine(SONGWU).read().unwrap();
    let evidence = snapshot.evidence_all().unwrap();
    assert_eq!(evidence.len(), 1);
    assert_eq!((evidence[0].code.as_str(), evidence[0].peer), ("forked_log", None));
    assert!(evidence[0].at_ms > 0);
    let mut reader = shouwang_node::codec::Reader::new(&evidence[0].bytes);
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let bytes = reader.piece(1_000).unwrap();
        let header =
            shouwang_node::log::Header::decode(&mut shouwang_node::codec::Reader::new(bytes));
        let header = header.unwrap();
        let signature = shouwang_node::identity::Signature(reader.array().unwrap());
        assert_eq!(header.log, log);
        assert!(log.device.verify(&header.hash().0, &signature));
        bodies.push(header.hash());
    }
    reader.finish().unwrap();
    assert_ne!(bodies[0], bodies[1]);
}

#[test]
fn a_branch_with_a_bad_signature_and_one_that_leads_nowhere() {
    for (code, nowhere) in [("broken_signature", false), ("broken_chain", true)] {
        let mut scene = Scene::new();
        let impostor = clerk(&mut scene);
        let log = impostor.log(SHANGHE, Lane::Routine);
        impostor.enters(&mut scene.county, SONGWU);
        let first = branch(&impostor, log, None, 0, 6);
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(first.clone()));
        let stem = UnverifiedRun { entries: first.entries[..3].to_vec(), ..first };
        let stem = sealed(&impostor.keys, log, 0, stem.previous, stem.entries);
        let run = match nowhere {
            true => sealed(&impostor.keys, log, 3, EntryHash([7; 32]), fillers(2, 1)),
            false => {
                let mut run = branch(&impostor, log, Some(&head(&stem, None)), 1, 2);
                run.signature.0[9] ^= 1;
                run
            }
        };
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(run));
        assert_eq!(chains(&mut scene, SONGWU, &log), 1);
        assert_eq!(scene.county.refused(SONGWU, impostor.keys.device()).get(code), Some(&1));
        scene.assert_goes_on(&[code]);
    }
}

/// The first entry of each branch names its own grant, and each has to prove the log.
#[test]
fn a_branch_that_begins_with_the_first_entry_has_to_be_proved_as_any_log() {
    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    let log = impostor.log(SHANGHE, Lane::Routine);
    impostor.enters(&mut scene.county, SONGWU);
    let first = branch(&impostor, log, None, 0, 2);
    impostor.says(&mut scene.county, SONGWU, &Frame::Run(first));
    let honest = scene.county.engine(SHANGHE).grant_id();
    let other = signed(&impostor.keys, honest, log, None, fillers(2, 1));
    impostor.says(&mut scene.county, SONGWU, &Frame::Run(other));
    assert_eq!(chains(&mut scene, SONGWU, &log), 1);
    let refused = scene.county.refused(SONGWU, impostor.keys.device());
    assert_eq!(refused.get("unproven_log"), Some(&1));
    scene.assert_goes_on(&["unproven_log"]);
}

/// Whoever delegates can write two branches of grants: those of both hold, and travel.
#[test]
fn grants_in_both_branches_of_an_authority_log_hold() {
    let mut scene = Scene::new();
    let impostor = Impostor::granted(&mut scene.county, COUNTY, SONGWU, Role::Manager);
    scene.county.settle();
    let log = impostor.log(XIAHE, Lane::Authority);
    impostor.enters(&mut scene.county, SONGWU);
    let issuer = impostor.chain.last().unwrap();
    let mut granted = Vec::new();
    for nth in [1, 2] {
        let keys = shouwang_node::identity::DeviceKeys::from_secret(&[40 + nth; 64]);
        let given = grant(&keys, XIAHE, Role::Clerk, Some(issuer)).sign(&impostor.keys);
        granted.push(given.id());
        let entry = RunEntry::new(Kind::Grant, None, given.encode(), 0);
        let run = signed(&impostor.keys, impostor.grant_id(), log, None, vec![entry]);
        impostor.says(&mut scene.county, SONGWU, &Frame::Run(run));
    }
    for place in [SONGWU, COUNTY] {
        assert_eq!(chains(&mut scene, place, &log), 2, "{place}");
        for id in &granted {
            assert!(scene.county.engine(place).authority().grant(id).is_some(), "{place}");
        }
    }
    scene.assert_goes_on(&[]);
}

#[test]
fn probes_that_nobody_needs_change_nothing() {
    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    impostor.enters(&mut scene.county, SONGWU);
    let snapshot = scene.county.engine(SONGWU).read().unwrap();
    let logs: Vec<LogKey> =
        snapshot.logs_of(code(SHANGHE)).unwrap().into_iter().map(|log| log.key).collect();
    drop(snapshot);
    let unknown = impostor.log(SHANGHE, Lane::Urgent);
    for log in logs.into_iter().chain([unknown]) {
        for word in [ProbeWord::Ask, ProbeWord::Found, ProbeWord::Full] {
            for nth in [0, 1, 200] {
                let positions = (0..nth).map(|seq| (seq, EntryHash([seq as u8; 32]))).collect();
                let probe = Frame::Probe(Probe { word, log, positions });
                let asked = probe.encode().len();
                impostor.says(&mut scene.county, SONGWU, &probe);
                let answered: usize =
                    impostor.hears(&mut scene.county).iter().map(|f| f.encode().len()).sum();
                // What is pushed to it apart, no answer is longer than its question.
                assert!(answered <= asked.max(4_000), "{answered} for {asked}");
            }
        }
    }
    scene.assert_goes_on(&[]);

    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    impostor.enters(&mut scene.county, SONGWU);
    let log = impostor.log(QINGHE, Lane::Routine);
    let probe = Probe { word: ProbeWord::Ask, log, positions: Vec::new() };
    impostor.says(&mut scene.county, SONGWU, &Frame::Probe(probe));
    scene.assert_refused(&impostor, "outside_area");
}

#[test]
fn a_summary_with_more_branches_than_a_log_may_have() {
    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    impostor.enters(&mut scene.county, SONGWU);
    let log = impostor.log(SHANGHE, Lane::Routine);
    let heads =
        (0..5).map(|seq| LogPosition { log, seq, hash: EntryHash([1; 32]) }).collect::<Vec<_>>();
    let summary = Frame::Summary(Summary::of_heads(1, SALT, &heads, true));
    impostor.says(&mut scene.county, SONGWU, &summary);
    scene.assert_refused(&impostor, "too_many");
}

/// Nobody signs a summary, so whoever says that he holds more of our log than we do is believed
/// once.
#[test]
fn a_peer_that_cries_wolf_is_believed_once() {
    let mut scene = Scene::new();
    let impostor = clerk(&mut scene);
    let mut log = {
        let engine = scene.county.engine(SONGWU);
        let (device, incarnation) = (engine.device(), engine.incarnation());
        LogKey { scope: code(SHANGHE), lane: Lane::Routine, device, incarnation }
    };
    for _ in 0..4 {
        for ahead in [0, 1, 500, u32::MAX - 9] {
            impostor.dials(&mut scene.county, SONGWU);
            impostor.says(&mut scene.county, SONGWU, &Frame::Hello(impostor.hello()));
            log.incarnation = scene.county.engine(SONGWU).incarnation();
            log.incarnation.number = log.incarnation.number.saturating_add(ahead);
            let heads = vec![LogPosition { log, seq: 5, hash: EntryHash([1; 32]) }];
            let summary = Frame::Summary(Summary::of_heads(0, SALT, &heads, true));
            impostor.says(&mut scene.county, SONGWU, &summary);
        }
    }
    assert_eq!(scene.county.engine(SONGWU).incarnation().number, 1);
    // What is written now is of an incarnation that nobody can have seen: nothing is held up.
    assert!(scene.county.engine(SONGWU).heads_confirmed());
    scene.assert_goes_on(&[]);
}

#[test]
fn a_question_is_answered_once_until_something_changed_and_not_without_end() {
    let mut scene = Scene::new();
    let mut impostor = clerk(&mut scene);
    let log = impostor.log(SHANGHE, Lane::Routine);
    let run = impostor.writes(log, fillers(3, 1));
    impostor.enters(&mut scene.county, SONGWU);
    impostor.says(&mut scene.county, SONGWU, &Frame::Run(run));
    let ask = |scene: &mut Scene, impostor: &Impostor| {
        let probe = Probe { word: ProbeWord::Ask, log, positions: Vec::new() };
        impostor.says(&mut scene.county, SONGWU, &Frame::Probe(probe));
        let found = |frame: &Frame| matches!(frame, Frame::Probe(p) if p.word == ProbeWord::Found);
        impostor.hears(&mut scene.county).iter().filter(|frame| found(frame)).count()
    };
    assert_eq!(ask(&mut scene, &impostor), 1);
    assert_eq!(ask(&mut scene, &impostor), 0);
    let more = impostor.writes(log, fillers(1, 2));
    impostor.says(&mut scene.county, SONGWU, &Frame::Run(more));
    assert_eq!(ask(&mut scene, &impostor), 1, "the log has changed");
    assert_eq!(ask(&mut scene, &impostor), 0);
    // As one that does not listen would go on.
    let (now, device) = (scene.county.now(), impostor.keys.device());
    let bytes = Frame::Probe(Probe { word: ProbeWord::Ask, log, positions: Vec::new() }).encode();
    for _ in 4..QUESTIONS_MAX {
        let input = Input::Frame(device, bytes.clone());
        scene.county.engine(SONGWU).handle(now, input).unwrap();
    }
    scene.county.settle();
    assert!(impostor.is_heard(&mut scene.county, SONGWU));
    assert_eq!(impostor.hears(&mut scene.county), []);
    impostor.sends(&mut scene.county, SONGWU, bytes);
    assert_eq!(impostor.hears(&mut scene.county), [Frame::Close("too_many".into())]);
    assert!(!impostor.is_heard(&mut scene.county, SONGWU));
    scene.assert_goes_on(&["too_many"]);
}
