//! samod (automerge-repo in Rust) as a side: two repositories in processes of their own, over TCP
//! and through a proxy that counts.
//!
//! To its favour: its documents are open and in memory before anything is measured, nothing is
//! encrypted, and its stores are in memory.

use std::io::{self, BufReader, BufWriter, Read, Write, stdin, stdout};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use samod::storage::{InMemoryStorage, Storage, StorageKey};
use samod::{
    AcceptorHandle, BackoffConfig, DialError, Dialer, DialerHandle, DocHandle, DocumentId, Repo,
    Transport,
};

use super::automerge::{load_documents, visit_again};
use super::part::{Finished, PartOptions, command};
use super::pipe::{Answer, Order};
use super::relay::Counted;
use super::{Bench, Phase, PhaseFigures, Role, System, figures, resources};
use crate::workload::Workload;

/// How often the wire and the two processes are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);

/// How long neither a byte may pass nor a processor be used before it counts as over.
const QUIET: Duration = Duration::from_secs(3);

/// Ticks of a processor in one look that a process at rest may use: its timers.
const RESTING_TICKS: u64 = 1;

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Runs a phase.
pub(crate) fn phase(bench: &Bench<'_>, phase: Phase) -> anyhow::Result<PhaseFigures> {
    let proxy = TcpListener::bind("127.0.0.1:0")?;
    let address = proxy.local_addr()?;
    let mut sender = Remote::start(bench, phase, Role::Sender, address)?;
    let mut receiver = Remote::start(bench, phase, Role::Receiver, address)?;
    let meter = Meter::default();
    let visits = matches!(phase, Phase::Live | Phase::Reconnect);
    if phase == Phase::Live {
        connect(&proxy, &meter, &mut sender, &mut receiver)?;
        rest(&meter, &sender, &receiver)?;
    }
    if phase == Phase::Reconnect {
        sender.order(&Order::Visit)?;
    }
    meter.begin();
    sender.order(&Order::Begin)?;
    receiver.order(&Order::Begin)?;
    match phase {
        Phase::Live => sender.order(&Order::Visit)?,
        _ => connect(&proxy, &meter, &mut sender, &mut receiver)?,
    }
    rest(&meter, &sender, &receiver)?;
    let counted = meter.counted();
    if visits && counted.bytes == 0 {
        bail!("samod: nothing was sent");
    }
    let (sender, receiver) = (sender.finish()?, receiver.finish()?);
    if sender.agreement != receiver.agreement {
        bail!("samod: after {phase} the two sides do not agree");
    }
    let figures = figures(counted, &sender, &receiver);
    Ok(PhaseFigures { tcp_bytes: Some(counted.bytes), ..figures })
}

/// One repository, which does as it is told.
pub(crate) fn side(
    options: &PartOptions,
    phase: Phase,
    role: Role,
    proxy: Option<&str>,
) -> anyhow::Result<()> {
    let proxy = proxy.context("the proxy's address")?.parse()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let workload = options.workload();
    let has_documents = (phase, role) != (Phase::First, Role::Receiver);
    let replica = runtime.block_on(async {
        let storage = InMemoryStorage::new();
        let mut ids = Vec::new();
        for elder in workload.all() {
            ids.push(DocumentId::try_from(elder?.id.0.to_vec())?);
        }
        if has_documents {
            for (id, document) in ids.iter().zip(load_documents(&options.folder)?) {
                let parts = [id.to_string(), "snapshot".to_owned(), "whole".to_owned()];
                let key = StorageKey::from_parts(parts).ok().context("a storage key")?;
                storage.put(key, document.save()).await;
            }
        }
        let name = format!("{phase}-{role}");
        let peer = name.as_str().into();
        let repo = Repo::build_tokio().with_peer_id(peer).with_storage(storage).load().await;
        let mut replica = Replica { workload, repo, ids, handles: Vec::new(), link: None, proxy };
        if has_documents {
            replica.open_all().await?;
        }
        Ok::<_, anyhow::Error>(replica)
    })?;
    runtime.block_on(replica.serve(role))
}

/// A repository and its documents.
struct Replica {
    workload: Workload,
    repo: Repo,
    ids: Vec<DocumentId>,
    /// Those that are open, by the elder's number.
    handles: Vec<DocHandle>,
    link: Option<Link>,
    proxy: SocketAddr,
}

/// What keeps a connection.
#[allow(dead_code, reason = "held, not read")]
enum Link {
    Dialled(DialerHandle<io::Error>),
    Accepted(AcceptorHandle),
}

impl Replica {
    async fn open_all(&mut self) -> anyhow::Result<()> {
        for id in &self.ids {
            let found = self.repo.find(id.clone()).await.map_err(stopped)?;
            self.handles.push(found.context("a document is not there")?);
        }
        Ok(())
    }

    async fn serve(mut self, role: Role) -> anyhow::Result<()> {
        let mut begun_ms = 0.0;
        loop {
            // Nothing else goes on in this thread, and the others have a runtime's threads.
            let order = tokio::task::spawn_blocking(|| Order::read(&mut stdin().lock())).await??;
            match order {
                Order::Connect => self.connect(role).await?,
                Order::Visit => self.visit()?,
                Order::Begin => begun_ms = resources::cpu_ms()?,
                Order::Deliver(_) | Order::Wake(_) => bail!("samod has a wire and a clock"),
                Order::Finish => {
                    let cpu_ms = resources::cpu_ms()? - begun_ms;
                    let peak_rss_mib = resources::peak_rss_mib()?;
                    if self.handles.is_empty() {
                        self.open_all().await?;
                    }
                    let finished = Finished { cpu_ms, peak_rss_mib, agreement: self.agreement() };
                    stdout().write_all(&serde_json::to_vec(&finished)?)?;
                    stdout().flush()?;
                    // Stopping takes as long as an exchange, and nobody waits for it.
                    std::process::exit(0);
                }
            }
            Answer::default().write(&mut stdout().lock())?;
        }
    }

    async fn connect(&mut self, role: Role) -> anyhow::Result<()> {
        let url = url::Url::parse(&format!("tcp://{}", self.proxy))?;
        self.link = Some(match role {
            Role::Sender => {
                let dialer = Arc::new(ProxyDialer { url, proxy: self.proxy });
                let handle = self.repo.dial(BackoffConfig::default(), dialer).map_err(stopped)?;
                Link::Dialled(handle)
            }
            Role::Receiver => {
                let acceptor = self.repo.make_acceptor(url).map_err(stopped)?;
                let stream = tokio::net::TcpStream::connect(self.proxy).await?;
                stream.set_nodelay(true)?;
                acceptor.accept(Transport::from_tokio_io(stream)).map_err(stopped)?;
                Link::Accepted(acceptor)
            }
        });
        Ok(())
    }

    fn visit(&mut self) -> anyhow::Result<()> {
        for number in self.workload.visited_again() {
            let handle = self.handles.get(number).context("no such document")?;
            handle.with_document(|document| visit_again(&self.workload, number, document))?;
        }
        Ok(())
    }

    fn agreement(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for handle in &self.handles {
            for head in handle.with_document(|document| document.get_heads()) {
                hasher.update(&head.0);
            }
            hasher.update(b"/");
        }
        hasher.finalize().to_hex().to_string()
    }
}

fn stopped(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow::anyhow!("the repository has stopped: {error:?}")
}

/// Dials the proxy.
struct ProxyDialer {
    url: url::Url,
    proxy: SocketAddr,
}

type Dialled = Result<Transport, DialError<io::Error>>;

impl Dialer for ProxyDialer {
    type Error = io::Error;

    fn url(&self) -> url::Url {
        self.url.clone()
    }

    fn connect(&self) -> Pin<Box<dyn Future<Output = Dialled> + Send>> {
        let proxy = self.proxy;
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(proxy).await;
            let stream = stream.map_err(DialError::transient)?;
            stream.set_nodelay(true).map_err(DialError::transient)?;
            Ok(Transport::from_tokio_io(stream))
        })
    }
}

/// What has passed the proxy.
#[derive(Clone, Debug, Default)]
struct Meter(Arc<Mutex<Passed>>);

#[derive(Debug, Default)]
struct Passed {
    counted: Counted,
    last: Option<Role>,
}

impl Meter {
    fn with<T>(&self, work: impl FnOnce(&mut Passed) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self) {
        self.with(|passed| *passed = Passed::default());
    }

    fn counted(&self) -> Counted {
        self.with(|passed| passed.counted)
    }

    /// Bytes pass to a side, and among them the beginnings of so many messages.
    fn pass(&self, to: Role, bytes: u64, messages: u64) {
        self.with(|passed| {
            passed.counted.bytes += bytes;
            passed.counted.bytes_to_receiver += if to == Role::Receiver { bytes } else { 0 };
            passed.counted.messages += messages;
            if messages > 0 && passed.last != Some(to) {
                (passed.counted.flights, passed.last) = (passed.counted.flights + 1, Some(to));
            }
        });
    }
}

/// Lets both sides connect, and carries what they say.
fn connect(
    proxy: &TcpListener,
    meter: &Meter,
    sender: &mut Remote,
    receiver: &mut Remote,
) -> anyhow::Result<()> {
    receiver.order(&Order::Connect)?;
    let (to_receiver, _) = proxy.accept()?;
    sender.order(&Order::Connect)?;
    let (to_sender, _) = proxy.accept()?;
    for stream in [&to_receiver, &to_sender] {
        stream.set_nodelay(true)?;
    }
    for (from, to, whom) in [
        (to_sender.try_clone()?, to_receiver.try_clone()?, Role::Receiver),
        (to_receiver, to_sender, Role::Sender),
    ] {
        let meter = meter.clone();
        std::thread::spawn(move || {
            // A side that has ended closes its stream: then there is nothing more to carry.
            let _ = carry(from, &to, whom, &meter);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

/// Carries bytes and counts the messages in them: four bytes of length, and the message.
fn carry(mut from: TcpStream, mut to: &TcpStream, whom: Role, meter: &Meter) -> io::Result<()> {
    let mut framing = Framing::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let piece = buffer.get(..length).unwrap_or_default();
        meter.pass(whom, length as u64, framing.begun(piece));
        to.write_all(piece)?;
    }
}

/// Where in a message a stream is.
#[derive(Debug, Default)]
struct Framing {
    /// Bytes of the message's length that have come.
    prefix: Vec<u8>,
    /// Bytes of the message that have still to come.
    left: usize,
}

impl Framing {
    /// How many messages begin in the next piece of the stream.
    fn begun(&mut self, mut piece: &[u8]) -> u64 {
        let mut begun = 0;
        while !piece.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(piece.len());
                (self.left, piece) = (self.left - taken, &piece[taken..]);
                continue;
            }
            begun += u64::from(self.prefix.is_empty());
            let taken = (4 - self.prefix.len()).min(piece.len());
            self.prefix.extend(&piece[..taken]);
            piece = &piece[taken..];
            if let [a, b, c, d] = self.prefix[..] {
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                self.prefix.clear();
            }
        }
        begun
    }
}

/// Waits until no byte passes and neither process does anything.
fn rest(meter: &Meter, sender: &Remote, receiver: &Remote) -> anyhow::Result<()> {
    let look = || -> anyhow::Result<[u64; 3]> {
        Ok([meter.counted().bytes, sender.ticks()?, receiver.ticks()?])
    };
    let (begun, mut quiet_since, mut before) = (Instant::now(), Instant::now(), look()?);
    while quiet_since.elapsed() < QUIET {
        std::thread::sleep(LOOKED_AT_EVERY);
        let now = look()?;
        let [bytes, ticks @ ..] = now;
        let worked =
            ticks.iter().zip(&before[1..]).any(|(now, before)| now - before > RESTING_TICKS);
        if bytes != before[0] || worked {
            quiet_since = Instant::now();
        }
        before = now;
        if begun.elapsed() > PATIENCE {
            bail!("samod does not come to rest");
        }
    }
    Ok(())
}

/// A side in a process of its own.
struct Remote {
    process: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Remote {
    fn start(
        bench: &Bench<'_>,
        phase: Phase,
        role: Role,
        proxy: SocketAddr,
    ) -> anyhow::Result<Self> {
        let system = System::Samod.to_string();
        let (phase, role, proxy) = (phase.to_string(), role.to_string(), proxy.to_string());
        let mut command = command(bench, &["side", &system, &phase, &role, &proxy])?;
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = BufWriter::new(process.stdin.take().context("the side has no input")?);
        let output = BufReader::new(process.stdout.take().context("the side has no output")?);
        Ok(Self { process, input, output })
    }

    fn order(&mut self, order: &Order) -> anyhow::Result<()> {
        order.write(&mut self.input).context("the side has ended")?;
        Answer::read(&mut self.output).context("the side has ended")?;
        Ok(())
    }

    fn ticks(&self) -> anyhow::Result<u64> {
        resources::ticks_of(self.process.id())
    }

    fn finish(&mut self) -> anyhow::Result<Finished> {
        Order::Finish.write(&mut self.input)?;
        let mut json = Vec::new();
        self.output.read_to_end(&mut json)?;
        if !self.process.wait()?.success() {
            bail!("a side failed");
        }
        Ok(serde_json::from_slice(&json)?)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::Framing;

    #[test]
    fn messages_are_counted_however_a_stream_is_cut() {
        let mut stream = Vec::new();
        for length in [0_usize, 5, 300] {
            stream.extend((length as u32).to_be_bytes());
            stream.extend(vec![7; length]);
        }
        for cut in 1..stream.len() {
            let mut framing = Framing::default();
            let begun: u64 = stream.chunks(cut).map(|piece| framing.begun(piece)).sum();
            assert_eq!(begun, 3);
        }
    }
}
