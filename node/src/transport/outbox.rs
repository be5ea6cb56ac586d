//! What waits to be written to one substream: bounded, because a peer may not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::limits::QUEUED_BYTES_MAX;

/// Where frames are handed over.
pub(super) struct Outbox {
    frames: mpsc::UnboundedSender<Vec<u8>>,
    queued_bytes: Arc<AtomicUsize>,
}

/// Where the task that writes takes them.
pub(super) struct Waiting {
    frames: mpsc::UnboundedReceiver<Vec<u8>>,
    queued_bytes: Arc<AtomicUsize>,
}

/// More waits than any peer that reads leaves waiting.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The two ends.
pub(super) fn outbox() -> (Outbox, Waiting) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let queued_bytes = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox { frames: sender, queued_bytes: queued_bytes.clone() };
    (outbox, Waiting { frames: receiver, queued_bytes })
}

impl Outbox {
    /// Hands a frame over.
    pub(super) fn send(&self, frame: Vec<u8>) -> Result<(), Full> {
        let before = self.queued_bytes.fetch_add(frame.len(), Ordering::Relaxed);
        if before + frame.len() > QUEUED_BYTES_MAX {
            return Err(Full);
        }
        // The task that wrote is gone: the end of the substream is on its way.
        let _ = self.frames.send(frame);
        Ok(())
    }
}

impl Waiting {
    /// The next frame, if one is waiting.
    pub(super) fn try_next(&mut self) -> Option<Vec<u8>> {
        let frame = self.frames.try_recv().ok();
        self.count(frame)
    }

    /// The next frame. None once the substream was given up.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        let frame = self.frames.recv().await;
        self.count(frame)
    }

    fn count(&self, frame: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let bytes = frame.as_ref().map_or(0, Vec::len);
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_taken_is_bounded_and_what_is_taken_is_not() {
        let (outbox, mut waiting) = outbox();
        let frame = vec![7; QUEUED_BYTES_MAX / 4];
        for _ in 0..9 {
            assert_eq!(outbox.send(frame.clone()), Ok(()));
            assert_eq!(waiting.next().await.as_ref(), Some(&frame));
        }
        for _ in 0..4 {
            assert_eq!(outbox.send(frame.clone()), Ok(()));
        }
        assert_eq!(outbox.send(vec![7]), Err(Full));
        drop(outbox);
        assert_eq!(std::iter::from_fn(|| waiting.try_next()).count(), 4);
        assert_eq!(waiting.next().await, None);
    }
}
