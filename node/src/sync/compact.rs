//! Frames as they travel once both sides have said `Hello`: in packets, referring to what was said
//! before, compressed as one stream for each direction. What either end holds is bounded by
//! `limits.rs`, whatever a peer says.

use thiserror::Error;

use super::PeerError;
use super::wire::Frame;
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{FRAME_BYTES_MAX, PACKET_BYTES_MAX, STREAM_VERSION};
use crate::log::entry::DocumentField;
use crate::log::{Entry, EntryHash, Kind, LogKey, UnverifiedRun};
use crate::store::StoreError;
use shouwang_crdt_schema::change::Template;
use shouwang_crdt_schema::division::DivisionCode;

mod context;
mod recent;
mod ring;
mod run;
mod stream;

pub(super) use context::{Context, Last, Logs};
pub(super) use run::MARK_BYTES;

use stream::{Compressor, Decompressor, StreamError};

/// A packet whose compression goes on from the packet before.
const GOES_ON: u8 = 14;
/// A packet whose compression begins anew.
const BEGINS: u8 = 15;

/// A change that is here, as another refers to it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The document that its entry names.
    pub(super) document: DocumentField,
    /// What of it others build on.
    pub(super) last: Last,
}

impl Known {
    /// The change of an entry, if it has one that others can refer to.
    pub(super) fn of(entry: Entry) -> Option<Self> {
        let body = entry.body.as_deref().filter(|_| entry.header.kind == Kind::Change)?;
        let (template, own) = Template::of(body)?;
        let last = run::last_of(body, &own, &template)?;
        Some(Self { document: entry.header.document, last })
    }
}

/// What references into the logs are looked up in.
pub(super) trait Lookup {
    /// The hash of the entry with this number whose hash begins so.
    fn entry_hash(
        &self,
        log: &LogKey,
        seq: u64,
        mark: [u8; MARK_BYTES],
    ) -> Result<Option<EntryHash>, StoreError>;

    /// The change in the entry with this number, if the change's hash begins so.
    fn change(
        &self,
        log: &LogKey,
        seq: u64,
        mark: [u8; MARK_BYTES],
    ) -> Result<Option<Known>, StoreError>;

    /// Where a change of a document stands, if the peer durably has that entry.
    fn place(
        &self,
        scope: DivisionCode,
        document: &DocumentField,
        change: &[u8; 32],
    ) -> Result<Option<(LogKey, u64, Known)>, StoreError>;
}

/// Why a packet cannot be read.
#[derive(Debug, Error)]
pub(super) enum PackError {
    /// It does not read as what it should be.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// It refers to what was not said, or is not here.
    #[error("a reference leads nowhere")]
    Reference,
    /// It unpacks to more than any packet may.
    #[error("a packet unpacks to more than any may")]
    Oversized,
    /// A frame in it is none.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Our own disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Both directions of a session.
#[derive(Debug)]
pub(super) struct Line {
    packer: Packer,
    unpacker: Unpacker,
}

/// Writes the packets of one direction.
#[derive(Debug)]
struct Packer {
    context: Context,
    version: u8,
    compressor: Option<Compressor>,
    waiting: Writer,
}

/// Reads the packets of one direction.
#[derive(Debug)]
struct Unpacker {
    context: Context,
    version: u8,
    decompressor: Option<Decompressor>,
}

/// Whether a frame's bytes are a packet.
pub(super) fn is_packet(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&(GOES_ON | BEGINS)))
}

impl Line {
    /// The line to a peer that reads streams of this version; none where either reads none.
    pub(super) fn open(theirs: u8) -> Option<Self> {
        let version = STREAM_VERSION.min(theirs);
        (version > 0).then(|| Self {
            packer: Packer {
                context: Context::new(),
                version,
                compressor: None,
                waiting: Writer::new(),
            },
            unpacker: Unpacker { context: Context::new(), version, decompressor: None },
        })
    }

    /// Takes a frame other than a run. Returns a packet that is full.
    pub(super) fn push(&mut self, frame: &Frame) -> Option<Vec<u8>> {
        let (packer, theirs) = (&mut self.packer, self.unpacker.context.logs());
        let (mut writer, context) = (Writer::new(), &mut packer.context);
        frame.write(&mut writer, &mut |log, writer| run::write_log(log, context, theirs, writer));
        packer.add(&writer.finish())
    }

    /// Takes a run. Returns how many bytes it takes before compression, and a packet that is full.
    pub(super) fn push_run(
        &mut self,
        run: &UnverifiedRun,
        lookup: &impl Lookup,
    ) -> Result<(usize, Option<Vec<u8>>), StoreError> {
        let (packer, theirs) = (&mut self.packer, self.unpacker.context.logs());
        let run = run::write(run, &mut packer.context, theirs, lookup)?;
        let frame = [&[Frame::RUN][..], &run].concat();
        Ok((frame.len(), packer.add(&frame)))
    }

    /// The packet of all that was taken. None too where compression has failed, which only a machine
    /// without memory does: then nothing more goes out, and silence ends the session.
    pub(super) fn flush(&mut self) -> Option<Vec<u8>> {
        self.packer.flush()
    }

    /// Nothing is under way: compression begins anew with the next packet, and takes no memory until
    /// then.
    pub(super) fn rest(&mut self) {
        if self.packer.waiting.is_empty() {
            self.packer.compressor = None;
        }
    }

    /// Unpacks the frames of a packet. Before the peer's grant is proved it may send no runs, which
    /// take memory.
    pub(super) fn unpack(
        &mut self,
        packet: &[u8],
        is_proved: bool,
        lookup: &impl Lookup,
    ) -> Result<Vec<Frame>, PackError> {
        self.unpacker.unpack(packet, is_proved, self.packer.context.logs(), lookup)
    }
}

impl Packer {
    /// Adds the bytes of a frame: they stand in one packet.
    fn add(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let full = self.waiting.len() + frame.len() > PACKET_BYTES_MAX;
        let packet = if full { self.flush() } else { None };
        self.waiting.bytes(frame);
        packet
    }

    fn flush(&mut self) -> Option<Vec<u8>> {
        let plain = self.waiting.finish();
        if plain.is_empty() {
            return None;
        }
        let begins = self.compressor.is_none();
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            None => self.compressor.insert(Compressor::new(self.version).ok()?),
        };
        let mut packet = vec![if begins { BEGINS } else { GOES_ON }];
        compressor.write(&plain, &mut packet).ok()?;
        Some(packet)
    }
}

impl Unpacker {
    /// Unpacks the frames of a packet. `ours` is what the other direction has named.
    fn unpack(
        &mut self,
        packet: &[u8],
        is_proved: bool,
        ours: &Logs,
        lookup: &impl Lookup,
    ) -> Result<Vec<Frame>, PackError> {
        let (kind, packed) = packet.split_first().ok_or(CodecError::Truncated)?;
        if *kind == BEGINS {
            self.decompressor = Some(Decompressor::new(self.version)?);
        }
        let decompressor = self.decompressor.as_mut().ok_or(CodecError::Tag)?;
        let plain = decompressor.read(packed, FRAME_BYTES_MAX)?;
        let mut reader = Reader::new(&plain);
        let mut frames = Vec::new();
        while !reader.is_empty() {
            let context = &mut self.context;
            frames.push(match reader.peek() {
                Some(Frame::RUN) if !is_proved => {
                    return Err(PeerError::OutOfTurn("a run before the grant is proved").into());
                }
                Some(Frame::RUN) => {
                    reader.u8()?;
                    Frame::Run(run::read(&mut reader, context, ours, lookup)?)
                }
                _ => Frame::read(&mut reader, &mut |reader| {
                    run::read_log(reader, context, ours).map_err(PeerError::from)
                })?,
            });
        }
        Ok(frames)
    }
}

impl From<PackError> for PeerError {
    fn from(error: PackError) -> Self {
        match error {
            PackError::Codec(error) => Self::Malformed(error),
            PackError::Peer(error) => error,
            PackError::Oversized => Self::Oversized(FRAME_BYTES_MAX as u64 + 1),
            // Names of logs are never looked up on the disk.
            PackError::Reference | PackError::Store(_) => Self::WrongReference,
        }
    }
}

impl From<StreamError> for PackError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Oversized => Self::Oversized,
            StreamError::Damaged => Self::Codec(CodecError::Tag),
        }
    }
}
