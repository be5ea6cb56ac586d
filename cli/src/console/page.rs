//! A page as a value: what stands on it, from top to bottom. `console/page.html` draws it, and escapes every text.

use askama::Template;

use crate::card;
use crate::output::{self, Mark};
use crate::screen::{Part, Screen};

use super::form::{Control, Form};

/// What stands on a page.
#[derive(Debug, Template)]
#[template(path = "page.html")]
pub(crate) struct Page {
    /// What stands around it.
    pub(super) chrome: Chrome,
    /// Its name.
    pub(super) title: String,
    /// The command that shows the same.
    pub(super) command: Option<String>,
    /// From top to bottom.
    pub(super) blocks: Vec<Block>,
    /// Whether it may be shown anew whenever something has come, because nobody types into it.
    pub(super) live: bool,
}

/// What stands around every page.
#[derive(Clone, Debug, Default)]
pub(super) struct Chrome {
    /// `zh` or `en`.
    pub(super) language: String,
    /// The office whose node this is.
    pub(super) place: String,
    /// What it may do here.
    pub(super) role: String,
    /// Where one can go.
    pub(super) places: Vec<Link>,
    /// The token for forms.
    pub(super) csrf: String,
    /// How it stands with the other offices.
    pub(super) sync: Option<Sync>,
    /// Words of the frame.
    pub(super) words: Words,
    /// Whether to show more than the content: not to whom it is locked.
    pub(super) open: bool,
    /// How long nobody may use it before it is locked.
    pub(super) idle_ms: u128,
    /// What had happened before this was made.
    pub(super) seen: String,
    /// This page, to come back to.
    pub(super) here: String,
    /// What the script says where it must say something.
    pub(super) said: Vec<(String, String)>,
}

/// Words that stand on every page.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) product: String,
    pub(super) skip: String,
    pub(super) find: String,
    pub(super) find_what: String,
    pub(super) other_language: String,
    pub(super) lock: String,
    pub(super) pages: String,
    pub(super) same_as: String,
    pub(super) print: String,
    pub(super) earlier: String,
    pub(super) later: String,
}

/// How it stands with the other offices, in a few words.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Sync {
    /// How good that is.
    pub(super) mark: &'static str,
    /// The glyph before the words.
    pub(super) glyph: &'static str,
    /// What is said.
    pub(super) text: String,
}

/// Somewhere to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: String,
    /// Whether one is there.
    pub(super) current: bool,
}

/// A part of a page.
#[derive(Debug)]
pub(super) enum Block {
    /// A heading of a part.
    Heading(String),
    /// A sentence, with what to do.
    Note { mark: Mark, text: String, fix: Option<String> },
    /// Numbers at a glance.
    Tiles(Vec<Tile>),
    /// Rows under columns.
    Grid(Grid),
    /// Names and what stands under them.
    Facts(Vec<Fact>),
    /// Something to fill in.
    Form(Box<Form>),
    /// Values beside one another, of which somebody chooses.
    Sides(Vec<Side>),
    /// Somewhere to go from here.
    Links(Vec<Link>),
    /// Where one is in a long list.
    Pager(Pager),
    /// A picture of numbers, as SVG of our own making, and what it shows in words.
    Picture { svg: String, title: String, text: String },
    /// A text to be copied, such as an invite.
    Copy { label: String, text: String },
    /// The one-page card of an elder.
    Card { rows: Vec<card::Row>, date: String },
}

/// A number at a glance, and the way to what it counts.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    pub(super) number: String,
    pub(super) label: String,
    pub(super) mark: Mark,
    pub(super) href: String,
    /// The command that shows the same.
    pub(super) command: String,
}

/// Rows under columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    /// What it is a list of, for whoever does not see it.
    pub(super) caption: String,
    /// Each with whether its numbers stand to the right.
    pub(super) columns: Vec<(String, bool)>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What stands here where there are no rows.
    pub(super) empty: String,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) mark: Option<Mark>,
    pub(super) href: Option<String>,
    /// How full a bar beside it is, of a hundred.
    pub(super) bar: Option<u64>,
    /// How deep it stands in a tree.
    pub(super) depth: usize,
}

/// One of several values: who wrote it, how it stands, and the button that chooses it. The last may be one that
/// nobody has written yet.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) value: String,
    pub(super) by: Vec<String>,
    pub(super) state: Option<(Option<Mark>, String)>,
    pub(super) form: Form,
}

/// A name and what stands under it.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) label: String,
    pub(super) lines: Vec<String>,
    pub(super) remark: Option<(Mark, String)>,
    pub(super) href: Option<Link>,
}

/// Where one is in a long list.
#[derive(Clone, Debug)]
pub(super) struct Pager {
    pub(super) earlier: Option<String>,
    pub(super) later: Option<String>,
    pub(super) text: String,
}

impl Page {
    /// An empty page.
    pub(super) fn new(chrome: Chrome, title: String) -> Self {
        Self { chrome, title, command: None, blocks: Vec::new(), live: false }
    }

    /// The command that shows the same.
    pub(super) fn same_as(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// May be shown anew whenever something has come.
    pub(super) fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Adds a part.
    pub(super) fn add(&mut self, block: Block) -> &mut Self {
        self.blocks.push(block);
        self
    }

    /// Adds a part above all others.
    pub(super) fn add_first(&mut self, block: Block) -> &mut Self {
        self.blocks.insert(0, block);
        self
    }

    /// Whether a form on it says why it could not be taken.
    pub(super) fn says_an_error(&self) -> bool {
        self.blocks.iter().any(|block| match block {
            Block::Form(form) => form.error.is_some(),
            Block::Sides(sides) => sides.iter().any(|side| side.form.error.is_some()),
            _ => false,
        })
    }

    /// Adds what a command shows.
    pub(super) fn add_screen(&mut self, screen: &Screen) -> &mut Self {
        for part in screen.parts() {
            match part {
                Part::Line(text) if text.is_empty() => {}
                Part::Line(text) => drop(self.note(Mark::Note, text.clone())),
                Part::Marked(mark, text) => drop(self.note(*mark, text.clone())),
                Part::Hint(text) => match self.blocks.last_mut() {
                    Some(Block::Note { fix, .. }) if fix.is_none() => *fix = Some(text.clone()),
                    _ => drop(self.note(Mark::Note, text.clone())),
                },
                Part::Table(table) => {
                    let caption = self.title.clone();
                    self.add(Block::Grid(Grid::of(table, caption, String::new(), |_| None)));
                }
            }
        }
        self
    }

    /// Adds a heading.
    pub(super) fn heading(&mut self, text: String) -> &mut Self {
        self.add(Block::Heading(text))
    }

    /// Adds a sentence.
    pub(super) fn note(&mut self, mark: Mark, text: String) -> &mut Self {
        self.add(Block::Note { mark, text, fix: None })
    }

    /// The name without what would turn the text around it, for the browser's own frame.
    fn plain_title(&self) -> String {
        self.title.chars().filter(|c| !turns(*c)).collect()
    }
}

/// Whether a character turns the direction of what follows.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Grid {
    /// Whether a column stands to the right.
    fn is_right(&self, column: &usize) -> bool {
        self.columns.get(*column).is_some_and(|(_, right)| *right)
    }

    /// The same rows as a command prints. `href` leads from a row, by its number, where its first cell does.
    pub(super) fn of(
        table: &output::Table,
        caption: String,
        empty: String,
        href: impl Fn(usize) -> Option<String>,
    ) -> Self {
        let cells = |(number, row): (usize, &Vec<output::Cell>)| -> Vec<Cell> {
            let cell = |(column, cell): (usize, &output::Cell)| Cell {
                text: cell.as_text().to_owned(),
                mark: cell.mark(),
                href: href(number).filter(|_| column == 0),
                ..Cell::default()
            };
            row.iter().enumerate().map(cell).collect()
        };
        Self {
            caption,
            columns: table.heads().map(|(header, right)| (header.to_owned(), right)).collect(),
            rows: table.all_rows().iter().enumerate().map(cells).collect(),
            empty,
        }
    }
}

impl Cell {
    /// A text.
    pub(super) fn text(text: impl ToString) -> Self {
        Self { text: text.to_string(), ..Self::default() }
    }

    /// A state in words with its glyph.
    pub(super) fn state(mark: Mark, text: impl ToString) -> Self {
        Self { text: text.to_string(), mark: Some(mark), ..Self::default() }
    }

    /// Leads somewhere.
    pub(super) fn to(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }

    /// With a bar, of a hundred.
    pub(super) fn with_bar(mut self, percent: u64) -> Self {
        self.bar = Some(percent.min(100));
        self
    }
}

impl Fact {
    /// A name and a line.
    pub(super) fn line(label: impl Into<String>, line: impl Into<String>) -> Self {
        Self { label: label.into(), lines: vec![line.into()], remark: None, href: None }
    }
}

/// The class that a style sheet knows a state by.
pub(super) fn class(mark: &Mark) -> &'static str {
    match mark {
        Mark::Good => "good",
        Mark::Note => "note",
        Mark::Attention => "attention",
        Mark::Bad => "bad",
    }
}

/// What stands before the words of a state, so that no colour is needed.
pub(super) fn glyph(mark: &Mark) -> &'static str {
    match mark {
        Mark::Good => "✔",
        Mark::Note => "·",
        Mark::Attention => "!",
        Mark::Bad => "×",
    }
}
