//! The words of findings, and what mends them.

use fluent_bundle::FluentArgs;
use shouwang_node::command::health::{Finding, Group, HealthReport, Severity};

use crate::commands::peers;
use crate::context::Context;
use crate::error::Exit;
use crate::moment;
use crate::output::Mark;

/// What a finding says.
pub(crate) fn text(finding: &Finding, context: &Context) -> String {
    let arguments = arguments(finding, context);
    let text = context.messages.find("finding", Some(&finding.code), &arguments);
    text.unwrap_or_else(|| finding.code.clone())
}

/// The command, or the sentence on the telephone, that mends it.
pub(crate) fn fix(finding: &Finding, context: &Context) -> Option<String> {
    let arguments = arguments(finding, context);
    context.messages.find("finding-fix", Some(&finding.code), &arguments)
}

/// The glyph before it; what is only worth knowing has none of alarm.
pub(crate) fn mark(severity: Severity) -> Mark {
    match severity {
        Severity::Good => Mark::Good,
        Severity::Note => Mark::Note,
        Severity::Attention => Mark::Attention,
        Severity::Bad | Severity::Risk => Mark::Bad,
    }
}

/// Whose turn it is.
pub(crate) fn exit(severity: Severity) -> Exit {
    match severity {
        Severity::Good | Severity::Note => Exit::Done,
        Severity::Attention | Severity::Bad => Exit::Attention,
        Severity::Risk => Exit::AtRisk,
    }
}

/// All of a report in a word.
pub(crate) fn verdict(report: &HealthReport, context: &Context) -> String {
    let messages = &context.messages;
    match report.severity() {
        Severity::Good | Severity::Note => messages.text("health-good"),
        Severity::Attention => messages.text("health-attention"),
        Severity::Bad => messages.text("health-bad"),
        Severity::Risk => messages.text("health-risk"),
    }
}

/// The member of the family `finding-group`.
pub(crate) fn group_key(group: Group) -> &'static str {
    match group {
        Group::Storage => "storage",
        Group::Encryption => "encryption",
        Group::Identity => "identity",
        Group::Time => "time",
        Group::Network => "network",
        Group::Scope => "scope",
        Group::Data => "data",
        Group::Versions => "versions",
    }
}

/// What fills the places of its words, as people say it.
fn arguments<'a>(finding: &'a Finding, context: &Context) -> FluentArgs<'a> {
    let messages = &context.messages;
    let mut filled = FluentArgs::new();
    for (name, value) in &finding.arguments {
        let number = value.parse::<i64>().ok();
        match (name.as_str(), number.and_then(|number| u64::try_from(number).ok())) {
            ("free_bytes", Some(bytes)) => filled.set("free", moment::bytes(bytes)),
            ("store_bytes", Some(bytes)) => filled.set("store", moment::bytes(bytes)),
            ("daily_bytes", Some(bytes)) => filled.set("daily", moment::size(bytes)),
            ("days", Some(days)) => filled.set("lasts", moment::lasts(messages, days)),
            ("at_ms", _) => {
                let at_ms = number.unwrap_or_default();
                let age_ms =
                    u64::try_from(context.now_ms.saturating_sub(at_ms)).unwrap_or_default();
                filled.set("age", moment::age(messages, age_ms));
                filled.set("ago", moment::ago(messages, at_ms, context.now_ms, context.verbose));
            }
            ("reason", _) if finding.code == "unsettled" => {
                filled.set("reason", peers::coded(context, "unsettled", value));
            }
            ("reason", _) => filled.set("reason", peers::coded(context, "peer-fault", value)),
            ("why", _) => filled.set("why", messages.word("clock-fault", value)),
            (name, _) => match number {
                Some(number) => filled.set(name, number),
                None => filled.set(name, value.as_str()),
            },
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::message::{Language, Messages};
    use shouwang_node::command::health::CODES;

    #[test]
    fn every_finding_has_words_and_every_fault_says_what_mends_it() {
        for language in Language::ALL {
            let messages = Messages::new(language);
            let said: BTreeSet<&str> = CODES.into_iter().collect();
            assert_eq!(said.len(), CODES.len());
            for code in CODES {
                // Places are filled by whoever finds it; that none is left open the screens' tests see.
                let places = ["count", "peer", "reason", "free", "store", "lasts", "age", "ago"];
                let more = ["minutes", "local", "why", "online", "peers", "address", "daily"];
                let rest = ["current", "villages", "entries", "program"];
                let names = places.iter().chain(&more).chain(&rest);
                let filled: FluentArgs<'_> = names.map(|name| (*name, "2")).collect();
                assert!(messages.find("finding", Some(code), &filled).is_some(), "{code}");
            }
        }
    }
}
