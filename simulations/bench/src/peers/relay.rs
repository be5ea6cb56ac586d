//! Two sides in processes of their own, and the wire between them: in lock step, so that what is
//! counted is the same in every run.

use std::io::{BufReader, BufWriter, Read};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, bail};

use shouwang_node::limits::{RECEIPT_INTERVAL_MS, STREAM_VERSION};
use shouwang_node::sync::wire::{Frame, Hello};

use super::automerge::NAME_BYTES;
use super::part::{Finished, command};
use super::pipe::{Answer, Order};
use super::{Bench, Phase, PhaseFigures, Role, System, figures};

/// Times that pass once nothing moves, ms. After the first, what a side still did by itself is exchanged;
/// in the others it writes the receipts that wait.
const AFTERWARDS_MS: [u64; 3] = [10_000, RECEIPT_INTERVAL_MS, RECEIPT_INTERVAL_MS];

/// How often time is let pass before what moves on and on counts as never ending.
const ROUNDS_MAX: usize = 100_000;

/// What went over the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Frames both ways with their length prefixes, bytes.
    pub(crate) bytes: u64,
    /// Of these, those to the receiver.
    pub(crate) bytes_to_receiver: u64,
    /// Frames of the twenty minutes after.
    pub(crate) later_bytes: u64,
    /// Frames both ways.
    pub(crate) messages: u64,
    /// Maximal sequences of frames in one direction before the other answers, until both sides
    /// first said that the exchange is complete.
    pub(crate) flights: u64,
}

/// Runs a phase of a system whose sides are driven in lock step.
pub(crate) fn phase(
    bench: &Bench<'_>,
    system: System,
    phase: Phase,
) -> anyhow::Result<PhaseFigures> {
    let mut wire = Wire {
        sender: Remote::start(bench, system, phase, Role::Sender)?,
        receiver: Remote::start(bench, system, phase, Role::Receiver)?,
        name_bytes: match system {
            System::Automerge => NAME_BYTES,
            System::Ours | System::Samod => 0,
        },
        reads_streams_up_to: match system {
            System::Ours => bench.options.stream_version,
            System::Automerge | System::Samod => STREAM_VERSION,
        },
        counted: Counted::default(),
        exchanged: Counted::default(),
        was_done: false,
    };
    match phase {
        Phase::Live => {
            wire.connect()?;
            wire.carry()?;
            // What was asked for before is not counted; what comes now is.
            wire.sender.order(&Order::Visit)?;
            wire.begin()?;
        }
        Phase::Reconnect => {
            wire.sender.order(&Order::Visit)?;
            wire.begin()?;
            wire.connect()?;
        }
        Phase::First | Phase::Idle | Phase::Strangers => {
            wire.begin()?;
            wire.connect()?;
        }
    }
    wire.carry()?;
    if !wire.was_done {
        bail!("{}: {phase} came to an end and is not complete", system.name());
    }
    let (sender, receiver) = (wire.sender.finish()?, wire.receiver.finish()?);
    if sender.agreement != receiver.agreement {
        bail!("{}: after {phase} the two sides do not agree", system.name());
    }
    Ok(figures(wire.counted, &sender, &receiver))
}

struct Wire {
    sender: Remote,
    receiver: Remote,
    /// What this program puts before each frame, and is not counted.
    name_bytes: usize,
    /// What both sides hear of the other's streams.
    reads_streams_up_to: u8,
    counted: Counted,
    exchanged: Counted,
    was_done: bool,
}

/// Lets a frame say that its sender reads no streams of a later version.
fn reads_less(frame: &mut Vec<u8>, version: u8) {
    if let Ok(Frame::Hello(hello)) = Frame::decode(frame) {
        *frame = Frame::Hello(Hello { stream_version: version, ..hello }).encode();
    }
}

impl Wire {
    fn connect(&mut self) -> anyhow::Result<()> {
        self.sender.order(&Order::Connect)?;
        self.receiver.order(&Order::Connect)
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        (self.counted, self.was_done) = (Counted::default(), false);
        self.sender.order(&Order::Begin)?;
        self.receiver.order(&Order::Begin)
    }

    /// Carries frames until nothing moves, also after a while; what comes still later is counted apart.
    fn carry(&mut self) -> anyhow::Result<()> {
        let mut waited = 0;
        for round in 0..ROUNDS_MAX {
            let mut moved = false;
            for to in [Role::Receiver, Role::Sender] {
                moved |= self.flight(to)?;
            }
            self.note_done();
            if !moved {
                if waited <= 1 {
                    self.exchanged = self.counted;
                }
                let Some(ms) = AFTERWARDS_MS.get(waited) else {
                    let later = self.counted.bytes - self.exchanged.bytes;
                    self.counted = Counted { later_bytes: later, ..self.exchanged };
                    return Ok(());
                };
                waited += 1;
                self.sender.order(&Order::Wake(*ms))?;
                self.receiver.order(&Order::Wake(*ms))?;
                self.note_done();
            }
            if round + 1 == ROUNDS_MAX {
                bail!("the two sides never come to rest");
            }
        }
        Ok(())
    }

    fn note_done(&mut self) {
        if !self.was_done && self.sender.is_done && self.receiver.is_done {
            self.was_done = true;
        }
    }

    fn flight(&mut self, to: Role) -> anyhow::Result<bool> {
        let (from, to_side) = match to {
            Role::Receiver => (&mut self.sender, &mut self.receiver),
            Role::Sender => (&mut self.receiver, &mut self.sender),
        };
        let mut frames = std::mem::take(&mut from.frames);
        if self.reads_streams_up_to < STREAM_VERSION {
            frames.iter_mut().for_each(|frame| reads_less(frame, self.reads_streams_up_to));
        }
        if frames.is_empty() {
            return Ok(false);
        }
        let bytes: u64 = frames.iter().map(|frame| framed(frame.len() - self.name_bytes)).sum();
        self.counted.bytes += bytes;
        self.counted.bytes_to_receiver += if to == Role::Receiver { bytes } else { 0 };
        self.counted.messages += frames.len() as u64;
        self.counted.flights += u64::from(!self.was_done);
        to_side.order(&Order::Deliver(frames))?;
        Ok(true)
    }
}

/// Bytes of a frame and of its length before it, in LEB128.
fn framed(length: usize) -> u64 {
    let bits = usize::BITS - (length | 1).leading_zeros();
    (length as u64) + u64::from(bits.div_ceil(7))
}

/// A side in a process of its own.
struct Remote {
    process: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Waiting to be carried to the other side.
    frames: Vec<Vec<u8>>,
    is_done: bool,
}

impl Remote {
    fn start(bench: &Bench<'_>, system: System, phase: Phase, role: Role) -> anyhow::Result<Self> {
        let (system, phase, role) = (system.to_string(), phase.to_string(), role.to_string());
        let mut command = command(bench, &["side", &system, &phase, &role])?;
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = process.stdin.take().context("the side has no input")?;
        let output = process.stdout.take().context("the side has no output")?;
        let (input, output) = (BufWriter::new(input), BufReader::with_capacity(1 << 16, output));
        Ok(Self { process, input, output, frames: Vec::new(), is_done: false })
    }

    fn order(&mut self, order: &Order) -> anyhow::Result<()> {
        order.write(&mut self.input).context("the side has ended")?;
        let answer = Answer::read(&mut self.output).context("the side has ended")?;
        self.frames.extend(answer.frames);
        self.is_done = answer.is_done;
        Ok(())
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
        // A phase that failed leaves nobody behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::framed;

    #[test]
    fn a_length_takes_a_byte_for_each_seven_bits() {
        for (length, prefix) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3)] {
            assert_eq!(framed(length), length as u64 + prefix);
        }
    }
}
