//! What a summary claims to hold, by name: fingerprints are looked up where they were said.

use std::collections::BTreeMap;

use shouwang_node::store::rows::LogRow;
use shouwang_node::store::{ChainRead, Snapshot, StoreError, StoreRead};
use shouwang_node::sync::LogPosition;
use shouwang_node::sync::summary::{Fingerprint, ShortHash, StatedHead, Summary, Word};

/// The heads in a summary, given the store of whoever said it.
pub fn of_summary(summary: &Summary, said_by: &Snapshot) -> Result<Vec<LogPosition>, StoreError> {
    let heads = summary.statements.iter().flat_map(|statement| match &statement.what {
        Word::Heads(heads, _) | Word::Rest(heads, _) => heads.as_slice(),
        Word::Digest(_) | Word::Children(_) => &[],
    });
    let heads: Vec<&StatedHead> = heads.collect();
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let mut names: BTreeMap<Fingerprint, Vec<LogRow>> = BTreeMap::new();
    for chain in said_by.logs_all()? {
        names.entry(Fingerprint::of(&chain.key)).or_default().push(chain);
    }
    let mut claims = Vec::new();
    for head in heads {
        claims.extend(head.position());
        if let StatedHead::Short(name, Some((seq, short))) = head {
            for chain in names.get(name).into_iter().flatten() {
                let hash = said_by.hash_at(chain, *seq)?;
                let hash = hash.filter(|hash| ShortHash::from(*hash) == *short);
                let place = |hash| LogPosition { log: chain.key, seq: *seq, hash };
                claims.extend(hash.map(place));
            }
        }
    }
    Ok(claims)
}
