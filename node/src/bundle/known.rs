//! What a receiver is known to hold.
//!
//! Its last vector says it, if a bundle of its has come; if none has, or the two have met over a wire
//! since, its receipts do too, and of its own logs it has what it wrote. That may be wrong, where a disk was put back or a stick lost its way: then what is
//! sent does not attach there, and the receiver's next vector puts it right.

use std::collections::{BTreeMap, BTreeSet};

use crate::authority::Authority;
use crate::custody::{self, holding};
use crate::identity::DeviceId;
use crate::log::{EntryPlace, Head, LogKey};
use crate::store::rows::LogRow;
use crate::store::vectors::{VectorRead, VectorRow};
use crate::store::{ChainRead, StoreError};
use shouwang_crdt_schema::division::DivisionCode;

/// What some devices are known to hold.
#[derive(Debug, Default)]
pub struct Known {
    vectors: BTreeMap<DeviceId, BTreeMap<LogKey, Vec<EntryPlace>>>,
    /// Those of whom only their vectors are believed.
    by_vector_alone: BTreeSet<DeviceId>,
    receipts: BTreeMap<(DeviceId, LogKey), Vec<EntryPlace>>,
}

impl Known {
    /// Reads what is known of these devices in these scopes.
    pub fn read(
        tables: &impl ChainRead,
        authority: &Authority,
        devices: &[DeviceId],
        scopes: impl Iterator<Item = DivisionCode>,
    ) -> Result<Self, StoreError> {
        let mut known = Self::default();
        for device in devices {
            let rows = tables.vector_of(*device)?;
            if rows.is_empty() {
                continue;
            }
            if !rows.iter().all(VectorRow::is_met) {
                known.by_vector_alone.insert(*device);
            }
            let logs = known.vectors.entry(*device).or_default();
            for place in rows.into_iter().flat_map(|row| row.places) {
                logs.entry(place.log).or_default().push(place);
            }
        }
        let without: Vec<&DeviceId> =
            devices.iter().filter(|device| !known.by_vector_alone.contains(device)).collect();
        if !without.is_empty() {
            for scope in scopes {
                for holding in holding::holdings(tables, authority, scope)? {
                    if without.contains(&&holding.holder) {
                        let key = (holding.holder, holding.place.log);
                        known.receipts.entry(key).or_default().push(holding.place);
                    }
                }
            }
        }
        Ok(known)
    }

    /// The number of the first entry of a chain that a device is not known to hold. `alone` where the
    /// log has no other chain here.
    pub fn next(
        &self,
        tables: &impl ChainRead,
        device: DeviceId,
        chain: &LogRow,
        head: &Head,
        alone: bool,
    ) -> Result<u64, StoreError> {
        let by_vector_alone = self.by_vector_alone.contains(&device);
        if !by_vector_alone && chain.key.device == device {
            return Ok(head.seq + 1);
        }
        let said = self.vectors.get(&device).and_then(|logs| logs.get(&chain.key));
        let confirmed = self.receipts.get(&(device, chain.key));
        let places = || said.into_iter().chain(confirmed).flatten();
        // It is ahead of us. If it holds another branch instead, its own bundle brings that here, and
        // then it is known where the two part.
        if alone && places().any(|place| place.seq > head.seq) {
            return Ok(head.seq + 1);
        }
        custody::next_of(tables, chain, places())
    }
}
