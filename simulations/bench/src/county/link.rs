//! An exchange of two engines in one process.

use std::collections::VecDeque;

use shouwang_node::engine::Engine;
use shouwang_node::sync::{Input, Now, Output};

/// Frames that are taken in before a commit: as many as a running node takes.
const FRAMES_PER_COMMIT: usize = 64;

/// A clock that goes on by a millisecond whenever it is asked.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    monotonic_ms: u64,
    /// 2025-12-20 08:00 in UTC+8.
    begins_ms: i64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { monotonic_ms: 1, begins_ms: 1_766_188_800_000 }
    }

    pub(super) fn now(&mut self) -> Now {
        self.monotonic_ms += 1;
        let since = i64::try_from(self.monotonic_ms).unwrap_or_default();
        Now { monotonic_ms: self.monotonic_ms, wall_ms: self.begins_ms + since }
    }
}

/// Connects two engines and carries frames until nothing moves.
pub(super) fn exchange(
    one: &mut Engine,
    two: &mut Engine,
    clock: &mut Clock,
) -> anyhow::Result<()> {
    let (first, second) = (one.device(), two.device());
    one.handle(clock.now(), Input::PeerUp(second))?;
    two.handle(clock.now(), Input::PeerUp(first))?;
    let (mut to_one, mut to_two) = (VecDeque::new(), VecDeque::new());
    loop {
        take(one, clock, &mut to_one, second)?;
        send(one, &mut to_two)?;
        take(two, clock, &mut to_two, first)?;
        send(two, &mut to_one)?;
        if to_one.is_empty() && to_two.is_empty() {
            break;
        }
    }
    one.handle(clock.now(), Input::PeerDown(second))?;
    two.handle(clock.now(), Input::PeerDown(first))?;
    send(one, &mut VecDeque::new())?;
    send(two, &mut VecDeque::new())
}

fn take(
    engine: &mut Engine,
    clock: &mut Clock,
    frames: &mut VecDeque<Vec<u8>>,
    from: shouwang_node::identity::DeviceId,
) -> anyhow::Result<()> {
    for frame in frames.drain(..frames.len().min(FRAMES_PER_COMMIT)) {
        engine.handle(clock.now(), Input::Frame(from, frame))?;
    }
    Ok(engine.settle(clock.now())?)
}

fn send(engine: &mut Engine, frames: &mut VecDeque<Vec<u8>>) -> anyhow::Result<()> {
    loop {
        match engine.poll() {
            Output::Send(_, frame) => frames.push_back(frame),
            Output::Hangup(_, error) => anyhow::bail!("hung up: {}", error.code()),
            Output::Timeout(_) => return Ok(()),
            _ => {}
        }
    }
}
