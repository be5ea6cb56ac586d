//! Reading everything again.

use serde::{Deserialize, Serialize};

use super::{CommandError, Request};
use crate::engine::Engine;
use crate::sync::Now;
use crate::verify;
pub use crate::verify::{Fault, VerifyReport};

/// Reads every header, body and signature again and rebuilds every document from the logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verify {}

impl Request for Verify {
    const NAME: &'static str = "verify";
    type Reply = VerifyReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<VerifyReport, CommandError> {
        engine.settle(now)?;
        Ok(verify::run(&engine.read()?, engine.authority(), engine.index_secret()))
    }
}
