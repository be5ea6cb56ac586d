//! Fictional elders, written down by a tired hand.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::resident_id::{ResidentId, ResidentIdError};

use super::Fault;
use crate::ledger::Cell;

const SURNAMES: [&str; 30] = [
    "赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈", "褚", "卫", "蒋", "沈", "韩", "杨",
    "朱", "秦", "尤", "许", "何", "吕", "施", "张", "孔", "曹", "严", "陶", "欧阳", "司马",
];
const GIVEN_MALE: [&str; 14] = [
    "国强", "建国", "顺昌", "水生", "永贵", "学仁", "金宝", "有才", "德福", "长根", "志明", "文华",
    "春林", "大山",
];
const GIVEN_FEMALE: [&str; 14] = [
    "桂英", "翠莲", "荷花", "玉梅", "菊香", "金凤", "秀兰", "春香", "兆兰", "素珍", "银花", "永芳",
    "秋月", "小妹",
];
const CITIES: [&str; 8] = [
    "江苏省昆山市",
    "成都市双流区",
    "上海市松江区",
    "福建省晋江市",
    "浙江省义乌市",
    "广东省东莞市",
    "深圳市宝安区",
    "本县县城",
];
const HELPERS: [&str; 5] = ["周主任", "李支书", "王会计", "陈网格员", "志愿者小吴"];
const NEEDS: [&str; 7] = ["助餐", "助洁", "助行", "助医", "生活照料", "康复护理", "精神慰藉"];
const REMARKS: [&str; 4] = ["高血压", "糖尿病，按月取药", "子女春节返乡", "2026年6月由外村迁入"];
const FORMULAS: [&str; 2] = ["=1+1", "=HYPERLINK(\"http://127.0.0.1/x\",\"点\")"];

/// Birth dates: at least 60 years old by the autumn of 2026, at most 91.
const BORN_FIRST: Option<NaiveDate> = NaiveDate::from_ymd_opt(1935, 1, 1);
const BORN_DAYS: u64 = 11_500;
/// Departures: from 2018 on, the last half a year before the autumn of 2026.
const LEFT_FIRST: Option<NaiveDate> = NaiveDate::from_ymd_opt(2018, 1, 1);
const LEFT_DAYS: u64 = 3_000;

/// How often a number is drawn again if somebody has it already.
const DRAWS_MAX: usize = 1_000;

/// The people of a township.
pub(super) struct People<'a> {
    township: DivisionCode,
    township_name: &'a str,
    rng: ChaCha8Rng,
    numbers: BTreeSet<ResidentId>,
}

impl<'a> People<'a> {
    /// A township without people.
    pub(super) fn new(township: DivisionCode, township_name: &'a str, rng: ChaCha8Rng) -> Self {
        Self { township, township_name, rng, numbers: BTreeSet::new() }
    }

    /// A number of at least `low` and at most `high`; `low` if there is none.
    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        self.rng.random_range(low..=high.max(low))
    }

    /// The row of another elder.
    pub(super) fn row(
        &mut self,
        serial: usize,
        village: &(DivisionCode, String),
        fault: Option<Fault>,
    ) -> Result<Vec<Cell>, ResidentIdError> {
        let male = self.chance(50);
        let id = self.resident_id(male)?;
        let sex = if male { "男" } else { "女" };
        let (hamlet, child) = (self.between(1, 11), self.chance(50));
        let relation =
            if child { ["长子", "儿子", "孙子"] } else { ["女儿", "次女", "长女"] };
        let name = self.name(male);
        let mut row = vec![
            Cell::Number(serial as f64),
            self.spaced(name),
            self.or_blank(5, sex),
            self.written_id(&id, fault),
            self.written_village(village, fault),
            text(&format!("{hamlet}组")),
        ];
        let address = format!("{}{hamlet}组{}号", village.1, self.between(1, 120));
        row.push(text(&address));
        row.push(self.phone());
        row.push(self.one_of(10, &["独居", "独居", "与配偶居住", "与孙辈居住", "与他人居住"]));
        let levels =
            ["能力完好", "能力完好", "未评估", "轻度失能", "中度失能", "重度失能", "完全失能"];
        row.push(self.one_of(7, &levels));
        let grades = ["无", "无", "无", "无", "四级", "三级", "2级", "肢体二级", "视力一级"];
        row.push(self.one_of(20, &grades));
        row.push(self.one_of(15, &["健康", "健康", "健康", "行动不便", "长期卧床"]));
        row.push(self.one_of(10, &["否", "否", "否", "否", "否", "否", "否", "是"]));
        row.push(self.one_of(30, &["是", "否"]));
        row.push(self.one_of(0, &["是", "否"]));
        let name = self.name(child);
        row.push(text(&name));
        row.push(self.one_of(0, &relation));
        row.push(self.one_of(0, &CITIES));
        row.push(self.departure());
        row.push(text(&self.mobile("18")));
        let name = self.name(true);
        row.push(text(&name));
        row.push(text(&self.mobile("15")));
        row.push(self.one_of(16, &HELPERS));
        row.push(self.one_of(20, &["是", "√", "已签订", "否", "未签订", " "]));
        row.push(self.needs());
        row.push(self.remarks());
        Ok(row)
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts.choose(&mut self.rng).copied().unwrap_or_default()
    }

    fn one_of(&mut self, blank_percent: u32, texts: &[&str]) -> Cell {
        let picked = self.pick(texts);
        self.or_blank(blank_percent, picked)
    }

    fn or_blank(&mut self, blank_percent: u32, content: &str) -> Cell {
        if self.chance(blank_percent) { Cell::Empty } else { text(content) }
    }

    fn name(&mut self, male: bool) -> String {
        let given = self.pick(if male { &GIVEN_MALE } else { &GIVEN_FEMALE });
        self.pick(&SURNAMES).to_owned() + given
    }

    fn spaced(&mut self, name: String) -> Cell {
        let mut name = name;
        if self.chance(5)
            && let Some((end, _)) = name.char_indices().nth(1)
        {
            name.insert(end, '\u{3000}');
        }
        Cell::Text(name)
    }

    fn resident_id(&mut self, male: bool) -> Result<ResidentId, ResidentIdError> {
        let county = self.township.number() / 1_000_000;
        for _ in 0..DRAWS_MAX {
            let born = self.day(BORN_FIRST, BORN_DAYS);
            let sequence = 2 * self.between(1, 498) + usize::from(male);
            let id =
                ResidentId::with_check(&format!("{county}{}{sequence:03}", born.format("%Y%m%d")))?;
            if self.numbers.insert(id.clone()) {
                return Ok(id);
            }
        }
        Err(ResidentIdError::Character)
    }

    fn day(&mut self, first: Option<NaiveDate>, days: u64) -> NaiveDate {
        let first = first.unwrap_or_default();
        let day = Days::new(self.rng.random_range(0..days));
        first.checked_add_days(day).unwrap_or(first)
    }

    fn written_id(&mut self, id: &ResidentId, fault: Option<Fault>) -> Cell {
        let id = id.as_str();
        let (head, check) = id.split_at_checked(id.len() - 1).unwrap_or_default();
        match fault {
            Some(Fault::Checksum) => {
                let other = if check == "1" { "2" } else { "1" };
                return text(&format!("{head}{other}"));
            }
            Some(Fault::Length) => return text(id.get(..15).unwrap_or_default()),
            Some(Fault::MissingId) => return Cell::Empty,
            Some(Fault::UnknownVillage) | None => {}
        }
        match self.between(0, 24) {
            0 | 1 => {
                let part = |range| id.get(range).unwrap_or_default();
                text(&format!(" {} {} {}", part(0..6), part(6..14), part(14..18)))
            }
            2 => text(&format!("'{id}")),
            3 => text(&id.chars().map(full_width).collect::<String>()),
            4 => text(&id.to_lowercase()),
            _ => text(id),
        }
    }

    fn written_village(&mut self, village: &(DivisionCode, String), fault: Option<Fault>) -> Cell {
        let (code, name) = village;
        if fault == Some(Fault::UnknownVillage) {
            return text("不详");
        }
        match self.between(0, 24) {
            0 => text(&format!("{name} ")),
            1 => text(&format!("{}{name}", self.township_name)),
            2 => text(&code.to_string()),
            3 if name.ends_with('村') => text(&format!("{name}委会")),
            _ => text(name),
        }
    }

    fn mobile(&mut self, head: &str) -> String {
        format!("{head}{:09}", self.rng.random_range(0..1_000_000_000u64))
    }

    fn phone(&mut self) -> Cell {
        let number = self.mobile("13");
        let part = |range| number.get(range).unwrap_or_default();
        let (a, b, c) = (part(0..3), part(3..7), part(7..11));
        match self.between(0, 15) {
            0 | 1 => Cell::Empty,
            2 | 3 => text("无"),
            4 | 5 => Cell::Number(number.parse().unwrap_or_default()),
            6 | 7 => text(&format!("{a}-{b}-{c}")),
            8 => text(&format!("{a} {b} {c}")),
            9 => text(&number.chars().map(full_width).collect::<String>()),
            _ => text(&number),
        }
    }

    fn departure(&mut self) -> Cell {
        let day = self.day(LEFT_FIRST, LEFT_DAYS);
        let (year, month, of_month) = (day.year(), day.month(), day.day());
        match self.between(0, 4) {
            0 => Cell::Date(day),
            1 => text(&day.to_string()),
            2 => text(&format!("{year}/{month}/{of_month}")),
            3 => text(&format!("{year}.{month}.{of_month}")),
            _ => text(&format!("{year}年{month}月{of_month}日")),
        }
    }

    fn needs(&mut self) -> Cell {
        let separator = self.pick(&["、", "，", "；", ",", " "]);
        let mut needs: Vec<&str> = Vec::new();
        for _ in 0..self.between(0, 3) {
            let need = self.pick(&NEEDS);
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        text(&needs.join(separator))
    }

    fn remarks(&mut self) -> Cell {
        match self.between(0, 39) {
            0 => Cell::Formula(self.pick(&FORMULAS).to_owned()),
            1..=14 => text(self.pick(&REMARKS)),
            _ => Cell::Empty,
        }
    }
}

fn text(content: &str) -> Cell {
    match content {
        "" => Cell::Empty,
        content => Cell::Text(content.to_owned()),
    }
}

fn full_width(c: char) -> char {
    match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
        c => c,
    }
}
