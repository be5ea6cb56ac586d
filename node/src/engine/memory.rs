//! What this device's person did last, so that it can be taken back (`docs/conflicts.md`, undo). It is
//! remembered in the transaction that writes it, and only here: nobody else needs to know.

use crate::codec::{CodecError, Reader, Writer};
use crate::limits::UNDO_LOGS_MAX;
use crate::log::LogKey;
use crate::log::run::read_seq;
use crate::store::{Snapshot, StoreError, StoreRead};

/// Meta: [`LastEdit::encode`] of what was written last by a person.
pub(super) const LAST_EDIT: &str = "last_edit";

const VERSION: u8 = 1;

/// The entries of a person's last edit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastEdit {
    /// Log, number of the first entry, and how many follow on it, itself included.
    pub runs: Vec<(LogKey, u64, u64)>,
    /// Whether it stands in more logs than are remembered.
    pub is_cut: bool,
}

impl LastEdit {
    /// Adds entries. Those that follow on others of one log are one run with them.
    pub(super) fn add(&mut self, log: LogKey, first: u64, count: u64) {
        let follows = |run: &&mut (LogKey, u64, u64)| run.0 == log && run.1 + run.2 == first;
        if let Some(run) = self.runs.iter_mut().find(follows) {
            run.2 += count;
        } else if self.runs.len() < UNDO_LOGS_MAX {
            self.runs.push((log, first, count));
        } else {
            self.is_cut = true;
        }
    }

    /// How many entries it has.
    pub fn entries(&self) -> u64 {
        self.runs.iter().map(|(_, _, count)| count).sum()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).u8(u8::from(self.is_cut)).count(self.runs.len());
        for (log, first, count) in &self.runs {
            log.write(&mut writer).leb(*first).leb(*count);
        }
        writer.finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let is_cut = reader.u8()? != 0;
        let count = reader.count(UNDO_LOGS_MAX)?;
        let run = |reader: &mut Reader<'_>| {
            Ok((LogKey::read(reader)?, read_seq(reader)?, read_seq(reader)?))
        };
        let runs = (0..count).map(|_| run(&mut reader)).collect::<Result<_, CodecError>>()?;
        reader.finish()?;
        Ok(Self { runs, is_cut })
    }

    /// What a person did last here.
    pub fn read(snapshot: &Snapshot) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = snapshot.meta(LAST_EDIT)? else { return Ok(None) };
        let corrupt = |error: CodecError| StoreError::Corrupt {
            table: "meta-1",
            detail: format!("{LAST_EDIT}: {error}"),
        };
        Self::from_bytes(&bytes).map(Some).map_err(corrupt)
    }
}

/// Whether what is written is a person's doing, to be taken back as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// The node's own: a receipt.
    OfItself,
    /// A person's.
    Person,
    /// A person's, one piece with what was written before.
    GoesOn,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::DeviceId;
    use crate::log::{Incarnation, Lane};

    fn log(number: u32) -> LogKey {
        LogKey {
            scope: "990121101203".parse().unwrap(),
            lane: Lane::Routine,
            device: DeviceId([1; 32]),
            incarnation: Incarnation { number, nonce: [2; 8] },
        }
    }

    #[test]
    fn pieces_of_one_log_are_one_run_and_the_fullest_reads_back() {
        let mut edit = LastEdit::default();
        edit.add(log(0), 5, 2);
        edit.add(log(0), 7, 3);
        assert_eq!(edit.runs, [(log(0), 5, 5)]);
        for number in 1..UNDO_LOGS_MAX as u32 {
            edit.add(log(number), 0, 1);
        }
        assert!(!edit.is_cut);
        assert_eq!(LastEdit::from_bytes(&edit.encode()), Ok(edit.clone()));
        edit.add(log(u32::MAX), 0, 1);
        assert!(edit.is_cut);
        assert_eq!(LastEdit::from_bytes(&edit.encode()), Ok(edit.clone()));
        assert_eq!(edit.entries(), 5 + UNDO_LOGS_MAX as u64 - 1);
    }
}
