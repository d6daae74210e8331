//! The catalogue of a database, read without changing anything: see `countersign_catalogue`.

use crate::run::needed;
use crate::{Environment, RunError, Secret, TargetSpec, mysql, postgres, sqlite};
use countersign_catalogue::Catalogue;
use std::time::Duration;

/// The time limit of all queries together.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Reads the catalogue in a read-only transaction with a statement time-out. The result is bounded.
///
/// # Errors
/// [`RunError::NotStarted`] for a kind without a catalogue and for a time-out; otherwise the server's error.
pub async fn catalogue(
    spec: &TargetSpec,
    secret: Option<&Secret>,
    environment: &Environment,
) -> Result<Catalogue, RunError> {
    let work = async {
        match spec {
            TargetSpec::Postgres(spec) => postgres::catalogue(spec, needed(secret)?).await,
            TargetSpec::Mysql(spec) => mysql::catalogue(spec, needed(secret)?).await,
            TargetSpec::Sqlite(spec) => sqlite::catalogue(spec, environment).await,
            TargetSpec::Http(_) | TargetSpec::Runner(_) => {
                Err(RunError::not_started(format!("a `{}` connection has no catalogue", spec.kind())))
            }
        }
    };
    let read = tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| {
        Err(RunError::not_started(format!("the catalogue was not read within {} s", LIMIT.as_secs())))
    });
    read.map(Catalogue::bounded)
}
