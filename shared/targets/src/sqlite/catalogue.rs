//! The catalogue of an SQLite file, read in one transaction that only reads.
//!
//! SQLite has no functions of its users, and one schema. Its files have no statistics unless somebody ran ANALYZE, so the
//! rows of a small file are counted.

use super::guard::Guard;
use super::stop::Stop;
use super::{definition, failure, open, path};
use crate::RunError;
use crate::catalogue::LIMIT;
use crate::run::Environment;
use crate::spec::SqliteSpec;
use countersign_catalogue::bounds::MAX_TABLES;
use countersign_catalogue::{Action, Catalogue, Column, Folding, ForeignKey, Name, Table, TableKind};
use rusqlite::{Connection, Error};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the schema: the file itself.
const SCHEMA: &str = "main";
/// The rows and bytes of a larger file are not counted, because that reads all of it.
const MAX_COUNTED_BYTES: u64 = 64 * 1024 * 1024;

pub(crate) async fn catalogue(spec: &SqliteSpec, environment: &Environment) -> Result<Catalogue, RunError> {
    let Some(root) = &environment.sqlite_root else {
        return Err(RunError::not_started("SQLite targets are switched off on this executor"));
    };
    let path = path::locate(root, &spec.path, &environment.forbidden)?;
    let millis = u64::try_from(LIMIT.as_millis()).unwrap_or(u64::MAX);
    let stop = Arc::new(Stop::new(millis.min(spec.caps.statement_timeout_ms)));
    let work = tokio::task::spawn_blocking(move || {
        let guard = Guard::new(true);
        let connection = open::open(&path, &guard, &stop, true)?;
        let read = guard.ours(|| {
            connection.execute_batch("BEGIN")?;
            let read = read(&connection);
            connection.execute_batch("ROLLBACK")?;
            read
        });
        read.map_err(|error| {
            RunError::not_started(format!("the catalogue cannot be read: {}", failure::text(&error)))
        })
    });
    work.await.unwrap_or_else(|_| Err(RunError::not_started("the thread that read the catalogue failed")))
}

fn read(connection: &Connection) -> Result<Catalogue, Error> {
    let mut catalogue = Catalogue {
        server: format!("SQLite {}", rusqlite::version()),
        folding: Folding::IgnoreCase,
        search_path: vec![SCHEMA.to_owned()],
        ..Catalogue::default()
    };
    let mut tables = tables(connection)?;
    // Where they are not enforced, they do nothing.
    let enforced: bool = connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0))?;
    for table in tables.values_mut() {
        columns(connection, table)?;
        if enforced && table.kind == TableKind::Table {
            catalogue.foreign_keys.extend(foreign_keys(connection, &table.name.name)?);
        }
    }
    described(connection, &mut tables)?;
    sizes(connection, &mut tables, &mut catalogue.left_out)?;
    let names: BTreeMap<String, String> =
        tables.iter().map(|(lower, table)| (lower.clone(), table.name.name.clone())).collect();
    // A foreign key names its parent in any case.
    for key in &mut catalogue.foreign_keys {
        if let Some(name) = names.get(&key.references.name.to_lowercase()) {
            key.references.name.clone_from(name);
        }
    }
    catalogue.tables = tables.into_values().collect();
    Ok(catalogue)
}

/// Tables by their name in small letters, as SQLite compares them.
type Tables = BTreeMap<String, Table>;

fn tables(connection: &Connection) -> Result<Tables, Error> {
    let query = format!(
        "SELECT name, type FROM pragma_table_list WHERE schema = '{SCHEMA}' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY name LIMIT {}",
        MAX_TABLES + 1
    );
    let mut statement = connection.prepare(&query)?;
    let found = statement.query_map([], |row| {
        let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
        let kind = if kind == "view" { TableKind::View } else { TableKind::Table };
        Ok((name.to_lowercase(), Table { name: Name::new(SCHEMA, name), kind, ..Table::default() }))
    })?;
    found.collect()
}

fn columns(connection: &Connection, table: &mut Table) -> Result<(), Error> {
    let mut statement = connection.prepare_cached("SELECT name, type FROM pragma_table_info(?1)")?;
    let found = statement
        .query_map([&table.name.name], |row| Ok(Column { name: row.get(0)?, type_name: row.get(1)? }));
    // A virtual table whose module is missing, or a view of a table that is gone, tells no columns.
    match found.and_then(Iterator::collect) {
        Ok(columns) => table.columns = columns,
        Err(error) if failure::code(&error) == Some(rusqlite::ErrorCode::OperationInterrupted) => {
            return Err(error);
        }
        Err(_) => {}
    }
    Ok(())
}

fn foreign_keys(connection: &Connection, table: &str) -> Result<Vec<ForeignKey>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id, \"table\", \"to\", on_delete, on_update FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let mut keys: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let (parent, column): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        let (on_delete, on_update): (String, String) = (row.get(3)?, row.get(4)?);
        let columns = match column {
            Some(column) => vec![column],
            // Without columns it refers to the primary key.
            None => primary_key(connection, &parent)?,
        };
        let key = keys.entry(row.get(0)?).or_insert_with(|| ForeignKey {
            table: Name::new(SCHEMA, table),
            references: Name::new(SCHEMA, parent),
            on_delete: action(&on_delete),
            on_update: action(&on_update),
            ..ForeignKey::default()
        });
        for column in columns {
            if !key.referenced_columns.contains(&column) {
                key.referenced_columns.push(column);
            }
        }
    }
    Ok(keys.into_values().collect())
}

fn primary_key(connection: &Connection, table: &str) -> Result<Vec<String>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

fn action(text: &str) -> Action {
    match text {
        "CASCADE" => Action::Cascade,
        "SET NULL" => Action::SetNull,
        "SET DEFAULT" => Action::SetDefault,
        _ => Action::Refuse,
    }
}

/// Adds the triggers of tables and the queries of views.
fn described(connection: &Connection, tables: &mut Tables) -> Result<(), Error> {
    let mut statement = connection.prepare(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        let (of, sql): (String, String) = (row.get(2)?, row.get(3)?);
        let Some(table) = tables.get_mut(&of.to_lowercase()) else { continue };
        if kind == "view" {
            table.definition = definition::query(&sql);
        } else {
            table.triggers.push(definition::trigger(name, &sql));
        }
    }
    Ok(())
}

/// Adds sizes: by ANALYZE where it was run, else counted if the file is small.
fn sizes(connection: &Connection, tables: &mut Tables, left_out: &mut Vec<String>) -> Result<(), Error> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
    analysed(connection, tables)?;
    if number("PRAGMA page_count")?.saturating_mul(number("PRAGMA page_size")?) > MAX_COUNTED_BYTES {
        if tables.values().any(|table| table.kind == TableKind::Table && table.rows.is_none()) {
            let megabytes = MAX_COUNTED_BYTES / (1024 * 1024);
            left_out.push(format!(
                "the sizes of tables that were not analysed, because the file is larger than {megabytes} MB"
            ));
        }
        return Ok(());
    }
    let mut statement = connection.prepare(
        "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name \
         WHERE s.aggregate = TRUE GROUP BY m.tbl_name",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if let Some(table) = tables.get_mut(&name.to_lowercase()) {
            table.bytes = Some(row.get(1)?);
        }
    }
    // A table without bytes of its own is a view or a virtual one.
    for table in tables.values_mut().filter(|table| table.bytes.is_some() && table.rows.is_none()) {
        let quoted = table.name.name.replace('"', "\"\"");
        table.rows = Some(roughly(number(&format!("SELECT count(*) FROM {SCHEMA}.\"{quoted}\""))?));
    }
    Ok(())
}

/// Adds the rows that ANALYZE wrote down.
fn analysed(connection: &Connection, tables: &mut Tables) -> Result<(), Error> {
    let is_there = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'";
    if connection.query_row(is_there, [], |row| row.get::<_, u64>(0))? == 0 {
        return Ok(());
    }
    // An index with a condition has fewer rows than its table.
    let mut statement = connection.prepare(
        "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE stat IS NOT NULL GROUP BY tbl",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (name, rows): (String, i64) = (row.get(0)?, row.get(1)?);
        if let Some(table) = tables.get_mut(&name.to_lowercase()) {
            table.rows = u64::try_from(rows).ok();
        }
    }
    Ok(())
}

/// Two digits: the requester sees sizes, and an exact one would answer questions about rows.
fn roughly(rows: u64) -> u64 {
    let scale = 10_u64.pow(rows.checked_ilog10().unwrap_or_default().saturating_sub(1));
    (rows / scale) * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_two_digits() {
        let cases =
            [(0, 0), (7, 7), (99, 99), (104, 100), (50_499, 50_000), (u64::MAX, 18_000_000_000_000_000_000)];
        for (rows, shown) in cases {
            assert_eq!(roughly(rows), shown);
        }
    }
}
