//! A target of each kind that counts how often a command has taken effect, and can hold one half-way.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use countersign_e2e::Database;
use countersign_e2e::line::Line;
use countersign_e2e::mariadb::Mariadb;
use countersign_e2e::postgres::Postgres;
use mysql_async::prelude::Queryable as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Which kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Mysql,
    Http,
}

/// One row more each time.
const INSERT: &str = "INSERT INTO t (id, name) SELECT max(id) + 1, 'ran' FROM t";
const RAN: &str = "SELECT count(*) FROM t WHERE name = 'ran'";

/// A target and the line to it.
pub(crate) struct Place {
    target: Target,
    line: Line,
}

enum Target {
    Postgres(Box<Postgres>),
    Mariadb(Mariadb),
    Http(Service),
}

/// What holds a command half-way, until it is dropped or lets go.
pub(crate) enum Held {
    Postgres(tokio_postgres::Client),
    Mariadb(Box<mysql_async::Conn>),
    Http(watch::Sender<bool>),
}

impl Place {
    pub(crate) async fn make(kind: Kind, name: &str, beside: Database) -> Self {
        let (target, server) = match kind {
            Kind::Postgres => {
                let place = Postgres::make(name, beside).await.unwrap();
                let server = place.server().unwrap();
                (Target::Postgres(Box::new(place)), server)
            }
            Kind::Mysql => {
                let place = Mariadb::make(name, beside).await.unwrap();
                let server = place.server();
                (Target::Mariadb(place), server)
            }
            Kind::Http => {
                let (service, server) = Service::start().await;
                (Target::Http(service), server)
            }
        };
        Self { target, line: Line::to(&server).await.unwrap() }
    }

    /// Where the line begins.
    pub(crate) fn line(&self) -> String {
        self.line.address().to_string()
    }

    /// From now on nothing that the target answers is heard.
    pub(crate) fn mute(&self) {
        self.line.mute();
    }

    pub(crate) fn secret(&self, address: &str) -> String {
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        match &self.target {
            Target::Postgres(place) => place.url_at(port).unwrap(),
            Target::Mariadb(place) => place.url_at(address),
            Target::Http(_) => "Bearer hunter2".to_owned(),
        }
    }

    pub(crate) fn connection(&self, address: &str, limit: u64) -> Value {
        match &self.target {
            Target::Postgres(_) => {
                json!({ "kind": "postgres", "target": { "statement_timeout_seconds": limit } })
            }
            Target::Mariadb(_) => {
                json!({ "kind": "mysql", "target": { "statement_timeout_seconds": limit } })
            }
            Target::Http(_) => {
                let base_url = format!("http://{address}");
                json!({ "kind": "http", "target": { "base_url": base_url, "statement_timeout_seconds": limit } })
            }
        }
    }

    /// A command that takes effect once each time that it runs.
    pub(crate) fn command(&self) -> &'static str {
        match self.target {
            Target::Postgres(_) | Target::Mariadb(_) => INSERT,
            Target::Http(_) => "POST /ran",
        }
    }

    /// The same, and then it does not end by itself.
    pub(crate) fn endless_command(&self) -> &'static str {
        match self.target {
            Target::Postgres(_) => {
                "INSERT INTO t (id, name) SELECT max(id) + 1, 'ran' FROM t; SELECT pg_sleep(600)"
            }
            Target::Mariadb(_) => {
                "INSERT INTO t (id, name) SELECT max(id) + 1, 'ran' FROM t; SELECT SLEEP(600)"
            }
            Target::Http(_) => "POST /ran",
        }
    }

    /// For HTTP, no answer until it is let go; for a database, a lock that the command needs.
    pub(crate) async fn hold(&self) -> Held {
        match &self.target {
            Target::Postgres(place) => {
                let session = place.session().await.unwrap();
                // The key that comes next, not committed: to prepare the command waits for no lock, and
                // to run it does.
                session.batch_execute("BEGIN; INSERT INTO t VALUES (5, 'held')").await.unwrap();
                Held::Postgres(session)
            }
            Target::Mariadb(place) => {
                let mut session = place.session().await.unwrap();
                session.query_drop("LOCK TABLES t WRITE").await.unwrap();
                Held::Mariadb(Box::new(session))
            }
            Target::Http(service) => {
                service.answers.send_replace(false);
                Held::Http(service.answers.clone())
            }
        }
    }

    /// Waits until the command waits for what is held.
    pub(crate) async fn waits_for_the_lock(&self) {
        match &self.target {
            Target::Postgres(place) => {
                let waiting = Postgres::sessions("*") + " AND wait_event_type = 'Lock'";
                place.until(&waiting, 1).await.unwrap();
            }
            Target::Mariadb(place) => {
                let waiting = place.sessions("INSERT%") + " AND state LIKE 'Waiting for%lock'";
                place.until(&waiting, 1).await.unwrap();
            }
            Target::Http(_) => self.until(1).await,
        }
    }

    /// Waits until the endless command has begun.
    pub(crate) async fn is_at_work(&self) {
        match &self.target {
            Target::Postgres(place) => {
                let at_work = Postgres::sessions("*") + " AND query LIKE '%pg_sleep%'";
                place.until(&at_work, 1).await.unwrap();
            }
            Target::Mariadb(place) => place.until(&place.sessions("%SLEEP%"), 1).await.unwrap(),
            Target::Http(_) => self.until(1).await,
        }
    }

    /// Waits until a database does nothing of the command any more.
    pub(crate) async fn is_idle(&self) {
        match &self.target {
            Target::Postgres(place) => place.until(&Postgres::sessions("*"), 0).await.unwrap(),
            Target::Mariadb(place) => place.until(&place.sessions("%"), 0).await.unwrap(),
            Target::Http(_) => {}
        }
    }

    /// How often the command has taken effect.
    async fn effects(&self) -> i64 {
        match &self.target {
            Target::Postgres(place) => place.number(RAN).await.unwrap(),
            Target::Mariadb(place) => place.number(RAN).await.unwrap(),
            Target::Http(service) => service.got.load(Ordering::SeqCst),
        }
    }

    pub(crate) async fn has(&self, effects: i64) {
        assert_eq!(self.effects().await, effects, "how often the command has taken effect");
    }

    /// Waits until it has taken effect that often.
    pub(crate) async fn until(&self, effects: i64) {
        let give_up_at = Instant::now() + Duration::from_secs(60);
        while self.effects().await != effects {
            assert!(Instant::now() < give_up_at, "it never takes effect");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Held {
    /// What was held goes on.
    pub(crate) async fn let_go(self) {
        match self {
            Self::Postgres(session) => session.batch_execute("ROLLBACK").await.unwrap(),
            Self::Mariadb(mut session) => {
                session.query_drop("UNLOCK TABLES").await.unwrap();
                session.disconnect().await.unwrap();
            }
            Self::Http(answers) => {
                answers.send_replace(true);
            }
        }
    }
}

/// An HTTP service that counts the calls, and answers them while it may.
struct Service {
    got: Arc<AtomicI64>,
    answers: watch::Sender<bool>,
}

impl Service {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (got, (answers, may)) = (Arc::new(AtomicI64::new(0)), watch::channel(true));
        let counts = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&counts), may.clone()));
            }
        });
        (Self { got, answers }, address)
    }
}

async fn answer(mut stream: TcpStream, counts: Arc<AtomicI64>, mut may: watch::Receiver<bool>) {
    let mut call = vec![0; 16 * 1024];
    // A line that nobody uses is no call.
    if stream.read(&mut call).await.unwrap_or(0) == 0 {
        return;
    }
    counts.fetch_add(1, Ordering::SeqCst);
    if may.wait_for(|may| *may).await.is_ok() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n";
        let _ = stream.write_all(answer).await;
    }
}
