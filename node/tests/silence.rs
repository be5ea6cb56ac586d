//! Silence: a village is stale by the age of its data, whatever its clock says and however often it connects; and
//! what an office between holds is known to be missing.

mod county;

use county::County;
use shouwang_crdt_schema::field::Field;
use shouwang_node::command::area::{AreaImport, Place};
use shouwang_node::command::budget::BudgetSet;
use shouwang_node::command::coverage::VillageState;
use shouwang_node::command::lag::{Lag, LagReport, VillageLag};
use shouwang_node::command::ruleset::RulesetSet;
use shouwang_node::limits::BUDGET_BYTES_MIN;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";

const DAY_MS: i64 = 86_400_000;

/// 2026-09-01 10:00 in UTC+8.
const NOW_MS: i64 = 1_788_228_000_000;

fn county() -> County {
    let mut county = County::begin(COUNTY);
    county.sets_clocks(NOW_MS);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county
}

fn lag(county: &mut County, place: &str) -> LagReport {
    county.asks(place, Lag { within: None, as_of_ms: None }).unwrap()
}

fn of(report: &LagReport, village: &str) -> VillageLag {
    report.villages.iter().find(|lag| lag.code.to_string() == village).unwrap().clone()
}

fn meets(county: &mut County, one: &str, two: &str) {
    county.connect(one, two);
    county.settle();
    county.disconnect(one, two);
    county.settle();
}

#[test]
fn a_village_that_connects_and_brings_nothing_is_silent() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    meets(&mut county, SHANGHE, SONGWU);
    let shanghe = of(&lag(&mut county, SONGWU), SHANGHE);
    assert_eq!((shanghe.state, shanghe.trails_by), (VillageState::Current, Some(0)));

    county.sets_clocks(NOW_MS + 8 * DAY_MS);
    meets(&mut county, SHANGHE, SONGWU);
    let report = lag(&mut county, SONGWU);
    let shanghe = of(&report, SHANGHE);
    assert_eq!(shanghe.state, VillageState::Stale);
    assert!(shanghe.last_exchange_ms.unwrap() > NOW_MS + 7 * DAY_MS, "it was met today");
    assert_eq!((report.totals.stale, report.totals.current), (1, 0));

    // The county may expect less of one village, or of the places around it; the nearest holds.
    for (key, days) in
        [("sync_interval_days.990121101000", 5), ("sync_interval_days.990121101203", 30)]
    {
        let set = RulesetSet { key: key.into(), value: days.to_string() };
        county.asks(COUNTY, set).unwrap();
    }
    meets(&mut county, SONGWU, COUNTY);
    let shanghe = of(&lag(&mut county, SONGWU), SHANGHE);
    assert_eq!((shanghe.state, shanghe.expected_days), (VillageState::Current, 30));

    county.sets_clocks(NOW_MS + 40 * DAY_MS);
    assert_eq!(of(&lag(&mut county, SONGWU), SHANGHE).state, VillageState::Stale);
    county.sets(SHANGHE, &elder, Field::Hamlet, "下屋场");
    assert_eq!(of(&lag(&mut county, SONGWU), SHANGHE).state, VillageState::Stale, "not here yet");
    meets(&mut county, SHANGHE, SONGWU);
    assert_eq!(of(&lag(&mut county, SONGWU), SHANGHE).state, VillageState::Current);
}

#[test]
fn no_clock_of_a_village_makes_it_look_fresh_or_old() {
    for (what, wrong_ms) in [("2099", 4_070_908_800_000), ("1970", 1_000)] {
        let mut county = county();
        county.sets_clocks(wrong_ms);
        county.adds_elder(SHANGHE, "周国强");
        county.sets_clocks(NOW_MS);
        meets(&mut county, SHANGHE, SONGWU);
        let shanghe = of(&lag(&mut county, SONGWU), SHANGHE);
        assert_eq!(shanghe.state, VillageState::Current, "{what}");
        assert_eq!(shanghe.data_as_of_ms, shanghe.heard_ms, "{what}");
        assert!(shanghe.age_ms.unwrap() < 60_000, "{what}: {shanghe:?}");
        county.sets_clocks(NOW_MS + 8 * DAY_MS);
        assert_eq!(of(&lag(&mut county, SONGWU), SHANGHE).state, VillageState::Stale, "{what}");
    }
}

#[test]
fn what_a_township_confirms_and_the_county_lacks_is_counted() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    for nth in 0..220 {
        // What hardly compresses, so that a day's bytes are spent in the midst of it.
        let random = county.random::<920>();
        let character = |two: &[u8]| {
            let number = u32::from(u16::from_be_bytes([two[0], two[1]])) % 20_000;
            char::from_u32(0x4e00 + number).unwrap()
        };
        let note: String = random.chunks_exact(2).map(character).collect();
        county.sets(SHANGHE, &elder, Field::Remarks, &format!("{nth}{note}"));
    }
    county.connect_near(SHANGHE, SONGWU);
    county.settle();
    // Receipts are written after ten minutes at most.
    county.passes(20 * 60_000);
    county.disconnect(SHANGHE, SONGWU);
    county.asks(SONGWU, BudgetSet { daily_bytes: Some(BUDGET_BYTES_MIN) }).unwrap();
    county.connect(SONGWU, COUNTY);
    county.passes(60_000);
    let shanghe = of(&lag(&mut county, COUNTY), SHANGHE);
    let there = county.status(SONGWU);
    let here = county.status(COUNTY);
    let entries = |status: &shouwang_node::command::status::StatusReport| {
        status.scopes.iter().find(|scope| scope.code.to_string() == SHANGHE).unwrap().entries
    };
    let lacks = entries(&there) - entries(&here);
    assert!(lacks > 50, "the budget held nothing back");
    // A receipt says how far a log is held; what came after the last receipt nobody has heard of.
    let known = shanghe.trails_by.unwrap();
    assert!(known > 0 && known <= lacks, "{known} of {lacks}");
    county.asks(SONGWU, BudgetSet { daily_bytes: None }).unwrap();
    county.settle();
    assert_eq!(of(&lag(&mut county, COUNTY), SHANGHE).trails_by, Some(0));
}

#[test]
fn a_village_without_a_device_is_named_and_one_that_was_let_in_has_its_time() {
    let mut county = county();
    let place = |code: &str, name: &str| Place { code: code.parse().unwrap(), name: name.into() };
    let places = vec![place(SONGWU, "松雾镇"), place(SHANGHE, "上禾村"), place(XIAHE, "下禾村")];
    county.asks(SONGWU, AreaImport { places, dry_run: false }).unwrap();
    let report = lag(&mut county, SONGWU);
    let (shanghe, xiahe) = (of(&report, SHANGHE), of(&report, XIAHE));
    assert!(shanghe.is_new && !shanghe.is_mute(), "{shanghe:?}");
    assert!(xiahe.is_unserved() && !xiahe.is_mute(), "{xiahe:?}");
    assert_eq!((report.totals.never, report.totals.without_device), (0, 1));
    assert_eq!(shanghe.trails_by, None, "nobody can know");

    county.sets_clocks(NOW_MS + 8 * DAY_MS);
    let report = lag(&mut county, SONGWU);
    assert!(of(&report, SHANGHE).is_mute(), "it might have brought something by now");
    assert_eq!((report.totals.never, report.totals.without_device), (1, 1));
    assert_eq!(report.villages[0].code.to_string(), SHANGHE, "what needs a person comes first");
}
