//! Every page of the console, in a real browser and in both languages: nobody is shut out of it, nothing is asked of
//! anybody but the node, whatever stands in a record is text, and no page is large.
//!
//! Needs Chromium and its driver, and npm for axe-core (`tests/support/capability.rs`). With `SHOUWANG_BLESS=1` the
//! pictures go to `docs/console`, which `docs/console.md` shows; else beside what is built.

mod support;

#[path = "support/browser/mod.rs"]
mod browser;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use browser::{Browser, LAPTOP, TELEPHONE};
use serde_json::Value;
use support::capability::Capability;
use support::{COUNTY, Node, Office, QINGHE, SHANGHE, SONGWU, XIAHE, data, npm};

/// The most that a page and all that it loads may weigh.
const PAGE_BYTES_MAX: u64 = 200_000;

/// Whether everything is there that the pages are looked at with; else it is said that they are not.
fn may_look(what: &str) -> bool {
    [Capability::Browser, Capability::Node].into_iter().all(|needed| needed.allows(what))
}

/// A page, and what its picture is called.
struct Page {
    name: String,
    path: String,
}

fn page(name: &str, path: impl Into<String>) -> Page {
    Page { name: name.to_owned(), path: path.into() }
}

/// A county in which something is going on in every page: a township with the people of its ledger, two villages, one
/// of which has visited, found trouble, written what the township wrote too, and offers somebody to the other.
struct World {
    county: Office,
    town: Office,
    village: Office,
    elder: String,
    incident: String,
}

impl World {
    fn new() -> Self {
        let county = Office::begin(COUNTY);
        let town = county.admits_named("松雾镇民政办", SONGWU, None);
        county.admits_named("清荷乡民政办", QINGHE, None);
        let village = town.admits_named("上禾村笔记本", SHANGHE, None);
        let other = town.admits_named("下禾村笔记本", XIAHE, None);
        // The places come from the county.
        meet(&county, &[&town]);
        town.run(&["import", &data("松雾镇留守老年人台账.xlsx")]);
        meet(&town, &[&village, &other]);
        let elders = village.elders();
        let own = elders.iter().filter(|elder| elder["scope"] == SHANGHE);
        let ids: Vec<&str> = own.map(|elder| elder["elder_id"].as_str().unwrap()).collect();
        let elder = ids[0].to_owned();
        for (at, id) in ids.iter().enumerate() {
            let day = format!("2026-0{}-1{}", 6 + at % 3, at % 10);
            let visit = ["visit", "add", id, "--date", &day, "--health", "concern:mobility"];
            village.done(&[&visit[..], &["--note", "腿脚不便，已联系子女"]].concat());
        }
        village.done(&["elder", "set", &elder, "address=上禾村6组57号", "phone=13900000001"]);
        town.done(&["elder", "set", &elder, "phone=13900000002"]);
        let raise = ["incident", "raise", &elder, "--kind", "safety-risk", "--note", "屋顶漏雨"];
        for _ in 0..2 {
            let same = ["name=程桂枝", "birth_date=1948-05-06", "sex=Female"];
            village.done(&[&["elder", "add", "--village", SHANGHE], &same[..]].concat());
        }
        let incident = village.done(&raise)["incident_id"].as_str().unwrap().to_owned();
        village.done(&["transfer", "offer", ids[1], "--to", XIAHE]);
        village.done(&["elder", "set", &elder, "hamlet=6组"]);
        meet(&town, &[&village, &other]);
        meet(&county, &[&town]);
        Self { county, town, village, elder, incident }
    }

    /// The offices with what each has pages of.
    fn offices(&self) -> [(&'static str, &Office, Vec<Page>); 3] {
        let of = |what: &str| format!("/elder/{}{what}", self.elder);
        let village = vec![
            page("today", "/"),
            page("due", "/due"),
            page("elders", "/elders"),
            page("found", "/elders?q=c"),
            page("file", of("")),
            page("card", of("/card")),
            page("history", of("/history")),
            page("visit", of("/visit")),
            page("edit", of("/edit")),
            page("raise", of("/incident")),
            page("move", of("/move")),
            page("new", "/new"),
            page("incidents", "/incidents"),
            page("incident-of-whom", "/incidents/raise"),
            page("incident", format!("/incident/{}", self.incident)),
            page("conflicts", "/conflicts"),
            page("undo", "/undo"),
            page("transfers", "/transfers"),
            page("held", "/held"),
            page("health", "/health"),
        ];
        let township = vec![
            page("today", "/"),
            page("chasing", "/chasing"),
            page("ledger", "/ledger?column=phone&column=hamlet"),
            page("import", "/import"),
            page("duplicates", "/duplicates"),
            page("transfers", "/transfers"),
            page("reports", "/reports"),
        ];
        let county = vec![
            page("today", "/"),
            page("reports", "/reports"),
            page("mesh", "/mesh"),
            page("devices", "/devices"),
            page("device", format!("/device/{}", self.town.device())),
            page("ruleset", "/ruleset"),
        ];
        [
            ("village", &self.village, village),
            ("township", &self.town, township),
            ("county", &self.county, county),
        ]
    }
}

/// Everybody exchanges with the first.
fn meet(with: &Office, all: &[&Office]) {
    let node = with.up(&[]);
    for _ in 0..2 {
        for one in all {
            one.run(&["sync", "--peer", &node.address(), "--timeout", "30s"]);
        }
    }
    node.stop();
}

/// What is looked at on each page.
struct Look {
    browser: Browser,
    axe: String,
    pictures: PathBuf,
    faults: Vec<String>,
    seen: BTreeSet<String>,
}

impl Look {
    async fn new() -> Option<Self> {
        let workplace = tempfile::tempdir().unwrap();
        if let Err(why) = npm::install("axe", workplace.path()) {
            Capability::Node.skips("the pages for whoever cannot see them", &why);
            return None;
        }
        let source = workplace.path().join("node_modules/axe-core/axe.min.js");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let pictures = match std::env::var_os("SHOUWANG_BLESS") {
            Some(_) => root.join("docs/console"),
            None => Path::new(env!("CARGO_TARGET_TMPDIR")).join("console"),
        };
        std::fs::create_dir_all(&pictures).unwrap();
        let axe = std::fs::read_to_string(source).unwrap();
        let browser = Browser::start("zh-CN").await;
        Some(Self { browser, axe, pictures, faults: Vec::new(), seen: BTreeSet::new() })
    }

    /// By a new link. That the node before it is gone is no fault of a page.
    async fn enters(&self, office: &Office, language: &str) {
        self.browser.goto(&office.console_link(language)).await;
        self.browser.complaints().await;
    }

    fn fault(&mut self, name: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{name}: {what}"));
    }

    /// Goes to a page and looks at it.
    async fn at(&mut self, node: &Node<'_>, name: &str, path: &str) {
        self.browser.visit(path).await;
        self.here(node, name).await;
    }

    /// Looks at the page that is there.
    async fn here(&mut self, node: &Node<'_>, name: &str) {
        self.seen.insert(name.to_owned());
        let own = format!("http://{}/", node.admin());
        for asked in self.browser.loaded().await {
            if !asked.starts_with(&own) {
                self.fault(name, format!("asks {asked}"));
            }
        }
        // That a page is locked is said in its status too.
        let locked = |said: &String| name.ends_with("-locked") && said.contains("status of 401");
        let complaints = self.browser.complaints().await;
        for complaint in complaints.into_iter().filter(|said| !locked(said)) {
            self.fault(name, complaint);
        }
        let bytes = self.browser.bytes().await;
        if !(1_000..PAGE_BYTES_MAX).contains(&bytes) {
            self.fault(name, format!("{bytes} bytes"));
        }
        // With axe's own code taken out of what it looks at.
        let run = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']})\
            .then(r => done(r.violations.map(v => ({impact: v.impact, id: v.id, \
            at: v.nodes.slice(0, 3).map(n => n.html + ' ' + n.failureSummary)}))), e => done('' + e))";
        self.browser.script(&self.axe).await;
        let found = self.browser.page.execute_async(run, Vec::new()).await.unwrap();
        let Some(violations) = found.as_array() else {
            return self.fault(name, format!("axe: {found}"));
        };
        for violation in violations {
            if ["serious", "critical"].iter().any(|impact| violation["impact"] == *impact) {
                self.fault(name, violation);
            }
        }
        for fault in self.script(LOOKS).await.as_array().unwrap() {
            self.fault(name, fault);
        }
    }

    async fn script(&self, script: &str) -> Value {
        self.browser.script(script).await
    }

    /// On the screen of a telephone nothing but a table in a box of its own is wider than the screen.
    async fn on_a_telephone(&mut self, name: &str) {
        self.browser.screen(TELEPHONE).await;
        let over =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let over = self.script(over).await;
        if over != 0 {
            self.fault(name, format!("a telephone has to scroll {over} sideways"));
        }
        self.browser.screen(LAPTOP).await;
    }

    async fn picture(&self, name: &str) {
        let picture = self.browser.picture().await;
        std::fs::write(self.pictures.join(format!("{name}.png")), picture).unwrap();
    }
}

/// What no library knows: whatever is marked by a colour says the same by a glyph or words, what turns the text after
/// it stands in an element of its own, whatever can be clicked can be reached by the keyboard, and no page is wider
/// than the screen of an old laptop.
const LOOKS: &str = r#"
    const faults = [];
    const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (over > 0) { faults.push("wider than the screen by " + over); }
    for (const marked of document.querySelectorAll(".good, .attention, .bad")) {
        if (!/[✔!×]/.test(marked.textContent)) { faults.push("colour alone: " + marked.outerHTML.slice(0, 200)); }
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        if (/[\u202a-\u202e\u2066-\u2069]/.test(text.data) && !text.parentElement.closest("bdi, textarea, option")) {
            faults.push("turns what follows: " + text.parentElement.outerHTML.slice(0, 200));
        }
    }
    for (const at of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
        if (at.tabIndex < 0) { faults.push("not by the keyboard: " + at.outerHTML.slice(0, 200)); }
    }
    if (document.querySelectorAll("h1").length !== 1) { faults.push("not one heading"); }
    if (/\[[a-z]+-[a-z-]+\]|\{ ?\$/.test(document.body.innerText)) { faults.push("words are missing"); }
    return faults;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shut_out_of_any_page() {
    if !may_look("every page of the console") {
        return;
    }
    let Some(mut look) = Look::new().await else { return };
    let world = World::new();
    for language in ["zh", "en"] {
        for (role, office, pages) in world.offices() {
            let node = office.up(&[]);
            look.enters(office, language).await;
            for page in &pages {
                let name = format!("{role}-{}", page.name);
                look.at(&node, &name, &page.path).await;
                if language == "zh" {
                    look.on_a_telephone(&name).await;
                    look.picture(&name).await;
                }
            }
            look.filled_in(&node, role, language).await;
            drop(node);
        }
    }
    assert!(look.faults.is_empty(), "{} faults:\n{}", look.faults.len(), look.faults.join("\n"));
    let shown =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/console.md"));
    let shown = shown.unwrap();
    for name in &look.seen {
        assert!(shown.contains(&format!("(console/{name}.png)")), "docs/console.md: {name}");
        let kept =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/console/{name}.png"));
        assert!(kept.exists(), "docs/console: {name}; SHOUWANG_BLESS=1 takes it");
    }
    look.browser.close().await;
}

impl Look {
    /// Pages that are only come to by filling something in.
    async fn filled_in(&mut self, node: &Node<'_>, role: &str, language: &str) {
        match role {
            "village" => {
                // Something is missing in what was typed.
                self.browser.visit("/new").await;
                self.browser.types("name", "周国强").await;
                self.browser.types("resident_id", "990121194802119808").await;
                self.browser.click_on("main form button.main").await;
                let is_refused = "return '' + !!document.querySelector('[role=alert]')";
                self.browser.until_script(is_refused, "true").await;
                self.browser.complaints().await;
                self.named(node, "village-refused", language).await;
                self.browser.visit("/").await;
                self.browser.click_on("form[action='/lock'] button").await;
                let is_open = "return '' + document.body.hasAttribute('data-open')";
                self.browser.until_script(is_open, "false").await;
                self.browser.complaints().await;
                self.named(node, "village-locked", language).await;
            }
            "township" => {
                self.browser.visit("/import").await;
                let ledger = std::fs::canonicalize(data("松雾镇留守老年人台账.xlsx")).unwrap();
                self.browser.types("file", ledger.to_str().unwrap()).await;
                self.browser.click_on("main form button.main").await;
                self.browser.until("松雾镇留守老年人台账.xlsx").await;
                self.named(node, "township-difference", language).await;
            }
            _ => {
                let fresh = Office::new("fresh");
                let request = fresh.done(&["request"])["request"].as_str().unwrap().to_owned();
                self.browser.visit("/devices").await;
                self.browser.types("request", &request).await;
                self.browser
                    .script("document.querySelector('main [name=area]').value = '990121200000'")
                    .await;
                self.browser.types("name", "清荷乡新电脑").await;
                self.browser.click_on("main form button.main").await;
                self.browser
                    .until_script("return '' + !!document.querySelector('figure svg')", "true")
                    .await;
                self.named(node, "county-invite", language).await;
            }
        }
    }

    async fn named(&mut self, node: &Node<'_>, name: &str, language: &str) {
        self.here(node, name).await;
        if language == "zh" {
            self.picture(name).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stands_in_a_record_is_text() {
    if !may_look("hostile names in the console") {
        return;
    }
    let Some(mut look) = Look::new().await else { return };
    let world = World::new();
    let turned =
        "=cmd|' /C calc'!A0 \u{202e}gnp.exe\u{202d} \"'&<img src=x onerror=document.title=1>";
    let name = "<script>document.title=1</script>";
    let village = &world.village;
    village.done(&["elder", "set", &world.elder, &format!("name={name}")]);
    village.done(&["elder", "set", &world.elder, &format!("remarks={turned}")]);
    village.done(&["elder", "set", &world.elder, &format!("address={}", "长".repeat(120))]);
    let note = format!("{turned}{}", "记".repeat(400));
    village.done(&["visit", "add", &world.elder, "--note", &note]);
    village.done(&["incident", "raise", &world.elder, "--kind", "emergency", "--note", turned]);
    meet(&world.town, &[village]);
    meet(&world.county, &[&world.town]);
    for (role, office, pages) in world.offices() {
        let node = office.up(&[]);
        look.enters(office, "zh").await;
        for page in &pages {
            let named = format!("{role}-{}", page.name);
            look.at(&node, &named, &page.path).await;
            let live =
                "return document.querySelectorAll('main script, main img, main iframe').length";
            let live = look.script(live).await;
            let title = look.script("return document.title").await;
            if live != 0 || title == "1" || title.as_str().unwrap().contains('\u{202e}') {
                look.fault(&named, format!("{live} of it is alive, {title}"));
            }
        }
        drop(node);
    }
    assert!(look.faults.is_empty(), "{} faults:\n{}", look.faults.len(), look.faults.join("\n"));

    // What is far too long is refused by name, and nothing of it is lost.
    let node = village.up(&[]);
    let browser = &mut look.browser;
    browser.goto(&village.console_link("zh")).await;
    browser.visit(&format!("/elder/{}/visit", world.elder)).await;
    let long =
        "return (document.querySelector('main [name=note]').value = '长'.repeat(3400)).length";
    browser.script(long).await;
    let visits = village.visits().len();
    browser.click_on("main input[name=areas][value=fine]").await;
    browser.click_on("main form button.main").await;
    browser.until("最多 500 个").await;
    let kept = "return document.querySelector('main [name=note]').value.length";
    assert_eq!(browser.script(kept).await, 3400);
    assert_eq!(village.visits().len(), visits);
    drop(node);
    look.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_large_however_many_people_there_are() {
    if !may_look("the size of the console's pages") {
        return;
    }
    let Some(mut look) = Look::new().await else { return };
    let county = Office::new(COUNTY);
    county.done(&["init", "--area", COUNTY, "--name", COUNTY]);
    let (areas, ledger) = (county.path("areas.csv"), county.path("ledger.xlsx"));
    let (areas, ledger) = (areas.to_str().unwrap(), ledger.to_str().unwrap());
    let sizes = ["--elders", "8000", "--villages", "16", "--seed", "7"];
    county.done(&[&["sample"], &sizes[..], &["--areas", areas, "--out", ledger]].concat());
    county.run(&["area", "import", areas]);
    let town = county.admits(SONGWU, None);
    meet(&county, &[&town]);
    town.run_within(Duration::from_secs(300), &["import", ledger]);
    let people = town.elders();
    assert!(people.len() > 7_900, "{}", people.len());
    let mut villages: Vec<&str> =
        people.iter().map(|elder| elder["scope"].as_str().unwrap()).collect();
    villages.sort_unstable();
    let largest = villages.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len()).unwrap();
    assert!(largest.len() >= 500, "{}", largest.len());
    let village = town.admits(largest[0], None);
    meet(&town, &[&village]);
    let pages = [
        (&village, vec!["/", "/due", "/elders", "/ledger"]),
        (&town, vec!["/", "/chasing", "/ledger", "/ledger?page=40", "/elders", "/reports"]),
    ];
    for (office, paths) in pages {
        let node = office.up(&[]);
        look.enters(office, "zh").await;
        for path in paths {
            look.at(&node, path, path).await;
            println!("{path}: {} bytes", look.browser.bytes().await);
        }
        drop(node);
    }
    assert!(look.faults.is_empty(), "{} faults:\n{}", look.faults.len(), look.faults.join("\n"));
    look.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_by_the_keyboard_alone() {
    if !may_look("the console by the keyboard") {
        return;
    }
    let village = Office::begin(COUNTY).admits(SHANGHE, None);
    village.adds_elder(SHANGHE, "周国强");
    let node = village.up(&[]);
    let browser = Browser::start("zh-CN").await;
    browser.goto(&village.console_link("zh")).await;
    // The first stop leads past what stands around the page.
    let keys = |keys: &'static str| {
        let browser = &browser;
        async move {
            browser.page.active_element().await.unwrap().send_keys(keys).await.unwrap();
        }
    };
    let (tab, enter) = ("\u{e004}", "\u{e007}");
    let at = "const at = document.activeElement; return at.textContent.trim() || at.name || at.id";
    keys(tab).await;
    assert_eq!(browser.script("return document.activeElement.className").await, "skip");
    keys(enter).await;
    let mut stops = 0;
    while browser.script(at).await != "登记探访" {
        keys(tab).await;
        stops += 1;
        assert!(stops < 20, "{}", browser.script(at).await);
    }
    keys(enter).await;
    browser.until("全部正常").await;
    let wanted = "const at = document.activeElement; return at.name + '=' + at.value";
    let mut stops = 0;
    while browser.script(wanted).await != "areas=fine" {
        keys(tab).await;
        stops += 1;
        assert!(stops < 40, "{}", browser.script(wanted).await);
    }
    keys(" ").await;
    // From anywhere in a form, enter in a line of text saves.
    while browser.script("return document.activeElement.className").await != "main" {
        keys(tab).await;
        stops += 1;
        assert!(stops < 80, "{}", browser.script(at).await);
    }
    keys(enter).await;
    browser.until("探访已保存").await;
    assert_eq!(village.visits().len(), 1);
    drop(node);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_locked_elsewhere_shows_nothing_any_more() {
    if !may_look("the lock of the console") {
        return;
    }
    let village = Office::begin(COUNTY).admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    let node = village.up(&[]);
    let mut browser = Browser::start("zh-CN").await;
    browser.goto(&village.console_link("zh")).await;
    browser.visit(&format!("/elder/{elder}")).await;
    assert!(browser.text().await.contains("周国强"));
    let first = browser.page.window().await.unwrap();
    let second = browser.page.new_window(true).await.unwrap().handle;
    browser.page.switch_to_window(second).await.unwrap();
    browser.goto(&format!("http://{}/", node.admin())).await;
    browser.click_on("form[action='/lock'] button").await;
    browser.page.switch_to_window(first).await.unwrap();
    browser.until_that("the other window is locked", |text| !text.contains("周国强")).await;
    drop(node);
    browser.close().await;
}
