//! Makes the dictionaries of `node/src/dictionary/` from invented records.
//!
//! ```sh
//! cargo run --release -p shouwang-node --example train_dictionaries -- node/src/dictionary
//! ```
//!
//! A dictionary that is released is never made again under its number.

mod people;

use std::path::Path;

use people::{Clerk, Words};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use shouwang_node::limits::DICTIONARY_BYTES_MAX;
use shouwang_node::store::{Store, unpacked_row};

/// Nobody of these is in a test or a measurement.
const WORDS: Words = Words {
    surnames: &["黄", "吴", "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "罗", "高"],
    given: &[
        "淑珍", "建国", "翠莲", "水生", "荷花", "永贵", "菊香", "长根", "素珍", "大山", "秋月",
        "金宝", "小妹", "春林", "明德", "凤仙", "兰", "贵", "英", "福",
    ],
    hamlets: &["柳塘村", "高椅村", "双井村", "梅溪村", "枫树村", "油坊村", "新屋村", "大湾村"],
    cities: &[
        "广州市白云区",
        "佛山市顺德区",
        "苏州市吴江区",
        "宁波市北仑区",
        "厦门市集美区",
        "杭州市萧山区",
        "重庆市渝北区",
        "武汉市江夏区",
    ],
    relations: &["儿子", "女儿", "孙子", "孙女", "儿媳", "配偶", "侄子"],
    visitors: &["黄会计", "吴支书", "徐医生", "孙主任", "马小英", "朱网格员"],
    notes: &[
        "近日咳嗽，已陪同到卫生院就诊",
        "精神尚可，按时吃饭",
        "电线老化，已请电工检查",
        "儿子来电话，老人很高兴",
        "独自在家，嘱咐注意用火",
        "血糖偏高，提醒按时服药",
        "行动不便，需要助浴",
        "已转告村委会",
    ],
    phones: &["151", "187", "136"],
};

const ELDERS: usize = 700;

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of the dictionaries");
    let work = tempfile::tempdir().expect("a folder");
    let path = work.path().join("store.redb");
    drop(
        Clerk::new(&WORDS, 211, "990121105207").fills(Store::open(&path).expect("a store"), ELDERS),
    );
    let database = Database::open(&path).expect("the store");
    let read = database.begin_read().expect("a view");
    let entries: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("entries-2");
    let documents: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("documents-2");
    let entries = texts(&read.open_table(entries).expect("entries"));
    let documents = texts(&read.open_table(documents).expect("documents"));
    for (name, texts) in [("entries", entries), ("documents", documents)] {
        let trained =
            zstd::dict::from_samples(&texts, DICTIONARY_BYTES_MAX).expect("enough of them");
        let path = Path::new(&folder).join(format!("store-{name}-1.dict"));
        std::fs::write(&path, &trained).expect("a file");
        let bytes: usize = texts.iter().map(Vec::len).sum();
        println!("{}: {} B from {} texts of {bytes} B", path.display(), trained.len(), texts.len());
    }
}

fn texts<K: redb::Key + 'static>(table: &redb::ReadOnlyTable<K, &'static [u8]>) -> Vec<Vec<u8>> {
    let rows = table.iter().expect("rows").map(|row| row.expect("a row").1.value().to_vec());
    rows.filter_map(|row| unpacked_row(&row).map(|(text, _)| text)).collect()
}
