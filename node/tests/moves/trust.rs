//! Executors that are revoked, and such as lie.

use std::collections::BTreeMap;

use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::edit::{Action, write_change};
use shouwang_crdt_schema::element::{Element, TransferEvent};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{TransferId, TransferStep};
use shouwang_node::authority::RevocationReason;
use shouwang_node::command::Request;
use shouwang_node::command::erase::ElderErase;
use shouwang_node::command::revoke::DeviceRevoke;
use shouwang_node::erasure::ErasureReason;
use shouwang_node::handover::{Handover, Purge, StepId};
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::{MOVE_DEFER_MS, RECEIPT_INTERVAL_MS};
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{Body, Carried, Kind, Lane, UnverifiedRun};
use shouwang_node::store::StoreRead;
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::sync::wire::Frame;

use crate::county::{code, field};
use crate::impostor::Impostor;
use crate::{COUNTY, SHANGHE, SONGWU, Scene, XIAHE, YUNGANG};

pub(crate) fn revokes(scene: &mut Scene, by: &str, device: String) {
    let now = scene.county.now();
    let revoke = DeviceRevoke {
        device,
        reason: RevocationReason::Lost,
        root: Some(scene.county.root()),
        personal: false,
        dry_run: false,
    };
    revoke.execute(scene.county.engine(by), now).unwrap();
}

/// What the executor has written lies beyond its cut: the elder is back where the card is native, and
/// the next executor carries the same move out.
#[test]
fn the_work_of_an_executor_that_is_cut_off_is_done_again_by_another() {
    let mut scene = Scene::new();
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    scene.county.disconnect(SONGWU, COUNTY);
    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    assert_eq!(scene.shown(SONGWU), [XIAHE]);
    scene.county.records_visit(XIAHE, &scene.elder.clone(), "2026-09-20");
    let town = scene.county.engine(SONGWU).device().to_string();
    revokes(&mut scene, COUNTY, town);
    for village in [SHANGHE, XIAHE, YUNGANG] {
        scene.county.disconnect(village, SONGWU);
        scene.county.connect(village, COUNTY);
    }
    scene.county.settle();
    scene.county.stops(SONGWU);
    scene.county.passes(2 * MOVE_DEFER_MS);
    assert_eq!(scene.shown(COUNTY), [XIAHE]);
    assert_eq!(scene.shown(XIAHE), [XIAHE]);
    assert_eq!(scene.shown(SHANGHE), [""; 0]);
    let shown = scene.county.shows(XIAHE, &scene.elder.clone());
    assert_eq!(shown.visits.len(), 2, "what the village wrote meanwhile is there");
    assert_eq!(field(&shown, Field::ResidenceCode).value, XIAHE);
    scene.county.assert_converged();
    scene.county.verify_all();
}

/// The executor had purged as well: what it removed comes back out of what it had carried.
#[test]
fn what_a_purge_that_counts_no_more_has_removed_comes_back_from_what_was_carried() {
    const SECOND: &str = "second registrar";
    let mut scene = Scene::new();
    scene.county.grant_as(COUNTY, COUNTY, SECOND, Some(Role::Registrar));
    scene.county.connect(SECOND, COUNTY);
    scene.county.settle();
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    scene.county.disconnect(SECOND, COUNTY);
    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    scene.county.passes(4 * RECEIPT_INTERVAL_MS);
    assert_eq!(scene.bodies(SHANGHE, SHANGHE), 0);
    assert_eq!(scene.bodies(COUNTY, SHANGHE), 0);
    let town = scene.county.engine(SONGWU).device().to_string();
    revokes(&mut scene, SECOND, town);
    for village in [SHANGHE, XIAHE, YUNGANG] {
        scene.county.disconnect(village, SONGWU);
        scene.county.connect(village, COUNTY);
    }
    scene.county.disconnect(SONGWU, COUNTY);
    scene.county.connect(SECOND, COUNTY);
    scene.county.settle();
    scene.county.stops(SONGWU);
    let missing = |scene: &mut Scene, place: &str| {
        scene.county.engine(place).read().unwrap().missing_count().unwrap()
    };
    for place in [COUNTY, SECOND, SHANGHE] {
        assert_eq!(missing(&mut scene, place), 0, "{place}");
    }
    // And the move is carried out again, by one of the county's, for it has all of the file.
    scene.county.passes(6 * RECEIPT_INTERVAL_MS);
    for place in [COUNTY, SECOND, XIAHE] {
        assert_eq!(scene.shown(place), [XIAHE], "{place}");
        assert_eq!(scene.county.shows(place, &scene.elder.clone()).visits.len(), 1, "{place}");
    }
    assert_eq!(scene.shown(SHANGHE), [""; 0]);
    scene.county.assert_converged();
    scene.county.verify_all();
}

/// What two sign to erase goes wherever it has been, and does not come back from next door.
#[test]
fn a_file_that_has_moved_is_erased_in_every_place_where_it_was() {
    const SECOND: &str = "second registrar";
    for purged in [false, true] {
        let mut scene = Scene::new();
        scene.county.grant_as(COUNTY, COUNTY, SECOND, Some(Role::Registrar));
        scene.county.connect(SECOND, COUNTY);
        scene.county.settle();
        scene.offers(SHANGHE, XIAHE).unwrap();
        scene.county.settle();
        if !purged {
            scene.county.disconnect(SONGWU, COUNTY);
        }
        scene.accepts(XIAHE).unwrap();
        scene.county.settle();
        scene.county.passes(4 * RECEIPT_INTERVAL_MS);
        assert_eq!(scene.bodies(SONGWU, SHANGHE) == 0, purged);
        if !purged {
            scene.county.connect(SONGWU, COUNTY);
            for (one, two) in [(SHANGHE, SONGWU), (XIAHE, SONGWU)] {
                scene.county.disconnect(one, two);
            }
            scene.county.settle();
        }
        for place in [COUNTY, SECOND] {
            let now = scene.county.now();
            let erase = ElderErase {
                elder: scene.elder.clone(),
                reason: ErasureReason::RightToErasure,
                root: None,
                dry_run: false,
            };
            erase.execute(scene.county.engine(place), now).unwrap();
            scene.county.settle();
        }
        for village in [SHANGHE, XIAHE] {
            if !purged {
                scene.county.connect(village, SONGWU);
            }
        }
        scene.county.settle();
        scene.county.passes(4 * RECEIPT_INTERVAL_MS);
        for place in [COUNTY, SECOND, SONGWU, SHANGHE, XIAHE] {
            assert_eq!(scene.shown(place), [""; 0], "{place}");
            for scope in [SHANGHE, XIAHE] {
                assert_eq!(scene.bodies(place, scope), 0, "{place} {scope}");
            }
            let snapshot = scene.county.engine(place).read().unwrap();
            assert_eq!(snapshot.missing_count().unwrap(), 0, "{place}");
        }
        scene.county.assert_converged();
        scene.county.verify_all();
    }
}

/// A device of the town that says whatever it likes.
struct Liar {
    scene: Scene,
    liar: Impostor,
}

impl Liar {
    fn new() -> Self {
        let mut scene = Scene::new();
        let liar = Impostor::granted(&mut scene.county, SONGWU, SONGWU, Role::Manager);
        liar.enters(&mut scene.county, SONGWU);
        Self { scene, liar }
    }

    fn says(&mut self, scope: &str, entry: RunEntry) -> BTreeMap<String, u64> {
        let before = self.counted();
        let log = self.liar.log(scope, Lane::Routine);
        let run = self.liar.writes(log, vec![entry]);
        self.liar.says(&mut self.scene.county, SONGWU, &Frame::Run(run));
        self.scene.county.settle();
        let mut after = self.counted();
        for (code, count) in before {
            match after.get_mut(&code) {
                Some(now) if *now > count => *now -= count,
                _ => drop(after.remove(&code)),
            }
        }
        after
    }

    fn counted(&mut self) -> BTreeMap<String, u64> {
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for row in self.scene.county.engine(SONGWU).read().unwrap().unsettled_all().unwrap() {
            *found.entry(row.standing.code()).or_default() += 1;
        }
        found
    }

    fn handover(&self, transfer: TransferId) -> Handover {
        Handover {
            elder: self.scene.id(),
            from: code(SHANGHE),
            to: code(XIAHE),
            transfer,
            path: Vec::new(),
            documents: BTreeMap::new(),
        }
    }

    fn assert_untouched(&mut self) {
        self.scene.county.passes(2 * MOVE_DEFER_MS);
        for place in [SONGWU, COUNTY, SHANGHE] {
            assert_eq!(self.scene.shown(place), [SHANGHE], "{place}");
        }
        assert!(self.scene.bodies(SHANGHE, SHANGHE) >= 3);
        self.scene.county.verify_all();
        let mut hangups = self.scene.county.hangups().iter();
        assert!(hangups.all(|(_, code)| code == "silence"), "{:?}", self.scene.county.hangups());
    }
}

fn event(step: TransferStep) -> TransferEvent {
    TransferEvent { step, from: code(SHANGHE), to: code(XIAHE), name: None, date: None, note: None }
}

#[test]
fn a_handover_without_an_acceptance_moves_nothing_and_a_purge_removes_nothing() {
    let mut liar = Liar::new();
    let handover = liar.handover(TransferId([9; 16]));
    let step = handover.step();
    for scope in [SHANGHE, XIAHE] {
        let entry = RunEntry::new(Kind::Handover, None, handover.encode(), 0);
        assert_eq!(liar.says(scope, entry), [("pending".to_owned(), 1)].into());
    }
    let coverage = {
        let elder = liar.scene.id();
        let snapshot = liar.scene.county.engine(SONGWU).read().unwrap();
        shouwang_node::gathered::erased::cover(&snapshot, code(SHANGHE), elder).unwrap()
    };
    assert!(!coverage.is_empty());
    for step in [step, StepId([3; 32])] {
        let purge = Purge { elder: liar.scene.id(), step, coverage: coverage.clone() };
        let entry = RunEntry::new(Kind::Purge, None, purge.encode(), 0);
        assert_eq!(liar.says(SHANGHE, entry), [("pending".to_owned(), 1)].into());
    }
    for body in [vec![], vec![1], vec![7; 300]] {
        for kind in [Kind::Handover, Kind::Purge] {
            let entry = RunEntry::new(kind, None, body.clone(), 0);
            assert_eq!(liar.says(SHANGHE, entry), [("not_allowed:move_form".to_owned(), 1)].into());
        }
    }
    liar.assert_untouched();
}

/// The town's device offers and accepts by itself, in whatever logs it has.
#[test]
fn an_acceptance_by_whoever_offered_or_in_the_wrong_place_is_none() {
    let mut liar = Liar::new();
    let id = TransferId([9; 16]);
    let document = DocumentId::elder(liar.scene.id(), Part::Transfer(id));
    let ways = [(SHANGHE, XIAHE), (SHANGHE, SHANGHE), (XIAHE, XIAHE)];
    for (way, (offer_in, accept_in)) in ways.into_iter().enumerate() {
        let mut draft = genesis(code(offer_in), &document);
        for (nth, (scope, step)) in
            [(offer_in, TransferStep::Offered), (accept_in, TransferStep::Accepted)]
                .into_iter()
                .enumerate()
        {
            let log = liar.liar.log(scope, Lane::Routine);
            let actor = Impostor::actor(&log, (2 * way + nth) as u64);
            let action = Action::Insert { list: TransferEvent::LIST, element: event(step).store() };
            let body = write_change(&draft, code(scope), &document, actor, &[action]);
            let body = body.unwrap().unwrap();
            let change = automerge::Change::from_bytes(body.clone()).unwrap();
            draft.apply_changes([change]).unwrap();
            for scope in [SHANGHE, XIAHE] {
                let entry = RunEntry::new(Kind::Change, Some(document), body.clone(), 0);
                if log.scope == code(scope) {
                    liar.says(scope, entry);
                }
            }
        }
        liar.scene.county.settle();
    }
    let handover = liar.handover(id);
    for scope in [SHANGHE, XIAHE] {
        let entry = RunEntry::new(Kind::Handover, None, handover.encode(), 0);
        liar.says(scope, entry);
    }
    liar.assert_untouched();
}

/// Changes that nobody wrote, or not as they are carried, are kept and named, and never count.
#[test]
fn what_is_carried_is_believed_only_as_its_author_signed_it() {
    let mut liar = Liar::new();
    let elder = liar.scene.id();
    let card = DocumentId::elder(elder, Part::Card);
    // A true one, from the village's log.
    let carried = {
        let device = liar.scene.county.engine(SHANGHE).device();
        let engine = liar.scene.county.engine(SONGWU);
        let snapshot = engine.read().unwrap();
        let logs = snapshot.logs_of(code(SHANGHE)).unwrap();
        let log = logs
            .into_iter()
            .find(|log| log.key.device == device && log.key.lane == Lane::Routine)
            .unwrap();
        let entries = snapshot.entries_from(log.number, 0, 32).unwrap();
        let chain = engine.authority().chain(&log.grant).into_iter().skip(1).collect();
        let wanted = |entry: &shouwang_node::log::Entry| entry.header.document.id() == Some(card);
        Carried { chain, run: UnverifiedRun::excerpt(&entries, wanted).unwrap() }
    };
    let spoilt: Vec<(&str, Carried)> = vec![
        ("adoption_signature", {
            let mut one = carried.clone();
            one.run.signature.0[0] ^= 1;
            one
        }),
        ("adoption_signature", {
            let mut one = carried.clone();
            one.run.entries[0].body = Body::Present(vec![1, 2, 3]);
            one
        }),
        ("adoption_signature", {
            let mut one = carried.clone();
            one.run.entries[0].written_at_ms += 1;
            one
        }),
        ("adoption_log", {
            let mut one = carried.clone();
            one.run.log.scope = code(XIAHE);
            one
        }),
        ("adoption_log", {
            // Another device's keys under this name.
            let mut one = carried.clone();
            one.run.log.device = DeviceKeys::from_secret(&[5; 64]).device();
            one
        }),
        ("adoption_grant", {
            let mut one = carried.clone();
            one.chain.last_mut().unwrap().signature.0[0] ^= 1;
            one.chain.last_mut().unwrap().grant.serial += 1;
            one
        }),
        ("adoption_log", {
            let mut one = carried.clone();
            one.chain.pop();
            one
        }),
    ];
    let ill_formed = |rule: &str| BTreeMap::from([(format!("ill_formed:{rule}"), 1)]);
    for (rule, one) in spoilt {
        let entry = RunEntry::new(Kind::Adopt, Some(card), one.encode(), 0);
        assert_eq!(liar.says(XIAHE, entry), ill_formed(rule), "{rule}");
    }
    let true_one = || carried.encode();
    let elsewhere = DocumentId::elder(elder, Part::Ledger);
    let entry = RunEntry::new(Kind::Adopt, Some(elsewhere), true_one(), 0);
    assert_eq!(liar.says(XIAHE, entry), ill_formed("adoption_document"));
    for body in [vec![2], vec![2, 0], true_one()[..true_one().len() - 1].to_vec()] {
        let entry = RunEntry::new(Kind::Adopt, Some(card), body, 0);
        assert_eq!(liar.says(XIAHE, entry), ill_formed("adoption_form"));
    }
    // As it was signed it counts, and shows nobody in the other village.
    let entry = RunEntry::new(Kind::Adopt, Some(card), true_one(), 0);
    assert_eq!(liar.says(XIAHE, entry), BTreeMap::new());
    assert_eq!(liar.scene.shown(XIAHE), [""; 0]);
    liar.assert_untouched();
}

/// A village's own device may not carry, nor hand over.
#[test]
fn a_village_moves_nobody_by_itself() {
    let mut scene = Scene::new();
    let mut clerk = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
    clerk.enters(&mut scene.county, SONGWU);
    let log = clerk.log(SHANGHE, Lane::Routine);
    let handover = Handover {
        elder: scene.id(),
        from: code(SHANGHE),
        to: code(XIAHE),
        transfer: TransferId([9; 16]),
        path: Vec::new(),
        documents: BTreeMap::new(),
    };
    let purge = Purge { elder: scene.id(), step: handover.step(), coverage: Vec::new() };
    for entry in [
        RunEntry::new(Kind::Handover, None, handover.encode(), 0),
        RunEntry::new(Kind::Purge, None, purge.encode(), 0),
    ] {
        let run = clerk.writes(log, vec![entry]);
        clerk.says(&mut scene.county, SONGWU, &Frame::Run(run));
    }
    scene.county.settle();
    let refused = scene.county.refused(SONGWU, clerk.keys.device());
    assert_eq!(refused, [("not_allowed:move_right".to_owned(), 2)].into());
    scene.county.passes(2 * RECEIPT_INTERVAL_MS);
    assert_eq!(scene.shown(COUNTY), [SHANGHE]);
    scene.county.verify_all();
}
