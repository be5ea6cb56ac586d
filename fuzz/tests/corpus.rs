//! Every target over its seeds, over its corpus, and over so many inputs that are like them: what the
//! search guided by coverage has found stays found, and a property that breaks is seen without it.
//!
//! `SHOUWANG_SEED` repeats a run, `SHOUWANG_RUNS` multiplies its length.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shouwang_fuzz::{Target, Verdict, target};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One target at a time: what an input takes is measured.
static TURN: Mutex<()> = Mutex::new(());

/// What the last panic said. Those of other people's readers are caught where they may come, and are
/// nobody's business.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// No input may take so long: it would be a way to stop a node. Debug builds on a busy machine take tens of
/// milliseconds for the longest.
const PATIENCE: Duration = Duration::from_secs(20);

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut found: Vec<PathBuf> = std::fs::read_dir(&directory)
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    found.sort();
    found.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Runs an input, and fails with all that it takes to repeat it.
fn try_input(target: &Target, what: &str, input: &[u8]) -> Verdict {
    MEMORY.reset_peak_usage();
    let (before, began) = (MEMORY.current_usage(), Instant::now());
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|panic| {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
    let verdict = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    std::panic::set_hook(hook);
    let (took, peak) = (began.elapsed(), MEMORY.peak_usage().saturating_sub(before));
    let Ok(verdict) = verdict else {
        let said = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone();
        panic!("{} fails on {what}, {} bytes: {}\n{said}", target.name, input.len(), hex(input));
    };
    assert!(took < PATIENCE, "{} takes {took:?} for {what}: {}", target.name, hex(input));
    let most = target.memory_bytes + target.memory_per_byte * input.len();
    assert!(
        peak <= most,
        "{} takes {peak} bytes of memory, at most {most}, for {what}: {}",
        target.name,
        hex(input)
    );
    verdict
}

fn hex(input: &[u8]) -> String {
    let shown: String = input.iter().take(4_096).map(|byte| format!("{byte:02x}")).collect();
    if input.len() > 4_096 { format!("{shown}…") } else { shown }
}

/// Values at which numbers and lengths tend to break.
const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x40, 0x0f];

/// Something like these inputs.
fn like(inputs: &[Vec<u8>], longest: usize, random: &mut ChaCha8Rng) -> Vec<u8> {
    let pick = |random: &mut ChaCha8Rng| inputs[random.random_range(0..inputs.len())].clone();
    let mut input = pick(random);
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=input.len());
        match random.random_range(0..8) {
            0..=2 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = random.next_u32() as u8;
                }
            }
            3 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = EDGES[random.random_range(0..EDGES.len())];
                }
            }
            4 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            5 => {
                let end = (at + random.random_range(1..32)).min(input.len());
                input.drain(at.min(end)..end);
            }
            6 => {
                let other = pick(random);
                let from = random.random_range(0..=other.len());
                let to = (from + random.random_range(1..256)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let length = random.random_range(1..9);
                let bytes: Vec<u8> = (0..length).map(|_| random.next_u32() as u8).collect();
                input.splice(at..at, bytes);
            }
        }
    }
    input.truncate(longest);
    input
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn drive(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let target = target(name).unwrap();
    // What is made once for a process counts for no input.
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    let _ = catch_unwind(AssertUnwindSafe(|| (target.run)(&seeds[0])));
    let refused: Vec<usize> = (0..seeds.len())
        .filter(|nth| try_input(&target, &format!("seed {nth}"), &seeds[*nth]) == Verdict::Refused)
        .collect();
    assert!(refused.is_empty(), "{name} refuses its seeds {refused:?}");
    let corpus = corpus(name);
    for (path, input) in &corpus {
        try_input(&target, &path.display().to_string(), input);
    }
    let inputs: Vec<Vec<u8>> =
        seeds.into_iter().chain(corpus.into_iter().map(|(_, input)| input)).collect();
    let seed = number("SHOUWANG_SEED").unwrap_or(20_260_901);
    let runs = target.quick_runs * number("SHOUWANG_RUNS").unwrap_or(1) as usize;
    let (mut random, began) = (ChaCha8Rng::seed_from_u64(seed), Instant::now());
    let mut accepted = 0;
    for nth in 0..runs {
        let input = like(&inputs, target.input_bytes_max, &mut random);
        let verdict = try_input(&target, &format!("SHOUWANG_SEED={seed}, run {nth}"), &input);
        accepted += usize::from(verdict == Verdict::Accepted);
    }
    println!(
        "{name}: {} inputs replayed, {runs} tried with SHOUWANG_SEED={seed}, {accepted} of them accepted, {:?}",
        inputs.len(),
        began.elapsed()
    );
}

macro_rules! targets {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            drive(stringify!($name));
        })+

        #[test]
        fn every_target_is_driven_and_every_corpus_has_its_target() {
            let driven = [$(stringify!($name)),+];
            for target in shouwang_fuzz::TARGETS {
                assert!(driven.contains(&target.name), "{} is not driven", target.name);
            }
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
            for entry in std::fs::read_dir(directory).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(target(&name).is_some(), "a corpus of nothing: {name}");
            }
        }
    };
}
targets! {
    archive backup body bundle change columns document envelope frame header history ledger packets part
    request row session table template text token typed workbook
}
