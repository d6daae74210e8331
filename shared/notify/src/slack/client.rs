//! The calls to Slack that the product makes.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::posted::Place;
use crate::slack::failure::SlackFailure;
use crate::slack::message::Message;

/// Where Slack is.
pub const API_URL: &str = "https://slack.com/api/";
/// The variable that says where Slack is instead, for tests.
pub const API_URL_VARIABLE: &str = "COUNTERSIGN_SLACK_API_URL";
/// The host of every `response_url`.
const RESPONSE_HOST: &str = "https://hooks.slack.com/";
/// At most that many bytes of an answer are read.
const MOST_ANSWER: usize = 64 * 1024;
/// The longest pause that Slack is believed.
const MOST_PAUSE: Duration = Duration::from_secs(3600);

/// What an HTTP client of ours is like: bounded in time, and it follows nothing.
pub fn http_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
}

/// A client with a bot token. Cheap to clone.
#[derive(Clone)]
pub struct SlackClient {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl fmt::Debug for SlackClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackClient").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Who the token is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The workspace's id.
    pub team_id: String,
    /// The workspace's name.
    pub team: String,
    /// The bot's user id.
    pub user_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    ok: bool,
    error: String,
    needed: Option<String>,
    ts: String,
    team: String,
    team_id: String,
    user_id: String,
    channel: Value,
}

impl SlackClient {
    /// A client over `http`, which must have a time-out; `base` is [`API_URL`] but in tests.
    #[must_use]
    pub fn new(http: reqwest::Client, base: &str, token: impl Into<String>) -> Self {
        let base = if base.ends_with('/') { base.to_owned() } else { format!("{base}/") };
        Self { http, base, token: token.into() }
    }

    /// Posts a message into a channel, by its id or name. Answers where it is.
    ///
    /// # Errors
    /// [`SlackFailure`].
    pub async fn post(&self, channel: &str, message: &Message) -> Result<Place, SlackFailure> {
        let body = body(channel, message);
        place(self.call("chat.postMessage", &body).await?)
    }

    /// Posts below a message.
    ///
    /// # Errors
    /// [`SlackFailure`].
    pub async fn reply(&self, below: &Place, message: &Message) -> Result<Place, SlackFailure> {
        let mut body = body(&below.channel, message);
        if let Some(body) = body.as_object_mut() {
            body.insert("thread_ts".to_owned(), below.ts.clone().into());
            body.insert("reply_broadcast".to_owned(), true.into());
        }
        place(self.call("chat.postMessage", &body).await?)
    }

    /// Puts a message into the place of one that was posted before.
    ///
    /// # Errors
    /// [`SlackFailure`].
    pub async fn update(&self, place: &Place, message: &Message) -> Result<(), SlackFailure> {
        let mut body = body(&place.channel, message);
        if let Some(body) = body.as_object_mut() {
            body.insert("ts".to_owned(), place.ts.clone().into());
        }
        self.call("chat.update", &body).await.map(|_| ())
    }

    /// Opens a dialog for whoever caused the trigger.
    ///
    /// # Errors
    /// [`SlackFailure`].
    pub async fn open_view(&self, trigger_id: &str, view: &Value) -> Result<(), SlackFailure> {
        self.call("views.open", &json!({ "trigger_id": trigger_id, "view": view })).await.map(|_| ())
    }

    /// The channel of direct messages to a user.
    ///
    /// # Errors
    /// [`SlackFailure`].
    pub async fn open_conversation(&self, user: &str) -> Result<String, SlackFailure> {
        let answer = self.call("conversations.open", &json!({ "users": user })).await?;
        let id = answer.channel.get("id").and_then(Value::as_str);
        id.map(str::to_owned).ok_or_else(|| nonsense("conversations.open", "no channel"))
    }

    /// Who the token is of.
    ///
    /// # Errors
    /// [`SlackFailure`].
    pub async fn auth_test(&self) -> Result<Identity, SlackFailure> {
        let Answer { team_id, team, user_id, .. } = self.call("auth.test", &json!({})).await?;
        Ok(Identity { team_id, team, user_id })
    }

    /// Answers whoever pressed a button or typed a command. The URL came in a signed call; it is
    /// looked at all the same, because it is one that we are told to connect to.
    ///
    /// # Errors
    /// [`SlackFailure`].
    pub async fn respond(&self, response_url: &str, answer: &Value) -> Result<(), SlackFailure> {
        if !self.is_slacks(response_url) {
            return Err(SlackFailure::Refused("the response_url is not one of Slack".to_owned()));
        }
        let sent = self.http.post(response_url).json(answer).send().await;
        let sent = sent.map_err(|error| SlackFailure::Unreachable(kind_of(&error).to_owned()))?;
        if sent.status().is_success() { Ok(()) } else { Err(of_status(&sent)) }
    }

    fn is_slacks(&self, url: &str) -> bool {
        let test = self.base.strip_suffix("/api/").filter(|_| self.base != API_URL);
        url.starts_with(RESPONSE_HOST) || test.is_some_and(|test| url.starts_with(&format!("{test}/")))
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Answer, SlackFailure> {
        let request = self.http.post(format!("{}{method}", self.base)).bearer_auth(&self.token);
        let request =
            request.header("content-type", "application/json; charset=utf-8").body(body.to_string());
        let response = request.send().await;
        let response = response.map_err(|error| SlackFailure::Unreachable(kind_of(&error).to_owned()))?;
        if !response.status().is_success() {
            return Err(of_status(&response));
        }
        let bytes = read(response).await?;
        let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| nonsense(method, "no JSON"))?;
        if answer.ok {
            Ok(answer)
        } else {
            Err(SlackFailure::of_code(&answer.error, answer.needed.as_deref()))
        }
    }
}

fn body(channel: &str, message: &Message) -> Value {
    json!({
        "channel": channel,
        "text": message.text,
        "blocks": message.blocks,
        "unfurl_links": false,
        "unfurl_media": false,
        "link_names": false,
        "parse": "none",
    })
}

fn place(answer: Answer) -> Result<Place, SlackFailure> {
    match answer.channel.as_str() {
        Some(channel) if !answer.ts.is_empty() => Ok(Place { channel: channel.to_owned(), ts: answer.ts }),
        _ => Err(nonsense("chat.postMessage", "no channel and ts")),
    }
}

fn of_status(response: &reqwest::Response) -> SlackFailure {
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        let said = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds = said.and_then(|said| said.parse().ok()).unwrap_or(30);
        return SlackFailure::RateLimited(Duration::from_secs(seconds).min(MOST_PAUSE));
    }
    if response.status().is_server_error() {
        return SlackFailure::Trouble(response.status().as_str().to_owned());
    }
    SlackFailure::Refused(format!("status {}", response.status().as_str()))
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, SlackFailure> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= MOST_ANSWER => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(SlackFailure::Trouble("an answer without end".to_owned())),
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(SlackFailure::Unreachable(kind_of(&error).to_owned())),
        }
    }
}

fn nonsense(method: &str, what: &str) -> SlackFailure {
    SlackFailure::Trouble(format!("{method} answered {what}"))
}

/// The kind of an error, without the URL, which may hold a secret.
pub(crate) fn kind_of(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    }
}
