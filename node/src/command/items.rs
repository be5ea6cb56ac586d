//! The elements of a file's lists: adding, amending and taking away what stands in a set, and taking
//! back an event.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::document::{Listed, OperationName};
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{
    Absence, Agreement, BlacklistEntry, Device, Element, EmergencyContact, Entitlement, Growth,
    GuardianContact, HealthCheck, IncidentEvent, List, Maintainer, Member, Merge, Observation,
    Pairing, RETRACTS, Review, RosterEvent, Service, Stored, SupportDuty, Supporter, TransferEvent,
};
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{
    Condition, ElderId, IncomeSource, SafetyItem, ServiceNeed, SpecialCategory,
};
use shouwang_crdt_schema::view::{ElderView, PartView};
use shouwang_crdt_schema::visit::Visit;

use super::check::{Begins, Checks, refused};
use super::conflicts::refuse_in_conflict;
use super::elder::{Authors, Saved, find, save};
use super::record::{no_right, part_of};
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::identity::DeviceId;
use crate::index;
use crate::sync::Now;

/// Adds an element to a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ItemAdd {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// The list: a set, or one of the logs that have no command of their own.
    pub list: List,
    /// Keys and texts; `value` alone for an element that is one text.
    pub texts: BTreeMap<String, String>,
    /// Into the highest part that the list and this device's rights allow, rather than the lowest.
    pub certified: bool,
}

/// Does something to an element that is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ItemChange {
    /// The id of the file, or the first characters of it that are enough.
    pub elder: String,
    /// The list.
    pub list: List,
    /// The element: its operation, or the beginning of that, or its name or only text.
    pub item: String,
    /// What is done.
    pub how: ItemStep,
}

/// What is done to an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStep {
    /// It is taken out of a set.
    Remove,
    /// Keys of it are written; None takes a key away.
    Amend(BTreeMap<String, Option<String>>),
    /// An event is taken back.
    Retract,
}

/// Asks for the elements of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ItemList {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// Only this list.
    pub list: Option<List>,
}

/// The elements of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whose file.
    pub elder_id: ElderId,
    /// In the order of lists, and within each of the document.
    pub items: Vec<ItemReport>,
}

/// One element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemReport {
    /// The list's key.
    pub list: String,
    /// The part.
    pub part: String,
    /// The operation that wrote it: what the other commands call it.
    pub item: String,
    /// Keys and texts as stored; `value` alone for an element that is one text.
    pub texts: BTreeMap<String, String>,
    /// Whether a later event takes it back.
    pub retracted: bool,
    /// The device that signed it, where its log is here.
    pub recorded_by: Option<DeviceId>,
}

impl Request for ItemAdd {
    const NAME: &'static str = "item_add";
    type Reply = Saved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Saved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let list = self.list;
        if !can_be_added(list) {
            return Err(refused("list_has_commands", "has commands of its own", list.key()));
        }
        let kind = Kind::of(list);
        let stored = kind.stored(list, self.texts)?;
        let view = index::view(&snapshot, scope, elder)?;
        let mut checks = Checks::begin(engine, now)?;
        checks.element(list, &stored, Begins::of(view.part(Part::Card)))?;
        let date = stored.text("date").and_then(|text| text.parse::<NaiveDate>().ok());
        let effective = |part| (kind.takes_effect)(&stored, part);
        let part = part_of(list, date, engine.grant(), effective, self.certified)
            .ok_or_else(|| no_right(list))?;
        let standing = view.part(part).into_iter().flat_map(PartView::stored);
        let mut same =
            standing.filter(|(other, listed)| *other == list && listed.element == stored);
        let edits = match list.growth() == Growth::Set && same.next().is_some() {
            true => Vec::new(),
            false => vec![Edit { part, action: Action::Insert { list, element: stored } }],
        };
        save(engine, now, scope, elder, edits, checks)
    }
}

impl Request for ItemChange {
    const NAME: &'static str = "item_change";
    type Reply = Saved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Saved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let view = index::view(&snapshot, scope, elder)?;
        let list = self.list;
        let (part, listed) = item(&view, list, &self.item)?;
        if !list.writers().meets(engine.grant().writers()) {
            return Err(no_right(list));
        }
        let element = listed.id.clone();
        let mut checks = Checks::begin(engine, now)?;
        let actions = match (self.how, list.growth()) {
            (ItemStep::Remove, Growth::Set) => vec![Action::Remove { list, element }],
            (ItemStep::Amend(texts), Growth::Set) => {
                for key in texts.keys() {
                    let field = format!("{}/{key}", list.key());
                    let place = (part, field.as_str(), Some(&element));
                    refuse_in_conflict(&snapshot, scope, elder, place)?;
                }
                let amended = amended(list, &listed.element, &texts)?;
                checks.element(list, &amended, Begins::of(view.part(Part::Card)))?;
                let amend =
                    |(key, text)| Action::Amend { list, element: element.clone(), key, text };
                texts.into_iter().map(amend).collect()
            }
            (ItemStep::Retract, Growth::Log) if listed.retracted_by.is_some() => {
                return Err(refused("already_retracted", "taken back already", list.key()));
            }
            (ItemStep::Retract, Growth::Log) => vec![Action::Retract { list, element }],
            (ItemStep::Remove | ItemStep::Amend(_), Growth::Log) => {
                return Err(refused("list_of_events", "events are taken back", list.key()));
            }
            (ItemStep::Retract, Growth::Set) => {
                return Err(refused("list_of_things", "things are removed", list.key()));
            }
        };
        let edits = actions.into_iter().map(|action| Edit { part, action }).collect();
        save(engine, now, scope, elder, edits, checks)
    }
}

impl Request for ItemList {
    const NAME: &'static str = "item_list";
    type Reply = ItemListReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ItemListReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let authors = Authors::of(&snapshot, scope)?;
        let view = index::view(&snapshot, scope, elder)?;
        let mut items: Vec<(List, ItemReport)> = Vec::new();
        for part in view.parts() {
            let wanted = part.stored().filter(|(list, listed)| {
                self.list.is_none_or(|wanted| wanted == *list)
                    && listed.element.text(RETRACTS).is_none()
            });
            items.extend(wanted.map(|(list, listed)| {
                let texts = listed.element.texts().into_iter();
                let report = ItemReport {
                    list: list.key().to_owned(),
                    part: part.part().to_string(),
                    item: listed.id.as_str().to_owned(),
                    texts: texts.map(|(key, text)| (key.to_owned(), text.to_owned())).collect(),
                    retracted: listed.retracted_by.is_some(),
                    recorded_by: authors.device(&listed.id),
                };
                (list, report)
            }));
        }
        let order = |list: List| List::ALL.iter().position(|known| *known == list);
        items.sort_by_key(|(list, _)| order(*list));
        let items = items.into_iter().map(|(_, report)| report).collect();
        Ok(ItemListReport { schema_version: JSON_SCHEMA_VERSION, elder_id: elder, items })
    }
}

/// Sets, and the logs that no other command writes.
fn can_be_added(list: List) -> bool {
    list.growth() == Growth::Set || matches!(list, List::HealthChecks | List::Observations)
}

/// The one element that a person means.
fn item<'a>(
    view: &'a ElderView,
    list: List,
    text: &str,
) -> Result<(Part, &'a Listed<Stored>), CommandError> {
    let text = text.trim();
    let is_named = |id: &OperationName| {
        let id = id.as_str();
        match text.contains('@') {
            true => id.starts_with(text),
            false => id.split('@').next() == Some(text),
        }
    };
    let says = |stored: &Stored| {
        let names = ["value", "name", "helper", "supporter", "serial", "kind"];
        stored.texts().iter().any(|(key, said)| names.contains(key) && *said == text)
    };
    let mut found = view.parts().flat_map(|part| {
        let here = part.stored().filter(|(other, listed)| {
            *other == list
                && listed.element.text(RETRACTS).is_none()
                && !text.is_empty()
                && (is_named(&listed.id) || says(&listed.element))
        });
        here.map(|(_, listed)| (part.part(), listed)).collect::<Vec<_>>()
    });
    match (found.next(), found.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => Err(refused("item_ambiguous", "several are called so", list.key())),
        (None, _) => Err(CommandError::new(ErrorKind::NotFound, "item_unknown", "nothing such")
            .with("field", list.key())),
    }
}

/// What an element comes to when keys of it are written.
fn amended(
    list: List,
    element: &Stored,
    texts: &BTreeMap<String, Option<String>>,
) -> Result<Stored, CommandError> {
    let Stored::Map(entries) = element else {
        return Err(refused("list_of_words", "remove it and add another", list.key()));
    };
    let mut entries = entries.clone();
    for (key, text) in texts {
        match text {
            Some(text) => entries.insert(key.clone(), text.clone()),
            None => entries.remove(key),
        };
    }
    let kind = Kind::of(list);
    kind.stored(list, entries)
}

/// What is known of the elements of a list.
struct Kind {
    keys: &'static [&'static str],
    misread: fn(&Stored) -> Option<String>,
    takes_effect: fn(&Stored, PartKind) -> bool,
}

impl Kind {
    fn new<E: Element>() -> Self {
        Self {
            keys: E::KEYS,
            misread: |stored| E::misread(stored).map(str::to_owned),
            takes_effect: |stored, part| {
                E::read(stored).is_some_and(|element| element.takes_effect_in(part))
            },
        }
    }

    fn of(list: List) -> Self {
        match list {
            List::Members => Self::new::<Member>(),
            List::Supporters => Self::new::<Supporter>(),
            List::Absences => Self::new::<Absence>(),
            List::Maintainers => Self::new::<Maintainer>(),
            List::SupportDuty => Self::new::<SupportDuty>(),
            List::Blacklist => Self::new::<BlacklistEntry>(),
            List::GuardianContacts => Self::new::<GuardianContact>(),
            List::EmergencyContacts => Self::new::<EmergencyContact>(),
            List::IncomeSources => Self::new::<IncomeSource>(),
            List::Entitlements => Self::new::<Entitlement>(),
            List::Conditions => Self::new::<Condition>(),
            List::HealthChecks => Self::new::<HealthCheck>(),
            List::Hazards => Self::new::<SafetyItem>(),
            List::Devices => Self::new::<Device>(),
            List::ServiceNeeds => Self::new::<ServiceNeed>(),
            List::SpecialCategories => Self::new::<SpecialCategory>(),
            List::Agreements => Self::new::<Agreement>(),
            List::Pairings => Self::new::<Pairing>(),
            List::RosterEvents => Self::new::<RosterEvent>(),
            List::Merges => Self::new::<Merge>(),
            List::Visits => Self::new::<Visit>(),
            List::Reviews => Self::new::<Review>(),
            List::Services => Self::new::<Service>(),
            List::Observations => Self::new::<Observation>(),
            List::IncidentEvents => Self::new::<IncidentEvent>(),
            List::TransferEvents => Self::new::<TransferEvent>(),
        }
    }

    /// The stored form of what a person typed, every word of it understood.
    fn stored(
        &self,
        list: List,
        mut texts: BTreeMap<String, String>,
    ) -> Result<Stored, CommandError> {
        let field = |key: &str| format!("{}/{key}", list.key());
        if let Some(key) = texts.keys().find(|key| !self.keys.contains(&key.as_str())) {
            return Err(refused("item_key", "no such key", &field(key))
                .with("allowed", self.keys.join(", ")));
        }
        let missing = self.keys == ["value"] && texts.len() != 1;
        let stored = match (self.keys, texts.remove("value")) {
            (["value"], Some(text)) => Stored::Text(text),
            _ => Stored::Map(texts),
        };
        match (self.misread)(&stored) {
            _ if missing => Err(refused("item_incomplete", "needed", &field("value"))),
            Some(key) if stored.texts().iter().any(|(said, _)| *said == key) => {
                Err(refused("item_value", "not what may stand there", &field(&key)))
            }
            Some(key) => Err(refused("item_incomplete", "needed", &field(&key))),
            None => Ok(stored),
        }
    }
}

/// The keys of a list's elements.
pub fn keys(list: List) -> &'static [&'static str] {
    Kind::of(list).keys
}
