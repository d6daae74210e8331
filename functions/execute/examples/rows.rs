//! How long a read of many rows from PostgreSQL takes, against `psql` in turns.
//!
//! ```text
//! COUNTERSIGN_TEST_POSTGRES_URL=postgres://… cargo run --release -p countersign-execute --example rows
//! ```
//!
//! Our side is what `execute` does between claim and outcome: connect, run, mask with every recogniser on, and store the
//! output in pieces in the embedded database. `psql -At`, its fastest format, prints to `/dev/null`. Both connect anew for
//! each run, and the median of all runs counts.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use countersign_app::aws::{Aws, AwsSettings, Inside};
use countersign_execute::mask::{Filter, Masking};
use countersign_execute::output::Keeper;
use countersign_guardrails::{Dialect, RuleSet, analyse};
use countersign_local::{EmbeddedStore, Endpoints};
use countersign_masking::{Masker, MaskingPolicy};
use countersign_rules::{RequestId, Timestamp};
use countersign_storage::{Store, schema};
use countersign_targets::{
    CancellationToken, Caps, Environment, FileSecrets, RunOptions, SecretRef, TargetSpec, fetch_secret, run,
};
use serde_json::json;

const RUNS: usize = 7;
const TABLE: &str = "countersign_rows";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = std::env::var("COUNTERSIGN_TEST_POSTGRES_URL")
        .context("COUNTERSIGN_TEST_POSTGRES_URL must name a PostgreSQL server")?;
    let store = EmbeddedStore::open(None).await?;
    let endpoints = store.endpoints();
    let inside = Inside::new(move |request| endpoints.clone().answer(request));
    let aws = Aws::new(AwsSettings::local(Endpoints::DYNAMODB, "", "").with_inside(inside));
    let client = aws.dynamodb();
    schema::create_table(&client, "rows").await?;
    let bench = Bench { url, store: Store::new(client, "rows") };
    for (columns, table) in TABLES {
        bench.psql(&format!("DROP TABLE IF EXISTS {TABLE}; CREATE TABLE {TABLE} AS {table}"))?;
        bench.psql(&format!("VACUUM ANALYZE {TABLE}"))?;
        for rows in [100_000, 1_000_000] {
            println!("{rows} rows of {columns}");
            bench.compare(&format!("SELECT * FROM {TABLE} WHERE id <= {rows}"), rows).await?;
        }
    }
    bench.psql(&format!("DROP TABLE {TABLE}"))?;
    store.shutdown().await;
    Ok(())
}

/// Names of columns that give nothing away, so that each cell is searched.
const TABLES: [(&str, &str); 2] = [
    ("two columns", "SELECT n AS id, 'order ' || n % 4711 AS reference FROM generate_series(1, 1000000) n"),
    (
        "five columns",
        "SELECT n AS id, 'order ' || md5(n::text) AS reference, 'left at the gate, to be fetched on the ' || n % 31 AS note, \
         (n % 9973) / 100.0 AS amount, timestamptz '2026-01-01' + n * interval '1 second' AS created_at \
         FROM generate_series(1, 1000000) n",
    ),
];

struct Bench {
    url: String,
    store: Store,
}

impl Bench {
    async fn compare(&self, command: &str, rows: u64) -> Result<()> {
        // Runs to warm up, which do not count.
        self.psql(command)?;
        self.run(command, Caps::default()).await?;
        let (mut psql, mut ours, mut all) = (vec![], vec![], vec![]);
        for _ in 0..RUNS {
            psql.push(self.psql(command)?);
            ours.push(self.run(command, Caps::default()).await?);
            all.push(self.run(command, Caps { max_rows: rows, ..Caps::default() }).await?);
        }
        let psql = median(psql);
        println!("  psql -At                  {:>6} ms", psql.as_millis());
        for (name, times) in [("100,000 rows kept", ours), ("as many as 10 MiB hold", all)] {
            let time = median(times);
            let ratio = time.as_secs_f64() / psql.as_secs_f64();
            println!("  {name:<25} {:>6} ms  {ratio:.2}", time.as_millis());
        }
        Ok(())
    }

    fn psql(&self, command: &str) -> Result<Duration> {
        let began = Instant::now();
        let status = Command::new("psql")
            .args(["-X", "-q", "-d", &self.url, "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-Atc", command])
            .stdin(Stdio::null())
            .status()?;
        ensure!(status.success(), "psql: {status}");
        Ok(began.elapsed())
    }

    async fn run(&self, command: &str, caps: Caps) -> Result<Duration> {
        let began = Instant::now();
        let spec = TargetSpec::parse("postgres".parse()?, &json!({}))?;
        let lookup = |_: &str| Some(self.url.clone());
        let secret = fetch_secret(&SecretRef::parse("env:URL", FileSecrets::Refused)?, &lookup, None).await?;
        let filter = Filter {
            masker: Masker::new(&MaskingPolicy::default(), None)?,
            rules: RuleSet::default(),
            analysis: analyse(Dialect::Postgres, command),
        };
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let id = RequestId::from_parts(now, u128::from(began.elapsed().as_nanos() as u64));
        let mut keeper = Keeper::new(self.store.clone(), id);
        let mut sink = Masking::new(&filter, &mut keeper);
        let options = RunOptions { read_only: true, ..RunOptions::from(caps) };
        let environment = Environment::default();
        let ran =
            run(&spec, Some(&secret), command, options, &environment, &mut sink, CancellationToken::new());
        let summary = ran.await.result?;
        ensure!(summary.output_error.is_none(), "{:?}", summary.output_error);
        sink.finish();
        keeper.finish().await;
        Ok(began.elapsed())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
