//! Sync without I/O: bytes and time come in as values, frames and events go out.
//!
//! [`Mesh::handle`] takes one [`Input`]; after it, drain [`Mesh::poll`] until it gives
//! [`Output::Timeout`]. Payloads are opaque here: a run is verified and stored by
//! [`crate::ingest`], and only what it has committed is acknowledged.

use crate::authority::Authority;
use crate::identity::DeviceId;
use crate::identity::grant::{GrantId, SignedGrant};
use crate::log::{Entry, EntryHash, EntryPlace, Head, LogKey, UnverifiedRun};
use crate::store::StoreError;
use crate::store::digests::{Family, Sum};
use crate::store::rows::LogRow;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::parts::DocumentId;
use summary::{NamedHead, Place};

mod aside;
mod bodies;
mod compact;
pub mod error;
mod logs;
pub mod mesh;
mod progress;
mod session;
mod stop;
pub mod summary;
mod window;
pub mod wire;

pub use error::{Disposition, Fault, PeerError};
pub use mesh::Mesh;
pub use progress::Progress;
pub(crate) use session::{Priority, priority};
pub use wire::LogPosition;

/// A point in time as the caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Runs evenly from an arbitrary start, ms. All timeouts go by it.
    pub monotonic_ms: u64,
    /// The wall clock, ms since 1970, right or wrong. For display only.
    pub wall_ms: i64,
}

/// What happens to a mesh.
#[derive(Clone, Debug)]
pub enum Input {
    /// A substream to a peer is open; the transport has proved the peer's key.
    PeerUp(DeviceId),
    /// As [`Input::PeerUp`], through the office's own network, where bytes cost nothing.
    PeerNear(DeviceId),
    /// It is gone.
    PeerDown(DeviceId),
    /// One frame came in.
    Frame(DeviceId, Vec<u8>),
    /// A frame was announced that is longer than any may be.
    Oversized(DeviceId, u64),
    /// The time that [`Output::Timeout`] named has come.
    Timeout,
}

/// What a mesh wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a frame.
    Send(DeviceId, Vec<u8>),
    /// Close the substream.
    Hangup(DeviceId, PeerError),
    /// Verify and store a run, then call [`Mesh::ingested`].
    Ingest(DeviceId, UnverifiedRun),
    /// Take in the body of an entry that is here without one, then call [`Mesh::filled`].
    Fill(DeviceId, EntryPlace, Vec<u8>),
    /// Keep the chain by which a peer has proved itself.
    Learn(Vec<SignedGrant>),
    /// Something worth knowing.
    Event(Event),
    /// Nothing more until this time, or until the next input.
    Timeout(Option<u64>),
}

/// Something worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer proved its grant: this is its encoding.
    Proved(DeviceId, Vec<u8>),
    /// The peer has proved its grant, and so its wall clock stood, ms since 1970.
    Clock(DeviceId, i64),
    /// Both sides hold everything that both summaries spoke of.
    Done(DeviceId),
    /// So many entries left for the peer.
    Sent(DeviceId, u64),
    /// For the first time in this session something that one of us lacked is durable there.
    Moved(DeviceId),
    /// What was sent is not acknowledged for so long that the link may be dead without saying so: another
    /// way should be tried beside it.
    Silent(DeviceId),
    /// The peer's whole summary was compared. These are the heads that it has named of this device's
    /// own logs, and whether it has shown of others that it holds them as they are here.
    OwnLogs(DeviceId, Vec<NamedHead>, bool),
    /// The peer keeps entries that came from us, and does not count them.
    SetAside(DeviceId, Vec<wire::Aside>),
}

/// What sync reads of the node.
pub trait Replica {
    /// Who may do what.
    fn authority(&self) -> &Authority;

    /// This device's grant.
    fn own_grant(&self) -> GrantId;

    /// The digest of what is stored in a place, and of how many chains it is.
    fn sum(&self, family: Family, place: Place) -> Result<Sum, StoreError>;

    /// What is inside a division: its own logs, and each place directly inside it, without empty ones.
    fn inside(&self, family: Family, code: DivisionCode) -> Result<Vec<(Place, Sum)>, StoreError>;

    /// Heads of all chains of the logs of a place.
    fn heads(&self, family: Family, place: Place) -> Result<Vec<(LogRow, Head)>, StoreError>;

    /// All chains of a log, each with its head; a chain comes after the one that it branches off.
    fn chains(&self, log: &LogKey) -> Result<Vec<(LogRow, Head)>, StoreError>;

    /// The chain under which the entry with this number and a hash that fits stands, if it is here.
    fn find(
        &self,
        log: &LogKey,
        seq: u64,
        fits: impl FnMut(&EntryHash) -> bool,
    ) -> Result<Option<LogRow>, StoreError>;

    /// The hash of the entry with this number on a chain's path.
    fn hash_at(&self, chain: &LogRow, seq: u64) -> Result<Option<EntryHash>, StoreError>;

    /// The number from which on two chains of one log differ; None for one and the same.
    fn parting(&self, one: &LogRow, two: &LogRow) -> Result<Option<u64>, StoreError>;

    /// The entries with this number, one for each chain that has its own.
    fn entries_at(&self, log: &LogKey, seq: u64) -> Result<Vec<Entry>, StoreError>;

    /// Where a change of a document stands that counts: the chain, and the number of its entry.
    fn change_place(
        &self,
        scope: DivisionCode,
        document: &DocumentId,
        change: &[u8; 32],
    ) -> Result<Option<(LogRow, u64)>, StoreError>;

    /// The run that follows on a chain's entry `after`, or the log's first.
    fn run_after(
        &self,
        chain: &LogRow,
        after: Option<u64>,
    ) -> Result<Option<UnverifiedRun>, StoreError>;

    /// The first entries whose bodies are missing, of those that `wanted` takes, at most `limit`.
    fn missing(
        &self,
        limit: usize,
        wanted: impl FnMut(&wire::LogPosition) -> bool,
    ) -> Result<Vec<wire::LogPosition>, StoreError>;

    /// Whether the body of the entry at a place is missing.
    fn is_missing(&self, place: &wire::LogPosition) -> Result<bool, StoreError>;

    /// The body of the entry at a place, if both are here.
    fn body(&self, place: &wire::LogPosition) -> Result<Option<Vec<u8>>, StoreError>;
}
