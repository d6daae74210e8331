//! The catalogue, read from a server.

use crate::mariadb::place::{Place, server};
use countersign_catalogue::{Action, Catalogue, TriggerEvent};
use countersign_guardrails::{Dialect, analyse, count_query, impact};
use countersign_targets::{Environment, Secret, TargetKind, TargetSpec, catalogue, estimate};
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use serde_json::json;

fn spec() -> TargetSpec {
    TargetSpec::parse(TargetKind::Mysql, &json!({})).unwrap()
}

async fn read(url: &str) -> Catalogue {
    catalogue(&spec(), Some(&Secret::new(url)), &Environment::default()).await.unwrap()
}

async fn made(name: &'static str) -> Place {
    // A database with a foreign key is not replaced. The first time there is none.
    let mut conn = Conn::new(server()).await.unwrap();
    let _ = conn.query_drop(format!("DROP TABLE IF EXISTS {name}.child")).await;
    let place = Place::new(name).await;
    for sql in [
        "CREATE TABLE big (id int PRIMARY KEY, v int) ENGINE=InnoDB",
        "INSERT INTO big SELECT seq, seq % 10 FROM seq_1_to_100000",
        "CREATE TABLE child (id int, big int, CONSTRAINT `on DELETE` FOREIGN KEY (big) REFERENCES big (id) \
         ON DELETE CASCADE ON UPDATE SET NULL) ENGINE=InnoDB",
        "CREATE TABLE old (id int) ENGINE=MyISAM",
        "CREATE TRIGGER audit AFTER DELETE ON big FOR EACH ROW SET @x = 1",
        "CREATE TRIGGER silent AFTER DELETE ON child FOR EACH ROW SET @x = 1",
        "ANALYZE TABLE big PERSISTENT FOR ALL",
    ] {
        place.admin(sql).await;
    }
    place
}

#[tokio::test]
async fn side_effects_are_named_and_engines_without_rollback_too() {
    let place = made("targets_catalogue").await;
    let found = read(&place.url()).await;
    assert!(found.server.starts_with("MariaDB "), "{}", found.server);
    assert_eq!(found.left_out, [""; 0]);
    let big = found.table(None, "big").unwrap();
    assert!(
        big.rows.is_some_and(|rows| (90_000..110_000).contains(&rows)) && !big.ignores_rollback,
        "{big:?}"
    );
    assert_eq!(big.triggers[0].events.iter().collect::<Vec<_>>(), [&TriggerEvent::Delete]);
    assert_eq!(big.columns[1].type_name, "int(11)");
    let notes = |command: &str| impact(&analyse(Dialect::Mysql, command), &found);
    let of_delete = notes("DELETE FROM big WHERE id < 9");
    assert_eq!(of_delete.len(), 2, "cascades fire no triggers: {of_delete:?}");
    assert_eq!(of_delete[0], "fires the trigger `audit` of `big`");
    assert!(of_delete[1].starts_with("a DELETE from `big` cascades to `child`"), "{of_delete:?}");
    for command in
        ["UPDATE old SET id = 1", "REPLACE INTO old VALUES (1)", "INSERT IGNORE INTO old VALUES (1)"]
    {
        let notes = notes(command);
        let expected = "`old` is stored in MyISAM: a rollback does not undo changes of it";
        assert!(notes.contains(&expected.to_owned()), "{command}: {notes:?}");
    }
}

#[tokio::test]
async fn a_user_who_may_only_read_sees_cascades_and_is_told_that_triggers_are_missing() {
    let place = made("targets_catalogue_reader").await;
    place.admin("CREATE OR REPLACE USER targets_catalogue_reader@'%' IDENTIFIED BY 'reader'").await;
    place.admin("GRANT SELECT ON targets_catalogue_reader.* TO targets_catalogue_reader@'%'").await;
    let url = place.url();
    let (_, server) = url.split_once('@').unwrap();
    let found = read(&format!("mysql://targets_catalogue_reader:reader@{server}")).await;
    assert_eq!(found.left_out, ["triggers, which only a user with the TRIGGER privilege sees"]);
    let [key] = found.foreign_keys.as_slice() else { panic!("{:?}", found.foreign_keys) };
    assert_eq!((key.on_delete, key.on_update), (Action::Cascade, Action::SetNull));
    assert_eq!(key.referenced_columns, ["id"]);
    place.admin("DROP USER targets_catalogue_reader@'%'").await;
}

/// Row 25 of the cases.
#[tokio::test]
async fn an_estimate_tells_the_rows_that_change_and_not_those_examined() {
    let place = made("targets_catalogue_rows").await;
    let command = "DELETE FROM big WHERE v = 3";
    let query = count_query(Dialect::Mysql, command, None).unwrap();
    assert_eq!(
        query.sql.split_whitespace().collect::<Vec<_>>().join(" "),
        "SELECT COUNT(*) FROM big WHERE v = 3"
    );
    let secret = Secret::new(place.url());
    let found = estimate(&spec(), Some(&secret), command, &[0], Some(&query.sql)).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!((5_000..20_000).contains(&found[0].rows), "10,000 rows change: {found:?}");
    let sum = "DELETE FROM big WHERE id < 3; UPDATE t SET name = 'x' WHERE id = 1";
    let found = estimate(&spec(), Some(&secret), sum, &[0, 1], None).await.unwrap();
    assert_eq!(found.iter().map(|rows| rows.table.as_str()).collect::<Vec<_>>(), ["big", "t"]);
}
