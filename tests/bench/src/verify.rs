//! How long `countersign audit verify` takes for the export of a service in which very much has happened, and
//! that it finds what is done to it.
//!
//! The export is a real one: lives over HTTP, sealed by `seal` with a signed checkpoint a second, fetched by
//! `countersign audit export`. What is timed is the program as a whole process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use countersign_audit::Verifier;
use countersign_rules::request::RunMode;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::figures::{median, verdict};
use crate::life;
use crate::stage::{Api, Stage};

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Events that the export has at least
    #[arg(long, default_value_t = 10_000)]
    events: usize,
    /// How often it is verified, untouched
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// Places at which a byte is changed, a line deleted, two lines swapped, and everything behind cut off
    #[arg(long, default_value_t = 100)]
    places: usize,
    /// The program
    #[arg(long, default_value = "target/release/countersign")]
    program: PathBuf,
    /// A folder in which the export stays; else it is made in one that vanishes
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// The untouched export is accepted within that many seconds.
const MOST_SECONDS: f64 = 1.0;
const CLIENTS: usize = 8;
/// About as many events has a life that is approved by two groups and run.
const EVENTS_OF_A_LIFE: usize = 6;

/// Measures and prints.
///
/// # Errors
/// If the untouched export is not accepted, or a change is not found.
pub async fn measure(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let dir = options.dir.clone().unwrap_or_else(|| scratch.path().to_path_buf());
    std::fs::create_dir_all(&dir)?;
    let file = dir.join("export.jsonl");
    make(options, &scratch.path().join("data"), &file).await?;
    let export = std::fs::read(&file)?;
    let lines: Vec<&[u8]> = export.split_inclusive(|byte| *byte == b'\n').collect();
    println!("{} events, {} lines, {} bytes", events_of(&export), lines.len(), export.len());

    let mut seconds = Vec::with_capacity(options.runs);
    for _ in 0..options.runs {
        let begun = Instant::now();
        let verified = run(&options.program, &[], &["audit", "verify", &file.display().to_string()]).await?;
        seconds.push(begun.elapsed().as_secs_f64());
        if !verified.status.success() {
            bail!("the untouched export was not accepted: {}", String::from_utf8_lossy(&verified.stdout));
        }
    }
    let slowest = seconds.iter().copied().fold(0.0, f64::max);
    println!(
        "countersign audit verify, untouched: median {:.3} s, slowest {slowest:.3} s of {} (budget: {MOST_SECONDS} s): {}",
        median(&seconds),
        seconds.len(),
        verdict(slowest <= MOST_SECONDS)
    );
    changes(&lines, options.places)
}

/// Lets as much happen as is wanted, and exports it.
async fn make(options: &Options, data: &Path, file: &Path) -> Result<()> {
    let environment = BTreeMap::from([("COUNTERSIGN_SEAL_SECONDS".to_owned(), "1".to_owned())]);
    let Stage { opened, api } = Stage::open_in(data, environment).await?;
    let url = opened.url();
    let service = opened.run().await?;
    let mut lives = options.events / EVENTS_OF_A_LIFE + 1;
    loop {
        live(&api, lives).await?;
        // What happened in this second is sealed when the next one is over.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let settings =
            [("COUNTERSIGN_URL", url.as_str()), ("COUNTERSIGN_TOKEN", api.person("audra", "token")?)];
        let exported = run(&options.program, &settings, &["audit", "export"]).await?;
        if !exported.status.success() {
            bail!("no export: {}", String::from_utf8_lossy(&exported.stderr));
        }
        if events_of(&exported.stdout) >= options.events {
            std::fs::write(file, exported.stdout)?;
            break;
        }
        lives = 100;
    }
    service.shutdown().await;
    Ok(())
}

async fn live(api: &Api, lives: usize) -> Result<()> {
    let begun = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CLIENTS {
        let (api, begun) = (api.clone(), Arc::clone(&begun));
        tasks.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < lives {
                life::live(&api, RunMode::Manual).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

fn events_of(export: &[u8]) -> usize {
    let starts = [b"{\"event\":".as_slice(), b"{\"audit\":"];
    let lines = export.split(|byte| *byte == b'\n');
    lines.filter(|line| starts.iter().any(|start| line.starts_with(start))).count()
}

async fn run(program: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
    let output = command.output().await;
    output.with_context(|| {
        format!("`{}` cannot be started; build it, or name it by --program", program.display())
    })
}

/// Does each kind of harm at places all over the export, and expects that each is found.
fn changes(lines: &[&[u8]], places: usize) -> Result<()> {
    let begun = Instant::now();
    for place in 0..places {
        // The first line and the last are among them; the line behind the last is the one before.
        let at = (lines.len() - 1) * place / (places - 1).max(1);
        let other = if at + 1 < lines.len() { at + 1 } else { at - 1 };
        let (line, neighbour) = (at_line(lines, at)?, at_line(lines, other)?);
        let byte = line.len().saturating_sub(1) * (place % 17) / 16;
        let mut changed = line.to_vec();
        *changed.get_mut(byte).context("a byte")? ^= 1 << (place % 8);
        let harms = [
            ("with a byte changed in", Harm { at, with: Some(&changed), ..Harm::default() }),
            ("without", Harm { at, ..Harm::default() }),
            (
                "swapped with its neighbour:",
                Harm { at, with: Some(neighbour), other: Some((other, line)), ..Harm::default() },
            ),
            ("cut before", Harm { at, cut: true, ..Harm::default() }),
        ];
        for (what, harm) in harms {
            if !harm.is_found(lines) {
                bail!("nothing was found {what} line {} (byte {byte})", at + 1);
            }
        }
    }
    println!(
        "{places} bytes changed, lines deleted, swapped, cut: each found ({:.1} s)",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn at_line<'a>(lines: &[&'a [u8]], at: usize) -> Result<&'a [u8]> {
    lines.get(at).copied().context("a line")
}

/// What is done to an export at a line.
#[derive(Debug, Clone, Copy, Default)]
struct Harm<'a> {
    at: usize,
    /// What stands there instead; else nothing.
    with: Option<&'a [u8]>,
    /// What stands at another line instead.
    other: Option<(usize, &'a [u8])>,
    /// Whether everything behind is gone too.
    cut: bool,
}

impl Harm<'_> {
    fn is_found(self, lines: &[&[u8]]) -> bool {
        let mut verifier = Verifier::new(None, None);
        for (at, line) in lines.iter().enumerate() {
            match (at == self.at, self.with, self.other) {
                (true, _, _) if self.cut => break,
                (true, Some(with), _) => verifier.line(with),
                (true, None, _) => {}
                (false, _, Some((other, with))) if other == at => verifier.line(with),
                (false, _, _) => verifier.line(line),
            }
        }
        !verifier.finish().findings.is_empty()
    }
}
