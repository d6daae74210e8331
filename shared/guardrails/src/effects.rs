//! Functions that do more than compute or read, and what a reviewer should know of them.

use crate::analysis::Statement;
use crate::names::quoted;
use crate::wildcards::glob;

/// How much a function's effect weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Worth a word.
    Effect,
    /// High risk.
    Danger,
    /// Runs or reads what a text names: the statement hides what it does.
    Text,
}

/// A list of such functions.
pub(crate) struct Effects {
    lines: Vec<(&'static str, Weight, &'static str)>,
}

impl Effects {
    /// Reads lines of name or pattern, class and description, separated by tabs.
    pub(crate) fn new(text: &'static str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let mut cells = line.split('\t');
            let name = cells.next()?;
            let weight = match cells.next()? {
                "effect" => Weight::Effect,
                "danger" => Weight::Danger,
                // Whatever else stands there is taken for the strictest.
                _ => Weight::Text,
            };
            Some((name, weight, cells.next()?))
        });
        Self { lines: lines.collect() }
    }

    /// What a function does, by its dotted name or its last part; the first line that fits.
    pub(crate) fn of(&self, dotted: &str) -> Option<(Weight, &'static str)> {
        let last = dotted.rsplit('.').next().unwrap_or(dotted);
        self.lines
            .iter()
            .find(|(pattern, ..)| glob(pattern, last) || glob(pattern, dotted))
            .map(|&(_, weight, what)| (weight, what))
    }

    /// Writes down in a statement that it calls a function that is not known to be harmless.
    pub(crate) fn call(&self, statement: &mut Statement, dotted: &str) {
        let name = quoted(dotted);
        match self.of(dotted) {
            Some((Weight::Text, what)) => {
                statement.hides(format!("it calls {name}, which {what}"));
            }
            Some((weight, what)) => {
                statement.note(format!("calls {name}, which {what}"));
                let why = format!("it calls {name}, which {what}");
                statement.acts_outside.get_or_insert_with(|| why.clone());
                statement.not_read(why);
                statement.dangerous |= weight == Weight::Danger;
            }
            None => statement.calls_unknown(format!(
                "it calls {name}, which is not one of the database's own functions that are known to only compute or read"
            )),
        }
    }
}
