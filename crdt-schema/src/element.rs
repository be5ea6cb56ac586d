//! The several-valued fields of a record: lists, and the typed elements that stand in them.
//!
//! A *set* may lose elements again (observed-remove: a concurrent add survives); a *log* only
//! grows, and a correction is a new event. An element is known by the operation that inserted it,
//! so no ids of our own travel.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::division::DivisionCode;
use crate::field::stored_date;
use crate::parts::PartKind;
use crate::record::{
    AbsenceReason, AgreementEvent, Choice, EntitlementKind, EntitlementState, PairingKind,
    ServiceNeed, SupportCapacity,
};

/// A list of a part, named by its Automerge key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// 赡养人
    Supporters,
    /// 外出
    Absences,
    /// 监护人联系方式
    GuardianContacts,
    /// 结对帮扶
    Pairings,
    /// 服务需求
    ServiceNeeds,
    /// 委托照顾协议
    Agreements,
    /// 待遇
    Entitlements,
    /// 进出
    RosterEvents,
    /// 探访
    Visits,
    /// 季度更新
    Reviews,
}

/// Whether elements of a list may go again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// SET: observed-remove union.
    Set,
    /// LOG: append-only signed events.
    Log,
}

impl List {
    /// The Automerge key and JSON name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Supporters => "supporters",
            Self::Absences => "absences",
            Self::GuardianContacts => "guardian_contacts",
            Self::Pairings => "pairings",
            Self::ServiceNeeds => "service_needs",
            Self::Agreements => "agreements",
            Self::Entitlements => "entitlements",
            Self::RosterEvents => "roster_events",
            Self::Visits => "visits",
            Self::Reviews => "reviews",
        }
    }

    /// Whether elements may go again.
    pub fn growth(self) -> Growth {
        match self {
            Self::Supporters | Self::GuardianContacts | Self::Pairings | Self::ServiceNeeds => {
                Growth::Set
            }
            Self::Absences
            | Self::Agreements
            | Self::Entitlements
            | Self::RosterEvents
            | Self::Visits
            | Self::Reviews => Growth::Log,
        }
    }

    /// The lists of a kind of part, in the order in which its genesis makes them.
    pub fn of(kind: PartKind) -> &'static [Self] {
        match kind {
            PartKind::Card => &[
                Self::Supporters,
                Self::Absences,
                Self::GuardianContacts,
                Self::Pairings,
                Self::ServiceNeeds,
                Self::Agreements,
                Self::Entitlements,
                Self::RosterEvents,
            ],
            PartKind::Ledger => &[Self::Pairings, Self::Entitlements, Self::RosterEvents],
            PartKind::Registry => &[Self::Entitlements],
            PartKind::Journal => &[Self::Visits, Self::Reviews],
            PartKind::Incident => &[],
        }
    }
}

/// An element as it is stored: one text, or a map of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A single text, such as a service need.
    Text(String),
    /// Key and text; a key that is absent means "not stated".
    Map(BTreeMap<String, String>),
}

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

    fn owned(&self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    pub(crate) fn choice<C: Choice>(&self, key: &str) -> Option<C> {
        self.text(key).and_then(C::from_stored)
    }

    pub(crate) fn date(&self, key: &str) -> Option<NaiveDate> {
        self.text(key).and_then(stored_date)
    }
}

/// A typed element of a list.
pub trait Element: Sized {
    /// The list it stands in.
    const LIST: List;

    /// The stored form.
    fn store(&self) -> Stored;

    /// Reads the stored form; None if it says nothing that this version understands.
    fn read(stored: &Stored) -> Option<Self>;
}

/// 赡养人: a child, or another person legally bound to support the elder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Supporter {
    /// 姓名
    pub name: String,
    /// 与老人关系, as written (女儿, 长子…).
    pub relation: Option<String>,
    /// 去向, as written.
    pub whereabouts: Option<String>,
    /// 电话
    pub phone: Option<String>,
    /// Whether the supporter could care for the elder.
    pub capacity: SupportCapacity,
}

/// 外出: a supporter left or came back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Absence {
    /// The supporter's name as in [`Supporter::name`].
    pub supporter: String,
    /// The day the supporter left.
    pub left: Option<NaiveDate>,
    /// The day the supporter came back, in an event that says so.
    pub returned: Option<NaiveDate>,
    /// Where to, as a code where it is known.
    pub destination: Option<DivisionCode>,
    /// What for.
    pub reason: AbsenceReason,
}

/// 监护人: a family contact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GuardianContact {
    /// 姓名
    pub name: String,
    /// 电话
    pub phone: Option<String>,
}

/// 结对帮扶: a named helper.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pairing {
    /// The helper as written.
    pub helper: String,
    /// What kind of helper.
    pub kind: PairingKind,
}

/// 委托照顾协议: one event in the life of an agreement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Agreement {
    /// What happened.
    pub event: AgreementEvent,
    /// When, where known: a ledger says only that there is one.
    pub date: Option<NaiveDate>,
    /// Which supporter delegates.
    pub supporter: Option<String>,
    /// To whom.
    pub caretaker: Option<String>,
}

/// 待遇: one step of one entitlement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entitlement {
    /// Which.
    pub kind: EntitlementKind,
    /// How far it has come.
    pub state: EntitlementState,
}

impl Element for Supporter {
    const LIST: List = List::Supporters;

    fn store(&self) -> Stored {
        Stored::map([
            ("name", Some(self.name.clone())),
            ("relation", self.relation.clone()),
            ("whereabouts", self.whereabouts.clone()),
            ("phone", self.phone.clone()),
            ("capacity", known(self.capacity, SupportCapacity::Unknown)),
        ])
    }

    fn read(stored: &Stored) -> Option<Self> {
        Some(Self {
            name: stored.owned("name")?,
            relation: stored.owned("relation"),
            whereabouts: stored.owned("whereabouts"),
            phone: stored.owned("phone"),
            capacity: stored.choice("capacity").unwrap_or(SupportCapacity::Unknown),
        })
    }
}

impl Element for Absence {
    const LIST: List = List::Absences;

    fn store(&self) -> Stored {
        Stored::map([
            ("supporter", Some(self.supporter.clone())),
            ("left", self.left.map(|date| date.to_string())),
            ("returned", self.returned.map(|date| date.to_string())),
            ("destination", self.destination.map(|code| code.to_string())),
            ("reason", known(self.reason, AbsenceReason::Unknown)),
        ])
    }

    fn read(stored: &Stored) -> Option<Self> {
        Some(Self {
            supporter: stored.owned("supporter")?,
            left: stored.date("left"),
            returned: stored.date("returned"),
            destination: stored.text("destination").and_then(|code| code.parse().ok()),
            reason: stored.choice("reason").unwrap_or(AbsenceReason::Unknown),
        })
    }
}

impl Element for GuardianContact {
    const LIST: List = List::GuardianContacts;

    fn store(&self) -> Stored {
        Stored::map([("name", Some(self.name.clone())), ("phone", self.phone.clone())])
    }

    fn read(stored: &Stored) -> Option<Self> {
        Some(Self { name: stored.owned("name")?, phone: stored.owned("phone") })
    }
}

impl Element for Pairing {
    const LIST: List = List::Pairings;

    fn store(&self) -> Stored {
        Stored::map([
            ("helper", Some(self.helper.clone())),
            ("kind", known(self.kind, PairingKind::Unknown)),
        ])
    }

    fn read(stored: &Stored) -> Option<Self> {
        Some(Self {
            helper: stored.owned("helper")?,
            kind: stored.choice("kind").unwrap_or(PairingKind::Unknown),
        })
    }
}

impl Element for ServiceNeed {
    const LIST: List = List::ServiceNeeds;

    fn store(&self) -> Stored {
        Stored::Text(self.as_str().to_owned())
    }

    fn read(stored: &Stored) -> Option<Self> {
        match stored {
            Stored::Text(text) => Self::from_stored(text),
            Stored::Map(_) => None,
        }
    }
}

impl Element for Agreement {
    const LIST: List = List::Agreements;

    fn store(&self) -> Stored {
        Stored::map([
            ("event", Some(self.event.as_str().to_owned())),
            ("date", self.date.map(|date| date.to_string())),
            ("supporter", self.supporter.clone()),
            ("caretaker", self.caretaker.clone()),
        ])
    }

    fn read(stored: &Stored) -> Option<Self> {
        Some(Self {
            event: stored.choice("event")?,
            date: stored.date("date"),
            supporter: stored.owned("supporter"),
            caretaker: stored.owned("caretaker"),
        })
    }
}

impl Element for Entitlement {
    const LIST: List = List::Entitlements;

    fn store(&self) -> Stored {
        Stored::map([
            ("kind", Some(self.kind.as_str().to_owned())),
            ("state", Some(self.state.as_str().to_owned())),
        ])
    }

    fn read(stored: &Stored) -> Option<Self> {
        Some(Self { kind: stored.choice("kind")?, state: stored.choice("state")? })
    }
}

/// The order in which concurrent texts of an element's key prevail, where it is not simply the
/// last writer's: a supporter's capacity is most-protective-wins.
pub(crate) fn protective_order(key: &str) -> Option<&'static [(&'static str, &'static str)]> {
    (key == "capacity").then_some(SupportCapacity::WORDS)
}

/// `Unknown` is not written: an absent key says the same in no bytes.
fn known<C: Choice>(value: C, unknown: C) -> Option<String> {
    (value != unknown).then(|| value.as_str().to_owned())
}
