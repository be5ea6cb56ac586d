//! The engine: store, ingest and sync behind one synchronous face. It has no clock, no randomness
//! and no threads of its own; the runtime and the simulator drive the same one.
//!
//! Verbs: [`Engine::handle`] takes what happens, [`Engine::settle`] commits what came in and
//! acknowledges it, [`Engine::poll`] gives what to do until [`Output::Timeout`];
//! [`Engine::capture`] writes what a person does here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use shouwang_crdt_schema::change::CHANGE_BYTES_MAX;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::edit::{Action, EditError, write_change};
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::{ElderId, IncidentId, TransferId};
use thiserror::Error;

use crate::authority::Authority;
use crate::budget::Budget;
use crate::bundle::{BundleId, Plan};
use crate::counting::{lane_of, right_for};
use crate::custody::Dues;
use crate::entropy::Entropy;
use crate::identity::grant::{Grant, GrantError, GrantId, SignedGrant};
use crate::identity::{DeviceId, DeviceKeys};
use crate::index::{self, IndexSecret};
use crate::ingest::{Ingest, Ingested, Refusal, SetAside};
use crate::journal::{Journal, What};
use crate::limits::{COMMIT_BYTES, SET_ASIDE_CODES_MAX, STRANGERS_NOTED_EVERY_MS};
use crate::lineage::{FORKED_LOG, Lineage};
use crate::log::run::RunEntry;
use crate::log::{EntryPlace, Incarnation, Kind, Lane, LogKey, UnverifiedRun, VerifiedRun};
use crate::path::Path;
use crate::peers::PeerBook;
use crate::progress::Progress;
use crate::replica::View;
use crate::setup::{self, SetupError};
use crate::store::audit::AuditRow;
use crate::store::drafts::DraftRow;
use crate::store::rows::{ClockReading, DocumentKey, EvidenceRow};
use crate::store::{
    INDEX, INDEXED_BY, JUDGE, JUDGED_BY, Snapshot, Store, StoreError, StoreRead, Transaction,
};
use crate::sync::summary::NamedHead;
use crate::sync::wire::Aside;
use crate::sync::{self, Disposition, Event, Input, LogPosition, Mesh, Now, Output, PeerError};
use crate::vault::Vault;

mod authority;
mod budget;
mod bundle;
mod erase;
mod memory;
mod moves;
mod paths;
mod receipts;
mod storage;
mod written;

pub use authority::RevokeReport;
pub use bundle::{Contents, Inside, Place, Taken};
pub use erase::{EraseReport, ErasedFile};
pub use memory::LastEdit;
use memory::{Doing, LAST_EDIT};
pub use storage::Rewritten;
use written::Written;

/// A node without its sockets.
pub struct Engine {
    store: Store,
    /// Where the store is, if it is in a file.
    vault: Option<Vault>,
    keys: DeviceKeys,
    authority: Authority,
    own_grant: GrantId,
    grant: Grant,
    lineage: Lineage,
    /// Heads of our own logs that peers' summaries named, to be compared, and whether they have shown
    /// others to be as they are here.
    shown: Vec<(DeviceId, Vec<NamedHead>, bool)>,
    /// The second half of every actor of this process.
    actor_nonce: [u8; 8],
    secret: IndexSecret,
    entropy: Entropy,
    mesh: Mesh,
    peers: PeerBook,
    pending: Vec<(DeviceId, UnverifiedRun)>,
    pending_bytes: usize,
    pending_bodies: Vec<(DeviceId, EntryPlace, Vec<u8>)>,
    pending_grants: Vec<SignedGrant>,
    dues: Dues,
    budget: Budget,
    budget_looked_at_ms: Option<u64>,
    moving: moves::Moving,
    out: VecDeque<Output>,
    /// Where the transport listens, for invites.
    listening: Vec<String>,
    /// The ways of sessions.
    paths: BTreeMap<DeviceId, Path>,
    authority_changes: u64,
    verify_progress: Arc<Progress>,
    rewrite_progress: Arc<Progress>,
    /// What has happened since this was opened.
    journal: Journal,
    /// What is said to the log of a session stands within its span.
    spans: BTreeMap<DeviceId, tracing::Span>,
    sessions_begun: u64,
    /// When something was last noted of a peer that has proved nothing, by what it was (monotonic ms).
    strangers_noted: BTreeMap<String, u64>,
    /// Bytes over all connections as the transport counts them: sent, received.
    wire_bytes: (u64, u64),
    /// Whether the store may know of a grant that has taken our own's place.
    grant_unchecked: bool,
    /// Whether what our grant allows of our older logs has still to be published again.
    publish_due: bool,
    import: Import,
    written: Written,
    /// What goes into the bundle that is being written.
    bundle_plan: Option<(BundleId, Plan)>,
}

/// Whether the pieces of an import that come are one edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Import {
    /// Each by itself.
    None,
    /// The next is the first of one edit.
    Begun,
    /// The next goes on with the last.
    GoesOn,
}

/// What a person does to one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentEdit {
    /// The scope.
    pub scope: DivisionCode,
    /// The document.
    pub document: DocumentId,
    /// What is done, as one change.
    pub actions: Vec<Action>,
}

/// Why something was not written. Nothing of it was.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// This device's grant does not allow it.
    #[error("this device's grant does not allow writing {document} in {scope}")]
    NoRight {
        /// The scope.
        scope: DivisionCode,
        /// The document.
        document: DocumentId,
    },
    /// This device's office does not write this field or list (`docs/records.md`, writers).
    #[error("this device's office does not write {0}")]
    NoRightToField(&'static str),
    /// The edit cannot be meant.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// One change is longer than it may be.
    #[error("the change of {document} has {bytes} bytes, a change may have {CHANGE_BYTES_MAX}")]
    TooLong {
        /// The document.
        document: DocumentId,
        /// The change's length.
        bytes: usize,
    },
    /// A grant that would not hold.
    #[error("the grant would not hold: {0}")]
    Grant(#[from] GrantError),
    /// A revocation that would not count; the code says why.
    #[error("the revocation would not count: {0}")]
    Revocation(&'static str),
    /// The key is not the root's of this mesh.
    #[error("the key is not the root's of this mesh")]
    OtherRoot,
    /// An erasure that would not count, or is not needed; the code says why.
    #[error("the erasure would not count: {0}")]
    Erasure(&'static str),
    /// This device's own grant is revoked.
    #[error("this device's grant is revoked")]
    Revoked,
    /// The entry would not count: the change breaks a rule that the edit could not see, such as
    /// the number of operations in one change.
    #[error("the edit cannot be written as it is: {0}")]
    WouldNotCount(String),
    /// Our own entries were refused at the door: a bug or a disk that lies.
    #[error("this node's own entries were refused")]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Opens the engine of a store that has joined a mesh. `seed` is fresh randomness: actors and
    /// ids come from it.
    pub fn open(store: Store, seed: [u8; 32]) -> Result<Self, SetupError> {
        let mut entropy = Entropy::new(seed);
        let own = setup::read(&store)?;
        let mut authority = setup::load_authority(&store)?;
        let grant = authority.grant(&own.grant).cloned().ok_or_else(|| StoreError::Corrupt {
            table: "grants-1",
            detail: "this device's own grant is not there".to_owned(),
        })?;
        if store.read()?.meta_number(JUDGED_BY)? < JUDGE {
            store.write::<_, StoreError>(|tables| {
                let mut ingest =
                    Ingest::begin(tables, &mut authority, grant.area, own.index_secret);
                ingest.judge_again()?;
                ingest.keep(JUDGED_BY, &JUDGE.to_be_bytes())?;
                ingest.finish().map(drop)
            })?;
        }
        if store.read()?.meta_number(INDEXED_BY)? < INDEX {
            tracing::info!("the index of elders is written anew, once");
            store.write::<_, StoreError>(|tables| {
                index::renew(tables, &own.index_secret)?;
                tables.set_meta(INDEXED_BY, &INDEX.to_be_bytes())
            })?;
        }
        let snapshot = store.read()?;
        let peers = PeerBook::load(&snapshot)?;
        let publish_due = snapshot.meta(setup::PUBLISH_DUE)?.is_some_and(|due| !due.is_empty());
        let lineage = Lineage::open(&store, own.keys.device(), own.incarnation, &mut entropy)?;
        let budget = Self::read_budget(&snapshot)?;
        let mesh_seed = entropy.bytes();
        Ok(Self {
            store,
            vault: None,
            keys: own.keys,
            authority,
            own_grant: own.grant,
            grant,
            lineage,
            shown: Vec::new(),
            actor_nonce: entropy.bytes(),
            secret: own.index_secret,
            entropy,
            mesh: Mesh::new(mesh_seed),
            peers,
            pending: Vec::new(),
            pending_bytes: 0,
            pending_bodies: Vec::new(),
            pending_grants: Vec::new(),
            dues: Dues::default(),
            budget,
            budget_looked_at_ms: None,
            moving: moves::Moving::default(),
            out: VecDeque::new(),
            listening: Vec::new(),
            paths: BTreeMap::new(),
            authority_changes: 0,
            verify_progress: Arc::default(),
            rewrite_progress: Arc::default(),
            journal: Journal::default(),
            spans: BTreeMap::new(),
            sessions_begun: 0,
            strangers_noted: BTreeMap::new(),
            wire_bytes: (0, 0),
            grant_unchecked: true,
            publish_due,
            import: Import::None,
            written: Written::default(),
            bundle_plan: None,
        })
    }

    /// This device.
    pub fn device(&self) -> DeviceId {
        self.keys.device()
    }

    /// This device's keys.
    pub fn keys(&self) -> &DeviceKeys {
        &self.keys
    }

    /// This device's grant.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// This device's grant's id.
    pub fn grant_id(&self) -> GrantId {
        self.own_grant
    }

    /// The incarnation that this device writes under.
    pub fn incarnation(&self) -> Incarnation {
        self.lineage.current()
    }

    /// Whether, since this process started, a peer has shown our own logs to be here as it holds them,
    /// or has taken them as they are here (or there are none); or, where it has shown more, that has
    /// come, and what is written from now on is of a new incarnation. Until then nothing should be
    /// written by itself: the disk may be an old one.
    pub fn heads_confirmed(&self) -> bool {
        self.lineage.is_confirmed()
    }

    /// This device's area.
    pub fn area(&self) -> Area {
        self.grant.area
    }

    /// Who may do what, as far as is known here.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A consistent view of the store.
    pub fn read(&self) -> Result<Snapshot, StoreError> {
        self.store.read()
    }

    /// The store itself, for checks that read every page.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// What is known of peers.
    pub fn peers(&self) -> &PeerBook {
        &self.peers
    }

    /// What tells one opening of this store from another: the same in none.
    pub fn process(&self) -> String {
        hex::encode(self.actor_nonce)
    }

    /// How far the reading of everything is that is under way here.
    pub fn verify_progress(&self) -> Arc<Progress> {
        self.verify_progress.clone()
    }

    /// How far the writing anew of the store is that somebody has asked for.
    pub fn rewrite_progress(&self) -> Arc<Progress> {
        self.rewrite_progress.clone()
    }

    /// What has happened since this was opened.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// How the index keys its secondary keys.
    pub fn index_secret(&self) -> &IndexSecret {
        &self.secret
    }

    /// Where this node can be dialled, as far as the transport has said.
    pub fn listening(&self) -> &[String] {
        &self.listening
    }

    /// What the transport has counted since it started: bytes sent and received over all
    /// connections, encryption and framing included.
    pub fn wire_bytes(&self) -> (u64, u64) {
        self.wire_bytes
    }

    /// The transport has counted so far.
    pub fn note_wire_bytes(&mut self, sent_and_received: (u64, u64)) {
        self.wire_bytes = sent_and_received;
    }

    /// The transport listens here.
    pub fn set_listening(&mut self, addresses: Vec<String>) {
        self.listening = addresses;
    }

    /// How far the exchange with a peer is, if there is one.
    pub fn progress(&self, peer: DeviceId) -> Result<Option<sync::Progress>, StoreError> {
        let snapshot = self.store.read()?;
        self.mesh.progress(peer, &self.view(&snapshot))
    }

    /// A random name for a new incident.
    pub fn new_incident_id(&mut self) -> IncidentId {
        IncidentId(self.entropy.bytes())
    }

    /// A random name for a new elder's file.
    pub fn new_elder_id(&mut self) -> ElderId {
        ElderId(self.entropy.bytes())
    }

    /// A random name for a new offer.
    pub fn new_transfer_id(&mut self) -> TransferId {
        TransferId(self.entropy.bytes())
    }

    /// Takes what happens on the network. Drain [`Engine::poll`] afterwards, and call
    /// [`Engine::settle`] when nothing more is waiting.
    pub fn handle(&mut self, now: Now, input: Input) -> Result<(), StoreError> {
        let woken = matches!(input, Input::Timeout);
        if let Input::PeerUp(peer) | Input::PeerNear(peer) | Input::PeerDown(peer) = &input {
            self.dues.parted(*peer);
            self.lineage.parted(*peer);
        }
        match &input {
            Input::PeerUp(peer) | Input::PeerNear(peer) => {
                self.peers.note(*peer, |row| row.sessions += 1);
                self.sessions_begun += 1;
                let number = self.sessions_begun;
                let span = tracing::info_span!("session", number, peer = %peer.short());
                self.spans.insert(*peer, span);
                self.happened(now, *peer, What::Began);
            }
            Input::PeerDown(peer) if self.mesh.is_in_session(*peer) => {
                self.happened(now, *peer, What::Parted);
                self.spans.remove(peer);
            }
            Input::Frame(peer, bytes) => self.peers.note(*peer, |row| {
                row.bytes_received += bytes.len() as u64;
                row.last_seen_ms = Some(now.wall_ms);
            }),
            Input::PeerDown(_) | Input::Oversized(..) | Input::Timeout => {}
        }
        self.spend_input(now, &input);
        let snapshot = self.store.read()?;
        let view = View::new(&snapshot, &self.authority, self.own_grant);
        let span = match &input {
            Input::Frame(peer, _) | Input::PeerUp(peer) | Input::PeerNear(peer) => {
                self.spans.get(peer).cloned().unwrap_or_else(tracing::Span::none)
            }
            _ => tracing::Span::none(),
        };
        span.in_scope(|| self.mesh.handle(now, input, &view))?;
        self.drain(now)?;
        self.keep_budget(now)?;
        for (peer, heads, agreed) in std::mem::take(&mut self.shown) {
            self.lineage.summary(&snapshot, peer, heads, agreed)?;
        }
        let owes = self.deadlines_ms().any(|at| at <= now.monotonic_ms);
        if self.pending_bytes >= COMMIT_BYTES || (woken && owes) {
            self.settle(now)
        } else {
            Ok(())
        }
    }

    /// Commits what came in, acknowledges it and passes it on; then writes the receipts that are
    /// due.
    pub fn settle(&mut self, now: Now) -> Result<(), StoreError> {
        if std::mem::take(&mut self.grant_unchecked) {
            self.take_up_grant(now)?;
        }
        if self.lineage.is_due() {
            self.lineage.settle(&self.store, &mut self.entropy, now.wall_ms)?;
        }
        self.take_in(now)?;
        self.move_elders(now)?;
        self.confirm(now)?;
        self.keep_budget(now)
    }

    fn take_in(&mut self, now: Now) -> Result<(), StoreError> {
        self.pending_bytes = 0;
        self.authority_changes += u64::from(!self.pending_grants.is_empty());
        let runs = std::mem::take(&mut self.pending);
        let chain = std::mem::take(&mut self.pending_grants);
        let bodies = std::mem::take(&mut self.pending_bodies);
        if runs.is_empty() && chain.is_empty() && bodies.is_empty() {
            return if self.peers.is_due(now) { self.flush_peers(now) } else { Ok(()) };
        }
        self.note_old_dues(now)?;
        let senders: BTreeMap<LogKey, DeviceId> =
            runs.iter().map(|(peer, run)| (run.log, *peer)).collect();
        let ((results, filled), ingested) = self.transact(
            now,
            |_| Ok(()),
            |ingest| {
                let (mut results, mut filled) = (Vec::new(), Vec::new());
                ingest.learn_chain(chain)?;
                for (peer, run) in runs {
                    let (log, last) = (run.log, run.last_seq());
                    results.push((peer, log, last, ingest.receive(run)?));
                }
                for (peer, place, body) in bodies {
                    filled.push((peer, ingest.fill(&place, body)?));
                }
                Ok::<_, StoreError>((results, filled))
            },
        )?;
        for (peer, result) in &filled {
            self.mesh.filled(*peer, result)?;
        }
        let mut received: BTreeMap<DeviceId, u64> = BTreeMap::new();
        for (peer, log, last, result) in &results {
            match result {
                Ok(outcome) => {
                    self.peers.note(*peer, |row| row.entries_received += outcome.new);
                    *received.entry(*peer).or_default() += outcome.new;
                }
                // Any other ends the session, which says so, or is nobody's fault.
                Err(Refusal::Forked { .. } | Refusal::OverQuota { .. }) => {
                    let reason = result.err().map_or("", |refusal| refusal.code()).to_owned();
                    self.happened(now, *peer, What::Refused { reason });
                }
                Err(_) => {}
            }
            self.mesh.ingested(*peer, *log, *last, result)?;
        }
        for (peer, count) in received.into_iter().filter(|(_, count)| *count > 0) {
            self.happened(now, peer, What::Received { count });
        }
        let stored =
            results.iter().filter(|(.., result)| result.is_ok_and(|stored| stored.new > 0));
        let stored = stored.map(|(peer, log, ..)| (*peer, *log));
        self.lineage.received(&self.store.read()?, stored)?;
        if self.lineage.is_due() {
            self.lineage.settle(&self.store, &mut self.entropy, now.wall_ms)?;
        }
        for (log, asides) in &ingested.set_aside {
            if let Some(peer) = senders.get(log) {
                let aside = |SetAside { seq, hash, reason }: &SetAside| Aside {
                    position: LogPosition { log: *log, seq: *seq, hash: *hash },
                    code: reason.code(),
                };
                let asides: Vec<Aside> = asides.iter().map(aside).collect();
                for aside in &asides {
                    self.peers.count_refused(*peer, &aside.code);
                }
                if let Some(first) = asides.first() {
                    let (reason, count) = (first.code.clone(), asides.len() as u64);
                    self.happened(now, *peer, What::SetAside { reason, count });
                }
                self.mesh.set_aside(now, *peer, &asides)?;
            }
        }
        self.committed(now, &ingested)?;
        if self.peers.is_due(now) { self.flush_peers(now) } else { Ok(()) }
    }

    /// The next thing to do. [`Output::Timeout`] ends the drain. `Ingest` and events never come
    /// out here: the engine has dealt with them.
    pub fn poll(&mut self) -> Output {
        match self.out.pop_front() {
            Some(output) => output,
            None => match self.mesh.poll() {
                Output::Timeout(at) => {
                    Output::Timeout(at.into_iter().chain(self.deadlines_ms()).min())
                }
                output => output,
            },
        }
    }

    /// When this device has to write something by itself.
    fn deadlines_ms(&self) -> impl Iterator<Item = u64> {
        let receipts = self.receipt_deadline_ms();
        [receipts, self.move_deadline_ms(), self.budget_deadline_ms()].into_iter().flatten()
    }

    /// The peers in a session.
    pub fn sessions(&self) -> Vec<DeviceId> {
        self.mesh.peers().collect()
    }

    /// Writes what a person does here: one change for each document, all in one transaction. It is
    /// on the disk when this returns. Returns how many entries were written; an edit that changes
    /// nothing writes none.
    pub fn capture(&mut self, now: Now, edits: &[DocumentEdit]) -> Result<u64, CaptureError> {
        self.import = Import::None;
        self.capture_as(now, edits, Doing::Person)
    }

    /// What is imported from now on is one edit, in as many pieces as it comes, until something else is
    /// written or another import begins.
    pub fn begin_import(&mut self) {
        self.import = Import::Begun;
    }

    /// As [`Engine::capture`], for a piece of an import.
    pub fn capture_import(
        &mut self,
        now: Now,
        edits: &[DocumentEdit],
    ) -> Result<u64, CaptureError> {
        let doing = match self.import {
            Import::GoesOn => Doing::GoesOn,
            Import::None | Import::Begun => Doing::Person,
        };
        let written = self.capture_as(now, edits, doing)?;
        if written > 0 && self.import == Import::Begun {
            self.import = Import::GoesOn;
        }
        Ok(written)
    }

    fn capture_as(
        &mut self,
        now: Now,
        edits: &[DocumentEdit],
        doing: Doing,
    ) -> Result<u64, CaptureError> {
        self.settle(now)?;
        // A node that stopped between the two has still to take up the grant that replaced its own.
        self.take_up_grant(now)?;
        if !self.authority.stands(&self.own_grant) {
            return Err(CaptureError::Revoked);
        }
        // Two changes written on the same document without knowing of one another would claim the
        // same place: all that is done to a document at once is one change.
        let mut merged: BTreeMap<(DivisionCode, DocumentId), Vec<Action>> = BTreeMap::new();
        for edit in edits {
            let actions = merged.entry((edit.scope, edit.document)).or_default();
            actions.extend(edit.actions.iter().cloned());
        }
        let edits: Vec<DocumentEdit> = merged
            .into_iter()
            .map(|((scope, document), actions)| DocumentEdit { scope, document, actions })
            .collect();
        for edit in &edits {
            let allowed = self.grant.rights.contains(right_for(&edit.document))
                && self.grant.area.contains(edit.scope);
            if !allowed {
                return Err(CaptureError::NoRight { scope: edit.scope, document: edit.document });
            }
            let office = self.grant.role.writers();
            let foreign = edit.actions.iter().find(|action| !action.writers().meets(office));
            if let Some(action) = foreign {
                return Err(CaptureError::NoRightToField(action.key()));
            }
        }
        let snapshot = self.store.read()?;
        let mut fresh: BTreeMap<LogKey, Vec<RunEntry>> = BTreeMap::new();
        for edit in &edits {
            let log = self.log_key(edit.scope, lane_of(&edit.document));
            if let Some(body) = self.change(&snapshot, &log, edit)? {
                let entry = RunEntry::new(Kind::Change, Some(edit.document), body, now.wall_ms);
                fresh.entry(log).or_default().push(entry);
            }
        }
        self.write(now, fresh, doing)
    }

    /// Keeps something of the node's own, outside the logs.
    pub fn set_meta(&mut self, name: &'static str, value: &[u8]) -> Result<(), StoreError> {
        self.store.write(|tables| tables.set_meta(name, value))
    }

    /// Keeps a row of the audit. Returns how many of the oldest went for it.
    pub fn note_audit(&mut self, row: &AuditRow) -> Result<u64, StoreError> {
        self.store.write(|tables| tables.put_audit(row))
    }

    /// Keeps what somebody has begun to type.
    pub fn keep_draft(&mut self, form: &str, row: &DraftRow) -> Result<(), StoreError> {
        self.store.write(|tables| tables.put_draft(form, row))
    }

    /// Forgets what somebody has begun to type.
    pub fn drop_draft(&mut self, form: &str) -> Result<(), StoreError> {
        self.store.write(|tables| tables.remove_draft(form))
    }

    fn change(
        &self,
        snapshot: &Snapshot,
        log: &LogKey,
        edit: &DocumentEdit,
    ) -> Result<Option<Vec<u8>>, CaptureError> {
        let key = DocumentKey { scope: edit.scope, id: edit.document };
        let document = match snapshot.document(&key)? {
            Some(row) => index::load(&key, &row.saved)?,
            None => genesis(edit.scope, &edit.document),
        };
        let mut actor = [0; 16];
        actor[..8].copy_from_slice(&log.actor_prefix());
        actor[8..].copy_from_slice(&self.actor_nonce);
        let body = write_change(&document, edit.scope, &edit.document, actor, &edit.actions)?;
        match body {
            Some(body) if body.len() > CHANGE_BYTES_MAX => {
                Err(CaptureError::TooLong { document: edit.document, bytes: body.len() })
            }
            body => Ok(body),
        }
    }

    fn write(
        &mut self,
        now: Now,
        fresh: BTreeMap<LogKey, Vec<RunEntry>>,
        doing: Doing,
    ) -> Result<u64, CaptureError> {
        let (keys, grant) = (self.keys.clone(), self.own_grant);
        self.write_as(now, fresh, &keys, grant, doing)
    }

    /// Writes entries in logs of these keys under this grant: this device's, or the root's.
    fn write_as(
        &mut self,
        now: Now,
        fresh: BTreeMap<LogKey, Vec<RunEntry>>,
        keys: &DeviceKeys,
        grant: GrantId,
        doing: Doing,
    ) -> Result<u64, CaptureError> {
        // "Saved" means that it counts: what would be set aside is not written at all.
        let counts = |ingested: &Ingested| match ingested.set_aside.values().flatten().next() {
            Some(aside) => Err(CaptureError::WouldNotCount(aside.reason.code())),
            None => Ok(()),
        };
        self.write_unless(now, fresh, keys, grant, doing, counts)
    }

    /// As [`Engine::write_as`], unless what it would come to is refused.
    fn write_unless(
        &mut self,
        now: Now,
        fresh: BTreeMap<LogKey, Vec<RunEntry>>,
        keys: &DeviceKeys,
        grant: GrantId,
        doing: Doing,
        counts: impl FnOnce(&Ingested) -> Result<(), CaptureError>,
    ) -> Result<u64, CaptureError> {
        if fresh.is_empty() {
            return Ok(0);
        }
        let count = fresh.values().map(|entries| entries.len() as u64).sum();
        let mut last = match doing {
            Doing::GoesOn => LastEdit::read(&self.store.read()?)?.unwrap_or_default(),
            Doing::OfItself | Doing::Person => LastEdit::default(),
        };
        let ((), ingested) = self.transact(now, counts, |ingest| {
            for (log, entries) in fresh {
                let head = ingest.tables().head(&log)?;
                last.add(log, head.map_or(0, |head| head.seq + 1), entries.len() as u64);
                let run = VerifiedRun::write(log, grant, head.as_ref(), entries, keys)
                    .map_err(Refusal::from)?;
                ingest.store(run)??;
            }
            if doing != Doing::OfItself {
                ingest.keep(LAST_EDIT, &last.encode())?;
            }
            Ok::<_, CaptureError>(())
        })?;
        self.journal.note(now.wall_ms, None, None, What::Wrote { count });
        self.committed(now, &ingested)?;
        Ok(count)
    }

    /// Runs one ingest transaction, if what it comes to is acceptable. If it fails nothing of it has
    /// happened, and what authority learnt in it is forgotten.
    fn transact<T, E: From<StoreError>>(
        &mut self,
        now: Now,
        accept: impl FnOnce(&Ingested) -> Result<(), E>,
        work: impl FnOnce(&mut Ingest<'_, '_>) -> Result<T, E>,
    ) -> Result<(T, Ingested), E> {
        let (area, secret) = (self.area(), self.secret);
        let authority = &mut self.authority;
        let result = self.store.write(|tables: &mut Transaction<'_>| {
            let mut ingest = Ingest::begin(tables, authority, area, secret);
            let value = work(&mut ingest)?;
            let ingested = ingest.finish()?;
            accept(&ingested)?;
            let mut forks = 0;
            for row in &ingested.evidence {
                let row = EvidenceRow { at_ms: now.wall_ms, ..row.clone() };
                let is_fork = row.code == FORKED_LOG;
                forks += u64::from(tables.put_evidence_once(row)? && is_fork);
            }
            for scope in ingested.heard_of(tables, authority)? {
                tables.count(scope, |row| row.heard_ms = Some(now.wall_ms))?;
            }
            let news = news(tables, &ingested, forks);
            Ok::<_, E>((value, ingested, news))
        });
        if result.is_err() {
            self.authority = setup::load_authority(&self.store).map_err(|error| match error {
                SetupError::Store(error) => error,
                error => StoreError::Corrupt { table: "grants-1", detail: error.to_string() },
            })?;
        }
        let (value, ingested, news) = result?;
        for (scope, what) in news {
            self.journal.note(now.wall_ms, None, scope, what);
        }
        Ok((value, ingested))
    }

    /// Something happened with a peer. The log has it within the session's span. Whoever has proved nothing may
    /// knock all day long: each sort of thing is noted once a minute of all of them, and counted each time.
    fn happened(&mut self, now: Now, peer: DeviceId, what: What) {
        let is_known =
            self.peers.is_proved(peer) || self.authority.grants_of(peer).next().is_some();
        if !is_known {
            let sort = format!("{} {}", what.code(), what.reason().unwrap_or_default());
            let last = self.strangers_noted.get(&sort).copied();
            if last.is_some_and(|at| now.monotonic_ms < at + STRANGERS_NOTED_EVERY_MS) {
                self.journal.count(&what);
                return;
            }
            // Sorts are codes: few, but what a peer tells is of its own choosing.
            if self.strangers_noted.len() >= SET_ASIDE_CODES_MAX {
                self.strangers_noted.clear();
            }
            self.strangers_noted.insert(sort, now.monotonic_ms);
        }
        let journal = &mut self.journal;
        let note = || journal.note(now.wall_ms, Some(peer), None, what);
        match self.spans.get(&peer) {
            Some(span) => span.in_scope(note),
            None => note(),
        }
    }

    fn committed(&mut self, now: Now, ingested: &Ingested) -> Result<(), StoreError> {
        self.note_written(ingested)?;
        self.note_dues(now, ingested.logs.keys());
        self.note_moves(now, ingested)?;
        let snapshot = self.store.read()?;
        let view = View::new(&snapshot, &self.authority, self.own_grant);
        self.mesh.committed(now, &ingested.logs, &view)?;
        self.drain(now)?;
        self.authority_changes += u64::from(ingested.authority_changed);
        if ingested.authority_changed { self.take_up_grant(now) } else { Ok(()) }
    }

    /// Deals with what the mesh gives out, and keeps what is for the transport.
    fn drain(&mut self, now: Now) -> Result<(), StoreError> {
        loop {
            match self.mesh.poll() {
                Output::Timeout(_) => return Ok(()),
                Output::Ingest(peer, run) => {
                    self.pending_bytes += run.body_bytes() + 256;
                    self.pending.push((peer, run));
                }
                Output::Fill(peer, place, body) => {
                    self.pending_bytes += body.len() + 256;
                    self.pending_bodies.push((peer, place, body));
                }
                Output::Learn(chain) => self.pending_grants.extend(chain),
                Output::Event(Event::OwnLogs(peer, heads, agreed)) => {
                    self.shown.push((peer, heads, agreed));
                }
                Output::Event(Event::Clock(peer, peer_ms)) => {
                    let written_ms = self.last_written_ms()?;
                    let local_ms = now.wall_ms;
                    self.peers.clock(peer, ClockReading { peer_ms, local_ms, written_ms });
                }
                Output::Event(event) => {
                    match &event {
                        Event::Proved(peer, _) => self.happened(now, *peer, What::Proved),
                        Event::Done(peer) => self.happened(now, *peer, What::Done),
                        Event::Silent(peer) => self.happened(now, *peer, What::Silent),
                        _ => {}
                    }
                    self.peers.event(now, &event);
                    self.spend_event(now, &event);
                    if let Event::SetAside(peer, asides) = &event {
                        let fresh = self.told_aside(now, *peer, asides)?;
                        if let Some(first) = fresh.first() {
                            let (reason, count) = (first.code.clone(), fresh.len() as u64);
                            self.happened(now, *peer, What::SetAsideThere { reason, count });
                        }
                    }
                    if let Event::Done(peer) = event {
                        self.lineage.agreed();
                        if !self.dues.is_done(peer) {
                            self.note_met(peer)?;
                        }
                        self.dues.done(peer);
                    }
                    if matches!(
                        event,
                        Event::Proved(..) | Event::Done(_) | Event::Moved(_) | Event::Silent(_)
                    ) {
                        self.out.push_back(Output::Event(event));
                    }
                }
                Output::Send(peer, frame) => {
                    self.peers.sent(peer, &frame);
                    if self.mesh.is_metered(peer) {
                        self.budget.frame(now.wall_ms, frame.len());
                    }
                    self.out.push_back(Output::Send(peer, frame));
                }
                Output::Hangup(peer, error) => {
                    self.peers.failed(now, peer, &error);
                    if error != PeerError::Replaced {
                        let retry = error.disposition() == Disposition::RetrySoon;
                        self.happened(now, peer, What::Failed { reason: error.code(), retry });
                    }
                    self.spans.remove(&peer);
                    self.out.push_back(Output::Hangup(peer, error));
                }
            }
        }
    }

    /// A peer does not count entries that we sent. Where they are our own, somebody has to know. Returns
    /// those that nobody knew of.
    fn told_aside(
        &mut self,
        now: Now,
        peer: DeviceId,
        asides: &[Aside],
    ) -> Result<Vec<Aside>, StoreError> {
        let (snapshot, own) = (self.store.read()?, self.device());
        let mut fresh = Vec::new();
        for aside in asides.iter().filter(|aside| aside.position.log.device == own) {
            let Some(log) = snapshot.log(&aside.position.log)? else { continue };
            let entry = snapshot.entry(log.number, aside.position.seq)?;
            if entry.is_some_and(|entry| entry.header.hash() == aside.position.hash) {
                fresh.push(aside);
            }
        }
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        // A peer that says it again and again is written down once.
        Ok(self.peers.set_aside_there(now, peer, &fresh, &snapshot.evidence_all()?))
    }

    /// Keeps what was noted of peers, and the evidence. Called by itself before a node stops.
    pub fn flush_peers(&mut self, now: Now) -> Result<(), StoreError> {
        self.write_budget()?;
        let dirty = self.peers.take_dirty(now);
        if dirty.rows.is_empty() && dirty.evidence.is_empty() && dirty.refusals.is_empty() {
            return Ok(());
        }
        self.store.write(|tables| {
            for (device, row) in dirty.rows {
                tables.put_peer(device, &row)?;
            }
            dirty.refusals.into_iter().try_for_each(|row| tables.put_refusal(row))?;
            dirty.evidence.into_iter().try_for_each(|row| tables.put_evidence(row))
        })
    }

    fn log_key(&self, scope: DivisionCode, lane: Lane) -> LogKey {
        LogKey { scope, lane, device: self.device(), incarnation: self.lineage.current() }
    }

    fn view<'a>(&'a self, snapshot: &'a Snapshot) -> View<'a> {
        View::new(snapshot, &self.authority, self.own_grant)
    }
}

/// What a transaction brings that somebody who watches wants to know at once.
fn news(
    tables: &Transaction<'_>,
    ingested: &Ingested,
    forks: u64,
) -> Vec<(Option<DivisionCode>, What)> {
    let growth = tables.growth();
    let forks = (0..forks).map(|_| (None, What::Forked));
    let authority = ingested.authority_changed.then_some((None, What::Authority));
    let incidents = growth.new_incidents().into_iter();
    let incidents = incidents.map(|(scope, count)| (Some(scope), What::Incidents { count }));
    let conflicts = growth.more_conflicts();
    let conflicts = conflicts.map(|(scope, count)| (Some(scope), What::Conflicts { count }));
    forks.chain(authority).chain(incidents).chain(conflicts).collect()
}
