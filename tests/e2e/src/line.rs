//! A line to a server that can be cut and mended, and on which the server can be made mute.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything.
    Whole,
    /// What is sent, and nothing of what is answered.
    Mute,
    /// Nothing.
    Cut,
}

/// A port that is connected to a server, while the line is whole.
pub struct Line {
    here: SocketAddr,
    state: watch::Sender<State>,
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
        let (state, seen) = watch::channel(State::Whole);
        let task = tokio::spawn(accept(listener, server.to_owned(), seen));
        Ok(Self { here, state, task })
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.here
    }

    /// Breaks every connection, and each new one as soon as it comes.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Lets through what is sent, and loses what the server answers from now on.
    pub fn mute(&self) {
        self.state.send_replace(State::Mute);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: String, state: watch::Receiver<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        if *state.borrow() != State::Cut {
            tokio::spawn(carry(stream, server.clone(), state.clone()));
        }
    }
}

async fn carry(stream: TcpStream, server: String, mut state: watch::Receiver<State>) {
    let Ok(other) = TcpStream::connect(server).await else { return };
    let (asks, answered) = stream.into_split();
    let (answers, asked) = other.into_split();
    let heard = state.clone();
    tokio::select! {
        _ = async { tokio::join!(pass(asks, asked, None), pass(answers, answered, Some(heard))) } => {}
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
}

/// Passes on what comes, until one end closes; what comes while it is mute is lost.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Option<watch::Receiver<State>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        let mute = state.as_ref().is_some_and(|state| *state.borrow() == State::Mute);
        if !mute && to.write_all(bytes).await.is_err() {
            break;
        }
    }
    if state.is_some_and(|state| *state.borrow() == State::Mute) {
        // That it hangs up is an answer too.
        std::future::pending::<()>().await;
    }
    let _ = to.shutdown().await;
}
