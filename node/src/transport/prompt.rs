//! Hands on what has been written before it takes more.
//!
//! Noise encrypts as one message what is written between two flushes, up to 64 KiB, and its receiver can
//! read nothing of a message before all of it has arrived. Four packets that leave together would be
//! acknowledged together, after the last; the link then waits for that answer with nothing to carry.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};

use crate::limits::PROMPT_BYTES;

/// A connection whose messages end soon.
pub(crate) struct Prompt<S> {
    inner: S,
    /// Bytes written since it was last flushed.
    waiting: usize,
}

impl<S> Prompt<S> {
    fn new(inner: S) -> Self {
        Self { inner, waiting: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.waiting >= PROMPT_BYTES {
            ready!(self.as_mut().poll_flush(context))?;
        }
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.waiting += written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(context))?;
        self.waiting = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context)
    }
}

/// An upgrade of a connection that becomes prompt before.
#[derive(Clone)]
pub(crate) struct OverPrompt<U>(pub(crate) U);

impl<U: UpgradeInfo> UpgradeInfo for OverPrompt<U> {
    type Info = U::Info;
    type InfoIter = U::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.protocol_info()
    }
}

impl<S, U: InboundConnectionUpgrade<Prompt<S>>> InboundConnectionUpgrade<S> for OverPrompt<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_inbound(self, stream: S, info: Self::Info) -> Self::Future {
        self.0.upgrade_inbound(Prompt::new(stream), info)
    }
}

impl<S, U: OutboundConnectionUpgrade<Prompt<S>>> OutboundConnectionUpgrade<S> for OverPrompt<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_outbound(self, stream: S, info: Self::Info) -> Self::Future {
        self.0.upgrade_outbound(Prompt::new(stream), info)
    }
}

#[cfg(test)]
mod tests {
    use futures::AsyncWriteExt;
    use futures::executor::block_on;

    use super::*;

    /// Keeps what was written between two flushes as one message.
    #[derive(Default)]
    struct Messages {
        done: Vec<usize>,
        open: usize,
    }

    impl AsyncWrite for Messages {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.open += bytes.len();
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            let open = std::mem::take(&mut self.open);
            if open > 0 {
                self.done.push(open);
            }
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_flush(context)
        }
    }

    #[test]
    fn packets_go_one_by_one_and_small_things_together() {
        let mut prompt = Prompt::new(Messages::default());
        let writes = [12, PROMPT_BYTES, 12, PROMPT_BYTES + 7, 12, 20, 12, 30];
        block_on(async {
            for bytes in writes {
                prompt.write_all(&vec![7; bytes]).await.unwrap();
            }
            prompt.flush().await.unwrap();
        });
        assert_eq!(prompt.inner.done, [12 + PROMPT_BYTES, 19 + PROMPT_BYTES, 74]);
    }
}
