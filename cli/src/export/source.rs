//! What a field of somebody else's system is filled from.

use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_crdt_schema::element::{Element, List, Stored};
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{Choice, EntitlementKind, EntitlementState, YesNo};
use shouwang_node::command::export::ExportedElder;

use crate::ledger::Places;
use crate::message::Messages;
use crate::words;

/// What a field is filled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The same text for everybody.
    Literal(String),
    /// A single-valued field.
    Field(Field),
    /// Something computed.
    Computed(Computed),
    /// A key of a list's elements: of all of them, or of one by its number from 1.
    List(List, String, Option<usize>),
    /// Whether an entitlement is received.
    Receives(EntitlementKind),
}

macro_rules! computed {
    ($($name:ident $key:literal $chinese:literal,)+) => {
        /// What follows from a file and its place.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Computed {
            $(#[doc = $chinese] $name),+
        }

        impl Computed {
            const ALL: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$name, $key, $chinese)),+];
        }
    };
}

computed! {
    File "elder_id" "档案编号",
    Age "age" "年龄",
    CareGroup "care_group" "三类人群",
    LastVisit "last_visit" "最近探访日期",
    Village "village" "所在村",
    VillageCode "village_code" "所在村代码",
    Township "township" "所在乡镇",
    TownshipCode "township_code" "所在乡镇代码",
    County "county" "所在县",
    CountyCode "county_code" "所在县代码",
    Agreement "agreement" "是否签订委托照顾协议",
}

/// A value: as it is stored, and as the offices write it.
pub(crate) struct Said {
    pub(crate) stored: String,
    pub(crate) chinese: String,
}

/// What begins a literal.
const LITERALS: [&str; 3] = ["固定:", "固定：", "literal:"];

impl Source {
    /// Reads a source: a field's key or Chinese name, `list`, `list.key` or `list.key[1]`,
    /// `entitlement.Kind`, the name of something computed, or `固定:` and a text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(literal) = LITERALS.iter().find_map(|mark| text.strip_prefix(mark)) {
            return Some(Self::Literal(literal.to_owned()));
        }
        let computed = Computed::ALL.iter().find(|(_, key, name)| *key == text || *name == text);
        if let Some((computed, ..)) = computed {
            return Some(Self::Computed(*computed));
        }
        if let Some(field) = words::field_named(text) {
            return Some(Self::Field(field));
        }
        if let Some(kind) = text.strip_prefix("entitlement.").or(text.strip_prefix("待遇.")) {
            let kind = EntitlementKind::ALL
                .iter()
                .copied()
                .find(|known| known.as_str() == kind || known.chinese() == kind);
            return kind.map(Self::Receives);
        }
        let (path, nth) = match text.split_once('[') {
            Some((path, nth)) => (path, Some(nth.strip_suffix(']')?.parse().ok()?)),
            None => (text, None),
        };
        let (list, key) = path.split_once('.').unwrap_or((path, ""));
        let list = List::from_key(list)?;
        let key = match (key, keys(list)) {
            (_, []) => return None,
            ("", [first, ..]) => *first,
            (key, known) => known.iter().copied().find(|known| *known == key)?,
        };
        (nth != Some(0)).then(|| Self::List(list, key.to_owned(), nth))
    }

    /// The values for one elder.
    pub(crate) fn values(
        &self,
        elder: &ExportedElder,
        places: &Places,
        chinese: &Messages,
    ) -> Vec<Said> {
        let row = &elder.row;
        match self {
            Self::Literal(text) => vec![Said::plain(text)],
            Self::Field(field) => {
                let value = row.field(*field).map(|stored| match field.spec().kind {
                    Kind::Choice(words) => Said::word(words, stored),
                    Kind::Division => Said::named(stored, place(stored, places)),
                    _ => Said::plain(stored),
                });
                value.into_iter().collect()
            }
            Self::Computed(computed) => computed.value(elder, places).into_iter().collect(),
            Self::List(list, key, nth) => {
                let mut values: Vec<Said> = elements(row, *list)
                    .iter()
                    .filter_map(|element| {
                        let mut texts = element.texts().into_iter();
                        texts.find(|(known, _)| known == key).map(|(_, text)| text.to_owned())
                    })
                    .map(|text| Said::of_list(*list, key, &text, places, chinese))
                    .collect();
                match nth {
                    None => values,
                    Some(nth) if *nth <= values.len() => vec![values.swap_remove(nth - 1)],
                    Some(_) => Vec::new(),
                }
            }
            Self::Receives(kind) => {
                let step = row.entitlements.iter().find(|step| step.kind == *kind);
                let receives = match step.map(|step| step.state) {
                    Some(EntitlementState::Receiving) => YesNo::Yes,
                    _ => YesNo::No,
                };
                vec![Said::choice(receives)]
            }
        }
    }
}

impl Computed {
    fn value(self, elder: &ExportedElder, places: &Places) -> Option<Said> {
        let above = |level: Level| {
            let mut place = Some(elder.scope);
            while place.is_some_and(|place| place.level() > level) {
                place = place.and_then(DivisionCode::parent);
            }
            place.filter(|place| place.level() == level)
        };
        let name = |place: Option<DivisionCode>| {
            let place = place?;
            Some(Said::plain(places.name(place)?))
        };
        let code = |place: Option<DivisionCode>| place.map(|place| Said::plain(&place.to_string()));
        match self {
            Self::File => Some(Said::plain(&elder.elder_id.to_string())),
            Self::Age => elder.age.map(|age| Said::plain(&age.to_string())),
            Self::CareGroup => Some(Said::choice(elder.care_group)),
            Self::LastVisit => elder.last_visit.map(|day| Said::plain(&day.to_string())),
            Self::Village => name(Some(elder.scope)),
            Self::VillageCode => code(Some(elder.scope)),
            Self::Township => name(above(Level::Township)),
            Self::TownshipCode => code(above(Level::Township)),
            Self::County => name(above(Level::County)),
            Self::CountyCode => code(above(Level::County)),
            Self::Agreement => elder.row.agreement.map(|signed| match signed {
                true => Said::choice(YesNo::Yes),
                false => Said::choice(YesNo::No),
            }),
        }
    }
}

impl Said {
    fn plain(text: &str) -> Self {
        Self { stored: text.to_owned(), chinese: text.to_owned() }
    }

    fn named(stored: &str, chinese: String) -> Self {
        Self { stored: stored.to_owned(), chinese }
    }

    fn choice<C: Choice>(value: C) -> Self {
        Self { stored: value.as_str().to_owned(), chinese: value.chinese().to_owned() }
    }

    fn word(words: &[(&str, &str)], stored: &str) -> Self {
        let word = words.iter().find(|(known, _)| *known == stored);
        Self::named(stored, word.map_or(stored, |(_, chinese)| chinese).to_owned())
    }

    fn of_list(list: List, key: &str, stored: &str, places: &Places, chinese: &Messages) -> Self {
        let text = match key {
            "destination" => place(stored, places),
            _ => words::element_value(chinese, list.key(), key, stored),
        };
        Self::named(stored, text)
    }
}

fn place(stored: &str, places: &Places) -> String {
    let name = stored.parse().ok().and_then(|place| places.name(place));
    name.unwrap_or(stored).to_owned()
}

/// The keys of a list's elements that a ledger has, the chief one first.
fn keys(list: List) -> &'static [&'static str] {
    match list {
        List::Members | List::Maintainers => &["name", "relation"],
        List::Supporters => &["name", "relation", "whereabouts", "phone", "capacity"],
        List::Absences => &["supporter", "left", "returned", "destination", "reason"],
        List::GuardianContacts | List::EmergencyContacts => &["name", "phone", "rank"],
        List::Pairings => &["helper", "kind", "from", "until"],
        List::Devices => &["kind", "serial"],
        List::Entitlements => &["kind", "state", "date"],
        List::Agreements => &["event", "date", "supporter", "caretaker", "elder_consent", "note"],
        List::IncomeSources
        | List::Conditions
        | List::Hazards
        | List::ServiceNeeds
        | List::SpecialCategories => &["value"],
        _ => &[],
    }
}

/// The elements of a list, as a ledger has them.
fn elements(row: &LedgerRow, list: List) -> Vec<Stored> {
    fn stored<'a, E: Element + 'a>(elements: impl IntoIterator<Item = &'a E>) -> Vec<Stored> {
        elements.into_iter().map(Element::store).collect()
    }
    match list {
        List::Members => stored(&row.members),
        List::Maintainers => stored(&row.maintainers),
        List::Supporters => stored(&row.supporters),
        List::Absences => stored(&row.absences),
        List::GuardianContacts => stored(&row.guardian_contacts),
        List::EmergencyContacts => stored(&row.emergency_contacts),
        List::Pairings => stored(&row.pairings),
        List::Devices => stored(&row.devices),
        List::Entitlements => stored(&row.entitlements),
        List::Agreements => stored(&row.agreement_event),
        List::IncomeSources => stored(&row.income_sources),
        List::Conditions => stored(&row.conditions),
        List::Hazards => stored(&row.hazards),
        List::ServiceNeeds => stored(&row.service_needs),
        List::SpecialCategories => stored(&row.special_categories),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_known_by_either_name() {
        let list = |list, key: &str, nth| Some(Source::List(list, key.to_owned(), nth));
        for (text, source) in [
            ("name", Some(Source::Field(Field::Name))),
            ("姓名", Some(Source::Field(Field::Name))),
            ("三类人群", Some(Source::Computed(Computed::CareGroup))),
            ("固定:云南省", Some(Source::Literal("云南省".into()))),
            ("supporters", list(List::Supporters, "name", None)),
            ("supporters.phone[2]", list(List::Supporters, "phone", Some(2))),
            ("conditions", list(List::Conditions, "value", None)),
            ("待遇.低保", Some(Source::Receives(EntitlementKind::SubsistenceAllowance))),
            ("supporters.phone[0]", None),
            ("supporters.age", None),
            ("visits", None),
            ("姓名字", None),
            ("", None),
        ] {
            assert_eq!(Source::read(text), source, "{text}");
        }
    }
}
