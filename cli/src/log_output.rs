//! Where the log goes: to stderr, and from a running node to files that are turned over, so that an operator who comes
//! a week later finds what happened and no disk is ever full of it. No log has a name, a phone or an ID number of an
//! elder in it (`tests/logs.rs`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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
const FILE_BYTES: u64 = 1 << 20;
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
    let (turned, failure) = match file.map(TurnedFile::open).transpose() {
        Ok(turned) => (turned, None),
        Err(error) => (None, Some(error)),
    };
    let file = turned.map(|turned| {
        tracing_subscriber::fmt::layer()
            .with_writer(Mutex::new(turned))
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

/// A log file that is turned over when it is long: `shouwang.log` becomes `shouwang.log.1`, that `.2`, and the last
/// goes. Whatever somebody does to the files meanwhile, it goes on with what it finds.
struct TurnedFile {
    path: PathBuf,
    /// None where it could not be opened again; then each line tries.
    file: Option<File>,
    bytes: u64,
}

impl TurnedFile {
    fn open(path: &Path) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut turned = Self { path: path.to_owned(), file: None, bytes: 0 };
        turned.open_again()?;
        Ok(turned)
    }

    fn open_again(&mut self) -> io::Result<&mut File> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path)?;
        self.bytes = file.metadata()?.len();
        Ok(self.file.insert(file))
    }

    /// Each file takes the next number. One that is not there leaves a gap, one that cannot be moved is appended to.
    fn turn(&mut self) {
        self.file = None;
        let numbered = |number: usize| match number {
            0 => self.path.clone(),
            number => {
                let mut name = self.path.clone().into_os_string();
                name.push(format!(".{number}"));
                PathBuf::from(name)
            }
        };
        for number in (0..FILES_KEPT).rev() {
            let _ = fs::rename(numbered(number), numbered(number + 1));
        }
    }
}

impl Write for TurnedFile {
    /// Lines come whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes > FILE_BYTES {
            self.turn();
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.open_again()?,
        };
        file.write_all(line)?;
        self.bytes += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_is_logged_the_files_stay_small_and_the_last_line_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = default_file(directory.path());
        let line = format!("{}\n", "x".repeat(1_023));
        for _ in 0..3 {
            // Begun anew in between, as a node is.
            let mut file = TurnedFile::open(&path).unwrap();
            for _ in 0..6 * 1_024 {
                file.write_all(line.as_bytes()).unwrap();
            }
            file.write_all(b"the last\n").unwrap();
        }
        let files = fs::read_dir(path.parent().unwrap()).unwrap();
        let lengths: Vec<u64> = files.map(|file| file.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(lengths.len(), FILES_KEPT + 1);
        assert!(lengths.iter().sum::<u64>() <= (FILES_KEPT as u64 + 1) * (FILE_BYTES + 2_048));
        assert!(fs::read_to_string(&path).unwrap().ends_with("the last\n"));
    }

    #[test]
    fn files_that_somebody_takes_away_meanwhile_stop_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = default_file(directory.path());
        let long = vec![b'x'; FILE_BYTES as usize + 1];
        let mut file = TurnedFile::open(&path).unwrap();
        for _ in 0..3 {
            file.write_all(&long).unwrap();
        }
        let logs = path.parent().unwrap();
        fs::remove_file(logs.join("shouwang.log.1")).unwrap();
        file.write_all(&long).unwrap();
        fs::remove_dir_all(logs).unwrap();
        // Nowhere to write to: it is said, and the next line tries again.
        assert!(file.write_all(&long).is_err());
        fs::create_dir(logs).unwrap();
        file.write_all(b"back\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "back\n");
    }

    #[test]
    fn where_no_file_can_be_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory.path().join("logs");
        fs::write(&taken, "").unwrap();
        assert!(TurnedFile::open(&taken.join("shouwang.log")).is_err());
    }
}
