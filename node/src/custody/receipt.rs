//! The body of a receipt.

use shouwang_crdt_schema::division::DivisionCode;

use crate::codec::{CodecError, Reader, Writer};
use crate::identity::DeviceId;
use crate::limits::RECEIPT_POSITIONS_MAX;
use crate::log::run::read_seq;
use crate::log::{EntryHash, EntryPlace, Incarnation, Lane, LogKey};

const VERSION: u8 = 1;

/// How far its author holds logs of one scope, bodies included. A log that it does not list is as
/// the author's earlier receipts of the same incarnation say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The last entry held of each log, and of each branch of one, in order: at least one.
    pub positions: Vec<EntryPlace>,
}

impl Receipt {
    /// The body of the entry. The scope is that of the log it stands in.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).count(self.positions.len());
        for place in &self.positions {
            writer
                .u8(place.log.lane.number())
                .bytes(&place.log.device.0)
                .u32(place.log.incarnation.number)
                .bytes(&place.log.incarnation.nonce)
                .leb(place.seq)
                .bytes(&place.hash.0);
        }
        writer.finish()
    }

    /// Reads [`Receipt::encode`]. One form only: lanes of records, entries in the order of log, number
    /// and hash, none twice. A log with branches has one entry for each that has advanced.
    pub fn decode(scope: DivisionCode, bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let count = reader.count(RECEIPT_POSITIONS_MAX)?;
        let mut positions: Vec<EntryPlace> = Vec::with_capacity(count);
        for _ in 0..count {
            let lane = Lane::from_number(reader.u8()?)?;
            let device = DeviceId(reader.array()?);
            let incarnation = Incarnation { number: reader.u32()?, nonce: reader.array()? };
            let log = LogKey { scope, lane, device, incarnation };
            let place =
                EntryPlace { log, seq: read_seq(&mut reader)?, hash: EntryHash(reader.array()?) };
            if !lane.carries_records() || positions.last().is_some_and(|last| *last >= place) {
                return Err(CodecError::Tag);
            }
            positions.push(place);
        }
        reader.finish()?;
        if positions.is_empty() { Err(CodecError::Truncated) } else { Ok(Self { positions }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{BODY_BYTES_MAX, SEQ_MAX};
    use proptest::prelude::*;

    fn scope() -> DivisionCode {
        "990121101203".parse().unwrap()
    }

    fn place(number: u32, lane: Lane) -> EntryPlace {
        let incarnation = Incarnation { number, nonce: [2; 8] };
        EntryPlace {
            log: LogKey { scope: scope(), lane, device: DeviceId([1; 32]), incarnation },
            seq: SEQ_MAX,
            hash: EntryHash([3; 32]),
        }
    }

    fn full() -> Receipt {
        let numbers = 0..RECEIPT_POSITIONS_MAX as u32;
        Receipt { positions: numbers.map(|number| place(number, Lane::Routine)).collect() }
    }

    #[test]
    fn receipts_read_back_and_every_cut_is_refused() {
        let few = Receipt { positions: vec![place(0, Lane::Urgent), place(0, Lane::Routine)] };
        for receipt in [few, full()] {
            let bytes = receipt.encode();
            assert!(bytes.len() <= BODY_BYTES_MAX);
            assert_eq!(Receipt::decode(scope(), &bytes), Ok(receipt));
            for length in 0..bytes.len() {
                assert!(Receipt::decode(scope(), &bytes[..length]).is_err());
            }
            assert!(Receipt::decode(scope(), &[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn there_is_one_form_of_every_receipt() {
        let refused = |positions: Vec<EntryPlace>| {
            Receipt::decode(scope(), &Receipt { positions }.encode()).is_err()
        };
        let (urgent, routine) = (place(0, Lane::Urgent), place(0, Lane::Routine));
        assert!(!refused(vec![urgent, routine]));
        assert!(refused(vec![]));
        assert!(refused(vec![routine, urgent]));
        assert!(refused(vec![routine, routine]));
        let branch = EntryPlace { seq: 7, ..routine };
        assert!(!refused(vec![branch, routine]), "two branches of one log");
        assert!(refused(vec![routine, branch]));
        assert!(refused(vec![place(0, Lane::Notice)]));
        assert!(refused(vec![place(0, Lane::Authority)]));
        assert!(refused(vec![EntryPlace { seq: SEQ_MAX + 1, ..routine }]));
        let mut more = full();
        more.positions.push(place(u32::MAX, Lane::Routine));
        assert!(refused(more.positions));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(receipt) = Receipt::decode(scope(), &bytes) {
                prop_assert_eq!(receipt.encode(), bytes);
            }
        }

        #[test]
        fn any_altered_receipt_has_one_form(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = full().encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(receipt) = Receipt::decode(scope(), &bytes) {
                prop_assert_eq!(receipt.encode(), bytes);
            }
        }
    }
}
