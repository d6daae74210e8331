//! The sign-in of a person: authorization code with PKCE S256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fetch::{bounded, trusted};
use super::{Identity, OidcError, Provider};

/// A sign-in that is under way. It stands in a cookie of the browser that began it, so that nobody can
/// have another one finish it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What the issuer sends back.
    pub state: String,
    /// What the ID token must contain.
    pub nonce: String,
    /// What the code is exchanged with.
    pub verifier: String,
    /// Where to go afterwards.
    pub next: String,
}

impl Pending {
    /// A new one from the system's randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random(next: &str) -> Result<Self, getrandom::Error> {
        let text = || {
            let mut bytes = [0u8; 32];
            getrandom::fill(&mut bytes).map(|()| URL_SAFE_NO_PAD.encode(bytes))
        };
        Ok(Self { state: text()?, nonce: text()?, verifier: text()?, next: next.to_owned() })
    }

    /// As it stands in the cookie.
    #[must_use]
    pub fn to_cookie(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Out of the cookie.
    #[must_use]
    pub fn from_cookie(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

/// The S256 challenge of a verifier.
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: Option<String>,
}

impl Provider {
    /// Where a browser goes to sign in.
    ///
    /// # Errors
    /// [`OidcError`].
    pub fn authorization_url<'a>(
        &'a self,
        pending: &'a Pending,
        redirect_uri: &'a str,
    ) -> BoxFuture<'a, Result<String, OidcError>> {
        Box::pin(async move {
            let metadata = self.metadata().await?;
            let mut url = trusted(&metadata.authorization_endpoint)?;
            url.query_pairs_mut()
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.settings.client_id)
                .append_pair("redirect_uri", redirect_uri)
                .append_pair("scope", &self.settings.scopes)
                .append_pair("state", &pending.state)
                .append_pair("nonce", &pending.nonce)
                .append_pair("code_challenge", &challenge(&pending.verifier))
                .append_pair("code_challenge_method", "S256");
            Ok(url.into())
        })
    }

    /// Who came back from the issuer with `code`.
    ///
    /// # Errors
    /// [`OidcError`].
    pub fn finish<'a>(
        &'a self,
        pending: &'a Pending,
        code: &'a str,
        redirect_uri: &'a str,
    ) -> BoxFuture<'a, Result<Identity, OidcError>> {
        Box::pin(async move {
            let metadata = self.metadata().await?;
            let mut form = vec![
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", redirect_uri),
                ("code_verifier", &pending.verifier),
            ];
            let mut request = self.fetch.client()?.post(trusted(&metadata.token_endpoint)?);
            let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
            let takes =
                |method: &str| methods.is_none_or(|methods| methods.iter().any(|known| known == method));
            match &self.settings.client_secret {
                Some(secret) if takes("client_secret_basic") => {
                    // RFC 6749, 2.3.1: both are form-encoded first.
                    let encoded = |text: &str| -> String {
                        url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
                    };
                    request = request.basic_auth(encoded(&self.settings.client_id), Some(encoded(secret)));
                }
                Some(secret) => {
                    form.extend([("client_id", self.settings.client_id.as_str()), ("client_secret", secret)])
                }
                None => form.push(("client_id", &self.settings.client_id)),
            }
            let body = {
                let mut body = url::form_urlencoded::Serializer::new(String::new());
                body.extend_pairs(form).finish()
            };
            let request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("accept", "application/json")
                .body(body);
            let (status, body) = bounded(request).await?;
            if status != 200 {
                let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
                let error = answer.get("error").and_then(Value::as_str).unwrap_or("no reason");
                return Err(OidcError::Refused(format!("{status}, {}", error.escape_default())));
            }
            let tokens: Tokens = serde_json::from_slice(&body)
                .map_err(|_| OidcError::Issuer("its token endpoint sent no ID token".to_owned()))?;
            let mut claims = self.id_token(&tokens.id_token, &pending.nonce).await?;
            let complete = claims.contains_key("email") && claims.contains_key(&self.settings.groups_claim);
            if let (false, Some(url), Some(token)) =
                (complete, &metadata.userinfo_endpoint, &tokens.access_token)
            {
                let more: serde_json::Map<String, Value> = self.fetch.json(url, Some(token)).await?;
                // OpenID Connect Core 5.3.2: else it may be about somebody else.
                if more.get("sub") != claims.get("sub") {
                    return Err(OidcError::Issuer("its user information is about somebody else".to_owned()));
                }
                for (name, value) in more {
                    claims.entry(name).or_insert(value);
                }
            }
            self.identity(&claims)
        })
    }
}
