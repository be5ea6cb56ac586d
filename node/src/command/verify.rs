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
        let (snapshot, progress) = (engine.read()?, engine.verify_progress());
        let secret = engine.index_secret();
        let mut report = verify::run_telling(&snapshot, engine.authority(), secret, &progress);
        drop(snapshot);
        // Pages that no row is read from. Only a store whose rows are sound is given to redb, which
        // repairs what it can by going back to an earlier commit.
        if report.ok && !matches!(engine.store_mut().check_pages(), Ok(true)) {
            report.ok = false;
            report.faults.push(Fault {
                place: "file".into(),
                code: "unreadable".into(),
                detail: "a page of the file is damaged".into(),
            });
        }
        progress.end();
        Ok(report)
    }
}
