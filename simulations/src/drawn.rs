//! Counties drawn from a seed: no two of a sweep are alike.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::DivisionCode;

use crate::areas::Areas;
use crate::world::{Calendar, DAY, Faults, HOUR, MINUTE, Plan};

/// The stream of random numbers that draws plans; a world has others.
const STREAM: u64 = 100;

/// A little county of its own shape, with its own kinds of work and faults, and hours of field work for
/// it: many where there is a calendar, few where something goes on all the time.
pub fn drawn(seed: u64) -> (Plan, u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(STREAM);
    let random = &mut random;
    let places = places(random);
    let villages = Areas::of(&places).map_or(1, |areas| areas.villages().count() as u32);
    let calendar = random.random_bool(0.3).then(|| calendar(random));
    let hours = match calendar {
        Some(_) => random.random_range(20..72),
        None => random.random_range(2..7),
    };
    let plan = Plan {
        places,
        elders: villages * random.random_range(0..8),
        meshed: random.random_bool(0.3),
        moves: random.random_bool(0.4),
        sticks: random.random_bool(0.3),
        budgets: random.random_bool(0.25),
        plainly: random.random_bool(0.5),
        work_every_ms: random.random_range(2..12) * MINUTE,
        calendar,
        stick_every_ms: random.random_range(20..120) * MINUTE,
        faults: faults(random),
        mixed: random.random_bool(0.3),
        ..Plan::new(seed)
    };
    (plan, hours)
}

/// One to three townships, each with up to four villages.
fn places(random: &mut ChaCha8Rng) -> Vec<DivisionCode> {
    let townships = random.random_range(1..=3);
    let Ok(areas) = Areas::made_up(townships, 4) else { return Vec::new() };
    let mut places = Vec::new();
    for (number, (township, villages)) in areas.townships.iter().enumerate() {
        // Somebody lives in the first, and where there are many townships they are small.
        let most = if townships > 2 { 2 } else { 4 };
        let count = random.random_range(usize::from(number == 0)..=most);
        places.push(*township);
        places.extend(villages.iter().take(count));
    }
    places
}

fn calendar(random: &mut ChaCha8Rng) -> Calendar {
    Calendar {
        // A round of days, so that there is something to do.
        round_days: random.random_range(1..6),
        survey_from_week: random.random_range(0..2),
        survey_every_weeks: 13,
        market_percent: [0, 30, 60][random.random_range(0..3)],
        market_every_days: random.random_range(1..4),
        off_at_night_percent: [0, 50, 100][random.random_range(0..3)],
        away_villages: random.random_range(0..3),
        away_from_day: random.random_range(0..2),
        away_days: random.random_range(1..3),
    }
}

fn faults(random: &mut ChaCha8Rng) -> Faults {
    let mut some = |usual: Option<u64>| {
        let factor = [0.5, 1.0, 2.0, 4.0][random.random_range(0..4)];
        usual.filter(|_| random.random_bool(0.7)).map(|every| (every as f64 * factor) as u64)
    };
    let all = Faults::ALL;
    Faults {
        partition_every_ms: some(all.partition_every_ms),
        power_loss_every_ms: some(all.power_loss_every_ms),
        kill_every_ms: some(all.kill_every_ms),
        disk_error_every_ms: some(all.disk_error_every_ms),
        restore_every_ms: some(all.restore_every_ms),
        clone_every_ms: some(Some(DAY)),
        malice_every_ms: some(all.malice_every_ms),
        rot_every_ms: some(all.rot_every_ms),
        clock_jump_every_ms: some(all.clock_jump_every_ms),
        one_way_every_ms: some(all.one_way_every_ms),
        replay_every_ms: some(all.replay_every_ms),
        slow_disk_every_ms: some(all.slow_disk_every_ms),
        poor_links: random.random_bool(0.8),
        partition_lasts_ms: random.random_range(5 * MINUTE..2 * HOUR),
        wrong_clocks: random.random_bool(0.7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_drawn_from_the_seed_and_differ() {
        let plans: Vec<String> =
            (0..200).map(|seed| serde_json::to_string(&drawn(seed)).unwrap()).collect();
        for (seed, plan) in (0..200).zip(&plans) {
            assert_eq!(&serde_json::to_string(&drawn(seed)).unwrap(), plan);
        }
        let drawn: Vec<Plan> = (0..200).map(|seed| drawn(seed).0).collect();
        let shapes: std::collections::BTreeSet<_> =
            drawn.iter().map(|plan| plan.places.clone()).collect();
        assert!(shapes.len() > 20, "{} shapes", shapes.len());
        let kinds: [fn(&Plan) -> bool; 6] = [
            |plan| plan.moves,
            |plan| plan.sticks,
            |plan| plan.meshed,
            |plan| plan.calendar.is_some(),
            |plan| plan.faults.malice_every_ms.is_some(),
            |plan| plan.faults.rot_every_ms.is_some(),
        ];
        for has in kinds {
            let count = drawn.iter().filter(|plan| has(plan)).count();
            assert!((20..180).contains(&count), "{count}");
        }
    }

    #[test]
    fn a_plan_reads_back_as_it_was_printed() {
        for seed in 0..50 {
            let (plan, _) = drawn(seed);
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }
}
