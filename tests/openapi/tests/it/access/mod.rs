//! Who may do what: every operation of the document, asked by everybody there is.
//!
//! The table below is the test. Its operations must be those of the document, so that a new route
//! without a row fails.

mod issuer;

use std::collections::{BTreeMap, BTreeSet};

use countersign_e2e::{Answer, Database, Serve};
use countersign_openapi::scopes::{self, Needs};
use issuer::Issuer;
use serde_json::{Value, json};

/// Who asks, in the order of the table's columns.
///
/// - `nobody` sends no token
/// - `alice` may use the connection `vault`, and the requests are hers
/// - `sam` is in no group that has to do with it
/// - `dana` is in the reviewer group, and may not use the connection
/// - `rita` was in the reviewer group, has voted, and has left it
/// - `audra` is an auditor, `root` an admin; both are in no group
/// - `ghost` is in every group, and disabled
/// - `robot` is a service account of alice's, in no group
const WHO: [&str; 9] = ["nobody", "alice", "sam", "dana", "rita", "audra", "root", "ghost", "robot"];

/// Operation, what is special about the call, and the answer for each of [`WHO`]. A `+` behind a status
/// says that the answer tells what it is about, a `-` that it does not.
///
/// Rita sees in lists what she may review, as the contract has it; what she voted on once, she still
/// sees by its address.
const TABLE: &str = "
health                                  200  200  200  200  200  200  200  200  200
openapi_document                        200  200  200  200  200  200  200  200  200
show_me                                 401  200  200  200  200  200  200  403  200

list_connections   names the hidden     401  200+ 200- 200- 200- 200+ 200+ 403- 200-
show_connection    a hidden one         401  200  404  404  404  200  200  403  404
show_connection    tells its target     401  200- 404- 404- 404- 200+ 200+ 403- 404-
show_connection    tells its secrets    401  200- 404- 404- 404- 200+ 200+ 403- 404-
put_connection     a new one            401  403  403  403  403  403  201  403  403
put_connection     a name of ours       401  403  403  403  403  403  422  403  403
put_connection     one that is there    401  403  403  403  403  403  409  403  403
delete_connection                       401  403  403  403  403  403  204  403  403
test_connection                         401  403  403  403  403  403  200  403  403
check_command      on a hidden one      401  200  404  404  404  404  404  403  404
check_command      on an open one       401  200  200  200  200  200  200  403  200
test_guardrails    on a hidden one      401  200  404  404  404  404  404  403  404
refresh_connection                      401  403  403  403  403  403  200  403  403

submit_request     on a hidden one      401  201  404  404  404  404  404  403  404
submit_request     on an open one       401  201  201  201  201  201  201  403  201
list_requests      names it             401  200+ 200- 200+ 200- 200+ 200+ 403- 200+
export_requests    names it             401  200+ 200- 200+ 200- 200+ 200+ 403- 200+
show_request                            401  200  404  200  200  200  200  403  200
show_request       tells the command    401  200+ 404- 200+ 200+ 200+ 200+ 403- 200+
show_request       tells the error      401  200+ 404- 200- 200- 200+ 200+ 403- 200+
list_events                             401  200  404  200  200  200  200  403  200
list_events        tells the error      401  200- 404- 200- 200- 200- 200- 403- 200-
get_output                              401  200+ 404- 403- 403- 200+ 200+ 403- 200+
approve_request                         401  403  404  200  200  403  403  403  403
reject_request                          401  403  404  200  403  403  403  403  403
cancel_request                          401  200  404  403  403  403  200  403  200
run_request                             401  200  404  403  403  403  403  403  403
settle_request     while it is pending  401  403  404  403  403  403  409  403  403

list_users                              401  403  403  403  403  200  200  403  403
show_user          alice                401  200  404  404  404  200  200  403  404
put_user           a new one            401  403  403  403  403  403  201  403  403
list_sessions      alice's              401  200  404  404  404  200  200  403  404
end_session        alice's              401  204  404  404  404  404  204  403  404
delete_slack_link_of_user alice's       401  204  404  404  404  404  204  403  404
list_groups                             401  200  200  200  200  200  200  403  200
list_tokens        one's own            401  200  200  200  200  200  200  403  200
list_tokens        the robot's          401  404  404  404  404  200  200  403  200
create_token       for oneself          401  201  201  201  201  201  201  403  201
create_token       with that scope      401  201  201  201  201  201  201  403  201
create_token       for the robot        401  404  404  404  404  404  201  403  201
create_token       for sam              401  404  201  404  404  404  403  403  404
revoke_token       alice's              401  204  404  404  404  404  204  403  404

list_webhooks                           401  403  403  403  403  403  200  403  403
create_webhook     to a private address 401  403  403  403  403  403  422  403  403
show_webhook       of nothing           401  403  403  403  403  403  404  403  403
put_webhook        of nothing           401  403  403  403  403  403  404  403  403
delete_webhook     of nothing           401  403  403  403  403  403  404  403  403
test_webhook       of nothing           401  403  403  403  403  403  404  403  403
rotate_webhook_secret of nothing        401  403  403  403  403  403  404  403  403
list_deliveries    of nothing           401  403  403  403  403  403  404  403  403
replay_delivery    of nothing           401  403  403  403  403  403  404  403  403
show_slack                              401  403  403  403  403  403  200  403  403
put_slack          empty                401  403  403  403  403  403  400  403  403
test_slack         without any          401  403  403  403  403  403  409  403  403
show_teams                              401  403  403  403  403  403  200  403  403
put_teams          empty                401  403  403  403  403  403  400  403  403
test_teams         without any          401  403  403  403  403  403  409  403  403
request_notifications                   401  200  404  200  200  200  200  403  200
create_slack_link  without Slack        401  422  422  422  422  422  422  403  422
delete_slack_link                       401  204  204  204  204  204  204  403  204
slack_command      unsigned             401  401  401  401  401  401  401  401  401
slack_interaction  unsigned             401  401  401  401  401  401  401  401  401

find_work                               401  403  403  403  403  403  403  403  403
claim_request                           401  403  404  403  403  403  403  403  403
renew_lease                             401  403  404  403  403  403  403  403  403
put_output                              401  403  404  403  403  403  403  403  403
complete_request                        401  403  404  403  403  403  403  403  403

show_analytics                          401  403  403  403  403  200  200  403  403
list_checkpoints                        401  403  403  403  403  200  200  403  403
export_audit                            401  403  403  403  403  200  200  403  403
list_audit_keys                         401  200  200  200  200  200  200  403  200
show_receipt       before it is sealed  401  409  404  409  409  409  409  403  409
";

const COMMAND: &str = "SELECT 4711 AS answer";
const ERROR: &str = "no such table";
const FIRST_COLUMN: usize = 40;

struct Row<'a> {
    operation: &'a str,
    what: &'a str,
    cells: Vec<&'a str>,
}

fn rows() -> Vec<Row<'static>> {
    let row = |line: &'static str| {
        let (name, cells) = line.split_at(FIRST_COLUMN);
        let (operation, what) = name.split_once(' ').unwrap();
        Row { operation, what: what.trim(), cells: cells.split_whitespace().collect() }
    };
    TABLE.lines().filter(|line| !line.is_empty()).map(row).collect()
}

/// The operations of the document, with method and path.
fn operations() -> BTreeMap<String, (String, String)> {
    let document: Value = serde_json::from_str(&countersign_openapi::document().unwrap()).unwrap();
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, says) in item.as_object().unwrap() {
            let name = says["operationId"].as_str().unwrap().to_owned();
            found.insert(name, (method.to_uppercase(), path.clone()));
        }
    }
    found
}

/// By what people prove who they are. A program proves it by an API token in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    ApiToken,
    TokenOfTheIssuer,
}

struct Stage {
    serve: Serve,
    /// Through which everybody signs in who is no program.
    issuer: Option<Issuer>,
    client: reqwest::Client,
    /// The tokens of those who are not the demo's.
    tokens: BTreeMap<&'static str, String>,
    ids: BTreeMap<&'static str, String>,
    made: std::cell::Cell<u32>,
}

impl Stage {
    async fn set(by: By) -> Self {
        let issuer = if by == By::TokenOfTheIssuer { Some(Issuer::start().await) } else { None };
        let mut settings = vec![
            ("VAULT_URL", "postgres://vault@localhost/vault"),
            // Alice asks for everything.
            ("COUNTERSIGN_OPEN_REQUESTS_PER_PERSON", "1000"),
        ];
        settings.extend(issuer.iter().flat_map(Issuer::settings));
        let serve = Serve::start(Database::Embedded, &settings).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (tokens, ids) = (BTreeMap::new(), BTreeMap::new());
        let mut stage = Self { serve, issuer, client, tokens, ids, made: 0.into() };
        for (who, groups) in [
            ("root", &[][..]),
            ("alice", &["vault-users"]),
            ("sam", &[]),
            ("dana", &["dba-team"]),
            ("rita", &[]),
            ("audra", &[]),
        ] {
            stage.moves(who, groups).await;
        }
        let target =
            json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "allowed_groups": ["vault-users"] });
        for (name, approvals) in [("vault", 2), ("quick", 1)] {
            let mut connection = target.clone();
            connection["reviewers"] = json!(["dba-team"]);
            connection["approvals_per_group"] = json!(approvals);
            stage.serve.connect(name, connection).await.unwrap();
        }
        let secret = json!({ "kind": "postgres", "secret": "env:VAULT_URL", "reviewers": ["dba-team"],
                             "allowed_groups": ["vault-users"] });
        stage.serve.connect("secretive", secret).await.unwrap();
        stage.with_program("robot", "alice", &[]).await;
        let groups = ["dba-team", "vault-users"];
        if let Some(issuer) = &stage.issuer {
            issuer.signs_in(&stage.serve, "ghost", &groups).await;
            stage.ids.insert("ghost", stage.serve.id("ghost"));
        } else {
            stage.with_program("ghost", "root", &groups).await;
        }
        let path = format!("/v1/users/{}", stage.ids["ghost"]);
        let ghost = stage.serve.get("root", &path).await.unwrap();
        let mut out = ghost.json.clone();
        out["disabled"] = json!(true);
        let tag = [("if-match", ghost.header("etag"))];
        let gone = stage.serve.call_with("root", "PUT", &path, Some(out), &tag).await.unwrap();
        assert_eq!(gone.status, 200, "{gone:?}");
        stage
    }

    /// A service account with a token.
    async fn with_program(&mut self, who: &'static str, owner: &str, groups: &[&str]) {
        let id = self.service_account(who, owner, groups).await;
        let token = json!({ "name": who, "user": id });
        let token = self.serve.post("root", "/v1/tokens", token).await.unwrap();
        self.tokens.insert(who, token.text("/secret").to_owned());
        self.ids.insert(who, id);
    }

    fn number(&self) -> u32 {
        self.made.replace(self.made.get() + 1)
    }

    async fn service_account(&self, name: &str, owner: &str, groups: &[&str]) -> String {
        let id = self.new_user();
        let body = json!({ "email": format!("{name}@example.com"), "owner": self.serve.id(owner), "groups": groups });
        let path = format!("/v1/users/{id}");
        let made = self.serve.call("root", "PUT", &path, Some(body)).await.unwrap();
        assert_eq!(made.status, 201, "{made:?}");
        id
    }

    fn new_user(&self) -> String {
        format!("usr_01K5J3V8Q4W7X9YABCDE{:06}", self.number())
    }

    /// Puts somebody into exactly these groups: an admin does, or the issuer says so at a sign-in.
    async fn moves(&self, who: &str, groups: &[&str]) {
        if let Some(issuer) = &self.issuer {
            return issuer.signs_in(&self.serve, who, groups).await;
        }
        let path = format!("/v1/users/{}", self.serve.id(who));
        let now = self.serve.get("root", &path).await.unwrap();
        let mut then = now.json.clone();
        then["groups"] = json!(groups);
        let tag = [("if-match", now.header("etag"))];
        let moved = self.serve.call_with("root", "PUT", &path, Some(then), &tag).await.unwrap();
        assert_eq!(moved.status, 200, "{moved:?}");
    }

    /// Alice's request on a connection; for rita one on which she has voted before she left.
    async fn pending(&self, who: &str, connection: &str, command: &str) -> Answer {
        let request = self.serve.submit("alice", connection, command, json!({})).await.unwrap();
        if who == "rita" {
            self.moves("rita", &["dba-team"]).await;
            assert_eq!(self.serve.approve("rita", &request).await.unwrap().status, 200);
            self.moves("rita", &[]).await;
        }
        request
    }

    /// One that is approved; for rita with her vote alone, before she left.
    async fn approved(&self, who: &str, command: &str) -> Answer {
        if who == "rita" {
            return self.pending(who, "quick", command).await;
        }
        let request = self.serve.submit("alice", "quick", command, json!({})).await.unwrap();
        assert_eq!(self.serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
        request
    }

    /// One that has run, well or not.
    async fn ended(&self, who: &str, command: &str) -> Answer {
        if who == "rita" {
            self.moves("rita", &["dba-team"]).await;
        }
        let request = self.serve.submit("alice", "quick", command, json!({})).await.unwrap();
        let voter = if who == "rita" { "rita" } else { "dana" };
        assert_eq!(self.serve.approve(voter, &request).await.unwrap().state(), "APPROVED");
        let ended = self.serve.run_to_its_end("alice", &request).await.unwrap();
        if who == "rita" {
            self.moves("rita", &[]).await;
        }
        ended
    }

    async fn connection(&self) -> (String, Answer) {
        let name = format!("made-{}", self.number());
        let connection =
            json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
        let made = self.serve.connect(&name, connection).await.unwrap();
        (name, made)
    }

    /// A browser in which alice is signed in.
    async fn session_of_alice(&self) -> String {
        let alice = self.serve.id("alice");
        if self.issuer.is_some() {
            self.moves("alice", &["vault-users"]).await;
        } else {
            let signed_in = self.client.post(format!("{}/sign-in/demo", self.serve.url()));
            let signed_in = signed_in.header("content-type", "application/x-www-form-urlencoded");
            let signed_in = signed_in.body(format!("user={alice}&next=/v1/openapi.json"));
            let signed_in = signed_in.send().await.unwrap();
            assert_eq!(signed_in.status(), 200, "{signed_in:?}");
        }
        let path = format!("/v1/users/{alice}/sessions");
        let sessions = self.serve.get("root", &path).await.unwrap();
        sessions.text("/items/0/id").to_owned()
    }

    /// Prepares the call of a row for somebody: path, query, body, a header, and the word that the
    /// answer may tell.
    async fn prepare(&self, row: &Row<'_>, who: &str) -> Call {
        let call = Call::default();
        let digest = |request: &Answer, more: Value| {
            let mut body = json!({ "digest": request.text("/digest") });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let of = |request: &Answer| Call::default().id(request.text("/id"));
        let sqlite = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
        match (row.operation, row.what) {
            ("list_connections", _) => call.tells("vault"),
            ("show_connection", "tells its target") => call.name("vault").tells("demo.db"),
            ("show_connection", "tells its secrets") => call.name("secretive").tells("VAULT_URL"),
            ("show_connection" | "test_connection" | "refresh_connection", _) => call.name("vault"),
            ("check_command", "on an open one") => call.name("demo-open").body(json!({ "command": COMMAND })),
            ("check_command", _) => call.name("vault").body(json!({ "command": COMMAND })),
            ("test_guardrails", _) => call.name("vault").body(json!({ "statements": COMMAND })),
            ("put_connection", "a new one") => call.name(&format!("new-{}", self.number())).body(sqlite),
            ("put_connection", "a name of ours") => call.name("countersign").body(sqlite),
            ("put_connection", _) => call.name("vault").body(sqlite),
            ("delete_connection", _) => {
                let (name, made) = self.connection().await;
                call.name(&name).tag(made.header("etag"))
            }
            ("submit_request", "on a hidden one") => {
                call.body(json!({ "connection": "vault", "command": COMMAND }))
            }
            ("submit_request", _) => call.body(json!({ "connection": "demo-open", "command": COMMAND })),
            ("list_requests" | "export_requests", _) => {
                let request = self.pending(who, "vault", COMMAND).await;
                call.tells(request.text("/id"))
            }
            ("show_request", "tells the command") => {
                of(&self.pending(who, "vault", COMMAND).await).tells(COMMAND)
            }
            ("show_request" | "list_events", "tells the error") => {
                of(&self.ended(who, "SELECT * FROM nowhere").await).tells(ERROR)
            }
            ("get_output", _) => of(&self.ended(who, COMMAND).await).tells("4711"),
            ("approve_request", _) => {
                let request = self.pending(who, "vault", COMMAND).await;
                of(&request).body(digest(&request, json!({})))
            }
            ("reject_request", _) => {
                let request = self.pending(who, "vault", COMMAND).await;
                of(&request).body(digest(&request, json!({ "reason": "no" })))
            }
            ("run_request", _) => of(&self.approved(who, COMMAND).await),
            ("settle_request", _) => {
                let note = json!({ "outcome": "failed", "note": "looked" });
                of(&self.pending(who, "vault", COMMAND).await).body(note)
            }
            ("show_request" | "list_events" | "cancel_request", _) => {
                of(&self.pending(who, "vault", COMMAND).await)
            }
            ("end_session", _) => call.id(&self.serve.id("alice")).session(&self.session_of_alice().await),
            ("show_user" | "list_sessions" | "delete_slack_link_of_user", _) => call.id(&self.serve.id("alice")),
            ("put_user", _) => {
                let email = format!("new-{}@example.com", self.number());
                call.id(&self.new_user()).body(json!({ "email": email }))
            }
            ("list_tokens", "the robot's") => call.query(&format!("?user={}", self.ids["robot"])),
            ("create_token", "for oneself") => call.body(json!({ "name": "mine" })),
            ("create_token", "for the robot") => {
                call.body(json!({ "name": "theirs", "user": self.ids["robot"], "scopes": ["manage"] }))
            }
            ("create_token", "with that scope") => call.body(json!({ "name": "mine", "scopes": ["manage"] })),
            ("create_token", _) => call.body(json!({ "name": "theirs", "user": self.serve.id("sam") })),
            ("revoke_token", _) => {
                let token = self.serve.post("alice", "/v1/tokens", json!({ "name": "old" })).await.unwrap();
                call.id(token.text("/id"))
            }
            ("create_webhook", _) => call.body(json!({ "url": "https://10.0.0.1/" })),
            ("put_webhook", _) => {
                call.id(&format!("whe_{}", "0".repeat(26))).body(json!({ "url": "https://198.51.99.1/" }))
            }
            (
                "show_webhook"
                | "delete_webhook"
                | "test_webhook"
                | "rotate_webhook_secret"
                | "list_deliveries",
                _,
            ) => call.id(&format!("whe_{}", "0".repeat(26))),
            ("replay_delivery", _) => call.id(&format!("dlv_{}", "0".repeat(26))),
            ("put_slack" | "put_teams" | "test_slack", _) => call.body(json!({})),
            ("create_slack_link", _) => call.body(json!({ "slack_user_id": "U0ALICE" })),
            ("request_notifications" | "show_receipt", _) => of(&self.pending(who, "vault", COMMAND).await),
            ("claim_request", _) => {
                let request = self.approved(who, COMMAND).await;
                of(&request).body(digest(&request, json!({ "nonce": "0".repeat(32) })))
            }
            ("renew_lease", _) => {
                of(&self.approved(who, COMMAND).await).body(json!({ "nonce": "0".repeat(32) }))
            }
            ("put_output", _) => of(&self.approved(who, COMMAND).await)
                .query("?piece=1")
                .body(json!({ "nonce": "0".repeat(32), "lines": [{ "stream": "stdout", "text": "x" }] })),
            ("complete_request", _) => of(&self.approved(who, COMMAND).await)
                .body(json!({ "nonce": "0".repeat(32), "outcome": "failed", "exit_code": 3, "pieces": 0, "missing_lines": 0,
                    "withheld": false, "masked": {}, "error": null })),
            (
                "list_webhooks" | "show_slack" | "show_teams" | "test_teams" | "delete_slack_link"
                | "slack_command" | "slack_interaction" | "find_work" | "show_analytics" | "list_checkpoints"
                | "export_audit" | "list_audit_keys",
                _,
            ) => call,
            ("health" | "openapi_document" | "show_me" | "list_users" | "list_groups" | "list_tokens", _) => {
                call
            }
            (operation, what) => panic!("no call is known for `{operation}` {what}"),
        }
    }

    /// Asks as somebody.
    async fn ask(&self, who: &str, method: &str, path: &str, call: &Call) -> (u16, String) {
        let token = self.tokens.get(who).cloned().unwrap_or_else(|| self.serve.token(who));
        self.ask_with(Some(token).filter(|_| who != "nobody"), method, path, call).await
    }

    async fn ask_with(&self, token: Option<String>, method: &str, path: &str, call: &Call) -> (u16, String) {
        let url = format!("{}{}{}", self.serve.url(), path, call.query);
        let mut request = self.client.request(method.parse().unwrap(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(tag) = &call.tag {
            request = request.header("if-match", tag);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// What is sent.
#[derive(Default)]
struct Call {
    id: String,
    name: String,
    session: String,
    query: String,
    body: Option<Value>,
    tag: Option<String>,
    tells: Option<String>,
}

impl Call {
    fn id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }
    fn name(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }
    fn session(self, session: &str) -> Self {
        Self { session: session.to_owned(), ..self }
    }
    fn query(self, query: &str) -> Self {
        Self { query: query.to_owned(), ..self }
    }
    fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
    fn tag(self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), ..self }
    }
    fn tells(self, word: &str) -> Self {
        Self { tells: Some(word.to_owned()), ..self }
    }
}

#[test]
fn every_operation_of_the_document_has_a_row_and_no_other() {
    let table: BTreeSet<String> = rows().iter().map(|row| row.operation.to_owned()).collect();
    assert_eq!(table, operations().into_keys().collect());
    for row in rows() {
        assert_eq!(row.cells.len(), WHO.len(), "{} {}", row.operation, row.what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_exactly_what_the_table_says() {
    the_table_holds(By::ApiToken).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_signed_in_through_an_issuer_may_do_exactly_what_the_table_says() {
    the_table_holds(By::TokenOfTheIssuer).await;
}

async fn the_table_holds(by: By) {
    let stage = Stage::set(by).await;
    let operations = operations();
    let mut differences = Vec::new();
    for row in rows() {
        let (method, path) = &operations[row.operation];
        for (who, expected) in WHO.into_iter().zip(&row.cells) {
            let call = stage.prepare(&row, who).await;
            let path = path
                .replace("{id}", &call.id)
                .replace("{name}", &call.name)
                .replace("{session}", &call.session);
            let (status, text) = stage.ask(who, method, &path, &call).await;
            let mut got = status.to_string();
            if expected.ends_with(['+', '-']) {
                let tells = text.contains(call.tells.as_deref().expect("a row with a sign knows its word"));
                got.push(if tells { '+' } else { '-' });
            }
            if got != *expected {
                let (operation, what) = (row.operation, row.what);
                differences.push(format!("{operation} {what}, {who}: {got}, expected {expected}: {text}"));
            }
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

/// Everybody's tokens of each scope. Whoever makes one has to be somebody first.
async fn limited(stage: &Stage) -> BTreeMap<(&'static str, Vec<&'static str>), String> {
    let mut tokens = BTreeMap::new();
    for who in WHO.into_iter().filter(|who| !["nobody", "ghost"].contains(who)) {
        for scopes in SCOPES.iter().map(|scope| vec![*scope]).chain([SCOPES.to_vec()]) {
            let call = Call::default().body(json!({ "name": "limited", "scopes": scopes }));
            let (status, made) = stage.ask(who, "POST", "/v1/tokens", &call).await;
            assert_eq!(status, 201, "{made}");
            let made: Value = serde_json::from_str(&made).unwrap();
            tokens.insert((who, scopes), made["secret"].as_str().unwrap().to_owned());
        }
    }
    tokens
}

const SCOPES: [&str; 4] = ["read", "submit", "decide", "manage"];

/// What somebody may do with a token of a scope follows from the two tables, and from nothing else: where the scope
/// is the one that the operation needs, it is what they may do without; anywhere else they hear about the token,
/// whatever is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_a_scope_does_what_its_account_may_and_its_scope_is_for() {
    let stage = Stage::set(By::ApiToken).await;
    let operations = operations();
    let tokens = limited(&stage).await;
    let mut differences = Vec::new();
    let mut asked = BTreeSet::new();
    for row in rows() {
        let (method, path) = &operations[row.operation];
        let needs = scopes::of(row.operation).expect("a row of the table of scopes");
        let who = best_placed(&row);
        for ((_, scopes), token) in tokens.iter().filter(|((whose, _), _)| *whose == who) {
            let mut expected = row.cells[WHO.iter().position(|known| *known == who).unwrap()];
            let is_for = match needs {
                Needs::Scopes(needs) => needs.iter().all(|needed| scopes.contains(needed)),
                Needs::Nothing => true,
                Needs::Runner => false,
            };
            // It would make a token that may do more than itself.
            let is_too_much =
                row.operation == "create_token" && ["for oneself", "for sam"].contains(&row.what);
            if !is_for || is_too_much {
                expected = "403";
            }
            let call = stage.prepare(&row, who).await;
            let path = path
                .replace("{id}", &call.id)
                .replace("{name}", &call.name)
                .replace("{session}", &call.session);
            let (status, text) = stage.ask_with(Some(token.clone()), method, &path, &call).await;
            let mut got = status.to_string();
            if expected.ends_with(['+', '-']) {
                let tells = text.contains(call.tells.as_deref().unwrap());
                got.push(if tells { '+' } else { '-' });
            }
            let for_the_token = text.contains("/problems/token-scope");
            let (operation, what) = (row.operation, row.what);
            if got != expected || (!is_for || is_too_much) && needs != Needs::Runner && !for_the_token {
                differences.push(format!(
                    "{operation} {what}, {who} for {scopes:?}: {got}, expected {expected}: {text}"
                ));
            }
            asked.insert((operation, scopes.clone()));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert_eq!(
        asked.len(),
        operations.len() * (SCOPES.len() + 1),
        "every operation is asked with every scope"
    );
}

/// Who is refused the least: with their token it shows whether it is the scope that a call is refused for.
fn best_placed(row: &Row<'_>) -> &'static str {
    let worth = |who: &str| {
        let cell = row.cells[WHO.iter().position(|known| *known == who).unwrap()];
        let status: u16 = cell.trim_end_matches(['+', '-']).parse().unwrap();
        // A sign says what is told: the most is told to who sees all of it.
        (matches!(status, 401 | 403 | 404), status, cell.ends_with('-'))
    };
    let limited = WHO.into_iter().filter(|who| !["nobody", "ghost", "rita"].contains(who));
    limited.min_by_key(|who| worth(who)).unwrap()
}
