//! People, their programs and tokens.

use countersign_e2e::{Answer, Database, Serve};
use serde_json::json;

use crate::four_eyes::{agree, change, proposal, two_admins, user, waits};

const NEW: &str = "/v1/users/usr_01K5J3V8Q4W7X9YABCDEFGHJKM";
const ROBOT: &str = "usr_01K5J3V8Q4W7X9YABCDEFGHJKN";

async fn groups_and_roles_wait_and_who_is_out_is_out_at_once(database: Database) {
    let serve = two_admins(database, &[]).await;
    let sam = user(&serve, "sam");
    let joins =
        change(&serve, "root", &sam, |sam| sam["groups"] = json!(["dba-team", "security-team"])).await;
    waits(&joins);
    let said = proposal(&joins);
    assert_eq!(said["change"], "user.update");
    assert_eq!(said["affects"][0], "sam@example.com joins `dba-team`, which reviews `demo-db`, `demo-dual`.");
    assert_eq!(
        said["difference"],
        json!({ "groups": { "from": ["security-team"], "to": ["dba-team", "security-team"] } })
    );
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(serve.approve("sam", &request).await.unwrap().status, 404, "not yet");
    // A token changes what is stored of sam, and nothing of what was proposed.
    let token = serve.post("sam", "/v1/tokens", json!({ "name": "laptop" })).await.unwrap();
    assert_eq!(token.status, 201);
    let done = agree(&serve, "dana", &joins).await;
    assert_eq!(done.state(), "SUCCEEDED", "{done:?}");
    assert_eq!(serve.approve("sam", &request).await.unwrap().state(), "APPROVED");
    let tokens = serve.get("sam", "/v1/tokens").await.unwrap();
    assert!(tokens.items().iter().any(|item| item["id"] == token.json["id"]), "{tokens:?}");

    let admin = change(&serve, "root", &sam, |sam| sam["roles"] = json!(["admin"])).await;
    waits(&admin);
    assert_eq!(proposal(&admin)["affects"][0], "sam@example.com becomes an admin.");
    assert_eq!(serve.get("sam", "/v1/users").await.unwrap().status, 403, "not yet");
    let renamed = change(&serve, "root", &sam, |sam| sam["name"] = json!("Samuel")).await;
    assert_eq!(renamed.status, 200, "a name is no right: {renamed:?}");
    let late = agree(&serve, "dana", &admin).await;
    assert_eq!(
        late.text("/execution/error"),
        "account sam@example.com was changed meanwhile: propose it again"
    );
    assert_eq!(serve.get("sam", "/v1/users").await.unwrap().status, 403);

    let out = change(&serve, "root", &sam, |sam| sam["disabled"] = json!(true)).await;
    assert_eq!(out.status, 200, "{out:?}");
    assert_eq!(serve.get("sam", "/v1/me").await.unwrap().status, 403);
    let again = change(&serve, "root", &sam, |sam| sam["disabled"] = json!(false)).await;
    waits(&again);
    assert_eq!(serve.get("sam", "/v1/me").await.unwrap().status, 403, "not yet");
    assert_eq!(agree(&serve, "dana", &again).await.state(), "SUCCEEDED");
    assert_eq!(serve.get("sam", "/v1/me").await.unwrap().status, 200);
}

async fn a_new_account_waits_if_it_comes_with_rights(database: Database) {
    let serve = two_admins(database, &[]).await;
    let taken = json!({ "email": "Sam@example.com", "groups": ["dba-team"] });
    let refused = serve.call("root", "PUT", NEW, Some(taken)).await.unwrap();
    assert_eq!((refused.status, refused.slug()), (409, "email-taken"), "and not at its end: {refused:?}");
    let with = json!({ "email": "new@example.com", "groups": ["dba-team"] });
    let wanted = serve.call("root", "PUT", NEW, Some(with)).await.unwrap();
    waits(&wanted);
    assert_eq!(serve.get("root", NEW).await.unwrap().status, 404, "not yet");
    assert_eq!(agree(&serve, "dana", &wanted).await.state(), "SUCCEEDED");
    assert_eq!(serve.get("root", NEW).await.unwrap().json["groups"], json!(["dba-team"]));
    let without = json!({ "email": "robot@example.com", "owner": serve.id("alice") });
    let made = serve.call("root", "PUT", &format!("/v1/users/{ROBOT}"), Some(without)).await.unwrap();
    assert_eq!(made.status, 201, "{made:?}");
}

/// Else an admin could ask as somebody else's program and approve it, or approve with it.
async fn a_programs_owner_makes_its_tokens_and_no_admin_does(database: Database) {
    let mut serve = two_admins(database, &[]).await;
    let robot = json!({ "email": "robot@example.com", "owner": serve.id("alice") });
    let made = serve.call("root", "PUT", &format!("/v1/users/{ROBOT}"), Some(robot)).await.unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let token = async |serve: &Serve, who: &str| -> Answer {
        serve.post(who, "/v1/tokens", json!({ "name": "robot", "user": ROBOT })).await.unwrap()
    };
    let by_admin = token(&serve, "root").await;
    assert_eq!(by_admin.status, 403, "{by_admin:?}");
    assert!(by_admin.text("/detail").contains("its owner does"), "{by_admin:?}");
    let by_owner = token(&serve, "alice").await;
    assert_eq!(by_owner.status, 201, "{by_owner:?}");
    assert_eq!(token(&serve, "sam").await.status, 404);
    let late = change(&serve, "root", &user(&serve, "sam"), |sam| sam["groups"] = json!([])).await;
    // Who switches it off needs the right to deploy, and then all is as it was.
    serve.stop().await.unwrap();
    serve.set(crate::four_eyes::SWITCH, "off");
    serve.start_again().await.unwrap();
    assert_eq!(token(&serve, "alice").await.status, 404);
    assert_eq!(token(&serve, "root").await.status, 201);
    let ended = agree(&serve, "dana", &late).await;
    assert!(
        ended.text("/execution/error").starts_with("no second admin is needed here any more"),
        "{ended:?}"
    );
    let moved = change(&serve, "root", &user(&serve, "sam"), |sam| sam["groups"] = json!([])).await;
    assert_eq!((moved.status, &moved.json["groups"]), (200, &json!([])));
}

countersign_e2e::on_every_database! {
    groups_and_roles_wait_and_who_is_out_is_out_at_once,
    a_new_account_waits_if_it_comes_with_rights,
    a_programs_owner_makes_its_tokens_and_no_admin_does,
}
