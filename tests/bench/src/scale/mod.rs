//! List, show and decide over HTTP, and the pages of the console, with a few stored requests and with very many.
//!
//! Both platforms run in this process, each on files of its own, and are asked in turns. The newest
//! requests are the same in both: the large table is the small one a year later, not a denser one.

mod numbers;
mod seed;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use countersign_service::Service;
use serde_json::{Value, json};

use crate::figures::{median, ninth_decile, verdict};
use crate::stage::{Api, Stage};
use seed::{Seeded, plant};

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Requests in the small table
    #[arg(long, default_value_t = 1_000)]
    few: u32,
    /// Requests in the large table
    #[arg(long, default_value_t = 1_000_000)]
    many: u32,
    /// Calls of each kind to each
    #[arg(long, default_value_t = 200)]
    calls: usize,
    /// Ask only for what has this in its name, such as `page`
    #[arg(long, default_value = "")]
    only: String,
    /// A folder that keeps the tables for further runs; a temporary one if none is named
    #[arg(long)]
    dir: Option<PathBuf>,
}

const MOST: f64 = 1.2;
/// What was seeded, in the folder of the table.
const NOTE: &str = "seeded.json";
/// Calls of each kind that are not counted: connections open, caches fill.
const WARM_UP: usize = 10;

/// What is asked.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// A list, as somebody, by a query string; `@ID` in it is whoever asks.
    List(&'static str, &'static str),
    ShowNewest,
    ShowAnywhere,
    /// A page of the console, as somebody.
    Page(&'static str, &'static str),
    /// The page of a request.
    PageOfNewest,
    /// An approval by somebody of the request of the call's number.
    Approve(&'static str),
}

const ASKED: [(&str, Ask); 16] = [
    ("list of all", Ask::List("root", "")),
    ("list of a connection", Ask::List("root", "?connection=demo-dual")),
    ("list of a requester", Ask::List("alice", "?requester=@ID")),
    ("list of what has succeeded", Ask::List("root", "?status=SUCCEEDED")),
    ("list of what is pending", Ask::List("root", "?status=PENDING")),
    ("list of what waits for me", Ask::List("dana", "?group=mine")),
    ("show, one of the newest", Ask::ShowNewest),
    ("show, one from anywhere", Ask::ShowAnywhere),
    ("page of the list", Ask::Page("root", "/requests")),
    ("page of what waits for me", Ask::Page("dana", "/requests")),
    ("page of a request", Ask::PageOfNewest),
    ("page of analytics, as it opens", Ask::Page("root", "/analytics")),
    ("page of analytics, a year", Ask::Page("root", "/analytics?from=@YEAR")),
    ("page of audit", Ask::Page("root", "/audit")),
    ("approve, the first of two", Ask::Approve("dana")),
    ("approve, the second of two", Ask::Approve("sam")),
];

/// A platform with its seeded requests.
struct Table {
    service: Service,
    api: Api,
    seeded: Seeded,
    /// A day.
    a_year_ago: String,
}

/// Measures and prints.
///
/// # Errors
/// If an answer is not as it should be.
pub async fn measure(options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let dir = options.dir.clone().unwrap_or_else(|| scratch.path().to_path_buf());
    let few = Table::make(dir.join("few"), options.few, options.calls).await?;
    let many = Table::make(dir.join("many"), options.many, options.calls).await?;
    println!("medians of {} calls each in ms, with the ninth decile", options.calls);
    println!("{:<28} {:>16} {:>16} {:>6}", "stored requests", options.few, options.many, "ratio");
    let mut worst: f64 = 0.0;
    for (name, ask) in ASKED.into_iter().filter(|(name, _)| name.contains(&options.only)) {
        let (few, many) = compare(ask, options.calls, &few, &many).await?;
        let ratio = median(&many) / median(&few);
        println!("{name:<28} {:>16} {:>16} {ratio:>6.2}", shown(&few), shown(&many));
        worst = worst.max(ratio);
    }
    println!("the worst ratio is {worst:.2} (budget: at most {MOST}): {}", verdict(worst <= MOST));
    for table in [few, many] {
        table.service.shutdown().await;
    }
    Ok(())
}

fn shown(millis: &[f64]) -> String {
    format!("{:.2} ({:.2})", median(millis), ninth_decile(millis))
}

/// Asks both in turns: the milliseconds of each call.
async fn compare(ask: Ask, calls: usize, few: &Table, many: &Table) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut millis = [Vec::with_capacity(calls), Vec::with_capacity(calls)];
    for call in 0..calls + WARM_UP {
        for (table, millis) in [few, many].into_iter().zip(&mut millis) {
            let begun = Instant::now();
            table.ask(ask, call).await?;
            if call >= WARM_UP {
                millis.push(begun.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    let [few, many] = millis;
    Ok((few, many))
}

impl Table {
    /// Opens the one in `dir`, seeded if there is none.
    async fn make(dir: PathBuf, requests: u32, calls: usize) -> Result<Self> {
        let note = dir.join(NOTE);
        if !note.exists() {
            let begun = Instant::now();
            let stage = Stage::open(&dir).await?;
            let seeded = plant(&stage, requests, calls + WARM_UP).await?;
            // Opened anew: what the bulk loading has switched off is on again.
            stage.opened.run().await?.shutdown().await;
            let took = begun.elapsed().as_secs_f64();
            println!("{requests} requests as {} items, loaded in {took:.0} s", seeded.items);
            std::fs::write(&note, serde_json::to_vec(&seeded)?)?;
        }
        let seeded = serde_json::from_slice(&std::fs::read(&note)?)?;
        let Stage { opened, api } = Stage::open(&dir).await?;
        let a_year_ago = opened.app.now().plus_millis(-365 * 86_400_000);
        let a_year_ago = a_year_ago.rfc3339().chars().take(10).collect();
        let service = opened.run().await?;
        Ok(Self { service, api, seeded, a_year_ago })
    }

    async fn ask(&self, ask: Ask, call: usize) -> Result<()> {
        match ask {
            Ask::List(who, query) => {
                let query = query.replace("@ID", self.api.person(who, "id")?);
                let page = self.api.get(who, &format!("/v1/requests{query}")).await?;
                let items = page.get("items").and_then(Value::as_array).map_or(0, Vec::len);
                ensure!(items == 50, "expected a full page of 50, got {items}");
            }
            Ask::ShowNewest => self.show(&self.seeded.newest, call * 7).await?,
            Ask::ShowAnywhere => self.show(&self.seeded.anywhere, call).await?,
            Ask::Page(who, path) => {
                let path = path.replace("@YEAR", &self.a_year_ago);
                self.api.page(who, &path).await.map(drop)?;
            }
            Ask::PageOfNewest => {
                let id = self.seeded.newest.get(call * 7 % self.seeded.newest.len().max(1));
                let id = id.context("nothing was seeded")?;
                self.api.page("root", &format!("/requests/{id}")).await.map(drop)?;
            }
            Ask::Approve(reviewer) => {
                let (id, digest) = self.seeded.pending.get(call).context("too few are pending")?;
                let vote = json!({ "digest": digest });
                self.api.post(reviewer, &format!("/v1/requests/{id}/approve"), &vote).await?;
            }
        }
        Ok(())
    }

    async fn show(&self, ids: &[String], call: usize) -> Result<()> {
        let id = ids.get(call % ids.len().max(1)).context("nothing was seeded")?;
        self.api.get("root", &format!("/v1/requests/{id}")).await.map(drop)
    }
}
