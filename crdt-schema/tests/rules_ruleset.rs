//! The ruleset as a map of texts.

use proptest::prelude::*;
use shouwang_crdt_schema::record::{Choice, EligibilityRule, IncidentKind, VisitOccasion};
use shouwang_crdt_schema::rules::ruleset::{Kind, Ruleset, Setting, SettingError};

fn read(texts: &[(&str, &str)]) -> shouwang_crdt_schema::rules::ruleset::RulesetReading {
    Ruleset::read(texts.iter().copied())
}

#[test]
fn what_nobody_has_set_is_as_the_sources_say() {
    let ruleset = read(&[]).ruleset;
    assert_eq!(ruleset, Ruleset::default());
    assert_eq!(ruleset.eligibility, EligibilityRule::Lijiang2024);
    assert_eq!((ruleset.key_visits_per_month, ruleset.other_visits_per_month), (2, 1));
    assert_eq!((ruleset.months_away, ruleset.home_trip_days), (6, 30));
    assert_eq!(
        (ruleset.visit_rate_target_percent, ruleset.agreement_rate_target_percent),
        (100, 100)
    );
    assert_eq!(
        (ruleset.review_months, ruleset.monthly_report_day, ruleset.sync_interval_days),
        (3, 25, 7)
    );
    assert_eq!(Setting::ProgressReportDays.text(&ruleset), "06-10,11-10");
    assert!(ruleset.texts().is_empty());
    // Every default may be written as well.
    for setting in Setting::all() {
        assert_eq!(Setting::from_key(&setting.key()), Some(setting));
        let text = setting.text(&Ruleset::default());
        assert_eq!(Ruleset::default().set(&setting.key(), &text), Ok(()), "{setting:?}");
    }
}

#[test]
fn settings_are_read_and_put_back() {
    let reading = read(&[
        ("key_visits_per_month", " 4 "),
        ("eligibility_rule", "资阳2018"),
        ("acknowledge_hours.Wandering", "12"),
        ("progress_report_days", "11-10, 02-29"),
        ("occasion.春节2027", "节日 2027-02-05 2027-02-12"),
    ]);
    assert_eq!((reading.faults.len(), reading.unknown_keys.len()), (0, 0));
    let mut ruleset = reading.ruleset;
    assert_eq!(ruleset.key_visits_per_month, 4);
    assert_eq!(ruleset.eligibility, EligibilityRule::Ziyang2018);
    assert_eq!(ruleset.hours_to_acknowledge(IncidentKind::Wandering), 12);
    assert_eq!(ruleset.hours_to_acknowledge(IncidentKind::Emergency), 2);
    assert_eq!(ruleset.occasions.values().next().unwrap().kind, VisitOccasion::Festival);
    for key in [
        "key_visits_per_month",
        "eligibility_rule",
        "acknowledge_hours.Wandering",
        "progress_report_days",
        "occasion.春节2027",
    ] {
        assert_ne!(ruleset, Ruleset::default());
        ruleset.set(key, "").unwrap();
    }
    assert_eq!(ruleset, Ruleset::default());
}

#[test]
fn what_does_not_fit_is_named_and_the_default_holds() {
    for (key, text) in [
        ("key_visits_per_month", "0"),
        ("key_visits_per_month", "29"),
        ("key_visits_per_month", "+2"),
        ("key_visits_per_month", "two"),
        ("key_visits_per_month", "99999999999999999999"),
        ("other_visits_per_month", "0"),
        ("review_months", "5"),
        ("review_months", "0"),
        ("monthly_report_day", "32"),
        ("eligibility_rule", "Hengnan"),
        ("progress_report_days", "13-01"),
        ("progress_report_days", "02-30"),
        ("acknowledge_hours.Emergency", "0"),
        ("occasion.", "Festival 2027-02-05 2027-02-12"),
        ("occasion.a b", "Festival 2027-02-05 2027-02-12"),
        ("occasion.a", "Festival 2027-02-12 2027-02-05"),
        ("occasion.a", "Festival 2027-02-30 2027-03-05"),
        ("occasion.a", "Routine 2027-02-05 2027-02-12"),
        ("occasion.a", "Festival 2027-02-05"),
        ("occasion.a", "Festival 2027-02-05 2027-02-12 x0"),
        ("occasion.a", "Festival 2027-02-05 2027-02-12 x15"),
        ("occasion.a", "Festival 2027-02-05 2027-02-12 990121101000 x2 more"),
        ("occasion.a", "Festival 2027-02-05 2027-02-12 somewhere"),
    ] {
        let reading = read(&[(key, text)]);
        assert_eq!(reading.ruleset, Ruleset::default(), "{key} {text}");
        let faults: Vec<_> =
            reading.faults.iter().map(|fault| (fault.key.as_str(), fault.text.as_str())).collect();
        assert_eq!(faults, [(key, text)]);
    }
    let reading =
        read(&[("later_version", "1"), ("acknowledge_hours.Fire", "1"), ("months_away", "7")]);
    assert_eq!(reading.unknown_keys, ["later_version", "acknowledge_hours.Fire"]);
    assert_eq!(reading.ruleset.months_away, 7);
}

#[test]
fn so_many_occasions_are_read_and_the_others_named() {
    let texts: Vec<(String, &str)> =
        (0..150).map(|n| (format!("occasion.{n}"), "Festival 2027-02-05 2027-02-12")).collect();
    let reading = Ruleset::read(texts.iter().map(|(key, text)| (key.as_str(), *text)));
    assert_eq!(reading.ruleset.occasions.len(), 100);
    assert_eq!(reading.faults.len(), 50);
    assert!(reading.faults.iter().all(|fault| fault.error == SettingError::TooManyOccasions));
}

fn settings() -> impl Strategy<Value = Vec<(Setting, u32)>> {
    let all: Vec<Setting> = Setting::all().collect();
    prop::collection::vec((prop::sample::select(all), any::<u32>()), 0..20)
}

proptest! {
    /// Whatever a ruleset is, its texts read back as it.
    #[test]
    fn texts_read_back(settings in settings(), occasions in prop::collection::btree_map("[a-z春节]{1,8}", (0usize..3, 0u64..999, 0u64..99, 1u32..=14, any::<bool>()), 0..5)) {
        let mut ruleset = Ruleset::default();
        for (setting, pick) in settings {
            let text = match setting.kind() {
                Kind::EligibilityRule => EligibilityRule::ALL[pick as usize % 2].to_string(),
                Kind::Number(range) => (range.start() + pick % (range.end() - range.start() + 1)).to_string(),
                Kind::MonthsOfYear => ["1", "2", "3", "4", "6", "12"][pick as usize % 6].to_owned(),
                Kind::MonthDays => format!("{:02}-{:02},06-10", pick % 12 + 1, pick % 28 + 1),
            };
            prop_assert_eq!(ruleset.set(&setting.key(), &text), Ok(()));
        }
        for (name, (kind, from, days, visits, here)) in occasions {
            let kind = ["Festival", "ExtremeWeather", "SealedOff"][kind];
            let from = "2027-01-01".parse::<chrono::NaiveDate>().unwrap() + chrono::Days::new(from);
            let to = from + chrono::Days::new(days);
            let area = if here { " 990121101000" } else { "" };
            prop_assert_eq!(ruleset.set(&format!("occasion.{name}"), &format!("{kind} {from} {to}{area} x{visits}")), Ok(()));
        }
        let texts = ruleset.texts();
        let reading = Ruleset::read(texts.iter().map(|(key, text)| (key.as_str(), text.as_str())));
        prop_assert!(reading.faults.is_empty() && reading.unknown_keys.is_empty());
        prop_assert_eq!(reading.ruleset, ruleset);
    }

    /// No text whatever is a panic, and every one is either read, or named.
    #[test]
    fn any_text_is_read_or_named(key in "(occasion\\.|acknowledge_hours\\.|review_months)?\\PC{0,12}", text in "\\PC{0,40}") {
        let reading = read(&[(&key, &text)]);
        let named = reading.faults.len() + reading.unknown_keys.len();
        prop_assert!(named <= 1);
        prop_assert!(named == 0 || reading.ruleset == Ruleset::default());
    }
}

#[test]
fn the_nearest_place_around_a_village_says_how_often_it_is_expected() {
    let reading = read(&[
        ("sync_interval_days", "10"),
        ("sync_interval_days.990121101000", "14"),
        ("sync_interval_days.990121101203", "30"),
        ("sync_interval_days.99012", "3"),
        ("sync_interval_days.990121102000", "0"),
    ]);
    assert_eq!(reading.faults.len(), 2, "no code, no interval: {:?}", reading.faults);
    let mut ruleset = reading.ruleset;
    let of = |ruleset: &Ruleset, code: &str| ruleset.sync_interval_of(code.parse().unwrap());
    for (code, days) in [
        ("990121101203", 30),
        ("990121101204", 14),
        ("990121101000", 14),
        ("990121102201", 10),
        ("990121000000", 10),
    ] {
        assert_eq!(of(&ruleset, code), days, "{code}");
    }
    let texts = ruleset.texts();
    let again = Ruleset::read(texts.iter().map(|(key, text)| (key.as_str(), text.as_str())));
    assert_eq!(again.ruleset, ruleset);
    ruleset.set("sync_interval_days.990121101203", "").unwrap();
    assert_eq!(of(&ruleset, "990121101203"), 14);
}
