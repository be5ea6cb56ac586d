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
                Some(rest) if rest.starts_with(['=', '+', '-', '@']) => Self::Text(rest.to_owned()),
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
            ("'990121194802119834", "'990121194802119834"),
        ] {
            assert_eq!(Cell::Text(quoted.into()).unquoted(), Cell::Text(text.into()));
        }
    }
}
