//! Where the log goes: to stderr, and from a running node to files that are turned over, so that an operator who comes
//! a week later finds what happened and no disk is ever full of it. No log has a name, a phone or an ID number of an
//! elder in it (`tests/logs.rs`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// What stderr gets unless `SHOUWANG_LOG` says otherwise.
const STDERR_DEFAULT: &str = "warn";
/// What it gets with `--verbose`.
const STDERR_VERBOSE: &str = "shouwang=debug,shouwang_node=debug,warn";
/// What files get unless `SHOUWANG_LOG` says otherwise: each session, and what came of it.
const FILE_DEFAULT: &str = "shouwang=info,shouwang_node=info,warn";
/// A file is turned over when it is longer, bytes. Eight thousand lines.
const FILE_BYTES: usize = 1 << 20;
/// Files that are kept beside the newest: 8 MiB of a laptop's disk in all, some weeks of a township.
const FILES_KEPT: usize = 7;

/// Begins to log. Returns why there is no file where one was asked for: that stops nobody from working.
pub(crate) fn start(verbose: bool, file: Option<&Path>) -> Option<io::Error> {
    let asked = || EnvFilter::try_from_env("SHOUWANG_LOG").ok();
    let default = if verbose { STDERR_VERBOSE } else { STDERR_DEFAULT };
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_filter(asked().unwrap_or_else(|| EnvFilter::new(default)));
    let (rotating, failure) = match file.map(rotating).transpose() {
        Ok(rotating) => (rotating, None),
        Err(error) => (None, Some(error)),
    };
    let file = rotating.map(|rotating| {
        tracing_subscriber::fmt::layer()
            .with_writer(Mutex::new(rotating))
            .with_ansi(false)
            .with_filter(asked().unwrap_or_else(|| EnvFilter::new(FILE_DEFAULT)))
    });
    let _ = tracing_subscriber::registry().with(stderr).with(file).try_init();
    failure
}

/// Where a running node logs unless told otherwise.
pub(crate) fn default_file(home: &Path) -> PathBuf {
    home.join("logs").join("shouwang.log")
}

fn rotating(path: &Path) -> io::Result<FileRotate<AppendCount>> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut options = fs::OpenOptions::new();
    options.read(true).create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // The writer itself would say nothing.
    options.open(path)?;
    Ok(FileRotate::new(
        path,
        AppendCount::new(FILES_KEPT),
        ContentLimit::BytesSurpassed(FILE_BYTES),
        Compression::None,
        Some(options),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn however_much_is_logged_the_files_stay_small_and_the_last_line_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = default_file(directory.path());
        let line = format!("{}\n", "x".repeat(1_023));
        for _ in 0..3 {
            // Begun anew in between, as a node is.
            let mut file = rotating(&path).unwrap();
            for _ in 0..6 * 1_024 {
                file.write_all(line.as_bytes()).unwrap();
            }
            file.write_all(b"the last\n").unwrap();
        }
        let files = fs::read_dir(path.parent().unwrap()).unwrap();
        let lengths: Vec<u64> = files.map(|file| file.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(lengths.len(), FILES_KEPT + 1);
        assert!(
            lengths.iter().sum::<u64>() <= (FILES_KEPT as u64 + 1) * (FILE_BYTES as u64 + 1_024)
        );
        assert!(fs::read_to_string(&path).unwrap().ends_with("the last\n"));
    }

    #[test]
    fn where_no_file_can_be_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory.path().join("logs");
        fs::write(&taken, "").unwrap();
        assert!(rotating(&taken.join("shouwang.log")).is_err());
    }
}
