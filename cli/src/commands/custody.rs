//! Lines about custody: what of this device's records others hold.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::Level;
use shouwang_node::custody::Outlook;
use shouwang_node::limits::CUSTODY_RISK_DAYS;

use crate::context::Context;
use crate::message::Messages;
use crate::moment;
use crate::output::Mark;

const DAY_MS: i64 = 86_400_000;

/// Whether an entry has been in no other place for too long, by this machine's clock.
pub(crate) fn at_risk(outlook: &Outlook, now_ms: i64) -> bool {
    let oldest = outlook.oldest_written_at_ms;
    oldest.is_some_and(|at| now_ms.saturating_sub(at) > CUSTODY_RISK_DAYS * DAY_MS)
}

/// What is not held elsewhere, what each level holds, and whether anybody can say so at all.
pub(crate) fn lines(outlook: &Outlook, context: &Context) -> Vec<String> {
    let (messages, output) = (&context.messages, context.output);
    let mut lines = Vec::new();
    if let Some(oldest) = outlook.oldest_written_at_ms {
        let age = moment::ago(messages, oldest, context.now_ms, context.verbose);
        let text = messages.say(
            "custody-not-held",
            [("count", FluentValue::from(outlook.entries)), ("age", age.into())],
        );
        let mark = if at_risk(outlook, context.now_ms) { Mark::Bad } else { Mark::Attention };
        lines.push(output.marked_text(mark, &text));
    }
    lines.extend(levels(outlook, messages));
    if outlook.nobody_confirms {
        let text = messages.text("custody-nobody");
        lines.push(match outlook.entries {
            0 => text,
            _ => output.marked_text(Mark::Attention, &text),
        });
    }
    lines
}

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
