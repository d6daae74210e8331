//! One attempt, and what follows from it.

use std::time::{Duration, Instant};

use countersign_notify::endpoint::{Disabled, Gate, PROBE_EVERY_SECONDS};
use countersign_notify::sender::About;
use countersign_notify::{Attempt, Delivery, Outcome, Work};
use countersign_rules::Timestamp;
use countersign_storage::deliveries::Write;

use crate::load::Endpoint;
use crate::{Deliver, DeliverError};

/// Retries that come sooner are slept for; the Scheduler is precise to a minute only.
const SLEPT_FOR_MILLIS: i64 = 60_000;
/// An invocation sleeps for no more retries once it has lasted that long.
const SLEEP_UNTIL: Duration = Duration::from_secs(80);
/// How long a delivery waits to whose endpoint too many are on their way in this process.
const CROWDED_SECONDS: u32 = 5;

/// How much an invocation does for one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Sleeps for retries that come soon; the invocation began at that instant.
    UntilDelivered(Instant),
    /// One attempt, if the endpoint is not just failing.
    Once,
    /// An attempt at once, whatever is known of the endpoint; while that is not given up on, sleeps for
    /// retries as well: whoever asked looks at what comes of it.
    AskedFor(Instant),
}

impl Deliver {
    /// Attempts a delivery and writes down what came of it. Gives the number of deliveries that were
    /// attempted: one, or none if the endpoint is only probed now.
    pub(crate) async fn bring(
        &self,
        endpoint: &mut Endpoint,
        mut delivery: Delivery,
        about: Option<About>,
        patience: Patience,
    ) -> Result<usize, DeliverError> {
        if !matches!(patience, Patience::AskedFor(_))
            && let Some(until) = self.closed_until(endpoint).await?
        {
            return self.park(delivery, until).await;
        }
        let place = self.crowd.enter(&endpoint.id);
        if place.is_none() && matches!(patience, Patience::UntilDelivered(_)) {
            return self.park(delivery, self.app.now().plus_seconds(CROWDED_SECONDS)).await;
        }
        loop {
            let began = self.app.now();
            let work = Work {
                delivery: delivery.clone(),
                about: about.clone(),
                webhook: endpoint.webhook.clone(),
                now: began,
            };
            let attempt = self.send(&work).await;
            let now = self.app.now();
            delivery = delivery.after(&attempt, began, now, &self.app.config.retries, jitter());
            tracing::info!(
                delivery = %delivery.id,
                endpoint = %delivery.endpoint,
                event = %delivery.event,
                state = ?delivery.state,
                attempts = delivery.attempts,
                status = attempt.status,
                duration_ms = attempt.duration_millis,
                "attempted"
            );
            self.remember(endpoint, &attempt, began, now).await?;
            let soon = delivery.next_attempt_at.map(|next| next.millis_since(now));
            let soon =
                soon.filter(|pause| endpoint.health.gate(now) == Gate::Open && sleeps(patience, *pause));
            let Some(pause) = soon else {
                self.app.store.put_delivery(&delivery, Write::Outcome).await?;
                self.set_timer(&delivery).await;
                return Ok(1);
            };
            // Others find it due only when this invocation must have died.
            let held = delivery.next_attempt_at.map(|next| next.plus_seconds(self.app.config.hold_seconds()));
            let stored = Delivery { next_attempt_at: held, ..delivery.clone() };
            self.app.store.put_delivery(&stored, Write::Outcome).await?;
            tokio::time::sleep(Duration::from_millis(u64::try_from(pause).unwrap_or(0))).await;
        }
    }

    /// Lets a delivery wait without an attempt. What waits already keeps its place: the longest overdue
    /// comes first.
    async fn park(&self, delivery: Delivery, until: Timestamp) -> Result<usize, DeliverError> {
        if delivery.next_attempt_at.is_none() {
            let parked = delivery.parked(until);
            self.app.store.put_delivery(&parked, Write::Outcome).await?;
            self.set_timer(&parked).await;
        }
        Ok(0)
    }

    async fn send(&self, work: &Work) -> Attempt {
        if work.delivery.request.is_some() && work.about.is_none() {
            return Attempt::not_sent(Outcome::Refused, "the request is not there any more");
        }
        match self.senders.through(work.delivery.channel()) {
            Some(sender) => sender.send(work).await,
            None => Attempt::not_sent(Outcome::Refused, "this deployment has nothing that sends through it"),
        }
    }

    /// Until when the endpoint is not attempted; `None` if it is, perhaps because this invocation won the
    /// probe.
    async fn closed_until(&self, endpoint: &mut Endpoint) -> Result<Option<Timestamp>, DeliverError> {
        let now = self.app.now();
        let next = now.plus_seconds(PROBE_EVERY_SECONDS);
        match endpoint.health.gate(now) {
            Gate::Open => Ok(None),
            Gate::Wait(at) => Ok(Some(at)),
            Gate::Probe => {
                endpoint.health.probe_at = Some(next);
                let won = self.app.store.claim_probe(&endpoint.id, now, next).await?;
                Ok((!won).then_some(next))
            }
        }
    }

    /// What an attempt says of the endpoint. A healthy one that stays so is not written.
    async fn remember(
        &self,
        endpoint: &mut Endpoint,
        attempt: &Attempt,
        began: Timestamp,
        now: Timestamp,
    ) -> Result<(), DeliverError> {
        match attempt.outcome {
            Outcome::Delivered | Outcome::Again { .. } => {
                if endpoint.health.failures > 0 {
                    self.app.store.endpoint_recovered(&endpoint.id, now).await?;
                    endpoint.health.failures = 0;
                    endpoint.health.failing_since = None;
                }
            }
            Outcome::Refused => {}
            Outcome::Gone => self.give_up(endpoint, now, "it answered 410 Gone").await?,
            Outcome::Failed { .. } => {
                let probe_at = now.plus_seconds(PROBE_EVERY_SECONDS);
                if !self.app.store.endpoint_failed(&endpoint.id, began, now, probe_at).await? {
                    // Somebody else has got through since this attempt began.
                    return Ok(());
                }
                endpoint.health.failures = endpoint.health.failures.saturating_add(1);
                endpoint.health.probe_at = Some(probe_at);
                let since = *endpoint.health.failing_since.get_or_insert(now);
                if self.app.config.retries.is_over(since, now) {
                    let why = format!("nothing has succeeded since {since}");
                    self.give_up(endpoint, now, &why).await?;
                }
            }
        }
        Ok(())
    }

    /// Disables an endpoint. The alarm on this line of the log tells an admin.
    async fn give_up(&self, endpoint: &mut Endpoint, now: Timestamp, why: &str) -> Result<(), DeliverError> {
        let disabled = Disabled { at: now, why: why.to_owned() };
        if self.app.store.disable_endpoint(&endpoint.id, &disabled).await? {
            tracing::error!(endpoint = %endpoint.id, why, "endpoint disabled");
        }
        endpoint.health.disabled = Some(disabled);
        endpoint.enabled = false;
        Ok(())
    }

    /// Has the next attempt made in time. A timer that cannot be set is worth no error: the sweep finds
    /// what is due.
    async fn set_timer(&self, delivery: &Delivery) {
        if let Some(next) = delivery.next_attempt_at
            && let Err(error) = self.timer.deliver_at(&delivery.endpoint, next).await
        {
            tracing::warn!(%error, endpoint = %delivery.endpoint, "timer");
        }
    }
}

fn sleeps(patience: Patience, pause_millis: i64) -> bool {
    match patience {
        Patience::UntilDelivered(began) | Patience::AskedFor(began) => {
            pause_millis < SLEPT_FOR_MILLIS && began.elapsed() < SLEEP_UNTIL
        }
        Patience::Once => false,
    }
}

/// Between -1 and 1.
fn jitter() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(random) / f64::from(u32::MAX) * 2.0 - 1.0
}
