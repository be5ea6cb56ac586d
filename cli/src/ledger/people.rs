//! The supporters of an elder: who they are, where they went, and when.

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::{Absence, Supporter};
use shouwang_crdt_schema::record::{AbsenceReason, SupportCapacity};

use super::cell::Cell;
use super::column::Column;
use super::date::{self, DateReading};
use super::identity;
use super::items::{names, share, without_name};
use super::reason::Reason;
use super::row::Draft;
use super::vocabulary;

/// The longest name, relation and telephone number, in characters: as in the record's own fields.
pub(super) const SHORT_CHARS_MAX: usize = 40;
/// The longest place in words, in characters: as an address.
const PLACE_CHARS_MAX: usize = 120;

/// The columns about supporters besides their names.
const ABOUT_SUPPORTERS: [Column; 8] = [
    Column::SupporterRelation,
    Column::SupporterWhereabouts,
    Column::AbsenceLeft,
    Column::AbsenceReturned,
    Column::AbsenceReason,
    Column::SupporterPhone,
    Column::SupporterCapacity,
    Column::AbsenceDestination,
];

/// Reads the supporters whom the row names.
pub(super) fn read(draft: &mut Draft<'_>) {
    let names = names(draft, Column::SupporterName, SHORT_CHARS_MAX);
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
    let [relations, whereabouts, left, returned, reasons, phones, capacities, codes] = shares;
    for (at, name) in names.into_iter().enumerate() {
        let of = |cells: &[Option<Cell>]| cells.get(at).cloned().flatten();
        let relation = text(draft, Column::SupporterRelation, of(&relations), SHORT_CHARS_MAX);
        let place = text(draft, Column::SupporterWhereabouts, of(&whereabouts), PLACE_CHARS_MAX);
        let phone = phone(draft, Column::SupporterPhone, of(&phones));
        let capacity = capacity(draft, of(&capacities));
        let away = Away {
            left: of(&left),
            returned: of(&returned),
            reason: of(&reasons),
            code: of(&codes),
        };
        if let Some(absence) = away.read(draft, &name, place.as_deref()) {
            draft.row.absences.push(absence);
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

fn capacity(draft: &mut Draft<'_>, cell: Option<Cell>) -> SupportCapacity {
    let word = cell.map(|cell| vocabulary::plain(&cell.text()));
    let Some(word) = word.filter(|word| !vocabulary::is_left_blank(word)) else {
        return SupportCapacity::Unknown;
    };
    vocabulary::support_capacity(&word).unwrap_or_else(|| {
        draft.gap(Column::SupporterCapacity, Reason::UnknownValue, &word);
        SupportCapacity::Unknown
    })
}

/// The cells that speak of one supporter's absence.
struct Away {
    left: Option<Cell>,
    returned: Option<Cell>,
    reason: Option<Cell>,
    code: Option<Cell>,
}

impl Away {
    fn read(self, draft: &mut Draft<'_>, supporter: &str, place: Option<&str>) -> Option<Absence> {
        // In a ledger that was exported these columns, and not the place, say whether somebody left.
        let said = [&self.left, &self.returned, &self.reason, &self.code];
        if draft.exact && said.iter().all(|cell| cell.is_none()) {
            return None;
        }
        let (says_left, says_returned) = (self.left.is_some(), self.returned.is_some());
        let left = self.left.and_then(|cell| day(draft, Column::AbsenceLeft, &cell));
        let returned = self.returned.and_then(|cell| day(draft, Column::AbsenceReturned, &cell));
        let reason = absence_reason(draft, self.reason, place);
        let (near, mut destination) = destination(draft, place);
        let code = self.code.map(|cell| cell.text());
        if let Some(text) = &code {
            destination = text.parse().ok();
            if destination.is_none() {
                draft.gap(Column::AbsenceDestination, Reason::UnknownPlace, text);
            }
        } else if draft.exact {
            destination = None;
        }
        // Who lives nearby and is not said to have left is not away.
        let away = place.is_some() && !near;
        let away = away || says_left || says_returned || reason != AbsenceReason::Unknown;
        (draft.exact || away || code.is_some()).then(|| Absence {
            supporter: supporter.to_owned(),
            left,
            returned,
            destination,
            reason,
        })
    }
}

/// A short text about a person.
pub(super) fn text(
    draft: &mut Draft<'_>,
    column: Column,
    cell: Option<Cell>,
    limit: usize,
) -> Option<String> {
    let text = cell?.text();
    if draft.exact {
        return Some(text).filter(|text| !text.is_empty());
    }
    let text = identity::free_text(&text);
    let said = !text.is_empty() && !identity::is_nothing(&vocabulary::plain(&text));
    said.then(|| draft.cut(column, text, limit))
}

/// A person's telephone number.
pub(super) fn phone(draft: &mut Draft<'_>, column: Column, cell: Option<Cell>) -> Option<String> {
    let text = cell?.text();
    if draft.exact {
        return Some(text).filter(|text| !text.is_empty());
    }
    let number = identity::phone(&text)?;
    if identity::is_scientific(&number) || number.chars().count() > SHORT_CHARS_MAX {
        draft.gap(column, Reason::UnknownValue, &number);
        return None;
    }
    Some(number)
}

/// A day; what is none becomes a gap.
pub(super) fn day(draft: &mut Draft<'_>, column: Column, cell: &Cell) -> Option<chrono::NaiveDate> {
    let text = cell.text();
    if draft.exact
        && let Some(day) = date::iso(&text)
    {
        return Some(day);
    }
    let reason = match date::read(cell) {
        DateReading::Day(day) => return Some(day),
        DateReading::Partial(..) => Reason::PartialDate,
        DateReading::Unreadable => Reason::UnreadableDate,
    };
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
    if draft.exact {
        return AbsenceReason::Unknown;
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
