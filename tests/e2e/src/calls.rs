//! What the demo's people do over HTTP.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::Answer;
use crate::serve::{PATIENCE, Serve};

impl Serve {
    /// Calls the API as one of the demo's people.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn call(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> Result<Answer> {
        self.call_with(who, method, path, body, &[]).await
    }

    /// The same with headers.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn call_with(
        &self,
        who: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let request = self.request(method, path, headers)?.bearer_auth(self.token(who));
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// A POST of these very bytes, called JSON.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post_bytes(&self, who: &str, path: &str, bytes: impl Into<Vec<u8>>) -> Result<Answer> {
        self.send(who, "POST", path, &[("content-type", "application/json")], bytes).await
    }

    /// The same with PUT.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn put_bytes(&self, who: &str, path: &str, bytes: impl Into<Vec<u8>>) -> Result<Answer> {
        self.send(who, "PUT", path, &[("content-type", "application/json")], bytes).await
    }

    /// Sends these very bytes with these headers.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Answer> {
        let request = self.request(method, path, headers)?.bearer_auth(self.token(who));
        answer(request.body(bytes.into())).await
    }

    /// A GET that goes on while something else is done with the service.
    ///
    /// # Errors
    /// If it cannot be made; its result, if there is no answer.
    pub fn later(&self, who: &str, path: &str) -> Result<impl Future<Output = Result<Answer>> + use<>> {
        Ok(answer(self.request("GET", path, &[])?.bearer_auth(self.token(who))))
    }

    /// A GET with exactly these headers, and no token but one among them.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn get_plain(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        answer(self.request("GET", path, headers)?).await
    }

    /// A call with exactly these headers and bytes, and no token but one among them.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send_plain(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Answer> {
        answer(self.request(method, path, headers)?.body(bytes.into())).await
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<reqwest::RequestBuilder> {
        let mut request = self.client.request(method.parse()?, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request)
    }

    /// GET.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn get(&self, who: &str, path: &str) -> Result<Answer> {
        self.call(who, "GET", path, None).await
    }

    /// POST.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post(&self, who: &str, path: &str, body: Value) -> Result<Answer> {
        self.call(who, "POST", path, Some(body)).await
    }

    /// Makes a connection as root, and expects that it is taken.
    ///
    /// # Errors
    /// If it is not.
    pub async fn connect(&self, name: &str, connection: Value) -> Result<Answer> {
        let answer = self.call("root", "PUT", &format!("/v1/connections/{name}"), Some(connection)).await?;
        if answer.status == 201 { Ok(answer) } else { bail!("not made: {answer:?}") }
    }

    /// Submits a command and expects that it is taken.
    ///
    /// # Errors
    /// If it is not.
    pub async fn submit(&self, who: &str, connection: &str, command: &str, more: Value) -> Result<Answer> {
        let mut body = json!({ "connection": connection, "command": command });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let answer = self.post(who, "/v1/requests", body).await?;
        if answer.status == 201 { Ok(answer) } else { bail!("not taken: {answer:?}") }
    }

    /// Approves what `request` shows.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn approve(&self, who: &str, request: &Answer) -> Result<Answer> {
        let path = format!("/v1/requests/{}/approve", request.text("/id"));
        self.post(who, &path, json!({ "digest": request.text("/digest") })).await
    }

    /// Rejects what `request` shows.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn reject(&self, who: &str, request: &Answer, reason: &str) -> Result<Answer> {
        let path = format!("/v1/requests/{}/reject", request.text("/id"));
        self.post(who, &path, json!({ "digest": request.text("/digest"), "reason": reason })).await
    }

    /// Does something without a body to what `request` shows: `run`, `cancel`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn act(&self, who: &str, verb: &str, request: &Answer) -> Result<Answer> {
        let path = format!("/v1/requests/{}/{verb}", request.text("/id"));
        self.call(who, "POST", &path, None).await
    }

    /// Has what `request` shows executed and waits for its end, however long the service lets a call
    /// wait.
    ///
    /// # Errors
    /// If there is no answer, or no end.
    pub async fn run_to_its_end(&self, who: &str, request: &Answer) -> Result<Answer> {
        let run = self.act(who, "run", request).await?;
        if run.status != 202 {
            return Ok(run);
        }
        self.wait_for(who, request, &["SUCCEEDED", "FAILED", "UNKNOWN"]).await
    }

    /// The request as it is now.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn show(&self, who: &str, request: &Answer) -> Result<Answer> {
        self.get(who, &format!("/v1/requests/{}", request.text("/id"))).await
    }

    /// What belongs to the request: `events`, `output?format=csv`.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn about(&self, who: &str, request: &Answer, what: &str) -> Result<Answer> {
        self.get(who, &format!("/v1/requests/{}/{what}", request.text("/id"))).await
    }

    /// Waits until the request has one of these statuses.
    ///
    /// # Errors
    /// If it does not get there.
    pub async fn wait_for(&self, who: &str, request: &Answer, statuses: &[&str]) -> Result<Answer> {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let now = self.show(who, request).await?;
            if statuses.contains(&now.state()) {
                return Ok(now);
            }
            if Instant::now() > give_up_at {
                bail!("it stays {}: {now:?}; {}", now.state(), self.log());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the request's audit trail ends with an event of that type.
    ///
    /// # Errors
    /// If nobody writes it.
    pub async fn wait_until_written(&self, request: &Answer, event: &str) -> Result<()> {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let events = self.about("audra", request, "events").await?;
            if events.items().last().and_then(|last| last.get("type")).is_some_and(|last| last == event) {
                return Ok(());
            }
            if Instant::now() > give_up_at {
                bail!("nobody writes {event}: {events:?}; {}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until somebody has submitted that command, and shows the request.
    ///
    /// # Errors
    /// If nobody does.
    pub async fn find(&self, command: &str) -> Result<Answer> {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let list = self.get("audra", "/v1/requests?limit=200").await?;
            let found = list.items().iter().find(|item| item.get("command").is_some_and(|it| it == command));
            if let Some(item) = found {
                let shown = Answer { json: item.clone(), ..list.clone() };
                return self.show("audra", &shown).await;
            }
            if Instant::now() > give_up_at {
                bail!("nobody has submitted `{command}`; {}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await?;
    let json = serde_json::from_slice(&body)
        .unwrap_or_else(|_| String::from_utf8(body.to_vec()).map_or(Value::Null, Value::String));
    Ok(Answer { status, headers, json })
}
