//! Reading everything again.

use serde::{Deserialize, Serialize};

use super::{CommandError, Request};
use crate::engine::Engine;
use crate::sync::Now;
use crate::verify;

/// Reads every header, body and signature again and rebuilds every document from the logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verify {}

/// What was read, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Logs read.
    pub logs: u64,
    /// Entries read.
    pub entries: u64,
    /// Signatures checked.
    pub signatures: u64,
    /// Documents rebuilt.
    pub documents: u64,
    /// Rows of the index compared.
    pub elders: u64,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where: log and number, document, or elder.
    pub place: String,
    /// A code of the catalogue.
    pub code: String,
    /// What exactly.
    pub detail: String,
}

impl Request for Verify {
    const NAME: &'static str = "verify";
    type Reply = VerifyReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<VerifyReport, CommandError> {
        engine.settle(now)?;
        Ok(verify::run(&engine.read()?, engine.authority(), engine.index_secret()))
    }
}
