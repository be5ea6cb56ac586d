//! `status`: how this node is.

use std::collections::BTreeMap;

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::clock::{CheckedToday, ClockReport, Today};
use shouwang_node::command::incident::{IncidentCounts, IncidentList, IncidentListReport, Which};
use shouwang_node::command::status::{PeerStatus, Status, StatusReport};
use shouwang_node::limits::CLOCK_SKEW_SHOWN_MS;

use crate::commands::{budget, custody, incident, peers};
use crate::context::Context;
use crate::error::Exit;
use crate::output::{Cell, Mark, Table};

/// `status`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Shows the node, its scopes and its peers. Exit 3 if something needs a person, 4 if the content of
/// entries is missing, or records have been in no other place for too long.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let report = node.call(Status {})?;
    let (which, as_of) = (Which::Overdue, incident::moment(context));
    let incidents = node.call(IncidentList { which, elder: None, as_of })?;
    let clock = node.call(Today {})?;
    let mut problems = problems(&report, context);
    problems.extend(clock_problem(&clock, context));
    problems.extend(overdue(&incidents, context));
    let missing = report.missing_bodies > 0;
    let exit = match missing || custody::at_risk(&report.not_held_elsewhere) {
        true => Exit::AtRisk,
        false if problems.is_empty() => Exit::Done,
        false => Exit::Attention,
    };
    if output.is_json() {
        output.json(&StatusObject {
            report: &report,
            clock: &clock,
            incidents: &incidents.counts,
        })?;
        return Ok(exit);
    }
    if !output.is_table() {
        output.table(&scopes(&report, context))?;
        return Ok(exit);
    }
    head(&report, node.is_running(), context)?;
    for line in [clock_line(&clock, context), open_incidents(&incidents, context)] {
        line.map_or(Ok(()), |line| output.line(&line))?;
    }
    if !report.scopes.is_empty() {
        output.line("")?;
        output.table(&scopes(&report, context))?;
    }
    if !report.peers.is_empty() {
        output.line("")?;
        output.table(&peers::table(&report.peers, context))?;
    }
    output.line("")?;
    for problem in &problems {
        output.line(&output.marked_text(Mark::Attention, problem))?;
    }
    if exit == Exit::Done {
        output.line(&output.marked_text(Mark::Good, &messages.text("status-healthy")))?;
    }
    if let Some(hint) = incident_hints(&incidents, context) {
        output.line(&format!("  → {hint}"))?;
    }
    for hint in hints(&report, node.is_running(), context) {
        output.line(&format!("  → {hint}"))?;
    }
    Ok(exit)
}

/// What `--json` prints.
#[derive(Serialize)]
struct StatusObject<'a> {
    #[serde(flatten)]
    report: &'a StatusReport,
    /// How this machine's clock stands.
    clock: &'a ClockReport,
    /// How many incidents there are.
    incidents: &'a IncidentCounts,
}

/// A clock that cannot be right.
fn clock_problem(clock: &ClockReport, context: &Context) -> Option<String> {
    let messages = &context.messages;
    let CheckedToday::Implausible { local, why, .. } = clock.today else { return None };
    let why = serde_json::to_value(why).ok()?;
    let why = messages.word("clock-fault", why.as_str().unwrap_or_default());
    let local = FluentValue::from(local.to_string());
    Some(messages.say("problem-clock", [("local", local), ("why", why.into())]))
}

/// How far this machine's clock is from those of its peers, where that can be seen by eye.
fn clock_line(clock: &ClockReport, context: &Context) -> Option<String> {
    let messages = &context.messages;
    let ahead_ms = clock.peers_ahead_ms.filter(|ahead| ahead.abs() >= CLOCK_SKEW_SHOWN_MS)?;
    let minutes = FluentValue::from(ahead_ms.abs() / 60_000);
    Some(match ahead_ms > 0 {
        true => messages.say("clock-behind", [("minutes", minutes)]),
        false => messages.say("clock-ahead", [("minutes", minutes)]),
    })
}

/// How many incidents wait, whoever's turn it is.
fn open_incidents(incidents: &IncidentListReport, context: &Context) -> Option<String> {
    let IncidentCounts { open, unacknowledged, overdue, .. } = incidents.counts;
    let values = [
        ("open", FluentValue::from(open)),
        ("unacknowledged", unacknowledged.into()),
        ("overdue", overdue.into()),
    ];
    (open > 0).then(|| context.messages.say("incidents-open", values))
}

/// Acknowledgements that are late and that this node's office owes.
fn overdue(incidents: &IncidentListReport, context: &Context) -> Option<String> {
    let count = incidents.counts.overdue_here;
    let values = [("count", FluentValue::from(count))];
    (count > 0).then(|| context.messages.say("problem-incidents", values))
}

fn incident_hints(incidents: &IncidentListReport, context: &Context) -> Option<String> {
    let first = incidents.incidents.iter().find(|incident| incident.owed_here)?;
    let id = super::elder::short(&first.incident_id.to_string(), false);
    Some(context.messages.say("hint-incidents", [("id", FluentValue::from(id))]))
}

fn head(report: &StatusReport, running: bool, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    let area = match &report.area_name {
        Some(name) => format!("{name} {}", report.area),
        None => report.area.to_string(),
    };
    output.line(&messages.say(
        "status-head",
        [
            ("area", FluentValue::from(area)),
            ("name", report.device.name.as_str().into()),
            ("device", report.device.id.short().into()),
            ("role", messages.word("role", report.device.role.as_str()).into()),
        ],
    ))?;
    let fingerprint = report.device.fingerprint.as_str();
    output.line(&messages.say("own-fingerprint", [("fingerprint", fingerprint.into())]))?;
    let total = |each: fn(&shouwang_node::command::status::ScopeStatus) -> u64| {
        FluentValue::from(report.scopes.iter().map(each).sum::<u64>())
    };
    output.line(&messages.say(
        "status-totals",
        [
            ("elders", total(|scope| scope.elders)),
            ("entries", total(|scope| scope.entries)),
            ("conflicts", total(|scope| scope.conflicts)),
        ],
    ))?;
    for line in custody::lines(&report.not_held_elsewhere, context) {
        output.line(&line)?;
    }
    if let Some(line) =
        budget::line(&report.budget, context).filter(|_| !report.budget.holding_back)
    {
        output.line(&line)?;
    }
    output.line(&match running {
        true => messages.text("status-running"),
        false => messages.text("status-not-running"),
    })
}

fn scopes(report: &StatusReport, context: &Context) -> Table {
    let mut table = Table::new(
        &context.messages,
        ["code", "name", "elders", "entries", "conflicts", "unsettled", "digest"],
    );
    let count = |count: u64| match count {
        0 => Cell::number(0),
        count => Cell::state(Mark::Attention, count).right(),
    };
    let whole = context.verbose || !context.output.is_table();
    for scope in &report.scopes {
        table.row([
            Cell::text(scope.code),
            Cell::optional(scope.name.as_ref()),
            Cell::number(scope.elders),
            Cell::number(scope.entries),
            count(scope.conflicts),
            count(scope.unsettled),
            Cell::text(super::elder::short(&scope.digest, whole)),
        ]);
    }
    table
}

/// What a person should look at. Conflicts are everyday work and entries that wait for others come
/// right by themselves: neither is a problem of the node.
fn problems(report: &StatusReport, context: &Context) -> Vec<String> {
    let messages = &context.messages;
    let mut problems = Vec::new();
    if report.device.revoked {
        problems.push(messages.text("problem-own-grant-revoked"));
    }
    if report.update_needed {
        problems.push(messages.text("problem-update-needed"));
    }
    if let Some(count) = report.unsettled.get("vouched") {
        problems.push(messages.say("problem-vouched", [("count", FluentValue::from(*count))]));
    }
    let silent = ["pending", "vouched"];
    for (code, count) in report.unsettled.iter().filter(|(code, _)| !silent.contains(&&***code)) {
        problems.push(messages.say(
            "unsettled-line",
            [
                ("count", FluentValue::from(*count)),
                ("reason", peers::coded(context, "unsettled", code).into()),
            ],
        ));
    }
    if report.missing_bodies > 0 {
        let count = FluentValue::from(report.missing_bodies);
        problems.push(messages.say("problem-missing-bodies", [("count", count)]));
    }
    if report.erasures_waiting > 0 {
        let count = FluentValue::from(report.erasures_waiting);
        problems.push(messages.say("problem-erasures-waiting", [("count", count)]));
    }
    if report.transfers_to_answer > 0 {
        let count = FluentValue::from(report.transfers_to_answer);
        problems.push(messages.say("problem-transfers-to-answer", [("count", count)]));
    }
    let mut notices: BTreeMap<&str, u64> = BTreeMap::new();
    for notice in &report.notices {
        *notices.entry(&notice.code).or_default() += 1;
    }
    for (code, count) in notices {
        let (count, what) = (FluentValue::from(count), messages.word("notice", code).into());
        problems.push(messages.say("notice-line", [("count", count), ("what", what)]));
    }
    if report.budget.holding_back {
        problems.extend(budget::line(&report.budget, context));
    }
    let refused = report.evidence.saturating_sub(report.notices.len() as u64);
    if refused > 0 {
        let count = FluentValue::from(refused);
        problems.push(messages.say("problem-evidence", [("count", count)]));
    }
    problems.extend(peers::problems(&report.peers, context));
    problems
}

/// What to do next, as commands.
fn hints(report: &StatusReport, running: bool, context: &Context) -> Vec<String> {
    let messages = &context.messages;
    let mut hints = Vec::new();
    // What waits at a peer's own wish no sync brings there.
    let waits = |peer: &&PeerStatus| !peer.held_back || report.budget.holding_back;
    let peers = report.peers.iter().filter(waits);
    let lacking = peers.filter_map(|peer| peer.they_lack).max().unwrap_or_default();
    if lacking > 0 {
        let count = FluentValue::from(lacking);
        hints.push(match report.budget.holding_back {
            true => messages.say("hint-budget", [("count", count)]),
            false => messages.say("hint-not-held-elsewhere", [("count", count)]),
        });
    }
    if report.evidence > 0 || report.unsettled.keys().any(|code| code != "pending") {
        hints.push(messages.text("hint-refused"));
    }
    if report.scopes.iter().any(|scope| scope.conflicts > 0) {
        hints.push(messages.text("hint-conflicts"));
    }
    if report.duplicates > 0 {
        let count = FluentValue::from(report.duplicates);
        hints.push(messages.say("hint-duplicates", [("count", count)]));
    }
    if report.unsettled.keys().any(|code| matches!(&**code, "quarantined" | "vouched")) {
        hints.push(messages.text("hint-quarantine"));
    }
    if !running {
        hints.push(messages.text("hint-up"));
    }
    if report.unsettled.is_empty() && report.scopes.is_empty() {
        hints.push(messages.text("hint-first-sync"));
    }
    hints
}
