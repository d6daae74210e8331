//! Timers by EventBridge Scheduler. A timer is a hint: it may be lost, late, early or doubled, and
//! the system is right without any of them; they make it prompt.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::ProvideErrorMetadata as _;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use countersign_notify::EndpointId;
use countersign_rules::digest::sha256_hex;
use countersign_rules::{RequestId, Timestamp};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Where timers go and what they invoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerConfig {
    /// The schedule group.
    pub group: String,
    /// The ARN of the function that a timer invokes.
    pub target_arn: String,
    /// The role that the Scheduler takes on to invoke it.
    pub role_arn: String,
    /// The queue for timers that could not be delivered, if there is one.
    pub dead_letter_arn: Option<String>,
}

/// What a timer hands to the function that it invokes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Wake {
    /// The deadline of a request may have come.
    Deadline {
        /// Which request.
        request_id: RequestId,
    },
    /// The next attempt of a delivery may be due.
    Deliveries {
        /// At which endpoint.
        endpoint: EndpointId,
    },
}

/// A timer could not be set. The sweep does its work.
#[derive(Debug, thiserror::Error)]
#[error("the scheduler refused: {0}")]
pub struct TimerError(String);

/// Sets timers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Timer {
    client: Client,
    config: TimerConfig,
}

impl Timer {
    /// Timers of that configuration.
    #[must_use]
    pub fn new(client: Client, config: TimerConfig) -> Self {
        Self { client, config }
    }

    /// Has the request looked at again at `at`, rounded up to a whole second. Setting the same
    /// timer twice is one timer.
    ///
    /// # Errors
    /// What the Scheduler said.
    pub fn wake_at<'a>(
        &'a self,
        request_id: RequestId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), TimerError>> {
        Box::pin(
            async move { self.set(&schedule_name(request_id, at), at, &Wake::Deadline { request_id }).await },
        )
    }

    /// Has the deliveries looked at that wait for an endpoint, not before `at` and soon after. Many
    /// that are due about the same time are one timer.
    ///
    /// # Errors
    /// What the Scheduler said.
    pub fn deliver_at<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), TimerError>> {
        Box::pin(async move {
            let (name, at) = delivery_schedule(endpoint, at);
            self.set(&name, at, &Wake::Deliveries { endpoint: endpoint.clone() }).await
        })
    }

    async fn set(&self, name: &str, at: Timestamp, wake: &Wake) -> Result<(), TimerError> {
        let input = serde_json::to_string(wake).map_err(|error| TimerError(error.to_string()))?;
        let retry =
            RetryPolicy::builder().maximum_retry_attempts(10).maximum_event_age_in_seconds(3600).build();
        let dead_letter =
            self.config.dead_letter_arn.as_ref().map(|arn| DeadLetterConfig::builder().arn(arn).build());
        let target = Target::builder()
            .arn(&self.config.target_arn)
            .role_arn(&self.config.role_arn)
            .input(input)
            .retry_policy(retry)
            .set_dead_letter_config(dead_letter)
            .build()
            .map_err(|error| TimerError(error.to_string()))?;
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
        let created = self
            .client
            .create_schedule()
            .name(name)
            .client_token(name)
            .group_name(&self.config.group)
            .schedule_expression(schedule_expression(at))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window.map_err(|error| TimerError(error.to_string()))?)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .send()
            .await;
        match created {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConflictException") => Ok(()),
            Err(error) => Err(TimerError(format!(
                "{}: {}",
                error.code().unwrap_or("no answer"),
                error.message().unwrap_or("no message")
            ))),
        }
    }
}

/// The name of a timer: derived from the request and the deadline, never from a clock, so that two
/// makers of one timer agree and two deadlines never collide. At most 64 of `[0-9a-zA-Z-_.]`.
#[must_use]
pub fn schedule_name(request_id: RequestId, at: Timestamp) -> String {
    format!("{}-{}", request_id.ulid(), at.unix_millis())
}

/// Deliveries that are due within that many milliseconds share a timer; it is precise to a minute anyway.
const SHARED_MILLIS: i64 = 10_000;

/// Name and instant of the timer for what is due at an endpoint at `at`: the same for whoever asks.
#[must_use]
pub fn delivery_schedule(endpoint: &EndpointId, at: Timestamp) -> (String, Timestamp) {
    let slot = at.plus_millis(SHARED_MILLIS - 1).unix_millis().div_euclid(SHARED_MILLIS);
    let hash: String = sha256_hex(endpoint.to_string().as_bytes()).chars().take(32).collect();
    (format!("d-{hash}-{slot}"), Timestamp::from_unix_millis(slot.saturating_mul(SHARED_MILLIS)))
}

/// `at(…)` of the first whole second that is not before `at`: a timer must not come early.
fn schedule_expression(at: Timestamp) -> String {
    let whole = Timestamp::from_unix_millis(at.plus_millis(999).unix_seconds().saturating_mul(1000));
    let text: String = whole.rfc3339().chars().take(19).collect();
    format!("at({text})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_scheduler_and_tell_deadlines_apart() {
        let id = RequestId::from_parts(Timestamp::from_unix_millis(1_790_000_000_000), u128::MAX);
        let one = schedule_name(id, Timestamp::from_unix_millis(1_790_000_000_007));
        let other = schedule_name(id, Timestamp::from_unix_millis(1_790_000_000_008));
        assert_ne!(one, other);
        assert!(
            one.len() <= 64 && one.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)),
            "{one}"
        );
    }

    #[test]
    fn deliveries_that_are_due_together_share_a_timer_that_is_not_early() {
        let endpoint: EndpointId = "slack:#ops".parse().unwrap();
        let timer = |millis| delivery_schedule(&endpoint, Timestamp::from_unix_millis(millis));
        let (name, at) = timer(1_790_000_000_001);
        assert_eq!(at.unix_millis(), 1_790_000_010_000);
        assert_eq!(timer(1_790_000_010_000), (name.clone(), at));
        assert_ne!(timer(1_790_000_010_001).0, name);
        assert_ne!(delivery_schedule(&EndpointId::Teams, at).0, name);
        assert!(name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
    }

    #[test]
    fn a_timer_is_never_set_before_its_instant() {
        let at = |millis| schedule_expression(Timestamp::from_unix_millis(millis));
        assert_eq!(at(1_790_000_000_000), "at(2026-09-21T14:13:20)");
        assert_eq!(at(1_790_000_000_001), "at(2026-09-21T14:13:21)");
    }

    #[test]
    fn the_payload_is_what_the_template_documents() {
        let request_id = RequestId::from_parts(Timestamp::from_unix_millis(0), 1);
        let json = serde_json::to_value(Wake::Deadline { request_id }).unwrap();
        assert_eq!(json, serde_json::json!({"deadline": {"request_id": "req_00000000000000000000000001"}}));
    }
}
