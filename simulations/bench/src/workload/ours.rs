//! The workload as parts of a record: what a clerk's program writes.

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::element::Element;
use shouwang_crdt_schema::field::{Field, ValueError};
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{Choice, ElderId};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::engine::DocumentEdit;

use super::Registration;

/// The registration as one change of the elder's card.
pub(crate) fn registration(
    elder: ElderId,
    registration: &Registration,
) -> Result<DocumentEdit, ValueError> {
    let village = registration.village.to_string();
    let fields = [
        (Field::Name, registration.name.as_str()),
        (Field::Sex, registration.sex.as_str()),
        (Field::ResidentId, registration.resident_id.as_str()),
        (Field::ResidenceCode, village.as_str()),
        (Field::Address, registration.address.as_str()),
        (Field::Phone, registration.phone.as_str()),
        (Field::ObservedFunction, registration.function.as_str()),
        (Field::MentalState, registration.mental.as_str()),
        (Field::DisabilityGrade, registration.disability.as_str()),
        (Field::Housing, registration.housing.as_str()),
        (Field::Hygiene, registration.hygiene.as_str()),
    ];
    let mut actions = Vec::new();
    for (field, text) in fields {
        actions.push(Action::Set { field, value: field.value(text)? });
    }
    for (supporter, absence) in &registration.supporters {
        actions.extend([insert(supporter), insert(absence)]);
    }
    actions.extend(registration.condition.iter().map(insert));
    actions.extend(registration.income.iter().map(insert));
    actions.extend(registration.hazard.iter().map(insert));
    let document = DocumentId::elder(elder, Part::Card);
    Ok(DocumentEdit { scope: registration.village, document, actions })
}

/// A visit as one change of the elder's journal of the year.
pub(crate) fn visit(scope: DivisionCode, elder: ElderId, visit: &Visit) -> DocumentEdit {
    use chrono::Datelike;
    let year = u16::try_from(visit.date.year()).unwrap_or_default();
    let document = DocumentId::elder(elder, Part::Journal(year));
    DocumentEdit { scope, document, actions: vec![insert(visit)] }
}

fn insert<E: Element>(element: &E) -> Action {
    Action::Insert { list: E::LIST, element: element.store() }
}
