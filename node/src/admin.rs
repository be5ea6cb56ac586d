//! The local admin API: HTTP on loopback, one POST for each request of [`crate::command`].
//!
//! `admin.json` in the node's home (mode 0600) holds the address and a token. The server answers
//! only with that token (and `GET /metrics` with one of its own, where there is one, which opens
//! nothing else), a `Host` of loopback, and no foreign `Origin`: so no web page in a browser
//! on the same machine can ask, not even by rebinding a name to 127.0.0.1.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) mod client;
pub(crate) mod server;

/// Where a running node listens, and what proves that one may ask.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Door {
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    /// 32 random bytes in hexadecimal.
    pub(crate) token: String,
    /// The process, for messages.
    pub(crate) pid: u32,
}

impl Door {
    pub(crate) fn path(home: &Path) -> PathBuf {
        home.join("admin.json")
    }
}
