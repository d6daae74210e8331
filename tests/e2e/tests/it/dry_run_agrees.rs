//! A dry run says what a submission right after it says: over many statements, connections and people, with the catalogue
//! of a database and without one.

use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

/// People with different rights: a requester, reviewers, an admin who reviews.
const PEOPLE: [&str; 5] = ["alice", "sam", "dana", "rita", "root"];

/// What a dry run and a submission have in common.
#[derive(Debug, PartialEq)]
struct Verdict {
    outcome: &'static str,
    rule: Value,
    message: Value,
    auto_approval: Value,
    groups: Vec<(String, Value)>,
    risk: Value,
    row_bound: bool,
}

fn groups(of: &Value) -> Vec<(String, Value)> {
    let groups = of.as_array().map_or(&[][..], Vec::as_slice);
    groups.iter().map(|group| (group["group"].to_string(), group["status"].clone())).collect()
}

fn of_check(check: &Value) -> Verdict {
    let outcome = match check["outcome"].as_str().unwrap() {
        "blocked" => "blocked",
        "auto_approved" => "auto_approved",
        "needs_approval" => "needs_approval",
        other => panic!("{other}"),
    };
    Verdict {
        outcome,
        rule: check["rule"].clone(),
        message: check["message"].clone(),
        auto_approval: check["auto_approval"].clone(),
        groups: groups(&check["groups"]),
        risk: check["risk"].clone(),
        row_bound: check["row_bound"]["possible"].as_bool().unwrap(),
    }
}

fn of_request(request: &Value) -> Verdict {
    let (outcome, groups) = match request["status"].as_str().unwrap() {
        "APPROVED" => ("auto_approved", Vec::new()),
        "PENDING" => ("needs_approval", groups(&request["groups"])),
        other => panic!("{other}: {request}"),
    };
    Verdict {
        outcome,
        rule: request.pointer("/auto_approval/rule").cloned().unwrap_or_default(),
        message: Value::Null,
        auto_approval: request["auto_approval"].clone(),
        groups,
        row_bound: request.pointer("/risk/no_row_bound").is_none_or(Value::is_null),
        risk: request["risk"].clone(),
    }
}

/// Tries a command, submits it at once, and compares.
async fn agrees(serve: &Serve, who: &str, connection: &str, command: &str, mode: &str) -> Verdict {
    let path = format!("/v1/connections/{connection}/check");
    let tried = serve.post(who, &path, json!({ "command": command, "run_mode": mode })).await.unwrap();
    let body = json!({ "connection": connection, "command": command, "run_mode": mode });
    let submitted = serve.post(who, "/v1/requests", body).await.unwrap();
    let place = format!("{who} on {connection}, {mode}: {command}: {tried:?} and {submitted:?}");
    assert_eq!(tried.status, 200, "{place}");
    let said = of_check(&tried.json);
    match (submitted.status, submitted.slug()) {
        (201, _) => {
            assert_eq!(said, of_request(&submitted.json), "{place}");
            assert_eq!(tried.json["row_bound"]["max_rows"], submitted.json["max_rows"], "{place}");
            serve.act(who, "cancel", &submitted).await.unwrap();
        }
        (403, "guardrail-blocked") => {
            let blocked = (said.outcome, said.rule.as_str().unwrap(), said.message.as_str().unwrap());
            assert_eq!(blocked, ("blocked", submitted.text("/rule"), submitted.text("/detail")), "{place}");
            let request = shown(serve, who, &submitted).await;
            assert_eq!(said.risk, request.json["risk"], "{place}");
        }
        _ => panic!("{place}"),
    }
    said
}

async fn shown(serve: &Serve, who: &str, blocked: &Answer) -> Answer {
    serve.get(who, &format!("/v1/requests/{}", blocked.text("/request_id"))).await.unwrap()
}

/// Each command on each connection, by people in turn; counts the outcomes.
async fn all_agree(serve: &Serve, connections: &[String], commands: &[&str]) -> [usize; 3] {
    let mut outcomes = [0; 3];
    for (place, (connection, command)) in connections
        .iter()
        .flat_map(|connection| commands.iter().map(move |command| (connection, command)))
        .enumerate()
    {
        let who = PEOPLE[place % PEOPLE.len()];
        for mode in ["transaction", "statement_by_statement"] {
            let verdict = agrees(serve, who, connection, command, mode).await;
            let index =
                ["blocked", "auto_approved", "needs_approval"].iter().position(|it| *it == verdict.outcome);
            outcomes[index.unwrap()] += 1;
        }
    }
    outcomes
}

/// Makes a connection for each policy.
async fn connect(serve: &Serve, base: &Value, policies: &[Value]) -> Vec<String> {
    let mut names = Vec::new();
    for (number, policy) in policies.iter().enumerate() {
        let mut connection = base.clone();
        connection.as_object_mut().unwrap().extend(policy.as_object().unwrap().clone());
        let name = format!("{}-{number}", base["kind"].as_str().unwrap());
        serve.connect(&name, connection).await.unwrap();
        names.push(name);
    }
    names
}

async fn a_dry_run_says_what_a_submission_then_says(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let base = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
    let policies = [
        json!({}),
        json!({ "guardrails": ["no-drop", "no-unbounded-write"], "auto_approve": "reads", "max_rows": 3 }),
        json!({ "guardrails": ["read-only"], "admin_auto_approve": false, "approvals_per_group": 2 }),
        json!({ "approvals": false, "max_rows": 1,
            "guardrails": [{ "name": "payroll", "deny": { "table": ["customers"] } }] }),
    ];
    let connections = connect(&serve, &base, &policies).await;
    let commands = [
        "SELECT 1",
        "SELECT name FROM customers",
        "DELETE FROM customers WHERE id = 7",
        "DELETE FROM customers",
        "UPDATE customers SET name = 'x' WHERE id = id",
        "INSERT INTO customers (name) VALUES ('x'); DELETE FROM customers WHERE id = 1",
        "DROP TABLE customers",
        "CREATE TABLE a (b)",
        "PRAGMA table_info(customers)",
        "SELECT 1;\n  SELEKT 2",
        "VACUUM",
    ];
    let outcomes = all_agree(&serve, &connections, &commands).await;
    assert!(outcomes.iter().all(|outcome| *outcome > 5), "{outcomes:?}");
}

countersign_e2e::on_every_database! {
    a_dry_run_says_what_a_submission_then_says,
}

/// On the embedded database alone: nothing here differs with the other.
#[cfg(feature = "postgres-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_knows_the_catalogue_of_postgres_as_a_submission_does() {
    use countersign_e2e::postgres::Postgres;
    let postgres = Postgres::make("agrees", Database::Embedded).await.unwrap();
    let schema = "CREATE TYPE mood AS ENUM ('low', 'high'); \
        CREATE FUNCTION price(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT $1 * 2'; \
        CREATE FUNCTION spend(int) RETURNS int VOLATILE LANGUAGE sql AS 'SELECT $1'; \
        CREATE VIEW cheap AS SELECT price(id) AS id FROM t; CREATE VIEW dear AS SELECT spend(id) AS id FROM t";
    postgres.admin(schema).await.unwrap();
    let url = postgres.url().unwrap();
    let serve = Serve::start(Database::Embedded, &[("PG", &url), ("READ", &url)]).await.unwrap();
    let base = json!({ "kind": "postgres", "secret": "env:PG", "read_secret": "env:READ", "reviewers": ["dba-team"] });
    let policies =
        [json!({ "auto_approve": "reads" }), json!({ "guardrails": ["read-only"], "max_rows": 5 })];
    let connections = connect(&serve, &base, &policies).await;
    let commands = [
        "SELECT price(1)",
        "SELECT spend(1)",
        "SELECT 'low'::mood",
        "SELECT * FROM cheap",
        "SELECT * FROM dear",
        "DELETE FROM t WHERE id = price(1)",
        "UPDATE t SET id = spend(id)",
        "SELECT nextval('s')",
    ];
    let before = all_agree(&serve, &connections, &commands).await;
    for connection in &connections {
        let refreshed = serve.run("root", &["connections", "refresh", connection]).await.unwrap();
        assert_eq!(refreshed.code, Some(0), "{}", refreshed.err);
    }
    let after = all_agree(&serve, &connections, &commands).await;
    assert!(after[1] > before[1] && after[0] < before[0], "more is a read: {before:?}, {after:?}");
}

/// The same: an engine without transactions makes a bound impossible.
#[cfg(feature = "mariadb-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_knows_the_engines_of_mysql_as_a_submission_does() {
    use countersign_e2e::mariadb::Mariadb;
    let mariadb = Mariadb::make("agrees", Database::Embedded).await.unwrap();
    mariadb.admin("CREATE TABLE old (id int) ENGINE=MyISAM").await.unwrap();
    let url = mariadb.url();
    let serve = Serve::start(Database::Embedded, &[("MY", &url)]).await.unwrap();
    let base =
        json!({ "kind": "mysql", "secret": "env:MY", "read_secret": "env:MY", "reviewers": ["dba-team"] });
    let connections = connect(&serve, &base, &[json!({}), json!({ "max_rows": 5 })]).await;
    let commands = [
        "DELETE FROM old WHERE id = 1",
        "DELETE FROM t WHERE id = 1",
        "INSERT INTO t SELECT id, 'x' FROM old",
        "REPLACE old VALUES (1)",
        "SELECT * FROM old",
        "DELETE o FROM old o JOIN t ON t.id = o.id",
    ];
    let before = all_agree(&serve, &connections, &commands).await;
    for connection in &connections {
        let refreshed = serve.run("root", &["connections", "refresh", connection]).await.unwrap();
        assert_eq!(refreshed.code, Some(0), "{}", refreshed.err);
    }
    let after = all_agree(&serve, &connections, &commands).await;
    assert!(after[0] > before[0], "less can be bounded: {before:?}, {after:?}");
}
