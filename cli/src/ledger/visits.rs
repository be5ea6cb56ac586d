//! Lists of visits 探访记录, one row a visit.

use chrono::NaiveTime;
use serde::Serialize;
use shouwang_crdt_schema::division::Area;
use shouwang_crdt_schema::record::{Choice, VisitMode, VisitOccasion, VisitOutcome};
use shouwang_crdt_schema::visit::{AreaReport, Visit};
use shouwang_node::command::import::VisitRow;

use super::column::{Column, columns};
use super::date::{self, DateReading};
use super::identity;
use super::limits::HEADER_ROW_MAX;
use super::places::Places;
use super::reason::{self, Reason};
use super::table::{self, Fault, Header, PersonColumns, Row};
use super::{LedgerError, Reading, vocabulary};

columns! {
    /// What a column of a list of visits is about.
    VisitColumn
    /// 序号
    Serial "serial" ["序号" "编号"],
    /// 姓名
    Name "name" ["姓名" "老人姓名" "老年人姓名" "被探访人" "探访对象" "对象姓名"],
    /// 身份证号码
    ResidentId "resident_id" ["身份证号码" "身份证号" "身份证" "公民身份号码" "证件号码"],
    /// 所在乡镇
    Township "township" ["乡镇" "所在乡镇" "所属乡镇" "乡镇街道"],
    /// 所在村
    Village "residence_code" ["所在村" "村" "行政村" "所属村" "村社区" "村委会" "村居"],
    /// 档案编号
    File "file_id" ["档案编号"],
    /// 探访日期
    Date "visit_date" ["探访日期" "探访时间" "走访日期" "走访时间" "巡访日期" "巡访时间" "日期"],
    /// 探访时刻
    Time "visit_time" ["探访时刻" "时刻" "时间"],
    /// 探访方式
    Mode "visit_mode" ["探访方式" "走访方式" "巡访方式" "方式"],
    /// 探访结果
    Outcome "visit_outcome" ["探访结果" "走访结果" "巡访结果" "结果"],
    /// 探访事由
    Occasion "visit_occasion" ["探访事由" "探访类型" "走访事由" "事由"],
    /// 探访人
    Visitor "visitor" ["探访人" "探访人员" "走访人" "走访人员" "巡访人" "巡访人员"],
    /// 健康
    Health "visit_health" ["健康" "健康状况" "健康情况" "身体状况"],
    /// 经济
    Economic "visit_economic" ["经济" "经济状况" "经济情况" "生活状况"],
    /// 家庭赡养
    Family "visit_family" ["家庭赡养" "赡养情况" "赡养状况" "家庭情况"],
    /// 安全
    Safety "visit_safety" ["安全" "安全状况" "安全情况" "居家安全"],
    /// 服务需求
    Needs "service_needs" ["服务需求" "需求"],
    /// 处置
    Actions "visit_actions" ["处置" "处置情况" "采取措施" "处置措施"],
    /// 探访记录
    Note "visit_note" ["备注" "探访记录" "探访情况" "走访记录" "说明"],
    /// 退回原因
    ReturnReason "return_reason" ["退回原因"],
}

const PERSON: PersonColumns<VisitColumn> = PersonColumns {
    file: VisitColumn::File,
    resident_id: VisitColumn::ResidentId,
    name: VisitColumn::Name,
    township: VisitColumn::Township,
    village: VisitColumn::Village,
};

/// Reads a list of visits.
pub(crate) fn read(
    file_name: &str,
    bytes: &[u8],
    places: &Places,
    area: Area,
) -> Result<Reading<VisitRow, VisitColumn>, LedgerError> {
    table::read(file_name, bytes, VisitColumn::ALL, is_header, |row, titles| {
        let titles = table::townships(titles, places, area);
        let person = row.person(&PERSON, places, area, &titles)?;
        Ok(VisitRow { person, visit: visit(row)? })
    })
}

/// Whether a file is a list of visits rather than a ledger: some sheet has more headings that only
/// such a list has than headings that only a ledger has.
pub(crate) fn looks_like_visits(file_name: &str, bytes: &[u8]) -> bool {
    let Ok(sheets) = super::sheets(file_name, bytes) else { return false };
    sheets.iter().flat_map(|sheet| sheet.rows.iter().take(HEADER_ROW_MAX)).any(|row| {
        let header = Header::read(row, VisitColumn::ALL);
        let ledger: Vec<Option<Column>> =
            row.iter().map(|cell| Column::from_heading(&cell.text())).collect();
        let only = |one: &dyn Fn(usize) -> bool, other: &dyn Fn(usize) -> bool| {
            (0..row.len()).filter(|at| one(*at) && !other(*at)).count()
        };
        let visits = |at: usize| header.0.get(at).is_some_and(Option::is_some);
        let elders = |at: usize| ledger.get(at).is_some_and(Option::is_some);
        is_header(&header) && only(&visits, &elders) > only(&elders, &visits)
    })
}

fn is_header(header: &Header<VisitColumn>) -> bool {
    use VisitColumn as C;
    let person = [C::Name, C::ResidentId, C::File].into_iter().any(|column| header.has(column));
    let visit = [C::Mode, C::Outcome, C::Visitor].into_iter().any(|column| header.has(column));
    header.known() >= 3 && person && visit && header.has(C::Date)
}

fn visit(row: &mut Row<'_, VisitColumn>) -> Result<Visit, Fault<VisitColumn>> {
    use VisitColumn as C;
    let Some(cell) = row.cell(C::Date).cloned() else {
        return Err((C::Date, Reason::UnreadableDate, None));
    };
    let date = match date::read(&cell) {
        DateReading::Day(day) => day,
        DateReading::Partial(..) => {
            return Err((C::Date, Reason::PartialDate, reason::detail(&cell.text())));
        }
        DateReading::Unreadable => {
            return Err((C::Date, Reason::UnreadableDate, reason::detail(&cell.text())));
        }
    };
    let time = row.word(C::Time).and_then(|word| {
        let time = NaiveTime::parse_from_str(&word, "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(&word, "%H:%M:%S"));
        if time.is_err() {
            row.gap(C::Time, Reason::UnknownValue, &word);
        }
        time.ok()
    });
    let mode = row.choice(C::Mode, vocabulary::visit_mode)?.unwrap_or(VisitMode::Home);
    let outcome = row.choice(C::Outcome, vocabulary::visit_outcome)?;
    let occasion = row.choice(C::Occasion, vocabulary::visit_occasion)?;
    let note = row.free(C::Note);
    if note.as_ref().is_some_and(|note| note.chars().count() > Visit::NOTE_CHARACTERS_MAX) {
        return Err((C::Note, Reason::ValueTooLong, note.as_deref().and_then(reason::detail)));
    }
    let visitor = row.cell(C::Visitor).and_then(|cell| {
        let text = identity::free_text(&cell.text());
        (!text.is_empty() && !identity::is_nothing(&text)).then_some(text)
    });
    if visitor.as_ref().is_some_and(|name| name.chars().count() > 40) {
        let detail = visitor.as_deref().and_then(reason::detail);
        return Err((C::Visitor, Reason::ValueTooLong, detail));
    }
    Ok(Visit {
        time,
        visitor,
        mode,
        occasion: occasion.unwrap_or(VisitOccasion::Routine),
        // A list of visits made says of most rows nothing: they were made.
        outcome: outcome.unwrap_or(VisitOutcome::Completed),
        health: area(row, C::Health),
        economic: area(row, C::Economic),
        family: area(row, C::Family),
        safety: area(row, C::Safety),
        needs: row.words(C::Needs, vocabulary::service_need),
        actions: row.words(C::Actions, vocabulary::visit_action),
        note,
        ..Visit::on(date)
    })
}

/// What was found in one area: `正常`, `需关注：行动、疾病`.
fn area<I: Choice + Ord>(
    row: &mut Row<'_, VisitColumn>,
    column: VisitColumn,
) -> Option<AreaReport<I>> {
    let word = row.word(column)?;
    let at = word.find([':', '(']).unwrap_or(word.len());
    let (found, items) = word.split_at_checked(at)?;
    let Some(finding) = vocabulary::finding(found) else {
        row.gap(column, Reason::UnknownValue, &word);
        return None;
    };
    let items = items.trim_start_matches([':', '(']).trim_end_matches(')');
    let mut report = AreaReport { finding, items: Default::default() };
    for item in items.split(super::items::is_separator).filter(|item| !item.is_empty()) {
        match vocabulary::visit_item(item) {
            Some(item) => {
                report.items.insert(item);
            }
            None => row.gap(column, Reason::UnknownValue, item),
        }
    }
    Some(report)
}
