//! AES-256-XTS beneath redb, as full-disk encryption does it: sectors of 4 KiB, blocks of 16 bytes.
//!
//! Each block of a sector is encrypted by itself, so a write touches the blocks that it covers and
//! no others, and a block whose plaintext stays keeps its ciphertext: a write that is torn in the
//! middle damages nothing that was not being written. Blocks that were never written are zero on
//! the disk and read as zero; a ciphertext of sixteen zeros has a chance of 2^-128.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use aes::Aes256;
use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use redb::StorageBackend;

use super::envelope::VolumeKey;
use crate::limits::SECTOR_BATCH_BYTES;

/// Bytes that one tweak covers.
const SECTOR_BYTES: usize = 4096;

/// Bytes of an AES block.
const BLOCK_BYTES: usize = 16;

const BLOCKS_PER_SECTOR: usize = SECTOR_BYTES / BLOCK_BYTES;

const _: () = assert!(SECTOR_BATCH_BYTES.is_multiple_of(SECTOR_BYTES));

/// A backend whose bytes lie encrypted in another. Lengths are whole blocks; redb's always are.
pub struct Encrypted<B> {
    inner: B,
    cipher: Xts,
    /// Of `inner`, bytes.
    length: AtomicU64,
    /// A write that begins or ends within a block reads the block first.
    edges: Mutex<()>,
}

impl<B: StorageBackend> Encrypted<B> {
    /// Over this backend, with this key.
    pub fn new(inner: B, key: &VolumeKey) -> io::Result<Self> {
        // A last block that was torn off in the middle says nothing.
        let length = inner.len()? / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
        Ok(Self {
            inner,
            cipher: Xts::new(key),
            length: AtomicU64::new(length),
            edges: Mutex::new(()),
        })
    }

    fn check(&self, offset: u64, length: usize) -> io::Result<()> {
        let end = offset.checked_add(length as u64);
        match end.is_some_and(|end| end <= self.length.load(Ordering::Acquire)) {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Reads whole blocks.
    fn read_blocks(&self, first: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(first * BLOCK_BYTES as u64, out)?;
        self.cipher.decrypt(first, out);
        Ok(())
    }

    /// Writes whole blocks.
    fn write_blocks(&self, first: u64, plain: &[u8]) -> io::Result<()> {
        let mut at = first;
        let mut sealed = Vec::with_capacity(plain.len().min(SECTOR_BATCH_BYTES));
        for batch in plain.chunks(SECTOR_BATCH_BYTES) {
            sealed.clear();
            sealed.extend_from_slice(batch);
            self.cipher.encrypt(at, &mut sealed);
            self.inner.write(at * BLOCK_BYTES as u64, &sealed)?;
            at += (batch.len() / BLOCK_BYTES) as u64;
        }
        Ok(())
    }
}

impl<B: StorageBackend> StorageBackend for Encrypted<B> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.length.load(Ordering::Acquire))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.check(offset, out.len())?;
        let (first, skip) = split(offset);
        if skip == 0 && out.len().is_multiple_of(BLOCK_BYTES) {
            return self.read_blocks(first, out);
        }
        let mut blocks = vec![0; (skip + out.len()).next_multiple_of(BLOCK_BYTES)];
        self.read_blocks(first, &mut blocks)?;
        if let Some(asked) = blocks.get(skip..skip + out.len()) {
            out.copy_from_slice(asked);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        if !length.is_multiple_of(BLOCK_BYTES as u64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a number of blocks"));
        }
        self.inner.set_len(length)?;
        self.length.store(length, Ordering::Release);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check(offset, data.len())?;
        let (first, skip) = split(offset);
        if skip == 0 && data.len().is_multiple_of(BLOCK_BYTES) {
            return self.write_blocks(first, data);
        }
        let _alone = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = vec![0; (skip + data.len()).next_multiple_of(BLOCK_BYTES)];
        let last = blocks.len() - BLOCK_BYTES;
        for edge in [0, last] {
            if let Some(block) = blocks.get_mut(edge..edge + BLOCK_BYTES) {
                self.read_blocks(first + (edge / BLOCK_BYTES) as u64, block)?;
            }
        }
        if let Some(covered) = blocks.get_mut(skip..skip + data.len()) {
            covered.copy_from_slice(data);
        }
        self.write_blocks(first, &blocks)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }
}

impl<B> fmt::Debug for Encrypted<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").field("length", &self.length).finish_non_exhaustive()
    }
}

/// The block of an offset, and where in it.
fn split(offset: u64) -> (u64, usize) {
    (offset / BLOCK_BYTES as u64, (offset % BLOCK_BYTES as u64) as usize)
}

type Block = Array<u8, aes::cipher::consts::U16>;

/// XTS of IEEE 1619 that may begin at any block of a sector. The key schedules are wiped when it is
/// dropped.
struct Xts {
    data: Aes256,
    tweak: Aes256,
}

impl Xts {
    fn new(key: &VolumeKey) -> Self {
        let (data, tweak) = key.halves();
        Self { data: Aes256::new(&Array(*data)), tweak: Aes256::new(&Array(*tweak)) }
    }

    /// Encrypts whole blocks, the first of which has this number.
    fn encrypt(&self, first: u64, bytes: &mut [u8]) {
        self.each_sector(first, bytes, |blocks, tweaks| {
            xor(blocks, tweaks);
            self.data.encrypt_blocks(blocks);
            xor(blocks, tweaks);
        });
    }

    /// Decrypts whole blocks, the first of which has this number; zeros stay zeros.
    fn decrypt(&self, first: u64, bytes: &mut [u8]) {
        self.each_sector(first, bytes, |blocks, tweaks| {
            let mut unwritten = [false; BLOCKS_PER_SECTOR];
            for (flag, block) in unwritten.iter_mut().zip(blocks.iter()) {
                *flag = block.0 == [0; BLOCK_BYTES];
            }
            xor(blocks, tweaks);
            self.data.decrypt_blocks(blocks);
            xor(blocks, tweaks);
            for (block, flag) in blocks.iter_mut().zip(unwritten) {
                if flag {
                    block.0 = [0; BLOCK_BYTES];
                }
            }
        });
    }

    /// Runs over the blocks sector by sector, each time with their tweaks.
    fn each_sector(&self, first: u64, bytes: &mut [u8], work: impl Fn(&mut [Block], &[Block])) {
        let (mut blocks, _) = Block::slice_as_chunks_mut(bytes);
        let mut at = first;
        let mut tweaks = [Block::default(); BLOCKS_PER_SECTOR];
        while !blocks.is_empty() {
            let within = (at % BLOCKS_PER_SECTOR as u64) as usize;
            let count = (BLOCKS_PER_SECTOR - within).min(blocks.len());
            let (now, rest) = blocks.split_at_mut(count);
            self.tweaks(at / BLOCKS_PER_SECTOR as u64, within, &mut tweaks);
            work(now, tweaks.get(..count).unwrap_or_default());
            blocks = rest;
            at += count as u64;
        }
    }

    /// The tweaks of a sector from its block `within` on.
    fn tweaks(&self, sector: u64, within: usize, tweaks: &mut [Block; BLOCKS_PER_SECTOR]) {
        let mut start = Array(u128::from(sector).to_le_bytes());
        self.tweak.encrypt_block(&mut start);
        let mut tweak = u128::from_le_bytes(start.0);
        for _ in 0..within {
            tweak = double(tweak);
        }
        for place in tweaks.iter_mut() {
            place.0 = tweak.to_le_bytes();
            tweak = double(tweak);
        }
    }
}

/// Times x in GF(2^128), modulo x^128 + x^7 + x^2 + x + 1.
fn double(tweak: u128) -> u128 {
    (tweak << 1) ^ (0x87 * (tweak >> 127))
}

fn xor(blocks: &mut [Block], tweaks: &[Block]) {
    for (block, tweak) in blocks.iter_mut().zip(tweaks) {
        let mixed = u128::from_ne_bytes(block.0) ^ u128::from_ne_bytes(tweak.0);
        block.0 = mixed.to_ne_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;
    use xts_mode::{Xts128, get_tweak_default};

    fn key(seed: u8) -> VolumeKey {
        VolumeKey::new(std::array::from_fn(|at| seed.wrapping_mul(31).wrapping_add(at as u8)))
    }

    #[test]
    fn it_is_the_xts_of_the_standard() {
        // IEEE 1619-2007, vector 10 (AES-256, data unit 0xff): its first block.
        let halves = [
            "2718281828459045235360287471352662497757247093699959574966967627",
            "3141592653589793238462643383279502884197169399375105820974944592",
        ];
        let parts: [u8; 64] = hex::decode(halves.concat()).unwrap().try_into().unwrap();
        let mut block: Vec<u8> = (0..16).collect();
        Xts::new(&VolumeKey::new(parts)).encrypt(0xff * BLOCKS_PER_SECTOR as u64, &mut block);
        assert_eq!(hex::encode(block), "1c3b3a102f770386e4836c99e370cf9b");
    }

    #[test]
    fn it_agrees_with_another_implementation_from_any_block_on() {
        let key = key(3);
        let (one, two) = key.halves();
        let other = Xts128::new(Aes256::new(&Array(*one)), Aes256::new(&Array(*two)));
        let plain: Vec<u8> = (0..5 * SECTOR_BYTES).map(|at| (at * 7 % 251) as u8).collect();
        let mut theirs = plain.clone();
        other.encrypt_area(&mut theirs, SECTOR_BYTES, 9, get_tweak_default);
        let cipher = Xts::new(&key);
        for (from, to) in [(0, 20_480), (16, 32), (4080, 4112), (8192, 20_464), (16_384, 20_480)] {
            let mut ours = plain[from..to].to_vec();
            let first = (9 * BLOCKS_PER_SECTOR + from / BLOCK_BYTES) as u64;
            cipher.encrypt(first, &mut ours);
            assert_eq!(ours, theirs[from..to], "{from}..{to}");
            cipher.decrypt(first, &mut ours);
            assert_eq!(ours, plain[from..to], "{from}..{to}");
        }
    }

    #[test]
    fn a_write_touches_its_own_blocks_only_and_the_same_bytes_lie_the_same() {
        let disk = std::sync::Arc::new(InMemoryBackend::new());
        let open = || Encrypted::new(Shared(disk.clone()), &key(1)).unwrap();
        let raw = |from: u64, length: usize| {
            let mut bytes = vec![0; length];
            disk.read(from, &mut bytes).unwrap();
            bytes
        };
        let backend = open();
        backend.set_len(3 * 4096).unwrap();
        backend.write(0, &[5; 3 * 4096]).unwrap();
        let before = raw(0, 3 * 4096);
        backend.write(4100, &[6; 20]).unwrap();
        let after = raw(0, 3 * 4096);
        let changed: Vec<usize> =
            (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
        assert!(changed.iter().all(|at| (4096..4128).contains(at)), "{changed:?}");
        backend.write(4100, &[5; 20]).unwrap();
        assert_eq!(raw(0, 3 * 4096), before);
        assert_ne!(before[..16], before[16..32], "equal blocks lie differently");
        assert_ne!(before[..16], before[4096..4112]);
    }

    #[test]
    fn what_was_never_written_reads_as_zeros_and_lengths_are_checked() {
        let backend = Encrypted::new(InMemoryBackend::new(), &key(1)).unwrap();
        backend.set_len(8192).unwrap();
        let mut bytes = vec![1; 8192];
        backend.read(0, &mut bytes).unwrap();
        assert_eq!(bytes, vec![0; 8192]);
        assert!(backend.read(8190, &mut [0; 3]).is_err());
        assert!(backend.write(8190, &[0; 3]).is_err());
        assert!(backend.write(u64::MAX, &[0; 3]).is_err());
        assert!(backend.set_len(8191).is_err());
        assert_eq!(backend.len().unwrap(), 8192);
    }

    #[derive(Debug)]
    struct Shared(std::sync::Arc<InMemoryBackend>);

    impl StorageBackend for Shared {
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.0.read(offset, out)
        }
        fn set_len(&self, length: u64) -> io::Result<()> {
            self.0.set_len(length)
        }
        fn sync_data(&self) -> io::Result<()> {
            self.0.sync_data()
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.0.write(offset, data)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Write(u16, Vec<u8>),
        Read(u16, u16),
        SetLen(u16),
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..100),
            (0..20_000usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
        ];
        prop_oneof![
            4 => (any::<u16>(), bytes).prop_map(|(at, bytes)| Step::Write(at, bytes)),
            3 => (any::<u16>(), 0..20_000u16).prop_map(|(at, length)| Step::Read(at, length)),
            1 => any::<u16>().prop_map(|length| Step::SetLen(length / 16 * 16)),
            1 => Just(Step::Reopen),
        ]
    }

    proptest! {
        #[test]
        fn it_behaves_as_plain_bytes_do(steps in prop::collection::vec(step(), 1..60)) {
            let disk = std::sync::Arc::new(InMemoryBackend::new());
            let open = || Encrypted::new(Shared(disk.clone()), &key(2)).unwrap();
            let (mut backend, mut model) = (open(), Vec::<u8>::new());
            for step in steps {
                match step {
                    Step::Write(at, bytes) => {
                        let end = usize::from(at) + bytes.len();
                        let done = backend.write(at.into(), &bytes);
                        prop_assert_eq!(done.is_ok(), end <= model.len());
                        if let Some(place) = model.get_mut(at.into()..end) {
                            place.copy_from_slice(&bytes);
                        }
                    }
                    Step::Read(at, length) => {
                        let mut bytes = vec![0; length.into()];
                        let done = backend.read(at.into(), &mut bytes);
                        let asked = model.get(at.into()..usize::from(at) + bytes.len());
                        prop_assert_eq!(done.is_ok(), asked.is_some());
                        if let Some(asked) = asked {
                            prop_assert_eq!(&bytes[..], asked);
                        }
                    }
                    Step::SetLen(length) => {
                        backend.set_len(length.into()).unwrap();
                        model.resize(length.into(), 0);
                    }
                    Step::Reopen => backend = open(),
                }
                prop_assert_eq!(backend.len().unwrap(), model.len() as u64);
            }
            let mut all = vec![0; model.len()];
            backend.read(0, &mut all).unwrap();
            prop_assert_eq!(all, model);
        }
    }
}
