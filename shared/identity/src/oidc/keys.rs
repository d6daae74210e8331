//! The issuer's keys: kept for an hour, renewed, and asked for again at once when a token names one
//! that is not known, though not more often than somebody who makes tokens up could make us.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use tokio::sync::Mutex as AsyncMutex;

use super::{OidcError, Provider};

/// So long they are used without asking.
const FRESH: Duration = Duration::from_secs(3600);
/// So long they are used if the issuer does not answer.
const USABLE: Duration = Duration::from_secs(24 * 3600);
/// So often unknown keys are asked for in [`A_WHILE`].
const MOST_QUESTIONS: usize = 6;
/// See [`MOST_QUESTIONS`].
const A_WHILE: Duration = Duration::from_secs(60);

/// The keys that are known.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: Mutex<Option<Known>>,
    /// One question at a time; inside it, when unknown keys were asked for of late.
    asking: AsyncMutex<Vec<Instant>>,
}

#[derive(Debug, Clone)]
struct Known {
    set: Arc<JwkSet>,
    since: Instant,
}

impl Keys {
    fn known(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, set: JwkSet) -> Arc<JwkSet> {
        let set = Arc::new(set);
        let known = Known { set: Arc::clone(&set), since: Instant::now() };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        set
    }
}

impl Provider {
    /// The issuer's key of that name.
    pub(super) async fn key(&self, kid: Option<&str>) -> Result<Jwk, OidcError> {
        const UNKNOWN: OidcError = OidcError::Token("its issuer has no such key");
        let before = self.keys.known();
        if let Some(known) = &before
            && known.since.elapsed() < FRESH
            && let Some(key) = choose(&known.set, kid)
        {
            return Ok(key);
        }
        let mut asked = self.keys.asking.lock().await;
        // Somebody else may have asked while we waited.
        let now = self.keys.known();
        if let Some(known) = &now
            && known.since.elapsed() < FRESH
        {
            if let Some(key) = choose(&known.set, kid) {
                return Ok(key);
            }
            asked.retain(|asked| asked.elapsed() < A_WHILE);
            if asked.len() >= MOST_QUESTIONS {
                return Err(UNKNOWN);
            }
            asked.push(Instant::now());
        }
        let set = match self.fetch_keys().await {
            Ok(set) => self.keys.learn(set),
            Err(error) => match now.filter(|known| known.since.elapsed() < USABLE) {
                Some(known) => {
                    tracing::warn!(%error, "the issuer's keys cannot be renewed; the known ones are used");
                    known.set
                }
                None => return Err(error),
            },
        };
        choose(&set, kid).ok_or(UNKNOWN)
    }

    async fn fetch_keys(&self) -> Result<JwkSet, OidcError> {
        let metadata = self.metadata().await?;
        // Key by key, so that one of a kind that is not known here does not hide the others.
        let set: serde_json::Value = self.fetch.json(&metadata.jwks_uri, None).await?;
        let keys = set.get("keys").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(JwkSet { keys })
    }
}

/// The key of that name; without a name, the only one that signs.
fn choose(set: &JwkSet, kid: Option<&str>) -> Option<Jwk> {
    let mut signing = set
        .keys
        .iter()
        .filter(|key| matches!(&key.common.public_key_use, None | Some(PublicKeyUse::Signature)));
    match kid {
        Some(kid) => signing.find(|key| key.common.key_id.as_deref() == Some(kid)).cloned(),
        None => {
            let only = signing.next();
            only.filter(|_| signing.next().is_none()).cloned()
        }
    }
}
