//! Statements.

use super::delimiter::{Script, Step};
use super::lexer::{LexError, Lexer, Token, TokenKind, tokens};
use crate::Dialect;
use std::ops::Range;

/// One statement of a command.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its text with its comments, without the semicolon and without space around it.
    pub text: &'a str,
    /// The offset of its text in the command.
    pub start: usize,
    /// Its tokens; their offsets are those in the command.
    pub tokens: Vec<Token<'a>>,
}

/// Commands never reach a `Debug`.
impl std::fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Piece")
            .field("bytes", &self.text.len())
            .field("tokens", &self.tokens.len())
            .finish_non_exhaustive()
    }
}

/// Cuts a command of a SQL dialect into its statements. Empty ones are left out.
///
/// SQLite: a CREATE TRIGGER ends behind the END of its body. MySQL: the body of a stored program has semicolons, and
/// only the server knows where it ends, so it goes on to the end of the command, or to the text that a `DELIMITER` line
/// names. PostgreSQL: semicolons in brackets (CREATE RULE) and in `BEGIN ATOMIC … END` end nothing.
///
/// # Errors
/// As [`tokens`], and a `DELIMITER` line that is not understood.
pub fn split(command: &str, dialect: Dialect) -> Result<Vec<Piece<'_>>, LexError> {
    if dialect == Dialect::Mysql {
        return split_script(command);
    }
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut current: Vec<Token<'_>> = Vec::new();
    let mut body = Body::default();
    let mut start = 0;
    for token in tokens(command, dialect)? {
        if token.is_sign(';') && !body.holds(dialect) {
            finish(command, start..token.start, &mut current, &mut pieces);
            start = token.end();
            body = Body::default();
        } else {
            body.see(dialect, current.last(), &token);
            current.push(token);
        }
    }
    finish(command, start..command.len(), &mut current, &mut pieces);
    Ok(pieces)
}

/// The statements of a script of MySQL.
fn split_script(command: &str) -> Result<Vec<Piece<'_>>, LexError> {
    let dialect = Dialect::Mysql;
    let mut script = Script::new(command, Lexer::new(command, dialect));
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut current: Vec<Token<'_>> = Vec::new();
    let mut body = Body::default();
    let mut start = 0;
    while let Some(step) = script.next(current.is_empty())? {
        let (end, next) = match step {
            Step::Token(token) if token.is_sign(';') && !body.holds(dialect) => (token.start, token.end()),
            Step::Token(token) => {
                body.see(dialect, current.last(), &token);
                current.push(token);
                continue;
            }
            Step::End(end, next) => (end, next),
            Step::Line(next) => (start, next),
        };
        finish(command, start..end, &mut current, &mut pieces);
        start = next;
        body = Body::default();
    }
    finish(command, start..command.len(), &mut current, &mut pieces);
    Ok(pieces)
}

fn finish<'a>(
    command: &'a str,
    range: Range<usize>,
    tokens: &mut Vec<Token<'a>>,
    pieces: &mut Vec<Piece<'a>>,
) {
    if tokens.is_empty() {
        return;
    }
    let start = range.start;
    let text = command.get(range).unwrap_or_default();
    let trimmed = text.trim_start();
    let start = start + text.len() - trimmed.len();
    pieces.push(Piece { text: trimmed.trim_end(), start, tokens: std::mem::take(tokens) });
}

/// How deep in brackets and bodies a statement is.
#[derive(Default)]
struct Body {
    brackets: usize,
    /// BEGIN and CASE that have no END yet.
    open: usize,
    /// The body has begun.
    begun: bool,
    header: Header,
}

/// Whether a statement creates a program, by its words up to now.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Header {
    /// It has no word yet.
    #[default]
    Start,
    /// EXPLAIN.
    Explain,
    /// CREATE and words that may be before the kind of the object; with a DEFINER, any name may be among them.
    Create { definer: bool },
    /// It does.
    Program,
    /// It creates no program.
    Other,
}

impl Header {
    fn with(self, token: &Token<'_>, dialect: Dialect) -> Self {
        const MODIFIERS: [&str; 11] = [
            "OR",
            "REPLACE",
            "TEMP",
            "TEMPORARY",
            "DEFINER",
            "AGGREGATE",
            "CONSTRAINT",
            "CURRENT_USER",
            "CURRENT_ROLE",
            "SQL",
            "SECURITY",
        ];
        match self {
            Self::Start if token.is("EXPLAIN") => Self::Explain,
            Self::Start | Self::Explain if token.is("CREATE") => Self::Create { definer: false },
            Self::Create { .. } if token.is_any(objects(dialect)) => Self::Program,
            Self::Create { definer } => {
                // `DEFINER = user@host`
                let definer = definer || token.is("DEFINER");
                let passes = token.is_any(&MODIFIERS) || (definer && token.kind != TokenKind::Number);
                if passes { Self::Create { definer } } else { Self::Other }
            }
            Self::Program => Self::Program,
            Self::Start | Self::Explain | Self::Other => Self::Other,
        }
    }
}

/// The objects whose definition may have semicolons in it.
fn objects(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Postgres => &["FUNCTION", "PROCEDURE"],
        Dialect::Mysql => &["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT"],
        Dialect::Sqlite => &["TRIGGER"],
        Dialect::Shell | Dialect::Http => &[],
    }
}

impl Body {
    fn see(&mut self, dialect: Dialect, before: Option<&Token<'_>>, token: &Token<'_>) {
        if token.is_sign('(') {
            self.brackets += 1;
        } else if token.is_sign(')') {
            self.brackets = self.brackets.saturating_sub(1);
        }
        let program = self.header == Header::Program;
        let begins = match dialect {
            Dialect::Sqlite => program && token.is("BEGIN"),
            Dialect::Postgres => program && token.is("ATOMIC") && before.is_some_and(|last| last.is("BEGIN")),
            _ => false,
        };
        if begins && !self.begun {
            self.begun = true;
            self.open = 1;
        } else if self.begun && token.is("CASE") {
            self.open += 1;
        } else if self.begun && token.is("END") {
            self.open = self.open.saturating_sub(1);
        }
        self.header = self.header.with(token, dialect);
    }

    /// Whether a semicolon here is part of the statement.
    fn holds(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Sqlite => self.begun && self.open > 0,
            Dialect::Postgres => self.brackets > 0 || (self.begun && self.open > 0),
            Dialect::Mysql => self.header == Header::Program,
            Dialect::Shell | Dialect::Http => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(command: &str, dialect: Dialect) -> Vec<&str> {
        split(command, dialect).unwrap().into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn semicolons_in_strings_names_and_comments_do_not_split() {
        let mysql = |command| texts(command, Dialect::Mysql);
        assert_eq!(mysql("SELECT 1; SELECT 2"), ["SELECT 1", "SELECT 2"]);
        assert_eq!(mysql(" ;; SELECT ';' , \"a;\\\"b\" ;"), ["SELECT ';' , \"a;\\\"b\""]);
        assert_eq!(mysql("SELECT `a;``b` /* ; */ -- ;\n# ;\n, 'it''s;'").len(), 1);
        assert_eq!(mysql("SELECT 1--1; SELECT 2"), ["SELECT 1--1", "SELECT 2"]);
        assert_eq!(mysql("SELECT 'a\\'; DROP TABLE t; --'").len(), 1);
        assert!(mysql("/* x */ ; -- y").is_empty());
        assert_eq!(texts("SELECT $$;$$; SELECT U&\";\"", Dialect::Postgres).len(), 2);
        assert_eq!(texts("SELECT [;]; SELECT 'a\\';", Dialect::Sqlite).len(), 2);
    }

    #[test]
    fn bodies_hold_their_semicolons() {
        let trigger = "CREATE TEMP TRIGGER t AFTER UPDATE ON a BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; DELETE FROM b; END";
        assert_eq!(texts(&format!("{trigger}; DROP TABLE a"), Dialect::Sqlite), [trigger, "DROP TABLE a"]);
        assert_eq!(texts("BEGIN; SELECT 1 END; DROP TABLE a", Dialect::Sqlite).len(), 3);
        assert_eq!(texts("CREATE TABLE trigger_log(a); DROP TABLE a", Dialect::Sqlite).len(), 2);
        let procedure = "CREATE DEFINER=`a`@`%` PROCEDURE p() BEGIN SELECT 1; END";
        assert_eq!(texts(procedure, Dialect::Mysql), [procedure]);
        assert_eq!(texts("CREATE TABLE procedures(a int); DROP TABLE a", Dialect::Mysql).len(), 2);
        let function =
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END";
        assert_eq!(texts(&format!("{function}; SELECT 1"), Dialect::Postgres), [function, "SELECT 1"]);
        let rule = "CREATE RULE r AS ON INSERT TO a DO (DELETE FROM b; DELETE FROM c)";
        assert_eq!(texts(&format!("{rule};SELECT 1"), Dialect::Postgres), [rule, "SELECT 1"]);
    }

    #[test]
    fn delimiters_end_what_semicolons_do_not() {
        let mysql = |command| texts(command, Dialect::Mysql);
        let program = "CREATE PROCEDURE p()\nBEGIN\n  SELECT '//'; /* // */\n  SELECT 2;\nEND";
        let script = format!("SELECT 0;\nDELIMITER //\n{program} //\n  delimiter ;\nCALL p(); SELECT 3");
        assert_eq!(mysql(&script), ["SELECT 0", program, "CALL p()", "SELECT 3"]);
        for delimiter in ["$$", ";;", "|", "GO", "@@"] {
            let script = format!("DELIMITER {delimiter}\n{program}{delimiter}\nDELIMITER ;\nSELECT 3;");
            assert_eq!(texts(&script, Dialect::Mysql), [program, "SELECT 3"], "{delimiter}");
        }
        // Outside of a program the server would end statements at semicolons as well.
        assert_eq!(mysql("DELIMITER //\nSELECT 1; DROP TABLE t//"), ["SELECT 1", "DROP TABLE t"]);
        // Elsewhere it is a name.
        assert_eq!(
            mysql("SELECT delimiter\nFROM t;\nSELECT\nDELIMITER // 2"),
            ["SELECT delimiter\nFROM t", "SELECT\nDELIMITER // 2"]
        );
        for wrong in [
            "DELIMITER \nSELECT 1",
            "DELIMITER '\nSELECT 1",
            "DELIMITER --\nSELECT 1",
            "DELIMITER \\\nSELECT 1",
            "DELIMITER // x\nSELECT 1",
        ] {
            assert!(split(wrong, Dialect::Mysql).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_piece_split_again_is_itself(command in "[a-z0-9;'`\"\\\\ #*/\n-]{0,60}") {
            for dialect in [Dialect::Mysql, Dialect::Sqlite] {
                let Ok(pieces) = split(&command, dialect) else { continue };
                for piece in pieces {
                    let again = split(piece.text, dialect).unwrap();
                    prop_assert_eq!(again.len(), 1);
                    prop_assert_eq!(again.first().map(|one| one.text), Some(piece.text));
                }
            }
        }
    }
}
