//! What receipts say, as rows: which device, in which lineage, holds which log up to which entry.
//!
//! Only receipts that are well-formed and allowed have rows. Whether a row counts is asked when it
//! is read: [`crate::custody`].

use redb::ReadableTable;
use shouwang_crdt_schema::division::DivisionCode;

use super::encoding::{decode_checked, encode_checked};
use super::rows::LogNumber;
use super::tables::TableAccess;
use super::{ChainRead, StoreError, Transaction, blocks, corrupt};
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::DeviceId;
use crate::log::{EntryHash, EntryPlace, Header, Incarnation, LogKey};

const TABLE: &str = "custody-1";

/// A device says that it holds a log up to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who says so.
    pub holder: DeviceId,
    /// In which lineage of its logs.
    pub incarnation: Incarnation,
    /// The entry; its scope is the receipt's.
    pub place: EntryPlace,
    /// The number of the receipt in the holder's `Notice` log of the scope.
    pub receipt_seq: u64,
    /// When it was written (the holder's clock, ms since 1970; for display).
    pub written_at_ms: i64,
}

impl Claim {
    /// Scope, holder, its incarnation; then lane, device and incarnation of the log.
    fn log_key(&self) -> Vec<u8> {
        let mut key = holder_key(self.place.log.scope, self.holder, self.incarnation);
        key.extend(self.place.log.to_bytes().iter().skip(8));
        key
    }

    /// The log, and the entry of it: of a log with branches a holder may speak of several.
    fn key(&self) -> Vec<u8> {
        let mut key = self.log_key();
        key.extend(self.place.seq.to_be_bytes());
        key.extend(self.place.hash.0);
        key
    }

    fn value(&self) -> Vec<u8> {
        encode_checked(&Writer::new().leb(self.receipt_seq).i64(self.written_at_ms).finish())
    }

    fn read(key: &[u8], value: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(key);
        let scope: [u8; 8] = reader.array()?;
        let holder = DeviceId(reader.array()?);
        let incarnation = Incarnation { number: reader.u32()?, nonce: reader.array()? };
        let log: [u8; LogKey::BYTES - 8] = reader.array()?;
        let log = LogKey::from_bytes(&[&scope[..], &log].concat())?;
        let place = EntryPlace { log, seq: reader.u64()?, hash: EntryHash(reader.array()?) };
        reader.finish()?;
        let mut reader = Reader::new(decode_checked(value).ok_or(CodecError::Tag)?);
        let (receipt_seq, written_at_ms) = (reader.leb()?, reader.i64()?);
        reader.finish()?;
        Ok(Self { holder, incarnation, place, receipt_seq, written_at_ms })
    }
}

/// Reads what receipts say.
pub trait CustodyRead: TableAccess + Sized {
    /// All that receipts of a scope say.
    fn claims_of(&self, scope: DivisionCode) -> Result<Vec<Claim>, StoreError> {
        let low = scope.number().to_be_bytes();
        let high = (scope.number() + 1).to_be_bytes();
        claims(self.custody().range(low.as_slice()..high.as_slice())?)
    }

    /// What a device says of a scope in one lineage.
    fn claims_by(
        &self,
        scope: DivisionCode,
        holder: DeviceId,
        incarnation: Incarnation,
    ) -> Result<Vec<Claim>, StoreError> {
        let low = holder_key(scope, holder, incarnation);
        let high = [&low[..], &[0xff]].concat();
        claims(self.custody().range(low.as_slice()..high.as_slice())?)
    }

    /// All that all receipts say.
    fn claims_all(&self) -> Result<Vec<Claim>, StoreError> {
        claims(self.custody().iter()?)
    }

    /// Headers of a log from `first` on, while `with` asks for more.
    fn for_each_header_from(
        &self,
        log: LogNumber,
        first: u64,
        mut with: impl FnMut(&Header) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        blocks::walk(self, log, first, |entry| with(&entry.header))
    }
}

impl<T: TableAccess> CustodyRead for T {}

impl Transaction<'_> {
    /// Keeps what a receipt says of a log; it takes the place of what earlier ones said, unless the
    /// log has branches here.
    pub fn put_claim(&mut self, claim: &Claim) -> Result<(), StoreError> {
        if self.chains(&claim.place.log)?.len() <= 1 {
            let low = claim.log_key();
            let high = [&low[..], &[0xff; 9]].concat();
            let earlier = claims(self.custody.range(low.as_slice()..high.as_slice())?)?;
            for earlier in earlier.iter().filter(|one| one.receipt_seq < claim.receipt_seq) {
                self.custody.remove(earlier.key().as_slice())?;
            }
        }
        // The same word may come late, on a branch or with a body that was missing.
        let key = claim.key();
        let known = self.custody.get(key.as_slice())?;
        let known = known.map(|row| Claim::read(&key, row.value()).map_err(corrupt(TABLE)));
        if known.transpose()?.is_none_or(|known| known.receipt_seq <= claim.receipt_seq) {
            self.custody.insert(key.as_slice(), claim.value().as_slice())?;
        }
        Ok(())
    }
}

fn holder_key(scope: DivisionCode, holder: DeviceId, incarnation: Incarnation) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u64(scope.number()).bytes(&holder.0);
    writer.u32(incarnation.number).bytes(&incarnation.nonce).finish()
}

fn claims(range: redb::Range<'_, &'static [u8], &'static [u8]>) -> Result<Vec<Claim>, StoreError> {
    range
        .map(|row| {
            let (key, value) = row?;
            Claim::read(key.value(), value.value()).map_err(corrupt(TABLE))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// A branch of the holder's log, or a body that was missing, brings an earlier receipt after a later one.
    #[test]
    fn the_last_receipt_that_says_something_stays_whatever_comes_late() {
        let store = Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let scope = DivisionCode::from_number(990_121_101_201).unwrap();
        let incarnation = Incarnation { number: 0, nonce: [7; 8] };
        let (device, holder) = (DeviceId([1; 32]), DeviceId([2; 32]));
        let log = LogKey { scope, lane: crate::log::Lane::Routine, device, incarnation };
        let place = EntryPlace { log, seq: 4, hash: EntryHash([3; 32]) };
        let claim =
            |receipt_seq| Claim { holder, incarnation, place, receipt_seq, written_at_ms: 5 };
        for seqs in [[1, 3], [3, 1]] {
            let put = |tables: &mut Transaction<'_>| {
                seqs.into_iter().try_for_each(|seq| tables.put_claim(&claim(seq)))
            };
            store.write::<_, StoreError>(put).unwrap();
            assert_eq!(store.read().unwrap().claims_all().unwrap(), [claim(3)]);
        }
    }
}
