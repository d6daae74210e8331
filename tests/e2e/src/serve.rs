//! The real program in a process of its own: started, stopped, killed, started again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::answer::text_at;
use crate::port::ReservedPort;
use crate::program::{bare, program, signal};
use crate::small_disk::SmallDisk;

/// How long a start, a stop or anything else that must happen may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

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
    /// Holds the log, and the data where no other disk does.
    dir: tempfile::TempDir,
    disk: Option<SmallDisk>,
    database: Database,
    table: String,
    settings: Vec<(String, String)>,
    port: Option<ReservedPort>,
    child: Child,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

impl Serve {
    /// Starts a demo with these settings in its environment, and waits until it answers.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Result<Self> {
        Self::launch(database, settings, None, None).await
    }

    /// The same at an address that it comes back to after a restart.
    ///
    /// # Errors
    /// As [`Serve::start`].
    pub async fn start_at_a_fixed_address(database: Database, settings: &[(&str, &str)]) -> Result<Self> {
        Self::launch(database, settings, Some(ReservedPort::reserve()?), None).await
    }

    /// The same with the data on a small disk.
    ///
    /// # Errors
    /// As [`Serve::start`].
    pub async fn start_on(disk: SmallDisk, settings: &[(&str, &str)]) -> Result<Self> {
        Self::launch(Database::Embedded, settings, None, Some(disk)).await
    }

    async fn launch(
        database: Database,
        settings: &[(&str, &str)],
        port: Option<ReservedPort>,
        disk: Option<SmallDisk>,
    ) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let unique = dir.path().file_name().and_then(|name| name.to_str()).unwrap_or("t").replace('.', "");
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let table = format!("countersign-{unique}");
        let start = Start {
            dir: dir.path(),
            disk: disk.as_ref(),
            database,
            table: &table,
            settings: &settings,
            port: port.as_ref(),
        };
        let child = start.spawn()?;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(40)).no_proxy().build()?;
        let mut serve =
            Self { dir, disk, database, table, settings, port, child, url: String::new(), client };
        serve.wait_until_up().await?;
        Ok(serve)
    }

    async fn wait_until_up(&mut self) -> Result<()> {
        let give_up_at = Instant::now() + PATIENCE;
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

    /// What it has logged so far, over all restarts.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("serve.log")).unwrap_or_default()
    }

    /// Puts a setting into its environment from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to stop with SIGTERM, and waits until it has.
    ///
    /// # Errors
    /// If it does not stop.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        terminate(&mut self.child).await.with_context(|| self.log())
    }

    /// Starts it again on the same directory and table, after [`Serve::kill`] or [`Serve::stop`].
    ///
    /// # Errors
    /// If it does not come up again.
    pub async fn start_again(&mut self) -> Result<()> {
        self.forget_url()?;
        let start = Start {
            dir: self.dir.path(),
            disk: self.disk.as_ref(),
            database: self.database,
            table: &self.table,
            settings: &self.settings,
            port: self.port.as_ref(),
        };
        self.child = start.spawn()?;
        self.wait_until_up().await
    }

    /// Kills it with SIGKILL and starts it again.
    ///
    /// # Errors
    /// If it does not come up again.
    pub async fn kill_and_restart(&mut self) -> Result<()> {
        self.kill().await?;
        self.start_again().await
    }

    /// The URL in `demo.json` is the one of the process that is gone: it must not be taken for the
    /// next one's.
    fn forget_url(&self) -> Result<()> {
        let path = self.data().join("demo.json");
        let mut known: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        if let Some(url) = known.get_mut("url") {
            *url = Value::String("http://127.0.0.1:9".to_owned());
        }
        Ok(std::fs::write(&path, known.to_string())?)
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of its table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Its process id.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        data_seen(self.dir.path(), self.disk.as_ref())
    }

    /// The disk that it was given.
    #[must_use]
    pub fn disk(&self) -> Option<&SmallDisk> {
        self.disk.as_ref()
    }

    /// The SQLite database that the demo's connections run on.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        self.data().join("targets/demo.db")
    }

    fn demo(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&std::fs::read(self.data().join("demo.json"))?)?)
    }

    /// The token of one of the demo's people.
    #[must_use]
    pub fn token(&self, name: &str) -> String {
        text_at(&self.demo().unwrap_or_default(), &format!("/users/{name}/token")).to_owned()
    }

    /// The id of one of the demo's people.
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        text_at(&self.demo().unwrap_or_default(), &format!("/users/{name}/id")).to_owned()
    }
}

/// Everything that a start needs to know.
struct Start<'a> {
    dir: &'a Path,
    disk: Option<&'a SmallDisk>,
    database: Database,
    table: &'a str,
    settings: &'a [(String, String)],
    port: Option<&'a ReservedPort>,
}

impl Start<'_> {
    fn spawn(&self) -> Result<Child> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("serve.log"))?;
        let mut line: Vec<OsString> = self.disk.map(SmallDisk::entrance).unwrap_or_default();
        line.push(program()?.into());
        let (first, rest) = line.split_first().context("there is a program")?;
        let listen = format!("127.0.0.1:{}", self.port.map_or(0, ReservedPort::number));
        let data = self.disk.map_or_else(|| self.dir.join("data"), |disk| disk.inside().join("data"));
        let mut command = Command::new(first);
        command
            .args(rest)
            .args(["serve", "--demo", "--listen", &listen, "--data"])
            .arg(data)
            .env("COUNTERSIGN_TABLE", self.table)
            .env("COUNTERSIGN_SWEEP_SECONDS", "1")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true);
        if self.database == Database::DynamoDbLocal {
            let url = std::env::var("COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL").context(
                "COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL is not set: run ./tests/run, which starts DynamoDB Local",
            )?;
            command.env("AWS_ENDPOINT_URL_DYNAMODB", url);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        Ok(command.spawn()?)
    }
}

/// `countersign serve` on a directory of somebody else's.
pub struct Plain {
    child: Child,
    url: String,
}

impl Plain {
    /// Starts it on that data directory, and waits until it says where it is.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start(data: &str) -> Result<Self> {
        Self::start_with(data, &[]).await
    }

    /// The same with more options.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn start_with(data: &str, more: &[&str]) -> Result<Self> {
        let args = ["serve", "--listen", "127.0.0.1:0", "--data", data];
        let args: Vec<&str> = args.iter().chain(more).copied().collect();
        let mut child = bare(&args, &[])?.spawn()?;
        let out = child.stdout.take().context("it has a standard output")?;
        let line = tokio::time::timeout(PATIENCE, BufReader::new(out).lines().next_line()).await??;
        let line = line.context("it says where it is")?;
        let url = line.split([' ', ',', ';']).find(|word| word.starts_with("http://")).context("a URL")?;
        Ok(Self { url: url.to_owned(), child })
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks it to stop with SIGTERM, and waits until it has.
    ///
    /// # Errors
    /// If it does not stop.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        terminate(&mut self.child).await
    }
}

async fn terminate(child: &mut Child) -> Result<ExitStatus> {
    signal(child, "-TERM").await?;
    tokio::time::timeout(PATIENCE, child.wait())
        .await
        .context("it does not stop")?
        .context("it was waited for")
}

fn data_seen(dir: &Path, disk: Option<&SmallDisk>) -> PathBuf {
    disk.map_or_else(|| dir.join("data"), |disk| disk.outside().join("data"))
}
