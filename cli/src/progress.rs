//! A bar for work whose steps are counted: how much of it is done, how fast it goes, and how long it takes.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::context::Context;

/// A bar with words before it, where there is a screen for it. It is drawn from when it is known how much there is to
/// do, so that nothing is drawn over a question for the passphrase, and nothing of it stays when it is dropped.
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

    /// So much of so much is done. The bar never passes its end, and has none yet where there is nothing to do.
    pub(crate) fn show(&mut self, (done, total): (u64, u64)) {
        self.done = done.min(total);
        if total == 0 {
            return;
        }
        if matches!(self.place, Place::Waiting) {
            self.place = Place::Drawn(draw(self.words.clone(), self.unit, self.done));
        }
        if let Place::Drawn(bar) = &self.place {
            bar.set_length(total);
            bar.set_position(self.done);
        }
    }

    /// What stands before the bar from now on.
    pub(crate) fn say(&mut self, words: &str) {
        if let Place::Drawn(bar) = &self.place {
            bar.set_message(words.to_owned());
        }
    }

    /// So many more of so many are done.
    pub(crate) fn add(&mut self, more: u64, total: u64) {
        self.show((self.done.saturating_add(more), total));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Place::Drawn(bar) = &self.place {
            bar.finish_and_clear();
        }
    }
}

fn draw(words: String, unit: Unit, done: u64) -> ProgressBar {
    let bar = ProgressBar::no_length();
    // Eighty columns, with the longest words in either language.
    let counted = match unit {
        Unit::Steps => "{pos}/{len} {rate}",
        Unit::Bytes => "{bytes}/{total_bytes} {binary_bytes_per_sec}",
    };
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{msg}} [{{bar:20}}] {counted} ETA {{eta}}"))
    {
        let rate = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = write!(text, "{:.0}/s", state.per_sec());
        };
        bar.set_style(style.progress_chars("█·").with_key("rate", rate));
    }
    bar.set_message(words);
    // What was done before this was drawn is no measure of how fast it goes.
    bar.set_position(done);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_never_passes_its_end_and_is_drawn_when_there_is_something_to_do() {
        let mut bar =
            Bar { words: String::new(), unit: Unit::Steps, done: 0, place: Place::Waiting };
        bar.show((0, 0));
        assert!(matches!(bar.place, Place::Waiting));
        for (done, shown) in [(3, 3), (10, 10), (11, 10), (u64::MAX, 10)] {
            bar.show((done, 10));
            let Place::Drawn(drawn) = &bar.place else { panic!("nothing is drawn") };
            assert_eq!((drawn.position(), drawn.length()), (shown, Some(10)));
        }
        bar.show((2, 10));
        bar.add(3, 10);
        let Place::Drawn(drawn) = &bar.place else { panic!("nothing is drawn") };
        assert_eq!(drawn.position(), 5);
    }
}
