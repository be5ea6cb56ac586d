//! What an executor has still to do for an elder who is moving or has moved: a function of what is
//! stored here and of nothing else. A device that stops between two pieces, or does what another has
//! done as well, finds out by asking again.
//!
//! ```text
//! offer, answer ─► carried to the other scope
//! accepted      ─► every change of the file carried ─► residence written ─► handover in both scopes
//! afterwards    ─► late edits carried ─► scopes that lost are told ─► purge, once others hold it
//! ```

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use shouwang_crdt_schema::change::ParsedChange;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, TransferId, TransferStep};
use shouwang_crdt_schema::view::PartView;

use crate::authority::Authority;
use crate::counting::Candidate;
use crate::custody::{holding, next_of};
use crate::gathered::erased::{cover, elder_of};
use crate::gathered::moved::{Stated, moved_elder};
use crate::gathered::{Coverage, Erased, Moved, carried_by, within};
use crate::handover::{Handover, Purge, Seen};
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, Rights};
use crate::index;
use crate::limits::{
    BODY_BYTES_MAX, CHECKPOINT_ENTRIES, COMMIT_BYTES, ERASURE_LOGS_MAX, HANDOVER_DOCUMENTS_MAX,
    MOVES_MAX,
};
use crate::log::{Carried, Entry, EntryHash, EntryPlace, Kind, UnverifiedRun};
use crate::store::erasures::ErasureRead;
use crate::store::moves::{MovedRow, MovesRead, TransferKey, TransferRow, holds_file, holds_rest};
use crate::store::rows::{DocumentKey, LogRow, Unsettled};
use crate::store::{ChainRead, StoreError, StoreRead};

/// One commit's worth of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Adoptions that carry changes into a scope: document and body.
    Carry {
        /// The scope.
        to: DivisionCode,
        /// The adoptions.
        adoptions: Vec<(DocumentId, Vec<u8>)>,
    },
    /// The card in the new scope is to say that the elder lives there.
    Residence {
        /// The scope.
        scope: DivisionCode,
        /// Whose card.
        elder: ElderId,
    },
    /// The manifest, in each of these scopes.
    Handover {
        /// The scopes.
        scopes: BTreeSet<DivisionCode>,
        /// The body, the same in each.
        body: Vec<u8>,
    },
    /// What goes from an old scope.
    Purge {
        /// The scope.
        scope: DivisionCode,
        /// The bodies.
        bodies: Vec<Vec<u8>>,
    },
}

/// A device that may carry out moves, and what it sees.
pub struct Executor<'a, T> {
    /// What is stored here.
    pub tables: &'a T,
    /// Who may do what.
    pub authority: &'a Authority,
    /// The device.
    pub device: DeviceId,
    /// Its grant.
    pub grant: &'a Grant,
}

/// Changes that are wanted, by document.
type Wanted = BTreeMap<DocumentId, BTreeSet<ChangeHash>>;

/// Whether a device with this grant may carry out a move between two scopes.
pub fn may_execute(grant: &Grant, from: DivisionCode, to: DivisionCode) -> bool {
    grant.rights.contains(Rights::CARRY) && grant.area.contains(from) && grant.area.contains(to)
}

impl<T: ChainRead> Executor<'_, T> {
    /// The next piece of work for an elder; None where nothing is left, or where it waits for others.
    pub fn next(&self, elder: ElderId) -> Result<Option<Piece>, StoreError> {
        let offers = self.offers(elder)?;
        let scopes = self.scopes(elder)?;
        for scope in &scopes {
            // What people have erased is not brought back from elsewhere.
            if Erased::of(self.tables, self.authority, *scope, elder)?.counts() {
                return Ok(None);
            }
        }
        for (transfer, row) in &offers {
            for (from, to) in [(row.from, row.to), (row.to, row.from)] {
                let piece =
                    self.carry(elder, from, to, |part| part == Part::Transfer(*transfer))?;
                if piece.is_some() {
                    return Ok(piece);
                }
            }
        }
        let moved = self.tables.moved_to(elder)?;
        for (transfer, row) in &offers {
            let piece = self.execute(elder, *transfer, row, moved.as_ref())?;
            if piece.is_some() {
                return Ok(piece);
            }
        }
        match moved {
            Some(moved) if self.grant.area.contains(moved.to) => {
                self.follow(elder, &moved, &scopes)
            }
            _ => Ok(None),
        }
    }

    /// Offers between scopes that are both here, as the scope that offers has them, or, where it has
    /// not yet, the other.
    fn offers(&self, elder: ElderId) -> Result<BTreeMap<TransferId, TransferRow>, StoreError> {
        let mut offers: BTreeMap<TransferId, TransferRow> = BTreeMap::new();
        for (key, row) in self.tables.transfers_of(elder)? {
            if may_execute(self.grant, row.from, row.to)
                && (key.scope == row.from || !offers.contains_key(&key.transfer))
            {
                offers.insert(key.transfer, row);
            }
        }
        Ok(offers)
    }

    /// The scopes here that have anything of an elder.
    fn scopes(&self, elder: ElderId) -> Result<BTreeSet<DivisionCode>, StoreError> {
        let mut found = BTreeSet::new();
        for (scope, _) in self.tables.scopes_in(self.grant.area)? {
            let any = self.tables.has_documents(scope, elder)?
                || !self.tables.unsettled_of_elder(scope, elder)?.is_empty();
            found.extend(any.then_some(scope));
        }
        found.extend(self.tables.handovers_of(elder)?.into_iter().map(|(_, scope, ..)| scope));
        found.retain(|scope| self.grant.area.contains(*scope));
        Ok(found)
    }

    /// What is left of carrying out an accepted offer.
    fn execute(
        &self,
        elder: ElderId,
        transfer: TransferId,
        row: &TransferRow,
        moved: Option<&MovedRow>,
    ) -> Result<Option<Piece>, StoreError> {
        let (from, to) = (row.from, row.to);
        for scope in [from, to] {
            let known = self.tables.transfer(&TransferKey { elder, scope, transfer })?;
            let accepted = known.is_some_and(|known| {
                known.state == TransferStep::Accepted && (known.from, known.to) == (from, to)
            });
            if !accepted {
                return Ok(None);
            }
        }
        // An offer is carried out once, wherever the elder has gone since.
        let stated = Moved::of(self.tables, self.authority, elder)?;
        if stated.counting().any(|one| one.said.transfer == transfer) {
            return Ok(None);
        }
        let path = moved.map(|moved| moved.way.clone()).unwrap_or_default();
        let has_custody = index::elsewhere(self.tables, from, elder)?.is_none()
            && holds_file(self.tables, from, elder)?;
        if !has_custody || path.len() >= MOVES_MAX || self.lacks_bodies(elder, from)? {
            return Ok(None);
        }
        for scope in [from, to] {
            let piece = self.support(elder, transfer, scope)?;
            if piece.is_some() {
                return Ok(piece);
            }
        }
        let piece = self.carry(elder, from, to, |_| true)?;
        if piece.is_some() {
            return Ok(piece);
        }
        let card = self.residence(to, elder)?;
        if card.is_some_and(|places| places != [to.to_string()]) {
            return Ok(Some(Piece::Residence { scope: to, elder }));
        }
        let mut documents: BTreeMap<Part, Seen> = BTreeMap::new();
        for (key, stored) in self.tables.documents_of(to, elder)? {
            let DocumentId::Elder { part, .. } = key.id else { continue };
            let hashes = changes(&index::load(&key, &stored.saved)?);
            documents.insert(part, Seen::of(hashes.into_iter().map(|hash| hash.0)));
        }
        let documents = documents.into_iter().take(HANDOVER_DOCUMENTS_MAX).collect();
        let handover = Handover { elder, from, to, transfer, path, documents };
        Ok(Some(Piece::Handover { scopes: [from, to].into(), body: handover.encode() }))
    }

    /// After an elder has moved: carries what surfaces in other scopes, tells scopes that have lost,
    /// and purges.
    fn follow(
        &self,
        elder: ElderId,
        moved: &MovedRow,
        scopes: &BTreeSet<DivisionCode>,
    ) -> Result<Option<Piece>, StoreError> {
        let others = || scopes.iter().copied().filter(|scope| *scope != moved.to);
        for scope in others() {
            let piece = self.carry(elder, scope, moved.to, |_| true)?;
            if piece.is_some() {
                return Ok(piece);
            }
        }
        let stated = Moved::of(self.tables, self.authority, elder)?;
        let winner = stated.counting().find(|one| Some(one.said.step()) == moved.step());
        let Some(winner) = winner else { return Ok(None) };
        // Two moves that were carried out at once each say where the elder lives: custody decides.
        let moves = stated.handovers().iter().flat_map(|one| [one.said.from, one.said.to]);
        let moves: BTreeSet<String> = moves.map(|scope| scope.to_string()).collect();
        let card = self.residence(moved.to, elder)?;
        if card.is_some_and(|places| {
            places.len() > 1 && places.iter().all(|place| moves.contains(place))
        }) {
            return Ok(Some(Piece::Residence { scope: moved.to, elder }));
        }
        if let Some(piece) = self.tell(elder, moved, &stated, &winner.said)? {
            return Ok(Some(piece));
        }
        for scope in others() {
            let piece = self.purge(elder, moved, &stated, scope)?;
            if piece.is_some() {
                return Ok(piece);
            }
        }
        Ok(None)
    }

    /// Writes the manifest that decides in scopes that have another one, or lack it.
    fn tell(
        &self,
        elder: ElderId,
        moved: &MovedRow,
        stated: &Moved,
        winner: &Handover,
    ) -> Result<Option<Piece>, StoreError> {
        let knows = |scope: DivisionCode| {
            let here = stated.counting().filter(|one| one.log.key.scope == scope);
            here.map(|one| one.said.step()).any(|step| Some(step) == moved.step())
        };
        let concerned: BTreeSet<DivisionCode> = stated
            .handovers()
            .iter()
            .map(|one| one.log.key.scope)
            .chain([winner.from, winner.to])
            .filter(|scope| self.grant.area.contains(*scope) && !knows(*scope))
            .collect();
        if !may_execute(self.grant, winner.from, winner.to) {
            return Ok(None);
        }
        for scope in &concerned {
            // It counts only beside the acceptance that it carries out.
            let transfer = winner.transfer;
            for from in [winner.from, winner.to] {
                let piece =
                    self.carry(elder, from, *scope, |part| part == Part::Transfer(transfer))?;
                if piece.is_some() {
                    return Ok(piece);
                }
            }
            let key = TransferKey { elder, scope: *scope, transfer };
            let row = self.tables.transfer(&key)?;
            // One of ours that waits there already would only be written again.
            let waits = stated.handovers().iter().any(|one| {
                one.log.key.scope == *scope
                    && one.said.step() == winner.step()
                    && one.standing == Some(Unsettled::Pending)
            });
            if row.is_some_and(|row| row.state == TransferStep::Accepted) && !waits {
                let body = winner.encode();
                return Ok(Some(Piece::Handover { scopes: [*scope].into(), body }));
            }
        }
        Ok(None)
    }

    /// Adoptions that vouch, in a scope, for both sides' entries of an offer: the manifest stands and
    /// falls with its author, not with what is later revoked of either village.
    fn support(
        &self,
        elder: ElderId,
        transfer: TransferId,
        scope: DivisionCode,
    ) -> Result<Option<Piece>, StoreError> {
        let id = DocumentId::elder(elder, Part::Transfer(transfer));
        let mut wanted = BTreeSet::new();
        if let Some(row) = self.tables.document(&DocumentKey { scope, id })? {
            wanted = changes(&index::load(&DocumentKey { scope, id }, &row.saved)?);
        }
        self.for_each_of(elder, scope, |log, entry| {
            let Some(grant) = self.authority.grant(&log.grant) else { return Ok(()) };
            let reach = self.authority.reach(&log.grant, &log.key);
            if entry.header.document.id() == Some(id)
                && let Some(Ok(originals)) = carried_by(self.authority, log, entry, grant)
                && within(self.tables, log, entry.header.seq, &reach)?
            {
                for original in &originals.entries {
                    if let Some(hash) = hash_of(original) {
                        wanted.remove(&hash);
                    }
                }
            }
            Ok(())
        })?;
        let adoptions = self.proofs(elder, scope, Wanted::from([(id, wanted)]))?;
        Ok((!adoptions.is_empty()).then_some(Piece::Carry { to: scope, adoptions }))
    }

    /// What one scope has of a file, in these parts, and another lacks.
    fn carry(
        &self,
        elder: ElderId,
        from: DivisionCode,
        to: DivisionCode,
        of: impl Fn(Part) -> bool,
    ) -> Result<Option<Piece>, StoreError> {
        if !self.grant.area.contains(from) || !self.grant.area.contains(to) {
            return Ok(None);
        }
        let mut wanted = Wanted::new();
        let mut parts: BTreeSet<Part> = self.tables.parts_of(from, elder)?.into_iter().collect();
        for row in self.tables.unsettled_of_elder(from, elder)? {
            let entry = self.tables.entry(row.log, row.seq)?;
            if let Some(DocumentId::Elder { part, .. }) =
                entry.and_then(|entry| entry.header.document.id())
            {
                parts.insert(part);
            }
        }
        for part in parts.into_iter().filter(|part| of(*part)) {
            let id = DocumentId::elder(elder, part);
            let mut hashes = self.to_be_carried(&DocumentKey { scope: from, id })?;
            for known in self.known(&DocumentKey { scope: to, id })? {
                hashes.remove(&known);
            }
            if !hashes.is_empty() {
                wanted.insert(id, hashes);
            }
        }
        let adoptions = self.proofs(elder, from, wanted)?;
        Ok((!adoptions.is_empty()).then_some(Piece::Carry { to, adoptions }))
    }

    /// The changes of a document that count, and those that wait only for others.
    fn to_be_carried(&self, key: &DocumentKey) -> Result<BTreeSet<ChangeHash>, StoreError> {
        let mut hashes = self.counting(key)?;
        for candidate in self.unsettled(key, |standing| *standing == Unsettled::Pending)? {
            if candidate.within && candidate.hopeless().is_none() {
                hashes.extend(candidate.hash);
            }
        }
        Ok(hashes)
    }

    /// The changes of a document that are here already, whether they count or not. What a revocation
    /// has cut off is not: another may carry it again.
    fn known(&self, key: &DocumentKey) -> Result<BTreeSet<ChangeHash>, StoreError> {
        let mut hashes = self.counting(key)?;
        for candidate in self.unsettled(key, |standing| *standing != Unsettled::Quarantined)? {
            hashes.extend(candidate.hash);
        }
        Ok(hashes)
    }

    fn counting(&self, key: &DocumentKey) -> Result<BTreeSet<ChangeHash>, StoreError> {
        match self.tables.document(key)? {
            Some(row) => Ok(changes(&index::load(key, &row.saved)?)),
            None => Ok(BTreeSet::new()),
        }
    }

    /// The changes of a document's entries that do not count.
    fn unsettled(
        &self,
        key: &DocumentKey,
        of: impl Fn(&Unsettled) -> bool,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut found = Vec::new();
        for (hash, row) in self.tables.unsettled_of(key)? {
            if !of(&row.standing) {
                continue;
            }
            let Some(log) = self.tables.log_by_number(row.log)? else { continue };
            let Some(entry) = self.tables.entry(row.log, row.seq)? else { continue };
            let Some(grant) = self.authority.grant(&log.grant) else { continue };
            let reach = self.authority.reach(&log.grant, &log.key);
            let within = within(self.tables, &log, row.seq, &reach)?;
            match carried_by(self.authority, &log, &entry, grant) {
                Some(Ok(originals)) => found.extend(Candidate::carried(hash, &originals, within)),
                Some(Err(_)) => {}
                None if entry.header.kind == Kind::Change => {
                    found.extend(Candidate::of(&entry, entry.header.hash(), grant, within));
                }
                None => {}
            }
        }
        Ok(found)
    }

    /// Adoptions that carry changes which stand in a scope, about one commit's worth.
    fn proofs(
        &self,
        elder: ElderId,
        scope: DivisionCode,
        mut wanted: Wanted,
    ) -> Result<Vec<(DocumentId, Vec<u8>)>, StoreError> {
        wanted.retain(|_, hashes| !hashes.is_empty());
        let (mut found, mut bytes) = (Vec::new(), 0);
        if wanted.is_empty() {
            return Ok(found);
        }
        let mut native: Vec<(LogRow, u64, DocumentId)> = Vec::new();
        self.for_each_of(elder, scope, |log, entry| {
            let Some(id) = entry.header.document.id() else { return Ok(()) };
            let Some(hashes) = wanted.get_mut(&id) else { return Ok(()) };
            if bytes >= COMMIT_BYTES {
                return Ok(());
            }
            if entry.header.kind == Kind::Change {
                if hash_of(entry).is_some_and(|hash| hashes.contains(&hash)) {
                    native.push((*log, entry.header.seq, id));
                }
                return Ok(());
            }
            let Some(grant) = self.authority.grant(&log.grant) else { return Ok(()) };
            if let (Some(Ok(originals)), Some(body)) =
                (carried_by(self.authority, log, entry, grant), &entry.body)
            {
                let carried: Vec<ChangeHash> =
                    originals.entries.iter().filter_map(hash_of).collect();
                if carried.iter().any(|hash| hashes.contains(hash)) {
                    hashes.retain(|hash| !carried.contains(hash));
                    bytes += body.len();
                    found.push((id, body.clone()));
                }
            }
            Ok(())
        })?;
        for (log, seq, id) in native {
            if bytes >= COMMIT_BYTES {
                break;
            }
            let Some(hashes) = wanted.get_mut(&id) else { continue };
            let entries = self.tables.path_from(&log, seq, CHECKPOINT_ENTRIES as usize)?;
            let carried = excerpt(self.authority, &log, &entries, &id, hashes);
            if let Some(body) = carried {
                bytes += body.len();
                found.push((id, body));
            }
        }
        Ok(found)
    }

    /// What of an elder's file goes from a scope, if all of it is held elsewhere.
    fn purge(
        &self,
        elder: ElderId,
        moved: &MovedRow,
        stated: &Moved,
        scope: DivisionCode,
    ) -> Result<Option<Piece>, StoreError> {
        let away = |one: &&Stated<Handover>| {
            one.log.key.scope == scope && Some(one.said.step()) == moved.step()
        };
        let Some(handover) = stated.counting().find(away) else { return Ok(None) };
        let erased = Erased::of(self.tables, self.authority, scope, elder)?;
        let mut left = false;
        self.for_each_of(elder, scope, |log, entry| {
            let offer = matches!(
                entry.header.document.id(),
                Some(DocumentId::Elder { part: Part::Transfer(_), .. })
            );
            let covered = erased.coverage(self.tables, log, entry)? == Coverage::Removed;
            left |= !offer && !covered;
            Ok(())
        })?;
        if !left
            || self.lacks_bodies(elder, scope)?
            || !self.is_all_carried(elder, scope, moved.to)?
            || !self.is_held(elder, moved.to)?
        {
            return Ok(None);
        }
        let step = handover.said.step();
        let bodies = cover(self.tables, scope, elder)?
            .chunks(ERASURE_LOGS_MAX)
            .map(|chunk| Purge { elder, step, coverage: chunk.to_vec() }.encode())
            .collect();
        Ok(Some(Piece::Purge { scope, bodies }))
    }

    /// Whether every entry of a file that a scope has is in another too. What does not count for any
    /// other reason than that it waits is nowhere else, and stays.
    fn is_all_carried(
        &self,
        elder: ElderId,
        from: DivisionCode,
        to: DivisionCode,
    ) -> Result<bool, StoreError> {
        let unsettled = self.tables.unsettled_of_elder(from, elder)?;
        let waits =
            |standing: &Unsettled| matches!(standing, Unsettled::Pending | Unsettled::Vouched);
        if !unsettled.iter().all(|row| waits(&row.standing)) {
            return Ok(false);
        }
        // What waits beyond a cut is carried nowhere: it is somebody's to adopt.
        for row in unsettled.iter().filter(|row| row.standing == Unsettled::Pending) {
            let Some(log) = self.tables.log_by_number(row.log)? else { return Ok(false) };
            let reach = self.authority.reach(&log.grant, &log.key);
            if !within(self.tables, &log, row.seq, &reach)? {
                return Ok(false);
            }
        }
        for part in self.tables.parts_of(from, elder)? {
            let id = DocumentId::elder(elder, part);
            let known = self.known(&DocumentKey { scope: to, id })?;
            if !self.to_be_carried(&DocumentKey { scope: from, id })?.is_subset(&known) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether receipts that count, of other devices than the one that wrote it, cover all that executors
    /// have written of a file in the scope that has it.
    fn is_held(&self, elder: ElderId, scope: DivisionCode) -> Result<bool, StoreError> {
        let holdings = holding::holdings(self.tables, self.authority, scope)?;
        let mut all = true;
        for log in self.tables.logs_of(scope)? {
            if !log.key.lane.carries_records() {
                continue;
            }
            let own = log.key.device == self.device;
            let held: Vec<EntryPlace> = holdings
                .iter()
                .filter(|holding| holding.holder != log.key.device)
                .map(|holding| holding.place)
                .collect();
            let next = next_of(self.tables, &log, held.iter())?;
            self.tables.for_each_entry(log.number, |seq, entry| {
                let entry = entry?;
                let whose = elder_of(&entry).or_else(|| moved_elder(&entry));
                let carries = own || entry.header.kind != Kind::Change;
                all &= whose != Some(elder) || !carries || seq < next;
                Ok(())
            })?;
        }
        Ok(all)
    }

    /// Whether bodies of a file are missing in a scope: what is not here cannot be carried.
    fn lacks_bodies(&self, elder: ElderId, scope: DivisionCode) -> Result<bool, StoreError> {
        if self.tables.missing_count()? == 0 {
            return Ok(false);
        }
        let mut lacks = false;
        self.for_each_of(elder, scope, |log, entry| {
            lacks |= self.tables.is_missing(log.number, entry.header.seq)?;
            Ok(())
        })?;
        Ok(lacks)
    }

    /// Where the elder lives by a scope's card, all values that stand; None without a card.
    fn residence(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let id = DocumentId::elder(elder, Part::Card);
        let key = DocumentKey { scope, id };
        let Some(row) = self.tables.document(&key)? else { return Ok(None) };
        let Some(view) = PartView::read(&index::load(&key, &row.saved)?, &id) else {
            return Ok(None);
        };
        let Some(standing) = view.field(Field::ResidenceCode) else { return Ok(Some(Vec::new())) };
        let values = std::iter::once(&standing.effective).chain(&standing.others);
        Ok(Some(values.map(|value| value.as_str().to_owned()).collect()))
    }

    /// Every change and adoption of a file in a scope.
    fn for_each_of(
        &self,
        elder: ElderId,
        scope: DivisionCode,
        mut with: impl FnMut(&LogRow, &Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for log in self.tables.logs_of(scope)? {
            if log.key.lane.carries_records() {
                self.tables.for_each_entry(log.number, |_, entry| {
                    let entry = entry?;
                    match elder_of(&entry) == Some(elder) {
                        true => with(&log, &entry),
                        false => Ok(()),
                    }
                })?;
            }
        }
        Ok(())
    }
}

/// An adoption of as many of the wanted changes as stand between the first of these entries and the
/// next signed one, and fit. They are wanted no more.
fn excerpt(
    authority: &Authority,
    log: &LogRow,
    entries: &[Entry],
    id: &DocumentId,
    wanted: &mut BTreeSet<ChangeHash>,
) -> Option<Vec<u8>> {
    let of_document: Vec<(EntryHash, ChangeHash)> = entries
        .iter()
        .filter(|entry| entry.header.kind == Kind::Change)
        .filter(|entry| entry.header.document.id() == Some(*id))
        .filter_map(|entry| Some((entry.header.hash(), hash_of(entry)?)))
        .filter(|(_, hash)| wanted.contains(hash))
        .collect();
    let first = entries.first().map(|entry| entry.header.hash());
    if of_document.first().map(|(entry, _)| *entry) != first {
        // It went with an earlier one.
        return None;
    }
    let chain = authority.chain(&log.grant).into_iter().skip(1).collect::<Vec<_>>();
    for count in (1..=of_document.len()).rev() {
        let taken: BTreeMap<EntryHash, ChangeHash> =
            of_document.iter().take(count).copied().collect();
        let run =
            UnverifiedRun::excerpt(entries, |entry| taken.contains_key(&entry.header.hash()))?;
        // What stands after the signed entry is not in it.
        let here = run.entries.len();
        let carried = Carried { chain: chain.clone(), run };
        let body = carried.encode();
        if body.len() <= BODY_BYTES_MAX {
            // What others would not believe is not written: it would be wanted for ever.
            let author = authority.author_by(&chain);
            carried.prove(author, &Some(*id).into()).ok()?;
            for entry in entries.iter().take(here) {
                if let Some(hash) = taken.get(&entry.header.hash()) {
                    wanted.remove(hash);
                }
            }
            return Some(body);
        }
    }
    None
}

fn hash_of(entry: &Entry) -> Option<ChangeHash> {
    ParsedChange::claimed_hash(entry.body.as_deref()?)
}

/// The changes of a document, its genesis not among them.
fn changes(document: &automerge::Automerge) -> BTreeSet<ChangeHash> {
    document.get_changes(&[]).iter().skip(1).map(|change| change.hash()).collect()
}

/// The device that carries out moves between these scopes, as far as is known here: of those that may,
/// the one whose area is the smallest.
pub fn nearest(authority: &Authority, scopes: &BTreeSet<DivisionCode>) -> Option<DeviceId> {
    let may = authority.grants().filter(|(_, grant)| {
        grant.depth > 0
            && grant.rights.contains(Rights::CARRY)
            && scopes.iter().all(|scope| grant.area.contains(*scope))
    });
    let standing = may.filter(|(id, _)| authority.stands(id));
    let first =
        standing.min_by_key(|(_, grant)| (std::cmp::Reverse(grant.area.0.level()), grant.subject));
    first.map(|(_, grant)| grant.subject)
}

/// All scopes that the moves of an elder concern.
pub fn concerned(
    tables: &impl StoreRead,
    elder: ElderId,
) -> Result<BTreeSet<DivisionCode>, StoreError> {
    let mut scopes = BTreeSet::new();
    for (_, row) in tables.transfers_of(elder)? {
        scopes.extend([row.from, row.to]);
    }
    if let Some(moved) = tables.moved_to(elder)? {
        scopes.extend([moved.from, moved.to]);
    }
    Ok(scopes)
}

/// The elders who have moved to one of some scopes and of whom another scope here still holds a file.
pub fn unpurged(
    tables: &impl StoreRead,
    area: Area,
    to: &BTreeSet<DivisionCode>,
) -> Result<Vec<ElderId>, StoreError> {
    let mut found = Vec::new();
    for (scope, elder, row) in tables.elsewhere_in(area)? {
        if let crate::store::moves::Custody::MovedTo(now_at) = row.custody
            && to.contains(&now_at)
            && holds_rest(tables, scope, elder)?
        {
            found.push(elder);
        }
    }
    Ok(found)
}
