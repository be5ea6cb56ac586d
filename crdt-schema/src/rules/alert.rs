//! R7, elders who should not be alone.

use serde::{Deserialize, Serialize};

use crate::record::{AbilityLevel, LivingArrangement, ObservedFunction};

/// The facts that decide an alert; None where the file says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertFacts {
    /// 居住状况
    pub living_arrangement: Option<LivingArrangement>,
    /// 能力等级; None counts as unassessed.
    pub ability_level: Option<AbilityLevel>,
    /// 身体状况; looked at only while unassessed.
    pub observed_function: Option<ObservedFunction>,
    /// A serious illness is noted: a severe mental disorder or tuberculosis among the conditions, a
    /// severe mental state, or an open incident of illness (project decision).
    pub seriously_ill: bool,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Alert {
    /// 独居预警: moderate impairment or worse, and lives alone (Lijiang 2024 item 5).
    LoneLiving,
    /// Seriously ill and unable to look after themselves: ask that one child stay (Ziyang 2018 (3)).
    AskChildToStay,
}

/// The alerts that hold.
pub fn alerts(facts: &AlertFacts) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let ability = facts.ability_level.unwrap_or(AbilityLevel::Unassessed);
    let impaired =
        matches!(ability, AbilityLevel::Total | AbilityLevel::Severe | AbilityLevel::Moderate);
    if impaired && facts.living_arrangement == Some(LivingArrangement::Alone) {
        alerts.push(Alert::LoneLiving);
    }
    // Self-care is lost at the two worst levels; while unassessed, in bed for long.
    let helpless = match ability {
        AbilityLevel::Total | AbilityLevel::Severe => true,
        AbilityLevel::Unassessed => facts.observed_function == Some(ObservedFunction::Bedridden),
        AbilityLevel::Moderate | AbilityLevel::Mild | AbilityLevel::Intact => false,
    };
    if facts.seriously_ill && helpless {
        alerts.push(Alert::AskChildToStay);
    }
    alerts
}
