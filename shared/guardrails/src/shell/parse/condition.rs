//! Conditions in `[[ … ]]`.

use super::{Parser, Result};

/// Operators with one operand.
const UNARY: [&str; 26] = [
    "-a", "-b", "-c", "-d", "-e", "-f", "-g", "-h", "-k", "-n", "-o", "-p", "-r", "-s", "-t", "-u", "-v",
    "-w", "-x", "-z", "-G", "-L", "-N", "-O", "-R", "-S",
];
const BINARY: [&str; 13] =
    ["=", "==", "!=", "=~", "-nt", "-ot", "-ef", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"];

/// Operators whose operands are arithmetic, or names that may have a subscript, which is arithmetic.
const EVALUATE: [&str; 8] = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"];

impl Parser<'_> {
    /// A condition up to `]]`.
    pub(super) fn condition(&mut self) -> Result<()> {
        self.terms()?;
        self.newlines()?;
        if self.is_reserved("]]") {
            self.at += 2;
            Ok(())
        } else {
            Err(self.error("`]]` is expected here"))
        }
    }

    /// Terms with `&&` and `||` between them.
    fn terms(&mut self) -> Result<()> {
        self.deeper()?;
        loop {
            self.term()?;
            self.newlines()?;
            if !self.eat("&&") && !self.eat("||") {
                break;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn term(&mut self) -> Result<()> {
        self.newlines()?;
        while self.is_reserved("!") {
            self.at += 1;
            self.newlines()?;
        }
        if self.eat("(") {
            self.terms()?;
            self.newlines()?;
            return self.expect(")");
        }
        let first = self.operand()?;
        if let Some(operator) = first.filter(|word| UNARY.contains(&word.as_str())) {
            self.evaluates(&operator);
            return self.operand().map(drop);
        }
        self.blanks();
        if self.eat("<") || self.eat(">") {
            return self.operand().map(drop);
        }
        let rest = self.rest();
        if rest.starts_with("&&") || rest.starts_with("||") || rest.starts_with(')') || self.is_reserved("]]")
        {
            return Ok(());
        }
        let operator = self.operand()?.filter(|word| BINARY.contains(&word.as_str()));
        let operator = operator.ok_or_else(|| self.error("an operator is expected here"))?;
        self.evaluates(&operator);
        if operator == "=~" { self.expression() } else { self.operand().map(drop) }
    }

    /// A word; its text, if it may be an operator.
    fn operand(&mut self) -> Result<Option<String>> {
        self.blanks();
        if self.is_reserved("]]") {
            return Err(self.error("a word is expected here"));
        }
        let word = self.word_if_there()?.ok_or_else(|| self.error("a word is expected here"))?;
        if self.rest().starts_with('(') {
            return Err(self.error("it has a bracket that the guardrail does not know"));
        }
        Ok(word.bare().map(str::to_owned))
    }

    /// A regular expression, in which `|` and pairs of brackets are text.
    fn expression(&mut self) -> Result<()> {
        self.blanks();
        let start = self.at;
        loop {
            if self.eat("(") {
                self.expression()?;
                self.expect(")")?;
            } else if !self.eat("|") && self.word_here()?.is_none() {
                break;
            }
        }
        if self.at == start { Err(self.error("a word is expected here")) } else { Ok(()) }
    }

    fn evaluates(&mut self, operator: &str) {
        if EVALUATE.contains(&operator) {
            self.script.hide("it has arithmetic, which evaluates variables");
        }
    }
}
