//! What a store takes of a disk: `docs/performance.md`, Disk.

#[path = "../examples/people/mod.rs"]
mod people;

use std::path::Path;

use people::{Clerk, Words};
use shouwang_node::progress::Progress;
use shouwang_node::store::{Store, StoreError, StoreRead};

/// Nobody of these is in what the dictionaries were trained on.
const WORDS: Words = Words {
    surnames: &["木", "和", "李", "王", "张", "杨", "赵", "陈", "刘", "段", "施", "周"],
    given: &[
        "玉梅", "金凤", "银花", "桂英", "秀兰", "国强", "志明", "文华", "春香", "学仁", "德福",
        "有才", "兆兰", "永芳", "顺昌", "雪山",
    ],
    hamlets: &["上禾村", "石桥村", "青坪村", "云岭村", "水磨村", "松坪村", "龙潭村"],
    cities: &["广东省东莞市", "浙江省义乌市", "江苏省昆山市", "福建省晋江市", "深圳市宝安区"],
    relations: &["长子", "次女", "孙子", "外甥"],
    visitors: &["李会计", "和支书", "杨医生", "陈主任"],
    notes: &[
        "血压偏高，已提醒按时服药，联系村医复诊",
        "身体良好，和邻居聊天",
        "屋顶漏雨，已报村委会",
        "子女春节返乡，情绪不错",
        "腿脚不便，需要助餐",
    ],
    phones: &["138", "139"],
};

struct Disk {
    elders: usize,
    entries: u64,
    raw_bytes: u64,
    compact_bytes: u64,
    tables: Vec<(&'static str, u64, u64, u64)>,
}

fn measure(elders: usize) -> Disk {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = Store::open(&path("store.redb")).unwrap();
    drop(Clerk::new(&WORDS, 5, "990121101203").fills(store, elders));
    let store = Store::open(&path("store.redb")).unwrap();
    let (mut entries, mut raw_bytes) = (0, 0);
    let snapshot = store.read().unwrap();
    for log in snapshot.logs_all().unwrap() {
        let count = |_, entry: Result<shouwang_node::log::Entry, StoreError>| {
            entries += 1;
            raw_bytes += u64::from(entry?.header.body_length);
            Ok(())
        };
        snapshot.for_each_entry(log.number, count).unwrap();
    }
    drop(snapshot);
    let mut compact = Store::open(&path("store.new")).unwrap();
    store.image().unwrap().copy_into(&mut compact, &Progress::default()).unwrap();
    let sizes = compact.read().unwrap().table_sizes().unwrap();
    let sizes = sizes.into_iter().filter(|table| table.rows > 0);
    let tables = sizes.map(|size| (size.name, size.rows, size.content_bytes, size.pages_bytes));
    let tables = tables.collect();
    drop(compact);
    let bytes = |path: &Path| std::fs::metadata(path).unwrap().len();
    println!("as it grew: {} B", bytes(&path("store.redb")));
    let compact_bytes = bytes(&path("store.new"));
    Disk { elders, entries, raw_bytes, compact_bytes, tables }
}

impl Disk {
    fn print(&self) {
        let ratio = |bytes: u64| bytes as f64 / self.raw_bytes as f64;
        println!("{} elders, {} entries, {} B raw", self.elders, self.entries, self.raw_bytes);
        println!("| Table | Rows | Keys and values, B | Pages, B | × raw |");
        println!("| --- | ---: | ---: | ---: | ---: |");
        for (name, rows, content, pages) in &self.tables {
            println!("| {name} | {rows} | {content} | {pages} | {:.3} |", ratio(*pages));
        }
        println!("| file | | | {} | {:.3} |", self.compact_bytes, ratio(self.compact_bytes));
    }
}

#[test]
fn a_compacted_store_is_at_most_so_many_times_its_changes() {
    let disk = measure(150);
    disk.print();
    assert!(disk.compact_bytes * 10 <= disk.raw_bytes * 16);
}

/// `cargo test --release -p shouwang-node --test disk -- --ignored --nocapture`
#[test]
#[ignore = "prints the figures of docs/performance.md"]
fn what_a_township_takes() {
    for elders in [500, 1_000, 4_000] {
        measure(elders).print();
    }
}
