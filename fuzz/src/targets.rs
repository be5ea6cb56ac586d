//! All targets.

mod change;
mod engine;
mod ledger;
mod rows;
mod session;
mod texts;
mod vault;
mod view;
mod wire;

use crate::target::{Target, Verdict};

/// The one with this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}

/// Takes an input of at most so many bytes, and so much memory: see [`Target`].
const fn target_of(
    name: &'static str,
    run: fn(&[u8]) -> Verdict,
    seeds: fn() -> Vec<Vec<u8>>,
    input_bytes_max: usize,
    quick_runs: usize,
) -> Target {
    let (memory_bytes, memory_per_byte) = (1 << 20, 64);
    Target { name, run, seeds, input_bytes_max, memory_bytes, memory_per_byte, quick_runs }
}

const fn with_memory(target: Target, memory_bytes: usize, memory_per_byte: usize) -> Target {
    Target { memory_bytes, memory_per_byte, ..target }
}

/// An engine over a store in memory, and a copy of each of them.
const ENGINE_BYTES: usize = 160 << 20;

/// Every target.
pub const TARGETS: &[Target] = &[
    target_of("change", change::change, change::change_seeds, 8 << 10, 1_500),
    target_of("columns", change::columns, change::column_seeds, 2 << 10, 1_500),
    target_of("history", change::history, change::history_seeds, 16 << 10, 150),
    target_of("template", change::template, change::template_seeds, 8 << 10, 3_000),
    target_of("document", view::document, view::document_seeds, 4 << 10, 60),
    target_of("text", texts::text, texts::text_seeds, 512, 4_000),
    with_memory(target_of("typed", texts::typed, texts::typed_seeds, 512, 150), 8 << 20, 64),
    target_of("frame", wire::frame, wire::frame_seeds, 4 << 10, 6_000),
    target_of("header", wire::header, wire::header_seeds, 512, 6_000),
    target_of("body", wire::body, wire::body_seeds, 2 << 10, 6_000),
    target_of("token", wire::token, wire::token_seeds, 2 << 10, 1_000),
    with_memory(
        target_of("packets", engine::packets, engine::packet_seeds, 16 << 10, 60),
        ENGINE_BYTES,
        64,
    ),
    with_memory(
        target_of("session", session::session, session::session_seeds, 512, 40),
        ENGINE_BYTES,
        64,
    ),
    with_memory(
        target_of("bundle", engine::bundle, engine::bundle_seeds, 16 << 10, 40),
        ENGINE_BYTES,
        64,
    ),
    with_memory(
        target_of("part", engine::part, engine::part_seeds, 16 << 10, 60),
        ENGINE_BYTES,
        64,
    ),
    with_memory(
        target_of("request", engine::requests, engine::request_seeds, 4 << 10, 60),
        ENGINE_BYTES,
        64,
    ),
    with_memory(target_of("row", rows::rows, rows::row_seeds, 512, 60), ENGINE_BYTES, 64),
    target_of("envelope", vault::envelope, vault::envelope_seeds, 256, 3_000),
    with_memory(
        target_of("backup", vault::backup, vault::backup_seeds, 4 << 20, 20),
        ENGINE_BYTES,
        64,
    ),
    target_of("ledger", ledger::text_ledger, ledger::text_seeds, 4 << 10, 120),
    with_memory(
        target_of("workbook", ledger::workbook, ledger::workbook_seeds, 8 << 10, 120),
        64 << 20,
        512,
    ),
    with_memory(
        target_of("archive", ledger::archive, ledger::archive_seeds, 16 << 10, 150),
        64 << 20,
        1_100,
    ),
    // The columns of an empty mapping are named from the catalogue.
    with_memory(target_of("table", ledger::tables, ledger::table_seeds, 4 << 10, 300), 8 << 20, 64),
];
