//! No value that was written concurrently is lost from the conflict inbox.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::command::conflicts::ConflictList;
use shouwang_node::engine::Engine;
use shouwang_node::identity::grant::Rights;

use super::{Checker, Guarantee, Violation};
use crate::moves;

/// Wherever people were told that several values are saved, and none of them had seen the others, the
/// inbox of a node that holds the scope shows all of them, and nowhere more than that.
pub fn whole(checker: &Checker, node: usize, engine: &Engine) -> Result<(), Violation> {
    if !engine.grant().rights.contains(Rights::REPLICATE) {
        return Ok(());
    }
    let broken = |detail: String| Violation::new(Guarantee::InboxIsWhole, detail);
    let snapshot = engine.read().map_err(|error| broken(error.to_string()))?;
    let moved = moves::custody(&snapshot).map_err(|error| broken(error.to_string()))?;
    let report = ConflictList::default().report(engine).map_err(|error| broken(error.message))?;
    let mut shown: BTreeMap<(DivisionCode, ElderId, String), BTreeSet<String>> = BTreeMap::new();
    for conflict in report.conflicts.into_iter().filter(|conflict| conflict.part == "Card") {
        let place = (conflict.scope, conflict.elder_id, conflict.field);
        let values = conflict.values.into_iter().map(|value| value.value);
        shown.entry(place).or_default().extend(values);
    }
    for (((scope, elder), field), live) in checker.live(engine.area(), &moved) {
        let found = shown.remove(&(scope, elder, field.spec().key.to_owned())).unwrap_or_default();
        let is_right = match live.len() {
            0 | 1 => found.is_empty(),
            _ => found == live,
        };
        if !is_right {
            return Err(broken(format!(
                "node {node}, {scope}/{elder} {field}: the inbox shows {found:?} of {live:?}"
            )));
        }
    }
    Ok(())
}
