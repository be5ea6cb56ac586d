//! look
use shouwang_simulations::world::*;
fn main() {
    let plan = Plan { townships: 2, villages: 3, elders: 6, meshed: true, ..Plan::new(8) };
    let mut world = World::new(plan).unwrap();
    world.run_for(10 * HOUR).unwrap();
    println!("calm at {}", world.now_ms());
    world.calm_down().unwrap();
    for k in 0..40 {
        world.run_for(30 * SECOND).unwrap();
        println!("{} s: {} ; {:?}", (k + 1) * 30, world.unsettled().unwrap(), world.counts().hangups);
    }
}
