//! OpenID Connect: tokens of one issuer, and the sign-in of people there.
//!
//! - [`settings`]: which issuer, and what its claims mean here
//! - `fetch`: its documents, asked for at an address that may be trusted, in bounded time and size
//! - [`keys`]: its keys: kept, renewed, asked for again when a token names one that is not known
//! - [`tokens`]: whether a token is good: RFC 8725 and RFC 9068
//! - [`flow`]: authorization code with PKCE S256
//!
//! What came out is an [`Identity`]: issuer and subject, and what the issuer says of them.

mod fetch;
pub mod flow;
pub mod keys;
pub mod settings;
pub mod tokens;

use std::sync::Arc;

use tokio::sync::OnceCell;

use fetch::Fetch;
use keys::Keys;
pub use settings::{OidcError, Settings};

/// What an issuer says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who says it.
    pub issuer: String,
    /// Of whom. With the issuer this is the person, and nothing else is.
    pub subject: String,
    /// For display.
    pub email: Option<String>,
    /// For display.
    pub name: Option<String>,
    /// The groups, if the issuer told any.
    pub groups: Option<Vec<String>>,
}

/// The configured issuer. Nothing is asked of it before somebody signs in or calls with a token.
pub struct Provider {
    settings: Settings,
    fetch: Fetch,
    metadata: OnceCell<Arc<Metadata>>,
    keys: Keys,
}

/// What discovery says, as far as it is used.
#[derive(Debug, Clone, serde::Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Provider {
    /// The issuer of these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, fetch: Fetch::default(), metadata: OnceCell::new(), keys: Keys::default() }
    }

    /// Which issuer, and what its claims mean here.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What discovery says. Kept for the life of the process once it was had.
    async fn metadata(&self) -> Result<Arc<Metadata>, OidcError> {
        let discover = || async {
            let url =
                format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
            let metadata: Metadata = self.fetch.json(&url, None).await?;
            // OpenID Connect Discovery 4.3: another issuer's document is worth nothing.
            if metadata.issuer != self.settings.issuer {
                return Err(OidcError::Issuer(format!(
                    "its discovery document says it is `{}`",
                    metadata.issuer
                )));
            }
            Ok(Arc::new(metadata))
        };
        self.metadata.get_or_try_init(discover).await.cloned()
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}
