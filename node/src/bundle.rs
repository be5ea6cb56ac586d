//! Bundles: what a session would carry, on a stick.
//!
//! A bundle is one or more *parts*, each a file by itself. A part is a clear [`head`] and *segments*:
//! sealed pieces, each to exactly the devices that may hold what is in it, each signed by the sender.
//! Nothing in one is believed beyond what a peer's frames are believed. `docs/bundles.md` draws the
//! bytes and says what is promised.
//!
//! | Module | What |
//! | --- | --- |
//! | [`head`] | what stands in clear: which part of which bundle, of whom, for whom |
//! | [`segment`] | a sealed and signed piece |
//! | [`seal`] | age, to the sealing keys of grants |
//! | [`item`] | what is in a segment: chains of grants, runs, and what the sender holds |
//! | [`part`] | a file, piece by piece |
//! | [`sender`] | whether the sender is one of us |
//! | [`known`] | what a receiver is known to hold |
//! | [`outgoing`] | what goes in, in which order |
//! | [`fault`] | why a bundle, or the rest of one, is refused |

pub mod fault;
pub mod head;
pub mod item;
pub mod known;
pub mod outgoing;
pub mod part;
pub mod seal;
pub mod segment;
pub mod sender;

pub use fault::Fault;
pub use head::{BundleId, PartHead};
pub use item::{Item, Vector};
pub use outgoing::{Cursor, Outgoing, Plan, Receiver};
pub use segment::{Opened, Segment};
