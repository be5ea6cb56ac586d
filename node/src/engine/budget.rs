//! What the engine does about the day's bytes ([`crate::budget`]).

use super::Engine;
use crate::budget::Budget;
use crate::replica::View;
use crate::store::StoreError;
use crate::sync::{Event, Input, Now};

/// What the store calls it.
const BUDGET: &str = "budget";

impl Engine {
    /// What may be exchanged in a day.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Sets it, and holds back or goes on accordingly.
    pub fn set_budget(&mut self, now: Now, daily_bytes: Option<u64>) -> Result<(), StoreError> {
        self.budget.set(daily_bytes);
        self.write_budget()?;
        self.keep_budget(now)
    }

    /// Until the day ends that is spent, ms.
    pub fn budget_ends_in_ms(&self, now: Now) -> u64 {
        Budget::until_next_day_ms(now.wall_ms)
    }

    /// When it has to be looked whether the day has ended.
    pub(super) fn budget_deadline_ms(&self) -> Option<u64> {
        self.budget_looked_at_ms
    }

    /// Counts what comes of what was said: a session once its peer is proved, for strangers spend nothing of
    /// ours, and a connection that is tried beside another.
    pub(super) fn spend_event(&mut self, now: Now, event: &Event) {
        match event {
            Event::Proved(peer, _) | Event::Silent(peer) if self.mesh.is_metered(*peer) => {
                self.budget.session(now.wall_ms);
            }
            _ => {}
        }
    }

    /// Counts what comes in.
    pub(super) fn spend_input(&mut self, now: Now, input: &Input) {
        match input {
            Input::Frame(peer, bytes) if self.mesh.is_metered(*peer) => {
                self.budget.frame(now.wall_ms, bytes.len());
            }
            _ => {}
        }
    }

    /// Holds back, or goes on, as the budget says now.
    pub(super) fn keep_budget(&mut self, now: Now) -> Result<(), StoreError> {
        let holds = self.budget.is_spent(now.wall_ms);
        self.mesh.set_left(self.budget.left_bytes(now.wall_ms));
        self.budget_looked_at_ms =
            holds.then(|| now.monotonic_ms + Budget::until_next_day_ms(now.wall_ms));
        if holds == self.mesh.holds_back() {
            return Ok(());
        }
        let snapshot = self.store.read()?;
        let view = View::new(&snapshot, &self.authority, self.own_grant);
        self.mesh.hold_back(now, holds, &view)?;
        self.drain(now)
    }

    pub(super) fn read_budget(
        snapshot: &impl crate::store::StoreRead,
    ) -> Result<Budget, StoreError> {
        match snapshot.meta(BUDGET)? {
            None => Ok(Budget::default()),
            Some(bytes) => Budget::read(&bytes).map_err(|error| StoreError::Corrupt {
                table: "meta-1",
                detail: error.to_string(),
            }),
        }
    }

    pub(super) fn write_budget(&mut self) -> Result<(), StoreError> {
        match self.budget.take_changed() {
            None => Ok(()),
            Some(bytes) => self.store.write(|tables| tables.set_meta(BUDGET, &bytes)),
        }
    }
}
