//! Everybody else around an elder, what the elder has and needs, and the agreement.

use std::collections::BTreeSet;

use shouwang_crdt_schema::element::{
    Agreement, Device, EmergencyContact, Entitlement, GuardianContact, Maintainer, Member, Pairing,
};
use shouwang_crdt_schema::record::{
    AgreementEvent, EntitlementKind, EntitlementState, PairingKind, SpecialCategory, YesNo,
};
use unicode_normalization::UnicodeNormalization;

use super::cell::{Cell, is_blank};
use super::column::Column;
use super::identity;
use super::items::{self, is_separator, names, share, without_name};
use super::people::{SHORT_CHARS_MAX, day, phone, text};
use super::reason::Reason;
use super::row::Draft;
use super::vocabulary;

/// Reads everybody whom the row names besides the supporters, and the lists of words.
pub(super) fn read(draft: &mut Draft<'_>) {
    draft.row.members = related(draft, Column::Members, Column::MemberRelation)
        .map(|(name, relation)| Member { name, relation })
        .collect();
    draft.row.maintainers = related(draft, Column::Maintainers, Column::MaintainerRelation)
        .map(|(name, relation)| Maintainer { name, relation })
        .collect();
    let columns = [Column::GuardianName, Column::GuardianPhone, Column::GuardianRank];
    draft.row.guardian_contacts = contacts(draft, columns)
        .map(|(name, phone, rank)| GuardianContact { name, phone, rank })
        .collect();
    let columns = [Column::EmergencyContacts, Column::EmergencyPhone, Column::EmergencyRank];
    draft.row.emergency_contacts = contacts(draft, columns)
        .map(|(name, phone, rank)| EmergencyContact { name, phone, rank })
        .collect();
    pairings(draft);
    devices(draft);
    draft.row.income_sources = words(draft, Column::IncomeSources, vocabulary::income_source);
    draft.row.conditions = words(draft, Column::Conditions, vocabulary::condition);
    draft.row.hazards = words(draft, Column::Hazards, vocabulary::safety_item);
    draft.row.service_needs = words(draft, Column::ServiceNeeds, vocabulary::service_need);
    draft.row.special_categories =
        words(draft, Column::SpecialCategories, vocabulary::special_category);
    if draft.answer(Column::EmptyNest) == Some(true) {
        draft.row.special_categories.insert(SpecialCategory::EmptyNest);
    }
    draft.row.entitlements = entitlements(draft, Column::Entitlements);
    agreement(draft);
}

/// Names, each with what is said of it in a second column.
fn related(
    draft: &mut Draft<'_>,
    column: Column,
    about: Column,
) -> impl Iterator<Item = (String, Option<String>)> + use<> {
    let names = names(draft, column, SHORT_CHARS_MAX);
    if names.is_empty() {
        without_name(draft, about);
    }
    let cells = share(draft, about, names.len(), false);
    let texts: Vec<Option<String>> =
        cells.into_iter().map(|cell| text(draft, about, cell, SHORT_CHARS_MAX)).collect();
    names.into_iter().zip(texts)
}

fn contacts(
    draft: &mut Draft<'_>,
    [column, phones, ranks]: [Column; 3],
) -> impl Iterator<Item = (String, Option<String>, Option<u16>)> + use<> {
    let names = names(draft, column, SHORT_CHARS_MAX);
    if names.is_empty() {
        without_name(draft, phones);
        without_name(draft, ranks);
    }
    let cells = share(draft, phones, names.len(), false);
    let numbers: Vec<_> = cells.into_iter().map(|cell| phone(draft, phones, cell)).collect();
    let cells = share(draft, ranks, names.len(), false);
    let ranks: Vec<Option<u16>> = cells
        .into_iter()
        .map(|cell| {
            let word = vocabulary::plain(&cell?.text());
            let rank = word.parse().ok();
            if rank.is_none() && !identity::is_nothing(&word) {
                draft.gap(ranks, Reason::UnknownValue, &word);
            }
            rank
        })
        .collect();
    names.into_iter().zip(numbers).zip(ranks).map(|((name, phone), rank)| (name, phone, rank))
}

fn pairings(draft: &mut Draft<'_>) {
    let names = names(draft, Column::Pairing, SHORT_CHARS_MAX);
    let columns = [Column::PairingKind, Column::PairingFrom, Column::PairingUntil];
    if names.is_empty() {
        columns.into_iter().for_each(|column| without_name(draft, column));
        return;
    }
    draft.row.pairing_kinds_stated = draft.has(Column::PairingKind);
    let [kinds, from, until] = columns.map(|column| share(draft, column, names.len(), true));
    for (at, helper) in names.into_iter().enumerate() {
        let of = |cells: &[Option<Cell>]| cells.get(at).cloned().flatten();
        let word = of(&kinds).map(|cell| vocabulary::plain(&cell.text()));
        let word = word.filter(|word| !word.is_empty() && !vocabulary::is_left_blank(word));
        let kind = match word {
            Some(word) => vocabulary::stated_pairing_kind(&word).unwrap_or_else(|| {
                draft.gap(Column::PairingKind, Reason::UnknownValue, &word);
                PairingKind::Unknown
            }),
            None if draft.exact => PairingKind::Unknown,
            None => vocabulary::pairing_kind(&helper),
        };
        let from = of(&from).and_then(|cell| day(draft, Column::PairingFrom, &cell));
        let until = of(&until).and_then(|cell| day(draft, Column::PairingUntil, &cell));
        draft.row.pairings.push(Pairing { helper, kind, from, until });
    }
}

fn devices(draft: &mut Draft<'_>) {
    let Some(cell) = draft.cell(Column::Devices) else {
        return without_name(draft, Column::DeviceSerial);
    };
    let kinds = items::parts(cell);
    let serials = share(draft, Column::DeviceSerial, kinds.len(), false);
    for (kind, serial) in kinds.into_iter().zip(serials) {
        let word = vocabulary::plain(&kind);
        match vocabulary::device_kind(&word) {
            Some(kind) => {
                let serial = text(draft, Column::DeviceSerial, serial, SHORT_CHARS_MAX);
                draft.row.devices.push(Device { kind, serial });
            }
            None if word.is_empty() || identity::is_nothing(&word) => {}
            None => draft.gap(Column::Devices, Reason::UnknownValue, &kind),
        }
    }
}

/// A list of words of a vocabulary; a word that is none of it becomes a gap.
pub(super) fn words<C: Ord>(
    draft: &mut Draft<'_>,
    column: Column,
    read: fn(&str) -> Option<C>,
) -> BTreeSet<C> {
    let Some(cell) = draft.cell(column) else { return BTreeSet::new() };
    let text: String = cell.text().nfkc().collect();
    if let Some(word) = read(&vocabulary::plain(&text)) {
        return [word].into();
    }
    let parts = text.split(|c: char| is_separator(c) || is_blank(c) || matches!(c, '/' | '+'));
    let mut words = BTreeSet::new();
    for part in parts.filter(|part| !part.is_empty() && !identity::is_nothing(part)) {
        match read(part) {
            Some(word) => {
                words.insert(word);
            }
            None => draft.gap(column, Reason::UnknownValue, part),
        }
    }
    words
}

/// Entitlements: `高龄补贴`, `高龄补贴（已申请）`, `高龄补贴（享受中 2024-01-01）`. One that stands
/// alone is received.
pub(super) fn entitlements(draft: &mut Draft<'_>, column: Column) -> Vec<Entitlement> {
    let Some(cell) = draft.cell(column) else { return Vec::new() };
    let mut found: Vec<Entitlement> = Vec::new();
    for part in items::parts(cell) {
        let word = vocabulary::plain(&part);
        match entitlement(&word) {
            Some(step) if found.iter().all(|other| other.kind != step.kind) => found.push(step),
            Some(_) => draft.gap(column, Reason::UnknownValue, &part),
            None if word.is_empty() || identity::is_nothing(&word) => {}
            None => draft.gap(column, Reason::UnknownValue, &part),
        }
    }
    found
}

pub(super) fn entitlement(word: &str) -> Option<Entitlement> {
    let (kind, rest) = match word.split_once('(') {
        Some((kind, rest)) => (kind, rest.strip_suffix(')')?),
        None => (word, ""),
    };
    let kind: EntitlementKind = vocabulary::entitlement_kind(kind)?;
    let at = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (state, date) = rest.split_at_checked(at)?;
    let state = match state.trim_matches(',') {
        "" => EntitlementState::Receiving,
        state => vocabulary::entitlement_state(state)?,
    };
    let date = match date {
        "" => None,
        date => Some(super::date::certain(&Cell::Text(date.to_owned()))?),
    };
    Some(Entitlement { kind, state, date })
}

/// The agreement's particulars, where the ledger has columns for them.
fn agreement(draft: &mut Draft<'_>) {
    draft.row.agreement = draft.answer(Column::Agreement);
    let word = draft.word(Column::AgreementEvent);
    let mut event = word.as_deref().and_then(vocabulary::agreement_event);
    if let (Some(word), None) = (&word, event) {
        draft.gap(Column::AgreementEvent, Reason::UnknownValue, word);
    }
    let cell = draft.cell(Column::AgreementDate).cloned();
    let date = cell.and_then(|cell| day(draft, Column::AgreementDate, &cell));
    let whole = |draft: &mut Draft<'_>, column, limit| {
        let cell = share(draft, column, 1, true).pop().flatten();
        text(draft, column, cell, limit)
    };
    let supporter = whole(draft, Column::AgreementSupporter, SHORT_CHARS_MAX);
    let caretaker = whole(draft, Column::AgreementCaretaker, SHORT_CHARS_MAX);
    let note = whole(draft, Column::AgreementNote, 500);
    let consent = draft.word(Column::AgreementConsent);
    let elder_consent = consent.as_deref().map_or(YesNo::Unknown, |word| {
        vocabulary::consent_given(word).unwrap_or_else(|| {
            draft.gap(Column::AgreementConsent, Reason::UnknownValue, word);
            YesNo::Unknown
        })
    });
    let details = date.is_some() || caretaker.is_some();
    if event.is_none() && details {
        match draft.row.agreement {
            Some(false) => {
                let text = caretaker.clone().unwrap_or_else(|| "否".to_owned());
                draft.gap(Column::Agreement, Reason::UnknownValue, &text);
            }
            _ => event = Some(AgreementEvent::Signed),
        }
    }
    let supporter = match (draft.exact, supporter) {
        (false, None) => draft.row.supporters.first().map(|supporter| supporter.name.clone()),
        (_, stated) => stated,
    };
    draft.row.agreement_event =
        event.map(|event| Agreement { event, date, supporter, caretaker, elder_consent, note });
}
