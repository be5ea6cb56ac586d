//! Two namespaces, a tun device in each, and the link between them.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tun_rs::{DeviceBuilder, SyncDevice};

use super::forwarder::{Lossy, Way};

/// Tells the namespaces of one process apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The addresses of the two ends, each alone in its namespace with the other.
pub const ADDRESSES: [&str; 2] = ["10.99.1.1", "10.99.1.2"];

/// Where `ip` keeps namespaces by name.
const NAMESPACES: &str = "/var/run/netns";

/// Two namespaces and the link between them. They are taken away with it.
pub struct Wire {
    namespaces: [Namespace; 2],
    /// From the first to the second, and back.
    pub ways: [Arc<Way>; 2],
}

struct Namespace(String);

impl Wire {
    /// Lays it.
    pub fn lay(link: Lossy, seed: u64) -> anyhow::Result<Self> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = |end: char| format!("sw{}-{number}{end}", std::process::id());
        let namespaces = [Namespace::make(name('a'))?, Namespace::make(name('b'))?];
        let [one, two] = [0, 1].map(|end| namespaces[end].device(end, link.mtu));
        let (one, two) = (Arc::new(one?), Arc::new(two?));
        let seed = link.seed(seed);
        let there = Way::begin(link, seed, one.clone(), two.clone());
        let back = Way::begin(link, link.seed(seed + 1), two, one);
        Ok(Self { namespaces, ways: [there, back] })
    }

    /// The thread goes to one end, and what it opens and whom it starts are there.
    pub fn enters(&self, end: usize) -> anyhow::Result<()> {
        let file = File::open(Path::new(NAMESPACES).join(&self.namespaces[end].0))?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(())
    }
}

impl Namespace {
    fn make(name: String) -> anyhow::Result<Self> {
        ip(&["netns", "add", &name])?;
        let made = Self(name);
        made.ip(&["link", "set", "lo", "up"])?;
        Ok(made)
    }

    /// A device that was made out here, and stays in this process's hands when it is moved in there.
    fn device(&self, end: usize, mtu: u16) -> anyhow::Result<SyncDevice> {
        let name = &self.0;
        let device = DeviceBuilder::new().name(name).inherit_enable_state().build_sync();
        let device = device.with_context(|| format!("the tun device {name}"))?;
        ip(&["link", "set", name, "netns", name])?;
        let (own, other) = (ADDRESSES[end], ADDRESSES[1 - end]);
        self.ip(&["addr", "add", own, "peer", other, "dev", name])?;
        self.ip(&["link", "set", name, "mtu", &mtu.to_string(), "up"])?;
        Ok(device)
    }

    fn ip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        ip(&[&["-n", self.0.as_str()], arguments].concat())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for way in &self.ways {
            way.end();
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Deleting the device ends whoever reads from it.
        let _ = self.ip(&["link", "del", &self.0]);
        let _ = ip(&["netns", "del", &self.0]);
    }
}

/// Why no namespaces can be made here.
pub fn missing() -> Option<String> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let probe = Namespace::make(format!("sw{}-{number}p", std::process::id()));
    let probed = probe.and_then(|probe| probe.device(0, 1_500).map(drop));
    probed.err().map(|error| format!("{error:#}"))
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments).output().context("ip")?;
    if !output.status.success() {
        bail!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
