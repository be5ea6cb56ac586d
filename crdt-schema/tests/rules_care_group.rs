//! R2: the decision table. Each row names the line of the policy that it comes from.

use chrono::NaiveDate;
use proptest::prelude::*;
use shouwang_crdt_schema::record::AbilityLevel::{
    self, Intact, Mild, Moderate, Severe, Total, Unassessed,
};
use shouwang_crdt_schema::record::CareGroup::{self, *};
use shouwang_crdt_schema::record::Choice;
use shouwang_crdt_schema::record::DisabilityGrade::{self, G1, G2, G3, G4};
use shouwang_crdt_schema::record::ObservedFunction::{
    self, Bedridden, MobilityLimited, NoLimitation,
};
use shouwang_crdt_schema::record::YesNo::{self, No, Yes};
use shouwang_crdt_schema::rules::care_group::{CareFacts, care_group};

const AS_OF: &str = "2026-09-01";
/// Turns 80 the day after [`AS_OF`].
const SEVENTY_NINE: &str = "1946-09-02";
/// Turns 80 on [`AS_OF`].
const EIGHTY: &str = "1946-09-01";

type Row = (
    &'static str,
    Option<&'static str>,
    Option<AbilityLevel>,
    Option<ObservedFunction>,
    Option<YesNo>,
    Option<DisabilityGrade>,
    CareGroup,
);

/// Lijiang 2024 item 4; rows marked † are project decisions (docs/rules.md).
const CARE_GROUP: &[Row] = &[
    ("row 1: eighty or more", Some(EIGHTY), Some(Intact), None, None, None, Key),
    ("row 1: whatever is missing", Some(EIGHTY), None, None, None, None, Key),
    ("row 8: the day before", Some(SEVENTY_NINE), Some(Intact), None, None, None, General),
    ("row 2: grade 1", Some(SEVENTY_NINE), Some(Intact), None, None, Some(G1), Key),
    ("row 2: grade 2 and intact", Some(SEVENTY_NINE), Some(Intact), None, None, Some(G2), Key),
    ("row 8: grade 3 and mild", Some(SEVENTY_NINE), Some(Mild), None, None, Some(G3), General),
    ("row 3: severe", Some(SEVENTY_NINE), Some(Severe), None, None, None, Key),
    ("row 3: total", Some(SEVENTY_NINE), Some(Total), Some(NoLimitation), None, None, Key),
    ("row 4: dementia", Some(SEVENTY_NINE), Some(Moderate), None, Some(Yes), None, Key),
    ("row 5: bedridden", Some(SEVENTY_NINE), Some(Unassessed), Some(Bedridden), None, None, Key),
    ("row 5: never assessed", Some(SEVENTY_NINE), None, Some(Bedridden), Some(No), None, Key),
    ("row 6: moderate", Some(SEVENTY_NINE), Some(Moderate), None, None, None, Secondary),
    (
        "row 6: an assessment outweighs what a visitor saw",
        Some(SEVENTY_NINE),
        Some(Moderate),
        Some(Bedridden),
        None,
        None,
        Secondary,
    ),
    ("row 7", Some(SEVENTY_NINE), None, Some(MobilityLimited), None, None, Secondary),
    ("row 8: intact", Some(SEVENTY_NINE), Some(Intact), Some(Bedridden), None, None, General),
    ("row 9", Some(SEVENTY_NINE), Some(Unassessed), Some(NoLimitation), None, None, General),
    ("row 10†", Some(SEVENTY_NINE), None, None, Some(No), Some(G4), Unclassified),
    ("no birth date†, both ages give Key", None, Some(Severe), None, None, None, Key),
    ("no birth date†, the ages differ", None, Some(Intact), None, None, None, Unclassified),
    ("no birth date†, the ages differ", None, Some(Moderate), None, None, None, Unclassified),
];

#[test]
fn care_group_follows_its_table() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    for (name, born, ability_level, observed_function, dementia, disability_grade, group) in
        CARE_GROUP
    {
        let facts = CareFacts {
            birth_date: born.map(day),
            ability_level: *ability_level,
            observed_function: *observed_function,
            dementia: *dementia,
            disability_grade: *disability_grade,
        };
        assert_eq!(care_group(&facts, day(AS_OF)), *group, "{name}");
    }
}

/// Turns 80 on 28 February of common years, on 29 February of leap years.
#[test]
fn eighty_on_29_february() {
    let facts = CareFacts {
        birth_date: "1948-02-29".parse().ok(),
        ability_level: Some(Intact),
        ..CareFacts::default()
    };
    let on = |text: &str| care_group(&facts, text.parse().unwrap());
    assert_eq!((on("2028-02-28"), on("2028-02-29")), (General, Key));
    let facts = CareFacts { birth_date: "1944-02-29".parse().ok(), ..facts };
    let on = |text: &str| care_group(&facts, text.parse().unwrap());
    // Eighty in 2024, a leap year; 79 before.
    assert_eq!((on("2023-02-28"), on("2024-02-28"), on("2024-02-29")), (General, General, Key));
}

fn protection(group: CareGroup) -> u8 {
    match group {
        Key => 3,
        Secondary => 2,
        General => 1,
        Unclassified => 0,
    }
}

fn facts() -> impl Strategy<Value = CareFacts> {
    let choice = |n: usize| prop::option::of(0..n);
    (prop::option::of(18_000i32..36_000), choice(6), choice(4), choice(3), choice(6)).prop_map(
        |(born, ability, observed, dementia, disability)| CareFacts {
            birth_date: born.map(|days| {
                NaiveDate::from_ymd_opt(1900, 1, 1).unwrap()
                    + chrono::Days::new(u64::try_from(days).unwrap())
            }),
            ability_level: ability.map(|at| AbilityLevel::ALL[at]),
            observed_function: observed.map(|at| ObservedFunction::ALL[at]),
            dementia: dementia.map(|at| YesNo::ALL[at]),
            disability_grade: disability.map(|at| DisabilityGrade::ALL[at]),
        },
    )
}

proptest! {
    /// A fact that asks for more care never lowers the group: dementia, a severe disability, a worse
    /// level, and age.
    #[test]
    fn more_need_never_means_less_care(facts in facts(), later in 0u64..9_000) {
        let as_of: NaiveDate = AS_OF.parse().unwrap();
        let group = care_group(&facts, as_of);
        let worse = [
            CareFacts { dementia: Some(Yes), ..facts },
            CareFacts { disability_grade: Some(G2), ..facts },
            CareFacts { ability_level: Some(Severe), ..facts },
        ];
        for worse in worse {
            prop_assert!(protection(care_group(&worse, as_of)) >= protection(group));
        }
        let older = care_group(&facts, as_of + chrono::Days::new(later));
        prop_assert!(protection(older) >= protection(group));
    }

    /// Of two assessed levels the worse one never has the lower group.
    #[test]
    fn groups_follow_the_levels(facts in facts(), one in 0usize..5, two in 0usize..5) {
        let as_of: NaiveDate = AS_OF.parse().unwrap();
        let of = |level: usize| {
            let ability_level = Some(AbilityLevel::ALL[level]);
            protection(care_group(&CareFacts { ability_level, ..facts }, as_of))
        };
        prop_assert!(of(one.min(two)) >= of(one.max(two)));
    }

    /// Without a birth date the group is the one that both ages give.
    #[test]
    fn no_birth_date_is_both_ages(facts in facts()) {
        let as_of: NaiveDate = AS_OF.parse().unwrap();
        let of = |birth_date| care_group(&CareFacts { birth_date, ..facts }, as_of);
        let (young, old) = (of(SEVENTY_NINE.parse().ok()), of(EIGHTY.parse().ok()));
        prop_assert_eq!(old, Key);
        prop_assert_eq!(of(None), if young == old { old } else { Unclassified });
    }
}
