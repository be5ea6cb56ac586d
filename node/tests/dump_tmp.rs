#[path = "../examples/people/mod.rs"]
#[allow(dead_code)]
mod people;
use people::{Clerk, Words};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use shouwang_node::store::{Store, unpacked_row};
const WORDS: Words = Words {
    surnames: &["木", "和", "李", "王", "张", "杨", "赵", "陈", "刘", "段", "施", "周"],
    given: &["玉梅", "金凤", "银花", "桂英", "秀兰", "国强", "志明", "文华", "春香", "学仁", "德福", "有才"],
    hamlets: &["上禾村", "石桥村", "青坪村", "云岭村", "水磨村", "松坪村", "龙潭村"],
    cities: &["广东省东莞市", "浙江省义乌市", "江苏省昆山市", "福建省晋江市", "深圳市宝安区"],
    relations: &["长子", "次女", "孙子", "外甥"],
    visitors: &["李会计", "和支书", "杨医生", "陈主任"],
    notes: &["血压偏高，已提醒按时服药，联系村医复诊", "身体良好，和邻居聊天", "屋顶漏雨，已报村委会"],
    phones: &["138", "139"],
};
#[test]
fn dump() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    drop(Clerk::new(&WORDS, 5, "990121101203").fills(Store::open(&path).unwrap(), 200));
    let database = Database::open(&path).unwrap();
    let read = database.begin_read().unwrap();
    let out = std::path::Path::new("/tmp/blocks-samples");
    let _ = std::fs::remove_dir_all(out);
    std::fs::create_dir_all(out).unwrap();
    let entries: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("entries-2");
    let documents: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("documents-2");
    for (n, row) in read.open_table(entries).unwrap().iter().unwrap().enumerate() {
        let v = row.unwrap().1.value().to_vec();
        let (t, p) = unpacked_row(&v).unwrap();
        println!("e{n} row {} plain {} text {}", v.len(), p.len(), t.len());
        std::fs::write(out.join(format!("e{n:04}")), t).unwrap();
    }
    for (n, row) in read.open_table(documents).unwrap().iter().unwrap().enumerate() {
        let v = row.unwrap().1.value().to_vec();
        let (t, p) = unpacked_row(&v).unwrap();
        println!("d{n} row {} plain {} text {}", v.len(), p.len(), t.len());
        std::fs::write(out.join(format!("d{n:04}")), t).unwrap();
    }
}
