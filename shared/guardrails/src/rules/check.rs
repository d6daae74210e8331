//! One rule against one command.

use super::{Deny, Rule, code};
use crate::Dialect;
use crate::analysis::{Analysis, Statement, TableName, Use};
use crate::wildcards::glob;

/// The command as text, in the ways that words and patterns are looked for: as it came, without its
/// comments and strings, and what the analysis read out of it (quotes and escapes undone).
pub(super) struct Texts {
    all: Vec<String>,
    lower: Vec<String>,
}

impl Texts {
    pub(super) fn new(command: &str, analysis: &Analysis) -> Self {
        let mut names = String::new();
        let mut add = |parts: &[&str]| {
            parts.iter().for_each(|part| names.push_str(part));
            names.push('\n');
        };
        for statement in &analysis.statements {
            statement.actions.iter().for_each(|action| add(&[&action.verb]));
            for table in &statement.tables {
                match &table.schema {
                    Some(schema) => add(&[schema, ".", &table.name]),
                    None => add(&[&table.name]),
                }
            }
            statement.functions.iter().for_each(|name| add(&[name]));
        }
        let all = vec![command.to_owned(), code(command, analysis.dialect), names];
        let lower = all.iter().map(|text| text.to_lowercase()).collect();
        Self { all, lower }
    }

    /// Whether a program's name is a word of the text, in any place.
    fn names(&self, program: &str) -> bool {
        let program = program.to_lowercase();
        let belongs = |c: char| c.is_alphanumeric() || "_.+-".contains(c);
        !program.contains(' ')
            && self.lower.iter().any(|text| text.split(|c| !belongs(c)).any(|word| word == program))
    }
}

/// What a rule tells the requester, if it hits.
pub(super) fn message(rule: &Rule, texts: &Texts, analysis: &Analysis) -> Option<String> {
    let deny = &rule.deny;
    if let Some(only) = &rule.only {
        if analysis.dialect != Dialect::Shell {
            return Some(format!("{} (`only` is for runners)", rule.message));
        }
        return only.check(analysis).err().map(|why| format!("{} ({why})", rule.message));
    }
    if deny.pattern.as_ref().is_some_and(|pattern| texts.all.iter().any(|text| pattern.is_match(text)))
        || deny.words.iter().any(|words| texts.lower.iter().any(|text| has_words(text, words)))
    {
        return Some(rule.message.clone());
    }
    if !deny.needs_understanding() {
        return None;
    }
    if let Some(what) = unfit(deny, analysis.dialect) {
        return Some(format!(
            "{} (blocked because the rule is about {what}, which cannot be told for {} commands)",
            rule.message,
            analysis.dialect.label()
        ));
    }
    if !analysis.understood {
        return Some(format!(
            "{} (blocked because the guardrail could not understand the command: {})",
            rule.message,
            analysis.reason()
        ));
    }
    if deny.multiple_statements && analysis.statements.len() > 1 {
        return Some(rule.message.clone());
    }
    if deny.not_a_read
        && let Err(why) = analysis.is_provable_read()
    {
        return Some(format!("{} ({why})", rule.message));
    }
    if analysis.statements.iter().any(|statement| hits(deny, statement)) {
        return Some(rule.message.clone());
    }
    // A denied program may be named in a text that another program runs.
    if analysis.dialect == Dialect::Shell
        && let Some(word) = deny.statement.iter().find(|word| texts.names(word))
    {
        let word = crate::names::quoted(&word.to_lowercase());
        return Some(format!("{} ({word} is a word of the command)", rule.message));
    }
    // What the statement says is clean; what it hides may not be.
    if deny.looks_inside()
        && let Some(what) = analysis.statements.iter().find_map(|statement| statement.opaque.as_deref())
    {
        return Some(format!(
            "{} (blocked because the guardrail cannot see what the command does: {what})",
            rule.message
        ));
    }
    None
}

/// What a rule asks that commands of this dialect do not have.
pub(super) fn unfit(deny: &Deny, dialect: Dialect) -> Option<&'static str> {
    let (shell, http) = (dialect == Dialect::Shell, dialect == Dialect::Http);
    if (shell || http) && !(deny.table.is_empty() && deny.written_table.is_empty()) {
        Some("tables")
    } else if (shell || http) && !deny.function.is_empty() {
        Some("functions")
    } else if (shell || http) && deny.missing_where {
        Some("WHERE")
    } else if shell && deny.not_a_read {
        Some("reads")
    } else if (shell || http)
        && deny.statement.iter().any(|word| matches!(word.as_str(), "DROP" | "PRIVILEGE"))
    {
        Some("SQL statements")
    } else {
        None
    }
}

fn hits(deny: &Deny, statement: &Statement) -> bool {
    (deny.missing_where && statement.unbounded)
        || deny.statement.iter().any(|word| does(statement, word))
        || deny.table.iter().any(|pattern| statement.tables.iter().any(|table| names_table(pattern, table)))
        || deny.written_table.iter().any(|pattern| {
            statement.tables.iter().any(|table| table.usage == Use::Written && names_table(pattern, table))
        })
        || deny
            .function
            .iter()
            .any(|pattern| statement.functions.iter().any(|name| names_function(pattern, name)))
}

/// A verb, the first words of one, or a kind.
fn does(statement: &Statement, word: &str) -> bool {
    statement
        .actions
        .iter()
        .any(|action| begins_with_words(&action.verb, word) || action.kind.word().eq_ignore_ascii_case(word))
}

/// Whether a verb consists of these words, which are in capitals, or begins with them.
fn begins_with_words(verb: &str, words: &str) -> bool {
    if !verb.is_ascii() {
        let verb = verb.to_uppercase();
        return verb.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    }
    verb.split_at_checked(words.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(words) && (rest.is_empty() || rest.starts_with(' '))
    })
}

/// Without a schema, a pattern means that name in every schema. With one, it also means a name
/// without schema: which schema that is in, the search path decides.
fn names_table(pattern: &str, table: &TableName) -> bool {
    match (pattern.rsplit_once('.'), &table.schema) {
        (None, _) => glob(pattern, &table.name),
        (Some((schema, name)), Some(actual)) => {
            let last = actual.rsplit('.').next().unwrap_or(actual);
            glob(name, &table.name) && (glob(schema, actual) || glob(schema, last))
        }
        (Some((_, name)), None) => name != "*" && glob(name, &table.name),
    }
}

fn names_function(pattern: &str, name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    glob(pattern, name) || (!pattern.contains('.') && glob(pattern, last)) || {
        pattern
            .rsplit_once('.')
            .is_some_and(|(_, bare)| !name.contains('.') && bare != "*" && glob(bare, name))
    }
}

/// A sequence of words with nothing but space between them.
fn has_words(text: &str, words: &[String]) -> bool {
    let Some(first) = words.first() else { return false };
    text.match_indices(first.as_str()).any(|(at, _)| {
        let starts = text
            .get(..at)
            .and_then(|before| before.chars().next_back())
            .is_none_or(|c| !is_word(c) || !first.starts_with(is_word));
        starts && text.get(at..).is_some_and(|rest| follows(rest, words))
    })
}

fn follows(text: &str, words: &[String]) -> bool {
    let mut rest = text;
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            let trimmed = rest.trim_start();
            if trimmed.len() == rest.len() {
                return false;
            }
            rest = trimmed;
        }
        let Some(after) = rest.strip_prefix(word.as_str()) else { return false };
        rest = after;
    }
    let ends_in_word = words.last().is_some_and(|word| word.ends_with(is_word));
    !ends_in_word || rest.chars().next().is_none_or(|c| !is_word(c))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
