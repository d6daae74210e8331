//! Reads the number of the server's process from the beginning of a session.
//!
//! The client library keeps the message `BackendKeyData` to itself. The connector below lets the library read through
//! a stream that looks for it: protocol version 3, section "Message Formats": a byte that names the message, a length
//! of four bytes that counts itself, and for `K` the process number of four bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The process number, once it was read.
#[derive(Clone)]
pub(super) struct ProcessNumber(Arc<AtomicI64>);

impl ProcessNumber {
    const UNREAD: i64 = i64::MIN;

    /// The number; `None` if the server said none.
    pub(super) fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::SeqCst)).filter(|number| *number != Self::UNREAD)
    }

    fn set(&self, number: i32) {
        self.0.store(i64::from(number), Ordering::SeqCst);
    }
}

/// A connector that reads the process number on the way.
#[derive(Clone)]
pub(super) struct Connector {
    tls: Option<MakeRustlsConnect>,
    number: ProcessNumber,
}

impl Connector {
    /// With TLS, or in plain text: then the library has to be told to begin with "TLS" directly, and gets the stream
    /// as it is.
    pub(super) fn new(tls: Option<MakeRustlsConnect>) -> Self {
        Self { tls, number: ProcessNumber(Arc::new(AtomicI64::new(ProcessNumber::UNREAD))) }
    }

    pub(super) fn process_number(&self) -> ProcessNumber {
        self.number.clone()
    }
}

type RustlsConnect = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
type RustlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Watched;
    type TlsConnect = Connect;
    type Error = BoxError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Connect, BoxError> {
        let tls = match &mut self.tls {
            Some(tls) => {
                Some(MakeTlsConnect::<Socket>::make_tls_connect(tls, domain).map_err(BoxError::from)?)
            }
            None => None,
        };
        Ok(Connect { tls, number: self.number.clone() })
    }
}

/// One connection to be made.
pub(super) struct Connect {
    tls: Option<RustlsConnect>,
    number: ProcessNumber,
}

impl TlsConnect<Socket> for Connect {
    type Stream = Watched;
    type Error = BoxError;
    type Future = futures::future::BoxFuture<'static, Result<Watched, BoxError>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let inner = match self.tls {
                Some(tls) => Inner::Encrypted(Box::new(tls.connect(socket).await?)),
                None => Inner::Plain(socket),
            };
            Ok(Watched { inner, finder: Some(Finder::new(self.number)) })
        })
    }
}

/// A stream of which the beginning is read along.
pub(super) struct Watched {
    inner: Inner,
    finder: Option<Finder>,
}

enum Inner {
    Plain(Socket),
    Encrypted(Box<RustlsStream>),
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Inner::Encrypted(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        };
        if let (Poll::Ready(Ok(())), Some(finder)) = (&read, &mut self.finder)
            && finder.see(buffer.filled().get(before..).unwrap_or_default())
        {
            self.finder = None;
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Inner::Encrypted(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Inner::Encrypted(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Inner::Encrypted(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

impl TlsStream for Watched {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.inner {
            Inner::Plain(_) => ChannelBinding::none(),
            Inner::Encrypted(stream) => stream.channel_binding(),
        }
    }
}

/// Looks for the process number in messages that come in pieces.
struct Finder {
    /// The bytes of the message at hand that matter: name, length and four bytes of content.
    head: Vec<u8>,
    /// Bytes of it that are still to be passed over.
    skip: usize,
    number: ProcessNumber,
}

/// Name, length and process number.
const HEAD_BYTES: usize = 9;

impl Finder {
    fn new(number: ProcessNumber) -> Self {
        Self { head: Vec::with_capacity(HEAD_BYTES), skip: 0, number }
    }

    /// Reads bytes; true once there is nothing more to look for.
    fn see(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((first, rest)) = bytes.split_first() {
            if self.skip > 0 {
                let passed = self.skip.min(bytes.len());
                self.skip -= passed;
                bytes = bytes.get(passed..).unwrap_or_default();
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            match self.head.as_slice() {
                [b'K', _, _, _, _, a, b, c, d] => {
                    self.number.set(i32::from_be_bytes([*a, *b, *c, *d]));
                    return true;
                }
                // The session is ready, and no number came.
                [b'Z', ..] => return true,
                [b'K', ..] | [] => {}
                [_, a, b, c, d] => {
                    let length = u32::from_be_bytes([*a, *b, *c, *d]);
                    self.skip = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(4);
                    self.head.clear();
                }
                [..] => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_however_the_bytes_come() {
        let session = [
            b"R\0\0\0\x08\0\0\0\0".as_slice(),
            b"S\0\0\0\x0eKey\0Kalue\0",
            b"K\0\0\0\x0c\0\0\x04\xd2\x01\x02\x03\x04",
            b"Z\0\0\0\x05I",
        ]
        .concat();
        for size in 1..session.len() {
            let number = Connector::new(None).process_number();
            let mut finder = Finder::new(number.clone());
            let ended = session.chunks(size).any(|chunk| finder.see(chunk));
            assert!(ended);
            assert_eq!(number.get(), Some(1234), "pieces of {size}");
        }
    }

    #[test]
    fn a_session_without_a_number_has_none() {
        let number = Connector::new(None).process_number();
        let mut finder = Finder::new(number.clone());
        assert!(finder.see(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"));
        assert_eq!(number.get(), None);
    }
}
