//! Letting a device into the mesh, and where to find peers.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};

use super::revoke::read_root;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::identity::grant::{Grant, GrantId, Quota, Role};
use crate::identity::{DeviceId, token};
use crate::limits::FALLBACK_ADDRESSES_MAX;
use crate::setup;
use crate::store::{StoreError, StoreRead};
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
    /// Whether the grant takes the place of those that the device has: they are revoked, and it
    /// begins anew under this one.
    #[serde(default)]
    pub replace: bool,
    /// The root's secret as `init` printed it, where the root grants instead of this device.
    #[serde(default)]
    pub root: Option<String>,
    /// The most that the device may put into the mesh, body bytes; the usual quota where it is not
    /// said.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
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
        let root = self.root.as_deref().map(read_root).transpose()?;
        // The root may grant anywhere; this node can carry it only where it takes part.
        if root.is_some() && !engine.area().touches(self.area) {
            return Err(CommandError::new(ErrorKind::Refused, "outside_area", "not in our area")
                .with("scope", self.area));
        }
        let by = if root.is_some() { engine.authority().mesh() } else { engine.grant_id() };
        let depth = engine.authority().grant(&by).map_or(0, |grant| grant.depth);
        let standing: Vec<GrantId> =
            engine.authority().standing_grants_of(request.device).map(|(id, _)| *id).collect();
        if !standing.is_empty() && !self.replace {
            return Err(CommandError::new(
                ErrorKind::Refused,
                "device_granted",
                "the device has a grant already",
            ));
        }
        let serial = engine.read()?.meta_number("grant_serial")? + 1;
        let grant = Grant {
            subject: request.device,
            sealing_key: request.sealing_key,
            name: self.name.trim().to_owned(),
            area: Area(self.area),
            role: self.role,
            rights: self.role.rights(),
            quota: Quota {
                bytes: self.quota_bytes.unwrap_or(Quota::DEFAULT.bytes),
                ..Quota::DEFAULT
            },
            depth: depth.saturating_add(1),
            issuer: Some(by),
            serial: u32::try_from(serial).unwrap_or(u32::MAX),
            written_at_ms: now.wall_ms,
        };
        engine.set_meta("grant_serial", &serial.to_be_bytes())?;
        let signed = engine.issue(now, grant, &standing, root.as_ref())?;
        let mut addresses = self.addresses;
        addresses.extend(far(engine.listening().to_vec()));
        addresses.dedup();
        // Whoever grants from a machine with many networks still writes an invite that reads.
        addresses.truncate(token::ADDRESSES_MAX);
        let chain = engine.authority().chain(&signed.id());
        let fallback = fallback(engine, self.area)?;
        Ok(Granted {
            schema_version: JSON_SCHEMA_VERSION,
            device: request.device,
            fingerprint: request.device.fingerprint(),
            invite: token::Invite { chain, addresses, fallback }.to_text(),
        })
    }
}

/// Without those of this machine, unless there are no others: then all is on this machine.
fn far(addresses: Vec<String>) -> Vec<String> {
    let is_near = |address: &String| address.contains("/127.0.0.1/") || address.contains("/::1/");
    let (near, far): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_near);
    if far.is_empty() { near } else { far }
}

/// Where devices above this one were reached, for a device that acts below it. One that acts in this
/// very area gets addresses of the same office, and finds those above by them.
fn fallback(engine: &Engine, area: DivisionCode) -> Result<Vec<String>, StoreError> {
    if area == engine.area().0 {
        return Ok(Vec::new());
    }
    let reached = setup::reached(&engine.read()?)?.into_iter();
    let above = reached.filter(|(device, _)| engine.is_above(*device));
    let mut addresses = far(above.map(|(_, address)| address).collect());
    addresses.truncate(FALLBACK_ADDRESSES_MAX);
    Ok(addresses)
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
