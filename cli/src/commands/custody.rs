//! Lines about custody: what of this device's records others hold.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::Level;
use shouwang_node::custody::Outlook;

use crate::message::Messages;

/// What each level holds.
pub(crate) fn levels(outlook: &Outlook, messages: &Messages) -> Vec<String> {
    let levels = outlook.by_level.iter().rev().map(|(of, entries)| {
        let level = FluentValue::from(level(*of, messages));
        match entries {
            0 => messages.say("custody-level-all", [("level", level)]),
            count => messages
                .say("custody-level", [("level", level), ("count", FluentValue::from(*count))]),
        }
    });
    levels.collect()
}

/// A level in words.
pub(crate) fn level(level: Level, messages: &Messages) -> String {
    messages.word("level", &format!("{level:?}").to_lowercase())
}
