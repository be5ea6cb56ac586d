//! `peers`: how it stands with each.

use fluent_bundle::FluentValue;
use shouwang_node::command::status::{PeerState, PeerStatus, Peers};

use crate::context::{Context, now_ms};
use crate::error::Exit;
use crate::moment;
use crate::output::{Cell, Mark, Table};

/// `peers`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Shows the peers. Exit 3 if one of them needs a person.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    let report = context.node()?.call(Peers {})?;
    let problems = problems(&report.peers, context);
    let exit = if problems.is_empty() { Exit::Done } else { Exit::Attention };
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    if report.peers.is_empty() && output.is_table() {
        output.note(&context.messages.text("no-peers"));
        return Ok(exit);
    }
    output.table(&table(&report.peers, context))?;
    if output.is_table() {
        for problem in problems {
            output.line(&output.marked_text(Mark::Attention, &problem))?;
        }
    }
    Ok(exit)
}

/// One line a peer: the ones in a session first, then the most recently met.
pub(crate) fn table(peers: &[PeerStatus], context: &Context) -> Table {
    let (messages, now) = (&context.messages, now_ms());
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
    let mut sorted: Vec<&PeerStatus> = peers.iter().collect();
    sorted.sort_by_key(|peer| {
        (peer.state != PeerState::Online, std::cmp::Reverse(peer.last_seen_ms), peer.device)
    });
    let lack = |entries: Option<u64>| match entries {
        Some(0) => Cell::number(0),
        Some(entries) => Cell::state(Mark::Attention, entries).right(),
        None => Cell::text(messages.text("unknown")).right(),
    };
    for peer in sorted {
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
    peer.name.clone().unwrap_or_else(|| peer.device.short())
}

/// What a person should look at: refused things, and sessions that do not mend by themselves.
///
/// A peer that merely is not there, or lacks something, is everyday life of a village.
pub(crate) fn problems(peers: &[PeerStatus], context: &Context) -> Vec<String> {
    let messages = &context.messages;
    let mut problems = Vec::new();
    for peer in peers {
        let name = || FluentValue::from(display_name(peer));
        if peer.state == PeerState::Refused {
            let code = peer.last_error.as_ref().map_or("no_grant", |failure| &failure.code);
            let reason = FluentValue::from(coded(context, "peer-fault", code));
            problems
                .push(messages.say("problem-turned-away", [("peer", name()), ("reason", reason)]));
        }
        for (code, count) in &peer.refused {
            problems.push(messages.say(
                "problem-refused",
                [
                    ("peer", name()),
                    ("count", FluentValue::from(*count)),
                    ("reason", coded(context, "peer-fault", code).into()),
                ],
            ));
        }
        for (code, count) in &peer.set_aside_there {
            problems.push(messages.say(
                "problem-set-aside-there",
                [
                    ("peer", name()),
                    ("count", FluentValue::from(*count)),
                    ("reason", coded(context, "peer-fault", code).into()),
                ],
            ));
        }
        if let Some(failure) = &peer.last_error
            && !failure.retry
            && peer.state != PeerState::Refused
        {
            let reason = FluentValue::from(coded(context, "peer-fault", &failure.code));
            problems.push(match failure.said_by_peer {
                true if failure.code == "revoked" => {
                    messages.say("problem-told-revoked", [("peer", name())])
                }
                true => {
                    messages.say("problem-peer-hung-up", [("peer", name()), ("reason", reason)])
                }
                false => messages.say("problem-we-hung-up", [("peer", name()), ("reason", reason)]),
            });
        }
    }
    problems
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
    let messages = &context.messages;
    match (peer.state, peer.last_seen_ms) {
        (PeerState::Online, _) => match peer.done {
            true => Cell::state(Mark::Good, messages.text("peer-online")),
            false if peer.held_back => {
                Cell::state(Mark::Attention, messages.text("peer-held-back"))
            }
            false => Cell::state(Mark::Attention, messages.text("peer-exchanging")),
        },
        (PeerState::Seen, Some(at)) => {
            let age = moment::ago(messages, at, now, context.verbose);
            Cell::text(messages.say("peer-seen", [("age", FluentValue::from(age))]))
        }
        (PeerState::Seen | PeerState::Never, _) => Cell::text(messages.text("peer-never")),
        (PeerState::Refused, _) => Cell::state(Mark::Bad, messages.text("peer-refused")),
        (PeerState::Revoked, _) => Cell::state(Mark::Bad, messages.text("grant-revoked")),
    }
}
