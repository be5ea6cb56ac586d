//! What is simulated, and what goes wrong in it.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::calendar::Calendar;
use super::{DAY, HOUR, MINUTE};
use crate::areas::{Areas, AreasError};

/// What is simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Decides everything that the rest of the plan leaves open.
    pub seed: u64,
    /// Townships in the county.
    pub townships: u32,
    /// Villages in each township.
    pub villages: u32,
    /// Townships and villages of a county of another shape, in place of those that are counted above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<DivisionCode>,
    /// Counties of this shape, each a mesh of its own. Each bureau has a wrong address: the next county's.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub counties: u32,
    /// Elders in the whole county, spread over the villages' ledgers.
    pub elders: u32,
    /// Each village has a helper's device too, linked to the clerk's and to the township's, and
    /// each clerk's device is linked to the county's: the same entries come by several ways. Each
    /// township has a service firm, which writes visits and holds no files.
    pub meshed: bool,
    /// Elders move between villages.
    #[serde(default)]
    pub moves: bool,
    /// Bundles go about on sticks, and some villages and townships have no link.
    #[serde(default)]
    pub sticks: bool,
    /// Some places have so many bytes a day and no more, and now and then others.
    #[serde(default)]
    pub budgets: bool,
    /// Peers speak in plain frames, which the world reads: what a node claims of its logs is checked then.
    /// In streams only what follows from it is.
    #[serde(default)]
    pub plainly: bool,
    /// Programs of several versions: some speak in plain frames or older streams, some write what others do not
    /// know.
    #[serde(default)]
    pub mixed: bool,
    /// Mean time between two things that somebody does at one node in working hours, ms, where there is
    /// no calendar.
    pub work_every_ms: u64,
    /// When people work and at what; without one they do all kinds of things all day long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// Mean time between two bundles that somebody at one node begins, ms.
    #[serde(default = "sticks_often")]
    pub stick_every_ms: u64,
    /// What goes wrong.
    pub faults: Faults,
}

/// What goes wrong, as mean times between two such faults of one node or link, ms; None for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Links are cut, late and slow as their kind is; otherwise they are only far.
    pub poor_links: bool,
    /// A link lets nothing through for a while.
    pub partition_every_ms: Option<u64>,
    /// How long, on average.
    pub partition_lasts_ms: u64,
    /// A node loses power, half the time in the middle of a commit.
    pub power_loss_every_ms: Option<u64>,
    /// A node's program is killed.
    pub kill_every_ms: Option<u64>,
    /// A node's disk fails to write, or is full for a while.
    pub disk_error_every_ms: Option<u64>,
    /// A node's disk is backed up, and the next time put back to that.
    pub restore_every_ms: Option<u64>,
    /// A node's home is copied to a second machine; each runs when the other does not.
    pub clone_every_ms: Option<u64>,
    /// Some clocks are wrong, one of them by decades.
    pub wrong_clocks: bool,
    /// A village's device is in the wrong hands: it does something that no honest one does.
    #[serde(default)]
    pub malice_every_ms: Option<u64>,
    /// A bit of a node's disk flips at rest.
    #[serde(default)]
    pub rot_every_ms: Option<u64>,
    /// A node's wall clock jumps, to 1970, to 2099, some days or hours to and fro; its even clock goes on.
    #[serde(default)]
    pub clock_jump_every_ms: Option<u64>,
    /// A link lets nothing through in one direction for a while.
    #[serde(default)]
    pub one_way_every_ms: Option<u64>,
    /// Frames of a link arrive once more, in whatever connection there is then.
    #[serde(default)]
    pub replay_every_ms: Option<u64>,
    /// A node's commits take seconds for a while.
    #[serde(default)]
    pub slow_disk_every_ms: Option<u64>,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        poor_links: false,
        partition_every_ms: None,
        partition_lasts_ms: 0,
        power_loss_every_ms: None,
        kill_every_ms: None,
        disk_error_every_ms: None,
        restore_every_ms: None,
        clone_every_ms: None,
        wrong_clocks: false,
        malice_every_ms: None,
        rot_every_ms: None,
        clock_jump_every_ms: None,
        one_way_every_ms: None,
        replay_every_ms: None,
        slow_disk_every_ms: None,
    };

    /// Everything goes wrong, far more often than in life.
    pub const ALL: Self = Self {
        poor_links: true,
        partition_every_ms: Some(2 * HOUR),
        partition_lasts_ms: 20 * MINUTE,
        power_loss_every_ms: Some(90 * MINUTE),
        kill_every_ms: Some(3 * HOUR),
        disk_error_every_ms: Some(6 * HOUR),
        restore_every_ms: Some(2 * HOUR),
        clone_every_ms: Some(40 * HOUR),
        wrong_clocks: true,
        malice_every_ms: Some(5 * MINUTE),
        rot_every_ms: Some(8 * HOUR),
        clock_jump_every_ms: Some(3 * HOUR),
        one_way_every_ms: Some(2 * HOUR),
        replay_every_ms: Some(HOUR),
        slow_disk_every_ms: Some(2 * HOUR),
    };

    /// Everything goes wrong, as often as in life and somewhat more.
    pub const LIFE: Self = Self {
        poor_links: true,
        partition_every_ms: Some(DAY),
        partition_lasts_ms: HOUR,
        power_loss_every_ms: Some(2 * DAY),
        kill_every_ms: Some(7 * DAY),
        disk_error_every_ms: Some(30 * DAY),
        restore_every_ms: Some(30 * DAY),
        clone_every_ms: Some(2_000 * DAY),
        wrong_clocks: true,
        malice_every_ms: Some(2 * DAY),
        rot_every_ms: Some(300 * DAY),
        clock_jump_every_ms: Some(30 * DAY),
        one_way_every_ms: Some(14 * DAY),
        replay_every_ms: Some(3 * DAY),
        slow_disk_every_ms: Some(14 * DAY),
    };
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

/// Somebody writes a bundle whenever somebody else could be going.
fn sticks_often() -> u64 {
    40 * MINUTE
}

impl Plan {
    /// The county's places.
    pub fn areas(&self) -> Result<Areas, AreasError> {
        match self.places.as_slice() {
            [] => Areas::made_up(self.townships, self.villages),
            places => Areas::of(places),
        }
    }

    /// The county of an area file, as it is in life and with all that goes wrong there: field work by the
    /// calendar, moves, sticks, budgets.
    pub fn life(seed: u64, elders: u32) -> Self {
        Self {
            elders,
            moves: true,
            sticks: true,
            budgets: true,
            mixed: true,
            calendar: Some(Calendar::LIFE),
            stick_every_ms: 3 * DAY,
            faults: Faults::LIFE,
            ..Self::new(seed)
        }
    }

    /// A small county with every fault.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            townships: 2,
            villages: 2,
            places: Vec::new(),
            counties: 1,
            elders: 24,
            meshed: false,
            plainly: seed.is_multiple_of(2),
            moves: false,
            sticks: false,
            budgets: false,
            mixed: false,
            work_every_ms: 6 * MINUTE,
            calendar: None,
            stick_every_ms: sticks_often(),
            faults: Faults::ALL,
        }
    }
}
