//! A request, an invite or a root key as people hand it over: the text itself, a file, or stdin.

use std::io::Read;
use std::path::Path;

use crate::error::Failure;

/// The longest text that is read, bytes: an invite of eight grants and sixteen addresses is 12 KB.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

/// What stands in the argument, in the file that it names, or on stdin for `-`.
pub(crate) fn read(argument: &str) -> Result<String, Failure> {
    match argument {
        "-" => from(std::io::stdin().lock(), Path::new("-")),
        text if Path::new(text).is_file() => read_file(Path::new(text)),
        // Meant as the name of a file, and no token has such characters.
        text if text.contains(['/', '\\', '.']) => {
            Err(Failure::usage("file_not_found").with("path", text))
        }
        text => Ok(text.to_owned()),
    }
}

/// What stands in a file.
pub(crate) fn read_file(path: &Path) -> Result<String, Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure::unreadable(path, &error))?;
    from(file, path)
}

fn from(source: impl Read, path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    source
        .take(TOKEN_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::unreadable(path, &error))?;
    // What an editor puts in front is no part of it.
    Ok(text.trim_start_matches('\u{feff}').trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_and_a_file_what_stands_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("invite.txt");
        std::fs::write(&path, "\u{feff}swinv1qq\r\n").unwrap();
        assert_eq!(read(path.to_str().unwrap()).unwrap(), "swinv1qq");
        assert_eq!(read("swinv1 qq").unwrap(), "swinv1 qq");
        let gone = directory.path().join("gone.txt");
        assert_eq!(read(gone.to_str().unwrap()).unwrap_err().to_string(), "file_not_found");
    }
}
