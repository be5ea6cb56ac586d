//! A cell as it stands in a file, before anybody asks what it means.

use chrono::NaiveDate;

/// What a cell holds. Formulas are data: they are kept and never evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Nothing.
    Empty,
    /// Text as typed.
    Text(String),
    /// A number, also a date that the spreadsheet does not show as one.
    Number(f64),
    /// A date.
    Date(NaiveDate),
    /// Yes or no.
    Bool(bool),
    /// A formula with its `=`.
    Formula(String),
    /// An error that the spreadsheet shows, for example `#REF!`.
    Error(String),
}

/// Numbers from here on have lost digits, or may have.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

impl Cell {
    /// Whether a person sees nothing.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.chars().all(is_blank),
            _ => false,
        }
    }

    /// The cell as a text, the same whether a value was typed as text or as a number.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Formula(text) | Self::Error(text) => text.clone(),
            Self::Number(number) => number_text(*number),
            Self::Date(date) => date.to_string(),
            Self::Bool(true) => "TRUE".to_owned(),
            Self::Bool(false) => "FALSE".to_owned(),
        }
    }

    /// The formula, if this is one. A text that begins with `=` is one too: that is how a CSV
    /// file, and a spreadsheet written by a program, has it.
    pub(crate) fn formula(&self) -> Option<&str> {
        match self {
            Self::Formula(text) => Some(text),
            Self::Text(text) if text.starts_with('=') => Some(text),
            _ => None,
        }
    }

    /// Takes off what people add to make a spreadsheet keep digits as text: `="0123"`, and an
    /// apostrophe before something that would otherwise be a formula.
    pub(crate) fn unquoted(self) -> Self {
        match self {
            Self::Text(text) | Self::Formula(text) if is_quoted_digits(&text) => {
                Self::Text(text.trim_matches(|c| c == '=' || c == '"').to_owned())
            }
            Self::Text(text) => match text.strip_prefix('\'') {
                Some(rest) if is_guarded(rest) => Self::Text(rest.to_owned()),
                _ => Self::Text(text),
            },
            other => other,
        }
    }
}

/// White space, and the invisible characters that copying from chat programs leaves behind.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

/// What a spreadsheet takes for the beginning of a formula, in either width.
const FORMULA: [char; 9] = ['=', '+', '-', '@', '\t', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet that opens this in a text file would evaluate it.
pub(crate) fn is_evaluated(text: &str) -> bool {
    text.starts_with(FORMULA)
}

/// The text with an apostrophe before it, if a spreadsheet that opens it in a text file would
/// evaluate it, round it or take off its leading zeros. [`Cell::unquoted`] takes the apostrophe
/// off again.
pub(crate) fn guarded(text: &str) -> String {
    let digits = text.len() > 11 || (text.starts_with('0') && text.len() > 1);
    let rounded = digits && is_digits(text);
    match rounded || is_evaluated(text) || is_altered(text) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

/// The text as it goes into a cell of a workbook that says itself that it is text.
pub(crate) fn kept(text: &str) -> String {
    if is_altered(text) { format!("'{text}") } else { text.to_owned() }
}

/// Whether reading would take something off.
fn is_altered(text: &str) -> bool {
    is_quoted_digits(text) || text.strip_prefix('\'').is_some_and(is_guarded)
}

fn is_guarded(rest: &str) -> bool {
    let inner = rest.trim_start_matches('\'');
    is_evaluated(inner) || is_digits(inner)
}

fn is_digits(text: &str) -> bool {
    let digits = text.strip_suffix(['X', 'x']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_quoted_digits(text: &str) -> bool {
    text.strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .is_some_and(|digits| digits.chars().all(|c| c.is_alphanumeric()))
}

fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < EXACT_MAX * 1e6 {
        format!("{number:.0}")
    } else {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_like_typed_text() {
        for (number, text) in [
            (13_652_832_945.0, "13652832945"),
            (2023.9, "2023.9"),
            (-0.5, "-0.5"),
            (990_121_194_802_119_834.0, "990121194802119808"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Cell::Number(number).text(), text);
        }
    }

    #[test]
    fn quoting_for_the_spreadsheet_comes_off() {
        for (quoted, text) in [
            ("=\"0123X\"", "0123X"),
            ("'=1+1", "=1+1"),
            ("=\"a\"&\"b\"", "=\"a\"&\"b\""),
            ("'990121194802119834", "990121194802119834"),
            ("'99012119420315008X", "99012119420315008X"),
            ("''0831", "'0831"),
            ("'周", "'周"),
            ("'", "'"),
        ] {
            assert_eq!(Cell::Text(quoted.into()).unquoted(), Cell::Text(text.into()));
        }
    }

    #[test]
    fn a_guard_comes_off_again_and_nothing_else_does() {
        for text in
            ["", "周", "=1+1", "'=1", "''=1", "-5", "@a", "＝1", "0831", "138", "'0831", "=\"01\""]
        {
            for written in [guarded(text), kept(text)] {
                let read = Cell::Text(written).unquoted();
                assert_eq!(read, Cell::Text(text.into()), "{text}");
            }
            assert!(!is_evaluated(&guarded(text)), "{text}");
        }
    }
}
