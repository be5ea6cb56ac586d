//! Rows of a ledger, matched with the files that are here.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::document::{Listed, OperationName};
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{
    Absence, Agreement, Element, Entitlement, GuardianContact, List, Pairing, Stored, Supporter,
};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::merge::Policy;
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{
    AgreementEvent, ElderId, EntitlementKind, EntitlementState, ServiceNeed, YesNo,
};
use shouwang_crdt_schema::view::ElderView;

use super::elder::{by_document, part_for};
use super::{CommandError, ErrorKind, Request};
use crate::engine::{CaptureError, DocumentEdit, Engine};
use crate::identity::grant::Rights;
use crate::index::{self, IndexSecret};
use crate::limits::IMPORT_ROWS_MAX;
use crate::store::{Snapshot, StoreRead};
use crate::sync::Now;

/// Imports rows, at most [`crate::limits::IMPORT_ROWS_MAX`] at a time, in one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// The rows.
    pub rows: Vec<LedgerRow>,
    /// Say what would be done and do nothing.
    pub dry_run: bool,
}

/// What became of each row, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// One for each row.
    pub outcomes: Vec<RowOutcome>,
    /// Entries written.
    pub entries: u64,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RowOutcome {
    /// A file was opened.
    New {
        /// The file; None in a dry run.
        elder_id: Option<ElderId>,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// A file was changed.
    Changed {
        /// The file.
        elder_id: ElderId,
        /// Keys of what is different.
        changed: Vec<String>,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// The file says all of it already.
    Unchanged {
        /// The file.
        elder_id: ElderId,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// The row cannot be placed.
    Rejected {
        /// The field at fault, where there is one.
        field: Option<String>,
        /// A code of the catalogue: `filed_in_another_village`, `ambiguous_person`,
        /// `village_outside_area`, `no_right`, `value`.
        reason: String,
        /// What fills the message's place.
        detail: Option<String>,
    },
}

/// Something in a row that did not come in, while the rest did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowGap {
    /// Field or list.
    pub field: String,
    /// A code of the catalogue: `no_right`, `value`, `written_once`.
    pub reason: String,
}

impl Request for Import {
    const NAME: &'static str = "import";
    type Reply = Imported;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Imported, CommandError> {
        if self.rows.len() > IMPORT_ROWS_MAX {
            return Err(CommandError::new(ErrorKind::Usage, "too_many_rows", "too many rows")
                .with("limit", IMPORT_ROWS_MAX));
        }
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let files = Files::new(&snapshot, engine.area(), *engine.index_secret());
        let rights = engine.grant().rights;
        let (mut ids, mut matched) = (BTreeSet::new(), BTreeSet::new());
        let mut plans = Vec::new();
        for row in &self.rows {
            let repeated = row.field(Field::ResidentId).is_some_and(|id| !ids.insert(id));
            plans.push(match files.find(row)? {
                _ if repeated => Err(rejected(Some("resident_id"), "repeated_row", None)),
                Match::Rejected(outcome) => Err(outcome),
                Match::None => plan(row, None, rights),
                // Both rows would say what they say of the file as it was before either.
                Match::File(view) if !matched.insert(view.elder()) => {
                    Err(rejected(Some("name"), "repeated_row", None))
                }
                Match::File(view) => plan(row, Some(&view), rights),
            });
        }
        if self.dry_run {
            let outcomes = plans.into_iter().map(|plan| plan.map_or_else(|o| o, Plan::outcome));
            return Ok(Imported { outcomes: outcomes.collect(), entries: 0 });
        }
        for plan in plans.iter_mut().flatten().filter(|plan| plan.elder.is_none()) {
            plan.elder = Some(engine.new_elder_id());
        }
        let (outcomes, entries) = write(engine, now, plans)?;
        Ok(Imported { outcomes, entries })
    }
}

/// Writes all rows in one transaction. If the store takes them but some row's edit cannot be
/// written, each row is written by itself, so that one never stops the others.
fn write(
    engine: &mut Engine,
    now: Now,
    plans: Vec<Result<Plan, RowOutcome>>,
) -> Result<(Vec<RowOutcome>, u64), CommandError> {
    let edits: Vec<DocumentEdit> = plans.iter().flatten().flat_map(Plan::edits).collect();
    match engine.capture(now, &edits) {
        Ok(entries) => {
            let outcomes = plans.into_iter().map(|plan| plan.map_or_else(|o| o, Plan::outcome));
            Ok((outcomes.collect(), entries))
        }
        Err(CaptureError::Store(error)) => Err(error.into()),
        Err(_) => {
            let (mut outcomes, mut entries) = (Vec::new(), 0);
            for plan in plans {
                outcomes.push(match plan {
                    Err(outcome) => outcome,
                    Ok(plan) => match engine.capture(now, &plan.edits()) {
                        Ok(written) => {
                            entries += written;
                            plan.outcome()
                        }
                        Err(CaptureError::Store(error)) => return Err(error.into()),
                        Err(error) => {
                            let error = CommandError::from(error);
                            rejected(None, &error.code, Some(error.message))
                        }
                    },
                });
            }
            Ok((outcomes, entries))
        }
    }
}

/// What a row comes to.
struct Plan {
    scope: DivisionCode,
    elder: Option<ElderId>,
    new: bool,
    edits: Vec<Edit>,
    changed: BTreeSet<&'static str>,
    gaps: Vec<RowGap>,
}

impl Plan {
    fn edits(&self) -> Vec<DocumentEdit> {
        let elder = self.elder.unwrap_or(ElderId([0; 16]));
        by_document(self.scope, elder, self.edits.clone())
    }

    fn outcome(self) -> RowOutcome {
        let changed = self.changed.into_iter().map(str::to_owned).collect();
        match (self.new, self.elder) {
            (false, Some(elder_id)) if self.edits.is_empty() => {
                RowOutcome::Unchanged { elder_id, gaps: self.gaps }
            }
            (false, Some(elder_id)) => RowOutcome::Changed { elder_id, changed, gaps: self.gaps },
            (_, elder_id) => RowOutcome::New { elder_id, gaps: self.gaps },
        }
    }

    fn gap(&mut self, field: &str, reason: &str) {
        self.gaps.push(RowGap { field: field.to_owned(), reason: reason.to_owned() });
    }

    fn edit(&mut self, key: &'static str, edit: Edit) {
        self.changed.insert(key);
        self.edits.push(edit);
    }

    fn insert<E: Element>(&mut self, part: Part, element: &E) {
        self.edit(E::LIST.key(), Edit::insert(part, element));
    }

    fn amend(
        &mut self,
        list: List,
        element: &OperationName,
        key: &'static str,
        stated: Option<&String>,
        stands: Option<&String>,
    ) {
        if let Some(text) = stated.filter(|text| Some(*text) != stands) {
            let (element, text) = (element.clone(), text.clone());
            let action = Action::Amend { list, element, key: key.to_owned(), text: Some(text) };
            self.edit(list.key(), Edit { part: Part::Card, action });
        }
    }
}

/// The edits that make a file say what the row says. A row never erases.
fn plan(row: &LedgerRow, view: Option<&ElderView>, rights: Rights) -> Result<Plan, RowOutcome> {
    let mut plan = Plan {
        scope: row.scope,
        elder: view.map(ElderView::elder),
        new: view.is_none(),
        edits: Vec::new(),
        changed: BTreeSet::new(),
        gaps: Vec::new(),
    };
    if !rights.contains(Rights::write(PartKind::Card)) {
        return Err(rejected(None, "no_right", None));
    }
    plan_fields(&mut plan, row, view, rights);
    plan_people(&mut plan, row, view);
    plan_events(&mut plan, row, view, rights);
    Ok(plan)
}

fn plan_fields(plan: &mut Plan, row: &LedgerRow, view: Option<&ElderView>, rights: Rights) {
    let knows_id = view.is_some_and(|view| view.text(Field::ResidentId).is_some());
    for (field, text) in &row.fields {
        let key = field.spec().key;
        let value = match field.value(text) {
            Ok(value) => value,
            Err(_) => {
                plan.gap(key, "value");
                continue;
            }
        };
        // "Not assessed" and "unknown" say nothing, and must not put out what somebody knew.
        if field.is_unknown(&value) || (*field == Field::ResidentIdAsWritten && knows_id) {
            continue;
        }
        let Some(part) = part_for(*field, rights, false) else {
            plan.gap(key, "no_right");
            continue;
        };
        let effective = view.and_then(|view| view.field(*field)).map(|resolved| resolved.value);
        let here = view
            .and_then(|view| view.parts().find(|standing| standing.part() == part))
            .and_then(|standing| standing.field(*field))
            .map(|standing| &standing.effective);
        if here.or(effective) == Some(&value) {
            continue;
        }
        if here.is_some() && field.spec().policy == Policy::WriteOnce {
            plan.gap(key, "written_once");
            continue;
        }
        plan.edit(key, Edit::set(part, *field, value));
    }
}

fn plan_people(plan: &mut Plan, row: &LedgerRow, view: Option<&ElderView>) {
    let supporters = elements::<Supporter>(view);
    for supporter in &row.supporters {
        if !bounded(supporter) {
            plan.gap(List::Supporters.key(), "value");
            continue;
        }
        match supporters.iter().find(|listed| listed.element.name == supporter.name) {
            None => plan.insert(Part::Card, supporter),
            Some(Listed { id, element, .. }) => {
                let (list, stated) = (List::Supporters, supporter);
                let relation = stated.relation.as_ref();
                let whereabouts = stated.whereabouts.as_ref();
                plan.amend(list, id, "relation", relation, element.relation.as_ref());
                plan.amend(list, id, "whereabouts", whereabouts, element.whereabouts.as_ref());
                plan.amend(list, id, "phone", stated.phone.as_ref(), element.phone.as_ref());
            }
        }
    }
    let contacts = elements::<GuardianContact>(view);
    for contact in &row.guardian_contacts {
        if !bounded(contact) {
            plan.gap(List::GuardianContacts.key(), "value");
            continue;
        }
        match contacts.iter().find(|listed| listed.element.name == contact.name) {
            None => plan.insert(Part::Card, contact),
            Some(Listed { id, element, .. }) => {
                let list = List::GuardianContacts;
                plan.amend(list, id, "phone", contact.phone.as_ref(), element.phone.as_ref());
            }
        }
    }
    let pairings = elements::<Pairing>(view);
    for pairing in &row.pairings {
        if !bounded(pairing) {
            plan.gap(List::Pairings.key(), "value");
        } else if !pairings.iter().any(|listed| listed.element.helper == pairing.helper) {
            plan.insert(Part::Card, pairing);
        }
    }
}

fn plan_events(plan: &mut Plan, row: &LedgerRow, view: Option<&ElderView>, rights: Rights) {
    let absences = elements::<Absence>(view);
    for absence in &row.absences {
        let known = absences.iter().any(|listed| {
            listed.element.supporter == absence.supporter
                && (absence.left.is_none() || listed.element.left == absence.left)
        });
        if !bounded(absence) {
            plan.gap(List::Absences.key(), "value");
        } else if !known {
            plan.insert(Part::Card, absence);
        }
    }
    let needs = elements::<ServiceNeed>(view);
    for need in &row.service_needs {
        if !needs.iter().any(|listed| listed.element == *need) {
            plan.insert(Part::Card, need);
        }
    }
    let agreed = elements::<Agreement>(view)
        .last()
        .is_some_and(|listed| listed.element.event != AgreementEvent::Ended);
    if let Some(stated) = row.agreement.filter(|stated| *stated != agreed) {
        let event = if stated { AgreementEvent::Signed } else { AgreementEvent::Ended };
        let supporter = row.supporters.first().map(|supporter| supporter.name.clone());
        let agreement = Agreement {
            event,
            date: None,
            supporter,
            caretaker: None,
            elder_consent: YesNo::Unknown,
            note: None,
        };
        plan.insert(Part::Card, &agreement);
    }
    let kind = EntitlementKind::SubsistenceAllowance;
    let receives = elements::<Entitlement>(view)
        .iter()
        .rfind(|listed| listed.element.kind == kind)
        .is_some_and(|listed| listed.element.state == EntitlementState::Receiving);
    if let Some(stated) = row.subsistence_allowance.filter(|stated| *stated != receives) {
        let state = if stated { EntitlementState::Receiving } else { EntitlementState::Ended };
        match rights.contains(Rights::write(PartKind::Ledger)) {
            true => plan.insert(Part::Ledger, &Entitlement { kind, state, date: None }),
            false => plan.gap(List::Entitlements.key(), "no_right"),
        }
    }
}

fn elements<E: Element>(view: Option<&ElderView>) -> Vec<Listed<E>> {
    let found = view.map(ElderView::elements::<E>).unwrap_or_default();
    found.into_iter().map(|(_, listed)| listed).collect()
}

/// Whether no text of an element is longer than any cell should be: several elements of a row
/// share a change of 8 KiB.
fn bounded<E: Element>(element: &E) -> bool {
    const ELEMENT_BYTES_MAX: usize = 600;
    match element.store() {
        Stored::Text(text) => text.len() <= ELEMENT_BYTES_MAX,
        Stored::Map(entries) => {
            entries.values().map(String::len).sum::<usize>() <= ELEMENT_BYTES_MAX
        }
    }
}

/// The files that are here, to be matched with rows.
struct Files<'a> {
    snapshot: &'a Snapshot,
    area: Area,
    secret: IndexSecret,
}

enum Match {
    None,
    File(Box<ElderView>),
    Rejected(RowOutcome),
}

impl<'a> Files<'a> {
    fn new(snapshot: &'a Snapshot, area: Area, secret: IndexSecret) -> Self {
        Self { snapshot, area, secret }
    }

    /// The file that the row speaks of: by resident ID where the row has a valid one; otherwise by
    /// name and village, if nothing contradicts and something else agrees.
    fn find(&self, row: &LedgerRow) -> Result<Match, CommandError> {
        if !self.area.contains(row.scope) || row.scope.level() < Level::Township {
            return Ok(Match::Rejected(rejected(
                Some("residence_code"),
                "village_outside_area",
                Some(row.scope.to_string()),
            )));
        }
        let Some(name) = row.field(Field::Name) else {
            return Ok(Match::Rejected(rejected(Some("name"), "missing_name", None)));
        };
        if let Some(id) = row.field(Field::ResidentId) {
            let mut filed = self.snapshot.elders_by_key(self.secret.resident_id(id))?;
            filed.sort_by_key(|(scope, _)| *scope != row.scope);
            match filed.first() {
                Some((scope, elder)) if *scope == row.scope => return self.file(*scope, *elder),
                Some((scope, _)) => {
                    return Ok(Match::Rejected(rejected(
                        Some("residence_code"),
                        "filed_in_another_village",
                        Some(scope.to_string()),
                    )));
                }
                None => {}
            }
        }
        let mut best: Vec<(u32, Box<ElderView>)> = Vec::new();
        let born: Option<NaiveDate> =
            row.field(Field::BirthDate).and_then(|date| date.parse().ok());
        for (scope, elder) in self.snapshot.elders_by_key(self.secret.name(row.scope, name))? {
            // Most namesakes differ in age, which the index knows without opening a file.
            let known = self.snapshot.elder(scope, elder)?.and_then(|known| known.birth_date);
            if born.zip(known).is_some_and(|(stated, stands)| stated != stands) {
                continue;
            }
            let view = index::view(self.snapshot, scope, elder)?;
            if let Some(score) = agreement(row, &view) {
                best.push((score, Box::new(view)));
            }
        }
        best.sort_by_key(|(score, view)| (std::cmp::Reverse(*score), view.elder()));
        match best.as_slice() {
            [(one, _), (two, _), ..] if one == two => {
                Ok(Match::Rejected(rejected(Some("name"), "ambiguous_person", None)))
            }
            _ => Ok(best.into_iter().next().map_or(Match::None, |(_, view)| Match::File(view))),
        }
    }

    fn file(&self, scope: DivisionCode, elder: ElderId) -> Result<Match, CommandError> {
        Ok(Match::File(Box::new(index::view(self.snapshot, scope, elder)?)))
    }
}

/// How many facts of a row agree with a file of the same name in the same village. None if some
/// fact contradicts, or if there is nothing to tell two namesakes apart by and one of them is
/// known by number.
fn agreement(row: &LedgerRow, view: &ElderView) -> Option<u32> {
    let both = |field: Field| row.field(field).zip(view.text(field));
    let mut score = 0;
    for field in [Field::ResidentId, Field::BirthDate, Field::Sex] {
        match both(field) {
            Some((stated, stands)) if stated != stands => return None,
            Some(_) if field != Field::Sex => score += 2,
            _ => {}
        }
    }
    for field in [Field::ResidentIdAsWritten, Field::Phone, Field::Address, Field::Hamlet] {
        score += u32::from(both(field).is_some_and(|(stated, stands)| stated == stands));
    }
    // A slip in the number, and the number put right since, whichever came first.
    let slips = [
        row.field(Field::ResidentId).zip(view.text(Field::ResidentIdAsWritten)),
        row.field(Field::ResidentIdAsWritten).zip(view.text(Field::ResidentId)),
    ];
    score +=
        2 * u32::from(slips.into_iter().flatten().any(|(one, two)| differ_by_a_slip(one, two)));
    let names = elements::<Supporter>(Some(view));
    let shared = row
        .supporters
        .iter()
        .any(|stated| names.iter().any(|listed| listed.element.name == stated.name));
    score += u32::from(shared);
    let told_apart =
        row.field(Field::ResidentId).is_some() || view.text(Field::ResidentId).is_some();
    (score > 0 || !told_apart).then_some(score)
}

/// Whether two numbers differ by at most two characters put in, left out or mistaken: a person's
/// slip, and far less than two people's numbers of the same county differ by, whose birth dates
/// and sequences are not the same.
fn differ_by_a_slip(one: &str, two: &str) -> bool {
    const SLIPS_MAX: usize = 2;
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    if one.len().abs_diff(two.len()) > SLIPS_MAX || one.len().max(two.len()) > 60 {
        return false;
    }
    let mut distances: Vec<usize> = (0..=two.len()).collect();
    for (at, left) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut distances[0], at + 1);
        for (place, right) in two.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = distances[place + 1];
            distances[place + 1] = replaced.min(diagonal + 1).min(distances[place] + 1);
        }
    }
    distances[two.len()] <= SLIPS_MAX
}

fn rejected(field: Option<&str>, reason: &str, detail: Option<String>) -> RowOutcome {
    let field = field.map(str::to_owned);
    RowOutcome::Rejected { field, reason: reason.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_few() {
        let number = "990121195801054295";
        for (other, slip) in [
            ("990121195801054295", true),
            ("99012119580105429", true),
            ("9901211958010542955", true),
            ("990121195801054259", true),
            ("990121195801054291", true),
            ("990121195810164295", false),
            ("990121196501200830", false),
            ("", false),
            ("不详", false),
        ] {
            assert_eq!(differ_by_a_slip(number, other), slip, "{other}");
        }
    }
}
