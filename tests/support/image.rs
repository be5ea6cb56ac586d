//! What lies in the file of a store, decrypted.

use shouwang_node::dictionary::{STORE_DOCUMENTS, STORE_ENTRIES};
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
    let unpacked = unpacked(&bytes);
    [bytes, unpacked].concat()
}

/// What every compressed piece in these bytes holds, as far as it still reads: also of pieces in pages
/// that nothing refers to any more.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
    let mut found = Vec::new();
    for (at, _) in bytes.windows(4).enumerate().filter(|(_, window)| *window == MAGIC) {
        for dictionary in [STORE_ENTRIES, STORE_DOCUMENTS] {
            let piece = &bytes[at..bytes.len().min(at + 256 * 1024)];
            let decoder = zstd::stream::read::Decoder::with_dictionary(piece, dictionary.bytes);
            // The first of two frames alone; a damaged one gives what comes before the damage.
            let mut decoder = decoder.unwrap().single_frame();
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = decoder.read(&mut piece) {
                found.extend_from_slice(&piece[..count]);
            }
        }
    }
    found
}

/// Whether these bytes stand anywhere in those.
pub fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
