//! A stand-in for Slack that checks what Slack checks: the token, the shape and the limits of every
//! message and dialog, that a channel is there and the app in it, the rate, and a trigger's three seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use countersign_notify::slack::incoming::signature::sign;
use countersign_notify::slack::limits::{check_message, check_modal};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use crate::Answer;
use crate::serve::{PATIENCE, Serve};

/// The bot's token.
pub const TOKEN: &str = "xoxb-stand-in";
/// The secret that calls are signed with.
pub const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// The app.
pub const APP: &str = "A0COUNTER";
/// The workspace.
pub const TEAM: &str = "T0DEMO";
/// A channel that the app is in.
pub const CHANNEL: &str = "C0OPS";
/// How many messages a channel takes at once before the rate counts, and how many a second from then on.
const BURST: usize = 5;

/// What a channel was sent, as far as the rate goes.
#[derive(Debug, Default)]
struct Sent {
    at: Vec<Instant>,
    /// Whether a message was refused already.
    refused: bool,
}

/// A message as it stands in the stand-in.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where.
    pub channel: String,
    /// Its id there.
    pub ts: String,
    /// The newest body.
    pub body: Value,
    /// The message that it stands below, if it does.
    pub below: Option<String>,
    /// How often it was changed.
    pub updates: usize,
}

impl Message {
    /// Every text in it, one after the other.
    #[must_use]
    pub fn texts(&self) -> String {
        let mut out = String::new();
        collect(self.body.get("blocks").unwrap_or(&Value::Null), &mut out);
        out
    }

    /// Its buttons by `action_id`, with what they carry.
    #[must_use]
    pub fn buttons(&self) -> BTreeMap<String, String> {
        let blocks = self.body.get("blocks").and_then(Value::as_array).into_iter().flatten();
        let rows = blocks.filter(|block| block.get("type") == Some(&json!("actions")));
        let buttons =
            rows.flat_map(|row| row.get("elements").and_then(Value::as_array).into_iter().flatten());
        let text = |button: &Value, name: &str| {
            button.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        buttons.map(|button| (text(button, "action_id"), text(button, "value"))).collect()
    }
}

fn collect(value: &Value, out: &mut String) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, out)),
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get("text") {
                out.push_str(text);
                out.push('\n');
            }
            members.values().for_each(|value| collect(value, out));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[derive(Debug, Default)]
struct Inner {
    messages: Vec<Message>,
    channels: BTreeSet<String>,
    archived: BTreeSet<String>,
    invited: BTreeSet<String>,
    views: Vec<Value>,
    triggers: BTreeMap<String, Instant>,
    answers: Vec<Value>,
    refusals: Vec<String>,
    sent: BTreeMap<String, Sent>,
    number: u64,
    token: String,
}

/// The stand-in, running. Cheap to clone.
#[derive(Clone)]
pub struct Slack {
    inner: Arc<Mutex<Inner>>,
    url: String,
    http: reqwest::Client,
}

impl Slack {
    /// Starts one with [`CHANNEL`], which the app is in.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let known = || BTreeSet::from([CHANNEL.to_owned()]);
        let inner =
            Inner { channels: known(), invited: known(), token: TOKEN.to_owned(), ..Inner::default() };
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        let slack = Self { inner: Arc::new(Mutex::new(inner)), url, http };
        let router = Router::new()
            .route("/api/{method}", post(api))
            .route("/response/{id}", post(respond))
            .with_state(slack.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(slack)
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `COUNTERSIGN_SLACK_API_URL` must be.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api/", self.url)
    }

    /// The settings that make a service use this Slack.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("COUNTERSIGN_SLACK_API_URL", self.api_url().as_str()),
            ("SLACK_TOKEN", TOKEN),
            ("SLACK_SECRET", SECRET),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The body of `PUT /v1/integrations/slack` for it.
    #[must_use]
    pub fn settings() -> Value {
        json!({
            "bot_token": "env:SLACK_TOKEN", "signing_secret": "env:SLACK_SECRET",
            "app_id": APP, "team_id": TEAM, "default_channels": [CHANNEL],
        })
    }

    /// Makes a channel that the app is not in.
    pub fn add_channel(&self, id: &str) {
        self.inner().channels.insert(id.to_owned());
    }

    /// Invites the app.
    pub fn invite(&self, id: &str) {
        self.inner().invited.insert(id.to_owned());
    }

    /// Archives a channel.
    pub fn archive(&self, id: &str) {
        self.inner().archived.insert(id.to_owned());
    }

    /// Revokes the token.
    pub fn revoke(&self, token: &str) {
        token.clone_into(&mut self.inner().token);
    }

    /// Deletes a message, as somebody does by hand.
    pub fn delete(&self, message: &Message) {
        self.inner().messages.retain(|known| known.ts != message.ts);
    }

    /// Everything in a channel, the oldest first.
    #[must_use]
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.inner().messages.iter().filter(|message| message.channel == channel).cloned().collect()
    }

    /// The dialogs that were opened.
    #[must_use]
    pub fn views(&self) -> Vec<Value> {
        self.inner().views.clone()
    }

    /// What came to a `response_url`.
    #[must_use]
    pub fn answers(&self) -> Vec<Value> {
        self.inner().answers.clone()
    }

    /// Every call that was refused, and why.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        self.inner().refusals.clone()
    }

    /// Waits until a channel holds a message of which `is` is true.
    ///
    /// # Errors
    /// If none comes.
    pub async fn message(&self, channel: &str, is: impl Fn(&Message) -> bool) -> Result<Message> {
        let give_up_at = Instant::now() + PATIENCE;
        while Instant::now() < give_up_at {
            if let Some(message) = self.messages(channel).into_iter().find(|message| is(message)) {
                return Ok(message);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("no such message in {channel}: {:#?}; refused: {:?}", self.messages(channel), self.refusals())
    }

    /// A user presses a button of a message.
    ///
    /// # Errors
    /// If the service does not answer.
    pub async fn press(
        &self,
        serve: &Serve,
        user: &str,
        message: &Message,
        action_id: &str,
    ) -> Result<Answer> {
        let value = message.buttons().get(action_id).cloned().context("there is such a button")?;
        self.interact(serve, self.pressed(user, message, action_id, &value)).await
    }

    /// What Slack sends when a button is pressed.
    #[must_use]
    pub fn pressed(&self, user: &str, message: &Message, action_id: &str, value: &str) -> Value {
        let trigger = self.next("trigger");
        self.inner().triggers.insert(trigger.clone(), Instant::now());
        json!({
            "type": "block_actions", "api_app_id": APP, "token": "legacy",
            "team": { "id": TEAM, "domain": "demo" },
            "user": { "id": user, "username": "somebody", "name": "somebody", "team_id": TEAM },
            "container": { "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": false },
            "channel": { "id": message.channel, "name": "ops" },
            "message": { "type": "message", "ts": message.ts },
            "trigger_id": trigger,
            "response_url": format!("{}/response/{}", self.url, self.next("response")),
            "actions": [{ "type": "button", "action_id": action_id, "block_id": "decide", "value": value, "action_ts": message.ts }],
        })
    }

    /// A user sends the newest dialog off.
    ///
    /// # Errors
    /// If there is none, or the service does not answer.
    pub async fn submit_view(&self, serve: &Serve, user: &str, reason: &str) -> Result<Answer> {
        let view = self.views().pop().context("a dialog was opened")?;
        let payload = json!({
            "type": "view_submission", "api_app_id": APP, "team": { "id": TEAM, "domain": "demo" },
            "user": { "id": user, "username": "somebody", "name": "somebody", "team_id": TEAM },
            "trigger_id": self.next("trigger"),
            "view": {
                "id": "V1", "type": "modal", "callback_id": view.get("callback_id"),
                "private_metadata": view.get("private_metadata"),
                "state": { "values": { "reason": { "reason": { "type": "plain_text_input", "value": reason } } } },
            },
            "response_urls": [],
        });
        self.interact(serve, payload).await
    }

    /// Sends an interaction, signed now.
    ///
    /// # Errors
    /// If the service does not answer.
    pub async fn interact(&self, serve: &Serve, payload: Value) -> Result<Answer> {
        let body = form(&[("payload", &payload.to_string())])?;
        self.send(serve, "/slack/interactions", body, now(), SECRET).await
    }

    /// A user types a command.
    ///
    /// # Errors
    /// If the service does not answer.
    pub async fn command(&self, serve: &Serve, user: &str, text: &str) -> Result<String> {
        let body = form(&[
            ("command", "/countersign"),
            ("text", text),
            ("api_app_id", APP),
            ("team_id", TEAM),
            ("user_id", user),
            ("channel_id", CHANNEL),
            ("response_url", &format!("{}/response/{}", self.url, self.next("response"))),
            ("trigger_id", &self.next("trigger")),
        ])?;
        let answer = self.send(serve, "/slack/commands", body, now(), SECRET).await?;
        if answer.status != 200 {
            bail!("not taken: {answer:?}");
        }
        check_message(&answer.json)?;
        if answer.text("/response_type") != "ephemeral" {
            bail!("everybody sees it: {answer:?}");
        }
        Ok(answer.text("/blocks/0/text/text").to_owned())
    }

    /// Sends a body as Slack does, signed with that secret at that second.
    ///
    /// # Errors
    /// If the service does not answer.
    pub async fn send(
        &self,
        serve: &Serve,
        path: &str,
        body: String,
        second: i64,
        secret: &str,
    ) -> Result<Answer> {
        let second = second.to_string();
        let signature = sign(secret, &second, body.as_bytes());
        let request = self
            .http
            .post(format!("{}{path}", serve.url()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", &second)
            .header("x-slack-signature", signature)
            .body(body);
        crate::calls::answer(request).await
    }

    fn next(&self, what: &str) -> String {
        let mut inner = self.inner();
        inner.number += 1;
        format!("{what}-{}", inner.number)
    }

    fn call(&self, method: &str, headers: &HeaderMap, body: &Value) -> Result<Value, Refused> {
        let mut inner = self.inner();
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if bearer != Some(&format!("Bearer {}", inner.token)) {
            return Err(Refused::Error("invalid_auth"));
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match method {
            "auth.test" => Ok(json!({ "ok": true, "team": "Demo", "team_id": TEAM, "user_id": "U0BOT" })),
            "conversations.open" => {
                let user = text("users");
                if !user.starts_with('U') {
                    return Err(Refused::Error("user_not_found"));
                }
                let channel = format!("D{user}");
                inner.channels.insert(channel.clone());
                inner.invited.insert(channel.clone());
                Ok(json!({ "ok": true, "channel": { "id": channel } }))
            }
            "chat.postMessage" => {
                inner.may_write(&text("channel"))?;
                check_message(body).map_err(|wrong| Refused::Blocks(wrong.to_string()))?;
                inner.rate(&text("channel"))?;
                inner.number += 1;
                let ts = format!("{}.{:06}", now(), inner.number);
                let below = body.get("thread_ts").and_then(Value::as_str).map(str::to_owned);
                let channel = text("channel");
                inner.messages.push(Message {
                    channel: channel.clone(),
                    ts: ts.clone(),
                    body: body.clone(),
                    below,
                    updates: 0,
                });
                Ok(json!({ "ok": true, "channel": channel, "ts": ts }))
            }
            "chat.update" => {
                inner.may_write(&text("channel"))?;
                check_message(body).map_err(|wrong| Refused::Blocks(wrong.to_string()))?;
                let (channel, ts) = (text("channel"), text("ts"));
                let message =
                    inner.messages.iter_mut().find(|known| known.channel == channel && known.ts == ts);
                let message = message.ok_or(Refused::Error("message_not_found"))?;
                message.body = body.clone();
                message.updates += 1;
                Ok(json!({ "ok": true, "channel": channel, "ts": ts }))
            }
            "views.open" => {
                let trigger = inner
                    .triggers
                    .remove(&text("trigger_id"))
                    .ok_or(Refused::Error("exchanged_trigger_id"))?;
                if trigger.elapsed() > Duration::from_secs(3) {
                    return Err(Refused::Error("expired_trigger_id"));
                }
                let view = body.get("view").unwrap_or(&Value::Null);
                check_modal(view).map_err(|wrong| Refused::Blocks(wrong.to_string()))?;
                inner.views.push(view.clone());
                Ok(json!({ "ok": true, "view": { "id": "V1" } }))
            }
            _ => Err(Refused::Error("unknown_method")),
        }
    }
}

/// Why the stand-in does not do it.
enum Refused {
    Error(&'static str),
    Blocks(String),
    Rate,
}

impl Inner {
    fn may_write(&self, channel: &str) -> Result<(), Refused> {
        if !self.channels.contains(channel) {
            return Err(Refused::Error("channel_not_found"));
        }
        if self.archived.contains(channel) {
            return Err(Refused::Error("is_archived"));
        }
        if self.invited.contains(channel) { Ok(()) } else { Err(Refused::Error("not_in_channel")) }
    }

    /// A burst, and from the first refusal on the same number a second. So the first message above the burst is always
    /// refused, however slowly the messages come.
    fn rate(&mut self, channel: &str) -> Result<(), Refused> {
        let sent = self.sent.entry(channel.to_owned()).or_default();
        if sent.refused {
            sent.at.retain(|at| at.elapsed() < Duration::from_secs(1));
        }
        if sent.at.len() >= BURST {
            sent.refused = true;
            return Err(Refused::Rate);
        }
        sent.at.push(Instant::now());
        Ok(())
    }
}

async fn api(
    State(slack): State<Slack>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) if json => body,
        _ => return axum::Json(json!({ "ok": false, "error": "invalid_post_type" })).into_response(),
    };
    let (error, answer) = match slack.call(&method, &headers, &body) {
        Ok(answer) => return axum::Json(answer).into_response(),
        Err(Refused::Rate) => ("ratelimited".to_owned(), None),
        Err(Refused::Error(error)) => (error.to_owned(), Some(json!({ "ok": false, "error": error }))),
        Err(Refused::Blocks(why)) => {
            let answer =
                json!({ "ok": false, "error": "invalid_blocks", "response_metadata": { "messages": [why] } });
            (format!("invalid_blocks: {why}"), Some(answer))
        }
    };
    slack.inner().refusals.push(format!("{method}: {error}"));
    match answer {
        Some(answer) => axum::Json(answer).into_response(),
        None => (reqwest::StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "").into_response(),
    }
}

async fn respond(State(slack): State<Slack>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Err(wrong) = check_message(&body) {
        slack.inner().refusals.push(format!("response_url: {wrong}"));
    }
    slack.inner().answers.push(body);
    "ok".into_response()
}

/// A form, as Slack encodes it.
///
/// # Errors
/// Never in practice.
pub fn form(fields: &[(&str, &str)]) -> Result<String> {
    let url = reqwest::Url::parse_with_params("http://x/", fields)?;
    Ok(url.query().unwrap_or_default().to_owned())
}

/// The second that it is.
#[must_use]
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
