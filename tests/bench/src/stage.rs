//! The whole product in this process, on files in a folder that vanishes, with the demo's people.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use countersign_service::service::Opened;
use countersign_service::{Service, ServiceConfig, demo};
use serde_json::Value;

/// A data directory with the demo in it, and nothing running yet.
pub struct Stage {
    /// The table with the use cases on it, and the embedded database.
    pub opened: Opened,
    /// Who calls.
    pub api: Api,
}

impl Stage {
    /// Makes it in `dir`, or opens the one that is there.
    ///
    /// # Errors
    /// If the machine does not let it.
    pub async fn open(dir: &Path) -> Result<Self> {
        Self::open_in(dir, BTreeMap::new()).await
    }

    /// The same in an environment.
    ///
    /// # Errors
    /// If the machine does not let it.
    pub async fn open_in(dir: &Path, mut environment: BTreeMap<String, String>) -> Result<Self> {
        // One person asks for everything here.
        environment.insert("COUNTERSIGN_OPEN_REQUESTS_PER_PERSON".to_owned(), u32::MAX.to_string());
        let mut config = ServiceConfig::new(dir.to_path_buf(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let every = environment.get("COUNTERSIGN_SEAL_SECONDS").and_then(|seconds| seconds.parse().ok());
        config.seal_every = every.map_or(config.seal_every, Duration::from_secs);
        // Nothing of the environment of whoever measures.
        config.lookup = Arc::new(move |name| environment.get(name).cloned());
        let mut opened = Service::open(config).await?;
        demo::prepare(&mut opened).await?;
        let api = Api::new(opened.url(), &dir.join(demo::DEMO_FILE))?;
        Ok(Self { opened, api })
    }
}

/// A caller of the HTTP API. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    url: String,
    demo: Arc<Value>,
}

impl Api {
    /// Of the demo whose people that file names.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn new(url: String, demo: &Path) -> Result<Self> {
        let demo = std::fs::read(demo).with_context(|| format!("`{}` cannot be read", demo.display()))?;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { client, url, demo: Arc::new(serde_json::from_slice(&demo)?) })
    }

    /// What the demo knows of one of its people: `id` or `token`.
    ///
    /// # Errors
    /// If there is nobody of that name.
    pub fn person(&self, name: &str, member: &str) -> Result<&str> {
        let found = self.demo.pointer(&format!("/users/{name}/{member}")).and_then(Value::as_str);
        found.with_context(|| format!("the demo has no `{member}` of `{name}`"))
    }

    /// Calls as one of the demo's people. The answer must have one of the statuses 200 and 201.
    ///
    /// # Errors
    /// If it has another, or does not come.
    pub async fn call(&self, who: &str, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.url);
        let mut request = self.client.request(method.parse()?, url).bearer_auth(self.person(who, "token")?);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let answer: Value = response.json().await?;
        if !matches!(status, 200 | 201) {
            bail!("{method} {path} as {who}: expected 200 or 201, got {status}: {answer}");
        }
        Ok(answer)
    }

    /// GET.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn get(&self, who: &str, path: &str) -> Result<Value> {
        self.call(who, "GET", path, None).await
    }

    /// A page of the console. The answer must be 200 and HTML.
    ///
    /// # Errors
    /// If it is not, or does not come.
    pub async fn page(&self, who: &str, path: &str) -> Result<String> {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(self.person(who, "token")?);
        let response = request.header("accept", "text/html").send().await?;
        let status = response.status().as_u16();
        let page = response.text().await?;
        if status != 200 || !page.contains("<main") {
            bail!("GET {path} as {who}: expected 200 and a page, got {status}: {page:.200}");
        }
        Ok(page)
    }

    /// POST.
    ///
    /// # Errors
    /// As [`Api::call`].
    pub async fn post(&self, who: &str, path: &str, body: &Value) -> Result<Value> {
        self.call(who, "POST", path, Some(body)).await
    }
}

/// A text member of an answer.
///
/// # Errors
/// If it is not there.
pub fn text<'a>(answer: &'a Value, member: &str) -> Result<&'a str> {
    answer.get(member).and_then(Value::as_str).with_context(|| format!("no `{member}` in {answer}"))
}
