//! Every event is on its way to everybody who is told of it, whatever stream records, invocations and
//! timers were lost (ADR 0010).
//!
//! Two things are looked at each minute. What waits for its next attempt stands in an index by endpoint
//! and time. What was never attempted stands nowhere: the feed index names each commit, and an endpoint
//! that should have heard of one has a delivery of it. From the instant up to which all was found in
//! order, the commits since are compared with the deliveries there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use countersign_app::notify::{Audience, DeliverEvent};
use countersign_notify::EndpointId;
use countersign_rules::{Event, Timestamp};
use countersign_storage::StorageError;
use countersign_storage::feed::CommitRef;
use countersign_storage::webhooks::StoredWebhook;
use futures::StreamExt as _;

use crate::Expire;

/// How much of the feed is compared at once: it is all in memory.
const WINDOW_SECONDS: u32 = 600;
/// How far back is looked again, because index entries and commits may come late.
const OVERLAP_SECONDS: u32 = 300;
/// Not more windows in one sweep: the next one goes on.
const MOST_WINDOWS: usize = 20;
/// The stream keeps its records for a day, and a table that never had a sweep has nothing older to tell.
const FIRST_LOOK_SECONDS: u32 = 3600;
/// The position is written at least that often, so that it never falls far behind.
const POSITION_EVERY_SECONDS: u32 = 600;
/// More commits than that are not remembered.
const MOST_REMEMBERED: usize = 50_000;
/// What was asked for may wait its turn for so long before it is asked for again.
const ASK_AGAIN_SECONDS: u32 = 60;
/// What could not be brought on its way for so long holds up the position no more.
const HOPELESS_SECONDS: u32 = 3600;
/// How many invocations are asked for at once.
const AT_ONCE: usize = 16;

/// What this process knows; another one finds it out again.
#[derive(Debug, Default)]
pub(crate) struct Checked(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// Commits that everybody has who should: those of the overlap need no second look.
    complete: BTreeSet<CommitRef>,
    /// What was asked for, and when.
    asked: BTreeMap<(CommitRef, EndpointId), Timestamp>,
}

impl Checked {
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, commit: &CommitRef) -> bool {
        self.memory().complete.contains(commit)
    }

    fn keep(&self, commits: impl IntoIterator<Item = CommitRef>) {
        let complete = &mut self.memory().complete;
        if complete.len() > MOST_REMEMBERED {
            complete.clear();
        }
        complete.extend(commits);
    }

    /// Whether it is time to ask for it.
    fn asks(&self, commit: CommitRef, endpoint: &EndpointId, now: Timestamp) -> bool {
        let asked = &mut self.memory().asked;
        if asked.len() > MOST_REMEMBERED {
            asked.clear();
        }
        let before = asked.get(&(commit, endpoint.clone()));
        let asks = before.is_none_or(|before| now >= before.plus_seconds(ASK_AGAIN_SECONDS));
        if asks {
            asked.insert((commit, endpoint.clone()), now);
        }
        asks
    }
}

impl Expire {
    /// Has `deliver` look at what is due at an endpoint.
    pub(crate) async fn have_delivered(&self, endpoint: EndpointId) {
        self.ask(&DeliverEvent::Due { endpoint }).await;
    }

    async fn ask(&self, event: &DeliverEvent) {
        if let Some(notifier) = &self.app.notifier
            && let Err(error) = notifier.deliver(event).await
        {
            tracing::warn!(%error, "invoke");
        }
    }

    /// Finds what is due and what was lost.
    pub(crate) async fn sweep_notifications(&self) -> Result<(), StorageError> {
        if self.app.notifier.is_none() {
            return Ok(());
        }
        let audience = Audience::read(&self.app.store).await?;
        self.due(&audience).await?;
        self.lost(&audience).await
    }

    async fn due(&self, audience: &Audience) -> Result<(), StorageError> {
        let now = self.app.now();
        for endpoint in audience.all() {
            if audience.is_disabled(&endpoint) {
                continue;
            }
            if !self.app.store.due_deliveries(&endpoint, now, 1).await?.is_empty() {
                self.have_delivered(endpoint).await;
            }
        }
        Ok(())
    }

    async fn lost(&self, audience: &Audience) -> Result<(), StorageError> {
        let now = self.app.now();
        let until = now.plus_millis(-1000 * i64::from(self.app.config.notify_grace_sec));
        let position = self.app.store.notified_until().await?;
        let first = now.plus_millis(-1000 * i64::from(FIRST_LOOK_SECONDS));
        let mut from = position.unwrap_or(first);
        let (mut in_order, mut in_order_until) = (true, from);
        for _ in 0..MOST_WINDOWS {
            if from >= until {
                break;
            }
            let to = until.min(from.plus_seconds(WINDOW_SECONDS));
            let low = from.plus_millis(-1000 * i64::from(OVERLAP_SECONDS));
            in_order &= self.compare(audience, low, to).await?;
            let hopeless = now >= to.plus_seconds(HOPELESS_SECONDS);
            if !in_order && hopeless {
                tracing::error!(until = %to, "events of that time are on their way to nobody, in spite of the sweep");
            }
            if in_order || hopeless {
                in_order_until = to;
            }
            from = to;
        }
        let moved = in_order_until.millis_since(position.unwrap_or(first));
        let behind = position.is_none() || moved >= 1000 * i64::from(POSITION_EVERY_SECONDS);
        // A position costs a write; while nothing happens, an older one is as good.
        if moved > 0 && (behind || !audience.is_empty()) {
            self.app.store.set_notified_until(in_order_until).await?;
        }
        Ok(())
    }

    /// Compares the commits of a window with the deliveries that there are, and asks for what is missing.
    /// True if nothing was.
    async fn compare(
        &self,
        audience: &Audience,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<bool, StorageError> {
        if audience.is_empty() {
            return Ok(true);
        }
        let mut commits = self.app.store.commits_between(from, to).await?;
        commits.retain(|commit| !self.checked.holds(commit));
        if commits.is_empty() {
            return Ok(true);
        }
        let missing = self.without_delivery(audience, &commits, from, to).await?;
        let incomplete: Vec<CommitRef> = missing.keys().copied().collect();
        self.checked.keep(commits.into_iter().filter(|commit| !missing.contains_key(commit)));
        let now = self.app.now();
        let (mut nothing_missing, mut wanted_now) = (true, Vec::new());
        for (commit, events) in self.app.store.events_of_commits(&incomplete).await? {
            let Some(state) = self.app.store.load(commit.request).await? else { continue };
            let told = audience.of_request(&state);
            let mut on_its_way = true;
            let absent = missing.get(&commit).into_iter().flatten();
            for endpoint in absent.filter(|endpoint| told.contains(*endpoint)) {
                let wanted = match endpoint {
                    EndpointId::Webhook(id) => {
                        audience.webhook(*id).is_some_and(|stored| wants(stored, &events, &state.connection))
                    }
                    EndpointId::Slack(_) | EndpointId::Teams => true,
                };
                if !wanted {
                    continue;
                }
                on_its_way = false;
                let CommitRef { request, version } = commit;
                if self.checked.asks(commit, endpoint, now) {
                    tracing::warn!(%endpoint, request_id = %request, version, "an event was not on its way");
                    let endpoint = endpoint.clone();
                    wanted_now.push(DeliverEvent::Commit { endpoint, request_id: request, version });
                }
            }
            nothing_missing &= on_its_way;
            if on_its_way {
                self.checked.keep([commit]);
            }
        }
        let asked = wanted_now.into_iter().map(|event| async move { self.ask(&event).await });
        futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        Ok(nothing_missing)
    }

    /// The commits of which an endpoint has not all that it should, by what the deliveries say.
    async fn without_delivery(
        &self,
        audience: &Audience,
        commits: &[CommitRef],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<CommitRef, Vec<EndpointId>>, StorageError> {
        let mut missing: BTreeMap<CommitRef, Vec<EndpointId>> = BTreeMap::new();
        for endpoint in audience.all() {
            if audience.is_disabled(&endpoint) {
                continue;
            }
            let complete = if endpoint.shows_states() {
                self.states_told(&endpoint, commits).await?
            } else {
                self.events_told(&endpoint, from, to).await?
            };
            for commit in commits.iter().filter(|commit| !complete.contains(commit)) {
                missing.entry(*commit).or_default().push(endpoint.clone());
            }
        }
        Ok(missing)
    }

    async fn events_told(
        &self,
        endpoint: &EndpointId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeSet<CommitRef>, StorageError> {
        // The events of one commit may differ by milliseconds from the one that the feed names.
        let found = self.app.store.deliveries_between(endpoint, from.plus_millis(-1000), to).await?;
        let mut counts: BTreeMap<CommitRef, (u32, u32)> = BTreeMap::new();
        for delivery in found {
            if let Some(request) = delivery.request {
                let count = counts.entry(CommitRef { request, version: delivery.version }).or_default();
                *count = (count.0 + 1, delivery.of_commit);
            }
        }
        let complete = counts.into_iter().filter(|(_, (there, of_commit))| there >= of_commit);
        Ok(complete.map(|(commit, _)| commit).collect())
    }

    async fn states_told(
        &self,
        endpoint: &EndpointId,
        commits: &[CommitRef],
    ) -> Result<BTreeSet<CommitRef>, StorageError> {
        let names: Vec<_> = commits
            .iter()
            .map(|commit| {
                let id = countersign_notify::delivery::id_of_request(endpoint, commit.request);
                (endpoint.clone(), id)
            })
            .collect();
        let found = self.app.store.deliveries(&names).await?;
        let told = |commit: &&CommitRef| {
            let mut of_request = found.iter().filter(|delivery| delivery.request == Some(commit.request));
            of_request.any(|delivery| delivery.version >= commit.version)
        };
        Ok(commits.iter().filter(told).copied().collect())
    }
}

fn wants(stored: &StoredWebhook, events: &[Event], connection: &countersign_rules::ConnectionName) -> bool {
    let webhook = &stored.webhook;
    events
        .iter()
        .any(|event| event.at >= webhook.created_at && webhook.wants(event.fact.type_name(), connection))
}
