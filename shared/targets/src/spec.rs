//! A connection's `target` object, parsed strictly per kind.

use crate::{Caps, RunnerSpec, TargetError, TargetKind};
use countersign_egress::{Network, Policy};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};

/// What a connection of one kind runs against, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetSpec {
    /// An SQLite file.
    Sqlite(SqliteSpec),
    /// A PostgreSQL server; its URL is the connection's secret.
    Postgres(PostgresSpec),
    /// A MySQL or MariaDB server; its URL is the connection's secret.
    Mysql(MysqlSpec),
    /// A service that is called over HTTP.
    Http(HttpSpec),
    /// A program that a runner starts.
    Runner(RunnerSpec),
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

/// `{"statement_timeout_seconds"?, "max_rows"?, "max_bytes"?, "ca_pem"?}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlSpec {
    /// Certificates (PEM) that alone may sign the server's, instead of the system's roots.
    pub ca_pem: Option<String>,
    /// The limits of this connection, with the defaults filled in.
    pub caps: Caps,
}

/// `{"base_url", "allow"?, "headers"?, "statement_timeout_seconds"?, "max_rows"?, "max_bytes"?}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSpec {
    /// Scheme and authority of every call, and the beginning of its path; without a `/` at its end.
    pub base_url: String,
    /// Private networks that may be reached.
    pub allow: Vec<Network>,
    /// Headers of every call. They are no secret.
    pub headers: BTreeMap<String, String>,
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
            TargetKind::Mysql => {
                refuse_others(object, &["ca_pem"])?;
                Ok(Self::Mysql(MysqlSpec { ca_pem: ca_pem(object)?, caps: caps(object)? }))
            }
            TargetKind::Http => {
                refuse_others(object, &["base_url", "allow", "headers"])?;
                let allow = networks(object)?;
                Ok(Self::Http(HttpSpec {
                    base_url: base_url(object, &allow)?,
                    headers: headers(object)?,
                    allow,
                    caps: caps(object)?,
                }))
            }
            TargetKind::Runner => {
                refuse_others(object, &["runner", "program"])?;
                Ok(Self::Runner(crate::runner::spec(object, caps(object)?)?))
            }
        }
    }

    /// Whether the target is on the executor's own machine, which only a machine that runs everything
    /// allows ([`crate::Environment::loopback_http`]): elsewhere such a connection never runs.
    #[must_use]
    pub fn is_on_loopback(&self) -> bool {
        match self {
            Self::Http(spec) => crate::http::is_on_loopback(&spec.base_url),
            Self::Sqlite(_) | Self::Postgres(_) | Self::Mysql(_) | Self::Runner(_) => false,
        }
    }

    /// The kind of this target.
    #[must_use]
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Sqlite(_) => TargetKind::Sqlite,
            Self::Postgres(_) => TargetKind::Postgres,
            Self::Mysql(_) => TargetKind::Mysql,
            Self::Http(_) => TargetKind::Http,
            Self::Runner(_) => TargetKind::Runner,
        }
    }

    /// The limits that the connection sets.
    #[must_use]
    pub fn caps(&self) -> Caps {
        match self {
            Self::Sqlite(spec) => spec.caps,
            Self::Postgres(spec) => spec.caps,
            Self::Mysql(spec) => spec.caps,
            Self::Http(spec) => spec.caps,
            Self::Runner(spec) => spec.caps,
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
        Some(Value::String(pem)) if pem.len() <= 16 * 1024 => match crate::tls::roots(pem) {
            Ok(_) => Ok(Some(pem.clone())),
            Err(message) => Err(TargetError::member("/ca_pem", message)),
        },
        Some(_) => Err(TargetError::member("/ca_pem", "expected certificates in PEM, at most 16 KiB")),
    }
}

/// Checked as far as it can be without asking for names. Loopback is left to the machine that runs it.
fn base_url(object: &Map<String, Value>, allow: &[Network]) -> Result<String, TargetError> {
    let refuse = |message: &str| Err(TargetError::member("/base_url", message));
    let Some(Value::String(text)) = object.get("base_url") else {
        return refuse("expected where the service is, for example `https://api.example.com`");
    };
    let policy = Policy { allow: allow.to_vec(), loopback: true };
    match crate::http::check_base(text, &policy) {
        Ok(()) => Ok(text.trim_end_matches('/').to_owned()),
        Err(message) => refuse(&message),
    }
}

fn networks(object: &Map<String, Value>) -> Result<Vec<Network>, TargetError> {
    let refuse = |message: String| TargetError::member("/allow", message);
    match object.get("allow") {
        None => Ok(Vec::new()),
        Some(Value::Array(networks)) if networks.len() <= 20 => networks
            .iter()
            .map(|network| match network {
                Value::String(text) => text.parse().map_err(|error| refuse(format!("{error}"))),
                _ => Err(refuse("expected networks such as `10.1.0.0/16`".to_owned())),
            })
            .collect(),
        Some(_) => Err(refuse("expected at most 20 networks such as `10.1.0.0/16`".to_owned())),
    }
}

fn headers(object: &Map<String, Value>) -> Result<BTreeMap<String, String>, TargetError> {
    let refuse = |message: &str| TargetError::member("/headers", message);
    let Some(value) = object.get("headers") else { return Ok(BTreeMap::new()) };
    let Value::Object(headers) = value else {
        return Err(refuse("expected an object of header names and values"));
    };
    if headers.len() > 20 {
        return Err(refuse("expected at most 20 headers"));
    }
    let checked = headers.iter().map(|(name, value)| match value {
        Value::String(value) if crate::http::is_free_header(name, value) => {
            Ok((name.to_ascii_lowercase(), value.clone()))
        }
        _ => Err(refuse(
            "expected names and printable values of headers; `authorization` and other credentials are the connection's secret, and `host`, `content-length` and their like are set by the client",
        )),
    });
    checked.collect()
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

    #[test]
    fn a_service_has_an_address_that_may_be_reached() {
        let parse = |target: Value| TargetSpec::parse(TargetKind::Http, &target);
        let spec =
            parse(json!({"base_url": "https://api.example.com/v1/", "headers": {"X-Team": "db"}})).unwrap();
        let TargetSpec::Http(http) = &spec else { panic!("another kind") };
        assert_eq!(http.base_url, "https://api.example.com/v1");
        assert_eq!(http.headers["x-team"], "db");
        assert!(!spec.is_on_loopback());
        assert!(parse(json!({"base_url": "http://127.0.0.1:8080"})).unwrap().is_on_loopback());
        assert!(parse(json!({"base_url": "https://10.1.2.3", "allow": ["10.1.0.0/16"]})).is_ok());
        for (pointer, target) in [
            ("/base_url", json!({})),
            ("/base_url", json!({"base_url": "api.example.com"})),
            ("/base_url", json!({"base_url": "http://api.example.com"})),
            ("/base_url", json!({"base_url": "https://api.example.com/x?y=1"})),
            ("/base_url", json!({"base_url": "https://api.example.com/#x"})),
            ("/base_url", json!({"base_url": "https://api.example.com/a/../b"})),
            ("/base_url", json!({"base_url": "https://u:p@api.example.com"})),
            ("/base_url", json!({"base_url": "https://10.1.2.3"})),
            ("/base_url", json!({"base_url": "https://169.254.169.254"})),
            ("/base_url", json!({"base_url": "https://[::ffff:10.0.0.1]"})),
            ("/allow", json!({"base_url": "https://a.example.com", "allow": ["127.0.0.0/8"]})),
            ("/allow", json!({"base_url": "https://a.example.com", "allow": ["169.254.0.0/16"]})),
            ("/headers", json!({"base_url": "https://a.example.com", "headers": {"Authorization": "x"}})),
            ("/headers", json!({"base_url": "https://a.example.com", "headers": {"x": "a\nb"}})),
            ("/headers", json!({"base_url": "https://a.example.com", "headers": {"host": "b"}})),
            ("/token", json!({"base_url": "https://a.example.com", "token": "x"})),
        ] {
            let error = parse(target.clone()).unwrap_err().to_string();
            assert!(error.contains(pointer), "{target}: {error}");
        }
    }
}
