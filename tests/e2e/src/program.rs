//! The program `countersign`, run as people and scripts run it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::serve::{PATIENCE, Serve};

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code, `None` after a signal.
    pub code: Option<i32>,
    /// What stood on standard output.
    pub out: String,
    /// What stood on standard error.
    pub err: String,
}

impl Ended {
    /// Standard output as JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("no JSON: {self:?}"))
    }
}

/// A run of the program that is under way.
pub struct Running(Child);

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    /// If it does not come, or says something that is no text.
    pub async fn end(self) -> Result<Ended> {
        let output = tokio::time::timeout(PATIENCE, self.0.wait_with_output()).await;
        let output = output.context("the program does not end")??;
        let ended = Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            err: String::from_utf8(output.stderr)?,
        };
        if ended.err.contains("panicked") { bail!("it panicked: {}", ended.err) } else { Ok(ended) }
    }

    /// The next line of its standard output, which is then none of what [`Running::end`] gives.
    ///
    /// # Errors
    /// If none comes.
    pub async fn line(&mut self) -> Result<String> {
        line_of(self.0.stdout.as_mut().context("it has a standard output")?).await
    }

    /// The same of its standard error.
    ///
    /// # Errors
    /// If none comes.
    pub async fn complaint(&mut self) -> Result<String> {
        line_of(self.0.stderr.as_mut().context("it has a standard error")?).await
    }

    /// Asks it to stop with SIGTERM. SIGINT would not do: whoever started the tests may ignore it, and the program
    /// inherits that.
    ///
    /// # Errors
    /// If it has ended already.
    pub async fn stop(&self) -> Result<()> {
        signal(&self.0, "-TERM").await
    }
}

/// Sends a signal to a process of ours.
///
/// # Errors
/// If it has ended already.
pub(crate) async fn signal(child: &Child, name: &str) -> Result<()> {
    let id = child.id().context("it has ended already")?;
    let told = Command::new("kill").args([name, &id.to_string()]).status().await?;
    if told.success() { Ok(()) } else { bail!("kill: {told}") }
}

async fn line_of(stream: &mut (impl AsyncRead + Unpin)) -> Result<String> {
    let mut line = Vec::new();
    // Byte by byte: whatever is behind the line stays where it is.
    let read = async {
        while !line.ends_with(b"\n") {
            line.push(stream.read_u8().await?);
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::time::timeout(PATIENCE, read).await.context("no line comes")??;
    Ok(String::from_utf8(line)?)
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

/// The program with nothing in its environment but these variables.
///
/// # Errors
/// If it is not there.
pub fn bare(args: &[&str], environment: &[(&str, &str)]) -> Result<Command> {
    let mut command = Command::new(program()?);
    command
        .args(args)
        .env_clear()
        .envs(environment.iter().copied())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs a prepared program to its end.
///
/// # Errors
/// If it cannot be started, or does not end.
pub async fn to_the_end(mut command: Command) -> Result<Ended> {
    Running(command.spawn()?).end().await
}

impl Serve {
    /// The program as a client of this service, as one of the demo's people.
    ///
    /// # Errors
    /// If the program is not there.
    pub fn cli(&self, who: &str, args: &[&str]) -> Result<Command> {
        bare(args, &[("COUNTERSIGN_URL", self.url()), ("COUNTERSIGN_TOKEN", &self.token(who))])
    }

    /// Runs the program as one of the demo's people to its end.
    ///
    /// # Errors
    /// If it cannot be started, or does not end.
    pub async fn run(&self, who: &str, args: &[&str]) -> Result<Ended> {
        to_the_end(self.cli(who, args)?).await
    }

    /// The same with something on its standard input.
    ///
    /// # Errors
    /// As [`Serve::run`].
    pub async fn run_with(&self, who: &str, args: &[&str], input: &[u8]) -> Result<Ended> {
        let mut child = self.cli(who, args)?.stdin(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("it has a standard input")?;
        stdin.write_all(input).await?;
        drop(stdin);
        Running(child).end().await
    }

    /// Starts the program as one of the demo's people, to wait for its end later.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn begin(&self, who: &str, args: &[&str]) -> Result<Running> {
        Ok(Running(self.cli(who, args)?.spawn()?))
    }
}
