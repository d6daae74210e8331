//! TLS: rustls with aws-lc-rs, verified against the system's roots or the connection's own.

use crate::RunError;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Whether a connection is encrypted. There is no "if the server likes": that can be stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
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

/// The certificates that may sign a server's; without encryption none is ever asked for.
pub(crate) fn roots_of(encryption: Encryption, ca_pem: Option<&str>) -> Result<RootCertStore, RunError> {
    match (encryption, ca_pem) {
        (Encryption::None, _) => Ok(RootCertStore::empty()),
        (Encryption::Verified, Some(pem)) => {
            roots(pem).map_err(|message| RunError::not_started(format!("target `/ca_pem`: {message}")))
        }
        (Encryption::Verified, None) => system_roots(),
    }
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

/// The same certificates one by one, for a client library that makes its own store of them.
pub(crate) fn certificates_of(ca_pem: Option<&str>) -> Result<Vec<Vec<u8>>, RunError> {
    // Refuses what is no certificate, and an empty system.
    roots_of(Encryption::Verified, ca_pem)?;
    let certificates: Vec<CertificateDer<'static>> = match ca_pem {
        Some(pem) => CertificateDer::pem_slice_iter(pem.as_bytes()).flatten().collect(),
        None => rustls_native_certs::load_native_certs().certs,
    };
    let usable =
        |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
    Ok(certificates.into_iter().filter(usable).map(|certificate| certificate.to_vec()).collect())
}
