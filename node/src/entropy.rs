//! Randomness as a value: one seed from outside, any number of bytes from it.

/// A stream of bytes from a seed (BLAKE3 in its extendable-output mode). Whoever opens an engine
/// brings the seed: the operating system's generator, or a simulation's.
#[derive(Clone, Debug)]
pub struct Entropy {
    seed: [u8; 32],
    drawn: u64,
}

impl Entropy {
    /// A stream from this seed.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let mut hasher = blake3::Hasher::new_keyed(&self.seed);
        hasher.update(&self.drawn.to_be_bytes());
        hasher.finalize_xof().fill(&mut bytes);
        self.drawn += 1;
        bytes
    }
}
