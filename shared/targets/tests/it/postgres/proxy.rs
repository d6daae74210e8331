//! A server between the client and PostgreSQL that misbehaves on purpose, or speaks TLS.

use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What the proxy does to a connection.
#[derive(Clone)]
pub(crate) enum Trick {
    /// Forwards everything up to the message with these bytes, and that message only if
    /// `delivered`; then closes both sides.
    CutAt { word: &'static str, delivered: bool },
    /// Forwards everything, and says nothing to later connections (requests to cancel).
    Deaf,
    /// Speaks TLS to the client and plain text to the server.
    Tls(Arc<ServerConfig>),
}

/// Starts a proxy before `server` (host:port); gives its port. It ends with the test.
pub(crate) async fn start(server: String, trick: Trick) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        for number in 0.. {
            let (client, _) = listener.accept().await.unwrap();
            if number > 0 && matches!(trick, Trick::Deaf) {
                held.push(client);
                continue;
            }
            let server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(serve(client, server, trick.clone()));
        }
    });
    port
}

async fn serve(mut client: TcpStream, mut server: TcpStream, trick: Trick) {
    match trick {
        Trick::CutAt { word, delivered } => cut_at(client, server, word, delivered).await,
        Trick::Deaf => {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
        Trick::Tls(config) => {
            // SSLRequest: length 8, code 80877103; the answer is one letter.
            let mut request = [0; 8];
            client.read_exact(&mut request).await.unwrap();
            assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "the client must ask for TLS first");
            client.write_all(b"S").await.unwrap();
            if let Ok(mut client) = TlsAcceptor::from(config).accept(client).await {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        }
    }
}

async fn cut_at(client: TcpStream, server: TcpStream, word: &str, delivered: bool) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::select! {
        () = copy_until(&mut from_client, &mut to_server, word, delivered) => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
    if delivered {
        // The server answers, and nobody hears it: its side stays open until it has done its work.
        drop((from_client, to_client));
        let mut rest = Vec::new();
        let _ = from_server.read_buf(&mut rest).await;
    }
}

async fn copy_until(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    word: &str,
    delivered: bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        let bytes = &buffer[..read];
        let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
        let forward = read > 0 && (delivered || !found);
        if !forward || to.write_all(bytes).await.is_err() || found {
            return;
        }
    }
}
