//! R2, the care group 三类人群 (Lijiang 2024 item 4): first matching row of a decision table.
//!
//! | # | Age | Condition | Group |
//! | --- | --- | --- | --- |
//! | 1 | ≥ 80 | any | Key |
//! | 2 | < 80 | disability grade 1 or 2 | Key |
//! | 3 | < 80 | ability Severe or Total | Key |
//! | 4 | < 80 | dementia Yes | Key |
//! | 5 | < 80 | unassessed, Bedridden | Key |
//! | 6 | < 80 | ability Moderate | Secondary |
//! | 7 | < 80 | unassessed, MobilityLimited | Secondary |
//! | 8 | < 80 | ability Mild or Intact | General |
//! | 9 | < 80 | unassessed, NoLimitation | General |
//! | 10 | < 80 | otherwise | Unclassified: on the data-gap list |
//!
//! Without a birth date the group is the one that both ages give, else Unclassified: so it is Key
//! where rows 2–5 say Key, and Unclassified elsewhere.

use chrono::NaiveDate;

use crate::record::{AbilityLevel, CareGroup, DisabilityGrade, ObservedFunction, YesNo};
use crate::rules::age::completed_years;

/// The age from which everyone is in the key group (Lijiang 2024 item 4, 以上 inclusive).
const KEY_AGE_YEARS: u32 = 80;

/// The facts that decide the group; None where the file says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CareFacts {
    /// 出生日期
    pub birth_date: Option<NaiveDate>,
    /// 能力等级; None counts as unassessed.
    pub ability_level: Option<AbilityLevel>,
    /// 身体状况; looked at only while unassessed.
    pub observed_function: Option<ObservedFunction>,
    /// 失智
    pub dementia: Option<YesNo>,
    /// 残疾等级
    pub disability_grade: Option<DisabilityGrade>,
}

/// The care group on a day.
pub fn care_group(facts: &CareFacts, as_of: NaiveDate) -> CareGroup {
    let under_key_age = group_under_key_age(facts);
    match facts.birth_date.map(|born| completed_years(born, as_of)) {
        Some(Some(years)) if years >= KEY_AGE_YEARS => CareGroup::Key,
        // Born after the day asked for: somebody's slip, but certainly not eighty.
        Some(_) => under_key_age,
        None if under_key_age == CareGroup::Key => CareGroup::Key,
        None => CareGroup::Unclassified,
    }
}

fn group_under_key_age(facts: &CareFacts) -> CareGroup {
    use AbilityLevel::{Intact, Mild, Moderate, Severe, Total, Unassessed};
    use ObservedFunction::{Bedridden, MobilityLimited, NoLimitation, Unknown};
    let ability = facts.ability_level.unwrap_or(Unassessed);
    let severely_disabled =
        matches!(facts.disability_grade, Some(DisabilityGrade::G1 | DisabilityGrade::G2));
    if severely_disabled || matches!(ability, Severe | Total) || facts.dementia == Some(YesNo::Yes)
    {
        return CareGroup::Key;
    }
    match (ability, facts.observed_function.unwrap_or(Unknown)) {
        (Unassessed, Bedridden) => CareGroup::Key,
        (Moderate, _) | (Unassessed, MobilityLimited) => CareGroup::Secondary,
        (Mild | Intact, _) | (Unassessed, NoLimitation) => CareGroup::General,
        (Unassessed, Unknown) | (Severe | Total, _) => CareGroup::Unclassified,
    }
}
