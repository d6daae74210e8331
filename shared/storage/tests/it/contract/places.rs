//! How many requests of somebody are open.

use countersign_rules::command::Ending;
use countersign_rules::event::Outcome;
use countersign_rules::{Command, Person, Request, Status};
use countersign_storage::Store;

use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{
    Wish, append, approve, asker, cancel, claim, create, dana, morning, person, reject, sam, succeed,
};

on_every_database!(
    a_request_takes_a_place_of_its_requester_as_long_as_it_is_open,
    each_requester_has_places_of_their_own_and_they_are_counted_up_to_a_number,
);

/// As many people as there are have the same shard with some others.
const PEOPLE: u32 = 9;

async fn taken(store: &Store, by: &Person) -> u32 {
    store.count_open(by.user, 100).await.unwrap()
}

/// Goes through the steps; the request takes its one place in each state but the last.
async fn until(store: &Store, number: u32, steps: &[fn(&Request) -> Command], last: Status) {
    let mut request = create(store, &Wish::new(number)).await;
    for step in steps {
        assert_eq!(taken(store, &asker()).await, 1, "while {}", request.status());
        let now = if last == Status::Expired { request.expires_at } else { morning() };
        request = append(store, &request, &step(&request), now).await;
    }
    assert_eq!(request.status(), last);
    assert_eq!(taken(store, &asker()).await, 0, "when {last}");
}

fn claimed(request: &Request) -> Command {
    claim("one", request, &[&asker(), &dana(), &sam()], morning().plus_seconds(90))
}

fn lost(_: &Request) -> Command {
    let executor = countersign_rules::command::Executor::Service;
    Command::Complete { nonce: "one".to_owned(), ending: Ending::Lost(None), executor }
}

fn failed(_: &Request) -> Command {
    let executor = countersign_rules::command::Executor::Service;
    let ending = Ending::Failed(Outcome::default());
    Command::Complete { nonce: "one".to_owned(), ending, executor }
}

async fn a_request_takes_a_place_of_its_requester_as_long_as_it_is_open(database: &Database) {
    let store = &database.store;
    let dana_approves: fn(&Request) -> Command = |request| approve(&dana(), request);
    let sam_approves: fn(&Request) -> Command = |request| approve(&sam(), request);
    let runs = [dana_approves, sam_approves, claimed];
    let run_and = |end: fn(&Request) -> Command| [&runs[..], &[end]].concat();
    until(store, 1, &[|request| reject(&dana(), request)], Status::Rejected).await;
    until(store, 2, &[dana_approves, |_| cancel(&asker())], Status::Cancelled).await;
    until(store, 3, &[|_| Command::Tick], Status::Expired).await;
    until(store, 4, &run_and(|_| succeed("one")), Status::Succeeded).await;
    until(store, 5, &run_and(failed), Status::Failed).await;
    // An admin settles it; its requester could do nothing to get the place back.
    until(store, 6, &run_and(lost), Status::Unknown).await;
}

async fn each_requester_has_places_of_their_own_and_they_are_counted_up_to_a_number(database: &Database) {
    let store = &database.store;
    for number in 0..PEOPLE {
        for nth in 0..number {
            let by = person(number, &["sales"]);
            create(store, &Wish { by, ..Wish::new(number * 100 + nth) }).await;
        }
    }
    for number in 0..PEOPLE {
        let by = person(number, &[]);
        assert_eq!(taken(store, &by).await, number);
        assert_eq!(store.count_open(by.user, 5).await.unwrap(), number.min(5));
    }
}
