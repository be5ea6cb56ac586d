//! A bar for work whose steps are counted: how much of it is done, how fast it goes, and how long it takes.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::context::Context;

/// How often it is drawn anew though nothing has moved.
const TICK: Duration = Duration::from_millis(200);

/// A bar with words before it, where there is a screen for it. It is drawn from when it is known that something is left
/// to do, so that nothing is drawn over a question for the passphrase or for what takes no time; and nothing of it
/// stays when it is dropped.
pub(crate) struct Bar {
    words: String,
    unit: Unit,
    done: u64,
    place: Place,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Entries, rows, people.
    Steps,
    /// Bytes.
    Bytes,
}

enum Place {
    /// There is no screen.
    Nowhere,
    Waiting,
    Drawn(ProgressBar),
}

impl Bar {
    /// With these words before it.
    pub(crate) fn new(context: &Context, words: String, unit: Unit) -> Self {
        let place = match context.output.shows_progress() {
            true => Place::Waiting,
            false => Place::Nowhere,
        };
        Self { words, unit, done: 0, place }
    }

    /// So much of so much is done. The bar never passes its end.
    pub(crate) fn show(&mut self, (done, total): (u64, u64)) {
        self.done = done.min(total);
        if matches!(self.place, Place::Waiting) && self.done < total {
            let bar = ProgressBar::no_length();
            bar.set_style(style(self.unit));
            bar.set_message(self.words.clone());
            // What was done before this was drawn is no measure of how fast it goes.
            bar.set_position(self.done);
            bar.reset_eta();
            bar.enable_steady_tick(TICK);
            self.place = Place::Drawn(bar);
        }
        if let Place::Drawn(bar) = &self.place {
            bar.set_length(total.max(1));
            bar.set_position(self.done);
        }
    }

    /// So many more of so many are done.
    pub(crate) fn add(&mut self, more: u64, total: u64) {
        self.show((self.done.saturating_add(more), total));
    }

    /// What is left is not counted: these words and the time stand there in place of the bar.
    pub(crate) fn wait(&mut self, words: &str) {
        let bar = match &self.place {
            Place::Nowhere => return,
            Place::Waiting => ProgressBar::no_length(),
            Place::Drawn(bar) if bar.message() == words => return,
            Place::Drawn(bar) => bar.clone(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(words.to_owned());
        bar.enable_steady_tick(TICK);
        self.place = Place::Drawn(bar);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Place::Drawn(bar) = &self.place {
            bar.finish_and_clear();
        }
    }
}

/// Within eighty columns, with the longest words in either language.
fn style(unit: Unit) -> ProgressStyle {
    let counted = match unit {
        Unit::Steps => "{pos}/{len} {rate}",
        Unit::Bytes => "{percent}% {binary_bytes_per_sec}",
    };
    let rate = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        let _ = write!(text, "{:.0}/s", state.per_sec());
    };
    let template = format!("{{msg}} [{{bar:20}}] {counted} ETA {{eta}}");
    match ProgressStyle::with_template(&template) {
        Ok(style) => style.progress_chars("█·").with_key("rate", rate),
        Err(_) => ProgressStyle::default_bar(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Bar {
        Bar { words: "reading".to_owned(), unit: Unit::Steps, done: 0, place: Place::Waiting }
    }

    fn drawn(bar: &Bar) -> &ProgressBar {
        let Place::Drawn(drawn) = &bar.place else { panic!("nothing is drawn") };
        drawn
    }

    #[test]
    fn a_bar_never_passes_its_end_and_is_drawn_while_there_is_something_to_do() {
        let mut bar = waiting();
        for nothing_left in [(0, 0), (10, 10)] {
            bar.show(nothing_left);
            assert!(matches!(bar.place, Place::Waiting));
        }
        for (done, shown) in [(3, 3), (10, 10), (11, 10), (u64::MAX, 10)] {
            bar.show((done, 10));
            assert_eq!((drawn(&bar).position(), drawn(&bar).length()), (shown, Some(10)));
        }
        bar.show((2, 10));
        bar.add(3, 10);
        assert_eq!(drawn(&bar).position(), 5);
        bar.wait("checking");
        assert_eq!(drawn(&bar).message(), "checking");
    }

    #[test]
    fn what_is_not_counted_is_waited_for_though_nothing_was() {
        let mut bar = waiting();
        bar.wait("checking");
        assert_eq!(drawn(&bar).message(), "checking");
    }
}
