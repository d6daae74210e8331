//! What a whole life costs at the table, against the budgets.

use std::collections::BTreeMap;

use countersign_rules::{Command, Request, Status};
use countersign_storage::codec;
use countersign_storage::meter::{Cost, total};
use countersign_storage::people::Access;
use countersign_storage::requests::{Aside, Idempotency};
use countersign_storage::{Connection, Key, Store, User};

use crate::contract::people::{connection, user};
use crate::support::database::{Database, Kind};
use crate::support::on_every_database;
use crate::support::story::{Wish, approve, asker, claim, dana, morning, next, sam, sound, succeed};

on_every_database!(a_two_group_life_keeps_to_its_budget);

const MOST_WRITE_UNITS: f64 = 45.0;
const MOST_READ_UNITS: f64 = 18.0;

/// The calls of the functions, in their order, without what a waiting client adds.
async fn a_two_group_life_keeps_to_its_budget(database: &Database) {
    let (reviewers, prod) = set_up(&database.store).await;
    let store = database.store.metered();
    let mut life: Vec<(&str, BTreeMap<&'static str, Cost>)> = Vec::new();

    // Who asks and on what, and how many requests of theirs are open; then the birth.
    let keys = [Key::User(asker().user), Key::Connection(prod.name.clone())];
    store.read("intake", &keys).await.unwrap();
    store.count_open(asker().user, 100).await.unwrap();
    let (mut request, events) = Wish::new(1).born();
    let key = Idempotency::new(asker().user, "POST /v1/requests", "k", b"{}");
    store.create(&request, &events, Some(&key)).await.unwrap();
    life.push(("submission", store.meter().take()));

    for (step, reviewer) in ["first approval", "second approval"].into_iter().zip([dana(), sam()]) {
        let keys = [Key::User(reviewer.user), Key::State(request.id), Key::Created(request.id)];
        store.read("decide", &keys).await.unwrap();
        request = store_next(&store, &request, &approve(&reviewer, &request), &Aside::default()).await;
        life.push((step, store.meter().take()));
    }
    assert_eq!(request.status(), Status::Approved);

    let keys = [Key::User(asker().user), Key::State(request.id), Key::Created(request.id)];
    store.read("run", &keys).await.unwrap();
    life.push(("run", store.meter().take()));

    store.read_created(request.id).await.unwrap();
    let keys = [Key::State(request.id), Key::Access];
    let access_version = Some(store.read("claim", &keys).await.unwrap().access_version().unwrap());
    let mut keys: Vec<Key> = reviewers.iter().map(|user| Key::User(user.id)).collect();
    keys.extend([Key::User(asker().user), Key::Connection(prod.name.clone())]);
    store.read("claim", &keys).await.unwrap();
    let command = claim("one", &request, &[&asker(), &dana(), &sam()], morning().plus_seconds(90));
    let aside = Aside { access_version, ..Aside::default() };
    request = store_next(&store, &request, &command, &aside).await;
    life.push(("claim", store.meter().take()));

    // 1 KB of output that stands with the outcome. The executor knows the state: its claim made it.
    let aside = Aside { output: Some(one_kilobyte()), ..Aside::default() };
    request = store_next(&store, &request, &succeed("one"), &aside).await;
    life.push(("outcome", store.meter().take()));
    assert_eq!(sound(&database.store, request.id).await.status(), Status::Succeeded);

    let sum = print(database.kind, &life);
    // AWS's own emulator counts index writes wrongly, so it is no judge.
    if database.kind == Kind::Embedded {
        assert!(sum.write_units > 0.0 && sum.read_units > 0.0, "the database says what it consumed");
        assert!(sum.write_units <= MOST_WRITE_UNITS, "{} write units", sum.write_units);
        assert!(sum.read_units <= MOST_READ_UNITS, "{} read units", sum.read_units);
    }
}

/// A table of 1 KB as a query gives it, compressed as it is stored.
fn one_kilobyte() -> Vec<u8> {
    let rows: String = (0..).map(|row| format!("{row},customer-{row}@example.com\n")).take(38).collect();
    assert!((900..1100).contains(&rows.len()), "{}", rows.len());
    codec::compress(rows.as_bytes()).unwrap()
}

async fn set_up(store: &Store) -> (Vec<User>, Connection) {
    let reviewers = vec![user(1, &["dba-team"]), user(2, &["security-team"])];
    for one in reviewers.iter().chain([&user(0, &["engineering"])]) {
        store.put_user(None, one, Access::Changed, None).await.unwrap();
    }
    let prod = connection("prod-db");
    store.put_connection(None, &prod).await.unwrap();
    (reviewers, prod)
}

async fn store_next(store: &Store, before: &Request, command: &Command, aside: &Aside) -> Request {
    let (after, events) = next(before, command, morning());
    store.append(before, &after, &events, aside).await.unwrap();
    after
}

fn print(kind: Kind, life: &[(&str, BTreeMap<&'static str, Cost>)]) -> Cost {
    let mut sum = Cost::default();
    let line = |step: &str, operation: &str, cost: &Cost| {
        println!(
            "{step:<16} {operation:<10} {:>3} calls {:>6.1} read units {:>6.1} write units",
            cost.calls, cost.read_units, cost.write_units
        );
    };
    println!("a two-group life at the table, {kind:?}:");
    for (step, costs) in life {
        for (operation, cost) in costs {
            line(step, operation, cost);
        }
        let step = total(costs);
        sum.calls += step.calls;
        sum.read_units += step.read_units;
        sum.write_units += step.write_units;
    }
    line("in all", "", &sum);
    sum
}
