//! 64 racers on one request, over and over: one outcome, and the losers are told the truth.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::database::{Database, Kind};
use crate::support::on_every_database;
use crate::support::story::{
    Went, Wish, append, approve, asker, cancel, change, claim, create, dana, morning, person, reject, sam,
    sound,
};
use countersign_rules::{Command, Fact, Person, Refusal, Request, Status, Timestamp, evolve};
use countersign_storage::{StorageError, Store};
use tokio::sync::Barrier;

on_every_database!(sixty_four_racers_leave_one_outcome_and_learn_the_truth);

const RACERS: u32 = 64;

/// What a racer wants, and by which clock.
#[derive(Debug, Clone)]
enum Wants {
    Approve(Person),
    Reject(Person),
    Cancel,
    Tick(Timestamp),
    /// Waits for the approval and then claims under that name.
    Claim(String),
}

/// How it ended for a racer that was not the one.
#[derive(Debug)]
struct Ran {
    wants: Wants,
    now: Timestamp,
    went: Went,
}

async fn sixty_four_racers_leave_one_outcome_and_learn_the_truth(database: &Database) {
    let rounds = match database.kind {
        Kind::Embedded => 20,
        Kind::DynamoDbLocal => 5,
    };
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..rounds {
        let start = start(&database.store, round).await;
        let end = race(&database.store, round, &start).await;
        *outcomes.entry(end.status().to_string()).or_default() += 1;
    }
    println!("{:?}: {rounds} rounds of {RACERS} racers ended as {outcomes:?}", database.kind);
}

/// Odd rounds begin with an approved request, so that claim, cancellation and expiry meet.
async fn start(store: &Store, round: u32) -> Request {
    let born = create(store, &Wish::new(round)).await;
    if round.is_multiple_of(2) {
        return born;
    }
    let half = append(store, &born, &approve(&dana(), &born), morning()).await;
    append(store, &half, &approve(&sam(), &half), morning()).await
}

fn racers(round: u32, start: &Request) -> Vec<Wants> {
    let deadline = start.deadline().expect("it is open");
    let wants = |number: u32| match number % 8 {
        0 => Wants::Approve(person(100 + number, &["dba-team"])),
        1 => Wants::Approve(person(100 + number, &["security-team"])),
        2 => Wants::Approve(person(100 + number, &["dba-team", "security-team"])),
        // Most who run at once are executors; few say no, so that each kind of end has its chance.
        3 if number < 16 => Wants::Reject(person(100 + number, &["dba-team"])),
        4 if number < 16 => Wants::Cancel,
        // One clock has reached the deadline, the other is a moment behind.
        5 if number < 16 => Wants::Tick(deadline),
        5 => Wants::Tick(deadline.plus_millis(-1)),
        _ => Wants::Claim(format!("executor-{number}")),
    };
    // Another order in each round.
    (0..RACERS).map(|number| wants((number * 29 + round * 7) % RACERS)).collect()
}

async fn race(store: &Store, round: u32, start: &Request) -> Request {
    let line = Arc::new(Barrier::new(RACERS as usize));
    let mut running = Vec::new();
    for wants in racers(round, start) {
        let (store, line, id) = (store.clone(), Arc::clone(&line), start.id);
        let early = start.deadline().expect("it is open").plus_millis(-1);
        running.push(tokio::spawn(async move {
            line.wait().await;
            run(&store, id, wants, early).await
        }));
    }
    let mut ran = Vec::new();
    for racer in running {
        ran.push(racer.await.expect("no racer panics"));
    }
    let end = sound(store, start.id).await;
    check(store, start, &end, &ran).await;
    end
}

async fn run(store: &Store, id: countersign_rules::RequestId, wants: Wants, early: Timestamp) -> Ran {
    let now = if let Wants::Tick(now) = &wants { *now } else { early };
    loop {
        let ask = |request: &Request| match &wants {
            Wants::Approve(by) => approve(by, request),
            Wants::Reject(by) => reject(by, request),
            Wants::Cancel => cancel(&asker()),
            Wants::Tick(_) => Command::Tick,
            Wants::Claim(nonce) => {
                let everybody = people(request);
                let everybody: Vec<&Person> = everybody.iter().collect();
                claim(nonce, request, &everybody, now.plus_seconds(60))
            }
        };
        match change(store, id, now, ask).await {
            // An executor is only sent when a request is approved.
            Ok(Went::Refused(Refusal::Wrong(Status::Pending), _)) if matches!(wants, Wants::Claim(_)) => {
                tokio::task::yield_now().await;
            }
            Ok(went) => return Ran { wants, now, went },
            // Busy: nothing was written, as a caller who is answered 503 and comes again knows.
            Err(StorageError::Contended) => {}
            Err(error) => panic!("{wants:?}: {error}"),
        }
    }
}

/// Everybody whom the votes are checked against, as they were when they voted.
fn people(request: &Request) -> Vec<Person> {
    let voters = request.votes.iter().map(|vote| Person {
        user: vote.user,
        human: vote.human,
        email: vote.email.clone(),
        groups: vote.groups.clone(),
        roles: Default::default(),
        disabled: false,
    });
    voters.chain([asker()]).collect()
}

async fn check(store: &Store, start: &Request, end: &Request, ran: &[Ran]) {
    let commits = store.commits(start.id).await.unwrap();
    let history: Vec<Request> =
        (1..=commits.len()).filter_map(|upto| evolve::replay(start.id, &commits[..upto])).collect();
    assert_eq!(history.last(), Some(end));

    let ends = commits.iter().flatten().filter(|event| {
        matches!(
            event.fact,
            Fact::Rejected { .. } | Fact::Expired { .. } | Fact::Cancelled { .. } | Fact::Running { .. }
        )
    });
    let ends: Vec<&str> = ends.map(|event| event.fact.type_name()).collect();
    assert_eq!(ends.len(), 1, "one outcome or one claim, not {ends:?}");
    assert!(end.status().is_terminal() || end.status() == Status::Running, "{}", end.status());

    // Each commit since the start is that of exactly one racer who was told so.
    let mut won: BTreeMap<u64, &Wants> = BTreeMap::new();
    for racer in ran {
        let seen = match &racer.went {
            Went::Changed(after) => {
                if let Some(other) = won.insert(after.version, &racer.wants) {
                    assert!(one_and_the_same(other, &racer.wants), "{other:?} and {:?} won", racer.wants);
                }
                after
            }
            Went::Satisfied(seen) | Went::Refused(_, seen) => seen,
        };
        assert_eq!(history.get(seen.version as usize - 1), Some(seen), "{racer:?} saw what stood");
        check_answer(racer, end);
    }
    let versions: Vec<u64> = won.into_keys().collect();
    assert_eq!(versions, (start.version + 1..=end.version).collect::<Vec<_>>(), "a winner for each commit");
}

/// Whether two racers ask for the very same event: the same one acts, by the same clock, in the
/// same millisecond. Then one commit is that of both. Claims and votes never are.
fn one_and_the_same(one: &Wants, other: &Wants) -> bool {
    match (one, other) {
        (Wants::Cancel, Wants::Cancel) => true,
        (Wants::Tick(one), Wants::Tick(other)) => one == other,
        _ => false,
    }
}

/// Whether what a racer was told is true of the state that it was told of.
fn check_answer(racer: &Ran, end: &Request) {
    match (&racer.went, &racer.wants) {
        (Went::Changed(after), Wants::Claim(nonce)) => {
            assert_eq!(after.claim().map(|claim| &claim.nonce), Some(nonce));
            assert_eq!(end.claim().map(|claim| &claim.nonce), Some(nonce), "the claim stands");
        }
        (Went::Changed(after), Wants::Reject(_) | Wants::Cancel | Wants::Tick(_)) => {
            assert_eq!(after, end, "nothing follows an end");
        }
        (Went::Changed(after), Wants::Approve(by)) => {
            assert!(after.approvals().any(|vote| vote.user == by.user), "the vote stands");
        }
        (Went::Satisfied(seen), Wants::Tick(_)) => assert_eq!(seen.expired_by(racer.now), None),
        // Several racers are the requester: the second one finds it cancelled by themselves.
        (Went::Satisfied(seen), Wants::Cancel) => assert_eq!(seen.status(), Status::Cancelled),
        (Went::Satisfied(_), wants) => panic!("{wants:?} was never asked before"),
        (Went::Refused(Refusal::Wrong(status), seen), _) => {
            assert_eq!(*status, seen.status_at(racer.now));
            assert_ne!(*status, Status::Pending, "who is told so could have gone on");
        }
        (Went::Refused(Refusal::AlreadyClaimed, seen), Wants::Claim(nonce)) => {
            let holder = seen.claim().map(|claim| &claim.nonce);
            assert!(holder.is_some_and(|holder| holder != nonce), "{holder:?}");
            assert_eq!(seen, end, "the claim stands");
        }
        (Went::Refused(Refusal::VoteNotNeeded, seen), Wants::Approve(by)) => {
            assert_eq!(seen.status(), Status::Pending);
            let waiting = seen.groups_waiting();
            assert!(!waiting.iter().any(|group| by.groups.contains(group)), "{waiting:?}");
        }
        (Went::Refused(refusal, _), wants) => panic!("{wants:?} was refused: {refusal}"),
    }
}
