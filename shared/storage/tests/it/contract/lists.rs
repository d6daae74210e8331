//! Lists, page by page.

use countersign_rules::{Request, RequestId, Status, Timestamp};
use countersign_storage::Store;
use countersign_storage::lists::{Page, Source, Window};

use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{
    Wish, append, approve, asker, cancel, create, dana, group, morning, person, reject, sam,
};

on_every_database!(
    every_source_gives_what_belongs_to_it_newest_first_and_nothing_twice,
    a_window_takes_its_beginning_and_not_its_end,
    empty_time_costs_a_cursor_and_hides_nothing_behind_it,
    a_list_of_nothing_is_empty,
);

const DAY_SECONDS: i64 = 86_400;

fn before_morning(seconds: i64) -> Timestamp {
    morning().plus_millis(seconds.saturating_mul(-1000))
}

/// Requests over 25 days and two months, two in the same millisecond each, in all the states that
/// need no executor; written in another order than that of their ids.
async fn many(store: &Store) -> Vec<Request> {
    const COUNT: u32 = 36;
    let mut requests = Vec::new();
    for number in (0..COUNT).map(|number| number * 7 % COUNT) {
        let by = if number.is_multiple_of(2) { asker() } else { person(5, &["sales"]) };
        let connection = if number.is_multiple_of(4) { "other-db" } else { "prod-db" }.to_owned();
        let at = before_morning(i64::from(number / 2) * 34 * 3600);
        let born = create(store, &Wish { by: by.clone(), connection, at, ..Wish::new(number) }).await;
        let now = at.plus_seconds(5);
        requests.push(match number % 6 {
            0 | 3 => append(store, &born, &reject(&sam(), &born), now).await,
            1 => append(store, &born, &cancel(&by), now).await,
            2 => append(store, &born, &approve(&dana(), &born), now).await,
            4 => {
                let half = append(store, &born, &approve(&dana(), &born), now).await;
                append(store, &half, &approve(&sam(), &half), now).await
            }
            _ => born,
        });
    }
    requests.sort_unstable_by_key(|request| std::cmp::Reverse(request.id));
    requests
}

/// All the pages of a list, one after the other.
async fn walk(store: &Store, source: &Source, mut window: Window, limit: usize) -> Vec<RequestId> {
    let mut ids = Vec::new();
    for _ in 0..500 {
        let page = store.list(source, window, limit).await.unwrap();
        assert!(page.ids.len() <= limit, "{source:?}: {} ids, wanted at most {limit}", page.ids.len());
        ids.extend(page.ids);
        let Some(before) = page.more_before else { return ids };
        assert!(window.before.is_none_or(|was| before < was), "{source:?}: the cursor moves on");
        window.before = Some(before);
    }
    panic!("{source:?}: the list does not end");
}

fn belongs(request: &Request, source: &Source) -> bool {
    match source {
        Source::Requester(user) => request.requester.user == *user,
        Source::Connection(name) => request.connection == *name,
        Source::Inbox(group) => request.groups_waiting().contains(group),
        Source::Open => !request.status().is_terminal(),
        Source::Ended(status) => request.status() == *status,
        Source::All => true,
    }
}

fn sources() -> Vec<Source> {
    vec![
        Source::Requester(asker().user),
        Source::Requester(person(5, &[]).user),
        Source::Connection("prod-db".parse().unwrap()),
        Source::Connection("other-db".parse().unwrap()),
        Source::Inbox(group("dba-team")),
        Source::Inbox(group("security-team")),
        Source::Open,
        Source::Ended(Status::Rejected),
        Source::Ended(Status::Cancelled),
        Source::All,
    ]
}

async fn every_source_gives_what_belongs_to_it_newest_first_and_nothing_twice(database: &Database) {
    let store = &database.store;
    let requests = many(store).await;
    let everything =
        Window { from: before_morning(30 * DAY_SECONDS), to: morning().plus_seconds(86_400), before: None };
    let (from, to) = (before_morning(20 * DAY_SECONDS), before_morning(3 * DAY_SECONDS));
    let middle = Window { from, to, before: None };
    for source in sources() {
        for window in [everything, middle] {
            let inside = |request: &&Request| {
                let made = request.id.made_at();
                made >= window.from && made < window.to && belongs(request, &source)
            };
            let expected: Vec<RequestId> = requests.iter().filter(inside).map(|request| request.id).collect();
            assert!(!expected.is_empty(), "{source:?} has something to show");
            for limit in [1, 4, 100] {
                assert_eq!(walk(store, &source, window, limit).await, expected, "{source:?} by {limit}");
            }
        }
    }
}

async fn a_window_takes_its_beginning_and_not_its_end(database: &Database) {
    let store = &database.store;
    // A midnight, which is also the beginning of a month.
    let midnight = Timestamp::parse_rfc3339("2026-11-01T00:00:00Z").unwrap();
    let mut ids = Vec::new();
    for (number, millis) in (1..).zip([-1, 0, 1]) {
        let born = create(store, &Wish { at: midnight.plus_millis(millis), ..Wish::new(number) }).await;
        ids.push(append(store, &born, &reject(&dana(), &born), born.created_at).await.id);
    }
    let sources = [
        Source::Requester(asker().user),
        Source::Connection("prod-db".parse().unwrap()),
        Source::Ended(Status::Rejected),
        Source::All,
    ];
    for source in sources {
        let of = |from: i64, to: i64| Window {
            from: midnight.plus_millis(from),
            to: midnight.plus_millis(to),
            before: None,
        };
        assert_eq!(walk(store, &source, of(0, 1), 10).await, [ids[1]], "{source:?}");
        assert_eq!(walk(store, &source, of(-1, 1), 1).await, [ids[1], ids[0]], "{source:?}");
        assert_eq!(walk(store, &source, of(-1, 2), 2).await, [ids[2], ids[1], ids[0]], "{source:?}");
        // Windows without inside, and a cursor older than the window.
        assert_eq!(walk(store, &source, of(2, 2), 10).await, [], "{source:?}");
        assert_eq!(walk(store, &source, of(2, 0), 10).await, [], "{source:?}");
        let behind = Window { before: Some(ids[0]), ..of(0, 2) };
        assert_eq!(walk(store, &source, behind, 10).await, [], "{source:?}");
    }
}

async fn empty_time_costs_a_cursor_and_hides_nothing_behind_it(database: &Database) {
    let store = &database.store;
    let cases = [
        (Source::All, before_morning(100 * DAY_SECONDS), 1),
        (Source::Ended(Status::Rejected), before_morning(4000 * DAY_SECONDS), 2),
    ];
    for (source, at, number) in cases {
        let born = create(store, &Wish { at, ..Wish::new(number) }).await;
        append(store, &born, &reject(&dana(), &born), at).await;
        // Up to this morning, or from just before the other case's request.
        let to = if number == 1 { morning() } else { before_morning(101 * DAY_SECONDS) };
        let window = Window { from: at, to, before: None };
        let first = store.list(&source, window, 10).await.unwrap();
        assert_eq!(first.ids, [], "{source:?}");
        assert!(first.more_before.is_some(), "{source:?}");
        assert_eq!(walk(store, &source, window, 10).await, [born.id], "{source:?}");
    }
}

async fn a_list_of_nothing_is_empty(database: &Database) {
    let window = Window { from: before_morning(DAY_SECONDS), to: morning(), before: None };
    for source in sources() {
        assert_eq!(database.store.list(&source, window, 10).await.unwrap(), Page::default(), "{source:?}");
    }
}
