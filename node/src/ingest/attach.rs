//! Where a run belongs in the tree of a log's headers: at the end of a chain, in the midst of one,
//! or on a new branch.

use super::Refusal;
use crate::codec::Writer;
use crate::identity::grant::GrantId;
use crate::limits::BRANCHES_MAX;
use crate::log::{Entry, Head, LogKey, RunError, UnverifiedRun, VerifiedRun};
use crate::store::rows::{EvidenceRow, Fork, LogRow};
use crate::store::{ChainRead, StoreError, StoreRead, Transaction};

/// What a run comes to here.
pub(super) enum Place {
    /// No entry of the log is here.
    New,
    /// All of it is here, the last entry under this chain.
    Known(LogRow),
    /// After so many known entries it goes on where a chain ends.
    Extends(LogRow, usize),
    /// After so many known entries it leaves the path of a chain here.
    Branches {
        /// A chain that goes on otherwise.
        beside: LogRow,
        /// Where the new one begins.
        fork: Fork,
        /// Known entries.
        known: usize,
    },
}

/// Verifies a run on top of the entry that it names as the previous one.
pub(super) fn verify(
    tables: &Transaction<'_>,
    chains: &[LogRow],
    run: UnverifiedRun,
) -> Result<Result<VerifiedRun, Refusal>, StoreError> {
    if chains.is_empty() || run.first_seq == 0 {
        return Ok(run.verify(None).map_err(Refusal::from));
    }
    let before = run.first_seq - 1;
    let Some(chain) = tables.find_chain(&run.log, before, &run.previous)? else {
        let mut last = 0;
        for chain in chains {
            last = tables.head_of(chain.number)?.map_or(last, |head| last.max(head.seq));
        }
        let gap = RunError::Gap { expected: last + 1, found: run.first_seq };
        return Ok(Err(if last < before { gap } else { RunError::BrokenChain }.into()));
    };
    let head = tables.head_at(&chain, before)?;
    Ok(run.verify(head.as_ref()).map_err(Refusal::from))
}

/// Finds the first entry of a verified run that is not here, and where it goes.
pub(super) fn place(
    tables: &Transaction<'_>,
    chains: &[LogRow],
    run: &VerifiedRun,
) -> Result<Place, StoreError> {
    let Some(first) = run.entries().first().map(|entry| &entry.header) else {
        return Err(unplaced(&run.log()));
    };
    if chains.is_empty() {
        return Ok(Place::New);
    }
    // The chain under which the entry before stands.
    let mut at = match first.seq.checked_sub(1) {
        None => None,
        Some(before) => match tables.find_chain(&run.log(), before, &first.previous)? {
            Some(chain) => Some(chain),
            None => return Err(unplaced(&run.log())),
        },
    };
    for (known, entry) in run.entries().iter().enumerate() {
        let seq = entry.header.seq;
        if let Some(chain) = &at
            && tables.head_of(chain.number)?.is_some_and(|head| head.seq + 1 == seq)
        {
            return Ok(Place::Extends(*chain, known));
        }
        match tables.find_chain(&run.log(), seq, &entry.header.hash())? {
            Some(chain) => at = Some(chain),
            None => {
                let parent = at.or_else(|| chains.first().copied());
                let parent = parent.ok_or_else(|| unplaced(&run.log()))?;
                let fork = Fork { parent: parent.number, first_seq: seq };
                return Ok(Place::Branches { beside: parent, fork, known });
            }
        }
    }
    at.map(Place::Known).ok_or_else(|| unplaced(&run.log()))
}

/// The grant of a chain that begins with this run.
pub(super) fn grant_of(run: &VerifiedRun, fork: &Fork, beside: &LogRow) -> GrantId {
    match run.entries().first() {
        Some(entry) if fork.first_seq == 0 => GrantId(entry.header.previous.0),
        _ => beside.grant,
    }
}

/// The evidence of a fork: of either branch the first signed header from where they part. `branch`
/// is the new one's, `beside` the chain that was here.
pub(super) fn evidence(
    tables: &Transaction<'_>,
    beside: &LogRow,
    fork: &Fork,
    branch: &[Entry],
) -> Result<EvidenceRow, StoreError> {
    let mut writer = Writer::new();
    let mut signed = |entries: &[Entry]| {
        let found = entries.iter().find_map(|entry| Some((&entry.header, entry.signature?)));
        if let Some((header, signature)) = found {
            writer.piece(&header.encode()).bytes(&signature.0);
        }
    };
    // A run ends with a signature, and none is longer than from one checkpoint to the next.
    let limit = crate::limits::CHECKPOINT_ENTRIES as usize;
    signed(&tables.path_from(beside, fork.first_seq, limit)?);
    signed(branch);
    let first = branch.first().map(|entry| entry.header.hash());
    let first = first.map_or_else(String::new, |hash| format!(" {hash:?}"));
    Ok(row(format!("{:?}/{}{first}", beside.key, fork.first_seq), writer.finish()))
}

/// The evidence of a branch that there is no room for.
pub(super) fn too_many(log: &LogKey, entry: &Entry) -> EvidenceRow {
    row(format!("{log:?}: more than {BRANCHES_MAX} branches"), entry.header.encode())
}

/// The evidence of a device that has put more into the mesh than its grants allow.
pub(super) fn over_quota(log: &LogKey) -> EvidenceRow {
    let code = "over_quota".to_owned();
    EvidenceRow { code, ..row(format!("{log:?}"), log.to_bytes().to_vec()) }
}

fn row(detail: String, bytes: Vec<u8>) -> EvidenceRow {
    // Whoever knows the time dates it.
    EvidenceRow { peer: None, code: "forked_log".into(), detail, at_ms: 0, bytes }
}

/// The head of a chain as the run that goes on from there sees it.
pub(super) fn head_before(
    tables: &Transaction<'_>,
    place: &Place,
) -> Result<Option<Head>, StoreError> {
    match place {
        Place::New => Ok(None),
        Place::Known(chain) | Place::Extends(chain, _) => tables.head_of(chain.number),
        Place::Branches { beside, fork, .. } => match fork.first_seq.checked_sub(1) {
            None => Ok(None),
            Some(before) => tables.head_at(beside, before),
        },
    }
}

fn unplaced(log: &LogKey) -> StoreError {
    let detail = format!("{log:?}: a verified run has no place");
    StoreError::Corrupt { table: "entries-2", detail }
}
