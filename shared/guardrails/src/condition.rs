//! Whether a condition can leave a row out.
//!
//! A condition that holds for every row is no condition: `id = id OR NOT (id <> id)`. Each dialect translates its tree
//! into a [`Condition`]; this module looks for values of the columns for which it does not hold. If there are none
//! among the values tried, the condition counts as one that holds for every row: an unusual condition is blocked, a
//! usual one differs for one of the constants that it names.

use crate::wildcards::like;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// A value of a row, or of the statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    /// NULL.
    Null,
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// A column, or an expression that is not looked into. Equal keys are equal values.
    Variable {
        /// Its text, in one spelling.
        key: String,
        /// Never negative: a length, an absolute value.
        natural: bool,
        /// Of another table than the one whose rows are changed.
        foreign: bool,
        /// A condition used as a value: 0 or 1.
        truth: bool,
    },
    /// Two numbers joined by `+`, `-` or `*`.
    Arithmetic(char, Box<Term>, Box<Term>),
}

/// Beginnings of calls whose value is never negative.
const NATURAL: [&str; 11] = [
    "abs(",
    "ascii(",
    "bit_length(",
    "cardinality(",
    "char_length(",
    "character_length(",
    "crc32(",
    "length(",
    "octet_length(",
    "ord(",
    "unicode(",
];

/// Beginnings of calls that make one value of many rows.
const AGGREGATES: [&str; 5] = ["avg(", "count(", "max(", "min(", "sum("];

impl Term {
    /// A column, or an expression that is not looked into, by its text in small letters.
    pub(crate) fn variable(key: String, text: &str) -> Self {
        Self::Variable {
            key,
            natural: NATURAL.iter().any(|function| text.starts_with(function)),
            foreign: false,
            truth: false,
        }
    }

    /// The same term, whose value is that of a condition.
    pub(crate) fn of_truth(self) -> Self {
        match self {
            Self::Variable { key, foreign, .. } => {
                Self::Variable { key, natural: false, foreign, truth: true }
            }
            other => other,
        }
    }

    /// A column of another table, or an expression of such columns.
    pub(crate) fn foreign(key: String) -> Self {
        Self::Variable { key, natural: false, foreign: true, truth: false }
    }

    /// Whether it has a column of the changed table, and one of another.
    fn mentions(&self) -> (bool, bool) {
        match self {
            Self::Null | Self::Number(_) | Self::Text(_) => (false, false),
            Self::Variable { foreign, .. } => (!foreign, *foreign),
            Self::Arithmetic(_, left, right) => {
                let (left, right) = (left.mentions(), right.mentions());
                (left.0 || right.0, left.1 || right.1)
            }
        }
    }
}

/// How the columns of the rows that a statement changes are qualified.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// The table's name and its alias, in lower case.
    pub(crate) names: BTreeSet<String>,
    /// The statement has other tables beside it: FROM, USING, a join.
    pub(crate) others: bool,
}

impl Own {
    /// Whether a qualifier means another table. A column without one may be of the changed table.
    pub(crate) fn is_foreign(&self, qualifier: &str) -> bool {
        self.others && !self.names.contains(qualifier)
    }
}

/// Whether an item of a query, in small letters, is one value of many rows.
pub(crate) fn is_aggregate(item: &str) -> bool {
    AGGREGATES.iter().any(|function| item.starts_with(function))
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Xor(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Comparison, Term, Term),
    /// `IS NOT DISTINCT FROM`, `<=>`: NULL equals NULL.
    Same(Term, Term),
    In(Term, Vec<Term>),
    Like {
        text: Term,
        pattern: Term,
        /// Case does not count.
        folds: bool,
    },
    IsNull(Term),
    /// `IS TRUE`, `IS FALSE`, `IS UNKNOWN`.
    Is(Box<Condition>, Option<bool>),
    /// A condition that is not looked into. Equal keys are equal conditions.
    Unknown(String),
    /// Holds for every row, or cannot be told from one that does.
    Always,
}

/// Values tried for one variable, and combinations of them.
const MAX_VALUES: usize = 12;
const MAX_TRIES: usize = 2048;
/// Parts evaluated for all conditions of a command together.
const MAX_WORK: usize = 200_000;
/// Deeper conditions count as conditions that hold for every row.
const MAX_DEPTH: usize = 4_000;

/// What is left of [`MAX_WORK`] for a command. Where nothing is left, conditions count as ones that hold for every row.
#[derive(Debug)]
pub(crate) struct Effort(Cell<usize>);

impl Default for Effort {
    fn default() -> Self {
        Self(Cell::new(MAX_WORK))
    }
}

impl Effort {
    /// Takes a part of it; false if less is left.
    fn takes(&self, work: usize) -> bool {
        let left = self.0.get().checked_sub(work);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// Whether a condition leaves out rows of the changed table, whatever is in the other tables of the statement: with
/// `UPDATE a … FROM b WHERE b.id = 1`, one row of b is enough for all of a.
pub(crate) fn restricts_own(condition: &Condition, effort: &Effort) -> bool {
    restricts(&at_best(condition, true), effort)
}

/// A condition whose parts about other tables alone have the value that makes all of it hold.
fn at_best(condition: &Condition, wanted: bool) -> Condition {
    let both =
        |join: fn(Box<Condition>, Box<Condition>) -> Condition, left: &Condition, right: &Condition| {
            join(Box::new(at_best(left, wanted)), Box::new(at_best(right, wanted)))
        };
    let terms: Vec<&Term> = match condition {
        Condition::And(left, right) => return both(Condition::And, left, right),
        Condition::Or(left, right) => return both(Condition::Or, left, right),
        Condition::Xor(left, right) => return both(Condition::Xor, left, right),
        Condition::Not(inner) => return Condition::Not(Box::new(at_best(inner, !wanted))),
        Condition::Is(inner, value) => {
            let inner = at_best(inner, wanted == value.unwrap_or(true));
            return Condition::Is(Box::new(inner), *value);
        }
        Condition::Compare(_, left, right) | Condition::Same(left, right) => vec![left, right],
        Condition::In(term, list) => std::iter::once(term).chain(list).collect(),
        Condition::Like { text, pattern, .. } => vec![text, pattern],
        Condition::IsNull(term) => vec![term],
        Condition::Unknown(_) | Condition::Always => Vec::new(),
    };
    let mentions: Vec<(bool, bool)> = terms.into_iter().map(Term::mentions).collect();
    let foreign = mentions.iter().any(|(_, foreign)| *foreign) && !mentions.iter().any(|(own, _)| *own);
    match (foreign, wanted) {
        (false, _) => condition.clone(),
        (true, true) => Condition::Always,
        (true, false) => Condition::Not(Box::new(Condition::Always)),
    }
}

/// Whether there are values for which the condition does not hold.
pub(crate) fn restricts(condition: &Condition, effort: &Effort) -> bool {
    let mut facts = Facts::default();
    if !facts.read(condition, 0) {
        return false;
    }
    let variables: Vec<(&String, Vec<Value>)> =
        facts.variables.iter().map(|(key, variable)| (key, facts.values(variable))).collect();
    let all = variables.iter().try_fold(1_usize, |product, (_, values)| product.checked_mul(values.len()));
    let all = all.filter(|all| *all <= MAX_TRIES);
    let tries = all.unwrap_or(MAX_TRIES);
    let mut row = BTreeMap::new();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let tries = (0..tries).take_while(|_| effort.takes(facts.parts + variables.len()));
    tries.into_iter().any(|number| {
        let mut rest = number;
        for (key, values) in &variables {
            let index = if all.is_some() {
                let index = rest % values.len();
                rest /= values.len();
                index
            } else {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                usize::try_from(random >> 33).unwrap_or_default() % values.len()
            };
            if let Some(value) = values.get(index) {
                row.insert(key.as_str(), value.clone());
            }
        }
        holds(condition, &row) != Some(true)
    })
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Number(f64),
    Text(String),
}

#[derive(Default)]
struct Variable {
    natural: bool,
    /// It is a condition: true or false.
    truth: bool,
    /// NULL is asked for.
    null: bool,
}

#[derive(Default)]
struct Facts {
    variables: BTreeMap<String, Variable>,
    numbers: Vec<f64>,
    texts: BTreeSet<String>,
    parts: usize,
}

impl Facts {
    /// False if it is deeper than it is looked into.
    fn read(&mut self, condition: &Condition, depth: usize) -> bool {
        self.parts += 1;
        if depth > MAX_DEPTH {
            return false;
        }
        match condition {
            Condition::And(left, right) | Condition::Or(left, right) | Condition::Xor(left, right) => {
                self.read(left, depth + 1) && self.read(right, depth + 1)
            }
            Condition::Not(inner) | Condition::Is(inner, _) => self.read(inner, depth + 1),
            Condition::Compare(_, left, right) | Condition::Same(left, right) => {
                self.term(left);
                self.term(right);
                true
            }
            Condition::Like { text, pattern, .. } => {
                self.term(text);
                self.term(pattern);
                true
            }
            Condition::In(term, list) => {
                self.term(term);
                list.iter().for_each(|term| self.term(term));
                true
            }
            Condition::IsNull(term) => {
                self.term(term);
                self.null(term);
                true
            }
            Condition::Unknown(key) => {
                self.variables.entry(key.clone()).or_default().truth = true;
                true
            }
            Condition::Always => true,
        }
    }

    fn term(&mut self, term: &Term) {
        self.parts += 1;
        match term {
            Term::Null => {}
            Term::Number(number) => self.numbers.push(*number),
            Term::Text(text) => {
                // A pattern's plain text fits it.
                self.texts.insert(text.replace(['%', '_'], ""));
            }
            Term::Variable { key, natural, truth, .. } => {
                let variable = self.variables.entry(key.clone()).or_default();
                variable.natural |= natural;
                variable.truth |= truth;
            }
            Term::Arithmetic(_, left, right) => {
                self.term(left);
                self.term(right);
            }
        }
    }

    fn null(&mut self, term: &Term) {
        match term {
            Term::Variable { key, .. } => self.variables.entry(key.clone()).or_default().null = true,
            Term::Arithmetic(_, left, right) => {
                self.null(left);
                self.null(right);
            }
            Term::Null | Term::Number(_) | Term::Text(_) => {}
        }
    }

    fn values(&self, variable: &Variable) -> Vec<Value> {
        if variable.truth {
            return vec![Value::Number(0.0), Value::Number(1.0)];
        }
        let mut values = vec![Value::Number(1.0), Value::Number(7_919.0)];
        if variable.null {
            values.push(Value::Null);
        }
        if !variable.natural {
            values.push(Value::Number(-7_919.0));
            values.push(Value::Text("zq".to_owned()));
            values.push(Value::Text(String::new()));
        }
        for number in self.numbers.iter().take(3) {
            for near in [*number, number + 1.0, number - 1.0] {
                let value = Value::Number(near);
                if !values.contains(&value) && (near >= 0.0 || !variable.natural) {
                    values.push(value);
                }
            }
        }
        if !variable.natural {
            values.extend(self.texts.iter().take(3).cloned().map(Value::Text));
        }
        values.truncate(MAX_VALUES);
        values
    }
}

type Row<'a> = BTreeMap<&'a str, Value>;

/// In the logic of three values: `None` is UNKNOWN.
fn holds(condition: &Condition, row: &Row<'_>) -> Option<bool> {
    match condition {
        Condition::And(left, right) => match (holds(left, row), holds(right, row)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Condition::Or(left, right) => match (holds(left, row), holds(right, row)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Condition::Xor(left, right) => Some(holds(left, row)? != holds(right, row)?),
        Condition::Not(inner) => holds(inner, row).map(|holds| !holds),
        Condition::Compare(comparison, left, right) => {
            let (left, right) = (value(left, row), value(right, row));
            let order = order(&left, &right)?;
            Some(match comparison {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
            })
        }
        Condition::Same(left, right) => Some(match (value(left, row), value(right, row)) {
            (Value::Null, Value::Null) => true,
            (left, right) => order(&left, &right).is_some_and(std::cmp::Ordering::is_eq),
        }),
        Condition::In(term, list) => {
            let wanted = value(term, row);
            let mut unknown = false;
            for one in list {
                match order(&wanted, &value(one, row)) {
                    Some(order) if order.is_eq() => return Some(true),
                    Some(_) => {}
                    None => unknown = true,
                }
            }
            if unknown { None } else { Some(false) }
        }
        Condition::Like { text, pattern, folds } => {
            let (Some(text), Some(pattern)) = (text_of(&value(text, row)), text_of(&value(pattern, row)))
            else {
                return None;
            };
            let fold = |text: String| if *folds { text.to_lowercase() } else { text };
            Some(text == pattern || like(&fold(text), &fold(pattern)))
        }
        Condition::IsNull(term) => Some(value(term, row) == Value::Null),
        Condition::Is(inner, wanted) => Some(holds(inner, row) == *wanted),
        Condition::Unknown(key) => row.get(key.as_str()).map(|value| *value == Value::Number(1.0)),
        Condition::Always => Some(true),
    }
}

fn value(term: &Term, row: &Row<'_>) -> Value {
    match term {
        Term::Null => Value::Null,
        Term::Number(number) => Value::Number(*number),
        Term::Text(text) => Value::Text(text.clone()),
        Term::Variable { key, .. } => row.get(key.as_str()).cloned().unwrap_or(Value::Null),
        Term::Arithmetic(sign, left, right) => {
            let (Some(left), Some(right)) = (number(&value(left, row)), number(&value(right, row))) else {
                return Value::Null;
            };
            Value::Number(match sign {
                '+' => left + right,
                '-' => left - right,
                _ => left * right,
            })
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => None,
        Value::Number(number) => Some(*number),
        Value::Text(text) => Some(text.trim().parse().unwrap_or(0.0)),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Number(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
    }
}

fn order(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => number(left)?.partial_cmp(&number(right)?),
    }
}
