//! The elements of lists: how a typed element is stored as texts and read back.
//!
//! A *set* may lose elements again (observed-remove: a concurrent add survives); a *log* only
//! grows, and a correction is a new event: one that *retracts* an earlier one by the operation that
//! inserted it. Elements are known by that operation, so no ids of our own travel.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};
use thiserror::Error;

use crate::division::DivisionCode;
use crate::field::stored_date;
use crate::merge::Policy;
use crate::parts::PartKind;
use crate::record::{
    Choice, Condition, ElderId, IncomeSource, SafetyItem, ServiceNeed, SpecialCategory,
    SupportCapacity,
};
use crate::visit::Visit;

mod care;
mod events;
mod family;
mod health;

pub use crate::list::{Growth, List};
pub use care::{Agreement, Device, Entitlement, Observation, Observed, Pairing, Service};
pub use events::{IncidentEvent, Merge, Review, RosterEvent, TransferEvent};
pub use family::{
    Absence, BlacklistEntry, EmergencyContact, GuardianContact, Maintainer, Member, SupportDuty,
    Supporter,
};
pub use health::HealthCheck;

/// An element as it is stored: one text, or a map of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A single text, such as a service need.
    Text(String),
    /// Key and text; a key that is absent means "not stated".
    Map(BTreeMap<String, String>),
}

/// A text of an element that cannot be written. The text is not repeated: it may be personal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ElementError {
    /// Longer than an element's text may be.
    #[error("{key} has {length} characters, at most {limit} fit")]
    TooLong {
        /// The key; `value` for an element that is one text.
        key: String,
        /// The length found.
        length: usize,
        /// The most that fits.
        limit: usize,
    },
    /// Control characters.
    #[error("{key} holds control characters")]
    Control {
        /// The key.
        key: String,
    },
}

/// The most characters of a text of an element: as remarks (`docs/records.md`).
pub const ELEMENT_TEXT_CHARACTERS_MAX: usize = 500;

/// The key of an event that takes another back: its text is the operation that inserted the other.
pub const RETRACTS: &str = "retracts";

impl Stored {
    /// A map from the keys that have a value.
    pub fn map<const N: usize>(entries: [(&str, Option<String>); N]) -> Self {
        Self::Map(
            entries
                .into_iter()
                .filter_map(|(key, text)| text.map(|text| (key.to_owned(), text)))
                .collect(),
        )
    }

    /// The text under a key of a map.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self {
            Self::Map(entries) => entries.get(key).map(String::as_str),
            Self::Text(_) => None,
        }
    }

    /// Every key and text; an element that is one text has it under `value`.
    pub fn texts(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Text(text) => vec![("value", text)],
            Self::Map(entries) => {
                entries.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect()
            }
        }
    }

    /// Whether every text may be written.
    pub fn check(&self) -> Result<(), ElementError> {
        for (key, text) in self.texts() {
            check_text(key, text)?;
        }
        Ok(())
    }
}

/// Whether a text may stand in an element.
pub(crate) fn check_text(key: &str, text: &str) -> Result<(), ElementError> {
    let length = text.chars().count();
    if length > ELEMENT_TEXT_CHARACTERS_MAX {
        let (key, limit) = (key.to_owned(), ELEMENT_TEXT_CHARACTERS_MAX);
        return Err(ElementError::TooLong { key, length, limit });
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(ElementError::Control { key: key.to_owned() });
    }
    Ok(())
}

/// A typed element of a list.
pub trait Element: Sized {
    /// The list it stands in.
    const LIST: List;

    /// The keys of its stored map; `value` alone for an element that is one text.
    const KEYS: &'static [&'static str];

    /// The stored form.
    fn store(&self) -> Stored;

    /// Reads the stored form; None if it says nothing that this version understands.
    fn read(stored: &Stored) -> Option<Self>;

    /// The first key whose text is not what may stand there, or which is missing and must not be:
    /// reading is lenient, for the sake of later versions, and what a person types is not.
    fn misread(stored: &Stored) -> Option<&str>;

    /// Whether the element takes effect in a part of this kind, for lists of which one part may say
    /// only so much.
    fn takes_effect_in(&self, _part: PartKind) -> bool {
        true
    }
}

/// What may stand under a key of an element.
pub(crate) trait Slot: Sized {
    /// The text, or None where the key is left out.
    fn put(&self) -> Option<String>;

    /// Reads the text under the key; None if the element is nothing without it.
    fn take(text: Option<&str>) -> Option<Self>;
}

/// Whether what stands under a key is not what may stand there.
pub(crate) fn is_misread<S: Slot>(text: Option<&str>) -> bool {
    let Some(slot) = S::take(text) else { return true };
    let put = slot.put();
    // What says nothing is left out when it is written.
    let says_nothing = put.is_none() && matches!(text, Some("Unknown" | "false"));
    text.is_some() && put.as_deref() != text && !says_nothing
}

/// A value that is one text.
pub(crate) trait AsText: Sized {
    fn to_text(&self) -> String;
    fn from_text(text: &str) -> Option<Self>;
}

impl AsText for String {
    fn to_text(&self) -> String {
        self.clone()
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl AsText for NaiveDate {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        stored_date(text)
    }
}

impl AsText for NaiveTime {
    fn to_text(&self) -> String {
        self.format("%H:%M").to_string()
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::parse_from_str(text, "%H:%M").ok()
    }
}

macro_rules! parsed {
    ($($name:ty),+) => {$(
        impl AsText for $name {
            fn to_text(&self) -> String {
                self.to_string()
            }

            fn from_text(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )+};
}
parsed!(DivisionCode, ElderId, u16, u32, bool);

impl<C: Choice> AsText for C {
    fn to_text(&self) -> String {
        self.as_str().to_owned()
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::from_stored(text)
    }
}

impl Slot for String {
    fn put(&self) -> Option<String> {
        Some(self.clone())
    }

    fn take(text: Option<&str>) -> Option<Self> {
        text.map(str::to_owned)
    }
}

impl Slot for NaiveDate {
    fn put(&self) -> Option<String> {
        Some(self.to_text())
    }

    fn take(text: Option<&str>) -> Option<Self> {
        text.and_then(Self::from_text)
    }
}

impl Slot for DivisionCode {
    fn put(&self) -> Option<String> {
        Some(self.to_text())
    }

    fn take(text: Option<&str>) -> Option<Self> {
        text.and_then(Self::from_text)
    }
}

impl Slot for ElderId {
    fn put(&self) -> Option<String> {
        Some(self.to_text())
    }

    fn take(text: Option<&str>) -> Option<Self> {
        text.and_then(Self::from_text)
    }
}

impl Slot for u16 {
    fn put(&self) -> Option<String> {
        Some(self.to_text())
    }

    fn take(text: Option<&str>) -> Option<Self> {
        text.and_then(Self::from_text)
    }
}

/// Not written when false.
impl Slot for bool {
    fn put(&self) -> Option<String> {
        self.then(|| self.to_text())
    }

    fn take(text: Option<&str>) -> Option<Self> {
        Some(text.and_then(Self::from_text).unwrap_or(false))
    }
}

impl<T: AsText> Slot for Option<T> {
    fn put(&self) -> Option<String> {
        self.as_ref().map(T::to_text)
    }

    fn take(text: Option<&str>) -> Option<Self> {
        Some(text.and_then(T::from_text))
    }
}

/// A choice with `Unknown` may be left out; one without cannot.
impl<C: Choice> Slot for C {
    fn put(&self) -> Option<String> {
        (Self::unknown() != Some(*self)).then(|| self.to_text())
    }

    fn take(text: Option<&str>) -> Option<Self> {
        text.and_then(Self::from_stored).or_else(Self::unknown)
    }
}

/// Several choices, joined by commas; left out when there are none.
impl<C: Choice + Ord> Slot for BTreeSet<C> {
    fn put(&self) -> Option<String> {
        let words: Vec<_> = self.iter().map(|item| item.as_str()).collect();
        (!words.is_empty()).then(|| words.join(","))
    }

    fn take(text: Option<&str>) -> Option<Self> {
        let words = text.into_iter().flat_map(|text| text.split(','));
        Some(words.filter_map(C::from_stored).collect())
    }
}

/// Structs whose fields are the keys of a stored map.
macro_rules! elements {
    ($(
        $(#[$doc:meta])*
        $name:ident in $list:ident $(, effective in $effective:expr)? => {
            $($(#[$field_doc:meta])* $field:ident : $type:ty),+ $(,)?
        }
    )+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type),+
        }

        impl $crate::element::Element for $name {
            const LIST: $crate::list::List = $crate::list::List::$list;
            const KEYS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn store(&self) -> $crate::element::Stored {
                use $crate::element::Slot;
                $crate::element::Stored::map([$((stringify!($field), self.$field.put())),+])
            }

            fn read(stored: &$crate::element::Stored) -> Option<Self> {
                use $crate::element::{RETRACTS, Slot, Stored};
                if matches!(stored, Stored::Text(_)) || stored.text(RETRACTS).is_some() {
                    return None;
                }
                Some(Self { $($field: Slot::take(stored.text(stringify!($field)))?),+ })
            }

            fn misread(stored: &$crate::element::Stored) -> Option<&str> {
                let unknown = |(key, _): &(&str, &str)| !Self::KEYS.contains(key);
                if let Some((key, _)) = stored.texts().into_iter().find(unknown) {
                    return Some(key);
                }
                $(if $crate::element::is_misread::<$type>(stored.text(stringify!($field))) {
                    return Some(stringify!($field));
                })+
                None
            }

            $(fn takes_effect_in(&self, part: $crate::parts::PartKind) -> bool {
                let effective: fn(&Self, $crate::parts::PartKind) -> bool = $effective;
                effective(self, part)
            })?
        }
    )+};
}
pub(crate) use elements;

/// Vocabularies whose words are elements themselves.
macro_rules! words_of_lists {
    ($($name:ty => $list:ident $(, effective in $effective:expr)?;)+) => {$(
        impl $crate::element::Element for $name {
            const LIST: $crate::list::List = $crate::list::List::$list;
            const KEYS: &'static [&'static str] = &["value"];

            fn misread(stored: &$crate::element::Stored) -> Option<&str> {
                match stored {
                    $crate::element::Stored::Map(entries) => {
                        Some(entries.keys().next().map_or("value", String::as_str))
                    }
                    text => Self::read(text).is_none().then_some("value"),
                }
            }

            fn store(&self) -> $crate::element::Stored {
                $crate::element::Stored::Text($crate::record::Choice::as_str(*self).to_owned())
            }

            fn read(stored: &$crate::element::Stored) -> Option<Self> {
                match stored {
                    $crate::element::Stored::Text(text) => {
                        $crate::record::Choice::from_stored(text)
                    }
                    $crate::element::Stored::Map(_) => None,
                }
            }

            $(fn takes_effect_in(&self, part: $crate::parts::PartKind) -> bool {
                let effective: fn(&Self, $crate::parts::PartKind) -> bool = $effective;
                effective(self, part)
            })?
        }
    )+};
}
pub(crate) use words_of_lists;

/// The order in which concurrent texts of an element's key prevail, where it is not simply the
/// last writer's: a supporter's capacity is most-protective-wins.
pub(crate) fn protective_order(key: &str) -> Option<&'static [(&'static str, &'static str)]> {
    (key == "capacity").then_some(SupportCapacity::WORDS)
}

/// Whether a stored element takes effect in a part of this kind; one that this version does not
/// understand takes none.
pub fn takes_effect(list: List, stored: &Stored, part: PartKind) -> bool {
    fn of<E: Element>(stored: &Stored, part: PartKind) -> bool {
        E::read(stored).is_some_and(|element| element.takes_effect_in(part))
    }
    match list {
        List::Members => of::<Member>(stored, part),
        List::Supporters => of::<Supporter>(stored, part),
        List::Absences => of::<Absence>(stored, part),
        List::Maintainers => of::<Maintainer>(stored, part),
        List::SupportDuty => of::<SupportDuty>(stored, part),
        List::Blacklist => of::<BlacklistEntry>(stored, part),
        List::GuardianContacts => of::<GuardianContact>(stored, part),
        List::EmergencyContacts => of::<EmergencyContact>(stored, part),
        List::IncomeSources => of::<IncomeSource>(stored, part),
        List::Entitlements => of::<Entitlement>(stored, part),
        List::Conditions => of::<Condition>(stored, part),
        List::HealthChecks => of::<HealthCheck>(stored, part),
        List::Hazards => of::<SafetyItem>(stored, part),
        List::Devices => of::<Device>(stored, part),
        List::ServiceNeeds => of::<ServiceNeed>(stored, part),
        List::SpecialCategories => of::<SpecialCategory>(stored, part),
        List::Agreements => of::<Agreement>(stored, part),
        List::Pairings => of::<Pairing>(stored, part),
        List::RosterEvents => of::<RosterEvent>(stored, part),
        List::Merges => of::<Merge>(stored, part),
        List::Visits => of::<Visit>(stored, part),
        List::Reviews => of::<Review>(stored, part),
        List::Services => of::<Service>(stored, part),
        List::Observations => of::<Observation>(stored, part),
        List::IncidentEvents => of::<IncidentEvent>(stored, part),
        List::TransferEvents => of::<TransferEvent>(stored, part),
    }
}

/// How concurrent texts under a key of an element are reconciled.
pub fn key_policy(key: &str) -> Policy {
    match protective_order(key) {
        Some(_) => Policy::MostProtectiveWins,
        None => Policy::LastWriterWins,
    }
}

/// The place of a text under a key of an element in the most-protective order, if the key has one:
/// smaller asks for more care.
pub fn key_rank(key: &str, text: &str) -> Option<usize> {
    let order = protective_order(key)?;
    Some(order.iter().position(|word| word.0 == text).unwrap_or(order.len()))
}

/// A text as it may stand under a key of an element of a set, given all that the element says; None
/// if this version would not read it there. Words may also be given in Chinese.
pub fn key_text(list: List, element: &Stored, key: &str, text: &str) -> Option<String> {
    let text = text.trim();
    let text = match protective_order(key) {
        Some(order) => order.iter().find(|word| word.0 == text || word.1 == text)?.0,
        None => text,
    };
    let Stored::Map(mut entries) = element.clone() else { return None };
    entries.insert(key.to_owned(), text.to_owned());
    let stored = Stored::Map(entries);
    stored.check().ok()?;
    let read = match list {
        List::Members => Member::read(&stored)?.store(),
        List::Supporters => Supporter::read(&stored)?.store(),
        List::Maintainers => Maintainer::read(&stored)?.store(),
        List::GuardianContacts => GuardianContact::read(&stored)?.store(),
        List::EmergencyContacts => EmergencyContact::read(&stored)?.store(),
        List::Devices => Device::read(&stored)?.store(),
        List::Pairings => Pairing::read(&stored)?.store(),
        // Single texts, and events, which nothing is ever written into.
        _ => return None,
    };
    // What is not known may be left out; anything else has to come back as it was said.
    let unknown = protective_order(key).is_some() && read.text(key).is_none();
    (unknown || read.text(key) == Some(text)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RosterStep, YesNo};

    #[test]
    fn a_text_under_a_key_is_one_that_reads_back() {
        let pairing =
            Stored::map([("helper", Some("周主任".into())), ("kind", Some("Cadre".into()))]);
        let text = |key, text| key_text(List::Pairings, &pairing, key, text);
        assert_eq!(text("until", "2026-09-01").as_deref(), Some("2026-09-01"));
        assert_eq!(text("until", "明年"), None);
        assert_eq!(text("kind", "Stranger"), None);
        assert_eq!(text("shoe_size", "42"), None);
        let supporter = Stored::map([("name", Some("周明".into()))]);
        let capacity = |text| key_text(List::Supporters, &supporter, "capacity", text);
        assert_eq!(capacity("无能力").as_deref(), Some("Incapable"));
        assert_eq!(capacity("Unknown").as_deref(), Some("Unknown"));
        assert_eq!(capacity("perhaps"), None);
    }

    #[test]
    fn what_is_not_known_takes_no_bytes() {
        let entries = Stored::map([("a", YesNo::Unknown.put()), ("b", YesNo::No.put())]);
        assert_eq!(entries.texts(), [("b", "No")]);
        assert_eq!(YesNo::take(entries.text("a")), Some(YesNo::Unknown));
        assert_eq!(RosterStep::take(None), None);
        assert_eq!(RosterStep::take(Some("Elsewhere")), None);
    }

    #[test]
    fn long_and_odd_texts_are_refused_by_key() {
        let long = Stored::map([("note", Some("长".repeat(501)))]);
        assert!(
            matches!(long.check(), Err(ElementError::TooLong { key, length: 501, .. }) if key == "note")
        );
        assert!(Stored::Text("\u{7}".into()).check().is_err());
        assert_eq!(Stored::map([("note", Some("两行\n可以".into()))]).check(), Ok(()));
    }
}
