//! R1, who is a left-behind elder 留守老年人.
//!
//! | | Lijiang 2024 1(4) | Ziyang 2018 section 1 |
//! | --- | --- | --- |
//! | age | 60 or more | the same |
//! | household registration | in the county | not asked |
//! | lives | in a village | the same (project decision) |
//! | away for six continuous months | one supporter, out of the county for work or business | every child, out of the county |
//! | nobody else | no capable supporter present | the same |
//!
//! Present means inside the county (project decision). A spouse is no supporter and does not
//! block. Every test answers yes, no or unknown: one no decides, and otherwise one unknown leaves
//! the answer undetermined and names what is missing.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::division::{DivisionCode, Level};
use crate::record::{EligibilityRule, SupportCapacity};
use crate::rules::absence::{AbsenceFact, AbsenceTest, Away, away};
use crate::rules::age::completed_years;
use crate::rules::relation::Kinship;
use crate::rules::ruleset::Ruleset;

/// The age from which an elder may be eligible (60 以上, inclusive; Lijiang 2024 1(4)).
const AGE_YEARS: u32 = 60;

/// The facts that decide eligibility; None where the file says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EligibilityFacts {
    /// 出生日期
    pub birth_date: Option<NaiveDate>,
    /// 户籍地
    pub hukou: Option<DivisionCode>,
    /// 居住地
    pub residence: Option<DivisionCode>,
    /// 赡养人; None where nobody has asked. Spouses are left out.
    pub supporters: Option<Vec<SupporterFacts>>,
}

/// What is known of one supporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupporterFacts {
    /// 姓名, to say of whom a fact is missing.
    pub name: String,
    /// What the supporter is to the elder.
    pub kinship: Kinship,
    /// Whether the supporter could care for the elder.
    pub capacity: SupportCapacity,
    /// 外出, in list order.
    pub absences: Vec<AbsenceFact>,
}

/// Whether an elder is a left-behind elder on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer")]
pub enum Eligibility {
    /// All tests hold.
    Eligible,
    /// One test fails.
    NotEligible {
        /// The first that fails, in the order of the table.
        reason: NotEligible,
    },
    /// No test fails, and not all are decided.
    Undetermined {
        /// What to find out.
        missing: Vec<Missing>,
    },
}

/// The test that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NotEligible {
    /// Not yet 60.
    TooYoung,
    /// Registered in another county.
    RegisteredElsewhere,
    /// Lives under a residents' committee.
    NotInVillage,
    /// There is no supporter (under Ziyang 2018: no child). Other categories may fit.
    NoSupporter,
    /// No supporter is away for long enough (under Ziyang 2018: not every child is).
    NobodyAway,
    /// A capable supporter is present.
    SupporterPresent,
}

/// A fact that nobody has noted and that decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// What.
    pub fact: MissingFact,
    /// Of which supporter, where it is a supporter's.
    pub supporter: Option<String>,
}

/// What may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MissingFact {
    /// 出生日期
    BirthDate,
    /// 户籍地, or one that is too coarse.
    Hukou,
    /// 居住地, or one that does not say whether it is a village.
    Residence,
    /// Whether there are supporters at all.
    Supporters,
    /// Whether the supporter is a child.
    Relation,
    /// Since when the supporter is away, if at all.
    AbsenceDay,
    /// Where to, as a division code.
    Destination,
    /// What for.
    AbsenceReason,
    /// Whether the supporter could care for the elder.
    Capacity,
}

/// Yes, no, or what to find out.
type Answer = Result<bool, Vec<Missing>>;

/// Whether the elder is left behind on a day, by the ruleset's definition.
pub fn eligibility(facts: &EligibilityFacts, ruleset: &Ruleset, as_of: NaiveDate) -> Eligibility {
    let tests = [
        (NotEligible::TooYoung, old_enough(facts, as_of)),
        (
            NotEligible::RegisteredElsewhere,
            match ruleset.eligibility {
                EligibilityRule::Lijiang2024 => registered(facts),
                EligibilityRule::Ziyang2018 => Ok(true),
            },
        ),
        (NotEligible::NotInVillage, in_village(facts)),
    ];
    let family = family_tests(facts, ruleset, as_of);
    let mut missing = Vec::new();
    for (reason, answer) in tests.into_iter().chain(family) {
        match answer {
            Ok(true) => {}
            Ok(false) => return Eligibility::NotEligible { reason },
            Err(facts) => missing.extend(facts),
        }
    }
    missing.sort();
    missing.dedup();
    match missing.is_empty() {
        true => Eligibility::Eligible,
        false => Eligibility::Undetermined { missing },
    }
}

/// The county that a place lies in: the place itself or the first one above it that is no smaller.
/// A prefecture without counties, such as 东莞, stands for one.
pub fn county_of(place: DivisionCode) -> DivisionCode {
    std::iter::successors(Some(place), |code| code.parent())
        .find(|code| code.level() <= Level::County)
        .unwrap_or(place)
}

fn old_enough(facts: &EligibilityFacts, as_of: NaiveDate) -> Answer {
    let born = facts.birth_date.ok_or_else(|| lacks(MissingFact::BirthDate))?;
    // Born after the day asked for: somebody's slip, but certainly not sixty.
    Ok(completed_years(born, as_of).is_some_and(|years| years >= AGE_YEARS))
}

fn registered(facts: &EligibilityFacts) -> Answer {
    let county = county(facts)?;
    let hukou = facts.hukou.ok_or_else(|| lacks(MissingFact::Hukou))?;
    match (county.contains(hukou), hukou.contains(county)) {
        (true, _) => Ok(true),
        // Only the province or prefecture around the county is noted.
        (false, true) => Err(lacks(MissingFact::Hukou)),
        (false, false) => Ok(false),
    }
}

/// By the code: 001–199 residents' committee, 200–399 villagers' committee, 400–599 either.
fn in_village(facts: &EligibilityFacts) -> Answer {
    match facts.residence.filter(|code| code.level() == Level::Village) {
        Some(code) => match code.local_number() {
            1..=199 => Ok(false),
            200..=399 => Ok(true),
            _ => Err(lacks(MissingFact::Residence)),
        },
        None => Err(lacks(MissingFact::Residence)),
    }
}

fn family_tests(
    facts: &EligibilityFacts,
    ruleset: &Ruleset,
    as_of: NaiveDate,
) -> Vec<(NotEligible, Answer)> {
    let Some(supporters) = &facts.supporters else {
        return vec![(NotEligible::NoSupporter, Err(lacks(MissingFact::Supporters)))];
    };
    if supporters.is_empty() {
        return vec![(NotEligible::NoSupporter, Ok(false))];
    }
    let county = match county(facts) {
        Ok(county) => county,
        Err(missing) => return vec![(NotEligible::NobodyAway, Err(missing))],
    };
    let test =
        AbsenceTest { county, months: ruleset.months_away, home_trip_days: ruleset.home_trip_days };
    let judged: Vec<(&SupporterFacts, Away)> = supporters
        .iter()
        .map(|supporter| (supporter, away(&supporter.absences, &test, as_of)))
        .collect();
    let nobody_else = (NotEligible::SupporterPresent, no_capable_present(&judged));
    match ruleset.eligibility {
        EligibilityRule::Lijiang2024 => {
            vec![(NotEligible::NobodyAway, one_away_for_work(&judged)), nobody_else]
        }
        EligibilityRule::Ziyang2018 => vec![
            (NotEligible::NoSupporter, has_child(&judged)),
            (NotEligible::NobodyAway, every_child_away(&judged)),
            nobody_else,
        ],
    }
}

fn one_away_for_work(judged: &[(&SupporterFacts, Away)]) -> Answer {
    any(judged.iter().map(|(supporter, away)| match (away.long_enough, away.for_work) {
        (Some(false), _) | (_, Some(false)) => Ok(false),
        (Some(true), Some(true)) => Ok(true),
        (long_enough, for_work) => {
            let mut missing = match long_enough {
                Some(_) => Vec::new(),
                None => lacks_of_absence(supporter, away),
            };
            if for_work.is_none() {
                missing.push(of(supporter, MissingFact::AbsenceReason));
            }
            Err(missing)
        }
    }))
}

fn has_child(judged: &[(&SupporterFacts, Away)]) -> Answer {
    any(judged.iter().map(|(supporter, _)| is_child(supporter)))
}

fn every_child_away(judged: &[(&SupporterFacts, Away)]) -> Answer {
    all(judged.iter().map(|(supporter, away)| match (is_child(supporter), away.long_enough) {
        (Ok(false), _) | (_, Some(true)) => Ok(true),
        (Ok(true), Some(false)) => Ok(false),
        (Ok(true), None) => Err(lacks_of_absence(supporter, away)),
        (Err(missing), _) => Err(missing),
    }))
}

fn no_capable_present(judged: &[(&SupporterFacts, Away)]) -> Answer {
    all(judged.iter().map(|(supporter, away)| match (away.present, supporter.capacity) {
        (Some(false), _) | (_, SupportCapacity::Incapable) => Ok(true),
        (Some(true), SupportCapacity::Capable) => Ok(false),
        (present, capacity) => {
            let mut missing = match present {
                Some(_) => Vec::new(),
                None => lacks_of_absence(supporter, away),
            };
            if capacity == SupportCapacity::Unknown {
                missing.push(of(supporter, MissingFact::Capacity));
            }
            Err(missing)
        }
    }))
}

fn is_child(supporter: &SupporterFacts) -> Answer {
    match supporter.kinship {
        Kinship::Child => Ok(true),
        Kinship::Other => Ok(false),
        Kinship::Unknown => Err(vec![of(supporter, MissingFact::Relation)]),
    }
}

fn lacks_of_absence(supporter: &SupporterFacts, away: &Away) -> Vec<Missing> {
    let facts = [
        (away.lacks_day, MissingFact::AbsenceDay),
        (away.lacks_destination, MissingFact::Destination),
    ];
    facts.into_iter().filter(|(lacks, _)| *lacks).map(|(_, fact)| of(supporter, fact)).collect()
}

/// The place that "out of the county" is measured from: where the elder lives.
fn county(facts: &EligibilityFacts) -> Result<DivisionCode, Vec<Missing>> {
    facts.residence.map(county_of).ok_or_else(|| lacks(MissingFact::Residence))
}

/// One yes decides; otherwise everything that is missing counts.
fn any(answers: impl Iterator<Item = Answer>) -> Answer {
    let mut missing = Vec::new();
    for answer in answers {
        match answer {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(facts) => missing.extend(facts),
        }
    }
    if missing.is_empty() { Ok(false) } else { Err(missing) }
}

/// One no decides; otherwise everything that is missing counts.
fn all(answers: impl Iterator<Item = Answer>) -> Answer {
    let mut missing = Vec::new();
    for answer in answers {
        match answer {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(facts) => missing.extend(facts),
        }
    }
    if missing.is_empty() { Ok(true) } else { Err(missing) }
}

fn lacks(fact: MissingFact) -> Vec<Missing> {
    vec![Missing { fact, supporter: None }]
}

fn of(supporter: &SupporterFacts, fact: MissingFact) -> Missing {
    Missing { fact, supporter: Some(supporter.name.clone()) }
}
