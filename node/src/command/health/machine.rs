//! The machine under a node, as whoever asks sees it.

use serde::{Deserialize, Serialize};

use super::{Finding, Group, Severity};

/// The machine under a node, as whoever asks sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Bytes that may still be written where the store lies; None where nobody can tell.
    pub free_bytes: Option<u64>,
    /// The store's file, bytes.
    pub store_bytes: u64,
    /// Whether a key file locks the store, and not a passphrase.
    pub key_file: bool,
    /// Whether a process runs the node.
    pub running: bool,
    /// Addresses that were dialled in vain last, by the process that ran last where none runs.
    pub unanswered: Vec<String>,
}

impl Machine {
    pub(super) fn encryption(&self, add: &mut impl FnMut(Finding)) {
        let code = if self.key_file { "locked_by_key_file" } else { "locked_by_passphrase" };
        add(Finding::new(Group::Encryption, code, Severity::Good));
    }
}
