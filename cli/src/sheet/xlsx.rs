//! Sheets as a workbook laid out as offices expect it: a merged title, unit, reporter and date,
//! headings in two rows, a line of totals, landscape A4 with the headings on every page.

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};
use unicode_width::UnicodeWidthStr;

use super::{Filing, Heading, NOTHING, Sheet, Value, WITHHELD};
use crate::message::Messages;

/// Rows of the sheet: title, filing line, two rows of headings, and then the lines.
const TITLE_ROW: u32 = 0;
const FILING_ROW: u32 = 1;
const HEADING_ROW: u32 = 2;
const FIRST_ROW: u32 = 4;
/// Column widths, characters: a Chinese character takes two.
const WIDTH_MIN: f64 = 6.5;
const WIDTH_MAX: f64 = 40.0;
/// A line of a note, points.
const NOTE_HEIGHT: f64 = 14.0;
/// The format's highest row, points.
const HEIGHT_MAX: f64 = 409.0;
/// A4 in the list of paper sizes of the format.
const A4: u8 = 9;
/// The format's most columns, for numbers that do not fit into its type.
const COLUMN_MAX: u16 = 16_383;

/// How cells look.
struct Look {
    title: Format,
    filing: Format,
    heading: Format,
    text: Format,
    count: Format,
    rate: Format,
    date: Format,
    note: Format,
}

/// The workbook's bytes.
pub(crate) fn workbook(
    sheets: &[Sheet],
    filing: &Filing,
    messages: &Messages,
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    // No clock: the same report is the same file.
    let made = ExcelDateTime::from_ymd(2026, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    for sheet in sheets {
        write(workbook.add_worksheet(), sheet, filing, messages)?;
    }
    workbook.save_to_buffer()
}

fn write(
    page: &mut Worksheet,
    sheet: &Sheet,
    filing: &Filing,
    messages: &Messages,
) -> Result<(), XlsxError> {
    let (plain, bold) = (Look::new(false), Look::new(true));
    let last = column(sheet.columns.len().saturating_sub(1));
    page.set_name(&sheet.name)?;
    merge(page, (TITLE_ROW, 0), (TITLE_ROW, last), &sheet.title, &plain.title)?;
    page.set_row_height(TITLE_ROW, 30)?;
    filing_line(page, last, filing, &plain, messages)?;
    headings(page, &sheet.columns, &plain)?;
    let mut row = FIRST_ROW;
    for (values, look) in
        sheet.rows.iter().map(|row| (row, &plain)).chain(sheet.total.iter().map(|row| (row, &bold)))
    {
        for (at, value) in values.iter().enumerate() {
            write_value(page, row, column(at), value, look)?;
        }
        row += 1;
    }
    let widths = widths(sheet, messages);
    let across: f64 = widths.iter().sum();
    for note in &sheet.notes {
        merge(page, (row, 0), (row, last), note, &plain.note)?;
        // A merged cell does not grow with its text by itself.
        let characters = f64::from(u32::try_from(note.width()).unwrap_or(u32::MAX));
        page.set_row_height(
            row,
            (NOTE_HEIGHT * (characters / across).ceil().max(1.0)).min(HEIGHT_MAX),
        )?;
        row += 1;
    }
    for (at, width) in widths.into_iter().enumerate() {
        page.set_column_width(column(at), width)?;
    }
    page.set_freeze_panes(FIRST_ROW, 1)?;
    page.set_landscape();
    page.set_paper_size(A4);
    page.set_margins(0.4, 0.4, 0.5, 0.6, 0.3, 0.3);
    page.set_print_fit_to_pages(1, 0);
    page.set_print_center_horizontally(true);
    page.set_repeat_rows(TITLE_ROW, FIRST_ROW - 1)?;
    page.set_footer("&C&P / &N");
    Ok(())
}

/// 填报单位, 填报人 (to be filled in by hand), 填报日期.
fn filing_line(
    page: &mut Worksheet,
    last: u16,
    filing: &Filing,
    look: &Look,
    messages: &Messages,
) -> Result<(), XlsxError> {
    let unit = format!("{}{}", messages.text("filing-unit"), filing.unit);
    let by = messages.text("filing-by");
    let date = format!("{}{}", messages.text("filing-date"), filing.date);
    if last < 5 {
        let line = format!("{unit}    {by}            {date}");
        return merge(page, (FILING_ROW, 0), (FILING_ROW, last), &line, &look.filing);
    }
    let third = (last + 1) / 3;
    let cells = [(0, third - 1, unit), (third, 2 * third - 1, by), (2 * third, last, date)];
    for (from, to, text) in cells {
        merge(page, (FILING_ROW, from), (FILING_ROW, to), &text, &look.filing)?;
    }
    Ok(())
}

/// Neighbours under the same heading share a cell of the first row; a column of its own takes both.
fn headings(page: &mut Worksheet, columns: &[Heading], look: &Look) -> Result<(), XlsxError> {
    let mut at = 0;
    while let Some(heading) = columns.get(at) {
        let first = column(at);
        let Some(over) = &heading.over else {
            let (top, bottom) = ((HEADING_ROW, first), (HEADING_ROW + 1, first));
            merge(page, top, bottom, &heading.text, &look.heading)?;
            at += 1;
            continue;
        };
        let beside = columns.iter().skip(at).take_while(|next| next.over.as_ref() == Some(over));
        let count = beside.count();
        let (left, right) = ((HEADING_ROW, first), (HEADING_ROW, column(at + count - 1)));
        merge(page, left, right, over, &look.heading)?;
        for (nth, heading) in columns.iter().enumerate().skip(at).take(count) {
            page.write_string_with_format(
                HEADING_ROW + 1,
                column(nth),
                &heading.text,
                &look.heading,
            )?;
        }
        at += count;
    }
    Ok(())
}

fn write_value(
    page: &mut Worksheet,
    row: u32,
    at: u16,
    value: &Value,
    look: &Look,
) -> Result<(), XlsxError> {
    match value {
        // As a string, whatever it looks like: no text becomes a formula or a number.
        Value::Text(text) => page.write_string_with_format(row, at, text, &look.text)?,
        Value::Count(count) => {
            page.write_number_with_format(row, at, *count as f64, &look.count)?
        }
        Value::Rate(rate) => match rate.tenths_of_percent() {
            Some(tenths) => {
                page.write_number_with_format(row, at, f64::from(tenths) / 1000.0, &look.rate)?
            }
            None => page.write_string_with_format(row, at, NOTHING, &look.count)?,
        },
        Value::Date(day) => {
            let day = ExcelDateTime::parse_from_str(&day.to_string())?;
            page.write_datetime_with_format(row, at, &day, &look.date)?
        }
        Value::Withheld => page.write_string_with_format(row, at, WITHHELD, &look.count)?,
        Value::Nothing => page.write_string_with_format(row, at, NOTHING, &look.count)?,
        Value::Blank => page.write_blank(row, at, &look.text)?,
    };
    Ok(())
}

/// One text over several cells, or in one.
fn merge(
    page: &mut Worksheet,
    from: (u32, u16),
    to: (u32, u16),
    text: &str,
    format: &Format,
) -> Result<(), XlsxError> {
    match from == to {
        true => page.write_string_with_format(from.0, from.1, text, format)?,
        false => page.merge_range(from.0, from.1, to.0, to.1, text, format)?,
    };
    Ok(())
}

/// As wide as what stands in each column, headings broken in two lines if need be.
fn widths(sheet: &Sheet, messages: &Messages) -> Vec<f64> {
    let of_column = |at: usize, heading: &Heading| {
        let cells = sheet.rows.iter().chain(&sheet.total).filter_map(|row| row.get(at));
        let widest = cells.map(|value| value.to_text(messages).width()).max().unwrap_or_default();
        let heading = heading.text.width().div_ceil(2);
        let widest = u16::try_from(widest.max(heading)).unwrap_or(u16::MAX);
        (f64::from(widest) + 2.0).clamp(WIDTH_MIN, WIDTH_MAX)
    };
    sheet.columns.iter().enumerate().map(|(at, heading)| of_column(at, heading)).collect()
}

fn column(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(COLUMN_MAX).min(COLUMN_MAX)
}

impl Look {
    fn new(bold: bool) -> Self {
        let font = || Format::new().set_font_name("宋体").set_align(FormatAlign::VerticalCenter);
        let cell = || {
            let cell = font().set_font_size(10).set_border(FormatBorder::Thin);
            if bold { cell.set_bold() } else { cell }
        };
        Self {
            title: font().set_font_size(16).set_bold().set_align(FormatAlign::Center),
            filing: font().set_font_size(10),
            heading: font()
                .set_font_size(10)
                .set_bold()
                .set_border(FormatBorder::Thin)
                .set_align(FormatAlign::Center)
                .set_text_wrap(),
            text: cell().set_text_wrap(),
            count: cell().set_num_format("#,##0").set_align(FormatAlign::Right),
            rate: cell().set_num_format("0.0%").set_align(FormatAlign::Right),
            date: cell().set_num_format("yyyy-mm-dd").set_align(FormatAlign::Center),
            note: font().set_font_size(9).set_text_wrap(),
        }
    }
}
