//! What has happened in a running node.

use serde::{Deserialize, Serialize};

use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
pub use crate::journal::{Happening, What};
use crate::sync::Now;

/// Asks for [`HappeningsReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Happenings {
    /// Only those with a higher number; 0 for all that are remembered.
    pub after: u64,
}

/// What has happened since the process started, as far as it is remembered
/// ([`crate::limits::HAPPENINGS_KEPT`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HappeningsReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Another in each process: whoever sees another than before asks again from 0.
    pub process: String,
    /// The number of the last.
    pub last: u64,
    /// How many after the one that was asked for are no longer remembered.
    pub forgotten: u64,
    /// The others, the oldest first.
    pub happenings: Vec<Happening>,
}

impl Request for Happenings {
    const NAME: &'static str = "happenings";
    type Reply = HappeningsReport;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<HappeningsReport, CommandError> {
        let journal = engine.journal();
        let happenings: Vec<Happening> = journal.after(self.after).cloned().collect();
        let asked = journal.last().saturating_sub(self.after);
        Ok(HappeningsReport {
            schema_version: JSON_SCHEMA_VERSION,
            process: engine.process(),
            last: journal.last(),
            forgotten: asked.saturating_sub(happenings.len() as u64),
            happenings,
        })
    }
}
