//! A token as a QR code on the terminal, for a camera instead of a keyboard.

use fast_qr::{ECL, QRBuilder};

/// Light modules around the code, without which cameras do not find it.
const QUIET: usize = 4;

/// A token's code.
#[derive(Debug)]
pub(crate) struct Code {
    size: usize,
    dark: Vec<bool>,
}

/// How the terminal can be drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Black on white whatever the terminal's own colours are.
    Colored,
    /// Half blocks in the terminal's own colours, taken to be light on dark.
    Blocks,
    /// Two characters a module.
    Ascii,
}

impl Code {
    /// The code of a token; None where it is too long for any. In capitals the token's alphabet is
    /// one that codes have a short form for, and it reads the same.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let code = QRBuilder::new(token.to_uppercase()).ecl(ECL::L).build().ok()?;
        let size = code.size;
        let dark = (0..size)
            .flat_map(|row| code[row].iter().take(size).map(|module| module.value()))
            .collect();
        Some(Self { size, dark })
    }

    /// The code as a picture of squares, dark on light.
    pub(crate) fn svg(&self) -> String {
        let side = self.size + 2 * QUIET;
        let mut path = String::new();
        for row in 0..side {
            for column in (0..side).filter(|column| self.is_dark(row, *column)) {
                path.push_str(&format!("M{column} {row}h1v1h-1z"));
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"480\" \
             height=\"480\" shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" \
             fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
        )
    }

    /// Columns of the terminal that it takes.
    pub(crate) fn columns(&self, ink: Ink) -> usize {
        (self.size + 2 * QUIET) * if ink == Ink::Ascii { 2 } else { 1 }
    }

    fn is_dark(&self, row: usize, column: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < self.size);
        let at = inside(row).zip(inside(column)).map(|(row, column)| row * self.size + column);
        at.and_then(|at| self.dark.get(at)).copied().unwrap_or(false)
    }

    /// The lines to print.
    pub(crate) fn draw(&self, ink: Ink) -> String {
        let side = self.size + 2 * QUIET;
        let mut drawn = String::new();
        for row in (0..side).step_by(if ink == Ink::Ascii { 1 } else { 2 }) {
            if ink == Ink::Colored {
                drawn.push_str("\u{1b}[38;5;231;48;5;16m");
            }
            for column in 0..side {
                let upper = !self.is_dark(row, column);
                // Below the last row nothing is drawn.
                let lower = row + 1 < side && !self.is_dark(row + 1, column);
                drawn.push_str(match (ink, upper, lower) {
                    (Ink::Ascii, true, _) => "##",
                    (Ink::Ascii, false, _) => "  ",
                    (_, true, true) => "█",
                    (_, true, false) => "▀",
                    (_, false, true) => "▄",
                    (_, false, false) => " ",
                });
            }
            if ink == Ink::Colored {
                drawn.push_str("\u{1b}[0m");
            }
            drawn.push('\n');
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a camera would see: light where something is drawn.
    fn seen(code: &Code) -> String {
        let side = code.size + 2 * QUIET;
        let lines: Vec<Vec<char>> =
            code.draw(Ink::Blocks).lines().map(|line| line.chars().collect()).collect();
        let light = |x: usize, y: usize| match (lines[y / 2][x], y % 2) {
            ('█', _) | ('▀', 0) | ('▄', 1) => 255,
            _ => 0,
        };
        let scale = 3;
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(side * scale, side * scale, |x, y| {
                light(x / scale, y / scale)
            });
        let grids = image.detect_grids();
        grids[0].decode().unwrap().1
    }

    #[test]
    fn a_camera_reads_what_was_drawn() {
        let request = format!("swreq1{}", "qpzry9x8gf2tvdw0s3jn54khce6mua7l".repeat(4));
        let invite = format!("swinv1{}", "qpzry9x8gf2tvdw0s3jn54khce6mua7l".repeat(50));
        for token in [request, invite] {
            let code = Code::of(&token).unwrap();
            assert_eq!(seen(&code), token.to_uppercase());
            assert_eq!(
                code.draw(Ink::Ascii).lines().next().unwrap().len(),
                code.columns(Ink::Ascii)
            );
        }
    }

    #[test]
    fn what_is_too_long_has_no_code() {
        assert!(Code::of(&"q".repeat(4_296)).is_some());
        assert!(Code::of(&"q".repeat(4_297)).is_none());
    }
}
