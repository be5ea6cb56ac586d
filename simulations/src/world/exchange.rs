//! What a connection costs until both say "done": bytes and flights follow from what is new.

use super::{LinkNumber, Node, World, held};
use crate::check::{Guarantee, Violation};
use crate::network::{Connection, End};

/// Bytes and flights of one connection until both say "done" for the first time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    connection: Connection,
    /// Entries at both ends when it began.
    entries: [u64; 2],
    bytes: u64,
    /// How often the direction has changed.
    flights: u64,
    last: End,
}

/// The most that an exchange may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    pub(super) bytes: u64,
    pub(super) flights: u64,
}

impl Allowance {
    /// Where so many entries are new to either end, or were written meanwhile. `docs/simulation.md` has what
    /// was measured: the most of any exchange in 500 drawn counties, and a half more.
    pub(super) fn of(new: u64) -> Self {
        Self { bytes: BYTES + new * BYTES_PER_ENTRY, flights: FLIGHTS + new * FLIGHTS_PER_ENTRY }
    }
}

/// Hellos, chains of grants, summaries down to the logs that differ, who said what of whom: B.
const BYTES: u64 = 6_000;

/// An entry in plain frames with what is said of it, and its receipt, B.
const BYTES_PER_ENTRY: u64 = 2_500;

/// Hello, proof, summary, answer, and what settles last.
const FLIGHTS: u64 = 24;

/// An entry, that it is held, and its receipt; each may go by itself while people write.
const FLIGHTS_PER_ENTRY: u64 = 6;

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
            entries: self.links[number].ends.map(|node| self.entries_held(node)),
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
        let ends = self.links[number].ends;
        let now = ends.map(|node| self.entries_held(node));
        let new: u64 = now.iter().zip(exchange.entries).map(|(now, then)| now.abs_diff(then)).sum();
        let allowed = Allowance::of(new);
        self.counts.exchanges += 1;
        if std::env::var_os("FRUGAL").is_some() {
            eprintln!("FRUGAL {new} {} {}", exchange.bytes, exchange.flights);
        }
        // From here on people's work is what is exchanged.
        self.links[number].exchange =
            Some(Exchange { entries: now, bytes: 0, flights: 1, ..exchange });
        if exchange.bytes <= allowed.bytes && exchange.flights <= allowed.flights {
            return Ok(());
        }
        let [one, two] = ends;
        let detail = format!(
            "at {} ms nodes {one} and {two} took {} B in {} flights for {new} new entries; {} B in \
             {} flights are allowed",
            self.now_ms, exchange.bytes, exchange.flights, allowed.bytes, allowed.flights
        );
        Err(Violation::new(Guarantee::Frugal, detail))
    }

    fn entries_held(&self, node: Node) -> u64 {
        self.nodes[node]
            .engine
            .as_ref()
            .map_or(0, |engine| held(engine).iter().map(|row| row.entries).sum())
    }
}
