//! The statistics of periods: a minute's from its events, longer ones from shorter ones. All are
//! overwritten, so that doing it again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use countersign_rules::{RequestId, Timestamp};
use countersign_statistics::{About, Rollup, Scopes, tally};
use countersign_storage::feed::Recorded;
use countersign_storage::log::minute_of;
use countersign_storage::statistics::Length;
use countersign_storage::{Key, StorageError, Store};

use crate::SealError;

const DAY: i64 = 86_400_000;

/// Makes the numbers of these minutes anew, and of the hours, days and months that they are in.
pub(crate) async fn renew(store: &Store, minutes: &BTreeSet<Timestamp>) -> Result<(), StorageError> {
    let mut hours = BTreeSet::new();
    for minute in minutes {
        let scopes = of_minute(store, *minute).await?;
        store.put_statistics(Length::Minute, "", &Length::Minute.name(*minute), &scopes).await?;
        hours.insert(Length::Hour.name(*minute));
    }
    let mut days: BTreeSet<(String, String)> = BTreeSet::new();
    for hour in hours {
        let (first, last) = (format!("{hour}:00"), format!("{hour}:59"));
        let minutes: BTreeMap<String, Scopes> = store.statistics(Length::Minute, "", &first, &last).await?;
        let mut whole = Scopes::new();
        for (scope, rollup) in minutes.into_values().flatten() {
            whole.entry(scope).or_default().merge(&rollup);
        }
        for (scope, rollup) in whole {
            store.put_statistics(Length::Hour, &scope, &hour, &rollup.trimmed()).await?;
            days.insert((scope, Length::Day.name(at_hour(&hour))));
        }
    }
    let mut months: BTreeSet<(String, String)> = BTreeSet::new();
    for (scope, day) in days {
        let (first, last) = (format!("{day}T00"), format!("{day}T23"));
        join(store, &scope, (Length::Hour, &first, &last), (Length::Day, &day)).await?;
        months.insert((scope, day.chars().take(7).collect()));
    }
    for (scope, month) in months {
        let (first, last) = (format!("{month}-01"), format!("{month}-31"));
        join(store, &scope, (Length::Day, &first, &last), (Length::Month, &month)).await?;
    }
    Ok(())
}

fn at_hour(hour: &str) -> Timestamp {
    Timestamp::parse_rfc3339(&format!("{hour}:00:00Z")).unwrap_or(Timestamp::from_unix_millis(0))
}

/// The numbers of a longer period from those of the shorter ones in it.
async fn join(
    store: &Store,
    scope: &str,
    (shorter, first, last): (Length, &str, &str),
    (longer, name): (Length, &str),
) -> Result<(), StorageError> {
    let parts: BTreeMap<String, Rollup> = store.statistics(shorter, scope, first, last).await?;
    let mut whole = Rollup::default();
    parts.values().for_each(|part| whole.merge(part));
    store.put_statistics(longer, scope, name, &whole.trimmed()).await
}

async fn of_minute(store: &Store, minute: Timestamp) -> Result<Scopes, StorageError> {
    let entries = store.feed(minute, minute.plus_millis(60_000)).await?;
    let mut scopes = Scopes::new();
    for some in entries.chunks(100) {
        let recorded = store.recorded_at(some).await?;
        let ids: BTreeSet<RequestId> = recorded.iter().filter_map(request_of).collect();
        let keys: Vec<Key> = ids.iter().copied().map(Key::State).collect();
        let found = store.read("numbers", &keys).await?;
        for one in &recorded {
            let Recorded::Commit(id, events) = one else { continue };
            let Some(request) = found.request(*id)? else {
                return Err(StorageError::Corrupt(format!("`{id}` has events and no state")));
            };
            let about = About {
                id: *id,
                connection: request.connection.to_string(),
                kind: request.kind,
                requester: request.requester.user,
                email: request.requester.email,
            };
            events.iter().for_each(|event| tally(&mut scopes, &about, event));
        }
    }
    Ok(scopes.into_iter().map(|(scope, rollup)| (scope, rollup.trimmed())).collect())
}

fn request_of(recorded: &Recorded) -> Option<RequestId> {
    match recorded {
        Recorded::Commit(id, _) => Some(*id),
        Recorded::Change(_) => None,
    }
}

/// Makes everything anew, day by day.
pub(crate) async fn rebuild(store: &Store, now: Timestamp) -> Result<usize, SealError> {
    let mut at = store.beginning().await?;
    let mut count = 0;
    while let Some(next) = store.feed_next(at, now).await? {
        let day = Timestamp::from_unix_millis(next.unix_millis().div_euclid(DAY) * DAY);
        at = day.plus_millis(DAY);
        let entries = store.feed(day, at.min(now)).await?;
        let minutes: BTreeSet<Timestamp> = entries.iter().map(|entry| minute_of(entry.at)).collect();
        renew(store, &minutes).await?;
        count += minutes.len();
    }
    Ok(count)
}
