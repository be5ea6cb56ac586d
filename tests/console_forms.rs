//! What somebody types into the console: neither lost, nor written over what somebody else has written meanwhile.
//!
//! Needs Chromium and its driver (`tests/support/capability.rs`).

mod support;

#[path = "support/browser/mod.rs"]
mod browser;

use browser::Browser;
use support::capability::Capability;
use support::{COUNTY, Office, SHANGHE, SONGWU, XIAHE, data};

const ENTER: &str = "\u{e007}";

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
    if !Capability::Browser.allows("a form of which another is sent first") {
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
    // Enter in a line saves, and does not forget the draft.
    browser.types("phone", ENTER).await;
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
    if !Capability::Browser.allows("a form whose node is away") {
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
    // Nobody is there for a quarter of an hour, and the node that would lock the page is not either.
    assert_eq!(browser.script("return document.body.dataset.idleMs").await, "900000");
    assert!(browser.text().await.contains("周国强"));
    browser.script("document.body.dataset.idleMs = '0'").await;
    browser.until("页面已遮住").await;
    assert!(!browser.text().await.contains("周国强"));
    assert!(!browser.page.title().await.unwrap().contains("周国强"));

    // It is started again, and somebody comes in by another window; the first one goes on.
    let node = village.up(&[]);
    assert_eq!(node.admin(), admin, "where open pages look for it");
    let first = browser.page.window().await.unwrap();
    let second = browser.page.new_window(true).await.unwrap().handle;
    browser.page.switch_to_window(second).await.unwrap();
    browser.goto(&village.console_link("zh")).await;
    browser.page.switch_to_window(first).await.unwrap();
    browser.until("草稿已存").await;
    let text = browser.text().await;
    assert!(!text.contains("没有提交") && !text.contains("页面已遮住") && text.contains("周国强"));
    assert!(browser.page.title().await.unwrap().contains("周国强"));
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
    if !Capability::Browser.allows("many windows of the console") {
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
    if !Capability::Browser.allows("forms that are refused") {
        return;
    }
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let (village, other) = (town.admits(SHANGHE, None), town.admits(XIAHE, None));
    let second = town.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    let meet = |office: &Office| {
        let node = town.up(&[]);
        office.run(&["sync", "--peer", &node.address(), "--timeout", "30s"]);
        node.stop();
    };
    meet(&village);
    meet(&second);
    second.done(&["elder", "set", &elder, "birth_date=1942-01-05"]);
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
    // One that was typed before another value came is for the same place all the same.
    retypes(&browser, "value", "1942-01-03").await;
    second.run(&["sync", "--peer", &node.address(), "--timeout", "30s"]);
    browser.click("采用这个").await;
    browser.until("1942-01-05").await;
    assert_eq!(typed(&browser, "value").await, "1942-01-03");
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

#[tokio::test(flavor = "multi_thread")]
async fn windows_do_not_take_from_one_another_what_was_typed() {
    if !Capability::Browser.allows("forms in several windows") {
        return;
    }
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let elder = town.adds_elder(SHANGHE, "周国强");
    town.done(&["incident", "raise", &elder, "--kind", "safety-risk", "--note", "屋顶漏雨"]);
    let incidents = town.done(&["incident", "list"]);
    let incident = incidents["incidents"][0]["incident_id"].as_str().unwrap().to_owned();
    town.done(&["incident", "ack", &incident]);
    let node = town.up(&[]);
    let mut browser = Browser::start("zh-CN").await;
    browser.goto(&town.console_link("zh")).await;
    browser.visit(&format!("/elder/{elder}/visit")).await;
    browser.click("全部正常").await;
    browser.types("note", "血压").await;
    let first = browser.page.window().await.unwrap();
    let second = browser.page.new_window(true).await.unwrap().handle;

    // Somebody opens the pages once more: the windows that are open go on.
    browser.page.switch_to_window(second.clone()).await.unwrap();
    browser.goto(&town.console_link("zh")).await;
    browser.page.switch_to_window(first.clone()).await.unwrap();
    browser.types("note", "偏高").await;
    browser.until("草稿已存").await;
    browser.click("保存").await;
    browser.until("探访已保存").await;
    assert_eq!(town.visits()[0]["visit"]["note"], "血压偏高");

    // Two new files are two.
    browser.visit("/new").await;
    browser.types("name", "温玉兰").await;
    browser.until("草稿已存").await;
    browser.page.switch_to_window(second.clone()).await.unwrap();
    browser.visit("/new").await;
    assert_eq!(typed(&browser, "name").await, "温玉兰");
    retypes(&browser, "name", "许桂英").await;
    browser.script("document.querySelector('main [name=scope]').value = '990121101203'").await;
    browser.click("保存").await;
    browser.until("档案已建立").await;
    browser.page.switch_to_window(first.clone()).await.unwrap();
    browser.visit("/new").await;
    browser.until_script("return document.querySelector('main [name=name]').value", "温玉兰").await;

    // A report on what somebody else has closed meanwhile is not taken, and says so.
    browser.visit(&format!("/incident/{incident}")).await;
    browser.click_on("main input[name=step][value=Closed]").await;
    browser.types("note", "已修好").await;
    town.done(&["incident", "close", &incident, "--note", "已处理"]);
    browser.click("保存").await;
    let is_refused = "return '' + !!document.querySelector('[role=alert]')";
    browser.until_script(is_refused, "true").await;
    assert_eq!(typed(&browser, "note").await, "已修好");
    browser.click("保存").await;
    browser.until("已记录").await;
    let shown = town.done(&["incident", "show", &incident]);
    assert!(shown["steps"].to_string().contains("已修好"), "{shown}");

    // A ledger of which something is different by now is looked at again.
    let above = county.up(&[]);
    town.run(&["sync", "--peer", &above.address(), "--timeout", "30s"]);
    browser.visit("/import").await;
    let ledger = std::fs::canonicalize(data("松雾镇留守老年人台账.xlsx")).unwrap();
    let ledger = ledger.to_str().unwrap();
    browser.types("file", ledger).await;
    browser.click("看看会有什么变化").await;
    browser.until("导入：").await;
    town.run(&["import", ledger]);
    let elders = town.elders().len();
    browser.click_on("main form:last-of-type button.main").await;
    browser.until("预览之后有人改了内容").await;
    assert_eq!(town.elders().len(), elders);
    drop((node, above));
    town.verify();
    browser.close().await;
}
