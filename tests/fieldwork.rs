//! What is recorded in the field, over processes and sockets: an incident goes from the village to
//! the township that owes its acknowledgement, and roles that may not are refused.

mod support;

use serde_json::Value;
use support::{Office, SHANGHE, SONGWU, eventually};

fn incidents(office: &Office, day: &str) -> Value {
    let ended = office.run(&["--as-of", day, "status"]);
    assert!(matches!(ended.exit, Some(0 | 3 | 4)), "{ended:?}");
    ended.json()["incidents"].clone()
}

#[test]
fn a_village_raises_and_the_township_acknowledges_and_closes() {
    let songwu = Office::begin(SONGWU);
    let shanghe = songwu.admits(SHANGHE, None);
    let helper = songwu.admits(SHANGHE, Some("helper"));
    let elder = shanghe.adds_elder(SHANGHE, "周国强");
    let raised = shanghe.done(&[
        "incident",
        "raise",
        &elder,
        "--kind",
        "危重病情",
        "--date",
        "2026-09-01",
        "--time",
        "8:00",
        "--note",
        "胸痛，已送医",
    ]);
    let id = raised["incident_id"].as_str().unwrap().to_owned();
    assert_eq!(raised["flags"], Value::Array(vec![]));

    let node = songwu.up(&[]);
    let device = songwu.device();
    for office in [&shanghe, &helper] {
        office.syncs(&node.address(), &device);
    }
    eventually("the township hears of it", || match incidents(&songwu, "2026-09-01")["open"] {
        Value::Number(ref open) if open.as_u64() == Some(1) => Ok(()),
        ref other => Err(other.to_string()),
    });
    // Due within two hours, so overdue by the end of the day: where it is owed, and nowhere else.
    assert_eq!(incidents(&songwu, "2026-09-01")["overdue_here"], 1);
    assert_eq!(incidents(&shanghe, "2026-09-01")["overdue_here"], 0);
    assert_eq!(incidents(&shanghe, "2026-09-01")["overdue"], 1);
    assert_eq!(songwu.run(&["status"]).exit, Some(3));

    let early = songwu.run(&["incident", "close", &id, "--note", "已出院"]);
    assert_eq!((early.exit, &*early.error()), (Some(2), "incident_not_acknowledged"));
    helper.syncs(&node.address(), &device);
    let refused = helper.run(&["incident", "ack", &id]);
    assert_eq!((refused.exit, &*refused.error()), (Some(6), "no_right_to_acknowledge"));

    songwu.done(&["incident", "ack", &id[..8], "--by", "李主任"]);
    assert_eq!(incidents(&songwu, "2026-09-01")["overdue_here"], 0);
    songwu.done(&["incident", "close", &id, "--note", "已出院"]);
    shanghe.syncs(&node.address(), &device);
    let shown = shanghe.done(&["incident", "show", &id]);
    assert_eq!(shown["summary"]["standing"]["state"], "Closed");
    assert_eq!(shown["steps"].as_array().unwrap().len(), 3);
    assert_eq!(incidents(&shanghe, "2026-09-01")["open"], 0);
    node.stop();
    songwu.verify();
    shanghe.verify();
}

#[test]
fn bad_input_names_its_field_and_leaves_nothing() {
    let songwu = Office::begin(SONGWU);
    let elder = songwu.adds_elder(SHANGHE, "周国强");
    let entries = |office: &Office| {
        let scopes = office.status()["scopes"].as_array().unwrap().clone();
        scopes.iter().map(|scope| scope["entries"].as_u64().unwrap()).sum::<u64>()
    };
    let before = entries(&songwu);
    let e = elder.as_str();
    for (arguments, code, field) in [
        (&["visit", "add", e, "--date", "2199-01-01"][..], "date_future", "visits/date"),
        (&["visit", "add", e, "--date", "2025-12-31"], "date_before_roster", "visits/date"),
        (&["visit", "add", e, "--date", "2026-02-30"], "date", ""),
        (&["elder", "set", e, "birth_date=2199-01-01"], "date_future", "birth_date"),
        (&["elder", "set", e, "residence_code=990121101299"], "place_unknown", "residence_code"),
        (
            &["elder", "add", "--village", "990121101299", "name=林"],
            "place_unknown",
            "residence_code",
        ),
        (&["review", e, "--no-change", "--date", "2199-01-01"], "date_future", "reviews/date"),
        (&["absence", "left", e, "李明"], "supporter_unknown", "absences/supporter"),
        (&["roster", "enter", e, "--reason", "re-entry"], "roster_on_already", "roster_events"),
        (&["roster", "exit", e, "--reason", "bored"], "choice", ""),
        (&["incident", "raise", e, "--kind", "noise"], "choice", ""),
        (&["incident", "ack", "ffff"], "incident_unknown", ""),
        (&["elder", "item", "add", e, "安全隐患", "龙"], "item_value", "hazards/value"),
        (&["elder", "item", "add", e, "members", "age=3"], "unknown_key", ""),
        (&["elder", "item", "remove", e, "nothing", "1"], "unknown_list", ""),
    ] {
        let ended = songwu.run(arguments);
        assert_eq!(ended.error(), code, "{arguments:?}: {ended:?}");
        assert!(matches!(ended.exit, Some(1 | 2)), "{arguments:?}: {ended:?}");
        let found = ended.json()["error"]["field"].as_str().unwrap_or_default().to_owned();
        assert_eq!(found, field, "{arguments:?}: {ended:?}");
    }
    assert_eq!(entries(&songwu), before);
    songwu.done(&["elder", "item", "add", e, "赡养人", "姓名=李明", "关系=长子"]);
    songwu.done(&["absence", "left", e, "李明", "--date", "2026-03-01", "--for", "务工"]);
    songwu.done(&["elder", "item", "amend", e, "supporters", "李明", "电话=13900000001"]);
    songwu.done(&["review", e, "--no-change", "--date", "2026-09-01"]);
    let reviews = songwu.done(&["elder", "item", "list", e, "季度更新"]);
    let item = reviews["items"][0]["item"].as_str().unwrap().to_owned();
    songwu.done(&["elder", "item", "retract", e, "季度更新", &item]);
    let reviews = songwu.done(&["elder", "item", "list", e, "reviews"]);
    assert_eq!(reviews["items"][0]["retracted"], true);
}
