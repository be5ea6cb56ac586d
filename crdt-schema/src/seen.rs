//! Who had seen what: the causal order of some operations of a document.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{Automerge, ChangeHash};

use crate::document::OperationName;

/// The most operations that are set in relation. For each of them all earlier ones are kept, so that
/// memory grows with the square: 256 of 70 bytes are 2 MB, and an elder who comes and goes monthly has
/// twenty years. Of what stands behind them in the list nobody is known to have seen anything.
const OPERATIONS_MAX: usize = 256;

/// For each of these operations those among them that its writer had seen. Of one change, which has
/// one writer, the earlier operations.
pub(crate) fn seen_among(
    document: &Automerge,
    operations: &[OperationName],
) -> BTreeMap<OperationName, BTreeSet<OperationName>> {
    let operations = &operations[..operations.len().min(OPERATIONS_MAX)];
    if operations.len() < 2 {
        return BTreeMap::new();
    }
    let mut by_actor: BTreeMap<_, Vec<(u64, &OperationName)>> = BTreeMap::new();
    for operation in operations {
        if let Some((actor, counter)) = operation.actor().zip(operation.counter()) {
            by_actor.entry(actor).or_default().push((counter, operation));
        }
    }
    by_actor.values_mut().for_each(|of_actor| of_actor.sort());
    let mut found = BTreeMap::new();
    // What is known after a change: what its dependencies knew, and its own. Changes come after
    // what they depend on.
    let mut known_after: BTreeMap<ChangeHash, BTreeSet<OperationName>> = BTreeMap::new();
    for change in document.get_changes_meta(&[]) {
        let mut known: BTreeSet<OperationName> = change
            .deps
            .iter()
            .filter_map(|dependency| known_after.get(dependency))
            .flatten()
            .cloned()
            .collect();
        let span = change.start_op..=change.max_op;
        let own = by_actor.get(change.actor.as_ref()).into_iter().flatten();
        for (_, operation) in own.filter(|(counter, _)| span.contains(counter)) {
            found.insert((*operation).clone(), known.clone());
            known.insert((*operation).clone());
        }
        known_after.insert(change.hash, known);
    }
    found
}
