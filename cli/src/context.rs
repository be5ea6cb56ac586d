//! What every command is given: the home, the catalogue, where to print, and what day it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use shouwang_node::home::{Home, HomeError, Node};

use crate::message::{Language, Messages};
use crate::output::Output;
use crate::secret::Secrets;

/// What every command is given.
pub(crate) struct Context {
    /// The node's directory.
    pub(crate) home: Home,
    /// What opens it.
    pub(crate) secrets: Arc<Secrets>,
    /// What the program says.
    pub(crate) messages: Arc<Messages>,
    /// Where it prints.
    pub(crate) output: Output,
    /// The civil day for everything that is computed.
    pub(crate) as_of: NaiveDate,
    /// Whether a person typed that day.
    pub(crate) as_of_typed: bool,
    /// The clock of this machine, ms since 1970, when the command began. Only screens use it.
    pub(crate) now_ms: i64,
    /// The language that a person asked for.
    pub(crate) language_typed: Option<Language>,
    /// Say more: absolute times, whole identifiers.
    pub(crate) verbose: bool,
}

#[cfg(test)]
impl Context {
    /// For what only prints, at this moment: nothing is opened.
    pub(crate) fn for_screens(
        messages: Messages,
        output: Output,
        now_ms: i64,
        verbose: bool,
    ) -> Self {
        use crate::secret::Prompts;
        let home = PathBuf::from("/nowhere");
        let prompts = Prompts::new(&messages);
        let secrets =
            Secrets { home: home.clone(), passphrase_file: None, key_file: None, prompts };
        let as_of = civil_time(now_ms).map(|moment| moment.date_naive()).unwrap_or_default();
        Self {
            home: Home::at(home),
            secrets: Arc::new(secrets),
            messages: Arc::new(messages),
            output,
            as_of,
            as_of_typed: false,
            now_ms,
            language_typed: None,
            verbose,
        }
    }
}

impl Context {
    /// The running node, or its store opened here.
    pub(crate) fn node(&self) -> Result<Node, HomeError> {
        self.home.node()
    }
}

/// The clock of this machine, ms since 1970. Only screens use it.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// A moment in China's civil time, UTC+8.
pub(crate) fn civil_time(at_ms: i64) -> Option<DateTime<FixedOffset>> {
    let china = FixedOffset::east_opt(8 * 3600)?;
    let moment = DateTime::<Utc>::from_timestamp_millis(at_ms)?;
    // Of the last hours of the calendar there is no time in UTC+8, and anybody may write any moment.
    moment.naive_utc().checked_add_offset(china)?;
    Some(moment.with_timezone(&china))
}

/// Today by this machine's clock, as a civil date in UTC+8.
pub(crate) fn today() -> NaiveDate {
    civil_time(now_ms()).map(|moment| moment.date_naive()).unwrap_or_default()
}

/// Where a node lives unless told otherwise: `%APPDATA%\shouwang` on Windows, else
/// `$XDG_DATA_HOME/shouwang` or `~/.local/share/shouwang`. None where the environment names no home.
pub(crate) fn default_home() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let data = if cfg!(windows) {
        variable("APPDATA").map(PathBuf::from)
    } else {
        variable("XDG_DATA_HOME").map(PathBuf::from).or_else(|| {
            variable("HOME").map(|home| PathBuf::from(home).join(".local").join("share"))
        })
    };
    Some(data?.join("shouwang"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_at_midnight_in_china() {
        // 2026-11-20T16:00:00Z is midnight of the 21st in UTC+8.
        let midnight = 1_795_190_400_000;
        let day = |at| civil_time(at).unwrap().date_naive().to_string();
        assert_eq!(day(midnight), "2026-11-21");
        assert_eq!(day(midnight - 1), "2026-11-20");
        // The last moment that chrono reads, and those beyond.
        for at in [8_210_266_876_799_999, i64::MAX, i64::MIN] {
            assert_eq!(civil_time(at), None, "{at}");
        }
    }
}
