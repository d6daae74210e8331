//! Very many deliveries: to a healthy endpoint, to one that fails a third of the time and to one that is
//! dead, with duplicates and reordering of stream records, over two restarts, the retry schedule
//! shortened. Counts what arrives, and how long the healthy endpoint waits with and without the dead one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use countersign_local::Chaos;
use countersign_rules::Timestamp;
use countersign_service::{Service, ServiceConfig, demo};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::figures::{median, ninth_decile};
use crate::stage::{Api, text};

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Requests in each of the two parts, without the dead endpoint and with it; each makes two events
    /// (submitted, cancelled), and each event one delivery to each endpoint
    #[arg(long, default_value_t = 10_000)]
    pub requests: usize,
    /// How many clients submit at once
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// How many requests all clients together submit in a second; as many as they can without it. What is more
    /// than the machine takes measures queues
    #[arg(long)]
    pub per_second: Option<f64>,
    /// How long the last event may take to arrive after the last submission, in seconds
    #[arg(long, default_value_t = 1800)]
    pub patience: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Deliveries that had to arrive.
    pub wanted: usize,
    /// Those that did, each counted once.
    pub arrived: usize,
    /// Attempts that the two living endpoints saw.
    pub attempts: usize,
    /// Events that came under more than one id.
    pub ids_changed: usize,
    /// Seconds until the healthy endpoint had each event, without the dead endpoint.
    pub before: Vec<f64>,
    /// And with it.
    pub beside_the_dead: Vec<f64>,
    /// Attempts that the dead endpoint saw.
    pub at_the_dead: usize,
    /// Seconds that all of it took.
    pub took: f64,
}

/// What a receiver knows of one event.
#[derive(Debug, Clone, Default)]
struct Seen {
    ids: BTreeSet<String>,
    attempts: usize,
    /// Seconds from the event to the first attempt.
    first: f64,
    accepted: bool,
}

type Event = (String, String);

/// A receiver: which attempts it refuses, or whether it takes connections and never answers.
struct Receiver {
    url: String,
    seen: Arc<Mutex<BTreeMap<Event, Seen>>>,
    attempts: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Healthy,
    Flaky,
    Dead,
}

impl Receiver {
    async fn start(kind: Kind) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let seen: Arc<Mutex<BTreeMap<Event, Seen>>> = Arc::default();
        let attempts: Arc<AtomicUsize> = Arc::default();
        let (kept, counted) = (Arc::clone(&seen), Arc::clone(&attempts));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, counted) = (Arc::clone(&kept), Arc::clone(&counted));
                tokio::spawn(async move {
                    let count = counted.fetch_add(1, Ordering::Relaxed);
                    if let Err(error) = receive(stream, kind, count, &kept).await {
                        eprintln!("a receiver: {error}");
                    }
                });
            }
        });
        Ok(Self { url, seen, attempts })
    }

    fn accepted(&self) -> usize {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.values().filter(|event| event.accepted).count()
    }
}

async fn receive(
    mut stream: TcpStream,
    kind: Kind,
    count: usize,
    kept: &Mutex<BTreeMap<Event, Seen>>,
) -> Result<()> {
    let (id, body) = read(&mut stream).await?;
    if kind == Kind::Dead {
        tokio::time::sleep(Duration::from_secs(60)).await;
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&body)?;
    let at = Timestamp::parse_rfc3339(text(&body, "timestamp")?).context("an instant")?;
    let request = body.pointer("/data/request/id").and_then(Value::as_str).context("a request")?;
    let event = (text(&body, "type")?.to_owned(), request.to_owned());
    // A third of the attempts, spread by their number.
    let refuses = kind == Kind::Flaky && count.is_multiple_of(3);
    {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = kept.entry(event).or_default();
        if seen.attempts == 0 {
            let waited = Timestamp::from_unix_millis(now_millis()).millis_since(at);
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of minutes")]
            let waited = waited as f64 / 1000.0;
            seen.first = waited;
        }
        seen.attempts += 1;
        seen.ids.insert(id);
        seen.accepted |= !refuses;
    }
    let status = if refuses { "500 No" } else { "204 Yes" };
    stream
        .write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes())
        .await?;
    Ok(())
}

fn now_millis() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// The `webhook-id` and the body of a POST.
async fn read(stream: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut part = vec![0_u8; 8192];
    loop {
        let read = stream.read(&mut part).await?;
        bytes.extend_from_slice(part.get(..read).unwrap_or_default());
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_lowercase();
            let header = |name: &str| {
                head.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
            };
            let length: usize = header("content-length:").context("a length")?.parse()?;
            let body = bytes.get(end + 4..).unwrap_or_default();
            if body.len() >= length {
                return Ok((header("webhook-id:").context("an id")?, body.to_vec()));
            }
        }
        if read == 0 {
            bail!("a POST broke off");
        }
    }
}

/// The platform on a directory, with the retry schedule shortened and the stream disturbed.
async fn open(dir: &Path) -> Result<(Service, Api)> {
    let mut config = ServiceConfig::new(dir.to_path_buf(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    config.lookup = Arc::new(|name| match name {
        "COUNTERSIGN_RETRY_SCHEDULE" => Some("200ms,500ms,1s,2s,5s".to_owned()),
        "COUNTERSIGN_NOTIFY_GRACE_SEC" => Some("5".to_owned()),
        "COUNTERSIGN_DELIVERY_TIMEOUT_SEC" => Some("2".to_owned()),
        _ => None,
    });
    config.sweep_every = Duration::from_secs(5);
    config.chaos = Some(Chaos { seed: 4, duplicate_permille: 50, shuffle_window: 8 });
    let mut opened = Service::open(config).await?;
    demo::prepare(&mut opened).await?;
    let api = Api::new(opened.url(), &dir.join(demo::DEMO_FILE))?;
    Ok((opened.run().await?, api))
}

/// Submits requests and cancels them: two events each.
async fn submit(api: &Api, requests: usize, options: &Options) -> Result<()> {
    let clients = options.clients.max(1);
    #[expect(clippy::cast_precision_loss, reason = "a few clients")]
    let every = options.per_second.map(|rate| Duration::from_secs_f64(clients as f64 / rate.max(0.01)));
    let left = Arc::new(AtomicUsize::new(requests));
    let mut clients_at_work = JoinSet::new();
    for _ in 0..clients {
        let (api, left) = (api.clone(), Arc::clone(&left));
        clients_at_work.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            {
                let next = every.map(|every| tokio::time::Instant::now() + every);
                let body = json!({ "connection": "demo-db", "command": "SELECT 1" });
                let request = api.post("alice", "/v1/requests", &body).await?;
                let path = format!("/v1/requests/{}/cancel", text(&request, "id")?);
                api.call("alice", "POST", &path, None).await?;
                if let Some(next) = next {
                    tokio::time::sleep_until(next).await;
                }
            }
            Ok::<(), anyhow::Error>(())
        });
    }
    while let Some(done) = clients_at_work.join_next().await {
        done??;
    }
    Ok(())
}

async fn until_all(receivers: [&Receiver; 2], each: usize, patience: Duration) -> Result<()> {
    let give_up_at = Instant::now() + patience;
    while receivers.iter().any(|receiver| receiver.accepted() < each) {
        if Instant::now() > give_up_at {
            let there: Vec<usize> = receivers.iter().map(|receiver| receiver.accepted()).collect();
            bail!("{each} events had to arrive at each endpoint, {there:?} did");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Runs both parts.
///
/// # Errors
/// If something does not arrive, or the machine does not let it.
pub async fn measure(options: &Options) -> Result<Report> {
    let began = Instant::now();
    let patience = Duration::from_secs(options.patience);
    let dir = tempfile::tempdir()?;
    let healthy = Receiver::start(Kind::Healthy).await?;
    let flaky = Receiver::start(Kind::Flaky).await?;
    let dead = Receiver::start(Kind::Dead).await?;
    let hook = |url: &str| json!({ "url": url });
    let (mut service, mut api) = open(dir.path()).await?;
    for url in [&healthy.url, &flaky.url] {
        api.post("root", "/v1/webhooks", &hook(url)).await?;
    }
    submit(&api, options.requests, options).await?;
    until_all([&healthy, &flaky], 2 * options.requests, patience).await?;
    let before = delays(&healthy, &BTreeSet::new());
    let known: BTreeSet<Event> = {
        let seen = healthy.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.keys().cloned().collect()
    };

    api.post("root", "/v1/webhooks", &hook(&dead.url)).await?;
    // The restarts cut what is on its way; the delays are of the part that no restart touches.
    let (undisturbed, rest) = (options.requests / 2, options.requests - options.requests / 2);
    submit(&api, undisturbed, options).await?;
    until_all([&healthy, &flaky], 2 * (options.requests + undisturbed), patience).await?;
    let beside_the_dead = delays(&healthy, &known);
    for part in [rest / 2, rest - rest / 2] {
        submit(&api, part, options).await?;
        service.shutdown().await;
        (service, api) = open(dir.path()).await?;
    }
    until_all([&healthy, &flaky], 4 * options.requests, patience).await?;
    service.shutdown().await;

    let mut report = Report {
        wanted: 8 * options.requests,
        before,
        beside_the_dead,
        at_the_dead: dead.attempts.load(Ordering::Relaxed),
        took: began.elapsed().as_secs_f64(),
        ..Report::default()
    };
    for receiver in [&healthy, &flaky] {
        let seen = receiver.seen.lock().unwrap_or_else(PoisonError::into_inner);
        report.arrived += seen.values().filter(|event| event.accepted).count();
        report.attempts += seen.values().map(|event| event.attempts).sum::<usize>();
        report.ids_changed += seen.values().filter(|event| event.ids.len() != 1).count();
    }
    Ok(report)
}

/// The delays of all events but those.
fn delays(receiver: &Receiver, but: &BTreeSet<Event>) -> Vec<f64> {
    let seen = receiver.seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.iter().filter(|(event, _)| !but.contains(*event)).map(|(_, seen)| seen.first).collect()
}

/// Prints a report.
pub fn print(report: &Report) {
    println!("deliveries wanted      {:>10}", report.wanted);
    println!("arrived                {:>10}", report.arrived);
    println!("attempts               {:>10}", report.attempts);
    println!("events with two ids    {:>10}", report.ids_changed);
    println!("attempts at the dead   {:>10}", report.at_the_dead);
    println!("seconds in all         {:>10.0}", report.took);
    for (what, delays) in
        [("without the dead one", &report.before), ("beside the dead one", &report.beside_the_dead)]
    {
        let worst = delays.iter().copied().fold(f64::NAN, f64::max);
        println!(
            "healthy, {what:<21} median {:>7.3} s   nine of ten {:>7.3} s   worst {worst:>7.3} s",
            median(delays),
            ninth_decile(delays)
        );
    }
}
