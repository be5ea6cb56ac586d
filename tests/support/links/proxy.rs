//! A link with a rate, a delay and troubles of its own, between two sockets of 127.0.0.1.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// What a link is like, both ways.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bits a second, each way.
    pub bits_per_s: u64,
    /// Time on the way, one way, ms.
    pub delay_ms: u64,
    /// Up to so much more, ms.
    pub jitter_ms: u64,
}

/// What goes wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Every connection is reset at these intervals, ms.
    CutEvery(u64),
    /// A connection is reset when so many bytes have arrived over it, both ways.
    CutAfter(u64),
    /// When so many bytes have arrived over the link, nothing passes for so long, ms; once.
    StallOnce(u64, u64),
    /// When so many bytes have arrived over the first connection, it swallows all that is sent and never
    /// ends; others are as they should be.
    HalfOpenOnce(u64),
}

/// To the listener, and back.
pub const THERE: usize = 0;
pub const BACK: usize = 1;

/// Bytes that a modem keeps for later, at least: two packets.
const QUEUE_BYTES: u64 = 3_000;

/// Bytes that pass at once: what TCP puts into a packet on a slow line.
const PIECE_BYTES: usize = 536;

/// Socket buffers of the proxy: it stands for a wire, which keeps nothing.
const SOCKET_BYTES: u32 = 4_096;

/// The link. It is gone with this.
pub struct Proxy {
    address: SocketAddr,
    link: Arc<Link>,
    runtime: Option<Runtime>,
}

struct Link {
    to: SocketAddr,
    shape: Shape,
    trouble: Trouble,
    struck: AtomicBool,
    bytes: [AtomicU64; 2],
    given: AtomicU64,
    connections: AtomicU64,
    frozen_until: Mutex<Instant>,
    /// What has left, and when, each way.
    left: [Mutex<Vec<(Instant, usize)>>; 2],
    random: Mutex<ChaCha8Rng>,
    cuts: watch::Sender<u64>,
}

/// One connection over it.
struct Connection {
    number: u64,
    bytes: AtomicU64,
    swallows: AtomicBool,
    cut: watch::Sender<bool>,
}

impl Proxy {
    /// A link to whoever listens there.
    pub fn open(to: SocketAddr, shape: Shape, trouble: Trouble, seed: u64) -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(SOCKET_BYTES)?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            socket.listen(16)
        })?;
        let address = listener.local_addr()?;
        let link = Arc::new(Link {
            to,
            shape,
            trouble,
            struck: AtomicBool::new(false),
            bytes: Default::default(),
            given: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            frozen_until: Mutex::new(Instant::now()),
            left: Default::default(),
            random: Mutex::new(ChaCha8Rng::seed_from_u64(seed)),
            cuts: watch::channel(0).0,
        });
        runtime.spawn(accept(listener, link.clone()));
        Ok(Self { address, link, runtime: Some(runtime) })
    }

    /// Where it is dialled.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Payload bytes that it has taken, each way.
    pub fn bytes(&self) -> [u64; 2] {
        [THERE, BACK].map(|way| self.link.bytes[way].load(Ordering::Relaxed))
    }

    /// Of these, bytes that never arrived: those on the way when a connection ended, and swallowed ones.
    pub fn lost(&self) -> u64 {
        let taken: u64 = self.bytes().iter().sum();
        taken.saturating_sub(self.link.given.load(Ordering::Relaxed))
    }

    /// Connections that were opened.
    pub fn connections(&self) -> u64 {
        self.link.connections.load(Ordering::Relaxed)
    }

    /// Whether its trouble has happened.
    pub fn struck(&self) -> bool {
        self.link.struck.load(Ordering::Relaxed)
    }

    /// The share of the rate that was used one way while the middle eight tenths of the bytes went,
    /// per cent. Handshakes are before, and receipts after.
    pub fn used(&self, way: usize) -> Option<u64> {
        let left = self.link.left[way].lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = left.iter().map(|(_, bytes)| bytes).sum();
        let mut sum = 0;
        let mut at = |share: usize| {
            sum = 0;
            left.iter().find_map(|(when, bytes)| {
                sum += bytes;
                (sum * 10 >= total * share).then_some((*when, sum))
            })
        };
        let (from, to) = (at(1)?, at(9)?);
        let ms = u64::try_from(to.0.duration_since(from.0).as_millis()).ok()?;
        let bits = (to.1 - from.1) as u64 * 8;
        (bits * 100_000).checked_div(ms * self.link.shape.bits_per_s)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, link: Arc<Link>) {
    if let Trouble::CutEvery(ms) = link.trouble {
        let link = link.clone();
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(ms)).await;
                link.cuts.send_modify(|cuts| *cuts += 1);
            }
        });
    }
    while let Ok((dialler, _)) = listener.accept().await {
        let number = link.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(connect(dialler, number, link.clone()));
    }
}

async fn connect(dialler: TcpStream, number: u64, link: Arc<Link>) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(SOCKET_BYTES)?;
    let listener = socket.connect(link.to).await?;
    for stream in [&dialler, &listener] {
        stream.set_nodelay(true)?;
        // Whatever ends it here ends it as a broken line does.
        stream.set_zero_linger()?;
    }
    let mut cuts = link.cuts.subscribe();
    let (cut, mut cut_here) = watch::channel(false);
    let connection = Arc::new(Connection {
        number,
        bytes: AtomicU64::new(0),
        swallows: AtomicBool::new(false),
        cut,
    });
    // Nothing was said before TCP had gone there and back.
    let opened = Instant::now() + Duration::from_millis(2 * link.shape.delay_ms);
    let (dialler_reads, dialler_writes) = dialler.into_split();
    let (listener_reads, listener_writes) = listener.into_split();
    let there =
        way(THERE, opened, dialler_reads, listener_writes, link.clone(), connection.clone());
    let back = way(BACK, opened, listener_reads, dialler_writes, link.clone(), connection.clone());
    // What ends first drops the other: both sockets are then reset.
    tokio::select! {
        (there, back) = async { tokio::join!(there, back) } => there.and(back),
        _ = cuts.changed() => {
            link.struck.store(true, Ordering::Relaxed);
            Ok(())
        }
        _ = cut_here.changed() => Ok(()),
    }
}

type Piece = (Instant, Vec<u8>);

async fn way(
    way: usize,
    opened: Instant,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    link: Arc<Link>,
    connection: Arc<Connection>,
) -> io::Result<()> {
    let (pieces, arriving) = mpsc::unbounded_channel();
    let taking = take(way, opened, reader, pieces, &link);
    let giving = give(arriving, writer, &link, &connection);
    let (taken, given) = tokio::join!(taking, giving);
    taken.and(given)
}

async fn take(
    way: usize,
    opened: Instant,
    mut reader: OwnedReadHalf,
    pieces: mpsc::UnboundedSender<Piece>,
    link: &Link,
) -> io::Result<()> {
    let time_for = |bytes: u64| Duration::from_micros(bytes * 8_000_000 / link.shape.bits_per_s);
    let delay = Duration::from_millis(link.shape.delay_ms);
    let (mut free, mut last) = (opened, opened);
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let count = reader.read(&mut piece).await?;
        piece.truncate(count);
        let jitter = {
            let mut random = link.random.lock().unwrap_or_else(PoisonError::into_inner);
            Duration::from_millis(random.random_range(0..=link.shape.jitter_ms))
        };
        free = free.max(Instant::now()) + time_for(count as u64);
        last = last.max(free + delay + jitter);
        if count == 0 {
            // The end arrives after what was said before it.
            sleep_until(last).await;
            return Ok(());
        }
        link.bytes[way].fetch_add(count as u64, Ordering::Relaxed);
        link.left[way].lock().unwrap_or_else(PoisonError::into_inner).push((free, count));
        if pieces.send((last, piece)).is_err() {
            return Ok(());
        }
        // No more is taken from the sender than a modem keeps.
        if let Some(room) = free.checked_sub(time_for(QUEUE_BYTES)) {
            sleep_until(room).await;
        }
    }
}

fn strike(link: &Link, connection: &Connection, count: u64) {
    let over_connection = connection.bytes.fetch_add(count, Ordering::Relaxed) + count;
    let total = link.given.load(Ordering::Relaxed);
    let first_time = || !link.struck.swap(true, Ordering::Relaxed);
    match link.trouble {
        Trouble::CutAfter(bytes) if over_connection >= bytes => {
            link.struck.store(true, Ordering::Relaxed);
            connection.cut.send_replace(true);
        }
        Trouble::StallOnce(bytes, ms) if total >= bytes && first_time() => {
            let until = Instant::now() + Duration::from_millis(ms);
            *link.frozen_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
        Trouble::HalfOpenOnce(bytes) if connection.number == 0 && total >= bytes => {
            link.struck.store(true, Ordering::Relaxed);
            connection.swallows.store(true, Ordering::Relaxed);
        }
        _ => {}
    }
}

async fn give(
    mut pieces: mpsc::UnboundedReceiver<Piece>,
    mut writer: OwnedWriteHalf,
    link: &Link,
    connection: &Connection,
) -> io::Result<()> {
    while let Some((at, piece)) = pieces.recv().await {
        sleep_until(at).await;
        let frozen_until = *link.frozen_until.lock().unwrap_or_else(PoisonError::into_inner);
        sleep_until(frozen_until).await;
        if !connection.swallows.load(Ordering::Relaxed) {
            writer.write_all(&piece).await?;
            link.given.fetch_add(piece.len() as u64, Ordering::Relaxed);
            strike(link, connection, piece.len() as u64);
        }
    }
    if connection.swallows.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    writer.shutdown().await
}
