//! The tokens of a statement, read from its beginning.

use crate::Dialect;
use crate::analysis::{TableName, Use};
use crate::sql::agree::is_reserved;
use crate::text::{Token, TokenKind};

/// A place among the tokens. Each step is `None` where the text is another one.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a, 't> {
    tokens: &'a [Token<'t>],
    at: usize,
    dialect: Dialect,
}

impl<'a, 't> Cursor<'a, 't> {
    pub(super) fn new(tokens: &'a [Token<'t>], dialect: Dialect) -> Self {
        Self { tokens, at: 0, dialect }
    }

    pub(super) fn all(&self) -> &'a [Token<'t>] {
        self.tokens
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [Token<'t>] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<&'a Token<'t>> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'a Token<'t>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// Nothing is left.
    pub(super) fn end(&self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Reads this word, if it is next.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is = self.peek().is_some_and(|token| token.is(word));
        self.at += usize::from(is);
        is
    }

    /// Reads one of these words, if one is next.
    pub(super) fn take_any(&mut self, words: &[&str]) -> bool {
        let is = self.peek().is_some_and(|token| token.is_any(words));
        self.at += usize::from(is);
        is
    }

    pub(super) fn take_sign(&mut self, sign: char) -> bool {
        let is = self.peek().is_some_and(|token| token.is_sign(sign));
        self.at += usize::from(is);
        is
    }

    pub(super) fn word(&mut self, word: &str) -> Option<()> {
        self.take(word).then_some(())
    }

    /// One of these words; which one.
    pub(super) fn any<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let word = words.iter().find(|word| self.peek().is_some_and(|token| token.is(word)))?;
        self.at += 1;
        Some(word)
    }

    pub(super) fn sign(&mut self, sign: char) -> Option<()> {
        self.take_sign(sign).then_some(())
    }

    /// `IF EXISTS`, `IF NOT EXISTS`.
    pub(super) fn if_exists(&mut self) -> Option<()> {
        if self.take("IF") {
            self.take("NOT");
            self.word("EXISTS")?;
        }
        Some(())
    }

    /// A name without quotes that is no reserved word, or one with quotes.
    pub(super) fn identifier(&mut self) -> Option<String> {
        let dialect = self.dialect;
        let token = self.peek()?;
        let is_name = match token.kind {
            TokenKind::Word => !is_reserved(token.text, dialect),
            TokenKind::Name => true,
            TokenKind::Text => dialect == Dialect::Sqlite,
            TokenKind::Number | TokenKind::Sign => false,
        };
        let name = token.name().filter(|_| is_name)?;
        self.at += 1;
        Some(name.to_lowercase())
    }

    /// A table with its schema.
    pub(super) fn table(&mut self) -> Option<TableName> {
        let first = self.identifier()?;
        if !self.take_sign('.') {
            return Some(TableName { schema: None, name: first, usage: Use::Read });
        }
        // Behind a dot, a reserved word is a name.
        let token = self.next().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Name))?;
        let name = token.name()?.to_lowercase();
        (!self.peek().is_some_and(|next| next.is_sign('.'))).then_some(TableName {
            schema: Some(first),
            name,
            usage: Use::Read,
        })
    }

    /// Tables between commas.
    pub(super) fn tables(&mut self) -> Option<Vec<TableName>> {
        let mut found = vec![self.table()?];
        while self.take_sign(',') {
            found.push(self.table()?);
        }
        Some(found)
    }

    /// `user@host`, `'user'@'host'`, `CURRENT_USER()`.
    pub(super) fn account(&mut self) -> Option<()> {
        let name =
            |token: &Token<'_>| matches!(token.kind, TokenKind::Word | TokenKind::Name | TokenKind::Text);
        if self.take_any(&["CURRENT_USER", "CURRENT_ROLE"]) {
            return if self.take_sign('(') { self.sign(')') } else { Some(()) };
        }
        self.next().filter(|token| name(token))?;
        if self.take_sign('@') {
            // `''@localhost`, and `name@` with nothing behind it.
            if self.peek().is_some_and(name) {
                self.at += 1;
            }
        }
        Some(())
    }

    /// What stands in a pair of brackets, from the one that opens.
    pub(super) fn brackets(&mut self) -> Option<&'a [Token<'t>]> {
        self.sign('(')?;
        let start = self.at;
        let mut depth = 1_usize;
        loop {
            let token = self.next()?;
            if token.is_sign('(') {
                depth += 1;
            } else if token.is_sign(')') {
                depth -= 1;
            }
            if depth == 0 {
                return self.tokens.get(start..self.at - 1);
            }
        }
    }
}

/// Parts between commas, outside of brackets. `None` if the brackets do not match.
pub(super) fn parts<'a, 't>(tokens: &'a [Token<'t>]) -> Option<Vec<&'a [Token<'t>]>> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        if token.is_sign('(') {
            depth += 1;
        } else if token.is_sign(')') {
            depth = depth.checked_sub(1)?;
        } else if token.is_sign(',') && depth == 0 {
            found.push(tokens.get(start..at)?);
            start = at + 1;
        }
    }
    found.push(tokens.get(start..)?);
    (depth == 0).then_some(found)
}

/// Whether a query may stand among these tokens: then its tables would have to be read.
pub(super) fn has_query(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| token.is_any(&["SELECT", "WITH", "FROM", "JOIN", "INTO", "EXISTS"]))
}

/// Whether nothing stands here but words, names, texts, numbers and a few signs that belong to options.
pub(super) fn are_options(tokens: &[Token<'_>]) -> bool {
    let plain = |token: &Token<'_>| token.kind != TokenKind::Sign || ",=@.:+-%".contains(token.text);
    tokens.iter().all(plain) && !tokens.iter().any(|token| token.is_any(&["SELECT", "TABLE", "EXISTS"]))
}

/// The names before a bracket: calls, and types with a length.
pub(super) fn called(tokens: &[Token<'_>]) -> Vec<String> {
    let pairs = tokens.iter().zip(tokens.iter().skip(1));
    let called = pairs.filter(|(name, bracket)| bracket.is_sign('(') && name.kind != TokenKind::Sign);
    called.filter_map(|(name, _)| name.name()).map(|name| name.to_lowercase()).collect()
}

/// The tables that the foreign keys among these tokens refer to.
pub(super) fn referenced(tokens: &[Token<'_>], dialect: Dialect) -> Option<Vec<TableName>> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is("REFERENCES") {
            found.push(Cursor::new(tokens.get(at + 1..)?, dialect).table()?);
        }
    }
    Some(found)
}
