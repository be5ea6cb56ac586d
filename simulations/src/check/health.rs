//! What a node says of itself and of its villages is so.

use std::collections::BTreeSet;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::clock::{CheckedToday, ClockReport};
use shouwang_node::command::coverage::VillageState;
use shouwang_node::command::health::{HealthReport, Severity, examine};
use shouwang_node::command::incident::IncidentCounts;
use shouwang_node::command::lag::Lag;
use shouwang_node::command::status::Status;
use shouwang_node::custody::holding;
use shouwang_node::engine::Engine;
use shouwang_node::identity::grant::Rights;
use shouwang_node::index::merged;
use shouwang_node::log::EntryHash;
use shouwang_node::store::{Snapshot, StoreError, StoreRead};
use shouwang_node::sync::Now;

use super::{Guarantee, Violation};

/// A village is not said to be missing while people of it are here, nor its data to be newer than the newest entry;
/// what it is said to trail by is at another node, but where the node talks to a device of it that is turned: how much
/// that one has, nobody knows but from itself. Nothing that asks for a person is called well.
pub fn told_rightly(
    node: usize,
    engine: &Engine,
    now: Now,
    others: &[(usize, &Engine)],
    turned: &BTreeSet<DivisionCode>,
) -> Result<(), Violation> {
    if !engine.grant().rights.contains(Rights::REPLICATE) {
        return Ok(());
    }
    let wrong = |detail: String| Violation::new(Guarantee::ToldRightly, detail).at(node);
    let snapshot = engine.read()?;
    let lag = Lag { within: None, as_of_ms: Some(now.wall_ms) }
        .report(engine, now)
        .map_err(|error| wrong(error.message))?;
    for village in &lag.villages {
        let code = village.code;
        let people = merged::people_in(&snapshot, code)?;
        if village.elders != people || (village.state == VillageState::Missing && people > 0) {
            return Err(wrong(format!("{code}: {people} people are here: {village:?}")));
        }
        let newest = newest_ms(&snapshot, code)?;
        if village.data_as_of_ms > newest {
            return Err(wrong(format!("{code}: the newest entry is of {newest:?}: {village:?}")));
        }
        let Some(beyond @ 1..) = village.trails_by.filter(|_| !turned.contains(&code)) else {
            continue;
        };
        let mut lacking = BTreeSet::new();
        for (_, other) in others.iter().filter(|(other, _)| *other != node) {
            lacking.extend(entries(&other.read()?, code)?);
        }
        for hash in entries(&snapshot, code)? {
            lacking.remove(&hash);
        }
        if beyond > lacking.len() as u64 {
            return Err(wrong(format!("{code}: {} are elsewhere: {village:?}", lacking.len())));
        }
    }
    let status = Status {}.report(engine, now).map_err(|error| wrong(error.message))?;
    let custody = holding::not_held(&snapshot, engine.authority(), engine.device())?;
    let not_held: u64 = custody.iter().map(|custody| custody.not_held.entries).sum();
    if status.not_held_elsewhere.entries != not_held {
        let said = status.not_held_elsewhere.entries;
        return Err(wrong(format!("{not_held} entries are held nowhere else, {said} are said")));
    }
    let aside = status.unsettled.iter().any(|(reason, count)| reason != "pending" && *count > 0);
    let silent = lag.totals.stale + lag.totals.never > 0;
    let needs_a_person = not_held > 0 || aside || silent || status.missing_bodies > 0;
    let date = chrono::NaiveDate::default();
    let mut report = HealthReport {
        schema_version: status.schema_version,
        status,
        // Of what people's clocks and incidents come to there are other checks.
        clock: ClockReport {
            schema_version: 1,
            today: CheckedToday::Plausible { date },
            peers_ahead_ms: None,
        },
        incidents: IncidentCounts { open: 0, unacknowledged: 0, overdue: 0, overdue_here: 0 },
        incident_owed: None,
        villages: lag.totals,
        findings: Vec::new(),
    };
    report.findings = examine(&report, None, now.wall_ms);
    if needs_a_person && report.severity() <= Severity::Note {
        return Err(wrong(format!("it is called well: {report:?}")));
    }
    Ok(())
}

/// When the newest of a place's records was written, by its author's clock, or came here.
fn newest_ms(snapshot: &Snapshot, scope: DivisionCode) -> Result<Option<i64>, StoreError> {
    let mut newest = snapshot.scope(scope)?.heard_ms;
    for log in snapshot.logs_of(scope)?.iter().filter(|log| log.key.lane.carries_records()) {
        snapshot.for_each_entry(log.number, |_, entry| {
            newest = newest.max(Some(entry?.header.written_at_ms));
            Ok(())
        })?;
    }
    Ok(newest)
}

fn entries(snapshot: &Snapshot, scope: DivisionCode) -> Result<BTreeSet<EntryHash>, StoreError> {
    let mut found = BTreeSet::new();
    for log in snapshot.logs_of(scope)?.iter().filter(|log| log.key.lane.carries_records()) {
        snapshot.for_each_entry(log.number, |_, entry| {
            found.insert(entry?.header.hash());
            Ok(())
        })?;
    }
    Ok(found)
}
