//! TLS: rustls with aws-lc-rs, verified against the system's roots or the connection's own.

use crate::RunError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Whether a connection is encrypted. There is no "if the server likes": that can be stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// TLS with a verified certificate and host name, or no connection.
    Verified,
    /// None: loopback, Unix socket, or `sslmode=disable` in the URL.
    None,
}

/// The certificates in a `ca_pem`.
pub(crate) fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate is not usable as a root: {error}"))?;
    }
    if roots.is_empty() {
        return Err("expected at least one certificate in PEM (`-----BEGIN CERTIFICATE-----`)".to_owned());
    }
    Ok(roots)
}

/// A connector; without encryption it trusts nobody and is never asked.
pub(super) fn connector(encryption: Encryption, ca_pem: Option<&str>) -> Result<MakeRustlsConnect, RunError> {
    let roots = match (encryption, ca_pem) {
        (Encryption::None, _) => RootCertStore::empty(),
        (Encryption::Verified, Some(pem)) => {
            roots(pem).map_err(|message| RunError::not_started(format!("target `/ca_pem`: {message}")))?
        }
        (Encryption::Verified, None) => system_roots()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RunError::not_started(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn system_roots() -> Result<RootCertStore, RunError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(RunError::not_started(
            "the executor has no root certificates, so no server can be verified; install its CA certificates, set `SSL_CERT_FILE`, or give the target a `ca_pem`",
        ));
    }
    Ok(roots)
}
