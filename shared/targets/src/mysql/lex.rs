//! MySQL's tokens, as far as the splitting into statements and their kind need them.
//!
//! **Fails closed:** whatever the server might read in another way (a comment that it executes, a
//! string that does not end) is an error. The session is set up so that the server's rules are these:
//! UTF-8, and `\` escapes in strings.

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word or number, in capitals.
    Word(String),
    /// An identifier in back-ticks, in capitals.
    Quoted(String),
    /// A string.
    Text,
    /// Anything else.
    Symbol(char),
}

/// The tokens of one statement and its text, without the semicolon.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) tokens: Vec<Token>,
}

/// Cuts a command at its semicolons. Pieces without a token are left out.
pub(super) fn split(command: &str) -> Result<Vec<Piece>, &'static str> {
    let mut lexer = Lexer { rest: command };
    let mut pieces = Vec::new();
    let mut start = command;
    let mut tokens = Vec::new();
    loop {
        let before = lexer.rest;
        let token = lexer.next()?;
        let ends = matches!(token, None | Some(Token::Symbol(';')));
        if let (false, Some(token)) = (ends, token.clone()) {
            tokens.push(token);
        }
        if ends {
            // At the end nothing is left; before a semicolon, what the lexer had before it.
            let left = if token.is_none() { 0 } else { lexer.rest.len() + 1 };
            debug_assert!(left <= before.len());
            let text = start.get(..start.len() - left).unwrap_or_default().trim();
            if !tokens.is_empty() {
                pieces.push(Piece { text: text.to_owned(), tokens: std::mem::take(&mut tokens) });
            }
            start = lexer.rest;
        }
        if token.is_none() {
            return Ok(pieces);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Token>, &'static str> {
        self.skip()?;
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let token = match first {
            '\'' | '"' => {
                self.quoted(first, true)?;
                Token::Text
            }
            '`' => Token::Quoted(self.quoted(first, false)?.to_uppercase()),
            _ if is_word(first) => {
                let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
                Token::Word(self.take(end).to_uppercase())
            }
            _ => {
                self.take(first.len_utf8());
                Token::Symbol(first)
            }
        };
        Ok(Some(token))
    }

    /// Space and comments.
    fn skip(&mut self) -> Result<(), &'static str> {
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
            if self.rest.starts_with("/*!") || self.rest.starts_with("/*M!") {
                return Err(
                    "has a comment that the server executes (`/*! … */`), which depends on its version: write out what shall run",
                );
            }
            // Two signs for the server that reads the whole, a comment in a statement that is sent without its end.
            if self.rest.starts_with("--;") {
                return Err("has `--` right before a semicolon: write a space behind it if it is a comment");
            }
            if let Some(comment) = self.rest.strip_prefix("/*") {
                let Some((_, after)) = comment.split_once("*/") else {
                    return Err("has a comment that does not end");
                };
                self.rest = after;
            } else if self.rest.starts_with('#') || self.line_comment() {
                self.rest = self.rest.split_once('\n').map_or("", |(_, after)| after);
            } else {
                return Ok(());
            }
        }
    }

    /// `--` begins a comment only before a space, a control character, or the end.
    fn line_comment(&self) -> bool {
        self.rest
            .strip_prefix("--")
            .is_some_and(|after| after.chars().next().is_none_or(|c| c == ' ' || c.is_ascii_control()))
    }

    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String, &'static str> {
        let mut inner = String::new();
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            if character == '\\' && escapes {
                characters.next();
            } else if character == quote {
                if characters.peek().is_some_and(|(_, next)| *next == quote) {
                    characters.next();
                    inner.push(quote);
                } else {
                    self.take(at + quote.len_utf8());
                    return Ok(inner);
                }
            } else {
                inner.push(character);
            }
        }
        Err("has a string or a quoted name that does not end")
    }

    fn take(&mut self, end: usize) -> &str {
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '$') || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(command: &str) -> Vec<String> {
        split(command).unwrap().into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn semicolons_in_strings_names_and_comments_do_not_split() {
        assert_eq!(texts("SELECT 1; SELECT 2"), ["SELECT 1", "SELECT 2"]);
        assert_eq!(texts(" ;; SELECT ';' , \"a;\\\"b\" ;"), ["SELECT ';' , \"a;\\\"b\""]);
        assert_eq!(
            texts("SELECT `a;``b` /* ; */ -- ;\n# ;\n, 'it''s;'"),
            ["SELECT `a;``b` /* ; */ -- ;\n# ;\n, 'it''s;'"]
        );
        assert_eq!(texts("SELECT 1--1; SELECT 2"), ["SELECT 1--1", "SELECT 2"]);
        assert_eq!(texts("SELECT 1 --"), ["SELECT 1 --"]);
        assert_eq!(texts("SELECT 'a\\'; DROP TABLE t; --'"), ["SELECT 'a\\'; DROP TABLE t; --'"]);
        assert!(texts("/* x */ ; -- y").is_empty());
    }

    #[test]
    fn what_the_server_may_read_otherwise_is_an_error() {
        for command in [
            "SELECT /*!50000 1 */",
            "/*M! DROP TABLE t */",
            "SELECT 'a",
            "SELECT \"a\\\"",
            "SELECT `a",
            "/* x",
            "SELECT /*/ 1",
            "DELETE FROM t WHERE a = 1 --; AND b = 2",
        ] {
            assert!(split(command).is_err(), "{command}");
        }
    }

    proptest! {
        #[test]
        fn no_character_but_space_and_semicolons_is_lost(command in "[a-z;'`\"\\\\ #*/\n-]{0,40}") {
            if let Ok(pieces) = split(&command) {
                let strip = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != ';').collect::<String>();
                let kept: String = pieces.iter().map(|piece| strip(&piece.text)).collect();
                // A piece of comments alone is left out, so what is kept is part of the whole.
                prop_assert!(kept.len() <= strip(&command).len());
                for piece in &pieces {
                    prop_assert!(command.contains(&piece.text));
                    prop_assert_eq!(split(&piece.text).unwrap(), vec![piece.clone()]);
                }
            }
        }
    }
    impl std::fmt::Debug for Piece {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.text)
        }
    }
}
