//! Devices whose grant is taken away while they go on.

use shouwang_node::authority::RevocationReason;
use shouwang_node::command::Request;
use shouwang_node::command::revoke::DeviceRevoke;

use super::{Node, World};
use crate::check::Violation;
use crate::workload::Done;

impl World {
    /// An office takes a device's grant away. The device goes on: nobody asks it.
    pub fn revoke(&mut self, by: Node, whom: Node) -> Result<(), Violation> {
        let state = &mut self.nodes[whom];
        state.revoked = true;
        self.checker.distrust(state.machine);
        let revoke = DeviceRevoke {
            device: state.device.to_string(),
            reason: RevocationReason::Lost,
            root: None,
            personal: false,
            dry_run: false,
        };
        self.act(by, move |_, engine, now, _| Done {
            error: revoke.execute(engine, now).err(),
            ..Done::nothing()
        })
    }
}
