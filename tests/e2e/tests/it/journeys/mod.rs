//! What users do, over HTTP, against the real program, on every database.

mod small_print;

use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

fn customers(serve: &Serve, condition: &str) -> u32 {
    let database = rusqlite::Connection::open(serve.target()).unwrap();
    let count = format!("SELECT count(*) FROM customers WHERE {condition}");
    database.query_row(&count, [], |row| row.get(0)).unwrap()
}

async fn one_group_approves_and_the_command_runs_once(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request =
        serve.submit("alice", "demo-db", "DELETE FROM customers WHERE id = 7", json!({})).await.unwrap();
    assert_eq!((request.state(), request.text("/groups/0/status")), ("PENDING", "PENDING"));
    assert_eq!(serve.act("alice", "run", &request).await.unwrap().status, 409, "not approved yet");
    let approved = serve.approve("dana", &request).await.unwrap();
    assert_eq!((approved.status, approved.state()), (200, "APPROVED"));
    assert_eq!(approved.text("/groups/0/decisions/0/user/email"), "dana@example.com");
    assert_eq!(customers(&serve, "id = 7"), 1, "approved is not run");
    let runs = tokio::join!(
        serve.act("alice", "run", &request),
        serve.act("alice", "run", &request),
        serve.act("alice", "run", &request)
    );
    for run in [runs.0, runs.1, runs.2] {
        let run = run.unwrap();
        assert_eq!((run.status, run.state()), (200, "SUCCEEDED"), "{run:?}");
        assert_eq!(run.json["execution"]["rows"], 1);
    }
    assert_eq!(customers(&serve, "1"), 999);
    let events = serve.get("audra", &format!("/v1/requests/{}/events", request.text("/id"))).await.unwrap();
    let types: Vec<&str> =
        events.json["items"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["request.created", "request.vote", "request.approved", "request.running", "request.succeeded"]
    );
    assert_eq!(events.text("/items/0/prev_hash"), "0".repeat(64));
    assert_eq!(events.text("/items/1/prev_hash"), events.text("/items/0/hash"));
}

async fn two_groups_need_two_people(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request =
        serve.submit("alice", "demo-dual", "UPDATE customers SET name = 'X'", json!({})).await.unwrap();
    // rita is in both groups, but she is one person.
    let first = serve.approve("rita", &request).await.unwrap();
    assert_eq!((first.status, first.state()), (200, "PENDING"));
    let again = serve.approve("rita", &request).await.unwrap();
    assert_eq!(
        (again.status, again.json["version"].clone()),
        (200, first.json["version"].clone()),
        "identical vote"
    );
    // Whichever group rita was counted for, sam's vote completes: she is moved.
    let second = serve.approve("sam", &request).await.unwrap();
    assert_eq!((second.status, second.state()), (200, "APPROVED"), "{second:?}");
    let late = serve.approve("dana", &request).await.unwrap();
    assert_eq!((late.status, late.text("/status_now")), (409, "APPROVED"));
    let run = serve.act("alice", "run", &request).await.unwrap();
    assert_eq!((run.status, run.state()), (200, "SUCCEEDED"));
    assert_eq!(customers(&serve, "name = 'X'"), 1000);
}

async fn a_vote_that_fills_no_place_is_not_needed(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-dual", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().status, 200);
    let refused = serve.approve("root", &request).await.unwrap();
    assert_eq!(refused.status, 409);
    assert_eq!(refused.text("/type"), "https://countersign.dev/problems/vote-not-needed");
}

async fn one_rejection_ends_it_with_its_reason(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-dual", "DROP TABLE customers", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().status, 200);
    let silent = serve.reject("sam", &request, "  ").await.unwrap();
    assert_eq!(silent.status, 422, "a reason is required");
    let rejected = serve.reject("sam", &request, "we need that table").await.unwrap();
    assert_eq!((rejected.status, rejected.state()), (200, "REJECTED"));
    let seen = serve.show("alice", &request).await.unwrap();
    assert_eq!(seen.text("/groups/1/decisions/0/comment"), "we need that table");
    assert_eq!(serve.act("alice", "run", &request).await.unwrap().status, 409);
    assert_eq!(serve.approve("rita", &request).await.unwrap().text("/status_now"), "REJECTED");
    assert_eq!(customers(&serve, "1"), 1000);
}

async fn what_nobody_decides_in_time_expires(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let longer = json!({ "connection": "demo-db", "command": "SELECT 1", "timeout_seconds": 999_999 });
    assert_eq!(serve.post("alice", "/v1/requests", longer).await.unwrap().status, 422);
    let request =
        serve.submit("alice", "demo-db", "SELECT 1", json!({ "timeout_seconds": 1 })).await.unwrap();
    let expired = serve.wait_for("alice", &request, &["EXPIRED"]).await.unwrap();
    assert_eq!(expired.text("/cause"), "review_timeout");
    let late = serve.approve("dana", &request).await.unwrap();
    assert_eq!((late.status, late.text("/status_now")), (409, "EXPIRED"));
    // It is written down as well, whoever did it: timer or sweep.
    let id = request.text("/id").to_owned();
    for attempt in 0.. {
        let events = serve.get("alice", &format!("/v1/requests/{id}/events")).await.unwrap();
        if events.json["items"].as_array().unwrap().len() == 2 {
            assert_eq!(events.text("/items/1/type"), "request.expired");
            break;
        }
        assert!(attempt < 600, "nobody wrote the expiry down");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

async fn an_approval_that_is_not_used_in_time_expires(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let connection = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "run_within_seconds": 1 });
    assert_eq!(
        serve.call("root", "PUT", "/v1/connections/brief", Some(connection)).await.unwrap().status,
        201
    );
    let request = serve.submit("alice", "brief", "DELETE FROM customers", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
    let expired = serve.wait_for("alice", &request, &["EXPIRED"]).await.unwrap();
    assert_eq!(expired.text("/cause"), "run_timeout");
    assert_eq!(serve.act("alice", "run", &request).await.unwrap().status, 409);
    assert_eq!(customers(&serve, "1"), 1000);
}

async fn an_admins_own_request_counts_as_one_approval(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let single = serve.submit("root", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!((single.state(), single.text("/auto_approval/cause")), ("APPROVED", "admin"));
    let dual = serve.submit("root", "demo-dual", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(dual.state(), "PENDING");
    assert_eq!(serve.approve("root", &dual).await.unwrap().status, 403, "nobody approves their own");
    assert_eq!(serve.approve("sam", &dual).await.unwrap().state(), "APPROVED");
}

async fn exempt_people_and_open_connections_need_nobody(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let open = serve.submit("alice", "demo-open", "SELECT 1", json!({})).await.unwrap();
    assert_eq!((open.state(), open.text("/auto_approval/cause")), ("APPROVED", "approvals_disabled"));
    let connection = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "exempt_groups": ["security-team"] });
    assert_eq!(serve.call("root", "PUT", "/v1/connections/lax", Some(connection)).await.unwrap().status, 201);
    let exempt = serve.submit("sam", "lax", "SELECT 1", json!({})).await.unwrap();
    assert_eq!((exempt.state(), exempt.text("/auto_approval/group")), ("APPROVED", "security-team"));
    let run = serve.act("sam", "run", &exempt).await.unwrap();
    assert_eq!((run.status, run.state()), (200, "SUCCEEDED"));
    assert_eq!(serve.submit("alice", "lax", "SELECT 1", json!({})).await.unwrap().state(), "PENDING");
}

async fn what_is_not_yours_does_not_exist(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let connection = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "allowed_groups": ["security-team"] });
    assert_eq!(
        serve.call("root", "PUT", "/v1/connections/hidden", Some(connection)).await.unwrap().status,
        201
    );
    let body = json!({ "connection": "hidden", "command": "SELECT 1" });
    assert_eq!(serve.post("alice", "/v1/requests", body).await.unwrap().status, 404);
    assert_eq!(serve.get("alice", "/v1/connections/hidden").await.unwrap().status, 404);
    let listed = serve.get("alice", "/v1/connections").await.unwrap();
    let names: Vec<&str> =
        listed.json["items"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["demo-db", "demo-dual", "demo-open"]);
    let request = serve.submit("sam", "hidden", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(serve.show("alice", &request).await.unwrap().status, 404);
    assert_eq!(serve.approve("alice", &request).await.unwrap().status, 404);
    // A reviewer needs no access to the connection to review it.
    assert_eq!(serve.get("dana", "/v1/connections/hidden").await.unwrap().status, 404);
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
    assert_eq!(serve.act("dana", "run", &request).await.unwrap().status, 403, "somebody else's");
    let run = serve.act("sam", "run", &request).await.unwrap();
    assert_eq!(run.state(), "SUCCEEDED");
    let output = format!("/v1/requests/{}/output", request.text("/id"));
    assert_eq!(serve.get("dana", &output).await.unwrap().status, 403, "reviewers see no output");
    assert_eq!(serve.get("audra", &output).await.unwrap().status, 200);
}

async fn a_vote_is_bound_to_what_was_seen(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let path = format!("/v1/requests/{}/approve", request.text("/id"));
    assert_eq!(serve.post("dana", &path, json!({})).await.unwrap().status, 428);
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(serve.post("dana", &path, json!({ "digest": other })).await.unwrap().status, 412);
    assert_eq!(serve.get("dana", &path).await.unwrap().status, 405, "P9: opening a link decides nothing");
    assert_eq!(serve.show("alice", &request).await.unwrap().state(), "PENDING");
}

async fn requester_and_admin_call_off(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let own = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(serve.act("dana", "cancel", &own).await.unwrap().status, 403);
    let cancelled = serve.act("alice", "cancel", &own).await.unwrap();
    assert_eq!((cancelled.state(), cancelled.text("/cause")), ("CANCELLED", "requester"));
    let approved = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &approved).await.unwrap().state(), "APPROVED");
    let revoked = serve.act("root", "cancel", &approved).await.unwrap();
    assert_eq!((revoked.state(), revoked.text("/cause")), ("CANCELLED", "revoked"));
    assert_eq!(serve.act("alice", "run", &approved).await.unwrap().text("/status_now"), "CANCELLED");
}

async fn a_vote_of_somebody_who_left_is_void(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
    let path = format!("/v1/users/{}", serve.id("dana"));
    let dana = serve.get("root", &path).await.unwrap();
    let mut body = dana.json.clone();
    body["groups"] = json!([]);
    assert_eq!(serve.call("root", "PUT", &path, Some(body.clone())).await.unwrap().status, 428);
    let etag = format!("\"{}\"", dana.json["version"]);
    let put = serve.call_with("root", "PUT", &path, Some(body), &[("if-match", &etag)]).await.unwrap();
    assert_eq!(put.status, 200);
    let run = serve.act("alice", "run", &request).await.unwrap();
    assert_eq!((run.status, run.state()), (202, "PENDING"), "reopened: {run:?}");
    assert_eq!(serve.approve("rita", &request).await.unwrap().state(), "APPROVED");
    assert_eq!(serve.act("alice", "run", &request).await.unwrap().state(), "SUCCEEDED");
}

async fn a_changed_target_cancels_what_was_approved(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
    let connection = serve.get("root", "/v1/connections/demo-db").await.unwrap();
    let mut body = connection.json.clone();
    body["target"] = json!({ "path": "other.db" });
    let etag = format!("\"{}\"", connection.json["version"]);
    let put =
        serve.call_with("root", "PUT", "/v1/connections/demo-db", Some(body), &[("if-match", &etag)]).await;
    assert_eq!(put.unwrap().status, 200);
    let run = serve.act("alice", "run", &request).await.unwrap();
    assert_eq!((run.state(), run.text("/cause")), ("CANCELLED", "connection-changed"));
}

async fn the_same_key_gives_the_same_answer(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let body = json!({ "connection": "demo-db", "command": "SELECT 1" });
    let key = [("idempotency-key", "k-1")];
    let first = serve.call_with("alice", "POST", "/v1/requests", Some(body.clone()), &key).await.unwrap();
    let second = serve.call_with("alice", "POST", "/v1/requests", Some(body), &key).await.unwrap();
    assert_eq!((first.status, &first.json), (second.status, &second.json));
    let other = json!({ "connection": "demo-db", "command": "SELECT 2" });
    let reused = serve.call_with("alice", "POST", "/v1/requests", Some(other.clone()), &key).await.unwrap();
    assert_eq!(
        (reused.status, reused.text("/type")),
        (422, "https://countersign.dev/problems/idempotency-key-reused")
    );
    let somebody_else = serve.call_with("sam", "POST", "/v1/requests", Some(other), &key).await.unwrap();
    assert_eq!(somebody_else.status, 201, "keys belong to their caller");
}

async fn rubbish_is_refused_and_changes_nothing(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let unknown = json!({ "connection": "demo-db", "command": "SELECT 1", "comand": "x" });
    let refused = serve.post("alice", "/v1/requests", unknown).await.unwrap();
    assert_eq!((refused.status, refused.text("/errors/0/pointer")), (400, "/comand"), "{refused:?}");
    let long = json!({ "connection": "demo-db", "command": "x".repeat(101 * 1024) });
    assert_eq!(serve.post("alice", "/v1/requests", long).await.unwrap().status, 413);
    let longest = "x".repeat(100 * 1024);
    let taken = serve.submit("alice", "demo-db", &longest, json!({})).await.unwrap();
    assert_eq!(taken.text("/command"), longest);
    let nowhere = json!({ "connection": "nowhere", "command": "SELECT 1" });
    assert_eq!(serve.post("alice", "/v1/requests", nowhere).await.unwrap().status, 404);
    let nobody = serve.call_with("nobody", "GET", "/v1/me", None, &[]).await.unwrap();
    assert_eq!((nobody.status, nobody.text("/instance")), (401, "/v1/me"));
    assert_eq!(serve.call("alice", "DELETE", "/v1/requests", None).await.unwrap().status, 405);
    assert_eq!(serve.get("alice", "/v1/requests?limit=0").await.unwrap().status, 400);
    assert_eq!(serve.get("alice", "/v1/requests?wat=1").await.unwrap().status, 400);
    assert_eq!(serve.get("alice", "/v1/users").await.unwrap().status, 403);
    let listed = serve.get("alice", "/v1/requests").await.unwrap();
    assert_eq!(listed.json["items"].as_array().unwrap().len(), 1, "only what was taken is there");
}

async fn lists_show_what_waits_and_what_ended(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let one = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let two = serve.submit("alice", "demo-dual", "SELECT 2", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &one).await.unwrap().state(), "APPROVED");
    assert_eq!(serve.act("alice", "cancel", &two).await.unwrap().state(), "CANCELLED");
    let three = serve.submit("alice", "demo-dual", "SELECT 3", json!({})).await.unwrap();
    let ids = |answer: &countersign_e2e::Answer| -> Vec<Value> {
        answer.json["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    let [one, two, three] = [one, two, three].map(|request| request.json["id"].clone());
    let all = serve.get("audra", "/v1/requests").await.unwrap();
    assert_eq!(ids(&all), [three.clone(), two.clone(), one.clone()]);
    let mine = serve.get("sam", "/v1/requests?group=mine").await.unwrap();
    assert_eq!(ids(&mine), std::slice::from_ref(&three));
    let cancelled = serve.get("audra", "/v1/requests?status=cancelled").await.unwrap();
    assert_eq!(ids(&cancelled), std::slice::from_ref(&two));
    let open = serve.get("audra", "/v1/requests?status=PENDING&status=APPROVED").await.unwrap();
    assert_eq!(ids(&open), [three.clone(), one.clone()]);
    let on_dual = serve.get("audra", "/v1/requests?connection=demo-dual&limit=1").await.unwrap();
    assert_eq!(ids(&on_dual), [three]);
    let cursor = on_dual.text("/next_cursor").to_owned();
    let next = serve
        .get("audra", &format!("/v1/requests?connection=demo-dual&limit=1&cursor={cursor}"))
        .await
        .unwrap();
    assert_eq!(ids(&next), [two]);
    let requester = format!("/v1/requests?requester={}&q=select%201", serve.id("alice"));
    assert_eq!(ids(&serve.get("audra", &requester).await.unwrap()), [one]);
    assert_eq!(ids(&serve.get("sam", "/v1/requests?connection=demo-db").await.unwrap()), Vec::<Value>::new());
}

/// Alice may have three requests open, and so may everybody else.
async fn who_has_as_many_open_requests_as_may_be_waits_until_some_have_ended(database: Database) {
    let settings = [("COUNTERSIGN_OPEN_REQUESTS_PER_PERSON", "3")];
    let mut serve = Serve::start(database, &settings).await.unwrap();
    let guarded = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"],
                          "guardrails": ["no-drop"] });
    serve.connect("guarded", guarded).await.unwrap();
    let first = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let approved = serve.submit("alice", "demo-db", "SELECT 2", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &approved).await.unwrap().state(), "APPROVED");
    let third = json!({ "connection": "demo-db", "command": "SELECT 3" });
    let key = [("idempotency-key", "third")];
    let submit = async |serve: &Serve, body: &Value| {
        serve.call_with("alice", "POST", "/v1/requests", Some(body.clone()), &key).await.unwrap()
    };
    let pending = submit(&serve, &third).await;
    assert_eq!(pending.status, 201);

    let fourth = json!({ "connection": "demo-db", "command": "SELECT 4" });
    let refused = serve.post("alice", "/v1/requests", fourth.clone()).await.unwrap();
    assert_eq!((refused.status, refused.slug()), (409, "too-many-open-requests"), "{refused:?}");
    assert!(refused.text("/detail").starts_with("3 of your requests are PENDING"), "{refused:?}");
    let own = format!("/v1/requests?requester={}", serve.id("alice"));
    assert_eq!(serve.get("alice", &own).await.unwrap().items().len(), 3, "nothing was made");
    // A repeated call is answered as it was, and what a guardrail blocks needs no place.
    let again = submit(&serve, &third).await;
    assert_eq!((again.status, &again.json), (201, &pending.json));
    assert_eq!(submit(&serve, &fourth).await.slug(), "idempotency-key-reused");
    let drop = json!({ "connection": "guarded", "command": "DROP TABLE customers" });
    assert_eq!(serve.post("alice", "/v1/requests", drop).await.unwrap().slug(), "guardrail-blocked");
    assert_eq!(serve.submit("sam", "demo-db", "SELECT 5", json!({})).await.unwrap().status, 201);

    serve.kill_and_restart().await.unwrap();
    assert_eq!(serve.post("alice", "/v1/requests", fourth.clone()).await.unwrap().status, 409);
    // Each way out gives a place back, and only one.
    let end_one = async |serve: &Serve, ended: &Answer, state: &str| {
        assert_eq!(ended.state(), state);
        serve.submit("alice", "demo-db", "SELECT 6", json!({})).await.unwrap();
        assert_eq!(serve.post("alice", "/v1/requests", fourth.clone()).await.unwrap().status, 409, "{state}");
    };
    let ended = serve.act("alice", "cancel", &first).await.unwrap();
    end_one(&serve, &ended, "CANCELLED").await;
    let ended = serve.act("alice", "run", &approved).await.unwrap();
    end_one(&serve, &ended, "SUCCEEDED").await;
    let ended = serve.reject("dana", &pending, "no").await.unwrap();
    end_one(&serve, &ended, "REJECTED").await;
}

async fn every_state_survives_kill_minus_nine(database: Database) {
    let mut serve = Serve::start(database, &[]).await.unwrap();
    let pending =
        serve.submit("alice", "demo-db", "DELETE FROM customers WHERE id = 1", json!({})).await.unwrap();
    let approved =
        serve.submit("alice", "demo-db", "DELETE FROM customers WHERE id = 2", json!({})).await.unwrap();
    serve.approve("dana", &approved).await.unwrap();
    let done =
        serve.submit("alice", "demo-db", "DELETE FROM customers WHERE id = 3", json!({})).await.unwrap();
    serve.approve("dana", &done).await.unwrap();
    assert_eq!(serve.act("alice", "run", &done).await.unwrap().state(), "SUCCEEDED");
    let brief = serve.submit("alice", "demo-db", "SELECT 1", json!({ "timeout_seconds": 1 })).await.unwrap();
    serve.kill_and_restart().await.unwrap();
    assert_eq!(serve.show("alice", &done).await.unwrap().state(), "SUCCEEDED");
    assert_eq!(serve.act("alice", "run", &approved).await.unwrap().state(), "SUCCEEDED");
    assert_eq!(serve.approve("dana", &pending).await.unwrap().state(), "APPROVED");
    serve.wait_for("alice", &brief, &["EXPIRED"]).await.unwrap();
    assert_eq!(customers(&serve, "id <= 3"), 1);
}

countersign_e2e::on_every_database! {
    one_group_approves_and_the_command_runs_once,
    two_groups_need_two_people,
    a_vote_that_fills_no_place_is_not_needed,
    one_rejection_ends_it_with_its_reason,
    what_nobody_decides_in_time_expires,
    an_approval_that_is_not_used_in_time_expires,
    an_admins_own_request_counts_as_one_approval,
    exempt_people_and_open_connections_need_nobody,
    what_is_not_yours_does_not_exist,
    a_vote_is_bound_to_what_was_seen,
    requester_and_admin_call_off,
    a_vote_of_somebody_who_left_is_void,
    a_changed_target_cancels_what_was_approved,
    the_same_key_gives_the_same_answer,
    rubbish_is_refused_and_changes_nothing,
    lists_show_what_waits_and_what_ended,
    who_has_as_many_open_requests_as_may_be_waits_until_some_have_ended,
    every_state_survives_kill_minus_nine,
}

/// The stream starts it: only where there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_on_approval_is_run_by_the_service() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let more = json!({ "run": "on_approval" });
    let request = serve.submit("alice", "demo-db", "DELETE FROM customers WHERE id = 9", more).await.unwrap();
    serve.approve("dana", &request).await.unwrap();
    serve.wait_for("alice", &request, &["SUCCEEDED"]).await.unwrap();
    assert_eq!(customers(&serve, "id = 9"), 0);
}
