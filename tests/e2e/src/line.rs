//! A line to a server that can be cut and mended.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A port that is connected to a server, while the line is whole.
pub struct Line {
    here: SocketAddr,
    whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Line {
    /// A line to `server`, such as `127.0.0.1:8000`.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn to(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let here = listener.local_addr()?;
        let (whole, state) = watch::channel(true);
        let task = tokio::spawn(accept(listener, server.to_owned(), state));
        Ok(Self { here, whole, task })
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.here
    }

    /// Breaks every connection, and each new one as soon as it comes.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: String, state: watch::Receiver<bool>) {
    while let Ok((stream, _)) = listener.accept().await {
        if *state.borrow() {
            tokio::spawn(carry(stream, server.clone(), state.clone()));
        }
    }
}

async fn carry(mut stream: TcpStream, server: String, mut state: watch::Receiver<bool>) {
    let Ok(mut other) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut stream, &mut other) => {}
        _ = state.wait_for(|whole| !*whole) => {}
    }
}
