//! The events of one commit to one endpoint, as soon as they are there.

use std::time::Instant;

use countersign_notify::sender::About;
use countersign_notify::{Delivery, EndpointId, State};
use countersign_rules::RequestId;

use crate::attempt::Patience;
use crate::load::{Endpoint, event_ref, folded};
use crate::{Deliver, DeliverError};

impl Deliver {
    /// Makes the deliveries of a commit that the endpoint wants and that are not there yet. Gives how
    /// many were attempted.
    pub(crate) async fn commit(
        &self,
        id: &EndpointId,
        request: RequestId,
        version: u64,
    ) -> Result<usize, DeliverError> {
        let began = Instant::now();
        let (endpoint, commits) = tokio::try_join!(self.endpoint(id), self.app.store.commits(request))?;
        let Some(mut endpoint) = endpoint.filter(|endpoint| endpoint.enabled) else { return Ok(0) };
        let fresh = if id.shows_states() {
            newest(id, folded(request, &commits, u64::MAX))
        } else {
            wanted(&endpoint, folded(request, &commits, version))
        };
        let names: Vec<_> = fresh.iter().map(|(delivery, _)| (id.clone(), delivery.id)).collect();
        let known = self.app.store.deliveries(&names).await?;
        let mut attempted = 0;
        for (delivery, about) in fresh {
            let stored = known.iter().find(|known| known.id == delivery.id);
            // What stands there has had its first attempt; a state that was told is not told again.
            if stored.is_some_and(|stored| stored.version >= delivery.version) {
                continue;
            }
            let delivery = continued(delivery, stored);
            let patience = Patience::UntilDelivered(began);
            attempted += self.bring(&mut endpoint, delivery, Some(about), patience).await?;
        }
        Ok(attempted)
    }
}

/// A state that is newer than the one that was told: one delivery, which goes on.
fn continued(delivery: Delivery, stored: Option<&Delivery>) -> Delivery {
    let attempts = stored.map_or(0, |stored| stored.attempts);
    let first = stored.filter(|stored| stored.state == State::Waiting);
    Delivery { attempts, first_attempt_at: first.and_then(|stored| stored.first_attempt_at), ..delivery }
}

/// What a webhook wants to hear of a commit.
fn wanted(endpoint: &Endpoint, events: Vec<About>) -> Vec<(Delivery, About)> {
    let Some(webhook) = &endpoint.webhook else { return Vec::new() };
    let wants = |about: &About| {
        webhook.wants(about.event.fact.type_name(), &about.request.connection)
            && about.event.at >= webhook.created_at
    };
    let events: Vec<About> = events.into_iter().filter(wants).collect();
    let of_commit = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let delivery = |about: About| (Delivery::of_event(&endpoint.id, &event_ref(&about), of_commit), about);
    events.into_iter().map(delivery).collect()
}

/// The newest state.
fn newest(id: &EndpointId, mut events: Vec<About>) -> Vec<(Delivery, About)> {
    let last = events.pop();
    last.into_iter().map(|about| (Delivery::of_request(id, &event_ref(&about)), about)).collect()
}
