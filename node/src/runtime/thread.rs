//! The engine's own thread: one message after another, one commit for what came in together.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::command::{CommandError, ErrorKind};
use crate::engine::Engine;
use crate::identity::DeviceId;
use crate::machine::now;
use crate::store::StoreError;
use crate::sync::{Event, Input, Now, Output};
use crate::transport::{Ends, Guests, Notice, Order, Substream};

/// Notices taken in before a commit, at most: what waited together is committed together, and a
/// person's request never waits for long.
const NOTICES_PER_COMMIT: usize = 64;

type Call = Box<dyn FnOnce(&mut Engine, Now) + Send>;

/// What requests go through.
#[derive(Clone)]
pub(crate) struct EngineHandle {
    calls: mpsc::Sender<Message>,
}

enum Message {
    Call(Call),
    Stop(oneshot::Sender<()>),
}

impl EngineHandle {
    /// Runs on the engine's thread.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine, Now) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(move |engine: &mut Engine, now: Now| {
            let _ = answer.send(work(engine, now));
        });
        let gone = || CommandError::new(ErrorKind::Failed, "node_stopped", "the node has stopped");
        self.calls.send(Message::Call(call)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    /// Stops the engine and waits until its store is closed.
    pub(crate) async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.calls.send(Message::Stop(done)).await.is_ok() {
            let _ = stopped.await;
        }
    }
}

/// Starts the thread. The notification comes when it has ended.
pub(crate) fn spawn(
    engine: Engine,
    ends: Ends,
    guests: Option<Guests>,
) -> Result<(EngineHandle, Arc<Notify>), CommandError> {
    let (calls, waiting) = mpsc::channel(64);
    let ended = Arc::new(Notify::new());
    let (runtime, notify) = (tokio::runtime::Handle::current(), ended.clone());
    let work = move || {
        let current = BTreeMap::new();
        let driver =
            Driver { engine, ends, waiting, current, guests, guests_of: None, failed: false };
        // redb 4.5 panics over some damaged pages, whenever they are read. The engine is gone then, and
        // nobody may believe that it still runs.
        let stopped = runtime.block_on(AssertUnwindSafe(driver.run()).catch_unwind());
        notify.notify_one();
        match stopped {
            Ok(Some(stopped)) => drop(stopped.send(())),
            Ok(None) => {}
            Err(_) => tracing::error!("the engine's thread has ended: is the disk damaged?"),
        }
    };
    std::thread::Builder::new()
        .name("engine".into())
        .spawn(work)
        .map_err(|error| CommandError::new(ErrorKind::Failed, "thread", error))?;
    Ok((EngineHandle { calls }, ended))
}

struct Driver {
    engine: Engine,
    ends: Ends,
    waiting: mpsc::Receiver<Message>,
    current: BTreeMap<DeviceId, Substream>,
    /// Whom the transport may carry, where it carries anybody.
    guests: Option<Guests>,
    /// [`Engine::authority_changes`] when they were last told.
    guests_of: Option<u64>,
    failed: bool,
}

impl Driver {
    async fn run(mut self) -> Option<oneshot::Sender<()>> {
        loop {
            let rewritten = self.engine.rewrite_if_due();
            self.check(rewritten);
            let deadline = self.outputs();
            self.tell_guests();
            if self.failed {
                return None;
            }
            tokio::select! {
                notice = self.ends.notices.recv() => {
                    self.notice(notice?);
                    for _ in 1..NOTICES_PER_COMMIT {
                        match self.ends.notices.try_recv() {
                            Ok(notice) => self.notice(notice),
                            Err(_) => break,
                        }
                    }
                    let settled = self.engine.settle(now());
                    self.check(settled);
                }
                message = self.waiting.recv() => match message? {
                    Message::Call(call) => call(&mut self.engine, now()),
                    Message::Stop(stopped) => {
                        let settled = self.engine.settle(now());
                        self.check(settled);
                        let flushed = self.engine.flush_peers(now());
                        self.check(flushed);
                        self.outputs();
                        drop(self.engine);
                        return Some(stopped);
                    }
                },
                () = wait(deadline) => {
                    let handled = self.engine.handle(now(), Input::Timeout);
                    self.check(handled);
                    let settled = self.engine.settle(now());
                    self.check(settled);
                }
            }
        }
    }

    fn notice(&mut self, notice: Notice) {
        // What an old session has still to say must not go to the substream that takes its place.
        if matches!(notice, Notice::Up(..) | Notice::Down(..)) {
            self.outputs();
        }
        let input = match notice {
            Notice::Up(peer, substream, path) => {
                self.current.insert(peer, substream);
                let is_near = path.is_near;
                self.engine.note_path(peer, path);
                if is_near { Input::PeerNear(peer) } else { Input::PeerUp(peer) }
            }
            Notice::Down(peer, substream) if self.is_current(peer, substream) => {
                self.current.remove(&peer);
                self.engine.forget_path(peer);
                Input::PeerDown(peer)
            }
            Notice::Frame(peer, substream, frame) if self.is_current(peer, substream) => {
                Input::Frame(peer, frame)
            }
            Notice::Oversized(peer, substream, length) if self.is_current(peer, substream) => {
                Input::Oversized(peer, length)
            }
            // Of a substream that another has replaced.
            Notice::Down(..) | Notice::Frame(..) | Notice::Oversized(..) => return,
        };
        let handled = self.engine.handle(now(), input);
        self.check(handled);
    }

    fn is_current(&self, peer: DeviceId, substream: Substream) -> bool {
        self.current.get(&peer) == Some(&substream)
    }

    /// Passes on what the engine wants done; returns when it wants to be woken.
    fn outputs(&mut self) -> Option<u64> {
        loop {
            let order = match self.engine.poll() {
                Output::Timeout(deadline) => return deadline,
                Output::Send(peer, frame) => {
                    self.current.get(&peer).map(|substream| Order::Send(peer, *substream, frame))
                }
                Output::Hangup(peer, error) => {
                    tracing::info!(peer = %peer.short(), code = error.code(), "hung up");
                    let substream = self.current.remove(&peer);
                    self.engine.forget_path(peer);
                    substream.map(|substream| Order::Hangup(peer, substream, error))
                }
                Output::Event(Event::Moved(peer)) => {
                    self.current.get(&peer).map(|substream| Order::Moved(peer, *substream))
                }
                Output::Event(Event::Silent(peer)) => {
                    self.current.get(&peer).map(|substream| Order::Silent(peer, *substream))
                }
                Output::Event(Event::Done(peer)) => {
                    self.current.get(&peer).map(|substream| Order::Complete(peer, *substream))
                }
                Output::Event(Event::Proved(peer, _)) => {
                    let above = self.engine.note_proved(peer);
                    let is_above = above.as_ref().is_ok_and(|above| *above);
                    self.check(above.map(drop));
                    let substream = self.current.get(&peer);
                    substream.map(|substream| Order::Proved(peer, *substream, is_above))
                }
                Output::Ingest(..) | Output::Fill(..) | Output::Learn(_) | Output::Event(_) => None,
            };
            if let Some(order) = order {
                let _ = self.ends.orders.send(order);
            }
        }
    }

    /// Says whom the transport may carry, when that may have changed.
    fn tell_guests(&mut self) {
        let Some(guests) = &self.guests else { return };
        let changes = self.engine.authority_changes();
        if self.guests_of.replace(changes) != Some(changes) {
            for device in guests.set(self.engine.standing_devices()) {
                let _ = self.ends.orders.send(Order::TurnOut(device));
            }
        }
    }

    /// A store that has failed once answers nothing more until it is opened again, and no peer may
    /// believe anything meanwhile: the engine stops, and with it the process.
    fn check(&mut self, result: Result<(), StoreError>) {
        if let Err(error) = result {
            tracing::error!(%error, "the store failed");
            self.failed = true;
        }
    }
}

async fn wait(deadline_ms: Option<u64>) {
    match deadline_ms {
        None => std::future::pending().await,
        Some(deadline) => {
            let ms = deadline.saturating_sub(now().monotonic_ms);
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;
    use crate::setup;
    use crate::store::Store;

    /// A page that the disk has changed makes the database panic in the midst of anything. Whoever runs the
    /// node hears of it, and whoever asks is told: nothing waits for an engine that is gone.
    #[tokio::test]
    async fn a_panic_of_the_database_ends_the_node_and_is_heard_of() {
        let store = Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let county = "990121000000".parse().unwrap();
        setup::init(&store, &mut Entropy::new([1; 32]), county, "县民政局", 0).unwrap();
        let engine = Engine::open(store, [2; 32]).unwrap();
        let (_notices, notices) = mpsc::channel(1);
        let (orders, _orders) = mpsc::unbounded_channel();
        let (handle, ended) = spawn(engine, Ends { notices, orders }, None).unwrap();
        let told = handle.call(|_, _| panic!("a page is damaged")).await;
        assert_eq!(told.map(|()| ()).unwrap_err().code, "node_stopped");
        ended.notified().await;
        let told = handle.call(|engine, _| engine.device()).await;
        assert_eq!(told.unwrap_err().code, "node_stopped");
        handle.stop().await;
    }
}
