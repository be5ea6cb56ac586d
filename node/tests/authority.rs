//! Who is told what: grants flow down before records, records flow up, siblings see nothing of each
//! other, and whoever may not replicate gives its own work and gets no one else's.

mod county;

use county::{County, code};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::edit::Edit;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::Request;
use shouwang_node::command::area::{AreaImport, Place};
use shouwang_node::command::elder::{ElderSet, VisitAdd};
use shouwang_node::engine::DocumentEdit;
use shouwang_node::identity::grant::Role;
use shouwang_node::log::Lane;
use shouwang_node::store::StoreRead;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const QINGHE: &str = "990121200000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";

/// Scopes and lanes of the logs that a place holds.
fn holds(county: &mut County, place: &str) -> Vec<(DivisionCode, Lane)> {
    let snapshot = county.engine(place).read().unwrap();
    let mut held: Vec<_> =
        snapshot.logs_all().unwrap().iter().map(|log| (log.key.scope, log.key.lane)).collect();
    held.sort();
    held.dedup();
    held
}

fn records(county: &mut County, place: &str) -> Vec<DivisionCode> {
    let held = holds(county, place);
    let mut scopes: Vec<_> = held
        .into_iter()
        .filter(|(_, lane)| lane.carries_records())
        .map(|(scope, _)| scope)
        .collect();
    scopes.dedup();
    scopes
}

/// A new device whose grant nobody above has heard of brings its records itself.
#[test]
fn grants_flow_before_the_records_that_they_prove() {
    // Each grant is given off line; then all talk at once, the village with many records.
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    let elders: Vec<String> =
        (0..60).map(|n| county.adds_elder(SHANGHE, &format!("老人{n}"))).collect();
    county.connect(SHANGHE, SONGWU);
    county.connect(SONGWU, COUNTY);
    county.settle();
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    assert_eq!(county.elders(COUNTY).len(), elders.len());
    county.assert_done(SHANGHE, SONGWU);
    county.assert_done(SONGWU, COUNTY);
    county.assert_converged();
    county.verify_all();
}

/// A village reaches the county before its township does. The township's grant for it is on paper
/// only: the village holds the chain, and nobody holds the entry.
#[test]
fn a_village_that_reaches_the_county_before_its_township_does() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, COUNTY);
    county.settle();
    // An honest village is no culprit, whatever can be done for it already.
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    let village = county.engine(SHANGHE).device();
    assert!(county.refused(COUNTY, village).is_empty());
    // When the township comes everybody has everything, without anybody dialling anew.
    county.connect(SONGWU, COUNTY);
    county.settle();
    for place in [COUNTY, SONGWU] {
        assert_eq!(county.elders(place), ["周国强"], "{place}");
    }
    county.assert_done(SONGWU, COUNTY);
    county.assert_converged();
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    county.settle();
    assert_eq!(county.shows(SONGWU, &elder).visits.len(), 1);
    county.assert_converged();
    county.verify_all();
}

/// As above, and two nodes at the county already talk to each other when the township comes: what
/// the second could not have been shown before goes on to it in the session that stands.
#[test]
fn what_could_not_be_proved_goes_on_once_it_can() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant_as(COUNTY, COUNTY, "archive", None);
    county.grant(SONGWU, SHANGHE);
    county.adds_elder(SHANGHE, "周国强");
    county.connect("archive", COUNTY);
    county.connect(SHANGHE, COUNTY);
    county.settle();
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    assert_eq!(county.elders(COUNTY), ["周国强"]);
    county.connect(SONGWU, COUNTY);
    county.settle();
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    for place in ["archive", SONGWU] {
        assert_eq!(county.elders(place), ["周国强"], "{place}");
        county.assert_done(place, COUNTY);
    }
    county.assert_converged();
    county.verify_all();
}

#[test]
fn a_grant_reaches_every_node_that_needs_it_and_no_sibling() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(COUNTY, QINGHE);
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    for (below, above) in [(SONGWU, COUNTY), (QINGHE, COUNTY), (SHANGHE, SONGWU), (XIAHE, SONGWU)] {
        county.connect(below, above);
    }
    county.settle();
    county.grant_as(SONGWU, SHANGHE, "second laptop", None);
    county.settle();
    let second = county.engine("second laptop").device();
    for (place, knows) in
        [(COUNTY, true), (SONGWU, true), (SHANGHE, true), (XIAHE, false), (QINGHE, false)]
    {
        let grants = county.engine(place).authority().grants_of(second).count();
        assert_eq!(grants > 0, knows, "{place}");
    }
    county.verify_all();
}

#[test]
fn nested_areas_hold_what_is_inside_them_and_rules_from_above() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(COUNTY, QINGHE);
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    county.adds_elder(SHANGHE, "周国强");
    county.adds_elder(XIAHE, "许桂英");
    for (scope, name) in [(COUNTY, "霁川县"), (SONGWU, "松雾镇"), (SHANGHE, "上禾村")] {
        let now = county.now();
        let places = vec![Place { code: code(scope), name: name.into() }];
        let import = AreaImport { places, dry_run: false };
        assert_eq!(import.execute(county.engine(COUNTY), now).unwrap().new, 1);
    }
    // Everybody dials everybody, siblings and strangers to each other too.
    let places = [COUNTY, SONGWU, QINGHE, SHANGHE, XIAHE];
    for (nth, one) in places.iter().enumerate() {
        for two in &places[nth + 1..] {
            county.connect(one, two);
        }
    }
    county.settle();
    assert_eq!(records(&mut county, COUNTY), [code(SHANGHE), code(XIAHE)]);
    assert_eq!(records(&mut county, SONGWU), [code(SHANGHE), code(XIAHE)]);
    assert_eq!(records(&mut county, SHANGHE), [code(SHANGHE)]);
    assert_eq!(records(&mut county, XIAHE), [code(XIAHE)]);
    assert!(records(&mut county, QINGHE).is_empty());
    for place in places {
        let area = county.engine(place).area();
        for (scope, lane) in holds(&mut county, place) {
            let allowed = area.contains(scope) || (!lane.carries_records() && area.touches(scope));
            assert!(allowed, "{place} holds {lane:?} of {scope}");
        }
        for scope in county.status(place).scopes {
            assert!(area.contains(scope.code), "{place} lists {}", scope.code);
        }
    }
    // Names come down from above, to those whom they concern.
    assert_eq!(county.status(SHANGHE).area_name.as_deref(), Some("上禾村"));
    assert_eq!(county.elders(SHANGHE), ["周国强"]);
    assert_eq!(county.elders(XIAHE), ["许桂英"]);
    county.assert_converged();
    county.verify_all();
}

#[test]
fn a_clerk_grants_nothing_and_a_manager_nothing_beyond_its_township() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    let store = shouwang_node::store::Store::with_backend(redb::backends::InMemoryBackend::new());
    let mut entropy = shouwang_node::entropy::Entropy::new([3; 32]);
    let request = shouwang_node::setup::request(&store.unwrap(), &mut entropy).unwrap().to_text();
    for (by, area, role) in [
        (SHANGHE, SHANGHE, Role::Helper),
        (SHANGHE, SHANGHE, Role::Clerk),
        (SONGWU, SONGWU, Role::Registrar),
        (SONGWU, SHANGHE, Role::Department),
        (SONGWU, SHANGHE, Role::Registrar),
        (SONGWU, QINGHE, Role::Manager),
        (SONGWU, COUNTY, Role::Manager),
        (COUNTY, "990122000000", Role::Registrar),
    ] {
        let before = county.status(by).scopes;
        let refused = county.invites(by, request.clone(), area, "x", role).unwrap_err();
        assert_eq!(refused.code, "grant_invalid", "{by} {area} {role:?}: {refused:?}");
        assert_eq!(county.status(by).scopes, before, "something was written");
    }
    let given = county.invites(SONGWU, request, SHANGHE, "x", Role::Helper);
    assert!(given.is_ok(), "{given:?}");
}

/// What a person may not write is refused when it is written, and nothing of it is.
#[test]
fn each_role_writes_its_own_parts_and_no_other() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.grant_as(SONGWU, SHANGHE, "helper", Some(Role::Helper));
    county.grant_as(COUNTY, COUNTY, "hospital", Some(Role::Department));
    let elder = county.adds_elder(SHANGHE, "周国强");
    for place in [SHANGHE, "helper", "hospital", COUNTY] {
        if place != COUNTY {
            county.connect(place, SONGWU);
        } else {
            county.connect(SONGWU, COUNTY);
        }
    }
    county.settle();
    let id = elder.parse().unwrap();
    let written = |county: &mut County, place: &str, part: Part| {
        let set = |field: Field, text: &str| Edit::set(part, field, field.value(text).unwrap());
        let edit = match part {
            Part::Journal(_) => Edit::insert(part, &Visit::on("2026-09-01".parse().unwrap())),
            Part::Ledger => set(Field::RiskLevel, "High"),
            _ => set(Field::Dementia, "No"),
        };
        let document = DocumentId::elder(id, part);
        let edit = DocumentEdit { scope: code(SHANGHE), document, actions: vec![edit.action] };
        let now = county.now();
        county
            .engine(place)
            .capture(now, &[edit])
            .map_err(|error| shouwang_node::command::CommandError::from(error).code)
    };
    let journal = Part::Journal(2026);
    for (place, part, allowed) in [
        (SHANGHE, journal, true),
        (SHANGHE, Part::Ledger, false),
        (SHANGHE, Part::Registry, false),
        ("helper", journal, true),
        ("helper", Part::Card, false),
        (SONGWU, Part::Ledger, true),
        (SONGWU, Part::Registry, false),
        ("hospital", Part::Registry, true),
        ("hospital", Part::Card, false),
        ("hospital", journal, false),
        (COUNTY, Part::Registry, true),
    ] {
        let before = county.status(place).scopes;
        let outcome = written(&mut county, place, part);
        match allowed {
            true => assert!(outcome.is_ok(), "{place} {part}: {outcome:?}"),
            false => {
                assert_eq!(outcome, Err("no_right".into()), "{place} {part}");
                assert_eq!(county.status(place).scopes, before);
            }
        }
    }
    county.settle();
    let now = county.now();
    let fields = [(Field::Name, "别名".to_owned())].into();
    let set = ElderSet { elder, fields, certified: false };
    let refused = set.execute(county.engine("helper"), now).unwrap_err();
    assert_eq!(refused.code, "no_right_for_field");
    county.assert_converged();
    county.verify_all();
    assert!(county.status(COUNTY).unsettled.is_empty());
}

#[test]
fn a_provider_gives_its_own_logs_and_gets_no_records() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.grant_as(SONGWU, SHANGHE, "provider", Some(Role::Provider));
    let elder = county.adds_elder(SHANGHE, "周国强");
    for (below, above) in [(SHANGHE, SONGWU), (SONGWU, COUNTY), ("provider", SONGWU)] {
        county.connect(below, above);
    }
    county.settle();
    assert!(county.elders("provider").is_empty());
    assert!(records(&mut county, "provider").is_empty());
    // It visits somebody whose file it cannot see: it was told the file's name on a list.
    let document = DocumentId::elder(elder.parse().unwrap(), Part::Journal(2026));
    let visit = Edit::insert(Part::Journal(2026), &Visit::on("2026-09-03".parse().unwrap()));
    let edit = DocumentEdit { scope: code(SHANGHE), document, actions: vec![visit.action] };
    let now = county.now();
    county.engine("provider").capture(now, &[edit]).unwrap();
    county.settle();
    for place in [SONGWU, SHANGHE, COUNTY] {
        let visits = county.shows(place, &elder).visits;
        assert_eq!(visits.len(), 1, "{place}");
        let provider = county.engine("provider").device();
        assert_eq!(visits[0].recorded_by, Some(provider), "{place}");
    }
    // Others go on writing; it still gets nothing of theirs.
    county.records_visit(SHANGHE, &elder, "2026-09-04");
    county.sets(SONGWU, &elder, Field::Phone, "13900000001");
    county.settle();
    let snapshot = county.engine("provider").read().unwrap();
    let own = county.engine("provider").device();
    for log in snapshot.logs_all().unwrap() {
        assert!(!log.key.lane.carries_records() || log.key.device == own, "{:?}", log.key);
    }
    drop(snapshot);
    let shown = county.shows("provider", &elder);
    assert_eq!((shown.summary.name, shown.visits.len()), (None, 1));
    county.assert_done("provider", SONGWU);
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    for place in [COUNTY, SONGWU, SHANGHE, "provider"] {
        assert!(county.status(place).unsettled.is_empty(), "{place}");
    }
    county.verify_all();

    // On a new disk it can have its own back, and nothing more.
    county.disconnect("provider", SONGWU);
    let now = county.now();
    let mut visit = Visit::on("2026-09-05".parse().unwrap());
    visit.note = Some("off line".into());
    VisitAdd { elder: elder.clone(), visit }.execute(county.engine("provider"), now).unwrap();
    county.connect("provider", SONGWU);
    county.settle();
    assert_eq!(county.shows(COUNTY, &elder).visits.len(), 3);
}

#[test]
fn two_siblings_that_talk_to_each_other_exchange_what_concerns_both_and_no_record() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    county.adds_elder(SHANGHE, "周国强");
    county.adds_elder(XIAHE, "许桂英");
    // Only one of them has met the township since a place was named.
    let now = county.now();
    let places = vec![Place { code: code(SONGWU), name: "松雾镇".into() }];
    AreaImport { places, dry_run: false }.execute(county.engine(SONGWU), now).unwrap();
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    county.connect(SHANGHE, XIAHE);
    county.settle();
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    assert_eq!(records(&mut county, SHANGHE), [code(SHANGHE)]);
    assert_eq!(records(&mut county, XIAHE), [code(XIAHE)]);
    assert!(holds(&mut county, XIAHE).contains(&(code(SONGWU), Lane::Notice)));
    county.assert_done(SHANGHE, XIAHE);
    county.verify_all();
}
