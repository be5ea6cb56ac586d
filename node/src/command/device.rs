//! Letting a device into the mesh, and where to find peers.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::Request;
use crate::identity::DeviceId;
use crate::identity::grant::Role;

/// Grants a device what its role allows in an area inside ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantDevice {
    /// The text that the new device's `request` printed.
    pub request: String,
    /// What screens shall call it.
    pub name: String,
    /// Where it may act.
    pub area: DivisionCode,
    /// What it may do.
    pub role: Role,
    /// Addresses to put into the invite, beside those that the running node listens on.
    pub addresses: Vec<String>,
}

/// The answer for the new device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The new device.
    pub device: DeviceId,
    /// What both sides compare aloud.
    pub fingerprint: String,
    /// The text for `join`.
    pub invite: String,
}

/// Remembers an address to dial.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddressAdd {
    /// A libp2p multiaddress, `/ip4/…/tcp/…`.
    pub address: String,
}

/// The addresses that are remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// libp2p multiaddresses.
    pub addresses: Vec<String>,
}

impl Request for GrantDevice {
    const NAME: &'static str = "grant";
    type Reply = Granted;
}

impl Request for AddressAdd {
    const NAME: &'static str = "address_add";
    type Reply = Addresses;
}
