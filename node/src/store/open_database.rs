//! An open database, and its end.

use std::ops::{Deref, DerefMut};

use redb::Database;

use super::guarded;

/// An open database. redb 4.5 reads and writes pages when it is closed, and panics over some that are damaged: whoever
/// has done what he wanted is not ended by that. What was committed is on the disk all the same.
#[derive(Debug)]
pub(super) struct OpenDatabase(Option<Database>);

impl From<Database> for OpenDatabase {
    fn from(database: Database) -> Self {
        Self(Some(database))
    }
}

impl Deref for OpenDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        match &self.0 {
            Some(database) => database,
            None => unreachable!("it is taken only when this is dropped"),
        }
    }
}

impl DerefMut for OpenDatabase {
    fn deref_mut(&mut self) -> &mut Database {
        match &mut self.0 {
            Some(database) => database,
            None => unreachable!("it is taken only when this is dropped"),
        }
    }
}

impl Drop for OpenDatabase {
    fn drop(&mut self) {
        let database = self.0.take();
        if let Err(error) = guarded(|| drop(database)) {
            tracing::error!(%error, "the store could not be closed");
        }
    }
}
