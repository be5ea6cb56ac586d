//! What a connection costs until both say "done": bytes and flights follow from what is new.

use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::store::{StoreError, StoreRead};

use super::{LinkNumber, MINUTE, Node, World, held};
use crate::check::{Guarantee, Violation};
use crate::network::{Connection, End};

/// Bytes and flights of one connection until both say "done" for the first time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    connection: Connection,
    since_ms: u64,
    /// What both ends held when it began, as far as their stores read.
    held: [Option<Held>; 2],
    bytes: u64,
    /// How often the direction has changed.
    flights: u64,
    last: End,
}

/// What a node holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    entries: u64,
    /// Entries whose bodies are not there.
    missing: u64,
    /// Of all bodies that are there.
    bytes: u64,
}

/// Hellos, chains of grants, summaries down to the logs that differ, who said what of whom, B. `docs/simulation.md`,
/// "What is checked when", has what was measured.
const BYTES: u64 = 30_000;

/// An entry with what is said of it and its receipt, beside its body, B.
const BYTES_PER_ENTRY: u64 = 900;

/// A body that one lacks is asked for in each session, and the other says that it has none either: log, number and
/// hash there and back, B.
const BYTES_PER_MISSING: u64 = 188;

/// A body goes once; the other half is what was on its way when somebody wrote the next.
const BODY_TIMES: u64 = 2;

/// Hello, proof, summary, answer, and what settles last; 8 at most where nothing was new.
const FLIGHTS: u64 = 20;

/// Signs of life, a minute: B, and there and back.
const BYTES_PER_MINUTE: u64 = 40;
const FLIGHTS_PER_MINUTE: u64 = 2;

/// An entry and its receipt may go by themselves while people write.
const FLIGHTS_PER_ENTRY: u64 = 2;

impl World {
    /// Something is on its way in a connection.
    pub(super) fn exchanges(
        &mut self,
        number: LinkNumber,
        from: End,
        connection: Connection,
        bytes: u64,
    ) {
        let known = self.links[number].exchange.filter(|one| one.connection == connection);
        let mut exchange = known.unwrap_or_else(|| Exchange {
            connection,
            since_ms: self.now_ms,
            held: self.links[number].ends.map(|node| self.held_at(node).ok()),
            bytes: 0,
            flights: 1,
            last: from,
        });
        exchange.bytes += bytes;
        if exchange.last != from {
            exchange.last = from;
            exchange.flights += 1;
        }
        self.links[number].exchange = Some(exchange);
    }

    /// Both ends say "done": what it took follows from what is new.
    pub(super) fn is_frugal(&mut self, number: LinkNumber) -> Result<(), Violation> {
        let Some(exchange) = self.links[number].exchange else { return Ok(()) };
        if self.links[number].link.connection() != Some(exchange.connection) || exchange.bytes == 0
        {
            return Ok(());
        }
        self.counts.exchanges += 1;
        let minutes = (self.now_ms - exchange.since_ms) / MINUTE;
        let bytes = BYTES + minutes * BYTES_PER_MINUTE;
        let flights = FLIGHTS + minutes * FLIGHTS_PER_MINUTE;
        if exchange.bytes <= bytes && exchange.flights <= flights {
            return Ok(());
        }
        let ends = self.links[number].ends;
        let [one, two] = ends;
        let now = [self.held_at(one)?, self.held_at(two)?];
        // A store that did not read is found elsewhere.
        let [Some(first), Some(second)] = exchange.held else { return Ok(()) };
        let mut new = Held::default();
        for (now, then) in now.iter().zip([first, second]) {
            // A body that comes after its entry is asked for, and confirmed, by itself.
            new.entries += now.entries.abs_diff(then.entries) + now.missing.abs_diff(then.missing);
            new.bytes += now.bytes.abs_diff(then.bytes);
        }
        let lacking = (first.missing + second.missing) * BYTES_PER_MISSING;
        let bytes = bytes + lacking + new.entries * BYTES_PER_ENTRY + new.bytes * BODY_TIMES;
        let flights = flights + new.entries * FLIGHTS_PER_ENTRY;
        // From here on people's work is what is exchanged.
        self.links[number].exchange = Some(Exchange {
            since_ms: self.now_ms,
            held: now.map(Some),
            bytes: 0,
            flights: 1,
            ..exchange
        });
        if exchange.bytes <= bytes && exchange.flights <= flights {
            return Ok(());
        }
        let detail = format!(
            "at {} ms nodes {one} and {two} took {} B in {} flights for {} new entries of {} B; {bytes} B \
             in {flights} flights are allowed",
            self.now_ms, exchange.bytes, exchange.flights, new.entries, new.bytes
        );
        Err(Violation::new(Guarantee::Frugal, detail))
    }

    fn held_at(&self, node: Node) -> Result<Held, StoreError> {
        let Some(engine) = self.nodes[node].engine.as_ref() else { return Ok(Held::default()) };
        let snapshot = engine.read()?;
        let missing = snapshot.missing_where(usize::MAX, |_, _| Ok(true))?;
        let mut absent = 0;
        for (log, seq) in &missing {
            let entry = snapshot.entry(*log, *seq)?;
            absent += entry.map_or(0, |entry| u64::from(entry.header.body_length));
        }
        let bytes: u64 = snapshot.usage_all()?.iter().map(|row| row.bytes).sum();
        Ok(Held {
            entries: held(engine).iter().map(|row| row.entries).sum(),
            missing: missing.len() as u64,
            bytes: bytes.saturating_sub(absent),
        })
    }
}
