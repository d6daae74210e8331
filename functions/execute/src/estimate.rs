//! What a command would do, found out before the vote: how many rows by the target's plan, side effects by the catalogue
//! of the database, and for reviewers an exact number of rows.
//!
//! The command does not run. The plan is made with the secret for estimates, the count with the secret for reading. Only
//! numbers, names and sentences of ours are kept; the target's errors are kept nowhere, because they may quote the command.

use std::time::Duration;

use countersign_app::change::ChangeError;
use countersign_app::dry_run::{Plan, Planned};
use countersign_app::guard;
use countersign_catalogue::Catalogue;
use countersign_guardrails::{Analysis, analyse, count_query, impact};
use countersign_rules::risk::{Estimate, TableRows};
use countersign_rules::{Command, Request, RequestId, Status};
use countersign_storage::requests::ExactRows;
use countersign_storage::{Connection, Key};
use countersign_targets::{CancellationToken, Caps, Record, RunOptions, TargetSpec};
use serde_json::{Value, json};

use crate::{Execute, ExecuteError, spec_of};

/// At most so many tables are kept, so that the state stays small.
const MAX_TABLES: usize = 5;
/// At most so many characters of a table's name are kept.
const MAX_CHARACTERS: usize = 130;
/// The time limit of a count.
const COUNT_LIMIT: Duration = Duration::from_secs(10);

/// A request that waits for an estimate, and what it is made from.
struct Subject {
    request: Request,
    command: String,
    connection: Connection,
    spec: TargetSpec,
}

/// What was found out.
struct Findings {
    tables: Vec<TableRows>,
    notes: Vec<String>,
    no_row_bound: Option<String>,
    exact: Option<ExactRows>,
}

impl Execute {
    /// Finds out and writes down what helps those who still decide.
    pub(crate) async fn estimate(&self, id: RequestId) -> Result<Value, ExecuteError> {
        let Some(subject) = self.subject_of(id).await? else { return Ok(json!({ "estimated": false })) };
        let Findings { tables, notes, no_row_bound, exact } = self.findings(&subject).await;
        // Stored first, so that it is there when the event arrives.
        if let Some(exact) = &exact
            && let Err(error) = self.app.store.put_exact_rows(id, exact).await
        {
            tracing::warn!(%error, request_id = %id, "an exact number of rows cannot be stored");
        }
        let estimate = Command::Estimate { tables, notes, no_row_bound };
        let command = |_: &_, _: &_, _| Ok(estimate.clone().into());
        let made = match self.app.change(id, None, &[], command).await {
            Ok(_) => true,
            // It was decided meanwhile.
            Err(ChangeError::Refused(_)) => false,
            Err(error) => return Err(error.into()),
        };
        Ok(json!({ "estimated": made }))
    }

    async fn subject_of(&self, id: RequestId) -> Result<Option<Subject>, ExecuteError> {
        let found = self.app.store.read("estimate", &[Key::State(id), Key::Created(id)]).await?;
        let (Some(request), Some(created)) = (found.request(id)?, found.created(id)?) else {
            return Ok(None);
        };
        let pending = request.status_at(self.app.now()) == Status::Pending;
        if !pending || request.estimate != Some(Estimate::Wanted) {
            return Ok(None);
        }
        let found = self.app.store.read("estimate", &[Key::Connection(request.connection.clone())]).await?;
        let connection = found.connection(&request.connection)?.filter(|now| now.kind == request.kind);
        let Some(connection) = connection else { return Ok(None) };
        let Ok(spec) = spec_of(&connection) else { return Ok(None) };
        Ok(Some(Subject { request, command: created.command, connection, spec }))
    }

    async fn findings(&self, subject: &Subject) -> Findings {
        let analysis = analyse(guard::dialect(&subject.connection.kind), &subject.command);
        let (tables, catalogue) =
            tokio::join!(self.planned(subject, &analysis), self.catalogue_for(subject, &analysis));
        let (notes, catalogue) = match catalogue {
            Ok(catalogue) => (impact(&analysis, &catalogue), Some(catalogue)),
            Err(why) => (vec![format!("sizes, triggers and cascades are not known: {why}")], None),
        };
        let no_row_bound = guard::no_row_bound(&subject.connection.kind, &analysis, catalogue.as_ref());
        let exact = self.counted(subject, catalogue.as_ref()).await;
        Findings { tables, notes, no_row_bound, exact }
    }

    /// The catalogue with all tables that the command changes. Sentences about why there is none quote no error of the
    /// database.
    async fn catalogue_for(&self, subject: &Subject, analysis: &Analysis) -> Result<Catalogue, String> {
        let lists_all = |catalogue: &Catalogue| {
            let changes = analysis.statements.iter().flat_map(|statement| &statement.changes);
            changes
                .into_iter()
                .all(|change| catalogue.table(change.schema.as_deref(), &change.table).is_some())
        };
        let found = Box::pin(self.fresh_catalogue(&subject.connection, lists_all)).await;
        found.map(|stored| stored.catalogue).map_err(|error| {
            tracing::warn!(%error, request_id = %subject.request.id, "no catalogue");
            "there is no catalogue of this connection".to_owned()
        })
    }

    /// The estimate of a dry run. The connection is read here, so that the caller cannot choose which secret is
    /// used for which target, and the command is judged here, so that nothing blocked is planned.
    pub(crate) async fn plan(&self, asked: &Plan) -> Result<Planned, ExecuteError> {
        let found = self.app.store.read("plan", &[Key::Connection(asked.connection.clone())]).await?;
        let Some(connection) = found.connection(&asked.connection)? else { return Ok(Planned::default()) };
        let (Ok(rules), Ok(spec)) = (guard::rules(&connection), spec_of(&connection)) else {
            return Ok(Planned::default());
        };
        let catalogue = self.app.catalogue_to_judge(&connection).await;
        let judged = guard::judged_with(&connection, &rules, true, &asked.command, catalogue.as_ref());
        if !judged.estimate {
            return Ok(Planned::default());
        }
        let analysis = analyse(guard::dialect(&connection.kind), &asked.command);
        let rows = self.planned_rows(&connection, &spec, &asked.command, &analysis).await;
        Ok(Planned { estimate: Estimate::in_rough_words(&rows) })
    }

    /// Rows by the target's plan.
    async fn planned(&self, subject: &Subject, analysis: &Analysis) -> Vec<TableRows> {
        self.planned_rows(&subject.connection, &subject.spec, &subject.command, analysis).await
    }

    async fn planned_rows(
        &self,
        connection: &Connection,
        spec: &TargetSpec,
        command: &str,
        analysis: &Analysis,
    ) -> Vec<TableRows> {
        let Some(reference) = &connection.estimate_secret else { return Vec::new() };
        let wanted = analysis.plannable_statements();
        if wanted.is_empty() {
            return Vec::new();
        }
        let secret = match self.resolve(reference).await {
            Ok(secret) => secret,
            Err(error) => {
                tracing::warn!(%error, connection = %connection.name, "no estimate: its secret cannot be resolved");
                return Vec::new();
            }
        };
        let counting = count_query(guard::dialect(&connection.kind), command, None);
        let counting = counting.as_ref().map(|query| query.sql.as_str());
        let planned = countersign_targets::estimate(spec, Some(&secret), command, &wanted, counting);
        let Ok(tables) = Box::pin(planned).await else {
            // What it says may quote the command.
            tracing::warn!(connection = %connection.name, "no estimate: the target gave none");
            return Vec::new();
        };
        let tables = tables.into_iter().take(MAX_TABLES).map(|found| TableRows {
            table: found.table.chars().take(MAX_CHARACTERS).collect(),
            rows: found.rows,
        });
        tables.collect()
    }

    /// The exact number of rows, if the condition is provably a read and there is a role that may only read.
    async fn counted(&self, subject: &Subject, catalogue: Option<&Catalogue>) -> Option<ExactRows> {
        let connection = &subject.connection;
        let query = count_query(guard::dialect(&connection.kind), &subject.command, catalogue)?;
        let secret = match (&connection.read_secret, connection.kind.as_str()) {
            (Some(reference), _) => Some(self.resolve(reference).await.ok()?),
            // A file needs no secret, and is opened for reading.
            (None, "sqlite") => None,
            (None, _) => return None,
        };
        let millis = u64::try_from(COUNT_LIMIT.as_millis()).unwrap_or(u64::MAX);
        let caps = subject.spec.caps();
        let caps = Caps {
            statement_timeout_ms: caps.statement_timeout_ms.min(millis),
            max_rows: 1,
            max_bytes: 4096,
        };
        let options = RunOptions { caps, read_only: true, ..RunOptions::default() };
        let mut output: Vec<Record> = Vec::new();
        let (environment, cancel) = (&self.environment, CancellationToken::new());
        let run = countersign_targets::run(
            &subject.spec,
            secret.as_ref(),
            &query.sql,
            options,
            environment,
            &mut output,
            cancel,
        );
        if Box::pin(run).await.result.is_err() {
            tracing::info!(request_id = %subject.request.id, "no exact number of rows");
            return None;
        }
        let rows = output.iter().find_map(|record| match record {
            Record::Row(cells) => cells.first()?.as_deref()?.parse().ok(),
            _ => None,
        })?;
        let table = query.table.chars().take(MAX_CHARACTERS).collect();
        Some(ExactRows { rows, table, at: self.app.now() })
    }
}
