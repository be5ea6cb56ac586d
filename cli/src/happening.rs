//! The words of what happens in a running node.

use std::collections::BTreeMap;

use fluent_bundle::{FluentArgs, FluentValue};
use shouwang_node::command::happenings::{Happening, What};
use shouwang_node::command::status::PeerStatus;
use shouwang_node::identity::DeviceId;

use crate::commands::peers::{coded, display_name};
use crate::context::{Context, civil_time};
use crate::message::Messages;
use crate::output::Mark;

/// What devices are called.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<DeviceId, String>);

impl Names {
    /// These are the peers now.
    pub(crate) fn learn(&mut self, peers: &[PeerStatus]) {
        self.0.extend(peers.iter().map(|peer| (peer.device, display_name(peer))));
    }

    /// A peer's name, else four digits of its key.
    pub(crate) fn of(&self, device: DeviceId) -> String {
        self.0.get(&device).cloned().unwrap_or_else(|| device.short())
    }
}

/// The time of day, in UTC+8.
pub(crate) fn time(happening: &Happening) -> String {
    let time = civil_time(happening.at_ms);
    time.map(|time| time.format("%H:%M:%S").to_string()).unwrap_or_default()
}

/// With whom or where.
pub(crate) fn who(happening: &Happening, names: &Names, messages: &Messages) -> String {
    match (happening.peer, happening.scope) {
        (Some(peer), _) => names.of(peer),
        (None, Some(scope)) => scope.to_string(),
        (None, None) => messages.text("watch-here"),
    }
}

/// What happened.
pub(crate) fn text(happening: &Happening, context: &Context) -> String {
    let messages = &context.messages;
    let mut filled = FluentArgs::new();
    if let Some(count) = happening.what.count() {
        filled.set("count", count);
    }
    if let Some(reason) = happening.what.reason() {
        let family = match happening.what {
            What::Failed { .. } | What::Refused { .. } => "peer-fault",
            _ => "unsettled",
        };
        filled.set("reason", coded(context, family, reason));
    }
    let code = happening.what.code();
    let said = messages.find("happening", Some(code), &filled).unwrap_or_else(|| code.to_owned());
    match happening.what {
        What::Failed { retry: true, .. } => format!("{said} {}", messages.text("retry-may-help")),
        What::Failed { retry: false, .. } => {
            format!("{said} {}", messages.text("no-need-to-retry"))
        }
        _ => said,
    }
}

/// The glyph before it.
pub(crate) fn mark(what: &What) -> Mark {
    match what {
        What::Done => Mark::Good,
        What::Failed { retry: false, .. }
        | What::Refused { .. }
        | What::SetAsideThere { .. }
        | What::Forked => Mark::Bad,
        What::Failed { retry: true, .. }
        | What::SetAside { .. }
        | What::Silent
        | What::Incidents { .. }
        | What::Conflicts { .. } => Mark::Attention,
        What::Began
        | What::Proved
        | What::Parted
        | What::Received { .. }
        | What::Wrote { .. }
        | What::Authority => Mark::Note,
    }
}

/// All of it in one line.
pub(crate) fn line(happening: &Happening, names: &Names, context: &Context) -> String {
    let said = text(happening, context);
    let said = context.output.marked_text(mark(&happening.what), &said);
    format!("{}  {}  {said}", time(happening), who(happening, names, &context.messages))
}

/// So many between are not known any more.
pub(crate) fn forgotten(count: u64, messages: &Messages) -> String {
    messages.say("watch-forgotten", [("count", FluentValue::from(count))])
}
