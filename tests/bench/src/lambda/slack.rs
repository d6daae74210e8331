//! What Slack sends, as API Gateway hands it over: forms, signed by Slack, in base64.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_notify::slack::button::{APPROVE, Subject};
use countersign_notify::slack::incoming::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use countersign_rules::Timestamp;
use serde_json::{Value, json};

use super::scene::{fixture, set};

/// What calls are signed with.
pub const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// The app.
pub const APP: &str = "A0COUNTER";
/// The workspace.
pub const TEAM: &str = "T0DEMO";

/// A press of Approve.
///
/// # Errors
/// If the fixture is not as it should be.
pub fn press(user: &str, subject: &Subject, now: Timestamp) -> Result<Value> {
    // Much of what Slack sends is not looked at, and has to be read all the same.
    let payload = json!({
        "type": "block_actions", "api_app_id": APP, "token": "legacy",
        "team": { "id": TEAM, "domain": "demo" },
        "user": { "id": user, "username": "somebody", "name": "somebody", "team_id": TEAM },
        "container": { "type": "message", "message_ts": "1.000002", "channel_id": "C0OPS", "is_ephemeral": false },
        "channel": { "id": "C0OPS", "name": "ops" },
        "message": { "type": "message", "ts": "1.000002" },
        "trigger_id": "1.2.3",
        "response_url": "https://hooks.slack.com/actions/T0DEMO/1/2",
        "actions": [{
            "type": "button", "action_id": APPROVE, "block_id": "decide", "value": subject.to_string(),
            "action_ts": "1.000003",
        }],
    });
    call("/slack/interactions", &[("payload", &payload.to_string())], now)
}

/// What somebody types behind `/countersign`.
///
/// # Errors
/// If the fixture is not as it should be.
pub fn command(user: &str, text: &str, now: Timestamp) -> Result<Value> {
    let fields = [
        ("command", "/countersign"),
        ("text", text),
        ("api_app_id", APP),
        ("team_id", TEAM),
        ("user_id", user),
        ("channel_id", "C0OPS"),
        ("response_url", "https://hooks.slack.com/commands/T0DEMO/1/2"),
        ("trigger_id", "1.2.3"),
    ];
    call("/slack/commands", &fields, now)
}

fn call(path: &str, fields: &[(&str, &str)], now: Timestamp) -> Result<Value> {
    let form: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let second = now.unix_millis().div_euclid(1000).to_string();
    let mut event = fixture("slack-interaction")?;
    let route = format!("POST {path}");
    for pointer in ["/routeKey", "/requestContext/routeKey"] {
        set(&mut event, pointer, route.as_str().into())?;
    }
    for pointer in ["/rawPath", "/requestContext/http/path"] {
        set(&mut event, pointer, path.into())?;
    }
    set(&mut event, "/headers/content-length", form.len().to_string().into())?;
    set(&mut event, &format!("/headers/{TIMESTAMP_HEADER}"), second.as_str().into())?;
    let signature = sign(SECRET, &second, form.as_bytes());
    set(&mut event, &format!("/headers/{SIGNATURE_HEADER}"), signature.into())?;
    // API Gateway hands forms over in base64; text is only what it takes for text.
    set(&mut event, "/body", STANDARD.encode(form).into())?;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_notify::slack::incoming::{Interaction, SlashCommand, signature};

    /// The form of an event, once its signature was checked.
    fn form(event: &Value, now: Timestamp) -> Vec<u8> {
        let form = STANDARD.decode(event["body"].as_str().unwrap()).unwrap();
        let header = |name: &str| event["headers"][name].as_str();
        let signed =
            signature::verify(SECRET, header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER), &form, now);
        assert_eq!(signed, Ok(()));
        form
    }

    #[test]
    fn what_slack_sends_is_signed_and_says_who_does_what() {
        let now = Timestamp::from_unix_millis(1_795_392_000_999);
        let subject = format!("req_01K5J3V8Q4W7X9YABCDEFGHJKM sha256:{}", "0a".repeat(32));
        let subject: Subject = subject.parse().unwrap();
        let pressed = Interaction::parse(&form(&press("U0DANA", &subject, now).unwrap(), now)).unwrap();
        assert_eq!(pressed.subject(), Some(subject));
        assert_eq!(pressed.origin().unwrap().user, "U0DANA");
        let typed = SlashCommand::parse(&form(&command("U0DANA", "help", now).unwrap(), now)).unwrap();
        assert_eq!(typed.origin.team, TEAM);
    }
}
