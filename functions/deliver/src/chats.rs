//! What the senders of Slack and Teams share: secrets and an HTTP client, made when first needed.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use countersign_notify::slack::client::{API_URL, API_URL_VARIABLE, SlackClient, http_client};
use countersign_notify::{Attempt, Outcome, SlackSettings};
use countersign_targets::{FileSecrets, Secret, SecretRef, SecretStore};

/// Where settings and `env:` secrets are looked up.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the secrets of Slack and Teams stand for. Cheap to clone.
#[derive(Clone)]
pub struct ChatSecrets {
    lookup: Lookup,
    files: FileSecrets,
    store: Option<Arc<dyn SecretStore>>,
    http: Arc<OnceLock<reqwest::Client>>,
}

impl ChatSecrets {
    /// Of this process's environment, and of files where they are allowed.
    #[must_use]
    pub fn new(lookup: Lookup, files: FileSecrets) -> Self {
        Self { lookup, files, store: None, http: Arc::default() }
    }

    /// And of what AWS keeps.
    #[must_use]
    pub fn with_store(self, store: Option<Arc<dyn SecretStore>>) -> Self {
        Self { store, ..self }
    }

    /// The secret behind a reference of the settings.
    pub(crate) async fn secret(&self, reference: &str) -> Result<Secret, String> {
        let reference = SecretRef::parse(reference, self.files).map_err(|error| error.to_string())?;
        let store = self.store.as_deref();
        let fetched = countersign_targets::secret::fetch_secret(&reference, &*self.lookup, store).await;
        fetched.map_err(|error| error.to_string())
    }

    pub(crate) fn http(&self) -> Result<reqwest::Client, String> {
        if let Some(http) = self.http.get() {
            return Ok(http.clone());
        }
        let built = http_client().build().map_err(|_| "no HTTP client can be made here".to_owned())?;
        Ok(self.http.get_or_init(|| built).clone())
    }

    /// A client of Slack with the bot's token.
    pub(crate) async fn slack(&self, settings: &SlackSettings) -> Result<SlackClient, String> {
        let token = self.secret(&settings.bot_token).await?;
        let base = (self.lookup)(API_URL_VARIABLE).filter(|url| !url.is_empty());
        Ok(SlackClient::new(self.http()?, base.as_deref().unwrap_or(API_URL), token.expose()))
    }
}

/// What came of an attempt, in the log's words.
pub(crate) struct Said {
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<u16>,
    pub(crate) words: String,
    pub(crate) bytes: usize,
}

impl Said {
    pub(crate) fn new(outcome: Outcome, words: impl Into<String>) -> Self {
        Self { outcome, status: None, words: words.into(), bytes: 0 }
    }

    pub(crate) fn failed(words: impl Into<String>) -> Self {
        Self::new(Outcome::Failed { retry_after: None }, words)
    }

    pub(crate) fn attempt(self, began: Instant) -> Attempt {
        Attempt {
            outcome: self.outcome,
            status: self.status,
            answer: self.words,
            duration_millis: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
            bytes: u32::try_from(self.bytes).unwrap_or(u32::MAX),
        }
    }
}
