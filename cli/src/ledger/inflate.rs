//! Unpacking DEFLATE (RFC 1951) up to a limit: what [`super::archive`] counts with. It is not
//! fast and need not be; it never looks further than it is told.

/// The longest code word, RFC 1951 §3.2.1.
const CODE_BITS_MAX: usize = 15;

/// Base length and extra bits of the length symbols 257 to 285, RFC 1951 §3.2.5.
#[rustfmt::skip]
const LENGTHS: [(usize, u32); 29] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1), (15, 1),
    (17, 1), (19, 2), (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3), (67, 4),
    (83, 4), (99, 4), (115, 4), (131, 5), (163, 5), (195, 5), (227, 5), (258, 0),
];

/// Base distance and extra bits of the distance symbols, RFC 1951 §3.2.5.
#[rustfmt::skip]
const DISTANCES: [(usize, u32); 30] = [
    (1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 2), (13, 2), (17, 3), (25, 3), (33, 4),
    (49, 4), (65, 5), (97, 5), (129, 6), (193, 6), (257, 7), (385, 7), (513, 8), (769, 8),
    (1025, 9), (1537, 9), (2049, 10), (3073, 10), (4097, 11), (6145, 11), (8193, 12), (12289, 12),
    (16385, 13), (24577, 13),
];

/// The order in which lengths of code-length codes are written, RFC 1951 §3.2.7.
const CODE_LENGTH_ORDER: [usize; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What was unpacked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inflated {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// How many packed ones were read for them.
    pub(crate) read: usize,
}

/// Unpacks as much as can be unpacked: data that breaks off or is wrong gives what came before.
/// None if that is more than `limit` bytes.
pub(crate) fn inflate(packed: &[u8], limit: usize) -> Option<Inflated> {
    let mut input = BitReader { bytes: packed, at: 0, held: 0, held_bits: 0 };
    let mut output = Output { bytes: Vec::new(), limit, over: false };
    while blocks(&mut input, &mut output) == Some(More::Yes) {}
    (!output.over).then_some(Inflated { bytes: output.bytes, read: input.at })
}

#[derive(PartialEq, Eq)]
enum More {
    Yes,
    No,
}

/// Reads one block. None where the data is wrong, breaks off, or passes the limit.
fn blocks(input: &mut BitReader<'_>, output: &mut Output) -> Option<More> {
    let more = if input.bits(1)? == 1 { More::No } else { More::Yes };
    match input.bits(2)? {
        0 => {
            input.skip_to_byte();
            let length = input.bits(16)?;
            if length != !input.bits(16)? & 0xffff {
                return None;
            }
            (0..length).try_for_each(|_| output.push(input.bits(8)? as u8))?;
        }
        1 => {
            let mut lengths = [8; 288];
            lengths[144..256].fill(9);
            lengths[256..280].fill(7);
            compressed(input, output, &Code::new(&lengths)?, &Code::new(&[5; 30])?)?;
        }
        2 => {
            let (literals, distances) = dynamic_codes(input)?;
            compressed(input, output, &literals, &distances)?;
        }
        _ => return None,
    }
    Some(more)
}

fn compressed(
    input: &mut BitReader<'_>,
    output: &mut Output,
    literals: &Code,
    distances: &Code,
) -> Option<()> {
    loop {
        match literals.read(input)? {
            literal @ 0..=255 => output.push(literal as u8)?,
            256 => return Some(()),
            symbol => {
                let (length, extra) = *LENGTHS.get(symbol.checked_sub(257)?)?;
                let length = length + input.bits(extra)? as usize;
                let (distance, extra) = *DISTANCES.get(distances.read(input)?)?;
                let distance = distance + input.bits(extra)? as usize;
                output.repeat(length, distance)?;
            }
        }
    }
}

fn dynamic_codes(input: &mut BitReader<'_>) -> Option<(Code, Code)> {
    let literals = input.bits(5)? as usize + 257;
    let distances = input.bits(5)? as usize + 1;
    let given = input.bits(4)? as usize + 4;
    let mut lengths = [0; 19];
    for place in CODE_LENGTH_ORDER.iter().take(given) {
        lengths[*place] = input.bits(3)? as usize;
    }
    let code = Code::new(&lengths)?;
    let mut lengths = Vec::with_capacity(literals + distances);
    while lengths.len() < literals + distances {
        let (length, times) = match code.read(input)? {
            16 => (*lengths.last()?, 3 + input.bits(2)?),
            17 => (0, 3 + input.bits(3)?),
            18 => (0, 11 + input.bits(7)?),
            length => (length, 1),
        };
        lengths.extend((0..times).map(|_| length));
    }
    let both = lengths.get(..literals + distances)?;
    Some((Code::new(both.get(..literals)?)?, Code::new(both.get(literals..)?)?))
}

/// A canonical prefix code: how many words of each length, and the symbols in order of words.
struct Code {
    counts: [usize; CODE_BITS_MAX + 1],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Option<Self> {
        let mut counts = [0; CODE_BITS_MAX + 1];
        for length in lengths {
            *counts.get_mut(*length)? += 1;
        }
        counts[0] = 0;
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|s| lengths[*s] != 0).collect();
        symbols.sort_by_key(|symbol| lengths[*symbol]);
        Some(Self { counts, symbols })
    }

    fn read(&self, input: &mut BitReader<'_>) -> Option<usize> {
        let (mut word, mut first, mut index) = (0usize, 0usize, 0usize);
        for count in self.counts.iter().skip(1) {
            word |= input.bits(1)? as usize;
            if let Some(place) = word.checked_sub(first).filter(|place| place < count) {
                return self.symbols.get(index + place).copied();
            }
            index += count;
            first = (first + count) << 1;
            word <<= 1;
        }
        None
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    held: u64,
    held_bits: u32,
}

impl BitReader<'_> {
    fn bits(&mut self, count: u32) -> Option<u32> {
        while self.held_bits < count {
            self.held |= u64::from(*self.bytes.get(self.at)?) << self.held_bits;
            self.at += 1;
            self.held_bits += 8;
        }
        let bits = self.held & ((1 << count) - 1);
        self.held >>= count;
        self.held_bits -= count;
        u32::try_from(bits).ok()
    }

    fn skip_to_byte(&mut self) {
        let spare = self.held_bits % 8;
        self.held >>= spare;
        self.held_bits -= spare;
    }
}

struct Output {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

impl Output {
    fn push(&mut self, byte: u8) -> Option<()> {
        if self.bytes.len() >= self.limit {
            self.over = true;
            return None;
        }
        self.bytes.push(byte);
        Some(())
    }

    fn repeat(&mut self, length: usize, distance: usize) -> Option<()> {
        let from = self.bytes.len().checked_sub(distance)?;
        (from..from + length).try_for_each(|at| self.push(*self.bytes.get(at)?))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn unpacked(packed: &[u8], limit: usize) -> Option<Vec<u8>> {
        inflate(packed, limit).map(|unpacked| unpacked.bytes)
    }

    /// Writes bits the way DEFLATE packs them.
    #[derive(Default)]
    pub(crate) struct Bits {
        pub(crate) bytes: Vec<u8>,
        used: usize,
    }

    impl Bits {
        fn bit(&mut self, bit: bool) {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= u8::from(bit) << (self.used % 8);
            self.used += 1;
        }

        fn number(&mut self, value: u32, bits: u32) {
            (0..bits).for_each(|at| self.bit(value >> at & 1 == 1));
        }

        fn word(&mut self, value: u32, bits: u32) {
            (0..bits).rev().for_each(|at| self.bit(value >> at & 1 == 1));
        }

        /// One byte, then `copies` copies of 258 bytes, in a block of fixed codes.
        pub(crate) fn bomb(&mut self, copies: usize) {
            self.number(1, 1);
            self.number(1, 2);
            self.word(0x30 + 0x61, 8);
            for _ in 0..copies {
                self.word(0b1100_0000 + (285 - 280), 8);
                self.word(0, 5);
            }
            self.word(0, 7);
        }
    }

    #[test]
    fn fixed_blocks_repeat() {
        let mut bits = Bits::default();
        bits.bomb(2);
        assert_eq!(unpacked(&bits.bytes, 1_000), Some(vec![b'a'; 517]));
        assert_eq!(unpacked(&bits.bytes, 516), None);
    }

    #[test]
    fn stored_blocks() {
        assert_eq!(unpacked(&[1, 2, 0, 0xfd, 0xff, b'h', b'i'], 9), Some(b"hi".to_vec()));
    }

    #[test]
    fn a_sheet_as_a_spreadsheet_program_packs_it() {
        let workbook = include_bytes!("../../../tests/data/松雾镇留守老年人台账.xlsx");
        let name = b"xl/worksheets/sheet1.xml";
        let at = workbook.windows(name.len()).position(|bytes| bytes == name).unwrap();
        let xml = unpacked(&workbook[at + name.len()..], 9_000_000).unwrap();
        let xml = String::from_utf8(xml).unwrap();
        assert!(xml.starts_with("<worksheet") && xml.ends_with("</worksheet>"));
        assert_eq!(xml.matches("<row ").count(), xml.matches("</row>").count());
        assert!(xml.contains("周国强"));
    }

    #[test]
    fn wrong_data_gives_what_came_before() {
        assert_eq!(unpacked(&[], 9), Some(vec![]));
        assert_eq!(unpacked(&[0xff; 9], 9), Some(vec![]));
        assert_eq!(unpacked(&[1, 2, 0, 0xfd, 0xff, b'h'], 9), Some(b"h".to_vec()));
    }
}
