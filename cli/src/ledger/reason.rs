//! Why a row or a cell did not come in as it stands.

use std::fmt;

use serde::Serialize;

use super::limits::DETAIL_CHARS_MAX;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $code:literal $chinese:literal,)+) => {
        /// A machine code for what is wrong with a row or a cell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            /// Every reason, so that tests can ask whether the catalogues know them all.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code, the same as in JSON; catalogues translate it.
            pub(crate) fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// What the column 退回原因 of a returned ledger says.
            pub(crate) fn chinese(self) -> &'static str {
                match self { $(Self::$name => $chinese),+ }
            }
        }
    };
}

reasons! {
    // Rows that say nothing of an elder.
    /// Nothing in the row, or no more than a running number.
    BlankRow "blank_row" "空行",
    /// 合计 and the like.
    TotalRow "total_row" "合计行",
    /// The header again, as printed sheets repeat it.
    HeaderRow "header_row" "重复的表头",
    /// Who filled the form in, and other notes below the table.
    NoteRow "note_row" "填表说明",
    /// An elder that an earlier row of the file already names. The detail is the number of that
    /// row, and the columns in which this one says something else.
    RepeatedRow "repeated_row" "重复的行",

    // Rows that cannot become a file.
    /// No name of a person.
    MissingName "missing_name" "缺少姓名",
    /// No village of this name is known.
    UnknownVillage "unknown_village" "无法识别的村",
    /// The village lies outside the area that is imported.
    VillageOutsideArea "village_outside_area" "不在本辖区内的村",
    /// Several villages have this name.
    AmbiguousVillage "ambiguous_village" "有同名的村，请写明乡镇",

    // Resident IDs.
    /// The cell is blank.
    IdMissing "id_missing" "缺少身份证号码",
    /// Not 18 characters.
    IdLength "id_length" "身份证号码位数不对",
    /// Something other than digits (and X at the end).
    IdCharacter "id_character" "身份证号码含有其他字符",
    /// The birth date inside it is no date.
    IdBirthDate "id_birth_date" "身份证号码中的出生日期不对",
    /// The check character is wrong.
    IdChecksum "id_checksum" "身份证号码校验位不对",
    /// Kept by the spreadsheet as a number, which loses its last digits.
    IdAsNumber "id_as_number" "身份证号码被存成数字，末几位已丢失",
    /// The stated birth date is not the one inside the valid number, which was taken.
    IdConflictsWithBirthDate "id_conflicts_with_birth_date" "出生日期与身份证号码不符",
    /// The stated sex is not the one inside the valid number, which was taken.
    IdConflictsWithSex "id_conflicts_with_sex" "性别与身份证号码不符",

    // Other cells.
    /// A date that cannot be read.
    UnreadableDate "unreadable_date" "无法识别的日期",
    /// A year, or a year and a month, where a day is needed.
    PartialDate "partial_date" "日期不完整",
    /// A word that is not in the field's vocabulary.
    UnknownValue "unknown_value" "无法识别的内容",
    /// Longer than the field; free text was cut, anything else left out.
    ValueTooLong "value_too_long" "内容过长",
    /// A formula where a value is needed.
    FormulaCell "formula_cell" "公式不予计算",
    /// A cell in which the spreadsheet itself shows an error.
    ErrorCell "error_cell" "单元格出错",
    /// A place that cannot be found.
    UnknownPlace "unknown_place" "无法识别的地点",
    /// The township's column names another township than the village's.
    TownshipDisagrees "township_disagrees" "乡镇与村不符",
    /// Facts of a supporter or guardian whose name is missing.
    PersonWithoutName "person_without_name" "缺少该人的姓名",
    /// The cell lists another number of things than there are supporters.
    ListLengthDiffers "list_length_differs" "项数与子女人数不符",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A cell's text as a report may repeat it: short, and without anything that could be a resident
/// ID number, which people also type into the wrong column.
pub(crate) fn detail(text: &str) -> Option<String> {
    let mut shown = String::new();
    let mut run = String::new();
    for c in text.chars().take(DETAIL_CHARS_MAX).chain(['\0']) {
        if c.is_numeric() || matches!(c, ' ' | '-' | '\u{3000}') && !run.is_empty() {
            run.push(c);
            continue;
        }
        // Phone numbers have up to 12 digits, division codes 12, old resident IDs 15.
        let digits = run.chars().filter(|c| c.is_numeric()).count();
        shown.push_str(if digits > 12 { "***" } else { &run });
        run.clear();
        shown.push(if c.is_control() { ' ' } else { c });
    }
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_json_says() {
        for reason in Reason::ALL {
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.code()));
        }
    }

    #[test]
    fn details_hold_no_resident_id() {
        for (text, shown) in [
            ("不详", Some("不详")),
            (" ", None),
            ("13377009236", Some("13377009236")),
            ("990121 19420315 0047", Some("***")),
            ("身份证９９０１２１１９４２０３１５００４７号", Some("身份证***号")),
            ("99012119420315008X", Some("***X")),
            ("一\n二", Some("一 二")),
        ] {
            assert_eq!(detail(text).as_deref(), shown, "{text}");
        }
    }
}
