//! `execute` runs approved commands, each at most once.
//!
//! `countersign_app::claim` wins the right to run, or this goes away; [`mask`] lets nothing through that must not be seen;
//! [`output`] keeps what the target says; this file joins them: claim, run, store, complete. Whoever
//! dies in between leaves a lease that lapses into UNKNOWN, and nothing runs again. [`probe`],
//! [`mod@estimate`] and [`assess`] run no command: whether a connection works, how many rows a command would
//! touch, and what the guardrails and the masking make of a command and a text.
//! [`configuration`] carries out what admins have agreed to; it needs no target.
//!
//! **Invariant:** what runs are the stored bytes, and only if the digest recomputed from them and
//! from the connection as it is now is the one that every voter approved.

mod assess;
mod catalogue;
mod configuration;
mod estimate;
pub mod mask;
pub mod output;
mod probe;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use countersign_app::App;
use countersign_app::app::{ExecuteEvent, random};
use countersign_app::assess::AssessEvent;
use countersign_app::aws::Aws;
use countersign_app::catalogue::RefreshEvent;
use countersign_app::change::{Asked, ChangeError};
use countersign_app::claim::{Claimant, Claimed, NotClaimed};
use countersign_app::dry_run::PlanEvent;
use countersign_app::guard;
use countersign_app::probe::{EstimateEvent, TestEvent};
use countersign_guardrails::analyse;
use countersign_masking::Masker;
use countersign_rules::command::{Ending, Executor};
use countersign_rules::digest::sha256_hex;
use countersign_rules::event::Outcome;
use countersign_rules::{Command, RequestId, Status, Timestamp};
use countersign_storage::requests::{Aside, ERROR_CHARACTERS};
use countersign_storage::{Connection, Found, StorageError};
use countersign_targets::{
    CancellationToken, Environment, FileSecrets, Ran, RunError, RunOptions, Secret, SecretRef, SecretStore,
    Summary, TargetSpec, Transaction, fetch_secret, run,
};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mask::{Filter, Masking, Seen, Withheld};
use crate::output::{Keeper, Kept};

pub use crate::secrets::secrets_of;

/// Looks up a variable that a secret reference names.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The function and what it holds.
#[derive(Clone)]
pub struct Execute {
    /// The use cases.
    pub app: App,
    /// What this machine offers to targets.
    pub environment: Environment,
    /// Where `env:` secrets are looked up.
    pub lookup: Lookup,
    /// Whether `file:` secrets are allowed.
    pub files: FileSecrets,
    /// Where `secretsmanager:` and `ssm:` secrets are, if this executor may ask AWS.
    pub secrets: Option<Arc<dyn SecretStore>>,
}

/// What the function is invoked with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Event {
    Run(ExecuteEvent),
    Estimate(EstimateEvent),
    Test(TestEvent),
    Assess(Box<AssessEvent>),
    Plan(PlanEvent),
    Refresh(RefreshEvent),
}

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// It is none of ours.
    #[error(
        "expected `{{\"request_id\": …}}`, `{{\"estimate\": …}}`, `{{\"test_connection\": …}}`, `{{\"refresh_catalogue\": …}}`, `{{\"assess\": …}}` or `{{\"plan\": …}}`: {0}"
    )]
    Event(serde_json::Error),
    /// The table could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The claim or the report could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The system has no randomness.
    #[error("the system has no randomness")]
    NoRandomness,
}

impl Execute {
    /// With secrets from the process's environment, as in Lambda.
    #[must_use]
    pub fn from_environment(app: App) -> Self {
        let sqlite_root = app.config.sqlite_root.clone();
        Self {
            app,
            environment: Environment { sqlite_root, ..Environment::default() },
            lookup: Arc::new(|name| std::env::var(name).ok()),
            files: FileSecrets::Refused,
            secrets: None,
        }
    }

    /// With secrets from AWS too.
    #[must_use]
    pub fn with_secrets_of(self, aws: &Aws) -> Self {
        Self { secrets: Some(secrets_of(aws, &self.app.config.secret_prefix)), ..self }
    }

    /// Handles an invocation. A duplicate, a late or a needless one goes away.
    ///
    /// # Errors
    /// [`ExecuteError`]; Lambda may invoke again, which cannot run anything twice.
    pub fn handle<'a>(&'a self, payload: Value) -> BoxFuture<'a, Result<Value, ExecuteError>> {
        Box::pin(async move {
            match serde_json::from_value(payload).map_err(ExecuteError::Event)? {
                Event::Run(event) => self.run_request(event.request_id).await,
                Event::Estimate(event) => Box::pin(self.estimate(event.estimate)).await,
                Event::Test(event) => Ok(json!(Box::pin(self.test(&event.test_connection)).await?)),
                Event::Refresh(event) => Ok(json!(Box::pin(self.refresh(&event.refresh_catalogue)).await?)),
                Event::Assess(event) => {
                    let catalogue = self.app.catalogue_to_judge(&event.assess.connection).await;
                    Ok(json!(assess::assess(&event.assess, catalogue.as_ref())))
                }
                Event::Plan(event) => Ok(json!(Box::pin(self.plan(&event.plan)).await?)),
            }
        })
    }

    async fn run_request(&self, id: RequestId) -> Result<Value, ExecuteError> {
        let Some(claimed) = self.claim(id).await? else {
            return Ok(json!({ "ran": false }));
        };
        tracing::info!(request_id = %id, connection = %claimed.connection.name, "running");
        // Boxed: the future of a database driver in that of the SDK is too deep for the compiler.
        let (ending, aside) = Box::pin(self.run(&claimed, id)).await;
        let status = self.complete(id, &claimed, ending, aside).await?;
        if status == Status::Unknown.as_str() {
            // An alarm counts these lines.
            tracing::warn!(request_id = %id, "the outcome is unknown");
        }
        tracing::info!(request_id = %id, status, "ran");
        Ok(json!({ "ran": true, "status": status }))
    }

    /// Claims a request; `None` if there is nothing to run: it is not approved (any more), another
    /// executor has it, it is for runners, or the look at people and connection has undone its approval.
    async fn claim(&self, id: RequestId) -> Result<Option<Claimed>, ExecuteError> {
        let nonce = format!("{:032x}", random().map_err(|_| ExecuteError::NoRandomness)?);
        let statement_millis =
            |connection: &Connection| spec_of(connection).ok().map(|spec| spec.caps().statement_timeout_ms);
        let claimant = Claimant {
            executor: Executor::Service,
            nonce,
            statement_millis: &statement_millis,
            catalogue: Some(self),
        };
        match self.app.claim(id, &claimant).await {
            Ok(claimed) => Ok(Some(claimed)),
            Err(NotClaimed::Over(_) | NotClaimed::Change(ChangeError::Gone)) => Ok(None),
            // Somebody else has it, or it is over: go away.
            Err(NotClaimed::Change(ChangeError::Refused(refusal))) => {
                tracing::info!(request_id = %id, %refusal, "not run");
                Ok(None)
            }
            Err(NotClaimed::Change(error)) => Err(error.into()),
        }
    }

    async fn run(&self, claimed: &Claimed, id: RequestId) -> (Ending, Aside) {
        if claimed.connection.is_configuration() {
            return self.carry_out(claimed).await;
        }
        let prepared = match spec_of(&claimed.connection) {
            Ok(spec) => self.secret(claimed).await.map(|secret| (spec, secret)),
            Err(message) => Err(message),
        };
        let (spec, secret) = match prepared {
            Ok(prepared) => prepared,
            Err(message) => return failed(format!("not started: {message}"), Kept::default()),
        };
        let filter = match self.filter(claimed).await {
            Ok(filter) => filter,
            Err(message) => return failed(format!("not started: {message}"), Kept::default()),
        };
        let mut keeper = Keeper::new(self.app.store.clone(), id);
        let mut sink = Masking::new(&filter, &mut keeper);
        let cancel = CancellationToken::new();
        let command = &claimed.created.command;
        // The rows of a read are not counted: the database holds it to changing none.
        let max_rows = claimed.state.bounds().max_rows;
        let reads = max_rows.is_some() && filter.analysis.is_provable_read().is_ok();
        let options = RunOptions {
            caps: spec.caps(),
            read_only: claimed.state.read_only || reads,
            max_affected_rows: max_rows.filter(|_| !reads),
            mode: claimed.state.run_mode,
        };
        let ran = run(&spec, secret.as_ref(), command, options, &self.environment, &mut sink, cancel).await;
        let error = ran.error_text().map(|text| sink.error(&text));
        let (Ran { result, transaction }, message) = (ran, error.unwrap_or_default());
        let transaction = transaction.map(Box::new);
        let Seen { counts, notices, withheld } = sink.finish();
        let mut kept = keeper.finish().await.masked(counts.to_map());
        kept.transaction = transaction.clone();
        kept.notices = notices;
        if withheld.is_some() {
            kept = kept.withheld();
        }
        let withheld = withheld.as_ref().map(Withheld::message);
        match result {
            Ok(summary) => succeeded(&summary, kept, withheld),
            Err(RunError::Lost { .. }) => lost(withheld.unwrap_or(message), transaction),
            Err(
                RunError::NotStarted { .. }
                | RunError::Failed { .. }
                | RunError::TimedOut { .. }
                | RunError::BoundExceeded { .. }
                | RunError::Cancelled,
            ) => failed(message, kept),
        }
    }

    /// What the connection does with output.
    async fn filter(&self, claimed: &Claimed) -> Result<Filter, String> {
        let connection = &claimed.connection;
        let key = match &connection.masking_key {
            Some(reference) => Some(self.resolve(reference).await?),
            None => None,
        };
        let key = key.as_ref().map(|key| key.expose().as_bytes());
        Ok(Filter {
            masker: Masker::new(&connection.masking, key).map_err(|error| error.to_string())?,
            rules: guard::rules(connection)?,
            analysis: analyse(guard::dialect(&connection.kind), &claimed.created.command),
        })
    }

    async fn secret(&self, claimed: &Claimed) -> Result<Option<Secret>, String> {
        match claimed.connection.secret_for(claimed.state.read_only) {
            Some(reference) => self.resolve(reference).await.map(Some),
            None => Ok(None),
        }
    }

    async fn resolve(&self, reference: &str) -> Result<Secret, String> {
        let reference = SecretRef::parse(reference, self.files).map_err(|error| error.to_string())?;
        let secret = fetch_secret(&reference, &*self.lookup, self.secrets.as_deref()).await;
        secret.map_err(|error| error.to_string())
    }

    /// Reports the outcome. The store being away for a moment must not turn it into UNKNOWN, so it
    /// is tried until the lease ends.
    async fn complete(
        &self,
        id: RequestId,
        claimed: &Claimed,
        ending: Ending,
        aside: Aside,
    ) -> Result<&'static str, ExecuteError> {
        // While the lease runs hardly anybody writes but us, so the first try needs no look.
        let mut known = Some(claimed.state.clone());
        loop {
            let mut ask = |_: &_, _: &_, _: Timestamp| -> Result<Asked, StorageError> {
                let (nonce, ending) = (claimed.nonce.clone(), ending.clone());
                let command = Command::Complete { nonce, ending, executor: Executor::Service };
                Ok(Asked { command, aside: aside.clone() })
            };
            let reported = match known.take() {
                Some(state) => self.app.change_known(state, &Found::default(), &mut ask).await,
                None => self.app.change(id, None, &[], ask).await,
            };
            match reported {
                Ok(request) => return Ok(request.status().as_str()),
                Err(ChangeError::Storage(StorageError::Conflict)) => {}
                Err(ChangeError::Storage(StorageError::Unavailable(_) | StorageError::Contended))
                    if self.app.now() < claimed.lease_until =>
                {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn succeeded(summary: &Summary, kept: Kept, withheld: Option<String>) -> (Ending, Aside) {
    let mut outcome = kept.outcome();
    outcome.rows = Some(summary.rows);
    outcome.output_cut |= summary.truncated() || summary.output_error.is_some();
    let lost = || "the command ran and succeeded, but its output could not be stored".to_owned();
    let error = withheld.or_else(|| summary.output_error.as_ref().map(|_| lost()));
    let error = error.as_deref().map(shortened);
    outcome.error_sha256 = error.as_deref().map(|text| sha256_hex(text.as_bytes()));
    (Ending::Succeeded(outcome), Aside { error, output: kept.inline, access_version: None })
}

fn lost(message: String, transaction: Option<Box<Transaction>>) -> (Ending, Aside) {
    (Ending::Lost(transaction), Aside { error: Some(shortened(&message)), ..Aside::default() })
}

fn failed(error: String, kept: Kept) -> (Ending, Aside) {
    let error = shortened(&error);
    let mut outcome: Outcome = kept.outcome();
    outcome.error_sha256 = Some(sha256_hex(error.as_bytes()));
    (Ending::Failed(outcome), Aside { error: Some(error), output: kept.inline, access_version: None })
}

fn shortened(text: &str) -> String {
    text.chars().take(ERROR_CHARACTERS).collect()
}

/// The settings of a connection's target, or why they cannot be used.
fn spec_of(connection: &Connection) -> Result<TargetSpec, String> {
    let kind =
        connection.kind.parse().map_err(|error: countersign_targets::TargetError| error.to_string())?;
    TargetSpec::parse(kind, &connection.target).map_err(|error| error.to_string())
}
