//! What guards a store at rest: envelopes and backups.

use std::path::Path;

use shouwang_node::codec::{Reader, Writer};
use shouwang_node::limits::ENVELOPE_BYTES_MAX;
use shouwang_node::progress::Progress;
use shouwang_node::store::Store;
use shouwang_node::vault::backup::restore;
use shouwang_node::vault::{Envelope, Fresh, Lock, Secret, Vault, VaultError, VolumeKey};
use zeroize::Zeroizing;

use crate::tape::Tape;
use crate::target::{Verdict, accepted};

/// What `docs/protocol.md`, "Files", calls the checksum of an envelope and of a backup's head.
fn checksum(context: &str, bytes: &[u8]) -> [u8; 8] {
    let mut sum = [0; 8];
    blake3::Hasher::new_derive_key(context).update(bytes).finalize_xof().fill(&mut sum);
    sum
}

fn key_file() -> Secret {
    Secret::KeyFile(Zeroizing::new([1; 32]))
}

/// A byte that says whether a checksum is put behind it, and an envelope. It has one form.
pub(super) fn envelope(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let summed = tape.byte() & 1 == 0;
    let mut bytes = tape.rest().to_vec();
    if summed {
        let sum = checksum("shouwang 2026 envelope checksum 1", &bytes);
        bytes.extend(sum);
    }
    let Ok(envelope) = Envelope::decode(&bytes) else { return Verdict::Refused };
    assert!(bytes.len() <= ENVELOPE_BYTES_MAX);
    assert_eq!(envelope.encode(), bytes, "one form of every envelope");
    // The other lock takes memory by what the envelope says, within its limits: not here.
    if envelope.lock() == Lock::KeyFile {
        let _ = envelope.open(&key_file());
    }
    Verdict::Accepted
}

/// A byte that says whether the checksum of the head is put right, and a backup: a store comes of it, or
/// nothing is left.
pub(super) fn backup(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let summed = tape.byte() & 1 == 0;
    let mut bytes = tape.rest().to_vec();
    if summed {
        put_checksum(&mut bytes);
    }
    let directory = tempfile::tempdir_in(fast()).expect("a directory can be made");
    let (from, home) = (directory.path().join("backup"), directory.path().join("home"));
    std::fs::write(&from, &bytes).expect("a file can be written");
    let restored = restore::<VaultError>(&from, &home, &Progress::default(), |_| Ok(key_file()));
    match &restored {
        Ok(()) => {
            let opened = Vault::open::<VaultError>(&home, |_| Ok(key_file()));
            assert!(opened.is_ok(), "what was restored opens");
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let left = std::fs::read_dir(&home).map(|left| left.count()).unwrap_or_default();
            assert_eq!(left, 0, "a restore that failed leaves nothing");
        }
    }
    accepted(restored.ok())
}

/// Puts the head's checksum right: nothing behind it is reached by chance.
fn put_checksum(bytes: &mut [u8]) {
    let covered = |bytes: &[u8]| {
        let mut reader = Reader::new(bytes);
        reader.bytes(17).ok()?;
        let envelope = reader.piece(ENVELOPE_BYTES_MAX).ok()?;
        let head = Writer::new().bytes(&bytes[..17]).piece(envelope).finish();
        Some((head.len(), checksum("shouwang 2026 backup head 1", &head)))
    };
    if let Some((at, sum)) = covered(bytes)
        && let Some(place) = bytes.get_mut(at..at + 8)
    {
        place.copy_from_slice(&sum);
    }
}

/// Memory rather than a disk, where the machine has some in the file system.
fn fast() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory } else { Path::new(".") }
}

pub(super) fn envelope_seeds() -> Vec<Vec<u8>> {
    let fresh = Fresh { salt: [2; 16], nonce: [3; 24] };
    let sealed = Envelope::seal(&VolumeKey::new([5; 64]), &key_file(), &fresh);
    let sealed = sealed.map(|envelope| envelope.encode()).unwrap_or_default();
    let plain = &sealed[..sealed.len() - 8];
    let argon =
        [&b"SWENVLP1\x01"[..], &65_536u32.to_be_bytes(), &3u32.to_be_bytes(), &1u32.to_be_bytes()];
    let argon = [&argon.concat()[..], &[2; 16], &plain[9..]].concat();
    vec![[&[1][..], &sealed].concat(), [&[0][..], plain].concat(), [&[0][..], &argon].concat()]
}

pub(super) fn backup_seeds() -> Vec<Vec<u8>> {
    // An empty store, so that it is short.
    let written =
        || -> Result<Vec<u8>, VaultError> {
            let directory = tempfile::tempdir_in(fast())?;
            let fresh = Fresh { salt: [2; 16], nonce: [3; 24] };
            let (home, to) = (directory.path().join("home"), directory.path().join("backup"));
            std::fs::create_dir(&home)?;
            let (vault, store): (Vault, Store) =
                Vault::create::<VaultError>(&home, VolumeKey::new([5; 64]), &fresh, |_| {
                    Ok(key_file())
                })?;
            vault.backup(&store)?.write(&to)?;
            Ok(std::fs::read(to)?)
        };
    let whole = written().expect("a backup can be written");
    vec![[vec![1], whole].concat()]
}
