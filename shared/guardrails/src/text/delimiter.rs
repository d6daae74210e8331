//! `DELIMITER`, by which scripts for MySQL's own client keep the semicolons of stored programs together.
//!
//! The server knows no such word: the client cuts the text. Here the same cut is made for the analysis and for what
//! runs. A `DELIMITER` line counts where a statement would begin; the text that it names then ends statements too.
//! Semicolons go on ending statements outside of stored programs, as they do for the server.

use super::lexer::{LexError, Lexer, Token, TokenKind};

/// The longest text that may end statements, in bytes.
const MAX_BYTES: usize = 16;

/// What comes next in a script.
pub(super) enum Step<'a> {
    /// A token of a statement.
    Token(Token<'a>),
    /// The text that ends statements, from the first offset up to the second.
    End(usize, usize),
    /// A `DELIMITER` line, up to the offset behind it.
    Line(usize),
}

/// Reads a script of MySQL.
pub(super) struct Script<'a> {
    lexer: Lexer<'a>,
    command: &'a str,
    /// The text that ends statements, where it is not the semicolon.
    delimiter: Option<&'a str>,
}

impl<'a> Script<'a> {
    pub(super) fn new(command: &'a str, lexer: Lexer<'a>) -> Self {
        Self { lexer, command, delimiter: None }
    }

    /// The next step; `begins` where no token of a statement has come yet.
    ///
    /// # Errors
    /// As the lexer, and a `DELIMITER` that cannot be understood.
    pub(super) fn next(&mut self, begins: bool) -> Result<Option<Step<'a>>, LexError> {
        self.lexer.skip()?;
        let start = self.lexer.at;
        let rest = self.command.get(start..).unwrap_or_default();
        if begins && self.is_line(start) {
            let end = rest.find('\n').map_or(self.command.len(), |end| start + end);
            let line = self.command.get(start + WORD.len()..end).unwrap_or_default();
            self.delimiter = delimiter(line).ok_or(LexError { what: WRONG, offset: start })?;
            self.lexer.at = end;
            return Ok(Some(Step::Line(end)));
        }
        if let Some(delimiter) = self.delimiter.filter(|delimiter| rest.starts_with(delimiter)) {
            self.lexer.at = start + delimiter.len();
            return Ok(Some(Step::End(start, self.lexer.at)));
        }
        let Some(token) = self.lexer.next()? else { return Ok(None) };
        // A delimiter of letters or dollars sticks to the word before it: `END$$`.
        let inside =
            self.delimiter.filter(|_| token.kind == TokenKind::Word).and_then(|d| token.text.find(d));
        match inside {
            Some(length) => {
                self.lexer.at = token.start + length;
                let text = token.text.get(..length).unwrap_or_default();
                Ok(Some(Step::Token(Token { text, ..token })))
            }
            None => Ok(Some(Step::Token(token))),
        }
    }

    /// Whether a `DELIMITER` line begins here.
    fn is_line(&self, start: usize) -> bool {
        let rest = self.command.get(start..).unwrap_or_default();
        let word = rest.get(..WORD.len()).is_some_and(|word| word.eq_ignore_ascii_case(WORD));
        let is_word = word && rest.get(WORD.len()..).is_some_and(|after| after.starts_with([' ', '\t']));
        // Not the whole line: a script in one line has as many statements as it likes.
        let before = self.command.get(..start).unwrap_or_default();
        let before = before.trim_end_matches(|c: char| c != '\n' && c.is_whitespace());
        is_word && (before.is_empty() || before.ends_with('\n'))
    }
}

const WORD: &str = "DELIMITER";
const WRONG: &str = "has a `DELIMITER` line that is not understood: write `DELIMITER //` or `DELIMITER ;` on a line of its own, without quotes, backslashes or signs of a comment";

/// What a line sets; `Some(None)` for the semicolon.
fn delimiter(line: &str) -> Option<Option<&str>> {
    let text = line.trim();
    let is_clear = |c: char| c.is_ascii_alphanumeric() || "_$;/|&@!%^~+=.:?".contains(c);
    match text {
        ";" => Some(None),
        _ => {
            (!text.is_empty() && text.len() <= MAX_BYTES && text.chars().all(is_clear)).then_some(Some(text))
        }
    }
}
