//! The connection test and the estimate.

use super::plan;
use super::session::{OPEN_TIMEOUT, Session};
use super::{address, execute, failure, pooled};
use crate::estimate::{MAX_STATEMENTS, TableRows, nothing_to_estimate, summed};
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
    command: &str,
    wanted: &[usize],
) -> Result<Vec<TableRows>, RunError> {
    let plan = plan::make(command).await?;
    let statements = plan.statements().iter().enumerate().filter(|(place, _)| wanted.contains(place));
    let statements: Vec<&str> = statements
        .map(|(_, statement)| statement)
        .filter(|statement| statement.is_explainable())
        .map(|statement| statement.text.as_str())
        .take(MAX_STATEMENTS)
        .collect();
    if statements.is_empty() {
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
    if let [only] = statements.as_slice() {
        return planned(client, only).await.map_err(failed);
    }
    let mut found = Vec::new();
    for statement in statements {
        client.batch_execute("SAVEPOINT plan").await.map_err(failed)?;
        match planned(client, statement).await {
            Ok(rows) => found.extend(rows.into_iter().map(|rows| (rows.table, rows.rows))),
            // Its table may be made by a statement before it.
            Err(error) if error.as_db_error().is_some() => {
                client.batch_execute("ROLLBACK TO SAVEPOINT plan").await.map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(summed(found))
}

/// The rows of one statement. A plan that cannot be read says nothing.
async fn planned(client: &Client, statement: &str) -> Result<Vec<TableRows>, Error> {
    // The server refuses to prepare a text of two statements.
    client.prepare(statement).await?;
    let row = first_row(client, &format!("EXPLAIN (FORMAT JSON, VERBOSE) {statement}")).await?;
    let plan = row.first().and_then(Option::as_deref).and_then(|text| serde_json::from_str(text).ok());
    Ok(plan.as_ref().map(rows_of).unwrap_or_default())
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
