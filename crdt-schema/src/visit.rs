//! A visit 探访 with the five areas of the national form (MCA 2022 guidance 2(2)).

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::element::{AsText, elements};
use crate::record::{
    Choice, EconomicItem, FamilyItem, Finding, HealthItem, SafetyItem, ServiceNeed, VisitAction,
    VisitMode, VisitOccasion, VisitOutcome,
};

elements! {
    /// One contact attempt, in person or remote.
    Visit in Visits => {
        /// The civil date (UTC+8) of the attempt; it decides the journal's year.
        date: NaiveDate,
        /// The time of day, where the visitor noted it.
        time: Option<NaiveTime>,
        /// Who visited, as written; the signature says which device recorded it.
        visitor: Option<String>,
        /// How.
        mode: VisitMode,
        /// Why.
        occasion: VisitOccasion,
        /// What came of it.
        outcome: VisitOutcome,
        /// 健康
        health: Option<AreaReport<HealthItem>>,
        /// 经济
        economic: Option<AreaReport<EconomicItem>>,
        /// 家庭赡养
        family: Option<AreaReport<FamilyItem>>,
        /// 安全
        safety: Option<AreaReport<SafetyItem>>,
        /// 服务需求
        needs: BTreeSet<ServiceNeed>,
        /// What the visitor did.
        actions: BTreeSet<VisitAction>,
        /// Free text.
        note: Option<String>,
    }
}

/// What a visitor found in one area: an overall finding and the items it concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AreaReport<I: Ord> {
    /// The overall finding.
    pub finding: Finding,
    /// The items that are not as they should be.
    pub items: BTreeSet<I>,
}

impl Visit {
    /// The most characters a note may have (`docs/records.md`).
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

impl<I: Choice + Ord> AsText for AreaReport<I> {
    /// `Finding` alone or `Finding:Item,Item`: one text, because an event is complete when it is
    /// written and nothing in it is ever merged.
    fn to_text(&self) -> String {
        let items: Vec<_> = self.items.iter().map(|item| item.as_str()).collect();
        match items.is_empty() {
            true => self.finding.as_str().to_owned(),
            false => format!("{}:{}", self.finding.as_str(), items.join(",")),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        let (finding, items) = text.split_once(':').unwrap_or((text, ""));
        let items = items.split(',').filter_map(I::from_stored).collect();
        Some(Self { finding: Finding::from_stored(finding)?, items })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::{Element, Stored};

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
