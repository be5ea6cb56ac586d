//! The words of a record as screens show them: fixed vocabularies, fields, and what stands in them.

use shouwang_crdt_schema::element::List;
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::record::{
    AbilityLevel, AbsenceReason, AgreementEvent, BlacklistStep, CareConsent, CareGroup, Choice,
    Condition, DeviceKind, DisabilityGrade, DutyLevel, EconomicItem, EligibilityRule,
    EntitlementKind, EntitlementState, EntryReason, ExitReason, FamilyItem, Finding, HealthItem,
    Housing, Hygiene, IncidentKind, IncidentStep, IncomeSource, LivingArrangement, MentalState,
    MergeStep, ObservedFunction, PairingKind, ReviewOutcome, RiskLevel, RosterStep, SafetyItem,
    ServiceNeed, Sex, SpecialCategory, SupportCapacity, TransferStep, VisitAction, VisitMode,
    VisitOccasion, VisitOutcome, YesNo,
};
use shouwang_node::command::coverage::VillageState;

use crate::message::{Language, Messages};

/// A vocabulary that the catalogue has words for.
pub(crate) trait Labelled: Choice + Ord {
    /// The family in the catalogue.
    const FAMILY: &'static str;
}

macro_rules! labelled {
    ($($name:ident),+ $(,)?) => {
        $(impl Labelled for $name {
            const FAMILY: &'static str = concat!("choice-", stringify!($name));
        })+

        /// Every vocabulary: its family in the catalogue, stored spellings and Chinese.
        pub(crate) const VOCABULARIES: &[(&str, &[(&str, &str)])] =
            &[$((<$name as Labelled>::FAMILY, $name::WORDS)),+];
    };
}

labelled! {
    AbilityLevel, AbsenceReason, AgreementEvent, BlacklistStep, CareConsent, CareGroup, Condition,
    DeviceKind, DisabilityGrade, DutyLevel, EconomicItem, EligibilityRule, EntitlementKind,
    EntitlementState, EntryReason, ExitReason, FamilyItem, Finding, HealthItem, Housing, Hygiene,
    IncidentKind, IncidentStep, IncomeSource, LivingArrangement, MentalState, MergeStep,
    ObservedFunction, PairingKind, ReviewOutcome, RiskLevel, RosterStep, SafetyItem, ServiceNeed,
    Sex, SpecialCategory, SupportCapacity, TransferStep, VisitAction, VisitMode, VisitOccasion,
    VisitOutcome, YesNo,
}

/// A value of a vocabulary in the reader's language.
pub(crate) fn label<C: Labelled>(messages: &Messages, value: C) -> String {
    messages.word(C::FAMILY, value.as_str())
}

/// Several values of a vocabulary in the reader's language.
pub(crate) fn labels<'a, C: Labelled>(
    messages: &Messages,
    values: impl IntoIterator<Item = &'a C>,
) -> String {
    let words: Vec<String> = values.into_iter().map(|value| label(messages, *value)).collect();
    words.join(&messages.text("list-separator"))
}

/// How it stands with a village's data.
pub(crate) fn village_state(messages: &Messages, state: VillageState) -> String {
    messages.word(
        "village-state",
        match state {
            VillageState::Current => "current",
            VillageState::Stale => "stale",
            VillageState::FromAbove => "from_above",
            VillageState::Missing => "missing",
        },
    )
}

/// A field's stored value in the reader's language.
pub(crate) fn field_value(messages: &Messages, field: Field, stored: &str) -> String {
    match (field.spec().kind, family_of_field(field)) {
        (Kind::Choice(_), Some(family)) => messages.word(family, stored),
        _ => stored.to_owned(),
    }
}

/// The stored words of a field's vocabulary, each after the reader's word where that differs.
pub(crate) fn field_choices(messages: &Messages, field: Field) -> String {
    let Kind::Choice(words) = field.spec().kind else { return String::new() };
    let words = words.iter().map(|(stored, _)| said(&field_value(messages, field, stored), stored));
    words.collect::<Vec<_>>().join(&messages.text("list-separator"))
}

/// The keys of all fields, each after the field's name where that is in another script.
pub(crate) fn field_keys(messages: &Messages) -> String {
    let keys = Field::ALL.iter().map(|field| field.spec().key);
    let keys = keys.map(|key| said(&messages.word("field", key), key));
    keys.collect::<Vec<_>>().join(&messages.text("list-separator"))
}

/// A stored word after the reader's own for it. English words are near enough to the stored ones.
fn said(label: &str, stored: &str) -> String {
    match label.is_ascii() {
        true => stored.to_owned(),
        false => format!("{label} {stored}"),
    }
}

/// The stored text of one key of a list's element in the reader's language.
pub(crate) fn element_value(messages: &Messages, list: &str, key: &str, stored: &str) -> String {
    element_family(list, key)
        .map_or_else(|| stored.to_owned(), |family| messages.word(family, stored))
}

/// A text of an element as it is stored: a word of a vocabulary may be Chinese or in any case.
pub(crate) fn element_stored(list: List, key: &str, text: &str) -> String {
    let text = text.trim();
    let words = element_family(list.key(), key)
        .and_then(|family| VOCABULARIES.iter().find(|(known, _)| *known == family));
    let plain = text.replace(['-', '_', ' '], "");
    let found = words
        .into_iter()
        .flat_map(|(_, words)| words.iter())
        .find(|(stored, chinese)| stored.eq_ignore_ascii_case(&plain) || *chinese == text);
    found.map_or_else(|| text.to_owned(), |(stored, _)| (*stored).to_owned())
}

/// The list that a person means: its key, or its name in either language.
pub(crate) fn list_named(text: &str) -> Option<List> {
    let text = text.trim();
    let key = text.to_ascii_lowercase().replace('-', "_");
    let languages = Language::ALL.map(Messages::new);
    let named = |list: &List| languages.iter().any(|said| said.word("list", list.key()) == text);
    List::from_key(&key).or_else(|| List::ALL.iter().copied().find(named))
}

/// The keys of all lists, each after the list's name where that is in another script.
pub(crate) fn list_keys(messages: &Messages) -> String {
    let keys = List::ALL.iter().map(|list| said(&messages.word("list", list.key()), list.key()));
    keys.collect::<Vec<_>>().join(&messages.text("list-separator"))
}

/// The key of an element that a person means: itself, or its name in either language.
pub(crate) fn element_key(keys: &[&'static str], text: &str) -> Option<&'static str> {
    let text = text.trim();
    let key = text.to_ascii_lowercase().replace('-', "_");
    let languages = Language::ALL.map(Messages::new);
    let named =
        |key: &&'static str| languages.iter().any(|said| said.word("element-key", key) == text);
    let known = keys.iter().copied().find(|known| *known == key);
    known.or_else(|| keys.iter().copied().find(named))
}

/// The vocabulary of a key of a list's elements.
fn element_family(list: &str, key: &str) -> Option<&'static str> {
    Some(match (list, key) {
        ("supporters", "capacity") => SupportCapacity::FAMILY,
        ("absences", "reason") => AbsenceReason::FAMILY,
        ("support_duty", "economic" | "daily_care" | "emotional") => DutyLevel::FAMILY,
        ("blacklist", "step") => BlacklistStep::FAMILY,
        ("income_sources", "value") => IncomeSource::FAMILY,
        ("conditions", "value") => Condition::FAMILY,
        ("hazards", "value") | ("observations", "hazard") => SafetyItem::FAMILY,
        ("devices", "kind") | ("observations", "device") => DeviceKind::FAMILY,
        ("service_needs", "value") | ("services" | "observations", "need") => ServiceNeed::FAMILY,
        ("special_categories", "value") => SpecialCategory::FAMILY,
        ("pairings", "kind") => PairingKind::FAMILY,
        ("agreements", "event") => AgreementEvent::FAMILY,
        ("agreements", "elder_consent") => YesNo::FAMILY,
        ("entitlements", "kind") => EntitlementKind::FAMILY,
        ("entitlements", "state") => EntitlementState::FAMILY,
        ("roster_events", "step") => RosterStep::FAMILY,
        ("roster_events", "entry_reason") => EntryReason::FAMILY,
        ("roster_events", "exit_reason") => ExitReason::FAMILY,
        ("merges", "step") => MergeStep::FAMILY,
        ("reviews", "outcome") => ReviewOutcome::FAMILY,
        ("incident_events", "step") => IncidentStep::FAMILY,
        ("incident_events", "kind") => IncidentKind::FAMILY,
        ("transfer_events", "step") => TransferStep::FAMILY,
        _ => return None,
    })
}

/// A part's name, with the year or number that it may have.
pub(crate) fn part_name(messages: &Messages, part: &str) -> String {
    let (kind, rest) = part.split_once('/').unwrap_or((part, ""));
    format!("{} {rest}", messages.word("part", kind)).trim().to_owned()
}

/// The label of something that an import reports on: a field, a list, or a ledger's column.
pub(crate) fn subject(messages: &Messages, key: &str) -> String {
    if let Some((list, key)) = key.split_once('/') {
        return format!("{} · {}", messages.word("list", list), messages.word("element-key", key));
    }
    messages
        .known_word("field", key)
        .or_else(|| messages.known_word("list", key))
        .or_else(|| messages.known_word("ledger-column", key))
        .unwrap_or_else(|| key.to_owned())
}

/// The field that a person means: its key or its Chinese name, and a few short ways to say it.
pub(crate) fn field_named(text: &str) -> Option<Field> {
    let text = text.trim();
    let key = text.to_ascii_lowercase().replace('-', "_");
    Field::from_key(&key)
        .or_else(|| Field::ALL.iter().copied().find(|field| field.spec().chinese == text))
        .or(match text {
            "电话" => Some(Field::Phone),
            "住址" | "地址" => Some(Field::Address),
            "身份证号" | "身份证号码" => Some(Field::ResidentId),
            "组别" => Some(Field::Hamlet),
            _ => None,
        })
}

/// Where a key of an element stands when it is shown: who before what, what before when.
pub(crate) fn element_key_order(key: &str) -> usize {
    const ORDER: [&str; 6] = ["name", "supporter", "helper", "event", "kind", "relation"];
    ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len())
}

/// The lists that a file shows, in order; visits have a table of their own.
pub(crate) fn lists() -> impl Iterator<Item = List> {
    List::ALL.iter().copied().filter(|list| *list != List::Visits)
}

fn family_of_field(field: Field) -> Option<&'static str> {
    match field {
        Field::Sex => Some(Sex::FAMILY),
        Field::LivingArrangement => Some(LivingArrangement::FAMILY),
        Field::Hardship | Field::Dementia => Some(YesNo::FAMILY),
        Field::AbilityLevel => Some(AbilityLevel::FAMILY),
        Field::ObservedFunction => Some(ObservedFunction::FAMILY),
        Field::DisabilityGrade => Some(DisabilityGrade::FAMILY),
        Field::RiskLevel => Some(RiskLevel::FAMILY),
        Field::MentalState => Some(MentalState::FAMILY),
        Field::Hygiene => Some(Hygiene::FAMILY),
        Field::Housing => Some(Housing::FAMILY),
        Field::CareConsent => Some(CareConsent::FAMILY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_with_a_vocabulary_has_its_family() {
        for field in Field::ALL {
            let is_choice = matches!(field.spec().kind, Kind::Choice(_));
            assert_eq!(family_of_field(*field).is_some(), is_choice, "{field}");
        }
    }

    #[test]
    fn chinese_words_are_those_of_the_record() {
        let messages = Messages::new(Language::Zh);
        for (family, words) in VOCABULARIES {
            for (stored, chinese) in *words {
                assert_eq!(&messages.word(family, stored), chinese, "{family}.{stored}");
            }
        }
        for field in Field::ALL {
            assert_eq!(messages.word("field", field.spec().key), field.spec().chinese);
        }
    }

    #[test]
    fn fields_are_found_by_either_name() {
        for (text, field) in [
            ("phone", Some(Field::Phone)),
            ("联系电话", Some(Field::Phone)),
            ("电话", Some(Field::Phone)),
            ("Birth-Date", Some(Field::BirthDate)),
            ("age", None),
        ] {
            assert_eq!(field_named(text), field, "{text}");
        }
    }
}
