//! The three texts that tell people apart: names, resident ID numbers, telephone numbers.

use shouwang_crdt_schema::resident_id::{ResidentId, ResidentIdError};
use unicode_normalization::UnicodeNormalization;

use super::cell::{Cell, is_blank};
use super::reason::Reason;

/// What the resident-ID column says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum IdReading {
    /// A valid number.
    Valid(ResidentId),
    /// Something else, as written, and what is wrong with it.
    AsWritten(String, Reason),
    /// Nothing that could be a number.
    Nothing(Reason),
}

/// A whole number from here on has more digits than a spreadsheet keeps: 15.
const SPREADSHEET_DIGITS_MAX: f64 = 1e15;

/// Reads the resident-ID column.
pub(crate) fn resident_id(cell: &Cell) -> IdReading {
    if cell.formula().is_some() {
        return IdReading::Nothing(Reason::FormulaCell);
    }
    match cell {
        Cell::Error(_) => return IdReading::Nothing(Reason::ErrorCell),
        Cell::Number(number) if number.abs() >= SPREADSHEET_DIGITS_MAX => {
            return IdReading::AsWritten(cell.text(), Reason::IdAsNumber);
        }
        _ => {}
    }
    let text: String = cell
        .text()
        .nfkc()
        .filter(|c| !is_blank(*c) && !is_dash(*c))
        .filter(|c| !matches!(c, '\'' | '‘' | '’' | '`' | '"' | '“' | '”' | '′'))
        .flat_map(char::to_uppercase)
        .collect();
    if text.is_empty() || is_nothing(&text) {
        return IdReading::Nothing(Reason::IdMissing);
    }
    if is_scientific(&text) {
        return IdReading::AsWritten(text, Reason::IdAsNumber);
    }
    match ResidentId::parse(&text) {
        Ok(id) => IdReading::Valid(id),
        Err(error) => IdReading::AsWritten(
            text,
            match error {
                ResidentIdError::Length(_) => Reason::IdLength,
                ResidentIdError::Character => Reason::IdCharacter,
                ResidentIdError::BirthDate => Reason::IdBirthDate,
                ResidentIdError::Checksum => Reason::IdChecksum,
            },
        ),
    }
}

/// A person's name in its one spelling: no spaces between Han characters, one kind of dot between
/// the parts of a name from another language. None if it names nobody.
pub(crate) fn name(text: &str) -> Option<String> {
    let text: String = text
        .nfkc()
        .map(|c| match c {
            // KATAKANA, BULLET, HYPHENATION POINT, DOT OPERATOR: all typed for the same dot.
            '・' | '•' | '‧' | '∙' | '⋅' => '·',
            c if is_blank(c) => ' ',
            c => c,
        })
        .collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let han = words.iter().flat_map(|word| word.chars()).all(|c| !c.is_ascii_alphabetic());
    let name = words.join(if han { "" } else { " " });
    let known = name.chars().any(char::is_alphabetic) && !is_nothing(&name);
    known.then_some(name)
}

/// A telephone number without its spaces and dashes; anything else than a number stays as it is.
/// None if it says that there is none.
pub(crate) fn phone(text: &str) -> Option<String> {
    let plain: String = text.nfkc().collect();
    let digits: String = plain
        .chars()
        .filter(|c| !is_blank(*c) && !is_dash(*c) && !matches!(c, '\'' | '‘' | '’' | '`'))
        .collect();
    if digits.is_empty() || is_nothing(&digits) {
        return None;
    }
    let bare = digits.strip_prefix('+').unwrap_or(&digits);
    match bare.chars().all(|c| c.is_ascii_digit()) {
        true => Some(digits),
        false => {
            Some(plain.split(is_blank).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" "))
        }
    }
}

/// Free text as typed, but with one kind of digits, letters and spaces. Line breaks stay.
pub(crate) fn free_text(text: &str) -> String {
    let mut free = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => free.extend(c.nfkc()),
            '\n' => free.push(c),
            c if is_blank(c) => free.push(' '),
            c => free.push(c),
        }
    }
    free.trim().to_owned()
}

/// Whether a cell says that there is nothing to say.
pub(crate) fn is_nothing(text: &str) -> bool {
    matches!(
        text,
        "无" | "没有"
            | "暂无"
            | "不详"
            | "未知"
            | "不清楚"
            | "空"
            | "无电话"
            | "无号码"
            | "无手机"
            | "/"
            | "\\"
            | "-"
            | "--"
            | "—"
            | "——"
            | "."
            | "*"
    )
}

/// A number in scientific notation, as a spreadsheet writes long ones to CSV.
pub(crate) fn is_scientific(text: &str) -> bool {
    text.to_ascii_uppercase().split_once("E+").is_some_and(|(head, tail)| {
        head.parse::<f64>().is_ok() && !tail.is_empty() && tail.chars().all(|c| c.is_ascii_digit())
    })
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(text: &str) -> IdReading {
        resident_id(&Cell::Text(text.into()))
    }

    #[test]
    fn valid_numbers_in_every_disguise() {
        for text in [
            "99012119420315008X",
            "99012119420315008x",
            "'99012119420315008X",
            "’99012119420315008X",
            " 990121 19420315 008X",
            "990121-19420315-008X",
            "９９０１２１１９４２０３１５００８Ｘ",
            "\u{200b}99012119420315008X\n",
        ] {
            let valid =
                matches!(id_of(text), IdReading::Valid(id) if id.as_str() == "99012119420315008X");
            assert!(valid, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_kept_as_written() {
        for (text, kept, reason) in [
            ("990121194203150", "990121194203150", Reason::IdLength),
            ("990121 19420315 0048", "990121194203150048", Reason::IdChecksum),
            ("990121194213150047", "990121194213150047", Reason::IdBirthDate),
            ("99012119420315O047", "99012119420315O047", Reason::IdCharacter),
            ("9.90121E+17", "9.90121E+17", Reason::IdAsNumber),
        ] {
            assert!(id_of(text) == IdReading::AsWritten(kept.into(), reason), "{text}");
        }
        let number = Cell::Number(990_121_194_802_119_834.0);
        let kept = IdReading::AsWritten("990121194802119808".into(), Reason::IdAsNumber);
        assert!(resident_id(&number) == kept);
        for text in ["", "  ", "无", "-", "不详"] {
            assert!(id_of(text) == IdReading::Nothing(Reason::IdMissing), "{text}");
        }
        assert!(id_of("=A1") == IdReading::Nothing(Reason::FormulaCell));
    }

    #[test]
    fn names_take_their_one_spelling() {
        for (text, spelt) in [
            ("尤　水生", Some("尤水生")),
            (" 尤 水 生 ", Some("尤水生")),
            ("欧阳永贵\u{200b}", Some("欧阳永贵")),
            ("阿依古丽 ・ 买买提", Some("阿依古丽·买买提")),
            ("阿依古丽•买买提", Some("阿依古丽·买买提")),
            ("Ｍａｒｙ　 Zhou", Some("Mary Zhou")),
            ("无", None),
            ("/", None),
            ("12", None),
            ("", None),
        ] {
            assert_eq!(name(text).as_deref(), spelt, "{text}");
        }
    }

    #[test]
    fn phones_lose_spaces_and_dashes() {
        for (text, number) in [
            ("139-9911-9706", Some("13999119706")),
            ("139 6121 6761", Some("13961216761")),
            ("１３９６１２１６７６１", Some("13961216761")),
            ("+86 139 6121 6761", Some("+8613961216761")),
            ("0831－1234567", Some("08311234567")),
            ("邻居  13961216761", Some("邻居 13961216761")),
            ("无", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(phone(text).as_deref(), number, "{text}");
        }
    }

    #[test]
    fn free_text_keeps_its_punctuation() {
        for (text, free) in [
            ("糖尿病，按月取药", "糖尿病，按月取药"),
            ("２０２６年（９月）　迁入", "2026年（9月） 迁入"),
            (" 一\r\n二\u{7} ", "一\n二"),
        ] {
            assert_eq!(free_text(text), free);
        }
    }
}
