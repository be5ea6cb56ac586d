//! What lies in the file of a store, decrypted.

use std::path::Path;

use shouwang_node::vault::sectors::Encrypted;
use shouwang_node::vault::{Secret, read_envelope};

use super::Office;

/// The secret of an office's home.
pub fn key(office: &Office) -> Secret {
    Secret::read_key_file(&office.path("key")).unwrap()
}

/// The whole file as redb sees it, free pages included.
pub fn image(path: &Path, office: &Office) -> Vec<u8> {
    use redb::StorageBackend;
    let envelope = read_envelope(&office.home()).unwrap();
    let volume = envelope.open(&key(office)).unwrap();
    let file = redb::backends::FileBackend::new(std::fs::File::open(path).unwrap()).unwrap();
    let plain = Encrypted::new(file, &volume).unwrap();
    let mut bytes = vec![0; usize::try_from(plain.len().unwrap()).unwrap()];
    plain.read(0, &mut bytes).unwrap();
    bytes
}

/// Whether these bytes stand anywhere in those.
pub fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
