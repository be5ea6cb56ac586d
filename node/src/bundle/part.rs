//! A part as a file: cut into its head and its segments, and put together of them. Nothing is read
//! ahead of what is asked for.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use super::segment::LENGTH_BYTES;
use super::{Fault, PartHead};
use crate::limits::SEGMENT_BYTES_MAX;

/// Reads a part from anything.
#[derive(Debug)]
pub struct PartReader<R> {
    from: R,
    head: PartHead,
    read_bytes: u64,
}

/// Writes a part.
#[derive(Debug)]
pub struct PartWriter<W> {
    to: W,
    head: PartHead,
}

/// Why nothing more is read.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The file is not, or no longer, what it should be.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
}

impl<R: Read> PartReader<R> {
    /// Reads the head.
    pub fn open(mut from: R) -> Result<Self, PartError> {
        // Up to and with the length of the head.
        let mut bytes = vec![0; 13];
        let got = fill(&mut from, &mut bytes)?;
        bytes.truncate(got);
        if let Some(length) = bytes.last_chunk::<4>().filter(|_| got == 13) {
            let more = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let most = PartHead::BYTES_MAX - bytes.len();
            let mut rest = vec![0; more.saturating_add(8).min(most)];
            let got = fill(&mut from, &mut rest)?;
            bytes.extend(rest.iter().take(got));
        }
        let (head, length) = PartHead::decode(&bytes)?;
        Ok(Self { from, head, read_bytes: length as u64 })
    }

    /// The head.
    pub fn head(&self) -> &PartHead {
        &self.head
    }

    /// Bytes read so far.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// The next segment as it stands in the file; None at the end of it.
    pub fn segment(&mut self) -> Result<Option<Vec<u8>>, PartError> {
        let mut bytes = vec![0; LENGTH_BYTES];
        match fill(&mut self.from, &mut bytes)? {
            0 => return Ok(None),
            LENGTH_BYTES => {}
            _ => return Err(Fault::Torn.into()),
        }
        let length = bytes.first_chunk::<LENGTH_BYTES>().copied().unwrap_or_default();
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > SEGMENT_BYTES_MAX {
            return Err(Fault::Altered.into());
        }
        // Memory grows with what is there, not with what is announced.
        let announced = u64::try_from(length).unwrap_or(u64::MAX);
        let got = (&mut self.from).take(announced).read_to_end(&mut bytes)?;
        if got < length {
            return Err(Fault::Torn.into());
        }
        self.read_bytes += bytes.len() as u64;
        Ok(Some(bytes))
    }
}

impl<W: Write + Seek> PartWriter<W> {
    /// Keeps room for the head, which says that the part is not finished.
    pub fn begin(mut to: W, head: PartHead) -> io::Result<Self> {
        let head = PartHead { parts: 0, segments: 0, bytes: 0, ..head };
        to.write_all(&head.encode())?;
        Ok(Self { to, head })
    }

    /// Appends so many segments.
    pub fn append(&mut self, segments: &[u8], count: u32) -> io::Result<()> {
        self.to.write_all(segments)?;
        self.head.segments = self.head.segments.saturating_add(count);
        self.head.bytes = self.head.bytes.saturating_add(segments.len() as u64);
        Ok(())
    }

    /// Segments so far.
    pub fn segments(&self) -> u32 {
        self.head.segments
    }

    /// Bytes of segments so far.
    pub fn bytes(&self) -> u64 {
        self.head.bytes
    }

    /// Writes the head: from now on the part is one.
    pub fn finish(mut self, parts: u32) -> io::Result<(W, PartHead)> {
        self.head.parts = parts;
        self.to.seek(SeekFrom::Start(0))?;
        self.to.write_all(&self.head.encode())?;
        self.to.flush()?;
        Ok((self.to, self.head))
    }
}

/// Reads until the buffer is full or nothing more comes. Returns how much did.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while let Some(room) = buffer.get_mut(got..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
