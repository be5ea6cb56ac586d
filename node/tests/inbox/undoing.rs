//! Taking back.

use shouwang_crdt_schema::element::{GuardianContact, List, Supporter};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{ServiceNeed, SupportCapacity};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::elder::ElderAdd;
use shouwang_node::command::history::{ElderHistory, ElderHistoryReport, What};
use shouwang_node::command::import::Import;
use shouwang_node::command::undo::ImportBegin;
use shouwang_node::entropy::Entropy;

use super::*;

fn below(entropy: &mut Entropy, limit: usize) -> usize {
    usize::from(entropy.bytes::<1>()[0]) % limit
}

fn supporter(name: &str) -> Supporter {
    Supporter {
        name: name.into(),
        relation: None,
        whereabouts: None,
        phone: None,
        capacity: SupportCapacity::Unknown,
    }
}

/// Anything that a clerk may do to a file as it stands; `mark` tells it from everything else.
fn anything(entropy: &mut Entropy, view: &ElderView, mark: usize) -> Edit {
    let text = format!("第{mark}次");
    let fields = [Field::Phone, Field::Address, Field::Remarks, Field::Hamlet];
    let words = ["Severe", "Concern", "Stable"];
    let supporters = view.own_elements::<Supporter>();
    let needs = view.own_elements::<ServiceNeed>();
    let visits = view.own_elements::<Visit>();
    let card = |action| Edit { part: Part::Card, action };
    match below(entropy, 9) {
        0 | 1 => set(Part::Card, fields[below(entropy, 4)], &text),
        2 => set(Part::Card, Field::MentalState, words[below(entropy, 3)]),
        3 => card(Action::Clear { field: fields[below(entropy, 4)] }),
        4 => insert(&supporter(&text)),
        5 if !supporters.is_empty() => {
            let element = supporters[below(entropy, supporters.len())].1.id.clone();
            let key = ["phone", "relation", "whereabouts"][below(entropy, 3)].to_owned();
            let text = (below(entropy, 4) > 0).then_some(text);
            card(Action::Amend { list: List::Supporters, element, key, text })
        }
        6 if !supporters.is_empty() => {
            let element = supporters[below(entropy, supporters.len())].1.id.clone();
            card(Action::Remove { list: List::Supporters, element })
        }
        6 if !needs.is_empty() => {
            let element = needs[below(entropy, needs.len())].1.id.clone();
            card(Action::Remove { list: List::ServiceNeeds, element })
        }
        7 if !visits.is_empty() => {
            let (part, listed) = &visits[below(entropy, visits.len())];
            let (part, element) = (*part, listed.id.clone());
            Edit { part, action: Action::Retract { list: List::Visits, element } }
        }
        8 => insert(&ServiceNeed::Meals),
        _ => {
            let date = "2026-09-01".parse().unwrap();
            let visit = Visit { note: Some(text), ..Visit::on(date) };
            Edit::insert(Part::Journal(2026), &visit)
        }
    }
}

/// Whatever was done, undo leaves the file as it was before, and undo again as it was after.
#[test]
fn undo_gives_the_file_before_and_undo_of_that_the_file_after() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SHANGHE);
    for round in 0..24_u8 {
        let mut entropy = Entropy::new([round; 32]);
        let elder = county.adds_elder(SHANGHE, "周国强");
        let now = |county: &mut County| says(&view(county, SHANGHE, &elder));
        for mark in 0..12 {
            let mut edits = Vec::new();
            let seen = view(&mut county, SHANGHE, &elder);
            for piece in 0..=below(&mut entropy, 3) {
                edits.push(anything(&mut entropy, &seen, mark * 10 + piece));
            }
            // Two removals of one element in one edit are no edit.
            let before = now(&mut county);
            if !matches!(does(&mut county, SHANGHE, &elder, edits.clone()), Ok(1..)) {
                continue;
            }
            let after = now(&mut county);
            let report = undo(&mut county, SHANGHE).unwrap();
            assert_eq!(now(&mut county), before, "{round} {mark}: {edits:?} {report:?}");
            assert_eq!(report.left, [], "{edits:?}");
            if report.entries > 0 && before != after {
                let again = undo(&mut county, SHANGHE).unwrap();
                assert_eq!(now(&mut county), after, "{round} {mark}: {edits:?} {again:?}");
            }
        }
    }
    county.verify_all();
}

/// What somebody else has written since stays, and is named with who did.
#[test]
fn what_others_have_changed_since_is_left() {
    let mut county = offices();
    let elder = county.adds_elder(SHANGHE, "周国强");
    let contact = GuardianContact { name: "卫德福".into(), phone: None, rank: None };
    does(
        &mut county,
        SHANGHE,
        &elder,
        vec![
            set(Part::Card, Field::Phone, "1"),
            set(Part::Card, Field::Address, "村东"),
            insert(&contact),
            insert(&ServiceNeed::Meals),
        ],
    )
    .unwrap();
    county.settle();
    let seen = view(&mut county, SONGWU, &elder);
    does(
        &mut county,
        SONGWU,
        &elder,
        vec![set(Part::Card, Field::Phone, "2"), amend::<GuardianContact>(&seen, "phone", "139")],
    )
    .unwrap();
    county.settle();
    let report = undo(&mut county, SHANGHE).unwrap();
    let left: Vec<(&str, &str)> =
        report.left.iter().map(|left| (left.field.as_str(), left.reason.as_str())).collect();
    assert_eq!(left, [("phone", "changed_since"), ("guardian_contacts", "changed_since")]);
    for left in &report.left {
        assert_eq!(left.by.as_ref().unwrap().device_name.as_deref(), Some(SONGWU));
    }
    let file = view(&mut county, SHANGHE, &elder);
    assert_eq!(file.text(Field::Phone), Some("2"));
    assert_eq!(file.text(Field::Address), None);
    assert_eq!(file.elements::<GuardianContact>().len(), 1);
    assert!(file.elements::<ServiceNeed>().is_empty());
    county.settle();
    county.assert_converged();
}

/// A decided conflict stays decided: of what stood before the effective value comes back, the others
/// are named.
#[test]
fn undo_of_a_decision_brings_back_what_was_effective() {
    let mut county = offices();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    part(&mut county);
    for (place, text) in [(SHANGHE, "Stable"), (SONGWU, "Severe")] {
        let edit = set(Part::Card, Field::MentalState, text);
        does(&mut county, place, &elder, vec![edit]).unwrap();
    }
    meet(&mut county);
    let id = inbox(&mut county, SHANGHE).conflicts[0].id.clone();
    keep(&mut county, SHANGHE, &id, 2).unwrap();
    let report = undo(&mut county, SHANGHE).unwrap();
    assert_eq!(report.steps[0].to.as_deref(), Some("Severe"));
    assert_eq!(report.steps[0].also_stood, ["Stable"]);
    assert_eq!(view(&mut county, SHANGHE, &elder).text(Field::MentalState), Some("Severe"));
    assert_eq!(inbox(&mut county, SHANGHE).conflicts, []);
}

/// A number is written once: it can be taken back until somebody else is known to hold it.
#[test]
fn a_number_is_taken_back_until_others_hold_it() {
    let mut county = offices();
    part(&mut county);
    let elder = county.adds_elder(SHANGHE, "周国强");
    let number = || vec![set(Part::Card, Field::ResidentId, "990121194203150047")];
    does(&mut county, SHANGHE, &elder, number()).unwrap();
    let report = undo(&mut county, SHANGHE).unwrap();
    assert_eq!(report.left, []);
    assert_eq!(report.steps[0].from.as_deref(), Some("**************0047"));
    assert_eq!(view(&mut county, SHANGHE, &elder).text(Field::ResidentId), None);
    does(&mut county, SHANGHE, &elder, number()).unwrap();
    meet(&mut county);
    county.passes(60 * 60 * 1_000);
    let report = undo(&mut county, SHANGHE).unwrap();
    assert_eq!(
        (report.left[0].field.as_str(), report.left[0].reason.as_str()),
        ("resident_id", "written_once")
    );
    assert_eq!(report.entries, 0);
}

/// A whole import is one edit, in as many requests as it came; what cannot be taken back says so.
#[test]
fn an_import_is_one_edit_and_a_grant_is_none() {
    let mut county = offices();
    let code_of = |result: Result<UndoReport, CommandError>| result.unwrap_err();
    assert_eq!(code_of(undo(&mut county, SHANGHE)).code, "undo_nothing");
    let error = code_of(undo(&mut county, SONGWU));
    assert_eq!((error.code.as_str(), error.arguments["what"].as_str()), ("not_undoable", "grant"));
    let kept = county.adds_elder(SHANGHE, "周国强");
    let before = says(&view(&mut county, SHANGHE, &kept));
    let now = county.now();
    ImportBegin {}.execute(county.engine(SHANGHE), now).unwrap();
    for batch in 0..3 {
        let rows = (0..40).map(|number| {
            let mut row = LedgerRow::new(code(SHANGHE));
            row.fields.insert(Field::Name, format!("老人{batch}-{number}"));
            row.fields.insert(Field::Phone, format!("139{batch:04}{number:04}"));
            row
        });
        let import = Import { rows: rows.collect(), dry_run: false };
        let now = county.now();
        import.execute(county.engine(SHANGHE), now).unwrap();
    }
    assert_eq!(county.elders(SHANGHE).len(), 121);
    let report = undo(&mut county, SHANGHE).unwrap();
    assert_eq!(report.entries, 120);
    assert_eq!(county.elders(SHANGHE), ["周国强"]);
    assert_eq!(says(&view(&mut county, SHANGHE, &kept)), before);
    assert_eq!(county.status(SHANGHE).scopes[0].elders, 1);
    county.settle();
    county.assert_converged();
    for place in ALL {
        assert_eq!(county.elders(place), ["周国强"], "{place}");
    }
    county.verify_all();
    // Undo of an undo.
    undo(&mut county, SHANGHE).unwrap();
    assert_eq!(county.elders(SHANGHE).len(), 121);
}

/// Somebody who has seen a preview takes back that edit and no other.
#[test]
fn a_preview_writes_nothing_and_names_its_edit() {
    let mut county = offices();
    let elder = county.adds_elder(SHANGHE, "周国强");
    let now = county.now();
    let preview = Undo { dry_run: true, edit: None }.execute(county.engine(SHANGHE), now).unwrap();
    assert_eq!(preview.entries, 0);
    assert_eq!(county.elders(SHANGHE), ["周国强"]);
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    let late = Undo { dry_run: false, edit: Some(preview.edit) };
    assert_eq!(late.execute(county.engine(SHANGHE), now).unwrap_err().code, "undo_another");
}

fn history(county: &mut County, place: &str, elder: &str) -> ElderHistoryReport {
    let now = county.now();
    ElderHistory { elder: elder.to_owned() }.execute(county.engine(place), now).unwrap()
}

/// The history tells every change with who and what, in causal order, the same everywhere; also what
/// does not count.
#[test]
fn history_tells_everything_in_causal_order_and_masks_numbers() {
    let mut county = offices();
    let now = county.now();
    let fields = [(Field::Name, "周国强"), (Field::ResidentId, "990121194203150047")];
    let fields = fields.map(|(field, text)| (field, text.to_owned())).into();
    let add = ElderAdd { scope: None, fields, entry: None };
    let elder = add.execute(county.engine(SHANGHE), now).unwrap().elder_id.to_string();
    does(&mut county, SHANGHE, &elder, vec![set(Part::Card, Field::Phone, "1")]).unwrap();
    county.settle();
    does(&mut county, SONGWU, &elder, vec![set(Part::Card, Field::Phone, "2")]).unwrap();
    county.settle();
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    undo(&mut county, SHANGHE).unwrap();
    county.settle();
    let told = history(&mut county, COUNTY, &elder);
    for place in ALL {
        assert_eq!(history(&mut county, place, &elder), told, "{place}");
    }
    let effects: Vec<_> = told.changes.iter().flat_map(|change| &change.effects).collect();
    let phones: Vec<_> = effects
        .iter()
        .filter(|effect| effect.field == "phone")
        .map(|effect| (effect.old.clone(), effect.new.clone()))
        .collect();
    assert_eq!(
        phones,
        [(vec![], Some("1".to_owned())), (vec!["1".to_owned()], Some("2".to_owned())),]
    );
    let visits: Vec<What> =
        effects.iter().filter(|e| e.field == "visits").map(|effect| effect.what).collect();
    assert_eq!(visits, [What::Added, What::Retracted]);
    let number = effects.iter().find(|effect| effect.field == "resident_id").unwrap();
    assert_eq!(number.new.as_deref(), Some("**************0047"));
    assert!(told.changes.iter().all(|change| change.counts));
    assert!(!serde_json::to_string(&told).unwrap().contains("990121194203150047"));
    // What was taken back is shown with who recorded it and who took it back.
    let shown = county.shows(COUNTY, &elder);
    assert_eq!(shown.visits, []);
    let gone = &shown.of_no_effect[0];
    assert_eq!((gone.field.as_str(), gone.why.as_str()), ("visits", "retracted"));
    assert_eq!(gone.retracted_by.as_ref().unwrap().device_name.as_deref(), Some(SHANGHE));
}
