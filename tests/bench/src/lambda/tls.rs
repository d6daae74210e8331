//! TLS before an endpoint of this machine, with a certificate made for this run: a function's first
//! call to AWS pays for a handshake, and so does the one that is measured.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate for `localhost`.
pub struct Identity {
    acceptor: TlsAcceptor,
    waited_micros: Arc<AtomicU64>,
}

impl Identity {
    /// Makes one and writes it to `bundle`, for `AWS_CA_BUNDLE`. It takes the place of Amazon's roots, which a
    /// function in the cloud has in its binary.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make(bundle: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        std::fs::write(bundle, made.cert.pem())?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), waited_micros: Arc::default() })
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
        let waited_micros = Arc::clone(&self.waited_micros);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                let waited_micros = Arc::clone(&waited_micros);
                // A function that ends breaks its connections off.
                tokio::spawn(async move { drop(pass_on(client, &acceptor, &upstream, waited_micros).await) });
            }
        });
        Ok(format!("https://localhost:{port}"))
    }

    /// How long the endpoints have let their callers wait so far, all in all.
    #[must_use]
    pub fn waited(&self) -> Duration {
        Duration::from_micros(self.waited_micros.load(Ordering::Relaxed))
    }
}

async fn pass_on(
    client: TcpStream,
    acceptor: &TlsAcceptor,
    upstream: &str,
    waited_micros: Arc<AtomicU64>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = acceptor.accept(client).await?;
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let mut server = Endpoint { stream, asked: None, waited_micros };
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A connection to an endpoint; counts from the last byte of a question to the first of its answer.
struct Endpoint {
    stream: TcpStream,
    asked: Option<Instant>,
    waited_micros: Arc<AtomicU64>,
}

impl AsyncRead for Endpoint {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before
            && let Some(asked) = self.asked.take()
        {
            let micros = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.waited_micros.fetch_add(micros, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Endpoint {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(polled, Poll::Ready(Ok(_))) {
            self.asked = Some(Instant::now());
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
