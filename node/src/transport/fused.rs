//! A substream that fails once and for all.
//!
//! A substream whose protocol was not agreed on (the peer does not speak it, or the link broke before it
//! said so) gives one error, and panics when it is used after that: multistream-select 0.14 takes it for
//! a fault of the caller's. Reading and writing are two tasks here, so one may not know of the other's
//! error yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};

/// After its first error it gives nothing but errors.
pub(super) struct Fused<S> {
    inner: S,
    has_failed: bool,
}

impl<S: Unpin> Fused<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, has_failed: false }
    }

    fn once<T>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        work: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.has_failed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let done = work(Pin::new(&mut self.inner), context);
        self.has_failed = matches!(done, Poll::Ready(Err(_)));
        done
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Fused<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.once(context, |inner, context| inner.poll_read(context, buffer))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Fused<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.once(context, |inner, context| inner.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.once(context, |inner, context| inner.poll_flush(context))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.once(context, |inner, context| inner.poll_close(context))
    }
}

#[cfg(test)]
mod tests {
    use futures::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// As a substream whose protocol was not agreed on.
    #[derive(Default)]
    struct NotAgreedOn {
        has_said: bool,
    }

    impl AsyncRead for NotAgreedOn {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            assert!(!std::mem::replace(&mut self.has_said, true), "used after its error");
            Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
        }
    }

    impl AsyncWrite for NotAgreedOn {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            assert!(!self.has_said, "used after its error");
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            assert!(!self.has_said, "used after its error");
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            assert!(!self.has_said, "used after its error");
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_one_half_has_failed_at_the_other_half_does_not_touch() {
        let (mut reader, mut writer) = Fused::new(NotAgreedOn::default()).split();
        writer.write_all(b"hello").await.unwrap();
        assert_eq!(reader.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(reader.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(writer.write(b"more").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(writer.close().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
