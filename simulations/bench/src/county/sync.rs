//! The county's engine in one process, its peers' engines in another, frames over a socket between
//! them. What a node's transport adds (connections, Noise) is in neither.
//!
//! A message on the socket: the device of the peers' side, what it is (1 B), length (4 B), bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::Request;
use shouwang_node::command::elder::VisitAdd;
use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::store::StoreRead;
use shouwang_node::sync::{Event, Input, Now, Output};

use super::build::entropy;
use super::figures::Measured;
use super::homes::Homes;
use super::people::as_of;
use super::usage::{main_thread_cpu, peak_bytes};

/// What the peers' process says once it can be met.
pub(super) const READY: &str = "ready";

/// Silence after the last exchange is complete: then nothing more comes.
const QUIET: Duration = Duration::from_millis(400);

/// The longest silence before that: nothing takes that long.
const STUCK: Duration = Duration::from_secs(120);

/// Frames taken in before a commit, and waiting to be taken in: as in a running node.
const FRAMES_PER_COMMIT: usize = 64;

const UP: u8 = 1;
const FRAME: u8 = 2;
const DOWN: u8 = 3;

struct Message {
    device: DeviceId,
    kind: u8,
    bytes: Vec<u8>,
}

/// The peers: their engines answer until whoever came has gone.
pub(super) fn serve(
    homes: &Homes,
    places: &[PathBuf],
    visits: bool,
    socket: &Path,
) -> anyhow::Result<()> {
    let clock = Clock::start();
    let mut engines: BTreeMap<DeviceId, Engine> = BTreeMap::new();
    for place in places {
        let engine = homes.open(place, seed()?)?;
        engines.insert(engine.device(), engine);
    }
    let listener = UnixListener::bind(socket)?;
    println!("{READY}");
    let (stream, _) = listener.accept()?;
    let mut out = BufWriter::new(stream.try_clone()?);
    let mut county = [0; 32];
    (&stream).read_exact(&mut county)?;
    let county = DeviceId(county);
    for device in engines.keys() {
        write(&mut out, *device, UP, &[u8::try_from(engines.len())?])?;
    }
    for engine in engines.values_mut() {
        engine.handle(clock.now(), Input::PeerUp(county))?;
        send(engine, &mut out, &mut Traffic::default(), Side::Peers)?;
    }
    out.flush()?;
    // Never full, so that the two processes cannot wait for one another.
    let messages = listen(stream, 1 << 20);
    while let Ok(first) = messages.recv() {
        let mut touched = BTreeSet::new();
        let waiting = std::iter::once(first).chain(messages.try_iter()).take(FRAMES_PER_COMMIT);
        for message in waiting {
            let engine = engines.get_mut(&message.device).context("no such device")?;
            match message.kind {
                UP if visits => {
                    record_visit(engine, clock.now())?;
                    engine.handle(clock.now(), Input::PeerUp(county))?;
                }
                UP => engine.handle(clock.now(), Input::PeerUp(county))?,
                DOWN => engine.handle(clock.now(), Input::PeerDown(county))?,
                _ => engine.handle(clock.now(), Input::Frame(county, message.bytes))?,
            }
            touched.insert(message.device);
        }
        for device in touched {
            let engine = engines.get_mut(&device).context("no such device")?;
            engine.settle(clock.now())?;
            // Whoever has gone does not hear the end.
            let _ = send(engine, &mut out, &mut Traffic::default(), Side::Peers);
        }
        let _ = out.flush();
    }
    for engine in engines.values_mut() {
        engine.handle(clock.now(), Input::PeerDown(county))?;
        engine.flush_peers(clock.now())?;
    }
    Ok(())
}

/// The county's engine meets its peers until all is exchanged. Where it meets them `again`, that is
/// what is measured: what a process does once is over.
pub(super) fn meet(
    homes: &Homes,
    place: &Path,
    again: bool,
    socket: &Path,
) -> anyhow::Result<Measured> {
    let clock = Clock::start();
    let mut engine = homes.open(place, seed()?)?;
    let stream = UnixStream::connect(socket)?;
    (&stream).write_all(&engine.device().0)?;
    let out = BufWriter::new(stream.try_clone()?);
    let messages = listen(stream, FRAMES_PER_COMMIT);
    let peers = peers(&messages)?;
    engine.settle(clock.now())?;
    let mut county = County { engine, clock, out, messages, peers };
    let first = county.session()?;
    if !again {
        return Ok(first);
    }
    county.parts()?;
    let mut measured = county.session()?;
    let cpu_ms = first.0.get("cpu_ms").copied().unwrap_or_default();
    measured.note("first_cpu_ms", cpu_ms);
    Ok(measured)
}

/// The county's side of the socket.
struct County {
    engine: Engine,
    clock: Clock,
    out: BufWriter<UnixStream>,
    messages: Receiver<Message>,
    peers: Vec<DeviceId>,
}

impl County {
    /// One session with every peer at once.
    fn session(&mut self) -> anyhow::Result<Measured> {
        let expected = self.peers.len();
        let begun = (Instant::now(), main_thread_cpu(), commits(&self.engine)?);
        let mut traffic = Traffic::default();
        for device in &self.peers {
            self.engine.handle(self.clock.now(), Input::PeerUp(*device))?;
            send(&mut self.engine, &mut self.out, &mut traffic, Side::County)?;
        }
        self.out.flush()?;
        let mut last = Instant::now();
        loop {
            let quiet = if traffic.done.len() == expected { QUIET } else { STUCK };
            let first = match self.messages.recv_timeout(quiet) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) if traffic.done.len() == expected => break,
                Err(_) => bail!("{} of {expected} peers are done", traffic.done.len()),
            };
            let waiting = std::iter::once(first).chain(self.messages.try_iter());
            for message in waiting.take(FRAMES_PER_COMMIT) {
                traffic.received += message.bytes.len() as u64;
                let frame = Input::Frame(message.device, message.bytes);
                self.engine.handle(self.clock.now(), frame)?;
            }
            self.engine.settle(self.clock.now())?;
            send(&mut self.engine, &mut self.out, &mut traffic, Side::County)?;
            self.out.flush()?;
            last = Instant::now();
        }
        let mut measured = Measured::default();
        measured.note("peers", expected as f64);
        measured.note("ms", (last - begun.0).as_secs_f64() * 1_000.0);
        measured.note("cpu_ms", (main_thread_cpu() - begun.1).as_secs_f64() * 1_000.0);
        measured.note("sent_bytes", traffic.sent as f64);
        measured.note("received_bytes", traffic.received as f64);
        measured.note("frame_bytes", (traffic.sent + traffic.received) as f64);
        measured.note("commits", (commits(&self.engine)? - begun.2) as f64);
        measured.note("peak_bytes", peak_bytes() as f64);
        Ok(measured)
    }

    /// All sessions end, and the peers begin new ones.
    fn parts(&mut self) -> anyhow::Result<()> {
        for device in &self.peers {
            self.engine.handle(self.clock.now(), Input::PeerDown(*device))?;
            write(&mut self.out, *device, DOWN, &[])?;
        }
        for device in &self.peers {
            write(&mut self.out, *device, UP, &[])?;
        }
        send(&mut self.engine, &mut self.out, &mut Traffic::default(), Side::County)
    }
}

/// What the county's side has sent and heard.
#[derive(Debug, Default)]
struct Traffic {
    sent: u64,
    received: u64,
    done: BTreeSet<DeviceId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    County,
    Peers,
}

/// The devices on the other side: each message says how many there are.
fn peers(messages: &Receiver<Message>) -> anyhow::Result<Vec<DeviceId>> {
    let mut found = Vec::new();
    loop {
        let message = messages.recv_timeout(STUCK)?;
        found.push(message.device);
        if message.kind != UP
            || message.bytes.first().is_none_or(|all| found.len() >= usize::from(*all))
        {
            return Ok(found);
        }
    }
}

/// Passes on what an engine wants sent. The county's messages name whom they are for, a peer's whom
/// they are from.
fn send(
    engine: &mut Engine,
    out: &mut impl Write,
    traffic: &mut Traffic,
    side: Side,
) -> anyhow::Result<()> {
    let own = engine.device();
    loop {
        match engine.poll() {
            Output::Send(peer, frame) => {
                traffic.sent += frame.len() as u64;
                write(out, if side == Side::County { peer } else { own }, FRAME, &frame)?;
            }
            Output::Event(Event::Done(peer)) => {
                traffic.done.insert(peer);
            }
            Output::Hangup(_, error) => bail!("hung up: {}", error.code()),
            Output::Timeout(_) => return Ok(()),
            _ => {}
        }
    }
}

fn write(out: &mut impl Write, device: DeviceId, kind: u8, bytes: &[u8]) -> anyhow::Result<()> {
    out.write_all(&device.0)?;
    out.write_all(&[kind])?;
    out.write_all(&u32::try_from(bytes.len())?.to_be_bytes())?;
    Ok(out.write_all(bytes)?)
}

/// Reads messages on a thread of their own, so many ahead.
fn listen(stream: UnixStream, ahead: usize) -> Receiver<Message> {
    let (heard, messages) = sync_channel(ahead);
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut next = || {
            let (mut device, mut kind, mut length) = ([0; 32], [0; 1], [0; 4]);
            stream.read_exact(&mut device)?;
            stream.read_exact(&mut kind)?;
            stream.read_exact(&mut length)?;
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or_default();
            let mut bytes = vec![0; length];
            stream.read_exact(&mut bytes)?;
            Ok::<_, std::io::Error>(Message { device: DeviceId(device), kind: kind[0], bytes })
        };
        while let Ok(message) = next() {
            if heard.send(message).is_err() {
                return;
            }
        }
    });
    messages
}

fn record_visit(engine: &mut Engine, now: Now) -> anyhow::Result<()> {
    let places = engine.read()?.elder_places(engine.area())?;
    let (_, elder) = places.first().context("nobody lives there")?;
    VisitAdd { elder: elder.to_string(), visit: Visit::on(as_of()?) }.execute(engine, now)?;
    Ok(())
}

fn commits(engine: &Engine) -> anyhow::Result<u64> {
    Ok(engine.read()?.meta_number("commit_number")?)
}

/// Fresh randomness: a store that is opened again must not write under actors that it has used.
fn seed() -> anyhow::Result<[u8; 32]> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let number = u64::try_from(time.as_nanos() & u128::from(u64::MAX))?;
    Ok(entropy(number, u64::from(std::process::id())).bytes())
}

/// The machine's clock.
struct Clock {
    begun: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { begun: Instant::now() }
    }

    fn now(&self) -> Now {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX) + 1;
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let wall_ms = wall.map_or(0, |wall| i64::try_from(wall.as_millis()).unwrap_or(i64::MAX));
        Now { monotonic_ms: since, wall_ms }
    }
}
