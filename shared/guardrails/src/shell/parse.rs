//! The grammar of bash, as far as a script is understood. Everything else is an error: the command is not understood
//! then.
//!
//! One pass over the text. Recursion is bounded by [`MAX_DEPTH`].

use super::syntax::{Part, Script, Simple, Word};
use crate::analysis::NotUnderstood;

/// How deep constructs may stand in each other.
const MAX_DEPTH: usize = 40;

type Result<T> = std::result::Result<T, Error>;

/// What was found, and where.
#[derive(Debug)]
pub(super) struct Error {
    why: &'static str,
    at: usize,
}

impl Error {
    pub(super) fn in_command(&self, command: &str) -> NotUnderstood {
        NotUnderstood::at(command, self.at, self.why)
    }
}

/// Parses a script.
pub(super) fn script(text: &str) -> Result<Script> {
    let mut parser = Parser { text, at: 0, depth: 0, script: Script::default(), documents: Vec::new() };
    parser.list(&[])?;
    if parser.at < text.len() {
        return Err(parser.error("it has something here that ends nothing"));
    }
    if !parser.documents.is_empty() {
        return Err(parser.error("it has a here-document that does not end"));
    }
    Ok(parser.script)
}

/// A here-document whose body begins on the next line.
struct Document {
    end: String,
    expands: bool,
    tabs: bool,
    /// The command that reads it.
    command: usize,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    script: Script,
    documents: Vec<Document>,
}

/// Words that begin or end a construct where a command may begin.
const RESERVED: [&str; 18] = [
    "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "case", "esac",
    "function", "{", "}", "[[", "coproc",
];

impl<'a> Parser<'a> {
    // Lists.

    /// Commands up to one of these words, which is not consumed; without words, up to a bracket or the end.
    fn list(&mut self, ends: &[&str]) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("its constructs stand too deep in each other"));
        }
        loop {
            self.separators()?;
            let rest = self.rest();
            if rest.is_empty() || rest.starts_with(')') || rest.starts_with(";;") || rest.starts_with(";&") {
                break;
            }
            if ends.iter().any(|end| self.is_reserved(end)) {
                break;
            }
            self.pipeline()?;
            self.blanks();
            let rest = self.rest();
            if rest.starts_with("&&") || rest.starts_with("||") {
                self.at += 2;
                self.newlines()?;
                let rest = self.rest();
                if rest.is_empty() || rest.starts_with([';', '&', '|', ')']) {
                    return Err(self.error("a command is expected here"));
                }
            } else if rest.starts_with(";;") || rest.starts_with(";&") {
                break;
            } else if rest.starts_with([';', '&']) {
                self.at += 1;
            } else if !rest.is_empty() && !rest.starts_with(['\n', ')', '#']) {
                return Err(self.error("it has something here that the guardrail does not know"));
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn pipeline(&mut self) -> Result<()> {
        loop {
            self.blanks();
            if self.is_reserved("!") {
                self.at += 1;
            } else if self.is_reserved("time") {
                self.at += 4;
                self.blanks();
                if self.is_reserved("-p") {
                    self.at += 2;
                }
            } else {
                break;
            }
        }
        loop {
            self.blanks();
            self.command()?;
            self.blanks();
            if !self.rest().starts_with('|') || self.rest().starts_with("||") {
                return Ok(());
            }
            self.at += 1;
            self.eat("&");
            self.newlines()?;
        }
    }

    fn command(&mut self) -> Result<()> {
        if self.rest().starts_with("((") {
            self.at += 2;
            self.arithmetic()?;
            self.script.commands.push(Simple {
                hidden: Some("it has arithmetic, which evaluates variables"),
                ..Simple::default()
            });
            return self.redirects_of_compound();
        }
        if self.eat("(") {
            self.list(&[])?;
            self.expect(")")?;
            return self.redirects_of_compound();
        }
        let Some(word) = RESERVED.iter().find(|word| self.is_reserved(word)) else { return self.simple() };
        self.at += word.len();
        match *word {
            "if" => self.if_()?,
            "while" | "until" => {
                self.list(&["do"])?;
                self.body()?;
            }
            "for" | "select" => self.for_()?,
            "case" => self.case()?,
            "function" => return self.function(),
            "{" => {
                self.list(&["}"])?;
                self.reserved("}")?;
            }
            "[[" => self.condition()?,
            _ => return Err(self.error("it has a word of the grammar where a command is expected")),
        }
        self.redirects_of_compound()
    }

    fn if_(&mut self) -> Result<()> {
        self.list(&["then"])?;
        self.reserved("then")?;
        self.list(&["elif", "else", "fi"])?;
        if self.is_reserved("elif") {
            self.at += 4;
            return self.if_();
        }
        if self.is_reserved("else") {
            self.at += 4;
            self.list(&["fi"])?;
        }
        self.reserved("fi")
    }

    fn body(&mut self) -> Result<()> {
        self.blanks();
        if !self.rest().starts_with(";;") {
            self.eat(";");
        }
        self.separators()?;
        self.reserved("do")?;
        self.list(&["done"])?;
        self.reserved("done")
    }

    fn for_(&mut self) -> Result<()> {
        self.blanks();
        if self.rest().starts_with("((") {
            return Err(self.error("it has a loop with arithmetic, which evaluates variables"));
        }
        let name = self.name().ok_or_else(|| self.error("a variable is expected here"))?;
        self.newlines()?;
        let mut values = Some(Vec::new());
        if self.is_reserved("in") {
            self.at += 2;
            while let Some(word) = self.word_if_there()? {
                match (word.literal(), &mut values) {
                    (Some(text), Some(values)) => values.push(text),
                    _ => values = None,
                }
            }
        } else {
            // The script's own arguments.
            values = None;
        }
        self.assign(&name, values);
        self.script.commands.push(Simple { assigned: vec![name], ..Simple::default() });
        self.body()
    }

    fn case(&mut self) -> Result<()> {
        self.word_if_there()?.ok_or_else(|| self.error("a word is expected here"))?;
        self.newlines()?;
        self.reserved("in")?;
        loop {
            self.separators()?;
            if self.is_reserved("esac") {
                return self.reserved("esac");
            }
            self.eat("(");
            loop {
                self.blanks();
                self.word_if_there()?.ok_or_else(|| self.error("a pattern is expected here"))?;
                self.blanks();
                if !self.eat("|") {
                    break;
                }
            }
            self.expect(")")?;
            self.list(&["esac"])?;
            if !(self.eat(";;&") || self.eat(";;") || self.eat(";&")) {
                self.separators()?;
                return self.reserved("esac");
            }
        }
    }

    fn function(&mut self) -> Result<()> {
        self.blanks();
        let word = self.word_if_there()?.and_then(|word| word.literal());
        let name = word.ok_or_else(|| self.error("the name of a function is expected here"))?;
        self.blanks();
        if self.eat("(") {
            self.blanks();
            self.expect(")")?;
        }
        self.function_body(name)
    }

    fn function_body(&mut self, name: String) -> Result<()> {
        self.newlines()?;
        let compound = self.rest().starts_with('(')
            || ["{", "if", "for", "while", "until", "case", "[["].iter().any(|word| self.is_reserved(word));
        if !compound {
            return Err(self.error("the body of a function is expected here"));
        }
        self.script.functions.insert(name);
        self.command()
    }

    /// `[[ … ]]`: words and operators.
    fn condition(&mut self) -> Result<()> {
        let mut hidden = None;
        loop {
            self.newlines()?;
            if self.is_reserved("]]") {
                self.at += 2;
                break;
            }
            if ["&&", "||", "(", ")", "|", "<", ">"].iter().any(|sign| self.eat(sign)) {
                continue;
            }
            let word = self.word_if_there()?.ok_or_else(|| self.error("`]]` is expected here"))?;
            // The operands are arithmetic, or a subscript is.
            if let Some("-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-v" | "-R") = word.bare() {
                hidden = Some("it has arithmetic, which evaluates variables");
            }
        }
        if hidden.is_some() {
            self.script.commands.push(Simple { hidden, ..Simple::default() });
        }
        Ok(())
    }

    fn redirects_of_compound(&mut self) -> Result<()> {
        let mut simple = Simple::default();
        loop {
            self.blanks();
            if !self.redirect(&mut simple)? {
                break;
            }
        }
        if !simple.reads.is_empty() || !simple.writes.is_empty() {
            self.script.commands.push(simple);
        }
        Ok(())
    }

    // Simple commands.

    fn simple(&mut self) -> Result<()> {
        let start = self.at;
        let mut simple = Simple::default();
        let place = self.script.commands.len();
        // Its place before the commands in its substitutions.
        self.script.commands.push(Simple::default());
        loop {
            self.blanks();
            if self.redirect(&mut simple)? {
                continue;
            }
            if simple.words.is_empty()
                && let Some(name) = self.assignment(&mut simple)?
            {
                simple.assigned.push(name);
                continue;
            }
            let Some(word) = self.word_if_there()? else { break };
            simple.words.push(word);
            self.blanks();
            if self.rest().starts_with('(') {
                let name = match simple.words.as_slice() {
                    [only] if simple.assigned.is_empty() => only.literal(),
                    _ => None,
                };
                let name =
                    name.ok_or_else(|| self.error("it has a bracket that the guardrail does not know"))?;
                self.at += 1;
                self.blanks();
                self.expect(")")?;
                self.script.commands.truncate(place);
                return self.function_body(name);
            }
        }
        if self.at == start {
            return Err(self.error("a command is expected here"));
        }
        if let Some(slot) = self.script.commands.get_mut(place) {
            // A here-document may have been noted meanwhile.
            simple.hidden = simple.hidden.or(slot.hidden);
            *slot = simple;
        }
        Ok(())
    }

    /// `NAME=word`, `NAME+=word`.
    fn assignment(&mut self, simple: &mut Simple) -> Result<Option<String>> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (Some(name), Some(after)) = (rest.get(..end), rest.get(end..)) else { return Ok(None) };
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(None);
        }
        if after.starts_with('[')
            && after
                .find(']')
                .is_some_and(|close| after.get(close + 1..).is_some_and(|more| more.starts_with(['=', '+'])))
        {
            return Err(self.error("it sets an element of an array, whose subscript is arithmetic"));
        }
        let adds = after.starts_with("+=");
        if !adds && !after.starts_with('=') {
            return Ok(None);
        }
        let name = name.to_owned();
        self.at += end + if adds { 2 } else { 1 };
        if self.rest().starts_with('(') {
            return Err(self.error("it sets an array"));
        }
        let value = if self.rest().starts_with([' ', '\t', '\n', ';', '&', '|', ')', '<', '>'])
            || self.rest().is_empty()
        {
            Some(String::new())
        } else {
            let word = self.word(true)?;
            if word.parts.iter().any(|part| matches!(part, Part::Unknown)) {
                simple.hidden = Some("it has an expansion that the guardrail does not look into");
            }
            word.literal()
        };
        self.assign(&name, value.filter(|_| !adds).map(|value| vec![value]));
        Ok(Some(name))
    }

    fn assign(&mut self, name: &str, values: Option<Vec<String>>) {
        let known = self.script.variables.entry(name.to_owned()).or_insert_with(|| Some(Vec::new()));
        match (known.as_mut(), values) {
            (Some(known), Some(values)) => known.extend(values),
            _ => *known = None,
        }
    }

    /// Reads a redirection, if there is one.
    fn redirect(&mut self, simple: &mut Simple) -> Result<bool> {
        let rest = self.rest();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let after = rest.get(digits..).unwrap_or_default();
        // A number belongs to it only without a space; `<(` and `>(` are substitutions.
        if !(after.starts_with(['<', '>']) || (digits == 0 && after.starts_with("&>")))
            || after.starts_with("<(")
            || after.starts_with(">(")
        {
            return Ok(false);
        }
        self.at += digits;
        for sign in ["<<<", "<<-", "<<", "<>", "<&", "<", "&>>", "&>", ">>", ">|", ">&", ">"] {
            if !self.eat(sign) {
                continue;
            }
            self.blanks();
            if matches!(sign, "<<" | "<<-") {
                self.document(sign == "<<-")?;
                return Ok(true);
            }
            let word = self.word_if_there()?.ok_or_else(|| self.error("a file is expected here"))?;
            let literal = word.literal();
            let text = literal.as_deref().unwrap_or_default();
            let number = !text.is_empty()
                && (text == "-" || text.trim_end_matches('-').bytes().all(|b| b.is_ascii_digit()));
            match sign {
                "<<<" => {}
                "<&" | ">&" if number => {}
                "<" | "<&" => simple.reads.push(word),
                "<>" => {
                    simple.reads.push(word.clone());
                    simple.writes.push(word);
                }
                _ if matches!(text, "/dev/null" | "/dev/stdout" | "/dev/stderr") => {}
                _ => simple.writes.push(word),
            }
            return Ok(true);
        }
        Err(self.error("it has a redirection that the guardrail does not know"))
    }

    fn document(&mut self, tabs: bool) -> Result<()> {
        let word =
            self.word_if_there()?.ok_or_else(|| self.error("the end of a here-document is expected here"))?;
        let end =
            word.literal().ok_or_else(|| self.error("the end of a here-document is not a plain word"))?;
        let expands = word.parts.iter().all(|part| matches!(part, Part::Plain(_)));
        let command = self.script.commands.len().saturating_sub(1);
        self.documents.push(Document { end, expands, tabs, command });
        Ok(())
    }

    /// The bodies of here-documents, after the line that names them.
    fn bodies(&mut self) -> Result<()> {
        for document in std::mem::take(&mut self.documents) {
            loop {
                let rest = self.rest();
                if rest.is_empty() {
                    return Err(self.error("it has a here-document that does not end"));
                }
                let length = rest.find('\n').unwrap_or(rest.len());
                let line = rest.get(..length).unwrap_or_default();
                let bare = if document.tabs { line.trim_start_matches('\t') } else { line };
                if bare == document.end {
                    self.at = (self.at + length + 1).min(self.text.len());
                    break;
                }
                if document.expands
                    && (line.contains('`')
                        || line.contains("$(")
                        || line.contains("${")
                        || line.contains("$["))
                {
                    let hidden = Some("a here-document in it runs commands");
                    if let Some(command) = self.script.commands.get_mut(document.command) {
                        command.hidden = hidden;
                    }
                }
                self.at = (self.at + length + 1).min(self.text.len());
            }
        }
        Ok(())
    }

    // Words.

    fn word_if_there(&mut self) -> Result<Option<Word>> {
        self.blanks();
        let rest = self.rest();
        let substitution = rest.starts_with("<(") || rest.starts_with(">(");
        if rest.is_empty() || (rest.starts_with([';', '&', '|', '<', '>', '(', ')', '\n']) && !substitution) {
            return Ok(None);
        }
        self.word(false).map(Some)
    }

    fn word(&mut self, value: bool) -> Result<Word> {
        let mut word = Word::default();
        let mut plain = String::new();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else { break };
            let flush = |word: &mut Word, plain: &mut String| {
                if !plain.is_empty() {
                    word.parts.push(Part::Plain(std::mem::take(plain)));
                }
            };
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' => break,
                '<' | '>' if rest.get(1..).is_some_and(|next| next.starts_with('(')) => {
                    flush(&mut word, &mut plain);
                    self.at += 2;
                    self.list(&[])?;
                    self.expect(")")?;
                    word.parts.push(Part::Output { quoted: true });
                }
                '<' | '>' | '(' => break,
                '\'' => {
                    flush(&mut word, &mut plain);
                    self.at += 1;
                    let text = self.until('\'')?;
                    word.parts.push(Part::Quoted(text));
                }
                '"' => {
                    flush(&mut word, &mut plain);
                    self.at += 1;
                    self.double_quoted(&mut word)?;
                }
                '\\' => {
                    self.at += 1;
                    match self.rest().chars().next() {
                        Some('\n') => self.at += 1,
                        Some(escaped) => {
                            flush(&mut word, &mut plain);
                            self.at += escaped.len_utf8();
                            word.parts.push(Part::Quoted(escaped.to_string()));
                        }
                        None => return Err(self.error("it ends in a backslash")),
                    }
                }
                '$' => {
                    flush(&mut word, &mut plain);
                    self.at += 1;
                    self.dollar(&mut word, false)?;
                }
                '`' => {
                    flush(&mut word, &mut plain);
                    self.at += 1;
                    self.backquoted(&mut word, false)?;
                }
                '*' | '?' | '[' | '{' => {
                    flush(&mut word, &mut plain);
                    self.at += 1;
                    // The test program, and an empty pair of braces, which `find` replaces.
                    let alone = matches!(c, '[' | '{') && word.parts.is_empty() && self.at_end_of_word();
                    let braces = c == '{' && self.rest().starts_with('}');
                    if alone || braces || value && c != '{' {
                        word.parts.push(Part::Plain(c.to_string()));
                    } else {
                        word.parts.push(Part::Pattern(c));
                    }
                }
                '~' if word.parts.is_empty() && plain.is_empty() => {
                    self.at += 1;
                    word.parts.push(Part::Pattern('~'));
                }
                _ => {
                    self.at += c.len_utf8();
                    plain.push(c);
                }
            }
        }
        if !plain.is_empty() {
            word.parts.push(Part::Plain(plain));
        }
        // Neighbours of one kind are one part.
        word.parts.dedup_by(|next, before| match (next, before) {
            (Part::Plain(next), Part::Plain(before)) | (Part::Quoted(next), Part::Quoted(before)) => {
                before.push_str(next);
                true
            }
            _ => false,
        });
        Ok(word)
    }

    fn at_end_of_word(&self) -> bool {
        self.rest().is_empty() || self.rest().starts_with([' ', '\t', '\n', ';', '&', '|', ')'])
    }

    fn until(&mut self, quote: char) -> Result<String> {
        let rest = self.rest();
        let end = rest.find(quote).ok_or_else(|| self.error("it has a quote that is not closed"))?;
        self.at += end + quote.len_utf8();
        Ok(rest.get(..end).unwrap_or_default().to_owned())
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<()> {
        let mut text = String::new();
        let flush = |word: &mut Word, text: &mut String| word.parts.push(Part::Quoted(std::mem::take(text)));
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.error("it has a quote that is not closed"));
            };
            self.at += c.len_utf8();
            match c {
                '"' => {
                    flush(word, &mut text);
                    return Ok(());
                }
                '\\' => {
                    let Some(escaped) = self.rest().chars().next() else {
                        return Err(self.error("it has a quote that is not closed"));
                    };
                    self.at += escaped.len_utf8();
                    match escaped {
                        '\n' => {}
                        '"' | '\\' | '$' | '`' => text.push(escaped),
                        other => text.extend(['\\', other]),
                    }
                }
                '$' => {
                    flush(word, &mut text);
                    self.dollar(word, true)?;
                }
                '`' => {
                    flush(word, &mut text);
                    self.backquoted(word, true)?;
                }
                other => text.push(other),
            }
        }
    }

    /// Behind a `$`.
    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<()> {
        let rest = self.rest();
        if rest.starts_with("((") {
            self.at += 2;
            self.arithmetic()?;
            word.parts.push(Part::Unknown);
        } else if rest.starts_with('(') {
            self.at += 1;
            self.list(&[])?;
            self.expect(")")?;
            word.parts.push(Part::Output { quoted });
        } else if rest.starts_with('[') {
            return Err(self.error("it has arithmetic in an old form"));
        } else if rest.starts_with('{') {
            self.at += 1;
            self.parameter(word, quoted)?;
        } else if rest.starts_with('\'') && !quoted {
            self.at += 1;
            let text = self.ansi_quoted()?;
            word.parts.push(text.map_or(Part::Unknown, Part::Quoted));
        } else if rest.starts_with('"') && !quoted {
            // `$"…"` is translated.
            return Err(self.error("it has a string that is translated"));
        } else if let Some(name) = self.name() {
            word.parts.push(Part::Variable { name, quoted });
        } else if let Some(special) =
            rest.chars().next().filter(|c| c.is_ascii_digit() || "@*#?-$!".contains(*c))
        {
            self.at += 1;
            word.parts.push(Part::Variable { name: special.to_string(), quoted: quoted && special != '@' });
        } else {
            word.parts.push(if quoted { Part::Quoted("$".to_owned()) } else { Part::Plain("$".to_owned()) });
        }
        Ok(())
    }

    /// `${name}` and its forms. The text in it may expand in turn.
    fn parameter(&mut self, word: &mut Word, quoted: bool) -> Result<()> {
        let counts = self.rest().starts_with('#') && !self.rest().starts_with("#}");
        if counts {
            self.at += 1;
        }
        let special = self.rest().chars().next().filter(|c| c.is_ascii_digit() || "@*#?-$".contains(*c));
        let name = match (self.name(), special) {
            (Some(name), _) => name,
            (None, Some(special)) => {
                self.at += 1;
                special.to_string()
            }
            _ => return Err(self.error("it has an expansion that the guardrail does not know")),
        };
        if self.eat("}") {
            word.parts.push(Part::Variable { name, quoted });
            return Ok(());
        }
        let rest = self.rest();
        let text = [":-", "-", ":+", "+", ":?", "?", "##", "#", "%%", "%", "//", "/", "^^", "^", ",,", ","]
            .iter()
            .find(|sign| rest.starts_with(**sign));
        let Some(sign) = text.filter(|_| !counts) else {
            // `${x@P}`, `${x:1}`, `${x[…]}`, `${x:=…}`.
            return Err(self.error("it has an expansion that the guardrail does not know"));
        };
        self.at += sign.len();
        self.until_brace()?;
        word.parts.push(Part::Variable { name, quoted });
        // What stands in for the value.
        if sign.trim_start_matches(':').starts_with(['-', '+']) {
            word.parts.push(Part::Unknown);
        }
        Ok(())
    }

    /// Text of an expansion up to its `}`; commands in it are part of what runs.
    fn until_brace(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("its constructs stand too deep in each other"));
        }
        let mut inside = Word::default();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.error("it has an expansion that is not closed"));
            };
            self.at += c.len_utf8();
            match c {
                '}' => break,
                '\'' => _ = self.until('\'')?,
                '"' => self.double_quoted(&mut inside)?,
                '\\' => self.at += self.rest().chars().next().map_or(0, char::len_utf8),
                '$' => self.dollar(&mut inside, true)?,
                '`' => self.backquoted(&mut inside, true)?,
                '<' | '>' if self.rest().starts_with('(') => {
                    return Err(self.error("it has an expansion that the guardrail does not know"));
                }
                _ => {}
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// `$'…'`; `None` if its escapes are not plain.
    fn ansi_quoted(&mut self) -> Result<Option<String>> {
        let mut text = Some(String::new());
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.error("it has a quote that is not closed"));
            };
            self.at += c.len_utf8();
            match c {
                '\'' => return Ok(text),
                '\\' => {
                    let Some(escaped) = self.rest().chars().next() else {
                        return Err(self.error("it has a quote that is not closed"));
                    };
                    self.at += escaped.len_utf8();
                    match (escaped, &mut text) {
                        ('n', Some(text)) => text.push('\n'),
                        ('t', Some(text)) => text.push('\t'),
                        ('\\' | '\'' | '"', Some(text)) => text.push(escaped),
                        _ => text = None,
                    }
                }
                other => {
                    if let Some(text) = &mut text {
                        text.push(other);
                    }
                }
            }
        }
    }

    fn backquoted(&mut self, word: &mut Word, quoted: bool) -> Result<()> {
        let mut text = String::new();
        let start = self.at;
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.error("it has a backquote that is not closed"));
            };
            self.at += c.len_utf8();
            match c {
                '`' => break,
                '\\' => {
                    let escaped = self.rest().chars().next();
                    self.at += escaped.map_or(0, char::len_utf8);
                    match escaped {
                        Some(c @ ('`' | '\\' | '$')) => text.push(c),
                        Some('"') if quoted => text.push('"'),
                        Some(c) => text.extend(['\\', c]),
                        None => {}
                    }
                }
                other => text.push(other),
            }
        }
        if self.depth >= MAX_DEPTH {
            return Err(self.error("its constructs stand too deep in each other"));
        }
        let mut inner = Parser {
            text: &text,
            at: 0,
            depth: self.depth + 1,
            script: Script::default(),
            documents: Vec::new(),
        };
        let result = inner.list(&[]);
        let whole = inner.at == text.len() && inner.documents.is_empty();
        let script = inner.script;
        // Places in the inner text are none of the whole.
        if result.is_err() || !whole {
            return Err(Error {
                why: "it has a backquote with something inside that the guardrail does not know",
                at: start,
            });
        }
        self.script.commands.extend(script.commands);
        self.script.functions.extend(script.functions);
        for (name, values) in script.variables {
            self.assign(&name, values);
        }
        word.parts.push(Part::Output { quoted });
        Ok(())
    }

    /// Numbers and signs up to `))`. Names are evaluated again, subscripts and all.
    fn arithmetic(&mut self) -> Result<()> {
        let rest = self.rest();
        let end = rest.find("))").ok_or_else(|| self.error("it has a bracket that is not closed"))?;
        let inside = rest.get(..end).unwrap_or_default();
        if !inside.chars().all(|c| c.is_ascii_digit() || " \t\n+-*/%<>=!&|^~?:(),".contains(c)) {
            return Err(self.error("it has arithmetic with a variable, whose value may run commands"));
        }
        self.at += end + 2;
        Ok(())
    }

    // Characters.

    fn name(&mut self) -> Option<String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = rest
            .get(..end)
            .filter(|name| !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()))?;
        self.at += end;
        Some(name.to_owned())
    }

    /// Whether this word is next, without quotes, and ends there.
    fn is_reserved(&self, word: &str) -> bool {
        self.rest().strip_prefix(word).is_some_and(|after| {
            after.is_empty() || after.starts_with([' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>'])
        })
    }

    fn reserved(&mut self, word: &str) -> Result<()> {
        if !self.is_reserved(word) {
            return Err(self.error("it has a construct (if, for, while, case, {) that is not complete"));
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.error("it has a bracket that is not closed")) }
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// Spaces, tabs, comments and continued lines.
    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with([' ', '\t']) {
                self.at += 1;
            } else if rest.starts_with("\\\n") {
                self.at += 2;
            } else if rest.starts_with('#') && self.begins_word() {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    /// `#` begins a comment only where a word may begin.
    fn begins_word(&self) -> bool {
        let before = self.text.get(..self.at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')'))
    }

    fn newlines(&mut self) -> Result<()> {
        loop {
            self.blanks();
            if !self.eat("\n") {
                return Ok(());
            }
            self.bodies()?;
        }
    }

    /// New lines and semicolons between commands.
    fn separators(&mut self) -> Result<()> {
        self.newlines()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, why: &'static str) -> Error {
        Error { why, at: self.at }
    }
}
