//! One compressed stream. The library is zstd; what it may take is bounded here.

use std::io;
use std::sync::OnceLock;

use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

use crate::dictionary;
use crate::limits::STREAM_WINDOW_LOG;

/// Between 1 and 19: chosen by measurement (`docs/performance.md`).
const LEVEL: i32 = 6;

/// Bytes that are taken out at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Why a stream does not go on.
#[derive(Debug)]
pub(super) enum StreamError {
    /// It holds more than may be unpacked at once.
    Oversized,
    /// It does not read.
    Damaged,
}

/// Compresses.
pub(super) struct Compressor(Encoder<'static>);

/// Unpacks.
pub(super) struct Decompressor(Decoder<'static>);

impl Compressor {
    pub(super) fn new(version: u8) -> Result<Self, StreamError> {
        // Its tables are as large as a hundred frames, and an office has a stream to every village.
        static PREPARED: OnceLock<EncoderDictionary<'static>> = OnceLock::new();
        let mut encoder = match dictionary::stream(version) {
            [] => Encoder::new(LEVEL)?,
            bytes => Encoder::with_prepared_dictionary(
                PREPARED.get_or_init(|| EncoderDictionary::copy(bytes, LEVEL)),
            )?,
        };
        encoder.set_parameter(CParameter::WindowLog(STREAM_WINDOW_LOG))?;
        encoder.set_parameter(CParameter::ContentSizeFlag(false))?;
        encoder.set_parameter(CParameter::ChecksumFlag(false))?;
        encoder.set_parameter(CParameter::DictIdFlag(false))?;
        Ok(Self(encoder))
    }

    /// Compresses all of `plain`, so that the other end can unpack all of it.
    pub(super) fn write(&mut self, plain: &[u8], to: &mut Vec<u8>) -> Result<(), StreamError> {
        let mut input = InBuffer::around(plain);
        let mut piece = vec![0; PIECE_BYTES];
        while input.pos < plain.len() {
            let mut output = OutBuffer::around(&mut piece);
            self.0.run(&mut input, &mut output)?;
            to.extend_from_slice(output.as_slice());
        }
        loop {
            let mut output = OutBuffer::around(&mut piece);
            let left = self.0.flush(&mut output)?;
            to.extend_from_slice(output.as_slice());
            if left == 0 {
                return Ok(());
            }
        }
    }
}

impl Decompressor {
    pub(super) fn new(version: u8) -> Result<Self, StreamError> {
        static PREPARED: OnceLock<DecoderDictionary<'static>> = OnceLock::new();
        let mut decoder = match dictionary::stream(version) {
            [] => Decoder::new()?,
            bytes => Decoder::with_prepared_dictionary(
                PREPARED.get_or_init(|| DecoderDictionary::copy(bytes)),
            )?,
        };
        decoder.set_parameter(DParameter::WindowLogMax(STREAM_WINDOW_LOG))?;
        Ok(Self(decoder))
    }

    /// Unpacks all that these bytes hold, at most `limit` bytes.
    pub(super) fn read(&mut self, packed: &[u8], limit: usize) -> Result<Vec<u8>, StreamError> {
        let mut input = InBuffer::around(packed);
        let (mut plain, mut piece) = (Vec::new(), vec![0; PIECE_BYTES]);
        loop {
            let mut output = OutBuffer::around(&mut piece);
            let more = self.0.run(&mut input, &mut output)?;
            let got = output.pos();
            plain.extend_from_slice(output.as_slice());
            if plain.len() > limit {
                return Err(StreamError::Oversized);
            }
            // A stream goes on for ever: one that ends, or that wants nothing more while bytes are
            // left, is none of ours.
            if more == 0 {
                return Err(StreamError::Damaged);
            }
            if input.pos == packed.len() && got < PIECE_BYTES {
                return Ok(plain);
            }
        }
    }
}

impl From<io::Error> for StreamError {
    fn from(_: io::Error) -> Self {
        Self::Damaged
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compressor")
    }
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decompressor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::STREAM_VERSION;

    #[test]
    fn what_goes_in_comes_out_piece_by_piece_and_bombs_do_not() {
        for version in 1..=STREAM_VERSION {
            let mut compressor = Compressor::new(version).unwrap();
            let mut decompressor = Decompressor::new(version).unwrap();
            for length in [0, 1, 100, 50_000, 3, 56_000, 56_000, 56_000, 56_000, 56_000, 56_000] {
                let plain: Vec<u8> = (0..length as u32)
                    .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
                    .take(length)
                    .collect();
                let mut packed = Vec::new();
                compressor.write(&plain, &mut packed).unwrap();
                assert_eq!(decompressor.read(&packed, 60_000).unwrap(), plain);
            }
            let mut bomb = Vec::new();
            compressor.write(&vec![0; 1 << 20], &mut bomb).unwrap();
            assert!(bomb.len() < 1_000);
            assert!(matches!(decompressor.read(&bomb, 60_000), Err(StreamError::Oversized)));
        }
    }

    #[test]
    fn damaged_streams_are_refused_and_never_wait() {
        let mut packed = Vec::new();
        Compressor::new(1).unwrap().write(&[7; 3_000], &mut packed).unwrap();
        for at in 0..packed.len() {
            for bit in 0..8 {
                let mut damaged = packed.clone();
                damaged[at] ^= 1 << bit;
                let _ = Decompressor::new(1).unwrap().read(&damaged, 60_000);
            }
        }
        assert!(Decompressor::new(1).unwrap().read(&[1, 2, 3, 4, 5, 6, 7], 60_000).is_err());
    }
}
