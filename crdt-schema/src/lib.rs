//! The elder record of Shouwang 守望 as a set of small Automerge documents.
//!
//! This crate knows what a record *is*: places, people's numbers, fields, lists, parts, the typed
//! edits that people make and the typed view they get back. It has no clock, no randomness and no
//! I/O: days, ids and actors come in as values.
//!
//! ```text
//! Edit ──► Automerge change ──► (node: sign, store, sync) ──► documents ──► ElderView ──► rules
//! ```
//!
//! | Module | Noun |
//! | --- | --- |
//! | [`division`] | division codes, levels, areas |
//! | [`resident_id`] | the citizen identity number |
//! | [`record`] | ids and vocabularies |
//! | [`field`], [`element`], [`visit`] | single values, list elements, a visit |
//! | [`parts`], [`document`] | the documents of a record and their Automerge skeleton |
//! | [`ledger_row`] | one row of an office's ledger |
//! | [`edit`], [`view`], [`merge`] | what people do, what they see, what happens in between |
//! | [`narration`] | what each change did |
//! | [`rules`] | what follows from a view on a given day |
//! | [`report`] | what offices count and send upwards |

pub mod change;
pub mod division;
pub mod document;
pub mod edit;
pub mod element;
pub mod field;
pub mod ledger_row;
pub mod list;
pub mod merge;
pub mod narration;
pub mod parts;
pub mod record;
pub mod report;
pub mod resident_id;
pub mod rules;
mod seen;
pub mod view;
pub mod visit;
pub mod writer;

pub use automerge;
