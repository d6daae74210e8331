//! The connector of PostgreSQL's client library.

use crate::RunError;
use crate::tls::{Encryption, roots_of};
use rustls::ClientConfig;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connector; without encryption it trusts nobody and is never asked.
pub(super) fn connector(encryption: Encryption, ca_pem: Option<&str>) -> Result<MakeRustlsConnect, RunError> {
    let roots = roots_of(encryption, ca_pem)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RunError::not_started(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
