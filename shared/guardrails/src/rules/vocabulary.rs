//! Entries of rules that no command can ever meet: a misspelt verb, a name with quotes, a program with options.
//!
//! A rule that never hits is worse than none, because it looks like protection. Such entries are refused when they are
//! saved, with the nearest entry that can hit.

use crate::analysis::Kind;
use crate::{Dialect, postgres, sql};

/// Why an entry can never hit, and what to write instead.
pub(super) struct Never {
    pub(super) why: String,
    pub(super) instead: Option<String>,
}

impl Never {
    pub(super) fn message(&self, entry: &str) -> String {
        match &self.instead {
            Some(instead) => format!("`{entry}` can never match: {}; did you mean `{instead}`?", self.why),
            None => format!("`{entry}` can never match: {}", self.why),
        }
    }
}

const KINDS: [Kind; 11] = [
    Kind::Read,
    Kind::Transaction,
    Kind::Session,
    Kind::Write,
    Kind::Copy,
    Kind::Maintenance,
    Kind::Definition,
    Kind::Privilege,
    Kind::Procedural,
    Kind::Program,
    Kind::Other,
];

/// An entry of `statement`; SQL verbs are in capitals.
pub(super) fn statement(entry: &str, dialect: Dialect) -> Option<Never> {
    if KINDS.iter().any(|kind| kind.word().eq_ignore_ascii_case(entry)) {
        return None;
    }
    match dialect {
        Dialect::Shell => program(&entry.to_lowercase()),
        Dialect::Http => method(entry),
        Dialect::Postgres => verb(entry, &postgres::verbs()),
        // Their verbs are the first words of what the guardrail does not know in detail: any second word.
        Dialect::Mysql | Dialect::Sqlite if OPEN.iter().any(|word| entry.split(' ').next() == Some(word)) => {
            None
        }
        Dialect::Mysql | Dialect::Sqlite => verb(entry, &sql::verbs()),
    }
}

const OPEN: [&str; 26] = [
    "ANALYZE",
    "BACKUP",
    "BINLOG",
    "CACHE",
    "CHANGE",
    "CHECK",
    "CHECKSUM",
    "CLONE",
    "FLUSH",
    "HANDLER",
    "IMPORT",
    "INSTALL",
    "KILL",
    "LOAD",
    "LOCK",
    "OPTIMIZE",
    "PURGE",
    "REPAIR",
    "RESET",
    "SET",
    "SHOW",
    "START",
    "STOP",
    "UNINSTALL",
    "UNLOCK",
    "XA",
];

/// SQL: a verb, or the first words of one.
fn verb(entry: &str, verbs: &[String]) -> Option<Never> {
    let begins =
        |verb: &String| verb == entry || verb.strip_prefix(entry).is_some_and(|rest| rest.starts_with(' '));
    if verbs.iter().any(begins) {
        return None;
    }
    // The parts of a verb that a rule may name.
    let starts = verbs.iter().flat_map(|verb| {
        let ends = verb.match_indices(' ').map(|(at, _)| at).chain([verb.len()]);
        ends.filter_map(|end| verb.get(..end)).collect::<Vec<_>>()
    });
    let starts: Vec<&str> = starts.collect();
    let shorter = || {
        let ends = entry.rmatch_indices(' ').filter_map(|(at, _)| entry.get(..at));
        ends.into_iter().find(|start| starts.contains(start)).map(str::to_owned)
    };
    let instead = nearest(entry, starts.iter().copied()).or_else(shorter);
    Some(Never { why: "no statement has this verb".to_owned(), instead })
}

/// A program, or a program and its first argument that is no option.
fn program(entry: &str) -> Option<Never> {
    let words: Vec<&str> = entry.split_whitespace().collect();
    let [program, arguments @ ..] = words.as_slice() else { return None };
    let base = program.rsplit('/').next().unwrap_or(program);
    let plain = arguments.first().filter(|word| !word.starts_with('-'));
    let instead = match plain {
        Some(word) => format!("{base} {word}"),
        None => base.to_owned(),
    };
    let why = if base != *program {
        "a program is known by its name without directories"
    } else if arguments.iter().any(|word| word.starts_with('-')) {
        "options are not part of a statement"
    } else if arguments.len() > 1 {
        "at most one argument is part of a statement"
    } else {
        return None;
    };
    Some(Never { why: why.to_owned(), instead: Some(instead) })
}

fn method(entry: &str) -> Option<Never> {
    const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
    if entry.bytes().all(|byte| byte.is_ascii_uppercase())
        && nearest(entry, METHODS).is_none_or(|near| near == entry)
    {
        return None;
    }
    let first = entry.split_whitespace().next().unwrap_or_default();
    let instead = nearest(first, METHODS);
    Some(Never { why: "it is no method".to_owned(), instead })
}

/// An entry of `table` or `written_table`.
pub(super) fn table(entry: &str) -> Option<Never> {
    name(entry, "names of tables are written without quotes, and case does not count")
}

/// An entry of `function`.
pub(super) fn function(entry: &str) -> Option<Never> {
    name(entry, "names of functions are written without quotes and brackets")
}

fn name(entry: &str, why: &str) -> Option<Never> {
    const QUOTES: [char; 8] = ['"', '`', '[', ']', '\'', '(', ')', ';'];
    if !entry.contains(QUOTES) {
        return None;
    }
    let end = entry.find('(').unwrap_or(entry.len());
    let bare = entry.get(..end).unwrap_or_default().replace(QUOTES, "").trim().to_lowercase();
    Some(Never { why: why.to_owned(), instead: (!bare.is_empty()).then_some(bare) })
}

/// The nearest of some words, if it is near.
fn nearest<'a>(entry: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = words.into_iter().map(|word| (distance(entry, word), word)).min()?;
    (near.0 <= 1 + entry.chars().count() / 4).then(|| near.1.to_owned())
}

/// How many characters must be changed, added, left out or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for (i, a) in (1..).zip(&left) {
        let mut row = vec![i];
        for (j, b) in (1..).zip(&right) {
            let at = |back: usize, column: usize| {
                rows.get(i - back).and_then(|row| row.get(column)).copied().unwrap_or(usize::MAX / 2)
            };
            let mut cost = (at(1, j - 1) + usize::from(a != b))
                .min(at(1, j) + 1)
                .min(row.last().copied().unwrap_or_default() + 1);
            if i > 1 && j > 1 && left.get(i - 2) == Some(b) && right.get(j - 2) == Some(a) {
                cost = cost.min(at(2, j - 2) + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or_default()
}
