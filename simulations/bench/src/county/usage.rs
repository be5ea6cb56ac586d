//! What this process has used, as Linux counts it.

use std::time::Duration;

/// Processor time of this process so far, all threads, also those that have ended.
pub(super) fn process_cpu() -> Duration {
    let ms = crate::peers::resources::cpu_ms().unwrap_or_default();
    Duration::from_secs_f64(ms / 1_000.0)
}

/// Processor time of this process's main thread so far.
pub(super) fn main_thread_cpu() -> Duration {
    schedstat("/proc/self/schedstat")
}

fn schedstat(path: &str) -> Duration {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let ns = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(ns.unwrap_or_default())
}

/// The most memory that this process has had at once, bytes.
pub(super) fn peak_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
