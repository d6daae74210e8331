//! The rules against their naive second implementation, on random histories.

use std::collections::BTreeMap;
use std::time::Instant;

use countersign_model::history::{History, World};
use countersign_model::play::{Said, ask};
use countersign_model::reference::{Answer, Book};
use countersign_rules::request::Phase;
use countersign_rules::risk::Estimate;
use countersign_rules::{Request, Status, Timestamp, submit};

const HISTORIES: u64 = 120_000;

/// How often each thing happened, so that the test cannot pass by testing nothing.
type Tally = BTreeMap<String, u64>;

#[test]
fn the_rules_agree_with_the_naive_ones_on_120_000_random_histories() {
    let begun = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let tallies = std::thread::scope(|scope| {
        let handles: Vec<_> =
            (0..workers).map(|worker| scope.spawn(move || compare_share(worker, workers))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect::<Vec<_>>()
    });
    let mut total = Tally::new();
    for (what, count) in tallies.into_iter().flatten() {
        *total.entry(what).or_default() += count;
    }
    let rate = HISTORIES as f64 / begun.elapsed().as_secs_f64();
    println!("{HISTORIES} random histories agree ({rate:.0} histories/s); what happened in them:");
    for (what, count) in &total {
        println!("{count:>9}  {what}");
    }
    for what in WHAT_MUST_HAPPEN {
        let seen = total.get(*what).copied().unwrap_or_default();
        assert!(seen >= 100, "`{what}` happened {seen} times: the histories do not reach it often enough");
    }
}

const WHAT_MUST_HAPPEN: &[&str] = &[
    "not submitted",
    "done request.approved",
    "done request.cancelled",
    "done request.estimated",
    "done request.expired",
    "done request.failed",
    "done request.lease_renewed",
    "done request.rejected",
    "done request.reopened",
    "done request.run_asked",
    "done request.running",
    "done request.succeeded",
    "done request.unknown",
    "done request.vote",
    "already done",
    "refused AlreadyClaimed",
    "refused DigestMismatch",
    "refused Disabled",
    "refused LeaseOver",
    "refused MayNotCancel",
    "refused MayNotRun",
    "refused MayNotSettle",
    "refused NotAsked",
    "refused NotReviewer",
    "refused NotTheClaimant",
    "refused OtherEpoch",
    "refused OtherExecutor",
    "refused OwnRequest",
    "refused VoteNotNeeded",
    "refused Wrong",
];

fn compare_share(worker: u64, workers: u64) -> Tally {
    let mut tally = Tally::new();
    for number in (0..HISTORIES).filter(|number| number % workers == worker) {
        let mut history = History::numbered(number);
        if let Err(first) = compare(&history, &mut tally) {
            while let Some(smaller) = a_smaller_one_that_fails(&history) {
                history = smaller;
            }
            let difference = compare(&history, &mut Tally::new()).err().unwrap_or(first);
            panic!("history {number}: {difference}\n{history:#?}");
        }
    }
    tally
}

fn a_smaller_one_that_fails(history: &History) -> Option<History> {
    (0..history.steps.len()).find_map(|index| {
        let mut smaller = history.clone();
        smaller.steps.remove(index);
        compare(&smaller, &mut Tally::new()).is_err().then_some(smaller)
    })
}

/// Plays the history on both; the error says where they part.
fn compare(history: &History, tally: &mut Tally) -> Result<(), String> {
    let mut count = |what: String| *tally.entry(what).or_default() += 1;
    let mut world = World::new(&history.universe);
    let asked = &history.universe.submission;
    let real = submit(asked, world.now);
    // The digest is the one thing that is not computed twice; it has tests of its own.
    let any_digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let digest = real.as_ref().map_or(any_digest, |(request, _)| request.digest);
    let (mut request, mut book) = match (real, Book::open(asked, world.now, digest)) {
        (Ok((request, _)), Some(book)) => (request, book),
        (Err(_), None) => {
            count("not submitted".to_owned());
            return Ok(());
        }
        (real, book) => return Err(format!("submitted: {real:?}\nnaively: {book:?}")),
    };
    same_state(&request, &book, world.now)?;
    for step in &history.steps {
        let Some(command) = world.step(*step, digest) else {
            continue;
        };
        let naive = book.ask(&command, world.now);
        let said = ask(&mut request, &command, world.now);
        let agree = match (&said, &naive) {
            (Said::Done(_), Ok(Answer::Changed)) | (Said::AlreadyDone, Ok(Answer::Unchanged)) => true,
            (Said::Refused(refusal), Err(reasons)) => reasons.contains(refusal),
            _ => false,
        };
        if !agree {
            return Err(format!("{command:?}\nreally: {said:?}\nnaively: {naive:?}"));
        }
        match &said {
            Said::Done(events) => events.iter().for_each(|e| count(format!("done {}", e.fact.type_name()))),
            Said::AlreadyDone => count("already done".to_owned()),
            Said::Refused(refusal) => {
                let name = format!("{refusal:?}");
                count(format!("refused {}", name.split('(').next().unwrap()));
            }
        }
        same_state(&request, &book, world.now).map_err(|difference| format!("{command:?}\n{difference}"))?;
    }
    Ok(())
}

/// The same status now, before and later; the same approvals; the same cause.
fn same_state(request: &Request, book: &Book, now: Timestamp) -> Result<(), String> {
    for millis in [-1500, 0, 1, 999, 1000, 2500, 60_000] {
        let then = now.plus_millis(millis);
        let (real, naive) = (request.status_at(then), book.status(then));
        if real != naive {
            return Err(format!("{millis} ms from now it is {real}, naively {naive}"));
        }
    }
    let mut real: Vec<_> = request.approvals().map(|vote| (vote.human, vote.user, &vote.groups)).collect();
    let approvals = book.approvals();
    let mut naive: Vec<_> = approvals.iter().map(|vote| (vote.human, vote.user, &vote.groups)).collect();
    real.sort();
    naive.sort();
    if real != naive {
        return Err(format!("approvals {real:?}, naively {naive:?}"));
    }
    let cause = request.auto_approval.as_ref().map(|auto| auto.cause);
    // A rejected or cancelled request keeps the cause that it once had; it says nothing any more.
    let matters = matches!(request.phase, Phase::Approved(_) | Phase::Running(..) | Phase::Finished { .. });
    if matters && cause != book.automatic_cause() {
        return Err(format!("automatic by {cause:?}, naively {:?}", book.automatic_cause()));
    }
    let estimated = match &request.estimate {
        Some(Estimate::Made(tables)) => Some(tables.as_slice()),
        Some(Estimate::Wanted) | None => None,
    };
    if estimated != book.estimated() {
        return Err(format!("estimated {estimated:?}, naively {:?}", book.estimated()));
    }
    if request.status() != Status::Pending && !request.groups_waiting().is_empty() {
        return Err("a group is waited for though nothing is pending".to_owned());
    }
    Ok(())
}
