//! Starts the platform in two stages and stops it in order.
//!
//! The functions need the endpoints before they can be built, and the platform needs the
//! functions before it can run: [`Platform::prepare`] opens the data directory, binds the public
//! port and answers DynamoDB's and the scheduler's APIs; [`Prepared::run`] takes the
//! functions and starts everything that invokes them.

use crate::endpoints::{self, Api, Endpoints};
use crate::error::LocalError;
use crate::function::Functions;
use crate::gateway::{Gateway, GatewayConfig, Route};
use crate::http_server::HttpServer;
use crate::invoke::{InvokeApi, InvokeConfig};
use crate::runner::Runner;
use crate::scheduler::{PeriodicRule, RunningScheduler, Scheduler, SchedulerFaults};
use crate::store::EmbeddedStore;
use crate::stream::{Feeder, StreamConfig};
use crate::{ACCOUNT, REGION};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// What has to be known before anything starts.
#[derive(Debug, Clone)]
pub struct PlatformConfig {
    /// Where everything is kept; a temporary directory where there is none.
    pub data_dir: Option<PathBuf>,
    /// The public address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The public face.
    pub gateway: GatewayConfig,
    /// Lambda's Invoke API.
    pub invoke: InvokeConfig,
    /// What goes wrong with timers, for tests.
    pub faults: SchedulerFaults,
    /// How long a stop waits for what still runs.
    pub stop_within: Duration,
}

impl PlatformConfig {
    /// A platform on `listen`, with everything at its default.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            data_dir: None,
            listen,
            gateway: GatewayConfig::default(),
            invoke: InvokeConfig::default(),
            faults: SchedulerFaults::default(),
            stop_within: Duration::from_secs(10),
        }
    }
}

/// What the application brings.
pub struct Wiring {
    /// The functions by name.
    pub functions: Functions,
    /// Which of them handles a request.
    pub route: Route,
    /// Which of them gets the table's stream.
    pub stream: StreamConfig,
    /// Which of them run periodically.
    pub rules: Vec<PeriodicRule>,
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wiring")
            .field("functions", &self.functions)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// The platform with its endpoints answering and nothing running yet.
pub struct Prepared {
    store: EmbeddedStore,
    scheduler: Scheduler,
    invoke: Arc<dyn Api>,
    runner: Arc<Runner>,
    /// Ports that were asked for.
    ports: Mutex<Vec<HttpServer>>,
    public: TcpListener,
    public_addr: SocketAddr,
    config: PlatformConfig,
}

/// The platform, running. [`Platform::shutdown`] stops it in order; dropping it stops it as
/// a crash would.
pub struct Platform {
    store: EmbeddedStore,
    scheduler: RunningScheduler,
    invoke: Arc<dyn Api>,
    _ports: Mutex<Vec<HttpServer>>,
    feeder: Feeder,
    gateway: HttpServer,
    runner: KillOnDrop,
    public_addr: SocketAddr,
    stop_within: Duration,
}

/// A crash takes the running functions along.
struct KillOnDrop(Arc<Runner>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.kill();
    }
}

impl Platform {
    /// Opens the data directory and binds the public port.
    ///
    /// # Errors
    /// [`LocalError`]: the directory is in use, not writable, damaged or full; the public
    /// address is in use or not this machine's.
    pub async fn prepare(config: PlatformConfig) -> Result<Prepared, LocalError> {
        // The public port first: the likeliest trouble, and nothing was touched yet.
        let public = TcpListener::bind(config.listen)
            .await
            .map_err(|error| LocalError::from_bind(config.listen, error))?;
        let public_addr = public
            .local_addr()
            .map_err(|source| LocalError::System { action: "reading the listener's address", source })?;
        let store = EmbeddedStore::open(config.data_dir.as_deref()).await?;
        let scheduler = Scheduler::open(store.data_dir(), config.faults)?;
        let runner = Runner::new();
        let invoke = Arc::new(InvokeApi::new(Arc::clone(&runner), &config.invoke));
        Ok(Prepared {
            store,
            scheduler,
            invoke,
            runner,
            ports: Mutex::default(),
            public,
            public_addr,
            config,
        })
    }

    /// The public address, with the port that was taken.
    pub fn public_addr(&self) -> SocketAddr {
        self.public_addr
    }

    /// The embedded database.
    pub fn store(&self) -> &EmbeddedStore {
        &self.store
    }

    /// The sequence number behind which the stream was handled.
    pub fn stream_position(&self) -> i64 {
        self.feeder.position()
    }

    /// Waits until every record was handled that is in the stream now.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be read.
    pub async fn stream_caught_up(&self) -> Result<(), LocalError> {
        self.feeder.caught_up().await
    }

    /// Takes no more requests, lets what runs end (at most for `stop_within` in each step),
    /// stores the stream's position, closes the database. What is left over, the next start
    /// finds: the stream goes on behind its position, overdue schedules fire.
    pub async fn shutdown(mut self) {
        let within = self.stop_within;
        self.gateway.shutdown(within).await;
        self.scheduler.stop_firing(within).await;
        self.feeder.shutdown(within).await;
        if !self.runner.0.drain(within).await {
            tracing::warn!("some functions did not end in time and were stopped");
        }
        // From here on nobody is left who would call these.
        drop((self.invoke, self.scheduler));
        self.store.shutdown().await;
    }
}

impl Prepared {
    /// AWS's APIs, for this process. Lambda's answers 503 until [`Prepared::run`].
    pub fn endpoints(&self) -> Endpoints {
        let [dynamodb, scheduler, lambda] = self.apis().map(Arc::downgrade);
        Endpoints::new(dynamodb, scheduler, lambda)
    }

    /// Answers the APIs of DynamoDB, the scheduler and Lambda on ports of this machine too, without a check of any
    /// signature: for benchmarks, whose functions are processes of their own. Returns the URLs in this order.
    ///
    /// # Errors
    /// [`LocalError`] if there are no ports.
    pub async fn listen(&self) -> Result<[String; 3], LocalError> {
        let mut urls = [const { String::new() }; 3];
        for (url, api) in urls.iter_mut().zip(self.apis()) {
            let server;
            (*url, server) = endpoints::listen(api).await?;
            self.ports.lock().unwrap_or_else(PoisonError::into_inner).push(server);
        }
        Ok(urls)
    }

    fn apis(&self) -> [&Arc<dyn Api>; 3] {
        [self.store.api(), self.scheduler.api(), &self.invoke]
    }

    /// The public address, with the port that was taken. Nothing answers there yet.
    pub fn public_addr(&self) -> SocketAddr {
        self.public_addr
    }

    /// The embedded database, to make the table in and to load in bulk.
    pub fn store(&self) -> &EmbeddedStore {
        &self.store
    }

    /// The ARN under which the scheduler finds a function of this platform.
    pub fn function_arn(name: &str) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
    }

    /// Starts everything that invokes functions, and answers the public address.
    ///
    /// # Errors
    /// [`LocalError::Wiring`] if the stream or a rule names a function that is not there,
    /// else what stands in the way of reading the stream.
    pub async fn run(self, wiring: Wiring) -> Result<Platform, LocalError> {
        let Wiring { functions, route, stream, rules } = wiring;
        functions.expect_name(&stream.function, "the stream")?;
        for rule in &rules {
            functions.expect_name(&rule.function, "a periodic rule")?;
        }
        self.runner.start(functions);
        let feeder = Feeder::start(&self.store, Arc::clone(&self.runner), stream)?;
        let scheduler = self.scheduler.run(&self.runner, rules);
        let gateway = Gateway::start(
            self.public,
            self.public_addr,
            Arc::clone(&self.runner),
            route,
            self.config.gateway,
        );
        Ok(Platform {
            store: self.store,
            scheduler,
            invoke: self.invoke,
            _ports: self.ports,
            feeder,
            gateway,
            runner: KillOnDrop(self.runner),
            public_addr: self.public_addr,
            stop_within: self.config.stop_within,
        })
    }
}
