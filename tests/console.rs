//! The console as people use it: in a real browser, in both languages, off line and while records come and go.
//!
//! Needs Chromium and its driver (`tests/support/capability.rs`).

mod support;

#[path = "support/browser/mod.rs"]
mod browser;

use browser::{Browser, TELEPHONE};
use serde_json::Value;
use support::capability::Capability;
use support::{COUNTY, Node, Office, SHANGHE, SONGWU, XIAHE, data};

/// The words of the pages that the stories click on and look for.
struct Words {
    language: &'static str,
    record_visit: &'static str,
    all_fine: &'static str,
    save: &'static str,
    visit_saved: &'static str,
    no_findings: &'static str,
    kept: &'static str,
    begun: &'static str,
    raise: &'static str,
    incident: &'static str,
    in_sync: &'static str,
    only_here: &'static str,
    other: &'static str,
    acknowledge: &'static str,
    recorded: &'static str,
    look: &'static str,
    imported: &'static str,
    show: &'static str,
    accept: &'static str,
    answer: &'static str,
    answered: &'static str,
    keep: &'static str,
    decided: &'static str,
    undo: &'static str,
    undo_now: &'static str,
    grant: &'static str,
    revoke_now: &'static str,
    revoked: &'static str,
    lock: &'static str,
}

const ZH: Words = Words {
    language: "zh",
    record_visit: "登记探访",
    all_fine: "全部正常",
    save: "保存",
    visit_saved: "探访已保存",
    no_findings: "还没有填写情况如何",
    kept: "草稿已存",
    begun: "有没写完、还没保存的内容",
    raise: "报告",
    incident: "报告特殊情况",
    in_sync: "已同步",
    only_here: "还没有存到别处",
    other: "English",
    acknowledge: "已知悉，去处理",
    recorded: "已记录",
    look: "看看会有什么变化",
    imported: "：已导入",
    show: "显示",
    accept: "接收",
    answer: "答复",
    answered: "已答复",
    keep: "采用“13900000002”",
    decided: "已定夺",
    undo: "撤销",
    undo_now: "撤销这些",
    grant: "授权",
    revoke_now: "吊销这台设备",
    revoked: "已吊销",
    lock: "锁定",
};

const EN: Words = Words {
    language: "en",
    record_visit: "Record a visit",
    all_fine: "All in order",
    save: "Save",
    visit_saved: "The visit is saved",
    no_findings: "Nothing is said of how it was",
    kept: "Draft kept",
    begun: "Begun and not saved",
    raise: "Raise",
    incident: "Raise an incident",
    in_sync: "In sync",
    only_here: "not held elsewhere yet",
    other: "中文",
    acknowledge: "Acknowledge",
    recorded: "Recorded",
    look: "See what would be different",
    imported: ": imported",
    show: "Show",
    accept: "Accept",
    answer: "Answer",
    answered: "Answered",
    keep: "Keep “13900000002”",
    decided: "Decided",
    undo: "Undo",
    undo_now: "Take these back",
    grant: "Grant",
    revoke_now: "Revoke this device",
    revoked: "Revoked",
    lock: "Lock",
};

async fn enters(browser: &Browser, office: &Office, words: &Words) {
    browser.goto(&office.console_link(words.language)).await;
    assert_eq!(browser.path().await, "/", "{}", browser.text().await);
}

/// Nothing on the page came from anywhere but the node.
async fn is_alone(browser: &Browser, node: &Node<'_>) {
    let own = format!("http://{}/", node.admin());
    for asked in browser.loaded().await {
        assert!(asked.starts_with(&own), "{asked}");
    }
}

fn name_of(elder: &Value) -> &str {
    elder["name"].as_str().unwrap()
}

/// The people of the village, and the first letters of their names.
const PEOPLE: [(&str, &str); 3] = [("周国强", "zgq"), ("许桂英", "xgy"), ("陈荷花", "chh")];

/// A village of fictional people, and the county's office that let it in.
fn village() -> (Office, Office) {
    let county = Office::begin(COUNTY);
    let village = county.admits(SHANGHE, None);
    for (name, _) in PEOPLE {
        let elder = village.adds_elder(SHANGHE, name);
        village.done(&["elder", "set", &elder, "address=上禾村6组57号", "phone=13800000000"]);
    }
    (county, village)
}

async fn a_cadre_works_through_the_month(words: &Words) {
    let (county, village) = village();
    let second = county.admits(SHANGHE, None);
    let mut browser = Browser::start(if words.language == "zh" { "zh-CN" } else { "en-US" }).await;
    // Off line: nobody is there but this laptop.
    let node = village.up(&[]);
    enters(&browser, &village, words).await;
    let today = browser.main().await;
    for elder in village.elders() {
        assert!(today.contains(name_of(&elder)), "{today}");
    }
    assert!(browser.text().await.contains(words.only_here));
    is_alone(&browser, &node).await;

    // A visit: from the page that opens to what is saved.
    browser.presses();
    browser.click(words.record_visit).await;
    browser.click(words.all_fine).await;
    browser.click(words.save).await;
    browser.until(words.visit_saved).await;
    let presses = browser.presses();
    assert!(presses <= 6, "{presses}");
    let visits = village.visits();
    assert_eq!(visits.len(), 1);
    let visit = &visits[0]["visit"];
    assert_eq!((&visit["date"], &visit["outcome"]), (&"2026-09-01".into(), &"Completed".into()));
    for area in ["health", "economic", "family", "safety"] {
        assert_eq!(visit[area]["finding"], "Fine", "{visit}");
    }

    let visited = visits[0]["elder_id"].as_str().unwrap();
    let elders = village.elders();
    let first = elders.iter().find(|elder| elder["elder_id"] == visited).map(name_of).unwrap();
    let mut others = PEOPLE.into_iter().filter(|(name, _)| *name != first);
    let ((name, initials), (unvisited, _)) = (others.next().unwrap(), others.next().unwrap());

    // By the first letters of a name; what was forgotten is said, and what was typed stays.
    browser.find("#find").await.send_keys(&format!("{initials}\u{e007}")).await.unwrap();
    browser.until(name).await;
    browser.click(words.record_visit).await;
    browser.types("note", "血压偏高 <b>已提醒</b>").await;
    browser.click(words.save).await;
    browser.until(words.no_findings).await;
    let note = "return document.querySelector('main [name=note]').value";
    assert_eq!(browser.script(note).await, "血压偏高 <b>已提醒</b>");
    assert_eq!(village.visits().len(), 1);

    // What is typed survives the page, the browser's reload and the node's death.
    browser.types("note", "，家属明天来").await;
    browser.page.refresh().await.unwrap();
    browser.until_script(note, "血压偏高 <b>已提醒</b>，家属明天来").await;
    browser.types("note", "。").await;
    browser.until(words.kept).await;
    node.kill();
    let node = village.up(&[]);
    enters(&browser, &village, words).await;
    browser.until(words.begun).await;
    browser.click_on("main ul.links a").await;
    browser.until(words.all_fine).await;
    assert_eq!(browser.script(note).await, "血压偏高 <b>已提醒</b>，家属明天来。");
    browser.click(words.all_fine).await;
    browser.click(words.save).await;
    browser.until(words.visit_saved).await;
    let visits = village.visits();
    let notes: Vec<&Value> = visits.iter().map(|visit| &visit["visit"]["note"]).collect();
    assert!(notes.contains(&&"血压偏高 <b>已提醒</b>，家属明天来。".into()), "{notes:?}");
    browser.visit("/").await;
    assert!(!browser.main().await.contains(words.begun));

    // The link is there now: what was only here is elsewhere too, and what others write comes by itself.
    node.stop();
    let above = county.up(&[]);
    let node = village.up(&[&above.address()]);
    enters(&browser, &village, words).await;
    browser.until(words.in_sync).await;
    let meet = ["sync", "--peer", &above.address(), "--timeout", "30s"];
    second.run(&meet);
    let found = second.done(&["elder", "find", unvisited]);
    let elder = found["elders"][0]["elder_id"].as_str().unwrap();
    second.done(&["elder", "set", elder, "name=温玉兰"]);
    second.run(&meet);
    support::eventually("the village's own node knows it", || {
        let names = village.names();
        names.contains(&"温玉兰".to_owned()).then_some(()).ok_or(format!("{names:?}"))
    });
    browser.until("温玉兰").await;

    // An incident, from anywhere.
    browser.visit("/incidents").await;
    browser.click(words.incident).await;
    browser.find("main [name=q]").await.send_keys(&format!("{name}\u{e007}")).await.unwrap();
    browser.until_that("the form", |text| text.contains(name) && text.contains(words.raise)).await;
    browser.click_on("main input[name=kind][value=SafetyRisk]").await;
    browser.types("note", "屋顶漏雨").await;
    browser.click(words.raise).await;
    browser.until("屋顶漏雨").await;
    let open = village.done(&["incident", "list"])["incidents"].as_array().unwrap().len();
    assert_eq!(open, 1);

    // The card, the other language, and a telephone.
    let elder = village.elders()[0]["elder_id"].as_str().unwrap().to_owned();
    browser.visit(&format!("/elder/{elder}/card")).await;
    assert!(!browser.main().await.contains('['), "{}", browser.main().await);
    browser.click(words.other).await;
    browser.until_that("the other language", |text| !text.contains(words.lock)).await;
    browser.visit("/").await;
    browser.screen(TELEPHONE).await;
    let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.script(wide).await, 0, "a telephone has to scroll sideways");
    is_alone(&browser, &node).await;
    drop((node, above));
    village.verify();
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_village_cadre_in_chinese() {
    if Capability::Browser.allows("a village cadre's month") {
        a_cadre_works_through_the_month(&ZH).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_village_cadre_in_english() {
    if Capability::Browser.allows("a village cadre's month") {
        a_cadre_works_through_the_month(&EN).await;
    }
}

async fn a_clerk_works_through_the_lists(words: &Words) {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let (shanghe, xiahe) = (town.admits(SHANGHE, None), town.admits(XIAHE, None));
    let above = county.up(&[]);
    town.run(&["sync", "--peer", &above.address(), "--timeout", "30s"]);
    above.stop();
    let mut browser = Browser::start(if words.language == "zh" { "zh-CN" } else { "en-US" }).await;
    let node = town.up(&[]);
    let address = node.address();
    enters(&browser, &town, words).await;

    // A ledger: what would be different is shown first, and nothing is written.
    browser.visit("/import").await;
    let ledger = std::fs::canonicalize(data("松雾镇留守老年人台账.xlsx")).unwrap();
    browser.types("file", ledger.to_str().unwrap()).await;
    browser.click(words.look).await;
    browser.until("松雾镇留守老年人台账.xlsx").await;
    assert!(town.elders().is_empty());
    browser.click_on("main form:last-of-type button.main").await;
    browser.until(words.imported).await;
    let elders = town.elders();
    assert!(elders.len() > 100, "{}", elders.len());

    // The ledger, by group, with columns of one's choice, and as a file.
    browser.visit("/ledger?group=Key&column=phone&column=hamlet").await;
    browser.click(words.show).await;
    let key = elders.iter().filter(|elder| elder["care_group"] == "Key").count();
    let shown = "return String(document.querySelectorAll('main tbody tr').length)";
    browser.until_script(shown, &key.min(100).to_string()).await;
    let file =
        "const done = arguments[0]; fetch('/ledger/file?kind=csv').then(r => r.text()).then(done)";
    let text = browser.page.execute_async(file, Vec::new()).await.unwrap();
    let text = text.as_str().unwrap();
    assert!(elders.iter().all(|elder| text.contains(name_of(elder))));

    // What the villages owe, while they bring what they have.
    let elder = shanghe_elder(&shanghe, &address);
    shanghe.done(&["incident", "raise", &elder, "--kind", "emergency", "--note", "摔倒"]);
    shanghe.done(&["transfer", "offer", &elder, "--to", XIAHE]);
    let below = shanghe.up(&[&address]);
    browser.visit("/").await;
    browser
        .until_that("the incident of the village", |text| {
            ["突发紧急", "mergency"].iter().any(|word| text.contains(word))
        })
        .await;
    browser.visit("/chasing").await;
    let chasing = browser.main().await;
    assert!(chasing.contains("上禾村") && chasing.contains("下禾村"), "{chasing}");
    browser.visit("/incidents").await;
    browser.click_on("main tbody td a").await;
    browser.click(words.acknowledge).await;
    browser.types("note", "已派人").await;
    browser.click(words.save).await;
    browser.until(words.recorded).await;
    let listed = town.done(&["incident", "list"]);
    assert_eq!(listed["incidents"][0]["standing"]["state"], "Acknowledged");

    // The other village answers the offer on its own page.
    xiahe.up(&[&address]);
    let second = xiahe.up(&[&address]);
    enters(&browser, &xiahe, words).await;
    browser.visit("/transfers").await;
    browser
        .until_that("the offer", |text| text.contains(words.accept) && text.contains("上禾村"))
        .await;
    browser.click(words.accept).await;
    browser.click(words.answer).await;
    browser.until(words.answered).await;
    let transfers = xiahe.done(&["transfer", "list"]);
    assert_ne!(transfers["transfers"][0]["stage"], "offered");
    drop((node, below, second));
    browser.close().await;
}

/// Somebody's file that has come down to the village.
fn shanghe_elder(village: &Office, address: &str) -> String {
    village.run(&["sync", "--peer", address, "--timeout", "30s"]);
    village.elders()[0]["elder_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_township_clerk_in_chinese() {
    if Capability::Browser.allows("a township clerk's lists") {
        a_clerk_works_through_the_lists(&ZH).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_township_clerk_in_english() {
    if Capability::Browser.allows("a township clerk's lists") {
        a_clerk_works_through_the_lists(&EN).await;
    }
}

/// What the code in a picture says.
fn code_in(picture: &[u8]) -> Option<String> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().ok()?;
    let mut bytes = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut bytes).ok()?;
    let (width, height) = (usize::try_from(frame.width).ok()?, usize::try_from(frame.height).ok()?);
    let samples = frame.color_type.samples();
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        bytes[y * frame.line_size + x * samples]
    });
    image.detect_grids().into_iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}

async fn a_bureau_looks_after_the_mesh(words: &Words) {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    let mut browser = Browser::start(if words.language == "zh" { "zh-CN" } else { "en-US" }).await;
    let node = county.up(&[]);
    town.run(&["sync", "--peer", &node.address(), "--timeout", "30s"]);
    enters(&browser, &county, words).await;

    // Rates with what they rest on, and pictures that say their numbers.
    browser.visit("/reports").await;
    let pictures = browser
        .script("return [...document.querySelectorAll('figure [role=img]')].map(e => e.getAttribute('aria-label'))")
        .await;
    assert_eq!(pictures.as_array().unwrap().len(), 2);
    assert!(pictures[0].as_str().unwrap().contains("2026-09"), "{pictures}");
    let rows = browser.script("return document.querySelectorAll('main tbody tr').length").await;
    assert!(rows.as_u64().unwrap() > 5, "{rows}");
    // The villages as a tree, each with its age.
    browser.visit("/mesh").await;
    for place in ["松雾镇", "上禾村", "清荷乡"] {
        assert!(browser.main().await.contains(place), "{place}");
    }

    // A device is let in by the code that is shown.
    let fresh = Office::new("fresh");
    let request = fresh.done(&["request"])["request"].as_str().unwrap().to_owned();
    browser.visit("/devices").await;
    browser.types("request", &request).await;
    browser.script("document.querySelector('main [name=area]').value = '990121200000'").await;
    browser.types("name", "清荷乡新电脑").await;
    browser.click(words.grant).await;
    browser.until("清荷乡新电脑").await;
    let picture = browser.find("figure svg").await.screenshot().await.unwrap();
    let shown = browser.script("return document.querySelector('.copy textarea').value").await;
    let shown = shown.as_str().unwrap();
    let read = code_in(&picture).unwrap_or_else(|| panic!("no camera could read the code"));
    assert_eq!(read.to_lowercase(), shown.to_lowercase());
    fresh.done(&["join", &read]);

    // It is lost again: what it has seen is said before its rights are taken.
    let device = fresh.device();
    browser.visit(&format!("/device/{device}")).await;
    browser.types("name", "别的名字").await;
    browser.click(words.revoke_now).await;
    browser.until_script("return String(!!document.querySelector('[role=alert]'))", "true").await;
    let standing = |office: &Office| -> Vec<String> {
        let devices = office.done(&["device", "list"])["devices"].as_array().unwrap().clone();
        devices.iter().map(|one| one["device"].as_str().unwrap().to_owned()).collect()
    };
    assert!(standing(&county).contains(&device), "another name was typed");
    let field = browser.find("main [name=name]").await;
    field.clear().await.unwrap();
    field.send_keys("清荷乡新电脑").await.unwrap();
    browser.click(words.revoke_now).await;
    browser.until(words.revoked).await;
    assert!(!standing(&county).contains(&device));

    // A rule for all places.
    browser.visit("/ruleset").await;
    browser.script("document.querySelector('main [name=key]').value = 'sync_interval_days'").await;
    browser.types("value", "9").await;
    browser.click_on("main form button.main").await;
    support::eventually("the rule holds", || {
        let rules = county.done(&["ruleset", "show"]);
        let rules = rules["settings"].as_array().unwrap();
        let rule = rules.iter().find(|rule| rule["key"] == "sync_interval_days").unwrap();
        (rule["value"] == "9").then_some(()).ok_or(rule["value"].to_string())
    });
    drop(node);

    // Two offices write one telephone number, and somebody decides: one click, and back.
    town_meets(&town, &village);
    village.done(&["elder", "set", &elder, "phone=13900000001"]);
    town.done(&["elder", "set", &elder, "phone=13900000002"]);
    town_meets(&town, &village);
    let node = town.up(&[]);
    enters(&browser, &town, words).await;
    browser.visit("/conflicts").await;
    let text = browser.main().await;
    assert!(text.contains("13900000001") && text.contains("13900000002"), "{text}");
    assert!(text.contains("上禾村") || text.contains(SHANGHE), "who wrote it: {text}");
    let phone = || {
        let shown = town.done(&["elder", "show", &elder]);
        let fields = shown["fields"].as_array().unwrap().clone();
        let phone = fields.into_iter().find(|field| field["field"] == "phone").unwrap();
        phone["value"].as_str().unwrap().to_owned()
    };
    let effective = phone();
    let other = if effective == "13900000001" { "13900000002" } else { "13900000001" };
    browser.click(&words.keep.replace("13900000002", other)).await;
    browser.until(words.decided).await;
    assert_eq!(phone(), other);
    browser.click(words.undo).await;
    browser.click(words.undo_now).await;
    browser.until("2026-09-01").await;
    assert_eq!(phone(), effective);
    drop(node);
    browser.close().await;
}

/// Both exchange what they have.
fn town_meets(town: &Office, village: &Office) {
    let node = town.up(&[]);
    village.run(&["sync", "--peer", &node.address(), "--timeout", "30s"]);
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_bureau_in_chinese() {
    if Capability::Browser.allows("a county bureau's mesh") {
        a_bureau_looks_after_the_mesh(&ZH).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_bureau_in_english() {
    if Capability::Browser.allows("a county bureau's mesh") {
        a_bureau_looks_after_the_mesh(&EN).await;
    }
}
