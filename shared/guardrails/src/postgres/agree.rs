//! The second reading of a statement: its tokens, without a grammar (as `sql::agree` for the other dialects).
//!
//! Each name that follows FROM, JOIN, INTO, UPDATE, TABLE or USING must be among the tables that the tree has. The other
//! uses of these words are listed here; a use that is not listed is a disagreement, and the statement is not understood.

use super::reserved;
use crate::text::{self, Token, TokenKind};
use std::collections::BTreeSet;

/// What the text has and the tree does not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disagreement {
    pub(super) what: &'static str,
    pub(super) offset: usize,
}

/// Checks that each table of the text is among those of the tree. `known` has the names of tables, with their schema
/// where the statement says it, and of WITH, in lower case.
pub(super) fn check(tokens: &[Token<'_>], known: &BTreeSet<String>) -> Result<(), Disagreement> {
    let mut reader = Reader { tokens, at: 0, known, frame: Frame::default(), outer: Vec::new() };
    reader.read()
}

/// Functions whose arguments are separated by FROM.
const FROM_FUNCTIONS: [&str; 4] = ["EXTRACT", "SUBSTRING", "TRIM", "OVERLAY"];

/// Words that end a list of tables.
const ENDS: [&str; 17] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "SET",
    "VALUES",
    "SELECT",
    "WINDOW",
    "RETURNING",
    "WHEN",
    "TO",
];

/// Statements whose TABLE is followed by a list.
const LISTS: [&str; 6] = ["DROP", "TRUNCATE", "LOCK", "GRANT", "REVOKE", "TABLE"];

/// Statements whose FROM is followed by a role, a cursor, a file, a server or another object.
const OTHER_FROM: [&str; 8] = ["REVOKE", "FETCH", "MOVE", "IMPORT", "COPY", "ALTER", "SECURITY", "COMMENT"];

/// One level of brackets.
#[derive(Default)]
struct Frame {
    /// A comma is followed by another table.
    tables: bool,
    /// The word before the bracket.
    function: Option<String>,
    /// A query stands here.
    query: bool,
    /// USING is followed by tables: the statement here is a DELETE or a MERGE that has not joined yet.
    using: bool,
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    known: &'a BTreeSet<String>,
    frame: Frame,
    /// The levels around it.
    outer: Vec<Frame>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), Disagreement> {
        while let Some(token) = self.tokens.get(self.at) {
            // `a.from` is a column, `AS from` an alias.
            let is_name = self.before(1).is_some_and(|before| before.is_sign('.') || before.is("AS"))
                && !token.is_any(&["SELECT", "UPDATE", "TABLE", "VALUES"]);
            self.at += 1;
            match token.kind {
                TokenKind::Word if !is_name => self.word(*token)?,
                TokenKind::Sign if token.is_sign('(') => {
                    let function = self.before(2).filter(|before| before.kind == TokenKind::Word);
                    let function = function.map(|word| word.text.to_ascii_uppercase());
                    self.open(Frame { function, ..Frame::default() });
                }
                TokenKind::Sign if token.is_sign(')') && !self.outer.is_empty() => {
                    self.frame = self.outer.pop().unwrap_or_default();
                }
                TokenKind::Sign if token.is_sign(',') && self.frame.tables => self.table()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A word that may be followed by a table.
    fn word(&mut self, word: Token<'_>) -> Result<(), Disagreement> {
        if word.is_any(&ENDS) {
            self.frame.tables = false;
            self.frame.query |= word.is("SELECT");
        }
        if word.is_any(&["DELETE", "MERGE"]) {
            // `CREATE POLICY … FOR DELETE USING (condition)`.
            self.frame.using = !self.before(2).is_some_and(|before| before.is("FOR"));
        } else if word.is_any(&["SELECT", "UPDATE", "JOIN", "WHERE"]) {
            self.frame.using = false;
        }
        // `JOIN = eqjoinsel` of an operator, `publish = update` of a publication.
        let beside = [self.before(2), self.tokens.get(self.at)];
        if beside.into_iter().flatten().any(|token| token.is_sign('=')) {
            return Ok(());
        }
        if word.is("FROM") {
            if !self.is_other_from() {
                return self.tables(true);
            }
            self.frame.tables = false;
        } else if word.is("JOIN") {
            return self.tables(true);
        } else if word.is("INTO") {
            return self.into();
        } else if word.is("UPDATE") {
            if !self.is_other_update() {
                return self.tables(false);
            }
        } else if word.is("TABLE") {
            return self.after_table();
        } else if (word.is("USING") && std::mem::take(&mut self.frame.using))
            || (word.is_any(&["TRUNCATE", "LOCK"]) && self.at == 1 && !self.peek_is(&["TABLE"]))
        {
            return self.tables(true);
        }
        Ok(())
    }

    fn is_other_from(&self) -> bool {
        let distinct = self.before(2).is_some_and(|before| before.is("DISTINCT"))
            && self.before(3).is_some_and(|before| before.is_any(&["IS", "NOT"]));
        let argument = !self.frame.query
            && self.frame.function.as_deref().is_some_and(|function| FROM_FUNCTIONS.contains(&function));
        // `ROWS FROM (f())`, `FOR VALUES FROM (1) TO (2)`, `SET a FROM CURRENT`, `(FROM SQL WITH FUNCTION f)`.
        let rows = self.before(2).is_some_and(|before| before.is_any(&["ROWS", "VALUES"]))
            && self.tokens.get(self.at).is_some_and(|next| next.is_sign('('));
        let current = self.peek_is(&["CURRENT"]) && self.before(3).is_some_and(|before| before.is("SET"));
        let transform = self.peek_is(&["SQL"]) && self.before(2).is_some_and(|before| before.is_sign('('));
        let verb = self.verb();
        let creates = verb.is("CREATE")
            && self.tokens.iter().take(3).any(|word| word.is_any(&["COLLATION", "CONVERSION", "EXTENSION"]));
        let other = (verb.is_any(&OTHER_FROM) || creates) && self.outer.is_empty();
        distinct || argument || rows || current || transform || other
    }

    /// `FOR UPDATE`, `ON UPDATE`, `DO UPDATE`, `THEN UPDATE`, `SHARE UPDATE EXCLUSIVE`, the events of triggers, privileges.
    fn is_other_update(&self) -> bool {
        let before = self.before(2);
        before.is_some_and(|before| {
            before.is_any(&["FOR", "KEY", "ON", "DO", "THEN", "SHARE", "AFTER", "BEFORE", "OR", "OF"])
        }) || self.verb().is_any(&["GRANT", "REVOKE"])
            || (self.verb().is("ALTER") && self.outer.is_empty())
    }

    /// `INSERT INTO t`, `MERGE INTO t`, `SELECT … INTO TEMP TABLE t`.
    fn into(&mut self) -> Result<(), Disagreement> {
        while self.peek_is(&["TEMP", "TEMPORARY", "LOCAL", "GLOBAL", "UNLOGGED"]) {
            self.at += 1;
        }
        // Its own word says the rest; a schema is no table.
        if self.peek_is(&["TABLE"]) || self.verb().is("IMPORT") {
            return Ok(());
        }
        self.tables(false)
    }

    fn after_table(&mut self) -> Result<(), Disagreement> {
        let verb = self.verb();
        // `RETURNS TABLE (…)`, `REFERENCING NEW TABLE AS x`, `CREATE ACCESS METHOD m TYPE TABLE`.
        let before = self.before(2);
        let other = before.is_some_and(|before| before.is_any(&["RETURNS", "OLD", "NEW", "TYPE"]))
            || verb.is_any(&["SECURITY"]);
        if other {
            return Ok(());
        }
        let publication = self.tokens.get(1).is_some_and(|second| second.is("PUBLICATION"));
        self.tables(verb.is_any(&LISTS) || publication)
    }

    /// A list of tables begins.
    fn tables(&mut self, list: bool) -> Result<(), Disagreement> {
        self.frame.tables = list;
        self.table()
    }

    /// A table, or a bracket with tables or a query in it.
    fn table(&mut self) -> Result<(), Disagreement> {
        self.modifiers();
        while self.tokens.get(self.at).is_some_and(|next| next.is_sign('(')) {
            self.at += 1;
            let query =
                self.peek_is(&["SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE"]);
            self.open(Frame { tables: !query, ..Frame::default() });
            if query {
                return Ok(());
            }
            self.modifiers();
        }
        self.name()
    }

    /// Words between the keyword and the name.
    fn modifiers(&mut self) {
        let next_is = |at: usize, word: &str| self.tokens.get(at).is_some_and(|token| token.is(word));
        let mut at = self.at;
        loop {
            at += if ["ONLY", "LATERAL", "CONCURRENTLY"].iter().any(|word| next_is(at, word)) {
                1
            } else if (next_is(at, "ROWS") && next_is(at + 1, "FROM"))
                || (next_is(at, "IF") && next_is(at + 1, "EXISTS"))
            {
                2
            } else if next_is(at, "IF") && next_is(at + 1, "NOT") && next_is(at + 2, "EXISTS") {
                3
            } else {
                break;
            };
        }
        self.at = at;
    }

    /// A name with its schema; a function is no table.
    fn name(&mut self) -> Result<(), Disagreement> {
        // `FROM current_date`, `FROM COLLATION FOR (…)`, `ADD TABLE t, TABLES IN SCHEMA s`.
        let next = self.tokens.get(self.at);
        let second = self.tokens.get(self.at + 1);
        let pair = |first: &str, then: &str| {
            next.is_some_and(|next| next.is(first)) && second.is_some_and(|second| second.is(then))
        };
        if next.is_some_and(|next| next.is_any(&reserved::VALUES))
            || pair("COLLATION", "FOR")
            || pair("TABLES", "IN")
        {
            self.at += 1;
            return Ok(());
        }
        // `FOR TABLE t, TABLE u`: its own word says the rest.
        if self.frame.tables && next.is_some_and(|next| next.is("TABLE")) {
            return Ok(());
        }
        let is_name = |token: &&Token<'_>| matches!(token.kind, TokenKind::Word | TokenKind::Name);
        let Some(first) = self.tokens.get(self.at).filter(is_name) else {
            return Err(self.disagreement("it has something else where a table is expected"));
        };
        let offset = first.start;
        self.at += 1;
        let mut parts = vec![folded(first)];
        while self.tokens.get(self.at).is_some_and(|next| next.is_sign('.')) {
            let Some(next) = self.tokens.get(self.at + 1).filter(is_name) else {
                return Err(self.disagreement("it has a name that ends in a dot"));
            };
            parts.push(folded(next));
            self.at += 2;
        }
        let called = self.tokens.get(self.at).is_some_and(|next| next.is_sign('('));
        if called || self.known.contains(&parts.join(".")) {
            Ok(())
        } else {
            Err(Disagreement {
                what: "it names a table here that the guardrail's parser does not see",
                offset,
            })
        }
    }

    fn disagreement(&self, what: &'static str) -> Disagreement {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        Disagreement { what, offset: token.map_or(0, |token| token.start) }
    }

    fn open(&mut self, frame: Frame) {
        self.outer.push(std::mem::replace(&mut self.frame, frame));
    }

    fn peek_is(&self, words: &[&str]) -> bool {
        self.tokens.get(self.at).is_some_and(|next| next.is_any(words))
    }

    /// A token before the next one; 1 is the one just read.
    fn before(&self, distance: usize) -> Option<&Token<'_>> {
        text::before(self.tokens, self.at, distance)
    }

    /// The first word of the statement.
    fn verb(&self) -> Token<'_> {
        text::verb(self.tokens)
    }
}

/// A name as the tree's names are compared: in lower case, without quotes.
fn folded(token: &Token<'_>) -> String {
    let name = match token.text.split_at_checked(2) {
        Some((prefix, name)) if token.kind == TokenKind::Name && prefix.eq_ignore_ascii_case("U&") => {
            name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).and_then(unescaped)
        }
        _ => token.name(),
    };
    name.unwrap_or_default().to_lowercase()
}

/// What stands in `U&"…"`: `\0061` and `\+000061` are characters by their number, `\\` is a backslash. None for halves
/// of characters.
fn unescaped(name: &str) -> Option<String> {
    let (mut plain, mut rest) = (String::new(), name);
    while let Some((before, behind)) = rest.split_once('\\') {
        plain.push_str(before);
        rest = match behind.strip_prefix('\\') {
            Some(after) => {
                plain.push('\\');
                after
            }
            None => {
                let (digits, width) = behind.strip_prefix('+').map_or((behind, 4), |digits| (digits, 6));
                let (number, after) = digits.split_at_checked(width)?;
                plain.push(char::from_u32(u32::from_str_radix(number, 16).ok()?)?);
                after
            }
        };
    }
    plain.push_str(rest);
    Some(plain.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    fn disagrees(command: &str, known: &[&str]) -> bool {
        let tokens = crate::text::tokens(command, Dialect::Postgres).unwrap();
        let known = known.iter().map(|&name| name.to_owned()).collect();
        check(&tokens, &known).is_err()
    }

    #[test]
    fn a_table_that_the_tree_does_not_have_is_a_disagreement() {
        for command in [
            "SELECT * FROM t, hidden",
            "SELECT * FROM t JOIN hidden USING (id)",
            "SELECT * FROM t JOIN s.t ON true",
            "SELECT (SELECT a FROM \"Hidden\")",
            "SELECT extract(year FROM (SELECT d FROM hidden))",
            "SELECT * FROM (hidden CROSS JOIN t)",
            "SELECT a INTO TEMP hidden FROM t",
            "WITH x AS (DELETE FROM t USING t, hidden) SELECT 1",
            "MERGE INTO t USING hidden ON true WHEN MATCHED THEN DELETE",
            "INSERT INTO hidden SELECT 1",
            "UPDATE ONLY hidden SET a = 1",
            "TABLE hidden",
            "TRUNCATE t, hidden",
            "LOCK hidden",
            "DROP TABLE IF EXISTS t, hidden",
            "SELECT * FROM U&\"\\0068idden\"",
        ] {
            assert!(disagrees(command, &["t", "x"]), "{command}");
        }
    }

    #[test]
    fn other_uses_of_the_words_name_no_table() {
        for command in [
            "SELECT extract(year FROM d), substring(a FROM 1 FOR 2), trim(both FROM a), overlay(a PLACING 'x' FROM 2) FROM t",
            "SELECT a IS NOT DISTINCT FROM b FROM t, generate_series(1, 2), current_date FOR NO KEY UPDATE OF t",
            "SELECT * FROM ROWS FROM (f(1), g(2)) x, LATERAL h(x)",
            "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1",
            "MERGE INTO t USING t ON true WHEN MATCHED THEN UPDATE SET a = 1",
            "COPY t FROM STDIN",
            "GRANT UPDATE ON TABLE t TO a, b",
            "REVOKE ALL ON t FROM somebody",
            "CREATE TRIGGER x AFTER INSERT OR UPDATE ON t REFERENCING NEW TABLE AS n EXECUTE FUNCTION f()",
            "CREATE FUNCTION f() RETURNS TABLE (a int) LANGUAGE sql AS 'x'",
            "CREATE INDEX i ON t USING btree (a)",
            "CREATE TABLE t PARTITION OF t FOR VALUES FROM (1) TO (2)",
            "CREATE OPERATOR === (LEFTARG = a, JOIN = eqjoinsel)",
            "FETCH ALL FROM cursor",
            "ALTER TABLE t ALTER a TYPE int USING a::int, ALTER b SET DEFAULT 1",
            "SELECT x.from, 1 AS from FROM t ORDER BY a USING <",
            "SET search_path FROM CURRENT",
            "SELECT * FROM U&\"\\0074\" a, u&\"\\+000074\" b",
        ] {
            assert!(!disagrees(command, &["t"]), "{command}");
        }
    }
}
