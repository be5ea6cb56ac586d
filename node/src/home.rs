//! The directory of a node: its store, and where its running process listens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shouwang_crdt_schema::division::DivisionCode;
use thiserror::Error;

use crate::admin::client::Client;
use crate::admin::server::PageLink;
use crate::command::{CommandError, ErrorKind, Request};
use crate::engine::Engine;
use crate::entropy::Entropy;
use crate::identity::DeviceId;
use crate::identity::grant::{GrantId, Role};
use crate::identity::token::root_to_text;
use crate::machine::{now, seed};
use crate::runtime::Running;
use crate::setup::{self, SetupError};
use crate::store::{self, Store, StoreError};
use crate::transport::{DialState, unanswered};

mod machine;
mod storage;

pub use storage::SecretSource;

/// A node's directory: `store.redb`, `store.key` and, while it runs, `admin.json`.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
    secrets: Arc<dyn SecretSource>,
}

/// A way to ask the node of a home: the running process, or its store opened here.
pub struct Node(Door);

enum Door {
    Running(Client),
    Inside(Inside),
    Here(Box<Engine>),
}

/// The node that runs in this very process, for whoever asks from another of its threads.
#[derive(Clone)]
pub struct Inside {
    running: Running,
    handle: tokio::runtime::Handle,
}

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
        Self { path: path.as_ref().to_owned(), secrets: Arc::new(storage::NoSecrets) }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a new mesh and this device its first.
    pub fn init(&self, options: &InitOptions) -> Result<Initialised, HomeError> {
        let (_, store) = self.create()?;
        let (mut entropy, area, name) = (Entropy::new(seed()?), options.area, &options.name);
        let made = guarded(|| setup::init(&store, &mut entropy, area, name, now().wall_ms))?;
        let root = made.map_err(|error| self.setup(error))?;
        let engine = self.engine(store)?;
        Ok(Initialised {
            root: root_to_text(&root),
            mesh: engine.authority().mesh(),
            device: engine.device(),
        })
    }

    /// Makes this device's keys, or shows them again.
    pub fn request(&self) -> Result<Requested, HomeError> {
        let (_, store) = self.create()?;
        let mut entropy = Entropy::new(seed()?);
        let request = guarded(|| setup::request(&store, &mut entropy))?;
        let request = request.map_err(|error| self.setup(error))?;
        Ok(Requested { request: request.to_text(), device: request.device })
    }

    /// Pins the invite's root and takes its grant.
    pub fn join(&self, invite: &str) -> Result<Joined, HomeError> {
        let (_, store) = self.open()?;
        let mut entropy = Entropy::new(seed()?);
        let grant = guarded(|| setup::join(&store, &mut entropy, invite))?;
        let grant = grant.map_err(|error| self.setup(error))?;
        let addresses = guarded(|| setup::addresses(&store.read()?))?;
        let addresses = addresses.map_err(|error| self.store(error))?;
        let engine = self.engine(store)?;
        Ok(Joined {
            device: engine.device(),
            mesh: engine.authority().mesh(),
            area: grant.area.0,
            name: grant.name,
            role: grant.role,
            addresses,
        })
    }

    /// The running node, or the store opened here.
    pub fn node(&self) -> Result<Node, HomeError> {
        match self.running()? {
            Some(client) => Ok(Node(Door::Running(client))),
            None => Ok(Node(Door::Here(Box::new(self.open_engine()?)))),
        }
    }

    /// The running node, if one answers; the store is left alone.
    pub fn running_node(&self) -> Option<Node> {
        Client::connect(&self.path).map(|client| Node(Door::Running(client)))
    }

    /// The running node, if one answers.
    pub(crate) fn running(&self) -> Result<Option<Client>, HomeError> {
        Ok(Client::connect(&self.path))
    }

    /// The engine over the store opened here.
    pub(crate) fn open_engine(&self) -> Result<Engine, HomeError> {
        let (vault, store) = self.open()?;
        let mut engine = self.engine(store)?;
        engine.keep_in(vault);
        guarded(|| engine.rewrite_if_due())?.map_err(|error| self.store(error))?;
        Ok(engine)
    }

    fn engine(&self, store: Store) -> Result<Engine, HomeError> {
        let seed = seed()?;
        guarded(|| Engine::open(store, seed))?.map_err(|error| self.setup(error))
    }

    fn store(&self, error: StoreError) -> HomeError {
        let denied = |cause: &redb::Error| matches!(cause, redb::Error::Io(io) if io.kind() == std::io::ErrorKind::PermissionDenied);
        match error {
            StoreError::InUse => HomeError::InUse(self.path.clone()),
            StoreError::Database(cause) if denied(&cause) => HomeError::Command(
                CommandError::new(ErrorKind::Failed, "home_not_accessible", &cause)
                    .with("path", self.path.display()),
            ),
            error => HomeError::Command(error.into()),
        }
    }

    fn setup(&self, error: SetupError) -> HomeError {
        let command = |kind, code| HomeError::Command(CommandError::new(kind, code, &error));
        match &error {
            SetupError::NoKeys => HomeError::NoNode(self.path.clone()),
            SetupError::NotJoined => HomeError::NotJoined(self.path.clone()),
            SetupError::AlreadyJoined => HomeError::AlreadyJoined(self.path.clone()),
            SetupError::OtherDevice => HomeError::OtherDevice,
            SetupError::WrongLevel(area) => HomeError::Command(
                CommandError::new(ErrorKind::Usage, "area_level", &error).with("area", area),
            ),
            SetupError::Name => command(ErrorKind::Usage, "bad_name"),
            SetupError::Token(token) => HomeError::Command(
                CommandError::new(ErrorKind::Usage, "bad_invite", token).with("detail", token),
            ),
            SetupError::Grant(grant) => HomeError::Command(
                CommandError::new(ErrorKind::Refused, "grant_invalid", grant).with("detail", grant),
            ),
            SetupError::Store(_) => match error {
                SetupError::Store(error) => self.store(error),
                _ => HomeError::NoNode(self.path.clone()),
            },
        }
    }
}

/// Runs what reads the store.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, CommandError> {
    store::guarded(work).map_err(CommandError::from)
}

impl Inside {
    /// For whoever is on threads that this runtime lets block.
    pub(crate) fn new(running: Running, handle: tokio::runtime::Handle) -> Self {
        Self { running, handle }
    }

    /// A way to ask it, for one who asks. Not to be used by a task of the runtime itself.
    pub fn node(&self) -> Node {
        Node(Door::Inside(self.clone()))
    }
}

impl Node {
    /// Asks.
    pub fn call<R: Request>(&mut self, request: R) -> Result<R::Reply, HomeError> {
        match &mut self.0 {
            Door::Running(client) => Ok(client.ask(R::NAME, &request)?),
            Door::Inside(inside) => Ok(inside.handle.block_on(inside.running.call(request))?),
            Door::Here(engine) => {
                let reply = guarded(|| request.execute(engine, now()))??;
                guarded(|| engine.rewrite_if_due())?.map_err(CommandError::from)?;
                Ok(reply)
            }
        }
    }

    /// A link that opens the pages of the running process, once.
    pub fn page_link(&mut self) -> Result<PageLink, HomeError> {
        match &self.0 {
            Door::Running(client) => Ok(client.ask("page_link", &())?),
            Door::Inside(_) | Door::Here(_) => {
                let message = "no process that shows pages runs";
                Err(CommandError::new(ErrorKind::Failed, "no_pages", message).into())
            }
        }
    }

    /// Whether a running process answers, rather than the store opened here.
    pub fn is_running(&self) -> bool {
        matches!(self.0, Door::Running(_) | Door::Inside(_))
    }

    /// Has a running node dial these addresses and everything that is not connected.
    pub(crate) fn dial_now(&mut self, addresses: &[String]) -> Result<(), HomeError> {
        match &self.0 {
            Door::Running(client) => Ok(client.ask("dial_now", &addresses)?),
            Door::Inside(inside) => {
                inside.running.dial_now(addresses);
                Ok(())
            }
            Door::Here(_) => Ok(()),
        }
    }

    /// Addresses at which nobody answers; where no node runs, nobody answered the one that ran last.
    pub(crate) fn unanswered(&mut self) -> Result<Vec<String>, HomeError> {
        match &self.0 {
            Door::Running(_) => Ok(unanswered(&self.dials()?)),
            Door::Inside(inside) => Ok(inside.running.unanswered()),
            Door::Here(engine) => Ok(engine.unanswered().map_err(CommandError::from)?),
        }
    }

    /// How a running node stands with each address.
    pub(crate) fn dials(&mut self) -> Result<BTreeMap<String, DialState>, HomeError> {
        match &self.0 {
            Door::Running(client) => Ok(client.ask("dials", &())?),
            Door::Inside(inside) => Ok(inside.running.dials()),
            Door::Here(_) => Ok(BTreeMap::new()),
        }
    }
}
