//! The catalogue, read from a server, and what it proves there.

use crate::postgres::place::Place;
use countersign_catalogue::{Action, Catalogue, Name, TableKind, TriggerEvent, TypeKind, Volatility};
use countersign_guardrails::{Dialect, analyse, analyse_with, impact};
use countersign_targets::{Environment, RunOptions, Secret, catalogue, run};

async fn read(place: &Place) -> Catalogue {
    catalogue(&place.spec(), Some(&Secret::new(place.url(None))), &Environment::default()).await.unwrap()
}

const SCHEMA: &str = "
    CREATE TYPE mood AS ENUM ('low', 'high');
    CREATE DOMAIN age AS int CHECK (VALUE >= 0);
    CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
    CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
    CREATE TABLE big (id int PRIMARY KEY, c varchar(10), feeling mood);
    INSERT INTO big SELECT g, 'x', 'high' FROM generate_series(1, 10000) g;
    CREATE TABLE child (id int, big int REFERENCES big ON DELETE CASCADE ON UPDATE SET NULL);
    INSERT INTO child SELECT g, 1 + g % 10000 FROM generate_series(1, 50000) g;
    CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER audit AFTER UPDATE OF c OR DELETE ON big FOR EACH ROW EXECUTE FUNCTION log();
    CREATE FUNCTION price(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT $1 * 2';
    CREATE FUNCTION touch() RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION add(int, int) RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE sly(int) (SFUNC = add, STYPE = int);
    CREATE AGGREGATE fine(int) (SFUNC = int4pl, STYPE = int);
    CREATE VIEW calm AS SELECT id, price(id) AS price FROM big;
    CREATE VIEW wild AS SELECT touch() AS x FROM big;
    ANALYZE big; ANALYZE child";

#[tokio::test]
async fn a_catalogue_holds_what_the_database_consists_of() {
    let place = Place::new("targets_catalogue").await;
    place.admin.batch_execute(SCHEMA).await.unwrap();
    let found = read(&place).await;
    assert!(found.server.starts_with("PostgreSQL 1"), "{}", found.server);
    let big = found.table(None, "big").unwrap();
    assert_eq!(
        (big.name.schema.as_str(), big.kind, big.rows),
        ("targets_catalogue", TableKind::Table, Some(10_000))
    );
    assert!(big.bytes.unwrap() > 100_000, "{:?}", big.bytes);
    assert_eq!(big.columns[1].type_name, "character varying(10)");
    assert!(big.columns[2].type_name.ends_with("mood"), "{:?}", big.columns[2]);
    assert_eq!(big.triggers.len(), 1, "not those that foreign keys bring");
    assert_eq!(
        big.triggers[0].events.iter().collect::<Vec<_>>(),
        [&TriggerEvent::Update, &TriggerEvent::Delete]
    );
    assert_eq!(
        (big.triggers[0].columns.as_slice(), big.triggers[0].function.as_deref()),
        (&["c".to_owned()][..], Some("log"))
    );
    let key =
        found.foreign_keys.iter().find(|key| key.table == Name::new("targets_catalogue", "child")).unwrap();
    assert_eq!((key.on_delete, key.on_update), (Action::Cascade, Action::SetNull));
    assert_eq!(key.referenced_columns, ["id"]);
    assert_eq!(found.function(None, "price"), Some(Volatility::Stable));
    assert_eq!(found.function(None, "touch"), Some(Volatility::Volatile));
    assert_eq!(found.types_named(None, "mood").next().unwrap().kind, TypeKind::Enum);
    let TypeKind::Domain { base, checks } = &found.types_named(None, "age").next().unwrap().kind else {
        panic!()
    };
    assert_eq!((base.as_str(), checks.as_slice()), ("integer", &["((VALUE >= 0))".to_owned()][..]));
    let calm = found.table(None, "calm").unwrap();
    let definition = calm.definition.as_deref().unwrap();
    assert!(definition.contains("targets_catalogue.price("), "names are qualified: {definition}");
    assert_eq!(found.operator(None, "%>"), Some(Volatility::Stable));
    assert_eq!(found.left_out, [""; 0]);
    assert_eq!(read(&place).await, found, "the same again");
}

/// Row 27 of the cases.
#[tokio::test]
async fn reads_by_the_catalogue_run_read_only_and_others_are_none() {
    let place = Place::new("targets_catalogue_reads").await;
    place.admin.batch_execute(SCHEMA).await.unwrap();
    let found = read(&place).await;
    let judged = |command: &str| analyse_with(Dialect::Postgres, command, Some(&found)).is_provable_read();
    for command in [
        "SELECT count(*) FROM big WHERE feeling = 'high'::mood",
        "SELECT price(id), 3::age FROM big LIMIT 3",
        "SELECT * FROM calm LIMIT 3",
        "SELECT 'Abc'::public.citext = 'aBC'",
        "SELECT public.similarity('word', 'two words'), 'word' OPERATOR(public.<%) 'two words'",
        "SELECT c FROM big WHERE c OPERATOR(public.%>) 'abc'",
        "EXPLAIN ANALYZE SELECT price(1)",
        "SELECT fine(id) FROM big",
        "SELECT relname, n_live_tup FROM pg_stat_user_tables",
    ] {
        assert_eq!(judged(command), Ok(()), "{command}");
        let options = RunOptions { read_only: true, ..RunOptions::default() };
        let mut output = Vec::new();
        let (spec, secret) = (place.spec(), Secret::new(place.url(None)));
        let (environment, cancel) = (Environment::default(), countersign_targets::CancellationToken::new());
        let ran = run(&spec, Some(&secret), command, options, &environment, &mut output, cancel).await;
        ran.result.unwrap_or_else(|error| panic!("{command}: {error}"));
    }
    for command in
        ["SELECT touch()", "SELECT * FROM wild", "SELECT public.set_limit(0.3)", "SELECT nowhere()"]
    {
        assert!(judged(command).is_err(), "{command}");
    }
}

#[tokio::test]
async fn a_volatile_replacement_is_seen_by_the_next_catalogue() {
    let place = Place::new("targets_catalogue_again").await;
    place.admin.batch_execute(SCHEMA).await.unwrap();
    let command = "SELECT price(1)";
    let before = read(&place).await;
    assert_eq!(analyse_with(Dialect::Postgres, command, Some(&before)).is_provable_read(), Ok(()));
    let replace = "CREATE OR REPLACE FUNCTION price(int) RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 3'";
    place.admin.batch_execute(replace).await.unwrap();
    let after = read(&place).await;
    assert!(analyse_with(Dialect::Postgres, command, Some(&after)).is_provable_read().is_err());
}

/// Rows 24 and 26 of the cases.
#[tokio::test]
async fn side_effects_are_named_with_sizes() {
    let place = Place::new("targets_catalogue_impact").await;
    place.admin.batch_execute(SCHEMA).await.unwrap();
    let found = read(&place).await;
    let notes = |command: &str| impact(&analyse(Dialect::Postgres, command), &found);
    assert_eq!(
        notes("DELETE FROM big WHERE id < 100"),
        [
            "fires the trigger `audit` of `big`, which calls `log`",
            "a DELETE from `big` cascades to `child`, about 50,000 rows",
        ]
    );
    for (command, start) in [
        ("ALTER TABLE big ALTER c TYPE bigint", "ALTER COLUMN TYPE rewrites "),
        ("CREATE INDEX ON big (c)", "CREATE INDEX reads "),
        ("ALTER TABLE big ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES child (id)", "ADD FOREIGN KEY reads "),
    ] {
        let notes = notes(command);
        assert!(
            notes[0].starts_with(start) && notes[0].contains("kB of `big` (about 10,000 rows) under "),
            "{notes:?}"
        );
    }
}

/// A definition waits for the lock of its table; the rest of the catalogue does not.
#[tokio::test]
async fn a_locked_table_costs_the_definitions_only() {
    let place = Place::new("targets_catalogue_locked").await;
    place.admin.batch_execute(SCHEMA).await.unwrap();
    place.admin.batch_execute("BEGIN; LOCK TABLE big").await.unwrap();
    let found = read(&place).await;
    place.admin.batch_execute("ROLLBACK").await.unwrap();
    assert!(found.table(None, "big").is_some());
    assert_eq!(found.left_out, ["the definitions of views, which could not be read in time"]);
    let judged = analyse_with(Dialect::Postgres, "SELECT * FROM calm", Some(&found)).is_provable_read();
    assert!(judged.is_err(), "a view that is not known is not proved");
}
