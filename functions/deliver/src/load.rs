//! What an attempt needs to know.

use countersign_notify::delivery::EventRef;
use countersign_notify::sender::About;
use countersign_notify::{Delivery, EndpointId, Health, Webhook};
use countersign_rules::{Event, Fact, Request, RequestId, evolve};
use countersign_storage::StorageError;

use crate::Deliver;

/// An endpoint as it is now.
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) health: Health,
    /// Whether it is told of anything.
    pub(crate) enabled: bool,
}

impl Deliver {
    /// The endpoint, if there is one.
    pub(crate) async fn endpoint(&self, id: &EndpointId) -> Result<Option<Endpoint>, StorageError> {
        match id {
            EndpointId::Webhook(webhook) => {
                let stored = self.app.store.webhook(*webhook).await?;
                Ok(stored.map(|stored| Endpoint {
                    id: id.clone(),
                    enabled: stored.is_enabled(),
                    webhook: Some(stored.webhook),
                    health: stored.health,
                }))
            }
            EndpointId::Slack(_) | EndpointId::Teams => {
                let health = self.app.store.health(id).await?;
                let enabled = health.disabled.is_none();
                Ok(Some(Endpoint { id: id.clone(), webhook: None, health, enabled }))
            }
        }
    }

    /// What a stored delivery is about. `None` for a test, and where the request is not there any more.
    pub(crate) async fn about(&self, delivery: &Delivery) -> Result<Option<About>, StorageError> {
        let Some(request) = delivery.request else { return Ok(None) };
        let commits = self.app.store.commits(request).await?;
        let all = if delivery.endpoint.shows_states() {
            folded(request, &commits, u64::MAX)
        } else {
            folded(request, &commits, delivery.version)
        };
        Ok(all.into_iter().find(|about| about.event.seq == delivery.seq || delivery.endpoint.shows_states()))
    }
}

/// The events of the commit that made `version` (the newest there is, if that is less), each with the
/// request as it was right after the commit.
pub(crate) fn folded(id: RequestId, commits: &[Vec<Event>], version: u64) -> Vec<About> {
    let wanted = usize::try_from(version).unwrap_or(usize::MAX).min(commits.len());
    let Some(Fact::Created(created)) = commits.iter().flatten().next().map(|event| &event.fact) else {
        return Vec::new();
    };
    let mut state: Option<Request> = None;
    for event in commits.iter().take(wanted).flatten() {
        state = evolve(state, id, event);
    }
    let Some(mut request) = state else { return Vec::new() };
    request.version = u64::try_from(wanted).unwrap_or(u64::MAX);
    let last = wanted.checked_sub(1).and_then(|at| commits.get(at));
    let about = |event: &Event| About {
        request: request.clone(),
        created: created.as_ref().clone(),
        event: event.clone(),
    };
    last.into_iter().flatten().map(about).collect()
}

/// The name of an event.
pub(crate) fn event_ref(about: &About) -> EventRef {
    EventRef {
        request: about.request.id,
        version: about.request.version,
        seq: about.event.seq,
        kind: about.event.fact.type_name().to_owned(),
        at: about.event.at,
    }
}
