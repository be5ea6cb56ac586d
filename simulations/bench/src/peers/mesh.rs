//! Engines that meet in one process.

use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::sync::{Input, Now, Output};

/// Frames taken in before they are committed together, as the runtime does it.
pub(crate) const FRAMES_PER_COMMIT: usize = 64;

/// Time that passes while frames are on their way, ms: a local network's.
const FLIGHT_MS: u64 = 2;

/// Time that is let pass once two have nothing more to say, ms.
const AFTERWARDS_MS: u64 = 1_000;

/// A clock that goes when it is told to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    monotonic_ms: u64,
    wall_ms: i64,
}

impl Clock {
    /// A clock whose wall time begins here, ms since 1970.
    pub(crate) fn at(wall_ms: i64) -> Self {
        Self { monotonic_ms: 1_000, wall_ms }
    }

    /// The time.
    pub(crate) fn now(&self) -> Now {
        Now { monotonic_ms: self.monotonic_ms, wall_ms: self.wall_ms }
    }

    /// So much time passes, ms.
    pub(crate) fn passes(&mut self, ms: u64) {
        self.monotonic_ms += ms;
        self.wall_ms += ms as i64;
    }

    /// The wall clock moves on to this time, ms since 1970; never back.
    pub(crate) fn comes_to(&mut self, wall_ms: i64) {
        self.passes(u64::try_from(wall_ms - self.wall_ms).unwrap_or(0).max(1));
    }
}

/// Takes in frames as the runtime does, in commits of what waits together.
pub(crate) fn take_in(
    engine: &mut Engine,
    clock: &mut Clock,
    from: DeviceId,
    frames: Vec<Vec<u8>>,
) -> anyhow::Result<()> {
    clock.passes(FLIGHT_MS);
    let mut frames = frames.into_iter().peekable();
    while frames.peek().is_some() {
        for frame in frames.by_ref().take(FRAMES_PER_COMMIT) {
            engine.handle(clock.now(), Input::Frame(from, frame))?;
        }
        engine.settle(clock.now())?;
    }
    Ok(())
}

/// What an engine sends, by peer. Fails where it hangs up.
pub(crate) fn sent(engine: &mut Engine) -> anyhow::Result<Vec<(DeviceId, Vec<u8>)>> {
    let mut frames = Vec::new();
    loop {
        match engine.poll() {
            Output::Send(peer, frame) => frames.push((peer, frame)),
            Output::Hangup(_, error) => anyhow::bail!("a session ended: {}", error.code()),
            Output::Timeout(_) => return Ok(frames),
            Output::Ingest(..) | Output::Fill(..) | Output::Learn(_) | Output::Event(_) => {}
        }
    }
}

/// Whether the exchange with a peer is complete.
pub(crate) fn is_done(engine: &Engine, peer: DeviceId) -> anyhow::Result<bool> {
    Ok(engine.progress(peer)?.is_some_and(|progress| progress.done))
}

/// Two engines meet, exchange all there is, and part. Frames for others are returned.
pub(crate) fn meet(
    clock: &mut Clock,
    one: &mut Engine,
    two: &mut Engine,
) -> anyhow::Result<Vec<(DeviceId, Vec<u8>)>> {
    meet_heard(clock, one, two, &mut |_, _| {})
}

/// As [`meet`]; each frame is heard, with whether the first sends it.
pub(crate) fn meet_heard(
    clock: &mut Clock,
    one: &mut Engine,
    two: &mut Engine,
    hear: &mut dyn FnMut(bool, &[u8]),
) -> anyhow::Result<Vec<(DeviceId, Vec<u8>)>> {
    let (first, second) = (one.device(), two.device());
    one.handle(clock.now(), Input::PeerUp(second))?;
    two.handle(clock.now(), Input::PeerUp(first))?;
    let mut others = Vec::new();
    let mut waited = false;
    loop {
        let mut moved = false;
        for is_first in [true, false] {
            let (from, to) = if is_first { (&mut *one, &mut *two) } else { (&mut *two, &mut *one) };
            from.settle(clock.now())?;
            let device = from.device();
            let (frames, elsewhere) =
                sent(from)?.into_iter().partition::<Vec<_>, _>(|(peer, _)| *peer == to.device());
            others.extend(elsewhere);
            moved |= !frames.is_empty();
            let frames: Vec<Vec<u8>> = frames.into_iter().map(|(_, frame)| frame).collect();
            frames.iter().for_each(|frame| hear(is_first, frame));
            take_in(to, clock, device, frames)?;
        }
        if moved {
            waited = false;
        } else if waited {
            break;
        } else {
            // What one of them does by itself once all is exchanged, it does now.
            clock.passes(AFTERWARDS_MS);
            one.handle(clock.now(), Input::Timeout)?;
            two.handle(clock.now(), Input::Timeout)?;
            waited = true;
        }
    }
    if !is_done(one, second)? || !is_done(two, first)? {
        anyhow::bail!("two nodes met and did not come to an end");
    }
    one.handle(clock.now(), Input::PeerDown(second))?;
    two.handle(clock.now(), Input::PeerDown(first))?;
    others.extend(sent(one)?);
    two.flush_peers(clock.now())?;
    one.flush_peers(clock.now())?;
    Ok(others)
}
