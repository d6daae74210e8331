//! Connections.

use std::time::{Duration, Instant};

use countersign_e2e::{Database, Serve};
use serde_json::{Value, json};

use crate::four_eyes::{agree, change, proposal, two_admins, user, waits};

fn sqlite() -> Value {
    json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "exempt_groups": ["ops"] })
}

async fn a_new_connection_is_there_once_another_admin_agrees(database: Database) {
    let serve = two_admins(database, &[("COUNTERSIGN_SEAL_SECONDS", "1")]).await;
    let path = "/v1/connections/shop";
    let odd = json!({ "kind": "oracle", "reviewers": ["dba-team"] });
    let refused = serve.call("root", "PUT", path, Some(odd)).await.unwrap();
    assert_eq!(refused.status, 422, "{refused:?}");
    let stale = serve.call_with("root", "PUT", path, Some(sqlite()), &[("if-match", "\"1\"")]).await.unwrap();
    assert_eq!(stale.status, 412, "{stale:?}");
    assert_eq!(serve.get("root", "/v1/requests").await.unwrap().items().len(), 0, "nothing was proposed");

    let request = serve.call("root", "PUT", path, Some(sqlite())).await.unwrap();
    waits(&request);
    let said = proposal(&request);
    assert_eq!((&said["change"], &said["subject"]), (&json!("connection.create"), &json!("shop")));
    assert_eq!(said["difference"]["reviewers"], json!({ "from": null, "to": ["dba-team"] }));
    assert_eq!(said["document"]["target"], json!({ "path": "demo.db" }));
    let affects = said["affects"].to_string();
    assert!(
        affects.contains("asks 3 people") && affects.contains("`ops` (0 people) run commands"),
        "{affects}"
    );
    assert_eq!(request.json["risk"]["notes"], said["affects"]);
    assert_eq!(serve.get("root", path).await.unwrap().status, 404, "it is not there yet");

    // Who sees it, and who decides.
    for who in ["alice", "sam", "rita"] {
        assert_eq!(serve.show(who, &request).await.unwrap().status, 404, "{who}");
        assert_eq!(serve.approve(who, &request).await.unwrap().status, 404, "{who}");
        assert_eq!(serve.get(who, "/v1/requests").await.unwrap().items().len(), 0, "{who}");
    }
    assert_eq!(serve.show("audra", &request).await.unwrap().status, 200);
    assert_eq!(serve.approve("audra", &request).await.unwrap().slug(), "not-a-reviewer");
    assert_eq!(serve.approve("root", &request).await.unwrap().slug(), "own-request");
    assert_eq!(serve.reject("root", &request, "no").await.unwrap().slug(), "own-request");
    let waiting = serve.get("dana", "/v1/requests?group=mine&status=PENDING").await.unwrap();
    assert_eq!(waiting.items().len(), 1, "{waiting:?}");
    assert_eq!(serve.get("root", "/v1/requests?group=mine").await.unwrap().items().len(), 0);

    let done = agree(&serve, "dana", &request).await;
    assert_eq!(done.state(), "SUCCEEDED", "{done:?}");
    let made = serve.get("root", path).await.unwrap();
    assert_eq!((made.status, &made.json["reviewers"]), (200, &json!(["dba-team"])));
    assert_eq!(made.json["exempt_groups"], json!(["ops"]));
    let asked = serve.submit("alice", "shop", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(asked.state(), "PENDING");
    let output = serve.about("root", &request, "output").await.unwrap();
    assert_eq!((output.status, &output.json), (200, &json!("")));

    // The event of the change names both, and the request.
    let give_up_at = Instant::now() + Duration::from_secs(60);
    let event = loop {
        let log = serve.run("audra", &["audit", "export"]).await.unwrap().out;
        let made =
            log.lines().find(|line| line.contains("\"connection.created\"") && line.contains("\"shop\""));
        if let Some(line) = made {
            break serde_json::from_str::<Value>(line).unwrap()["audit"].clone();
        }
        assert!(Instant::now() < give_up_at, "{log}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(event["actor"]["email"], "root@example.com");
    let agreed = &event["data"]["proposal"];
    assert_eq!(agreed["request"], request.json["id"]);
    assert_eq!(agreed["proposed_by"]["email"], "root@example.com");
    assert_eq!(agreed["approved_by"][0]["email"], "dana@example.com");
}

async fn nothing_changes_before_and_what_changed_meanwhile_is_not_overwritten(database: Database) {
    let serve = two_admins(database, &[]).await;
    let path = "/v1/connections/demo-db";
    let as_it_was = serve.get("root", path).await.unwrap().json;
    let more = |connection: &mut Value| connection["reviewers"] = json!(["dba-team", "security-team"]);
    let without = serve.call("root", "PUT", path, Some(as_it_was.clone())).await.unwrap();
    assert_eq!(without.status, 409, "as ever without If-Match: {without:?}");

    let rejected = change(&serve, "root", path, more).await;
    waits(&rejected);
    let said = proposal(&rejected);
    let expected = json!({ "reviewers": { "from": ["dba-team"], "to": ["dba-team", "security-team"] } });
    assert_eq!((&said["difference"], &said["version"]), (&expected, &as_it_was["version"]));
    let no = serve.reject("dana", &rejected, "security has enough to do").await.unwrap();
    assert_eq!((no.status, no.state()), (200, "REJECTED"));
    assert_eq!(serve.get("root", path).await.unwrap().json, as_it_was);

    let cancelled = change(&serve, "root", path, more).await;
    assert_eq!(serve.act("root", "cancel", &cancelled).await.unwrap().state(), "CANCELLED");

    let first = change(&serve, "root", path, more).await;
    let second = change(&serve, "dana", path, |connection| connection["approvals"] = json!(false)).await;
    assert_eq!(serve.get("root", path).await.unwrap().json, as_it_was);
    assert_eq!(agree(&serve, "dana", &first).await.state(), "SUCCEEDED");
    let now = serve.get("root", path).await.unwrap().json;
    assert_eq!(now["reviewers"], json!(["dba-team", "security-team"]));
    let late = agree(&serve, "root", &second).await;
    assert_eq!(late.state(), "FAILED", "{late:?}");
    let why = late.text("/execution/error");
    assert_eq!(why, "connection demo-db was changed meanwhile: propose it again");
    assert_eq!(serve.get("root", path).await.unwrap().json, now);

    // Who is told is nobody else's affair, and an emergency stop waits for nobody.
    let told = change(&serve, "root", path, |connection| connection["notify"] = json!(["slack"])).await;
    assert_eq!((told.status, &told.json["notify"]), (200, &json!(["slack"])));
    let gone = [("if-match", told.header("etag"))];
    assert_eq!(serve.call_with("root", "DELETE", path, None, &gone).await.unwrap().status, 204);
    let again = serve.call("root", "PUT", path, Some(sqlite())).await.unwrap();
    waits(&again);
}

async fn whoever_is_no_admin_any_more_neither_proposes_nor_agrees(database: Database) {
    let serve = two_admins(database, &[]).await;
    let path = "/v1/connections/demo-db";
    let wanted = change(&serve, "dana", path, |connection| connection["approvals"] = json!(false)).await;
    waits(&wanted);
    // Out at once; what she has proposed is not done even if somebody agrees.
    let out = change(&serve, "root", &user(&serve, "dana"), |dana| dana["disabled"] = json!(true)).await;
    assert_eq!(out.status, 200, "{out:?}");
    let approved = serve.approve("root", &wanted).await.unwrap();
    assert_eq!(approved.status, 200, "{approved:?}");
    let ended = serve.wait_for("root", &wanted, &["CANCELLED"]).await.unwrap();
    assert_eq!(ended.text("/cause"), "requester-not-allowed");
    assert_eq!(serve.get("root", path).await.unwrap().json["approvals"], true);
    // Now there is one admin left, and the service says what that means.
    let alone = change(&serve, "root", path, |connection| connection["approvals"] = json!(false)).await;
    waits(&alone);
    assert!(
        alone.text("/warnings/0").starts_with("nobody can approve this: there is no other admin"),
        "{alone:?}"
    );
}

async fn the_names_that_are_ours_are_nobodys(database: Database) {
    let serve = two_admins(database, &[]).await;
    let path = "/v1/connections/countersign";
    let refused = async || {
        let made = serve.call("root", "PUT", path, Some(sqlite())).await.unwrap();
        assert_eq!((made.status, made.text("/errors/0/pointer")), (422, "/name"), "{made:?}");
    };
    refused().await;
    let kind = json!({ "kind": "configuration", "reviewers": ["dba-team"] });
    let kind = serve.call("root", "PUT", "/v1/connections/other", Some(kind)).await.unwrap();
    assert_eq!((kind.status, kind.text("/errors/0/pointer")), (422, "/kind"), "{kind:?}");
    waits(&change(&serve, "root", "/v1/connections/demo-db", |it| it["require_reason"] = json!(true)).await);
    // It is there now, for nobody.
    refused().await;
    for who in ["root", "audra", "alice"] {
        assert_eq!(serve.get(who, path).await.unwrap().status, 404, "{who}");
        let list = serve.get(who, "/v1/connections").await.unwrap();
        assert!(list.items().iter().all(|item| item["name"] != "countersign"), "{who}: {list:?}");
        let body = json!({ "connection": "countersign", "command": "{}" });
        assert_eq!(serve.post(who, "/v1/requests", body).await.unwrap().status, 404, "{who}");
    }
    let gone = serve.call_with("root", "DELETE", path, None, &[("if-match", "\"1\"")]).await.unwrap();
    assert_eq!(gone.status, 404);
    assert_eq!(serve.post("root", &format!("{path}/test"), json!({})).await.unwrap().status, 404);
    for member in ["reviewers", "exempt_groups", "allowed_groups"] {
        let ours = change(&serve, "root", "/v1/connections/demo-db", |it| {
            it[member] = json!(["countersign-admins"])
        });
        let ours = ours.await;
        assert_eq!((ours.status, ours.text("/errors/0/pointer")), (422, format!("/{member}").as_str()));
    }
    let ours =
        change(&serve, "root", &user(&serve, "sam"), |sam| sam["groups"] = json!(["countersign-admins"]))
            .await;
    assert_eq!((ours.status, ours.text("/errors/0/pointer")), (422, "/groups"));
    let groups = serve.get("alice", "/v1/groups").await.unwrap();
    assert!(groups.items().iter().all(|group| group["group"] != "countersign-admins"), "{groups:?}");
}

async fn switched_off_nothing_waits(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let made = serve.call("root", "PUT", "/v1/connections/shop", Some(sqlite())).await.unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let changed = change(&serve, "root", "/v1/connections/shop", |it| it["approvals"] = json!(false)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let moved = change(&serve, "root", &user(&serve, "sam"), |sam| sam["groups"] = json!(["dba-team"])).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(serve.get("root", "/v1/requests").await.unwrap().items().len(), 0);
}

countersign_e2e::on_every_database! {
    a_new_connection_is_there_once_another_admin_agrees,
    nothing_changes_before_and_what_changed_meanwhile_is_not_overwritten,
    whoever_is_no_admin_any_more_neither_proposes_nor_agrees,
    the_names_that_are_ours_are_nobodys,
    switched_off_nothing_waits,
}

/// The stream alone has it done, with nobody who asks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_done_by_itself() {
    let serve = two_admins(Database::Embedded, &[]).await;
    let request = serve.call("root", "PUT", "/v1/connections/shop", Some(sqlite())).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
    serve.wait_for("root", &request, &["SUCCEEDED"]).await.unwrap();
    assert_eq!(serve.get("root", "/v1/connections/shop").await.unwrap().status, 200);
}
