//! What somebody types into the console: neither lost, nor written over what somebody else has written meanwhile.
//!
//! Needs Chromium and its driver (`tests/support/capability.rs`).

mod support;

#[path = "support/browser/mod.rs"]
mod browser;

use browser::Browser;
use support::capability::Capability;
use support::{COUNTY, Office, SHANGHE, SONGWU, XIAHE};

/// Whether there is a browser; else it is said what is not tried.
fn may_type(what: &str) -> bool {
    match Capability::Browser.missing() {
        None => true,
        Some(why) => {
            Capability::Browser.skips(what, &why);
            false
        }
    }
}

/// What the file says of a field.
fn field(office: &Office, elder: &str, name: &str) -> String {
    let shown = office.done(&["elder", "show", elder]);
    let fields = shown["fields"].as_array().unwrap();
    let found = fields.iter().find(|field| field["field"] == name).unwrap();
    found["value"].as_str().unwrap().to_owned()
}

/// What stands in a field of the page.
async fn typed(browser: &Browser, name: &str) -> String {
    let script = format!("return document.querySelector('main [name={name}]').value");
    browser.script(&script).await.as_str().unwrap().to_owned()
}

/// Types into a field in the place of what stands in it.
async fn retypes(browser: &Browser, name: &str, text: &str) {
    browser.find(&format!("main [name={name}]")).await.clear().await.unwrap();
    browser.types(name, text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_wrote_meanwhile_is_not_written_over_unseen() {
    if !may_type("a form of which another is sent first") {
        return;
    }
    let village = Office::begin(COUNTY).admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    village.done(&["elder", "set", &elder, "phone=13900000001", "address=上禾村1组"]);
    let node = village.up(&[]);
    let mut browser = Browser::start("zh-CN").await;
    browser.goto(&village.console_link("zh")).await;
    let form = format!("/elder/{elder}/edit");
    browser.visit(&form).await;

    // While one field is typed, others write it and another one.
    retypes(&browser, "phone", "13900000003").await;
    village.done(&["elder", "set", &elder, "phone=13900000002", "address=上禾村2组"]);
    browser.click("保存").await;
    browser.until("别人改了同样的内容").await;
    assert_eq!(field(&village, &elder, "phone"), "13900000002");
    assert!(browser.main().await.contains("档案里现在是“13900000002”"));
    assert_eq!(typed(&browser, "phone").await, "13900000003");
    assert_eq!(typed(&browser, "address").await, "上禾村2组");
    // Whoever has seen it may write it all the same.
    browser.click("保存").await;
    browser.until("修改已保存").await;
    assert_eq!(field(&village, &elder, "phone"), "13900000003");
    assert_eq!(field(&village, &elder, "address"), "上禾村2组");

    // A draft holds what was typed, and not what stood around it.
    browser.visit(&form).await;
    browser.types("remarks", "腿脚不便").await;
    browser.until("草稿已存").await;
    village.done(&["elder", "set", &elder, "phone=13900000004"]);
    browser.visit(&form).await;
    assert_eq!(typed(&browser, "remarks").await, "腿脚不便");
    assert_eq!(typed(&browser, "phone").await, "13900000004");
    browser.click("保存").await;
    browser.until("修改已保存").await;
    assert_eq!(field(&village, &elder, "phone"), "13900000004");
    assert_eq!(field(&village, &elder, "remarks"), "腿脚不便");

    // A draft of a field that others have changed says what they wrote.
    browser.visit(&form).await;
    retypes(&browser, "phone", "13900000005").await;
    browser.until("草稿已存").await;
    village.done(&["elder", "set", &elder, "phone=13900000006"]);
    browser.visit(&form).await;
    assert_eq!(typed(&browser, "phone").await, "13900000005");
    assert!(browser.main().await.contains("档案里现在是“13900000006”"));
    // Two who write the same are of one mind.
    retypes(&browser, "phone", "13900000007").await;
    village.done(&["elder", "set", &elder, "phone=13900000007"]);
    browser.click("保存").await;
    browser.until("没有改动").await;
    assert_eq!(browser.path().await, format!("/elder/{elder}"));
    assert_eq!(field(&village, &elder, "phone"), "13900000007");
    drop(node);
    village.verify();
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_while_the_node_is_away_is_sent_when_it_is_back() {
    if !may_type("a form whose node is away") {
        return;
    }
    let village = Office::begin(COUNTY).admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    let node = village.up(&[]);
    let admin = node.admin();
    let mut browser = Browser::start("zh-CN").await;
    browser.goto(&village.console_link("zh")).await;
    let form = format!("/elder/{elder}/visit");
    browser.visit(&form).await;
    browser.click("全部正常").await;
    browser.types("note", "血压").await;
    browser.until("草稿已存").await;
    node.kill();
    browser.until("节点没有回应").await;
    browser.types("note", "偏高").await;
    browser.until("草稿没有存上").await;
    browser.click("保存").await;
    browser.until("没有提交").await;
    assert_eq!((browser.path().await, typed(&browser, "note").await), (form, "血压偏高".into()));

    // It is started again, and somebody comes in by another window; the first one goes on.
    let node = village.up(&[]);
    assert_eq!(node.admin(), admin, "where open pages look for it");
    let first = browser.page.window().await.unwrap();
    let second = browser.page.new_window(true).await.unwrap().handle;
    browser.page.switch_to_window(second).await.unwrap();
    browser.goto(&village.console_link("zh")).await;
    browser.page.switch_to_window(first).await.unwrap();
    browser.until("草稿已存").await;
    assert!(!browser.text().await.contains("没有提交"));
    assert_eq!(village.visits().len(), 0);
    browser.click("保存").await;
    browser.until("探访已保存").await;
    let visits = village.visits();
    assert_eq!(visits.len(), 1);
    assert_eq!(visits[0]["visit"]["note"], "血压偏高");
    // A second one of the same day is seen to be one.
    browser.visit(&format!("/elder/{elder}/visit")).await;
    browser.until("今天已经登记过 1 次探访").await;
    drop(node);
    village.verify();
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_windows_may_be_open_as_somebody_likes() {
    if !may_type("many windows of the console") {
        return;
    }
    let village = Office::begin(COUNTY).admits(SHANGHE, None);
    village.adds_elder(SHANGHE, "周国强");
    let node = village.up(&[]);
    let browser = Browser::start("zh-CN").await;
    browser.goto(&village.console_link("zh")).await;
    let first = browser.page.window().await.unwrap();
    for _ in 0..9 {
        let window = browser.page.new_window(true).await.unwrap().handle;
        browser.page.switch_to_window(window).await.unwrap();
        browser.goto(&format!("http://{}/", node.admin())).await;
        browser.until("周国强").await;
    }
    // The one that was not seen learns what has happened since.
    village.adds_elder(SHANGHE, "温玉兰");
    browser.page.switch_to_window(first).await.unwrap();
    browser.until("温玉兰").await;
    drop(node);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_stays_where_it_was_typed() {
    if !may_type("forms that are refused") {
        return;
    }
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let (village, other) = (town.admits(SHANGHE, None), town.admits(XIAHE, None));
    let elder = village.adds_elder(SHANGHE, "周国强");
    let meet = |office: &Office| {
        let node = town.up(&[]);
        office.run(&["sync", "--peer", &node.address(), "--timeout", "30s"]);
        node.stop();
    };
    meet(&village);
    village.done(&["elder", "set", &elder, "birth_date=1942-01-01"]);
    village.done(&["transfer", "offer", &elder, "--to", XIAHE]);
    town.done(&["elder", "set", &elder, "birth_date=1942-01-02"]);
    meet(&village);
    meet(&other);
    let node = town.up(&[]);
    let mut browser = Browser::start("zh-CN").await;
    browser.goto(&town.console_link("zh")).await;

    // A third value that is none.
    browser.visit("/conflicts").await;
    browser.types("value", "马年").await;
    browser.click("采用这个").await;
    browser.until("请写作 1942-03-15").await;
    assert_eq!(typed(&browser, "value").await, "马年");
    retypes(&browser, "value", "1942-01-03").await;
    browser.click("采用这个").await;
    browser.until("已定夺").await;
    assert_eq!(field(&town, &elder, "birth_date"), "1942-01-03");
    node.stop();

    // An answer with a note that is far too long.
    let node = other.up(&[]);
    browser.goto(&other.console_link("zh")).await;
    browser.visit("/transfers").await;
    browser.click("不接收").await;
    let long =
        "return (document.querySelector('main [name=note]').value = '长'.repeat(3400)).length";
    browser.script(long).await;
    browser.click("答复").await;
    browser.until("3400").await;
    assert_eq!(typed(&browser, "note").await.chars().count(), 3_400);
    let chosen = "return document.querySelector('main [name=answer]:checked').value";
    assert_eq!(browser.script(chosen).await, "decline");
    drop(node);
    other.verify();
    browser.close().await;
}
