//! With `COUNTERSIGN_ADMIN_FOUR_EYES=on` what an admin changes waits for another admin: `root` and `dana`
//! here. On every database.

mod connections;
mod people;
mod program;
mod slack;

use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

const SWITCH: &str = "COUNTERSIGN_ADMIN_FOUR_EYES";

/// A service that was switched over once `dana` was an admin too.
async fn two_admins(database: Database, settings: &[(&str, &str)]) -> Serve {
    let mut serve = Serve::start(database, settings).await.unwrap();
    let made = change(&serve, "root", &user(&serve, "dana"), |dana| dana["roles"] = json!(["admin"])).await;
    assert_eq!(made.status, 200, "as ever, while it is off: {made:?}");
    serve.stop().await.unwrap();
    serve.set(SWITCH, "on");
    serve.start_again().await.unwrap();
    serve
}

fn user(serve: &Serve, who: &str) -> String {
    format!("/v1/users/{}", serve.id(who))
}

/// Reads something, edits it, and sends it back as what it was made from.
async fn change(serve: &Serve, who: &str, path: &str, edit: impl FnOnce(&mut Value)) -> Answer {
    let now = serve.get("root", path).await.unwrap();
    assert_eq!(now.status, 200, "{now:?}");
    let mut then = now.json.clone();
    edit(&mut then);
    serve.call_with(who, "PUT", path, Some(then), &[("if-match", now.header("etag"))]).await.unwrap()
}

/// Expects that it waits, and that the answer says where.
fn waits(answer: &Answer) {
    assert_eq!((answer.status, answer.state()), (202, "PENDING"), "{answer:?}");
    assert_eq!(answer.header("location"), format!("/v1/requests/{}", answer.text("/id")));
    assert_eq!((answer.text("/kind"), answer.text("/connection")), ("configuration", "countersign"));
    assert_eq!(answer.text("/groups/0/group"), "countersign-admins");
}

/// Another admin agrees, and it is done.
async fn agree(serve: &Serve, who: &str, request: &Answer) -> Answer {
    let approved = serve.approve(who, request).await.unwrap();
    assert_eq!((approved.status, approved.state()), (200, "APPROVED"), "{approved:?}");
    // It runs by itself. Where no stream says so at once, whoever proposed it hurries it.
    let requester = if request.text("/requester/id") == serve.id("root") { "root" } else { "dana" };
    serve.run_to_its_end(requester, request).await.unwrap()
}

/// What is proposed, as its command says it.
fn proposal(request: &Answer) -> Value {
    serde_json::from_str(request.text("/command")).unwrap()
}
