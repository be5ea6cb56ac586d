//! A bar for work whose steps are counted: how much of it is done, how fast it goes, and how long it takes.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::context::Context;

/// A bar with these words before it, where there is a screen for it. Its length is not known yet.
pub(crate) fn bar(context: &Context, words: String) -> Option<ProgressBar> {
    if !context.output.shows_progress() {
        return None;
    }
    let bar = ProgressBar::new(1);
    let template = "{msg} [{bar:30}] {percent}% {per_sec} ETA {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("█·"));
    }
    bar.set_message(words);
    bar.enable_steady_tick(Duration::from_millis(200));
    Some(bar)
}

/// So much of it is done.
pub(crate) fn show(bar: Option<&ProgressBar>, (done, total): (u64, u64)) {
    if let Some(bar) = bar {
        bar.set_length(total.max(1));
        bar.set_position(done);
    }
}

/// It is over: nothing of it stays on the screen.
pub(crate) fn end(bar: Option<ProgressBar>) {
    bar.into_iter().for_each(|bar| bar.finish_and_clear());
}
