//! The connection test and the estimate.

use super::plan::{self, Kind};
use super::session::{OPEN_TIMEOUT, Session};
use super::{address, failure};
use crate::estimate::{MAX_STATEMENTS, TableRows, nothing_to_estimate, summed};
use crate::spec::MysqlSpec;
use crate::test::{Problem, TestError, Tested};
use crate::{RunError, RunOptions, Secret};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row};
use tokio::time::timeout;

/// Rights by which nothing can be changed.
const HARMLESS: [&str; 4] = ["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES"];

pub(crate) async fn test(spec: &MysqlSpec, secret: &Secret) -> Result<Tested, TestError> {
    let address = address::parse(secret, spec).map_err(|error| TestError::settings(&error))?;
    let explained = |error: &Error| explain(error, address.scrub.clean(&failure::describe(error)));
    let Ok(opened) = timeout(OPEN_TIMEOUT, Session::connect(&address, spec.caps)).await else {
        return Err(TestError::new(
            Problem::NoAnswer,
            format!("nothing within {} s", OPEN_TIMEOUT.as_secs()),
        ));
    };
    let mut session = opened.map_err(|error| explained(&error))?;
    let Some((conn, _)) = session.split() else {
        return Err(TestError::new(Problem::Other, "the session ended"));
    };
    let (version, database, user, grants) = who(conn).await.map_err(|error| explained(&error))?;
    session.close().await;
    let name = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
    let encrypted = address.options.ssl_opts().is_some();
    let notes = if encrypted { Vec::new() } else { vec!["the connection is not encrypted".to_owned()] };
    Ok(Tested {
        server: format!("{name} {version}"),
        database,
        user: Some(user),
        encrypted: Some(encrypted),
        may_write: Some(!grants.iter().all(|grant| is_harmless(grant))),
        notes,
    })
}

async fn who(conn: &mut Conn) -> Result<(String, Option<String>, String, Vec<String>), Error> {
    let who: Option<(String, Option<String>, String)> =
        conn.query_first("SELECT VERSION(), DATABASE(), CURRENT_USER()").await?;
    let (version, database, user) = who.unwrap_or_default();
    Ok((version, database, user, conn.query("SHOW GRANTS").await?))
}

/// `GRANT SELECT, SHOW VIEW ON db.* TO user`; a role (`GRANT role TO user`) may hold anything.
fn is_harmless(grant: &str) -> bool {
    let rights = grant.strip_prefix("GRANT ").and_then(|rest| rest.split_once(" ON "));
    rights.is_some_and(|(rights, _)| rights.split(',').all(|right| HARMLESS.contains(&right.trim())))
        && !grant.contains("WITH GRANT OPTION")
}

fn explain(error: &Error, message: String) -> TestError {
    let Error::Server(server) = error else { return TestError::of_words(message) };
    let problem = match server.code {
        1045 | 1698 | 1130 | 1251 => Problem::Credentials,
        1049 | 1044 => Problem::NoSuchDatabase,
        _ => Problem::Other,
    };
    TestError::new(problem, message)
}

pub(crate) async fn estimate(
    spec: &MysqlSpec,
    secret: &Secret,
    command: &str,
    wanted: &[usize],
    counting: Option<&str>,
) -> Result<Vec<TableRows>, RunError> {
    let plan = plan::make(command, RunOptions::default()).await?;
    let statements = plan.statements.iter().enumerate().filter(|(place, _)| wanted.contains(place));
    let mut statements: Vec<&str> = statements
        .map(|(_, statement)| statement)
        .filter(|statement| matches!(statement.kind, Kind::Read | Kind::Write))
        .map(|statement| statement.text.as_str())
        .take(MAX_STATEMENTS)
        .collect();
    if statements.is_empty() {
        return Err(nothing_to_estimate());
    }
    if let Some(counting) = counting {
        statements = vec![counting];
    }
    let address = address::parse(secret, spec)?;
    let mut session = Session::open(&address, spec.caps).await?;
    let Some((conn, _)) = session.split() else { return Err(RunError::not_started("the session ended")) };
    let explained = all_explained(conn, &statements).await;
    session.close().await;
    explained.map_err(|error| {
        RunError::not_started(format!("no estimate: {}", address.scrub.clean(&failure::describe(&error))))
    })
}

async fn all_explained(conn: &mut Conn, statements: &[&str]) -> Result<Vec<TableRows>, Error> {
    let mut found = Vec::new();
    let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
    // MySQL tells `filtered` always, MariaDB only if it is asked to.
    let explain =
        if version.unwrap_or_default().contains("MariaDB") { "EXPLAIN EXTENDED" } else { "EXPLAIN" };
    for statement in statements {
        match explained(conn, &format!("{explain} {statement}")).await {
            Ok(rows) => found.extend(rows.into_iter().map(|rows| (rows.table, rows.rows))),
            // The table of one of several may be made by a statement before it.
            Err(Error::Server(_)) if statements.len() > 1 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(summed(found))
}

async fn explained(conn: &mut Conn, explain: &str) -> Result<Vec<TableRows>, Error> {
    // The server refuses to prepare a text of two statements.
    let prepared = conn.prep(explain).await?;
    conn.close(prepared).await?;
    let rows: Vec<Row> = conn.query(explain).await?;
    let found = rows.into_iter().filter_map(|mut row| {
        let table: String = row.take_opt("table")?.ok()?;
        let rows: String = row.take_opt("rows")?.ok()?;
        let rows: u64 = rows.parse().unwrap_or(0);
        let filtered: Option<String> = row.take_opt("filtered").and_then(Result::ok);
        // `<derived2>` and the like are made by the statement itself.
        (!table.starts_with('<')).then(|| (table, met(rows, filtered.as_deref())))
    });
    Ok(summed(found))
}

/// The rows that are left of those that are examined: `filtered` is a percentage with two digits behind the dot.
fn met(rows: u64, filtered: Option<&str>) -> u64 {
    let percent = filtered.and_then(|text| text.split_once('.')).and_then(|(whole, part)| {
        let part: u64 = part.get(..2)?.parse().ok()?;
        Some(whole.parse::<u64>().ok()? * 100 + part)
    });
    match percent {
        Some(hundredths) if hundredths < 10_000 => {
            u64::try_from(u128::from(rows) * u128::from(hundredths) / 10_000).unwrap_or(rows)
        }
        Some(_) | None => rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_that_a_condition_meets_are_a_share_of_those_examined() {
        assert_eq!(met(100_000, Some("10.16")), 10_160);
        assert_eq!(met(100_000, Some("100.00")), 100_000);
        assert_eq!(met(100_000, None), 100_000);
        assert_eq!(met(100_000, Some("odd")), 100_000);
    }

    #[test]
    fn rights_that_only_read_are_known_and_all_others_are_not_harmless() {
        for grant in [
            "GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD 'x'",
            "GRANT SELECT, SHOW VIEW ON `shop`.* TO `r`@`%`",
        ] {
            assert!(is_harmless(grant), "{grant}");
        }
        for grant in [
            "GRANT ALL PRIVILEGES ON *.* TO `r`@`%`",
            "GRANT SELECT, INSERT ON `shop`.* TO `r`@`%`",
            "GRANT `admin` TO `r`@`%`",
            "GRANT SELECT ON *.* TO `r`@`%` WITH GRANT OPTION",
            "SET DEFAULT ROLE x",
        ] {
            assert!(!is_harmless(grant), "{grant}");
        }
    }
}
