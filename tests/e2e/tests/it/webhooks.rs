//! Custom webhooks: every event arrives, whatever fails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use countersign_e2e::{Answer, Database, Reaction, Received, Receiver, Serve};
use serde_json::{Value, json};

const SETTINGS: [(&str, &str); 3] = [
    ("COUNTERSIGN_RETRY_SCHEDULE", "200ms,400ms,1s"),
    ("COUNTERSIGN_NOTIFY_GRACE_SEC", "1"),
    ("COUNTERSIGN_DELIVERY_TIMEOUT_SEC", "2"),
];

async fn start(database: Database) -> Serve {
    Serve::start_at_a_fixed_address(database, &SETTINGS).await.unwrap()
}

async fn webhook(serve: &Serve, url: &str, more: Value) -> Answer {
    let mut body = json!({ "url": url });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = serve.post("root", "/v1/webhooks", body).await.unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    made
}

fn path(webhook: &Answer, what: &str) -> String {
    format!("/v1/webhooks/{}{what}", webhook.text("/id"))
}

async fn select(serve: &Serve) -> Answer {
    serve.submit("alice", "demo-db", "SELECT id FROM customers LIMIT 1", json!({})).await.unwrap()
}

/// Type and request of everything that came.
fn told(received: &[Received]) -> BTreeSet<(String, String)> {
    received
        .iter()
        .map(|one| (one.kind(), one.json()["data"]["request"]["id"].as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn has(received: &[Received], kind: &str, request: &Answer) -> bool {
    told(received).contains(&(kind.to_owned(), request.text("/id").to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_is_told_event_by_event_to_who_asked_for_it() {
    let serve = start(Database::Embedded).await;
    let all = Receiver::start(|_, _| Reaction::Answer(204)).await.unwrap();
    let some = Receiver::start(|_, _| Reaction::Answer(200)).await.unwrap();
    webhook(&serve, all.url(), json!({ "headers": { "x-team": "dba" } })).await;
    let filter = json!({ "events": ["request.rejected", "request.created"], "connections": ["demo-dual"] });
    webhook(&serve, some.url(), filter).await;
    let request = select(&serve).await;
    serve.approve("dana", &request).await.unwrap();
    serve.run_to_its_end("alice", &request).await.unwrap();
    let other = serve.submit("alice", "demo-dual", "SELECT 2", json!({})).await.unwrap();
    serve.reject("sam", &other, "no").await.unwrap();

    let kinds = ["created", "vote", "approved", "running", "succeeded"];
    let received = all
        .until("the whole life was told", |received| {
            kinds.iter().all(|kind| has(received, &format!("request.{kind}"), &request))
        })
        .await
        .unwrap();
    for one in &received {
        assert_eq!(one.headers["x-team"], "dba");
        assert_eq!(one.headers["content-type"], "application/json");
    }
    let created = received.iter().find(|one| one.kind() == "request.created").unwrap().json();
    let base = format!("{}/v1/requests/{}", serve.url(), request.text("/id"));
    assert_eq!(created["data"]["links"]["approve"], format!("{base}/approve"));
    assert_eq!(created["data"]["request"]["status"], "PENDING");
    assert_eq!(created["data"]["request"]["digest"], request.json["digest"]);
    assert_eq!(created["data"]["request"]["command"], request.json["command"]);
    let ids: BTreeSet<&str> = received.iter().map(Received::id).collect();
    assert_eq!(ids.len(), told(&received).len(), "an id is one event's");

    let received =
        some.until("the rejection came", |got| has(got, "request.rejected", &other)).await.unwrap();
    assert!(has(&received, "request.created", &other));
    assert!(received.iter().all(|one| one.json()["data"]["request"]["connection"] == "demo-dual"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_tried_again_with_the_same_id_and_stands_in_the_log() {
    let serve = start(Database::Embedded).await;
    let receiver =
        Receiver::start(|before, _| Reaction::Answer(if before < 2 { 500 } else { 200 })).await.unwrap();
    let made = webhook(&serve, receiver.url(), json!({ "events": ["request.created"] })).await;
    let request = select(&serve).await;
    let received = receiver.until("three attempts came", |received| received.len() == 3).await.unwrap();
    let ids: BTreeSet<&str> = received.iter().map(Received::id).collect();
    assert_eq!(ids.len(), 1);
    assert!(received.iter().all(|one| one.body == received[0].body), "the same bytes each time");
    let log = delivered(&serve, &made).await;
    let delivery = &log.items()[0];
    assert_eq!(delivery["id"], received[0].id());
    assert_eq!((&delivery["attempts"], &delivery["request_id"]), (&json!(3), &request.json["id"]));
    assert_eq!(delivery["last_attempt"]["status"], 200);

    // Once more, because somebody asked: the same id.
    let replay = format!("/v1/deliveries/{}/replay", received[0].id());
    assert_eq!(serve.call("root", "POST", &replay, None).await.unwrap().status, 202);
    let received = receiver.until("it came again", |received| received.len() == 4).await.unwrap();
    assert_eq!(received[3].id(), received[0].id());
    let test = serve.call("root", "POST", &path(&made, "/test"), None).await.unwrap();
    assert_eq!(test.status, 202);
    let received = receiver.until("the test came", |received| received.len() == 5).await.unwrap();
    assert_eq!((received[4].kind().as_str(), received[4].id()), ("webhook.test", test.text("/id")));
}

/// The log, when nothing waits.
async fn delivered(serve: &Serve, webhook: &Answer) -> Answer {
    let give_up_at = Instant::now() + Duration::from_secs(60);
    loop {
        let log = serve.get("root", &path(webhook, "/deliveries")).await.unwrap();
        assert_eq!(log.status, 200, "{log:?}");
        let done = log.items().iter().all(|one| one["state"] == "delivered");
        if done && !log.items().is_empty() {
            return log;
        }
        assert!(Instant::now() < give_up_at, "{log:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// P7: who never answers holds up nobody, is only probed after a while, and gets all of it once it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_endpoint_delays_nobody_and_gets_everything_when_it_recovers() {
    let serve = start(Database::Embedded).await;
    let poison = Receiver::start(|_, _| Reaction::Hang).await.unwrap();
    let healthy = Receiver::start(|_, _| Reaction::Answer(200)).await.unwrap();
    let sick = webhook(&serve, poison.url(), json!({ "events": ["request.created"] })).await;
    webhook(&serve, healthy.url(), json!({ "events": ["request.created"] })).await;
    let mut requests = Vec::new();
    for _ in 0..15 {
        requests.push(select(&serve).await);
    }
    let all =
        |received: &[Received]| requests.iter().all(|request| has(received, "request.created", request));
    healthy.until("the healthy one has all", all).await.unwrap();
    let last = requests.last().unwrap().text("/id").to_owned();
    let notifications = format!("/v1/requests/{last}/notifications");
    let seen = serve.get("root", &notifications).await.unwrap();
    let of_poison = seen.items().iter().find(|one| one["endpoint"] == sick.json["id"]).unwrap().clone();
    assert!(of_poison["deliveries"].as_array().unwrap().iter().all(|one| one["state"] != "delivered"));

    poison.react(|_, _| Reaction::Answer(200));
    let received = poison.until("the recovered one has all", all).await.unwrap();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in &received {
        let request = one.json()["data"]["request"]["id"].as_str().unwrap().to_owned();
        ids.entry(request).or_default().insert(one.id().to_owned());
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "an id never changes: {ids:?}");
    delivered(&serve, &sick).await;
    // An attempt that still hung when others got through fails after them, and is made again: the last one says
    // how the endpoint is.
    let give_up_at = Instant::now() + Duration::from_secs(60);
    loop {
        let well = serve.get("root", &path(&sick, "")).await.unwrap();
        if (well.text("/failing_since"), &well.json["failures"]) == ("", &json!(0)) {
            break;
        }
        assert!(Instant::now() < give_up_at, "{well:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Killed while deliveries fail, wait and are on their way: nothing is lost.
async fn nothing_is_lost_when_the_service_is_killed(database: Database) {
    let mut serve = start(database).await;
    let receiver = Receiver::start(|_, _| Reaction::Answer(503)).await.unwrap();
    let made = webhook(&serve, receiver.url(), json!({})).await;
    let mut requests = Vec::new();
    for round in 0..2 {
        for _ in 0..4 {
            let request = select(&serve).await;
            serve.approve("dana", &request).await.unwrap();
            requests.push(request);
        }
        if round == 1 {
            receiver.react(|before, _| Reaction::Answer(if before.is_multiple_of(3) { 500 } else { 200 }));
        }
        serve.kill_and_restart().await.unwrap();
    }
    let kinds = ["request.created", "request.vote", "request.approved"];
    let received = receiver
        .until("all is told", |received| {
            requests.iter().all(|request| kinds.iter().all(|kind| has(received, kind, request)))
        })
        .await
        .unwrap();
    let mut ids: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for one in &received {
        let request = one.json()["data"]["request"]["id"].as_str().unwrap().to_owned();
        ids.entry((one.kind(), request)).or_default().insert(one.id());
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "an id never changes: {ids:?}");
    delivered(&serve, &made).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_service_is_killed_embedded() {
    nothing_is_lost_when_the_service_is_killed(Database::Embedded).await;
}

/// Its stream feeds nobody: the sweep alone finds every event.
#[cfg(feature = "dynamodb-local-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_service_is_killed_dynamodb_local() {
    nothing_is_lost_when_the_service_is_killed(Database::DynamoDbLocal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_disables_an_endpoint_and_an_admin_enables_it_with_what_waits() {
    let serve = start(Database::Embedded).await;
    let receiver =
        Receiver::start(|before, _| Reaction::Answer(if before == 0 { 410 } else { 200 })).await.unwrap();
    let made = webhook(&serve, receiver.url(), json!({ "events": ["request.created"] })).await;
    let first = select(&serve).await;
    let gone = until_disabled(&serve, &made).await;
    assert!(gone.text("/disabled/why").contains("410"), "{gone:?}");
    let notifications = format!("/v1/requests/{}/notifications", first.text("/id"));
    let seen = serve.get("root", &notifications).await.unwrap();
    let codes: Vec<&str> = seen.items()[0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["endpoint-disabled", "gave-up"], "{seen:?}");
    let mut again = gone.json.clone();
    again["enabled"] = json!(true);
    let tag = [("if-match", gone.header("etag"))];
    let put = serve.call_with("root", "PUT", &path(&made, ""), Some(again), &tag).await.unwrap();
    assert_eq!((put.status, &put.json["enabled"]), (200, &json!(true)), "{put:?}");
    let second = select(&serve).await;
    receiver.until("it is told again", |received| has(received, "request.created", &second)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_for_too_long_is_given_up_and_what_waits_comes_after_all() {
    let mut settings = SETTINGS.to_vec();
    // The endpoint must be given up before its tenth failure: from then on it is only probed, each 30 seconds, and a
    // probe that comes so late gives up the delivery that it is made with, perhaps the second one.
    settings.push(("COUNTERSIGN_RETRY_SCHEDULE", "2s"));
    // The first attempt of the second delivery is about 4 seconds younger: it still waits when the endpoint is given up.
    settings.push(("COUNTERSIGN_GIVE_UP_AFTER_SEC", "6"));
    let serve = Serve::start(Database::Embedded, &settings).await.unwrap();
    let receiver = Receiver::start(|_, _| Reaction::Answer(500)).await.unwrap();
    let made = webhook(&serve, receiver.url(), json!({ "events": ["request.created"] })).await;
    select(&serve).await;
    receiver.until("the first failed", |received| received.len() > 2).await.unwrap();
    let second = select(&serve).await;
    receiver.until("the second failed", |received| has(received, "request.created", &second)).await.unwrap();
    let given_up = until_disabled(&serve, &made).await;
    assert!(given_up.text("/disabled/why").starts_with("nothing has succeeded since"), "{given_up:?}");
    receiver.react(|_, _| Reaction::Answer(200));
    let before = receiver.received().len();
    let mut again = given_up.json.clone();
    again["enabled"] = json!(true);
    let tag = [("if-match", given_up.header("etag"))];
    assert_eq!(
        serve.call_with("root", "PUT", &path(&made, ""), Some(again), &tag).await.unwrap().status,
        200
    );
    receiver
        .until("what waited came", |received| has(&received[before..], "request.created", &second))
        .await
        .unwrap();
}

async fn until_disabled(serve: &Serve, webhook: &Answer) -> Answer {
    let give_up_at = Instant::now() + Duration::from_secs(60);
    loop {
        let seen = serve.get("root", &path(webhook, "")).await.unwrap();
        if seen.json["enabled"] == false {
            return seen;
        }
        assert!(Instant::now() < give_up_at, "{seen:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leads_inside_is_refused_when_it_is_saved() {
    let serve = Serve::start(Database::Embedded, &[("COUNTERSIGN_LOOPBACK_WEBHOOKS", "off")]).await.unwrap();
    for url in [
        "http://hooks.example.com/",
        "http://127.0.0.1:9001/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://user:password@hooks.example.com/",
        "ftp://hooks.example.com/",
        "nonsense",
        "",
    ] {
        let refused = serve.post("root", "/v1/webhooks", json!({ "url": url })).await.unwrap();
        assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/url"), "{url}: {refused:?}");
    }
    for name in ["webhook-id", "Webhook-Signature", "content-type", "host", "Transfer-Encoding", "a b", ""] {
        let body = json!({ "url": "https://198.51.99.1/", "headers": { name: "x" } });
        let refused = serve.post("root", "/v1/webhooks", body).await.unwrap();
        assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/headers"), "{name}");
    }
}

/// The official packages verify what arrives, also while a secret is being rotated.
#[cfg(feature = "webhook-verifier-tests")]
mod verifiers {
    use super::*;
    use countersign_e2e::port::ReservedPort;
    use std::path::Path;
    use std::process::Stdio;
    use tokio::io::AsyncWriteExt as _;
    use tokio::process::Command;

    const PYTHON: &str = "import json, sys\n\
        from standardwebhooks import Webhook\n\
        for one in json.load(sys.stdin):\n    \
            Webhook(one['secret']).verify(one['body'], one['headers'])\n    print('ok')\n";
    const NODE: &str = "const { Webhook } = require('standardwebhooks');\n\
        for (const one of JSON.parse(require('fs').readFileSync(0, 'utf8'))) {\n\
            new Webhook(one.secret).verify(one.body, one.headers);\n    console.log('ok');\n}\n";

    async fn verified(mut command: Command, input: &str, count: usize) {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), count);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_official_packages_verify_what_arrives() {
        let serve = start(Database::Embedded).await;
        let receiver = Receiver::start(|_, _| Reaction::Answer(200)).await.unwrap();
        let made = webhook(&serve, receiver.url(), json!({})).await;
        let old = made.text("/secret").to_owned();
        let odd = "SELECT '\u{202e}é東京' -- \u{1F600} \\ \" </script>";
        serve.submit("alice", "demo-db", odd, json!({ "reason": "naïve" })).await.unwrap();
        let first = receiver.until("the first came", |received| !received.is_empty()).await.unwrap().len();
        let rotated = serve.call("root", "POST", &path(&made, "/rotate-secret"), None).await.unwrap();
        let new = rotated.text("/secret").to_owned();
        assert_ne!(old, new);
        let shown = serve.get("root", &path(&made, "")).await.unwrap();
        assert_eq!(shown.json["secret"], Value::Null, "it is shown once");
        select(&serve).await;
        let received = receiver.until("the second came", |received| received.len() > first).await.unwrap();
        let after = received.last().unwrap();
        assert_eq!(after.headers["webhook-signature"].split(' ').count(), 2);
        let case = |secret: &str, one: &Received| json!({ "secret": secret, "headers": one.headers, "body": one.body });
        let cases = json!([case(&old, &received[0]), case(&old, after), case(&new, after)]).to_string();
        let mut python = Command::new("python3");
        python.args(["-c", PYTHON]);
        verified(python, &cases, 3).await;
        let modules = std::env::var("COUNTERSIGN_TEST_NODE_MODULES")
            .expect("COUNTERSIGN_TEST_NODE_MODULES is not set: run ./tests/run, which fetches them");
        let mut node = Command::new("node");
        node.args(["-e", NODE]).env("NODE_PATH", modules);
        verified(node, &cases, 3).await;
    }

    /// The example of the documentation, as it stands there.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_example_approves_what_only_reads_and_leaves_the_rest() {
        let serve = start(Database::Embedded).await;
        // Known before the consumer listens: its secret is that of the webhook, which names the port.
        let port = ReservedPort::reserve().unwrap();
        let made = webhook(&serve, &format!("http://127.0.0.1:{}/", port.number()), json!({})).await;
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/approve_harmless.py");
        let page = std::fs::read_to_string(example.with_file_name("../webhooks.md")).unwrap();
        assert!(page.contains(std::fs::read_to_string(&example).unwrap().trim_end()), "the page shows it");
        let consumer = Command::new("python3")
            .arg(&example)
            .env("WEBHOOK_SECRET", made.text("/secret"))
            .env("COUNTERSIGN_TOKEN", serve.token("dana"))
            .env("PORT", port.number().to_string())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let delete = serve.submit("alice", "demo-db", "DELETE FROM orders", json!({})).await.unwrap();
        let harmless = select(&serve).await;
        let approved = serve.wait_for("alice", &harmless, &["APPROVED"]).await.unwrap();
        assert_eq!(approved.text("/groups/0/decisions/0/comment"), "reads only");
        delivered(&serve, &made).await;
        assert_eq!(serve.show("alice", &delete).await.unwrap().state(), "PENDING");
        drop(consumer);
    }
}
