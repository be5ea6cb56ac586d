//! Digests: what two nodes compare to know that they agree.

use shouwang_crdt_schema::division::DivisionCode;

use crate::store::digests::{DigestRead, Family, SetDigest, Sum};
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
/// have come to the same documents. Everything of the scope is read: [`stored`] says the same from
/// what is kept.
pub fn of_scope(tables: &impl StoreRead, scope: DivisionCode) -> Result<ScopeDigests, StoreError> {
    Ok(digests(tables.own_sums(scope)?, &tables.documents_digests_rebuilt(scope)?))
}

/// The same as it is kept up to date with every transaction: no log and no document is read.
pub fn stored(tables: &impl StoreRead, scope: DivisionCode) -> Result<ScopeDigests, StoreError> {
    let division = tables.division(scope)?;
    let [authority, records] = Family::ALL.map(|family| tables.documents_digest(scope, family));
    Ok(digests(Family::ALL.map(|family| division.of(family).own), &[authority?, records?]))
}

fn digests([authority, records]: [Sum; 2], documents: &[SetDigest; 2]) -> ScopeDigests {
    let digest = |own: Sum, documents: &SetDigest| {
        let mut hasher = blake3::Hasher::new_derive_key("shouwang 2026 scope digest 2");
        hasher.update(&own.digest.0).update(&documents.to_bytes());
        *hasher.finalize().as_bytes()
    };
    let [of_authority, of_records] = documents;
    ScopeDigests {
        records: digest(records, of_records),
        authority: digest(authority, of_authority),
    }
}
