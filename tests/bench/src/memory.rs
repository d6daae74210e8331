//! The most memory that each function has resident while it is warm and commands have 100 KiB.
//!
//! The deployed binaries live whole lives among themselves: every request is taken in by `intake`,
//! seen by `dispatch`, approved twice by `callback`, run by `execute`, looked at by `expire`, shown and
//! listed by `console`, in the longest pages that there are; and as many go through `runners`. The
//! commands are as incompressible as text can be, because that is the worst of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_app::app::random;
use countersign_app::submit::MAX_COMMAND_BYTES;
use serde_json::{Value, json};

use crate::figures::verdict;
use crate::lambda::sandbox::{Sandbox, binary};
use crate::lambda::scene::{FUNCTIONS, RUNNER, RUNNER_CONNECTION, Scene, body, fixture};
use crate::life;
use crate::stage::text;

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Requests that are lived through
    #[arg(long, default_value_t = 200)]
    lives: usize,
    /// Where the built functions are
    #[arg(long, default_value = "target/lambda-fat/lambda")]
    artifacts: PathBuf,
}

const MOST_KIB: u64 = 64 * 1024;

/// The warm functions.
struct Warm {
    scene: Scene,
    sandboxes: BTreeMap<&'static str, Sandbox>,
}

/// Measures and prints.
///
/// # Errors
/// If anything is not as it should be.
pub async fn measure(options: &Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let scene = Scene::make(dir.path()).await?;
    let mut sandboxes = BTreeMap::new();
    for name in FUNCTIONS {
        let binary = binary(&options.artifacts, name)?;
        sandboxes.insert(name, Sandbox::start(&binary, &scene.environment).await?);
    }
    let mut warm = Warm { scene, sandboxes };
    for _ in 0..options.lives {
        warm.live().await?;
        warm.live_with_a_runner().await?;
    }
    println!(
        "peak resident memory in MB after {} lives with commands of {MAX_COMMAND_BYTES} bytes:",
        options.lives
    );
    warm.report()?;
    // The longest pages, one kind after the other: a peak only rises.
    for (name, path) in [
        ("lists of 50", "/v1/requests"),
        ("lists of 200", "/v1/requests?limit=200"),
        ("exports", "/v1/requests/export?format=jsonl"),
    ] {
        for _ in 0..5 {
            let event = warm.scene.http("show", "root", path, None)?;
            warm.invoke("console", &event).await?;
        }
        println!("  console after {name}: {:.1}", warm.peak("console")? as f64 / 1024.0);
    }
    println!("and after all of it:");
    warm.report()?;
    warm.scene.end().await;
    Ok(())
}

impl Warm {
    async fn invoke(&mut self, name: &str, event: &Value) -> Result<Value> {
        let sandbox = self.sandboxes.get_mut(name).context("no such function")?;
        Ok(sandbox.invoke(event).await.with_context(|| name.to_owned())?.1)
    }

    async fn live(&mut self) -> Result<()> {
        let wish =
            json!({ "connection": life::CONNECTION, "command": long_command()?, "reason": "INC-1234" });
        let event = self.scene.http("submit", "alice", "/v1/requests", Some(&wish))?;
        let request = body(&self.invoke("intake", &event).await?, 201)?;
        let id = text(&request, "id")?;
        let path = format!("/v1/requests/{id}");
        self.invoke("dispatch", &fixture("dispatch-state")?).await?;
        self.invoke("deliver", &fixture("deliver-commit")?).await?;
        self.invoke("expire", &json!({ "deadline": { "request_id": id } })).await?;
        let vote = json!({ "digest": text(&request, "digest")?, "comment": "checked" });
        for reviewer in life::REVIEWERS {
            let event = self.scene.http("approve", reviewer, &format!("{path}/approve"), Some(&vote))?;
            body(&self.invoke("callback", &event).await?, 200)?;
        }
        let ran = self.invoke("execute", &json!({ "request_id": id })).await?;
        anyhow::ensure!(ran.get("status") == Some(&json!("SUCCEEDED")), "expected that it ran, got {ran}");
        let event = self.scene.http("show", "alice", &path, None)?;
        body(&self.invoke("console", &event).await?, 200)?;
        Ok(())
    }

    /// A life whose command is a runner's. What it printed is as long as the command.
    async fn live_with_a_runner(&mut self) -> Result<()> {
        let wish =
            json!({ "connection": RUNNER_CONNECTION, "command": long_command()?, "run": "on_approval" });
        let event = self.scene.http("submit", "alice", "/v1/requests", Some(&wish))?;
        let request = body(&self.invoke("intake", &event).await?, 201)?;
        let path = format!("/v1/requests/{}", text(&request, "id")?);
        let event = self.scene.http("show", RUNNER, "/v1/runner/work", None)?;
        let found = body(&self.invoke("runners", &event).await?, 200)?;
        anyhow::ensure!(found.pointer("/work/id") == request.get("id"), "expected its work, got {found}");
        let nonce = format!("{:032x}", random()?);
        let claim = json!({ "digest": text(&request, "digest")?, "nonce": nonce });
        let line = json!({ "stream": "stdout", "text": long_command()? });
        let report = json!({ "nonce": nonce, "outcome": "succeeded", "exit_code": 0, "pieces": 1 });
        for (call, more, status) in [
            ("claim", claim, 200),
            ("renew", json!({ "nonce": nonce }), 200),
            ("output?piece=1", json!({ "nonce": nonce, "lines": [line] }), 204),
            ("complete", report, 200),
        ] {
            let event = self.scene.http("approve", RUNNER, &format!("{path}/{call}"), Some(&more))?;
            let answer = self.invoke("runners", &event).await?;
            anyhow::ensure!(answer.get("statusCode") == Some(&json!(status)), "{call}: got {answer}");
        }
        Ok(())
    }

    fn peak(&self, name: &str) -> Result<u64> {
        self.sandboxes.get(name).context("no such function")?.peak_memory_kib()
    }

    fn report(&self) -> Result<()> {
        for name in FUNCTIONS {
            let peak = self.peak(name)?;
            let verdict = verdict(peak <= MOST_KIB);
            println!("  {name:<10} {:>6.1}  budget {}: {verdict}", peak as f64 / 1024.0, MOST_KIB / 1024);
        }
        Ok(())
    }
}

/// A query with a comment that fills it up to the longest command that is taken, of random letters.
fn long_command() -> Result<String> {
    let mut command = format!("{} -- ", life::COMMAND);
    while command.len() < MAX_COMMAND_BYTES {
        command.push_str(&STANDARD_NO_PAD.encode(random()?.to_be_bytes()));
    }
    command.truncate(MAX_COMMAND_BYTES);
    Ok(command)
}
