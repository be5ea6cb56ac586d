//! What the measuring process and a side say to each other over the side's input and output.

use std::io::{self, Read, Write};

/// What a side is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// A connection to the other side is open.
    Connect,
    /// Frames came in.
    Deliver(Vec<Vec<u8>>),
    /// The visits at the end of the year come to this side, from the devices that wrote them.
    Visit,
    /// From now on count.
    Begin,
    /// So much time has passed, ms.
    Wake(u64),
    /// Say what it came to, keep what has to be kept, and end.
    Finish,
}

/// What a side answers to every order but the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Frames for the other side.
    pub(crate) frames: Vec<Vec<u8>>,
    /// Whether the exchange is complete as this side sees it.
    pub(crate) is_done: bool,
}

impl Order {
    /// Writes it.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Connect => to.write_all(b"C")?,
            Self::Deliver(frames) => {
                to.write_all(b"D")?;
                write_frames(to, frames)?;
            }
            Self::Visit => to.write_all(b"V")?,
            Self::Begin => to.write_all(b"B")?,
            Self::Wake(ms) => {
                to.write_all(b"W")?;
                to.write_all(&ms.to_be_bytes())?;
            }
            Self::Finish => to.write_all(b"F")?,
        }
        to.flush()
    }

    /// Reads one.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        Ok(match read_array::<1>(from)? {
            [b'C'] => Self::Connect,
            [b'D'] => Self::Deliver(read_frames(from)?),
            [b'V'] => Self::Visit,
            [b'B'] => Self::Begin,
            [b'W'] => Self::Wake(u64::from_be_bytes(read_array(from)?)),
            [b'F'] => Self::Finish,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
}

impl Answer {
    /// Writes it.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&[u8::from(self.is_done)])?;
        write_frames(to, &self.frames)?;
        to.flush()
    }

    /// Reads one.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let [done] = read_array(from)?;
        Ok(Self { frames: read_frames(from)?, is_done: done != 0 })
    }
}

fn write_frames(to: &mut impl Write, frames: &[Vec<u8>]) -> io::Result<()> {
    to.write_all(&(frames.len() as u32).to_be_bytes())?;
    for frame in frames {
        to.write_all(&(frame.len() as u32).to_be_bytes())?;
        to.write_all(frame)?;
    }
    Ok(())
}

fn read_frames(from: &mut impl Read) -> io::Result<Vec<Vec<u8>>> {
    let count = u32::from_be_bytes(read_array(from)?);
    (0..count)
        .map(|_| {
            let length = u32::from_be_bytes(read_array(from)?);
            let mut frame = vec![0; length as usize];
            from.read_exact(&mut frame)?;
            Ok(frame)
        })
        .collect()
}

fn read_array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_answers_read_back() {
        let frames = vec![vec![], vec![1, 2, 3], vec![0; 70_000]];
        let orders = [
            Order::Connect,
            Order::Deliver(frames.clone()),
            Order::Visit,
            Order::Begin,
            Order::Wake(5_000),
            Order::Finish,
        ];
        let mut bytes = Vec::new();
        orders.iter().for_each(|order| order.write(&mut bytes).unwrap());
        let answer = Answer { frames, is_done: true };
        answer.write(&mut bytes).unwrap();
        let mut rest = bytes.as_slice();
        assert!(orders.iter().all(|order| Order::read(&mut rest).unwrap() == *order));
        assert_eq!(Answer::read(&mut rest).unwrap(), answer);
        assert!(rest.is_empty());
    }
}
