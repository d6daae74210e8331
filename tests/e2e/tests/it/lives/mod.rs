//! A thousand lives at once, and `kill -9` in the middle of them.
//!
//! Each life is a person or a few with one request: some run it, some have it run, some reject it,
//! call it off, or let its time go by. The service is killed three times at moments that a seed
//! picks (`COUNTERSIGN_TEST_SEED`); the people go on as people do, and ask again where no answer
//! came. In the end each request stands in one state that all answers agree with, and no command ran
//! twice.

mod caller;
mod life;
mod verdict;

use std::collections::BTreeMap;
use std::time::Instant;

use caller::Caller;
use countersign_e2e::{Database, Serve};
use futures::{StreamExt as _, stream};
use life::{Life, Plan};
use serde_json::json;

const LIVES: u32 = 1000;
/// Between which numbers of answers each kill comes; the lives get about 2,700 in all.
const KILLS: [std::ops::Range<u64>; 3] = [200..600, 700..1100, 1200..1600];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_lives_survive_three_kills_and_no_command_runs_twice() {
    let seed = std::env::var("COUNTERSIGN_TEST_SEED").map_or(20_261_125, |seed| seed.parse().unwrap());
    let began = Instant::now();
    // Leases of 11 s: long enough for the busiest moment here, short enough to see them lapse.
    let settings = [
        ("COUNTERSIGN_LEASE_MARGIN_SEC", "1"),
        ("COUNTERSIGN_LOG", "warn"),
        ("COUNTERSIGN_OPEN_REQUESTS_PER_PERSON", "1000"),
    ];
    let mut serve = Serve::start(Database::Embedded, &settings).await.unwrap();
    prepare(&serve).await;

    let (caller, here) = Caller::new(&serve);
    let lives: Vec<_> =
        (0..LIVES).map(|number| tokio::spawn(life::live(caller.clone(), number, Plan::of(number)))).collect();
    for (number, range) in KILLS.into_iter().enumerate() {
        let moment = caller::pick(seed, number as u64, range);
        caller.until_answered(moment).await;
        serve.kill().await.unwrap();
        here.send_replace(None);
        println!("kill {}: after {} answers, {:.1?}", number + 1, caller.answered(), began.elapsed());
        serve.start_again().await.unwrap();
        here.send_replace(Some(serve.url().to_owned()));
    }
    let mut ended: Vec<Life> = Vec::new();
    for life in lives {
        ended.push(life.await.unwrap());
    }
    let (answered, lost, late) = (caller.answered(), caller.lost(), caller.late());
    println!("all ended: {:.1?}, {answered} answers, {lost} lost, {late} late", began.elapsed());

    let ran = verdict::effects(&serve.target());
    let mut endings: BTreeMap<String, u32> = BTreeMap::new();
    let trails = stream::iter(&ended).map(|life| caller.events(&life.id)).buffered(16);
    for (life, events) in ended.iter().zip(trails.collect::<Vec<_>>().await) {
        verdict::judge(life, &events, ran.get(&life.number).copied().unwrap_or(0));
        *endings.entry(life.last.state().to_owned()).or_default() += 1;
    }
    println!("seed {seed}: {endings:?}, {:.1?}", began.elapsed());
    let strangers: Vec<_> = ran.keys().filter(|number| **number >= LIVES).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    verdict::nothing_was_submitted_twice(&caller, &ended).await;
    assert_eq!(verdict::effects(&serve.target()), ran, "nothing runs afterwards");
    assert!(lost > 0 && endings["SUCCEEDED"] > LIVES / 2, "{lost} lost, {endings:?}");
}

/// The connections of the lives, and the table in which each command leaves a row.
async fn prepare(serve: &Serve) {
    let target = json!({ "path": "demo.db", "statement_timeout_seconds": 10 });
    for (name, groups, run_within) in [
        ("one-group", &["dba-team"][..], 3600),
        ("two-groups", &["dba-team", "security-team"], 3600),
        ("in-haste", &["dba-team"], 2),
    ] {
        let connection = json!({ "kind": "sqlite", "target": target, "reviewers": groups, "run_within_seconds": run_within });
        serve.connect(name, connection).await.unwrap();
    }
    // Without a unique key: a command that ran twice would be seen.
    rusqlite::Connection::open(serve.target())
        .and_then(|database| database.execute_batch("CREATE TABLE ran (life INTEGER NOT NULL)"))
        .unwrap();
}
