//! How it stands with the other offices, in a few words that stand on every page.

use std::fmt;
use std::str::FromStr;

use axum::response::sse::Event;
use fluent_bundle::FluentValue;
use shouwang_node::command::happenings::Happenings;
use shouwang_node::command::status::{Status, StatusReport};
use shouwang_node::home::Node;

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

/// That something happened. It says something, because a browser passes over an event without data.
pub(super) fn happened(what: &str) -> Event {
    Event::default().event(what).data("1")
}

/// The last happening that a page knows of: the process and the number. It is looked at before anything that the page
/// shows is read, so that nothing comes between the two unnoticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    process: String,
    number: u64,
}

impl Seen {
    /// Up to now.
    pub(super) fn now(node: &mut Node) -> anyhow::Result<Self> {
        let report = node.call(Happenings { after: u64::MAX })?;
        Ok(Self { process: report.process, number: report.last })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.process)
    }
}

impl FromStr for Seen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (number, process) = text.split_once('-').ok_or(())?;
        Ok(Self { process: process.to_owned(), number: number.parse().map_err(drop)? })
    }
}

/// What an open page has been told.
pub(super) struct Told {
    seen: Option<Seen>,
    shown: Option<Sync>,
}

impl Told {
    /// Nothing but what the page knew when it was made.
    pub(super) fn of(seen: Option<Seen>) -> Self {
        Self { seen, shown: None }
    }

    /// What is new since.
    pub(super) fn look(&mut self, console: &Console, language: Language) -> Vec<Event> {
        let mut node = console.inside.node();
        let mut events = Vec::new();
        if let Ok(now) = Seen::now(&mut node) {
            if self.seen.as_ref() != Some(&now) {
                events.push(happened("changed"));
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
