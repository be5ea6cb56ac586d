//! Data on stdout, notes on stderr; a table, tab-separated text or JSON from the same rows.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use comfy_table::{CellAlignment, Color, ColumnConstraint, ContentArrangement, Width};
use fluent_bundle::FluentValue;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::message::{Messages, printable};
use crate::qr::{Code, Ink};

/// Narrower than this a table is not wrapped, columns.
const WRAP_WIDTH_MIN: u16 = 40;
/// Between two columns, columns.
const GAP: u16 = 2;
/// Narrower than this no column of text is wrapped, columns.
const TEXT_WIDTH_MIN: u16 = 8;
/// A column of text becomes no narrower than its longest code, unless that is longer, columns.
const TOKEN_WIDTH_MAX: usize = 40;
/// Columns whose texts are read or copied as a whole: codes, ids, sizes, dates and times. Numbers
/// need not be named.
const UNBROKEN: [&str; 25] = [
    "age",
    "agreement",
    "area",
    "at",
    "birth_date",
    "code",
    "date",
    "device",
    "digest",
    "done",
    "due",
    "elder",
    "entry_hash",
    "incident",
    "last_done",
    "last_visit",
    "outcome",
    "raised",
    "received",
    "sent",
    "sex",
    "since",
    "they_lack",
    "unit",
    "we_lack",
];

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people: aligned tables.
    Table,
    /// For spreadsheets and `cut`: a line of keys, then a line a row.
    Tsv,
    /// For spreadsheets: a line of headers as people read them, then a line a row.
    Csv,
    /// For programs: one object, or one a line in a stream.
    Json,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where everything that a command prints goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    color_stdout: bool,
    color_stderr: bool,
    unicode: bool,
    progress: bool,
}

/// How good a state is. Shown as a glyph before a word, and as a colour where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// A person should look.
    Attention,
    /// Wrong.
    Bad,
}

/// Rows under named columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// Keys of columns that a narrow screen goes without, the first of them first.
    lost: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Column {
    key: Cow<'static, str>,
    header: String,
}

/// One cell of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    mark: Option<Mark>,
    right: bool,
}

impl Output {
    /// Prints in this format; the environment decides what `auto` colour means.
    pub(crate) fn new(format: Format, color: ColorChoice) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let on = |terminal: bool| match color {
            ColorChoice::Auto => terminal && !no_color && !dumb,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self {
            format,
            color_stdout: on(io::stdout().is_terminal()),
            color_stderr: on(io::stderr().is_terminal()),
            unicode: !dumb && !locale_is_ascii(),
            progress: io::stderr().is_terminal(),
        }
    }

    /// For people, with colour or without, whatever the environment says.
    #[cfg(test)]
    pub(crate) fn for_screens(color: bool) -> Self {
        let progress = false;
        Self {
            format: Format::Table,
            color_stdout: color,
            color_stderr: color,
            unicode: true,
            progress,
        }
    }

    /// Whether data is printed as JSON.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether tables are comma-separated.
    pub(crate) fn is_csv(self) -> bool {
        self.format == Format::Csv
    }

    /// Whether tables are for people.
    pub(crate) fn is_table(self) -> bool {
        self.format == Format::Table
    }

    /// The same without bars: for what a process does that somebody else's page has asked for.
    pub(crate) fn without_progress(self) -> Self {
        Self { progress: false, ..self }
    }

    /// Whether progress bars make sense.
    pub(crate) fn shows_progress(self) -> bool {
        self.progress && self.unicode
    }

    /// One JSON object on one line of stdout.
    pub(crate) fn json<T: Serialize>(self, object: &T) -> anyhow::Result<()> {
        let mut text = serde_json::to_string(object)?;
        text.push('\n');
        self.write(&text)
    }

    /// As [`Output::json`], for one of many. False once nobody reads them any more.
    pub(crate) fn stream<T: Serialize>(self, object: &T) -> anyhow::Result<bool> {
        self.stream_line(&serde_json::to_string(object)?)
    }

    /// One of many lines on stdout. False once nobody reads them any more.
    pub(crate) fn stream_line(self, line: &str) -> anyhow::Result<bool> {
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A table on stdout, for people or tab-separated.
    pub(crate) fn table(self, table: &Table) -> anyhow::Result<()> {
        match self.format {
            Format::Tsv => self.write(&table.to_tsv()),
            Format::Csv => self.write(&table.to_csv()?),
            Format::Table | Format::Json => self.write(&self.draw(table, Self::width())),
        }
    }

    /// How wide the screen is, columns, where stdout is one. Asked of a table of its own: one without colour takes
    /// itself to be on no screen.
    pub(crate) fn width() -> Option<u16> {
        comfy_table::Table::new().width()
    }

    /// A line of data on stdout.
    pub(crate) fn line(self, text: &str) -> anyhow::Result<()> {
        self.write(&format!("{text}\n"))
    }

    /// Text on stdout as it is. A reader that has gone away is no failure of ours.
    pub(crate) fn write(self, text: &str) -> anyhow::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// A token as a QR code on stdout; false, and a word why, where it does not fit.
    pub(crate) fn code(self, token: &str, messages: &Messages) -> anyhow::Result<bool> {
        let ink = match (self.unicode, self.color_stdout) {
            (false, _) => Ink::Ascii,
            (true, true) => Ink::Colored,
            (true, false) => Ink::Blocks,
        };
        let Some(code) = Code::of(token) else {
            self.marked_note(Mark::Attention, &messages.text("qr-too-long"));
            return Ok(false);
        };
        let needed = code.columns(ink);
        match comfy_table::Table::new().width() {
            Some(width) if usize::from(width) < needed => {
                let needed = FluentValue::from(needed as u64);
                let width = FluentValue::from(u64::from(width));
                let why = messages.say("qr-too-wide", [("needed", needed), ("width", width)]);
                self.marked_note(Mark::Attention, &why);
                Ok(false)
            }
            _ => self.write(&code.draw(ink)).map(|()| true),
        }
    }

    /// A line of explanation on stderr.
    pub(crate) fn note(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// A marked line of explanation on stderr.
    pub(crate) fn marked_note(self, mark: Mark, text: &str) {
        self.note(&self.marked(mark, text, self.color_stderr));
    }

    /// A marked line for stdout.
    pub(crate) fn marked_text(self, mark: Mark, text: &str) -> String {
        self.marked(mark, text, self.color_stdout)
    }

    fn marked(self, mark: Mark, text: &str, color: bool) -> String {
        let glyph = self.glyph(mark);
        match color {
            true => format!("\u{1b}[{}m{glyph}\u{1b}[0m {text}", mark.ansi()),
            false => format!("{glyph} {text}"),
        }
    }

    /// Whether stdout is coloured.
    pub(crate) fn has_color(self) -> bool {
        self.color_stdout
    }

    /// Whether glyphs beyond ASCII can be seen.
    pub(crate) fn has_glyphs(self) -> bool {
        self.unicode
    }

    /// What stands before a word for how good a state is.
    pub(crate) fn glyph(self, mark: Mark) -> &'static str {
        match (mark, self.unicode) {
            (Mark::Good, true) => "✔",
            (Mark::Good, false) => "+",
            (Mark::Note, true) => "·",
            (Mark::Note, false) => "-",
            (Mark::Attention, _) => "!",
            (Mark::Bad, true) => "×",
            (Mark::Bad, false) => "x",
        }
    }

    /// The table as text, at most as wide as told.
    pub(crate) fn draw(self, table: &Table, width: Option<u16>) -> String {
        let mut drawn = comfy_table::Table::new();
        drawn.load_style(comfy_table::presets::NOTHING);
        match self.color_stdout {
            true => drawn.enforce_styling(),
            false => drawn.force_no_tty(),
        };
        if let Some(width) = width {
            drawn.set_width(width);
        }
        // Some terminals say that they have no width; wrapping to it would leave nothing readable.
        if drawn.width().is_some_and(|width| width >= WRAP_WIDTH_MIN) {
            drawn.set_content_arrangement(ContentArrangement::Dynamic);
        }
        let narrowed = width.or_else(|| drawn.width()).map(|width| table.narrowed(width));
        let table = narrowed.as_deref().unwrap_or(table);
        let right = |index: usize| table.is_right(index);
        drawn.set_header(table.columns.iter().enumerate().map(|(index, column)| {
            let cell = comfy_table::Cell::new(&column.header);
            let cell = if right(index) { cell.set_alignment(CellAlignment::Right) } else { cell };
            cell.add_attribute(comfy_table::Attribute::Bold)
        }));
        for row in &table.rows {
            drawn.add_row(row.iter().map(|cell| {
                let text = match cell.mark {
                    Some(mark) => format!("{} {}", self.glyph(mark), cell.text),
                    None => cell.text.clone(),
                };
                let mut drawn = comfy_table::Cell::new(text);
                if let Some(mark) = cell.mark {
                    drawn = drawn.fg(mark.color());
                }
                if cell.right {
                    drawn = drawn.set_alignment(CellAlignment::Right);
                }
                drawn
            }));
        }
        for (index, column) in drawn.column_iter_mut().enumerate() {
            column.set_padding((0, GAP));
            column.set_constraint(table.constraint(index));
        }
        drawn.lines().map(|line| format!("{}\n", trimmed(&line))).collect()
    }
}

impl Mark {
    fn ansi(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Note => "36",
            Self::Attention => "33",
            Self::Bad => "31",
        }
    }

    fn color(self) -> Color {
        match self {
            Self::Good => Color::DarkGreen,
            Self::Note => Color::DarkCyan,
            Self::Attention => Color::DarkYellow,
            Self::Bad => Color::DarkRed,
        }
    }
}

impl Table {
    /// An empty table. A column's key stands in tab-separated text and, as a member of the family
    /// `column`, names its header in the catalogue.
    pub(crate) fn new<const N: usize>(messages: &Messages, columns: [&'static str; N]) -> Self {
        let column =
            |key: &'static str| Column { key: key.into(), header: messages.word("column", key) };
        Self {
            columns: columns.into_iter().map(column).collect(),
            rows: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// A screen that is too narrow for all columns goes without these, the first of them first.
    pub(crate) fn may_lose<const N: usize>(&mut self, columns: [&'static str; N]) {
        self.lost = columns.into();
    }

    /// What fits on a screen of so many columns, with no text broken into less than can be read.
    fn narrowed(&self, width: u16) -> Cow<'_, Self> {
        let mut table = Cow::Borrowed(self);
        for key in &self.lost {
            if table.least_width() <= usize::from(width) {
                break;
            }
            let Some(at) = table.columns.iter().position(|column| column.key == *key) else {
                continue;
            };
            let narrower = table.to_mut();
            narrower.columns.remove(at);
            for row in &mut narrower.rows {
                row.remove(at);
            }
        }
        table
    }

    fn least_width(&self) -> usize {
        let columns = 0..self.columns.len();
        columns.map(|index| self.least_column_width(index) + usize::from(GAP)).sum()
    }

    /// How narrow a column may become.
    fn least_column_width(&self, index: usize) -> usize {
        let Some(column) = self.columns.get(index) else { return 0 };
        let cells = || self.rows.iter().filter_map(|row| row.get(index));
        let widest = cells().map(Cell::width).chain([column.header.width()]).max();
        let widest = widest.unwrap_or_default();
        if self.is_right(index) || UNBROKEN.contains(&column.key.as_ref()) {
            return widest;
        }
        let token = cells().map(Cell::token_width).max().unwrap_or_default().min(TOKEN_WIDTH_MAX);
        widest.min(usize::from(TEXT_WIDTH_MIN)).max(token)
    }

    fn is_right(&self, index: usize) -> bool {
        let right = |row: &Vec<Cell>| row.get(index).is_some_and(|cell| cell.right);
        !self.rows.is_empty() && self.rows.iter().all(right)
    }

    /// An empty table whose headers are no members of a family: keys and headers.
    pub(crate) fn titled(columns: Vec<(String, String)>) -> Self {
        let column = |(key, header): (String, String)| Column { key: key.into(), header };
        Self {
            columns: columns.into_iter().map(column).collect(),
            rows: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// The headers, each with whether what stands below goes to the right.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (&str, bool)> {
        let head = |(index, column)| {
            let Column { header, .. }: &Column = column;
            (header.as_str(), self.is_right(index))
        };
        self.columns.iter().enumerate().map(head)
    }

    /// The rows.
    pub(crate) fn all_rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The headers.
    #[cfg(test)]
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.header.as_str())
    }

    /// Adds a row to a table of [`Table::titled`]; it has as many cells as there are columns.
    pub(crate) fn push(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// Adds a row; it has as many cells as there are columns.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells.into());
    }

    /// How narrow a column may become: not at all, or as narrow as still can be read.
    fn constraint(&self, index: usize) -> ColumnConstraint {
        let Some(column) = self.columns.get(index) else { return ColumnConstraint::ContentWidth };
        if self.is_right(index) || UNBROKEN.contains(&column.key.as_ref()) {
            return ColumnConstraint::ContentWidth;
        }
        let least = u16::try_from(self.least_column_width(index)).unwrap_or(TEXT_WIDTH_MIN);
        ColumnConstraint::LowerBoundary(Width::Fixed(least + GAP))
    }

    /// A line of headers, then a line a row, quoted where it must be.
    fn to_csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| column.header.as_str()))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| cell.text.as_str()))?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }

    /// A line of keys, then a line a row; tabs and line breaks inside cells become spaces.
    fn to_tsv(&self) -> String {
        let clean = |text: &str| text.replace(['\t', '\n', '\r'], " ");
        let keys: Vec<&str> = self.columns.iter().map(|column| column.key.as_ref()).collect();
        let mut text = keys.join("\t");
        text.push('\n');
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| clean(&cell.text)).collect();
            text.push_str(&cells.join("\t"));
            text.push('\n');
        }
        text
    }
}

impl Cell {
    /// A text.
    pub(crate) fn text(text: impl ToString) -> Self {
        Self { text: printable(text.to_string().into()), mark: None, right: false }
    }

    /// A text that may be absent.
    pub(crate) fn optional(text: Option<impl ToString>) -> Self {
        Self::text(text.map(|text| text.to_string()).unwrap_or_default())
    }

    /// A number, to the right.
    pub(crate) fn number(number: u64) -> Self {
        Self { text: number.to_string(), mark: None, right: true }
    }

    /// A state in words with its glyph.
    pub(crate) fn state(mark: Mark, text: impl ToString) -> Self {
        Self { text: printable(text.to_string().into()), mark: Some(mark), right: false }
    }

    /// How wide it is on a screen, with its glyph.
    fn width(&self) -> usize {
        let glyph = if self.mark.is_some() { 2 } else { 0 };
        self.text.lines().map(UnicodeWidthStr::width).max().unwrap_or_default() + glyph
    }

    /// How wide its longest code, id or number is.
    fn token_width(&self) -> usize {
        let tokens = self.text.split(|c: char| !c.is_ascii_graphic());
        tokens.map(str::len).max().unwrap_or_default()
    }

    /// What stands in it.
    pub(crate) fn as_text(&self) -> &str {
        &self.text
    }

    /// How good that is, if that is said.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// To the right.
    pub(crate) fn right(mut self) -> Self {
        self.right = true;
        self
    }
}

/// A line without the white space at its end; what styles the line stays.
fn trimmed(line: &str) -> String {
    let (mut kept, mut pending) = (String::new(), String::new());
    let mut in_escape = false;
    for c in line.chars() {
        in_escape |= c == '\u{1b}';
        match c {
            ' ' => pending.push(c),
            _ if in_escape => {
                // Spaces stay behind the escape until something follows that is seen.
                kept.push(c);
                in_escape = c != 'm';
            }
            _ => {
                kept.push_str(&std::mem::take(&mut pending));
                kept.push(c);
            }
        }
    }
    kept
}

/// Whether the locale names an encoding that has no glyphs for us. Unset means nothing: minimal
/// containers have no locale and print UTF-8 all the same.
fn locale_is_ascii() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty());
    !cfg!(windows) && locale.is_some_and(|locale| locale == "C" || locale == "POSIX")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Language;

    fn plain() -> Output {
        Output::for_screens(false)
    }

    fn table() -> Table {
        let mut table = Table::new(&Messages::new(Language::Zh), ["name", "elders", "state"]);
        table.row([Cell::text("上禾村"), Cell::number(7), Cell::state(Mark::Good, "一致")]);
        table.row([Cell::text("荷塘"), Cell::number(12), Cell::state(Mark::Bad, "a\tb")]);
        table
    }

    #[test]
    fn columns_line_up_by_width_and_not_by_characters() {
        let drawn = plain().draw(&table(), None);
        let lines: Vec<&str> = drawn.lines().collect();
        let at = |line: &str, mark: char| line[..line.find(mark).unwrap()].width();
        assert_eq!(at(lines[1], '✔'), at(lines[2], '×'), "{drawn}");
        assert!(!drawn.contains('\u{1b}'));
    }

    #[test]
    fn colour_never_stands_alone() {
        let colored = Output { color_stdout: true, ..plain() };
        assert!(colored.draw(&table(), None).contains("\u{1b}["));
        assert!(colored.draw(&table(), None).contains("✔ 一致"));
        let ascii = Output { unicode: false, ..plain() };
        assert!(ascii.draw(&table(), None).contains("+ 一致"));
    }

    fn without_escapes(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
    }

    #[test]
    fn colour_moves_nothing() {
        let colored = Output { color_stdout: true, ..plain() };
        for width in [None, Some(40), Some(80)] {
            let drawn = colored.draw(&table(), width);
            assert!(drawn.contains("\u{1b}["));
            assert_eq!(without_escapes(&drawn), plain().draw(&table(), width));
        }
    }

    #[test]
    fn narrow_screens_break_text_and_nothing_else() {
        let columns = ["code", "name", "elders", "last_visit", "remark"];
        let mut table = Table::new(&Messages::new(Language::Zh), columns);
        table.row([
            Cell::text("990121101203"),
            Cell::text("上禾村"),
            Cell::number(1_234_567),
            Cell::text("2026-11-21 09:30"),
            Cell::state(Mark::Attention, "一句很长的话".repeat(12)),
        ]);
        let drawn = plain().draw(&table, Some(80));
        assert!(drawn.lines().count() > 2);
        assert!(drawn.lines().all(|line| line.width() <= 80), "{drawn}");
        for whole in ["990121101203", "上禾村", "1234567", "2026-11-21 09:30"] {
            assert!(drawn.contains(whole), "{drawn}");
        }
    }

    #[test]
    fn tab_separated_text_has_keys_and_no_stray_tabs() {
        let text = table().to_tsv();
        assert_eq!(text.lines().next(), Some("name\telders\tstate"));
        assert!(text.lines().all(|line| line.split('\t').count() == 3));
    }
}
