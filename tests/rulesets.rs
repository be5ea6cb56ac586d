//! The rules of a county reach every place below it, and nobody else sets them.

mod support;

use serde_json::Value;
use support::{COUNTY, Office, SHANGHE, SONGWU, agree, eventually};

/// What a setting comes to at an office.
fn setting(office: &Office, key: &str) -> String {
    let shown = office.done(&["ruleset", "show"]);
    let settings = shown["settings"].as_array().unwrap();
    let of_key = settings.iter().find(|setting| setting["key"] == key).unwrap();
    of_key["value"].as_str().unwrap().to_owned()
}

fn occasions(office: &Office) -> Vec<Value> {
    office.done(&["ruleset", "show"])["occasions"].as_array().unwrap().clone()
}

#[test]
fn a_village_hears_what_the_county_sets() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    for office in [&county, &town, &village] {
        assert_eq!(setting(office, "key_visits_per_month"), "2", "{}", office.name);
        let shown = office.done(&["ruleset", "show"]);
        assert_eq!(shown["scope"], COUNTY);
        assert_eq!(shown["may_set"], office.name == county.name);
    }
    let set = county.done(&["ruleset", "set", "key_visits_per_month", " 4 "]);
    assert_eq!((&set["value"], &set["entries"]), (&"4".into(), &1.into()));
    let again = county.done(&["ruleset", "set", "key_visits_per_month", "4"]);
    assert_eq!(again["entries"], 0);
    county.done(&[
        "ruleset",
        "set",
        "occasion.重阳节",
        "节日 2026-10-12 2026-10-18 990121101000 x2",
    ]);

    let top = county.up(&[]);
    let middle = town.up(&[&top.address()]);
    let below = village.up(&[&middle.address()]);
    let heard = |key: &'static str, value: &'static str| {
        eventually("the village hears of it", || match setting(&village, key).as_str() {
            found if found == value => Ok(()),
            found => Err(format!("{key} is {found}")),
        });
    };
    heard("key_visits_per_month", "4");
    let festival = eventually("the festival comes too", || {
        occasions(&village).pop().ok_or_else(|| "no occasion".to_owned())
    });
    let expected = serde_json::json!({
        "key": "occasion.重阳节", "name": "重阳节", "kind": "Festival", "from": "2026-10-12",
        "to": "2026-10-18", "area": SONGWU, "visits": 2, "conflict": [],
    });
    assert_eq!(festival, expected);
    // Live, while everybody runs; and the default again.
    county.done(&["ruleset", "set", "acknowledge_hours.Wandering", "12"]);
    county.done(&["ruleset", "set", "occasion.重阳节", ""]);
    county.done(&["ruleset", "set", "key_visits_per_month", ""]);
    heard("acknowledge_hours.Wandering", "12");
    heard("key_visits_per_month", "2");
    eventually("the festival goes", || match occasions(&village) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    });
    for node in [below, middle, top] {
        node.stop();
    }
    assert_eq!(agree(&[&county, &town, &village]), Ok(()));
    for office in [&county, &town, &village] {
        office.verify();
    }
}

#[test]
fn only_the_county_sets_rules() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    let department = county.admits(COUNTY, Some("department"));
    for office in [&town, &village, &department] {
        let refused = office.run(&["ruleset", "set", "key_visits_per_month", "1"]);
        assert_eq!((refused.exit, refused.error()), (Some(6), "ruleset_right".into()));
        assert_eq!(setting(office, "key_visits_per_month"), "2");
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_writes_nothing() {
    let county = Office::begin(COUNTY);
    for (key, value, code) in [
        ("key_visits", "2", "setting_unknown"),
        ("key_visits_per_month", "0", "setting_number"),
        ("eligibility_rule", "Hengnan", "setting_word"),
        ("review_months", "5", "setting_word"),
        ("progress_report_days", "30 June", "setting_month_days"),
        ("occasion.春 节", "节日 2027-01-30 2027-02-12", "occasion_name"),
        ("occasion.春节", "节日 2027-02-12 2027-01-30", "occasion_value"),
    ] {
        let refused = county.run(&["ruleset", "set", key, value]);
        assert_eq!((refused.exit, refused.error().as_str()), (Some(2), code), "{key} {value}");
    }
    let shown = county.done(&["ruleset", "show"]);
    assert_eq!(shown["occasions"], serde_json::json!([]));
    let settings = shown["settings"].as_array().unwrap();
    assert!(settings.iter().all(|setting| setting["value"] == setting["default"]));
}

/// Two devices of the county set one rule without having met.
#[test]
fn rules_written_at_the_same_time_are_both_shown() {
    let county = Office::begin(COUNTY);
    let other = county.admits(COUNTY, None);
    county.done(&["ruleset", "set", "key_visits_per_month", "3"]);
    county.done(&["ruleset", "set", "months_away", "9"]);
    other.done(&["ruleset", "set", "key_visits_per_month", "4"]);
    other.done(&["ruleset", "set", "home_trip_days", "14"]);
    let top = county.up(&[]);
    other.syncs(&top.address(), &county.device());
    for office in [&county, &other] {
        let shown = office.done(&["ruleset", "show"]);
        let settings = shown["settings"].as_array().unwrap();
        let of = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap();
        // Two rules that were set apart do not touch each other.
        assert_eq!(
            (&of("months_away")["value"], &of("home_trip_days")["value"]),
            (&"9".into(), &"14".into())
        );
        let both = of("key_visits_per_month");
        let mut found = vec![both["value"].clone(), both["conflict"][0].clone()];
        found.sort_by_key(ToString::to_string);
        assert_eq!(found, ["3", "4"], "{}: {both}", office.name);
    }
    // Whoever has seen both settles it.
    other.done(&["ruleset", "set", "key_visits_per_month", "3"]);
    other.syncs(&top.address(), &county.device());
    let shown = county.done(&["ruleset", "show"]);
    let settings = shown["settings"].as_array().unwrap();
    let settled = settings.iter().find(|setting| setting["key"] == "key_visits_per_month").unwrap();
    assert_eq!((&settled["value"], &settled["conflict"]), (&"3".into(), &serde_json::json!([])));
}

/// A mesh of one township has no county above it: the township sets the rules.
#[test]
fn the_top_of_a_smaller_mesh_sets_its_rules() {
    let town = Office::begin(SONGWU);
    let village = town.admits(SHANGHE, None);
    town.done(&["ruleset", "set", "other_visits_per_month", "2"]);
    let top = town.up(&[]);
    village.syncs(&top.address(), &town.device());
    assert_eq!(setting(&village, "other_visits_per_month"), "2");
    assert_eq!(village.done(&["ruleset", "show"])["scope"], SONGWU);
}
