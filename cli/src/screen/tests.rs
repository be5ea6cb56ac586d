//! Every screen of an operator, as it is seen: in both languages, on 80 and 120 columns, with colour and without,
//! where all is well and where nothing is. After a change that is meant: `INSTA_UPDATE=always cargo test -p shouwang
//! --bin shouwang screen`, and read what `git diff` shows.

use std::collections::BTreeMap;

use serde_json::json;
use shouwang_node::command::audit::AuditReport;
use shouwang_node::command::clock::{CheckedToday, ClockFault, ClockReport};
use shouwang_node::command::coverage::VillageState;
use shouwang_node::command::explain::ExplainReport;
use shouwang_node::command::happenings::Happening;
use shouwang_node::command::health::{HealthReport, Machine, Severity, examine};
use shouwang_node::command::incident::IncidentCounts;
use shouwang_node::command::lag::{LagReport, LagTotals, VillageLag};
use shouwang_node::command::refused::RefusedReport;
use shouwang_node::command::status::{PeerState, PeerStatus, PeersReport, StatusReport};
use shouwang_node::command::verify::VerifyReport;

use crate::commands::watch::Line;
use crate::commands::watch::view::{Key, View};
use crate::commands::watch::{Look, News};
use crate::commands::{doctor, explain, lag, log, peers, status, verify};
use crate::context::Context;
use crate::error::Exit;
use crate::finding;
use crate::message::{Language, Messages};
use crate::output::Output;
use crate::screen::Screen;

/// 2026-11-23 10:00 in UTC+8.
const NOW_MS: i64 = 1_795_399_200_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn machine() -> Machine {
    Machine {
        free_bytes: Some(41 << 30),
        store_bytes: 24 << 20,
        key_file: false,
        running: true,
        unanswered: Vec::new(),
    }
}

fn peer(nth: u8, name: &str, area: &str, role: &str) -> PeerStatus {
    serde_json::from_value(json!({
        "device": format!("{nth:02x}").repeat(32), "name": name, "area": area, "role": role,
        "ahead_ms": 20_000, "expected_days": 7,
        "state": "online", "via": "lan", "last_seen_ms": NOW_MS, "last_done_ms": NOW_MS - HOUR_MS,
        "done": true, "in_session": true, "settled": true, "stuck": 0, "they_lack": 0, "we_lack": 0,
        "last_error": null, "refused": {}, "set_aside_there": {}, "sessions": 4,
        "bytes_sent": 212_000, "bytes_received": 1_900, "entries_sent": 640, "entries_received": 12,
    }))
    .unwrap()
}

fn scope(code: &str, name: &str, elders: u64) -> serde_json::Value {
    json!({
        "code": code, "name": name, "digest": "5f".repeat(16), "authority_digest": "a0".repeat(16),
        "elders": elders, "entries": elders * 13, "conflicts": 0, "unsettled": 0, "held": [],
    })
}

/// A township where nothing is to be done.
fn well() -> HealthReport {
    let status: StatusReport = serde_json::from_value(json!({
        "schema_version": 1,
        "device": {
            "id": "7f".repeat(32), "fingerprint": "8792-4335-8684-0620-3329", "name": "松武镇民政办",
            "role": "manager", "mesh": "02".repeat(32), "granted_at_ms": NOW_MS - 300 * DAY_MS,
        },
        "area": "990121101000", "area_name": "松武镇",
        "scopes": [scope("990121101000", "松武镇", 2), scope("990121101203", "上禾村", 61)],
        "peers": [], "unsettled": {}, "evidence": 0, "notices": [],
        "not_held_elsewhere": {
            "entries": 0, "oldest_written_at_ms": null, "by_level": {"County": 0}, "nobody_confirms": false,
        },
        "budget": {"daily_bytes": null, "spent_bytes": 0, "holding_back": false, "resumes_at_ms": null},
        "sync_interval_days": 7, "update_needed": false, "wire_bytes_sent": 0, "wire_bytes_received": 0,
    }))
    .unwrap();
    let date = "2026-11-23".parse().unwrap();
    let mut report = HealthReport {
        schema_version: 1,
        status,
        clock: ClockReport {
            schema_version: 1,
            today: CheckedToday::Plausible { date },
            peers_ahead_ms: Some(20_000),
        },
        incidents: IncidentCounts { open: 0, unacknowledged: 0, overdue: 0, overdue_here: 0 },
        incident_owed: None,
        villages: LagTotals { villages: 1, with_data: 1, current: 1, ..LagTotals::default() },
        findings: Vec::new(),
    };
    report.status.peers = vec![
        peer(0x11, "县民政局", "990121000000", "registrar"),
        peer(0x22, "上禾村", "990121101203", "clerk"),
    ];
    report
}

type Change = fn(&mut HealthReport, &mut Machine);

/// What is wrong, and how bad that is.
fn unwell() -> Vec<(&'static str, Severity, Change)> {
    use Severity::{Attention, Bad, Risk};
    vec![
        ("a village is stale", Attention, |report, _| {
            report.villages.current -= 1;
            report.villages.stale += 1;
        }),
        ("a village has never been heard of", Attention, |report, _| report.villages.never += 2),
        ("own writes are refused there", Attention, |report, _| {
            report.status.peers[0].set_aside_there.insert("not_allowed:right".into(), 3);
        }),
        ("a peer sent what was refused", Attention, |report, _| {
            report.status.peers[1].refused.insert("broken_signature".into(), 1);
        }),
        ("records are not held elsewhere", Attention, |report, _| {
            report.status.not_held_elsewhere.entries = 14;
            report.status.not_held_elsewhere.oldest_written_at_ms = Some(NOW_MS - 3 * DAY_MS);
        }),
        ("records were not held elsewhere for long", Risk, |report, _| {
            report.status.not_held_elsewhere.entries = 1;
            report.status.not_held_elsewhere.oldest_written_at_ms = Some(NOW_MS - 8 * DAY_MS);
        }),
        ("nobody confirms", Attention, |report, _| {
            report.status.not_held_elsewhere.entries = 3;
            report.status.not_held_elsewhere.oldest_written_at_ms = Some(NOW_MS - HOUR_MS);
            report.status.not_held_elsewhere.nobody_confirms = true;
        }),
        ("the clock is off", Attention, |report, _| report.clock.peers_ahead_ms = Some(6 * 60_000)),
        ("the clock is ahead", Attention, |report, _| {
            report.clock.peers_ahead_ms = Some(-3 * HOUR_MS)
        }),
        ("the clock is wrong", Bad, |report, _| {
            let local = "1970-01-01".parse().unwrap();
            let why = ClockFault::BeforeRelease;
            report.clock.today = CheckedToday::Implausible { local, peers: None, why };
        }),
        ("the disk is nearly full", Attention, |_, machine| machine.free_bytes = Some(200 << 20)),
        ("the disk is filling up", Attention, |report, machine| {
            report.status.device.granted_at_ms = NOW_MS - 60 * DAY_MS;
            (machine.store_bytes, machine.free_bytes) = (900 << 20, Some(2 << 30));
        }),
        ("the disk is full", Bad, |_, machine| machine.free_bytes = Some(9 << 20)),
        ("the store would not fit again", Attention, |_, machine| {
            (machine.free_bytes, machine.store_bytes) = (Some(3 << 30), 4 << 30);
        }),
        ("something is in quarantine", Attention, |report, _| {
            report.status.unsettled.insert("quarantined".into(), 2);
        }),
        ("something counts in spite of a revocation", Attention, |report, _| {
            report.status.unsettled.insert("vouched".into(), 1);
        }),
        ("entries do not count", Attention, |report, _| {
            report.status.unsettled.insert("late".into(), 1);
        }),
        ("a fork was seen", Attention, |report, _| notice(report, "forked_log")),
        ("the disk was put back", Attention, |report, _| notice(report, "rolled_back")),
        ("the home was copied", Attention, |report, _| notice(report, "cloned_home")),
        ("an incident is not acknowledged", Attention, |report, _| {
            (report.incidents.open, report.incidents.unacknowledged) = (1, 1);
        }),
        ("an incident is overdue here", Bad, |report, _| {
            report.incidents =
                IncidentCounts { open: 1, unacknowledged: 1, overdue: 1, overdue_here: 1 };
        }),
        ("bodies are missing", Risk, |report, _| report.status.missing_bodies = 5),
        ("something was refused", Attention, |report, _| report.status.evidence = 2),
        ("the grant is revoked", Bad, |report, _| report.status.device.revoked = true),
        ("the program is too old", Bad, |report, _| report.status.update_needed = true),
        ("an erasure waits", Attention, |report, _| report.status.erasures_waiting = 1),
        ("an offer waits", Attention, |report, _| report.status.transfers_to_answer = 1),
        ("a peer hung up for good", Bad, |report, _| failure(report, "stray_log", true)),
        ("we hung up for good", Bad, |report, _| failure(report, "broken_signature", false)),
        ("a peer says that we are revoked", Bad, |report, _| failure(report, "revoked", true)),
        ("a stranger was turned away", Attention, |report, _| {
            report.status.peers[1].state = PeerState::Refused;
        }),
        ("nobody was reached for long", Attention, |report, _| {
            for peer in &mut report.status.peers {
                peer.last_done_ms = Some(NOW_MS - 20 * DAY_MS);
            }
        }),
        ("nobody was ever done with", Attention, |report, _| {
            for peer in &mut report.status.peers {
                peer.last_done_ms = None;
            }
        }),
        ("the day's bytes are spent", Attention, |report, _| {
            report.status.budget.daily_bytes = Some(2_000_000);
            report.status.budget.holding_back = true;
            report.status.budget.resumes_at_ms = Some(NOW_MS + 14 * HOUR_MS);
        }),
    ]
}

fn notice(report: &mut HealthReport, code: &str) {
    let notice = json!({"code": code, "at_ms": NOW_MS - DAY_MS, "detail": ""});
    report.status.notices.push(serde_json::from_value(notice).unwrap());
    report.status.evidence += 1;
}

fn failure(report: &mut HealthReport, code: &str, said_by_peer: bool) {
    let failure = json!({
        "code": code, "retry": false, "said_by_peer": said_by_peer, "at_ms": NOW_MS - HOUR_MS,
    });
    report.status.peers[0].last_error = Some(serde_json::from_value(failure).unwrap());
}

fn examined(mut report: HealthReport, machine: &Machine) -> HealthReport {
    report.findings = examine(&report, Some(machine), NOW_MS);
    report
}

fn all_that_is_wrong() -> HealthReport {
    let (mut report, mut machine) = (well(), machine());
    for (_, _, change) in unwell() {
        change(&mut report, &mut machine);
    }
    machine.running = false;
    machine.unanswered.push("/ip4/10.1.2.3/tcp/4420".into());
    examined(report, &machine)
}

#[test]
fn a_disk_whose_room_nobody_can_read_is_not_passed_over() {
    let machine = Machine { free_bytes: None, ..machine() };
    let codes = |report: HealthReport| -> Vec<String> {
        let of_space = report.findings.into_iter().filter(|found| found.code.starts_with("space"));
        of_space.map(|found| found.code).collect()
    };
    assert_eq!(codes(examined(well(), &machine)), ["space_unknown"]);
    assert_eq!(codes(examine_without_machine(well())), [""; 0], "nobody looked");
}

fn examine_without_machine(mut report: HealthReport) -> HealthReport {
    report.findings = examine(&report, None, NOW_MS);
    report
}

fn villages() -> LagReport {
    let village = |nth: u64, name: &str, state, age_days: Option<i64>| VillageLag {
        code: format!("990121101{:03}", 200 + nth).parse().unwrap(),
        name: Some(name.into()),
        township_name: Some("松武镇".into()),
        state,
        trails_by: (state == VillageState::Current).then_some(nth * 31),
        data_as_of_ms: age_days.map(|days| NOW_MS - days * DAY_MS),
        age_ms: age_days.map(|days| (days * DAY_MS).unsigned_abs()),
        expected_days: 7,
        heard_ms: age_days.map(|days| NOW_MS - days * DAY_MS + HOUR_MS),
        last_exchange_ms: age_days.map(|days| NOW_MS - days * DAY_MS / 2),
        failure: None,
        online: nth == 0,
        is_new: false,
        has_device: state != VillageState::FromAbove,
        elders: 60,
    };
    let villages = vec![
        village(2, "青石村", VillageState::Stale, Some(19)),
        village(3, "下荷塘村", VillageState::Missing, None),
        village(4, "竹山村", VillageState::FromAbove, Some(2)),
        village(0, "上禾村", VillageState::Current, Some(0)),
        village(1, "石桥村", VillageState::Current, Some(2)),
    ];
    LagReport {
        schema_version: 1,
        area: "990121101000".parse().unwrap(),
        area_name: Some("松武镇".into()),
        as_of_ms: NOW_MS,
        expected_days: 7,
        totals: LagTotals::of(&villages),
        villages,
    }
}

fn context(language: Language, color: bool) -> Context {
    Context::for_screens(Messages::new(language), Output::for_screens(color), NOW_MS, false)
}

/// As [`seen`], of a screen that has nothing to colour but its headings, if that.
fn seen_without_colour(name: &str, draw: impl Fn(&Context) -> Screen) {
    for language in Language::ALL {
        for width in [80, 120] {
            let (plain, colored) = (context(language, false), context(language, true));
            let text = draw(&plain).text(plain.output, Some(width));
            let same = draw(&colored).text(colored.output, Some(width));
            assert_eq!(without_escapes(&same), text, "{name}: colour moves something");
            let language = format!("{language:?}").to_lowercase();
            insta::assert_snapshot!(format!("{name}_{language}_{width}"), text);
        }
    }
}

/// One snapshot for each screen, language and width; colour adds nothing but itself.
fn seen(name: &str, draw: impl Fn(&Context) -> Screen) {
    for language in Language::ALL {
        for width in [80, 120] {
            let plain = context(language, false);
            let text = draw(&plain).text(plain.output, Some(width));
            let tables_fit =
                text.lines().all(|line| is_text(line) || columns(line) <= width.into());
            assert!(tables_fit, "{name} at {width}:\n{text}");
            let colored = context(language, true);
            let colored = draw(&colored).text(colored.output, Some(width));
            assert!(colored.contains('\u{1b}'), "{name} has no colour");
            assert_eq!(without_escapes(&colored), text, "{name}: colour moves something");
            let language = format!("{language:?}").to_lowercase();
            insta::assert_snapshot!(format!("{name}_{language}_{width}"), text);
        }
    }
}

/// Sentences are wrapped by the terminal; what has columns is not.
fn is_text(line: &str) -> bool {
    !line.contains("  ") || line.starts_with("  →")
}

fn columns(line: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(line)
}

fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn status_screens() {
    seen("status_well", |context| status::screen(&examined(well(), &machine()), true, context));
    seen("status_unwell", |context| status::screen(&all_that_is_wrong(), false, context));
}

#[test]
fn doctor_screens() {
    let screen = |report: &HealthReport, context: &Context| {
        doctor::screen(report, &report.findings.iter().collect::<Vec<_>>(), context)
    };
    seen("doctor_well", |context| screen(&examined(well(), &machine()), context));
    seen("doctor_unwell", |context| screen(&all_that_is_wrong(), context));
}

#[test]
fn lag_screens() {
    seen("lag", |context| lag::screen(&villages(), context));
    let current = |village: &VillageLag| village.state == VillageState::Current;
    let mut well = villages();
    well.villages.retain(current);
    well.totals = LagTotals::of(&well.villages);
    seen("lag_well", |context| lag::screen(&well, context));
}

#[test]
fn a_peer_is_stale_or_skewed_by_what_is_expected_of_it() {
    let report = examined(well(), &machine());
    let context = context(Language::En, false);
    let state = |change: fn(&mut PeerStatus)| {
        let mut peer = report.status.peers[0].clone();
        change(&mut peer);
        peers::state_words(&peer, NOW_MS, &context).1
    };
    assert_eq!(state(|_| {}), "online");
    assert_eq!(state(|peer| peer.ahead_ms = Some(-6 * 60_000)), "online, skewed");
    let seen = |peer: &mut PeerStatus| {
        (peer.state, peer.last_seen_ms) = (PeerState::Seen, Some(NOW_MS - HOUR_MS));
    };
    assert_eq!(state(seen), "seen 1 h ago");
    // It connects, and nothing is ever complete.
    assert_eq!(
        state(|peer| {
            (peer.state, peer.last_seen_ms) = (PeerState::Seen, Some(NOW_MS - HOUR_MS));
            peer.last_done_ms = Some(NOW_MS - 8 * DAY_MS);
        }),
        "stale, seen 1 h ago"
    );
}

#[test]
fn peers_screens() {
    let screen =
        |report: &HealthReport, context: &Context| peers::screen(&report.status.peers, context);
    seen("peers_well", |context| screen(&well(), context));
    seen("peers_unwell", |context| screen(&all_that_is_wrong(), context));
}

fn refused() -> RefusedReport {
    let device =
        |nth: u8, name: &str| json!({"device": format!("{nth:02x}").repeat(32), "name": name});
    let log = json!({"scope": "990121101203", "lane": "routine", "device": "22".repeat(32), "incarnation": 1});
    let row = |kind: &str, code: &str, log: serde_json::Value, author: serde_json::Value| {
        let seq = if log.is_null() { json!(null) } else { json!(17) };
        json!({
            "kind": kind, "at_ms": NOW_MS - 3 * HOUR_MS, "code": code, "detail": "start_op",
            "peer": device(0x22, "上禾村"), "log": log, "seq": seq, "author": author,
        })
    };
    let author = device(0x22, "上禾村");
    serde_json::from_value(json!({"schema_version": 1, "refused": [
        row("entry", "not_allowed:right", log.clone(), author.clone()),
        row("entry", "ill_formed:start_op", log.clone(), author.clone()),
        row("entry", "unknown_kind", log, author),
        row("evidence", "broken_signature", json!(null), json!(null)),
    ]}))
    .unwrap()
}

fn audited() -> AuditReport {
    let row = |what: &str, personal: bool| {
        json!({
            "at_ms": NOW_MS - 26 * HOUR_MS, "what": what, "area": "990121101203", "elders": 61,
            "personal": personal, "who": "clerk",
        })
    };
    let rows = [row("list", false), row("show_resident_id", true)];
    serde_json::from_value(json!({"schema_version": 1, "audit": rows, "gone": 12})).unwrap()
}

fn verified(faults: &[(&str, &str)]) -> VerifyReport {
    let faults: Vec<_> = faults
        .iter()
        .map(|(place, code)| json!({"place": place, "code": code, "detail": "checksum"}))
        .collect();
    serde_json::from_value(json!({
        "schema_version": 1, "ok": faults.is_empty(), "logs": 12, "entries": 8_412,
        "signatures": 960, "documents": 640, "elders": 61, "missing": 0, "faults": faults,
    }))
    .unwrap()
}

const FAULTS: [(&str, &str); 2] =
    [("990121101203 Routine #17", "header"), ("5f5f5f5f Card", "document")];

fn traced() -> ExplainReport {
    let states = ["here", "merged", "moved_away", "arriving", "hidden", "erased", "set_aside"];
    let file = |(nth, state): (usize, &&str)| {
        json!({
            "elder_id": format!("51aa{nth:02}").repeat(6)[..32], "scope": "990121101203",
            "scope_name": "上禾村", "state": state, "to": "990121101204", "unsettled": nth % 2,
        })
    };
    let files: Vec<_> = states.iter().enumerate().map(file).collect();
    let area = "990121101000";
    serde_json::from_value(json!({"schema_version": 1, "files": files, "more": true, "area": area}))
        .unwrap()
}

#[test]
fn log_screens() {
    seen("log_refused", |context| log::refused_screen(&refused(), context));
    seen_without_colour("log_audit", |context| log::audit_screen(&audited(), context));
}

#[test]
fn verify_screens() {
    seen("verify_well", |context| verify::screen(&verified(&[]), context));
    seen("verify_unwell", |context| verify::screen(&verified(&FAULTS), context));
}

#[test]
fn explain_screens() {
    seen("explain_files", |context| explain::files(&traced(), context));
    let nothing = ExplainReport { files: Vec::new(), more: false, ..traced() };
    seen("explain_nothing", |context| explain::files(&nothing, context));
    seen_without_colour("explain_code", |context| {
        explain::meanings(&explain::code("forked_log", &context.messages))
    });
}

/// Keys and their values are part of the interface: docs/json.md. Whoever changes one sees it here.
#[test]
fn what_scripts_read() {
    let context = context(Language::En, false);
    let report = all_that_is_wrong();
    let shown: Vec<_> = report.findings.iter().collect();
    let happening: Happening = serde_json::from_value(json!({
        "number": 7, "at_ms": NOW_MS, "peer": "11".repeat(32), "scope": null, "code": "failed",
        "reason": "silence", "retry": true,
    }))
    .unwrap();
    let value = |object: &dyn erased::Json| object.value();
    for (name, object) in [
        ("status", value(&status::object(&report))),
        ("doctor", value(&doctor::object(&report, &shown, &context))),
        ("lag", value(&villages())),
        ("peers", value(&PeersReport { schema_version: 1, peers: report.status.peers.clone() })),
        ("log_refused", value(&refused())),
        ("log_audit", value(&audited())),
        ("verify", value(&verified(&FAULTS))),
        ("explain_files", value(&traced())),
        ("explain_code", value(&explain::code("forked_log", &context.messages))),
        ("watch_node", value(&Line::Node { schema_version: 1, running: true, error: None })),
        ("watch_happening", value(&Line::Happening { schema_version: 1, happening: &happening })),
        ("watch_forgotten", value(&Line::Forgotten { schema_version: 1, count: 3 })),
    ] {
        assert_eq!(object["schema_version"], 1, "{name}");
        let text = serde_json::to_string_pretty(&object).unwrap();
        insta::assert_snapshot!(format!("json_{name}"), text);
    }
}

mod erased {
    /// Anything that can be written as JSON, beside others of other types.
    pub(super) trait Json {
        fn value(&self) -> serde_json::Value;
    }

    impl<T: serde::Serialize> Json for T {
        fn value(&self) -> serde_json::Value {
            serde_json::to_value(self).unwrap()
        }
    }
}

/// What a terminal of this size shows, with the colours of its cells.
fn drawn(view: &mut View, context: &Context, width: u16, height: u16) -> (String, bool) {
    let backend = ratatui::backend::TestBackend::new(width, height);
    let mut terminal = ratatui::Terminal::new(backend).unwrap();
    terminal.draw(|frame| view.draw(frame, context)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.content.chunks(width.into()) {
        let (mut line, mut hidden) = (String::new(), 0);
        for cell in row {
            if hidden == 0 {
                line.push_str(cell.symbol());
                hidden = columns(cell.symbol());
            }
            hidden -= 1;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let plain = |cell: &ratatui::buffer::Cell| cell.fg == ratatui::style::Color::Reset;
    (text, !buffer.content.iter().all(plain))
}

fn look(second: u64, report: &HealthReport, happenings: &[serde_json::Value]) -> News {
    let happening = |(nth, what): (usize, &serde_json::Value)| {
        let mut whole = json!({
            "number": nth + 1, "at_ms": NOW_MS - 1_000 * (happenings.len() - nth) as i64,
            "peer": null, "scope": null,
        });
        whole.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    };
    News::Looked(Box::new(Look {
        at: std::time::Duration::from_secs(second),
        seen_ms: NOW_MS,
        peers: report.status.peers.clone(),
        happenings: happenings.iter().enumerate().map(happening).collect(),
        forgotten: 0,
        health: Some(report.clone()),
    }))
}

fn happenings() -> Vec<serde_json::Value> {
    let (county, village) = ("11".repeat(32), "22".repeat(32));
    vec![
        json!({"code": "began", "peer": county}),
        json!({"code": "proved", "peer": county}),
        json!({"code": "received", "count": 12, "peer": county}),
        json!({"code": "done", "peer": county}),
        json!({"code": "began", "peer": village}),
        json!({"code": "received", "count": 1, "peer": village}),
        json!({"code": "incidents", "count": 1, "scope": "990121101203"}),
        json!({"code": "conflicts", "count": 2, "scope": "990121101203"}),
        json!({"code": "set_aside", "reason": "not_allowed:right", "count": 3, "peer": village}),
        json!({"code": "set_aside_there", "reason": "ill_formed:start_op", "count": 1, "peer": county}),
        json!({"code": "refused", "reason": "broken_signature", "peer": village}),
        json!({"code": "failed", "reason": "broken_signature", "retry": false, "peer": village}),
        json!({"code": "failed", "reason": "silence", "retry": true, "peer": county}),
        json!({"code": "forked"}),
        json!({"code": "authority"}),
        json!({"code": "wrote", "count": 1}),
        json!({"code": "silent", "peer": county}),
        json!({"code": "parted", "peer": county}),
    ]
}

/// One snapshot for each language and size; colour adds nothing but itself.
fn watched(name: &str, make: impl Fn(&Context) -> View) {
    for language in Language::ALL {
        for (width, height) in [(80, 24), (120, 40)] {
            let plain = context(language, false);
            let (text, has_color) = drawn(&mut make(&plain), &plain, width, height);
            assert!(!has_color, "{name} has colour");
            let colored = context(language, true);
            let (same, has_color) = drawn(&mut make(&colored), &colored, width, height);
            assert!(has_color, "{name} has no colour");
            assert_eq!(same, text, "{name}: colour moves something");
            let language = format!("{language:?}").to_lowercase();
            insta::assert_snapshot!(format!("{name}_{language}_{width}"), text);
        }
    }
}

#[test]
fn watch_screens() {
    watched("watch_well", |context| {
        let (mut view, mut report) = (View::new(), examined(well(), &machine()));
        view.now_ms = NOW_MS;
        // The county has 300 entries still to get from here, of 640, and gets them at ten a second.
        for (second, left) in [(0, 640), (10, 400), (20, 300)] {
            report.status.peers[0].they_lack = Some(left);
            report.status.peers[0].done = false;
            report.status.peers[0].bytes_sent = 212_000 + second * 9_400;
            view.learn(look(second, &report, &[]), context);
        }
        view.learn(look(21, &report, &happenings()[..7]), context);
        view
    });
    watched("watch_unwell", |context| {
        let mut view = View::new();
        view.now_ms = NOW_MS;
        view.learn(look(0, &all_that_is_wrong(), &happenings()), context);
        view
    });
    watched("watch_gone", |context| {
        let mut view = View::new();
        view.now_ms = NOW_MS;
        view.learn(look(0, &examined(well(), &machine()), &happenings()[..4]), context);
        view.learn(News::NotRunning(None), context);
        let (text, _) = drawn(&mut view, context, 80, 24);
        for word in ["watch-nothing-wrong", "watch-running", "peer-online"] {
            assert!(
                !text.contains(&context.messages.find(word, None, &Default::default()).unwrap()),
                "{text}"
            );
        }
        view
    });
}

#[test]
fn a_window_of_any_size_is_drawn_into_and_lists_end_where_they_end() {
    for (width, height) in [(1, 1), (39, 24), (80, 7), (80, 8), (40, 8), (500, 200)] {
        let context = context(Language::Zh, true);
        let mut view = View::new();
        drawn(&mut view, &context, width, height);
        view.learn(look(0, &all_that_is_wrong(), &happenings()), &context);
        for key in
            [Key::Up(usize::MAX), Key::Down(3), Key::Other, Key::Down(usize::MAX), Key::Up(1)]
        {
            view.press(key);
            drawn(&mut view, &context, width, height);
        }
    }
    let context = context(Language::En, false);
    let mut view = View::new();
    view.learn(look(0, &examined(well(), &machine()), &happenings()), &context);
    let (end, _) = drawn(&mut view, &context, 80, 18);
    assert!(end.contains("link down") && !end.contains("has proved"), "{end}");
    view.press(Key::Up(usize::MAX));
    let (start, _) = drawn(&mut view, &context, 80, 18);
    assert!(start.contains("has proved") && !start.contains("link down"), "{start}");
    // What comes meanwhile does not move what is looked at.
    view.learn(look(1, &examined(well(), &machine()), &happenings()[..2]), &context);
    assert_eq!(drawn(&mut view, &context, 80, 18).0, start);
    view.press(Key::Down(usize::MAX));
    assert!(drawn(&mut view, &context, 80, 18).0.contains("link down"));
    // However far somebody scrolls before anything is drawn.
    view.press(Key::Up(usize::MAX));
    view.learn(look(2, &examined(well(), &machine()), &happenings()[..2]), &context);
    assert!(drawn(&mut view, &context, 80, 18).0.contains("has proved"));
    view.press(Key::Down(usize::MAX));
    // What is no longer remembered is said above the first that is.
    for _ in 0..60 {
        view.learn(look(3, &examined(well(), &machine()), &happenings()), &context);
    }
    assert!(!drawn(&mut view, &context, 80, 18).0.contains("no longer remembered"));
    view.press(Key::Up(usize::MAX));
    assert!(drawn(&mut view, &context, 80, 18).0.contains("no longer remembered"));
}

#[test]
fn no_name_steers_a_terminal_or_breaks_a_screen() {
    for name in ["❤️县民政局张科长和他的同事们", "\u{1b}[2J\u{1b}]0;x\u{7}", "名\t字\r\n", "é̂̂"]
    {
        let mut report = examined(well(), &machine());
        report.status.peers[0].name = Some(name.into());
        let context = context(Language::Zh, false);
        let mut view = View::new();
        view.learn(look(0, &report, &happenings()), &context);
        for (width, height) in [(40, 8), (80, 24), (120, 40)] {
            drawn(&mut view, &context, width, height);
        }
        let screen = peers::screen(&report.status.peers, &context).text(context.output, Some(80));
        assert!(!screen.contains(|c: char| c.is_control() && c != '\n'), "{screen:?}");
    }
}

#[test]
fn nothing_that_is_wrong_is_called_healthy() {
    let healthy: BTreeMap<&str, Exit> =
        [("well", finding::exit(examined(well(), &machine()).severity()))].into();
    assert_eq!(healthy["well"], Exit::Done);
    for language in Language::ALL {
        let context = context(language, false);
        let healthy = context.messages.text("health-good");
        let calls_it = |report: &HealthReport| {
            status::screen(report, true, &context).text(context.output, Some(80)).contains(&healthy)
        };
        assert!(calls_it(&examined(well(), &machine())));
        for (what, severity, change) in unwell() {
            let (mut report, mut machine) = (well(), machine());
            change(&mut report, &mut machine);
            let report = examined(report, &machine);
            assert_eq!(report.severity(), severity, "{what}: {:?}", report.findings);
            assert!(!calls_it(&report), "{what} is called healthy");
            let exit = if severity == Severity::Risk { Exit::AtRisk } else { Exit::Attention };
            assert_eq!(finding::exit(report.severity()), exit, "{what}");
            // What is wrong is said, with what mends it.
            let said = report.findings.iter().filter(|finding| finding.severity > Severity::Note);
            for found in said {
                assert_ne!(finding::text(found, &context), found.code, "{what}: no words");
                assert!(
                    finding::fix(found, &context).is_some(),
                    "{what}: nothing mends {}",
                    found.code
                );
            }
        }
    }
}

#[test]
fn a_report_for_helpers_holds_nothing_that_anybody_has_typed() {
    let mut report = all_that_is_wrong();
    // A device may be named after its owner, or by a telephone or ID number.
    let typed = ["周国强", "13800990001", "990121194203150047"];
    report.status.device.name = typed[0].into();
    report.status.area_name = Some(typed[0].into());
    for (peer, name) in report.status.peers.iter_mut().zip(&typed[1..]) {
        peer.name = Some((*name).into());
    }
    report.findings = examine(&report, Some(&machine()), NOW_MS);
    let said = report.findings.iter().flat_map(|finding| finding.arguments.values());
    assert!(said.clone().any(|value| value == typed[1]), "findings name peers: {said:?}");
    let text = doctor::bundle::text(&report).unwrap();
    for word in typed.into_iter().chain(["松武镇", "10.1.2.3"]) {
        assert!(!text.contains(word), "{word} stands in {text}");
    }
    assert!(text.contains("\"clock_wrong\"") && text.contains("\"count\""), "{text}");
}
