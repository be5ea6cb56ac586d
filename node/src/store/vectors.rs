//! What devices said in their bundles that they hold: by device, the heads of logs, in pieces as they
//! came. A vector is believed of its sender alone, and only when it is decided what to send to it.

use super::encoding::{decode_checked, encode_checked};
use super::tables::TableAccess;
use super::{StoreError, Transaction, corrupt};
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::DeviceId;
use crate::limits::VECTOR_HEADS_MAX;
use crate::log::run::read_seq;
use crate::log::{EntryHash, EntryPlace, LogKey};

const TABLE: &str = "vectors-1";

/// Stands for the bundle where the device has been met since.
const MET: [u8; 16] = [0; 16];

/// A piece of what a device said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorRow {
    /// The bundle in which it said so.
    pub bundle: [u8; 16],
    /// How many pieces it said it in.
    pub pieces: u32,
    /// The last entry that it holds of each chain.
    pub places: Vec<EntryPlace>,
}

impl VectorRow {
    /// Whether an exchange with the device has been complete since it said so: then it holds more, and
    /// other things that are known of it count too.
    pub fn is_met(&self) -> bool {
        self.bundle == MET
    }

    fn value(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.bytes(&self.bundle).u32(self.pieces).count(self.places.len());
        for place in &self.places {
            place.log.write(&mut writer).leb(place.seq).bytes(&place.hash.0);
        }
        encode_checked(&writer.finish())
    }

    fn read(value: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(decode_checked(value).ok_or(CodecError::Checksum)?);
        let (bundle, pieces) = (reader.array()?, reader.u32()?);
        let count = reader.count(VECTOR_HEADS_MAX)?;
        let places = (0..count).map(|_| {
            let log = LogKey::read(&mut reader)?;
            let seq = read_seq(&mut reader)?;
            Ok(EntryPlace { log, seq, hash: EntryHash(reader.array()?) })
        });
        let places = places.collect::<Result<_, CodecError>>()?;
        reader.finish()?;
        Ok(Self { bundle, pieces, places })
    }
}

/// Reads what devices said.
pub trait VectorRead: TableAccess {
    /// The pieces of what a device last said, in order; none if no bundle of its has come.
    fn vector_of(&self, device: DeviceId) -> Result<Vec<VectorRow>, StoreError> {
        let (low, high) = (key(device, 0), key(device, u32::MAX));
        redb::ReadableTable::range(self.vectors(), low.as_slice()..=high.as_slice())?
            .map(|row| VectorRow::read(row?.1.value()).map_err(corrupt(TABLE)))
            .collect()
    }
}

impl<T: TableAccess> VectorRead for T {}

impl Transaction<'_> {
    /// Keeps a piece. The first takes the place of all that the device said before, and so does one of
    /// another bundle than the pieces before it.
    pub fn put_vector(
        &mut self,
        device: DeviceId,
        piece: u32,
        row: &VectorRow,
    ) -> Result<(), StoreError> {
        let known = self.vector_of(device)?;
        if piece == 0 || known.iter().any(|known| known.bundle != row.bundle) {
            self.forget_vector(device)?;
        }
        self.vectors.insert(key(device, piece).as_slice(), row.value().as_slice())?;
        Ok(())
    }

    /// An exchange with a device is complete. Nothing is written unless a bundle of its has come since
    /// the last one.
    pub fn note_met(&mut self, device: DeviceId) -> Result<(), StoreError> {
        let rows = self.vector_of(device)?;
        self.forget_vector(device)?;
        for (piece, row) in (0..).zip(rows) {
            let row = VectorRow { bundle: MET, ..row };
            self.vectors.insert(key(device, piece).as_slice(), row.value().as_slice())?;
        }
        Ok(())
    }

    /// Forgets what a device said.
    pub fn forget_vector(&mut self, device: DeviceId) -> Result<(), StoreError> {
        let (low, high) = (key(device, 0), key(device, u32::MAX));
        self.vectors.retain_in(low.as_slice()..=high.as_slice(), |_, _| false)?;
        Ok(())
    }
}

fn key(device: DeviceId, piece: u32) -> Vec<u8> {
    [&device.0[..], &piece.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Incarnation, Lane};
    use crate::store::{Store, tables};

    fn row(bundle: u8, pieces: u32, seq: u64) -> VectorRow {
        let log = LogKey {
            scope: "990121101203".parse().unwrap(),
            lane: Lane::Routine,
            device: DeviceId([1; 32]),
            incarnation: Incarnation { number: 1, nonce: [2; 8] },
        };
        let place = EntryPlace { log, seq, hash: EntryHash([3; 32]) };
        VectorRow { bundle: [bundle; 16], pieces, places: vec![place] }
    }

    #[test]
    fn pieces_stand_together_only_if_they_are_of_one_bundle() {
        let store = Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let device = DeviceId([9; 32]);
        let put = |piece, row: &VectorRow| {
            store.write(|tables| tables.put_vector(device, piece, row)).unwrap();
            store.read().unwrap().vector_of(device).unwrap()
        };
        put(0, &row(1, 2, 5));
        assert_eq!(put(1, &row(1, 2, 6)), [row(1, 2, 5), row(1, 2, 6)]);
        assert_eq!(put(0, &row(2, 1, 7)), [row(2, 1, 7)]);
        assert_eq!(put(1, &row(3, 2, 8)), [row(3, 2, 8)]);
        store.write(|tables| tables.note_met(device)).unwrap();
        let rows = store.read().unwrap().vector_of(device).unwrap();
        assert!(rows.iter().all(VectorRow::is_met) && rows[0].places == row(3, 2, 8).places);
    }

    #[test]
    fn a_store_that_was_made_before_this_table_gets_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.redb");
        drop(Store::open(&path).unwrap());
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        assert!(transaction.delete_table(tables::VECTORS).unwrap());
        transaction.commit().unwrap();
        drop(database);
        let store = Store::open(&path).unwrap();
        assert!(store.read().unwrap().vector_of(DeviceId([9; 32])).unwrap().is_empty());
    }
}
