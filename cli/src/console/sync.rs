//! How it stands with the other offices, in a few words that stand on every page.

use axum::response::sse::Event;
use fluent_bundle::FluentValue;
use shouwang_node::command::happenings::Happenings;
use shouwang_node::command::status::{Status, StatusReport};

use super::Console;
use super::page::{self, Sync};
use crate::context::Context;
use crate::message::Language;
use crate::moment;
use crate::output::Mark;

/// How it stands: what is nowhere else yet comes before when somebody was last met.
pub(super) fn state(status: &StatusReport, context: &Context) -> Sync {
    let messages = &context.messages;
    let count = |number: u64| [("count", FluentValue::from(number))];
    let waiting = status.not_held_elsewhere.entries;
    let moving = status.peers.iter().filter(|peer| peer.in_session && !peer.settled).count();
    let last = status.peers.iter().filter_map(|peer| peer.last_done_ms).max();
    let (mark, text) = match (waiting, moving, last) {
        (_, 1.., _) => (Mark::Note, messages.say("console-sync-moving", count(moving as u64))),
        (1.., ..) => (Mark::Attention, messages.say("console-sync-waiting", count(waiting))),
        (0, _, None) => (Mark::Note, messages.text("console-sync-alone")),
        (0, _, Some(at_ms)) => {
            let ago = moment::ago(messages, at_ms, context.now_ms, false);
            (Mark::Good, messages.say("console-sync-done", [("ago", FluentValue::from(ago))]))
        }
    };
    Sync { mark: page::class(&mark), glyph: page::glyph(&mark), text }
}

/// What an open page has been told.
#[derive(Default)]
pub(super) struct Told {
    /// The process and the number of the last happening.
    seen: Option<(String, u64)>,
    shown: Option<Sync>,
}

impl Told {
    /// What is new since.
    pub(super) fn look(&mut self, console: &Console, language: Language) -> Vec<Event> {
        let mut node = console.inside.node();
        let mut events = Vec::new();
        let after = self.seen.as_ref().map_or(0, |(_, number)| *number);
        if let Ok(report) = node.call(Happenings { after }) {
            let is_first = self.seen.is_none();
            let now = (report.process, report.last);
            if self.seen.as_ref() != Some(&now) && !is_first {
                events.push(Event::default().event("changed").data(""));
            }
            self.seen = Some(now);
        }
        if let Ok(status) = node.call(Status {}) {
            let sync = state(&status, &console.context(language));
            if self.shown.as_ref() != Some(&sync) {
                let data = serde_json::to_string(&sync).unwrap_or_default();
                events.push(Event::default().event("sync").data(data));
                self.shown = Some(sync);
            }
        }
        events
    }
}
