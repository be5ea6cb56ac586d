//! What is in a segment: frames as in a session, and what the sender holds.

use super::Fault;
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::DeviceId;
use crate::identity::grant::SignedGrant;
use crate::limits::{FRAME_BYTES_MAX, SEGMENT_FRAMES_BYTES, VECTOR_HEADS_MAX, VECTOR_PIECES_MAX};
use crate::log::run::read_seq;
use crate::log::{EntryHash, EntryPlace, LogKey, UnverifiedRun};
use crate::sync::wire::{Aside, Frame};

/// A tag that no frame begins with.
const VECTOR: u8 = 0x80;

/// One thing in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The chain of the sender's own grant, the root's first.
    Chain(Vec<SignedGrant>),
    /// The chain of the grant that a log which follows is written under.
    Prove(Vec<SignedGrant>),
    /// What the sender holds.
    Vector(Vector),
    /// Entries of the receiver's own that do not count at the sender, and why.
    Asides(Vec<Aside>),
    /// Entries.
    Run(UnverifiedRun),
}

/// What the sender holds of all that one receiver may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// Whom it is said to.
    pub receiver: DeviceId,
    /// Which piece, from 0.
    pub piece: u32,
    /// Of how many.
    pub pieces: u32,
    /// The last entry of each chain; the receiver's own logs first.
    pub places: Vec<EntryPlace>,
}

impl Item {
    /// Appends the item with its length before it.
    pub fn write(self, writer: &mut Writer) {
        let bytes = match self {
            Self::Chain(chain) => Frame::Chain(chain).encode(),
            Self::Prove(chain) => Frame::Prove(chain).encode(),
            Self::Run(run) => Frame::Run(run).encode(),
            Self::Asides(asides) => Frame::Aside(asides).encode(),
            Self::Vector(vector) => vector.encode(),
        };
        writer.piece(&bytes);
    }

    /// Reads all items of a segment.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, Fault> {
        let altered = |_: CodecError| Fault::Altered;
        let (mut reader, mut items) = (Reader::new(bytes), Vec::new());
        while !reader.is_empty() {
            let piece = reader.piece(SEGMENT_FRAMES_BYTES + FRAME_BYTES_MAX).map_err(altered)?;
            items.push(match piece.first() {
                Some(&VECTOR) => Self::Vector(Vector::decode(piece).map_err(altered)?),
                _ => match Frame::decode(piece) {
                    Ok(Frame::Chain(chain)) => Self::Chain(chain),
                    Ok(Frame::Prove(chain)) => Self::Prove(chain),
                    Ok(Frame::Run(run)) => Self::Run(run),
                    Ok(Frame::Aside(asides)) => Self::Asides(asides),
                    Ok(_) | Err(_) => return Err(Fault::Altered),
                },
            });
        }
        Ok(items)
    }
}

impl Vector {
    /// What is held, in as many pieces as it takes; one at least.
    pub fn pieces(receiver: DeviceId, places: &[EntryPlace]) -> Vec<Self> {
        let chunks: Vec<&[EntryPlace]> = match places.is_empty() {
            true => vec![&[]],
            false => places.chunks(VECTOR_HEADS_MAX).take(VECTOR_PIECES_MAX).collect(),
        };
        let pieces = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        let piece = |(piece, places): (u32, &[EntryPlace])| Self {
            receiver,
            piece,
            pieces,
            places: places.to_vec(),
        };
        (0..).zip(chunks).map(piece).collect()
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VECTOR).bytes(&self.receiver.0).u32(self.piece).u32(self.pieces);
        writer.count(self.places.len());
        for place in &self.places {
            place.log.write(&mut writer).leb(place.seq).bytes(&place.hash.0);
        }
        writer.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VECTOR {
            return Err(CodecError::Tag);
        }
        let receiver = DeviceId(reader.array()?);
        let (piece, pieces) = (reader.u32()?, reader.u32()?);
        let most = u32::try_from(VECTOR_PIECES_MAX).unwrap_or(u32::MAX);
        if piece >= pieces || pieces > most {
            return Err(CodecError::Number);
        }
        let count = reader.count(VECTOR_HEADS_MAX)?;
        let places = (0..count).map(|_| {
            let log = LogKey::read(&mut reader)?;
            let seq = read_seq(&mut reader)?;
            Ok(EntryPlace { log, seq, hash: EntryHash(reader.array()?) })
        });
        let places = places.collect::<Result<_, CodecError>>()?;
        reader.finish()?;
        Ok(Self { receiver, piece, pieces, places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Incarnation, Lane};

    #[test]
    fn items_read_back_and_frames_of_a_conversation_are_refused() {
        let log = LogKey {
            scope: "990121101203".parse().unwrap(),
            lane: Lane::Notice,
            device: DeviceId([1; 32]),
            incarnation: Incarnation { number: 1, nonce: [2; 8] },
        };
        let places = vec![EntryPlace { log, seq: 300, hash: EntryHash([3; 32]) }; 9_000];
        let pieces = Vector::pieces(DeviceId([9; 32]), &places);
        assert_eq!(pieces.len(), 3);
        let mut writer = Writer::new();
        for vector in &pieces {
            Item::Vector(vector.clone()).write(&mut writer);
        }
        Item::Chain(Vec::new()).write(&mut writer);
        let bytes = writer.finish();
        let read = Item::read_all(&bytes).unwrap();
        assert_eq!(read[..3], pieces.into_iter().map(Item::Vector).collect::<Vec<_>>());
        assert_eq!(read[3], Item::Chain(Vec::new()));
        assert_eq!(Item::read_all(&bytes[..bytes.len() - 1]), Err(Fault::Altered));

        let mut writer = Writer::new();
        writer.piece(&Frame::Alive.encode());
        assert_eq!(Item::read_all(&writer.finish()), Err(Fault::Altered));
    }
}
