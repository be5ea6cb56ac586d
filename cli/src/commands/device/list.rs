//! `device list`: every device that is known here, and by whose grant.

use shouwang_node::command::devices::{DeviceList, DeviceReport, GrantState};

use crate::context::Context;
use crate::error::Exit;
use crate::output::{Cell, Mark, Table};

/// `device list`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    all: bool,
}

/// Lists grants: those that stand, or all.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    let report = context.node()?.call(DeviceList { all: args.all })?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    output.table(&table(&report.devices, context))?;
    Ok(Exit::Done)
}

/// Grants, one a line.
pub(crate) fn table(devices: &[DeviceReport], context: &Context) -> Table {
    let messages = &context.messages;
    let mut table =
        Table::new(messages, ["name", "device", "role", "area", "place", "granted_by", "state"]);
    let whole = context.verbose || !context.output.is_table();
    for device in devices {
        let id = match whole {
            true => device.device.to_string(),
            false => device.device.short(),
        };
        let by = device.granted_by_name.clone().or(device.granted_by.map(|by| by.short()));
        table.row([
            Cell::text(&device.name),
            Cell::text(id),
            Cell::text(messages.word("role", device.role.as_str())),
            Cell::text(device.area),
            Cell::optional(device.area_name.as_ref()),
            Cell::optional(by),
            state(device, context),
        ]);
    }
    table
}

fn state(device: &DeviceReport, context: &Context) -> Cell {
    let messages = &context.messages;
    match (device.state, device.revoked_because) {
        (GrantState::Stands, _) if device.own => {
            Cell::state(Mark::Good, messages.text("grant-own"))
        }
        (GrantState::Stands, _) => Cell::state(Mark::Good, messages.text("grant-stands")),
        (GrantState::Revoked, Some(reason)) => {
            Cell::state(Mark::Bad, messages.word("revocation-reason", reason.as_str()))
        }
        (GrantState::Revoked, None) => Cell::state(Mark::Bad, messages.text("grant-revoked")),
        (GrantState::Void, _) => Cell::state(Mark::Bad, messages.text("grant-void")),
    }
}
