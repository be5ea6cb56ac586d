//! `peers`: how it stands with each.

use fluent_bundle::FluentValue;
use shouwang_node::command::health;
use shouwang_node::command::status::{PeerState, PeerStatus, Peers};
use shouwang_node::limits::CLOCK_SKEW_SHOWN_MS;

use crate::context::Context;
use crate::error::Exit;
use crate::finding;
use crate::message::printable;
use crate::moment;
use crate::output::{Cell, Mark, Table};
use crate::screen::Screen;

/// `peers`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Shows the peers. Exit 3 if one of them needs a person.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    let report = context.node()?.call(Peers {})?;
    let is_well = report.peers.iter().all(|peer| health::of_peer(peer).is_empty());
    let exit = if is_well { Exit::Done } else { Exit::Attention };
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    if report.peers.is_empty() && output.is_table() {
        output.note(&context.messages.text("no-peers"));
        return Ok(exit);
    }
    match output.is_table() {
        true => screen(&report.peers, context).show(output)?,
        false => output.table(&table(&sorted(&report.peers), context))?,
    }
    Ok(exit)
}

/// The table, and what a person should look at.
pub(crate) fn screen(peers: &[PeerStatus], context: &Context) -> Screen {
    let mut screen = Screen::default();
    screen.table(table(&sorted(peers), context));
    for (nth, found) in peers.iter().flat_map(health::of_peer).enumerate() {
        if nth == 0 {
            screen.gap();
        }
        screen.marked(finding::mark(found.severity), finding::text(&found, context));
        finding::fix(&found, context).into_iter().for_each(|fix| screen.hint(fix));
    }
    screen
}

/// The ones in a session first, then the most recently met.
pub(crate) fn sorted(peers: &[PeerStatus]) -> Vec<&PeerStatus> {
    let mut sorted: Vec<&PeerStatus> = peers.iter().collect();
    sorted.sort_by_key(|peer| {
        (peer.state != PeerState::Online, std::cmp::Reverse(peer.last_seen_ms), peer.device)
    });
    sorted
}

/// One line a peer.
pub(crate) fn table(peers: &[&PeerStatus], context: &Context) -> Table {
    let (messages, now) = (&context.messages, context.now_ms);
    let mut table = Table::new(
        messages,
        [
            "peer",
            "device",
            "role",
            "area",
            "state",
            "via",
            "last_done",
            "they_lack",
            "we_lack",
            "sent",
            "received",
        ],
    );
    // On a narrow screen a peer's links come before what went over them.
    table.may_lose(["received", "sent", "area", "role"]);
    let lack = |entries: Option<u64>| match entries {
        Some(0) => Cell::number(0),
        Some(entries) => Cell::state(Mark::Attention, entries).right(),
        None => Cell::text(messages.text("unknown")).right(),
    };
    for peer in peers {
        table.row([
            Cell::text(display_name(peer)),
            Cell::text(match context.verbose {
                true => peer.device.to_string(),
                false => peer.device.short(),
            }),
            Cell::optional(peer.role.map(|role| messages.word("role", role.as_str()))),
            Cell::optional(peer.area),
            state(peer, now, context),
            Cell::optional(peer.via.map(|via| messages.word("via", via.as_str()))),
            Cell::text(match peer.last_done_ms {
                Some(at) => moment::ago(messages, at, now, context.verbose),
                None => messages.text("never"),
            }),
            lack(peer.they_lack),
            lack(peer.we_lack),
            Cell::text(moment::bytes(peer.bytes_sent)).right(),
            Cell::text(moment::bytes(peer.bytes_received)).right(),
        ]);
    }
    table
}

/// What screens call a peer: its name in its grant, else four digits of its key.
pub(crate) fn display_name(peer: &PeerStatus) -> String {
    let name = peer.name.as_deref().map(|name| printable(name.into()));
    name.unwrap_or_else(|| peer.device.short())
}

/// The words for a code. What its author may not do is said (`not_allowed:right`); another detail after
/// a colon (`ill_formed:start_op`) stays as it is: it is for whoever reads the report that an
/// operator sends.
pub(crate) fn coded(context: &Context, family: &str, code: &str) -> String {
    match code.split_once(':') {
        Some((kind, detail)) => {
            let detail = context.messages.word("not-allowed", detail);
            format!("{} ({detail})", context.messages.word(family, kind))
        }
        None => context.messages.word(family, code),
    }
}

fn state(peer: &PeerStatus, now: i64, context: &Context) -> Cell {
    match state_words(peer, now, context) {
        (Some(mark), words) => Cell::state(mark, words),
        (None, words) => Cell::text(words),
    }
}

/// Whether no exchange was complete for longer than is expected of it.
fn is_stale(peer: &PeerStatus, now_ms: i64) -> bool {
    let Some(days) = peer.expected_days else { return false };
    let last_ms = peer.last_done_ms.max(peer.last_bundle_ms);
    last_ms.is_none_or(|at| now_ms.saturating_sub(at) > i64::from(days) * 86_400_000)
}

/// Whether its clock and this machine's are far enough apart to be spoken of.
fn is_skewed(peer: &PeerStatus) -> bool {
    peer.ahead_ms.is_some_and(|ahead| ahead.unsigned_abs() >= CLOCK_SKEW_SHOWN_MS.unsigned_abs())
}

/// How it stands with a peer, in words, and the glyph before them.
pub(crate) fn state_words(
    peer: &PeerStatus,
    now: i64,
    context: &Context,
) -> (Option<Mark>, String) {
    let messages = &context.messages;
    match (peer.state, peer.last_seen_ms) {
        (PeerState::Online, _) => match peer.done {
            true if is_skewed(peer) => (Some(Mark::Attention), messages.text("peer-skewed")),
            true => (Some(Mark::Good), messages.text("peer-online")),
            false if peer.held_back => (Some(Mark::Attention), messages.text("peer-held-back")),
            false => (Some(Mark::Attention), messages.text("peer-exchanging")),
        },
        (PeerState::Seen, Some(at)) => {
            let age = moment::ago(messages, at, now, context.verbose);
            let age = [("age", FluentValue::from(age))];
            match is_stale(peer, now) {
                true => (Some(Mark::Attention), messages.say("peer-stale", age)),
                false => (None, messages.say("peer-seen", age)),
            }
        }
        (PeerState::Seen | PeerState::Never, _) => (None, messages.text("peer-never")),
        (PeerState::Refused, _) => (Some(Mark::Bad), messages.text("peer-refused")),
        (PeerState::Revoked, _) => (Some(Mark::Bad), messages.text("grant-revoked")),
    }
}
