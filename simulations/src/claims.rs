//! What a summary claims to hold, by name: what is said in short is looked up where it was said.

use std::collections::BTreeMap;

use shouwang_node::store::rows::LogRow;
use shouwang_node::store::{ChainRead, Snapshot, StoreError, StoreRead};
use shouwang_node::sync::LogPosition;
use shouwang_node::sync::summary::{Fingerprint, Salt, SaltedHash, StatedHead, Summary, Word};

/// The heads in a summary, given the salt and the store of whoever said it.
pub fn of_summary(
    summary: &Summary,
    salt: Salt,
    said_by: &Snapshot,
) -> Result<Vec<LogPosition>, StoreError> {
    let heads = summary.statements.iter().flat_map(|statement| match &statement.what {
        Word::Heads(heads, _) | Word::Rest(heads, _) => heads.as_slice(),
        Word::Digest(_) | Word::Children(_) => &[],
    });
    let heads: Vec<&StatedHead> = heads.collect();
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let chains = said_by.logs_all()?;
    let mut names: BTreeMap<Fingerprint, Vec<&LogRow>> = BTreeMap::new();
    for chain in &chains {
        names.entry(salt.fingerprint(&chain.key)).or_default().push(chain);
    }
    let mut claims = Vec::new();
    for head in heads {
        let (of, at): (Vec<&LogRow>, _) = match head {
            StatedHead::Short(name, at) => (names.get(name).cloned().unwrap_or_default(), at),
            StatedHead::Full(log, at) => {
                (chains.iter().filter(|chain| chain.key == *log).collect(), at)
            }
        };
        let Some((seq, mark)) = *at else { continue };
        let said = SaltedHash::said(salt, mark);
        for chain in of {
            let hash = said_by.hash_at(chain, seq)?.filter(|hash| said.is_of(hash));
            claims.extend(hash.map(|hash| LogPosition { log: chain.key, seq, hash }));
        }
    }
    Ok(claims)
}

/// The last entry of each chain in a store, up to the first that is there without its body.
pub fn of_store(said_by: &Snapshot) -> Result<Vec<LogPosition>, StoreError> {
    let mut claims = Vec::new();
    for chain in said_by.logs_all()? {
        let Some(head) = said_by.head_of(chain.number)? else { continue };
        let missing = said_by.first_missing(&chain)?.unwrap_or(u64::MAX);
        let Some(last) = missing.checked_sub(1).map(|last| last.min(head.seq)) else { continue };
        let hash = said_by.hash_at(&chain, last)?;
        claims.extend(hash.map(|hash| LogPosition { log: chain.key, seq: last, hash }));
    }
    Ok(claims)
}
