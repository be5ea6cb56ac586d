//! Which lanes of which scopes a node holds, and which two nodes exchange: records flow up, rules
//! and grants flow down, siblings see nothing of each other.

use shouwang_crdt_schema::division::{Area, DivisionCode};

use crate::identity::grant::{Grant, Rights};
use crate::log::Lane;

/// Whether a node of this area holds a scope's lane: records where its area contains the scope;
/// authority and notices also where its area lies inside the scope.
pub fn replicates(area: Area, scope: DivisionCode, lane: Lane) -> bool {
    match lane.carries_records() {
        true => area.contains(scope),
        false => area.touches(scope),
    }
}

/// Whether a device with this grant is sent a scope's lane. Without the right to replicate it gets
/// authority and notices only.
pub fn receives(grant: &Grant, scope: DivisionCode, lane: Lane) -> bool {
    replicates(grant.area, scope, lane)
        && (!lane.carries_records() || grant.rights.contains(Rights::REPLICATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_flow_up_and_rules_flow_down() {
        let code = |text: &str| text.parse::<DivisionCode>().unwrap();
        let (county, town, other_town) =
            (code("990121000000"), code("990121101000"), code("990121200000"));
        let (village, sibling) = (code("990121101203"), code("990121101204"));
        for (area, scope, records, notices) in [
            (county, village, true, true),
            (town, village, true, true),
            (village, village, true, true),
            (village, town, false, true),
            (village, county, false, true),
            (village, sibling, false, false),
            (town, other_town, false, false),
            (town, county, false, true),
        ] {
            assert_eq!(replicates(Area(area), scope, Lane::Routine), records, "{area} {scope}");
            assert_eq!(replicates(Area(area), scope, Lane::Urgent), records, "{area} {scope}");
            assert_eq!(replicates(Area(area), scope, Lane::Notice), notices, "{area} {scope}");
            assert_eq!(replicates(Area(area), scope, Lane::Authority), notices, "{area} {scope}");
        }
    }
}
