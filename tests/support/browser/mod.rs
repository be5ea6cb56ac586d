//! A real browser, driven: Debian's Chromium by its own driver.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// The screen of an old laptop.
pub const LAPTOP: (u32, u32) = (1024, 768);
/// A telephone.
pub const TELEPHONE: (u32, u32) = (390, 800);

/// The longest that anything on a page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the driver is started at most: it takes a free port of one family of addresses and ends if somebody has that
/// port in the other.
const DRIVER_STARTS_MAX: usize = 10;

/// A browser with one window, and what somebody does in it.
pub struct Browser {
    pub page: Client,
    driver: Child,
    /// Clicks and keys since they were last counted.
    presses: u32,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one whose person reads this language. It resolves no name: whatever a page asked of anybody but this
    /// machine would fail, and be seen.
    pub async fn start(language: &str) -> Self {
        let (driver, port) = driver();
        let profile = tempfile::tempdir().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        let (width, height) = LAPTOP;
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1".to_owned(),
            format!("--lang={language}"),
            format!("--window-size={width},{height}"),
            data,
        ];
        let wanted = json!({
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": {"intl.accept_languages": language},
            },
            "goog:loggingPrefs": {"browser": "ALL"},
            "unhandledPromptBehavior": "ignore",
        });
        let Value::Object(wanted) = wanted else { unreachable!() };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        let browser = Self { page, driver, presses: 0, _profile: profile };
        browser.screen(LAPTOP).await;
        browser
    }

    /// On a screen of this size, without what the browser has around a page.
    pub async fn screen(&self, (width, height): (u32, u32)) {
        self.page.set_window_size(width, height).await.unwrap();
        let inner = self.script("return [innerWidth, innerHeight]").await;
        let around = |at: usize, wanted: u32| {
            wanted + wanted.saturating_sub(u32::try_from(inner[at].as_u64().unwrap()).unwrap())
        };
        self.page.set_window_size(around(0, width), around(1, height)).await.unwrap();
    }

    pub async fn script(&self, script: &str) -> Value {
        self.page
            .execute(script, Vec::new())
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    pub async fn goto(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    /// Another page of the same node.
    pub async fn visit(&self, path: &str) {
        let url = self.page.current_url().await.unwrap().join(path).unwrap();
        self.goto(url.as_str()).await;
    }

    /// What is to be read on the page.
    pub async fn text(&self) -> String {
        self.script("return document.body.innerText").await.as_str().unwrap().to_owned()
    }

    /// What stands in the page itself, and not around it.
    pub async fn main(&self) -> String {
        let script = "return document.getElementById('main').innerText";
        self.script(script).await.as_str().unwrap().to_owned()
    }

    pub async fn path(&self) -> String {
        self.page.current_url().await.unwrap().path().to_owned()
    }

    pub async fn find(&self, css: &str) -> Element {
        match self.page.find(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("{css}: {error}\n{}", self.text().await),
        }
    }

    /// Clicks on what is so labelled: a link, a button, a box. One press.
    pub async fn click(&mut self, text: &str) {
        let quoted = format!("'{text}'");
        let path = format!(
            "//a[normalize-space()={quoted}] | //button[normalize-space()={quoted}] | \
             //summary[normalize-space()={quoted}] | //label[normalize-space()={quoted}]"
        );
        let found = self.page.find_all(Locator::XPath(&path)).await.unwrap();
        for element in found {
            if element.is_displayed().await.unwrap() {
                self.presses += 1;
                element.click().await.unwrap();
                return;
            }
        }
        panic!("nothing to click is called {text}\n{}", self.text().await);
    }

    /// Clicks on what a selector finds first. One press.
    pub async fn click_on(&mut self, css: &str) {
        self.presses += 1;
        self.find(css).await.click().await.unwrap();
    }

    /// Types into a field by its name, in the page itself.
    pub async fn types(&self, name: &str, text: &str) {
        let field = self.find(&format!("main [name='{name}']")).await;
        field.send_keys(text).await.unwrap();
    }

    /// Clicks and keys since this was last asked.
    pub fn presses(&mut self) -> u32 {
        std::mem::take(&mut self.presses)
    }

    /// Waits until the page says something.
    pub async fn until(&self, said: &str) {
        self.until_that(&format!("{said:?} is said"), |text| text.contains(said)).await;
    }

    /// Waits until a script gives this.
    pub async fn until_script(&self, script: &str, wanted: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let given = self.script(script).await;
            if given == wanted {
                return;
            }
            assert!(Instant::now() < until, "{script}: {given}, and not {wanted}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn until_that(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = self.text().await;
            if holds(&text) {
                return;
            }
            assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}:\n{text}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Whatever the browser has complained of since this was last asked: loads that failed, a policy that was broken,
    /// errors of scripts.
    pub async fn complaints(&self) -> Vec<String> {
        let said = self.page.issue_cmd(Complaints).await.unwrap();
        let text = |one: &Value| one["message"].as_str().unwrap().to_owned();
        said.as_array().unwrap().iter().map(text).collect()
    }

    /// Addresses that this page has asked, its own among them.
    pub async fn loaded(&self) -> Vec<String> {
        let script = "return performance.getEntriesByType('resource').map(e => e.name).concat([location.href])";
        let said = self.script(script).await;
        said.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// Bytes of this page and all that it loaded, as they came.
    pub async fn bytes(&self) -> u64 {
        let script = "return performance.getEntriesByType('navigation')\
            .concat(performance.getEntriesByType('resource')).map(e => e.encodedBodySize || 0)";
        let said = self.script(script).await;
        said.as_array().unwrap().iter().map(|one| one.as_u64().unwrap()).sum()
    }

    /// When something was first to be seen on this page, in ms since it was asked for.
    pub async fn first_paint_ms(&self) -> f64 {
        let script = "const paint = performance.getEntriesByName('first-contentful-paint')[0];\
            return paint ? paint.startTime : null";
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at_ms) = self.script(script).await.as_f64() {
                return at_ms;
            }
            assert!(Instant::now() < until, "nothing is painted within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// As on a machine so many times slower.
    pub async fn slow_down(&self, times: u32) {
        self.page.issue_cmd(SlowDown(times)).await.unwrap();
    }

    /// A picture of the page, down to where it is very long.
    pub async fn picture(&self) -> Vec<u8> {
        let script =
            "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]";
        let size = self.script(script).await;
        let (width, height) = LAPTOP;
        let wanted = u32::try_from(size[1].as_u64().unwrap()).unwrap().clamp(height, 1_600);
        self.screen((width, wanted)).await;
        let bytes = self.page.screenshot().await.unwrap();
        self.screen(LAPTOP).await;
        bytes
    }

    pub async fn close(mut self) {
        let _ = self.page.clone().close().await;
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// What the browser's own console says; not in the standard, and in every driver of Chromium.
#[derive(Debug)]
struct Complaints;

impl WebDriverCompatibleCommand for Complaints {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}

/// What developers of pages use to see them as on an old machine.
#[derive(Debug)]
struct SlowDown(u32);

impl WebDriverCompatibleCommand for SlowDown {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let asked = json!({"cmd": "Emulation.setCPUThrottlingRate", "params": {"rate": self.0}});
        (Method::POST, Some(asked.to_string()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A driver that waits, and where.
fn driver() -> (Child, u16) {
    let mut said = Vec::new();
    for _ in 0..DRIVER_STARTS_MAX {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.by_ref().inspect(|line| said.push(line.clone())).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        if let Some(port) = port {
            // Whoever reads its output no more would end it.
            std::thread::spawn(move || lines.for_each(drop));
            return (driver, port);
        }
        driver.kill().unwrap();
        driver.wait().unwrap();
    }
    panic!("chromedriver does not start: {said:#?}");
}
