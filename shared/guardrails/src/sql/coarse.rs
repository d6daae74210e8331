//! Statements that the parser cannot read, told by their first words.
//!
//! MySQL and SQLite have many statements about accounts, programs, plugins and replication, and clauses of CREATE and
//! ALTER that the parser does not know. Here such a statement gets its kind, its verb and the table that follows its
//! first words; all else of it stays hidden ([`Statement::hides`]), so every rule that depends on its details blocks it.
//! What reads, or changes rows, is never told like this.

use crate::Dialect;
use crate::analysis::{Kind, Statement, TableName, Use};
use crate::text::{Token, TokenKind};

/// What is known of a statement by its first words.
#[derive(Clone, Copy)]
enum Rest {
    /// Tables follow.
    Tables,
    /// Accounts and privileges: nothing is hidden but what is called.
    Accounts,
    /// Nothing that is looked at.
    Hidden,
    /// Files, libraries, other servers.
    Dangerous,
}

const MYSQL: [(&str, Kind, Rest); 57] = {
    use Kind::{Definition, Maintenance, Other, Privilege, Procedural, Session, Transaction};
    use Rest::{Accounts, Dangerous, Hidden, Tables};
    [
        ("ALTER DATABASE", Definition, Hidden),
        ("ALTER EVENT", Definition, Hidden),
        ("ALTER FUNCTION", Definition, Hidden),
        ("ALTER PROCEDURE", Definition, Hidden),
        ("ALTER SCHEMA", Definition, Hidden),
        ("ALTER SEQUENCE", Definition, Tables),
        ("ALTER SERVER", Definition, Dangerous),
        ("ALTER TABLE", Definition, Tables),
        ("ALTER USER", Privilege, Accounts),
        ("ALTER VIEW", Definition, Tables),
        ("ANALYZE TABLE", Maintenance, Tables),
        ("BACKUP", Maintenance, Dangerous),
        ("BEGIN", Procedural, Hidden),
        ("BINLOG", Other, Dangerous),
        ("CACHE INDEX", Maintenance, Tables),
        ("CHANGE", Other, Dangerous),
        ("CHECK TABLE", Maintenance, Tables),
        ("CHECKSUM TABLE", Maintenance, Tables),
        ("CREATE DATABASE", Definition, Hidden),
        ("CREATE EVENT", Definition, Hidden),
        ("CREATE FUNCTION", Definition, Hidden),
        ("CREATE PACKAGE", Definition, Hidden),
        ("CREATE PROCEDURE", Definition, Hidden),
        ("CREATE ROLE", Privilege, Accounts),
        ("CREATE SEQUENCE", Definition, Tables),
        ("CREATE SERVER", Definition, Dangerous),
        ("CREATE TABLE", Definition, Tables),
        ("CREATE TRIGGER", Definition, Hidden),
        ("CREATE USER", Privilege, Accounts),
        ("CREATE VIEW", Definition, Tables),
        ("DO", Other, Hidden),
        ("DROP", Definition, Hidden),
        ("DROP ROLE", Privilege, Accounts),
        ("DROP TABLES", Definition, Tables),
        ("DROP USER", Privilege, Accounts),
        ("EXECUTE", Procedural, Hidden),
        ("FLUSH", Maintenance, Hidden),
        ("GET", Session, Hidden),
        ("GRANT", Privilege, Accounts),
        ("HANDLER", Other, Tables),
        ("INSTALL", Procedural, Dangerous),
        ("LOAD", Kind::Copy, Dangerous),
        ("LOCK TABLE", Maintenance, Tables),
        ("LOCK TABLES", Maintenance, Tables),
        ("OPTIMIZE TABLE", Maintenance, Tables),
        ("PREPARE", Session, Hidden),
        ("PURGE", Maintenance, Dangerous),
        ("RENAME USER", Privilege, Accounts),
        ("REPAIR TABLE", Maintenance, Tables),
        ("RESET", Maintenance, Dangerous),
        ("REVOKE", Privilege, Accounts),
        ("SET", Session, Hidden),
        ("SET PASSWORD", Privilege, Accounts),
        ("SHOW", Other, Hidden),
        ("SIGNAL", Session, Hidden),
        ("UNINSTALL", Procedural, Dangerous),
        ("XA", Transaction, Hidden),
    ]
};

const SQLITE: [(&str, Kind, Rest); 9] = {
    use Kind::{Definition, Maintenance, Session};
    use Rest::{Dangerous, Hidden, Tables};
    [
        ("ALTER TABLE", Definition, Tables),
        ("ATTACH", Maintenance, Dangerous),
        ("CREATE TABLE", Definition, Tables),
        ("CREATE TRIGGER", Definition, Hidden),
        ("CREATE VIEW", Definition, Tables),
        ("CREATE VIRTUAL TABLE", Definition, Tables),
        ("DETACH", Maintenance, Hidden),
        ("PRAGMA", Session, Hidden),
        ("REINDEX", Maintenance, Hidden),
    ]
};

/// The verbs that are told here.
pub(super) fn verbs() -> impl Iterator<Item = String> {
    MYSQL.iter().chain(&SQLITE).map(|(words, ..)| (*words).to_owned())
}

/// Words between the verb and its object.
const MODIFIERS: [&str; 21] = [
    "OR",
    "REPLACE",
    "ONLINE",
    "OFFLINE",
    "IGNORE",
    "TEMP",
    "TEMPORARY",
    "UNIQUE",
    "AGGREGATE",
    "LOCAL",
    "NO_WRITE_TO_BINLOG",
    "ALGORITHM",
    "UNDEFINED",
    "MERGE",
    "TEMPTABLE",
    "DEFINER",
    "SQL",
    "SECURITY",
    "INVOKER",
    "CURRENT_USER",
    "CURRENT_ROLE",
];

/// A statement of a known kind, with what is not known of it marked as hidden.
pub(super) fn read(tokens: &[Token<'_>], dialect: Dialect) -> Option<Statement> {
    let (verb, object) = verb(tokens)?;
    let known = if dialect == Dialect::Sqlite { SQLITE.as_slice() } else { MYSQL.as_slice() };
    let starts =
        |words: &str| verb == words || verb.strip_prefix(words).is_some_and(|more| more.starts_with(' '));
    let (words, kind, how) =
        *known.iter().filter(|(words, ..)| starts(words)).max_by_key(|(words, ..)| words.len())?;
    // `DROP EVENT`, `DROP FUNCTION`.
    let words = if words == "DROP" {
        verb.match_indices(' ').nth(1).and_then(|(end, _)| verb.get(..end)).unwrap_or(&verb)
    } else {
        words
    };
    let mut statement = Statement::new(kind, words);
    statement.not_read(format!("{words} is not a read"));
    match how {
        Rest::Tables => {
            let rest = tokens.get(object + words.split(' ').count() - 1..).unwrap_or_default();
            statement.tables.extend(table(rest, dialect));
            statement.hides(format!("it has a clause of {words} that the guardrail does not know"));
        }
        Rest::Accounts => accounts(&mut statement, tokens),
        Rest::Hidden => statement.hides(format!("the guardrail does not know the details of {words}")),
        Rest::Dangerous => {
            statement.dangerous = true;
            statement.hides(format!("the guardrail does not know the details of {words}"));
        }
    }
    if tokens.iter().any(|token| token.is("DEFINER")) {
        statement.act(Kind::Privilege, "DEFINER");
    }
    statement.settle();
    Some(statement)
}

/// The verb and up to two more words, without modifiers, in capitals, and the place of the second.
fn verb(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let first = tokens.first().filter(|token| token.kind == TokenKind::Word)?;
    let mut at = 1;
    // `DEFINER = name@host`: signs and names are between.
    let mut definer = false;
    while let Some(token) = tokens.get(at) {
        definer |= token.is("DEFINER");
        let object = token.kind == TokenKind::Word && !token.is_any(&MODIFIERS);
        let named =
            definer && tokens.get(at - 1).is_some_and(|before| before.is_sign('=') || before.is_sign('@'));
        if (object && !named) || at > 20 {
            break;
        }
        at += 1;
    }
    let more = tokens.get(at..).unwrap_or_default().iter().take(2);
    let more = more.take_while(|token| token.kind == TokenKind::Word);
    let words: Vec<String> =
        std::iter::once(first).chain(more).map(|token| token.text.to_ascii_uppercase()).collect();
    Some((words.join(" "), at))
}

/// The first name with its schema, behind words such as IF EXISTS.
fn table(tokens: &[Token<'_>], dialect: Dialect) -> Option<TableName> {
    let skipped = tokens.iter().take_while(|token| token.is_any(&["IF", "NOT", "EXISTS", "TABLE"])).count();
    let is_name = |token: &&Token<'_>| {
        matches!(token.kind, TokenKind::Word | TokenKind::Name)
            || (token.kind == TokenKind::Text && dialect == Dialect::Sqlite)
    };
    let name =
        |at: usize| tokens.get(at).filter(is_name).and_then(Token::name).map(|name| name.to_lowercase());
    let first = name(skipped)?;
    let qualified = tokens.get(skipped + 1).is_some_and(|next| next.is_sign('.'));
    let (schema, name) = if qualified { (Some(first), name(skipped + 2)?) } else { (None, first) };
    Some(TableName { schema, name, usage: Use::Written })
}

/// Statements about accounts name at most one table, behind ON; a privilege may have a list of columns.
fn accounts(statement: &mut Statement, tokens: &[Token<'_>]) {
    const COLUMNS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "REFERENCES", "CURRENT_USER"];
    let on = tokens.iter().position(|token| token.is("ON"));
    if let Some(rest) = on.and_then(|on| tokens.get(on + 1..)) {
        statement.tables.extend(table(rest, Dialect::Mysql));
    }
    let calls = tokens.windows(2).any(|pair| {
        matches!(pair, [word, open] if open.is_sign('(') && word.kind != TokenKind::Sign && !word.is_any(&COLUMNS))
    });
    if calls {
        statement.hides("it has an expression that the guardrail does not know");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str, dialect: Dialect) -> Option<Statement> {
        read(&crate::text::tokens(command, dialect).unwrap(), dialect)
    }

    #[test]
    fn a_statement_has_the_kind_of_its_first_words_and_hides_the_rest() {
        for (command, verb, table) in [
            ("ALTER ONLINE TABLE payments DISABLE KEYS", "ALTER TABLE", Some("payments")),
            (
                "CREATE OR REPLACE TABLE IF NOT EXISTS a.payments (x int) PARTITION BY x",
                "CREATE TABLE",
                Some("a.payments"),
            ),
            ("CREATE DEFINER = root@localhost PROCEDURE p() DROP TABLE t", "CREATE PROCEDURE", None),
            ("PREPARE x FROM 'DROP TABLE t'", "PREPARE", None),
            ("DROP EVENT x", "DROP EVENT", None),
            ("LOCK TABLE payments READ", "LOCK TABLE", Some("payments")),
        ] {
            let statement = of(command, Dialect::Mysql).unwrap();
            assert_eq!(statement.verb, verb, "{command}");
            assert!(statement.opaque.is_some() && statement.not_a_read.is_some(), "{command}");
            assert_eq!(statement.tables.first().map(ToString::to_string).as_deref(), table, "{command}");
        }
    }

    #[test]
    fn accounts_are_privileges_and_hide_only_calls() {
        for command in
            ["GRANT SELECT (a) ON payments TO u@localhost", "CREATE USER u@localhost", "DROP USER a, b"]
        {
            let statement = of(command, Dialect::Mysql).unwrap();
            assert_eq!(statement.kind, Kind::Privilege, "{command}");
            assert_eq!(statement.opaque, None, "{command}");
        }
        let grant = of("GRANT SELECT (a) ON payments TO u@localhost", Dialect::Mysql).unwrap();
        assert_eq!(grant.tables.len(), 1);
        assert!(of("SET PASSWORD FOR u = f('x')", Dialect::Mysql).unwrap().opaque.is_some());
    }

    #[test]
    fn what_reads_or_changes_rows_is_never_told_by_its_first_words() {
        for command in [
            "SELECT 1",
            "INSERT INTO t VALUES (1)",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
            "REPLACE t VALUES (1)",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "TABLE t",
            "VALUES (1)",
            "EXPLAIN DELETE FROM t",
            "(SELECT 1)",
            "CALL p()",
            "TRUNCATE t",
            "DESCRIBE t",
        ] {
            for dialect in [Dialect::Mysql, Dialect::Sqlite] {
                assert!(of(command, dialect).is_none(), "{command}");
            }
        }
    }
}
