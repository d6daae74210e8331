//! Asking the issuer, in bounded time and size, without following it anywhere else.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde::de::DeserializeOwned;

use super::OidcError;

/// A person waits.
const AT_MOST: Duration = Duration::from_secs(8);
/// Documents of an issuer have a few kilobytes.
const MOST_BYTES: usize = 512 * 1024;

/// The client, made when it is first needed: most calls need none.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    client: OnceLock<Client>,
}

impl Fetch {
    /// The client.
    pub(super) fn client(&self) -> Result<&Client, OidcError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .timeout(AT_MOST)
            .connect_timeout(Duration::from_secs(4))
            .redirect(Policy::none())
            .no_proxy()
            .user_agent("countersign")
            .build();
        let client = client.map_err(|error| OidcError::Unreachable(error.to_string()))?;
        Ok(self.client.get_or_init(|| client))
    }

    /// The JSON at an address.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<T, OidcError> {
        let mut request = self.client()?.get(trusted(url)?);
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        let (status, body) = bounded(request).await?;
        if status != 200 {
            return Err(OidcError::Issuer(format!("`{url}` answered {status}")));
        }
        serde_json::from_slice(&body).map_err(|error| {
            OidcError::Issuer(format!("`{url}` did not answer with what it should: {error}"))
        })
    }
}

/// Status and body of an answer; the error names no part of what was sent.
pub(super) async fn bounded(request: RequestBuilder) -> Result<(u16, Vec<u8>), OidcError> {
    let failed = |error: reqwest::Error| OidcError::Unreachable(error.without_url().to_string());
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(OidcError::Issuer("it answered with more than 512 KiB".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

/// An address that may be asked: over TLS, or on this machine.
pub(super) fn trusted(url: &str) -> Result<Url, OidcError> {
    let parsed = Url::parse(url).map_err(|_| OidcError::Issuer(format!("`{url}` is no address")))?;
    let host = parsed.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    if parsed.scheme() == "https" || (parsed.scheme() == "http" && here) {
        Ok(parsed)
    } else {
        Err(OidcError::Issuer(format!("`{url}` is not https")))
    }
}
