//! The beginning of a node: keys, the pinned root, the own grant, the incarnation.
//!
//! Everything here stands in the store's `meta` table, so that encryption of the store covers it.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};
use thiserror::Error;

use crate::authority::Authority;
use crate::entropy::Entropy;
use crate::identity::grant::{Grant, GrantError, GrantId, Quota, Role, SignedGrant};
use crate::identity::token::{Invite, Request, TokenError};
use crate::identity::{DeviceId, DeviceKeys};
use crate::index::IndexSecret;
use crate::ingest::Ingest;
use crate::limits::NAME_BYTES_MAX;
use crate::log::run::RunEntry;
use crate::log::{Incarnation, Kind, Lane, LogKey, VerifiedRun};
use crate::statement;
use crate::store::{Store, StoreError, StoreRead, Transaction};

/// What a node that has joined has of its own.
pub(crate) struct Own {
    pub(crate) keys: DeviceKeys,
    pub(crate) grant: GrantId,
    pub(crate) incarnation: Incarnation,
    pub(crate) index_secret: IndexSecret,
}

/// Why a node cannot begin.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No keys yet: neither `init` nor `request` was run.
    #[error("the node has no keys yet")]
    NoKeys,
    /// Keys, but no grant yet.
    #[error("the node has not joined a mesh")]
    NotJoined,
    /// A grant already.
    #[error("the node is in a mesh already")]
    AlreadyJoined,
    /// The invite is for another device.
    #[error("the invite is for another device")]
    OtherDevice,
    /// A mesh begins at a county or a township.
    #[error("a mesh begins at a county or a township, {0} is neither")]
    WrongLevel(DivisionCode),
    /// A name that is empty or too long.
    #[error("a name has 1 to {NAME_BYTES_MAX} bytes")]
    Name,
    /// The invite does not read.
    #[error("the invite does not read")]
    Token(#[from] TokenError),
    /// A grant in the invite does not hold.
    #[error("a grant in the invite does not hold")]
    Grant(#[from] GrantError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const SECRET: &str = "device_secret";
const ROOT: &str = "root_grant";
const GRANT: &str = "own_grant";
const INCARNATION: &str = "incarnation";
const INDEX_SECRET: &str = "index_secret";

const FALLBACK: &str = "fallback_addresses";

/// Meta: JSON of [`reached`].
pub(crate) const REACHED: &str = "reached_above";

pub use crate::store::RESTORED;

/// Meta: JSON of [`unanswered`].
pub(crate) const UNANSWERED: &str = "unanswered";

/// Set while what a new grant allows of the older logs has still to be published again.
pub(crate) const PUBLISH_DUE: &str = "publish_due";

/// Set once an incarnation was minted because a later one than ours was seen.
pub(crate) const ANSWERED: &str = "later_incarnation_answered";

/// Makes the device's keys if there are none, and gives the request for whoever may grant.
pub fn request(store: &Store, entropy: &mut Entropy) -> Result<Request, SetupError> {
    let keys = match secret(store)? {
        Some(keys) => keys,
        None => {
            let secret: [u8; 64] = entropy.bytes();
            let index_secret: [u8; 32] = entropy.bytes();
            store.write(|tables| {
                tables.set_meta(SECRET, &secret)?;
                tables.set_meta(INDEX_SECRET, &index_secret)
            })?;
            DeviceKeys::from_secret(&secret)
        }
    };
    Ok(Request { device: keys.device(), sealing_key: keys.sealing_key() })
}

/// Makes a new mesh: the root's keys, its own grant, and this device's grant by it. The root's
/// entries are written here once; its keys are returned and not kept.
pub fn init(
    store: &Store,
    entropy: &mut Entropy,
    area: DivisionCode,
    name: &str,
    wall_ms: i64,
) -> Result<DeviceKeys, SetupError> {
    use shouwang_crdt_schema::division::Level;
    if !matches!(area.level(), Level::County | Level::Township) {
        return Err(SetupError::WrongLevel(area));
    }
    check_name(name)?;
    if own_grant(&store.read()?)?.is_some() {
        return Err(SetupError::AlreadyJoined);
    }
    let device = request(store, entropy)?;
    let root = DeviceKeys::from_secret(&entropy.bytes());
    let grant = |subject: &Request, name: &str, role: Role, issuer: Option<&SignedGrant>| Grant {
        subject: subject.device,
        sealing_key: subject.sealing_key,
        name: name.to_owned(),
        area: Area(area),
        role,
        rights: role.rights(),
        quota: Quota::DEFAULT,
        depth: u8::from(issuer.is_some()),
        issuer: issuer.map(SignedGrant::id),
        serial: 0,
        written_at_ms: wall_ms,
    };
    let root_request = Request { device: root.device(), sealing_key: root.sealing_key() };
    let root_grant = grant(&root_request, "root", Role::Root, None).sign(&root);
    let first = grant(&device, name, first_role(area), Some(&root_grant)).sign(&root);
    let log = LogKey {
        scope: area,
        lane: Lane::Authority,
        device: root.device(),
        incarnation: Incarnation { number: 0, nonce: entropy.bytes() },
    };
    let entries = [&root_grant, &first]
        .map(|grant| RunEntry::new(Kind::Grant, None, grant.encode(), wall_ms))
        .to_vec();
    let incarnation = Incarnation { number: 0, nonce: entropy.bytes() };
    // Two entries are far from a checkpoint and cannot be refused.
    let run = VerifiedRun::write(log, root_grant.id(), None, entries, &root)
        .map_err(|_| SetupError::NotJoined)?;
    let mut authority = Authority::pin(root_grant.clone())?;
    let secret = read_index_secret(store)?;
    store.write(|tables| {
        pin(tables, &[root_grant.clone(), first.clone()], incarnation)?;
        let mut ingest = Ingest::begin(tables, &mut authority, Area(area), secret);
        let stored = ingest.store(run)?;
        ingest.finish()?;
        stored
            .map(drop)
            .map_err(|refusal| StoreError::Corrupt { table: "logs-1", detail: refusal.to_string() })
    })?;
    Ok(root)
}

/// The role of a mesh's first device: a county's registrar, a township's manager.
fn first_role(area: DivisionCode) -> Role {
    use shouwang_crdt_schema::division::Level;
    match area.level() {
        Level::Township => Role::Manager,
        _ => Role::Registrar,
    }
}

/// Pins the invite's root and takes the grant that it ends in.
pub fn join(store: &Store, entropy: &mut Entropy, invite: &str) -> Result<Grant, SetupError> {
    let invite = Invite::from_text(invite)?;
    let snapshot = store.read()?;
    if own_grant(&snapshot)?.is_some() {
        return Err(SetupError::AlreadyJoined);
    }
    let keys = secret(store)?.ok_or(SetupError::NoKeys)?;
    let root = invite.chain.first().cloned().ok_or(GrantError::UnknownIssuer)?;
    let own = Authority::pin(root)?.check_chain(&invite.chain)?;
    if own.grant.subject != keys.device() || own.grant.sealing_key != keys.sealing_key() {
        return Err(SetupError::OtherDevice);
    }
    let incarnation = Incarnation { number: 0, nonce: entropy.bytes() };
    store.write(|tables| {
        pin(tables, &invite.chain, incarnation)?;
        let addresses = serde_json::to_vec(&invite.addresses).unwrap_or_default();
        tables.set_meta("addresses", &addresses)?;
        let fallback = serde_json::to_vec(&invite.fallback).unwrap_or_default();
        tables.set_meta(FALLBACK, &fallback)
    })?;
    Ok(own.grant)
}

/// The addresses that the store remembers.
pub fn addresses(tables: &impl StoreRead) -> Result<Vec<String>, StoreError> {
    let stored = tables.meta("addresses")?;
    Ok(stored.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default())
}

/// The addresses of devices further above, which are dialled only while nobody above can be reached by
/// another: as the invite brought them.
pub fn fallback(tables: &impl StoreRead) -> Result<Vec<String>, StoreError> {
    let stored = tables.meta(FALLBACK)?;
    Ok(stored.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default())
}

/// Devices above that this one has reached, and by which addresses; the last new one first.
pub fn reached(tables: &impl StoreRead) -> Result<Vec<(DeviceId, String)>, StoreError> {
    let stored = tables.meta(REACHED)?;
    Ok(stored.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default())
}

/// Where nobody answered the process that ran last, when it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// When it ended (this node's clock, ms since 1970).
    pub at_ms: i64,
    /// Addresses.
    pub addresses: Vec<String>,
}

/// What the last process that ended of itself knew of it.
pub fn unanswered(tables: &impl StoreRead) -> Result<Unanswered, StoreError> {
    let stored = tables.meta(UNANSWERED)?;
    Ok(stored.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default())
}

/// Whether a name may stand in a grant.
pub fn check_name(name: &str) -> Result<(), SetupError> {
    let name = name.trim();
    match name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        true => Err(SetupError::Name),
        false => Ok(()),
    }
}

pub(crate) fn read(store: &Store) -> Result<Own, SetupError> {
    let keys = secret(store)?.ok_or(SetupError::NoKeys)?;
    let snapshot = store.read()?;
    let grant = own_grant(&snapshot)?.ok_or(SetupError::NotJoined)?;
    let incarnation = snapshot.meta(INCARNATION)?.ok_or_else(|| lost(INCARNATION))?;
    let incarnation = read_incarnation(&incarnation)?;
    Ok(Own {
        keys,
        grant: GrantId(grant.try_into().map_err(|_| short(GRANT))?),
        incarnation,
        index_secret: read_index_secret(store)?,
    })
}

/// The incarnation that a store writes under, once it has joined.
pub fn incarnation(tables: &impl StoreRead) -> Result<Option<Incarnation>, StoreError> {
    let Some(bytes) = tables.meta(INCARNATION)? else { return Ok(None) };
    let read = bytes.split_first_chunk::<4>().and_then(|(number, nonce)| {
        let nonce = nonce.try_into().ok()?;
        Some(Incarnation { number: u32::from_be_bytes(*number), nonce })
    });
    read.map(Some).ok_or_else(|| damaged(INCARNATION))
}

fn read_index_secret(store: &Store) -> Result<IndexSecret, SetupError> {
    let secret = store.read()?.meta(INDEX_SECRET)?.ok_or_else(|| lost(INDEX_SECRET))?;
    Ok(IndexSecret(secret.try_into().map_err(|_| short(INDEX_SECRET))?))
}

/// Every grant that is here and holds: those of the invite, and those that entries brought.
pub(crate) fn load_authority(store: &Store) -> Result<Authority, SetupError> {
    let snapshot = store.read()?;
    let root = snapshot.meta(ROOT)?.ok_or_else(|| lost(ROOT))?;
    let mut authority = Authority::pin(SignedGrant::from_bytes(&root)?)?;
    let mut grants = snapshot.grants_all()?;
    grants.sort_by_key(|(grant, _)| grant.grant.depth);
    for (grant, carried) in grants {
        let id = grant.id();
        if id != authority.mesh() {
            // Only grants that held were stored, each after its issuer's, whose depth is smaller.
            authority.learn(grant).map_err(|error| StoreError::Corrupt {
                table: "grants-1",
                detail: error.to_string(),
            })?;
        }
        if carried {
            authority.note_carried(id);
        }
    }
    statement::load(&snapshot, &mut authority)?;
    Ok(authority)
}

fn pin(
    tables: &mut Transaction<'_>,
    chain: &[SignedGrant],
    incarnation: Incarnation,
) -> Result<(), StoreError> {
    if let (Some(root), Some(own)) = (chain.first(), chain.last()) {
        tables.set_meta(ROOT, &root.encode())?;
        tables.set_meta(GRANT, &own.id().0)?;
    }
    for grant in chain {
        tables.put_grant(grant, false)?;
    }
    put_incarnation(tables, incarnation)
}

/// This device acts by another grant from now on.
pub(crate) fn put_own_grant(
    tables: &mut Transaction<'_>,
    grant: GrantId,
) -> Result<(), StoreError> {
    tables.set_meta(PUBLISH_DUE, b"1")?;
    tables.set_meta(GRANT, &grant.0)
}

/// This device writes under another incarnation from now on.
pub(crate) fn put_incarnation(
    tables: &mut Transaction<'_>,
    incarnation: Incarnation,
) -> Result<(), StoreError> {
    let bytes = [&incarnation.number.to_be_bytes()[..], &incarnation.nonce].concat();
    tables.set_meta(INCARNATION, &bytes)
}

fn read_incarnation(bytes: &[u8]) -> Result<Incarnation, StoreError> {
    let corrupt =
        || StoreError::Corrupt { table: "meta-1", detail: format!("{INCARNATION} is too short") };
    let (number, nonce) = bytes.split_first_chunk::<4>().ok_or_else(corrupt)?;
    let nonce = nonce.try_into().map_err(|_| corrupt())?;
    Ok(Incarnation { number: u32::from_be_bytes(*number), nonce })
}

fn secret(store: &Store) -> Result<Option<DeviceKeys>, SetupError> {
    let snapshot = store.read()?;
    match snapshot.meta(SECRET)?.map(<[u8; 64]>::try_from) {
        None if snapshot.meta(INDEX_SECRET)?.is_some() || has_joined(&snapshot)? => {
            Err(lost(SECRET).into())
        }
        None => Ok(None),
        Some(Ok(secret)) => Ok(Some(DeviceKeys::from_secret(&secret))),
        Some(Err(_)) => Err(short(SECRET)),
    }
}

/// The grant that this device acts by, once it has joined.
fn own_grant(tables: &impl StoreRead) -> Result<Option<Vec<u8>>, StoreError> {
    match tables.meta(GRANT)? {
        None if has_joined(tables)? => Err(lost(GRANT)),
        grant => Ok(grant),
    }
}

/// Whether there is anything that only a store has which has joined a mesh. Where one of the rows that all of them have
/// is not there, a page of the file is damaged, and nothing may be made in its place.
fn has_joined(tables: &impl StoreRead) -> Result<bool, StoreError> {
    for name in [ROOT, GRANT, INCARNATION] {
        if tables.meta(name)?.is_some() {
            return Ok(true);
        }
    }
    Ok(!tables.grants_all()?.is_empty() || !tables.logs_all()?.is_empty())
}

fn lost(name: &str) -> StoreError {
    StoreError::Corrupt { table: "meta-1", detail: format!("{name} is not there") }
}

fn short(name: &str) -> SetupError {
    damaged(name).into()
}

fn damaged(name: &str) -> StoreError {
    StoreError::Corrupt { table: "meta-1", detail: format!("{name} is too short") }
}
