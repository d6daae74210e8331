//! Round trips and capacity units: what each call over HTTP asks of the table, and a whole life.
//!
//! Counts, not times: the embedded database says what each call consumes, and follows AWS's rules
//! (DynamoDB Local does not, so it is no judge).

use std::collections::BTreeMap;

use anyhow::Result;
use countersign_rules::request::RunMode;
use countersign_storage::meter::{Cost, total};
use serde_json::json;

use crate::figures::verdict;
use crate::life;
use crate::stage::{Stage, text};

/// Write units of a whole life at most.
pub const MOST_WRITE_UNITS: f64 = 45.0;
/// Read units of a whole life at most.
pub const MOST_READ_UNITS: f64 = 18.0;

/// Calls that go out together with another one, so that nobody waits for the one and then for the other.
const BESIDE: [&str; 2] = ["open", "created"];

/// What one step cost, by kind of call.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which.
    pub name: &'static str,
    /// Round trips that a person waits for at most; none where nobody does.
    pub budget: Option<u64>,
    /// Whether it belongs to a life, or is only looked at.
    pub of_a_life: bool,
    /// By kind of call, without the looks of whoever waits.
    pub costs: BTreeMap<&'static str, Cost>,
}

impl Step {
    /// Its round trips.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        let beside = BESIDE.iter().filter_map(|operation| self.costs.get(operation));
        total(&self.costs).calls - beside.map(|cost| cost.calls).sum::<u64>()
    }
}

/// What a life costs, of all its steps.
#[must_use]
pub fn of_a_life(steps: &[Step]) -> Cost {
    let steps = steps.iter().filter(|step| step.of_a_life).map(|step| total(&step.costs));
    steps.fold(Cost::default(), |sum, cost| Cost {
        calls: sum.calls + cost.calls,
        read_units: sum.read_units + cost.read_units,
        write_units: sum.write_units + cost.write_units,
    })
}

/// Lives one life over HTTP and counts.
///
/// # Errors
/// If it does not go as it should.
pub async fn measure() -> Result<Vec<Step>> {
    let dir = tempfile::tempdir()?;
    let Stage { opened, api } = Stage::open(dir.path()).await?;
    let service = opened.run().await?;
    let meter = service.app.store.meter();
    let mut steps = Vec::new();
    let mut step = |name, budget, of_a_life| {
        let mut costs = meter.take();
        // Looks of whoever waits for the end of a run.
        costs.remove("wait");
        steps.push(Step { name, budget, of_a_life, costs });
    };

    // What a function reads once in a while and keeps: the directory of people, when it all began.
    life::live(&api, RunMode::Manual).await?;
    api.get("alice", "/v1/requests").await?;
    step("kept by a warm function", None, false);

    let request = api.post("alice", "/v1/requests", &life::submission(RunMode::Manual)).await?;
    step("submit", Some(2), true);
    let id = text(&request, "id")?.to_owned();
    let vote = json!({ "digest": text(&request, "digest")? });
    for reviewer in life::REVIEWERS {
        api.post(reviewer, &format!("/v1/requests/{id}/approve"), &vote).await?;
        step("approve", Some(2), true);
    }
    // The answer comes after the outcome is stored, which is the last that is asked of the table.
    api.call("alice", "POST", &format!("/v1/requests/{id}/run"), None).await?;
    step("run, claim, outcome", None, true);

    let other = api.post("alice", "/v1/requests", &life::submission(RunMode::Manual)).await?;
    drop(meter.take());
    let rejection = json!({ "digest": text(&other, "digest")?, "reason": "not on a Friday" });
    api.post("dana", &format!("/v1/requests/{}/reject", text(&other, "id")?), &rejection).await?;
    step("reject", Some(2), false);
    api.get("dana", &format!("/v1/requests/{id}")).await?;
    step("show", Some(1), false);
    for (name, path) in [
        ("list of a requester", format!("/v1/requests?requester={}", api.person("alice", "id")?)),
        ("list of a connection", format!("/v1/requests?connection={}", life::CONNECTION)),
    ] {
        api.get("alice", &path).await?;
        step(name, Some(2), false);
    }
    api.post("alice", "/v1/requests", &life::submission(RunMode::Manual)).await?;
    drop(meter.take());
    for (name, path) in [
        ("list of all", "/v1/requests"),
        ("list of what waits for me", "/v1/requests?group=mine"),
        ("list of what has succeeded", "/v1/requests?status=SUCCEEDED"),
        ("list of what is pending", "/v1/requests?status=PENDING"),
    ] {
        api.get("dana", path).await?;
        step(name, None, false);
    }
    service.shutdown().await;
    Ok(steps)
}

/// Prints steps, sums and what of it the budgets say.
pub fn print(steps: &[Step]) {
    println!("{:<32} {:>11} {:>11} {:>12}", "", "round trips", "read units", "write units");
    for step in steps {
        let cost = total(&step.costs);
        let trips = step.round_trips();
        let verdict =
            step.budget.map(|most| format!("budget {most} round trips: {}", verdict(trips <= most)));
        println!(
            "{:<32} {:>11} {:>11.1} {:>12.1}  {}",
            step.name,
            trips,
            cost.read_units,
            cost.write_units,
            verdict.unwrap_or_default()
        );
        for (operation, cost) in &step.costs {
            println!(
                "  {operation:<30} {:>11} {:>11.1} {:>12.1}",
                cost.calls, cost.read_units, cost.write_units
            );
        }
    }
    let life = of_a_life(steps);
    println!(
        "a whole life: {} round trips in {} calls, {:.1} read units (budget {MOST_READ_UNITS}: {}), {:.1} write units (budget {MOST_WRITE_UNITS}: {})",
        steps.iter().filter(|step| step.of_a_life).map(Step::round_trips).sum::<u64>(),
        life.calls,
        life.read_units,
        verdict(life.read_units <= MOST_READ_UNITS),
        life.write_units,
        verdict(life.write_units <= MOST_WRITE_UNITS),
    );
}
