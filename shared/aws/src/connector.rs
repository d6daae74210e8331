//! The HTTP client of all calls to AWS: `reqwest` on HTTP/1.1, as connector of the SDK's clients.
//!
//! The SDK's own connector always brings HTTP/2 in, which AWS's endpoints for these services do not need.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::inside::Inside;

/// Upper bound for establishing a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The roots of AWS's endpoints: Amazon's own and Starfield's, in DER, because decoding PEM took a third of a
/// function's own start-up. Source: amazontrust.com/repository.
const AMAZON_ROOTS: [&[u8]; 5] = [
    include_bytes!("../roots/amazon-root-ca-1.der"),
    include_bytes!("../roots/amazon-root-ca-2.der"),
    include_bytes!("../roots/amazon-root-ca-3.der"),
    include_bytes!("../roots/amazon-root-ca-4.der"),
    include_bytes!("../roots/starfield-services-g2.der"),
];

/// Which certificates endpoints of AWS may be signed by.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Amazon's roots.
    #[default]
    Amazon,
    /// The roots of `AWS_CA_BUNDLE`, and no others.
    Bundle(Vec<CertificateDer<'static>>),
}

impl Trust {
    /// Reads PEM certificates.
    ///
    /// # Errors
    /// If it holds none, or one that cannot be decoded.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|error| error.to_string())?;
        if certificates.is_empty() {
            return Err("it holds no certificate".to_owned());
        }
        Ok(Self::Bundle(certificates))
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        match self {
            Self::Amazon => {
                let amazon = AMAZON_ROOTS.map(CertificateDer::from_slice);
                roots.add_parsable_certificates(amazon);
            }
            Self::Bundle(certificates) => {
                roots.add_parsable_certificates(certificates.iter().cloned());
            }
        }
        roots
    }
}

/// The connection pool. A pool whose TLS configuration was refused fails every call with the reason, because a client
/// with other roots would be worse than none.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    network: Result<reqwest::Client, Arc<str>>,
    inside: Option<Inside>,
}

impl Pool {
    /// A pool that follows no redirects, uses no proxy, repeats nothing and trusts these roots.
    pub(crate) fn new(trust: &Trust, inside: Option<Inside>) -> Self {
        Self { network: client(trust).map_err(Arc::from), inside }
    }

    /// Sends a request and reads its whole answer.
    pub(crate) async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, SendError> {
        if let Some(inside) = self.inside.as_ref().filter(|_| Inside::is_host_of(&request)) {
            return Ok(inside.answer(request).await);
        }
        let client = self.network.as_ref().map_err(|why| SendError::Unusable(Arc::clone(why)))?;
        let mut answer = client.execute(reqwest::Request::try_from(request)?).await?;
        let mut whole = http::Response::new(Bytes::new());
        *whole.status_mut() = answer.status();
        *whole.headers_mut() = std::mem::take(answer.headers_mut());
        *whole.body_mut() = answer.bytes().await?;
        Ok(whole)
    }
}

/// A request without a complete answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// There is no pool.
    #[error("{0}")]
    Unusable(Arc<str>),
    /// The connection failed, or the answer ended early.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

fn client(trust: &Trust) -> Result<reqwest::Client, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trust.roots())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())
}

impl HttpConnector for Pool {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let pool = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let request = request.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
            let answer = pool.send(request).await.map_err(connector_error)?;
            HttpResponse::try_from(answer.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector_error(error: SendError) -> ConnectorError {
    match error {
        SendError::Http(error) if error.is_timeout() => ConnectorError::timeout(error.into()),
        SendError::Http(error) if error.is_builder() => ConnectorError::user(error.into()),
        SendError::Http(error) => ConnectorError::io(error.into()),
        SendError::Unusable(_) => ConnectorError::user(error.into()),
    }
}
