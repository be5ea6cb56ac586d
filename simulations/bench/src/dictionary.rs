//! The dictionary of streams between peers: trained on what engines say to each other of people whose
//! names, places and seeds no measurement uses.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use shouwang_node::dictionary;
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::limits::{DICTIONARY_BYTES_MAX, STREAM_VERSION};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use crate::peers::mesh::{Clock, meet, meet_heard};
use crate::peers::prepare::{self, ENDS_MS};
use crate::workload::{DEVICES, Names, Workload};

/// Seeds of the townships that are listened to; measurements begin at 1.
const SEEDS: [u64; 3] = [770_001, 770_002, 770_003];

/// Elders of each.
const ELDERS: usize = 400;

/// Pieces of what is said that the trainer looks at, bytes: as much as one reconnect takes.
const SAMPLE_BYTES: usize = 2_048;

/// Packets of a stream begin so (`docs/protocol.md`, packets).
const GOES_ON: u8 = 14;
const BEGINS: u8 = 15;

/// Where it goes.
#[derive(Args, Clone, Debug)]
pub(crate) struct DictionaryOptions {
    /// The file that is written.
    #[arg(long)]
    out: PathBuf,
    /// Its length, bytes.
    #[arg(long, default_value_t = 16 * 1024)]
    bytes: usize,
}

/// Both directions of a session, unpacked.
#[derive(Default)]
struct Listener {
    decoders: [Option<Decoder<'static>>; 2],
    samples: Vec<Vec<u8>>,
}

impl Listener {
    fn hear(&mut self, is_first: bool, frame: &[u8]) -> anyhow::Result<()> {
        let place = &mut self.decoders[usize::from(is_first)];
        let packed = match frame.split_first() {
            Some((&BEGINS, packed)) => {
                let known = dictionary::stream(STREAM_VERSION);
                *place = Some(Decoder::with_dictionary(known)?);
                packed
            }
            Some((&GOES_ON, packed)) => packed,
            _ => return Ok(()),
        };
        let decoder = place.as_mut().context("a packet of no stream")?;
        let mut plain = Vec::new();
        let (mut input, mut piece) = (InBuffer::around(packed), vec![0; 128 * 1024]);
        while input.pos < packed.len() {
            let mut output = OutBuffer::around(&mut piece);
            decoder.run(&mut input, &mut output)?;
            plain.extend_from_slice(output.as_slice());
        }
        self.samples.extend(plain.chunks(SAMPLE_BYTES).map(<[u8]>::to_vec));
        Ok(())
    }

    /// Two engines meet, and all that they say is heard.
    fn meet(
        &mut self,
        clock: &mut Clock,
        one: &mut Engine,
        two: &mut Engine,
    ) -> anyhow::Result<()> {
        let mut heard = Ok(());
        meet_heard(clock, one, two, &mut |is_first, frame| {
            if heard.is_ok() {
                heard = self.hear(is_first, frame);
            }
        })?;
        heard
    }
}

/// Trains the dictionary and writes it.
pub(crate) fn run(options: &DictionaryOptions) -> anyhow::Result<()> {
    anyhow::ensure!(options.bytes <= DICTIONARY_BYTES_MAX, "longer than a dictionary may be");
    let mut listener = Listener::default();
    for seed in SEEDS {
        listen(&Workload { seed, elders: ELDERS, names: &Names::TRAINING }, &mut listener)?;
    }
    let sizes: Vec<usize> = listener.samples.iter().map(Vec::len).collect();
    let all = listener.samples.concat();
    eprintln!("{} pieces, {} B", sizes.len(), all.len());
    let trained = zstd::dict::from_continuous(&all, &sizes, options.bytes)?;
    std::fs::write(&options.out, &trained)?;
    eprintln!("{}: {} B", options.out.display(), trained.len());
    Ok(())
}

fn listen(workload: &Workload, listener: &mut Listener) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    prepare::homes(folder.path(), workload)?;
    let mut entropy = Entropy::new([77; 32]);
    let mut clock = Clock::at(ENDS_MS + 600_000);
    let mut open = |stage: &str, who: &str| {
        prepare::open(folder.path(), &prepare::home(folder.path(), stage, who), &mut entropy)
    };
    // What a township's second device is told first.
    let (mut sender, mut receiver) = (open("first", "sender")?, open("first", "receiver")?);
    listener.meet(&mut clock, &mut sender, &mut receiver)?;
    // A village after another comes with a few visits, and the two townships meet again.
    let (mut sender, mut receiver) = (open("same", "sender")?, open("same", "receiver")?);
    for clerk in 0..DEVICES {
        let mut clerk = prepare::open_clerk(folder.path(), clerk, &mut Entropy::new([78; 32]))?;
        listener.meet(&mut clock, &mut clerk, &mut sender)?;
        clock.passes(900_000);
        if workload.seed.is_multiple_of(2) {
            listener.meet(&mut clock, &mut sender, &mut receiver)?;
        } else {
            meet(&mut clock, &mut clerk, &mut receiver)?;
        }
    }
    listener.meet(&mut clock, &mut sender, &mut receiver)
}
