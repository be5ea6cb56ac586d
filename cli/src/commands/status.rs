//! `status`: how this node is.

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::clock::ClockReport;
use shouwang_node::command::health::{Finding, Health, HealthReport, Severity};
use shouwang_node::command::incident::IncidentCounts;
use shouwang_node::command::lag::LagTotals;
use shouwang_node::command::status::{PeerStatus, ScopeStatus, StatusReport};

use crate::commands::{budget, custody, incident, peers};
use crate::context::Context;
use crate::error::Exit;
use crate::finding;
use crate::output::{Cell, Mark, Table};
use crate::screen::Screen;

/// Rows of a table that a glance takes in.
const ROWS_MAX: usize = 12;

/// `status`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Shows the node, its scopes and its peers. Exit 3 if something needs a person, 4 if the content of
/// entries is missing, or records have been in no other place for too long.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    let (report, running) = health(context)?;
    let exit = finding::exit(report.severity());
    if output.is_json() {
        output.json(&object(&report))?;
    } else if output.is_table() {
        screen(&report, running, context).show(output)?;
    } else {
        let all: Vec<&ScopeStatus> = report.status.scopes.iter().collect();
        output.table(&scopes(&all, context))?;
    }
    Ok(exit)
}

/// What is well with the node of this home and what is not, and whether a process runs it.
pub(crate) fn health(context: &Context) -> anyhow::Result<(HealthReport, bool)> {
    let mut node = context.node()?;
    let machine = Some(context.home.machine(&mut node)?);
    let report = node.call(Health { as_of: incident::moment(context), machine })?;
    Ok((report, node.is_running()))
}

/// What `--json` prints.
pub(crate) fn object(report: &HealthReport) -> impl Serialize + '_ {
    StatusObject {
        report: &report.status,
        clock: &report.clock,
        incidents: &report.incidents,
        villages: &report.villages,
        severity: report.severity(),
        findings: &report.findings,
    }
}

#[derive(Serialize)]
struct StatusObject<'a> {
    #[serde(flatten)]
    report: &'a StatusReport,
    /// How this machine's clock stands.
    clock: &'a ClockReport,
    /// How many incidents there are.
    incidents: &'a IncidentCounts,
    /// Silence, over all villages.
    villages: &'a LagTotals,
    /// The worst of the findings.
    severity: Severity,
    /// What was looked at.
    findings: &'a [Finding],
}

/// What a person sees.
pub(crate) fn screen(report: &HealthReport, running: bool, context: &Context) -> Screen {
    let messages = &context.messages;
    let status = &report.status;
    let mut screen = Screen::default();
    screen.line(area_and_device(status, context));
    screen.marked(finding::mark(report.severity()), finding::verdict(report, context));
    screen.line(
        messages
            .say("own-fingerprint", [("fingerprint", status.device.fingerprint.as_str().into())]),
    );
    let total = |each: fn(&ScopeStatus) -> u64| {
        FluentValue::from(status.scopes.iter().map(each).sum::<u64>())
    };
    screen.line(messages.say(
        "status-totals",
        [
            ("elders", total(|scope| scope.elders)),
            ("entries", total(|scope| scope.entries)),
            ("conflicts", total(|scope| scope.conflicts)),
        ],
    ));
    let levels = custody::levels(&status.not_held_elsewhere, messages);
    levels.into_iter().for_each(|line| screen.line(line));
    budget::line(&status.budget, context).into_iter().for_each(|line| screen.line(line));
    open_incidents(&report.incidents, context).into_iter().for_each(|line| screen.line(line));
    screen.line(match running {
        true => messages.text("status-running"),
        false => messages.text("status-not-running"),
    });
    let all = context.verbose;
    let wanting =
        |scope: &&ScopeStatus| scope.code == status.area || scope.conflicts + scope.unsettled > 0;
    let wanted: Vec<&ScopeStatus> = match all || status.scopes.len() <= ROWS_MAX {
        true => status.scopes.iter().collect(),
        // Those that somebody should look at.
        false => status.scopes.iter().filter(wanting).take(ROWS_MAX).collect(),
    };
    screen.table(scopes(&wanted, context));
    more(&mut screen, status.scopes.len() - wanted.len(), context);
    let mut met = peers::sorted(&status.peers);
    if !all {
        met.truncate(ROWS_MAX);
    }
    screen.table(peers::table(&met, context));
    more(&mut screen, status.peers.len() - met.len(), context);
    screen.gap();
    let mut hints: Vec<String> = Vec::new();
    for found in report.findings.iter().filter(|found| found.severity > Severity::Note) {
        screen.marked(finding::mark(found.severity), finding::text(found, context));
        hints.extend(finding::fix(found, context));
    }
    hints.extend(everyday_hints(report, running, context));
    let mut said = Vec::new();
    for hint in hints {
        if !said.contains(&hint) {
            screen.hint(hint.clone());
            said.push(hint);
        }
    }
    screen
}

/// The place and the device.
pub(crate) fn area_and_device(status: &StatusReport, context: &Context) -> String {
    let area = match &status.area_name {
        Some(name) => format!("{name} {}", status.area),
        None => status.area.to_string(),
    };
    let messages = &context.messages;
    messages.say(
        "status-head",
        [
            ("area", FluentValue::from(area)),
            ("name", status.device.name.as_str().into()),
            ("device", status.device.id.short().into()),
            ("role", messages.word("role", status.device.role.as_str()).into()),
        ],
    )
}

/// How many incidents wait, whoever's turn it is.
fn open_incidents(counts: &IncidentCounts, context: &Context) -> Option<String> {
    let IncidentCounts { open, unacknowledged, overdue, .. } = *counts;
    let values = [
        ("open", FluentValue::from(open)),
        ("unacknowledged", unacknowledged.into()),
        ("overdue", overdue.into()),
    ];
    (open > 0).then(|| context.messages.say("incidents-open", values))
}

fn more(screen: &mut Screen, count: usize, context: &Context) {
    if count > 0 {
        screen.line(context.messages.say("more-rows", [("count", FluentValue::from(count))]));
    }
}

fn scopes(scopes: &[&ScopeStatus], context: &Context) -> Table {
    let mut table = Table::new(
        &context.messages,
        ["code", "name", "elders", "entries", "conflicts", "unsettled", "digest"],
    );
    table.may_lose(["digest"]);
    let count = |count: u64| match count {
        0 => Cell::number(0),
        count => Cell::state(Mark::Attention, count).right(),
    };
    let whole = context.verbose || !context.output.is_table();
    for scope in scopes {
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

/// What to do next where nothing is wrong, or besides.
fn everyday_hints(report: &HealthReport, running: bool, context: &Context) -> Vec<String> {
    let (messages, status) = (&context.messages, &report.status);
    let mut hints = Vec::new();
    if let Some(incident) = &report.incident_owed {
        let id = super::elder::short(&incident.to_string(), false);
        hints.push(messages.say("hint-incidents", [("id", FluentValue::from(id))]));
    }
    // What waits at a peer's own wish no sync brings there.
    let waits = |peer: &&PeerStatus| !peer.held_back || status.budget.holding_back;
    let lacking = status.peers.iter().filter(waits).filter_map(|peer| peer.they_lack).max();
    if let Some(lacking) = lacking.filter(|lacking| *lacking > 0) {
        let count = FluentValue::from(lacking);
        hints.push(match status.budget.holding_back {
            true => messages.say("hint-budget", [("count", count)]),
            false => messages.say("hint-not-held-elsewhere", [("count", count)]),
        });
    }
    if status.scopes.iter().any(|scope| scope.conflicts > 0) {
        hints.push(messages.text("hint-conflicts"));
    }
    if status.duplicates > 0 {
        let count = FluentValue::from(status.duplicates);
        hints.push(messages.say("hint-duplicates", [("count", count)]));
    }
    if !running {
        hints.push(messages.text("hint-up"));
    }
    if status.unsettled.is_empty() && status.scopes.iter().all(|scope| scope.entries == 0) {
        hints.push(messages.text("hint-first-sync"));
    }
    hints
}
