//! What auditors do: read the numbers, fetch the log, verify it and receipts without the service.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign_e2e::program::{bare, to_the_end};
use countersign_e2e::{Answer, Database, Ended, Serve};
use serde_json::{Value, json};

const SETTINGS: [(&str, &str); 1] = [("COUNTERSIGN_SEAL_SECONDS", "1")];

/// Runs the program without a service and without a token.
async fn offline(args: &[&str]) -> Ended {
    to_the_end(bare(args, &[]).unwrap()).await.unwrap()
}

/// The receipt, once the last event is sealed.
async fn receipt(serve: &Serve, who: &str, request: &Answer) -> Answer {
    let give_up_at = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = serve.about(who, request, "receipt").await.unwrap();
        if answer.status != 409 || Instant::now() > give_up_at {
            assert_eq!(answer.status, 200, "{answer:?}");
            return answer;
        }
        assert_eq!(answer.slug(), "not-sealed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The minute of the clock, by which refusals are counted.
fn minute() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60
}

/// A page or a file of the console.
async fn page(serve: &Serve, who: &str, path: &str) -> String {
    let call = reqwest::Client::new().get(format!("{}{path}", serve.url())).bearer_auth(serve.token(who));
    let answer = call.header("accept", "text/html").send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

async fn approved_and_run(serve: &Serve) -> Answer {
    let command = "SELECT id FROM customers WHERE name = 'Zoë'";
    let request = serve.submit("alice", "demo-dual", command, json!({})).await.unwrap();
    for who in ["dana", "sam"] {
        let vote = json!({ "digest": request.text("/digest") });
        let path = format!("/v1/requests/{}/approve", request.text("/id"));
        let voted = serve.call(who, "POST", &path, Some(vote)).await.unwrap();
        assert_eq!(voted.status, 200, "{voted:?}");
    }
    let run = serve.run_to_its_end("alice", &request).await.unwrap();
    assert_eq!(run.state(), "SUCCEEDED");
    run
}

fn is_fine(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

async fn an_auditor_verifies_the_log_and_a_receipt_offline(database: Database) {
    let serve = Serve::start(database, &SETTINGS).await.unwrap();
    let request = approved_and_run(&serve).await;
    let changed = serve.run("root", &["connections", "update", "demo-db", "--timeout", "10m"]).await.unwrap();
    is_fine(&changed);
    receipt(&serve, "alice", &request).await;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let keep = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();

    // The log, whole, against the key and against an older checkpoint.
    let checkpoints = serve.run("audra", &["audit", "checkpoints", "-o", "json"]).await.unwrap();
    is_fine(&checkpoints);
    keep("kept.json", &checkpoints.out);
    let second = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    receipt(&serve, "alice", &second).await;
    let keys = serve.run("alice", &["audit", "keys", "-o", "json"]).await.unwrap().json().unwrap();
    let key = keys[0]["public_key"].as_str().unwrap();
    let export = serve.run("audra", &["audit", "export"]).await.unwrap();
    is_fine(&export);
    keep("log.jsonl", &export.out);
    let (log, kept) = (path("log.jsonl"), path("kept.json"));
    let verified = offline(&["audit", "verify", &log, "--checkpoint", &kept, "--key", key]).await;
    is_fine(&verified);
    let of = |kind: &str| export.out.lines().filter(|line| line.contains(kind)).count();
    assert_eq!((of("\"request.created\""), of("\"connection.changed\"")), (2, 1));
    assert!(of("\"user.created\"") >= 6 && of("\"connection.created\"") >= 3);
    let change = export.out.lines().find(|line| line.contains("\"connection.changed\"")).unwrap();
    let change: Value = serde_json::from_str(change).unwrap();
    assert_eq!(change["audit"]["actor"]["email"], "root@example.com");
    assert_eq!(
        (&change["audit"]["via"], &change["audit"]["data"]["after"]["timeout_seconds"]),
        (&json!("cli"), &json!(600))
    );

    // Against the keys as a file, from the service and from the program; not against others, nor against none.
    let public = serve.get("alice", "/v1/audit/public-key").await.unwrap();
    keep("keys.json", &public.json.to_string());
    keep("keys-of-the-program.json", &keys.to_string());
    keep("key.txt", &format!("{key}\n"));
    for file in ["keys.json", "keys-of-the-program.json", "key.txt"] {
        is_fine(&offline(&["audit", "verify", &log, "--checkpoint", &kept, "--key", &path(file)]).await);
    }
    let others = json!({ "items": [{ "public_key": format!("{}=", "A".repeat(43)) }] });
    keep("others.json", &others.to_string());
    assert_eq!(offline(&["audit", "verify", &log, "--key", &path("others.json")]).await.code, Some(1));
    keep("none.json", r#"{"items": []}"#);
    for file in ["none.json", "kept.json", "nowhere.json"] {
        let ended = offline(&["audit", "verify", &log, "--key", &path(file)]).await;
        assert_eq!(ended.code, Some(2), "{file}: {ended:?}");
    }

    // From the page, in parts that make one file, as the log was under one checkpoint.
    let newest = serve.get("audra", "/v1/audit/checkpoints?limit=1").await.unwrap();
    let (number, size) = (&newest.items()[0]["number"], newest.items()[0]["tree_size"].as_u64().unwrap());
    let part = async |from: u64, to: u64| {
        page(&serve, "audra", &format!("/audit/files/part?log={number}&from={from}&to={to}")).await
    };
    let parts = [part(0, 7).await, part(7, 12).await, part(12, size).await];
    keep("parts.jsonl", &parts.concat());
    is_fine(&offline(&["audit", "verify", &path("parts.jsonl"), "--key", key]).await);
    assert_eq!(parts.concat(), part(0, size).await);
    keep("without.jsonl", &[parts[0].clone(), parts[2].clone()].concat());
    assert_eq!(offline(&["audit", "verify", &path("without.jsonl")]).await.code, Some(1));
    let files = page(&serve, "audra", "/audit/files").await;
    assert!(files.contains("log_000000000000_") && files.contains("in one file"), "{files}");

    // What changed, found by who, what, of what and when.
    let changes = async |filter: &str| {
        let whole = page(&serve, "audra", &format!("/audit?{filter}")).await;
        whole.matches("<li id=\"aud_").count()
    };
    assert_eq!(changes("type=connection.changed").await, 1);
    assert_eq!(changes("type=connection.&who=ROOT%40&subject=demo-d").await, 1);
    assert_eq!(changes("type=connection.changed&who=alice").await, 0);
    assert_eq!(
        changes("subject=alice@example.com&type=user.").await,
        1,
        "an account is found by its address"
    );
    assert_eq!(changes("to=2020-01-01").await, 0);
    assert_eq!(changes("type=connection.changed&from=2020-01-01&to=2100-01-01").await, 1);
    let shown = page(&serve, "audra", "/audit?type=connection.changed").await;
    assert!(shown.contains("timeout seconds") && shown.contains("600"), "{shown}");
    assert!(!shown.contains(">version<") && shown.contains("href=\"/connections/demo-db\""), "{shown}");

    // Altered, and cut with an end of its own.
    keep("altered.jsonl", &export.out.replacen("alice@example.com", "malle@example.com", 1));
    let altered = offline(&["audit", "verify", &path("altered.jsonl")]).await;
    assert_eq!(altered.code, Some(1), "{altered:?}");
    assert!(altered.err.contains("was altered: its hash does not fit"), "{}", altered.err);
    let half: String = export.out.split_inclusive('\n').take(export.out.lines().count() / 2).collect();
    keep("half.jsonl", &half);
    let cut = offline(&["audit", "verify", &path("half.jsonl"), "--checkpoint", &kept]).await;
    assert_eq!(cut.code, Some(1));
    assert!(cut.err.contains("the export was cut"), "{}", cut.err);
    assert_eq!(offline(&["audit", "verify", &path("nowhere")]).await.code, Some(2));

    // The receipt.
    let printed = serve.run("dana", &["audit", "receipt", request.text("/id")]).await.unwrap();
    is_fine(&printed);
    keep("receipt.json", &printed.out);
    is_fine(&offline(&["audit", "verify", &path("receipt.json"), "--key", &path("keys.json")]).await);
    let proven = offline(&["audit", "verify", &path("receipt.json"), "--key", key]).await;
    is_fine(&proven);
    assert!(proven.err.contains("request.succeeded") && proven.err.contains("2 votes"), "{}", proven.err);
    keep("forged.json", &printed.out.replace("dana@example.com", "rita@example.com"));
    assert_eq!(offline(&["audit", "verify", &path("forged.json")]).await.code, Some(1));
    let other =
        offline(&["audit", "verify", &path("receipt.json"), "--key", &format!("{}=", "A".repeat(43))]).await;
    assert_eq!(other.code, Some(1), "{other:?}");
    #[cfg(feature = "python-tests")]
    by_python(&path("receipt.json"), &path("forged.json"), key).await;

    // Who sees what.
    for path in ["/v1/audit/checkpoints", "/v1/audit/export", "/v1/analytics"] {
        assert_eq!(serve.get("dana", path).await.unwrap().status, 403, "{path}");
    }
    assert_eq!(serve.about("sam", &second, "receipt").await.unwrap().status, 404);
}

/// What is refused to somebody for who they are is an event, once for the same within a minute.
async fn whoever_is_refused_is_on_record(database: Database) {
    let serve = Serve::start(database, &SETTINGS).await.unwrap();
    let limited = json!({ "name": "ci", "scopes": ["read"] });
    let limited = serve.post("alice", "/v1/tokens", limited).await.unwrap();
    let bearer = format!("Bearer {}", limited.text("/secret"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let begun = minute();
    for _ in 0..3 {
        assert_eq!(serve.get("alice", "/v1/analytics").await.unwrap().status, 403);
    }
    let within_one_minute = begun == minute();
    let body = json!({ "connection": "demo-open", "command": "SELECT 1" }).to_string();
    let submitted = serve.send_plain("POST", "/v1/requests", &headers, body).await.unwrap();
    assert_eq!((submitted.status, submitted.slug()), (403, "token-scope"));
    let path = format!("/v1/tokens/{}", limited.text("/id"));
    assert_eq!(serve.call("alice", "DELETE", &path, None).await.unwrap().status, 204);
    assert_eq!(serve.get_plain("/v1/requests", &headers).await.unwrap().status, 401);
    // Of a vote that is refused there is one event, and it is not that of a call.
    let own = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(serve.approve("alice", &own).await.unwrap().status, 403);
    // What somebody may not see is not there, and tells nobody that they looked for it.
    assert_eq!(serve.about("sam", &own, "receipt").await.unwrap().status, 404);
    // The log is sealed in the order of time, so a request that came later is sealed with or after the refusals.
    // The receipt of `own` would not do: it may be sealed a second before the refusal of the vote on it.
    let later = serve.submit("alice", "demo-db", "SELECT 2", json!({})).await.unwrap();
    receipt(&serve, "alice", &later).await;

    let export = serve.run("audra", &["audit", "export"]).await.unwrap();
    is_fine(&export);
    let lines = export.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused: Vec<Value> = lines
        .map(|line| line["audit"].clone())
        .filter(|event| event["type"].as_str().is_some_and(|kind| kind.ends_with(".refused")))
        .collect();
    let alice = serve.id("alice");
    let told = |event: &Value| {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
        let by = event.pointer("/actor/email").or(event.pointer("/actor/system")).unwrap();
        [text("/type"), by.as_str().unwrap().to_owned(), text("/data/operation"), text("/data/problem")]
    };
    let expected = [
        ["access.refused", "alice@example.com", "GET /v1/analytics", "forbidden"],
        ["access.refused", "alice@example.com", "POST /v1/requests", "token-scope"],
        ["access.refused", "a stranger", "GET /v1/requests", "unauthenticated"],
        ["decision.refused", "alice@example.com", "-", "-"],
    ];
    let mut all: Vec<_> = refused.iter().map(told).collect();
    if !within_one_minute {
        all.dedup();
    }
    assert_eq!(all, expected, "{refused:#?}");
    let mut calls = refused.iter().filter(|event| event["type"] == "access.refused");
    assert!(calls.all(|event| event["subject"] == alice.as_str()), "{refused:#?}");
}

/// The script of the documentation, which holds no code of ours.
#[cfg(feature = "python-tests")]
async fn by_python(good: &str, bad: &str, key: &str) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let script = root.join("docs/verify_receipt.py");
    let lines = std::fs::read_to_string(&script).unwrap().lines().count();
    assert!(lines <= 60, "{lines} lines");
    let run = async |args: &[&str]| {
        let python = root.join("target/tools/venv/bin/python");
        let mut command = tokio::process::Command::new(python);
        command.arg(&script).args(args).output().await.expect("tests/run makes the environment")
    };
    for args in [&[good, key][..], &[good]] {
        let proven = run(args).await;
        assert!(proven.status.success(), "{proven:?}");
        assert!(String::from_utf8_lossy(&proven.stdout).starts_with("proven: req_"), "{proven:?}");
    }
    let other = format!("{}=", "A".repeat(43));
    for args in [&[bad][..], &[good, &other]] {
        let refused = run(args).await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("NOT PROVEN"), "{refused:?}");
    }
}

async fn the_numbers_say_what_happened(database: Database) {
    let serve = Serve::start(database, &SETTINGS).await.unwrap();
    let request = approved_and_run(&serve).await;
    receipt(&serve, "alice", &request).await;
    let report = serve.run("audra", &["analytics", "-o", "json"]).await.unwrap();
    is_fine(&report);
    let report = report.json().unwrap();
    let counts = &report["counts"];
    assert_eq!(
        (&counts["submitted"], &counts["approved"], &counts["succeeded"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!((&report["approval_rate"], &report["time_to_decision"]["count"]), (&json!(1.0), &json!(1)));
    assert_eq!(report["top_requesters"][0]["user"]["email"], "alice@example.com");
    assert_eq!(report["reviewers"].as_array().unwrap().len(), 2);
    assert_eq!(report["common_commands"][0]["shape"], "select id from customers where name = ?");
    assert_eq!(report["by_day"].as_array().unwrap().len(), 1);
    // The same of each part.
    for part in ["by_connection", "top_requesters", "by_day", "by_month"] {
        let row = &report[part][0];
        assert_eq!(
            (&row["approval_rate"], &row["time_to_decision"]["count"]),
            (&json!(1.0), &json!(1)),
            "{part}"
        );
        let mean = &row["time_to_decision"]["mean_seconds"];
        assert_eq!(mean, &report["time_to_decision"]["mean_seconds"], "{part}");
    }
    let hours = report["by_hour"].as_array().unwrap().iter();
    assert_eq!(hours.filter_map(|row| row["time_to_decision"]["count"].as_u64()).sum::<u64>(), 1);
    for part in ["reviewers", "by_group"] {
        let row = &report[part][0];
        assert_eq!(
            (&row["approval_rate"], &row["time_to_vote"]["count"]),
            (&json!(1.0), &json!(1)),
            "{part}"
        );
    }
    let none = serve.get("audra", "/v1/analytics?connection=demo-db").await.unwrap();
    assert_eq!(none.json["counts"]["submitted"], 0);
    let csv = serve.run("audra", &["analytics", "-o", "csv"]).await.unwrap();
    assert!(csv.out.lines().nth(1).unwrap().contains(",1,0,1,0,0,0,0,1,0,0"), "{}", csv.out);
    let csv = serve.run("audra", &["analytics", "-o", "csv", "--by", "requester"]).await.unwrap();
    let mut lines = csv.out.lines();
    assert!(lines.next().unwrap().starts_with("user.email,user.id,counts.submitted,"), "{}", csv.out);
    assert!(lines.next().unwrap().starts_with("alice@example.com,usr_"), "{}", csv.out);

    // All requests as one file, with whole commands; in narrower parts if that is asked for.
    let long = format!("SELECT '{}'", "x".repeat(5000));
    serve.submit("alice", "demo-db", &long, json!({})).await.unwrap();
    let (from, to) = ("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    let file = format!("/analytics/requests/file?from={from}&to={to}&format");
    let csv = page(&serve, "audra", &format!("{file}=csv")).await;
    assert!(csv.starts_with("id,status,") && csv.contains(&long) && csv.contains("Zoë"), "{csv}");
    let lines = page(&serve, "audra", &format!("{file}=jsonl")).await;
    let requests: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((requests.len(), requests[0]["command"].as_str()), (2, Some(long.as_str())));
    let whole = page(&serve, "audra", "/analytics/requests?format=csv").await;
    assert!(whole.contains("All of it is one file"), "{whole}");
    let parts = page(&serve, "audra", "/analytics/requests?format=csv&split=1").await;
    assert!(parts.contains("narrower parts, which are whole"), "{parts}");
    let exported = serve.get("audra", "/v1/requests/export?limit=1").await.unwrap();
    assert_eq!(exported.json["command"], long.as_str(), "an export has whole commands");

    let table = serve.run("audra", &["analytics"]).await.unwrap();
    assert!(table.out.contains("1 submitted") && table.out.contains("dana@example.com"), "{}", table.out);
}

countersign_e2e::on_every_database! {
    an_auditor_verifies_the_log_and_a_receipt_offline,
    whoever_is_refused_is_on_record,
    the_numbers_say_what_happened,
}

/// With nothing serving the data directory, all numbers are made anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_made_anew_by_one_command() {
    let mut serve = Serve::start(Database::Embedded, &SETTINGS).await.unwrap();
    let request = approved_and_run(&serve).await;
    receipt(&serve, "alice", &request).await;
    let before = serve.get("audra", "/v1/analytics").await.unwrap();
    let data = serve.data().display().to_string();
    let busy = offline(&["rebuild-statistics", "--data", &data]).await;
    assert_eq!(busy.code, Some(2), "{busy:?}");
    serve.stop().await.unwrap();
    let table = serve.table().to_owned();
    let rebuilt = bare(&["rebuild-statistics", "--data", &data], &[("COUNTERSIGN_TABLE", &table)]).unwrap();
    is_fine(&to_the_end(rebuilt).await.unwrap());
    serve.start_again().await.unwrap();
    let after = serve.get("audra", "/v1/analytics").await.unwrap();
    assert_eq!(after.json["counts"], before.json["counts"]);
    assert_eq!(after.json["time_to_decision"], before.json["time_to_decision"]);
}
