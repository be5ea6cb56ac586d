//! The facts of a file as rules, lists and reports want them, without opening documents.
//!
//! Whatever reads them gets what it would have got from the documents: [`crate::verify`] compares.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::{IncidentEvent, Pairing, Review};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{ElderId, IncidentId};
use shouwang_crdt_schema::report::due::DueDetails;
use shouwang_crdt_schema::rules::facts::{ElderFacts, roster_events};
use shouwang_crdt_schema::rules::visits::VisitFact;
use shouwang_crdt_schema::view::{ElderView, PartView};

use super::merged;
use crate::limits::LIST_THREADS;
use crate::store::facts::{FactsRead, FactsRow, JournalFacts};
use crate::store::incidents::IncidentRead;
use crate::store::rows::ElderRow;
use crate::store::{StoreError, StoreRead};

/// A person as lists see one.
#[derive(Clone, Debug)]
pub struct Person {
    /// The scope of the file.
    pub scope: DivisionCode,
    /// The file.
    pub elder: ElderId,
    /// 姓名
    pub name: Option<String>,
    /// What the rules look at. Incidents are without their texts.
    pub facts: ElderFacts,
    /// What lists look at beside them.
    pub details: DueDetails,
    /// 结对帮扶
    pub pairings: Vec<Pairing>,
}

impl Person {
    fn of(scope: DivisionCode, elder: ElderId, view: &ElderView) -> Self {
        Self {
            scope,
            elder,
            name: view.text(Field::Name).map(str::to_owned),
            facts: ElderFacts::of(view),
            details: DueDetails::of(view),
            pairings: pairings(view),
        }
    }
}

/// The people whose files stand in the scopes from one to another, both included, one after another in
/// the order of scope and id, as in [`merged::people`]. Documents are opened of those alone whose files were merged.
pub fn each_person<E: From<StoreError>>(
    tables: &impl StoreRead,
    (low, high): (DivisionCode, DivisionCode),
    mut visit: impl FnMut(Person) -> Result<(), E>,
) -> Result<(), E> {
    let mut incidents: BTreeMap<_, BTreeMap<IncidentId, Vec<IncidentEvent>>> = BTreeMap::new();
    let bounds = (low.number().to_be_bytes(), (high.number() + 1).to_be_bytes());
    for (place, row) in tables.incidents_between(&bounds.0, &bounds.1)? {
        let of_elder = incidents.entry((place.scope, place.elder)).or_default();
        of_elder.insert(place.incident, row.events());
    }
    tables.each_facts((low, high), |scope, elder, mut row| {
        if !row.says_anything {
            return Ok(());
        }
        if row.is_merged {
            let stays = merged::group(tables, scope, elder)?.survivor == elder;
            return match stays {
                true => visit(Person::of(scope, elder, &merged::joined(tables, scope, elder)?)),
                false => Ok(()),
            };
        }
        let mut facts = row.take_facts();
        facts.incidents = incidents.remove(&(scope, elder)).unwrap_or_default();
        let FactsRow { name, details, pairings, .. } = row;
        visit(Person { scope, elder, name, facts, details, pairings })
    })
}

/// Goes through the people of some scopes, one scope after another, in a few threads; each has a
/// result of its own, which come back in the order of the scopes.
pub fn each_person_of<T: Send>(
    tables: &(impl StoreRead + Sync),
    scopes: &[DivisionCode],
    begin: impl Fn() -> T + Sync,
    note: impl Fn(&mut T, Person) + Sync,
) -> Result<Vec<T>, StoreError> {
    let go = |scopes: &[DivisionCode]| {
        let mut result = begin();
        for scope in scopes {
            each_person(tables, (*scope, *scope), |person| {
                note(&mut result, person);
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(result)
    };
    let part = scopes.len().div_ceil(LIST_THREADS).max(1);
    std::thread::scope(|threads| {
        let mut parts = scopes.chunks(part);
        let own = parts.next().unwrap_or_default();
        // Where the system gives no thread, this one goes through the part after its own.
        let begin = |part| {
            let thread = std::thread::Builder::new();
            (part, thread.spawn_scoped(threads, move || go(part)).ok())
        };
        let others: Vec<_> = parts.map(begin).collect();
        let own = go(own)?;
        let joined = others.into_iter().map(|(part, thread)| match thread {
            None => go(part),
            Some(thread) => match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            },
        });
        std::iter::once(Ok(own)).chain(joined).collect()
    })
}

/// The row that a view comes to: what [`super::update`] must have arrived at, step by step.
pub fn row(of: &ElderRow, view: &ElderView) -> FactsRow {
    let mut row = FactsRow::default();
    for part in view.parts() {
        note_part(&mut row, part.part(), Some(part));
    }
    note_facts(&mut row, view);
    note_row(&mut row, of);
    row
}

/// Notes what a journal says now.
pub(super) fn note_part(row: &mut FactsRow, part: Part, view: Option<&PartView>) {
    let Part::Journal(year) = part else { return };
    let facts = view.map(|view| JournalFacts {
        visits: view.elements().iter().map(|listed| VisitFact::from(&listed.element)).collect(),
        reviews: view.elements::<Review>().iter().map(|listed| listed.element.date).collect(),
    });
    match facts.filter(|facts| *facts != JournalFacts::default()) {
        Some(facts) => drop(row.journals.insert(year, facts)),
        None => drop(row.journals.remove(&year)),
    }
}

/// Notes what card, ledger and registry say now, by a view of at least these.
pub(super) fn note_facts(row: &mut FactsRow, view: &ElderView) {
    let view = view.only(&[PartKind::Card, PartKind::Ledger, PartKind::Registry]);
    let facts = ElderFacts::of(&view);
    row.name = view.text(Field::Name).map(str::to_owned);
    row.eligibility = facts.eligibility;
    row.care = facts.visits.care;
    row.consent = facts.visits.consent;
    row.roster = roster_events(&view);
    row.agreements = facts.agreements;
    row.living_arrangement = facts.alert.living_arrangement;
    row.seriously_ill = facts.alert.seriously_ill;
    row.categories = facts.categories.written;
    row.details = DueDetails::of(&view);
    row.pairings = pairings(&view);
}

/// Notes what an elder's row says of the file as a whole.
pub(super) fn note_row(row: &mut FactsRow, of: &ElderRow) {
    row.says_anything = of.says_anything();
    row.is_merged = of.is_merged();
}

fn pairings(view: &ElderView) -> Vec<Pairing> {
    view.elements::<Pairing>().into_iter().map(|(_, listed)| listed.element).collect()
}
