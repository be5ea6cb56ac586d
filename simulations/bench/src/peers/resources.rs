//! What this process has used of the machine.

use anyhow::Context;

/// Clock ticks of `/proc/self/stat` in a second: fixed by Linux's interface to programs.
const TICKS_PER_S: f64 = 100.0;

/// Time on a processor since this process began, user and system, ms.
///
/// `/proc/self/stat` knows of threads that have ended and counts in steps of 10 ms;
/// `/proc/self/task/*/schedstat` is exact and knows only of those that run, so the larger holds.
pub(crate) fn cpu_ms() -> anyhow::Result<f64> {
    let by_ticks = ticks_of(std::process::id())? as f64 * 1_000.0 / TICKS_PER_S;
    let mut by_threads = 0.0;
    for task in std::fs::read_dir("/proc/self/task")?.flatten() {
        let Ok(line) = std::fs::read_to_string(task.path().join("schedstat")) else { continue };
        let ran_ns = line.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
        by_threads += ran_ns.unwrap_or(0.0) / 1e6;
    }
    Ok(by_ticks.max(by_threads))
}

/// Time on a processor of a process, user and system, in hundredths of a second.
pub(crate) fn ticks_of(process: u32) -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("/proc/N/stat has no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // Fields 14 and 15 of the whole line; the first after the name is the third.
    let ticks = |at: usize| -> anyhow::Result<u64> {
        Ok(fields.get(at).context("/proc/N/stat is short")?.parse()?)
    };
    Ok(ticks(11)? + ticks(12)?)
}

/// The most memory that this process has had, MiB.
pub(crate) fn peak_rss_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).context("no VmHWM")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}
