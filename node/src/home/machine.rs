//! The machine under a home: room on its disk, what locks the store, and addresses that do not answer.

use super::{Home, HomeError, Node};
use crate::command::health::Machine;
use crate::vault::{Lock, lock_of};

impl Home {
    /// Looks at the machine. Writes nothing.
    pub fn machine(&self, node: &mut Node) -> Result<Machine, HomeError> {
        Ok(self.machine_with(node.unanswered()?, node.is_running()))
    }

    /// As [`Home::machine`], for a node that nobody answers at these addresses.
    pub(crate) fn machine_with(&self, unanswered: Vec<String>, running: bool) -> Machine {
        let store = std::fs::metadata(self.path().join("store.redb"));
        Machine {
            free_bytes: fs4::available_space(self.path()).ok(),
            store_bytes: store.map_or(0, |store| store.len()),
            key_file: lock_of(self.path()).is_ok_and(|lock| lock == Lock::KeyFile),
            running,
            unanswered,
        }
    }
}
