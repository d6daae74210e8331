//! A deployed binary in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::runtime_api::RuntimeApi;

/// Where `tests/sam/build` leaves the function of that name.
///
/// # Errors
/// If it is not there.
pub fn binary(artifacts: &Path, name: &str) -> Result<PathBuf> {
    let path = artifacts.join(name).join("bootstrap");
    ensure!(path.exists(), "`{}` is not there: `tests/sam/build fat hello` builds it", path.display());
    Ok(path)
}

/// A running function; it is killed with the value.
pub struct Sandbox {
    child: Child,
    api: RuntimeApi,
    begun: Instant,
    /// From the start of the process to its first call of the runtime API.
    pub first_poll: Duration,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Nobody is left who could be told that it does not go.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sandbox {
    /// Starts a binary in exactly that environment, and waits until it asks for an event.
    ///
    /// # Errors
    /// If it does not.
    pub async fn start(binary: &Path, environment: &[(String, String)]) -> Result<Self> {
        let mut api = RuntimeApi::start().await?;
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "measured")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "measured")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let begun = Instant::now();
        let child = command.spawn().with_context(|| format!("`{}` does not start", binary.display()))?;
        let polled = api.poll().await.with_context(|| format!("`{}`", binary.display()));
        // Made before the error leaves, so that the process is killed with it.
        let mut sandbox = Self { child, api, begun, first_poll: Duration::ZERO };
        sandbox.first_poll = polled?.duration_since(begun);
        Ok(sandbox)
    }

    /// Hands over an event; gives the answer, and how long after the start of the process it came.
    ///
    /// # Errors
    /// If there is none.
    pub async fn invoke(&mut self, event: &Value) -> Result<(Duration, Value)> {
        let (at, answer) = self.api.invoke(event).await?;
        self.api.poll().await?;
        Ok((at.duration_since(self.begun), answer))
    }

    /// The most memory that the process has had resident so far, in KiB.
    ///
    /// # Errors
    /// Where the system does not say it as Linux does.
    pub fn peak_memory_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let digits = line.context("no `VmHWM` in the status of the process")?.trim().trim_end_matches(" kB");
        Ok(digits.parse()?)
    }
}
