//! A target: what reads bytes from outside, and what has to hold of it.

/// What came of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was read, and everything that has to hold of what was read holds.
    Accepted,
    /// It was refused, as it may be.
    Refused,
}

/// A decoder, or several of one sort, with the properties that it is held to.
///
/// [`Target::run`] panics where one does not hold. It takes any bytes, depends on nothing else, and leaves
/// nothing behind.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name, and that of the directory of its corpus.
    pub name: &'static str,
    /// Takes an input.
    pub run: fn(&[u8]) -> Verdict,
    /// Inputs that are what honest writers write: every one is accepted.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// The longest input that is tried, bytes.
    pub input_bytes_max: usize,
    /// The most memory that one input may take at once: so many bytes, whatever it is…
    pub memory_bytes: usize,
    /// …and so many for each of its bytes.
    pub memory_per_byte: usize,
    /// How often the quick part tries something that is like the corpus. Few where an input takes
    /// milliseconds.
    pub quick_runs: usize,
}

/// Accepted if it is there.
pub(crate) fn accepted<T>(read: Option<T>) -> Verdict {
    match read {
        Some(_) => Verdict::Accepted,
        None => Verdict::Refused,
    }
}

/// Accepted if any of them is.
pub(crate) fn any(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    match verdicts.into_iter().fold(false, |any, one| any | (one == Verdict::Accepted)) {
        true => Verdict::Accepted,
        false => Verdict::Refused,
    }
}
