//! Frames on a substream: a length, and so many bytes.

use std::io;

use futures::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::outbox::Waiting;
use super::{Ending, Notice, Substream};
use crate::identity::DeviceId;
use crate::limits::{FRAME_BYTES_MAX, PROMPT_BYTES};
use crate::sync::PeerError;
use crate::sync::wire::Frame;

/// Reads frames: a LEB128 length and so many bytes.
pub(super) async fn read(
    (peer, substream): (DeviceId, Substream),
    reader: impl futures::AsyncRead + Unpin,
    notices: &mpsc::Sender<Notice>,
    ending: &mut Ending,
) -> io::Result<()> {
    let mut reader = futures::io::BufReader::new(reader);
    let gone = |_| io::Error::other("the node is shutting down");
    let last_words = Frame::Close(PeerError::Replaced.code()).encode();
    loop {
        let mut length = 0u64;
        for at in 0.. {
            let mut byte = [0];
            reader.read_exact(&mut byte).await?;
            length |= u64::from(byte[0] & 0x7f) << (7 * at);
            if byte[0] & 0x80 == 0 {
                break;
            }
            if at == 4 {
                length = u64::MAX;
                break;
            }
        }
        if length > FRAME_BYTES_MAX as u64 {
            let notice = Notice::Oversized(peer, substream, length);
            notices.send(notice).await.map_err(gone)?;
            // The engine hangs up, and says why: until then the substream has to stand.
            return std::future::pending().await;
        }
        let mut frame = vec![0; length as usize];
        reader.read_exact(&mut frame).await?;
        // The end may be seen here before the engine has read the reason.
        if frame == last_words {
            *ending = Ending::Replaced;
        }
        notices.send(Notice::Frame(peer, substream, frame)).await.map_err(gone)?;
    }
}

/// Writes frames, small ones together where they wait together. Ends when the substream was given up, with
/// everything written that was handed over before.
pub(super) async fn write(
    mut writer: impl futures::AsyncWrite + Unpin,
    mut frames: Waiting,
) -> io::Result<()> {
    loop {
        let Some(first) = frames.next().await else { return writer.close().await };
        let mut piece = framed(&first);
        while piece.len() < PROMPT_BYTES
            && let Some(frame) = frames.try_next()
        {
            piece.extend(framed(&frame));
        }
        writer.write_all(&piece).await?;
        writer.flush().await?;
    }
}

/// A frame with its length before it.
fn framed(frame: &[u8]) -> Vec<u8> {
    let mut framed = crate::codec::Writer::new().count(frame.len()).finish();
    framed.extend(frame);
    framed
}
