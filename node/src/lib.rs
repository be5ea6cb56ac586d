//! A node of the mesh: what it holds, whom it believes, what it exchanges.
//!
//! The core is synchronous and pure of sockets, clocks and randomness: time, seeds and bytes come
//! in as values. It builds alone with `--no-default-features`. The `runtime` feature adds libp2p,
//! tokio and the local admin API.
//!
//! ```text
//! limits ← identity ← log ← { sync, store }
//! store ← vault ← engine
//! { crdt-schema, store } ← { counting, custody, index } ← ingest ← engine ← command
//! command ← { transport ← runtime ← admin ← home ← process }     (feature `runtime`)
//! ```
//!
//! | A value's way | Module |
//! | --- | --- |
//! | a person's request | [`command`] |
//! | change, signed, an entry of a log | [`engine`], [`log`], [`identity`] |
//! | through the one door | [`ingest`]: verified, stored, counted, indexed, in one transaction |
//! | to other nodes and back | [`sync`], [`replication`]; on a stick: [`bundle`] |
//! | read again in full | [`verify`], [`digest`] |

pub mod authority;
pub mod budget;
pub mod bundle;
pub mod codec;
pub mod command;
pub mod counting;
pub mod custody;
pub mod dictionary;
pub mod digest;
pub mod engine;
pub mod entropy;
pub mod erasure;
pub mod gathered;
pub mod handover;
pub mod identity;
pub mod index;
pub mod ingest;
pub mod journal;
pub mod json;
pub mod limits;
pub mod lineage;
pub mod log;
pub mod moves;
pub mod path;
pub mod peers;
pub mod progress;
pub mod replica;
pub mod replication;
pub mod setup;
pub mod statement;
pub mod store;
pub mod sync;
pub mod vault;
pub mod verify;

#[cfg(feature = "runtime")]
mod admin;
#[cfg(feature = "runtime")]
pub mod home;
#[cfg(feature = "runtime")]
mod machine;
#[cfg(feature = "runtime")]
pub mod process;
#[cfg(feature = "runtime")]
pub mod runtime;
#[cfg(feature = "runtime")]
mod transport;
