//! What a command shows a person: lines, marked lines and tables, as one value. It is put together without knowing
//! where it goes, so that a test sees what a terminal shows.

use crate::output::{Mark, Output, Table};

/// Lines and tables, from top to bottom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen {
    parts: Vec<Part>,
}

/// What stands on a screen.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// A line; an empty one parts what is above from what is below.
    Line(String),
    /// A line behind a glyph.
    Marked(Mark, String),
    /// What to do next.
    Hint(String),
    /// A table.
    Table(Table),
}

impl Screen {
    /// A line.
    pub(crate) fn line(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Line(text.into()));
    }

    /// A line behind a glyph.
    pub(crate) fn marked(&mut self, mark: Mark, text: impl Into<String>) {
        self.parts.push(Part::Marked(mark, text.into()));
    }

    /// What to do next, under what it is about.
    pub(crate) fn hint(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Hint(text.into()));
    }

    /// A table, with an empty line above it.
    pub(crate) fn table(&mut self, table: Table) {
        if !table.is_empty() {
            self.gap();
            self.parts.push(Part::Table(table));
        }
    }

    /// A table right below what stands above.
    pub(crate) fn under(&mut self, table: Table) {
        self.parts.push(Part::Table(table));
    }

    /// An empty line, unless there is one or nothing stands above.
    pub(crate) fn gap(&mut self) {
        let is_gap = |part: &Part| matches!(part, Part::Line(text) if text.is_empty());
        if self.parts.last().is_some_and(|last| !is_gap(last)) {
            self.line("");
        }
    }

    /// What stands on it.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text, at most so wide where a width is known.
    pub(crate) fn text(&self, output: Output, width: Option<u16>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Table(table) => {
                    text.push_str(&output.draw(table, width));
                    continue;
                }
                Part::Line(line) => text.push_str(line),
                Part::Marked(mark, line) => text.push_str(&output.marked_text(*mark, line)),
                Part::Hint(line) => text.push_str(&format!("  → {line}")),
            }
            text.push('\n');
        }
        text
    }

    /// Shows it on stdout.
    pub(crate) fn show(&self, output: Output) -> anyhow::Result<()> {
        output.write(&self.text(output, Output::width()))
    }
}

#[cfg(test)]
mod tests;
