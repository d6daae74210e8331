//! The JSON that a webhook carries.

use countersign_rules::{RequestId, Timestamp};
use serde_json::{Value, json};

/// The types of events that an endpoint can ask for.
pub const TYPES: [&str; 12] = [
    "request.created",
    "request.blocked",
    "request.vote",
    "request.approved",
    "request.rejected",
    "request.reopened",
    "request.expired",
    "request.cancelled",
    "request.running",
    "request.succeeded",
    "request.failed",
    "request.unknown",
];

/// The type of a test.
pub const TEST: &str = "webhook.test";

/// An event of a request. `request` is the request as the API shows it, as it was right after the
/// event: the same bytes on every attempt.
#[must_use]
pub fn event(kind: &str, at: Timestamp, id: RequestId, request: Value, public_url: &str) -> Vec<u8> {
    let base = format!("{public_url}/v1/requests/{id}");
    let links = json!({
        "approve": format!("{base}/approve"),
        "reject": format!("{base}/reject"),
        "page": format!("{public_url}/requests/{id}"),
    });
    let data = json!({ "request": request, "links": links });
    json!({ "type": kind, "timestamp": at, "data": data }).to_string().into_bytes()
}

/// A test, which is about no request.
#[must_use]
pub fn test(at: Timestamp) -> Vec<u8> {
    let data = json!({ "message": "A test of this webhook. Nothing happened to any request." });
    json!({ "type": TEST, "timestamp": at, "data": data }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_what_the_contract_says() {
        let at = Timestamp::from_unix_millis(1_790_000_000_007);
        let id = RequestId::from_parts(at, 1);
        let bytes = event("request.created", at, id, json!({ "id": id }), "https://gate.example.com");
        let sent: Value = serde_json::from_slice(&bytes).unwrap();
        let base = format!("https://gate.example.com/v1/requests/{id}");
        let expected = json!({
            "type": "request.created",
            "timestamp": "2026-09-21T14:13:20.007Z",
            "data": {
                "request": { "id": id },
                "links": {
                    "approve": format!("{base}/approve"), "reject": format!("{base}/reject"),
                    "page": format!("https://gate.example.com/requests/{id}"),
                }
            }
        });
        assert_eq!(sent, expected);
    }
}
