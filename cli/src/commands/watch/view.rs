//! What is seen, as a value: what the feed brings changes it, and it draws itself into any frame.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fluent_bundle::FluentValue;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};
use shouwang_node::command::happenings::Happening;
use shouwang_node::command::health::{HealthReport, Severity};
use shouwang_node::command::status::{PeerState, PeerStatus};
use shouwang_node::home::HomeError;
use shouwang_node::identity::DeviceId;
use shouwang_node::limits::HAPPENINGS_KEPT;
use unicode_width::UnicodeWidthStr;

use super::feed::{Look, News};
use super::rate::Rate;
use crate::commands::peers::{display_name, sorted, state_words};
use crate::commands::status;
use crate::context::{Context, civil_time};
use crate::finding;
use crate::happening::{self, Names};
use crate::meter::Meter;
use crate::moment;
use crate::output::Mark;

/// Lower than this nothing can be shown, rows.
const HEIGHT_MIN: u16 = 8;
/// Narrower than this nothing can be shown, columns.
const WIDTH_MIN: u16 = 40;
/// From here on there is room for everything, columns.
const WIDE: u16 = 100;
/// Findings that are said in full.
const FINDINGS_SHOWN: usize = 3;
/// A node that has not answered for so long is said to be silent.
const SILENT_AFTER_MS: i64 = 5_000;
/// How long the bar of an exchange is, columns.
const BAR_WIDTH: u64 = 10;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Enough.
    Quit,
    /// Ask the node at once.
    Look,
    /// The other list scrolls from now on.
    Other,
    /// So many lines up.
    Up(usize),
    /// So many lines down.
    Down(usize),
}

/// What is seen.
pub(crate) struct View {
    /// The time, ms since 1970.
    pub(crate) now_ms: i64,
    node: NodeState,
    /// What it last said of itself.
    health: Option<HealthReport>,
    /// Its area and its device.
    who: String,
    peers: Vec<PeerStatus>,
    names: Names,
    exchanges: BTreeMap<DeviceId, Exchange>,
    /// The oldest first.
    happenings: VecDeque<Happening>,
    forgotten: u64,
    focus: List,
    /// The first peer that is shown.
    peers_from: usize,
    /// Happenings that are newer than the lowest one shown.
    happenings_below: usize,
}

/// Which of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Peers,
    Happenings,
}

/// How it stands with the node.
enum NodeState {
    /// Not asked yet.
    Unknown,
    /// It answered at this time.
    Running(i64),
    /// It does not run, or says why it does not answer.
    NotRunning(String),
}

/// What goes to and fro in one session.
#[derive(Default)]
struct Exchange {
    meter: Meter,
    bytes: Rate,
    entries: Rate,
}

impl View {
    /// Before anything is known.
    pub(crate) fn new() -> Self {
        Self {
            now_ms: 0,
            node: NodeState::Unknown,
            health: None,
            who: String::new(),
            peers: Vec::new(),
            names: Names::default(),
            exchanges: BTreeMap::new(),
            happenings: VecDeque::new(),
            forgotten: 0,
            focus: List::Happenings,
            peers_from: 0,
            happenings_below: 0,
        }
    }

    /// Takes in what the feed has brought.
    pub(crate) fn learn(&mut self, news: News, context: &Context) {
        let look = match news {
            News::Looked(look) => *look,
            News::NotRunning(error) => {
                let why = why(&error, context);
                self.node = NodeState::NotRunning(why);
                self.exchanges.clear();
                // Nobody is connected to a node that is gone, and what was well with it may not be any more.
                self.health = None;
                for peer in self.peers.iter_mut().filter(|peer| peer.state == PeerState::Online) {
                    peer.state = PeerState::Seen;
                    (peer.in_session, peer.via) = (false, None);
                }
                return;
            }
        };
        self.node = NodeState::Running(look.seen_ms);
        self.exchange(&look);
        self.names.learn(&look.peers);
        self.peers = look.peers;
        self.forgotten += look.forgotten;
        // Who has scrolled up goes on seeing what they see.
        if self.happenings_below > 0 {
            self.happenings_below = self.happenings_below.saturating_add(look.happenings.len());
        }
        self.happenings.extend(look.happenings);
        while self.happenings.len() > HAPPENINGS_KEPT {
            self.happenings.pop_front();
            self.forgotten += 1;
        }
        if let Some(health) = look.health {
            self.who = status::area_and_device(&health.status, context);
            self.health = Some(health);
        }
    }

    fn exchange(&mut self, look: &Look) {
        for peer in &look.peers {
            if peer.state != PeerState::Online {
                self.exchanges.remove(&peer.device);
                continue;
            }
            let exchange = self.exchanges.entry(peer.device).or_default();
            let owed = peer.they_lack.unwrap_or_default() + peer.we_lack.unwrap_or_default();
            exchange.meter.owes(peer.device, owed);
            exchange.bytes.note(look.at, peer.bytes_sent + peer.bytes_received);
            exchange.entries.note(look.at, exchange.meter.exchanged());
        }
    }

    /// A key was pressed.
    pub(crate) fn press(&mut self, key: Key) {
        let (list, by) = match key {
            Key::Quit | Key::Look => return,
            Key::Other => {
                self.focus = match self.focus {
                    List::Peers => List::Happenings,
                    List::Happenings => List::Peers,
                };
                return;
            }
            Key::Up(by) => (self.focus, (by, true)),
            Key::Down(by) => (self.focus, (by, false)),
        };
        // How far there is anything is known where it is drawn.
        match (list, by) {
            (List::Peers, (by, true)) => self.peers_from = self.peers_from.saturating_sub(by),
            (List::Peers, (by, false)) => self.peers_from = self.peers_from.saturating_add(by),
            (List::Happenings, (by, true)) => {
                self.happenings_below = self.happenings_below.saturating_add(by);
            }
            (List::Happenings, (by, false)) => {
                self.happenings_below = self.happenings_below.saturating_sub(by);
            }
        }
    }

    /// Draws itself.
    pub(crate) fn draw(&mut self, frame: &mut Frame<'_>, context: &Context) {
        let area = frame.area();
        if area.height < HEIGHT_MIN || area.width < WIDTH_MIN {
            frame.render_widget(Paragraph::new(context.messages.text("watch-small")), area);
            return;
        }
        let head = self.head(context);
        let head_height = u16::try_from(head.len()).unwrap_or(HEIGHT_MIN).min(area.height / 2);
        // Each list with its title; the peers take what they need, up to half.
        let rest = area.height - head_height - 1;
        let wanted = u16::try_from(self.peers.len().max(1)).unwrap_or(u16::MAX).saturating_add(2);
        let peers_height = wanted.min(rest / 2).max(3);
        let [head_area, peers_area, happenings_area, keys_area] = Layout::vertical([
            Constraint::Length(head_height),
            Constraint::Length(peers_height),
            Constraint::Min(0),
            Constraint::Length(1),
        ])
        .areas(area);
        frame.render_widget(Paragraph::new(fitted(head, area.width)), head_area);
        self.draw_peers(frame, peers_area, context);
        self.draw_happenings(frame, happenings_area, context);
        let keys = Line::from(context.messages.text("watch-keys"));
        frame.render_widget(Paragraph::new(keys.style(faint(context))), keys_area);
    }

    /// Who this is, whether it runs, and what is wrong.
    fn head(&self, context: &Context) -> Vec<Line<'static>> {
        let messages = &context.messages;
        let time = civil_time(self.now_ms);
        let time = time.map(|time| time.format("%H:%M:%S").to_string()).unwrap_or_default();
        let mut lines = vec![Line::from(format!("{time}  {}", self.who))];
        lines.push(match &self.node {
            NodeState::Unknown => marked(Mark::Note, messages.text("watch-looking"), context),
            NodeState::NotRunning(why) => marked(Mark::Bad, why.clone(), context),
            NodeState::Running(seen_ms) => match self.now_ms.saturating_sub(*seen_ms) {
                silent_ms @ SILENT_AFTER_MS.. => {
                    let seconds = FluentValue::from(silent_ms / 1_000);
                    let text = messages.say("watch-no-answer", [("seconds", seconds)]);
                    marked(Mark::Bad, text, context)
                }
                _ => marked(Mark::Good, messages.text("watch-running"), context),
            },
        });
        let Some(health) = &self.health else { return lines };
        let mut wrong: Vec<_> =
            health.findings.iter().filter(|found| found.severity > Severity::Note).collect();
        wrong.sort_by_key(|found| std::cmp::Reverse(found.severity));
        if wrong.is_empty() {
            lines.push(marked(Mark::Good, messages.text("watch-nothing-wrong"), context));
        }
        for found in wrong.iter().take(FINDINGS_SHOWN) {
            let text = finding::text(found, context);
            lines.push(marked(finding::mark(found.severity), text, context));
        }
        if wrong.len() > FINDINGS_SHOWN {
            let count = FluentValue::from((wrong.len() - FINDINGS_SHOWN) as u64);
            let more = messages.say("watch-more", [("count", count)]);
            lines.push(marked(Mark::Attention, more, context));
        }
        lines
    }

    fn title(&self, list: List, context: &Context) -> Line<'static> {
        let style = match (self.focus == list, context.output.has_color()) {
            (true, true) => Style::new().add_modifier(Modifier::BOLD).fg(Color::Cyan),
            (true, false) => Style::new().add_modifier(Modifier::BOLD),
            (false, _) => Style::new(),
        };
        let cursor = match (self.focus == list, context.output.has_glyphs()) {
            (true, true) => "▸ ",
            (true, false) => "> ",
            (false, _) => "  ",
        };
        let name = match list {
            List::Peers => context.messages.text("watch-peers"),
            List::Happenings => context.messages.text("watch-happenings"),
        };
        Line::from(format!("{cursor}{name}")).style(style)
    }

    fn draw_peers(&mut self, frame: &mut Frame<'_>, area: Rect, context: &Context) {
        let [title, list] =
            Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(area);
        let blank_above = [Line::default(), self.title(List::Peers, context)];
        frame.render_widget(Paragraph::new(blank_above.to_vec()), title);
        if self.peers.is_empty() {
            let text = context.messages.text("watch-no-peers");
            frame.render_widget(Paragraph::new(Line::from(text).style(faint(context))), list);
            return;
        }
        let most = self.peers.len().saturating_sub(usize::from(list.height));
        self.peers_from = self.peers_from.min(most);
        let shown = sorted(&self.peers).into_iter().skip(self.peers_from);
        let rows = shown.take(usize::from(list.height)).map(|peer| self.row(peer, context));
        // A narrow window goes without the ways, a wide one keeps names and numbers near each other.
        let via = if list.width < WIDE { 0 } else { 9 };
        let widths = [
            Constraint::Max(30),
            Constraint::Length(20),
            Constraint::Length(via),
            Constraint::Length(38),
        ];
        frame.render_widget(Table::new(rows, widths).column_spacing(2), list);
    }

    /// Name, state, way, and how far the exchange is.
    fn row(&self, peer: &PeerStatus, context: &Context) -> Row<'static> {
        let messages = &context.messages;
        let (mark, words) = state_words(peer, self.now_ms, context);
        let state = match mark {
            Some(mark) => marked(mark, words, context),
            None => Line::from(format!("  {words}")),
        };
        let via = peer.via.map(|via| messages.word("via", via.as_str()));
        Row::new([
            Cell::from(display_name(peer)),
            Cell::from(state),
            Cell::from(via.unwrap_or_default()),
            Cell::from(self.progress(peer, context)),
        ])
    }

    fn progress(&self, peer: &PeerStatus, context: &Context) -> String {
        let messages = &context.messages;
        let Some(exchange) = self.exchanges.get(&peer.device) else {
            return match peer.last_done_ms {
                Some(at) => {
                    let age = moment::ago(messages, at, self.now_ms, context.verbose);
                    messages.say("watch-last", [("age", FluentValue::from(age))])
                }
                None => messages.text("watch-never-done"),
            };
        };
        let left = exchange.meter.left();
        if left == 0 && peer.done {
            let total = exchange.meter.total();
            return match total {
                0 => messages.text("watch-all-here"),
                _ => format!("{} {total}/{total}", bar(1, 1, context)),
            };
        }
        let (done, total) = (exchange.meter.exchanged(), exchange.meter.total());
        let mut text = format!("{} {done}/{total}", bar(done, total, context));
        if let Some(rate) = exchange.bytes.per_second() {
            text.push_str(&format!("  {}/s", moment::bytes(rate.round() as u64)));
        }
        let time =
            exchange.entries.time_for(left).filter(|time| *time < Duration::from_secs(86_400));
        text.push_str(&format!("  {}", time.map_or("?".to_owned(), moment::span)));
        text
    }

    fn draw_happenings(&mut self, frame: &mut Frame<'_>, area: Rect, context: &Context) {
        let messages = &context.messages;
        let [title, list] =
            Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(area);
        let title_line = self.title(List::Happenings, context);
        frame.render_widget(Paragraph::new(vec![Line::default(), title_line]), title);
        // What is no longer remembered stands above all others, as a row of its own.
        let note = usize::from(self.forgotten > 0);
        let (height, rows) = (usize::from(list.height), self.happenings.len() + note);
        self.happenings_below = self.happenings_below.min(rows.saturating_sub(height));
        let end = rows - self.happenings_below;
        let start = end.saturating_sub(height);
        let mut lines: Vec<Line<'static>> = Vec::new();
        if rows == 0 && matches!(self.node, NodeState::Running(_)) {
            let text = messages.text("watch-nothing-happened");
            lines.push(Line::from(text).style(faint(context)));
        }
        if start < note {
            let text = happening::forgotten(self.forgotten, messages);
            lines.push(Line::from(text).style(faint(context)));
        }
        let shown = self.happenings.iter().take(end.saturating_sub(note));
        let shown = shown.skip(start.saturating_sub(note));
        lines.extend(shown.map(|happening| self.line(happening, context)));
        frame.render_widget(Paragraph::new(fitted(lines, area.width)), list);
    }

    fn line(&self, happening: &Happening, context: &Context) -> Line<'static> {
        let who = happening::who(happening, &self.names, &context.messages);
        let mut line =
            marked(happening::mark(&happening.what), happening::text(happening, context), context);
        let head = format!("{}  {}  ", happening::time(happening), padded(&who, 14));
        line.spans.insert(0, Span::raw(head));
        line
    }
}

/// Why there is nothing to see.
pub(super) fn why(error: &Option<HomeError>, context: &Context) -> String {
    match error {
        Some(error) => {
            let code = error.code();
            let words = context.messages.dotted(&format!("error-{code}"), None);
            words.unwrap_or_else(|| code.to_owned())
        }
        None => context.messages.text("watch-not-running"),
    }
}

/// A glyph, in colour where there is one, and a text.
fn marked(mark: Mark, text: String, context: &Context) -> Line<'static> {
    let style = match (mark, context.output.has_color()) {
        (_, false) => Style::new(),
        (Mark::Good, true) => Style::new().fg(Color::Green),
        (Mark::Note, true) => Style::new().fg(Color::Cyan),
        (Mark::Attention, true) => Style::new().fg(Color::Yellow),
        (Mark::Bad, true) => Style::new().fg(Color::Red),
    };
    let glyph = Span::styled(context.output.glyph(mark), style);
    Line::from(vec![glyph, Span::raw(format!(" {text}"))])
}

fn faint(context: &Context) -> Style {
    match context.output.has_color() {
        true => Style::new().fg(Color::DarkGray),
        false => Style::new(),
    }
}

/// A bar that is full only when all is done.
fn bar(done: u64, total: u64, context: &Context) -> String {
    let full = (done.saturating_mul(BAR_WIDTH) / total.max(1)).min(BAR_WIDTH);
    let (filled, empty, ends) = match context.output.has_glyphs() {
        true => ("█", "·", ("▕", "▏")),
        false => ("#", ".", ("[", "]")),
    };
    let times = |text: &str, count: u64| text.repeat(usize::try_from(count).unwrap_or_default());
    format!("{}{}{}{}", ends.0, times(filled, full), times(empty, BAR_WIDTH - full), ends.1)
}

/// Lines that say where they are cut.
fn fitted(mut lines: Vec<Line<'static>>, width: u16) -> Vec<Line<'static>> {
    for line in &mut lines {
        let mut room = usize::from(width);
        for span in &mut line.spans {
            if span.width() > room {
                span.content = cut(&span.content, room).into();
            }
            room = room.saturating_sub(span.width());
        }
    }
    lines
}

/// As wide as told, with an ellipsis where it does not fit.
fn padded(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let missing = width.saturating_sub(text.width());
    text + &" ".repeat(missing)
}

/// At most as wide as told, with an ellipsis where it does not fit.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut kept = String::new();
    for c in text.chars() {
        // Of the whole: what stands beside a character may make it wider.
        kept.push(c);
        if kept.width() + 1 > width {
            kept.pop();
            break;
        }
    }
    format!("{kept}…")
}
