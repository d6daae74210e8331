//! How long `decide` takes on a request with 5 groups and 20 people; the budget is 10 µs.
//!
//! `cargo run --release -p countersign-rules --example decide_bench`
//!
//! Measured are 301 batches, a batch being as many calls as take about 1 ms; the answer of each call
//! is dropped within the measured time, as its caller must. The median is what counts, the fastest
//! batch says what it would be on a machine that does nothing else.

use std::collections::BTreeSet;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use countersign_rules::command::{Ballot, Executor, People};
use countersign_rules::request::RunMode;
use countersign_rules::risk::{Guard, Verdict};
use countersign_rules::{
    Bounds, Command, GroupName, Person, Policy, Request, RequestId, Submission, Timestamp, UserId, Via,
    commit, decide, submit,
};

const GROUPS: usize = 5;
const PEOPLE: usize = 20;
const BATCHES: usize = 301;
const BUDGET_NANOS: u128 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    println!("decide on a request with {GROUPS} groups and {PEOPLE} people, median (fastest):");
    let mut within = true;
    for (membership, name) in [(1, "one group each"), (2, "two groups each"), (GROUPS, "all groups each")] {
        let (pending, approved, people) = prepare(membership)?;
        let voter = people.last().ok_or("nobody")?.clone();
        let rejecting = Command::Vote {
            voter: voter.clone(),
            ballot: Ballot::Reject { reason: "no".to_owned() },
            digest: pending.digest,
            via: Via::Api,
        };
        let claiming = Command::Claim {
            nonce: "executor".to_owned(),
            lease_until: start().plus_seconds(100),
            people: People { by_user: people.iter().map(|p| (p.user, p.clone())).collect() },
            digest: Some(approved.digest),
            epoch: 1,
            guard: Guard::default(),
            executor: Executor::Service,
        };
        let approving = approval(&voter, &pending);
        for (what, request, command) in [
            ("the approval that completes it", &pending, &approving),
            ("a rejection", &pending, &rejecting),
            ("the claim", &approved, &claiming),
            ("a timer", &approved, &Command::Tick),
        ] {
            let (median, fastest) = measure(request, command)?;
            within &= median <= BUDGET_NANOS;
            println!("  {name:<16} {what:<32} {median:>6} ns ({fastest} ns)");
        }
    }
    println!("{} the budget of {BUDGET_NANOS} ns", if within { "within" } else { "OVER" });
    Ok(())
}

/// The request with all votes but one, the same approved, and everybody; the first is the requester.
fn prepare(membership: usize) -> Result<(Request, Request, Vec<Person>), Box<dyn Error>> {
    let groups: Vec<GroupName> =
        (0..GROUPS).map(|n| format!("team-{n}").parse()).collect::<Result<_, _>>()?;
    let people: Vec<Person> = (0..=PEOPLE).map(|index| person(index, membership, &groups)).collect();
    let per_group = u8::try_from(PEOPLE / GROUPS)?;
    let submission = Submission {
        id: RequestId::from_parts(start(), 1),
        requester: people.first().ok_or("nobody")?.clone(),
        via: Via::Api,
        connection: "prod-db".parse()?,
        kind: "postgres".to_owned(),
        target: "{}".to_owned(),
        secret: "env:PROD_DB_URL".to_owned(),
        command: "DELETE FROM sessions WHERE age > 90".to_owned(),
        reason: None,
        run: RunMode::Manual,
        run_mode: countersign_rules::StatementMode::Transaction,
        policy: Policy {
            version: 1,
            groups,
            approvals_per_group: per_group,
            distinct_reviewers: true,
            admin_auto_approve: true,
            exempt_groups: BTreeSet::new(),
            allowed_groups: BTreeSet::new(),
            approvals: true,
            run_within_seconds: 3600,
            max_rows: None,
        },
        timeout_seconds: 3600,
        wanted_timeout_seconds: None,
        masking_version: 0,
        epoch: 1,
        verdict: Verdict::default(),
    };
    let (mut request, _) = submit(&submission, start())?;
    let mut pending = request.clone();
    for voter in people.iter().skip(1) {
        pending = request.clone();
        let command = approval(voter, &request);
        let facts = decide(&request, &command, start())?;
        let (actor, via) = command.actor();
        request = commit(&request, &actor, via, start(), facts)?.0;
    }
    Ok((pending, request, people))
}

fn person(index: usize, membership: usize, groups: &[GroupName]) -> Person {
    let user = UserId::from_parts(start(), index as u128);
    let member = groups.iter().cycle().skip(index % groups.len()).take(membership);
    Person {
        user,
        human: user,
        email: format!("person-{index}@example.com"),
        groups: if index == 0 { BTreeSet::new() } else { member.cloned().collect() },
        roles: BTreeSet::new(),
        disabled: false,
    }
}

fn approval(voter: &Person, request: &Request) -> Command {
    let ballot = Ballot::Approve { comment: None, bounds: Bounds::default() };
    Command::Vote { voter: voter.clone(), ballot, digest: request.digest, via: Via::Api }
}

fn start() -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000)
}

/// The median and the fastest of a call, in nanoseconds.
fn measure(request: &Request, command: &Command) -> Result<(u128, u128), Box<dyn Error>> {
    decide(request, command, start())?;
    let batch = |calls: u32| {
        let begun = Instant::now();
        for _ in 0..calls {
            drop(black_box(decide(black_box(request), black_box(command), start())));
        }
        begun.elapsed().as_nanos()
    };
    let once = batch(1000) / 1000;
    let calls = u32::try_from(1_000_000 / once.max(1))?.clamp(1, 100_000);
    let mut nanos: Vec<u128> = (0..BATCHES).map(|_| batch(calls) / u128::from(calls)).collect();
    nanos.sort_unstable();
    let at = |rank: usize| nanos.get(rank).copied().unwrap_or_default();
    Ok((at(BATCHES / 2), at(0)))
}
