//! What is done when nothing comes: a sign of life, another way, and in the end a hang-up.

use super::super::wire::Frame;
use super::super::{Event, Now, Output, PeerError};
use super::{Outputs, Session};
use crate::limits::{ALIVE_INTERVAL_MS, HELLO_TIMEOUT_MS, PROGRESS_TIMEOUT_MS, SILENCE_TIMEOUT_MS};

impl Session {
    /// When something has to happen although nothing comes.
    pub(in super::super) fn deadline_ms(&self) -> u64 {
        let alive_ms = self.spoke_ms + ALIVE_INTERVAL_MS;
        let others = [self.doubt_ms(), self.deferred.first_ms()].into_iter().flatten();
        others.chain([alive_ms]).fold(self.death_ms(), u64::min)
    }

    /// Time has passed.
    pub(in super::super) fn timeout(
        &mut self,
        now: Now,
        out: &mut Outputs,
    ) -> Result<(), PeerError> {
        if now.monotonic_ms >= self.death_ms() {
            let silent = now.monotonic_ms.saturating_sub(self.heard_ms);
            return Err(PeerError::Silence(silent));
        }
        if self.doubt_ms().is_some_and(|at| now.monotonic_ms >= at) {
            self.doubted = true;
            out.push_back(Output::Event(Event::Silent(self.peer)));
        }
        if now.monotonic_ms >= self.spoke_ms + ALIVE_INTERVAL_MS {
            self.send(now, &Frame::Alive, out);
        }
        Ok(())
    }

    /// From when on it is doubtful whether what was sent arrives at all. A link may be dead and say
    /// nothing: who has got another address meanwhile finds that out only so.
    fn doubt_ms(&self) -> Option<u64> {
        let first = self.in_flight.front().filter(|_| !self.doubted)?;
        Some(self.heard_ms.max(first.sent.sent_ms) + self.window.doubt_ms())
    }

    fn death_ms(&self) -> u64 {
        let owed = !self.in_flight.is_empty() || !self.has_sent_all();
        let bodies_owed = !self.bodies.is_settled() && !self.hold.is_on();
        let waiting = !self.summary_whole || owed || bodies_owed;
        match (self.hello.as_ref().and(self.grant.as_ref()), waiting) {
            (None, _) => self.opened_ms + HELLO_TIMEOUT_MS,
            // A proved grant is asked for anew where `Hello` names another one.
            (Some(_), _) if self.chain_asked => self.opened_ms + HELLO_TIMEOUT_MS,
            // With nothing but runs unacknowledged it is known how long they take.
            (Some(_), true) if self.summary_whole && !self.in_flight.is_empty() => {
                self.heard_ms.max(self.spoke_ms) + self.window.patience_ms()
            }
            (Some(_), true) => self.heard_ms.max(self.spoke_ms) + PROGRESS_TIMEOUT_MS,
            (Some(_), false) => self.heard_ms + SILENCE_TIMEOUT_MS,
        }
    }
}
