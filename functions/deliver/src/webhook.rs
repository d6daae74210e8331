//! The POST to a custom webhook.
//!
//! 2xx alone is success, 3xx is not followed, the whole exchange is bounded in time, and of the answer no
//! more than 20 KB is read. Where the URL leads is checked when its name is resolved.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use countersign_app::Config;
use countersign_app::view::RequestView;
use countersign_egress::{Policy, blocked_in, client_builder};
use countersign_notify::{Attempt, Outcome, Sender, Webhook, Work, payload, sign};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode, Url};

/// No more of an answer is read.
const ANSWER_BYTES: usize = 20 * 1024;
const USER_AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// Posts to custom webhooks.
pub struct WebhookSender {
    policy: Policy,
    public_url: String,
    timeout: Duration,
    client: OnceLock<Client>,
    roots: Vec<reqwest::Certificate>,
}

impl WebhookSender {
    /// As the deployment is configured.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            policy: Policy { allow: Vec::new(), loopback: config.loopback_webhooks },
            public_url: config.public_url.clone(),
            timeout: Duration::from_secs(config.delivery_timeout_sec.into()),
            client: OnceLock::new(),
            roots: Vec::new(),
        }
    }

    /// The same, trusting one more authority; for tests.
    #[must_use]
    pub fn trusting(mut self, root: reqwest::Certificate) -> Self {
        self.roots.push(root);
        self
    }

    /// Made when it is first needed: most invocations of a cold start need it, no other function does.
    fn client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let builder = client_builder(&self.policy).user_agent(USER_AGENT);
        let builder =
            self.roots.iter().fold(builder, |builder, root| builder.add_root_certificate(root.clone()));
        let client = builder.build()?;
        Ok(self.client.get_or_init(|| client))
    }

    fn body(&self, work: &Work) -> Result<Vec<u8>, serde_json::Error> {
        let Some(about) = &work.about else { return Ok(payload::test(work.delivery.at)) };
        let at = about.event.at;
        let view = RequestView::told(&about.request, &about.created, at, &self.public_url);
        let view = serde_json::to_value(view)?;
        Ok(payload::event(about.event.fact.type_name(), at, about.request.id, view, &self.public_url))
    }

    async fn post(&self, webhook: &Webhook, work: &Work, body: Vec<u8>) -> (Outcome, Option<u16>, String) {
        let failed = |why: String| (Outcome::Failed { retry_after: None }, None, why);
        let url: Url = match webhook.url.parse() {
            Ok(url) => url,
            Err(_) => return failed("the URL cannot be read".to_owned()),
        };
        if let Err(blocked) = self.policy.check_url(&url) {
            return failed(format!("refused by the egress filter: {blocked}"));
        }
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return failed(format!("no HTTP client can be made here: {}", error.without_url())),
        };
        let mut post = client.post(url);
        for (name, value) in &webhook.headers {
            post = post.header(name, value);
        }
        let signed = sign::headers(&webhook.secrets(work.now), work.delivery.id, work.now, &body);
        // `header` adds: what is ours was refused among the custom ones when the webhook was saved.
        post = post.header("content-type", "application/json");
        for (name, value) in signed {
            post = post.header(name, value);
        }
        match post.body(body).send().await {
            Ok(answer) => judge(answer).await,
            Err(error) => failed(described(error)),
        }
    }
}

#[async_trait]
impl Sender for WebhookSender {
    async fn send(&self, work: &Work) -> Attempt {
        let Some(webhook) = &work.webhook else {
            return Attempt::not_sent(Outcome::Refused, "the webhook is not there any more");
        };
        let body = match self.body(work) {
            Ok(body) => body,
            Err(_) => return Attempt::not_sent(Outcome::Refused, "the event cannot be written as JSON"),
        };
        let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let began = Instant::now();
        let exchange = tokio::time::timeout(self.timeout, self.post(webhook, work, body)).await;
        let (outcome, status, answer) = exchange.unwrap_or_else(|_| {
            let why = format!("no whole answer within {} s", self.timeout.as_secs());
            (Outcome::Failed { retry_after: None }, None, why)
        });
        let duration_millis = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        Attempt { outcome, status, answer, duration_millis, bytes }
    }
}

async fn judge(mut answer: Response) -> (Outcome, Option<u16>, String) {
    let status = answer.status();
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| seconds(value.to_str().ok()?));
    let mut body = Vec::new();
    // What is behind the first 20 KB is not read, however much there is.
    while body.len() < ANSWER_BYTES {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                let why = format!("the answer broke off: {}", described(error));
                return (Outcome::Failed { retry_after }, Some(status.as_u16()), why);
            }
        }
    }
    body.truncate(ANSWER_BYTES);
    let outcome = match status {
        status if status.is_success() => Outcome::Delivered,
        StatusCode::GONE => Outcome::Gone,
        _ => Outcome::Failed { retry_after },
    };
    let mut text = String::from_utf8_lossy(&body).into_owned();
    if status.is_redirection() {
        text = format!("a redirection is not followed; {text}");
    }
    (outcome, Some(status.as_u16()), text)
}

/// `Retry-After`: seconds, or a date.
fn seconds(value: &str) -> Option<u32> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(seconds);
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let left = at.duration_since(SystemTime::now()).unwrap_or_default();
    Some(u32::try_from(left.as_secs()).unwrap_or(u32::MAX))
}

/// What went wrong, without the URL, which may hold a secret.
fn described(error: reqwest::Error) -> String {
    if let Some(blocked) = blocked_in(&error) {
        return format!("refused by the egress filter: {blocked}");
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("soon"), None);
        let later = SystemTime::now() + Duration::from_secs(100);
        let left = seconds(&httpdate::fmt_http_date(later)).unwrap();
        assert!((90..=100).contains(&left), "{left}");
        assert_eq!(seconds("Wed, 21 Oct 2015 07:28:00 GMT"), Some(0));
    }
}
