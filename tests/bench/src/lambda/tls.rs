//! TLS before an endpoint of this machine, with a certificate made for this run: a function's first
//! call to AWS pays for a handshake, and so does the one that is measured.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate for `localhost`.
pub struct Identity {
    acceptor: TlsAcceptor,
}

impl Identity {
    /// Makes one and writes it to `bundle`, for `AWS_CA_BUNDLE`, behind the roots that a function has
    /// in the cloud: reading those is a part of its start.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make(bundle: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let roots = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/app/roots/amazon.pem");
        std::fs::write(bundle, std::fs::read_to_string(roots)? + &made.cert.pem())?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Stands before an `http://` URL until the program ends; gives the `https://` URL.
    ///
    /// # Errors
    /// If the machine does not let it.
    pub async fn before(&self, url: &str) -> Result<String> {
        let upstream = url.strip_prefix("http://").context("an http URL")?.trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                // A function that ends breaks its connections off.
                tokio::spawn(async move { drop(pass_on(client, &acceptor, &upstream).await) });
            }
        });
        Ok(format!("https://localhost:{port}"))
    }
}

async fn pass_on(client: TcpStream, acceptor: &TlsAcceptor, upstream: &str) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
