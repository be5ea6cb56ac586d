//! `watch`: how it stands with every peer, and what happens, as it happens.

use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde::Serialize;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::happenings::Happening;

use crate::commands::up;
use crate::context::{Context, now_ms};
use crate::error::Exit;
use crate::happening;

use feed::Feed;
#[cfg(test)]
pub(crate) use feed::Look;
pub(crate) use feed::News;
use view::{Key, View};

mod feed;
mod rate;
pub(crate) mod view;

/// How long a key waits to be looked at, at most.
const KEYS_EVERY: Duration = Duration::from_millis(100);

/// How long a request to end may take.
const GRACE: Duration = Duration::from_secs(2);

/// `watch`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// One line of the stream that `--json` prints.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line<'a> {
    /// Whether a node runs; if it does not answer as it should, the code of the error.
    Node { schema_version: u32, running: bool, error: Option<String> },
    /// Something happened.
    Happening {
        schema_version: u32,
        #[serde(flatten)]
        happening: &'a Happening,
    },
    /// So many happenings are no longer remembered.
    Forgotten { schema_version: u32, count: u64 },
}

/// Shows it until the person has seen enough, on a terminal; otherwise prints a line for each happening.
pub(crate) fn run(_args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (stop, stopped) = channel();
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let signals = threads.worker_threads(1).enable_all().build()?;
    let interrupted = {
        let _inside = signals.enter();
        up::interrupted()?
    };
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let is_seen = context.output.is_table() && is_terminal;
    signals.spawn(async move {
        interrupted.await;
        let _ = stop.send(());
        // Where nobody reads what is printed, nobody looks whether it should end.
        tokio::time::sleep(GRACE).await;
        if is_seen {
            ratatui::restore();
        }
        std::process::exit(0);
    });
    let feed = Feed::start(context, is_seen)?;
    let watched = match is_seen {
        true => on_screen(&feed, &stopped, context),
        false => as_lines(&feed, &stopped, context),
    };
    signals.shutdown_background();
    watched.map(|()| Exit::Done)
}

/// Gives the terminal back as it was, whatever happens.
struct Screen(DefaultTerminal);

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn on_screen(feed: &Feed, stopped: &Receiver<()>, context: &Context) -> anyhow::Result<()> {
    let terminal = ratatui::try_init().inspect_err(|_| ratatui::restore());
    let mut screen = Screen(terminal.context("the terminal has no full screen")?);
    let mut view = View::new();
    let mut drawn_at: Option<Instant> = None;
    loop {
        let mut changed = false;
        while let Some(news) = feed.next_now() {
            view.learn(news, context);
            changed = true;
        }
        // Ages and the time of day go on by themselves.
        let stale = drawn_at.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
        if changed || stale {
            view.now_ms = now_ms();
            screen.0.draw(|frame| view.draw(frame, context))?;
            drawn_at = Some(Instant::now());
        }
        if stopped.try_recv().is_ok() {
            return Ok(());
        }
        if !event::poll(KEYS_EVERY)? {
            continue;
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match pressed(&key) {
                Some(Key::Quit) => return Ok(()),
                Some(Key::Look) => feed.look_now(),
                Some(key) => view.press(key),
                None => {}
            },
            _ => {}
        }
        // Whatever it was, a key or another size, it is to be seen at once.
        drawn_at = None;
    }
}

fn pressed(key: &KeyEvent) -> Option<Key> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c' | 'd') if control => Key::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Char('r') => Key::Look,
        KeyCode::Tab | KeyCode::BackTab => Key::Other,
        KeyCode::Up | KeyCode::Char('k') => Key::Up(1),
        KeyCode::Down | KeyCode::Char('j') => Key::Down(1),
        KeyCode::PageUp => Key::Up(10),
        KeyCode::PageDown => Key::Down(10),
        KeyCode::Home => Key::Up(usize::MAX),
        KeyCode::End => Key::Down(usize::MAX),
        _ => return None,
    })
}

fn as_lines(feed: &Feed, stopped: &Receiver<()>, context: &Context) -> anyhow::Result<()> {
    let output = context.output;
    let mut running = None;
    let mut names = happening::Names::default();
    loop {
        if stopped.try_recv().is_ok() {
            return Ok(());
        }
        let news = match feed.next(KEYS_EVERY) {
            Ok(news) => news,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let schema_version = JSON_SCHEMA_VERSION;
        let is_running = matches!(news, News::Looked(_));
        if running.replace(is_running) != Some(is_running) {
            let error = match &news {
                News::NotRunning(Some(error)) => Some(error.code().to_owned()),
                _ => None,
            };
            let line = Line::Node { schema_version, running: is_running, error };
            match (output.is_json(), &news) {
                (true, _) if !output.stream(&line)? => return Ok(()),
                (true, _) => {}
                (false, News::Looked(_)) => output.note(&context.messages.text("watch-running")),
                (false, News::NotRunning(why)) => output.note(&view::why(why, context)),
            }
        }
        let News::Looked(look) = news else { continue };
        names.learn(&look.peers);
        if look.forgotten > 0 {
            let line = Line::Forgotten { schema_version, count: look.forgotten };
            match output.is_json() {
                true if !output.stream(&line)? => return Ok(()),
                true => {}
                false => output.note(&happening::forgotten(look.forgotten, &context.messages)),
            }
        }
        for happening in &look.happenings {
            let goes_on = match output.is_json() {
                true => output.stream(&Line::Happening { schema_version, happening })?,
                false => output.stream_line(&happening::line(happening, &names, context))?,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }
}
