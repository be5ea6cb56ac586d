//! What may be exchanged in a day.

use serde::{Deserialize, Serialize};

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::limits::BUDGET_BYTES_MIN;
use crate::sync::Now;

/// Sets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BudgetSet {
    /// Bytes a day; None for as many as there are.
    pub daily_bytes: Option<u64>,
}

/// Asks for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BudgetShow {}

/// The answer to both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How it stands.
    #[serde(flatten)]
    pub budget: BudgetStatus,
}

/// How it stands with the day's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetStatus {
    /// Bytes a day; None for as many as there are.
    pub daily_bytes: Option<u64>,
    /// Bytes of today's, with what carries them, as far as that can be told.
    pub spent_bytes: u64,
    /// Whether everyday records wait until the next day.
    pub holding_back: bool,
    /// When the next day begins (this node's clock, ms since 1970), where something waits for it.
    pub resumes_at_ms: Option<i64>,
}

impl Request for BudgetSet {
    const NAME: &'static str = "budget_set";
    type Reply = BudgetReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<BudgetReport, CommandError> {
        if let Some(daily) = self.daily_bytes.filter(|daily| *daily < BUDGET_BYTES_MIN) {
            let message = "less than the signs of life of a day take";
            return Err(CommandError::new(ErrorKind::Usage, "budget_small", message)
                .with("bytes", daily)
                .with("least", BUDGET_BYTES_MIN));
        }
        engine.set_budget(now, self.daily_bytes)?;
        BudgetShow {}.execute(engine, now)
    }
}

impl Request for BudgetShow {
    const NAME: &'static str = "budget";
    type Reply = BudgetReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<BudgetReport, CommandError> {
        Ok(BudgetReport {
            schema_version: JSON_SCHEMA_VERSION,
            budget: BudgetStatus::of(engine, now),
        })
    }
}

impl BudgetStatus {
    /// As it is.
    pub(super) fn of(engine: &Engine, now: Now) -> Self {
        let budget = engine.budget();
        let holding_back = budget.is_spent(now.wall_ms);
        let next = || now.wall_ms.saturating_add_unsigned(engine.budget_ends_in_ms(now));
        Self {
            daily_bytes: budget.daily_bytes(),
            spent_bytes: budget.spent_bytes(now.wall_ms),
            holding_back,
            resumes_at_ms: holding_back.then(next),
        }
    }
}
