//! Moves of elders between villages: offered, accepted, carried out, followed up, purged, whatever
//! happens in between.

mod county;
mod impostor;
#[path = "moves/orders.rs"]
mod orders;
mod power;
#[path = "moves/stopped.rs"]
mod stopped;
#[path = "moves/trust.rs"]
mod trust;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use county::{County, code, field};
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::command::drafts::DraftKeep;
use shouwang_node::command::elder::ElderSet;
use shouwang_node::command::transfer::{
    ListedTransfer, TransferAccept, TransferCancel, TransferDecline, TransferList,
    TransferListReport, TransferOffer, TransferReport, TransferStage, TransferWait,
};
use shouwang_node::command::{CommandError, Request};
use shouwang_node::limits::{MOVE_DEFER_MS, RECEIPT_INTERVAL_MS};
use shouwang_node::store::drafts::DraftRead;
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::store::moves::{Custody, MovesRead};
use shouwang_node::store::{Store, StoreRead};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";
const YUNGANG: &str = "990121101205";

const NAME: &str = "周国强";

/// A county, a town, and villages of it, all connected; one elder in the first village.
struct Scene {
    county: County,
    elder: String,
}

fn day() -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2026, 9, 10)
}

impl Scene {
    fn new() -> Self {
        Self::seeded(7)
    }

    fn seeded(seed: u8) -> Self {
        let store = Store::with_backend(InMemoryBackend::new()).unwrap();
        let mut county = County::begin_in(COUNTY, store, seed);
        county.grant(COUNTY, SONGWU);
        for village in [SHANGHE, XIAHE, YUNGANG] {
            county.grant(SONGWU, village);
        }
        county.connect(SONGWU, COUNTY);
        for village in [SHANGHE, XIAHE, YUNGANG] {
            county.connect(village, SONGWU);
        }
        county.settle();
        let elder = county.adds_elder(SHANGHE, NAME);
        county.records_visit(SHANGHE, &elder, "2026-09-01");
        county.settle();
        county.sets(SONGWU, &elder, Field::Phone, "13812345678");
        county.settle();
        Self { county, elder }
    }

    fn id(&self) -> ElderId {
        self.elder.parse().unwrap()
    }

    fn offers(&mut self, place: &str, to: &str) -> Result<TransferReport, CommandError> {
        let (now, elder) = (self.county.now(), self.elder.clone());
        let offer = TransferOffer { elder, to: code(to), date: day(), note: None };
        offer.execute(self.county.engine(place), now)
    }

    fn accepts(&mut self, place: &str) -> Result<TransferReport, CommandError> {
        let (now, transfer) = (self.county.now(), self.elder.clone());
        let accept = TransferAccept { transfer, date: day(), note: None };
        accept.execute(self.county.engine(place), now)
    }

    fn cancels(&mut self, place: &str) -> Result<TransferReport, CommandError> {
        let (now, transfer) = (self.county.now(), self.elder.clone());
        let cancel = TransferCancel { transfer, date: day(), note: None };
        cancel.execute(self.county.engine(place), now)
    }

    fn list(&mut self, place: &str) -> TransferListReport {
        let now = self.county.now();
        TransferList::default().execute(self.county.engine(place), now).unwrap()
    }

    fn only(&mut self, place: &str) -> ListedTransfer {
        let mut list = self.list(place).transfers;
        assert_eq!(list.len(), 1, "{place}: {list:?}");
        list.remove(0)
    }

    fn stage(&mut self, place: &str) -> (TransferStage, Option<TransferWait>) {
        let only = self.only(place);
        (only.stage, only.waits_for)
    }

    /// Where a place shows the elder.
    fn shown(&mut self, place: &str) -> Vec<String> {
        let elder = self.id();
        let engine = self.county.engine(place);
        let places = engine.read().unwrap().elder_places(engine.area()).unwrap();
        let here = places.into_iter().filter(|(_, found)| *found == elder);
        here.map(|(scope, _)| scope.to_string()).collect()
    }

    /// Bodies of the file, offers apart, that a place still has of a scope.
    fn bodies(&mut self, place: &str, scope: &str) -> usize {
        let elder = self.id();
        let snapshot = self.county.engine(place).read().unwrap();
        let mut bodies = 0;
        for log in snapshot.logs_of(code(scope)).unwrap() {
            snapshot
                .for_each_entry(log.number, |_, entry| {
                    let entry = entry?;
                    if let Some(DocumentId::Elder { elder: whose, part }) =
                        entry.header.document.id()
                    {
                        let offer = matches!(part, Part::Transfer(_));
                        bodies += usize::from(whose == elder && !offer && entry.body.is_some());
                    }
                    Ok(())
                })
                .unwrap();
        }
        bodies
    }

    fn assert_whole(&mut self) {
        self.county.assert_converged();
        self.county.verify_all();
        assert!(self.county.hangups().is_empty(), "{:?}", self.county.hangups());
    }
}

#[test]
fn an_elder_moves_with_everything_at_two_signatures() {
    let mut scene = Scene::new();
    let before = scene.county.shows(SONGWU, &scene.elder.clone());
    assert_eq!(scene.offers(SHANGHE, XIAHE).unwrap().transfer.stage, TransferStage::Offered);
    scene.county.settle();
    // Carried to the other village; the sender keeps the duty.
    for place in [SHANGHE, XIAHE, SONGWU, COUNTY] {
        let only = scene.only(place);
        assert_eq!(only.waits_for, Some(TransferWait::Acceptance), "{place}");
        assert_eq!(only.name.as_deref(), Some(NAME));
    }
    assert_eq!(scene.shown(SHANGHE), [SHANGHE]);
    assert_eq!(scene.shown(XIAHE), [""; 0]);
    assert_eq!(scene.shown(SONGWU), [SHANGHE]);
    scene.assert_whole();

    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    assert_eq!(scene.shown(SHANGHE), [""; 0]);
    for place in [XIAHE, SONGWU, COUNTY] {
        assert_eq!(scene.shown(place), [XIAHE], "{place}");
        let after = scene.county.shows(place, &scene.elder.clone());
        assert_eq!(after.visits, before.visits, "{place}");
        assert_eq!(field(&after, Field::Phone).value, "13812345678");
        assert_eq!(field(&after, Field::ResidenceCode).value, XIAHE);
        assert_eq!(after.summary.scope, code(XIAHE));
    }
    // The old village knows where the file is and writes no more.
    let now = scene.county.now();
    let set = ElderSet {
        elder: scene.elder.clone(),
        fields: BTreeMap::from([(Field::Phone, "1".to_owned())]),
        certified: false,
    };
    let refused = set.execute(scene.county.engine(SHANGHE), now).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.arguments["to"].as_str()), ("moved_away", XIAHE));
    // The new one goes on.
    scene.county.records_visit(XIAHE, &scene.elder.clone(), "2026-09-20");
    scene.county.settle();
    assert_eq!(scene.county.shows(COUNTY, &scene.elder.clone()).visits.len(), 2);
    scene.assert_whole();
}

#[test]
fn acceptance_beats_a_cancel_that_it_has_not_seen() {
    let mut scene = Scene::new();
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    scene.county.disconnect(SHANGHE, SONGWU);
    scene.cancels(SHANGHE).unwrap();
    assert_eq!(scene.stage(SHANGHE), (TransferStage::Cancelled, None));
    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    scene.county.connect(SHANGHE, SONGWU);
    scene.county.settle();
    for place in [XIAHE, SONGWU, COUNTY] {
        assert_eq!(scene.shown(place), [XIAHE], "{place}");
    }
    assert_eq!(scene.shown(SHANGHE), [""; 0]);
    assert_eq!(scene.cancels(SHANGHE).unwrap_err().code, "transfer_accepted");
    scene.assert_whole();
}

#[test]
fn who_has_seen_a_cancel_cannot_accept_and_who_has_seen_an_answer_cannot_cancel() {
    let mut scene = Scene::new();
    scene.offers(SHANGHE, XIAHE).unwrap();
    assert_eq!(scene.accepts(XIAHE).unwrap_err().code, "transfer_unknown");
    scene.county.settle();
    assert_eq!(scene.offers(SHANGHE, YUNGANG).unwrap_err().code, "transfer_open");
    scene.cancels(SHANGHE).unwrap();
    scene.county.settle();
    assert_eq!(scene.accepts(XIAHE).unwrap_err().code, "transfer_cancelled");
    assert_eq!(scene.cancels(SHANGHE).unwrap_err().code, "transfer_cancelled");
    assert_eq!(scene.shown(COUNTY), [SHANGHE]);
    // It can be offered anew, and be declined.
    scene.offers(SHANGHE, YUNGANG).unwrap();
    scene.county.settle();
    let (now, transfer) = (scene.county.now(), scene.elder.clone());
    let decline = TransferDecline { transfer, date: day(), note: Some("不在本村".into()) };
    let said = decline.execute(scene.county.engine(YUNGANG), now).unwrap();
    assert_eq!(said.transfer.stage, TransferStage::Declined);
    scene.county.settle();
    let at_sender = scene.list(SHANGHE).transfers;
    let declined = at_sender.iter().find(|one| one.to == code(YUNGANG)).unwrap();
    assert_eq!(declined.stage, TransferStage::Declined);
    assert_eq!(declined.answered.as_ref().unwrap().note.as_deref(), Some("不在本村"));
    assert_eq!(scene.shown(COUNTY), [SHANGHE]);
    scene.assert_whole();
}

#[test]
fn what_cannot_be_meant_is_refused_by_name() {
    let mut scene = Scene::new();
    assert_eq!(scene.offers(SHANGHE, SHANGHE).unwrap_err().code, "transfer_same_place");
    assert_eq!(scene.offers(SHANGHE, "990122101203").unwrap_err().code, "transfer_outside");
    assert_eq!(scene.offers(SHANGHE, COUNTY).unwrap_err().code, "transfer_outside");
    assert_eq!(scene.offers(XIAHE, SHANGHE).unwrap_err().code, "elder_unknown");
    // The town may offer and answer for its villages, but not both.
    scene.offers(SONGWU, XIAHE).unwrap();
    scene.county.settle();
    assert_eq!(scene.accepts(SONGWU).unwrap_err().code, "transfer_same_device");
    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    assert_eq!(scene.shown(COUNTY), [XIAHE]);
    assert_eq!(scene.offers(SHANGHE, YUNGANG).unwrap_err().code, "moved_away");
    scene.assert_whole();
}

#[test]
fn late_edits_of_the_old_village_follow_whenever_they_surface() {
    let mut scene = Scene::new();
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    scene.county.disconnect(SHANGHE, SONGWU);
    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    // A month off line, and not knowing of the acceptance.
    for day in ["2026-09-12", "2026-09-19", "2026-09-26"] {
        scene.county.records_visit(SHANGHE, &scene.elder.clone(), day);
    }
    scene.county.sets(SHANGHE, &scene.elder.clone(), Field::Address, "老屋");
    scene.county.sets(XIAHE, &scene.elder.clone(), Field::Address, "新屋");
    scene.county.passes(2 * RECEIPT_INTERVAL_MS);
    scene.county.connect(SHANGHE, SONGWU);
    scene.county.settle();
    scene.county.passes(2 * RECEIPT_INTERVAL_MS);
    for place in [XIAHE, SONGWU, COUNTY] {
        let shown = scene.county.shows(place, &scene.elder.clone());
        assert_eq!(shown.visits.len(), 4, "{place}");
        // Written without knowing of one another: a conflict, and nothing lost.
        let address = field(&shown, Field::Address);
        let mut both = vec![address.value, address.conflict[0].clone()];
        both.sort();
        assert_eq!(both, ["新屋", "老屋"], "{place}");
        assert!(shown.visits.iter().all(|visit| visit.recorded_by.is_some()), "{place}");
    }
    assert_eq!(scene.shown(SHANGHE), [""; 0]);
    assert_eq!(scene.bodies(COUNTY, SHANGHE), 0, "purged, late edits too");
    scene.assert_whole();
}

#[test]
fn the_old_copies_go_only_under_receipts_and_a_stub_stays() {
    let mut scene = Scene::new();
    // What was begun to be typed goes with the file, and where the file is shown it stays.
    for place in [SHANGHE, SONGWU] {
        let (form, elder) = (format!("visit:{}", scene.elder), Some(scene.elder.clone()));
        let keep = DraftKeep { form, elder, fields: BTreeMap::new() };
        let now = scene.county.now();
        keep.execute(scene.county.engine(place), now).unwrap();
    }
    // Nobody but the town holds the new copies.
    scene.county.disconnect(SONGWU, COUNTY);
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    let before = scene.bodies(SONGWU, SHANGHE);
    assert!(before >= 3);
    scene.county.passes(4 * RECEIPT_INTERVAL_MS);
    assert_eq!(scene.bodies(SONGWU, SHANGHE), before);
    assert_eq!(scene.bodies(SHANGHE, SHANGHE), before);
    let waits = (TransferStage::Moved, Some(TransferWait::Receipts));
    assert_eq!(scene.stage(SONGWU), waits);
    scene.county.verify_all();

    scene.county.connect(SONGWU, COUNTY);
    scene.county.settle();
    scene.county.passes(4 * RECEIPT_INTERVAL_MS);
    for place in [SHANGHE, SONGWU, COUNTY] {
        assert_eq!(scene.bodies(place, SHANGHE), 0, "{place}");
        let snapshot = scene.county.engine(place).read().unwrap();
        assert_eq!(snapshot.missing_count().unwrap(), 0, "{place}");
        let stub = snapshot.elsewhere_of(code(SHANGHE), scene.id()).unwrap().unwrap();
        assert_eq!(stub.custody, Custody::MovedTo(code(XIAHE)));
        assert_eq!(scene.stage(place), (TransferStage::Done, None), "{place}");
        let drafts = usize::from(place == SONGWU);
        assert_eq!(snapshot.drafts_count().unwrap(), drafts as u64, "{place}");
    }
    assert_eq!(scene.county.shows(XIAHE, &scene.elder.clone()).visits.len(), 1);
    let stubs = scene.list(SHANGHE).stubs;
    assert_eq!((stubs[0].to, stubs[0].holds_file), (code(XIAHE), false));
    scene.assert_whole();
}

#[test]
fn there_and_back_again() {
    let mut scene = Scene::new();
    let before = scene.county.shows(SONGWU, &scene.elder.clone());
    for (from, to) in [(SHANGHE, XIAHE), (XIAHE, SHANGHE), (SHANGHE, YUNGANG), (YUNGANG, XIAHE)] {
        scene.offers(from, to).unwrap();
        scene.county.settle();
        scene.accepts(to).unwrap();
        scene.county.settle();
        scene.county.passes(4 * RECEIPT_INTERVAL_MS);
        assert_eq!(scene.bodies(from, from), 0, "{from}");
        for place in [SONGWU, COUNTY, to] {
            assert_eq!(scene.shown(place), [to], "{place}");
            let after = scene.county.shows(place, &scene.elder.clone());
            assert_eq!(after.visits, before.visits, "{place}");
            assert_eq!(field(&after, Field::Phone).value, "13812345678", "{place}");
            assert_eq!(field(&after, Field::ResidenceCode).value, to, "{place}");
        }
        assert_eq!(scene.shown(from), [""; 0]);
        scene.assert_whole();
    }
}

/// Two offers, two acceptances, two executors that know of one each: one village has custody, and
/// both villages come to know.
#[test]
fn two_moves_that_were_accepted_both_come_to_one_custody() {
    let mut winners = BTreeSet::new();
    for seed in 20..26 {
        let mut scene = Scene::seeded(seed);
        scene.offers(SHANGHE, XIAHE).unwrap();
        scene.county.settle();
        scene.county.disconnect(SONGWU, COUNTY);
        scene.county.disconnect(XIAHE, SONGWU);
        scene.county.connect(XIAHE, COUNTY);
        scene.cancels(SHANGHE).unwrap();
        scene.offers(SHANGHE, YUNGANG).unwrap();
        scene.county.settle();
        scene.accepts(XIAHE).unwrap();
        scene.accepts(YUNGANG).unwrap();
        scene.county.settle();
        scene.county.passes(2 * MOVE_DEFER_MS);
        assert_eq!(scene.shown(COUNTY), [XIAHE], "the county has carried out what it knows of");
        assert_eq!(scene.shown(SONGWU), [YUNGANG], "and so has the town");
        scene.county.records_visit(XIAHE, &scene.elder.clone(), "2026-09-21");
        scene.county.records_visit(YUNGANG, &scene.elder.clone(), "2026-09-22");
        scene.county.settle();

        scene.county.connect(SONGWU, COUNTY);
        scene.county.connect(XIAHE, SONGWU);
        scene.county.settle();
        scene.county.passes(6 * RECEIPT_INTERVAL_MS);
        let custody = scene.shown(COUNTY);
        assert_eq!(custody.len(), 1);
        assert_eq!(scene.shown(SONGWU), custody);
        for village in [SHANGHE, XIAHE, YUNGANG] {
            let expected = if custody == [village] { custody.clone() } else { Vec::new() };
            assert_eq!(scene.shown(village), expected, "{village}");
        }
        for place in [SONGWU, COUNTY, custody[0].as_str()] {
            let shown = scene.county.shows(place, &scene.elder.clone());
            assert_eq!(shown.visits.len(), 3, "{place}: nothing is lost");
            let residence = field(&shown, Field::ResidenceCode);
            assert_eq!((residence.value, residence.conflict), (custody[0].clone(), vec![]));
        }
        for village in [SHANGHE, XIAHE, YUNGANG] {
            let left = scene.bodies(COUNTY, village);
            assert_eq!(left > 0, custody == [village], "{village}: {left}");
        }
        scene.assert_whole();
        winners.extend(custody);
    }
    assert_eq!(winners.len(), 2, "either may win: more seeds are needed");
}

/// Both the town and the county carry out one move without knowing of one another.
#[test]
fn two_executors_at_once_do_no_harm() {
    let mut scene = Scene::new();
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    scene.county.disconnect(SONGWU, COUNTY);
    scene.county.disconnect(XIAHE, SONGWU);
    scene.accepts(XIAHE).unwrap();
    scene.county.connect(XIAHE, COUNTY);
    scene.county.settle();
    scene.county.disconnect(XIAHE, COUNTY);
    scene.county.passes(2 * MOVE_DEFER_MS);
    assert_eq!(scene.shown(COUNTY), [XIAHE]);
    assert_eq!(scene.shown(SONGWU), [SHANGHE], "the town has not heard of it");
    scene.county.connect(XIAHE, SONGWU);
    scene.county.settle();
    assert_eq!(scene.shown(SONGWU), [XIAHE]);
    let written = |scene: &mut Scene, place: &str| {
        let (elder, device) = (scene.id(), scene.county.engine(place).device());
        let snapshot = scene.county.engine(place).read().unwrap();
        let places = snapshot.handovers_of(elder).unwrap();
        let logs = places.iter().filter_map(|(.., log, _)| snapshot.log_by_number(*log).unwrap());
        logs.filter(|log| log.key.device == device).count()
    };
    assert_eq!((written(&mut scene, SONGWU), written(&mut scene, COUNTY)), (2, 2));

    scene.county.connect(SONGWU, COUNTY);
    scene.county.settle();
    scene.county.passes(6 * RECEIPT_INTERVAL_MS);
    for place in [SONGWU, COUNTY, XIAHE] {
        assert_eq!(scene.shown(place), [XIAHE], "{place}");
        assert_eq!(scene.county.shows(place, &scene.elder.clone()).visits.len(), 1, "{place}");
        assert_eq!(scene.stage(place).0, TransferStage::Done);
    }
    assert_eq!(scene.bodies(SONGWU, SHANGHE), 0);
    scene.assert_whole();
}

/// The node nearest to both is off line for good: another does it, a while later.
#[test]
fn another_executor_steps_in_where_the_nearest_is_away() {
    let mut scene = Scene::new();
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    for village in [SHANGHE, XIAHE, YUNGANG] {
        scene.county.disconnect(village, SONGWU);
        scene.county.connect(village, COUNTY);
    }
    scene.county.disconnect(SONGWU, COUNTY);
    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    assert_eq!(scene.shown(COUNTY), [SHANGHE]);
    assert_eq!(scene.stage(COUNTY), (TransferStage::Accepted, Some(TransferWait::Executor)));
    scene.county.passes(2 * MOVE_DEFER_MS);
    assert_eq!(scene.shown(COUNTY), [XIAHE]);
    assert_eq!(scene.shown(XIAHE), [XIAHE]);
    assert_eq!(scene.shown(SHANGHE), [""; 0]);
}
