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
use crate::parts::PartKind;
use crate::record::{Choice, ElderId, SupportCapacity};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RosterStep, YesNo};

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
