//! A table as offices exchange it: title, unit, date, headings in two rows, lines, totals, notes.
//! One `Sheet` becomes a table on a screen, text for spreadsheets, or a worksheet.

use chrono::NaiveDate;
use shouwang_crdt_schema::report::prefecture::{Gap, Shown};
use shouwang_crdt_schema::rules::rate::Rate;

use crate::message::Messages;
use crate::output::{Cell, Table};

pub(crate) mod xlsx;

/// What a cell shows where a small count is withheld.
pub(crate) const WITHHELD: &str = "*";
/// What a cell shows where nothing can be.
pub(crate) const NOTHING: &str = "—";

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    /// Its name among others of the same file.
    pub(crate) name: String,
    /// Its title.
    pub(crate) title: String,
    /// Its columns.
    pub(crate) columns: Vec<Heading>,
    /// Its lines, with as many values as there are columns.
    pub(crate) rows: Vec<Vec<Value>>,
    /// The line of totals.
    pub(crate) total: Option<Vec<Value>>,
    /// What stands below it.
    pub(crate) notes: Vec<String>,
}

/// The heading of a column.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    /// Its name in tab-separated text.
    key: String,
    /// What stands above it and its neighbours.
    over: Option<String>,
    /// What stands over the column.
    text: String,
    /// Whether a screen has room for it.
    brief: bool,
}

/// What is said about a file as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Filing {
    /// 填报单位
    pub(crate) unit: String,
    /// 填报日期
    pub(crate) date: NaiveDate,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Words.
    Text(String),
    /// A count.
    Count(u64),
    /// A rate.
    Rate(Rate),
    /// A day.
    Date(NaiveDate),
    /// A small count that is not shown.
    Withheld,
    /// Nothing can be here.
    Nothing,
    /// Left to be filled in.
    Blank,
}

impl Heading {
    /// A column of its own.
    pub(crate) fn alone(key: &str, text: String) -> Self {
        Self { key: key.to_owned(), over: None, text, brief: true }
    }

    /// A column under a heading that it shares with its neighbours.
    pub(crate) fn under(over: &str, key: &str, text: String) -> Self {
        Self { key: key.to_owned(), over: Some(over.to_owned()), text, brief: true }
    }

    /// A screen leaves it out.
    pub(crate) fn only_on_paper(mut self) -> Self {
        self.brief = false;
        self
    }

    /// Both rows of the heading in one.
    fn whole(&self) -> String {
        match &self.over {
            Some(over) => format!("{over} {}", self.text),
            None => self.text.clone(),
        }
    }
}

impl Value {
    /// A text, or nothing.
    pub(crate) fn optional(text: Option<impl ToString>) -> Self {
        text.map_or(Self::Blank, |text| Self::Text(text.to_string()))
    }

    /// A day, or nothing.
    pub(crate) fn day(day: Option<NaiveDate>) -> Self {
        day.map_or(Self::Blank, Self::Date)
    }

    /// As text.
    fn to_text(&self, messages: &Messages) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Rate(rate) => percent(*rate, messages),
            Self::Date(day) => day.to_string(),
            Self::Withheld => WITHHELD.to_owned(),
            Self::Nothing => NOTHING.to_owned(),
            Self::Blank => String::new(),
        }
    }

    fn cell(&self, messages: &Messages) -> Cell {
        let cell = Cell::text(self.to_text(messages));
        match self {
            Self::Text(_) | Self::Date(_) | Self::Blank => cell,
            Self::Count(_) | Self::Rate(_) | Self::Withheld | Self::Nothing => cell.right(),
        }
    }
}

impl From<Shown> for Value {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Count(count) => Self::Count(count),
            Shown::Gap(Gap::Withheld) => Self::Withheld,
            Shown::Gap(Gap::Impossible) => Self::Nothing,
        }
    }
}

/// A rate in percent with one decimal, rounded down: 100 % only where it is all of them. Words where
/// there is nobody.
pub(crate) fn percent(rate: Rate, messages: &Messages) -> String {
    match rate.tenths_of_percent() {
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
        None => messages.text("rate-of-nobody"),
    }
}

impl Sheet {
    /// The table for a screen: without the columns that there is no room for, unless all are asked
    /// for. Tab-separated text always has all.
    pub(crate) fn table(&self, all: bool, messages: &Messages) -> Table {
        let shown = |index: &usize| all || self.columns.get(*index).is_some_and(|of| of.brief);
        let kept: Vec<usize> = (0..self.columns.len()).filter(shown).collect();
        let headings = kept.iter().filter_map(|index| self.columns.get(*index));
        let mut table =
            Table::titled(headings.map(|heading| (heading.key.clone(), heading.whole())).collect());
        for row in self.rows.iter().chain(&self.total) {
            let cells = kept.iter().filter_map(|index| row.get(*index));
            table.push(cells.map(|value| value.cell(messages)).collect());
        }
        table
    }
}

/// Sheets as comma-separated text for spreadsheet programs: each with its title, both rows of its
/// headings in one, an empty line between two.
pub(crate) fn to_csv(sheets: &[Sheet], messages: &Messages) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    // What spreadsheet programs in China take for UTF-8, and not for GB18030.
    text.extend_from_slice("\u{feff}".as_bytes());
    for (nth, sheet) in sheets.iter().enumerate() {
        if nth > 0 {
            text.extend_from_slice(b"\r\n");
        }
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record([harmless(&sheet.title)])?;
        writer.write_record(sheet.columns.iter().map(|heading| harmless(&heading.whole())))?;
        for row in sheet.rows.iter().chain(&sheet.total) {
            writer.write_record(row.iter().map(|value| match value {
                Value::Text(text) => harmless(text),
                value => value.to_text(messages),
            }))?;
        }
        for note in &sheet.notes {
            writer.write_record([harmless(note)])?;
        }
        text.extend(writer.into_inner()?);
    }
    Ok(text)
}

/// A text that no spreadsheet program takes for a formula: such a text gets an apostrophe in front.
fn harmless(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;

    #[test]
    fn what_looks_like_a_formula_is_text() {
        let sheet = Sheet {
            name: "x".into(),
            title: "=1+1".into(),
            columns: vec![Heading::alone("name", "姓名".into())],
            rows: vec![vec![Value::Text("@SUM(A1)".into())], vec![Value::Text("-3".into())]],
            total: None,
            notes: vec!["+".into()],
        };
        let text = to_csv(&[sheet], &Messages::new(Language::Zh)).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
        assert_eq!(lines, ["'=1+1", "姓名", "'@SUM(A1)", "'-3", "'+"]);
    }

    #[test]
    fn a_rate_is_whole_only_where_it_is() {
        let messages = Messages::new(Language::En);
        let rate = |numerator, denominator| percent(Rate { numerator, denominator }, &messages);
        assert_eq!(rate(11_999, 12_000), "99.9 %");
        assert_eq!(rate(7, 7), "100.0 %");
        assert_eq!(rate(0, 0), "n/a");
    }
}
