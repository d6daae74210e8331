//! A network between client and database that fails on demand.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The database never sees it; this answer comes instead: HTTP status and body.
    Answer(u16, String),
    /// The connection is closed before the database sees it.
    LostBefore,
    /// The database has done it; its answer is lost.
    LostAfter,
    /// The database never sees it, and nobody says so.
    SilentBefore,
    /// The database has done it, and nobody says so.
    SilentAfter,
}

impl Fault {
    /// A transaction that was cancelled, by the reason of each of its actions.
    pub fn cancelled(reasons: &[&str]) -> Self {
        let reasons: Vec<_> = reasons.iter().map(|code| format!(r#"{{"Code":"{code}"}}"#)).collect();
        let body = format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled, please refer cancellation reasons for specific reasons","CancellationReasons":[{}]}}"#,
            reasons.join(",")
        );
        Self::Answer(400, body)
    }

    /// An exception of DynamoDB's.
    pub fn exception(status: u16, name: &str) -> Self {
        let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"on demand"}}"#);
        Self::Answer(status, body)
    }
}

#[derive(Debug, Default)]
struct Plan {
    faults: VecDeque<Fault>,
    calls: usize,
    forwarded: usize,
    tokens: Vec<String>,
}

/// A proxy on a loopback port; each call takes the next fault of its plan, or is let through.
pub struct Proxy {
    pub url: String,
    plan: Arc<Mutex<Plan>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// In front of the database at `url`.
    pub async fn before(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let plan: Arc<Mutex<Plan>> = Arc::default();
        let shared = Arc::clone(&plan);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (plan, upstream) = (Arc::clone(&shared), upstream.clone());
                // A client that goes away in the middle is what the tests are about.
                tokio::spawn(async move { drop(serve(client, &upstream, &plan).await) });
            }
        });
        Self { url, plan, accepting }
    }

    /// Forgets what was seen and plans these faults for the next calls.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.plan.lock().unwrap() = Plan { faults: faults.into_iter().collect(), ..Plan::default() };
    }

    /// How many calls came since the plan was made.
    pub fn calls(&self) -> usize {
        self.plan.lock().unwrap().calls
    }

    /// How many of them the database has seen.
    pub fn forwarded(&self) -> usize {
        self.plan.lock().unwrap().forwarded
    }

    /// The client request tokens of the calls that had one.
    pub fn tokens(&self) -> Vec<String> {
        self.plan.lock().unwrap().tokens.clone()
    }

    /// Whether every planned fault has happened.
    pub fn is_done(&self) -> bool {
        self.plan.lock().unwrap().faults.is_empty()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One call a connection: every answer ends it, so that no client meets a connection that the call
/// before has closed.
async fn serve(mut client: TcpStream, upstream: &str, plan: &Mutex<Plan>) -> io::Result<()> {
    let call = read_call(&mut client).await?;
    let fault = {
        let mut plan = plan.lock().unwrap();
        plan.calls += 1;
        plan.tokens.extend(token_in(&call));
        let fault = plan.faults.pop_front();
        let seen = matches!(fault, None | Some(Fault::LostAfter | Fault::SilentAfter));
        plan.forwarded += usize::from(seen);
        fault
    };
    match fault {
        None => client.write_all(&forward(&call, upstream).await?).await?,
        Some(Fault::LostBefore) => {}
        Some(Fault::LostAfter) => drop(forward(&call, upstream).await?),
        Some(Fault::SilentBefore) => wait_for_end(&mut client).await,
        Some(Fault::SilentAfter) => {
            forward(&call, upstream).await?;
            wait_for_end(&mut client).await;
        }
        Some(Fault::Answer(status, body)) => {
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} On Demand\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            client.write_all(answer.as_bytes()).await?;
        }
    }
    client.shutdown().await
}

/// Until the client gives up.
async fn wait_for_end(client: &mut TcpStream) {
    let mut nothing = [0; 64];
    while matches!(client.read(&mut nothing).await, Ok(1..)) {}
}

/// A whole request, head and body.
async fn read_call(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut call = Vec::new();
    loop {
        if let Some(end) = head_end(&call) {
            let head = String::from_utf8_lossy(&call[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|digits| digits.trim().parse().ok()).unwrap_or(0);
            if call.len() >= end + length {
                return Ok(call);
            }
        }
        if client.read_buf(&mut call).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn head_end(call: &[u8]) -> Option<usize> {
    call.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn token_in(call: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(call);
    let rest = text.split_once(r#""ClientRequestToken":""#)?.1;
    rest.split_once('"').map(|(token, _)| token.to_owned())
}

/// The database's whole answer.
async fn forward(call: &[u8], upstream: &str) -> io::Result<Vec<u8>> {
    let end = head_end(call).ok_or(io::ErrorKind::InvalidData)?;
    let mut database = TcpStream::connect(upstream).await?;
    database.write_all(&call[..end - 2]).await?;
    // So that its answer ends where the connection does.
    database.write_all(b"connection: close\r\n\r\n").await?;
    database.write_all(&call[end..]).await?;
    let mut answer = Vec::new();
    database.read_to_end(&mut answer).await?;
    Ok(answer)
}
