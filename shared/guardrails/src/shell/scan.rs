//! Words and operators.

use std::iter::Peekable;
use std::str::Chars;

/// How deep substitutions may stand in each other.
const MAX_DEPTH: usize = 16;

/// A word.
#[derive(Debug, Clone, Default)]
pub(super) struct Word {
    /// Its text with quotes taken away; what expands is left out.
    pub(super) text: String,
    /// Part of it is made when the shell runs: `$x`, `*`, `{a,b}`, a substitution.
    pub(super) expands: bool,
    /// Part of it was quoted, so that it is no word of the grammar.
    pub(super) quoted: bool,
}

/// A token.
#[derive(Debug, Clone)]
pub(super) enum Token {
    Word(Word),
    /// `|`, `&&`, `;`, a new line, a bracket: a command may begin after it.
    Operator(&'static str),
    /// `>`, `<`: the next word is its file.
    Redirect {
        writes: bool,
    },
    /// Commands in a substitution.
    Inside(Vec<Token>),
    /// Something whose commands are not looked at.
    Hidden(&'static str),
}

/// Scans a text.
pub(super) fn tokens(text: &str, depth: usize) -> Result<Vec<Token>, &'static str> {
    let mut scan = Scan { chars: text.chars().peekable(), found: Vec::new(), documents: Vec::new(), depth };
    scan.list(None)?;
    Ok(scan.found)
}

struct Scan<'a> {
    chars: Peekable<Chars<'a>>,
    found: Vec<Token>,
    /// Here-documents whose bodies begin on the next line: end word, whether it was quoted, tabs.
    documents: Vec<(String, bool, bool)>,
    depth: usize,
}

impl Scan<'_> {
    /// Up to the end of the text, or the bracket that ends a substitution.
    fn list(&mut self, until: Option<char>) -> Result<(), &'static str> {
        let mut open = 0_usize;
        while let Some(&c) = self.chars.peek() {
            match c {
                ' ' | '\t' => _ = self.chars.next(),
                '\n' => {
                    self.chars.next();
                    self.found.push(Token::Operator("\n"));
                    self.bodies()?;
                }
                '#' => while self.chars.next_if(|&c| c != '\n').is_some() {},
                ')' if until == Some(')') && open == 0 => {
                    self.chars.next();
                    return Ok(());
                }
                '(' => {
                    self.chars.next();
                    open += 1;
                    self.found.push(Token::Operator("("));
                }
                ')' => {
                    self.chars.next();
                    open = open.checked_sub(1).ok_or("it closes a bracket that is not open")?;
                    self.found.push(Token::Operator(")"));
                }
                ';' | '&' | '|' => self.operator(c)?,
                '<' | '>' => self.redirect(c)?,
                _ => self.word()?,
            }
        }
        if until.is_some() || open > 0 { Err("it has a bracket that is not closed") } else { Ok(()) }
    }

    fn operator(&mut self, first: char) -> Result<(), &'static str> {
        self.chars.next();
        if first == '&' && self.chars.next_if_eq(&'>').is_some() {
            self.chars.next_if_eq(&'>');
            self.found.push(Token::Redirect { writes: true });
            return Ok(());
        }
        let twice = self.chars.next_if_eq(&first).is_some();
        if first == '|' && !twice {
            // `|&` pipes both outputs.
            self.chars.next_if_eq(&'&');
        }
        self.found.push(Token::Operator(match (first, twice) {
            (';', true) => return Err("it has `;;`, which belongs to `case`"),
            (';', false) => ";",
            ('&', true) => "&&",
            ('&', false) => "&",
            (_, true) => "||",
            (_, false) => "|",
        }));
        Ok(())
    }

    fn redirect(&mut self, first: char) -> Result<(), &'static str> {
        self.chars.next();
        if self.chars.next_if_eq(&'(').is_some() {
            let mut word = Word { expands: true, ..Word::default() };
            self.substitution(&mut word)?;
            self.found.push(Token::Word(word));
            return Ok(());
        }
        if first == '>' {
            for more in ['>', '|', '&'] {
                if self.chars.next_if_eq(&more).is_some() {
                    break;
                }
            }
            self.found.push(Token::Redirect { writes: true });
            return Ok(());
        }
        if self.chars.next_if_eq(&'<').is_some() {
            if self.chars.next_if_eq(&'<').is_some() {
                self.found.push(Token::Redirect { writes: false });
                return Ok(());
            }
            let tabs = self.chars.next_if_eq(&'-').is_some();
            while self.chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
            let before = self.found.len();
            self.word()?;
            let Some(Token::Word(end)) = self.found.pop() else {
                return Err("it has a here-document without an end");
            };
            if self.found.len() != before || end.expands {
                return Err("it has a here-document whose end is not a plain word");
            }
            self.documents.push((end.text, end.quoted, tabs));
            return Ok(());
        }
        let writes = self.chars.next_if_eq(&'>').is_some();
        self.chars.next_if_eq(&'&');
        self.found.push(Token::Redirect { writes });
        Ok(())
    }

    /// The bodies of here-documents, after the line that names them.
    fn bodies(&mut self) -> Result<(), &'static str> {
        for (end, quoted, tabs) in std::mem::take(&mut self.documents) {
            loop {
                let mut line = String::new();
                let mut ended = false;
                for c in self.chars.by_ref() {
                    if c == '\n' {
                        ended = true;
                        break;
                    }
                    line.push(c);
                }
                let bare = if tabs { line.trim_start_matches('\t') } else { line.as_str() };
                if bare == end {
                    break;
                }
                if !quoted && (line.contains('`') || line.contains("$(")) {
                    self.found.push(Token::Hidden("a here-document in it runs commands"));
                }
                if !ended {
                    return Err("it has a here-document that does not end");
                }
            }
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), &'static str> {
        let mut word = Word::default();
        let mut any = false;
        while let Some(&c) = self.chars.peek() {
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' => break,
                '<' | '>' => {
                    // `2>`: the number belongs to the redirection.
                    if !word.text.is_empty() && !word.quoted && word.text.bytes().all(|b| b.is_ascii_digit())
                    {
                        return Ok(());
                    }
                    break;
                }
                '\'' => {
                    self.chars.next();
                    word.quoted = true;
                    self.until_quote(&mut word)?;
                }
                '"' => {
                    self.chars.next();
                    word.quoted = true;
                    self.double_quoted(&mut word)?;
                }
                '\\' => {
                    self.chars.next();
                    match self.chars.next() {
                        Some('\n') => {}
                        Some(c) => {
                            word.quoted = true;
                            word.text.push(c);
                        }
                        None => return Err("it ends in a backslash"),
                    }
                }
                '$' => {
                    self.chars.next();
                    self.dollar(&mut word, false)?;
                }
                '`' => {
                    self.chars.next();
                    self.backquoted(&mut word)?;
                }
                '*' | '?' | '[' | ']' | '{' | '}' | '~' | '!' => {
                    self.chars.next();
                    word.text.push(c);
                    // Alone they are words of the grammar, which the caller knows.
                    word.expands |= !matches!(c, '!' | '~')
                        && !matches!(word.text.as_str(), "{" | "}" | "[" | "]" | "[[" | "]]");
                }
                c => {
                    self.chars.next();
                    word.text.push(c);
                }
            }
            any = true;
        }
        if any {
            self.found.push(Token::Word(word));
        }
        Ok(())
    }

    fn until_quote(&mut self, word: &mut Word) -> Result<(), &'static str> {
        for c in self.chars.by_ref() {
            if c == '\'' {
                return Ok(());
            }
            word.text.push(c);
        }
        Err("it has a quote that is not closed")
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), &'static str> {
        while let Some(c) = self.chars.next() {
            match c {
                '"' => return Ok(()),
                '\\' => match self.chars.next() {
                    Some('\n') => {}
                    Some(c @ ('"' | '\\' | '$' | '`')) => word.text.push(c),
                    Some(c) => word.text.extend(['\\', c]),
                    None => break,
                },
                '$' => self.dollar(word, true)?,
                '`' => self.backquoted(word)?,
                c => word.text.push(c),
            }
        }
        Err("it has a quote that is not closed")
    }

    /// After a `$`.
    fn dollar(&mut self, word: &mut Word, in_quotes: bool) -> Result<(), &'static str> {
        match self.chars.peek() {
            Some('(') => {
                self.chars.next();
                word.expands = true;
                if self.chars.next_if_eq(&'(').is_some() {
                    return self.arithmetic();
                }
                self.substitution(word)
            }
            Some('{') => {
                self.chars.next();
                word.expands = true;
                self.parameter()
            }
            Some('\'') if !in_quotes => {
                self.chars.next();
                word.quoted = true;
                // Its escapes make any text; what it is, is not looked at.
                word.expands = true;
                while let Some(c) = self.chars.next() {
                    match c {
                        '\'' => return Ok(()),
                        '\\' => _ = self.chars.next(),
                        _ => {}
                    }
                }
                Err("it has a quote that is not closed")
            }
            Some('"') if !in_quotes => Ok(()),
            Some(c) if c.is_alphanumeric() || matches!(c, '_' | '@' | '*' | '#' | '?' | '-' | '$' | '!') => {
                word.expands = true;
                let first = self.chars.next();
                if first.is_some_and(|c| c.is_alphabetic() || c == '_') {
                    while self.chars.next_if(|c| c.is_alphanumeric() || *c == '_').is_some() {}
                }
                Ok(())
            }
            _ => {
                word.text.push('$');
                Ok(())
            }
        }
    }

    fn parameter(&mut self) -> Result<(), &'static str> {
        for c in self.chars.by_ref() {
            match c {
                '}' => return Ok(()),
                '`' | '$' | '\'' | '"' | '\\' | '{' | '(' | '<' | '>' => {
                    return Err("it has an expansion with something inside that the guardrail does not know");
                }
                _ => {}
            }
        }
        Err("it has an expansion that is not closed")
    }

    fn arithmetic(&mut self) -> Result<(), &'static str> {
        let mut open = 2_usize;
        for c in self.chars.by_ref() {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                '`' | '$' | '\'' | '"' | '[' => {
                    return Err("it has arithmetic with something inside that the guardrail does not know");
                }
                _ => {}
            }
            if open == 0 {
                return Ok(());
            }
        }
        Err("it has a bracket that is not closed")
    }

    /// After `$(`, `<(` or `>(`: its commands are part of what runs.
    fn substitution(&mut self, word: &mut Word) -> Result<(), &'static str> {
        word.expands = true;
        if self.depth >= MAX_DEPTH {
            return Err("its substitutions stand too deep in each other");
        }
        let outer = std::mem::take(&mut self.found);
        self.depth += 1;
        let result = self.list(Some(')'));
        self.depth -= 1;
        let inner = std::mem::replace(&mut self.found, outer);
        result?;
        self.found.push(Token::Inside(inner));
        Ok(())
    }

    fn backquoted(&mut self, word: &mut Word) -> Result<(), &'static str> {
        word.expands = true;
        let mut text = String::new();
        while let Some(c) = self.chars.next() {
            match c {
                '`' => {
                    if self.depth >= MAX_DEPTH {
                        return Err("its substitutions stand too deep in each other");
                    }
                    self.found.push(Token::Inside(tokens(&text, self.depth + 1)?));
                    return Ok(());
                }
                '\\' => match self.chars.next() {
                    Some(c @ ('`' | '\\' | '$')) => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err("it has a backquote that is not closed")
    }
}
