//! Values of options.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::error::CliError;

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Yes.
    #[value(alias = "true", alias = "yes")]
    On,
    /// No.
    #[value(alias = "false", alias = "no")]
    Off,
}

impl Switch {
    /// As JSON.
    pub(crate) fn json(self) -> Value {
        Value::Bool(self == Self::On)
    }
}

/// A duration in whole seconds, such as `30m`, `90s` or `1h 30m`.
///
/// # Errors
/// What was expected.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let expected = || "expected a duration in whole seconds, such as `90s`, `30m` or `1h 30m`".to_owned();
    let duration: Duration = humantime::parse_duration(text.trim()).map_err(|_| expected())?;
    if duration.subsec_nanos() != 0 || duration.is_zero() {
        return Err(expected());
    }
    Ok(duration.as_secs())
}

/// Reads how many there may be at the most.
///
/// # Errors
/// What was expected.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    let expected = || "expected a whole number above 0".to_owned();
    text.parse().ok().filter(|count| *count > 0).ok_or_else(expected)
}

/// A duration, or `default` for the service's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(Option<u64>);

impl Limit {
    /// As JSON: seconds or null.
    pub(crate) fn json(self) -> Value {
        self.0.map_or(Value::Null, Value::from)
    }
}

/// Reads a [`Limit`].
///
/// # Errors
/// What was expected.
pub(crate) fn limit(text: &str) -> Result<Limit, String> {
    if text.eq_ignore_ascii_case("default") {
        return Ok(Limit(None));
    }
    seconds(text).map(|seconds| Limit(Some(seconds))).map_err(|expected| format!("{expected}, or `default`"))
}

/// A bound on changed rows, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowBound(Option<u64>);

impl RowBound {
    /// As JSON: the number or null.
    pub(crate) fn json(self) -> Value {
        self.0.map_or(Value::Null, Value::from)
    }
}

/// Reads a [`RowBound`]: a number of rows, or `off`.
///
/// # Errors
/// What was expected.
pub(crate) fn row_bound(text: &str) -> Result<RowBound, String> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(RowBound(None));
    }
    let rows = text.parse().ok().filter(|rows| *rows > 0);
    rows.map(|rows| RowBound(Some(rows)))
        .ok_or_else(|| "expected a number of rows above 0, or `off`".to_owned())
}

/// An instant: RFC 3339, or how long ago (`2h`).
///
/// # Errors
/// What was expected.
pub(crate) fn instant(text: &str) -> Result<String, String> {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    let expected =
        || "expected an instant such as `2026-11-23T04:00:00Z`, or how long ago, such as `2h`".to_owned();
    let at = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => at.to_offset(time::UtcOffset::UTC),
        Err(_) => OffsetDateTime::now_utc() - humantime::parse_duration(text).map_err(|_| expected())?,
    };
    at.replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok()).ok_or_else(expected)
}

/// `--guardrail` options: names of presets, and rules as JSON objects; an empty one is none.
///
/// # Errors
/// [`CliError::Usage`] for an object that is none.
pub(crate) fn rules(options: &[String]) -> Result<Value, CliError> {
    let rule = |option: &&String| !option.trim().is_empty();
    let read = |option: &String| match option.trim_start().starts_with('{') {
        false => Ok(Value::String(option.trim().to_owned())),
        true => serde_json::from_str(option)
            .map_err(|error| CliError::Usage(format!("--guardrail `{option}` is no JSON object: {error}"))),
    };
    options.iter().filter(rule).map(read).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// An instant that is to come: RFC 3339, or how long from now (`2h`).
///
/// # Errors
/// What was expected.
pub(crate) fn until(text: &str) -> Result<String, String> {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    let expected = || {
        "expected an instant such as `2026-11-23T18:00:00Z`, or how long from now, such as `2h`".to_owned()
    };
    let at = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => at.to_offset(time::UtcOffset::UTC),
        Err(_) => OffsetDateTime::now_utc() + humantime::parse_duration(text).map_err(|_| expected())?,
    };
    at.replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok()).ok_or_else(expected)
}

/// A list option without its empty entries, so that `''` is the empty list.
pub(crate) fn list(items: &[String]) -> Vec<String> {
    items.iter().map(|item| item.trim()).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Adds and removes names, keeping the order.
pub(crate) fn edit(names: &[String], add: &[String], remove: &[String]) -> Vec<String> {
    let remove = list(remove);
    let mut out: Vec<String> = names.iter().filter(|name| !remove.contains(name)).cloned().collect();
    for name in list(add) {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

/// Joins `--target` options: each a JSON object or `KEY=VALUE`, later ones over earlier ones. A value
/// that reads as a JSON number, `true`, `false`, a quoted string or an array is that; anything else is text.
///
/// # Errors
/// [`CliError::Usage`] for anything else.
pub(crate) fn target(options: &[String]) -> Result<Map<String, Value>, CliError> {
    let mut target = Map::new();
    for option in options {
        if option.trim_start().starts_with('{') {
            let object: Map<String, Value> = serde_json::from_str(option).map_err(|error| {
                CliError::Usage(format!("--target `{option}` is no JSON object: {error}"))
            })?;
            target.extend(object);
            continue;
        }
        let Some((key, value)) = option.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
            return Err(CliError::Usage(format!(
                "--target `{option}` is neither: expected KEY=VALUE, such as `path=demo.db`, or a JSON object"
            )));
        };
        let value = match serde_json::from_str(value) {
            Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::String(_) | Value::Array(_))) => value,
            _ => Value::String(value.to_owned()),
        };
        target.insert(key.trim().to_owned(), value);
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_whole_seconds() {
        assert_eq!(seconds("30m"), Ok(1800));
        assert_eq!(seconds("1h 30m"), Ok(5400));
        for wrong in ["30", "", "soon", "1500ms", "0s", "-5m"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(limit("default").unwrap().json(), Value::Null);
    }

    #[test]
    fn targets_are_pairs_or_objects_and_the_last_one_wins() {
        let options = [
            "path=demo.db",
            r#"{"max_rows": 5, "path": "x"}"#,
            "path=y=z",
            "max_rows=7",
            "s=\"8\"",
            r#"program=["bash"]"#,
        ];
        let target = target(&options.map(str::to_owned)).unwrap();
        assert_eq!(
            Value::Object(target),
            json!({"path": "y=z", "max_rows": 7, "s": "8", "program": ["bash"]})
        );
    }

    #[test]
    fn what_is_no_pair_is_refused_with_what_was_expected() {
        let error = target(&["demo.db".to_owned()]).unwrap_err();
        insta::assert_snapshot!(error, @"--target `demo.db` is neither: expected KEY=VALUE, such as `path=demo.db`, or a JSON object");
    }

    #[test]
    fn editing_a_list_keeps_its_order_and_doubles_nothing() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let edited = edit(&names, &["d".to_owned(), "a".to_owned(), String::new()], &["b".to_owned()]);
        assert_eq!(edited, ["a", "c", "d"]);
    }
}
