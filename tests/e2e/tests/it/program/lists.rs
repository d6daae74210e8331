//! `requests list`, `show` and `watch`.

use countersign_e2e::{Answer, Database, Running, Serve};
use serde_json::{Value, json};

use crate::program::{ended, says};

async fn ids(serve: &Serve, who: &str, args: &[&str]) -> Vec<String> {
    let mut all = vec!["requests", "list", "-o", "json"];
    all.extend(args);
    let list = serve.run(who, &all).await.unwrap();
    assert_eq!(list.code, Some(0), "{}", list.err);
    let items = list.json().unwrap();
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn id(request: &Answer) -> String {
    request.text("/id").to_owned()
}

async fn a_list_shows_what_was_asked_for(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let one = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let two = serve.submit("sam", "demo-dual", "SELECT 2", json!({})).await.unwrap();
    let three = serve.submit("alice", "demo-dual", "SELECT 3", json!({})).await.unwrap();
    assert_eq!(serve.act("alice", "cancel", &three).await.unwrap().state(), "CANCELLED");
    let none = Vec::<String>::new();
    assert_eq!(ids(&serve, "audra", &[]).await, [id(&three), id(&two), id(&one)]);
    assert_eq!(ids(&serve, "audra", &["--limit", "1"]).await, [id(&three)]);
    assert_eq!(ids(&serve, "audra", &["--status", "pending"]).await, [id(&two), id(&one)]);
    assert_eq!(
        ids(&serve, "audra", &["--status", "Pending,CANCELLED"]).await,
        [id(&three), id(&two), id(&one)]
    );
    assert_eq!(ids(&serve, "audra", &["--connection", "demo-db"]).await, [id(&one)]);
    assert_eq!(ids(&serve, "alice", &["--mine"]).await, [id(&three), id(&one)]);
    assert_eq!(ids(&serve, "dana", &["--waiting-for-me"]).await, [id(&two), id(&one)]);
    assert_eq!(ids(&serve, "sam", &["--mine"]).await, [id(&two)]);
    assert_eq!(ids(&serve, "alice", &["--waiting-for-me"]).await, none);
    assert_eq!(ids(&serve, "audra", &["-q", "select 2"]).await, [id(&two)]);
    let wrong = serve.run("audra", &["requests", "list", "--status", "wat"]).await.unwrap();
    ended(&wrong, 2, "");
    says(&wrong, &["unknown status", "PENDING, APPROVED"]);
}

async fn a_list_comes_in_each_format(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT\n\u{202e}1", json!({})).await.unwrap();
    let list = async |format: &str| serve.run("alice", &["requests", "list", "-o", format]).await.unwrap();
    let table = list("table").await;
    assert!(table.out.contains("PENDING") && table.out.contains("SELECT <U+202E>1"), "{}", table.out);
    let lines = list("jsonl").await;
    let line: Value = serde_json::from_str(lines.out.strip_suffix('\n').unwrap()).unwrap();
    assert_eq!((&line["id"], &line["command"]), (&request.json["id"], &request.json["command"]));
    let csv = list("csv").await;
    let (head, row) = csv.out.split_once('\n').unwrap();
    assert!(
        head.starts_with("id,code,status,connection,") && row.starts_with(request.text("/id")),
        "{}",
        csv.out
    );
    let show = serve.run("alice", &["requests", "show", request.text("/id")]).await.unwrap();
    for words in
        [request.text("/code"), "<U+202E>1", "alice@example.com", request.text("/digest"), "dba-team"]
    {
        assert!(show.out.contains(words), "`{words}`: {}", show.out);
    }
    let shown = serve.run("alice", &["requests", "show", request.text("/id"), "-o", "json"]).await.unwrap();
    assert_eq!(shown.json().unwrap(), serve.show("alice", &request).await.unwrap().json);
}

/// The next change that a `watch` tells of.
async fn next(watch: &mut Running) -> Value {
    serde_json::from_str(&watch.line().await.unwrap()).unwrap()
}

async fn watch_tells_each_change_once_and_survives_a_restart(database: Database) {
    let mut serve = Serve::start_at_a_fixed_address(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let args = ["requests", "watch", "--interval", "1s", "-o", "jsonl"];
    let mut watch = serve.begin("audra", &args).unwrap();
    assert_eq!(next(&mut watch).await["status"], "PENDING");
    serve.kill().await.unwrap();
    let complaint = watch.complaint().await.unwrap();
    assert!(complaint.starts_with("lost contact, retrying"), "{complaint}");
    serve.start_again().await.unwrap();
    assert_eq!(watch.complaint().await.unwrap(), "contact is back\n");
    serve.approve("dana", &request).await.unwrap();
    assert_eq!(next(&mut watch).await["status"], "APPROVED");
    let run = serve.run_to_its_end("alice", &request).await.unwrap();
    assert_eq!(run.state(), "SUCCEEDED");
    let mut last = next(&mut watch).await;
    if last["status"] == "RUNNING" {
        last = next(&mut watch).await;
    }
    assert_eq!(last["status"], "SUCCEEDED");
    watch.stop().await.unwrap();
    let watch = watch.end().await.unwrap();
    assert_eq!(watch.out, "", "nothing is told twice");
    assert_eq!(watch.err, "");
}

countersign_e2e::on_every_database! {
    a_list_shows_what_was_asked_for,
    a_list_comes_in_each_format,
    watch_tells_each_change_once_and_survives_a_restart,
}
