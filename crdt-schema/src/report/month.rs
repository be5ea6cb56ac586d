//! One elder's part in the report of a month, and the tally of many.
//!
//! A tally takes one elder after another and forgets them: what is kept does not grow with the
//! number of elders. Tallies of different elders can be added in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::division::DivisionCode;
use crate::record::{
    AbilityLevel, CareGroup, EntryReason, ExitReason, IncidentKind, SpecialCategory,
};
use crate::rules::age::completed_years;
use crate::rules::agreement::AgreementStanding;
use crate::rules::alert::Alert;
use crate::rules::calendar::{Month, Period};
use crate::rules::escalation::{IncidentStanding, IncidentState};
use crate::rules::facts::{ElderFacts, end_of};
use crate::rules::rate::Rate;
use crate::rules::review::reviewed_in;
use crate::rules::roster::RosterStanding;
use crate::rules::ruleset::Ruleset;

/// What the reports of a month need of one elder, as of the month's last day or the day asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElderMonth {
    /// The scope of the file.
    pub place: DivisionCode,
    /// 名册: whether the elder was owed care at the end.
    pub standing: RosterStanding,
    /// Whether the elder was owed care on the eve of the month.
    pub was_rostered: bool,
    /// 三类人群 at the end.
    pub group: CareGroup,
    /// Completed years at the end.
    pub age: Option<u32>,
    /// 能力等级
    pub ability: AbilityLevel,
    /// 特殊困难
    pub categories: BTreeSet<SpecialCategory>,
    /// Whether a visit that counts was made in the month (R4).
    pub visited: bool,
    /// Whether the elder declines care.
    pub declined: bool,
    /// How it stands with the agreement at the end (R5).
    pub agreement: AgreementStanding,
    /// Whether the file was reviewed in the month's quarter (R6).
    pub reviewed: bool,
    /// Whether the lone-living alert holds at the end (R7).
    pub lone_living: bool,
    /// Why the elder came onto the roster in the month, once for each time.
    pub entries: Vec<Option<EntryReason>>,
    /// Why the elder left it, once for each time.
    pub exits: Vec<Option<ExitReason>>,
    /// Incidents of which anything happened in the month, or that are open at its end.
    pub incidents: Vec<IncidentMonth>,
}

/// What became of one incident in a month (R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentMonth {
    /// What it is.
    pub kind: Option<IncidentKind>,
    /// Raised in the month.
    pub raised: bool,
    /// Acknowledged in the month.
    pub acknowledged: bool,
    /// Closed in the month.
    pub closed: bool,
    /// Not closed at the end.
    pub open: bool,
    /// Not acknowledged at the end, and the time for it is over.
    pub overdue: bool,
}

/// What is counted of the elders of one care group in one place. Every figure counts elders who
/// are on the roster at the end of the month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// 名册人数: on the roster, those of whom nobody has decided among them.
    pub roster: u64,
    /// 探访人数: visited in the month.
    pub visited: u64,
    /// 不愿意接受关爱: counted above all the same.
    pub declined: u64,
    /// Of these, visited.
    pub declined_visited: u64,
    /// 委托照顾协议: one in force.
    pub agreements: u64,
    /// 一季度一更新: reviewed in the quarter.
    pub reviewed: u64,
    /// 独居预警
    pub lone_living: u64,
}

/// What is counted of incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentFigures {
    /// 上报: raised in the month.
    pub raised: u64,
    /// 接报: acknowledged in the month.
    pub acknowledged: u64,
    /// 办结: closed in the month.
    pub closed: u64,
    /// 未办结: not closed at the end.
    pub open: u64,
    /// 超时未接报: not acknowledged at the end, and the time for it is over.
    pub overdue: u64,
}

/// What is counted in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceTally {
    /// Files, those of elders who have left the roster among them.
    pub files: u64,
    /// Of the roster: files of which nobody has decided whether they are on it. They count as on
    /// it (project decision), so that nobody is left alone because somebody has yet to decide.
    pub undetermined: u64,
    /// 上月末名册: on the roster on the eve of the month.
    pub roster_before: u64,
    /// By care group.
    pub groups: BTreeMap<CareGroup, Figures>,
    /// Those on the roster without an agreement in force, by how it stands.
    pub without_agreement: BTreeMap<AgreementStanding, u64>,
    /// 进: by reason.
    pub entries: BTreeMap<EntryReason, u64>,
    /// Entries of which nobody noted the reason.
    pub entries_unexplained: u64,
    /// 出: by reason.
    pub exits: BTreeMap<ExitReason, u64>,
    /// Exits of which nobody noted the reason.
    pub exits_unexplained: u64,
    /// 特殊情况: by kind.
    pub incidents: BTreeMap<IncidentKind, IncidentFigures>,
    /// Incidents of which nobody noted the kind.
    pub incidents_unexplained: IncidentFigures,
}

/// Ages as the prefecture receives them (project decision). Sorted, and written, as by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgeBand {
    /// Younger than 60: on the roster by somebody's slip.
    #[serde(rename = "under60")]
    Under60,
    /// 60–69
    #[serde(rename = "60-69")]
    Sixties,
    /// 70–79
    #[serde(rename = "70-79")]
    Seventies,
    /// 80–89
    #[serde(rename = "80-89")]
    Eighties,
    /// 90 and more.
    #[serde(rename = "90+")]
    Nineties,
    /// No birth date is known.
    #[serde(rename = "unknown")]
    Unknown,
}

/// What is counted of the people on the roster, wherever they live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Characteristics {
    /// By care group and age.
    pub ages: BTreeMap<CareGroup, BTreeMap<AgeBand, u64>>,
    /// By ability level.
    pub abilities: BTreeMap<AbilityLevel, u64>,
    /// By category; one elder may be in several.
    pub categories: BTreeMap<SpecialCategory, u64>,
}

/// Everything that is counted for a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthTally {
    /// By the scope of the files.
    pub places: BTreeMap<DivisionCode, PlaceTally>,
    /// The people.
    pub people: Characteristics,
}

impl AgeBand {
    /// Every band, the youngest first.
    pub const ALL: [Self; 6] = [
        Self::Under60,
        Self::Sixties,
        Self::Seventies,
        Self::Eighties,
        Self::Nineties,
        Self::Unknown,
    ];

    /// The band of an age in completed years.
    pub fn of(age: Option<u32>) -> Self {
        match age {
            None => Self::Unknown,
            Some(0..60) => Self::Under60,
            Some(60..70) => Self::Sixties,
            Some(70..80) => Self::Seventies,
            Some(80..90) => Self::Eighties,
            Some(90..) => Self::Nineties,
        }
    }

    /// As JSON spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Under60 => "under60",
            Self::Sixties => "60-69",
            Self::Seventies => "70-79",
            Self::Eighties => "80-89",
            Self::Nineties => "90+",
            Self::Unknown => "unknown",
        }
    }
}

impl Figures {
    /// 月探访率 (R4).
    pub fn visit_rate(&self) -> Rate {
        Rate { numerator: self.visited, denominator: self.roster }
    }

    /// 协议签订率 (R5).
    pub fn agreement_rate(&self) -> Rate {
        Rate { numerator: self.agreements, denominator: self.roster }
    }

    /// 季度更新率 (R6).
    pub fn refresh_rate(&self) -> Rate {
        Rate { numerator: self.reviewed, denominator: self.roster }
    }
}

impl PlaceTally {
    /// The figures of all groups together.
    pub fn all(&self) -> Figures {
        let mut all = Figures::default();
        self.groups.values().for_each(|figures| all += *figures);
        all
    }

    /// Everyone who came onto the roster.
    pub fn entered(&self) -> u64 {
        self.entries.values().sum::<u64>() + self.entries_unexplained
    }

    /// Everyone who left it.
    pub fn left(&self) -> u64 {
        self.exits.values().sum::<u64>() + self.exits_unexplained
    }

    /// The incidents of all kinds together.
    pub fn all_incidents(&self) -> IncidentFigures {
        let mut all = self.incidents_unexplained;
        self.incidents.values().for_each(|figures| all += *figures);
        all
    }

    fn add(&mut self, elder: &ElderMonth) {
        self.files += 1;
        self.roster_before += u64::from(elder.was_rostered);
        for reason in &elder.entries {
            match reason {
                Some(reason) => *self.entries.entry(*reason).or_default() += 1,
                None => self.entries_unexplained += 1,
            }
        }
        for reason in &elder.exits {
            match reason {
                Some(reason) => *self.exits.entry(*reason).or_default() += 1,
                None => self.exits_unexplained += 1,
            }
        }
        for incident in &elder.incidents {
            let figures = match incident.kind {
                Some(kind) => self.incidents.entry(kind).or_default(),
                None => &mut self.incidents_unexplained,
            };
            *figures += incident.figures();
        }
        if !elder.is_rostered() {
            return;
        }
        self.undetermined += u64::from(elder.standing == RosterStanding::Undetermined);
        if elder.agreement != AgreementStanding::InForce {
            *self.without_agreement.entry(elder.agreement).or_default() += 1;
        }
        *self.groups.entry(elder.group).or_default() += elder.figures();
    }
}

impl MonthTally {
    /// Counts one elder.
    pub fn add(&mut self, elder: &ElderMonth) {
        self.places.entry(elder.place).or_default().add(elder);
        if !elder.is_rostered() {
            return;
        }
        let people = &mut self.people;
        let ages = people.ages.entry(elder.group).or_default();
        *ages.entry(AgeBand::of(elder.age)).or_default() += 1;
        *people.abilities.entry(elder.ability).or_default() += 1;
        for category in &elder.categories {
            *people.categories.entry(*category).or_default() += 1;
        }
    }

    /// What is counted in a place and everything inside it.
    pub fn within(&self, place: DivisionCode) -> PlaceTally {
        let mut all = PlaceTally::default();
        let inside = self.places.iter().filter(|(code, _)| place.contains(**code));
        inside.for_each(|(_, tally)| all += tally);
        all
    }
}

impl ElderMonth {
    /// What the facts of a file come to for a month, up to a day: the month's last, or the day asked
    /// for if that is earlier. None for a month that has not begun.
    pub fn of(
        facts: &ElderFacts,
        place: DivisionCode,
        ruleset: &Ruleset,
        month: Month,
        as_of: NaiveDate,
    ) -> Option<Self> {
        let period = Period::new(month.first(), month.last().min(as_of))?;
        let roster = facts.roster();
        let eve = month.previous().last();
        let mut entries = Vec::new();
        let mut exits = Vec::new();
        for change in roster.changes(period) {
            match change.standing {
                RosterStanding::On { reason, .. } => entries.push(reason),
                RosterStanding::Off { reason, .. } => exits.push(reason),
                RosterStanding::Undetermined => {}
            }
        }
        let quarter = Period::block(period.to, ruleset.review_months);
        let reviewable = quarter.intersection(Period { from: quarter.from, to: period.to });
        let incidents = facts
            .incidents(place.level(), ruleset, end_of(period.to))
            .map(|(_, standing)| IncidentMonth::of(&standing, period))
            .filter(|incident| incident.figures() != IncidentFigures::default())
            .collect();
        Some(Self {
            place,
            standing: facts.standing(period.to),
            was_rostered: roster.on(eve).is_owed_visits(),
            group: facts.care_group(period.to),
            age: facts.visits.care.birth_date.and_then(|born| completed_years(born, period.to)),
            ability: facts.visits.care.ability_level.unwrap_or(AbilityLevel::Unassessed),
            categories: facts.special_categories(ruleset, period.to),
            visited: facts.visits.visited_in(period),
            declined: facts.visits.declined(),
            agreement: facts.agreement(period.to),
            reviewed: reviewable.is_some_and(|period| reviewed_in(&facts.reviews, period)),
            lone_living: facts.alerts(ruleset, period.to).contains(&Alert::LoneLiving),
            entries,
            exits,
            incidents,
        })
    }

    /// Whether the elder counts in the rates: on the roster, or not decided yet.
    pub fn is_rostered(&self) -> bool {
        self.standing.is_owed_visits()
    }

    fn figures(&self) -> Figures {
        Figures {
            roster: 1,
            visited: u64::from(self.visited),
            declined: u64::from(self.declined),
            declined_visited: u64::from(self.declined && self.visited),
            agreements: u64::from(self.agreement == AgreementStanding::InForce),
            reviewed: u64::from(self.reviewed),
            lone_living: u64::from(self.lone_living),
        }
    }
}

impl IncidentMonth {
    fn of(standing: &IncidentStanding, period: Period) -> Self {
        let within = |at: NaiveDateTime| period.contains(at.date());
        Self {
            kind: standing.kind,
            raised: within(standing.raised_at),
            acknowledged: standing.acknowledged_at.is_some_and(within),
            closed: standing.state == IncidentState::Closed
                && standing.closed_at.is_some_and(within),
            open: standing.state != IncidentState::Closed,
            overdue: standing.state == IncidentState::Open && standing.late_minutes.is_some(),
        }
    }

    fn figures(&self) -> IncidentFigures {
        IncidentFigures {
            raised: u64::from(self.raised),
            acknowledged: u64::from(self.acknowledged),
            closed: u64::from(self.closed),
            open: u64::from(self.open),
            overdue: u64::from(self.overdue),
        }
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.roster += other.roster;
        self.visited += other.visited;
        self.declined += other.declined;
        self.declined_visited += other.declined_visited;
        self.agreements += other.agreements;
        self.reviewed += other.reviewed;
        self.lone_living += other.lone_living;
    }
}

impl AddAssign for IncidentFigures {
    fn add_assign(&mut self, other: Self) {
        self.raised += other.raised;
        self.acknowledged += other.acknowledged;
        self.closed += other.closed;
        self.open += other.open;
        self.overdue += other.overdue;
    }
}

impl AddAssign<&Self> for PlaceTally {
    fn add_assign(&mut self, other: &Self) {
        self.files += other.files;
        self.undetermined += other.undetermined;
        self.roster_before += other.roster_before;
        add_maps(&mut self.groups, &other.groups);
        add_maps(&mut self.without_agreement, &other.without_agreement);
        add_maps(&mut self.entries, &other.entries);
        self.entries_unexplained += other.entries_unexplained;
        add_maps(&mut self.exits, &other.exits);
        self.exits_unexplained += other.exits_unexplained;
        add_maps(&mut self.incidents, &other.incidents);
        self.incidents_unexplained += other.incidents_unexplained;
    }
}

impl AddAssign<&Self> for MonthTally {
    fn add_assign(&mut self, other: &Self) {
        for (place, tally) in &other.places {
            *self.places.entry(*place).or_default() += tally;
        }
        for (group, ages) in &other.people.ages {
            add_maps(self.people.ages.entry(*group).or_default(), ages);
        }
        add_maps(&mut self.people.abilities, &other.people.abilities);
        add_maps(&mut self.people.categories, &other.people.categories);
    }
}

fn add_maps<K: Ord + Copy, V: Copy + Default + AddAssign>(
    map: &mut BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
) {
    for (key, value) in other {
        *map.entry(*key).or_default() += *value;
    }
}
