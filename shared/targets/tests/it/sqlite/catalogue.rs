//! The catalogue, read from a file.

use super::place::Place;
use countersign_catalogue::{Action, Catalogue, TableKind, TriggerEvent};
use countersign_guardrails::{Dialect, analyse, impact};
use countersign_targets::{TargetKind, TargetSpec, catalogue};
use rusqlite::Connection;
use serde_json::json;

const SCHEMA: &str = "
    CREATE TABLE Orders (id INTEGER PRIMARY KEY, total NUMERIC(10, 2), \"odd \"\"name\" TEXT);
    CREATE TABLE items (id INTEGER, of INTEGER REFERENCES orders ON DELETE CASCADE ON UPDATE SET NULL);
    CREATE TABLE notes (item INTEGER, FOREIGN KEY (item) REFERENCES items (id) ON DELETE SET DEFAULT);
    CREATE UNIQUE INDEX items_id ON items (id);
    CREATE TABLE log (what TEXT) STRICT;
    CREATE VIEW large (id) AS SELECT id FROM orders WHERE total > 1000;
    CREATE TRIGGER of_items AFTER DELETE ON items BEGIN INSERT INTO log VALUES ('gone'); END;
    CREATE TRIGGER of_totals BEFORE UPDATE OF total ON orders BEGIN SELECT 1; END;
    CREATE VIRTUAL TABLE words USING fts5(body);
    WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234) INSERT INTO orders (id) SELECT i FROM n;
    INSERT INTO items SELECT id, id FROM orders;
";

fn made() -> Place {
    let place = Place::new();
    Connection::open(place.path("root/demo.db")).unwrap().execute_batch(SCHEMA).unwrap();
    place
}

async fn read(place: &Place) -> Catalogue {
    let spec = TargetSpec::parse(TargetKind::Sqlite, &json!({ "path": "demo.db" })).unwrap();
    catalogue(&spec, None, &place.environment()).await.unwrap()
}

#[tokio::test]
async fn tables_views_triggers_and_foreign_keys_are_listed_and_nothing_is_written() {
    let place = made();
    let before = std::fs::read(place.path("root/demo.db")).unwrap();
    let found = read(&place).await;
    assert_eq!(std::fs::read(place.path("root/demo.db")).unwrap(), before);
    assert!(found.server.starts_with("SQLite 3."), "{}", found.server);
    assert_eq!(found.left_out, [""; 0]);

    let orders = found.table(None, "ORDERS").unwrap();
    assert_eq!((orders.rows, orders.kind), (Some(1200), TableKind::Table), "two digits");
    assert!(orders.bytes.is_some_and(|bytes| bytes >= 4096), "{orders:?}");
    let columns: Vec<(&str, &str)> =
        orders.columns.iter().map(|column| (column.name.as_str(), column.type_name.as_str())).collect();
    assert_eq!(columns, [("id", "INTEGER"), ("total", "NUMERIC(10, 2)"), ("odd \"name", "TEXT")]);
    assert_eq!(orders.triggers[0].columns, ["total"]);
    let large = found.table(Some("main"), "large").unwrap();
    assert_eq!(large.kind, TableKind::View);
    assert_eq!(large.definition.as_deref(), Some("SELECT id FROM orders WHERE total > 1000"));
    let items = found.table(None, "items").unwrap();
    assert_eq!(items.triggers[0].events.iter().collect::<Vec<_>>(), [&TriggerEvent::Delete]);
    assert!(found.table(None, "words").is_some() && found.table(None, "sqlite_schema").is_none());

    let key = found.foreign_keys.iter().find(|key| key.table.name == "items").unwrap();
    assert_eq!(
        (key.references.name.as_str(), key.referenced_columns.as_slice()),
        ("Orders", ["id".to_owned()].as_slice())
    );
    assert_eq!((key.on_delete, key.on_update), (Action::Cascade, Action::SetNull));
}

#[tokio::test]
async fn side_effects_are_the_ones_that_sqlite_has() {
    let place = made();
    let found = read(&place).await;
    let notes = |command: &str| impact(&analyse(Dialect::Sqlite, command), &found);
    let of_delete = notes("DELETE FROM orders WHERE id = 1");
    let expected = [
        "a DELETE from `Orders` cascades to `items`, about 1,200 rows",
        "fires the trigger `of_items` of `items`",
        "a DELETE from `items` sets columns to their default in `notes`, about 0 rows",
    ];
    assert_eq!(of_delete, expected);
    let expected = [
        "fires the trigger `of_totals` of `Orders`",
        "an UPDATE of the key of `Orders` sets columns to NULL in `items`, about 1,200 rows",
    ];
    assert_eq!(notes("UPDATE orders SET total = 1"), expected);
    // The file says the same.
    assert!(place.run("DELETE FROM orders WHERE id = 1").await.result.is_ok());
    assert_eq!(place.number("SELECT count(*) FROM items"), 1233);
    assert_eq!(place.number("SELECT count(*) FROM log"), 1, "a cascade fires triggers");
}

#[tokio::test]
async fn sizes_of_large_files_are_those_of_analyze() {
    let place = made();
    let file = Connection::open(place.path("root/demo.db")).unwrap();
    file.execute_batch(
        "ANALYZE orders; CREATE TABLE blobs (body BLOB); INSERT INTO blobs VALUES (zeroblob(70000000))",
    )
    .unwrap();
    let found = read(&place).await;
    assert_eq!(found.table(None, "blobs").unwrap().rows, None);
    assert!(found.left_out[0].contains("sizes of tables"), "{:?}", found.left_out);
    // Of a table without an index of its own, ANALYZE writes down the rows.
    assert_eq!(found.table(None, "orders").unwrap().rows, Some(1234));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_has_no_catalogue() {
    let place = Place::new();
    std::fs::write(place.path("root/demo.db"), "this is no database, but a text of some length").unwrap();
    let spec = TargetSpec::parse(TargetKind::Sqlite, &json!({ "path": "demo.db" })).unwrap();
    let refused = catalogue(&spec, None, &place.environment()).await.unwrap_err();
    assert!(refused.to_string().contains("not a database"), "{refused}");
    let off = catalogue(&spec, None, &countersign_targets::Environment::default()).await.unwrap_err();
    assert!(off.to_string().contains("switched off"), "{off}");
}
