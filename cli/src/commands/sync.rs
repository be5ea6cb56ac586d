//! `sync`: exchanges with every peer that can be reached, and ends.

use std::time::Duration;

use fluent_bundle::FluentValue;
use indicatif::{ProgressBar, ProgressStyle};
use shouwang_node::command::health::{Finding, Severity};
use shouwang_node::command::status::{PeerState, PeerStatus, PeersReport};
use shouwang_node::process;

use crate::commands::peers::{coded, display_name};
use crate::context::{Context, now_ms};
use crate::error::Exit;
use crate::finding;
use crate::meter::Meter;
use crate::moment;
use crate::output::{Cell, Mark, Table};
use crate::parse;

/// `sync`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_name = "MULTIADDR")]
    peer: Vec<String>,
    #[arg(long, value_name = "TIME", default_value = "60s")]
    timeout: String,
}

/// How the exchange with one peer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Both sides have all of it.
    Done,
    /// All but everyday records, which wait because one of the two has spent the day's bytes.
    HeldBack,
    /// It was reached and the exchange did not end well.
    Failed,
    /// One side may not talk to the other.
    Refused,
    /// It is of another mesh.
    OtherMesh,
    /// It did not answer.
    Unreachable,
}

/// Exchanges. Exit 0 if every exchange that began is done, 3 if everyday records wait for another day, 5 if
/// none began, 6 if one was refused, 1 if one failed.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    parse::addresses(&args.peer)?;
    let timeout = parse::duration("--timeout", &args.timeout)?;
    let started = now_ms();
    let bar = bar(context);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut before: Option<PeersReport> = None;
    let mut meter = Meter::default();
    let progress = |report: &PeersReport| {
        before.get_or_insert_with(|| report.clone());
        if let Some(bar) = &bar {
            show(bar, &mut meter, report, started, context);
        }
    };
    let ended =
        runtime.block_on(process::sync(&context.home, args.peer.clone(), timeout, progress));
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let synced = ended?;
    let report = &synced.peers;
    let outcomes: Vec<(&PeerStatus, Outcome)> =
        report.peers.iter().map(|peer| (peer, outcome(peer, started))).collect();
    let exit = exit(outcomes.iter().map(|(_, outcome)| *outcome));
    if output.is_json() {
        output.json(&synced)?;
        return Ok(exit);
    }
    if !outcomes.is_empty() || !output.is_table() {
        output.table(&table(&outcomes, before.as_ref(), context))?;
    }
    if output.is_table() {
        let (mark, text) = match exit {
            Exit::Done => (Mark::Good, messages.text("sync-done")),
            Exit::Attention => (Mark::Attention, messages.text("sync-held-back")),
            Exit::Unreachable => (Mark::Attention, messages.text("sync-unreachable")),
            Exit::Refused => (Mark::Bad, messages.text("sync-refused")),
            _ => (Mark::Bad, messages.text("sync-failed")),
        };
        output.marked_note(mark, &text);
        match exit {
            Exit::Done => {}
            Exit::Attention => output.note(&format!("  → {}", messages.text("hint-held-back"))),
            Exit::Unreachable if !synced.unanswered.is_empty() => {
                unanswered(&synced.unanswered, context);
            }
            _ => output.note(&format!("  → {}", messages.text("hint-doctor"))),
        }
    }
    Ok(exit)
}

/// Where nobody answered, and what to do about it.
fn unanswered(addresses: &[String], context: &Context) {
    let found: Vec<Finding> =
        addresses.iter().map(|address| Finding::unanswered(address, Severity::Attention)).collect();
    for one in &found {
        context.output.marked_note(Mark::Attention, &finding::text(one, context));
    }
    if let Some(fix) = found.first().and_then(|one| finding::fix(one, context)) {
        context.output.note(&format!("  → {fix}"));
    }
}

fn outcome(peer: &PeerStatus, started_ms: i64) -> Outcome {
    let done = match peer.state {
        PeerState::Online => peer.done,
        _ => peer.last_done_ms.is_some_and(|at| at >= started_ms),
    };
    // What it said before it was held back is not the whole of it.
    if peer.state == PeerState::Online && peer.held_back {
        return Outcome::HeldBack;
    }
    if done {
        return Outcome::Done;
    }
    if peer.state == PeerState::Refused {
        let counted = &peer.refused;
        let other = !counted.is_empty() && counted.keys().all(|code| code == "other_mesh");
        return if other { Outcome::OtherMesh } else { Outcome::Refused };
    }
    // That a revoked device was turned away is as it should be.
    if peer.state == PeerState::Revoked {
        return Outcome::OtherMesh;
    }
    match peer.last_error.as_ref().filter(|failure| failure.at_ms >= started_ms) {
        Some(failure) if failure.code == "other_mesh" => Outcome::OtherMesh,
        Some(failure) if is_refusal(&failure.code) => Outcome::Refused,
        Some(failure) if !failure.retry || is_after_contact(&failure.code) => Outcome::Failed,
        // In a session that time cut short.
        None if peer.state == PeerState::Online => Outcome::Failed,
        _ => Outcome::Unreachable,
    }
}

/// Codes that say that one of the two may not talk to the other.
fn is_refusal(code: &str) -> bool {
    matches!(code, "no_grant" | "nothing_in_common" | "revoked")
}

/// Codes of failures that mend by themselves and yet prove that the peer was there.
fn is_after_contact(code: &str) -> bool {
    matches!(code, "silence" | "unread" | "busy" | "replaced" | "grant_changed")
}

fn exit(outcomes: impl Iterator<Item = Outcome> + Clone) -> Exit {
    let any = |wanted| outcomes.clone().any(|outcome| outcome == wanted);
    match () {
        () if any(Outcome::Refused) => Exit::Refused,
        () if any(Outcome::Failed) => Exit::Failed,
        () if any(Outcome::HeldBack) => Exit::Attention,
        () if any(Outcome::Done) => Exit::Done,
        // A neighbour of another mesh in the same office is nobody's failure, unless it was all
        // that was found.
        () if any(Outcome::OtherMesh) => Exit::Refused,
        () => Exit::Unreachable,
    }
}

/// The entries that went to a peer and came from it since the first report of this run.
fn entries_of_this_run(peer: &PeerStatus, before: Option<&PeersReport>) -> (u64, u64) {
    let first = before.and_then(|report| report.peers.iter().find(|one| one.device == peer.device));
    let (sent, received) = first.map_or((0, 0), |one| (one.entries_sent, one.entries_received));
    (peer.entries_sent.saturating_sub(sent), peer.entries_received.saturating_sub(received))
}

/// A line a peer. The counts are of this run; `before` is what was so at its beginning.
fn table(
    outcomes: &[(&PeerStatus, Outcome)],
    before: Option<&PeersReport>,
    context: &Context,
) -> Table {
    let messages = &context.messages;
    let columns = ["peer", "device", "outcome", "entries_sent", "entries_received", "reason"];
    let mut table = Table::new(messages, columns);
    for (peer, outcome) in outcomes {
        let (mark, key) = match outcome {
            Outcome::Done => (Mark::Good, "done"),
            Outcome::HeldBack => (Mark::Attention, "held_back"),
            Outcome::Failed => (Mark::Bad, "failed"),
            Outcome::Refused => (Mark::Bad, "refused"),
            Outcome::OtherMesh => (Mark::Attention, "refused"),
            Outcome::Unreachable => (Mark::Attention, "unreachable"),
        };
        let (sent, received) = entries_of_this_run(peer, before);
        let reason = peer.last_error.as_ref().filter(|_| *outcome != Outcome::Done);
        table.row([
            Cell::text(display_name(peer)),
            Cell::text(peer.device.short()),
            Cell::state(mark, messages.word("sync-outcome", key)),
            Cell::number(sent),
            Cell::number(received),
            Cell::optional(reason.map(|failure| {
                let word = coded(context, "peer-fault", &failure.code);
                let retry = match failure.retry {
                    true => messages.text("retry-may-help"),
                    false => messages.text("no-need-to-retry"),
                };
                format!("{word} {retry}")
            })),
        ]);
    }
    table
}

fn bar(context: &Context) -> Option<ProgressBar> {
    if !context.output.shows_progress() {
        return None;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    Some(bar)
}

/// Shows how far it is: looking for peers, and once it is known what there is to exchange how much of it
/// is done, how fast it goes and how long it will take.
fn show(
    bar: &ProgressBar,
    meter: &mut Meter,
    report: &PeersReport,
    started_ms: i64,
    context: &Context,
) {
    // A peer that is gone meanwhile still lacks what it lacked.
    for peer in report.peers.iter().filter(|peer| peer.state == PeerState::Online) {
        let owed = peer.they_lack.unwrap_or_default() + peer.we_lack.unwrap_or_default();
        meter.owes(peer.device, owed);
    }
    let peers = line(report, started_ms, context);
    if meter.total() == 0 {
        bar.set_message(peers);
        return;
    }
    if bar.length().is_none()
        && let Ok(style) = ProgressStyle::with_template("{spinner} [{bar:20}] {wide_msg}")
    {
        bar.set_style(style.progress_chars("█·"));
    }
    bar.set_length(meter.total());
    bar.set_position(meter.exchanged());
    let rate = bar.per_sec();
    let eta = if rate < 0.5 { "?".to_owned() } else { moment::span(bar.eta()) };
    let values = [
        ("done", FluentValue::from(meter.exchanged())),
        ("total", meter.total().into()),
        ("percent", meter.percent().into()),
        ("rate", (rate.round() as u64).into()),
        ("eta", eta.into()),
        ("peers", peers.into()),
    ];
    bar.set_message(context.messages.say("sync-bar", values));
}

/// The peers in one line: name, and what has gone and come.
fn line(report: &PeersReport, started_ms: i64, context: &Context) -> String {
    let messages = &context.messages;
    let peers: Vec<String> = report
        .peers
        .iter()
        .filter(|peer| {
            peer.state == PeerState::Online || outcome(peer, started_ms) == Outcome::Done
        })
        .map(|peer| match outcome(peer, started_ms) {
            Outcome::Done => format!("{} ✔", display_name(peer)),
            Outcome::HeldBack => format!("{} !", display_name(peer)),
            _ => messages.say(
                "sync-progress",
                [
                    ("peer", FluentValue::from(display_name(peer))),
                    ("bytes", moment::bytes(peer.bytes_sent + peer.bytes_received).into()),
                ],
            ),
        })
        .collect();
    match peers.is_empty() {
        true => messages.text("sync-looking"),
        false => peers.join(" · "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_node::command::status::PeerFailure;
    use shouwang_node::identity::DeviceId;

    fn peer(
        state: PeerState,
        done_ms: Option<i64>,
        error: Option<(&str, bool, i64)>,
    ) -> PeerStatus {
        PeerStatus {
            device: DeviceId([1; 32]),
            name: None,
            area: None,
            role: None,
            state,
            via: None,
            last_seen_ms: None,
            last_done_ms: done_ms,
            last_bundle_ms: None,
            ahead_ms: None,
            expected_days: None,
            done: false,
            in_session: state == PeerState::Online,
            settled: false,
            held_back: false,
            stuck: 0,
            missing: 0,
            they_lack: None,
            we_lack: None,
            last_error: error.map(|(code, retry, at_ms)| PeerFailure {
                code: code.into(),
                retry,
                said_by_peer: false,
                at_ms,
            }),
            refused: Default::default(),
            set_aside_there: Default::default(),
            sessions: 0,
            bytes_sent: 0,
            bytes_received: 0,
            entries_sent: 0,
            entries_received: 0,
        }
    }

    #[test]
    fn outcomes_speak_of_this_exchange_only() {
        use PeerState::{Never, Online, Refused, Revoked, Seen};
        for (peer, expected) in [
            (peer(Seen, Some(200), None), Outcome::Done),
            (peer(Seen, Some(50), None), Outcome::Unreachable),
            (peer(Online, None, None), Outcome::Failed),
            (peer(Never, None, None), Outcome::Unreachable),
            (peer(Seen, None, Some(("no_grant", false, 200))), Outcome::Refused),
            (peer(Seen, None, Some(("no_grant", false, 50))), Outcome::Unreachable),
            (peer(Seen, None, Some(("broken_chain", false, 200))), Outcome::Failed),
            (peer(Seen, None, Some(("dial", true, 200))), Outcome::Unreachable),
            (peer(Seen, None, Some(("silence", true, 200))), Outcome::Failed),
            (peer(Refused, None, None), Outcome::Refused),
            (peer(Seen, None, Some(("revoked", false, 200))), Outcome::Refused),
            (peer(Revoked, None, Some(("revoked", false, 200))), Outcome::OtherMesh),
        ] {
            assert_eq!(outcome(&peer, 100), expected, "{peer:?}");
        }
    }

    #[test]
    fn the_worst_outcome_decides_and_nobody_reached_means_try_again() {
        use Outcome::{Done, Failed, HeldBack, Refused, Unreachable};
        for (outcomes, expected) in [
            (vec![Done, Unreachable], Exit::Done),
            (vec![Done, HeldBack], Exit::Attention),
            (vec![HeldBack, Failed], Exit::Failed),
            (vec![Done, Failed], Exit::Failed),
            (vec![Done, Failed, Refused], Exit::Refused),
            (vec![Unreachable], Exit::Unreachable),
            (vec![], Exit::Unreachable),
        ] {
            assert_eq!(exit(outcomes.into_iter()), expected);
        }
    }
}
