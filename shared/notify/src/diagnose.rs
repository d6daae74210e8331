//! What went wrong with telling somebody, in words, and what to do about it. Each code has its line in
//! `docs/troubleshooting.md`; a test compares the two.

use countersign_rules::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::delivery::{Delivery, State};
use crate::endpoint::{Channel, Health};

/// Something that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// What it is, for programs and for the page of troubleshooting.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// Every code, with what to do.
pub const CODES: [(&str, &str); 19] = [
    ("notifies-nobody", "add a way: `countersign connections update NAME --notify slack,webhooks`"),
    (
        "no-webhook",
        "make one: `countersign webhooks create URL`, or take `webhooks` out of the connection's `notify`",
    ),
    (
        "slack-not-configured",
        "configure it: `countersign slack set …`, or take `slack` out of the connection's `notify`",
    ),
    (
        "slack-no-channel",
        "name one: `countersign connections update NAME --slack-channels C0123ABCD`, or a default one with \
         `countersign slack set --default-channels C0123ABCD`",
    ),
    (
        "teams-not-configured",
        "configure it: `countersign teams set …`, or take `teams` out of the connection's `notify`",
    ),
    (
        "not-subscribed",
        "nothing, if that is wanted; else `countersign webhooks update ID --events … --connections …`",
    ),
    (
        "endpoint-disabled",
        "mend the endpoint, then `countersign webhooks update ID --enabled on`: what waits is delivered",
    ),
    (
        "endpoint-failing",
        "look at the last answer; deliveries go on by themselves once the endpoint answers 2xx",
    ),
    (
        "refused-by-filter",
        "the URL leads to this machine or a private network: give the endpoint a public https address",
    ),
    ("redirected", "redirections are not followed: configure the address that is redirected to"),
    ("not-in-channel", "invite the app into the channel: `/invite @Countersign`"),
    (
        "slack-no-such-channel",
        "the channel is gone, archived or private: correct its id, or invite the app into it",
    ),
    (
        "slack-token",
        "the bot's token is refused: put a new one where the reference of `countersign slack show` points",
    ),
    (
        "teams-flow-gone",
        "the workflow was deleted or switched off: make it again and store its new address as the secret",
    ),
    ("no-account-linked", "the person links their Slack account: `/countersign link` in Slack"),
    ("gave-up", "look at the last answer, mend the endpoint, then `countersign webhooks replay DELIVERY`"),
    ("waiting", "wait for the next attempt, or `countersign webhooks replay DELIVERY` for one at once"),
    (
        "not-on-its-way",
        "the event was lost on the way; the sweep finds it within two minutes. If not, look at the logs of `expire`",
    ),
    (
        "approved-by-itself",
        "see the cause; `countersign connections show NAME` shows the setting that allows it",
    ),
];

/// A finding of that code.
#[must_use]
pub fn finding(code: &'static str, message: impl Into<String>) -> Finding {
    let advice = CODES.iter().find(|(known, _)| *known == code).map_or("", |(_, advice)| advice);
    Finding { code, message: message.into(), advice: advice.to_owned() }
}

/// What is wrong with an endpoint.
#[must_use]
pub fn of_endpoint(enabled: bool, health: &Health) -> Option<Finding> {
    if let Some(disabled) = &health.disabled {
        let message = format!("the endpoint was disabled at {}: {}", disabled.at, disabled.why);
        return Some(finding("endpoint-disabled", message));
    }
    if !enabled {
        return Some(finding("endpoint-disabled", "an admin has disabled the endpoint"));
    }
    let since = health.failing_since?;
    let have = if health.failures == 1 { "has" } else { "have" };
    let message = format!("nothing has succeeded since {since}, {} {have} failed", attempts(health.failures));
    Some(finding("endpoint-failing", message))
}

/// What is wrong with a delivery, as of `now`.
#[must_use]
pub fn of_delivery(delivery: &Delivery, now: Timestamp) -> Option<Finding> {
    if delivery.state == State::Delivered || delivery.is_there {
        return None;
    }
    let answer = delivery.last.as_ref().map(|last| last.answer.as_str()).unwrap_or_default();
    let status = delivery.last.as_ref().and_then(|last| last.status);
    let code = match (delivery.channel(), status) {
        _ if answer.contains("egress filter") => "refused-by-filter",
        (Channel::Webhook, Some(300..=399)) => "redirected",
        (Channel::Slack, _) if answer.contains("not_in_channel") => "not-in-channel",
        (Channel::Slack, _) if answer.contains("channel_not_found") || answer.contains("is_archived") => {
            "slack-no-such-channel"
        }
        (Channel::Slack, _) if is_about_the_token(answer) => "slack-token",
        (Channel::Teams, Some(400 | 401 | 403 | 404 | 410)) => "teams-flow-gone",
        _ if delivery.state == State::Failed => "gave-up",
        _ => "waiting",
    };
    let told = match status {
        Some(status) => format!("the last answer was {status}"),
        None if answer.is_empty() => "there was no attempt yet".to_owned(),
        None => format!("the last attempt failed: {}", first_line(answer)),
    };
    let next = match delivery.next_attempt_at {
        Some(next) if next > now => format!("; the next attempt comes at {next}"),
        Some(_) => "; the next attempt is due".to_owned(),
        None => "; there will be no other attempt".to_owned(),
    };
    Some(finding(code, format!("{}, {told}{next}", attempts(delivery.attempts))))
}

fn attempts(count: u32) -> String {
    if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") }
}

fn is_about_the_token(answer: &str) -> bool {
    ["invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"]
        .iter()
        .any(|code| answer.contains(code))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::EventRef;
    use crate::{Attempt, EndpointId, Outcome, Schedule};
    use countersign_rules::RequestId;

    fn tried(endpoint: &str, status: Option<u16>, answer: &str) -> Delivery {
        let at = Timestamp::from_unix_millis(0);
        let event = EventRef {
            request: RequestId::from_parts(at, 1),
            version: 1,
            seq: 1,
            kind: "request.created".to_owned(),
            at,
        };
        let endpoint: EndpointId = endpoint.parse().unwrap();
        let attempt = Attempt {
            outcome: Outcome::Failed { retry_after: None },
            status,
            answer: answer.to_owned(),
            duration_millis: 1,
            bytes: 1,
        };
        Delivery::of_event(&endpoint, &event, 1).after(&attempt, at, at, &Schedule::default(), 0.0)
    }

    #[test]
    fn each_kind_of_failure_has_its_code() {
        let now = Timestamp::from_unix_millis(0);
        let webhook = "whe_01K5J3V8Q4W7X9YABCDEFGHJKM";
        for (endpoint, status, answer, code) in [
            (webhook, None, "refused by the egress filter: the address …", "refused-by-filter"),
            (webhook, Some(302), "", "redirected"),
            (webhook, Some(500), "oops", "waiting"),
            ("slack:C1", Some(200), "not_in_channel", "not-in-channel"),
            ("slack:C1", Some(200), "channel_not_found", "slack-no-such-channel"),
            ("slack:C1", Some(200), "invalid_auth", "slack-token"),
            ("teams", Some(404), "", "teams-flow-gone"),
        ] {
            let found = of_delivery(&tried(endpoint, status, answer), now).unwrap();
            assert_eq!(found.code, code);
            assert!(!found.advice.is_empty());
        }
    }

    #[test]
    fn each_code_has_its_line_in_the_page_of_troubleshooting() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/troubleshooting.md");
        let page = std::fs::read_to_string(page).unwrap();
        for (code, advice) in CODES {
            assert!(page.contains(&format!("`{code}`")), "{code}");
            assert!(!advice.is_empty());
        }
    }
}
