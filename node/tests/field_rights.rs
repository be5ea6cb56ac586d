//! Rights within a part: a value whose author's office does not write the field is kept, passed on
//! and named, and never takes effect; what it would have replaced still stands.

mod county;
mod impostor;

use county::{County, code, field};
use impostor::{Impostor, change};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::edit::{Action, Edit, write_change};
use shouwang_crdt_schema::element::{Element, List, Review};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, ReviewOutcome};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::Request;
use shouwang_node::command::elder::{ElderSet, VisitList};
use shouwang_node::command::explain::{Explain, FileState};
use shouwang_node::engine::DocumentEdit;
use shouwang_node::identity::grant::Role;
use shouwang_node::index;
use shouwang_node::log::Lane;
use shouwang_node::store::StoreRead;
use shouwang_node::store::rows::DocumentKey;
use shouwang_node::sync::wire::Frame;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const PLACES: [&str; 3] = [COUNTY, SONGWU, SHANGHE];

fn scene() -> (County, String) {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.connect(SONGWU, COUNTY);
    county.connect(SHANGHE, SONGWU);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    county.settle();
    (county, elder)
}

/// The change that an engine would write for these actions if nobody asked who it is.
fn body(county: &mut County, id: DocumentId, actor: [u8; 16], actions: &[Action]) -> Vec<u8> {
    let scope = code(SHANGHE);
    let snapshot = county.engine(COUNTY).read().unwrap();
    let key = DocumentKey { scope, id };
    let document = match snapshot.document(&key).unwrap() {
        Some(row) => index::load(&key, &row.saved).unwrap(),
        None => genesis(scope, &id),
    };
    write_change(&document, scope, &id, actor, actions).unwrap().unwrap()
}

fn sends(county: &mut County, impostor: &mut Impostor, id: DocumentId, actions: &[Action]) {
    let log = impostor.log(SHANGHE, Lane::Routine);
    let actor = Impostor::actor(&log, 1);
    let body = body(county, id, actor, actions);
    let run = impostor.writes(log, vec![change(id, body)]);
    impostor.says(county, COUNTY, &Frame::Run(run));
    county.settle();
}

#[test]
fn a_department_cannot_correct_a_resident_id() {
    let (mut county, elder) = scene();
    let certify = |text: &str| ElderSet {
        elder: elder.clone(),
        fields: [(Field::ResidentId, text.to_owned())].into(),
        certified: true,
    };
    let now = county.now();
    certify("990121194203150047").execute(county.engine(COUNTY), now).unwrap();
    county.settle();

    let mut department = Impostor::granted(&mut county, COUNTY, COUNTY, Role::Department);
    department.enters(&mut county, COUNTY);
    let registry = DocumentId::elder(elder.parse().unwrap(), Part::Registry);
    // What a department may certify counts.
    let hardship = Field::Hardship.value("Yes").unwrap();
    let set = Action::Set { field: Field::Hardship, value: hardship };
    sends(&mut county, &mut department, registry, &[set]);
    // The county's number is not for a department to take away.
    sends(&mut county, &mut department, registry, &[Action::Clear { field: Field::ResidentId }]);

    for place in PLACES {
        let shown = county.shows(place, &elder);
        assert_eq!(field(&shown, Field::Hardship).value, "Yes", "{place}");
        let id = field(&shown, Field::ResidentId);
        assert_eq!((id.value.as_str(), id.part.as_str()), ("**************0047", "Registry"));
        assert_eq!(shown.unsettled, [("not_allowed:field".to_owned(), 1)].into(), "{place}");
    }
    let named = county.refused(COUNTY, department.keys.device());
    assert_eq!(named, [("not_allowed:field".to_owned(), 1)].into());

    // The county goes on upon what counts.
    let now = county.now();
    let hardship = ElderSet {
        elder: elder.clone(),
        fields: [(Field::Hardship, "No".to_owned())].into(),
        certified: true,
    };
    hardship.execute(county.engine(COUNTY), now).unwrap();
    county.settle();
    for place in PLACES {
        let shown = county.shows(place, &elder);
        assert_eq!(field(&shown, Field::Hardship).value, "No", "{place}");
        assert!(shown.conflicts.is_empty(), "{place}");
    }
    county.assert_converged();
    county.verify_all();
}

#[test]
fn a_provider_visits_and_does_not_review() {
    let (mut county, elder) = scene();
    let mut provider = Impostor::granted(&mut county, COUNTY, SHANGHE, Role::Provider);
    provider.enters(&mut county, COUNTY);
    let journal = DocumentId::elder(elder.parse().unwrap(), Part::Journal(2026));
    let visit = Visit::on("2026-09-02".parse().unwrap());
    let insert = Action::Insert { list: List::Visits, element: visit.store() };
    sends(&mut county, &mut provider, journal, &[insert]);
    let review = Review {
        date: "2026-09-02".parse().unwrap(),
        outcome: ReviewOutcome::NoChange,
        reviewer: None,
        note: None,
    };
    let insert = Action::Insert { list: List::Reviews, element: review.store() };
    sends(&mut county, &mut provider, journal, &[insert]);

    for place in PLACES {
        let shown = county.shows(place, &elder);
        assert_eq!(shown.visits.len(), 2, "{place}");
        assert!(!shown.lists.contains_key("reviews"), "{place}");
        assert_eq!(shown.unsettled, [("not_allowed:field".to_owned(), 1)].into(), "{place}");
    }
    county.assert_converged();
    county.verify_all();
}

/// An honest device is told before anything is written.
#[test]
fn an_engine_refuses_what_its_office_does_not_write() {
    let (mut county, elder) = scene();
    county.grant_as(COUNTY, COUNTY, "民政数据", Some(Role::Department));
    county.connect("民政数据", COUNTY);
    county.settle();
    let set = ElderSet {
        elder: elder.clone(),
        fields: [(Field::ResidentId, "990121194203150047".to_owned())].into(),
        certified: true,
    };
    let now = county.now();
    let refused = set.execute(county.engine("民政数据"), now).unwrap_err();
    assert_eq!(refused.code, "no_right_for_field");
    let edit = Edit::insert(
        Part::Registry,
        &shouwang_crdt_schema::record::SpecialCategory::FamilyPlanningSpecial,
    );
    let edit = DocumentEdit {
        scope: code(SHANGHE),
        document: DocumentId::elder(elder.parse().unwrap(), edit.part),
        actions: vec![edit.action],
    };
    let now = county.now();
    assert_eq!(county.engine("民政数据").capture(now, &[edit]).unwrap(), 1);
    county.settle();
    let list = VisitList { elder: Some(elder.clone()), from: None, to: None };
    let now = county.now();
    assert_eq!(list.execute(county.engine(COUNTY), now).unwrap().visits.len(), 1);
    let shown = county.shows(SHANGHE, &elder);
    assert_eq!(shown.lists["special_categories"].len(), 1);
}

/// Whoever asks for a file of which all is set aside is told so, and not that nothing of it is here.
#[test]
fn a_file_of_which_nothing_counts_is_explained() {
    let (mut county, elder) = scene();
    let mut department = Impostor::granted(&mut county, COUNTY, COUNTY, Role::Department);
    department.enters(&mut county, COUNTY);
    let nobody: ElderId = "51aa0151aa0151aa0151aa0151aa0151".parse().unwrap();
    let name = Field::Name.value("冒名").unwrap();
    let card = DocumentId::elder(nobody, Part::Card);
    sends(&mut county, &mut department, card, &[Action::Set { field: Field::Name, value: name }]);
    for place in PLACES {
        let mut explained = |elder: &str| {
            let now = county.now();
            let asked = Explain { elder: elder.to_owned() };
            let report = asked.execute(county.engine(place), now).unwrap();
            let traces =
                report.files.iter().map(|file| (file.elder_id, file.state, file.unsettled));
            traces.collect::<Vec<_>>()
        };
        assert_eq!(explained("51aa"), [(nobody, FileState::SetAside, 1)], "{place}");
        let known = elder.parse().unwrap();
        assert_eq!(explained(&elder), [(known, FileState::Here, 0)], "{place}");
        assert_eq!(explained("00000000"), [], "{place}");
    }
}
