//! ALTER of MySQL.

use super::create::{hides_tables, united};
use super::cursor::{Cursor, are_options, called, parts, referenced};
use super::written;
use crate::Dialect;
use crate::analysis::{Kind, Statement, TableName, Use};
use crate::text::Token;

/// Options of a table: `name = value`.
const OPTIONS: [&str; 44] = [
    "ALGORITHM",
    "AUTOEXTEND_SIZE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHARACTER",
    "CHARSET",
    "CHECKSUM",
    "COLLATE",
    "COMMENT",
    "COMPRESSION",
    "CONNECTION",
    "DEFAULT",
    "DELAY_KEY_WRITE",
    "DISABLE",
    "ENABLE",
    "ENCRYPTED",
    "ENCRYPTION",
    "ENCRYPTION_KEY_ID",
    "ENGINE",
    "FORCE",
    "IETF_QUOTES",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "LOCK",
    "MAX_ROWS",
    "MIN_ROWS",
    "NOWAIT",
    "PACK_KEYS",
    "PAGE_CHECKSUM",
    "PAGE_COMPRESSED",
    "PAGE_COMPRESSION_LEVEL",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SEQUENCE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLESPACE",
    "TRANSACTIONAL",
    "TYPE",
    "UNION",
    "WITHOUT",
    "WITH",
];

/// ALTER TABLE: each change is told by its first words.
pub(super) fn table(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("ALTER")?;
    at.take_any(&["ONLINE", "OFFLINE"]);
    at.take("IGNORE");
    at.word("TABLE")?;
    at.if_exists()?;
    let mut found = written(Kind::Definition, "ALTER TABLE", [at.table()?]);
    if at.take("WAIT") {
        at.next()?;
    } else {
        at.take("NOWAIT");
    }
    found.functions.extend(called(at.rest()));
    let changes = parts(at.rest())?;
    let last = changes.len();
    let mut partitions = false;
    if at.rest().is_empty() {
        return Some(found);
    }
    for (number, change) in (1..).zip(changes) {
        // `DROP PARTITION p, q`: names of its list.
        if partitions && change.len() == 1 {
            Cursor::new(change, Dialect::Mysql).identifier()?;
            continue;
        }
        partitions = change.get(1).is_some_and(|second| second.is("PARTITION"));
        of_change(change, number == last, &mut found)?;
    }
    Some(found)
}

/// Words that begin a change, and words that may not stand elsewhere in one.
const CHANGES: [&str; 8] =
    ["DROP", "MODIFY", "CHANGE", "TRUNCATE", "EXCHANGE", "DISCARD", "IMPORT", "CONVERT"];

fn of_change(change: &[Token<'_>], last: bool, found: &mut Statement) -> Option<()> {
    let tail = change.get(1..)?;
    let behind_first = tail.iter().any(|token| token.is_any(&CHANGES));
    let mut at = Cursor::new(change, Dialect::Mysql);
    let word = at.next()?;
    match word.text.to_ascii_uppercase().as_str() {
        // The server's own grammar has no query in a definition of a column or a key.
        "ADD" if !behind_first && !hides_tables(tail) => {
            add(found, referenced(tail, Dialect::Mysql)?);
        }
        "DROP" if !behind_first => dropped(at, found)?,
        "MODIFY" if !behind_first && !hides_tables(tail) => {
            found.act(Kind::Definition, "MODIFY COLUMN");
            add(found, referenced(tail, Dialect::Mysql)?);
        }
        "CHANGE" if !behind_first && !hides_tables(tail) => {
            found.act(Kind::Definition, "CHANGE COLUMN");
            add(found, referenced(tail, Dialect::Mysql)?);
        }
        "ALTER" if !hides_tables(tail) || tail.iter().any(|token| token.is("DROP")) => column(at, found)?,
        "RENAME" if !behind_first => renamed(at, found)?,
        "CONVERT" => {
            at.word("TO")?;
            if at.take("CHARACTER") {
                at.word("SET")?;
            } else {
                at.word("CHARSET")?;
            }
            are_options(at.rest()).then_some(())?;
            // Characters that the new set does not have are lost.
            found.act(Kind::Definition, "ALTER COLUMN TYPE");
        }
        "REORGANIZE" => {
            at.word("PARTITION")?;
            let into = |token: &&Token<'_>| !token.is("INTO");
            let others: Vec<Token<'_>> = tail.iter().filter(into).copied().collect();
            (!behind_first && !hides_tables(&others)).then_some(())?;
        }
        "TRUNCATE" | "COALESCE" | "REBUILD" | "OPTIMIZE" | "ANALYZE" | "CHECK" | "REPAIR" => {
            at.word("PARTITION")?;
            if word.is("TRUNCATE") {
                found.unbounded = true;
                found.act(Kind::Write, "TRUNCATE");
                found.note("empties partitions");
            }
            (!behind_first && !hides_tables(tail)).then_some(())?;
        }
        "EXCHANGE" => exchanged(at, found)?,
        "DISCARD" | "IMPORT" => {
            found.unbounded = true;
            found.act(Kind::Definition, "DROP TABLESPACE");
            found.note("replaces or removes the file of a table");
            are_options(tail).then_some(())?;
        }
        "REMOVE" => {
            at.word("PARTITIONING")?;
            at.end()?;
        }
        "PARTITION" => {
            at.word("BY")?;
            (last && !behind_first && !hides_tables(tail)).then_some(())?;
        }
        "ORDER" => {
            at.word("BY")?;
            (last && are_options(at.rest())).then_some(())?;
        }
        _ if word.is_any(&OPTIONS) && !behind_first && !hides_tables(tail) => {
            let other = ["ADD", "ALTER", "RENAME"];
            (!tail.iter().any(|token| token.is_any(&other))).then_some(())?;
            add(found, united(change)?);
        }
        _ => return None,
    }
    Some(())
}

fn add(found: &mut Statement, tables: Vec<TableName>) {
    found.tables.extend(tables.into_iter().map(|table| TableName { usage: Use::Written, ..table }));
}

/// `DROP COLUMN c`, `DROP PRIMARY KEY`, `DROP PARTITION p, q`.
fn dropped(mut at: Cursor<'_, '_>, found: &mut Statement) -> Option<()> {
    let kinds = [
        "COLUMN",
        "INDEX",
        "KEY",
        "CONSTRAINT",
        "CHECK",
        "PARTITION",
        "PRIMARY",
        "FOREIGN",
        "SYSTEM",
        "PERIOD",
    ];
    let what = match at.any(&kinds) {
        Some("PRIMARY") => at.word("KEY").map(|()| "PRIMARY KEY")?,
        Some("FOREIGN") => at.word("KEY").map(|()| "FOREIGN KEY")?,
        Some("SYSTEM") => at.word("VERSIONING").map(|()| "COLUMN")?,
        Some("PERIOD") => at.word("FOR").map(|()| "CONSTRAINT")?,
        Some(what) => what,
        None => "COLUMN",
    };
    found.act(Kind::Definition, format!("DROP {what}"));
    at.if_exists()?;
    are_options(at.rest()).then_some(())
}

/// `ALTER COLUMN c SET DEFAULT 1`, `ALTER INDEX i INVISIBLE`.
fn column(mut at: Cursor<'_, '_>, found: &mut Statement) -> Option<()> {
    if at.take_any(&["INDEX", "KEY", "CHECK", "CONSTRAINT"]) {
        at.identifier()?;
        return are_options(at.rest()).then_some(());
    }
    at.take("COLUMN");
    at.if_exists()?;
    at.identifier()?;
    if at.take("DROP") {
        at.word("DEFAULT")?;
        found.act(Kind::Definition, "DROP DEFAULT");
        return at.end();
    }
    at.word("SET")?;
    at.any(&["DEFAULT", "VISIBLE", "INVISIBLE"])?;
    (!hides_tables(at.rest())).then_some(())
}

/// `RENAME TO t`, `RENAME COLUMN a TO b`, `RENAME INDEX i TO j`.
fn renamed(mut at: Cursor<'_, '_>, found: &mut Statement) -> Option<()> {
    if at.any(&["COLUMN", "INDEX", "KEY"]).is_some() {
        at.if_exists()?;
        at.identifier()?;
        at.word("TO")?;
        at.identifier()?;
        return at.end();
    }
    if !at.take_sign('=') {
        at.take_any(&["TO", "AS"]);
    }
    let table = at.table()?;
    at.end()?;
    add(found, vec![table]);
    Some(())
}

/// `EXCHANGE PARTITION p WITH TABLE t`: the rows of both change places.
fn exchanged(mut at: Cursor<'_, '_>, found: &mut Statement) -> Option<()> {
    at.word("PARTITION")?;
    at.identifier()?;
    at.word("WITH")?;
    at.word("TABLE")?;
    let table = at.table()?;
    found.unbounded = true;
    found.act(Kind::Definition, "EXCHANGE PARTITION");
    found.hides("the rows of a partition become those of another table");
    add(found, vec![table]);
    are_options(at.rest()).then_some(())
}

/// `ALTER DATABASE d CHARACTER SET x`, and ALTER of stored programs without a body.
pub(super) fn other(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("ALTER")?;
    let object = at.any(&["DATABASE", "SCHEMA", "FUNCTION", "PROCEDURE"])?;
    let verb = if object == "SCHEMA" { "ALTER DATABASE".to_owned() } else { format!("ALTER {object}") };
    let options = [
        "CHARACTER",
        "CHARSET",
        "COLLATE",
        "DEFAULT",
        "COMMENT",
        "ENCRYPTION",
        "READ",
        "SQL",
        "NO",
        "CONTAINS",
        "READS",
        "MODIFIES",
        "LANGUAGE",
    ];
    if !at.peek().is_some_and(|next| next.is_any(&options)) {
        at.table()?;
    }
    (at.peek().is_none_or(|next| next.is_any(&options)) && are_options(at.rest()))
        .then(|| Statement::new(Kind::Definition, verb))
}
