//! Which of this device's records others hold: whether it is safe to wipe.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::custody::holding::HeldBy;
use crate::custody::{self, Custody, Outlook};
use crate::engine::Engine;
use crate::store::rows::Unsettled;
use crate::store::{StoreError, StoreRead};
use crate::sync::Now;

/// Asks whether everything that this device has written is held by others, so that it can be wiped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RetireCheck {}

/// Whether it is safe to wipe this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetireReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether it is: nothing is missing anywhere.
    pub safe: bool,
    /// What no other device has confirmed.
    pub not_held_elsewhere: Outlook,
    /// Own entries that wait for others and so are not done with.
    pub pending: u64,
    /// The scopes in which something is missing.
    pub scopes: Vec<RetireScope>,
}

/// What is missing in one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetireScope {
    /// The place.
    pub code: DivisionCode,
    /// Own entries that no other device has confirmed.
    pub entries: u64,
    /// When the oldest of them was written (this node's clock, ms since 1970).
    pub oldest_written_at_ms: Option<i64>,
    /// Own entries that wait for others.
    pub pending: u64,
    /// Who has confirmed something, and all but how much.
    pub held: Vec<HeldBy>,
}

/// Asks whether a peer with which an exchange is complete has still to confirm something it got.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceiptAwaited {}

impl Request for RetireCheck {
    const NAME: &'static str = "retire_check";
    type Reply = RetireReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<RetireReport, CommandError> {
        engine.settle(now)?;
        let own = custody::holding::not_held(&engine.read()?, engine.authority(), engine.device())?;
        let outlook = Outlook::of(&own, engine.authority(), engine.device());
        let waiting = pending(engine)?;
        let scopes: Vec<RetireScope> = own
            .into_iter()
            .map(|Custody { scope, not_held, by_device, .. }| RetireScope {
                code: scope,
                entries: not_held.entries,
                oldest_written_at_ms: not_held.oldest_written_at_ms,
                pending: waiting.iter().filter(|waits| **waits == scope).count() as u64,
                held: by_device,
            })
            .filter(|scope| scope.entries + scope.pending > 0)
            .collect();
        Ok(RetireReport {
            schema_version: JSON_SCHEMA_VERSION,
            safe: outlook.entries == 0 && waiting.is_empty(),
            not_held_elsewhere: outlook,
            pending: waiting.len() as u64,
            scopes,
        })
    }
}

impl Request for ReceiptAwaited {
    const NAME: &'static str = "receipt_awaited";
    type Reply = bool;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<bool, CommandError> {
        engine.settle(now)?;
        let (authority, snapshot) = (engine.authority(), engine.read()?);
        for peer in engine.sessions() {
            if !engine.progress(peer)?.is_some_and(|progress| progress.done) {
                continue;
            }
            for (scope, _) in snapshot.scopes_in(engine.area())? {
                let may = authority
                    .grants_of(peer)
                    .any(|(_, grant)| custody::may_confirm(authority, grant, scope).is_ok());
                if may && custody::holding::is_owed_by(&snapshot, authority, scope, peer)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// The scopes of own entries that wait for others, one for each entry.
fn pending(engine: &Engine) -> Result<Vec<DivisionCode>, StoreError> {
    let snapshot = engine.read()?;
    let mut found = Vec::new();
    for row in snapshot.unsettled_all()? {
        if row.standing == Unsettled::Pending {
            let log = snapshot.log_by_number(row.log)?;
            let own = log.filter(|log| log.key.device == engine.device());
            found.extend(own.map(|log| log.key.scope));
        }
    }
    Ok(found)
}
