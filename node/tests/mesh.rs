//! Stories of nodes that exchange frames without sockets, over stores in memory.

mod county;

use county::{County, field};
use shouwang_crdt_schema::field::Field;
use shouwang_node::command::Request;
use shouwang_node::command::status::Status;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const QINGHE: &str = "990121200000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";
const HETANG: &str = "990121200201";

/// Each place dials the one above.
const LINKS: [(&str, &str); 5] =
    [(SHANGHE, SONGWU), (XIAHE, SONGWU), (HETANG, QINGHE), (SONGWU, COUNTY), (QINGHE, COUNTY)];

fn county() -> County {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(COUNTY, QINGHE);
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    county.grant(QINGHE, HETANG);
    county
}

#[test]
fn records_flow_up_and_siblings_see_nothing() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    for (below, above) in LINKS {
        county.connect(below, above);
    }
    county.settle();
    county.assert_converged();
    assert_eq!(county.elders(SONGWU), ["周国强"]);
    assert_eq!(county.elders(COUNTY), ["周国强"]);
    assert!(county.elders(XIAHE).is_empty());
    assert!(county.elders(QINGHE).is_empty());
    county.verify_all();
}

#[test]
fn a_township_edit_and_a_village_edit_off_line_are_a_conflict_on_both() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    for (below, above) in LINKS {
        county.connect(below, above);
    }
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    county.sets(SHANGHE, &elder, Field::Phone, "13900000001");
    county.sets(SONGWU, &elder, Field::Phone, "13900000002");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.assert_converged();
    for place in [SHANGHE, SONGWU] {
        let phone = field(&county.shows(place, &elder), Field::Phone);
        assert_eq!(phone.conflict.len(), 1);
    }
    county.sets(SHANGHE, &elder, Field::Phone, "13900000001");
    county.settle();
    assert!(field(&county.shows(SONGWU, &elder), Field::Phone).conflict.is_empty());
    county.verify_all();
}

#[test]
fn an_idle_reconnect_costs_a_few_hundred_bytes_and_sends_no_entry() {
    let mut county = county();
    for n in 0..40 {
        county.adds_elder(SHANGHE, &format!("老人{n}"));
    }
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    let before = county.bytes();
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.assert_done(SHANGHE, SONGWU);
    let idle = county.bytes() - before;
    assert!(idle < 1_500, "{idle} B");
}

#[test]
fn everything_that_one_side_knew_of_the_other_is_relayed() {
    // The village talks to the county only through the township, and both ways.
    let mut county = county();
    for (below, above) in LINKS {
        county.connect(below, above);
    }
    county.settle();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    county.sets(COUNTY, &elder, Field::Hardship, "Yes");
    county.settle();
    county.assert_converged();
    assert_eq!(field(&county.shows(SHANGHE, &elder), Field::Hardship).value, "Yes");
    let status = {
        let now = county.now();
        Status {}.execute(county.engine(COUNTY), now).unwrap()
    };
    assert!(status.unsettled.is_empty());
    assert_eq!(status.scopes.iter().filter(|scope| scope.elders > 0).count(), 1);
}

#[test]
fn a_village_that_meets_the_county_before_its_own_township_does_is_believed() {
    // The township granted the village off line; the county has not heard of it. The village's
    // chain proves it, and goes ahead of its log to whoever is sent that.
    let mut county = county();
    county.grant_as(COUNTY, COUNTY, "second", None);
    county.connect("second", COUNTY);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, COUNTY);
    county.settle();
    assert_eq!(county.hangups(), []);
    assert_eq!(county.elders(COUNTY), ["周国强"]);
    assert_eq!(county.elders("second"), ["周国强"]);

    county.connect(SONGWU, COUNTY);
    county.settle();
    assert_eq!(county.hangups(), []);
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    county.settle();
    county.assert_done(SHANGHE, COUNTY);
    county.verify_all();
}
