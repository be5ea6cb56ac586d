//! Letting a device into the mesh, and where to find peers.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::identity::grant::{Grant, Quota, Role};
use crate::identity::{DeviceId, token};
use crate::setup;
use crate::store::StoreRead;
use crate::sync::Now;

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

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Granted, CommandError> {
        let request = token::Request::from_text(&self.request).map_err(|error| {
            CommandError::new(ErrorKind::Usage, "bad_request_token", error).with("detail", error)
        })?;
        setup::check_name(&self.name)
            .map_err(|error| CommandError::new(ErrorKind::Usage, "bad_name", error))?;
        let serial = engine.read()?.meta_number("grant_serial")? + 1;
        let grant = Grant {
            subject: request.device,
            sealing_key: request.sealing_key,
            name: self.name.trim().to_owned(),
            area: Area(self.area),
            role: self.role,
            rights: self.role.rights(),
            quota: Quota::DEFAULT,
            depth: engine.grant().depth.saturating_add(1),
            issuer: Some(engine.grant_id()),
            serial: u32::try_from(serial).unwrap_or(u32::MAX),
            written_at_ms: now.wall_ms,
        };
        engine.set_meta("grant_serial", &serial.to_be_bytes())?;
        let signed = engine.issue(now, grant)?;
        let mut addresses = self.addresses;
        let near = |address: &&String| address.contains("/127.0.0.1/") || address.contains("/::1/");
        let listening = engine.listening();
        let far: Vec<_> = listening.iter().filter(|address| !near(address)).cloned().collect();
        addresses.extend(if far.is_empty() { listening.to_vec() } else { far });
        addresses.dedup();
        let chain = engine.authority().chain(&signed.id());
        Ok(Granted {
            schema_version: JSON_SCHEMA_VERSION,
            device: request.device,
            fingerprint: request.device.fingerprint(),
            invite: token::Invite { chain, addresses }.to_text(),
        })
    }
}

impl Request for AddressAdd {
    const NAME: &'static str = "address_add";
    type Reply = Addresses;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<Addresses, CommandError> {
        let mut addresses = setup::addresses(&engine.read()?)?;
        if !addresses.contains(&self.address) {
            addresses.push(self.address);
            let json = serde_json::to_vec(&addresses)
                .map_err(|error| CommandError::new(ErrorKind::Failed, "store_failed", error))?;
            engine.set_meta("addresses", &json)?;
        }
        Ok(Addresses { schema_version: JSON_SCHEMA_VERSION, addresses })
    }
}
