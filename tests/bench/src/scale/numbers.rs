//! The statistics that `seal` would have made of the seeded events, minute after minute, in a year: each
//! day's and each month's, and the hours of the last days, without the minutes and hours that no span
//! which ends now is put together from.

use std::collections::BTreeMap;

use anyhow::Result;
use countersign_rules::{Event, Request, Timestamp};
use countersign_statistics::{About, Scopes, tally};
use countersign_storage::Store;
use countersign_storage::statistics::Length;

/// Hours are kept of what is younger.
const HOURS_OF_MILLIS: i64 = 3 * 86_400_000;

/// Numbers by period.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    days: BTreeMap<String, Scopes>,
    hours: BTreeMap<String, Scopes>,
}

impl Numbers {
    /// Counts the events of a request.
    pub(super) fn count<'a>(
        &mut self,
        request: &Request,
        events: impl Iterator<Item = &'a Event>,
        now: Timestamp,
    ) {
        let about = About {
            id: request.id,
            connection: request.connection.to_string(),
            kind: request.kind.clone(),
            requester: request.requester.user,
            email: request.requester.email.clone(),
        };
        for event in events {
            tally(self.days.entry(Length::Day.name(event.at)).or_default(), &about, event);
            if now.millis_since(event.at) < HOURS_OF_MILLIS {
                tally(self.hours.entry(Length::Hour.name(event.at)).or_default(), &about, event);
            }
        }
    }

    /// Adds those of another part.
    pub(super) fn merge(&mut self, other: Self) {
        join(&mut self.days, other.days);
        join(&mut self.hours, other.hours);
    }

    /// Writes them as `seal` does.
    pub(super) async fn store(self, store: &Store) -> Result<()> {
        let mut months: BTreeMap<String, Scopes> = BTreeMap::new();
        for (day, scopes) in &self.days {
            let month: String = day.chars().take(7).collect();
            join(&mut months, BTreeMap::from([(month, scopes.clone())]));
        }
        for (length, periods) in
            [(Length::Hour, self.hours), (Length::Day, self.days), (Length::Month, months)]
        {
            for (name, scopes) in periods {
                for (scope, rollup) in scopes {
                    store.put_statistics(length, &scope, &name, &rollup.trimmed()).await?;
                }
            }
        }
        Ok(())
    }
}

fn join(into: &mut BTreeMap<String, Scopes>, other: BTreeMap<String, Scopes>) {
    for (name, scopes) in other {
        let whole = into.entry(name).or_default();
        for (scope, rollup) in scopes {
            whole.entry(scope).or_default().merge(&rollup);
        }
    }
}
