//! What the journeys need: the real program in a process of its own, and its people.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// Where the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// Inside the program.
    Embedded,
    /// DynamoDB Local, at `COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL`. Its stream feeds nobody, so here the
    /// sweep alone has to make everything right.
    DynamoDbLocal,
}

/// `countersign serve --demo` in a process of its own, on a directory of its own.
pub struct Serve {
    dir: tempfile::TempDir,
    table: String,
    database: Database,
    settings: Vec<(String, String)>,
    child: Child,
    url: String,
    client: reqwest::Client,
}

/// An answer: status and JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, null if it was none.
    pub json: Value,
}

impl Answer {
    /// A text member at a JSON pointer; empty if it is not there.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        text_at(&self.json, pointer)
    }

    /// The `status` member.
    #[must_use]
    pub fn state(&self) -> &str {
        self.text("/status")
    }
}

fn text_at<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The program that the tests run: built beside them.
///
/// # Errors
/// If it is not there.
pub fn program() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("the tests stand in target/…/deps")?;
    let program = folder.join("countersign");
    if program.exists() {
        Ok(program)
    } else {
        bail!("`cargo build -p countersign-cli` first: {}", program.display())
    }
}

impl Serve {
    /// Starts a demo with these settings in its environment, and waits until it answers.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let unique = dir.path().file_name().and_then(|name| name.to_str()).unwrap_or("t").replace('.', "");
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let table = format!("countersign-{unique}");
        let child = spawn(dir.path(), database, &table, &settings)?;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(40)).build()?;
        let mut serve = Self { dir, table, database, settings, child, url: String::new(), client };
        serve.wait_until_up().await?;
        Ok(serve)
    }

    async fn wait_until_up(&mut self) -> Result<()> {
        let give_up_at = Instant::now() + Duration::from_secs(60);
        while Instant::now() < give_up_at {
            if let Ok(Some(status)) = self.child.try_wait() {
                bail!("serve ended at once: {status}; {}", self.log());
            }
            if let Ok(url) = self.demo().map(|demo| text_at(&demo, "/url").to_owned()) {
                let health = self.client.get(format!("{url}/healthz")).send().await;
                if health.is_ok_and(|health| health.status().is_success()) {
                    self.url = url;
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(anyhow!("serve did not come up; {}", self.log()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("serve.log")).unwrap_or_default()
    }

    /// Kills it with SIGKILL and starts it again on the same directory and table.
    ///
    /// # Errors
    /// If it does not come up again.
    pub async fn kill_and_restart(&mut self) -> Result<()> {
        self.child.kill().await?;
        self.child = spawn(self.dir.path(), self.database, &self.table, &self.settings)?;
        self.wait_until_up().await
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The SQLite database that the demo's connections run on.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        self.dir.path().join("data/targets/demo.db")
    }

    fn demo(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&std::fs::read(self.dir.path().join("data/demo.json"))?)?)
    }

    /// The token of one of the demo's people.
    #[must_use]
    pub fn token(&self, name: &str) -> String {
        let demo = self.demo().unwrap_or_default();
        demo.pointer(&format!("/users/{name}/token")).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The id of one of the demo's people.
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        let demo = self.demo().unwrap_or_default();
        demo.pointer(&format!("/users/{name}/id")).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Calls the API as one of the demo's people.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn call(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> Result<Answer> {
        self.call_with(who, method, path, body, &[]).await
    }

    /// The same with headers.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn call_with(
        &self,
        who: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let mut request =
            self.client.request(method.parse()?, format!("{}{path}", self.url)).bearer_auth(self.token(who));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let json = response.json().await.unwrap_or(Value::Null);
        Ok(Answer { status, json })
    }

    /// GET.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn get(&self, who: &str, path: &str) -> Result<Answer> {
        self.call(who, "GET", path, None).await
    }

    /// POST.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post(&self, who: &str, path: &str, body: Value) -> Result<Answer> {
        self.call(who, "POST", path, Some(body)).await
    }

    /// Submits a command and expects that it is taken.
    ///
    /// # Errors
    /// If it is not.
    pub async fn submit(&self, who: &str, connection: &str, command: &str, more: Value) -> Result<Answer> {
        let mut body = json!({ "connection": connection, "command": command });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let answer = self.post(who, "/v1/requests", body).await?;
        if answer.status == 201 { Ok(answer) } else { bail!("not taken: {answer:?}") }
    }

    /// Approves what `request` shows.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn approve(&self, who: &str, request: &Answer) -> Result<Answer> {
        let path = format!("/v1/requests/{}/approve", request.text("/id"));
        self.post(who, &path, json!({ "digest": request.text("/digest") })).await
    }

    /// Rejects what `request` shows.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn reject(&self, who: &str, request: &Answer, reason: &str) -> Result<Answer> {
        let path = format!("/v1/requests/{}/reject", request.text("/id"));
        self.post(who, &path, json!({ "digest": request.text("/digest"), "reason": reason })).await
    }

    /// Does something without a body to what `request` shows: `run`, `cancel`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn act(&self, who: &str, verb: &str, request: &Answer) -> Result<Answer> {
        let path = format!("/v1/requests/{}/{verb}", request.text("/id"));
        self.call(who, "POST", &path, None).await
    }

    /// The request as it is now.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn show(&self, who: &str, request: &Answer) -> Result<Answer> {
        self.get(who, &format!("/v1/requests/{}", request.text("/id"))).await
    }

    /// Waits, for at most a minute and a half, until the request has one of these statuses.
    ///
    /// # Errors
    /// If it does not get there.
    pub async fn wait_for(&self, who: &str, request: &Answer, statuses: &[&str]) -> Result<Answer> {
        let give_up_at = Instant::now() + Duration::from_secs(90);
        loop {
            let now = self.show(who, request).await?;
            if statuses.contains(&now.state()) {
                return Ok(now);
            }
            if Instant::now() > give_up_at {
                bail!("it stays {}: {now:?}; {}", now.state(), self.log());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The program as a client of this service, as one of the demo's people.
    ///
    /// # Errors
    /// If the program is not there.
    pub fn cli(&self, who: &str) -> Result<Command> {
        let mut command = Command::new(program()?);
        command
            .env("COUNTERSIGN_URL", &self.url)
            .env("COUNTERSIGN_TOKEN", self.token(who))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }
}

fn spawn(dir: &Path, database: Database, table: &str, settings: &[(String, String)]) -> Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("serve.log"))?;
    // What an earlier run left behind must not be taken for this one's.
    let demo = dir.join("data/demo.json");
    let mut command = Command::new(program()?);
    command
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data"])
        .arg(dir.join("data"))
        .env("COUNTERSIGN_TABLE", table)
        .env("COUNTERSIGN_SWEEP_SECONDS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        .kill_on_drop(true);
    if database == Database::DynamoDbLocal {
        let url = std::env::var("COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL").context(
            "COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL is not set: run ./tests/run, which starts DynamoDB Local",
        )?;
        command.env("AWS_ENDPOINT_URL_DYNAMODB", url);
    }
    for (name, value) in settings {
        command.env(name, value);
    }
    if demo.exists() {
        // Its URL is the one of the process that was killed.
        let mut known: Value = serde_json::from_slice(&std::fs::read(&demo)?)?;
        if let Some(url) = known.get_mut("url") {
            *url = Value::String("http://127.0.0.1:9".to_owned());
        }
        std::fs::write(&demo, known.to_string())?;
    }
    Ok(command.spawn()?)
}
