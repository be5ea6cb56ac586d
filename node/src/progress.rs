//! How far long work is: one thread does it, another shows it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Steps that are done, and steps in all. What a step is (an entry, a row, a byte) whoever does the work says.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// It begins anew, with so many steps.
    pub fn begin(&self, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// One more is done.
    pub fn step(&self) {
        self.steps(1);
    }

    /// So many more are done.
    pub fn steps(&self, more: u64) {
        self.done.fetch_add(more, Ordering::Relaxed);
    }

    /// It has ended, and nothing is under way.
    pub fn end(&self) {
        self.begin(0);
    }

    /// Steps that are done, and steps in all; both 0 where nothing is under way, or that is not known yet.
    pub fn get(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}
