//! One event to each function, and whether it answers as it should: a check of artifacts, not of speed.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::lambda::sandbox::{Sandbox, binary};
use crate::lambda::scene::{Scene, fixture, is_answer};

/// Options of `answers`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Folder with the functions, each as `NAME/bootstrap`
    #[arg(long)]
    artifacts: PathBuf,
}

/// Starts every function in an environment like Lambda's and prints a line for each that answers.
///
/// # Errors
/// If a function does not start, or gives another answer than the expected one.
pub async fn check(options: &Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let scene = Scene::make(dir.path()).await?;
    // `seal` signs with the key that the scene's service made.
    let key = format!("file:{}", dir.path().join("data/audit.key").display());
    let mut environment = scene.environment.clone();
    environment.push(("COUNTERSIGN_AUDIT_KEY".to_owned(), key));
    let seal = ("seal", fixture("seal")?, Value::Null);
    for (name, event, expected) in scene.one_call()?.into_iter().chain([seal]) {
        let mut sandbox = Sandbox::start(&binary(&options.artifacts, name)?, &environment).await?;
        let (_, answer) = sandbox.invoke(&event).await?;
        ensure!(is_answer(&answer, &expected), "{name}: expected {expected}, got {answer}");
        println!("{name} answers");
    }
    scene.end().await;
    Ok(())
}
