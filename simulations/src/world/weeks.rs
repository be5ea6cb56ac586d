//! The county's calendar at work: who does how much when, and when villages are linked.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::index;
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_node::identity::grant::Role;

use super::calendar::{self, SURVEY_FASTER};
use super::{Calendar, DAY, Event, LinkNumber, MINUTE, Node, SECOND, World};
use crate::check::Violation;
use crate::network::exponential;

/// Of what a clerk does so many in ten are visits of the round.
const VISITS_IN_TEN: u64 = 7;

/// Things that an office does in a round: some six a working day.
const OFFICE_PER_ROUND: u64 = 156;

/// Mean time between two pieces of a ledger that somebody imports, working time, ms.
const IMPORT_EVERY_MS: u64 = 2 * MINUTE;

/// How long somebody stays at most after the day's work, and comes at most before the next, ms.
const STAYS_MS: u64 = 90 * MINUTE;
const COMES_EARLY_MS: u64 = 30 * MINUTE;

impl World {
    /// How much is to be done at each node in a round.
    pub(super) fn plans_rounds(&mut self, elders: &BTreeMap<DivisionCode, u32>) {
        for state in &mut self.nodes {
            let here = elders.range(state.area..=state.area.range().1);
            let here = here.map(|(_, count)| u64::from(*count)).sum::<u64>();
            let things = match (state.role, state.area.level()) {
                (Role::Helper, _) => here / 4,
                (Role::Provider, _) => here / 10,
                (_, Level::Village) => here * 10 / VISITS_IN_TEN,
                _ => OFFICE_PER_ROUND,
            };
            state.things_per_round = things.max(1);
        }
    }

    /// When somebody at a node does something next.
    pub(super) fn next_work(&mut self, node: Node, calendar: &Calendar) -> u64 {
        let state = &self.nodes[node];
        let is_village = state.area.level() == Level::Village;
        let mean = match calendar.round_works() / state.things_per_round {
            _ if self.people.has_ledger(state.area) => IMPORT_EVERY_MS,
            mean if is_village && calendar.is_survey(self.now_ms) => mean / SURVEY_FASTER,
            mean => mean,
        };
        let span = exponential(mean, &mut self.streams.people).max(SECOND);
        calendar::when_worked(calendar::worked(self.now_ms) + span)
    }

    /// Some villages are linked on market days only, and some are off line for weeks.
    pub(super) fn plans_weeks(&mut self) {
        let Some(calendar) = self.plan.calendar else { return };
        let is_clerk = |node: &Node| {
            let state = &self.nodes[*node];
            state.area.level() == Level::Village && state.role == Role::Clerk
        };
        let villages: Vec<Node> = (0..self.nodes.len()).filter(is_clerk).collect();
        for (number, village) in (0..).zip(&villages) {
            let percent = calendar.market_percent.min(100);
            if self.streams.network.random_ratio(percent, 100) {
                self.closes(*village, Some(number));
            }
        }
        for village in &villages {
            let percent = calendar.off_at_night_percent.min(100);
            if self.streams.network.random_ratio(percent, 100) {
                self.plans_evening(*village);
            }
        }
        let count = (calendar.away_villages as usize).min(villages.len());
        for at in index::sample(&mut self.streams.network, villages.len(), count) {
            let from = calendar.away_from_day * DAY;
            self.schedule(from, Event::Closes(villages[at], None));
            self.schedule(from + calendar.away_days * DAY, Event::Opens(villages[at], None));
        }
    }

    /// Some time after the day's work.
    fn plans_evening(&mut self, node: Node) {
        let late = self.streams.network.random_range(0..STAYS_MS);
        self.schedule(calendar::evening_after(self.now_ms) + late, Event::Evening(node));
    }

    /// Somebody switches a machine off, until shortly before the next day's work.
    pub(super) fn evening(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        let early = self.streams.network.random_range(0..COMES_EARLY_MS);
        let morning = calendar::when_worked(calendar::worked(self.now_ms)) - early;
        self.engine_does(node, |engine, now| Ok(engine.flush_peers(now)?))?;
        if self.nodes[node].engine.is_some() {
            self.ends(node, "evening", morning.saturating_sub(self.now_ms));
            self.nodes[node].ended_well = true;
        }
        let at = calendar::evening_after(morning + COMES_EARLY_MS);
        let late = self.streams.network.random_range(0..STAYS_MS);
        self.schedule(at + late, Event::Evening(node));
        Ok(())
    }

    /// A village has its links again: for the hours of a market, given by its number, or for good.
    pub(super) fn opens(&mut self, village: Node, market: Option<u64>) {
        if self.calm {
            return;
        }
        self.note("opens", &[village as u64]);
        for link in self.links_out_of(village) {
            self.heal(link);
        }
        if let (Some(number), Some(calendar)) = (market, self.plan.calendar) {
            let until = self.now_ms + calendar.market_lasts_ms();
            self.schedule(until, Event::Closes(village, Some(number)));
        }
    }

    /// A village has no link out: until its next market, or for weeks.
    pub(super) fn closes(&mut self, village: Node, market: Option<u64>) {
        if self.calm {
            return;
        }
        self.note("closes", &[village as u64]);
        if market.is_none() {
            self.fault("away");
        }
        for link in self.links_out_of(village) {
            self.partition(link);
        }
        if let (Some(number), Some(calendar)) = (market, self.plan.calendar) {
            let from = calendar.market_after(self.now_ms, number);
            self.schedule(from, Event::Opens(village, Some(number)));
        }
    }

    /// The links of a village's devices to other places.
    fn links_out_of(&self, village: Node) -> Vec<LinkNumber> {
        let area = self.nodes[village].area;
        let is_out = |link: &LinkNumber| {
            let places = self.links[*link].ends.map(|end| self.nodes[end].area);
            places.contains(&area) && places != [area; 2]
        };
        let here = self.nodes.iter().filter(|state| state.area == area);
        here.flat_map(|state| state.links.iter().copied()).filter(is_out).collect()
    }
}
