//! A line to the service with somebody on it: who cuts it, holds calls back, swallows answers, or changes
//! them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What is done to calls that have a text in their first line.
#[derive(Debug, Clone)]
pub enum Trick {
    /// Nothing.
    None,
    /// The call is held back for ever.
    HoldCalls(&'static str),
    /// The call arrives, and its answer is held back for ever.
    HoldAnswers(&'static str),
    /// The first such call arrives, and instead of its answer the line breaks.
    LoseFirstAnswer(&'static str),
    /// One text in the answers becomes another one of the same length.
    Replace(&'static str, &'static str),
}

/// A port that is connected to a server by way of somebody.
pub struct Tamper {
    here: SocketAddr,
    tricked: Arc<AtomicUsize>,
    whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Tamper {
    /// A line to `server`, such as `127.0.0.1:8000`, with that trick on it.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn with(server: &str, trick: Trick) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let here = listener.local_addr()?;
        let tricked = Arc::new(AtomicUsize::new(0));
        let (whole, state) = watch::channel(true);
        let on = On { server: server.to_owned(), here, trick, tricked: tricked.clone(), state };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut on = on.clone();
                if *on.state.borrow() {
                    tokio::spawn(async move {
                        let mut state = on.state.clone();
                        tokio::select! {
                            _ = on.carry(stream) => {}
                            _ = state.wait_for(|whole| !*whole) => {}
                        }
                    });
                }
            }
        });
        Ok(Self { here, tricked, whole, task })
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

    /// How often the trick was played.
    #[must_use]
    pub fn tricked(&self) -> usize {
        self.tricked.load(Ordering::SeqCst)
    }
}

impl Drop for Tamper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct On {
    server: String,
    here: SocketAddr,
    trick: Trick,
    tricked: Arc<AtomicUsize>,
    state: watch::Receiver<bool>,
}

impl On {
    async fn carry(&mut self, mut near: TcpStream) -> Option<()> {
        let mut far = TcpStream::connect(&self.server).await.ok()?;
        let (mut calls, mut answers) = (vec![0; 64 * 1024], vec![0; 256 * 1024]);
        let mut waits_for_trick = false;
        loop {
            tokio::select! {
                count = near.read(&mut calls) => {
                    let call = calls.get(..count.ok()?).filter(|call| !call.is_empty())?;
                    waits_for_trick = self.is_about(call);
                    if waits_for_trick && matches!(self.trick, Trick::HoldCalls(_)) {
                        self.tricked.fetch_add(1, Ordering::SeqCst);
                        std::future::pending::<()>().await;
                    }
                    // The service answers to no name but its own.
                    let call = replaced(call, &self.here.to_string(), &self.server);
                    far.write_all(&call).await.ok()?;
                }
                count = far.read(&mut answers) => {
                    let answer = answers.get(..count.ok()?).filter(|answer| !answer.is_empty())?;
                    if waits_for_trick {
                        let before = self.tricked.fetch_add(1, Ordering::SeqCst);
                        match self.trick {
                            Trick::HoldAnswers(_) => std::future::pending::<()>().await,
                            Trick::LoseFirstAnswer(_) if before == 0 => return None,
                            _ => {}
                        }
                    }
                    near.write_all(&self.changed(answer)).await.ok()?;
                }
            }
        }
    }

    fn is_about(&self, call: &[u8]) -> bool {
        let text = match self.trick {
            Trick::HoldCalls(text) | Trick::HoldAnswers(text) | Trick::LoseFirstAnswer(text) => text,
            Trick::None | Trick::Replace(..) => return false,
        };
        let first = call.split(|byte| *byte == b'\r').next().unwrap_or_default();
        String::from_utf8_lossy(first).contains(text)
    }

    fn changed(&self, answer: &[u8]) -> Vec<u8> {
        let Trick::Replace(from, to) = self.trick else { return answer.to_vec() };
        let changed = replaced(answer, from, to);
        if changed != answer {
            self.tricked.fetch_add(1, Ordering::SeqCst);
        }
        changed
    }
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut left = bytes;
    let mut out = Vec::with_capacity(bytes.len());
    while let Some((first, rest)) = left.split_first() {
        if let Some(behind) = left.strip_prefix(from.as_bytes()) {
            out.extend_from_slice(to.as_bytes());
            left = behind;
        } else {
            out.push(*first);
            left = rest;
        }
    }
    out
}
