//! `exec` when it does not go well: each ending has its exit code, and its words say what to do.

use countersign_e2e::program::{bare, to_the_end};
use countersign_e2e::{Database, Serve};
use serde_json::json;

use crate::program::{customers, decide, ended, says};

async fn a_failure_is_1_with_the_targets_words(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let command = "DELETE FROM customers; SELECT * FROM nowhere";
    let exec = serve.run("alice", &["exec", "demo-open", command]).await.unwrap();
    assert_eq!(exec.code, Some(1), "{}", exec.err);
    says(
        &exec,
        &[
            "✘ Failed",
            "statement 2 of 2, line 1: no such table: nowhere",
            "Statement 2 of 2 (line 1) failed. Everything was rolled back.",
            "1, line 1: DELETE rolled back (1000 rows",
            "2, line 1: SELECT failed",
        ],
    );
    assert_eq!(exec.out, "rolled back: DELETE\n");
    let request = serve.find(command).await.unwrap();
    for (who, error) in [("alice", true), ("audra", true)] {
        let shown = serve.get(who, &format!("/v1/requests/{}", request.text("/id"))).await.unwrap();
        assert_eq!(shown.text("/transaction/outcome"), "rolled_back");
        assert_eq!(shown.text("/transaction/statements/0/status"), "rolled_back");
        assert_eq!(shown.text("/transaction/statements/1/status"), "failed");
        assert_eq!(shown.json["transaction"]["statements"][1]["error"].is_string(), error);
    }
    assert_eq!(customers(&serve, "1"), 1000, "several statements are all or nothing");
}

async fn statement_by_statement_keeps_what_was_committed(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let command = "DELETE FROM customers WHERE id = 1;\nDELETE FROM nowhere;\nDELETE FROM customers";
    let exec = serve.begin("alice", &["exec", "demo-db", command, "--statement-by-statement"]).unwrap();
    let request = serve.find(command).await.unwrap();
    assert_eq!(request.text("/run_mode"), "statement_by_statement");
    // What the reviewer sees, and what they cannot ask for.
    let shown = serve.run("dana", &["requests", "show", request.text("/id")]).await.unwrap();
    assert!(shown.out.contains("statement by statement"), "{}", shown.out);
    let bounded = decide(&serve, "dana", "approve", &request, &["--max-rows", "5"]).await;
    ended(&bounded, 2, "");
    says(&bounded, &["commit one by one"]);
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    let exec = exec.end().await.unwrap();
    assert_eq!((exec.code, exec.out.as_str()), (Some(1), "DELETE 1\n"), "{}", exec.err);
    says(
        &exec,
        &[
            "statement 2 of 3, line 2: no such table: nowhere",
            "Statement 2 of 3 (line 2) failed. Statement 1 is committed; statement 3 was not run.",
        ],
    );
    assert_eq!(customers(&serve, "1"), 999);
    let elsewhere =
        json!({ "kind": "http", "target": { "base_url": "https://example.com" }, "approvals": false });
    serve.connect("http", elsewhere).await.unwrap();
    let refused = serve.run("alice", &["exec", "http", "GET /x", "--statement-by-statement"]).await.unwrap();
    ended(&refused, 2, "");
    says(&refused, &["`run_mode` must be `transaction` on connections of kind http"]);
}

async fn a_rejection_is_10_and_says_by_whom_and_why(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let exec = serve.begin("alice", &["exec", "demo-dual", "DROP TABLE customers"]).unwrap();
    let request = serve.find("DROP TABLE customers").await.unwrap();
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    let silent = decide(&serve, "sam", "reject", &request, &[]).await;
    ended(&silent, 2, "");
    says(&silent, &["--reason"]);
    let rejected = decide(&serve, "sam", "reject", &request, &["--reason", "we need that table"]).await;
    assert_eq!(rejected.code, Some(0), "{}", rejected.err);
    assert!(rejected.out.contains("rejected"), "{}", rejected.out);
    let exec = exec.end().await.unwrap();
    ended(&exec, 10, "");
    says(
        &exec,
        &[
            "✘ Rejected by sam@example.com (security-team) via cli",
            "Reason: we need that table",
            "The command was not run.",
        ],
    );
    assert_eq!(customers(&serve, "1"), 1000);
    let late = decide(&serve, "rita", "approve", &request, &[]).await;
    ended(&late, 1, "");
    says(&late, &["REJECTED"]);
    let run = serve.run("alice", &["run", request.text("/id")]).await.unwrap();
    ended(&run, 10, "");
}

async fn no_approval_in_time_is_11_and_asks_to_submit_again(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let command = "DELETE FROM customers";
    let exec = serve.run("alice", &["exec", "demo-db", command, "--timeout", "1s"]).await.unwrap();
    ended(&exec, 11, "");
    says(
        &exec,
        &[
            "✘ Timed out waiting for the approval of dba-team",
            "The command was not run. To run it, submit it again.",
        ],
    );
    let request = serve.find(command).await.unwrap();
    let late = decide(&serve, "dana", "approve", &request, &[]).await;
    ended(&late, 1, "");
    says(&late, &["EXPIRED"]);
    ended(&serve.run("alice", &["run", request.text("/id")]).await.unwrap(), 11, "");
    assert_eq!(customers(&serve, "1"), 1000);
}

async fn an_approval_that_is_not_used_in_time_is_11_too(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let brief = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "run_within_seconds": 1 });
    serve.connect("brief", brief).await.unwrap();
    let request = serve.submit("alice", "brief", "DELETE FROM customers", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
    serve.wait_for("alice", &request, &["EXPIRED"]).await.unwrap();
    let run = serve.run("alice", &["run", request.text("/id")]).await.unwrap();
    ended(&run, 11, "");
    says(&run, &["it was approved, but not run before", "submit it again"]);
    assert_eq!(customers(&serve, "1"), 1000);
}

async fn a_cancel_is_13_whoever_did_it(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    for (who, words) in [
        ("alice", "✘ Cancelled by alice@example.com via cli"),
        ("root", "✘ Revoked by root@example.com via cli"),
    ] {
        let command = format!("DELETE FROM customers -- {who}");
        let exec = serve.begin("alice", &["exec", "demo-db", &command]).unwrap();
        let request = serve.find(&command).await.unwrap();
        let others = serve.run("dana", &["cancel", request.text("/id"), "--yes"]).await.unwrap();
        ended(&others, 20, "");
        let cancel = serve.run(who, &["cancel", request.text("/id"), "--yes"]).await.unwrap();
        assert_eq!(cancel.code, Some(0), "{}", cancel.err);
        let exec = exec.end().await.unwrap();
        ended(&exec, 13, "");
        says(&exec, &[words, "The command was not run."]);
    }
    assert_eq!(customers(&serve, "1"), 1000);
}

async fn an_executor_that_dies_is_14_until_an_admin_settles_it(database: Database) {
    let settings = [("COUNTERSIGN_LEASE_MARGIN_SEC", "1")];
    let mut serve = Serve::start_at_a_fixed_address(database, &settings).await.unwrap();
    let slow = json!({ "kind": "sqlite", "target": { "path": "demo.db", "statement_timeout_seconds": 6 }, "approvals": false });
    serve.connect("slow", slow).await.unwrap();
    let command = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let exec = serve.begin("alice", &["exec", "slow", command]).unwrap();
    let request = serve.find(command).await.unwrap();
    serve.wait_for("alice", &request, &["RUNNING"]).await.unwrap();
    serve.kill_and_restart().await.unwrap();
    let exec = exec.end().await.unwrap();
    ended(&exec, 14, "");
    let settle = format!("countersign settle {}", request.text("/id"));
    says(&exec, &["✘ Outcome unknown", "Look at the target before you submit it again", &settle]);
    let id = request.text("/id");
    ended(&serve.run("alice", &["run", id]).await.unwrap(), 14, "");
    let args = ["settle", id, "--outcome", "failed", "--note", "looked: nothing was changed"];
    ended(&serve.run("dana", &args).await.unwrap(), 20, "");
    let settled = serve.run("root", &args).await.unwrap();
    assert_eq!(settled.code, Some(0), "{}", settled.err);
    ended(&serve.run("alice", &["run", id]).await.unwrap(), 1, "");
}

async fn what_is_not_yours_is_20(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let hidden = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "allowed_groups": ["security-team"] });
    serve.connect("hidden", hidden).await.unwrap();
    for connection in ["hidden", "nowhere"] {
        let exec = serve.run("alice", &["exec", connection, "SELECT 1"]).await.unwrap();
        ended(&exec, 20, "");
        says(&exec, &["there is no such connection, or you may not see it"]);
    }
    let request = serve.submit("sam", "hidden", "SELECT 1", json!({})).await.unwrap();
    for args in [["requests", "show"], ["events", ""], ["run", ""], ["output", ""]] {
        let args: Vec<&str> =
            args.into_iter().filter(|arg| !arg.is_empty()).chain([request.text("/id")]).collect();
        ended(&serve.run("alice", &args).await.unwrap(), 20, "");
    }
    ended(&decide(&serve, "alice", "approve", &request, &[]).await, 20, "");
    let own = serve.submit("dana", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let refused = decide(&serve, "dana", "approve", &own, &[]).await;
    ended(&refused, 20, "");
    says(&refused, &["your own request"]);

    let broken = format!("{}x", serve.token("alice"));
    for token in ["cst_nonsense", &broken, ""] {
        let environment = [("COUNTERSIGN_URL", serve.url()), ("COUNTERSIGN_TOKEN", token)];
        let exec = to_the_end(bare(&["exec", "demo-open", "SELECT 1"], &environment).unwrap()).await.unwrap();
        ended(&exec, 20, "");
        says(&exec, &["Sign in first", "COUNTERSIGN_TOKEN"]);
        assert!(token.is_empty() || !exec.err.contains(token), "a token is no text for a screen");
    }
}

async fn a_wrong_call_is_2_and_submits_nothing(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let longer = "x".repeat(101 * 1024);
    for (args, words) in [
        // Without a command it is read from standard input, which is empty here.
        (&["exec", "demo-db"][..], "standard input is empty"),
        (&["exec", "demo-db", "  "], "is empty"),
        (&["exec", "demo-db", "SELECT 1", "-f", "x.sql"], "cannot be used with"),
        (&["exec", "demo-db", "-f", "/nowhere/x.sql"], "cannot read `/nowhere/x.sql`"),
        (&["exec", "demo-db", "SELECT 1", "--timeout", "soon"], "expected a duration"),
        (&["exec", "demo-db", "SELECT 1", "--timeout", "2h"], "3600"),
        (&["exec", "demo-db", &longer], "the most is 102400"),
        (&["exec", "demo-db", "SELECT 1", "--wat"], "--wat"),
    ] {
        let exec = serve.run("alice", args).await.unwrap();
        ended(&exec, 2, "");
        says(&exec, &[words]);
    }
    let list = serve.get("audra", "/v1/requests").await.unwrap();
    assert!(list.items().is_empty(), "{list:?}");
}

async fn a_service_that_cannot_be_reached_is_21(database: Database) {
    let mut serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    serve.kill().await.unwrap();
    for args in [&["exec", "demo-db", "SELECT 1"][..], &["requests", "list"], &["run", request.text("/id")]] {
        let run = serve.run("alice", args).await.unwrap();
        ended(&run, 21, "");
        says(&run, &["cannot reach the service at", serve.url(), "check the address"]);
    }
}

countersign_e2e::on_every_database! {
    a_failure_is_1_with_the_targets_words,
    statement_by_statement_keeps_what_was_committed,
    a_rejection_is_10_and_says_by_whom_and_why,
    no_approval_in_time_is_11_and_asks_to_submit_again,
    an_approval_that_is_not_used_in_time_is_11_too,
    a_cancel_is_13_whoever_did_it,
    an_executor_that_dies_is_14_until_an_admin_settles_it,
    what_is_not_yours_is_20,
    a_wrong_call_is_2_and_submits_nothing,
    a_service_that_cannot_be_reached_is_21,
}
