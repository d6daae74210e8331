//! What waits for its next attempt, and what an admin asked for.

use std::time::{Duration, Instant};

use countersign_notify::delivery::State;
use countersign_notify::endpoint::Gate;
use countersign_notify::{Delivery, EndpointId};
use countersign_rules::DeliveryId;
use futures::StreamExt as _;

use crate::attempt::Patience;
use crate::{Deliver, DeliverError};

/// How long an invocation takes on more: what is left then is found by the next one.
const AT_MOST: Duration = Duration::from_secs(50);
/// How many due deliveries are looked up at once.
const PAGE: usize = 64;
/// How many attempts at one endpoint run at once.
const AT_ONCE: usize = 8;

impl Deliver {
    /// Works off what is due at an endpoint, the longest overdue first, until nothing is left, the time is
    /// up, or the endpoint proves to be still failing. Gives how many were attempted.
    pub(crate) async fn due(&self, id: &EndpointId) -> Result<usize, DeliverError> {
        let began = Instant::now();
        let mut attempted = 0;
        while began.elapsed() < AT_MOST {
            let Some(mut endpoint) = self.endpoint(id).await?.filter(|endpoint| endpoint.enabled) else {
                break;
            };
            let now = self.app.now();
            let gate = endpoint.health.gate(now);
            let page = match gate {
                Gate::Wait(_) => break,
                Gate::Probe => 1,
                Gate::Open => PAGE,
            };
            let ids = self.app.store.due_deliveries(id, now, page).await?;
            let names: Vec<_> = ids.iter().map(|delivery| (id.clone(), *delivery)).collect();
            let found = self.app.store.deliveries(&names).await?;
            let due: Vec<Delivery> = found.into_iter().filter(|delivery| delivery.is_due(now)).collect();
            // What the index still names and is not due any more was attempted by somebody else.
            if due.is_empty() {
                break;
            }
            if gate == Gate::Probe {
                for delivery in due {
                    attempted += self.once(&mut endpoint, delivery).await?;
                }
                continue;
            }
            let attempts = due.into_iter().map(|delivery| async move {
                // Each with its own view of the endpoint: a failure among them does not stop the others.
                let Some(mut endpoint) = self.endpoint(id).await? else { return Ok(0) };
                self.once(&mut endpoint, delivery).await
            });
            let done: Vec<Result<usize, DeliverError>> =
                futures::stream::iter(attempts).buffer_unordered(AT_ONCE).collect().await;
            let mut progress = 0;
            for one in done {
                progress += one?;
            }
            attempted += progress;
            if progress == 0 {
                break;
            }
        }
        Ok(attempted)
    }

    async fn once(
        &self,
        endpoint: &mut crate::load::Endpoint,
        delivery: Delivery,
    ) -> Result<usize, DeliverError> {
        let about = self.about(&delivery).await?;
        self.bring(endpoint, delivery, about, Patience::Once).await
    }

    /// Attempts one delivery that an admin asked for, whatever is known of the endpoint.
    pub(crate) async fn asked_for(
        &self,
        id: &EndpointId,
        delivery: DeliveryId,
    ) -> Result<usize, DeliverError> {
        let (endpoint, delivery) =
            tokio::try_join!(self.endpoint(id), self.app.store.delivery(id, delivery))?;
        let (Some(mut endpoint), Some(delivery)) = (endpoint, delivery) else { return Ok(0) };
        if delivery.state != State::Waiting {
            return Ok(0);
        }
        let about = self.about(&delivery).await?;
        self.bring(&mut endpoint, delivery, about, Patience::AskedFor(Instant::now())).await
    }
}
