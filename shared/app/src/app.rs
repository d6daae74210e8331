//! What every function holds.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_aws::lambda::Lambda;
use countersign_aws::{Aws, CallError};
use countersign_http::rate::Callers;
use countersign_identity::Scheme;
use countersign_identity::assertion::Assertions;
use countersign_identity::oidc::Provider;
use countersign_identity::session::Sessions;
use countersign_identity::token::ApiTokens;
use countersign_rules::{RequestId, Timestamp, UserId};
use countersign_storage::Store;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::looks::Stopping;
use crate::notify::Notifier;
use crate::refusals::Refusals;
use crate::sign_in::Linked;
use crate::{Config, config::ConfigError};

/// The table, the configuration and who may call. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The table.
    pub store: Store,
    /// The configuration.
    pub config: Arc<Config>,
    /// What has deliveries made, in the functions that ask for some.
    pub notifier: Option<Notifier>,
    /// What answers [`App::assess`], in the functions that ask.
    pub(crate) assessor: Option<Invoker>,
    /// The issuer through which people sign in, if there is one.
    pub issuer: Option<Arc<Provider>>,
    /// The people of a demo, as whom anybody on this machine may sign in. Set by `serve --demo` alone.
    pub demo_people: Arc<[UserId]>,
    pub(crate) schemes: Arc<[Box<dyn Scheme>]>,
    pub(crate) assertions: Option<Assertions>,
    pub(crate) linked: Linked,
    pub(crate) directory: Directory,
    pub(crate) refusals: Refusals,
    /// How often each caller has called.
    pub callers: Callers,
    /// Told when the process is about to end.
    pub stopping: Stopping,
}

impl App {
    /// An app on these clients.
    #[must_use]
    pub fn new(config: Config, aws: &Aws) -> Self {
        let store = Store::new(aws.dynamodb(), config.table.clone());
        Self::on(config, store).notifying_through(aws)
    }

    /// With what has deliveries made, if the configuration names the function.
    #[must_use]
    pub fn notifying_through(self, aws: &Aws) -> Self {
        Self { notifier: Notifier::new(&self.config, aws).ok(), ..self }
    }

    /// With whom to ask what there is no parser for here.
    #[must_use]
    pub fn asking(self, assessor: Invoker) -> Self {
        Self { assessor: Some(assessor), ..self }
    }

    /// An app on this table.
    #[must_use]
    pub fn on(config: Config, store: Store) -> Self {
        let mut schemes: Vec<Box<dyn Scheme>> = vec![Box::new(ApiTokens), Box::new(Sessions)];
        let issuer = config.oidc.clone().map(|settings| Arc::new(Provider::new(settings)));
        // Without randomness nobody is believed who comes with a token of the issuer.
        let assertions = issuer.as_ref().and_then(|_| Assertions::random().ok());
        schemes.extend(assertions.clone().map(|ours| Box::new(ours) as Box<dyn Scheme>));
        let callers = Callers::new(config.calls_per_second);
        Self {
            store,
            config: Arc::new(config),
            notifier: None,
            assessor: None,
            issuer,
            demo_people: Arc::default(),
            schemes: schemes.into(),
            assertions,
            linked: Linked::default(),
            directory: Directory::default(),
            refusals: Refusals::default(),
            callers,
            stopping: Stopping::default(),
        }
    }

    /// The same with a meter of its own, so that what nobody waits for is counted apart.
    #[must_use]
    pub fn metered_apart(&self) -> Self {
        Self { store: self.store.metered(), ..self.clone() }
    }

    /// What time it is. Read anew before each attempt to write.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// 128 random bits, for ids and nonces.
///
/// # Errors
/// If the system has no randomness.
pub fn random() -> Result<u128, getrandom::Error> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_be_bytes(bytes))
}

/// What `execute` is invoked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecuteEvent {
    /// Which request.
    pub request_id: RequestId,
    /// Who asked for it; none if the service did.
    #[serde(default)]
    pub requested_by: Option<UserId>,
}

/// Has commands executed, asynchronously. The invocation may be lost or doubled.
#[derive(Debug, Clone)]
pub struct Invoker {
    pub(crate) lambda: Lambda,
    pub(crate) function: String,
}

/// A function could not be invoked.
#[derive(Debug, thiserror::Error)]
#[error("the function that {what} cannot be invoked: {why}")]
pub struct InvokeError {
    what: &'static str,
    why: String,
}

impl InvokeError {
    pub(crate) fn execute(why: String) -> Self {
        Self { what: RUNS_COMMANDS, why }
    }
}

const RUNS_COMMANDS: &str = "runs commands";
pub(crate) const MAKES_DELIVERIES: &str = "makes deliveries";

/// Queues an invocation of a function. `what` completes "the function that …".
pub(crate) async fn queue(
    lambda: &Lambda,
    function: &str,
    what: &'static str,
    event: &impl Serialize,
) -> Result<(), InvokeError> {
    let failed = |why| InvokeError { what, why };
    let payload = serde_json::to_vec(event).map_err(|error| failed(error.to_string()))?;
    lambda.invoke_event(function, payload).await.map_err(|error| failed(reason(&error)))
}

impl Invoker {
    /// For the function that the configuration names.
    ///
    /// # Errors
    /// If it names none.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ConfigError> {
        let function = config.execute_function.clone();
        let function = function.ok_or(ConfigError::Missing("COUNTERSIGN_EXECUTE_FUNCTION"))?;
        Ok(Self { lambda: aws.lambda(), function })
    }

    /// Asks for the execution of a request.
    ///
    /// # Errors
    /// If Lambda did not take it.
    pub fn execute<'a>(&'a self, event: &'a ExecuteEvent) -> BoxFuture<'a, Result<(), InvokeError>> {
        Box::pin(async move { self.begin(event).await })
    }

    /// Queues an invocation of `execute`.
    pub(crate) async fn begin(&self, event: &impl Serialize) -> Result<(), InvokeError> {
        queue(&self.lambda, &self.function, RUNS_COMMANDS, event).await
    }
}

/// AWS's error code, or why there is none.
pub(crate) fn reason(error: &CallError) -> String {
    error.code().map_or_else(|| error.to_string(), str::to_owned)
}
