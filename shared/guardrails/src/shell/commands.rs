//! Simple commands in a list of tokens.

use super::programs;
use super::scan::{Token, Word};
use crate::analysis::{Kind, Statement};
use crate::names::quoted;

/// Arguments that are looked at; more are taken for hidden.
const MOST_ARGUMENTS: usize = 200;

/// Finds the commands.
pub(super) fn list(tokens: &[Token], found: &mut Vec<Statement>) -> Result<(), &'static str> {
    let mut command = Simple::default();
    let mut redirect: Option<bool> = None;
    for token in tokens {
        match token {
            Token::Operator(sign) => {
                if redirect.is_some() {
                    return Err("it has a redirection without a file");
                }
                if *sign == "(" && !command.words.is_empty() {
                    return Err("it defines a function, or has a bracket that the guardrail does not know");
                }
                command.finish(found)?;
            }
            Token::Redirect { writes } => redirect = Some(*writes),
            Token::Word(file) if redirect.is_some() => {
                let harmless =
                    file.text == "/dev/null" || file.text.parse::<u8>().is_ok() || file.text == "-";
                command.writes |= redirect.take() == Some(true) && (file.expands || !harmless);
            }
            Token::Word(word) => command.words.push(word.clone()),
            Token::Inside(inner) => list(inner, found)?,
            Token::Hidden(what) => command.hidden = Some(what),
        }
    }
    command.finish(found)
}

#[derive(Default)]
struct Simple {
    words: Vec<Word>,
    writes: bool,
    hidden: Option<&'static str>,
}

impl Simple {
    /// Ends the command, and begins the next.
    fn finish(&mut self, found: &mut Vec<Statement>) -> Result<(), &'static str> {
        let Self { words, writes, hidden } = std::mem::take(self);
        let mut words = words.as_slice();
        // Words of the grammar after which a command begins.
        while let [first, rest @ ..] = words
            && !first.quoted
            && matches!(
                first.text.as_str(),
                "if" | "then" | "else" | "elif" | "do" | "while" | "until" | "!" | "{" | "time"
            )
        {
            words = rest;
        }
        if let [first, ..] = words
            && !first.quoted
        {
            match first.text.as_str() {
                "fi" | "done" | "}" | "esac" => words = &[],
                // The values of a loop; its variable then makes words elsewhere.
                "for" => words = &[],
                "case" | "select" | "function" | "coproc" | "[[" | "alias" => {
                    return Err(
                        "it has a construct (case, select, function, alias, [[ …) that the guardrail does not look into",
                    );
                }
                _ => {}
            }
        }
        let mut risky_variable = false;
        while let [first, rest @ ..] = words
            && let Some(name) = assigned(first)
        {
            risky_variable |= programs::changes_meaning(name);
            words = rest;
        }
        let [program, arguments @ ..] = words else {
            if risky_variable || hidden.is_some() || writes {
                let mut statement = Statement::new(Kind::Program, "assignment");
                statement.not_read("it is a shell command");
                decorate(&mut statement, writes, hidden, risky_variable);
                found.push(statement);
            }
            return Ok(());
        };
        let mut statement = simple(program, arguments);
        decorate(&mut statement, writes, hidden, risky_variable);
        found.push(statement);
        Ok(())
    }
}

/// The variable that a word sets.
fn assigned(word: &Word) -> Option<&str> {
    let (name, _) = word.text.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let first = name.chars().next()?;
    let plain = (first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain.then_some(name)
}

fn decorate(statement: &mut Statement, writes: bool, hidden: Option<&'static str>, risky_variable: bool) {
    if writes {
        statement.note("writes a file");
    }
    if let Some(what) = hidden {
        statement.hides(what);
    }
    if risky_variable {
        statement.hides("it sets a variable that changes what programs' names mean");
    }
}

fn simple(program: &Word, arguments: &[Word]) -> Statement {
    let name = programs::base(&program.text);
    let mut statement = Statement::new(Kind::Program, if name.is_empty() { "?" } else { name });
    statement.not_read("nothing that a shell runs is provably a read");
    if program.expands || name.is_empty() {
        statement.hides("the name of a program in it is made when it runs");
        return statement;
    }
    let shown = quoted(name);
    if programs::is_interpreter(name) {
        statement.hides(format!("{shown} runs code that the guardrail does not look into"));
    }
    if programs::is_dangerous(name) {
        statement.dangerous = true;
        statement.note(format!("runs {shown}"));
    }
    if matches!(name, "export" | "declare" | "typeset" | "readonly" | "local")
        && arguments.iter().any(|word| word.expands || assigned(word).is_some_and(programs::changes_meaning))
    {
        statement.hides("it sets a variable that may change what programs' names mean");
    }
    let wraps = programs::is_wrapper(name);
    if (wraps || programs::has_commands(name))
        && (arguments.iter().any(|word| word.expands) || arguments.len() > MOST_ARGUMENTS)
    {
        statement.hides(format!("what {shown} does is made when it runs"));
    }
    for word in
        arguments.iter().take(MOST_ARGUMENTS).filter(|word| !word.expands && !word.text.starts_with('-'))
    {
        statement.act(Kind::Program, format!("{name} {}", word.text));
        if wraps {
            let inner = programs::base(&word.text);
            statement.act(Kind::Program, inner);
            if programs::is_interpreter(inner) {
                statement.hides(format!("{} runs code that the guardrail does not look into", quoted(inner)));
            }
            statement.dangerous |= programs::is_dangerous(inner);
        }
    }
    statement
}
