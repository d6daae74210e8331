//! Each kind of connection: what destroys is blocked before anyone is asked, and what deletes needs approval.

use super::{blocked, connect, pending};
use countersign_e2e::{Database, Serve};
use countersign_targets::TargetKind;
use serde_json::{Value, json};

/// What a kind has instead of `DROP TABLE` and `DELETE`.
struct Row {
    connection: Value,
    destroys: &'static [&'static str],
    deletes: &'static [&'static str],
}

/// A new kind needs a row: this match has an arm for each.
fn row(kind: TargetKind) -> Row {
    let sql = |mut connection: Value, destroys, deletes| {
        connection["guardrails"] = json!(["no-drop"]);
        Row { connection, destroys, deletes }
    };
    let drops = &["DROP TABLE customers", "SELECT 1; drop /* x */ table customers", "DROP TABLE"];
    let deletes = &["DELETE FROM customers WHERE id = 7"];
    match kind {
        TargetKind::Sqlite => {
            sql(json!({ "kind": "sqlite", "target": { "path": "demo.db" } }), drops, deletes)
        }
        TargetKind::Postgres => sql(json!({ "kind": "postgres", "secret": "env:NOWHERE" }), drops, deletes),
        TargetKind::Mysql => sql(json!({ "kind": "mysql", "secret": "env:NOWHERE" }), drops, deletes),
        TargetKind::Http => Row {
            connection: json!({ "kind": "http", "target": { "base_url": "https://api.example.com" },
                "guardrails": [{ "name": "no-delete", "deny": { "statement": ["DELETE"] } }] }),
            destroys: &[
                "DELETE /users/7",
                "POST /users/7?_method=DELETE",
                "POST /users/7\ncontent-type: application/x-www-form-urlencoded\n\n_method=DELETE",
                "GET /users/7\nx-http-method-override: DELETE",
            ],
            deletes: &["POST /users/7/deletions"],
        },
        TargetKind::Runner => Row {
            connection: json!({ "kind": "runner", "target": { "program": ["bash", "-s"] },
                "guardrails": [{ "name": "no-rm", "deny": { "statement": ["rm"] } }] }),
            destroys: &["rm -rf /srv/app", "r\\m -rf /srv/app", "find /srv/app -exec rm {} +"],
            deletes: &["kubectl delete pod web-1"],
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_destroys_is_blocked_before_anyone_is_asked_and_what_deletes_needs_approval() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    for kind in TargetKind::ALL {
        let row = row(kind);
        let name = format!("kind-{kind}");
        connect(&serve, &name, &row.connection).await;
        for command in row.destroys {
            let answer = blocked(&serve, &name, command).await;
            let events = format!("/v1/requests/{}/events", answer.text("/request_id"));
            let events = serve.get("audra", &events).await.unwrap();
            let types: Vec<&str> = events.items().iter().filter_map(|event| event["type"].as_str()).collect();
            assert_eq!(types, ["request.created", "request.blocked"], "{kind}: {command}");
        }
        for command in row.deletes {
            let request = pending(&serve, &name, command).await;
            assert_eq!(request.json["auto_approval"], Value::Null, "{kind}: {command}");
        }
        // The same without guardrails needs approval.
        let mut open = row.connection.clone();
        open["guardrails"] = json!([]);
        let name = format!("open-{kind}");
        connect(&serve, &name, &open).await;
        let destroys = row.destroys.first().expect("a command that destroys");
        pending(&serve, &name, destroys).await;
    }
}
