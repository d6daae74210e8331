//! The second reading of a statement: its tokens, without a grammar.
//!
//! A parser that takes more than the server does can hide a table: it reads a keyword as a name, or stops before the
//! end. Here, each name that follows a word such as FROM or UPDATE must be among the tables that the tree has. The
//! other uses of these words are listed; a use that is not listed is a disagreement, and the statement is not
//! understood.

use crate::Dialect;
use crate::names::NameList;
use crate::text::{self, Token, TokenKind};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static MYSQL: LazyLock<NameList> =
    LazyLock::new(|| NameList::new(include_str!("../../data/mysql-reserved.txt")));
static SQLITE: LazyLock<NameList> =
    LazyLock::new(|| NameList::new(include_str!("../../data/sqlite-reserved.txt")));

/// Keywords that a parser keeps as names where the grammar has them as values: `SET a = DEFAULT`.
const VALUES: [&str; 13] = [
    "DEFAULT",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "MAXVALUE",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "BINARY",
    // `FORCE INDEX (PRIMARY)`
    "PRIMARY",
];

/// Whether the servers refuse a word as a name without quotes.
pub(super) fn is_reserved(word: &str, dialect: Dialect) -> bool {
    let upper = word.to_ascii_uppercase();
    let list = if dialect == Dialect::Sqlite { &SQLITE } else { &MYSQL };
    list.has(&upper) && !VALUES.contains(&upper.as_str())
}

/// What the text has and the tree does not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disagreement {
    pub(super) what: String,
    pub(super) offset: usize,
}

/// Checks that each table of the text is among those of the tree. `known` has the names of tables, with their schema
/// where the statement says it, and of WITH, in lower case.
pub(super) fn check(
    tokens: &[Token<'_>],
    dialect: Dialect,
    known: &BTreeSet<String>,
    functions: &[String],
) -> Result<(), Disagreement> {
    let mut reader =
        Reader { tokens, at: 0, dialect, known, functions, frame: Frame::default(), outer: Vec::new() };
    reader.read()
}

/// Functions whose arguments are separated by FROM or USING.
const FROM_FUNCTIONS: [&str; 6] = ["EXTRACT", "SUBSTRING", "SUBSTR", "TRIM", "MID", "OVERLAY"];
const USING_FUNCTIONS: [&str; 4] = ["CONVERT", "CHAR", "WEIGHT_STRING", "AES_ENCRYPT"];

/// Words that end a list of tables.
const ENDS: [&str; 19] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "SET",
    "VALUES",
    "VALUE",
    "SELECT",
    "FOR",
    "INTO",
    "WINDOW",
    "RETURNING",
    "PROCEDURE",
    "LOCK",
];

/// Statements whose TABLE is followed by a list.
const LISTS: [&str; 9] =
    ["DROP", "TRUNCATE", "LOCK", "RENAME", "ANALYZE", "OPTIMIZE", "CHECK", "REPAIR", "CHECKSUM"];

/// One level of brackets.
#[derive(Default)]
struct Frame {
    /// A comma is followed by another table.
    tables: bool,
    /// The word before the bracket.
    function: Option<String>,
    /// A SELECT stands here.
    query: bool,
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    dialect: Dialect,
    known: &'a BTreeSet<String>,
    functions: &'a [String],
    frame: Frame,
    /// The levels around it.
    outer: Vec<Frame>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), Disagreement> {
        while let Some(token) = self.tokens.get(self.at) {
            // `a.from` is a column.
            let after_dot = self.before(1).is_some_and(|before| before.is_sign('.'));
            self.at += 1;
            match token.kind {
                TokenKind::Word if !after_dot => self.word(*token)?,
                TokenKind::Sign if token.is_sign('(') => {
                    let function = self.before(2).filter(|before| before.kind == TokenKind::Word);
                    let function = function.map(|word| word.text.to_ascii_uppercase());
                    self.open(Frame { function, ..Frame::default() });
                }
                TokenKind::Sign if token.is_sign(')') && !self.outer.is_empty() => {
                    self.close();
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
            let is_query = word.is("SELECT");
            let frame = &mut self.frame;
            frame.tables = false;
            frame.query |= is_query;
        }
        if word.is("FROM") {
            if !self.is_other_from() {
                return self.tables(true);
            }
        } else if word.is("JOIN") {
            return self.tables_go_on();
        } else if word.is("STRAIGHT_JOIN") {
            if !self.before(2).is_some_and(is_select_modifier) {
                return self.tables_go_on();
            }
        } else if word.is("INTO") {
            return self.into();
        } else if word.is("UPDATE") {
            if !self.is_other_update() {
                return self.tables(true);
            }
        } else if word.is_any(&["TABLE", "TABLES"]) {
            return self.after_table(word);
        } else if word.is("USING") && !self.is_other_using() {
            return self.tables(true);
        } else if word.is_any(&["INSERT", "REPLACE"]) && self.dialect == Dialect::Mysql && self.at == 1 {
            // INTO may be left out.
            self.modifiers();
            if !self.peek().is_some_and(|next| next.is("INTO")) {
                return self.name();
            }
        } else if word.is("IN") && self.dialect == Dialect::Sqlite {
            // `a IN t` reads a table.
            if self.peek().is_some_and(|next| next.kind != TokenKind::Sign) {
                return self.name();
            }
        } else if word.is("TO") && self.verb().is("RENAME") {
            return self.tables(true);
        }
        Ok(())
    }

    fn is_other_from(&mut self) -> bool {
        let distinct = self.before(2).is_some_and(|before| before.is("DISTINCT"))
            && self.before(3).is_some_and(|before| before.is_any(&["IS", "NOT"]));
        let mysql = self.dialect == Dialect::Mysql;
        let frame = &mut self.frame;
        let argument = mysql
            && !frame.query
            && frame.function.as_deref().is_some_and(|function| FROM_FUNCTIONS.contains(&function));
        // Their FROM is followed by a database, an account, or a text.
        let verb = self.verb();
        let shows = verb.is("SHOW")
            && !self
                .tokens
                .iter()
                .take(5)
                .any(|word| word.is_any(&["COLUMNS", "FIELDS", "INDEX", "INDEXES", "KEYS"]));
        let other = verb.is_any(&["REVOKE", "PREPARE"]) && self.outer.is_empty();
        distinct || argument || shows || other
    }

    fn is_other_update(&self) -> bool {
        let verb = self.verb();
        self.before(2)
            .is_some_and(|before| before.is_any(&["FOR", "ON", "DO", "KEY", "AFTER", "BEFORE", "OF"]))
            || verb.is_any(&["GRANT", "REVOKE"])
    }

    fn is_other_using(&mut self) -> bool {
        let columns = self.peek().is_some_and(|next| next.is_sign('('));
        let index = self.peek().is_some_and(|next| next.is_any(&["BTREE", "HASH", "RTREE"]));
        let frame = &mut self.frame;
        let argument = frame.function.as_deref().is_some_and(|function| USING_FUNCTIONS.contains(&function));
        let verb = self.verb();
        let module = verb.is("CREATE") && self.tokens.iter().take(3).any(|word| word.is("VIRTUAL"));
        columns || index || argument || module || verb.is_any(&["EXECUTE"])
    }

    /// `INSERT INTO t`, `REPLACE t` is read by the tree alone, `SELECT … INTO @x` writes no table.
    fn into(&mut self) -> Result<(), Disagreement> {
        let Some(next) = self.peek() else { return Ok(()) };
        if next.is_sign('@') || next.is_any(&["OUTFILE", "DUMPFILE", "TABLE"]) || next.text.starts_with('@') {
            return Ok(());
        }
        if next.kind == TokenKind::Text && self.verb().is("VACUUM") {
            return Ok(());
        }
        // `REORGANIZE PARTITION p INTO (…)`
        if next.is_sign('(') && self.verb().is("ALTER") {
            return Ok(());
        }
        // `LOAD INDEX INTO CACHE t`
        if next.is("CACHE") && self.verb().is("LOAD") {
            return Ok(());
        }
        self.name()
    }

    fn after_table(&mut self, word: Token<'_>) -> Result<(), Disagreement> {
        let verb = self.verb();
        let before = self.before(2);
        if verb.is("SHOW") && !before.is_some_and(|before| before.is("CREATE")) {
            return Ok(());
        }
        if word.is("TABLES") && !verb.is_any(&["LOCK", "DROP", "FLUSH"]) {
            return Ok(());
        }
        // UNLOCK TABLES, FLUSH TABLES.
        if word.is("TABLES") && self.peek().is_none_or(|next| next.is("WITH")) {
            return Ok(());
        }
        let lists = verb.is_any(&LISTS) || word.is("TABLES");
        self.tables(lists)
    }

    /// A list of tables begins.
    fn tables(&mut self, list: bool) -> Result<(), Disagreement> {
        self.frame.tables = list;
        self.table()
    }

    fn tables_go_on(&mut self) -> Result<(), Disagreement> {
        self.frame.tables = true;
        self.table()
    }

    /// A table, or a bracket with tables or a query in it.
    fn table(&mut self) -> Result<(), Disagreement> {
        self.modifiers();
        while self.peek().is_some_and(|next| next.is_sign('(')) {
            self.at += 1;
            let inner = self.peek().is_some_and(|next| next.is_any(&["SELECT", "WITH", "VALUES", "TABLE"]));
            self.open(Frame { tables: !inner, ..Frame::default() });
            if inner {
                return Ok(());
            }
            self.modifiers();
        }
        self.name()
    }

    /// Words between the keyword and the name.
    fn modifiers(&mut self) {
        loop {
            let Some(next) = self.peek() else { return };
            let skips = match self.dialect {
                Dialect::Sqlite if next.is("OR") => 2,
                Dialect::Mysql
                    if next.is_any(&["LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "IGNORE", "CONCURRENT"]) =>
                {
                    1
                }
                _ if next.is("LATERAL") => 1,
                // A table may be named `if`, in a server that takes it as a name.
                _ if next.is("IF")
                    && self.tokens.get(self.at + 1).is_some_and(|second| second.is("EXISTS")) =>
                {
                    2
                }
                _ if next.is("IF")
                    && self.tokens.get(self.at + 1).is_some_and(|second| second.is("NOT"))
                    && self.tokens.get(self.at + 2).is_some_and(|third| third.is("EXISTS")) =>
                {
                    3
                }
                _ => return,
            };
            self.at += skips;
        }
    }

    /// A name with its schema.
    fn name(&mut self) -> Result<(), Disagreement> {
        let Some(mut last) = self.tokens.get(self.at).copied() else {
            return Err(self.disagreement("it ends where a table is expected"));
        };
        // SQLite takes a string for a name.
        let is_name = |token: &Token<'_>| {
            matches!(token.kind, TokenKind::Word | TokenKind::Name)
                || (token.kind == TokenKind::Text && self.dialect == Dialect::Sqlite)
        };
        if !is_name(&last) {
            return Err(self.disagreement("it has something else where a table is expected"));
        }
        self.at += 1;
        let mut parts = vec![last.name().unwrap_or_default()];
        while self.peek().is_some_and(|next| next.is_sign('.')) {
            let next = self.tokens.get(self.at + 1).copied();
            let Some(next) = next.filter(|token| is_name(token) || token.kind == TokenKind::Number) else {
                return Err(self.disagreement("it has a name that ends in a dot"));
            };
            parts.push(next.name().unwrap_or_default());
            last = next;
            self.at += 2;
        }
        let name = parts.join(".").to_lowercase();
        let called = self.peek().is_some_and(|next| next.is_sign('('))
            && (name == "json_table" || self.functions.contains(&name));
        if self.known.contains(&name) || called {
            Ok(())
        } else {
            let what = "it names a table here that the guardrail's parser does not see";
            Err(Disagreement { what: what.to_owned(), offset: last.start })
        }
    }

    fn disagreement(&self, what: &str) -> Disagreement {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        Disagreement { what: what.to_owned(), offset: token.map_or(0, |token| token.start) }
    }

    fn open(&mut self, frame: Frame) {
        self.outer.push(std::mem::replace(&mut self.frame, frame));
    }

    fn close(&mut self) {
        self.frame = self.outer.pop().unwrap_or_default();
    }

    fn peek(&self) -> Option<&Token<'_>> {
        self.tokens.get(self.at)
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

/// Words between SELECT and its first item.
fn is_select_modifier(token: &Token<'_>) -> bool {
    token.is_any(&["SELECT", "ALL", "DISTINCT", "DISTINCTROW", "HIGH_PRIORITY", "SQL_NO_CACHE", "SQL_CACHE"])
        || token.text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SQL_"))
}
