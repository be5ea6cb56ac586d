//! A visit 探访 with the five areas of the national form (MCA 2022 guidance 2(2)).

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::element::{Element, List, Stored};
use crate::record::{
    Choice, EconomicItem, FamilyItem, Finding, HealthItem, SafetyItem, ServiceNeed, VisitAction,
    VisitMode, VisitOccasion, VisitOutcome,
};

/// One contact attempt, in person or remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The civil date (UTC+8) of the attempt; it decides the journal's year.
    pub date: NaiveDate,
    /// The time of day, where the visitor noted it.
    pub time: Option<NaiveTime>,
    /// Who visited, as written; the signature says which device recorded it.
    pub visitor: Option<String>,
    /// How.
    pub mode: VisitMode,
    /// Why.
    pub occasion: VisitOccasion,
    /// What came of it.
    pub outcome: VisitOutcome,
    /// 健康
    pub health: Option<AreaReport<HealthItem>>,
    /// 经济
    pub economic: Option<AreaReport<EconomicItem>>,
    /// 家庭赡养
    pub family: Option<AreaReport<FamilyItem>>,
    /// 安全
    pub safety: Option<AreaReport<SafetyItem>>,
    /// 服务需求
    pub needs: BTreeSet<ServiceNeed>,
    /// What the visitor did.
    pub actions: BTreeSet<VisitAction>,
    /// Free text.
    pub note: Option<String>,
}

/// What a visitor found in one area: an overall finding and the items it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaReport<I: Ord> {
    /// The overall finding.
    pub finding: Finding,
    /// The items that are not as they should be.
    pub items: BTreeSet<I>,
}

impl Visit {
    /// The most characters a note may have (`docs/record.md`).
    pub const NOTE_CHARACTERS_MAX: usize = 500;

    /// A completed routine visit at home on this day, with nothing filled in.
    pub fn on(date: NaiveDate) -> Self {
        Self {
            date,
            time: None,
            visitor: None,
            mode: VisitMode::Home,
            occasion: VisitOccasion::Routine,
            outcome: VisitOutcome::Completed,
            health: None,
            economic: None,
            family: None,
            safety: None,
            needs: BTreeSet::new(),
            actions: BTreeSet::new(),
            note: None,
        }
    }
}

impl<I: Choice + Ord> AreaReport<I> {
    /// `Finding` alone or `Finding:Item,Item`: one text, because an event is complete when it is
    /// written and nothing in it is ever merged.
    fn store(&self) -> String {
        let items: Vec<_> = self.items.iter().map(|item| item.as_str()).collect();
        match items.is_empty() {
            true => self.finding.as_str().to_owned(),
            false => format!("{}:{}", self.finding.as_str(), items.join(",")),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (finding, items) = text.split_once(':').unwrap_or((text, ""));
        Some(Self { finding: Finding::from_stored(finding)?, items: read_set(items) })
    }
}

impl Element for Visit {
    const LIST: List = List::Visits;

    fn store(&self) -> Stored {
        Stored::map([
            ("date", Some(self.date.to_string())),
            ("time", self.time.map(|time| time.format("%H:%M").to_string())),
            ("visitor", self.visitor.clone()),
            ("mode", Some(self.mode.as_str().to_owned())),
            ("occasion", Some(self.occasion.as_str().to_owned())),
            ("outcome", Some(self.outcome.as_str().to_owned())),
            ("health", self.health.as_ref().map(AreaReport::store)),
            ("economic", self.economic.as_ref().map(AreaReport::store)),
            ("family", self.family.as_ref().map(AreaReport::store)),
            ("safety", self.safety.as_ref().map(AreaReport::store)),
            ("needs", store_set(&self.needs)),
            ("actions", store_set(&self.actions)),
            ("note", self.note.clone()),
        ])
    }

    fn read(stored: &Stored) -> Option<Self> {
        let time = |text| NaiveTime::parse_from_str(text, "%H:%M").ok();
        Some(Self {
            date: stored.date("date")?,
            time: stored.text("time").and_then(time),
            visitor: stored.text("visitor").map(str::to_owned),
            mode: stored.choice("mode")?,
            occasion: stored.choice("occasion").unwrap_or(VisitOccasion::Routine),
            outcome: stored.choice("outcome")?,
            health: stored.text("health").and_then(AreaReport::read),
            economic: stored.text("economic").and_then(AreaReport::read),
            family: stored.text("family").and_then(AreaReport::read),
            safety: stored.text("safety").and_then(AreaReport::read),
            needs: stored.text("needs").map(read_set).unwrap_or_default(),
            actions: stored.text("actions").map(read_set).unwrap_or_default(),
            note: stored.text("note").map(str::to_owned),
        })
    }
}

fn store_set<C: Choice>(set: &BTreeSet<C>) -> Option<String> {
    let words: Vec<_> = set.iter().map(|item| item.as_str()).collect();
    (!words.is_empty()).then(|| words.join(","))
}

fn read_set<C: Choice + Ord>(text: &str) -> BTreeSet<C> {
    text.split(',').filter_map(C::from_stored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_visit_reads_back() {
        let visit = Visit {
            time: NaiveTime::from_hms_opt(9, 30, 0),
            visitor: Some("王会计".into()),
            health: Some(AreaReport {
                finding: Finding::Concern,
                items: [HealthItem::Mobility, HealthItem::Illness].into(),
            }),
            safety: Some(AreaReport { finding: Finding::Fine, items: BTreeSet::new() }),
            needs: [ServiceNeed::Meals, ServiceNeed::Medical].into(),
            actions: [VisitAction::Reminded].into(),
            note: Some("血压偏高".into()),
            ..Visit::on(NaiveDate::from_ymd_opt(2026, 9, 1).unwrap())
        };
        assert_eq!(Visit::read(&visit.store()), Some(visit));
    }

    #[test]
    fn an_element_without_its_date_is_no_visit() {
        assert_eq!(Visit::read(&Stored::map([("mode", Some("Home".into()))])), None);
    }
}
