//! Small inputs that once got past the guardrails, on real servers. The numbers are those of the list of cases
//! (issue 12); each is a class, and has more forms here than in the list.

use super::{blocked, connect, pending, submit};
use countersign_e2e::mariadb::Mariadb;
use countersign_e2e::postgres::Postgres;
use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

/// A service with targets of each kind, in which the tables `victim` and `payments` have two rows.
struct Scene {
    serve: Serve,
    postgres: Postgres,
    mariadb: Mariadb,
}

/// The kinds of SQL.
const SQL: [&str; 3] = ["postgres", "mysql", "sqlite"];

impl Scene {
    async fn new(name: &str) -> Self {
        let postgres = Postgres::make(name, Database::Embedded).await.unwrap();
        let mariadb = Mariadb::make(name, Database::Embedded).await.unwrap();
        let (pg, my) = (postgres.url().unwrap(), mariadb.url());
        let settings = [("PG", pg.as_str()), ("PG_READ", &pg), ("MY", &my), ("MY_READ", &my)];
        let serve = Serve::start(Database::Embedded, &settings).await.unwrap();
        let scene = Self { serve, postgres, mariadb };
        for table in ["victim", "payments"] {
            let create = format!("CREATE TABLE {table} (id int PRIMARY KEY, name varchar(50), v int)");
            let insert = format!("INSERT INTO {table} VALUES (1, 'Ada', 1), (2, 'Bob', 2)");
            scene.postgres.admin(&format!("{create}; {insert}")).await.unwrap();
            let owner = format!("ALTER TABLE {table} OWNER TO {}", scene.postgres.name());
            scene.postgres.admin(&owner).await.unwrap();
            scene.mariadb.admin(&create).await.unwrap();
            scene.mariadb.admin(&insert).await.unwrap();
            let sqlite = rusqlite::Connection::open(scene.serve.target()).unwrap();
            sqlite.execute_batch(&format!("{create}; {insert}")).unwrap();
        }
        scene
    }

    /// A connection of that kind with these rules, whose reads need no approval if they are provable.
    async fn connection(&self, kind: &str, name: &str, guardrails: Value) -> String {
        let mut members = match kind {
            "postgres" => json!({ "kind": kind, "secret": "env:PG", "read_secret": "env:PG_READ" }),
            "mysql" => json!({ "kind": kind, "secret": "env:MY", "read_secret": "env:MY_READ" }),
            "sqlite" => json!({ "kind": kind, "target": { "path": "demo.db" } }),
            _ => panic!("{kind}"),
        };
        members["auto_approve"] = json!("reads");
        members["guardrails"] = guardrails;
        let name = format!("{name}-{kind}");
        connect(&self.serve, &name, &members).await;
        name
    }

    /// The sum of a table's values, which changes if a row does.
    async fn sum(&self, kind: &str, table: &str) -> i64 {
        let query = format!("SELECT sum(v) FROM {table}");
        match kind {
            "postgres" => self.postgres.number(&query).await.unwrap(),
            "mysql" => self.mariadb.number(&query.replace("sum(v)", "CAST(sum(v) AS SIGNED)")).await.unwrap(),
            _ => {
                let sqlite = rusqlite::Connection::open(self.serve.target()).unwrap();
                sqlite.query_row(&query, [], |row| row.get(0)).unwrap()
            }
        }
    }

    /// Each command is blocked, and the tables are as they were.
    async fn blocks(&self, kinds: &[&str], name: &str, guardrails: Value, commands: &[&str]) {
        for kind in kinds {
            let connection = self.connection(kind, name, guardrails.clone()).await;
            for command in commands {
                blocked(&self.serve, &connection, command).await;
            }
            for table in ["victim", "payments"] {
                assert_eq!(self.sum(kind, table).await, 3, "{kind}: {table} after {name}");
            }
        }
    }

    /// Approves as Dana, runs, and expects the end.
    async fn runs(&self, request: &Answer) -> Answer {
        if request.state() == "PENDING" {
            assert_eq!(self.serve.approve("dana", request).await.unwrap().state(), "APPROVED");
        }
        let run = self.serve.run_to_its_end("alice", request).await.unwrap();
        assert_eq!(run.state(), "SUCCEEDED", "{run:?}");
        run
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_1_to_3_nothing_is_hidden_behind_end() {
    let scene = Scene::new("rows1").await;
    let drops = [
        "SELECT id FROM orders END; DROP TABLE victim",
        "SELECT 1 END; DROP TABLE victim",
        "SELECT 1 END DROP TABLE victim",
        "END; DROP TABLE victim",
    ];
    scene.blocks(&["mysql", "sqlite"], "row-1", json!(["no-drop"]), &drops).await;
    let deletes = ["SELECT 1 END; DELETE FROM victim", "SELECT 1 END; UPDATE victim SET v = 0"];
    scene.blocks(&SQL, "row-2", json!(["no-unbounded-write"]), &deletes).await;
    let writes =
        ["SELECT 1 END; REPLACE victim VALUES (1, 'x', 9)", "SELECT 1 END; DELETE FROM victim WHERE id = 1"];
    scene.blocks(&SQL, "row-3", json!(["read-only"]), &writes).await;
    // What is bounded waits for a reviewer, and runs.
    for kind in SQL {
        let connection = scene.connection(kind, "bounded", json!(["no-drop", "no-unbounded-write"])).await;
        let request = pending(&scene.serve, &connection, "DELETE FROM victim WHERE id = 2").await;
        scene.runs(&request).await;
        assert_eq!(scene.sum(kind, "victim").await, 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_4_to_6_no_table_is_hidden() {
    let scene = Scene::new("rows4").await;
    let denied = json!([{ "name": "payments", "deny": { "table": ["payments"] } }]);
    let reads = [
        "SELECT * FROM (TABLE payments) x",
        "SELECT * FROM ((TABLE payments)) x",
        "SELECT 1 UNION TABLE payments",
        "WITH p AS (TABLE payments) SELECT * FROM p",
        "SELECT (SELECT count(*) FROM payments)",
    ];
    scene.blocks(&["mysql", "postgres"], "row-4", denied.clone(), &reads).await;
    let written = json!([{ "name": "payments", "deny": { "written_table": ["payments"] } }]);
    let updates = [
        "UPDATE IGNORE payments SET v = 1 WHERE id = 1",
        "UPDATE LOW_PRIORITY payments SET v = 1 WHERE id = 1",
        "UPDATE LOW_PRIORITY IGNORE payments SET v = 1 WHERE id = 1",
        "DELETE LOW_PRIORITY QUICK IGNORE FROM payments WHERE id = 1",
        "INSERT DELAYED INTO payments VALUES (3, 'x', 3)",
        "INSERT HIGH_PRIORITY IGNORE payments VALUES (3, 'x', 3)",
        "REPLACE LOW_PRIORITY payments VALUES (1, 'x', 3)",
    ];
    scene.blocks(&["mysql"], "row-5", written, &updates).await;
    let aliases = [
        "SELECT name XOR FROM payments",
        "SELECT name AS XOR FROM payments",
        "SELECT name DIV FROM payments",
        "SELECT name XOR, id FROM payments",
    ];
    scene.blocks(&["sqlite", "mysql"], "row-6", denied, &aliases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_7_and_8_presets_cover_other_ways_to_the_same_end() {
    let scene = Scene::new("rows7").await;
    let drops = [
        "CREATE OR REPLACE TABLE victim (x int)",
        "CREATE OR REPLACE TABLE victim SELECT 1",
        "ALTER TABLE victim MODIFY v tinyint",
        "TRUNCATE victim",
    ];
    scene.blocks(&["mysql"], "row-7", json!(["no-drop"]), &drops).await;
    let rights = [
        "UPDATE pg_authid SET rolsuper = true WHERE rolname = 'eve'",
        "UPDATE pg_catalog.pg_authid SET rolsuper = true WHERE rolname = 'eve'",
        "INSERT INTO pg_auth_members SELECT 10, 11, 10, true",
        "ALTER SYSTEM SET log_statement = 'all'",
        "ALTER TABLE victim DISABLE TRIGGER ALL",
        "CREATE EXTENSION dblink",
    ];
    scene.blocks(&["postgres"], "row-8", json!(["no-privilege-change"]), &rights).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_9_a_bound_on_rows_is_refused_for_what_acts_outside_of_rows() {
    let scene = Scene::new("rows9").await;
    scene.postgres.admin("SELECT lo_create(0) FROM generate_series(1, 11)").await.unwrap();
    let connection = scene.connection("postgres", "row-9", json!([])).await;
    for command in [
        "SELECT lo_unlink(oid) FROM pg_largeobject_metadata",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
        "SELECT setval('s', 1)",
    ] {
        let request = pending(&scene.serve, &connection, command).await;
        let path = format!("/v1/requests/{}/approve", request.text("/id"));
        let vote = json!({ "digest": request.text("/digest"), "bounds": { "max_rows": 1 } });
        let refused = scene.serve.post("dana", &path, vote).await.unwrap();
        assert_eq!(
            (refused.status, refused.text("/errors/0/pointer")),
            (422, "/bounds/max_rows"),
            "{refused:?}"
        );
        assert_eq!(scene.serve.show("alice", &request).await.unwrap().state(), "PENDING", "{command}");
    }
    let left = "SELECT count(*) FROM pg_largeobject_metadata";
    assert_eq!(scene.postgres.number(left).await.unwrap(), 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_10_and_11_a_condition_that_holds_for_every_row_is_none() {
    let scene = Scene::new("rows10").await;
    let without_predicate =
        ["DELETE FROM victim WHERE id", "UPDATE victim SET v = 0 WHERE v", "DELETE FROM victim WHERE id + 1"];
    scene.blocks(&["mysql", "sqlite"], "row-10", json!(["no-unbounded-write"]), &without_predicate).await;
    let conditions = [
        "id = id OR NOT (id <> id)",
        "id BETWEEN id AND id",
        "name LIKE '%'",
        "id IN (SELECT id FROM victim)",
        "(id = id) IS TRUE",
        "id = id",
        "1 = 1",
        "NOT (1 = 2)",
        "id > 0 OR id <= 0",
        "id IS NULL OR id IS NOT NULL",
        "coalesce(id, 1) = coalesce(id, 1)",
        "name LIKE '%%'",
        "id >= id",
        "id IN (id)",
        "EXISTS (SELECT 1)",
        "length(name) >= 0",
        "id = (id)",
        "id + 0 = id",
        "CASE WHEN true THEN true END",
        "NOT (id IS NULL AND id IS NOT NULL)",
    ];
    let statements: Vec<String> = conditions
        .iter()
        .flat_map(|condition| {
            [
                format!("DELETE FROM victim WHERE {condition}"),
                format!("UPDATE victim SET v = 0 WHERE {condition}"),
            ]
        })
        .collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    scene.blocks(&SQL, "row-11", json!(["no-unbounded-write"]), &statements).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_15_and_16_an_entry_that_can_never_hit_is_refused_with_the_nearest_one() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let runner = json!({ "kind": "runner", "target": { "program": ["bash", "-s"] } });
    let sqlite = json!({ "kind": "sqlite", "target": { "path": "demo.db" } });
    for (members, member, entry, instead) in [
        (&runner, "statement", "rm -rf", "rm"),
        (&runner, "statement", "find -delete", "find"),
        (&runner, "statement", "kubectl delete pod", "kubectl delete"),
        (&runner, "statement", "/bin/rm", "rm"),
        (&sqlite, "statement", "DORP TABLE", "DROP TABLE"),
        (&sqlite, "table", "\"Payments\"", "payments"),
        (&sqlite, "function", "pg_sleep(", "pg_sleep"),
    ] {
        let mut connection = members.clone();
        connection["reviewers"] = json!(["dba-team"]);
        connection["guardrails"] = json!([{ "name": "typo", "deny": { member: [entry] } }]);
        let refused = serve.call("root", "PUT", "/v1/connections/typo", Some(connection)).await.unwrap();
        assert_eq!(refused.status, 422, "{entry}: {refused:?}");
        let pointer = format!("/guardrails/0/deny/{member}/0");
        assert_eq!(refused.text("/errors/0/pointer"), pointer, "{entry}: {refused:?}");
        let message = refused.text("/errors/0/message");
        assert!(message.contains(&format!("did you mean `{instead}`?")), "{entry}: {message}");
        assert_eq!(serve.get("root", "/v1/connections/typo").await.unwrap().status, 404, "{entry} is saved");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_28_and_29_what_shows_and_looks_is_a_read() {
    let scene = Scene::new("rows28").await;
    let mysql = [
        "SHOW PROCESSLIST",
        "SHOW INDEX FROM victim",
        "SHOW STATUS",
        "SHOW GRANTS",
        "SHOW TABLE STATUS",
        "SELECT 7 MOD 2",
        "SELECT CHAR(65 USING utf8mb4)",
    ];
    let sqlite =
        ["PRAGMA table_info(victim)", "PRAGMA index_list(victim)", "PRAGMA foreign_key_list('victim')"];
    for (kind, commands) in [("mysql", mysql.as_slice()), ("sqlite", sqlite.as_slice())] {
        let connection = scene.connection(kind, "reads", json!(["read-only"])).await;
        for command in commands {
            let request = submit(&scene.serve, &connection, command).await;
            assert_eq!((request.status, request.state()), (201, "APPROVED"), "{command}: {request:?}");
            assert_eq!(request.text("/auto_approval/cause"), "rule", "{command}");
            scene.runs(&request).await;
        }
        assert_eq!(scene.sum(kind, "victim").await, 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_31_what_is_not_understood_says_where_and_what_was_expected() {
    let scene = Scene::new("rows31").await;
    for kind in SQL {
        let connection = scene.connection(kind, "row-31", json!(["no-drop"])).await;
        for command in ["SELECT 1;\nDROP TABEL victim", "SELEC 1", "SELECT * FORM victim", "SELECT (1"] {
            let answer = blocked(&scene.serve, &connection, command).await;
            let detail = answer.text("/detail");
            assert!(detail.contains("line ") && detail.contains("column "), "{kind}: {command}: {detail}");
        }
    }
}
