//! Whatever happens to `seal`, the log holds each event once and verifies, on every database.

#[cfg(feature = "moto-tests")]
mod copies;
mod kms;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{self, Wish, append, approve, asker, create, dana, morning, reject, sam};
use countersign_app::{App, Config};
use countersign_audit::path::{inclusion, verify_inclusion};
use countersign_audit::record::{audit_line, checkpoint_line, event_line, first_line, last_line, leaf_hash};
use countersign_audit::tiles::{self, WIDTH};
use countersign_audit::{Checkpoint, Hash, Report, SigningKey, Verifier};
use countersign_rules::{Actor, Request, Timestamp, Via};
use countersign_seal::Seal;
use countersign_statistics::Rollup;
use countersign_storage::feed::{Entry, Recorded};
use countersign_storage::log::Leaf;
use countersign_storage::people::Access;
use countersign_storage::statistics::Length;
use countersign_storage::{Store, User};
use serde_json::Value;

on_every_database!(
    what_happened_is_sealed_once_however_often_it_runs,
    what_comes_late_is_in_the_next_checkpoint,
    several_at_once_leave_one_log,
    whoever_goes_on_after_a_death_finds_the_rest,
    changes_of_connections_people_and_tokens_are_events_with_their_difference,
    the_numbers_are_those_of_the_events_and_can_be_made_anew,
);

fn app(store: &Store) -> App {
    let config = Config::read(&|name| (name == "COUNTERSIGN_TABLE").then(|| "t".to_owned())).unwrap();
    App::on(config, store.clone())
}

fn seal(store: &Store) -> Seal {
    Seal::new(app(store), SigningKey::parse(&"01".repeat(32)).unwrap())
}

fn minutes(minutes: u32) -> Timestamp {
    morning().plus_seconds(minutes * 60)
}

fn user(person: &countersign_rules::Person) -> User {
    User {
        id: person.user,
        email: person.email.clone(),
        name: "A person".to_owned(),
        groups: person.groups.clone(),
        roles: BTreeSet::new(),
        disabled: false,
        slack_user_id: None,
        owner: None,
        created_at: person.user.made_at(),
        version: 1,
        tokens: Vec::new(),
    }
}

/// Somebody must be there before anything can have happened.
async fn begin(store: &Store) {
    store.put_user(None, &user(&asker()), Access::Changed, None).await.unwrap();
}

/// A request that is approved by both groups: four events and one more in three commits.
async fn approved(store: &Store, number: u32, at: Timestamp) -> Request {
    let wish = Wish { at, ..Wish::new(number) };
    let mut request = create(store, &wish).await;
    for (step, person) in [(10, dana()), (20, sam())] {
        request = append(store, &request, &approve(&person, &request), at.plus_seconds(step)).await;
    }
    request
}

/// The log as an export has it.
async fn exported(store: &Store) -> (String, Vec<Recorded>) {
    let head = store.log_head().await.unwrap().expect("a log");
    let size = head.tree.size();
    let keys: Vec<_> = store.log_keys().await.unwrap().iter().map(|key| key.public_key).collect();
    let numbers: Vec<u64> = (1..=head.number).collect();
    let checkpoints = store.log_checkpoints(&numbers).await.unwrap();
    let tiles = store.leaf_tiles((0..size.div_ceil(WIDTH)).collect()).await.unwrap();
    let mut text = first_line(&head.origin, &keys);
    let mut all = Vec::new();
    let leaves: Vec<_> = tiles.into_values().flat_map(|tile| tile.leaves).collect();
    let entry = |leaf: &Leaf| Entry { at: morning(), pk: leaf.pk.clone(), sk: leaf.sk.clone() };
    let entries: BTreeSet<Entry> = leaves.iter().map(entry).collect();
    let entries: Vec<Entry> = entries.into_iter().collect();
    let recorded = store.recorded_at(&entries).await.unwrap();
    let recorded: BTreeMap<Entry, Recorded> = entries.into_iter().zip(recorded).collect();
    for (place, leaf) in (0..).zip(leaves) {
        let recorded = recorded[&entry(&leaf)].clone();
        text += &match &recorded {
            Recorded::Commit(id, events) => {
                let event = serde_json::to_value(&events[usize::try_from(leaf.nth).unwrap()]).unwrap();
                event_line(place, &id.to_string(), &event)
            }
            Recorded::Change(event) => audit_line(place, &serde_json::to_value(event).unwrap()),
        };
        all.push(recorded);
        let ends = checkpoints.iter().filter(|checkpoint| checkpoint.tree_size == place + 1);
        text.extend(ends.map(checkpoint_line));
    }
    let latest = checkpoints.last().map_or(Hash::ZERO, Checkpoint::hash);
    (text + &last_line(size, head.number, &latest), all)
}

async fn verified(store: &Store) -> (Report, Vec<Recorded>) {
    let (text, recorded) = exported(store).await;
    let mut verifier = Verifier::new(None, None);
    text.split_inclusive('\n').for_each(|line| verifier.line(line.as_bytes()));
    let report = verifier.finish();
    assert_eq!((&report.findings, &report.notes), (&Vec::new(), &Vec::new()));
    (report, recorded)
}

/// How many events of requests are in the log, each once.
fn sealed_events(text: &str) -> usize {
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(event) = line.get("event") {
            let key = (line["request_id"].to_string(), event["seq"].as_u64());
            assert!(seen.insert(key.clone()), "{key:?} is there twice");
        }
    }
    seen.len()
}

async fn what_happened_is_sealed_once_however_often_it_runs(database: &Database) {
    let store = &database.store;
    begin(store).await;
    assert_eq!(seal(store).seal_until(minutes(0)).await.unwrap().events, 0);
    let request = approved(store, 1, morning()).await;
    let first = seal(store).seal_until(minutes(1)).await.unwrap();
    assert_eq!((first.events, first.checkpoints), (4, 1));
    assert_eq!(seal(store).seal_until(minutes(1)).await.unwrap().events, 0);
    assert_eq!(seal(store).seal_until(minutes(2)).await.unwrap().events, 0, "and nothing else happened");
    for number in 2..71 {
        approved(store, number, minutes(2).plus_millis(i64::from(number))).await;
    }
    seal(store).seal_until(minutes(4)).await.unwrap();
    let (report, _) = verified(store).await;
    assert_eq!(sealed_events(&exported(store).await.0), 70 * 4);
    assert_eq!((report.events, report.checkpoints), (70 * 4, 2));

    // Any leaf is proven by a few tiles.
    let head = store.log_head().await.unwrap().unwrap();
    let last = store.events(request.id).await.unwrap().pop().unwrap();
    let hash = Hash::parse(&last.hash).unwrap();
    let place = store.log_place(last.at, request.id, hash).await.unwrap().expect("it is sealed");
    let ranges = inclusion(place, head.tree.size()).unwrap();
    let needed = tiles::needed(&ranges);
    assert!(needed.len() <= 3, "{needed:?}");
    let proof = tiles::hashes(&ranges, &store.log_tiles(&needed).await.unwrap()).unwrap();
    assert!(verify_inclusion(leaf_hash(&hash), place, head.tree.size(), &proof, &head.tree.root()));
    assert_eq!(store.log_place(last.at, request.id, Hash::ZERO).await.unwrap(), None);
}

async fn what_comes_late_is_in_the_next_checkpoint(database: &Database) {
    let store = &database.store;
    begin(store).await;
    approved(store, 1, minutes(1)).await;
    seal(store).seal_until(minutes(5)).await.unwrap();
    // Into a minute that has been sealed, into one that had nothing, and hours later.
    approved(store, 2, minutes(1).plus_millis(5)).await;
    approved(store, 3, minutes(3)).await;
    let late = seal(store).seal_until(minutes(6)).await.unwrap();
    assert_eq!((late.events, late.checkpoints), (8, 1));
    approved(store, 4, minutes(2)).await;
    assert_eq!(seal(store).seal_until(minutes(8 * 60)).await.unwrap().events, 4);
    let (report, _) = verified(store).await;
    assert_eq!((report.events, report.checkpoints), (16, 3));
    assert_eq!(month(store).await.counts.approved, 4);
}

async fn several_at_once_leave_one_log(database: &Database) {
    let store = &database.store;
    begin(store).await;
    for number in 1..40 {
        approved(store, number, minutes(number / 4)).await;
    }
    for until in [3, 8, 12] {
        let racers: Vec<Seal> = (0..4).map(|_| seal(store)).collect();
        let runs = racers.iter().map(|racer| racer.seal_until(minutes(until)));
        for run in futures::future::join_all(runs).await {
            run.unwrap();
        }
    }
    let (report, _) = verified(store).await;
    assert_eq!(report.events, 39 * 4);
    assert_eq!(sealed_events(&exported(store).await.0), 39 * 4);
    assert_eq!(month(store).await.counts.approved, 39);
}

async fn whoever_goes_on_after_a_death_finds_the_rest(database: &Database) {
    let store = &database.store;
    begin(store).await;
    for number in 1..30 {
        approved(store, number, minutes(number)).await;
    }
    for step in 0..14_u64 {
        let victim = seal(store);
        let until = minutes(3 * (u32::try_from(step).unwrap() + 1));
        let running = tokio::spawn(async move { victim.seal_until(until).await });
        tokio::time::sleep(Duration::from_millis(step * 4)).await;
        running.abort();
        let _ = running.await;
    }
    seal(store).seal_until(minutes(60)).await.unwrap();
    let (report, _) = verified(store).await;
    assert_eq!(report.events, 29 * 4);
    assert_eq!(sealed_events(&exported(store).await.0), 29 * 4);
    assert_eq!(month(store).await.counts.approved, 29);
}

async fn changes_of_connections_people_and_tokens_are_events_with_their_difference(database: &Database) {
    let store = &database.store;
    let start = Timestamp::from_unix_millis(app(store).now().unix_millis());
    let root = Actor::User { id: asker().user, email: "root@example.com".to_owned() };
    let by_root = store.acting(root.clone(), Via::Cli);
    let mut dana = user(&dana());
    by_root.put_user(None, &dana, Access::Changed, None).await.unwrap();
    let stored = store.user(dana.id).await.unwrap().unwrap();
    dana.groups = [story::group("security-team")].into();
    dana.version = 2;
    by_root.put_user(Some(&stored), &dana, Access::Changed, None).await.unwrap();
    let stored = store.user(dana.id).await.unwrap().unwrap();
    dana.tokens.push(countersign_storage::StoredToken {
        id: "tok_01JD0000000000000000000000".parse().unwrap(),
        name: "ci".to_owned(),
        secret_sha256: "5ec4e7".repeat(10),
        created_at: start,
        expires_at: None,
        created_by: dana.id,
        runner_connections: None,
        scopes: None,
    });
    store.put_user(Some(&stored), &dana, Access::Unchanged, None).await.unwrap();
    let mut changes = Vec::new();
    // The feed is an index: what was written just now may come a moment later.
    for _ in 0..100 {
        let entries = store.feed(start, start.plus_seconds(600)).await.unwrap();
        changes = store.recorded_at(&entries).await.unwrap();
        if changes.len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let changes: BTreeMap<String, _> = changes
        .into_iter()
        .map(|change| match change {
            Recorded::Change(event) => (event.kind.clone(), event),
            Recorded::Commit(id, _) => panic!("nobody asked for {id}"),
        })
        .collect();
    let kinds: Vec<&str> = changes.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["token.created", "user.changed", "user.created"]);
    for event in changes.values() {
        assert_eq!(event.hash, event.computed_hash().unwrap());
        assert_eq!(event.subject, dana.id.to_string());
        assert!(!serde_json::to_string(event).unwrap().contains("5ec4e7"), "no secret, nor its hash");
    }
    let changed = &changes["user.changed"];
    assert_eq!((&changed.actor, changed.via), (&root, Via::Cli));
    assert_eq!(
        changed.data,
        serde_json::json!({
            "before": { "groups": ["dba-team"], "version": 1 }, "after": { "groups": ["security-team"], "version": 2 }
        })
    );
    assert_eq!(changes["token.created"].data["tokens_made"][0]["name"], "ci");
    assert_eq!(changes["token.created"].actor, Actor::system("service"), "nobody said who");
}

async fn month(store: &Store) -> Rollup {
    let months = store.statistics::<Rollup>(Length::Month, "", "2026-11", "2026-11").await.unwrap();
    months.into_values().next().expect("there are numbers")
}

async fn the_numbers_are_those_of_the_events_and_can_be_made_anew(database: &Database) {
    let store = &database.store;
    begin(store).await;
    for number in 1..6 {
        approved(store, number, minutes(number * 7)).await;
    }
    let no = create(store, &Wish { at: minutes(90), connection: "other".to_owned(), ..Wish::new(9) }).await;
    append(store, &no, &reject(&sam(), &no), minutes(91)).await;
    seal(store).seal_until(minutes(200)).await.unwrap();
    let numbers = month(store).await;
    let counts = numbers.counts;
    assert_eq!((counts.submitted, counts.approved, counts.rejected), (6, 5, 1));
    assert_eq!(
        (numbers.connections["prod-db"].counts.approved, numbers.connections["other"].counts.rejected),
        (5, 1)
    );
    let times = numbers.decisions.summary();
    assert_eq!(
        (times.count, times.mean_seconds),
        (6, Some((5.0 * 20.0 + 60.0) / 6.0).map(|mean: f64| (mean * 1000.0).round() / 1000.0))
    );
    assert!((times.p50_seconds.unwrap() - 20.0).abs() < 0.3, "{times:?}");
    // Each part by itself: five were approved after 20 seconds, and one was rejected after a minute.
    let near = |is: Option<f64>, seconds: f64| (is.unwrap() - seconds).abs() <= seconds * 0.05 + 0.001;
    let prod = &numbers.connections["prod-db"];
    assert_eq!(
        (prod.counts.approval_rate(), numbers.connections["other"].counts.approval_rate()),
        (Some(1.0), Some(0.0))
    );
    let times = prod.decisions.summary();
    assert_eq!((times.count, times.mean_seconds), (5, Some(20.0)));
    assert!(
        [times.p50_seconds, times.p90_seconds, times.p99_seconds].into_iter().all(|time| near(time, 20.0))
    );
    let asked = &numbers.requesters[&asker().user];
    assert_eq!(asked.counts.approval_rate(), Some(0.8333));
    assert!(near(asked.decisions.summary().p99_seconds, 60.0), "{asked:?}");
    let by_hour: Vec<(u8, u64)> =
        numbers.hours.iter().map(|(hour, part)| (*hour, part.decisions.summary().count)).collect();
    assert_eq!(by_hour.iter().map(|(_, count)| count).sum::<u64>(), 6, "{by_hour:?}");
    assert!(by_hour.len() > 1, "by when it was decided: {by_hour:?}");
    assert_eq!(numbers.days["2026-11-23"].decisions.summary().count, 6);
    assert_eq!(numbers.groups["security-team"].approval_rate(), Some(0.8333));
    let dana = &numbers.reviewers[&dana().user];
    assert_eq!((dana.email.as_str(), dana.approvals, dana.rejections), ("person1@example.com", 5, 0));
    assert_eq!(numbers.groups["security-team"].rejections, 1);
    assert_eq!(numbers.requesters[&asker().user].counts.submitted, 6);
    assert_eq!(numbers.shapes["postgres\ndelete from customers where id = ?"], 6);
    let other = store.statistics::<Rollup>(Length::Day, "other", "2026-11-23", "2026-11-23").await.unwrap();
    assert_eq!(other["2026-11-23"].counts.submitted, 1);

    // What was kept before times were kept by part is read, and says what it knows.
    let mut older = serde_json::to_value(&numbers).unwrap();
    for name in ["connections", "requesters", "hours", "days"] {
        for part in
            older[name].as_object_mut().unwrap().values_mut().map(|part| part.as_object_mut().unwrap())
        {
            part.remove("decisions");
            part.remove("undecided");
        }
    }
    older["groups"]["security-team"]["times"] = older["decisions"].clone();
    store.put_statistics(Length::Month, "", "2026-11", &older).await.unwrap();
    let read = month(store).await;
    assert_eq!(read.connections["prod-db"].counts, numbers.connections["prod-db"].counts);
    assert_eq!(read.connections["prod-db"].decisions.summary().count, 0);
    let times = read.groups["security-team"].times.summary();
    assert_eq!((times.count, times.mean_seconds), (6, numbers.decisions.summary().mean_seconds));

    // Whatever stands there, it can be made anew.
    let before = serde_json::to_value(&numbers).unwrap();
    for (length, name) in
        [(Length::Month, "2026-11"), (Length::Day, "2026-11-23"), (Length::Hour, "2026-11-23T04")]
    {
        store.put_statistics(length, "", name, &Rollup::default()).await.unwrap();
    }
    assert_eq!(month(store).await.counts.submitted, 0);
    assert!(Seal::rebuild_statistics(&app(store)).await.unwrap() >= 7);
    assert_eq!(serde_json::to_value(month(store).await).unwrap(), before);
}
