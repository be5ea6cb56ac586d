//! The people around an elder, and what the elder needs of them.

use std::collections::BTreeSet;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::{Absence, GuardianContact, Pairing, Supporter};
use shouwang_crdt_schema::record::{AbsenceReason, SupportCapacity};
use unicode_normalization::UnicodeNormalization;

use super::cell::{Cell, is_blank};
use super::column::Column;
use super::date::{self, DateReading};
use super::identity;
use super::reason::Reason;
use super::row::Draft;
use super::vocabulary;

/// The longest name, relation and telephone number, in characters: as in the record's own fields.
const SHORT_CHARS_MAX: usize = 40;
/// The longest place in words, in characters: as an address.
const PLACE_CHARS_MAX: usize = 120;

/// The columns about supporters besides their names.
const ABOUT_SUPPORTERS: [Column; 7] = [
    Column::SupporterRelation,
    Column::SupporterWhereabouts,
    Column::AbsenceLeft,
    Column::AbsenceReturned,
    Column::AbsenceReason,
    Column::SupporterPhone,
    Column::SupporterCapacity,
];

/// Reads everybody whom the row names.
pub(crate) fn read(draft: &mut Draft<'_>) {
    supporters(draft);
    guardians(draft);
    pairings(draft);
    service_needs(draft);
}

fn supporters(draft: &mut Draft<'_>) {
    let names = names(draft, Column::SupporterName);
    if names.is_empty() {
        for column in ABOUT_SUPPORTERS {
            without_name(draft, column);
        }
        return;
    }
    let shares = ABOUT_SUPPORTERS.map(|column| {
        // One place, one date or one word may hold for all children, one telephone number cannot.
        let shared = !matches!(column, Column::SupporterPhone | Column::SupporterCapacity);
        share(draft, column, names.len(), shared)
    });
    let [relations, whereabouts, left, returned, reasons, phones, capacities] = shares;
    for (at, name) in names.into_iter().enumerate() {
        let of = |cells: &[Option<Cell>]| cells.get(at).cloned().flatten();
        let relation = text(draft, Column::SupporterRelation, of(&relations), SHORT_CHARS_MAX);
        let place = text(draft, Column::SupporterWhereabouts, of(&whereabouts), PLACE_CHARS_MAX);
        let phone = phone(draft, Column::SupporterPhone, of(&phones));
        let capacity = of(&capacities).map(|cell| vocabulary::plain(&cell.text()));
        let capacity = capacity.filter(|word| !vocabulary::is_left_blank(word)).map_or(
            SupportCapacity::Unknown,
            |word| {
                vocabulary::support_capacity(&word).unwrap_or_else(|| {
                    draft.gap(Column::SupporterCapacity, Reason::UnknownValue, &word);
                    SupportCapacity::Unknown
                })
            },
        );
        let left = of(&left).map(|cell| day(draft, Column::AbsenceLeft, &cell));
        let returned = of(&returned).map(|cell| day(draft, Column::AbsenceReturned, &cell));
        let reason = absence_reason(draft, of(&reasons), place.as_deref());
        let (near, destination) = destination(draft, place.as_deref());
        // Who lives nearby and is not said to have left is not away.
        let away = place.is_some() && !near;
        if away || left.is_some() || returned.is_some() || reason != AbsenceReason::Unknown {
            draft.row.absences.push(Absence {
                supporter: name.clone(),
                left: left.flatten(),
                returned: returned.flatten(),
                destination,
                reason,
            });
        }
        draft.row.supporters.push(Supporter {
            name,
            relation,
            whereabouts: place,
            phone,
            capacity,
        });
    }
}

fn guardians(draft: &mut Draft<'_>) {
    let names = names(draft, Column::GuardianName);
    if names.is_empty() {
        without_name(draft, Column::GuardianPhone);
        return;
    }
    let phones = share(draft, Column::GuardianPhone, names.len(), false);
    for (name, cell) in names.into_iter().zip(phones) {
        let phone = phone(draft, Column::GuardianPhone, cell);
        draft.row.guardian_contacts.push(GuardianContact { name, phone, rank: None });
    }
}

fn pairings(draft: &mut Draft<'_>) {
    for helper in names(draft, Column::Pairing) {
        let kind = vocabulary::pairing_kind(&helper);
        draft.row.pairings.push(Pairing { helper, kind, from: None, until: None });
    }
}

fn service_needs(draft: &mut Draft<'_>) {
    let Some(cell) = draft.cell(Column::ServiceNeeds) else { return };
    let text: String = cell.text().nfkc().collect();
    if let Some(need) = vocabulary::service_need(&vocabulary::plain(&text)) {
        draft.row.service_needs.insert(need);
        return;
    }
    let parts = text.split(|c: char| is_separator(c) || is_blank(c) || matches!(c, '/' | '+'));
    let mut needs = BTreeSet::new();
    for part in parts.filter(|part| !part.is_empty() && !identity::is_nothing(part)) {
        match vocabulary::service_need(part) {
            Some(need) => {
                needs.insert(need);
            }
            None => draft.gap(Column::ServiceNeeds, Reason::UnknownValue, part),
        }
    }
    draft.row.service_needs = needs;
}

/// The names in a cell; what names nobody and is not a mark for "nobody" becomes a gap.
fn names(draft: &mut Draft<'_>, column: Column) -> Vec<String> {
    let Some(cell) = draft.cell(column) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for part in parts(cell) {
        match identity::name(&part) {
            Some(name) => {
                let name = draft.cut(column, name, SHORT_CHARS_MAX);
                names.push(name);
            }
            None if part.is_empty() || identity::is_nothing(&vocabulary::plain(&part)) => {}
            None => draft.gap(column, Reason::UnknownValue, &part),
        }
    }
    names
}

/// A cell's content for each of so many people.
fn share(draft: &mut Draft<'_>, column: Column, people: usize, shared: bool) -> Vec<Option<Cell>> {
    let Some(cell) = draft.cell(column) else { return vec![None; people] };
    let parts = parts(cell);
    if people == 1 || (parts.len() == 1 && shared) {
        return vec![Some(cell.clone()); people];
    }
    if parts.len() != people {
        if !identity::is_nothing(&vocabulary::plain(&cell.text())) {
            draft.gap(column, Reason::ListLengthDiffers, &cell.text());
        }
        return vec![None; people];
    }
    parts.into_iter().map(|part| (!part.is_empty()).then_some(Cell::Text(part))).collect()
}

fn parts(cell: &Cell) -> Vec<String> {
    let text: String = cell.text().nfkc().collect();
    text.trim_matches(is_blank).split(is_separator).map(|part| part.trim().to_owned()).collect()
}

/// What parts the items of a list, after NFKC.
fn is_separator(c: char) -> bool {
    matches!(c, '、' | ',' | ';' | '\n')
}

fn without_name(draft: &mut Draft<'_>, column: Column) {
    if let Some(text) = draft.cell(column).map(Cell::text)
        && !identity::is_nothing(&vocabulary::plain(&text))
    {
        draft.gap(column, Reason::PersonWithoutName, &text);
    }
}

fn text(draft: &mut Draft<'_>, column: Column, cell: Option<Cell>, limit: usize) -> Option<String> {
    let text = identity::free_text(&cell?.text());
    let said = !text.is_empty() && !identity::is_nothing(&vocabulary::plain(&text));
    said.then(|| draft.cut(column, text, limit))
}

fn phone(draft: &mut Draft<'_>, column: Column, cell: Option<Cell>) -> Option<String> {
    let number = identity::phone(&cell?.text())?;
    if identity::is_scientific(&number) || number.chars().count() > SHORT_CHARS_MAX {
        draft.gap(column, Reason::UnknownValue, &number);
        return None;
    }
    Some(number)
}

fn day(draft: &mut Draft<'_>, column: Column, cell: &Cell) -> Option<chrono::NaiveDate> {
    let reason = match date::read(cell) {
        DateReading::Day(day) => return Some(day),
        DateReading::Partial(..) => Reason::PartialDate,
        DateReading::Unreadable => Reason::UnreadableDate,
    };
    let text = cell.text();
    if !identity::is_nothing(&vocabulary::plain(&text)) {
        draft.gap(column, reason, &text);
    }
    None
}

fn absence_reason(
    draft: &mut Draft<'_>,
    cell: Option<Cell>,
    whereabouts: Option<&str>,
) -> AbsenceReason {
    let stated = cell.map(|cell| vocabulary::plain(&cell.text()));
    let stated = stated.filter(|word| !identity::is_nothing(word));
    if let Some(word) = stated {
        let reason = vocabulary::absence_reason(&word);
        if reason == AbsenceReason::Unknown {
            draft.gap(Column::AbsenceReason, Reason::UnknownValue, &word);
        }
        return reason;
    }
    whereabouts.map_or(AbsenceReason::Unknown, |place| {
        vocabulary::absence_reason(&vocabulary::plain(place))
    })
}

/// Whether a place in words lies in the elder's own county, and its code where that is known.
fn destination(draft: &Draft<'_>, place: Option<&str>) -> (bool, Option<DivisionCode>) {
    const NEAR: [&str; 10] =
        ["本县", "本乡", "本镇", "本村", "本组", "本地", "县城", "县内", "在家", "家中"];
    let Some(place) = place else { return (false, None) };
    let plain = vocabulary::plain(place);
    let county = draft.county();
    if let Some(code) = draft.places().place(&plain) {
        return (county.contains(code), Some(code));
    }
    let near = NEAR.iter().any(|near| plain.starts_with(near))
        || draft.places().name(county).is_some_and(|name| plain.contains(name));
    (near, near.then_some(county))
}
