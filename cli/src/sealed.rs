//! A sealed file: several files in one, encrypted to whoever is to read them and nobody else.
//!
//! The form is `tar` inside `age` (age-encryption.org/v1), so that a receiver who does not run this
//! program can open it with any tool of either name.

use std::io::Write;

use age::x25519;

use crate::error::Failure;

/// Encrypts files to X25519 recipients (`age1…`).
pub(crate) fn seal(recipients: &[String], files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, Failure> {
    let keys: Vec<x25519::Recipient> = recipients
        .iter()
        .map(|text| {
            text.trim().parse().map_err(|_| Failure::usage("bad_recipient").with("recipient", text))
        })
        .collect::<Result<_, _>>()?;
    let failed = |error: &dyn std::fmt::Display| Failure::failed("seal").with("detail", error);
    let keys = keys.iter().map(|key| key as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(keys).map_err(|error| failed(&error))?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| failed(&error))?;
    writer.write_all(&archive(files).map_err(|error| failed(&error))?).map_err(|e| failed(&e))?;
    writer.finish().map_err(|error| failed(&error))?;
    Ok(sealed)
}

/// The files one after another, without owner or time of their own.
fn archive(files: &[(String, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        archive.append_data(&mut header, name, bytes.as_slice())?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn only_the_recipient_opens_it() {
        let (reader, other) = (x25519::Identity::generate(), x25519::Identity::generate());
        let files = [("档案/card.automerge".to_owned(), vec![7; 3_000])];
        let sealed = seal(&[reader.to_public().to_string()], &files).unwrap();
        assert!(!sealed.windows(8).any(|window| window == [7; 8]));

        let open = |identity: &x25519::Identity| {
            let decryptor = age::Decryptor::new(sealed.as_slice()).unwrap();
            decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).map(|mut plain| {
                let mut bytes = Vec::new();
                plain.read_to_end(&mut bytes).unwrap();
                bytes
            })
        };
        assert!(open(&other).is_err());
        let bytes = open(&reader).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            found.push((entry.path().unwrap().display().to_string(), content));
        }
        assert_eq!(found, files);
    }

    #[test]
    fn a_mistyped_recipient_is_named() {
        let refused = seal(&["age1nonsense".to_owned()], &[]).unwrap_err();
        assert!(format!("{refused:?}").contains("bad_recipient"));
    }
}
