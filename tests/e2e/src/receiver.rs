//! A receiver of webhooks and other calls that remembers what came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::serve::PATIENCE;

/// A call that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method and the target, exactly: `POST /hook`.
    pub call: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, exactly.
    pub body: String,
    /// When.
    pub at: Instant,
}

impl Received {
    /// The `webhook-id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.headers.get("webhook-id").map(String::as_str).unwrap_or_default()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The type of the event.
    #[must_use]
    pub fn kind(&self) -> String {
        crate::answer::text_at(&self.json(), "/type").to_owned()
    }
}

/// What a receiver does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Answers with that status.
    Answer(u16),
    /// Takes it and never answers.
    Hang,
}

type Behaviour = Arc<dyn Fn(usize, &Received) -> Reaction + Send + Sync>;

/// A running receiver.
pub struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    /// One that reacts by what came and how many came before.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start(
        behaviour: impl Fn(usize, &Received) -> Reaction + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let behaviour: Arc<Mutex<Behaviour>> = Arc::new(Mutex::new(Arc::new(behaviour)));
        let (kept, reacts) = (Arc::clone(&received), Arc::clone(&behaviour));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, reacts) = (Arc::clone(&kept), Arc::clone(&reacts));
                tokio::spawn(async move { receive(stream, &kept, &reacts).await });
            }
        });
        Ok(Self { url, received, behaviour, task })
    }

    /// From now on it reacts otherwise.
    pub fn react(&self, behaviour: impl Fn(usize, &Received) -> Reaction + Send + Sync + 'static) {
        *lock(&self.behaviour) = Arc::new(behaviour);
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything that came so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    /// Waits until what came is as wanted.
    ///
    /// # Errors
    /// If it does not come to that.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[Received]) -> bool) -> Result<Vec<Received>> {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let received = self.received();
            if wanted(&received) {
                return Ok(received);
            }
            if Instant::now() > give_up_at {
                let kinds: Vec<String> = received.iter().map(Received::kind).collect();
                bail!("waited in vain until {what}; there came {kinds:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn receive(mut stream: TcpStream, kept: &Mutex<Vec<Received>>, reacts: &Mutex<Behaviour>) {
    let Ok(received) = read(&mut stream).await else { return };
    let before = {
        let mut all = lock(kept);
        all.push(received.clone());
        all.len() - 1
    };
    let behaviour = Arc::clone(&lock(reacts));
    match behaviour(before, &received) {
        Reaction::Answer(status) => {
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Reaction::Hang => std::future::pending().await,
    }
}

async fn read(stream: &mut TcpStream) -> Result<Received> {
    let mut bytes = Vec::new();
    let mut part = vec![0_u8; 16 * 1024];
    loop {
        let read = stream.read(&mut part).await?;
        bytes.extend_from_slice(part.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let headers: BTreeMap<String, String> = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers.get("content-length").map_or(Ok(0), |length| length.parse())?;
            if body.len() >= length {
                let first = head.lines().next().and_then(|line| line.rsplit_once(' '));
                let call = first.map(|(call, _)| call.to_owned()).context("a request line")?;
                return Ok(Received { call, headers, body: body.to_owned(), at: Instant::now() });
            }
        }
        if read == 0 {
            bail!("it broke off");
        }
    }
}
