//! Rules from a connection's `guardrails`.

use super::only::Only;
use super::{Deny, Rule, RuleSet, preset};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("guardrail {pointer}: {message}")]
pub struct RuleError {
    /// Where in the list, as a JSON pointer.
    pub pointer: String,
    /// What was expected, what came.
    pub message: String,
}

/// Bounds that keep a connection small and a check quick.
const MAX_RULES: usize = 50;
const MAX_ENTRIES: usize = 100;
const MAX_TEXT: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    deny: Option<RawDeny>,
    #[serde(default)]
    only: Option<RawOnly>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOnly {
    commands: Vec<String>,
    #[serde(default)]
    variables: Vec<String>,
    #[serde(default)]
    reads: Vec<String>,
    #[serde(default)]
    writes: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawDeny {
    statement: Vec<String>,
    table: Vec<String>,
    written_table: Vec<String>,
    function: Vec<String>,
    missing_where: bool,
    multiple_statements: bool,
    not_a_read: bool,
    words: Vec<String>,
    pattern: Option<String>,
    output_pattern: Option<String>,
}

impl RuleSet {
    /// Reads the rules of a connection: each a preset's name, or an object with `name`, `message`
    /// and `deny`.
    ///
    /// # Errors
    /// The first rule that cannot be used, with its place.
    pub fn parse(rules: &[Value]) -> Result<Self, RuleError> {
        if rules.len() > MAX_RULES {
            return Err(error(
                String::new(),
                format!("expected at most {MAX_RULES} rules, came {}", rules.len()),
            ));
        }
        let mut parsed: Vec<Rule> = Vec::new();
        for (place, value) in rules.iter().enumerate() {
            let rule = rule(value, &format!("/{place}"))?;
            if parsed.iter().any(|other| other.name == rule.name) {
                return Err(error(
                    format!("/{place}/name"),
                    format!("a rule `{}` stands there already", rule.name),
                ));
            }
            parsed.push(rule);
        }
        Ok(Self { rules: parsed })
    }
}

fn error(pointer: impl Into<String>, message: impl Into<String>) -> RuleError {
    RuleError { pointer: pointer.into(), message: message.into() }
}

fn rule(value: &Value, at: &str) -> Result<Rule, RuleError> {
    if let Value::String(name) = value {
        return preset::rule(name).ok_or_else(|| {
            error(at, format!("no preset `{name}`; there are {}", super::PRESETS.join(", ")))
        });
    }
    let raw = RawRule::deserialize(value).map_err(|problem| {
        error(
            at,
            format!("expected a preset's name or {{\"name\", \"message\", \"deny\" or \"only\"}}: {problem}"),
        )
    })?;
    let name = raw.name.trim();
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return Err(error(format!("{at}/name"), "expected a name of 1 to 80 characters in one line"));
    }
    let message = raw.message.unwrap_or_else(|| match raw.only {
        Some(_) => "only the listed commands are allowed on this connection".to_owned(),
        None => format!("blocked by the guardrail `{name}`"),
    });
    if message.trim().is_empty() || message.chars().count() > MAX_TEXT {
        return Err(error(
            format!("{at}/message"),
            format!("expected a message of 1 to {MAX_TEXT} characters"),
        ));
    }
    let name = name.to_owned();
    match (raw.deny, raw.only) {
        (Some(raw), None) => {
            Ok(Rule { name, message, deny: deny(raw, &format!("{at}/deny"))?, is_preset: false, only: None })
        }
        (None, Some(raw)) => {
            let only = only(raw, &format!("{at}/only"))?;
            Ok(Rule { name, message, deny: Deny::default(), is_preset: false, only: Some(only) })
        }
        _ => Err(error(at, "expected either `deny` or `only`")),
    }
}

fn only(raw: RawOnly, at: &str) -> Result<Only, RuleError> {
    let commands = entries(raw.commands, &format!("{at}/commands"))?;
    if commands.is_empty() {
        return Err(error(format!("{at}/commands"), "expected at least one command"));
    }
    let variables = entries(raw.variables, &format!("{at}/variables"))?;
    let reads = entries(raw.reads, &format!("{at}/reads"))?;
    let writes = entries(raw.writes, &format!("{at}/writes"))?;
    Only::parse(&commands, variables, reads, writes)
        .map_err(|(member, place, why)| error(format!("{at}/{member}/{place}"), why))
}

fn deny(raw: RawDeny, at: &str) -> Result<Deny, RuleError> {
    let deny = Deny {
        statement: entries(raw.statement, &format!("{at}/statement"))?
            .into_iter()
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase())
            .collect(),
        table: entries(raw.table, &format!("{at}/table"))?,
        written_table: entries(raw.written_table, &format!("{at}/written_table"))?,
        function: entries(raw.function, &format!("{at}/function"))?,
        missing_where: raw.missing_where,
        multiple_statements: raw.multiple_statements,
        not_a_read: raw.not_a_read,
        words: entries(raw.words, &format!("{at}/words"))?
            .into_iter()
            .map(|text| text.split_whitespace().map(str::to_lowercase).collect())
            .collect(),
        pattern: pattern(raw.pattern, &format!("{at}/pattern"))?,
        output_pattern: pattern(raw.output_pattern, &format!("{at}/output_pattern"))?,
    };
    if !deny.needs_understanding()
        && deny.words.is_empty()
        && deny.pattern.is_none()
        && deny.output_pattern.is_none()
    {
        return Err(error(
            at,
            "expected at least one of statement, table, written_table, function, missing_where, multiple_statements, not_a_read, words, pattern, output_pattern",
        ));
    }
    Ok(deny)
}

fn entries(list: Vec<String>, at: &str) -> Result<Vec<String>, RuleError> {
    if list.len() > MAX_ENTRIES {
        return Err(error(at, format!("expected at most {MAX_ENTRIES} entries, came {}", list.len())));
    }
    for (place, text) in list.iter().enumerate() {
        if text.trim().is_empty() || text.len() > MAX_TEXT {
            return Err(error(format!("{at}/{place}"), format!("expected 1 to {MAX_TEXT} bytes of text")));
        }
    }
    Ok(list.into_iter().map(|text| text.trim().to_owned()).collect())
}

fn pattern(text: Option<String>, at: &str) -> Result<Option<Regex>, RuleError> {
    let Some(text) = text else { return Ok(None) };
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(error(at, format!("expected a regular expression of 1 to {MAX_TEXT} bytes")));
    }
    let built = RegexBuilder::new(&text).size_limit(1 << 20).dfa_size_limit(1 << 20).build();
    built
        .map(Some)
        .map_err(|problem| error(at, format!("not a regular expression that can be used: {problem}")))
}
