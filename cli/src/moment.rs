//! How long ago something was, in words.

use std::time::Duration;

use fluent_bundle::FluentValue;

use crate::context::civil_time;
use crate::message::Messages;

/// The age of a moment, coarse enough for a glance; with `verbose` the moment itself, in UTC+8.
///
/// A moment in the future means that this machine's clock went back: that is said, and no age.
pub(crate) fn ago(messages: &Messages, at_ms: i64, now_ms: i64, verbose: bool) -> String {
    if verbose && let Some(moment) = civil_time(at_ms) {
        return moment.format("%Y-%m-%d %H:%M:%S").to_string();
    }
    let count = |number: i64| [("count", FluentValue::from(number))];
    match now_ms.saturating_sub(at_ms) / 1_000 {
        ..-5 => messages.text("clock-went-back"),
        -5..10 => messages.text("now"),
        seconds @ 10..60 => messages.say("seconds-ago", count(seconds)),
        seconds @ 60..3_600 => messages.say("minutes-ago", count(seconds / 60)),
        seconds @ 3_600..86_400 => messages.say("hours-ago", count(seconds / 3_600)),
        seconds => messages.say("days-ago", count(seconds / 86_400)),
    }
}

/// An age, in days where there are two of them, in minutes where there is no hour.
pub(crate) fn age(messages: &Messages, age_ms: u64) -> String {
    let hours = age_ms / 3_600_000;
    let count = |number: u64| [("count", FluentValue::from(number))];
    match hours {
        0 => messages.say("minutes", count(age_ms / 60_000)),
        1..48 => messages.say("hours", count(hours)),
        _ => messages.say("days", count(hours / 24)),
    }
}

/// How long something lasts, in years where there are two of them.
pub(crate) fn lasts(messages: &Messages, days: u64) -> String {
    let count = |number: u64| [("count", FluentValue::from(number))];
    match days {
        0..730 => messages.say("days", count(days)),
        730..36_500 => messages.say("years", count(days / 365)),
        _ => messages.text("more-than-a-hundred-years"),
    }
}

/// A span of time as a stopwatch shows it.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// A number of bytes in the unit that fits.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} B"),
        1_024..1_048_576 => format!("{:.1} KiB", count as f64 / 1_024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", count as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", count as f64 / 1_073_741_824.0),
    }
}

/// A number of bytes as people type and pay for them, in thousands ([`crate::parse::size`]).
pub(crate) fn size(count: u64) -> String {
    let (unit, name) = match count {
        0..1_000 => return format!("{count} B"),
        1_000..1_000_000 => (1_000.0, "kB"),
        _ => (1_000_000.0, "MB"),
    };
    let text = format!("{:.1}", count as f64 / unit);
    format!("{} {name}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;

    #[test]
    fn sizes_are_shown_as_they_are_typed() {
        for (typed, shown) in
            [("2M", "2 MB"), ("1.5G", "1500 MB"), ("99500", "99.5 kB"), ("12", "12 B")]
        {
            assert_eq!(size(crate::parse::size(typed).unwrap()), shown);
        }
    }

    #[test]
    fn ages_are_coarse_and_a_clock_that_went_back_is_named() {
        let messages = Messages::new(Language::En);
        let day = 86_400_000;
        for (ago_ms, words) in [(0, "now"), (30_000, "30 s"), (180_000, "3 min"), (2 * day, "2 d")]
        {
            assert!(ago(&messages, 10 * day - ago_ms, 10 * day, false).contains(words));
        }
        assert!(ago(&messages, 11 * day, 10 * day, false).contains("clock"));
        assert_eq!(ago(&messages, 0, 0, true), "1970-01-01 08:00:00");
    }
}
