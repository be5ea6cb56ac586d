//! R11, the phases of the programmes, as data.

use chrono::NaiveDate;

use crate::rules::calendar::Period;

/// A policy that has phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Programme {
    /// Lijiang 2024, section 3.
    Lijiang2024,
    /// MCA 2022 guidance, section 1(3).
    Mca2022,
    /// XX district plan, section 4.
    DistrictPlan,
    /// Hengnan wuchang plan, section 1.
    Hengnan,
    /// Ziyang 2018, section 2.
    Ziyang2018,
}

/// A phase, or a target with its last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Whose.
    pub programme: Programme,
    /// What it is about: the key of a word in the catalogues.
    pub key: &'static str,
    /// First day as (year, month, day); None where the source names only the end.
    from: Option<(i32, u32, u32)>,
    /// Last day.
    to: (i32, u32, u32),
}

const fn phase(
    programme: Programme,
    key: &'static str,
    from: Option<(i32, u32, u32)>,
    to: (i32, u32, u32),
) -> Phase {
    Phase { programme, key, from, to }
}

/// Every phase and target that a source dates, by programme and time.
pub const PHASES: &[Phase] = &[
    phase(Programme::Lijiang2024, "launch", Some((2024, 5, 1)), (2024, 6, 30)),
    phase(Programme::Lijiang2024, "survey_and_system_update", None, (2024, 6, 15)),
    phase(Programme::Lijiang2024, "county_plans", None, (2024, 6, 30)),
    phase(Programme::Lijiang2024, "push", Some((2024, 6, 1)), (2025, 12, 31)),
    phase(Programme::Lijiang2024, "consolidate", Some((2026, 1, 1)), (2026, 12, 31)),
    phase(Programme::Mca2022, "mechanism", None, (2023, 12, 31)),
    phase(Programme::Mca2022, "widespread", None, (2024, 12, 31)),
    phase(Programme::DistrictPlan, "first_stage", Some((2021, 1, 1)), (2022, 12, 31)),
    phase(Programme::DistrictPlan, "second_stage", Some((2023, 1, 1)), (2024, 12, 31)),
    phase(Programme::DistrictPlan, "third_stage", Some((2025, 1, 1)), (2025, 12, 31)),
    phase(Programme::DistrictPlan, "acceptance", None, (2025, 11, 30)),
    phase(Programme::Hengnan, "four_level_network", None, (2023, 12, 31)),
    phase(Programme::Ziyang2018, "system", None, (2020, 12, 31)),
];

impl Phase {
    /// The last day.
    pub fn ends(&self) -> Option<NaiveDate> {
        day(self.to)
    }

    /// The days of a phase; None for a target, of which the source names only the end.
    pub fn period(&self) -> Option<Period> {
        Period::new(day(self.from?)?, day(self.to)?)
    }
}

/// The phases of a programme that a day lies in, in their order: two where they overlap, as in
/// June 2024, and none before and after.
pub fn phase_on(programme: Programme, date: NaiveDate) -> impl Iterator<Item = &'static Phase> {
    PHASES.iter().filter(move |phase| {
        phase.programme == programme && phase.period().is_some_and(|period| period.contains(date))
    })
}

fn day((year, month, day): (i32, u32, u32)) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}
