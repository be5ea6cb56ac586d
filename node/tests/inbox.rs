//! Nothing that was written concurrently is lost or falls unseen; edits and merges can be taken back.

mod county;

#[path = "inbox/conflicts.rs"]
mod conflicts;
#[path = "inbox/merging.rs"]
mod merging;
#[path = "inbox/undoing.rs"]
mod undoing;

use county::{County, code};
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{Element, Stored};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::ElderView;
use shouwang_node::command::conflicts::{
    ConflictList, ConflictListReport, ConflictResolve, Resolved,
};
use shouwang_node::command::undo::{Undo, UndoReport};
use shouwang_node::command::{CommandError, Request};
use shouwang_node::engine::DocumentEdit;
use shouwang_node::index;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

/// A county, its second device, a township, a village and the village's second device, all linked.
fn offices() -> County {
    let mut county = County::begin(COUNTY);
    county.grant_as(COUNTY, COUNTY, "second", None);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.grant_as(SONGWU, SHANGHE, "tablet", None);
    meet(&mut county);
    county
}

const ALL: [&str; 5] = [COUNTY, "second", SONGWU, SHANGHE, "tablet"];
const LINKS: [(&str, &str); 4] =
    [(COUNTY, "second"), (COUNTY, SONGWU), (SONGWU, SHANGHE), (SHANGHE, "tablet")];

fn meet(county: &mut County) {
    LINKS.iter().for_each(|(one, two)| county.connect(one, two));
    county.settle();
    county.settle();
}

fn part(county: &mut County) {
    LINKS.iter().for_each(|(one, two)| county.disconnect(one, two));
}

fn does(
    county: &mut County,
    place: &str,
    elder: &str,
    edits: Vec<Edit>,
) -> Result<u64, CommandError> {
    let (now, elder): (_, ElderId) = (county.now(), elder.parse().unwrap());
    let edits: Vec<DocumentEdit> = edits
        .into_iter()
        .map(|edit| DocumentEdit {
            scope: code(SHANGHE),
            document: DocumentId::elder(elder, edit.part),
            actions: vec![edit.action],
        })
        .collect();
    Ok(county.engine(place).capture(now, &edits)?)
}

fn set(part: Part, field: Field, text: &str) -> Edit {
    Edit::set(part, field, field.value(text).unwrap())
}

fn insert<E: Element>(element: &E) -> Edit {
    Edit::insert(Part::Card, element)
}

fn amend<E: Element>(view: &ElderView, key: &str, text: &str) -> Edit {
    let (part, listed) = view.elements::<E>().remove(0);
    let (element, key, text) = (listed.id, key.to_owned(), Some(text.to_owned()));
    Edit { part, action: Action::Amend { list: E::LIST, element, key, text } }
}

fn view(county: &mut County, place: &str, elder: &str) -> ElderView {
    let snapshot = county.engine(place).read().unwrap();
    index::view(&snapshot, code(SHANGHE), elder.parse().unwrap()).unwrap()
}

fn inbox(county: &mut County, place: &str) -> ConflictListReport {
    let now = county.now();
    ConflictList::default().execute(county.engine(place), now).unwrap()
}

fn keep(
    county: &mut County,
    place: &str,
    id: &str,
    number: usize,
) -> Result<Resolved, CommandError> {
    let now = county.now();
    let resolve = ConflictResolve { id: id.to_owned(), keep: Some(number), value: None };
    resolve.execute(county.engine(place), now)
}

fn undo(county: &mut County, place: &str) -> Result<UndoReport, CommandError> {
    let now = county.now();
    Undo { dry_run: false, edit: None }.execute(county.engine(place), now)
}

/// What a file says, whoever wrote it and by whichever operation.
fn says(view: &ElderView) -> Vec<String> {
    let mut said = Vec::new();
    for part in view.parts() {
        for field in Field::ALL {
            let values = part.field(*field);
            said.extend(
                values.map(|v| format!("{} {field} {}", part.part(), v.effective.as_str())),
            );
        }
        for (list, listed) in part.stored() {
            let retraction = listed.element.text("retracts").is_some();
            if listed.retracted_by.is_none() && !retraction {
                let stored: &Stored = &listed.element;
                said.push(format!("{} {} {:?}", part.part(), list.key(), stored));
            }
        }
    }
    said.sort();
    said
}
