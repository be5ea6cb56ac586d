//! Bodies that are missing: asking for them, and answering.

use super::super::stop::Stop;
use super::super::wire::{Frame, LogPosition};
use super::super::{Now, Output, PeerError, Replica};
use super::{Outputs, Session};
use crate::ingest::Refusal;
use crate::limits::HAVE_HEADS_PER_FRAME;
use crate::log::{EntryPlace, Lane, LogKey};
use crate::replication::receives;

/// Bodies that one of the two lacks.
impl Session {
    /// Whether the peer can be asked for the bodies of a log: it may hold them, and we may.
    pub(super) fn may_ask(&self, replica: &impl Replica, log: &LogKey) -> bool {
        let own = replica.authority().grant(&replica.own_grant());
        self.negotiated(replica, log.scope, log.lane)
            && own
                .is_some_and(|own| receives(own, log.scope, log.lane) || log.device == own.subject)
    }

    /// Finds out whether any body is missing here that the peer may have.
    pub(super) fn note_missing(&mut self, replica: &impl Replica) -> Result<(), Stop> {
        let missing = replica.missing(1, |place| self.may_ask(replica, &place.log))?;
        self.bodies.lacking = !missing.is_empty();
        self.bodies.exhausted = false;
        Ok(())
    }

    pub(super) fn ask_bodies(
        &mut self,
        places: Vec<LogPosition>,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        if self.grant.is_none() {
            return Err(PeerError::OutOfTurn("a question before the grant is proved").into());
        }
        let spoken_of = |log: &LogKey| self.negotiated(replica, log.scope, log.lane);
        if !places.iter().all(|place| spoken_of(&place.log)) {
            return Err(PeerError::Run(Refusal::OutsideArea).into());
        }
        Ok(self.bodies.asked(places)?)
    }

    pub(super) fn body(
        &mut self,
        place: LogPosition,
        body: Option<Vec<u8>>,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        self.bodies.answered(place, body.is_some())?;
        let LogPosition { log, seq, hash } = place;
        if let Some(body) = body {
            out.push_back(Output::Fill(self.peer, EntryPlace { log, seq, hash }, body));
        }
        Ok(())
    }

    /// Acknowledges bodies that are on the disk now, and looks again at what is owed and missing.
    pub(super) fn bodies_committed(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        for chunk in self.bodies.take_came().chunks(HAVE_HEADS_PER_FRAME) {
            self.send(now, &Frame::Have(chunk.to_vec()), out);
        }
        let owed: Vec<LogPosition> = self.bodies.owed().collect();
        for place in owed {
            if !replica.is_missing(&place)? {
                let is_here = replica.body(&place)?.is_some();
                self.bodies.pay(place, is_here);
            }
        }
        if self.grant.is_some() { self.note_missing(replica) } else { Ok(()) }
    }

    /// Answers while there is room, and asks once all else is here.
    pub(super) fn pump_bodies(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let holds = self.hold.is_on();
        let goes = |place: &LogPosition| !holds || place.log.lane != Lane::Routine;
        while self.window.has_room(self.in_flight_bytes + self.bodies.in_flight_bytes()) {
            let Some(place) = self.bodies.next_asked(goes) else { break };
            // A peer that has not heard yet that it gets no more records may still ask for them.
            let to_be_sent = self.to_be_sent(replica, &place.log);
            let body = if to_be_sent { replica.body(&place)? } else { None };
            let is_here = body.is_some();
            let bytes = body.as_ref().map_or(0, Vec::len) + 64;
            if is_here {
                self.bodies.sent(place, bytes);
            } else {
                self.bodies.declined();
                if to_be_sent {
                    self.bodies.owe(place);
                }
            }
            self.send(now, &Frame::Body { place, body }, out);
        }
        let room = self.bodies.room();
        let asks = self.bodies.lacking && !self.bodies.exhausted && room > 0;
        if asks && self.hello.is_some() && self.has_all_wanted() {
            let places = replica.missing(room, |place| {
                goes(place) && !self.bodies.is_asked(place) && self.may_ask(replica, &place.log)
            })?;
            self.bodies.exhausted = places.len() < room;
            self.bodies.ask(&places);
            if !places.is_empty() {
                self.send(now, &Frame::AskBodies(places), out);
            }
        }
        Ok(())
    }
}
