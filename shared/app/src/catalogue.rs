//! The catalogue of a connection's database: from where it is read, and when one is good enough.
//!
//! `execute` reads it, because it resolves secrets. A catalogue counts for a connection only as long as the connection has
//! the same target and the same secret.

use std::time::Duration;

use countersign_catalogue::Catalogue;
use countersign_rules::digest::sha256_hex;
use countersign_rules::risk::Estimate;
use countersign_rules::{ConnectionName, Request, Timestamp};
use countersign_storage::catalogues::StoredCatalogue;
use countersign_storage::requests::ExactRows;
use countersign_storage::{Connection, Key};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::{InvokeError, Invoker};
use crate::{App, Caller, guard, view};

/// An older catalogue is read again when a request needs it.
pub const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// What `execute` is invoked with to read a connection's catalogue again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshEvent {
    /// The connection.
    pub refresh_catalogue: ConnectionName,
}

/// A catalogue in numbers, for people who set connections up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CatalogueReport)]
pub struct CatalogueReport {
    /// When it was read; null if there is none.
    #[schema(required = true)]
    pub read_at: Option<Timestamp>,
    /// The server and its version.
    #[schema(required = true)]
    pub server: Option<String>,
    /// How many tables and views it lists.
    pub tables: usize,
    /// How many functions it lists that are not part of the server.
    pub functions: usize,
    /// How many types it lists that are not part of the server.
    pub types: usize,
    /// Parts that are missing because the database is too large or did not give them in time.
    pub left_out: Vec<String>,
    /// Why it could not be read now.
    #[schema(required = true)]
    pub error: Option<String>,
}

impl CatalogueReport {
    /// A stored catalogue in numbers.
    #[must_use]
    pub fn of(stored: &StoredCatalogue) -> Self {
        let catalogue = &stored.catalogue;
        Self {
            read_at: Some(stored.read_at),
            server: Some(catalogue.server.clone()),
            tables: catalogue.tables.len(),
            functions: catalogue.functions.len(),
            types: catalogue.types.len(),
            left_out: catalogue.left_out.clone(),
            error: None,
        }
    }

    /// No catalogue, and why.
    #[must_use]
    pub fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }
}

/// Where the catalogue of a connection comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueSource {
    /// The reference to the secret with which it is read, if the kind needs one.
    pub secret: Option<String>,
    /// Differs if the target or the secret differs.
    pub id: String,
}

/// The source of a connection's catalogue; `None` if it has none: another kind, or a server with neither a secret for
/// estimates nor one for reading.
#[must_use]
pub fn source(connection: &Connection) -> Option<CatalogueSource> {
    let secret = match connection.kind.as_str() {
        "postgres" | "mysql" => {
            Some(connection.estimate_secret.clone().or_else(|| connection.read_secret.clone())?)
        }
        // A file, opened for reading.
        "sqlite" => None,
        _ => return None,
    };
    let target = connection.canonical_target().ok()?;
    let parts = [connection.kind.as_str(), target.as_str(), secret.as_deref().unwrap_or_default()];
    let text: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    Some(CatalogueSource { secret, id: sha256_hex(text.as_bytes()) })
}

/// A stored catalogue, if it was read from what the connection leads to now.
#[must_use]
pub fn current(connection: &Connection, stored: Option<StoredCatalogue>) -> Option<StoredCatalogue> {
    let source = source(connection)?;
    stored.filter(|stored| stored.source == source.id)
}

/// Whether a catalogue is too old to be used without reading it again.
#[must_use]
pub fn is_stale(stored: &StoredCatalogue, now: Timestamp) -> bool {
    let age = now.millis_since(stored.read_at);
    age > i64::try_from(MAX_AGE.as_millis()).unwrap_or(i64::MAX)
}

impl App {
    /// The catalogue that a submission and a dry run on a connection are judged by: the stored one, where it can change
    /// the verdict.
    pub fn catalogue_to_judge<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Option<Catalogue>> {
        Box::pin(async move {
            match guard::uses_catalogue(connection) {
                true => self.catalogue_of(connection).await,
                false => None,
            }
        })
    }

    /// The stored catalogue of a connection. `None` if there is none or it cannot be read: then less is provable.
    pub fn catalogue_of<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Option<Catalogue>> {
        Box::pin(async move {
            source(connection)?;
            let stored = self.store.catalogue(&connection.name).await;
            let stored = stored.inspect_err(|error| tracing::warn!(%error, "catalogue")).ok().flatten();
            current(connection, stored).map(|stored| stored.catalogue)
        })
    }
}

impl App {
    /// The exact number of rows of a request, for a reviewer of it. Read only where there can be one.
    pub fn exact_rows<'a>(
        &'a self,
        request: &'a Request,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Option<ExactRows>> {
        Box::pin(async move {
            let made = matches!(request.estimate, Some(Estimate::Made(_)));
            if !made || !view::may_see_exact_rows(request, caller) {
                return None;
            }
            let found = self.store.read("exact rows", &[Key::ExactRows(request.id)]).await;
            let found = found.inspect_err(|error| tracing::warn!(%error, "exact rows")).ok()?;
            found.exact_rows(request.id)
        })
    }
}

impl Invoker {
    /// Has a connection's catalogue read again, and waits for it.
    ///
    /// # Errors
    /// If the function that runs commands did not answer.
    pub fn refresh<'a>(
        &'a self,
        event: &'a RefreshEvent,
    ) -> BoxFuture<'a, Result<CatalogueReport, InvokeError>> {
        Box::pin(async move { self.ask(event).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn connection(more: serde_json::Value) -> Connection {
        let mut value = json!({
            "name": "prod-db", "kind": "postgres", "target": {}, "secret": "env:URL", "reviewers": ["dba-team"],
            "approvals_per_group": 1, "distinct_reviewers": true, "exempt_groups": [], "allowed_groups": [],
            "approvals": true, "admin_auto_approve": true, "timeout_seconds": null, "run_within_seconds": 3600,
            "require_reason": false, "masking": {}, "notify": [], "slack_channels": [],
            "created_at": "2026-11-25T10:00:00Z", "version": 1
        });
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_catalogue_of_another_target_or_secret_does_not_count() {
        let before = connection(json!({ "read_secret": "env:READ" }));
        let stored = StoredCatalogue {
            catalogue: Catalogue::default(),
            read_at: Timestamp::from_unix_millis(0),
            source: source(&before).unwrap().id,
        };
        assert!(current(&before, Some(stored.clone())).is_some());
        for after in [
            json!({ "read_secret": "env:OTHER" }),
            json!({ "read_secret": "env:READ", "estimate_secret": "env:PLAN" }),
            json!({ "read_secret": "env:READ", "target": { "application_name": "x" } }),
            json!({}),
        ] {
            assert_eq!(current(&connection(after.clone()), Some(stored.clone())), None, "{after}");
        }
    }

    #[test]
    fn only_a_secret_for_estimates_or_for_reading_reads_it() {
        assert_eq!(source(&connection(json!({}))), None, "the secret that runs commands may write");
        let plan = connection(json!({ "read_secret": "env:READ", "estimate_secret": "env:PLAN" }));
        assert_eq!(source(&plan).unwrap().secret.as_deref(), Some("env:PLAN"));
        assert_eq!(source(&connection(json!({ "kind": "http", "read_secret": "env:READ" }))), None);
    }

    #[test]
    fn a_catalogue_is_stale_after_a_day() {
        let stored = StoredCatalogue {
            catalogue: Catalogue::default(),
            read_at: Timestamp::from_unix_millis(0),
            source: String::new(),
        };
        let day = 24 * 3600 * 1000;
        assert!(!is_stale(&stored, Timestamp::from_unix_millis(day)));
        assert!(is_stale(&stored, Timestamp::from_unix_millis(day + 1)));
    }
}
