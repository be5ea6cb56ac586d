//! Who looked at personal data on this node.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::limits::AUDIT_NAME_CHARACTERS_MAX;
use crate::store::audit::AuditRead;
pub use crate::store::audit::AuditRow;
use crate::sync::Now;

/// Notes that somebody is about to be shown, or given in a file or on paper, data of elders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Audit {
    /// What is done: lower-case letters and `_`.
    pub what: String,
    /// The place whose elders it is about; the node's area if it is left out.
    pub area: Option<DivisionCode>,
    /// How many elders.
    pub elders: u64,
    /// Whether names, phones or ID numbers stand in it in full.
    pub personal: bool,
    /// The operating system's name for the user.
    pub who: String,
}

/// It is noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How many of the oldest rows had to go for it.
    pub gone: u64,
}

/// Asks for all that was noted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditList {}

/// All that was noted, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The rows.
    pub audit: Vec<AuditRow>,
    /// How many older rows have gone.
    pub gone: u64,
}

impl Request for Audit {
    const NAME: &'static str = "audit";
    type Reply = Audited;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Audited, CommandError> {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        if self.what.is_empty() || self.what.len() > 32 || !self.what.chars().all(plain) {
            let unreadable = "what is done is not a plain word";
            return Err(CommandError::new(ErrorKind::Usage, "bad_request", unreadable));
        }
        let who = self.who.chars().filter(|c| !c.is_control()).take(AUDIT_NAME_CHARACTERS_MAX);
        let row = AuditRow {
            at_ms: now.wall_ms,
            what: self.what,
            area: self.area.unwrap_or(engine.area().0),
            elders: self.elders,
            personal: self.personal,
            who: who.collect(),
        };
        let gone = engine.note_audit(&row)?;
        Ok(Audited { schema_version: JSON_SCHEMA_VERSION, gone })
    }
}

impl Request for AuditList {
    const NAME: &'static str = "audit_list";
    type Reply = AuditReport;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<AuditReport, CommandError> {
        let (mut audit, gone) = engine.read()?.audit_all()?;
        audit.reverse();
        Ok(AuditReport { schema_version: JSON_SCHEMA_VERSION, audit, gone })
    }
}
