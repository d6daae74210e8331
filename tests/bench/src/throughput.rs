//! Whole lives per second with some clients at once, on the local platform and at its store alone.
//!
//! Both run in this process, each on files of its own, in turns: what else the machine does hits
//! both alike. The ratio of two figures is the median of the ratios of the turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use countersign_app::App;
use countersign_rules::request::RunMode;
use tokio::task::JoinSet;

use crate::alone::{Cast, Reads};
use crate::figures::{median, processor_seconds, ratios, verdict};
use crate::life;
use crate::stage::{Api, Stage};

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many clients live lives at once
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Lives of one turn
    #[arg(long, default_value_t = 200)]
    turn: usize,
    /// Turns of each kind, after the first lives and after the last
    #[arg(long, default_value_t = 10)]
    turns: usize,
    /// Lives before the first turns
    #[arg(long, default_value_t = 100)]
    few: usize,
    /// Lives before the last turns
    #[arg(long, default_value_t = 10_000)]
    many: usize,
    /// Lives of that kind alone, for a profiler; nothing is compared
    #[arg(long)]
    only: Option<Kind>,
}

const BESIDE_THE_STORE: f64 = 0.8;

/// One kind of lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// On the platform; the command runs by itself once it is approved
    OnApproval,
    /// On the platform; the requester has it run and waits
    ByHand,
    /// At the store alone, with every read
    StoreAlone,
    /// At the store alone, without reads
    WritesAlone,
}

const KINDS: [Kind; 4] = [Kind::OnApproval, Kind::StoreAlone, Kind::ByHand, Kind::WritesAlone];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::OnApproval => "platform, runs on approval",
            Self::ByHand => "platform, run by hand",
            Self::StoreAlone => "store alone",
            Self::WritesAlone => "store alone, no reads",
        }
    }
}

/// Rates and processor time of the turns of one kind.
#[derive(Debug, Clone, Default)]
struct Turns {
    rates: Vec<f64>,
    processor_millis: Vec<f64>,
}

/// What the lives are lived on.
#[derive(Clone)]
struct Both {
    api: Api,
    alone: App,
    cast: Arc<Cast>,
}

/// Measures and prints.
///
/// # Errors
/// If a life does not go as it should.
pub async fn measure(options: &Options) -> Result<()> {
    let (platform_dir, alone_dir) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let Stage { opened, api } = Stage::open(platform_dir.path()).await?;
    let platform = opened.run().await?;
    let alone = Stage::open(alone_dir.path()).await?;
    let first = life::live(&api, RunMode::Manual).await?;
    let output = api.get("alice", &format!("/v1/requests/{first}/output?format=json")).await?;
    let cast = Arc::new(Cast::read(&alone.opened.app.store, &alone.api, &output.to_string()).await?);
    let both = Both { api, alone: alone.opened.app.clone(), cast };

    if let Some(kind) = options.only {
        let begun = Instant::now();
        turn(&both, kind, options.many, options.clients).await?;
        println!("{:.0} lives/s", options.many as f64 / begun.elapsed().as_secs_f64());
        platform.shutdown().await;
        return Ok(());
    }
    println!(
        "{} clients, turns of {} lives, medians of {} turns",
        options.clients, options.turn, options.turns
    );
    let mut lived = 0;
    fill(&both, options, &mut lived, options.few).await?;
    let early = turns(&both, options, "early", &mut lived).await?;
    fill(&both, options, &mut lived, options.many).await?;
    let late = turns(&both, options, "late", &mut lived).await?;
    report(&early, &late);
    platform.platform().stream_caught_up().await?;
    platform.shutdown().await;
    Ok(())
}

/// Lives lives on both until there are so many.
async fn fill(both: &Both, options: &Options, lived: &mut usize, until: usize) -> Result<()> {
    while *lived < until {
        let lives = (until - *lived).min(options.turn);
        for kind in [Kind::OnApproval, Kind::StoreAlone] {
            turn(both, kind, lives, options.clients).await?;
        }
        *lived += lives;
    }
    Ok(())
}

async fn turns(both: &Both, options: &Options, when: &str, lived: &mut usize) -> Result<[Turns; 4]> {
    let from = *lived;
    let mut all: [Turns; 4] = Default::default();
    for _ in 0..options.turns {
        for (kind, turns) in KINDS.into_iter().zip(&mut all) {
            let before = processor_seconds();
            let begun = Instant::now();
            turn(both, kind, options.turn, options.clients).await?;
            let lives = options.turn as f64;
            turns.rates.push(lives / begun.elapsed().as_secs_f64());
            let spent = before.zip(processor_seconds()).map(|(before, after)| after - before);
            turns.processor_millis.push(spent.unwrap_or(f64::NAN) * 1000.0 / lives);
        }
        *lived += 2 * options.turn;
    }
    println!("{when}: after {from} to {lived} lives on each");
    for (kind, turns) in KINDS.into_iter().zip(&all) {
        let fastest = turns.rates.iter().copied().fold(f64::NAN, f64::max);
        println!(
            "  {:<28} {:>6.0} lives/s (fastest {fastest:.0}), {:.1} ms of processor a life",
            kind.name(),
            median(&turns.rates),
            median(&turns.processor_millis),
        );
    }
    Ok(all)
}

/// Some lives of one kind, lived by all clients together, to their ends.
async fn turn(both: &Both, kind: Kind, lives: usize, clients: usize) -> Result<()> {
    let begun = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (both, begun) = (both.clone(), Arc::clone(&begun));
        tasks.spawn(async move {
            let mut running = Vec::new();
            while begun.fetch_add(1, Ordering::Relaxed) < lives {
                match kind {
                    Kind::OnApproval => running.push(life::live(&both.api, RunMode::OnApproval).await?),
                    Kind::ByHand => drop(life::live(&both.api, RunMode::Manual).await?),
                    Kind::StoreAlone => both.cast.live(&both.alone, Reads::AsTheFunctions).await?,
                    Kind::WritesAlone => both.cast.live(&both.alone, Reads::None).await?,
                }
            }
            anyhow::Ok(running)
        });
    }
    let mut running = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        running.extend(ended??);
    }
    for id in running {
        life::ended(&both.api, &id).await?;
    }
    Ok(())
}

fn report(early: &[Turns; 4], late: &[Turns; 4]) {
    let [approval, alone, by_hand, writes] = early;
    let [late_approval, late_alone, late_by_hand, _] = late;
    let beside = |one: &Turns, other: &Turns| median(&ratios(&one.rates, &other.rates));
    println!("platform beside its store alone (budget: at least {BESIDE_THE_STORE}):");
    for (name, early, late, is_budget) in [
        ("on approval", beside(approval, alone), beside(late_approval, late_alone), true),
        ("by hand", beside(by_hand, alone), beside(late_by_hand, late_alone), false),
    ] {
        let within = early.min(late) >= BESIDE_THE_STORE;
        let verdict = if is_budget { verdict(within) } else { "not the budget: whoever runs by hand waits" };
        println!("  {name:<12} {early:.2} early, {late:.2} late: {verdict}");
    }
    println!("  on approval beside the writes alone {:.2}", beside(approval, writes));
    let slower = median(&late_approval.rates) / median(&approval.rates);
    let slower_alone = median(&late_alone.rates) / median(&alone.rates);
    println!("late beside early (budget: no slower): platform {slower:.2}, store alone {slower_alone:.2}");
}
