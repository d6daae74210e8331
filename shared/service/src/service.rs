//! Starting and stopping.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_app::aws::{Aws, AwsSettings, Inside};
use countersign_app::config::ConfigError;
use countersign_app::{App, Config, Invoker};
use countersign_deliver::{ChatSecrets, Deliver, Senders};
use countersign_dispatch::Dispatch;
use countersign_execute::{Execute, Lookup};
use countersign_expire::Expire;
use countersign_http::routes::{HttpFunction, function_of};
use countersign_local::{
    Chaos, Endpoints, Functions, GatewayConfig, LocalError, PeriodicRule, Platform, PlatformConfig, Prepared,
    SchedulerFaults, StreamConfig, Wiring,
};
use countersign_seal::Seal;
use countersign_storage::inspect::Unusable;
use countersign_storage::{StorageError, Store, keys, schema};
use countersign_targets::{Environment, FileSecrets};
use countersign_timer::{Timer, TimerConfig};
use serde_json::{Value, json};

/// The table's name on this machine.
pub const TABLE: &str = "countersign";
/// The folder of `sqlite` targets, inside the data directory.
pub const TARGETS: &str = "targets";

/// How to run the whole product.
#[derive(Clone)]
pub struct ServiceConfig {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether only pages and programs of this machine may call.
    pub loopback_only: bool,
    /// Where settings are looked up: `REVIEW_TIMEOUT_SEC`, `COUNTERSIGN_…`, `env:` secrets, and
    /// `AWS_ENDPOINT_URL_DYNAMODB` for a DynamoDB of one's own instead of the embedded one.
    pub lookup: Lookup,
    /// How often the sweep runs.
    pub sweep_every: Duration,
    /// How often events are sealed and counted.
    pub seal_every: Duration,
    /// Seeded duplicates and reordering of stream records, for tests.
    pub chaos: Option<Chaos>,
    /// What goes wrong with timers, for tests.
    pub timer_faults: SchedulerFaults,
}

impl ServiceConfig {
    /// On that directory and address, with the process's environment.
    #[must_use]
    pub fn new(data_dir: PathBuf, listen: SocketAddr) -> Self {
        Self {
            data_dir,
            listen,
            loopback_only: false,
            lookup: Arc::new(|name| std::env::var(name).ok()),
            sweep_every: Duration::from_secs(60),
            seal_every: Duration::from_secs(60),
            chaos: None,
            timer_faults: SchedulerFaults::default(),
        }
    }
}

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The machine: the address, the directory, the disk.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The table.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A table in AWS that cannot be used.
    #[error("the table `{name}` cannot be used: {problem}")]
    Table {
        /// Which.
        name: String,
        /// Why not.
        problem: Unusable,
    },
    /// A file beside the table.
    #[error("`{path}` cannot be {action}: {source}")]
    File {
        /// Which.
        path: String,
        /// What was to be done.
        action: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{0}")]
    Unsuitable(String),
    /// The key that signs checkpoints.
    #[error(transparent)]
    Key(#[from] countersign_seal::KeyError),
    /// The system has no randomness.
    #[error("the system has no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// The table of a data directory with nothing running on it yet.
pub struct Opened {
    /// The use cases.
    pub app: App,
    prepared: Prepared,
    aws: Aws,
    config: ServiceConfig,
}

/// The whole product, running.
pub struct Service {
    /// The use cases, on the very same table.
    pub app: App,
    platform: Platform,
}

impl Service {
    /// Opens the data directory, binds the address and makes the table if it is not there.
    ///
    /// # Errors
    /// [`ServiceError`]; nothing runs then.
    pub async fn open(config: ServiceConfig) -> Result<Opened, ServiceError> {
        let mut platform = PlatformConfig::new(config.listen);
        platform.data_dir = Some(config.data_dir.clone());
        platform.faults = config.timer_faults;
        // Most of them wait for what they told; a table on one machine could not serve a thousand.
        platform.invoke.async_concurrency = 256;
        if config.loopback_only {
            platform.gateway = GatewayConfig::loopback_only();
        }
        let prepared = Platform::prepare(platform).await?;
        let targets = absolute(&config.data_dir)?.join(TARGETS);
        let audit_key = absolute(&config.data_dir)?.join(crate::audit_key::FILE);
        std::fs::create_dir_all(&targets).map_err(|source| file(&targets, "made", source))?;
        let own_dynamodb = (config.lookup)("AWS_ENDPOINT_URL_DYNAMODB").filter(|url| !url.is_empty());
        let dynamodb = own_dynamodb.as_deref().unwrap_or(Endpoints::DYNAMODB);
        crate::audit_key::make(&audit_key)?;
        let settings = AwsSettings::local(dynamodb, Endpoints::SCHEDULER, Endpoints::LAMBDA);
        let endpoints = prepared.endpoints();
        let inside = Inside::new(move |request| endpoints.clone().answer(request));
        let aws = Aws::new(settings.with_inside(inside));
        let mut app_config =
            Config::read(&settings_of(&config, &targets, &audit_key, prepared.public_addr()))?;
        // On a person's own machine their own programs may be told; in Lambda nothing is on loopback
        // but the runtime's own API.
        app_config.loopback_webhooks =
            (config.lookup)("COUNTERSIGN_LOOPBACK_WEBHOOKS").is_none_or(|value| value != "off");
        app_config.timer = Some(TimerConfig {
            group: "countersign".to_owned(),
            target_arn: Prepared::function_arn("expire"),
            role_arn: "arn:aws:iam::000000000000:role/local".to_owned(),
            dead_letter_arn: None,
        });
        let client = aws.dynamodb();
        schema::create_table(&client, &app_config.table).await.map_err(|error| match &own_dynamodb {
            Some(url) => ServiceError::Unsuitable(format!(
                "the table `{}` cannot be had from `{url}`, where `AWS_ENDPOINT_URL_DYNAMODB` points: {error}",
                app_config.table
            )),
            None => error.into(),
        })?;
        let store = Store::new(client, app_config.table.clone());
        let app = App::on(app_config, store).notifying_through(&aws);
        Ok(Opened { app, prepared, aws, config })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.platform.public_addr()
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The platform underneath.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Takes no more calls, lets what runs end, and closes the data directory.
    pub async fn shutdown(self) {
        self.app.stopping.begin();
        self.platform.shutdown().await;
    }
}

impl Opened {
    /// Runs every function, the stream, the timers and the public address.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn run(self) -> Result<Service, ServiceError> {
        let Self { app, prepared, aws, config } = self;
        let invoker = Invoker::new(&app.config, &aws)?;
        let timer_config = app.config.timer.clone();
        let timer_config = timer_config.ok_or(ConfigError::Missing("COUNTERSIGN_SCHEDULE_GROUP"))?;
        let timer = Timer::new(aws.scheduler(), timer_config);
        let forbidden = vec![prepared.store().database_file().to_owned()];
        let execute = Execute {
            app: app.clone(),
            environment: Environment {
                sqlite_root: app.config.sqlite_root.clone(),
                forbidden,
                loopback_http: true,
            },
            lookup: Arc::clone(&config.lookup),
            files: FileSecrets::Allowed,
            // With a person's own credentials in the environment, and not without.
            secrets: AwsSettings::read(&*config.lookup).ok().map(|settings| {
                countersign_execute::secrets_of(&Aws::new(settings), &app.config.secret_prefix)
            }),
        };
        let person = aws_of_person(&config, &aws);
        let key = countersign_seal::signing_key(&app.config, &person, &*config.lookup).await?;
        // What it reads each minute is on nobody's bill but its own.
        let mut sealed = app.clone();
        sealed.store = app.store.metered();
        let seal = Seal::new(sealed, key).run_every(config.seal_every).with_copies_by(&person);
        let expire = Expire::new(app.clone(), invoker.clone());
        let chats = ChatSecrets::new(Arc::clone(&config.lookup), FileSecrets::Allowed)
            .with_store(execute.secrets.clone());
        let telling = app.metered_apart();
        let senders = Senders::of(&app).with_chats(&telling, &chats);
        let deliver = Deliver::new(telling.clone(), timer.clone(), senders);
        let dispatch = Dispatch::new(telling, timer, invoker.clone());
        let http = |router| Arc::new(crate::functions::Http(router));
        let events = Arc::new;
        use crate::functions::Events;
        // Asynchronous functions may take as long as a lease; AWS's own limit is 15 minutes.
        let long = Duration::from_secs(15 * 60);
        let functions = Functions::new()
            .with(HttpFunction::Intake.name(), http(countersign_intake::router(app.clone())))?
            .with(
                HttpFunction::Callback.name(),
                http(countersign_callback::router(
                    app.clone(),
                    invoker.clone(),
                    countersign_callback::Slack::new(Arc::clone(&config.lookup), FileSecrets::Allowed),
                )),
            )?
            .with(HttpFunction::Runners.name(), http(countersign_runners::router(app.clone())))?
            .with(HttpFunction::Console.name(), http(countersign_console::router(app.clone(), invoker)))?
            .with("dispatch", events(Events::Dispatch(dispatch)))?
            .with_timeout("deliver", events(Events::Deliver(deliver)), long)?
            .with_timeout("execute", events(Events::Execute(execute)), long)?
            .with_timeout("expire", events(Events::Expire(expire)), long)?
            .with_timeout("seal", events(Events::Seal(Box::new(seal))), long)?;
        let mut stream = StreamConfig::new(&app.config.table, "dispatch", is_state);
        stream.chaos = config.chaos;
        let sweep = PeriodicRule {
            function: "expire".to_owned(),
            payload: json!({ "sweep": true }),
            every: config.sweep_every,
        };
        let sealing = PeriodicRule {
            function: "seal".to_owned(),
            payload: json!({ "seal": true }),
            every: config.seal_every,
        };
        let route = Arc::new(|method: &_, path: &str| function_of(method, path).name().to_owned());
        let platform = prepared.run(Wiring { functions, route, stream, rules: vec![sweep, sealing] }).await?;
        Ok(Service { app, platform })
    }

    /// The base URL that it will have.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.prepared.public_addr())
    }

    /// The embedded database, to load in bulk.
    #[must_use]
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The folder of `sqlite` targets.
    #[must_use]
    pub fn targets_dir(&self) -> PathBuf {
        self.config.data_dir.join(TARGETS)
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }
}

/// AWS with a person's own credentials, if they stand in the environment.
fn aws_of_person(config: &ServiceConfig, local: &Aws) -> Aws {
    AwsSettings::read(&*config.lookup).map_or_else(|_| local.clone(), Aws::new)
}

/// The event source mapping's filter: records of state items.
fn is_state(image: &Value) -> bool {
    image.pointer("/sk/S").and_then(Value::as_str) == Some(keys::STATE)
}

/// What the functions would find in Lambda's environment; a variable of the real one counts where
/// it makes sense on one machine.
fn settings_of(
    config: &ServiceConfig,
    targets: &Path,
    audit_key: &Path,
    address: SocketAddr,
) -> impl Fn(&str) -> Option<String> + use<> {
    let lookup = Arc::clone(&config.lookup);
    let targets = targets.display().to_string();
    let audit_key = format!("file:{}", audit_key.display());
    move |name| match name {
        "COUNTERSIGN_AUDIT_KEY" => lookup(name).or_else(|| Some(audit_key.clone())),
        "COUNTERSIGN_TABLE" => lookup(name).or_else(|| Some(TABLE.to_owned())),
        "COUNTERSIGN_PUBLIC_URL" => lookup(name).or_else(|| Some(format!("http://{address}"))),
        "COUNTERSIGN_SQLITE_ROOT" => Some(targets.clone()),
        "COUNTERSIGN_EXECUTE_FUNCTION" => Some("execute".to_owned()),
        "COUNTERSIGN_DELIVER_FUNCTION" => Some("deliver".to_owned()),
        "COUNTERSIGN_SCHEDULE_GROUP" => None,
        other => lookup(other),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, ServiceError> {
    std::path::absolute(path).map_err(|source| file(path, "found", source))
}

pub(crate) fn file(path: &Path, action: &'static str, source: std::io::Error) -> ServiceError {
    ServiceError::File { path: path.display().to_string(), action, source }
}
