//! Field work by the calendar: everybody is visited in turn, and in survey weeks every file is gone
//! through.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_crdt_schema::element::Review;
use shouwang_crdt_schema::record::{ElderId, ReviewOutcome};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::Request;
use shouwang_node::command::elder::VisitAdd;
use shouwang_node::command::record::{FileEvent, Record};
use shouwang_node::engine::Engine;
use shouwang_node::identity::grant::Role;
use shouwang_node::store::StoreRead;
use shouwang_node::sync::Now;

use super::{CORRECTED, Done, People, elders, today};
use crate::check::Fact;

/// What everybody in a village gets in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Round {
    /// A visit.
    Visits,
    /// A review of the whole file.
    Survey,
}

impl People {
    /// What is next in the calendar at this node.
    pub fn goes_round(
        &mut self,
        engine: &mut Engine,
        now: Now,
        random: &mut ChaCha8Rng,
        survey: bool,
    ) -> Done {
        if let Err(error) = engine.settle(now) {
            return Done { facts: Vec::new(), error: Some(error.into()) };
        }
        let top = engine.area().0;
        let dice = random.random_range(0..1_000);
        match (engine.grant().role, top.level()) {
            _ if self.has_ledger(top) => self.imports(engine, now),
            (Role::Helper, _) => self.visits_next(engine, now, random),
            (Role::Provider, _) => self.serves(engine, now, random),
            (_, Level::Village) if survey => match dice {
                0..700 => self.reviews_next(engine, now, random),
                700..900 => self.corrects_next(engine, now, random),
                _ => self.visits_next(engine, now, random),
            },
            (_, Level::Village) => match dice {
                0..700 => self.visits_next(engine, now, random),
                700..740 => self.takes_back(engine, now, random),
                740..850 => self.reports(engine, now, random),
                850..980 => self.corrects(engine, now, random),
                _ => self.opens_a_file(engine, now),
            },
            (_, Level::Township) => match dice {
                0..600 => self.corrects(engine, now, random),
                600..700 => self.imports_again(engine, now, random),
                700..985 => self.visits(engine, now, random),
                _ => self.opens_a_file(engine, now),
            },
            _ => match dice {
                0..500 => self.corrects(engine, now, random),
                500..515 => self.erases(engine, now, random),
                515..950 => self.certifies(engine, now, random),
                _ => self.names_a_place(engine, now, random),
            },
        }
    }

    /// Whoever is next in the round of a village; those whose files have gone meanwhile are left out.
    fn next_of(
        &mut self,
        round: Round,
        engine: &Engine,
        random: &mut ChaCha8Rng,
    ) -> Option<(DivisionCode, ElderId)> {
        let waiting = self.rounds.entry((engine.area().0, round)).or_default();
        let snapshot = engine.read().ok()?;
        loop {
            if let Some((scope, elder)) = waiting.pop() {
                if matches!(snapshot.elder(scope, elder), Ok(Some(_))) {
                    return Some((scope, elder));
                }
                continue;
            }
            *waiting = elders(engine, engine.area());
            if waiting.is_empty() {
                return None;
            }
            waiting.shuffle(random);
        }
    }

    fn visits_next(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let Some((scope, elder)) = self.next_of(Round::Visits, engine, random) else {
            return Done::nothing();
        };
        self.serial += 1;
        let note = format!("走访{}", self.serial);
        let visitor = Some("王会计".into());
        let visit = Visit { visitor, note: Some(note.clone()), ..Visit::on(today(now)) };
        let result = VisitAdd { elder: elder.to_string(), visit }.execute(engine, now);
        Done { facts: vec![Fact::Visit(scope, elder, note)], error: result.err() }
    }

    fn reviews_next(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let Some((scope, elder)) = self.next_of(Round::Survey, engine, random) else {
            return Done::nothing();
        };
        self.serial += 1;
        let words = format!("季度更新{}", self.serial);
        let review = Review {
            date: today(now),
            outcome: ReviewOutcome::Changed,
            reviewer: Some("王会计".into()),
            note: Some(words.clone()),
        };
        let record = Record { elder: elder.to_string(), events: vec![FileEvent::Review(review)] };
        let error = record.execute(engine, now).err();
        Done { facts: vec![Fact::Event(scope, elder, words)], error }
    }

    fn corrects_next(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let Some((scope, elder)) = self.next_of(Round::Survey, engine, random) else {
            return Done::nothing();
        };
        let field = CORRECTED[random.random_range(0..CORRECTED.len())];
        self.sets(engine, now, scope, elder, field)
    }

    /// Who is still to be visited in this round.
    pub fn still_to_visit(&self, village: DivisionCode) -> BTreeSet<ElderId> {
        let waiting = self.rounds.get(&(village, Round::Visits));
        waiting.into_iter().flatten().map(|(_, elder)| *elder).collect()
    }
}
