//! Who is shown personal data: noted in the node before anything is printed.

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::audit::Audit;
use shouwang_node::home::Node;

use crate::context::Context;

/// Notes that names, phones or ID numbers of so many elders are about to be shown in full. `what` is
/// a member of the family `audit-what`. Where nothing could be noted nothing is shown.
pub(crate) fn note(
    node: &mut Node,
    what: &str,
    area: Option<DivisionCode>,
    elders: usize,
    context: &Context,
) -> anyhow::Result<()> {
    if elders == 0 {
        return Ok(());
    }
    let audit =
        Audit { what: what.to_owned(), area, elders: elders as u64, personal: true, who: user() };
    let gone = node.call(audit)?.gone;
    if gone > 0 {
        let (messages, count) = (&context.messages, FluentValue::from(gone));
        context.output.note(&messages.say("audit-full", [("count", count)]));
    }
    Ok(())
}

/// The operating system's name for the user, as this process was told. It is a note, no proof.
fn user() -> String {
    ["SUDO_USER", "USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .filter_map(|variable| std::env::var(variable).ok())
        .find(|name| !name.is_empty())
        .or_else(user_number)
        .unwrap_or_default()
}

/// The user's number, where a service or a container has no names.
#[cfg(target_os = "linux")]
fn user_number() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").ok().map(|own| format!("uid {}", own.uid()))
}

#[cfg(not(target_os = "linux"))]
fn user_number() -> Option<String> {
    None
}
