//! Asks a running node.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Door;
use crate::command::{CommandError, ErrorKind};

/// Long enough for whatever an engine does at once on the oldest laptop.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// Long enough for a loaded laptop to answer a question about nothing.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// A way to a running node.
pub(crate) struct Client {
    agent: ureq::Agent,
    door: Door,
}

impl Client {
    /// The running node of this home, if one answers. A file that a crashed process left behind
    /// is no node.
    pub(crate) fn connect(home: &Path) -> Option<Self> {
        let door: Door = serde_json::from_slice(&std::fs::read(Door::path(home)).ok()?).ok()?;
        // Whoever listens there now may not be ours, or may be frozen. `dials` is answered beside
        // the engine, however busy that is.
        let probe = Self { agent: agent(Some(PROBE_TIMEOUT)), door: door.clone() };
        probe.ask::<_, serde_json::Value>("dials", &()).ok()?;
        Some(Self { agent: agent(Some(ANSWER_TIMEOUT)), door })
    }

    /// Asks for what takes as long as a slow disk or stick does. The answer comes, or the node ends.
    pub(crate) fn ask_for_long<Q: Serialize, A: DeserializeOwned>(
        &self,
        name: &str,
        request: &Q,
    ) -> Result<A, CommandError> {
        Self { agent: agent(None), door: self.door.clone() }.ask(name, request)
    }

    /// Asks.
    pub(crate) fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        name: &str,
        request: &Q,
    ) -> Result<A, CommandError> {
        let failed = |error: &dyn std::fmt::Display| {
            CommandError::new(ErrorKind::Failed, "node_unreachable", error)
                .with("pid", self.door.pid)
        };
        let body = serde_json::to_vec(request).map_err(|error| failed(&error))?;
        let mut response = self
            .agent
            .post(format!("http://{}/v1/{name}", self.door.address))
            .header("authorization", format!("Bearer {}", self.door.token))
            .content_type("application/json")
            .send(&body[..])
            .map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let answer = response
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_to_vec()
            .map_err(|error| failed(&error))?;
        match status {
            200 => serde_json::from_slice(&answer).map_err(|error| failed(&error)),
            422 => Err(serde_json::from_slice(&answer).unwrap_or_else(|error| failed(&error))),
            status => Err(failed(&format!("HTTP {status}"))),
        }
    }
}

fn agent(timeout: Option<Duration>) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(2)))
        .timeout_global(timeout)
        .build()
        .into()
}
