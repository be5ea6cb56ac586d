//! The directory of a node: its store, and where its running process listens.

use std::path::{Path, PathBuf};

use shouwang_crdt_schema::division::DivisionCode;
use thiserror::Error;

use crate::command::{CommandError, ErrorKind, Request};
use crate::identity::DeviceId;
use crate::identity::grant::{GrantId, Role};

/// A node's directory: `store.redb` and, while it runs, `admin.json`.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
}

/// A way to ask the node of a home: the running process, or its store opened here.
pub struct Node {}

/// What `init` makes.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The whole mesh's area: a county, or a single township that begins alone.
    pub area: DivisionCode,
    /// What screens call this device.
    pub name: String,
}

/// What `init` made.
#[derive(Clone, Debug)]
pub struct Initialised {
    /// The root's secret, to be written on paper or to a file that is locked away. It is not kept.
    pub root: String,
    /// The mesh.
    pub mesh: GrantId,
    /// This device.
    pub device: DeviceId,
}

/// What `request` made.
#[derive(Clone, Debug)]
pub struct Requested {
    /// The text for whoever may grant.
    pub request: String,
    /// This device.
    pub device: DeviceId,
}

/// What `join` found.
#[derive(Clone, Debug)]
pub struct Joined {
    /// This device.
    pub device: DeviceId,
    /// The mesh.
    pub mesh: GrantId,
    /// Its area.
    pub area: DivisionCode,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The addresses that the invite brought.
    pub addresses: Vec<String>,
}

/// Why a home cannot be used as asked.
#[derive(Debug, Error)]
pub enum HomeError {
    /// Nothing there: neither `init` nor `request` was run.
    #[error("there is no node in {0}")]
    NoNode(PathBuf),
    /// `request` was run, `join` was not.
    #[error("the node in {0} has not joined a mesh")]
    NotJoined(PathBuf),
    /// `init` or `join` was run before.
    #[error("the node in {0} is in a mesh already")]
    AlreadyJoined(PathBuf),
    /// Another process has the store open, and it answers no requests.
    #[error("the store in {0} is in use by another process")]
    InUse(PathBuf),
    /// The invite is for another device.
    #[error("the invite is for another device")]
    OtherDevice,
    /// Anything else, with the code of the catalogue.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl HomeError {
    /// The key of the message catalogue.
    pub fn code(&self) -> &str {
        match self {
            Self::NoNode(_) => "no_node",
            Self::NotJoined(_) => "not_joined",
            Self::AlreadyJoined(_) => "already_joined",
            Self::InUse(_) => "in_use",
            Self::OtherDevice => "invite_for_another_device",
            Self::Command(error) => &error.code,
        }
    }

    /// What kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoNode(_) | Self::NotJoined(_) | Self::AlreadyJoined(_) => ErrorKind::Usage,
            Self::InUse(_) => ErrorKind::Failed,
            Self::OtherDevice => ErrorKind::Refused,
            Self::Command(error) => error.kind,
        }
    }
}

impl Home {
    /// The home in this directory; nothing is touched yet.
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned() }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a new mesh and this device its first.
    pub fn init(&self, _options: &InitOptions) -> Result<Initialised, HomeError> {
        Err(HomeError::NoNode(self.path.clone()))
    }

    /// Makes this device's keys, or shows them again.
    pub fn request(&self) -> Result<Requested, HomeError> {
        Err(HomeError::NoNode(self.path.clone()))
    }

    /// Pins the invite's root and takes its grant.
    pub fn join(&self, _invite: &str) -> Result<Joined, HomeError> {
        Err(HomeError::NoNode(self.path.clone()))
    }

    /// The running node, or the store opened here.
    pub fn node(&self) -> Result<Node, HomeError> {
        Err(HomeError::NoNode(self.path.clone()))
    }
}

impl Node {
    /// Asks.
    pub fn call<R: Request>(&mut self, _request: R) -> Result<R::Reply, HomeError> {
        Err(HomeError::OtherDevice)
    }

    /// Whether a running process answers, rather than the store opened here.
    pub fn is_running(&self) -> bool {
        false
    }
}
