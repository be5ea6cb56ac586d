//! A day's bytes: what is urgent goes, everyday records wait until the next day, and both sides say so.

mod county;

use county::County;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::{Choice, IncidentKind};
use shouwang_node::command::budget::{BudgetSet, BudgetShow};
use shouwang_node::command::incident::{IncidentList, IncidentRaise, IncidentReport, Which};
use shouwang_node::command::status::PeerStatus;
use shouwang_node::limits::BUDGET_BYTES_MIN;
use shouwang_node::store::Store;
use shouwang_node::sync::{Input, Output};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

const DAY_MS: i64 = 86_400_000;

fn county() -> County {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county
}

fn sets_budget(county: &mut County, place: &str, daily_bytes: Option<u64>) {
    county.asks(place, BudgetSet { daily_bytes }).unwrap();
}

/// What hardly compresses: so many entries of 1.4 kB.
fn writes_notes(county: &mut County, place: &str, elder: &str, count: usize) {
    for _ in 0..count {
        let random = county.random::<920>();
        let character = |two: &[u8]| {
            let number = u32::from(u16::from_be_bytes([two[0], two[1]])) % 20_000;
            char::from_u32(0x4e00 + number).unwrap()
        };
        let note: String = random.chunks_exact(2).map(character).collect();
        county.sets(place, elder, Field::Remarks, &note);
    }
}

fn raises(county: &mut County, place: &str, elder: &str) {
    let report = IncidentReport {
        date: "2026-09-01".parse().unwrap(),
        time: None,
        place: None,
        by: None,
        note: None,
    };
    let kind = <IncidentKind as Choice>::ALL[0];
    county.asks(place, IncidentRaise { elder: elder.into(), kind, report }).unwrap();
}

fn incidents(county: &mut County, place: &str) -> usize {
    let as_of = "2026-09-20T08:00:00".parse().ok();
    let list = IncidentList { which: Which::All, elder: None, as_of };
    county.asks(place, list).unwrap().incidents.len()
}

fn peer(county: &mut County, place: &str, other: &str) -> PeerStatus {
    let device = county.engine(other).device();
    county.status(place).peers.into_iter().find(|peer| peer.device == device).unwrap()
}

/// How far a day's bytes may go beyond a budget: what is on the way when it is spent. The link here takes
/// no time, so the window is as wide as it may become while so much is sent.
const BEYOND: u64 = 384 * 1024;

#[test]
fn everyday_records_wait_for_the_next_day_and_an_incident_does_not() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    sets_budget(&mut county, SHANGHE, Some(BUDGET_BYTES_MIN));
    let spent = county.asks(SHANGHE, BudgetShow {}).unwrap().budget.spent_bytes;

    writes_notes(&mut county, SHANGHE, &elder, 420);
    county.settle();
    let (up, down) = (peer(&mut county, SHANGHE, SONGWU), peer(&mut county, SONGWU, SHANGHE));
    let status = county.status(SHANGHE);
    assert!(status.budget.holding_back && status.budget.spent_bytes >= BUDGET_BYTES_MIN);
    assert!(status.budget.spent_bytes < spent + BUDGET_BYTES_MIN + BEYOND, "{:?}", status.budget);
    assert!(up.held_back && down.held_back, "{up:?} {down:?}");
    assert!(!up.done && !down.done && !up.settled);
    let waiting = up.they_lack.unwrap();
    assert!(waiting > 50, "{waiting}");
    assert!(status.not_held_elsewhere.entries >= waiting);

    // The township's everyday records wait too, and its receipts and an incident on either side do not.
    county.sets(SONGWU, &elder, Field::Phone, "13900000001");
    county.settle();
    let phone = |county: &mut County, place| {
        let fields = county.shows(place, &elder).fields;
        fields.into_iter().find(|field| field.field == Field::Phone).map(|field| field.value)
    };
    assert_eq!(phone(&mut county, SHANGHE), None);
    raises(&mut county, SHANGHE, &elder);
    raises(&mut county, SONGWU, &elder);
    county.settle();
    assert_eq!((incidents(&mut county, SONGWU), incidents(&mut county, SHANGHE)), (2, 2));
    let up = peer(&mut county, SHANGHE, SONGWU);
    assert!(up.held_back && up.they_lack == Some(waiting), "{up:?}");

    // Nobody hangs up meanwhile, and after midnight it goes on by itself.
    county.passes(3_600_000);
    assert!(county.is_linked(SHANGHE, SONGWU) && county.hangups().is_empty());
    assert!(peer(&mut county, SHANGHE, SONGWU).held_back);
    let mut days = 0;
    while !peer(&mut county, SHANGHE, SONGWU).done {
        days += 1;
        assert!(days < 20);
        county.passes(DAY_MS.unsigned_abs());
        county.settle();
    }
    println!("{days} days");
    assert!(days > 1, "a day's bytes are spent again");
    assert_eq!(phone(&mut county, SHANGHE).as_deref(), Some("13900000001"));
    county.assert_done(SHANGHE, SONGWU);
    county.connect(SONGWU, COUNTY);
    county.settle();
    county.assert_converged();
    county.verify_all();
}

#[test]
fn a_budget_that_is_lifted_lets_everything_go_and_a_small_one_is_refused() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    let refused = county.asks(SHANGHE, BudgetSet { daily_bytes: Some(BUDGET_BYTES_MIN - 1) });
    assert_eq!(refused.unwrap_err().code, "budget_small");
    sets_budget(&mut county, SHANGHE, Some(BUDGET_BYTES_MIN));
    writes_notes(&mut county, SHANGHE, &elder, 420);
    county.connect(SHANGHE, SONGWU);
    county.settle();
    assert!(peer(&mut county, SHANGHE, SONGWU).held_back);

    // It is spent in another session and after a restart too.
    county.disconnect(SHANGHE, SONGWU);
    let now = county.now();
    county.engine(SHANGHE).flush_peers(now).unwrap();
    let mut image = Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
    let copy = county.engine(SHANGHE).store_mut().image().unwrap();
    copy.copy_into(&mut image, &Default::default()).unwrap();
    county.goes_on_with(SHANGHE, || image);
    assert!(county.status(SHANGHE).budget.holding_back);
    county.connect(SHANGHE, SONGWU);
    county.settle();
    let up = peer(&mut county, SHANGHE, SONGWU);
    assert_eq!(county.hangups(), []);
    assert!(up.held_back && up.they_lack.unwrap() > 50, "{up:?}");

    sets_budget(&mut county, SHANGHE, None);
    // The township does not say "done" of what it has not heard of yet.
    while !peer(&mut county, SHANGHE, SONGWU).done {
        county.acts(SHANGHE);
        county.acts(SONGWU);
        let (up, down) = (peer(&mut county, SHANGHE, SONGWU), peer(&mut county, SONGWU, SHANGHE));
        assert!(!down.done || up.they_lack == Some(0), "{up:?} {down:?}");
    }
    county.settle();
    assert!(!county.status(SHANGHE).budget.holding_back);
    county.assert_done(SHANGHE, SONGWU);
    county.connect(SONGWU, COUNTY);
    county.settle();
    county.assert_converged();
}

#[test]
fn what_had_waited_is_not_done_before_it_has_come() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    writes_notes(&mut county, SHANGHE, &elder, 120);
    county.settle();
    county.assert_done(SHANGHE, SONGWU);
    sets_budget(&mut county, SHANGHE, Some(BUDGET_BYTES_MIN));
    county.settle();
    // No summary and no frame has told the township of this visit.
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    county.settle();
    assert!(peer(&mut county, SONGWU, SHANGHE).held_back);

    sets_budget(&mut county, SHANGHE, None);
    let village = county.engine(SHANGHE).device();
    let mut frames = Vec::new();
    loop {
        match county.engine(SHANGHE).poll() {
            Output::Send(_, frame) => frames.push(frame),
            Output::Timeout(_) => break,
            _ => {}
        }
    }
    assert!(!frames.is_empty());
    for frame in frames {
        let now = county.now();
        let town = county.engine(SONGWU);
        town.handle(now, Input::Frame(village, frame)).unwrap();
        assert!(!town.progress(village).unwrap().unwrap().done, "the visit is not on the disk yet");
    }
    county.settle();
    county.assert_done(SHANGHE, SONGWU);
    assert_eq!(county.shows(SONGWU, &elder).visits.len(), 1);
}

#[test]
fn what_goes_through_the_offices_own_network_costs_nothing() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    sets_budget(&mut county, SHANGHE, Some(BUDGET_BYTES_MIN));
    writes_notes(&mut county, SHANGHE, &elder, 420);
    county.connect(SHANGHE, SONGWU);
    county.settle();
    assert!(peer(&mut county, SHANGHE, SONGWU).held_back);
    // The same two beside each other.
    county.disconnect(SHANGHE, SONGWU);
    county.connect_near(SHANGHE, SONGWU);
    county.settle();
    let spent = county.status(SHANGHE).budget;
    county.assert_done(SHANGHE, SONGWU);
    assert!(spent.holding_back && spent.spent_bytes < BUDGET_BYTES_MIN + BEYOND, "{spent:?}");
}
