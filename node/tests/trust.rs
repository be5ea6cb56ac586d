//! Lost laptops, changed roles, quotas: what a grant is worth after it was given.

mod county;

use chrono::NaiveDate;
use county::{County, code};
use shouwang_crdt_schema::division::Area;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::authority::RevocationReason;
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::devices::{DeviceList, GrantState};
use shouwang_node::command::quarantine::{QuarantineAdopt, QuarantineList, QuarantinedEntry};
use shouwang_node::command::revoke::{DeviceRetire, DeviceRevoke, RevocationReport};
use shouwang_node::command::{CommandError, Request};
use shouwang_node::identity::DeviceId;
use shouwang_node::identity::grant::{Grant, Quota, Role};
use shouwang_node::identity::token;
use shouwang_node::store::Store;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";
const SECOND: &str = "second laptop";

fn empty_store() -> Store {
    Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap()
}

fn revokes(county: &mut County, by: &str, whom: &str) -> Result<RevocationReport, CommandError> {
    let device = county.engine(whom).device().to_string();
    let revoke = DeviceRevoke {
        device,
        reason: RevocationReason::Lost,
        root: None,
        personal: true,
        dry_run: false,
    };
    let now = county.now();
    revoke.execute(county.engine(by), now)
}

fn phone(county: &mut County, place: &str, elder: &str) -> Option<String> {
    let shown = county.shows(place, elder);
    let found = shown.fields.into_iter().find(|found| found.field == Field::Phone);
    found.map(|found| found.value)
}

fn quarantined(county: &mut County, place: &str) -> Vec<QuarantinedEntry> {
    let now = county.now();
    QuarantineList { scope: None }.execute(county.engine(place), now).unwrap().entries
}

fn hung_up(county: &County, place: &str, code: &str) -> bool {
    county.hangups().iter().any(|(at, why)| at == place && why.contains(code))
}

fn village_with_two_laptops() -> (County, String) {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.grant_as(SONGWU, SHANGHE, SECOND, None);
    for place in [COUNTY, SHANGHE, SECOND] {
        county.connect(place, SONGWU);
    }
    county.connect(SHANGHE, SECOND);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    county.assert_converged();
    (county, elder)
}

#[test]
fn a_stolen_laptop_stops_counting_and_no_honest_edit_is_lost() {
    let (mut county, elder) = village_with_two_laptops();
    county.disconnect(SHANGHE, SONGWU);
    county.disconnect(SECOND, SONGWU);
    // The laptop writes on; only its neighbour hears of it, and builds on one of the two.
    county.records_visit(SHANGHE, &elder, "2026-08-01");
    county.settle();
    county.records_visit(SECOND, &elder, "2026-08-02");
    county.sets(SHANGHE, &elder, Field::Phone, "13800000001");
    county.settle();
    assert_eq!(county.shows(SECOND, &elder).visits.len(), 2);

    let report = revokes(&mut county, COUNTY, SHANGHE).unwrap();
    assert!(report.exposure.holds_records);
    assert_eq!(report.exposure.elders.len(), 1);
    assert_eq!(report.exposure.scopes[0].elders, 1);
    assert!(report.logs >= 1);
    county.settle();

    // The neighbour has not heard of it; the session with the thief still stands.
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    county.connect(SECOND, SONGWU);
    county.settle();
    let thief = county.engine(SHANGHE).device();
    assert!(!county.engine(SECOND).sessions().contains(&thief), "a live session is closed");
    assert!(hung_up(&county, SECOND, "revoked"), "{:?}", county.hangups());
    for place in [COUNTY, SONGWU, SECOND] {
        let shown = county.shows(place, &elder);
        assert_eq!(shown.visits.len(), 2, "{place}: the honest visit and the one under it");
        assert_eq!(phone(&mut county, place, &elder), None, "{place}");
        let held = quarantined(&mut county, place);
        let vouched: Vec<bool> = held.iter().map(|entry| entry.vouched).collect();
        assert_eq!(held.len(), 2, "{place}: {held:?}");
        assert!(vouched.contains(&true) && vouched.contains(&false), "{place}: {held:?}");
    }

    // It is refused wherever it turns up.
    county.disconnect(SHANGHE, SECOND);
    county.connect(SHANGHE, SONGWU);
    county.connect(SHANGHE, COUNTY);
    county.connect(SHANGHE, SECOND);
    county.settle();
    for place in [COUNTY, SONGWU, SECOND] {
        assert!(hung_up(&county, place, "revoked"), "{place}: {:?}", county.hangups());
        assert!(!county.engine(place).sessions().contains(&thief));
    }
    county.stops(SHANGHE);

    // What was good of it is taken back in by hand, and counts everywhere.
    let cut_off =
        quarantined(&mut county, COUNTY).into_iter().find(|entry| !entry.vouched).unwrap();
    let now = county.now();
    let adopted = QuarantineAdopt {
        entries: vec![cut_off.entry.to_string()[..12].to_owned()],
        device: None,
        dry_run: false,
    }
    .execute(county.engine(COUNTY), now)
    .unwrap();
    assert_eq!((adopted.adopted.len(), adopted.entries), (1, 1));
    county.settle();
    for place in [COUNTY, SONGWU, SECOND] {
        let shown = phone(&mut county, place, &elder);
        assert_eq!(shown.as_deref(), Some("13800000001"), "{place}");
    }
    county.assert_converged();
    county.assert_done(SECOND, SONGWU);
    county.assert_done(SONGWU, COUNTY);
    county.verify_all();
}

#[test]
fn adopting_lists_the_ancestors_that_it_brings_in() {
    let (mut county, elder) = village_with_two_laptops();
    county.disconnect(SHANGHE, SONGWU);
    county.records_visit(SHANGHE, &elder, "2026-08-01");
    county.records_visit(SHANGHE, &elder, "2026-08-02");
    revokes(&mut county, SONGWU, SHANGHE).unwrap();
    // The neighbour carries both.
    county.settle();
    let held = quarantined(&mut county, SONGWU);
    assert_eq!(held.len(), 2, "{held:?}");
    let last = held.iter().max_by_key(|entry| entry.seq).unwrap().entry.to_string();
    let now = county.now();
    let adopt = QuarantineAdopt { entries: vec![last], device: None, dry_run: true };
    let told = adopt.clone().execute(county.engine(SONGWU), now).unwrap();
    assert_eq!((told.adopted.len(), told.ancestors.len(), told.entries), (1, 1, 0));
    assert_eq!(county.shows(SONGWU, &elder).visits.len(), 0);
    QuarantineAdopt { dry_run: false, ..adopt }.execute(county.engine(SONGWU), now).unwrap();
    assert_eq!(county.shows(SONGWU, &elder).visits.len(), 2);
    county.stops(SHANGHE);
    county.settle();
    county.assert_converged();
    county.verify_all();
}

#[test]
fn a_new_role_takes_the_old_ones_place_and_what_it_allows_is_published_again() {
    let (mut county, elder) = village_with_two_laptops();
    county.disconnect(SHANGHE, SONGWU);
    county.disconnect(SHANGHE, SECOND);
    county.records_visit(SHANGHE, &elder, "2026-08-01");
    county.sets(SHANGHE, &elder, Field::Phone, "13800000001");
    let engine = county.engine(SHANGHE);
    let (device, sealing_key) = (engine.device(), engine.keys().sealing_key());
    let request = token::Request { device, sealing_key }.to_text();
    // Without saying so nobody gets two grants.
    let refused = county.invites(SONGWU, request.clone(), SHANGHE, "helper", Role::Helper);
    assert_eq!(refused.unwrap_err().code, "device_granted");
    let grant = GrantDevice {
        request,
        name: "helper".into(),
        area: code(SHANGHE),
        role: Role::Helper,
        addresses: vec![],
        replace: true,
        root: None,
        quota_bytes: None,
    };
    let now = county.now();
    grant.execute(county.engine(SONGWU), now).unwrap();
    let before = county.engine(SHANGHE).grant_id();
    county.connect(SHANGHE, SONGWU);
    county.settle();
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    let engine = county.engine(SHANGHE);
    assert_ne!(engine.grant_id(), before);
    assert_eq!(engine.grant().role, Role::Helper);
    for place in [COUNTY, SONGWU, SHANGHE, SECOND] {
        let shown = county.shows(place, &elder);
        assert_eq!(shown.visits.len(), 1, "{place}: a helper may write visits");
        assert_eq!(phone(&mut county, place, &elder), None, "{place}: but no cards");
        assert_eq!(quarantined(&mut county, place).len(), 1, "{place}: which is not forgotten");
    }
    county.records_visit(SHANGHE, &elder, "2026-08-03");
    county.settle();
    assert_eq!(county.shows(COUNTY, &elder).visits.len(), 2);
    county.assert_converged();
    county.assert_done(SHANGHE, SONGWU);
    county.verify_all();
}

#[test]
fn two_managers_who_revoke_each_other_are_decided_alike() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant_as(COUNTY, SONGWU, "deputy", None);
    county.connect(SONGWU, COUNTY);
    county.connect("deputy", COUNTY);
    county.settle();
    for (by, whom) in [(SONGWU, "deputy"), ("deputy", SONGWU)] {
        assert_eq!(revokes(&mut county, by, whom).unwrap_err().code, "revoke_depth");
    }
    county.settle();
    for place in [SONGWU, "deputy"] {
        assert!(!county.engine(place).is_revoked());
    }
    county.assert_converged();
}

#[test]
fn what_a_revoked_manager_granted_before_stands_and_nothing_after() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.connect(SONGWU, COUNTY);
    county.connect(SHANGHE, SONGWU);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    county.disconnect(SONGWU, COUNTY);
    revokes(&mut county, COUNTY, SONGWU).unwrap();
    // Whoever holds the manager's laptop lets an accomplice in, and it writes.
    county.grant(SONGWU, XIAHE);
    county.connect(XIAHE, SONGWU);
    county.adds_elder(XIAHE, "假老人");
    county.settle();
    county.connect(SHANGHE, COUNTY);
    county.connect(XIAHE, COUNTY);
    county.connect(SONGWU, COUNTY);
    county.records_visit(SHANGHE, &elder, "2026-08-01");
    county.settle();
    assert_eq!(county.shows(COUNTY, &elder).visits.len(), 1, "the honest village goes on");
    assert_eq!(county.elders(COUNTY), ["周国强"]);
    let accomplice = county.engine(XIAHE).device();
    assert!(!county.engine(COUNTY).sessions().contains(&accomplice), "{:?}", county.hangups());
    let now = county.now();
    let list = DeviceList { all: true }.execute(county.engine(COUNTY), now).unwrap();
    let state = |device: DeviceId| {
        let found = list.devices.iter().find(|listed| listed.device == device);
        found.map(|listed| listed.state)
    };
    let (manager, clerk) = (county.engine(SONGWU).device(), county.engine(SHANGHE).device());
    assert_eq!(state(manager), Some(GrantState::Revoked));
    assert_eq!(state(clerk), Some(GrantState::Stands));
    county.verify_all();
}

#[test]
fn the_root_on_paper_is_the_way_back() {
    let store = empty_store();
    let mut entropy = shouwang_node::entropy::Entropy::new([9; 32]);
    let root = shouwang_node::setup::init(&store, &mut entropy, code(COUNTY), "first", 0).unwrap();
    let root = token::root_to_text(&root);
    let mut county = County::elsewhere("990122000000");
    county.opens(COUNTY, store);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.connect(SONGWU, COUNTY);
    county.connect(SHANGHE, SONGWU);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    // The county's only device is lost, and somebody is at its keys.
    let lost = county.engine(COUNTY).device().to_string();
    county.stops(COUNTY);
    let now = county.now();
    let revoke = |root: Option<String>| DeviceRevoke {
        device: lost.clone(),
        reason: RevocationReason::Compromised,
        root,
        personal: false,
        dry_run: false,
    };
    let refused = revoke(None).execute(county.engine(SONGWU), now).unwrap_err();
    assert_eq!(refused.code, "revoke_right");
    // Not even with the root's key: what it does not hold it would cut off.
    let blind = revoke(Some(root.clone())).execute(county.engine(SONGWU), now).unwrap_err();
    assert_eq!(blind.code, "revoke_blind");
    // A new one takes its place.
    let store = empty_store();
    let request = shouwang_node::setup::request(&store, &mut entropy).unwrap().to_text();
    let grant = GrantDevice {
        request,
        name: "new".into(),
        area: code(COUNTY),
        role: Role::Registrar,
        addresses: vec![],
        replace: false,
        root: Some(root.clone()),
        quota_bytes: None,
    };
    let invite = grant.execute(county.engine(SONGWU), now).unwrap().invite;
    shouwang_node::setup::join(&store, &mut entropy, &invite).unwrap();
    county.opens("new", store);
    county.connect("new", SONGWU);
    county.settle();
    let now = county.now();
    revoke(Some(root)).execute(county.engine("new"), now).unwrap();
    county.settle();
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    assert_eq!(county.shows("new", &elder).visits.len(), 0);
    county.records_visit("new", &elder, "2026-08-01");
    county.settle();
    assert_eq!(county.shows(SONGWU, &elder).visits.len(), 1);
    county.stops("990122000000");
    county.assert_converged();
    county.verify_all();
}

#[test]
fn a_retired_device_writes_nothing_more() {
    let (mut county, elder) = village_with_two_laptops();
    let now = county.now();
    DeviceRetire { dry_run: false }.execute(county.engine(SECOND), now).unwrap();
    assert!(county.engine(SECOND).is_revoked());
    let visit = shouwang_node::command::elder::VisitAdd {
        elder: elder.clone(),
        visit: Visit::on("2026-08-01".parse().unwrap()),
    };
    let refused = visit.execute(county.engine(SECOND), now).unwrap_err();
    assert_eq!(refused.code, "device_revoked");
    county.settle();
    // It is still heard, for its last entries may be nowhere else; but it is sent no more records.
    county.records_visit(SHANGHE, &elder, "2026-08-02");
    county.settle();
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    assert_eq!(county.shows(SONGWU, &elder).visits.len(), 1);
    assert_eq!(county.shows(SECOND, &elder).visits.len(), 0);
    county.stops(SECOND);
    county.assert_converged();
    county.verify_all();
}

#[test]
fn a_device_puts_no_more_into_the_mesh_than_its_quota() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.connect(SONGWU, COUNTY);
    county.settle();
    // The village's quota is small: it has room for a few visits.
    let store = empty_store();
    let mut entropy = shouwang_node::entropy::Entropy::new([9; 32]);
    let request = shouwang_node::setup::request(&store, &mut entropy).unwrap();
    let now = county.now();
    let engine = county.engine(SONGWU);
    let grant = Grant {
        subject: request.device,
        sealing_key: request.sealing_key,
        name: SHANGHE.into(),
        area: Area(code(SHANGHE)),
        role: Role::Clerk,
        rights: Role::Clerk.rights(),
        quota: Quota { bytes: 2_000, logs: 4, incarnations: 2 },
        depth: engine.grant().depth + 1,
        issuer: Some(engine.grant_id()),
        serial: 1,
        written_at_ms: 0,
    };
    let signed = engine.issue(now, grant, &[], None).unwrap();
    let chain = engine.authority().chain(&signed.id());
    let invite = token::Invite { chain, addresses: Vec::new(), fallback: Vec::new() }.to_text();
    shouwang_node::setup::join(&store, &mut entropy, &invite).unwrap();
    county.opens(SHANGHE, store);
    county.connect(SHANGHE, SONGWU);
    let elder = county.adds_elder(SHANGHE, "周国强");
    let refused = (1..28).find_map(|day| {
        let visit = shouwang_node::command::elder::VisitAdd {
            elder: elder.clone(),
            visit: Visit::on(NaiveDate::from_ymd_opt(2026, 8, day).unwrap()),
        };
        visit.execute(county.engine(SHANGHE), now).err()
    });
    let refused = refused.expect("its own node says so first");
    assert_eq!(refused.arguments["reason"], "over_quota");
    county.settle();
    let visits = county.shows(SONGWU, &elder).visits.len();
    assert!(visits > 2, "what was within the quota is there: {visits}");
    assert_eq!(county.shows(SHANGHE, &elder).visits.len(), visits);
    county.assert_done(SHANGHE, SONGWU);
    county.assert_converged();
    county.verify_all();
}

/// What comes of one that does not stop by itself: the door stops it, and a wider grant opens it.
#[test]
fn beyond_its_quota_nothing_of_a_device_is_taken_until_the_quota_is_raised() {
    use shouwang_node::authority::Authority;
    use shouwang_node::identity::DeviceKeys;
    use shouwang_node::identity::grant::SignedGrant;
    use shouwang_node::index::IndexSecret;
    use shouwang_node::ingest::{Ingest, Refusal};
    use shouwang_node::log::run::{RunEntry, cut};
    use shouwang_node::log::{Incarnation, Kind, Lane, LogKey, VerifiedRun};
    use shouwang_node::store::StoreError;

    let keys = |n: u8| DeviceKeys::from_secret(&[n; 64]);
    let grant = |subject: u8, role: Role, quota: Quota, issuer: Option<&SignedGrant>| Grant {
        subject: keys(subject).device(),
        sealing_key: keys(subject).sealing_key(),
        name: "laptop".into(),
        area: Area(code(SHANGHE)),
        role,
        rights: role.rights(),
        quota,
        depth: u8::from(issuer.is_some()),
        issuer: issuer.map(SignedGrant::id),
        serial: 0,
        written_at_ms: 0,
    };
    let root = grant(1, Role::Root, Quota::DEFAULT, None).sign(&keys(1));
    let small = Quota { bytes: 1_000, logs: 2, incarnations: 2 };
    let clerk = grant(2, Role::Clerk, small, Some(&root)).sign(&keys(1));
    let mut authority = Authority::pin(root.clone()).unwrap();
    authority.learn(clerk.clone()).unwrap();
    let store = empty_store();
    let receives = |authority: &mut Authority, lane: Lane, nonce: u8, entries: usize| {
        let log = LogKey {
            scope: code(SHANGHE),
            lane,
            device: keys(2).device(),
            incarnation: Incarnation { number: 0, nonce: [nonce; 8] },
        };
        let fresh = vec![RunEntry::new(Kind::Other(99), None, vec![7; 300], 0); entries];
        let run = VerifiedRun::write(log, clerk.id(), None, fresh, &keys(2)).unwrap();
        let run = cut(run.entries(), None).unwrap();
        store
            .write::<_, StoreError>(|tables| {
                let secret = IndexSecret([5; 32]);
                let mut ingest = Ingest::begin(tables, authority, Area(code(SHANGHE)), secret);
                let outcome = ingest.receive(run)?;
                let ingested = ingest.finish()?;
                Ok((outcome.map(|outcome| outcome.new), ingested.evidence.len()))
            })
            .unwrap()
    };
    assert_eq!(receives(&mut authority, Lane::Routine, 1, 3), (Ok(3), 0));
    // The same again costs nothing; one entry more is too much.
    assert_eq!(receives(&mut authority, Lane::Routine, 1, 3), (Ok(0), 0));
    let (refused, evidence) = receives(&mut authority, Lane::Routine, 1, 4);
    assert!(matches!(refused, Err(Refusal::OverQuota { .. })), "{refused:?}");
    assert_eq!(evidence, 1);
    // Neither does another log help, nor another incarnation.
    assert!(receives(&mut authority, Lane::Urgent, 1, 1).0.is_err());
    assert!(receives(&mut authority, Lane::Routine, 2, 1).0.is_err());
    let wide = Quota { bytes: 10_000, logs: 2, incarnations: 1 };
    let wide = Grant { serial: 1, ..grant(2, Role::Clerk, wide, Some(&root)) }.sign(&keys(1));
    authority.learn(wide).unwrap();
    assert_eq!(receives(&mut authority, Lane::Routine, 1, 4).0, Ok(1));
    assert_eq!(receives(&mut authority, Lane::Urgent, 1, 1).0, Ok(1));
    assert!(receives(&mut authority, Lane::Notice, 1, 1).0.is_err(), "a third log");
}
