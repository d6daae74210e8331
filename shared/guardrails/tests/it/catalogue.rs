//! What a catalogue proves, and which side effects it tells.

use std::collections::BTreeSet;

use countersign_catalogue::{
    Action, Catalogue, Column, ForeignKey, Function, FunctionKind, Name, Operator, Table, TableKind, Trigger,
    TriggerEvent, TypeKind, UserType, Volatility,
};
use countersign_guardrails::{Analysis, Dialect, analyse, analyse_with, count_query, impact};

fn function(schema: &str, name: &str, volatility: Volatility) -> Function {
    Function { name: Name::new(schema, name), kind: FunctionKind::Function, volatility, extension: None }
}

fn view(name: &str, definition: &str) -> Table {
    Table {
        name: Name::new("public", name),
        kind: TableKind::View,
        definition: Some(definition.to_owned()),
        ..Table::default()
    }
}

fn user_type(name: &str, kind: TypeKind, volatility: Volatility) -> UserType {
    UserType { name: Name::new("public", name), kind, volatility }
}

fn catalogue() -> Catalogue {
    let column =
        |name: &str, type_name: &str| Column { name: name.to_owned(), type_name: type_name.to_owned() };
    let orders = Table {
        name: Name::new("public", "orders"),
        rows: Some(3_000_000),
        bytes: Some(12 << 30),
        columns: vec![
            column("id", "integer"),
            column("note", "character varying(20)"),
            column("total", "numeric(10,2)"),
        ],
        triggers: vec![
            Trigger {
                name: "audit".to_owned(),
                events: BTreeSet::from([TriggerEvent::Delete, TriggerEvent::Insert]),
                columns: Vec::new(),
                function: Some("write_log".to_owned()),
            },
            Trigger {
                name: "of_total".to_owned(),
                events: BTreeSet::from([TriggerEvent::Update]),
                columns: vec!["total".to_owned()],
                function: Some("recompute".to_owned()),
            },
        ],
        ..Table::default()
    };
    let table =
        |name: &str, rows| Table { name: Name::new("public", name), rows: Some(rows), ..Table::default() };
    let key = |from: &str, to: &str, on_delete, on_update| ForeignKey {
        table: Name::new("public", from),
        references: Name::new("public", to),
        referenced_columns: vec!["id".to_owned()],
        on_delete,
        on_update,
    };
    let guarded = Table { policies: vec!["(owner = public.touch())".to_owned()], ..table("guarded", 1) };
    Catalogue {
        server: "PostgreSQL 15".to_owned(),
        search_path: vec!["public".to_owned()],
        tables: vec![
            orders,
            table("items", 50_000),
            table("parts", 7),
            table("visits", 9),
            guarded,
            view("calm", "SELECT o.id, public.price(o.id) AS price FROM public.orders o"),
            view("calmer", "SELECT c.id FROM public.calm c"),
            view("wild", "SELECT public.touch() AS x FROM public.orders"),
            view("wilder", "SELECT w.x FROM public.wild w"),
            view("circle", "SELECT c.x FROM public.circle c"),
            Table { definition: None, ..view("unread", "") },
        ],
        foreign_keys: vec![
            key("items", "orders", Action::Cascade, Action::Cascade),
            key("parts", "items", Action::Cascade, Action::Refuse),
            key("visits", "orders", Action::SetNull, Action::Refuse),
        ],
        functions: vec![
            function("public", "price", Volatility::Stable),
            function("public", "touch", Volatility::Volatile),
            function("public", "both", Volatility::Stable),
            function("other", "both", Volatility::Volatile),
            function("public", "upper", Volatility::Volatile),
            function("public", "crosstab", Volatility::Stable),
            Function { kind: FunctionKind::Procedure, ..function("public", "job", Volatility::Stable) },
        ],
        operators: vec![
            Operator { name: Name::new("public", "%>"), volatility: Volatility::Immutable },
            Operator { name: Name::new("public", "<~>"), volatility: Volatility::Volatile },
        ],
        types: vec![
            user_type("mood", TypeKind::Enum, Volatility::Stable),
            user_type("citext", TypeKind::Base, Volatility::Stable),
            user_type("bad", TypeKind::Base, Volatility::Volatile),
            user_type("pair", TypeKind::Other, Volatility::Stable),
            user_type(
                "age",
                TypeKind::Domain { base: "integer".to_owned(), checks: vec!["((VALUE >= 0))".to_owned()] },
                Volatility::Stable,
            ),
            user_type(
                "sly",
                TypeKind::Domain {
                    base: "integer".to_owned(),
                    checks: vec!["((VALUE > public.touch()))".to_owned()],
                },
                Volatility::Stable,
            ),
            user_type(
                "nested",
                TypeKind::Domain { base: "public.mood".to_owned(), checks: Vec::new() },
                Volatility::Stable,
            ),
        ],
        ..Catalogue::default()
    }
}

fn with(command: &str) -> Analysis {
    analyse_with(Dialect::Postgres, command, Some(&catalogue()))
}

#[test]
fn what_the_catalogue_knows_to_read_is_a_read_and_without_it_is_none() {
    for command in [
        "SELECT price(id) FROM orders",
        "SELECT public.price(id) FROM public.orders",
        "SELECT * FROM orders WHERE note::mood = 'high'",
        "SELECT 'a'::public.citext",
        "SELECT CAST(1 AS age)",
        "SELECT 'high'::nested",
        "SELECT * FROM orders WHERE note %> 'abc'",
        "SELECT * FROM orders WHERE note OPERATOR(public.%>) 'abc'",
        "SELECT price(id) FROM calmer",
    ] {
        assert_eq!(with(command).is_provable_read(), Ok(()), "{command}");
        let without = analyse(Dialect::Postgres, command);
        assert!(without.is_provable_read().is_err(), "{command}");
    }
    for command in
        ["SELECT * FROM calm", "SELECT * FROM orders", "SELECT relname FROM pg_class", "TABLE orders"]
    {
        assert_eq!(with(command).is_provable_read(), Ok(()), "{command}");
    }
}

#[test]
fn what_may_do_more_or_is_not_known_is_no_read() {
    for command in [
        "SELECT touch()",
        "SELECT other.price(1)",
        "SELECT both()",
        "SELECT job()",
        "SELECT nowhere()",
        "SELECT upper(note) FROM orders",
        "SELECT crosstab('SELECT 1')",
        "SELECT 1 <~> 2",
        "SELECT 1 <~~~> 2",
        "SELECT 'x'::bad",
        "SELECT '(1,2)'::pair",
        "SELECT 1::sly",
        "SELECT 'x'::nothing",
        "SELECT * FROM wild",
        "SELECT * FROM wilder",
        "SELECT * FROM circle",
        "SELECT * FROM unread",
        "SELECT * FROM guarded",
        "SELECT * FROM made_since",
        "SELECT price(id) FROM orders FOR UPDATE",
        "WITH x AS (DELETE FROM orders RETURNING id) SELECT price(id) FROM x",
        "SELECT * FROM orders WHERE EXISTS (SELECT 1 FROM wild)",
    ] {
        assert!(with(command).is_provable_read().is_err(), "{command}");
    }
    let bound = with("SELECT both()").may_bound_rows();
    assert!(bound.is_err(), "a VOLATILE function changes what nobody counts");
}

#[test]
fn a_delete_names_its_cascades_and_triggers() {
    let notes = impact(&with("DELETE FROM orders WHERE id < 9"), &catalogue());
    assert_eq!(
        notes,
        [
            "fires the trigger `audit` of `orders`, which calls `write_log`",
            "a DELETE from `orders` cascades to `items`, about 50,000 rows",
            "a DELETE from `orders` sets columns to NULL in `visits`, about 9 rows",
            "a DELETE from `items` cascades to `parts`, about 7 rows",
        ]
    );
    let inside = "WITH gone AS (DELETE FROM orders WHERE id < 9 RETURNING id) SELECT * FROM gone";
    assert_eq!(impact(&with(inside), &catalogue()), notes, "also in a WITH");
    assert_eq!(
        impact(&with("EXPLAIN DELETE FROM orders WHERE id < 9"), &catalogue()),
        [""; 0],
        "nothing runs"
    );
    let merge = "MERGE INTO orders o USING items i ON o.id = i.id WHEN MATCHED THEN DELETE";
    assert_eq!(impact(&with(merge), &catalogue()), notes);
}

#[test]
fn an_update_cascades_only_if_it_changes_the_key() {
    let notes = |command: &str| impact(&with(command), &catalogue());
    assert_eq!(notes("UPDATE orders SET note = 'x' WHERE id = 1"), [""; 0]);
    assert_eq!(
        notes("UPDATE orders SET total = 0 WHERE id = 1"),
        ["fires the trigger `of_total` of `orders`, which calls `recompute`"]
    );
    let cascade = ["an UPDATE of the key of `orders` cascades to `items`, about 50,000 rows"];
    assert_eq!(notes("UPDATE orders SET id = id + 1 WHERE id = 1"), cascade);
    assert_eq!(notes("UPDATE orders SET (note, id) = ('x', 2) WHERE id = 1"), cascade);
    assert_eq!(
        notes("TRUNCATE orders CASCADE"),
        [
            "empties `orders`, about 3,000,000 rows",
            "TRUNCATE … CASCADE also empties `items`, about 50,000 rows",
            "TRUNCATE … CASCADE also empties `visits`, about 9 rows",
            "TRUNCATE … CASCADE also empties `parts`, about 7 rows",
        ]
    );
}

#[test]
fn a_rewrite_tells_its_lock_and_its_size() {
    for (command, without, with_sizes) in [
        (
            "ALTER TABLE orders ALTER id TYPE bigint",
            "ALTER COLUMN TYPE rewrites `orders` under ACCESS EXCLUSIVE, which blocks reads and writes, unless it only widens the type",
            "ALTER COLUMN TYPE rewrites 12 GB of `orders` (about 3,000,000 rows) under ACCESS EXCLUSIVE",
        ),
        (
            "ALTER TABLE orders ALTER COLUMN note SET DATA TYPE text USING lower(note)",
            "ALTER COLUMN TYPE … USING rewrites `orders` under ACCESS EXCLUSIVE, which blocks reads and writes",
            "ALTER COLUMN TYPE rewrites 12 GB of `orders` (about 3,000,000 rows) under ACCESS EXCLUSIVE",
        ),
        (
            "ALTER TABLE orders ALTER note TYPE varchar(40)",
            "ALTER COLUMN TYPE rewrites `orders` under ACCESS EXCLUSIVE, which blocks reads and writes, unless it only widens the type",
            "`note` is character varying(20): the change to varchar(40) rewrites nothing",
        ),
        (
            "CREATE INDEX ON orders (note)",
            "CREATE INDEX reads all of `orders` under SHARE, which blocks writes; CREATE INDEX CONCURRENTLY avoids that",
            "CREATE INDEX reads 12 GB of `orders` (about 3,000,000 rows) under SHARE",
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES parts (id)",
            "ADD FOREIGN KEY reads all of `orders` under SHARE ROW EXCLUSIVE, which blocks writes; NOT VALID with a later VALIDATE CONSTRAINT avoids that",
            "ADD FOREIGN KEY reads 12 GB of `orders` (about 3,000,000 rows) under SHARE ROW EXCLUSIVE",
        ),
        (
            "ALTER TABLE orders ADD COLUMN u uuid DEFAULT gen_random_uuid()",
            "ADD COLUMN rewrites `orders` under ACCESS EXCLUSIVE, which blocks reads and writes",
            "ADD COLUMN rewrites 12 GB of `orders` (about 3,000,000 rows) under ACCESS EXCLUSIVE",
        ),
        (
            "ALTER TABLE orders ALTER note SET NOT NULL",
            "SET NOT NULL reads all of `orders` under ACCESS EXCLUSIVE, which blocks reads and writes; a CHECK constraint that is validated before avoids that",
            "SET NOT NULL reads 12 GB of `orders` (about 3,000,000 rows) under ACCESS EXCLUSIVE",
        ),
        (
            "VACUUM FULL orders",
            "VACUUM FULL rewrites `orders` under ACCESS EXCLUSIVE, which blocks reads and writes",
            "VACUUM FULL rewrites 12 GB of `orders` (about 3,000,000 rows) under ACCESS EXCLUSIVE",
        ),
    ] {
        let notes = analyse(Dialect::Postgres, command).risk().notes;
        assert!(notes.contains(&without.to_owned()), "{command}: {notes:?}");
        let notes = impact(&with(command), &catalogue());
        assert!(notes.contains(&with_sizes.to_owned()), "{command}: {notes:?}");
    }
    for command in [
        "CREATE INDEX CONCURRENTLY ON orders (note)",
        "ALTER TABLE orders ADD COLUMN u text DEFAULT 'x'",
        "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES parts (id) NOT VALID",
        "ALTER TABLE orders ADD CONSTRAINT valid CHECK (id > 0) NOT VALID",
        "ALTER TABLE orders VALIDATE CONSTRAINT f",
    ] {
        assert_eq!(impact(&with(command), &catalogue()), [""; 0], "{command}");
    }
}

#[test]
fn what_is_not_in_the_catalogue_is_said() {
    let notes = impact(&with("DELETE FROM made_since WHERE id = 1"), &catalogue());
    assert_eq!(notes, ["`made_since` is not in the catalogue: its size and triggers are not known"]);
}

#[test]
fn rows_are_counted_only_by_a_provable_read() {
    let count = |command: &str| {
        count_query(Dialect::Postgres, command, Some(&catalogue()))
            .map(|query| query.sql.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    for (command, sql) in [
        ("DELETE FROM orders WHERE id < 9", "SELECT count(*) FROM orders WHERE id < 9"),
        (
            "DELETE FROM ONLY public.orders AS o WHERE o.id < 9 RETURNING *",
            "SELECT count(*) FROM ONLY public.orders AS o WHERE o.id < 9",
        ),
        (
            "UPDATE orders SET note = touch() WHERE price(id) > 1",
            "SELECT count(*) FROM orders WHERE price(id) > 1",
        ),
        ("UPDATE orders o SET note = 'x'", "SELECT count(*) FROM orders o"),
    ] {
        assert_eq!(count(command).as_deref(), Some(sql), "{command}");
    }
    for command in [
        "DELETE FROM orders WHERE touch() > 1",
        "DELETE FROM orders USING items WHERE orders.id = items.id",
        "UPDATE orders SET note = 'x' FROM items WHERE orders.id = items.id",
        "WITH x AS (SELECT 1) DELETE FROM orders WHERE id IN (SELECT * FROM x)",
        "DELETE FROM orders WHERE CURRENT OF c",
        "DELETE FROM orders WHERE id = 1; DELETE FROM items WHERE id = 1",
        "DELETE FROM wild WHERE x = 1",
        "INSERT INTO orders VALUES (1)",
        "SELECT * FROM orders",
        "DELETE FROM orders WHERE pg_sleep(1) IS NULL",
        "DELETE FROM pg_authid WHERE oid = 1",
    ] {
        assert_eq!(count(command), None, "{command}");
    }
}

#[test]
fn an_endless_chain_of_views_ends() {
    let mut chain = catalogue();
    for number in 0..400 {
        let next = number + 1;
        let twice = format!("SELECT a.x FROM public.v{next} a, public.v{next} b");
        chain.tables.push(view(&format!("v{number}"), &twice));
    }
    let analysis = analyse_with(Dialect::Postgres, "SELECT * FROM v0", Some(&chain));
    assert!(analysis.is_provable_read().is_err(), "the last one is not there");
}
