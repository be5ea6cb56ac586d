//! Who may see the console, and what may be done to it by pages of other sites.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use support::{COUNTY, Office, SHANGHE, SONGWU, XIAHE};

/// What a server answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The cookie that was set, as it is sent back.
    fn cookie(&self) -> String {
        let set = self.header("set-cookie").unwrap_or_else(|| panic!("{self:?}"));
        set.split(';').next().unwrap().to_owned()
    }
}

/// One request, written by hand: no library mends what is wrong with it.
fn ask(admin: &str, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(admin).unwrap();
    let mut text = format!("{request} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text += &format!("Host: {admin}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer { status, headers, body: body.to_owned() }
}

fn get(admin: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(admin, &format!("GET {path}"), headers, "")
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// The path of a fresh link.
fn link(office: &Office) -> String {
    let opened = office.done(&["open", "--no-browser"]);
    let url = opened["url"].as_str().unwrap();
    format!("/{}", url.splitn(4, '/').nth(3).unwrap())
}

/// What stands in a hidden field of a page.
fn hidden(page: &str, name: &str) -> String {
    let at = page.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{page}"));
    let rest = &page[at..];
    rest.split('"').nth(3).unwrap().to_owned()
}

#[test]
fn only_a_link_that_is_fresh_opens_and_only_once() {
    let county = Office::begin(COUNTY);
    let village = county.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    let node = village.up(&[]);
    let admin = node.admin();
    for path in ["/", "/elders", &format!("/elder/{elder}"), "/events", "/ledger/file"] {
        let stranger = get(&admin, path, &[]);
        assert_eq!(stranger.status, 401, "{path}");
        assert!(!stranger.body.contains("周国强"), "{path}");
    }
    let path = link(&village);
    let entered = get(&admin, &path, &[]);
    assert_eq!((entered.status, entered.header("location")), (303, Some("/")));
    let kept = entered.header("set-cookie").unwrap();
    assert!(kept.contains("HttpOnly") && kept.contains("SameSite=Strict"), "{kept}");
    let cookie = entered.cookie();
    let page = get(&admin, "/elders", &[("Cookie", &cookie)]);
    assert!(page.status == 200 && page.body.contains("周国强"), "{page:?}");
    // The same link again, from another browser; and links that were never made.
    for path in [path.as_str(), "/enter?link=", "/enter", "/enter?link=%00"] {
        assert_eq!(get(&admin, path, &[]).status, 401, "{path}");
    }
    // The cookie of another port's node is not this node's.
    let (_, value) = cookie.split_once('=').unwrap();
    let other = format!("shouwang_1={value}");
    assert_eq!(get(&admin, "/", &[("Cookie", &other)]).status, 401);
    // The token of the API opens no page, and the page's cookie no API.
    let api = ask(&admin, "POST /v1/status", &[("Cookie", &cookie)], "{}");
    assert_eq!(api.status, 401);
}

#[test]
fn no_page_of_another_site_can_ask_or_send() {
    let county = Office::begin(COUNTY);
    let village = county.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    let node = village.up(&[]);
    let admin = node.admin();
    let cookie = get(&admin, &link(&village), &[]).cookie();
    let own = ("Cookie", cookie.as_str());
    // A name that leads here (DNS rebinding), and another site.
    let port = admin.rsplit(':').next().unwrap();
    for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "", "127.0.0.1:1"] {
        let answer = get(&admin, "/", &[("Host", host), own]);
        assert_eq!(answer.status, 403, "{host}");
        assert!(!answer.body.contains("周国强"));
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(get(&admin, "/", &[("Origin", origin), own]).status, 403, "{origin}");
    }
    // Every page tells the browser what it may do with it.
    for path in ["/", "/elders", "/assets/console.js", "/nowhere"] {
        let page = get(&admin, path, &[own]);
        let policy = page.header("content-security-policy").unwrap_or_else(|| panic!("{path}"));
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
    }
    // A form needs the token that stands in the page, and its own that is used once.
    let page = get(&admin, &format!("/elder/{elder}/visit"), &[own]).body;
    let (csrf, once) = (hidden(&page, "csrf"), hidden(&page, "once"));
    let post = format!("POST /elder/{elder}/visit");
    let filled = "date=2026-09-01&mode=Home&outcome=Completed&occasion=Routine&areas=fine";
    let send = |headers: &[(&str, &str)], token: &str| {
        let body = format!("{filled}&csrf={token}&once={once}");
        ask(&admin, &post, &[&[FORM, own], headers].concat(), &body).status
    };
    assert_eq!(send(&[], ""), 403);
    assert_eq!(send(&[], &"0".repeat(64)), 403);
    assert_eq!(send(&[("Sec-Fetch-Site", "cross-site")], &csrf), 403);
    assert_eq!(send(&[("Origin", "https://evil.example")], &csrf), 403);
    assert_eq!(village.visits().len(), 0);
    assert_eq!(send(&[("Sec-Fetch-Site", "same-origin")], &csrf), 303);
    assert_eq!(village.visits().len(), 1);
    // Twice sent is once saved.
    assert_eq!(send(&[], &csrf), 422);
    assert_eq!(village.visits().len(), 1);
    // What is no form, and too much of one.
    for body in ["\u{0}", &"a=b&".repeat(100_000)] {
        let status = ask(&admin, &post, &[FORM, own], body).status;
        assert!((400..500).contains(&status), "{status}");
    }
    village.verify();
}

#[test]
fn a_locked_page_shows_nothing_and_loses_nothing() {
    let county = Office::begin(COUNTY);
    let village = county.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    // From now on the home is opened by what somebody knows.
    let words = village.path("words");
    std::fs::write(&words, "雾松镇的石桥边等你\n").unwrap();
    let words = words.to_str().unwrap().to_owned();
    village.done(&["device", "passphrase", "--new-passphrase-file", &words]);
    let node =
        village.up_with(&["--passphrase-file", &words, "--listen", "/ip4/127.0.0.1/tcp/0"], "info");
    let admin = node.admin();
    let cookie = get(&admin, &link(&village), &[]).cookie();
    let own = ("Cookie", cookie.as_str());
    let page = get(&admin, &format!("/elder/{elder}/visit"), &[own]).body;
    let csrf = hidden(&page, "csrf");
    ask(&admin, "POST /lock", &[FORM, own], &format!("csrf={csrf}"));
    for path in ["/", "/elders", &format!("/elder/{elder}")] {
        let locked = get(&admin, path, &[own]);
        assert_eq!(locked.status, 401, "{path}");
        assert!(!locked.body.contains("周国强"), "{path}");
    }
    // Somebody had typed for long: it is kept, and nothing is saved.
    let body = format!("csrf={csrf}&once=1&draft=visit:{elder}&draft_elder={elder}&note=%E9%95%BF");
    let sent = ask(&admin, &format!("POST /elder/{elder}/visit"), &[FORM, own], &body);
    assert_eq!(sent.status, 401);
    assert_eq!(village.visits().len(), 0);
    let try_it = |passphrase: &str| {
        let body = format!("csrf={csrf}&back=/elders&passphrase={passphrase}");
        ask(&admin, "POST /unlock", &[FORM, own], &body)
    };
    assert_eq!(try_it("wrong").status, 401);
    let unlocked =
        try_it("%E9%9B%BE%E6%9D%BE%E9%95%87%E7%9A%84%E7%9F%B3%E6%A1%A5%E8%BE%B9%E7%AD%89%E4%BD%A0");
    assert_eq!((unlocked.status, unlocked.header("location")), (303, Some("/elders")));
    assert!(get(&admin, "/elders", &[own]).body.contains("周国强"));
    assert!(get(&admin, &format!("/elder/{elder}/visit"), &[own]).body.contains("长"));
    // Whoever guesses needs a new link.
    ask(&admin, "POST /lock", &[FORM, own], &format!("csrf={csrf}"));
    for _ in 0..6 {
        assert_eq!(try_it("guess").status, 401);
    }
    let guessed =
        try_it("%E9%9B%BE%E6%9D%BE%E9%95%87%E7%9A%84%E7%9F%B3%E6%A1%A5%E8%BE%B9%E7%AD%89%E4%BD%A0");
    assert_eq!(guessed.status, 401);
    assert_eq!(get(&admin, "/", &[own]).status, 401);
}

/// Whatever people have typed is text, on each page and in each file.
#[test]
fn hostile_names_and_notes_are_text() {
    let county = Office::begin(COUNTY);
    let village = county.admits(SHANGHE, None);
    let name = "<script>alert(1)</script>";
    let elder = village.adds_elder(SHANGHE, name);
    let turned = "=cmd|' /C calc'!A0 \u{202e}gnp.exe\u{202d} \"'&<img src=x onerror=alert(2)>";
    village.done(&["elder", "set", &elder, &format!("remarks={turned}")]);
    village.done(&["elder", "set", &elder, &format!("address={}", "长".repeat(120))]);
    let note = format!("{turned}{}", "记".repeat(400));
    village.done(&["visit", "add", &elder, "--note", &note]);
    village.done(&["incident", "raise", &elder, "--kind", "safety-risk", "--note", turned]);
    let incident = village.done(&["incident", "list"]);
    let incident = incident["incidents"][0]["incident_id"].as_str().unwrap().to_owned();
    let node = village.up(&[]);
    let admin = node.admin();
    let cookie = get(&admin, &link(&village), &[]).cookie();
    let own = ("Cookie", cookie.as_str());
    let file = |path: &str| format!("/elder/{elder}{path}");
    let pages = [
        "/".to_owned(),
        "/elders".to_owned(),
        "/elders?q=%3Cscript%3Ealert(1)".to_owned(),
        "/elders?q=%3Cimg%20src=x%3E".to_owned(),
        file(""),
        file("/visit"),
        file("/edit"),
        file("/card"),
        file("/history"),
        file("/incident"),
        file("/move"),
        "/incidents".to_owned(),
        format!("/incident/{incident}"),
        "/due".to_owned(),
        "/undo".to_owned(),
        "/due?list=%22%3E%3Cscript%3E".to_owned(),
        "/elder/%3Cscript%3E".to_owned(),
        "/incident/%3Cscript%3Ealert".to_owned(),
    ];
    for path in &pages {
        let answer = get(&admin, path, &[own]);
        let page = answer.body;
        for live in ["<script>alert", "<img src", "onerror=alert(2)>\"", "onerror=alert(2)><"] {
            assert!(!page.contains(live), "{path}: {live}\n{page}");
        }
        // Whoever is the only one found is gone to at once.
        let scripts = usize::from(answer.status != 303);
        assert_eq!(page.matches("<script").count(), scripts, "{path}");
    }
    let shown = get(&admin, &file(""), &[own]).body;
    assert!(
        shown.contains("&#60;script&#62;alert(1)") || shown.contains("&lt;script&gt;alert(1)"),
        "{shown}"
    );
    // Marks that turn what follows stand in elements of their own and never in the title.
    let title = shown.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
    assert!(!title.contains('\u{202e}'), "{title}");
    // A spreadsheet program evaluates nothing.
    let text = get(&admin, "/ledger/file?kind=csv", &[own]).body;
    assert!(!text.contains(",=cmd") && !text.contains("\"=cmd"), "{text}");
    village.verify();
}

/// Whoever is shown has a row, whatever was looked at before; and one row, however often it is looked at.
#[test]
fn nobody_is_shown_without_a_row_in_the_audit() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let first = town.adds_elder(SHANGHE, "周国强");
    let second = town.adds_elder(SHANGHE, "周国强");
    let rows = || {
        let audit = town.done(&["log", "--audit"])["audit"].as_array().unwrap().clone();
        let row = |row: &serde_json::Value| {
            format!("{} {}", row["what"].as_str().unwrap(), row["elders"])
        };
        audit.iter().rev().map(row).collect::<Vec<_>>()
    };
    let before = rows().len();
    let node = town.up(&[]);
    let admin = node.admin();
    let cookie = get(&admin, &link(&town), &[]).cookie();
    let own = ("Cookie", cookie.as_str());
    let shows = |path: &str, name: bool| {
        assert_eq!(get(&admin, path, &[own]).body.contains("周国强"), name, "{path}");
    };
    // Nobody is found, then everybody shown; a page of the same is looked at again and again.
    shows("/ledger?q=zzz", false);
    assert_eq!(rows().len(), before);
    shows("/ledger", true);
    shows("/ledger", true);
    shows("/ledger?page=1", true);
    assert_eq!(rows()[before..], ["list 2"]);
    shows("/ledger?q=zgq", true);
    assert_eq!(rows()[before..], ["list 2", "list 2"]);
    // Incidents, once there are any.
    shows("/incidents", false);
    town.done(&["incident", "raise", &first, "--kind", "safety-risk", "--note", "屋顶漏雨"]);
    shows("/incidents", true);
    assert_eq!(rows()[before + 2..], ["list 1"]);
    // What two files come to if they are joined, and a file that is offered elsewhere.
    let page = get(&admin, "/new", &[own]).body;
    let shown = rows().len();
    let (csrf, once) = (hidden(&page, "csrf"), hidden(&page, "once"));
    let body = format!("keep={first}&other={second}&csrf={csrf}&once={once}");
    let merged = ask(&admin, "POST /duplicates", &[FORM, own], &body);
    assert!(merged.status == 200 && merged.body.contains("周国强"), "{merged:?}");
    assert_eq!(rows()[shown..], ["show 2"]);
    town.done(&["transfer", "offer", &first, "--to", XIAHE]);
    shows(&format!("/elder/{first}/move"), true);
    assert_eq!(rows()[shown..], ["show 2", "show 1"]);
    // A file has those who were looked for, and no others.
    town.adds_elder(SHANGHE, "温玉兰");
    let file = |query: &str| get(&admin, &format!("/ledger/file?kind=csv{query}"), &[own]).body;
    let (all, found) = (file(""), file("&q=wyl"));
    assert!(all.contains("周国强") && all.contains("温玉兰"), "{all}");
    assert!(!found.contains("周国强") && found.contains("温玉兰"), "{found}");
    assert_eq!(rows()[shown + 2..], ["export 3", "export 1"]);
}
