//! Frames of `/shouwang/sync/1` (`docs/protocol.md` draws the bytes).
//!
//! A frame is one type byte and a body. Once a version is released, new types come with a new one in
//! `Hello`: within a version an unknown type is an error.

use super::PeerError;
use super::summary::{Salt, Summary};
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::grant::{GrantError, GrantId, SignedGrant};
use crate::limits::{
    ASIDES_PER_FRAME, BODIES_ASKED_MAX, BODY_BYTES_MAX, CHAIN_GRANTS_MAX, FRAME_BYTES_MAX,
    HAVE_HEADS_PER_FRAME, PROBE_POSITIONS_MAX,
};
use crate::log::run::read_seq;
use crate::log::{EntryHash, LogKey, UnverifiedRun};

/// The version of the protocol that this program speaks.
pub const PROTOCOL_VERSION: u16 = 1;

/// One message between two peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first frame from each side.
    Hello(Hello),
    /// Asks for the chain of the grant that the peer's `Hello` named.
    AskChain,
    /// The chain of one's own grant, the root's first.
    Chain(Vec<SignedGrant>),
    /// The chain of the grant that a log which follows is written under, where the receiver may not
    /// have the entries that carry it.
    Prove(Vec<SignedGrant>),
    /// What the sender holds of that which both may hold.
    Summary(Summary),
    /// Entries.
    Run(UnverifiedRun),
    /// What is durably stored now, of logs that runs came in for.
    Have(Vec<LogPosition>),
    /// Where two differ in a log.
    Probe(Probe),
    /// Asks for the bodies of these entries.
    AskBodies(Vec<LogPosition>),
    /// The answer for one of them.
    Body {
        /// The entry, as it was asked for.
        place: LogPosition,
        /// The body; None if it is not here either.
        body: Option<Vec<u8>>,
    },
    /// Nothing but a sign of life.
    Alive,
    /// Why the sender hangs up: the code of a [`PeerError`].
    Close(String),
    /// Entries that came from the receiver and are kept, but do not count.
    Aside(Vec<Aside>),
    /// Whether everyday records (`Routine`) shall wait: the sender pays for its bytes and has spent the day's.
    Hold(HoldWord),
}

/// What a [`Frame::Hold`] means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldWord {
    /// Nothing waits any more: all that had waited was sent and acknowledged.
    #[default]
    Nothing,
    /// Everyday records wait, and shall not be sent.
    Wait,
    /// They may be sent, and what had waited here comes: until it has, nothing is done.
    Comes,
}

/// What two say to one another about a log of which they hold different branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is meant.
    pub word: ProbeWord,
    /// The log.
    pub log: LogKey,
    /// Numbers and hashes of entries.
    pub positions: Vec<(u64, EntryHash)>,
}

/// What a [`Probe`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeWord {
    /// "I hold these: which of them do you?"
    Ask,
    /// "Of those that you asked about I hold these."
    Found,
    /// "I have no room for the branches of these."
    Full,
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// See [`PROTOCOL_VERSION`].
    pub version: u16,
    /// The mesh.
    pub mesh: GrantId,
    /// The sender's grant.
    pub grant: GrantId,
    /// What the sender mixes into all that it says in short; drawn anew for each session.
    pub salt: Salt,
    /// The sender's wall clock, ms since 1970: for the median that screens show, never for rules.
    pub clock_ms: i64,
    /// The newest version of compressed streams that it reads; 0 is none.
    pub stream_version: u8,
}

/// A place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// The log.
    pub log: LogKey,
    /// The number of an entry.
    pub seq: u64,
    /// Its hash.
    pub hash: EntryHash,
}

/// An entry that does not count at the sender of this, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// The entry.
    pub position: LogPosition,
    /// The reason's code.
    pub code: String,
}

const HELLO: u8 = 1;
const ASK_CHAIN: u8 = 2;
const CHAIN: u8 = 3;
const SUMMARY: u8 = 4;
const RUN: u8 = 5;
const HAVE: u8 = 6;
const ALIVE: u8 = 7;
const CLOSE: u8 = 8;
const PROVE: u8 = 9;
const PROBE: u8 = 10;
const ASIDE: u8 = 13;
const ASK_BODIES: u8 = 11;
const BODY: u8 = 12;
const HOLD: u8 = 16;

/// The longest code in a `Close` or an `Aside`.
const CODE_BYTES_MAX: usize = 64;

impl Frame {
    /// What a frame with a run begins with.
    pub(super) const RUN: u8 = RUN;

    /// What one begins with that says what is held.
    pub(super) const HAVE: u8 = HAVE;

    /// The bytes of the frame, without its length.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write(&mut writer, &mut |log, writer| {
            log.write(writer);
        });
        writer.finish()
    }

    /// Writes the frame; `name` writes the names of logs, but for those of runs.
    pub(super) fn write(&self, writer: &mut Writer, name: &mut dyn FnMut(&LogKey, &mut Writer)) {
        match self {
            Self::Hello(hello) => {
                writer
                    .u8(HELLO)
                    .u16(hello.version)
                    .bytes(&hello.mesh.0)
                    .bytes(&hello.grant.0)
                    .bytes(&hello.salt.0)
                    .i64(hello.clock_ms)
                    .u8(hello.stream_version);
            }
            Self::AskChain => {
                writer.u8(ASK_CHAIN);
            }
            Self::Chain(chain) => write_chain(writer.u8(CHAIN), chain),
            Self::Prove(chain) => write_chain(writer.u8(PROVE), chain),
            Self::Summary(summary) => summary.write(writer.u8(SUMMARY), name),
            Self::Run(run) => {
                run.write(writer.u8(RUN));
            }
            Self::Have(heads) => write_positions(writer.u8(HAVE), heads, name),
            Self::Probe(probe) => {
                writer.u8(PROBE).u8(match probe.word {
                    ProbeWord::Ask => 0,
                    ProbeWord::Found => 1,
                    ProbeWord::Full => 2,
                });
                name(&probe.log, writer);
                writer.count(probe.positions.len());
                for (seq, hash) in &probe.positions {
                    writer.leb(*seq).bytes(&hash.0);
                }
            }
            Self::AskBodies(places) => write_positions(writer.u8(ASK_BODIES), places, name),
            Self::Body { place, body } => {
                write_position(writer.u8(BODY), place, name);
                match body {
                    None => writer.leb(0),
                    Some(body) => writer.leb(body.len() as u64 + 1).bytes(body),
                };
            }
            Self::Alive => {
                writer.u8(ALIVE);
            }
            Self::Hold(holds) => {
                writer.u8(HOLD).u8(match holds {
                    HoldWord::Nothing => 0,
                    HoldWord::Wait => 1,
                    HoldWord::Comes => 2,
                });
            }
            Self::Close(code) => {
                writer.u8(CLOSE).piece(code.as_bytes());
            }
            Self::Aside(asides) => {
                writer.u8(ASIDE).count(asides.len());
                for Aside { position, code } in asides {
                    write_position(writer, position, name);
                    writer.piece(code.as_bytes());
                }
            }
        }
    }

    /// Reads a frame. A `Hello` of another version reads as far as its version.
    pub fn decode(bytes: &[u8]) -> Result<Self, PeerError> {
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(PeerError::Oversized(bytes.len() as u64));
        }
        let mut reader = Reader::new(bytes);
        let frame = Self::read(&mut reader, &mut |reader| Ok(LogKey::read(reader)?))?;
        reader.finish()?;
        Ok(frame)
    }

    /// Reads a frame from the front; `name` reads the names of logs, but for those of runs.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        name: &mut dyn FnMut(&mut Reader<'_>) -> Result<LogKey, PeerError>,
    ) -> Result<Self, PeerError> {
        Ok(match reader.u8()? {
            HELLO => {
                let version = reader.u16()?;
                if version != PROTOCOL_VERSION {
                    return Err(PeerError::Version(version));
                }
                Self::Hello(Hello {
                    version,
                    mesh: GrantId(reader.array()?),
                    grant: GrantId(reader.array()?),
                    salt: Salt(reader.array()?),
                    clock_ms: reader.i64()?,
                    stream_version: reader.u8()?,
                })
            }
            ASK_CHAIN => Self::AskChain,
            CHAIN => Self::Chain(read_chain(reader)?),
            PROVE => Self::Prove(read_chain(reader)?),
            SUMMARY => Self::Summary(Summary::read(reader, name)?),
            RUN => Self::Run(UnverifiedRun::read(reader)?),
            HAVE => Self::Have(read_positions(reader, HAVE_HEADS_PER_FRAME, name)?),
            PROBE => Self::Probe(Probe {
                word: match reader.u8()? {
                    0 => ProbeWord::Ask,
                    1 => ProbeWord::Found,
                    2 => ProbeWord::Full,
                    _ => return Err(CodecError::Tag.into()),
                },
                log: name(reader)?,
                positions: {
                    let count = reader.count(PROBE_POSITIONS_MAX)?;
                    let position = |_| Ok((read_seq(reader)?, EntryHash(reader.array()?)));
                    (0..count).map(position).collect::<Result<_, CodecError>>()?
                },
            }),
            ASK_BODIES => Self::AskBodies(read_positions(reader, BODIES_ASKED_MAX, name)?),
            BODY => Self::Body {
                place: read_position(reader, name)?,
                body: match reader.count(BODY_BYTES_MAX + 1)? {
                    0 => None,
                    more => Some(reader.bytes(more - 1)?.to_vec()),
                },
            },
            ALIVE => Self::Alive,
            HOLD => Self::Hold(match reader.u8()? {
                0 => HoldWord::Nothing,
                1 => HoldWord::Wait,
                2 => HoldWord::Comes,
                _ => return Err(CodecError::Tag.into()),
            }),
            CLOSE => Self::Close(read_code(reader)?),
            ASIDE => {
                let count = reader.count(ASIDES_PER_FRAME)?;
                let asides = (0..count).map(|_| {
                    let position = read_position(reader, name)?;
                    Ok::<_, PeerError>(Aside { position, code: read_code(reader)? })
                });
                Self::Aside(asides.collect::<Result<_, _>>()?)
            }
            unknown => return Err(PeerError::UnknownFrame(unknown)),
        })
    }
}

fn write_chain(writer: &mut Writer, chain: &[SignedGrant]) {
    writer.count(chain.len());
    for grant in chain {
        writer.bytes(&grant.encode());
    }
}

fn read_chain(reader: &mut Reader<'_>) -> Result<Vec<SignedGrant>, PeerError> {
    let count = reader.count(CHAIN_GRANTS_MAX)?;
    let grants = (0..count).map(|_| SignedGrant::decode(reader));
    grants.collect::<Result<_, _>>().map_err(|error| match error {
        GrantError::Codec(error) => PeerError::Malformed(error),
        _ => PeerError::NoGrant,
    })
}

fn write_positions(
    writer: &mut Writer,
    positions: &[LogPosition],
    name: &mut dyn FnMut(&LogKey, &mut Writer),
) {
    writer.count(positions.len());
    for position in positions {
        write_position(writer, position, name);
    }
}

fn write_position(
    writer: &mut Writer,
    position: &LogPosition,
    name: &mut dyn FnMut(&LogKey, &mut Writer),
) {
    name(&position.log, writer);
    writer.leb(position.seq).bytes(&position.hash.0);
}

fn read_positions(
    reader: &mut Reader<'_>,
    limit: usize,
    name: &mut dyn FnMut(&mut Reader<'_>) -> Result<LogKey, PeerError>,
) -> Result<Vec<LogPosition>, PeerError> {
    let count = reader.count(limit)?;
    (0..count).map(|_| read_position(reader, name)).collect()
}

fn read_position(
    reader: &mut Reader<'_>,
    name: &mut dyn FnMut(&mut Reader<'_>) -> Result<LogKey, PeerError>,
) -> Result<LogPosition, PeerError> {
    Ok(LogPosition { log: name(reader)?, seq: read_seq(reader)?, hash: EntryHash(reader.array()?) })
}

fn read_code(reader: &mut Reader<'_>) -> Result<String, CodecError> {
    let code = reader.text(CODE_BYTES_MAX)?;
    let plain = code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b':');
    Ok(if plain { code.to_owned() } else { "unreadable".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{DeviceId, Signature};
    use crate::log::{Incarnation, Lane};
    use crate::store::digests::{Digest, Family};
    use crate::sync::summary::{Fingerprint, HashMark, Place, StatedHead, Statement, Word};
    use proptest::prelude::*;

    fn summary(log: LogKey) -> Summary {
        let (digest, place) = (Digest([7; 16]), Place::Inside(log.scope));
        let short = Fingerprint([6; 5]);
        let heads = vec![
            StatedHead::Short(short, Some((300, HashMark([8; 5])))),
            StatedHead::Short(short, None),
            StatedHead::Full(log, None),
            StatedHead::Full(log, Some((0, HashMark([9; 5])))),
        ];
        let words = [
            (Family::Records, Place::All, Word::Digest(digest)),
            (Family::Authority, Place::All, Word::Children(vec![(place, digest)])),
            (Family::Authority, Place::Own(log.scope), Word::Heads(heads.clone(), false)),
            (Family::Records, place, Word::Heads(Vec::new(), true)),
            (Family::Records, place, Word::Rest(heads.clone(), true)),
            (Family::Authority, place, Word::Rest(heads, false)),
        ];
        let statements = words.map(|(family, place, what)| Statement { family, place, what });
        Summary { round: 1, statements: statements.into() }
    }

    fn frames() -> Vec<Frame> {
        let log = LogKey {
            scope: "990121101203".parse().unwrap(),
            lane: Lane::Urgent,
            device: DeviceId([1; 32]),
            incarnation: Incarnation { number: 1, nonce: [2; 8] },
        };
        let position = LogPosition { log, seq: 300, hash: EntryHash([3; 32]) };
        vec![
            Frame::Hello(Hello {
                version: PROTOCOL_VERSION,
                mesh: GrantId([1; 32]),
                grant: GrantId([2; 32]),
                salt: Salt([3; 8]),
                clock_ms: -5,
                stream_version: 2,
            }),
            Frame::AskChain,
            Frame::Chain(Vec::new()),
            Frame::Prove(Vec::new()),
            Frame::Summary(summary(log)),
            Frame::Run(UnverifiedRun {
                log,
                first_seq: 0,
                previous: EntryHash([4; 32]),
                entries: Vec::new(),
                signature: Signature([5; 64]),
            }),
            Frame::Have(vec![position]),
            Frame::Probe(Probe {
                word: ProbeWord::Ask,
                log,
                positions: vec![(7, EntryHash([6; 32])); 3],
            }),
            Frame::Probe(Probe { word: ProbeWord::Full, log, positions: Vec::new() }),
            Frame::Alive,
            Frame::Hold(HoldWord::Wait),
            Frame::Hold(HoldWord::Comes),
            Frame::Close("no_grant".into()),
            Frame::Aside(vec![Aside { position, code: "ill_formed:start_op".into() }]),
            Frame::AskBodies(vec![position; 2]),
            Frame::Body { place: position, body: Some(vec![6; 3]) },
            Frame::Body { place: position, body: None },
        ]
    }

    #[test]
    fn frames_read_back_and_every_cut_is_refused() {
        for frame in frames() {
            let bytes = frame.encode();
            assert_eq!(Frame::decode(&bytes), Ok(frame));
            for length in 0..bytes.len() {
                assert!(Frame::decode(&bytes[..length]).is_err());
            }
            assert!(Frame::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn another_version_is_named_whatever_follows() {
        let hello = [&[1, 0, 2][..], &[9; 100]].concat();
        assert_eq!(Frame::decode(&hello), Err(PeerError::Version(2)));
        assert_eq!(Frame::decode(&[99, 1, 2]), Err(PeerError::UnknownFrame(99)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(frame) = Frame::decode(&bytes) {
                prop_assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
            }
        }

        #[test]
        fn any_altered_frame_is_read_or_refused(
            which in 0usize..15, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = frames()[which].encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = Frame::decode(&bytes);
        }
    }
}
