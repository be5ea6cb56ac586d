//! Asks the running node again and again, beside the screen: a node that is slow, or gone, holds up no key.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use shouwang_node::command::happenings::{Happening, Happenings};
use shouwang_node::command::health::{Health, HealthReport};
use shouwang_node::command::status::{PeerStatus, Peers};
use shouwang_node::home::{Home, HomeError, Node};

use crate::commands::incident;
use crate::context::{Context, now_ms};

/// How often it asks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it asks for what takes a large county's node a tenth of a second.
const HEALTH_EVERY: Duration = Duration::from_secs(15);

/// What came of asking.
pub(crate) enum News {
    /// The node has answered.
    Looked(Box<Look>),
    /// No node runs, or it does not answer any more; or it answers something else.
    NotRunning(Option<HomeError>),
}

/// An answer.
pub(crate) struct Look {
    /// When, since watching began.
    pub(crate) at: Duration,
    /// When, by this machine's clock, ms since 1970.
    pub(crate) seen_ms: i64,
    /// Every peer.
    pub(crate) peers: Vec<PeerStatus>,
    /// What has happened since the last look.
    pub(crate) happenings: Vec<Happening>,
    /// How many happenings between are no longer remembered.
    pub(crate) forgotten: u64,
    /// What is well and what is not, where that was asked for.
    pub(crate) health: Option<HealthReport>,
}

/// Where answers come from.
pub(super) struct Feed {
    news: Receiver<News>,
    asked: Sender<()>,
}

impl Feed {
    /// Begins to ask, also for what is well and what is not if that is shown.
    pub(super) fn start(context: &Context, with_health: bool) -> std::io::Result<Self> {
        // Whoever does not read what came is not asked for more.
        let (sender, news) = sync_channel(1);
        let (asked, asks) = channel();
        let home = context.home.clone();
        let as_of = incident::moment(context);
        let began = Instant::now();
        let work = move || {
            let mut watched = Watched {
                home,
                with_health,
                node: None,
                process: String::new(),
                last: 0,
                health_at: None,
            };
            loop {
                let news = match watched.look(as_of, began) {
                    Ok(look) => News::Looked(Box::new(look)),
                    Err(error) => {
                        watched.node = None;
                        News::NotRunning(error)
                    }
                };
                if sender.send(news).is_err() {
                    return;
                }
                match asks.recv_timeout(LOOK_EVERY) {
                    Ok(()) => watched.health_at = None,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        std::thread::Builder::new().name("watch".into()).spawn(work)?;
        Ok(Self { news, asked })
    }

    /// What has come since, if anything.
    pub(super) fn next_now(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Waits for what comes next.
    pub(super) fn next(&self, wait: Duration) -> Result<News, RecvTimeoutError> {
        self.news.recv_timeout(wait)
    }

    /// Asks at once, and for everything.
    pub(super) fn look_now(&self) {
        let _ = self.asked.send(());
    }
}

struct Watched {
    home: Home,
    with_health: bool,
    node: Option<Node>,
    /// Which process answered last.
    process: String,
    /// The last happening that was told.
    last: u64,
    health_at: Option<Instant>,
}

impl Watched {
    fn look(
        &mut self,
        as_of: Option<NaiveDateTime>,
        began: Instant,
    ) -> Result<Look, Option<HomeError>> {
        let node = match &mut self.node {
            Some(node) => node,
            None => self.node.insert(self.home.running_node().ok_or(None)?),
        };
        let peers = node.call(Peers {}).map_err(Some)?.peers;
        let mut told = node.call(Happenings { after: self.last }).map_err(Some)?;
        // Another process answers, which counts anew.
        if told.process != self.process {
            told = node.call(Happenings { after: 0 }).map_err(Some)?;
            self.process.clone_from(&told.process);
        }
        let is_due = self.health_at.is_none_or(|at| at.elapsed() >= HEALTH_EVERY);
        let mut health = None;
        if self.with_health && is_due {
            self.health_at = Some(Instant::now());
            let machine = Some(self.home.machine(node).map_err(Some)?);
            health = Some(node.call(Health { as_of, machine }).map_err(Some)?);
        }
        // Only now: what is not handed on is asked for again.
        self.last = told.last;
        Ok(Look {
            at: began.elapsed(),
            seen_ms: now_ms(),
            peers,
            happenings: told.happenings,
            forgotten: told.forgotten,
            health,
        })
    }
}
