//! What a runner starts: a fixed program that reads the approved command from its standard input.
//!
//! Nothing here starts it: `countersign runner` does, on another machine.

use crate::{Caps, TargetError};
use serde_json::{Map, Value};

/// `{"program": ["bash", "-s"], "runner"?, "statement_timeout_seconds"?, "max_rows"?, "max_bytes"?}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerSpec {
    /// Which runner, for people; who may run it is a matter of tokens.
    pub runner: Option<String>,
    /// The program and its arguments. No shell looks at them.
    pub program: Vec<String>,
    /// The limits of this connection, with the defaults filled in.
    pub caps: Caps,
}

/// Why nothing else runs such a command.
pub(crate) const ELSEWHERE: &str = "a `runner` connection runs where its `countersign runner` is, not here";

const MOST_ARGUMENTS: usize = 32;
const MOST_BYTES: usize = 1024;

/// Clients of databases: their escapes (`\!`, `source`, `\copy`) run what no guardrail has seen.
const SQL_CLIENTS: [&str; 32] = [
    "bq",
    "clickhouse",
    "clickhouse-client",
    "clickhouse-local",
    "cockroach",
    "cqlsh",
    "db2",
    "duckdb",
    "iredis",
    "isql",
    "iusql",
    "litecli",
    "mariadb",
    "mongo",
    "mongosh",
    "mssql-cli",
    "mycli",
    "mysql",
    "mysqlsh",
    "osql",
    "pgcli",
    "psql",
    "redis-cli",
    "snowsql",
    "sqlcl",
    "sqlcmd",
    "sqlite",
    "sqlite3",
    "sqlplus",
    "tsql",
    "usql",
    "valkey-cli",
];

/// Reads the members that are a runner's own.
pub(crate) fn spec(object: &Map<String, Value>, caps: Caps) -> Result<RunnerSpec, TargetError> {
    Ok(RunnerSpec { runner: runner(object)?, program: program(object)?, caps })
}

fn runner(object: &Map<String, Value>) -> Result<Option<String>, TargetError> {
    match object.get("runner") {
        None => Ok(None),
        Some(Value::String(name))
            if (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(Some(name.clone()))
        }
        Some(_) => Err(TargetError::member("/runner", "expected 1 to 64 visible ASCII characters")),
    }
}

fn program(object: &Map<String, Value>) -> Result<Vec<String>, TargetError> {
    let refuse = |message: String| TargetError::member("/program", message);
    let Some(Value::Array(words)) = object.get("program") else {
        return Err(refuse(
            "expected the program and its arguments, for example `[\"bash\", \"-s\"]`".to_owned(),
        ));
    };
    if !(1..=MOST_ARGUMENTS).contains(&words.len()) {
        return Err(refuse(format!("expected a program with at most {} arguments", MOST_ARGUMENTS - 1)));
    }
    let word = |word: &Value| match word {
        Value::String(text) if (1..=MOST_BYTES).contains(&text.len()) && !text.contains(char::is_control) => {
            Ok(text.clone())
        }
        _ => Err(refuse(format!(
            "expected words of 1 to {MOST_BYTES} bytes without control characters: no shell splits them"
        ))),
    };
    let words = words.iter().map(word).collect::<Result<Vec<_>, _>>()?;
    match words.iter().find_map(|word| sql_client(word)) {
        None => Ok(words),
        Some(client) => Err(refuse(format!(
            "`{client}` is a client of a database, whose escapes run what no guardrail has seen: make a connection of the database's own kind"
        ))),
    }
}

/// The client that a word names, by whatever path, or within the text of a `-c`.
fn sql_client(word: &str) -> Option<&'static str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    word.split(|c| !is_part(c)).find_map(|part| {
        let part = part.to_ascii_lowercase();
        let name = part.strip_suffix(".exe").unwrap_or(&part);
        SQL_CLIENTS.into_iter().find(|client| *client == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TargetKind, TargetSpec};
    use serde_json::json;

    fn parse(target: &Value) -> Result<TargetSpec, TargetError> {
        TargetSpec::parse(TargetKind::Runner, target)
    }

    #[test]
    fn a_program_is_words_and_not_a_line() {
        let spec =
            parse(&json!({ "program": ["bash", "-s"], "max_rows": 7, "runner": "cluster-1" })).unwrap();
        let TargetSpec::Runner(spec) = spec else { panic!("another kind") };
        assert_eq!(spec.program, ["bash", "-s"]);
        assert_eq!((spec.runner.as_deref(), spec.caps.max_rows), (Some("cluster-1"), 7));
        let long = vec!["x"; 33];
        for program in [json!("bash -s"), json!([]), json!([""]), json!([1]), json!(["a\nb"]), json!(long)] {
            let error = parse(&json!({ "program": program })).unwrap_err().to_string();
            assert!(error.contains("/program"), "{error}");
        }
        assert!(parse(&json!({})).unwrap_err().to_string().contains("/program"));
        assert!(
            parse(&json!({ "program": ["a"], "runner": "a b" })).unwrap_err().to_string().contains("/runner")
        );
    }

    #[test]
    fn no_client_of_a_database_is_a_program() {
        for program in [
            json!(["psql"]),
            json!(["/usr/bin/PSQL", "-f", "-"]),
            json!(["env", "X=1", "mysql"]),
            json!(["sqlite3.exe"]),
            json!(["bash", "-c", "exec /opt/bin/mariadb"]),
            json!(["kubectl", "exec", "-i", "db-0", "--", "psql"]),
        ] {
            let error = parse(&json!({ "program": program })).unwrap_err().to_string();
            assert!(error.contains("client of a database"), "{program}: {error}");
        }
        for program in
            [json!(["bash", "-s"]), json!(["kubectl", "apply", "-f", "-"]), json!(["mysqldump-report"])]
        {
            assert!(parse(&json!({ "program": program })).is_ok(), "{program}");
        }
    }
}
