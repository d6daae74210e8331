//! The catalogue of a MySQL or MariaDB server: the databases that the user may see.
//!
//! Functions are not listed: the servers do not enforce what they declare, so that none is known to only read.

use super::session::Session;
use super::{address, failure};
use crate::spec::MysqlSpec;
use crate::{RunError, Secret};
use countersign_catalogue::bounds::{MAX_ENTRIES, MAX_TABLES};
use countersign_catalogue::{
    Action, Catalogue, Column, Folding, ForeignKey, Name, Table, TableKind, Trigger, TriggerEvent,
};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use std::collections::{BTreeMap, BTreeSet};

/// Databases of the server itself.
const OWN: &str = "('mysql', 'information_schema', 'performance_schema', 'sys')";
/// At most so many tables with foreign keys are asked for their actions.
const MAX_CHILDREN: usize = 500;

pub(crate) async fn catalogue(spec: &MysqlSpec, secret: &Secret) -> Result<Catalogue, RunError> {
    let address = address::parse(secret, spec)?;
    let mut session = Session::open(&address, spec.caps).await?;
    let Some((conn, _)) = session.split() else { return Err(RunError::not_started("the session ended")) };
    let read = read(conn).await;
    session.close().await;
    read.map_err(|error| {
        let message = address.scrub.clean(&failure::describe(&error));
        RunError::not_started(format!("the catalogue cannot be read: {message}"))
    })
}

async fn read(conn: &mut Conn) -> Result<Catalogue, Error> {
    conn.query_drop("START TRANSACTION READ ONLY").await?;
    let who: Option<(String, Option<String>)> = conn.query_first("SELECT VERSION(), DATABASE()").await?;
    let (version, database) = who.unwrap_or_default();
    let server = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
    let mut catalogue = Catalogue {
        server: format!("{server} {version}"),
        // On many servers case counts, but the analysis of a command gives its names in small letters.
        folding: Folding::IgnoreCase,
        search_path: database.into_iter().collect(),
        silent_cascades: true,
        ..Catalogue::default()
    };
    let mut tables = tables(conn).await?;
    columns(conn, &mut tables).await?;
    triggers(conn, &mut tables).await?;
    let may_see_triggers: Option<u8> = conn
        .query_first(
            "SELECT 1 FROM (SELECT PRIVILEGE_TYPE AS p FROM information_schema.USER_PRIVILEGES \
             UNION ALL SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES \
             UNION ALL SELECT PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES) held WHERE p = 'TRIGGER' LIMIT 1",
        )
        .await?;
    if may_see_triggers.is_none() {
        catalogue.left_out.push("triggers, which only a user with the TRIGGER privilege sees".to_owned());
    }
    let (keys, missing) = foreign_keys(conn).await?;
    if missing > 0 {
        catalogue.left_out.push(format!("the actions of {missing} foreign keys"));
    }
    catalogue.foreign_keys = keys;
    conn.query_drop("ROLLBACK").await?;
    catalogue.tables = tables.into_values().collect();
    Ok(catalogue)
}

type Tables = BTreeMap<Name, Table>;

async fn tables(conn: &mut Conn) -> Result<Tables, Error> {
    type Found = (String, String, String, Option<String>, Option<u64>, Option<u64>, Option<String>);
    let query = format!(
        "SELECT t.TABLE_SCHEMA, t.TABLE_NAME, t.TABLE_TYPE, t.ENGINE, t.TABLE_ROWS, t.DATA_LENGTH + t.INDEX_LENGTH, \
         e.TRANSACTIONS FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE \
         WHERE t.TABLE_SCHEMA NOT IN {OWN} ORDER BY t.DATA_LENGTH DESC, 1, 2 LIMIT {}",
        MAX_TABLES + 1
    );
    let found: Vec<Found> = conn.query(query).await?;
    let table = |(schema, name, kind, engine, rows, bytes, transactions): Found| {
        let view = kind.contains("VIEW");
        let name = Name::new(schema, name);
        let table = Table {
            name: name.clone(),
            kind: if view { TableKind::View } else { TableKind::Table },
            rows: rows.filter(|_| !view),
            bytes: bytes.filter(|_| !view),
            // An engine that is not known to have transactions is taken for one without.
            ignores_rollback: !view && transactions.as_deref() != Some("YES"),
            engine,
            ..Table::default()
        };
        (name, table)
    };
    Ok(found.into_iter().map(table).collect())
}

async fn columns(conn: &mut Conn, tables: &mut Tables) -> Result<(), Error> {
    let query = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA NOT IN {OWN} ORDER BY 1, 2, ORDINAL_POSITION LIMIT 200000"
    );
    let found: Vec<(String, String, String, String)> = conn.query(query).await?;
    for (schema, table, name, type_name) in found {
        if let Some(table) = tables.get_mut(&Name::new(schema, table)) {
            table.columns.push(Column { name, type_name });
        }
    }
    Ok(())
}

async fn triggers(conn: &mut Conn, tables: &mut Tables) -> Result<(), Error> {
    let query = format!(
        "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, EVENT_MANIPULATION \
         FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA NOT IN {OWN} LIMIT {MAX_ENTRIES}"
    );
    let found: Vec<(String, String, String, String)> = conn.query(query).await?;
    for (schema, table, name, event) in found {
        let event = match event.as_str() {
            "INSERT" => TriggerEvent::Insert,
            "UPDATE" => TriggerEvent::Update,
            _ => TriggerEvent::Delete,
        };
        if let Some(table) = tables.get_mut(&Name::new(schema, table)) {
            let events = BTreeSet::from([event]);
            table.triggers.push(Trigger { name, events, columns: Vec::new(), function: None });
        }
    }
    Ok(())
}

/// Foreign keys with their actions, and how many lack them. `REFERENTIAL_CONSTRAINTS` is empty for a user who may only read,
/// so the actions are taken from the definition of each table.
async fn foreign_keys(conn: &mut Conn) -> Result<(Vec<ForeignKey>, usize), Error> {
    type Found = (String, String, String, String, String, String);
    let query = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, \
         REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_SCHEMA NOT IN {OWN} \
         ORDER BY 1, 2, 3, ORDINAL_POSITION LIMIT {MAX_ENTRIES}"
    );
    let found: Vec<Found> = conn.query(query).await?;
    let mut keys: BTreeMap<(Name, String), ForeignKey> = BTreeMap::new();
    for (schema, table, constraint, parent_schema, parent, column) in found {
        let table = Name::new(schema, table);
        let key = keys.entry((table.clone(), constraint)).or_insert_with(|| ForeignKey {
            table,
            references: Name::new(parent_schema, parent),
            ..ForeignKey::default()
        });
        key.referenced_columns.push(column);
    }
    let children: BTreeSet<Name> = keys.keys().map(|(table, _)| table.clone()).collect();
    let mut definitions = BTreeMap::new();
    for child in children.iter().take(MAX_CHILDREN) {
        let query = format!("SHOW CREATE TABLE {}.{}", quoted(&child.schema), quoted(&child.name));
        match conn.query_first::<(String, String), _>(query).await {
            Ok(Some((_, definition))) => drop(definitions.insert(child.clone(), definition)),
            Ok(None) | Err(Error::Server(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let mut missing = 0;
    for ((table, constraint), key) in &mut keys {
        let mark = format!("CONSTRAINT {} FOREIGN KEY ", quoted(constraint));
        let line = definitions.get(table).and_then(|text| text.lines().find(|line| line.contains(&mark)));
        match line {
            Some(line) => {
                key.on_delete = action(line, " ON DELETE ");
                key.on_update = action(line, " ON UPDATE ");
            }
            None => missing += 1,
        }
    }
    Ok((keys.into_values().collect(), missing))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// What stands behind the last mention: names stand in front of the actions.
fn action(line: &str, mark: &str) -> Action {
    let Some((_, rest)) = line.rsplit_once(mark) else { return Action::Refuse };
    match rest {
        _ if rest.starts_with("CASCADE") => Action::Cascade,
        _ if rest.starts_with("SET NULL") => Action::SetNull,
        _ if rest.starts_with("SET DEFAULT") => Action::SetDefault,
        _ => Action::Refuse,
    }
}
