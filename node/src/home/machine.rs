//! The machine under a home: room on its disk, what locks the store, and addresses that do not answer.

use std::collections::BTreeMap;

use super::{Home, HomeError, Node};
use crate::command::health::Machine;
use crate::transport::DialState;
use crate::vault::{Lock, lock_of};

impl Home {
    /// Looks at the machine. Writes nothing.
    pub fn machine(&self, node: &mut Node) -> Result<Machine, HomeError> {
        Ok(self.machine_with(node.dials()?, node.is_running()))
    }

    /// As [`Home::machine`], for a node that stands so with each address.
    pub(crate) fn machine_with(
        &self,
        dials: BTreeMap<String, DialState>,
        running: bool,
    ) -> Machine {
        let store = std::fs::metadata(self.path().join("store.redb"));
        let unanswered = dials
            .into_iter()
            .filter(|(_, dial)| !dial.online && !dial.standby && dial.error.is_some());
        Machine {
            free_bytes: fs4::available_space(self.path()).ok(),
            store_bytes: store.map_or(0, |store| store.len()),
            key_file: lock_of(self.path()).is_ok_and(|lock| lock == Lock::KeyFile),
            running,
            unanswered: places(unanswered.map(|(address, _)| address)),
        }
    }
}

/// Addresses without who is expected there, each once.
fn places(addresses: impl Iterator<Item = String>) -> Vec<String> {
    let mut places: Vec<String> = addresses
        .map(|address| match address.split_once("/p2p/") {
            Some((place, expected)) if !expected.contains('/') => place.to_owned(),
            _ => address,
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}
