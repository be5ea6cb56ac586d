//! What a person may ask of a node, and the answers: one definition for the command line that
//! opens the store itself and for the admin API of a running node.
//!
//! Requests and replies are plain data with serde forms; `docs/json.md` describes the JSON.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub mod area;
pub mod device;
pub mod elder;
pub mod import;
pub mod status;
pub mod verify;

/// The version of every JSON object that this program prints.
pub const JSON_SCHEMA_VERSION: u32 = 1;

/// Something a person may ask.
pub trait Request: Serialize + DeserializeOwned + Send + 'static {
    /// The name in the admin API's path.
    const NAME: &'static str;

    /// The answer.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
}

/// Why a request was not carried out. `code` is a key of the message catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// Whose fault, and so which exit code.
    pub kind: ErrorKind,
    /// What went wrong, for the catalogue and for scripts.
    pub code: String,
    /// What fills the message's places. Never a name, a phone or an ID number.
    pub arguments: BTreeMap<String, String>,
    /// English, for logs.
    pub message: String,
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request cannot be meant like this.
    Usage,
    /// This device may not do that.
    Refused,
    /// No such thing here.
    NotFound,
    /// The node or its disk failed.
    Failed,
}

impl CommandError {
    /// An error of this kind and code.
    pub fn new(kind: ErrorKind, code: &str, message: impl ToString) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            arguments: BTreeMap::new(),
            message: message.to_string(),
        }
    }

    /// Fills a place of the message.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.arguments.insert(name.to_owned(), value.to_string());
        self
    }
}
