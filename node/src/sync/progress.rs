//! How far an exchange is.

/// How far an exchange is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether both hold all that both summaries spoke of.
    pub done: bool,
    /// Whether nothing more can be exchanged: done, but for logs that are stuck and bodies that
    /// both lack.
    pub settled: bool,
    /// Whether nothing more is exchanged before one of the two has bytes to spend again: all is done but
    /// everyday records.
    pub held_back: bool,
    /// Entries that the peer lacks of what we hold.
    pub they_lack: u64,
    /// Entries that we lack of what its summary spoke of.
    pub we_lack: u64,
    /// Bodies that are missing here and that the peer may have, as far as both may hold them.
    pub missing: u64,
    /// Logs that cannot be exchanged: forked, or refused.
    pub stuck: u64,
    /// Logs that are remembered of the peer: those in which the two differ.
    pub remembered: u64,
}
