//! The homes of a county on one disk, all opened by one key file beside them.
//!
//! | In the directory | What |
//! | --- | --- |
//! | `key` | the key file |
//! | `county` | the county's home |
//! | `newcomer` | a second device of the county that has joined and met nobody |
//! | `township-CODE` | a township's home |
//! | `village` | the home of one village |
//! | `built.json` | [`Built`], once everything stands |

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::CommandError;
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::home::{Home, SecretSource};
use shouwang_node::store::Store;
use shouwang_node::vault::{Fresh, Lock, Secret, Vault, VaultError, VolumeKey};

/// Where the homes are.
#[derive(Clone, Debug)]
pub(super) struct Homes {
    root: PathBuf,
}

/// What was built.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Built {
    /// What everything random came from.
    pub(super) seed: u64,
    /// Elders.
    pub(super) elders: u64,
    /// Townships.
    pub(super) townships: Vec<DivisionCode>,
    /// Villages.
    pub(super) villages: u64,
    /// The village whose home was kept.
    pub(super) village: DivisionCode,
    /// Changes of records.
    pub(super) changes: u64,
    /// Their bytes as Automerge writes them, not compressed.
    pub(super) change_bytes: u64,
    /// How long building took, s.
    pub(super) seconds: u64,
}

impl Homes {
    /// Homes in this directory, built or not.
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Whether a build came to its end here.
    pub(super) fn are_built(&self) -> bool {
        self.root.join("built.json").exists()
    }

    /// What was built.
    pub(super) fn built(&self) -> anyhow::Result<Built> {
        let text = std::fs::read(self.root.join("built.json")).context("nothing was built here")?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Everything stands.
    pub(super) fn set_built(&self, built: &Built) -> anyhow::Result<()> {
        Ok(std::fs::write(self.root.join("built.json"), serde_json::to_vec_pretty(built)?)?)
    }

    pub(super) fn county(&self) -> PathBuf {
        self.root.join("county")
    }

    pub(super) fn newcomer(&self) -> PathBuf {
        self.root.join("newcomer")
    }

    pub(super) fn township(&self, code: DivisionCode) -> PathBuf {
        self.root.join(format!("township-{code}"))
    }

    pub(super) fn village(&self) -> PathBuf {
        self.root.join("village")
    }

    /// A place in the directory for what goes away again.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes the directory and the key file; what an interrupted build has left goes.
    pub(super) fn begin(&self) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(&self.root).into_iter().flatten() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            let name = name.to_string_lossy().into_owned();
            let ours = ["key", "county", "newcomer", "village"].contains(&name.as_str())
                || name.starts_with("township-");
            if ours && path.is_dir() {
                std::fs::remove_dir_all(path)?;
            } else if ours {
                std::fs::remove_file(path)?;
            }
        }
        std::fs::create_dir_all(&self.root)?;
        Secret::make_key_file(&self.root.join("key"), &self.county(), [7; 32])?;
        Ok(())
    }

    /// A new encrypted store.
    pub(super) fn create(&self, path: &Path, entropy: &mut Entropy) -> anyhow::Result<Store> {
        std::fs::create_dir_all(path)?;
        let fresh = Fresh { salt: entropy.bytes(), nonce: entropy.bytes() };
        let secret = self.secret()?;
        let (_, store) =
            Vault::create::<VaultError>(path, VolumeKey::new(entropy.bytes()), &fresh, |_| {
                Ok(secret)
            })?;
        Ok(store)
    }

    /// The engine of a home.
    pub(super) fn open(&self, path: &Path, seed: [u8; 32]) -> anyhow::Result<Engine> {
        let secret = self.secret()?;
        let (vault, store) = Vault::open::<VaultError>(path, |_| Ok(secret))?;
        let mut engine = Engine::open(store, seed)?;
        engine.keep_in(vault);
        Ok(engine)
    }

    /// A home as the command line has it.
    pub(super) fn home(&self, path: &Path) -> anyhow::Result<Home> {
        Ok(Home::at(path).with_secrets(Arc::new(KeyFile(self.secret()?))))
    }

    fn secret(&self) -> anyhow::Result<Secret> {
        Ok(Secret::read_key_file(&self.root.join("key"))?)
    }
}

#[derive(Debug)]
struct KeyFile(Secret);

impl SecretSource for KeyFile {
    fn to_open(&self, _lock: Lock) -> Result<Secret, CommandError> {
        Ok(self.0.clone())
    }

    fn to_create(&self) -> Result<Secret, CommandError> {
        Ok(self.0.clone())
    }
}
