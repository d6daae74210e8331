//! The connection test and the estimate.

use super::plan::{self, Plan};
use super::session::{OPEN_TIMEOUT, Session};
use super::{address, execute, failure, pooled};
use crate::estimate::{TableRows, nothing_to_estimate, summed};
use crate::spec::PostgresSpec;
use crate::test::{Problem, TestError, Tested};
use crate::{RunError, Secret};
use serde_json::Value;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// Who one is, and whether one may change anything: a table of somebody's, or make a schema.
const WHO: &str = "SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_database(), current_user, \
    (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user), \
    pg_catalog.pg_is_in_recovery(), \
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') OR EXISTS ( \
      SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
      WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
      AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))";

pub(crate) async fn test(spec: &PostgresSpec, secret: &Secret) -> Result<Tested, TestError> {
    let address = address::parse(secret, spec).map_err(|error| TestError::settings(&error))?;
    let explained = |error: &Error| explain(error, &address.scrub.clean(&failure::describe(error)));
    let Ok(opened) = timeout(OPEN_TIMEOUT, Session::connect(&address, spec.caps)).await else {
        return Err(TestError::new(
            Problem::NoAnswer,
            format!("nothing within {} s", OPEN_TIMEOUT.as_secs()),
        ));
    };
    let session = opened.map_err(|error| explained(&error))?;
    let row = first_row(session.client(), WHO).await.map_err(|error| explained(&error))?;
    let cell = |index: usize| row.get(index).cloned().flatten().unwrap_or_default();
    let is = |index: usize| cell(index) == "t";
    let mut notes = Vec::new();
    if is(3) {
        notes.push(
            "the user is a superuser: no right of the database limits what an approved command does"
                .to_owned(),
        );
    }
    if is(4) {
        notes.push("the server is a replica: it takes no writes".to_owned());
    }
    if session.pooled() {
        notes.push("a connection pooler stands before the server: commands run inside of a transaction, so `VACUUM` and `CREATE INDEX CONCURRENTLY` are not possible".to_owned());
    }
    let encrypted = address.is_encrypted();
    if !encrypted {
        notes.push("the connection is not encrypted".to_owned());
    }
    Ok(Tested {
        server: format!("PostgreSQL {}", cell(0)),
        database: Some(cell(1)),
        user: Some(cell(2)),
        encrypted: Some(encrypted),
        may_write: Some((is(3) || is(5)) && !is(4)),
        notes,
    })
}

fn explain(error: &Error, message: &str) -> TestError {
    let Some(code) = error.code() else { return TestError::of_words(message.to_owned()) };
    let problem = match *code {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Problem::Credentials,
        SqlState::INVALID_CATALOG_NAME => Problem::NoSuchDatabase,
        _ => Problem::Other,
    };
    TestError::new(problem, message)
}

pub(crate) async fn estimate(
    spec: &PostgresSpec,
    secret: &Secret,
    statement: &str,
) -> Result<Vec<TableRows>, RunError> {
    let Plan::Single(statement) = plan::make(statement).await? else { return Err(nothing_to_estimate()) };
    if !statement.is_explainable() {
        return Err(nothing_to_estimate());
    }
    let address = address::parse(secret, spec)?;
    let session = Session::open(&address, spec.caps).await?;
    let failed = |error: Error| {
        RunError::not_started(format!("no estimate: {}", address.scrub.clean(&failure::describe(&error))))
    };
    let client = session.client();
    let begin = if session.pooled() {
        format!("{}; {}", execute::BEGIN_READ_ONLY, pooled::settings(spec.caps))
    } else {
        execute::BEGIN_READ_ONLY.to_owned()
    };
    client.batch_execute(&begin).await.map_err(failed)?;
    // The server refuses to prepare a text of two statements.
    let explain = format!("EXPLAIN (FORMAT JSON, VERBOSE) {}", statement.text);
    client.prepare(&statement.text).await.map_err(failed)?;
    let row = first_row(client, &explain).await.map_err(failed)?;
    let plan: Value = row
        .first()
        .and_then(Option::as_deref)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| RunError::not_started("no estimate: the server's plan could not be read"))?;
    Ok(rows_of(&plan))
}

/// The first row's cells.
async fn first_row(client: &Client, query: &str) -> Result<Vec<Option<String>>, Error> {
    let messages = client.simple_query(query).await?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect())
        }
        _ => None,
    });
    Ok(row.unwrap_or_default())
}

/// What is written, if anything is; else what is read.
fn rows_of(plan: &Value) -> Vec<TableRows> {
    let (mut written, mut read) = (Vec::new(), Vec::new());
    let mut open: Vec<&Value> =
        plan.as_array().into_iter().flatten().filter_map(|plan| plan.get("Plan")).collect();
    while let Some(node) = open.pop() {
        let inner: Vec<&Value> = node.get("Plans").and_then(Value::as_array).into_iter().flatten().collect();
        let text = |name: &str| node.get(name).and_then(Value::as_str);
        if let Some(relation) = text("Relation Name") {
            let table = format!("{}.{relation}", text("Schema").unwrap_or("public"));
            if text("Node Type") == Some("ModifyTable") {
                // The node itself returns nothing; what it is given is what it changes.
                written.push((table, inner.iter().map(|node| rows(node)).sum()));
            } else {
                read.push((table, rows(node)));
            }
        }
        open.extend(inner.iter().rev());
    }
    summed(if written.is_empty() { read } else { written })
}

fn rows(node: &Value) -> u64 {
    node.get("Plan Rows").and_then(Value::as_u64).unwrap_or(0)
}
