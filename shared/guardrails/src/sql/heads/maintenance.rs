//! Maintenance of MySQL: tables, locks, files, the server.

use super::cursor::{Cursor, are_options, called, has_query};
use super::written;
use crate::analysis::{Kind, Statement, TableName, Use};
use crate::text::TokenKind;

/// CHECK, CHECKSUM, ANALYZE, OPTIMIZE and REPAIR of tables, and caches of indexes.
pub(super) fn of_tables(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let word = at.any(&["CHECK", "CHECKSUM", "ANALYZE", "OPTIMIZE", "REPAIR", "CACHE", "LOAD"])?;
    let verb = match word {
        "CACHE" => at.word("INDEX").map(|()| "CACHE")?,
        "LOAD" => {
            at.word("INDEX")?;
            at.word("INTO")?;
            at.word("CACHE").map(|()| "CACHE")?
        }
        word => {
            at.take_any(&["LOCAL", "NO_WRITE_TO_BINLOG"]);
            at.any(&["TABLE", "TABLES"])?;
            match word {
                "CHECK" => "CHECK TABLE",
                "OPTIMIZE" => "OPTIMIZE TABLE",
                word => word,
            }
        }
    };
    let mut tables = Vec::new();
    loop {
        tables.push(at.table()?);
        // `CACHE INDEX t KEY (a), u IN c`, `ANALYZE TABLE t PERSISTENT FOR …`
        while !at.peek().is_none_or(|next| next.is_sign(',')) {
            let token = at.next()?;
            if token.is_sign('(') || has_query(std::slice::from_ref(token)) {
                let options = matches!(verb, "CACHE" | "ANALYZE") && token.is_sign('(');
                let inner = at.rest().split(|token| token.is_sign(')')).next()?;
                (options && are_options(inner)).then_some(())?;
                for _ in 0..=inner.len() {
                    at.next()?;
                }
            }
        }
        if !at.take_sign(',') {
            break;
        }
    }
    Some(written(Kind::Maintenance, verb, tables))
}

/// `LOCK TABLES t READ, u AS x WRITE`, `FLUSH TABLES t FOR EXPORT`.
pub(super) fn locks(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let verb = at.any(&["LOCK", "FLUSH"])?;
    if verb == "FLUSH" {
        at.take_any(&["LOCAL", "NO_WRITE_TO_BINLOG"]);
    }
    if verb == "FLUSH" && !at.take_any(&["TABLE", "TABLES"]) {
        return flush(at);
    }
    if verb == "LOCK" {
        at.any(&["TABLE", "TABLES"])?;
    }
    if verb == "FLUSH" {
        let all = at.peek()?.is("WITH");
        let tables = if all { Vec::new() } else { at.tables()? };
        if at.take("FOR") {
            at.word("EXPORT")?;
        } else if at.take("WITH") {
            at.word("READ")?;
            at.word("LOCK")?;
        }
        at.end()?;
        return Some(written(Kind::Maintenance, "FLUSH", tables));
    }
    let mut tables = Vec::new();
    loop {
        tables.push(at.table()?);
        if !at.peek()?.is_any(&["READ", "WRITE", "LOW_PRIORITY", "CONCURRENT"]) {
            at.take("AS");
            at.identifier()?;
        }
        at.take_any(&["LOW_PRIORITY", "CONCURRENT"]);
        let reads = at.any(&["READ", "WRITE"])? == "READ";
        if reads {
            at.take("LOCAL");
        }
        at.take("CONCURRENT");
        if !at.take_sign(',') {
            break;
        }
    }
    if at.take("WAIT") {
        at.next()?;
    } else {
        at.take("NOWAIT");
    }
    at.end()?;
    let mut found = written(Kind::Maintenance, "LOCK TABLES", tables);
    found.locks = true;
    Some(found)
}

/// FLUSH of other parts of the server than tables.
fn flush(mut at: Cursor<'_, '_>) -> Option<Statement> {
    const PARTS: [&str; 14] = [
        "BINARY",
        "CACHE",
        "ENGINE",
        "ERROR",
        "GENERAL",
        "HOSTS",
        "LOGS",
        "MASTER",
        "PRIVILEGES",
        "QUERY",
        "SLAVE",
        "SLOW",
        "STATUS",
        "THREAD_POOL_STATS",
    ];
    loop {
        at.any(&PARTS)?;
        while at.take_any(&PARTS) {}
        if !at.take_sign(',') {
            break;
        }
    }
    at.end()?;
    Some(Statement::new(Kind::Maintenance, "FLUSH"))
}

/// DROP of objects that the parser does not know.
pub(super) fn drops(mut at: Cursor<'_, '_>) -> Option<Statement> {
    const OBJECTS: [&str; 12] = [
        "EVENT",
        "SERVER",
        "PACKAGE",
        "FUNCTION",
        "PROCEDURE",
        "TRIGGER",
        "TABLESPACE",
        "TABLE",
        "TABLES",
        "VIEW",
        "SEQUENCE",
        "INDEX",
    ];
    at.word("DROP")?;
    at.take("TEMPORARY");
    let object = at.any(&OBJECTS)?;
    if object == "PACKAGE" {
        at.take("BODY");
    }
    at.if_exists()?;
    let mut found = Statement::new(Kind::Definition, format!("DROP {}", object.trim_end_matches('S')));
    match object {
        "TABLE" | "TABLES" | "VIEW" | "SEQUENCE" => {
            found = written(Kind::Definition, &found.verb, at.tables()?);
        }
        "INDEX" => {
            at.identifier()?;
            at.word("ON")?;
            found = written(Kind::Definition, "DROP INDEX", [at.table()?]);
            return are_options(at.rest()).then_some(found);
        }
        _ => _ = at.table()?,
    }
    if at.take("WAIT") {
        at.next()?;
    } else {
        at.take_any(&["RESTRICT", "CASCADE", "NOWAIT"]);
    }
    at.end()?;
    found.changes_by_verb();
    Some(found)
}

/// `LOAD DATA INFILE 'file' INTO TABLE t`.
pub(super) fn load(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("LOAD")?;
    at.any(&["DATA", "XML"])?;
    at.take_any(&["LOW_PRIORITY", "CONCURRENT"]);
    at.take("LOCAL");
    at.word("INFILE")?;
    at.next().filter(|token| token.kind == TokenKind::Text)?;
    let replaces = at.take("REPLACE");
    at.take("IGNORE");
    at.word("INTO")?;
    at.word("TABLE")?;
    let table = at.table()?;
    if has_query(at.rest()) || at.rest().iter().any(|token| token.is_any(&["TABLE", "SELECT"])) {
        return None;
    }
    let mut found = written(Kind::Copy, "LOAD DATA", [table]);
    if replaces {
        // Rows of the same key are deleted.
        found.act(Kind::Write, "DELETE");
    }
    found.dangerous = true;
    found.note("copies from a file");
    found.functions.extend(called(at.rest()));
    found.hides("it loads a file, which the guardrail does not see");
    Some(found)
}

/// `HANDLER t OPEN`, `HANDLER t READ FIRST`.
pub(super) fn handler(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("HANDLER")?;
    let table = at.table()?;
    at.any(&["OPEN", "READ", "CLOSE"])?;
    let mut found = Statement::new(Kind::Session, "HANDLER");
    found.tables.push(TableName { usage: Use::Read, ..table });
    found.hides("it reads rows by a handler, whose table another statement names");
    (!has_query(at.rest())).then_some(found)
}

/// Plugins, replication, logs, and the ends of sessions.
pub(super) fn server(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let (kind, verb, why) = match at.any(&[
        "INSTALL",
        "UNINSTALL",
        "CHANGE",
        "START",
        "STOP",
        "RESET",
        "PURGE",
        "KILL",
        "BACKUP",
    ])? {
        word @ ("INSTALL" | "UNINSTALL") => {
            at.any(&["PLUGIN", "SONAME", "COMPONENT"])?;
            (Kind::Procedural, word, "it loads or removes code of the server")
        }
        "CHANGE" => {
            at.any(&["MASTER", "REPLICATION"])?;
            (Kind::Privilege, "CHANGE MASTER", "it changes the replication")
        }
        word @ ("START" | "STOP") => {
            at.take("ALL");
            at.any(&["SLAVE", "SLAVES", "REPLICA", "REPLICAS", "GROUP_REPLICATION"])?;
            let verb = if word == "START" { "START SLAVE" } else { "STOP SLAVE" };
            (Kind::Maintenance, verb, "it changes the replication")
        }
        "RESET" => {
            at.any(&["MASTER", "SLAVE", "REPLICA", "QUERY", "BINARY", "PERSIST"])?;
            (Kind::Maintenance, "RESET", "it resets a part of the server")
        }
        "BACKUP" => {
            at.any(&["STAGE", "LOCK", "UNLOCK"])?;
            (Kind::Maintenance, "BACKUP", "it locks tables for a backup")
        }
        "PURGE" => {
            at.any(&["BINARY", "MASTER"])?;
            (Kind::Maintenance, "PURGE", "it deletes logs")
        }
        word => (Kind::Maintenance, word, "it ends another session or its statement"),
    };
    let rest = at.rest();
    if has_query(rest) && !matches!(verb, "START SLAVE" | "CHANGE MASTER") {
        return None;
    }
    let mut found = Statement::new(kind, verb);
    found.dangerous = true;
    found.hides(why);
    Some(found)
}
