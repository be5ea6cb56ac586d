//! Names of places as the directories here have them.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::view;

use crate::index;
use crate::store::rows::DocumentKey;
use crate::store::{Snapshot, StoreError, StoreRead};

/// Every place in the area, above it, or beside it under the same parent, that a directory names.
/// A place named both in its own directory and in its parent's takes the parent's name.
pub(crate) fn names(
    snapshot: &Snapshot,
    area: Area,
) -> Result<BTreeMap<DivisionCode, String>, StoreError> {
    let mut scopes: Vec<DivisionCode> =
        snapshot.scopes_in(area)?.into_iter().map(|(scope, _)| scope).collect();
    scopes.reverse();
    scopes.push(area.0);
    scopes.extend(std::iter::successors(area.0.parent(), |scope| scope.parent()));
    let mut names = BTreeMap::new();
    for scope in scopes {
        let key = DocumentKey { scope, id: DocumentId::Directory };
        if let Some(row) = snapshot.document(&key)? {
            names.extend(view::places(&index::load(&key, &row.saved)?, scope));
        }
    }
    Ok(names)
}
