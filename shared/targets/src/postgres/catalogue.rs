//! The catalogue of a PostgreSQL database. Sizes come from the statistics: asking for the size of a file waits for locks.

use super::session::Session;
use super::{address, failure};
use crate::spec::PostgresSpec;
use crate::{RunError, Secret};
use countersign_catalogue::bounds::{MAX_ENTRIES, MAX_TABLES};
use countersign_catalogue::{
    Action, Catalogue, Column, Folding, ForeignKey, Function, FunctionKind, Name, Operator, Table, TableKind,
    Trigger, TriggerEvent, TypeKind, UserType, Volatility,
};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::{Client, Error, SimpleQueryMessage};

/// Everything is qualified from here on, also in what the server writes back.
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '2s'";
const PATH: &str = "SELECT pg_catalog.current_setting('server_version'), s.name \
    FROM (SELECT 1) one LEFT JOIN LATERAL pg_catalog.unnest(pg_catalog.current_schemas(false)) \
    WITH ORDINALITY AS s(name, place) ON true ORDER BY s.place";
const EMPTY_PATH: &str = "SET LOCAL search_path = ''";

/// Schemas of the server itself and of temporary objects.
const OWN: &str = "n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' \
    AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)'";

/// SQL for what a function may do: `v` if it is VOLATILE, or in a language without limits and of no extension. `function` and
/// `language` are the aliases of its rows.
fn volatility_of(function: &str, language: &str) -> String {
    format!(
        "CASE WHEN {function}.provolatile = 'v' THEN 'v' \
         WHEN NOT {language}.lanpltrusted AND {language}.lanname <> 'internal' AND NOT EXISTS \
           (SELECT 1 FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
            AND e.objid = {function}.oid AND e.deptype = 'e') THEN 'v' \
         ELSE {function}.provolatile::pg_catalog.text END"
    )
}

pub(crate) async fn catalogue(spec: &PostgresSpec, secret: &Secret) -> Result<Catalogue, RunError> {
    let address = address::parse(secret, spec)?;
    let session = Session::open(&address, spec.caps).await?;
    let read = read(session.client()).await;
    read.map_err(|error| {
        let message = address.scrub.clean(&failure::describe(&error));
        RunError::not_started(format!("the catalogue cannot be read: {message}"))
    })
}

async fn read(client: &Client) -> Result<Catalogue, Error> {
    client.batch_execute(BEGIN).await?;
    let path = rows(client, PATH).await?;
    client.batch_execute(EMPTY_PATH).await?;
    let version = path.first().map(|row| row.text(0)).unwrap_or_default();
    let mut catalogue = Catalogue {
        server: format!("PostgreSQL {version}"),
        folding: Folding::Exact,
        search_path: path.iter().map(|row| row.text(1)).filter(|name| !name.is_empty()).collect(),
        ..Catalogue::default()
    };
    let mut tables = tables(client).await?;
    columns(client, &mut tables).await?;
    triggers(client, &mut tables).await?;
    policies(client, &mut tables).await?;
    catalogue.foreign_keys = foreign_keys(client).await?;
    catalogue.functions = functions(client).await?;
    catalogue.operators = operators(client).await?;
    catalogue.types = types(client).await?;
    // Deparsing a view waits for the locks of its tables. All else is useful without it.
    client.batch_execute("SAVEPOINT definitions").await?;
    if let Err(error) = definitions(client, &mut tables).await {
        error.as_db_error().is_some().then_some(()).ok_or(error)?;
        client.batch_execute("ROLLBACK TO SAVEPOINT definitions").await?;
        catalogue.left_out.push("the definitions of views, which could not be read in time".to_owned());
    }
    client.batch_execute("ROLLBACK").await?;
    catalogue.tables = tables.into_values().collect();
    if catalogue.tables.len() > MAX_TABLES {
        catalogue.left_out.push(format!("all but {} tables", catalogue.tables.len()));
    }
    Ok(catalogue)
}

/// Tables by their oid.
type Tables = BTreeMap<String, Table>;

async fn tables(client: &Client) -> Result<Tables, Error> {
    // A partitioned table is as large as its partitions. One that was never analysed has the number of live rows.
    let query = format!(
        "WITH RECURSIVE leaf(root, relid) AS ( \
           SELECT c.oid, c.oid FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'm') \
           UNION ALL SELECT l.root, i.inhrelid FROM leaf l JOIN pg_catalog.pg_inherits i ON i.inhparent = l.relid \
           JOIN pg_catalog.pg_class r ON r.oid = l.root AND r.relkind = 'p'), \
         indexes AS (SELECT i.indrelid, sum(x.relpages) AS pages FROM pg_catalog.pg_index i \
           JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid GROUP BY 1), \
         size AS (SELECT leaf.root, \
           sum(CASE WHEN p.reltuples > 0 OR p.relpages > 0 THEN greatest(p.reltuples, 0) \
             ELSE pg_catalog.pg_stat_get_live_tuples(p.oid) END)::pg_catalog.int8 AS rows, \
           sum(p.relpages + coalesce(t.relpages, 0) + coalesce(x.pages, 0))::pg_catalog.int8 AS pages \
           FROM leaf JOIN pg_catalog.pg_class p ON p.oid = leaf.relid AND p.relkind IN ('r', 'm') \
           LEFT JOIN pg_catalog.pg_class t ON t.oid = p.reltoastrelid \
           LEFT JOIN indexes x ON x.indrelid = p.oid GROUP BY leaf.root) \
         SELECT c.oid, n.nspname, c.relname, c.relkind, s.rows, \
           s.pages * pg_catalog.current_setting('block_size')::pg_catalog.int8 \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN size s ON s.root = c.oid \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {OWN} \
         ORDER BY (c.relkind = 'v') DESC, s.pages DESC NULLS LAST, n.nspname, c.relname LIMIT {}",
        MAX_TABLES + 1
    );
    let rows = rows(client, &query).await?;
    let table = |row: Row| {
        let kind = match row.text(3).as_str() {
            "v" => TableKind::View,
            "m" => TableKind::MaterializedView,
            "f" => TableKind::Foreign,
            _ => TableKind::Table,
        };
        let stored = matches!(kind, TableKind::Table | TableKind::MaterializedView);
        let table = Table {
            name: Name::new(row.text(1), row.text(2)),
            kind,
            rows: row.number(4).filter(|_| stored),
            bytes: row.number(5).filter(|bytes| stored && *bytes > 0),
            ..Table::default()
        };
        (row.text(0), table)
    };
    Ok(rows.into_iter().map(table).collect())
}

async fn columns(client: &Client, tables: &mut Tables) -> Result<(), Error> {
    let query = format!(
        "SELECT c.oid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND {OWN} \
         ORDER BY c.oid, a.attnum LIMIT 200000"
    );
    for row in rows(client, &query).await? {
        if let Some(table) = tables.get_mut(&row.text(0)) {
            table.columns.push(Column { name: row.text(1), type_name: row.text(2) });
        }
    }
    Ok(())
}

async fn triggers(client: &Client, tables: &mut Tables) -> Result<(), Error> {
    // pg_trigger.tgtype: 4 INSERT, 8 DELETE, 16 UPDATE, 32 TRUNCATE. pg_rewrite.ev_type: 2 UPDATE, 3 INSERT, 4 DELETE.
    let query = format!(
        "SELECT t.tgrelid, t.tgname, t.tgtype::pg_catalog.int4, p.proname, \
         (SELECT pg_catalog.string_agg(a.attname, chr(10)) FROM pg_catalog.pg_attribute a \
          WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr)) \
         FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid \
         WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' \
         UNION ALL \
         SELECT r.ev_class, r.rulename, CASE r.ev_type WHEN '2' THEN 16 WHEN '3' THEN 4 WHEN '4' THEN 8 ELSE 0 END, \
         NULL, NULL FROM pg_catalog.pg_rewrite r \
         WHERE r.ev_type <> '1' AND r.ev_enabled <> 'D' LIMIT {MAX_ENTRIES}"
    );
    for row in rows(client, &query).await? {
        let Some(table) = tables.get_mut(&row.text(0)) else { continue };
        let bits = row.number(2).unwrap_or(0);
        let events = [
            (4, TriggerEvent::Insert),
            (8, TriggerEvent::Delete),
            (16, TriggerEvent::Update),
            (32, TriggerEvent::Truncate),
        ];
        let events: BTreeSet<_> =
            events.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, event)| event).collect();
        let columns = row.text(4).lines().map(str::to_owned).collect();
        let function = Some(row.text(3)).filter(|name| !name.is_empty());
        table.triggers.push(Trigger { name: row.text(1), events, columns, function });
    }
    Ok(())
}

async fn policies(client: &Client, tables: &mut Tables) -> Result<(), Error> {
    const QUERY: &str = "SELECT p.polrelid, pg_catalog.pg_get_expr(p.polqual, p.polrelid) \
        FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid \
        WHERE c.relrowsecurity AND p.polqual IS NOT NULL AND p.polcmd IN ('r', '*') LIMIT 10000";
    for row in rows(client, QUERY).await? {
        if let Some(table) = tables.get_mut(&row.text(0)) {
            table.policies.push(row.text(1));
        }
    }
    Ok(())
}

async fn definitions(client: &Client, tables: &mut Tables) -> Result<(), Error> {
    let query = format!(
        "SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND {OWN} LIMIT {MAX_TABLES}"
    );
    for row in rows(client, &query).await? {
        if let Some(table) = tables.get_mut(&row.text(0)) {
            table.definition = Some(row.text(1).trim().trim_end_matches(';').to_owned());
        }
    }
    Ok(())
}

async fn foreign_keys(client: &Client) -> Result<Vec<ForeignKey>, Error> {
    let query = format!(
        "SELECT n.nspname, c.relname, rn.nspname, rc.relname, k.confdeltype, k.confupdtype, \
         (SELECT pg_catalog.string_agg(a.attname, chr(10)) FROM pg_catalog.pg_attribute a \
          WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)) \
         FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_class rc ON rc.oid = k.confrelid \
         JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace \
         WHERE k.contype = 'f' ORDER BY 1, 2, 3, 4 LIMIT {}",
        MAX_ENTRIES + 1
    );
    let action = |letter: &str| match letter {
        "c" => Action::Cascade,
        "n" => Action::SetNull,
        "d" => Action::SetDefault,
        _ => Action::Refuse,
    };
    let key = |row: Row| ForeignKey {
        table: Name::new(row.text(0), row.text(1)),
        references: Name::new(row.text(2), row.text(3)),
        referenced_columns: row.text(6).lines().map(str::to_owned).collect(),
        on_delete: action(&row.text(4)),
        on_update: action(&row.text(5)),
    };
    Ok(rows(client, &query).await?.into_iter().map(key).collect())
}

async fn functions(client: &Client) -> Result<Vec<Function>, Error> {
    // An aggregate is declared IMMUTABLE whatever its functions do.
    let (own, parts) = (volatility_of("p", "l"), volatility_of("q", "m"));
    let query = format!(
        "SELECT n.nspname, p.proname, min(p.prokind::pg_catalog.text), \
         max(greatest({own}, (SELECT max({parts}) FROM pg_catalog.pg_aggregate g \
           JOIN pg_catalog.pg_proc q ON q.oid = ANY (ARRAY[g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, \
             g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn]::pg_catalog.oid[]) \
           JOIN pg_catalog.pg_language m ON m.oid = q.prolang WHERE g.aggfnoid = p.oid))), min(x.extname::pg_catalog.text) \
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
         LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
           AND d.objid = p.oid AND d.deptype = 'e' \
         LEFT JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid \
         WHERE {OWN} GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {}",
        MAX_ENTRIES + 1
    );
    let function = |row: Row| Function {
        name: Name::new(row.text(0), row.text(1)),
        kind: match row.text(2).as_str() {
            "a" => FunctionKind::Aggregate,
            "f" => FunctionKind::Function,
            "w" => FunctionKind::Window,
            _ => FunctionKind::Procedure,
        },
        volatility: volatility(&row.text(3)),
        extension: Some(row.text(4)).filter(|name| !name.is_empty()),
    };
    Ok(rows(client, &query).await?.into_iter().map(function).collect())
}

async fn operators(client: &Client) -> Result<Vec<Operator>, Error> {
    let volatility_sql = volatility_of("p", "l");
    let query = format!(
        "SELECT n.nspname, o.oprname, max({volatility_sql}) FROM pg_catalog.pg_operator o \
         JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace \
         LEFT JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode \
         LEFT JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
         WHERE {OWN} GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {}",
        MAX_ENTRIES + 1
    );
    let operator = |row: Row| Operator {
        name: Name::new(row.text(0), row.text(1)),
        volatility: volatility(&row.text(2)),
    };
    Ok(rows(client, &query).await?.into_iter().map(operator).collect())
}

async fn types(client: &Client) -> Result<Vec<UserType>, Error> {
    // Arrays and the row types of tables have no names that people write.
    let volatility_sql = volatility_of("p", "l");
    let query = format!(
        "SELECT n.nspname, t.typname, t.typtype, \
         CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END, \
         (SELECT max({volatility_sql}) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
          WHERE p.oid = ANY (ARRAY[t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout]::pg_catalog.oid[] \
            || ARRAY(SELECT k.castfunc FROM pg_catalog.pg_cast k WHERE k.castsource = t.oid OR k.casttarget = t.oid))), \
         (SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), chr(1)) \
          FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c') \
         FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
         WHERE t.typelem = 0 AND (t.typrelid = 0 OR EXISTS \
           (SELECT 1 FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')) AND {OWN} \
         ORDER BY 1, 2 LIMIT {}",
        MAX_ENTRIES + 1
    );
    let found = |row: Row| {
        let kind = match row.text(2).as_str() {
            "e" => TypeKind::Enum,
            "b" => TypeKind::Base,
            "d" => {
                let checks = row.text(5);
                let checks = checks.split('\u{1}').filter(|check| !check.is_empty()).map(condition);
                TypeKind::Domain { base: row.text(3), checks: checks.collect() }
            }
            _ => TypeKind::Other,
        };
        UserType { name: Name::new(row.text(0), row.text(1)), kind, volatility: volatility(&row.text(4)) }
    };
    Ok(rows(client, &query).await?.into_iter().map(found).collect())
}

/// `CHECK ((VALUE > 0))` and `CHECK (…) NOT VALID` without the words around the condition.
fn condition(check: &str) -> String {
    let check = check.strip_suffix(" NOT VALID").unwrap_or(check);
    check.strip_prefix("CHECK ").unwrap_or(check).to_owned()
}

/// What is not known may do anything.
fn volatility(letter: &str) -> Volatility {
    match letter {
        "i" => Volatility::Immutable,
        "s" => Volatility::Stable,
        _ => Volatility::Volatile,
    }
}

/// The cells of a row.
struct Row(Vec<Option<String>>);

impl Row {
    /// A cell; empty for NULL.
    fn text(&self, place: usize) -> String {
        self.0.get(place).cloned().flatten().unwrap_or_default()
    }

    fn number(&self, place: usize) -> Option<u64> {
        self.0.get(place)?.as_deref()?.parse().ok()
    }
}

async fn rows(client: &Client, query: &str) -> Result<Vec<Row>, Error> {
    let messages = client.simple_query(query).await?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some(Row((0..row.len()).map(|place| row.get(place).map(str::to_owned)).collect()))
        }
        _ => None,
    });
    Ok(rows.collect())
}
