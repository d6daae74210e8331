//! Everything that the functions do to AWS, held against what their roles grant.

use std::collections::BTreeSet;
use std::sync::Arc;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, Invoker};
use countersign_deliver::{ChatSecrets, Deliver, Senders};
use countersign_dispatch::Dispatch;
use countersign_execute::Execute;
use countersign_expire::Expire;
use countersign_local::EmbeddedStore;
use countersign_notify::slack::incoming::signature;
use countersign_rules::UserId;
use countersign_sam::seed;
use countersign_seal::Seal;
use countersign_storage::catalogues::StoredCatalogue;
use countersign_storage::sign_in::OneTimeCode;
use countersign_storage::{codec, schema};
use countersign_targets::FileSecrets;
use countersign_timer::Timer;
use serde_json::{Map, Value, json};

use crate::template::document::{functions, root, template, variables, with_second_admin};
use crate::template::recorder::Recorder;
use crate::template::roles::{Use, grants};

/// A deployment on this machine: each function with its own variables, behind the recorder.
struct Deployment {
    template: Value,
    recorder: Recorder,
    database: EmbeddedStore,
    database_url: String,
    people: Map<String, Value>,
    /// Where commands find their database. In Lambda there is none; the output is the same.
    targets: tempfile::TempDir,
    /// Where Slack is.
    chat_url: String,
}

/// What the settings of Slack refer to, and where Slack is.
fn chat_secrets(url: String) -> countersign_deliver::chats::Lookup {
    Arc::new(move |name| match name {
        "COUNTERSIGN_SLACK_API_URL" => Some(url.clone()),
        name => Some(format!("secret of {name}")),
    })
}

impl Deployment {
    async fn begin() -> Self {
        let template = template();
        let database = EmbeddedStore::open(None).await.unwrap();
        let database_url = database.listen().await.unwrap();
        let recorder = Recorder::before(&database_url).await;
        let targets = tempfile::tempdir().unwrap();
        std::fs::write(targets.path().join("empty.db"), "").unwrap();
        let mut deployment = Self {
            template,
            recorder,
            database,
            database_url,
            people: Map::new(),
            targets,
            chat_url: slack().await,
        };
        // What is there before any function runs is not theirs.
        let url = &deployment.database_url;
        let aws = Aws::new(AwsSettings::local(url, url, url));
        let app = App::new(deployment.config("intake"), &aws);
        schema::create_table(&aws.dynamodb(), &app.config.table).await.unwrap();
        deployment.people = seed(&app).await.unwrap();
        deployment
    }

    fn config(&self, function: &str) -> Config {
        let variables = variables(&self.template, function);
        let mut config = Config::read(&|name| variables.get(name).cloned()).unwrap();
        config.sqlite_root = Some(self.targets.path().to_owned());
        config.max_wait_seconds = 1;
        config
    }

    fn aws(&self, function: &str) -> Aws {
        Aws::new(self.recorder.settings(function))
    }

    fn app(&self, function: &str) -> App {
        App::new(self.config(function), &self.aws(function))
    }

    fn invoker(&self, function: &str) -> Invoker {
        Invoker::new(&self.config(function), &self.aws(function)).unwrap()
    }

    fn id(&self, who: &str) -> &str {
        self.people[who]["id"].as_str().unwrap()
    }

    fn router(&self, function: &str) -> axum::Router {
        match function {
            "intake" => countersign_intake::router(self.app(function)),
            "callback" => {
                let slack = countersign_callback::Slack::new(
                    chat_secrets(self.chat_url.clone()),
                    FileSecrets::Refused,
                );
                countersign_callback::router(self.app(function), self.invoker(function), slack)
            }
            "runners" => countersign_runners::router(self.app(function)),
            _ => countersign_console::router(self.app(function), self.invoker(function)),
        }
    }

    /// Calls a function as API Gateway does, and expects that it does what was asked.
    async fn http(&self, function: &str, who: &str, call: &str, version: Option<u64>, body: Value) -> Value {
        let answer = self.answer(function, who, call, version, body).await;
        assert!(answer["statusCode"].as_u64().unwrap() < 300, "{call}: {answer}");
        serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default()
    }

    /// The same, whatever the answer is.
    async fn answer(
        &self,
        function: &str,
        who: &str,
        call: &str,
        version: Option<u64>,
        body: Value,
    ) -> Value {
        self.answer_of(self.router(function), who, call, version, body).await
    }

    async fn answer_of(
        &self,
        router: axum::Router,
        who: &str,
        call: &str,
        version: Option<u64>,
        body: Value,
    ) -> Value {
        let (method, target) = call.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let fixture = std::fs::read_to_string(root().join("infra/events/show.json")).unwrap();
        let mut event: Value = serde_json::from_str(&fixture).unwrap();
        event["rawPath"] = json!(path);
        event["rawQueryString"] = json!(query);
        event["requestContext"]["http"]["method"] = json!(method);
        event["requestContext"]["http"]["path"] = json!(path);
        let headers = event["headers"].as_object_mut().unwrap();
        let token = self.people[who]["token"].as_str().unwrap();
        headers.insert("authorization".to_owned(), json!(format!("Bearer {token}")));
        if method == "POST" {
            // The same call is the same key: what came before is answered again.
            let key: String =
                format!("{call}{body}").chars().filter(char::is_ascii_graphic).take(200).collect();
            headers.insert("idempotency-key".to_owned(), json!(key));
        }
        if let Some(version) = version {
            headers.insert("if-match".to_owned(), json!(format!("\"{version}\"")));
        }
        if !body.is_null() {
            headers.insert("content-type".to_owned(), json!("application/json"));
            event["body"] = json!(body.to_string());
        }
        countersign_http::lambda::invoke(&router, event).await.unwrap()
    }

    async fn get(&self, who: &str, target: &str) -> Value {
        self.http("console", who, &format!("GET {target}"), None, Value::Null).await
    }

    async fn submit(&self, connection: &str, command: &str, run: &str) -> Value {
        let body = json!({ "connection": connection, "command": command, "run": run });
        self.http("intake", "alice", "POST /v1/requests", None, body).await
    }

    async fn decide(&self, who: &str, verb: &str, request: &Value, more: Value) -> Value {
        let call = format!("POST /v1/requests/{}/{verb}", request["id"].as_str().unwrap());
        self.http("callback", who, &call, None, more).await
    }

    /// A runner's call about a request.
    async fn reports(&self, verb: &str, request: &Value, more: Value) -> Value {
        let call = format!("POST /v1/requests/{}/{verb}", request["id"].as_str().unwrap());
        self.http("runners", "runner", &call, None, more).await
    }

    async fn approve(&self, request: &Value) -> Value {
        self.decide("dana", "approve", request, json!({ "digest": request["digest"] })).await
    }

    /// The functions that nobody calls over HTTP.
    async fn execute(&self, request: &Value) -> Value {
        let execute = Execute::from_environment(self.app("execute"));
        execute.handle(json!({ "request_id": request["id"] })).await.unwrap()
    }

    async fn expire(&self, epoch: u32, event: Value) -> Value {
        let mut config = self.config("expire");
        config.epoch = epoch;
        let app = App::new(config, &self.aws("expire"));
        Expire::new(app, self.invoker("expire")).handle(event).await.unwrap()
    }

    /// The webhook's receiver answers on this machine, which no function in Lambda may reach.
    async fn deliver(&self, event: Value) -> Value {
        let mut config = self.config("deliver");
        config.loopback_webhooks = true;
        config.retries = countersign_notify::Schedule::parse("10ms").unwrap();
        let aws = self.aws("deliver");
        let timer = Timer::new(aws.scheduler(), config.timer.clone().unwrap());
        let app = App::new(config, &aws);
        let chats = ChatSecrets::new(chat_secrets(self.chat_url.clone()), FileSecrets::Refused);
        let senders = Senders::of(&app).with_chats(&app, &chats);
        Deliver::new(app, timer, senders).handle(event).await.unwrap()
    }

    async fn dispatch(&self, request: &Value) {
        let aws = self.aws("dispatch");
        let timer = Timer::new(aws.scheduler(), self.config("dispatch").timer.unwrap());
        let dispatch = Dispatch::new(self.app("dispatch"), timer, self.invoker("dispatch"));
        let id = request["id"].as_str().unwrap().parse().unwrap();
        let url = &self.database_url;
        let beside = App::new(self.config("dispatch"), &Aws::new(AwsSettings::local(url, url, url)));
        let state = serde_json::to_vec(&beside.store.load(id).await.unwrap().unwrap()).unwrap();
        let doc = STANDARD.encode(codec::compress(&state).unwrap());
        let image = json!({ "sk": { "S": "S" }, "doc": { "B": doc } });
        let record = json!({ "dynamodb": { "SequenceNumber": "1", "NewImage": image } });
        let answer = dispatch.handle(json!({ "Records": [record] })).await.unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
}

/// What happened is sealed and counted, and both are read.
async fn sealing(on: &Deployment, request: &Value) {
    let key = countersign_seal::signing_key(&on.config("seal"), &on.aws("seal"), &|_| None).await.unwrap();
    let seal = Seal::new(on.app("seal"), key).run_every(Duration::from_millis(1));
    // Over, by the grace that it gives.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let sealed = seal.handle(json!({ "seal": true })).await.unwrap();
    assert!(sealed["events"].as_u64().unwrap() > 10, "{sealed}");
    let receipt = format!("/v1/requests/{}/receipt", request["id"].as_str().unwrap());
    for path in
        ["/v1/analytics", "/v1/audit/checkpoints", "/v1/audit/export", "/v1/audit/public-key", &receipt]
    {
        on.get("root", path).await;
    }
}

async fn administration(on: &Deployment) {
    let connection = json!({ "kind": "sqlite", "target": { "path": "empty.db" }, "reviewers": ["dba-team"] });
    on.http("console", "root", "PUT /v1/connections/files", None, connection.clone()).await;
    let brief = on.http("console", "root", "PUT /v1/connections/brief", None, connection).await;
    let test = "POST /v1/connections/files/test";
    assert_eq!(on.http("console", "root", test, None, Value::Null).await["works"], true);
    let check = json!({ "command": "SELECT 1" });
    let checked = on.http("console", "root", "POST /v1/connections/files/check", None, check).await;
    assert_eq!(checked["outcome"], "needs_approval", "{checked}");
    let execute = Execute::from_environment(on.app("execute"));
    let plan = json!({ "plan": { "connection": "files", "command": "SELECT 1" } });
    assert_eq!(execute.handle(plan).await.unwrap(), json!({ "estimate": null }));
    let tested = execute.handle(json!({ "test_connection": "files" })).await.unwrap();
    assert_eq!((&tested["works"], &tested["checks"][0]["purpose"]), (&json!(true), &json!("run")));
    // A catalogue, as it is kept of a database that has one.
    let catalogue =
        StoredCatalogue { catalogue: Default::default(), read_at: execute.app.now(), source: String::new() };
    execute.app.store.put_catalogue(&"files".parse().unwrap(), &catalogue).await.unwrap();
    let changed = json!({ "kind": "sqlite", "target": { "path": "other.db" }, "reviewers": ["dba-team"] });
    let version = brief["version"].as_u64();
    let brief = on.http("console", "root", "PUT /v1/connections/brief", version, changed).await;
    let version = brief["version"].as_u64();
    on.http("console", "root", "DELETE /v1/connections/brief", version, Value::Null).await;

    let carol = format!("/v1/users/{}", UserId::from_parts(on.app("console").now(), 7));
    let user = json!({ "email": "carol@example.com", "groups": ["dba-team"] });
    on.http("console", "root", &format!("PUT {carol}"), None, user).await;
    let user = json!({ "email": "carol@new.example.com", "groups": [], "disabled": true });
    on.http("console", "root", &format!("PUT {carol}"), Some(1), user).await;
    let token = on.http("console", "alice", "POST /v1/tokens", None, json!({ "name": "ci" })).await;
    let token = token["id"].as_str().unwrap();
    on.http("console", "alice", &format!("DELETE /v1/tokens/{token}"), None, Value::Null).await;
}

async fn requests(on: &Deployment) -> Value {
    let much = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
                SELECT i, hex(randomblob(100)) FROM n";
    let request = on.submit("files", much, "manual").await;
    on.submit("files", much, "manual").await;
    on.approve(&request).await;
    assert_eq!(on.execute(&request).await, json!({ "ran": true, "status": "SUCCEEDED" }));
    on.get("alice", &format!("/v1/requests/{}/output", request["id"].as_str().unwrap())).await;
    let id = request["id"].as_str().unwrap();
    for path in ["", "?wait_seconds=1&since_version=1", "/events"] {
        on.get("alice", &format!("/v1/requests/{id}{path}")).await;
    }

    let rejected = on.submit("files", "SELECT 2", "manual").await;
    let no = json!({ "digest": rejected["digest"], "reason": "no" });
    on.decide("dana", "reject", &rejected, no).await;
    let cancelled = on.submit("files", "SELECT 3", "manual").await;
    let own = format!("POST /v1/requests/{}/approve", cancelled["id"].as_str().unwrap());
    let own = on.answer("callback", "alice", &own, None, json!({ "digest": cancelled["digest"] })).await;
    assert_eq!(own["statusCode"], 403, "{own}");
    let mut config = on.config("intake");
    config.open_requests_per_person = 1;
    let full = countersign_intake::router(App::new(config, &on.aws("intake")));
    let body = json!({ "connection": "files", "command": "SELECT 9" });
    let refused = on.answer_of(full, "alice", "POST /v1/requests", None, body).await;
    assert_eq!(refused["statusCode"], 409, "{refused}");
    on.decide("alice", "cancel", &cancelled, Value::Null).await;
    let asked_for = on.submit("files", "SELECT 4", "manual").await;
    on.dispatch(&asked_for).await;
    on.approve(&asked_for).await;
    on.decide("alice", "run", &asked_for, Value::Null).await;
    let by_itself = on.submit("files", "SELECT 5", "on_approval").await;
    on.approve(&by_itself).await;
    on.dispatch(&by_itself).await;
    on.expire(1, json!({ "deadline": { "request_id": by_itself["id"] } })).await;
    on.expire(1, json!({ "sweep": true })).await;
    on.submit("prod-db", "SELECT 6", "manual").await;
    on.expire(2, json!({ "sweep": true })).await;
    let settled = json!({ "outcome": "failed", "note": "looked" });
    let settled = on.decide("root", "settle", &asked_for, settled).await;
    assert_eq!(settled["status"], "FAILED");
    settled
}

/// A runner finds work, claims it, hands output in and reports; work that nobody fetches is given up, and
/// what is of an older epoch ends whoever comes.
async fn a_runner_works(on: &mut Deployment) {
    let ops = json!({ "kind": "runner", "target": { "program": ["bash", "-s"] }, "reviewers": ["dba-team"] });
    on.http("console", "root", "PUT /v1/connections/ops", None, ops).await;
    let solo = json!({ "kind": "runner", "target": { "program": ["bash", "-s"] }, "reviewers": ["a"] });
    on.http("console", "root", "PUT /v1/connections/ops-solo", None, solo).await;
    let open = json!({ "kind": "runner", "target": { "program": ["bash", "-s"] }, "approvals": false });
    on.http("console", "root", "PUT /v1/connections/ops-open", None, open.clone()).await;
    let mut hasty = open;
    hasty["run_within_seconds"] = json!(1);
    on.http("console", "root", "PUT /v1/connections/ops-hasty", None, hasty).await;
    let robot = format!("/v1/users/{}", UserId::from_parts(on.app("console").now(), 9));
    let body = json!({ "email": "robot@example.com", "owner": on.id("dana") });
    on.http("console", "root", &format!("PUT {robot}"), None, body).await;
    let user = robot.rsplit('/').next().unwrap();
    let token = json!({ "name": "runner", "user": user, "runner_connections": ["ops", "ops-solo"] });
    let token = on.http("console", "root", "POST /v1/tokens", None, token).await;
    on.people.insert("runner".to_owned(), json!({ "id": user, "token": token["secret"] }));
    let on = &*on;

    let abandoned = on.submit("ops-hasty", "echo late", "on_approval").await;
    let request = on.submit("ops", "echo out", "manual").await;
    on.approve(&request).await;
    on.decide("alice", "run", &request, Value::Null).await;
    let work = on.http("runners", "runner", "GET /v1/runner/work", None, Value::Null).await;
    assert_eq!(work["work"]["id"], request["id"]);
    // Who is refused is on record.
    let none = on.answer("runners", "alice", "GET /v1/runner/work", None, Value::Null).await;
    assert_eq!(none["statusCode"], 403, "{none}");
    let nonce = "0".repeat(32);
    let claim = json!({ "digest": request["digest"], "nonce": nonce });
    on.reports("claim", &request, claim).await;
    on.reports("renew", &request, json!({ "nonce": nonce })).await;
    let lines = json!({ "nonce": nonce, "lines": [{ "stream": "stdout", "text": "out" }] });
    on.reports("output?piece=1", &request, lines).await;
    let report = json!({ "nonce": nonce, "outcome": "succeeded", "exit_code": 0, "pieces": 1 });
    let reported = on.reports("complete", &request, report).await;
    assert_eq!(reported["status"], "SUCCEEDED");
    let cancelled = on.submit("ops-open", "echo never", "on_approval").await;
    on.decide("alice", "cancel", &cancelled, Value::Null).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let ended = on.expire(1, json!({ "deadline": { "request_id": abandoned["id"] } })).await;
    assert_eq!(ended["status"], "EXPIRED");

    let mut config = on.config("runners");
    config.epoch = 2;
    let restored = countersign_runners::router(App::new(config, &on.aws("runners")));
    let pending = on.submit("ops", "echo before", "manual").await;
    let renew = format!("POST /v1/requests/{}/renew", pending["id"].as_str().unwrap());
    let answer = on.answer_of(restored, "runner", &renew, None, json!({ "nonce": nonce })).await;
    assert_eq!(answer["statusCode"], 409, "{answer}");
    let ended = on.get("alice", &format!("/v1/requests/{}", pending["id"].as_str().unwrap())).await;
    assert_eq!(ended["status"], "CANCELLED");
}

/// Somebody changes groups: their vote counts elsewhere then, and what they approved is reopened.
async fn a_voter_moves(on: &Deployment) {
    let trio = json!({
        "kind": "sqlite", "target": { "path": "empty.db" }, "reviewers": ["a", "b", "c"], "distinct_reviewers": false
    });
    on.http("console", "root", "PUT /v1/connections/trio", None, trio).await;
    let solo = json!({ "kind": "sqlite", "target": { "path": "empty.db" }, "reviewers": ["a"] });
    on.http("console", "root", "PUT /v1/connections/solo", None, solo).await;
    let bob = format!("/v1/users/{}", on.id("bob"));
    let member = |groups: &[&str]| json!({ "email": "bob@example.com", "groups": groups });
    on.http("console", "root", &format!("PUT {bob}"), Some(1), member(&["a"])).await;
    let trio = on.submit("trio", "SELECT 1", "manual").await;
    let solo = on.submit("solo", "SELECT 1", "manual").await;
    let fetched = on.submit("ops-solo", "echo solo", "manual").await;
    let approve = async |request: &Value| {
        on.decide("bob", "approve", request, json!({ "digest": request["digest"] })).await
    };
    approve(&trio).await;
    assert_eq!(approve(&solo).await["status"], "APPROVED");
    assert_eq!(approve(&fetched).await["status"], "APPROVED");
    on.decide("alice", "run", &fetched, Value::Null).await;
    on.http("console", "root", &format!("PUT {bob}"), Some(2), member(&["b", "c"])).await;
    approve(&trio).await;
    assert_eq!(on.execute(&solo).await, json!({ "ran": false }));
    let claim = format!("POST /v1/requests/{}/claim", fetched["id"].as_str().unwrap());
    let body = json!({ "digest": fetched["digest"], "nonce": "1".repeat(32) });
    let claimed = on.answer("runners", "runner", &claim, None, body).await;
    assert_eq!(claimed["statusCode"], 409, "{claimed}");
    for reopened in [solo, fetched] {
        let now = on.get("root", &format!("/v1/requests/{}", reopened["id"].as_str().unwrap())).await;
        assert_eq!(now["status"], "PENDING");
    }
}

/// A receiver that gives these answers, one after the other.
async fn receiver(statuses: &'static [u16]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut statuses = statuses.iter();
    let answer = std::sync::Mutex::new(move || *statuses.next().unwrap_or(&200));
    let answer = std::sync::Arc::new(answer);
    let router = axum::Router::new().fallback(move || {
        let status = answer.lock().unwrap()();
        async move { http::StatusCode::from_u16(status).unwrap() }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn telling(on: &Deployment) {
    // Saved as one that may be told, then moved to where this test listens.
    let body = json!({ "url": "https://198.51.99.1/hook", "name": "ci" });
    let made = on.http("console", "root", "POST /v1/webhooks", None, body.clone()).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1/webhooks/{id}");
    let changed = json!({ "url": "https://198.51.99.2/hook" });
    on.http("console", "root", &format!("PUT {path}"), Some(1), changed).await;
    on.http("console", "root", &format!("POST {path}/rotate-secret"), None, Value::Null).await;
    let url = receiver(&[500, 200, 500, 410]).await;
    let database = &on.database_url;
    let beside = Aws::new(AwsSettings::local(database, database, database));
    let store = App::new(on.config("console"), &beside).store;
    let mut stored = store.webhook(id.parse().unwrap()).await.unwrap().unwrap();
    stored.webhook.url = url;
    store.put_webhook(Some(stored.webhook.version), &stored, None).await.unwrap();
    let slack = json!({
        "bot_token": "env:SLACK_BOT", "signing_secret": "env:SLACK_SIGNS", "app_id": "A1", "team_id": "T1"
    });
    on.http("console", "root", "PUT /v1/integrations/slack", None, slack).await;
    let teams = json!({ "webhook_url": "env:TEAMS", "enabled": false });
    on.http("console", "root", "PUT /v1/integrations/teams", None, teams).await;

    let request = on.submit("files", "SELECT 7", "manual").await;
    on.dispatch(&request).await;
    let commit = json!({ "commit": { "endpoint": id, "request_id": request["id"], "version": 1 } });
    assert_eq!(on.deliver(commit.clone()).await, json!({ "attempted": 1 }), "fails, and is slept for");
    assert_eq!(on.deliver(commit).await, json!({ "attempted": 0 }), "a duplicate");
    let path_of_request = format!("/v1/requests/{}/notifications", request["id"].as_str().unwrap());
    let told = on.get("root", &path_of_request).await;
    assert_eq!(told["items"][0]["deliveries"][0]["state"], "delivered", "{told}");
    on.get("root", "/v1/webhooks").await;
    let log = on.get("root", &format!("{path}/deliveries")).await;
    let delivery = log["items"][0]["id"].as_str().unwrap().to_owned();
    let test = on.http("console", "root", &format!("POST {path}/test"), None, Value::Null).await;
    on.http("console", "root", &format!("POST /v1/deliveries/{delivery}/replay"), None, Value::Null).await;
    // What console asked for was not invoked here: it is due, and the sweep has it attempted.
    on.expire(1, json!({ "sweep": true })).await;
    on.expire(1, json!({ "deliveries": { "endpoint": id } })).await;
    let due = on.deliver(json!({ "due": { "endpoint": id } })).await;
    assert_eq!(due, json!({ "attempted": 0 }), "it is held for who was to be invoked");
    let asked_for = json!({ "delivery": { "endpoint": id, "id": test["id"] } });
    assert_eq!(on.deliver(asked_for).await, json!({ "attempted": 1 }), "fails, is slept for, and is gone");
    let gone = on.get("root", &path).await;
    assert_eq!(gone["enabled"], false, "{gone}");
    on.http("console", "root", &format!("DELETE {path}"), gone["version"].as_u64(), Value::Null).await;
}

/// Something that takes whatever is posted.
async fn slack() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/", listener.local_addr().unwrap());
    let answer = r#"{"ok":true,"channel":"C1","ts":"1.000002"}"#;
    let router = axum::Router::new().fallback(move || async move { answer });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

impl Deployment {
    /// A call from Slack, signed as the settings say.
    async fn slack_calls(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let second = (self.app("callback").now().unix_millis() / 1000).to_string();
        let signature = signature::sign("secret of SLACK_SIGNS", &second, body.as_bytes());
        let fixture = std::fs::read_to_string(root().join("infra/events/show.json")).unwrap();
        let mut event: Value = serde_json::from_str(&fixture).unwrap();
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["method"] = json!("POST");
        event["requestContext"]["http"]["path"] = json!(path);
        event["body"] = json!(body);
        event["headers"] = json!({
            "content-type": "application/x-www-form-urlencoded", "host": "x",
            "x-slack-request-timestamp": second, "x-slack-signature": signature,
        });
        let answer = countersign_http::lambda::invoke(&self.router("callback"), event).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{path}: {answer}");
        serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default()
    }

    async fn types(&self, user: &str, text: &str) -> String {
        let fields = [
            ("command", "/countersign"),
            ("text", text),
            ("api_app_id", "A1"),
            ("team_id", "T1"),
            ("user_id", user),
        ];
        let answer = self.slack_calls("/slack/commands", &fields).await;
        answer["blocks"][0]["text"]["text"].as_str().unwrap().to_owned()
    }
}

async fn chatting(on: &Deployment) {
    let link = async |user: &str| {
        let body = json!({ "slack_user_id": user });
        let code = on.http("console", "dana", "POST /v1/me/slack-links", None, body).await;
        let said = on.types(user, &format!("link {}", code["code"].as_str().unwrap())).await;
        assert!(said.contains("from now on"), "{said}");
    };
    link("U0OLD").await;
    link("U0DANA").await;
    on.types("U0DANA", "subscribe files").await;
    on.types("U0DANA", "list").await;
    let request = on.submit("files", "SELECT 8", "manual").await;
    assert!(on.types("U0DANA", "pending").await.contains(request["code"].as_str().unwrap()));
    for endpoint in ["slack:C1", "slack:U0DANA"] {
        let commit = json!({ "commit": { "endpoint": endpoint, "request_id": request["id"], "version": 1 } });
        assert_eq!(on.deliver(commit).await, json!({ "attempted": 1 }));
    }
    let press = json!({
        "type": "block_actions", "api_app_id": "A1", "team": { "id": "T1" }, "user": { "id": "U0DANA", "team_id": "T1" },
        "trigger_id": "1", "actions": [{
            "action_id": "approve",
            "value": format!("{} {}", request["id"].as_str().unwrap(), request["digest"].as_str().unwrap()),
        }],
    });
    on.slack_calls("/slack/interactions", &[("payload", &press.to_string())]).await;
    let approved = on.get("root", &format!("/v1/requests/{}", request["id"].as_str().unwrap())).await;
    assert_eq!(
        (&approved["status"], &approved["groups"][0]["decisions"][0]["via"]),
        (&json!("APPROVED"), &json!("slack"))
    );
    on.types("U0DANA", "unsubscribe").await;
    on.http("console", "dana", "DELETE /v1/me/slack-links", None, Value::Null).await;
}

/// What the pages of a sign-in do; the issuer itself is not part of a deployment.
async fn signing_in(on: &Deployment) {
    let app = on.app("console");
    let alice: UserId = on.id("alice").parse().unwrap();
    app.begin_session(alice, "oidc", "a browser").await.unwrap();
    let sessions = app.store.sessions(alice).await.unwrap();
    let ids: Vec<String> = sessions.into_iter().map(|stored| stored.id).collect();
    app.store.end_sessions(alice, &ids).await.unwrap();
    app.store.link("https://issuer.example", "alice", alice).await.unwrap();
    let meaning =
        OneTimeCode { user: alice, challenge: "c".to_owned(), expires_at: app.now().plus_seconds(60) };
    app.store.keep_code("code", &meaning).await.unwrap();
    assert_eq!(app.store.take_code("code").await.unwrap(), Some(meaning));
    assert_eq!(app.store.take_code("code").await.unwrap(), None);
}

async fn reading(on: &Deployment) {
    for list in [
        "/v1/requests",
        "/v1/requests?status=SUCCEEDED",
        "/v1/requests?status=PENDING",
        "/v1/requests?connection=files",
        "/v1/requests?group=dba-team",
        "/v1/requests/export?format=csv",
        "/v1/connections",
        "/v1/connections/files",
        "/v1/users",
        "/v1/users?email=dana@example.com",
        "/v1/groups",
        "/v1/tokens",
        "/v1/me",
    ] {
        on.get("root", list).await;
    }
    on.get("dana", "/v1/requests?group=mine").await;
    on.get("root", &format!("/v1/requests?requester={}", on.id("alice"))).await;
    on.get("root", &format!("/v1/users/{}", on.id("alice"))).await;
}

/// Rights that are not used through the functions' own calls: Lambda writes logs, reads the stream and
/// keeps what failed on behalf of a function. The last two are for secrets that are not resolved yet.
const OTHERWISE: [&str; 11] = [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:ListBucket",
    "s3:PutObject",
    "secretsmanager:GetSecretValue",
    "sqs:SendMessage",
    "ssm:GetParameter",
];

/// Two admins who need each other: a new connection, a changed account, the settings of Slack.
async fn two_admins(on: &Deployment) {
    let agreed = async |request: Value| {
        on.decide("bob", "approve", &request, json!({ "digest": request["digest"] })).await;
        assert_eq!(on.execute(&request).await, json!({ "ran": true, "status": "SUCCEEDED" }));
    };
    let connection = json!({ "kind": "sqlite", "target": { "path": "empty.db" }, "reviewers": ["dba-team"] });
    agreed(on.http("console", "root", "PUT /v1/connections/agreed", None, connection).await).await;
    assert_eq!(on.get("root", "/v1/connections/agreed").await["reviewers"], json!(["dba-team"]));
    let alice = format!("/v1/users/{}", on.id("alice"));
    let version = on.get("root", &alice).await["version"].as_u64();
    let user = json!({ "email": "alice@new.example.com", "groups": ["dba-team"] });
    agreed(on.http("console", "root", &format!("PUT {alice}"), version, user).await).await;
    assert_eq!(on.get("root", &alice).await["email"], "alice@new.example.com");
    let slack = on.get("root", "/v1/integrations/slack").await;
    let mut settings = slack["settings"].clone();
    settings["signing_secret"] = json!("env:SLACK_SIGNS_ANEW");
    let version = slack["version"].as_u64();
    agreed(on.http("console", "root", "PUT /v1/integrations/slack", version, settings).await).await;
}

/// No right is missing, and none is there that nobody uses.
fn compare(template: &Value, uses: &BTreeSet<Use>) {
    let may = |usage: &Use| grants(template, &usage.function).iter().any(|grant| grant.allows(usage));
    let refused: Vec<&Use> = uses.iter().filter(|usage| !may(usage)).collect();
    assert!(refused.is_empty(), "the roles do not allow: {refused:#?}");

    let mut needless = Vec::new();
    for function in functions(template).keys() {
        let grants = grants(template, function).into_iter();
        for grant in grants.filter(|grant| !OTHERWISE.contains(&grant.action.as_str())) {
            for narrow in grant.by_partition() {
                if !uses.iter().any(|usage| usage.function == *function && narrow.allows(usage)) {
                    needless.push((function.clone(), narrow));
                }
            }
        }
    }
    assert!(needless.is_empty(), "nobody uses: {needless:#?}");
}

#[tokio::test]
async fn each_function_may_do_what_it_does_and_nothing_else() {
    let mut on = Deployment::begin().await;
    administration(&on).await;
    let request = requests(&on).await;
    a_runner_works(&mut on).await;
    a_voter_moves(&on).await;
    telling(&on).await;
    chatting(&on).await;
    signing_in(&on).await;
    reading(&on).await;
    sealing(&on, &request).await;
    compare(&on.template, &on.recorder.uses());

    let bob = format!("/v1/users/{}", on.id("bob"));
    let version = on.get("root", &bob).await["version"].as_u64();
    let admin = json!({ "email": "bob@example.com", "roles": ["admin"] });
    on.http("console", "root", &format!("PUT {bob}"), version, admin).await;
    on.template = with_second_admin(on.template);
    two_admins(&on).await;
    compare(&on.template, &on.recorder.uses());
    on.database.shutdown().await;
}
