//! What the network and a busy table do to a commit: it stands once or not at all, and the caller
//! is told which.

use countersign_rules::{Event, Request};
use countersign_storage::people::{Access, Saved};
use countersign_storage::requests::{Aside, Idempotency, Submitted};
use countersign_storage::{StorageError, Store};

use crate::contract::people::{connection, user};
use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::proxy::{Fault, Proxy};
use crate::support::story::{
    Wish, append, approve, asker, create, dana, morning, next, person, reject, sam, sound,
};

on_every_database!(
    a_busy_table_is_waited_for_with_the_same_token,
    a_table_that_stays_busy_is_contended_and_nothing_is_written,
    a_call_that_was_lost_before_the_table_is_made_again,
    a_table_that_cannot_be_reached_is_unavailable_and_nothing_is_written,
    an_answer_that_was_lost_after_the_commit_is_a_success,
    a_commit_is_recognised_when_every_answer_was_lost,
    a_commit_is_recognised_when_the_table_forgot_the_token,
    a_commit_is_recognised_when_somebody_built_upon_it,
    a_loser_whose_answer_was_lost_is_still_a_loser,
    a_submission_whose_answers_were_lost_is_new_and_stands_once,
    a_submission_that_never_arrived_is_not_taken_for_stored,
    a_silent_table_is_given_up_and_asked_again,
    a_refusal_that_no_retry_helps_is_told_at_once,
    reads_are_made_again_and_end_in_a_typed_error,
    users_and_connections_whose_answers_were_lost_are_stored_once,
);

/// How often the storage tries a call.
const TRIES: usize = 6;

struct Line {
    proxy: Proxy,
    store: Store,
}

async fn line(database: &Database) -> Line {
    let proxy = Proxy::before(&database.url).await;
    let store = database.store_at(&proxy.url);
    Line { proxy, store }
}

/// A stored request, and a commit that could follow.
async fn ready(database: &Database) -> (Request, Request, Vec<Event>) {
    let before = create(&database.store, &Wish::new(1)).await;
    let (after, events) = next(&before, &approve(&dana(), &before), morning());
    (before, after, events)
}

fn busy() -> [Fault; 7] {
    [
        Fault::cancelled(&["None", "TransactionConflict", "None"]),
        Fault::cancelled(&["ThrottlingError", "None", "None"]),
        Fault::cancelled(&["None", "None", "ProvisionedThroughputExceeded"]),
        Fault::exception(400, "ThrottlingException"),
        Fault::exception(400, "ProvisionedThroughputExceededException"),
        Fault::exception(400, "RequestLimitExceeded"),
        Fault::exception(400, "TransactionInProgressException"),
    ]
}

async fn a_busy_table_is_waited_for_with_the_same_token(database: &Database) {
    let line = line(database).await;
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let mut before = create(&database.store, &Wish::new(1).groups(&names)).await;
    for (fault, (number, name)) in busy().into_iter().zip((10..).zip(names)) {
        let (after, events) = next(&before, &approve(&person(number, &[name]), &before), morning());
        line.proxy.plan([fault.clone(), fault.clone()]);
        line.store.append(&before, &after, &events, &Aside::default()).await.unwrap();
        assert_eq!((line.proxy.calls(), line.proxy.forwarded()), (3, 1), "{fault:?}");
        let tokens = line.proxy.tokens();
        assert!(tokens.len() == 3 && tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
        assert_eq!(sound(&database.store, before.id).await, after);
        before = after;
    }
}

async fn a_table_that_stays_busy_is_contended_and_nothing_is_written(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    for fault in busy() {
        line.proxy.plan(vec![fault.clone(); TRIES]);
        let refused = line.store.append(&before, &after, &events, &Aside::default()).await;
        assert!(matches!(refused, Err(StorageError::Contended)), "{fault:?}: {refused:?}");
        assert_eq!((line.proxy.calls(), line.proxy.forwarded()), (TRIES, 0), "{fault:?}");
    }
    let (other, first_events) = Wish::new(2).born();
    line.proxy.plan(vec![Fault::cancelled(&["TransactionConflict"]); TRIES]);
    let refused = line.store.create(&other, &first_events, None).await;
    assert!(matches!(refused, Err(StorageError::Contended)), "{refused:?}");
    assert_eq!(database.store.load(other.id).await.unwrap(), None);
    assert_eq!(sound(&database.store, before.id).await, before);
    // The table comes back, and so does the caller.
    line.store.append(&before, &after, &events, &Aside::default()).await.unwrap();
    assert_eq!(sound(&database.store, before.id).await, after);
}

async fn a_call_that_was_lost_before_the_table_is_made_again(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    line.proxy.plan([Fault::LostBefore, Fault::exception(500, "InternalServerError"), Fault::LostBefore]);
    line.store.append(&before, &after, &events, &Aside::default()).await.unwrap();
    assert_eq!((line.proxy.calls(), line.proxy.forwarded()), (4, 1));
    assert_eq!(sound(&database.store, before.id).await, after);
}

async fn a_table_that_cannot_be_reached_is_unavailable_and_nothing_is_written(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    // Also when the look whether it stands fails.
    for lost in [TRIES, 2 * TRIES] {
        line.proxy.plan(vec![Fault::LostBefore; lost]);
        let refused = line.store.append(&before, &after, &events, &Aside::default()).await;
        assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
        assert!(line.proxy.is_done());
        assert_eq!(sound(&database.store, before.id).await, before);
    }
}

async fn an_answer_that_was_lost_after_the_commit_is_a_success(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    line.proxy.plan([Fault::LostAfter]);
    line.store.append(&before, &after, &events, &Aside::default()).await.unwrap();
    assert!(line.proxy.forwarded() >= 2);
    assert_eq!(sound(&database.store, before.id).await, after);
}

async fn a_commit_is_recognised_when_every_answer_was_lost(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    line.proxy.plan(vec![Fault::LostAfter; TRIES]);
    line.store.append(&before, &after, &events, &Aside::default()).await.unwrap();
    assert_eq!(line.proxy.calls(), TRIES + 1, "one more call looks whether it stands");
    assert_eq!(sound(&database.store, before.id).await, after);
}

async fn a_commit_is_recognised_when_the_table_forgot_the_token(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    line.proxy.plan([Fault::LostAfter, Fault::cancelled(&["ConditionalCheckFailed", "None", "None"])]);
    line.store.append(&before, &after, &events, &Aside::default()).await.unwrap();
    assert_eq!(line.proxy.forwarded(), 2);
    assert_eq!(sound(&database.store, before.id).await, after);
}

async fn a_commit_is_recognised_when_somebody_built_upon_it(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    database.store.append(&before, &after, &events, &Aside::default()).await.unwrap();
    let last = append(&database.store, &after, &approve(&sam(), &after), morning()).await;
    // As if the first call had made the commit, and somebody else's had come before the second call.
    line.proxy.plan([Fault::LostBefore, Fault::cancelled(&["ConditionalCheckFailed", "None", "None"])]);
    line.store.append(&before, &after, &events, &Aside::default()).await.unwrap();
    assert_eq!(sound(&database.store, before.id).await, last);
}

async fn a_loser_whose_answer_was_lost_is_still_a_loser(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    let winner = append(&database.store, &before, &reject(&sam(), &before), morning()).await;
    let conflict = Fault::cancelled(&["None", "TransactionConflict"]);
    let plans = [
        vec![Fault::LostAfter],
        vec![Fault::LostAfter; TRIES - 1],
        vec![Fault::LostBefore, conflict.clone()],
        vec![conflict; TRIES - 1],
    ];
    for plan in plans {
        line.proxy.plan(plan);
        let refused = line.store.append(&before, &after, &events, &Aside::default()).await;
        assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");
        assert!(line.proxy.is_done());
        assert_eq!(sound(&database.store, before.id).await, winner);
    }
}

async fn a_submission_whose_answers_were_lost_is_new_and_stands_once(database: &Database) {
    let line = line(database).await;
    let forgot = Fault::cancelled(&["ConditionalCheckFailed", "ConditionalCheckFailed", "None", "None"]);
    let plans = [vec![Fault::LostAfter], vec![Fault::LostAfter; TRIES], vec![Fault::LostAfter, forgot]];
    for (number, plan) in (1..).zip(plans) {
        let (request, events) = Wish::new(number).born();
        let key = Idempotency::new(asker().user, "POST /v1/requests", &number.to_string(), b"{}");
        line.proxy.plan(plan);
        assert_eq!(line.store.create(&request, &events, Some(&key)).await.unwrap(), Submitted::New);
        assert!(line.proxy.is_done());
        assert_eq!(sound(&database.store, request.id).await, request);
    }
}

async fn a_submission_that_never_arrived_is_not_taken_for_stored(database: &Database) {
    let line = line(database).await;
    let (first, events) = Wish::new(1).born();
    let key = Idempotency::new(asker().user, "POST /v1/requests", "k", b"{}");
    line.proxy.plan(vec![Fault::LostBefore; TRIES]);
    let refused = line.store.create(&first, &events, Some(&key)).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert_eq!(database.store.load(first.id).await.unwrap(), None);
    // The caller comes again with their key and gets one request, however the network is by then.
    let (second, events) = Wish::new(2).born();
    line.proxy.plan([Fault::LostAfter]);
    assert_eq!(line.store.create(&second, &events, Some(&key)).await.unwrap(), Submitted::New);
    let (third, events) = Wish::new(3).born();
    line.proxy.plan([Fault::LostAfter]);
    let again = line.store.create(&third, &events, Some(&key)).await.unwrap();
    assert_eq!(again, Submitted::Before(second.id));
    assert_eq!(database.store.load(third.id).await.unwrap(), None);
}

async fn a_silent_table_is_given_up_and_asked_again(database: &Database) {
    let (silent_before, silent_after) = (line(database).await, line(database).await);
    let (before, after, events) = ready(database).await;
    let (request, first_events) = Wish::new(2).born();
    silent_before.proxy.plan([Fault::SilentBefore]);
    silent_after.proxy.plan([Fault::SilentAfter]);
    // At the same time, because each waits for the client's time-out.
    let aside = Aside::default();
    let (appended, created) = tokio::join!(
        silent_before.store.append(&before, &after, &events, &aside),
        silent_after.store.create(&request, &first_events, None),
    );
    appended.unwrap();
    assert_eq!(created.unwrap(), Submitted::New);
    assert!(silent_before.proxy.is_done() && silent_after.proxy.is_done());
    assert_eq!(sound(&database.store, before.id).await, after);
    assert_eq!(sound(&database.store, request.id).await, request);
}

async fn a_refusal_that_no_retry_helps_is_told_at_once(database: &Database) {
    let line = line(database).await;
    let (before, after, events) = ready(database).await;
    for name in ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"] {
        line.proxy.plan([Fault::exception(400, name)]);
        let refused = line.store.append(&before, &after, &events, &Aside::default()).await;
        let told = matches!(&refused, Err(StorageError::Unavailable(why)) if why.contains(name));
        assert!(told, "{name}: {refused:?}");
        assert_eq!(line.proxy.calls(), 1, "{name}");
    }
    assert_eq!(sound(&database.store, before.id).await, before);
}

async fn reads_are_made_again_and_end_in_a_typed_error(database: &Database) {
    let line = line(database).await;
    let (before, _, _) = ready(database).await;
    let throttled = Fault::exception(400, "ThrottlingException");
    line.proxy.plan([throttled.clone(), Fault::LostBefore, Fault::LostAfter]);
    assert_eq!(line.store.load(before.id).await.unwrap(), Some(before.clone()));
    assert_eq!(line.proxy.calls(), 4);
    line.proxy.plan([Fault::LostAfter, throttled.clone()]);
    assert_eq!(line.store.commits(before.id).await.unwrap().len(), 1);
    line.proxy.plan(vec![throttled; TRIES]);
    let busy = line.store.load(before.id).await;
    assert!(matches!(busy, Err(StorageError::Contended)), "{busy:?}");
    line.proxy.plan(vec![Fault::LostBefore; TRIES]);
    let away = line.store.commits(before.id).await;
    assert!(matches!(away, Err(StorageError::Unavailable(_))), "{away:?}");
}

async fn users_and_connections_whose_answers_were_lost_are_stored_once(database: &Database) {
    let line = line(database).await;
    let store = &database.store;
    for (number, lost) in [(1, 1), (2, TRIES)] {
        let one = user(number, &[]);
        line.proxy.plan(vec![Fault::LostAfter; lost]);
        assert_eq!(line.store.put_user(None, &one, Access::Changed, None).await.unwrap(), Saved::Yes);
        assert_eq!(store.user_by_email(&one.email).await.unwrap().unwrap().user, one);

        let name = format!("db-{number}");
        line.proxy.plan(vec![Fault::LostAfter; lost]);
        line.store.put_connection(None, &connection(&name)).await.unwrap();
        assert_eq!(store.connection(&name.parse().unwrap()).await.unwrap(), Some(connection(&name)));

        line.proxy.plan(vec![Fault::LostAfter; lost]);
        line.store.remove_connection(&connection(&name)).await.unwrap();
        assert_eq!(store.connection(&name.parse().unwrap()).await.unwrap(), None);
    }
    let unheard = user(3, &[]);
    line.proxy.plan(vec![Fault::LostBefore; TRIES]);
    let refused = line.store.put_user(None, &unheard, Access::Changed, None).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert_eq!(store.user(unheard.id).await.unwrap(), None);
}
