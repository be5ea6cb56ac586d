//! Digests: what two nodes compare to know that they agree.

use shouwang_crdt_schema::division::DivisionCode;

use crate::store::erasures::ErasureRead;
use crate::store::{StoreError, StoreRead};

/// The digests of one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeDigests {
    /// Over the heads of `Urgent` and `Routine` logs, of all branches, what is missing of them, and
    /// the heads of counting documents.
    pub records: [u8; 32],
    /// Over the heads of `Authority` and `Notice` logs and the heads of the directory.
    pub authority: [u8; 32],
}

/// Two nodes that hold a scope agree on its digests exactly when they hold the same entries and
/// have come to the same documents.
pub fn of_scope(tables: &impl StoreRead, scope: DivisionCode) -> Result<ScopeDigests, StoreError> {
    let mut records = blake3::Hasher::new_derive_key("shouwang 2026 scope digest 1");
    let mut authority = blake3::Hasher::new_derive_key("shouwang 2026 authority digest 1");
    let (mut heads, mut missing) = (Vec::new(), Vec::new());
    for log in tables.logs_of(scope)? {
        heads.extend(tables.head_of(log.number)?.map(|head| (log.key, head.seq, head.hash)));
        for seq in tables.missing_of(log.number)? {
            if let Some(entry) = tables.entry(log.number, seq)? {
                missing.push((log.key, seq, entry.header.hash()));
            }
        }
    }
    // Which branch of a log came first is nobody else's business.
    heads.sort_unstable();
    missing.sort_unstable();
    records.update(&(missing.len() as u64).to_be_bytes());
    for (log, seq, hash) in missing.into_iter().chain(heads) {
        let hasher = if log.lane.carries_records() { &mut records } else { &mut authority };
        hasher.update(&log.to_bytes());
        hasher.update(&seq.to_be_bytes()).update(&hash.0);
    }
    tables.for_each_document(scope, |key, row| {
        let hasher = match key.id.elder_id() {
            Some(_) => &mut records,
            None => &mut authority,
        };
        let (id, heads) = (key.id.to_bytes(), row?.heads);
        hasher.update(&[id.len() as u8]).update(&id);
        hasher.update(&(heads.len() as u64).to_be_bytes());
        for head in heads {
            hasher.update(&head);
        }
        Ok(())
    })?;
    Ok(ScopeDigests {
        records: *records.finalize().as_bytes(),
        authority: *authority.finalize().as_bytes(),
    })
}
