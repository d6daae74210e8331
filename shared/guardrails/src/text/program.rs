//! Stored programs of MySQL: whether a text is exactly one.
//!
//! The server ends a `CREATE PROCEDURE` where its grammar is complete, and runs what follows as another statement. So
//! the body is read by that grammar here, as far as it decides where a block ends. **Fails closed**: text that this
//! reader does not follow is not one program.
//!
//! Words that open a block do so only where a statement begins: `BEGIN` may be the name of a column or a condition.

use super::lexer::{Token, TokenKind};

/// Whether a statement creates one stored program and has nothing behind it.
#[must_use]
pub fn is_one_program(tokens: &[Token<'_>]) -> bool {
    let mut reader = Reader { tokens, at: 0, depth: 0 };
    reader.program().is_some() && reader.at == tokens.len()
}

/// Deeper nesting is not followed.
const MAX_DEPTH: usize = 100;

struct Reader<'a, 't> {
    tokens: &'a [Token<'t>],
    at: usize,
    depth: usize,
}

/// What a routine says between its parameters and its body.
const CHARACTERISTICS: [&str; 11] = [
    "DETERMINISTIC",
    "NOT",
    "CONTAINS",
    "NO",
    "READS",
    "MODIFIES",
    "SQL",
    "DATA",
    "LANGUAGE",
    "SECURITY",
    "INVOKER",
];

impl<'t> Reader<'_, 't> {
    fn program(&mut self) -> Option<()> {
        self.word("CREATE")?;
        if self.take("OR") {
            self.word("REPLACE")?;
        }
        if self.take("DEFINER") {
            self.sign('=')?;
            self.account()?;
        }
        self.take("AGGREGATE");
        if self.take("PROCEDURE") {
            self.name()?;
            self.brackets()?;
            self.characteristics();
        } else if self.take("FUNCTION") {
            self.name()?;
            self.brackets()?;
            self.word("RETURNS")?;
            self.data_type()?;
            self.characteristics();
        } else {
            self.word("TRIGGER")?;
            self.name()?;
            self.any(&["BEFORE", "AFTER"])?;
            self.any(&["INSERT", "UPDATE", "DELETE"])?;
            self.word("ON")?;
            self.name()?;
            for word in ["FOR", "EACH", "ROW"] {
                self.word(word)?;
            }
            if self.take("FOLLOWS") || self.take("PRECEDES") {
                self.name()?;
            }
        }
        self.statement()
    }

    fn account(&mut self) -> Option<()> {
        if self.take("CURRENT_USER") || self.take("CURRENT_ROLE") {
            return if self.peek().is_some_and(|next| next.is_sign('(')) {
                self.brackets()
            } else {
                Some(())
            };
        }
        self.identifier()?;
        if self.take_sign('@') { self.identifier() } else { Some(()) }
    }

    /// A name, perhaps with `IF NOT EXISTS` before it and a schema.
    fn name(&mut self) -> Option<()> {
        if self.take("IF") {
            self.word("NOT")?;
            self.word("EXISTS")?;
        }
        self.identifier()?;
        if self.take_sign('.') { self.identifier() } else { Some(()) }
    }

    fn identifier(&mut self) -> Option<()> {
        let token = self.peek()?;
        matches!(token.kind, TokenKind::Word | TokenKind::Name | TokenKind::Text).then(|| self.at += 1)
    }

    /// Everything in a pair of brackets.
    fn brackets(&mut self) -> Option<()> {
        self.sign('(')?;
        let mut depth = 1_usize;
        while depth > 0 {
            let token = self.next()?;
            if token.is_sign(';') {
                return None;
            }
            depth = depth + usize::from(token.is_sign('(')) - usize::from(token.is_sign(')'));
        }
        Some(())
    }

    fn data_type(&mut self) -> Option<()> {
        const MORE: [&str; 9] =
            ["UNSIGNED", "SIGNED", "ZEROFILL", "PRECISION", "VARYING", "BINARY", "ASCII", "UNICODE", "LONG"];
        self.identifier()?;
        loop {
            if self.peek().is_some_and(|next| next.is_sign('(')) {
                self.brackets()?;
            } else if self.take("CHARACTER") {
                self.word("SET")?;
                self.identifier()?;
            } else if self.take("CHARSET") || self.take("COLLATE") {
                self.identifier()?;
            } else if !MORE.iter().any(|word| self.take(word)) {
                return Some(());
            }
        }
    }

    fn characteristics(&mut self) {
        loop {
            if self.take("COMMENT") {
                let _ = self.identifier();
            } else if self.peek().is_some_and(|next| next.is_any(&CHARACTERISTICS) || next.is("DEFINER")) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    /// One statement of a body, without the semicolon behind it.
    fn statement(&mut self) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let labelled = self.label();
        let done = if self.take("BEGIN") {
            if self.take("NOT") {
                self.word("ATOMIC")?;
            }
            self.statements(&["END"])?;
            self.end("", labelled)
        } else if self.take("LOOP") {
            self.statements(&["END"])?;
            self.end("LOOP", labelled)
        } else if self.take("REPEAT") {
            self.statements(&["UNTIL"])?;
            self.until("UNTIL", "END")?;
            self.end("REPEAT", labelled)
        } else if self.take("WHILE") {
            self.until("WHILE", "DO")?;
            self.word("DO")?;
            self.statements(&["END"])?;
            self.end("WHILE", labelled)
        } else if labelled {
            None
        } else if self.take("IF") {
            self.branches()
        } else if self.take("CASE") {
            self.cases()
        } else if self.take("DECLARE") {
            self.declaration()
        } else {
            self.simple()
        };
        self.depth -= 1;
        done
    }

    fn label(&mut self) -> bool {
        let is_label = self.tokens.get(self.at + 1).is_some_and(|next| next.is_sign(':'))
            && self.tokens.get(self.at + 2).is_some_and(|next| !next.is_sign('='));
        if is_label {
            self.at += 2;
        }
        is_label
    }

    /// Statements, each with a semicolon, up to one of these words.
    fn statements(&mut self, ends: &[&str]) -> Option<()> {
        while !self.peek()?.is_any(ends) {
            self.statement()?;
            self.sign(';')?;
        }
        Some(())
    }

    /// `END`, the word of the block, and a label if there was one.
    fn end(&mut self, word: &str, labelled: bool) -> Option<()> {
        self.word("END")?;
        if !word.is_empty() {
            self.word(word)?;
        }
        if labelled && self.peek().is_some_and(|next| !next.is_sign(';')) {
            self.identifier()?;
        }
        Some(())
    }

    fn branches(&mut self) -> Option<()> {
        self.until("IF", "THEN")?;
        self.word("THEN")?;
        loop {
            self.statements(&["ELSEIF", "ELSE", "END"])?;
            if self.take("ELSEIF") {
                self.until("ELSEIF", "THEN")?;
                self.word("THEN")?;
            } else if self.take("ELSE") {
                self.statements(&["END"])?;
                return self.end("IF", false);
            } else {
                return self.end("IF", false);
            }
        }
    }

    fn cases(&mut self) -> Option<()> {
        if !self.peek()?.is("WHEN") {
            self.until("CASE", "WHEN")?;
        }
        while self.take("WHEN") {
            self.until("WHEN", "THEN")?;
            self.word("THEN")?;
            self.statements(&["WHEN", "ELSE", "END"])?;
        }
        if self.take("ELSE") {
            self.statements(&["END"])?;
        }
        self.end("CASE", false)
    }

    /// `DECLARE … HANDLER FOR condition, … statement`, or a variable, condition or cursor.
    fn declaration(&mut self) -> Option<()> {
        let handles = self.peek()?.is_any(&["CONTINUE", "EXIT", "UNDO"])
            && self.tokens.get(self.at + 1).is_some_and(|next| next.is("HANDLER"));
        if !handles {
            return self.simple();
        }
        self.at += 2;
        self.word("FOR")?;
        loop {
            if self.take("SQLSTATE") {
                self.take("VALUE");
                (self.next()?.kind == TokenKind::Text).then_some(())?;
            } else if self.take("NOT") {
                self.word("FOUND")?;
            } else {
                let token = self.next()?;
                matches!(token.kind, TokenKind::Word | TokenKind::Name | TokenKind::Number).then_some(())?;
            }
            if !self.take_sign(',') {
                return self.statement();
            }
        }
    }

    /// An expression, up to a word outside of brackets and of CASE expressions. Empty expressions are none.
    fn until(&mut self, after: &str, word: &str) -> Option<()> {
        debug_assert!(after != word, "an expression ends with another word than it follows");
        let (start, mut cases) = (self.at, 0_usize);
        loop {
            let token = self.peek()?;
            let is_word = |word: &str| token.is(word) && !self.follows_dot();
            if token.is_sign(';') {
                return None;
            }
            if cases == 0 && is_word(word) {
                return (self.at > start).then_some(());
            }
            if token.is_sign('(') {
                self.brackets()?;
                continue;
            }
            if is_word("CASE") {
                cases += 1;
            } else if is_word("END") {
                cases = cases.checked_sub(1)?;
            }
            self.at += 1;
        }
    }

    /// Any other statement: everything up to a semicolon.
    fn simple(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|token| !token.is_sign(';')) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn follows_dot(&self) -> bool {
        self.at
            .checked_sub(1)
            .and_then(|before| self.tokens.get(before))
            .is_some_and(|token| token.is_sign('.'))
    }

    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.peek().is_some_and(|token| token.is(word));
        self.at += usize::from(is);
        is
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let is = self.peek().is_some_and(|token| token.is_sign(sign));
        self.at += usize::from(is);
        is
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.take(word).then_some(())
    }

    fn any(&mut self, words: &[&str]) -> Option<()> {
        words.iter().any(|word| self.take(word)).then_some(())
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.take_sign(sign).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_one_program;
    use crate::Dialect;
    use crate::text::tokens;

    fn is_one(command: &str) -> bool {
        is_one_program(&tokens(command, Dialect::Mysql).unwrap())
    }

    #[test]
    fn programs_are_read_to_their_end() {
        for command in [
            "CREATE PROCEDURE p() BEGIN SELECT 1; END",
            "CREATE PROCEDURE p() SELECT 1",
            "CREATE DEFINER=`a`@`%` PROCEDURE d.p(IN a INT, OUT b VARCHAR(10)) READS SQL DATA COMMENT 'x' BEGIN END",
            "CREATE FUNCTION f(a INT) RETURNS VARCHAR(10) CHARSET utf8mb4 DETERMINISTIC RETURN 1",
            "CREATE FUNCTION f() RETURNS INT NO SQL BEGIN DECLARE i INT DEFAULT 0; WHILE i < 3 DO SET i = i + 1; END WHILE; RETURN i; END",
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN IF NEW.x THEN SET NEW.y = 1; ELSEIF NEW.z THEN SET NEW.y = 2; ELSE SET NEW.y = 3; END IF; END",
            "CREATE PROCEDURE p() l: LOOP LEAVE l; END LOOP l",
            "CREATE PROCEDURE p() BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION, NOT FOUND BEGIN ROLLBACK; END; REPEAT SET @a = 1; UNTIL @a END REPEAT; END",
            "CREATE PROCEDURE p() BEGIN CASE @a WHEN 1 THEN SELECT CASE WHEN 2 THEN 3 END; ELSE BEGIN END; END CASE; END",
            "CREATE PROCEDURE p() IF CASE WHEN 1 THEN 2 END THEN SELECT begin FROM t; END IF",
        ] {
            assert!(is_one(command), "{command}");
        }
    }

    #[test]
    fn nothing_hides_behind_a_program() {
        for command in [
            "CREATE PROCEDURE p() SELECT 1; DROP TABLE t",
            "CREATE PROCEDURE p() BEGIN SELECT 1; END; DROP TABLE t",
            "CREATE PROCEDURE begin() SELECT 1; DROP TABLE t; END",
            "CREATE PROCEDURE p() BEGIN SELECT begin; END; DROP TABLE t; END",
            "CREATE PROCEDURE p() BEGIN SELECT CASE WHEN 1 THEN begin END; END; DROP TABLE t; END",
            "CREATE PROCEDURE p() BEGIN DECLARE begin CONDITION FOR 1051; DECLARE EXIT HANDLER FOR begin SELECT 1; END; DROP TABLE t; END",
            "CREATE PROCEDURE p() COMMENT 'begin' SELECT 1; DROP TABLE t; END",
            "CREATE FUNCTION f() RETURNS INT RETURN 1; DROP TABLE t; END",
            "CREATE TRIGGER begin BEFORE INSERT ON a FOR EACH ROW SET @a = 1; DROP TABLE t; END",
            "CREATE TRIGGER t BEFORE INSERT ON begin FOR EACH ROW SET @a = 1; DROP TABLE t; END",
            "CREATE PROCEDURE p() WHILE t.do < 3 DO SELECT 1; END WHILE; DROP TABLE t; END WHILE",
            "CREATE PROCEDURE p() IF t.then THEN SELECT 1; END IF; DROP TABLE t; END IF",
            "CREATE PROCEDURE p() l: BEGIN END l; DROP TABLE t; END",
            "CREATE TABLE t (a int); DROP TABLE t",
            "SELECT 1",
            "",
        ] {
            assert!(!is_one(command), "{command}");
        }
    }
}
