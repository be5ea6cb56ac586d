//! Decision tables of the rules. Each row names the line of the policy that it comes from.

use chrono::NaiveDate;
use shouwang_crdt_schema::record::AbilityLevel::{
    self, Intact, Mild, Moderate, Severe, Total, Unassessed,
};
use shouwang_crdt_schema::record::CareGroup::{self, *};
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

/// Lijiang 2024 item 4; rows marked † are project decisions (docs/record.md).
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
