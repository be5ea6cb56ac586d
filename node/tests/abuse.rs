//! What one device with a grant can do to others, and what it cannot.

mod county;
mod impostor;

use automerge::{Automerge, Change};
use county::{County, code};
use impostor::{Impostor, SALT, change, signed};
use shouwang_crdt_schema::division::Area;
use shouwang_crdt_schema::edit::{Action, write_change};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_node::authority::RevocationReason;
use shouwang_node::command::Request;
use shouwang_node::command::revoke::DeviceRevoke;
use shouwang_node::identity::grant::Role;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{EntryHash, Incarnation, Kind, Lane, LogKey};
use shouwang_node::store::StoreRead;
use shouwang_node::store::rows::DocumentKey;
use shouwang_node::sync::summary::Summary;
use shouwang_node::sync::wire::{Frame, LogPosition};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";
const MINUTE: u64 = 60_000;

fn county() -> County {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    county
}

fn held(county: &mut County, place: &str) -> u64 {
    county.status(place).not_held_elsewhere.entries
}

fn revoke(county: &mut County, by: &str, device: String) {
    let now = county.now();
    DeviceRevoke {
        device,
        reason: RevocationReason::Lost,
        root: None,
        personal: false,
        dry_run: false,
    }
    .execute(county.engine(by), now)
    .unwrap();
    county.settle();
}

#[test]
fn a_log_with_branches_holds_up_no_receipts() {
    let mut county = county();
    let clerk = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    let log = clerk.log(SHANGHE, Lane::Routine);
    clerk.enters(&mut county, SONGWU);
    // Two branches in one commit window.
    let device = clerk.keys.device();
    for with in 1..=2u8 {
        let run = signed(
            &clerk.keys,
            clerk.grant_id(),
            log,
            None,
            vec![RunEntry::new(Kind::Change, None, vec![with; 9], 0)],
        );
        let now = county.now();
        county
            .engine(SONGWU)
            .handle(now, shouwang_node::sync::Input::Frame(device, Frame::Run(run).encode()))
            .unwrap();
    }
    county.settle();
    county.adds_elder(XIAHE, "周国强");
    county.connect(XIAHE, SONGWU);
    county.settle();
    county.passes(60 * MINUTE);
    assert_eq!(held(&mut county, XIAHE), 0, "another scope is not held up");
    county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.passes(60 * MINUTE);
    assert_eq!(held(&mut county, SHANGHE), 0);
    county.verify_all();
}

#[test]
fn a_lie_about_our_own_logs_holds_up_receipts_no_longer_than_its_session() {
    let mut county = county();
    let liar = Impostor::granted(&mut county, SONGWU, XIAHE, Role::Provider);
    let victim = county.engine(SONGWU).device();
    liar.dials(&mut county, SONGWU);
    liar.says(&mut county, SONGWU, &Frame::Hello(liar.hello()));
    liar.hears(&mut county);
    let log = LogKey {
        scope: code(XIAHE),
        lane: Lane::Notice,
        device: victim,
        incarnation: Incarnation { number: 0, nonce: [9; 8] },
    };
    liar.says(
        &mut county,
        SONGWU,
        &Frame::Summary(Summary::of_heads(
            0,
            SALT,
            &[LogPosition { log, seq: 3, hash: EntryHash([7; 32]) }],
            true,
        )),
    );
    let (now, device) = (county.now(), liar.keys.device());
    county.engine(SONGWU).handle(now, shouwang_node::sync::Input::PeerDown(device)).unwrap();
    revoke(&mut county, SONGWU, device.to_string());
    county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.passes(120 * MINUTE);
    assert!(county.engine(SONGWU).heads_confirmed());
    assert_eq!(held(&mut county, SHANGHE), 0);
}

#[test]
fn what_a_revoked_manager_said_that_nobody_understands_holds_up_nobody() {
    let mut county = county();
    county.connect(COUNTY, SONGWU);
    county.settle();
    let mut thief = Impostor::granted(&mut county, COUNTY, SONGWU, Role::Manager);
    thief.enters(&mut county, COUNTY);
    let log = thief.log(SONGWU, Lane::Authority);
    let run = thief.writes(log, vec![RunEntry::new(Kind::Other(99), None, vec![1], 0)]);
    thief.says(&mut county, COUNTY, &Frame::Run(run));
    assert!(county.engine(COUNTY).authority().update_needed());
    revoke(&mut county, COUNTY, thief.keys.device().to_string());
    county.settle();
    for place in [COUNTY, SONGWU] {
        assert!(!county.engine(place).authority().update_needed(), "{place}");
    }
    county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.passes(120 * MINUTE);
    assert_eq!(held(&mut county, SHANGHE), 0);
}

#[test]
fn a_second_version_of_what_others_built_on_makes_nothing_void() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(COUNTY, SONGWU);
    county.connect(XIAHE, SONGWU);
    county.connect(SHANGHE, SONGWU);
    county.settle();
    let mut clerk = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    clerk.enters(&mut county, SONGWU);
    let (id, document) = {
        let snapshot = county.engine(SONGWU).read().unwrap();
        let (_, elder, _) = snapshot.elders_in(Area(code(SHANGHE))).unwrap().remove(0);
        let id = DocumentId::elder(elder, Part::Card);
        let row = snapshot.document(&DocumentKey { scope: code(SHANGHE), id }).unwrap().unwrap();
        (id, Automerge::load(&row.saved).unwrap())
    };
    let log = clerk.log(SHANGHE, Lane::Routine);
    let actor = Impostor::actor(&log, 1);
    let body = |text: &str| {
        let value = Field::Remarks.value(text).unwrap();
        write_change(
            &document,
            code(SHANGHE),
            &id,
            actor,
            &[Action::Set { field: Field::Remarks, value }],
        )
        .unwrap()
        .unwrap()
    };
    let hash = |body: &Vec<u8>| Change::from_bytes(body.clone()).unwrap().hash();
    let first = body("a");
    let run = clerk.writes(log, vec![change(id, first.clone())]);
    clerk.says(&mut county, SONGWU, &Frame::Run(run));
    county.settle();
    county.sets(SHANGHE, &elder, Field::Phone, "13800000001");
    county.settle();
    let phone = |county: &mut County| {
        let shown = county.shows(SONGWU, &elder);
        shown.fields.into_iter().find(|f| f.field == Field::Phone).map(|f| f.value)
    };
    assert_eq!(phone(&mut county).as_deref(), Some("13800000001"));
    let second =
        (0..1000).map(|n| body(&format!("b{n}"))).find(|b| hash(b) < hash(&first)).unwrap();
    let run = clerk.writes(log, vec![change(id, second)]);
    clerk.says(&mut county, SONGWU, &Frame::Run(run));
    county.settle();
    assert_eq!(phone(&mut county).as_deref(), Some("13800000001"));
    assert_eq!(county.status(SONGWU).unsettled, [("displaced".to_owned(), 1)].into());
    revoke(&mut county, SONGWU, clerk.keys.device().to_string());
    assert_eq!(phone(&mut county).as_deref(), Some("13800000001"));
    county.assert_converged();
    county.verify_all();
}
