//! A connection's `target` object, parsed strictly per kind.

use crate::{Caps, TargetError, TargetKind};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};

/// What a connection of one kind runs against, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetSpec {
    /// An SQLite file.
    Sqlite(SqliteSpec),
    /// A PostgreSQL server; its URL is the connection's secret.
    Postgres(PostgresSpec),
}

/// `{"path": "demo.db", "statement_timeout_seconds"?, "max_rows"?, "max_bytes"?}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteSpec {
    /// Path below the configured root; only plain components (no `..`, not absolute).
    pub path: PathBuf,
    /// The limits of this connection, with the defaults filled in.
    pub caps: Caps,
}

/// `{"statement_timeout_seconds"?, "max_rows"?, "max_bytes"?, "application_name"?, "ca_pem"?}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSpec {
    /// Shown in `pg_stat_activity`; default `countersign`. Printable ASCII, at most 63 bytes.
    pub application_name: String,
    /// Certificates (PEM) that alone may sign the server's, instead of the system's roots.
    pub ca_pem: Option<String>,
    /// The limits of this connection, with the defaults filled in.
    pub caps: Caps,
}

impl TargetSpec {
    /// Parses the `target` object of a connection.
    ///
    /// # Errors
    /// [`TargetError::Member`] with the JSON pointer of the first member that is missing, unknown,
    /// of the wrong type or out of its range.
    pub fn parse(kind: TargetKind, target: &Value) -> Result<Self, TargetError> {
        let Value::Object(object) = target else {
            return Err(TargetError::member("", "expected an object"));
        };
        match kind {
            TargetKind::Sqlite => {
                refuse_others(object, &["path"])?;
                Ok(Self::Sqlite(SqliteSpec { path: path(object)?, caps: caps(object)? }))
            }
            TargetKind::Postgres => {
                refuse_others(object, &["application_name", "ca_pem"])?;
                Ok(Self::Postgres(PostgresSpec {
                    application_name: application_name(object)?,
                    ca_pem: ca_pem(object)?,
                    caps: caps(object)?,
                }))
            }
        }
    }

    /// The kind of this target.
    #[must_use]
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Sqlite(_) => TargetKind::Sqlite,
            Self::Postgres(_) => TargetKind::Postgres,
        }
    }

    /// The limits that the connection sets.
    #[must_use]
    pub fn caps(&self) -> Caps {
        match self {
            Self::Sqlite(spec) => spec.caps,
            Self::Postgres(spec) => spec.caps,
        }
    }
}

const LIMITS: [&str; 3] = ["statement_timeout_seconds", "max_rows", "max_bytes"];

fn refuse_others(object: &Map<String, Value>, own: &[&str]) -> Result<(), TargetError> {
    let known = |name: &str| own.contains(&name) || LIMITS.contains(&name);
    match object.keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => {
            let shown: String = name.chars().take(64).collect();
            let mut expected: Vec<&str> = own.to_vec();
            expected.extend(LIMITS);
            Err(TargetError::member(
                &format!("/{}", shown.replace('~', "~0").replace('/', "~1")),
                format!("unknown member; expected one of `{}`", expected.join("`, `")),
            ))
        }
    }
}

fn caps(object: &Map<String, Value>) -> Result<Caps, TargetError> {
    let default = Caps::default();
    let timeout_seconds = number(object, "statement_timeout_seconds", &Caps::TIMEOUT_SECONDS)?;
    Ok(Caps {
        statement_timeout_ms: timeout_seconds.map_or(default.statement_timeout_ms, |s| s * 1000),
        max_rows: number(object, "max_rows", &Caps::ROWS)?.unwrap_or(default.max_rows),
        max_bytes: number(object, "max_bytes", &Caps::BYTES)?.unwrap_or(default.max_bytes),
    })
}

fn number(
    object: &Map<String, Value>,
    name: &str,
    range: &RangeInclusive<u64>,
) -> Result<Option<u64>, TargetError> {
    let Some(value) = object.get(name) else { return Ok(None) };
    match value.as_u64().filter(|number| range.contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(TargetError::member(
            &format!("/{name}"),
            format!("expected a whole number from {} to {}", range.start(), range.end()),
        )),
    }
}

fn path(object: &Map<String, Value>) -> Result<PathBuf, TargetError> {
    let refuse = |message: &str| Err(TargetError::member("/path", message));
    let Some(Value::String(text)) = object.get("path") else {
        return refuse(
            "expected the path of the database file below the configured root, for example `demo.db`",
        );
    };
    let plain = Path::new(text).components().all(|part| matches!(part, Component::Normal(_)));
    // A backslash separates on one system only; nobody needs it.
    if text.is_empty() || text.len() > 512 || !plain || text.contains(['\0', '\\']) || text.ends_with('/') {
        return refuse("expected a relative path below the configured root, without `..`, at most 512 bytes");
    }
    Ok(PathBuf::from(text))
}

fn application_name(object: &Map<String, Value>) -> Result<String, TargetError> {
    match object.get("application_name") {
        None => Ok("countersign".to_owned()),
        Some(Value::String(name))
            if (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() || b == b' ') =>
        {
            Ok(name.clone())
        }
        Some(_) => {
            Err(TargetError::member("/application_name", "expected 1 to 63 printable ASCII characters"))
        }
    }
}

fn ca_pem(object: &Map<String, Value>) -> Result<Option<String>, TargetError> {
    match object.get("ca_pem") {
        None => Ok(None),
        Some(Value::String(pem)) if pem.len() <= 16 * 1024 => match crate::postgres::roots(pem) {
            Ok(_) => Ok(Some(pem.clone())),
            Err(message) => Err(TargetError::member("/ca_pem", message)),
        },
        Some(_) => Err(TargetError::member("/ca_pem", "expected certificates in PEM, at most 16 KiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(kind: TargetKind, target: &Value) -> String {
        TargetSpec::parse(kind, target).unwrap_err().to_string()
    }

    #[test]
    fn defaults_fill_what_is_not_said() {
        let spec =
            TargetSpec::parse(TargetKind::Sqlite, &json!({"path": "a/demo.db", "max_rows": 5})).unwrap();
        let caps = Caps { max_rows: 5, ..Caps::default() };
        assert_eq!(spec, TargetSpec::Sqlite(SqliteSpec { path: "a/demo.db".into(), caps }));
        assert_eq!(spec.caps().statement_timeout_ms, 300_000);
        let spec =
            TargetSpec::parse(TargetKind::Postgres, &json!({"statement_timeout_seconds": 840})).unwrap();
        let TargetSpec::Postgres(postgres) = &spec else { panic!("another kind") };
        assert_eq!(
            (postgres.application_name.as_str(), spec.caps().statement_timeout_ms),
            ("countersign", 840_000)
        );
    }

    #[test]
    fn an_unknown_member_is_refused_by_its_pointer() {
        let error = refused(TargetKind::Postgres, &json!({"url": "x"}));
        assert!(error.starts_with("target `/url`: unknown member"), "{error}");
        assert!(
            refused(TargetKind::Sqlite, &json!({"path": "a", "application_name": "x"}))
                .contains("/application_name")
        );
    }

    #[test]
    fn a_limit_out_of_its_range_is_refused() {
        for value in [json!(0), json!(841), json!(-1), json!(1.5), json!("60"), Value::Null] {
            let error = refused(TargetKind::Postgres, &json!({"statement_timeout_seconds": value}));
            assert!(error.contains("from 1 to 840"), "{value}: {error}");
        }
        assert!(
            refused(TargetKind::Postgres, &json!({"max_bytes": 10 * 1024 * 1024 + 1})).contains("/max_bytes")
        );
    }

    #[test]
    fn a_path_that_leaves_the_root_is_refused() {
        for path in ["", "/etc/passwd", "../x.db", "a/../../x", "./x", "a\0b", "a\\b", "a/"] {
            assert!(refused(TargetKind::Sqlite, &json!({"path": path})).contains("/path"), "{path:?}");
        }
        assert!(refused(TargetKind::Sqlite, &json!({})).contains("/path"));
    }

    #[test]
    fn what_is_no_object_or_no_certificate_is_refused() {
        assert!(refused(TargetKind::Postgres, &json!([])).contains("expected an object"));
        assert!(refused(TargetKind::Postgres, &json!({"ca_pem": "x"})).contains("/ca_pem"));
        assert!(refused(TargetKind::Postgres, &json!({"application_name": "a\nb"})).contains("ASCII"));
    }
}
