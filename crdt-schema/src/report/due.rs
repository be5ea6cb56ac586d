//! What is to be done for one elder on a day: due and overdue visits, gaps, agreements and reviews
//! that are missing, alerts, yearly checks (`docs/reports.md`, lists).

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::division::{DivisionCode, Level};
use crate::element::{EmergencyContact, GuardianContact, HealthCheck};
use crate::field::Field;
use crate::record::{CareConsent, CareGroup, IncidentKind, LivingArrangement};
use crate::rules::age::completed_years;
use crate::rules::agreement::AgreementStanding;
use crate::rules::alert::Alert;
use crate::rules::eligibility::{Eligibility, MissingFact};
use crate::rules::escalation::IncidentState;
use crate::rules::facts::{ElderFacts, end_of};
use crate::rules::ruleset::Ruleset;
use crate::rules::visits::DueReason;
use crate::view::ElderView;

/// The age from which a check is due every year (年度健康管理, Ziyang 2018 (5): 65 以上).
pub const CHECK_AGE_YEARS: u32 = 65;

/// A list that somebody works through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueList {
    /// 逾期未访: visits that did not come in time (R3).
    Overdue,
    /// 待访: visits of this month that are still to be made (R3).
    Due,
    /// 节日及特殊时段: visits for festivals, extreme weather, sealed-off times (R3).
    Occasions,
    /// 预警: alone and impaired, ill and helpless, incidents nobody has acknowledged (R7, R8).
    Alerts,
    /// 协议缺失: no agreement in force (R5).
    Agreements,
    /// 季度更新缺失: not reviewed in this quarter (R6).
    Refresh,
    /// 资料缺项: facts that decide something and that nobody has noted.
    Gaps,
    /// 65岁以上未体检: no yearly check (Ziyang 2018 (5)).
    Checks,
}

/// One thing to be done for one elder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueItem {
    /// The list that it stands on.
    pub list: DueList,
    /// The day by which it is, or was, to be done.
    pub by: Option<NaiveDate>,
    /// Days since then, if it is late.
    pub days_late: Option<u32>,
    /// How many visits.
    pub visits: Option<u32>,
    /// Why: members of the list's vocabulary, the most important first.
    pub why: Vec<DueWhy>,
    /// The occasion's name in the ruleset.
    pub occasion: Option<String>,
}

/// Why something stands on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "what")]
pub enum DueWhy {
    /// A fact that is missing.
    Gap(Gap),
    /// How it stands with the agreement.
    Agreement(AgreementStanding),
    /// An alert.
    Alert(Alert),
    /// An incident that nobody has acknowledged in time; what it is, where somebody said so.
    Incident(Option<IncidentKind>),
    /// The year that lacks its check.
    Year(i32),
}

/// A fact that decides something and that nobody has noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Gap {
    /// The care group is not decided (R2, last line).
    CareGroup,
    /// 出生日期
    BirthDate,
    /// 公民身份号码: none, or one that does not hold.
    ResidentId,
    /// 户籍地
    Hukou,
    /// 居住地
    Residence,
    /// 居住状况
    LivingArrangement,
    /// 意愿: not asked.
    CareConsent,
    /// 赡养人: nobody has asked.
    Supporters,
    /// What a supporter is to the elder.
    Relation,
    /// Since when a supporter is away.
    AbsenceDay,
    /// Where a supporter is, as a code.
    Destination,
    /// What a supporter is away for.
    AbsenceReason,
    /// Whether a supporter could care for the elder.
    Capacity,
    /// Nobody to call: no telephone, no contact.
    Contact,
}

/// What the lists look at in a file beside its facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueDetails {
    /// 公民身份号码: one that holds.
    pub has_resident_id: bool,
    /// 电话, 监护人, 紧急联系人: there is somebody to call.
    pub reachable: bool,
    /// 年度健康管理: the years for which a check is noted.
    pub checked_years: BTreeSet<u16>,
}

impl DueDetails {
    /// Takes them out of a view.
    pub fn of(view: &ElderView) -> Self {
        let checks = view.elements::<HealthCheck>();
        Self {
            has_resident_id: view.text(Field::ResidentId).is_some(),
            reachable: view.text(Field::Phone).is_some()
                || !view.elements::<GuardianContact>().is_empty()
                || !view.elements::<EmergencyContact>().is_empty(),
            checked_years: checks.into_iter().map(|(_, check)| check.element.year).collect(),
        }
    }
}

impl DueList {
    /// Every list, the most urgent first.
    pub const ALL: [Self; 8] = [
        Self::Overdue,
        Self::Due,
        Self::Occasions,
        Self::Alerts,
        Self::Agreements,
        Self::Refresh,
        Self::Gaps,
        Self::Checks,
    ];

    /// As JSON spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Due => "due",
            Self::Occasions => "occasions",
            Self::Alerts => "alerts",
            Self::Agreements => "agreements",
            Self::Refresh => "refresh",
            Self::Gaps => "gaps",
            Self::Checks => "checks",
        }
    }
}

impl Gap {
    /// Every gap.
    pub const ALL: [Self; 14] = [
        Self::CareGroup,
        Self::BirthDate,
        Self::ResidentId,
        Self::Hukou,
        Self::Residence,
        Self::LivingArrangement,
        Self::CareConsent,
        Self::Supporters,
        Self::Relation,
        Self::AbsenceDay,
        Self::Destination,
        Self::AbsenceReason,
        Self::Capacity,
        Self::Contact,
    ];

    /// As JSON spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CareGroup => "CareGroup",
            Self::BirthDate => "BirthDate",
            Self::ResidentId => "ResidentId",
            Self::Hukou => "Hukou",
            Self::Residence => "Residence",
            Self::LivingArrangement => "LivingArrangement",
            Self::CareConsent => "CareConsent",
            Self::Supporters => "Supporters",
            Self::Relation => "Relation",
            Self::AbsenceDay => "AbsenceDay",
            Self::Destination => "Destination",
            Self::AbsenceReason => "AbsenceReason",
            Self::Capacity => "Capacity",
            Self::Contact => "Contact",
        }
    }
}

impl DueItem {
    fn on(list: DueList) -> Self {
        Self { list, by: None, days_late: None, visits: None, why: Vec::new(), occasion: None }
    }
}

/// What is to be done for an elder whose file lies in `place`: nothing for who has left the roster.
pub fn due_items(
    details: &DueDetails,
    facts: &ElderFacts,
    place: DivisionCode,
    ruleset: &Ruleset,
    as_of: NaiveDate,
) -> Vec<DueItem> {
    let mut items = Vec::new();
    // Incidents are answered whoever is on the roster.
    alerts(facts, place.level(), ruleset, as_of, &mut items);
    if !facts.standing(as_of).is_owed_visits() {
        return items;
    }
    visits(facts, ruleset, as_of, &mut items);
    let agreement = facts.agreement(as_of);
    if agreement != AgreementStanding::InForce {
        let why = vec![DueWhy::Agreement(agreement)];
        items.push(DueItem { why, ..DueItem::on(DueList::Agreements) });
    }
    if let Some(duty) = facts.review_duty(ruleset, as_of).filter(|duty| duty.done_on.is_none()) {
        let (by, days_late) = match duty.overdue {
            Some((by, days)) => (by, Some(days)),
            None => (duty.period.to, None),
        };
        items.push(DueItem { by: Some(by), days_late, ..DueItem::on(DueList::Refresh) });
    }
    let gaps = gaps(details, facts, ruleset, as_of);
    if !gaps.is_empty() {
        let why = gaps.into_iter().map(DueWhy::Gap).collect();
        items.push(DueItem { why, ..DueItem::on(DueList::Gaps) });
    }
    items.extend(check(details, facts, as_of));
    items
}

fn alerts(
    facts: &ElderFacts,
    level: Level,
    ruleset: &Ruleset,
    as_of: NaiveDate,
    items: &mut Vec<DueItem>,
) {
    if facts.standing(as_of).is_owed_visits() {
        let why: Vec<DueWhy> =
            facts.alerts(ruleset, as_of).into_iter().map(DueWhy::Alert).collect();
        if !why.is_empty() {
            items.push(DueItem { why, ..DueItem::on(DueList::Alerts) });
        }
    }
    for (_, incident) in facts.incidents(level, ruleset, end_of(as_of)) {
        if incident.state == IncidentState::Open && incident.late_minutes.is_some() {
            let by = incident.due_at.date();
            items.push(DueItem {
                by: Some(by),
                days_late: u32::try_from((as_of - by).num_days()).ok(),
                why: vec![DueWhy::Incident(incident.kind)],
                ..DueItem::on(DueList::Alerts)
            });
        }
    }
}

fn visits(facts: &ElderFacts, ruleset: &Ruleset, as_of: NaiveDate, items: &mut Vec<DueItem>) {
    let Some(duty) = facts.visit_duty(ruleset, as_of) else { return };
    if let Some(overdue) = duty.overdue {
        items.push(DueItem {
            by: Some(overdue.since),
            days_late: Some(overdue.days),
            visits: Some(overdue.missed),
            ..DueItem::on(DueList::Overdue)
        });
    }
    let monthly = duty.open.iter().filter(|due| due.why == DueReason::Monthly);
    if let Some(first) = monthly.clone().next() {
        items.push(DueItem {
            by: Some(first.by),
            visits: u32::try_from(monthly.count()).ok(),
            ..DueItem::on(DueList::Due)
        });
    }
    for due in &duty.open {
        if let DueReason::Occasion { name, .. } = &due.why {
            items.push(DueItem {
                by: Some(due.by),
                visits: Some(1),
                occasion: Some(name.clone()),
                ..DueItem::on(DueList::Occasions)
            });
        }
    }
}

fn gaps(
    details: &DueDetails,
    facts: &ElderFacts,
    ruleset: &Ruleset,
    as_of: NaiveDate,
) -> BTreeSet<Gap> {
    let mut gaps = BTreeSet::new();
    let mut note = |missing: bool, gap| {
        if missing {
            gaps.insert(gap);
        }
    };
    note(facts.care_group(as_of) == CareGroup::Unclassified, Gap::CareGroup);
    note(facts.visits.care.birth_date.is_none(), Gap::BirthDate);
    note(!details.has_resident_id, Gap::ResidentId);
    let living = facts.alert.living_arrangement;
    note(living.is_none_or(|living| living == LivingArrangement::Unknown), Gap::LivingArrangement);
    let consent = facts.visits.consent;
    note(consent.is_none_or(|consent| consent == CareConsent::NotAsked), Gap::CareConsent);
    note(!details.reachable, Gap::Contact);
    if let Eligibility::Undetermined { missing } = facts.eligibility(ruleset, as_of) {
        for missing in missing {
            let gap = match missing.fact {
                MissingFact::BirthDate => Gap::BirthDate,
                MissingFact::Hukou => Gap::Hukou,
                MissingFact::Residence => Gap::Residence,
                MissingFact::Supporters => Gap::Supporters,
                MissingFact::Relation => Gap::Relation,
                MissingFact::AbsenceDay => Gap::AbsenceDay,
                MissingFact::Destination => Gap::Destination,
                MissingFact::AbsenceReason => Gap::AbsenceReason,
                MissingFact::Capacity => Gap::Capacity,
            };
            gaps.insert(gap);
        }
    }
    gaps
}

/// The check of this year, if the elder is old enough and nobody has noted one. It is late if last
/// year's is missing too and was due.
fn check(details: &DueDetails, facts: &ElderFacts, as_of: NaiveDate) -> Option<DueItem> {
    let born = facts.visits.care.birth_date?;
    let of_age = |day| completed_years(born, day).is_some_and(|years| years >= CHECK_AGE_YEARS);
    let done =
        |year: i32| u16::try_from(year).is_ok_and(|year| details.checked_years.contains(&year));
    let end_of_year = |year| NaiveDate::from_ymd_opt(year, 12, 31);
    let this_year = as_of.year();
    if !of_age(as_of) || done(this_year) {
        return None;
    }
    let last = end_of_year(this_year - 1)?;
    let late = of_age(last) && !done(this_year - 1);
    let (by, days_late, year) = match late {
        true => (last, u32::try_from((as_of - last).num_days()).ok(), this_year - 1),
        false => (end_of_year(this_year)?, None, this_year),
    };
    Some(DueItem {
        by: Some(by),
        days_late,
        why: vec![DueWhy::Year(year)],
        ..DueItem::on(DueList::Checks)
    })
}
