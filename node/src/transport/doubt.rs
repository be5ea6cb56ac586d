//! Connections that are tried beside one that says nothing. If such a one comes to stand while the other is
//! still silent, the other is dead and does not know it: the machine has another address by now, or
//! something on the way has forgotten it.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::AsyncRead;
use libp2p::swarm::ConnectionId;

use super::Substream;

/// How many bytes a substream has brought. A frame may take half a minute on a slow link, so it is not
/// frames that are counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<AtomicU64>);

impl Heard {
    /// Counts what is read.
    pub(super) fn over<S>(&self, inner: S) -> Listening<S> {
        Listening { inner, heard: self.clone() }
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a substream brings, counted.
pub(super) struct Listening<S> {
    inner: S,
    heard: Heard,
}

impl<S: AsyncRead + Unpin> AsyncRead for Listening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if let Poll::Ready(Ok(count)) = &read {
            self.heard.0.fetch_add(*count as u64, Ordering::Relaxed);
        }
        read
    }
}

/// All trials that are under way.
#[derive(Debug, Default)]
pub(super) struct Doubts(BTreeMap<ConnectionId, Doubt>);

/// What is in doubt.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) substream: Substream,
    heard: Heard,
    before: u64,
}

impl Doubts {
    /// A connection is tried beside a substream.
    pub(super) fn tries(&mut self, trial: ConnectionId, substream: Substream, heard: &Heard) {
        let (heard, before) = (heard.clone(), heard.so_far());
        self.0.insert(trial, Doubt { substream, heard, before });
    }

    /// What was in doubt because of which this connection was tried; it has come to stand, or to nothing.
    pub(super) fn ends(&mut self, trial: ConnectionId) -> Option<Doubt> {
        self.0.remove(&trial)
    }
}

impl Doubt {
    /// Whether the substream has brought nothing since.
    pub(super) fn still(&self) -> bool {
        self.heard.so_far() == self.before
    }
}

#[cfg(test)]
mod tests {
    use futures::AsyncReadExt;
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_part_of_a_frame_is_a_sign_of_life() {
        let (heard, mut doubts) = (Heard::default(), Doubts::default());
        let mut reader = heard.over(&[7; 9][..]);
        let (one, two) = (ConnectionId::new_unchecked(1), ConnectionId::new_unchecked(2));
        doubts.tries(one, Substream(0), &heard);
        block_on(reader.read_exact(&mut [0; 4])).unwrap();
        doubts.tries(two, Substream(0), &heard);
        assert!(!doubts.ends(one).unwrap().still());
        assert!(doubts.ends(two).unwrap().still());
        assert!(doubts.ends(one).is_none());
    }
}
