#![allow(missing_docs)]
use std::collections::BTreeMap;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::elder::{ElderAdd, VisitAdd};
use shouwang_node::command::Request;
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::setup;
use shouwang_node::store::Store;
use shouwang_node::sync::Now;
use shouwang_simulations::disk::Disk;
#[test]
fn full() {
    let now = Now { monotonic_ms: 1_000, wall_ms: 1_000 };
    let disk = Disk::new();
    let store = Store::with_backend(disk.mount()).unwrap();
    setup::init(&store, &mut Entropy::new([1; 32]), "990121101000".parse().unwrap(), "镇", 0).unwrap();
    let mut engine = Engine::open(store, [2; 32]).unwrap();
    let fields = BTreeMap::from([(Field::Name, "周国强".to_owned())]);
    let saved = ElderAdd { scope: Some("990121101201".parse().unwrap()), fields }.execute(&mut engine, now).unwrap();
    disk.set_capacity(Some(disk.length()));
    let mut n = 0;
    loop {
        let r = VisitAdd { elder: saved.elder_id.to_string(), visit: Visit::on("2026-03-02".parse().unwrap()) }.execute(&mut engine, now);
        if let Err(e) = r { println!("{n} {e:?}"); break; }
        n += 1;
    }
    let r = VisitAdd { elder: saved.elder_id.to_string(), visit: Visit::on("2026-03-02".parse().unwrap()) }.execute(&mut engine, now);
    println!("again, still full: {r:?}");
    disk.set_capacity(None);
    let r = VisitAdd { elder: saved.elder_id.to_string(), visit: Visit::on("2026-03-02".parse().unwrap()) }.execute(&mut engine, now);
    println!("with room: {r:?}");
    println!("read: {:?}", engine.read().is_ok());
}
