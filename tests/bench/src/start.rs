//! Cold starts: each function and a bare `lambda_http` hello, started in turns.
//!
//! From the start of the process to its first call of the runtime API, and to its first answer. The
//! answer comes after one call to AWS, by TLS, which a hello does not make.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::figures::{median, ninth_decile, ratios, verdict};
use crate::lambda::sandbox::{Sandbox, binary};
use crate::lambda::scene::{Scene, is_answer};

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Starts of each
    #[arg(long, default_value_t = 40)]
    starts: usize,
    /// Where the built functions are
    #[arg(long, default_value = "target/lambda-fat/lambda")]
    artifacts: PathBuf,
}

const MOST_TO_POLL: f64 = 1.5;
const MOST_TO_ANSWER: f64 = 3.0;

/// Something that is started.
struct Started {
    name: &'static str,
    binary: PathBuf,
    event: Value,
    expected: Value,
    poll_millis: Vec<f64>,
    answer_millis: Vec<f64>,
}

/// Measures and prints.
///
/// # Errors
/// If a function does not start or answers otherwise than it should.
pub async fn measure(options: &Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let scene = Scene::make(dir.path()).await?;
    let hello = ("hello", scene.http("show", "alice", "/", None)?, Value::from(200));
    let mut all = Vec::new();
    for (name, event, expected) in [hello].into_iter().chain(scene.one_call()?) {
        let binary = binary(&options.artifacts, name)?;
        all.push(Started {
            name,
            binary,
            event,
            expected,
            poll_millis: Vec::new(),
            answer_millis: Vec::new(),
        });
    }
    // One start of each that does not count: the files come into the cache, the timer is made.
    for turn in 0..=options.starts {
        for started in &mut all {
            started.start(&scene, turn > 0).await?;
        }
    }
    report(options, &all);
    scene.end().await;
    Ok(())
}

impl Started {
    async fn start(&mut self, scene: &Scene, counts: bool) -> Result<()> {
        let mut sandbox = Sandbox::start(&self.binary, &scene.environment).await?;
        let (answered, answer) = sandbox.invoke(&self.event).await?;
        ensure!(
            is_answer(&answer, &self.expected),
            "{}: expected {}, got {answer}",
            self.name,
            self.expected
        );
        if counts {
            self.poll_millis.push(sandbox.first_poll.as_secs_f64() * 1000.0);
            self.answer_millis.push(answered.as_secs_f64() * 1000.0);
        }
        Ok(())
    }
}

fn report(options: &Options, all: &[Started]) {
    println!(
        "{} starts of each in turns; medians in ms, with the ninth decile; ratios to hello",
        options.starts
    );
    println!("{:<10} {:>16} {:>6}  {:>16} {:>6}", "", "to first poll", "ratio", "to first answer", "ratio");
    let Some(hello) = all.first() else { return };
    let (mut poll, mut answer) = (0.0_f64, 0.0_f64);
    for started in all {
        // Of the medians, and beside it of the turns, where a busy moment hits both alike.
        let to_poll = median(&ratios(&started.poll_millis, &hello.poll_millis));
        let to_answer = median(&ratios(&started.answer_millis, &hello.answer_millis));
        println!(
            "{:<10} {:>16} {to_poll:>6.2}  {:>16} {to_answer:>6.2}",
            started.name,
            shown(&started.poll_millis),
            shown(&started.answer_millis)
        );
        poll = poll.max(to_poll);
        answer = answer.max(to_answer);
    }
    println!(
        "first poll: at most {poll:.2} of hello (budget {MOST_TO_POLL}): {}",
        verdict(poll <= MOST_TO_POLL)
    );
    println!(
        "first answer with one call to AWS: at most {answer:.2} of hello (budget {MOST_TO_ANSWER}): {}",
        verdict(answer <= MOST_TO_ANSWER)
    );
}

fn shown(millis: &[f64]) -> String {
    format!("{:.2} ({:.2})", median(millis), ninth_decile(millis))
}
