//! 特殊困难 (MCA 2022 guidance preamble, 2(1)): the categories that follow from a file, together
//! with the two that somebody certifies.

use std::collections::BTreeSet;

use crate::record::{AbilityLevel, DisabilityGrade, LivingArrangement, SpecialCategory};
use crate::rules::eligibility::Eligibility;

/// The facts that decide the categories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CategoryFacts {
    /// 居住状况
    pub living_arrangement: Option<LivingArrangement>,
    /// 能力等级
    pub ability_level: Option<AbilityLevel>,
    /// 残疾等级
    pub disability_grade: Option<DisabilityGrade>,
    /// 空巢, 计划生育特殊家庭, as written by those who may.
    pub written: BTreeSet<SpecialCategory>,
}

/// The categories of an elder. What is not known puts nobody into one.
pub fn special_categories(
    facts: &CategoryFacts,
    left_behind: &Eligibility,
) -> BTreeSet<SpecialCategory> {
    use AbilityLevel::{Mild, Moderate, Severe, Total};
    let follows = [
        (SpecialCategory::LivingAlone, facts.living_arrangement == Some(LivingArrangement::Alone)),
        (SpecialCategory::LeftBehind, *left_behind == Eligibility::Eligible),
        // Mild or worse (project decision).
        (
            SpecialCategory::Impaired,
            matches!(facts.ability_level, Some(Total | Severe | Moderate | Mild)),
        ),
        (
            SpecialCategory::SevereDisability,
            matches!(facts.disability_grade, Some(DisabilityGrade::G1 | DisabilityGrade::G2)),
        ),
    ];
    let follows = follows.into_iter().filter(|(_, holds)| *holds).map(|(category, _)| category);
    facts
        .written
        .iter()
        .copied()
        .filter(|category| {
            matches!(category, SpecialCategory::EmptyNest | SpecialCategory::FamilyPlanningSpecial)
        })
        .chain(follows)
        .collect()
}
