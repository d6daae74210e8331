//! Tokens.
//!
//! **Fails closed**: text that servers may read in two ways, depending on their version or settings, is an error.

use crate::Dialect;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Name,
    /// A string literal, with its prefix (`x'…'`, `E'…'`).
    Text,
    /// A number.
    Number,
    /// One character of anything else.
    Sign,
}

/// A token and where it is. Space and comments are none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Its kind.
    pub kind: TokenKind,
    /// Its text, with quotes.
    pub text: &'a str,
    /// The offset of its first byte in the command.
    pub start: usize,
}

/// Commands never reach a `Debug`.
impl std::fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("kind", &self.kind).field("start", &self.start).finish_non_exhaustive()
    }
}

impl Token<'_> {
    /// The offset behind its last byte.
    #[must_use]
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword.
    #[must_use]
    pub fn is(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it is one of these keywords.
    #[must_use]
    pub fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    /// Whether it is this sign.
    #[must_use]
    pub fn is_sign(&self, sign: char) -> bool {
        self.kind == TokenKind::Sign && self.text.starts_with(sign)
    }

    /// The name that it stands for, without quotes; `None` for numbers and signs.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_owned()),
            TokenKind::Name | TokenKind::Text => {
                let mut inner = self.text.chars();
                let open = inner.next()?;
                let close = if open == '[' { ']' } else { open };
                let inner = inner.as_str().strip_suffix(close)?;
                let doubled: String = [close, close].iter().collect();
                Some(if open == '[' { inner.to_owned() } else { inner.replace(&doubled, &close.to_string()) })
            }
            TokenKind::Number | TokenKind::Sign => None,
        }
    }
}

/// Text that cannot be cut into tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct LexError {
    /// What was found and what to write instead. Quotes nothing of the command.
    pub what: &'static str,
    /// Where.
    pub offset: usize,
}

/// Cuts a command of a SQL dialect into tokens.
///
/// # Errors
/// A quote or comment without an end, or text that servers read in two ways.
pub fn tokens(command: &str, dialect: Dialect) -> Result<Vec<Token<'_>>, LexError> {
    let mut lexer = Lexer::new(command, dialect);
    let mut found = Vec::new();
    while let Some(token) = lexer.next()? {
        found.push(token);
    }
    Ok(found)
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    /// The offset of what is read next.
    pub(super) at: usize,
    dialect: Dialect,
    /// A dot after the last token stands before a part of a name, not before a fraction.
    qualifies: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { text, at: 0, dialect, qualifies: false }
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, LexError> {
        self.skip()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let kind = self.token(first)?;
        let text = self.text.get(start..self.at).unwrap_or_default();
        self.qualifies = match kind {
            TokenKind::Word | TokenKind::Name => true,
            TokenKind::Sign => matches!(text, ")" | "]"),
            TokenKind::Text | TokenKind::Number => false,
        };
        Ok(Some(Token { kind, text, start }))
    }

    fn token(&mut self, first: char) -> Result<TokenKind, LexError> {
        let (postgres, mysql) = (self.dialect == Dialect::Postgres, self.dialect == Dialect::Mysql);
        match first {
            '\'' => self.quoted('\'', mysql).map(|()| TokenKind::Text),
            '"' if mysql => self.quoted('"', true).map(|()| TokenKind::Text),
            '"' => self.quoted('"', false).map(|()| TokenKind::Name),
            '`' if !postgres => self.quoted('`', false).map(|()| TokenKind::Name),
            '[' if self.dialect == Dialect::Sqlite => {
                let end =
                    self.rest().find(']').ok_or_else(|| self.error("has a quoted name that does not end"))?;
                self.at += end + 1;
                Ok(TokenKind::Name)
            }
            '$' if postgres => self.dollar_quoted(),
            _ if first.is_ascii_digit() || (first == '.' && !self.qualifies && self.has_fraction()) => {
                let start = self.at;
                self.number();
                // MySQL: a name may begin with digits. Behind a fraction or an exponent, a word begins anew
                // (`SELECT 0.1FROM t`), which parsers read as one name.
                let word = self.rest().starts_with(is_word);
                let digits = self.text.get(start..self.at).unwrap_or_default();
                if word && !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                    return Err(self.error("has a number right before a word: write a space between them"));
                }
                self.take_while(is_word);
                Ok(if word { TokenKind::Word } else { TokenKind::Number })
            }
            _ if is_word(first) => self.word(),
            _ => {
                self.at += first.len_utf8();
                Ok(TokenKind::Sign)
            }
        }
    }

    fn word(&mut self) -> Result<TokenKind, LexError> {
        let start = self.at;
        self.take_while(is_word);
        let word = self.text.get(start..self.at).unwrap_or_default();
        let is = |prefixes: &[&str]| prefixes.iter().any(|prefix| word.eq_ignore_ascii_case(prefix));
        match self.dialect {
            Dialect::Postgres if self.rest().starts_with("&'") && is(&["u"]) => {
                self.at += 1;
                self.quoted('\'', false)?;
                Ok(TokenKind::Text)
            }
            Dialect::Postgres if self.rest().starts_with("&\"") && is(&["u"]) => {
                self.at += 1;
                self.quoted('"', false)?;
                Ok(TokenKind::Name)
            }
            _ if !self.rest().starts_with('\'') => Ok(TokenKind::Word),
            Dialect::Postgres if is(&["e"]) => self.quoted('\'', true).map(|()| TokenKind::Text),
            Dialect::Postgres | Dialect::Mysql if is(&["b", "x"]) => {
                self.quoted('\'', false).map(|()| TokenKind::Text)
            }
            Dialect::Postgres if is(&["n"]) => self.quoted('\'', false).map(|()| TokenKind::Text),
            Dialect::Mysql if is(&["n"]) => self.quoted('\'', true).map(|()| TokenKind::Text),
            Dialect::Sqlite if is(&["x"]) => self.quoted('\'', false).map(|()| TokenKind::Text),
            _ => Ok(TokenKind::Word),
        }
    }

    /// Whether a dot here is that of `.5`.
    fn has_fraction(&self) -> bool {
        self.rest().get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Digits, a fraction, an exponent; `0x` and `0b`.
    fn number(&mut self) {
        let rest = self.rest();
        if ["0x", "0X", "0b", "0o"].iter().any(|prefix| rest.starts_with(prefix)) {
            return;
        }
        self.take_while(|c| c.is_ascii_digit());
        // `1..2` is a range in PostgreSQL.
        let fraction = self.rest().strip_prefix('.').is_some_and(|after| !after.starts_with('.'));
        if fraction {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let rest = self.rest();
        let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return };
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += rest.len() - digits.len();
            self.take_while(|c| c.is_ascii_digit());
        }
    }

    /// Passes over space and comments.
    pub(super) fn skip(&mut self) -> Result<(), LexError> {
        loop {
            self.take_while(|c| c.is_ascii_whitespace() || c == '\x0b');
            let rest = self.rest();
            if self.dialect == Dialect::Mysql
                && (rest.starts_with("/*!") || rest.starts_with("/*M!") || rest.starts_with("/*m!"))
            {
                return Err(self.error(
                    "has a comment that the server executes (`/*! … */`), which depends on its version: write out what shall run",
                ));
            }
            // Two signs for a server that reads the whole, a comment in a statement that is sent without its end.
            if self.dialect == Dialect::Mysql && rest.starts_with("--;") {
                return Err(self
                    .error("has `--` right before a semicolon: write a space behind it if it is a comment"));
            }
            if rest.starts_with("/*") {
                self.comment()?;
            } else if self.begins_line_comment() {
                let line = rest.find('\n').map_or(rest.len(), |end| end + 1);
                self.at += line;
            } else {
                return Ok(());
            }
        }
    }

    fn begins_line_comment(&self) -> bool {
        let rest = self.rest();
        match self.dialect {
            Dialect::Mysql => {
                rest.starts_with('#')
                    || rest.strip_prefix("--").is_some_and(|after| {
                        after.chars().next().is_none_or(|c| c == ' ' || c.is_ascii_control())
                    })
            }
            _ => rest.starts_with("--"),
        }
    }

    /// PostgreSQL nests comments.
    fn comment(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") && (depth == 0 || self.dialect == Dialect::Postgres) {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else if let Some(c) = rest.chars().next() {
                self.at += c.len_utf8();
            } else {
                return Err(LexError { what: "has a comment that does not end", offset: start });
            }
        }
    }

    /// A quote doubled stands for itself.
    fn quoted(&mut self, quote: char, escapes: bool) -> Result<(), LexError> {
        let start = self.at;
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            if character == '\\' && escapes {
                characters.next();
            } else if character == quote {
                if characters.peek().is_some_and(|(_, next)| *next == quote) {
                    characters.next();
                } else {
                    self.at += at + quote.len_utf8();
                    return Ok(());
                }
            }
        }
        Err(LexError { what: "has a string or a quoted name that does not end", offset: start })
    }

    /// `$tag$ … $tag$`, or `$1`.
    fn dollar_quoted(&mut self) -> Result<TokenKind, LexError> {
        let rest = self.rest();
        let after = rest.get(1..).unwrap_or_default();
        let tag = after.find(|c| !is_word(c) || c == '$').unwrap_or(after.len());
        let is_tag = after.get(tag..).is_some_and(|end| end.starts_with('$'))
            && !after.starts_with(|c: char| c.is_ascii_digit());
        if !is_tag {
            self.at += 1;
            return Ok(TokenKind::Sign);
        }
        let quote = rest.get(..tag + 2).unwrap_or_default();
        let body = rest.get(quote.len()..).unwrap_or_default();
        let end = body.find(quote).ok_or_else(|| self.error("has a string that does not end"))?;
        self.at += quote.len() + end + quote.len();
        Ok(TokenKind::Text)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    }

    fn error(&self, what: &'static str) -> LexError {
        LexError { what, offset: self.at }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind::{Name, Number, Sign, Text, Word};
    use proptest::prelude::*;

    fn kinds(command: &str, dialect: Dialect) -> Vec<(TokenKind, &str)> {
        tokens(command, dialect).unwrap().into_iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn quotes_are_the_dialects_own() {
        assert_eq!(kinds("\"a\" 'b'", Dialect::Postgres), [(Name, "\"a\""), (Text, "'b'")]);
        assert_eq!(kinds("\"a\" `b`", Dialect::Mysql), [(Text, "\"a\""), (Name, "`b`")]);
        assert_eq!(
            kinds("[a;b] `c` \"d\"", Dialect::Sqlite),
            [(Name, "[a;b]"), (Name, "`c`"), (Name, "\"d\"")]
        );
        assert_eq!(kinds(r"'a\'b'", Dialect::Mysql), [(Text, r"'a\'b'")]);
        assert_eq!(kinds(r"'a\' b", Dialect::Sqlite), [(Text, r"'a\'"), (Word, "b")]);
        assert_eq!(kinds(r"E'a\'b' 'c\'", Dialect::Postgres), [(Text, r"E'a\'b'"), (Text, r"'c\'")]);
        assert_eq!(
            kinds("$x$ ' $$ $x$ $1", Dialect::Postgres),
            [(Text, "$x$ ' $$ $x$"), (Sign, "$"), (Number, "1")]
        );
    }

    #[test]
    fn comments_are_the_dialects_own() {
        assert_eq!(kinds("1 -- a\n/* /* */ */ 2", Dialect::Postgres), [(Number, "1"), (Number, "2")]);
        assert_eq!(kinds("1 # a\n--2 /* /* */ 3", Dialect::Mysql).len(), 5);
        assert_eq!(kinds("1 --2\n 3", Dialect::Sqlite), [(Number, "1"), (Number, "3")]);
    }

    #[test]
    fn numbers_and_names_that_begin_with_digits() {
        for number in ["1", "1.5", "1.", "1e5", "1.5e-3", "2E+1"] {
            assert_eq!(kinds(number, Dialect::Mysql), [(Number, number)], "{number}");
        }
        assert_eq!(kinds("(.5)", Dialect::Mysql), [(Sign, "("), (Number, ".5"), (Sign, ")")]);
        assert_eq!(kinds("1a", Dialect::Mysql), [(Word, "1a")]);
        assert_eq!(kinds("0x1F", Dialect::Mysql), [(Word, "0x1F")]);
        assert_eq!(kinds("a.1b", Dialect::Mysql), [(Word, "a"), (Sign, "."), (Word, "1b")]);
    }

    #[test]
    fn text_that_is_read_in_two_ways_is_an_error() {
        for command in [
            "SELECT /*!50000 1 */",
            "/*M! DROP TABLE t */",
            "SELECT 'a",
            "SELECT \"a\\\"",
            "SELECT `a",
            "/* x",
            "SELECT /*/ 1",
            "a = 1 --; b",
            "SELECT 0.1FROM t",
            "SELECT 1e3FROM t",
            "SELECT 1.FROM t",
            "SELECT 1 + .5FROM t",
        ] {
            assert!(tokens(command, Dialect::Mysql).is_err(), "{command}");
        }
    }

    #[test]
    fn a_name_has_no_quotes() {
        let name = |text: &str, dialect| tokens(text, dialect).unwrap().first().and_then(Token::name);
        assert_eq!(name("`a``b`", Dialect::Mysql).as_deref(), Some("a`b"));
        assert_eq!(name("[a]", Dialect::Sqlite).as_deref(), Some("a"));
        assert_eq!(name("abc", Dialect::Sqlite).as_deref(), Some("abc"));
    }

    proptest! {
        #[test]
        fn tokens_follow_each_other_and_only_space_and_comments_are_between(command in "[a-z0-9.;'`\"\\\\ $#*/\n\\[\\]é-]{0,60}") {
            for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
                let Ok(tokens) = tokens(&command, dialect) else { continue };
                let mut end = 0;
                for token in &tokens {
                    prop_assert!(token.start >= end && !token.text.is_empty());
                    prop_assert_eq!(command.get(token.start..token.end()), Some(token.text));
                    end = token.end();
                }
            }
        }
    }
}
