//! A home's vault: opening it with what its owner knows or has, backing it up, restoring it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::{Door, Home, HomeError, Node, guarded};
use crate::command::storage::BackedUp;
use crate::command::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::entropy::Entropy;
use crate::machine::seed;
use crate::progress::Progress;
use crate::runtime::long_work;
use crate::store::{Store, StoreError};
use crate::vault::backup::{make_directory, restore};
use crate::vault::{
    EnvelopeError, Fresh, Lock, Secret, Vault, VaultError, VolumeKey, Wiped, change_secret,
    lock_of, read_envelope, wipe,
};

/// How often long work says how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Whoever can say what opens a home. Asked only when a store is opened in this process: never
/// while a running node answers.
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// The secret of a home that is there.
    fn to_open(&self, lock: Lock) -> Result<Secret, CommandError>;

    /// The secret for a home that is being made.
    fn to_create(&self) -> Result<Secret, CommandError>;
}

/// Nobody to ask.
#[derive(Debug)]
pub(super) struct NoSecrets;

impl SecretSource for NoSecrets {
    fn to_open(&self, _lock: Lock) -> Result<Secret, CommandError> {
        self.to_create()
    }

    fn to_create(&self) -> Result<Secret, CommandError> {
        let message = "the store is encrypted, and there is nobody to ask for its secret";
        Err(CommandError::new(ErrorKind::Usage, "secret_needed", message))
    }
}

impl Home {
    /// The same home, with somebody to ask for its secret.
    pub fn with_secrets(mut self, secrets: Arc<dyn SecretSource>) -> Self {
        self.secrets = secrets;
        self
    }

    pub(super) fn open(&self) -> Result<(Vault, Store), HomeError> {
        Vault::open(self.path(), |lock| self.secrets.to_open(lock).map_err(Trouble::from))
            .map_err(|trouble| self.trouble(trouble))
    }

    /// Opens the store, or makes directory and files such that only their owner may read them.
    pub(super) fn create(&self) -> Result<(Vault, Store), HomeError> {
        let mut entropy = Entropy::new(seed()?);
        let key = VolumeKey::new(entropy.bytes());
        let ask = |lock| match lock {
            Some(lock) => self.secrets.to_open(lock).map_err(Trouble::from),
            None => self.secrets.to_create().map_err(Trouble::from),
        };
        let made = make_directory(self.path())
            .map_err(|error| Trouble::Vault(error.into()))
            .and_then(|()| Vault::create(self.path(), key, &fresh(&mut entropy), ask));
        made.map_err(|trouble| match trouble {
            Trouble::Vault(VaultError::Io(error)) => HomeError::Command(
                CommandError::new(ErrorKind::Failed, "home_not_writable", &error)
                    .with("path", self.path().display())
                    .with("detail", error),
            ),
            trouble => self.trouble(trouble),
        })
    }

    /// Locks the home with another secret. A node may be running meanwhile; the old secret is
    /// asked for all the same.
    pub fn change_secret(
        &self,
        new: impl FnOnce() -> Result<Secret, CommandError>,
    ) -> Result<Lock, HomeError> {
        change_secret(
            self.path(),
            &fresh(&mut Entropy::new(seed()?)),
            |lock| self.secrets.to_open(lock).map_err(Trouble::from),
            || new().map_err(Trouble::from),
        )
        .map_err(|trouble| self.trouble(trouble))
    }

    /// What locks this home.
    pub fn lock(&self) -> Result<Lock, HomeError> {
        lock_of(self.path()).map_err(|error| self.trouble(Trouble::Vault(error)))
    }

    /// Whether this is the secret that opens it; to find out costs as much as to open it. A node may be running.
    pub fn opens_with(&self, secret: &Secret) -> Result<bool, HomeError> {
        use EnvelopeError::{NeedsKeyFile, NeedsPassphrase, WrongKeyFile, WrongPassphrase};
        let envelope = read_envelope(self.path());
        match envelope.and_then(|envelope| Ok(envelope.open(secret)?)) {
            Ok(_) => Ok(true),
            Err(VaultError::Envelope(
                WrongPassphrase | WrongKeyFile | NeedsPassphrase | NeedsKeyFile,
            )) => Ok(false),
            Err(error) => Err(self.trouble(Trouble::Vault(error))),
        }
    }

    /// Makes this home, in which nothing is yet, from a backup.
    /// `progress` is called a few times a second, by another thread, with bytes copied and bytes in all; when all are
    /// copied, every page is still to be read.
    pub fn restore(
        &self,
        backup: &Path,
        progress: impl FnMut((u64, u64)) + Send,
    ) -> Result<(), HomeError> {
        let ask = |lock| self.secrets.to_open(lock).map_err(Trouble::from);
        let copied = Progress::default();
        let work = || restore(backup, self.path(), &copied, ask);
        watched(|| Some(copied.get()), progress, work).map_err(|trouble| self.trouble(trouble))
    }

    /// Destroys this home, whatever it holds. Whoever calls has made sure that nothing is lost by it.
    pub fn wipe(&self) -> Result<Wiped, HomeError> {
        if !self.path().is_dir() {
            return Err(HomeError::NoNode(self.path().to_owned()));
        }
        wipe(self.path()).map_err(|error| self.trouble(Trouble::Vault(error)))
    }

    fn trouble(&self, trouble: Trouble) -> HomeError {
        match trouble {
            Trouble::Command(error) => error.into(),
            Trouble::Vault(VaultError::NoStore(path)) => HomeError::NoNode(path),
            Trouble::Vault(VaultError::Store(error)) => self.store(error),
            Trouble::Vault(VaultError::Io(error)) => {
                self.store(StoreError::Database(Box::new(redb::Error::Io(error))))
            }
            Trouble::Vault(error) => HomeError::Command(error.into()),
        }
    }
}

impl Node {
    /// Writes everything, as it is now, into a new file: by the running process where there is one.
    /// `progress` is called a few times a second, by another thread, with rows written and rows in all; never inside
    /// the process that runs the node.
    pub fn backup(
        &mut self,
        to: &Path,
        progress: impl FnMut((u64, u64)) + Send,
    ) -> Result<BackedUp, HomeError> {
        match &self.0 {
            Door::Running(client) => {
                let look = || client.ask("backup_progress", &()).ok();
                Ok(watched(look, progress, || client.ask_for_long("backup", &to))?)
            }
            Door::Inside(inside) => {
                Ok(inside.handle.block_on(inside.running.backup(to.to_owned()))?)
            }
            Door::Here(engine) => {
                let backup = engine.backup().map_err(CommandError::from)?;
                let copied = backup.progress();
                let write = || guarded(|| backup.write(to));
                let written = watched(|| Some(copied.get()), progress, write)?;
                let bytes = written.map_err(CommandError::from)?;
                Ok(BackedUp { schema_version: JSON_SCHEMA_VERSION, file: to.to_owned(), bytes })
            }
        }
    }

    /// Asks for what the engine works on for long, and waits as long as it takes. `progress` is called as for
    /// [`Node::backup`], with steps done and steps in all.
    pub fn call_for_long<R: Request>(
        &mut self,
        request: R,
        progress: impl FnMut((u64, u64)) + Send,
    ) -> Result<R::Reply, HomeError> {
        let work = match &self.0 {
            Door::Running(client) => {
                let look = || client.ask("work_progress", &R::NAME).ok();
                return Ok(watched(look, progress, || client.ask_for_long(R::NAME, &request))?);
            }
            Door::Inside(_) => return self.call(request),
            Door::Here(engine) => long_work(engine).remove(R::NAME).unwrap_or_default(),
        };
        watched(|| Some(work.get()), progress, || self.call(request))
    }
}

/// Does the work, while another thread looks a few times a second how far it is.
fn watched<T>(
    look: impl Fn() -> Option<(u64, u64)> + Send,
    mut progress: impl FnMut((u64, u64)) + Send,
    work: impl FnOnce() -> T,
) -> T {
    let (done, is_done) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = is_done.recv_timeout(PROGRESS_INTERVAL) {
                progress(look().unwrap_or_default());
            }
        });
        let answer = work();
        drop(done);
        answer
    })
}

fn fresh(entropy: &mut Entropy) -> Fresh {
    Fresh { salt: entropy.bytes(), nonce: entropy.bytes() }
}

/// What stops a vault from opening: itself, or whoever was asked for the secret.
enum Trouble {
    Vault(VaultError),
    Command(CommandError),
}

impl From<VaultError> for Trouble {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<CommandError> for Trouble {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}
